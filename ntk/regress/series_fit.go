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
	"github.com/kernelsmith/kernelsmith/ntk/internal/simplex"
	"github.com/kernelsmith/kernelsmith/ntk/internal/tiled"
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/mat"
)

// SeriesSettings say what the kernel that [FitSeries] or [FitSum] looks for is to be best at; nil
// and the zero value are four folds without a ridge.
type SeriesSettings struct {
	// Criterion is what is made least: "folds", the mean squared error of the points that a part
	// of them is predicted at from the others; "leave-one-out", the same with a part for each
	// point; "likelihood", the negative logarithm of the marginal likelihood of a Gaussian
	// process of this covariance, for each number in the targets and at the scale of the
	// covariance that makes it least. "" is "folds".
	Criterion string
	// Folds is the number of parts, of neighbouring rows, 2 … n; 0 stands for 4.
	Folds int
	// RelativeRidge ≥ 0 is added to the diagonal, in units of K(1), or of the mean of the diagonal
	// of a sum of kernels.
	RelativeRidge float64
	// Iterations ≥ 0 is the most steps of the search; 0 stands for 200.
	Iterations int
	// Progress, if not nil, is told of each step.
	Progress func(iteration int, loss float64) `json:"-"`
}

// SeriesFit is the kernel K(c) = Σ a_k c^k that [FitSeries] has found, or K = Σ a_k K_k of
// [FitSum], with a_k ≥ 0.
type SeriesFit struct {
	// Coeffs are a_0 … a_degree, of sum K(1) = 1; for other kernels, one for each of them, with
	// which the mean of K's diagonal is 1.
	Coeffs      []float64
	Loss        float64 // the criterion's value
	Iterations  int     // steps of the search
	Evaluations int     // kernels that were tried
	Converged   bool    // no longer falling, rather than out of steps
}

// String says what the search came to, in a line.
func (f SeriesFit) String() string {
	end := "out of steps"
	if f.Converged {
		end = "converged"
	}
	return fmt.Sprintf("coefficients %.2g, loss %.4g, %s after %d steps and %d evaluations",
		f.Coeffs, f.Loss, end, f.Iterations, f.Evaluations)
}

// FitSeries looks for the kernel of the cosine, by its power series, that regression with is best
// at on given data, from the coefficients start on, of which none may be negative; their number
// says the degree. cosines is the n×n matrix of the cosines between the training points, such
// as the tiles of the kernel K(c) = c, and y their n×outputs targets. A kernel with such a series
// is one in any dimension, and that of a net of one hidden layer by theorem 1 of the paper, so
// that the result can be handed to package inverse.
//
// The roots of the coefficients are searched by a quasi-Newton method with exact gradients. The
// criterion is not convex: several starts tell whether they lead to one kernel. It may also be flat
// to rounding: along a_0, once the constant is large, and between neighbouring high degrees, which
// differ only at negative cosines that the points do not have. A mean squared error is the sum
// over outputs, averaged over points. Kernel matrices that are singular to rounding are passed
// over.
//
// Memory: four n×n matrices in the precision of T. Cost for each kernel that is tried: a Cholesky
// factorisation for each fold, that is 9/16 n³ operations for four, or n³ for the likelihood and
// 2n³ for leave-one-out, and 2n² times the number of coefficients. If ctx ends, its error is
// returned.
//
// Source: the first version of the paper, arXiv 2106.03186v1, section 4 and Fig. 3; C. Rasmussen,
// C. Williams, Gaussian Processes for Machine Learning, MIT Press 2006, eq. 5.8 to 5.13.
func FitSeries[T float32 | float64](
	ctx context.Context, cosines ntk.Tiles[T], y *mat.Dense, start []float64, s *SeriesSettings,
) (*SeriesFit, error) {
	f, err := newSeriesFitter(ctx, cosines, y, s)
	if err != nil {
		return nil, err
	}
	return f.fit(ctx, start)
}

// newSeriesFitter returns the fitter of FitSeries.
func newSeriesFitter[T accel.Float](
	ctx context.Context, of ntk.Tiles[T], y *mat.Dense, s *SeriesSettings,
) (*kernelFitter[T], error) {
	if isEmpty(of) || y == nil || isEmpty(ntk.MatrixTiles(y)) {
		return nil, errors.New(
			"regress: a matrix of cosines and targets are needed, each with entries")
	}
	f, err := newKernelFitter(of, y, s)
	if err != nil {
		return nil, err
	}
	c := cosines[T]{n: f.n, c: make([]T, f.n*f.n)}
	named := &source[T]{Tiles: of, name: "matrix of cosines"}
	if err := fill(ctx, named, f.lower(c.c, f.n), nil); err != nil {
		return nil, err
	}
	for i := range f.n {
		for j, v := range c.c[i*f.n : i*f.n+i+1] {
			if !(math.Abs(float64(v)) <= 1+1e-5) {
				return nil, fmt.Errorf("regress: the cosine in row %d, column %d is %v; it "+
					"must be within [-1, 1]", i, j, v)
			}
		}
	}
	f.terms = c
	return f, nil
}

