package regress

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sync"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/internal/accel"
	"github.com/kernelsmith/kernelsmith/ntk/internal/tiled"
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/floats"
	lapack "gonum.org/v1/gonum/lapack/gonum"
	"gonum.org/v1/gonum/mat"
)

// RidgeSettings say what is added to the diagonal of the Gram matrix; nil and
// the zero value add nothing, and the regression goes through the targets.
type RidgeSettings struct {
	// Ridge δ ≥ 0 is absolute: K + δI, in the units of the kernel. For a Gaussian
	// process it is the variance of the noise.
	Ridge float64
	// RelativeRidge ≥ 0 is in units of the mean of K's diagonal, and is added to
	// Ridge.
	RelativeRidge float64
	// PseudoInverse takes the solution of the least norm where K is singular and
	// nothing is added to it, as where two inputs are equal: the limit of the
	// ridge to 0, and of gradient descent from f = 0 to infinite time. Without it
	// that is a SingularError. It has no part where there is a ridge.
	PseudoInverse bool
}

// Ridge is kernel ridge regression: with targets Y at the training points X,
//
//	f(x) = K(x, X) (K + δI)⁻¹ Y
//
// in every output by itself, without an offset. It is also the posterior mean
// of a Gaussian process of covariance K whose values were seen with noise of
// variance δ; see [Ridge.Covariance] and [Ridge.LogMarginalLikelihood].
//
// With the NTK and δ = 0 it is what a net of infinite width has learned after
// infinite time, centred or with outputs 0 at initialisation; with the NNGP
// kernel, the posterior of the net of infinite width as a prior.
//
// Source: C. Rasmussen, C. Williams, Gaussian Processes for Machine Learning,
// MIT Press 2006, eq. 2.25 to 2.30, 5.12; [JGH18].
type Ridge struct {
	n, outputs int
	ridge      float64
	condition  float64
	rank       int
	targets    []float64 // Y, n×outputs
	weights    []float64 // (K + δI)⁻¹ Y, n×outputs

	factor *lower[float64] // L, K + δI = L Lᵀ; nil after a pseudo-inverse
	// of a pseudo-inverse
	values, vectors []float64 // λ ascending, 0 where it is taken for 0; V, n×n

	inverseDiagonal func() []float64
}

// SingularError reports a Gram matrix that has no inverse in double precision.
type SingularError struct {
	Points int
	// Rank is the number of eigenvalues that rounding does not explain; of more than 2,048
	// points, of a sample of 1,024, and so a lower bound.
	Rank      int
	Condition float64 // of K + δI, λ_max/λ_min or an estimate of it; may be +Inf
	Ridge     float64 // δ
	SafeRidge float64 // a ridge that does, absolute
}

// Error implements error.
func (e *SingularError) Error() string {
	if e.Rank == 0 {
		return fmt.Sprintf("regress: the Gram matrix of %d points has rank 0: it is 0 but for "+
			"rounding; with any ridge > 0 the regression is the function 0: see whether the "+
			"kernel or the inputs are what they should be", e.Points)
	}
	return fmt.Sprintf(
		"regress: the Gram matrix of %d points with ridge %v is singular to rounding: rank %d, "+
			"condition number %.3g; "+
			"give a ridge of %.2g or more, leave out equal points, or ask for "+
			"the PseudoInverse",
		e.Points,
		e.Ridge,
		e.Rank,
		e.Condition,
		e.SafeRidge,
	)
}

