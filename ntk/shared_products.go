package ntk

import (
	"context"

	"github.com/kernelsmith/kernelsmith/ntk/internal/gram"
)

// Products are the inner products between rows, which take most of the time of a kernel matrix
// where rows are long, computed once for the matrices of any number of kernels on these rows. From
// [NewProducts] come Gram matrices, from [NewCrossProducts] those between test and training
// points. Several goroutines may use them at once.
//
// Matrices are those of [GramTiles], [CrossTiles], [GramInto] and [CrossInto] to rounding, with
// their accuracy in T, for rows of any norm and for every kernel. A kernel of distances that would
// rather have another origin, as there tells, makes products of its own.
type Products[T float32 | float64] struct{ p *gram.Products[T] }

// NewProducts computes the products between the n rows of x, on all processors; x is kept and
// must not change. Memory: n²/2 numbers of T, and some for each row. Cost: n²·d operations.
//
// Rows that are not finite are a [*NonFiniteError], as are those so large (1e150) that their
// squares are not, for kernels of the cosine too. If ctx ends, its error is returned.
func NewProducts[T float32 | float64](ctx context.Context, x Inputs[T]) (*Products[T], error) {
	return newProducts(ctx, x, x, true)
}

// NewCrossProducts computes the products between the m rows of z and the n rows of x; otherwise
// as [NewProducts]. Memory: m·n numbers of T. Cost: 2·m·n·d operations.
func NewCrossProducts[T float32 | float64](
	ctx context.Context, z, x Inputs[T],
) (*Products[T], error) {
	return newProducts(ctx, z, x, false)
}

func newProducts[T float32 | float64](
	ctx context.Context, z, x Inputs[T], symmetric bool,
) (*Products[T], error) {
	p, err := gram.NewProducts(ctx, gram.Inputs[T](z), gram.Inputs[T](x), symmetric)
	if err != nil {
		return nil, ownError(err)
	}
	return &Products[T]{p}, nil
}

// Tiles returns the matrix of a kernel tile by tile. A tile costs its values alone.
func (p *Products[T]) Tiles(ctx context.Context, K Kernel) (Tiles[T], error) {
	s, err := p.p.Source(ctx, K.evaluator())
	if err != nil {
		return nil, ownError(err)
	}
	return tiles[T]{s}, nil
}

// Into sets dst to the whole matrix of a kernel, row-major, with progress, which may be nil, and
// memory as [GramInto].
func (p *Products[T]) Into(
	ctx context.Context, dst []T, K Kernel, progress func(done, total int),
) error {
	return ownError(p.p.Into(ctx, K.evaluator(), [][]T{dst}, progress))
}
