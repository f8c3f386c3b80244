package ntk

import (
	"fmt"
	"math"

	"github.com/kernelsmith/kernelsmith/ntk/hermite"
	"github.com/kernelsmith/kernelsmith/ntk/internal/gauss"
	"github.com/kernelsmith/kernelsmith/ntk/internal/special"
	"github.com/kernelsmith/kernelsmith/ntk/internal/vec32"
)

// TwoSlope is Positive · z for z > 0 and Negative · z for z ≤ 0: ReLU, leaky
// ReLU and |z| are of this kind. The derivative at 0 is Negative.
type TwoSlope struct {
	Positive, Negative float64
}

// Value returns φ(z).
func (a TwoSlope) Value(z float64) float64 {
	if z > 0 {
		return a.Positive * z
	}
	return a.Negative * z
}

// Derivative returns φ'(z).
func (a TwoSlope) Derivative(z float64) float64 {
	switch {
	case z > 0:
		return a.Positive
	case z <= 0:
		return a.Negative
	}
	return math.NaN()
}

// Dual implements [Dualer]: with J(k) the dual of [ReLU], slopes p and n,
// (p² + n²) J(k) - 2pn J(-k) and, for the derivative, with a plus.
//
// Source: [CS09] eq. 3-6.
func (a TwoSlope) Dual(q, k, q2 float64) (value, derivative float64) {
	return a.dualAt(gauss.Of(q, k, q2))
}

func (a TwoSlope) dualAt(p gauss.Pair) (value, derivative float64) {
	s := gauss.Largest(p.Q, p.Q2)
	if s == 0 {
		return 0, a.slope(p.Q) * a.slope(p.Q2)
	}
	sum, cross := a.Positive*a.Positive+a.Negative*a.Negative, 2*a.Positive*a.Negative
	psi, theta := p.Supplement(), p.Angle()
	value = s * (sum*sineLessCosine(psi) - cross*sineLessCosine(theta)) / (2 * math.Pi)
	return value, (sum*psi + cross*theta) / (2 * math.Pi)
}

// slope is E[φ'(u)], u of variance q.
func (a TwoSlope) slope(q float64) float64 {
	if q == 0 {
		return a.Negative
	}
	return (a.Positive + a.Negative) / 2
}

// drop is (p² + n²) times ReLU's, with J(-q) = 0 in the other term; near opposite
// inputs, by sin θ - θ cos θ = π cos ψ + (sin ψ - ψ cos ψ), ψ = π - θ, it is written
// so that |z|, which is even, loses nothing there either.
func (a TwoSlope) drop(p gauss.Pair) float64 {
	sum, cross := a.Positive*a.Positive+a.Negative*a.Negative, 2*a.Positive*a.Negative
	if p.Plus < p.Minus {
		both, apart := a.Positive+a.Negative, a.Positive-a.Negative
		return (both*both*p.Q-cross*p.Plus)/2 - apart*apart*p.Q*sineLessCosine(p.Supplement())/(2*math.Pi)
	}
	return sum*ReLU{}.drop(p) + cross*p.Q*sineLessCosine(p.Angle())/(2*math.Pi)
}

// EvalFloat32 implements [Float32Evaluator].
func (a TwoSlope) EvalFloat32(value, derivative, z []float32) {
	p, n := float32(a.Positive), float32(a.Negative)
	value, derivative = value[:len(z)], derivative[:len(z)]
	for i, x := range z {
		above, step := vec32.Step(x)
		value[i], derivative[i] = n*x+(p-n)*above, n+(p-n)*step
	}
}

func (a TwoSlope) atoms() gauss.Atoms {
	return gauss.Atoms{Waves: []gauss.Wave{{C: complex(a.Negative, 0), M: 1}}, Gates: []gauss.Gate{{C: a.Positive - a.Negative, M: 1}}}.Merged()
}

// Validate implements [Validator].
func (a TwoSlope) Validate() error {
	return finite("TwoSlope", "Positive", a.Positive, "Negative", a.Negative)
}

