package cnn_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"

	"github.com/kernelsmith/kernelsmith/data"
	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/cnn"
	"github.com/kernelsmith/kernelsmith/ntk/train"
	"gonum.org/v1/gonum/mat"
)

// small is a net of two convolutions for images of 4×4 pixels.
func small() *cnn.Architecture {
	conv := cnn.Conv{Filter: [2]int{3, 3}, Activation: ntk.ReLU{}, WeightStd: math.Sqrt2,
		BiasStd: 0.1}
	return ntk.Must(cnn.NewArchitecture(cnn.Image{Height: 4, Width: 4, Channels: 1},
		[]cnn.Layer{conv, cnn.AveragePool{Window: [2]int{2, 2}}, conv},
		cnn.Readout{WeightStd: 1, GlobalAverage: true}))
}

// dots are images of 4×4 pixels with one white pixel.
func dots() *mat.Dense {
	x := mat.NewDense(2, 16, nil)
	x.Set(0, 5, 8)
	x.Set(1, 10, 8)
	return x
}

func ExampleNew() {
	net := ntk.Must(cnn.New(small(), cnn.Config{Width: 64, Outputs: 10, Seed: 1}))
	fmt.Println(net.Config().Width, "channels,", net.Params(), "parameters")
	_, err := cnn.New(small(), cnn.Config{Outputs: 10})
	fmt.Println(err)
	// Output:
	// 64 channels, 38208 parameters
	// cnn: Width is 0; it must be at least 1 and at most 2^31-1
}

func ExampleNet_Forward() {
	net := ntk.Must(cnn.New(small(), cnn.Config{Width: 64, Outputs: 10, Seed: 1}))
	f := ntk.Must(net.Forward(dots()))
	fmt.Println(f.Dims())
	// Output: 2 10
}

// What a device has to know of a net: the windows of each layer along an axis, and its channels.
func ExampleNet_Layers() {
	net := ntk.Must(cnn.New(small(), cnn.Config{Width: 64, Outputs: 10, Seed: 1}))
	layers, prepare := net.Layers()
	for _, l := range layers {
		fmt.Printf("%d to %d channels, pool %t, down %+v\n", l.Channels, l.Outputs, l.Pool,
			l.Axes[0])
	}
	fmt.Println("images as they are:", prepare == nil)
	// Output:
	// 1 to 64 channels, pool false, down {In:4 Out:4 Size:3 Stride:1 Before:1 Wrap:false}
	// 64 to 64 channels, pool true, down {In:4 Out:2 Size:2 Stride:2 Before:0 Wrap:false}
	// 64 to 64 channels, pool false, down {In:2 Out:2 Size:3 Stride:1 Before:1 Wrap:false}
	// 64 to 64 channels, pool true, down {In:2 Out:1 Size:2 Stride:2 Before:0 Wrap:false}
	// 64 to 10 channels, pool false, down {In:1 Out:1 Size:1 Stride:1 Before:0 Wrap:false}
	// images as they are: true
}

func ExampleNet_Clone() {
	net := ntk.Must(cnn.New(small(), cnn.Config{Width: 16, Outputs: 1}))
	p := train.Problem{XTrain: dots(), YTrain: mat.NewDense(2, 1, []float64{1, -1}),
		XTest: dots(), YTest: mat.NewDense(2, 1, []float64{1, -1})}
	start := net.Clone()
	ntk.Must(train.Train(context.Background(), net, p,
		train.Settings{LearningRate: 0.1, Epochs: 5}))
	fmt.Println(mat.Equal(ntk.Must(start.Forward(p.XTrain)), ntk.Must(net.Forward(p.XTrain))))
	// Output: false
}

