package regress_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/hermite"
	"github.com/kernelsmith/kernelsmith/ntk/regress"
	"gonum.org/v1/gonum/mat"
)

// The features of an activation whose NNGP kernel is (c + c³)/2, beside that kernel.
func ExampleFitFeatures() {
	ctx := context.Background()
	phi := ntk.Must(hermite.NewSeries([]float64{0, math.Sqrt(0.5), 0, math.Sqrt(0.5)}))
	width, err := regress.FeatureWidth(phi, false, 1, 0.2)
	if err != nil {
		panic(err)
	}
	features := regress.Features{Activation: phi, Width: width, Seed: 1}
	x := ntk.Inputs[float64]{N: 400, D: 2}
	y := mat.NewDense(x.N, 1, nil)
	for i := range x.N {
		sin, cos := math.Sincos(float64(i))
		x.Rows = append(x.Rows, math.Sqrt2*cos, math.Sqrt2*sin)
		y.Set(i, 0, math.Cos(3*float64(i)))
	}
	at := ntk.Inputs[float64]{Rows: []float64{math.Sqrt2, 0}, N: 1, D: 2}
	fit, err := regress.FitFeatures(ctx, ntk.Must(features.Tiles(x)), y,
		&regress.SolveSettings{RelativeRidge: 1e-3})
	if err != nil {
		panic(err)
	}
	near := ntk.Must(fit.Predict(ctx, ntk.Must(features.Tiles(at)))).At(0, 0)

	net := ntk.Must(ntk.UniformFCN(1, phi, 1, 0))
	K := ntk.Must(net.NNGP())
	exact, err := regress.Solve(ctx, ntk.Must(ntk.GramTiles(ctx, K, x)), y,
		&regress.SolveSettings{RelativeRidge: 1e-3})
	if err != nil {
		panic(err)
	}
	f := ntk.Must(exact.Predict(ctx, ntk.Must(ntk.CrossTiles(ctx, K, at, x)))).At(0, 0)
	fmt.Printf("%d features: f = %.3f, with the kernel %.3f, wanted 1\n", width, near, f)
	// Output: 1450 features: f = 1.000, with the kernel 1.000, wanted 1
}

func ExampleFeatureWidth() {
	for _, tolerance := range []float64{0.1, 0.01} {
		fmt.Println(regress.FeatureWidth(ntk.ReLU{}, true, 1, tolerance))
	}
	// Output:
	// 300 <nil>
	// 30000 <nil>
}

func ExampleFeatures_Tiles() {
	x := ntk.Inputs[float64]{Rows: []float64{1, 1, 1, -1}, N: 2, D: 2}
	for _, tangent := range []bool{false, true} {
		f := regress.Features{Activation: ntk.ReLU{}, Width: 5, NTK: tangent}
		t, err := f.Tiles(x)
		if err != nil {
			panic(err)
		}
		fmt.Println(t.Dims())
	}
	// Output:
	// 2 5
	// 2 15
}

// whole returns a matrix that is known by tiles.
func whole(t *testing.T, tiles ntk.Tiles[float64]) *mat.Dense {
	t.Helper()
	n, m := tiles.Dims()
	out := make([]float64, n*m)
	if err := tiles.Tile(t.Context(), out, 0, n, 0, m); err != nil {
		t.Fatal(err)
	}
	return mat.NewDense(n, m, out)
}

