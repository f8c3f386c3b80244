package regress

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/internal/accel"
	"github.com/kernelsmith/kernelsmith/ntk/internal/parallel"
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
)

// WithNoise returns the Gram matrix K + diag(noise), from which [NewRidge] with the Ridge 0 fits
// points whose noise has a variance of its own for each: the posterior, its leave-one-out
// predictions and its likelihood. Variances are finite and not negative, one for each row.
func WithNoise(train ntk.Tiles[float64], noise []float64) (ntk.Tiles[float64], error) {
	if isEmpty(train) {
		return nil, fmt.Errorf("regress: a Gram matrix with entries is needed")
	}
	if n, _ := train.Dims(); len(noise) != n {
		return nil, fmt.Errorf("regress: %d variances of noise for %d training points",
			len(noise), n)
	}
	for i, v := range noise {
		if !(v >= 0) || math.IsInf(v, 0) {
			return nil, fmt.Errorf(
				"regress: the noise of point %d is %v; it must be a finite number ≥ 0", i, v)
		}
	}
	return changed{train, func(tile []float64, i0, i1, j0, j1 int) {
		for i := max(i0, j0); i < min(i1, j1); i++ {
			tile[(i-i0)*(j1-j0)+i-j0] += noise[i]
		}
	}}, nil
}

// checkFactors reports factors of the ridge that are not one for each of n points, finite and > 0.
func checkFactors(noise []float64, n int) error {
	if len(noise) != n {
		return fmt.Errorf("regress: Noise has %d entries for %d training points", len(noise), n)
	}
	for i, v := range noise {
		if !(v > 0) || math.IsInf(v, 0) {
			return fmt.Errorf(
				"regress: the Noise of point %d is %v; it must be a finite number > 0", i, v)
		}
	}
	return nil
}

// changed is a matrix whose tiles are changed where they are asked for.
type changed struct {
	ntk.Tiles[float64]
	change func(tile []float64, i0, i1, j0, j1 int)
}

func (c changed) Tile(ctx context.Context, dst []float64, i0, i1, j0, j1 int) error {
	if err := c.Tiles.Tile(ctx, dst, i0, i1, j0, j1); err != nil {
		return err
	}
	c.change(dst, i0, i1, j0, j1)
	return nil
}

// PathSettings say what [RidgePath] looks at.
type PathSettings struct {
	// Ridges are the δ ≥ 0 to try, in the units of the kernel. Nil is from 1e-10 to 10 of the
	// mean of K's diagonal in steps of √10, without those that leave the matrix singular.
	Ridges []float64
	// Noise has a factor > 0 of the ridge for each training point: point i has noise of
	// variance δ·Noise[i]. Nil is 1 for all.
	Noise []float64
	// Folds has the number of the fold, at least 0, that each training point is in. Nil is
	// without K-fold cross-validation.
	Folds []int
}

// RidgeScore says how kernel ridge regression does with one ridge, as far as its training points
// tell. Errors are means over the points of the sum over the outputs of (f - y)².
type RidgeScore struct {
	Ridge float64 // δ
	// LeaveOneOut is the error at each point of the regression on the others, and
	// LeaveOneOutAccuracy the part of them that [ntk.Accuracy] takes for right.
	LeaveOneOut, LeaveOneOutAccuracy float64
	// GCV is the generalised cross-validation of the n points, n|(I - H)Y|²/tr(I - H)² with f(X)
	// = H Y. With Noise, rows of Y and of I - H are in units of the noise's standard deviation.
	GCV float64
	// LogLikelihood is the log marginal likelihood of all outputs together; see
	// [Ridge.LogMarginalLikelihood].
	LogLikelihood float64
	// Freedom is tr H, the effective number of parameters that are fitted to each output: from n
	// without a ridge down to 0.
	Freedom float64
	// KFold is the error at each point of the regression on the other folds; 0 without Folds.
	KFold float64
}

