package train_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"strings"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/fcn"
	"github.com/kernelsmith/kernelsmith/ntk/train"
	"gonum.org/v1/gonum/mat"
)

func parity() train.Problem {
	x := mat.NewDense(4, 2, []float64{1, 1, 1, -1, -1, 1, -1, -1})
	y := mat.NewDense(4, 1, []float64{1, -1, -1, 1}) // of two bits
	return train.Problem{XTrain: x, YTrain: y, XTest: x, YTest: y}
}

func ExampleTrain() {
	arch := ntk.Must(ntk.UniformFCN(1, ntk.PublishedMimic(), 1, 0))
	net := ntk.Must(fcn.New(arch, fcn.Config{Inputs: 2, Width: 256, Outputs: 1, Seed: 1}))
	trace, err := train.Train(context.Background(), net, parity(),
		train.Settings{LearningRate: 0.1, Epochs: 100, Snapshots: []int{0, 100}})
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
	run := train.Run{
		Model: fcn.Model{
			Arch:   ntk.Must(ntk.UniformFCN(1, ntk.ReLU{}, math.Sqrt2, 0.1)),
			Config: fcn.Config{Inputs: 2, Width: 64, Outputs: 1, Seed: 3},
		},
		Problem:  parity(),
		Settings: train.Settings{LearningRate: 0.1, Epochs: 10},
	}
	trace, err := run.Train(context.Background())
	if err != nil {
		panic(err)
	}
	fmt.Println(run.Identity().Net, trace.Params, len(trace.Points))
	// Output: 1HL ReLU 256 8
}

func ExampleSummarize() {
	a := &train.Trace{Points: []train.Point{{Epoch: 10, TestLoss: 0.5}}}
	b := &train.Trace{Points: []train.Point{{Epoch: 10, TestLoss: 0.7}}}
	s, err := train.Summarize([]*train.Trace{a, b})
	if err != nil {
		panic(err)
	}
	fmt.Printf("%v: %.3f, from %.3f to %.3f\n", s.Epochs, s.TestLoss.Mean, s.TestLoss.Lower(),
		s.TestLoss.Upper())
	// Output: [10]: [0.600], from [0.459] to [0.741]
}

func ExampleLogSnapshots() {
	fmt.Println(train.LogSnapshots(20))
	// Output: [0 1 2 3 4 6 7 10 13 18 20]
}

// Weights, optimizer and what was measured are in the folder from time to time
// and when the run is interrupted; the same run then goes on from there.
func ExampleRun_Train() {
	dir, err := os.MkdirTemp("", "checkpoints")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	ctx, stop := context.WithCancel(context.Background())
	run := train.Run{
		Model: fcn.Model{
			Arch:   ntk.Must(ntk.UniformFCN(1, ntk.ReLU{}, math.Sqrt2, 0.1)),
			Config: fcn.Config{Inputs: 2, Width: 64, Outputs: 1, Seed: 3},
		},
		Problem: parity(),
		Settings: train.Settings{
			LearningRate: 0.1,
			Epochs:       100,
			StopBelow:    1e-3,
			Checkpoints:  dir,
			Progress: func(p train.Progress) {
				if p.Epoch == 10 {
					stop()
				}
			},
		},
	}
	_, err = run.Train(ctx)
	fmt.Println(err)
	trace, err := run.Train(context.Background())
	if err != nil {
		panic(err)
	}
	last := trace.Points[len(trace.Points)-1]
	fmt.Println(last.Epoch < 100, trace.Stopped)
	// Output:
	// train: training stopped after 10 of 100 epochs: context canceled
	// true the training loss is below 0.001
}

// The limit of the learning rate, and the time that an epoch takes at half of it.
func ExampleStableRate() {
	net := ntk.Must(
		fcn.New(ntk.Must(ntk.UniformFCN(1, ntk.ReLU{}, math.Sqrt2, 0)),
			fcn.Config{Inputs: 2, Width: 256, Outputs: 1, Seed: 1}),
	)
	var settings train.Settings
	limit := ntk.Must(train.StableRate(context.Background(), net, parity(), settings))
	settings.LearningRate = limit / 2
	fmt.Printf("%.1f %.2f\n", limit, settings.EpochTime(4))
	// Output: 1.6 0.39
}

