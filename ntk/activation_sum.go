package ntk

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"

	"github.com/kernelsmith/kernelsmith/ntk/hermite"
	"github.com/kernelsmith/kernelsmith/ntk/internal/gauss"
	"github.com/kernelsmith/kernelsmith/ntk/internal/special"
)

// Affine returns a·φ(s z + t) + b. Its kernels are in closed form if those of the package's φ
// are. Where such a form has lost its digits, because terms nearly cancel or are far from 0,
// they are by [Custom]'s quadrature, for variances up to 100. Where that has lost them too, as
// that of z - sin z at a variance of 1e-8, or the variance is larger, as for GELU(z) - ReLU(z)
// at 1e6, duals are NaN and kernels an error.
//
// Without a closed form, and where terms nearly cancel at variances of 0.1, 1 or 10, they are
// by quadrature everywhere; this alone can fail, with a [*hermite.ToleranceError].
func Affine(phi Activation, a, s, t, b float64) (Activation, error) {
	if err := validate(phi); err != nil {
		return nil, err
	}
	if err := checkFinite("Affine", "a", a, "s", s, "t", t, "b", b); err != nil {
		return nil, err
	}
	return combine([]term{{phi, a, s, t}}, b)
}

// Add returns the sum of the activations, with the cross terms in its dual; see
// [Affine].
func Add(phis ...Activation) (Activation, error) {
	if len(phis) == 0 {
		return nil, fmt.Errorf("ntk: Add needs at least one activation")
	}
	terms := make([]term, len(phis))
	for i, phi := range phis {
		if err := validate(phi); err != nil {
			return nil, fmt.Errorf("ntk: Add: activation %d: %w", i, err)
		}
		terms[i] = term{phi, 1, 1, 0}
	}
	return combine(terms, 0)
}

// term is a·φ(s z + t).
type term struct {
	phi     Activation
	a, s, t float64
}

// combine flattens sums of sums, so that terms meet their cross terms.
func combine(terms []term, offset float64) (Activation, error) {
	var flat []term
	for _, t := range terms {
		t.phi = unwrap(t.phi)
		inner, o, ok := parts(t.phi)
		if !ok {
			flat = append(flat, t)
			continue
		}
		offset += t.a * o
		for _, i := range inner { // a·(i.a·φ(i.s(s z + t) + i.t))
			flat = append(flat, term{i.phi, t.a * i.a, i.s * t.s, i.s*t.t + i.t})
		}
	}
	terms = flat
	base := combination{terms: terms, offset: offset}
	if all, ok := base.asAtoms(); ok {
		if c := newClosedForm(base, all); !c.cancels() {
			return c, nil
		}
	}
	return newNumericSum(base)
}

func parts(phi Activation) (terms []term, offset float64, ok bool) {
	switch c := phi.(type) {
	case *closedForm:
		return c.terms, c.offset, true
	case *numericSum:
		return c.terms, c.offset, true
	}
	return nil, 0, false
}

// combination is Σ a·φ(s z + t) + offset.
type combination struct {
	terms  []term
	offset float64
}

// Value returns the sum.
func (c *combination) Value(z float64) float64 {
	sum := c.offset
	for _, t := range c.terms {
		sum += t.a * t.phi.Value(t.s*z+t.t)
	}
	return sum
}

// Derivative returns the derivative of the sum.
func (c *combination) Derivative(z float64) float64 {
	var sum float64
	for _, t := range c.terms {
		sum += t.a * t.s * t.phi.Derivative(t.s*z+t.t)
	}
	return sum
}

// String writes the sum out.
func (c *combination) String() string {
	var out []string
	for _, t := range c.terms {
		s := nameOf(t.phi)
		if t.s != 1 || t.t != 0 {
			s = fmt.Sprintf("%s(%.4gz%+.4g)", s, t.s, t.t)
		}
		if t.a != 1 {
			s = fmt.Sprintf("%.4g·%s", t.a, s)
		}
		out = append(out, s)
	}
	if c.offset != 0 || len(out) == 0 {
		out = append(out, fmt.Sprintf("%.4g", c.offset))
	}
	return strings.Join(out, " + ")
}

