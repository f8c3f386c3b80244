package fcn

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/kernelsmith/kernelsmith/ntk/internal/vec32"
	"gonum.org/v1/gonum/blas"
)

// RateError reports a learning rate at which training cannot be stable.
type RateError struct {
	LearningRate float64
	Limit        float64 // see Net.StableRate
}

// Error implements error.
func (e *RateError) Error() string {
	return fmt.Sprintf(
		"fcn: learning rate %v is not stable: it must be below %.4g for this net, problem and "+
			"settings", e.LearningRate, e.Limit)
}

// EpochTime returns the time t that an epoch takes in gradient flow: steps × η
// × factor, such that in the kernel regime
//
//	df/dt = -Θ (f - y) for MSE,   df/dt = -Θ (softmax(f) - y) for cross-entropy
//
// with Θ the n×n NTK of the training points in the parameterization of the
// settings: residuals along an eigenvector of eigenvalue λ go like exp(-λt), and
// times of two parameterizations do not compare. For n points, LossFactor c, OutputScale α and
// momentum μ the factor is 2cα²/n for MSE and cα²/n for cross-entropy, and
// 1/(1-μ) times that with momentum. With another loss convention, runs of equal
// t are the same up to the finite step. It is NaN for Adam, which does not
// follow gradient flow.
func (s Settings) EpochTime(points int) float64 {
	steps := 1
	if s.Batch > 0 {
		steps = (points + s.Batch - 1) / s.Batch
	}
	factor := s.lossFactor() * s.outputScale() * s.outputScale() / float64(points)
	if s.Loss == MSE {
		factor *= 2
	}
	switch o := s.Optimizer.(type) {
	case Momentum:
		factor /= 1 - o.Decay
	case Adam:
		return math.NaN()
	}
	return float64(steps) * s.LearningRate * factor
}

// StableRate returns the learning rate below which training as the settings say
// is stable while the net is nearly linear in its parameters, as it is now: with
// λ_max the largest eigenvalue of the empirical NTK of the training points and
// all outputs, in the parameterization of the settings, n points, LossFactor c,
// OutputScale α and momentum μ it is
//
//	(1+μ) n/(cα²λ_max) for MSE,   4 (1+μ) n/(cα²λ_max) for cross-entropy,
//
// the latter because the second derivative of the softmax loss is at most ½. So
// it is n/λ_max for gradient descent on MSE. With Batch it is the least over the
// batches of the first epoch. The learning rate of the settings and when the
// run ends do not matter. A net that moves far may need a smaller rate, or bear
// a larger one.
//
// λ_max is found to about a thousandth, from below, by power iteration with
// J Jᵀ, J the derivatives of all outputs by all parameters, which is never
// formed: no n×n matrix is either. An iteration costs about two steps; there
// are some five to a hundred.
//
// There is no such limit for Adam, and that is an error; so are a kernel that
// is not finite, and one of 0. The context's error is returned as it is.
func (n *Net) StableRate(ctx context.Context, p Problem, s Settings) (float64, error) {
	// What determines the limit, and nothing that newTraining could refuse beside it.
	s = Settings{
		LearningRate:     1,
		Epochs:           1,
		Loss:             s.Loss,
		LossFactor:       s.LossFactor,
		OutputScale:      s.OutputScale,
		Parameterization: s.Parameterization,
		Optimizer:        s.Optimizer,
		Batch:            s.Batch,
		Uncentered:       true,
	}
	if _, adam := s.Optimizer.(Adam); adam {
		return 0, fmt.Errorf(
			"fcn: a limit of the learning rate is known for gradient descent and momentum, not " +
				"for Adam")
	}
	t, err := n.newTraining(p, s)
	if err != nil {
		return 0, err
	}
	factor := 1 / (s.lossFactor() * s.outputScale() * s.outputScale())
	if s.Loss == CrossEntropy {
		factor *= 4
	}
	if m, ok := s.Optimizer.(Momentum); ok {
		factor *= 1 + m.Decay
	}
	t.batch.layered()
	k := t.newKernelProduct()
	limit := math.Inf(1)
	for t.state.Step = range t.stepsPerEpoch {
		if t.batch != t.train {
			t.gather()
		}
		if !t.batch.forwardUnless(ctx) {
			return 0, ctx.Err()
		}
		largest, err := k.largest(ctx)
		if err != nil {
			return 0, err
		}
		limit = math.Min(limit, factor*float64(t.batch.n)/largest)
	}
	return limit, nil
}

func (t *training) limitAtInitialisation(ctx context.Context) float64 {
	net, err := New(t.net.arch, t.net.config)
	if err != nil {
		return 0
	}
	limit, err := net.StableRate(ctx, t.problem, t.settings)
	if err != nil {
		return 0
	}
	return limit
}

