package cnn

import (
	"context"
	"fmt"

	"github.com/kernelsmith/kernelsmith/ntk/train"
)

// Model is a net before it is made, for runs of training: an architecture, the sizes and
// the seed. It is a [train.Model].
type Model struct {
	Arch   *Architecture
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

// Describe implements [train.Model]. Inputs are the numbers of an image.
func (m Model) Describe() train.Description {
	c := m.Config
	d := train.Description{Config: c, Width: c.Width, Outputs: c.Outputs, Seed: c.Seed}
	if m.Arch == nil || m.Arch.dense == nil {
		return d
	}
	d.Net, d.Architecture = m.Arch.String(), m.Arch.Fingerprint()
	d.Inputs = m.Arch.image.size()
	for _, l := range netLayers(m.Arch, c) {
		if l.pool {
			continue
		}
		d.Product = max(d.Product, float64(l.after)*float64(l.q)*float64(l.out))
		if !l.frozen {
			d.Params += l.q * l.out
			if l.biasStd > 0 {
				d.Params += l.out
			}
		}
	}
	return d
}

// Model implements [train.Net].
func (n *Net) Model() train.Model { return Model{n.arch, n.config} }

// Parameters implements [train.Net]: for each convolution and then the readout, the weights and
// the biases, none where σ_b = 0. Those of a convolution are a row for each of its channels, which
// has the rows of the filter, in a row its columns and at each place the channels before it. A
// row of the readout has the positions, and at each of them the channels, or with a global average
// the channels.
func (n *Net) Parameters() []train.Parameter {
	var out []train.Parameter
	for _, i := range n.weighted() {
		l := &n.layers[i]
		name := fmt.Sprintf("convolution %d", len(out)/2+1)
		if i == len(n.layers)-1 {
			name = "the readout"
		}
		out = append(out, train.Parameter{
			Name: "the weights of " + name, Values: l.w, Scale: l.scale, Frozen: l.frozen,
		}, train.Parameter{
			Name: "the biases of " + name, Values: l.b, Scale: l.biasStd, Frozen: l.frozen,
		})
	}
	return out
}

// Layers implements [train.Layered]. What comes before the first convolution is done by what it
// returns beside them: patches, and means of pixels.
func (n *Net) Layers() ([]train.Layer, func([]float32) ([]float32, error)) {
	var out []train.Layer
	for i, l := range n.layers {
		layer := train.Layer{Pool: l.pool, Channels: l.channels, Outputs: l.out}
		for axis, o := range l.axes {
			layer.Axes[axis] = train.Axis{In: o.in, Out: o.out, Size: o.size, Stride: o.stride,
				Before: o.before, Wrap: o.wrap}
		}
		if i < len(n.arch.steps) {
			layer.Activation = n.arch.steps[i].phi
		}
		out = append(out, layer)
	}
	if n.asGiven() {
		return out, nil
	}
	return out, func(images []float32) ([]float32, error) {
		pixels := make([]float32, len(images)/n.arch.image.size()*n.arch.grid.size())
		return pixels, n.prepare(context.Background(), pixels, images, 0, false)
	}
}

// NewPass implements [train.Net]. The cost of a step with it is, for each convolution but the
// first, three products of 2·points·positions·(weights of the convolution) operations, two for the
// first.
//
// A pass goes through the images of a batch one tile after the other. Of a tile it keeps what
// each layer puts out, and φ' of each convolution, in at most 256 MB, or in what one image
// needs: a tile is as many images as fit. If that is all points, the way back finds what the way
// forward left; if not, it computes forward again what it no longer has, which makes a step with
// many tiles a third longer. Windows of a convolution are laid out in 4 MB, twice on the way back.
// Beside that there are the points, and a gradient as large as the trained parameters. Nothing is
// allocated after the first time, unless images must be prepared, in each pass anew: those that
// are given channels first, and where patches or means of pixels are taken of them.
//
// An interruption is noticed between two matrix products. Gradients of frozen layers are 0.
func (n *Net) NewPass(points int, serial bool) train.Pass { return n.newPass(points, serial) }

// NewTangentPass implements [train.Linear]. A pass back and one along a direction cost about two
// steps; it keeps a direction, as large as the trained parameters, beside what a pass keeps.
func (n *Net) NewTangentPass(points int) train.TangentPass { return n.newPass(points, false) }
