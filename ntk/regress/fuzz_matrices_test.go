package regress_test

import (
	"errors"
	"math"
	"testing"

	"github.com/kernelsmith/kernelsmith/internal/fuzzinput"
	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/regress"
	"gonum.org/v1/gonum/mat"
)

// problemOf makes an n×n matrix and n×outputs targets of any numbers. The matrix is symmetric, and
// a Gram matrix if asked for: A Aᵀ of the numbers.
func problemOf(b []byte, size, kind byte) (gram, y *mat.Dense, ok bool) {
	v := fuzzinput.Numbers(b, 60)
	n := 1 + int(size)%6
	outputs := 1 + int(size)/128
	if len(v) < n*(n+outputs) {
		return nil, nil, false
	}
	gram, y = mat.NewDense(n, n, v[:n*n]), mat.NewDense(n, outputs, v[n*n:n*(n+outputs)])
	if kind%2 == 0 {
		a := mat.DenseCopyOf(gram)
		gram.Mul(a, a.T())
	} else {
		for i := range n {
			for j := range i {
				gram.Set(i, j, gram.At(j, i))
			}
		}
	}
	return gram, y, true
}

func finite(m mat.Matrix) bool {
	rows, columns := m.Dims()
	for i := range rows {
		for j := range columns {
			if v := m.At(i, j); math.IsNaN(v) || math.IsInf(v, 0) {
				return false
			}
		}
	}
	return true
}

// fuzzProblems fuzzes what is done with a matrix, targets, and two numbers.
func fuzzProblems(
	f *testing.F, try func(t *testing.T, gram, y *mat.Dense, size, kind byte, one, two float64),
) {
	addMatrices(f)
	f.Fuzz(func(t *testing.T, b []byte, size, kind byte, one, two float64) {
		if gram, y, ok := problemOf(b, size, kind); ok {
			try(t, gram, y, size, kind, one, two)
		}
	})
}

func addMatrices(f *testing.F) {
	ones := make([]float64, 60)
	for i := range ones {
		ones[i] = 1
	}
	mixed := []float64{1, 0.5, 0.25, 2, 0.1, -1, 3, -0.5, 0.7, 1.5, 2, 1, 4, 5, 6, 7, 8, 9, 1, 2}
	for _, v := range [][]float64{ones, mixed, {1e200, 1, 1e-200, 2, 1, 1},
		{5e-324, 0, 0, 0, 1, 1}, {-1, 0, 0, -1, 1, 2}, {math.NaN(), 1, 1, 1, 1, 1},
		{1, 1, 1, 1 + 1e-16, 1, 2}} {
		for _, kind := range []byte{0, 1} {
			for _, size := range []byte{1, 2, 128} {
				f.Add(fuzzinput.Bytes(v...), size, kind, 0.0, 1e-3)
			}
		}
	}
}

// Regression with any matrix: numbers that fit, or an error that says why there are none.
func FuzzRidge(f *testing.F) {
	fuzzProblems(f, func(
		t *testing.T, gram, y *mat.Dense, size, kind byte, ridge, relative float64,
	) {
		before := mat.DenseCopyOf(gram)
		r, err := regress.NewRidge(t.Context(), ntk.MatrixTiles(gram), y, &regress.RidgeSettings{
			Ridge: ridge, RelativeRidge: relative, PseudoInverse: kind&2 != 0})
		if finite(before) && !mat.Equal(before, gram) {
			t.Errorf("the matrix %v has become %v", before, gram)
		}
		if err != nil {
			checkSingular(t, err)
			return
		}
		predicted, err := r.Predict(t.Context(), ntk.MatrixTiles(gram))
		if err == nil && !finite(predicted) || !finite(r.Weights()) || math.IsNaN(r.Condition()) ||
			!(r.Ridge() >= 0) || r.Rank() < 0 || r.Rank() > y.RawMatrix().Rows {
			t.Errorf("K = %v, y = %v, %+v: predictions %v, weights %v, condition %v, rank %d",
				gram, y, r.Ridge(), predicted, r.Weights(), r.Condition(), r.Rank())
		}
		if err == nil && r.Ridge() == 0 && r.Rank() == y.RawMatrix().Rows && r.Condition() < 1e6 {
			for i := range y.RawMatrix().Rows {
				if math.Abs(predicted.At(i, 0)-y.At(i, 0)) > 1e-6*mat.Norm(y, 2) {
					t.Errorf("K = %v, y = %v: goes through %v", gram, y, predicted)
				}
			}
		}
		if !finite(r.LeaveOneOut()) && r.Condition() < 1e12 && mat.Max(y) < 1e100 {
			t.Errorf("K = %v, y = %v: leave-one-out %v", gram, y, r.LeaveOneOut())
		}
		if l, err := r.LogMarginalLikelihood(); err == nil {
			for _, v := range l {
				if math.IsNaN(v) {
					t.Errorf("K = %v, y = %v: likelihood %v", gram, y, l)
				}
			}
		}
		diagonal := make([]float64, y.RawMatrix().Rows)
		for i := range diagonal {
			diagonal[i] = gram.At(i, i)
		}
		variance, err := r.Variance(t.Context(), ntk.MatrixTiles(gram), diagonal)
		for i, v := range variance {
			if err == nil && !(v >= 0 && v <= diagonal[i]*(1+1e-9)+1e-300) {
				t.Errorf("K = %v, ridge %v: variances %v", gram, r.Ridge(), variance)
			}
		}
	})
}

