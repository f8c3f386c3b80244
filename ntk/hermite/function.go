package hermite

import (
	"fmt"
	"math"
	"slices"
	"sync"

	"github.com/kernelsmith/kernelsmith/ntk/internal/series"
	"github.com/kernelsmith/kernelsmith/ntk/internal/special"
)

// ResolveSettings says what [Resolve] is to know and to reach. Nil and the zero
// value are the defaults.
type ResolveSettings struct {
	// Kinks are places where f' or a higher derivative jumps, and Jumps where f
	// itself does. Those that are not declared are looked for; a declared one
	// is exact and cannot be missed.
	Kinks, Jumps []float64
	// Tolerance of expectations, relative to the root mean squares of the
	// factors: 1e-13 … 0.1. Default (0): 1e-10.
	Tolerance float64
	// MaxStd is the largest standard deviation of a pre-activation that is
	// served. Default (0): 10.
	MaxStd float64
}

// Function is a function φ of one variable that has been resolved into
// polynomials between its kinks and jumps, so that its expectations under
// normal distributions can be had to a tolerance. It is safe for concurrent
// use if φ and φ' are: [Function.Value] and [Function.Derivative] call them, and
// expectations at variance 0; all else uses the polynomials.
type Function struct {
	f, df        func(float64) float64
	tol, maxStd  float64
	kinks, jumps []float64
	right, left  *pieces // of φ(z) and φ(-z)
	end          float64 // resolved on [-end, end]
	// envelope holds the logarithms of the largest |φ| and |φ'| by
	// distance from 0: eight bins per octave, the last up to end.
	envelope [2][envelopeBins]float64
	running  [2][envelopeBins]float64 // the largest up to the bin
	estimate float64                  // the error of the panels

	mu     sync.Mutex
	curves map[float64]*cachedCurve
}

const (
	envelopeBins = 320
	largest      = 1e150 // squares and their sums must not overflow
	negligible   = 1e-130
)

// ToleranceError reports what could not be computed to the tolerance.
type ToleranceError struct {
	What                string  // the quantity
	At                  float64 // where the error is largest
	Tolerance, Estimate float64
	Partial             *Function // what was resolved nevertheless; Estimate is its error
}

// Error implements error.
func (e *ToleranceError) Error() string {
	return fmt.Sprintf(
		"hermite: %s is known to %.2g and not to the tolerance %.2g; the error is largest near %v",
		e.What, e.Estimate, e.Tolerance, e.At)
}

func valueError(name string, z, v float64) error {
	if !math.IsNaN(v) {
		return fmt.Errorf(
			"hermite: %s(%v) is %.4g: it is not finite or grows faster than Gaussian "+
				"expectations at the largest standard deviation allow; a smaller one (MaxStd, "+
				"or its square MaxVariance) may do", name, z, v)
	}
	return fmt.Errorf("hermite: %s(%v) is NaN", name, z)
}

// Resolve prepares f for expectations of f and f' under normal distributions
// with mean 0 and standard deviation up to MaxStd.
//
// df is f'; if it is nil the interpolants of f are differentiated, which costs
// two or three digits of the sixteen. f and df may be undefined at kinks and
// jumps, where they are not evaluated; elsewhere they must be finite.
//
// f is divided until it is a polynomial of degree 15 on each panel; kinks and
// jumps that were not declared are found on the way, to about 1e-13. Features
// narrower than about 0.05 (z/80 for |z| > 4) where f is negligible elsewhere
// can be missed. Cost: a few thousand evaluations of f for smooth f, at most
// some 400,000.
//
// Errors: a value that is NaN, too large or a panic, naming z; a df that is not
// the derivative of f; growth too fast for MaxStd; settings out of range; and
// [*ToleranceError] with the partial result, for noise or oscillation that is
// too fast to be resolved.
func Resolve(f, df func(float64) float64, s *ResolveSettings) (_ *Function, err error) {
	if f == nil {
		return nil, fmt.Errorf("hermite: there is no function to resolve")
	}
	if s == nil {
		s = &ResolveSettings{}
	}
	fn, err := newFunction(f, df, s)
	if err != nil {
		return nil, err
	}
	r := &resolver{
		fn:     f,
		dfn:    df,
		tol:    fn.tol,
		budget: 400_000,
		std:    fn.maxStd,
		unit:   math.Min(1, fn.maxStd),
	}
	defer func() {
		if p := recover(); p != nil {
			if r.inside == "" {
				panic(p) // not f's
			}
			err = fmt.Errorf("hermite: %s(%v) panics: %v", r.inside, r.at, p)
		}
	}()
	if fn.end, err = r.extent(fn.maxStd); err != nil {
		return nil, err
	}
	r.declare(s, fn.end)
	r.run(fn.end)
	if r.err != nil {
		return nil, r.err
	}
	return fn.adopt(r, s)
}

