package ntk

import (
	"fmt"
	"math"

	"github.com/kernelsmith/kernelsmith/ntk/internal/gauss"
	"github.com/kernelsmith/kernelsmith/ntk/internal/vec32"
)

// Activation is the function φ that a hidden layer applies to each
// pre-activation.
//
// An activation may have more: [Dualer] is what infinite-width kernels need,
// [Validator] rejects bad parameters, [Float32Evaluator] makes training fast.
type Activation interface {
	// Value returns φ(z).
	Value(z float64) float64
	// Derivative returns φ'(z), and at a kink of φ a one-sided derivative.
	Derivative(z float64) float64
}

// Dualer is an activation that has its dual activations, in closed form or, as
// [Tanh] and those of [Custom], to a tolerance. Its kernels are as exact as these.
type Dualer interface {
	Activation
	// Dual returns E[φ(u)φ(v)] and E[φ'(u)φ'(v)] for (u, v) normal with mean
	// zero, variances q, q2 ≥ 0 and covariance k, |k| ≤ √(q q2).
	Dual(q, k, q2 float64) (value, derivative float64)
}

// PreparedDualer is a Dualer that can do once for each input the work that
// concerns one pre-activation alone, as in a Gram matrix.
type PreparedDualer interface {
	Dualer
	// Prepare returns what DualPrepared needs to know of a pre-activation of
	// variance q ≥ 0.
	Prepare(q float64) []float64
	// DualPrepared is Dual at the variances that a and b were prepared for.
	DualPrepared(a []float64, q, k, q2 float64, b []float64) (value, derivative float64)
}

// Validator is an activation with parameters that may be out of range.
type Validator interface {
	// Validate returns an error that names the parameter, or nil.
	Validate() error
}

// Float32Evaluator is an activation with a vectorised single-precision form.
type Float32Evaluator interface {
	// EvalFloat32 sets value[i] = φ(z[i]) and derivative[i] = φ'(z[i]). The
	// three slices have one length; value or derivative may be z itself.
	EvalFloat32(value, derivative, z []float32)
}

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
	s := gauss.Largest(p.Q, p.Q2)
	if s == 0 {
		return 0, 0 // a pre-activation is the constant 0, where φ and φ' are 0
	}
	psi := p.Supplement()
	return s * sineLessCosine(psi) / (2 * math.Pi), psi / (2 * math.Pi)
}

// drop is s/2 (1 - cos θ - (sin θ - θ cos θ)/π).
func (ReLU) drop(p gauss.Pair) float64 {
	return (p.Minus - p.Q*sineLessCosine(p.Angle())/math.Pi) / 2
}

// sineLessCosine is sin x - x cos x, which cancels for small x.
func sineLessCosine(x float64) float64 {
	if x < 0.5 {
		x2 := x * x
		return x * x2 * (1./3 - x2*(1./30-x2*(1./840-x2*(1./45360-x2*(1./3991680-x2*(1./518918400-x2/93405312000))))))
	}
	sin, cos := math.Sincos(x)
	return sin - x*cos
}

// EvalFloat32 implements [Float32Evaluator].
func (ReLU) EvalFloat32(value, derivative, z []float32) { vec32.ReLU(value, derivative, z) }

// String returns "ReLU".
func (ReLU) String() string { return "ReLU" }

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

// String returns "erf".
func (Erf) String() string { return "erf" }

// Sin is Amplitude · sin(Frequency · z + Phase), the phase in radians.
type Sin struct {
	Amplitude, Frequency, Phase float64
}

func (s Sin) cosine() cosine { return cosine{s.Amplitude, s.Frequency, s.Phase - math.Pi/2} }

// Value returns φ(z).
func (s Sin) Value(z float64) float64 { return s.Amplitude * math.Sin(s.Frequency*z+s.Phase) }

// Derivative returns φ'(z).
func (s Sin) Derivative(z float64) float64 {
	return s.Amplitude * s.Frequency * math.Cos(s.Frequency*z+s.Phase)
}

// Dual implements [Dualer]: with amplitude a, frequency f and phase g,
// a²/2 (e^{-f²(q+q2-2k)/2} - e^{-f²(q+q2+2k)/2} cos 2g), and with a plus and
// f² before it for the derivative.
func (s Sin) Dual(q, k, q2 float64) (value, derivative float64) {
	return s.dualAt(gauss.Of(q, k, q2))
}

func (s Sin) dualAt(p gauss.Pair) (value, derivative float64) {
	sin, cos := math.Sincos(s.Phase) // of a cosine a quarter of a turn behind
	return waveDual(s.Amplitude, s.Frequency, sin, -cos, p)
}

// EvalFloat32 implements [Float32Evaluator]: to 2e-7 of the amplitude, and of
// amplitude times frequency for the derivative.
func (s Sin) EvalFloat32(value, derivative, z []float32) {
	vec32.Sine(value, derivative, z, s.Amplitude, s.Frequency, s.Phase)
}

// Validate implements [Validator].
func (s Sin) Validate() error {
	return finite("Sin", "Amplitude", s.Amplitude, "Frequency", s.Frequency, "Phase", s.Phase)
}

// String writes the function out.
func (s Sin) String() string {
	return sinusoid("sin", s.Amplitude, s.Frequency, s.Phase)
}

