package gram

import (
	"context"
	"math"
	"sort"

	"github.com/kernelsmith/kernelsmith/ntk/internal/gauss"
	"github.com/kernelsmith/kernelsmith/ntk/internal/series"
	"github.com/kernelsmith/kernelsmith/ntk/internal/special"
)

// Curve is a kernel on inputs of one norm as a table of polynomials in
// t = √(1 - |c|), apart for c ≥ 0 and for c < 0. Kernels of activations with
// kinks and jumps have square roots at c = ±1 and are smooth in t.
//
// Pieces are equal within an octave of u = t + delta, which the bits of u tell
// at once; towards t = 0, where a deep net may have a spike, they get finer.
type Curve struct {
	pieces  []piece // first those of c ≥ 0
	delta   float64
	shift   uint // of the bits of u, for the number of a piece
	base    int  // number of the first piece
	perSide int
	short   bool    // without the last two powers
	spike   bool    // values next to c = ±1 are left out; see fit
	largest float64 // value
}

// piece is a polynomial for each output, in powers of u - mid.
type piece struct {
	mid  float64
	a, b [curveDegree + 1]float64
}

const curveDegree = 7

// CurveRow sets one and two (nil if there is one kernel) to the kernels of a
// row of pairs with x·x'/d in k; r and inverse are the 1/√q of the two sides. It returns
// the number of the piece that is nearest to c = ±1.
// Inputs are near or far and acute or obtuse at random, so nothing here branches
// on that.
func CurveRow[T float32 | float64](
	c *Curve, one, two, k []T, r float64, inverse []float64,
) (nearest int) {
	if c.short && two != nil {
		return shortCurveRow(c, one, two, k, r, inverse)
	}
	nearest = math.MaxInt
	one, inverse = one[:len(k)], inverse[:len(k)]
	pieces, delta, shift, base, perSide := c.pieces, c.delta, c.shift&63, c.base, c.perSide
	if two != nil {
		two = two[:len(k)]
	}
	for j, v := range k {
		bits := math.Float64bits(float64(v) * r * inverse[j])
		// |c| > 1 is rounding, by as much as it might be below
		w := math.Abs(1 - math.Float64frombits(bits&^signBit))
		u := math.Sqrt(w) + delta
		n := int(math.Float64bits(u) >> shift)
		nearest = min(nearest, n)
		p := &pieces[n-base+(int(int64(bits)>>63)&perSide)]
		u -= p.mid
		u2 := u * u
		u4 := u2 * u2
		// pairs of terms do not wait for each other, as Horner's do
		a := &p.a
		one[j] = T((a[0] + u*a[1]) + u2*(a[2]+u*a[3]) + u4*((a[4]+u*a[5])+u2*(a[6]+u*a[7])))
		if two != nil {
			b := &p.b
			two[j] = T((b[0] + u*b[1]) + u2*(b[2]+u*b[3]) + u4*((b[4]+u*b[5])+u2*(b[6]+u*b[7])))
		}
	}
	return nearest
}

// shortCurveRow is CurveRow for both kernels in single precision, the case of
// large matrices.
func shortCurveRow[T float32 | float64](
	c *Curve, one, two, k []T, r float64, inverse []float64,
) (nearest int) {
	nearest = math.MaxInt
	one, two, inverse = one[:len(k)], two[:len(k)], inverse[:len(k)]
	pieces, delta, shift := c.pieces, c.delta, c.shift&63
	first, perSide := -c.base, c.perSide
	for j, v := range k {
		bits := math.Float64bits(float64(v) * r * inverse[j])
		w := math.Abs(1 - math.Float64frombits(bits&^signBit))
		u := math.Sqrt(w) + delta
		n := int(math.Float64bits(u) >> shift)
		nearest = min(nearest, n)
		p := &pieces[n+first+(int(int64(bits)>>63)&perSide)]
		u -= p.mid
		u2 := u * u
		one[j] = T(p.a[0] + u*p.a[1] + u2*((p.a[2]+u*p.a[3])+u2*(p.a[4]+u*p.a[5])))
		two[j] = T(p.b[0] + u*p.b[1] + u2*((p.b[2]+u*p.b[3])+u2*(p.b[4]+u*p.b[5])))
	}
	return nearest
}

// at returns the kernels at |c| = 1 - gap.
func (c *Curve) at(gap float64, opposite bool) (one, two float64) {
	u := math.Sqrt(gap) + c.delta
	i := c.number(u) - c.base
	if opposite {
		i += c.perSide
	}
	p := &c.pieces[i]
	return horner(&p.a, u-p.mid), horner(&p.b, u-p.mid)
}

// number is that of the piece of u, whichever the side.
func (c *Curve) number(u float64) int { return int(math.Float64bits(u) >> c.shift) }

