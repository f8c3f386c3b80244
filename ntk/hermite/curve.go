package hermite

import (
	"context"
	"math"
	"sync"

	"github.com/kernelsmith/kernelsmith/ntk/internal/parallel"
	"github.com/kernelsmith/kernelsmith/ntk/internal/series"
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
	c := &Curve{q: q, jumps: len(fn.jumps) > 0}
	series := fn.expand(math.Sqrt(q))
	b := &curveBuilder{
		fn:     fn,
		curve:  c,
		series: series,
		scale:  series.square,
		scaleD: math.Max(series.squareD, 1e-18*series.square/q), // less is rounding of φ
		work:   4 * pairWork,
	}
	// Near 0 and π, where cos^terms is no longer small, one panel each.
	end := math.Min(0.7, math.Sqrt(-2*math.Log(fn.tol/50)/float64(len(series.b))))
	edges := []float64{0, end, math.Pi / 2, math.Pi - end, math.Pi}
	for i := 1; i < len(edges); i++ {
		b.resolve(edges[i-1], edges[i], 0)
	}
	for i := 1; i < len(c.panels); i++ {
		c.panels[i].drop = c.panels[i-1].drop + c.dropWithin(i-1, c.panels[i-1].b)
	}
	if b.worst > fn.tol {
		return c, &ToleranceError{
			What:      "the dual as a curve over the angle",
			At:        b.at,
			Tolerance: fn.tol,
			Estimate:  b.worst,
			Partial:   fn,
		}
	}
	return c, nil
}

// expansion is φ(σz) and φ'(σz) in Hermite polynomials of z, for Mehler's series of their
// duals.
type expansion struct {
	sigma           float64
	b, d            []float64 // coefficients of φ and φ'
	square, squareD float64   // E[φ(σz)²] and E[φ'(σz)²]
	// rest[n] bounds what the terms of the series from n on add at |ρ| = 1, relative to the
	// mean square.
	rest []float64
}

// expand returns the expansion at standard deviation sigma.
func (fn *Function) expand(sigma float64) *expansion {
	jumps := len(fn.jumps) > 0
	// The more terms, the fewer angles near 0 and π where the series is slow:
	// a kink needs many.
	terms := 300
	b, d := make([]float64, terms), make([]float64, terms)
	square, squareD := fn.transform(sigma, b, d, 1)
	if !decayed(b, square) || (!jumps && !decayed(d, squareD)) {
		terms = curveTerms
		b, d = make([]float64, terms), make([]float64, terms)
		square, squareD = fn.transform(sigma, b, d, 1)
	}
	e := &expansion{
		sigma:   sigma,
		b:       b,
		d:       d,
		square:  square,
		squareD: squareD,
		rest:    make([]float64, terms+1),
	}
	e.bound(b, square)
	if !jumps {
		e.bound(d, squareD)
	}
	return e
}

// bound raises rest to what the coefficients from n on of one of the functions have of its
// mean square.
func (e *expansion) bound(coeffs []float64, square float64) {
	if square == 0 {
		return
	}
	var sum float64
	for _, v := range coeffs {
		sum += v * v
	}
	left := math.Max(0, square-sum)/square + 1e-14
	if decayed(coeffs, square) {
		left = 0
	}
	for n := len(coeffs); n >= 0; n-- {
		if n < len(coeffs) {
			left += coeffs[n] * coeffs[n] / square
		}
		e.rest[n] = math.Max(e.rest[n], left)
	}
}

// terms returns how many terms of Mehler's series the tolerance needs at the correlation
// rho, and whether that many are known.
func (e *expansion) terms(rho, tol float64) (n int, ok bool) {
	power, step := 1.0, math.Pow(math.Abs(rho), 8)
	for n < len(e.b) && power*e.rest[n] > tol/100 {
		power *= step
		n += 8
	}
	n = min(n, len(e.b))
	return n, math.Pow(math.Abs(rho), float64(n))*e.rest[n] <= tol/50
}

// curveBuilder divides the angles until the duals are polynomials on each panel.
type curveBuilder struct {
	fn            *Function
	curve         *Curve
	series        *expansion
	scale, scaleD float64 // mean squares that errors of the duals are relative to
	work          int     // intervals of quadrature that are left
	worst, at     float64 // the largest error of a panel, and where that is
}

