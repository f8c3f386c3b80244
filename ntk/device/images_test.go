//go:build linux && amd64

package device_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/cnn"
	"github.com/kernelsmith/kernelsmith/ntk/device"
	"github.com/kernelsmith/kernelsmith/ntk/internal/pjrttest"
	"github.com/kernelsmith/kernelsmith/ntk/train"
)

// conv is a convolution with biases, at a stride of 1.
func conv(height, width int, padding cnn.Padding, phi ntk.Activation) cnn.Conv {
	return cnn.Conv{Filter: [2]int{height, width}, Padding: padding, Activation: phi,
		WeightStd: 1.3, BiasStd: 0.2}
}

func strided(c cnn.Conv, down, across int) cnn.Conv {
	c.Stride = [2]int{down, across}
	return c
}

func frozen(c cnn.Conv) cnn.Conv {
	c.Frozen = true
	return c
}

func flatten() cnn.Readout { return cnn.Readout{WeightStd: 1, BiasStd: 0.1} }
func average() cnn.Readout { return cnn.Readout{WeightStd: 1, GlobalAverage: true} }

// whitened are patches with all that is done to them, for images of that shape.
func whitened(image cnn.Image) cnn.Patches {
	r := rand.New(rand.NewPCG(3, 4))
	x := ntk.Inputs[float64]{N: 40, D: image.Height * image.Width * image.Channels}
	for range x.N * x.D {
		x.Rows = append(x.Rows, r.NormFloat64())
	}
	p := cnn.Patches{Filter: [2]int{3, 2}, Padding: cnn.Circular, Center: true,
		Normalize: cnn.EachPatch}
	p.Whitening = ntk.Must(cnn.FitWhitening(context.Background(), p, image, x,
		&cnn.WhiteningSettings{Epsilon: 0.1}))
	return p
}

// imageRuns are trials of convolutional nets that are alike but for their seeds.
func imageRuns(
	image cnn.Image, layers []cnn.Layer, readout cnn.Readout, trials int, classed bool,
	s train.Settings,
) (out []train.Run) {
	arch := ntk.Must(cnn.NewArchitecture(image, layers, readout))
	inputs := image.Height * image.Width * image.Channels
	p := problem(20, inputs, 2)
	if classed {
		p = classes(20, inputs)
	}
	for i := range trials {
		out = append(out, train.Run{
			Model: cnn.Model{
				Arch: arch, Config: cnn.Config{Width: 12, Outputs: 2, Seed: uint64(i + 1)},
			},
			Problem: p, Settings: s,
		})
	}
	return out
}

// smallImages are runs of a net with two convolutions and two pools.
func smallImages(trials int, s train.Settings) []train.Run {
	return imageRuns(cnn.Image{Height: 5, Width: 4, Channels: 2, ChannelsFirst: true},
		[]cnn.Layer{
			conv(3, 3, cnn.Same, ntk.Tanh{}), cnn.AveragePool{Window: [2]int{2, 2}},
			conv(2, 2, cnn.Circular, ntk.Erf{}),
		}, average(), trials, false, s)
}

