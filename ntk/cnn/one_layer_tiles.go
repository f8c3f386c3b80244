package cnn

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"sync"
	"time"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/internal/accel"
	"github.com/kernelsmith/kernelsmith/ntk/internal/gram"
	"github.com/kernelsmith/kernelsmith/ntk/internal/parallel"
	"github.com/kernelsmith/kernelsmith/ntk/internal/vec32"
	"github.com/kernelsmith/kernelsmith/ntk/inverse"
	"gonum.org/v1/gonum/blas"
)

// PooledTiles is the kernel matrix of a [OneLayer] and a curve between two sets of images, tile by
// tile: an [ntk.Tiles]. A tile is worked on by all processors.
type PooledTiles[T float32 | float64] struct{ e *pooling[T] }

// PooledGramTiles returns the n×n matrix of the layer's kernel with the curve κ between the images
// of x. κ is an [ntk.PowerSeries], an [ntk.Kernel] or any other target of package inverse that has
// values at all cosines. Mirror images of entries are equal to the bit.
//
// In double precision entries are good to 1e-12 of √(K(x, x) K(x', x')), in single to 1e-6 for a κ
// that is smooth at c = ±1. One with a root there, such as the NTK of activations with kinks, is
// taken to be κ(±1) within 2^-49 or 2^-21 of c = ±1, since products do not tell; patches whose
// angle θ is not much more than that leave 1e-16/θ and 1e-7/θ of κ(1), in the mean over the pairs
// of patches.
//
// Cost: 2q operations in the product of each pair of patches that have a window in common, and κ
// there: a polynomial in c or in √(1 - |c|) in single precision where κ is one to 1e-10, about 1
// ns; else 4 ns; a κ that is too rough for a table costs its own values. Memory: the patches of a
// set of images up to 1 GB, beyond which they are taken anew for each block of at most 128; and
// some MB for each processor. x is kept and must not change.
//
// It reports images of other sizes than the layer's, pixels that are not finite or cannot be
// normalised, patches that do not all have norm √q, with their least and largest norms, values of
// κ that are not finite, and ctx's end.
func PooledGramTiles[T float32 | float64](
	ctx context.Context, l *OneLayer, κ inverse.Target, x ntk.Inputs[T],
) (*PooledTiles[T], error) {
	return newPooledTiles(ctx, l, κ, x, x, true)
}

// PooledCrossTiles returns the m×n matrix between the m images of z and the n images of x;
// otherwise as [PooledGramTiles].
func PooledCrossTiles[T float32 | float64](
	ctx context.Context, l *OneLayer, κ inverse.Target, z, x ntk.Inputs[T],
) (*PooledTiles[T], error) {
	return newPooledTiles(ctx, l, κ, z, x, false)
}

func newPooledTiles[T float32 | float64](
	ctx context.Context, l *OneLayer, curve inverse.Target, z, x ntk.Inputs[T], symmetric bool,
) (*PooledTiles[T], error) {
	if l == nil {
		return nil, fmt.Errorf("cnn: no layer (nil)")
	}
	apply, err := quick[T](ctx, curve)
	if err != nil {
		return nil, err
	}
	e := &pooling[T]{l: l, outputs: 1, apply: apply}
	if err := e.take(ctx, z, x, symmetric); err != nil {
		return nil, err
	}
	return &PooledTiles[T]{e}, nil
}

// Dims implements [ntk.Tiles].
func (t *PooledTiles[T]) Dims() (rows, columns int) { return t.e.z.x.N, t.e.x.x.N }

