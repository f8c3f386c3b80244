package inverse

import (
	"fmt"
	"math"
	"slices"
	"sort"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/hermite"
	"github.com/kernelsmith/kernelsmith/ntk/internal/gauss"
	"github.com/kernelsmith/kernelsmith/ntk/internal/quadrature"
	"github.com/kernelsmith/kernelsmith/ntk/internal/special"
	"gonum.org/v1/gonum/integrate/quad"
)

// FiniteWidthVariance returns N · Var[Θ_N], the variance over initialisations of
// the empirical NTK of a one-hidden-layer net of width N, times N, for a pair of
// inputs whose pre-activations have variances q, q2 and covariance k (on the
// sphere and with hidden σ_w = 1, σ_b = 0: 1, c, 1), and readout weights N(0, 1)
// without bias. Its root over √N is by how much one net's kernel is off.
//
// For a [hermite.Series] the expectations are sums, exact but for rounding, to
// degree 170. For others they are Gauss-Legendre panels between the kinks and
// jumps of φ and φ', found by bisection, to about 1e-8 of E[Θ²]; the cost is
// then some 10 to 200 ms.
//
// It reports variances and covariances that no pair has, values too large for
// double precision, functions that vary too fast for the panels, and with an
// [*InfiniteNTKError] those that tell of a jump.
//
// Source: with products at (u, v), E[(φφ)²] + 2k E[φφ·φ'φ'] + 3k² E[(φ'φ')²] - Θ², by
// E[w⁴] = 3 of the readout's weights; it is N times the variance whose root [SAD22]
// fig. 1 shows.
func FiniteWidthVariance(phi ntk.Activation, q, k, q2 float64) (float64, error) {
	limit := gauss.GeometricMean(q, q2)
	if !(q >= 0 && q2 >= 0 && math.Abs(k) <= limit*(1+boundary)) || math.IsInf(limit, 0) {
		return 0, &ntk.DomainError{Q: q, K: k, Q2: q2,
			Reason: "variances are finite and ≥ 0, and |k| is at most √(q q')"}
	}
	if phi == nil {
		return 0, fmt.Errorf("inverse: no activation")
	}
	if _, err := ntk.Values(phi, nil); err != nil {
		return 0, err
	}
	if jumps := ntk.JumpsOf(phi); len(jumps) > 0 {
		return 0, &ntk.InfiniteNTKError{Layer: 1, Activation: nameOf(phi), Jump: jumps[0]}
	}
	var m unitMoments
	var err error
	if series, ok := phi.(hermite.Series); ok {
		m, err = seriesMoments(series, q, k, q2)
	} else {
		m, err = panelMoments(phi, q, k, q2)
	}
	if err != nil {
		return 0, err
	}
	v := m.variance(k, 1)
	if !special.Finite(v) {
		return 0, &ntk.DomainError{Q: q, K: k, Q2: q2, Reason: notFinite}
	}
	return v, nil
}

// boundary is by how much rounding may carry |k| over √(q q').
const boundary = 1e-12

const notFinite = "the variance is too large for double precision there: smaller standard " +
	"deviations, parameters or inputs are needed"

// unitMoments are those of products at (u, v): of φ², of φφ', of φ'², and of φ
// and φ' alone.
type unitMoments [5]float64

// variance is that of φφ + τ w² k φ'φ' over units, w ~ N(0, 1): N times the
// variance of the NTK for τ = 1, of the NNGP kernel for τ = 0.
func (m unitMoments) variance(k, tau float64) float64 {
	mean := m[3] + tau*k*m[4]
	return math.Max(0, m[0]+2*tau*k*m[1]+3*tau*tau*k*k*m[2]-mean*mean)
}

// unitProducts are the functions whose moments are wanted.
func unitProducts(value, derivative float64) [5]float64 {
	return [5]float64{value * value, value * derivative, derivative * derivative, value, derivative}
}

// mostMoments is the degree from which weights of the quadrature underflow
// where the integrand does not.
const mostMoments = 170

// hermiteRule has the nodes and weights that are exact for φ² times h_k, k up to
// the degree of φ².
type hermiteRule struct {
	z, w []float64
	h    [][]float64 // h[i][k] = h_k(z_i)
}

