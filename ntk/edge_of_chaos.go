package ntk

import (
	"fmt"
	"math"

	"github.com/kernelsmith/kernelsmith/ntk/internal/gauss"
	"github.com/kernelsmith/kernelsmith/ntk/internal/special"
)

// The phases of a deep net.
const (
	ordered = "ordered"
	edge    = "edge of chaos"
	chaotic = "chaotic"
)

// MeanField is what many equal layers of a wide net do to the variance of its
// pre-activations and to the correlation of two inputs.
type MeanField struct {
	// Variance is the fixed point q* of V(q) = σ_w² φ̌(q, q, q) + σ_b² that the
	// iteration from q = 1 reaches. There may be others, which other inputs reach.
	Variance float64
	// Slope is χ_1 = σ_w² φ̇(q*, q*, q*), by which a small angle's square grows in a
	// layer; 1 is the edge of chaos. At q* = 0 it is the limit from above.
	Slope float64
	// Phase says what depth does to the angle between two inputs: "ordered", inputs become
	// equal; "chaotic", near inputs are driven apart; "edge of chaos", angles change slowest,
	// like a power of the depth.
	Phase string
	// Correlation is the fixed point c* that correlations go to, 1 in the ordered
	// phase, and CorrelationSlope the map's slope there.
	Correlation, CorrelationSlope float64
	// VarianceDepth and CorrelationDepth are the depth scales, in layers, over which
	// a deviation of the variance from q* and of the correlation from c* falls by a
	// factor e: -1/ln|slope|. On the edge the latter is +Inf, and so is the former
	// where V is the identity near q*, as for ReLU with σ_w = √2, σ_b = 0.
	VarianceDepth, CorrelationDepth float64
}

// String says what depth does, in a line.
func (m MeanField) String() string {
	return fmt.Sprintf("%s: q* = %.3g, χ₁ = %.3g, c* = %.3g; depth scales in layers: %.3g of the "+
		"variance, %.3g of the correlation", m.Phase, m.Variance, m.Slope, m.Correlation,
		m.VarianceDepth, m.CorrelationDepth)
}

// NoFixedPointError reports a net whose variances grow over its layers, without
// bound or beyond the range of a numeric activation.
type NoFixedPointError struct {
	Layer    int     // reached
	Variance float64 // of its pre-activations
	Max      float64 // the range; math.MaxFloat64 where the activation sets none
}

// Error implements error.
func (e *NoFixedPointError) Error() string {
	bound := ""
	if e.Max < math.MaxFloat64 {
		bound = fmt.Sprintf(" within the range of the activation, %.4g", e.Max)
	}
	return fmt.Sprintf(
		"ntk: no fixed point%s: after %d layers the variance is %.4g and grows; a smaller σ_w "+
			"is needed",
		bound,
		e.Layer,
		e.Variance,
	)
}

// edgeWidth is how far χ_1 may be from 1 on the edge of chaos.
const edgeWidth = 1e-9

// layerMap is what one layer does to the variance and to near inputs.
type layerMap struct {
	dual   Dualer
	b2     float64
	max    float64 // variance that the activation serves
	noise  float64 // of a dual, relative
	weight float64 // σ_w²
}

func newLayerMap(phi Activation, weightStd, biasStd float64) (*layerMap, error) {
	net, err := UniformFCN(1, phi, weightStd, biasStd)
	if err != nil {
		return nil, err
	}
	r, err := net.recursion(2, true)
	if err != nil {
		return nil, err
	}
	m := &layerMap{
		r.duals[0],
		biasStd * biasStd,
		math.MaxFloat64,
		1e-14 + 10*r.tolerance,
		weightStd * weightStd,
	}
	if n, ok := m.dual.(numeric); ok {
		m.max = n.maxVariance()
	}
	return m, nil
}

// diagonal is φ̌(q, q, q) and φ̇(q, q, q).
func (l *layerMap) diagonal(q float64) (value, derivative float64) {
	return dualAt(l.dual, gauss.Equal(q))
}

// next is V(q).
func (l *layerMap) next(q float64) float64 {
	v, _ := l.diagonal(q)
	return l.weight*v + l.b2
}

// tiny stands for the limit q → 0 in φ̇, which at 0 itself knows one side of a kink.
const tiny = 1e-24

// MeanFieldOf returns the fixed points, depth scales and phase of layers with this
// activation, σ_w and σ_b. Variances that grow without bound, or beyond what a
// numeric activation was built for, are a [*NoFixedPointError], an activation that
// jumps an [*InfiniteNTKError] (χ_1 would be infinite: such nets are chaotic).
//
// Source: [P16] eq. 3-7; [S17] eq. 4-9 for the depth scales.
func MeanFieldOf(phi Activation, weightStd, biasStd float64) (*MeanField, error) {
	layer, err := newLayerMap(phi, weightStd, biasStd)
	if err != nil {
		return nil, err
	}
	return layer.meanField()
}

