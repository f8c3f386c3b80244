// Package gauss has Gaussian expectations in closed form: pairs of jointly normal
// pre-activations, and the terms that the duals of activations are sums of ([Atoms]). [Sum]
// has the duals of a sum of them, by the fastest way.
package gauss

import "math"

// Pair is the covariance of two pre-activations: variances Q and Q2, covariance K.
// Minus and Plus are √(q q2) - k and √(q q2) + k, which near equal and near
// opposite inputs have more digits than k tells: there a kernel with a kink goes
// like their roots.
type Pair struct {
	Q, K, Q2    float64
	Minus, Plus float64
	// Difference is Q - Q2, where it has more digits than these tell; otherwise 0.
	Difference float64
}

// New returns the pair with these fields.
func New(q, k, q2, minus, plus float64) Pair {
	return Pair{Q: q, K: k, Q2: q2, Minus: minus, Plus: plus}
}

// Equal returns the pair of two equal pre-activations of variance q.
func Equal(q float64) Pair { return New(q, q, q, 0, 2*q) }

// Of returns the pair with these covariances, Minus and Plus to rounding for just this k; it
// limits k to what the variances allow.
func Of(q, k, q2 float64) Pair {
	s := GeometricMean(q, q2)
	p := New(q, k, q2, s-k, s+k)
	switch product := q * q2; {
	case q == q2 || s == 0 || math.IsInf(s, 1):
	case product < 1e-250 || product > 1e300:
		_, e := math.Frexp(s)
		p = Of(math.Ldexp(q, -e), math.Ldexp(k, -e), math.Ldexp(q2, -e))
		p.Minus, p.Plus = math.Ldexp(p.Minus, e), math.Ldexp(p.Plus, e)
		return New(q, math.Max(-s, math.Min(s, k)), q2, p.Minus, p.Plus)
	case k > 0.5*s:
		p.Minus = determinant(q, k, q2) / (s + k)
	case k < -0.5*s:
		p.Plus = determinant(q, k, q2) / (s - k)
	}
	if !(p.Minus > 0) {
		p.K, p.Minus, p.Plus = math.Min(k, s), math.Max(0, p.Minus), 2*s
	}
	if !(p.Plus > 0) {
		p.K, p.Minus, p.Plus = math.Max(k, -s), 2*s, math.Max(0, p.Plus)
	}
	return p
}

// determinant is q q2 - k² to rounding.
func determinant(q, k, q2 float64) float64 {
	square := k * k
	return math.FMA(q, q2, -square) + math.FMA(-k, k, square)
}

// Affine returns the pair of w u + b, w' u' + b with independent normal w, w' and b of
// variances w2 and b2: the covariances times w2, plus b2. Minus and Plus keep their digits.
func (p Pair) Affine(w2, b2 float64) Pair {
	out := Pair{Q: w2*p.Q + b2, K: w2*p.K + b2, Q2: w2*p.Q2 + b2, Difference: w2 * p.Apart()}
	switch {
	case p.Q == p.Q2 || b2 == 0:
		out.Minus, out.Plus = w2*p.Minus, w2*p.Plus+2*b2
	case w2*math.Min(p.Minus, p.Plus) > 1e-3*(out.Q+out.Q2): // subtraction loses no digits
		s := GeometricMean(out.Q, out.Q2)
		out.Minus, out.Plus = s-out.K, s+out.K
	default:
		// √((w²q+b²)(w²q'+b²)) - w²√(q q') - b²
		s, d := w2*GeometricMean(p.Q, p.Q2), p.RootsApart()
		more := w2 * b2 * (d * d) / (GeometricMean(out.Q, out.Q2) + s + b2)
		out.Minus, out.Plus = w2*p.Minus+more, w2*p.Plus+2*b2+more
	}
	return out
}

// Apart is Q - Q2.
func (p Pair) Apart() float64 {
	if p.Difference != 0 {
		return p.Difference
	}
	return p.Q - p.Q2
}

// RootsApart is √Q - √Q2.
func (p Pair) RootsApart() float64 {
	if p.Q == p.Q2 {
		return 0
	}
	return p.Apart() / (math.Sqrt(p.Q) + math.Sqrt(p.Q2))
}

// GeometricMean is √(q q2), which bounds the covariance of two numbers with
// these variances. It is exactly q where q = q2.
func GeometricMean(q, q2 float64) float64 {
	if q == q2 {
		return q
	}
	if p := q * q2; p > 1e-290 && p < 1e290 {
		return math.Sqrt(p)
	}
	return math.Sqrt(q) * math.Sqrt(q2)
}

// Determinant is q q2 - k².
func (p Pair) Determinant() float64 { return p.Minus * p.Plus }

// Gap is √(q q2) - |k|.
func (p Pair) Gap() float64 { return math.Min(p.Minus, p.Plus) }

// HalfSquare is E[(u-v)²]/2 = (q+q2)/2 - k.
func (p Pair) HalfSquare() float64 {
	if p.Q == p.Q2 {
		return p.Minus
	}
	d := p.RootsApart()
	return p.Minus + d*d/2
}

// HalfSum is E[(u+v)²]/2.
func (p Pair) HalfSum() float64 {
	if p.Q == p.Q2 {
		return p.Plus
	}
	d := p.RootsApart()
	return p.Plus + d*d/2
}

// Widened returns the pair with a covariance that is less by gap.
func (p Pair) Widened(gap float64) Pair {
	gap = math.Min(gap, p.Plus)
	p.K, p.Minus, p.Plus = p.K-gap, p.Minus+gap, p.Plus-gap
	return p
}

// Mirrored returns the pair of u and -v.
func (p Pair) Mirrored() Pair {
	p.K, p.Minus, p.Plus = -p.K, p.Plus, p.Minus
	return p
}

// Swapped exchanges the two.
func (p Pair) Swapped() Pair {
	p.Q, p.Q2, p.Difference = p.Q2, p.Q, -p.Difference
	return p
}

// Rho is the correlation, 0 where a variance is.
func (p Pair) Rho() float64 {
	s := GeometricMean(p.Q, p.Q2)
	if s == 0 {
		return 0
	}
	return math.Max(-1, math.Min(1, p.K/s))
}

// Root is √(1-ρ²).
func (p Pair) Root() float64 {
	return math.Sqrt(p.Minus) * math.Sqrt(p.Plus) / GeometricMean(p.Q, p.Q2)
}

// Angle is θ = arccos ρ, Supplement is π - θ, each to rounding.
func (p Pair) Angle() float64 { return 2 * math.Atan2(math.Sqrt(p.Minus), math.Sqrt(p.Plus)) }

// Supplement is π - θ; see [Pair.Angle].
func (p Pair) Supplement() float64 {
	return 2 * math.Atan2(math.Sqrt(p.Plus), math.Sqrt(p.Minus))
}
