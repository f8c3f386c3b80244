package hermite

import (
	"math"
	"sync"
)

// Curve is both duals of a [Function] at one variance q, for every covariance
// q - gap: polynomials in the angle θ, gap = 2q sin²(θ/2), in which the duals
// of a piecewise analytic function are analytic. It is safe for concurrent use.
type Curve struct {
	q      float64
	jumps  bool
	panels []curvePanel
}

type curvePanel struct {
	a, b  float64
	v, d  [nodes]float64 // Chebyshev coefficients of the duals
	slope [nodes]float64 // of dv/dθ
	drop  float64        // from θ = 0 to a
}

type cachedCurve struct {
	once  sync.Once
	curve *Curve
	err   error
}

const maxCachedCurves = 64

// DualCurve returns the duals at variance q as a curve. It is computed once for
// each of the last variances asked for. Cost: 10 to 100 ms, 1 µs a value after.
//
// The errors are those of [Function.Dual] and the tolerance times the value at
// gap 0. Errors: q outside (0, MaxStd²], and [*ToleranceError] together with
// the curve as far as it got, for duals that change within 1e-5 of an angle or take seconds.
func (fn *Function) DualCurve(q float64) (*Curve, error) {
	if !fn.serves(q) || fn.constant(math.Sqrt(q)) {
		return nil, varianceError(q, fn.maxStd)
	}
	fn.mu.Lock()
	c := fn.curves[q]
	if c == nil {
		if len(fn.curves) >= maxCachedCurves {
			for k := range fn.curves {
				delete(fn.curves, k)
				break
			}
		}
		c = &cachedCurve{}
		fn.curves[q] = c
	}
	fn.mu.Unlock()
	c.once.Do(func() { c.curve, c.err = fn.newCurve(q) })
	return c.curve, c.err
}

func (fn *Function) newCurve(q float64) (*Curve, error) {
	sigma := math.Sqrt(q)
	c := &Curve{q: q, jumps: len(fn.jumps) > 0}
	// The more terms, the fewer angles near 0 and π where the series is slow:
	// a kink needs many.
	terms := 300
	b, d := make([]float64, terms), make([]float64, terms)
	scale, scaleD := fn.transform(sigma, b, d, 1)
	if !decayed(b, scale) || (!c.jumps && !decayed(d, scaleD)) {
		terms = curveTerms
		b, d = make([]float64, terms), make([]float64, terms)
		scale, scaleD = fn.transform(sigma, b, d, 1)
	}
	// rest[n] bounds what the terms from n on add at |ρ| = 1.
	rest := make([]float64, terms+1)
	relative := func(b []float64, square float64) {
		var sum float64
		for _, v := range b {
			sum += v * v
		}
		left := math.Max(0, square-sum)/square + 1e-14
		if square == 0 {
			return
		}
		if decayed(b, square) {
			left = 0
		}
		for n := terms; n >= 0; n-- {
			if n < terms {
				left += b[n] * b[n] / square
			}
			rest[n] = math.Max(rest[n], left)
		}
	}
	relative(b, scale)
	if !c.jumps {
		relative(d, scaleD)
	}
	work := 4 * pairWork
	var worst, at float64
	scaleD = math.Max(scaleD, 1e-18*scale/q) // less is rounding of φ
	evaluate := func(theta float64, work *int) (v, dv float64) {
		s, co := math.Sincos(theta / 2)
		rho := (co - s) * (co + s)
		n := 0
		for power, step := 1.0, math.Pow(math.Abs(rho),
			8); n < terms && power*rest[n] > fn.tol/100; n += 8 {
			power *= step
		}
		if n = min(n, terms); math.Pow(math.Abs(rho), float64(n))*rest[n] <= fn.tol/50 {
			return mehler(b[:n], b[:n], rho), mehler(d[:n], d[:n], rho)
		}
		p := pair{sigma: sigma, sigma2: sigma, rho: rho, c: co, d: s}
		if rho < 0 {
			p.mirrored, p.c, p.d = true, s, co
		}
		return fn.quadrature(p, work)
	}
	var resolve func(a, b float64, depth int)
	resolve = func(a, b float64, depth int) {
		h, mid := (b-a)/2, a+(b-a)/2
		var v, dv [nodes]float64
		var left [nodes]int
		var wg sync.WaitGroup
		for j, y := range chebyshevPoints {
			wg.Go(func() {
				left[j] = pairWork
				v[j], dv[j] = evaluate(mid+h*y, &left[j])
			})
		}
		wg.Wait()
		for _, l := range left {
			work -= pairWork - l
		}
		p := curvePanel{a: a, b: b, v: chebyshev(&v)}
		if !c.jumps {
			p.d = chebyshev(&dv)
		}
		var e float64
		for k := nodes - 2; k < nodes; k++ {
			if scale > 0 {
				e = math.Max(e, math.Abs(p.v[k])/scale)
			}
			if !c.jumps && scaleD > 0 {
				e = math.Max(e, math.Abs(p.d[k])/scaleD)
			}
		}
		if e <= fn.tol/4 {
			f, d := evaluate(mid+h*freshPoints[1], &work)
			if scale > 0 {
				e = math.Max(e, math.Abs(f-clenshaw(&p.v, freshPoints[1]))/scale/4)
			}
			if !c.jumps && scaleD > 0 {
				e = math.Max(e, math.Abs(d-clenshaw(&p.d, freshPoints[1]))/scaleD/4)
			}
		}
		if math.IsNaN(v[0]+v[nodes-1]) || e != e {
			e = math.Inf(1)
		}
		if e > fn.tol/4 && depth < 18 && work > 0 {
			resolve(a, mid, depth+1)
			resolve(mid, b, depth+1)
			return
		}
		if e > worst {
			worst, at = e, mid
		}
		p.slope = differentiate(&p.v)
		for k := range p.slope {
			p.slope[k] /= h
		}
		c.panels = append(c.panels, p)
	}
	// Near 0 and π, where cos^terms is no longer small, one panel each.
	end := math.Min(0.7, math.Sqrt(-2*math.Log(fn.tol/50)/float64(terms)))
	edges := []float64{0, end, math.Pi / 2, math.Pi - end, math.Pi}
	for i := 1; i < len(edges); i++ {
		resolve(edges[i-1], edges[i], 0)
	}
	for i := 1; i < len(c.panels); i++ {
		c.panels[i].drop = c.panels[i-1].drop + c.dropWithin(i-1, c.panels[i-1].b)
	}
	if worst > fn.tol {
		return c, &ToleranceError{
			What:      "the dual as a curve over the angle",
			At:        at,
			Tolerance: fn.tol,
			Estimate:  worst,
			Partial:   fn,
		}
	}
	return c, nil
}

