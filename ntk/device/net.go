package device

import (
	"fmt"
	"math"
	"slices"

	"github.com/kernelsmith/kernelsmith/ntk/train"
)

// plan is what trials have in common that are trained by one program: everything but numbers.
type plan struct {
	trials, points, testPoints int
	inputs, outputs            int    // inputs are what the first layer takes in of a point
	architecture               string // its fingerprint
	layers                     []layer
	batch                      int // points of a step; all, if not batched
	batched                    bool
	capacity                   int // the most steps of one run of the program

	settings train.Settings // of which the learning rates are numbers
}

// layer is φ(scale · W x + biasStd · b) of each window x, or a pool.
type layer struct {
	train.Layer
	in             int // numbers of a window
	index          int // of the weights in Net.Parameters; the biases are the next
	scale, biasStd float32
	bias, frozen   bool
	w, b           scales
}

// scales are those of train.Parameterization.Scales.
type scales struct{ gradient, step float32 }

// trained says that the layer has parameters that steps change.
func (l *layer) trained() bool { return !l.Pool && !l.frozen }

// planOf returns the plan of trials, or why there is none.
func planOf(trials []*train.Trial) (plan, string) {
	first, why := planOne(trials[0])
	if why != "" {
		return first, why
	}
	for i, other := range trials[1:] {
		o, why := planOne(other)
		if why != "" {
			return first, why
		}
		a, b := first.settings, o.settings
		if o.architecture != first.architecture ||
			!slices.EqualFunc(o.layers, first.layers, alike) ||
			o.points != first.points || o.testPoints != first.testPoints ||
			o.batch != first.batch || a.Loss != b.Loss || a.LossFactor != b.LossFactor ||
			a.OutputScale != b.OutputScale || a.Parameterization != b.Parameterization ||
			a.Optimizer != b.Optimizer {
			return first, fmt.Sprintf("run %d differs from run 0 in more than numbers", i+1)
		}
	}
	first.trials = len(trials)
	if rows := first.trials * first.points; rows > math.MaxInt32 {
		return first, fmt.Sprintf("all trials together have %d training points", rows)
	}
	const entries = 1 << 22 // of the indices of the points
	first.capacity = 1024
	if first.batched {
		first.capacity = max(1, min(first.capacity, entries/(first.trials*first.batch)))
	}
	return first, ""
}

// alike says that two layers have the same place in a program, but for their activations, of
// which the fingerprint of the architecture knows.
func alike(a, b layer) bool {
	a.Activation, b.Activation = nil, nil // some cannot be compared
	return a == b
}

// planOne is planOf for one.
func planOne(t *train.Trial) (plan, string) {
	net, ok := t.Net.(train.Layered)
	if !ok {
		return plan{}, fmt.Sprintf("a %T does not say which layers it has (train.Layered)", t.Net)
	}
	of := net.Model().Describe()
	layers, _ := net.Layers()
	p := plan{
		trials: 1, points: len(t.X) / of.Inputs, testPoints: len(t.XTest) / of.Inputs,
		inputs:  layers[0].Axes[0].In * layers[0].Axes[1].In * layers[0].Channels,
		outputs: of.Outputs, architecture: of.Architecture, settings: t.Settings,
	}
	p.batch = p.points
	if b := t.Settings.Batch; b > 0 && b < p.points {
		p.batch, p.batched = b, true
	}
	parameters, index := net.Parameters(), 0
	for _, one := range layers {
		l := layer{Layer: one, in: one.Axes[0].Size * one.Axes[1].Size * one.Channels}
		if !l.Pool {
			l.index = index
			w, b := parameters[index], parameters[index+1]
			index += 2
			l.scale, l.biasStd, l.bias, l.frozen = w.Scale, b.Scale, len(b.Values) > 0, w.Frozen
			l.w.gradient, l.w.step = t.Settings.Parameterization.Scales(w)
			l.b.gradient, l.b.step = t.Settings.Parameterization.Scales(b)
		}
		if l.Activation != nil {
			var trial program
			if _, _, ok := trial.writeActivation(l.Activation, trial.argument(single, 1)); !ok {
				return p, fmt.Sprintf("the activation %v is not written in elementary functions "+
					"(ntk.Elementary)", l.Activation)
			}
		}
		p.layers = append(p.layers, l)
	}
	return p, ""
}

// inputs are what the first layer takes in of the points of a trial: of those to train on, and of
// those to test on.
type inputs [2][]float32

func given(t *train.Trial) inputs { return inputs{t.X, t.XTest} }

// inputsOf returns the inputs of each trial, or why they cannot be prepared.
func inputsOf(trials []*train.Trial) ([]inputs, string) {
	out := make([]inputs, len(trials))
	for i, t := range trials {
		_, prepare := t.Net.(train.Layered).Layers()
		for side, x := range given(t) {
			var err error
			switch {
			case prepare == nil:
				out[i][side] = x
			case i > 0 && slices.Equal(x, given(trials[i-1])[side]): // many have the same
				out[i][side] = out[i-1][side]
			default:
				out[i][side], err = prepare(x)
			}
			if err != nil {
				return nil, err.Error()
			}
		}
	}
	return out, ""
}