// Convolutional nets with all that they can have: whole runs of two trials, and their parameters
// after the last step.
func TestImagesAgree(t *testing.T) {
	d := onCPU(t)
	small := cnn.Image{Height: 6, Width: 5, Channels: 2}
	gray := cnn.Image{Height: 8, Width: 7, Channels: 1}
	pool := func(height, width int) cnn.AveragePool {
		return cnn.AveragePool{Window: [2]int{height, width}}
	}
	for _, c := range []struct {
		name     string
		image    cnn.Image
		layers   []cnn.Layer
		readout  cnn.Readout
		classes  bool
		settings train.Settings // LearningRate 0: three tenths of the stable rate
	}{
		{"one layer, flatten", small, []cnn.Layer{conv(3, 3, cnn.Same, ntk.Tanh{})}, flatten(),
			false, train.Settings{}},
		{"three paddings and strides", gray, []cnn.Layer{
			strided(conv(3, 3, cnn.Same, ntk.GELU{}), 2, 2),
			strided(conv(3, 2, cnn.Circular, ntk.Erf{}), 2, 1),
			conv(2, 2, cnn.Valid, ntk.Tanh{}),
		}, flatten(), false, train.Settings{Optimizer: train.Momentum{Decay: 0.8}, Batch: 7}},
		{"pools, global average, channels first",
			cnn.Image{Height: 8, Width: 6, Channels: 2, ChannelsFirst: true},
			[]cnn.Layer{
				conv(3, 3, cnn.Circular, ntk.Erf{}), pool(2, 2), conv(2, 2, cnn.Valid, ntk.Tanh{}),
				cnn.AveragePool{Window: [2]int{3, 2}, Stride: [2]int{2, 1}},
			}, average(), true,
			train.Settings{LearningRate: 8, Loss: train.CrossEntropy, Uncentered: true}},
		{"whitened patches, windows", small, []cnn.Layer{
			whitened(small), conv(1, 1, cnn.Same, ntk.GELU{}),
			cnn.AveragePool{Window: [2]int{3, 3}, Stride: [2]int{2, 2}, Padding: cnn.Circular},
		}, flatten(), false,
			train.Settings{LearningRate: 0.003, Optimizer: train.Adam{}, Batch: 8}},
		{"means of pixels, first layer frozen, standard parameterization", gray, []cnn.Layer{
			pool(2, 2), frozen(conv(2, 2, cnn.Same, ntk.Tanh{})), conv(2, 2, cnn.Same, ntk.Erf{}),
		}, flatten(), false, train.Settings{
			Parameterization: train.StandardParameterization, OutputScale: 2,
			Optimizer: train.Momentum{Decay: 0.5},
		}},
		{"second layer frozen, windows that leave pixels out", gray, []cnn.Layer{
			conv(3, 3, cnn.Valid, ntk.SiLU{}), pool(2, 2),
			frozen(strided(conv(2, 2, cnn.Valid, ntk.Erf{}), 2, 2)),
		}, flatten(), true, train.Settings{
			LearningRate: 0.003, Optimizer: train.Adam{Beta1: 0.8}, Loss: train.CrossEntropy,
		}},
		{"readout frozen, windows larger than the image",
			cnn.Image{Height: 2, Width: 3, Channels: 2},
			[]cnn.Layer{conv(5, 4, cnn.Circular, ntk.Tanh{}), conv(3, 5, cnn.Same, ntk.Erf{})},
			cnn.Readout{WeightStd: 1, BiasStd: 0.1, Frozen: true}, false,
			train.Settings{LossFactor: 0.5, Batch: 19}},
	} {
		c.settings.Epochs = 300
		made := func(s train.Settings) []train.Run {
			return imageRuns(c.image, c.layers, c.readout, 2, c.classes, s)
		}
		if c.settings.LearningRate == 0 {
			c.settings.LearningRate = 1
			run := made(c.settings)[0]
			c.settings.LearningRate = 0.3 * ntk.Must(train.StableRate(t.Context(),
				ntk.Must(run.Model.New()), run.Problem, c.settings))
		}
		want := ntk.Must(train.Trials(t.Context(), made(c.settings)))
		c.settings.Device = d
		got, err := train.Trials(t.Context(), made(c.settings))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		for i := range want {
			off := apart(t, want[i], got[i])
			points := want[i].Points
			first, last := points[0].TrainLoss, points[len(points)-1].TrainLoss
			t.Logf("%s: %.1e apart, loss %.3f to %.4f", c.name, off, first, last)
			if !(off < 1e-5) || !(last < 0.9*first) {
				t.Errorf("%s, trial %d: %.1e apart; loss %v, then %v", c.name, i, off, first, last)
			}
			if got[i].Arithmetic != d.String() || got[i].Notes != nil {
				t.Errorf("%s: made on %q, notes %q", c.name, got[i].Arithmetic, got[i].Notes)
			}
		}
	}
}