func ExampleSettings_EpochTime() {
	one, half := train.Settings{LearningRate: 0.1},
		train.Settings{LearningRate: 0.2, LossFactor: 0.5}
	fmt.Printf("%.3f %.3f\n", one.EpochTime(4), half.EpochTime(4))
	// Output: 0.050 0.050
}

// A learning rate that is not stable is refused before the first step.
func ExampleSettings() {
	_, err := train.Run{
		Model: fcn.Model{
			Arch:   ntk.Must(ntk.UniformFCN(1, ntk.ReLU{}, math.Sqrt2, 0)),
			Config: fcn.Config{Inputs: 2, Width: 64, Outputs: 1},
		},
		Problem:  parity(),
		Settings: train.Settings{LearningRate: 100, Epochs: 10, CheckRate: true},
	}.Train(context.Background())
	before, _, _ := strings.Cut(err.Error(), ":")
	reason, _, _ := strings.Cut(strings.TrimPrefix(err.Error(), before+": "), ":")
	fmt.Println(before, reason)
	// Output: train learning rate 100 is not stable
}

// Classes by cross-entropy, with Adam on three points a step.
func ExampleAdam() {
	p := parity()
	classes := mat.NewDense(4, 2, []float64{1, 0, 0, 1, 0, 1, 1, 0})
	p.YTrain, p.YTest = classes, classes
	net := ntk.Must(
		fcn.New(ntk.Must(ntk.UniformFCN(1, ntk.ReLU{}, math.Sqrt2, 0.1)),
			fcn.Config{Inputs: 2, Width: 64, Outputs: 2, Seed: 3}),
	)
	trace, err := train.Train(context.Background(), net, p, train.Settings{
		LearningRate: 0.1,
		Epochs:       50,
		Snapshots:    []int{50},
		Loss:         train.CrossEntropy,
		Optimizer:    train.Adam{},
		Batch:        3,
	})
	if err != nil {
		panic(err)
	}
	fmt.Printf("%.2f, %s\n", trace.Points[0].TestAccuracy, trace.Optimizer)
	// Output: 1.00, Adam β₁ = 0.9, β₂ = 0.999, ε = 1e-08
}

func ExampleMomentum() {
	net := ntk.Must(
		fcn.New(ntk.Must(ntk.UniformFCN(1, ntk.ReLU{}, math.Sqrt2, 0.1)),
			fcn.Config{Inputs: 2, Width: 64, Outputs: 1, Seed: 3}),
	)
	plain, heavy := train.Settings{}, train.Settings{Optimizer: train.Momentum{Decay: 0.9}}
	ctx := context.Background()
	fmt.Printf(
		"%.1f\n",
		ntk.Must(train.StableRate(ctx, net, parity(), heavy))/ntk.Must(
			train.StableRate(ctx, net, parity(), plain)),
	)
	// Output: 1.9
}

func ExampleTrials() {
	var runs []train.Run
	for seed := range uint64(3) {
		runs = append(runs, train.Run{
			Model: fcn.Model{
				Arch:   ntk.Must(ntk.UniformFCN(1, ntk.PublishedMimic(), 1, 0)),
				Config: fcn.Config{Inputs: 2, Width: 256, Outputs: 1, Seed: seed},
			},
			Problem:  parity(),
			Settings: train.Settings{LearningRate: 0.1, Epochs: 100, Snapshots: []int{0, 100}},
		})
	}
	traces, err := train.Trials(context.Background(), runs)
	if err != nil {
		panic(err)
	}
	s := ntk.Must(train.Summarize(traces))
	fmt.Printf("%v: %.2f\n", s.Epochs, s.TrainAccuracy.Mean)
	// Output: [0 100]: [0.00 1.00]
}