// A model says which net to train; package train makes and trains it: here to tell zeros from ones.
func ExampleModel() {
	digits := data.Digits()
	var images [][]float64
	var labels []float64
	for i := range digits.Labels {
		if c := digits.Labels[i]; c < 2 {
			images = append(images, digits.Row(i, make([]float64, 64)))
			labels = append(labels, float64(2*c-1))
		}
	}
	part := func(from, to int) (x, y *mat.Dense) {
		x = mat.NewDense(to-from, 64, nil)
		for i := range to - from {
			x.SetRow(i, images[from+i])
		}
		return x, mat.NewDense(to-from, 1, labels[from:to])
	}
	var p train.Problem
	p.XTrain, p.YTrain = part(0, 60)
	p.XTest, p.YTest = part(60, 160)
	p.XTrain.Scale(1./8, p.XTrain)
	p.XTest.Scale(1./8, p.XTest)
	conv := cnn.Conv{Filter: [2]int{3, 3}, Activation: ntk.ReLU{}, WeightStd: math.Sqrt2}
	run := train.Run{
		Model: cnn.Model{
			Arch: ntk.Must(cnn.NewArchitecture(cnn.Image{Height: 8, Width: 8, Channels: 1},
				[]cnn.Layer{conv, cnn.AveragePool{Window: [2]int{2, 2}}},
				cnn.Readout{WeightStd: 1})),
			Config: cnn.Config{Width: 32, Outputs: 1, Seed: 1},
		},
		Problem:  p,
		Settings: train.Settings{LearningRate: 0.5, Epochs: 30},
	}
	trace := ntk.Must(run.Train(context.Background()))
	last := trace.Points[len(trace.Points)-1]
	fmt.Println(trace.Net, trace.Params, last.TestAccuracy > 0.97)
	// Output: 8×8×1, 3×3 ReLU, pool 2×2, flatten 800 true
}

// The gradient of Σ f over images and outputs by all parameters, and what f changes by along
// it: its square.
func ExampleNet_NewTangentPass() {
	m := cnn.Model{Arch: small(), Config: cnn.Config{Width: 8, Outputs: 1, Seed: 3}}
	fmt.Println(m.Describe().Net)
	net := ntk.Must(cnn.New(m.Arch, m.Config))
	pass := net.NewTangentPass(2)
	for i, v := range dots().RawMatrix().Data {
		pass.Inputs(2)[i] = float32(v)
	}
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
	// 4×4×1, 3×3 ReLU, pool 2×2, 3×3 ReLU, global average
	// 1.000
}

