// Package tiled multiplies matrices that are known tile by tile.
package tiled

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/kernelsmith/kernelsmith/ntk/internal/accel"
	"github.com/kernelsmith/kernelsmith/ntk/internal/parallel"
	"gonum.org/v1/gonum/blas"
)

// Size is the side of the tiles that are asked for: large enough for the products in them
// to run at full speed, small enough to leave several to each processor and to be done in a
// fraction of a second.
const Size = 512

// Garbage counts the bytes of tiles. A tile of a kernel leaves its own size in garbage, and the
// collector waits until that is as much as all that is kept: beside a large factor, until memory
// is full. So it is called every gigabyte, which costs it little, since numbers hold no
// pointers.
type Garbage struct{ bytes atomic.Int64 }

// collectAfter is the bytes of tiles after which garbage is collected.
const collectAfter = 1 << 30

// Add counts a tile of so many bytes.
func (g *Garbage) Add(bytes int) {
	size := int64(bytes)
	if all := g.bytes.Add(size); all/collectAfter != (all-size)/collectAfter {
		runtime.GC()
	}
}

// Span is the tile of a dimension that begins at i.
func Span(i, size int) (from, to int) { return i, min(i+Size, size) }

// InTurn calls f for 0 … n-1 on all processors, then add for each in that order, so that a
// sum does not depend on which of them is done first. What f returns is handed to its add.
func InTurn[S any](
	ctx context.Context, n int, f func(i int, scratch S) error, add func(i int, scratch S),
	scratch func() S,
) error {
	turns := make([]chan struct{}, n+1)
	for i := range turns {
		turns[i] = make(chan struct{})
	}
	close(turns[0])
	var failed atomic.Bool
	pool := sync.Pool{New: func() any { return scratch() }}
	return parallel.Each(ctx, n, func(i int, _ func() bool) error {
		defer close(turns[i+1])
		s := pool.Get().(S)
		defer pool.Put(s)
		err := f(i, s)
		<-turns[i] // also after a failure: the next waits for this one
		if err != nil {
			failed.Store(true)
			return err
		}
		if !failed.Load() {
			add(i, s)
		}
		return nil
	})
}

// Strip is what one processor needs for a row of tiles.
type Strip[T accel.Float] struct {
	Tile []T
	wide []float64 // the tile in double precision
	Sums []float64
}

// Double returns a tile in double precision.
func (s *Strip[T]) Double(tile []T) []float64 {
	if same, ok := any(tile).([]float64); ok {
		return same
	}
	if len(s.wide) < len(tile) {
		s.wide = make([]float64, len(tile))
	}
	for i, v := range tile {
		s.wide[i] = float64(v)
	}
	return s.wide[:len(tile)]
}

// Checked is the tiles of a matrix whose entries are looked at.
type Checked[T accel.Float] interface {
	Dims() (rows, columns int)
	// FiniteTile is as ntk.Tiles.Tile, and an entry that is not finite is an error.
	FiniteTile(ctx context.Context, dst []T, i0, i1, j0, j1 int) error
}

// TimesSymmetric sets out, n×columns, to the symmetric matrix times x, in double precision, from
// the tiles on and below the diagonal. Its rounding does not depend on the number of processors.
func TimesSymmetric[T accel.Float](
	ctx context.Context, t Checked[T], x, out []float64, columns int, step func(),
) error {
	n, _ := t.Dims()
	tiles := (n + Size - 1) / Size
	clear(out)
	gemm := accel.Serial64().Dgemm
	// The longest rows first, for the processors to end together.
	return InTurn(ctx, tiles, func(task int, s *Strip[T]) error {
		i0, i1 := Span((tiles-1-task)*Size, n)
		clear(s.Sums[:i1*columns])
		own := s.Sums[i0*columns : i1*columns]
		for j := 0; j < i1; j += Size {
			j0, j1 := Span(j, n)
			part := s.Tile[:(i1-i0)*(j1-j0)]
			if err := t.FiniteTile(ctx, part, i0, i1, j0, j1); err != nil {
				return err
			}
			k := s.Double(part)
			gemm(blas.NoTrans, blas.NoTrans, i1-i0, columns, j1-j0, 1, k, j1-j0,
				x[j0*columns:], columns, 1, own, columns)
			if j0 < i0 {
				gemm(blas.Trans, blas.NoTrans, j1-j0, columns, i1-i0, 1, k, j1-j0,
					x[i0*columns:], columns, 1, s.Sums[j0*columns:], columns)
			}
			if step != nil {
				step()
			}
		}
		return nil
	}, func(task int, s *Strip[T]) {
		for i, v := range s.Sums[:min((tiles-task)*Size, n)*columns] {
			out[i] += v
		}
	}, func() *Strip[T] {
		return &Strip[T]{Tile: make([]T, Size*Size), Sums: make([]float64, n*columns)}
	})
}
