package cnn

import (
	"bytes"
	"encoding/json"
	"math"
	"testing"

	"github.com/kernelsmith/kernelsmith/internal/fuzzinput"
	"github.com/kernelsmith/kernelsmith/ntk"
)

// layersOf makes a layer of each four bytes: what it is, its window, its stride, its padding.
func layersOf(program []byte, a float64) (layers []Layer) {
	phis := []ntk.Activation{ntk.ReLU{}, ntk.Erf{}, ntk.Step{}, ntk.GELU{}, nil,
		ntk.Sin{Amplitude: 1, Frequency: a}}
	for ; len(program) >= 4 && len(layers) < 4; program = program[4:] {
		kind := program[0]
		window := [2]int{int(program[1]) % 5, int(program[1]) / 5 % 5}
		stride := [2]int{int(program[2]) % 4, int(program[2]) / 4 % 4}
		padding := Padding(int(program[3]) % 4)
		switch kind % 4 {
		case 0, 1:
			layers = append(layers, Conv{Filter: window, Stride: stride, Padding: padding,
				Activation: phis[int(kind)/4%len(phis)], WeightStd: a, BiasStd: 0.1,
				Frozen: kind > 200})
		case 2:
			layers = append(layers, AveragePool{Window: window, Stride: stride, Padding: padding})
		default:
			layers = append(layers, Patches{Filter: window, Stride: stride, Padding: padding,
				Center: kind&64 != 0, Normalize: Normalization(int(kind) / 4 % 4),
				Flat: kind > 127})
		}
	}
	return layers
}

// Architectures of any layers on images of any numbers: an error, or kernels that are finite,
// symmetric and within what Cauchy and Schwarz allow, and finite nets as large as they say.
func FuzzArchitecture(f *testing.F) {
	f.Add(fuzzinput.Bytes(1, 2, 3, 4, 5, 6, 7, 8, 0, 1, 0, 1), []byte{0, 12, 5, 0}, byte(2+5*2),
		1.4, false)
	f.Add(fuzzinput.Bytes(1, 2, 3, 4, 5, 6, 7, 8), []byte{4, 7, 0, 1, 2, 6, 0, 0}, byte(2+5*2),
		1.0, true)
	f.Add(fuzzinput.Bytes(1, 1, 1, 1, 1e30, 1, 1, 1), []byte{15, 6, 5, 1, 0, 6, 5, 0},
		byte(2+5*2), 1.0, false)
	f.Add(fuzzinput.Bytes(math.NaN(), 1), []byte{3, 0, 0, 3, 1, 1, 1, 1}, byte(0), -1.0, true)
	f.Fuzz(func(t *testing.T, b, program []byte, size byte, a float64, average bool) {
		image := Image{Height: int(size) % 5, Width: int(size) / 5 % 5,
			Channels: int(size) / 25 % 4, ChannelsFirst: average}
		if image.Channels == 0 {
			image.Channels = 1
		}
		layers := layersOf(program, a)
		arch, err := NewArchitecture(image, layers,
			Readout{GlobalAverage: average, WeightStd: 1, BiasStd: 0.1})
		if err != nil {
			return
		}
		if again, err := NewArchitecture(image, arch.Layers(), arch.Readout()); err != nil ||
			again.Fingerprint() != arch.Fingerprint() || again.String() != arch.String() {
			t.Errorf("%v comes back as %v, %v", arch, again, err)
		}
		v := fuzzinput.Numbers(b, 60)
		d := image.Height * image.Width * image.Channels
		n := min(3, len(v)/d)
		if n == 0 {
			return
		}
		x := ntk.Inputs[float64]{Rows: v[:n*d], N: n, D: d}
		nngp, tangent := make([]float64, n*n), make([]float64, n*n)
		if err := GramInto(t.Context(), nngp, tangent, arch, x, nil); err == nil {
			checkKernels(t, arch, x, nngp)
			checkKernels(t, arch, x, tangent)
		}
		if net, err := New(arch, Config{Width: 2, Outputs: 1}); err == nil {
			checkNet(t, net)
		}
		if f, err := NewFeatures(arch, 2, 1); err == nil {
			checkFeatures(t, f, x)
		}
	})
}

