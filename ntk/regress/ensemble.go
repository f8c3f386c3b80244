package regress

import (
	"context"
	"fmt"
	"math"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/internal/accel"
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
)

// Grams are the matrices of one kernel on n training points X and m test points x.
type Grams struct {
	Train ntk.Tiles[float64] // K(X, X), n×n
	Cross ntk.Tiles[float64] // K(x, X), m×n
	Test  ntk.Tiles[float64] // K(x, x), m×m; only [Ensemble.TestCovariance] needs it
}

// NewGrams returns the matrices of K on the rows of x, to train on, and of z, to test on. They are
// computed when they are read. Both are kept and must not change.
func NewGrams(ctx context.Context, K ntk.Kernel, x, z *mat.Dense) (*Grams, error) {
	rows := func(a *mat.Dense) ntk.Inputs[float64] {
		n, d := a.Dims()
		return ntk.Inputs[float64]{Rows: contiguous(a), N: n, D: d}
	}
	if x == nil || x.IsEmpty() || z == nil || z.IsEmpty() {
		return nil, fmt.Errorf("regress: rows to train and to test on are needed")
	}
	train, test := rows(x), rows(z)
	var g Grams
	var err error
	if g.Train, err = ntk.GramTiles(ctx, K, train); err != nil {
		return nil, err
	}
	if g.Cross, err = ntk.CrossTiles(ctx, K, test, train); err != nil {
		return nil, err
	}
	if g.Test, err = ntk.GramTiles(ctx, K, test); err != nil {
		return nil, err
	}
	return &g, nil
}

// EnsembleSettings name the conventions of the training. The loss is
//
//	Σ (f - y)² / n
//
// with the sum over the n points and the outputs, as in package train, unless Half, MeanOverOutputs
// or SumOverPoints say otherwise.
type EnsembleSettings struct {
	// LearningRate is η > 0 in θ ← θ - η ∂loss/∂θ or dθ/dt = -η ∂loss/∂θ.
	LearningRate float64
	// Flow is gradient flow to any time t ≥ 0, where time 1 is as long as a step. Without it t
	// is a whole number of steps.
	Flow bool
	// Momentum is μ in [0, 1) of the heavy ball, v ← μv + ∂loss/∂θ, θ ← θ - ηv. It is one of
	// steps, and an error with Flow.
	Momentum float64

	Half            bool // The loss has a factor ½.
	MeanOverOutputs bool // The loss is divided by the number of outputs.
	SumOverPoints   bool // The loss is not divided by n.

	// Ridge δ ≥ 0 pulls the parameters to their initial values: the sum in the loss has
	// δ|θ - θ₀|² more. RelativeRidge ≥ 0 is in units of the mean of Θ's diagonal, and is added
	// to it.
	Ridge, RelativeRidge float64
	// RidgeInKernel takes the ridge for a part of the kernel instead, as of what each
	// training point has for itself alone: Θ(X, X) is Θ(X, X) + δI, also as the covariance
	// of nets that train the readout alone, and in the end the nets go through the targets.
	// Test points are learned as with the penalty, but nets that train the readout
	// alone have at t = ∞ the posterior covariance of [Ridge.Covariance].
	RidgeInKernel bool
}

// Ensemble is an ensemble of nets of infinite width, each trained from its own random parameters
// on the same points: outputs are a Gaussian process at every time t of the training. With Θ the
// kernel that the training follows, K the covariance at initialisation and A = Θ(X, X) + δI, a
// net f has
//
//	f_t(x) = f₀(x) + Θ(x, X) A⁻¹ (I - R_t) (y - f₀(X)),
//
// with R_t = (I - κA)^t for steps, e^(-κAt) for flow, and with momentum μ the solution of
// R_{t+1} = (1 + μ - κA) R_t - μ R_{t-1}, R_0 = I, R_1 = I - κA. κ is 2η/n in the loss of package
// train: in general 2η times the factor of the sum in the loss. Outputs are independent and have
// one covariance.
//
//   - All parameters are trained: Θ is the NTK, K the NNGP kernel.
//   - The readout alone is trained: both are the NNGP kernel.
//   - Centred nets, f - f₀: no K, and no covariance.
//
// Source: Lee et al. 2019, arXiv 1902.06720, eq. 9 to 16, which has the loss ½Σ(f - y)² (Half and
// SumOverPoints) and no ridge. The package neural-tangents has Flow, Half, MeanOverOutputs and
// RelativeRidge with RidgeInKernel.
type Ensemble struct {
	n, m, outputs int
	settings      EnsembleSettings
	rate          float64 // κ
	ridge         float64 // δ
	own           float64 // what is added to the diagonal of Θ(X, X) as a kernel
	zero          float64 // eigenvalues of A up to this are not told from 0

	values    []float64 // eigenvalues λ of Θ(X, X), ascending, none negative
	vectors   []float64 // V, n×n
	cross     []float64 // Θ(x, X) V, m×n
	projected []float64 // Vᵀ y, n×outputs

	prior      bool
	priorTrain []float64 // VᵀK(X, X)V, n×n; nil where K is Θ, and it is diag(λ)
	priorCross []float64 // K(x, X) V, m×n
	priorTest  []float64 // K(x, x), m×m; nil without
}