// cosines are the lower triangle of an n×n matrix, whose powers are the terms of a series.
type cosines[T accel.Float] struct {
	n int
	c []T
}

func (c cosines[T]) combine(dst []T, i int, a []T) { horner(dst, c.c[i*c.n:i*c.n+i+1], a) }

func (c cosines[T]) moments(out []float64, i int, w []T) { powers(out, w, c.c[i*c.n:i*c.n+i+1]) }

// horner sets dst to Σ a_k x^k, four at a time so that none waits for another.
func horner[T accel.Float](dst, x, a []T) {
	last := len(a) - 1
	n := len(x) &^ 3
	for j := 0; j < n; j += 4 {
		x, dst := x[j:j+4:j+4], dst[j:j+4:j+4]
		x0, x1, x2, x3 := x[0], x[1], x[2], x[3]
		v0, v1, v2, v3 := a[last], a[last], a[last], a[last]
		for k := last - 1; k >= 0; k-- {
			v0, v1, v2, v3 = v0*x0+a[k], v1*x1+a[k], v2*x2+a[k], v3*x3+a[k]
		}
		dst[0], dst[1], dst[2], dst[3] = v0, v1, v2, v3
	}
	for j := n; j < len(x); j++ {
		v := a[last]
		for k := last - 1; k >= 0; k-- {
			v = v*x[j] + a[k]
		}
		dst[j] = v
	}
}

// powers adds Σ_j w_j c_j^k to out[k], in double precision.
func powers[T accel.Float](out []float64, w, c []T) {
	n := len(w) &^ 3
	for j := 0; j < n; j += 4 {
		w, c := w[j:j+4:j+4], c[j:j+4:j+4]
		v0, v1, v2, v3 := float64(w[0]), float64(w[1]), float64(w[2]), float64(w[3])
		x0, x1, x2, x3 := float64(c[0]), float64(c[1]), float64(c[2]), float64(c[3])
		for k := range out {
			out[k] += (v0 + v1) + (v2 + v3)
			v0, v1, v2, v3 = v0*x0, v1*x1, v2*x2, v3*x3
		}
	}
	for j := n; j < len(w); j++ {
		v, x := float64(w[j]), float64(c[j])
		for k := range out {
			out[k] += v
			v *= x
		}
	}
}

// terms are n×n kernel matrices, of which a linear combination is wanted.
type terms[T accel.Float] interface {
	// combine sets dst to row i of Σ a_k K_k, as far as its diagonal.
	combine(dst []T, i int, a []T)
	// moments adds Σ_j w_j K_k,ij for j up to i to out[k].
	moments(out []float64, i int, w []T)
}

// kernelFitter finds a criterion and its gradient by the coefficients. Its matrices are n×n, and
// symmetric ones have their lower triangle alone.
type kernelFitter[T accel.Float] struct {
	settings   SeriesSettings
	n, outputs int
	terms      terms[T]
	y          []T // targets, n×outputs
	loss       float64

	k     []T // the kernel with its ridge
	slope []T // of the loss by the kernel, of which the gradient is the sum with each term
	work  []T
}

// newKernelFitter returns one without terms, for matrices of the dimensions of t.
func newKernelFitter[T accel.Float](
	t ntk.Tiles[T], y *mat.Dense, s *SeriesSettings,
) (f *kernelFitter[T], err error) {
	f = &kernelFitter[T]{}
	if s != nil {
		f.settings = *s
	}
	if f.n, err = checkSquare(t); err != nil {
		return nil, err
	}
	rows, outputs := y.Dims()
	if rows != f.n {
		return nil, fmt.Errorf("regress: %d rows of targets for %d training points", rows,
			f.n)
	}
	f.outputs = outputs
	if err := f.settings.check(f.n); err != nil {
		return nil, err
	}
	targets := contiguous(y)
	if err := finiteEntries("target", targets, outputs); err != nil {
		return nil, err
	}
	f.y = make([]T, len(targets))
	zero := true
	for i, v := range targets {
		f.y[i] = T(v)
		zero = zero && f.y[i] == 0
		if math.IsInf(float64(f.y[i]), 0) {
			return nil, fmt.Errorf("regress: the target in row %d, column %d is %v, beyond single "+
				"precision; scale the targets", i/outputs, i%outputs, v)
		}
	}
	if zero && f.settings.Criterion == "likelihood" {
		return nil, errors.New("regress: all targets are 0: the likelihood grows without a " +
			"maximum as the scale of the kernel goes to 0")
	}
	f.k, f.slope = make([]T, f.n*f.n), make([]T, f.n*f.n)
	return f, nil
}

