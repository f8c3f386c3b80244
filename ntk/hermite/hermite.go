// Package hermite has the orthonormal Hermite polynomials of the standard
// normal distribution, expansions in them ([Series]), and the expectations of
// any function of one or two correlated normal numbers to a tolerance
// ([Function], made by [Resolve]).
//
// Convention: h_k is the probabilists' polynomial He_k/√k!, so E[h_j(z)h_k(z)]
// = δ_jk for z ~ N(0, 1), and z h_k = √(k+1) h_{k+1} + √k h_{k-1}.
package hermite

import (
	"fmt"
	"math"
	"slices"

	"github.com/kernelsmith/kernelsmith/ntk/internal/special"
)

// Polynomials sets dst[k] to h_k(z) for k = 0 … len(dst)-1, by the three-term
// recurrence, which is stable for all real z.
func Polynomials(dst []float64, z float64) {
	for k := range dst {
		switch k {
		case 0:
			dst[0] = 1
		case 1:
			dst[1] = z
		default:
			n := float64(k - 1)
			dst[k] = (z*dst[k-1] - math.Sqrt(n)*dst[k-2]) / math.Sqrt(n+1)
		}
	}
}

// Series is the function φ(z) = Σ_k b_k h_k(z/s), with the scale s = 1 unless
// [Series.WithScale] made it. It is a polynomial, and as an activation it has
// closed-form dual activations at every variance. Its zero value is the zero
// function.
type Series struct {
	b     []float64
	scale float64 // 0 means 1
}

// NewSeries returns Σ b[k] h_k. It reports a coefficient that is NaN or
// infinite.
func NewSeries(b []float64) (Series, error) {
	for k, v := range b {
		if !special.Finite(v) {
			return Series{}, fmt.Errorf("hermite: coefficient b_%d is %v; all must be finite", k, v)
		}
	}
	return Series{b: slices.Clone(b)}, nil
}

// WithScale returns Σ b_k h_k(z/scale) of the series' coefficients b_k, whose terms are orthonormal
// on pre-activations of standard deviation scale. It reports a scale that is not a number from
// 1e-100 to 1e100.
func (s Series) WithScale(scale float64) (Series, error) {
	if !(scale >= 1e-100 && scale <= 1e100) {
		return Series{}, fmt.Errorf("hermite: scale is %v; it must be from 1e-100 to 1e100", scale)
	}
	s.scale = scale
	if scale == 1 {
		s.scale = 0
	}
	return s, nil
}

// Coeffs returns a copy of the coefficients b_k, degree 0 first.
func (s Series) Coeffs() []float64 { return slices.Clone(s.b) }

// Scale returns s of φ(z) = Σ_k b_k h_k(z/s).
func (s Series) Scale() float64 {
	if s.scale == 0 {
		return 1
	}
	return s.scale
}

// Value returns φ(z).
func (s Series) Value(z float64) float64 {
	z /= s.Scale()
	var sum, h, previous float64
	for k, b := range s.b {
		h, previous = next(k, z, h, previous)
		sum += b * h
	}
	return sum
}

// Derivative returns φ'(z) = Σ √k b_k h_{k-1}(z/s)/s.
func (s Series) Derivative(z float64) float64 {
	z /= s.Scale()
	var sum, h, previous float64
	for k := 1; k < len(s.b); k++ {
		h, previous = next(k-1, z, h, previous)
		sum += math.Sqrt(float64(k)) * s.b[k] * h
	}
	return sum / s.Scale()
}

// next returns h_k(z) and h_{k-1}(z) from h_{k-1}(z) and h_{k-2}(z).
func next(k int, z, h, previous float64) (float64, float64) {
	if k == 0 {
		return 1, 0
	}
	n := float64(k - 1)
	return (z*h - math.Sqrt(n)*previous) / math.Sqrt(n+1), h
}

