package ntk

import (
	"fmt"
	"math"
	"sync"

	"github.com/kernelsmith/kernelsmith/ntk/hermite"
	"github.com/kernelsmith/kernelsmith/ntk/internal/gauss"
	"github.com/kernelsmith/kernelsmith/ntk/internal/special"
)

// Erf is the error function erf(z) = 2/√π ∫₀^z e^{-t²} dt.
type Erf struct{}

// Value returns erf(z).
func (Erf) Value(z float64) float64 { return math.Erf(z) }

// Derivative returns 2/√π e^{-z²}.
func (Erf) Derivative(z float64) float64 { return 2 / math.SqrtPi * math.Exp(-z*z) }

// Dual is (2/π) arcsin(2k/√((1+2q)(1+2q2))) and
// (4/π)/√((1+2q)(1+2q2) - 4k²).
//
// Source: [W96] eq. 11.
func (Erf) Dual(q, k, q2 float64) (value, derivative float64) {
	return Erf{}.dualAt(gauss.Of(q, k, q2))
}

func (Erf) dualAt(p gauss.Pair) (value, derivative float64) {
	// (1+2q)(1+2q2) - 4k², without the cancellation of large variances
	d := math.Sqrt(1 + 2*(p.Q+p.Q2) + 4*p.Determinant())
	return 2 / math.Pi * math.Atan2(2*p.K, d), 4 / math.Pi / d
}

// drop is, at equal variances alone, 2/π (α - θ) with tan α = 2q/√(1+4q) and, for the pair,
// tan θ = 2k/d, d = √(1+4q+4(q²-k²)).
func (Erf) drop(p gauss.Pair) float64 {
	r, g := math.Sqrt(1+4*p.Q), 4*p.Determinant()
	d := math.Sqrt(1 + 4*p.Q + g)
	y := p.Q*(g/(d+r)) + p.Minus*r // (q d - k r)
	return 2 / math.Pi * math.Atan2(2*y, r*d+4*p.Q*p.K)
}

// String returns "erf".
func (Erf) String() string { return "erf" }

func (Erf) fingerprint() string { return "ntk.Erf<nil>" }

// erf is 2Φ(√2 z) - 1.
func (Erf) atoms() gauss.Atoms {
	return gauss.Atoms{Gates: []gauss.Gate{{C: 2, Tau: 1 / math.Sqrt2, Less: 0.5}}}
}

// SigmoidErf is the sigmoid-like ½ + ½ erf(z/2.4020563531719796), the closest
// of its kind to 1/(1 + e^{-z}) in the mean square over [-5, 5].
type SigmoidErf struct{}

// Value returns φ(z).
func (SigmoidErf) Value(z float64) float64 {
	return special.NormalTail(-z * math.Sqrt2 / sigmoidErfScale)
}

// Derivative returns φ'(z).
func (SigmoidErf) Derivative(z float64) float64 {
	return Erf{}.Derivative(z/sigmoidErfScale) / (2 * sigmoidErfScale)
}

// Dual implements [Dualer]; see [Erf.Dual].
func (SigmoidErf) Dual(q, k, q2 float64) (value, derivative float64) {
	return SigmoidErf{}.dualAt(gauss.Of(q, k, q2))
}

func (SigmoidErf) dualAt(p gauss.Pair) (value, derivative float64) {
	const s = 1 / (sigmoidErfScale * sigmoidErfScale)
	value, derivative = Erf{}.dualAt(gauss.New(s*p.Q, s*p.K, s*p.Q2, s*p.Minus, s*p.Plus))
	return 0.25 + value/4, derivative * s / 4
}

func (SigmoidErf) drop(p gauss.Pair) float64 {
	const s = 1 / (sigmoidErfScale * sigmoidErfScale)
	return Erf{}.drop(p.Affine(s, 0)) / 4
}

func (SigmoidErf) atoms() gauss.Atoms {
	return gauss.Atoms{Gates: []gauss.Gate{{C: 1, Tau: sigmoidErfScale / math.Sqrt2}}}
}

