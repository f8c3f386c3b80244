package regress

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/internal/accel"
	"github.com/kernelsmith/kernelsmith/ntk/internal/tiled"
	"gonum.org/v1/gonum/mat"
)

// SolveSettings say what is solved, how well and with what; nil and the zero value add no ridge,
// stop at a residual of 1e-6 and take up to 8 GiB.
type SolveSettings struct {
	// Ridge δ ≥ 0 and RelativeRidge ≥ 0, which is in units of the mean of K's diagonal, are added
	// to each other and to the diagonal, as in [RidgeSettings].
	Ridge, RelativeRidge float64
	// Tolerance > 0 is the largest ‖y - (K + δ)α‖/‖y‖ of an output; 0 stands for 1e-6. With +Inf
	// a factor's first solution is taken as it is, and no residual is computed.
	Tolerance float64
	// Method is what the system is solved with: "double" and "single" for a Cholesky factor in
	// that precision, "landmarks" for a few of the points in place of a factor. "" is the first
	// of them for which Memory is enough.
	Method string
	// Memory ≥ 0 is how many bytes may be used beside the inputs; 0 stands for 8 GiB.
	Memory int64
	// Passes ≥ 0 is how many products with K there are at most; 0 stands for 200.
	Passes int
	// Checkpoint, if not empty, is a file that holds the state of the iteration: it is written
	// every ten seconds at most, after an interrupt and at the end, and a call that finds it goes
	// on from there. One that is of another problem, or damaged, is an error.
	Checkpoint string `json:"-"`
	// Progress, if not nil, is told of the work that is done and of all, in microseconds of one
	// processor as they were estimated at the start, so that the time left follows. Calls come one
	// at a time, done never falls, and the total grows where more passes are needed than expected.
	Progress func(done, total int) `json:"-"`
}

const (
	defaultTolerance = 1e-6
	defaultMemory    = 8 << 30
	defaultPasses    = 200
)

// Fit is a function that kernel regression has found,
//
//	f(x) = K(x, Z) W,
//
// in every output by itself: with [Solve] Z are the training points, with [FitLandmarks] the
// landmarks; with [FitFeatures] the columns of features take the place of K(x, Z).
type Fit struct {
	Weights *mat.Dense // W, a row for each of Z
	Ridge   float64    // δ, in absolute terms
	Method  string     // what it was solved with, a word of [SolveSettings.Method]
	// Residual is the largest ‖b - A w‖/‖b‖ of an output for the system A W = B that was solved,
	// computed in double precision; NaN with a Tolerance of +Inf.
	Residual float64
	Passes   int // products with the kernel matrix
}

// String says what was solved and how well, in a line.
func (f Fit) String() string {
	rows, outputs := 0, 0
	if f.Weights != nil {
		rows, outputs = f.Weights.Dims()
	}
	return fmt.Sprintf("%d weights for each of %d outputs, ridge %.3g, by %s, residual %.1g", rows,
		outputs, f.Ridge, f.Method, f.Residual)
}

// Predict returns f at m points, m×outputs, from the m×n matrix of the kernel between them and Z,
// or of their features; [Predict] takes one in single precision too. Cost: 2·m·n·outputs.
func (f *Fit) Predict(ctx context.Context, cross ntk.Tiles[float64]) (*mat.Dense, error) {
	return Predict(ctx, cross, f.Weights)
}

// Predict returns the m×n matrix of the kernel between test points and the points of the weights
// times these, n×outputs: the function of a [Fit] with its Weights, or of a [Ridge] with what its
// Weights method returns, from a cross matrix in either precision. Products are in double
// precision, so that one in single precision is off by the rounding of its entries alone. Cost:
// 2·m·n·outputs.
//
// No weights, a cross matrix that is empty or of another number of columns, and entries or
// predictions that are not finite are errors. If ctx ends, its error is returned.
func Predict[T float32 | float64](
	ctx context.Context, cross ntk.Tiles[T], weights *mat.Dense,
) (*mat.Dense, error) {
	if weights == nil || weights.IsEmpty() {
		return nil, fmt.Errorf("regress: there are no weights to predict with")
	}
	n, outputs := weights.Dims()
	return predict(ctx, cross, contiguous(weights), n, outputs)
}

// ResidualError reports an iteration that did not come to the residual that was asked for.
type ResidualError struct {
	Wanted, Reached float64
	Passes          int
	Ridge           float64 // δ
	SafeRidge       float64 // an estimate of a ridge with which it would, absolute
}

