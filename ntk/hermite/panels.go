package hermite

import (
	"math"
	"slices"
	"sort"

	"github.com/kernelsmith/kernelsmith/ntk/internal/series"
)

// nodes is the number of Chebyshev points that a panel is interpolated at.
const nodes = 16

var (
	chebyshevPoints [nodes]float64        // of the first kind: never an end of the panel
	chebyshevMatrix [nodes][nodes]float64 // values at the points → coefficients
	monomialMatrix  [nodes][nodes]float64 // row k: T_k in powers
	freshPoints     = [...]float64{-0.9991, -0.5127, 0.0493, 0.6031, 0.9983}
)

func init() {
	for j := range nodes {
		chebyshevPoints[j] = -series.ChebyshevPoint(j, nodes)
		for k := range nodes {
			a := 2. / nodes
			if k == 0 {
				a = 1. / nodes
			}
			chebyshevMatrix[k][j] = a * series.ChebyshevAtPoint(k, nodes-1-j, nodes)
		}
	}
	for k, row := range series.ChebyshevInPowers(nodes) {
		copy(monomialMatrix[k][:], row)
	}
}

// chebyshev returns the coefficients of the interpolant of values at
// chebyshevPoints, as [series.ChebyshevCoeffs] does, by a matrix that is made once.
func chebyshev(values *[nodes]float64) (c [nodes]float64) {
	for k := range nodes {
		row := &chebyshevMatrix[k]
		var s float64
		for j, v := range values {
			s += row[j] * v
		}
		c[k] = s
	}
	return c
}

// monomials returns the powers of Σ c_k T_k. The coefficients of a resolved
// panel decay, so the conversion keeps their accuracy.
func monomials(c *[nodes]float64) (p [nodes]float64) {
	for k := nodes - 1; k >= 0; k-- {
		for m := 0; m <= k; m++ {
			p[m] += c[k] * monomialMatrix[k][m]
		}
	}
	return p
}

// degree returns the number of leading coefficients that matter at the given
// absolute level.
func degree(c *[nodes]float64, level float64) int {
	for n := nodes; n > 1; n-- {
		if math.Abs(c[n-1]) > level {
			return n
		}
	}
	return 1
}

// piece is f and f' on one panel, as polynomials in y = (z - mid) inv ∈ [-1, 1].
type piece struct {
	mid, inv float64
	pairs    int // coefficients in use, in pairs of even and odd
	f, d     [nodes]float64
	// step is the widest interval from here on that 20 Gauss points integrate
	// a product of two such functions over.
	step float64
}

// at returns f and f' at z. Even and odd powers are summed apart: four short
// chains of dependent operations run at once where two long ones would not.
func (p *piece) at(z float64) (f, d float64) {
	y := (z - p.mid) * p.inv
	y2 := y * y
	var fe, fo, de, do float64
	for k := 2*p.pairs - 2; k >= 0; k -= 2 {
		fe = fe*y2 + p.f[k&(nodes-1)]
		fo = fo*y2 + p.f[(k+1)&(nodes-1)]
		de = de*y2 + p.d[k&(nodes-1)]
		do = do*y2 + p.d[(k+1)&(nodes-1)]
	}
	return fe + y*fo, de + y*do
}

// pieces is a resolved function on [edges[0], edges[len-1]].
type pieces struct {
	panels   []piece
	edges    []float64
	breaks   []float64 // kinks and jumps, which no quadrature interval may straddle
	features []float64 // centres of runs of narrow panels
}

// find returns the panel that z lies in, the first or last for z outside.
func (p *pieces) find(z float64) int {
	i := sort.SearchFloat64s(p.edges, z) - 1 // the panel left of an edge
	return max(0, min(len(p.panels)-1, i))
}

// mirrored returns the pieces of f(-z) and f'(-z).
func (p *pieces) mirrored() *pieces {
	n := len(p.panels)
	m := &pieces{panels: make([]piece, n), edges: make([]float64, n+1)}
	for i, e := range p.edges {
		m.edges[n-i] = -e
	}
	for i, a := range p.panels {
		b := a
		b.mid = -a.mid
		for k := 1; k < nodes; k += 2 {
			b.f[k], b.d[k] = -a.f[k], -a.d[k]
		}
		m.panels[n-1-i] = b
	}
	m.breaks, m.features = negated(p.breaks), negated(p.features)
	return m
}

