package ntk

import (
	"fmt"
	"github.com/kernelsmith/kernelsmith/ntk/internal/gauss"
	"math"
)

// distanceKernel is f(t), t = ‖x-x'‖²/(2d): on the sphere t = 1 - c.
func distanceKernel(name string, f func(t float64) float64, coeffs func(degree int) []float64) Kernel {
	return Kernel{
		name:    name,
		prepare: func(q float64) (prepared, error) { return q, nil },
		pair:    func(a prepared, p gauss.Pair, b prepared) float64 { return f(p.HalfSquare()) },
		expansion: &expansion{
			coeffs: func(degree int) ([]float64, error) {
				if degree < 0 {
					return nil, fmt.Errorf("ntk: degree is %d; it must be ≥ 0", degree)
				}
				return coeffs(degree), nil
			},
			nonneg: true, // a completely monotone f gives a kernel in every dimension [S42]
		},
	}
}

func checkLength(length float64) error {
	if !(length > 0) || math.IsInf(length, 0) || !isFinite(1/(length*length)) {
		return fmt.Errorf("ntk: length scale is %v; it must be a finite number > 0, in units of √d", length)
	}
	return nil
}

// GaussianKernel returns e^{-‖x-x'‖²/(2 d ℓ²)}: on the sphere e^{-(1-c)/ℓ²}, the
// NNGP kernel of the net of [GaussianFeature](1/ℓ).
func GaussianKernel(length float64) (Kernel, error) {
	if err := checkLength(length); err != nil {
		return Kernel{}, err
	}
	s := 1 / (length * length)
	return distanceKernel(fmt.Sprintf("Gaussian kernel, ℓ = %.4g", length),
		func(t float64) float64 { return math.Exp(-s * t) },
		func(degree int) []float64 {
			a := make([]float64, degree+1)
			for k := range a {
				lg, _ := math.Lgamma(float64(k + 1))
				a[k] = math.Exp(-s + float64(k)*math.Log(s) - lg)
			}
			return a
		}), nil
}

// LaplaceKernel returns e^{-‖x-x'‖/(ℓ√d)}: on the sphere e^{-√(2-2c)/ℓ}.
func LaplaceKernel(length float64) (Kernel, error) {
	K, err := MaternKernel(0, length)
	K.name = fmt.Sprintf("Laplace kernel, ℓ = %.4g", length)
	return K, err
}

// MaternKernel returns the Matérn kernel of smoothness ν = p + ½ and length scale
// ℓ: with x = √(2ν) ‖x-x'‖/(ℓ√d), e^{-x} times a polynomial of degree p ≤ 20 in x
// that is 1 at 0: 1 for p = 0 (Laplace), 1 + x, 1 + x + x²/3, …
//
// Source: [RW06] eq. 4.16.
func MaternKernel(p int, length float64) (Kernel, error) {
	if err := checkLength(length); err != nil {
		return Kernel{}, err
	}
	if p < 0 || p > 20 {
		return Kernel{}, fmt.Errorf("ntk: Matérn p is %d (smoothness p + ½); it must be 0 … 20", p)
	}
	// Σ_i (p+i)!/(i!(p-i)!) (2x)^{p-i} p!/(2p)!
	poly := make([]float64, p+1)
	for i := range poly {
		a, _ := math.Lgamma(float64(p + 1))
		b, _ := math.Lgamma(float64(2*p + 1))
		c, _ := math.Lgamma(float64(p + i + 1))
		d, _ := math.Lgamma(float64(i + 1))
		e, _ := math.Lgamma(float64(p - i + 1))
		poly[p-i] = math.Exp(a - b + c - d - e + float64(p-i)*math.Ln2)
	}
	s := 2 * (float64(2*p + 1)) / (length * length) // x² = s t, t = ‖x-x'‖²/2d
	value := func(t float64) float64 {
		x := math.Sqrt(s * t)
		if x > 800 {
			return 0 // e^{-x} is, and the polynomial may be infinite
		}
		var v float64
		for i := p; i >= 0; i-- {
			v = v*x + poly[i]
		}
		return v * math.Exp(-x)
	}
	return distanceKernel(fmt.Sprintf("Matérn kernel, ν = %d/2, ℓ = %.4g", 2*p+1, length), value,
		func(degree int) []float64 { return maternCoeffs(p, s, degree) }), nil
}