func ExampleTrace_WriteCSV() {
	t := &train.Trace{
		Points: []train.Point{
			{Epoch: 10, TrainLoss: 0.25, TestLoss: 0.5, TrainAccuracy: 1, TestAccuracy: 0.75},
		},
	}
	if err := t.WriteCSV(os.Stdout); err != nil {
		panic(err)
	}
	// Output:
	// epoch,train_loss,test_loss,train_accuracy,test_accuracy
	// 10,0.25,0.5,1,0.75
}

func ExampleTrace_WriteJSON() {
	var b strings.Builder
	if err := (&train.Trace{Net: "1HL ReLU", Width: 64}).WriteJSON(&b); err != nil {
		panic(err)
	}
	var t train.Trace
	err := json.Unmarshal([]byte(b.String()), &t)
	fmt.Println(t.Net, t.Width, err)
	// Output: 1HL ReLU 64 <nil>
}

func ExampleSummary_WriteCSV() {
	a := &train.Trace{Points: []train.Point{{Epoch: 10, TestLoss: 1}}}
	b := &train.Trace{Points: []train.Point{{Epoch: 10, TestLoss: 3}}}
	var out strings.Builder
	if err := ntk.Must(train.Summarize([]*train.Trace{a, b})).WriteCSV(&out); err != nil {
		panic(err)
	}
	fmt.Print(strings.Replace(out.String(), ",train_acc", ",\ntrain_acc", 1)) // a long line
	// Output:
	// epoch,train_loss,train_loss_std,test_loss,test_loss_std,
	// train_accuracy,train_accuracy_std,test_accuracy,test_accuracy_std
	// 10,0,0,2,1.4142135623730951,0,0,0,0
}

func ExampleDivergedError() {
	net := ntk.Must(fcn.New(ntk.Must(ntk.UniformFCN(1, ntk.ReLU{}, math.Sqrt2, 0)),
		fcn.Config{Inputs: 2, Width: 64, Outputs: 1}))
	_, err := train.Train(context.Background(), net, parity(),
		train.Settings{LearningRate: 1e6, Epochs: 100})
	var why *train.DivergedError
	diverged := errors.As(err, &why)
	fmt.Println(diverged)
	// Output: true
}

func ExampleInterruptedError() {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := train.Run{
		Model: fcn.Model{
			Arch:   ntk.Must(ntk.UniformFCN(1, ntk.ReLU{}, math.Sqrt2, 0)),
			Config: fcn.Config{Inputs: 2, Width: 64, Outputs: 1},
		},
		Problem:  parity(),
		Settings: train.Settings{LearningRate: 0.1, Epochs: 100},
	}.Train(ctx)
	fmt.Println(err)
	// Output: train: training stopped after 0 of 100 epochs: context canceled
}

func ExampleRun_Identity() {
	run := train.Run{
		Model: fcn.Model{
			Arch:   ntk.Must(ntk.UniformFCN(1, ntk.ReLU{}, math.Sqrt2, 0)),
			Config: fcn.Config{Inputs: 2, Width: 64, Outputs: 1},
		},
		Problem:  parity(),
		Settings: train.Settings{LearningRate: 0.1, Epochs: 100},
	}
	before := run.Identity()
	run.Settings.LearningRate = 0.2
	fmt.Println(before.Architecture == run.Identity().Architecture,
		before.LearningRate == run.Identity().LearningRate)
	// Output: true false
}

func ExampleAdam_Rates() {
	adam := train.Adam{Beta2: 0.99}.Full()
	rate, root := adam.Rates(1, 0.1) // of the first step: 0.1/(1-0.9) and 1/√(1-0.99)
	fmt.Printf("%.3f %.3f %g\n", rate, root, adam.Epsilon)
	// Output: 1.000 10.000 1e-08
}

func ExampleParameterization_Scales() {
	w := train.Parameter{Name: "the weights of layer 1", Scale: 0.25}
	fmt.Println(train.NTKParameterization.Scales(w))
	fmt.Println(train.StandardParameterization.Scales(w))
	// Output:
	// 0.25 1
	// 1 4
}