// NewRidge fits the regression to the n×n Gram matrix of the training points and
// the n×outputs targets. Neither is kept or changed. Of the Gram matrix the tiles on and
// below the diagonal are read, each once, on all processors: [ntk.GramTiles] are those of
// a kernel, [ntk.MatrixTiles] of a matrix that is there; [InPlace] is a matrix that may be
// overwritten, which saves all other memory. If ctx ends, its error is returned within a
// second or two, but not while a pseudo-inverse is computed.
//
// A negative ridge or entries that are not finite are an error; a matrix with a
// truly negative eigenvalue is a [*IndefiniteError], though one that a ridge covers
// is found only if an entry exceeds what its diagonal allows, |K_ij|² ≤ K_ii K_jj.
// If K + δI is singular to rounding, that is a [*SingularError], unless δ is 0 and
// the settings ask for the pseudo-inverse.
//
// Cost: a Cholesky factorisation, n³/3 operations, and 2n² for each output, with 4n² bytes; an
// eigendecomposition for a pseudo-inverse, of up to 32,766 points. [Solve] takes more points.
func NewRidge(
	ctx context.Context, train ntk.Tiles[float64], y *mat.Dense, s *RidgeSettings,
) (*Ridge, error) {
	if s == nil {
		s = &RidgeSettings{}
	}
	if isEmpty(train) || y == nil || isEmpty(ntk.MatrixTiles(y)) {
		return nil, fmt.Errorf("regress: a Gram matrix and targets are needed, each with entries")
	}
	if err := checkRidges(s.Ridge, s.RelativeRidge); err != nil {
		return nil, err
	}
	n, _ := train.Dims()
	rows, outputs := y.Dims()
	if rows != n {
		return nil, fmt.Errorf("regress: %d rows of targets for %d training points", rows, n)
	}
	if _, err := checkSquare(train); err != nil {
		return nil, err
	}
	r := &Ridge{n: n, outputs: outputs, targets: append([]float64(nil), contiguous(y)...)}
	if err := finiteEntries("target", r.targets, outputs); err != nil {
		return nil, err
	}
	triangle, err := triangleOf[float64](ctx, train, nil)
	if err != nil {
		return nil, err
	}
	if r.ridge, err = triangle.ridge(s.Ridge, s.RelativeRidge); err != nil {
		return nil, err
	}
	r.weights = append([]float64(nil), r.targets...)
	r.inverseDiagonal = sync.OnceValue(r.computeInverseDiagonal)
	ok, err := r.byCholesky(ctx, triangle)
	if err == nil && !ok {
		triangle = nil //nolint:wastedassign // a pseudo-inverse takes the memory
		err = r.byEigen(ctx, train, s.PseudoInverse)
	}
	if err != nil {
		return nil, err
	}
	if err := finiteEntries("weight", r.weights, outputs); err != nil {
		return nil, fmt.Errorf("%w: the targets over the kernel are beyond double precision", err)
	}
	return r, nil
}

// triangleOf returns what is on and below the diagonal of t: in the memory that was handed over, if
// it was and has the precision, or in memory of its own.
func triangleOf[F, T accel.Float](
	ctx context.Context, t ntk.Tiles[T], step func(),
) (*lower[F], error) {
	if given, ok := any(t).(*inPlace[F]); ok {
		return given.take()
	}
	n, _ := t.Dims()
	l := newLower[F](n)
	return l, fill(ctx, gramOf(t), l, step)
}

// ridge returns what two settings come to for a Gram matrix.
func (l *lower[T]) ridge(ridge, relative float64) (float64, error) {
	var trace float64
	for i := range l.n {
		trace += float64(l.row(i)[i])
	}
	ridge += relative * trace / float64(l.n)
	if math.IsInf(trace, 0) || math.IsInf(ridge, 0) || math.IsNaN(ridge) {
		return 0, fmt.Errorf("regress: the trace of the Gram matrix is %v and the ridge %v: "+
			"beyond double precision; scale the kernel down", trace, ridge)
	}
	return ridge, nil
}

// checkRidges reports a Ridge or RelativeRidge of settings that is out of range.
func checkRidges(ridge, relative float64) error {
	for _, c := range []struct {
		name  string
		value float64
	}{{"Ridge", ridge}, {"RelativeRidge", relative}} {
		if !(c.value >= 0) || math.IsInf(c.value, 0) {
			return fmt.Errorf("regress: %s is %v; it must be a finite number ≥ 0", c.name, c.value)
		}
	}
	return nil
}

// notFinite is the error that names an entry.
func notFinite(name string, v float64, row, column int) error {
	return fmt.Errorf("regress: the %s is %v in row %d, column %d; it must be finite", name, v, row,
		column)
}

