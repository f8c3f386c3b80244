package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"

	"github.com/kernelsmith/kernelsmith/ntk"
)

// netRows are nets of finite width: their empirical kernels, and steps of training.
func netRows(s sizes) []*row {
	var rows []*row
	for _, c := range []struct{ depth, width int }{{1, 16384}, {4, 1024}} {
		const points, d = 101, 10
		net := paperNet("relu")
		net.Depth = c.depth
		width := s.n(c.width)
		rows = append(rows, &row{
			ID: fmt.Sprintf("empirical-%dhl-%d", c.depth, c.width), Group: "Nets of finite width",
			Title: fmt.Sprintf("Empirical NTK of %d points, %dHL ReLU of width %s, single "+
				"precision", points, c.depth, thousands(width)),
			Op: "empirical", Args: arguments{N: points, D: d, Outputs: 1, Type: "float32", Net: net,
				Width: width},
			X:     input{kind: "sphere", n: points, d: d, seed: 7},
			Peers: []string{neuralTangents, pytorch}, Unit: "s",
			Tolerance: 1e-4, Why: "rounding in single precision",
			Note: "neural-tangents by the quickest of its implementations, after a try of each",
			// Forward and back through the inner layers, and the products between points.
			Products: 4*points*float64(width)*float64(width)*float64(c.depth-1) +
				2*points*points*float64(width)*2*float64(c.depth),
		})
	}
	for _, c := range []struct{ depth, width, steps int }{{1, 1024, 200}, {1, 4096, 100},
		{4, 1024, 20}, {4, 4096, 4}} {
		const points, d, outputs = 800, 11, 6
		net := paperNet("relu")
		net.Depth = c.depth
		width := s.n(c.width)
		w, inner := float64(width), float64(c.depth-1)
		rows = append(rows, &row{
			ID: fmt.Sprintf("train-%dhl-%d", c.depth, c.width), Group: "Nets of finite width",
			Title: fmt.Sprintf("A step of gradient descent on %d points of %d features, %d "+
				"outputs, %dHL ReLU of width %s, single precision", points, d, outputs, c.depth,
				thousands(width)),
			Op: "train", Args: arguments{N: points, D: d, Outputs: outputs, Type: "float32",
				Net: net, Width: width, Steps: c.steps, Rate: 0.05},
			X:     input{kind: "sphere", n: points, d: d, seed: 8},
			Y:     input{kind: "classes", n: points, d: outputs, seed: 9},
			Peers: []string{neuralTangents, pytorch}, Unit: "ms a step",
			Per:       func(int) float64 { return 1 },
			Tolerance: 1e-3, Why: "rounding of so many steps in single precision",
			Note:     "neural-tangents stands for JAX, whose step is compiled",
			Products: 6*points*w*w*inner + 4*points*w*(d+outputs),
			Traffic:  3 * 4 * points * w * float64(c.depth),
		})
	}
	return rows
}

// startRows is the time from the start of a process to a first small kernel matrix.
func startRows(sizes) []*row {
	return []*row{{
		ID: "start", Group: "Start", Op: "start",
		Title: "From the start of a program to its first result, NNGP and NTK of 4HL ReLU, n = 100",
		Args:  arguments{N: 100, D: 10, Type: "float64", Net: paperNet("relu")},
		X:     input{kind: "sphere", n: 100, d: 10, seed: 10},
		Peers: []string{neuralTangents, scientific}, Unit: "s",
		Tolerance: 1e-6, Why: "the root of rounding, on the diagonal of neural-tangents",
		Note: "Kernelsmith's program is compiled; what Python imports is in the disk's cache",
	}}
}

// designRows are fits of activations to kernels.
func designRows(sizes) []*row {
	target := ntk.Must(kernelOf(paperNet("relu")))
	a := arguments{Net: paperNet("relu"), Type: "float64", Ridge: 0.0027}
	for i := range 101 {
		a.Cosines = append(a.Cosines, math.Cos(math.Pi*float64(i)/100))
	}
	a.References = ntk.Must(target.Curve(a.Cosines))
	return []*row{{
		ID: "design", Group: "Design", Op: "design", Args: a,
		Title: "Fit of a·relu(z-b) + c·z + d + e·cos(f·z+g) to the NTK of 4HL ReLU at 101 angles",
		Peers: []string{scientific}, Unit: "s",
		Tolerance: 0.05, Why: "both come to the least root mean square error that is known, 0.0027",
		Note: "SciPy is told when to stop: its random starts end at the first that comes to " +
			"0.0027. Kernelsmith follows the best of some thousand without knowing",
	}}
}

// accuracyRows are errors of the NTK against references of 25 digits, computed with 50, in
// ntk/testdata.
func accuracyRows(sizes) []*row {
	type curve struct {
		Activation         string
		Depth              int
		WeightStd, BiasStd float64
		Cosines            []float64
		NTK                []string
	}
	var file struct{ Curves []curve }
	b, err := os.ReadFile("ntk/testdata/duals50.json")
	if err == nil {
		err = json.Unmarshal(b, &file)
	}
	if err != nil {
		panic(fmt.Errorf("bench: references: %w; the command runs at the root of a checkout", err))
	}
	var rows []*row
	for _, c := range []struct{ phi, name string }{{"relu", "relu"}, {"erf", "erf"},
		{"gelu", "gelu"}, {"own", "tanh"}} {
		i := slices.IndexFunc(file.Curves, func(k curve) bool {
			return k.Activation == c.name && k.Depth > 1 && k.BiasStd > 0
		})
		k := file.Curves[i]
		a := arguments{Type: "float64", Degree: 100, Net: &net{Phi: c.phi, Depth: k.Depth,
			WeightStd: k.WeightStd, BiasStd: k.BiasStd}}
		for i, v := range k.NTK {
			right, err := strconv.ParseFloat(v, 64)
			if err != nil {
				panic(err)
			}
			a.Cosines = append(a.Cosines, k.Cosines[i])
			a.References = append(a.References, right)
		}
		rows = append(rows, accuracyRow(c.name, &a))
	}
	return rows
}

// accuracy is the group of the rows that are no times.
const accuracy = "Accuracy"

func accuracyRow(name string, a *arguments) *row {
	return &row{
		ID: "accuracy-" + name, Group: accuracy, Op: "curve",
		Title: fmt.Sprintf("Largest error of the NTK of %dHL %s at %d cosines from -1 to 1, "+
			"double precision", a.Net.Depth, name, len(a.Cosines)),
		Args: *a, Peers: []string{neuralTangents}, Unit: "of K(1)", Value: true,
	}
}
