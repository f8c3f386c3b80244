package regress

import (
	"context"
	"fmt"
	"math"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/internal/accel"
	"github.com/kernelsmith/kernelsmith/ntk/internal/tiled"
	"gonum.org/v1/gonum/floats"
)

// Of up to wholeSize points all eigenvalues are computed where they only explain an error or a
// plan, of more those of sampleSize: a second or two, which no context ends.
const (
	wholeSize  = 2048
	sampleSize = 1024
)

// spectrum is what is known of the eigenvalues of a Gram matrix.
type spectrum struct {
	n              int // points of the matrix
	sample         int // points whose eigenvalues were computed
	least, largest float64
	rank           int // of the sample
}

// newSpectrum describes ascending eigenvalues of a matrix of n points or of some of them. What is
// not above the rounding of the largest, or is as small as one that is negative by the rounding of
// the entries, is not told from 0.
func newSpectrum(values []float64, n int) spectrum {
	m := len(values)
	s := spectrum{n: n, sample: m, least: values[0], largest: values[m-1]}
	zero := math.Max(float64(m)*0x1p-52*s.largest, -s.least)
	for _, v := range values {
		if v > zero {
			s.rank++
		}
	}
	return s
}

// indefinite says that rounding does not explain the least eigenvalue. At a kink of φ a kernel
// turns the rounding of an inner product, 1e-16, into its square root: nearly parallel inputs give
// eigenvalues of -1e-8 so.
func (s spectrum) indefinite() bool { return !(s.largest >= 0) || s.least < -1e-7*s.largest }

// safeRidge is a ridge with which double precision keeps digits: the condition number stays below
// 1/(32 n ε).
func (s spectrum) safeRidge() float64 {
	return math.Max(0, 32*float64(s.n)*0x1p-52*s.largest-s.least)
}

// singular is the error of a matrix without an inverse.
func (s spectrum) singular(ridge float64) *SingularError {
	condition := math.Inf(1)
	if lowest := s.least + ridge; lowest > 0 {
		condition = (s.largest + ridge) / lowest
	}
	// Of a matrix of subnormal numbers the safe ridge would come out as 0, which does not do.
	return &SingularError{Points: s.n, Rank: s.rank, Condition: condition, Ridge: ridge,
		SafeRidge: math.Max(s.safeRidge(), 0x1p-1022)}
}

// spectrumOf returns the eigenvalues of a Gram matrix: all of them, or of many points those of a
// sample and by Lanczos' method the ends.
func spectrumOf[T accel.Float](ctx context.Context, t ntk.Tiles[T]) (spectrum, error) {
	n, _ := t.Dims()
	sample, err := sampleOf(ctx, t)
	if err != nil {
		return spectrum{}, err
	}
	values, err := eigenvalues(sample)
	if err != nil {
		return spectrum{}, err
	}
	s := newSpectrum(values, n)
	if s.sample == n {
		return s, nil
	}
	least, largest, err := ends(ctx, gramOf(t))
	// By interlacing, no eigenvalue of a part is outside those of the whole.
	s.least, s.largest = math.Min(s.least, least), math.Max(s.largest, largest)
	return s, err
}

// eigenvalues returns those of a symmetric matrix, ascending, and overwrites it.
func eigenvalues(a []float64) ([]float64, error) {
	m := int(math.Sqrt(float64(len(a))))
	values := make([]float64, m)
	if !accel.SymEigenvalues(m, a, values) {
		return nil, fmt.Errorf(
			"regress: the eigenvalues of a %d×%d Gram matrix did not converge", m, m)
	}
	return values, nil
}

// sampleOf returns the Gram matrix of the points whose eigenvalues are computed.
func sampleOf[T accel.Float](ctx context.Context, t ntk.Tiles[T]) ([]float64, error) {
	if n, _ := t.Dims(); n > wholeSize {
		some := spread(n, sampleSize)
		t = picked[T]{t, some, some}
	}
	g, _, err := gram(ctx, gramOf(t))
	return g, err
}

