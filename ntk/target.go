package ntk

import (
	"fmt"
	"math"
	"slices"
)

// Target is a kernel that one wants on the sphere, a curve K(c) over the cosine
// c: a [PowerSeries], a [Kernel] (of another net, or of a Go function) or
// [Samples].
type Target interface {
	target() (*source, error)
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

func (p PowerSeries) target() (*source, error) {
	return &source{
		name: fmt.Sprintf("power series of degree %d", len(p.a)-1),
		coeffs: func(degree int) ([]float64, error) {
			a := make([]float64, degree+1)
			copy(a, p.a)
			return a, nil
		},
		nonneg:     p.check() == nil,
		polynomial: p.a,
		rest:       p.rest,
		values: func(cosines []float64) ([]float64, error) {
			out := make([]float64, len(cosines))
			for i, c := range cosines {
				if out[i] = p.At(c); !isFinite(out[i]) {
					return nil, fmt.Errorf(
						"ntk: the power series at c = %v is too large for double precision", c)
				}
			}
			return out, nil
		},
	}, nil
}

func (K Kernel) target() (*source, error) {
	s := &source{name: K.String(), values: K.Curve, valueTolerance: K.tolerance}
	if K.expansion != nil {
		s.coeffs, s.nonneg, s.tolerance = K.expansion.coeffs, K.expansion.nonneg,
			K.expansion.tolerance+baseRounding+K.expansion.rounding
	}
	return s, nil
}

func (s Samples) target() (*source, error) {
	n := len(s.Cosines)
	switch {
	case n == 0:
		return nil, fmt.Errorf("ntk: no samples")
	case len(s.Values) != n:
		return nil, fmt.Errorf("ntk: %d values for %d cosines", len(s.Values), n)
	case len(s.Std) > 1 && len(s.Std) != n:
		return nil, fmt.Errorf(
			"ntk: %d standard deviations for %d samples; give one for each, a single one, or none",
			len(s.Std), n)
	}
	for i, c := range s.Cosines {
		if !(math.Abs(c) <= 1) {
			return nil, fmt.Errorf("ntk: sample %d is at the cosine %v, outside [-1, 1]", i, c)
		}
		if v := s.Values[i]; !isFinite(v) {
			return nil, fmt.Errorf("ntk: sample %d is %v; it must be finite", i, v)
		}
	}
	for i, v := range s.Std {
		if !(v >= 0) || math.IsInf(v, 0) {
			return nil, fmt.Errorf(
				"ntk: standard deviation %d is %v; it must be a finite number ≥ 0", i, v)
		}
	}
	return &source{
		name:    fmt.Sprintf("%d samples", n),
		samples: &Samples{slices.Clone(s.Cosines), slices.Clone(s.Values), slices.Clone(s.Std)},
	}, nil
}

func sourceOf(target Target) (*source, error) {
	if target == nil {
		return nil, fmt.Errorf("ntk: no target")
	}
	return target.target()
}
