package ntk

import (
	"math"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk/internal/gauss"
)

// Near equal inputs a φ with a kink of which it is not known that it is homogeneous has the
// derivatives of one of which it is, to 1e-8 of what they are for equal inputs; further away to
// 1e-12.
func TestStdDerivativesNearEqualInputs(t *testing.T) {
	net := Must(UniformFCN(3, ReLU{}, 1.3, 0.4))
	for _, ofNTK := range []bool{false, true} {
		exact, general := Must(net.stdDerivative(ofNTK, nil)), Must(net.stdDerivative(ofNTK, nil))
		for _, phi := range general.phis {
			phi.homogeneous = false
		}
		pairOf := func(d *stdDerivative, p gauss.Pair) (out [3]directions) {
			a, b := Must(d.prepare(p.Q)).(*stdPoint), Must(d.prepare(p.Q2)).(*stdPoint)
			if p.Q == p.Q2 {
				b = a
			}
			for i, p := range []gauss.Pair{p, gauss.Equal(p.Q)} {
				if i > 0 {
					b = a
				}
				out[i][0], out[i][1] = d.pair(a, p, b)
			}
			return out
		}
		for _, q2 := range []float64{1, 1.2} {
			for e := range 20 {
				gap := math.Pow(10, -float64(e)) * math.Sqrt(q2)
				k := math.Sqrt(q2) - gap
				p := gauss.New(1, k, q2, gap, 2*math.Sqrt(q2)-gap)
				want, got := pairOf(exact, p), pairOf(general, p)
				for j := range want[0] {
					off := math.Abs(got[0][j]-want[0][j]) / math.Abs(want[1][j])
					if most := max(1e-12, 1e-15/math.Sqrt(gap)); !(off <= min(most, 1e-8)) {
						t.Errorf("NTK %v, q' = %v, gap %.0e: derivative %d is off by %.2g", ofNTK,
							q2, gap, j, off)
					}
				}
			}
		}
	}
}
