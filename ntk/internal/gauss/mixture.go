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
	sin, cos := c.turn()
	return Atoms{
		Waves: []Wave{{C: complex(c.Amp*cos, c.Amp*sin), Beta: complex(0, c.Freq)}},
	}.Merged()
}

// turn is the sine and the cosine of the phase. As near to a quarter of a turn as a float64
// is it is one: a sine has no mean, which would be all that is left at small variances.
func (c Cosine) turn() (sin, cos float64) {
	const rounding = 3e-16
	sin, cos = math.Sincos(c.Phase)
	if math.Abs(cos) < rounding {
		return math.Copysign(1, sin), 0
	}
	if math.Abs(sin) < rounding {
		return 0, math.Copysign(1, cos)
	}
	return sin, cos
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

// Dual is E[f(u)f(v)] and E[f'(u)f'(v)], or NaN as [Sum.Dual].
func (m Mixture) Dual(p Pair) (value, derivative float64) { return kept(m.tallies, p) }

// Rounding is as [Sum.Rounding].
func (m Mixture) Rounding(q float64) float64 { return roundingOf(m.tallies, q) }

func (m Mixture) tallies(p Pair) (value, derivative tally) {
	q, k, q2 := p.Q, p.K, p.Q2
	if q == 0 || q2 == 0 { // a pre-activation is the constant 0
		v, d := m.means(q)
		v2, d2 := m.means(q2)
		value.add(v * v2)
		derivative.add(d * d2)
		return value, derivative
	}
	value.add(m.Slope * m.Slope * k)
	value.add(m.Offset * m.Offset)
	derivative.add(m.Slope * m.Slope)
	rho, r := 0., 0.
	if len(m.Hinges) > 0 {
		rho, r = p.Rho(), p.Root()
	}
	for _, h := range m.Hinges {
		for _, h2 := range m.Hinges {
			h.dual(h2, p, rho, r, &value, &derivative)
		}
		// with the affine part, both ways round
		tail, tail2 := h.tail(q), h.tail(q2)
		value.add(m.Slope * k * (tail + tail2))
		value.add(m.Offset * (h.mean(q) + h.mean(q2)))
		derivative.add(m.Slope * (tail + tail2))
		for _, c := range m.Cosines {
			v, d := h.dualCosine(c, p)
			v2, d2 := h.dualCosine(c, p.Swapped())
			value.add(v + v2)
			derivative.add(d + d2)
		}
	}
	for _, c := range m.Cosines {
		for _, c2 := range m.Cosines {
			v, d := c.duals(c2, p)
			value.add(v)
			derivative.add(d)
		}
		// E[v cos(fu+g)] = k E[d/du cos(fu+g)]
		slope, slope2 := c.meanDerivative(q), c.meanDerivative(q2)
		value.add(m.Slope * k * (slope + slope2))
		value.add(m.Offset * (c.mean(q) + c.mean(q2)))
		derivative.add(m.Slope * (slope + slope2))
	}
	return value, derivative
}

// means is E[f(u)] and E[f'(u)] at variance q.
func (m Mixture) means(q float64) (value, derivative float64) {
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

// dual adds E[h(u) h2(v)] and E[h'(u) h2'(v)], given ρ and √(1-ρ²).
func (h Hinge) dual(h2 Hinge, p Pair, rho, r float64, value, derivative *tally) {
	ss := GeometricMean(p.Q, p.Q2)
	a, b := h.Shift/math.Sqrt(p.Q), h2.Shift/math.Sqrt(p.Q2)
	c := CornerOf(a, b, special.NormalDensity(a), special.NormalDensity(b), rho, r,
		r*r/(1+math.Abs(rho)))
	amp, a, b := h.Amp*h2.Amp, max(a, 0), max(b, 0)
	value.sum += amp * ss * c.Moment
	// near ρ = -1 and far out the parts of the moment cancel
	value.size += math.Abs(amp*ss) * (math.Abs(c.Moment) + (1+a*b*(1+a*a+b*b))*c.Mass)
	derivative.addSized(amp*c.Mass, math.Abs(amp*c.Mass)*(1+a*a+b*b))
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
	theta, b := c.Freq*(p.K/s), h.Shift/s
	// f²(q2 - k²/q)/2: what the spread of v around its mean damps.
	damp := c.Freq * c.Freq * p.Minus * (p.Plus / p.Q) / 2
	mass := normalTailTransform(theta, b, damp)
	edge := cmplx.Exp(complex(-damp-b*b/2, theta*b)) / complex(math.Sqrt(2*math.Pi), 0)
	first := edge + complex(-b, theta)*mass
	sin, cos := c.turn()
	turn := complex(cos, sin)
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
	_, cos := c.turn()
	return c.Amp * math.Exp(-c.Freq*c.Freq*q/2) * cos
}

// meanDerivative is E[c'(u)], u ~ N(0, q).
func (c Cosine) meanDerivative(q float64) float64 {
	sin, _ := c.turn()
	return -c.Amp * c.Freq * math.Exp(-c.Freq*c.Freq*q/2) * sin
}

// CosineDual is E[c(u) c(v)] and E[c'(u) c'(v)] of a cosine with the cosine and the sine of its
// phase: with m = f²(q+q2)/2 and phase g, a² e^{-m} (cosh f²k cos² g + sinh f²k sin² g), and
// a² f² times the same with sine and cosine exchanged.
func CosineDual(amp, freq, cosPhase, sinPhase float64, p Pair) (value, derivative float64) {
	cosines, sines := p.waves(freq, freq)
	c2, s2, a2 := cosPhase*cosPhase, sinPhase*sinPhase, amp*amp
	return a2 * (cosines*c2 + sines*s2), a2 * freq * freq * (cosines*s2 + sines*c2)
}

// Drop is [CosineDrop].
func (c Cosine) Drop(p Pair) float64 {
	sin, cos := c.turn()
	return CosineDrop(c.Amp, c.Freq, cos, sin, p)
}

// CosineDrop is √(VV') - E[c(u)c(v)], V and V' being the values of [CosineDual] at equal inputs.
// With x = f²/2 times the mean square of u - v and the phase g, half the mean square of
// c(u) - c(v) is a²/2 times
//
//	-expm1(-x) + cos 2g ((e^{-f²q} - e^{-f²q2})²/2 - e^{-f²(q+q2)} expm1(x)),
//
// and V = a²/2 (1 + cos 2g e^{-2f²q}).
func CosineDrop(amp, freq, cosPhase, sinPhase float64, p Pair) float64 {
	f2 := freq * freq
	x, most := f2*p.HalfSquare(), f2*(p.Q+p.Q2)
	twice := (cosPhase - sinPhase) * (cosPhase + sinPhase)
	e, e2 := math.Exp(-f2*p.Q), math.Exp(-f2*p.Q2)
	// -|e - e2|
	apart := math.Exp(-f2*math.Min(p.Q, p.Q2)) * math.Expm1(-f2*math.Abs(p.Apart()))
	grows := math.Exp(-most) * math.Expm1(x)
	if x > 1 {
		grows = math.Exp(x-most) - math.Exp(-most)
	}
	half := amp * amp / 2 * (-math.Expm1(-x) + twice*(apart*apart/2-grows))
	v := amp * amp / 2 * (2*cosPhase*cosPhase + twice*math.Expm1(-2*f2*p.Q))
	v2 := amp * amp / 2 * (2*cosPhase*cosPhase + twice*math.Expm1(-2*f2*p.Q2))
	// V - V' is a²/2 cos 2g (e² - e'²)
	d := amp * amp / 2 * twice * apart * (e + e2) / (math.Sqrt(v) + math.Sqrt(v2))
	if v+v2 == 0 {
		d = 0
	}
	return half - d*d/2
}

// Dual is E[c(u) c(v)] and E[c'(u) c'(v)].
func (c Cosine) Dual(p Pair) (value, derivative float64) { return c.duals(c, p) }

// duals is E[c(u) c2(v)] and E[c'(u) c2'(v)].
func (c Cosine) duals(c2 Cosine, p Pair) (value, derivative float64) {
	cosines, sines := p.waves(c.Freq, c2.Freq)
	sin, cos := c.turn()
	sin2, cos2 := c2.turn()
	amp := c.Amp * c2.Amp
	return amp * (cosines*cos*cos2 + sines*sin*sin2),
		amp * c.Freq * c2.Freq * (cosines*sin*sin2 + sines*cos*cos2)
}

// waves is E[cos fu cos f2 v] and E[sin fu sin f2 v], from e^{-var/2} of fu ∓ f2 v; where sines
// are small, the difference would cancel.
func (p Pair) waves(f, f2 float64) (cosines, sines float64) {
	if x := f * f2 * p.K; math.Abs(x) < 0.5 {
		e := math.Exp(-(f*f*p.Q + f2*f2*p.Q2) / 2)
		return e * math.Cosh(x), e * math.Sinh(x)
	}
	minus, plus := math.Exp(-p.variance(f, -f2)/2), math.Exp(-p.variance(f, f2)/2)
	return (minus + plus) / 2, (minus - plus) / 2
}
