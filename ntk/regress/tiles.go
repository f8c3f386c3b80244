package regress

import (
	"context"
	"fmt"
	"math"
	"sync"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/internal/accel"
	"github.com/kernelsmith/kernelsmith/ntk/internal/parallel"
	"github.com/kernelsmith/kernelsmith/ntk/internal/tiled"
	"gonum.org/v1/gonum/blas"
)

// isEmpty reports whether there is no matrix or one without entries; a count below 0 is none.
func isEmpty[T accel.Float](t ntk.Tiles[T]) bool {
	if t == nil {
		return true
	}
	rows, columns := t.Dims()
	return rows < 1 || columns < 1
}

// checkSquare reports a Gram matrix that is not n×n.
func checkSquare[T accel.Float](t ntk.Tiles[T]) (n int, err error) {
	n, columns := t.Dims()
	if columns != n {
		return 0, fmt.Errorf("regress: a Gram matrix of %d×%d; it must be square", n, columns)
	}
	return n, nil
}

// source is a matrix whose tiles are asked for again and again.
type source[T accel.Float] struct {
	ntk.Tiles[T]
	name    string // in errors
	garbage tiled.Garbage
}

// gramOf is the source of a Gram matrix.
func gramOf[T accel.Float](t ntk.Tiles[T]) *source[T] {
	return &source[T]{Tiles: t, name: "Gram matrix"}
}

// crossOf is the source of a cross matrix.
func crossOf[T accel.Float](t ntk.Tiles[T]) *source[T] {
	return &source[T]{Tiles: t, name: "cross matrix"}
}

func (s *source[T]) Tile(ctx context.Context, dst []T, i0, i1, j0, j1 int) error {
	if err := ctx.Err(); err != nil { // a tile may take a while, and many are asked for in a row
		return err
	}
	s.garbage.Add(8 * len(dst))
	if err := s.Tiles.Tile(ctx, dst, i0, i1, j0, j1); err != nil {
		return fmt.Errorf("regress: %w", err)
	}
	return nil
}

// place is where an entry is in the matrix that the tiles are of, for errors.
func (s *source[T]) place(i, j int) (row, column int) {
	if p, ok := s.Tiles.(picked[T]); ok {
		i, _ = neighbours(p.rows, i, i+1)
		j, _ = neighbours(p.columns, j, j+1)
	}
	return i, j
}

// FiniteTile is Tile, and names the first entry that is not finite, if there is one.
func (s *source[T]) FiniteTile(ctx context.Context, dst []T, i0, i1, j0, j1 int) error {
	if err := s.Tile(ctx, dst, i0, i1, j0, j1); err != nil {
		return err
	}
	for k, v := range dst {
		if v-v != 0 {
			row, column := s.place(i0+k/(j1-j0), j0+k%(j1-j0))
			return notFinite(s.name, float64(v), row, column)
		}
	}
	return nil
}

// gram returns an n×n Gram matrix, row-major, from its tiles on and below the diagonal.
func gram[T accel.Float](ctx context.Context, t *source[T]) ([]float64, int, error) {
	n, err := checkSquare[T](t)
	if err != nil {
		return nil, 0, err
	}
	l := newLower[float64](n)
	if err := fill(ctx, t, l, nil); err != nil {
		return nil, 0, err
	}
	out := make([]float64, n*n)
	for i := range n {
		for j, v := range l.row(i) {
			out[i*n+j], out[j*n+i] = v, v
		}
	}
	return out, n, nil
}

// fill sets l to the tiles of t on and below the diagonal. It reports entries that are not
// finite, and a matrix that is seen not to be symmetric: all of the tiles on the diagonal
// and a row of each tile above it are compared. step, if not nil, is told of each tile.
func fill[T, F accel.Float](
	ctx context.Context, t *source[T], l *lower[F], step func(),
) error {
	n := l.n
	tiles := (n + tiled.Size - 1) / tiled.Size
	roots := make([]float64, n) // √|K_ii|
	buffers := sync.Pool{New: func() any { return make([]T, tiled.Size*tiled.Size) }}
	one := func(a, b int) error {
		i0, i1 := tiled.Span(a*tiled.Size, n)
		j0, j1 := tiled.Span(b*tiled.Size, n)
		tile := buffers.Get().([]T)
		defer buffers.Put(tile)
		width := j1 - j0
		part := tile[:(i1-i0)*width]
		if err := t.FiniteTile(ctx, part, i0, i1, j0, j1); err != nil {
			return err
		}
		mirrored := func(i, j int) T { return part[(j-j0)*width+i-i0] }
		first := j0
		if a == b {
			for i := i0; i < i1; i++ {
				roots[i] = math.Sqrt(math.Abs(float64(part[(i-i0)*width+i-j0])))
			}
		} else {
			first += (a*7 + b*13) % width
			row := make([]T, i1-i0)
			if err := t.Tile(ctx, row, first, first+1, i0, i1); err != nil {
				return err
			}
			mirrored = func(i, _ int) T { return row[i-i0] }
		}
		for i := i0; i < i1; i++ {
			values := part[(i-i0)*width : (i-i0+1)*width]
			end := first + 1
			if a == b {
				end = i
			}
			for j := first; j < end; j++ {
				if a, b := values[j-j0], mirrored(i, j); !symmetric(a, b, roots[i]*roots[j]) {
					row, column := t.place(i, j)
					return asymmetric(t.name, float64(a), float64(b), row, column)
				}
			}
			for j, v := range values[:min(width, i+1-j0)] {
				l.row(i)[j0+j] = F(v)
			}
		}
		if step != nil {
			step()
		}
		return nil
	}
	err := parallel.Each(ctx, tiles, func(a int, _ func() bool) error { return one(a, a) })
	if err != nil {
		return err
	}
	return parallel.Each(ctx, tiles*(tiles-1)/2, func(task int, _ func() bool) error {
		a := int((1 + math.Sqrt(float64(1+8*task))) / 2)
		for a*(a-1)/2 > task {
			a--
		}
		for a*(a+1)/2 <= task {
			a++
		}
		return one(a, task-a*(a-1)/2)
	})
}