// Error implements error.
func (e *ResidualError) Error() string {
	return fmt.Sprintf("regress: the residual is %.2g of the targets after %d passes with ridge "+
		"%v, and was to be %.2g; a ridge of %.2g would do", e.Reached, e.Passes, e.Ridge, e.Wanted,
		e.SafeRidge)
}

// Solve finds the weights α of kernel ridge regression, (K + δI) α = Y, for more points than
// [NewRidge] has memory or time for; it has no variances and no likelihood. train is the n×n Gram
// matrix of the training points, y their n×outputs targets. Neither is kept or changed, but for a
// matrix that is handed over with [InPlace].
//
// A Cholesky factor, in single precision where double does not fit, or an approximation of K by
// some of its points, is what conjugate gradients are preconditioned by; each of their passes
// computes the tiles of K anew and multiplies by them in double precision, all outputs at once. So
// the Gram matrix is kept once at most, half of it, and the residual does not depend on the
// precision of the factor. Where K + δ is singular to the factor's rounding, the factor is of K
// and a larger ridge on some of the points, and there are more passes. A tolerance that is not
// reached is a [*ResidualError]; a matrix with a truly negative eigenvalue that a pass or the
// factor comes upon is an [*IndefiniteError].
//
// If ctx ends, its error is returned within a second or two. Memory: 4n² bytes for a factor in
// double precision and 2n² in single, and some tens of bytes for each point and output; [Diagnose]
// tells the memory and the time. Cost: n³/3 operations for a factor, and n²/2 pairs for it and for
// each pass: two or three with a factor of good condition.
//
// Source: N. Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., SIAM 2002, chapters
// 10 and 12; Y. Saad, Iterative Methods for Sparse Linear Systems, 2nd ed., SIAM 2003, algorithm
// 9.1.
func Solve[T float32 | float64](
	ctx context.Context, train ntk.Tiles[T], y *mat.Dense, s *SolveSettings,
) (*Fit, error) {
	if isEmpty(train) {
		return nil, errors.New("regress: a Gram matrix with entries is needed")
	}
	n, err := checkSquare(train)
	if err != nil {
		return nil, err
	}
	s, err = s.checked()
	if err != nil {
		return nil, err
	}
	targets, outputs, err := targetsOf(y, n)
	if err != nil {
		return nil, err
	}
	p := &problem{settings: s, size: n, outputs: outputs, targets: targets,
		rhs: append([]float64(nil), targets...)}
	t := gramOf(train)
	_, isGiven := any(train).(*inPlace[T])
	method, landmarks, err := s.method(n, outputs, isGiven, accel.IsSingle[T]())
	if err != nil {
		return nil, err
	}
	p.method = method
	if p.ridge, err = ridgeOf(ctx, t, s); err != nil {
		return nil, err
	}
	if p.probe, err = probe(ctx, t); err != nil {
		return nil, err
	}
	p.largest = float64(n) * slices.Max(p.probe) // n times the largest diagonal entry, or nearly
	p.meter, err = newMeter(s.Progress, func() error { return oneTile(ctx, t) })
	if err != nil {
		return nil, err
	}
	p.passTime = p.meter.pass(n)
	p.multiply = func(ctx context.Context, x, out []float64) error {
		if err := tiled.TimesSymmetric(ctx, t, x, out, outputs, p.meter.step); err != nil {
			return err
		}
		for i, v := range x {
			out[i] += p.ridge * v
		}
		return nil
	}
	p.explain = func(ctx context.Context) (spectrum, error) { return spectrumOf(ctx, train) }
	p.prepare = func(ctx context.Context) (preconditioner, error) {
		return precondition(ctx, t, p, landmarks)
	}
	return p.solve(ctx)
}

// precondition makes a preconditioner by the problem's method.
func precondition[T accel.Float](
	ctx context.Context, t *source[T], p *problem, landmarks int,
) (preconditioner, error) {
	n := float64(p.size)
	given, isGiven := any(t.Tiles).(*inPlace[T])
	p.passes = 3
	work := p.passTime * float64(p.passes)
	if p.method != landmarksMethod {
		work += n * n * n / 3 * p.meter.operation(p.method == singleMethod)
	}
	switch {
	case p.method == landmarksMethod:
		p.passes = 30
		p.meter.left(p.nystromTime(landmarks) + 30*p.passTime)
		return nystrom(ctx, t, landmarks, p)
	case isGiven:
		p.meter.left(work)
		l, err := given.take()
		if err != nil {
			return preconditioner{}, err
		}
		return factored(ctx, l, p)
	case p.method == doubleMethod:
		p.meter.left(work + p.passTime)
		return filled[float64](ctx, t, p)
	}
	p.meter.left(work + p.passTime)
	return filled[float32](ctx, t, p)
}

