package cnn_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/cnn"
	"github.com/kernelsmith/kernelsmith/ntk/internal/accel"
	"github.com/kernelsmith/kernelsmith/ntk/regress"
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/mat"
)

// featureNets are of one convolution: on patches and by itself, with all pools and readouts.
func featureNets() (nets []*cnn.Architecture) {
	m := cnn.Image{Height: 7, Width: 6, Channels: 2, ChannelsFirst: true}
	c := cnn.Conv{Filter: [2]int{3, 2}, Activation: ntk.ReLU{}, WeightStd: 1.4, BiasStd: 0.3}
	wide := c
	wide.Stride, wide.Padding, wide.BiasStd = [2]int{2, 1}, cnn.Circular, 0
	valid := c
	valid.Padding, valid.Activation = cnn.Valid, ntk.GELU{}
	one := c
	one.Filter = [2]int{1, 1}
	patches := cnn.Patches{Filter: [2]int{3, 3}, Padding: cnn.Valid, Center: true,
		Normalize: cnn.EachPatch}
	half := cnn.AveragePool{Window: [2]int{2, 2}}
	same := cnn.AveragePool{Window: [2]int{3, 2}, Stride: [2]int{2, 1}}
	inside := cnn.AveragePool{Window: [2]int{2, 3}, Stride: [2]int{1, 2}, Padding: cnn.Valid}
	for _, layers := range [][]cnn.Layer{{c}, {wide, half}, {valid, same}, {patches, one, inside},
		{half, c, half, same}} {
		for _, out := range []cnn.Readout{{WeightStd: 1.2},
			{WeightStd: 0.8, BiasStd: 0.5, GlobalAverage: true}} {
			nets = append(nets, ntk.Must(cnn.NewArchitecture(m, layers, out)))
		}
	}
	return nets
}

// all returns all features.
func all(t *testing.T, f *cnn.Features, x ntk.Inputs[float32]) *mat.Dense {
	t.Helper()
	tiles := ntk.Must(f.Tiles(x))
	n, d := tiles.Dims()
	psi := make([]float32, n*d)
	if err := tiles.Tile(t.Context(), psi, 0, n, 0, d); err != nil {
		t.Fatal(err)
	}
	out := mat.NewDense(n, d, nil)
	for k, v := range psi {
		out.Set(k/d, k%d, float64(v))
	}
	return out
}

// Inner products of features have the NNGP for their mean: within 4.5 standard errors of 60 seeds,
// for 100 numbers.
func TestFeaturesHaveTheNNGP(t *testing.T) {
	const n, filters, seeds = 4, 32, 60
	for _, a := range featureNets() {
		x := randomImages[float64](1, n, a.Image())
		want, _ := kernels(a, x, x)
		var sum, squares [n * n]float64
		for seed := range uint64(seeds) {
			psi := all(t, ntk.Must(cnn.NewFeatures(a, filters, seed)), single(x))
			var k mat.Dense
			k.Mul(psi, psi.T())
			for i, v := range k.RawMatrix().Data {
				sum[i] += v / seeds
				squares[i] += v * v / seeds
			}
		}
		for i, w := range want {
			e := math.Sqrt((squares[i] - sum[i]*sum[i]) / (seeds - 1))
			if off := math.Abs(sum[i]-w) / e; !(off < 4.5) {
				t.Errorf("%v: images %d: %v, not %v: %.1f standard errors", a, i, sum[i], w, off)
			}
		}
	}
}

