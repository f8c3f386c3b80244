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

// powersOf are the matrices c^k, times factors that differ.
func powersOf(c *mat.Dense, factors []float64) []ntk.Tiles[float64] {
	var out []ntk.Tiles[float64]
	for k, factor := range factors {
		var p mat.Dense
		p.Apply(func(_, _ int, v float64) float64 { return factor * math.Pow(v, float64(k)) }, c)
		out = append(out, ntk.MatrixTiles(&p))
	}
	return out
}

// singles are matrices in single precision.
func singles(kernels []ntk.Tiles[float64]) []ntk.Tiles[float32] {
	out := make([]ntk.Tiles[float32], len(kernels))
	for k, K := range kernels {
		out[k] = narrow{K}
	}
	return out
}

// narrow rounds the tiles of a matrix.
type narrow struct{ of ntk.Tiles[float64] }

func (t narrow) Dims() (rows, columns int) { return t.of.Dims() }

func (t narrow) Tile(ctx context.Context, dst []float32, i0, i1, j0, j1 int) error {
	exact := make([]float64, len(dst))
	err := t.of.Tile(ctx, exact, i0, i1, j0, j1)
	for i, v := range exact {
		dst[i] = float32(v)
	}
	return err
}

// unlike are Gram matrices of kernels that are no series of one another, and of very different
// sizes, at random rows.
func unlike(t *testing.T, n int) (kernels []ntk.Tiles[float64], x *mat.Dense) {
	t.Helper()
	r := rand.New(rand.NewPCG(7, 8))
	x = mat.NewDense(n, 3, nil)
	for i := range n {
		for j := range 3 {
			x.Set(i, j, r.NormFloat64())
		}
	}
	small := ntk.Must(ntk.Must(ntk.LaplaceKernel(2)).Scale(1e-3))
	large := ntk.Must(ntk.Must(ntk.GaussianKernel(0.4)).Scale(500))
	deep := ntk.Must(ntk.Must(ntk.UniformFCN(3, ntk.ReLU{}, math.Sqrt2, 0.1)).NTK())
	for _, K := range []ntk.Kernel{small, large, deep} {
		kernels = append(kernels, ntk.MatrixTiles(ntk.Must(K.Gram(x))))
	}
	return kernels, x
}

// The gradient by the coefficients of kernels of any kind is what differences say, and the value
// what refits say, in each criterion and both precisions.
func TestSumCriteria(t *testing.T) {
	const n, ridge = 150, 0.02
	kernels, _ := unlike(t, n)
	_, y := cosinesOf(n, 5, 3)
	w := []float64{0.5, 0.2, 0.3}
	for _, s := range []SeriesSettings{
		{Folds: 7}, {Criterion: "leave-one-out"}, {Criterion: "likelihood"},
	} {
		s.RelativeRidge = ridge
		f, scales, err := newSumFitter(t.Context(), kernels, y, &s)
		if err != nil {
			t.Fatal(err)
		}
		at := func(w []float64) (float64, []float64) {
			gradient := make([]float64, len(w))
			if err := f.evaluate(t.Context(), w, gradient); err != nil {
				t.Fatal(err)
			}
			return f.loss, gradient
		}
		a := make([]float64, len(w))
		for k := range a {
			a[k] = w[k] / scales[k]
		}
		k := mat.NewDense(n, n, nil)
		sum := ntk.Must(SumTiles(kernels, a))
		if err := sum.Tile(t.Context(), k.RawMatrix().Data, 0, n, 0, n); err != nil {
			t.Fatal(err)
		}
		if mean := mat.Trace(k) / n; math.Abs(mean-1) > 1e-12 {
			t.Errorf("the mean of the diagonal is %v", mean)
		}
		for i := range n {
			k.Set(i, i, k.At(i, i)+ridge)
		}
		var want float64
		switch s.Criterion {
		case "leave-one-out":
			want = refit(t, k, y, n)
		case "likelihood":
			want = profileLikelihood(t, k, y)
		default:
			want = refit(t, k, y, s.Folds)
		}
		loss, gradient := at(w)
		if math.Abs(loss-want) > 1e-10*math.Abs(want) {
			t.Errorf("%+v: %v, by refits %v", s, loss, want)
		}
		for k := range w {
			const h = 1e-5
			moved := append([]float64(nil), w...)
			moved[k] += h
			above, _ := at(moved)
			moved[k] -= 2 * h
			below, _ := at(moved)
			if want := (above - below) / (2 * h); math.Abs(gradient[k]-want) >
				1e-6*(1+math.Abs(want)) {
				t.Errorf("%+v: slope %d is %v, by differences %v", s, k, gradient[k], want)
			}
		}
		rounded, _, err := newSumFitter(t.Context(), singles(kernels), y, &s)
		if err != nil {
			t.Fatal(err)
		}
		roughly := make([]float64, len(w))
		if err := rounded.evaluate(t.Context(), w, roughly); err != nil {
			t.Fatal(err)
		}
		if math.Abs(rounded.loss-loss) > 1e-4*math.Abs(loss) ||
			floats.Distance(roughly, gradient, 2) > 1e-3*floats.Norm(gradient, 2) {
			t.Errorf("%+v in single precision: %v and %v, in double %v and %v", s, rounded.loss,
				roughly, loss, gradient)
		}
	}
}