// String returns "sigmoid-like erf".
func (SigmoidErf) String() string { return "sigmoid-like erf" }

func (SigmoidErf) fingerprint() string { return "ntk.SigmoidErfntk.SigmoidErf{}" }

// sigmoidErfScale is that of the public libraries, so that nets compare.
const sigmoidErfScale = 2.4020563531719796

// GELU is z Φ(z), exactly, Φ the standard normal distribution function.
type GELU struct{}

// Value returns z Φ(z).
func (GELU) Value(z float64) float64 { return z * special.NormalTail(-z) }

// Derivative returns Φ(z) + z Φ'(z).
func (GELU) Derivative(z float64) float64 {
	return special.NormalTail(-z) + z*special.NormalDensity(z)
}

// Dual implements [Dualer]. With A = 1+q, B = 1+q2, Δ = A B - k² and the orthant probability
// P = ¼ + arctan(k/√Δ)/2π, E[φφ] is k P + (k² + q q2 Δ)/(2π A B √Δ) by Stein's identity, and
// E[φ'φ'] its derivative by k, P + k (1/A + 1/B + 1/Δ)/(2π √Δ).
func (GELU) Dual(q, k, q2 float64) (value, derivative float64) {
	return GELU{}.dualAt(gauss.Of(q, k, q2))
}

func (GELU) dualAt(p gauss.Pair) (value, derivative float64) {
	a, b, delta := 1+p.Q, 1+p.Q2, 1+p.Q+p.Q2+p.Determinant()
	root := math.Sqrt(delta)
	orthant := math.Atan2(root, -p.K) / (2 * math.Pi)
	k := p.K / root // products of three variances may overflow, and k² underflow
	value = p.K*orthant + (k*(p.K/a)/b+(p.Q/a)*(p.Q2/b)*root)/(2*math.Pi)
	return value, orthant + k*(1/a+1/b+1/delta)/(2*math.Pi)
}

// drop is, at equal variances alone, with D = √(1+2q), R = √Δ, m = q-k and g = q²-k²,
//
//	m P + g (q²/(D R (R+D)) + 1/R)/(2π A²) + q/2π (arctan t - q g/(A² (R+D))),
//	t = (q g/(R+D) + m D)/(R D + q k),
//
// of which the last bracket is written as arctan t - t and what is left, all but the first
// positive.
func (GELU) drop(p gauss.Pair) float64 {
	q, m, g := p.Q, p.Minus, p.Determinant()
	a := 1 + q
	d, r := math.Sqrt(1+2*q), math.Sqrt(1+2*q+g)
	y, z, x := q*(g/(r+d)), m*d, r*d+q*p.K
	t := (y + z) / x
	less := m / (r + d) * (y + z) // A² - x
	rest := arctanLess(t) + z/x + y*(less/x)/(a*a)
	orthant := math.Atan2(r, -p.K) / (2 * math.Pi)
	return m*orthant + (g/a*(q*q/(d*r*(r+d))+1/r)/a+q*rest)/(2*math.Pi)
}

// arctanLess is arctan t - t.
func arctanLess(t float64) float64 {
	if math.Abs(t) > 0.2 {
		return math.Atan(t) - t
	}
	var sum float64
	for n := 25; n >= 3; n -= 2 {
		sum = 1/float64(n) - t*t*sum
	}
	return -t * t * t * sum
}

func (GELU) atoms() gauss.Atoms { return gauss.Atoms{Gates: []gauss.Gate{{C: 1, M: 1, Tau: 1}}} }

// String returns "GELU".
func (GELU) String() string { return "GELU" }

func (GELU) fingerprint() string { return "ntk.GELUntk.GELU{}" }

// Exp is Amplitude · e^{Rate · z}.
type Exp struct {
	Amplitude, Rate float64
}

// Value returns φ(z).
func (a Exp) Value(z float64) float64 { return a.Amplitude * math.Exp(a.Rate*z) }

