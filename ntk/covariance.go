package ntk

import (
	"math"

	"gonum.org/v1/gonum/integrate/quad"
)

// covariance is that of two pre-activations: variances q and q2, covariance k.
// minus and plus are √(q q2) - k and √(q q2) + k, which near equal and near
// opposite inputs have more digits than k tells: there a kernel with a kink goes
// like their roots.
type covariance struct {
	q, k, q2    float64
	minus, plus float64
}

// covarianceOf limits k to what the variances allow.
func covarianceOf(q, k, q2 float64) covariance {
	s := largestCovariance(q, q2)
	k = math.Max(-s, math.Min(s, k))
	return covariance{q, k, q2, s - k, s + k}
}

// largestCovariance is √(q q2), which bounds the covariance of two numbers with
// these variances. It is exactly q where q = q2.
func largestCovariance(q, q2 float64) float64 {
	if q == q2 {
		return q
	}
	if p := q * q2; p > 1e-290 && p < 1e290 {
		return math.Sqrt(p)
	}
	return math.Sqrt(q) * math.Sqrt(q2)
}

// determinant is q q2 - k².
func (p covariance) determinant() float64 { return p.minus * p.plus }

// halfSquare is E[(u-v)²]/2 = (q+q2)/2 - k.
func (p covariance) halfSquare() float64 {
	if p.q == p.q2 {
		return p.minus
	}
	d := math.Sqrt(p.q) - math.Sqrt(p.q2)
	return p.minus + d*d/2
}

// halfSum is E[(u+v)²]/2.
func (p covariance) halfSum() float64 {
	if p.q == p.q2 {
		return p.plus
	}
	d := math.Sqrt(p.q) - math.Sqrt(p.q2)
	return p.plus + d*d/2
}

func (p covariance) swapped() covariance {
	p.q, p.q2 = p.q2, p.q
	return p
}

// rho is the correlation, 0 where a variance is.
func (p covariance) rho() float64 {
	s := largestCovariance(p.q, p.q2)
	if s == 0 {
		return 0
	}
	return math.Max(-1, math.Min(1, p.k/s))
}

// root is √(1-ρ²).
func (p covariance) root() float64 {
	return math.Sqrt(p.minus*p.plus) / largestCovariance(p.q, p.q2)
}

// preciseDualer is an activation whose dual makes use of minus and plus.
type preciseDualer interface {
	dualAt(p covariance) (value, derivative float64)
}

// dropper is an activation that knows φ̌(q, q) - φ̌(q, q-minus) without
// cancellation.
type dropper interface {
	drop(p covariance) float64
}

func dualAt(phi Dualer, p covariance) (value, derivative float64) {
	if d, ok := phi.(preciseDualer); ok {
		return d.dualAt(p)
	}
	return phi.Dual(p.q, p.k, p.q2)
}

// dropOf is φ̌(q, q) - φ̌(q, k) for equal variances, where top = φ̌(q, q) and
// value = φ̌(q, k). By dφ̌/dk = φ̇ it is ∫ φ̇, and φ̇ is analytic in the root of
// the distance from k = q also where φ has kinks: with that as variable a
// Gauss-Legendre rule does it where the difference has lost its digits. Two rules
// that do not agree show that φ varies too fast for them, as a fast cosine does;
// then the difference is what there is.
func dropOf(phi Dualer, p covariance, top, value float64) float64 {
	if d, ok := phi.(dropper); ok {
		return d.drop(p)
	}
	if d := top - value; d > 1e-2*math.Abs(top) || p.minus > 0.05*p.q || p.minus == 0 {
		return d
	}
	var drops [2]float64
	for r, rule := range dropRules {
		for i, x := range rule.nodes {
			s := (1 + x) / 2
			gap := p.minus * s * s
			_, slope := dualAt(phi, covariance{p.q, p.q - gap, p.q, gap, 2*p.q - gap})
			drops[r] += rule.weights[i] * s * slope // ½ from the interval and 2 from d(s²)
		}
		drops[r] *= p.minus
	}
	if math.Abs(drops[0]-drops[1]) > 1e-9*math.Abs(drops[0]) {
		return top - value
	}
	return drops[0]
}

type dropRule struct{ nodes, weights []float64 }

var dropRules = func() (rules [2]dropRule) {
	for i, n := range []int{12, 8} {
		x, w := make([]float64, n), make([]float64, n)
		quad.Legendre{}.FixedLocations(x, w, -1, 1)
		rules[i] = dropRule{x, w}
	}
	return rules
}()
