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
	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/optimize"
)

// SeriesSettings say what the kernel that [FitSeries] looks for is to be best at; nil and the
// zero value are four folds without a ridge.
type SeriesSettings struct {
	// Criterion is what is made least: "folds", the mean squared error of the points that a part
	// of them is predicted at from the others; "leave-one-out", the same with a part for each
	// point; "likelihood", the negative logarithm of the marginal likelihood of a Gaussian
	// process of this covariance, for each number in the targets and at the scale of the
	// covariance that makes it least. "" is "folds".
	Criterion string
	// Folds is the number of parts, of neighbouring rows, 2 … n; 0 stands for 4.
	Folds int
	// RelativeRidge ≥ 0 is added to the diagonal, in units of K(1).
	RelativeRidge float64
	// Iterations ≥ 0 is the most steps of the search; 0 stands for 200.
	Iterations int
	// Progress, if not nil, is told of each step.
	Progress func(iteration int, loss float64) `json:"-"`
}

// SeriesFit is the kernel K(c) = Σ a_k c^k, a_k ≥ 0, that [FitSeries] has found.
type SeriesFit struct {
	Coeffs      []float64 // a_0 … a_degree, of sum K(1) = 1
	Loss        float64   // the criterion's value
	Iterations  int       // steps of the search
	Evaluations int       // kernels that were tried
	Converged   bool      // no longer falling, rather than out of steps
}

// FitSeries looks for the kernel of the cosine, by its power series, that regression with is best
// at on given data, from the coefficients start on, of which none may be negative; their number
// says the degree. cosines is the n×n matrix of the cosines between the training points, such
// as the tiles of the kernel K(c) = c, and y their n×outputs targets. A kernel with such a series
// is one in any dimension, and that of a net of one hidden layer by theorem 1 of the paper, so
// that the result can be handed to package inverse.
//
// The roots of the coefficients are searched by a quasi-Newton method with exact gradients. The
// criterion is not convex: several starts tell whether they lead to one kernel. A mean squared
// error is the sum over outputs, averaged over points. Kernel matrices that are singular to
// rounding are passed over.
//
// Memory: two n×n matrices in the precision of T for folds, five for the other criteria. Cost
// for each kernel that is tried: a Cholesky factorisation for each fold, or one and an inverse,
// and 4n² times the number of coefficients. If ctx ends, its error is returned.
//
// Source: the first version of the paper, arXiv 2106.03186v1, section 4 and Fig. 3; C. Rasmussen,
// C. Williams, Gaussian Processes for Machine Learning, MIT Press 2006, eq. 5.8 to 5.13.
func FitSeries[T float32 | float64](
	ctx context.Context, cosines ntk.Tiles[T], y *mat.Dense, start []float64, s *SeriesSettings,
) (*SeriesFit, error) {
	f, theta, err := newSeriesFitter(ctx, cosines, y, start, s)
	if err != nil {
		return nil, err
	}
	p := &seriesSearch{
		evaluate: func(a, gradient []float64) (float64, error) {
			err := f.evaluate(ctx, a, gradient)
			return f.loss, err
		},
		settings: f.settings, out: &SeriesFit{Loss: math.Inf(1)},
		gradient: make([]float64, len(theta)), slopes: make([]float64, len(theta)),
	}
	// At 0 a root has no slope, whichever way the coefficient should go: those that should grow
	// are moved, and the search goes on.
	for {
		before := p.out.Loss
		ended, err := p.minimize(theta)
		if err != nil {
			return nil, err
		}
		if ended {
			return p.out, nil
		}
		theta, _ = roots(p.out.Coeffs)
		p.loss(theta)
		moved := false
		for k, g := range p.slopes {
			theta[k] = math.Sqrt(p.out.Coeffs[k])
			if p.out.Coeffs[k] < 1e-6 && g < 0 {
				theta[k], moved = 1e-2, true
			}
		}
		p.out.Converged = !moved || !(p.out.Loss < before-1e-6*math.Abs(before))
		if p.out.Converged || p.out.Iterations >= f.settings.Iterations {
			return p.out, nil
		}
	}
}

