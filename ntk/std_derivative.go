package ntk

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/kernelsmith/kernelsmith/ntk/hermite"
	"github.com/kernelsmith/kernelsmith/ntk/internal/gauss"
	"github.com/kernelsmith/kernelsmith/ntk/internal/gram"
	"gonum.org/v1/gonum/mat"
)

// ErrNoStdDerivatives reports a net whose kernels have no exact derivatives by standard
// deviations, since the dual of one of its activations is not in closed form.
var ErrNoStdDerivatives = errors.New("no exact derivative by standard deviations")

// StdDerivatives returns the derivatives of the net's NNGP kernel, or with ofNTK of its NTK,
// between the rows of x (n×d) by the σ_w and by the σ_b that the given layers share, n×n each:
// those of hidden layers are 1 … Depth(), and Depth()+1 is the readout's. Without layers all hidden
// ones share them, as in [UniformFCN]. It is for the likelihood of σ_w and σ_b, the exploration of
// phases, and the like. With σ_b = 0 the derivative by it is 0.
//
// They are followed through the layers with the values, exact to rounding: for pre-activations
// s·u, t·v of correlation ρ the dual activation φ̌ = E[φ(su)φ(tv)] has
//
//	s ∂φ̌/∂s = E[z φ'(z) φ(z')],   ∂φ̌/∂ρ = s t φ̇,   s ∂φ̇/∂s = E[z φ″(z) φ'(z')],
//	∂φ̇/∂ρ = s t E[φ″(z)φ″(z')],   z = su, z' = tv,
//
// with the impulses of φ″ at kinks, and those of φ' where φ jumps. For homogeneous φ such as
// [ReLU] the first is a multiple of φ̌ and the third of φ̇; of a [hermite.Series] all are power
// series in ρ; others are integrals over the terms of φ. They are exact to about 1e-12 of what they
// are at equal inputs; where inputs are nearly equal in a layer of φ with kinks that is not
// homogeneous, to 1e-8.
//
// An activation without a dual in closed form ([Tanh], [Custom]) is an error that wraps
// [ErrNoStdDerivatives] and names the layer. Layers that the net does not have, inputs as for
// [GramInto], and derivatives whose digits rounding has taken are errors, and what [FCN.NTK]
// reports. Cost: on one sphere some hundred values and the inner products; else n²/2 values of
// 0.6 µs of one processor for each layer of ReLU, 1 to 2 of erf or GELU, 10 of [Mimic]. If ctx
// ends, its error is returned.
//
// Source: differentiation of the recursion of [FCN.NTK] by Price's theorem; R. Price, "A useful
// theorem for nonlinear devices having Gaussian inputs", IRE Transactions on Information Theory
// 4(2), 1958.
func (f *FCN) StdDerivatives(
	ctx context.Context, x *mat.Dense, ofNTK bool, layers ...int,
) (byWeight, byBias *mat.SymDense, err error) {
	d, err := f.stdDerivative(ofNTK, layers)
	if err != nil {
		return nil, nil, err
	}
	in, err := denseInputs(x)
	if err != nil {
		return nil, nil, err
	}
	var out [2][]float64
	for i := range out {
		out[i] = make([]float64, in.N*in.N)
	}
	e := &gram.Evaluator{
		Outputs: len(out),
		Prepare: d.prepare,
		Pair: func(out []float64, a any, p gauss.Pair, b any) {
			out[0], out[1] = d.pair(a.(*stdPoint), p, b.(*stdPoint))
		},
	}
	if err := kernelMatrix(ctx, e, out[:], in, in, true, nil); err != nil {
		return nil, nil, err
	}
	return mat.NewSymDense(in.N, out[0]), mat.NewSymDense(in.N, out[1]), nil
}

// directions are σ_w and σ_b, by which all is differentiated at once.
type directions [2]float64

