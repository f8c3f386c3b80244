package ntk

import (
	"fmt"
	"math"

	"github.com/kernelsmith/kernelsmith/ntk/internal/gauss"
)

// Kernel is a kernel that depends on its two inputs through q = ‖x‖²/d,
// k = x·x'/d and q' = ‖x'‖²/d; on the sphere it is a curve K(c) over the
// cosine. Kernels come from nets ([FCN.NTK], [FCN.NNGP]), from the functions
// that name one ([GaussianKernel] …), from [PowerSeries.Kernel], from a function
// of the cosine ([FromFunc]) and from other kernels ([Kernel.Add] …). The zero
// value is none: String returns "", and what evaluates it panics or is an error.
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
	pair    func(a prepared, p gauss.Pair, b prepared) float64
	// net is set for the kernels of a net, which are cheaper together.
	net   *recursion
	which int // 0 NNGP, 1 NTK
	// cosineOnly says that norms do not enter.
	cosineOnly bool
	// tolerance is the error of values relative to K(1) where it is more than rounding:
	// that of numeric activations.
	tolerance float64
	// function says that values come from a caller's function of the cosine.
	function bool
	// expansion is nil for a kernel known by its values alone.
	expansion *expansion
}

// prepared is what a kernel knows of one input; each kind has its own.
type prepared = any

// String names the kernel, such as "NTK of 4HL ReLU".
func (K Kernel) String() string { return K.name }

// DomainError reports arguments outside a kernel's domain.
type DomainError struct {
	Q, K, Q2 float64
	Reason   string
}

// Error implements error.
func (e *DomainError) Error() string {
	return fmt.Sprintf("ntk: kernel at (q, k, q') = (%v, %v, %v): %s", e.Q, e.K, e.Q2, e.Reason)
}

// notFinite says why a kernel has no value: its formulas left float64.
const notFinite = "the kernel is too large for double precision there: smaller standard deviations, parameters or inputs are needed"

// reason says why the kernel has no finite value somewhere.
func (K Kernel) reason() string {
	if K.function {
		return "the function that the kernel is made of is not finite there"
	}
	return notFinite
}

func isFinite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// boundary is by how much rounding may carry |k| over √(q q').
const boundary = 1e-12

// At returns the kernel of a pair with q = ‖x‖²/d, k = x·x'/d, q2 = ‖x'‖²/d.
// NaN in gives NaN out; negative or infinite q, and |k| > √(q q2) by more than
// rounding, are a [*DomainError].
func (K Kernel) At(q, k, q2 float64) (float64, error) {
	if math.IsNaN(q) || math.IsNaN(k) || math.IsNaN(q2) {
		return math.NaN(), nil
	}
	limit := gauss.Largest(q, q2)
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
	v := K.pair(a, gauss.Of(q, k, q2), b)
	if !isFinite(v) {
		return 0, &DomainError{q, k, q2, K.reason()}
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
			out[i] = K.pair(one, gauss.New(q, q*c, q, q*(1-c), q*(1+c)), one)
			if !isFinite(out[i]) {
				return nil, &DomainError{q, q * c, q, K.reason()}
			}
		}
	}
	return out, nil
}