// seriesSearch is a search over θ, of which the coefficients are θ²/Σ θ².
type seriesSearch struct {
	evaluate func(a, gradient []float64) (loss float64, err error)
	settings SeriesSettings
	out      *SeriesFit
	failed   error
	at       []float64 // where the loss is last, and what it and its gradient by θ are
	last     float64
	gradient []float64
	slopes   []float64 // of the loss by a_k, at K(1) = 1
}

func (p *seriesSearch) loss(theta []float64) float64 {
	if p.failed != nil {
		return math.Inf(1)
	}
	if p.at != nil && slices.Equal(p.at, theta) {
		return p.last
	}
	p.at = append(p.at[:0], theta...)
	a := squares(theta)
	p.out.Evaluations++
	if p.last, p.failed = p.evaluate(a, p.gradient); p.failed != nil {
		p.last = math.Inf(1)
		return p.last
	}
	var mean, sum float64
	for k, g := range p.gradient {
		mean += a[k] * g
		sum += theta[k] * theta[k]
	}
	for k, g := range p.gradient {
		p.slopes[k] = g - mean
		p.gradient[k] = 2 * theta[k] * p.slopes[k] / sum
	}
	if p.last < p.out.Loss {
		p.out.Loss, p.out.Coeffs = p.last, a
	}
	return p.last
}

// minimize searches from theta, and says whether the steps are used up.
func (p *seriesSearch) minimize(theta []float64) (ended bool, err error) {
	problem := optimize.Problem{
		Func: p.loss,
		Grad: func(grad, theta []float64) {
			p.loss(theta)
			copy(grad, p.gradient)
		},
		Status: func() (optimize.Status, error) {
			if p.failed != nil {
				return optimize.Failure, p.failed
			}
			return optimize.NotTerminated, nil
		},
	}
	settings := &optimize.Settings{
		MajorIterations: p.settings.Iterations - p.out.Iterations,
		Converger:       &optimize.FunctionConverge{Relative: 1e-7, Iterations: 10},
		Recorder:        recorder{&p.out.Iterations, p.out.Iterations, p.settings.Progress},
	}
	result, err := optimize.Minimize(problem, theta, settings, &optimize.BFGS{})
	switch {
	case p.failed != nil:
		return false, p.failed
	case p.out.Coeffs == nil:
		return false, fmt.Errorf("regress: no kernel could be tried: %w", err)
	}
	// A search that finds no lower value in its direction is at the end of the digits.
	return err == nil && result.Status == optimize.IterationLimit, nil
}

// recorder tells of the steps of a search.
type recorder struct {
	iterations *int
	before     int // steps of earlier searches
	progress   func(iteration int, loss float64)
}

func (r recorder) Init() error { return nil }

func (r recorder) Record(l *optimize.Location, op optimize.Operation, s *optimize.Stats) error {
	if op == optimize.MajorIteration {
		*r.iterations = r.before + s.MajorIterations
		if r.progress != nil {
			r.progress(*r.iterations, l.F)
		}
	}
	return nil
}

// squares is θ² over its sum.
func squares(theta []float64) []float64 {
	out := make([]float64, len(theta))
	var sum float64
	for k, v := range theta {
		out[k] = v * v
		sum += v * v
	}
	for k := range out {
		out[k] /= sum
	}
	return out
}

// seriesFitter finds a criterion and its gradient by the coefficients.
type seriesFitter[T accel.Float] struct {
	settings   SeriesSettings
	n, outputs int
	c          []T // cosines, n×n
	y          []T // targets, n×outputs
	loss       float64
}