// NewEnsemble prepares the solution: tangent has the matrices of Θ, prior those of K, and y the
// targets, n×outputs. prior is nil for centred nets, and the same pointer as tangent where the
// readout alone is trained. Each matrix is read once, as by [NewRidge], and not kept.
//
// Settings or shapes that do not fit are an error; a learning rate at or above [Ensemble.Limit] is
// an [*UnstableError], a matrix with a truly negative eigenvalue an [*IndefiniteError]. If ctx
// ends, its error is returned.
//
// Cost: one eigendecomposition, O(n³), and O(n²·(m + outputs)); 4n³ operations for a prior that is
// not tangent.
func NewEnsemble(
	ctx context.Context, tangent, prior *Grams, y *mat.Dense, s *EnsembleSettings,
) (*Ensemble, error) {
	if tangent == nil || isEmpty(tangent.Train) || isEmpty(tangent.Cross) ||
		y == nil || y.IsEmpty() {
		return nil, fmt.Errorf(
			"regress: a Gram matrix, a cross matrix and targets are needed, each with entries")
	}
	if s == nil {
		s = &EnsembleSettings{}
	}
	if err := s.check(); err != nil {
		return nil, err
	}
	n, _ := tangent.Train.Dims()
	m, _ := tangent.Cross.Dims()
	rows, outputs := y.Dims()
	if rows != n {
		return nil, fmt.Errorf("regress: %d rows of targets for %d training points", rows, n)
	}
	err := tangent.check(n, m)
	if err == nil && prior != nil && prior != tangent {
		if err = prior.check(n, m); err != nil {
			err = fmt.Errorf("%w (of the prior)", err)
		}
	}
	if err != nil {
		return nil, err
	}
	targets := contiguous(y)
	if err := finiteEntries("target", targets, outputs); err != nil {
		return nil, err
	}
	e := &Ensemble{n: n, m: m, outputs: outputs, settings: *s, prior: prior != nil}
	if err := e.decompose(ctx, tangent.Train); err != nil {
		return nil, err
	}
	if e.cross, err = e.inVectors(ctx, tangent.Cross); err != nil {
		return nil, err
	}
	e.forgetRounding()
	e.projected = make([]float64, n*outputs)
	accel.Float64().Dgemm(blas.Trans, blas.NoTrans, n, outputs, n, 1, e.vectors, n, targets,
		outputs, 0, e.projected, outputs)
	if e.prior {
		err = e.addPrior(ctx, prior, prior == tangent)
	}
	if err != nil {
		return nil, err
	}
	return e, ctx.Err()
}

// check reports matrices that do not fit n training and m test points.
func (g *Grams) check(n, m int) error {
	if isEmpty(g.Train) || isEmpty(g.Cross) {
		return fmt.Errorf("regress: a Gram matrix and a cross matrix are needed, with entries")
	}
	if rows, columns := g.Train.Dims(); rows != n || columns != n {
		return fmt.Errorf("regress: a Gram matrix of %d×%d; it must be square, for %d training "+
			"points", rows, columns, n)
	}
	if rows, columns := g.Cross.Dims(); rows != m || columns != n {
		return fmt.Errorf("regress: the cross matrix has %d columns for %d training points, and "+
			"%d rows for %d test points", columns, n, rows, m)
	}
	if isEmpty(g.Test) {
		return nil
	}
	if rows, columns := g.Test.Dims(); rows != m || columns != m {
		return fmt.Errorf("regress: the Gram matrix of the test points is %d×%d; it must be %d×%d",
			rows, columns, m, m)
	}
	return nil
}

