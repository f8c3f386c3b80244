package device

import (
	"fmt"
	"slices"

	"github.com/kernelsmith/kernelsmith/ntk/train"
)

// Layers take in and put out rows: trials × places of all points × channels. What convolutions
// multiply are windows, of which each is a row, so that they are products of matrices with the
// trial as a dimension, as those of fully connected layers are.

// windows lays out the windows of a layer: rows, columns and channels of each.
func (l *layer) windows(g *program, h tensor) tensor {
	down, across := l.Axes[0], l.Axes[1]
	trials, points := h.dimensions[0], h.dimensions[1]/(down.In*across.In)
	if !l.follow() {
		h = g.reshape(h, trials, points, down.In, across.In, l.Channels)
		for axis := 1; axis >= 0; axis-- {
			h = g.concatenate(g.pieces(h, 2+axis, l.Axes[axis]), 4)
		}
	}
	return g.reshape(h, trials, points*down.Out*across.Out, l.in)
}

// backFromWindows is the way back of windows: the derivatives by what the layer takes in.
func (l *layer) backFromWindows(g *program, delta tensor) tensor {
	down, across := l.Axes[0], l.Axes[1]
	trials, points := delta.dimensions[0], delta.dimensions[1]/(down.Out*across.Out)
	if !l.follow() {
		delta = g.reshape(delta, trials, points, down.Out, across.Out, l.in)
		size := l.in
		for axis, o := range l.Axes {
			size /= o.Size
			var pieces []tensor
			for w := range o.Size {
				pieces = append(pieces, g.slice(delta, 4, w*size, (w+1)*size, 1))
			}
			delta = g.backFromPieces(pieces, 2+axis, o)
		}
	}
	return g.reshape(delta, trials, points*down.In*across.In, l.Channels)
}

// means are those of a pool.
func (l *layer) means(g *program, h tensor) tensor {
	down, across := l.Axes[0], l.Axes[1]
	trials, points := h.dimensions[0], h.dimensions[1]/(down.In*across.In)
	h = g.reshape(h, trials, points, down.In, across.In, l.Channels)
	for axis, o := range l.Axes {
		if whole(o) {
			all := slices.Clone(h.dimensions)
			all[2+axis] = 1
			h = g.reshape(g.sum(h, 2+axis), all...)
			continue
		}
		pieces := g.pieces(h, 2+axis, o)
		h = pieces[0]
		for _, piece := range pieces[1:] {
			h = g.same("add", h, piece)
		}
	}
	h = g.reshape(h, trials, points*down.Out*across.Out, l.Channels)
	return g.same("multiply", h, g.constant(l.share(), single, h.dimensions...))
}

// backFromMeans is the way back of means.
func (l *layer) backFromMeans(g *program, delta tensor) tensor {
	down, across := l.Axes[0], l.Axes[1]
	trials, points := delta.dimensions[0], delta.dimensions[1]/(down.Out*across.Out)
	delta = g.same("multiply", delta, g.constant(l.share(), single, delta.dimensions...))
	delta = g.reshape(delta, trials, points, down.Out, across.Out, l.Channels)
	for axis, o := range l.Axes {
		if whole(o) {
			all := slices.Clone(delta.dimensions)
			all[2+axis] = o.In
			delta = g.spread(delta, all, 0, 1, 2, 3, 4)
			continue
		}
		delta = g.backFromPieces(slices.Repeat([]tensor{delta}, o.Size), 2+axis, o)
	}
	return g.reshape(delta, trials, points*down.In*across.In, l.Channels)
}

// share is that of a place in the mean of a window.
func (l *layer) share() float64 { return 1 / float64(l.Axes[0].Size*l.Axes[1].Size) }

// follow says that the windows are the rows as they are, one after the other: single places, or
// all places of an image.
func (l *layer) follow() bool {
	down, across := l.Axes[0], l.Axes[1]
	return places(down) && places(across) || whole(down) && whole(across)
}

// places says that the windows of an axis are its places.
func places(o train.Axis) bool {
	return o == train.Axis{In: o.In, Out: o.In, Size: 1, Stride: 1, Wrap: o.Wrap}
}

// whole says that there is one window along an axis, of all its places.
func whole(o train.Axis) bool {
	return o == train.Axis{In: o.In, Out: 1, Size: o.In, Stride: o.Stride, Wrap: o.Wrap}
}

