package gram

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"unsafe"

	"github.com/kernelsmith/kernelsmith/ntk/internal/accel"
	"github.com/kernelsmith/kernelsmith/ntk/internal/gauss"
	"github.com/kernelsmith/kernelsmith/ntk/internal/parallel"
	"gonum.org/v1/gonum/blas"
)

// Evaluator is one kernel, or a net's NNGP and NTK together, on pairs of
// inputs.
type Evaluator struct {
	Outputs int // 1, or 2: NNGP and NTK
	// Of says what the kernels depend on.
	Of Dependence
	// Prepare does the work that concerns one input alone, q = ‖x‖²/d.
	Prepare func(q float64) (any, error)
	// Pair sets out to the kernels of two prepared inputs. Where both are the same value,
	// not only equal ones, many more pairs of that norm will be asked for.
	Pair func(out []float64, a any, p gauss.Pair, b any)
	// Quick, if not nil, is Pair to 1e-10 of the largest value, for tables in single precision;
	// it reports where it cannot be.
	Quick func(out []float64, a any, p gauss.Pair, b any) (ok bool)
	// Slopes is not nil for a net with two slopes in all layers.
	Slopes *SlopeNet
}

// Inputs are N rows of D features, one after the other.
type Inputs[T float32 | float64] struct {
	Rows []T
	N, D int
}

// ErrNoInputs reports a matrix without rows or without columns.
var ErrNoInputs = errors.New(
	"ntk: no inputs: a matrix with a row for each input is needed")

// NonFiniteError reports an entry that is NaN, infinite, too large to be squared or, though the
// largest of its row, too small.
type NonFiniteError struct {
	Row, Col int
	Value    float64
}

// Error implements error.
func (e *NonFiniteError) Error() string {
	if math.Abs(e.Value) < 1 {
		return fmt.Sprintf("ntk: input row %d is not zero, but its largest entry, %v in column "+
			"%d, is so small that its square is lost: scale the inputs up", e.Row, e.Value, e.Col)
	}
	return fmt.Sprintf("ntk: input row %d, column %d is %v; all inputs must be finite, "+
		"and their squares too", e.Row, e.Col, e.Value)
}

// NotFinite says why a kernel has no value: its formulas left float64.
const NotFinite = "the kernel is too large for double precision there: smaller standard " +
	"deviations, parameters or inputs are needed"

// Lost says why a kernel may be NaN.
const Lost = "rounding leaves the kernel no digits there, since a deep net magnifies how inputs " +
	"differ, terms of an activation cancel or the rows are far from the origin: other σ_w, fewer " +
	"layers or rows nearer to it may do"

// most is how many kernels an Evaluator has at most.
const most = 2

// matrix is one kernel matrix in the making.
type matrix[T float32 | float64] struct {
	e    *Evaluator
	dst  [][]T // one for each output, of which entry (i, j) is at index(i, j)
	z, x *points[T]
	// row0, column0 and stride say which entries of the whole matrix dst holds.
	row0, column0, stride int
	// symmetric: z is x, and what is above the diagonal is mirrored below.
	symmetric bool
	// One of three ways to evaluate a pair: a curve over the cosine or, if flat, over the
	// distance, the layers in float64 on a whole row of pairs, and e.Pair.
	curve *Curve
	fast  bool
	// one is a prepared input that stands for all, where they are on one sphere or the kernel
	// is of distances; else each has its own.
	one any

	// near says which pairs are near: those with |k| > (1-near)(q+q')/2, or with k above that if
	// the kernel is of ‖x-x'‖ alone; moved then says that the rows are around another origin.
	near  float64
	moved bool
	// What the curve is of: inputs of ‖x‖²/d = norm. If flat, the rows have other norms, and the
	// curve is that of their distances; else nearest is the last of its pieces with near pairs.
	norm    float64
	flat    bool
	nearest int

	classes []class
	shared  *Products[T] // of the rows as they came, or nil
}

// class is a set of rows that are equal up to sign.
type class struct {
	columns []int32 // rows of x in it, ascending
	opposed bool    // it has rows of both signs
	// The kernels of two equal rows, and of two opposite ones.
	equal, opposite [most]float64
}

