package regress

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/kernelsmith/kernelsmith/ntk"
	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/optimize"
)

// Likelihood is the log marginal likelihood of a Gaussian process as a function of parameters θ of
// its kernel, such as σ_w and σ_b of a net ([NetLikelihood]) or the parameters of an activation,
// and of the ridge:
// with A = K(θ) + δ·diag(Noise),
//
//	L = Σ over outputs of -½ yᵀA⁻¹y - ½ log det A - n/2 log 2π.
//
// Source: C. Rasmussen, C. Williams, Gaussian Processes for Machine Learning, MIT Press 2006,
// eq. 5.8, 5.9.
type Likelihood struct {
	// Gram returns the kernel at θ between the n training points. It must not keep or change θ.
	Gram func(ctx context.Context, theta []float64) (*mat.SymDense, error)
	// Derivatives returns ∂K/∂θⱼ between the training points, one matrix for each j. Nil takes
	// central differences: of six matrices for each parameter Richardson's extrapolation makes a
	// derivative of order 6, which is exact to some hundred times the rounding of K where K is
	// smooth in θ, and an error where it is seen to be off by more than 1e-6.
	Derivatives func(ctx context.Context, theta []float64) ([]*mat.SymDense, error)
	// Y are the targets, n×outputs.
	Y *mat.Dense
	// Noise has a factor > 0 of the ridge for each training point. Nil is 1 for all.
	Noise []float64
	// Signed says for each parameter whether it may be of any sign. Others are > 0, and Maximize
	// looks for their logarithms. Nil says that all are > 0.
	Signed []bool
	// KeepRidge maximises over θ alone.
	KeepRidge bool
}

// LikelihoodMaximum is a local maximum of a [Likelihood].
type LikelihoodMaximum struct {
	Theta       []float64
	Ridge       float64
	Value       float64 // L
	Evaluations int     // of L and its gradient
}

// String says where the maximum is, in a line.
func (m LikelihoodMaximum) String() string {
	return fmt.Sprintf("log likelihood %.5g at θ = %.3g, ridge %.3g, after %d evaluations", m.Value,
		m.Theta, m.Ridge, m.Evaluations)
}

// At returns L at θ and δ ≥ 0, and its gradient: by the parameters and, as its last entry, by δ.
// It is exact for δ, and for θ as exact as the derivatives of K:
//
//	∂L/∂θⱼ = ½ tr((ααᵀ - A⁻¹) ∂K/∂θⱼ) summed over outputs, α = A⁻¹y.
//
// Errors of Gram and of Derivatives are returned, and those of [NewRidge].
//
// Cost: 7/3 n³ operations, about 7n² numbers of memory, and the derivatives.
func (l *Likelihood) At(
	ctx context.Context, theta []float64, ridge float64,
) (value float64, gradient []float64, err error) {
	if err := l.check(theta, ridge); err != nil {
		return 0, nil, err
	}
	value, slopes, err := l.at(ctx, theta, ridge)
	if err == nil {
		gradient, err = slopes()
	}
	if err != nil {
		return 0, nil, err
	}
	return value, gradient, nil
}

func (l *Likelihood) check(theta []float64, ridge float64) error {
	if l.Gram == nil || l.Y == nil || l.Y.IsEmpty() {
		return fmt.Errorf("regress: a Likelihood needs its Gram and its Y")
	}
	if l.Signed != nil && len(l.Signed) != len(theta) {
		return fmt.Errorf("regress: Signed has %d entries for %d parameters", len(l.Signed),
			len(theta))
	}
	for j, v := range theta {
		if math.IsNaN(v) || math.IsInf(v, 0) || !l.signed(j) && v <= 0 {
			return fmt.Errorf(
				"regress: parameter %d is %v; it must be finite, and > 0 unless Signed", j, v)
		}
	}
	if !(ridge >= 0) || math.IsInf(ridge, 0) {
		return fmt.Errorf("regress: the ridge is %v; it must be a finite number ≥ 0", ridge)
	}
	n, o := l.Y.Dims()
	if l.Noise != nil {
		if err := checkFactors(l.Noise, n); err != nil {
			return err
		}
	}
	return finiteEntries("target", contiguous(l.Y), o)
}

