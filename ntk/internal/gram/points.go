package gram

import (
	"context"
	"math"
	"math/bits"
	"slices"

	"github.com/kernelsmith/kernelsmith/ntk/internal/accel"
	"github.com/kernelsmith/kernelsmith/ntk/internal/parallel"
)

// points are inputs with what a kernel matrix needs to know of each.
type points[T float32 | float64] struct {
	rows []T
	n, d int
	// given are the rows as they came where rows are around another origin, else nil.
	given []T

	q       []float64 // ‖x‖²/d
	inverse []float64 // 1/√q, 0 for the zero vector
	lo, hi  float64   // the least and the largest q
	wide    bool      // whether any row isWide
	tiny    int       // a row that is not zero but has q < leastSquare, else -1
	near    []float64 // see doubtful

	class   []int32
	negated []bool // the row is minus its class
	hash    []uint64

	prepared []any
	// For the layers of a SlopeNet: the standard deviation of each
	// one's pre-activation and its inverse, 0 for 0.
	std, inverseStd [][]float64
}

func (p *points[T]) row(i int) []T { return p.rows[i*p.d : (i+1)*p.d] }

func (p *points[T]) givenRow(i int) []T {
	if p.given == nil {
		return p.row(i)
	}
	return p.given[i*p.d : (i+1)*p.d]
}

// newPoints looks at each row once.
func newPoints[T float32 | float64](ctx context.Context, x Inputs[T]) (*points[T], error) {
	p := &points[T]{
		rows: x.Rows, n: x.N, d: x.D,
		q: make([]float64, x.N), inverse: make([]float64, x.N),
		class: make([]int32, x.N), negated: make([]bool, x.N), hash: make([]uint64, x.N),
	}
	const block = 16
	err := parallel.Each(ctx, (p.n+block-1)/block, func(task int, _ func() bool) error {
		for i := task * block; i < min(task*block+block, p.n); i++ {
			if err := p.look(i); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	p.lo, p.hi = slices.Min(p.q), slices.Max(p.q)
	p.tiny = -1
	for i, q := range p.q {
		p.wide = p.wide || p.isWide(i)
		if p.tiny < 0 && q < leastSquare && !isZero(p.row(i)) {
			p.tiny = i
		}
	}
	return p, nil
}

func isZero[T float32 | float64](row []T) bool {
	return !slices.ContainsFunc(row, func(v T) bool { return v != 0 })
}

// look finds the norm and the hash of a row, and what is not finite in it.
func (p *points[T]) look(i int) error {
	row := p.row(i)
	var sign uint64 // of the first entry that is not 0
	for _, v := range row {
		if v != 0 {
			sign = math.Float64bits(float64(v)) & signBit
			break
		}
	}
	// Partial sums keep the rounding of a long row's norm at a few ulps, and the
	// additions from waiting for each other.
	var sums [8]float64
	var h uint64
	for j, v := range row {
		f := float64(v)
		if !(math.Abs(f) < 1e150) {
			return &NonFiniteError{i, j, f}
		}
		sums[j%8] += f * f
		b := math.Float64bits(f) ^ sign
		if f == 0 { // -0 is 0
			b = 0
		}
		h = bits.RotateLeft64(h^b, 29) * 0x9e3779b97f4a7c15
	}
	sum := (sums[0] + sums[1]) + (sums[2] + sums[3]) + ((sums[4] + sums[5]) + (sums[6] + sums[7]))
	p.q[i] = sum / float64(p.d)
	if p.q[i] > 0 {
		p.inverse[i] = 1 / math.Sqrt(p.q[i])
	}
	p.hash[i], p.negated[i] = h, sign != 0
	return nil
}

const signBit = 1 << 63

// isWide says whether squares of the row's entries may leave the range of T.
func (p *points[T]) isWide(i int) bool {
	q := p.q[i]
	return accel.IsSingle[T]() && q > 0 && (q < 1e-30 || q*float64(p.d) > 1e37)
}

// classify numbers the sets of rows that are equal up to sign.
func (m *matrix[T]) classify() {
	type member struct {
		p *points[T]
		i int
	}
	var first []member             // of each class
	same := make(map[uint64]int32) // hash to class
	more := make(map[uint64][]int32)
	find := func(p *points[T], i int) int32 {
		equal := func(c int32) bool {
			return equalRows(p.row(i), first[c].p.row(first[c].i),
				p.negated[i] != first[c].p.negated[first[c].i])
		}
		h := p.hash[i]
		c, ok := same[h]
		// more: rows that differ and share a hash
		for _, c := range append([]int32{c}, more[h]...) {
			if ok && equal(c) {
				m.classes[c].opposed = m.classes[c].opposed ||
					p.negated[i] != first[c].p.negated[first[c].i]
				return c
			}
		}
		c = int32(len(first))
		first = append(first, member{p, i})
		m.classes = append(m.classes, class{})
		if ok {
			more[h] = append(more[h], c)
		} else {
			same[h] = c
		}
		return c
	}
	for i := range m.x.n {
		c := find(m.x, i)
		m.x.class[i] = c
		m.classes[c].columns = append(m.classes[c].columns, int32(i))
	}
	if m.symmetric {
		return
	}
	for i := range m.z.n {
		m.z.class[i] = find(m.z, i)
	}
}

// equalRows reports whether a is b, or minus b.
func equalRows[T float32 | float64](a, b []T, negated bool) bool {
	if negated {
		for i, v := range a {
			if v != -b[i] {
				return false
			}
		}
		return true
	}
	return slices.Equal(a, b)
}

// from returns what of the ascending columns is not before j.
func from(columns []int32, j int) []int32 {
	i, _ := slices.BinarySearch(columns, int32(j))
	return columns[i:]
}
