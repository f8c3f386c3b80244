package main

import (
	"context"
	"fmt"
	"math"
	"slices"
)

// growth is how the cost of an operation of Kernelsmith grows with one size: time and memory at
// some sizes, and the exponents p of size^p that fit them best.
type growth struct {
	ID, Title, Size string
	Small           bool   `json:",omitzero"`
	Expected        string // of the time, and why
	ExpectedMemory  string
	At              []float64
	Seconds, Bytes  []float64
	Time, Memory    exponent
}

// An exponent is a slope of logarithms by least squares, with its standard error.
type exponent struct{ Value, Error float64 }

// String is the exponent with its error.
func (e exponent) String() string { return fmt.Sprintf("%.2f ± %.2f", e.Value, e.Error) }

// fitExponent returns the slope of log cost over log size. Without three sizes, or with a cost
// that is not positive, there is none: NaN would be no JSON, and it is 0 ± 0.
func fitExponent(sizes, costs []float64) exponent {
	n := float64(len(sizes))
	if len(sizes) < 3 || len(costs) != len(sizes) || slices.Min(costs) <= 0 {
		return exponent{}
	}
	var mx, my float64
	for i := range sizes {
		mx += math.Log(sizes[i]) / n
		my += math.Log(costs[i]) / n
	}
	var xx, xy, rest float64
	for i := range sizes {
		x, y := math.Log(sizes[i])-mx, math.Log(costs[i])-my
		xx += x * x
		xy += x * y
	}
	for i := range sizes {
		x, y := math.Log(sizes[i])-mx, math.Log(costs[i])-my
		rest += math.Pow(y-xy/xx*x, 2)
	}
	return exponent{xy / xx, math.Sqrt(rest / (n - 2) / xx)}
}

// A growing is what is measured: an operation as a row at each size.
type growing struct {
	growth
	at func(size int) *row
}

// allGrowing is the second table.
func allGrowing(s sizes) []growing {
	var all []growing
	add := func(id, title, size, time, memory string, at []float64, row func(int) *row) {
		if s.small {
			at = at[:3]
		}
		all = append(all, growing{growth{ID: id, Title: title, Size: size, At: at, Expected: time,
			ExpectedMemory: memory, Small: s.small}, row})
	}
	gram := func(kind string, n, d, depth int) *row {
		net := paperNet("relu")
		net.Depth = depth
		return &row{Op: "gram", Args: arguments{N: n, D: d, Type: "float32", Net: net, Cold: true},
			X: input{kind: kind, n: n, d: d, seed: 1}}
	}
	add("gram-n", "NNGP and NTK, 4HL ReLU, d = 512, single precision", "n", "2: pairs", "2: pairs",
		[]float64{1000, 2000, 4000, 8000},
		func(n int) *row { return gram("sphere", n, 512, 4) })
	add("gram-d", "the same, n = 4,000", "d", "up to 1: products, beside n² values", "0",
		[]float64{256, 1024, 4096, 16384},
		func(d int) *row { return gram("sphere", 4000, d, 4) })
	add("gram-depth", "the same, rows of any norm, n = 2,000, d = 64", "depth",
		"1: each layer's values", "0", []float64{2, 4, 8, 16, 32},
		func(depth int) *row { return gram("norms", 2000, 64, depth) })
	addRegressionGrowth(add)
	addConvGrowth(add)
	addNetGrowth(add)
	return all
}

type adder func(id, title, size, time, memory string, at []float64, row func(int) *row)

func addRegressionGrowth(add adder) {
	solve := func(n, outputs int) *row {
		return &row{Op: "solve", Args: arguments{N: n, M: 100, D: 64, Outputs: outputs,
			Type: "float64", Net: paperNet("relu"), Ridge: 1e-3, Cold: true},
			X: input{kind: "images", n: n, d: 64, seed: 4},
			Z: input{kind: "images", n: 100, d: 64, seed: 5},
			Y: input{kind: "classes", n: n, d: outputs, seed: 6}}
	}
	add("solve-n", "Kernel regression, NTK of 4HL ReLU, d = 64, double precision", "n",
		"2 to 3: n³/3 operations beside n² values", "2: the factor",
		[]float64{1000, 2000, 4000, 8000}, func(n int) *row { return solve(n, 10) })
	add("solve-outputs", "the same, n = 4,000", "outputs", "0 to 1: beside the factor", "0 to 1",
		[]float64{1, 10, 100, 1000}, func(outputs int) *row { return solve(4000, outputs) })
	add("series-degree", "Power series of the NTK of 4HL ReLU", "degree",
		"2.5: √degree products of series", "1.5: √degree series",
		[]float64{64, 128, 256, 512, 1024},
		func(degree int) *row {
			return &row{Op: "series",
				Args: arguments{Degree: degree, Net: paperNet("relu"), Cold: true}}
		})
}