// index is where dst has the entry (i, j).
func (m *matrix[T]) index(i, j int) int { return (i-m.row0)*m.stride + j - m.column0 }

// Source is a kernel matrix that is known tile by tile.
type Source[T float32 | float64] struct{ m *matrix[T] }

// NewSource prepares the kernels of e between the rows of z and of x, which are kept and must
// not change; symmetric says that z is x. The errors speak of package ntk, whose callers they
// reach.
func NewSource[T float32 | float64](
	ctx context.Context, e *Evaluator, z, x Inputs[T], symmetric bool,
) (*Source[T], error) {
	if err := check(z, x); err != nil {
		return nil, err
	}
	m := &matrix[T]{e: e, symmetric: symmetric}
	if e.Of == OfCosine {
		x, z = x.inRange(), z.inRange()
	}
	var err error
	if m.x, err = newPoints(ctx, x); err != nil {
		return nil, err
	}
	if m.z = m.x; !symmetric {
		if m.z, err = newPoints(ctx, z); err != nil {
			return nil, err
		}
	}
	if err := m.checkTiny(); err != nil {
		return nil, err
	}
	m.classify()
	if err := m.choose(ctx); err != nil {
		return nil, err
	}
	return &Source[T]{m}, nil
}

// Dims returns the rows and columns of the whole matrix.
func (s *Source[T]) Dims() (rows, columns int) { return s.m.z.n, s.m.x.n }

// Tile sets dst, one for each output and each (i1-i0)×(j1-j0) and row-major, to the rows
// [i0, i1) and columns [j0, j1) of the matrix. Of a symmetric matrix, mirror images within the tile
// are equal to the bit. It works on the goroutine that calls it, and several may call it at once.
func (s *Source[T]) Tile(ctx context.Context, dst [][]T, i0, i1, j0, j1 int) error {
	rows, columns := s.Dims()
	for _, d := range dst {
		if err := CheckTile(rows, columns, len(d), i0, i1, j0, j1); err != nil {
			return err
		}
	}
	m := *s.m
	m.dst, m.row0, m.column0, m.stride, m.symmetric = dst, i0, j0, j1-j0, false
	if err := m.tile(ctx, tile{i0, i1, j0, j1}, make([]T, (i1-i0)*(j1-j0))); err != nil {
		return err
	}
	if from, n := max(i0, j0), min(i1, j1)-max(i0, j0); s.m.symmetric && n > 1 {
		for _, d := range dst {
			square := d[(from-i0)*m.stride+from-j0:]
			for i := 0; i < n; i += strip {
				mirror(square, m.stride, tile{0, n, 0, n}, i, min(i+strip, n))
			}
		}
	}
	return nil
}

// CheckTile reports a tile that is none of a rows×columns matrix or has not so many entries.
func CheckTile(rows, columns, entries, i0, i1, j0, j1 int) error {
	if i0 < 0 || i0 >= i1 || i1 > rows || j0 < 0 || j0 >= j1 || j1 > columns {
		return fmt.Errorf("ntk: the tile [%d, %d)×[%d, %d) is none of a %d×%d matrix", i0, i1, j0,
			j1, rows, columns)
	}
	if entries != (i1-i0)*(j1-j0) {
		return fmt.Errorf("ntk: a %d×%d tile does not go into %d entries", i1-i0, j1-j0, entries)
	}
	return nil
}

// Matrix sets dst, one for each output of e and each z.N×x.N and row-major, to the whole
// matrix; otherwise as [NewSource]. progress may be nil; it is told of the pairs that are
// done.
func Matrix[T float32 | float64](
	ctx context.Context, e *Evaluator, dst [][]T, z, x Inputs[T], symmetric bool,
	progress func(done, total int),
) error {
	if err := check(z, x); err != nil {
		return err
	}
	if err := checkDestination(dst, z, x); err != nil {
		return err
	}
	s, err := NewSource(ctx, e, z, x, symmetric)
	if err != nil {
		return err
	}
	return s.into(ctx, dst, progress)
}

