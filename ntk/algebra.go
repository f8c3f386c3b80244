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
		function:   K.function || L.function,
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
	out := combined(fmt.Sprintf("(%v)·(%v)", K, L), K, L, func(k, l float64) float64 { return k * l })
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
		nonneg: e.nonneg && o.nonneg, tolerance: e.tolerance + o.tolerance, rounding: e.rounding + o.rounding + baseRounding,
	}
}

// Scale returns factor · K. A factor that is negative or not finite is an error:
// that would be no kernel.
func (K Kernel) Scale(factor float64) (Kernel, error) {
	if !(factor >= 0) || math.IsInf(factor, 0) {
		return Kernel{}, fmt.Errorf("ntk: factor is %v; a multiple of a kernel is a kernel for finite factors ≥ 0", factor)
	}
	out := K
	out.name = fmt.Sprintf("%.4g·(%v)", factor, K)
	out.net = nil
	out.pair = func(a prepared, p gauss.Pair, b prepared) float64 { return factor * K.pair(a, p, b) }
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
		return normal{}, &DomainError{q, q, q, fmt.Sprintf("%v is %v at equal inputs, where a kernel is finite and ≥ 0", K, top)}
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
			s := gauss.Largest(x.top, y.top)
			if s == 0 {
				return 0
			}
			return K.pair(x.of, p, y.of) / s
		},
		cosineOnly: K.cosineOnly,
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
	}
	if K.expansion != nil && inner.expansion != nil {
		top, err := inner.Curve([]float64{1})
		if err != nil || !K.cosineOnly && math.Abs(top[0]-1) > 1e-12 {
			return out // K's series is known on the sphere q = 1 alone
		}
		outer, in, grows := K.expansion, inner.expansion, K.growth()
		out.expansion = &expansion{
			coeffs:    func(degree int) ([]float64, error) { return composeExpansions(K, inner, degree) },
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
		return nil, fmt.Errorf("ntk: %v has the constant part %v of its value at equal inputs; the series of a composition needs one in [0, 1]", inner, y[0])
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
		ended := outer.expansion.nonneg && missing <= baseRounding*size[0] || outer.expansion.ends > 0 && int(n) >= outer.expansion.ends
		if n >= terms || ended {
			return newComposer(y, gap).of(thinned(a, math.Max(0, y[0]), gap, degree+1)), nil
		}
		if n >= maxHermite {
			return nil, fmt.Errorf("ntk: the series of %v of %v, whose constant part is 1 less %.3g of its value at equal inputs, takes more than %d coefficients", outer, inner, gap, maxHermite)
		}
	}
}

// Series returns the power series Σ a_k c^k of the kernel on inputs of norm √d up
// to the degree, with a bound on the rest in [PowerSeries.Rest]: K(1) - Σ a_k
// where all a_k ≥ 0 by the kernel's construction, up to rounding. A kernel known
// by its values alone is a [*NoSeriesError]: see [Certify] for what its values
// tell.
//
// The rest falls as fast as the kernel is smooth at c = ±1: for the NTK of ReLU
// nets only like 1/√degree.
func (K Kernel) Series(degree int) (PowerSeries, error) {
	if K.expansion == nil {
		return PowerSeries{}, &NoSeriesError{K.name}
	}
	if degree < 0 {
		return PowerSeries{}, fmt.Errorf("ntk: degree is %d; it must be ≥ 0", degree)
	}
	a, err := K.expansion.coeffs(degree)
	if err != nil {
		return PowerSeries{}, err
	}
	p, err := NewPowerSeries(a)
	if err != nil {
		return PowerSeries{}, err
	}
	top, err := K.Curve([]float64{1})
	if err != nil {
		return PowerSeries{}, err
	}
	// What is missing, the last first: that they are many costs nothing.
	var lost, size float64
	sum := top[0]
	for k := len(a) - 1; k >= 0; k-- {
		v := sum - a[k]
		back := v - sum
		lost += (sum - (v - back)) - (a[k] + back)
		sum = v
		size += math.Abs(a[k])
	}
	e := K.expansion
	p.rest = math.Max(0, sum+lost) + (baseRounding+e.rounding+e.tolerance)*(size+math.Abs(top[0]))
	if !K.expansion.nonneg {
		p.rest = math.Inf(1)
	}
	return p, nil
}