func newHermiteRule(degree int) (*hermiteRule, error) {
	if degree > mostMoments {
		return nil, fmt.Errorf(
			"inverse: the finite-width variance of a polynomial of degree %d is not computed; "+
				"%d is "+
				"the highest",
			degree,
			mostMoments,
		)
	}
	n := 2*degree + 1
	g := &hermiteRule{make([]float64, n), make([]float64, n), make([][]float64, n)}
	quad.Hermite{}.FixedLocations(g.z, g.w, math.Inf(-1), math.Inf(1))
	for i := range g.z {
		g.z[i] *= math.Sqrt2
		g.w[i] /= math.Sqrt(math.Pi)
		g.h[i] = make([]float64, n)
		hermite.Polynomials(g.h[i], g.z[i])
	}
	return g, nil
}

// coeffs are the Hermite coefficients of the five products, value and
// derivative of φ being given at the nodes.
func (g *hermiteRule) coeffs(value, derivative []float64) (out [5][]float64) {
	for f := range out {
		out[f] = make([]float64, len(g.z))
	}
	for i, w := range g.w {
		if w == 0 {
			continue
		}
		p := unitProducts(value[i], derivative[i])
		for f := range out {
			t := w * p[f]
			for k, h := range g.h[i] {
				out[f][k] += t * h
			}
		}
	}
	return out
}

// momentsAt sums Σ_k a_k b_k ρ^k for each product.
func momentsAt(a, b [5][]float64, rho float64) (m unitMoments) {
	for f := range m {
		for k := len(a[f]) - 1; k >= 0; k-- {
			m[f] = m[f]*rho + a[f][k]*b[f][k]
		}
	}
	return m
}

func seriesMoments(phi hermite.Series, q, k, q2 float64) (unitMoments, error) {
	g, err := newHermiteRule(max(0, len(phi.Coeffs())-1))
	if err != nil {
		return unitMoments{}, err
	}
	at := func(q float64) [5][]float64 {
		value, derivative := make([]float64, len(g.z)), make([]float64, len(g.z))
		for i, z := range g.z {
			value[i], derivative[i] = phi.Value(math.Sqrt(q)*z), phi.Derivative(math.Sqrt(q)*z)
		}
		return g.coeffs(value, derivative)
	}
	a := at(q)
	b := a
	if q2 != q {
		b = at(q2)
	}
	var rho float64
	if l := gauss.GeometricMean(q, q2); l > 0 {
		rho = math.Max(-1, math.Min(1, k/l))
	}
	return momentsAt(a, b, rho), nil
}

const (
	panelReach = 12.0 // standard deviations beyond which nothing is left
	panelNodes = 16
)

// integrate integrates f against N(0, 1) over ±panelReach, in panels of at most the
// width, with breaks at the given places too.
func integrate(
	width float64, breaks []float64, f func(z float64) [5]float64,
) (sum [5]float64) {
	edges := []float64{-panelReach, panelReach}
	for _, b := range breaks {
		if math.Abs(b) < panelReach {
			edges = append(edges, b)
		}
	}
	slices.Sort(edges)
	nodes, weights := quadrature.Legendre(panelNodes)
	for i := 1; i < len(edges); i++ {
		n := math.Ceil((edges[i] - edges[i-1]) / width)
		half := (edges[i] - edges[i-1]) / n / 2
		for j := range int(n) {
			middle := edges[i-1] + half*float64(2*j+1)
			for l, x := range nodes {
				z := middle + half*x
				weight := weights[l] * half * math.Exp(-z*z/2) / math.Sqrt(2*math.Pi)
				if weight == 0 {
					continue
				}
				for m, v := range f(z) {
					sum[m] += weight * v
				}
			}
		}
	}
	return sum
}

// breaksOf finds where φ or φ' jumps within ±far: intervals in which the change
// does not shrink as they are halved.
func breaksOf(phi ntk.Activation, far float64) []float64 {
	var out []float64
	const cells = 4096
	change := func(a, b float64) float64 {
		return math.Abs(phi.Derivative(b)-phi.Derivative(a)) + math.Abs(phi.Value(b)-phi.Value(a))
	}
	for i := range cells {
		// Off centre, so that a kink at a round number is inside a cell.
		a := far * (2*(float64(i)-0.382)/cells - 1)
		b := a + 2*far/cells
		first := change(a, b)
		if first == 0 {
			continue
		}
		for n := range 50 {
			m := (a + b) / 2
			if change(a, m) > change(m, b) {
				b = m
			} else {
				a = m
			}
			if n == 8 && change(a, b) < first/16 {
				break
			}
			if m == a && m == b || n == 49 || b-a < 1e-15*far {
				if change(a, b) > first/16 {
					out = append(out, (a+b)/2)
				}
				break
			}
		}
	}
	return out
}

