package cnn

import (
	"context"
	"fmt"
	"math"
	"reflect"
	"slices"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/internal/accel"
	"github.com/kernelsmith/kernelsmith/ntk/internal/gauss"
	"github.com/kernelsmith/kernelsmith/ntk/internal/gram"
	chebyshev "github.com/kernelsmith/kernelsmith/ntk/internal/series"
	"github.com/kernelsmith/kernelsmith/ntk/internal/vec32"
	"github.com/kernelsmith/kernelsmith/ntk/inverse"
)

// A curve is applied to 10^5 cosines of each pair of images, so it is made quick first: in single
// precision a polynomial of the cosine or of √(1 - |c|), for the loops of package vec32; else the
// table of Gram matrices; else it is asked for each value.

// quick returns a function that replaces cosines by a curve's values. Several goroutines may call
// it at once.
func quick[T float32 | float64](
	ctx context.Context, curve inverse.Target,
) (func(c []T) error, error) {
	if v := reflect.ValueOf(curve); !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil() {
		return nil, fmt.Errorf("cnn: there is no curve κ (nil)")
	}
	s := &sampler{curve: curve}
	if err := s.measure(); err != nil {
		return nil, err
	}
	a, exact, err := s.polynomial()
	if err != nil {
		return nil, err
	}
	switch {
	case exact && !accel.IsSingle[T]():
		return func(c []T) error { horner(c, a); return nil }, nil
	case a != nil && accel.IsSingle[T]():
		p := vec32.NewPolynomial(a)
		return func(c []T) error { p.Apply(single(c)); return nil }, nil
	case accel.IsSingle[T]():
		even, odd, err := s.roots()
		if err != nil {
			return nil, err
		}
		if even != nil {
			r := vec32.NewRootCurve(even, odd)
			return func(c []T) error { r.Apply(single(c)); return nil }, nil
		}
	}
	if f, err := tabulated[T](ctx, s); f != nil || err != nil {
		return f, err
	}
	return func(c []T) error { return direct(s, c) }, nil
}

// horner is a polynomial in double precision.
func horner[T float32 | float64](c []T, a []float64) {
	for i, x := range c {
		sum := 0.0
		for k := len(a) - 1; k >= 0; k-- {
			sum = sum*float64(x) + a[k]
		}
		c[i] = T(sum)
	}
}

// sampler asks a curve for values.
type sampler struct {
	curve   inverse.Target
	largest float64 // |κ|, about
}

// values returns the curve at cosines.
func (s *sampler) values(c []float64) ([]float64, error) {
	v, err := s.curve.Curve(slices.Clone(c))
	if err != nil {
		return nil, fmt.Errorf("cnn: the curve κ: %w", err)
	}
	if len(v) != len(c) {
		return nil, fmt.Errorf("cnn: the curve κ gave %d values for %d cosines", len(v), len(c))
	}
	for i, x := range v {
		if !finite(x) {
			return nil, fmt.Errorf("cnn: the curve κ is %v at c = %v; it must be finite on [-1, 1]",
				x, c[i])
		}
	}
	return v, nil
}

// measure sets largest.
func (s *sampler) measure() error {
	c := make([]float64, 65)
	for i := range c {
		c[i] = math.Sin(math.Pi * float64(i-32) / 64)
	}
	v, err := s.values(c)
	for _, x := range v {
		s.largest = math.Max(s.largest, math.Abs(x))
	}
	return err
}