// The powers of a cosine, at other scales and as matrices, are the series that FitSeries finds.
func TestFitSumOfPowers(t *testing.T) {
	c, y := cosinesOf(120, 4, 2)
	factors := []float64{1, 20, 1, 0.01, 3}
	kernels := powersOf(c, factors)
	start := []float64{1, 1, 1, 1, 1}
	scaled := make([]float64, len(start))
	for k := range scaled {
		scaled[k] = start[k] / factors[k]
	}
	for _, criterion := range []string{"folds", "leave-one-out", "likelihood"} {
		s := &SeriesSettings{Criterion: criterion, RelativeRidge: 1e-3}
		series := ntk.Must(FitSeries(t.Context(), ntk.MatrixTiles(c), y, start, s))
		sum, err := FitSum(t.Context(), kernels, y, scaled, s)
		if err != nil {
			t.Fatal(err)
		}
		if !sum.Converged || math.Abs(sum.Loss-series.Loss) > 1e-7*math.Abs(series.Loss) {
			t.Errorf("%s: %+v, as a series %+v", criterion, sum, series)
		}
		for k, v := range sum.Coeffs {
			if math.Abs(v*factors[k]-series.Coeffs[k]) > 1e-3 {
				t.Errorf("%s: a_%d is %v/%v, of the series %v", criterion, k, v, factors[k],
					series.Coeffs[k])
			}
		}
	}
}

// A mixture of two kernels is found from what it has drawn: the likelihood of many functions of a
// Gaussian process is greatest at the shares that it has.
func TestFitSumFindsMixture(t *testing.T) {
	const n, functions, noise = 60, 300, 0.01
	kernels, _ := unlike(t, n)
	kernels = kernels[:2]
	_, scales, err := newSumFitter(t.Context(), kernels, mat.NewDense(n, 1, nil), nil)
	if err != nil {
		t.Fatal(err)
	}
	shares := []float64{0.3, 0.7}
	a := []float64{shares[0] / scales[0], shares[1] / scales[1]}
	k := mat.NewDense(n, n, nil)
	mixed := ntk.Must(SumTiles(kernels, a))
	if err := mixed.Tile(t.Context(), k.RawMatrix().Data, 0, n, 0, n); err != nil {
		t.Fatal(err)
	}
	cov := mat.NewSymDense(n, nil)
	for i := range n {
		for j := range i + 1 {
			cov.SetSym(i, j, k.At(i, j))
		}
		cov.SetSym(i, i, k.At(i, i)+noise)
	}
	var chol mat.Cholesky
	if !chol.Factorize(cov) {
		t.Fatal("not positive definite")
	}
	var l mat.TriDense
	chol.LTo(&l)
	r := rand.New(rand.NewPCG(9, 10))
	z := mat.NewDense(n, functions, nil)
	for i := range n {
		for j := range functions {
			z.Set(i, j, r.NormFloat64())
		}
	}
	var y mat.Dense
	y.Mul(&l, z)
	for _, start := range [][]float64{{0.5 / scales[0], 0.5 / scales[1]}, {1, 0}, {0, 1}} {
		fit, err := FitSum(t.Context(), kernels, &y, start,
			&SeriesSettings{Criterion: "likelihood", RelativeRidge: noise})
		if err != nil {
			t.Fatal(err)
		}
		// The spread of the estimate with n·functions numbers is about 0.005.
		for k, v := range fit.Coeffs {
			if got := v * scales[k]; math.Abs(got-shares[k]) > 0.02 {
				t.Errorf("from %v: share %d is %v; the functions are drawn with %v", start, k, got,
					shares[k])
			}
		}
	}
	// The third kernel is not in it, and its share goes to nothing.
	three, _ := unlike(t, n)
	_, scales, err = newSumFitter(t.Context(), three, &y, nil)
	if err != nil {
		t.Fatal(err)
	}
	fit := ntk.Must(FitSum(t.Context(), three, &y, []float64{1, 1, 1},
		&SeriesSettings{Criterion: "likelihood", RelativeRidge: noise}))
	if v := fit.Coeffs[2] * scales[2]; v > 0.03 {
		t.Errorf("the kernel that is not in the mixture has the share %v", v)
	}
}

