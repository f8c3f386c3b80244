package regress

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/internal/accel"
	"gonum.org/v1/gonum/mat"
)

// FitSum looks for the sum of kernels K = Σ a_k K_k, a_k ≥ 0, that regression with is best at on
// given data: [FitSeries] for kernels of any kind, such as those of several nets, or the powers of
// a layer's kernel on images. Each is given by its n×n Gram matrix between the training points,
// and start has a coefficient for each of two or more, none negative. y are the n×outputs targets.
// [SumTiles] makes a matrix of the kernel that was found.
//
// Kernels may be of different sizes: the search is over their shares of the mean of K's diagonal,
// in which start is kept too, and the coefficients that are returned make that mean 1. A kernel
// that is the sum of others, or nearly, leaves its share undetermined. Criteria, search and cost
// are as for FitSeries.
//
// Matrices of different dimensions, entries that are not finite, a matrix that is not symmetric and
// one whose diagonal has no mean > 0 are errors that name the kernel, counted from 0. That each
// is positive semidefinite is not looked at, but sums that are not are passed over.
//
// Memory: n²/2 numbers of T for each kernel, and three n×n matrices. Each tile on and below the
// diagonal is read once. If ctx ends, its error is returned.
//
// Source: as for FitSeries; M. Gönen, E. Alpaydın, "Multiple Kernel Learning Algorithms", JMLR 12,
// 2011, section 3, for sums with coefficients that are not negative.
func FitSum[T float32 | float64](
	ctx context.Context, kernels []ntk.Tiles[T], y *mat.Dense, start []float64, s *SeriesSettings,
) (*SeriesFit, error) {
	if err := checkStart(start, len(kernels)); err != nil {
		return nil, err
	}
	f, scales, err := newSumFitter(ctx, kernels, y, s)
	if err != nil {
		return nil, err
	}
	shares := slices.Clone(start)
	for k, m := range scales {
		shares[k] *= m
	}
	found, err := f.fit(ctx, shares)
	if err != nil {
		return nil, err
	}
	for k, m := range scales {
		found.Coeffs[k] /= m
	}
	return found, nil
}

// checkStart reports coefficients that are not those of so many kernels.
func checkStart(start []float64, kernels int) error {
	if kernels < 2 {
		return fmt.Errorf("regress: a sum of %d kernels; two or more are needed to choose from",
			kernels)
	}
	return checkCoeffs(start, kernels)
}

func checkCoeffs(a []float64, kernels int) error {
	if len(a) != kernels {
		return fmt.Errorf("regress: %d coefficients for %d kernels; each needs one", len(a),
			kernels)
	}
	for k, v := range a {
		if !(v >= 0) || math.IsInf(v, 0) {
			return fmt.Errorf("regress: the coefficient of kernel %d is %v; it must be a finite "+
				"number ≥ 0", k, v)
		}
	}
	return nil
}

// newSumFitter returns the fitter of FitSum, whose coefficients are those of the kernels over the
// means of their diagonals, and these means.
func newSumFitter[T accel.Float](
	ctx context.Context, kernels []ntk.Tiles[T], y *mat.Dense, s *SeriesSettings,
) (*kernelFitter[T], []float64, error) {
	if y == nil || isEmpty(ntk.MatrixTiles(y)) {
		return nil, nil, errors.New("regress: targets are needed")
	}
	if err := sameDims(kernels); err != nil {
		return nil, nil, err
	}
	f, err := newKernelFitter(kernels[0], y, s)
	if err != nil {
		return nil, nil, err
	}
	grams, scales := make(grams[T], len(kernels)), make([]float64, len(kernels))
	for k, K := range kernels {
		l := newLower[T](f.n)
		of := &source[T]{Tiles: K, name: fmt.Sprintf("Gram matrix of kernel %d", k)}
		if err := fill(ctx, of, l, nil); err != nil {
			return nil, nil, err
		}
		var mean float64
		for i := range f.n {
			mean += float64(l.row(i)[i]) / float64(f.n)
		}
		if !(mean > 0) || math.IsInf(mean, 0) || math.IsInf(1/mean, 0) {
			return nil, nil, fmt.Errorf("regress: the mean of the diagonal of kernel %d is %v; it "+
				"must be > 0 and within double precision: leave the kernel out, or scale it", k,
				mean)
		}
		for i := range l.data {
			l.data[i] = T(float64(l.data[i]) / mean)
		}
		grams[k], scales[k] = l, mean
	}
	f.terms = grams
	return f, scales, nil
}

