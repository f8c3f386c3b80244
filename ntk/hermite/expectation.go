package hermite

import (
	"fmt"
	"math"
	"slices"

	"github.com/kernelsmith/kernelsmith/ntk/internal/gauss"
	"github.com/kernelsmith/kernelsmith/ntk/internal/quadrature"
)

// MaxCoeffs is the largest number of coefficients that [Function.Coeffs]
// computes.
const MaxCoeffs = 1001

const (
	gaussPoints = 20
	// curveTerms is the most coefficients that are computed for anything.
	curveTerms = 2500
)

var (
	gaussX, gaussW [gaussPoints]float64 // on [-1, 1]
	// h_k = up[k] z h_{k-1} - down[k] h_{k-2}
	up, down [curveTerms]float64
	// fejer[k] is the integral of T_k over [-1, 1].
	fejer [nodes]float64
)

func init() {
	x, w := quadrature.Legendre(gaussPoints)
	for i := range x { // ascending, as side.at wants it
		gaussX[gaussPoints-1-i], gaussW[gaussPoints-1-i] = x[i], w[i]
	}
	for k := 1; k < curveTerms; k++ {
		up[k] = 1 / math.Sqrt(float64(k))
		down[k] = math.Sqrt(float64(k-1) / float64(k))
	}
	for k := 0; k < nodes; k += 2 {
		fejer[k] = 2 / (1 - float64(k)*float64(k))
	}
}

const invSqrt2Pi = 0.39894228040143267794

// side is one factor of an expectation along a line: φ at scale·s + shift.
type side struct {
	p            *pieces
	scale, shift float64 // scale > 0
	i            int     // the panel that the last s was in
	next         int     // the next break
}

// start places the side at s.
func (x *side) start(s float64) {
	z := x.scale*s + x.shift
	x.i = x.p.find(z)
	x.next = 0
	for x.next < len(x.p.breaks) && x.p.breaks[x.next] <= z {
		x.next++
	}
}

// stop returns the end of an interval from s, at most to, that the quadrature
// resolves.
func (x *side) stop(s, to, fraction float64) float64 {
	z, end := x.scale*s+x.shift, x.scale*to+x.shift
	ps, edges := x.p.panels, x.p.edges
	for x.i+1 < len(ps) && edges[x.i+1] <= z {
		x.i++
	}
	for x.next < len(x.p.breaks) && x.p.breaks[x.next] <= z {
		x.next++
	}
	if x.next < len(x.p.breaks) {
		end = math.Min(end, x.p.breaks[x.next])
	}
	for i := x.i; i < len(ps) && (i == x.i || edges[i] < end); i++ {
		end = math.Min(end, math.Max(z+ps[i].step*fraction, edges[i]))
	}
	return (end - x.shift) / x.scale
}

// typicalStep returns the median of the steps over [-r, r], not less than a
// twentieth.
func (x *side) typicalStep(r float64) float64 {
	var steps [21]float64
	for i := range steps {
		z := x.scale * r * (float64(i)/10 - 1) * 0.5
		steps[i] = x.p.panels[x.p.find(z)].step / x.scale
	}
	slices.Sort(steps[:])
	return math.Max(0.05, steps[len(steps)/2])
}

// at returns φ and φ' at s, which ascends from call to call.
func (x *side) at(s float64) (f, d float64) {
	z := x.scale*s + x.shift
	for x.i+1 < len(x.p.panels) && z > x.p.edges[x.i+1] {
		x.i++
	}
	return x.p.panels[x.i].at(z)
}

// advance returns the next quadrature interval's end. It always moves.
func advance(s, to float64, x, y *side, fraction float64) float64 {
	e := x.stop(s, to, fraction)
	if y != nil {
		e = math.Min(e, y.stop(s, to, fraction))
	}
	if floor := s + 1e-13*math.Max(1, math.Abs(s)); e < floor {
		e = floor // a break that rounding put on the wrong side of s
	}
	return math.Min(e, to)
}

// along returns ∫ p(s) φ(x) φ(y) ds over [-r, r] for the normal density p, and
// the same of φ'. It counts down the intervals that it takes.
func along(x, y *side, r float64, work *int) (value, derivative float64) {
	x.start(-r)
	y.start(-r)
	for s := -r; s < r; {
		e := advance(s, math.Min(s+2, r), x, y, 1)
		h, mid := (e-s)/2, s+(e-s)/2
		for j, g := range gaussX {
			t := mid + h*g
			w := h * gaussW[j] * math.Exp(-t*t/2)
			f, d := x.at(t)
			f2, d2 := y.at(t)
			value += w * f * f2
			derivative += w * d * d2
		}
		s = e
		*work--
	}
	return value * invSqrt2Pi, derivative * invSqrt2Pi
}