// fit searches from the coefficients start on.
func (f *kernelFitter[T]) fit(ctx context.Context, start []float64) (*SeriesFit, error) {
	least, err := simplex.Minimize(
		func(a, gradient []float64) (float64, error) {
			err := f.evaluate(ctx, a, gradient)
			return f.loss, err
		},
		start, simplex.Settings{Iterations: f.settings.Iterations, Progress: f.settings.Progress},
	)
	switch {
	case err == nil:
		return &SeriesFit{
			Coeffs: least.Weights, Loss: least.Value, Iterations: least.Iterations,
			Evaluations: least.Evaluations, Converged: least.Converged,
		}, nil
	case ctx.Err() != nil:
		return nil, err
	case errors.Is(err, simplex.ErrNoValue):
		return nil, errors.New("regress: no kernel could be tried: at the start the matrix is " +
			"singular to rounding, or not positive semidefinite; give a larger RelativeRidge")
	}
	return nil, fmt.Errorf("regress: %w", err)
}

// lower is the lower triangle of a matrix of n rows.
func (f *kernelFitter[T]) lower(data []T, n int) *lower[T] {
	return &lower[T]{n: n, block: blockOf(n), data: data[:n*n], square: true}
}

func (s *SeriesSettings) check(n int) error {
	switch s.Criterion {
	case "":
		s.Criterion = "folds"
	case "folds", "leave-one-out", "likelihood":
	default:
		return fmt.Errorf("regress: Criterion is %q; it must be folds, leave-one-out or likelihood",
			s.Criterion)
	}
	if s.Folds == 0 {
		s.Folds = 4
	}
	if s.Iterations == 0 {
		s.Iterations = 200
	}
	switch {
	case n < 2:
		return fmt.Errorf("regress: a kernel cannot be chosen by %d point", n)
	case s.Criterion == "folds" && (s.Folds < 2 || s.Folds > n):
		return fmt.Errorf("regress: %d folds of %d points; there must be 2 … %d", s.Folds, n, n)
	case s.Iterations < 0:
		return fmt.Errorf("regress: Iterations is %d; it must be ≥ 0", s.Iterations)
	}
	return checkRidges(0, s.RelativeRidge)
}

// evaluate sets the loss at the coefficients a, +Inf where the kernel matrix is singular, and
// its gradient by them.
func (f *kernelFitter[T]) evaluate(ctx context.Context, a, gradient []float64) error {
	f.loss = 0
	clear(gradient)
	if err := f.kernel(ctx, a); err != nil {
		return err
	}
	clear(f.slope)
	if f.settings.Criterion != "folds" {
		if err := f.byInverse(ctx); err != nil || math.IsInf(f.loss, 0) {
			return err
		}
		return f.moments(ctx, gradient)
	}
	for v := range f.settings.Folds {
		from, to := v*f.n/f.settings.Folds, (v+1)*f.n/f.settings.Folds
		if err := f.fold(ctx, from, to); err != nil || math.IsInf(f.loss, 0) {
			return err
		}
	}
	return f.moments(ctx, gradient)
}

// stripRows is how many rows a processor has at a time.
const stripRows = 16

// strips calls do for strips of rows that cover the matrix.
func (f *kernelFitter[T]) strips(ctx context.Context, do func(strip, from, to int)) error {
	strips := (f.n + stripRows - 1) / stripRows
	return parallel.Each(ctx, strips, func(i int, _ func() bool) error {
		do(i, i*stripRows, min((i+1)*stripRows, f.n))
		return nil
	})
}

// kernel sets k to the combination of the terms and the ridge.
func (f *kernelFitter[T]) kernel(ctx context.Context, a []float64) error {
	coeffs := make([]T, len(a))
	for k, v := range a {
		coeffs[k] = T(v)
	}
	return f.strips(ctx, func(_, from, to int) {
		for i := from; i < to; i++ {
			row := i * f.n
			f.terms.combine(f.k[row:row+i+1], i, coeffs)
			f.k[row+i] += T(f.settings.RelativeRidge)
		}
	})
}