func (l *layerMap) meanField() (*MeanField, error) {
	q, err := l.fixedPoint()
	if err != nil {
		return nil, err
	}
	m := &MeanField{Variance: q}
	_, m.Slope = l.diagonal(math.Max(q, tiny))
	m.Slope *= l.weight
	if !special.Finite(m.Slope) {
		return nil, l.grows()
	}
	h := 1e-4 * math.Max(q, 1e-8)
	up, down := math.Min(q+h, l.max), math.Max(0, q-h)
	m.VarianceDepth = depthScale((l.next(up) - l.next(down)) / (up - down))
	m.Phase = ordered
	switch {
	case math.Abs(m.Slope-1) <= edgeWidth:
		m.Phase = edge
	case m.Slope > 1:
		m.Phase = chaotic
	}
	m.Correlation, m.CorrelationSlope = 1, m.Slope
	if m.Phase == chaotic && q > 0 {
		// The correlation map is convex on [0, 1] with M(0) ≥ 0 and, its slope at 1
		// being over 1, lies below the diagonal there: one fixed point is below 1.
		above := func(c float64) float64 {
			v, _ := dualAt(l.dual, gauss.New(q, q*c, q, q*(1-c), q*(1+c)))
			return (l.weight*v+l.b2)/q - c
		}
		m.Correlation = 0
		if above(0) > 0 {
			m.Correlation = crossing(above, 0, 1-1e-12)
		}
		_, slope := dualAt(l.dual,
			gauss.New(q, q*m.Correlation, q, q*(1-m.Correlation), q*(1+m.Correlation)))
		m.CorrelationSlope = l.weight * slope
	}
	m.CorrelationDepth = depthScale(m.CorrelationSlope)
	if m.Phase == edge {
		m.CorrelationDepth = math.Inf(1)
	}
	return m, nil
}

func depthScale(slope float64) float64 {
	slope = math.Abs(slope)
	if slope >= 1-edgeWidth && slope <= 1+1e-6 {
		return math.Inf(1)
	}
	return -1 / math.Log(slope)
}

// fixedPoint is what the iteration of V from 1 goes to. Near the edge that takes
// layers without number; so after some it is the first place, in the direction that
// the variance then moves in, where V crosses the diagonal. A crossing shows where V(q)
// differs from q by more than rounding.
func (l *layerMap) fixedPoint() (float64, error) {
	q := math.Min(1, l.max)
	for range 30 {
		v := l.next(q)
		if math.Abs(v-q) <= 4e-16*q {
			return v, nil
		}
		if !(v <= l.max && v < maxVariance) {
			return 0, l.grows()
		}
		q = v
	}
	gap := func(q float64) float64 { return l.next(q) - q }
	from, g := q, gap(q)
	if math.Abs(g) <= l.noise*q {
		return q + g, nil
	}
	step := math.Abs(g)
	if g < 0 {
		if l.next(0) > 0 { // so there is one
			for lo := q; lo > 0; step *= 1.5 {
				if lo = q - step; lo <= 0 {
					lo = 0
				}
				if gap(lo) > 0 {
					return crossing(gap, lo, q), nil
				}
				q = lo
			}
		}
		floor := 1e-20
		if _, slope := l.diagonal(tiny); l.weight*slope <= 1+edgeWidth {
			floor = 1e-8 // below, a crossing is of the size of edgeWidth or rounding
		}
		for q > floor {
			lo := math.Max(q-step, q/2)
			if v := gap(lo); v > l.noise*lo {
				return crossing(gap, lo, from), nil
			} else if v < -l.noise*lo {
				from = lo
			}
			q, step = lo, step*1.5
		}
		return 0, nil
	}
	for q < l.max && q < maxVariance {
		hi := math.Min(q+step, l.max)
		if v := gap(hi); v < -l.noise*hi {
			return crossing(gap, from, hi), nil
		} else if v > l.noise*hi {
			from = hi
		} else if !special.Finite(v) {
			break
		}
		q, step = hi, step*1.5
	}
	return 0, l.grows()
}

// grows follows the variance from 1 as far as it can, or for a thousand layers.
func (l *layerMap) grows() error {
	e := &NoFixedPointError{1, math.Min(1, l.max), l.max}
	for e.Layer < 1000 && e.Variance <= l.max && e.Variance < maxVariance {
		e.Variance = l.next(e.Variance)
		e.Layer++
	}
	return e
}