// length is how many places the windows of an axis reach over.
func length(o train.Axis) int { return (o.Out-1)*o.Stride + o.Size }

// pieces are, for each place in a window, what the windows along a dimension of images have there.
func (p *program) pieces(h tensor, dimension int, o train.Axis) (pieces []tensor) {
	h = p.extend(h, dimension, o)
	for w := range o.Size {
		pieces = append(pieces, p.slice(h, dimension, w, w+length(o)-o.Size+1, o.Stride))
	}
	return pieces
}

// backFromPieces is the way back of pieces: each goes to the places it is from, where they add up.
func (p *program) backFromPieces(pieces []tensor, dimension int, o train.Axis) (sum tensor) {
	for w, piece := range pieces {
		piece = p.pad(piece, dimension, w, o.Size-1-w, o.Stride-1)
		if w == 0 {
			sum = piece
		} else {
			sum = p.same("add", sum, piece)
		}
	}
	return p.backFromExtended(sum, dimension, o)
}

// extend puts what lies beyond the edges of a dimension beside it, as far as windows reach, and
// cuts off what they do not reach.
func (p *program) extend(h tensor, dimension int, o train.Axis) tensor {
	if !o.Wrap {
		return p.pad(h, dimension, o.Before, length(o)-o.Before-o.In, 0)
	}
	var runs []tensor
	for _, r := range runsOf(o) {
		runs = append(runs, p.slice(h, dimension, r.from, r.to, 1))
	}
	return p.concatenate(runs, dimension)
}

// backFromExtended is the way back of extend.
func (p *program) backFromExtended(delta tensor, dimension int, o train.Axis) (sum tensor) {
	if !o.Wrap {
		return p.pad(delta, dimension, -o.Before, o.Before+o.In-length(o), 0)
	}
	at := 0
	for _, r := range runsOf(o) {
		run := p.slice(delta, dimension, at, at+r.to-r.from, 1)
		run = p.pad(run, dimension, r.from, o.In-r.to, 0)
		if at == 0 {
			sum = run
		} else {
			sum = p.same("add", sum, run)
		}
		at += r.to - r.from
	}
	return sum
}

// run is the places of an axis from one to another.
type run struct{ from, to int }

// runsOf are the places that the windows of an axis with Wrap reach over, one run after the other.
func runsOf(o train.Axis) (runs []run) {
	from := (o.In - o.Before%o.In) % o.In
	for left := length(o); left > 0; from = 0 {
		to := min(o.In, from+left)
		runs = append(runs, run{from, to})
		left -= to - from
	}
	return runs
}

// slice is each step-th entry of a dimension from one to before another.
func (p *program) slice(a tensor, dimension, from, to, step int) tensor {
	if from == 0 && to == a.dimensions[dimension] && step == 1 {
		return a
	}
	out, ranges := slices.Clone(a.dimensions), ""
	for i, d := range a.dimensions {
		if i > 0 {
			ranges += ", "
		}
		if i == dimension {
			out[i] = (to - from + step - 1) / step
			ranges += fmt.Sprintf("%d:%d:%d", from, to, step)
		} else {
			ranges += fmt.Sprintf("0:%d", d)
		}
	}
	return p.write(a.of, out, "slice", " ["+ranges+"]", a)
}

// pad puts zeros before a dimension and behind it, or cuts entries off where there are fewer than
// none, and puts zeros between its entries.
func (p *program) pad(a tensor, dimension, before, behind, between int) tensor {
	if before == 0 && behind == 0 && between == 0 {
		return a
	}
	rank := len(a.dimensions)
	low, high, interior := make([]int, rank), make([]int, rank), make([]int, rank)
	low[dimension], high[dimension], interior[dimension] = before, behind, between
	out := slices.Clone(a.dimensions)
	out[dimension] += before + behind + between*(out[dimension]-1)
	return p.write(a.of, out, "pad", fmt.Sprintf(", low = %s, high = %s, interior = %s", list(low),
		list(high), list(interior)), a, p.constant(0, a.of))
}

// concatenate puts tensors behind each other along a dimension.
func (p *program) concatenate(a []tensor, dimension int) tensor {
	if len(a) == 1 {
		return a[0]
	}
	out := slices.Clone(a[0].dimensions)
	for _, t := range a[1:] {
		out[dimension] += t.dimensions[dimension]
	}
	return p.write(a[0].of, out, "concatenate", fmt.Sprintf(", dim = %d", dimension), a...)
}