// Cos is Amplitude · cos(Frequency · z + Phase), the phase in radians.
type Cos struct {
	Amplitude, Frequency, Phase float64
}

func (s Cos) sin() Sin { return Sin{s.Amplitude, s.Frequency, s.Phase + math.Pi/2} }

// Value returns φ(z).
func (s Cos) Value(z float64) float64 { return s.Amplitude * math.Cos(s.Frequency*z+s.Phase) }

// Derivative returns φ'(z).
func (s Cos) Derivative(z float64) float64 {
	return -s.Amplitude * s.Frequency * math.Sin(s.Frequency*z+s.Phase)
}

// Dual implements [Dualer]; see [Sin.Dual].
func (s Cos) Dual(q, k, q2 float64) (value, derivative float64) {
	return s.dualAt(gauss.Of(q, k, q2))
}

func (s Cos) dualAt(p gauss.Pair) (value, derivative float64) {
	return cosine{s.Amplitude, s.Frequency, s.Phase}.dualAt(p)
}

// EvalFloat32 implements [Float32Evaluator]; see [Sin.EvalFloat32].
func (s Cos) EvalFloat32(value, derivative, z []float32) { s.sin().EvalFloat32(value, derivative, z) }

// Validate implements [Validator].
func (s Cos) Validate() error {
	return finite("Cos", "Amplitude", s.Amplitude, "Frequency", s.Frequency, "Phase", s.Phase)
}

// String writes the function out.
func (s Cos) String() string {
	return sinusoid("cos", s.Amplitude, s.Frequency, s.Phase)
}

// sinusoid writes a·f(ωz+p), without what is 1 or 0.
func sinusoid(f string, amplitude, frequency, phase float64) string {
	a, p := "", ""
	if amplitude != 1 {
		a = fmt.Sprintf("%.4g ", amplitude)
	}
	if phase != 0 {
		p = fmt.Sprintf("%+.4g", phase)
	}
	return fmt.Sprintf("%s%s(%.4gz%s)", a, f, frequency, p)
}

// Mimic is the seven-parameter form of [SAD22] that shallow nets are designed
// in: φ(z) = A·relu(z-B) + C·z + D + E·cos(F·z + G).
type Mimic struct {
	A, B, C, D, E, F, G float64
}

// PublishedMimic returns the optimum that [SAD22] found for the NTK of the
// four-hidden-layer ReLU net with σ_w = √2 and σ_b = 0.1.
func PublishedMimic() Mimic {
	return Mimic{
		A: 3.8001579818118927, B: 1.0600013769145225, C: 0.09680930566346302, D: 0.9010060417094072,
		E: -0.07936104642025432, F: 11.810565331593281, G: 0.9340552512015492,
	}
}

func (m Mimic) mixture() mixture {
	return mixture{
		hinges:  []hinge{{m.A, m.B}},
		cosines: []cosine{{m.E, m.F, m.G}},
		slope:   m.C, offset: m.D,
	}
}

// Value returns φ(z).
func (m Mimic) Value(z float64) float64 {
	return m.A*ReLU{}.Value(z-m.B) + m.C*z + m.D + m.E*math.Cos(m.F*z+m.G)
}

// Derivative returns φ'(z); at the kink z = B the one from the left.
func (m Mimic) Derivative(z float64) float64 {
	return m.A*ReLU{}.Derivative(z-m.B) + m.C - m.E*m.F*math.Sin(m.F*z+m.G)
}

// Dual implements [Dualer] in closed form at any variances: normal tails,
// error functions and exponentials. Cost: about 2 µs.
func (m Mimic) Dual(q, k, q2 float64) (value, derivative float64) {
	return m.dualAt(gauss.Of(q, k, q2))
}

func (m Mimic) dualAt(p gauss.Pair) (value, derivative float64) { return m.mixture().dualAt(p) }

// EvalFloat32 implements [Float32Evaluator]: the cosine as in [Sin.EvalFloat32].
func (m Mimic) EvalFloat32(value, derivative, z []float32) {
	line := vec32.Line{Slope: float32(m.C), Offset: float32(m.D), Hinge: float32(m.A), Kink: float32(m.B)}
	var wave, slope [256]float32 // few enough to stay in the fastest cache
	for start := 0; start < len(z); start += len(wave) {
		end := min(start+len(wave), len(z))
		x := z[start:end]
		v, d := wave[:len(x)], slope[:len(x)]
		vec32.Sine(v, d, x, m.E, m.F, m.G+math.Pi/2)
		vec32.AddLine(v, d, x, line)
		copy(value[start:end], v)
		copy(derivative[start:end], d)
	}
}

// Validate implements [Validator].
func (m Mimic) Validate() error {
	return finite("Mimic", "A", m.A, "B", m.B, "C", m.C, "D", m.D, "E", m.E, "F", m.F, "G", m.G)
}

// String writes the function out.
func (m Mimic) String() string {
	return fmt.Sprintf("%.4g relu(z%+.4g) %+.4gz %+.4g %+.4g cos(%.4gz%+.4g)", m.A, -m.B, m.C, m.D, m.E, m.F, m.G)
}

// finite checks name, value pairs.
func finite(of string, pairs ...any) error {
	for i := 0; i < len(pairs); i += 2 {
		if v := pairs[i+1].(float64); math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("ntk: %s.%s is %v; it must be finite", of, pairs[i], v)
		}
	}
	return nil
}