// maternCoeffs returns the power series in c of the Matérn function of x,
// x² = s(1-c). By Bessel's recurrence dM_p/d(x²) = -M_{p-1}/(2(2p-1)), so the
// coefficients of p follow from those of p-1, down to e^{-x}, which solves
// 2(1-c)·2g” … a linear equation with positive coefficients.
func maternCoeffs(p int, s float64, degree int) []float64 {
	a := make([]float64, degree+1+p)
	// g = e^{-x}: 4(1-c) g” = s g + 2 g', so
	// 4(k+2)(k+1) a_{k+2} = (k+1)(4k+2) a_{k+1} + s a_k.
	root := math.Sqrt(s)
	a[0] = math.Exp(-root)
	if len(a) > 1 {
		a[1] = root / 2 * a[0]
	}
	for k := 0; k+2 < len(a); k++ {
		n := float64(k)
		a[k+2] = ((n+1)*(4*n+2)*a[k+1] + s*a[k]) / (4 * (n + 2) * (n + 1))
	}
	for order := 1; order <= p; order++ {
		next := make([]float64, len(a))
		next[0] = matern(order, root)
		for k := 1; k < len(a); k++ {
			next[k] = s / (2 * float64(2*order-1)) * a[k-1] / float64(k)
		}
		a = next
	}
	return a[:degree+1]
}

// matern is M_p(x), by M_p = M_{p-1} + x²/((2p-1)(2p-3)) M_{p-2}.
func matern(p int, x float64) float64 {
	last, m := math.Exp(-x), (1+x)*math.Exp(-x)
	if p == 0 {
		return last
	}
	for i := 2; i <= p; i++ {
		last, m = m, m+x*x/float64((2*i-1)*(2*i-3))*last
	}
	return m
}

// PolynomialKernel returns (x·x'/d + offset)^degree: on the sphere (c + offset)^degree.
func PolynomialKernel(degree int, offset float64) (Kernel, error) {
	if degree < 0 || degree > 1000 {
		return Kernel{}, fmt.Errorf("ntk: degree is %d; it must be 0 … 1000", degree)
	}
	if !(offset >= 0) || math.IsInf(offset, 0) {
		return Kernel{}, fmt.Errorf("ntk: offset is %v; it must be a finite number ≥ 0", offset)
	}
	return Kernel{
		name:    fmt.Sprintf("polynomial kernel (c%+.4g)^%d", offset, degree),
		prepare: func(q float64) (prepared, error) { return q, nil },
		pair: func(a prepared, p gauss.Pair, b prepared) float64 {
			return math.Pow(p.K+offset, float64(degree))
		},
		expansion: &expansion{
			nonneg: true,
			coeffs: func(n int) ([]float64, error) {
				a := make([]float64, n+1)
				c := 1.0 // binomial
				for k := 0; k <= min(n, degree); k++ {
					if k > 0 {
						c *= float64(degree-k+1) / float64(k)
					}
					a[k] = c * math.Pow(offset, float64(degree-k))
				}
				return a, nil
			},
		},
	}, nil
}

// ArcCosineKernel returns the arc-cosine kernel of the degree n, 0 … 12,
// J_n(θ) (‖x‖²‖x'‖²/d²)^{n/2}/π: 2 E[max(u,0)^n max(v,0)^n].
//
// Source: [CS09] eq. 3.
func ArcCosineKernel(degree int) (Kernel, error) {
	if degree < 0 || degree > maxRectified {
		return Kernel{}, fmt.Errorf("ntk: degree is %d; it must be 0 … %d", degree, maxRectified)
	}
	var phi Activation = RectifiedMonomial{degree}
	if degree == 0 {
		phi = Step{}
	}
	net, err := NewFCN([]Layer{{Activation: phi, WeightStd: 1}}, Readout{WeightStd: math.Sqrt2})
	if err != nil {
		return Kernel{}, err
	}
	K, err := net.NNGP()
	K.name = fmt.Sprintf("arc-cosine kernel of degree %d", degree)
	return K, err
}