func (s *EnsembleSettings) check() error {
	if !(s.LearningRate > 0) || math.IsInf(s.LearningRate, 0) {
		return fmt.Errorf("regress: learning rate is %v; it must be a finite number > 0",
			s.LearningRate)
	}
	if !(s.Momentum >= 0 && s.Momentum < 1) {
		return fmt.Errorf("regress: Momentum is %v; it must be at least 0 and below 1", s.Momentum)
	}
	if s.Flow && s.Momentum > 0 {
		return fmt.Errorf("regress: Momentum %v is one of steps; gradient flow has none",
			s.Momentum)
	}
	return checkRidges(s.Ridge, s.RelativeRidge)
}

// lossFactor is the factor of the sum over points and outputs.
func (s *EnsembleSettings) lossFactor(n, outputs int) float64 {
	factor := 1.0
	if s.Half {
		factor /= 2
	}
	if s.MeanOverOutputs {
		factor /= float64(outputs)
	}
	if !s.SumOverPoints {
		factor /= float64(n)
	}
	return factor
}

// decompose finds the eigenvectors of Θ(X, X), and what follows from the eigenvalues.
func (e *Ensemble) decompose(ctx context.Context, train ntk.Tiles[float64]) error {
	n := e.n
	var err error
	if e.values, e.vectors, err = eigen(ctx, train); err != nil {
		return err
	}
	least, largest := e.values[0], e.values[n-1]
	e.ridge = e.settings.Ridge
	if r := e.settings.RelativeRidge; r > 0 {
		e.ridge += r * floats.Sum(e.values) / float64(n)
	}
	if e.settings.RidgeInKernel {
		e.own = e.ridge
	}
	e.zero = math.Max(float64(n)*0x1p-52*largest, -least)
	for i, v := range e.values {
		e.values[i] = math.Max(v, 0)
	}
	e.rate = 2 * e.settings.LearningRate * e.settings.lossFactor(n, e.outputs)
	if top := e.rate * (largest + e.ridge); math.IsInf(top, 0) || math.IsNaN(top) {
		return fmt.Errorf("regress: the largest eigenvalue %v of the Gram matrix, with the ridge "+
			"%v and the learning rate, is beyond double precision; scale the kernel down", largest,
			e.ridge)
	}
	if limit := e.Limit(); e.settings.LearningRate >= limit {
		return &UnstableError{e.settings.LearningRate, limit}
	}
	return nil
}

// eigen returns the eigenvalues of a Gram matrix, ascending, and its eigenvectors.
func eigen(ctx context.Context, train ntk.Tiles[float64]) (values, vectors []float64, err error) {
	vectors, n, err := gram(ctx, gramOf(train))
	if err != nil {
		return nil, nil, err
	}
	if err := finiteEntries("Gram matrix", vectors, n); err != nil {
		return nil, nil, err
	}
	values = make([]float64, n)
	if !accel.SymEigen(n, vectors, values) {
		return nil, nil, fmt.Errorf(
			"regress: the eigenvalues of the %d×%d Gram matrix did not converge", n, n)
	}
	if s := newSpectrum(values, n); s.indefinite() {
		return nil, nil, &IndefiniteError{s.least, s.largest}
	}
	return values, vectors, ctx.Err()
}

// inVectors returns a cross matrix times V.
func (e *Ensemble) inVectors(ctx context.Context, cross ntk.Tiles[float64]) ([]float64, error) {
	entries, err := assembled(ctx, crossOf(cross))
	if err != nil {
		return nil, err
	}
	if err := finiteEntries("cross matrix", entries, e.n); err != nil {
		return nil, err
	}
	out := make([]float64, e.m*e.n)
	accel.Float64().Dgemm(blas.NoTrans, blas.NoTrans, e.m, e.n, e.n, 1, entries, e.n, e.vectors,
		e.n, 0, out, e.n)
	return out, ctx.Err()
}

// forgetRounding sets to 0 what rounding left of the cross matrix where Θ has an eigenvalue 0:
// there it is multiplied by t.
func (e *Ensemble) forgetRounding() {
	for i := range e.m {
		row := e.cross[i*e.n : (i+1)*e.n]
		tiny := float64(e.n) * 0x1p-52 * floats.Norm(row, 2)
		for j, v := range e.values {
			if v+e.ridge <= e.zero && math.Abs(row[j]) <= tiny {
				row[j] = 0
			}
		}
	}
}