// String names the slopes.
func (a TwoSlope) String() string {
	switch a {
	case TwoSlope{1, -1}:
		return "|z|"
	case TwoSlope{1, a.Negative}:
		return fmt.Sprintf("leaky ReLU(%.4g)", a.Negative)
	}
	return fmt.Sprintf("two-slope(%.4g, %.4g)", a.Positive, a.Negative)
}

// LeakyReLU returns max(z, 0) + slope · min(z, 0).
func LeakyReLU(slope float64) TwoSlope { return TwoSlope{1, slope} }

// Abs returns |z|.
func Abs() TwoSlope { return TwoSlope{1, -1} }

func (ReLU) atoms() gauss.Atoms { return gauss.Atoms{Gates: []gauss.Gate{{C: 1, M: 1}}} }

// erf is 2Φ(√2 z) - 1.
func (Erf) atoms() gauss.Atoms {
	return gauss.Atoms{Gates: []gauss.Gate{{C: 2, Tau: 1 / math.Sqrt2, Less: 0.5}}}
}

func (s Sin) atoms() gauss.Atoms { return s.cosine().atoms() }

func (s Cos) atoms() gauss.Atoms { return cosine{s.Amplitude, s.Frequency, s.Phase}.atoms() }

func (c cosine) atoms() gauss.Atoms {
	sin, cos := math.Sincos(c.phase)
	return gauss.Atoms{Waves: []gauss.Wave{{C: complex(c.amp*cos, c.amp*sin), Beta: complex(0, c.freq)}}}.Merged()
}

func (m Mimic) atoms() gauss.Atoms {
	return cosine{m.E, m.F, m.G}.atoms().
		Plus(gauss.Atoms{Waves: []gauss.Wave{{C: complex(m.C, 0), M: 1}, {C: complex(m.D, 0)}}}).
		Plus(gauss.Atoms{Gates: []gauss.Gate{{C: m.A, M: 1, B: m.B}, {C: -m.A * m.B, B: m.B}}})
}

// SigmoidErf is the sigmoid-like ½ + ½ erf(z/2.4020563531719796), the closest
// of its kind to 1/(1 + e^{-z}) in the mean square over [-5, 5].
type SigmoidErf struct{}

// sigmoidErfScale is that of the public libraries, so that nets compare.
const sigmoidErfScale = 2.4020563531719796

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

func (SigmoidErf) atoms() gauss.Atoms {
	return gauss.Atoms{Gates: []gauss.Gate{{C: 1, Tau: sigmoidErfScale / math.Sqrt2}}}
}

// String returns "sigmoid-like erf".
func (SigmoidErf) String() string { return "sigmoid-like erf" }

// GELU is z Φ(z), exactly, Φ the standard normal distribution function.
type GELU struct{}

// Value returns z Φ(z).
func (GELU) Value(z float64) float64 { return z * special.NormalTail(-z) }

// Derivative returns Φ(z) + z Φ'(z).
func (GELU) Derivative(z float64) float64 {
	return special.NormalTail(-z) + z*special.NormalDensity(z)
}

// Dual implements [Dualer]. With P = (1+q)(1+q2) - k² and the orthant
// probability A = ¼ + arcsin(k/√((1+q)(1+q2)))/2π, E[φφ] is
// k A + (q q2 + k² (1 - q q2)/((1+q)(1+q2)))/(2π√P) by Stein's identity, and
// E[φ'φ'] its derivative by k.
func (GELU) Dual(q, k, q2 float64) (value, derivative float64) {
	return GELU{}.dualAt(gauss.Of(q, k, q2))
}

func (GELU) dualAt(p gauss.Pair) (value, derivative float64) {
	q, k, q2 := p.Q, p.K, p.Q2
	P := 1 + q + q2 + p.Determinant()
	root := 2 * math.Pi * math.Sqrt(P)
	orthant := 0.25 + math.Atan2(k, math.Sqrt(P))/(2*math.Pi)
	w := (1 - q*q2) / ((1 + q) * (1 + q2))
	n := q*q2 + k*k*w
	return k*orthant + n/root, orthant + k*(1+2*w+n/P)/root
}