// near returns the curve at |c| = 1 - gap, gaps of c ≥ 0 and of c < 0. A cosine has a gap to 2^-53
// only, which a curve with a root there feels: between two cosines it is taken as a line over √gap.
func (s *sampler) near(gaps []float64, opposite bool) ([]float64, error) {
	sign := 1.0
	if opposite {
		sign = -1
	}
	var c, at []float64 // and the gaps that the cosines have, two for each
	for _, gap := range gaps {
		x := 1 - gap
		next := math.Nextafter(x, 2)
		if 1-x < gap || x == 1 {
			next = math.Nextafter(x, 0)
		}
		c, at = append(c, sign*x, sign*next), append(at, 1-x, 1-next)
	}
	v, err := s.values(c)
	if err != nil {
		return nil, err
	}
	out := make([]float64, len(gaps))
	for i, gap := range gaps {
		a, b := at[2*i], at[2*i+1]
		out[i] = v[2*i]
		if a != gap { // (√gap - √a)/(√b - √a), without cancellation
			out[i] += (v[2*i+1] - v[2*i]) * (gap - a) / (b - a) *
				(math.Sqrt(b) + math.Sqrt(a)) / (math.Sqrt(gap) + math.Sqrt(a))
		}
	}
	return out, nil
}

const (
	// seen is the error of polynomials, of the largest value. Kernels with pooling are means over
	// pairs of patches, and may be a thousandth of it.
	seen = 1e-10
	// mostGrowth is how large the sum of a polynomial's terms may be, of the largest value: its
	// rounding in single precision.
	mostGrowth = 8
	// mostTerms is where a table costs as much.
	mostTerms = 64
)

// polynomial returns coefficients of a polynomial in c that is the curve, nil if there is none
// that is quick and keeps its digits. It is exact where the curve is a power series itself.
func (s *sampler) polynomial() (a []float64, exact bool, err error) {
	if p, ok := s.curve.(ntk.PowerSeries); ok {
		a = append(p.Coeffs(), 0)
		a = a[:max(1, len(a)-1)]
		if len(a) <= mostTerms && s.isTame(a) {
			return a, true, nil
		}
	}
	check := []float64{0, 1, -1, 0.3, -0.3}
	for k := range 40 {
		check = append(check, 1-math.Ldexp(1, -k-1), math.Ldexp(1, -k-1)-1)
	}
	want, err := s.values(check)
	if err != nil {
		return nil, false, err
	}
	for n := mostTerms / 4; n <= mostTerms; n *= 2 {
		y, err := s.values(chebyshevPoints(n))
		if err != nil {
			return nil, false, err
		}
		b, ok := s.enough(chebyshev.ChebyshevCoeffs(y))
		if a = inPowers(b); !ok || !s.isTame(a) {
			continue
		}
		got := slices.Clone(check)
		horner(got, a)
		if s.agree(got, want) {
			return a, false, nil
		}
	}
	return nil, false, nil
}

// roots returns the coefficients of a [vec32.RootCurve], nil as polynomial does.
func (s *sampler) roots() (even, odd []float64, err error) {
	sides := func(t []float64) (e, o []float64, err error) {
		gaps := make([]float64, len(t))
		for i, x := range t {
			gaps[i] = x * x
		}
		acute, err := s.near(gaps, false)
		if err != nil {
			return nil, nil, err
		}
		obtuse, err := s.near(gaps, true)
		if err != nil {
			return nil, nil, err
		}
		for i, v := range acute {
			e, o = append(e, (v+obtuse[i])/2), append(o, (v-obtuse[i])/2)
		}
		return e, o, nil
	}
	check := []float64{0, 1, 0.8, 0.6}
	for k := range 20 {
		check = append(check, math.Ldexp(1, -k-1))
	}
	wantEven, wantOdd, err := sides(check)
	if err != nil {
		return nil, nil, err
	}
	at := slices.Clone(check)
	for i, t := range check {
		at[i] = 2*t - 1
	}
	for n := mostTerms / 4; n <= mostTerms; n += mostTerms / 4 {
		t := chebyshevPoints(n)
		for i, v := range t {
			t[i] = (1 + v) / 2
		}
		yEven, yOdd, err := sides(t)
		if err != nil {
			return nil, nil, err
		}
		e, okEven := s.enough(chebyshev.ChebyshevCoeffs(yEven))
		o, okOdd := s.enough(chebyshev.ChebyshevCoeffs(yOdd))
		terms := max(len(e), len(o))
		even = append(inPowers(e), make([]float64, terms-len(e))...)
		odd = append(inPowers(o), make([]float64, terms-len(o))...)
		if !okEven || !okOdd || terms > mostTerms/2 || !s.isTame(slices.Concat(even, odd)) {
			continue
		}
		gotEven, gotOdd := slices.Clone(at), slices.Clone(at)
		horner(gotEven, even)
		horner(gotOdd, odd)
		if s.agree(gotEven, wantEven) && s.agree(gotOdd, wantOdd) {
			return even, odd, nil
		}
	}
	return nil, nil, nil
}