// plus is d + f·e.
func (d directions) plus(f float64, e directions) directions {
	return directions{d[0] + f*e[0], d[1] + f*e[1]}
}

// stdDerivative follows derivatives through the layers of a net.
type stdDerivative struct {
	r      *recursion
	shared []bool // layers, the readout last, whose σ are moved
	phis   []*stretchable
}

// stretchable is a φ with what its derivatives are made of.
type stretchable struct {
	activation Activation
	phi, prime gauss.Atoms
	rise       gauss.Atoms // z φ'(z), without what a jump of φ has in it
	jumps      map[float64]float64
	bend       gauss.Bend
	// φ(s z) = s^power φ(z), if homogeneous
	homogeneous bool
	power       float64
	// series says that φ is a hermite.Series, of which none of the above is made
	series bool
}

func newStretchable(phi Activation) (*stretchable, bool) {
	s := &stretchable{activation: phi}
	if _, s.series = unwrap(phi).(hermite.Series); s.series {
		return s, true
	}
	var ok bool
	if s.phi, ok = atomsOf(unwrap(phi)); !ok {
		return nil, false
	}
	s.prime, s.jumps = s.phi.Prime()
	s.rise, s.bend = s.prime.TimesZ(0), gauss.NewBend(s.prime)
	s.power, s.homogeneous = s.phi.Homogeneous()
	return s, true
}

func (f *FCN) stdDerivative(ofNTK bool, layers []int) (*stdDerivative, error) {
	r, err := f.recursion(len(f.layers)+1, ofNTK)
	if err != nil {
		return nil, err
	}
	d := &stdDerivative{r: r, shared: make([]bool, len(f.layers)+1)}
	for i := range f.layers {
		d.shared[i] = len(layers) == 0
	}
	for _, l := range layers {
		if l < 1 || l > len(d.shared) {
			return nil, fmt.Errorf("ntk: layer %d of a net with %d hidden layers; 1 … %d have "+
				"standard deviations (the last is the readout)", l, len(f.layers), len(d.shared))
		}
		d.shared[l-1] = true
	}
	for i, l := range f.layers {
		phi, ok := newStretchable(l.Activation)
		if !ok {
			return nil, fmt.Errorf("ntk: hidden layer %d: %w: the dual of %s is not in closed "+
				"form; take differences of the kernel", i+1, ErrNoStdDerivatives,
				nameOf(l.Activation))
		}
		d.phis = append(d.phis, phi)
	}
	return d, nil
}

// stdPoint is what is known of one input.
type stdPoint struct {
	net    *netPoint
	layers []stdLayer
}

type stdLayer struct {
	// of the standard deviations of the pre-activation and of φ of it, relative to them
	rel, top directions
	// E[.²] of z φ', of z φ″ and of φ″ without impulses
	rise, stretched, second float64
	// Of a series, the Hermite coefficients of z φ'(z), z φ″(z) and s φ″(z) at z = s u.
	coeffs *[3][]float64
}

// scaleSeries returns the coefficients of a layer, from those of φ(su) and φ'(su) that
// [hermite.Series.Prepare] has. By z h_k' = k h_k + √(k(k-1)) h_{k-2}, with z f' for f(u) = φ(su)
// and for f(u) = φ'(su), and by h_k' = √k h_{k-1}.
func scaleSeries(prepared []float64) *[3][]float64 {
	n := (len(prepared) + 1) / 2 // φ' has one less
	stretched := func(b []float64) []float64 {
		out := make([]float64, len(b))
		for k := range b {
			out[k] = float64(k) * b[k]
			if k+2 < len(b) {
				out[k] += math.Sqrt(float64((k+1)*(k+2))) * b[k+2]
			}
		}
		return out
	}
	prime := prepared[n:]
	second := make([]float64, max(0, len(prime)-1))
	for k := range second {
		second[k] = math.Sqrt(float64(k+1)) * prime[k+1]
	}
	return &[3][]float64{stretched(prepared[:n]), stretched(prime), second}
}

