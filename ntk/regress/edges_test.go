package regress_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/regress"
	"gonum.org/v1/gonum/mat"
)

// scaleOf is the likelihood of the scale of a kernel.
func scaleOf(k mat.Matrix, y *mat.Dense) *regress.Likelihood {
	n, _ := k.Dims()
	return &regress.Likelihood{Y: y, Gram: func(_ context.Context, p []float64) (*mat.SymDense,
		error) {
		s := mat.NewSymDense(n, nil)
		for i := range n {
			for j := range i + 1 {
				s.SetSym(i, j, p[0]*k.At(i, j))
			}
		}
		return s, nil
	}}
}

// unit is the matrix of white noise.
func unit(n int) mat.Matrix {
	ones := make([]float64, n)
	for i := range ones {
		ones[i] = 1
	}
	return mat.NewDiagDense(n, ones)
}

// What chooses a ridge or a kernel has the right numbers at the edge of sense.
func TestEdgesOfChoice(t *testing.T) {
	const n = 24
	laplace := ntk.Must(ntk.LaplaceKernel(1))
	x := mat.NewDense(n, 3, rowsOf(n, 3, 0).Rows)
	regular := ntk.Must(laplace.Gram(x))
	path := func(k mat.Matrix, y *mat.Dense, ridge float64) regress.RidgeScore {
		t.Helper()
		s, err := regress.RidgePath(t.Context(), tiles(k), y,
			&regress.PathSettings{Ridges: []float64{ridge}})
		if err != nil {
			t.Fatal(err)
		}
		return s[0]
	}
	// One point: left out, nothing predicts it, and 0 is not its class, whatever the rounding.
	one := mat.NewDense(1, 1, []float64{-2})
	for _, ridge := range []float64{0, 3e-10, 1e-18, 0.05, 7} {
		s := path(mat.NewSymDense(1, []float64{3}), one, ridge)
		if math.Abs(s.LeaveOneOut-4) > 1e-14 || s.LeaveOneOutAccuracy != 0 ||
			math.Abs(s.Freedom-3/(3+ridge)) > 1e-14 {
			t.Errorf("one point with ridge %v: %+v", ridge, s)
		}
	}
	// Of a kernel that is 0 the regression is 0.
	signs := mat.NewDense(n, 1, nil)
	signs.Apply(func(i, _ int, _ float64) float64 { return math.Sin(float64(1 + i)) }, signs)
	zero := mat.NewSymDense(n, nil)
	s := path(zero, signs, 1e-18)
	square := math.Pow(mat.Norm(signs, 2), 2) / n
	if math.Abs(s.LeaveOneOut-square) > 1e-14 || s.LeaveOneOutAccuracy != 0 || s.Freedom != 0 {
		t.Errorf("of a kernel that is 0: %+v", s)
	}
	// One class, constant targets: the errors go with their square, and the class is known.
	ones := mat.NewDense(n, 1, nil)
	ones.Apply(func(_, _ int, _ float64) float64 { return 1 }, ones)
	var large mat.Dense
	large.Scale(-7e8, ones)
	small := path(regular, ones, 0.05)
	if s := path(regular, &large, 0.05); small.LeaveOneOutAccuracy != 1 ||
		s.LeaveOneOutAccuracy != 1 || math.Abs(s.LeaveOneOut/small.LeaveOneOut/49e16-1) > 1e-12 {
		t.Errorf("constant targets: %+v, of another constant %+v", s, small)
	}
	// Targets that are 0 tell kernels apart in no error.
	zeros := mat.NewDense(n, 2, nil)
	kernels := []ntk.Tiles[float64]{tiles(regular), tiles(unit(n))}
	for _, criterion := range []string{"folds", "leave-one-out"} {
		f, err := regress.FitSum(t.Context(), kernels, zeros, []float64{1, 3},
			&regress.SeriesSettings{Criterion: criterion})
		if err != nil || f.Loss != 0 || math.Abs(f.Coeffs[0]-0.25) > 1e-12 {
			t.Errorf("%s of zero targets: %+v, %v", criterion, f, err)
		}
	}
	// Equal points: a ridge too small is an error that names one that does.
	double := mat.NewDense(n, 3, nil)
	for i := range n {
		double.SetRow(i, x.RawRowView(i/2))
	}
	twice := ntk.Must(laplace.Gram(double))
	for _, ridge := range []float64{0, 1e-18} {
		_, err := regress.RidgePath(t.Context(), tiles(twice), signs,
			&regress.PathSettings{Ridges: []float64{ridge}})
		var singular *regress.SingularError
		if !errors.As(err, &singular) || singular.Rank != n/2 {
			t.Fatalf("equal points with ridge %v: %v", ridge, err)
		}
		path(twice, signs, singular.SafeRidge)
		_, err = regress.FitSum(t.Context(), []ntk.Tiles[float64]{tiles(twice), tiles(twice)},
			signs, []float64{1, 1}, &regress.SeriesSettings{RelativeRidge: ridge})
		mustSay(t, err, "larger RelativeRidge", nil)
	}
}

