package ntk

import (
	"fmt"
	"math"

	"github.com/kernelsmith/kernelsmith/ntk/internal/gauss"
	"github.com/kernelsmith/kernelsmith/ntk/internal/quadrature"
	"github.com/kernelsmith/kernelsmith/ntk/internal/special"
)

// Values returns φ at each pre-activation, for a figure. A value that is not finite
// is an error.
func Values(phi Activation, z []float64) ([]float64, error) {
	if err := validate(phi); err != nil {
		return nil, err
	}
	out := make([]float64, len(z))
	for i, x := range z {
		if out[i] = phi.Value(x); !special.Finite(out[i]) {
			return nil, fmt.Errorf("ntk: %s is %v at z = %v", nameOf(phi), out[i], x)
		}
	}
	return out, nil
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