// along is Σ a_k b_k ρ^k.
func along(a, b []float64, rho float64) (sum float64) {
	for k := len(a) - 1; k >= 0; k-- {
		sum = sum*rho + a[k]*b[k]
	}
	return sum
}

// step is the derivatives of σ_w² and σ_b² of what comes after i hidden layers.
func (d *stdDerivative) step(i int) (byWeight, byBias directions) {
	if !d.shared[i] {
		return directions{}, directions{}
	}
	w2, b2, _ := d.r.step(i)
	return directions{2 * math.Sqrt(w2), 0}, directions{0, 2 * math.Sqrt(b2)}
}

// after is the derivatives of σ_w² v + σ_b² after i hidden layers, by being those of v.
func (d *stdDerivative) after(i int, v float64, by directions) directions {
	w2, _, _ := d.r.step(i)
	byWeight, byBias := d.step(i)
	return directions{w2*by[0] + byWeight[0]*v, w2*by[1] + byBias[1]}
}

func (d *stdDerivative) prepare(q float64) (any, error) {
	known, err := d.r.prepare(q)
	if err != nil {
		return nil, err
	}
	p := &stdPoint{net: known.(*netPoint), layers: make([]stdLayer, len(d.phis))}
	top, by := q, directions{} // what comes into a layer
	for i := range d.phis {
		l, at, phi := &p.layers[i], &p.net.layers[i], d.phis[i]
		l.rel = relative(d.after(i, top, by), at.q)
		phi.prepare(l, at)
		top, by = at.top, directions{}
		if l.rel != (directions{}) {
			by = by.plus(2*phi.stretch(l, at, gauss.Equal(at.q), top), l.rel)
		}
		l.top = relative(by, top)
	}
	return p, nil
}

// relative is half the derivatives of a variance over it, those of the standard deviation. A
// variance that is 0 stays so.
func relative(by directions, variance float64) directions {
	if variance == 0 {
		return directions{}
	}
	return directions{by[0] / (2 * variance), by[1] / (2 * variance)}
}

// prepare sets what is needed of one pre-activation.
func (s *stretchable) prepare(l *stdLayer, at *layerPoint) {
	if s.series {
		l.coeffs = scaleSeries(at.prepared)
		return
	}
	equal := gauss.Equal(at.q)
	if !s.homogeneous {
		l.rise = s.rise.Dual(s.rise, equal)
		l.stretched = s.bend.Stretched.Dual(s.bend.Stretched, equal)
	}
	l.second = s.bend.Second.Dual(s.bend.Second, equal)
}

// stretch is E[u φ'(u) φ(v)], of which value is E[φ(u)φ(v)]; a is of u and y of v.
func (s *stretchable) stretch(a *stdLayer, y *layerPoint, p gauss.Pair, value float64) float64 {
	switch {
	case s.series:
		return along(a.coeffs[0], y.prepared, p.Rho())
	case s.homogeneous:
		return s.power * value
	}
	other := s.phi
	if p.Q2 == 0 {
		other = gauss.Constant(s.activation.Value(0))
	}
	sum := s.rise.Within(a.rise, other, y.top, p)
	for b, jump := range s.jumps {
		if b != 0 {
			sum += jump * b * other.Impulse(b, p.Swapped())
		}
	}
	return sum
}

// stretchSlope is E[u φ″(u) φ'(v)], of which slope is E[φ'(u)φ'(v)]; otherwise as stretch.
func (s *stretchable) stretchSlope(
	a *stdLayer, y *layerPoint, p gauss.Pair, slope float64,
) float64 {
	switch {
	case s.series:
		return along(a.coeffs[1], y.prepared[(len(y.prepared)+1)/2:], p.Rho())
	case s.homogeneous:
		return (s.power - 1) * slope
	}
	other := s.prime
	if p.Q2 == 0 {
		other = gauss.Constant(s.activation.Derivative(0))
	}
	return s.bend.Beside(a.stretched, other, y.slope, p)
}

