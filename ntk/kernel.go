package ntk

import (
	"fmt"
	"math"
	"runtime"
	"sync"

	"github.com/kernelsmith/kernelsmith/ntk/internal/accel"
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/mat"
)

// Kernel is a kernel that depends on its two inputs through q = ‖x‖²/d,
// k = x·x'/d and q' = ‖x'‖²/d; on the sphere it is a curve K(c) over the
// cosine. Kernels come from nets ([FCN.NTK], [FCN.NNGP]), from the functions
// that name one ([GaussianKernel] …), from [PowerSeries.Kernel], from a function
// of the cosine ([FromFunc]) and from other kernels ([Kernel.Add] …). The zero
// value is none, and its methods panic.
//
// What a kernel is stays apart from how its matrices are computed: see
// [GramInto].
type Kernel struct {
	name string
	// prepare does the work that concerns one input alone, pair evaluates two
	// prepared ones: a Gram matrix of n points prepares n times, not n². Where
	// both are the same value, not just equal ones, the inputs have one norm and
	// many cosines will be asked for.
	prepare func(q float64) (prepared, error)
	pair    func(a prepared, p covariance, b prepared) float64
	// net is set for the kernels of a net, which are cheaper together.
	net   *recursion
	which int // 0 NNGP, 1 NTK
	// cosineOnly says that norms do not enter.
	cosineOnly bool
	// expansion is nil for a kernel known by its values alone.
	expansion *expansion
}

// prepared is what a kernel knows of one input; each kind has its own.
type prepared any

// String names the kernel, such as "NTK of 4HL ReLU".
func (K Kernel) String() string { return K.name }

// DomainError reports arguments outside a kernel's domain.
type DomainError struct {
	Q, K, Q2 float64
	Reason   string
}

func (e *DomainError) Error() string {
	return fmt.Sprintf("ntk: kernel at (q, k, q') = (%v, %v, %v): %s", e.Q, e.K, e.Q2, e.Reason)
}

// notFinite says why a kernel has no value: its formulas left float64.
const notFinite = "the kernel is too large for double precision there: smaller standard deviations, parameters or inputs are needed"

func isFinite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// checkFinite reports the first entry of an m×n matrix that is not finite.
func checkFinite(k []float64, n int) error {
	for i, v := range k {
		if !isFinite(v) {
			return fmt.Errorf("ntk: between rows %d and %d %s", i/n, i%n, notFinite)
		}
	}
	return nil
}

// boundary is by how much rounding may carry |k| over √(q q').
const boundary = 1e-12

// At returns the kernel of a pair with q = ‖x‖²/d, k = x·x'/d, q2 = ‖x'‖²/d.
// NaN in gives NaN out; negative or infinite q, and |k| > √(q q2) by more than
// rounding, are a [*DomainError].
func (K Kernel) At(q, k, q2 float64) (float64, error) {
	if math.IsNaN(q) || math.IsNaN(k) || math.IsNaN(q2) {
		return math.NaN(), nil
	}
	limit := largestCovariance(q, q2)
	switch {
	case q < 0 || q2 < 0 || math.IsInf(q, 0) || math.IsInf(q2, 0):
		return 0, &DomainError{q, k, q2, "q and q' are squared norms over d: finite and ≥ 0"}
	case !(math.Abs(k) <= limit*(1+boundary)):
		return 0, &DomainError{q, k, q2, "|k| must be at most √(q q'), by Cauchy-Schwarz"}
	}
	a, err := K.prepare(q)
	if err != nil {
		return 0, err
	}
	b, err := K.prepare(q2)
	if err != nil {
		return 0, err
	}
	v := K.pair(a, covarianceOf(q, k, q2), b)
	if !isFinite(v) {
		return 0, &DomainError{q, k, q2, notFinite}
	}
	return v, nil
}

// Curve returns K(c) at each cosine, for inputs of norm √d. A cosine outside
// [-1, 1] is a [*DomainError].
func (K Kernel) Curve(cosines []float64) ([]float64, error) { return K.CurveAt(1, cosines) }

// CurveAt returns the kernel between inputs with ‖x‖²/d = q at each cosine. A
// cosine outside [-1, 1] is a [*DomainError].
func (K Kernel) CurveAt(q float64, cosines []float64) ([]float64, error) {
	if !(q >= 0) || math.IsInf(q, 0) {
		return nil, &DomainError{q, 0, q, "q is a squared norm over d: finite and ≥ 0"}
	}
	one, err := K.prepare(q)
	if err != nil {
		return nil, err
	}
	out := make([]float64, len(cosines))
	for i, c := range cosines {
		switch {
		case math.IsNaN(c):
			out[i] = c
		case !(math.Abs(c) <= 1+boundary):
			return nil, &DomainError{q, q * c, q, fmt.Sprintf("cosine %d is outside [-1, 1]", i)}
		default:
			c = math.Max(-1, math.Min(1, c))
			out[i] = K.pair(one, covariance{q, q * c, q, q * (1 - c), q * (1 + c)}, one)
			if !isFinite(out[i]) {
				return nil, &DomainError{q, q * c, q, notFinite}
			}
		}
	}
	return out, nil
}