func (l *Likelihood) signed(j int) bool { return l.Signed != nil && l.Signed[j] }

func (l *Likelihood) noise(i int) float64 {
	if l.Noise == nil {
		return 1
	}
	return l.Noise[i]
}

// gram is Gram with its shape checked.
func (l *Likelihood) gram(ctx context.Context, theta []float64) (*mat.SymDense, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	k, err := l.Gram(ctx, slices.Clone(theta))
	if err != nil {
		return nil, err
	}
	n, _ := l.Y.Dims()
	if k == nil || k.SymmetricDim() != n {
		return nil, fmt.Errorf("regress: Gram at θ = %v does not return a matrix of the %d "+
			"training points", theta, n)
	}
	return k, nil
}

// at returns L, and what computes its gradient.
func (l *Likelihood) at(
	ctx context.Context, theta []float64, ridge float64,
) (value float64, slopes func() ([]float64, error), err error) {
	k, err := l.gram(ctx, theta)
	if err != nil {
		return 0, nil, err
	}
	n, o := l.Y.Dims()
	noise := make([]float64, n)
	columns := mat.NewDense(n, o+n, nil) // (Y, I), of which the regression makes (α, A⁻¹)
	columns.Slice(0, n, 0, o).(*mat.Dense).Copy(l.Y)
	for i := range n {
		noise[i] = ridge * l.noise(i)
		columns.Set(i, o+i, 1)
	}
	train, err := WithNoise(ntk.MatrixTiles(k), noise)
	if err != nil {
		return 0, nil, err
	}
	r, err := NewRidge(ctx, train, columns, nil)
	if err != nil {
		return 0, nil, err
	}
	likelihoods, err := r.LogMarginalLikelihood()
	if err != nil {
		return 0, nil, err
	}
	solved := r.Weights()
	return floats.Sum(likelihoods[:o]), func() ([]float64, error) {
		derivatives, err := l.derivatives(ctx, theta, k)
		if err != nil {
			return nil, err
		}
		var inner mat.Dense // ½(ααᵀ - A⁻¹), summed over outputs
		alpha := solved.Slice(0, n, 0, o)
		inner.Mul(alpha, alpha.T())
		for i := range n {
			row := inner.RawRowView(i)
			floats.AddScaled(row, -float64(o), solved.RawRowView(i)[o:])
			floats.Scale(0.5, row)
		}
		gradient := make([]float64, len(theta)+1)
		for j, d := range derivatives {
			for i := range n {
				gradient[j] += inner.At(i, i) * d.At(i, i)
				for c := range i {
					gradient[j] += (inner.At(i, c) + inner.At(c, i)) * d.At(i, c)
				}
			}
		}
		for i := range n {
			gradient[len(theta)] += inner.At(i, i) * l.noise(i)
		}
		return gradient, finiteEntries("gradient", gradient, len(gradient))
	}, nil
}

// derivatives returns ∂K/∂θ at θ, where K is k.
func (l *Likelihood) derivatives(
	ctx context.Context, theta []float64, k *mat.SymDense,
) ([]*mat.SymDense, error) {
	if l.Derivatives != nil {
		ds, err := l.Derivatives(ctx, slices.Clone(theta))
		if err != nil {
			return nil, err
		}
		if len(ds) != len(theta) {
			return nil, fmt.Errorf("regress: Derivatives returns %d matrices for %d parameters",
				len(ds), len(theta))
		}
		n := k.SymmetricDim()
		for j, d := range ds {
			if d == nil || d.SymmetricDim() != n {
				return nil, fmt.Errorf("regress: Derivatives returns no matrix of the %d training "+
					"points for parameter %d", n, j)
			}
		}
		return ds, nil
	}
	ds := make([]*mat.SymDense, len(theta))
	for j := range theta {
		var err error
		if ds[j], err = l.difference(ctx, theta, j, k); err != nil {
			return nil, err
		}
	}
	return ds, nil
}