// logMeanSquare is a rough lower bound of the logarithms of E[φ(σz)²] and of
// the derivative's.
func (fn *Function) logMeanSquare(sigma float64) (out [2]float64) {
	for i := range out {
		out[i] = math.Inf(-1)
		for j := range envelopeBins {
			x := fn.end / sigma * math.Exp2((float64(j-envelopeBins)+0.5)/8)
			if x < 50 && x > 0 {
				out[i] = math.Max(out[i], 2*fn.envelope[i][j]+math.Log(0.03*x)-x*x/2)
			}
		}
	}
	return out
}

// cutoff returns the radius in the plane of two independent standard normal
// numbers beyond which φ(u)φ(v) does not matter at the level eps.
func (fn *Function) cutoff(sigma, sigma2, eps float64) float64 {
	a := fn.logMeanSquare(sigma)
	b := a
	if sigma2 != sigma {
		b = fn.logMeanSquare(sigma2)
	}
	const dr = 0.25
	most := math.Min(fn.end/math.Max(sigma, sigma2), 50)
	for r := most - dr; r > 4; r -= dr {
		j, k := fn.bin(sigma*r), fn.bin(sigma2*r)
		for i := range a {
			if i == 1 && len(fn.jumps) > 0 {
				continue
			}
			// |u| ≤ σr and |v| ≤ σ'r on the circle.
			if fn.running[i][j]+fn.running[i][k]-r*r/2 > math.Log(eps)+(a[i]+b[i])/2 {
				return r + dr
			}
		}
	}
	return math.Min(4, most)
}

// transform sets b[k] to E[φ(σz)h_k(z)] and d[k] to E[φ'(σz)h_k(z)], and
// returns E[φ(σz)²] and E[φ'(σz)²]. Either of b and d may be nil. Intervals are
// shorter by the fraction than those that are known to do.
func (fn *Function) transform(
	sigma float64, b, d []float64, fraction float64,
) (square, squareD float64) {
	n := max(len(b), len(d))
	r := fn.cutoff(sigma, sigma, 1e-27)
	x := &side{p: fn.right, scale: sigma}
	x.start(-r)
	// 20 points resolve a phase of 16; that of h_k is at most √k per unit.
	widest := math.Min(2, 16/math.Sqrt(float64(n)+1)) * fraction
	var z, h, previous [4]float64
	for s := -r; s < r; {
		e := advance(s, math.Min(s+widest, r), x, nil, fraction)
		half, mid := (e-s)/2, s+(e-s)/2
		for j := 0; j < gaussPoints; j += 4 {
			var f, df [4]float64
			for i := range 4 {
				t := mid + half*gaussX[j+i]
				w := half * gaussW[j+i] * math.Exp(-t*t/2) * invSqrt2Pi
				v, dv := x.at(t)
				f[i], df[i] = w*v, w*dv
				square += f[i] * v
				squareD += df[i] * dv
				z[i], h[i], previous[i] = t, 1, 0
			}
			for k := range n {
				if k > 0 {
					u, w := up[k], down[k]
					for i := range 4 {
						h[i], previous[i] = u*z[i]*h[i]-w*previous[i], h[i]
					}
				}
				if k < len(b) {
					b[k] += f[0]*h[0] + f[1]*h[1] + (f[2]*h[2] + f[3]*h[3])
				}
				if k < len(d) {
					d[k] += df[0]*h[0] + df[1]*h[1] + (df[2]*h[2] + df[3]*h[3])
				}
			}
		}
		s = e
	}
	return square, squareD
}

// Coeffs returns b_k = E[φ(σz)h_k(z)] for z ~ N(0, 1) and k < n, and a bound on
// the absolute error of each, which is of the order of the tolerance times
// √E[φ(σz)²] or less. Cost: O(n^1.5), 20 ms for n = 1001.
//
// Errors: σ outside [0, MaxStd], n outside [0, MaxCoeffs].
func (fn *Function) Coeffs(sigma float64, n int) (b []float64, bound float64, err error) {
	return fn.coeffs(sigma, n, false)
}