// NoSeriesError reports a kernel whose power series does not follow from how it
// was made.
type NoSeriesError struct {
	Kernel string
}

// Error implements error.
func (e *NoSeriesError) Error() string {
	return fmt.Sprintf("ntk: the power series of %s does not follow from its construction; Certify estimates it from values", e.Kernel)
}

// cosineKernel is a kernel of the cosine alone, whatever the norms; where an input
// is zero the cosine is taken as 0.
func cosineKernel(name string, f func(c float64) float64, e *expansion) Kernel {
	return Kernel{
		name:    name,
		prepare: func(q float64) (prepared, error) { return q, nil },
		pair: func(a prepared, p gauss.Pair, b prepared) float64 {
			if p.Q == p.Q2 && p.Q > 0 { // the cosine to rounding on either side
				if p.Minus <= p.Plus {
					return f(1 - p.Minus/p.Q)
				}
				return f(p.Plus/p.Q - 1)
			}
			return f(p.Rho())
		},
		cosineOnly: true,
		expansion:  e,
	}
}

// FromFunc returns the kernel K(c) = f(c) of the cosine c in [-1, 1]: on inputs of
// any norm their cosine, 0 where one is zero. Whether f is positive definite is not
// checked here but by [Certify]; its values at some cosines are: NaN or an infinity
// is an error, and so is a panic of f there; later ones are the caller's. f must be
// safe to call from several goroutines.
func FromFunc(name string, f func(c float64) float64) (K Kernel, err error) {
	if f == nil {
		return Kernel{}, fmt.Errorf("ntk: kernel %q has no function (nil)", name)
	}
	defer func() {
		if p := recover(); p != nil {
			K, err = Kernel{}, fmt.Errorf("ntk: kernel %q panics on [-1, 1]: %v", name, p)
		}
	}()
	for i := range 65 {
		c := math.Cos(math.Pi * float64(i) / 64)
		if v := f(c); !isFinite(v) {
			return Kernel{}, fmt.Errorf("ntk: kernel %q is %v at c = %v; it must be finite on [-1, 1]", name, v, c)
		}
	}
	K = cosineKernel(name, f, nil)
	K.function = true
	return K, nil
}

