package ntk

import (
	"fmt"
	"math"

	"github.com/kernelsmith/kernelsmith/ntk/internal/gauss"
	"github.com/kernelsmith/kernelsmith/ntk/internal/vec32"
)

// Sin is Amplitude · sin(Frequency · z + Phase), the phase in radians.
type Sin struct {
	Amplitude, Frequency, Phase float64
}

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
	return gauss.CosineDual(s.Amplitude, s.Frequency, sin, -cos, p)
}

func (s Sin) drop(p gauss.Pair) float64 {
	sin, cos := math.Sincos(s.Phase)
	return gauss.CosineDrop(s.Amplitude, s.Frequency, sin, -cos, p)
}

// EvalFloat32 implements [Float32Evaluator]: to 2e-7 of the amplitude, and of
// amplitude times frequency for the derivative.
func (s Sin) EvalFloat32(value, derivative, z []float32) {
	vec32.Sine(value, derivative, z, s.Amplitude, s.Frequency, s.Phase)
}

// Validate implements [Validator].
func (s Sin) Validate() error {
	return checkFinite("Sin", "Amplitude", s.Amplitude, "Frequency", s.Frequency, "Phase", s.Phase)
}

// String writes the function out.
func (s Sin) String() string {
	return sinusoid("sin", s.Amplitude, s.Frequency, s.Phase)
}

func (s Sin) fingerprint() string {
	return fmt.Sprint("ntk.Sin", []float64{s.Amplitude, s.Frequency, s.Phase})
}

func (s Sin) atoms() gauss.Atoms {
	return gauss.Cosine{Amp: s.Amplitude, Freq: s.Frequency, Phase: s.Phase - math.Pi/2}.Atoms()
}

// Cos is Amplitude · cos(Frequency · z + Phase), the phase in radians.
type Cos struct {
	Amplitude, Frequency, Phase float64
}

func (s Cos) cosine() gauss.Cosine {
	return gauss.Cosine{Amp: s.Amplitude, Freq: s.Frequency, Phase: s.Phase}
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

func (s Cos) dualAt(p gauss.Pair) (value, derivative float64) { return s.cosine().Dual(p) }

func (s Cos) drop(p gauss.Pair) float64 {
	return s.cosine().Drop(p)
}

// EvalFloat32 implements [Float32Evaluator]; see [Sin.EvalFloat32].
func (s Cos) EvalFloat32(value, derivative, z []float32) {
	s.sin().EvalFloat32(value, derivative, z)
}

// Validate implements [Validator].
func (s Cos) Validate() error {
	return checkFinite("Cos", "Amplitude", s.Amplitude, "Frequency", s.Frequency, "Phase", s.Phase)
}

// String writes the function out.
func (s Cos) String() string {
	return sinusoid("cos", s.Amplitude, s.Frequency, s.Phase)
}

func (s Cos) fingerprint() string {
	return fmt.Sprint("ntk.Cos", []float64{s.Amplitude, s.Frequency, s.Phase})
}

func (s Cos) atoms() gauss.Atoms { return s.cosine().Atoms() }

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

// GaussianFeature returns √2 sin(ω z + π/4), whose NNGP kernel on the sphere is
// exactly the Gaussian kernel e^{-ω²(1-c)}.
func GaussianFeature(omega float64) Sin { return Sin{math.Sqrt2, omega, math.Pi / 4} }
