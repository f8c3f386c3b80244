package cnn

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"time"
	"unsafe"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/internal/gram"
	"github.com/kernelsmith/kernelsmith/ntk/internal/parallel"
)

// Settings of [GramInto] and [CrossInto]; nil is the zero value.
type Settings struct {
	// Progress is told how many pairs of images are done: none at the start, all at the end. The
	// work waits for each call, so it must be quick.
	Progress func(done, total int)
	// Have says that the tile of rows [i0, i1) and columns [j0, j1) is in the matrices already,
	// with its mirror image if they are symmetric, and Done is told of each that was made: a
	// caller who keeps matrices and notes can go on after an interrupt. Tiles are the same each
	// time for an architecture and numbers of images.
	Have func(i0, i1, j0, j1 int) bool
	Done func(i0, i1, j0, j1 int)
	// MaxTime is how long the work may take by an estimate from its first pairs, beyond which it
	// is a [*TooLongError] at once; 0 is any time.
	MaxTime time.Duration
}

// TooLongError reports matrices that would take longer than a caller wants to wait.
type TooLongError struct {
	Estimate, Max time.Duration
}

// Error implements error.
func (e *TooLongError) Error() string {
	return fmt.Sprintf("cnn: the kernels would take about %v, more than the %v of MaxTime: fewer "+
		"or smaller images, pooling earlier or a flattened readout take less",
		e.Estimate.Round(time.Second), e.Max)
}

// Tiles is the NNGP and NTK matrices between two sets of images, tile by tile. A tile is worked on
// by all processors. Several goroutines may ask for tiles at once, and share them.
type Tiles[T float32 | float64] struct {
	a         *Architecture
	plan      *plan
	z, x      *images[T]
	symmetric bool
	passes    chan *pass[T]
	places    int // pairs of positions to be followed for a pair of images, over all layers
	noNTK     error
	series    *series[T]
	careful   *careful  // for pairs that are nearly equal, nil if they need no care
	duals     []dual[T] // of layers, other than those of a pass; nil entries are none
}

// GramTiles returns the n×n matrices between the images of x. It looks at each image once, for the
// variances of its pre-activations, and keeps a copy. Mirror images of entries are equal to the
// bit.
//
// It reports images of other sizes than the architecture's, pixels that are not finite, variances
// beyond what T can square, an activation without dual, and ctx's end.
func GramTiles[T float32 | float64](
	ctx context.Context, a *Architecture, x ntk.Inputs[T],
) (*Tiles[T], error) {
	return newTiles(ctx, a, x, x, true)
}

// CrossTiles returns the m×n matrices between the m images of z and the n images of x; otherwise as
// [GramTiles].
func CrossTiles[T float32 | float64](
	ctx context.Context, a *Architecture, z, x ntk.Inputs[T],
) (*Tiles[T], error) {
	return newTiles(ctx, a, z, x, false)
}

// mostBytes is what a processor may take for pairs of positions after pools.
const mostBytes = 2e9

func newTiles[T float32 | float64](
	ctx context.Context, a *Architecture, z, x ntk.Inputs[T], symmetric bool,
) (*Tiles[T], error) {
	if a == nil {
		return nil, fmt.Errorf("cnn: no architecture (nil)")
	}
	if _, err := a.dense.NNGP(); err != nil {
		return nil, fmt.Errorf("cnn: of convolutions as hidden layers: %w", err)
	}
	t := &Tiles[T]{a: a, plan: a.plan(false), symmetric: symmetric}
	if _, err := a.dense.NTK(); err != nil {
		t.noNTK = fmt.Errorf("cnn: of convolutions as hidden layers: %w", err)
	}
	t.places = t.plan.places()
	if size := t.plan.bytes(int(unsafe.Sizeof(T(0)))); size > mostBytes {
		return nil, fmt.Errorf("cnn: pairs of positions after the first pool take %.3g GB for "+
			"each processor, more than %g: smaller images or a larger pool take less", size/1e9,
			mostBytes/1e9)
	}
	tables := tablesOf[T](a)
	var err error
	if t.x, err = newImages(ctx, a, tables, x, "x"); err != nil {
		return nil, err
	}
	if t.z = t.x; !symmetric {
		if t.z, err = newImages(ctx, a, tables, z, "z"); err != nil {
			return nil, err
		}
	}
	t.series = newSeries(tables, t.z, t.x)
	if err := t.curves(ctx); err != nil {
		return nil, err
	}
	t.careful = newCareful(t)
	t.passes = make(chan *pass[T], runtime.GOMAXPROCS(0))
	for range cap(t.passes) {
		t.passes <- nil
	}
	return t, nil
}