// DerivativeCoeffs is [Function.Coeffs] for φ'. It is an error if φ jumps: φ'
// is then no function.
func (fn *Function) DerivativeCoeffs(sigma float64, n int) (b []float64, bound float64, err error) {
	if len(fn.jumps) > 0 {
		return nil, 0, fmt.Errorf("hermite: φ jumps at %v, so φ' has no coefficients", fn.jumps[0])
	}
	return fn.coeffs(sigma, n, true)
}

func (fn *Function) coeffs(
	sigma float64, n int, derivative bool,
) (b []float64, bound float64, err error) {
	if !(sigma >= 0 && sigma <= fn.maxStd) {
		return nil, 0, fmt.Errorf(
			"hermite: the standard deviation is %v; the function was resolved for [0, %v]", sigma,
			fn.maxStd)
	}
	if n < 0 || n > MaxCoeffs {
		return nil, 0, fmt.Errorf("hermite: %d coefficients asked for; 0 … %d can be had", n,
			MaxCoeffs)
	}
	b = make([]float64, n)
	if n == 0 {
		return b, 0, nil
	}
	if fn.constant(sigma) {
		b[0] = fn.Value(0)
		if derivative {
			b[0] = fn.Derivative(0)
		}
		return b, 0, nil
	}
	again := make([]float64, n)
	var square float64
	if derivative {
		fn.transform(sigma, nil, again, 1)
		_, square = fn.transform(sigma, nil, b, 0.5)
	} else {
		fn.transform(sigma, again, nil, 1)
		square, _ = fn.transform(sigma, b, nil, 0.5)
	}
	for k := range b {
		bound = math.Max(bound, math.Abs(b[k]-again[k]))
	}
	// What quadrature cannot show: φ beyond its range, and its panels.
	rest := 1e-3 * fn.tol
	if derivative && fn.df == nil {
		rest *= 30
	}
	bound += (rest + fn.estimate + 1e-15*math.Sqrt(float64(n))) * math.Sqrt(square)
	if sigma*11 > fn.end {
		bound += fn.tol / 10 * math.Sqrt(square)
	}
	return b, bound, nil
}

// constant reports whether pre-activations of this standard deviation are the
// number 0.
func (fn *Function) constant(sigma float64) bool { return sigma < 1e-150 }

// Dual returns E[φ(u)φ(v)] and E[φ'(u)φ'(v)] for (u, v) normal with mean zero,
// variances q and q2 and covariance k. |k| beyond √(q q2) is taken as that. The
// errors are the tolerance times √(E[φ(u)²]E[φ(v)²]), and likewise for the
// derivative; with df nil that has its own error besides.
//
// The derivative is NaN where φ jumps: E[φ'(u)φ'(v)] is infinite at u = v. A
// pre-activation of variance 0 is the number 0, and φ' there is what
// [Function.Derivative] says, at a kink its value on one side. Both are NaN for
// NaN and for variances outside [0, MaxStd²].
//
// Cost: about 0.1 ms where Mehler's series converges fast, 1 ms where the
// correlation is above 0.9, by quadrature in (u/√q ± v/√q2): there both kinks
// and the difference of the points are resolved at any correlation.
//
// Source: Mehler's formula.
func (fn *Function) Dual(q, k, q2 float64) (value, derivative float64) {
	if !fn.serves(q) || !fn.serves(q2) || math.IsNaN(k) {
		return math.NaN(), math.NaN()
	}
	return fn.dual(newPair(q, k, q2, gauss.Of(q, k, q2).Gap()), pairWork)
}

// DualGap is [Function.Dual] where √(q q2) - |k| is known to be gap, between 0 and √(q q2). It is
// used as it is, so that the derivative, which may change as √gap, is right for the smallest gap.
//
// Quadrature takes at most so many intervals of 20 points, a million (0) being about a second;
// without the tolerance by then both are NaN.
func (fn *Function) DualGap(
	q, k, q2, gap float64, intervals int,
) (value, derivative float64) {
	largest := math.Sqrt(q) * math.Sqrt(q2)
	if !fn.serves(q) || !fn.serves(q2) || math.IsNaN(k) || !(gap >= 0) ||
		!(gap <= largest*(1+1e-15)) {
		return math.NaN(), math.NaN()
	}
	if intervals <= 0 {
		intervals = pairWork
	}
	return fn.dual(newPair(q, k, q2, gap), intervals)
}

// pair is two correlated pre-activations: u = σ(cs + dt), v = ±σ'(cs - dt) for
// independent standard normal s and t, c ≥ d.
type pair struct {
	sigma, sigma2 float64
	rho, c, d     float64 // rho with its sign; c and d of |rho|
	mirrored      bool    // v has the minus sign
}

