// Package vec64 has the loops of kernel matrices in double precision. On processors with AVX2 and
// FMA they work on four numbers at a time; elsewhere, and with the portable arithmetic, they are
// plain Go. The two agree to rounding.
package vec64

import (
	"math"

	"github.com/kernelsmith/kernelsmith/ntk/internal/vec32"
)

// wide is whether the processor's vectors are used.
var wide = vec32.Wide()

const (
	together = 4
	terms    = 21
)

type quad = [together]float64

func four(v float64) quad { return quad{v, v, v, v} }

// ArcCosine has the duals of activations p·relu(z) - m·relu(-z): at standard deviations s, s' and
// correlation cos θ
//
//	s s' (α cos θ + β (sin θ - θ cos θ)),   α - β θ,
//	α = (p² + m²)/2,   β = (p - m)²/(2π).
//
// Source: [CS09] eq. 3-6, a key of package ntk.
type ArcCosine struct {
	angle     [terms]quad // of acos r/√(1-r) by powers of 2r - 1; each four times, for the assembly
	one, pi   quad
	magnitude [together]uint64 // all bits but the sign
}

// NewArcCosine returns the duals by the coefficients of acos r/√(1-r) on [0, 1] in powers of
// 2r - 1, 21 of them.
func NewArcCosine(angle [terms]float64) *ArcCosine {
	a := &ArcCosine{one: four(1), pi: four(math.Pi)}
	for i, v := range angle {
		a.angle[i] = four(v)
	}
	for l := range a.magnitude {
		a.magnitude[l] = 1<<63 - 1
	}
	return a
}

// A Layer is σ_w² α, σ_w² β and σ_b², with the α and β of a layer and the σ of the next one.
type Layer struct{ Alpha, Beta, Shift float64 }

// Step takes pairs of an input and others, with covariances s and tangents t, through a layer. Of
// the input std is the standard deviation and inverse its inverse, or 0, of the others stds and
// inverses. With each of least it takes the lesser of that and 1 - |cos θ|, which rounding of the
// covariance leaves fewer digits the smaller it is.
func (a *ArcCosine) Step(
	s, t, least []float64, l Layer, std, inverse float64, stds, inverses []float64,
) {
	n := len(s)
	t, least, stds, inverses = t[:n], least[:n], stds[:n], inverses[:n]
	done := 0
	if whole := n &^ (together - 1); wide && whole > 0 {
		arcCosine(&stepArgs{s: &s[0], t: &t[0], least: &least[0], stds: &stds[0],
			inverses: &inverses[0], n: whole, std: std, inverse: inverse, alpha: l.Alpha,
			beta: l.Beta, shift: l.Shift}, a)
		done = whole
	}
	for j := done; j < n; j++ {
		cos := s[j] * inverse * inverses[j]
		gap := max(0, 1-math.Abs(cos)) // rounding may leave |cos θ| > 1
		least[j] = min(least[j], gap)
		// acos r = √(1-r) · polynomial in 2r - 1, and sin θ = √((1-r)(1+r))
		r := 1 - gap
		x := r - gap
		x2 := x * x
		even, odd := a.angle[terms-1][0], a.angle[terms-2][0]
		for i := terms - 3; i > 0; i -= 2 {
			even, odd = even*x2+a.angle[i][0], odd*x2+a.angle[i-1][0]
		}
		even = even*x2 + a.angle[0][0]
		theta := math.Sqrt(gap) * (even + x*odd)
		if math.Signbit(cos) {
			theta, r = math.Pi-theta, -r
		}
		sin := math.Sqrt(gap * (2 - gap))
		v := std*stds[j]*(l.Alpha*r+l.Beta*(sin-theta*r)) + l.Shift
		s[j], t[j] = v, t[j]*(l.Alpha-l.Beta*theta)+v
	}
}

// stepArgs is read by the assembly; n is a multiple of 4 and > 0.
type stepArgs struct {
	s, t, least, stds, inverses *float64

	n                                int
	std, inverse, alpha, beta, shift float64
}