// isTame says that a polynomial's terms are not much larger than the curve.
func (s *sampler) isTame(a []float64) bool {
	sum := 0.0
	for _, v := range a {
		sum += math.Abs(v)
	}
	return sum <= mostGrowth*s.largest
}

// enough leaves out the end of a Chebyshev series; ok is false if there is more to come.
func (s *sampler) enough(b []float64) (short []float64, ok bool) {
	for _, v := range b[len(b)*7/8:] {
		if !(math.Abs(v) <= seen/8*s.largest) {
			return b[:1], false
		}
	}
	rest := 0.0
	for len(b) > 1 && rest+math.Abs(b[len(b)-1]) <= seen/2*s.largest {
		rest += math.Abs(b[len(b)-1])
		b = b[:len(b)-1]
	}
	return b, true
}

// agree says that values are those of the curve.
func (s *sampler) agree(got, want []float64) bool {
	for i, v := range got {
		if !(math.Abs(v-want[i]) <= 4*seen*s.largest) {
			return false
		}
	}
	return true
}

func chebyshevPoints(n int) []float64 {
	x := make([]float64, n)
	for j := range x {
		x[j] = chebyshev.ChebyshevPoint(j, n)
	}
	return x
}

// inPowers returns Σ b_k T_k(x) as coefficients of x^k.
func inPowers(b []float64) []float64 {
	a := make([]float64, len(b))
	for k, row := range chebyshev.ChebyshevInPowers(len(b)) {
		for l, v := range row {
			a[l] += b[k] * v
		}
	}
	return a
}

// tabulated returns the curve by the table of Gram matrices, nil if it is too rough for one.
func tabulated[T float32 | float64](
	ctx context.Context, s *sampler,
) (func(c []T) error, error) {
	e := &gram.Evaluator{
		Outputs: 1,
		Prepare: func(q float64) (any, error) { return nil, nil },
		Pair: func(out []float64, _ any, p gauss.Pair, _ any) {
			v, err := s.near([]float64{min(p.Minus, p.Plus)}, p.Plus < p.Minus)
			if out[0] = math.NaN(); err == nil {
				out[0] = v[0]
			}
		},
	}
	tolerance := 1e-14
	if accel.IsSingle[T]() {
		tolerance = 1e-9
	}
	table, err := gram.NewCurve(ctx, e, 1, tolerance, 20_000)
	if table == nil || err != nil {
		return nil, err
	}
	if _, _, whole := table.At(1, false); !whole {
		return nil, nil
	}
	ones := make([]float64, 4096)
	for i := range ones {
		ones[i] = 1
	}
	return func(c []T) error {
		for len(c) > 0 {
			part := c[:min(len(c), len(ones))]
			toEnds(part)
			gram.CurveRow(table, part, nil, part, 1, ones[:len(part)])
			c = c[len(part):]
		}
		return nil
	}, nil
}

// toEnds sets cosines to ±1 that rounding does not tell from it.
func toEnds[T float32 | float64](c []T) {
	equal := T(0x1p-49)
	if accel.IsSingle[T]() {
		equal = 0x1p-21
	}
	for i, x := range c {
		if x >= 1-equal {
			c[i] = 1
		} else if x <= equal-1 {
			c[i] = -1
		}
	}
}

// direct asks the curve for each value.
func direct[T float32 | float64](s *sampler, c []T) error {
	toEnds(c)
	x := make([]float64, len(c))
	for i, v := range c {
		x[i] = float64(v)
	}
	v, err := s.values(x)
	for i, x := range v {
		c[i] = T(x)
	}
	return err
}
