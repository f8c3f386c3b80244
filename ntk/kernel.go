package ntk

import (
	"fmt"
	"math"
)

// Kernel is a kernel that depends on its two inputs through q = ‖x‖²/d,
// k = x·x'/d and q' = ‖x'‖²/d; on the sphere it is a curve K(c) over the
// cosine. Kernels come from [FCN.NNGP], [FCN.NTK] and [PowerSeries.Kernel]; the
// zero value is none, and its methods panic.
type Kernel struct {
	name string
	// prepare does the work that concerns one input alone, pair evaluates two
	// prepared ones: a Gram matrix of n points prepares n times, not n².
	prepare func(q float64) []point
	pair    func(a []point, k float64, b []point) float64
	// slopes is nil for a kernel other than of a net with two slopes.
	slopes *slopeNet
	// expansion is nil for a kernel known by its values alone.
	expansion *expansion
}

// point is what a layer knows of one input.
type point struct {
	q        float64   // variance of the pre-activation
	prepared []float64 // see [PreparedDualer]
}

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
	v := K.pair(K.prepare(q), math.Max(-limit, math.Min(limit, k)), K.prepare(q2))
	if !isFinite(v) {
		return 0, &DomainError{q, k, q2, notFinite}
	}
	return v, nil
}

// Curve returns K(c) at each cosine, for inputs of norm √d. A cosine outside
// [-1, 1] is a [*DomainError].
func (K Kernel) Curve(cosines []float64) ([]float64, error) {
	one := K.prepare(1)
	out := make([]float64, len(cosines))
	for i, c := range cosines {
		switch {
		case math.IsNaN(c):
			out[i] = c
		case !(math.Abs(c) <= 1+boundary):
			return nil, &DomainError{1, c, 1, fmt.Sprintf("cosine %d is outside [-1, 1]", i)}
		default:
			out[i] = K.pair(one, math.Max(-1, math.Min(1, c)), one)
			if !isFinite(out[i]) {
				return nil, &DomainError{1, c, 1, notFinite}
			}
		}
	}
	return out, nil
}