// places is how many pairs of positions there are in all convolutions.
func (p *plan) places() (n int) {
	for i := range p.axes[0].stages {
		for _, r := range p.axes[0].stages[i].classes {
			for _, c := range p.axes[1].stages[i].classes {
				for l := range r.pairs {
					n += len(r.pairs[l]) * len(c.pairs[l])
				}
			}
		}
	}
	return n
}

// Dims returns the rows and columns of the matrices.
func (t *Tiles[T]) Dims() (rows, columns int) { return t.z.n, t.x.n }

// NNGP returns the NNGP matrix alone, as what regression takes.
func (t *Tiles[T]) NNGP() ntk.Tiles[T] { return kernel[T]{t, false} }

// NTK returns the NTK matrix alone. Its tiles are an error where activations jump, for which the
// NTK is infinite ([ntk.InfiniteNTKError]).
func (t *Tiles[T]) NTK() ntk.Tiles[T] { return kernel[T]{t, true} }

// kernel is one of the two.
type kernel[T float32 | float64] struct {
	*Tiles[T]
	tangent bool
}

// Tile implements [ntk.Tiles].
func (k kernel[T]) Tile(ctx context.Context, dst []T, i0, i1, j0, j1 int) error {
	if k.tangent {
		return k.Tiles.Tile(ctx, nil, dst, i0, i1, j0, j1)
	}
	return k.Tiles.Tile(ctx, dst, nil, i0, i1, j0, j1)
}

// Tile sets nngp and ntk, each (i1-i0)×(j1-j0) and row-major, to rows [i0, i1) and columns
// [j0, j1) of the matrices. Either may be nil; an NNGP alone costs about two thirds of both. It
// reports a tile that is empty or not within the matrix, another length of nngp or ntk, a kernel
// that is not finite, and ctx's end.
func (t *Tiles[T]) Tile(ctx context.Context, nngp, ntk []T, i0, i1, j0, j1 int) error {
	m := matrices[T]{nngp, ntk, i0, j0, j1 - j0}
	for _, d := range [...][]T{nngp, ntk} {
		if d != nil {
			if err := gram.CheckTile(t.z.n, t.x.n, len(d), i0, i1, j0, j1); err != nil {
				return err
			}
		}
	}
	if err := m.check(t.noNTK); err != nil {
		return err
	}
	if !t.symmetric {
		return t.block(ctx, m, i0, i1, j0, j1, false)
	}
	// A pair is followed from the image of the lesser number, so that mirror images are equal.
	if err := t.block(ctx, m, i0, i1, j0, j1, false); err != nil {
		return err
	}
	if i0 == j0 && i1 == j1 {
		m.mirror(i0, i1)
		return nil
	}
	return t.block(ctx, m, j0, j1, i0, i1, true)
}

// matrices is where the kernels go: one or two matrices, of which the entries begin at a row and
// a column of the whole ones.
type matrices[T float32 | float64] struct {
	nngp, ntk            []T
	row0, column0, width int
}

func (m matrices[T]) check(noNTK error) error {
	switch {
	case m.nngp == nil && m.ntk == nil:
		return fmt.Errorf("cnn: there is no matrix for either kernel")
	case m.ntk != nil && noNTK != nil:
		return noNTK
	case m.nngp != nil && m.ntk != nil && &m.nngp[0] == &m.ntk[0]:
		return fmt.Errorf("cnn: the NNGP and the NTK need a matrix each")
	}
	return nil
}

// set sets the entry (i, j).
func (m matrices[T]) set(i, j int, nngp, ntk T) {
	at := (i-m.row0)*m.width + j - m.column0
	if m.nngp != nil {
		m.nngp[at] = nngp
	}
	if m.ntk != nil {
		m.ntk[at] = ntk
	}
}

// mirror copies what is above the diagonal of the rows and columns [i0, i1) below it.
func (m matrices[T]) mirror(i0, i1 int) { m.mirrorTile(i0, i1, i0, i1) }

// mirrorTile copies what is in a tile, above the diagonal, to its mirror image.
func (m matrices[T]) mirrorTile(i0, i1, j0, j1 int) {
	for _, d := range [...][]T{m.nngp, m.ntk} {
		if d == nil {
			continue
		}
		for i := i0; i < i1; i++ {
			for j := max(j0, i+1); j < j1; j++ {
				d[(j-m.row0)*m.width+i-m.column0] = d[(i-m.row0)*m.width+j-m.column0]
			}
		}
	}
}

