package cnn

import (
	"context"

	"github.com/kernelsmith/kernelsmith/ntk/internal/accel"
	"github.com/kernelsmith/kernelsmith/ntk/internal/finitenet"
	"github.com/kernelsmith/kernelsmith/ntk/internal/parallel"
	"github.com/kernelsmith/kernelsmith/ntk/internal/vec32"
	"gonum.org/v1/gonum/blas"
)

const (
	// tileNumbers bounds what is kept of a tile of images, if it has more than one.
	tileNumbers = 1 << 26
	// windowNumbers bounds the windows that are laid out for a matrix product, and what it makes
	// of them, which is in the processor's caches when φ is applied.
	windowNumbers = 1 << 20
)

// netPass goes through the images tile by tile. It implements train.TangentPass.
type netPass struct {
	net    *Net
	most   int       // points that there is room for
	n      int       // points
	x      []float32 // images as they are given
	out    []float32 // outputs
	serial bool      // stay on the calling goroutine

	limit  int         // windowNumbers
	tile   int         // images at a time; 0 before there are buffers
	loaded int         // the first image of those that h and d are of, -1 for none
	h      [][]float32 // h[i] is what layer i takes in; of the first this may be x itself
	d      [][]float32 // φ'(u) of convolutions
	work   [2][]float32
	cols   [2][]float32 // windows that are laid out
	sums   []float32    // of ∂loss/∂u over an image

	gradient [][]float32 // of each array of parameters, summed over the tiles

	direction [][]float32 // see Tangent
	tangent   []float32

	loop  loop
	loops loops
}

// loop is what the parts of a loop that may be divided work on, and loops are the loops; made
// once, not in each step.
type loop struct {
	layer        *netLayer
	to, from, by []float32
	at, n        int // the first row of a block and how many
}

type loops struct{ gather, scatter, pool, unpool, activate, multiply, sum func(lo, hi int) }

func (n *Net) newPass(points int, serial bool) *netPass {
	return n.passOver(make([]float32, points*n.arch.image.size()), serial)
}

// passOver makes a pass over images.
func (n *Net) passOver(x []float32, serial bool) *netPass {
	points := len(x) / n.arch.image.size()
	p := &netPass{net: n, most: points, n: points, x: x, loaded: -1, serial: serial,
		limit: windowNumbers, out: make([]float32, points*n.config.Outputs)}
	l := &p.loop
	p.loops = loops{
		gather:   func(lo, hi int) { l.layer.gather(l.to, l.from, l.at, lo, hi) },
		scatter:  func(lo, hi int) { l.layer.scatter(l.to, l.from, l.at, l.n, lo, hi) },
		pool:     func(lo, hi int) { l.layer.means(l.to, l.from, lo, hi) },
		unpool:   func(lo, hi int) { l.layer.spread(l.to, l.from, lo, hi) },
		activate: func(lo, hi int) { l.layer.activate(l.to, l.from, lo, hi) },
		multiply: func(lo, hi int) { vec32.Multiply(l.to[lo:hi], l.by[lo:hi]) },
		sum:      func(lo, hi int) { l.layer.sum(l.to, l.from, l.by, l.n, lo, hi) },
	}
	return p
}

// buffers makes room for a tile.
func (p *netPass) buffers() {
	layers := p.net.layers
	each, most, widest := 0, 0, 0
	for i, l := range layers {
		if i > 0 || !p.net.asGiven() {
			each += l.before * l.channels
		}
		if l.eval != nil {
			each += l.after * l.out
		}
		if i > 0 {
			most = max(most, l.before*l.channels)
		}
		widest = max(widest, l.out)
	}
	// Tiles of one size: what the way back computes again is the least.
	tiles := max(1, (p.most-1)/max(1, tileNumbers/(each+2*most))+1)
	p.tile = max(1, (p.most+tiles-1)/tiles)
	p.h, p.d = make([][]float32, len(layers)), make([][]float32, len(layers))
	for i, l := range layers {
		if i > 0 || !p.net.asGiven() {
			p.h[i] = make([]float32, p.tile*l.before*l.channels)
		}
		if l.eval != nil {
			p.d[i] = make([]float32, p.tile*l.after*l.out)
		}
	}
	p.cols[0] = p.windows()
	p.sums = make([]float32, widest)
}