// run is the number of neighbours among picked rows, since a tile of one row costs as much as
// one of several.
const run = 16

// spread returns m < n of the numbers 0 … n-1, ascending, in runs at equal distances.
func spread(n, m int) []int {
	runs := (m + run - 1) / run
	out := make([]int, 0, m)
	for k := range runs {
		start := 0
		if runs > 1 {
			start = k * (n - run) / (runs - 1)
		}
		for i := 0; i < run && len(out) < m; i++ {
			out = append(out, start+i)
		}
	}
	return out
}

// picked is a matrix of some of the rows and columns of another, nil for all.
type picked[T accel.Float] struct {
	ntk.Tiles[T]
	rows, columns []int
}

func (p picked[T]) Dims() (rows, columns int) {
	rows, columns = p.Tiles.Dims()
	if p.rows != nil {
		rows = len(p.rows)
	}
	if p.columns != nil {
		columns = len(p.columns)
	}
	return rows, columns
}

func (p picked[T]) Tile(ctx context.Context, dst []T, i0, i1, j0, j1 int) error {
	width := j1 - j0
	part := make([]T, len(dst))
	for i := i0; i < i1; {
		firstRow, height := neighbours(p.rows, i, i1)
		for j := j0; j < j1; {
			firstColumn, across := neighbours(p.columns, j, j1)
			tile := part[:height*across]
			err := p.Tiles.Tile(ctx, tile, firstRow, firstRow+height, firstColumn,
				firstColumn+across)
			if err != nil {
				return err
			}
			for k := range height {
				copy(dst[(i-i0+k)*width+j-j0:], tile[k*across:(k+1)*across])
			}
			j += across
		}
		i += height
	}
	return nil
}

// neighbours returns what the picks from i on begin with, and how many follow each other.
func neighbours(picks []int, i, end int) (first, count int) {
	if picks == nil {
		return i, end - i
	}
	for count = 1; i+count < end && picks[i+count] == picks[i]+count; {
		count++
	}
	return picks[i], count
}

// ends returns the least and the largest eigenvalue by Lanczos' method with full
// reorthogonalisation: within the spectrum, and near its ends where those stand out.
//
// Source: C. Lanczos, "An Iteration Method for the Solution of the Eigenvalue Problem of Linear
// Differential and Integral Operators", J. Res. Nat. Bur. Standards 45, 1950.
func ends[T accel.Float](ctx context.Context, t *source[T]) (least, largest float64, err error) {
	const steps = 48
	n, _ := t.Dims()
	v := make([]float64, n)
	for i := range v {
		v[i] = math.Sin(float64(i+1) * float64(i+3)) // as good as random, and the same each time
	}
	var basis [][]float64
	var diagonal, beside []float64
	for len(basis) < min(steps, n) {
		norm := floats.Norm(v, 2)
		if k := len(basis); k > 0 {
			if beside = append(beside, norm); norm <= 1e-12*math.Abs(largest) {
				break
			}
		}
		floats.Scale(1/norm, v)
		basis = append(basis, v)
		w := make([]float64, n)
		if err := tiled.TimesSymmetric(ctx, t, v, w, 1, nil); err != nil {
			return 0, 0, err
		}
		diagonal = append(diagonal, floats.Dot(v, w))
		for range 2 {
			for _, u := range basis {
				floats.AddScaled(w, -floats.Dot(u, w), u)
			}
		}
		v = w
		before, size := [2]float64{least, largest}, len(diagonal)
		values, small := make([]float64, size), make([]float64, size*size)
		for i := range size {
			small[i*size+i] = diagonal[i]
			if i+1 < size {
				small[i*size+i+1] = beside[i]
			}
		}
		if !accel.SymEigenvalues(size, small, values) {
			return 0, 0, fmt.Errorf("regress: Lanczos' method did not converge")
		}
		least, largest = values[0], values[size-1]
		if size > 8 && math.Max(math.Abs(least-before[0]), largest-before[1]) < 1e-6*largest {
			break
		}
	}
	return least, largest, nil
}