func TestFitSumErrors(t *testing.T) {
	c, y := cosinesOf(20, 4, 2)
	good, start := powersOf(c, []float64{1, 1, 1}), []float64{1, 1, 1}
	other := func(change func(m *mat.Dense)) []ntk.Tiles[float64] {
		m := mat.DenseCopyOf(c)
		change(m)
		return []ntk.Tiles[float64]{good[0], good[1], ntk.MatrixTiles(m)}
	}
	same := func(*mat.Dense) {}
	set := func(i, j int, v float64) func(*mat.Dense) {
		return func(m *mat.Dense) { m.Set(i, j, v) }
	}
	small, _ := cosinesOf(19, 4, 2)
	oblong := ntk.MatrixTiles(mat.NewDense(20, 19, nil))
	for _, e := range []struct {
		kernels []ntk.Tiles[float64]
		y       *mat.Dense
		start   []float64
		s       SeriesSettings
		want    string
	}{
		{nil, y, nil, SeriesSettings{}, "a sum of 0 kernels; two or more"},
		{good[:1], y, start[:1], SeriesSettings{}, "a sum of 1 kernels; two or more"},
		{good, y, start[:2], SeriesSettings{}, "2 coefficients for 3 kernels"},
		{good, y, []float64{1, 1, -2}, SeriesSettings{}, "of kernel 2 is -2"},
		{good, y, []float64{1, math.NaN(), 1}, SeriesSettings{}, "of kernel 1 is NaN"},
		{good, y, []float64{0, 0, 0}, SeriesSettings{}, "finite sum > 0"},
		{good, nil, start, SeriesSettings{}, "targets are needed"},
		{good, y.Slice(0, 3, 0, 2).(*mat.Dense), start, SeriesSettings{}, "3 rows of targets"},
		{append(good[:2:2], nil), y, start, SeriesSettings{}, "kernel 2 has no matrix"},
		{append(good[:2:2], ntk.MatrixTiles(small)), y, start, SeriesSettings{},
			"kernel 0 is 20×20 and that of kernel 2 19×19"},
		{[]ntk.Tiles[float64]{oblong, oblong}, y, start[:2], SeriesSettings{}, "must be square"},
		{other((*mat.Dense).Zero), y, start, SeriesSettings{}, "diagonal of kernel 2 is 0"},
		{other(func(m *mat.Dense) { m.Scale(-1, m) }), y, start, SeriesSettings{},
			"diagonal of kernel 2 is -1"},
		{other(set(3, 2, math.NaN())), y, start, SeriesSettings{},
			"Gram matrix of kernel 2 is NaN in row 3, column 2"},
		{other(set(3, 2, 9)), y, start, SeriesSettings{}, "Gram matrix of kernel 2 is 9 in row 3"},
		{other(same), y, start, SeriesSettings{Criterion: "best"}, "folds, leave-one-out or"},
		{other(same), y, start, SeriesSettings{RelativeRidge: -1}, "RelativeRidge is -1"},
		// rank 15 of twenty points, without a ridge
		{good, y, start, SeriesSettings{}, "larger RelativeRidge"},
	} {
		if _, err := FitSum(t.Context(), e.kernels, e.y, e.start, &e.s); err == nil ||
			!strings.Contains(err.Error(), e.want) {
			t.Errorf("%v, %+v: %v; want %q", e.start, e.s, err, e.want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := FitSum(ctx, good, y, start, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("after an interrupt: %v", err)
	}
}

func TestSumTilesErrors(t *testing.T) {
	c, _ := cosinesOf(6, 4, 1)
	good := powersOf(c, []float64{1, 1})
	for _, e := range []struct {
		kernels []ntk.Tiles[float64]
		a       []float64
		want    string
	}{
		{nil, nil, "no kernels"},
		{good, []float64{1}, "1 coefficients for 2"},
		{good, []float64{1, -1}, "kernel 1 is -1"},
		{good, []float64{1, math.Inf(1)}, "kernel 1 is +Inf"},
		{[]ntk.Tiles[float64]{good[0], nil}, []float64{1, 1}, "kernel 1 has no matrix"},
	} {
		if _, err := SumTiles(e.kernels, e.a); err == nil ||
			!strings.Contains(err.Error(), e.want) {
			t.Errorf("%v: %v; want %q", e.a, err, e.want)
		}
	}
	sum := ntk.Must(SumTiles(good, []float64{0, 0}))
	for _, e := range [][4]int{{0, 7, 0, 1}, {2, 2, 0, 1}, {0, 1, -1, 2}, {0, 1, 0, 2}} {
		if err := sum.Tile(t.Context(), make([]float64, 1), e[0], e[1], e[2], e[3]); err == nil {
			t.Errorf("no error of the tile %v", e)
		}
	}
	nothing := []float64{7}
	if err := sum.Tile(t.Context(), nothing, 1, 2, 1, 2); err != nil || nothing[0] != 0 {
		t.Errorf("a sum with coefficients 0 is %v, %v", nothing, err)
	}
}
