package ntk

import (
	"fmt"
	"math"
	"math/cmplx"
	"reflect"
	"slices"

	"github.com/kernelsmith/kernelsmith/ntk/hermite"
	"github.com/kernelsmith/kernelsmith/ntk/internal/gauss"
	"github.com/kernelsmith/kernelsmith/ntk/internal/quadrature"
	"github.com/kernelsmith/kernelsmith/ntk/internal/special"
	"gonum.org/v1/gonum/floats"
)

// series returns the coefficients a_0 … a_degree of the NTK if tangent, else of the NNGP kernel, in
// the cosine of inputs of norm √d, by composing the layers' power series.
// No term is negative, so nothing cancels, and the values at c = 0, around which
// each layer is expanded, are those of the kernel itself.
//
// Source: [M22] sec. 3, here for any σ_w, σ_b and depth through expansions around
// the layer's own correlation at c = 0.
func (r *recursion) series(degree int, tangent bool) ([]float64, error) {
	if degree < 0 {
		return nil, fmt.Errorf("ntk: degree is %d; it must be ≥ 0", degree)
	}
	n := degree + 1
	input, err := r.prepare(1)
	if err != nil {
		return nil, err
	}
	points := input.(*netPoint).layers
	w2, b2, trained := r.step(0)
	s, t := make([]float64, n), make([]float64, n)
	s[0] = b2
	if n > 1 {
		s[1] = w2
	}
	if trained {
		copy(t, s)
	}
	at := gauss.New(w2+b2, b2, w2+b2, w2, w2+2*b2) // of two inputs with c = 0
	var known hermiteCache
	for i := range r.duals {
		x := &points[i]
		value, derivative := make([]float64, n), []float64(nil)
		next, slope, _ := r.onSphere(i, x, at)
		start := math.Max(0, next.K)
		if at.Minus <= 1e-300*x.q { // all inputs are one
			value[0] = x.top
			if tangent {
				_, slope = r.dual(i, x, gauss.Equal(x.q), x)
				derivative = make([]float64, n)
				derivative[0] = slope
			}
		} else {
			c, err := r.dualSeries(i, &known, at, x.top, start, slope, n)
			if err != nil {
				return nil, err
			}
			composition := newComposer(s, at.Minus)
			if tangent {
				slopes := make([]float64, n)
				for k := range slopes {
					slopes[k] = float64(k+1) * (c[k+1] / at.Minus)
				}
				derivative = composition.of(slopes)
			}
			value = composition.of(c[:n])
		}
		w2, b2, trained = r.step(i + 1)
		if derivative != nil {
			t = productSeries(t, derivative)
			for k := range t {
				t[k] *= w2
			}
		}
		for k := range s {
			s[k] = w2 * value[k]
		}
		s[0] += b2
		if trained {
			for k := range t {
				t[k] += s[k]
			}
		}
		at = next.Affine(w2, b2)
	}
	if tangent {
		return t, nil
	}
	return s, nil
}

// dualSeries returns c_0 … c_n of φ̌ = Σ c_j ζ^j for layer i, around the
// correlation y0 of the pair at: y = y0 + (1-y0)ζ. All c_j are ≥ 0: with
// u = √q(√y0 w + √(1-y0) a), v the same with a' of correlation ζ with a, they are
// the means over w of the squares of the Hermite coefficients in a. start and
// slope are φ̌ and φ̇ at y0.
//
// Rectified powers have a recurrence. Else the Hermite coefficients at y0 = 0 are
// thinned, if those that count are not too many, and else the mean over w is taken
// by quadrature. What neither reaches is an error.
func (r *recursion) dualSeries(
	i int, known *hermiteCache, at gauss.Pair, top, start, slope float64, n int,
) ([]float64, error) {
	phi, q := r.layers[i].Activation, at.Q
	y0, gap := at.K/q, at.Minus/q
	c, ok := rectifiedSeries(phi, at, n+1)
	if !ok {
		b, whole, err := known.coeffs(phi, math.Sqrt(q), top, y0, gap, n+1)
		if err != nil {
			return nil, err
		}
		if whole {
			for k, v := range b {
				b[k] = v * v
			}
			c = thinned(b, y0, gap, n+1)
		} else if c, err = shiftedSeries(phi, at, start, slope, n+1); err != nil {
			return nil, err
		}
	}
	c[0] = start
	if special.Finite(slope) {
		c[1] = math.Max(0, slope*at.Minus)
	}
	return c, nil
}