// places collects the terms' kinks or jumps, as places in z.
func (c *combination) places(of func(Activation) []float64) []float64 {
	var out []float64
	for _, t := range c.terms {
		if t.s == 0 || t.a == 0 {
			continue
		}
		for _, b := range of(t.phi) {
			out = append(out, (b-t.t)/t.s)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Kinks implements [Kinker].
func (c *combination) Kinks() []float64 { return c.places(KinksOf) }

// Jumps implements [Jumper].
func (c *combination) Jumps() []float64 { return c.places(JumpsOf) }

// asAtoms is false where a term has no closed form.
func (c *combination) asAtoms() (gauss.Atoms, bool) {
	all := gauss.Atoms{Waves: []gauss.Wave{{C: complex(c.offset, 0)}}}.Merged()
	for _, t := range c.terms {
		a, ok := atomsOf(t.phi)
		if !ok {
			return gauss.Atoms{}, false
		}
		for _, w := range a.Waves { // far from 0 its factors leave double precision
			if w.Alpha*t.t*t.t+math.Abs(real(w.Beta)*t.t) > mostExponent {
				return gauss.Atoms{}, false
			}
		}
		part := a.Of(t.s, t.t).Times(t.a)
		for _, g := range part.Gates {
			if x := g.B / g.Tau; g.Tau > 0 && x*x/2 > mostExponent {
				return gauss.Atoms{}, false
			}
		}
		all = all.Plus(part)
	}
	all = all.Lifted()
	for _, w := range all.Waves {
		if w.M > maxAtomDegree || !special.Finite(real(w.C)) || !special.Finite(imag(w.C)) {
			return gauss.Atoms{}, false
		}
	}
	return all, true
}

func atomsOf(phi Activation) (gauss.Atoms, bool) {
	switch phi := phi.(type) {
	case closed:
		return phi.atoms(), true
	case hermite.Series:
		return seriesAtoms(phi)
	}
	return gauss.Atoms{}, false
}

// mostExponent bounds the exponents of the factors of atoms: beyond, products of
// theirs underflow.
const mostExponent = 250

// closedForm is a combination whose dual is in closed form.
type closedForm struct {
	combination
	all   gauss.Atoms
	sum   *gauss.Sum // of φ(sign·z)
	sign  float64
	same  preciseDualer // where one unshifted term is all there is
	scale term
	parts []*closedForm // the terms, if there are several
	// quadrature has the duals where the closed form has lost its digits, or is nil
	quadrature func() Dualer
}

// Jumps implements [Jumper]; jumps that cancel in the sum are none.
func (c *closedForm) Jumps() []float64 {
	if !c.sum.Jumps() {
		return nil
	}
	return c.combination.Jumps()
}

// Dual implements [Dualer].
func (c *closedForm) Dual(q, k, q2 float64) (value, derivative float64) {
	return c.dualAt(gauss.Of(q, k, q2))
}

func (c *closedForm) dualAt(p gauss.Pair) (value, derivative float64) {
	switch {
	case c.same != nil:
		s2, a2 := c.scale.s*c.scale.s, c.scale.a*c.scale.a
		value, derivative = c.same.dualAt(gauss.New(s2*p.Q, s2*p.K, s2*p.Q2, s2*p.Minus, s2*p.Plus))
		return a2 * value, a2 * s2 * derivative
	case p.Q == 0 || p.Q2 == 0:
		// that pre-activation is the constant 0, where φ and φ' have their own values
		// if they jump, and not what the atoms have
		v, d := c.mean(p.Q)
		v2, d2 := c.mean(p.Q2)
		value, derivative = v*v2, d*d2
	default:
		value, derivative = c.sum.Dual(p)
		if lost, lostSlope := c.lost(value, derivative); lost || lostSlope {
			v, d := c.byQuadrature(p)
			if lost {
				value = v
			}
			if lostSlope {
				derivative = d
			}
		}
	}
	if c.sum.Jumps() {
		derivative = math.NaN() // nets with it have no NTK
	}
	return value, derivative
}

// slopeAt is the second of dualAt, whatever the first has lost.
func (c *closedForm) slopeAt(p gauss.Pair) float64 {
	if c.same == nil && p.Q != 0 && p.Q2 != 0 && !c.sum.Jumps() {
		if d := c.sum.Slope(p); !math.IsNaN(d) {
			return d
		}
	}
	_, d := c.dualAt(p)
	return d
}

// rounding is as [sumRounding].
func (c *closedForm) rounding(q float64) float64 {
	if c.same != nil {
		return 0
	}
	if v, _ := c.sum.Dual(gauss.Equal(q)); q > 0 && math.IsNaN(v) {
		if n, ok := c.quadrature().(*numericSum); ok {
			return n.fn.Tolerance()
		}
	}
	return c.sum.Rounding(q)
}

// lost says which dual has lost its digits.
func (c *closedForm) lost(value, derivative float64) (bool, bool) {
	return math.IsNaN(value), math.IsNaN(derivative) && !c.sum.Jumps()
}

// byQuadrature is NaN where the values of the terms, which quadrature adds up, cancel, and where at
// equal inputs of which the closed form has its digits quadrature has not: there nobody reckons
// with its tolerance, and its polynomials, as exact as φ is large elsewhere, may not see φ near 0.
func (c *closedForm) byQuadrature(p gauss.Pair) (value, derivative float64) {
	d, ok := c.quadrature().(*numericSum)
	if !ok {
		return math.NaN(), math.NaN()
	}
	// A kernel of many layers asks for dozens of these.
	const intervals = 30_000
	value, derivative = d.fn.DualGap(p.Q, p.K, p.Q2, p.Gap(), intervals)
	for _, q := range []float64{p.Q, p.Q2} {
		const most, apart = 5e4, 1e-11 // [gauss.Sum.Dual] keeps as many digits
		top, topSlope := dualAt(d, gauss.Equal(q))
		ratio, ratioSlope := c.termsOver(top, topSlope, q)
		closed, closedSlope := c.sum.Dual(gauss.Equal(q))
		if !(ratio <= most) || math.Abs(top-closed) > apart*closed {
			value = math.NaN()
		}
		if !(ratioSlope <= most) || math.Abs(topSlope-closedSlope) > apart*closedSlope {
			derivative = math.NaN()
		}
	}
	return value, derivative
}

// termsOver is how much larger than the sum its terms are, in the root mean square at
// variance q, where the sum's duals are top and topSlope; and those of the derivative.
func (c *closedForm) termsOver(top, topSlope, q float64) (value, derivative float64) {
	if len(c.parts) == 0 {
		return 1, 1
	}
	at := gauss.Equal(q)
	size, sizeSlope := math.Abs(c.offset), 0.
	for _, part := range c.parts {
		v, s := part.dualAt(at)
		size += math.Sqrt(v)
		sizeSlope += math.Sqrt(s)
	}
	return size / math.Sqrt(top), sizeSlope / math.Sqrt(topSlope)
}

// cancels says that the closed form is lost at common variances because terms cancel.
func (c *closedForm) cancels() bool {
	const most = 30
	for _, q := range []float64{0.1, 1, 10} {
		lost, lostSlope := c.lost(c.sum.Dual(gauss.Equal(q)))
		if len(c.parts) == 0 || !lost && !lostSlope {
			continue
		}
		d := c.quadrature()
		if d == nil {
			return true
		}
		top, topSlope := dualAt(d, gauss.Equal(q))
		ratio, ratioSlope := c.termsOver(top, topSlope, q)
		if lost && !(ratio < most) || lostSlope && !(ratioSlope < most) {
			return true
		}
	}
	return false
}

// mean is E[φ(u)] and E[φ'(u)] at variance q.
func (c *closedForm) mean(q float64) (value, derivative float64) {
	if q == 0 {
		return c.Value(0), c.Derivative(0)
	}
	value, derivative = c.sum.Mean(q)
	return value, c.sign * derivative
}

func (c *closedForm) atoms() gauss.Atoms { return c.all }

func newClosedForm(base combination, all gauss.Atoms) *closedForm {
	c := &closedForm{combination: base, all: all, sign: 1}
	if !slices.ContainsFunc(base.terms, func(t term) bool { return t.s > 0 }) {
		// φ(-z) has the same dual, and its terms are open above, not below
		all, c.sign = all.Of(-1, 0), -1
	}
	c.sum = gauss.NewSum(all)
	c.quadrature = sync.OnceValue(func() Dualer {
		mirrored := base
		mirrored.terms = slices.Clone(base.terms)
		for i := range mirrored.terms {
			mirrored.terms[i].s *= c.sign
		}
		d, err := newNumericSum(mirrored)
		if err != nil {
			return nil
		}
		return d.(Dualer)
	})
	if len(base.terms) == 1 && base.offset == 0 && base.terms[0].t == 0 && base.terms[0].s != 0 {
		if d, ok := base.terms[0].phi.(preciseDualer); ok {
			c.same, c.scale = d, base.terms[0]
		}
	}
	if len(base.terms) > 1 || base.offset != 0 {
		for _, t := range base.terms {
			part := combination{terms: []term{t}}
			all, _ := part.asAtoms()
			c.parts = append(c.parts, newClosedForm(part, all))
		}
	}
	return c
}

// numericSum is a combination with a part that has no closed form.
type numericSum struct {
	combination
	numeric
}

// Value returns the sum.
func (s *numericSum) Value(z float64) float64 { return s.combination.Value(z) }

// Derivative returns the derivative of the sum.
func (s *numericSum) Derivative(z float64) float64 { return s.combination.Derivative(z) }

func newNumericSum(base combination) (Activation, error) {
	s := CustomSettings{
		Name:        base.String(),
		Kinks:       base.Kinks(),
		Jumps:       base.Jumps(),
		MaxVariance: 100,
	}
	for _, t := range base.terms {
		if r, ok := t.phi.(resolver); ok && t.s != 0 {
			s.MaxVariance = math.Min(s.MaxVariance, numeric{r.function()}.maxVariance()/(t.s*t.s))
		}
	}
	a, err := Custom(base.Value, base.Derivative, s)
	if err != nil {
		return nil, err
	}
	return &numericSum{base, a.(*customActivation).numeric}, nil
}