// difference is the derivative by parameter j from central differences with steps h, h/2 and h/4.
// Where they do not agree h was too long.
func (l *Likelihood) difference(
	ctx context.Context, theta []float64, j int, k *mat.SymDense,
) (*mat.SymDense, error) {
	unit := math.Abs(theta[j])
	if l.signed(j) {
		unit = math.Max(unit, 1)
	}
	var best *mat.SymDense
	off, size, failed := math.Inf(1), largest(k), error(nil)
	for h := 0.02 * unit; h > 1e-4*unit; h /= 4 {
		d, beside, err := l.extrapolate(ctx, theta, j, h)
		if err != nil {
			if failed = err; ctx.Err() != nil {
				return nil, err
			}
			continue // θ may be at the end of what Gram allows
		}
		if beside < off {
			best, off = d, beside
		}
		// What they differ by is the error of the last but one, and 1e-4 of it that of the last.
		if off <= 1e-7*largest(best)+1e-13*size/h {
			break
		}
	}
	if best == nil && failed != nil {
		return nil, failed
	}
	if best == nil || !(off <= 1e-6*largest(best)+1e-12*size/unit) {
		return nil, fmt.Errorf("regress: the derivative of the Gram matrix by parameter %d at θ = "+
			"%v is uncertain by %.2g: K does not vary smoothly there; give Derivatives", j, theta,
			off)
	}
	return best, nil
}

// extrapolate returns the derivative from differences that begin with step h, and how much the last
// two extrapolations differ.
func (l *Likelihood) extrapolate(
	ctx context.Context, theta []float64, j int, h float64,
) (*mat.SymDense, float64, error) {
	at := func(v float64) (*mat.SymDense, error) {
		beside := slices.Clone(theta)
		beside[j] = v
		return l.gram(ctx, beside)
	}
	const levels = 3
	var table [levels]*mat.SymDense // Romberg's, of which the last row is kept
	off := 0.0
	for level := range levels {
		above, below := theta[j]+h, theta[j]-h
		plus, err := at(above)
		if err != nil {
			return nil, 0, err
		}
		minus, err := at(below)
		if err != nil {
			return nil, 0, err
		}
		next := combination(plus, minus, 1/(above-below), -1/(above-below))
		factor := 1.0
		for column := range level {
			before := table[column]
			table[column] = next
			factor *= 4
			next = combination(next, before, factor/(factor-1), -1/(factor-1))
			if column == levels-2 {
				off = largest(combination(next, table[column], 1, -1))
			}
		}
		table[level] = next
		h /= 2
	}
	return table[levels-1], off, nil
}

// combination is a·p + b·q.
func combination(p, q *mat.SymDense, a, b float64) *mat.SymDense {
	n := p.SymmetricDim()
	out := mat.NewSymDense(n, nil)
	for i := range n {
		for j := i; j < n; j++ {
			out.SetSym(i, j, a*p.At(i, j)+b*q.At(i, j))
		}
	}
	return out
}

// largest is the largest absolute entry, NaN if there is one.
func largest(m *mat.SymDense) (v float64) {
	for i := range m.SymmetricDim() {
		for j := range i + 1 {
			v = math.Max(v, math.Abs(m.At(i, j)))
		}
	}
	return v
}

// leastRidge is how far below the mean of K's diagonal Maximize lets the ridge fall.
const leastRidge = 1e-9

