package regress

import (
	"context"
	"fmt"
	"math"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/internal/accel"
	"github.com/kernelsmith/kernelsmith/ntk/internal/parallel"
)

// InPlace hands the n×n Gram matrix gram, row-major, over to the one call of [NewRidge] or
// [Solve] that takes it as tiles: the factor is made in its lower triangle, in its precision,
// so that no memory is needed for another. The matrix must be symmetric to rounding; what
// is above the diagonal stays as it is, and all else is unspecified afterwards. NewRidge goes on
// using the memory as long as its result is in use.
func InPlace[T float32 | float64](gram []T, n int) (ntk.Tiles[T], error) {
	if n < 1 || len(gram)/n != n || len(gram)%n != 0 {
		return nil, fmt.Errorf("regress: a Gram matrix of %d points does not have %d entries", n,
			len(gram))
	}
	p := &inPlace[T]{entries: gram, diagonal: make([]T, n)}
	for i := range p.diagonal {
		p.diagonal[i] = gram[i*n+i]
	}
	return p, nil
}

// inPlace reads a matrix above the diagonal, where it stays.
type inPlace[T accel.Float] struct {
	entries, diagonal []T
	taken             bool
}

func (p *inPlace[T]) Dims() (rows, columns int) { return len(p.diagonal), len(p.diagonal) }

func (p *inPlace[T]) Tile(ctx context.Context, dst []T, i0, i1, j0, j1 int) error {
	n := len(p.diagonal)
	if err := ctx.Err(); err != nil {
		return err
	}
	if i0 < 0 || i0 >= i1 || i1 > n || j0 < 0 || j0 >= j1 || j1 > n ||
		len(dst) != (i1-i0)*(j1-j0) {
		return fmt.Errorf("regress: the tile [%d, %d)×[%d, %d) of %d entries is none of a %d×%d "+
			"matrix", i0, i1, j0, j1, len(dst), n, n)
	}
	for i := i0; i < i1; i++ {
		row := dst[(i-i0)*(j1-j0) : (i-i0+1)*(j1-j0)]
		if from := max(j0, i+1); from < j1 {
			copy(row[from-j0:], p.entries[i*n+from:i*n+j1])
		}
		if j0 <= i && i < j1 {
			row[i-j0] = p.diagonal[i]
		}
	}
	// Below the diagonal, by rows of what is above it.
	for j := j0; j < min(j1, i1-1); j++ {
		for i := max(i0, j+1); i < i1; i++ {
			dst[(i-i0)*(j1-j0)+j-j0] = p.entries[j*n+i]
		}
	}
	return nil
}

// take returns the memory as a triangle to be factored, once, when it has looked at all entries.
func (p *inPlace[T]) take() (*lower[T], error) {
	n := len(p.diagonal)
	if p.taken {
		return nil, fmt.Errorf("regress: the memory of InPlace has been handed over before")
	}
	p.taken = true
	roots := make([]float64, n)
	for i, v := range p.diagonal {
		roots[i] = math.Sqrt(math.Abs(float64(v)))
	}
	const side = 64 // squares of both halves fit into the cache
	strips := (n + side - 1) / side
	err := parallel.Each(context.Background(), strips, func(task int, _ func() bool) error {
		i0 := (strips - 1 - task) * side // the longest first
		for j0 := 0; j0 <= i0; j0 += side {
			for i := i0; i < min(i0+side, n); i++ {
				for j := j0; j < min(j0+side, i+1); j++ {
					v := p.entries[i*n+j]
					if v-v != 0 {
						return notFinite("Gram matrix", float64(v), i, j)
					}
					if w := p.entries[j*n+i]; !symmetric(v, w, roots[i]*roots[j]) {
						return asymmetric("Gram matrix", float64(v), float64(w), i, j)
					}
				}
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &lower[T]{n: n, block: blockOf(n), data: p.entries, square: true}, nil
}
