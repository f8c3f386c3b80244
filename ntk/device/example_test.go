package device_test

import (
	"context"
	"fmt"
	"math"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/device"
	"github.com/kernelsmith/kernelsmith/ntk/fcn"
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
