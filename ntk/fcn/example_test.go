package fcn_test

import (
	"context"
	"fmt"
	"math"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/fcn"
	"gonum.org/v1/gonum/mat"
)

func parity() fcn.Problem {
	x := mat.NewDense(4, 2, []float64{1, 1, 1, -1, -1, 1, -1, -1})
	y := mat.NewDense(4, 1, []float64{1, -1, -1, 1}) // of two bits
	return fcn.Problem{XTrain: x, YTrain: y, XTest: x, YTest: y}
}

func ExampleNet_Train() {
	arch := ntk.Must(ntk.UniformFCN(1, ntk.PublishedMimic(), 1, 0))
	net := ntk.Must(fcn.New(arch, fcn.Config{Inputs: 2, Width: 256, Outputs: 1, Seed: 1}))
	trace, err := net.Train(context.Background(), parity(), fcn.Settings{LearningRate: 0.1, Epochs: 100, Snapshots: []int{0, 100}})
	if err != nil {
		panic(err)
	}
	for _, p := range trace.Points {
		fmt.Printf("epoch %3d: loss %.2f, accuracy %.2f\n", p.Epoch, p.TrainLoss, p.TrainAccuracy)
	}
	// Output:
	// epoch   0: loss 1.00, accuracy 0.00
	// epoch 100: loss 0.00, accuracy 1.00
}

// A run as one value: its identity is the key under which to keep the trace.
func ExampleRun() {
	run := fcn.Run{
		Arch:     ntk.Must(ntk.UniformFCN(1, ntk.ReLU{}, math.Sqrt2, 0.1)),
		Config:   fcn.Config{Inputs: 2, Width: 64, Outputs: 1, Seed: 3},
		Problem:  parity(),
		Settings: fcn.Settings{LearningRate: 0.1, Epochs: 10},
	}
	trace, err := run.Train(context.Background())
	if err != nil {
		panic(err)
	}
	fmt.Println(run.Identity().Net, trace.Params, len(trace.Points))
	// Output: 1HL ReLU 256 8
}

func ExampleSummarize() {
	a := &fcn.Trace{Points: []fcn.Point{{Epoch: 10, TestLoss: 0.5}}}
	b := &fcn.Trace{Points: []fcn.Point{{Epoch: 10, TestLoss: 0.7}}}
	s, err := fcn.Summarize([]*fcn.Trace{a, b})
	if err != nil {
		panic(err)
	}
	fmt.Printf("%v: %.3f, from %.3f to %.3f\n", s.Epochs, s.TestLoss.Mean, s.TestLoss.Lower(), s.TestLoss.Upper())
	// Output: [10]: [0.600], from [0.459] to [0.741]
}

func ExampleNew() {
	arch := ntk.Must(ntk.UniformFCN(1, ntk.ReLU{}, math.Sqrt2, 0.1))
	_, err := fcn.New(arch, fcn.Config{Inputs: 2, Width: 0, Outputs: 1})
	fmt.Println(err)
	// Output: fcn: Width is 0; it must be at least 1 and at most 2^31-1
}

func ExampleNet_Forward() {
	arch := ntk.Must(ntk.UniformFCN(1, ntk.ReLU{}, math.Sqrt2, 0.1))
	net := ntk.Must(fcn.New(arch, fcn.Config{Inputs: 2, Width: 64, Outputs: 3, Seed: 3}))
	f := ntk.Must(net.Forward(mat.NewDense(4, 2, []float64{1, 1, 1, -1, -1, 1, -1, -1})))
	fmt.Println(f.Dims())
	// Output: 4 3
}

// Over many nets its mean is the infinite-width kernel.
func ExampleNet_EmpiricalNTK() {
	arch := ntk.Must(ntk.UniformFCN(1, ntk.ReLU{}, math.Sqrt2, 0))
	x := mat.NewDense(2, 2, []float64{1, 1, 1, -1})
	var mean float64
	for seed := range uint64(200) {
		net := ntk.Must(fcn.New(arch, fcn.Config{Inputs: 2, Width: 256, Outputs: 1, Seed: seed}))
		mean += ntk.Must(net.EmpiricalNTK(x, x, 0)).At(0, 0) / 200
	}
	fmt.Printf("%.1f\n", mean)
	// Output: 2.0
}

func ExampleLogSnapshots() {
	fmt.Println(fcn.LogSnapshots(20))
	// Output: [0 1 2 3 4 6 7 10 13 18 20]
}

func ExampleDivergedError() {
	_, err := ntk.Must(fcn.New(ntk.Must(ntk.UniformFCN(1, ntk.ReLU{}, math.Sqrt2, 0)), fcn.Config{Inputs: 2, Width: 64, Outputs: 1})).
		Train(context.Background(), parity(), fcn.Settings{LearningRate: 1e6, Epochs: 100})
	_, diverged := err.(*fcn.DivergedError)
	fmt.Println(diverged)
	// Output: true
}

func ExampleInterruptedError() {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := fcn.Run{
		Arch:   ntk.Must(ntk.UniformFCN(1, ntk.ReLU{}, math.Sqrt2, 0)),
		Config: fcn.Config{Inputs: 2, Width: 64, Outputs: 1}, Problem: parity(),
		Settings: fcn.Settings{LearningRate: 0.1, Epochs: 100},
	}.Train(ctx)
	fmt.Println(err)
	// Output: fcn: training stopped after 0 of 100 epochs: context canceled
}

func ExampleRun_Identity() {
	run := fcn.Run{
		Arch:   ntk.Must(ntk.UniformFCN(1, ntk.ReLU{}, math.Sqrt2, 0)),
		Config: fcn.Config{Inputs: 2, Width: 64, Outputs: 1}, Problem: parity(),
		Settings: fcn.Settings{LearningRate: 0.1, Epochs: 100},
	}
	before := run.Identity()
	run.Settings.LearningRate = 0.2
	fmt.Println(before.Architecture == run.Identity().Architecture, before.LearningRate == run.Identity().LearningRate)
	// Output: true false
}
