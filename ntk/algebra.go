package ntk

import (
	"fmt"
	"math"

	"github.com/kernelsmith/kernelsmith/ntk/internal/gauss"
)

// pairOf holds what each of two kernels knows of one input.
type pairOf struct{ a, b prepared }

func prepareBoth(K, L Kernel) func(q float64) (prepared, error) {
	return func(q float64) (prepared, error) {
		a, err := K.prepare(q)
		if err != nil {
			return nil, err
		}
		b, err := L.prepare(q)
		if err != nil {
			return nil, err
		}
		return &pairOf{a, b}, nil
	}
}

// combined is the kernel f(K, L). Equal inputs keep one prepared value, so that
// the parts see the sphere too.
func combined(name string, K, L Kernel, f func(k, l float64) float64) Kernel {
	K, L = K.made(), L.made()
	return Kernel{
		name:    name,
		prepare: prepareBoth(K, L),
		pair: func(a prepared, p gauss.Pair, b prepared) float64 {
			x, y := a.(*pairOf), b.(*pairOf)
			return f(K.pair(x.a, p, y.a), L.pair(x.b, p, y.b))
		},
		cosineOnly: K.cosineOnly && L.cosineOnly,
		distance:   min(K.distance, L.distance),
		parts:      []Kernel{K, L},
		blackBox:   K.blackBox || L.blackBox,
		tolerance:  K.tolerance + L.tolerance,
	}
}

// rescaledBoth is the field rescaled of f(K, L).
func rescaledBoth(K, L Kernel, f func(K, L Kernel) Kernel) func(s float64) (Kernel, error) {
	if K.rescaled == nil && L.rescaled == nil {
		return nil
	}
	return func(s float64) (Kernel, error) {
		k, err := K.onRescaled(s)
		if err != nil {
			return Kernel{}, err
		}
		l, err := L.onRescaled(s)
		if err != nil {
			return Kernel{}, err
		}
		return f(k, l), nil
	}
}

// onRescaled returns the kernel K(√s x, √s x') of inputs x and x'.
func (K Kernel) onRescaled(s float64) (Kernel, error) {
	if K.rescaled == nil {
		return K, nil
	}
	return K.rescaled(s)
}

// Add returns K + L, a kernel as both are.
func (K Kernel) Add(L Kernel) Kernel {
	out := combined(fmt.Sprintf("%v + %v", K, L), K, L, func(k, l float64) float64 { return k + l })
	out.expansion = K.expansion.with(L.expansion, func(a, b []float64) []float64 {
		for k, v := range b {
			a[k] += v
		}
		return a
	})
	if out.expansion != nil && K.expansion.ends*L.expansion.ends > 0 {
		out.expansion.ends = max(K.expansion.ends, L.expansion.ends)
	}
	out.rescaled = rescaledBoth(K, L, Kernel.Add)
	return out
}

// Mul returns the product K·L, a kernel by Schur's theorem.
func (K Kernel) Mul(L Kernel) Kernel {
	out := combined(fmt.Sprintf("(%v)·(%v)", K, L), K, L,
		func(k, l float64) float64 { return k * l })
	out.prepare = out.withinRange(func(a prepared, q float64) bool {
		x := a.(*pairOf)
		return K.pair(x.a, gauss.Equal(q), x.a) != 0 && L.pair(x.b, gauss.Equal(q), x.b) != 0
	})
	out.factors = []Kernel{K, L}
	out.rescaled = rescaledBoth(K, L, Kernel.Mul)
	out.expansion = K.expansion.with(L.expansion, productSeries)
	if out.expansion != nil && K.expansion.ends*L.expansion.ends > 0 {
		out.expansion.ends = K.expansion.ends + L.expansion.ends - 1
	}
	return out
}

func (e *expansion) with(o *expansion, f func(a, b []float64) []float64) *expansion {
	if e == nil || o == nil {
		return nil
	}
	return &expansion{
		coeffs: func(degree int) ([]float64, error) {
			a, err := e.coeffs(degree)
			if err != nil {
				return nil, err
			}
			b, err := o.coeffs(degree)
			if err != nil {
				return nil, err
			}
			return f(a, b), nil
		},
		nonneg:    e.nonneg && o.nonneg,
		tolerance: e.tolerance + o.tolerance,
		rounding:  e.rounding + o.rounding + baseRounding,
	}
}