// Over seeds the kernels of features have the infinite width's for their mean, and its tolerance,
// at the worst cosine, for the root of their mean square error there.
func TestFeaturesHaveTheKernel(t *testing.T) {
	const d, seeds, tolerance = 3, 400, 0.2
	cosines := []float64{1, 0.8, 0.3, 0, -0.5, -1}
	x := ntk.Inputs[float64]{N: len(cosines), D: d}
	for _, c := range cosines {
		x.Rows = append(x.Rows, math.Sqrt(d)*c, math.Sqrt(d)*math.Sqrt(1-c*c), 0)
	}
	cosine := ntk.Cos{Amplitude: 1, Frequency: 2, Phase: 0.3}
	for _, phi := range []ntk.Activation{ntk.ReLU{}, ntk.Erf{}, cosine} {
		for _, tangent := range []bool{false, true} {
			net := ntk.Must(ntk.UniformFCN(1, phi, 1, 0))
			K := ntk.Must(net.NNGP())
			if tangent {
				K = ntk.Must(net.NTK())
			}
			want := ntk.Must(K.Curve(cosines))
			width := ntk.Must(regress.FeatureWidth(phi, tangent, 1, tolerance))
			sums, squares := make([]float64, len(cosines)), make([]float64, len(cosines))
			for seed := range uint64(seeds) {
				f := regress.Features{Activation: phi, NTK: tangent, Width: width, Seed: seed}
				psi := whole(t, ntk.Must(f.Tiles(x)))
				for i := range cosines {
					off := mat.Dot(psi.RowView(0), psi.RowView(i)) - want[i]
					sums[i] += off / seeds
					squares[i] += off * off / seeds
				}
			}
			worst := 0.0
			for i, s := range squares {
				rms := math.Sqrt(s) / want[0]
				if math.Abs(sums[i]) > 4*math.Sqrt(s/seeds) {
					t.Errorf("%v, NTK %v: the mean at cosine %v is off by %g", phi, tangent,
						cosines[i], sums[i])
				}
				worst = math.Max(worst, rms)
			}
			// The root of a mean square of 400 is known to 4/√800 = 14 % and more where the tails
			// are heavy; a width is rounded up, and may be 1.
			if worst > 1.25*tolerance || worst < 0.75*tolerance && width > 5 {
				t.Errorf("%v, NTK %v: width %d has error %.3g, wanted %v", phi, tangent, width,
					worst, tolerance)
			}
		}
	}
}

// Tiles of features are parts of the same matrix, whatever their shape.
func TestFeatureTiles(t *testing.T) {
	x := rowsOf(7, 3, 0)
	for _, tangent := range []bool{false, true} {
		tiles := ntk.Must(regress.Features{Activation: ntk.ReLU{}, NTK: tangent, Width: 4,
			Seed: 9}.Tiles(x))
		all := whole(t, tiles)
		n, m := tiles.Dims()
		for i0 := range n {
			for j0 := range m {
				for _, size := range [][2]int{{1, 1}, {2, 3}, {n - i0, m - j0}} {
					i1, j1 := min(i0+size[0], n), min(j0+size[1], m)
					part := make([]float64, (i1-i0)*(j1-j0))
					if err := tiles.Tile(t.Context(), part, i0, i1, j0, j1); err != nil {
						t.Fatal(err)
					}
					for k, v := range part {
						i, j := i0+k/(j1-j0), j0+k%(j1-j0)
						if math.Abs(v-all.At(i, j)) > 1e-15 {
							t.Fatalf("tile [%d, %d)×[%d, %d): %v at %d, %d, want %v", i0, i1, j0,
								j1, v, i, j, all.At(i, j))
						}
					}
				}
			}
		}
	}
}

