// Package simplex finds the weights, none negative and of sum 1, at which a function is least.
package simplex

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/optimize"
)

// Function returns its value at weights of sum 1, +Inf where it has none, and sets gradient to its
// derivatives by them.
type Function func(weights, gradient []float64) (value float64, err error)

// Minimum is the least value that [Minimize] has seen.
type Minimum struct {
	Weights     []float64
	Value       float64
	Iterations  int // steps of the search
	Evaluations int // weights that were tried
	Converged   bool
}

// ErrNoValue reports that the function is +Inf where the search starts.
var ErrNoValue = errors.New("no weights have a value")

// Settings are the settings of [Minimize].
type Settings struct {
	// Iterations is the most steps.
	Iterations int
	// Progress, if not nil, is told of each step.
	Progress func(iteration int, value float64)
}

// Minimize looks for a minimum from the weights start on, which are divided by their sum. The roots
// of the weights are searched by a quasi-Newton method: what should be 0 is a smooth minimum in
// its root. A search that ends is taken up again as long as a weight of 0 should grow.
//
// It reports an error of f, start that has fewer than two weights, negative ones or no sum, and, as
// [ErrNoValue], an f without a value there.
func Minimize(f Function, start []float64, s Settings) (*Minimum, error) {
	theta, err := roots(start)
	if err != nil {
		return nil, err
	}
	n := len(start)
	p := &search{
		of: f, settings: s, out: &Minimum{Value: math.Inf(1)},
		gradient: make([]float64, n), slopes: make([]float64, n),
	}
	// At 0 a root has no slope, whichever way the weight should go: those that should grow
	// are moved, and the search goes on.
	for {
		before := p.out.Value
		ended, err := p.minimize(theta)
		if err != nil {
			return nil, err
		}
		if ended {
			return p.out, nil
		}
		if theta, err = roots(p.out.Weights); err != nil {
			return nil, err
		}
		p.value(theta)
		moved := false
		for k, g := range p.slopes {
			theta[k] = math.Sqrt(p.out.Weights[k])
			if p.out.Weights[k] < 1e-6 && g < 0 {
				theta[k], moved = 1e-2, true
			}
		}
		p.out.Converged = !moved || !(p.out.Value < before-1e-6*math.Abs(before))
		if p.out.Converged || p.out.Iterations >= s.Iterations {
			return p.out, nil
		}
	}
}

// search is a search over θ, of which the weights are θ²/Σ θ².
type search struct {
	of       Function
	settings Settings
	out      *Minimum
	failed   error
	at       []float64 // where the value is last, and what it and its gradient by θ are
	last     float64
	gradient []float64
	slopes   []float64 // by the weights, along the simplex
}

func (p *search) value(theta []float64) float64 {
	if p.failed != nil {
		return math.Inf(1)
	}
	if p.at != nil && slices.Equal(p.at, theta) {
		return p.last
	}
	p.at = append(p.at[:0], theta...)
	w := squares(theta)
	p.out.Evaluations++
	if p.last, p.failed = p.of(w, p.gradient); p.failed != nil {
		p.last = math.Inf(1)
		return p.last
	}
	var mean, sum float64
	for k, g := range p.gradient {
		mean += w[k] * g
		sum += theta[k] * theta[k]
	}
	for k, g := range p.gradient {
		p.slopes[k] = g - mean
		p.gradient[k] = 2 * theta[k] * p.slopes[k] / sum
	}
	if p.last < p.out.Value {
		p.out.Value, p.out.Weights = p.last, w
	}
	return p.last
}

// minimize searches from theta, and says whether the steps are used up.
func (p *search) minimize(theta []float64) (ended bool, err error) {
	problem := optimize.Problem{
		Func: p.value,
		Grad: func(grad, theta []float64) {
			p.value(theta)
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
	case p.out.Weights == nil:
		return false, ErrNoValue
	}
	// A search that finds no lower value in its direction is at the end of the digits.
	return err == nil && result.Status == optimize.IterationLimit, nil
}

// recorder tells of the steps of a search.
type recorder struct {
	iterations *int
	before     int // steps of earlier searches
	progress   func(iteration int, value float64)
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

// roots returns those of the weights over their sum; from 0 one could not grow, so that it
// becomes that of 1e-4.
func roots(w []float64) ([]float64, error) {
	var sum float64
	for k, v := range w {
		if !(v >= 0) || math.IsInf(v, 0) {
			return nil, fmt.Errorf("a_%d is %v; it must be a finite number ≥ 0", k, v)
		}
		sum += v
	}
	if len(w) < 2 || !(sum > 0) || math.IsInf(sum, 0) {
		return nil, fmt.Errorf("%d coefficients of sum %v to start from; two or more of a finite "+
			"sum > 0 are needed", len(w), sum)
	}
	theta := make([]float64, len(w))
	for k, v := range w {
		theta[k] = math.Sqrt(math.Max(v/sum, 1e-4))
	}
	return theta, nil
}