// rectifiedSeries is the expansion of the duals that are made of
// M_m = E[relu(u)^m relu(v)^m], M_m' = m² M_{m-1} and M_0' = 1/(2π√(1-ρ²)): with
// ρ = y0 + (1-y0)ζ and r = (1-y0)/(1+y0), the root is a multiple of
// F = ((1-ζ)(1+rζ))^{-1/2}, (k+1)F_{k+1} = (1-r)(k+½)F_k + r k F_{k-1}.
func rectifiedSeries(phi Activation, at gauss.Pair, n int) ([]float64, bool) {
	m, scale, linear := 1, at.Q, 0.0
	switch a := phi.(type) {
	case ReLU:
	case TwoSlope: // by relu(-v) = relu(v) - v
		scale, linear = (a.Positive-a.Negative)*(a.Positive-a.Negative)*at.Q, a.Positive*a.Negative
	case RectifiedMonomial:
		m, scale = a.Degree, math.Pow(at.Q, float64(a.Degree))
	case Step:
		m, scale = 0, 1
	case Sign:
		m, scale = 0, 4
	default:
		return nil, false
	}
	gap := at.Minus / at.Q
	ratio := at.Minus / at.Plus
	c := make([]float64, n)
	f, last := math.Sqrt(ratio)/(2*math.Pi), 0.0
	for k := 0; k+1 < n; k++ {
		c[k+1] = f / float64(k+1)
		x := float64(k)
		f, last = ((1-ratio)*(x+0.5)*f+ratio*x*last)/(x+1), f
	}
	c[0] = at.Supplement() / (2 * math.Pi)
	for i := 1; i <= m; i++ {
		for k := n - 1; k > 0; k-- {
			c[k] = float64(i*i) * gap * c[k-1] / float64(k)
		}
		c[0] = arcCosine(i, at.Supplement())
	}
	for k := range c {
		c[k] *= scale
	}
	c[1] += linear * at.Minus
	return c, true
}

// hermiteCache keeps the last expansion, which deep nets ask for in every layer.
type hermiteCache struct {
	phi   Activation
	sigma float64
	b     []float64
	whole bool // the rest of the coefficients is 0 to rounding
}

// coeffs returns the Hermite coefficients that enter the degrees below n around y0,
// and whether those are all that do.
func (h *hermiteCache) coeffs(
	phi Activation, sigma, top, y0, gap float64, n int,
) (b []float64, whole bool, err error) {
	need := float64(n)
	if y0 > 0 {
		// Degree k enters degree j with the binomial probability of j out of k with
		// success 1 - y0: those with k far over n/(1-y0) do not enter.
		x := need / gap
		need = x + 12*math.Sqrt(x/gap) + 60/gap
	}
	if h.phi == nil || h.sigma != sigma || !reflect.TypeOf(phi).Comparable() || h.phi != phi {
		*h = hermiteCache{phi: phi, sigma: sigma}
	}
	// In closed form the quadrature over w costs less than many coefficients.
	_, cheap := phi.(closed)
	most := float64(maxHermite)
	if cheap && y0 > 0 {
		most = float64(max(4096, 2*n))
	}
	least := max(256, n)
	if series, ok := phi.(hermite.Series); ok { // all of it, and zeros
		least = max(least, len(series.Coeffs())*6/5)
	}
	for {
		if k := float64(len(h.b)); h.whole || k >= need {
			return slices.Clone(h.b[:int(math.Min(k, math.Ceil(need)))]), true, nil
		} else if k >= most {
			return nil, false, nil
		}
		terms := int(math.Min(most, math.Ceil(math.Min(need, float64(max(least, 4*len(h.b)))))))
		if h.b, err = HermiteCoeffs(phi, sigma, terms); err != nil {
			if cheap && y0 > 0 { // a wave too fast for them may not be for those in a
				h.b = nil
				return nil, false, nil
			}
			return nil, false, err
		}
		h.whole = ended(h.b, top)
	}
}

