package ntk

import (
	"math"
	"slices"

	"github.com/kernelsmith/kernelsmith/ntk/internal/gauss"
	"github.com/kernelsmith/kernelsmith/ntk/internal/quadrature"
)

// Dualer is an activation that has its dual activations, in closed form or, as
// [Tanh] and those of [Custom], to a tolerance. Its kernels are as exact as these.
type Dualer interface {
	Activation
	// Dual returns E[φ(u)φ(v)] and E[φ'(u)φ'(v)] for (u, v) normal with mean
	// zero, variances q, q2 ≥ 0 and covariance k, |k| ≤ √(q q2).
	Dual(q, k, q2 float64) (value, derivative float64)
}

// preparedDualer is a Dualer that can do once for each input the work that
// concerns one pre-activation alone, as in a Gram matrix.
type preparedDualer interface {
	Dualer
	// Prepare returns what DualPrepared needs to know of a pre-activation of
	// variance q ≥ 0.
	Prepare(q float64) []float64
	// DualPrepared is Dual at the variances that a and b were prepared for.
	DualPrepared(a []float64, q, k, q2 float64, b []float64) (value, derivative float64)
}

// preciseDualer is an activation whose dual makes use of minus and plus.
type preciseDualer interface {
	dualAt(p gauss.Pair) (value, derivative float64)
}

// dropper is an activation that knows √(φ̌(q, q) φ̌(q2, q2)) - φ̌(q, k, q2), which on one
// sphere is φ̌(q, q) - φ̌(q, k), without cancellation where that is small and k > 0.
type dropper interface {
	drop(p gauss.Pair) float64
}

func dualAt(phi Dualer, p gauss.Pair) (value, derivative float64) {
	if d, ok := phi.(preciseDualer); ok {
		return d.dualAt(p)
	}
	return phi.Dual(p.Q, p.K, p.Q2)
}

// knowsDrop says that φ, or what it is a multiple of, is a [dropper] at the pair's variances.
func knowsDrop(phi any, p gauss.Pair) bool {
	switch d := phi.(type) {
	case Erf, SigmoidErf, GELU:
		return p.Q == p.Q2
	case *closedForm:
		return d.same != nil && knowsDrop(d.same, p)
	}
	_, ok := phi.(dropper)
	return ok
}

// dropOf is a [dropper]'s drop.
func dropOf(phi any, p gauss.Pair) float64 {
	if c, ok := phi.(*closedForm); ok {
		return c.scale.a * c.scale.a * dropOf(c.same, p.Affine(c.scale.s*c.scale.s, 0))
	}
	return phi.(dropper).drop(p)
}

// rounding is that of one operation.
const rounding = 0x1p-53

// precision is how far φ's dual activations may be off, relative to equal inputs.
func precision(phi Dualer) float64 {
	if n, ok := phi.(numeric); ok {
		return n.fn.Tolerance()
	}
	return 2 * rounding
}

// sumRounding is how far the dual of φ may be off at variance q if it is a sum of terms in closed
// form, relative to equal inputs; otherwise 0.
func sumRounding(phi Dualer, q float64) float64 {
	switch d := phi.(type) {
	case *closedForm:
		return d.rounding(q)
	case Mimic:
		return d.mixture().Rounding(q)
	}
	return 0
}

// sumPrecision is that of sums of terms of which nothing cancels: what of a gap is known by
// subtraction.
const sumPrecision = 2e-13

// subtraction is how far φ's dual may be off where gaps are by subtraction; rounding is
// [sumRounding].
func subtraction(phi Dualer, rounding float64) float64 {
	if rounding > 0 {
		rounding = max(rounding, sumPrecision)
	}
	return max(precision(phi), rounding)
}

// smallGap is below what part of √(q q') the subtraction of the covariance loses digits that are
// worth knowing.
const smallGap = 2e-3

// layerDual is φ's duals: of a layer at two inputs, or as φ has them.
type layerDual struct {
	r     *recursion
	layer int
	x, y  *layerPoint
	phi   Dualer
}

func (d layerDual) at(p gauss.Pair) (value, derivative float64) {
	if d.r != nil {
		return d.r.dual(d.layer, d.x, p, d.y)
	}
	return dualAt(d.phi, p)
}