// moments adds to the gradient Σ_ij slope_ij K_k,ij over all rows and columns.
func (f *kernelFitter[T]) moments(ctx context.Context, gradient []float64) error {
	parts := make([][]float64, (f.n+stripRows-1)/stripRows)
	err := f.strips(ctx, func(strip, from, to int) {
		part := make([]float64, len(gradient))
		for i := from; i < to; i++ {
			row := i * f.n
			f.slope[row+i] /= 2 // it is there once, all others twice
			f.terms.moments(part, i, f.slope[row:row+i+1])
		}
		parts[strip] = part
	})
	if err != nil {
		return err
	}
	for _, part := range parts { // in order: the sum is the same on any processors
		for k, v := range part {
			gradient[k] += 2 * v
		}
	}
	return nil
}

// addProducts adds the symmetric part of p qᵀ, both n×outputs, to slope.
func (f *kernelFitter[T]) addProducts(ctx context.Context, p, q []T) error {
	n, o := f.n, f.outputs
	left, right := make([]T, 2*n*o), make([]T, 2*n*o)
	for i := range n {
		for j := range o {
			p, q := p[i*o+j], q[i*o+j]
			left[2*i*o+j], left[2*i*o+o+j] = p/2, q/2
			right[2*i*o+j], right[2*i*o+o+j] = q, p
		}
	}
	serial := accel.SerialOf[T]()
	return f.strips(ctx, func(_, from, to int) {
		serial.Gemm(blas.NoTrans, blas.Trans, to-from, to, 2*o, 1, left[2*from*o:], 2*o, right,
			2*o, 1, f.slope[from*n:], n)
	})
}

// factored factors a matrix in place; it returns nil, and sets the loss, if there is no factor.
func (f *kernelFitter[T]) factored(ctx context.Context, l *lower[T]) (*lower[T], error) {
	_, ok, err := l.factor(ctx, lift{}, nil)
	if err != nil {
		return nil, err
	}
	if !ok || !l.conditioned() {
		f.loss = math.Inf(1)
		return nil, nil
	}
	return l, nil
}

// conditioned says that the pivots of a factor leave digits.
func (l *lower[T]) conditioned() bool {
	eps := 0x1p-52
	if accel.IsSingle[T]() {
		eps = 0x1p-23
	}
	least, most := math.Inf(1), 0.0
	for i := range l.n {
		v := float64(l.row(i)[i])
		least, most = math.Min(least, v), math.Max(most, v)
	}
	return least*least > float64(l.n)*eps*most*most
}

// fold adds the part of the loss of the points [from, to), predicted from the others. With
// residuals r there, weights α and u = A⁻¹ K r, its derivative by the kernel is 2/n times
// r αᵀ between them and the others, and -u αᵀ among the others.
func (f *kernelFitter[T]) fold(ctx context.Context, from, to int) error {
	n, o, m := f.n, f.outputs, to-from
	if len(f.work) < (n-m)*(n-m) {
		f.work = make([]T, (n-m)*(n-m))
	}
	l := f.lower(f.work, n-m)
	for i := range n - m {
		if row := l.row(i); i < from {
			copy(row, f.k[i*n:])
		} else {
			k := f.k[(i+m)*n:]
			copy(row[:from], k)
			copy(row[from:], k[to:])
		}
	}
	l, err := f.factored(ctx, l)
	if err != nil || l == nil {
		return err
	}
	// The kernel between them and the points before is left of their block of k, that with
	// the points behind is below it.
	b := accel.Of[T]()
	alpha, r := slices.Concat(f.y[:from*o], f.y[to*o:]), make([]T, m*o)
	l.solve(o, alpha)
	for i, v := range f.y[from*o : to*o] {
		r[i] = -v
	}
	u := make([]T, (n-m)*o)
	if from > 0 {
		b.Gemm(blas.NoTrans, blas.NoTrans, m, o, from, 1, f.k[from*n:], n, alpha, o, 1, r, o)
	}
	if to < n {
		b.Gemm(blas.Trans, blas.NoTrans, m, o, n-to, 1, f.k[to*n+from:], n, alpha[from*o:], o, 1,
			r, o)
		b.Gemm(blas.NoTrans, blas.NoTrans, n-to, o, m, 1, f.k[to*n+from:], n, r, o, 0, u[from*o:],
			o)
	}
	if from > 0 {
		b.Gemm(blas.Trans, blas.NoTrans, from, o, m, 1, f.k[from*n:], n, r, o, 0, u, o)
	}
	l.solve(o, u)
	for _, v := range r {
		f.loss += float64(v) * float64(v) / float64(n)
	}
	p := slices.Concat(u[:from*o], r, u[from*o:])
	for i := range p {
		if p[i] *= T(2 / float64(n)); i < from*o || i >= to*o {
			p[i] = -p[i]
		}
	}
	q := slices.Concat(alpha[:from*o], make([]T, m*o), alpha[from*o:])
	return f.addProducts(ctx, p, q)
}