// Maximize climbs from θ to a local maximum of L by the method of Broyden, Fletcher, Goldfarb and
// Shanno. Other starts may find other maxima. It begins with the given δ or, where that has a
// greater L, as it has where δ is 0, with the best of [RidgePath]. Parameters that are not Signed,
// and δ, stay > 0; δ stays above 1e-9 of the mean of K's diagonal at the start, where noise is
// hardly told from none. Where Gram or the regression fails on the way, steps become shorter.
//
// A start at which L cannot be computed is an error, and so is a search that ends where L still
// rises, with the best it found beside the error. If ctx ends, its error is returned.
func (l *Likelihood) Maximize(
	ctx context.Context, theta []float64, ridge float64,
) (*LikelihoodMaximum, error) {
	if err := l.check(theta, ridge); err != nil {
		return nil, err
	}
	if mat.Norm(l.Y, math.Inf(1)) == 0 {
		return nil, fmt.Errorf("regress: all targets are 0: the likelihood grows without a " +
			"maximum as the kernel and the ridge go to 0")
	}
	if l.KeepRidge && len(theta) == 0 {
		return nil, fmt.Errorf("regress: there are no parameters, and the ridge is to be kept: " +
			"nothing to maximise over")
	}
	c := &climb{likelihood: l, ctx: ctx, floor: ridge}
	x := slices.Clone(theta)
	for j := range x {
		if !l.signed(j) {
			x[j] = math.Log(x[j])
		}
	}
	if l.KeepRidge {
		c.evaluate(x)
		return c.run()
	}
	k, err := l.gram(ctx, theta)
	if err != nil {
		return nil, err
	}
	if mat.Trace(k) == 0 {
		return nil, fmt.Errorf("regress: the kernel at the start θ = %v is 0 at all training "+
			"points: there is no unit for ridges", theta)
	}
	c.floor = leastRidge * mat.Trace(k) / float64(k.SymmetricDim())
	if ridge > c.floor {
		c.evaluate(append(slices.Clone(x), math.Log(ridge-c.floor)))
	}
	if err := c.lookAtRidges(x, theta); err != nil {
		return nil, err
	}
	return c.run()
}

// lookAtRidges evaluates the best ridge of all at θ, of which x are the logarithms: far below
// the noise and far above it L is flat in the ridge, and no slope leads away.
func (c *climb) lookAtRidges(x, theta []float64) error {
	l := c.likelihood
	k, err := l.gram(c.ctx, theta)
	if err != nil {
		return err
	}
	path, err := RidgePath(c.ctx, ntk.MatrixTiles(k), l.Y, &PathSettings{Noise: l.Noise})
	if err != nil {
		return err
	}
	best := slices.MaxFunc(path, func(a, b RidgeScore) int {
		return cmp.Compare(a.LogLikelihood, b.LogLikelihood)
	})
	c.evaluate(append(slices.Clone(x), math.Log(math.Max(best.Ridge-c.floor, c.floor))))
	return nil
}

// climb is a search for the maximum. It minimises -L/(n·outputs) in x: parameters or their
// logarithms and, unless it is kept, the logarithm of the ridge above its floor.
type climb struct {
	likelihood *Likelihood
	ctx        context.Context
	floor      float64

	x           []float64 // the place that value, slopes and err are of
	value       float64
	slopes      func() ([]float64, error)
	err         error
	evaluations int

	best  []float64 // the place with the least value so far
	least float64
}

// place returns θ and δ of x.
func (c *climb) place(x []float64) (theta []float64, ridge float64) {
	theta, ridge = slices.Clone(x), c.floor
	if !c.likelihood.KeepRidge {
		theta = theta[:len(x)-1]
		ridge += math.Exp(x[len(x)-1])
	}
	for j := range theta {
		if !c.likelihood.signed(j) {
			theta[j] = math.Exp(theta[j])
		}
	}
	return theta, ridge
}

