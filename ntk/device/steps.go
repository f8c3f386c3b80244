package device

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/kernelsmith/kernelsmith/ntk/internal/pjrt"
	"github.com/kernelsmith/kernelsmith/ntk/train"
)

// steps takes the steps of trials of one plan on one device. It is a train.Steps.
type steps struct {
	plan   plan
	device *Device
	on     *pjrt.Device
	trials []*train.Trial

	run                  *pjrt.Program
	x, y, start, xTest   *pjrt.Buffer
	arrays, slots        []*pjrt.Buffer // slots of array i: i·plan.slots() and on, nil if frozen
	outputs              [2][]float32   // of training and test points; nil if not as they are
	values               [][]float32    // of arrays and then slots, as copied; nil likewise
	alive                []int32
	rates                []float32
	index                []int32
	count                []float64
	adamRates, adamRoots []float32
}

// newSteps copies what the trials have to a device.
func newSteps(
	d *Device, on *pjrt.Device, p plan, trials []*train.Trial, x []inputs,
) (_ *steps, err error) {
	s := &steps{plan: p, device: d, on: on, trials: trials}
	defer func() {
		if err != nil {
			_ = s.Close()
		}
	}()
	if s.run, err = d.compiled(p.stepsProgram()); err != nil {
		return nil, err
	}
	s.x, err = s.upload([]int{p.points, p.inputs}, func(i int) []float32 { return x[i][0] })
	if err != nil {
		return nil, err
	}
	s.xTest, err = s.upload([]int{p.testPoints, p.inputs},
		func(i int) []float32 { return x[i][1] })
	if err != nil {
		return nil, err
	}
	var y []float64
	for _, t := range trials {
		y = append(y, t.Y.RawMatrix().Data...)
	}
	s.y, err = pjrt.Upload(on, y, int64(p.trials), int64(p.points), int64(p.outputs))
	if err != nil {
		return nil, err
	}
	for _, a := range p.arrays() {
		b, err := s.upload(a.dimensions[1:], func(i int) []float32 {
			return trials[i].Net.Parameters()[a.index].Values
		})
		if err != nil {
			return nil, err
		}
		s.arrays = append(s.arrays, b)
		for j := range p.slots() {
			var b *pjrt.Buffer
			if !p.layers[a.layer].frozen {
				b, err = s.upload(a.dimensions[1:], func(i int) []float32 {
					return part(trials[i].Slots[a.index], j, p.slots())
				})
				if err != nil {
					return nil, err
				}
			}
			s.slots = append(s.slots, b)
		}
	}
	s.alive, s.rates = make([]int32, p.trials), make([]float32, p.trials)
	return s, nil
}

// part is the j-th of so many equal parts.
func part(of []float32, j, parts int) []float32 {
	n := len(of) / parts
	return of[j*n : (j+1)*n]
}

// upload copies an array of each trial to the device.
func (s *steps) upload(
	dimensions []int, of func(trial int) []float32,
) (*pjrt.Buffer, error) {
	all := of(0)
	if len(s.trials) > 1 {
		all = slices.Clone(all)
		for i := range s.trials[1:] {
			all = append(all, of(i+1)...)
		}
	}
	return pjrt.Upload(s.on, all, sizes(s.plan.trials, dimensions)...)
}

func sizes(first int, rest []int) []int64 {
	out := []int64{int64(first)}
	for _, d := range rest {
		out = append(out, int64(d))
	}
	return out
}

// Close frees what is on the device.
func (s *steps) Close() error {
	for _, b := range append(append([]*pjrt.Buffer{s.x, s.y, s.start, s.xTest}, s.arrays...),
		s.slots...) {
		b.Free()
	}
	s.arrays, s.slots = nil, nil
	return nil
}

// Advance implements train.Steps.
func (s *steps) Advance(ctx context.Context, k int) error {
	for i, t := range s.trials {
		t.Losses, s.alive[i] = t.Losses[:0], 1
	}
	if s.start == nil {
		var err error
		s.start, err = s.upload([]int{s.plan.points, s.plan.outputs},
			func(i int) []float32 { return s.trials[i].Start })
		if err != nil {
			return s.device.advise(err)
		}
	}
	for done := 0; done < k; {
		if err := ctx.Err(); err != nil {
			return err
		}
		n := min(k-done, s.plan.capacity)
		if err := s.some(done, n); err != nil {
			return s.device.advise(err)
		}
		done += n
	}
	return nil
}

// some takes n steps, of which so many of this Advance were taken before.
func (s *steps) some(done, n int) error {
	p := &s.plan
	var in, out pjrt.Buffers
	defer in.Free()
	in.Add(pjrt.Upload(s.on, []int32{int32(n)}))
	in.Add(pjrt.Upload(s.on, s.alive, int64(p.trials)))
	ahead := len(in.List)
	s.numbers(&in, done, n)
	if in.Err != nil {
		return in.Err
	}
	all := append([]*pjrt.Buffer(nil), in.List[:ahead]...)
	all = append(all, s.arrays...)
	for _, b := range s.slots {
		if b != nil {
			all = append(all, b)
		}
	}
	all = append(append(all, s.x, s.y, s.start), in.List[ahead:]...)
	var err error
	if out.List, err = s.run.Run(s.on, all); err != nil {
		return err
	}
	losses := make([]float64, p.capacity*p.trials)
	last := len(out.List) - 1
	err = pjrt.Download(out.List[last], losses, int64(p.capacity), int64(p.trials))
	if err != nil {
		out.Free()
		return err
	}
	out.List[last].Free()
	s.take(out.List[:last])
	for i, t := range s.trials {
		for j := range n {
			if s.alive[i] == 0 {
				break
			}
			loss := losses[j*p.trials+i]
			t.Losses = append(t.Losses, loss)
			if math.IsNaN(loss) || math.IsInf(loss, 0) {
				s.alive[i] = 0
			}
		}
	}
	return nil
}