// Tiles, the Gram matrix by blocks and both products are those of the whole matrix of features.
func TestFeatureProducts(t *testing.T) {
	const n, filters = 9, 300
	for _, a := range featureNets() {
		x := single(randomImages[float64](2, n, a.Image()))
		f := ntk.Must(cnn.NewFeatures(a, filters, 5))
		psi := all(t, f, x)
		_, d := psi.Dims()
		size := mat.Norm(psi, 2)
		var want mat.Dense
		want.Mul(psi, psi.T())
		off := func(what string, got, want mat.Matrix, size float64) {
			var difference mat.Dense
			difference.Sub(got, want)
			if e := mat.Norm(&difference, 2) / size; !(e < 1e-6) {
				t.Errorf("%v: %s is off by %.2g", a, what, e)
			}
		}
		tiles := ntk.Must(f.Tiles(x))
		for _, at := range [][4]int{{0, 1, 0, 1}, {2, 9, 1, d}, {3, 5, d - 1, d},
			{0, 9, 7, d - 5}} {
			rows, columns := at[1]-at[0], at[3]-at[2]
			tile := make([]float32, rows*columns)
			ntk.Must(0, tiles.Tile(t.Context(), tile, at[0], at[1], at[2], at[3]))
			for k, v := range tile {
				// Of other filters together, products may be summed in another order.
				w := psi.At(at[0]+k/columns, at[2]+k%columns)
				if math.Abs(float64(v)-w) > 1e-6*size {
					t.Fatalf("%v: tile %v: %v, not %v", a, at, v, w)
				}
			}
		}
		alpha, w := mat.NewDense(n, 3, nil), mat.NewDense(d, 2, nil)
		for k := range 3 * n {
			alpha.Set(k/3, k%3, math.Sin(float64(k)))
		}
		for k := range 2 * d {
			w.Set(k/2, k%2, math.Cos(float64(k)))
		}
		var weights, outputs mat.Dense
		weights.Mul(psi.T(), alpha)
		outputs.Mul(psi, w)
		for _, memory := range []float64{4, 4 * n * float64(d), 2 * n * float64(d), 0} {
			tiles := ntk.Must(f.Tiles(x))
			last, total := -1, 0
			s := &cnn.FeatureSettings{Memory: memory, Progress: func(done, all int) {
				if done < last {
					t.Errorf("progress goes back from %d to %d", last, done)
				}
				last, total = done, all
			}}
			for range 2 { // with and without features that are kept
				off("Weights", ntk.Must(tiles.Weights(t.Context(), alpha, s)), &weights,
					size*mat.Norm(alpha, 2))
				last = -1
				off("Times", ntk.Must(tiles.Times(t.Context(), w, s)), &outputs,
					size*mat.Norm(w, 2))
				last = -1
				k := make([]float64, n*n)
				ntk.Must(0, tiles.GramInto(t.Context(), k, s))
				if last != total || total != n*filters {
					t.Errorf("progress ends at %d of %d", last, total)
				}
				off("the Gram matrix", mat.NewDense(n, n, k), &want, mat.Norm(&want, 2))
				for i := range k {
					if k[i] != k[i%n*n+i/n] {
						t.Errorf("%v: entry %d is not its mirror image", a, i)
					}
				}
				last = -1
			}
		}
	}
}

// A matrix goes on from where Done was told, and the first filters of more are the same.
func TestFeaturesGoOn(t *testing.T) {
	const n, filters = 5, 700
	a := featureNets()[3]
	x := single(randomImages[float64](3, n, a.Image()))
	f := ntk.Must(cnn.NewFeatures(a, filters, 7))
	tiles := ntk.Must(f.Tiles(x))
	want, k := make([]float64, n*n), make([]float64, n*n)
	ntk.Must(0, tiles.GramInto(t.Context(), want, &cnn.FeatureSettings{}))
	ctx, cancel := context.WithCancel(t.Context())
	have := 0
	kept := make([]float64, n*n)
	s := &cnn.FeatureSettings{Memory: float64(4 * n * 256 * windows(t, f, x, filters))}
	s.Done = func(filters int) {
		have = filters
		copy(kept, k)
		if filters == 512 {
			cancel()
		}
	}
	tiles = ntk.Must(f.Tiles(x))
	if err := tiles.GramInto(ctx, k, s); !errors.Is(err, context.Canceled) || have != 512 {
		t.Fatalf("interrupted after %d filters: %v", have, err)
	}
	s.Have, s.Done = have, nil
	ntk.Must(0, tiles.GramInto(t.Context(), kept, s))
	for i := range want {
		if math.Abs(kept[i]-want[i]) > 1e-6*want[0] {
			t.Errorf("entry %d is %v, not %v", i, kept[i], want[i])
		}
	}
	few := all(t, ntk.Must(cnn.NewFeatures(a, 100, 7)), x)
	psi := all(t, f, x)
	d := 100 * windows(t, f, x, filters)
	scale := math.Sqrt(filters / 100.0)
	for i := range n {
		for j := range d {
			if math.Abs(few.At(i, j)-scale*psi.At(i, j)) > 1e-5 {
				t.Fatalf("feature %d of image %d is %v with 100 filters, %v with more", j, i,
					few.At(i, j), psi.At(i, j))
			}
		}
	}
}

