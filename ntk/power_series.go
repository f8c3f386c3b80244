package ntk

import (
	"fmt"
	"slices"

	"github.com/kernelsmith/kernelsmith/ntk/internal/special"
)

// PowerSeries is the kernel K(c) = Σ_k a_k c^k on the sphere, a polynomial
// here. It is positive definite in every dimension exactly if all a_k ≥ 0
// ([S42]).
type PowerSeries struct {
	a []float64
	// rest bounds |K(c) - Σ a_k c^k| on [-1, 1], for a series cut off.
	rest float64
}

// NewPowerSeries returns Σ a[k] c^k. It reports a coefficient that is NaN or
// infinite; a negative one is a power series, though not a kernel.
func NewPowerSeries(a []float64) (PowerSeries, error) {
	for k, v := range a {
		if !special.Finite(v) {
			return PowerSeries{}, fmt.Errorf("ntk: coefficient a_%d is %v; all must be finite", k,
				v)
		}
	}
	return PowerSeries{a: append([]float64(nil), a...)}, nil
}

// Coeffs returns a copy of the coefficients a_k, degree 0 first.
func (p PowerSeries) Coeffs() []float64 { return append([]float64(nil), p.a...) }

// Rest bounds |K(c) - Σ a_k c^k| on [-1, 1] for a kernel K whose series was cut
// off here; it is 0 for a series that is the kernel.
func (p PowerSeries) Rest() float64 { return p.rest }

// WithRest returns the series with a bound ≥ 0 on |K(c) - Σ a_k c^k|, where it is cut off.
func (p PowerSeries) WithRest(rest float64) PowerSeries { return PowerSeries{p.a, rest} }

// String tells the degree.
func (p PowerSeries) String() string { return fmt.Sprintf("power series of degree %d", len(p.a)-1) }

// Curve returns Σ a_k c^k at each cosine. A value that is not finite is an error.
func (p PowerSeries) Curve(cosines []float64) ([]float64, error) {
	out := make([]float64, len(cosines))
	for i, c := range cosines {
		if out[i] = p.At(c); !special.Finite(out[i]) {
			return nil, fmt.Errorf(
				"ntk: the power series at c = %v is too large for double precision", c)
		}
	}
	return out, nil
}

// At returns Σ a_k c^k.
func (p PowerSeries) At(c float64) float64 {
	var sum float64
	for k := len(p.a) - 1; k >= 0; k-- {
		sum = sum*c + p.a[k]
	}
	return sum
}

// NotPSDError reports a power series that is no kernel: its first negative
// coefficient.
type NotPSDError struct {
	Degree int
	Coeff  float64
}

// Error implements error.
func (e *NotPSDError) Error() string {
	return fmt.Sprintf(
		"ntk: not a positive definite kernel: the coefficient of c^%d is %v, and all must be ≥ 0",
		e.Degree, e.Coeff)
}

// Kernel returns the series as a kernel on inputs of any norm that depends on
// their cosine alone; where an input is zero the cosine is taken as 0. A
// negative coefficient is a [*NotPSDError].
func (p PowerSeries) Kernel() (Kernel, error) {
	if err := p.check(); err != nil {
		return Kernel{}, err
	}
	return cosineKernel(p.String(), p.At, &expansion{
		coeffs: func(degree int) ([]float64, error) {
			return append(slices.Clone(p.a), make([]float64,
				max(0, degree+1-len(p.a)))...)[:degree+1], nil
		},
		nonneg: true,
		ends:   len(p.a),
	}), nil
}

func (p PowerSeries) check() error {
	for k, v := range p.a {
		if v < 0 {
			return &NotPSDError{k, v}
		}
	}
	return nil
}