func addConvGrowth(add adder) {
	conv := func(readout string, side, n, depth int) *row {
		net := paperNet("relu")
		net.Depth = depth
		return &row{Op: "conv", Args: arguments{N: n, Type: "float32", Side: side, Readout: readout,
			Net: net, Cold: true},
			X: input{kind: "uniform", n: n, d: 3 * side * side, seed: 2},
			Z: input{kind: "uniform", n: n, d: 3 * side * side, seed: 3}}
	}
	add("flatten-side", "NNGP and NTK of 256 pairs of images, 4 layers, flattened", "side",
		"2: pixels", "2: pixels", []float64{16, 32, 64, 128},
		func(side int) *row { return conv("flatten", side, 16, 4) })
	add("average-side", "the same, global average", "side", "4: pairs of pixels", "2: pixels",
		[]float64{8, 16, 24, 32}, func(side int) *row { return conv("average", side, 16, 4) })
	add("average-layers", "the same, side 16", "layers", "1", "0 to 1: variances of each layer",
		[]float64{2, 4, 8, 16}, func(depth int) *row { return conv("average", 16, 16, depth) })
	add("average-images", "the same, side 16, 4 layers, images on either side", "images",
		"2: pairs", "up to 1: images", []float64{16, 32, 64, 128},
		func(n int) *row { return conv("average", 16, n, 4) })
}

func addNetGrowth(add adder) {
	train := func(depth, width, outputs, steps int) *row {
		const points, d = 800, 11
		net := paperNet("relu")
		net.Depth = depth
		return &row{Op: "train", Args: arguments{N: points, D: d, Outputs: outputs, Type: "float32",
			Net: net, Width: width, Steps: steps, Rate: 0.01, Cold: true},
			X: input{kind: "sphere", n: points, d: d, seed: 8},
			Y: input{kind: "classes", n: points, d: outputs, seed: 9}}
	}
	add("train-width-1hl", "A step of training on 800 points, 1HL ReLU", "width", "1", "1",
		[]float64{1024, 2048, 4096, 8192, 16384},
		func(width int) *row { return train(1, width, 6, 50) })
	add("train-width-4hl", "the same, 4HL ReLU", "width", "2: weights", "1 to 2: weights",
		[]float64{512, 1024, 2048, 4096}, func(width int) *row { return train(4, width, 6, 4) })
	add("train-outputs", "the same, 1HL ReLU, width 4,096", "outputs", "0 to 1", "0 to 1",
		[]float64{32, 64, 128, 256}, func(outputs int) *row { return train(1, 4096, outputs, 20) })
	add("empirical-points", "Empirical NTK of 4HL ReLU, width 512", "points",
		"1 to 2: passes, and pairs", "1 to 2", []float64{250, 500, 1000, 2000},
		func(points int) *row {
			return &row{Op: "empirical", Args: arguments{N: points, D: 10, Outputs: 1,
				Type: "float32", Net: paperNet("relu"), Width: 512, Cold: true},
				X: input{kind: "sphere", n: points, d: 10, seed: 7}}
		})
}

// grow measures one operation at all its sizes.
func (b *bench) grow(ctx context.Context, g *growing) (*growth, error) {
	s := b.sides[kernelsmith]
	result := g.growth
	for _, size := range g.At {
		r := g.at(int(size))
		args, err := b.files(r)
		if err != nil {
			return nil, err
		}
		// The first run is the one whose memory counts: later ones use it again.
		prepare := request{Do: "prepare", Op: r.Op, Args: &args}
		if _, err := s.ask(ctx, prepare, b.limit); err != nil {
			return nil, err
		}
		before, err := resident(s.cmd.Process.Pid)
		if err != nil {
			return nil, err
		}
		t := &timing{Side: kernelsmith}
		var times []float64
		for i := range b.repetitions + 1 {
			reply, err := b.once(ctx, s, t)
			if err != nil {
				return nil, err
			}
			if i == 0 {
				result.Bytes = append(result.Bytes, max(1e6*t.PeakMB-before, 0))
				continue
			}
			times = append(times, reply.Seconds)
		}
		result.Seconds = append(result.Seconds, median(times))
	}
	result.Time = fitExponent(result.At, result.Seconds)
	result.Memory = fitExponent(result.At, result.Bytes)
	_, err := s.ask(ctx, request{Do: "drop"}, b.limit)
	return &result, err
}

// String is the result in a line.
func (g *growth) String() string {
	return fmt.Sprintf("  %s^(%v), expected %s; memory ^(%v), expected %s", g.Size, g.Time,
		g.Expected, g.Memory, g.ExpectedMemory)
}

// same says whether two are of the same sizes of the same operation.
func (g *growth) same(o *growth) bool {
	return g.ID == o.ID && g.Title == o.Title && slices.Equal(g.At, o.At)
}
