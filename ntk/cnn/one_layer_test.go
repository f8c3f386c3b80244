package cnn_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/cnn"
	"github.com/kernelsmith/kernelsmith/ntk/hermite"
	"github.com/kernelsmith/kernelsmith/ntk/inverse"
	"gonum.org/v1/gonum/mat"
)

// pooledGram is the matrix of a layer and a curve.
func pooledGram[T float32 | float64](
	l *cnn.OneLayer, κ inverse.Target, x ntk.Inputs[T],
) []T {
	t := ntk.Must(cnn.PooledGramTiles(context.Background(), l, κ, x))
	k := make([]T, x.N*x.N)
	ntk.Must(0, t.Into(context.Background(), k, nil))
	return k
}

// The kernels of one layer with any σ's and pooling are those of the reference, by the curve and by
// the code for any architecture, to 1e-12 and 1e-6.
func TestOneLayerReference(t *testing.T) {
	text, err := os.ReadFile("testdata/one_layer.json")
	if err != nil {
		t.Fatal(err)
	}
	var r struct {
		X     [][][]float64
		Cases []struct {
			B         []float64
			Readout   string
			SigmaW    float64 `json:"sigma_w"`
			SigmaB    float64 `json:"sigma_b"`
			SigmaV    float64 `json:"sigma_v"`
			SigmaO    float64 `json:"sigma_o"`
			NNGP, NTK [][]float64
		}
	}
	if err := json.Unmarshal(text, &r); err != nil || len(r.Cases) != 16 {
		t.Fatal(err, len(r.Cases))
	}
	x := ntk.Inputs[float64]{N: len(r.X), D: 16 * 12}
	for _, image := range r.X {
		for _, patch := range image {
			x.Rows = append(x.Rows, patch...)
		}
	}
	m := cnn.Image{Height: 4, Width: 4, Channels: 12}
	for _, c := range r.Cases {
		phi := ntk.Must(hermite.NewSeries(c.B))
		layers := []cnn.Layer{cnn.Conv{Filter: [2]int{1, 1}, Activation: phi,
			WeightStd: c.SigmaW, BiasStd: c.SigmaB}}
		readout := cnn.Readout{WeightStd: c.SigmaV, BiasStd: c.SigmaO}
		switch c.Readout {
		case "gap":
			readout.GlobalAverage = true
		case "window_2x2":
			layers = append(layers, cnn.AveragePool{Window: [2]int{2, 2}, Padding: cnn.Valid})
		case "window_3x3_overlap":
			layers = append(layers, cnn.AveragePool{Window: [2]int{3, 3}, Stride: [2]int{1, 1},
				Padding: cnn.Valid})
		}
		l := ntk.Must(cnn.NewOneLayer(m, layers, readout))
		net := ntk.Must(ntk.NewFCN([]ntk.Layer{{Activation: phi, WeightStd: c.SigmaW,
			BiasStd: c.SigmaB}}, ntk.Readout{WeightStd: c.SigmaV, BiasStd: c.SigmaO}))
		nngp, ntkK := kernels(ntk.Must(cnn.NewArchitecture(m, layers, readout)), x, x)
		for kind, k := range map[string]struct {
			curve   ntk.Kernel
			general []float64
			want    [][]float64
		}{
			"NNGP": {ntk.Must(net.NNGP()), nngp, c.NNGP},
			"NTK":  {ntk.Must(net.NTK()), ntkK, c.NTK},
		} {
			got, got32 := pooledGram(l, k.curve, x), pooledGram(l, k.curve, single(x))
			d := diagonal(got, x.N)
			if e := off(got, k.want, d, d); !(e < 1e-12) {
				t.Errorf("%v %s: off by %.2g", c.B, kind, e)
			}
			if e := off(got32, k.want, d, d); !(e < 1e-6) {
				t.Errorf("%v %s: off by %.2g in single precision", c.B, kind, e)
			}
			if e := off(k.general, k.want, d, d); !(e < 1e-12) {
				t.Errorf("%v %s: off by %.2g as an architecture", c.B, kind, e)
			}
		}
	}
}

var _ = []any{errors.Is, fmt.Sprint, math.Abs, rand.New, strings.Contains, time.Now, mat.NewDense}