// AtOne returns the limit of K(c) for c → 1 from the left, on inputs of norm √d,
// and an estimate of its error. A kernel whose power series is known is continuous
// there, so that it is K(1). Of others it is extrapolated from values down to
// 1 - c = 6e-14: white noise adds a jump at 1, which this does not see, and a
// derivative may be infinite there (+Inf, with an error of 0). Spikes narrower than
// that are not told from jumps.
func (K Kernel) AtOne() (limit, errorBound float64, err error) {
	one, err := K.prepare(1)
	if err != nil {
		return 0, 0, err
	}
	if K.expansion != nil && K.expansion.nonneg {
		v := K.pair(one, gauss.Equal(1), one)
		if isFinite(v) {
			return v, (1e-15 + K.tolerance) * math.Abs(v), nil
		}
	}
	// Neville's scheme in t = √(1-c), in which kernels with a kink are analytic; the
	// step is a quarter each time, in t a half.
	const n = 22
	var values, column, last []float64
	var best [n]float64
	for i := range n {
		gap := math.Ldexp(1, -2*(i+1))
		v := K.pair(one, gauss.New(1, 1-gap, 1, gap, 2-gap), one)
		if !isFinite(v) {
			return 0, 0, &DomainError{1, 1 - gap, 1, notFinite}
		}
		values = append(values, v)
		last, column = column, []float64{v}
		for j := 1; j <= min(i, 4); j++ {
			f := math.Pow(2, float64(j))
			column = append(column, (f*column[j-1]-last[j-1])/(f-1))
		}
		best[i] = column[len(column)-1]
	}
	// Increments that do not shrink: the kernel goes like 1/t or log t.
	diverges := true
	for i := n - 5; i < n; i++ {
		step, before := values[i]-values[i-1], values[i-1]-values[i-2]
		diverges = diverges && step/before > 0.9 && math.Abs(step) > 1e-9*math.Abs(values[i])
	}
	if diverges {
		return math.Copysign(math.Inf(1), values[n-1]-values[0]), 0, nil
	}
	// Of the last rows the one that changed least; they disagree by what values are
	// off and by what is not smooth.
	at, bound := n-1, math.Inf(1)
	for i := n - 6; i < n; i++ {
		if e := math.Abs(best[i]-best[i-1]) + math.Abs(best[i-1]-best[i-2]); e < bound {
			at, bound = i, e
		}
	}
	bound = math.Max(bound, math.Abs(values[n-1]-best[at])*1e-2)
	if !isFinite(best[at]) || !isFinite(bound) {
		return 0, 0, &DomainError{1, 1, 1, K.reason()}
	}
	return best[at], bound + (1e-15+K.tolerance)*math.Abs(best[at]), nil
}

// Derivative returns dK/dc on the sphere ‖x‖² = d as a kernel of the cosine: its
// coefficients are (k+1) a_{k+1}. It is exact to rounding where the power series
// of K ends or falls quickly. Elsewhere it comes from a Chebyshev interpolant of K
// in θ = arccos c, to about 1e-9 of the largest derivative on |c| < 0.999, and at
// c = 1 it can be infinite, which is a [*DomainError] when asked for. A kernel
// with too much detail for 4096 points is an error.
func (K Kernel) Derivative() (Kernel, error) {
	name := fmt.Sprintf("derivative of %v", K)
	var e *expansion
	if K.expansion != nil {
		e = K.expansion.like(func(degree int) ([]float64, error) {
			a, err := K.expansion.coeffs(degree + 1)
			if err != nil {
				return nil, err
			}
			for k := range degree + 1 {
				a[k] = float64(k+1) * a[k+1]
			}
			return a[:degree+1], nil
		})
		e.ends = max(0, e.ends-1)
		degree, ends := 200, false
		if n := K.expansion.ends; n > 0 && n <= 10001 {
			degree, ends = n, true
		}
		if p, err := K.Series(degree); err == nil && (ends || p.rest < 1e-13*math.Abs(p.At(1))) {
			if a, err := e.coeffs(degree); err == nil {
				return cosineKernel(name, PowerSeries{a: trimZeros(a)}.At, e), nil
			}
		}
	}
	f, err := K.slope()
	if err != nil {
		return Kernel{}, err
	}
	return cosineKernel(name, f, e), nil
}