// symmetric reports whether K_ij and K_ji agree but for what rounding does to a kernel with a
// kink, the root of which it takes. size is √(K_ii K_jj).
func symmetric[T accel.Float](v, mirrored T, size float64) bool {
	tol := 1e-6
	if accel.IsSingle[T]() {
		tol = 4e-3
	}
	a, b := float64(v), float64(mirrored)
	return math.Abs(a-b) <= tol*(size+math.Abs(a))
}

// asymmetric is the error that names two entries of a matrix.
func asymmetric(name string, a, b float64, i, j int) error {
	return fmt.Errorf("regress: the %s is %v in row %d, column %d and %v in row %d, column %d; it "+
		"must be symmetric", name, a, i, j, b, j, i)
}

// assembled returns a matrix, row-major.
func assembled[T accel.Float](ctx context.Context, t *source[T]) ([]T, error) {
	rows, columns := t.Dims()
	out := make([]T, rows*columns)
	across := (columns + tiled.Size - 1) / tiled.Size
	down := (rows + tiled.Size - 1) / tiled.Size
	err := parallel.Each(ctx, across*down, func(task int, _ func() bool) error {
		i0, i1 := tiled.Span(task/across*tiled.Size, rows)
		j0, j1 := tiled.Span(task%across*tiled.Size, columns)
		width := j1 - j0
		part := make([]T, (i1-i0)*width)
		if err := t.Tile(ctx, part, i0, i1, j0, j1); err != nil {
			return err
		}
		for i := i0; i < i1; i++ {
			copy(out[i*columns+j0:i*columns+j1], part[(i-i0)*width:])
		}
		return nil
	})
	return out, err
}

// times sets out, rows×columns, to a matrix of rows×n times w, n×columns, in double precision.
func times[T accel.Float](
	ctx context.Context, t *source[T], w, out []float64, columns int,
) error {
	rows, n := t.Dims()
	buffers := sync.Pool{New: func() any {
		return &tiled.Strip[T]{Tile: make([]T, tiled.Size*tiled.Size)}
	}}
	clear(out)
	return parallel.Each(ctx, (rows+tiled.Size-1)/tiled.Size, func(task int, _ func() bool) error {
		i0, i1 := tiled.Span(task*tiled.Size, rows)
		s := buffers.Get().(*tiled.Strip[T])
		defer buffers.Put(s)
		for j := 0; j < n; j += tiled.Size {
			j0, j1 := tiled.Span(j, n)
			part := s.Tile[:(i1-i0)*(j1-j0)]
			if err := t.FiniteTile(ctx, part, i0, i1, j0, j1); err != nil {
				return err
			}
			accel.Serial64().Dgemm(blas.NoTrans, blas.NoTrans, i1-i0, columns, j1-j0, 1,
				s.Double(part), j1-j0, w[j0*columns:], columns, 1, out[i0*columns:], columns)
		}
		return nil
	})
}

// oneTile reads a tile, to see how long that takes.
func oneTile[T accel.Float](ctx context.Context, t *source[T]) error {
	rows, columns := t.Dims()
	_, i1 := tiled.Span(0, rows)
	_, j1 := tiled.Span(0, columns)
	return t.Tile(ctx, make([]T, i1*j1), 0, i1, 0, j1)
}

// probe returns the first, the middle and the last row, in which all columns have a part.
func probe[T accel.Float](ctx context.Context, t *source[T]) ([]float64, error) {
	rows, columns := t.Dims()
	var out []float64
	row := make([]T, columns)
	for _, i := range []int{0, rows / 2, rows - 1} {
		if err := t.Tile(ctx, row, i, i+1, 0, columns); err != nil {
			return nil, err
		}
		for _, v := range row {
			out = append(out, float64(v))
		}
	}
	return out, nil
}