// NewCurve tabulates the kernels of e on inputs with ‖x‖²/d = q, to a tolerance
// relative to the largest value, from at most budget values. It returns nil if
// that is not enough.
//
// A kernel whose own rounding, or own tolerance, is above the one here is
// tabulated to that: see fit.
func NewCurve(ctx context.Context, e *Evaluator, q, tol float64, budget int) (*Curve, error) {
	a, err := e.Prepare(q)
	if err != nil {
		return nil, err
	}
	// Below t = 2^-octaves the cosine is 1 to the rounding of the inner product.
	octaves := 27
	if tol > 1e-12 {
		octaves = 14
	}
	f := &fitter{ctx: ctx, e: e, a: a, q: q, tol: tol, budget: budget, depth: octaves}
	for s := range f.spans {
		f.side = s
		if ok := f.fit(0, 1, math.Inf(1), 0); !ok {
			return nil, ctx.Err()
		}
	}
	for fine := uint(1); fine <= 6; fine++ {
		if c := f.tabulate(octaves, fine); c != nil {
			return c, nil
		}
	}
	return nil, nil
}

// fitter finds, by halving [0, 1], spans of t on which a polynomial of degree
// curveNodes-1 is the kernel.
type fitter struct {
	ctx    context.Context
	e      *Evaluator
	a      any
	q, tol float64
	budget int // values that may still be asked for
	depth  int // how often [0, 1] may be halved
	side   int // 0: c ≥ 0, 1: c < 0
	scale  [most]float64
	spike  bool
	spans  [2][]span
}

// span is values at mid + half·chebyshevNodes[i].
type span struct {
	mid, half float64
	y         [curveNodes][most]float64
	err       float64 // of the polynomial through them
}

const curveNodes = 17

// chebyshevNodes are the points cos(πi/(curveNodes-1)).
var chebyshevNodes = func() (x [curveNodes]float64) {
	for i := range x {
		x[i] = math.Sin(math.Pi * float64(curveNodes-1-2*i) / (2 * (curveNodes - 1)))
	}
	return x
}()

// at returns the kernels at t: exactly, or quickly for a table in single precision.
func (f *fitter) at(t float64) (out [most]float64) {
	f.budget--
	p := alongCurve(f.q, t*t, f.side == 1)
	if f.tol > 1e-12 && f.e.Quick != nil && f.e.Quick(out[:f.e.Outputs], f.a, p, f.a) {
		return out
	}
	f.e.Pair(out[:f.e.Outputs], f.a, p, f.a)
	return out
}

// fit appends the spans of [lo, hi] and reports whether it found them; err is
// the error of a polynomial on the whole of which this is half.
func (f *fitter) fit(lo, hi, err float64, depth int) bool {
	if f.ctx.Err() != nil || f.budget < curveNodes+len(fresh) {
		return false
	}
	s := span{mid: (lo + hi) / 2, half: (hi - lo) / 2}
	for i, x := range chebyshevNodes {
		s.y[i] = f.at(s.mid + s.half*x)
		for o, v := range s.y[i] {
			f.scale[o] = math.Max(f.scale[o], math.Abs(v))
		}
	}
	worst := 0.
	for _, x := range fresh {
		want, got := f.at(s.mid+s.half*x), s.at(x)
		for o := range f.e.Outputs {
			switch d := math.Abs(got[o] - want[o]); {
			case !special.Finite(d):
				return false
			case d > 0:
				worst = math.Max(worst, d/f.scale[o])
			}
		}
	}
	// Where halving does not help, what is left is the kernel's own error: to
	// halve divides a polynomial's by 2^curveNodes once it is small.
	ok := worst <= f.tol || worst < 1e-8 && worst > err/8
	if !ok && depth == f.depth && lo == 0 {
		// A spike too narrow for the inner products to tell how far into it a pair
		// is: as far as they tell, pairs this near are outside.
		f.spike = true
		for i := range s.y {
			s.y[i] = s.y[0]
		}
		worst, ok = 0, true
	}
	if ok {
		s.err = math.Max(worst, f.tol)
		f.spans[f.side] = append(f.spans[f.side], s)
		return true
	}
	return depth < f.depth && f.fit(lo, s.mid, worst, depth+1) && f.fit(s.mid, hi, worst, depth+1)
}

// fresh are points between those of chebyshevNodes, near the ends and the middle.
var fresh = func() (x [5]float64) {
	for i, j := range []float64{0.5, 3.5, 7.5, 12.5, 15.5} {
		x[i] = math.Cos(math.Pi * j / (curveNodes - 1))
	}
	return x
}()

// at interpolates, by the barycentric formula, x in [-1, 1].
func (s *span) at(x float64) (out [most]float64) {
	var sum float64
	for i, c := range chebyshevNodes {
		if x == c {
			return s.y[i]
		}
		w := 1 / (x - c)
		if i%2 == 1 {
			w = -w
		}
		if i == 0 || i == curveNodes-1 {
			w /= 2
		}
		sum += w
		for o, y := range s.y[i] {
			out[o] += w * y
		}
	}
	for o := range out {
		out[o] /= sum
	}
	return out
}

// value interpolates at t on a side, with what error.
func (f *fitter) value(side int, t float64) (out [most]float64, err float64) {
	spans := f.spans[side]
	i := sort.Search(len(spans)-1, func(i int) bool { return t <= spans[i].mid+spans[i].half })
	return spans[i].at((t - spans[i].mid) / spans[i].half), spans[i].err
}