// finiteEntries returns an error that names the first entry that is not finite.
func finiteEntries(name string, entries []float64, cols int) error {
	for i, v := range entries {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return notFinite(name, v, i/cols, i%cols)
		}
	}
	return nil
}

// examine returns the 1-norm of the matrix with a ridge added, and whether all principal minors of
// two rows can be those of a positive semidefinite matrix, up to rounding.
func (l *lower[T]) examine(ridge float64) (norm float64, minorsAllow bool) {
	minorsAllow = true
	roots := make([]float64, l.n) // not products of diagonal entries, which can underflow
	for i := range roots {
		own := float64(l.row(i)[i])
		if !(own >= 0) {
			minorsAllow = false
		}
		roots[i] = math.Sqrt(math.Abs(own))
	}
	slack := 1 + 1e-7
	if accel.IsSingle[T]() {
		slack = 1 + 1e-3
	}
	type part struct {
		sums     []float64
		exceeded bool
	}
	sums := make([]float64, l.n)
	// A context that does not end, and parts that do not fail.
	_ = tiled.InTurn(context.Background(), l.blocks(), func(b int, p *part) error {
		from, to := l.rows(b)
		clear(p.sums[:to])
		for i := from; i < to; i++ {
			row := l.row(i)
			most, sum := slack*roots[i], 0.0
			others := p.sums[:i]
			for j, v := range row[:i] {
				size := math.Abs(float64(v))
				if size > most*roots[j] {
					p.exceeded = true
				}
				sum += size
				others[j] += size
			}
			p.sums[i] += sum + math.Abs(float64(row[i])+ridge)
		}
		return nil
	}, func(b int, p *part) {
		_, to := l.rows(b)
		for i, v := range p.sums[:to] {
			sums[i] += v
		}
		minorsAllow = minorsAllow && !p.exceeded
	}, func() *part { return &part{sums: make([]float64, l.n)} })
	return slices.Max(sums), minorsAllow
}

// byCholesky solves where K + δI is positive definite and has a condition number
// that leaves digits.
func (r *Ridge) byCholesky(ctx context.Context, a *lower[float64]) (ok bool, err error) {
	norm, minorsAllow := a.examine(r.ridge)
	if !minorsAllow {
		return false, nil
	}
	a.addDiagonal(r.ridge)
	if _, ok, err := a.factor(ctx, lift{}, nil); !ok {
		return false, err
	}
	reciprocal := 1 / (a.inverseNorm() * norm)
	if !(reciprocal > float64(r.n)*0x1p-52) {
		return false, nil
	}
	r.factor, r.condition, r.rank = a, 1/reciprocal, r.n
	a.solve(r.outputs, r.weights)
	return true, nil
}

// solve overwrites the n×columns matrix x with (L Lᵀ)⁻¹ x.
func (l *lower[T]) solve(columns int, x []T) {
	l.forward(0, columns, x)
	l.backward(columns, x)
}

// inverseNorm estimates the 1-norm of the inverse of a factored matrix, as LAPACK does.
func (l *lower[T]) inverseNorm() float64 {
	var saved [3]int
	v, x, signs := make([]float64, l.n), make([]float64, l.n), make([]int, l.n)
	work := make([]T, l.n)
	for norm, next := 0.0, 0; ; {
		norm, next = lapack.Implementation{}.Dlacn2(l.n, v, x, signs, norm, next, &saved)
		if next == 0 {
			return norm
		}
		for i, v := range x {
			work[i] = T(v)
		}
		l.solve(1, work)
		for i, v := range work {
			x[i] = float64(v)
		}
	}
}

