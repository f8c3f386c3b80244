package device

import (
	"github.com/kernelsmith/kernelsmith/ntk/train"
)

// stepsProgram is the program that takes steps. Its arguments are, in this order,
//
//	the number of steps, at most the capacity
//	1 for each trial that takes steps, 0 for one whose loss is not finite
//	the arrays of parameters
//	what the optimizer keeps, for each trained array: v, or m and v
//	inputs, targets and f₀ of the training points
//	the learning rates: a number for each trial, and with Adam two for each step and trial
//	with batches, for each step and trial: the points, and how many there are
//
// and its results the trained arrays, what the optimizer keeps, and the losses (steps×trials).
func (p *plan) stepsProgram() string {
	s := stepWriter{plan: p}
	g := &s.program
	times := g.argument(integer)
	alive := g.compare("GT", g.argument(integer, p.trials), g.constant(0, integer, p.trials))
	var frozen []tensor
	state := []tensor{alive, g.constant(0, double, p.capacity, p.trials)}
	all := p.arrays()
	for _, a := range all {
		t := g.argument(single, a.dimensions...)
		if p.layers[a.layer].frozen {
			frozen = append(frozen, t)
		} else {
			state = append(state, t)
		}
	}
	for _, a := range all {
		for range p.slots() {
			if !p.layers[a.layer].frozen {
				state = append(state, g.argument(single, a.dimensions...))
			}
		}
	}
	s.x = g.argument(single, p.trials, p.points, p.inputs)
	s.y = g.argument(double, p.trials, p.points, p.outputs)
	s.start = g.argument(single, p.trials, p.points, p.outputs)
	if _, adam := p.settings.Optimizer.(train.Adam); adam {
		s.rate = g.argument(single, p.capacity, p.trials)
		s.root = g.argument(single, p.capacity, p.trials)
	} else {
		s.rate = g.argument(single, p.trials)
	}
	if p.batched {
		s.index = g.argument(integer, p.capacity, p.trials*p.batch)
		s.count = g.argument(double, p.capacity, p.trials)
	}
	s.frozen = frozen
	last := g.loop(times, state, s.step)
	return g.module(append(last[2:], last[1]))
}

// stepWriter writes a step.
type stepWriter struct {
	*plan
	program
	frozen       []tensor
	x, y, start  tensor
	rate, root   tensor
	index, count tensor
}

// step writes the step with a number.
func (s *stepWriter) step(i tensor, state []tensor) []tensor {
	alive, losses, trained, slots := s.sort(state)
	of := s.layersOf(trained)
	x, y, start, valid, count := s.pointsOf(i)
	out, left := s.forward(&s.program, of, x)
	f := s.centre(out, start)
	loss, residual := s.loss(f, y, valid, count)
	losses = s.setEntry(losses, loss, i)
	alive = s.same("and", alive, s.write(boolean, []int{s.trials}, "is_finite", "", loss))
	gradients := s.backward(&s.program, of, left, residual)
	rate, root := s.rate, s.root
	if root.name != "" {
		rate, root = s.entry(rate, i), s.entry(root, i)
	}
	next := []tensor{alive, losses}
	var kept []tensor
	n := 0
	for _, a := range s.arrays() {
		l := s.layers[a.layer]
		if l.frozen {
			continue
		}
		gradient, c := gradients[a.layer].w, l.w
		if a.bias {
			gradient, c = gradients[a.layer].b, l.b
		}
		old := append([]tensor{trained[n]}, slots[n*s.slots():(n+1)*s.slots()]...)
		new := s.update(old, gradient, c, rate, root)
		yes := s.spread(alive, a.dimensions, 0)
		for j := range new {
			new[j] = s.choose(yes, new[j], old[j])
		}
		next, kept = append(next, new[0]), append(kept, new[1:]...)
		n++
	}
	return append(next, kept...)
}

// sort divides the state of the loop.
func (s *stepWriter) sort(state []tensor) (alive, losses tensor, trained, slots []tensor) {
	arrays := (len(state) - 2) / (1 + s.slots())
	return state[0], state[1], state[2 : 2+arrays], state[2+arrays:]
}

// layersOf are the arrays of all layers, the frozen ones among them.
func (s *stepWriter) layersOf(trained []tensor) []weights {
	of, frozen := make([]weights, len(s.layers)), s.frozen
	for _, a := range s.arrays() {
		from := &trained
		if s.layers[a.layer].frozen {
			from = &frozen
		}
		if a.bias {
			of[a.layer].b = (*from)[0]
		} else {
			of[a.layer].w = (*from)[0]
		}
		*from = (*from)[1:]
	}
	return of
}

