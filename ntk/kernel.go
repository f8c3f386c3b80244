package ntk

import (
	"errors"
	"fmt"
	"math"

	"github.com/kernelsmith/kernelsmith/ntk/internal/gauss"
	"github.com/kernelsmith/kernelsmith/ntk/internal/gram"
	"github.com/kernelsmith/kernelsmith/ntk/internal/special"
)

// cosineKernel is a kernel of the cosine alone, whatever the norms; where an input
// is zero the cosine is taken as 0.
func cosineKernel(name string, f func(c float64) float64, e *expansion) Kernel {
	return Kernel{
		name:    name,
		prepare: func(q float64) (prepared, error) { return q, nil },
		pair: func(a prepared, p gauss.Pair, b prepared) float64 {
			if p.Q == p.Q2 && p.Q > 0 { // the cosine to rounding on either side
				if p.Minus <= p.Plus {
					return f(1 - p.Minus/p.Q)
				}
				return f(p.Plus/p.Q - 1)
			}
			return f(p.Rho())
		},
		cosineOnly: true,
		expansion:  e,
	}
}

// FromFunc returns the kernel K(c) = f(c) of the cosine c in [-1, 1]: on inputs of
// any norm their cosine, 0 where one is zero. Whether f is positive definite is not
// checked here but by package inverse; its values at some cosines are: NaN or an infinity
// is an error, and so is a panic of f there; later ones are the caller's. f must be
// safe to call from several goroutines.
func FromFunc(name string, f func(c float64) float64) (K Kernel, err error) {
	if f == nil {
		return Kernel{}, fmt.Errorf("ntk: kernel %q has no function (nil)", name)
	}
	defer func() {
		if p := recover(); p != nil {
			K, err = Kernel{}, fmt.Errorf("ntk: kernel %q panics on [-1, 1]: %v", name, p)
		}
	}()
	for i := range 65 {
		c := math.Cos(math.Pi * float64(i) / 64)
		if v := f(c); !special.Finite(v) {
			return Kernel{}, fmt.Errorf(
				"ntk: kernel %q is %v at c = %v; it must be finite on [-1, 1]", name, v, c)
		}
	}
	K = cosineKernel(name, f, nil)
	K.blackBox = true
	return K, nil
}

// AtOne returns the limit of K(c) for c → 1 from the left, on inputs of norm √d,
// and an estimate of its error. A kernel whose power series is known is continuous
// there, so that it is K(1). Of others it is extrapolated from values down to
// 1 - c = 6e-14: white noise adds a jump at 1, which this does not see, and a
// derivative may be infinite there (+Inf, with an error of 0). Spikes narrower than
// that are not told from jumps.
func (K Kernel) AtOne() (limit, errorBound float64, err error) {
	K = K.made()
	one, err := K.prepare(1)
	if err != nil {
		return 0, 0, err
	}
	if K.expansion != nil && K.expansion.nonneg {
		v := K.pair(one, gauss.Equal(1), one)
		if special.Finite(v) {
			return v, (1e-15 + K.tolerance) * math.Abs(v), nil
		}
	}
	// Neville's scheme in t = √(1-c), in which kernels with a kink are analytic; the
	// step is a quarter each time, in t a half.
	const n = 22
	var values, column, last []float64
	var best [n]float64
	for i := range n {
		gap := math.Ldexp(1, -2*(i+1))
		p := gauss.New(1, 1-gap, 1, gap, 2-gap)
		v := K.pair(one, p, one)
		if !special.Finite(v) {
			return 0, 0, &DomainError{1, p.K, 1, K.reason(p, v)}
		}
		values = append(values, v)
		last, column = column, []float64{v}
		for j := 1; j <= min(i, 4); j++ {
			f := math.Pow(2, float64(j))
			column = append(column, (f*column[j-1]-last[j-1])/(f-1))
		}
		best[i] = column[len(column)-1]
	}
	// Increments that do not shrink: the kernel goes like 1/t or log t.
	diverges := true
	for i := n - 5; i < n; i++ {
		step, before := values[i]-values[i-1], values[i-1]-values[i-2]
		diverges = diverges && step/before > 0.9 && math.Abs(step) > 1e-9*math.Abs(values[i])
	}
	if diverges {
		return math.Copysign(math.Inf(1), values[n-1]-values[0]), 0, nil
	}
	// Of the last rows the one that changed least; they disagree by what values are
	// off and by what is not smooth.
	at, bound := n-1, math.Inf(1)
	for i := n - 6; i < n; i++ {
		if e := math.Abs(best[i]-best[i-1]) + math.Abs(best[i-1]-best[i-2]); e < bound {
			at, bound = i, e
		}
	}
	bound = math.Max(bound, math.Abs(values[n-1]-best[at])*1e-2)
	if !special.Finite(best[at]) || !special.Finite(bound) {
		return 0, 0, &DomainError{1, 1, 1, K.reason(gauss.Equal(1), best[at])}
	}
	return best[at], bound + (1e-15+K.tolerance)*math.Abs(best[at]), nil
}

