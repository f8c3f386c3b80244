package design

import (
	"math"

	"github.com/kernelsmith/kernelsmith/ntk/internal/vec32"
)

// block is how many values go through a term at a time: what they need stays in
// the fastest cache, and a term is looked at once for all of them.
const block = 256

// EvalFloat32 implements [ntk.Float32Evaluator]: to 2e-7 of each cosine's
// amplitude, 2e-8 of the other terms', and the rounding of sums in single
// precision; for derivatives times the frequency or scale.
func (a *compiled) EvalFloat32(value, derivative, z []float32) {
	value, derivative = value[:len(z)], derivative[:len(z)]
	if a.straight {
		a.evalStraight(value, derivative, z)
		return
	}
	var v, d [block]float64
	var wave, slope [block]float32
	for start := 0; start < len(z); start += block {
		x := z[start:min(start+block, len(z))]
		v, d := v[:len(x)], d[:len(x)]
		for i, x := range x {
			nan := float64(x)
			if x == x {
				nan = 0
			}
			v[i], d[i] = a.formula.Offset+nan, a.formula.Slope+nan
		}
		if a.formula.Slope != 0 {
			for i, x := range x {
				v[i] += a.formula.Slope * float64(x)
			}
		}
		cosines := a.cosines
		for _, t := range a.formula.Terms {
			switch t.Kind {
			case reluTerm:
				for i, x := range x {
					above, step := relu(float64(x) - t.Shift)
					v[i] += t.Amplitude * above
					d[i] += t.Amplitude * step
				}
			case reflectedTerm:
				for i, x := range x {
					below, step := relu(t.Shift - float64(x))
					v[i] += t.Amplitude * below
					d[i] -= t.Amplitude * step
				}
			case cosineTerm:
				wave, slope := wave[:len(x)], slope[:len(x)]
				cosines[0].EvalFloat32(wave, slope, x)
				cosines = cosines[1:]
				for i := range x {
					v[i] += float64(wave[i])
					d[i] += float64(slope[i])
				}
			case gaussianTerm:
				inverse, by := 1/t.Scale, -t.Amplitude/t.Scale
				for i, x := range x {
					u := (float64(x) - t.Shift) * inverse
					e := exp(-u * u / 2)
					v[i] += t.Amplitude * e
					d[i] += by * min(max(u, -1e100), 1e100) * e
				}
			case erfTerm:
				by := t.Amplitude * t.Scale * 2 / math.SqrtPi
				for i, x := range x {
					erf, e := erf(t.Scale * (float64(x) - t.Shift))
					v[i] += t.Amplitude * erf
					d[i] += by * e
				}
			case geluTerm:
				by := t.Amplitude * t.Scale
				for i, x := range x {
					u := t.Scale * (float64(x) - t.Shift)
					erf, e := erf(u * (1 / math.Sqrt2))
					v[i] += t.Amplitude * u * (0.5 + 0.5*erf)
					d[i] += by * (0.5 + 0.5*erf + u*e*(1/math.Sqrt2/math.SqrtPi))
				}
			}
		}
		for i := range x {
			value[start+i], derivative[start+i] = float32(v[i]), float32(d[i])
		}
	}
}

// evalStraight is EvalFloat32 without other terms than rectifiers and cosines.
func (a *compiled) evalStraight(value, derivative, z []float32) {
	var v, d, wave, slope [block]float32
	for start := 0; start < len(z); start += block {
		end := min(start+block, len(z))
		x := z[start:end]
		v, d, wave, slope := v[:len(x)], d[:len(x)], wave[:len(x)], slope[:len(x)]
		clear(v)
		clear(d)
		cosines := a.cosines
		for _, t := range a.formula.Terms {
			amplitude, shift := float32(t.Amplitude), float32(t.Shift)
			switch t.Kind {
			case reluTerm:
				vec32.AddLine(v, d, x, vec32.Line{Hinge: amplitude, Kink: shift})
			case reflectedTerm:
				vec32.AddLine(v, d, x, vec32.Line{Hinge: amplitude, Kink: shift, Reflected: true})
			case cosineTerm:
				cosines[0].EvalFloat32(wave, slope, x)
				cosines = cosines[1:]
				vec32.AddScaled(v, 1, wave)
				vec32.AddScaled(d, 1, slope)
			}
		}
		vec32.AddLine(v, d, x,
			vec32.Line{Slope: float32(a.formula.Slope), Offset: float32(a.formula.Offset)})
		copy(value[start:end], v)
		copy(derivative[start:end], d)
	}
}

// relu returns max(x, 0) and 1 where x > 0, else 0; any finite values for NaN.
// Pre-activations have either sign at random, which a branch cannot predict: mask
// is all ones where x ≤ 0.
func relu(x float64) (value, derivative float64) {
	const one = 0x3ff << 52
	bits := int64(math.Float64bits(x))
	mask := uint64((bits | (bits - 1)) >> 63)
	return math.Float64frombits(uint64(bits) &^ mask), math.Float64frombits(one &^ mask)
}

// exp is e^x for x ≤ 0 to 6e-9 of itself, 1e-48 where it is less, NaN for NaN:
// 2^n·2^r with an integer n and |r| ≤ ½, and the Taylor polynomial of 2^r.
func exp(x float64) float64 {
	y := max(x, -110) * math.Log2E
	// Adding 1.5·2^52 rounds to an integer, which then stands in the lowest bits.
	const toInteger = 3 << 51
	shifted := y + toInteger
	r := (y - (shifted - toInteger)) * math.Ln2
	power := math.Float64frombits((math.Float64bits(shifted) + 1023) << 52)
	return power * (1 + r*(1+r*(1./2+r*(1./6+r*(1./24+r*(1./120+r*(1./720+r*(1./5040))))))))
}

// erf returns erf(x) to 2e-8 and e^{-x²}: 1 - erf is that times a polynomial in
// 1/(1 + 0.3|x|), which interpolates it at the ten Chebyshev points.
func erf(x float64) (value, gaussian float64) {
	e := exp(-x * x)
	t := 1 / (1 + 0.3*math.Abs(x))
	p := 6.723148944688327e-08 + t*(0.16924339870272803+t*(0.16970657014706297+
		t*(0.1557712560228261+t*(0.18556905793513878+t*(-0.0260423543959248+
			t*(0.4498555882174707+t*(-0.42855314248181886+t*(0.44608015772849424+
				t*-0.1216306076080334))))))))
	return math.Copysign(1-p*e, x), e
}
