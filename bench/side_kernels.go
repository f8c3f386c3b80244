package main

import (
	"context"
	"fmt"
	"math"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/cnn"
)

// activation returns the φ of a net's description.
func activation(name string) (ntk.Activation, error) {
	switch name {
	case "relu":
		return ntk.ReLU{}, nil
	case "erf":
		return ntk.Erf{}, nil
	case "gelu":
		return ntk.GELU{}, nil
	case "sine":
		return ntk.Sin{Amplitude: 0.5, Frequency: 6}, nil
	case "own":
		return ntk.Custom(math.Tanh, nil)
	}
	return nil, fmt.Errorf("bench: there is no activation %q", name)
}

func architecture(n *net) (*ntk.FCN, error) {
	phi, err := activation(n.Phi)
	if err != nil {
		return nil, err
	}
	return ntk.UniformFCN(n.Depth, phi, n.WeightStd, n.BiasStd)
}

// kernelOf is the NTK of a net's description.
func kernelOf(n *net) (ntk.Kernel, error) {
	net, err := architecture(n)
	if err != nil {
		return ntk.Kernel{}, err
	}
	return net.NTK()
}

// gramOperation is NNGP and NTK between all pairs of rows. The net is made anew each time, and
// with it what is tabulated of its kernels.
func gramOperation(ctx context.Context, a *arguments) (*operation, error) {
	if a.Type == "float32" {
		return gramOf[float32](a)
	}
	return gramOf[float64](a)
}

func gramOf[T float32 | float64](a *arguments) (*operation, error) {
	x, err := read[T](a.X)
	if err != nil {
		return nil, err
	}
	var nngp, tangent []T
	return &operation{
		work: func(ctx context.Context) error {
			net, err := architecture(a.Net)
			if err != nil {
				return err
			}
			nngp, tangent = make([]T, a.N*a.N), make([]T, a.N*a.N)
			return ntk.GramBothInto(ctx, nngp, tangent, net,
				ntk.Inputs[T]{Rows: x, N: a.N, D: a.D}, nil)
		},
		values: func() []float64 {
			defer func() { nngp, tangent = nil, nil }()
			return numbersOf(a.N, a.N, nngp, tangent)
		},
	}, nil
}

// convNet returns the convolutional net: 3×3 filters with zeros at the edge.
func convNet(a *arguments) (*cnn.Architecture, error) {
	phi, err := activation(a.Net.Phi)
	if err != nil {
		return nil, err
	}
	c := cnn.Conv{Filter: [2]int{3, 3}, Activation: phi, WeightStd: a.Net.WeightStd,
		BiasStd: a.Net.BiasStd}
	pool := cnn.AveragePool{Window: [2]int{2, 2}}
	layers := []cnn.Layer{c, c, pool, c, pool, c, pool}
	if a.Readout != "myrtle" {
		layers = nil
		for range a.Net.Depth {
			layers = append(layers, c)
		}
	}
	return cnn.NewArchitecture(cnn.Image{Height: a.Side, Width: a.Side, Channels: 3}, layers,
		cnn.Readout{WeightStd: a.Net.WeightStd, GlobalAverage: a.Readout != "flatten"})
}

// convOperation is NNGP and NTK between the first N images of two sets.
func convOperation(ctx context.Context, a *arguments) (*operation, error) {
	x, err := read[float32](a.X)
	if err != nil {
		return nil, err
	}
	z, err := read[float32](a.Z)
	if err != nil {
		return nil, err
	}
	d := 3 * a.Side * a.Side
	var nngp, tangent []float32
	return &operation{
		work: func(ctx context.Context) error {
			net, err := convNet(a)
			if err != nil {
				return err
			}
			nngp, tangent = make([]float32, a.N*a.N), make([]float32, a.N*a.N)
			return cnn.CrossInto(ctx, nngp, tangent, net,
				ntk.Inputs[float32]{Rows: x[:a.N*d], N: a.N, D: d},
				ntk.Inputs[float32]{Rows: z[:a.N*d], N: a.N, D: d}, nil)
		},
		values: func() []float64 {
			var v []float64
			for _, k := range [][]float32{nngp, tangent} {
				v = append(v, float64(k[0]), float64(k[1]), float64(k[a.N]), float64(k[a.N+1]))
			}
			return v
		},
	}, nil
}

// seriesOperation is the power series of the NTK to a degree.
func seriesOperation(_ context.Context, a *arguments) (*operation, error) {
	var s ntk.PowerSeries
	return &operation{
		work: func(context.Context) error {
			K, err := kernelOf(a.Net)
			if err != nil {
				return err
			}
			s, err = K.Series(a.Degree)
			return err
		},
		values: func() []float64 { return s.Coeffs()[:2] },
	}, nil
}
