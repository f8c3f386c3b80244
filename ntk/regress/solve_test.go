package regress_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/regress"
	"gonum.org/v1/gonum/mat"
)

func ExampleSolve() {
	net := ntk.Must(ntk.UniformFCN(4, ntk.ReLU{}, math.Sqrt2, 0.1))
	K := ntk.Must(net.NTK())
	ctx := context.Background()
	x := ntk.Inputs[float64]{Rows: []float64{1, 1, 1, -1, -1, 1}, N: 3, D: 2}
	z := ntk.Inputs[float64]{Rows: []float64{-1, -1}, N: 1, D: 2}
	y := mat.NewDense(3, 1, []float64{1, -1, -1})
	fit, err := regress.Solve(ctx, ntk.Must(ntk.GramTiles(ctx, K, x)), y,
		&regress.SolveSettings{RelativeRidge: 1e-3, Method: "single"})
	if err != nil {
		panic(err)
	}
	f, err := fit.Predict(ctx, ntk.Must(ntk.CrossTiles(ctx, K, z, x)))
	if err != nil {
		panic(err)
	}
	fmt.Printf("f = %.4f with ridge %.5f, residual below 1e-6: %v\n", f.At(0, 0), fit.Ridge,
		fit.Residual < 1e-6)
	// Output: f = -0.3503 with ridge 0.00507, residual below 1e-6: true
}

// A smooth kernel on many points of a line is singular to rounding.
func ExampleResidualError() {
	ctx := context.Background()
	x := ntk.Inputs[float64]{Rows: make([]float64, 300), N: 300, D: 1}
	y := mat.NewDense(300, 1, nil)
	for i := range 300 {
		x.Rows[i] = float64(i) / 100
		y.Set(i, 0, float64(i%2))
	}
	tiles := ntk.Must(ntk.GramTiles(ctx, ntk.Must(ntk.GaussianKernel(1)), x))
	_, err := regress.Solve(ctx, tiles, y, nil)
	var residual *regress.ResidualError
	if !errors.As(err, &residual) {
		panic(err)
	}
	fit, err := regress.Solve(ctx, tiles, y, &regress.SolveSettings{Ridge: residual.SafeRidge})
	if err != nil {
		panic(err)
	}
	fmt.Println("with the ridge that it names:", fit.Residual < residual.Wanted)
	// Output: with the ridge that it names: true
}

func ExampleInPlace() {
	ctx := context.Background()
	gram := []float64{2, 0, 0, 1}
	tiles, err := regress.InPlace(gram, 2)
	if err != nil {
		panic(err)
	}
	fit, err := regress.Solve(ctx, tiles, mat.NewDense(2, 1, []float64{4, 3}), nil)
	if err != nil {
		panic(err)
	}
	fmt.Printf("%.0f\n", mat.Formatted(fit.Weights.T()))
	// Output: [2  3]
}

// rowsOf returns inputs on the sphere in all directions.
func rowsOf(n, d int, phase float64) ntk.Inputs[float64] {
	x := ntk.Inputs[float64]{Rows: make([]float64, n*d), N: n, D: d}
	for i := range n {
		row, sum := x.Rows[i*d:(i+1)*d], 0.0
		for j := range row {
			row[j] = math.Sin(phase + float64(1+i*(2*j+3)+j*j))
			sum += row[j] * row[j]
		}
		for j := range row {
			row[j] *= math.Sqrt(float64(d) / sum)
		}
	}
	return x
}

func single(x ntk.Inputs[float64]) ntk.Inputs[float32] {
	out := ntk.Inputs[float32]{Rows: make([]float32, len(x.Rows)), N: x.N, D: x.D}
	for i, v := range x.Rows {
		out.Rows[i] = float32(v)
	}
	return out
}

// outputs are a wave, a constant, a column of zeros and one class against the others.
func outputs(n int) *mat.Dense {
	y := mat.NewDense(n, 4, nil)
	for i := range n {
		y.SetRow(i, []float64{math.Cos(float64(3 * i)), 2, 0, float64((i % 10) / 9)})
	}
	return y
}

// residualOf is the largest ‖y - (K + δ)α‖/‖y‖ of a column by gonum's products.
func residualOf(gram mat.Matrix, ridge float64, weights, y *mat.Dense) (worst float64) {
	var f mat.Dense
	f.Mul(gram, weights)
	n, o := y.Dims()
	for c := range o {
		var off, size float64
		for i := range n {
			r := y.At(i, c) - f.At(i, c) - ridge*weights.At(i, c)
			off += r * r
			size += y.At(i, c) * y.At(i, c)
		}
		if size > 0 {
			worst = math.Max(worst, math.Sqrt(off/size))
		} else if off > 0 {
			worst = math.Inf(1)
		}
	}
	return worst
}