// RidgePath returns the scores of all ridges, in the order of the settings, from the n×n Gram
// matrix of the training points and the targets, n×outputs; nil settings are their zero value. The
// ridge with the least error or the greatest likelihood is the one to take.
//
// Nothing is fitted again: with A = K + δI the errors at a point and at a fold F that were left out
// are
//
//	[A⁻¹Y]ᵢ / [A⁻¹]ᵢᵢ  and  ([A⁻¹]_FF)⁻¹ [A⁻¹Y]_F.
//
// Matrices are read, and errors reported, as by [NewRidge]; a ridge of Ridges that leaves the
// matrix singular is a [*SingularError].
//
// Cost: one eigendecomposition, O(n³), and for each ridge n²·outputs, with folds n²·(the largest
// fold). From 8193 points on it is a [Ridge] for each ridge, with less memory, and with folds one
// more for each fold.
//
// Source: Golub, Heath, Wahba 1979, "Generalized cross-validation as a method for choosing a good
// ridge parameter", eq. 1.4; C. Rasmussen, C. Williams, Gaussian Processes for Machine Learning,
// MIT Press 2006, eq. 5.8, 5.12.
func RidgePath(
	ctx context.Context, train ntk.Tiles[float64], y *mat.Dense, s *PathSettings,
) ([]RidgeScore, error) {
	p, ridges, err := newPath(ctx, train, y, s)
	if err != nil {
		return nil, err
	}
	at := p.factored
	if p.n <= mostEigen {
		if at, err = p.decomposed(ctx); err != nil {
			return nil, err
		}
	}
	given := s != nil && s.Ridges != nil
	var scores []RidgeScore
	for _, ridge := range ridges {
		var singular *SingularError
		score, err := p.score(ctx, ridge, at)
		if !given && errors.As(err, &singular) {
			continue
		}
		if err != nil {
			return nil, err
		}
		scores = append(scores, score)
	}
	if len(scores) == 0 {
		return nil, fmt.Errorf("regress: the Gram matrix is singular to rounding with every " +
			"ridge up to 10 times the mean of its diagonal")
	}
	return scores, nil
}

// mostEigen is up to how many points all ridges share an eigendecomposition.
const mostEigen = 8192

// path is the regression in units of the noise: with D = diag(Noise), of D^(-½) Y on D^(-½) K
// D^(-½).
type path struct {
	train   ntk.Tiles[float64]
	y       *mat.Dense // as given
	targets *mat.Dense // D^(-½) Y
	n, o    int
	scale   []float64 // the diagonal of D^½
	logs    float64   // log det D
	folds   [][]int   // their points
}

// solution is the regression with one ridge, A = D^(-½) K D^(-½) + δI.
type solution struct {
	weights       []float64 // A⁻¹ D^(-½) Y
	diagonal      []float64 // of A⁻¹
	logLikelihood float64   // of D^(-½) Y
	freedom       float64
	// block returns the rows and columns of A⁻¹ of some points.
	block func(points []int) (*mat.Dense, error)
}

// newPath checks the input and returns the ridges to try.
func newPath(
	ctx context.Context, train ntk.Tiles[float64], y *mat.Dense, s *PathSettings,
) (*path, []float64, error) {
	if s == nil {
		s = &PathSettings{}
	}
	if isEmpty(train) || y == nil || y.IsEmpty() {
		return nil, nil, fmt.Errorf(
			"regress: a Gram matrix and targets are needed, each with entries")
	}
	p := &path{train: train, y: y, targets: mat.DenseCopyOf(y)}
	p.n, p.o = y.Dims()
	if n, columns := train.Dims(); n != columns {
		return nil, nil, fmt.Errorf("regress: a Gram matrix of %d×%d; it must be square", n,
			columns)
	} else if n != p.n {
		return nil, nil, fmt.Errorf("regress: %d rows of targets for %d training points", p.n, n)
	}
	if err := finiteEntries("target", contiguous(y), p.o); err != nil {
		return nil, nil, err
	}
	if err := p.weigh(s.Noise); err != nil {
		return nil, nil, err
	}
	if err := p.divide(s.Folds); err != nil {
		return nil, nil, err
	}
	for _, v := range s.Ridges {
		if !(v >= 0) || math.IsInf(v, 0) {
			return nil, nil, fmt.Errorf("regress: a ridge of %v; it must be a finite number ≥ 0", v)
		}
	}
	if s.Ridges != nil {
		if len(s.Ridges) == 0 {
			return nil, nil, fmt.Errorf("regress: no ridges to try; nil takes those by default")
		}
		return p, s.Ridges, nil
	}
	mean, err := p.meanDiagonal(ctx)
	if err != nil {
		return nil, nil, err
	}
	var ridges []float64
	for e := -20.0; e <= 2; e++ {
		ridges = append(ridges, mean*math.Pow(10, e/2))
	}
	return p, ridges, nil
}

