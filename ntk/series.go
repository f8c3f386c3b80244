package ntk

import (
	"fmt"
	"math"
	"slices"

	"github.com/kernelsmith/kernelsmith/ntk/hermite"
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
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return PowerSeries{}, fmt.Errorf("ntk: coefficient a_%d is %v; all must be finite", k, v)
		}
	}
	return PowerSeries{a: append([]float64(nil), a...)}, nil
}

// Coeffs returns a copy of the coefficients a_k, degree 0 first.
func (p PowerSeries) Coeffs() []float64 { return append([]float64(nil), p.a...) }

// Rest bounds |K(c) - Σ a_k c^k| on [-1, 1] for a kernel K whose series was cut
// off here; it is 0 for a series that is the kernel.
func (p PowerSeries) Rest() float64 { return p.rest }

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
	return fmt.Sprintf("ntk: not a positive definite kernel: the coefficient of c^%d is %v, and all must be ≥ 0", e.Degree, e.Coeff)
}

// Kernel returns the series as a kernel on inputs of any norm that depends on
// their cosine alone; where an input is zero the cosine is taken as 0. A
// negative coefficient is a [*NotPSDError].
func (p PowerSeries) Kernel() (Kernel, error) {
	if err := p.check(); err != nil {
		return Kernel{}, err
	}
	return cosineKernel(fmt.Sprintf("power series of degree %d", len(p.a)-1), p.At, &expansion{
		coeffs: func(degree int) ([]float64, error) {
			return append(slices.Clone(p.a), make([]float64, max(0, degree+1-len(p.a)))...)[:degree+1], nil
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

// InverseNTK returns the activation φ = Σ ±√(a_k/(k+1)) h_k: on the sphere,
// the NTK of the one-hidden-layer net with σ_w = 1, σ_b = 0 and this φ is
// K(c) = Σ a_k c^k.
//
// signs[k] is the sign of the k-th term, +1 or -1; degrees beyond its length
// get +1, so nil is all plus. Each choice gives the same kernel and another φ.
// A negative coefficient is a [*NotPSDError]; more signs than coefficients, and signs
// other than 1 and -1, are errors.
//
// Source: [SAD22] theorem 1.
func InverseNTK(target PowerSeries, signs []int) (hermite.Series, error) {
	return inverse(target, signs, func(k int) float64 { return float64(k + 1) })
}

// InverseNNGP returns the activation φ = Σ ±√a_k h_k, whose one-hidden-layer
// net has the NNGP kernel Σ a_k c^k; otherwise as [InverseNTK].
//
// Source: [SAD22] theorem 1.
func InverseNNGP(target PowerSeries, signs []int) (hermite.Series, error) {
	return inverse(target, signs, func(int) float64 { return 1 })
}

func inverse(target PowerSeries, signs []int, factor func(k int) float64) (hermite.Series, error) {
	if err := target.check(); err != nil {
		return hermite.Series{}, err
	}
	if len(signs) > len(target.a) {
		return hermite.Series{}, fmt.Errorf("ntk: %d signs for %d coefficients", len(signs), len(target.a))
	}
	b := make([]float64, len(target.a))
	for k, a := range target.a {
		b[k] = math.Sqrt(a / factor(k))
		if k < len(signs) {
			switch signs[k] {
			case 1:
			case -1:
				b[k] = -b[k]
			default:
				return hermite.Series{}, fmt.Errorf("ntk: sign of degree %d is %d; it must be 1 or -1", k, signs[k])
			}
		}
	}
	return hermite.NewSeries(b)
}
