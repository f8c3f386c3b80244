package quadrature

import (
	"math"
	"testing"
)

// Bumps at 0 of any width beside what varies slowly, against closed forms; narrow ones lie before
// the first node.
func TestTowardsZero(t *testing.T) {
	for x := 1e-3; x < 1e14; x *= 1.7 {
		for _, bump := range []float64{0, 0.05, 1, -0.3} {
			evaluations := 0
			got, ok := TowardsZero(func(t float64) float64 {
				evaluations++
				return 1/(1+t) + bump*math.Exp(-x*t*t)
			}, 1e-9)
			want := 2 - 2*math.Ln2 - bump*math.Expm1(-x)/x
			if !ok || math.Abs(got-want) > 1e-10*math.Abs(want) || evaluations > 200 {
				t.Errorf("%v e^{-%v t²}: %v, want %v, off by %.1e, %d evaluations (%v)", bump, x,
					got, want, got/want-1, evaluations, ok)
			}
		}
	}
	if _, ok := TowardsZero(func(t float64) float64 { return math.NaN() }, 1e-8); ok {
		t.Error("NaN has an integral")
	}
	if _, ok := TowardsZero(func(t float64) float64 { return math.Sin(1e9 * t) }, 1e-8); ok {
		t.Error("it is sure of the integral of a sine of 1e9 t")
	}
}