// NonFiniteError reports an entry of an input matrix that is NaN, infinite, or
// so large (1e150) that its square would be.
type NonFiniteError struct {
	Row, Col int
	Value    float64
}

func (e *NonFiniteError) Error() string {
	return fmt.Sprintf("ntk: input row %d, column %d is %v; all inputs must be finite, and their squares too", e.Row, e.Col, e.Value)
}

// Gram returns the n×n matrix of the kernel between the rows of x (n×d).
func (K Kernel) Gram(x *mat.Dense) (*mat.SymDense, error) {
	rows, d, err := inputs(x)
	if err != nil {
		return nil, err
	}
	n := len(rows) / d
	k := make([]float64, n*n)
	accel.Float64().Dsyrk(blas.Upper, blas.NoTrans, n, d, 1/float64(d), rows, d, 0, k, n)
	points := make([]prepared, n)
	norms := make([]float64, n)
	for i := range n {
		norms[i] = k[i*n+i]
		if points[i], err = K.prepare(norms[i]); err != nil {
			return nil, err
		}
	}
	eachRow(n, func(i int) {
		for j := i; j < n; j++ {
			k[i*n+j] = K.pair(points[i], covarianceOf(norms[i], k[i*n+j], norms[j]), points[j])
		}
	})
	if err := checkFinite(k, n); err != nil {
		return nil, err
	}
	return mat.NewSymDense(n, k), nil
}

// Cross returns the m×n matrix of the kernel between the rows of z (m×d) and
// those of x (n×d).
func (K Kernel) Cross(z, x *mat.Dense) (*mat.Dense, error) {
	rows, d, err := inputs(x)
	if err != nil {
		return nil, err
	}
	rowsZ, dz, err := inputs(z)
	if err != nil {
		return nil, err
	}
	if d != dz {
		return nil, fmt.Errorf("ntk: rows of %d and of %d features have no inner product", dz, d)
	}
	m, n := len(rowsZ)/d, len(rows)/d
	k := make([]float64, m*n)
	accel.Float64().Dgemm(blas.NoTrans, blas.Trans, m, n, d, 1/float64(d), rowsZ, d, rows, d, 0, k, n)
	norms, points, err := K.points(rows, n, d)
	if err != nil {
		return nil, err
	}
	normsZ, pointsZ, err := K.points(rowsZ, m, d)
	if err != nil {
		return nil, err
	}
	eachRow(m, func(i int) {
		for j := range n {
			k[i*n+j] = K.pair(pointsZ[i], covarianceOf(normsZ[i], k[i*n+j], norms[j]), points[j])
		}
	})
	if err := checkFinite(k, n); err != nil {
		return nil, err
	}
	return mat.NewDense(m, n, k), nil
}

func (K Kernel) points(rows []float64, n, d int) (norms []float64, points []prepared, err error) {
	norms, points = make([]float64, n), make([]prepared, n)
	for i := range n {
		for _, v := range rows[i*d : (i+1)*d] {
			norms[i] += v * v
		}
		norms[i] /= float64(d)
		if points[i], err = K.prepare(norms[i]); err != nil {
			return nil, nil, err
		}
	}
	return norms, points, nil
}

// inputs returns the entries of x, row after row without gaps.
func inputs(x *mat.Dense) (rows []float64, d int, err error) {
	if x == nil || x.IsEmpty() {
		return nil, 0, fmt.Errorf("ntk: no inputs: a matrix with a row for each input is needed")
	}
	n, d := x.Dims()
	raw := x.RawMatrix()
	rows = raw.Data
	if raw.Stride != d {
		rows = mat.DenseCopyOf(x).RawMatrix().Data
	}
	rows = rows[:n*d]
	for i, v := range rows {
		if !(math.Abs(v) < 1e150) {
			return nil, 0, &NonFiniteError{i / d, i % d, v}
		}
	}
	return rows, d, nil
}

// eachRow calls f(0) … f(n-1), on all processors.
func eachRow(n int, f func(i int)) {
	var group sync.WaitGroup
	workers := min(n, runtime.GOMAXPROCS(0))
	for w := range workers {
		group.Go(func() {
			for i := w; i < n; i += workers { // interleaved: the rows of a triangle differ in length
				f(i)
			}
		})
	}
	group.Wait()
}