func (d layerDual) slope(p gauss.Pair) float64 {
	if d.r != nil {
		if c, ok := d.r.duals[d.layer].(*closedForm); ok {
			return c.slopeAt(p)
		}
	}
	_, slope := d.at(p)
	return slope
}

// precision is that of φ's duals.
func (d layerDual) precision() float64 {
	if d.r != nil {
		return precision(d.r.duals[d.layer])
	}
	return precision(d.phi)
}

// top is φ̇ at k = √(q q'), NaN where it is not at hand.
func (d layerDual) top(p gauss.Pair) float64 {
	if d.r != nil && p.Q == p.Q2 {
		return d.x.slope
	}
	return math.NaN()
}

// gaps completes next, the pair of φ(u) and φ(v) of which the variances, φ̌ at equal inputs, and
// the covariance are known: with Minus, Plus and Difference. It returns what Minus may be off by,
// where 0 stands for its own rounding. dual is φ's.
//
// These are carried to the next layer, since a kernel with a kink goes like the roots of the
// first two, and since the gap of a net in its chaotic phase grows from layer to layer with
// whatever error it has. If not carefully, φ that is no dropper has them by subtraction.
func gaps(
	phi Dualer, p, next gauss.Pair, carefully bool, dual layerDual,
) (_ gauss.Pair, off float64) {
	size, value := gauss.GeometricMean(next.Q, next.Q2), next.K
	eps := math.Max(precision(phi), math.Max(dual.x.rounding, dual.y.rounding))
	next.Minus, next.Plus = math.Max(0, size-value), math.Max(0, size+value)
	if p.Minus == 0 && p.Q == p.Q2 {
		next.Minus = 0
		return next, 0
	}
	knows := knowsDrop(phi, p)
	small := smallGap * size
	if !knows { // an integral costs more, and where φ̌ has all digits there is less to be gained
		small *= max(0.1, min(1, eps/1e-14))
	}
	if !(knows || carefully) || math.Min(next.Minus, next.Plus) > small ||
		p.Q == 0 || p.Q2 == 0 {
		if !carefully {
			eps = math.Max(dual.x.precision, dual.y.precision)
		}
		return next, eps * size
	}
	if p.K < 0 {
		odd, even := parity(phi, math.Sqrt(p.Q), func() (same, mirrored, limit float64) {
			mirrored, _ = dual.at(p.Mirrored())
			return value, mirrored, math.Max(1e-14, 16*eps) * size
		})
		switch {
		case odd && next.Plus < next.Minus:
			next, off = gaps(phi, p.Mirrored(), next.Mirrored(), carefully, dual)
			return next.Mirrored(), off
		case even && next.Minus < next.Plus:
			return gaps(phi, p.Mirrored(), next, carefully, dual)
		}
	}
	switch {
	case next.Minus > small:
		return next, eps * size
	case !knows:
		return fall(phi, p, next, eps, dual)
	}
	next.Minus = math.Max(0, dropOf(phi, p))
	if c, ok := phi.(*closedForm); ok {
		phi, _ = c.same.(Dualer)
	}
	switch phi.(type) {
	case ReLU, TwoSlope: // variances are multiples
		next.Difference = next.Q / p.Q * p.Apart()
	case Sin, Cos: // near 0 these are nearly linear, and the drop a difference
		d := next.RootsApart()
		off = 32 * rounding * (d*d/2 + next.Minus)
	}
	if next.Q != next.Q2 && next.Difference == 0 { // what its rounding is in the next layer
		off += 4 * rounding * math.Abs(next.RootsApart()) * math.Sqrt(size)
	}
	return next, off
}

