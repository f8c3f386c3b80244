package gauss

import (
	"math"
	"math/cmplx"
	"slices"

	"github.com/kernelsmith/kernelsmith/ntk/internal/special"
)

// Mixture is a sum of shifted ReLUs, cosines and an affine function. Its dual
// activations are sums over pairs of terms, each in closed form: both at once and without
// complex moments, in a third of the time that its atoms take.
type Mixture struct {
	Hinges        []Hinge
	Cosines       []Cosine
	Slope, Offset float64
}

// Hinge is Amp · relu(z - Shift).
type Hinge struct{ Amp, Shift float64 }

// Cosine is Amp · cos(Freq · z + Phase).
type Cosine struct{ Amp, Freq, Phase float64 }

// Atoms returns the cosine as a wave.
func (c Cosine) Atoms() Atoms {
	sin, cos := math.Sincos(c.Phase)
	return Atoms{
		Waves: []Wave{{C: complex(c.Amp*cos, c.Amp*sin), Beta: complex(0, c.Freq)}},
	}.Merged()
}

// Atoms returns the terms as waves and gates.
func (m Mixture) Atoms() Atoms {
	var out Atoms
	for _, c := range m.Cosines {
		out = out.Plus(c.Atoms())
	}
	out = out.Plus(Atoms{
		Waves: []Wave{{C: complex(m.Slope, 0), M: 1}, {C: complex(m.Offset, 0)}},
	})
	for _, h := range m.Hinges {
		out = out.Plus(Atoms{
			Gates: []Gate{{C: h.Amp, M: 1, B: h.Shift}, {C: -h.Amp * h.Shift, B: h.Shift}},
		})
	}
	return out
}

// asMixture recognises sums of shifted ReLUs, cosines and affine functions; it is nil for
// others.
func asMixture(a Atoms) *Mixture {
	var m Mixture
	for _, w := range a.Waves {
		switch {
		case w.Alpha == 0 && w.Beta == 0 && w.M == 0:
			m.Offset += real(w.C)
		case w.Alpha == 0 && w.Beta == 0 && w.M == 1:
			m.Slope += real(w.C)
		case w.Alpha == 0 && w.M == 0 && real(w.Beta) == 0:
			m.Cosines = append(m.Cosines, Cosine{
				math.Hypot(real(w.C), imag(w.C)), imag(w.Beta), math.Atan2(imag(w.C), real(w.C)),
			})
		default:
			return nil
		}
	}
	for _, g := range a.Gates {
		if g.Tau != 0 || g.M > 1 ||
			g.Less != 0 && !(g.Less == 1 && g.B > 0 || g.M == 1 && g.B == 0) {
			return nil
		}
		// the other power of z at the same gate
		i := slices.IndexFunc(a.Gates, func(o Gate) bool { return o.M == 1-g.M && o.like(g) })
		// relu(b-z) is relu(z-b) - (z-b), which cancels far out if it is closed at 0
		if g.M == 0 {
			m.Offset -= g.C * g.Less
			if i < 0 {
				return nil // a step
			}
			continue
		}
		m.Slope -= g.C * g.Less
		// c z 1(z > b) needs -c b 1(z > b) beside it
		if g.B != 0 && (i < 0 || math.Abs(a.Gates[i].C+g.C*g.B) > 1e-15*math.Abs(g.C*g.B)) ||
			g.B == 0 && i >= 0 {
			return nil
		}
		m.Hinges = append(m.Hinges, Hinge{g.C, g.B})
	}
	return &m
}

// Dual is E[f(u)f(v)] and E[f'(u)f'(v)].
func (m Mixture) Dual(p Pair) (value, derivative float64) {
	q, k, q2 := p.Q, p.K, p.Q2
	if q < 1e-300 || q2 < 1e-300 { // below, quotients by q overflow
		return m.dualOfConstant(q, q2)
	}
	value = m.Slope*m.Slope*k + m.Offset*m.Offset
	derivative = m.Slope * m.Slope
	for _, h := range m.Hinges {
		for _, h2 := range m.Hinges {
			v, d := h.dual(h2, p)
			value += v
			derivative += d
		}
		// with the affine part, both ways round
		tail, tail2 := h.tail(q), h.tail(q2)
		value += m.Slope*k*(tail+tail2) + m.Offset*(h.mean(q)+h.mean(q2))
		derivative += m.Slope * (tail + tail2)
		for _, c := range m.Cosines {
			v, d := h.dualCosine(c, p)
			v2, d2 := h.dualCosine(c, p.Swapped())
			value += v + v2
			derivative += d + d2
		}
	}
	for _, c := range m.Cosines {
		for _, c2 := range m.Cosines {
			value += c.values(c2, p)
			derivative += c.derivatives(c2, p)
		}
		// E[v cos(fu+g)] = k E[d/du cos(fu+g)]
		slope, slope2 := c.meanDerivative(q), c.meanDerivative(q2)
		value += m.Slope*k*(slope+slope2) + m.Offset*(c.mean(q)+c.mean(q2))
		derivative += m.Slope * (slope + slope2)
	}
	return value, derivative
}

