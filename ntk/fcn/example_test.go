package fcn_test

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"

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
	trace, err := net.Train(context.Background(), parity(),
		fcn.Settings{LearningRate: 0.1, Epochs: 100, Snapshots: []int{0, 100}})
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
	fmt.Printf("%v: %.3f, from %.3f to %.3f\n", s.Epochs, s.TestLoss.Mean, s.TestLoss.Lower(),
		s.TestLoss.Upper())
	// Output: [10]: [0.600], from [0.459] to [0.741]
}

func ExampleNew() {
	arch := ntk.Must(ntk.UniformFCN(1, ntk.ReLU{}, math.Sqrt2, 0.1))
	net := ntk.Must(fcn.New(arch, fcn.Config{Inputs: 2, Width: 64, Outputs: 1, Seed: 1}))
	fmt.Println(net.Params(), "parameters")
	_, err := fcn.New(arch, fcn.Config{Inputs: 2, Width: 0, Outputs: 1})
	fmt.Println(err)
	// Output:
	// 256 parameters
	// fcn: Width is 0; it must be at least 1 and at most 2^31-1
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

// Weights, optimizer and what was measured are in the folder from time to time
// and when the run is interrupted; the same run then goes on from there.
func ExampleRun_Train() {
	dir, err := os.MkdirTemp("", "checkpoints")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	ctx, stop := context.WithCancel(context.Background())
	run := fcn.Run{
		Arch:    ntk.Must(ntk.UniformFCN(1, ntk.ReLU{}, math.Sqrt2, 0.1)),
		Config:  fcn.Config{Inputs: 2, Width: 64, Outputs: 1, Seed: 3},
		Problem: parity(),
		Settings: fcn.Settings{
			LearningRate: 0.1,
			Epochs:       100,
			StopBelow:    1e-3,
			Checkpoints:  dir,
			Progress: func(p fcn.Progress) {
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
	// fcn: training stopped after 10 of 100 epochs: context canceled
	// true the training loss is below 0.001
}

// The limit of the learning rate, and the time that an epoch takes at half of it.
func ExampleNet_StableRate() {
	net := ntk.Must(
		fcn.New(ntk.Must(ntk.UniformFCN(1, ntk.ReLU{}, math.Sqrt2, 0)),
			fcn.Config{Inputs: 2, Width: 256, Outputs: 1, Seed: 1}),
	)
	var settings fcn.Settings
	limit := ntk.Must(net.StableRate(context.Background(), parity(), settings))
	settings.LearningRate = limit / 2
	fmt.Printf("%.1f %.2f\n", limit, settings.EpochTime(4))
	// Output: 1.6 0.39
}

func ExampleSettings_EpochTime() {
	one, half := fcn.Settings{LearningRate: 0.1}, fcn.Settings{LearningRate: 0.2, LossFactor: 0.5}
	fmt.Printf("%.3f %.3f\n", one.EpochTime(4), half.EpochTime(4))
	// Output: 0.050 0.050
}

func ExampleRateError() {
	_, err := fcn.Run{
		Arch:   ntk.Must(ntk.UniformFCN(1, ntk.ReLU{}, math.Sqrt2, 0)),
		Config: fcn.Config{Inputs: 2, Width: 64, Outputs: 1}, Problem: parity(),
		Settings: fcn.Settings{LearningRate: 100, Epochs: 10, CheckRate: true},
	}.Train(context.Background())
	_, refused := err.(*fcn.RateError)
	fmt.Println(refused)
	// Output: true
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
	trace, err := net.Train(context.Background(), p, fcn.Settings{
		LearningRate: 0.1,
		Epochs:       50,
		Snapshots:    []int{50},
		Loss:         fcn.CrossEntropy,
		Optimizer:    fcn.Adam{},
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
	plain, heavy := fcn.Settings{}, fcn.Settings{Optimizer: fcn.Momentum{Decay: 0.9}}
	ctx := context.Background()
	fmt.Printf(
		"%.1f\n",
		ntk.Must(net.StableRate(ctx, parity(), heavy))/ntk.Must(
			net.StableRate(ctx, parity(), plain)),
	)
	// Output: 1.9
}

func ExampleTrials() {
	var runs []fcn.Run
	for seed := range uint64(3) {
		runs = append(runs, fcn.Run{
			Arch:   ntk.Must(ntk.UniformFCN(1, ntk.PublishedMimic(), 1, 0)),
			Config: fcn.Config{Inputs: 2, Width: 256, Outputs: 1, Seed: seed}, Problem: parity(),
			Settings: fcn.Settings{LearningRate: 0.1, Epochs: 100, Snapshots: []int{0, 100}},
		})
	}
	traces, err := fcn.Trials(context.Background(), runs)
	if err != nil {
		panic(err)
	}
	s := ntk.Must(fcn.Summarize(traces))
	fmt.Printf("%v: %.2f\n", s.Epochs, s.TrainAccuracy.Mean)
	// Output: [0 100]: [0.00 1.00]
}

func ExampleTrace_WriteCSV() {
	t := &fcn.Trace{
		Points: []fcn.Point{
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

func ExampleReadPointsCSV() {
	points, err := fcn.ReadPointsCSV(
		strings.NewReader(
			"epoch,train_loss,test_loss,train_accuracy,test_accuracy\n10,0.25,0.5,1,0.75\n"),
	)
	fmt.Println(points, err)
	// Output: [{10 0.25 0.5 1 0.75}] <nil>
}

func ExampleTrace_WriteJSON() {
	var b strings.Builder
	if err := (&fcn.Trace{Net: "1HL ReLU", Width: 64}).WriteJSON(&b); err != nil {
		panic(err)
	}
	t := ntk.Must(fcn.ReadTraceJSON(strings.NewReader(b.String())))
	fmt.Println(t.Net, t.Width)
	// Output: 1HL ReLU 64
}

func ExampleReadTraceJSON() {
	_, err := fcn.ReadTraceJSON(strings.NewReader(`{"Net": "1HL ReLU", "Depth": 1}`))
	fmt.Println(err)
	// Output: fcn: this is not a trace: json: unknown field "Depth"
}

func ExampleSummary_WriteCSV() {
	a := &fcn.Trace{Points: []fcn.Point{{Epoch: 10, TestLoss: 1}}}
	b := &fcn.Trace{Points: []fcn.Point{{Epoch: 10, TestLoss: 3}}}
	if err := ntk.Must(fcn.Summarize([]*fcn.Trace{a, b})).WriteCSV(os.Stdout); err != nil {
		panic(err)
	}
	// Output:
	// epoch,train_loss,train_loss_std,test_loss,test_loss_std,train_accuracy,train_accuracy_std,test_accuracy,test_accuracy_std
	// 10,0,0,2,1.4142135623730951,0,0,0,0
}

func ExampleDivergedError() {
	_, err := ntk.Must(fcn.New(ntk.Must(ntk.UniformFCN(1, ntk.ReLU{}, math.Sqrt2, 0)),
		fcn.Config{Inputs: 2, Width: 64, Outputs: 1})).
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
	fmt.Println(before.Architecture == run.Identity().Architecture,
		before.LearningRate == run.Identity().LearningRate)
	// Output: true false
}

func ExampleKernelChange() {
	before := mat.NewDense(2, 2, []float64{1, 2, 2, 4})
	after := mat.NewDense(2, 2, []float64{1, 2, 2, 9})
	fmt.Println(ntk.Must(fcn.KernelChange(before, after)))
	// Output: 1
}

func ExampleKernelCosine() {
	a := mat.NewDense(2, 2, []float64{3, 1, 1, 3})
	twice := mat.NewDense(2, 2, []float64{6, 2, 2, 6})
	fmt.Printf("%.3f\n", ntk.Must(fcn.KernelCosine(a, twice)))
	// Output: 1.000
}

func ExampleKernelAlignment() {
	k := mat.NewDense(2, 2, []float64{1, 0, 0, 1})
	fmt.Printf("%.3f\n", ntk.Must(fcn.KernelAlignment(k, mat.NewDense(2, 1, []float64{1, -1}))))
	// Output: 0.707
}

// A constant added to the kernel does not count.
func ExampleCenteredAlignment() {
	y := mat.NewDense(2, 1, []float64{1, -1})
	k := mat.NewDense(2, 2, []float64{11, 9, 9, 11})
	fmt.Printf("%.3f centred, %.3f not\n", ntk.Must(fcn.CenteredAlignment(k, y)),
		ntk.Must(fcn.KernelAlignment(k, y)))
	// Output: 1.000 centred, 0.100 not
}

// How lazy is the training of a narrow net and of a wide one?
func ExampleNet_Moved() {
	arch := ntk.Must(ntk.UniformFCN(1, ntk.PublishedMimic(), 1, 0))
	p := parity()
	for _, width := range []int{64, 4096} {
		net := ntk.Must(fcn.New(arch, fcn.Config{Inputs: 2, Width: width, Outputs: 1, Seed: 1}))
		before := net.Clone()
		if _, err := net.Train(
			context.Background(), p, fcn.Settings{LearningRate: 0.1, Epochs: 50},
		); err != nil {
			panic(err)
		}
		m := ntk.Must(net.Moved(before, p.XTrain, p.YTrain))
		fmt.Println(width, m.Change < 0.05)
	}
	// Output:
	// 64 false
	// 4096 true
}

func ExampleNet_Clone() {
	net := ntk.Must(
		fcn.New(ntk.Must(ntk.UniformFCN(1, ntk.ReLU{}, 1, 0)),
			fcn.Config{Inputs: 2, Width: 8, Outputs: 1}),
	)
	p := parity()
	start := net.Clone()
	if _, err := net.Train(
		context.Background(), p, fcn.Settings{LearningRate: 0.1, Epochs: 5},
	); err != nil {
		panic(err)
	}
	fmt.Println(mat.Equal(ntk.Must(start.Forward(p.XTrain)), ntk.Must(net.Forward(p.XTrain))))
	// Output: false
}

// The kernel of all pairs of outputs: blocks of outputs that differ vanish as the
// width grows.
func ExampleNet_EmpiricalNTKOutputs() {
	arch := ntk.Must(ntk.UniformFCN(1, ntk.ReLU{}, 1, 0))
	net := ntk.Must(fcn.New(arch, fcn.Config{Inputs: 2, Width: 4096, Outputs: 3, Seed: 1}))
	x := parity().XTrain
	theta := ntk.Must(net.EmpiricalNTKOutputs(x, x))
	rows, cols := theta.Dims()
	fmt.Printf("%d×%d; Θ of outputs 0 and 0: %.1f, of 0 and 1 less than 0.05: %v\n", rows, cols,
		theta.At(0, 0), math.Abs(theta.At(0, 1)) < 0.05)
	// Output: 12×12; Θ of outputs 0 and 0: 1.0, of 0 and 1 less than 0.05: true
}

func ExampleNet_EmpiricalNTKBlock() {
	arch := ntk.Must(ntk.UniformFCN(1, ntk.ReLU{}, 1, 0))
	net := ntk.Must(fcn.New(arch, fcn.Config{Inputs: 2, Width: 64, Outputs: 3, Seed: 1}))
	x := parity().XTrain
	all, block := ntk.Must(net.EmpiricalNTKOutputs(x, x)), ntk.Must(
		net.EmpiricalNTKBlock(x, x, 0, 2))
	fmt.Printf("%.6f\n", block.At(1, 3)-all.At(1*3+0, 3*3+2))
	// Output: 0.000000
}

func ExampleNet_EmpiricalNTKMean() {
	arch := ntk.Must(ntk.UniformFCN(2, ntk.ReLU{}, 1, 0))
	net := ntk.Must(fcn.New(arch, fcn.Config{Inputs: 2, Width: 2048, Outputs: 10, Seed: 1}))
	x := parity().XTrain
	mean, infinite := ntk.Must(net.EmpiricalNTKMean(x, x)), ntk.Must(ntk.Must(arch.NTK()).Gram(x))
	fmt.Printf("%.2f, at infinite width %.2f\n", mean.At(0, 0), infinite.At(0, 0))
	// Output: 0.76, at infinite width 0.75
}

func ExampleNet_EmpiricalNNGP() {
	arch := ntk.Must(ntk.UniformFCN(1, ntk.Erf{}, 1, 0))
	net := ntk.Must(fcn.New(arch, fcn.Config{Inputs: 2, Width: 16384, Outputs: 1, Seed: 1}))
	x := parity().XTrain
	finite, infinite := ntk.Must(net.EmpiricalNNGP(x, x)), ntk.Must(ntk.Must(arch.NNGP()).Gram(x))
	fmt.Printf("%.2f, at infinite width %.2f\n", finite.At(0, 0), infinite.At(0, 0))
	// Output: 0.47, at infinite width 0.46
}

// A net goes to NumPy and comes back.
func ExampleNet_Save() {
	arch := ntk.Must(ntk.UniformFCN(1, ntk.ReLU{}, math.Sqrt2, 0.1))
	net := ntk.Must(fcn.New(arch, fcn.Config{Inputs: 2, Width: 64, Outputs: 1, Seed: 3}))
	folder, err := os.MkdirTemp("", "")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(folder)
	path := filepath.Join(folder, "net.npz")
	if err := net.Save(path); err != nil {
		panic(err)
	}
	back := ntk.Must(fcn.Load(path, arch))
	x := parity().XTrain
	fmt.Println(back.Config(), mat.Equal(ntk.Must(net.Forward(x)), ntk.Must(back.Forward(x))))
	// Output: {2 64 1 3} true
}

// A file is not taken for a net of another architecture.
func ExampleLoad() {
	net := ntk.Must(
		fcn.New(ntk.Must(ntk.UniformFCN(1, ntk.ReLU{}, 1, 0)),
			fcn.Config{Inputs: 2, Width: 64, Outputs: 1}),
	)
	folder, err := os.MkdirTemp("", "")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(folder)
	path := filepath.Join(folder, "net.npz")
	if err := net.Save(path); err != nil {
		panic(err)
	}
	same := ntk.Must(fcn.Load(path, ntk.Must(ntk.UniformFCN(1, ntk.ReLU{}, 1, 0))))
	fmt.Println(same.Params() == net.Params())
	_, err = fcn.Load(path, ntk.Must(ntk.UniformFCN(1, ntk.ReLU{}, 2, 0)))
	fmt.Println(strings.Split(err.Error(), " (in ")[0])
	// Output:
	// true
	// fcn: architecture of the file: layer 0 has σ_w = 1; in the architecture it is 2
}

func ExampleNet_WriteNPZ() {
	arch := ntk.Must(ntk.UniformFCN(1, ntk.ReLU{}, 1, 0))
	var file bytes.Buffer
	if err := ntk.Must(fcn.New(arch, fcn.Config{Inputs: 2, Width: 64, Outputs: 1})).
		WriteNPZ(&file); err != nil {
		panic(err)
	}
	net := ntk.Must(fcn.ReadNPZ(bytes.NewReader(file.Bytes()), int64(file.Len()), arch))
	fmt.Println(net.Config().Width)
	// Output: 64
}

func ExampleReadNPZ() {
	_, err := fcn.ReadNPZ(strings.NewReader("weights"), 7,
		ntk.Must(ntk.UniformFCN(1, ntk.ReLU{}, 1, 0)))
	fmt.Println(err)
	// Output: fcn: not an .npz file, or cut off: zip: not a valid zip file
}
