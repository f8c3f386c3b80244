// Package finitenet has what finite nets of all kinds are made of: their parameters at
// initialisation, their activations over a slice, and sums of arrays.
package finitenet

import (
	"math/rand/v2"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/internal/parallel"
	"github.com/kernelsmith/kernelsmith/ntk/internal/seed"
)

// Draw sets the weights (out×in) and the biases of a layer, of which there may be none, to
// standard normal numbers. Those of each unit are from a stream of its own, which follows from
// the seed, the layer and the unit: the same numbers on any number of threads.
func Draw(from uint64, layer, in int, weights, biases []float32) {
	parallel.For(len(weights)/in, 1+4096/in, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			r := Stream(from, layer, i)
			for j := range weights[i*in : (i+1)*in] {
				weights[i*in+j] = float32(r.NormFloat64())
			}
			if len(biases) > 0 {
				biases[i] = float32(r.NormFloat64())
			}
		}
	})
}

// Stream is the random numbers of a unit.
func Stream(from uint64, layer, unit int) *rand.Rand {
	return rand.New(rand.NewPCG(seed.Mix(from), seed.Mix(uint64(layer)<<32|uint64(unit))))
}

// Evaluator returns φ and φ' over a slice, in single precision where the
// activation has it.
func Evaluator(a ntk.Activation) func(value, derivative, z []float32) {
	if e, ok := a.(ntk.Float32Evaluator); ok {
		return e.EvalFloat32
	}
	return func(value, derivative, z []float32) {
		for i, x := range z {
			v, d := float32(a.Value(float64(x))), float32(a.Derivative(float64(x)))
			value[i], derivative[i] = v, d
		}
	}
}

// AddScaled sets x to beta·x + alpha·by; for beta = 0, x may hold anything.
func AddScaled(x []float32, alpha, beta float32, by []float32) {
	switch beta {
	case 0:
		for j, v := range by {
			x[j] = alpha * v
		}
	case 1:
		for j, v := range by {
			x[j] += alpha * v
		}
	default:
		for j, v := range by {
			x[j] = beta*x[j] + alpha*v
		}
	}
}
