package train

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
)

// rateError reports a learning rate at which training is not stable; see Settings.CheckRate.
type rateError struct {
	LearningRate float64
	Limit        float64 // see StableRate
}

// Error implements error.
func (e *rateError) Error() string {
	return fmt.Sprintf(
		"train: learning rate %v is not stable: it must be below %.4g for this net, problem and "+
			"settings", e.LearningRate, e.Limit)
}

// EpochTime returns the time t in gradient flow that an epoch corresponds to, for so many
// training points: the number of steps times the learning rate times a factor, such that in
// the kernel regime
//
//	df/dt = -Θ (f - y) for SquaredError,   df/dt = -Θ (softmax(f) - y) for CrossEntropy
//
// with Θ the n×n NTK of the training points in the parameterization of the settings. Residuals
// along an eigenvector of eigenvalue λ then shrink as exp(-λt). For n points, LossFactor c,
// OutputScale α and momentum μ the factor is 2cα²/n for SquaredError and cα²/n for
// CrossEntropy, and 1/(1-μ) times that with momentum. Runs of equal t agree up to their finite
// steps, whatever the convention of their loss, if they have the same parameterization. For
// Adam, which does not follow gradient flow, it is NaN.
func (s Settings) EpochTime(points int) float64 {
	steps := 1
	if s.Batch > 0 {
		steps = (points + s.Batch - 1) / s.Batch
	}
	factor := s.lossFactor() * s.outputScale() * s.outputScale() / float64(points)
	if s.Loss == SquaredError {
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

// StableRate returns the learning rate below which training with these settings is stable
// while the net is nearly linear in its parameters, as they are now. With λ_max the largest
// eigenvalue of the empirical NTK of the training points and all outputs, in the
// parameterization of the settings, n points, LossFactor c, OutputScale α and momentum μ it is
//
//	(1+μ) n/(cα²λ_max) for SquaredError,   4 (1+μ) n/(cα²λ_max) for CrossEntropy,
//
// the latter because the second derivative of the softmax loss is at most ½. For gradient
// descent on SquaredError it is thus n/λ_max. With Batch it is the least over the batches of the
// first epoch. The LearningRate of the settings, and what ends the run, do not matter. A net
// that moves far may need a smaller rate, or bear a larger one.
//
// λ_max is found to about a thousandth, from below, by power iteration with J Jᵀ, where J are
// the derivatives of all outputs by all parameters. Neither J nor an n×n matrix is formed. An
// iteration costs about two steps, and five to a hundred are needed.
//
// It is an error if the net is not [Linear], if the optimizer is Adam, for which no limit is
// known, and if the kernel is 0 or not finite. When the context is done, its error is returned.
func StableRate(ctx context.Context, net Net, p Problem, s Settings) (float64, error) {
	linear, ok := net.(Linear)
	if !ok {
		return 0, fmt.Errorf(
			"train: a %T has no derivatives along a direction, by which the limit of the learning "+
				"rate is found", net)
	}
	if _, adam := s.Optimizer.(Adam); adam {
		return 0, fmt.Errorf(
			"train: a limit of the learning rate is known for gradient descent and momentum, not " +
				"for Adam")
	}
	// Only what determines the limit: other settings may be out of range.
	t, err := newTrial(net, p, Settings{
		LearningRate:     1,
		Epochs:           1,
		Loss:             s.Loss,
		LossFactor:       s.LossFactor,
		OutputScale:      s.OutputScale,
		Parameterization: s.Parameterization,
		Optimizer:        s.Optimizer,
		Batch:            s.Batch,
	})
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
	k := newKernelProduct(t, linear)
	limit := math.Inf(1)
	for step := range t.stepsPerEpoch {
		largest, points, err := k.largest(ctx, t.Batch(0, step))
		if err != nil {
			return 0, err
		}
		limit = math.Min(limit, factor*float64(points)/largest)
	}
	return limit, nil
}

// checkRate returns an error for a learning rate that is not stable.
func (t *Trial) checkRate(ctx context.Context) error {
	limit, err := StableRate(ctx, t.Net, t.problem, t.Settings)
	if err != nil {
		return err
	}
	if t.Settings.LearningRate >= limit {
		return &rateError{t.Settings.LearningRate, limit}
	}
	return nil
}

// limitAtInitialisation returns StableRate for the net as its model makes it, or 0 where
// it is not known.
func (t *Trial) limitAtInitialisation(ctx context.Context) float64 {
	net, err := t.model.New()
	if err != nil {
		return 0
	}
	limit, err := StableRate(ctx, net, t.problem, t.Settings)
	if err != nil {
		return 0
	}
	return limit
}

// kernelProduct multiplies the NTK of a batch, all outputs of all its points,
// by a vector.
type kernelProduct struct {
	t          *Trial
	pass       TangentPass
	parameters []Parameter
	gradient   []float32 // of one array of parameters
	v          []float32 // points×outputs
}

func newKernelProduct(t *Trial, net Linear) *kernelProduct {
	k := &kernelProduct{t: t, parameters: net.Parameters()}
	points := t.points()
	if t.order != nil {
		points = t.Settings.Batch
	}
	k.pass, k.v = net.NewTangentPass(points), make([]float32, points*t.of.Outputs)
	largest := 0
	for _, p := range k.parameters {
		largest = max(largest, len(p.Values))
	}
	k.gradient = make([]float32, largest)
	return k
}

// forward passes the points of a batch, nil for all, and returns their number.
func (k *kernelProduct) forward(ctx context.Context, batch []int) (int, error) {
	d, points := k.t.of.Inputs, k.t.points()
	if batch == nil {
		copy(k.pass.Inputs(points), k.t.X)
	} else {
		points = len(batch)
		in := k.pass.Inputs(points)
		for r, p := range batch {
			copy(in[r*d:(r+1)*d], k.t.X[p*d:(p+1)*d])
		}
	}
	return points, k.pass.Forward(ctx)
}

// largest returns the largest eigenvalue for the points of a batch, nil for all, and the
// number of points. Power iteration ends when v·Θv/v·v changes by less than 2e-5 of itself
// three times in a row.
func (k *kernelProduct) largest(
	ctx context.Context, batch []int,
) (lambda float64, points int, err error) {
	if points, err = k.forward(ctx, batch); err != nil {
		return 0, points, err
	}
	v := k.v[:points*k.t.of.Outputs]
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
		if err := k.pass.Backward(ctx, v); err != nil {
			return 0, points, err
		}
		w, err := k.pass.Tangent(ctx, k.direction)
		if err != nil {
			return 0, points, err
		}
		lambda := dot(v, w)
		if !(lambda > 0) || math.IsInf(lambda, 0) {
			return 0, points, fmt.Errorf(
				"train: the empirical NTK has v·Θv = %v for some v ≠ 0, so that there is no limit "+
					"of the learning rate to find", lambda)
		}
		if math.Abs(lambda-before) < 2e-5*lambda {
			if rest++; rest == 3 {
				return lambda, points, nil
			}
		} else {
			rest = 0
		}
		before = lambda
		copy(v, w)
	}
	return before, points, nil
}

// direction is along the gradient of v·f in the i-th array of parameters.
func (k *kernelProduct) direction(i int) []float32 {
	p := &k.parameters[i]
	if p.Frozen || len(p.Values) == 0 {
		return nil
	}
	gradient, step := k.t.Settings.Parameterization.Scales(*p)
	g := k.gradient[:len(p.Values)]
	k.pass.Gradient(i, gradient*step, 0, g)
	return g
}

func dot(a, b []float32) (sum float64) {
	for i, v := range a {
		sum += float64(v) * float64(b[i])
	}
	return sum
}
