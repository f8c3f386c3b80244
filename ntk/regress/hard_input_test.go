package regress_test

import (
	"context"
	"errors"
	"math"
	"runtime"
	"strings"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/regress"
	"gonum.org/v1/gonum/mat"
)

// either solves by NewRidge, and by Solve with each method.
func either(
	t *testing.T, gram mat.Matrix, y *mat.Dense, ridge float64,
	check func(name string, w *mat.Dense, err error),
) {
	t.Helper()
	r, err := regress.NewRidge(t.Context(), tiles(gram), y, &regress.RidgeSettings{Ridge: ridge})
	if err != nil {
		check("NewRidge", nil, err)
	} else {
		check("NewRidge", r.Weights(), nil)
	}
	for _, method := range []string{"double", "single", "landmarks"} {
		fit, err := regress.Solve(t.Context(), tiles(gram), y,
			&regress.SolveSettings{Ridge: ridge, Method: method, Tolerance: 1e-8})
		if err != nil {
			check(method, nil, err)
		} else {
			check(method, fit.Weights, nil)
		}
	}
}

// Input at the edge of sense has the right weights all the same.
func TestEdgeCases(t *testing.T) {
	laplace := ntk.Must(ntk.LaplaceKernel(1))
	const n = 60
	x := mat.NewDense(n, 3, rowsOf(n, 3, 0).Rows)
	regular, duplicates := ntk.Must(laplace.Gram(x)), mat.DenseCopyOf(x)
	for i := range n / 2 {
		duplicates.SetRow(2*i, x.RawRowView(1))
	}
	zeros := mat.DenseCopyOf(x)
	for i := range n {
		zeros.Set(i, 1, 0)
	}
	zeros.SetRow(5, make([]float64, 3))
	column := func(f func(i int) float64) *mat.Dense {
		y := mat.NewDense(n, 1, nil)
		for i := range n {
			y.Set(i, 0, f(i))
		}
		return y
	}
	wave := column(func(i int) float64 { return math.Sin(float64(i)) })
	for name, c := range map[string]struct {
		gram mat.Matrix
		y    *mat.Dense
	}{
		"one point":        {mat.NewSymDense(1, []float64{3}), mat.NewDense(1, 1, []float64{-2})},
		"one class":        {regular, column(func(int) float64 { return 1 })},
		"constant targets": {regular, column(func(int) float64 { return -7e8 })},
		"zero targets":     {regular, column(func(int) float64 { return 0 })},
		"tiny targets":     {regular, column(func(i int) float64 { return 1e-300 * float64(i) })},
		"equal points":     {ntk.Must(laplace.Gram(duplicates)), wave},
		"columns of zeros": {ntk.Must(laplace.Gram(zeros)), wave},
		"a zero matrix":    {mat.NewSymDense(n, nil), wave},
	} {
		const ridge = 0.05
		rows, _ := c.gram.Dims()
		a := mat.DenseCopyOf(c.gram)
		for i := range rows {
			a.Set(i, i, a.At(i, i)+ridge)
		}
		var want mat.Dense
		if err := want.Solve(a, c.y); err != nil {
			t.Fatal(err)
		}
		either(t, c.gram, c.y, ridge, func(method string, w *mat.Dense, err error) {
			if err != nil {
				t.Errorf("%s, %s: %v", name, method, err)
				return
			}
			near(t, name+", "+method, w, &want, 1e-6)
		})
	}
}

// Input that makes no sense is an error that says what is wrong, whatever it is solved with.
func TestNonsense(t *testing.T) {
	const n = 900 // two tiles a side
	good, y := mat.NewSymDense(n, nil), mat.NewDense(n, 1, nil)
	for i := range n {
		for j := range i + 1 {
			good.SetSym(i, j, math.Exp(-math.Abs(float64(i-j))))
		}
		y.Set(i, 0, 1)
	}
	with := func(i, j int, v float64) *mat.Dense {
		m := mat.DenseCopyOf(good)
		m.Set(i, j, v)
		return m
	}
	skew := mat.DenseCopyOf(good) // in the tiles off the diagonal alone
	for i := range 512 {
		for j := 512; j < n; j++ {
			skew.Set(i, j, 0.5)
		}
	}
	negative := mat.NewSymDense(n, nil)
	negative.CopySym(good)
	negative.SetSym(700, 700, -1)
	// Its entries are those of a covariance two by two: eigenvalues 1 - 0.9 (n - 1) and 1.9.
	far := mat.NewSymDense(n, nil)
	for i := range n {
		for j := range i {
			far.SetSym(i, j, -0.9)
		}
		far.SetSym(i, i, 1)
	}
	var notPSD *regress.IndefiniteError
	for _, c := range []struct {
		name, says string
		gram       mat.Matrix
		as         any
	}{
		{"not symmetric in a tile", "row 3, column 2 and 9 in row 2, column 3", with(2, 3, 9), nil},
		{"not symmetric beyond", "must be symmetric", skew, nil},
		{"NaN", "Gram matrix is NaN in row 800, column 20", with(800, 20, math.NaN()), nil},
		{"infinite", "Gram matrix is -Inf in row 3, column 3", with(3, 3, math.Inf(-1)), nil},
		{"a negative diagonal", "positive semidefinite", negative, &notPSD},
		{"negative", "eigenvalues go from -808.1 to 1.9", far, &notPSD},
	} {
		either(t, c.gram, y, 1e-3, func(method string, _ *mat.Dense, err error) {
			if method == "landmarks" && strings.HasPrefix(c.name, "not symmetric") {
				return // what is below the diagonal is what counts
			}
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s, %s: %v, want %q", c.name, method, err, c.says)
			}
			if c.as != nil && !errors.As(err, c.as) {
				t.Errorf("%s, %s: %v has another type", c.name, method, err)
			}
		})
	}
	K := ntk.Must(ntk.LaplaceKernel(1))
	bad := ntk.Inputs[float64]{Rows: []float64{1, math.NaN()}, N: 1, D: 2}
	_, err := ntk.GramTiles(t.Context(), K, bad)
	var nonFinite *ntk.NonFiniteError
	if !errors.As(err, &nonFinite) {
		t.Errorf("a row with NaN: %v", err)
	}
}