func negated(x []float64) []float64 {
	out := make([]float64, len(x))
	for i, v := range x {
		out[len(x)-1-i] = -v
	}
	return out
}

// fit is a panel while f is being resolved.
type fit struct {
	a, b     float64
	root     int // the panel of the first subdivision that it lies in
	depth    int
	f, d     [nodes]float64 // Chebyshev coefficients of f and, where given, f'
	max      float64        // the largest |f| seen
	maxD     float64
	err      float64 // the last coefficients or the error at fresh points, of f
	errD     float64
	noise    float64 // what rounding alone does to f
	parent   float64 // err/scale of the panel it is half of
	accepted bool
	singular bool // too narrow to be divided
}

// resolver subdivides until every panel is a polynomial of degree below 16.
type resolver struct {
	fn, dfn       func(float64) float64 // dfn may be nil
	tol           float64
	budget        int
	err           error   // the first value that cannot be used
	at            float64 // the place of the evaluation in progress
	inside        string  // the function being evaluated, "" between evaluations
	breaks        []float64
	jumps         []float64 // found, a subset of breaks
	kinks         []float64 // found
	scaleAt       []float64 // |z| ascending …
	scales        []float64 // … and the largest |f| up to there
	scalesD       []float64
	roots         [][2]float64
	dead          []bool
	done          []fit
	std           float64 // MaxStd
	unit          float64 // of widths: 1, or MaxStd if that is less
	declaredJumps bool    // f' need not be square integrable
}

// value returns f(z), or 0 once an evaluation has failed.
func (r *resolver) value(z float64) float64 { return r.call("f", r.fn, z) }

func (r *resolver) call(name string, f func(float64) float64, z float64) float64 {
	if r.err != nil {
		return 0
	}
	r.budget--
	r.at, r.inside = z, name
	v := f(z)
	r.inside = ""
	if math.IsNaN(v) || math.Abs(v) > largest {
		r.err = valueError(name, z, v)
		return 0
	}
	return v
}

// sample fits [a, b] and measures how well.
func (r *resolver) sample(a, b float64) fit {
	p := fit{a: a, b: b}
	h, mid := (b-a)/2, a+(b-a)/2
	size := math.Max(math.Abs(a), math.Abs(b))
	var v [nodes]float64
	measure := func(name string, fn func(float64) float64) (c [nodes]float64, largest, err,
		noise float64) {
		var slope float64
		for j, y := range chebyshevPoints {
			v[j] = r.call(name, fn, mid+h*y)
			largest = math.Max(largest, math.Abs(v[j]))
			if j > 0 {
				slope = math.Max(slope, math.Abs(v[j]-v[j-1])/(h*(y-chebyshevPoints[j-1])))
			}
		}
		// A function whose slope is s cannot be known better than s·ε|z| at z.
		noise = 4e-16 * (2*largest + size*slope)
		c = chebyshev(&v)
		for k := nodes - 3; k < nodes; k++ {
			err = math.Max(err, math.Abs(c[k]))
		}
		for _, y := range freshPoints {
			if err > 1e-3*largest {
				break // far from resolved
			}
			x := r.call(name, fn, mid+h*y)
			largest = math.Max(largest, math.Abs(x))
			err = math.Max(err, math.Abs(x-series.Chebyshev(c[:], y))/4)
		}
		return c, largest, err, noise
	}
	p.f, p.max, p.err, p.noise = measure("f", r.fn)
	if r.dfn != nil {
		var noise float64
		p.d, p.maxD, p.errD, noise = measure("df", r.dfn)
		p.errD = math.Max(0, p.errD-noise)
	} else {
		c := p.f
		for k := degree(&c, 2e-16*p.max); k < nodes; k++ {
			c[k] = 0 // rounding, which differentiation would grow
		}
		series.ChebyshevDerivative(p.d[:], c[:])
		for k := range p.d {
			p.d[k] /= h
		}
		p.maxD = 0
		for _, y := range freshPoints {
			p.maxD = math.Max(p.maxD, math.Abs(series.Chebyshev(p.d[:], y)))
		}
	}
	return p
}

