package fcn

import (
	"context"
	"fmt"
	"math"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/internal/finitenet"
	"github.com/kernelsmith/kernelsmith/ntk/internal/rows"
	"gonum.org/v1/gonum/mat"
)

// Config is the size of a net and the seed of its parameters.
type Config struct {
	Inputs  int // features d of an input
	Width   int // units in each hidden layer
	Outputs int
	Seed    uint64
}

// Net is a net of finite width. Training changes its parameters. It is a [train.Linear].
type Net struct {
	arch   *ntk.FCN
	config Config
	layers []layer // hidden layers, then the readout
}

// layer is u = scale · W h + biasStd · b and, in a hidden layer, φ(u).
type layer struct {
	in, out int
	w       []float32 // out×in
	b       []float32 // out; nil where σ_b = 0
	scale   float32   // σ_w/√in
	biasStd float32
	frozen  bool
	eval    func(value, derivative, z []float32) // nil in the readout
	quick   bool                                 // eval is in single precision
}

// maxParams keeps all sizes within 32-bit integers, which the matrix library has.
const maxParams = math.MaxInt32

// New returns a net at initialisation, with standard normal parameters. Those of each unit are
// drawn from a random stream of its own, which follows from the seed, the layer and the unit.
// Nets with the same seed and different widths therefore share numbers, and independent nets
// need different seeds. Sizes below 1, and nets with 2^31-1 weights or more, are errors.
func New(arch *ntk.FCN, c Config) (*Net, error) {
	if arch == nil || arch.Depth() == 0 {
		return nil, fmt.Errorf("fcn: no architecture; make one with ntk.NewFCN")
	}
	for _, s := range []struct {
		name string
		size int
	}{{"Inputs", c.Inputs}, {"Width", c.Width}, {"Outputs", c.Outputs}} {
		if s.size < 1 || s.size > maxParams {
			return nil, fmt.Errorf("fcn: %s is %d; it must be at least 1 and at most 2^31-1",
				s.name, s.size)
		}
	}
	var total float64
	in := float64(c.Inputs)
	for range arch.Depth() {
		total += in * float64(c.Width)
		in = float64(c.Width)
	}
	if total += in * float64(c.Outputs); total >= maxParams {
		return nil, fmt.Errorf(
			"fcn: a %v of width %d with %d inputs and %d outputs has %.3g weights; fewer than "+
				"2^31-1 are possible", arch, c.Width, c.Inputs, c.Outputs, total)
	}
	n := &Net{arch: arch, config: c}
	size := c.Inputs
	for _, l := range arch.Layers() {
		n.add(size, c.Width, l.WeightStd, l.BiasStd, finitenet.Evaluator(l.Activation), l.Frozen)
		_, n.layers[len(n.layers)-1].quick = l.Activation.(ntk.Float32Evaluator)
		size = c.Width
	}
	last := arch.Readout()
	n.add(size, c.Outputs, last.WeightStd, last.BiasStd, nil, last.Frozen)
	return n, nil
}

func (n *Net) add(
	in, out int, weightStd, biasStd float64, eval func(value, derivative, z []float32), frozen bool,
) {
	l := layer{
		in: in, out: out, eval: eval, frozen: frozen,
		w:     make([]float32, in*out),
		scale: float32(weightStd / math.Sqrt(float64(in))), biasStd: float32(biasStd),
	}
	if biasStd > 0 {
		l.b = make([]float32, out)
	}
	finitenet.Draw(n.config.Seed, len(n.layers), in, l.w, l.b)
	n.layers = append(n.layers, l)
}

// Params returns the number of trained parameters.
func (n *Net) Params() int {
	return n.arch.Params(n.config.Inputs, n.config.Width,
		n.config.Outputs)
}

// Config returns the sizes and the seed the net was made with.
func (n *Net) Config() Config { return n.config }

// Forward returns the outputs f (points×outputs) for inputs x (points×inputs). They are not
// centred. It is an error if x has another number of columns, or an entry that is not finite
// in single precision.
func (n *Net) Forward(x *mat.Dense) (*mat.Dense, error) {
	rows, err := n.inputs(x, "x")
	if err != nil {
		return nil, err
	}
	p := n.newPass(rows, false)
	if err := p.Forward(context.Background()); err != nil {
		return nil, err
	}
	out := mat.NewDense(p.n, n.config.Outputs, nil)
	copyTo(out, p.Outputs())
	return out, nil
}

func copyTo(dst *mat.Dense, src []float32) {
	raw := dst.RawMatrix().Data
	for i, v := range src {
		raw[i] = float64(v)
	}
}

// inputs returns the entries of x in single precision.
func (n *Net) inputs(x *mat.Dense, name string) ([]float32, error) {
	return entries(x, name, -1, n.config.Inputs)
}

// entries returns the entries of m, which must be finite and have the given
// numbers of rows (any, if negative) and columns.
func entries(m *mat.Dense, name string, r, cols int) ([]float32, error) {
	out, err := rows.Float32(m, name, r, cols)
	if err != nil {
		return nil, fmt.Errorf("fcn: %w", err)
	}
	return out, nil
}
