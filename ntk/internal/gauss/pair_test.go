package gauss

import (
	"math"
	"testing"
)

// An infinite variance has a pair, which the caller reports; it was scaled without end.
func TestOfInfinity(t *testing.T) {
	for _, q := range []float64{0.01, 1e-300, 1e300} {
		for _, p := range []Pair{Of(q, 1, math.Inf(1)), Of(math.Inf(1), -1, q)} {
			if !math.IsInf(p.Minus, 1) || !math.IsInf(p.Plus, 1) {
				t.Errorf("%v: gaps of %v and %v", q, p.Minus, p.Plus)
			}
		}
	}
}
