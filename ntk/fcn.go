package ntk

import (
	"fmt"
	"math"
	"strings"
)

// Layer is a hidden layer: h = φ(σ_w/√n · W h_before + σ_b · b).
type Layer struct {
	Activation Activation
	WeightStd  float64 // σ_w ≥ 0
	BiasStd    float64 // σ_b ≥ 0
}

// Readout is the last, linear layer.
type Readout struct {
	WeightStd float64 // σ_w ≥ 0
	BiasStd   float64 // σ_b ≥ 0
}

// FCN is the architecture of a fully connected net: hidden layers and a linear
// readout. It gives the kernels of the net in the limit of infinite width, and
// package fcn makes finite nets of it. An FCN does not change once made.
type FCN struct {
	layers  []Layer
	readout Readout
}

// NewFCN returns the net with the given hidden layers, first to last. It
// reports a missing layer or activation, an activation's bad parameter and a
// standard deviation that is negative or not finite.
func NewFCN(layers []Layer, readout Readout) (*FCN, error) {
	if len(layers) == 0 {
		return nil, fmt.Errorf("ntk: an FCN needs at least one hidden layer")
	}
	for i, l := range layers {
		if l.Activation == nil {
			return nil, fmt.Errorf("ntk: hidden layer %d has no activation", i+1)
		}
		if v, ok := l.Activation.(Validator); ok {
			if err := v.Validate(); err != nil {
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

// UniformFCN returns the net with depth equal hidden layers and the readout
// σ_w = 1, σ_b = 0. UniformFCN(4, ReLU{}, √2, 0.1) is "4HL ReLU".
func UniformFCN(depth int, phi Activation, weightStd, biasStd float64) (*FCN, error) {
	if depth < 1 {
		return nil, fmt.Errorf("ntk: depth is %d; an FCN needs at least one hidden layer", depth)
	}
	layers := make([]Layer, depth)
	for i := range layers {
		layers[i] = Layer{phi, weightStd, biasStd}
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
// with σ_b = 0 is no parameter: it has no effect.
func (f *FCN) Params(inputs, width, outputs int) int {
	total, in := 0, inputs
	for _, l := range f.layers {
		total += in * width
		if l.BiasStd > 0 {
			total += width
		}
		in = width
	}
	total += in * outputs
	if f.readout.BiasStd > 0 {
		total += outputs
	}
	return total
}

// String names the net by its depth and activations, such as "4HL ReLU".
func (f *FCN) String() string {
	names := make([]string, len(f.layers))
	same := true
	for i, l := range f.layers {
		names[i] = activationName(l.Activation)
		same = same && names[i] == names[0]
	}
	if same {
		return fmt.Sprintf("%dHL %s", len(names), names[0])
	}
	return fmt.Sprintf("%dHL %s", len(names), strings.Join(names, ", "))
}

func activationName(a Activation) string {
	if s, ok := a.(fmt.Stringer); ok {
		return s.String()
	}
	return fmt.Sprintf("%T", a)
}

// NoDualError reports an activation whose infinite-width kernels are not known.
type NoDualError struct {
	Layer      int // hidden layer, from 1
	Activation string
}

func (e *NoDualError) Error() string {
	return fmt.Sprintf("ntk: hidden layer %d: %s has no closed-form dual activation, which infinite-width kernels need; give it a Dual method", e.Layer, e.Activation)
}

// NNGP returns the net's NNGP kernel: the covariance of its outputs at
// initialisation, and the kernel that training the readout alone follows.
//
// Source: [DFS16] sec. 3.
func (f *FCN) NNGP() (Kernel, error) {
	return f.kernel("NNGP", func(nngp, _ float64) float64 { return nngp })
}

// NTK returns the net's neural tangent kernel with all parameters trained.
//
// Source: [JGH18] theorem 1, with the recursion
//
//	S ← σ_w² φ̌(S) + σ_b²,   T ← σ_w² (φ̌(S) + T φ̇(S)) + σ_b²
//
// from S = T = σ_w² x·x'/d + σ_b², each step with the next layer's σ.
func (f *FCN) NTK() (Kernel, error) {
	return f.kernel("NTK", func(_, ntk float64) float64 { return ntk })
}

func (f *FCN) kernel(which string, pick func(nngp, ntk float64) float64) (Kernel, error) {
	r, err := f.recursion()
	if err != nil {
		return Kernel{}, err
	}
	return Kernel{
		name:    which + " of " + f.String(),
		prepare: r.prepare,
		pair:    func(a []point, k float64, b []point) float64 { return pick(r.pair(a, k, b)) },
		slopes:  f.slopes(which == "NTK"),
	}, nil
}

func (f *FCN) recursion() (*recursion, error) {
	duals := make([]Dualer, len(f.layers))
	for i, l := range f.layers {
		d, ok := l.Activation.(Dualer)
		if !ok {
			return nil, &NoDualError{i + 1, activationName(l.Activation)}
		}
		duals[i] = d
	}
	return &recursion{f.layers, f.readout, duals}, nil
}

// recursion runs the layers on one pair of inputs.
type recursion struct {
	layers  []Layer
	readout Readout
	duals   []Dualer
}

// next returns σ_w² and σ_b² of what follows hidden layer i.
func (r *recursion) next(i int) (w2, b2 float64) {
	w, b := r.readout.WeightStd, r.readout.BiasStd
	if i+1 < len(r.layers) {
		w, b = r.layers[i+1].WeightStd, r.layers[i+1].BiasStd
	}
	return w * w, b * b
}

// prepare follows one input through the layers.
func (r *recursion) prepare(q float64) []point {
	points := make([]point, len(r.layers))
	w, b := r.layers[0].WeightStd, r.layers[0].BiasStd
	s := w*w*q + b*b
	for i := range points {
		points[i].q = s
		if d, ok := r.duals[i].(PreparedDualer); ok {
			points[i].prepared = d.Prepare(s)
		}
		value, _ := r.dual(i, points[i], s, points[i])
		w2, b2 := r.next(i)
		s = w2*value + b2
	}
	return points
}

// dual evaluates the dual activations of hidden layer i.
func (r *recursion) dual(i int, a point, k float64, b point) (value, derivative float64) {
	if d, ok := r.duals[i].(PreparedDualer); ok {
		return d.DualPrepared(a.prepared, a.q, k, b.q, b.prepared)
	}
	return r.duals[i].Dual(a.q, k, b.q)
}

func (r *recursion) pair(a []point, k float64, b []point) (nngp, ntk float64) {
	w, bias := r.layers[0].WeightStd, r.layers[0].BiasStd
	nngp = w*w*k + bias*bias
	ntk = nngp
	for i := range r.duals {
		// Rounding must not carry a covariance past what the variances allow.
		limit := largestCovariance(a[i].q, b[i].q)
		value, derivative := r.dual(i, a[i], math.Max(-limit, math.Min(limit, nngp)), b[i])
		w2, b2 := r.next(i)
		nngp = w2*value + b2
		ntk = w2*(value+ntk*derivative) + b2
	}
	return nngp, ntk
}
