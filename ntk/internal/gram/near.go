package gram

import (
	"context"
	"math"

	"github.com/kernelsmith/kernelsmith/ntk/internal/accel"
	"github.com/kernelsmith/kernelsmith/ntk/internal/gauss"
)

// Pairs of rows that their inner product in T is no good for: near or nearly opposite ones,
// whose difference it does not tell, and those with squares that leave the range of T.

// again is such a pair, known from the rows themselves.
type again struct {
	j    int // column
	pair gauss.Pair
}

// nearness is the near of a matrix whose kernel is not one of distances. What is not near is off
// by productError, which is 2e-10 of ‖x-x'‖² in double precision and 5e-4 in single.
func nearness[T float32 | float64]() float64 {
	if accel.IsSingle[T]() {
		return 1e-3
	}
	return 1e-5
}

// findNear finds out which pairs are near, for kernels of ‖x-x'‖ alone around the better origin.
func (m *matrix[T]) findNear(ctx context.Context) (err error) {
	m.near = nearness[T]()
	if m.e.Of.ofDistances() {
		_, hi := m.bounds()
		if m.one, err = m.e.Prepare(hi); err != nil {
			return err
		}
		if m.near = m.reach(); m.near > 0 && m.e.Of == OfDifference && m.pairs() > few {
			if err = m.centre(ctx); m.moved {
				m.near = m.reach()
			}
		}
	}
	for _, p := range []*points[T]{m.x, m.z} {
		if p.near == nil {
			p.near = make([]float64, p.n)
			for i, q := range p.q {
				p.near[i] = (1 - m.near) * (q / 2)
			}
		}
	}
	return err
}

// doubtful appends to the list the pairs of row i with those from j0 on that are to be evaluated
// from more than their inner products k, but none of equal or opposite rows. A pair is near if k
// is above the sum of what its rows have in near.
func (m *matrix[T]) doubtful(work *rowWork, i, j0 int, k []T) {
	near := m.z.near[i]
	if m.z.wide || m.x.wide {
		near = math.Inf(-1) // to look at all, NaN too
	}
	limits := m.x.near[j0:][:len(k)]
	for j, v := range k {
		if v, limit := float64(v), limits[j]; !(math.Abs(v) <= near+limit) {
			m.doubt(work, i, j0+j, v, m.z.near[i]+limit)
		}
	}
}

// doubt appends a pair with the inner product k to the list if it is near, if more than the limit
// is, or nearly opposite, or wide.
func (m *matrix[T]) doubt(work *rowWork, i, j int, k, limit float64) {
	wide := m.z.isWide(i) || m.x.isWide(j)
	if wide {
		k = dot(m.z.row(i), m.x.row(j)) / float64(m.x.d)
	}
	opposite := k < 0 && m.e.Of != OfDifference
	switch {
	case k > limit, opposite && -k > limit:
		if m.z.class[i] != m.x.class[j] || m.moved && m.z.negated[i] != m.x.negated[j] {
			work.list = append(work.list, again{j, m.nearPair(i, j, opposite)})
		}
	case wide:
		work.list = append(work.list, again{j, m.pair(i, j, k)})
	}
}

func dot[T float32 | float64](a, b []T) (sum float64) {
	for i, v := range a {
		sum += float64(v) * float64(b[i])
	}
	return sum
}

// nearPair returns the pair of two rows from their difference, or their sum if they are nearly
// opposite.
func (m *matrix[T]) nearPair(i, j int, opposite bool) gauss.Pair {
	z, x, sign := m.z.givenRow(i), m.x.givenRow(j), T(1)
	if opposite {
		sign = -1
	}
	q, q2, t := m.z.q[i], m.x.q[j], square(z, x, sign)/(2*float64(m.x.d))
	if t > math.MaxFloat64 { // float32 does not have the difference
		return m.pair(i, j, dot(z, x)/float64(m.x.d))
	}
	var p gauss.Pair
	switch {
	case m.e.Of.ofDistances():
		p = apart(q/2+q2/2, t)
	case accel.IsSingle[T]() || m.curve != nil:
		p = gauss.Near(q, q2, t, q-q2)
	default:
		p = gauss.Near(q, q2, t, difference(z, x, sign)/float64(m.x.d))
	}
	if opposite {
		p = p.Mirrored()
	}
	return p
}

// square returns ‖z-x‖² for x times a sign. Differences in T are good to its rounding: they are
// small, or do not matter.
func square[T float32 | float64](z, x []T, sign T) float64 {
	var s, s2, s3, s4 float64
	x = x[:len(z)]
	l := 0
	for ; l+4 <= len(z); l += 4 {
		z, x := (*[4]T)(z[l:]), (*[4]T)(x[l:])
		d, d2 := float64(z[0]-sign*x[0]), float64(z[1]-sign*x[1])
		d3, d4 := float64(z[2]-sign*x[2]), float64(z[3]-sign*x[3])
		s += d * d
		s2 += d2 * d2
		s3 += d3 * d3
		s4 += d4 * d4
	}
	for ; l < len(z); l++ {
		d := float64(z[l] - sign*x[l])
		s += d * d
	}
	return (s + s2) + (s3 + s4)
}

// difference returns ‖z‖²-‖x‖² for x times a sign.
func difference[T float32 | float64](z, x []T, sign T) (sum float64) {
	for l, v := range z {
		sum += float64(v-sign*x[l]) * float64(v+sign*x[l])
	}
	return sum
}
