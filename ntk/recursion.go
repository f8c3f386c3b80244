package ntk

import (
	"fmt"
	"math"

	"github.com/kernelsmith/kernelsmith/ntk/internal/gauss"
)

// noDualError reports an activation whose infinite-width kernels are not known.
type noDualError struct {
	Layer      int // hidden layer, from 1
	Activation string
}

// Error implements error.
func (e *noDualError) Error() string {
	return fmt.Sprintf(
		"ntk: hidden layer %d: %s has no dual activation, which infinite-width kernels need; "+
			"make it with ntk.Custom, or give it a Dual method",
		e.Layer,
		e.Activation,
	)
}

// InfiniteNTKError reports an activation that jumps: the NTK of equal inputs is
// infinite. The NNGP kernel is finite, and so is the NTK of a net whose layers up
// to that activation are frozen.
type InfiniteNTKError struct {
	Layer      int // hidden layer, from 1
	Activation string
	Jump       float64 // where φ jumps
}

// Error implements error.
func (e *InfiniteNTKError) Error() string {
	return fmt.Sprintf(
		"ntk: hidden layer %d: %s jumps at z = %g, so the NTK is infinite at equal inputs; the "+
			"NNGP kernel is finite, and so is the NTK if the layers up to this one are frozen",
		e.Layer,
		e.Activation,
		e.Jump,
	)
}

// VarianceError reports a variance of a layer's pre-activations that is out of
// the range in which its activation's kernels can be computed: of double
// precision, where variances grow without bound over the layers, or of what a
// numeric activation was built for.
type VarianceError struct {
	Layer      int // hidden layer, from 1; one more is the readout
	Activation string
	Variance   float64
	Max        float64
}

// Error implements error.
func (e *VarianceError) Error() string {
	if e.Max < math.MaxFloat64 {
		return fmt.Sprintf(
			"ntk: layer %d: the variance of the pre-activations is %.4g, but %s was built for "+
				"at most %.4g; build it with a larger MaxVariance",
			e.Layer,
			e.Variance,
			e.Activation,
			e.Max,
		)
	}
	return fmt.Sprintf(
		"ntk: layer %d: the variance of the pre-activations grows to %.4g, beyond double "+
			"precision: smaller σ_w, fewer layers or another activation than %s",
		e.Layer,
		e.Variance,
		e.Activation,
	)
}

// NNGP returns the net's NNGP kernel: the covariance of its outputs at
// initialisation, and the kernel that training the readout alone follows. An
// activation without duals is an error that names the layer.
//
// Source: [DFS16] sec. 3.
func (f *FCN) NNGP() (Kernel, error) { return f.kernel(len(f.layers)+1, false) }

// NNGPOf returns the NNGP kernel of the chosen layer's pre-activations: 1 is the
// first hidden layer, whose kernel is linear, and Depth()+1 the readout.
func (f *FCN) NNGPOf(layer int) (Kernel, error) {
	if layer < 1 || layer > len(f.layers)+1 {
		return Kernel{}, fmt.Errorf(
			"ntk: layer %d of a net with %d hidden layers; 1 … %d have pre-activations (the "+
				"last is the readout)",
			layer,
			len(f.layers),
			len(f.layers)+1,
		)
	}
	return f.kernel(layer, false)
}

// NTK returns the net's neural tangent kernel with all parameters trained that
// are not frozen. An activation without duals is an error that names the layer, one that jumps
// an [*InfiniteNTKError], unless all layers up to it are frozen.
//
// Source: [JGH18] theorem 1, with the recursion
//
//	S ← σ_w² φ̌(S) + σ_b²,   T ← σ_w² (φ̌(S) + T φ̇(S)) + σ_b²
//
// from S = T = σ_w² x·x'/d + σ_b², each step with the next layer's σ and both with
// the S and T before it. A frozen layer changes S in the same way, and has
// T ← σ_w² T φ̇(S), or T = 0 if it is the first.
func (f *FCN) NTK() (Kernel, error) { return f.kernel(len(f.layers)+1, true) }

// kernel is the NTK if tangent, else the NNGP kernel of a layer.
func (f *FCN) kernel(layer int, tangent bool) (Kernel, error) {
	r, err := f.recursion(layer, tangent)
	if err != nil {
		return Kernel{}, err
	}
	name := "NNGP of "
	switch {
	case tangent:
		name = "NTK of "
	case layer <= len(f.layers):
		name = fmt.Sprintf("NNGP of layer %d of ", layer)
	}
	return r.ofWaves(Kernel{
		name:    name + f.String(),
		prepare: r.prepare,
		pair: func(a prepared, p gauss.Pair, b prepared) float64 {
			nngp, ntk := r.pair(a.(*netPoint), p, b.(*netPoint))
			if tangent {
				return ntk
			}
			return nngp
		},
		net: r, tangent: tangent, tolerance: 10 * r.tolerance, // layers magnify it
		expansion: &expansion{
			coeffs:    func(degree int) ([]float64, error) { return r.series(degree, tangent) },
			nonneg:    true,
			tolerance: r.tolerance,
			rounding:  2e-15 * float64(len(r.layers)+1),
		},
	}), nil
}

// recursion runs the layers on one pair of inputs: the hidden ones, and what
// follows the last (the readout, or the hidden layer whose pre-activations are
// asked for).
type recursion struct {
	layers []Layer
	last   Readout
	duals  []Dualer
	// tolerance is that of the numeric duals, relative to their value at equal inputs.
	tolerance float64
}

