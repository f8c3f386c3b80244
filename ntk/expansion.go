package ntk

import (
	"fmt"
	"math"
)

// Series returns the power series Σ a_k c^k of the kernel on inputs of norm √d up
// to the degree, with a bound on the rest in [PowerSeries.Rest]: K(1) - Σ a_k
// where all a_k ≥ 0 by the kernel's construction, up to rounding. A kernel known
// by its values alone is an error: package inverse certifies by
// values.
//
// The rest falls as fast as the kernel is smooth at c = ±1: for the NTK of ReLU
// nets only like 1/√degree.
func (K Kernel) Series(degree int) (PowerSeries, error) { return K.SeriesAt(1, degree) }

// SeriesAt returns the power series Σ a_k c^k of the kernel between inputs with ‖x‖²/d = q, as
// [Kernel.CurveAt] has its values; otherwise as [Kernel.Series]. It reports a q that is negative
// or not finite, or where the kernel has no value.
func (K Kernel) SeriesAt(q float64, degree int) (PowerSeries, error) {
	if !(q >= 0) || math.IsInf(q, 0) {
		return PowerSeries{}, &DomainError{q, 0, q, "q is a squared norm over d: finite and ≥ 0"}
	}
	if q == 1 || K.rescaled == nil && q > 0 {
		return K.series(degree)
	}
	if q == 0 && K.expansion != nil && degree >= 0 {
		a, err := K.CurveAt(0, []float64{0})
		if err != nil {
			return PowerSeries{}, err
		}
		return NewPowerSeries(append(a, make([]float64, degree)...))
	}
	if K.rescaled == nil {
		return K.series(degree)
	}
	scaled, err := K.rescaled(q)
	if err != nil {
		return PowerSeries{}, fmt.Errorf("ntk: the power series of %v on inputs with ‖x‖²/d = %v: "+
			"%w", K, q, err)
	}
	return scaled.series(degree)
}

// series is Series.
func (K Kernel) series(degree int) (PowerSeries, error) {
	if K.prepare == nil {
		return PowerSeries{}, errNoKernel
	}
	if K.expansion == nil {
		return PowerSeries{}, &noSeriesError{K.name}
	}
	if degree < 0 {
		return PowerSeries{}, fmt.Errorf("ntk: degree is %d; it must be ≥ 0", degree)
	}
	a, err := K.expansion.coeffs(degree)
	if err != nil {
		return PowerSeries{}, err
	}
	p, err := NewPowerSeries(a)
	if err != nil {
		return PowerSeries{}, err
	}
	top, err := K.Curve([]float64{1})
	if err != nil {
		return PowerSeries{}, err
	}
	// What is missing, the last first: that they are many costs nothing.
	var lost, size float64
	sum := top[0]
	for k := len(a) - 1; k >= 0; k-- {
		v := sum - a[k]
		back := v - sum
		lost += (sum - (v - back)) - (a[k] + back)
		sum = v
		size += math.Abs(a[k])
	}
	e := K.expansion
	p.rest = math.Max(0, sum+lost) + (baseRounding+e.rounding+e.tolerance)*(size+math.Abs(top[0]))
	if !K.expansion.nonneg {
		p.rest = math.Inf(1)
	}
	return p, nil
}

// noSeriesError reports a kernel whose power series does not follow from how it
// was made.
type noSeriesError struct {
	Kernel string
}

// Error implements error.
func (e *noSeriesError) Error() string {
	return fmt.Sprintf(
		"ntk: the power series of %s does not follow from its construction; inverse.Certify "+
			"estimates it from values",
		e.Kernel,
	)
}

// Expansion is what a kernel knows of its power series Σ a_k c^k on inputs of norm √d.
type Expansion struct {
	// Coeffs returns a_0 … a_degree; it is nil for a kernel known by its values alone.
	Coeffs func(degree int) ([]float64, error)
	// Nonnegative says that all a_k are ≥ 0 by the way the kernel was made.
	Nonnegative bool
	// Error is the error of the coefficients, together, and ValueError that of values K(c)
	// where it is more than rounding; both are relative to K(1).
	Error, ValueError float64
}

// String says what is known of the coefficients, in a line.
func (e Expansion) String() string {
	if e.Coeffs == nil {
		return "no power series: the kernel is known by its values alone"
	}
	signs := "coefficients of any sign"
	if e.Nonnegative {
		signs = "all coefficients ≥ 0 by the way it was made"
	}
	return fmt.Sprintf("power series with %s, within %.2g of K(1)", signs, e.Error)
}

// Expansion returns what is known of the kernel's power series, for what works with targets
// (package inverse); [Kernel.Series] returns the series itself.
func (K Kernel) Expansion() Expansion {
	e := Expansion{ValueError: K.tolerance}
	if x := K.expansion; x != nil {
		e.Coeffs, e.Nonnegative = x.coeffs, x.nonneg
		e.Error = x.tolerance + baseRounding + x.rounding
	}
	return e
}

// expansion is what the structure of a kernel tells of its power series in the
// cosine c on the sphere ‖x‖² = d. A kernel that is only a function has none.
type expansion struct {
	// coeffs returns a_0 … a_degree, each to rounding relative to its own size
	// where nonneg is true, else relative to the sum of |a_k|.
	coeffs func(degree int) ([]float64, error)
	// nonneg says that all coefficients are ≥ 0 by the kernel's construction.
	nonneg bool
	// tolerance is the error of numeric coefficients, together, relative to K(1).
	tolerance float64
	// rounding is what coefficients and K(1) together lose by rounding, relative to
	// K(1), beyond [baseRounding].
	rounding float64
	// ends is the number of coefficients of a polynomial, 0 where not known.
	ends int
}

// baseRounding is what any expansion may lose: some roundings of each coefficient,
// those of K(1), and of an exponential's argument.
const baseRounding = 4e-15

// like returns an expansion with these coefficients and all else as in e.
func (e *expansion) like(coeffs func(degree int) ([]float64, error)) *expansion {
	out := *e
	out.coeffs = coeffs
	return &out
}