// Tile implements [ntk.Tiles].
func (t *PooledTiles[T]) Tile(ctx context.Context, dst []T, i0, i1, j0, j1 int) error {
	e := t.e
	if err := gram.CheckTile(e.z.x.N, e.x.x.N, len(dst), i0, i1, j0, j1); err != nil {
		return err
	}
	for a := i0; a < i1; a = (a/e.side + 1) * e.side {
		for b := j0; b < j1; b = (b/e.side + 1) * e.side {
			end, end2 := min((a/e.side+1)*e.side, i1), min((b/e.side+1)*e.side, j1)
			err := e.entries(ctx, a, end, b, end2, func(i, j int, v []float64) {
				dst[(i-i0)*(j1-j0)+j-j0] = T(v[0])
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// Into sets dst, row-major and of the whole matrix's size, to the matrix; see [Settings]. It
// reports a dst of another length, a [*TooLongError], and what Tile does. After an error dst has
// the tiles of which Settings.Done was told, and something elsewhere.
func (t *PooledTiles[T]) Into(ctx context.Context, dst []T, s *Settings) error {
	return t.e.into(ctx, [][]T{dst}, s)
}

// Estimate returns how long the whole matrix takes, by the time of some pairs of images.
func (t *PooledTiles[T]) Estimate() (time.Duration, error) {
	return t.e.estimate(context.Background())
}

// pooling makes kernels of a layer, one or more, from the cosines between patches.
type pooling[T float32 | float64] struct {
	l         *OneLayer
	z, x      *patchSet[T]
	symmetric bool
	outputs   int
	apply     func(c []T) error // κ in place; nil for the powers of c, of which there are outputs
	// Of each window: the weights of pairs, rows for each patch that are as long as padded.
	weights [][][]T
	padded  []int
	side    int // of the blocks whose patches are taken together
	rooms   sync.Pool
}

// room is what a goroutine needs.
type room[T float32 | float64] struct {
	c, sums []T
}

const (
	// A goroutine takes this many rows, columns and cosines at once, so that products run at full
	// speed and κ finds the cosines in the cache.
	rowsAtOnce    = 392
	columnsAtOnce = 784
	mostAtOnce    = 400_000
	// inPlain says below how many patches a window's sums are not worth vectors.
	inPlain = 8
)

// take looks at the images.
func (e *pooling[T]) take(ctx context.Context, z, x ntk.Inputs[T], symmetric bool) error {
	e.symmetric = symmetric
	for _, w := range e.l.windows {
		n := len(w.patches)
		padded := n
		if e.apply == nil && accel.IsSingle[T]() && n >= inPlain {
			padded = (n + vec32.Together - 1) / vec32.Together * vec32.Together
		}
		e.padded = append(e.padded, padded)
		rows, known := make([][]T, n), map[*float64][]T{}
		for p, from := range w.weights {
			row, ok := known[&from[0]]
			if !ok {
				row = make([]T, padded)
				for k, v := range from {
					row[k] = T(v)
				}
				known[&from[0]] = row
			}
			rows[p] = row
		}
		e.weights = append(e.weights, rows)
	}
	e.rooms.New = func() any { return &room[T]{} }
	var err error
	if e.x, err = newPatchSet(ctx, e.l, x, "x", e.padded); err != nil {
		return err
	}
	if e.z = e.x; !symmetric {
		if e.z, err = newPatchSet(ctx, e.l, z, "z", e.padded); err != nil {
			return err
		}
	}
	for e.side = 128; e.side > 8 && float64(e.side)*e.x.bytes() > 64<<20; {
		e.side /= 2
	}
	return nil
}

// entries calls set for the entries of a tile that lies in one block of rows and one of columns,
// with a value for each output. A pair is followed from the image of the lesser number, so that
// mirror images are equal.
func (e *pooling[T]) entries(
	ctx context.Context, i0, i1, j0, j1 int, set func(i, j int, v []float64),
) error {
	mirrored := e.symmetric && j0/e.side < i0/e.side
	r0, r1, c0, c1 := i0, i1, j0, j1
	within := e.symmetric && j0/e.side == i0/e.side
	switch {
	case mirrored:
		r0, r1, c0, c1 = j0, j1, i0, i1
	case within:
		r0, r1 = min(i0, j0), max(i1, j1)
		c0, c1 = r0, r1
	}
	sums, err := e.block(ctx, r0, r1, c0, c1, within)
	if err != nil {
		return err
	}
	for i := i0; i < i1; i++ {
		for j := j0; j < j1; j++ {
			row, column := i, j
			if mirrored || within && j < i {
				row, column = j, i
			}
			at := ((row-r0)*(c1-c0) + column - c0) * e.outputs
			v := sums[at : at+e.outputs]
			for _, x := range v {
				if !finite(float64(T(x))) {
					return fmt.Errorf("cnn: the kernel of image %d and image %d is %v, out of "+
						"range", i, j, x)
				}
			}
			set(i, j, v)
		}
	}
	return nil
}

// block returns the outputs of each pair of rows [i0, i1) and columns [j0, j1), if upper of those
// not below the diagonal alone.
func (e *pooling[T]) block(
	ctx context.Context, i0, i1, j0, j1 int, upper bool,
) ([]float64, error) {
	rows, columns, err := e.z.of(ctx, i0, i1)
	if err != nil {
		return nil, err
	}
	if !upper || i0 != j0 {
		if _, columns, err = e.x.of(ctx, j0, j1); err != nil {
			return nil, err
		}
	}
	b := &pairBlock[T]{e: e, rows: rows, columns: columns, height: i1 - i0, width: j1 - j0}
	b.sums = make([]float64, b.height*b.width*e.outputs)
	down, across := e.step(rowsAtOnce, 32), e.step(columnsAtOnce, 64)
	many := (b.width + across - 1) / across
	err = parallel.Each(ctx, (b.height+down-1)/down*many, func(task int, stop func() bool) error {
		i, j := task/many*down, task%many*across
		end, end2 := min(i+down, b.height), min(j+across, b.width)
		if upper && end2 <= i {
			return nil
		}
		return b.part(ctx, i, end, j, end2, stop)
	})
	return b.sums, err
}

// step is how many images have so many patches in a window.
func (e *pooling[T]) step(patches, most int) int {
	largest := 1
	for _, n := range e.padded {
		largest = max(largest, n)
	}
	return min(max(patches/largest, 1), most)
}

// pairBlock is the pairs of some images with others.
type pairBlock[T float32 | float64] struct {
	e             *pooling[T]
	rows, columns [][]T // patches of each window
	height, width int
	sums          []float64 // outputs of each pair
}

// part sets the sums of rows [i0, i1) and columns [j0, j1).
func (b *pairBlock[T]) part(
	ctx context.Context, i0, i1, j0, j1 int, stop func() bool,
) error {
	e := b.e
	r := e.rooms.Get().(*room[T])
	defer e.rooms.Put(r)
	gemm, q := accel.SerialOf[T]().Gemm, e.l.q
	for s := range e.l.windows {
		n, width := len(e.l.windows[s].patches), (j1-j0)*e.padded[s]
		most := min(rowsAtOnce, max(mostAtOnce/width, 16))
		for row := i0 * n; row < i1*n; row += most {
			if stop() {
				return ctx.Err()
			}
			end := min(row+most, i1*n)
			c := grown(&r.c, (end-row)*width)
			gemm(blas.NoTrans, blas.Trans, end-row, width, q, 1, b.rows[s][row*q:], q,
				b.columns[s][j0*e.padded[s]*q:], q, 0, c, width)
			if e.apply == nil {
				b.addPowers(s, c, row, end, j0, j1, r)
			} else if err := b.addCurve(s, c, row, end, j0, j1, r); err != nil {
				return err
			}
		}
	}
	return nil
}

// grown returns n numbers of a slice, which is made longer if it must.
func grown[T any](x *[]T, n int) []T {
	if len(*x) < n {
		*x = make([]T, n)
	}
	return (*x)[:n]
}

// addCurve adds what κ of the cosines c between the rows [row, end) of the patches of window s and
// the columns of the images [j0, j1) have to the sums.
func (b *pairBlock[T]) addCurve(
	s int, c []T, row, end, j0, j1 int, r *room[T],
) error {
	e, w := b.e, &b.e.l.windows[s]
	if err := e.apply(c); err != nil {
		return err
	}
	n, images := len(w.patches), j1-j0
	sums := c
	if n >= inPlain {
		sums = grown(&r.sums, (end-row)*images)
		clear(sums)
		if w.oneRow() {
			dots(sums, c, e.weights[s][0])
		} else {
			for k := range end - row {
				dots(sums[k*images:(k+1)*images], c[k*images*n:(k+1)*images*n],
					e.weights[s][(row+k)%n])
			}
		}
	} else if n > 1 {
		sums = grown(&r.sums, (end-row)*images)
		for k := range sums {
			sum := T(0)
			for l, v := range e.weights[s][(row+k/images)%n] {
				sum += v * c[k*n+l]
			}
			sums[k] = sum
		}
	}
	for k := row; k < end; k++ {
		to := b.sums[k/n*b.width+j0:][:images]
		for j, v := range sums[(k-row)*images : (k-row+1)*images] {
			to[j] += w.scale * float64(v)
		}
	}
	return nil
}

// dots adds to each sum the product of weights with as many numbers of c.
func dots[T float32 | float64](sums, c, weights []T) {
	n := len(weights)
	if s := single(sums); s != nil {
		vec32.Dots(s, len(sums), 1, n, single(c), n, single(weights), n)
		return
	}
	for i := range sums {
		row := c[i*n:][:n]
		var s0, s1, s2, s3 T
		l := 0
		for ; l+4 <= n; l += 4 {
			s0 += row[l] * weights[l]
			s1 += row[l+1] * weights[l+1]
			s2 += row[l+2] * weights[l+2]
			s3 += row[l+3] * weights[l+3]
		}
		for ; l < n; l++ {
			s0 += row[l] * weights[l]
		}
		sums[i] += (s0 + s1) + (s2 + s3)
	}
}

// into sets the matrices of all outputs.
func (e *pooling[T]) into(ctx context.Context, dst [][]T, s *Settings) error {
	rows, columns := e.z.x.N, e.x.x.N
	for k, d := range dst {
		if len(d)/columns != rows || len(d)%columns != 0 {
			return fmt.Errorf("cnn: a %d×%d kernel matrix does not go into the %d entries of "+
				"matrix %d", rows, columns, len(d), k)
		}
	}
	if s == nil {
		s = &Settings{}
	}
	if s.MaxTime > 0 {
		estimate, err := e.estimate(ctx)
		if err != nil {
			return err
		}
		if estimate > s.MaxTime {
			return &TooLongError{estimate, s.MaxTime}
		}
	}
	return s.eachTile(rows, columns, e.side, e.symmetric, func(i0, i1, j0, j1 int) error {
		return e.entries(ctx, i0, i1, j0, j1, func(i, j int, v []float64) {
			for k, d := range dst {
				d[i*columns+j] = T(v[k])
				if e.symmetric {
					d[j*columns+i] = T(v[k])
				}
			}
		})
	})
}

// estimate returns how long the matrices take, by the pairs that a goroutine takes at once.
func (e *pooling[T]) estimate(ctx context.Context) (time.Duration, error) {
	height := min(e.step(rowsAtOnce, 32), e.z.x.N)
	width := min(e.step(columnsAtOnce, 64), e.x.x.N)
	rows, _, err := e.z.of(ctx, 0, height)
	if err != nil {
		return 0, err
	}
	_, columns, err := e.x.of(ctx, 0, width)
	if err != nil {
		return 0, err
	}
	b := &pairBlock[T]{e: e, rows: rows, columns: columns, height: height, width: width,
		sums: make([]float64, height*width*e.outputs)}
	best := math.Inf(1)
	for range 2 { // the first finds nothing in the caches
		start := time.Now()
		if err := b.part(ctx, 0, height, 0, width, func() bool { return false }); err != nil {
			return 0, err
		}
		best = math.Min(best, float64(time.Since(start)))
	}
	pairs := float64(e.z.x.N) * float64(e.x.x.N)
	if e.symmetric {
		pairs = (pairs + float64(e.x.x.N)) / 2
	}
	each := best / float64(height*width) / float64(runtime.GOMAXPROCS(0))
	return time.Duration(math.Min(each*pairs, math.MaxInt64/2)), nil
}
