package regress

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
)

// cosinesOf returns the cosines of random rows of d features and targets that are a function
// of them.
func cosinesOf(n, d, outputs int) (*mat.Dense, *mat.Dense) {
	r := rand.New(rand.NewPCG(5, 6))
	x, y := mat.NewDense(n, d, nil), mat.NewDense(n, outputs, nil)
	for i := range n {
		var norm float64
		for j := range d {
			x.Set(i, j, r.NormFloat64())
			norm = math.Hypot(norm, x.At(i, j))
		}
		for j := range d {
			x.Set(i, j, x.At(i, j)/norm)
		}
		for o := range outputs {
			y.Set(i, o, math.Sin(3*x.At(i, o%d))+x.At(i, 0)*x.At(i, 1)+0.1*r.NormFloat64())
		}
	}
	c := mat.NewDense(n, n, nil)
	c.Mul(x, x.T())
	return c, y
}

// kernelOf is Σ a_k c^k + ridge, entry by entry.
func kernelOf(c *mat.Dense, a []float64, ridge float64) *mat.Dense {
	n, _ := c.Dims()
	k := mat.NewDense(n, n, nil)
	k.Apply(func(i, j int, c float64) float64 {
		var v float64
		for l, a := range a {
			v += a * math.Pow(c, float64(l))
		}
		if i == j {
			v += ridge
		}
		return v
	}, c)
	return k
}

// refit is the mean squared error of the points [from, to) for each such part, by fits to the
// others with [NewRidge].
func refit(t *testing.T, k, y *mat.Dense, folds int) float64 {
	t.Helper()
	n, outputs := y.Dims()
	var sum float64
	for v := range folds {
		from, to := v*n/folds, (v+1)*n/folds
		var keep, held []int
		for i := range n {
			if i >= from && i < to {
				held = append(held, i)
			} else {
				keep = append(keep, i)
			}
		}
		train := mat.NewDense(len(keep), len(keep), nil)
		cross := mat.NewDense(to-from, len(keep), nil)
		targets := mat.NewDense(len(keep), outputs, nil)
		for a, i := range keep {
			targets.SetRow(a, y.RawRowView(i))
			for b, j := range keep {
				train.Set(a, b, k.At(i, j))
			}
			for b, j := range held {
				cross.Set(b, a, k.At(j, i))
			}
		}
		r := ntk.Must(NewRidge(t.Context(), ntk.MatrixTiles(train), targets, nil))
		f := ntk.Must(r.Predict(t.Context(), ntk.MatrixTiles(cross)))
		for b, j := range held {
			for o := range outputs {
				d := f.At(b, o) - y.At(j, o)
				sum += d * d / float64(n)
			}
		}
	}
	return sum
}

// Each criterion is what refits and determinants say, and its gradient what differences of it
// say.
func TestSeriesCriteria(t *testing.T) {
	const n = 150 // several blocks of a factor, and strips of rows that do not fit
	c, y := cosinesOf(n, 5, 3)
	a := []float64{0.1, 0.3, 0.25, 0.2, 0.15}
	const ridge = 0.02
	k := kernelOf(c, a, ridge)
	for _, s := range []SeriesSettings{
		{Folds: 4}, {Folds: 7}, {Folds: n}, {Criterion: "leave-one-out"},
		{Criterion: "likelihood"},
	} {
		s.RelativeRidge = ridge
		f, err := newSeriesFitter(t.Context(), ntk.MatrixTiles(c), y, &s)
		if err != nil {
			t.Fatal(err)
		}
		gradient := make([]float64, len(a))
		if err := f.evaluate(t.Context(), a, gradient); err != nil {
			t.Fatal(err)
		}
		var want float64
		switch f.settings.Criterion {
		case "folds":
			want = refit(t, k, y, f.settings.Folds)
		case "leave-one-out":
			want = refit(t, k, y, n)
		default:
			want = profileLikelihood(t, k, y)
		}
		if math.Abs(f.loss-want) > 1e-10*math.Abs(want) {
			t.Errorf("%+v: %v, by refits %v", s, f.loss, want)
		}
		single := ntk.Tiles[float32](singleTiles{c})
		rounded, err := newSeriesFitter(t.Context(), single, y, &s)
		if err != nil {
			t.Fatal(err)
		}
		roughly := make([]float64, len(a))
		if err := rounded.evaluate(t.Context(), a, roughly); err != nil {
			t.Fatal(err)
		}
		if size := floats.Norm(gradient, 2); math.Abs(rounded.loss-want) > 1e-4*math.Abs(want) ||
			floats.Distance(roughly, gradient, 2) > 1e-3*size {
			t.Errorf("%+v in single precision: %v and %v, in double %v and %v", s, rounded.loss,
				roughly, want, gradient)
		}
		for l := range a {
			const h = 1e-5
			var sides [2]float64
			for i, sign := range []float64{1, -1} {
				moved := append([]float64(nil), a...)
				moved[l] += sign * h
				if err := f.evaluate(t.Context(), moved, make([]float64, len(a))); err != nil {
					t.Fatal(err)
				}
				sides[i] = f.loss
			}
			if want := (sides[0] - sides[1]) / (2 * h); math.Abs(gradient[l]-want) >
				1e-6*(1+math.Abs(want)) {
				t.Errorf("%+v: ∂/∂a_%d is %v, by differences %v", s, l, gradient[l], want)
			}
		}
	}
}

