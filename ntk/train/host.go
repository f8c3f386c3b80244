package train

import (
	"context"

	"github.com/kernelsmith/kernelsmith/ntk/internal/parallel"
	"github.com/kernelsmith/kernelsmith/ntk/internal/special"
	"github.com/kernelsmith/kernelsmith/ntk/internal/vec32"
)

// host takes the steps of one trial with passes of its net. All buffers are made before
// the first step.
type host struct {
	t           *Trial
	parameters  []Parameter
	train, test Pass
	batch       Pass // what a step is taken on: train, if that is all points
	serial      bool

	forwarded bool      // train has the outputs of the parameters as they are
	f, y      []float64 // outputs, centred and scaled, and targets of the points of a step
	residual  []float32 // ∂loss/∂(outputs of the net) at them

	gradient []float32          // of one array of parameters, for Adam
	apply    []func(lo, hi int) // moves blocks of an array; made once, not in each step
	rate     float32
	adam     adamStep
}

func newHost(t *Trial, serial bool) *host {
	n, o := t.points(), t.of.Outputs
	h := &host{
		t: t, parameters: t.Net.Parameters(), serial: serial,
		train: t.Net.NewPass(n, serial), test: t.Net.NewPass(len(t.XTest)/t.of.Inputs, serial),
	}
	copy(h.train.Inputs(n), t.X)
	copy(h.test.Inputs(len(t.XTest)/t.of.Inputs), t.XTest)
	points := n
	h.batch, h.y = h.train, t.Y.RawMatrix().Data
	if t.order != nil {
		points = t.Settings.Batch
		h.batch, h.y = t.Net.NewPass(points, serial), make([]float64, points*o)
	}
	h.f, h.residual = make([]float64, points*o), make([]float32, points*o)
	largest := 0
	for i, p := range h.parameters {
		h.apply = append(h.apply, h.move(i))
		largest = max(largest, len(p.Values))
	}
	if _, adam := t.Settings.Optimizer.(Adam); adam {
		h.gradient = make([]float32, largest)
	}
	return h
}

// Outputs implements Steps.
func (h *host) Outputs(ctx context.Context, _ int, test bool) ([]float32, error) {
	if test {
		err := h.test.Forward(ctx)
		return h.test.Outputs(), err
	}
	return h.train.Outputs(), h.forward(ctx)
}

// forward computes the outputs on all training points, if they are not there.
func (h *host) forward(ctx context.Context) error {
	if h.forwarded {
		return nil
	}
	err := h.train.Forward(ctx)
	h.forwarded = err == nil
	return err
}

// Sync implements Steps: the arrays of the trial are those that are trained.
func (h *host) Sync(int) error { return nil }

// Advance implements Steps.
func (h *host) Advance(ctx context.Context, k int) error {
	t := h.t
	t.Losses = t.Losses[:0]
	for i := range k {
		loss, err := h.loss(ctx, i)
		if err != nil {
			return err
		}
		if !special.Finite(loss) {
			t.Losses = append(t.Losses, loss)
			return nil
		}
		if err := h.batch.Backward(ctx, h.residual[:len(h.batch.Outputs())]); err != nil {
			return err
		}
		h.update(t.state.Steps + i + 1)
		t.Losses = append(t.Losses, loss)
	}
	return nil
}

// loss returns the loss on the points of the step that is i on, and sets residual.
func (h *host) loss(ctx context.Context, i int) (float64, error) {
	t, o := h.t, h.t.of.Outputs
	f, y, points := h.f, h.y, t.Batch(t.after(i))
	if points == nil {
		if err := h.forward(ctx); err != nil {
			return 0, err
		}
		t.centre(f, h.train.Outputs(), t.Start)
	} else {
		h.gather(points)
		if err := h.batch.Forward(ctx); err != nil {
			return 0, err
		}
		f, y = f[:len(points)*o], y[:len(points)*o]
		out := h.batch.Outputs()
		for r, p := range points {
			copy(y[r*o:(r+1)*o], t.Y.RawRowView(p))
			t.centre(f[r*o:(r+1)*o], out[r*o:(r+1)*o], t.Start[p*o:(p+1)*o])
		}
	}
	factor := t.Settings.lossFactor() * t.Settings.outputScale() / float64(len(f)/o)
	return t.Settings.Loss.derivative(h.residual[:len(f)], f, y, o, factor), nil
}

// gather copies the points of a step into the batch.
func (h *host) gather(points []int) {
	d, in := h.t.of.Inputs, h.batch.Inputs(len(points))
	for r, p := range points {
		copy(in[r*d:(r+1)*d], h.t.X[p*d:(p+1)*d])
	}
}

// block is how many parameters are a unit of work: whole vectors, so that a part's end
// rounds like the middle of a longer one.
const block = 1 << 10

// move returns what momentum or Adam does with the i-th array of parameters, in blocks.
func (h *host) move(i int) func(lo, hi int) {
	p := h.parameters[i]
	_, step := h.t.Settings.Parameterization.Scales(p)
	_, adam := h.t.Settings.Optimizer.(Adam)
	return func(lo, hi int) {
		lo, hi = lo*block, min(hi*block, len(p.Values))
		if adam {
			m, v := halves(h.t.Slots[i])
			h.adam.step(p.Values[lo:hi], h.gradient[lo:hi], m[lo:hi], v[lo:hi], step)
			return
		}
		vec32.AddScaled(p.Values[lo:hi], -h.rate*step, h.t.Slots[i][lo:hi])
	}
}

// update takes the step that Backward prepared, which is counted from 1.
func (h *host) update(step int) {
	s := &h.t.Settings
	h.forwarded = false
	h.rate = float32(s.LearningRate)
	if a, ok := s.Optimizer.(Adam); ok {
		h.adam = a.at(step, h.rate)
	}
	for i := range h.parameters {
		p := &h.parameters[i]
		if p.Frozen || len(p.Values) == 0 {
			continue
		}
		gradient, step := s.Parameterization.Scales(*p)
		switch o := s.Optimizer.(type) {
		case nil:
			h.batch.Gradient(i, -h.rate*(gradient*step), 1, p.Values)
			continue
		case Momentum:
			h.batch.Gradient(i, gradient, float32(o.Decay), h.t.Slots[i])
		case Adam:
			h.batch.Gradient(i, gradient, 0, h.gradient[:len(p.Values)])
		}
		if blocks := (len(p.Values) + block - 1) / block; h.serial {
			h.apply[i](0, blocks)
		} else {
			parallel.For(blocks, 16, h.apply[i])
		}
	}
}

func halves(s []float32) (a, b []float32) { return s[:len(s)/2], s[len(s)/2:] }
