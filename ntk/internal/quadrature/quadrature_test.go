package quadrature

import (
	"math"
	"testing"
)

// The rule of n nodes is exact for polynomials of degree 2n-1: ∫ x^k = 2/(k+1) for even k.
func TestLegendre(t *testing.T) {
	for n := 1; n <= most; n++ {
		x, w := Legendre(n)
		if len(x) != n || len(w) != n {
			t.Fatalf("%d nodes and %d weights, want %d", len(x), len(w), n)
		}
		for i := 1; i < n; i++ {
			if !(x[i] < x[i-1]) {
				t.Errorf("n = %d: the nodes %v do not descend", n, x)
			}
		}
		for k := range 2 * n {
			var sum, want float64
			for i := range x {
				sum += w[i] * math.Pow(x[i], float64(k))
			}
			if k%2 == 0 {
				want = 2 / float64(k+1)
			}
			if math.Abs(sum-want) > 2e-15 {
				t.Errorf("n = %d: ∫ x^%d is %v, want %v", n, k, sum, want)
			}
		}
	}
}