// parity says whether φ is odd or even: then it is at opposite inputs what it is at equal ones.
// Its values tell at some places and at multiples of std; what it is elsewhere, its duals have
// seen, at a pair and at the pair of u and -v, which must be opposite or the same to a limit.
func parity(
	phi Activation, std float64, duals func() (same, mirrored, limit float64),
) (odd, even bool) {
	odd, even = true, true
	for _, x := range [...]float64{0.31, 0.73, 1.37, 2.19} {
		for _, z := range [...]float64{x, x * std} {
			v, w := phi.Value(z), phi.Value(-z)
			limit := 8 * rounding * math.Max(math.Abs(v), math.Abs(w))
			odd = odd && math.Abs(v+w) <= limit
			even = even && math.Abs(v-w) <= limit
		}
	}
	if odd || even {
		same, mirrored, limit := duals()
		odd = odd && math.Abs(mirrored+same) <= limit
		even = even && math.Abs(mirrored-same) <= limit
	}
	return odd, even
}

// fall is gaps where √(VV') - φ̌ is small, from the way between u and v = u in two steps: along the
// ray to the other's norm, and down from there, where by dφ̌/dk = φ̇ it is ∫ φ̇. φ̌ is off by eps.
func fall(phi Dualer, p, next gauss.Pair, eps float64, dual layerDual) (_ gauss.Pair, off float64) {
	size, s := gauss.GeometricMean(next.Q, next.Q2), gauss.GeometricMean(p.Q, p.Q2)
	var onRay float64 // √(VV') - φ̌ at k = √(q q')
	if p.Q != p.Q2 {
		half, difference, ok := apartOnRay(phi, p)
		if !ok {
			return next, eps * size
		}
		next.Difference = difference
		d := next.RootsApart()
		onRay = math.Max(0, half-d*d/2)
		off = 32 * rounding * half
	}
	// The value at the end of the ray less φ̌ is the same to rounding: what the integral does not
	// see of φ, as waves in inputs far out, is in the difference.
	end := size - onRay
	down, ok := slopes(p, s, dual)
	if !ok || !(math.Abs(down-(end-next.K)) <= math.Max(1e-12, 16*eps)*size+off) {
		down, off = end-next.K, off+eps*size
	}
	next.Minus = math.Max(0, onRay+down)
	return next, off
}

// slopes is ∫ φ̇ from k = s - minus to k = s = √(q q'). φ̇ is analytic in the root of the distance
// from k = s also where φ has kinks: with that as variable a rule does it where the difference of
// φ̌ has lost its digits. Near k = s a polynomial through five values is enough, of which the one
// at k = s itself is known on a sphere. Where rules do not agree φ varies too fast for them.
func slopes(p gauss.Pair, s float64, dual layerDual) (integral float64, ok bool) {
	slope := func(t float64) float64 {
		if y := dual.top(p); t == 0 && !math.IsNaN(y) {
			return y
		}
		gap := p.Minus * t * t
		return dual.slope(gauss.New(p.Q, s-gap, p.Q2, gap, 2*s-gap))
	}
	if p.Minus < 1e-2*s {
		var five, four float64
		for i, t := range shortNodes {
			y := slope(t)
			five += shortWeights[0][i] * y
			four += shortWeights[1][i] * y
		}
		// exact for degrees 6 and 3: off by much less than the difference
		if math.Abs(five-four) <= 1e-9*math.Abs(five) {
			return p.Minus * five, true
		}
	}
	integral, ok = quadrature.TowardsZero(slope, max(1e-9, 16*dual.precision()))
	return p.Minus * integral, ok
}

// shortNodes are those of Lobatto's rule for ∫ 2t f(t) from 0 to 1, shortWeights its weights and
// those of a rule without the node in the middle.
var shortNodes = [...]float64{0, 0.17267316464601143, 0.5, 0.8273268353539886, 1}

var shortWeights = func() (out [2][len(shortNodes)]float64) {
	nodes, weights := quadrature.Legendre(4)
	for rule, without := range [...]int{-1, 2} {
		for i, t := range shortNodes {
			for j, x := range nodes {
				x = (1 + x) / 2
				y := weights[j] * x // 2x times half the weight
				for l, u := range shortNodes {
					if l != i && l != without {
						y *= (x - u) / (t - u)
					}
				}
				if i != without {
					out[rule][i] += y
				}
			}
		}
	}
	return out
}()

