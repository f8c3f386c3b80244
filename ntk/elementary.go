package ntk

import (
	"math"

	"github.com/kernelsmith/kernelsmith/ntk/hermite"
)

// Elementary is an activation that is written in elementary functions, so that nets with it can
// be trained on an accelerator, which compiles them; see package device. Of this package's, all
// are that have an NTK, but for those of [Custom].
type Elementary interface {
	// Elementary returns φ(z) and φ'(z), as f writes them.
	Elementary(f Functions, z Expression) (value, derivative Expression)
}

// Expression is what [Functions] make: a number for each pre-activation, in single precision
// unless it is said otherwise.
type Expression any

// Functions write expressions. An expression of two others, of which one is in double precision,
// is in double precision.
type Functions interface {
	Constant(v float64) Expression
	Add(a, b Expression) Expression
	Subtract(a, b Expression) Expression
	Multiply(a, b Expression) Expression
	Divide(a, b Expression) Expression
	Maximum(a, b Expression) Expression
	// IfPositive is yes where a > 0, else no.
	IfPositive(a, yes, no Expression) Expression
	Exp(a Expression) Expression
	Log1p(a Expression) Expression // ln(1 + a)
	Tanh(a Expression) Expression
	// Sincos returns the sine and the cosine of frequency·a + phase, the phase in radians. Only
	// the results are in single precision.
	Sincos(a Expression, frequency, phase float64) (sin, cos Expression)
	Erf(a Expression) Expression // to 2e-7
	// Double is a in double precision: for sums whose terms are larger than they are.
	Double(a Expression) Expression
}

// WriteElementary returns φ(z) and φ'(z) as f writes them; ok is false for an activation that
// cannot be written so: one that is not [Elementary], or a sum with a term that is not.
func WriteElementary(
	phi Activation, f Functions, z Expression,
) (value, derivative Expression, ok bool) {
	for {
		if e, ok := phi.(Elementary); ok {
			value, derivative = e.Elementary(f, z)
			return value, derivative, true
		}
		w, wraps := phi.(wrapper)
		if !wraps {
			break
		}
		phi = w.Unwrap()
	}
	switch a := phi.(type) {
	case elementary:
		value, derivative = a.elementary(f, z)
		return value, derivative, true
	case hermite.Series:
		value, derivative = writeSeries(a, f, z)
		return value, derivative, true
	}
	if terms, offset, isSum := parts(phi); isSum {
		return writeSum(terms, offset, f, z)
	}
	return nil, nil, false
}

// elementary is Elementary of this package's own.
type elementary interface {
	elementary(f Functions, z Expression) (value, derivative Expression)
}

// scaled is c·a.
func scaled(f Functions, c float64, a Expression) Expression {
	if c == 1 {
		return a
	}
	return f.Multiply(f.Constant(c), a)
}

// magnitude is |z|.
func magnitude(f Functions, z Expression) Expression { return f.Maximum(z, scaled(f, -1, z)) }

// writeSum is Σ a·φ(s z + t) + offset.
func writeSum(
	terms []term, offset float64, f Functions, z Expression,
) (value, derivative Expression, ok bool) {
	value, derivative = f.Constant(offset), f.Constant(0)
	for _, t := range terms {
		x := scaled(f, t.s, z)
		if t.t != 0 {
			x = f.Add(x, f.Constant(t.t))
		}
		v, d, ok := WriteElementary(t.phi, f, x)
		if !ok {
			return nil, nil, false
		}
		value = f.Add(value, scaled(f, t.a, v))
		derivative = f.Add(derivative, scaled(f, t.a*t.s, d))
	}
	return value, derivative, true
}

// writeSeries is Σ b_k h_k(z/s) and Σ √k b_k h_{k-1}(z/s)/s, by the three-term recurrence.
func writeSeries(a hermite.Series, f Functions, z Expression) (value, derivative Expression) {
	x := f.Multiply(f.Constant(1/a.Scale()), f.Double(z))
	h, before := f.Double(f.Constant(1)), f.Double(f.Constant(0))
	value, derivative = before, before
	for k, b := range a.Coeffs() {
		if k > 0 {
			n := float64(k)
			derivative = f.Add(derivative, scaled(f, math.Sqrt(n)*b/a.Scale(), h))
			next := f.Subtract(f.Multiply(scaled(f, 1/math.Sqrt(n), x), h),
				scaled(f, math.Sqrt((n-1)/n), before))
			h, before = next, h
		}
		value = f.Add(value, scaled(f, b, h))
	}
	return value, derivative
}

func (ReLU) elementary(f Functions, z Expression) (value, derivative Expression) {
	zero := f.Constant(0)
	return f.Maximum(z, zero), f.IfPositive(z, f.Constant(1), zero)
}

func (a TwoSlope) elementary(f Functions, z Expression) (value, derivative Expression) {
	slope := f.IfPositive(z, f.Constant(a.Positive), f.Constant(a.Negative))
	return f.Multiply(slope, z), slope
}