// array is an array of parameters of all trials.
type array struct {
	layer      int
	bias       bool
	index      int // in Net.Parameters
	dimensions []int
}

// arrays lists those that there are.
func (p *plan) arrays() (out []array) {
	for i, l := range p.layers {
		if l.Pool {
			continue
		}
		out = append(out, array{i, false, l.index, []int{p.trials, l.Outputs, l.in}})
		if l.bias {
			out = append(out, array{i, true, l.index + 1, []int{p.trials, l.Outputs}})
		}
	}
	return out
}

// slots is how many numbers the optimizer keeps for a trained parameter.
func (p *plan) slots() int {
	switch p.settings.Optimizer.(type) {
	case train.Momentum:
		return 1
	case train.Adam:
		return 2
	}
	return 0
}

// weights are the arrays of a layer in a program.
type weights struct{ w, b tensor }

// passed is what a pass leaves of a layer for the way back: the windows, and φ' if it has a φ.
type passed struct{ windows, slope tensor }

// forward writes a pass over points (trials×points×inputs): the outputs, and what it leaves.
func (p *plan) forward(g *program, of []weights, x tensor) (out tensor, left []passed) {
	first := &p.layers[0]
	points := x.dimensions[1]
	h := g.reshape(x, p.trials, points*first.Axes[0].In*first.Axes[1].In, first.Channels)
	for i, l := range p.layers {
		if l.Pool {
			h, left = l.means(g, h), append(left, passed{})
			continue
		}
		windows := l.windows(g, h)
		u := g.product(windows, 2, of[i].w, 2)
		u = g.same("multiply", u, g.constant(float64(l.scale), single, u.dimensions...))
		if l.bias {
			b := g.spread(of[i].b, u.dimensions, 0, 2)
			u = g.same("add", u,
				g.same("multiply", b, g.constant(float64(l.biasStd), single, u.dimensions...)))
		}
		var slope tensor
		if h = u; l.Activation != nil {
			var ok bool
			if h, slope, ok = g.writeActivation(l.Activation, u); !ok {
				panic("device: an activation that was written before")
			}
		}
		left = append(left, passed{windows, slope})
	}
	return h, left
}

// backward writes the gradients by the arrays of each layer that is trained, less their scales,
// for the derivatives of the loss by the outputs.
func (p *plan) backward(g *program, of []weights, left []passed, residual tensor) []weights {
	gradients := make([]weights, len(p.layers))
	first := slices.IndexFunc(p.layers, func(l layer) bool { return l.trained() })
	if first < 0 {
		return gradients
	}
	delta := residual
	for i := len(p.layers) - 1; ; i-- {
		l := p.layers[i]
		if left[i].slope.name != "" {
			delta = g.same("multiply", delta, left[i].slope)
		}
		if l.trained() {
			gradients[i].w = g.product(delta, 1, left[i].windows, 1)
			if l.bias {
				gradients[i].b = g.sum(delta, 1)
			}
		}
		if i == first {
			return gradients
		}
		if l.Pool {
			delta = l.backFromMeans(g, delta)
			continue
		}
		back := g.product(delta, 2, of[i].w, 1)
		back = g.same("multiply", back, g.constant(float64(l.scale), single, back.dimensions...))
		delta = l.backFromWindows(g, back)
	}
}

// outputsProgram is the program of outputs on points, so many of them at once.
func (p *plan) outputsProgram(points, block int) string {
	var g program
	of := make([]weights, len(p.layers))
	for _, a := range p.arrays() {
		t := g.argument(single, a.dimensions...)
		if a.bias {
			of[a.layer].b = t
		} else {
			of[a.layer].w = t
		}
	}
	x := g.argument(single, p.trials, points, p.inputs)
	if block >= points {
		f, _ := p.forward(&g, of, x)
		return g.module([]tensor{f})
	}
	// The last block begins before the end of the one before it, if need be: a slice that would
	// reach beyond the end is moved back, as is what is written.
	blocks := g.constant(float64((points+block-1)/block), integer)
	all := []tensor{g.constant(0, single, p.trials, points, p.outputs)}
	all = g.loop(blocks, all, func(i tensor, all []tensor) []tensor {
		from := g.same("multiply", i, g.constant(float64(block), integer))
		f, _ := p.forward(&g, of, g.part(x, 1, from, block))
		return []tensor{g.setPart(all[0], f, 1, from)}
	})
	return g.module(all)
}

// block is how many points there are outputs of at once: as many as keep the largest array of the
// pass within so many numbers, in blocks of one size.
func (p *plan) block(points, numbers int) int {
	each := 1
	for _, l := range p.layers {
		windows := l.Axes[0].Out * l.Axes[1].Out
		each = max(each, windows*l.Outputs, l.Axes[0].In*l.Axes[1].In*l.Channels)
		if !l.Pool {
			each = max(each, windows*l.in)
		}
	}
	most := max(1, numbers/(p.trials*each))
	blocks := (points + most - 1) / most
	return (points + blocks - 1) / blocks
}
