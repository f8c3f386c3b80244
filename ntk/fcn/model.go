package fcn

import (
	"fmt"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/train"
)

// Model is a net before it is made, for runs of training: an architecture, the sizes and
// the seed. It is a [train.Model].
type Model struct {
	Arch   *ntk.FCN
	Config Config
}

// New makes the net, a *[Net]; see the function [New].
func (m Model) New() (train.Net, error) {
	n, err := New(m.Arch, m.Config)
	if err != nil {
		return nil, err
	}
	return n, nil
}

// Describe implements [train.Model].
func (m Model) Describe() train.Description {
	c := m.Config
	d := train.Description{
		Config: c, Inputs: c.Inputs, Width: c.Width, Outputs: c.Outputs, Seed: c.Seed,
	}
	if m.Arch == nil {
		return d
	}
	inner := max(c.Inputs, c.Outputs)
	if m.Arch.Depth() > 1 {
		inner = max(inner, c.Width)
	}
	d.Net, d.Architecture = m.Arch.String(), m.Arch.Fingerprint()
	d.Params = m.Arch.Params(c.Inputs, c.Width, c.Outputs)
	d.Product = float64(c.Width) * float64(inner)
	return d
}

// Model implements [train.Net].
func (n *Net) Model() train.Model { return Model{n.arch, n.config} }

// Parameters implements [train.Net]: for each layer, the readout last, the weights
// (out×in) and the biases, none where σ_b = 0.
func (n *Net) Parameters() []train.Parameter {
	var out []train.Parameter
	for i := range n.layers {
		l := &n.layers[i]
		out = append(out, train.Parameter{
			Name: fmt.Sprintf("the weights of layer %d", i+1), Values: l.w, Scale: l.scale,
			Frozen: l.frozen,
		}, train.Parameter{
			Name: fmt.Sprintf("the biases of layer %d", i+1), Values: l.b, Scale: l.biasStd,
			Frozen: l.frozen,
		})
	}
	return out
}

// Layers implements [train.Layered].
func (n *Net) Layers() ([]train.Layer, func([]float32) ([]float32, error)) {
	one := train.Axis{In: 1, Out: 1, Size: 1, Stride: 1}
	hidden := n.arch.Layers()
	var out []train.Layer
	for i, l := range n.layers {
		layer := train.Layer{Axes: [2]train.Axis{one, one}, Channels: l.in, Outputs: l.out}
		if i < len(hidden) {
			layer.Activation = hidden[i].Activation
		}
		out = append(out, layer)
	}
	return out, nil
}

// NewPass implements [train.Net]. The cost of a step with it is, for each inner layer,
// three products of 2·points·width² operations, and for each layer a few passes over
// points×width activations. A net with one hidden layer, at most 64 inputs and 32
// outputs makes one such pass, in the processor's caches, where it has AVX2. An
// interruption is noticed between two of the products.
func (n *Net) NewPass(points int, serial bool) train.Pass {
	return n.newPass(make([]float32, points*n.config.Inputs), serial)
}

// NewTangentPass implements [train.Linear]. A pass forward, one back and one along a
// direction cost about two steps.
func (n *Net) NewTangentPass(points int) train.TangentPass { return n.newTangentPass(points) }
