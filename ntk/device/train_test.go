//go:build linux && amd64

package device_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/cnn"
	"github.com/kernelsmith/kernelsmith/ntk/device"
	"github.com/kernelsmith/kernelsmith/ntk/fcn"
	"github.com/kernelsmith/kernelsmith/ntk/internal/pjrt"
	"github.com/kernelsmith/kernelsmith/ntk/internal/pjrttest"
	"github.com/kernelsmith/kernelsmith/ntk/train"
	"gonum.org/v1/gonum/mat"
)

// classes are the points of problem with the sign of their first target as one of two classes.
func classes(points, inputs int) train.Problem {
	p := problem(points, inputs, 2)
	for _, y := range []*mat.Dense{p.YTrain, p.YTest} {
		for i := range points {
			second := 0.
			if y.At(i, 0) > 0 {
				second = 1
			}
			y.SetRow(i, []float64{1 - second, second})
		}
	}
	return p
}

// mixed is a net with a bias of the readout, and a layer that is frozen, if that is not negative;
// 2 is the readout.
func mixed(frozen int) *ntk.FCN {
	layers := []ntk.Layer{
		{Activation: ntk.Tanh{}, WeightStd: 1.1, BiasStd: 0.2},
		{Activation: ntk.GELU{}, WeightStd: 1.3},
	}
	readout := ntk.Readout{WeightStd: 0.9, BiasStd: 0.4, Frozen: frozen == 2}
	if frozen >= 0 && frozen < 2 {
		layers[frozen].Frozen = true
	}
	return ntk.Must(ntk.NewFCN(layers, readout))
}

// All settings of training have on a device the effect that they have here: losses and, after
// the last step, parameters.
func TestSettings(t *testing.T) {
	d := onCPU(t)
	for i, c := range []struct {
		frozen   int
		classes  bool
		settings train.Settings
	}{
		{-1, false, train.Settings{
			LearningRate: 0.2, Optimizer: train.Momentum{Decay: 0.8}, Batch: 7,
		}},
		{0, true, train.Settings{LearningRate: 0.5, Loss: train.CrossEntropy, Uncentered: true}},
		{1, false, train.Settings{LearningRate: 0.01, Optimizer: train.Adam{}, LossFactor: 0.5}},
		{2, true, train.Settings{
			LearningRate: 0.01, Optimizer: train.Adam{Beta1: 0.8}, Batch: 5, OutputScale: 2,
			Loss: train.CrossEntropy,
		}},
		{-1, false, train.Settings{
			LearningRate: 0.01, Parameterization: train.StandardParameterization, OutputScale: 3,
			Optimizer: train.Momentum{Decay: 0.5},
		}},
	} {
		p := problem(20, 4, 2)
		if c.classes {
			p = classes(20, 4)
		}
		c.settings.Epochs = 60
		model := fcn.Model{Arch: mixed(c.frozen), Config: fcn.Config{
			Inputs: 4, Width: 24, Outputs: 2, Seed: 5,
		}}
		here, there := ntk.Must(model.New()), ntk.Must(model.New())
		want := ntk.Must(train.Train(t.Context(), here, p, c.settings))
		c.settings.Device = d
		got, err := train.Train(t.Context(), there, p, c.settings)
		if err != nil {
			t.Errorf("settings %d: %v", i, err)
			continue
		}
		if off := apart(t, want, got); !(off < 1e-5) {
			t.Errorf("settings %d: the losses are %.1e apart", i, off)
		}
		last := len(want.Points) - 1
		if want.Points[last].TrainAccuracy != got.Points[last].TrainAccuracy {
			t.Errorf("settings %d: other accuracies", i)
		}
		start, moved := ntk.Must(model.New()).Parameters(), 0.
		for j, a := range here.Parameters() {
			for k, v := range a.Values {
				w := there.Parameters()[j].Values[k]
				moved = max(moved, math.Abs(float64(v-start[j].Values[k])))
				if math.Abs(float64(v-w)) > 1e-4 {
					t.Fatalf("settings %d, %s: %v here and %v there", i, a.Name, v, w)
				}
			}
		}
		if !(moved > 0.01) {
			t.Errorf("settings %d: nothing moved", i)
		}
	}
}

// Trials are divided among four devices, each with its own learning rate and data, and one of
// them stops before the others.
func TestFourDevices(t *testing.T) {
	d := ntk.Must(device.OpenDevices(pjrttest.Path(t), 4))
	if !strings.Contains(d.String(), "cpu: 4 × ") {
		t.Errorf("it is %q", d)
	}
	s := train.Settings{LearningRate: 0.1, Epochs: 50, Batch: 6}
	for kind, made := range map[string]func() []train.Run{
		"fully connected": func() []train.Run {
			return runs(ntk.Erf{}, 1, 32, 6, problem(20, 4, 2), s)
		},
		"convolutional": func() []train.Run { return smallImages(6, s) },
	} {
		t.Run(kind, func(t *testing.T) { onFourDevices(t, d, made) })
	}
}