// windows makes room for the windows of a block.
func (p *netPass) windows() []float32 {
	size := 0
	for i := range p.net.layers {
		if l := &p.net.layers[i]; !l.pool && !l.whole {
			size = max(size, min(p.tile*l.after, p.block(l))*l.q)
		}
	}
	return make([]float32, size)
}

// workspace makes room for what passes back, or along a direction, through a tile.
func (p *netPass) workspace() {
	if p.work[0] != nil {
		return
	}
	most := 0
	for _, l := range p.net.layers[1:] {
		most = max(most, l.before*l.channels)
	}
	p.work = [2][]float32{make([]float32, p.tile*most), make([]float32, p.tile*most)}
	p.cols[1] = p.windows()
}

func (p *netPass) blas() blas.Float32 {
	if p.serial {
		return accel.Serial32()
	}
	return accel.Float32()
}

// divide calls a loop for n parts, of which those that have so many numbers stay together.
func (p *netPass) divide(n, numbers int, f func(lo, hi int)) {
	if p.serial {
		f(0, n)
		return
	}
	parallel.For(n, 1+8192/max(numbers, 1), f)
}

// Inputs implements train.Pass.
func (p *netPass) Inputs(points int) []float32 {
	p.n = points
	return p.x[:points*p.net.arch.image.size()]
}

// Outputs implements train.Pass.
func (p *netPass) Outputs() []float32 { return p.out[:p.n*p.net.config.Outputs] }

// Forward implements train.Pass.
func (p *netPass) Forward(ctx context.Context) error {
	p.loaded = -1
	if p.tile == 0 {
		p.buffers()
	}
	for at := 0; at < p.n; at += p.tile {
		if err := p.load(ctx, at); err != nil {
			return err
		}
	}
	return nil
}

// images is how many images of a tile there are.
func (p *netPass) images(at int) int { return min(p.tile, p.n-at) }

// load goes forward through the tile that begins with an image, if it is not there.
func (p *netPass) load(ctx context.Context, at int) error {
	if p.loaded == at {
		return nil
	}
	p.loaded = -1
	images, size, outputs := p.images(at), p.net.arch.image.size(), p.net.config.Outputs
	if given := p.x[at*size : (at+images)*size]; p.net.asGiven() {
		p.h[0] = given
	} else {
		if err := p.net.prepare(ctx, p.h[0], given, at, p.serial); err != nil {
			return err
		}
	}
	last := len(p.net.layers) - 1
	for i := range p.net.layers {
		to := p.out[at*outputs : (at+images)*outputs]
		if i < last {
			to = p.h[i+1]
		}
		if err := p.layer(ctx, i, images, to); err != nil {
			return err
		}
	}
	p.loaded = at
	return nil
}

// prepare sets to to what the layers take of images, the first of which is the at-th.
func (n *Net) prepare(ctx context.Context, to, images []float32, at int, serial bool) error {
	a := n.arch
	size, each := a.image.size(), a.grid.size()
	one := func(i int, _ func() bool) error {
		pixels, err := prepare(a, images[i*size:(i+1)*size], at+i, "the inputs")
		copy(to[i*each:], pixels)
		return err
	}
	if !serial {
		return parallel.Each(ctx, len(images)/size, one)
	}
	for i := range len(images) / size {
		if err := one(i, nil); err != nil {
			return err
		}
	}
	return nil
}