func panelMoments(phi ntk.Activation, q, k, q2 float64) (unitMoments, error) {
	at := func(z float64) [5]float64 { return unitProducts(phi.Value(z), phi.Derivative(z)) }
	s, s2 := math.Sqrt(q), math.Sqrt(q2)
	kinks := bendsOf(phi, math.Max(1e-6, panelReach*math.Max(s, s2)))
	over := func(s float64) []float64 {
		out := make([]float64, len(kinks))
		for i, b := range kinks {
			out[i] = b / s
		}
		return out
	}
	// Both at once: u = σz and v = ±σ'z.
	together := func(width, sign float64) [5]float64 {
		return integrate(width, append(over(s), over(sign*s2)...), func(z float64) [5]float64 {
			a, b := at(s*z), at(sign*s2*z)
			for i := range a {
				a[i] *= b[i]
			}
			return a
		})
	}
	if q == 0 || q2 == 0 {
		one := func(q float64) [5]float64 {
			if q == 0 {
				return at(0)
			}
			return integrate(0.25, over(math.Sqrt(q)),
				func(z float64) [5]float64 { return at(math.Sqrt(q) * z) })
		}
		a, b := one(q), one(q2)
		for i := range a {
			a[i] *= b[i]
		}
		return a, nil
	}
	width, err := convergedWidth(phi, s, s2, func(width float64) [5]float64 {
		return together(width, 1)
	})
	if err != nil {
		return unitMoments{}, err
	}
	rho := k / s / s2
	r := math.Sqrt(math.Max(0, (s*s2-k)*(s*s2+k))) / (s * s2)
	if r < 1e-7 {
		return together(width/2, math.Copysign(1, rho)), nil
	}
	breaks := over(s)
	for _, b := range over(s2) {
		// Where v crosses a kink the inner integral bends within a distance r/ρ.
		if rho != 0 {
			breaks = append(breaks, b/rho)
			for t := r / math.Abs(rho); t < 2*panelReach; t *= 3 {
				breaks = append(breaks, b/rho-t, b/rho+t)
			}
		}
	}
	sort.Float64s(breaks)
	inner := over(s2)
	shifted := make([]float64, len(inner))
	return integrate(width, breaks, func(z float64) [5]float64 {
		for i, b := range inner {
			shifted[i] = (b - rho*z) / r
		}
		a := at(s * z)
		b := integrate(math.Min(1, width/r), shifted,
			func(y float64) [5]float64 { return at(s2 * (rho*z + r*y)) })
		for i := range a {
			a[i] *= b[i]
		}
		return a
	}), nil
}

// bendsOf returns where φ has a kink or a jump, said or found within the reach.
func bendsOf(phi ntk.Activation, reach float64) []float64 {
	kinks := slices.Concat(ntk.KinksOf(phi), ntk.JumpsOf(phi))
	for _, b := range breaksOf(phi, reach) {
		if !slices.ContainsFunc(
			kinks, func(k float64) bool { return math.Abs(k-b) < 1e-9*(1+math.Abs(b)) },
		) {
			kinks = append(kinks, b)
		}
	}
	return kinks
}

// convergedWidth returns the width of panels at which the hardest of all pairs, u with
// itself, has converged. together integrates that pair by panels of a width; s and s2 are the
// standard deviations of the two pre-activations.
func convergedWidth(
	phi ntk.Activation, s, s2 float64, together func(width float64) [5]float64,
) (float64, error) {
	at := func(z float64) [5]float64 { return unitProducts(phi.Value(z), phi.Derivative(z)) }
	width := 1.0
	last := together(width)
	for {
		next := together(width / 2)
		var off float64
		for i := range next {
			off = math.Max(off,
				math.Abs(next[i]-last[i])/math.Max(math.Abs(next[i]), math.SmallestNonzeroFloat64))
		}
		// A standard deviation of what is beyond the last point must be nothing.
		for _, z := range []float64{-panelReach, panelReach} {
			for i, v := range at(s * z) {
				v *= at(s2 * z)[i]
				if v != 0 {
					off = math.Max(off, math.Abs(v*math.Exp(-z*z/2)/next[i]))
				}
			}
		}
		if off <= 1e-9 {
			break
		}
		if width /= 2; width < 1./64 || math.IsNaN(off) {
			return 0, fmt.Errorf(
				"inverse: the finite-width variance of %s did not converge: it varies too fast, "+
					"or "+
					"grows too much, within %g standard deviations",
				nameOf(phi), panelReach,
			)
		}
		last = next
	}
	return width, nil
}
