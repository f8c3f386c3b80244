package inverse

import (
	"fmt"
	"math"
	"slices"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/internal/special"
)

// Target is a kernel that one wants on the sphere: a curve K(c) over the cosine c. An
// [ntk.PowerSeries], an [ntk.Kernel] (of another net, or of a Go function) and [Samples] are
// targets, and so is any type with this method.
type Target interface {
	// Curve returns K(c) at each cosine in [-1, 1], in their order.
	Curve(cosines []float64) ([]float64, error)
}

// Expander is a target that also knows its power series, as an [ntk.Kernel] does if it was
// made of nets, named kernels and series: signs can then be proved, where values are only
// evidence.
type Expander interface {
	Target
	// Expansion returns what is known of the series; its Coeffs are nil where nothing is.
	Expansion() ntk.Expansion
}

// Samples are values K(c_i) of a kernel on the sphere.
type Samples struct {
	// Cosines are the c_i, in [-1, 1], in any order.
	Cosines []float64
	Values  []float64
	// Std is the standard deviation of each value, or a single one for all; nil
	// and zeros mean exact but for rounding, 2^-50 of the largest |K(c_i)|; beside
	// noisy values, a millionth of the largest standard deviation.
	Std []float64
}

// source is what a target knows of its curve. Exactly one of values and samples
// is set.
type source struct {
	name string
	// coeffs returns a_0 … a_degree; nil for a curve known by values alone.
	coeffs func(degree int) ([]float64, error)
	nonneg bool
	// tolerance is the error of the coefficients together, relative to K(1).
	tolerance float64
	// polynomial is all there is of a power series, and rest bounds what was cut.
	polynomial []float64
	rest       float64
	values     func(cosines []float64) ([]float64, error)
	samples    *Samples
	// valueTolerance is the error of values relative to K(1), where it is more than
	// rounding: of kernels with numeric parts.
	valueTolerance float64
}

// rounding is the error of values relative to the largest |K(c)|.
func (s *source) rounding() float64 { return math.Max(valueError, s.valueTolerance) }

// sourceOf returns what a target knows.
func sourceOf(target Target) (*source, error) {
	switch t := target.(type) {
	case nil:
		return nil, fmt.Errorf("inverse: no target")
	case ntk.PowerSeries:
		return sourceOfSeries(t), nil
	case Samples:
		return t.source()
	}
	s := &source{name: nameOf(target), values: func(cosines []float64) ([]float64, error) {
		values, err := target.Curve(slices.Clone(cosines)) // one of a caller's may write to them
		if err == nil && len(values) != len(cosines) {
			err = fmt.Errorf("inverse: %s gave %d values for %d cosines", nameOf(target),
				len(values), len(cosines))
		}
		return values, err
	}}
	if e, ok := target.(Expander); ok {
		x := e.Expansion()
		s.coeffs, s.nonneg, s.tolerance = x.Coeffs, x.Nonnegative, x.Error
		s.valueTolerance = x.ValueError
	}
	return s, nil
}

// nameOf returns what a target or an activation calls itself, or the name of its type.
func nameOf(x any) string {
	if s, ok := x.(fmt.Stringer); ok {
		return s.String()
	}
	return fmt.Sprintf("%T", x)
}

func sourceOfSeries(p ntk.PowerSeries) *source {
	a := p.Coeffs()
	return &source{
		name: nameOf(p),
		coeffs: func(degree int) ([]float64, error) {
			out := make([]float64, degree+1)
			copy(out, a)
			return out, nil
		},
		nonneg:     !slices.ContainsFunc(a, func(v float64) bool { return v < 0 }),
		polynomial: a,
		rest:       p.Rest(),
		values:     p.Curve,
	}
}

// Curve implements [Target]. Samples have values at their own cosines alone, so it is an
// error: what takes a target knows samples and fits them where they are.
func (s Samples) Curve([]float64) ([]float64, error) {
	return nil, fmt.Errorf("inverse: %d samples have no values between their cosines",
		len(s.Cosines))
}

func (s Samples) source() (*source, error) {
	n := len(s.Cosines)
	switch {
	case n == 0:
		return nil, fmt.Errorf("inverse: no samples")
	case len(s.Values) != n:
		return nil, fmt.Errorf("inverse: %d values for %d cosines", len(s.Values), n)
	case len(s.Std) > 1 && len(s.Std) != n:
		return nil, fmt.Errorf(
			"inverse: %d standard deviations for %d samples; give one for each, a single one, "+
				"or none",
			len(s.Std), n)
	}
	for i, c := range s.Cosines {
		if !(math.Abs(c) <= 1) {
			return nil, fmt.Errorf("inverse: sample %d is at the cosine %v, outside [-1, 1]", i, c)
		}
		if v := s.Values[i]; !special.Finite(v) {
			return nil, fmt.Errorf("inverse: sample %d is %v; it must be finite", i, v)
		}
	}
	for i, v := range s.Std {
		if !(v >= 0) || math.IsInf(v, 0) {
			return nil, fmt.Errorf(
				"inverse: standard deviation %d is %v; it must be a finite number ≥ 0", i, v)
		}
	}
	return &source{
		name:    fmt.Sprintf("%d samples", n),
		samples: &Samples{slices.Clone(s.Cosines), slices.Clone(s.Values), slices.Clone(s.Std)},
	}, nil
}

// cutOff returns Σ a_k c^k with a bound on what was cut. The a_k are finite, since what they
// were made of was checked.
func cutOff(a []float64, rest float64) ntk.PowerSeries {
	return ntk.Must(ntk.NewPowerSeries(a)).WithRest(rest)
}
