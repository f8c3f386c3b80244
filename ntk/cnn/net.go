package cnn

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/kernelsmith/kernelsmith/ntk/internal/finitenet"
	"github.com/kernelsmith/kernelsmith/ntk/internal/rows"
	"gonum.org/v1/gonum/mat"
)

// Config is the size of a net and the seed of its parameters.
type Config struct {
	Width   int // channels of each convolution
	Outputs int
	Seed    uint64
}

// Net is a net of finite width. Training changes its parameters. It is a [train.Linear].
type Net struct {
	arch   *Architecture
	config Config
	layers []netLayer // what follows the pools of pixels, then the readout
}

// netLayer takes in before×channels numbers of an image, places first, and puts out after×out.
// Without pool it is u = scale · W x + biasStd · b for each window x, of q numbers, and
// in a convolution φ(u).
type netLayer struct {
	axes             [2]axisOp // of the readout one window, all that there is
	before, after    int
	channels, out, q int
	pool             bool
	// whole says that the windows follow each other as they are.
	whole        bool
	down, across []int  // places of each window along the axes, -1 beyond the edge
	run          []bool // of windows along a row: the places are there, one after the other

	w              []float32 // out×q
	b              []float32 // out; nil where σ_b = 0
	scale, biasStd float32   // scale is σ_w/√q
	frozen         bool
	eval           func(value, derivative, z []float32) // nil in pools and the readout
}

// maxNumbers keeps all sizes within 32-bit integers, which the matrix library has.
const maxNumbers = math.MaxInt32

// New returns a net at initialisation, with standard normal parameters. Those of each channel are
// drawn from a random stream of its own, which follows from the seed, the layer and the channel.
// Independent nets need different seeds.
//
// Sizes below 1 are errors, and nets with 2^31-1 weights or more, or as many numbers that a layer
// makes of one image.
func New(arch *Architecture, c Config) (*Net, error) {
	if arch == nil || arch.dense == nil {
		return nil, fmt.Errorf("cnn: no architecture; make one with cnn.NewArchitecture")
	}
	for _, s := range []struct {
		name string
		size int
	}{{"Width", c.Width}, {"Outputs", c.Outputs}} {
		if s.size < 1 || s.size > maxNumbers {
			return nil, fmt.Errorf("cnn: %s is %d; it must be at least 1 and at most 2^31-1",
				s.name, s.size)
		}
	}
	n := &Net{arch: arch, config: c, layers: netLayers(arch, c)}
	var weights, numbers float64
	for _, l := range n.layers {
		numbers = max(numbers, float64(l.after)*float64(l.out))
		if !l.pool {
			weights += float64(l.q) * float64(l.out)
		}
	}
	if max(weights, numbers) >= maxNumbers {
		return nil, fmt.Errorf("cnn: %v of width %d with %d outputs has %.3g weights, and up to "+
			"%.3g numbers of an image after a layer; fewer than 2^31-1 are possible", arch,
			c.Width, c.Outputs, weights, numbers)
	}
	for k, i := range n.weighted() {
		l := &n.layers[i]
		l.w = make([]float32, l.out*l.q)
		if l.biasStd > 0 {
			l.b = make([]float32, l.out)
		}
		finitenet.Draw(c.Seed, k, l.q, l.w, l.b)
	}
	for i := range n.layers {
		n.layers[i].place()
	}
	return n, nil
}

// netLayers returns the layers of a net, the readout last, without parameters. A global average is
// a pool.
func netLayers(a *Architecture, c Config) []netLayer {
	var out []netLayer
	var convs []Conv
	for _, l := range a.layers {
		if conv, ok := l.(Conv); ok {
			convs = append(convs, conv)
		}
	}
	channels := a.grid.Channels
	places := [2]int{a.grid.Height, a.grid.Width}
	add := func(axes [2]axisOp, pool bool) *netLayer {
		l := netLayer{axes: axes, pool: pool, channels: channels, out: channels,
			before: places[0] * places[1], after: axes[0].out * axes[1].out,
			q: axes[0].size * axes[1].size * channels}
		places = [2]int{axes[0].out, axes[1].out}
		out = append(out, l)
		return &out[len(out)-1]
	}
	for _, s := range a.steps {
		l := add(s.axes, s.phi == nil)
		if s.phi == nil {
			continue
		}
		conv := convs[0]
		convs = convs[1:]
		l.whole = s.axes[0].unchanged() && s.axes[1].unchanged()
		l.weigh(conv.WeightStd, conv.BiasStd, conv.Frozen)
		l.eval = finitenet.Evaluator(conv.Activation)
		l.out, channels = c.Width, c.Width
	}
	if a.readout.GlobalAverage {
		add(overall(places, true), true)
	}
	last := add(overall(places, false), false)
	last.whole, last.out = true, c.Outputs
	last.weigh(a.readout.WeightStd, a.readout.BiasStd, a.readout.Frozen)
	return out
}