// newPair returns the pair for which √(q q2) - |k| is gap.
func newPair(q, k, q2, gap float64) pair {
	p := pair{sigma: math.Sqrt(q), sigma2: math.Sqrt(q2), mirrored: k < 0}
	if q == 0 || q2 == 0 {
		p.mirrored = false
		return p
	}
	part := gap / p.sigma / p.sigma2
	if q == q2 {
		part = gap / q
	}
	p.rho = math.Copysign(1-math.Max(0, math.Min(1, part)), k)
	p.c, p.d = math.Sqrt(1-part/2), math.Sqrt(part/2)
	return p
}

// pairWork is how many intervals of 20 points one pair may cost: about a second.
const pairWork = 1_000_000

// seriesUpTo is the correlation up to which Mehler's series is less work than
// quadrature.
const seriesUpTo = 0.9

func (fn *Function) dual(p pair, work int) (value, derivative float64) {
	switch zero, zero2 := fn.constant(p.sigma), fn.constant(p.sigma2); {
	case zero || zero2:
		f, d := fn.mean(p.sigma)
		f2, d2 := fn.mean(p.sigma2)
		value, derivative = f*f2, d*d2
	case math.Abs(p.rho) <= seriesUpTo:
		n := fn.terms(p.rho)
		a := make([]float64, 2*n)
		fn.transform(p.sigma, a[:n], a[n:], 1)
		b := a
		if p.sigma2 != p.sigma {
			b = make([]float64, 2*n)
			fn.transform(p.sigma2, b[:n], b[n:], 1)
		}
		value, derivative = mehler(a[:n], b[:n], p.rho), mehler(a[n:], b[n:], p.rho)
	default:
		value, derivative = fn.quadrature(p, &work)
	}
	if len(fn.jumps) > 0 {
		derivative = math.NaN()
	}
	return value, derivative
}

// mean returns E[φ(σz)] and E[φ'(σz)].
func (fn *Function) mean(sigma float64) (value, derivative float64) {
	if fn.constant(sigma) {
		return fn.Value(0), fn.Derivative(0)
	}
	var b, d [1]float64
	fn.transform(sigma, b[:], d[:], 1)
	return b[0], d[0]
}

// terms returns the number of terms of Mehler's series at the correlation rho:
// the rest is below rho^n √(E[φ(u)²]E[φ(v)²]).
func (fn *Function) terms(rho float64) int {
	rho = math.Abs(rho)
	switch {
	case rho == 0:
		return 1
	case rho >= 1:
		return MaxCoeffs
	}
	n := math.Ceil(math.Log(fn.tol/30) / math.Log(rho))
	return int(math.Max(1, math.Min(n, MaxCoeffs)))
}

// decayed reports whether b has all of the mean square and ends in nothing. The
// end alone does not tell: sin 30z has all its coefficients around k = 900.
func decayed(b []float64, square float64) bool {
	var last, sum float64
	for k, v := range b {
		sum += v * v
		if k >= len(b)-20 {
			last += v * v
		}
	}
	return last <= 1e-28*square && math.Abs(square-sum) <= 1e-12*square
}

// mehler returns Σ a_k b_k ρ^k.
func mehler(a, b []float64, rho float64) (sum float64) {
	b = b[:len(a)]
	for k := len(a) - 1; k >= 0; k-- {
		sum = sum*rho + a[k]*b[k]
	}
	return sum
}

// quadrature returns both duals by integration over s, then t. Along s the
// kinks are where they are; in t the result is smooth at the scale of φ or of
// 1, whichever is less, over d, except where two kinks meet. work is how many
// intervals may be taken; without the tolerance by then the results are NaN.
func (fn *Function) quadrature(p pair, work *int) (value, derivative float64) {
	other := fn.right
	if p.mirrored {
		other = fn.left
	}
	x := &side{p: fn.right, scale: p.sigma * p.c}
	y := &side{p: other, scale: p.sigma2 * p.c}
	r := fn.cutoff(p.sigma, p.sigma2, 1e-3*fn.tol)
	line := func(t float64) (float64, float64) {
		x.shift, y.shift = p.sigma*p.d*t, -p.sigma2*p.d*t
		return along(x, y, math.Sqrt(math.Max(0, r*r-t*t)), work)
	}
	if p.d == 0 {
		return line(0)
	}
	a := &across{line: line, factor: 1, tol: fn.tol, work: work}
	a.scale, a.scaleD = fn.rootMeanSquares(p, r, work)
	from := -r
	if p.sigma == p.sigma2 && !p.mirrored { // exchanging u and v is t → -t
		from, a.factor = 0, 2
	}
	edges := fn.edgesAcross(p, other, from, r)
	for i := 1; i < len(edges); i++ {
		a.panel(edges[i-1], edges[i])
	}
	if !(a.short <= 20*fn.tol) { // an estimate is some twenty times what it loses
		return math.NaN(), math.NaN()
	}
	return a.value, a.derivative
}