// byEigen says why there is no Cholesky factor, or takes the pseudo-inverse.
func (r *Ridge) byEigen(ctx context.Context, train ntk.Tiles[float64], pseudo bool) error {
	n := r.n
	if !pseudo || r.ridge > 0 {
		s, err := spectrumOf(ctx, train)
		if err != nil {
			return err
		}
		if s.indefinite() {
			return &IndefiniteError{s.least, s.largest}
		}
		return s.singular(r.ridge)
	}
	if n > accel.MostEigen {
		return fmt.Errorf("regress: a pseudo-inverse of %d points; up to %d can be had, more need "+
			"a ridge", n, accel.MostEigen)
	}
	gram, _, err := gram(ctx, gramOf(train))
	if err != nil {
		return err
	}
	values := make([]float64, n)
	if !accel.SymEigen(n, gram, values) {
		return fmt.Errorf("regress: the eigenvalues of the %d×%d Gram matrix did not converge", n,
			n)
	}
	s := newSpectrum(values, n)
	if s.indefinite() {
		return &IndefiniteError{s.least, s.largest}
	}
	r.rank = s.rank
	for i := range n - s.rank {
		values[i] = 0
	}
	r.condition = math.Inf(1)
	r.values, r.vectors = values, gram
	if r.rank > 0 {
		r.condition = s.largest / values[n-r.rank]
	}
	o := r.outputs
	b64 := accel.Float64()
	projected := make([]float64, n*o)
	b64.Dgemm(blas.Trans, blas.NoTrans, n, o, n, 1, gram, n, r.targets, o, 0, projected, o)
	for i, v := range values {
		for j := range o {
			if v == 0 {
				projected[i*o+j] = 0
			} else {
				projected[i*o+j] /= v
			}
		}
	}
	b64.Dgemm(blas.NoTrans, blas.NoTrans, n, o, n, 1, gram, n, projected, o, 0, r.weights, o)
	return nil
}

// Ridge returns δ, what was added to the diagonal: both settings in absolute
// terms.
func (r *Ridge) Ridge() float64 { return r.ridge }

// Condition returns the condition number of K + δI, as LAPACK estimates it in
// the 1-norm; of a pseudo-inverse, the largest over the least eigenvalue that
// was kept.
func (r *Ridge) Condition() float64 { return r.condition }

// Rank returns the number of training points, or of the eigenvalues that a
// pseudo-inverse kept.
func (r *Ridge) Rank() int { return r.rank }

// Weights returns a copy of (K + δI)⁻¹ Y, n×outputs: f(x) = K(x, X) times it.
func (r *Ridge) Weights() *mat.Dense {
	return mat.NewDense(r.n, r.outputs, append([]float64(nil), r.weights...))
}

// Predict returns f at m points, m×outputs, from the m×n matrix of the kernel
// between them and the training points. Cost: 2·m·n·outputs.
func (r *Ridge) Predict(ctx context.Context, cross ntk.Tiles[float64]) (*mat.Dense, error) {
	return predict(ctx, cross, r.weights, r.n, r.outputs)
}

// predict returns the cross matrix, m×n, times the weights, n×outputs.
func predict[T accel.Float](
	ctx context.Context, cross ntk.Tiles[T], weights []float64, n, outputs int,
) (*mat.Dense, error) {
	m, err := checkCross(cross, n)
	if err != nil {
		return nil, err
	}
	f := mat.NewDense(m, outputs, nil)
	out := f.RawMatrix().Data
	if err := times(ctx, crossOf(cross), weights, out, outputs); err != nil {
		return nil, err
	}
	if err := finiteEntries("prediction", out, outputs); err != nil {
		return nil, err
	}
	return f, nil
}

// checkCross returns the rows of a cross matrix, which has n columns.
func checkCross[T accel.Float](cross ntk.Tiles[T], n int) (m int, err error) {
	if isEmpty(cross) {
		return 0, fmt.Errorf("regress: a cross matrix with entries is needed")
	}
	m, columns := cross.Dims()
	if columns != n {
		return 0, fmt.Errorf("regress: the cross matrix has %d columns for %d training points",
			columns, n)
	}
	return m, nil
}

// crossRows returns the cross matrix, row-major.
func (r *Ridge) crossRows(
	ctx context.Context, cross ntk.Tiles[float64],
) (rows []float64, m int, err error) {
	if m, err = checkCross(cross, r.n); err != nil {
		return nil, 0, err
	}
	if rows, err = assembled(ctx, crossOf(cross)); err != nil {
		return nil, 0, err
	}
	return rows, m, finiteEntries("cross matrix", rows, r.n)
}

