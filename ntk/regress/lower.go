package regress

import (
	"context"
	"errors"
	"math"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/kernelsmith/kernelsmith/ntk/internal/accel"
	"github.com/kernelsmith/kernelsmith/ntk/internal/parallel"
	"gonum.org/v1/gonum/blas"
)

// lower is the lower triangle of a symmetric n×n matrix, or its Cholesky factor: blocks of rows,
// each of them row-major as far as its diagonal, so that it takes half the memory of the matrix
// and every product in it reads rows that lie beside each other. All places are counted in Go's
// int; what a product or factorisation is given spans a block of rows at most.
type lower[T accel.Float] struct {
	n, block int
	data     []T
	// square says that data is a whole row-major matrix, of which what is above the diagonal is
	// somebody else's.
	square bool
	// lifts is what a factorisation added to the diagonal of each block of rows.
	lifts []float64
}

// blockOf is the rows of a block: few enough for each processor to have many, enough for
// products at full speed. It must not depend on the number of processors, since rounding does
// on it.
func blockOf(n int) int { return max(64, min(512, (n/32+63)/64*64)) }

func newLower[T accel.Float](n int) *lower[T] {
	l := &lower[T]{n: n, block: blockOf(n)}
	last := l.blocks() - 1
	l.data = make([]T, l.offset(last)+(n-last*l.block)*l.stride(last))
	return l
}

// lowerBytes is the memory of a lower triangle of n rows whose entries have the given size.
func lowerBytes(n, size int) int64 {
	return int64(n) * int64(n+blockOf(n)) / 2 * int64(size)
}

func (l *lower[T]) blocks() int { return (l.n + l.block - 1) / l.block }

// rows returns the first row of block b and that after its last.
func (l *lower[T]) rows(b int) (from, to int) { return b * l.block, min((b+1)*l.block, l.n) }

// offset is where block b begins in data.
func (l *lower[T]) offset(b int) int {
	if l.square {
		return b * l.block * l.n
	}
	return l.block * l.block * (b * (b + 1) / 2)
}

// stride is how far rows of block b are apart.
func (l *lower[T]) stride(b int) int {
	if l.square {
		return l.n
	}
	return min((b+1)*l.block, l.n)
}

// row is row i up to its diagonal.
func (l *lower[T]) row(i int) []T {
	b := i / l.block
	start := l.offset(b) + (i-b*l.block)*l.stride(b)
	return l.data[start : start+i+1]
}

// addDiagonal adds v to each diagonal entry, of which it returns the largest then.
func (l *lower[T]) addDiagonal(v float64) (largest float64) {
	for i := range l.n {
		row := l.row(i)
		row[i] += T(v)
		largest = math.Max(largest, float64(row[i]))
	}
	return largest
}

// lift says what is added to the diagonal of a block where the factorisation does not go on
// without it, and how much that may be. The zero value adds nothing.
type lift struct{ first, most float64 }

// liftOf is a lift for a matrix of n rows whose factor is to precondition: four times what
// rounding does to a pivot, and no more than a thousandth of the largest diagonal entry.
func liftOf[T accel.Float](n int, largest float64) lift {
	eps := 0x1p-52
	if accel.IsSingle[T]() {
		eps = 0x1p-23
	}
	return lift{4 * eps * math.Sqrt(float64(n)) * largest, 1e-3 * largest}
}

// errIndefinite ends a factorisation, and is not seen outside of it.
var errIndefinite = errors.New("regress: not positive definite")

// factor overwrites the triangle of a positive definite matrix with its factor L. Where a pivot
// is below up.first, at least that much is added to the diagonal of its block of rows, so
// that L Lᵀ is of the matrix with a ridge added to some of the rows; lifted is the most that was.
// ok is false if up.most did not do. If ctx ends, its error is returned, in the time of one
// block. done, if not nil, is told of the multiplications and additions done since the last call.
//
// Each block is finished before the next to the right in its row is begun, whose update with
// all that is left of it is one product. Blocks are handed out column by column, and a block
// that needs one which another processor is at waits for it.
func (l *lower[T]) factor(
	ctx context.Context, up lift, done func(operations float64),
) (lifted float64, ok bool, err error) {
	type place struct{ i, j int }
	var places []place
	for j := range l.blocks() {
		for i := j; i < l.blocks(); i++ {
			places = append(places, place{i, j})
		}
	}
	w := newFinished(l.blocks())
	l.lifts = make([]float64, l.blocks())
	var indefinite atomic.Bool
	err = parallel.Each(ctx, len(places), func(task int, stop func() bool) error {
		p, complete := places[task], false
		defer func() {
			if !complete {
				w.give(-1)
			}
		}()
		if !w.await(p.i, p.j) || !w.await(p.j, p.j) || stop() {
			return ctx.Err()
		}
		if p.i == p.j {
			added, positive := l.diagonalBlock(p.j, up)
			if !positive {
				indefinite.Store(true)
				return errIndefinite
			}
			l.lifts[p.j] = added
		} else {
			l.update(p.i, p.j)
			if !w.await(p.j, p.j+1) {
				return ctx.Err()
			}
			l.divide(p.i, p.j)
		}
		complete = true
		w.give(p.i)
		if done != nil {
			done(l.operations(p.i, p.j))
		}
		return nil
	})
	if indefinite.Load() {
		err = nil
	}
	return slices.Max(l.lifts), err == nil && !indefinite.Load(), err
}

