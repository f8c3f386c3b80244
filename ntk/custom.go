package ntk

import (
	"fmt"
	"math"
	"sync"

	"github.com/kernelsmith/kernelsmith/ntk/hermite"
	"github.com/kernelsmith/kernelsmith/ntk/internal/gauss"
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

// CustomActivation is an activation made of a Go function by [Custom].
type CustomActivation struct {
	numeric
	name string
}

// Custom returns the activation f with derivative df, or, if df is nil, with the
// derivative of what f is resolved into. Its dual activations are Gaussian
// expectations by quadrature to the tolerance, with kinks and jumps split out, up to
// equal and opposite inputs. f and df must be safe to call from several goroutines.
//
// A tolerance that is not reached is a [*hermite.ToleranceError] with the estimate of
// what was; values that are NaN, infinite or panic, and growth for which the
// expectations diverge, are errors too. Cost: milliseconds, a few thousand values of
// f; then 10 to 100 ms for the curve of a kernel, for each layer.
func Custom(f, df func(z float64) float64, settings ...CustomSettings) (*CustomActivation, error) {
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
		return nil, fmt.Errorf("ntk: %s has %d kinks and jumps; at most %d are taken", s.Name, n, mostPlacesOfKinks)
	}
	if s.MaxVariance < 0 || math.IsNaN(s.MaxVariance) || math.IsInf(s.MaxVariance, 0) {
		return nil, fmt.Errorf("ntk: Custom: MaxVariance is %v; it must be a finite number ≥ 0 (0 means 100)", s.MaxVariance)
	}
	fn, err := hermite.Resolve(f, df, &hermite.ResolveSettings{
		Kinks: s.Kinks, Jumps: s.Jumps, Tolerance: s.Tolerance, MaxStd: math.Sqrt(s.MaxVariance),
	})
	if err != nil {
		return nil, fmt.Errorf("ntk: %s: %w", s.Name, err)
	}
	return &CustomActivation{numeric{fn}, s.Name}, nil
}

// String returns the name.
func (a *CustomActivation) String() string { return a.name }

// Kinks implements [Kinker]: those given and those found.
func (a *CustomActivation) Kinks() []float64 { return a.fn.Kinks() }

// Jumps implements [Jumper]: those given and those found.
func (a *CustomActivation) Jumps() []float64 { return a.fn.Jumps() }

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

// Prepare implements [PreparedDualer].
func (n numeric) Prepare(q float64) []float64 { return n.fn.Prepare(q) }

// DualPrepared implements [PreparedDualer].
func (n numeric) DualPrepared(a []float64, q, k, q2 float64, b []float64) (value, derivative float64) {
	return n.fn.DualPrepared(a, q, k, q2, b)
}

func (n numeric) dualAt(p gauss.Pair) (value, derivative float64) {
	if p.Q == p.Q2 {
		return n.fn.DualGap(p.Q, math.Max(0, math.Min(2*p.Q, p.Minus)))
	}
	return n.fn.Dual(p.Q, p.K, p.Q2)
}

func (n numeric) maxVariance() float64 { return n.fn.MaxStd() * n.fn.MaxStd() * (1 + 1e-12) }

// numericCoeffs takes the function's own coefficients where they do, and else panels:
// those of a function with a kink fall like a power.
func numericCoeffs(phi Activation, sigma float64, n int) ([]float64, error) {
	fn, err := functionOf(phi, sigma)
	if err != nil {
		return nil, err
	}
	if n <= hermite.MaxCoeffs || sigma < 1e-100 {
		b, _, err := fn.Coeffs(sigma, min(n, hermite.MaxCoeffs))
		return append(b, make([]float64, n-len(b))...), err
	}
	if n > maxHermite {
		return nil, fmt.Errorf("ntk: %d Hermite coefficients of %s; by quadrature %d can be had", n, activationName(phi), maxHermite)
	}
	if _, _, err := fn.Coeffs(sigma, 1); err != nil { // σ out of range
		return nil, err
	}
	unit, err := panelUnit(fn, sigma)
	if err != nil {
		return nil, err
	}
	return panelCoeffs(fn, sigma, 0, unit, n), nil
}

// functionOf resolves what is not yet.
func functionOf(phi Activation, sigma float64) (*hermite.Function, error) {
	if r, ok := phi.(resolver); ok {
		return r.function(), nil
	}
	fn, err := hermite.Resolve(phi.Value, phi.Derivative, &hermite.ResolveSettings{
		Kinks: KinksOf(phi), Jumps: JumpsOf(phi), MaxStd: math.Max(sigma, 1),
	})
	if err != nil {
		return nil, fmt.Errorf("ntk: %s: %w", activationName(phi), err)
	}
	return fn, nil
}

// resolver is an activation whose duals are numeric.
type resolver interface{ function() *hermite.Function }