func newSeriesFitter[T accel.Float](
	ctx context.Context, cosines ntk.Tiles[T], y *mat.Dense, start []float64, s *SeriesSettings,
) (f *seriesFitter[T], theta []float64, err error) {
	if isEmpty(cosines) || y == nil || isEmpty(ntk.MatrixTiles(y)) {
		return nil, nil, errors.New(
			"regress: a matrix of cosines and targets are needed, each with entries")
	}
	f = &seriesFitter[T]{}
	if s != nil {
		f.settings = *s
	}
	if f.n, err = checkSquare(cosines); err != nil {
		return nil, nil, err
	}
	rows, outputs := y.Dims()
	if rows != f.n {
		return nil, nil, fmt.Errorf("regress: %d rows of targets for %d training points", rows,
			f.n)
	}
	f.outputs = outputs
	if err := f.settings.check(f.n); err != nil {
		return nil, nil, err
	}
	if theta, err = roots(start); err != nil {
		return nil, nil, err
	}
	targets := contiguous(y)
	if err := finiteEntries("target", targets, outputs); err != nil {
		return nil, nil, err
	}
	f.y = make([]T, len(targets))
	for i, v := range targets {
		f.y[i] = T(v)
	}
	of := &source[T]{Tiles: cosines, name: "matrix of cosines"}
	if f.c, err = assembled(ctx, of); err != nil {
		return nil, nil, err
	}
	for i, v := range f.c {
		if !(math.Abs(float64(v)) <= 1+1e-5) {
			return nil, nil, fmt.Errorf("regress: the cosine in row %d, column %d is %v; it must "+
				"be within [-1, 1]", i/f.n, i%f.n, v)
		}
	}
	return f, theta, nil
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
	case s.Criterion == "folds" && (s.Folds < 2 || s.Folds > n):
		return fmt.Errorf("regress: %d folds of %d points; there must be 2 … %d", s.Folds, n, n)
	case n < 2:
		return fmt.Errorf("regress: a kernel cannot be chosen by %d point", n)
	case s.Iterations < 0:
		return fmt.Errorf("regress: Iterations is %d; it must be ≥ 0", s.Iterations)
	}
	return checkRidges(0, s.RelativeRidge)
}

// roots returns those of the coefficients over their sum; from 0 one could not grow, so that it
// becomes that of 1e-4.
func roots(a []float64) ([]float64, error) {
	var sum float64
	for k, v := range a {
		if !(v >= 0) || math.IsInf(v, 0) {
			return nil, fmt.Errorf("regress: a_%d is %v; it must be a finite number ≥ 0", k, v)
		}
		sum += v
	}
	if len(a) < 2 || !(sum > 0) || math.IsInf(sum, 0) {
		return nil, fmt.Errorf("regress: %d coefficients of sum %v to start from; two or more "+
			"of a finite sum > 0 are needed", len(a), sum)
	}
	theta := make([]float64, len(a))
	for k, v := range a {
		theta[k] = math.Sqrt(math.Max(v/sum, 1e-4))
	}
	return theta, nil
}

// evaluate sets the loss at the coefficients a, +Inf where the kernel matrix is singular, and
// its gradient by them.
func (f *seriesFitter[T]) evaluate(ctx context.Context, a, gradient []float64) error {
	f.loss = 0
	clear(gradient)
	switch f.settings.Criterion {
	case "leave-one-out":
		return f.byInverse(ctx, a, gradient, f.leaveOneOut)
	case "likelihood":
		return f.byInverse(ctx, a, gradient, f.likelihood)
	}
	for v := range f.settings.Folds {
		from, to := v*f.n/f.settings.Folds, (v+1)*f.n/f.settings.Folds
		if err := f.fold(ctx, a, gradient, from, to); err != nil || math.IsInf(f.loss, 0) {
			return err
		}
	}
	return nil
}

// without lists the points outside of [from, to).
func (f *seriesFitter[T]) without(from, to int) []int {
	out := make([]int, 0, f.n)
	for i := range f.n {
		if i < from || i >= to {
			out = append(out, i)
		}
	}
	return out
}

// factored returns the Cholesky factor of the kernel between points, nil if there is none.
func (f *seriesFitter[T]) factored(
	ctx context.Context, a []float64, points []int,
) (*lower[T], error) {
	n := len(points)
	l := &lower[T]{n: n, block: blockOf(n), data: make([]T, n*n), square: true}
	f.kernel(a, points, points, true, l.data)
	l.addDiagonal(f.settings.RelativeRidge)
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

// kernel sets dst, rows×columns, to Σ a_k c^k, or only its lower triangle.
func (f *seriesFitter[T]) kernel(a []float64, rows, columns []int, triangle bool, dst []T) {
	coeffs := make([]T, len(a))
	for k, v := range a {
		coeffs[k] = T(v)
	}
	m := len(columns)
	parallel.For(len(rows), 8, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			row, c := dst[i*m:(i+1)*m], f.c[rows[i]*f.n:(rows[i]+1)*f.n]
			if triangle {
				row = row[:i+1]
			}
			for j := range row {
				x, v := c[columns[j]], T(0)
				for k := len(coeffs) - 1; k >= 0; k-- {
					v = v*x + coeffs[k]
				}
				row[j] = v
			}
		}
	})
}