// Kernel is a kernel that depends on its two inputs through q = ‖x‖²/d,
// k = x·x'/d and q' = ‖x'‖²/d; on the sphere it is a curve K(c) over the
// cosine. Kernels come from nets ([FCN.NTK], [FCN.NNGP]), from the functions
// that name one ([GaussianKernel] …), from [PowerSeries.Kernel], from a function
// of the cosine ([FromFunc]) and from other kernels ([Kernel.Add] …). The zero
// value is none: String returns "", and its values and those of what is made of it are an
// error.
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
	net     *recursion
	tangent bool // the NTK of the net, else its NNGP kernel
	// cosineOnly says that norms do not enter.
	cosineOnly bool
	// factors are set for a multiple of their product, parts for a sum, a product and the like.
	factors  []Kernel
	parts    []Kernel
	distance gram.Dependence // gram.OfSumAndDifference or OfDifference, if the kernel is
	// tolerance is the error of values relative to K(1) where it is more than rounding:
	// that of numeric activations.
	tolerance float64
	// blackBox says that values come from a caller's function of the cosine.
	blackBox bool
	// expansion is nil for a kernel known by its values alone.
	expansion *expansion
	// rescaled returns the kernel K(√s x, √s x') of inputs x and x'; nil where it is K itself.
	rescaled func(s float64) (Kernel, error)
}

// prepared is what a kernel knows of one input; each kind has its own.
type prepared = any

var errNoKernel = errors.New("ntk: the zero Kernel is none; make one with FCN.NTK, FCN.NNGP, " +
	"GaussianKernel and others, PowerSeries.Kernel or FromFunc")

// made returns K, and for the zero value a kernel whose values are an error.
func (K Kernel) made() Kernel {
	if K.prepare == nil {
		K.prepare = func(float64) (prepared, error) { return nil, errNoKernel }
		K.pair = func(prepared, gauss.Pair, prepared) float64 { return math.NaN() }
	}
	return K
}

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

// reason says why the kernel has the value v at the pair, which is not finite: of a sum or a
// product the first part that is not says it.
func (K Kernel) reason(p gauss.Pair, v float64) string {
	for _, part := range K.parts {
		a, err := part.prepare(p.Q)
		b, err2 := part.prepare(p.Q2)
		if err != nil || err2 != nil {
			continue
		}
		if w := part.pair(a, p, b); !special.Finite(w) {
			return part.reason(p, w)
		}
	}
	switch {
	case K.blackBox && K.parts == nil:
		return "the function that the kernel is made of is not finite there"
	case math.IsNaN(v):
		return gram.Lost
	}
	return gram.NotFinite
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
	K = K.made()
	limit := gauss.GeometricMean(q, q2)
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
	p := gauss.Of(q, k, q2)
	v := K.pair(a, p, b)
	if !special.Finite(v) {
		return 0, &DomainError{q, k, q2, K.reason(p, v)}
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
	if K.cosineOnly && q > 0 {
		q = 1 // for the digits of q·c
	}
	one, err := K.made().prepare(q)
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
			p := gauss.New(q, q*c, q, q*(1-c), q*(1+c))
			out[i] = K.pair(one, p, one)
			if !special.Finite(out[i]) {
				return nil, &DomainError{q, q * c, q, K.reason(p, out[i])}
			}
		}
	}
	return out, nil
}