// Scale returns factor · K. A factor that is negative or not finite is an error:
// that would be no kernel.
func (K Kernel) Scale(factor float64) (Kernel, error) {
	if !(factor >= 0) || math.IsInf(factor, 0) {
		return Kernel{}, fmt.Errorf(
			"ntk: factor is %v; a multiple of a kernel is a kernel for finite factors ≥ 0", factor)
	}
	if K.prepare == nil {
		return Kernel{}, errNoKernel
	}
	out := K
	out.name = fmt.Sprintf("%.4g·(%v)", factor, K)
	out.net = nil
	if K.rescaled != nil {
		out.rescaled = func(s float64) (Kernel, error) {
			scaled, err := K.rescaled(s)
			if err != nil {
				return Kernel{}, err
			}
			return scaled.Scale(factor)
		}
	}
	out.pair = func(a prepared, p gauss.Pair, b prepared) float64 {
		return factor * K.pair(a, p, b)
	}
	if factor == 0 {
		out.factors = nil
	} else {
		out.prepare = out.withinRange(func(a prepared, q float64) bool {
			return K.pair(a, gauss.Equal(q), a) != 0
		})
		if out.factors == nil {
			out.factors = []Kernel{K}
		}
	}
	if K.expansion != nil {
		out.expansion = K.expansion.like(func(degree int) ([]float64, error) {
			a, err := K.expansion.coeffs(degree)
			for k := range a {
				a[k] *= factor
			}
			return a, err
		})
	}
	return out, nil
}

// leastNormal is where double precision begins to lose digits.
const leastNormal = 0x1p-1022

// withinRange is prepare with an error where K(x, x) has left double precision below, though
// what it is the product of has not: where those are not 0.
func (K Kernel) withinRange(
	nonzero func(a prepared, q float64) bool,
) func(q float64) (prepared, error) {
	return func(q float64) (prepared, error) {
		a, err := K.prepare(q)
		if err != nil {
			return nil, err
		}
		if math.Abs(K.pair(a, gauss.Equal(q), a)) < leastNormal && nonzero(a, q) {
			return nil, &DomainError{q, q, q, fmt.Sprintf(
				"%v is too small for double precision at equal inputs", K)}
		}
		return a, nil
	}
}

// normal holds a prepared input and K(x, x).
type normal struct {
	of  prepared
	top float64
}

// notAbove0 is the error of a kernel with the value top at equal inputs.
func notAbove0(K Kernel, top, q float64) error {
	return &DomainError{q, q, q, fmt.Sprintf(
		"%v is %v at equal inputs, where a kernel is finite and ≥ 0", K, top)}
}

// withTop reports a K(x, x) that is less than least.
func (K Kernel) withTop(q, least float64) (normal, error) {
	a, err := K.prepare(q)
	if err != nil {
		return normal{}, err
	}
	top := K.pair(a, gauss.Equal(q), a)
	switch {
	case !(top >= least) || math.IsInf(top, 0):
		return normal{}, notAbove0(K, top, q)
	case q > 0 && math.Abs(top) < minVariance: // what it was computed from may have lost digits
		return normal{}, &DomainError{q, q, q, fmt.Sprintf(
			"%v is %v at equal inputs, which are not zero: it is the kernel 0, or too small for "+
				"double precision", K, top)}
	}
	return normal{a, top}, nil
}

// Normalize returns K(x, x')/√(K(x, x) K(x', x')), which is 1 at equal inputs; where
// one of them is zero and K there too, it is 0. A K(x, x) below 1e-290 elsewhere is a
// [*DomainError] when asked for: zero, or too small for double precision. Factors do not
// matter, nor do those of a product, nor the σ_w of a net without biases whose activations
// are multiples of powers on either side of 0, such as ReLU: there K(x, x) may have any size.
func (K Kernel) Normalize() Kernel {
	out := K.bySize()
	prepare := out.prepare
	out.prepare = func(q float64) (prepared, error) {
		a, err := prepare(q)
		if err != nil {
			return nil, err
		}
		if top := out.pair(a, gauss.Equal(q), a); top < 0 {
			return nil, notAbove0(K, top, q)
		}
		return a, nil
	}
	return out
}

