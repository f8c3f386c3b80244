package ntk

import (
	"math"

	"github.com/kernelsmith/kernelsmith/ntk/internal/gauss"
	"github.com/kernelsmith/kernelsmith/ntk/internal/quadrature"
)

// Dualer is an activation that has its dual activations, in closed form or, as
// [Tanh] and those of [Custom], to a tolerance. Its kernels are as exact as these.
type Dualer interface {
	Activation
	// Dual returns E[φ(u)φ(v)] and E[φ'(u)φ'(v)] for (u, v) normal with mean
	// zero, variances q, q2 ≥ 0 and covariance k, |k| ≤ √(q q2).
	Dual(q, k, q2 float64) (value, derivative float64)
}

// preparedDualer is a Dualer that can do once for each input the work that
// concerns one pre-activation alone, as in a Gram matrix.
type preparedDualer interface {
	Dualer
	// Prepare returns what DualPrepared needs to know of a pre-activation of
	// variance q ≥ 0.
	Prepare(q float64) []float64
	// DualPrepared is Dual at the variances that a and b were prepared for.
	DualPrepared(a []float64, q, k, q2 float64, b []float64) (value, derivative float64)
}

// preciseDualer is an activation whose dual makes use of minus and plus.
type preciseDualer interface {
	dualAt(p gauss.Pair) (value, derivative float64)
}

// dropper is an activation that knows φ̌(q, q) - φ̌(q, q-minus) without
// cancellation.
type dropper interface {
	drop(p gauss.Pair) float64
}

func dualAt(phi Dualer, p gauss.Pair) (value, derivative float64) {
	if d, ok := phi.(preciseDualer); ok {
		return d.dualAt(p)
	}
	return phi.Dual(p.Q, p.K, p.Q2)
}

// dropOf is φ̌(q, q) - φ̌(q, k) for equal variances, where top = φ̌(q, q) and
// value = φ̌(q, k). By dφ̌/dk = φ̇ it is ∫ φ̇, and φ̇ is analytic in the root of
// the distance from k = q also where φ has kinks: with that as variable a
// Gauss-Legendre rule does it where the difference has lost its digits. Two rules
// that do not agree show that φ varies too fast for them, as a fast cosine does;
// then the difference is what there is.
func dropOf(phi Dualer, p gauss.Pair, top, value float64) float64 {
	if d, ok := phi.(dropper); ok {
		return d.drop(p)
	}
	if d := top - value; d > 1e-2*math.Abs(top) || p.Minus > 0.05*p.Q || p.Minus == 0 {
		return d
	}
	var drops [2]float64
	for r, n := range [...]int{12, 8} {
		nodes, weights := quadrature.Legendre(n)
		for i, x := range nodes {
			s := (1 + x) / 2
			gap := p.Minus * s * s
			_, slope := dualAt(phi, gauss.New(p.Q, p.Q-gap, p.Q, gap, 2*p.Q-gap))
			drops[r] += weights[i] * s * slope // ½ from the interval and 2 from d(s²)
		}
		drops[r] *= p.Minus
	}
	if !(math.Abs(drops[0]-drops[1]) <= 1e-9*math.Abs(drops[0])) { // also NaN, of φ that jumps
		return top - value
	}
	return drops[0]
}