// windows is what the readout sees.
func windows(t *testing.T, f *cnn.Features, x ntk.Inputs[float32], filters int) int {
	t.Helper()
	_, d := ntk.Must(f.Tiles(x)).Dims()
	return d / filters
}

// Ridge regression by the features, by their matrix in package regress, and by their kernel.
func TestFeatureRegression(t *testing.T) {
	const n, m, filters = 20, 6, 40
	a := featureNets()[5]
	x := single(randomImages[float64](4, n+m, a.Image()))
	train := ntk.Inputs[float32]{Rows: x.Rows[:n*x.D], N: n, D: x.D}
	test := ntk.Inputs[float32]{Rows: x.Rows[n*x.D:], N: m, D: x.D}
	y := mat.NewDense(n, 2, nil)
	for i := range 2 * n {
		y.Set(i/2, i%2, math.Sin(float64(3*i)))
	}
	f := ntk.Must(cnn.NewFeatures(a, filters, 9))
	tiles, tests := ntk.Must(f.Tiles(train)), ntk.Must(f.Tiles(test))
	const ridge = 0.05
	ctx := t.Context()
	k := make([]float64, n*n)
	ntk.Must(0, tiles.GramInto(ctx, k, nil))
	fit := ntk.Must(regress.NewRidge(ctx, ntk.MatrixTiles(mat.NewDense(n, n, k)), y,
		&regress.RidgeSettings{Ridge: ridge}))
	got := ntk.Must(tests.Times(ctx, ntk.Must(tiles.Weights(ctx, fit.Weights(), nil)), nil))
	primal := ntk.Must(regress.FitFeatures[float32](ctx, tiles, y,
		&regress.SolveSettings{Ridge: ridge}))
	want := ntk.Must(primal.Predict(ctx, ntk.MatrixTiles(all(t, f, test))))
	for i := range 2 * m {
		if off := got.At(i/2, i%2) - want.At(i/2, i%2); math.Abs(off) > 1e-5 {
			t.Errorf("prediction %d is off by %v", i, off)
		}
	}
}