// newFunction is a function that is yet to be resolved, with settings that are in range.
func newFunction(f, df func(float64) float64, s *ResolveSettings) (*Function, error) {
	fn := &Function{
		f:      f,
		df:     df,
		tol:    s.Tolerance,
		maxStd: s.MaxStd,
		curves: map[float64]*cachedCurve{},
	}
	if fn.tol == 0 {
		fn.tol = 1e-10
	}
	if fn.maxStd == 0 {
		fn.maxStd = 10
	}
	if !(fn.tol >= 1e-13 && fn.tol <= 0.1) {
		return nil, fmt.Errorf("hermite: Tolerance is %v; it must be within [1e-13, 0.1]",
			s.Tolerance)
	}
	if !(fn.maxStd >= 1e-6 && fn.maxStd <= 1e6) {
		return nil, fmt.Errorf("hermite: MaxStd is %v; it must be within [1e-6, 1e6]", s.MaxStd)
	}
	for _, z := range slices.Concat(s.Kinks, s.Jumps) {
		if !special.Finite(z) {
			return nil, fmt.Errorf("hermite: a kink or jump is declared at %v", z)
		}
	}
	return fn, nil
}

// declare makes the kinks and jumps of the settings breaks, within [-end, end].
func (r *resolver) declare(s *ResolveSettings, end float64) {
	for _, z := range slices.Concat(s.Kinks, s.Jumps) {
		if math.Abs(z) < end {
			r.breaks = append(r.breaks, z)
		}
	}
	slices.Sort(r.breaks)
	r.breaks = slices.Compact(r.breaks)
	r.declaredJumps = len(s.Jumps) > 0
}

// adopt gives the function the panels of a resolver that has run, and returns it unless they
// contradict the derivative or miss the tolerance.
func (fn *Function) adopt(r *resolver, s *ResolveSettings) (*Function, error) {
	r.jumpsAmongBreaks()
	var what string
	var worst float64
	fn.right, what, fn.estimate, worst = r.finish()
	fn.jumps = sorted(s.Jumps, r.jumps)
	fn.kinks = slices.DeleteFunc(sorted(s.Kinks, r.kinks),
		func(z float64) bool { return slices.Contains(fn.jumps, z) })
	fn.left = fn.right.mirrored()
	if err := r.checkDerivative(); err != nil {
		return nil, err
	}
	fn.setEnvelope(r)
	if !(fn.estimate <= fn.tol) {
		return nil, &ToleranceError{
			What:      what,
			At:        worst,
			Tolerance: fn.tol,
			Estimate:  fn.estimate,
			Partial:   fn,
		}
	}
	return fn, nil
}

func varianceError(q, maxStd float64) error {
	return fmt.Errorf("hermite: the variance is %v; the function was resolved for (0, %v]", q,
		maxStd*maxStd)
}

func sorted(a, b []float64) []float64 {
	out := slices.Concat(a, b)
	slices.Sort(out)
	return slices.Compact(out)
}

// extent returns how far f matters at standard deviation std: as far as the
// rest of E[f²] is below the square of a tenth of the tolerance, which bounds
// what any coefficient loses.
func (r *resolver) extent(std float64) (float64, error) {
	need := 2*math.Log(r.tol/10) - 2
	const dx, window = 0.25, 2
	functions := []func(float64) float64{r.fn}
	names := []string{"f", "df"}
	if r.dfn != nil {
		functions = append(functions, r.dfn)
	}
	peak := [2]float64{math.Inf(-1), math.Inf(-1)}
	last := 0.0 // the last place that matters
	for x := dx / 3; ; x += dx {
		for i, f := range functions {
			for _, y := range [...]float64{x, -x, x + dx/2.7, -x - dx/2.7} {
				v := math.Abs(r.call(names[i], f, y*std))
				if r.err != nil {
					return 0, r.err
				}
				l := 2*math.Log(v) - y*y/2
				peak[i] = math.Max(peak[i], l)
				if l > peak[i]+need {
					last = x
				}
			}
		}
		if x > last+window && x > math.Sqrt(-2*need) {
			return math.Max(last+dx, math.Sqrt(-2*need)) * std, nil
		}
		if x > 50 {
			return 0, fmt.Errorf(
				"hermite: E[f(σz)²] does not converge at σ = MaxStd = %v: |f(%v)| = %.3g", std,
				x*std, math.Abs(r.value(x*std)))
		}
	}
}