// Regression on features is kernel regression with their inner products, and goes to the exact
// kernel's with the width.
func TestFitFeatures(t *testing.T) {
	const n, d, relative = 700, 3, 1e-2
	ctx := t.Context()
	x, test, y := rowsOf(n, d, 0), rowsOf(50, d, 0.5), outputs(n)
	net := ntk.Must(ntk.UniformFCN(1, ntk.Erf{}, 1, 0))
	for _, tangent := range []bool{false, true} {
		K := ntk.Must(net.NNGP())
		if tangent {
			K = ntk.Must(net.NTK())
		}
		exact := ntk.Must(regress.NewRidge(ctx, ntk.Must(ntk.GramTiles(ctx, K, x)), y,
			&regress.RidgeSettings{RelativeRidge: relative}))
		want := ntk.Must(exact.Predict(ctx, ntk.Must(ntk.CrossTiles(ctx, K, test, x))))
		var offs []float64
		for _, width := range []int{20, 320} {
			f := regress.Features{Activation: ntk.Erf{}, NTK: tangent, Width: width, Seed: 5}
			psi, beside := ntk.Must(f.Tiles(x)), ntk.Must(f.Tiles(test))
			fit, err := regress.FitFeatures(ctx, psi, y,
				&regress.SolveSettings{RelativeRidge: relative, Tolerance: 1e-10})
			if err != nil {
				t.Fatal(err)
			}
			got := ntk.Must(fit.Predict(ctx, beside))
			var gram, cross mat.Dense
			gram.Mul(whole(t, psi), whole(t, psi).T())
			cross.Mul(whole(t, beside), whole(t, psi).T())
			of := ntk.Must(regress.NewRidge(ctx, tiles(&gram), y,
				&regress.RidgeSettings{RelativeRidge: relative}))
			near(t, "with the features' kernel", got,
				ntk.Must(of.Predict(ctx, tiles(&cross))), 1e-7)
			if math.Abs(of.Ridge()-fit.Ridge) > 1e-12*fit.Ridge {
				t.Errorf("ridge %v, want %v", fit.Ridge, of.Ridge())
			}
			var off mat.Dense
			off.Sub(got, want)
			offs = append(offs, mat.Norm(&off, 2)/mat.Norm(want, 2))
		}
		// 16 times the width should halve it twice.
		if ratio := offs[0] / offs[1]; ratio < 2 || ratio > 8 {
			t.Errorf("NTK %v: off by %.3g at width 20 and %.3g at 320", tangent, offs[0], offs[1])
		}
	}
}

func TestFeaturesBadInput(t *testing.T) {
	x, y := rowsOf(10, 3, 0), outputs(10)
	of := func(f regress.Features, x ntk.Inputs[float64]) error {
		_, err := f.Tiles(x)
		return err
	}
	good := regress.Features{Activation: ntk.ReLU{}, Width: 5}
	bad := head(x, 4)
	bad.Rows = append([]float64(nil), bad.Rows...)
	bad.Rows[5] = math.NaN()
	psi := ntk.Must(good.Tiles(x))
	fit := func(y *mat.Dense, s regress.SolveSettings) error {
		_, err := regress.FitFeatures(t.Context(), psi, y, &s)
		return err
	}
	width := func(phi ntk.Activation, tangent bool, q, tol float64) error {
		_, err := regress.FeatureWidth(phi, tangent, q, tol)
		return err
	}
	for _, c := range []struct {
		says string
		err  error
	}{
		{"Width is 0", of(regress.Features{Activation: ntk.ReLU{}}, x)},
		{"no activation", of(regress.Features{Width: 1}, x)},
		{"are not 12 entries", of(good, ntk.Inputs[float64]{Rows: bad.Rows, N: 5, D: 3})},
		{"are not 0 entries", of(good, ntk.Inputs[float64]{})},
		{"input is NaN in row 1, column 2", of(good, bad)},
		{"jumps at 0", of(regress.Features{Activation: ntk.Step{}, NTK: true, Width: 2}, x)},
		{"none of 10×5", psi.Tile(t.Context(), make([]float64, 4), 9, 11, 0, 2)},
		{"needed", second(regress.FitFeatures[float64](t.Context(), nil, y, nil))},
		{"rows of targets", fit(mat.NewDense(3, 1, nil), regress.SolveSettings{})},
		{`Method is "single"`, fit(y, regress.SolveSettings{Method: "single"})},
		{"and Memory is 100", fit(y, regress.SolveSettings{Memory: 100})},
		{"tolerance is 0", width(ntk.ReLU{}, false, 1, 0)},
		{"tolerance is +Inf", width(ntk.ReLU{}, false, 1, math.Inf(1))},
		{"takes", width(ntk.ReLU{}, true, 1, 1e-9)},
		{"nothing to be near to", width(ntk.ReLU{}, false, 0, 0.1)},
		{"no activation", width(nil, false, 1, 0.1)},
	} {
		mustSay(t, c.err, c.says, nil)
	}
	var infinite *ntk.InfiniteNTKError
	if err := width(ntk.Step{}, true, 1, 0.1); !errors.As(err, &infinite) {
		t.Errorf("the NTK of a step: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := regress.FitFeatures(ended, psi, y, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end of its context: %v", err)
	}
}