// into sets dst to the whole matrix.
func (s *Source[T]) into(
	ctx context.Context, dst [][]T, progress func(done, total int),
) error {
	s.m.dst, s.m.stride = dst, s.m.x.n
	return s.m.run(ctx, progress)
}

// checkDestination reports memory that a matrix does not go into.
func checkDestination[T float32 | float64](dst [][]T, z, x Inputs[T]) error {
	for _, d := range dst {
		if len(d)/x.N != z.N || len(d)%x.N != 0 {
			return fmt.Errorf("ntk: a %d×%d kernel matrix does not go into %d entries", z.N, x.N,
				len(d))
		}
		if overlap(d, x.Rows) || overlap(d, z.Rows) {
			return errors.New("ntk: the destination overlaps the inputs, which must not change")
		}
	}
	if len(dst) == 2 && overlap(dst[0], dst[1]) {
		return errors.New("ntk: the NNGP and the NTK need a destination each")
	}
	return nil
}

// check reports inputs that no matrix can be made of.
func check[T float32 | float64](z, x Inputs[T]) error {
	if err := cmp.Or(x.check(), z.check()); err != nil {
		return err
	}
	if z.D != x.D {
		return fmt.Errorf("ntk: rows of %d and of %d features have no inner product", z.D, x.D)
	}
	return nil
}

// overlap reports whether two slices share memory.
func overlap[T float32 | float64](a, b []T) bool {
	if len(a) == 0 || len(b) == 0 {
		return false
	}
	first := func(s []T) uintptr { return uintptr(unsafe.Pointer(&s[0])) }
	last := func(s []T) uintptr { return uintptr(unsafe.Pointer(&s[len(s)-1])) }
	return first(a) <= last(b) && first(b) <= last(a)
}

func (x Inputs[T]) check() error {
	switch {
	case x.N < 1 || x.D < 1:
		return ErrNoInputs
	case x.N > math.MaxInt32 || x.D > math.MaxInt32 || len(x.Rows)/x.D != x.N:
		return fmt.Errorf("ntk: %d inputs of %d features are not %d entries", x.N, x.D, len(x.Rows))
	case len(x.Rows) != x.N*x.D:
		return fmt.Errorf("ntk: %d inputs of %d features are not %d entries", x.N, x.D, len(x.Rows))
	}
	return nil
}

// choose decides how pairs are evaluated and does what concerns one input.
func (m *matrix[T]) choose(ctx context.Context) error {
	if err := m.findNear(ctx); err != nil {
		return err
	}
	lo, hi := m.bounds()
	// Sums of many squares one after the other, as those that rows were scaled by, are off by more
	// the longer they are: by 300 ulps on images of 3,072 values.
	spread, tol := (64+float64(m.x.d)/4)*0x1p-52, 1e-14
	if accel.IsSingle[T]() {
		spread, tol = 16*0x1p-23, 1e-9
	}
	sphere := lo > 0 && hi-lo <= spread*lo
	if m.x.wide || m.z.wide || !sphere && (m.e.Of != OfDifference || hi < leastSquare) {
		return m.prepareAnyNorm(ctx)
	}
	m.norm, m.flat = lo+(hi-lo)/2, !sphere
	if m.flat {
		m.norm = 2 * hi
	}
	var err error
	if m.one, err = m.e.Prepare(m.norm); err != nil {
		return err
	}
	if m.curve, err = NewCurve(ctx, m.e, m.norm, tol, m.pairs()/2); err != nil {
		return err
	}
	switch c := m.curve; {
	case c == nil || accel.IsSingle[T]() && c.largest >= math.MaxFloat32/2 || m.flat && c.spike:
		return m.prepareAnyNorm(ctx)
	case m.flat:
		return m.values(ctx)
	}
	if m.nearest = -1; m.near > 0 {
		m.nearest = m.curve.number(math.Sqrt(math.Min(1, 2*m.near)) + m.curve.delta)
	}
	return m.valuesOnSphere(lo, hi)
}