// crossing is where f changes sign between a and b.
//
// Source: Chandrupatla, "A new hybrid quadratic/bisection algorithm for finding the
// zero of a nonlinear function without using derivatives", Adv. Eng. Softw. 28 (1997).
func crossing(f func(float64) float64, a, b float64) float64 {
	fa, fb := f(a), f(b)
	var c, fc float64
	t := 0.5
	for range 200 {
		x := a + t*(b-a)
		fx := f(x)
		if (fx > 0) == (fa > 0) {
			c, fc = a, fa
		} else {
			c, b, fc, fb = b, a, fb, fa
		}
		a, fa = x, fx
		best, fbest := a, fa
		if math.Abs(fb) < math.Abs(fa) {
			best, fbest = b, fb
		}
		near := 2.3e-16 * math.Abs(best) / math.Abs(b-c)
		if near > 0.5 || fbest == 0 || math.IsNaN(fx) {
			return best
		}
		xi, phi := (a-b)/(c-b), (fa-fb)/(fc-fb)
		t = 0.5
		if phi*phi < xi && (1-phi)*(1-phi) < 1-xi {
			t = fa/(fb-fa)*fc/(fb-fc) + (c-a)/(b-a)*fa/(fc-fa)*fb/(fc-fb)
		}
		t = math.Min(1-near, math.Max(near, t))
	}
	return a
}

// CriticalWeightStd returns the σ_w in [0.05, 20] that puts an activation on the edge of
// chaos at the given σ_b: where χ_1 is 1 at the fixed point that [MeanFieldOf]
// finds. Of several the one of least variance. It is an error where there is none: the
// net is ordered, or chaotic, throughout, or it stays ordered until its variance
// has no fixed point any more or goes over to another, with χ_1 beyond 1 at once.
//
// Source: [P16] sec. 3, solved for q: σ_w² = (q-σ_b²)/φ̌(q, q, q), σ_w² φ̇(q, q, q) = 1.
func CriticalWeightStd(phi Activation, biasStd float64) (float64, error) {
	const least, most = 0.05, 20
	m, err := newLayerMap(phi, 1, biasStd)
	if err != nil {
		return 0, err
	}
	at := func(w float64) (*MeanField, error) {
		l := *m
		l.weight = w * w
		return l.meanField()
	}
	holds := func(w float64) bool {
		if !(w >= least && w <= most) {
			return false
		}
		f, err := at(w)
		return err == nil && math.Abs(f.Slope-1) <= 1e-8+10*m.noise
	}
	if value, slope := m.diagonal(tiny); m.b2 == 0 && phi.Value(0) == 0 && value >= 0 {
		// q = 0 is a fixed point for any σ_w
		if w := 1 / math.Sqrt(slope); holds(w) {
			return w, nil
		}
	}
	// χ_1 - 1 by x = ln(q - σ_b²), where q is the fixed point
	excess := func(x float64) float64 {
		t := math.Exp(x)
		value, slope := m.diagonal(m.b2 + t)
		return t*slope/value - 1
	}
	weight := func(x float64) float64 {
		t := math.Exp(x)
		value, _ := m.diagonal(m.b2 + t)
		return math.Sqrt(t / value)
	}
	significant := 1e-9 + 10*m.noise
	lo, hi := math.Log(1e-8), math.Log(math.Min(1e8, m.max-m.b2))
	if m.b2 > 0 {
		lo = math.Log(1e-4 * m.b2)
	}
	last, side := math.NaN(), 0.0
	for x := lo; x < hi; x += 0.1 {
		e := excess(x)
		if !(math.Abs(e) > significant) {
			continue
		}
		if e*side < 0 {
			if w := weight(crossing(excess, last, x)); holds(w) {
				return w, nil
			}
		}
		last, side = x, e
	}
	name := nameOf(phi)
	if f, err := at(least); err != nil || f.Slope > 1 {
		return 0, fmt.Errorf("ntk: %s with σ_b = %g is chaotic at σ_w = %g already", name, biasStd,
			least)
	}
	if f, err := at(most); err == nil && f.Slope < 1 {
		return 0, fmt.Errorf("ntk: %s with σ_b = %g stays ordered up to σ_w = %d", name, biasStd,
			most)
	}
	within := ""
	if m.max < math.MaxFloat64 {
		within = fmt.Sprintf(" of variance up to %.4g, its range", m.max)
	}
	return 0, fmt.Errorf(
		"ntk: %s with σ_b = %g has no edge of chaos: χ_1 does not cross 1 at a fixed point%s; "+
			"the net is ordered until that is lost",
		name,
		biasStd,
		within,
	)
}