func TestSolveBadInput(t *testing.T) {
	gram, _, y, _ := wide(t, 25)
	nan := mat.DenseCopyOf(y)
	nan.Set(3, 1, math.NaN())
	solve := func(g mat.Matrix, y *mat.Dense, s regress.SolveSettings) error {
		fit, err := regress.Solve(t.Context(), tiles(g), y, &s)
		if err != nil && fit != nil {
			t.Errorf("a solution beside the error %v", err)
		}
		return err
	}
	handed := ntk.Must(regress.InPlace(mat.DenseCopyOf(gram).RawMatrix().Data, 25))
	again := func() error {
		_, err := regress.Solve(t.Context(), handed, y, &regress.SolveSettings{Ridge: 1})
		return err
	}
	uneven := mat.DenseCopyOf(gram).RawMatrix().Data
	uneven[1] += 1
	odd := ntk.Must(regress.InPlace(uneven, 25))
	for _, c := range []struct {
		says string
		err  error
	}{
		{"is needed", solve(nil, y, regress.SolveSettings{})},
		{"targets with entries", solve(gram, nil, regress.SolveSettings{})},
		{"targets with entries", solve(gram, &mat.Dense{}, regress.SolveSettings{})},
		{"must be square", solve(mat.NewDense(2, 3, nil), y, regress.SolveSettings{})},
		{"3 rows of targets for 25", solve(gram, mat.NewDense(3, 1, nil), regress.SolveSettings{})},
		{"target is NaN in row 3, column 1", solve(gram, nan, regress.SolveSettings{})},
		{"Ridge is -1", solve(gram, y, regress.SolveSettings{Ridge: -1})},
		{"RelativeRidge is NaN", solve(gram, y, regress.SolveSettings{RelativeRidge: math.NaN()})},
		{"Tolerance is -1", solve(gram, y, regress.SolveSettings{Tolerance: -1})},
		{"Tolerance is NaN", solve(gram, y, regress.SolveSettings{Tolerance: math.NaN()})},
		{"Memory is -1", solve(gram, y, regress.SolveSettings{Memory: -1})},
		{"Passes -1", solve(gram, y, regress.SolveSettings{Passes: -1})},
		{`Method is "triple"`, solve(gram, y, regress.SolveSettings{Method: "triple"})},
		{"and Memory is 1000", solve(gram, y, regress.SolveSettings{Memory: 1000})},
		{`"single" takes`, solve(gram, y, regress.SolveSettings{Memory: 1e5, Method: "single"})},
		{"beyond double precision", solve(mat.NewDiagDense(2, []float64{1e308, 1e308}),
			mat.NewDense(2, 1, nil), regress.SolveSettings{RelativeRidge: 1})},
		{"does not have 10 entries", second(regress.InPlace(make([]float32, 10), 3))},
		{"does not have 0 entries", second(regress.InPlace([]float64(nil), 0))},
		{"row 1, column 0 and", second(regress.Solve(t.Context(), odd, y, nil))},
		{"", again()},
		{"handed over before", again()},
		{"factored in double precision", second(regress.Solve(t.Context(),
			ntk.Must(regress.InPlace(make([]float64, 1), 1)), mat.NewDense(1, 1, nil),
			&regress.SolveSettings{Method: "single"}))},
	} {
		if c.says == "" {
			if c.err != nil {
				t.Error(c.err)
			}
		} else {
			mustSay(t, c.err, c.says, nil)
		}
	}
}