// pairs is about how many kernels there are to find.
func (m *matrix[T]) pairs() int {
	if m.symmetric {
		return m.x.n * m.x.n / 2
	}
	return m.z.n * m.x.n
}

// bounds are the least and the largest ‖x‖²/d.
func (m *matrix[T]) bounds() (lo, hi float64) {
	return math.Min(m.x.lo, m.z.lo), math.Max(m.x.hi, m.z.hi)
}

// tileSide is the rows and columns of a tile: large for the product's sake,
// small for the processors to have enough of them. It must not depend on their
// number, on which rounding might then depend.
func tileSide(n int) int { return max(64, min(2048, (n/6+63)/64*64)) }

// strip is the rows of a tile that are evaluated, then mirrored, in one go: a
// cache line of their columns in float32.
const strip = 16

// tile is the rows [i0, i1) and columns [j0, j1) of the matrix.
type tile struct{ i0, i1, j0, j1 int }

func (m *matrix[T]) run(ctx context.Context, progress func(done, total int)) error {
	var tiles []tile
	h, w := tileSide(m.z.n), tileSide(m.x.n)
	total := len(m.dst[0])
	if m.symmetric {
		total = m.x.n * (m.x.n + 1) / 2
	}
	for i := 0; i < m.z.n; i += h {
		j := 0
		if m.symmetric {
			j = i
		}
		for ; j < m.x.n; j += w {
			tiles = append(tiles, tile{i, min(i+h, m.z.n), j, min(j+w, m.x.n)})
		}
	}
	if m.symmetric { // the tiles of half the work last, for processors to end together
		slices.SortStableFunc(tiles, func(a, b tile) int {
			switch half := a.i0 == a.j0; {
			case half == (b.i0 == b.j0):
				return 0
			case half:
				return 1
			}
			return -1
		})
	}
	report := func(int) {}
	if progress != nil {
		var mutex sync.Mutex
		done := 0
		report = func(pairs int) {
			mutex.Lock()
			defer mutex.Unlock()
			done += pairs
			progress(done, total)
		}
		report(0)
	}
	products := sync.Pool{New: func() any { return make([]T, h*w) }}
	return parallel.Each(ctx, len(tiles), func(task int, _ func() bool) error {
		t := tiles[task]
		k := products.Get().([]T)
		defer products.Put(k)
		if err := m.tile(ctx, t, k); err != nil {
			return err
		}
		rows, columns := t.i1-t.i0, t.j1-t.j0
		if m.symmetric && t.i0 == t.j0 {
			report(rows * (rows + 1) / 2)
		} else {
			report(rows * columns)
		}
		return nil
	})
}

// tile evaluates a tile; k has room for its inner products.
func (m *matrix[T]) tile(ctx context.Context, t tile, k []T) error {
	diagonal := m.symmetric && t.i0 == t.j0
	columns, n := t.j1-t.j0, m.x.n
	m.products(t, k)
	var work rowWork
	for i := t.i0; i < t.i1; i++ {
		j0 := t.j0
		if diagonal {
			j0 = i
		}
		row := k[(i-t.i0)*columns+j0-t.j0 : (i-t.i0+1)*columns]
		var out [most][]T
		for o, dst := range m.dst {
			out[o] = dst[m.index(i, j0):m.index(i, t.j1)]
		}
		if err := m.evaluate(ctx, &work, out, row, i, j0); err != nil {
			return err
		}
		m.correct(i, j0, t.j1)
		if m.curve == nil || len(work.list) > 0 { // a curve is finite
			if err := finiteRow(out[:m.e.Outputs], i, j0); err != nil {
				return err
			}
		}
		if end := i + 1; m.symmetric && ((end-t.i0)%strip == 0 || end == t.i1) {
			for _, dst := range m.dst {
				mirror(dst, n, t, t.i0+(i-t.i0)/strip*strip, end)
			}
		}
	}
	return nil
}