// sameDims reports matrices that are missing, empty or not all of the dimensions of the first.
func sameDims[T accel.Float](kernels []ntk.Tiles[T]) error {
	for k, K := range kernels {
		if isEmpty(K) {
			return fmt.Errorf("regress: kernel %d has no matrix, or one without entries", k)
		}
		rows, columns := kernels[0].Dims()
		if m, n := K.Dims(); m != rows || n != columns {
			return fmt.Errorf("regress: the matrix of kernel 0 is %d×%d and that of kernel %d "+
				"%d×%d; all must be of the same points", rows, columns, k, m, n)
		}
	}
	return nil
}

// grams are the lower triangles of kernel matrices.
type grams[T accel.Float] []*lower[T]

func (g grams[T]) combine(dst []T, i int, a []T) {
	clear(dst)
	for k, l := range g {
		addScaled(dst, a[k], l.row(i))
	}
}

func (g grams[T]) moments(out []float64, i int, w []T) {
	for k, l := range g {
		out[k] += inner(w, l.row(i))
	}
}

// addScaled adds a·x to dst.
func addScaled[T accel.Float](dst []T, a T, x []T) {
	x = x[:len(dst)]
	for j, v := range x {
		dst[j] += a * v
	}
}

// inner is the inner product in double precision, of four sums so that none waits for another.
func inner[T accel.Float](x, y []T) float64 {
	var s0, s1, s2, s3 float64
	n := len(x) &^ 3
	for j := 0; j < n; j += 4 {
		x, y := x[j:j+4:j+4], y[j:j+4:j+4]
		s0 += float64(x[0]) * float64(y[0])
		s1 += float64(x[1]) * float64(y[1])
		s2 += float64(x[2]) * float64(y[2])
		s3 += float64(x[3]) * float64(y[3])
	}
	for j := n; j < len(x); j++ {
		s0 += float64(x[j]) * float64(y[j])
	}
	return (s0 + s1) + (s2 + s3)
}

// SumTiles returns the matrix Σ a_k K_k tile by tile, of kernels with matrices of one size: a Gram
// matrix for [NewRidge] or [Solve], or a cross matrix for Predict, with coefficients such as those
// that [FitSum] has found. The kernels of coefficients 0 are not evaluated. A tile costs those of
// the others.
//
// No kernels, matrices that are empty or of different dimensions, and coefficients of another
// number, negative or not finite, are errors. coeffs is copied, the list of kernels too.
func SumTiles[T float32 | float64](kernels []ntk.Tiles[T], coeffs []float64) (ntk.Tiles[T], error) {
	if len(kernels) == 0 {
		return nil, errors.New("regress: a sum of no kernels has no dimensions")
	}
	if err := checkCoeffs(coeffs, len(kernels)); err != nil {
		return nil, err
	}
	if err := sameDims(kernels); err != nil {
		return nil, err
	}
	t := &sumTiles[T]{}
	t.rows, t.columns = kernels[0].Dims()
	for k, v := range coeffs {
		if v > 0 {
			t.kernels, t.coeffs = append(t.kernels, kernels[k]), append(t.coeffs, T(v))
		}
	}
	return t, nil
}

type sumTiles[T accel.Float] struct {
	rows, columns int
	kernels       []ntk.Tiles[T] // of coefficients > 0
	coeffs        []T
}

func (t *sumTiles[T]) Dims() (rows, columns int) { return t.rows, t.columns }

func (t *sumTiles[T]) Tile(ctx context.Context, dst []T, i0, i1, j0, j1 int) error {
	if i0 < 0 || i1 <= i0 || i1 > t.rows || j0 < 0 || j1 <= j0 || j1 > t.columns ||
		len(dst) != (i1-i0)*(j1-j0) {
		return fmt.Errorf("rows %d to %d and columns %d to %d of a %d×%d matrix in %d numbers: "+
			"the tile must be within it and dst of its size", i0, i1, j0, j1, t.rows, t.columns,
			len(dst))
	}
	clear(dst)
	part := make([]T, len(dst))
	for k, K := range t.kernels {
		if err := K.Tile(ctx, part, i0, i1, j0, j1); err != nil {
			return err
		}
		addScaled(dst, t.coeffs[k], part)
	}
	return ctx.Err()
}