// tabulate returns the curve with 2^fine pieces an octave, or nil if it needs
// more.
func (f *fitter) tabulate(octaves int, fine uint) *Curve {
	c := &Curve{
		delta:   math.Ldexp(1, -octaves),
		shift:   52 - fine,
		spike:   f.spike,
		largest: math.Max(f.scale[0], f.scale[1]),
	}
	terms := curveDegree + 1
	if c.short = f.tol > 1e-12; c.short {
		terms -= 2
	}
	c.base = c.number(c.delta)
	c.perSide = c.number(1+c.delta) - c.base + 1
	for side := range f.spans {
		for i := range c.perSide {
			lo := math.Float64frombits(uint64(c.base+i) << c.shift)
			hi := math.Float64frombits(uint64(c.base+i+1) << c.shift)
			hi = math.Min(hi, 1+c.delta)
			p := piece{mid: (lo + hi) / 2}
			half := (hi - lo) / 2
			var y [most][]float64
			for j := range terms {
				v, _ := f.value(side, p.mid+half*series.ChebyshevPoint(j, terms)-c.delta)
				for o := range y {
					y[o] = append(y[o], v[o])
				}
			}
			copy(p.a[:], powers(y[0]))
			copy(p.b[:], powers(y[1]))
			for l, power := 0, 1.; l <= curveDegree; l, power = l+1, power/half {
				p.a[l] *= power
				p.b[l] *= power
			}
			for _, x := range []float64{-1, -0.7, 0.1, 0.8, 1} {
				x *= half
				want, err := f.value(side, p.mid+x-c.delta)
				got := [most]float64{horner(&p.a, x), horner(&p.b, x)}
				for o := range want {
					if math.Abs(got[o]-want[o]) > 4*err*f.scale[o] {
						return nil
					}
				}
			}
			c.pieces = append(c.pieces, p)
		}
	}
	return c
}

func horner(a *[curveDegree + 1]float64, x float64) float64 {
	v := a[curveDegree]
	for l := curveDegree - 1; l >= 0; l-- {
		v = v*x + a[l]
	}
	return v
}

// powers returns the coefficients, in powers of x, of the polynomial that is y[j] at
// series.ChebyshevPoint(j, len(y)).
func powers(y []float64) []float64 {
	sum, rows := make([]float64, len(y)), series.ChebyshevInPowers(len(y))
	for k, b := range series.ChebyshevCoeffs(y) {
		for l, t := range rows[k] {
			sum[l] += b * t
		}
	}
	return sum
}

// valuesOnSphere sets the kernels of equal and opposite rows, whose norms
// differ by rounding alone, from those at the smallest and the largest norm.
func (m *matrix[T]) valuesOnSphere(lo, hi float64) error {
	var equal, opposite [2][most]float64
	for i, q := range []float64{lo, hi} {
		a, err := m.e.Prepare(q)
		if err != nil {
			return err
		}
		m.e.Pair(equal[i][:m.e.Outputs], a, gauss.New(q, q, q, 0, 2*q), a)
		m.e.Pair(opposite[i][:m.e.Outputs], a, gauss.New(q, -q, q, 2*q, 0), a)
	}
	for i, c := range m.x.class {
		f := 0.
		if hi > lo {
			f = (m.x.q[i] - lo) / (hi - lo)
		}
		for o := range m.e.Outputs {
			m.classes[c].equal[o] = equal[0][o] + f*(equal[1][o]-equal[0][o])
			m.classes[c].opposite[o] = opposite[0][o] + f*(opposite[1][o]-opposite[0][o])
		}
	}
	return nil
}

// onSphere sets out to the kernels of row i and those from j0 on, whose inner products are k,
// except equal and opposite rows.
func (m *matrix[T]) onSphere(work *rowWork, out [most][]T, k []T, i, j0 int) {
	if m.symmetric && i == j0 { // the row itself is none of those that are only near
		j0, k = j0+1, k[1:]
		for o := range m.e.Outputs {
			out[o] = out[o][1:]
		}
	}
	nearest := CurveRow(m.curve, out[0], out[1], k, m.z.inverse[i], m.x.inverse[j0:j0+len(k)])
	if nearest > m.nearest {
		return
	}
	m.doubtful(work, i, j0, k)
	for _, a := range work.list {
		p, opposite := a.pair, a.pair.K < 0
		if m.e.Of.ofDistances() {
			m.set(i, a.j, p)
			continue
		}
		gap := math.Min(p.Minus, p.Plus) / gauss.GeometricMean(p.Q, p.Q2)
		if m.curve.spike {
			m.set(i, a.j, alongCurve(m.norm, gap, opposite))
			continue
		}
		var out [most]float64
		out[0], out[1] = m.curve.at(gap, opposite)
		for o, dst := range m.dst {
			dst[m.index(i, a.j)] = T(out[o])
		}
	}
}

// alongCurve is a pair of norm q with |c| = 1 - gap.
func alongCurve(q, gap float64, opposite bool) gauss.Pair {
	p := gauss.New(q, q-q*gap, q, q*gap, q*(2-gap))
	if opposite {
		p.K, p.Minus, p.Plus = -p.K, p.Plus, p.Minus
	}
	return p
}