// weigh takes the noise for the unit.
func (p *path) weigh(noise []float64) error {
	p.scale = make([]float64, p.n)
	if noise == nil {
		for i := range p.scale {
			p.scale[i] = 1
		}
		return nil
	}
	if err := checkFactors(noise, p.n); err != nil {
		return err
	}
	for i, v := range noise {
		p.scale[i] = math.Sqrt(v)
		p.logs += math.Log(v)
		floats.Scale(1/p.scale[i], p.targets.RawRowView(i))
	}
	p.train = changed{p.train, func(tile []float64, i0, i1, j0, j1 int) {
		for i := i0; i < i1; i++ {
			for j := j0; j < j1; j++ {
				tile[(i-i0)*(j1-j0)+j-j0] /= p.scale[i] * p.scale[j]
			}
		}
	}}
	return nil
}

// divide collects the points of the folds.
func (p *path) divide(folds []int) error {
	if folds == nil {
		return nil
	}
	if len(folds) != p.n {
		return fmt.Errorf("regress: Folds has %d entries for %d training points", len(folds), p.n)
	}
	points := map[int][]int{}
	for i, f := range folds {
		if f < 0 {
			return fmt.Errorf("regress: point %d is in fold %d; folds are numbered from 0", i, f)
		}
		points[f] = append(points[f], i)
	}
	if len(points) < 2 {
		return fmt.Errorf("regress: all points are in one fold; at least two folds are needed")
	}
	for _, fold := range points {
		p.folds = append(p.folds, fold)
	}
	slices.SortFunc(p.folds, slices.Compare) // sums in one order, whatever that of the map
	return nil
}

// meanDiagonal returns the mean of the diagonal of the Gram matrix.
func (p *path) meanDiagonal(ctx context.Context) (float64, error) {
	var sum float64
	for i := range p.n {
		one := []float64{0}
		if err := gramOf(p.train).FiniteTile(ctx, one, i, i+1, i, i+1); err != nil {
			return 0, err
		}
		sum += one[0]
	}
	if mean := sum / float64(p.n); mean > 0 && !math.IsInf(mean, 0) {
		return mean, nil
	}
	return 0, fmt.Errorf("regress: the mean of the Gram matrix's diagonal is %v, and so is no "+
		"unit for ridges; give Ridges", sum/float64(p.n))
}

// decomposed returns how a ridge is solved by the eigenvectors V of the Gram matrix.
func (p *path) decomposed(
	ctx context.Context,
) (func(ctx context.Context, ridge float64) (*solution, error), error) {
	n, o := p.n, p.o
	values, vectors, err := eigen(ctx, p.train)
	if err != nil {
		return nil, err
	}
	b64 := accel.Float64()
	projected := make([]float64, n*o)
	b64.Dgemm(blas.Trans, blas.NoTrans, n, o, n, 1, vectors, n, contiguous(p.targets), o, 0,
		projected, o)
	return func(ctx context.Context, ridge float64) (*solution, error) {
		least, largest := values[0]+ridge, values[n-1]+ridge
		if !(least > float64(n)*0x1p-52*largest) {
			return nil, newSpectrum(values, n).singular(ridge)
		}
		s := &solution{weights: make([]float64, n*o), diagonal: make([]float64, n)}
		inverse, half := make([]float64, n), make([]float64, n*o)
		s.logLikelihood = -float64(n*o) / 2 * math.Log(2*math.Pi)
		for j, v := range values {
			inverse[j] = 1 / (v + ridge)
			s.freedom += v * inverse[j]
			s.logLikelihood -= float64(o) / 2 * math.Log(v+ridge)
			for k, w := range projected[j*o : (j+1)*o] {
				half[j*o+k] = w * inverse[j]
				s.logLikelihood -= w * half[j*o+k] / 2
			}
		}
		b64.Dgemm(blas.NoTrans, blas.NoTrans, n, o, n, 1, vectors, n, half, o, 0, s.weights, o)
		parallel.For(n, 64, func(lo, hi int) {
			for i := lo; i < hi; i++ {
				for j, v := range vectors[i*n : (i+1)*n] {
					s.diagonal[i] += v * v * inverse[j]
				}
			}
		})
		s.block = func(points []int) (*mat.Dense, error) {
			m := len(points)
			rows, scaled := make([]float64, m*n), make([]float64, m*n)
			for a, i := range points {
				copy(rows[a*n:], vectors[i*n:(i+1)*n])
				floats.MulTo(scaled[a*n:(a+1)*n], rows[a*n:(a+1)*n], inverse)
			}
			block := make([]float64, m*m)
			b64.Dgemm(blas.NoTrans, blas.Trans, m, m, n, 1, rows, n, scaled, n, 0, block, m)
			return mat.NewDense(m, m, block), nil
		}
		return s, ctx.Err()
	}, nil
}

