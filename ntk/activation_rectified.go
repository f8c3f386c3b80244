package ntk

import (
	"fmt"
	"math"

	"github.com/kernelsmith/kernelsmith/ntk/internal/gauss"
	"github.com/kernelsmith/kernelsmith/ntk/internal/vec32"
)

// ReLU is max(z, 0). The derivative at 0 is 0.
type ReLU struct{}

// Value returns max(z, 0).
func (ReLU) Value(z float64) float64 {
	if z <= 0 {
		return 0
	}
	return z // NaN too
}

// Derivative returns 1 for z > 0, else 0.
func (ReLU) Derivative(z float64) float64 {
	switch {
	case z > 0:
		return 1
	case z <= 0:
		return 0
	}
	return math.NaN()
}

// Dual is the arc-cosine kernel of degree 1, and of degree 0 for the
// derivative, over 2: with cos θ = k/√(q q2),
// (√(q q2 - k²) + (π-θ) k)/(2π) and (π-θ)/(2π).
//
// Source: [CS09] eq. 3-6.
func (ReLU) Dual(q, k, q2 float64) (value, derivative float64) {
	return ReLU{}.dualAt(gauss.Of(q, k, q2))
}

func (ReLU) dualAt(p gauss.Pair) (value, derivative float64) {
	s := gauss.GeometricMean(p.Q, p.Q2)
	if s == 0 {
		return 0, 0 // a pre-activation is the constant 0, where φ and φ' are 0
	}
	psi := p.Supplement()
	return s * sineLessCosine(psi) / (2 * math.Pi), psi / (2 * math.Pi)
}

// drop is s/2 (1 - cos θ - (sin θ - θ cos θ)/π), s = √(q q2).
func (ReLU) drop(p gauss.Pair) float64 {
	return (p.Minus - gauss.GeometricMean(p.Q, p.Q2)*sineLessCosine(p.Angle())/math.Pi) / 2
}

// sineLessCosine is sin x - x cos x, which cancels for small x.
func sineLessCosine(x float64) float64 {
	if x < 0.5 {
		x2 := x * x
		rest := 1./45360 - x2*(1./3991680-x2*(1./518918400-x2/93405312000))
		return x * x2 * (1./3 - x2*(1./30-x2*(1./840-x2*rest)))
	}
	sin, cos := math.Sincos(x)
	return sin - x*cos
}

// EvalFloat32 implements [Float32Evaluator].
func (ReLU) EvalFloat32(value, derivative, z []float32) { vec32.ReLU(value, derivative, z) }

// String returns "ReLU".
func (ReLU) String() string { return "ReLU" }

func (ReLU) fingerprint() string { return "ntk.ReLU<nil>" }

func (ReLU) atoms() gauss.Atoms { return gauss.Atoms{Gates: []gauss.Gate{{C: 1, M: 1}}} }

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
	s := gauss.GeometricMean(p.Q, p.Q2)
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
	s := gauss.GeometricMean(p.Q, p.Q2)
	if p.Plus < p.Minus {
		both, apart := a.Positive+a.Negative, a.Positive-a.Negative
		return (both*both*s-cross*p.Plus)/2 - apart*apart*s*sineLessCosine(
			p.Supplement())/(2*math.Pi)
	}
	return sum*ReLU{}.drop(p) + cross*s*sineLessCosine(p.Angle())/(2*math.Pi)
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
	return gauss.Atoms{
		Waves: []gauss.Wave{{C: complex(a.Negative, 0), M: 1}},
		Gates: []gauss.Gate{{C: a.Positive - a.Negative, M: 1}},
	}.Merged()
}

// Validate implements [Validator].
func (a TwoSlope) Validate() error {
	return checkFinite("TwoSlope", "Positive", a.Positive, "Negative", a.Negative)
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

func (a TwoSlope) fingerprint() string { return fmt.Sprintf("ntk.TwoSlope%#v", a) }

// LeakyReLU returns max(z, 0) + slope · min(z, 0).
func LeakyReLU(slope float64) TwoSlope { return TwoSlope{1, slope} }

// Abs returns |z|.
func Abs() TwoSlope { return TwoSlope{1, -1} }

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
	s, n := gauss.GeometricMean(p.Q, p.Q2), float64(a.Degree)
	if s == 0 {
		return 0, 0
	}
	psi := p.Supplement()
	return math.Pow(
		s,
		n,
	) * arcCosine(a.Degree, psi), n * n * math.Pow(s, n-1) * arcCosine(a.Degree-1, psi)
}

// drop is ∫ φ̇: on a ray φ(u) and φ(v) are multiples.
func (a RectifiedMonomial) drop(p gauss.Pair) float64 {
	fall, ok := slopes(p, gauss.GeometricMean(p.Q, p.Q2), layerDual{phi: a})
	if !ok {
		return math.NaN()
	}
	return fall
}

func (a RectifiedMonomial) atoms() gauss.Atoms {
	return gauss.Atoms{Gates: []gauss.Gate{{C: 1, M: a.Degree}}}
}

// Validate implements [Validator].
func (a RectifiedMonomial) Validate() error {
	if a.Degree < 1 || a.Degree > maxRectified {
		return fmt.Errorf("ntk: RectifiedMonomial.Degree is %d; it must be 1 … %d (0 is Step)",
			a.Degree, maxRectified)
	}
	return nil
}

// String writes the function out.
func (a RectifiedMonomial) String() string { return fmt.Sprintf("relu(z)^%d", a.Degree) }

func (a RectifiedMonomial) fingerprint() string {
	return fmt.Sprintf("ntk.RectifiedMonomial%#v", a)
}

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
	density := 1 / (2 * math.Pi * math.Sqrt(p.Minus) * math.Sqrt(p.Plus))
	return p.Supplement() / (2 * math.Pi), density
}

func (Step) drop(p gauss.Pair) float64 { return p.Angle() / (2 * math.Pi) }

func (Step) atoms() gauss.Atoms { return gauss.Atoms{Gates: []gauss.Gate{{C: 1}}} }

// Jumps implements [Jumper].
func (Step) Jumps() []float64 { return []float64{0} }

// String returns "step".
func (Step) String() string { return "step" }

func (Step) fingerprint() string { return "ntk.Stepntk.Step{}" }

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
	return 2 / math.Pi * math.Atan2(p.K, math.Sqrt(p.Minus)*math.Sqrt(p.Plus)), 4 * derivative
}

func (Sign) drop(p gauss.Pair) float64 { return 2 / math.Pi * p.Angle() }

func (Sign) atoms() gauss.Atoms { return gauss.Atoms{Gates: []gauss.Gate{{C: 2, Less: 0.5}}} }

// Jumps implements [Jumper].
func (Sign) Jumps() []float64 { return []float64{0} }

// String returns "sign".
func (Sign) String() string { return "sign" }

func (Sign) fingerprint() string { return "ntk.Signntk.Sign{}" }