func (GELU) atoms() gauss.Atoms { return gauss.Atoms{Gates: []gauss.Gate{{C: 1, M: 1, Tau: 1}}} }

// String returns "GELU".
func (GELU) String() string { return "GELU" }

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
	return -a.Amplitude * a.Amplitude * math.Exp(2*r2*p.Q) * math.Expm1(-r2*p.Minus)
}

func (a Exp) atoms() gauss.Atoms {
	return gauss.Atoms{Waves: []gauss.Wave{{C: complex(a.Amplitude, 0), Beta: complex(a.Rate, 0)}}}.Merged()
}

// Validate implements [Validator].
func (a Exp) Validate() error { return finite("Exp", "Amplitude", a.Amplitude, "Rate", a.Rate) }

// String writes the function out.
func (a Exp) String() string { return fmt.Sprintf("%.4g exp(%.4gz)", a.Amplitude, a.Rate) }

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

func (a Gaussian) atoms() gauss.Atoms {
	return gauss.Atoms{Waves: []gauss.Wave{{C: complex(a.Amplitude, 0), Alpha: a.Rate}}}.Merged()
}

// Validate implements [Validator].
func (a Gaussian) Validate() error {
	if a.Rate < 0 {
		return fmt.Errorf("ntk: Gaussian.Rate is %v; it must be ≥ 0", a.Rate)
	}
	return finite("Gaussian", "Amplitude", a.Amplitude, "Rate", a.Rate)
}

// String writes the function out.
func (a Gaussian) String() string { return fmt.Sprintf("%.4g exp(-%.4gz²)", a.Amplitude, a.Rate) }

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
	return gabor.Dual(gabor, p), gaborPrime.Dual(gaborPrime, p)
}

func (Gabor) atoms() gauss.Atoms { return gabor }

var (
	gabor         = gauss.Atoms{Waves: []gauss.Wave{{C: complex(0, -1), Alpha: 1, Beta: complex(0, 1)}}}
	gaborPrime, _ = gabor.Prime()
)

// String returns "Gabor".
func (Gabor) String() string { return "Gabor" }

// GaussianFeature returns √2 sin(ω z + π/4), whose NNGP kernel on the sphere is
// exactly the Gaussian kernel e^{-ω²(1-c)}.
func GaussianFeature(omega float64) Sin { return Sin{math.Sqrt2, omega, math.Pi / 4} }

// Polynomial is Σ Coeffs[m] z^m. The slice must not change afterwards.
type Polynomial struct {
	Coeffs []float64
}

// Monomial returns z^degree.
func Monomial(degree int) Polynomial {
	c := make([]float64, max(0, degree)+1)
	c[len(c)-1] = 1
	return Polynomial{c}
}

// Value returns φ(z).
func (a Polynomial) Value(z float64) float64 {
	var sum float64
	for m := len(a.Coeffs) - 1; m >= 0; m-- {
		sum = sum*z + a.Coeffs[m]
	}
	return sum
}

// Derivative returns φ'(z).
func (a Polynomial) Derivative(z float64) float64 {
	var sum float64
	for m := len(a.Coeffs) - 1; m >= 1; m-- {
		sum = sum*z + float64(m)*a.Coeffs[m]
	}
	return sum
}

// Dual implements [Dualer]: with the Hermite coefficients b_j(s) of φ(s z),
// Σ_j b_j(√q) b_j(√q2) ρ^j, and likewise for φ'. Cost: O(degree²).
func (a Polynomial) Dual(q, k, q2 float64) (value, derivative float64) {
	return a.DualPrepared(a.Prepare(q), q, k, q2, a.Prepare(q2))
}

// Prepare implements [PreparedDualer].
func (a Polynomial) Prepare(q float64) []float64 {
	s := math.Sqrt(q)
	prime := make([]float64, max(0, len(a.Coeffs)-1))
	for m := range prime {
		prime[m] = float64(m+1) * a.Coeffs[m+1]
	}
	return append(monomialCoeffs(a.Coeffs, s), monomialCoeffs(prime, s)...)
}