// scale returns what errors of f and f' at z are relative to: the largest
// values that a pre-activation meets on its way there, and far out, where it
// hardly ever is, more.
func (r *resolver) scale(p *fit) (f, d float64) {
	z := 0.0
	if p.a > 0 || p.b < 0 {
		z = math.Min(math.Abs(p.a), math.Abs(p.b))
	}
	f, d = r.before(z)
	f, d = math.Max(f, p.max), math.Max(d, p.maxD)
	if z > 3*r.std {
		// An error e of f costs a coefficient e·√density at most. The root mean
		// square is taken as a tenth of the largest value within σ.
		loose, looseD := math.Inf(1), math.Inf(1)
		for s := r.std; s > z/8; s /= 1.1 {
			w := 0.1 * math.Exp(z*z/(4*s*s))
			g, h := r.before(s)
			loose, looseD = math.Min(loose, w*g), math.Min(looseD, w*h)
		}
		f, d = math.Max(f, loose), math.Max(d, looseD)
	}
	return math.Max(f, negligible), math.Max(d, negligible)
}

// before returns the largest values up to the distance z from 0.
func (r *resolver) before(z float64) (f, d float64) {
	if i := sort.SearchFloat64s(r.scaleAt, z); i > 0 {
		return r.scales[i-1], r.scalesD[i-1]
	}
	return 0, 0
}

// relative returns the error of p beyond rounding, relative to the scale.
func (r *resolver) relative(p *fit) float64 {
	f, d := r.scale(p)
	var e float64
	if x := p.err - p.noise; x > 0 {
		e = x / f
	}
	switch {
	case r.dfn == nil && p.err > p.noise:
		// The derivative of the interpolant, to a tenth of the tolerance's digits
		// less: where panels join it would jump.
		e = math.Max(e, 0.1*nodes*nodes*(p.err-p.noise)/((p.b-p.a)/2*d))
	case r.dfn != nil && p.errD > 0:
		e = math.Max(e, p.errD/d)
	}
	return e
}

// resolved reports whether p needs no further subdivision.
func (r *resolver) resolved(p *fit) bool {
	e := r.relative(p)
	if e <= 1e-3*r.tol {
		return true
	}
	// Below the tolerance and no better than the panel twice as wide: noise.
	return p.depth > 0 && e <= 0.03*r.tol && e > p.parent/4
}

// grid returns the edges of the first subdivision strictly inside (a, b). They
// are at odd places, so that a kink at a round number is not hidden by one.
func (r *resolver) grid(a, b float64) []float64 {
	var out []float64
	start := 0.23606797749979 * r.unit
	width := func(z float64) float64 { return math.Max(r.unit/2, math.Abs(z)/16) }
	for z := start; z < b; z += width(z) {
		if z > a {
			out = append(out, z)
		}
	}
	for z := start - r.unit/2; z > a; z -= width(z) {
		if z < b {
			out = append(out, z)
		}
	}
	slices.Sort(out)
	return out
}

// addRoot adds a panel to be resolved, divided if it is wide. Slivers that
// arithmetic cannot divide are left out.
func (r *resolver) addRoot(work []fit, a, b float64) []fit {
	if b-a <= 1e-14*math.Max(math.Abs(a), math.Abs(b)) {
		return work
	}
	r.roots = append(r.roots, [2]float64{a, b})
	r.dead = append(r.dead, false)
	p := r.sample(a, b)
	p.root = len(r.roots) - 1
	return append(work, p)
}

// run resolves f on [-end, end].
func (r *resolver) run(end float64) {
	var work []fit
	bounds := append(append([]float64{-end}, r.breaks...), end)
	for i := 1; i < len(bounds); i++ {
		a, b := bounds[i-1], bounds[i]
		from := a
		for _, e := range r.grid(a, b) {
			if e-from < 1e-6*r.unit || b-e < 1e-6*r.unit {
				continue
			}
			work = r.addRoot(work, from, e)
			from = e
		}
		work = r.addRoot(work, from, b)
		if r.err != nil {
			return
		}
	}
	r.running(work)
	for len(work) > 0 && r.err == nil {
		var next []fit
		for i := range work {
			p := &work[i]
			if r.dead[p.root] || r.err != nil {
				continue
			}
			if r.resolved(p) {
				p.accepted = true
				r.done = append(r.done, *p)
				continue
			}
			w, size := p.b-p.a, math.Max(r.unit, math.Max(math.Abs(p.a), math.Abs(p.b)))
			if w < 2e-13*size {
				p.singular = true
				r.done = append(r.done, *p)
				continue
			}
			if r.budget <= 0 || len(r.roots) > 20000 {
				r.done = append(r.done, *p)
				continue
			}
			if p.depth >= 4 {
				if k, jump, ok := r.locate(p); ok {
					next = r.split(next, p.root, k, jump)
					continue
				}
			}
			e := r.relative(p)
			for _, half := range [2][2]float64{{p.a, p.a + w/2}, {p.a + w/2, p.b}} {
				c := r.sample(half[0], half[1])
				c.root, c.depth, c.parent = p.root, p.depth+1, e
				next = append(next, c)
			}
		}
		work = next
	}
	r.done = slices.DeleteFunc(r.done, func(p fit) bool { return r.dead[p.root] })
	slices.SortFunc(r.done, func(p, q fit) int {
		if p.a < q.a {
			return -1
		}
		return 1
	})
}