// dualOfConstant is the dual where a pre-activation has no variance: it is 0.
func (m Mixture) dualOfConstant(q, q2 float64) (value, derivative float64) {
	mean := func(q float64) (value, derivative float64) {
		value, derivative = m.Offset, m.Slope
		for _, h := range m.Hinges {
			value += h.mean(q)
			derivative += h.tail(q)
		}
		for _, c := range m.Cosines {
			value += c.mean(q)
			derivative += c.meanDerivative(q)
		}
		return value, derivative
	}
	v, d := mean(q)
	v2, d2 := mean(q2)
	return v * v2, d * d2
}

// mean is E[Amp relu(u - Shift)], u ~ N(0, q).
func (h Hinge) mean(q float64) float64 {
	if q == 0 {
		return h.Amp * math.Max(0, -h.Shift)
	}
	s := math.Sqrt(q)
	t := h.Shift / s
	return h.Amp * (s*special.NormalDensity(t) - h.Shift*special.NormalTail(t))
}

// tail is E[Amp 1(u > Shift)], u ~ N(0, q).
func (h Hinge) tail(q float64) float64 {
	if q == 0 {
		if h.Shift < 0 {
			return h.Amp
		}
		return 0
	}
	return h.Amp * special.NormalTail(h.Shift/math.Sqrt(q))
}

// dual is E[h(u) h2(v)] and E[h'(u) h2'(v)].
func (h Hinge) dual(h2 Hinge, p Pair) (value, derivative float64) {
	ss, rho, r := GeometricMean(p.Q, p.Q2), p.Rho(), p.Root()
	a, b := h.Shift/math.Sqrt(p.Q), h2.Shift/math.Sqrt(p.Q2)
	c := CornerOf(a, b, special.NormalDensity(a), special.NormalDensity(b), rho, r,
		r*r/(1+math.Abs(rho)))
	amp := h.Amp * h2.Amp
	return amp * ss * c.Moment, amp * c.Mass
}

// Corner is the part of the plane of two standard normal numbers u and v where both are above
// thresholds a and b.
type Corner struct {
	Mass   float64 // P(u > a, v > b)
	Moment float64 // E[relu(u-a) relu(v-b)]
	// TailB is P(v > b) given u = a, and TailA P(u > a) given v = b.
	TailB, TailA float64
}

// CornerOf returns the corner for the correlation rho, by the second moment of a truncated
// bivariate normal. The densities are those of u at a and of v at b; r is √(1-ρ²) and rest
// is 1 - |ρ|, which a caller may know better than rho near ±1 tells.
//
// Source: [R61] eq. 1-3.
func CornerOf(a, b, densityA, densityB, rho, r, rest float64) Corner {
	// b - ρa, a - ρb and (a² - 2ρab + b²)/(2r²), through 1 - |ρ| so that they keep
	// their digits near |ρ| = 1.
	sign := math.Copysign(1, rho)
	gap := b - sign*a
	c := Corner{
		Mass:  special.BivariateNormalTail(a, b, rho, r),
		TailB: special.ConditionalTail(gap+sign*a*rest, r),
		TailA: special.ConditionalTail(sign*(b*rest-gap), r),
	}
	c.Moment = (rho+a*b)*c.Mass - b*densityA*c.TailB - a*densityB*c.TailA
	if r > 0 {
		c.Moment += r / (2 * math.Pi) * math.Exp(-gap*gap/(2*r*r)-sign*a*b/(1+math.Abs(rho)))
	}
	return c
}

// dualCosine is E[h(u) c(v)] and E[h'(u) c'(v)], with var u = q and
// var v = q2.
//
// Given u, v is normal with mean (k/q)u, so that both are integrals over
// u > shift of e^{iτu} against a normal density, τ = f k/q: with z = u/√q,
// θ = τ√q and the threshold b, ∫_b^∞ e^{iθz} p(z) dz is a Faddeeva function
// and the integral with z before it follows by parts.
func (h Hinge) dualCosine(c Cosine, p Pair) (value, derivative float64) {
	s := math.Sqrt(p.Q)
	theta, b := c.Freq*p.K/s, h.Shift/s
	// f²(q2 - k²/q)/2: what the spread of v around its mean damps.
	damp := c.Freq * c.Freq * p.Determinant() / p.Q / 2
	mass := normalTailTransform(theta, b, damp)
	edge := cmplx.Exp(complex(-damp-b*b/2, theta*b)) / complex(math.Sqrt(2*math.Pi), 0)
	first := edge + complex(-b, theta)*mass
	turn := cmplx.Exp(complex(0, c.Phase))
	amp := h.Amp * c.Amp
	return amp * s * real(turn*first), -amp * c.Freq * imag(turn*mass)
}