// profileLikelihood is minus the logarithm of the density of the targets, for each number in
// them, under the covariance σ²K with the best σ².
func profileLikelihood(t *testing.T, k, y *mat.Dense) float64 {
	t.Helper()
	n, outputs := y.Dims()
	var chol mat.Cholesky
	sym := mat.NewSymDense(n, nil)
	for i := range n {
		for j := range i + 1 {
			sym.SetSym(i, j, k.At(i, j))
		}
	}
	if !chol.Factorize(sym) {
		t.Fatal("not positive definite")
	}
	var solved mat.Dense
	if err := chol.SolveTo(&solved, y); err != nil {
		t.Fatal(err)
	}
	var fit float64
	for i := range n {
		for o := range outputs {
			fit += y.At(i, o) * solved.At(i, o)
		}
	}
	numbers := float64(n * outputs)
	scale := fit / numbers
	// ½ yᵀ(σ²K)⁻¹y + ½ log det(2π σ²K) with the scale put in
	return (fit/scale + numbers*math.Log(2*math.Pi*scale) + float64(outputs)*chol.LogDet()) /
		(2 * numbers)
}

// The search ends below each of its starts, at one value from all of them where the problem is
// easy, in both precisions.
func TestFitSeries(t *testing.T) {
	c, y := cosinesOf(120, 4, 2)
	starts := [][]float64{{1, 1, 1, 1, 1}, {0, 1, 0, 0, 0.1}, {0.1, 0.1, 3, 0.1, 0.1}}
	for _, criterion := range []string{"folds", "leave-one-out", "likelihood"} {
		var least []float64
		for _, start := range starts {
			s := SeriesSettings{Criterion: criterion, RelativeRidge: 1e-3}
			steps, last := 0, math.Inf(1)
			s.Progress = func(iteration int, loss float64) {
				if loss > last {
					t.Errorf("%s: step %d goes up, from %v to %v", criterion, iteration, last, loss)
				}
				steps, last = iteration, loss
			}
			fit, err := FitSeries(t.Context(), ntk.MatrixTiles(c), y, start, &s)
			if err != nil {
				t.Fatal(err)
			}
			if !fit.Converged || fit.Iterations != steps || fit.Evaluations < steps {
				t.Errorf("%s from %v: %+v after %d steps", criterion, start, fit, steps)
			}
			var sum float64
			for k, v := range fit.Coeffs {
				sum += v
				if !(v >= 0) {
					t.Errorf("%s: a_%d is %v", criterion, k, v)
				}
			}
			if math.Abs(sum-1) > 1e-12 {
				t.Errorf("%s: the coefficients' sum is %v", criterion, sum)
			}
			least = append(least, fit.Loss)
			stationary(t, ntk.MatrixTiles(c), y, fit, s)
		}
		// The second start, with a_0 = 0, leads to a minimum of its own.
		if math.Abs(least[2]-least[0]) > 1e-6*math.Abs(least[0]) || !(least[1] > least[0]) {
			t.Errorf("%s: the starts end at %v", criterion, least)
		}
	}
}

// With a ridge that single precision can tell from rounding, it finds the kernel of double.
func TestFitSeriesSingle(t *testing.T) {
	c, y := cosinesOf(120, 4, 2)
	start := []float64{1, 1, 1, 1, 1}
	for _, criterion := range []string{"folds", "leave-one-out", "likelihood"} {
		s := SeriesSettings{Criterion: criterion, RelativeRidge: 0.05}
		double := ntk.Must(FitSeries(t.Context(), ntk.MatrixTiles(c), y, start, &s))
		single, err := FitSeries(t.Context(), ntk.Tiles[float32](singleTiles{c}), y, start, &s)
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(single.Loss-double.Loss) > 1e-3*math.Abs(double.Loss) {
			t.Errorf("%s: %v in single precision, %v in double", criterion, single, double)
		}
	}
}