// running records the largest values by distance from 0.
func (r *resolver) running(work []fit) {
	byDistance := make([]*fit, len(work))
	for i := range work {
		byDistance[i] = &work[i]
	}
	far := func(p *fit) float64 { return math.Max(math.Abs(p.a), math.Abs(p.b)) }
	slices.SortFunc(byDistance, func(p, q *fit) int {
		if far(p) < far(q) {
			return -1
		}
		return 1
	})
	var f, d float64
	for _, p := range byDistance {
		f, d = math.Max(f, p.max), math.Max(d, p.maxD)
		r.scaleAt = append(r.scaleAt, far(p))
		r.scales, r.scalesD = append(r.scales, f), append(r.scalesD, d)
	}
}

// split replaces the first panel that the singularity k lies in by two.
func (r *resolver) split(work []fit, root int, k float64, jump bool) []fit {
	a, b := r.roots[root][0], r.roots[root][1]
	if math.Abs(k) < 1e-14*r.unit && a < 0 && b > 0 {
		k = 0 // of all places the likeliest
	}
	k = math.Max(a, math.Min(b, k))
	if jump {
		r.jumps = append(r.jumps, k)
	} else {
		r.kinks = append(r.kinks, k)
	}
	i, _ := slices.BinarySearch(r.breaks, k)
	r.breaks = slices.Insert(r.breaks, i, k)
	r.dead[root] = true
	return r.addRoot(r.addRoot(work, a, k), k, b)
}

// locate looks for one singularity in the panel p between two smooth
// neighbours: it lies where f leaves the continuation of the left one for that
// of the right one. So it is found as well as f can tell them apart.
func (r *resolver) locate(p *fit) (k float64, jump, ok bool) {
	a, b := p.a, p.b
	w := b - a
	lo, hi := a-8*w, b+8*w
	i := sort.SearchFloat64s(r.breaks, a+w/2)
	if i > 0 {
		lo = math.Max(lo, r.breaks[i-1])
	}
	if i < len(r.breaks) {
		hi = math.Min(hi, r.breaks[i])
	}
	if a-lo < w || hi-b < w {
		return 0, false, false
	}
	smooth := func(p *fit) bool { return r.err == nil && r.relative(p) <= 0.03*r.tol }
	for range 2 {
		left := r.sample(lo, a)
		if !smooth(&left) {
			return 0, false, false
		}
		right := r.sample(b, hi)
		if !smooth(&right) {
			return 0, false, false
		}
		for range 80 {
			k = a + (b-a)/2
			if k <= a || k >= b {
				break
			}
			v := r.value(k)
			if math.Abs(v-left.extend(k)) <= math.Abs(v-right.extend(k)) {
				a = k
			} else {
				b = k
			}
		}
		// Again with less to extrapolate over.
		a, b = k-w/64, k+w/64
	}
	left, right := r.sample(lo, k), r.sample(k, hi)
	if !smooth(&left) || !smooth(&right) {
		return 0, false, false
	}
	scale, _ := r.scale(p)
	return k, math.Abs(left.extend(k)-right.extend(k)) > 1e-9*scale, true
}

// extend returns the interpolant of f at z, also outside the panel. What
// rounding left in the last coefficients would grow there.
func (p *fit) extend(z float64) float64 {
	c := p.f
	for k := degree(&c, 2e-16*p.max+p.noise/8); k < nodes; k++ {
		c[k] = 0
	}
	return series.Chebyshev(c[:], (2*z-p.a-p.b)/(p.b-p.a))
}

