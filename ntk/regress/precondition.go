package regress

import (
	"context"
	"fmt"
	"math"

	"github.com/kernelsmith/kernelsmith/ntk/internal/accel"
	"github.com/kernelsmith/kernelsmith/ntk/internal/parallel"
	"github.com/kernelsmith/kernelsmith/ntk/internal/tiled"
	"gonum.org/v1/gonum/blas"
)

// filled is a preconditioner from a factor in the precision of F.
func filled[F, T accel.Float](
	ctx context.Context, t *source[T], p *problem,
) (preconditioner, error) {
	l := newLower[F](p.size)
	if err := fill(ctx, t, l, p.meter.step); err != nil {
		return preconditioner{}, err
	}
	return factored(ctx, l, p)
}

// factored is a preconditioner from the triangle of a Gram matrix, which it overwrites.
func factored[F accel.Float](
	ctx context.Context, l *lower[F], p *problem,
) (preconditioner, error) {
	_, minorsAllow := l.examine(0)
	if !minorsAllow {
		if err := p.indefinite(ctx); err != nil {
			return preconditioner{}, err
		}
	}
	up := liftOf[F](l.n, l.addDiagonal(p.ridge))
	cost := p.meter.operation(accel.IsSingle[F]())
	lifted, ok, err := l.factor(ctx, up, func(operations float64) {
		p.meter.add(operations * cost)
	})
	if err != nil {
		return preconditioner{}, err
	}
	if !ok {
		if err := p.indefinite(ctx); err != nil {
			return preconditioner{}, err
		}
		return preconditioner{}, fmt.Errorf("regress: the Gram matrix has no factor in %q "+
			"precision; give a ridge of %.2g or more", p.method, up.most)
	}
	return preconditioner{
		inverse: func(r, z []float64) { scaled(p.outputs, r, z, l.solve) },
		lifted:  math.Max(lifted, up.first),
	}, nil
}

// indefinite returns an IndefiniteError if the spectrum shows it.
func (p *problem) indefinite(ctx context.Context) error {
	s, err := p.explain(ctx)
	if err == nil && s.indefinite() {
		return &IndefiniteError{s.least, s.largest}
	}
	return err
}

// scaled sets z to what solve makes of r, each column at a size that T holds.
func scaled[T accel.Float](columns int, r, z []float64, solve func(columns int, x []T)) {
	scale := columnNorms(r, columns)
	for c, v := range scale {
		if v == 0 {
			scale[c] = 1
		}
	}
	x := make([]T, len(r))
	for i, v := range r {
		x[i] = T(v / scale[i%columns])
	}
	solve(columns, x)
	for i, v := range x {
		z[i] = float64(v) * scale[i%columns]
	}
}

// Landmarks for a preconditioner: not more than are soon factored, nor than a quarter of the
// points.
const mostLandmarks = 6144

// nystromBytes is the memory that a preconditioner from landmarks takes.
func nystromBytes(n, landmarks int) int64 {
	return int64(n)*int64(landmarks)*4 + 2*lowerBytes(landmarks, 8)
}

// landmarksIn returns how many landmarks fit into the memory.
func landmarksIn(bytes int64, n int) int {
	most := max(1, min(mostLandmarks, n/4))
	low, high := 0, most
	for low < high {
		if m := (low + high + 1) / 2; nystromBytes(n, m) <= bytes {
			low = m
		} else {
			high = m - 1
		}
	}
	return low
}

// nystromTime is about what a preconditioner from landmarks takes.
func (p *problem) nystromTime(landmarks int) float64 {
	n, m := float64(p.size), float64(landmarks)
	return 2*m/n*p.passTime + 2*n*m*m*p.meter.double
}

// nystrom is a preconditioner from some of the points S: with F = K(X, S) L⁻ᵀ, K(S, S) = L Lᵀ, it
// is P = F Fᵀ + μ I, where μ is the ridge and the mean of what F Fᵀ leaves of K's diagonal. Its
// inverse is (I - F (μI + FᵀF)⁻¹ Fᵀ)/μ.
//
// Source: Z. Frangella, J. Tropp, M. Udell, "Randomized Nyström Preconditioning", SIAM J. Matrix
// Anal. Appl. 44, 2023, arXiv 2110.02820.
func nystrom[T accel.Float](
	ctx context.Context, t *source[T], landmarks int, p *problem,
) (preconditioner, error) {
	n := p.size
	some := spread(n, landmarks)
	within := newLower[float64](landmarks)
	err := fill(ctx, gramOf[T](picked[T]{t, some, some}), within, nil)
	if err != nil {
		return preconditioner{}, err
	}
	up := liftOf[float64](landmarks, within.addDiagonal(0))
	if up.first == 0 {
		up = lift{1, 1} // any factor of 0
	}
	if _, ok, err := within.factor(ctx, up, nil); !ok {
		if err == nil {
			err = p.indefinite(ctx)
		}
		if err == nil {
			err = fmt.Errorf("regress: the Gram matrix of %d landmarks has no factor", landmarks)
		}
		return preconditioner{}, err
	}
	f, left, err := explained(ctx, t, some, within)
	if err != nil {
		return preconditioner{}, err
	}
	p.meter.add(p.nystromTime(landmarks) / 2)
	mu := p.ridge + left/float64(n)
	if !(mu > 0) {
		mu = up.first
	}
	inner := newLower[float64](landmarks)
	if err := addSquare(ctx, f, n, landmarks, inner); err != nil {
		return preconditioner{}, err
	}
	p.meter.add(p.nystromTime(landmarks) / 2)
	up = liftOf[float64](landmarks, inner.addDiagonal(mu))
	if _, ok, err := inner.factor(ctx, up, nil); !ok {
		if err == nil {
			err = fmt.Errorf("regress: %d landmarks give no preconditioner", landmarks)
		}
		return preconditioner{}, err
	}
	o := p.outputs
	return preconditioner{
		lifted: mu,
		inverse: func(r, z []float64) {
			small := make([]float64, landmarks*o)
			narrowTimes(f, n, landmarks, o, true, r, small)
			inner.solve(o, small)
			narrowTimes(f, n, landmarks, o, false, small, z)
			for i, v := range r {
				z[i] = (v - z[i]) / mu
			}
		},
	}, nil
}

