package device_test

import (
	"context"
	"fmt"
	"math"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/cnn"
	"github.com/kernelsmith/kernelsmith/ntk/device"
	"github.com/kernelsmith/kernelsmith/ntk/fcn"
	"github.com/kernelsmith/kernelsmith/ntk/regress"
	"github.com/kernelsmith/kernelsmith/ntk/train"
	"gonum.org/v1/gonum/mat"
)

// Where there is no GPU, the same run is trained on the CPU.
func ExampleOpen() {
	x := mat.NewDense(4, 2, []float64{1, 1, 1, -1, -1, 1, -1, -1})
	y := mat.NewDense(4, 1, []float64{1, -1, -1, 1})
	run := train.Run{
		Model: fcn.Model{
			Arch:   ntk.Must(ntk.UniformFCN(1, ntk.ReLU{}, math.Sqrt2, 0)),
			Config: fcn.Config{Inputs: 2, Width: 256, Outputs: 1, Seed: 1},
		},
		Problem:  train.Problem{XTrain: x, YTrain: y, XTest: x, YTest: y},
		Settings: train.Settings{LearningRate: 0.5, Epochs: 100},
	}
	if gpu, err := device.Open(); err == nil {
		run.Settings.Device = gpu
	}
	trace := ntk.Must(run.Train(context.Background()))
	last := trace.Points[len(trace.Points)-1]
	fmt.Printf("loss %.4f after %d epochs\n", last.TrainLoss, last.Epoch)
	// Output: loss 0.0000 after 100 epochs
}

// Convolutional nets are trained there as fully connected ones are: here to tell lines across from
// lines down.
func Example_convolutional() {
	x, y := mat.NewDense(8, 16, nil), mat.NewDense(8, 1, nil)
	for i := range 4 {
		for k := range 4 {
			x.Set(i, 4*i+k, 2)
			x.Set(4+i, 4*k+i, 2)
		}
		y.Set(i, 0, 1)
		y.Set(4+i, 0, -1)
	}
	conv := cnn.Conv{Filter: [2]int{3, 3}, Activation: ntk.ReLU{}, WeightStd: math.Sqrt2}
	run := train.Run{
		Model: cnn.Model{
			Arch: ntk.Must(cnn.NewArchitecture(cnn.Image{Height: 4, Width: 4, Channels: 1},
				[]cnn.Layer{conv, conv}, cnn.Readout{WeightStd: 1, GlobalAverage: true})),
			Config: cnn.Config{Width: 32, Outputs: 1, Seed: 1},
		},
		Problem:  train.Problem{XTrain: x, YTrain: y, XTest: x, YTest: y},
		Settings: train.Settings{LearningRate: 1, Epochs: 300},
	}
	if gpu, err := device.Open(); err == nil {
		run.Settings.Device = gpu
	}
	trace := ntk.Must(run.Train(context.Background()))
	last := trace.Points[len(trace.Points)-1]
	fmt.Printf("loss %.2f after %d epochs\n", last.TrainLoss, last.Epoch)
	// Output: loss 0.00 after 300 epochs
}

// Where there is no GPU, package regress has the same predictions.
func ExampleDevice_Regress() {
	ctx := context.Background()
	x := ntk.Inputs[float64]{Rows: []float64{1, 1, 1, -1, -1, 1, -1, -1}, N: 4, D: 2}
	y := mat.NewDense(4, 1, []float64{1, -1, -1, 1})
	z := ntk.Inputs[float64]{Rows: []float64{1.4, 0.2}, N: 1, D: 2}
	K := ntk.Must(ntk.Must(ntk.UniformFCN(1, ntk.ReLU{}, math.Sqrt2, 0)).NTK())
	var f *mat.Dense
	if gpu, err := device.Open(); err == nil {
		f = ntk.Must(gpu.Regress(ctx, K, x, y, z, 1e-3))
	} else {
		fit := ntk.Must(regress.NewRidge(ctx, ntk.Must(ntk.GramTiles(ctx, K, x)), y,
			&regress.RidgeSettings{Ridge: 1e-3}))
		f = ntk.Must(fit.Predict(ctx, ntk.Must(ntk.CrossTiles(ctx, K, z, x))))
	}
	fmt.Printf("%.3f\n", f.At(0, 0))
	// Output: 0.239
}
