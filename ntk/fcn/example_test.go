package fcn_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
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

// What a device has to know of a net.
func ExampleNet_Layers() {
	arch := ntk.Must(ntk.UniformFCN(1, ntk.ReLU{}, math.Sqrt2, 0.1))
	net := ntk.Must(fcn.New(arch, fcn.Config{Inputs: 2, Width: 64, Outputs: 3, Seed: 3}))
	layers, _ := net.Layers()
	for _, l := range layers {
		fmt.Println(l.Channels, "to", l.Outputs, l.Activation)
	}
	// Output:
	// 2 to 64 ReLU
	// 64 to 3 <nil>
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

// How lazy is the training of a narrow net and of a wide one?
func ExampleNet_Moved() {
	arch := ntk.Must(ntk.UniformFCN(1, ntk.PublishedMimic(), 1, 0))
	p := parity()
	for _, width := range []int{64, 4096} {
		net := ntk.Must(fcn.New(arch, fcn.Config{Inputs: 2, Width: width, Outputs: 1, Seed: 1}))
		before := net.Clone()
		if _, err := train.Train(context.Background(), net, p,
			train.Settings{LearningRate: 0.1, Epochs: 50}); err != nil {
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
	if _, err := train.Train(context.Background(), net, p,
		train.Settings{LearningRate: 0.1, Epochs: 5}); err != nil {
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
	fmt.Printf("%q\n", file.Bytes()[:2]) // a ZIP archive of NumPy arrays
	// Output: "PK"
}

// A model says which net to train; package train makes and trains it.
func ExampleModel() {
	run := train.Run{
		Model: fcn.Model{
			Arch:   ntk.Must(ntk.UniformFCN(1, ntk.PublishedMimic(), 1, 0)),
			Config: fcn.Config{Inputs: 2, Width: 256, Outputs: 1, Seed: 1},
		},
		Problem:  parity(),
		Settings: train.Settings{LearningRate: 0.1, Epochs: 100},
	}
	trace := ntk.Must(run.Train(context.Background()))
	fmt.Println(trace.Params, trace.Points[len(trace.Points)-1].TrainAccuracy)
	// Output: 768 1
}

// The gradient of Σ f over points and outputs by all parameters, and what f changes by along
// it: its square.
func ExampleNet_NewTangentPass() {
	m := fcn.Model{
		Arch:   ntk.Must(ntk.UniformFCN(1, ntk.ReLU{}, math.Sqrt2, 0.1)),
		Config: fcn.Config{Inputs: 2, Width: 64, Outputs: 1, Seed: 3},
	}
	fmt.Println(m.Describe().Net)
	net := ntk.Must(fcn.New(m.Arch, m.Config))
	pass := net.NewTangentPass(2)
	copy(pass.Inputs(2), []float32{1, 1, 1, -1})
	ctx := context.Background()
	if err := errors.Join(pass.Forward(ctx), pass.Backward(ctx, []float32{1, 1})); err != nil {
		panic(err)
	}
	var square float32
	parameters := net.Parameters()
	gradient := func(i int) []float32 {
		g := make([]float32, len(parameters[i].Values))
		pass.Gradient(i, parameters[i].Scale, 0, g)
		for _, v := range g {
			square += v * v
		}
		return g
	}
	change := ntk.Must(pass.Tangent(ctx, gradient))
	fmt.Printf("%.3f\n", (change[0]+change[1])/square)
	// Output:
	// 1HL ReLU
	// 1.000
}

// A step of gradient descent by hand, on Σ f² over the points.
func ExampleNet_NewPass() {
	net := ntk.Must(fcn.New(ntk.Must(ntk.UniformFCN(1, ntk.ReLU{}, math.Sqrt2, 0.1)),
		fcn.Config{Inputs: 2, Width: 64, Outputs: 1, Seed: 3}))
	pass := net.NewPass(2, false)
	copy(pass.Inputs(2), []float32{1, 1, 1, -1})
	loss := func() float32 {
		if err := pass.Forward(context.Background()); err != nil {
			panic(err)
		}
		f := pass.Outputs()
		return f[0]*f[0] + f[1]*f[1]
	}
	before := loss()
	residual := []float32{2 * pass.Outputs()[0], 2 * pass.Outputs()[1]}
	if err := pass.Backward(context.Background(), residual); err != nil {
		panic(err)
	}
	for i, p := range net.Parameters() {
		pass.Gradient(i, -0.01*p.Scale, 1, p.Values)
	}
	fmt.Println(loss() < before)
	// Output: true
}