// byRho is the derivative of E[φ'(u)φ'(v)] by the correlation.
func (s *stretchable) byRho(a, b *stdLayer, p gauss.Pair) float64 {
	if s.series {
		return along(a.coeffs[2], b.coeffs[2], p.Rho())
	}
	return gauss.GeometricMean(p.Q, p.Q2) * s.bend.MomentWithin(a.second, b.second, p)
}

// pair returns the derivatives of a kernel, NaN where their digits are lost.
func (d *stdDerivative) pair(a *stdPoint, p gauss.Pair, b *stdPoint) (byWeight, byBias float64) {
	r := d.r
	if nngp, tangent := r.pair(a.net, p, b.net, rowLoss); math.IsNaN(nngp + tangent) {
		return math.NaN(), math.NaN()
	}
	w2, b2, trained := r.step(0)
	before, none := p, &stdLayer{}
	last, last2 := none, none
	at := p.Affine(w2, b2)
	by := d.after(0, p.K, directions{}) // of at.K
	var gap directions                  // of 1 - ρ, of what comes into a layer
	var tangent float64
	var byTangent directions
	if trained && r.tangent {
		tangent, byTangent = at.K, by
	}
	for i := range d.phis {
		m := &moment{d: d, i: i, x: &a.net.layers[i], y: &b.net.layers[i], a: &a.layers[i],
			b: &b.layers[i], at: at}
		m.gap = d.gapAfter(before, gap, last, last2, m)
		next := m.values(a == b)
		byValue := m.byValue()
		gap = m.gapBehind(next, byValue)
		w2, b2, trained = r.step(i + 1)
		if tangent != 0 || byTangent != (directions{}) {
			byWeight, _ := d.step(i + 1)
			bySlope := m.bySlope()
			for j := range byTangent {
				byTangent[j] = w2*(byTangent[j]*m.slope+tangent*bySlope[j]) +
					byWeight[j]*tangent*m.slope
			}
			tangent *= w2 * m.slope
		}
		by = d.after(i+1, next.K, byValue)
		before, last, last2 = next, m.a, m.b
		at = next.Affine(w2, b2)
		if trained && r.tangent {
			tangent, byTangent = tangent+at.K, byTangent.plus(1, by)
		}
	}
	if r.tangent {
		return byTangent[0], byTangent[1]
	}
	return by[0], by[1]
}

// gapAfter is the derivatives of 1 - ρ of the pre-activations of m, from those of what comes into
// the layer: the derivative of minus in [gauss.Pair.Affine], which like it does not subtract what
// is nearly equal. a and b are the layer before.
func (d *stdDerivative) gapAfter(
	h gauss.Pair, gap directions, a, b *stdLayer, m *moment,
) directions {
	w2, b2, _ := d.r.step(m.i)
	size, before := gauss.GeometricMean(m.at.Q, m.at.Q2), gauss.GeometricMean(h.Q, h.Q2)
	if b2 == 0 {
		return gap // ρ stays as it is
	}
	if size == 0 || m.at.Minus == 0 && m.at.Q == m.at.Q2 {
		return directions{}
	}
	byWeight, byBias := d.step(m.i)
	apart := h.RootsApart()
	whole := size + w2*before + b2 // more = w2 b2 apart²/whole is what unequal norms add
	more := w2 * b2 * (apart * apart) / whole
	var out directions
	for j := range out {
		rel, top := m.a.rel[j]+m.b.rel[j], a.top[j]+b.top[j]
		moved := math.Sqrt(h.Q)*a.top[j] - math.Sqrt(h.Q2)*b.top[j]
		byWhole := size*rel + byWeight[j]*before + w2*before*top + byBias[j]
		byMore := (byWeight[j]*b2+w2*byBias[j])*(apart*apart)/whole +
			2*w2*b2*apart*moved/whole - more*byWhole/whole
		byMinus := w2*(h.Minus*top+before*gap[j]) + byWeight[j]*h.Minus + byMore
		out[j] = (byMinus - m.at.Minus*rel) / size
	}
	return out
}

