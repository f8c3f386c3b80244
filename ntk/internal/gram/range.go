package gram

import (
	"math"

	"github.com/kernelsmith/kernelsmith/ntk/internal/accel"
	"github.com/kernelsmith/kernelsmith/ntk/internal/gauss"
)

// Rows whose squares leave double precision.

// inRange returns the rows, each one whose squares might leave the range of T times a power of
// two: a kernel of the cosine does not see it.
func (x Inputs[T]) inRange() Inputs[T] {
	least, most := 1e-140, 1e140
	if accel.IsSingle[T]() {
		least, most = 1e-15, 1e15
	}
	out := x
	for i := range x.N {
		row, largest := x.Rows[i*x.D:(i+1)*x.D], 0.0
		for _, v := range row {
			largest = math.Max(largest, math.Abs(float64(v))) // NaN if one is
		}
		if largest > least && largest < most || !(largest > 0 && largest <= math.MaxFloat64) {
			continue
		}
		if &out.Rows[0] == &x.Rows[0] {
			out.Rows = append([]T(nil), x.Rows...)
		}
		_, exponent := math.Frexp(largest)
		for j, v := range row {
			out.Rows[i*x.D+j] = T(math.Ldexp(float64(v), -exponent))
		}
	}
	return out
}

// leastSquare is the ‖x‖²/d below which products of it, and it itself, lose digits.
const leastSquare = 1e-290

// checkTiny reports a row that is not zero but has a ‖x‖²/d below leastSquare, unless it might
// as well be zero.
func (m *matrix[T]) checkTiny() error {
	if m.e.Of == OfCosine || m.x.tiny < 0 && m.z.tiny < 0 {
		return nil
	}
	if m.isConstantBelow(leastSquare, math.Max(m.x.hi, m.z.hi)) {
		return nil
	}
	p := m.x
	if p.tiny < 0 {
		p = m.z
	}
	e := &NonFiniteError{Row: p.tiny}
	for j, v := range p.row(p.tiny) {
		if v := float64(v); math.Abs(v) > math.Abs(e.Value) {
			e.Col, e.Value = j, v
		}
	}
	return e
}

// isConstantBelow says that, to rounding, inputs of ‖x‖²/d ≤ q have the kernels of the zero
// input, which are not 0, among each other and with one of ‖x‖²/d = large.
func (m *matrix[T]) isConstantBelow(q, large float64) bool {
	failed := false
	at := func(q, cosine, q2 float64) (out [most]float64) {
		a, err := m.e.Prepare(q)
		b, err2 := m.e.Prepare(q2)
		if failed = failed || err != nil || err2 != nil; !failed {
			m.e.Pair(out[:m.e.Outputs], a, gauss.Of(q, cosine*gauss.GeometricMean(q, q2), q2), b)
		}
		return out
	}
	zero, top, beside := at(0, 0, 0), at(large, 1, large), at(0, 0, large)
	same := !failed
	for _, c := range []float64{-1, 0, 1} {
		among, with := at(q, c, q), at(q, c, large)
		for o := range m.e.Outputs {
			same = same && zero[o] > 0 && math.Abs(among[o]-zero[o]) <= 1e-14*zero[o] &&
				math.Abs(with[o]-beside[o]) <= 1e-14*gauss.GeometricMean(zero[o], top[o])
		}
	}
	return same && !failed
}