// layer sets what layer i puts out.
func (p *netPass) layer(ctx context.Context, i, images int, to []float32) error {
	l := &p.net.layers[i]
	if l.pool {
		p.loop = loop{layer: l, to: to, from: p.h[i]}
		p.divide(images*l.after, l.q, p.loops.pool)
		return ctx.Err()
	}
	u := to
	if l.eval != nil {
		u = p.d[i]
	}
	for at, n := range p.blocks(l, images) {
		if err := ctx.Err(); err != nil {
			return err
		}
		part := u[at*l.out : (at+n)*l.out]
		p.product(l, part, p.laid(l, 0, p.h[i], at, n), l.w, n, 0)
		if l.eval != nil || l.b != nil {
			p.loop = loop{layer: l, to: to[at*l.out : (at+n)*l.out], from: part}
			p.divide(n, l.out, p.loops.activate)
		}
	}
	return nil
}

// product adds beta times itself and the product of windows and weights to u.
func (p *netPass) product(l *netLayer, u, windows, w []float32, n int, beta float32) {
	p.blas().Sgemm(blas.NoTrans, blas.Trans, n, l.out, l.q, l.scale, windows, l.q, w, l.q, beta, u,
		l.out)
}

// laid returns n windows from one on, laid out in one of the buffers if need be.
func (p *netPass) laid(l *netLayer, buffer int, h []float32, at, n int) []float32 {
	if l.whole {
		return h[at*l.q : (at+n)*l.q]
	}
	to := p.cols[buffer][:n*l.q]
	p.loop = loop{layer: l, to: to, from: h, at: at}
	p.divide(n, l.q, p.loops.gather)
	return to
}

// Backward implements train.Pass.
func (p *netPass) Backward(ctx context.Context, residual []float32) error {
	layers, outputs := p.net.layers, p.net.config.Outputs
	p.workspace()
	if p.gradient == nil {
		for _, of := range p.net.Parameters() {
			size := len(of.Values)
			if of.Frozen {
				size = 0
			}
			p.gradient = append(p.gradient, make([]float32, size))
		}
	}
	for _, g := range p.gradient {
		clear(g)
	}
	first := p.net.firstTrained()
	// From the last tile, which the way forward left.
	for at := (p.n - 1) / p.tile * p.tile; at >= 0 && first < len(layers); at -= p.tile {
		if err := p.load(ctx, at); err != nil {
			return err
		}
		images := p.images(at)
		delta := residual[at*outputs : (at+images)*outputs]
		array := len(p.gradient)
		for i := len(layers) - 1; ; i-- {
			l := &layers[i]
			delta = p.slopes(i, images, delta)
			if !l.pool {
				array -= 2
				if err := p.gradients(ctx, i, images, delta, p.gradient[array:]); err != nil {
					return err
				}
			}
			if i == first {
				break
			}
			var err error
			if delta, err = p.back(ctx, i, images, delta); err != nil {
				return err
			}
		}
	}
	return nil
}

// slopes turns the derivatives by what layer i puts out into those by u, in place.
func (p *netPass) slopes(i, images int, delta []float32) []float32 {
	l := &p.net.layers[i]
	size := images * l.after * l.out
	if l.eval != nil {
		p.loop = loop{to: delta, by: p.d[i]}
		p.divide(size, 1, p.loops.multiply)
	}
	return delta[:size]
}

// gradients adds those of the weights and biases of layer i to into.
func (p *netPass) gradients(
	ctx context.Context, i, images int, delta []float32, into [][]float32,
) error {
	l := &p.net.layers[i]
	if l.frozen {
		return nil
	}
	for at, n := range p.blocks(l, images) {
		if err := ctx.Err(); err != nil {
			return err
		}
		windows := p.laid(l, 0, p.h[i], at, n)
		p.blas().Sgemm(blas.Trans, blas.NoTrans, l.out, l.q, n, 1, delta[at*l.out:(at+n)*l.out],
			l.out, windows, l.q, 1, into[0], l.q)
	}
	if l.b != nil {
		p.loop = loop{layer: l, to: into[1], from: delta, by: p.sums, n: images}
		p.divide(l.out, images*l.after, p.loops.sum)
	}
	return nil
}