func onFourDevices(t *testing.T, d *device.Device, made func() []train.Run) {
	six := func() []train.Run {
		all := made()
		for i := range all {
			all[i].Settings.LearningRate *= 1 + float64(i)
		}
		_, inputs := all[2].Problem.XTrain.Dims()
		all[2].Problem = problem(20, inputs, 2)
		all[2].Problem.YTrain.Scale(2, all[2].Problem.YTrain)
		all[4].Settings.StopBelow = 0.5
		return all
	}
	want := ntk.Must(train.Trials(t.Context(), six()))
	there := six()
	for i := range there {
		there[i].Settings.Device = d
	}
	got := ntk.Must(train.Trials(t.Context(), there))
	for i := range want {
		if off := apart(t, want[i], got[i]); !(off < 1e-5) {
			t.Errorf("trial %d: %.1e apart", i, off)
		}
		if want[i].Stopped != got[i].Stopped || got[i].Arithmetic != d.String() {
			t.Errorf("trial %d: %+v", i, got[i])
		}
	}
	if want[4].Stopped == "" || want[3].Stopped != "" {
		t.Errorf("stopped %q and %q: nothing was tested", want[3].Stopped, want[4].Stopped)
	}
}

// A run that is interrupted goes on from its checkpoint, there or here.
func TestResumes(t *testing.T) {
	s := train.Settings{LearningRate: 0.01, Epochs: 90, Batch: 6, Optimizer: train.Adam{}}
	t.Run("fully connected", func(t *testing.T) {
		resumes(t, runs(ntk.Tanh{}, 1, 16, 1, problem(20, 4, 2), s)[0])
	})
	s.LearningRate = 0.003
	t.Run("convolutional", func(t *testing.T) { resumes(t, smallImages(1, s)[0]) })
}

func resumes(t *testing.T, run train.Run) {
	d := onCPU(t)
	want := ntk.Must(run.Train(t.Context()))
	for _, places := range [][2]train.Device{{d, d}, {d, nil}, {nil, d}} {
		run.Settings.Checkpoints, run.Settings.CheckpointEvery = t.TempDir(), time.Nanosecond
		ctx, cancel := context.WithCancel(t.Context())
		run.Settings.Progress = func(p train.Progress) {
			if p.Epoch >= 20 {
				cancel()
			}
		}
		run.Settings.Device = places[0]
		var stopped *train.InterruptedError
		if _, err := run.Train(ctx); !errors.As(err, &stopped) || stopped.Epoch == 0 {
			t.Fatalf("%v: %v", places, err)
		}
		resumed := 0
		run.Settings.Progress = func(p train.Progress) { resumed = p.Resumed }
		run.Settings.Device = places[1]
		got := ntk.Must(run.Train(t.Context()))
		if off := apart(t, want, got); !(off < 1e-5) || resumed == 0 {
			t.Errorf("%v: %.1e apart, resumed at epoch %d", places, off, resumed)
		}
		made := fmt.Sprintf("%v, then %s", d, ntk.BLAS())
		if places[0] == nil {
			made = fmt.Sprintf("%s, then %v", ntk.BLAS(), d)
		} else if places[1] != nil {
			made = d.String()
		}
		if got.Arithmetic != made {
			t.Errorf("made with %q, not %q", got.Arithmetic, made)
		}
	}
}

// What a device cannot train is trained here, and the trace says so; what cannot be trained
// together is trained one by one.
func TestWhatDoesNotJoin(t *testing.T) {
	d := onCPU(t)
	s := train.Settings{LearningRate: 0.1, Epochs: 5, Device: d}
	p := problem(12, 3, 1)
	own := ntk.Must(ntk.Custom(math.Atan, nil, ntk.CustomSettings{Name: "arctan"}))
	trace := ntk.Must(runs(own, 1, 8, 1, p, s)[0].Train(t.Context()))
	if trace.Arithmetic != ntk.BLAS() || len(trace.Notes) != 1 ||
		!strings.Contains(trace.Notes[0], "trained on the CPU") ||
		!strings.Contains(trace.Notes[0], "arctan is not written in elementary functions") {
		t.Errorf("%q, %q", trace.Arithmetic, trace.Notes)
	}
	images := imageRuns(cnn.Image{Height: 3, Width: 3, Channels: 1},
		[]cnn.Layer{conv(2, 2, cnn.Same, own)}, flatten(), 1, false, s)[0]
	trace = ntk.Must(images.Train(t.Context()))
	if trace.Arithmetic != ntk.BLAS() || len(trace.Notes) != 1 ||
		!strings.Contains(trace.Notes[0], "arctan is not written in elementary functions") {
		t.Errorf("%q, %q", trace.Arithmetic, trace.Notes)
	}
	images = smallImages(1, s)[0]
	silent := struct{ train.Net }{ntk.Must(images.Model.New())}
	trace = ntk.Must(train.Train(t.Context(), silent, images.Problem, s))
	if trace.Arithmetic != ntk.BLAS() || len(trace.Notes) != 1 ||
		!strings.Contains(trace.Notes[0], "does not say which layers it has") {
		t.Errorf("%q, %q", trace.Arithmetic, trace.Notes)
	}
	both := append(runs(ntk.Erf{}, 1, 8, 1, p, s), runs(ntk.Erf{}, 1, 12, 1, p, s)...)
	for i, trace := range ntk.Must(train.Trials(t.Context(), both)) {
		if trace.Arithmetic != d.String() || trace.Notes != nil {
			t.Errorf("trial %d: %q, %q", i, trace.Arithmetic, trace.Notes)
		}
	}
}

