package spectra

import (
	"math"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/internal/quadrature"
)

const (
	panelNodes = 20
	// What is resolved to this, relative to the largest value, is resolved.
	resolved = 1e-14
	// The quadrature stops here and states its error.
	maxPanels = 2000
)

// panel is a part of the sphere where the angle to one of the poles is between a and b.
type panel struct {
	a, b  float64
	south bool // the angle is that to c = -1
	// size is the largest value of the kernel, and tail that of the last coefficients of its
	// Legendre series: what the nodes do not resolve is about as large.
	size, tail float64
	// sums are the integrals of K P_k, and weights those of |P_k|.
	sums, weights []float64
	// idle counts the divisions that did not make the tail smaller.
	idle int
}

// quadratureOf is what the integrals of one kernel have in common.
type quadratureOf struct {
	sphere         Sphere
	kernel         ntk.Kernel
	degree         int
	nodes, weights []float64
	// transform takes values at the nodes to the last of the coefficients of Legendre polynomials.
	transform [3][panelNodes]float64
	logArea   float64
}

func newQuadrature(s Sphere, K ntk.Kernel, degree int) *quadratureOf {
	q := &quadratureOf{sphere: s, kernel: K, degree: degree}
	q.nodes, q.weights = quadrature.Legendre(panelNodes)
	for i, x := range q.nodes {
		before, p := 1.0, x
		for n := 1; n < panelNodes; n++ {
			if from := panelNodes - len(q.transform); n >= from {
				q.transform[n-from][i] = (float64(n) + 0.5) * q.weights[i] * p
			}
			before, p = p, ((2*float64(n)+1)*x*p-float64(n)*before)/float64(n+1)
		}
	}
	above, _ := math.Lgamma(float64(s.Dim-1) / 2)
	below, _ := math.Lgamma(float64(s.Dim) / 2)
	q.logArea = above - below + math.Log(math.Pi)/2 // ∫ sin^{d-2} θ dθ
	return q
}

// over returns the panel of the angles from a to b.
func (q *quadratureOf) over(a, b float64, south bool) (*panel, error) {
	p := &panel{a: a, b: b, south: south,
		sums: make([]float64, q.degree+1), weights: make([]float64, q.degree+1)}
	cosines := make([]float64, panelNodes)
	for i, x := range q.nodes {
		cosines[i] = math.Cos((a+b)/2 + (b-a)/2*x)
		if south {
			cosines[i] = -cosines[i]
		}
	}
	values, err := curve(q.kernel, cosines)
	if err != nil {
		return nil, err
	}
	for _, row := range q.transform {
		var coeff float64
		for i, v := range values {
			coeff += row[i] * v
		}
		p.tail = math.Max(p.tail, math.Abs(coeff))
	}
	d := float64(q.sphere.Dim)
	for i, v := range values {
		p.size = math.Max(p.size, math.Abs(v))
		sin := math.Sin((a+b)/2 + (b-a)/2*q.nodes[i])
		weight := q.weights[i] * (b - a) / 2 * math.Exp((d-2)*math.Log(sin)-q.logArea)
		if weight == 0 {
			continue
		}
		before, now := 0.0, 1.0
		for k := range p.sums {
			p.sums[k] += weight * v * now
			p.weights[k] += weight * math.Abs(now)
			next := cosines[i]
			if k > 0 {
				n := float64(k)
				next = ((2*n+d-2)*cosines[i]*now - n*before) / (n + d - 2)
			}
			before, now = now, next
		}
	}
	return p, nil
}

// byQuadrature sets the levels from values of the kernel.
func (s Sphere) byQuadrature(to *Spectrum, K ntk.Kernel, top float64) error {
	q := newQuadrature(s, K, len(to.Levels)-1)
	// The wave number of the highest harmonic where most of the sphere is, and the weight's width.
	k, d := float64(q.degree), float64(s.Dim)
	steps := max(2, int(math.Ceil(math.Pi/2*(math.Sqrt(k*(k+d))+math.Sqrt(d))/10)))
	var todo, done []*panel
	size := math.Abs(top)
	for _, south := range []bool{false, true} {
		for i := range steps {
			h := math.Pi / 2 / float64(steps)
			p, err := q.over(float64(i)*h, float64(i+1)*h, south)
			if err != nil {
				return err
			}
			todo, size = append(todo, p), math.Max(size, p.size)
		}
	}
	roots := make([]float64, len(to.Levels)) // 1/√m_k, about the mean of |P_k|
	for k, l := range to.Levels {
		roots[k] = 1 / math.Sqrt(l.Multiplicity)
	}
	// The coarsest first, so that all are equally fine where there must be an end.
	for ; len(todo) > 0; todo = todo[1:] {
		p := todo[0]
		var share float64
		for k, w := range p.weights {
			share = math.Max(share, w/roots[k])
		}
		mid := (p.a + p.b) / 2
		if p.tail <= resolved*size || p.tail*share <= 1e-18*size || p.idle > 2 ||
			len(todo)+len(done) > maxPanels || mid <= p.a || mid >= p.b {
			done = append(done, p)
			continue
		}
		var halves [2]*panel
		idle := p.idle + 1
		for i := range halves {
			from, to := p.a, mid
			if i == 1 {
				from, to = mid, p.b
			}
			half, err := q.over(from, to, p.south)
			if err != nil {
				return err
			}
			if halves[i] = half; half.tail < p.tail/2 {
				idle = 0
			}
		}
		halves[0].idle, halves[1].idle = idle, idle
		todo = append(todo, halves[0], halves[1])
	}
	for k := range to.Levels {
		// Of the values, of the cosines and of the recurrence of P_k.
		values := rounding*(1+float64(k)/16) + K.Expansion().ValueError
		var sum, weight compensated
		var off float64
		for _, p := range done {
			sum.add(p.sums[k])
			weight.add(p.weights[0])
			off += values * p.size * p.weights[k]
			if p.tail > resolved*size {
				off += p.tail * p.weights[k]
			}
		}
		if level := &to.Levels[k]; off < level.Error {
			level.Eigenvalue, level.Error = sum.value()/weight.value(), off
		}
	}
	return nil
}