// perTask is how many pairs of positions a goroutine follows before it looks for other work.
const perTask = 1 << 22

// block sets the entries of rows [i0, i1) and columns [j0, j1), of a symmetric matrix those that
// are not below the diagonal. If below, it is the mirror images of those above it that are set.
func (t *Tiles[T]) block(
	ctx context.Context, m matrices[T], i0, i1, j0, j1 int, below bool,
) error {
	side := t.series.side
	if side == 0 {
		return t.pairsOf(ctx, m, nil, i0, i1, j0, j1, below)
	}
	for i := i0; i < i1; i += side {
		for j := j0; j < j1; j = (j/side + 1) * side {
			iEnd, jEnd := min(i+side, i1), min((j/side+1)*side, j1)
			if t.symmetric && jEnd <= i {
				continue
			}
			p, err := t.part(ctx, i, iEnd, j/lanes, (jEnd+lanes-1)/lanes)
			if err != nil {
				return err
			}
			if err := t.pairsOf(ctx, m, &p, i, iEnd, j, jEnd, below); err != nil {
				return err
			}
		}
	}
	return nil
}

// pairsOf is block, with the images in p if they have coefficients.
func (t *Tiles[T]) pairsOf(
	ctx context.Context, m matrices[T], p *part[T], i0, i1, j0, j1 int, below bool,
) error {
	first, end := j0/lanes, (j1+lanes-1)/lanes
	each := max(1, min(end-first, perTask/(t.places*lanes)))
	across := (end - first + each - 1) / each
	return parallel.Each(ctx, (i1-i0)*across, func(task int, stop func() bool) error {
		i, begin := i0+task/across, first+task%across*each
		until := min(begin+each, end)
		if t.symmetric {
			begin = max(begin, i/lanes)
		}
		if begin >= until {
			return nil
		}
		w := <-t.passes
		if w == nil {
			w = t.newPass()
		}
		defer func() { t.passes <- w }()
		w.tangent = m.ntk != nil
		x := w.x
		if p == nil {
			t.z.groups[i/lanes].take(i%lanes, x)
		} else {
			x = p.rows[i-i0]
		}
		for g := begin; g < until; g++ {
			if stop() {
				return ctx.Err()
			}
			y := t.x.groups[g]
			if p != nil {
				y = p.groups[g-first]
			}
			w.run(x, y)
			var near [lanes]bool
			if t.careful != nil {
				near = t.careful.near(single(x.pixels), single(y.pixels), g)
			}
			for l := range lanes {
				j := g*lanes + l
				if j < j0 || j >= j1 || t.symmetric && (j < i || below && j == i) {
					continue
				}
				nngp, ntk := w.kernels(l)
				if near[l] {
					s, k, ok := t.careful.kernels(single(x.pixels), single(y.pixels), l, w.tangent)
					if ok {
						nngp, ntk = s, k
					}
				}
				if err := m.take(nngp, ntk, i, j, below); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// take sets the entry (i, j), or if mirrored (j, i).
func (m matrices[T]) take(nngp, ntk float64, i, j int, mirrored bool) error {
	if !finite(float64(T(nngp))) || m.ntk != nil && !finite(float64(T(ntk))) {
		return fmt.Errorf("cnn: the kernel of image %d and image %d is not finite: variances grow "+
			"too much, or an activation was not built for them", i, j)
	}
	if mirrored {
		i, j = j, i
	}
	m.set(i, j, T(nngp), T(ntk))
	return nil
}

// kernels returns the kernels of the pair in a lane.
func (w *pass[T]) kernels(lane int) (nngp, ntk float64) {
	last := w.a.steps[len(w.a.steps)-1].axes
	places := float64(last[0].out) * float64(last[1].out)
	if w.a.readout.GlobalAverage {
		places *= places
	}
	r := w.a.readout
	nngp = r.WeightStd*r.WeightStd*w.total[0][lane]/places + r.BiasStd*r.BiasStd
	ntk = r.WeightStd * r.WeightStd * w.total[1][lane] / places
	if !r.Frozen {
		ntk += nngp
	}
	return nngp, ntk
}

// Estimate returns how long both whole matrices take from here on, by the time of eight pairs of
// images.
func (t *Tiles[T]) Estimate() time.Duration { return t.estimate(true) }

func (t *Tiles[T]) estimate(tangent bool) time.Duration {
	w := t.newPass()
	w.tangent = tangent
	x, y := w.x, t.x.groups[0]
	t.z.groups[0].take(0, x)
	x.coeffs, y.coeffs = t.series.of(x.variances, 1), t.series.of(y.variances, lanes)
	start := time.Now()
	w.run(x, y)
	each := float64(time.Since(start)) / lanes / float64(cap(t.passes))
	return time.Duration(min(each*float64(t.pairs()), math.MaxInt64/2))
}

// pairs is how many kernels there are.
func (t *Tiles[T]) pairs() int {
	if rows, columns := t.Dims(); !t.symmetric {
		return rows * columns
	}
	return t.x.n * (t.x.n + 1) / 2
}

// GramInto sets nngp and ntk, each n×n and row-major, to the kernels between the images of x;
// either may be nil, and is not computed then. The matrices are symmetric to the bit, and with
// portable arithmetic the same bytes on any number of processors.
//
// Errors are those of [GramTiles] and [Tiles.Tile], matrices of another size, and a
// [*TooLongError]. After one the matrices have the tiles of which Settings.Done was told, and
// something elsewhere.
func GramInto[T float32 | float64](
	ctx context.Context, nngp, ntk []T, a *Architecture, x ntk.Inputs[T], s *Settings,
) error {
	t, err := GramTiles(ctx, a, x)
	if err != nil {
		return err
	}
	return t.all(ctx, nngp, ntk, s)
}

// CrossInto sets nngp and ntk, each m×n and row-major, to the kernels between the m images of z
// and the n images of x; otherwise as [GramInto].
func CrossInto[T float32 | float64](
	ctx context.Context, nngp, ntk []T, a *Architecture, z, x ntk.Inputs[T], s *Settings,
) error {
	t, err := CrossTiles(ctx, a, z, x)
	if err != nil {
		return err
	}
	return t.all(ctx, nngp, ntk, s)
}

// side is that of tiles of about 2^30 pairs of positions, and whole groups.
func (t *Tiles[T]) side() int {
	side := 16
	for side < 512 && 4*side*side < (1<<30)/t.places {
		side *= 2
	}
	return side
}

// all sets the whole matrices.
func (t *Tiles[T]) all(ctx context.Context, nngp, ntk []T, s *Settings) error {
	if s == nil {
		s = &Settings{}
	}
	rows, columns := t.Dims()
	for _, d := range [...][]T{nngp, ntk} {
		if d != nil && (len(d)/columns != rows || len(d)%columns != 0) {
			return fmt.Errorf("cnn: a %d×%d kernel matrix does not go into %d entries", rows,
				columns, len(d))
		}
	}
	m := matrices[T]{nngp: nngp, ntk: ntk, width: columns}
	if err := m.check(t.noNTK); err != nil {
		return err
	}
	if s.MaxTime > 0 {
		if e := t.estimate(ntk != nil); e > s.MaxTime {
			return &TooLongError{e, s.MaxTime}
		}
	}
	return s.eachTile(rows, columns, t.side(), t.symmetric, func(i0, i1, j0, j1 int) error {
		err := t.block(ctx, m, i0, i1, j0, j1, false)
		if err == nil && t.symmetric {
			m.mirrorTile(i0, i1, j0, j1)
		}
		return err
	})
}

// eachTile calls work for the tiles of a matrix that the caller does not have, of a symmetric one
// those that are not below the diagonal, and tells the caller.
func (s *Settings) eachTile(
	rows, columns, side int, symmetric bool, work func(i0, i1, j0, j1 int) error,
) error {
	total, done := rows*columns, 0
	if symmetric {
		total = rows * (rows + 1) / 2
	}
	progress := func() {
		if s.Progress != nil {
			s.Progress(done, total)
		}
	}
	progress()
	for i0 := 0; i0 < rows; i0 += side {
		j0 := 0
		if symmetric {
			j0 = i0
		}
		for ; j0 < columns; j0 += side {
			i1, j1 := min(i0+side, rows), min(j0+side, columns)
			if s.Have == nil || !s.Have(i0, i1, j0, j1) {
				if err := work(i0, i1, j0, j1); err != nil {
					return err
				}
				if s.Done != nil {
					s.Done(i0, i1, j0, j1)
				}
			}
			if done += (i1 - i0) * (j1 - j0); symmetric && i0 == j0 {
				done -= (i1 - i0) * (i1 - i0 - 1) / 2
			}
			progress()
		}
	}
	return nil
}
