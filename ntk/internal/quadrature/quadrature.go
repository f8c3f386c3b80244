// Package quadrature has the Gauss-Legendre rules.
package quadrature

import (
	"math"
	"slices"
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

// Adaptive returns ∫ f from the least to the largest of the edges, between which f is smooth, to
// the tolerance relative to ∫ |f|, and whether it is sure of that: panels are halved until the
// rule of 20 nodes agrees with itself, some 2000 times at most.
func Adaptive(f func(x float64) float64, edges []float64, tol float64) (sum float64, ok bool) {
	nodes, weights := Legendre(20)
	type panel struct{ a, b, sum float64 }
	over := func(a, b float64) panel {
		p := panel{a: a, b: b}
		for i, x := range nodes {
			p.sum += weights[i] * f((a+b)/2+(b-a)/2*x)
		}
		p.sum *= (b - a) / 2
		return p
	}
	edges = slices.Sorted(slices.Values(edges))
	var todo []panel
	var size float64
	for i := 1; i < len(edges); i++ {
		if p := over(edges[i-1], edges[i]); p.a < p.b {
			todo, size = append(todo, p), size+math.Abs(p.sum)
		}
	}
	width := edges[len(edges)-1] - edges[0]
	for left := 2000; len(todo) > 0; left-- {
		p := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		mid := (p.a + p.b) / 2
		one, two := over(p.a, mid), over(mid, p.b)
		switch off := math.Abs(one.sum + two.sum - p.sum); {
		case off <= tol*size*math.Sqrt((p.b-p.a)/width)/4 || mid <= p.a || mid >= p.b:
			sum += one.sum + two.sum
		case left > 0 && !math.IsNaN(off):
			todo = append(todo, one, two)
		default:
			return 0, false
		}
	}
	return sum, true
}