// operations is the cost of block (i, j), n³/3 for all of them.
func (l *lower[T]) operations(i, j int) float64 {
	i0, i1 := l.rows(i)
	j0, j1 := l.rows(j)
	height, width, left := float64(i1-i0), float64(j1-j0), float64(j0)
	if i == j {
		return width * width * (left + width/3)
	}
	return height * width * (2*left + width)
}

// finished counts the blocks that are done in each row of blocks.
type finished struct {
	lock   sync.Mutex
	more   sync.Cond
	count  []int
	failed bool
}

func newFinished(rows int) *finished {
	f := &finished{count: make([]int, rows)}
	f.more.L = &f.lock
	return f
}

// await waits for a number of blocks in a row; false says that they will not come.
func (f *finished) await(row, count int) bool {
	f.lock.Lock()
	defer f.lock.Unlock()
	for f.count[row] < count && !f.failed {
		f.more.Wait()
	}
	return !f.failed
}

// give tells of one more block in a row; -1 that there will be no more.
func (f *finished) give(row int) {
	f.lock.Lock()
	if row < 0 {
		f.failed = true
	} else {
		f.count[row]++
	}
	f.lock.Unlock()
	f.more.Broadcast()
}

// at is block (b, c) of the matrix and the part of its row of blocks that is left of it.
func (l *lower[T]) at(b, c int) (block, left []T, stride int) {
	part := l.data[l.offset(b):]
	return part[c*l.block:], part, l.stride(b)
}

// update subtracts from block (i, j) what the blocks left of it and of (j, j) explain.
func (l *lower[T]) update(i, j int) {
	i0, i1 := l.rows(i)
	j0, j1 := l.rows(j)
	if j0 == 0 {
		return
	}
	target, a, lda := l.at(i, j)
	_, b, ldb := l.at(j, j)
	accel.SerialOf[T]().Gemm(blas.NoTrans, blas.Trans, i1-i0, j1-j0, j0, -1, a, lda, b, ldb, 1,
		target, lda)
}

// divide multiplies block (i, j) by the inverse of the finished block (j, j).
func (l *lower[T]) divide(i, j int) {
	i0, i1 := l.rows(i)
	j0, j1 := l.rows(j)
	target, _, ldt := l.at(i, j)
	diagonal, _, ldd := l.at(j, j)
	accel.SerialOf[T]().Trsm(blas.Right, blas.Lower, blas.Trans, blas.NonUnit, i1-i0, j1-j0, 1,
		diagonal, ldd, target, ldt)
}

// diagonalBlock factors the block (j, j), and says what it added for that.
func (l *lower[T]) diagonalBlock(j int, up lift) (added float64, ok bool) {
	j0, j1 := l.rows(j)
	size := j1 - j0
	block, left, stride := l.at(j, j)
	if j0 > 0 {
		accel.SerialOf[T]().Syrk(blas.Lower, blas.NoTrans, size, j0, -1, left, stride, 1, block,
			stride)
	}
	var before []T
	if up.first > 0 {
		before = make([]T, size*size)
		for i := range size {
			copy(before[i*size:i*size+i+1], block[i*stride:])
		}
	}
	for {
		if accel.Potrf(blas.Lower, size, block, stride) && l.pivotsExceed(j, up.first) {
			return added, true
		}
		if added = math.Max(up.first, 4*added); !(added <= up.most) || up.first == 0 {
			return added, false
		}
		for i := range size {
			copy(block[i*stride:], before[i*size:i*size+i+1])
			block[i*stride+i] += T(added)
		}
	}
}