// ended says whether the squares b_k² and k b_k² of a function with E[φ²] = top
// have ended: nearly all is there, and the last tenth has nothing. Powers of k do
// not pass.
func ended(b []float64, top float64) bool {
	var square, slope, last float64
	for k, v := range b {
		square += v * v
		slope += float64(k) * v * v
		if k >= len(b)-len(b)/10 {
			last += float64(k) * v * v
		}
	}
	return math.Abs(square-top) <= 1e-9*top && last <= 1e-19*slope
}

// shiftedSeries takes the mean over w of dualSeries by quadrature. Where a kink is
// within reach of a the intervals follow the oscillations of the coefficients, and
// else φ; finer ones are taken until they agree and c_0 and c_1 are the known values.
func shiftedSeries(phi Activation, at gauss.Pair, start, slope float64, n int) ([]float64, error) {
	y0, gap := at.K/at.Q, at.Minus/at.Q
	common, own := math.Sqrt(at.K), math.Sqrt(at.Minus)
	breaks := slices.Concat(KinksOf(phi), JumpsOf(phi))
	inner, err := shiftedCoeffs(phi, math.Sqrt(at.Q), own, n)
	if err != nil {
		return nil, err
	}
	tolerance := 1e-12
	if a, ok := phi.(resolver); ok {
		tolerance = math.Max(tolerance, 4*a.function().Tolerance())
	}
	const reach = 11
	nodes, weights := quadrature.Legendre(panelNodes)
	widest := 0.25
	if a, ok := phi.(closed); ok {
		for _, wave := range a.atoms().Waves { // squares have twice the frequency
			widest = math.Min(widest, 8/(common*cmplx.Abs(wave.Beta)))
		}
	}
	var last []float64
	fine := 8 / (math.Sqrt(float64(n)) + 6) * own / common
	for coarse := widest; coarse > widest/32; coarse /= 2 {
		c := make([]float64, n)
		for w := -float64(reach); w < reach; {
			e := math.Min(w+coarse, reach)
			for _, z := range breaks {
				from, to := (z-20*own)/common, (z+20*own)/common
				if w < from {
					e = math.Min(e, from)
				} else if w < to {
					e = math.Min(e, w+fine)
				}
			}
			if e < w+1e-12 {
				e = w + 1e-12
			}
			for j, x := range nodes {
				z := (w+e)/2 + (e-w)/2*x
				weight := (e - w) / 2 * weights[j] * special.NormalDensity(z)
				for k, v := range inner(common * z) {
					c[k] += weight * v * v
				}
			}
			w = e
		}
		agree, size := last != nil, floats.Sum(c[1:])
		for k := range last {
			agree = agree && math.Abs(c[k]-last[k]) <= 1e-12*(c[k]+size)
		}
		last = c
		if agree && math.Abs(c[0]-start) <= tolerance*start &&
			(!special.Finite(slope) ||
				math.Abs(c[1]-slope*at.Minus) <= 1e3*tolerance*slope*at.Minus) {
			return c, nil
		}
	}
	return nil, fmt.Errorf(
		"ntk: the series of the dual of %s around the correlation %v (1 less %.3g) takes more "+
			"than %d Hermite coefficients and does not converge by quadrature",
		nameOf(phi),
		y0,
		gap,
		maxHermite,
	)
}

// shiftedCoeffs returns the function t ↦ E[φ(t + s a) h_k(a)], k < n.
func shiftedCoeffs(phi Activation, sigma, s float64, n int) (func(t float64) []float64, error) {
	if phi, ok := phi.(closed); ok {
		all := phi.atoms()
		return func(t float64) []float64 {
			a := all.Of(s, t)
			// Gates that no a reaches, where the recurrences overflow.
			for i, g := range a.Gates {
				if x := g.B / math.Hypot(1, g.Tau); math.Abs(x) > 20 {
					if x < 0 {
						a.Waves = append(a.Waves, gauss.Wave{C: complex(g.C, 0), M: g.M})
					}
					a.Gates[i].C = 0
				}
			}
			return a.Merged().Coeffs(1, n)
		}, nil
	}
	fn, err := functionOf(phi, sigma)
	if err != nil {
		return nil, err
	}
	unit, err := panelUnit(fn, sigma)
	if err != nil {
		return nil, err
	}
	return func(t float64) []float64 { return panelCoeffs(fn, s, t, unit, n) }, nil
}