func checkSingular(t *testing.T, err error) {
	t.Helper()
	var singular *regress.SingularError
	var indefinite *regress.IndefiniteError
	if errors.As(err, &singular) && singular.Rank > 0 && !(singular.SafeRidge > 0) {
		t.Errorf("%v: no ridge that does", singular)
	}
	if errors.As(err, &indefinite) && !(indefinite.Least < 0) {
		t.Errorf("%v: no negative eigenvalue", indefinite)
	}
}

// The iterative ways come to the residual that they state, or say that they do not.
func FuzzSolve(f *testing.F) {
	fuzzProblems(f, func(
		t *testing.T, gram, y *mat.Dense, size, kind byte, ridge, tolerance float64,
	) {
		s := &regress.SolveSettings{Ridge: ridge, Tolerance: tolerance,
			Method: []string{"", "double", "single", "landmarks", "none"}[kind/2%5],
			Passes: int(size), Memory: int64(kind) << 10}
		tiles := ntk.MatrixTiles(gram)
		fit, err := regress.Solve(t.Context(), tiles, y, s)
		if err != nil {
			checkSingular(t, err)
		} else {
			checkFit(t, gram, y, fit, tolerance)
		}
		if fit, err := regress.FitFeatures(t.Context(), tiles, y, s); err == nil &&
			!finite(fit.Weights) {
			t.Errorf("features %v, y = %v: weights %v", gram, y, fit.Weights)
		}
		if fit, err := regress.FitLandmarks(t.Context(), tiles, tiles, y, s); err == nil &&
			!finite(fit.Weights) {
			t.Errorf("landmarks %v, y = %v: weights %v", gram, y, fit.Weights)
		}
		d, err := regress.Diagnose(t.Context(), tiles, 1, s)
		if err == nil && (d.Points != y.RawMatrix().Rows || d.Rank < 0 || d.Rank > d.Sample) {
			t.Errorf("K = %v: %+v", gram, *d)
		}
	})
}

func checkFit(t *testing.T, gram, y *mat.Dense, fit *regress.Fit, tolerance float64) {
	t.Helper()
	if !finite(fit.Weights) {
		t.Fatalf("K = %v, y = %v: weights %v", gram, y, fit.Weights)
	}
	if tolerance == 0 {
		tolerance = 1e-6
	}
	var left mat.Dense
	left.Mul(gram, fit.Weights)
	var weighted mat.Dense
	weighted.Scale(fit.Ridge, fit.Weights)
	left.Add(&left, &weighted)
	left.Sub(y, &left)
	_, outputs := y.Dims()
	for j := range outputs {
		of, size := mat.Norm(left.ColView(j), 2), mat.Norm(y.ColView(j), 2)
		// Rounding of the products themselves, beside what was asked for.
		rounding := 1e-14 * mat.Norm(gram, 2) * mat.Norm(fit.Weights, 2)
		if !(of <= tolerance*size*(1+1e-6)+rounding) && size > 1e-150 && size < 1e150 {
			t.Errorf("K = %v, y = %v, δ = %v: residual %v of %v, states %v", gram, y, fit.Ridge,
				of, size, fit.Residual)
		}
	}
}

