package ntk

import (
	"fmt"
	"github.com/kernelsmith/kernelsmith/ntk/internal/gauss"
	"math"
)

// Phase says what depth does to the angle between two inputs.
type Phase int

// The phases of a deep net: in the ordered one inputs become equal, in the
// chaotic one near inputs are driven apart, and on the edge angles change slowest,
// like a power of the depth.
const (
	Ordered Phase = iota
	Edge
	Chaotic
)

// String returns "ordered", "edge of chaos" or "chaotic".
func (p Phase) String() string {
	return [...]string{"ordered", "edge of chaos", "chaotic"}[p]
}

// MeanField is what many equal layers of a wide net do to the variance of its
// pre-activations and to the correlation of two inputs.
type MeanField struct {
	// Variance is the fixed point q* of V(q) = σ_w² φ̌(q, q, q) + σ_b² that the
	// iteration from q = 1 reaches.
	Variance float64
	// Slope is χ_1 = σ_w² φ̇(q*, q*, q*), by which a small angle's square grows in a
	// layer; 1 is the edge of chaos.
	Slope float64
	Phase Phase
	// Correlation is the fixed point c* that correlations go to, 1 in the ordered
	// phase, and CorrelationSlope the map's slope there.
	Correlation, CorrelationSlope float64
	// VarianceDepth and CorrelationDepth are the depth scales, in layers, over which
	// a deviation of the variance from q* and of the correlation from c* falls by a
	// factor e: -1/ln|slope|. On the edge the latter is +Inf, and so is the former
	// where V is the identity near q*, as for ReLU with σ_w = √2, σ_b = 0.
	VarianceDepth, CorrelationDepth float64
}

// NoFixedPointError reports a net whose variances grow without bound over its
// layers.
type NoFixedPointError struct {
	Layer    int // reached
	Variance float64
}

func (e *NoFixedPointError) Error() string {
	return fmt.Sprintf("ntk: no fixed point: after %d layers the variance is %.4g and grows; a smaller σ_w is needed", e.Layer, e.Variance)
}

// edgeWidth is how far χ_1 may be from 1 on the edge of chaos.
const edgeWidth = 1e-9

