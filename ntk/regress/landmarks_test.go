package regress_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/regress"
	"gonum.org/v1/gonum/mat"
)

func ExampleFitLandmarks() {
	ctx := context.Background()
	K := ntk.Must(ntk.LaplaceKernel(1))
	const n, m = 2000, 100
	circle := func(n int, turn float64) ntk.Inputs[float64] {
		x := ntk.Inputs[float64]{N: n, D: 2}
		for i := range n {
			sin, cos := math.Sincos(turn + 2*math.Pi*float64(i)/float64(n))
			x.Rows = append(x.Rows, math.Sqrt2*cos, math.Sqrt2*sin)
		}
		return x
	}
	x, z, at := circle(n, 0), circle(m, 0), circle(1, 0.3)
	y := mat.NewDense(n, 1, nil)
	for i := range n {
		y.Set(i, 0, x.Rows[2*i]*x.Rows[2*i+1]) // sin 2θ
	}
	fit, err := regress.FitLandmarks(ctx, ntk.Must(ntk.CrossTiles(ctx, K, x, z)),
		ntk.Must(ntk.GramTiles(ctx, K, z)), y, &regress.SolveSettings{Ridge: 1e-3})
	if err != nil {
		panic(err)
	}
	f, err := fit.Predict(ctx, ntk.Must(ntk.CrossTiles(ctx, K, at, z)))
	if err != nil {
		panic(err)
	}
	fmt.Printf("f(0.3) = %.3f, sin 0.6 = %.3f\n", f.At(0, 0), math.Sin(0.6))
	// Output: f(0.3) = 0.565, sin 0.6 = 0.565
}

// head is the first m inputs.
func head[T float32 | float64](x ntk.Inputs[T], m int) ntk.Inputs[T] {
	return ntk.Inputs[T]{Rows: x.Rows[:m*x.D], N: m, D: x.D}
}

// With a few landmarks the weights are those of a direct solution of the normal equations, in
// both precisions; with all points as landmarks the predictions are those of kernel regression.
func TestLandmarks(t *testing.T) {
	const n, m, d, ridge = 1500, 90, 4, 0.3
	ctx := t.Context()
	K := ntk.Must(ntk.Must(ntk.UniformFCN(2, ntk.ReLU{}, math.Sqrt2, 0.1)).NTK())
	x, y := rowsOf(n, d, 0), outputs(n)
	z := head(x, m)
	crossed := ntk.Must(K.Cross(mat.NewDense(n, d, x.Rows), mat.NewDense(m, d, z.Rows)))
	among := ntk.Must(K.Gram(mat.NewDense(m, d, z.Rows)))
	var a, b, want mat.Dense
	a.Mul(crossed.T(), crossed)
	b.Mul(crossed.T(), y)
	for i := range m {
		for j := range m {
			a.Set(i, j, a.At(i, j)+ridge*among.At(i, j))
		}
	}
	if err := want.Solve(&a, &b); err != nil {
		t.Fatal(err)
	}
	s := &regress.SolveSettings{Ridge: ridge, Tolerance: 1e-9}
	amongTiles := ntk.Must(ntk.GramTiles(ctx, K, z))
	fit, err := regress.FitLandmarks(ctx, ntk.Must(ntk.CrossTiles(ctx, K, x, z)), amongTiles, y, s)
	if err != nil || fit.Passes > 30 || fit.Residual > 1e-9 || fit.Ridge != ridge {
		t.Fatalf("%+v: %v", fit, err)
	}
	if got := residualOf(&a, 0, fit.Weights, &b); got > 1e-9 {
		t.Errorf("residual %g, stated %g", got, fit.Residual)
	}
	near(t, "weights", fit.Weights, &want, 1e-5)
	test := rowsOf(40, d, 0.5)
	beside := ntk.Must(ntk.CrossTiles(ctx, K, test, z))
	fitNarrow, err := regress.FitLandmarks(ctx,
		ntk.Must(ntk.CrossTiles(ctx, K, single(x), single(z))), amongTiles, y, s)
	if err != nil {
		t.Fatal(err)
	}
	// The kernel in single precision is off by 1e-7 and more where inputs are equal.
	near(t, "predictions in single precision", ntk.Must(fitNarrow.Predict(ctx, beside)),
		ntk.Must(fit.Predict(ctx, beside)), 1e-4)

	all := head(x, 300)
	yAll := mat.DenseCopyOf(y.Slice(0, 300, 0, 4))
	gram := ntk.Must(ntk.GramTiles(ctx, K, all))
	whole, err := regress.FitLandmarks(ctx, ntk.Must(ntk.CrossTiles(ctx, K, all, all)), gram, yAll,
		&regress.SolveSettings{Ridge: 1, Tolerance: 1e-10})
	if err != nil {
		t.Fatal(err)
	}
	exact := ntk.Must(regress.NewRidge(ctx, gram, yAll, &regress.RidgeSettings{Ridge: 1}))
	far := ntk.Must(ntk.CrossTiles(ctx, K, test, all))
	near(t, "predictions with all points", ntk.Must(whole.Predict(ctx, far)),
		ntk.Must(exact.Predict(ctx, far)), 1e-6)
}