// checkDerivative compares df with the slopes of the interpolants of f.
func (r *resolver) checkDerivative() error {
	if r.dfn == nil {
		return nil
	}
	for i := range r.done {
		p := &r.done[i]
		if !p.accepted || p.err > 1e-8*p.max || p.errD > 1e-8*p.maxD {
			continue
		}
		h := (p.b - p.a) / 2
		var c [nodes]float64
		series.ChebyshevDerivative(c[:], p.f[:])
		y := freshPoints[2]
		want, got := series.Chebyshev(c[:], y)/h, series.Chebyshev(p.d[:], y)
		if math.Abs(want-got) > 1e-4*(math.Max(p.maxD, math.Abs(want)))+1e-9*p.max/h {
			return fmt.Errorf("hermite: df(%v) is %.6g, and f has the slope %.6g there", p.a+h+h*y,
				got, want)
		}
	}
	return nil
}

// setEnvelope fills the envelope.
func (fn *Function) setEnvelope(r *resolver) {
	for i := range fn.envelope {
		for j := range fn.envelope[i] {
			fn.envelope[i][j] = math.Inf(-1)
		}
	}
	put := func(z float64, v [2]float64) {
		j := fn.bin(math.Abs(z))
		for i := range v {
			fn.envelope[i][j] = math.Max(fn.envelope[i][j], math.Log(math.Abs(v[i])))
		}
	}
	for j := range envelopeBins {
		for _, x := range [...]float64{-0.01, -0.4, -0.8} {
			z := fn.end * math.Exp2((float64(j-envelopeBins+1)+x)/8)
			for _, z := range [...]float64{z, -z} {
				f, d := fn.right.panels[fn.right.find(z)].at(z)
				put(z, [2]float64{f, d})
			}
		}
	}
	for i := range fn.right.panels {
		p := &fn.right.panels[i]
		for _, y := range chebyshevPoints {
			z := p.mid + y/p.inv
			f, d := p.at(z)
			put(z, [2]float64{f, d})
		}
	}
	for i := range fn.envelope {
		most := math.Inf(-1)
		for j, v := range fn.envelope[i] {
			most = math.Max(most, v)
			fn.running[i][j] = most
		}
	}
}

// bin returns the bin of the envelope that the distance x lies in.
func (fn *Function) bin(x float64) int {
	if x <= 0 {
		return 0
	}
	return max(0, min(envelopeBins-1, envelopeBins-1+int(math.Ceil(8*math.Log2(x/fn.end)))))
}

// Value returns φ(z): f itself.
func (fn *Function) Value(z float64) float64 { return fn.f(z) }

// Derivative returns φ'(z): df itself, or the derivative of the interpolant (at a
// kink that from the left). Beyond what was resolved, about ten times
// MaxStd, it is a central difference with a relative error of about 1e-10 for
// functions that vary at the scale of z.
func (fn *Function) Derivative(z float64) float64 {
	switch {
	case fn.df != nil:
		return fn.df(z)
	case math.IsNaN(z):
		return z
	case math.Abs(z) <= fn.end:
		_, d := fn.right.panels[fn.right.find(z)].at(z)
		return d
	}
	h := 6e-6 * math.Abs(z)
	return (fn.f(z+h) - fn.f(z-h)) / (z + h - (z - h))
}

// Kinks returns the places, ascending, where φ' or a higher derivative jumps:
// those declared and those found. Jumps are not among them.
func (fn *Function) Kinks() []float64 { return slices.Clone(fn.kinks) }

// Jumps returns the places, ascending, where φ jumps: those declared and those
// found.
func (fn *Function) Jumps() []float64 { return slices.Clone(fn.jumps) }

// MaxStd returns the largest standard deviation served.
func (fn *Function) MaxStd() float64 { return fn.maxStd }

// Tolerance returns the tolerance, relative to root mean squares.
func (fn *Function) Tolerance() float64 { return fn.tol }

// serves reports whether q is a variance in the range.
func (fn *Function) serves(q float64) bool { return q >= 0 && q <= fn.maxStd*fn.maxStd*(1+1e-12) }
