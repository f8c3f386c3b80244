package cnn_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/kernelsmith/kernelsmith/data"
	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/cnn"
	"github.com/kernelsmith/kernelsmith/ntk/inverse"
	"github.com/kernelsmith/kernelsmith/ntk/regress"
	"gonum.org/v1/gonum/mat"
)

// digitLayer is a layer on 3×3 patches of 8×8 digits, with four windows.
func digitLayer() *cnn.OneLayer {
	return ntk.Must(cnn.NewOneLayer(cnn.Image{Height: 8, Width: 8, Channels: 1}, []cnn.Layer{
		cnn.Patches{Filter: [2]int{3, 3}, Padding: cnn.Valid, Center: true,
			Normalize: cnn.EachPatch, Flat: true},
		cnn.Conv{Filter: [2]int{1, 1}}, cnn.AveragePool{Window: [2]int{3, 3}},
	}, cnn.Readout{}))
}

// someDigits are the digits [from, to), and their classes one-hot.
func someDigits(from, to int) (x ntk.Inputs[float64], y *mat.Dense) {
	digits := data.Digits()
	x, y = ntk.Inputs[float64]{N: to - from, D: 64}, mat.NewDense(to-from, 10, nil)
	for i := range x.N {
		x.Rows = append(x.Rows, digits.Row(from+i, make([]float64, 64))...)
		y.Set(i, digits.Labels[from+i], 1)
	}
	return x, y
}

// A curve over the cosine of patches, the activation whose net has it, and that net's NTK.
func ExampleNewOneLayer() {
	ctx := context.Background()
	layer := digitLayer()
	κ := ntk.Must(ntk.NewPowerSeries([]float64{0.1, 0.3, 0.1, 0.5}))
	designed := ntk.Must(inverse.Of(κ, nil))
	net := ntk.Must(layer.Architecture(designed.Phi))
	fmt.Println(net.Layers()[1].(cnn.Conv).Activation)

	x, _ := someDigits(0, 3)
	wanted, has := make([]float64, 9), make([]float64, 9)
	ntk.Must(0, ntk.Must(cnn.PooledGramTiles(ctx, layer, κ, x)).Into(ctx, wanted, nil))
	ntk.Must(0, cnn.GramInto(ctx, nil, has, net, x, nil))
	fmt.Printf("%.4f\n%.4f\n", wanted[:3], has[:3])
	// Output:
	// Hermite series of degree 3
	// [0.2044 0.1607 0.1525]
	// [0.2044 0.1607 0.1525]
}

// A curve is for patches of one norm; the architecture's own kernels are for all.
func ExampleOneLayer_Architecture() {
	ctx := context.Background()
	layer := ntk.Must(cnn.NewOneLayer(cnn.Image{Height: 2, Width: 2, Channels: 1},
		[]cnn.Layer{cnn.Conv{Filter: [2]int{1, 1}}}, cnn.Readout{}))
	x := ntk.Inputs[float64]{Rows: []float64{1, -1, 1, 2}, N: 1, D: 4}
	_, err := cnn.PooledGramTiles(ctx, layer, ntk.Must(ntk.GaussianKernel(1)), x)
	fmt.Println(err != nil)
	k := make([]float64, 1)
	ntk.Must(0, cnn.GramInto(ctx, k, nil, ntk.Must(layer.Architecture(ntk.ReLU{})), x, nil))
	fmt.Println(k)
	// Output:
	// true
	// [0.875]
}

// Kernel regression on handwritten digits with one layer of ReLU.
func ExamplePooledGramTiles() {
	ctx := context.Background()
	x, y := someDigits(0, 200)
	z, labels := someDigits(200, 400)
	κ := ntk.Must(ntk.Must(ntk.UniformFCN(1, ntk.ReLU{}, math.Sqrt2, 0)).NTK())
	train := ntk.Must(cnn.PooledGramTiles(ctx, digitLayer(), κ, x))
	test := ntk.Must(cnn.PooledCrossTiles(ctx, digitLayer(), κ, z, x))
	fmt.Println(test.Dims())
	fmt.Println("an hour is enough:", ntk.Must(train.Estimate()) < time.Hour)
	fit := ntk.Must(regress.NewRidge(ctx, train, y, nil))
	fmt.Printf("%.3f right\n", ntk.Must(ntk.Accuracy(ntk.Must(fit.Predict(ctx, test)), labels)))
	// Output:
	// 200 200
	// an hour is enough: true
	// 0.955 right
}

// The curve that regression on training images is best with, chosen by its powers.
func ExamplePooledPowersInto() {
	ctx := context.Background()
	const n = 150
	x, y := someDigits(0, n)
	powers, tiles := make([][]float64, 8), make([]ntk.Tiles[float64], 8)
	for k := range powers {
		powers[k] = make([]float64, n*n)
		tiles[k] = ntk.MatrixTiles(mat.NewDense(n, n, powers[k]))
	}
	ntk.Must(0, cnn.PooledPowersInto(ctx, powers, digitLayer(), x, nil))
	start := []float64{1, 1, 1, 1, 1, 1, 1, 1}
	best := ntk.Must(regress.FitSum(ctx, tiles, y, start,
		&regress.SeriesSettings{Criterion: "leave-one-out", RelativeRidge: 1e-3}))
	κ := ntk.Must(ntk.NewPowerSeries(best.Coeffs))
	phi := ntk.Must(inverse.NTK(κ, nil))
	net := ntk.Must(digitLayer().Architecture(phi))
	fmt.Println(net.Layers()[1].(cnn.Conv).Activation)
	// Output:
	// Hermite series of degree 7
}

// How far the kernel of two convolutions is from all that one layer on the same patches has.
func ExampleNearest() {
	ctx := context.Background()
	const n = 60
	x, _ := someDigits(0, n)
	layer := digitLayer()
	powers := make([][]float64, 8)
	for k := range powers {
		powers[k] = make([]float64, n*n)
	}
	ntk.Must(0, cnn.PooledPowersInto(ctx, powers, layer, x, nil))
	one := ntk.Must(layer.Architecture(ntk.ReLU{}))
	second := cnn.Conv{Filter: [2]int{3, 3}, Activation: ntk.ReLU{}, WeightStd: 1}
	two := ntk.Must(cnn.NewArchitecture(one.Image(), append(one.Layers(), second), one.Readout()))
	for _, net := range []*cnn.Architecture{one, two} {
		k := make([]float64, n*n)
		ntk.Must(0, cnn.GramInto(ctx, k, nil, net, x, nil))
		near := ntk.Must(cnn.Nearest(ctx, powers, k))
		fmt.Printf("off by %.4f, alignment %.4f\n", near.RelativeError, near.CenteredAlignment)
	}
	// Output:
	// off by 0.0000, alignment 1.0000
	// off by 0.0074, alignment 0.9993
}

// A limit of the time that the caller would wait.
func ExamplePooledTiles_Into() {
	ctx := context.Background()
	x, _ := someDigits(0, 100)
	tiles := ntk.Must(cnn.PooledGramTiles(ctx, digitLayer(), ntk.Must(ntk.LaplaceKernel(1)), x))
	err := tiles.Into(ctx, make([]float64, 100*100), &cnn.Settings{MaxTime: time.Microsecond})
	var late *cnn.TooLongError
	fmt.Println(errors.As(err, &late))
	k := make([]float64, 2)
	ntk.Must(0, tiles.Tile(ctx, k, 0, 1, 0, 2))
	fmt.Printf("%.3f\n", k)
	// Output:
	// true
	// [0.352 0.302]
}