// overall is one window over all places.
func overall(places [2]int, pool bool) (axes [2]axisOp) {
	for axis, n := range places {
		axes[axis] = axisOp{in: n, out: 1, size: n, stride: n, pool: pool}
	}
	return axes
}

func (l *netLayer) weigh(weightStd, biasStd float64, frozen bool) {
	l.scale, l.biasStd = float32(weightStd/math.Sqrt(float64(l.q))), float32(biasStd)
	l.frozen = frozen
}

// unchanged says that windows are single places, all of them.
func (o axisOp) unchanged() bool { return o.size == 1 && o.stride == 1 }

// place finds the places of the windows.
func (l *netLayer) place() {
	if l.whole {
		return
	}
	list := func(o axisOp) (places []int) {
		for p := range o.out {
			for w := range o.size {
				places = append(places, o.source(p, w))
			}
		}
		return places
	}
	l.down, l.across = list(l.axes[0]), list(l.axes[1])
	size := l.axes[1].size
	for p := range l.axes[1].out {
		row := l.across[p*size : (p+1)*size]
		run := row[0] >= 0
		for w, j := range row {
			run = run && j == row[0]+w
		}
		l.run = append(l.run, run)
	}
}

// weighted lists the layers that have weights.
func (n *Net) weighted() (list []int) {
	for i := range n.layers {
		if !n.layers[i].pool {
			list = append(list, i)
		}
	}
	return list
}

// firstTrained is the first layer that is trained, or the number of layers.
func (n *Net) firstTrained() int {
	i := slices.IndexFunc(n.layers, func(l netLayer) bool { return !l.pool && !l.frozen })
	if i < 0 {
		return len(n.layers)
	}
	return i
}

// Params returns the number of trained parameters.
func (n *Net) Params() (sum int) {
	for _, l := range n.layers {
		if !l.frozen {
			sum += len(l.w) + len(l.b)
		}
	}
	return sum
}

// Config returns the sizes and the seed the net was made with.
func (n *Net) Config() Config { return n.config }

// Clone returns a copy, which training of the net does not change.
func (n *Net) Clone() *Net {
	c := *n
	c.layers = slices.Clone(n.layers)
	for i := range c.layers {
		c.layers[i].w, c.layers[i].b = slices.Clone(c.layers[i].w), slices.Clone(c.layers[i].b)
	}
	return &c
}

// Forward returns the outputs f (images×outputs) for images x, one in each row; see [Image]. They
// are not centred. It is an error if x has another number of columns, or an entry that is not
// finite in single precision.
func (n *Net) Forward(x *mat.Dense) (*mat.Dense, error) {
	in, err := n.inputs(x, "x")
	if err != nil {
		return nil, err
	}
	p := n.passOver(in, false)
	if err := p.Forward(context.Background()); err != nil {
		return nil, err
	}
	out := mat.NewDense(p.n, n.config.Outputs, nil)
	raw := out.RawMatrix().Data
	for i, v := range p.Outputs() {
		raw[i] = float64(v)
	}
	return out, nil
}

// size is how many numbers an image has.
func (m Image) size() int { return m.Height * m.Width * m.Channels }

// inputs returns the entries of x in single precision.
func (n *Net) inputs(x *mat.Dense, name string) ([]float32, error) {
	out, err := rows.Float32(x, name, -1, n.arch.image.size())
	if err != nil {
		return nil, fmt.Errorf("cnn: %w", err)
	}
	return out, nil
}

// asGiven says that the layers take an image as it is given.
func (n *Net) asGiven() bool {
	a := n.arch
	return !a.image.ChannelsFirst && a.patches == nil && len(a.pools) == 0
}