// fold adds the part of the loss of the points [from, to), predicted from the others. With
// residuals r there, weights α and u = A⁻¹ K r, its derivative by the kernel is 2/n times
// r αᵀ between them and the others, and -u αᵀ among the others.
func (f *seriesFitter[T]) fold(
	ctx context.Context, a, gradient []float64, from, to int,
) error {
	points, held, o := f.without(from, to), make([]int, to-from), f.outputs
	for i := range held {
		held[i] = from + i
	}
	l, err := f.factored(ctx, a, points)
	if err != nil || l == nil {
		return err
	}
	m, n := len(held), len(points)
	cross := make([]T, m*n)
	f.kernel(a, held, points, false, cross)
	alpha := make([]T, 0, n*o)
	for _, i := range points {
		alpha = append(alpha, f.y[i*o:(i+1)*o]...)
	}
	l.solve(o, alpha)
	r := make([]T, m*o)
	copy(r, f.y[from*o:to*o])
	b := accel.Of[T]()
	b.Gemm(blas.NoTrans, blas.NoTrans, m, o, n, 1, cross, n, alpha, o, -1, r, o)
	for _, v := range r {
		f.loss += float64(v) * float64(v) / float64(f.n)
	}
	u := make([]T, n*o)
	b.Gemm(blas.Trans, blas.NoTrans, n, o, m, 1, cross, n, r, o, 0, u, o)
	l.solve(o, u)
	scale := 2 / float64(f.n)
	f.moments(gradient, held, points, r, alpha, scale)
	f.moments(gradient, points, points, u, alpha, -scale)
	return ctx.Err()
}

// moments adds to the gradient scale·Σ_ij (p_i·q_j) c_ij^k over the rows i and columns j.
func (f *seriesFitter[T]) moments(
	gradient []float64, rows, columns []int, p, q []T, scale float64,
) {
	o, n := f.outputs, len(columns)
	serial := accel.SerialOf[T]()
	f.sum(gradient, scale, rows, columns, func(i0, i1 int, w []T) {
		serial.Gemm(blas.NoTrans, blas.Trans, i1-i0, n, o, 1, p[i0*o:i1*o], o, q, o, 0, w, n)
	})
}

// sum adds scale·Σ_ij w_ij c_ij^k, of which weights sets the rows [i0, i1).
func (f *seriesFitter[T]) sum(
	gradient []float64, scale float64, rows, columns []int, weights func(i0, i1 int, w []T),
) {
	const strip = 16
	n := len(columns)
	strips := (len(rows) + strip - 1) / strip
	parts := make([][]float64, strips) // added up in order: the sum is the same on any processors
	parallel.For(strips, 1, func(lo, hi int) {
		w := make([]T, strip*n)
		for s := lo; s < hi; s++ {
			parts[s] = make([]float64, len(gradient))
			i0, i1 := s*strip, min((s+1)*strip, len(rows))
			weights(i0, i1, w[:(i1-i0)*n])
			for i := i0; i < i1; i++ {
				c := f.c[rows[i]*f.n : (rows[i]+1)*f.n]
				powers(parts[s], w[(i-i0)*n:(i-i0+1)*n], c, columns)
			}
		}
	})
	for _, part := range parts {
		for k, v := range part {
			gradient[k] += scale * v
		}
	}
}

// powers adds Σ_j w_j c_j^k to out[k], for pieces that stay in the fastest cache.
func powers[T accel.Float](out []float64, w, c []T, columns []int) {
	const piece = 256
	var v, x [piece]float64
	for j0 := 0; j0 < len(columns); j0 += piece {
		m := min(piece, len(columns)-j0)
		for j := range m {
			v[j], x[j] = float64(w[j0+j]), float64(c[columns[j0+j]])
		}
		for j := m; j%4 != 0; j++ {
			v[j] = 0
		}
		for k := range out {
			var s [4]float64
			for j := 0; j < m; j += 4 {
				v, x := v[j:j+4:j+4], x[j:j+4:j+4]
				for l := range 4 {
					s[l] += v[l]
					v[l] *= x[l]
				}
			}
			out[k] += (s[0] + s[1]) + (s[2] + s[3])
		}
	}
}