// monomialCoeffs returns the Hermite coefficients of Σ p_m (s z)^m, by
// z^m = Σ m!/(2^i i! √j!) h_j, j = m - 2i: all of one sign for one m.
func monomialCoeffs(p []float64, s float64) []float64 {
	b := make([]float64, len(p))
	sm := 1.0
	for m, c := range p {
		f := sm * c
		for i := range m { // √m! s^m, the factor of h_m
			f *= math.Sqrt(float64(i + 1))
		}
		for i, j := 0, m; j >= 0; i, j = i+1, j-2 {
			b[j] += f
			if j >= 2 { // from h_j to h_{j-2}: √(j(j-1))/(2(i+1))
				f *= math.Sqrt(float64(j)*float64(j-1)) / float64(2*(i+1))
			}
		}
		sm *= s
	}
	return b
}

// DualPrepared implements [PreparedDualer].
func (a Polynomial) DualPrepared(x []float64, q, k, q2 float64, y []float64) (value, derivative float64) {
	rho, n := gauss.Of(q, k, q2).Rho(), len(a.Coeffs)
	for j := n - 1; j >= 0; j-- {
		value = value*rho + x[j]*y[j]
	}
	for j := len(x) - 1; j >= n; j-- {
		derivative = derivative*rho + x[j]*y[j]
	}
	return value, derivative
}

func (a Polynomial) atoms() gauss.Atoms {
	var out gauss.Atoms
	for m, c := range a.Coeffs {
		out.Waves = append(out.Waves, gauss.Wave{C: complex(c, 0), M: m})
	}
	return out.Merged()
}

// Validate implements [Validator].
func (a Polynomial) Validate() error {
	if len(a.Coeffs) == 0 {
		return fmt.Errorf("ntk: Polynomial has no coefficients; a constant has one")
	}
	for m, c := range a.Coeffs {
		if !isFinite(c) {
			return fmt.Errorf("ntk: Polynomial.Coeffs[%d] is %v; it must be finite", m, c)
		}
	}
	return nil
}

// String names the degree.
func (a Polynomial) String() string { return fmt.Sprintf("polynomial of degree %d", len(a.Coeffs)-1) }

// RectifiedMonomial is max(z, 0)^Degree, Degree 1 … 12; ReLU is Degree 1 and
// [Step] would be 0.
type RectifiedMonomial struct {
	Degree int
}

// Value returns φ(z).
func (a RectifiedMonomial) Value(z float64) float64 {
	if z <= 0 {
		return 0
	}
	return math.Pow(z, float64(a.Degree))
}

// Derivative returns φ'(z).
func (a RectifiedMonomial) Derivative(z float64) float64 {
	if z <= 0 {
		return 0
	}
	return float64(a.Degree) * math.Pow(z, float64(a.Degree-1))
}

// Dual is the arc-cosine kernel of the degree n, J_n (q q2)^{n/2}/2π, and
// n² J_{n-1} (q q2)^{(n-1)/2}/2π.
//
// Source: [CS09] eq. 3-4.
func (a RectifiedMonomial) Dual(q, k, q2 float64) (value, derivative float64) {
	return a.dualAt(gauss.Of(q, k, q2))
}

func (a RectifiedMonomial) dualAt(p gauss.Pair) (value, derivative float64) {
	if a.Validate() != nil {
		return math.NaN(), math.NaN()
	}
	s, n := gauss.Largest(p.Q, p.Q2), float64(a.Degree)
	if s == 0 {
		return 0, 0
	}
	psi := p.Supplement()
	return math.Pow(s, n) * arcCosine(a.Degree, psi), n * n * math.Pow(s, n-1) * arcCosine(a.Degree-1, psi)
}

func (a RectifiedMonomial) atoms() gauss.Atoms {
	return gauss.Atoms{Gates: []gauss.Gate{{C: 1, M: a.Degree}}}
}

// Validate implements [Validator].
func (a RectifiedMonomial) Validate() error {
	if a.Degree < 1 || a.Degree > maxRectified {
		return fmt.Errorf("ntk: RectifiedMonomial.Degree is %d; it must be 1 … %d (0 is Step)", a.Degree, maxRectified)
	}
	return nil
}

