package cnn_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/kernelsmith/kernelsmith/data"
	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/cnn"
	"github.com/kernelsmith/kernelsmith/ntk/regress"
	"gonum.org/v1/gonum/mat"
)

func ExampleNewArchitecture() {
	conv := cnn.Conv{Filter: [2]int{3, 3}, Activation: ntk.ReLU{}, WeightStd: math.Sqrt2}
	pool := cnn.AveragePool{Window: [2]int{2, 2}}
	net := ntk.Must(cnn.NewArchitecture(cnn.Image{Height: 32, Width: 32, Channels: 3},
		[]cnn.Layer{conv, conv, pool, conv, pool, conv, pool},
		cnn.Readout{WeightStd: 1, GlobalAverage: true}))
	fmt.Println(net)
	fmt.Println(len(net.Layers()), net.Image().Height, net.Readout().GlobalAverage)
	same := ntk.Must(cnn.NewArchitecture(net.Image(), net.Layers(), net.Readout()))
	fmt.Println(same.Fingerprint() == net.Fingerprint())
	conv.Stride = [2]int{4, 4}
	_, err := cnn.NewArchitecture(net.Image(), []cnn.Layer{conv}, net.Readout())
	fmt.Println(err)
	// Output:
	// 32×32×3, 3×3 ReLU, 3×3 ReLU, pool 2×2, 3×3 ReLU, pool 2×2, 3×3 ReLU, pool 2×2, global average
	// 7 32 true
	// true
	// cnn: layer 1, down: the stride 4 is longer than the window of 3 and would leave pixels out
}

// With a global average a net does not see where something is, and with a flattened readout it
// does: of a dot at two places, and of nothing.
func ExampleGramInto() {
	conv := cnn.Conv{Filter: [2]int{3, 3}, Padding: cnn.Circular, Activation: ntk.ReLU{},
		WeightStd: math.Sqrt2, BiasStd: 0.1}
	images := ntk.Inputs[float64]{Rows: make([]float64, 3*16), N: 3, D: 16}
	images.Rows[5], images.Rows[16+10] = 1, 1
	for _, average := range []bool{true, false} {
		net := ntk.Must(cnn.NewArchitecture(cnn.Image{Height: 4, Width: 4, Channels: 1},
			[]cnn.Layer{conv, conv}, cnn.Readout{WeightStd: 1, GlobalAverage: average}))
		k := make([]float64, 9)
		ntk.Must(0, cnn.GramInto(context.Background(), nil, k, net, images, nil))
		fmt.Printf("%.4f\n", k[:3])
	}
	// Output:
	// [0.0615 0.0615 0.0272]
	// [0.2125 0.0498 0.0272]
}

// An estimate comes before the work, and may be an error.
func ExampleCrossInto() {
	conv := cnn.Conv{Filter: [2]int{3, 3}, Activation: ntk.ReLU{}, WeightStd: math.Sqrt2}
	net := ntk.Must(cnn.NewArchitecture(cnn.Image{Height: 16, Width: 16, Channels: 1},
		[]cnn.Layer{conv, conv}, cnn.Readout{WeightStd: 1, GlobalAverage: true}))
	images := ntk.Inputs[float32]{Rows: make([]float32, 100*256), N: 100, D: 256}
	k := make([]float32, 100*100)
	err := cnn.CrossInto(context.Background(), k, nil, net, images, images,
		&cnn.Settings{MaxTime: time.Microsecond})
	var late *cnn.TooLongError
	fmt.Println(errors.As(err, &late), late.Estimate > late.Max)
	// Output: true true
}

// Kernel regression on handwritten digits, with the NTK of a fully connected net and with both
// kernels of a convolutional one.
func ExampleGramTiles() {
	ctx := context.Background()
	digits := data.Digits()
	const n, m = 200, 200
	x, z := ntk.Inputs[float64]{N: n, D: 64}, ntk.Inputs[float64]{N: m, D: 64}
	y := mat.NewDense(n, 10, nil)
	for i := range n + m {
		row := digits.Row(i, make([]float64, 64))
		if i < n {
			x.Rows = append(x.Rows, row...)
			y.Set(i, digits.Labels[i], 1)
		} else {
			z.Rows = append(z.Rows, row...)
		}
	}
	conv := cnn.Conv{Filter: [2]int{3, 3}, Activation: ntk.ReLU{}, WeightStd: math.Sqrt2}
	net := ntk.Must(cnn.NewArchitecture(cnn.Image{Height: 8, Width: 8, Channels: 1},
		[]cnn.Layer{conv, conv}, cnn.Readout{WeightStd: 1}))
	train, test := ntk.Must(cnn.GramTiles(ctx, net, x)), ntk.Must(cnn.CrossTiles(ctx, net, z, x))
	fmt.Println(test.Dims())
	fmt.Println("an hour is enough:", train.Estimate() < time.Hour)
	k := make([]float64, 2)
	ntk.Must(0, test.Tile(ctx, k[:1], k[1:], 0, 1, 0, 1))
	fmt.Println("the NTK is larger:", k[1] > k[0])
	K := ntk.Must(ntk.Must(ntk.UniformFCN(2, ntk.ReLU{}, math.Sqrt2, 0)).NTK())
	for _, kernels := range [][2]ntk.Tiles[float64]{
		{ntk.Must(ntk.GramTiles(ctx, K, x)), ntk.Must(ntk.CrossTiles(ctx, K, z, x))},
		{train.NNGP(), test.NNGP()},
		{train.NTK(), test.NTK()},
	} {
		fit := ntk.Must(regress.NewRidge(ctx, kernels[0], y, nil))
		f := ntk.Must(fit.Predict(ctx, kernels[1]))
		right := 0
		for i := range m {
			best := 0
			for c := range 10 {
				if f.At(i, c) > f.At(i, best) {
					best = c
				}
			}
			if best == digits.Labels[n+i] {
				right++
			}
		}
		fmt.Println(right, "of", m, "right")
	}
	// Output:
	// 200 200
	// an hour is enough: true
	// the NTK is larger: true
	// 187 of 200 right
	// 190 of 200 right
	// 188 of 200 right
}