// rootMeanSquares returns what errors of the duals are relative to. The lines of the plane
// through 0 with c = 1 have u and v alone.
func (fn *Function) rootMeanSquares(p pair, r float64, work *int) (scale, scaleD float64) {
	u, u2 := &side{p: fn.right, scale: p.sigma}, &side{p: fn.right, scale: p.sigma}
	scale, scaleD = along(u, u2, r, work)
	if p.sigma != p.sigma2 {
		v, v2 := &side{p: fn.right, scale: p.sigma2}, &side{p: fn.right, scale: p.sigma2}
		f, d := along(v, v2, r, work)
		scale, scaleD = math.Sqrt(scale)*math.Sqrt(f), math.Sqrt(scaleD)*math.Sqrt(d)
	}
	if len(fn.jumps) > 0 {
		scaleD = math.Inf(1)
	}
	// A derivative this small is rounding of φ.
	scale = math.Max(scale, negligible*negligible)
	return scale, math.Max(scaleD, 1e-18*scale/p.sigma/p.sigma2)
}

// edgesAcross returns the ends of the panels in t, from the first to r: the lines on which
// kinks of both factors meet, and others so that oscillation is resolved. v is along other.
func (fn *Function) edgesAcross(p pair, other *pieces, from, r float64) []float64 {
	edges := []float64{from, r}
	inside := func(t float64) {
		if t > from && t < r {
			edges = append(edges, t)
		}
	}
	a := slices.Concat(fn.right.breaks, fn.right.features)
	b := slices.Concat(other.breaks, other.features)
	for _, k := range a {
		for _, l := range b {
			inside((k/p.sigma - l/p.sigma2) / (2 * p.d))
		}
	}
	// Oscillation takes equally many panels as it takes along s.
	width := 2.4
	for _, x := range [...]*side{{p: fn.right, scale: p.sigma * p.d},
		{p: other, scale: p.sigma2 * p.d}} {
		width = math.Min(width, x.typicalStep(r))
	}
	n := math.Ceil(r / width)
	for i := 1 - n; i < n; i++ {
		inside(r * i / n)
	}
	slices.Sort(edges)
	return slices.CompactFunc(edges, func(a, b float64) bool { return math.Abs(b-a) < 1e-12 })
}

// across integrates over t what integration along s gives.
type across struct {
	line              func(t float64) (value, derivative float64)
	factor            float64 // 2 where one half of the plane is that of the other
	tol               float64
	scale, scaleD     float64 // that errors are relative to
	work              *int
	value, derivative float64 // the sums so far
	short             float64 // estimated errors of panels that did not reach the tolerance
}

// panel adds the integral from a to b, in halves where one polynomial does not do.
func (x *across) panel(a, b float64) {
	var v, dv [nodes]float64
	h, mid := (b-a)/2, a+(b-a)/2
	for j, g := range chebyshevPoints {
		t := mid + h*g
		w := invSqrt2Pi * math.Exp(-t*t/2)
		f, d := x.line(t)
		v[j], dv[j] = w*f, w*d
	}
	c, cd := chebyshev(&v), chebyshev(&dv)
	rough := (math.Abs(c[nodes-1]) + math.Abs(c[nodes-2])) / x.scale
	roughD := (math.Abs(cd[nodes-1]) + math.Abs(cd[nodes-2])) / x.scaleD
	// The integral of T_15 is a hundredth of its size, and a coefficient
	// that is left out is less than the last that was kept.
	if e := h * math.Max(rough, roughD); !(e <= 0.5*x.tol) {
		if h > 1e-9 && *x.work > 0 {
			x.panel(a, mid)
			x.panel(mid, b)
			return
		}
		x.short += e
	}
	for k := 0; k < nodes; k += 2 {
		x.value += x.factor * h * fejer[k] * c[k]
		x.derivative += x.factor * h * fejer[k] * cd[k]
	}
}

// preparedTerms is the most coefficients that Prepare computes of each of φ
// and φ'.
const preparedTerms = 400