// String writes the function out.
func (a RectifiedMonomial) String() string { return fmt.Sprintf("relu(z)^%d", a.Degree) }

// Step is 1 for z > 0, else 0. It has an NNGP kernel and no NTK, which would be
// infinite.
type Step struct{}

// Value returns φ(z).
func (Step) Value(z float64) float64 { return ReLU{}.Derivative(z) }

// Derivative returns 0: the jump at 0 is not in it.
func (Step) Derivative(z float64) float64 { return 0 * z }

// Dual returns P(u > 0, v > 0) = (π-θ)/2π, and 1/(2π√(q q2 - k²)) for the
// derivative, the density of (u, v) at 0: it is +Inf at |ρ| = 1.
func (Step) Dual(q, k, q2 float64) (value, derivative float64) {
	return Step{}.dualAt(gauss.Of(q, k, q2))
}

func (Step) dualAt(p gauss.Pair) (value, derivative float64) {
	if p.Q == 0 || p.Q2 == 0 {
		return 0, 0 // φ(0) = 0
	}
	return p.Supplement() / (2 * math.Pi), 1 / (2 * math.Pi * math.Sqrt(p.Determinant()))
}

func (Step) drop(p gauss.Pair) float64 { return p.Angle() / (2 * math.Pi) }

func (Step) atoms() gauss.Atoms { return gauss.Atoms{Gates: []gauss.Gate{{C: 1}}} }

// Jumps implements [Jumper].
func (Step) Jumps() []float64 { return []float64{0} }

// String returns "step".
func (Step) String() string { return "step" }

// Sign is 1 for z > 0 and -1 for z < 0; sign(0) = 0. It has an NNGP kernel and no
// NTK, which would be infinite.
type Sign struct{}

// Value returns φ(z).
func (Sign) Value(z float64) float64 {
	switch {
	case z > 0:
		return 1
	case z < 0:
		return -1
	}
	return z
}

// Derivative returns 0: the jump at 0 is not in it.
func (Sign) Derivative(z float64) float64 { return 0 * z }

// Dual returns (2/π) arcsin ρ, and four times the derivative part of
// [Step.Dual].
func (Sign) Dual(q, k, q2 float64) (value, derivative float64) {
	return Sign{}.dualAt(gauss.Of(q, k, q2))
}

func (Sign) dualAt(p gauss.Pair) (value, derivative float64) {
	if p.Q == 0 || p.Q2 == 0 {
		return 0, 0
	}
	_, derivative = Step{}.dualAt(p)
	return 2 / math.Pi * math.Atan2(p.K, math.Sqrt(p.Determinant())), 4 * derivative
}

func (Sign) drop(p gauss.Pair) float64 { return 2 / math.Pi * p.Angle() }

func (Sign) atoms() gauss.Atoms { return gauss.Atoms{Gates: []gauss.Gate{{C: 2, Less: 0.5}}} }

// Jumps implements [Jumper].
func (Sign) Jumps() []float64 { return []float64{0} }

// String returns "sign".
func (Sign) String() string { return "sign" }

// maxAtomDegree is up to where a Hermite series takes part in sums in closed
// form: its monomials cancel.
const maxAtomDegree = 10

// seriesAtoms writes a Hermite series of low degree in powers of z.
func seriesAtoms(s hermite.Series) (gauss.Atoms, bool) {
	b := s.Scaled(1).Coeffs()
	if len(b)-1 > maxAtomDegree {
		return gauss.Atoms{}, false
	}
	p := make([]float64, len(b))
	h, previous := []float64{1}, []float64(nil)
	for k, c := range b {
		for m, v := range h {
			p[m] += c * v
		}
		next := make([]float64, k+2)
		for m, v := range h {
			next[m+1] += v / math.Sqrt(float64(k+1))
		}
		for m, v := range previous {
			next[m] -= v * math.Sqrt(float64(k)/float64(k+1))
		}
		h, previous = next, h
	}
	return Polynomial{p}.atoms(), true
}