// back returns the derivatives by what layer i takes in, of those by its u.
func (p *netPass) back(ctx context.Context, i, images int, delta []float32) ([]float32, error) {
	l := &p.net.layers[i]
	size := images * l.before * l.channels
	to := p.other(delta)[:size]
	if l.pool {
		p.loop = loop{layer: l, to: to, from: delta}
		p.divide(images, l.before*l.channels, p.loops.unpool)
		return to, ctx.Err()
	}
	if !l.whole {
		clear(to)
	}
	for at, n := range p.blocks(l, images) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		windows := p.cols[1]
		if l.whole {
			windows = to[at*l.q : (at+n)*l.q]
		}
		p.blas().Sgemm(blas.NoTrans, blas.NoTrans, n, l.q, l.out, l.scale,
			delta[at*l.out:(at+n)*l.out], l.out, l.w, l.q, 0, windows, l.q)
		if !l.whole {
			p.scatter(l, to, windows[:n*l.q], at, n)
		}
	}
	return to, nil
}

// scatter adds windows to the places that they are of. Parts are lines of the images, so that
// each sum runs in one order on any number of threads.
func (p *netPass) scatter(l *netLayer, to, windows []float32, at, n int) {
	height := l.axes[0].in
	image, end := at/l.after, (at+n-1)/l.after+1
	line := l.axes[1].in * l.channels
	p.loop = loop{layer: l, to: to[image*height*line : end*height*line], from: windows,
		at: at - image*l.after, n: n}
	p.divide((end-image)*height, line*l.axes[0].size, p.loops.scatter)
}

// other is the workspace that x is not in.
func (p *netPass) other(x []float32) []float32 {
	if len(x) > 0 && &x[0] == &p.work[0][0] {
		return p.work[1]
	}
	return p.work[0]
}

// Gradient implements train.Pass.
func (p *netPass) Gradient(i int, alpha, beta float32, into []float32) {
	if g := p.gradient[i]; len(g) > 0 {
		finitenet.AddScaled(into, alpha, beta, g)
	} else if beta == 0 {
		clear(into)
	} else {
		for j := range into {
			into[j] *= beta
		}
	}
}

// block is how many windows are laid out at a time.
func (p *netPass) block(l *netLayer) int {
	if l.whole {
		return maxNumbers
	}
	return max(1, p.limit/max(l.q, l.out))
}

// blocks are the first windows and the numbers of windows of all blocks.
func (p *netPass) blocks(l *netLayer, images int) func(yield func(at, n int) bool) {
	return func(yield func(at, n int) bool) {
		for at, all, n := 0, images*l.after, p.block(l); at < all; at += n {
			if !yield(at, min(n, all-at)) {
				return
			}
		}
	}
}

// gather lays out windows at+lo … at+hi-1 of images h as the rows lo … hi-1.
func (l *netLayer) gather(rows, h []float32, at, lo, hi int) {
	c, high, wide := l.channels, l.axes[0].size, l.axes[1].size
	line := l.axes[1].in * c
	for r := lo; r < hi; r++ {
		image := h[(at+r)/l.after*l.before*c:]
		i, j := (at+r)%l.after/l.axes[1].out, (at+r)%l.after%l.axes[1].out
		across := l.across[j*wide : (j+1)*wide]
		for v, from := range l.down[i*high : (i+1)*high] {
			to := rows[r*l.q+v*wide*c : r*l.q+(v+1)*wide*c]
			switch {
			case from < 0:
				clear(to)
			case l.run[j]:
				copy(to, image[from*line+across[0]*c:])
			default:
				for w, k := range across {
					if k < 0 {
						clear(to[w*c : (w+1)*c])
					} else {
						copy(to[w*c:(w+1)*c], image[from*line+k*c:])
					}
				}
			}
		}
	}
}