// moment is the duals of a layer at two inputs, and their derivatives.
type moment struct {
	d            *stdDerivative
	i            int
	x, y         *layerPoint
	a, b         *stdLayer
	at           gauss.Pair
	gap          directions // of 1 - ρ
	value, slope float64
}

// values sets the duals, and returns the pair of φ(u) and φ(v).
func (m *moment) values(onSphere bool) (next gauss.Pair) {
	r := m.d.r
	next = gauss.Pair{Q: m.x.top, Q2: m.y.top}
	if onSphere {
		next, m.slope, _ = r.onSphere(m.i, m.x, m.at)
	} else {
		next.K, m.slope = r.dual(m.i, m.x, m.at, m.y)
		small := m.at.Gap() < smallGap*gauss.GeometricMean(m.at.Q, m.at.Q2)
		next, _ = gaps(r.duals[m.i], m.at, next, small,
			layerDual{r: r, layer: m.i, x: m.x, y: m.y})
	}
	m.value = next.K
	return next
}

// gapBehind is the derivatives of 1 - ρ of φ(u) and φ(v), by being those of their covariance. Of
// homogeneous φ it is known without subtraction. Of others all digits are lost below 1e-16, where
// even at a kink no more than 1e-8 of the next φ̇ depends on it.
func (m *moment) gapBehind(next gauss.Pair, by directions) (out directions) {
	size := gauss.GeometricMean(next.Q, next.Q2)
	if size == 0 || next.Minus == 0 && next.Q == next.Q2 || m.at.Minus == 0 && m.at.Q == m.at.Q2 {
		return out
	}
	if m.d.phis[m.i].homogeneous {
		if m.gap == out { // φ̇ may be infinite
			return out
		}
		return out.plus(gauss.GeometricMean(m.at.Q, m.at.Q2)*m.slope/size, m.gap)
	}
	if next.Minus < 2*rounding*size {
		return out
	}
	for j := range out {
		out[j] = next.K/size*(m.a.top[j]+m.b.top[j]) - by[j]/size
	}
	return out
}

// byValue is the derivatives of E[φφ].
func (m *moment) byValue() directions {
	phi := m.d.phis[m.i]
	out := m.sides(func(a *stdLayer, y *layerPoint, p gauss.Pair) float64 {
		return phi.stretch(a, y, p, m.value)
	})
	if m.gap != (directions{}) {
		out = out.plus(-gauss.GeometricMean(m.at.Q, m.at.Q2)*m.slope, m.gap)
	}
	return out
}

// bySlope is the derivatives of E[φ'φ'].
func (m *moment) bySlope() directions {
	phi := m.d.phis[m.i]
	out := m.sides(func(a *stdLayer, y *layerPoint, p gauss.Pair) float64 {
		return phi.stretchSlope(a, y, p, m.slope)
	})
	if m.gap != (directions{}) {
		out = out.plus(-phi.byRho(m.a, m.b, m.at), m.gap)
	}
	return out
}

// sides is the derivatives along both standard deviations of what is of, for the first of the
// pair, times it.
func (m *moment) sides(of func(a *stdLayer, y *layerPoint, p gauss.Pair) float64) (out directions) {
	none := directions{}
	var first float64
	if m.a.rel != none {
		first = of(m.a, m.y, m.at)
		out = out.plus(first, m.a.rel)
	}
	switch {
	case m.b.rel == none:
	case m.at.Q == m.at.Q2:
		out = out.plus(first, m.b.rel)
	default:
		out = out.plus(of(m.b, m.x, m.at.Swapped()), m.b.rel)
	}
	return out
}
