//go:build unix

package cnn

import (
	"encoding/json"
	"testing"

	"github.com/kernelsmith/kernelsmith/internal/hostile"
	"github.com/kernelsmith/kernelsmith/internal/regular"
	"github.com/kernelsmith/kernelsmith/ntk"
)

func TestHostileNets(t *testing.T) {
	arch := ntk.Must(NewArchitecture(Image{Height: 2, Width: 2, Channels: 1},
		[]Layer{Conv{Filter: [2]int{2, 1}, Activation: ntk.ReLU{}, WeightStd: 1, BiasStd: 1}},
		Readout{WeightStd: 1}))
	net := ntk.Must(New(arch, Config{Width: 2, Outputs: 1}))
	hostile.Reader{Name: "net.npz", Good: npzOf(t, net),
		Read: func(path string) (any, error) {
			n, err := Load(path, arch)
			if err != nil {
				return nil, err
			}
			return npzOf(t, n), nil
		}}.Check(t)
}

func TestHostileWhitenings(t *testing.T) {
	x := ntk.Inputs[float64]{Rows: []float64{1, 2, 3, 4, 4, 1, 0, 2, 5, 1, 2, 7}, N: 3, D: 4}
	w := ntk.Must(FitWhitening(t.Context(), Patches{Filter: [2]int{1, 2}},
		Image{Height: 2, Width: 2, Channels: 1}, x, nil))
	hostile.Reader{Name: "whitening.json", Good: ntk.Must(json.Marshal(w)), Loose: true,
		Unnamed: true,
		Read: func(path string) (any, error) {
			b, err := regular.Read(path, 1<<20)
			if err != nil {
				return nil, err
			}
			var w Whitening
			err = json.Unmarshal(b, &w)
			return &w, err
		},
		Bad: map[string][]byte{"claims": []byte(
			`{"Image": {"Height": 1000000, "Width": 1000000, "Channels": 1000000}}`)},
	}.Check(t)
}