// byInverse is a criterion that needs A⁻¹, of which it sets slope to the lower triangle for it.
func (f *kernelFitter[T]) byInverse(ctx context.Context) error {
	n, o := f.n, f.outputs
	l, err := f.factored(ctx, f.lower(f.k, n))
	if err != nil || l == nil {
		return err
	}
	alpha := slices.Clone(f.y)
	l.solve(o, alpha)
	if f.work == nil {
		f.work = make([]T, n*n)
	}
	clear(f.work) // L⁻¹, and zeros above it
	part := make([]T, n*l.block)
	for j := range l.blocks() {
		j0, j1 := l.rows(j)
		width := j1 - j0
		part := part[:(n-j0)*width]
		clear(part)
		for i := range width {
			part[i*width+i] = 1
		}
		l.forward(j, width, part)
		for i := j0; i < n; i++ {
			copy(f.work[i*n+j0:i*n+j1], part[(i-j0)*width:])
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	b := accel.Of[T]()
	for i := range l.blocks() {
		i0, i1 := l.rows(i)
		b.Syrk(blas.Lower, blas.Trans, i1, i1-i0, 1, f.work[i0*n:], n, 1, f.slope, n)
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	if f.settings.Criterion == "likelihood" {
		return f.likelihood(ctx, l, alpha)
	}
	return f.leaveOneOut(ctx, alpha)
}

// leaveOneOut is the mean of ‖α_i/b_i‖², b the diagonal of B = A⁻¹: by dB = -B dK B its
// derivative is 2/n (B diag(s) B - (B v) αᵀ), v_i = α_i/b_i² and s_i = ‖α_i‖²/b_i³. It finds B in
// slope.
//
// Source: Rasmussen and Williams, eq. 5.12 and 5.13.
func (f *kernelFitter[T]) leaveOneOut(ctx context.Context, alpha []T) error {
	n, o := f.n, f.outputs
	for i := range n {
		for j, v := range f.slope[i*n : i*n+i] {
			f.slope[j*n+i] = v
		}
	}
	v := make([]T, n*o)
	for i := range n {
		b := float64(f.slope[i*n+i])
		var square float64
		for j := range o {
			x := float64(alpha[i*o+j])
			square += x * x
			v[i*o+j] = T(x / (b * b))
		}
		f.loss += square / (b * b) / float64(n)
		s := T(math.Sqrt(square / (b * b * b)))
		for j, x := range f.slope[i*n : (i+1)*n] {
			f.work[i*n+j] = s * x
		}
	}
	b, scale := accel.Of[T](), T(2/float64(n))
	weighted := make([]T, n*o)
	b.Gemm(blas.NoTrans, blas.NoTrans, n, o, n, -scale, f.slope, n, v, o, 0, weighted, o)
	for i := 0; i < n; i += tiled.Size { // between which an interrupt is seen
		_, i1 := tiled.Span(i, n)
		b.Gemm(blas.Trans, blas.NoTrans, i1-i, i1, n, scale, f.work[i:], n, f.work, n, 0,
			f.slope[i*n:], n)
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return f.addProducts(ctx, weighted, alpha)
}

// likelihood is the negative logarithm of the marginal likelihood at the best factor of the
// covariance, for each number in the targets: ½ (log(2πe yᵀα/(n o)) + log det A/n). Its
// derivative is (A⁻¹/n - α αᵀ/(yᵀα))/2. It finds A⁻¹ in slope.
//
// Source: Rasmussen and Williams, eq. 5.8 and 5.9.
func (f *kernelFitter[T]) likelihood(ctx context.Context, l *lower[T], alpha []T) error {
	n, o := f.n, f.outputs
	var fit, log float64
	for i, v := range f.y {
		fit += float64(v) * float64(alpha[i])
	}
	for i := range n {
		log += 2 * math.Log(float64(l.row(i)[i]))
	}
	f.loss = (math.Log(2*math.Pi*math.E*fit/float64(n*o)) + log/float64(n)) / 2
	for i := range f.slope {
		f.slope[i] *= T(1 / (2 * float64(n)))
	}
	p := slices.Clone(alpha)
	for i := range p {
		p[i] *= T(-1 / (2 * fit))
	}
	return f.addProducts(ctx, p, alpha)
}
