// Package quadrature has the Gauss-Legendre rules, and integrals to a tolerance.
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

// TowardsZero returns ∫ 2t f(t) from 0 to 1 of f that is smooth but may vary fast near 0, and
// whether it is sure of that. A rule of Clenshaw and Curtis has the square of the error of that of
// half the intervals, if f is analytic. Where the two differ by more than the part most of the
// integral, or a tenth of that may lie unseen before the first node, of which f(0) tells, there are
// more nodes, and then more pieces, shorter towards 0.
func TowardsZero(f func(t float64) float64, most float64) (integral float64, ok bool) {
	todo := []piece{over(f, 0, 1)}
	size := math.Abs(todo[0].sum) // of all pieces
	for left := 60; len(todo) > 0; left-- {
		p := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		switch {
		case p.off <= most*size:
			integral += p.sum
			continue
		case left <= 0 || math.IsNaN(p.off):
			return 0, false
		case len(p.y) <= 2*fewest+1 && p.off <= math.Sqrt(most)*size:
			todo = append(todo, p.refined(f))
		default:
			mid := (p.a + p.b) / 2
			if p.a == 0 {
				mid = p.b / 8
			}
			todo = append(todo, over(f, mid, p.b), over(f, p.a, mid))
			size += math.Abs(todo[len(todo)-2].sum)
		}
		size += math.Abs(todo[len(todo)-1].sum) - math.Abs(p.sum)
	}
	return integral, true
}

// fewest is the intervals of the least rule.
const fewest = 8

// piece is ∫ 2t f from a to b by the values y at the nodes, and by how much the rule of half the
// intervals differs.
type piece struct {
	a, b, sum, off float64
	y              []float64
}

func over(f func(t float64) float64, a, b float64) piece {
	p := piece{a: a, b: b}
	for _, x := range curtis[0]().nodes {
		p.y = append(p.y, f(a+(b-a)*x))
	}
	p.sum = curtis[0]().of(p)
	return p.refined(f)
}

// refined is the piece with twice the intervals.
func (p piece) refined(f func(t float64) float64) piece {
	rule := curtis[1]()
	if len(p.y) > fewest+1 {
		rule = curtis[2]()
	}
	out := piece{a: p.a, b: p.b, y: make([]float64, len(rule.nodes))}
	for j, x := range rule.nodes {
		if j%2 == 0 {
			out.y[j] = p.y[j/2]
		} else {
			out.y[j] = f(p.a + (p.b-p.a)*x)
		}
	}
	out.sum = rule.of(out)
	out.off = math.Abs(out.sum - p.sum)
	if p.a == 0 {
		at0 := out.y[0]
		for j, e := range rule.to0 {
			at0 -= e * out.y[j+1]
		}
		first := p.b * rule.nodes[1]
		out.off = math.Max(out.off, 10*math.Abs(at0)*first*first)
	}
	return out
}

// curtisRule has the weights of ∫ f and of ∫ t f from 0 to 1, and those by which a polynomial
// through the nodes after 0 goes to 0.
type curtisRule struct {
	nodes, weights, byT []float64
	to0                 [6]float64
}

func (r curtisRule) of(p piece) (sum float64) {
	w := p.b - p.a
	for j, y := range p.y {
		sum += 2 * w * (p.a*r.weights[j] + w*r.byT[j]) * y
	}
	return sum
}

var curtis = [...]func() curtisRule{
	sync.OnceValue(func() curtisRule { return newCurtis(fewest) }),
	sync.OnceValue(func() curtisRule { return newCurtis(2 * fewest) }),
	sync.OnceValue(func() curtisRule { return newCurtis(4 * fewest) }),
}

// newCurtis makes the rule of n intervals: with x = 1 - 2t, f is Σ” c_k T_k(x), and ∫ T_k from -1
// to 1 is 2/(1-k²) or, if k is odd, 0.
func newCurtis(n int) curtisRule {
	r := curtisRule{
		nodes: make([]float64, n+1), weights: make([]float64, n+1), byT: make([]float64, n+1),
	}
	area := func(k int) float64 {
		if k%2 != 0 {
			return 0
		}
		return 2 / (1 - float64(k*k))
	}
	for j := range n + 1 {
		s := math.Sin(math.Pi * float64(j) / float64(2*n))
		r.nodes[j] = s * s
		for k := range n + 1 {
			c := 2 / float64(n) * math.Cos(math.Pi*float64(j*k%(2*n))/float64(n))
			if j == 0 || j == n {
				c /= 2
			}
			if k == 0 || k == n {
				c /= 2
			}
			r.weights[j] += c * area(k) / 2
			r.byT[j] += c * (area(k) - (area(k+1)+area(k-1))/2) / 4
		}
	}
	near := r.nodes[1 : 1+len(r.to0)]
	for j, x := range near {
		r.to0[j] = 1
		for i, y := range near {
			if i != j {
				r.to0[j] *= y / (y - x)
			}
		}
	}
	return r
}