// factored solves a ridge by a factorisation.
func (p *path) factored(ctx context.Context, ridge float64) (*solution, error) {
	settings := &RidgeSettings{Ridge: ridge}
	r, err := NewRidge(ctx, p.train, p.targets, settings)
	if err != nil {
		return nil, err
	}
	likelihoods, err := r.LogMarginalLikelihood()
	if err != nil {
		return nil, err
	}
	s := &solution{weights: contiguous(r.Weights()), diagonal: r.inverseDiagonal(),
		logLikelihood: floats.Sum(likelihoods)}
	s.freedom = float64(p.n) - ridge*floats.Sum(s.diagonal)
	s.block = func(points []int) (*mat.Dense, error) {
		m := len(points)
		columns := mat.NewDense(p.n, m, nil)
		for a, i := range points {
			columns.Set(i, a, 1)
		}
		r, err := NewRidge(ctx, p.train, columns, settings)
		if err != nil {
			return nil, err
		}
		whole, block := r.Weights(), mat.NewDense(m, m, nil)
		for a, i := range points {
			block.SetRow(a, whole.RawRowView(i))
		}
		return block, nil
	}
	return s, nil
}

// score returns what is known of one ridge.
func (p *path) score(
	ctx context.Context, ridge float64,
	at func(ctx context.Context, ridge float64) (*solution, error),
) (RidgeScore, error) {
	s, err := at(ctx, ridge)
	if err != nil {
		return RidgeScore{}, err
	}
	if err := finiteEntries("weight", s.weights, p.o); err != nil {
		return RidgeScore{}, fmt.Errorf("%w: the targets over the kernel are beyond double "+
			"precision", err)
	}
	score := RidgeScore{Ridge: ridge, Freedom: s.freedom,
		LogLikelihood: s.logLikelihood - float64(p.o)/2*p.logs}
	left := mat.DenseCopyOf(p.y) // the predictions where a point is left out
	for i, v := range s.diagonal {
		row := s.weights[i*p.o : (i+1)*p.o]
		predicted := left.RawRowView(i)
		floats.AddScaled(predicted, -p.scale[i]/v, row)
		for j, y := range p.y.RawRowView(i) { // 0 has no sign, and its rounding none that counts
			if math.Abs(predicted[j]) <= 0x1p-50*math.Abs(y) {
				predicted[j] = 0
			}
		}
		squares := floats.Dot(row, row)
		score.LeaveOneOut += squares * p.scale[i] * p.scale[i] / (v * v) / float64(p.n)
		score.GCV += squares
	}
	trace := floats.Sum(s.diagonal)
	score.GCV *= float64(p.n) / (trace * trace)
	if score.LeaveOneOutAccuracy, err = ntk.Accuracy(left, p.y); err != nil {
		return RidgeScore{}, err
	}
	for _, fold := range p.folds {
		block, err := s.block(fold)
		if err != nil {
			return RidgeScore{}, err
		}
		off := mat.NewDense(len(fold), p.o, nil)
		for a, i := range fold {
			off.SetRow(a, s.weights[i*p.o:(i+1)*p.o])
		}
		r, err := NewRidge(ctx, ntk.MatrixTiles(block), off, nil)
		if err != nil {
			return RidgeScore{}, fmt.Errorf("regress: the fold of point %d with the ridge %v: %w",
				fold[0], ridge, err)
		}
		missed := r.Weights()
		for a, i := range fold {
			row := missed.RawRowView(a)
			score.KFold += floats.Dot(row, row) * p.scale[i] * p.scale[i] / float64(p.n)
		}
	}
	return score, nil
}