// A step of gradient descent by hand, on Σ f² over the images.
func ExampleNet_NewPass() {
	net := ntk.Must(cnn.New(small(), cnn.Config{Width: 8, Outputs: 1, Seed: 3}))
	pass := net.NewPass(2, false)
	for i, v := range dots().RawMatrix().Data {
		pass.Inputs(2)[i] = float32(v)
	}
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

// Over many nets its mean is the infinite-width kernel.
func ExampleNet_EmpiricalNTK() {
	conv := cnn.Conv{Filter: [2]int{3, 3}, Activation: ntk.ReLU{}, WeightStd: math.Sqrt2}
	arch := ntk.Must(cnn.NewArchitecture(cnn.Image{Height: 4, Width: 4, Channels: 1},
		[]cnn.Layer{conv}, cnn.Readout{WeightStd: 1, GlobalAverage: true}))
	x := dots()
	var mean float64
	for seed := range uint64(200) {
		net := ntk.Must(cnn.New(arch, cnn.Config{Width: 256, Outputs: 1, Seed: seed}))
		mean += ntk.Must(net.EmpiricalNTK(x, x, 0)).At(0, 0) / 200
	}
	k := make([]float64, 4)
	ntk.Must(0, cnn.GramInto(context.Background(), nil, k, arch,
		ntk.Inputs[float64]{Rows: x.RawMatrix().Data, N: 2, D: 16}, nil))
	fmt.Printf("%.1f, at infinite width %.1f\n", mean, k[0])
	// Output: 1.1, at infinite width 1.1
}

func ExampleNet_EmpiricalNTKMean() {
	net := ntk.Must(cnn.New(small(), cnn.Config{Width: 512, Outputs: 10, Seed: 2}))
	x := dots()
	k := make([]float64, 4)
	ntk.Must(0, cnn.GramInto(context.Background(), nil, k, small(),
		ntk.Inputs[float64]{Rows: x.RawMatrix().Data, N: 2, D: 16}, nil))
	fmt.Printf("%.1f, at infinite width %.1f\n", ntk.Must(net.EmpiricalNTKMean(x, x)).At(0, 1),
		k[1])
	// Output: 0.6, at infinite width 0.6
}

func ExampleNet_EmpiricalNNGP() {
	net := ntk.Must(cnn.New(small(), cnn.Config{Width: 1024, Outputs: 1, Seed: 2}))
	x := dots()
	k := make([]float64, 4)
	ntk.Must(0, cnn.GramInto(context.Background(), k, nil, small(),
		ntk.Inputs[float64]{Rows: x.RawMatrix().Data, N: 2, D: 16}, nil))
	fmt.Printf("%.1f, at infinite width %.1f\n", ntk.Must(net.EmpiricalNNGP(x, x)).At(0, 1), k[1])
	// Output: 0.4, at infinite width 0.4
}

// A net goes to NumPy and comes back.
func ExampleNet_Save() {
	net := ntk.Must(cnn.New(small(), cnn.Config{Width: 8, Outputs: 1, Seed: 3}))
	folder, err := os.MkdirTemp("", "")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(folder)
	path := filepath.Join(folder, "net.npz")
	if err := net.Save(path); err != nil {
		panic(err)
	}
	back := ntk.Must(cnn.Load(path, small()))
	fmt.Println(back.Config(), mat.Equal(ntk.Must(net.Forward(dots())),
		ntk.Must(back.Forward(dots()))))
	// Output: {8 1 3} true
}

// A file is not taken for a net of another architecture.
func ExampleLoad() {
	net := ntk.Must(cnn.New(small(), cnn.Config{Width: 8, Outputs: 1, Seed: 3}))
	folder, err := os.MkdirTemp("", "")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(folder)
	path := filepath.Join(folder, "net.npz")
	if err := net.Save(path); err != nil {
		panic(err)
	}
	other := ntk.Must(cnn.NewArchitecture(small().Image(), small().Layers(),
		cnn.Readout{WeightStd: 1}))
	_, err = cnn.Load(path, other)
	_, says, _ := strings.Cut(err.Error(), "of the file: ")
	fmt.Println(strings.Split(says, " (in ")[0])
	// Output:
	// the readout is global average; in the architecture it is flatten
}

func ExampleNet_WriteNPZ() {
	var file bytes.Buffer
	net := ntk.Must(cnn.New(small(), cnn.Config{Width: 8, Outputs: 1}))
	if err := net.WriteNPZ(&file); err != nil {
		panic(err)
	}
	fmt.Printf("%q\n", file.Bytes()[:2]) // a ZIP archive of NumPy arrays
	// Output: "PK"
}

// A net goes to PyTorch: its source, and its parameters in a file that load reads.
func ExampleNet_PyTorch() {
	net := ntk.Must(cnn.New(small(), cnn.Config{Width: 8, Outputs: 1}))
	text := ntk.Must(net.PyTorch("Net"))
	_, forward, _ := strings.Cut(text, "class Net(")
	_, forward, _ = strings.Cut(forward, "def forward(self, x):\n")
	fmt.Println(strings.Contains(text, "class Net(torch.nn.Module):"))
	fmt.Println(strings.TrimSpace(strings.Split(forward, "\n")[0]))
	// Output:
	// true
	// h = x.reshape(-1, 4, 4, 1).permute(0, 3, 1, 2)  # channels, height, width
}

func ExampleNet_JAX() {
	net := ntk.Must(cnn.New(small(), cnn.Config{Width: 8, Outputs: 1}))
	for line := range strings.Lines(ntk.Must(net.JAX("net"))) {
		if strings.HasPrefix(line, "def net") {
			fmt.Print(line)
		}
	}
	// Output:
	// def net_phi0(z):
	// def net_init(key):
	// def net_load(path):
	// def net(parameters, x):
}
