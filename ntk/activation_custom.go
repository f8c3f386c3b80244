package ntk

import (
	"fmt"
	"math"

	"github.com/kernelsmith/kernelsmith/ntk/hermite"
	"github.com/kernelsmith/kernelsmith/ntk/internal/gauss"
	"github.com/kernelsmith/kernelsmith/ntk/internal/special"
)

// CustomSettings says what [Custom] is to know of a function and what to reach.
// The zero value is the defaults.
type CustomSettings struct {
	Name string // for captions and errors; "" is "custom activation"
	// Kinks are places where a derivative of the function jumps, Jumps where it jumps
	// itself. Those not given are found, if they are wider apart than the function's
	// finest features.
	Kinks, Jumps []float64
	// Tolerance of the dual activations, relative to their value at equal inputs;
	// 0 means 1e-10.
	Tolerance float64
	// MaxVariance is the largest variance of a pre-activation that its kernels can be
	// asked for; 0 means 100. Beyond it they are a VarianceError.
	MaxVariance float64
}

// mostPlacesOfKinks bounds what each of the nested integrals is split at.
const mostPlacesOfKinks = 200

// customActivation is an activation made of a Go function by [Custom].
type customActivation struct {
	numeric
	name string
}

// String returns the name.
func (a *customActivation) String() string { return a.name }

// Kinks implements [Kinker]: those given and those found.
func (a *customActivation) Kinks() []float64 { return a.fn.Kinks() }

// Jumps implements [Jumper]: those given and those found.
func (a *customActivation) Jumps() []float64 { return a.fn.Jumps() }

// Custom returns the activation f with derivative df, or, if df is nil, with the
// derivative of what f is resolved into. Its dual activations are Gaussian
// expectations by quadrature to the tolerance, with kinks and jumps split out, up to
// equal and opposite inputs. f and df must be safe to call from several goroutines.
//
// A tolerance that is not reached is a [*hermite.ToleranceError] with the estimate of
// what was; values that are NaN, infinite or panic, and growth for which the
// expectations diverge, are errors too. Cost: milliseconds, a few thousand values of
// f; then 10 to 100 ms for the curve of a kernel, for each layer.
func Custom(f, df func(z float64) float64, settings ...CustomSettings) (Dualer, error) {
	var s CustomSettings
	switch len(settings) {
	case 0:
	case 1:
		s = settings[0]
	default:
		return nil, fmt.Errorf("ntk: Custom has %d settings; one at most", len(settings))
	}
	if f == nil {
		return nil, fmt.Errorf("ntk: Custom has no function (nil)")
	}
	if s.Name == "" {
		s.Name = "custom activation"
	}
	if n := len(s.Kinks) + len(s.Jumps); n > mostPlacesOfKinks {
		return nil, fmt.Errorf("ntk: %s has %d kinks and jumps; at most %d are taken", s.Name, n,
			mostPlacesOfKinks)
	}
	if s.MaxVariance < 0 || !special.Finite(s.MaxVariance) {
		return nil, fmt.Errorf(
			"ntk: Custom: MaxVariance is %v; it must be a finite number ≥ 0 (0 means 100)",
			s.MaxVariance)
	}
	fn, err := hermite.Resolve(f, df, &hermite.ResolveSettings{
		Kinks: s.Kinks, Jumps: s.Jumps, Tolerance: s.Tolerance, MaxStd: math.Sqrt(s.MaxVariance),
	})
	if err != nil {
		return nil, fmt.Errorf("ntk: %s: %w", s.Name, err)
	}
	return &customActivation{numeric{fn}, s.Name}, nil
}

// numeric has its duals by quadrature.
type numeric struct {
	fn *hermite.Function
}

// Value returns φ(z).
func (n numeric) Value(z float64) float64 { return n.fn.Value(z) }

// Derivative returns df(z) where df was given, else φ'(z), at a kink that from the left.
func (n numeric) Derivative(z float64) float64 { return n.fn.Derivative(z) }

// Dual implements [Dualer] to the tolerance; it is NaN for variances beyond
// MaxVariance. Cost: 0.1 to 1 ms.
func (n numeric) Dual(q, k, q2 float64) (value, derivative float64) { return n.fn.Dual(q, k, q2) }

// Prepare implements preparedDualer.
func (n numeric) Prepare(q float64) []float64 { return n.fn.Prepare(q) }

// DualPrepared implements preparedDualer.
func (n numeric) DualPrepared(
	a []float64, q, k, q2 float64, b []float64,
) (value, derivative float64) {
	return n.fn.DualPrepared(a, q, k, q2, gauss.Of(q, k, q2).Gap(), b)
}

func (n numeric) dualAt(p gauss.Pair) (value, derivative float64) {
	return n.fn.DualGap(p.Q, p.K, p.Q2, p.Gap(), 0)
}

func (n numeric) maxVariance() float64 { return n.fn.MaxStd() * n.fn.MaxStd() * (1 + 1e-12) }

func (n numeric) function() *hermite.Function { return n.fn }