// addPrior reads the matrices of K.
func (e *Ensemble) addPrior(ctx context.Context, prior *Grams, isTangent bool) error {
	n := e.n
	if !isEmpty(prior.Test) {
		test, m, err := gram(ctx, gramOf(prior.Test))
		if err != nil {
			return fmt.Errorf("%w (between test points)", err)
		}
		if err := finiteEntries("Gram matrix of the test points", test, m); err != nil {
			return err
		}
		e.priorTest = test
	}
	if isTangent {
		e.priorCross = e.cross
		return nil
	}
	train, _, err := gram(ctx, gramOf(prior.Train))
	if err != nil {
		return err
	}
	if err := finiteEntries("Gram matrix of the prior", train, n); err != nil {
		return err
	}
	if e.priorCross, err = e.inVectors(ctx, prior.Cross); err != nil {
		return err
	}
	b64 := accel.Float64()
	half := make([]float64, n*n)
	b64.Dgemm(blas.Trans, blas.NoTrans, n, n, n, 1, e.vectors, n, train, n, 0, half, n)
	if err := ctx.Err(); err != nil {
		return err
	}
	b64.Dgemm(blas.NoTrans, blas.NoTrans, n, n, n, 1, half, n, e.vectors, n, 0, train, n)
	e.priorTrain = train
	return nil
}

// Limit returns the learning rate below which the training converges: n/λ_max in the loss of
// package train, λ_max the largest eigenvalue of Θ(X, X) + δI, 1 + μ times that with momentum, and
// +Inf for gradient flow.
func (e *Ensemble) Limit() float64 {
	if e.settings.Flow {
		return math.Inf(1)
	}
	return (1 + e.settings.Momentum) /
		(e.settings.lossFactor(e.n, e.outputs) * (e.values[e.n-1] + e.ridge))
}

// Mean returns the mean over the ensemble at time t: the outputs on the training points, n×outputs,
// and on the test points, m×outputs. t is at least 0, without Flow a whole number; math.Inf(1) is
// the limit of the training, without what eigenvalues do that rounding does not tell from 0. Since
// f₀ has mean 0, it is also the output of a centred net.
//
// Cost: O(n·(n + m)·outputs).
func (e *Ensemble) Mean(t float64) (train, test *mat.Dense, err error) {
	modes, err := e.modes(t)
	if err != nil {
		return nil, nil, err
	}
	n, o := e.n, e.outputs
	learned, weights := make([]float64, n*o), make([]float64, n*o)
	for i, d := range modes {
		floats.AddScaled(learned[i*o:(i+1)*o], (e.values[i]+e.own)*d.weight,
			e.projected[i*o:(i+1)*o])
		floats.AddScaled(weights[i*o:(i+1)*o], d.weight, e.projected[i*o:(i+1)*o])
	}
	train, test = mat.NewDense(n, o, nil), mat.NewDense(e.m, o, nil)
	b64 := accel.Float64()
	b64.Dgemm(blas.NoTrans, blas.NoTrans, n, o, n, 1, e.vectors, n, learned, o, 0,
		train.RawMatrix().Data, o)
	b64.Dgemm(blas.NoTrans, blas.NoTrans, e.m, o, n, 1, e.cross, n, weights, o, 0,
		test.RawMatrix().Data, o)
	for _, f := range []*mat.Dense{train, test} {
		if err := finiteEntries("output", f.RawMatrix().Data, o); err != nil {
			return nil, nil, err
		}
	}
	return train, test, nil
}

// TrainCovariance returns the covariance over the ensemble between the outputs on the training
// points at time t, n×n, the same for every output; t is as in [Ensemble.Mean]. Of centred nets it
// is 0.
//
// Cost: 4n³ operations.
func (e *Ensemble) TrainCovariance(t float64) (*mat.SymDense, error) {
	modes, err := e.modes(t)
	if err != nil {
		return nil, err
	}
	// V L VᵀKV L Vᵀ, L = diag(left)
	n := e.n
	inner := make([]float64, n*n)
	for i, d := range modes {
		switch {
		case e.priorTrain != nil:
			for j, c := range modes {
				inner[i*n+j] = d.left * e.priorTrain[i*n+j] * c.left
			}
		case e.prior:
			inner[i*n+i] = d.left * (e.values[i] + e.own) * d.left
		}
	}
	b64 := accel.Float64()
	half, whole := make([]float64, n*n), make([]float64, n*n)
	b64.Dgemm(blas.NoTrans, blas.NoTrans, n, n, n, 1, e.vectors, n, inner, n, 0, half, n)
	b64.Dgemm(blas.NoTrans, blas.Trans, n, n, n, 1, half, n, e.vectors, n, 0, whole, n)
	out := mat.NewSymDense(n, nil)
	for i := range n {
		for j := i; j < n; j++ {
			out.SetSym(i, j, (whole[i*n+j]+whole[j*n+i])/2)
		}
	}
	return out, checkCovariance(out, nil)
}