// normalTailTransform is e^{-damp} ∫_b^∞ e^{iθz} p(z) dz.
func normalTailTransform(theta, b, damp float64) complex128 {
	if b < 0 {
		// the whole line less the lower tail; z → -z turns that into an upper one
		whole := complex(math.Exp(-damp-theta*theta/2), 0)
		return whole - cmplx.Conj(normalTailTransform(theta, -b, damp))
	}
	w := special.Faddeeva(complex(theta, b) / math.Sqrt2)
	return cmplx.Exp(complex(-damp-b*b/2, theta*b)) * w / 2
}

// mean is E[c(u)], u ~ N(0, q).
func (c Cosine) mean(q float64) float64 {
	return c.Amp * math.Exp(-c.Freq*c.Freq*q/2) * math.Cos(c.Phase)
}

// meanDerivative is E[c'(u)], u ~ N(0, q).
func (c Cosine) meanDerivative(q float64) float64 {
	return -c.Amp * c.Freq * math.Exp(-c.Freq*c.Freq*q/2) * math.Sin(c.Phase)
}

// Dual is E[c(u) c(v)] and E[c'(u) c'(v)]: with m = f²(q+q2)/2 and phase g,
// a² e^{-m} (cosh f²k cos² g + sinh f²k sin² g), and a² f² times the same with sine
// and cosine exchanged.
func (c Cosine) Dual(p Pair) (value, derivative float64) {
	sin, cos := math.Sincos(c.Phase)
	return CosineDual(c.Amp, c.Freq, cos, sin, p)
}

// CosineDual is [Cosine.Dual] with the cosine and the sine of the phase.
func CosineDual(amp, freq, cosPhase, sinPhase float64, p Pair) (value, derivative float64) {
	f2 := freq * freq
	minus, plus := math.Exp(-f2*p.HalfSquare()), math.Exp(-f2*p.HalfSum())
	even, odd := (minus+plus)/2, (minus-plus)/2
	if x := f2 * p.K; math.Abs(x) < 0.5 { // where the difference cancels
		odd = math.Exp(-f2*(p.Q+p.Q2)/2) * math.Sinh(x)
	}
	c2, s2, a2 := cosPhase*cosPhase, sinPhase*sinPhase, amp*amp
	return a2 * (even*c2 + odd*s2), a2 * f2 * (even*s2 + odd*c2)
}

// CosineDrop is √(VV') - E[c(u)c(v)], V and V' being the values of [CosineDual] at equal inputs.
// With x = f²/2 times the mean square of u - v and the phase g, half the mean square of
// c(u) - c(v) is a²/2 times
//
//	-expm1(-x) + cos 2g ((e^{-f²q} - e^{-f²q2})²/2 - e^{-f²(q+q2)} expm1(x)).
func CosineDrop(amp, freq, cosPhase, sinPhase float64, p Pair) float64 {
	f2 := freq * freq
	x, most := f2*p.HalfSquare(), f2*(p.Q+p.Q2)
	twice := (cosPhase - sinPhase) * (cosPhase + sinPhase)
	e, e2 := math.Exp(-f2*p.Q), math.Exp(-f2*p.Q2)
	lo, hi := math.Min(f2*p.Q, f2*p.Q2), math.Max(f2*p.Q, f2*p.Q2)
	apart := math.Exp(-lo) * math.Expm1(lo-hi) // -|e - e2|
	grows := math.Exp(-most) * math.Expm1(x)
	if x > 1 {
		grows = math.Exp(x-most) - math.Exp(-most)
	}
	half := amp * amp / 2 * (-math.Expm1(-x) + twice*(apart*apart/2-grows))
	v, v2 := amp*amp/2*(1+twice*e*e), amp*amp/2*(1+twice*e2*e2)
	// V - V' is a²/2 cos 2g (e² - e'²)
	d := amp * amp / 2 * twice * apart * (e + e2) / (math.Sqrt(v) + math.Sqrt(v2))
	if v+v2 == 0 {
		d = 0
	}
	return half - d*d/2
}

// values is E[c(u) c2(v)].
func (c Cosine) values(c2 Cosine, p Pair) float64 {
	minus, plus := c.pair(c2, p)
	return c.Amp * c2.Amp / 2 * (minus*math.Cos(c.Phase-c2.Phase) + plus*math.Cos(c.Phase+c2.Phase))
}

// derivatives is E[c'(u) c2'(v)].
func (c Cosine) derivatives(c2 Cosine, p Pair) float64 {
	minus, plus := c.pair(c2, p)
	waves := minus*math.Cos(c.Phase-c2.Phase) - plus*math.Cos(c.Phase+c2.Phase)
	return c.Amp * c2.Amp * c.Freq * c2.Freq / 2 * waves
}

// pair is E[cos(fu ∓ f2 v)]: e^{-var/2} of the difference and of the sum.
func (c Cosine) pair(c2 Cosine, p Pair) (minus, plus float64) {
	f, f2 := c.Freq, c2.Freq
	if f == f2 {
		return math.Exp(-f * f * p.HalfSquare()), math.Exp(-f * f * p.HalfSum())
	}
	a, b := f*f*p.Q+f2*f2*p.Q2, 2*f*f2*p.K
	return math.Exp(-math.Max(0, a-b) / 2), math.Exp(-math.Max(0, a+b) / 2)
}
