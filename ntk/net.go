package ntk

import (
	"fmt"
	"math"
	"reflect"
	"strings"
)

// Layer is a hidden layer: h = φ(σ_w/√n · W h_before + σ_b · b). A WeightStd that is
// left out is 0, not 1.
type Layer struct {
	Activation Activation
	WeightStd  float64 // σ_w ≥ 0
	BiasStd    float64 // σ_b ≥ 0
	// Frozen says that this layer's weights and biases keep their initial values:
	// they have no part in the NTK, and finite nets do not train them.
	Frozen bool
}

// Readout is the last, linear layer. Its zero value has σ_w = 0, and a net with it
// the kernels 0; [UniformFCN] takes Readout{WeightStd: 1}.
type Readout struct {
	WeightStd float64 // σ_w ≥ 0
	BiasStd   float64 // σ_b ≥ 0
	Frozen    bool    // see Layer
}

// FCN is the architecture of a fully connected net: hidden layers and a linear
// readout. It gives the kernels of the net in the limit of infinite width, and
// package fcn makes finite nets of it. An FCN does not change once made.
type FCN struct {
	layers  []Layer
	readout Readout
}

// NewFCN returns the net with the given hidden layers, first to last. It
// reports a missing layer or activation, an activation's bad parameter or wrong
// derivative, and a standard deviation that is negative or not finite.
func NewFCN(layers []Layer, readout Readout) (*FCN, error) {
	if len(layers) == 0 {
		return nil, fmt.Errorf("ntk: an FCN needs at least one hidden layer")
	}
	for i, l := range layers {
		if l.Activation == nil {
			return nil, fmt.Errorf("ntk: hidden layer %d has no activation", i+1)
		}
		if i == 0 || !sameActivation(l.Activation, layers[i-1].Activation) {
			if err := validate(l.Activation); err != nil {
				return nil, fmt.Errorf("ntk: hidden layer %d: %w", i+1, err)
			}
		}
		if err := checkStd(l.WeightStd, l.BiasStd); err != nil {
			return nil, fmt.Errorf("ntk: hidden layer %d: %w", i+1, err)
		}
	}
	if err := checkStd(readout.WeightStd, readout.BiasStd); err != nil {
		return nil, fmt.Errorf("ntk: readout: %w", err)
	}
	return &FCN{append([]Layer(nil), layers...), readout}, nil
}

// sameActivation says that a == b, where that is known.
func sameActivation(a, b Activation) bool {
	return reflect.ValueOf(a).Comparable() && reflect.ValueOf(b).Comparable() && a == b
}

// UniformFCN returns the net with depth equal hidden layers and the readout
// σ_w = 1, σ_b = 0. UniformFCN(4, ReLU{}, √2, 0.1) is "4HL ReLU".
func UniformFCN(depth int, phi Activation, weightStd, biasStd float64) (*FCN, error) {
	if depth < 1 {
		return nil, fmt.Errorf("ntk: depth is %d; an FCN needs at least one hidden layer", depth)
	}
	layers := make([]Layer, depth)
	for i := range layers {
		layers[i] = Layer{Activation: phi, WeightStd: weightStd, BiasStd: biasStd}
	}
	return NewFCN(layers, Readout{WeightStd: 1})
}

func checkStd(weight, bias float64) error {
	if !(weight >= 0) || math.IsInf(weight, 0) {
		return fmt.Errorf("WeightStd is %v; it must be a finite number ≥ 0", weight)
	}
	if !(bias >= 0) || math.IsInf(bias, 0) {
		return fmt.Errorf("BiasStd is %v; it must be a finite number ≥ 0", bias)
	}
	return nil
}

// Layers returns a copy of the hidden layers, first to last.
func (f *FCN) Layers() []Layer { return append([]Layer(nil), f.layers...) }

// Readout returns the readout.
func (f *FCN) Readout() Readout { return f.readout }

// Depth returns the number of hidden layers.
func (f *FCN) Depth() int { return len(f.layers) }

// Params returns the number of trained parameters of a finite net with the
// given numbers of inputs, units in each hidden layer, and outputs. A bias
// with σ_b = 0 is no parameter, since it has no effect; nor is what is frozen.
func (f *FCN) Params(inputs, width, outputs int) int {
	total, in := 0, inputs
	count := func(out int, biasStd float64, frozen bool) {
		if !frozen {
			total += in * out
			if biasStd > 0 {
				total += out
			}
		}
		in = out
	}
	for _, l := range f.layers {
		count(width, l.BiasStd, l.Frozen)
	}
	count(outputs, f.readout.BiasStd, f.readout.Frozen)
	return total
}

// String names the net by its depth and activations, such as "4HL ReLU".
func (f *FCN) String() string {
	names := make([]string, len(f.layers))
	same := true
	for i, l := range f.layers {
		names[i] = nameOf(l.Activation)
		same = same && names[i] == names[0]
	}
	if same {
		return fmt.Sprintf("%dHL %s", len(names), names[0])
	}
	return fmt.Sprintf("%dHL %s", len(names), strings.Join(names, ", "))
}