// TestCovariance returns the covariance over the ensemble between the outputs on the test points
// at time t, m×m, the same for every output; t is as in [Ensemble.Mean]. Of centred nets it is 0.
//
// Cost: O(n²·m + n·m²).
func (e *Ensemble) TestCovariance(t float64) (*mat.SymDense, error) {
	modes, err := e.modes(t)
	if err != nil {
		return nil, err
	}
	n, m := e.n, e.m
	out := mat.NewSymDense(m, nil)
	if !e.prior {
		return out, nil
	}
	if e.priorTest == nil {
		return nil, fmt.Errorf("regress: the prior has no Gram matrix of the test points, which " +
			"their covariance needs; give Grams.Test")
	}
	// K(x, x) + BᵀVᵀKVB - K(x, X)VB - (K(x, X)VB)ᵀ with B = diag(weight) Vᵀ Θ(X, x), which where
	// K is Θ is K(x, x) - Θ(x, X) V diag(weight (1 + left)) Vᵀ Θ(X, x).
	whole := append([]float64(nil), e.priorTest...)
	right, transposed := append([]float64(nil), e.priorCross...), append([]float64(nil),
		e.cross...)
	b64 := accel.Float64()
	for i := range m {
		for j, d := range modes {
			right[i*n+j] *= -2
			if e.priorTrain == nil {
				right[i*n+j] *= (1 + d.left) / 2
			}
			transposed[i*n+j] *= d.weight
		}
	}
	if e.priorTrain != nil {
		b64.Dgemm(blas.NoTrans, blas.NoTrans, m, n, n, 1, transposed, n, e.priorTrain, n, 1, right,
			n)
	}
	b64.Dgemm(blas.NoTrans, blas.Trans, m, m, n, 1, right, n, transposed, n, 1, whole, m)
	for i := range m {
		for j := i; j < m; j++ {
			out.SetSym(i, j, (whole[i*m+j]+whole[j*m+i])/2)
		}
	}
	return out, checkCovariance(out, e.priorTest)
}

// checkCovariance reports what is not finite or, below a prior, not of one kernel; a variance that
// rounding took below 0 becomes 0.
func checkCovariance(c *mat.SymDense, prior []float64) error {
	n := c.SymmetricDim()
	if err := finiteEntries("covariance", c.RawSymmetric().Data, n); err != nil {
		return err
	}
	for i := range prior[:min(n, len(prior))] {
		v, err := notNegative(c.At(i, i), prior[i*n+i], i)
		if err != nil {
			return err
		}
		c.SetSym(i, i, v)
	}
	return nil
}

// mode is one eigenvalue λ of Θ(X, X) at a time.
type mode struct {
	left   float64 // what is left of f₀ on the training points
	weight float64 // (1 - r)/(λ + δ), r the eigenvalue of R_t
}

func (e *Ensemble) modes(t float64) ([]mode, error) {
	if !(t >= 0) {
		return nil, fmt.Errorf("regress: t is %v; it must be at least 0", t)
	}
	if !e.settings.Flow && t != math.Floor(t) {
		return nil, fmt.Errorf("regress: t is %v; without Flow it is a whole number of steps", t)
	}
	modes := make([]mode, e.n)
	for i, lambda := range e.values {
		mu := lambda + e.ridge
		var r, weight float64
		switch x := e.rate * mu; {
		case math.IsInf(t, 0) && mu <= e.zero:
			r = 1
		case math.IsInf(t, 0):
			weight = 1 / mu
		default:
			var steps float64
			if e.settings.Flow {
				r, steps = flow(x, t)
			} else {
				r, steps = heavyBall(x, e.settings.Momentum, t)
			}
			// Its square stays below infinity, which would make a NaN of what is 0.
			weight = math.Min(e.rate*steps, 1e150)
		}
		modes[i] = mode{r, weight}
		if e.own == 0 && mu > 0 {
			modes[i].left = (e.ridge + lambda*r) / mu // 1 - λ·weight, with all digits of a small r
		}
	}
	return modes, nil
}

// flow returns r = e^(-xt) and (1 - r)/x.
func flow(x, t float64) (r, steps float64) {
	if x*t < 1e-16 {
		return 1, t // the quotient is its limit to rounding
	}
	return math.Exp(-x * t), -math.Expm1(-x*t) / x
}
