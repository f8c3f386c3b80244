package cnn

import (
	"fmt"
	"hash/fnv"
	"math"
	"strings"

	"github.com/kernelsmith/kernelsmith/ntk"
)

// Image is the shape of the images that a net takes. An image is a row of Height·Width·Channels
// numbers: pixel after pixel, the rows of the image from the top, and of each pixel its channels;
// or, with ChannelsFirst, one channel after the other, as in the files of CIFAR-10.
type Image struct {
	Height, Width, Channels int
	ChannelsFirst           bool
}

// Padding is what lies beyond the edge of an image, for a layer whose windows have a size and a
// stride.
type Padding int

const (
	// Same puts windows at ⌈size/stride⌉ places and zeros beyond the edge, the smaller half of
	// them above and to the left. Weights and divisors are those of a whole window there too,
	// so pre-activations have less variance at the edge.
	Same Padding = iota
	// Valid takes the windows that are within the image. Pixels that remain at the lower and
	// the right edge, fewer than a stride, have no part.
	Valid
	// Circular is Same with the image repeated beyond its edges instead of zeros.
	Circular
)

// String returns "SAME", "VALID" or "CIRCULAR".
func (p Padding) String() string {
	switch p {
	case Same:
		return "SAME"
	case Valid:
		return "VALID"
	case Circular:
		return "CIRCULAR"
	}
	return fmt.Sprintf("Padding(%d)", int(p))
}

// Layer is a [Conv], an [AveragePool] or, as the first layer, [Patches].
type Layer interface {
	windows() (size, stride [2]int, p Padding)
}

// Conv is a convolution of many channels and, after it, an activation of each of its outputs:
//
//	u_o(p) = σ_w/√(kh·kw·n) · Σ V_o(w, c) h_c(stride·p + w) + σ_b β_o,   h = φ(u),
//
// over the kh×kw places w of the filter and the n channels c before it, n being 3 for a colour
// image. A channel has one bias, the same everywhere. A WeightStd that is left out is 0, not 1.
type Conv struct {
	Filter     [2]int // height and width, kh and kw
	Stride     [2]int // down and across; left out, {1, 1}
	Padding    Padding
	Activation ntk.Activation
	WeightStd  float64 // σ_w ≥ 0
	BiasStd    float64 // σ_b ≥ 0
	// Frozen says that this layer's weights and biases keep their initial values.
	Frozen bool
}

func (c Conv) windows() (size, stride [2]int, p Padding) {
	if stride = c.Stride; stride == [2]int{} {
		stride = [2]int{1, 1}
	}
	return c.Filter, stride, c.Padding
}

// AveragePool takes the mean over windows, in each channel. With Same, zeros are in the mean.
type AveragePool struct {
	Window  [2]int // height and width
	Stride  [2]int // down and across; left out, Window
	Padding Padding
}

func (a AveragePool) windows() (size, stride [2]int, p Padding) {
	if stride = a.Stride; stride == [2]int{} {
		stride = a.Window
	}
	return a.Window, stride, a.Padding
}

// Readout is the last, linear layer. It sees each position of each channel ("flatten"), or the
// mean over all positions of each channel. After an [AveragePool] the positions are its windows.
type Readout struct {
	GlobalAverage bool
	WeightStd     float64 // σ_w ≥ 0; left out, it is 0 and so are the kernels
	BiasStd       float64 // σ_b ≥ 0
	Frozen        bool    // see Conv
}

// Architecture is that of a convolutional net: images, layers and a readout. It gives the kernels
// of the net in the limit of many channels. An Architecture does not change once made.
type Architecture struct {
	image   Image
	layers  []Layer
	readout Readout
	// patches, nil if there are none, and the pools before the first convolution are of pixels;
	// grid is what they leave, and steps are the layers after them.
	patches *extraction
	pools   []step
	grid    Image
	steps   []step
	dense   *ntk.FCN // with the same activations, σ's and readout
}

// step is a layer as the recursion sees it.
type step struct {
	axes    [2]axisOp // down and across
	phi     ntk.Activation
	w2, b2  float64 // σ_w² over the size of the filter, and σ_b²; of a pool 1/size² and 0
	trained bool
}