// slope interpolates K(cos θ), which is analytic in θ for nets of piecewise
// analytic activations, and differentiates: K = Σ b_j cos jθ', θ' the angle in
// which θ = π(1 - cos θ')/2.
func (K Kernel) slope() (func(c float64) float64, error) {
	one, err := K.prepare(1)
	if err != nil {
		return nil, err
	}
	value := func(x float64) (float64, error) { // K at θ = π(1+x)/2
		sin, cos := math.Sincos(math.Pi * (1 + x) / 4)
		v := K.pair(one, gauss.New(1, 1-2*sin*sin, 1, 2*sin*sin, 2*cos*cos), one)
		if !isFinite(v) {
			return 0, &DomainError{1, 1 - 2*sin*sin, 1, notFinite}
		}
		return v, nil
	}
	for n := 64; n <= 4096; n *= 2 {
		b := make([]float64, n)
		var size float64
		for j := range n {
			if b[j], err = value(math.Cos(math.Pi * (float64(j) + 0.5) / float64(n))); err != nil {
				return nil, err
			}
			size = math.Max(size, math.Abs(b[j]))
		}
		b = chebyshevCoeffs(b)
		// A spike between the points shows at fresh ones, the ends first.
		missed := false
		for _, x := range []float64{-1, -0.99999, -0.9, -0.123, 0.456, 1} {
			v, err := value(x)
			if err != nil {
				return nil, err
			}
			missed = missed || math.Abs(v-clenshaw(b, x)) > 1e-12*math.Max(size, math.Abs(v))
		}
		if missed {
			continue
		}
		var tail float64
		for _, v := range b[n-n/8:] {
			tail = math.Max(tail, math.Abs(v))
		}
		if tail > 1e-14*size {
			continue
		}
		for n > 1 && math.Abs(b[n-1]) <= 2e-16*size {
			n--
		}
		d := chebyshevDerivative(b[:n])
		return func(c float64) float64 {
			theta := math.Acos(math.Max(-1, math.Min(1, c)))
			x := 2*theta/math.Pi - 1
			slope := clenshaw(d, x) * 2 / math.Pi
			// Near the ends K'(θ)/sin θ is K'' there if K' goes to 0, and else infinite.
			sin := math.Sin(theta)
			if near := theta < 1e-5 || theta > math.Pi-1e-5; !near || math.Abs(slope) > 1e-4*size && sin > 1e-15 {
				return -slope / sin
			}
			if math.Abs(slope) > 1e-4*size {
				return math.Inf(int(-math.Copysign(1, slope)))
			}
			return -math.Copysign(1, c) * clenshaw(chebyshevDerivative(d), x) * 4 / (math.Pi * math.Pi)
		}, nil
	}
	return nil, fmt.Errorf("ntk: %v has too much detail for its derivative: 4096 points in θ do not resolve it", K)
}

// chebyshevCoeffs returns the coefficients of the interpolant with these values at
// cos π(j+½)/n.
func chebyshevCoeffs(values []float64) []float64 {
	n := len(values)
	out := make([]float64, n)
	cosines := make([]float64, 4*n)
	for i := range cosines {
		cosines[i] = math.Cos(math.Pi * float64(i) / float64(2*n))
	}
	for k := range out {
		var sum float64
		for j, v := range values {
			sum += v * cosines[k*(2*j+1)%(4*n)]
		}
		out[k] = 2 * sum / float64(n)
	}
	out[0] /= 2
	return out
}

func chebyshevDerivative(b []float64) []float64 {
	n := len(b)
	d := make([]float64, max(1, n-1)+2)
	for k := n - 1; k > 0; k-- {
		d[k-1] = d[k+1] + 2*float64(k)*b[k]
	}
	d[0] /= 2
	return d[:max(1, n-1)]
}

func clenshaw(b []float64, x float64) float64 {
	var u, v float64
	for k := len(b) - 1; k > 0; k-- {
		u, v = 2*x*u-v+b[k], u
	}
	return x*u - v + b[0]
}

// Curves evaluates kernels at n cosines of equally spaced angles, for a figure:
// the cosines in ascending order and one slice of values for each kernel.
func Curves(n int, kernels ...Kernel) (cosines []float64, values [][]float64, err error) {
	if n < 2 {
		return nil, nil, fmt.Errorf("ntk: %d points; a curve has at least 2", n)
	}
	cosines = make([]float64, n)
	for i := range cosines {
		cosines[i] = -math.Cos(math.Pi * float64(i) / float64(n-1))
	}
	for _, K := range kernels {
		v, err := K.Curve(cosines)
		if err != nil {
			return nil, nil, fmt.Errorf("%v: %w", K, err)
		}
		values = append(values, v)
	}
	return cosines, values, nil
}
