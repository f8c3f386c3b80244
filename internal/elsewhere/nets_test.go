package elsewhere

import (
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"

	"github.com/kernelsmith/kernelsmith/data"
	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/cnn"
	"github.com/kernelsmith/kernelsmith/ntk/fcn"
	"github.com/kernelsmith/kernelsmith/ntk/train"
	"gonum.org/v1/gonum/mat"
)

var image = cnn.Image{Height: 6, Width: 5, Channels: 2}

// convolutions is a net of two convolutions and a pool between.
func convolutions(phi ntk.Activation, average bool) *cnn.Architecture {
	conv := cnn.Conv{Filter: [2]int{3, 3}, Activation: phi, WeightStd: math.Sqrt2, BiasStd: 0.1}
	return ntk.Must(cnn.NewArchitecture(image,
		[]cnn.Layer{conv, cnn.AveragePool{Window: [2]int{2, 2}}, conv},
		cnn.Readout{WeightStd: 1, GlobalAverage: average}))
}

// ofImages are kernels of convolutional nets between two images.
func ofImages() (out []result) {
	x := normals(8, 2, image.Height*image.Width*image.Channels)
	_, d := x.Dims()
	in := ntk.Inputs[float64]{Rows: x.RawMatrix().Data, N: 2, D: d}
	short := ntk.Inputs[float32]{N: 2, D: d}
	for _, v := range in.Rows {
		short.Rows = append(short.Rows, float32(v))
	}
	for _, c := range []struct {
		phi     ntk.Activation
		average bool
	}{{ntk.ReLU{}, true}, {ntk.ReLU{}, false}, {ntk.Erf{}, true}, {ntk.PublishedMimic(), true}} {
		a := convolutions(c.phi, c.average)
		k, nngp := make([]float64, 8), make([]float32, 4)
		ntk.Must(0, cnn.GramInto(ctx(), k[:4], k[4:], a, in, nil))
		out = append(out, result{a.String(), matrix, k, ""})
		ntk.Must(0, cnn.GramInto(ctx(), nngp, nil, a, short, nil))
		out = append(out, result{a.String() + " in single precision", single,
			double(nngp), ""})
	}
	return out
}

func double(values []float32) []float64 {
	out := make([]float64, len(values))
	for i, v := range values {
		out[i] = float64(v)
	}
	return out
}

// ofFiniteNets are outputs and kernels of nets as they are drawn.
func ofFiniteNets() []result {
	x := normals(9, 6, 4)
	deep := ntk.Must(fcn.New(deepReLU(), fcn.Config{Inputs: 4, Width: 100, Outputs: 2, Seed: 1}))
	shallow := ntk.Must(fcn.New(ntk.Must(ntk.UniformFCN(1, ntk.PublishedMimic(), 1, 0)),
		fcn.Config{Inputs: 4, Width: 300, Outputs: 1, Seed: 2}))
	images := normals(10, 3, image.Height*image.Width*image.Channels)
	convolutional := ntk.Must(cnn.New(convolutions(ntk.GELU{}, true),
		cnn.Config{Width: 20, Outputs: 2, Seed: 3}))
	return []result{
		{"outputs of a deep net", single, entries(ntk.Must(deep.Forward(x))), ""},
		{"outputs of a shallow net", single, entries(ntk.Must(shallow.Forward(x))), ""},
		{"outputs of a convolutional net", single,
			entries(ntk.Must(convolutional.Forward(images))), ""},
		{"empirical NTK of a deep net", single, entries(ntk.Must(deep.EmpiricalNTK(x, x, 0))), ""},
		{"empirical NTK of a shallow net", single,
			entries(ntk.Must(shallow.EmpiricalNTKMean(x, x))), ""},
		{"empirical NNGP of a convolutional net", single,
			entries(ntk.Must(convolutional.EmpiricalNNGP(images, images))), ""},
	}
}