func TestFeaturesBadInput(t *testing.T) {
	m := cnn.Image{Height: 4, Width: 4, Channels: 1}
	c := cnn.Conv{Filter: [2]int{2, 2}, Activation: ntk.ReLU{}, WeightStd: 1}
	a := ntk.Must(cnn.NewArchitecture(m, []cnn.Layer{c}, cnn.Readout{WeightStd: 1}))
	two := ntk.Must(cnn.NewArchitecture(m, []cnn.Layer{c, c}, cnn.Readout{WeightStd: 1}))
	f := ntk.Must(cnn.NewFeatures(a, 3, 1))
	x := single(randomImages[float64](1, 2, m))
	broken := ntk.Inputs[float32]{Rows: append([]float32(nil), x.Rows...), N: 2, D: 16}
	broken.Rows[20] = float32(math.Inf(1))
	huge := ntk.Inputs[float32]{Rows: append([]float32(nil), x.Rows...), N: 2, D: 16}
	for i := range huge.Rows {
		huge.Rows[i] *= 1e38
	}
	tiles := ntk.Must(f.Tiles(x))
	second := func(_ any, err error) error { return err }
	ctx := t.Context()
	ended, cancel := context.WithCancel(ctx)
	cancel()
	k := make([]float64, 4)
	weights := mat.NewDense(48, 1, nil)
	bad := mat.NewDense(48, 1, nil)
	bad.Set(5, 0, math.NaN())
	for want, err := range map[string]error{
		"no architecture":        second(cnn.NewFeatures(nil, 3, 1)),
		"0 filters":              second(cnn.NewFeatures(a, 0, 1)),
		"1073741824 filters":     second(cnn.NewFeatures(a, 1<<30, 1)),
		"are of one convolution": second(cnn.NewFeatures(two, 3, 1)),
		"images of 8 numbers":    second(f.Tiles(ntk.Inputs[float32]{Rows: x.Rows, N: 4, D: 8})),
		"does not go into 3":     tiles.GramInto(ctx, k[:3], nil),
		"Have is 4 of 3":         tiles.GramInto(ctx, k, &cnn.FeatureSettings{Have: 4}),
		"Memory is -1":           tiles.GramInto(ctx, k, &cnn.FeatureSettings{Memory: -1}),
		"Memory is NaN": second(tiles.Times(ctx, weights,
			&cnn.FeatureSettings{Memory: math.NaN()})),
		"context canceled": tiles.GramInto(ended, k, nil),
		"image 1 is +Inf":  ntk.Must(f.Tiles(broken)).GramInto(ctx, k, nil),
		"beyond single": second(ntk.Must(f.Tiles(huge)).Weights(ctx,
			mat.NewDense(2, 1, []float64{1e9, 1}), nil)),
		"are too large":         ntk.Must(f.Tiles(huge)).GramInto(ctx, k, nil),
		"48 rows for 2 images":  second(tiles.Weights(ctx, weights, nil)),
		"each of 48 features":   second(tiles.Times(ctx, nil, nil)),
		"NaN in row 5, column ": second(tiles.Times(ctx, bad, nil)),
		"tile":                  tiles.Tile(ctx, make([]float32, 4), 0, 2, 47, 49),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q, got: %v", want, err)
		}
	}
}

// Features of 6×6 patches of 32 by 32 colour images, and the products of their patches with the
// filters alone; ms/image is of all processors.
func BenchmarkFeatures(b *testing.B) {
	m := cnn.Image{Height: 32, Width: 32, Channels: 3}
	p := cnn.Patches{Filter: [2]int{6, 6}, Padding: cnn.Valid, Center: true,
		Normalize: cnn.EachPatch}
	x := single(randomImages[float64](1, 64, m))
	p.Whitening = ntk.Must(cnn.FitWhitening(b.Context(), p, m, x,
		&cnn.WhiteningSettings{MaxPatches: 4000, Epsilon: 0.1}))
	c := cnn.Conv{Filter: [2]int{1, 1}, Activation: ntk.ReLU{}, WeightStd: 1}
	pool := cnn.AveragePool{Window: [2]int{14, 14}}
	a := ntk.Must(cnn.NewArchitecture(m, []cnn.Layer{p, c, pool}, cnn.Readout{WeightStd: 1}))
	for _, filters := range []int{256, 2048} {
		b.Run(fmt.Sprint(filters), func(b *testing.B) {
			tiles := ntk.Must(ntk.Must(cnn.NewFeatures(a, filters, 1)).Tiles(x))
			n, d := tiles.Dims()
			psi := make([]float32, n*d)
			for b.Loop() {
				ntk.Must(0, tiles.Tile(b.Context(), psi, 0, n, 0, d))
			}
			b.ReportMetric(b.Elapsed().Seconds()*1e3/float64(b.N*n), "ms/image")
		})
		b.Run(fmt.Sprintf("%d/products", filters), func(b *testing.B) {
			const places, q, together = 729, 108, 8
			patches, weights := make([]float32, together*places*q), make([]float32, filters*q)
			u := make([]float32, together*places*filters)
			for b.Loop() {
				accel.Float32().Sgemm(blas.NoTrans, blas.Trans, together*places, filters, q, 1,
					patches, q, weights, q, 0, u, filters)
			}
			b.ReportMetric(b.Elapsed().Seconds()*1e3/float64(b.N*together), "ms/image")
		})
	}
}