// Derivative returns φ'(z).
func (a Exp) Derivative(z float64) float64 { return a.Rate * a.Value(z) }

// Dual implements [Dualer]: a² e^{r²(q + q2 + 2k)/2} with amplitude a and rate
// r, and r² times that.
func (a Exp) Dual(q, k, q2 float64) (value, derivative float64) {
	return a.dualAt(gauss.Of(q, k, q2))
}

func (a Exp) dualAt(p gauss.Pair) (value, derivative float64) {
	r2 := a.Rate * a.Rate
	value = a.Amplitude * a.Amplitude * math.Exp(r2*p.HalfSum())
	return value, r2 * value
}

func (a Exp) drop(p gauss.Pair) float64 {
	r2 := a.Rate * a.Rate
	return -a.Amplitude * a.Amplitude * math.Exp(r2*(p.Q+p.Q2)) * math.Expm1(-r2*p.HalfSquare())
}

func (a Exp) atoms() gauss.Atoms {
	return gauss.Atoms{
		Waves: []gauss.Wave{{C: complex(a.Amplitude, 0), Beta: complex(a.Rate, 0)}},
	}.Merged()
}

// Validate implements [Validator].
func (a Exp) Validate() error {
	return checkFinite("Exp", "Amplitude", a.Amplitude, "Rate", a.Rate)
}

// String writes the function out.
func (a Exp) String() string { return fmt.Sprintf("%.4g exp(%.4gz)", a.Amplitude, a.Rate) }

func (a Exp) fingerprint() string { return fmt.Sprintf("ntk.Exp%#v", a) }

// Gaussian is Amplitude · e^{-Rate z²}, Rate ≥ 0.
type Gaussian struct {
	Amplitude, Rate float64
}

// Value returns φ(z).
func (a Gaussian) Value(z float64) float64 { return a.Amplitude * math.Exp(-a.Rate*z*z) }

// Derivative returns φ'(z).
func (a Gaussian) Derivative(z float64) float64 {
	e := math.Exp(-a.Rate * z * z)
	if e == 0 {
		return 0
	}
	return -2 * a.Rate * z * a.Amplitude * e
}

// Dual implements [Dualer]: with D = 1 + 2r(q + q2) + 4r²(q q2 - k²),
// a²/√D and 4 r² a² k/√D³.
func (a Gaussian) Dual(q, k, q2 float64) (value, derivative float64) {
	return a.dualAt(gauss.Of(q, k, q2))
}

func (a Gaussian) dualAt(p gauss.Pair) (value, derivative float64) {
	r := 2 * a.Rate
	d := 1 + r*(p.Q+p.Q2) + r*r*p.Determinant()
	value = a.Amplitude * a.Amplitude / math.Sqrt(d)
	return value, r * r * p.K * value / d
}

// drop is a² (D^½ - E^¼)/(D^½ E^¼), E = (1+4rq)(1+4rq2): D² - E is a sum of squares.
func (a Gaussian) drop(p gauss.Pair) float64 {
	r := 2 * a.Rate
	x, x2, g := r*p.Q, r*p.Q2, r*r*p.Determinant()
	d := 1 + x + x2 + g
	e := math.Sqrt(1+2*x) * math.Sqrt(1+2*x2) // E^½
	squares := (x-x2)*(x-x2) + g*(2*(1+x+x2)+g)
	d2, e2 := math.Sqrt(d), math.Sqrt(e)
	return a.Amplitude * a.Amplitude * squares / (d + e) / (d2 + e2) / (d2 * e2)
}

func (a Gaussian) atoms() gauss.Atoms {
	return gauss.Atoms{Waves: []gauss.Wave{{C: complex(a.Amplitude, 0), Alpha: a.Rate}}}.Merged()
}

// Validate implements [Validator].
func (a Gaussian) Validate() error {
	if a.Rate < 0 {
		return fmt.Errorf("ntk: Gaussian.Rate is %v; it must be ≥ 0", a.Rate)
	}
	return checkFinite("Gaussian", "Amplitude", a.Amplitude, "Rate", a.Rate)
}