// Nets in training: at time 0 nothing has been learned, and the means stay finite at every time.
func FuzzEnsemble(f *testing.F) {
	fuzzProblems(f, func(
		t *testing.T, gram, y *mat.Dense, size, kind byte, rate, at float64,
	) {
		tiles := ntk.MatrixTiles(gram)
		grams := &regress.Grams{Train: tiles, Cross: tiles, Test: tiles}
		prior := grams
		if kind&4 != 0 {
			prior = nil
		}
		e, err := regress.NewEnsemble(t.Context(), grams, prior, y, &regress.EnsembleSettings{
			LearningRate: rate, Flow: kind&8 != 0, Momentum: float64(kind/64) / 4,
			RidgeInKernel: kind&16 != 0, RelativeRidge: float64(kind&32) / 32})
		if err != nil {
			checkSingular(t, err)
			return
		}
		if !(e.Limit() > 0) {
			t.Errorf("K = %v: limit %v", gram, e.Limit())
		}
		for _, when := range []float64{0, at, math.Floor(math.Abs(at)), math.Inf(1)} {
			train, test, err := e.Mean(when)
			if err != nil {
				continue
			}
			if !finite(train) || !finite(test) {
				t.Errorf("K = %v, y = %v, t = %v: means %v and %v", gram, y, when, train, test)
			}
			if when == 0 && mat.Norm(train, 2) > 1e-9*mat.Norm(y, 2) {
				t.Errorf("K = %v, y = %v: at the start %v", gram, y, train)
			}
			c, err := e.TestCovariance(when)
			if err != nil {
				continue
			}
			for i := range c.SymmetricDim() {
				if !(c.At(i, i) >= -1e-9*mat.Trace(gram)) {
					t.Errorf("K = %v, t = %v: covariance %v", gram, when, c)
				}
			}
		}
	})
}

// Searches among kernels: coefficients ≥ 0 and a loss that is a number, from any start.
func FuzzFitSum(f *testing.F) {
	fuzzProblems(f, func(
		t *testing.T, gram, y *mat.Dense, size, kind byte, first, second float64,
	) {
		s := &regress.SeriesSettings{Iterations: 1 + int(kind%4), RelativeRidge: 1e-3,
			Criterion: []string{"", "folds", "leave-one-out", "likelihood", "other"}[kind/2%5],
			Folds:     int(size / 32)}
		n, _ := gram.Dims()
		identity := mat.NewDense(n, n, nil)
		for i := range n {
			identity.Set(i, i, 1)
		}
		kernels := []ntk.Tiles[float64]{ntk.MatrixTiles(gram), ntk.MatrixTiles(identity)}
		start := []float64{first, second}
		sum, errSum := regress.FitSum(t.Context(), kernels, y, start, s)
		series, errSeries := regress.FitSeries(t.Context(), kernels[0], y, start, s)
		for _, fit := range []*regress.SeriesFit{sum, series} {
			if fit == nil || fit == sum && errSum != nil || fit == series && errSeries != nil {
				continue
			}
			for _, a := range fit.Coeffs {
				if !(a >= 0) || math.IsInf(a, 0) || math.IsNaN(fit.Loss) {
					t.Errorf("K = %v, y = %v, from %v: %+v", gram, y, start, *fit)
				}
			}
		}
		path, err := regress.RidgePath(t.Context(), kernels[0], y,
			&regress.PathSettings{Ridges: []float64{math.Abs(first), 1}})
		if err == nil && (len(path) != 2 || math.IsNaN(path[1].LeaveOneOut) ||
			path[1].Freedom < -1e-9 || path[1].Freedom > float64(n)*(1+1e-9)) {
			t.Errorf("K = %v, y = %v: path %+v", gram, y, path)
		}
	})
}

// What is said of classes: probabilities add up to 1, and each row is counted once.
func FuzzClasses(f *testing.F) {
	f.Add(fuzzinput.Bytes(1, 0, 0, 1, 0.5, 0.2), fuzzinput.Bytes(1, 0.5, 2), byte(2))
	f.Add(fuzzinput.Bytes(1e300, -1e300, 5e-324), fuzzinput.Bytes(0, 1e-300, 1e300), byte(0))
	f.Add(fuzzinput.Bytes(math.Inf(1), 1, 2, 3), fuzzinput.Bytes(-1), byte(3))
	f.Fuzz(func(t *testing.T, b, variances []byte, columns byte) {
		v := fuzzinput.Numbers(b, 24)
		d := 1 + int(columns)%5
		n := len(v) / d
		if n == 0 {
			return
		}
		mean := mat.NewDense(n, d, v[:n*d])
		p, err := regress.ClassProbabilities(mean, fuzzinput.Numbers(variances, 24))
		if err == nil {
			for i := range n {
				sum := mat.Sum(p.Slice(i, i+1, 0, d))
				if !(mat.Min(p) >= 0 && mat.Max(p) <= 1) || d > 1 && math.Abs(sum-1) > 1e-12 {
					t.Errorf("probabilities %v of %v", p, mean)
				}
			}
		}
		y := mat.NewDense(n, d, nil)
		for i := range n {
			y.Set(i, i%d, 1)
		}
		counts, err := regress.Confusion(mean, y)
		if err != nil {
			return
		}
		sum := 0
		for _, row := range counts {
			for _, k := range row {
				sum += k
			}
		}
		margins, err := regress.Margins(mean, y)
		if sum != n || err != nil || len(margins) != n {
			t.Errorf("%d of %d rows counted, margins %v, %v", sum, n, margins, err)
		}
	})
}