// stationary checks that the loss has one slope along all coefficients that are not 0, and no
// less along the others.
func stationary(
	t *testing.T, c ntk.Tiles[float64], y *mat.Dense, fit *SeriesFit, s SeriesSettings,
) {
	t.Helper()
	f, err := newSeriesFitter(t.Context(), c, y, &s)
	if err != nil {
		t.Fatal(err)
	}
	slopes := make([]float64, len(fit.Coeffs))
	if err := f.evaluate(t.Context(), fit.Coeffs, slopes); err != nil {
		t.Fatal(err)
	}
	var mean float64
	for k, g := range slopes {
		mean += fit.Coeffs[k] * g
	}
	for k, g := range slopes {
		if g < mean-1e-3*math.Abs(fit.Loss) ||
			fit.Coeffs[k] > 1e-4 && g > mean+1e-3*math.Abs(fit.Loss)/fit.Coeffs[k] {
			t.Errorf("%s: coefficients %v, slopes %v", s.Criterion, fit.Coeffs, slopes)
		}
	}
}

// singleTiles are those of a matrix, rounded.
type singleTiles struct{ m *mat.Dense }

func (s singleTiles) Dims() (rows, columns int) { return s.m.Dims() }

func (s singleTiles) Tile(ctx context.Context, dst []float32, i0, i1, j0, j1 int) error {
	for i := i0; i < i1; i++ {
		for j := j0; j < j1; j++ {
			dst[(i-i0)*(j1-j0)+j-j0] = float32(s.m.At(i, j))
		}
	}
	return ctx.Err()
}

func TestFitSeriesErrors(t *testing.T) {
	c, y := cosinesOf(20, 4, 2)
	tiles := ntk.MatrixTiles(c)
	far := mat.DenseCopyOf(c)
	far.Set(3, 2, 1.5)
	far.Set(2, 3, 1.5)
	lopsided := mat.DenseCopyOf(c)
	lopsided.Set(3, 2, 0.5)
	nan := mat.DenseCopyOf(y)
	nan.Set(4, 1, math.NaN())
	good := []float64{1, 1, 1}
	for _, e := range []struct {
		cosines ntk.Tiles[float64]
		y       *mat.Dense
		start   []float64
		s       SeriesSettings
		want    string
	}{
		{nil, y, good, SeriesSettings{}, "cosines and targets are needed"},
		{tiles, nil, good, SeriesSettings{}, "cosines and targets are needed"},
		{tiles, mat.NewDense(3, 1, nil), good, SeriesSettings{}, "3 rows of targets for 20"},
		{tiles, nan, good, SeriesSettings{}, "the target is NaN in row 4, column 1"},
		{ntk.MatrixTiles(far), y, good, SeriesSettings{}, "row 3, column 2 is 1.5"},
		{ntk.MatrixTiles(lopsided), y, good, SeriesSettings{}, "it must be symmetric"},
		{tiles, y, []float64{1, -1}, SeriesSettings{}, "a_1 is -1"},
		{tiles, y, []float64{1}, SeriesSettings{}, "two or more"},
		{tiles, y, []float64{0, 0}, SeriesSettings{}, "finite sum > 0"},
		{tiles, y, good, SeriesSettings{Folds: 1}, "1 folds of 20"},
		{tiles, y, good, SeriesSettings{Folds: 21}, "21 folds of 20"},
		{tiles, y, good, SeriesSettings{Criterion: "best"}, "folds, leave-one-out or likelihood"},
		{tiles, y, good, SeriesSettings{RelativeRidge: -1}, "RelativeRidge is -1"},
		{tiles, y, good, SeriesSettings{Iterations: -1}, "Iterations is -1"},
		// rank 10 in four dimensions, without a ridge
		{tiles, y, good, SeriesSettings{}, "no kernel"},
	} {
		if _, err := FitSeries(t.Context(), e.cosines, e.y, e.start, &e.s); err == nil ||
			!strings.Contains(err.Error(), e.want) {
			t.Errorf("%v, %+v: %v; want %q", e.start, e.s, err, e.want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := FitSeries(ctx, tiles, y, good, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("after an interrupt: %v", err)
	}
}