// Whitened patches of one norm. Without an activation the NNGP is the mean cosine between the
// patches of two images.
func ExampleFitWhitening() {
	ctx := context.Background()
	image := cnn.Image{Height: 8, Width: 8, Channels: 1}
	x := ntk.Inputs[float64]{N: 100, D: 64}
	for i := range x.N {
		x.Rows = append(x.Rows, data.Digits().Row(i, make([]float64, x.D))...)
	}
	patches := cnn.Patches{Filter: [2]int{3, 3}, Padding: cnn.Valid, Center: true,
		Normalize: cnn.EachPatch, Flat: true}
	patches.Whitening = ntk.Must(cnn.FitWhitening(ctx, patches, image, x,
		&cnn.WhiteningSettings{Epsilon: 0.01, MaxPatches: 2000, Seed: 1}))
	linear := ntk.Polynomial{Coeffs: []float64{0, 1}}
	net := ntk.Must(cnn.NewArchitecture(image, []cnn.Layer{patches,
		cnn.Conv{Filter: [2]int{1, 1}, Activation: linear, WeightStd: 1}},
		cnn.Readout{WeightStd: 1}))
	fmt.Println(net)
	fmt.Println(patches.Normalize)
	k := make([]float64, x.N*x.N)
	ntk.Must(0, cnn.GramInto(ctx, k, nil, net, x, nil))
	fmt.Printf("%.3f\n", k[:3])
	// Output:
	// 8×8×1, centred whitened 3×3 patches of one norm VALID, 1×1 polynomial of degree 1, flatten
	// EachPatch
	// [1.000 -0.075 0.188]
}

// Random features of one convolution stand for the net of infinitely many channels. The readout
// alone is trained: by kernel regression with the features' kernel.
func ExampleNewFeatures() {
	ctx := context.Background()
	const n, m = 200, 200
	train, test := ntk.Inputs[float32]{N: n, D: 64}, ntk.Inputs[float32]{N: m, D: 64}
	digits, y := data.Digits(), mat.NewDense(n, 10, nil)
	for i := range n + m {
		of := &train
		if i >= n {
			of = &test
		} else {
			y.Set(i, digits.Labels[i], 1)
		}
		for _, v := range digits.Row(i, make([]float64, 64)) {
			of.Rows = append(of.Rows, float32(v))
		}
	}
	conv := cnn.Conv{Filter: [2]int{3, 3}, Activation: ntk.ReLU{}, WeightStd: math.Sqrt2}
	pool := cnn.AveragePool{Window: [2]int{2, 2}}
	net := ntk.Must(cnn.NewArchitecture(cnn.Image{Height: 8, Width: 8, Channels: 1},
		[]cnn.Layer{conv, pool}, cnn.Readout{WeightStd: 1}))
	features := ntk.Must(cnn.NewFeatures(net, 500, 1))
	x, z := ntk.Must(features.Tiles(train)), ntk.Must(features.Tiles(test))
	fmt.Println(x.Dims())
	one := make([]float32, 1)
	ntk.Must(0, x.Tile(ctx, one, 0, 1, 0, 1))
	fmt.Println("feature 0 is not negative:", one[0] >= 0)

	k := make([]float64, n*n)
	ntk.Must(0, x.GramInto(ctx, k, nil))
	fit := ntk.Must(regress.NewRidge(ctx, ntk.MatrixTiles(mat.NewDense(n, n, k)), y,
		&regress.RidgeSettings{RelativeRidge: 1e-4}))
	weights := ntk.Must(x.Weights(ctx, fit.Weights(), nil))
	fmt.Println(weights.Dims())
	f := ntk.Must(z.Times(ctx, weights, nil))
	right := 0
	for i := range m {
		best := 0
		for c, v := range f.RawRowView(i) {
			if v > f.At(i, best) {
				best = c
			}
		}
		if best == digits.Labels[n+i] {
			right++
		}
	}
	fmt.Println(right, "of", m, "right")
	// Output:
	// 200 8000
	// feature 0 is not negative: true
	// 8000 10
	// 190 of 200 right
}

// A whitening is kept as JSON.
func ExampleWhitening_MarshalJSON() {
	image := cnn.Image{Height: 2, Width: 2, Channels: 1}
	x := ntk.Inputs[float64]{Rows: []float64{1, -1, 2, -2}, N: 1, D: 4}
	patches := cnn.Patches{Filter: [2]int{1, 1}}
	w := ntk.Must(cnn.FitWhitening(context.Background(), patches, image, x, nil))
	text := ntk.Must(json.Marshal(w))
	fmt.Println(string(text[:60]))
	patches.Whitening = new(cnn.Whitening)
	fmt.Println(json.Unmarshal(text, patches.Whitening))
	// Output:
	// {"format":"kernelsmith whitening","version":1,"image":[2,2,1
	// <nil>
}