// pointsOf are inputs, targets and f₀ of a step, 1 for each of its points and 0 for what fills
// the last batch up (nothing, if there are no batches), and the number of points of each trial.
func (s *stepWriter) pointsOf(i tensor) (x, y, start, valid, count tensor) {
	if !s.batched {
		return s.x, s.y, s.start, valid, s.constant(float64(s.points), double, s.trials)
	}
	index, all := s.entry(s.index, i), s.trials*s.points
	gather := func(a tensor) tensor {
		width := a.dimensions[2]
		return s.reshape(s.rows(s.reshape(a, all, width), index), s.trials, s.batch, width)
	}
	x, y, start = gather(s.x), gather(s.y), gather(s.start)
	count = s.entry(s.count, i)
	size := []int{s.trials, s.batch}
	number := s.numbersAlong(1, double, size)
	valid = s.convert(s.compare("LT", number, s.spread(count, size, 0)), double)
	return x, y, start, valid, count
}

// centre is the function that is trained, in double precision as it is on the CPU.
func (s *stepWriter) centre(out, start tensor) tensor {
	f := s.same("subtract", s.convert(out, double), s.convert(start, double))
	return s.same("multiply", f, s.constant(orOne(s.settings.OutputScale), double,
		f.dimensions...))
}

// loss writes the mean loss of each trial, and the derivatives by the outputs of the net.
func (s *stepWriter) loss(f, y, valid, count tensor) (loss, residual tensor) {
	var rows, slope tensor // the losses of the points, and the derivatives by f
	factor := orOne(s.settings.LossFactor) * orOne(s.settings.OutputScale)
	if s.settings.Loss == train.CrossEntropy {
		rows, slope = s.crossEntropy(f, y)
	} else {
		e := s.same("subtract", f, y)
		rows, slope = s.sum(s.same("multiply", e, e), 2), e
		factor *= 2
	}
	if valid.name != "" {
		rows = s.same("multiply", rows, valid)
		slope = s.same("multiply", slope, s.spread(valid, slope.dimensions, 0, 1))
	}
	loss = s.same("divide", s.sum(rows, 1), count)
	by := s.same("divide", s.constant(factor, double, s.trials), count)
	slope = s.same("multiply", slope, s.spread(by, slope.dimensions, 0))
	return loss, s.convert(slope, single)
}

// crossEntropy is log Σ e^f - Σ y f, shifted by the largest f, and softmax(f) - y.
func (s *stepWriter) crossEntropy(f, y tensor) (rows, slope tensor) {
	d := f.dimensions
	top := s.spread(s.reduce("maximum", lowest, f, 2), d, 0, 1)
	less := s.same("subtract", f, top)
	e := s.same("exponential", less)
	total := s.sum(e, 2)
	rows = s.same("subtract", s.same("log", total), s.sum(s.same("multiply", y, less), 2))
	softmax := s.same("divide", e, s.spread(total, d, 0, 1))
	return rows, s.same("subtract", softmax, y)
}

// lowest is below any number that is looked at.
const lowest = -1e308

// update writes a step of an array, the first of old, and of what is kept for it, for the
// gradient less its scales.
func (s *stepWriter) update(old []tensor, gradient tensor, c scales, rate, root tensor) []tensor {
	d := gradient.dimensions
	all := func(v float32) tensor { return s.constant(float64(v), single, d...) }
	// each is v_t·by for trial t, everywhere in its part of the array.
	each := func(v tensor, by float32) tensor {
		v = s.same("multiply", v, s.constant(float64(by), single, s.trials))
		return s.spread(v, d, 0)
	}
	times := func(a, b tensor) tensor { return s.same("multiply", a, b) }
	plus := func(a, b tensor) tensor { return s.same("add", a, b) }
	less := func(a, b tensor) tensor { return s.same("subtract", a, b) }
	switch o := s.settings.Optimizer.(type) {
	case train.Momentum:
		v := plus(times(all(float32(o.Decay)), old[1]), times(all(c.gradient), gradient))
		return []tensor{less(old[0], times(each(rate, c.step), v)), v}
	case train.Adam:
		o = o.Full()
		beta1, beta2 := float32(o.Beta1), float32(o.Beta2)
		gradient = times(all(c.gradient), gradient)
		m := plus(times(all(beta1), old[1]), times(all(1-beta1), gradient))
		v := plus(times(all(beta2), old[2]), times(all(1-beta2), times(gradient, gradient)))
		below := plus(times(s.same("sqrt", v), each(root, 1)), all(float32(o.Epsilon)))
		move := s.same("divide", times(each(rate, c.step), m), below)
		return []tensor{less(old[0], move), m, v}
	}
	return []tensor{less(old[0], times(each(rate, c.gradient*c.step), gradient))}
}

func orOne(v float64) float64 {
	if v == 0 {
		return 1
	}
	return v
}