// MeanFieldOf returns the fixed points, depth scales and phase of layers with this
// activation, σ_w and σ_b. Variances that grow without bound are a
// [*NoFixedPointError], an activation that jumps an [*InfiniteNTKError] (χ_1 would
// be infinite: such nets are chaotic).
//
// Source: [P16] eq. 3-7; [S17] eq. 4-9 for the depth scales.
func MeanFieldOf(phi Activation, weightStd, biasStd float64) (*MeanField, error) {
	net, err := UniformFCN(1, phi, weightStd, biasStd)
	if err != nil {
		return nil, err
	}
	r, err := net.recursion(2, true)
	if err != nil {
		return nil, err
	}
	w2, b2 := weightStd*weightStd, biasStd*biasStd
	dual := func(p gauss.Pair) (value, derivative float64, err error) {
		if n, ok := r.duals[0].(numeric); ok && p.Q > n.maxVariance() {
			return 0, 0, &VarianceError{1, activationName(phi), p.Q, n.maxVariance()}
		}
		value, derivative = dualAt(r.duals[0], p)
		return w2*value + b2, w2 * derivative, nil
	}
	next := func(q float64) (float64, error) {
		v, _, err := dual(gauss.New(q, q, q, 0, 2*q))
		return v, err
	}
	q, layers, err := variancePoint(next)
	if err != nil {
		return nil, err
	}
	m := &MeanField{Variance: q}
	if _, m.Slope, err = dual(gauss.New(q, q, q, 0, 2*q)); err != nil {
		return nil, err
	}
	h := 1e-4 * math.Max(q, 1e-8)
	up, err := next(q + h)
	if err != nil {
		return nil, err
	}
	down, err := next(math.Max(0, q-h))
	if err != nil {
		return nil, err
	}
	m.VarianceDepth = depthScale((up - down) / (q + h - math.Max(0, q-h)))
	switch {
	case !isFinite(m.Slope):
		return nil, &NoFixedPointError{layers, q}
	case math.Abs(m.Slope-1) <= edgeWidth:
		m.Phase = Edge
	case m.Slope > 1:
		m.Phase = Chaotic
	}
	m.Correlation, m.CorrelationSlope = 1, m.Slope
	if m.Phase == Chaotic && q > 0 {
		// The correlation map is convex on [0, 1] with M(0) ≥ 0 and, its slope at 1
		// being over 1, lies below the diagonal there: one fixed point is below 1.
		value := func(c float64) (v, slope float64) {
			v, slope, _ = dual(gauss.New(q, q*c, q, q*(1-c), q*(1+c)))
			return v/q - c, slope
		}
		lo, hi := 0.0, 1-1e-12
		for range 200 {
			c := (lo + hi) / 2
			if f, _ := value(c); f > 0 {
				lo = c
			} else {
				hi = c
			}
		}
		m.Correlation = (lo + hi) / 2
		_, m.CorrelationSlope = value(m.Correlation)
	}
	m.CorrelationDepth = depthScale(m.CorrelationSlope)
	if m.Phase == Edge {
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

// variancePoint iterates q ← next(q) from 1, with Steffensen's acceleration while
// steps shrink.
func variancePoint(next func(float64) (float64, error)) (q float64, layers int, err error) {
	q = 1
	for layers = 1; layers <= 20000; layers += 2 {
		a, err := next(q)
		if err != nil {
			return 0, 0, err
		}
		b, err := next(a)
		if err != nil {
			return 0, 0, err
		}
		if math.Abs(a-q) <= 4e-16*math.Max(q, a) {
			return a, layers, nil
		}
		if !(b < maxVariance) {
			return 0, 0, &NoFixedPointError{layers, b}
		}
		if a < 1e-250 {
			return 0, layers, nil
		}
		d := b - 2*a + q
		if better := q - (a-q)*(a-q)/d; math.Abs(b-a) < math.Abs(a-q) && better > 0 && better < 1e6*math.Max(1, b) {
			q = better
		} else {
			q = b
		}
	}
	a, err := next(q)
	if err != nil {
		return 0, 0, err
	}
	if a > q*(1+1e-9) {
		return 0, 0, &NoFixedPointError{layers, a}
	}
	return a, layers, nil
}

// CriticalWeightStd returns the σ_w that puts an activation on the edge of chaos at
// the given σ_b, χ_1 = 1, searched in [0.05, 20]. It is an error where χ_1 does not
// cross 1 there.
func CriticalWeightStd(phi Activation, biasStd float64) (float64, error) {
	chaotic := func(w float64) (bool, error) {
		m, err := MeanFieldOf(phi, w, biasStd)
		switch err.(type) {
		case nil:
			return m.Slope >= 1, nil
		case *NoFixedPointError:
			return true, nil
		}
		return false, err
	}
	lo, hi := 0.05, 20.0
	if below, err := chaotic(lo); err != nil || below {
		if err == nil {
			err = fmt.Errorf("ntk: %s is chaotic at σ_w = %g already", activationName(phi), lo)
		}
		return 0, err
	}
	// Up from the ordered side, so that a numeric activation is not asked for more
	// variance than the edge has.
	w := lo
	for {
		next := math.Min(hi, w*1.25)
		above, err := chaotic(next)
		if err != nil {
			return 0, err
		}
		if above {
			hi = next
			break
		}
		if next == hi {
			return 0, fmt.Errorf("ntk: %s with σ_b = %g stays ordered up to σ_w = %g", activationName(phi), biasStd, hi)
		}
		w = next
	}
	lo = w
	for hi-lo > 1e-13*hi {
		middle := (lo + hi) / 2
		above, err := chaotic(middle)
		if err != nil {
			return 0, err
		}
		if above {
			hi = middle
		} else {
			lo = middle
		}
	}
	return (lo + hi) / 2, nil
}
