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
}

// New returns the pair with these fields.
func New(q, k, q2, minus, plus float64) Pair { return Pair{q, k, q2, minus, plus} }

// Equal returns the pair of two equal pre-activations of variance q.
func Equal(q float64) Pair { return Pair{q, q, q, 0, 2 * q} }

// Of returns the pair with these covariances; it limits k to what the variances allow.
func Of(q, k, q2 float64) Pair {
	s := GeometricMean(q, q2)
	k = math.Max(-s, math.Min(s, k))
	return New(q, k, q2, s-k, s+k)
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

// HalfSquare is E[(u-v)²]/2 = (q+q2)/2 - k.
func (p Pair) HalfSquare() float64 {
	if p.Q == p.Q2 {
		return p.Minus
	}
	d := math.Sqrt(p.Q) - math.Sqrt(p.Q2)
	return p.Minus + d*d/2
}

// HalfSum is E[(u+v)²]/2.
func (p Pair) HalfSum() float64 {
	if p.Q == p.Q2 {
		return p.Plus
	}
	d := math.Sqrt(p.Q) - math.Sqrt(p.Q2)
	return p.Plus + d*d/2
}

// Swapped exchanges the two.
func (p Pair) Swapped() Pair {
	p.Q, p.Q2 = p.Q2, p.Q
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
	return math.Sqrt(p.Minus*p.Plus) / GeometricMean(p.Q, p.Q2)
}

// Angle is θ = arccos ρ, Supplement is π - θ, each to rounding.
func (p Pair) Angle() float64 { return 2 * math.Atan2(math.Sqrt(p.Minus), math.Sqrt(p.Plus)) }

// Supplement is π - θ; see [Pair.Angle].
func (p Pair) Supplement() float64 {
	return 2 * math.Atan2(math.Sqrt(p.Plus), math.Sqrt(p.Minus))
}
