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
	return Kernel{
		name:    name,
		prepare: prepareBoth(K, L),
		pair: func(a prepared, p gauss.Pair, b prepared) float64 {
			x, y := a.(*pairOf), b.(*pairOf)
			return f(K.pair(x.a, p, y.a), L.pair(x.b, p, y.b))
		},
		cosineOnly: K.cosineOnly && L.cosineOnly,
		distance:   min(K.distance, L.distance),
		blackBox:   K.blackBox || L.blackBox,
		tolerance:  K.tolerance + L.tolerance,
	}
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
	return out
}

// Mul returns the product K·L, a kernel by Schur's theorem.
func (K Kernel) Mul(L Kernel) Kernel {
	out := combined(fmt.Sprintf("(%v)·(%v)", K, L), K, L,
		func(k, l float64) float64 { return k * l })
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
		nonneg: e.nonneg &&
			o.nonneg,
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
	out := K
	out.name = fmt.Sprintf("%.4g·(%v)", factor, K)
	out.net = nil
	out.pair = func(a prepared, p gauss.Pair,
		b prepared) float64 {
		return factor * K.pair(a, p, b)
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

// normal holds a prepared input and K(x, x).
type normal struct {
	of  prepared
	top float64
}

func (K Kernel) withTop(q float64) (normal, error) {
	a, err := K.prepare(q)
	if err != nil {
		return normal{}, err
	}
	top := K.pair(a, gauss.Equal(q), a)
	if !(top >= 0) || math.IsInf(top, 0) {
		return normal{}, &DomainError{
			q,
			q,
			q,
			fmt.Sprintf("%v is %v at equal inputs, where a kernel is finite and ≥ 0", K, top),
		}
	}
	return normal{a, top}, nil
}

// Normalize returns K(x, x')/√(K(x, x) K(x', x')), which is 1 at equal inputs;
// where K(x, x) is 0 it is 0.
func (K Kernel) Normalize() Kernel {
	out := Kernel{
		name: fmt.Sprintf("normalised %v", K),
		prepare: func(q float64) (prepared, error) {
			n, err := K.withTop(q)
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
		distance:   K.ofOneDistance(),
	}
	if K.expansion != nil {
		out.expansion = K.expansion.like(
			func(degree int) ([]float64, error) {
				top, err := K.Curve([]float64{1})
				if err != nil {
					return nil, err
				}
				a, err := K.expansion.coeffs(degree)
				for k := range a {
					if top[0] != 0 {
						a[k] /= top[0]
					}
				}
				return a, err
			})
	}
	return out
}

// Compose returns the kernel K∘inner, in which the values of inner take the place
// of the inner products: at q = inner(x, x), k = inner(x, x'), q' = inner(x', x').
// It is a kernel as both are.
func (K Kernel) Compose(inner Kernel) Kernel {
	out := Kernel{
		name: fmt.Sprintf("(%v) of (%v)", K, inner),
		prepare: func(q float64) (prepared, error) {
			n, err := inner.withTop(q)
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
		distance:   inner.ofOneDistance(),
	}
	if K.expansion != nil && inner.expansion != nil {
		top, err := inner.Curve([]float64{1})
		if err != nil || !K.cosineOnly && math.Abs(top[0]-1) > 1e-12 {
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
	top, err := inner.Curve([]float64{1})
	if err != nil {
		return nil, err
	}
	if top[0] == 0 {
		clear(y)
	}
	// 1 - y_0 by the other coefficients and what is missing, which 1 does not drown.
	var gap, sum float64
	for k := len(y) - 1; k >= 0; k-- {
		y[k] /= math.Max(top[0], math.SmallestNonzeroFloat64)
		if sum += y[k]; k == 1 {
			gap = sum
		}
	}
	if missing := 1 - sum; math.Abs(missing) > 4*baseRounding && top[0] > 0 {
		gap += missing
	}
	if top[0] == 0 {
		gap = 1
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