// Words of SolveSettings.Method.
const (
	doubleMethod    = "double"
	singleMethod    = "single"
	landmarksMethod = "landmarks"
)

// checked returns the settings with their defaults, or an error that names one.
func (s *SolveSettings) checked() (*SolveSettings, error) {
	out := SolveSettings{}
	if s != nil {
		out = *s
	}
	if err := checkRidges(out.Ridge, out.RelativeRidge); err != nil {
		return nil, err
	}
	if !(out.Tolerance >= 0) {
		return nil, fmt.Errorf("regress: Tolerance is %v; it must be ≥ 0", out.Tolerance)
	}
	if out.Memory < 0 || out.Passes < 0 {
		return nil, fmt.Errorf("regress: Memory is %d and Passes %d; they must be ≥ 0", out.Memory,
			out.Passes)
	}
	words := []string{"", doubleMethod, singleMethod, landmarksMethod}
	if !slices.Contains(words, out.Method) {
		return nil, fmt.Errorf("regress: Method is %q; there are %q", out.Method, words[1:])
	}
	if out.Tolerance == 0 {
		out.Tolerance = defaultTolerance
	}
	if out.Memory == 0 {
		out.Memory = defaultMemory
	}
	if out.Passes == 0 {
		out.Passes = defaultPasses
	}
	return &out, nil
}

// targetsOf returns a copy of the targets of n points.
func targetsOf(y *mat.Dense, n int) (targets []float64, outputs int, err error) {
	if y == nil || y.IsEmpty() {
		return nil, 0, errors.New("regress: targets with entries are needed")
	}
	rows, outputs := y.Dims()
	if rows != n {
		return nil, 0, fmt.Errorf("regress: %d rows of targets for %d training points", rows, n)
	}
	targets = append([]float64(nil), contiguous(y)...)
	return targets, outputs, finiteEntries("target", targets, outputs)
}

// vectorBytes is the memory for the iteration: its vectors, and for each processor tiles and sums.
func vectorBytes(n, outputs, processors int) int64 {
	return int64(8+2*processors)*int64(n)*int64(outputs)*8 +
		int64(processors+1)*3*8*tiled.Size*tiled.Size
}

// method returns what a system of n points is solved with, and how many landmarks there are for
// it, or an error that says how much memory it needs.
func (s *SolveSettings) method(
	n, outputs int, given, single bool,
) (method string, landmarks int, err error) {
	if given {
		method = doubleMethod
		if single {
			method = singleMethod
		}
		if s.Method != "" && s.Method != method {
			return "", 0, fmt.Errorf("regress: Method is %q, but a matrix that is handed over "+
				"with InPlace is factored in %s precision", s.Method, method)
		}
		return method, 0, nil
	}
	free := s.Memory - vectorBytes(n, outputs, processors())
	needs := map[string]int64{doubleMethod: lowerBytes(n, 8), singleMethod: lowerBytes(n, 4)}
	for _, m := range []string{doubleMethod, singleMethod} {
		if s.Method == m || s.Method == "" && needs[m] <= free {
			if needs[m] > free {
				return "", 0, fmt.Errorf("regress: %q takes %d bytes for %d points and %d "+
					"outputs, and Memory is %d", m, needs[m]+s.Memory-free, n, outputs, s.Memory)
			}
			return m, 0, nil
		}
	}
	landmarks = landmarksIn(free, n)
	if landmarks < 1 {
		return "", 0, fmt.Errorf("regress: %d points and %d outputs take %d bytes, and Memory is "+
			"%d", n, outputs, s.Memory-free+nystromBytes(n, 1), s.Memory)
	}
	return landmarksMethod, landmarks, nil
}

// ridgeOf returns what the settings come to for the matrix.
func ridgeOf[T accel.Float](
	ctx context.Context, t *source[T], s *SolveSettings,
) (ridge float64, err error) {
	if s.RelativeRidge == 0 {
		return s.Ridge, nil
	}
	n, _ := t.Dims()
	trace, one := 0.0, make([]T, 1)
	for i := range n {
		if err := t.Tile(ctx, one, i, i+1, i, i+1); err != nil {
			return 0, err
		}
		trace += float64(one[0])
	}
	if ridge = s.Ridge + s.RelativeRidge*trace/float64(n); ridge-ridge != 0 {
		return 0, fmt.Errorf("regress: the trace of the Gram matrix is %v and the ridge %v: "+
			"beyond double precision; scale the kernel down", trace, ridge)
	}
	return ridge, nil
}
