package ntk

import (
	"fmt"
	"math"

	"github.com/kernelsmith/kernelsmith/ntk/internal/gauss"
	"github.com/kernelsmith/kernelsmith/ntk/internal/series"
	"github.com/kernelsmith/kernelsmith/ntk/internal/special"
)

// Derivative returns dK/dc on the sphere ‖x‖² = d as a kernel of the cosine: its
// coefficients are (k+1) a_{k+1}. It is exact to rounding where the power series
// of K ends or falls quickly. Elsewhere it comes from a Chebyshev interpolant of K
// in θ = arccos c, to about 1e-9 of the largest derivative on |c| < 0.999, and at
// c = 1 it can be infinite, which is a [*DomainError] when asked for. A kernel
// with too much detail for 4096 points is an error.
func (K Kernel) Derivative() (Kernel, error) {
	K = K.made()
	name := fmt.Sprintf("derivative of %v", K)
	var e *expansion
	if K.expansion != nil {
		e = K.expansion.like(func(degree int) ([]float64, error) {
			a, err := K.expansion.coeffs(degree + 1)
			if err != nil {
				return nil, err
			}
			for k := range degree + 1 {
				a[k] = float64(k+1) * a[k+1]
			}
			return a[:degree+1], nil
		})
		e.ends = max(0, e.ends-1)
		degree, ends := 200, false
		if n := K.expansion.ends; n > 0 && n <= 10001 {
			degree, ends = n, true
		}
		if p, err := K.Series(degree); err == nil && (ends || p.rest < 1e-13*math.Abs(p.At(1))) {
			if a, err := e.coeffs(degree); err == nil {
				return cosineKernel(name, PowerSeries{a: series.TrimZeros(a)}.At, e), nil
			}
		}
	}
	f, err := K.slope()
	if err != nil {
		return Kernel{}, err
	}
	return cosineKernel(name, f, e), nil
}

// slope interpolates K(cos θ), which is analytic in θ for nets of piecewise
// analytic activations, and differentiates: K = Σ b_j cos jθ', θ' the angle in
// which θ = π(1 - cos θ')/2.
func (K Kernel) slope() (func(c float64) float64, error) {
	one, err := K.prepare(1)
	if err != nil {
		return nil, err
	}
	value := func(x float64) (float64, error) { // K at θ = π(1+x)/2
		sin, cos := math.Sincos(math.Pi * (1 + x) / 4)
		p := gauss.New(1, 1-2*sin*sin, 1, 2*sin*sin, 2*cos*cos)
		v := K.pair(one, p, one)
		if !special.Finite(v) {
			return 0, &DomainError{1, p.K, 1, K.reason(p, v)}
		}
		return v, nil
	}
	for n := 64; n <= 4096; n *= 2 {
		b := make([]float64, n)
		var size float64
		for j := range n {
			if b[j], err = value(series.ChebyshevPoint(j, n)); err != nil {
				return nil, err
			}
			size = math.Max(size, math.Abs(b[j]))
		}
		b = series.ChebyshevCoeffsOfMany(b)
		// A spike between the points shows at fresh ones, the ends first.
		missed := false
		for _, x := range []float64{-1, -0.99999, -0.9, -0.123, 0.456, 1} {
			v, err := value(x)
			if err != nil {
				return nil, err
			}
			off := math.Abs(v - series.Chebyshev(b, x))
			missed = missed || off > 1e-12*math.Max(size, math.Abs(v))
		}
		if missed {
			continue
		}
		var tail float64
		for _, v := range b[n-n/8:] {
			tail = math.Max(tail, math.Abs(v))
		}
		if tail > 1e-14*size {
			continue
		}
		for n > 1 && math.Abs(b[n-1]) <= 2e-16*size {
			n--
		}
		d, d2 := make([]float64, n), make([]float64, n)
		series.ChebyshevDerivative(d, b[:n])
		series.ChebyshevDerivative(d2, d)
		return func(c float64) float64 {
			theta := math.Acos(math.Max(-1, math.Min(1, c)))
			x := 2*theta/math.Pi - 1
			slope := series.Chebyshev(d, x) * 2 / math.Pi
			// Near the ends K'(θ)/sin θ is K'' there if K' goes to 0, and else infinite.
			sin := math.Sin(theta)
			if near := theta < 1e-5 ||
				theta > math.Pi-1e-5; !near ||
				math.Abs(slope) > 1e-4*size && sin > 1e-15 {
				return -slope / sin
			}
			if math.Abs(slope) > 1e-4*size {
				return math.Inf(int(-math.Copysign(1, slope)))
			}
			return -math.Copysign(1, c) * series.Chebyshev(d2, x) * 4 / (math.Pi * math.Pi)
		}, nil
	}
	return nil, fmt.Errorf(
		"ntk: %v has too much detail for its derivative: 4096 points in θ do not resolve it", K)
}