// kernelProduct multiplies the NTK of a batch, all outputs of all its points,
// by a vector.
type kernelProduct struct {
	t        *training
	delta    [][]float32 // ∂(v·f)/∂u of each layer
	tangent  [][]float32 // du of each layer, then dh in hidden ones
	gradient []float32   // of one weight matrix
}

func (t *training) newKernelProduct() *kernelProduct {
	k := &kernelProduct{t: t}
	largest := 0
	for i := range t.net.layers {
		l := &t.net.layers[i]
		k.delta = append(k.delta, make([]float32, t.batch.n*l.out))
		k.tangent = append(k.tangent, make([]float32, t.batch.n*l.out))
		largest = max(largest, len(l.w))
	}
	k.gradient = make([]float32, largest)
	return k
}

// largest returns the largest eigenvalue, by power iteration: of v·Θv/v·v, when
// it has come to rest.
func (k *kernelProduct) largest(ctx context.Context) (float64, error) {
	last := len(k.delta) - 1
	v := k.delta[last][:k.t.batch.n*k.t.net.config.Outputs]
	r := rand.New(rand.NewPCG(1, 2))
	for i := range v {
		v[i] = float32(r.NormFloat64())
	}
	const most = 200
	var before float64
	rest := 0
	for range most {
		norm := math.Sqrt(dot(v, v))
		for i := range v {
			v[i] = float32(float64(v[i]) / norm)
		}
		if err := k.multiply(ctx); err != nil {
			return 0, err
		}
		w := k.tangent[last][:len(v)]
		lambda := dot(v, w)
		if !(lambda > 0) || math.IsInf(lambda, 0) {
			return 0, fmt.Errorf(
				"fcn: the empirical NTK has v·Θv = %v for some v ≠ 0, so that there is no limit "+
					"of the learning rate to find", lambda)
		}
		if math.Abs(lambda-before) < 2e-5*lambda {
			if rest++; rest == 3 {
				return lambda, nil
			}
		} else {
			rest = 0
		}
		before = lambda
		copy(v, w)
	}
	return before, nil
}

// multiply sets the last tangent to Θ times the last delta: backwards for the
// gradient g of v·f in the parameters, then forwards for the derivative of f
// along g.
func (k *kernelProduct) multiply(ctx context.Context) error {
	t := k.t
	p, layers, blas32 := t.batch, t.net.layers, t.batch.blas()
	for i := len(layers) - 1; i > 0; i-- {
		if err := ctx.Err(); err != nil {
			return err
		}
		l := &layers[i]
		blas32.Sgemm(blas.NoTrans, blas.NoTrans, p.n, l.in, l.out, l.scale, k.delta[i], l.out, l.w,
			l.in, 0, k.delta[i-1], l.in)
		vec32.Multiply(k.delta[i-1][:p.n*l.in], p.d[i-1])
	}
	for i := range layers {
		if err := ctx.Err(); err != nil {
			return err
		}
		l, du := &layers[i], k.tangent[i][:p.n*layers[i].out]
		clear(du)
		if i > 0 {
			blas32.Sgemm(blas.NoTrans, blas.Trans, p.n, l.out, l.in, l.scale, k.tangent[i-1], l.in,
				l.w, l.in, 0, du, l.out)
		}
		if !l.frozen {
			c := t.settings.Parameterization.scales(l)
			g := k.gradient[:len(l.w)]
			blas32.Sgemm(blas.Trans, blas.NoTrans, l.out, l.in, p.n, c.weightGradient*c.weightStep,
				k.delta[i], l.out, p.h[i], l.in, 0, g, l.in)
			blas32.Sgemm(blas.NoTrans, blas.Trans, p.n, l.out, l.in, l.scale, p.h[i], l.in, g, l.in,
				1, du, l.out)
			if l.b != nil {
				k.addBias(i, c.biasGradient*c.biasStep*l.biasStd)
			}
		}
		if l.eval != nil {
			vec32.Multiply(du, p.d[i])
		}
	}
	return nil
}

func (k *kernelProduct) addBias(i int, c float32) {
	n, out := k.t.batch.n, k.t.net.layers[i].out
	sum := make([]float32, out)
	for r := range n {
		for j, v := range k.delta[i][r*out : (r+1)*out] {
			sum[j] += v
		}
	}
	for r := range n {
		vec32.AddScaled(k.tangent[i][r*out:(r+1)*out], c, sum)
	}
}

func dot(a, b []float32) (sum float64) {
	for i, v := range a {
		sum += float64(v) * float64(b[i])
	}
	return sum
}