// Windows of any sizes, strides and paddings, under a pool of any: parameters after three steps,
// at a rate at which each moves by far more than they may differ.
func TestGeometries(t *testing.T) {
	d := onCPU(t)
	r := rand.New(rand.NewPCG(5, 6))
	within := func(lo, hi int) int { return lo + r.IntN(hi-lo+1) }
	for trial := range 8 {
		image := cnn.Image{Height: within(1, 7), Width: within(1, 7), Channels: within(1, 3)}
		paddings := []cnn.Padding{cnn.Same, cnn.Valid, cnn.Circular}
		var layers []cnn.Layer
		size := [2]int{image.Height, image.Width}
		for i := range 3 {
			padding := paddings[r.IntN(3)]
			var window, stride [2]int
			for axis, n := range size {
				window[axis] = within(1, 4)
				if padding == cnn.Valid {
					window[axis] = min(window[axis], n)
				}
				stride[axis] = within(1, window[axis])
				size[axis] = (n + stride[axis] - 1) / stride[axis]
				if padding == cnn.Valid {
					size[axis] = (n-window[axis])/stride[axis] + 1
				}
			}
			if i == 1 {
				layers = append(layers,
					cnn.AveragePool{Window: window, Stride: stride, Padding: padding})
				continue
			}
			c := conv(window[0], window[1], padding, ntk.Erf{})
			c.Stride = stride
			layers = append(layers, c)
		}
		readout := flatten()
		readout.GlobalAverage = trial%2 == 0
		run := imageRuns(image, layers, readout, 1, false,
			train.Settings{LearningRate: 0.2, Epochs: 3})[0]
		here, there := ntk.Must(run.Model.New()), ntk.Must(run.Model.New())
		ntk.Must(train.Train(t.Context(), here, run.Problem, run.Settings))
		run.Settings.Device = d
		what := fmt.Sprintf("%v, padding %v %v %v", run.Model.Describe().Net,
			layers[0].(cnn.Conv).Padding, layers[1].(cnn.AveragePool).Padding,
			layers[2].(cnn.Conv).Padding)
		if _, err := train.Train(t.Context(), there, run.Problem, run.Settings); err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		start := ntk.Must(run.Model.New()).Parameters()
		for j, a := range here.Parameters() {
			moved, off := 0., 0.
			for k, v := range a.Values {
				moved = max(moved, math.Abs(float64(v-start[j].Values[k])))
				off = max(off, math.Abs(float64(v-there.Parameters()[j].Values[k])))
			}
			if !(off < 1e-3*moved) && len(a.Values) > 0 {
				t.Errorf("%s: %s move by %.1e and are %.1e apart", what, a.Name, moved, off)
			}
		}
	}
}

// Outputs are the same whether they are computed at once or in blocks, of which the last begins
// before the end of the one before it.
func TestOutputsInBlocks(t *testing.T) {
	s := train.Settings{LearningRate: 0.1, Epochs: 20}
	want := ntk.Must(train.Trials(t.Context(), smallImages(2, s)))
	d := ntk.Must(device.OpenDevices(pjrttest.Path(t), 1))
	// Of an image the windows of the first layer are 360 numbers, in each of two trials: three
	// blocks of seven of the twenty images.
	d.SetNumbers(5100)
	s.Device = d
	for i, trace := range ntk.Must(train.Trials(t.Context(), smallImages(2, s))) {
		if off := apart(t, want[i], trace); !(off < 1e-6) || trace.Arithmetic != d.String() {
			t.Errorf("trial %d: %.1e apart, made with %s", i, off, trace.Arithmetic)
		}
	}
}

// An image that cannot be prepared is an error that names run, image and pixel, as without a
// device.
func TestImageWithoutADirection(t *testing.T) {
	image := cnn.Image{Height: 3, Width: 3, Channels: 2}
	runs := imageRuns(image, []cnn.Layer{
		cnn.Patches{Filter: [2]int{2, 2}, Normalize: cnn.EachPixel},
		conv(1, 1, cnn.Same, ntk.Tanh{}),
	}, flatten(), 2, false, train.Settings{LearningRate: 0.1, Epochs: 2, Device: onCPU(t)})
	runs[1].Problem = problem(20, 18, 2)
	for k := range image.Channels {
		runs[1].Problem.XTrain.Set(7, 4*image.Channels+k, 0)
	}
	_, err := train.Trials(t.Context(), runs)
	const which = "image 7 has a pixel at row 1, column 1 without a direction"
	if err == nil || !strings.Contains(err.Error(), "run 1: ") ||
		!strings.Contains(err.Error(), which) {
		t.Error(err)
	}
}
