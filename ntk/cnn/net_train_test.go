package cnn

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/internal/accel"
	"github.com/kernelsmith/kernelsmith/ntk/train"
	"gonum.org/v1/gonum/mat"
)

// smallRun is training of a net with all that there is: patches, convolutions at a stride, a pool.
func smallRun(s train.Settings) train.Run {
	conv := Conv{Filter: [2]int{2, 2}, Padding: Circular, Activation: ntk.Erf{}, WeightStd: 1.4,
		BiasStd: 0.2}
	strided := conv
	strided.Stride, strided.Activation = [2]int{2, 1}, ntk.GELU{}
	arch := ntk.Must(NewArchitecture(Image{Height: 5, Width: 4, Channels: 2, ChannelsFirst: true},
		[]Layer{Patches{Filter: [2]int{2, 2}, Center: true, Normalize: EachPatch}, conv,
			AveragePool{Window: [2]int{2, 2}, Stride: [2]int{1, 1}}, strided},
		Readout{WeightStd: 1, BiasStd: 0.1}))
	d := arch.image.size()
	return train.Run{
		Model: Model{arch, Config{Width: 9, Outputs: 2, Seed: 5}},
		Problem: train.Problem{XTrain: normals(1, 20, d), YTrain: normals(2, 20, 2),
			XTest: normals(3, 10, d), YTest: normals(4, 10, 2)},
		Settings: s,
	}
}

// A run that was interrupted goes on from its checkpoint and ends with the same points, for every
// kind of optimizer, with batches of which the last is smaller.
func TestTrainingIsResumed(t *testing.T) {
	for _, s := range []train.Settings{
		{}, {Optimizer: train.Momentum{Decay: 0.5}, Batch: 7}, {Optimizer: train.Adam{}, Batch: 8},
		{Parameterization: train.StandardParameterization, Batch: 20},
	} {
		s.LearningRate, s.Epochs = 0.02, 9
		if s.Parameterization == train.NTKParameterization && s.Optimizer == nil {
			s.LearningRate, s.CheckRate = 0.5, true
		}
		want := ntk.Must(smallRun(s).Train(t.Context()))
		if first, last := want.Points[0], want.Points[len(want.Points)-1]; !(last.TrainLoss <
			0.95*first.TrainLoss) {
			t.Errorf("%+v: the loss goes from %v to %v", s, first.TrainLoss, last.TrainLoss)
		}
		run := smallRun(s)
		run.Settings.Checkpoints, run.Settings.CheckpointEvery = t.TempDir(), time.Nanosecond
		ctx, cancel := context.WithCancel(t.Context())
		steps := 0
		run.Settings.Progress = func(train.Progress) {
			if steps++; steps == 5 {
				cancel()
			}
		}
		var interrupted *train.InterruptedError
		if _, err := run.Train(ctx); !errors.As(err, &interrupted) {
			t.Fatalf("interrupted: %v", err)
		}
		resumed := 0
		run.Settings.Progress = func(p train.Progress) { resumed = p.Resumed }
		if d := cmp.Diff(want.Points, ntk.Must(run.Train(t.Context())).Points); d != "" {
			t.Errorf("%+v: interrupted, other points\n%s", s, d)
		}
		if resumed == 0 {
			t.Errorf("%+v: not resumed", s)
		}
	}
}

// The stable rate is n/λ_max of the empirical NTK, whichever layers are frozen: with one output the
// kernel is that of output 0.
func TestStableRateIsOfTheEmpiricalNTK(t *testing.T) {
	run := smallRun(train.Settings{LearningRate: 1, Epochs: 1})
	m := run.Model.(Model)
	m.Config.Outputs = 1
	run.Problem.YTrain, run.Problem.YTest = normals(2, 20, 1), normals(4, 10, 1)
	for mask := range 8 {
		layers, r := m.Arch.Layers(), m.Arch.Readout()
		for i, k := range []int{1, 3} {
			c := layers[k].(Conv)
			c.Frozen = mask>>i&1 == 1
			layers[k] = c
		}
		r.Frozen = mask>>2 == 1
		net := ntk.Must(New(ntk.Must(NewArchitecture(m.Arch.Image(), layers, r)), m.Config))
		theta := ntk.Must(net.EmpiricalNTK(run.Problem.XTrain, run.Problem.XTrain, 0))
		limit, err := train.StableRate(t.Context(), net, run.Problem, run.Settings)
		if mask == 7 {
			if err == nil || mat.Max(theta) != 0 {
				t.Errorf("all is frozen: a stable rate of %v, a kernel of %v", limit, theta)
			}
			continue
		}
		var eig mat.EigenSym
		eig.Factorize(mat.NewSymDense(20, theta.RawMatrix().Data), false)
		if want := 20 / slices.Max(eig.Values(nil)); err != nil ||
			!(math.Abs(limit-want) < 2e-3*want) {
			t.Errorf("frozen %b: a stable rate of %v (%v), 20/λ_max is %v", mask, limit, err, want)
		}
	}
}