// pivotsExceed reports whether all pivots of block (j, j) are at least so large, and finite.
func (l *lower[T]) pivotsExceed(j int, least float64) bool {
	j0, j1 := l.rows(j)
	block, _, stride := l.at(j, j)
	for i := range j1 - j0 {
		v := float64(block[i*stride+i])
		if !(v*v >= least) || math.IsInf(v, 0) {
			return false
		}
	}
	return true
}

// forward overwrites x, (n-from)×columns for the rows of the triangle from the first of block
// `from` on, with L⁻¹ x; entries of x before them are 0.
func (l *lower[T]) forward(from, columns int, x []T) {
	b := accel.Of[T]()
	first := from * l.block
	for i := from; i < l.blocks(); i++ {
		i0, i1 := l.rows(i)
		diagonal, left, stride := l.at(i, i)
		target := x[(i0-first)*columns:]
		if i > from {
			b.Gemm(blas.NoTrans, blas.NoTrans, i1-i0, columns, i0-first, -1, left[first:], stride,
				x, columns, 1, target, columns)
		}
		b.Trsm(blas.Left, blas.Lower, blas.NoTrans, blas.NonUnit, i1-i0, columns, 1, diagonal,
			stride, target, columns)
	}
}

// backward overwrites the n×columns matrix x with L⁻ᵀ x.
func (l *lower[T]) backward(columns int, x []T) {
	b := accel.Of[T]()
	for i := l.blocks() - 1; i >= 0; i-- {
		i0, i1 := l.rows(i)
		diagonal, left, stride := l.at(i, i)
		target := x[i0*columns:]
		b.Trsm(blas.Left, blas.Lower, blas.Trans, blas.NonUnit, i1-i0, columns, 1, diagonal,
			stride, target, columns)
		if i0 > 0 {
			b.Gemm(blas.Trans, blas.NoTrans, i0, columns, i1-i0, -1, left, stride, target, columns,
				1, x, columns)
		}
	}
}

// times sets out, n×columns, to the matrix that was factored times x: L Lᵀ x without the lifts.
func (l *lower[T]) times(columns int, x, out []T) {
	b := accel.Of[T]()
	half := make([]T, l.n*columns)
	for i := range l.blocks() {
		i0, i1 := l.rows(i)
		diagonal, left, stride := l.at(i, i)
		from := x[i0*columns:]
		size, own := i1-i0, lowerPart(diagonal, stride, i1-i0)
		b.Gemm(blas.Trans, blas.NoTrans, i0, columns, size, 1, left, stride, from, columns, 1,
			half, columns)
		b.Gemm(blas.Trans, blas.NoTrans, size, columns, size, 1, own, size, from, columns, 1,
			half[i0*columns:], columns)
	}
	for i := range l.blocks() {
		i0, i1 := l.rows(i)
		diagonal, left, stride := l.at(i, i)
		target := out[i0*columns : i1*columns]
		for k := range target {
			target[k] = -T(l.lifts[i]) * x[i0*columns+k]
		}
		size, own := i1-i0, lowerPart(diagonal, stride, i1-i0)
		b.Gemm(blas.NoTrans, blas.NoTrans, size, columns, i0, 1, left, stride, half, columns, 1,
			target, columns)
		b.Gemm(blas.NoTrans, blas.NoTrans, size, columns, size, 1, own, size, half[i0*columns:],
			columns, 1, target, columns)
	}
}

// lowerPart returns a block on the diagonal with zeros above it.
func lowerPart[T accel.Float](block []T, stride, size int) []T {
	out := make([]T, size*size)
	for i := range size {
		copy(out[i*size:i*size+i+1], block[i*stride:])
	}
	return out
}

// forwardRows overwrites x, rows×n, with x L⁻ᵀ, on the calling goroutine.
func (l *lower[T]) forwardRows(rows int, x []T) {
	b := accel.SerialOf[T]()
	for i := range l.blocks() {
		i0, i1 := l.rows(i)
		diagonal, left, stride := l.at(i, i)
		if i0 > 0 {
			b.Gemm(blas.NoTrans, blas.Trans, rows, i1-i0, i0, -1, x, l.n, left, stride, 1, x[i0:],
				l.n)
		}
		b.Trsm(blas.Right, blas.Lower, blas.Trans, blas.NonUnit, rows, i1-i0, 1, diagonal, stride,
			x[i0:], l.n)
	}
}