func (n numeric) function() *hermite.Function { return n.fn }

// numericSum is a combination with a part that has no closed form.
type numericSum struct {
	combination
	numeric
}

func newNumericSum(base combination) (Activation, error) {
	s := CustomSettings{Name: base.String(), Kinks: base.Kinks(), Jumps: base.Jumps(), MaxVariance: 100}
	for _, t := range base.terms {
		if r, ok := t.phi.(resolver); ok && t.s != 0 {
			s.MaxVariance = math.Min(s.MaxVariance, numeric{r.function()}.maxVariance()/(t.s*t.s))
		}
	}
	a, err := Custom(base.Value, base.Derivative, s)
	if err != nil {
		return nil, err
	}
	return &numericSum{base, a.numeric}, nil
}

// Value returns the sum.
func (s *numericSum) Value(z float64) float64 { return s.combination.Value(z) }

// Derivative returns the derivative of the sum.
func (s *numericSum) Derivative(z float64) float64 { return s.combination.Derivative(z) }

// Tanh is the hyperbolic tangent. Its duals are numeric, to 1e-12 of their value at
// equal inputs, for variances up to 2500.
type Tanh struct{}

// Value returns φ(z).
func (Tanh) Value(z float64) float64 { return math.Tanh(z) }

// Derivative returns φ'(z).
func (Tanh) Derivative(z float64) float64 {
	t := math.Tanh(z)
	return 1 - t*t
}

// Dual implements [Dualer]; it is NaN for variances over 2500.
func (Tanh) Dual(q, k, q2 float64) (value, derivative float64) { return resolvedTanh().Dual(q, k, q2) }

func (Tanh) function() *hermite.Function { return resolvedTanh() }

var resolvedTanh = resolvedOnce(Tanh{})

// String returns "tanh".
func (Tanh) String() string { return "tanh" }

// Sigmoid is the logistic function 1/(1 + e^{-z}). Its duals are as [Tanh]'s.
type Sigmoid struct{}

// Value returns φ(z).
func (Sigmoid) Value(z float64) float64 { return 1 / (1 + math.Exp(-z)) }

// Derivative returns φ'(z).
func (Sigmoid) Derivative(z float64) float64 {
	e := math.Exp(-math.Abs(z))
	return e / ((1 + e) * (1 + e))
}

// Dual implements [Dualer]; it is NaN for variances over 2500.
func (Sigmoid) Dual(q, k, q2 float64) (value, derivative float64) {
	return resolvedSigmoid().Dual(q, k, q2)
}

func (Sigmoid) function() *hermite.Function { return resolvedSigmoid() }

var resolvedSigmoid = resolvedOnce(Sigmoid{})

// String returns "sigmoid".
func (Sigmoid) String() string { return "sigmoid" }

// Softplus is ln(1 + e^z). Its duals are as [Tanh]'s.
type Softplus struct{}

// Value returns φ(z).
func (Softplus) Value(z float64) float64 { return math.Max(z, 0) + math.Log1p(math.Exp(-math.Abs(z))) }

// Derivative returns φ'(z).
func (Softplus) Derivative(z float64) float64 {
	return Sigmoid{}.Value(z)
}

// Dual implements [Dualer]; it is NaN for variances over 2500.
func (Softplus) Dual(q, k, q2 float64) (value, derivative float64) {
	return resolvedSoftplus().Dual(q, k, q2)
}

func (Softplus) function() *hermite.Function { return resolvedSoftplus() }

var resolvedSoftplus = resolvedOnce(Softplus{})

// String returns "softplus".
func (Softplus) String() string { return "softplus" }

// SiLU is z/(1 + e^{-z}), also called swish. Its duals are as [Tanh]'s.
type SiLU struct{}

// Value returns φ(z).
func (SiLU) Value(z float64) float64 { return z * Sigmoid{}.Value(z) }

// Derivative returns φ'(z).
func (SiLU) Derivative(z float64) float64 {
	return Sigmoid{}.Value(z) + z*Sigmoid{}.Derivative(z)
}

// Dual implements [Dualer]; it is NaN for variances over 2500.
func (SiLU) Dual(q, k, q2 float64) (value, derivative float64) { return resolvedSiLU().Dual(q, k, q2) }

func (SiLU) function() *hermite.Function { return resolvedSiLU() }

var resolvedSiLU = resolvedOnce(SiLU{})

// String returns "SiLU".
func (SiLU) String() string { return "SiLU" }

// resolvedOnce resolves a smooth activation when it is first needed.
func resolvedOnce(phi Activation) func() *hermite.Function {
	return sync.OnceValue(func() *hermite.Function {
		return Must(hermite.Resolve(phi.Value, phi.Derivative, &hermite.ResolveSettings{Tolerance: 1e-12, MaxStd: 50}))
	})
}