// NewArchitecture returns the net of these layers, first to last. There is at least one [Conv].
//
// It reports sizes below 1, a stride that is longer than its window, which leaves pixels out, a
// Valid layer whose window is larger than what it is given, and of activations and standard
// deviations what [ntk.NewFCN] does, for which convolutions are the hidden layers.
func NewArchitecture(image Image, layers []Layer, readout Readout) (*Architecture, error) {
	if err := image.check(); err != nil {
		return nil, err
	}
	a := &Architecture{image: image, layers: append([]Layer(nil), layers...), readout: readout,
		grid: image}
	a.grid.ChannelsFirst = false
	if len(layers) > 0 {
		if err := a.takePatches(layers[0]); err != nil {
			return nil, err
		}
	}
	size := [2]int{a.grid.Height, a.grid.Width}
	var hidden []ntk.Layer
	for i, l := range layers {
		switch l.(type) {
		case nil:
			return nil, fmt.Errorf("cnn: layer %d is nil", i+1)
		case Patches:
			if i > 0 {
				return nil, fmt.Errorf("cnn: layer %d is Patches; they are of the images, so that "+
					"they can only be the first layer", i+1)
			}
			continue
		case Conv, AveragePool:
		default:
			return nil, fmt.Errorf("cnn: layer %d is a %T; it must be a Conv, an AveragePool or, "+
				"as the first, Patches", i+1, l)
		}
		window, stride, padding := l.windows()
		s := step{trained: true}
		for axis := range size {
			_, pool := l.(AveragePool)
			op, err := newAxisOp(size[axis], window[axis], stride[axis], padding, pool)
			if err != nil {
				return nil, fmt.Errorf("cnn: layer %d, %s: %w", i+1,
					[2]string{"down", "across"}[axis], err)
			}
			s.axes[axis], size[axis] = op, op.out
		}
		area := float64(window[0]) * float64(window[1])
		s.w2 = 1 / (area * area)
		if c, ok := l.(Conv); ok {
			hidden = append(hidden, ntk.Layer{Activation: c.Activation, WeightStd: c.WeightStd,
				BiasStd: c.BiasStd, Frozen: c.Frozen})
			s.phi, s.w2, s.b2 = c.Activation, c.WeightStd*c.WeightStd/area, c.BiasStd*c.BiasStd
			s.trained = !c.Frozen
		}
		if len(hidden) == 0 {
			a.pools = append(a.pools, s)
			a.grid = Image{Height: size[0], Width: size[1], Channels: a.grid.Channels}
		} else {
			a.steps = append(a.steps, s)
		}
	}
	if len(hidden) == 0 {
		return nil, fmt.Errorf("cnn: an architecture needs at least one convolution")
	}
	var err error
	a.dense, err = ntk.NewFCN(hidden, ntk.Readout{WeightStd: readout.WeightStd,
		BiasStd: readout.BiasStd, Frozen: readout.Frozen})
	if err != nil {
		return nil, fmt.Errorf("cnn: of convolutions as hidden layers: %w", err)
	}
	return a, nil
}

// check reports sizes below 1.
func (m Image) check() error {
	if m.Height < 1 || m.Width < 1 || m.Channels < 1 {
		return fmt.Errorf("cnn: images of %d×%d pixels and %d channels; each must be at least 1",
			m.Height, m.Width, m.Channels)
	}
	return nil
}

// takePatches begins with the first layer if that is Patches.
func (a *Architecture) takePatches(first Layer) error {
	p, ok := first.(Patches)
	if !ok {
		return nil
	}
	e, err := newExtraction(p, a.image)
	if err == nil {
		err = e.checkWhitening()
	}
	if err != nil {
		return fmt.Errorf("cnn: layer 1, %w", err)
	}
	a.patches, a.grid = e, e.grid()
	return nil
}

// Image returns the shape of the images.
func (a *Architecture) Image() Image { return a.image }

// Layers returns a copy of the layers, first to last.
func (a *Architecture) Layers() []Layer { return append([]Layer(nil), a.layers...) }

// Readout returns the readout.
func (a *Architecture) Readout() Readout { return a.readout }

// String lists the layers, such as
// "32×32×3, 3×3 ReLU, pool 2×2, 3×3 ReLU, global average". With [Patches] it is such as
// "32×32×3, centred whitened 6×6 patches of one norm VALID, 1×1 ReLU, pool 14×14, flatten".
func (a *Architecture) String() string {
	parts := []string{fmt.Sprintf("%d×%d×%d", a.image.Height, a.image.Width, a.image.Channels)}
	for _, l := range a.layers {
		size, stride, padding := l.windows()
		text := fmt.Sprintf("%d×%d", size[0], size[1])
		usual := [2]int{1, 1}
		switch l := l.(type) {
		case Conv:
			text += " " + nameOf(l.Activation)
		case Patches:
			text = l.text(text)
		default:
			text, usual = "pool "+text, size
		}
		if stride != usual {
			text += fmt.Sprintf(" stride %d×%d", stride[0], stride[1])
		}
		if padding != Same {
			text += " " + padding.String()
		}
		parts = append(parts, text)
	}
	last := "flatten"
	if a.readout.GlobalAverage {
		last = "global average"
	}
	return strings.Join(append(parts, last), ", ")
}