// bySize is Normalize, but K may be negative at equal inputs, as a factor may be of which there is
// another.
func (K Kernel) bySize() Kernel {
	K = K.made()
	out := Kernel{
		prepare: func(q float64) (prepared, error) {
			n, err := K.withTop(q, math.Inf(-1))
			n.top = math.Abs(n.top)
			return &n, err
		},
		pair: func(a prepared, p gauss.Pair, b prepared) float64 {
			x, y := a.(*normal), b.(*normal)
			s := gauss.GeometricMean(x.top, y.top)
			if s == 0 {
				return 0
			}
			return K.pair(x.of, p, y.of) / s
		},
		cosineOnly: K.cosineOnly,
		blackBox:   K.blackBox,
		tolerance:  2 * K.tolerance,
		distance:   K.ofOneDistance(),
	}
	if K.rescaled != nil {
		out.rescaled = func(s float64) (Kernel, error) {
			scaled, err := K.rescaled(s)
			if err != nil {
				return Kernel{}, err
			}
			return scaled.bySize(), nil
		}
	}
	if K.expansion != nil {
		out.expansion = K.expansion.like(func(degree int) ([]float64, error) {
			n, err := K.withTop(1, 0)
			if err != nil {
				return nil, err
			}
			a, err := K.expansion.coeffs(degree)
			for k := range a {
				a[k] /= n.top
			}
			return a, err
		})
	}
	if len(K.factors) > 0 {
		out = K.factors[0].bySize()
		for _, f := range K.factors[1:] {
			out = out.Mul(f.bySize())
		}
	} else if unit, ok := K.unit(); ok {
		out = unit
	}
	out.name = fmt.Sprintf("normalised %v", K)
	return out
}

// homogeneous says that φ(sz) = s^p φ(z) for all s > 0 with some p.
func homogeneous(phi Activation) bool {
	switch unwrap(phi).(type) {
	case ReLU, TwoSlope, RectifiedMonomial, Step, Sign:
		return true
	}
	return false
}

// unit returns the normalised kernel of a net without biases whose activations are
// homogeneous, of degrees p_1, p_2, … As a function of its inputs and parameters θ, such a
// net is σ_1^{P_1} σ_2^{P_2} … times the same net with all σ_w = 1, P_i the product of the
// degrees from layer i on. So are its derivatives by θ, whichever of them are trained: σ_w
// and norms of inputs are factors of its kernels, and are taken here so that variances are 1.
// It is not ok for other kernels, and for those that are 0.
func (K Kernel) unit() (out Kernel, ok bool) {
	if K.net == nil || K.net.last.BiasStd != 0 || K.net.last.WeightStd == 0 {
		return Kernel{}, false
	}
	r := &recursion{last: K.net.last, duals: K.net.duals}
	top := 1.0
	for i, l := range K.net.layers {
		if !homogeneous(l.Activation) || l.BiasStd != 0 || l.WeightStd == 0 || !(top > 0) {
			return Kernel{}, false
		}
		l.WeightStd = 1 / math.Sqrt(top)
		r.layers = append(r.layers, l)
		top, _ = dualAt(r.duals[i], gauss.Equal(1))
	}
	r.last.WeightStd = 1 / math.Sqrt(top)
	point, err := r.prepare(1)
	if err != nil {
		return Kernel{}, false
	}
	at := func(p gauss.Pair) float64 {
		nngp, tangent := r.pair(point.(*netPoint), p, point.(*netPoint), exactLoss)
		if K.tangent {
			return tangent
		}
		return nngp
	}
	if top = at(gauss.Equal(1)); !(top > 0) || math.IsInf(top, 0) {
		return Kernel{}, false
	}
	return Kernel{
		// Whether an input is zero is all that there is to know of it alone.
		prepare: func(q float64) (prepared, error) { return q == 0, nil },
		pair: func(a prepared, p gauss.Pair, b prepared) float64 {
			if a.(bool) || b.(bool) {
				return 0
			}
			s := gauss.GeometricMean(p.Q, p.Q2)
			return at(gauss.New(1, p.K/s, 1, p.Minus/s, p.Plus/s)) / top
		},
		cosineOnly: true,
		expansion: K.expansion.like(func(degree int) ([]float64, error) {
			a, err := r.series(degree, K.tangent)
			for k := range a {
				a[k] /= top
			}
			return a, err
		}),
	}, true
}