func checkKernels(t *testing.T, arch *Architecture, x ntk.Inputs[float64], k []float64) {
	t.Helper()
	n := x.N
	for i := range n {
		for j := range n {
			most := math.Sqrt(k[i*n+i]) * math.Sqrt(k[j*n+j])
			if v := k[i*n+j]; v != k[j*n+i] || !(math.Abs(v) <= most*(1+1e-9)) ||
				math.IsInf(v, 0) {
				t.Errorf("%v on %v: kernel %v", arch, x.Rows, k)
			}
		}
	}
}

func checkNet(t *testing.T, net *Net) {
	t.Helper()
	b := npzOf(t, net)
	again, err := readNPZ(b, net.arch)
	if err != nil || !sameParameters(net, again) {
		t.Errorf("%v: the net comes back as %v, %v", net.arch, again, err)
	}
	sum := 0
	for _, p := range net.Parameters() {
		sum += len(p.Values)
	}
	if net.Params() > sum {
		t.Errorf("%v: %d trained parameters of %d", net.arch, net.Params(), sum)
	}
}

func checkFeatures(t *testing.T, f *Features, x ntk.Inputs[float64]) {
	t.Helper()
	single := ntk.Inputs[float32]{N: x.N, D: x.D}
	for _, v := range x.Rows {
		single.Rows = append(single.Rows, float32(v))
	}
	tiles, err := f.Tiles(single)
	if err != nil {
		return
	}
	rows, columns := tiles.Dims()
	dst := make([]float32, rows*columns)
	if err := tiles.Tile(t.Context(), dst, 0, rows, 0, columns); err != nil {
		return
	}
	for _, v := range dst {
		if v != v || math.IsInf(float64(v), 0) {
			t.Errorf("features %v of %v", dst, single.Rows)
		}
	}
}

// Files of nets: an error, or a net that is written as it was read.
func FuzzNPZ(f *testing.F) {
	arch := ntk.Must(NewArchitecture(Image{Height: 2, Width: 2, Channels: 1},
		[]Layer{Conv{Filter: [2]int{2, 1}, Activation: ntk.ReLU{}, WeightStd: 1, BiasStd: 1}},
		Readout{WeightStd: 1}))
	b := npzOf(f, ntk.Must(New(arch, Config{Width: 2, Outputs: 1})))
	f.Add(b)
	f.Add(b[:len(b)/2])
	f.Add(bytes.ReplaceAll(b, []byte("2"), []byte("9")))
	f.Fuzz(func(t *testing.T, b []byte) {
		if net, err := readNPZ(b, arch); err == nil {
			checkNet(t, net)
			if 4*net.Params() > len(b) {
				t.Errorf("%d parameters from %d bytes", net.Params(), len(b))
			}
		}
	})
}

// Whitenings of any JSON: an error that leaves the old one as it was, or one that is written as it
// was read.
func FuzzWhitening(f *testing.F) {
	p := Patches{Filter: [2]int{1, 2}}
	x := ntk.Inputs[float64]{Rows: []float64{1, 2, 3, 4, 4, 1, 0, 2, 5, 1, 2, 7}, N: 3, D: 4}
	w := ntk.Must(FitWhitening(f.Context(), p, Image{Height: 2, Width: 2, Channels: 1}, x, nil))
	text := ntk.Must(json.Marshal(w))
	f.Add(text)
	f.Add(text[:len(text)-3])
	f.Add(bytes.ReplaceAll(text, []byte("1"), []byte("-9")))
	f.Add([]byte("null"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var got Whitening
		if err := json.Unmarshal(text, &got); err != nil {
			t.Fatal(err)
		}
		if err := got.UnmarshalJSON(b); err != nil {
			if after, _ := json.Marshal(&got); !bytes.Equal(after, text) {
				t.Errorf("after an error the whitening is %s", after)
			}
			return
		}
		first, err := json.Marshal(&got)
		if err != nil {
			t.Fatalf("%s: %v", b, err)
		}
		var again Whitening
		if err := json.Unmarshal(first, &again); err != nil {
			t.Fatalf("%s: %v", first, err)
		}
		if second, err := json.Marshal(&again); err != nil || !bytes.Equal(first, second) {
			t.Errorf("%s, then %s, %v", first, second, err)
		}
	})
}