// The first steps of a wide net are those of kernel gradient descent with its empirical NTK:
// f - y shrinks by 1 - 2η/n Θ.
func TestStepIsThatOfTheEmpiricalNTK(t *testing.T) {
	run := smallRun(train.Settings{LearningRate: 5e-3, Epochs: 1, Uncentered: true})
	m := run.Model.(Model)
	m.Config.Outputs = 1
	net := ntk.Must(New(m.Arch, m.Config))
	run.Problem.YTrain, run.Problem.YTest = normals(2, 20, 1), normals(4, 10, 1)
	before := ntk.Must(net.Forward(run.Problem.XTest))
	theta := ntk.Must(net.EmpiricalNTK(run.Problem.XTest, run.Problem.XTrain, 0))
	var residual, want mat.Dense
	residual.Sub(run.Problem.YTrain, ntk.Must(net.Forward(run.Problem.XTrain)))
	want.Mul(theta, &residual)
	want.Scale(1e-2/20, &want)
	ntk.Must(train.Train(t.Context(), net, run.Problem, run.Settings))
	after := ntk.Must(net.Forward(run.Problem.XTest))
	after.Sub(after, before)
	within(t, "a step", after, 0.02, want.At) // outputs in single precision
}

// The same seed gives the same numbers whatever the number of threads: for initialisation and,
// with the portable arithmetic, for training and for kernels, too.
func TestSameSeedSameNet(t *testing.T) {
	made := func(procs int, serial bool) (values [][]float32, points []train.Point, k *mat.Dense) {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
		run := smallRun(train.Settings{LearningRate: 0.1, Epochs: 3})
		m := run.Model.(Model)
		m.Config.Width = 150
		run.Model = m
		net := ntk.Must(New(m.Arch, m.Config))
		for _, p := range net.Parameters() {
			values = append(values, p.Values)
		}
		if !accel.Current().Portable() {
			return values, nil, nil
		}
		k = ntk.Must(net.EmpiricalNTK(run.Problem.XTrain, run.Problem.XTest, 1))
		if serial {
			traces := ntk.Must(train.Trials(t.Context(), []train.Run{run, run}))
			return values, traces[1].Points, k
		}
		return values, ntk.Must(run.Train(t.Context())).Points, k
	}
	values, points, k := made(1, false)
	for _, procs := range []int{2, 5} {
		v, p, k2 := made(procs, procs == 5)
		if !slices.EqualFunc(v, values, slices.Equal[[]float32]) {
			t.Errorf("%d threads: other parameters at initialisation", procs)
		}
		if d := cmp.Diff(points, p); d != "" {
			t.Errorf("%d threads: other points\n%s", procs, d)
		}
		if k != nil && !mat.Equal(k, k2) {
			t.Errorf("%d threads: another kernel", procs)
		}
	}
	m := smallRun(train.Settings{}).Model.(Model)
	net := ntk.Must(New(m.Arch, m.Config))
	clone := net.Clone()
	m.Config.Seed++
	other := ntk.Must(New(m.Arch, m.Config))
	for i, p := range net.Parameters() {
		if !slices.Equal(p.Values, clone.Parameters()[i].Values) ||
			len(p.Values) > 0 && slices.Equal(p.Values, other.Parameters()[i].Values) {
			t.Errorf("%s are those of another seed, or no copy", p.Name)
		}
		if len(p.Values) > 0 && &p.Values[0] == &clone.Parameters()[i].Values[0] {
			t.Errorf("%s of a clone are those of the net", p.Name)
		}
	}
}

// After the first step a pass allocates nothing to speak of, where images are as the layers take
// them: no buffer of its own, in one tile or in several.
func TestPassDoesNotAllocate(t *testing.T) {
	conv := Conv{Filter: [2]int{3, 3}, Activation: ntk.ReLU{}, WeightStd: 1.4, BiasStd: 0.1}
	arch := ntk.Must(NewArchitecture(Image{Height: 12, Width: 12, Channels: 3},
		[]Layer{conv, AveragePool{Window: [2]int{2, 2}}, conv}, Readout{WeightStd: 1}))
	net := ntk.Must(New(arch, Config{Width: 32, Outputs: 2}))
	for _, tile := range []int{8, 3} {
		p := net.newPass(8, true)
		p.most = tile
		residual := make([]float32, 16)
		step := func() {
			ntk.Must(0, p.Forward(t.Context()))
			ntk.Must(0, p.Backward(t.Context(), residual))
			for i, of := range net.Parameters() {
				p.Gradient(i, 0.1, 1, of.Values)
			}
		}
		step()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		const steps = 10
		for range steps {
			step()
		}
		runtime.ReadMemStats(&after)
		if each := (after.TotalAlloc - before.TotalAlloc) / steps; each > 64<<10 {
			t.Errorf("tiles of %d: %d bytes a step", tile, each)
		}
	}
}

// Describe says what training has to know, as the net has it.
func TestDescribe(t *testing.T) {
	m := smallRun(train.Settings{}).Model.(Model)
	d, net := m.Describe(), ntk.Must(New(m.Arch, m.Config))
	params := 0
	for _, p := range net.Parameters() {
		params += len(p.Values)
	}
	if d.Inputs != 40 || d.Width != 9 || d.Outputs != 2 || d.Seed != 5 || d.Params != params ||
		net.Params() != params ||
		d.Architecture != m.Arch.Fingerprint() || d.Net != m.Arch.String() ||
		fmt.Sprint(d.Config) != "{9 2 5}" {
		t.Errorf("%+v, with %d parameters", d, params)
	}
	// 5×4 windows of 2×2×8 patch entries, and 3×4 of 2×2×9 channels.
	if want := float64(20 * 32 * 9); d.Product != want {
		t.Errorf("the largest product has %v multiplications, not %v", d.Product, want)
	}
}