// Compose returns the kernel K∘inner, in which the values of inner take the place
// of the inner products: at q = inner(x, x), k = inner(x, x'), q' = inner(x', x').
// It is a kernel as both are. An inner(x, x) below 1e-290 where x is not zero is a
// [*DomainError] when asked for: zero, or too small for double precision.
func (K Kernel) Compose(inner Kernel) Kernel {
	K, inner = K.made(), inner.made()
	out := Kernel{
		name: fmt.Sprintf("(%v) of (%v)", K, inner),
		prepare: func(q float64) (prepared, error) {
			n, err := inner.withTop(q, 0)
			if err != nil {
				return nil, err
			}
			a, err := K.prepare(n.top)
			return &pairOf{a, &n}, err
		},
		pair: func(a prepared, p gauss.Pair, b prepared) float64 {
			x, y := a.(*pairOf), b.(*pairOf)
			n, n2 := x.b.(*normal), y.b.(*normal)
			return K.pair(x.a, gauss.Of(n.top, inner.pair(n.of, p, n2.of), n2.top), y.a)
		},
		cosineOnly: inner.cosineOnly,
		blackBox:   K.blackBox || inner.blackBox,
		tolerance:  K.tolerance,
		distance:   inner.ofOneDistance(),
	}
	if inner.rescaled != nil {
		out.rescaled = func(s float64) (Kernel, error) {
			scaled, err := inner.rescaled(s)
			if err != nil {
				return Kernel{}, err
			}
			return K.Compose(scaled), nil
		}
	}
	if inner.tolerance > 0 {
		out.tolerance += K.growth() * inner.tolerance
	}
	if K.expansion != nil && inner.expansion != nil {
		n, err := inner.withTop(1, 0)
		if err != nil || !K.cosineOnly && math.Abs(n.top-1) > 1e-12 {
			return out // K's series is known on the sphere q = 1 alone
		}
		outer, in, grows := K.expansion, inner.expansion, K.growth()
		out.expansion = &expansion{
			coeffs: func(degree int) ([]float64,
				error) {
				return composeExpansions(K, inner, degree)
			},
			nonneg:    outer.nonneg && in.nonneg,
			tolerance: outer.tolerance + grows*in.tolerance,
			rounding:  outer.rounding + grows*(in.rounding+baseRounding),
		}
		if outer.ends > 0 && in.ends > 0 {
			out.expansion.ends = (outer.ends-1)*(in.ends-1) + 1
		}
	}
	return out
}

// growth is by how much relative errors of the cosine near 1 grow in K, K'(1)/K(1),
// at least 1. Where that is infinite, errors of 1e-8 stand for those of rounding.
func (K Kernel) growth() float64 {
	const h = 1e-8
	one, err := K.prepare(1)
	if err != nil {
		return 1
	}
	top, below := K.pair(one, gauss.Equal(1), one), K.pair(one, gauss.New(1, 1-h, 1, h, 2-h), one)
	if g := (top - below) / (h * top); g > 1 {
		return g
	}
	return 1
}

func composeExpansions(outer, inner Kernel, degree int) ([]float64, error) {
	y, err := inner.expansion.coeffs(degree)
	if err != nil {
		return nil, err
	}
	one, err := inner.withTop(1, 0)
	if err != nil {
		return nil, err
	}
	// 1 - y_0 by the other coefficients and what is missing, which 1 does not drown.
	var gap, sum float64
	for k := len(y) - 1; k >= 0; k-- {
		y[k] /= one.top
		if sum += y[k]; k == 1 {
			gap = sum
		}
	}
	if missing := 1 - sum; math.Abs(missing) > 4*baseRounding {
		gap += missing
	}
	if !inner.expansion.nonneg && y[0] < 0 || gap < 0 {
		return nil, fmt.Errorf(
			"ntk: %v has the constant part %v of its value at equal inputs; the series of a "+
				"composition needs one in [0, 1]",
			inner,
			y[0],
		)
	}
	if gap == 0 { // a constant
		a, err := outer.Curve([]float64{1})
		return append(a, make([]float64, degree)...), err
	}
	terms := float64(degree + 1)
	if y[0] > 0 {
		x := terms / gap
		terms = x + 12*math.Sqrt(x/gap) + 60/gap
	}
	size, err := outer.Curve([]float64{1})
	if err != nil {
		return nil, err
	}
	for n := min(terms, float64(4*degree+64)); ; n = min(terms, 4*n) {
		a, err := outer.expansion.coeffs(int(n))
		if err != nil {
			return nil, err
		}
		var missing float64
		for k := len(a) - 1; k >= 0; k-- {
			missing += a[k]
		}
		missing = math.Abs(size[0] - missing)
		ended := outer.expansion.nonneg && missing <= baseRounding*size[0] ||
			outer.expansion.ends > 0 && int(n) >= outer.expansion.ends
		if n >= terms || ended {
			return newComposer(y, gap).of(thinned(a, math.Max(0, y[0]), gap, degree+1)), nil
		}
		if n >= maxHermite {
			return nil, fmt.Errorf(
				"ntk: the series of %v of %v, whose constant part is 1 less %.3g of its value "+
					"at equal inputs, takes more than %d coefficients",
				outer,
				inner,
				gap,
				maxHermite,
			)
		}
	}
}