func (a RectifiedMonomial) elementary(f Functions, z Expression) (value, derivative Expression) {
	above, step := ReLU{}.elementary(f, z)
	power := step // of one degree less
	for range a.Degree - 1 {
		power = f.Multiply(power, above)
	}
	return f.Multiply(power, above), scaled(f, float64(a.Degree), power)
}

func (m Mimic) elementary(f Functions, z Expression) (value, derivative Expression) {
	above, step := ReLU{}.elementary(f, f.Subtract(z, f.Constant(m.B)))
	sin, cos := f.Sincos(z, m.F, m.G)
	value = f.Add(f.Add(scaled(f, m.A, above), scaled(f, m.C, z)),
		f.Add(f.Constant(m.D), scaled(f, m.E, cos)))
	return value, f.Subtract(f.Add(scaled(f, m.A, step), f.Constant(m.C)), scaled(f, m.E*m.F, sin))
}

func (a Polynomial) elementary(f Functions, z Expression) (value, derivative Expression) {
	z = f.Double(z)
	value, derivative = f.Double(f.Constant(0)), f.Double(f.Constant(0))
	for m := len(a.Coeffs) - 1; m >= 0; m-- {
		derivative = f.Add(f.Multiply(derivative, z), value)
		value = f.Add(f.Multiply(value, z), f.Constant(a.Coeffs[m]))
	}
	return value, derivative
}

func (s Sin) elementary(f Functions, z Expression) (value, derivative Expression) {
	sin, cos := f.Sincos(z, s.Frequency, s.Phase)
	return scaled(f, s.Amplitude, sin), scaled(f, s.Amplitude*s.Frequency, cos)
}

func (s Cos) elementary(f Functions, z Expression) (value, derivative Expression) {
	sin, cos := f.Sincos(z, s.Frequency, s.Phase)
	return scaled(f, s.Amplitude, cos), scaled(f, -s.Amplitude*s.Frequency, sin)
}

func (Erf) elementary(f Functions, z Expression) (value, derivative Expression) {
	return f.Erf(z), scaled(f, 2/math.SqrtPi, f.Exp(scaled(f, -1, f.Multiply(z, z))))
}

func (SigmoidErf) elementary(f Functions, z Expression) (value, derivative Expression) {
	v, d := Erf{}.elementary(f, scaled(f, 1/sigmoidErfScale, z))
	half := f.Constant(0.5)
	return f.Add(half, f.Multiply(half, v)), scaled(f, 0.5/sigmoidErfScale, d)
}

func (GELU) elementary(f Functions, z Expression) (value, derivative Expression) {
	v, d := Erf{}.elementary(f, scaled(f, 1/math.Sqrt2, z))
	half := f.Constant(0.5)
	normal := f.Add(half, f.Multiply(half, v))
	return f.Multiply(z, normal), f.Add(normal, f.Multiply(z, scaled(f, 0.5/math.Sqrt2, d)))
}

func (a Exp) elementary(f Functions, z Expression) (value, derivative Expression) {
	e := f.Exp(scaled(f, a.Rate, z))
	return scaled(f, a.Amplitude, e), scaled(f, a.Amplitude*a.Rate, e)
}

func (a Gaussian) elementary(f Functions, z Expression) (value, derivative Expression) {
	e := f.Exp(scaled(f, -a.Rate, f.Multiply(z, z)))
	return scaled(f, a.Amplitude, e), f.Multiply(scaled(f, -2*a.Rate*a.Amplitude, z), e)
}

func (Gabor) elementary(f Functions, z Expression) (value, derivative Expression) {
	e := f.Exp(scaled(f, -1, f.Multiply(z, z)))
	sin, cos := f.Sincos(z, 1, 0)
	return f.Multiply(e, sin), f.Multiply(e, f.Subtract(cos, f.Multiply(scaled(f, 2, z), sin)))
}

func (Tanh) elementary(f Functions, z Expression) (value, derivative Expression) {
	t := f.Tanh(z)
	return t, f.Subtract(f.Constant(1), f.Multiply(t, t))
}

func (Sigmoid) elementary(f Functions, z Expression) (value, derivative Expression) {
	one := f.Constant(1)
	e := f.Exp(scaled(f, -1, magnitude(f, z))) // never overflows
	above := f.Divide(one, f.Add(one, e))      // the larger of φ(z) and φ(-z)
	return f.IfPositive(z, above, f.Multiply(e, above)), f.Multiply(e, f.Multiply(above, above))
}

func (Softplus) elementary(f Functions, z Expression) (value, derivative Expression) {
	e := f.Exp(scaled(f, -1, magnitude(f, z)))
	slope, _ := Sigmoid{}.elementary(f, z)
	return f.Add(f.Maximum(z, f.Constant(0)), f.Log1p(e)), slope
}

func (SiLU) elementary(f Functions, z Expression) (value, derivative Expression) {
	v, d := Sigmoid{}.elementary(f, z)
	return f.Multiply(z, v), f.Add(v, f.Multiply(z, d))
}