// evaluate sets out to the kernels of row i and those from j0 on, whose inner products are k; of
// equal and opposite rows they may be anything.
func (m *matrix[T]) evaluate(
	ctx context.Context, work *rowWork, out [most][]T, k []T, i, j0 int,
) error {
	work.list = work.list[:0]
	switch {
	case m.curve != nil && m.flat:
		m.level(work, out[0], k, i, j0)
	case m.curve != nil:
		m.onSphere(work, out, k, i, j0)
	default:
		if err := ctx.Err(); err != nil { // pairs may cost any time here
			return err
		}
		m.doubtful(work, i, j0, k)
		if m.fast {
			m.layersRow(work, out, k, i, j0)
			break
		}
		rest := work.list
		for j, v := range k {
			if len(rest) > 0 && rest[0].j == j0+j {
				m.set(i, j0+j, rest[0].pair)
				rest = rest[1:]
			} else {
				m.set(i, j0+j, m.pair(i, j0+j, float64(v)))
			}
		}
	}
	return nil
}

// finiteRow reports the first value of row i, from column j0 on, that is not
// finite.
func finiteRow[T float32 | float64](rows [][]T, i, j0 int) error {
	for _, row := range rows {
		for j, v := range row {
			if v-v == 0 {
				continue
			}
			reason := NotFinite
			if accel.IsSingle[T]() {
				reason = strings.Replace(reason, "double", "single", 1)
			}
			if v != v {
				reason = Lost
			}
			return fmt.Errorf("ntk: between rows %d and %d %s", i, j0+j, reason)
		}
	}
	return nil
}

// correct sets those pairs of row i with columns [j0, j1) that are equal or opposite.
func (m *matrix[T]) correct(i, j0, j1 int) {
	c := &m.classes[m.z.class[i]]
	for _, j := range from(c.columns, j0) {
		if int(j) >= j1 {
			break
		}
		value := &c.equal
		if m.z.negated[i] != m.x.negated[j] {
			if m.moved {
				continue // opposite where the origin was
			}
			value = &c.opposite
		}
		for o, dst := range m.dst {
			dst[m.index(i, int(j))] = T(value[o])
		}
	}
}

// product sets the rows×columns matrix k to a bᵀ/d; of a product with itself
// only the upper triangle.
func product[T float32 | float64](itself bool, rows, columns, d int, a, b, k []T) {
	scale := 1 / float64(d)
	switch a := any(a).(type) {
	case []float32:
		b, k := any(b).([]float32), any(k).([]float32)
		if itself {
			accel.Serial32().
				Ssyrk(blas.Upper, blas.NoTrans, rows, d, float32(scale), a, d, 0, k, columns)
		} else {
			accel.Serial32().
				Sgemm(blas.NoTrans, blas.Trans, rows, columns, d, float32(scale), a, d, b, d, 0, k,
					columns)
		}
	case []float64:
		b, k := any(b).([]float64), any(k).([]float64)
		if itself {
			accel.Serial64().Dsyrk(blas.Upper, blas.NoTrans, rows, d, scale, a, d, 0, k, columns)
		} else {
			accel.Serial64().
				Dgemm(blas.NoTrans, blas.Trans, rows, columns, d, scale, a, d, b, d, 0, k, columns)
		}
	}
}

// mirror copies the rows [i0, i1) of a tile on or above the diagonal to below
// it.
func mirror[T float32 | float64](dst []T, n int, t tile, i0, i1 int) {
	j := max(t.j0, i0+1)
	for ; j < t.j1 && (j < i1 || i1-i0 < strip); j++ {
		below := dst[j*n+i0 : j*n+min(i1, j)]
		for i := range below {
			below[i] = dst[(i0+i)*n+j]
		}
	}
	// Whole strips, four rows of them at a time.
	for i := i0; j < t.j1 && i < i1; i += 4 {
		a, b, c, d := dst[i*n:i*n+t.j1], dst[(i+1)*n:(i+1)*n+t.j1], dst[(i+2)*n:(i+2)*n+t.j1],
			dst[(i+3)*n:(i+3)*n+t.j1]
		for l := j; l < len(a) && l < len(b) && l < len(c) && l < len(d); l++ {
			below := (*[4]T)(dst[l*n+i:])
			below[0], below[1], below[2], below[3] = a[l], b[l], c[l], d[l]
		}
	}
}
