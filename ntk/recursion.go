package ntk

import (
	"fmt"
	"math"
	"slices"

	"github.com/kernelsmith/kernelsmith/ntk/internal/gauss"
	"github.com/kernelsmith/kernelsmith/ntk/internal/special"
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
// precision, where variances grow or fall without bound over the layers or, being
// NaN, have lost their digits; or of what a numeric activation was built for.
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
	if math.IsNaN(e.Variance) {
		return fmt.Sprintf(
			"ntk: layer %d: the variance of the pre-activations has lost its digits, as where "+
				"terms of the activation of layer %d cancel: other terms or other σ_w are needed",
			e.Layer,
			e.Layer-1,
		)
	}
	if math.Abs(e.Variance) < 1 {
		return fmt.Sprintf(
			"ntk: layer %d: the variance of the pre-activations falls to %.4g, too small for "+
				"double precision: larger σ_w or inputs, a bias or another activation before %s",
			e.Layer,
			e.Variance,
			e.Activation,
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
	return r.kernel(name+f.String(), tangent), nil
}

// kernel is the NTK if tangent, else the NNGP kernel.
func (r *recursion) kernel(name string, tangent bool) Kernel {
	return r.ofWaves(Kernel{
		name:    name,
		prepare: r.prepare,
		pair: func(a prepared, p gauss.Pair, b prepared) float64 {
			nngp, ntk := r.pair(a.(*netPoint), p, b.(*netPoint), exactLoss)
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
		rescaled: func(s float64) (Kernel, error) {
			scaled := *r
			if len(r.layers) == 0 {
				scaled.last.WeightStd *= math.Sqrt(s)
			} else {
				scaled.layers = slices.Clone(r.layers)
				scaled.layers[0].WeightStd *= math.Sqrt(s)
			}
			return scaled.kernel(name, tangent), nil
		},
	})
}

// recursion runs the layers on one pair of inputs: the hidden ones, and what
// follows the last (the readout, or the hidden layer whose pre-activations are
// asked for).
type recursion struct {
	layers []Layer
	last   Readout
	duals  []Dualer
	drops  []bool // whether the dual knowsDrop between unequal norms
	// tangent says that the NTK is asked for, which is infinite where φ jumps.
	tangent bool
	// tolerance is that of the numeric duals, relative to their value at equal inputs.
	tolerance float64
}

func (f *FCN) recursion(layer int, tangent bool) (*recursion, error) {
	r := &recursion{layers: f.layers[:layer-1], last: f.readout, tangent: tangent}
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
		r.drops = append(r.drops, knowsDrop(d, gauss.Pair{Q: 1, Q2: 2}))
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
	layers    []layerPoint
	nngp, ntk float64 // at equal inputs
}

type layerPoint struct {
	q        float64 // variance of the pre-activation
	top      float64 // φ̌ at equal inputs
	slope    float64 // φ̇ there
	rounding float64 // see sumRounding
	// Of q, top and slope, and how far φ̌ may be off; see [recursion.quickly].
	root, rootTop, rootSlope, precision float64
	prepared                            []float64 // see preparedDualer
}

// Beyond maxVariance squares and products of variances leave double precision; below
// minVariance they are not told from 0.
const (
	maxVariance = 1e150
	minVariance = 1e-290
)

// prepare follows one input through the layers.
func (r *recursion) prepare(q float64) (prepared, error) {
	p := &netPoint{layers: make([]layerPoint, len(r.layers))}
	top, zero := q, q == 0 // what comes into a layer, and whether it is truly 0 if so small
	for i := range len(r.layers) + 1 {
		w2, b2, trained := r.step(i)
		s := w2*top + b2
		if i > 0 && p.ntk != 0 {
			p.ntk *= w2 * p.layers[i-1].slope
		}
		if trained {
			p.ntk += s
		}
		name := "the readout"
		if i < len(r.layers) {
			name = nameOf(r.layers[i].Activation)
		}
		size := math.Abs(top)
		if i > 0 && 0 < size && size < minVariance && w2*size > 1e-17*b2 {
			return nil, &VarianceError{i + 1, name, top, math.MaxFloat64}
		}
		most := maxVariance
		if i == len(r.layers) {
			most = math.MaxFloat64 // nothing is made of it
		}
		if !(math.Abs(s) < most) || math.Abs(s) < minVariance && !zero && w2 > 0 {
			return nil, &VarianceError{i + 1, name, s, math.MaxFloat64}
		}
		if i == len(r.layers) {
			p.nngp = s
			break
		}
		l := &p.layers[i]
		l.q = s
		if n, ok := r.duals[i].(numeric); ok && s > n.maxVariance() {
			return nil, &VarianceError{i + 1, name, s, n.maxVariance()}
		}
		if d, ok := r.duals[i].(preparedDualer); ok {
			l.prepared = d.Prepare(s)
		}
		l.top, l.slope = r.dual(i, l, gauss.Equal(s), l)
		l.rounding = sumRounding(r.duals[i], s)
		l.root, l.rootTop, l.rootSlope = math.Sqrt(s), math.Sqrt(l.top), math.Sqrt(l.slope)
		l.precision = subtraction(r.duals[i], l.rounding)
		top, zero = l.top, r.duals[i].Value(l.root) == 0 && r.duals[i].Value(-l.root) == 0
	}
	return p, nil
}

// dual evaluates the dual activations of hidden layer i.
func (r *recursion) dual(
	i int, a *layerPoint, p gauss.Pair, b *layerPoint,
) (value, derivative float64) {
	if a.prepared != nil {
		switch d := r.duals[i].(type) {
		case numeric:
			return d.fn.DualPrepared(a.prepared, p.Q, p.K, p.Q2, p.Gap(), b.prepared)
		case preparedDualer:
			return d.DualPrepared(a.prepared, p.Q, p.K, p.Q2, b.prepared)
		}
	}
	return dualAt(r.duals[i], p)
}

// How much of the kernel at equal inputs may be lost: between covariances that are exact, and
// between rows, whose inner product has an ulp, of which near equal angles an angle has the root.
const (
	exactLoss = 1e-10
	rowLoss   = 6e-8
)

// pair returns both kernels, NaN where more of them is lost than that.
func (r *recursion) pair(
	a *netPoint, p gauss.Pair, b *netPoint, loss float64,
) (nngp, ntk float64) {
	var lost float64
	if p.Q != p.Q2 {
		most := max(exactLoss, 50*r.tolerance)
		if nngp, ntk, lost = r.quickly(a, p, b); lost <= most {
			return nngp, ntk
		}
		if nngp, ntk, lost = r.follow(a, p, b, false); lost <= most {
			return nngp, ntk
		}
	}
	nngp, ntk, lost = r.follow(a, p, b, true)
	if !(lost <= max(loss, 50*r.tolerance)) {
		return math.NaN(), math.NaN()
	}
	return nngp, ntk
}

// quickly is follow by subtraction alone, the way of most pairs in a matrix: of roots it takes what
// one input has. It has no value, but lost is infinite, where inputs are nearly opposite or where
// [gaps] knows better.
func (r *recursion) quickly(a *netPoint, p gauss.Pair, b *netPoint) (nngp, ntk, lost float64) {
	w2, b2, trained := r.step(0)
	nngp = w2*p.K + b2
	if trained {
		ntk = nngp
	}
	var off, offNTK float64 // as in follow
	for i := range r.duals {
		x, y := &a.layers[i], &b.layers[i]
		s := x.root * y.root
		at := gauss.New(x.q, nngp, y.q, s-nngp, s+nngp)
		off += 4 * rounding * s
		if !(at.Plus > smallGap*s && at.Minus > 10*off) || at.Minus < smallGap*s && r.drops[i] {
			return 0, 0, math.Inf(1)
		}
		value, derivative := r.dual(i, x, at, y)
		steep := math.Abs(derivative)
		w2, b2, trained = r.step(i + 1)
		if ntk != 0 {
			// as in slack; for k < 0 what the series could be at most
			slope, gap := x.rootSlope*y.rootSlope, at.Minus
			fall := math.Abs(slope-derivative) + 2*rounding*slope
			if nngp < 0 {
				fall, gap = slope, at.Plus
			}
			offNTK = w2 * (steep*offNTK + math.Abs(ntk)*(fall*off/gap))
			ntk *= w2 * derivative
		}
		off = w2 * (steep*off + max(x.precision, y.precision)*x.rootTop*y.rootTop)
		nngp = w2*value + b2
		if trained {
			ntk += nngp
		}
	}
	lost = off / gauss.GeometricMean(a.nngp, b.nngp)
	if r.tangent && offNTK != 0 {
		lost = max(lost, offNTK/gauss.GeometricMean(a.ntk, b.ntk))
	}
	return nngp, ntk, lost
}

// follow is pair, and how much of the kernels at equal inputs may be lost. The gap √(q q') - k is
// followed through the layers, since near equal inputs q and k differ by less than they tell.
// Carefully, as always on one sphere, that is without cancellation; otherwise it is quicker, and
// what is lost is followed too.
func (r *recursion) follow(
	a *netPoint, p gauss.Pair, b *netPoint, carefully bool,
) (nngp, ntk, lost float64) {
	w2, b2, trained := r.step(0)
	at := p.Affine(w2, b2)
	nngp = at.K
	if trained {
		ntk = nngp
	}
	var off, offNTK float64 // of the gap, and so of the NNGP, and of the NTK
	for i := range r.duals {
		x, y := &a.layers[i], &b.layers[i]
		next := gauss.Pair{Q: x.top, Q2: y.top}
		var derivative, slip float64
		if a == b {
			next, derivative, slip = r.onSphere(i, x, at)
		} else {
			next.K, derivative = r.dual(i, x, at, y)
			next, slip = gaps(r.duals[i], at, next, carefully,
				layerDual{r: r, layer: i, x: x, y: y})
		}
		// What k is off by grows like the gap's error; where that has more digits, k follows it.
		switch twice := next.Minus + next.Plus; {
		case next.Minus < 1e-3*twice:
			next.K = gauss.GeometricMean(x.top, y.top) - next.Minus
		case next.Plus < 1e-3*twice:
			next.K = next.Plus - gauss.GeometricMean(x.top, y.top)
		}
		w2, b2, trained = r.step(i + 1)
		if off > 0 {
			if ntk != 0 {
				slack := r.slack(i, x, at, y, off, derivative)
				offNTK = w2 * (math.Abs(derivative)*offNTK + math.Abs(ntk)*slack)
			}
			if special.Finite(derivative) {
				off *= w2 * math.Abs(derivative)
			} else { // φ jumps
				other, _ := r.dual(i, x, at.Widened(off), y)
				off = w2 * math.Abs(other-next.K)
			}
		}
		off += w2 * slip
		at = next.Affine(w2, b2)
		nngp = at.K
		if ntk != 0 {
			ntk *= w2 * derivative
		}
		if trained {
			ntk += nngp
		}
	}
	if off > 0 || math.IsNaN(off) {
		lost = off / gauss.GeometricMean(a.nngp, b.nngp)
	}
	if r.tangent && (offNTK > 0 || math.IsNaN(offNTK)) {
		lost = math.Max(lost, offNTK/gauss.GeometricMean(a.ntk, b.ntk))
	}
	return nngp, ntk, lost
}

// slack is what φ̇, being derivative, may be off by if the gap is off by `off`. As a power series
// in the cosine without negative terms, φ̇ falls from equal inputs on, and ever less steeply.
func (r *recursion) slack(
	i int, x *layerPoint, at gauss.Pair, y *layerPoint, off, derivative float64,
) float64 {
	if !r.tangent {
		return 0
	}
	if at.K < 0 && at.Plus < 0.1*at.Minus { // near opposite inputs φ̇ may have a root, too
		other := at.Mirrored().Widened(off).Mirrored()
		_, slope := r.dual(i, x, other, y)
		return math.Abs(slope - derivative)
	}
	if off < 1e-13*at.Minus {
		return 1e-13 * math.Max(x.slope, y.slope)
	}
	most := gauss.GeometricMean(x.slope, y.slope)
	change := (math.Abs(most-derivative) + 2*rounding*most) * off / at.Minus
	if off < 0.1*at.Minus || change < 1e-13*most {
		return change
	}
	_, other := r.dual(i, x, at.Widened(off), y)
	return math.Abs(other - derivative)
}

// onSphere is [recursion.dual] and [gaps] for inputs of one norm, of which many pairs are
// asked for: a numeric activation then tabulates its dual.
func (r *recursion) onSphere(
	i int, x *layerPoint, p gauss.Pair,
) (next gauss.Pair, derivative, slip float64) {
	next.Q, next.Q2 = x.top, x.top
	n, ok := r.duals[i].(numeric)
	if ok && x.q > 0 && p.Minus > 0 {
		if c, err := n.fn.DualCurve(x.q); err == nil {
			next.K, derivative = c.At(p.Minus)
			next.Minus, next.Plus = c.Drop(p.Minus), x.top+next.K
			if p.K < 0 { // as in gaps
				odd, even := parity(n, math.Sqrt(p.Q),
					func() (same, mirrored, limit float64) {
						mirrored, _ = c.At(p.Plus)
						return next.K, mirrored, 16 * n.fn.Tolerance() * x.top
					})
				if odd {
					next.Plus = c.Drop(p.Plus)
				} else if even {
					next.Minus = c.Drop(p.Plus)
				}
			}
			return next, derivative, 0
		}
	}
	dual := layerDual{r: r, layer: i, x: x, y: x}
	next.K, derivative = dual.at(p)
	next, slip = gaps(r.duals[i], p, next, true, dual)
	return next, derivative, slip
}