// LeaveOneOut returns, for each training point, the prediction at it of the
// regression on the others with the same δ, n×outputs, without fitting any of
// them:
//
//	f₋ᵢ(xᵢ) = yᵢ - [A⁻¹Y]ᵢ / [A⁻¹]ᵢᵢ,  A = K + δI,
//
// and the limit of that for δ → 0 after a pseudo-inverse. Cost: n³/3 once.
func (r *Ridge) LeaveOneOut() *mat.Dense {
	n, o := r.n, r.outputs
	out := mat.NewDense(n, o, append([]float64(nil), r.targets...))
	f, diagonal := out.RawMatrix().Data, r.inverseDiagonal()
	if r.factor != nil {
		for i, v := range diagonal {
			floats.AddScaled(f[i*o:(i+1)*o], -1/v, r.weights[i*o:(i+1)*o])
		}
		return out
	}
	// For δ → 0, A⁻¹ → P/δ + K⁺ with P the projection on the null space.
	zeros := n - r.rank
	b64 := accel.Float64()
	projected, missed := make([]float64, zeros*o), make([]float64, n*o) // P Y
	if zeros > 0 {
		b64.Dgemm(blas.Trans, blas.NoTrans, zeros, o, n, 1, r.vectors, n, r.targets, o, 0,
			projected, o)
		b64.Dgemm(blas.NoTrans, blas.NoTrans, n, o, zeros, 1, r.vectors, n, projected, o, 0, missed,
			o)
	}
	for i, v := range diagonal {
		null := floats.Dot(r.vectors[i*n:i*n+zeros], r.vectors[i*n:i*n+zeros])
		if null > 1e-10 { // else the point is in no dependence between points
			floats.AddScaled(f[i*o:(i+1)*o], -1/null, missed[i*o:(i+1)*o])
		} else if v > 0 {
			floats.AddScaled(f[i*o:(i+1)*o], -1/v, r.weights[i*o:(i+1)*o])
		}
	}
	return out
}

// computeInverseDiagonal returns the diagonal of A⁻¹ or, of a pseudo-inverse, K⁺.
func (r *Ridge) computeInverseDiagonal() []float64 {
	n := r.n
	diagonal := make([]float64, n)
	if r.factor == nil {
		for i := range n {
			for j, v := range r.values {
				if v > 0 {
					diagonal[i] += r.vectors[i*n+j] * r.vectors[i*n+j] / v
				}
			}
		}
		return diagonal
	}
	// [A⁻¹]ᵢᵢ is the square norm of column i of L⁻¹, which is 0 above row i: so
	// blocks of columns from their first row down.
	for b := range r.factor.blocks() {
		k, end := r.factor.rows(b)
		width := end - k
		columns := make([]float64, (n-k)*width)
		for j := range width {
			columns[j*width+j] = 1
		}
		r.factor.forward(b, width, columns)
		for i, v := range columns {
			diagonal[k+i%width] += v * v
		}
	}
	return diagonal
}

// Covariance returns the posterior covariance of the Gaussian process at m
// points, the same for every output and without the noise,
//
//	K(x, x') - K(x, X) (K + δI)⁻¹ K(X, x'),
//
// from the m×n cross matrix and the m×m Gram matrix of the points. Cost: m·n²
// operations, and m²·n.
func (r *Ridge) Covariance(
	ctx context.Context, cross, test ntk.Tiles[float64],
) (*mat.SymDense, error) {
	rows, m, err := r.crossRows(ctx, cross)
	if err != nil {
		return nil, err
	}
	square := !isEmpty(test)
	if square {
		a, b := test.Dims()
		square = a == m && b == m
	}
	if !square {
		return nil, fmt.Errorf(
			"regress: the Gram matrix of the test points must be %d×%d, like the cross matrix "+
				"has rows", m, m)
	}
	prior, _, err := gram(ctx,
		&source[float64]{Tiles: test, name: "Gram matrix of the test points"})
	if err != nil {
		return nil, err
	}
	half := r.whiten(rows, m) // explained = halfᵀ half
	explained := make([]float64, m*m)
	accel.Float64().Dgemm(blas.Trans, blas.NoTrans, m, m, r.n, 1, half, m, half, m, 0, explained, m)
	out := mat.NewSymDense(m, nil)
	for i := range m {
		for j := i; j < m; j++ {
			out.SetSym(i, j, prior[i*m+j]-explained[i*m+j])
		}
	}
	for i := range m {
		v, err := notNegative(out.At(i, i), prior[i*m+i], i)
		if err != nil {
			return nil, err
		}
		out.SetSym(i, i, v)
	}
	return out, nil
}