func (f *FCN) recursion(layer int, tangent bool) (*recursion, error) {
	r := &recursion{layers: f.layers[:layer-1], last: f.readout}
	if layer <= len(f.layers) {
		l := f.layers[layer-1]
		r.last = Readout{l.WeightStd, l.BiasStd, l.Frozen}
	}
	trained := false
	for i, l := range r.layers {
		phi := unwrap(l.Activation)
		d, ok := phi.(Dualer)
		if n, is := phi.(resolver); is {
			d = numeric{n.function()}
			r.tolerance += n.function().Tolerance()
		}
		if !ok {
			return nil, &noDualError{i + 1, nameOf(l.Activation)}
		}
		r.duals = append(r.duals, d)
		trained = trained || !l.Frozen
		if jumps := JumpsOf(l.Activation); tangent && trained && len(jumps) > 0 {
			return nil, &InfiniteNTKError{i + 1, nameOf(l.Activation), jumps[0]}
		}
	}
	return r, nil
}

// step returns σ_w², σ_b² and whether it is trained of what comes after i hidden
// layers.
func (r *recursion) step(i int) (w2, b2 float64, trained bool) {
	w, b, frozen := r.last.WeightStd, r.last.BiasStd, r.last.Frozen
	if i < len(r.layers) {
		w, b, frozen = r.layers[i].WeightStd, r.layers[i].BiasStd, r.layers[i].Frozen
	}
	return w * w, b * b, !frozen
}

// netPoint is what a net knows of one input.
type netPoint struct {
	layers []layerPoint
}

type layerPoint struct {
	q        float64   // variance of the pre-activation
	top      float64   // φ̌ at equal inputs
	prepared []float64 // see preparedDualer
}

// maxVariance is where squares and products of variances leave double precision.
const maxVariance = 1e150

// prepare follows one input through the layers.
func (r *recursion) prepare(q float64) (prepared, error) {
	p := &netPoint{make([]layerPoint, len(r.layers))}
	for i := range r.layers {
		w2, b2, _ := r.step(i)
		if i > 0 {
			q = p.layers[i-1].top
		}
		s := w2*q + b2
		l := &p.layers[i]
		l.q = s
		name := nameOf(r.layers[i].Activation)
		if !(s < maxVariance) {
			return nil, &VarianceError{i + 1, name, s, math.MaxFloat64}
		}
		if n, ok := r.duals[i].(numeric); ok && s > n.maxVariance() {
			return nil, &VarianceError{i + 1, name, s, n.maxVariance()}
		}
		if d, ok := r.duals[i].(preparedDualer); ok {
			l.prepared = d.Prepare(s)
		}
		l.top, _ = r.dual(i, l, gauss.New(s, s, s, 0, 2*s), l)
		if !(math.Abs(l.top) < maxVariance) {
			return nil, &VarianceError{i + 2, name, l.top, math.MaxFloat64}
		}
	}
	return p, nil
}

// dual evaluates the dual activations of hidden layer i.
func (r *recursion) dual(
	i int, a *layerPoint, p gauss.Pair, b *layerPoint,
) (value, derivative float64) {
	if a.prepared != nil {
		if d, ok := r.duals[i].(preparedDualer); ok {
			return d.DualPrepared(a.prepared, a.q, p.K, b.q, b.prepared)
		}
	}
	return dualAt(r.duals[i], p)
}

// pair returns both kernels. On one sphere minus = q - k is followed through
// the layers, since near equal inputs q and k differ by less than they tell.
func (r *recursion) pair(a *netPoint, p gauss.Pair, b *netPoint) (nngp, ntk float64) {
	w2, b2, trained := r.step(0)
	same := p.Q == p.Q2
	q, q2 := w2*p.Q+b2, w2*p.Q2+b2
	nngp = w2*p.K + b2
	if trained {
		ntk = nngp
	}
	at := gauss.Pair{Q: q, K: nngp, Q2: q2}
	if same {
		at.Minus, at.Plus = w2*p.Minus, w2*p.Plus+2*b2
	} else {
		at = gauss.Of(q, nngp, q2)
	}
	for i := range r.duals {
		x, y := &a.layers[i], &b.layers[i]
		var value, derivative, drop float64
		if a == b {
			value, derivative, drop = r.onSphere(i, x, at)
		} else {
			value, derivative = r.dual(i, x, at, y)
			if same {
				drop = dropOf(r.duals[i], at, x.top, value)
			}
		}
		w2, b2, trained = r.step(i + 1)
		nngp = w2*value + b2
		if ntk != 0 {
			ntk *= w2 * derivative
		}
		if trained {
			ntk += nngp
		}
		q, q2 = w2*x.top+b2, w2*y.top+b2
		if same {
			at = gauss.New(q, nngp, q, w2*drop, w2*(x.top+value)+2*b2)
		} else {
			at = gauss.Of(q, nngp, q2)
		}
	}
	return nngp, ntk
}

// onSphere is dual and drop for inputs of one norm, of which many pairs are
// asked for: a numeric activation then tabulates its dual.
func (r *recursion) onSphere(i int, x *layerPoint, p gauss.Pair) (value, derivative, drop float64) {
	if n, ok := r.duals[i].(numeric); ok && x.q > 0 && p.Minus > 0 {
		if c, err := n.fn.DualCurve(x.q); err == nil {
			value, derivative = c.At(p.Minus)
			return value, derivative, c.Drop(p.Minus)
		}
	}
	value, derivative = r.dual(i, x, p, x)
	return value, derivative, dropOf(r.duals[i], p, x.top, value)
}