// Equal landmarks, and more of them than the kernel has rank, make the weights many and the
// function one.
func TestEqualLandmarks(t *testing.T) {
	const n, m, d = 400, 30, 3
	ctx := t.Context()
	x, y := rowsOf(n, d, 0), outputs(n)
	z := head(x, m)
	twice := ntk.Inputs[float64]{Rows: slices.Concat(z.Rows, z.Rows), N: 2 * m, D: d}
	test := rowsOf(20, d, 0.5)
	for name, K := range map[string]ntk.Kernel{
		"regular":     ntk.Must(ntk.LaplaceKernel(1)),
		"finite rank": ntk.Must(ntk.Must(ntk.NewPowerSeries([]float64{1, 1, 1})).Kernel()),
	} {
		var f [2]*mat.Dense
		for i, z := range []ntk.Inputs[float64]{z, twice} {
			fit, err := regress.FitLandmarks(ctx, ntk.Must(ntk.CrossTiles(ctx, K, x, z)),
				ntk.Must(ntk.GramTiles(ctx, K, z)), y,
				&regress.SolveSettings{Ridge: 0.1, Tolerance: 1e-7})
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			f[i] = ntk.Must(fit.Predict(ctx, ntk.Must(ntk.CrossTiles(ctx, K, test, z))))
		}
		near(t, name, f[1], f[0], 1e-6)
	}
}

// Where rounding hides the residual the error names a ridge, and with that there is a fit.
func TestLandmarksOfSmoothKernel(t *testing.T) {
	ctx := t.Context()
	K := ntk.Must(ntk.GaussianKernel(1))
	x, y := rowsOf(500, 2, 0), outputs(500)
	z := head(x, 120)
	cross := ntk.Must(ntk.CrossTiles(ctx, K, x, z))
	among := ntk.Must(ntk.GramTiles(ctx, K, z))
	s := &regress.SolveSettings{}
	_, err := regress.FitLandmarks(ctx, cross, among, y, s)
	var residual *regress.ResidualError
	if !errors.As(err, &residual) {
		t.Fatal(err)
	}
	s.Ridge = residual.SafeRidge
	fit, err := regress.FitLandmarks(ctx, cross, among, y, s)
	if err != nil || fit.Residual > 1e-6 {
		t.Errorf("with the ridge that was named: %+v, %v", fit, err)
	}
}

func TestLandmarksBadInput(t *testing.T) {
	ctx := t.Context()
	K := ntk.Must(ntk.LaplaceKernel(1))
	x, y := rowsOf(50, 3, 0), outputs(50)
	z := head(x, 10)
	cross := ntk.Must(ntk.CrossTiles(ctx, K, x, z))
	among := ntk.Must(ntk.GramTiles(ctx, K, z))
	nan := mat.NewDense(50, 10, nil)
	nan.Set(40, 3, math.NaN())
	indefinite := mat.NewSymDense(10, nil)
	indefinite.SetSym(0, 1, 1)
	fit := func(
		cross, among ntk.Tiles[float64], y *mat.Dense, s regress.SolveSettings,
	) error {
		fit, err := regress.FitLandmarks(ctx, cross, among, y, &s)
		if err != nil && fit != nil {
			t.Errorf("a fit beside the error %v", err)
		}
		return err
	}
	var notPSD *regress.IndefiniteError
	for _, c := range []struct {
		says string
		err  error
		as   any
	}{
		{"are needed", fit(nil, among, y, regress.SolveSettings{}), nil},
		{"are needed", fit(cross, tiles(nil), y, regress.SolveSettings{}), nil},
		{"must be square", fit(cross, cross, y, regress.SolveSettings{}), nil},
		{"10 columns for 50 landmarks", fit(cross, ntk.Must(ntk.GramTiles(ctx, K, x)), y,
			regress.SolveSettings{}), nil},
		{"rows of targets", fit(cross, among, mat.NewDense(3, 1, nil), regress.SolveSettings{}),
			nil},
		{`Method is "single"`, fit(cross, among, y, regress.SolveSettings{Method: "single"}), nil},
		{"and Memory is 99", fit(cross, among, y, regress.SolveSettings{Memory: 99}), nil},
		{"Ridge is -1", fit(cross, among, y, regress.SolveSettings{Ridge: -1}), nil},
		{"cross matrix is NaN in row 40, column 3", fit(tiles(nan), among, y,
			regress.SolveSettings{}), nil},
		{"from -1 to 1", fit(cross, tiles(indefinite), y, regress.SolveSettings{Ridge: 1}),
			&notPSD},
	} {
		mustSay(t, c.err, c.says, c.as)
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	_, err := regress.FitLandmarks(ended, cross, among, y, nil)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("after the end of its context: %v", err)
	}
	s := &regress.SolveSettings{Ridge: 0.1, Checkpoint: filepath.Join(t.TempDir(), "state")}
	first := ntk.Must(regress.FitLandmarks(ctx, cross, among, y, s))
	again := ntk.Must(regress.FitLandmarks(ctx, cross, among, y, s))
	if !mat.Equal(first.Weights, again.Weights) {
		t.Error("a finished state gives other weights")
	}
	if _, err := regress.Solve(ctx, ntk.Must(ntk.GramTiles(ctx, K, x)), y, s); err == nil ||
		!strings.Contains(err.Error(), "another problem") {
		t.Errorf("the state of a fit with landmarks, for a solution: %v", err)
	}
}