// What chooses says what is wrong with input of which nothing can be chosen.
func TestChoiceOfNonsense(t *testing.T) {
	const n = 24
	x := mat.NewDense(n, 3, rowsOf(n, 3, 0).Rows)
	good := ntk.Must(ntk.Must(ntk.LaplaceKernel(1)).Gram(x))
	with := func(i, j int, v float64) *mat.Dense {
		m := mat.DenseCopyOf(good)
		m.Set(i, j, v)
		return m
	}
	nan := mat.DenseCopyOf(good)
	for j := range n { // as of an input that is NaN
		nan.Set(4, j, math.NaN())
		nan.Set(j, 4, math.NaN())
	}
	zero := mat.NewSymDense(n, nil)
	y := outputs(n)
	zeros := mat.NewDense(n, 1, nil)
	path := func(k mat.Matrix) error {
		_, err := regress.RidgePath(t.Context(), tiles(k), y, nil)
		return err
	}
	sum := func(k mat.Matrix, y *mat.Dense, criterion string) error {
		m, _ := k.Dims()
		_, err := regress.FitSum(t.Context(), []ntk.Tiles[float64]{tiles(k), tiles(unit(m))}, y,
			[]float64{1, 1}, &regress.SeriesSettings{Criterion: criterion, RelativeRidge: 0.1})
		return err
	}
	maximum := func(k mat.Matrix) error {
		_, err := scaleOf(k, y).Maximize(t.Context(), []float64{1}, 0.1)
		return err
	}
	_, singular := regress.NewRidge(t.Context(), tiles(zero), y, nil)
	diagnosis := ntk.Must(regress.Diagnose(t.Context(), tiles(zero), 1, nil)).String()
	huge := mat.NewDense(n, 1, nil)
	huge.Set(3, 0, 1e200)
	rounded := ntk.Must(ntk.GramTiles(t.Context(), ntk.Must(ntk.LaplaceKernel(1)),
		single(rowsOf(n, 3, 0))))
	_, beyond := regress.FitSeries(t.Context(), rounded, huge, []float64{1, 1}, nil)
	for _, c := range []struct {
		says string
		err  error
	}{
		{"row 3, column 2 and 9 in row 2, column 3", path(with(2, 3, 9))},
		{"Gram matrix is NaN in row 4, column 4", path(nan)},
		{"eigenvalues go from -1", path(with(3, 3, -1))},
		{"diagonal is 0", path(zero)},
		{"Gram matrix of kernel 0 is 0.29", sum(with(2, 3, 9), y, "")},
		{"Gram matrix of kernel 0 is NaN in row 0, column 4", sum(nan, y, "")},
		{"not positive semidefinite", sum(with(3, 3, -20), y, "")},
		{"diagonal of kernel 0 is 0", sum(zero, y, "")},
		{"by 1 point", sum(mat.NewSymDense(1, []float64{3}), mat.NewDense(1, 1, []float64{1}), "")},
		{"all targets are 0", sum(good, zeros, "likelihood")},
		{"row 3, column 0 is 1e+200, beyond single", beyond},
		{"Gram matrix is NaN", maximum(nan)},
		{"is 0 at all training points", maximum(zero)},
		{"is 0 but for rounding; with any ridge > 0", singular},
		{"any ridge > 0 is safe", errors.New(diagnosis)},
	} {
		mustSay(t, c.err, c.says, nil)
	}
	if strings.Contains(diagnosis, "from 0 on") {
		t.Errorf("diagnosis of a matrix that is 0: %s", diagnosis)
	}
}
