package ntk

import (
	"math"
	"math/cmplx"

	"github.com/kernelsmith/kernelsmith/ntk/internal/gauss"
	"github.com/kernelsmith/kernelsmith/ntk/internal/special"
)

func (c cosine) atoms() gauss.Atoms {
	sin, cos := math.Sincos(c.phase)
	return gauss.Atoms{
		Waves: []gauss.Wave{{C: complex(c.amp*cos, c.amp*sin), Beta: complex(0, c.freq)}},
	}.Merged()
}

// mixture is a sum of shifted ReLUs, cosines and an affine function. Its dual
// activations are sums over pairs of terms, each in closed form.
type mixture struct {
	hinges        []hinge
	cosines       []cosine
	slope, offset float64
}

// hinge is amp · relu(z - shift).
type hinge struct{ amp, shift float64 }

// cosine is amp · cos(freq · z + phase).
type cosine struct{ amp, freq, phase float64 }

func (m mixture) dualAt(p gauss.Pair) (value, derivative float64) {
	q, k, q2 := p.Q, p.K, p.Q2
	if q < 1e-300 || q2 < 1e-300 { // below, quotients by q overflow
		return m.dualOfConstant(q, q2)
	}
	value = m.slope*m.slope*k + m.offset*m.offset
	derivative = m.slope * m.slope
	for _, h := range m.hinges {
		for _, h2 := range m.hinges {
			v, d := h.dual(h2, p)
			value += v
			derivative += d
		}
		// with the affine part, both ways round
		tail, tail2 := h.tail(q), h.tail(q2)
		value += m.slope*k*(tail+tail2) + m.offset*(h.mean(q)+h.mean(q2))
		derivative += m.slope * (tail + tail2)
		for _, c := range m.cosines {
			v, d := h.dualCosine(c, p)
			v2, d2 := h.dualCosine(c, p.Swapped())
			value += v + v2
			derivative += d + d2
		}
	}
	for _, c := range m.cosines {
		for _, c2 := range m.cosines {
			value += c.values(c2, p)
			derivative += c.derivatives(c2, p)
		}
		// E[v cos(fu+g)] = k E[d/du cos(fu+g)]
		slope, slope2 := c.meanDerivative(q), c.meanDerivative(q2)
		value += m.slope*k*(slope+slope2) + m.offset*(c.mean(q)+c.mean(q2))
		derivative += m.slope * (slope + slope2)
	}
	return value, derivative
}

// dualOfConstant is the dual where a pre-activation has no variance: it is 0.
func (m mixture) dualOfConstant(q, q2 float64) (value, derivative float64) {
	mean := func(q float64) (value, derivative float64) {
		value, derivative = m.offset, m.slope
		for _, h := range m.hinges {
			value += h.mean(q)
			derivative += h.tail(q)
		}
		for _, c := range m.cosines {
			value += c.mean(q)
			derivative += c.meanDerivative(q)
		}
		return value, derivative
	}
	v, d := mean(q)
	v2, d2 := mean(q2)
	return v * v2, d * d2
}

// mean is E[amp relu(u - shift)], u ~ N(0, q).
func (h hinge) mean(q float64) float64 {
	if q == 0 {
		return h.amp * math.Max(0, -h.shift)
	}
	s := math.Sqrt(q)
	t := h.shift / s
	return h.amp * (s*special.NormalDensity(t) - h.shift*special.NormalTail(t))
}

// tail is E[amp 1(u > shift)], u ~ N(0, q).
func (h hinge) tail(q float64) float64 {
	if q == 0 {
		if h.shift < 0 {
			return h.amp
		}
		return 0
	}
	return h.amp * special.NormalTail(h.shift/math.Sqrt(q))
}

// dual is E[h(u) h2(v)] and E[h'(u) h2'(v)]: the second moment of a truncated
// bivariate normal and its mass.
//
// Source: [R61] eq. 1-3.
func (h hinge) dual(h2 hinge, p gauss.Pair) (value, derivative float64) {
	ss, rho, r := gauss.GeometricMean(p.Q, p.Q2), p.Rho(), p.Root()
	a, b := h.shift/math.Sqrt(p.Q), h2.shift/math.Sqrt(p.Q2)
	// b - ρa, a - ρb and (a² - 2ρab + b²)/(2r²), through 1 - |ρ| = r²/(1+|ρ|) so
	// that they keep their digits near |ρ| = 1.
	sign := math.Copysign(1, rho)
	gap, edge := b-sign*a, r*r/(1+math.Abs(rho))
	bGivenA, aGivenB := gap+sign*a*edge, sign*(b*edge-gap)
	mass := special.BivariateNormalTail(a, b, rho, r)
	value = (rho+a*b)*mass -
		b*special.NormalDensity(a)*special.ConditionalTail(bGivenA, r) -
		a*special.NormalDensity(b)*special.ConditionalTail(aGivenB, r)
	if r > 0 {
		value += r / (2 * math.Pi) * math.Exp(-gap*gap/(2*r*r)-sign*a*b/(1+math.Abs(rho)))
	}
	amp := h.amp * h2.amp
	return amp * ss * value, amp * mass
}

