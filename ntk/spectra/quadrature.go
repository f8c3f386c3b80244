package spectra

import (
	"cmp"
	"math"
	"slices"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/internal/quadrature"
)

const (
	panelNodes = 20
	// What is resolved to this, relative to the largest value, is resolved.
	resolved = 1e-14
	// The quadrature stops here and states its error.
	maxPanels = 4000
)

// panel is a part of the sphere where an angle is between a and b, at most π/4: that to the nearer
// pole or to the equator, so that neither 1 - |c| nor c loses digits.
type panel struct {
	a, b           float64
	south, equator bool // c < 0; the angle is that to c = 0
	// size is the largest value of the kernel, and tail that of the last coefficients of its
	// Legendre series: what the nodes do not resolve is about as large.
	size, tail float64
	// sums are the integrals of K P_k, and weights those of |P_k|.
	sums, weights []float64
	// ends are the values at a and b to which the nodes lead, and seam is by how much neighbours
	// lead to others: something is between the edge and the nodes next to it.
	ends [2]float64
	seam float64
	// idle counts the divisions that did not make the tail smaller.
	idle int
}

// from returns where the panel begins and ends, as angles to c = 1, and the values there.
func (p *panel) from() (low, high, first, last float64) {
	low, high, first, last = p.a, p.b, p.ends[0], p.ends[1]
	if p.south != p.equator {
		low, high, first, last = -high, -low, last, first
	}
	switch {
	case p.equator:
		return low + math.Pi/2, high + math.Pi/2, first, last
	case p.south:
		return low + math.Pi, high + math.Pi, first, last
	}
	return low, high, first, last
}

// quadratureOf is what the integrals of one kernel have in common.
type quadratureOf struct {
	sphere         Sphere
	kernel         ntk.Kernel
	degree, least  int // least is the number of panels at the start
	nodes, weights []float64
	// transform takes values at the nodes to the last of the coefficients of Legendre polynomials,
	// and ends to the values of their sum at -1 and 1.
	transform [3][panelNodes]float64
	ends      [2][panelNodes]float64
	logArea   float64
	size      float64   // the largest value
	roots     []float64 // 1/√m_k, about the mean of |P_k|
}

func newQuadrature(s Sphere, K ntk.Kernel, degree int) *quadratureOf {
	q := &quadratureOf{sphere: s, kernel: K, degree: degree}
	q.nodes, q.weights = quadrature.Legendre(panelNodes)
	for i, x := range q.nodes {
		before, p := 0.0, 1.0
		for n := range panelNodes {
			term, sign := (float64(n)+0.5)*q.weights[i]*p, 1-2*float64(n%2)
			if from := panelNodes - len(q.transform); n >= from {
				q.transform[n-from][i] = term
			}
			q.ends[0][i] += sign * term
			q.ends[1][i] += term
			before, p = p, ((2*float64(n)+1)*x*p-float64(n)*before)/float64(n+1)
		}
	}
	above, _ := math.Lgamma(float64(s.Dim-1) / 2)
	below, _ := math.Lgamma(float64(s.Dim) / 2)
	q.logArea = above - below + math.Log(math.Pi)/2 // ∫ sin^{d-2} θ dθ
	return q
}

