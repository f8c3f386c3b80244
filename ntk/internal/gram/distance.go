package gram

import (
	"context"
	"math"

	"github.com/kernelsmith/kernelsmith/ntk/internal/accel"
	"github.com/kernelsmith/kernelsmith/ntk/internal/gauss"
)

// Dependence is through what a kernel depends on its inputs x and x'. More of it is an
// invariance of the kernel, and a sum or product of two has the less.
type Dependence int

const (
	OfProducts         Dependence = iota // ‖x‖², x·x' and ‖x'‖²
	OfCosine                             // the cosine, 0 where an input is zero
	OfSumAndDifference                   // ‖x-x'‖ and ‖x+x'‖
	OfDifference                         // ‖x-x'‖ alone
)

// ofDistances says that pairs are evaluated at t = ‖x-x'‖²/2d rather than at inner products.
func (d Dependence) ofDistances() bool { return d >= OfSumAndDifference }

// apart is the pair of two inputs with ‖x-x'‖²/2d = t and (‖x‖²+‖x'‖²)/2d = q, as inputs of one
// norm would have them: for kernels of distances there is no other one.
func apart(q, t float64) gauss.Pair {
	q = math.Max(q, t/2)
	return gauss.New(q, q-t, q, t, 2*q-t)
}

// productError is the largest error of an inner product over d in T that was seen, up to
// d = 3072, on inputs with ‖x‖²/d = q: for terms of one sign, of which rows far from the origin
// have most. In single precision it is that of terms of both, so that not too many pairs of
// ordinary rows are near.
func productError[T float32 | float64](q float64) float64 {
	if accel.IsSingle[T]() {
		return 8 * 0x1p-24 * q
	}
	return 16 * 0x1p-53 * q
}

// few is how many pairs are taken from their rows, each of them, for kernels of distances.
const few = 256

// reach returns the near of a matrix whose kernel is of distances: what is not near is moved by
// productError by less than a tolerance.
func (m *matrix[T]) reach() (near float64) {
	if m.pairs() <= few {
		return 4 // all are near
	}
	_, hi := m.bounds()
	lo := hi
	for _, p := range []*points[T]{m.x, m.z} {
		for _, q := range p.q {
			if q > 0 {
				lo = math.Min(lo, q)
			}
		}
	}
	for q := hi; q > lo/4; q /= 4 {
		near = math.Max(near, m.reachAt(q)/q)
	}
	return near
}

// reachAt returns the largest t = ‖x-x'‖²/2d at which an error of productError moves the kernel
// by more than a tolerance and by more than its own rounding, on inputs of ‖x‖²/d = q. It is a
// part of q, for the differences of rows that are as far apart as they are from the origin tell
// no more than their inner product.
func (m *matrix[T]) reachAt(q float64) float64 {
	tol, e := 1e-13, productError[T](q)
	if accel.IsSingle[T]() {
		tol = 1e-6
	}
	at := func(t float64, opposite bool) (out [most]float64) {
		m.e.Pair(out[:m.e.Outputs], m.one, alongCurve(q, t/q, opposite), m.one)
		return out
	}
	top := at(0, false)
	moves := func(t float64, opposite bool) bool {
		here, there := at(t, opposite), at(t+e, opposite)
		less, more := at(t*(1-0x1p-50), opposite), at(t*(1+0x1p-50), opposite)
		for o := range m.e.Outputs {
			own := math.Max(math.Abs(less[o]-here[o]), math.Abs(more[o]-here[o]))
			if d := math.Abs(there[o] - here[o]); d > tol*math.Abs(top[o])+4*own {
				return true
			}
		}
		return false
	}
	for t := q / 8; t > 0; t /= 2 {
		if t < e/2 {
			t = 0
		}
		if moves(t, false) || m.e.Of == OfSumAndDifference && moves(t, true) {
			return 2*t + 2*e
		}
	}
	return 0
}

// level sets out to the kernels of row i and those from j0 on, whose inner products are k, except
// equal and opposite rows, by the curve of inputs that are as far apart. None of the others are
// farther than inputs on it with the cosine 0.
func (m *matrix[T]) level(work *rowWork, out, k []T, i, j0 int) {
	c, half := m.curve, m.z.q[i]/2
	scale := 1 / m.norm
	pieces, delta, shift, base := c.pieces, c.delta, c.shift&63, c.base
	for j, q := range m.x.q[j0 : j0+len(k)] {
		u := math.Sqrt(math.Abs(half+q/2-float64(k[j]))*scale) + delta
		p := &pieces[int(math.Float64bits(u)>>shift)-base]
		u -= p.mid
		u2 := u * u
		a := &p.a
		out[j] = T((a[0] + u*a[1]) + u2*(a[2]+u*a[3]) + u2*u2*((a[4]+u*a[5])+u2*(a[6]+u*a[7])))
	}
	m.doubtful(work, i, j0, k)
	for _, a := range work.list {
		m.set(i, a.j, a.pair)
	}
}

// centre moves the origin into the midst of the rows if many are near, and if that makes their
// norms, and so the errors of their inner products, much less. Differences are taken from the
// rows as they were.
func (m *matrix[T]) centre(ctx context.Context) error {
	all := []*points[T]{m.x}
	if !m.symmetric {
		all = append(all, m.z)
	}
	d, n := m.x.d, 0
	for _, p := range all {
		n += p.n
	}
	mean, square := make([]float64, d), 0.0
	for _, p := range all {
		for i, q := range p.q {
			square += q / float64(n)
			for j, v := range p.row(i) {
				mean[j] += float64(v) / float64(n)
			}
		}
	}
	spread := square // around the mean, from here
	for _, v := range mean {
		spread -= v * v / float64(d)
	}
	if m.near*square < spread/8 {
		return nil
	}
	var moved []*points[T]
	for _, p := range all {
		rows := make([]T, len(p.rows))
		for i, v := range p.rows {
			rows[i] = T(float64(v) - mean[i%d])
		}
		c, err := newPoints(ctx, Inputs[T]{rows, p.n, d})
		if err != nil {
			return err
		}
		c.class, c.negated, c.given = p.class, p.negated, p.rows
		moved = append(moved, c)
	}
	x, z := moved[0], moved[len(moved)-1]
	if math.Max(x.hi, z.hi) < math.Max(m.x.hi, m.z.hi)/2 {
		m.x, m.z, m.moved = x, z, true
	}
	return nil
}
