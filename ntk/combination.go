package ntk

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/kernelsmith/kernelsmith/ntk/hermite"
	"github.com/kernelsmith/kernelsmith/ntk/internal/gauss"
	"github.com/kernelsmith/kernelsmith/ntk/internal/special"
)

// Kinker is an activation that knows where its derivatives jump.
type Kinker interface {
	// Kinks returns the places, in ascending order.
	Kinks() []float64
}

// Jumper is an activation that itself jumps. It has an NNGP kernel; its NTK
// would be infinite.
type Jumper interface {
	// Jumps returns the places, in ascending order.
	Jumps() []float64
}

// Wrapper is an activation that is another one with something added, such as a
// single-precision form. Its kernels, its expansion and its part in the keys of
// records are those of what it wraps.
type Wrapper interface {
	Activation
	// Unwrap returns the other one.
	Unwrap() Activation
}

func unwrap(phi Activation) Activation {
	if w, ok := phi.(Wrapper); ok {
		return unwrap(w.Unwrap())
	}
	return phi
}

// Affine returns a·φ(s z + t) + b. Its kernels are in closed form if those of
// the package's φ are and the form does not lose its digits, as it does for a
// rectified power of degree above 3 that is 0 at z = 0, a shift that is very large,
// or terms that nearly cancel. Otherwise they are by [Custom]'s quadrature, which
// alone can fail, with a [*hermite.ToleranceError].
func Affine(phi Activation, a, s, t, b float64) (Activation, error) {
	if err := validate(phi); err != nil {
		return nil, err
	}
	if err := finite("Affine", "a", a, "s", s, "t", t, "b", b); err != nil {
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

func validate(phi Activation) error {
	if phi == nil {
		return fmt.Errorf("ntk: no activation (nil)")
	}
	if v, ok := phi.(Validator); ok {
		return v.Validate()
	}
	return nil
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
		return newClosedForm(base, all), nil
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
		s := activationName(t.phi)
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

// JumpsOf returns where φ itself jumps, as far as it tells ([Jumper]).
func JumpsOf(phi Activation) []float64 {
	if j, ok := unwrap(phi).(Jumper); ok {
		return j.Jumps()
	}
	return nil
}

// KinksOf returns where a derivative of φ jumps but not φ itself, as far as it
// tells ([Kinker]) or is known of the package's own.
func KinksOf(phi Activation) []float64 {
	phi = unwrap(phi)
	if k, ok := phi.(Kinker); ok {
		return k.Kinks()
	}
	a, ok := phi.(closed)
	if !ok {
		return nil
	}
	jumps := JumpsOf(phi)
	return slices.DeleteFunc(a.atoms().Kinks(), func(b float64) bool { return slices.Contains(jumps, b) })
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

// asAtoms is false where a term has no closed form, or where its powers cancel.
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
	if c.cancels(all) {
		return gauss.Atoms{}, false
	}
	for _, w := range all.Waves {
		if w.M > maxAtomDegree || !isFinite(real(w.C)) || !isFinite(imag(w.C)) {
			return gauss.Atoms{}, false
		}
	}
	for _, g := range all.Gates {
		if g.M > maxTailDegree && (g.B > 0 && g.Less == 0 || g.B < 0 && g.Less == 1) {
			return gauss.Atoms{}, false
		}
	}
	return all, true
}

// mostExponent bounds the exponents of the factors of atoms: beyond, products of
// theirs underflow.
const mostExponent = 250

// cancels says that the terms of a sum are so much larger than the sum that its dual,
// a sum over pairs of terms, has fewer than nine digits left.
func (c *combination) cancels(all gauss.Atoms) bool {
	if len(c.terms) < 2 && c.offset == 0 {
		return false
	}
	var parts []gauss.Atoms
	for _, t := range c.terms {
		a, _ := atomsOf(t.phi)
		parts = append(parts, a.Of(t.s, t.t).Times(t.a))
	}
	parts = append(parts, gauss.Atoms{Waves: []gauss.Wave{{C: complex(c.offset, 0)}}})
	for _, q := range []float64{0.1, 1, 10} {
		at := gauss.Equal(q)
		var size float64
		for _, a := range parts {
			size += math.Sqrt(math.Abs(a.Dual(a, at)))
		}
		sum := all.Dual(all, at)
		if !(sum >= 0) || size*size > 1e7*sum && size > 0 {
			return size > 0
		}
	}
	return false
}

// maxTailDegree is up to what power a gate that is closed at 0 is in closed form. Its
// moments are those of a normal distribution's tail, and each power more loses
// some (b/σ)² in cancellation: at b = 5σ the cube has 8 digits left, the eighth none.
const maxTailDegree = 3

// closedForm is a combination whose dual is a sum over pairs of atoms; of
// ReLUs, cosines and affine functions alone, the faster [mixture].
type closedForm struct {
	combination
	all        gauss.Atoms
	sum, prime gauss.Atoms // of φ(sign·z) and its derivative
	sign       float64
	jumps      bool
	mixed      *mixture
	same       preciseDualer // where one unshifted term is all there is
	scale      term
}

func newClosedForm(base combination, all gauss.Atoms) *closedForm {
	c := &closedForm{combination: base, all: all, sum: all, sign: 1}
	if !slices.ContainsFunc(base.terms, func(t term) bool { return t.s > 0 }) {
		// φ(-z) has the same dual, and its terms are open above, not below
		c.sum, c.sign = all.Of(-1, 0), -1
	}
	var jumps map[float64]float64
	c.prime, jumps = c.sum.Prime()
	c.jumps = len(jumps) > 0
	c.mixed = asMixture(c.sum)
	if len(base.terms) == 1 && base.offset == 0 && base.terms[0].t == 0 && base.terms[0].s != 0 {
		if d, ok := base.terms[0].phi.(preciseDualer); ok {
			c.same, c.scale = d, base.terms[0]
		}
	}
	return c
}

// Jumps implements [Jumper]; jumps that cancel in the sum are none.
func (c *closedForm) Jumps() []float64 {
	if !c.jumps {
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
	case c.mixed != nil:
		return c.mixed.dualAt(p)
	default:
		value = c.sum.Dual(c.sum, p)
		derivative = c.prime.Dual(c.prime, p)
	}
	if c.jumps {
		derivative = math.NaN() // nets with it have no NTK
	}
	return value, derivative
}

// mean is E[φ(u)] and E[φ'(u)] at variance q.
func (c *closedForm) mean(q float64) (value, derivative float64) {
	if q == 0 {
		return c.Value(0), c.Derivative(0)
	}
	return c.sum.Mean(q), c.sign * c.prime.Mean(q)
}

func (c *closedForm) atoms() gauss.Atoms { return c.all }

// asMixture recognises sums of shifted ReLUs, cosines and affine functions.
func asMixture(a gauss.Atoms) *mixture {
	var m mixture
	for _, w := range a.Waves {
		switch {
		case w.Alpha == 0 && w.Beta == 0 && w.M == 0:
			m.offset += real(w.C)
		case w.Alpha == 0 && w.Beta == 0 && w.M == 1:
			m.slope += real(w.C)
		case w.Alpha == 0 && w.M == 0 && real(w.Beta) == 0:
			m.cosines = append(m.cosines, cosine{math.Hypot(real(w.C), imag(w.C)), imag(w.Beta), math.Atan2(imag(w.C), real(w.C))})
		default:
			return nil
		}
	}
	for _, g := range a.Gates {
		if g.Tau != 0 || g.M > 1 || g.Less != 0 && !(g.Less == 1 && g.B > 0 || g.M == 1 && g.B == 0) {
			return nil
		}
		// relu(b-z) is relu(z-b) - (z-b), which cancels far out if it is closed at 0
		if g.M == 1 {
			m.slope -= g.C * g.Less
		} else {
			m.offset -= g.C * g.Less
		}
		if g.M == 1 { // c z 1(z > b) needs -c b 1(z > b) beside it
			i := slices.IndexFunc(a.Gates, func(o gauss.Gate) bool { return o.Tau == 0 && o.M == 0 && o.B == g.B && o.Less == g.Less })
			if g.B != 0 && (i < 0 || math.Abs(a.Gates[i].C+g.C*g.B) > 1e-15*math.Abs(g.C*g.B)) || g.B == 0 && i >= 0 {
				return nil
			}
			m.hinges = append(m.hinges, hinge{g.C, g.B})
		} else if !slices.ContainsFunc(a.Gates, func(o gauss.Gate) bool { return o.Tau == 0 && o.M == 1 && o.B == g.B && o.Less == g.Less }) {
			return nil
		}
	}
	return &m
}

// Values returns φ at each pre-activation, for a figure. A value that is not finite
// is an error.
func Values(phi Activation, z []float64) ([]float64, error) {
	if err := validate(phi); err != nil {
		return nil, err
	}
	out := make([]float64, len(z))
	for i, x := range z {
		if out[i] = phi.Value(x); !isFinite(out[i]) {
			return nil, fmt.Errorf("ntk: %s is %v at z = %v", activationName(phi), out[i], x)
		}
	}
	return out, nil
}

// HermiteCoeffs returns b_k = E[φ(σz) h_k(z)] for k < n, z standard normal: the
// expansion of φ on pre-activations of standard deviation σ, by which
// E[φ(u)φ(v)] = Σ b_k² ρ^k. The package's activations have it in closed form (to
// rounding relative to the norm of φ), but for Tanh, Sigmoid, Softplus and SiLU. These
// and others have it by quadrature, for σ up to what they were resolved for, with the
// tolerance they were built for or a [*hermite.ToleranceError].
func HermiteCoeffs(phi Activation, sigma float64, n int) ([]float64, error) {
	if err := validate(phi); err != nil {
		return nil, err
	}
	if !(sigma >= 0) || math.IsInf(sigma, 0) {
		return nil, fmt.Errorf("ntk: σ is %v; it must be a finite number ≥ 0", sigma)
	}
	if n < 0 {
		return nil, fmt.Errorf("ntk: %d coefficients; the number must be ≥ 0", n)
	}
	out, err := hermiteCoeffs(phi, sigma, n)
	if err != nil {
		return nil, err
	}
	for k, b := range out {
		if !isFinite(b) {
			return nil, fmt.Errorf("ntk: the Hermite coefficient b_%d of %s at σ = %v is too large for double precision", k, activationName(phi), sigma)
		}
	}
	return out, nil
}

func hermiteCoeffs(phi Activation, sigma float64, n int) ([]float64, error) {
	resize := func(b []float64) []float64 {
		return append(b, make([]float64, max(0, n-len(b)))...)[:n]
	}
	phi = unwrap(phi)
	switch a := phi.(type) {
	case hermite.Series:
		return resize(a.Scaled(sigma).Coeffs()), nil
	case Polynomial:
		return resize(monomialCoeffs(a.Coeffs, sigma)), nil
	case ReLU:
		return rectifiedCoeffs(1, sigma, n), nil
	case RectifiedMonomial:
		return rectifiedCoeffs(a.Degree, sigma, n), nil
	case TwoSlope: // p relu(z) - n relu(-z): the even and odd parts
		b := rectifiedCoeffs(1, sigma, n)
		for k := range b {
			b[k] *= a.Positive - a.Negative*float64(1-2*(k%2))
		}
		return b, nil
	case closed:
		if sigma == 0 {
			b := make([]float64, n)
			if n > 0 {
				b[0] = phi.Value(0)
			}
			return b, nil
		}
		return a.atoms().Coeffs(sigma, n), nil
	}
	return numericCoeffs(phi, sigma, n)
}

// rectifiedCoeffs is E[max(σz, 0)^m h_k(z)], from the step's by Stein's
// identity, E[f h_k] = E[f' h_{k-1}]/√k.
func rectifiedCoeffs(m int, sigma float64, n int) []float64 {
	b := make([]float64, n)
	var h, previous float64
	for k := range b {
		if k == 0 {
			b[0] = 0.5
			continue
		}
		if k == 1 {
			h, previous = 1, 0
		} else {
			h, previous = 0-math.Sqrt(float64(k-2)/float64(k-1))*previous, h // 0 - 0 is not -0
		}
		b[k] = h * special.NormalDensity(0) / math.Sqrt(float64(k))
	}
	moment := []float64{0.5, special.NormalDensity(0)} // E[max(z, 0)^i]
	for i := 1; i <= m; i++ {
		if i > 1 {
			moment = append(moment, float64(i-1)*moment[i-2])
		}
		for k := n - 1; k > 0; k-- {
			b[k] = float64(i) * b[k-1] / math.Sqrt(float64(k))
		}
		if n > 0 {
			b[0] = moment[i]
		}
	}
	for k := range b {
		b[k] *= math.Pow(sigma, float64(m))
	}
	return b
}