// duals returns both duals at an angle, and counts down the work.
func (b *curveBuilder) duals(theta float64, work *int) (value, derivative float64) {
	s, co := math.Sincos(theta / 2)
	rho := (co - s) * (co + s)
	e := b.series
	if n, ok := e.terms(rho, b.fn.tol); ok {
		return mehler(e.b[:n], e.b[:n], rho), mehler(e.d[:n], e.d[:n], rho)
	}
	p := pair{sigma: e.sigma, sigma2: e.sigma, rho: rho, c: co, d: s}
	if rho < 0 {
		p.mirrored, p.c, p.d = true, s, co
	}
	return b.fn.quadrature(p, work)
}

// resolve adds the panel from one angle to another to the curve, in halves where one
// polynomial does not reach the tolerance.
func (b *curveBuilder) resolve(from, to float64, depth int) {
	h, mid := (to-from)/2, from+(to-from)/2
	p, values := b.interpolate(from, to)
	e := b.misfit(&p, &values)
	if e > b.fn.tol/4 && depth < 18 && b.work > 0 {
		b.resolve(from, mid, depth+1)
		b.resolve(mid, to, depth+1)
		return
	}
	if e > b.worst {
		b.worst, b.at = e, mid
	}
	series.ChebyshevDerivative(p.slope[:], p.v[:])
	for k := range p.slope {
		p.slope[k] /= h
	}
	b.curve.panels = append(b.curve.panels, p)
}

// interpolate returns the polynomials through the duals at the Chebyshev points of a panel,
// and the values of the first dual there. The points are worked at together, each with a
// count of its own, so that the result is the same on any number of processors.
func (b *curveBuilder) interpolate(from, to float64) (p curvePanel, values [nodes]float64) {
	h, mid := (to-from)/2, from+(to-from)/2
	var derivatives [nodes]float64
	var left [nodes]int
	_ = parallel.Each(context.Background(), nodes, func(j int, _ func() bool) error {
		left[j] = pairWork
		values[j], derivatives[j] = b.duals(mid+h*chebyshevPoints[j], &left[j])
		return nil
	})
	for _, l := range left {
		b.work -= pairWork - l
	}
	p = curvePanel{a: from, b: to, v: chebyshev(&values)}
	if !b.curve.jumps {
		p.d = chebyshev(&derivatives)
	}
	return p, values
}

// misfit estimates the error of a panel by its last coefficients and, where these are small,
// by the duals at an angle that it was not made from.
func (b *curveBuilder) misfit(p *curvePanel, values *[nodes]float64) (e float64) {
	jumps := b.curve.jumps
	for k := nodes - 2; k < nodes; k++ {
		if b.scale > 0 {
			e = math.Max(e, math.Abs(p.v[k])/b.scale)
		}
		if !jumps && b.scaleD > 0 {
			e = math.Max(e, math.Abs(p.d[k])/b.scaleD)
		}
	}
	if e <= b.fn.tol/4 {
		h, mid := (p.b-p.a)/2, p.a+(p.b-p.a)/2
		y := freshPoints[1]
		v, d := b.duals(mid+h*y, &b.work)
		if b.scale > 0 {
			e = math.Max(e, math.Abs(v-series.Chebyshev(p.v[:], y))/b.scale/4)
		}
		if !jumps && b.scaleD > 0 {
			e = math.Max(e, math.Abs(d-series.Chebyshev(p.d[:], y))/b.scaleD/4)
		}
	}
	if math.IsNaN(values[0]+values[nodes-1]) || e != e {
		return math.Inf(1)
	}
	return e
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
		return series.Chebyshev(p.v[:], y), math.NaN()
	}
	return series.Chebyshev(p.v[:], y), series.Chebyshev(p.d[:], y)
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
			sum -= gaussW[j] * series.Chebyshev(p.slope[:], p.local(t))
		} else {
			sum += gaussW[j] * series.Chebyshev(p.d[:], p.local(t)) * c.q * math.Sin(t)
		}
	}
	return sum * h
}

// Panels returns the number of polynomials that the curve is made of.
func (c *Curve) Panels() int { return len(c.panels) }

// Variance returns q.
func (c *Curve) Variance() float64 { return c.q }