// A run that diverges ends there as it does here, and its net has the last good parameters.
func TestDiverges(t *testing.T) {
	run := runs(ntk.ReLU{}, 2, 32, 1, problem(20, 4, 2), train.Settings{
		LearningRate: 1e4, Epochs: 500,
	})[0]
	var want, got *train.DivergedError
	if _, err := run.Train(t.Context()); !errors.As(err, &want) {
		t.Fatal(err)
	}
	run.Settings.Device = onCPU(t)
	net := ntk.Must(run.Model.New())
	_, err := train.Train(t.Context(), net, run.Problem, run.Settings)
	if !errors.As(err, &got) || got.Epoch != want.Epoch || got.Limit == 0 {
		t.Errorf("%v, and here %v", err, want)
	}
	for _, a := range net.Parameters() {
		for _, v := range a.Values {
			if v != v || math.IsInf(float64(v), 0) {
				t.Fatalf("%s has %v", a.Name, v)
			}
		}
	}
}

// A device that fails on the way ends the run with an error that says what to do; the run goes
// on elsewhere from its checkpoint. One without memory is no reason not to train trials one by
// one, and after that an error.
func TestFaults(t *testing.T) {
	plugin := ntk.Must(pjrt.Load(pjrttest.Path(t)))
	f := pjrttest.NewFaulty(plugin)
	d := ntk.Must(device.New(f.Plugin))
	run := runs(ntk.Tanh{}, 1, 16, 1, problem(20, 4, 2), train.Settings{
		LearningRate: 0.1, Epochs: 90, Checkpoints: t.TempDir(), CheckpointEvery: time.Nanosecond,
		Device: d,
	})[0]
	run.Settings.Progress = func(p train.Progress) {
		if p.Epoch >= 20 {
			f.Fail("PJRT_LoadedExecutable_Execute", pjrttest.Unavailable, "it fell off the bus")
		}
	}
	_, err := run.Train(t.Context())
	if !errors.Is(err, pjrt.ErrLost) || !strings.Contains(err.Error(), "it fell off the bus") ||
		!strings.Contains(err.Error(), "go on from there") || f.Made == 0 || f.Freed != f.Made {
		t.Errorf("%v (%d errors, %d freed)", err, f.Made, f.Freed)
	}
	run.Settings.Device = nil
	resumed := 0
	run.Settings.Progress = func(p train.Progress) { resumed = p.Resumed }
	got := ntk.Must(run.Train(t.Context()))
	run.Settings.Checkpoints, run.Settings.Progress = "", nil
	if off := apart(t, ntk.Must(run.Train(t.Context())), got); !(off < 1e-5) || resumed == 0 {
		t.Errorf("%.1e apart, resumed at epoch %d", off, resumed)
	}

	f = pjrttest.NewFaulty(plugin)
	d = ntk.Must(device.New(f.Plugin))
	f.Fail("PJRT_Client_BufferFromHostBuffer", pjrttest.Exhausted, "9.0GiB are not free")
	s := train.Settings{LearningRate: 0.1, Epochs: 5, Device: d}
	_, err = train.Trials(t.Context(), runs(ntk.Tanh{}, 1, 16, 3, problem(20, 4, 2), s))
	if !errors.Is(err, pjrt.ErrOutOfMemory) || f.Made < 2 || f.Freed != f.Made ||
		!strings.Contains(err.Error(), "9.0GiB are not free") ||
		!strings.Contains(err.Error(), "a narrower net") {
		t.Errorf("%v (%d errors, %d freed)", err, f.Made, f.Freed)
	}
}

// Without a plugin there is an error that says how to get one.
func TestNoPlugin(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv(pjrt.EnvPlugin, "")
	if _, err := device.Open(); err == nil || !strings.Contains(err.Error(), "make gpu") {
		t.Error(err)
	}
}