// locate returns the angle of a gap and its panel.
func (c *Curve) locate(gap float64) (theta float64, i int) {
	// Both halves of the circle from the nearer end.
	theta = 2 * math.Atan2(math.Sqrt(gap), math.Sqrt(2*c.q-gap))
	for i+1 < len(c.panels) && theta > c.panels[i].b {
		i++
	}
	return theta, i
}

func (p *curvePanel) local(theta float64) float64 { return (2*theta - p.a - p.b) / (p.b - p.a) }

// At returns the duals at covariance q - gap: NaN for gap outside [0, 2q], and
// NaN as derivative if φ jumps.
func (c *Curve) At(gap float64) (value, derivative float64) {
	if !(gap >= 0 && gap <= 2*c.q) {
		return math.NaN(), math.NaN()
	}
	theta, i := c.locate(gap)
	p := &c.panels[i]
	y := p.local(theta)
	if c.jumps {
		return clenshaw(&p.v, y), math.NaN()
	}
	return clenshaw(&p.v, y), clenshaw(&p.d, y)
}

// Drop returns by how much the dual at covariance q - gap is below the one at
// q, without subtracting them: accurate relative to itself as the gap goes
// to 0. NaN for gap outside [0, 2q].
func (c *Curve) Drop(gap float64) float64 {
	if !(gap >= 0 && gap <= 2*c.q) {
		return math.NaN()
	}
	theta, i := c.locate(gap)
	return c.panels[i].drop + c.dropWithin(i, theta)
}

// dropWithin returns the drop from the beginning of panel i to theta. The dual
// falls by the derivative dual times the covariance's fall, q sin θ dθ; where φ
// jumps, by its slope in θ.
func (c *Curve) dropWithin(i int, theta float64) float64 {
	p := &c.panels[i]
	h, mid := (theta-p.a)/2, p.a+(theta-p.a)/2
	var sum float64
	for j, g := range gaussX {
		t := mid + h*g
		if c.jumps {
			sum -= gaussW[j] * clenshaw(&p.slope, p.local(t))
		} else {
			sum += gaussW[j] * clenshaw(&p.d, p.local(t)) * c.q * math.Sin(t)
		}
	}
	return sum * h
}

// Panels returns the number of polynomials that the curve is made of.
func (c *Curve) Panels() int { return len(c.panels) }

// Variance returns q.
func (c *Curve) Variance() float64 { return c.q }