// take puts the results of a program in the place of what was there.
func (s *steps) take(results []*pjrt.Buffer) {
	next := func(b **pjrt.Buffer) {
		(*b).Free()
		*b, results = results[0], results[1:]
	}
	all := s.plan.arrays()
	for i, a := range all {
		if !s.plan.layers[a.layer].frozen {
			next(&s.arrays[i])
		}
	}
	for i := range s.slots {
		if s.slots[i] != nil {
			next(&s.slots[i])
		}
	}
	s.outputs, s.values = [2][]float32{}, nil
}

// numbers uploads what differs from step to step.
func (s *steps) numbers(in *pjrt.Buffers, done, n int) {
	p := &s.plan
	size := []int64{int64(p.capacity), int64(p.trials)}
	if a, ok := p.settings.Optimizer.(train.Adam); ok {
		a = a.Full()
		if s.adamRates == nil {
			s.adamRates = make([]float32, p.capacity*p.trials)
			s.adamRoots = make([]float32, p.capacity*p.trials)
		}
		for i, t := range s.trials {
			_, _, steps := t.Position()
			for j := range n {
				k := steps + done + j + 1
				s.adamRates[j*p.trials+i], s.adamRoots[j*p.trials+i] = a.Rates(k,
					float32(t.Settings.LearningRate))
			}
		}
		in.Add(pjrt.Upload(s.on, s.adamRates, size...))
		in.Add(pjrt.Upload(s.on, s.adamRoots, size...))
	} else {
		for i, t := range s.trials {
			s.rates[i] = float32(t.Settings.LearningRate)
		}
		in.Add(pjrt.Upload(s.on, s.rates, int64(p.trials)))
	}
	if !p.batched {
		return
	}
	if s.index == nil {
		s.index = make([]int32, p.capacity*p.trials*p.batch)
		s.count = make([]float64, p.capacity*p.trials)
	}
	perEpoch := (p.points + p.batch - 1) / p.batch
	for i, t := range s.trials {
		epoch, step, _ := t.Position()
		for j := range n {
			at := step + done + j
			row := s.index[(j*p.trials+i)*p.batch:][:p.batch]
			points := t.Batch(epoch+at/perEpoch, at%perEpoch)
			for r := range row {
				row[r] = int32(i * p.points)
				if r < len(points) {
					row[r] += int32(points[r])
				}
			}
			s.count[j*p.trials+i] = float64(len(points))
		}
	}
	in.Add(pjrt.Upload(s.on, s.index, int64(p.capacity), int64(p.trials*p.batch)))
	in.Add(pjrt.Upload(s.on, s.count, size...))
}

// Outputs implements train.Steps.
func (s *steps) Outputs(ctx context.Context, i int, test bool) ([]float32, error) {
	which, points, x := 0, s.plan.points, s.x
	if test {
		which, points, x = 1, s.plan.testPoints, s.xTest
	}
	size := points * s.plan.outputs
	if s.outputs[which] == nil {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		f, err := s.forward(points, x)
		if err != nil {
			return nil, s.device.advise(err)
		}
		s.outputs[which] = f
	}
	return s.outputs[which][i*size : (i+1)*size], nil
}

// forward computes the outputs of all trials on so many points.
func (s *steps) forward(points int, x *pjrt.Buffer) ([]float32, error) {
	block := s.plan.block(points, s.device.numbers)
	program, err := s.device.compiled(s.plan.outputsProgram(points, block))
	if err != nil {
		return nil, err
	}
	var out pjrt.Buffers
	defer func() { out.Free() }()
	all := append(append([]*pjrt.Buffer(nil), s.arrays...), x)
	if out.List, err = program.Run(s.on, all); err != nil {
		return nil, err
	}
	f := make([]float32, s.plan.trials*points*s.plan.outputs)
	return f, pjrt.Download(out.List[0], f,
		sizes(s.plan.trials, []int{points, s.plan.outputs})...)
}

// Sync implements train.Steps.
func (s *steps) Sync(i int) error {
	if s.values == nil {
		if err := s.download(); err != nil {
			return fmt.Errorf("device: the parameters cannot be had back: %w", err)
		}
	}
	t, all, n := s.trials[i], s.plan.arrays(), s.plan.slots()
	for j, a := range all {
		copy(t.Net.Parameters()[a.index].Values, part(s.values[j], i, s.plan.trials))
		for k := range n {
			if v := s.values[len(all)+j*n+k]; v != nil {
				copy(part(t.Slots[a.index], k, n), part(v, i, s.plan.trials))
			}
		}
	}
	return nil
}

// download copies all arrays.
func (s *steps) download() error {
	all, n := s.plan.arrays(), s.plan.slots()
	if len(s.arrays) != len(all) {
		return errors.New("they were freed")
	}
	values := make([][]float32, len(all)*(1+n))
	get := func(b *pjrt.Buffer, a array) ([]float32, error) {
		size := 1
		for _, d := range a.dimensions {
			size *= d
		}
		v := make([]float32, size)
		return v, pjrt.Download(b, v, sizes(s.plan.trials, a.dimensions[1:])...)
	}
	var err error
	for j, a := range all {
		if values[j], err = get(s.arrays[j], a); err != nil {
			return err
		}
		for k := range n {
			if b := s.slots[j*n+k]; b != nil {
				if values[len(all)+j*n+k], err = get(b, a); err != nil {
					return err
				}
			}
		}
	}
	s.values = values
	return nil
}