// over returns the panel of the angles from a to b at the place of another.
func (q *quadratureOf) over(a, b float64, at panel) (*panel, error) {
	p := &panel{a: a, b: b, south: at.south, equator: at.equator,
		sums: make([]float64, q.degree+1), weights: make([]float64, q.degree+1)}
	cosines, sines := make([]float64, panelNodes), make([]float64, panelNodes)
	for i, x := range q.nodes {
		sines[i], cosines[i] = math.Sincos((a+b)/2 + (b-a)/2*x)
		if at.equator {
			sines[i], cosines[i] = cosines[i], sines[i]
		}
		if at.south {
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
	for end, row := range q.ends {
		for i, v := range values {
			p.ends[end] += row[i] * v
		}
	}
	d := float64(q.sphere.Dim)
	for i, v := range values {
		p.size = math.Max(p.size, math.Abs(v))
		weight := q.weights[i] * (b - a) / 2 * math.Exp((d-2)*math.Log(sines[i])-q.logArea)
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

// negligible says that an error of the kernel in the panel is below the rounding of all levels.
func (q *quadratureOf) negligible(p *panel, off float64) bool {
	var share float64
	for k, w := range p.weights {
		share = math.Max(share, w/q.roots[k])
	}
	mid := (p.a + p.b) / 2
	return off*share <= 1e-18*q.size || mid <= p.a || mid >= p.b
}

func (q *quadratureOf) halves(p *panel) (out [2]*panel, err error) {
	idle, mid := p.idle+1, (p.a+p.b)/2
	for i, edges := range [][2]float64{{p.a, mid}, {mid, p.b}} {
		if out[i], err = q.over(edges[0], edges[1], *p); err != nil {
			return out, err
		}
		if out[i].tail < p.tail/2 {
			idle = 0
		}
	}
	out[0].idle, out[1].idle = idle, idle
	return out, nil
}

// refine divides panels until they resolve the kernel. The coarsest are first, so that all are
// equally fine where there must be an end.
func (q *quadratureOf) refine(todo []*panel, others int) (done []*panel, err error) {
	for ; len(todo) > 0; todo = todo[1:] {
		p := todo[0]
		if p.tail <= resolved*q.size || p.idle > 2 || q.negligible(p, p.tail) ||
			len(todo)+len(done)+others > max(maxPanels, 2*q.least) {
			done = append(done, p)
			continue
		}
		two, err := q.halves(p)
		if err != nil {
			return nil, err
		}
		todo = append(todo, two[0], two[1])
	}
	return done, nil
}

// seams divides panels that resolve the kernel but lead to other values than their neighbours.
func (q *quadratureOf) seams(panels []*panel) (done, divided []*panel, err error) {
	slices.SortFunc(panels, func(p, r *panel) int {
		low, _, _, _ := p.from()
		next, _, _, _ := r.from()
		return cmp.Compare(low, next)
	})
	for _, p := range panels {
		p.seam = 0
	}
	fine := func(p *panel) bool { return p.tail <= resolved*q.size }
	for i, p := range panels[1:] {
		before := panels[i]
		_, _, _, last := before.from()
		_, _, first, _ := p.from()
		off := math.Abs(last - first)
		if off > 10*resolved*q.size {
			if fine(before) {
				before.seam = math.Max(before.seam, off)
			}
			if fine(p) {
				p.seam = math.Max(p.seam, off)
			}
		}
	}
	for _, p := range panels {
		if p.seam == 0 || q.negligible(p, p.seam) ||
			len(panels)+len(divided) > max(maxPanels, 2*q.least) {
			done = append(done, p)
			continue
		}
		two, err := q.halves(p)
		if err != nil {
			return nil, nil, err
		}
		divided = append(divided, two[0], two[1])
	}
	return done, divided, nil
}

// byQuadrature sets the levels from values of the kernel.
func (s Sphere) byQuadrature(to *Spectrum, K ntk.Kernel, top float64) error {
	q := newQuadrature(s, K, len(to.Levels)-1)
	// The wave number of the highest harmonic where most of the sphere is, and the weight's width;
	// 7 nodes to a radian, of which 2 would do, to average the rounding of the values.
	highest, d := float64(q.degree), float64(s.Dim)
	steps := max(1, int(math.Ceil(math.Pi/4*(math.Sqrt(highest*(highest+d))+math.Sqrt(d))/3)))
	var todo, done []*panel
	size := math.Abs(top)
	for _, at := range []panel{{}, {south: true}, {equator: true}, {south: true, equator: true}} {
		for i := range steps {
			h := math.Pi / 4 / float64(steps)
			p, err := q.over(float64(i)*h, float64(i+1)*h, at)
			if err != nil {
				return err
			}
			todo, size = append(todo, p), math.Max(size, p.size)
		}
	}
	q.least = len(todo)
	q.size, q.roots = size, make([]float64, len(to.Levels))
	for k, l := range to.Levels {
		q.roots[k] = 1 / math.Sqrt(l.Multiplicity)
	}
	for len(todo) > 0 {
		more, err := q.refine(todo, len(done))
		if err != nil {
			return err
		}
		if done, todo, err = q.seams(append(done, more...)); err != nil {
			return err
		}
	}
	for k := range to.Levels {
		// Of the values, of the recurrence of P_k and of the power of the sine.
		values := rounding*(1+float64(k)/16+d/32) + K.Expansion().ValueError
		var sum, weight compensated
		var off float64
		for _, p := range done {
			sum.add(p.sums[k])
			weight.add(p.weights[0])
			off += values * p.size * p.weights[k]
			if p.tail > resolved*size {
				off += p.tail * p.weights[k]
			}
			off += p.seam * p.weights[k]
		}
		if level := &to.Levels[k]; off < level.Error {
			level.Eigenvalue, level.Error = sum.value()/weight.value(), off
		}
	}
	return nil
}