// apartOnRay is ½ E[(φ(√q x) - φ(√q2 x))²] and E[φ(√q x)²] - E[φ(√q2 x)²], x standard normal,
// and whether they were found.
func apartOnRay(phi Activation, p gauss.Pair) (half, difference float64, ok bool) {
	if a, closed := atomsOf(phi); closed {
		if half, difference, ok = atomsOnRay(a, p); ok {
			return half, difference, true
		}
	}
	s, s2, gap := math.Sqrt(p.Q), math.Sqrt(p.Q2), p.RootsApart()
	jumps := JumpsOf(phi)
	breaks := slices.Concat(KinksOf(phi), jumps)
	apart := func(x float64) float64 {
		return between(phi, s2*x, s*x, gap*x, breaks, len(jumps) > 0)
	}
	// φ varies at z of any size, so panels get shorter towards 0.
	const reach = 14
	edges := []float64{0}
	for x := float64(reach); x*math.Max(s, s2) > 0.1 || x == reach; x /= 2 {
		edges = append(edges, x, -x)
	}
	for _, z := range breaks {
		for _, x := range [...]float64{z / s, z / s2} {
			if math.Abs(x) < reach {
				edges = append(edges, x)
			}
		}
	}
	mean := func(f func(x float64) float64) float64 {
		sum, found := quadrature.Adaptive(func(x float64) float64 {
			return f(x) * math.Exp(-x*x/2)
		}, edges, 1e-12)
		ok = ok && found
		return sum / math.Sqrt(2*math.Pi)
	}
	ok = true
	half = mean(func(x float64) float64 { d := apart(x); return d * d / 2 })
	difference = mean(func(x float64) float64 {
		return apart(x) * (phi.Value(s*x) + phi.Value(s2*x))
	})
	return half, difference, ok
}

// atomsOnRay is apartOnRay for near norms, by integrals over the way from s' = √q2 to s = √q of
//
//	∂²/∂s∂s' E[φ(s x)φ(s' x)] = E[x² φ'(s x)φ'(s' x)],
//
// a dual of z φ'(z), in closed form however fast φ oscillates, and of d/ds E[φ(s x)²].
func atomsOnRay(phi gauss.Atoms, p gauss.Pair) (half, difference float64, ok bool) {
	prime, jumps := phi.Prime()
	if len(jumps) > 0 {
		return 0, 0, false
	}
	rise := prime.TimesZ(0) // z φ'
	s2, gap := math.Sqrt(p.Q2), p.RootsApart()
	ray := func(a, b float64) gauss.Pair { return gauss.New(a*a, a*b, b*b, 0, 2*a*b) }
	rule := func(n int) (half, difference float64) {
		nodes, weights := quadrature.Legendre(n)
		for i, x := range nodes {
			u := (1 + x) / 2
			a := s2 + gap*u
			difference += weights[i] * phi.Dual(rise, ray(a, a)) / a
			for j, y := range nodes { // the square twice, in triangles where kinks are met at once
				b := s2 + gap*u*(1+y)/2
				half += weights[i] * weights[j] / 4 * u * rise.Dual(rise, ray(a, b)) / (a * b)
			}
		}
		return gap * gap * half, gap * difference
	}
	half, difference = rule(6)
	half4, difference4 := rule(4)
	ok = math.Abs(half-half4) <= 1e-12*half && math.Abs(difference-difference4) <=
		1e-12*math.Abs(difference)
	return half, difference, ok
}

// between is φ(b) - φ(a), gap being b - a: of near numbers the integral of φ', piece by
// piece between the breaks, which has digits where the difference has none.
func between(phi Activation, a, b, gap float64, breaks []float64, jumps bool) float64 {
	if jumps || math.Abs(gap) > 0.05 {
		return phi.Value(b) - phi.Value(a)
	}
	nodes, weights := quadrature.Legendre(6)
	var sum float64
	from := 0. // part of the way
	for i := range len(breaks) + 1 {
		to := 1.
		if i < len(breaks) {
			z := i
			if gap < 0 {
				z = len(breaks) - 1 - i
			}
			to = math.Max(from, math.Min(1, (breaks[z]-a)/gap))
		}
		if !(to > from) {
			continue
		}
		for j, x := range nodes {
			part := from + (to-from)*(1+x)/2
			sum += weights[j] * (to - from) / 2 * phi.Derivative(a+gap*part)
		}
		from = to
	}
	return sum * gap
}