// evaluate sets value to that at x; a place without one, or without a gradient, is infinitely bad.
func (c *climb) evaluate(x []float64) {
	if slices.Equal(c.x, x) {
		return
	}
	c.x, c.evaluations = slices.Clone(x), c.evaluations+1
	theta, ridge := c.place(x)
	value := 0.0
	if c.err = c.likelihood.check(theta, ridge); c.err == nil {
		value, c.slopes, c.err = c.likelihood.at(c.ctx, theta, ridge)
	}
	n, o := c.likelihood.Y.Dims()
	c.value = -value / float64(n*o)
	if c.err == nil && (c.best == nil || c.value < c.least) {
		// It will be asked for: a search stays only where it gains.
		var slopes []float64
		slopes, c.err = c.slopes()
		c.slopes = func() ([]float64, error) { return slopes, nil }
	}
	switch {
	case c.err != nil:
		c.value = math.Inf(1)
	case c.best == nil || c.value < c.least:
		c.best, c.least = c.x, c.value
	}
}

// gradient sets dst to that at x.
func (c *climb) gradient(dst, x []float64) {
	var slopes []float64
	if c.evaluate(x); c.err == nil {
		slopes, c.err = c.slopes()
	}
	if c.err != nil {
		c.value = math.Inf(1)
		clear(dst)
		return
	}
	theta, ridge := c.place(x)
	n, o := c.likelihood.Y.Dims()
	for j := range dst {
		dst[j] = -slopes[j] / float64(n*o)
		switch {
		case j == len(theta):
			dst[j] *= ridge - c.floor
		case !c.likelihood.signed(j):
			dst[j] *= theta[j]
		}
	}
}

// run climbs from the best place so far.
func (c *climb) run() (*LikelihoodMaximum, error) {
	if c.best == nil {
		return nil, c.err
	}
	problem := optimize.Problem{
		Func: func(x []float64) float64 {
			c.evaluate(x)
			return c.value
		},
		Grad: c.gradient,
		Status: func() (optimize.Status, error) {
			if err := c.ctx.Err(); err != nil {
				return optimize.Failure, err
			}
			return optimize.NotTerminated, nil
		},
	}
	var status optimize.Status
	gradient := make([]float64, len(c.best))
	for range 20 {
		before := c.least
		result, err := optimize.Minimize(problem, c.best, &optimize.Settings{
			GradientThreshold: 1e-7,
			Converger:         &optimize.FunctionConverge{Absolute: 1e-11, Iterations: 4},
			MajorIterations:   500,
		}, &optimize.BFGS{})
		if ended := c.ctx.Err(); ended != nil {
			return nil, ended
		}
		if result == nil {
			return nil, fmt.Errorf("regress: the search for the maximum failed: %w", err)
		}
		status = result.Status
		reached := c.least
		if !c.likelihood.KeepRidge {
			theta, _ := c.place(c.best)
			if err := c.lookAtRidges(c.best[:len(theta)], theta); err != nil {
				return nil, err
			}
		}
		if c.gradient(gradient, c.best); c.err != nil {
			return nil, c.err
		}
		// A line search that meets the wall of what Gram allows, or rounding, shrinks to nothing
		// and fails: there a search from the best place so far goes on in another direction.
		const gain = 1e-9
		if c.least >= reached-gain && (err == nil || reached >= before-gain) {
			break
		}
	}
	n, o := c.likelihood.Y.Dims()
	best := &LikelihoodMaximum{Value: -c.least * float64(n*o), Evaluations: c.evaluations}
	best.Theta, best.Ridge = c.place(c.best)
	if slope := floats.Norm(gradient, math.Inf(1)); slope > steep {
		return best, fmt.Errorf("regress: no maximum of the likelihood was found: the search "+
			"ended after %d evaluations where it still rises by %.2g per target and factor e of a "+
			"parameter (%v)", c.evaluations, slope, status)
	}
	return best, nil
}

// steep is the slope, of -L/(n·outputs) by a logarithm, with which a place is no maximum. A line
// search also stops, and complains, where rounding hides what is left to climb.
const steep = 1e-4