// byInverse is a criterion that needs A⁻¹: what it returns of that and α = A⁻¹ y is its
// derivative by the kernel, n×n.
func (f *seriesFitter[T]) byInverse(
	ctx context.Context, a, gradient []float64,
	criterion func(l *lower[T], inverse, alpha []T) (derivative []T),
) error {
	n, o := f.n, f.outputs
	points := f.without(0, 0)
	l, err := f.factored(ctx, a, points)
	if err != nil || l == nil {
		return err
	}
	inverse := make([]T, n*n)
	for i := range n {
		inverse[i*n+i] = 1
	}
	const columns = 256 // between which an interrupt is seen
	part := make([]T, n*columns)
	for j0 := 0; j0 < n; j0 += columns {
		j1 := min(j0+columns, n)
		part := part[:n*(j1-j0)]
		for i := range n {
			copy(part[i*(j1-j0):(i+1)*(j1-j0)], inverse[i*n+j0:i*n+j1])
		}
		l.solve(j1-j0, part)
		for i := range n {
			copy(inverse[i*n+j0:i*n+j1], part[i*(j1-j0):(i+1)*(j1-j0)])
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	alpha := append([]T(nil), f.y...)
	l.solve(o, alpha)
	w := criterion(l, inverse, alpha)
	f.sum(gradient, 1, points, points, func(i0, i1 int, dst []T) { copy(dst, w[i0*n:i1*n]) })
	return ctx.Err()
}

// leaveOneOut is the mean of ‖α_i/b_i‖², b the diagonal of B = A⁻¹: by dB = -B dK B its
// derivative is 2/n (B diag(s) B - (B v) αᵀ), v_i = α_i/b_i² and s_i = ‖α_i‖²/b_i³.
//
// Source: Rasmussen and Williams, eq. 5.12 and 5.13.
func (f *seriesFitter[T]) leaveOneOut(_ *lower[T], inverse, alpha []T) []T {
	n, o := f.n, f.outputs
	v, scaled := make([]T, n*o), make([]T, n*n)
	for i := range n {
		b := float64(inverse[i*n+i])
		var square float64
		for j := range o {
			x := float64(alpha[i*o+j])
			square += x * x
			v[i*o+j] = T(x / (b * b))
		}
		f.loss += square / (b * b) / float64(n)
		s := T(math.Sqrt(square / (b * b * b)))
		for j, x := range inverse[i*n : (i+1)*n] {
			scaled[i*n+j] = s * x
		}
	}
	b := accel.Of[T]()
	weighted, w := make([]T, n*o), make([]T, n*n)
	b.Gemm(blas.NoTrans, blas.NoTrans, n, o, n, 1, inverse, n, v, o, 0, weighted, o)
	scale := T(2 / float64(n))
	b.Gemm(blas.Trans, blas.NoTrans, n, n, n, scale, scaled, n, scaled, n, 0, w, n)
	b.Gemm(blas.NoTrans, blas.Trans, n, n, o, -scale, weighted, o, alpha, o, 1, w, n)
	return w
}

// likelihood is the negative logarithm of the marginal likelihood at the best factor of the
// covariance, for each number in the targets: ½ (log(2πe yᵀα/(n o)) + log det A/n). Its
// derivative is (A⁻¹/n - α αᵀ/(yᵀα))/2.
//
// Source: Rasmussen and Williams, eq. 5.8 and 5.9.
func (f *seriesFitter[T]) likelihood(l *lower[T], inverse, alpha []T) []T {
	n, o := f.n, f.outputs
	var fit, log float64
	for i, v := range f.y {
		fit += float64(v) * float64(alpha[i])
	}
	for i := range n {
		log += 2 * math.Log(float64(l.row(i)[i]))
	}
	f.loss = (math.Log(2*math.Pi*math.E*fit/float64(n*o)) + log/float64(n)) / 2
	w := inverse
	for i := range w {
		w[i] *= T(1 / (2 * float64(n)))
	}
	accel.Of[T]().Gemm(blas.NoTrans, blas.Trans, n, n, o, T(-1/(2*fit)), alpha, o, alpha, o, 1, w,
		n)
	return w
}