// jumpsAmongBreaks records the breaks at which f itself jumps, declared as
// kinks or not.
func (r *resolver) jumpsAmongBreaks() {
	for i := 1; i < len(r.done); i++ {
		p, q := &r.done[i-1], &r.done[i]
		if _, isBreak := slices.BinarySearch(r.breaks, q.a); !isBreak || !p.accepted ||
			!q.accepted {
			continue
		}
		left, _ := r.scale(p)
		right, _ := r.scale(q)
		jump := math.Abs(p.extend(q.a) - q.extend(q.a))
		if jump > 1e-9*math.Max(left, right) && !slices.Contains(r.jumps, q.a) {
			r.jumps = append(r.jumps, q.a)
		}
	}
}

// stretch returns how much wider than a panel of n coefficients an interval may
// be. The coefficients decay as ρ^-k, ρ^n = 1000/tolerance: there is no
// singularity within (ρ+1/ρ)/2 half widths. 20 Gauss points need ρ^40 as large
// on the interval.
func (r *resolver) stretch(n int) float64 {
	l := math.Log(1e3 / r.tol)
	return math.Max(1, math.Min(8, 0.85*math.Cosh(l/float64(n))/math.Cosh(l/(2*gaussPoints))))
}

// finish returns the resolved pieces and their error, relative to the scale
// and weighted by the probability that a pre-activation meets it.
func (r *resolver) finish() (p *pieces, what string, estimate, worst float64) {
	p = &pieces{breaks: slices.Clone(r.breaks)}
	var largest float64
	what = "the function"
	var run []float64 // centre of a run of narrow panels
	var singular []*fit
	var square, squareD float64 // integrals of f² and f'²
	stepped := r.declaredJumps || len(r.jumps) > 0
	add := func(e, eD, z float64) {
		estimate += math.Max(e, eD)
		if e > largest {
			largest, worst, what = e, z, "the function"
		}
		if eD > largest {
			largest, worst, what = eD, z, "the derivative"
		}
	}
	for i := range r.done {
		q := &r.done[i]
		h := (q.b - q.a) / 2
		s, sd := r.scale(q)
		var e, eD float64
		if q.accepted || q.singular {
			square += q.max * q.max * 2 * h
			squareD += q.maxD * q.maxD * 2 * h
		}
		switch {
		case q.accepted:
		case q.singular:
			// What the panel contributes to the mean squares is not known.
			singular = append(singular, q)
		default:
			if s > 0 {
				e = q.err / s * math.Min(1, 2*h/math.Max(r.unit, math.Abs(q.a)))
			}
			if sd > 0 && r.dfn == nil && !stepped {
				// f' is the derivative of the interpolant of f.
				eD = nodes * nodes * q.err / sd / math.Max(r.unit, math.Abs(q.a))
			} else if sd > 0 {
				eD = q.errD / sd * math.Min(1, 2*h/math.Max(r.unit, math.Abs(q.a)))
			}
		}
		add(e, eD, q.a+h)
		n := max(degree(&q.f, 1e-3*r.tol*s), degree(&q.d, 1e-2*r.tol*sd))
		m := max(degree(&q.f, 1e-17*q.max), degree(&q.d, 1e-17*q.maxD))
		p.panels = append(p.panels, piece{
			mid: q.a + h, inv: 1 / h, pairs: (m + 1) / 2,
			f: monomials(&q.f), d: monomials(&q.d), step: r.stretch(n) * 2 * h,
		})
		p.edges = append(p.edges, q.a)
		if q.depth >= 2 {
			run = append(run, q.a+h)
		}
		if len(run) > 0 && (q.depth < 2 || i == len(r.done)-1) {
			p.features = append(p.features, run[len(run)/2])
			run = run[:0]
		}
	}
	p.edges = append(p.edges, r.done[len(r.done)-1].b)
	// Isolated singularities of an unknown kind, some panels wide each.
	for i, q := range singular {
		w := q.b - q.a
		var eD float64
		if !stepped {
			eD = q.maxD * q.maxD * w / squareD
		}
		add(q.max*q.max*w/square, eD, q.a+w/2)
		if i == 0 || q.a > singular[i-1].b {
			r.kinks = append(r.kinks, q.a+w/2)
		}
	}
	if len(p.features) > 8 { // oscillation all over, not features
		p.features = nil
	}
	return p, what, estimate, worst
}
