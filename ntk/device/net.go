package device

import (
	"fmt"
	"math"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/fcn"
	"github.com/kernelsmith/kernelsmith/ntk/train"
)

// plan is what trials have in common that are trained by one program: everything but numbers.
type plan struct {
	trials, points, testPoints int
	inputs, outputs            int
	layers                     []layer
	batch                      int // points of a step; all, if not batched
	batched                    bool
	capacity                   int // the most steps of one run of the program

	settings train.Settings // of which the learning rates are numbers
}

// layer is u = scale · W h + biasStd · b and, in a hidden layer, φ(u).
type layer struct {
	in, out        int
	scale, biasStd float32
	bias, frozen   bool
	phi            ntk.Activation // nil in the readout
	w, b           scales
}

// scales are those of train.Parameterization.Scales.
type scales struct{ gradient, step float32 }

// planOf returns the plan of trials, or why there is none.
func planOf(trials []*train.Trial) (plan, string) {
	t := trials[0]
	first, why := planOne(t)
	if why != "" {
		return first, why
	}
	model := t.Net.Model().(fcn.Model)
	for i, other := range trials[1:] {
		o, why := planOne(other)
		if why != "" {
			return first, why
		}
		m := other.Net.Model().(fcn.Model)
		m.Config.Seed = model.Config.Seed
		a, b := first.settings, o.settings
		if m.Config != model.Config || m.Arch.Fingerprint() != model.Arch.Fingerprint() ||
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

// planOne is planOf for one.
func planOne(t *train.Trial) (plan, string) {
	model, ok := t.Net.Model().(fcn.Model)
	if !ok {
		return plan{}, fmt.Sprintf("a %T is no fully connected net", t.Net)
	}
	c := model.Config
	p := plan{
		trials: 1, points: len(t.X) / c.Inputs, testPoints: len(t.XTest) / c.Inputs,
		inputs: c.Inputs, outputs: c.Outputs, settings: t.Settings,
	}
	p.batch = p.points
	if b := t.Settings.Batch; b > 0 && b < p.points {
		p.batch, p.batched = b, true
	}
	parameters := t.Net.Parameters()
	hidden, in := model.Arch.Layers(), c.Inputs
	for i := range len(hidden) + 1 {
		w, b := parameters[2*i], parameters[2*i+1]
		l := layer{
			in: in, out: c.Outputs, scale: w.Scale, biasStd: b.Scale, bias: len(b.Values) > 0,
			frozen: w.Frozen,
		}
		l.w.gradient, l.w.step = t.Settings.Parameterization.Scales(w)
		l.b.gradient, l.b.step = t.Settings.Parameterization.Scales(b)
		if i < len(hidden) {
			l.out, l.phi = c.Width, hidden[i].Activation
			var trial program
			if _, _, ok := trial.writeActivation(l.phi, trial.argument(single, 1)); !ok {
				return p, fmt.Sprintf("the activation %v is not written in elementary functions "+
					"(ntk.Elementary)", l.phi)
			}
		}
		p.layers, in = append(p.layers, l), l.out
	}
	return p, ""
}

// array is an array of parameters of all trials.
type array struct {
	layer      int
	bias       bool
	dimensions []int
}

func (a array) index() int { // in Net.Parameters
	if a.bias {
		return 2*a.layer + 1
	}
	return 2 * a.layer
}

// arrays lists those that there are.
func (p *plan) arrays() (out []array) {
	for i, l := range p.layers {
		out = append(out, array{i, false, []int{p.trials, l.out, l.in}})
		if l.bias {
			out = append(out, array{i, true, []int{p.trials, l.out}})
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

// forward writes a pass: what each layer takes in, then the outputs, and φ' of each hidden layer.
func (p *plan) forward(g *program, of []weights, x tensor) (h, slopes []tensor) {
	h = []tensor{x}
	for i, l := range p.layers {
		u := g.product(h[i], 2, of[i].w, 2)
		u = g.same("multiply", u, g.constant(float64(l.scale), single, u.dimensions...))
		if l.bias {
			b := g.spread(of[i].b, u.dimensions, 0, 2)
			u = g.same("add", u,
				g.same("multiply", b, g.constant(float64(l.biasStd), single, u.dimensions...)))
		}
		if l.phi == nil {
			h = append(h, u)
			continue
		}
		value, slope, ok := g.writeActivation(l.phi, u)
		if !ok {
			panic("device: an activation that was written before")
		}
		h, slopes = append(h, value), append(slopes, slope)
	}
	return h, slopes
}

// backward writes the gradients by the arrays of each layer that is trained, less their scales,
// for the derivatives of the loss by the outputs.
func (p *plan) backward(g *program, of []weights, h, slopes []tensor, residual tensor) []weights {
	first := len(p.layers)
	for i := len(p.layers) - 1; i >= 0; i-- {
		if !p.layers[i].frozen {
			first = i
		}
	}
	gradients := make([]weights, len(p.layers))
	delta := residual
	for i := len(p.layers) - 1; i >= first; i-- {
		l := p.layers[i]
		if !l.frozen {
			gradients[i].w = g.product(delta, 1, h[i], 1)
			if l.bias {
				gradients[i].b = g.sum(delta, 1)
			}
		}
		if i > first {
			back := g.product(delta, 2, of[i].w, 1)
			back = g.same("multiply", back,
				g.constant(float64(l.scale), single, back.dimensions...))
			delta = g.same("multiply", back, slopes[i-1])
		}
	}
	return gradients
}

// outputsProgram is the program of outputs on so many points.
func (p *plan) outputsProgram(points int) string {
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
	h, _ := p.forward(&g, of, g.argument(single, p.trials, points, p.inputs))
	return g.module(h[len(h)-1:])
}