// scatter adds the n windows from at on, laid out in rows, to the lines lo … hi-1 of the images.
func (l *netLayer) scatter(images, rows []float32, at, n, lo, hi int) {
	c, high, wide := l.channels, l.axes[0].size, l.axes[1].size
	line := l.axes[1].in * c
	for r := range n {
		first := (at + r) / l.after * l.axes[0].in
		if first >= hi || first+l.axes[0].in <= lo {
			continue
		}
		i, j := (at+r)%l.after/l.axes[1].out, (at+r)%l.after%l.axes[1].out
		across := l.across[j*wide : (j+1)*wide]
		for v, to := range l.down[i*high : (i+1)*high] {
			if to < 0 || first+to < lo || first+to >= hi {
				continue
			}
			from := rows[r*l.q+v*wide*c : r*l.q+(v+1)*wide*c]
			into := images[(first+to)*line : (first+to+1)*line]
			if l.run[j] {
				vec32.AddScaled(into[across[0]*c:across[0]*c+wide*c], 1, from)
				continue
			}
			for w, k := range across {
				if k >= 0 {
					vec32.AddScaled(into[k*c:(k+1)*c], 1, from[w*c:(w+1)*c])
				}
			}
		}
	}
}

// places calls f for the places of window r of all images: their numbers among all images.
func (l *netLayer) places(r int, f func(place int)) {
	high, wide := l.axes[0].size, l.axes[1].size
	first := r / l.after * l.before
	i, j := r%l.after/l.axes[1].out, r%l.after%l.axes[1].out
	for _, a := range l.down[i*high : (i+1)*high] {
		for _, b := range l.across[j*wide : (j+1)*wide] {
			if a >= 0 && b >= 0 {
				f(first + a*l.axes[1].in + b)
			}
		}
	}
}

// means sets the means of the windows lo … hi-1.
func (l *netLayer) means(to, h []float32, lo, hi int) {
	c, part := l.channels, l.part()
	for r := lo; r < hi; r++ {
		mean := to[r*c : (r+1)*c]
		clear(mean)
		l.places(r, func(k int) { vec32.AddScaled(mean, part, h[k*c:(k+1)*c]) })
	}
}

// part is that of a place in the mean of a window.
func (l *netLayer) part() float32 { return 1 / float32(l.axes[0].size*l.axes[1].size) }

// spread is the way back of means, for the images lo … hi-1.
func (l *netLayer) spread(to, delta []float32, lo, hi int) {
	c, part := l.channels, l.part()
	clear(to[lo*l.before*c : hi*l.before*c])
	for r := lo * l.after; r < hi*l.after; r++ {
		from := delta[r*c : (r+1)*c]
		l.places(r, func(k int) { vec32.AddScaled(to[k*c:(k+1)*c], part, from) })
	}
}

// activate adds biases to u and, in a convolution, sets h to φ(u) and u to φ'(u).
func (l *netLayer) activate(h, u []float32, lo, hi int) {
	for r := lo; r < hi; r++ {
		row := u[r*l.out : (r+1)*l.out]
		if l.b != nil {
			vec32.AddScaled(row, l.biasStd, l.b)
		}
		if l.eval != nil {
			l.eval(h[r*l.out:(r+1)*l.out], row, row)
		}
	}
}

// sum adds the channels lo … hi-1 of delta over all positions, image by image. Parts are channels,
// so that each sum runs in one order on any number of threads.
func (l *netLayer) sum(to, delta, image []float32, images, lo, hi int) {
	for i := range images {
		clear(image[lo:hi])
		for r := i * l.after; r < (i+1)*l.after; r++ {
			vec32.AddScaled(image[lo:hi], 1, delta[r*l.out+lo:r*l.out+hi])
		}
		vec32.AddScaled(to[lo:hi], 1, image[lo:hi])
	}
}