// A matrix that is handed over gives what its tiles do, also where there is no factor.
func TestRidgeInPlace(t *testing.T) {
	gram, cross, y, test := wide(t, 130)
	handed := func(g mat.Matrix) ntk.Tiles[float64] {
		n, _ := g.Dims()
		return ntk.Must(regress.InPlace(mat.DenseCopyOf(g).RawMatrix().Data, n))
	}
	s := &regress.RidgeSettings{Ridge: 1e-2}
	a := ntk.Must(regress.NewRidge(t.Context(), tiles(gram), y, s))
	b := ntk.Must(regress.NewRidge(t.Context(), handed(gram), y, s))
	near(t, "weights", b.Weights(), a.Weights(), 1e-15)
	near(t, "leave-one-out", b.LeaveOneOut(), a.LeaveOneOut(), 1e-15)
	near(t, "covariance", ntk.Must(b.Covariance(t.Context(), tiles(cross), tiles(test))),
		ntk.Must(a.Covariance(t.Context(), tiles(cross), tiles(test))), 1e-15)
	if a.Condition() != b.Condition() {
		t.Errorf("condition %v, want %v", b.Condition(), a.Condition())
	}
	twice := mat.NewSymDense(2, []float64{2, 2, 2, 2})
	of := mat.NewDense(2, 1, []float64{1, 3})
	var singular *regress.SingularError
	_, err := regress.NewRidge(t.Context(), handed(twice), of, nil)
	if !errors.As(err, &singular) || singular.Rank != 1 {
		t.Errorf("two equal points: %v", err)
	}
	pseudo := ntk.Must(regress.NewRidge(t.Context(), handed(twice), of,
		&regress.RidgeSettings{PseudoInverse: true}))
	near(t, "pseudo-inverse", pseudo.Weights(), mat.NewDense(2, 1, []float64{0.5, 0.5}), 1e-15)
}

// The ridge that the error of a singular matrix names does, at any size of the matrix.
func TestSafeRidge(t *testing.T) {
	for _, n := range []int{3, 30, 300, 900} {
		x := mat.NewDense(n, 2, rowsOf(n, 2, 0.3).Rows)
		for name, K := range map[string]ntk.Kernel{
			"finite rank": ntk.Must(ntk.Must(ntk.NewPowerSeries([]float64{1, 1, .5})).Kernel()),
			"smooth":      ntk.Must(ntk.GaussianKernel(2)),
			"constant":    ntk.Must(ntk.Must(ntk.NewPowerSeries([]float64{3})).Kernel()),
		} {
			gram, y := ntk.Must(K.Gram(x)), mat.NewDense(n, 1, nil)
			_, err := regress.NewRidge(t.Context(), tiles(gram), y, nil)
			var singular *regress.SingularError
			if !errors.As(err, &singular) {
				if n > 3 {
					t.Errorf("%s of %d points: %v", name, n, err)
				}
				continue
			}
			_, err = regress.NewRidge(t.Context(), tiles(gram), y,
				&regress.RidgeSettings{Ridge: singular.SafeRidge})
			if err != nil {
				t.Errorf("%s of %d points, with the ridge that was named: %v", name, n, err)
			}
			if singular.SafeRidge > 1e-9*mat.Trace(gram) {
				t.Errorf("%s of %d points: a ridge of %g is no small one", name, n,
					singular.SafeRidge)
			}
		}
	}
}

// Progress goes from nothing to all, and its total is what is done at the end.
func TestSolveProgress(t *testing.T) {
	const n = 600
	train := ntk.Must(ntk.GramTiles(t.Context(), ntk.Must(ntk.LaplaceKernel(1)), rowsOf(n, 4, 0)))
	for _, method := range []string{"double", "single", "landmarks"} {
		last, all, calls := 0, 0, 0
		_, err := regress.Solve(t.Context(), train, outputs(n), &regress.SolveSettings{Ridge: 0.1,
			Method: method, Progress: func(done, total int) {
				if calls++; done < last || done > total {
					t.Errorf("%s: %d of %d after %d of %d", method, done, total, last, all)
				}
				last, all = done, total
			}})
		if err != nil || last != all && last != all-1 || calls < 5 || all < 100 {
			t.Errorf("%s: %d of %d after %d calls: %v", method, last, all, calls, err)
		}
	}
}

// A solution is the same on any number of processors, and ends soon after its context.
func TestSolveOnProcessors(t *testing.T) {
	const n = 1300
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	train := ntk.Must(ntk.GramTiles(t.Context(), ntk.Must(ntk.LaplaceKernel(1)), rowsOf(n, 4, 0)))
	y := outputs(n)
	for _, method := range []string{"double", "single", "landmarks"} {
		s := &regress.SolveSettings{Ridge: 0.1, Method: method}
		var first *regress.Fit
		for _, processors := range []int{1, 3} {
			runtime.GOMAXPROCS(processors)
			fit := ntk.Must(regress.Solve(t.Context(), train, y, s))
			if first == nil {
				first = fit
			} else if !mat.Equal(fit.Weights, first.Weights) {
				var off mat.Dense
				off.Sub(fit.Weights, first.Weights)
				t.Errorf("%s: weights differ by %g with %d processors", method, mat.Max(&off),
					processors)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := regress.Solve(ctx, train, y, s); !errors.Is(err, context.Canceled) {
			t.Errorf("%s after the end of its context: %v", method, err)
		}
	}
}
