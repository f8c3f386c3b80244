package regress

import (
	"context"
	"fmt"
	"math"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/internal/parallel"
)

// tileSize is the side of the tiles that are asked for: large enough for the products in them
// to run at full speed, small enough to leave several to each processor.
const tileSize = 512

// isEmpty reports whether there is no matrix or one without entries; a count below 0 is none.
func isEmpty(t ntk.Tiles[float64]) bool {
	if t == nil {
		return true
	}
	rows, columns := t.Dims()
	return rows < 1 || columns < 1
}

// gram returns an n×n Gram matrix, row-major, from its tiles on and below the diagonal. The tiles
// on the diagonal have both halves, which must agree but for what rounding does to a kernel with a
// kink.
func gram(ctx context.Context, t ntk.Tiles[float64]) ([]float64, int, error) {
	n, columns := t.Dims()
	if columns != n {
		return nil, 0, fmt.Errorf("regress: a Gram matrix of %d×%d; it must be square", n, columns)
	}
	out, err := assembled(ctx, t, true)
	if err != nil {
		return nil, 0, err
	}
	for i := range n {
		for j := range i {
			if i/tileSize == j/tileSize {
				a, b := out[i*n+j], out[j*n+i]
				scale := math.Sqrt(math.Abs(out[i*n+i]) * math.Abs(out[j*n+j]))
				if math.Abs(a-b) > 1e-6*(scale+math.Abs(a)) || math.IsNaN(a) != math.IsNaN(b) {
					return nil, 0, fmt.Errorf("regress: the Gram matrix is %v in row %d, column "+
						"%d and %v in row %d, column %d; it must be symmetric", a, i, j, b, j, i)
				}
			}
			out[j*n+i] = out[i*n+j]
		}
	}
	return out, n, nil
}

// assembled returns a matrix, row-major, or of a symmetric one the tiles on and below the diagonal.
func assembled(ctx context.Context, t ntk.Tiles[float64], symmetric bool) ([]float64, error) {
	rows, columns := t.Dims()
	out := make([]float64, rows*columns)
	type place struct{ i0, i1, j0, j1 int }
	var places []place
	for i := 0; i < rows; i += tileSize {
		for j := 0; j < columns && (!symmetric || j <= i); j += tileSize {
			places = append(places,
				place{i, min(i+tileSize, rows), j, min(j+tileSize, columns)})
		}
	}
	failed := make([]error, len(places))
	parallel.For(len(places), 1, func(lo, hi int) {
		tile := make([]float64, tileSize*tileSize)
		for k := lo; k < hi; k++ {
			p := places[k]
			width := p.j1 - p.j0
			part := tile[:(p.i1-p.i0)*width]
			if failed[k] = t.Tile(ctx, part, p.i0, p.i1, p.j0, p.j1); failed[k] != nil {
				return
			}
			for i := p.i0; i < p.i1; i++ {
				copy(out[i*columns+p.j0:i*columns+p.j1], part[(i-p.i0)*width:])
			}
		}
	})
	for _, err := range failed {
		if err != nil {
			return nil, fmt.Errorf("regress: %w", err)
		}
	}
	return out, nil
}