// dualCosine is E[h(u) c(v)] and E[h'(u) c'(v)], with var u = q and
// var v = q2.
//
// Given u, v is normal with mean (k/q)u, so that both are integrals over
// u > shift of e^{iτu} against a normal density, τ = f k/q: with z = u/√q,
// θ = τ√q and the threshold b, ∫_b^∞ e^{iθz} p(z) dz is a Faddeeva function
// and the integral with z before it follows by parts.
func (h hinge) dualCosine(c cosine, p gauss.Pair) (value, derivative float64) {
	s := math.Sqrt(p.Q)
	theta, b := c.freq*p.K/s, h.shift/s
	// f²(q2 - k²/q)/2: what the spread of v around its mean damps.
	damp := c.freq * c.freq * p.Determinant() / p.Q / 2
	mass := normalTailTransform(theta, b, damp)
	edge := cmplx.Exp(complex(-damp-b*b/2, theta*b)) / complex(math.Sqrt(2*math.Pi), 0)
	first := edge + complex(-b, theta)*mass
	turn := cmplx.Exp(complex(0, c.phase))
	amp := h.amp * c.amp
	return amp * s * real(turn*first), -amp * c.freq * imag(turn*mass)
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
func (c cosine) mean(q float64) float64 {
	return c.amp * math.Exp(-c.freq*c.freq*q/2) * math.Cos(c.phase)
}

// meanDerivative is E[c'(u)], u ~ N(0, q).
func (c cosine) meanDerivative(q float64) float64 {
	return -c.amp * c.freq * math.Exp(-c.freq*c.freq*q/2) * math.Sin(c.phase)
}

// dualAt is E[c(u) c(v)] and E[c'(u) c'(v)]: with m = f²(q+q2)/2 and phase g,
// a² e^{-m} (cosh f²k cos² g + sinh f²k sin² g), and a² f² times the same with sine
// and cosine exchanged.
func (c cosine) dualAt(p gauss.Pair) (value, derivative float64) {
	sin, cos := math.Sincos(c.phase)
	return waveDual(c.amp, c.freq, cos, sin, p)
}

func waveDual(amp, freq, cosPhase, sinPhase float64, p gauss.Pair) (value, derivative float64) {
	f2 := freq * freq
	minus, plus := math.Exp(-f2*p.HalfSquare()), math.Exp(-f2*p.HalfSum())
	even, odd := (minus+plus)/2, (minus-plus)/2
	if x := f2 * p.K; math.Abs(x) < 0.5 { // where the difference cancels
		odd = math.Exp(-f2*(p.Q+p.Q2)/2) * math.Sinh(x)
	}
	c2, s2, a2 := cosPhase*cosPhase, sinPhase*sinPhase, amp*amp
	return a2 * (even*c2 + odd*s2), a2 * f2 * (even*s2 + odd*c2)
}

// values is E[c(u) c2(v)].
func (c cosine) values(c2 cosine, p gauss.Pair) float64 {
	minus, plus := c.pair(c2, p)
	return c.amp * c2.amp / 2 * (minus*math.Cos(c.phase-c2.phase) + plus*math.Cos(c.phase+c2.phase))
}

// derivatives is E[c'(u) c2'(v)].
func (c cosine) derivatives(c2 cosine, p gauss.Pair) float64 {
	minus, plus := c.pair(c2, p)
	waves := minus*math.Cos(c.phase-c2.phase) - plus*math.Cos(c.phase+c2.phase)
	return c.amp * c2.amp * c.freq * c2.freq / 2 * waves
}

// pair is E[cos(fu ∓ f2 v)]: e^{-var/2} of the difference and of the sum.
func (c cosine) pair(c2 cosine, p gauss.Pair) (minus, plus float64) {
	f, f2 := c.freq, c2.freq
	if f == f2 {
		return math.Exp(-f * f * p.HalfSquare()), math.Exp(-f * f * p.HalfSum())
	}
	a, b := f*f*p.Q+f2*f2*p.Q2, 2*f*f2*p.K
	return math.Exp(-math.Max(0, a-b) / 2), math.Exp(-math.Max(0, a+b) / 2)
}