// String writes the function out.
func (a Gaussian) String() string { return fmt.Sprintf("%.4g exp(-%.4gz²)", a.Amplitude, a.Rate) }

func (a Gaussian) fingerprint() string { return fmt.Sprintf("ntk.Gaussian%#v", a) }

// Gabor is e^{-z²} sin z.
type Gabor struct{}

// Value returns φ(z).
func (Gabor) Value(z float64) float64 { return math.Exp(-z*z) * math.Sin(z) }

// Derivative returns φ'(z).
func (Gabor) Derivative(z float64) float64 {
	sin, cos := math.Sincos(z)
	e := math.Exp(-z * z)
	if e == 0 {
		return 0
	}
	return e * (cos - 2*z*sin)
}

// Dual implements [Dualer], by complex Gaussian integrals.
func (Gabor) Dual(q, k, q2 float64) (value, derivative float64) {
	return Gabor{}.dualAt(gauss.Of(q, k, q2))
}

func (Gabor) dualAt(p gauss.Pair) (value, derivative float64) {
	return gaborSum.Dual(p)
}

func (Gabor) atoms() gauss.Atoms { return gabor }

// String returns "Gabor".
func (Gabor) String() string { return "Gabor" }

func (Gabor) fingerprint() string { return "ntk.Gaborntk.Gabor{}" }

var (
	gabor = gauss.Atoms{
		Waves: []gauss.Wave{{C: complex(0, -1), Alpha: 1, Beta: complex(0, 1)}},
	}
	gaborSum = gauss.NewSum(gabor)
)

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
func (Tanh) Dual(q, k, q2 float64) (value, derivative float64) {
	return resolvedTanh().Dual(q, k, q2)
}

func (Tanh) function() *hermite.Function { return resolvedTanh() }

var resolvedTanh = resolvedOnce(Tanh{})

// String returns "tanh".
func (Tanh) String() string { return "tanh" }

func (Tanh) fingerprint() string { return "ntk.Tanhntk.Tanh{}" }

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

func (Sigmoid) fingerprint() string { return "ntk.Sigmoidntk.Sigmoid{}" }

// Softplus is ln(1 + e^z). Its duals are as [Tanh]'s.
type Softplus struct{}

// Value returns φ(z).
func (Softplus) Value(z float64) float64 {
	return math.Max(z, 0) + math.Log1p(math.Exp(-math.Abs(z)))
}

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

func (Softplus) fingerprint() string { return "ntk.Softplusntk.Softplus{}" }

// SiLU is z/(1 + e^{-z}), also called swish. Its duals are as [Tanh]'s.
type SiLU struct{}

// Value returns φ(z).
func (SiLU) Value(z float64) float64 { return z * Sigmoid{}.Value(z) }

// Derivative returns φ'(z).
func (SiLU) Derivative(z float64) float64 {
	return Sigmoid{}.Value(z) + z*Sigmoid{}.Derivative(z)
}

// Dual implements [Dualer]; it is NaN for variances over 2500.
func (SiLU) Dual(q, k, q2 float64) (value, derivative float64) {
	return resolvedSiLU().Dual(q, k, q2)
}

func (SiLU) function() *hermite.Function { return resolvedSiLU() }

var resolvedSiLU = resolvedOnce(SiLU{})

// String returns "SiLU".
func (SiLU) String() string { return "SiLU" }

func (SiLU) fingerprint() string { return "ntk.SiLUntk.SiLU{}" }

// resolvedOnce resolves a smooth activation when it is first needed.
func resolvedOnce(phi Activation) func() *hermite.Function {
	return sync.OnceValue(func() *hermite.Function {
		return Must(
			hermite.Resolve(phi.Value, phi.Derivative,
				&hermite.ResolveSettings{Tolerance: 1e-12, MaxStd: 50}),
		)
	})
}