// Fingerprint returns digits that change when the architecture does, on every kind of machine the
// same: for the keys of records, as [ntk.FCN.Fingerprint].
func (a *Architecture) Fingerprint() string {
	h := fnv.New128a()
	fmt.Fprintln(h, a.image, a.readout.GlobalAverage, a.dense.Fingerprint())
	for _, l := range a.layers {
		size, stride, padding := l.windows()
		_, conv := l.(Conv)
		fmt.Fprintln(h, conv, size, stride, padding)
		if p, ok := l.(Patches); ok {
			fmt.Fprintln(h, "patches", p.Center, p.Normalize, p.Flat)
			if p.Whitening != nil {
				fmt.Fprintln(h, p.Whitening.key)
			}
		}
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}

// nameOf returns what the activation calls itself, or the name of its type.
func nameOf(a ntk.Activation) string {
	if s, ok := a.(fmt.Stringer); ok {
		return s.String()
	}
	return fmt.Sprintf("%T", a)
}

// axisOp is a layer along one axis: windows of a size at every stride, of an axis of the length
// in, which make one of the length out.
type axisOp struct {
	in, out, size, stride int
	before                int // how far the first window reaches beyond the edge
	wrap, pool            bool
}

// maxLength bounds the sides of images and windows: a plan has a number for each pair of places.
const maxLength = 1 << 11

func newAxisOp(n, size, stride int, p Padding, pool bool) (axisOp, error) {
	o := axisOp{in: n, size: size, stride: stride, wrap: p == Circular, pool: pool}
	switch {
	case size < 1 || stride < 1 || size > maxLength || n > maxLength:
		return o, fmt.Errorf("a window of %d at a stride of %d on a side of %d; all must be 1 … %d",
			size, stride, n, maxLength)
	case stride > size:
		return o, fmt.Errorf(
			"the stride %d is longer than the window of %d and would leave pixels out", stride,
			size)
	case p != Same && p != Valid && p != Circular:
		return o, fmt.Errorf("%v is none of Same, Valid and Circular", p)
	case p == Valid && size > n:
		return o, fmt.Errorf("a window of %d does not go into the %d pixels that are there; with "+
			"Same it may", size, n)
	case p == Valid:
		o.out = (n-size)/stride + 1
	default:
		o.out = (n + stride - 1) / stride
		o.before = max((o.out-1)*stride+size-n, 0) / 2
	}
	return o, nil
}

// source is the place that window p has at w, -1 beyond the edge.
func (o axisOp) source(p, w int) int {
	i := p*o.stride + w - o.before
	if o.wrap {
		return ((i % o.in) + o.in) % o.in
	}
	if i < 0 || i >= o.in {
		return -1
	}
	return i
}

// pooling returns, for each position along an axis that the readout sees, the weights that pools
// after the first convolution, and the readout, give to the places that it leaves.
func (a *Architecture) pooling(axis int) [][]float64 {
	n := a.steps[0].axes[axis].out
	rows := make([][]float64, n)
	for i := range rows {
		rows[i] = make([]float64, n)
		rows[i][i] = 1
	}
	for _, pool := range a.steps[1:] {
		rows = pool.axes[axis].means(rows)
	}
	if a.readout.GlobalAverage {
		all := len(rows)
		rows = axisOp{in: all, out: 1, size: all, stride: all, pool: true}.means(rows)
	}
	return rows
}

// means returns the mean of rows in each window, in which those beyond the edge are 0.
func (o axisOp) means(rows [][]float64) [][]float64 {
	after := make([][]float64, o.out)
	for p := range after {
		after[p] = make([]float64, len(rows[0]))
		for w := range o.size {
			if i := o.source(p, w); i >= 0 {
				for k, v := range rows[i] {
					after[p][k] += v / float64(o.size)
				}
			}
		}
	}
	return after
}

// finite says whether v is a number.
func finite(v float64) bool { return math.Abs(v) <= math.MaxFloat64 }
