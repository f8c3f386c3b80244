package ntk

import (
	"fmt"
	"math"

	"github.com/kernelsmith/kernelsmith/ntk/internal/gauss"
	"github.com/kernelsmith/kernelsmith/ntk/internal/vec32"
)

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

func (m Mimic) mixture() gauss.Mixture {
	return gauss.Mixture{
		Hinges:  []gauss.Hinge{{Amp: m.A, Shift: m.B}},
		Cosines: []gauss.Cosine{{Amp: m.E, Freq: m.F, Phase: m.G}},
		Slope:   m.C, Offset: m.D,
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

func (m Mimic) dualAt(p gauss.Pair) (value, derivative float64) { return m.mixture().Dual(p) }

// EvalFloat32 implements [Float32Evaluator]: the cosine as in [Sin.EvalFloat32].
func (m Mimic) EvalFloat32(value, derivative, z []float32) {
	line := vec32.Line{
		Slope:  float32(m.C),
		Offset: float32(m.D),
		Hinge:  float32(m.A),
		Kink:   float32(m.B),
	}
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
	return checkFinite("Mimic",
		"A", m.A, "B", m.B, "C", m.C, "D", m.D, "E", m.E, "F", m.F, "G", m.G)
}

// String writes the function out.
func (m Mimic) String() string {
	return fmt.Sprintf("%.4g relu(z%+.4g) %+.4gz %+.4g %+.4g cos(%.4gz%+.4g)", m.A, -m.B, m.C, m.D,
		m.E, m.F, m.G)
}

func (m Mimic) fingerprint() string {
	return fmt.Sprint("ntk.Mimic", []float64{m.A, m.B, m.C, m.D, m.E, m.F, m.G})
}

func (m Mimic) atoms() gauss.Atoms { return m.mixture().Atoms() }