// Variance returns the diagonal of [Ridge.Covariance], from the cross matrix and
// K(x, x) at its m points. Cost: m·n².
func (r *Ridge) Variance(
	ctx context.Context, cross ntk.Tiles[float64], diagonal []float64,
) ([]float64, error) {
	rows, m, err := r.crossRows(ctx, cross)
	if err != nil {
		return nil, err
	}
	if len(diagonal) != m {
		return nil, fmt.Errorf("regress: %d values K(x, x) for the %d rows of the cross matrix",
			len(diagonal), m)
	}
	if err := finiteEntries("diagonal K(x, x)", diagonal, 1); err != nil {
		return nil, err
	}
	half, out := r.whiten(rows, m), append([]float64(nil), diagonal...)
	for i, v := range half {
		out[i%m] -= v * v
	}
	for i, v := range out {
		if out[i], err = notNegative(v, diagonal[i], i); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// notNegative is a posterior variance, 0 where it is below that by what rounding does to a kernel
// with a kink; further below, the cross matrix is not of the kernel that K(x, x) is of.
func notNegative(v, prior float64, point int) (float64, error) {
	if !(v >= -1e-6*prior) || math.IsInf(v, 0) {
		return 0, fmt.Errorf("regress: the variance at point %d is %v, where K(x, x) = %v: the "+
			"cross matrix, the Gram matrix and K(x, x) are not of one kernel", point, v, prior)
	}
	return math.Max(0, v), nil
}

// whiten returns L⁻¹ K(X, x), n×m, or Λ^(-½) Vᵀ K(X, x): a matrix whose square is
// what the training points explain.
func (r *Ridge) whiten(rows []float64, m int) []float64 {
	n, half := r.n, make([]float64, r.n*m)
	if r.factor != nil {
		for i := range m {
			for j := range n {
				half[j*m+i] = rows[i*n+j]
			}
		}
		r.factor.forward(0, m, half)
		return half
	}
	accel.Float64().Dgemm(blas.Trans, blas.Trans, n, m, n, 1, r.vectors, n, rows, n, 0, half, m)
	for i, v := range r.values {
		scale := 0.0
		if v > 0 {
			scale = 1 / math.Sqrt(v)
		}
		floats.Scale(scale, half[i*m:(i+1)*m])
	}
	return half
}

// LogMarginalLikelihood returns, for each output, the log of the density of its
// targets under the Gaussian process with noise of variance δ,
//
//	-½ yᵀ(K + δI)⁻¹y - ½ log det(K + δI) - n/2 log 2π.
//
// Outputs are independent, so together they have the sum. After a
// pseudo-inverse of a singular matrix there is no density, and it is an error.
func (r *Ridge) LogMarginalLikelihood() ([]float64, error) {
	if r.factor == nil {
		return nil, &SingularError{
			Points:    r.n,
			Rank:      r.rank,
			Condition: math.Inf(1),
			Ridge:     r.ridge,
		}
	}
	constant := -0.5 * float64(r.n) * math.Log(2*math.Pi)
	for i := range r.n {
		constant -= math.Log(r.factor.row(i)[i])
	}
	out := make([]float64, r.outputs)
	for j := range out {
		out[j] = constant
		for i := range r.n {
			out[j] -= 0.5 * r.targets[i*r.outputs+j] * r.weights[i*r.outputs+j]
		}
	}
	return out, nil
}
