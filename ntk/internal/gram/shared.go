package gram

import (
	"context"
	"slices"

	"github.com/kernelsmith/kernelsmith/ntk/internal/parallel"
)

// Products are the z·x/d between rows, and what is known of each row: all that the matrices of
// many kernels have in common.
type Products[T float32 | float64] struct {
	z, x Inputs[T]
	rows matrix[T] // with the points and the classes alone; no kernel has been chosen for it
	// tiles are of productSide rows and columns, but for the last ones, row after row of tiles; if
	// z is x those on and below the diagonal.
	tiles [][]T
}

const productSide = 512

// NewProducts makes the products; the rows are kept and must not change.
func NewProducts[T float32 | float64](
	ctx context.Context, z, x Inputs[T], symmetric bool,
) (*Products[T], error) {
	if err := check(z, x); err != nil {
		return nil, err
	}
	p := &Products[T]{z: z, x: x, rows: matrix[T]{symmetric: symmetric}}
	var err error
	if p.rows.x, err = newPoints(ctx, x); err != nil {
		return nil, err
	}
	if p.rows.z = p.rows.x; !symmetric {
		if p.rows.z, err = newPoints(ctx, z); err != nil {
			return nil, err
		}
	}
	p.rows.classify()
	var places []tile
	for i := 0; i < z.N; i += productSide {
		for j := 0; j < x.N && (!symmetric || j <= i); j += productSide {
			places = append(places,
				tile{i, min(i+productSide, z.N), j, min(j+productSide, x.N)})
		}
	}
	p.tiles = make([][]T, len(places))
	err = parallel.Each(ctx, len(places), func(task int, _ func() bool) error {
		t, d := places[task], x.D
		rows, columns := t.i1-t.i0, t.j1-t.j0
		k := make([]T, rows*columns)
		itself := symmetric && t.i0 == t.j0
		product(itself, rows, columns, d, z.Rows[t.i0*d:t.i1*d], x.Rows[t.j0*d:t.j1*d], k)
		if itself {
			for i := range rows {
				for j := range i {
					k[i*columns+j] = k[j*columns+i]
				}
			}
		}
		p.tiles[task] = k
		return nil
	})
	if err != nil {
		return nil, err
	}
	return p, nil
}

// Source is the [NewSource] of the rows, whose tiles take the products from p. Where the kernel
// is better off with rows that were moved or scaled, they make their own.
func (p *Products[T]) Source(ctx context.Context, e *Evaluator) (*Source[T], error) {
	if e.Of == OfCosine && (&p.z.inRange().Rows[0] != &p.z.Rows[0] ||
		&p.x.inRange().Rows[0] != &p.x.Rows[0]) {
		return NewSource(ctx, e, p.z, p.x, p.rows.symmetric)
	}
	m := p.rows
	x := *m.x
	z := &x
	if !m.symmetric {
		other := *m.z
		z = &other
	}
	m.e, m.x, m.z, m.classes, m.shared = e, &x, z, slices.Clone(m.classes), p
	if err := m.checkTiny(); err != nil {
		return nil, err
	}
	if err := m.choose(ctx); err != nil {
		return nil, err
	}
	return &Source[T]{&m}, nil
}

// Into is [Matrix] of the rows, with the products of p.
func (p *Products[T]) Into(
	ctx context.Context, e *Evaluator, dst [][]T, progress func(done, total int),
) error {
	if err := checkDestination(dst, p.z, p.x); err != nil {
		return err
	}
	s, err := p.Source(ctx, e)
	if err != nil {
		return err
	}
	return s.into(ctx, dst, progress)
}

// products sets k to the inner products of a tile; of one on the diagonal of a symmetric matrix
// what is below the diagonal may be anything.
func (m *matrix[T]) products(t tile, k []T) {
	if m.shared != nil && !m.moved {
		m.shared.read(t, k)
		return
	}
	d := m.x.d
	product(m.symmetric && t.i0 == t.j0, t.i1-t.i0, t.j1-t.j0, d, m.z.rows[t.i0*d:t.i1*d],
		m.x.rows[t.j0*d:t.j1*d], k)
}

// read sets dst to the products of a tile.
func (p *Products[T]) read(t tile, dst []T) {
	for i0 := t.i0; i0 < t.i1; i0 = min(t.i1, i0/productSide*productSide+productSide) {
		for j0 := t.j0; j0 < t.j1; j0 = min(t.j1, j0/productSide*productSide+productSide) {
			a, b := i0/productSide, j0/productSide
			part := tile{i0, min(t.i1, (a+1)*productSide), j0, min(t.j1, (b+1)*productSide)}
			if p.rows.symmetric && b > a {
				p.mirrored(part, t, dst)
				continue
			}
			k, width := p.tile(a, b)
			for i := part.i0; i < part.i1; i++ {
				row := k[i%productSide*width+j0%productSide:]
				copy(dst[(i-t.i0)*(t.j1-t.j0)+j0-t.j0:], row[:part.j1-j0])
			}
		}
	}
}

// tile returns a tile of p and how many columns it has.
func (p *Products[T]) tile(a, b int) (k []T, width int) {
	at := a*((p.x.N+productSide-1)/productSide) + b
	if p.rows.symmetric {
		at = a*(a+1)/2 + b
	}
	return p.tiles[at], min(productSide, p.x.N-b*productSide)
}

// mirrored sets a part of the tile t, which is dst, from below the diagonal, a cache line at a
// time.
func (p *Products[T]) mirrored(part, t tile, dst []T) {
	k, width := p.tile(part.j0/productSide, part.i0/productSide)
	columns := t.j1 - t.j0
	for i0 := part.i0; i0 < part.i1; i0 += strip {
		i1 := min(i0+strip, part.i1)
		for j := part.j0; j < part.j1; j++ {
			row := k[j%productSide*width+i0%productSide:][:i1-i0]
			for i, v := range row {
				dst[(i0+i-t.i0)*columns+j-t.j0] = v
			}
		}
	}
}
