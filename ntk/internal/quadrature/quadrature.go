// Package quadrature has the Gauss-Legendre rules.
package quadrature

import (
	"sync"

	"gonum.org/v1/gonum/integrate/quad"
)

// most is the largest number of nodes of a rule.
const most = 20

var rules = func() (out [most + 1]func() (x, w []float64)) {
	for n := 1; n <= most; n++ {
		out[n] = sync.OnceValues(func() (x, w []float64) {
			x, w = make([]float64, n), make([]float64, n)
			quad.Legendre{}.FixedLocations(x, w, -1, 1)
			return x, w
		})
	}
	return out
}()

// Legendre returns the nodes, from the largest down, and the weights of the rule with n of
// them, 1 … 20, on [-1, 1]: it is exact for polynomials of degree 2n-1. Each rule is made
// once; what is returned must not be changed.
func Legendre(n int) (x, w []float64) { return rules[n]() }