// explained returns F = K(X, S) L⁻ᵀ, n×landmarks, and the sum of what F Fᵀ leaves of K's diagonal.
func explained[T accel.Float](
	ctx context.Context, t *source[T], some []int, l *lower[float64],
) (f []float32, left float64, err error) {
	n, _ := t.Dims()
	m := len(some)
	f = make([]float32, n*m)
	cross := gramOf[T](picked[T]{t, nil, some})
	height := heightOf(m)
	err = tiled.InTurn(ctx, (n+height-1)/height, func(task int, s *tiled.Strip[T]) error {
		i0, i1 := task*height, min((task+1)*height, n)
		part := s.Tile[:(i1-i0)*m]
		if err := cross.FiniteTile(ctx, part, i0, i1, 0, m); err != nil {
			return err
		}
		rows := s.Double(part)
		s.Sums[0] = 0
		one := make([]T, 1)
		l.forwardRows(i1-i0, rows)
		for i := i0; i < i1; i++ {
			if err := t.Tile(ctx, one, i, i+1, i, i+1); err != nil {
				return err
			}
			rest := float64(one[0])
			for j, v := range rows[(i-i0)*m : (i-i0+1)*m] {
				f[i*m+j] = float32(v)
				rest -= v * v
			}
			s.Sums[0] += math.Max(0, rest)
		}
		return nil
	}, func(_ int, s *tiled.Strip[T]) { left += s.Sums[0] }, func() *tiled.Strip[T] {
		return &tiled.Strip[T]{Tile: make([]T, height*m), Sums: make([]float64, 1)}
	})
	return f, left, err
}

// heightOf is how many rows of so many columns are treated at once: few enough to stay near the
// processor, enough for products at full speed.
func heightOf(columns int) int { return max(64, min(tiled.Size, 1<<20/columns)) }

// addSquare adds FᵀF to a lower triangle, where F is rows×columns.
func addSquare[T accel.Float](
	ctx context.Context, f []T, rows, columns int, to *lower[float64],
) error {
	const height = 1024
	wide := make([]float64, min(height, rows)*columns)
	for i0 := 0; i0 < rows; i0 += height {
		i1 := min(i0+height, rows)
		parallel.For(i1-i0, 16, func(lo, hi int) {
			for k := lo * columns; k < hi*columns; k++ {
				wide[k] = float64(f[i0*columns+k])
			}
		})
		if err := addSquareOf(ctx, wide, i1-i0, columns, to); err != nil {
			return err
		}
	}
	return nil
}

// addSquareOf is addSquare of a few rows.
func addSquareOf(
	ctx context.Context, f []float64, rows, columns int, to *lower[float64],
) error {
	blocks := to.blocks()
	return parallel.Each(ctx, blocks*blocks, func(task int, _ func() bool) error {
		i, j := task/blocks, task%blocks
		if j > i {
			return nil
		}
		i0, i1 := to.rows(i)
		j0, j1 := to.rows(j)
		target, _, stride := to.at(i, j)
		accel.Serial64().Dgemm(blas.Trans, blas.NoTrans, i1-i0, j1-j0, rows, 1, f[i0:], columns,
			f[j0:], columns, 1, target, stride)
		return nil
	})
}

// narrowTimes sets out to F x, or Fᵀ x, in double precision, where F is rows×columns and x and out
// have o columns.
func narrowTimes(f []float32, rows, columns, o int, transposed bool, x, out []float64) {
	height := heightOf(columns)
	clear(out)
	gemm := accel.Serial64().Dgemm
	size := 0
	if transposed {
		size = columns * o
	}
	parts := (rows + height - 1) / height
	// A context that does not end, and parts that do not fail.
	_ = tiled.InTurn(context.Background(), parts, func(task int, s *tiled.Strip[float32]) error {
		i0, i1 := task*height, min((task+1)*height, rows)
		part := s.Double(f[i0*columns : i1*columns])
		if transposed {
			gemm(blas.Trans, blas.NoTrans, columns, o, i1-i0, 1, part, columns, x[i0*o:], o, 0,
				s.Sums, o)
		} else {
			gemm(blas.NoTrans, blas.NoTrans, i1-i0, o, columns, 1, part, columns, x, o, 0,
				out[i0*o:], o)
		}
		return nil
	}, func(_ int, s *tiled.Strip[float32]) {
		for i, v := range s.Sums {
			out[i] += v
		}
	}, func() *tiled.Strip[float32] { return &tiled.Strip[float32]{Sums: make([]float64, size)} })
}