// ofTraining are losses over 50 epochs.
func ofTraining() (out []result) {
	x, z := normals(11, 30, 3), normals(12, 10, 3)
	p := train.Problem{XTrain: x, YTrain: targets(x), XTest: z, YTest: targets(z)}
	classes := func(y *mat.Dense) *mat.Dense {
		hot := mat.DenseCopyOf(y)
		hot.Apply(func(i, j int, _ float64) float64 {
			first := y.At(i, 0) > y.At(i, 1)
			if first == (j == 0) {
				return 1
			}
			return 0
		}, y)
		return hot
	}
	signs := train.Problem{XTrain: x, YTrain: classes(p.YTrain), XTest: z, YTest: classes(p.YTest)}
	images := normals(13, 12, image.Height*image.Width*image.Channels)
	labelled := train.Problem{XTrain: images, YTrain: targets(images), XTest: images,
		YTest: targets(images)}
	epochs := []int{0, 1, 2, 5, 10, 20, 35, 50}
	plain := train.Settings{LearningRate: 0.05, Epochs: 50, Snapshots: epochs}
	adam := train.Settings{LearningRate: 0.01, Epochs: 50, Snapshots: epochs, Batch: 7,
		Optimizer: train.Adam{}}
	entropy := train.Settings{LearningRate: 0.2, Epochs: 50, Snapshots: epochs, Batch: 8,
		Loss: train.CrossEntropy, Optimizer: train.Momentum{Decay: 0.9}}
	config := fcn.Config{Inputs: 3, Width: 64, Outputs: 2, Seed: 4}
	for _, c := range []struct {
		name     string
		model    train.Model
		problem  train.Problem
		settings train.Settings
	}{
		{"gradient descent", fcn.Model{Arch: deepReLU(), Config: config}, p, plain},
		{"gradient descent of a shallow net", fcn.Model{
			Arch: ntk.Must(ntk.UniformFCN(1, ntk.PublishedMimic(), 1, 0)), Config: config,
		}, p, plain},
		{"Adam with batches", fcn.Model{Arch: ntk.Must(ntk.UniformFCN(2, ntk.Tanh{}, 1.3, 0.2)),
			Config: config}, p, adam},
		{"cross-entropy with momentum", fcn.Model{Arch: ntk.Must(ntk.UniformFCN(2, ntk.Erf{}, 1.5,
			0.3)), Config: config}, signs, entropy},
		{"training of a convolutional net", cnn.Model{Arch: convolutions(ntk.ReLU{}, true),
			Config: cnn.Config{Width: 16, Outputs: 2, Seed: 5}}, labelled, plain},
	} {
		trace := ntk.Must(train.Run{Model: c.model, Problem: c.problem,
			Settings: c.settings}.Train(ctx()))
		var losses []float64
		for _, point := range trace.Points {
			losses = append(losses, point.TrainLoss, point.TestLoss)
		}
		out = append(out, result{c.name, trained, losses, fmt.Sprint(len(trace.Points), " points")})
	}
	return out
}

// hash is of the bits of the parameters of a net.
func hash(net train.Net) string {
	h := fnv.New64a()
	for _, p := range net.Parameters() {
		for _, v := range p.Values {
			bits := math.Float32bits(v)
			h.Write([]byte{byte(bits), byte(bits >> 8), byte(bits >> 16), byte(bits >> 24)})
		}
	}
	return fmt.Sprintf("%x", h.Sum64())
}

// ofDraws are what follows from seeds.
func ofDraws() []result {
	random := rand.New(rand.NewPCG(1, 2))
	var uniform []float64
	for range 5 {
		uniform = append(uniform, random.Float64(), random.NormFloat64(), random.ExpFloat64())
	}
	model := fcn.Config{Inputs: 20, Width: 300, Outputs: 3, Seed: 6}
	deep := ntk.Must(fcn.New(deepReLU(), model))
	model.Seed = 7
	other := ntk.Must(fcn.New(deepReLU(), model))
	convolutional := ntk.Must(cnn.New(convolutions(ntk.ReLU{}, false),
		cnn.Config{Width: 50, Outputs: 10, Seed: 6}))
	wine := data.Wine()
	halves := ntk.Must(wine.HalfSplit(8))
	strata := ntk.Must(wine.StratifiedSplit(0.7, 9))
	return []result{
		{"numbers of a generator", exact, uniform, ""},
		{"order of rows", exact, nil, fmt.Sprint(random.Perm(30))},
		{"first weights of a net", exact, double(deep.Parameters()[0].Values[:20]), ""},
		{"all weights of a net", exact, nil, hash(deep)},
		{"all weights with another seed", exact, nil, hash(other)},
		{"all weights of a convolutional net", exact, nil, hash(convolutional)},
		{"halves of a data set", exact, nil, fmt.Sprint(halves.Train[:20], halves.Test[:20])},
		{"strata of a data set", exact, nil, fmt.Sprint(strata.Train[:20], strata.Test[:20])},
	}
}