// Each method, of tiles of both precisions and of a matrix that is overwritten, comes to the
// residual that it states, and so to the weights of the factor in double precision.
func TestSolve(t *testing.T) {
	const n, d = 700, 5
	K := ntk.Must(ntk.Must(ntk.UniformFCN(4, ntk.ReLU{}, math.Sqrt2, 0.1)).NTK())
	x, y := rowsOf(n, d, 0), outputs(n)
	double := ntk.Must(ntk.GramTiles(t.Context(), K, x))
	narrow := ntk.Must(ntk.GramTiles(t.Context(), K, single(x)))
	whole, wholeNarrow := make([]float64, n*n), make([]float32, n*n)
	ntk.Must(0, ntk.GramInto(t.Context(), whole, K, x, nil))
	ntk.Must(0, ntk.GramInto(t.Context(), wholeNarrow, K, single(x), nil))
	gram := mat.NewSymDense(n, append([]float64(nil), whole...))
	gramNarrow := mat.NewSymDense(n, nil)
	for i := range n {
		for j := range i + 1 {
			gramNarrow.SetSym(i, j, float64(wholeNarrow[j*n+i]))
		}
	}
	const relative, tol = 1e-3, 1e-9
	exact := ntk.Must(regress.NewRidge(t.Context(), double, y,
		&regress.RidgeSettings{RelativeRidge: relative}))
	inDouble := ntk.Must(regress.InPlace(whole, n))
	inSingle := ntk.Must(regress.InPlace(wholeNarrow, n))
	for name, c := range map[string]struct {
		solve  func(s *regress.SolveSettings) (*regress.Fit, error)
		method string
		gram   mat.Matrix
		most   int // passes
	}{
		"double":    {solverOf(t, double, y), "double", gram, 2},
		"single":    {solverOf(t, double, y), "single", gram, 5},
		"landmarks": {solverOf(t, double, y), "landmarks", gram, 120},
		"of single": {solverOf(t, narrow, y), "single", gramNarrow, 5},
		"in double": {solverOf(t, inDouble, y), "", gram, 2},
		"in single": {solverOf(t, inSingle, y), "", gramNarrow, 5},
	} {
		fit, err := c.solve(&regress.SolveSettings{RelativeRidge: relative, Tolerance: tol,
			Method: c.method})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		// The sums of the products here and there round differently.
		got := residualOf(c.gram, fit.Ridge, fit.Weights, y)
		if !(got <= 1.2*fit.Residual+1e-12 && fit.Residual <= tol) && c.gram == mat.Matrix(gram) {
			t.Errorf("%s: residual %.3g, stated %.3g, allowed %.0e", name, got, fit.Residual, tol)
		}
		if fit.Passes > c.most {
			t.Errorf("%s: %d passes, expected %d at most", name, fit.Passes, c.most)
		}
		within := 1e-5 // the residual times the condition number
		if c.gram == mat.Matrix(gramNarrow) {
			within = 1e-2 // and what rounding does to the kernel's kink
		}
		near(t, name, fit.Weights, exact.Weights(), within)
		if math.Abs(fit.Ridge-exact.Ridge()) > 1e-6*exact.Ridge() {
			t.Errorf("%s: ridge %v, want %v", name, fit.Ridge, exact.Ridge())
		}
	}
	for i := range n {
		for j := i + 1; j < n; j++ {
			if whole[i*n+j] != gram.At(i, j) {
				t.Fatalf("above the diagonal InPlace changed entry %d, %d", i, j)
			}
		}
	}
}

// solverOf is Solve of one matrix.
func solverOf[T float32 | float64](
	t *testing.T, tiles ntk.Tiles[T], y *mat.Dense,
) func(s *regress.SolveSettings) (*regress.Fit, error) {
	return func(s *regress.SolveSettings) (*regress.Fit, error) {
		return regress.Solve(t.Context(), tiles, y, s)
	}
}

// A kernel so smooth that single precision has no factor of it: with a small ridge conjugate
// gradients take over from refinement, without one the error names a ridge, and with that ridge
// there is a solution. In double precision as well.
func TestSolveOfSmoothKernel(t *testing.T) {
	const n = 600
	K, x := ntk.Must(ntk.GaussianKernel(1)), rowsOf(n, 2, 0)
	tiles := ntk.Must(ntk.GramTiles(t.Context(), K, x))
	gram := ntk.Must(K.Gram(mat.NewDense(n, 2, x.Rows)))
	y := outputs(n)
	for _, method := range []string{"single", "double", "landmarks"} {
		fit, err := regress.Solve(t.Context(), tiles, y,
			&regress.SolveSettings{Ridge: 1e-5, Method: method})
		if err != nil {
			t.Errorf("%s with a small ridge: %v", method, err)
		} else if got := residualOf(gram, fit.Ridge, fit.Weights, y); got > 1.001e-6 {
			t.Errorf("%s with a small ridge: residual %g", method, got)
		}
		t.Logf("%s: %d passes", method, fit.Passes)
		_, err = regress.Solve(t.Context(), tiles, y, &regress.SolveSettings{Method: method})
		var residual *regress.ResidualError
		if !errors.As(err, &residual) || !(residual.Reached > residual.Wanted) ||
			residual.Wanted != 1e-6 || !strings.Contains(err.Error(), "would do") {
			t.Errorf("%s without a ridge: %v", method, err)
			continue
		}
		t.Log(err)
		fit, err = regress.Solve(t.Context(), tiles, y,
			&regress.SolveSettings{Ridge: residual.SafeRidge, Method: method})
		if err != nil {
			t.Errorf("%s with the ridge that was named: %v", method, err)
		} else if got := residualOf(gram, fit.Ridge, fit.Weights, y); got > 1.001e-6 {
			t.Errorf("%s with the ridge that was named: residual %g", method, got)
		}
	}
}