// String names the series by its degree.
func (s Series) String() string {
	if s.scale != 0 {
		return fmt.Sprintf("Hermite series of degree %d in z/%.4g", len(s.b)-1, s.scale)
	}
	return fmt.Sprintf("Hermite series of degree %d", len(s.b)-1)
}

// Scaled returns the expansion of φ(σ z), with the scale 1: the coefficients
// that φ has on pre-activations of standard deviation σ ≥ 0. Cost: O(degree²),
// O(degree) at the series' own scale.
//
// Coefficients of low degree lose digits when σ ≠ s and the degree is high: for
// the ½ sin 6z series of degree 130, ten digits are right at σ = 0.9, seven at
// 1.1 and one at 1.3.
func (s Series) Scaled(sigma float64) Series {
	if s.scale != 0 {
		sigma /= s.scale
		// The root of a variance misses the scale by rounding, and in a series of
		// degree 1000 a change by so little is lost in the rounding of its terms.
		if math.Abs(sigma-1) <= 0x1p-50 {
			sigma = 1
		}
	}
	if sigma == 1 {
		return Series{b: s.b}
	}
	// h_k(σz) as a vector over h_j(z), by the recurrence in its first argument.
	n := len(s.b)
	out := make([]float64, n)
	h, previous := make([]float64, n), make([]float64, n)
	for k, b := range s.b {
		if k == 0 {
			h[0] = 1
		} else {
			// previous ← (σ z·h - √(k-1)·previous)/√k
			a := math.Sqrt(float64(k - 1))
			for j := range k + 1 {
				t := -a * previous[j]
				if j > 0 {
					t += sigma * math.Sqrt(float64(j)) * h[j-1]
				}
				if j+1 < n {
					t += sigma * math.Sqrt(float64(j+1)) * h[j+1]
				}
				previous[j] = t / math.Sqrt(float64(k))
			}
			h, previous = previous, h
		}
		for j := range k + 1 {
			out[j] += b * h[j]
		}
	}
	return Series{b: out}
}

// Dual returns E[φ(u)φ(v)] and E[φ'(u)φ'(v)] for (u, v) normal with mean zero,
// variances q and q2 and covariance k: with σ² = q, σ'² = q2 and ρ = k/(σσ'),
// Σ_j b_j(σ) b_j(σ') ρ^j, where b_j(σ) are the coefficients of φ(σ z).
func (s Series) Dual(q, k, q2 float64) (value, derivative float64) {
	a := s.Prepare(q)
	b := a
	if q2 != q {
		b = s.Prepare(q2)
	}
	return s.DualPrepared(a, q, k, q2, b)
}

// Prepare returns the coefficients of φ(σz) and then those of φ'(σz), σ² = q:
// what [Series.DualPrepared] needs of one pre-activation. Cost: O(degree²),
// O(degree) for q = s².
func (s Series) Prepare(q float64) []float64 {
	sigma := math.Sqrt(q)
	return append(append([]float64(nil), s.Scaled(sigma).b...), s.prime().Scaled(sigma).b...)
}

// DualPrepared is [Series.Dual] with what Prepare(q) and Prepare(q2) returned.
// Cost: O(degree).
func (s Series) DualPrepared(
	a []float64, q, k, q2 float64, b []float64,
) (value, derivative float64) {
	var rho float64
	if q > 0 && q2 > 0 {
		rho = math.Max(-1, math.Min(1, k/math.Sqrt(q)/math.Sqrt(q2)))
	}
	n := len(s.b)
	for j := n - 1; j >= 0; j-- {
		value = value*rho + a[j]*b[j]
	}
	for j := len(a) - 1; j >= n; j-- {
		derivative = derivative*rho + a[j]*b[j]
	}
	return value, derivative
}

func (s Series) prime() Series {
	if len(s.b) < 2 {
		return Series{}
	}
	d := make([]float64, len(s.b)-1)
	for k := range d {
		d[k] = math.Sqrt(float64(k+1)) * s.b[k+1] / s.Scale()
	}
	return Series{b: d, scale: s.scale}
}