// Prepare returns what [Function.DualPrepared] needs of a pre-activation of
// variance q: its coefficients. Cost: 1 ms, less if φ is smooth. It is nil
// for q outside [0, MaxStd²], and NaN where φ is so small that the polynomials between its kinks
// have lost its digits.
func (fn *Function) Prepare(q float64) []float64 {
	if !fn.serves(q) {
		return nil
	}
	// Energies of φ and φ', of their coefficients left out, and then b and d.
	out := make([]float64, 4+2*preparedTerms)
	b, d := out[4:4+preparedTerms], out[4+preparedTerms:]
	sigma := math.Sqrt(q)
	if fn.constant(sigma) {
		f, df := fn.Value(0), fn.Derivative(0)
		return []float64{f * f, df * df, 0, 0, f, df}
	}
	out[0], out[1] = fn.transform(sigma, b, d, 1)
	if !fn.resolves(sigma, math.Sqrt(out[0])) {
		for i := range out {
			out[i] = math.NaN()
		}
		return out
	}
	// As few as leave nothing that matters, of those computed.
	n := preparedTerms
	var rest, restD float64
	limit := fn.tol * fn.tol / 1e4
	for n > 1 {
		e, eD := rest+b[n-1]*b[n-1], restD+d[n-1]*d[n-1]
		if e > limit*out[0] || (eD > limit*out[1] && len(fn.jumps) == 0) {
			break
		}
		rest, restD = e, eD
		n--
	}
	for i, c := range [][]float64{b, d} {
		if decayed(c, out[i]) {
			out[2+i] = [2]float64{rest, restD}[i] // the difference would be rounding
			continue
		}
		left := out[i]
		for _, v := range c[:n] {
			left -= v * v
		}
		out[2+i] = math.Max(0, left) + 1e-14*out[i]
	}
	copy(out[4+n:], d[:n])
	return out[:4+2*n]
}

// resolves reports whether the polynomials have the digits of f at σz, size being its root mean
// square there: that may be far below what they were made to reach, as of z - sin z near 0.
func (fn *Function) resolves(sigma, size float64) bool {
	limit := math.Max(1e-10, fn.tol) * size
	for _, x := range [...]float64{-1.93, -1.07, -0.53, 0.53, 1.07, 1.93} {
		z := sigma * x
		if math.Abs(z) > fn.end {
			continue
		}
		v, _ := fn.right.panels[fn.right.find(z)].at(z)
		if math.Abs(v-fn.f(z)) > limit && !fn.nearBreak(z) {
			return false
		}
	}
	return true
}

// nearBreak says that rounding may put z on the other side of a kink or jump.
func (fn *Function) nearBreak(z float64) bool {
	for _, b := range fn.right.breaks {
		if math.Abs(z-b) <= 1e-12*math.Max(1, math.Abs(b)) {
			return true
		}
	}
	return false
}

// DualPrepared is [Function.Dual] with what Prepare(q) and Prepare(q2)
// returned, and the gap of [Function.DualGap]: Mehler's series, O(terms), at correlations where
// the coefficients left out are negligible, otherwise quadrature.
func (fn *Function) DualPrepared(
	a []float64, q, k, q2, gap float64, b []float64,
) (value, derivative float64) {
	if len(a) < 6 || len(b) < 6 || math.IsNaN(k+gap+a[0]+b[0]) {
		return math.NaN(), math.NaN()
	}
	p := newPair(q, k, q2, gap)
	na, nb := (len(a)-4)/2, (len(b)-4)/2
	n := min(na, nb)
	jumps := len(fn.jumps) > 0
	rest := math.Pow(math.Abs(p.rho), float64(n))
	small := func(i int) bool {
		// A point whose coefficients end before the other's has the larger rest.
		ra, rb := a[i+2], b[i+2]
		if na > n {
			ra = a[i]
		}
		if nb > n {
			rb = b[i]
		}
		return rest*math.Sqrt(ra)*math.Sqrt(rb) <= fn.tol/10*math.Sqrt(a[i])*math.Sqrt(b[i])
	}
	if !small(0) || !(jumps || small(1)) {
		work := pairWork
		value, derivative = fn.quadrature(p, &work)
	} else {
		m := min(n, fn.terms(p.rho))
		value = mehler(a[4:4+m], b[4:4+m], p.rho)
		derivative = mehler(a[4+na:4+na+m], b[4+nb:4+nb+m], p.rho)
	}
	if jumps {
		derivative = math.NaN()
	}
	return value, derivative
}