// binomialProbability is the probability of k successes out of n, each of
// probability p = 1 - q, to a few roundings for any n.
//
// Source: Loader, "Fast and accurate computation of binomial probabilities", 2000.
func binomialProbability(k, n int, p, q float64) float64 {
	x, m := float64(k), float64(n)
	power := func(p, q float64) float64 { // p^n
		if q < 0.5 {
			return math.Exp(m * math.Log1p(-q))
		}
		return math.Exp(m * math.Log(p))
	}
	switch k {
	case 0:
		return power(q, p)
	case n:
		return power(p, q)
	}
	e := stirlingRest(n) - stirlingRest(k) - stirlingRest(n-k) - deviance(x,
		m*p) - deviance(m-x, m*q)
	return math.Exp(e) * math.Sqrt(m/(2*math.Pi*x*(m-x)))
}

// poissonProbability is e^{-s} s^k/k!; see [binomialProbability].
func poissonProbability(k int, s float64) float64 {
	if k == 0 {
		return math.Exp(-s)
	}
	x := float64(k)
	return math.Exp(-stirlingRest(k)-deviance(x, s)) / math.Sqrt(2*math.Pi*x)
}

// stirlingRest is log n! less Stirling's formula.
func stirlingRest(n int) float64 {
	x := float64(n)
	if n < 16 {
		lg, _ := math.Lgamma(x + 1)
		return lg - (x+0.5)*math.Log(x) + x - math.Log(2*math.Pi)/2
	}
	y := 1 / (x * x)
	return (1./12 - y*(1./360-y*(1./1260-y*(1./1680-y/1188)))) / x
}

// deviance is x log(x/m) + m - x, which cancels near x = m.
func deviance(x, m float64) float64 {
	if d := x - m; math.Abs(d) < 0.1*(x+m) {
		v := d / (x + m)
		sum, term := d*v, 2*x*v
		for j := 3; ; j += 2 {
			term *= v * v
			next := sum + term/float64(j)
			if next == sum {
				return sum
			}
			sum = next
		}
	}
	return x*math.Log(x/m) + m - x
}

// composer holds ζ^0 … ζ^m of ζ = (y - y_0)/(1 - y_0), m about √n: by these a
// composition needs 2√n products of series instead of n.
//
// Source: Brent, Kung, "Fast algorithms for manipulating formal power series",
// J. ACM 25 (1978).
type composer struct {
	powers [][]float64
}

// newComposer takes the y_k, k > 0, and 1 - y_0 apart, in any unit.
func newComposer(y []float64, gap float64) composer {
	n := len(y)
	zeta := make([]float64, n)
	for k := 1; k < n; k++ {
		zeta[k] = y[k] / gap
	}
	one := make([]float64, n)
	one[0] = 1
	m := int(math.Ceil(math.Sqrt(float64(n))))
	c := composer{[][]float64{one}}
	for i := range m {
		c.powers = append(c.powers, productSeries(c.powers[i], zeta))
	}
	return c
}

// of returns Σ outer_j ζ^j.
func (c composer) of(outer []float64) []float64 {
	m := len(c.powers) - 1
	n := len(c.powers[0])
	sum := make([]float64, n)
	for block := (min(len(outer), n) + m - 1) / m; block >= 0; block-- {
		if block*m >= len(outer) {
			continue
		}
		sum = productSeries(sum, c.powers[m])
		for i, v := range outer[block*m : min(len(outer), (block+1)*m)] {
			if v == 0 {
				continue
			}
			for k, p := range c.powers[i] {
				sum[k] += v * p
			}
		}
	}
	return sum
}

// productSeries is the Cauchy product, to the length of a.
func productSeries(a, b []float64) []float64 {
	out := make([]float64, len(a))
	for i, v := range a {
		if v == 0 {
			continue
		}
		sum := out[i:]
		for j, w := range b[:min(len(b), len(sum))] {
			sum[j] += v * w
		}
	}
	return out
}
