// Package special holds the special functions behind closed-form dual
// activations that gonum and the standard library lack.
package special

import (
	"math"
	"math/cmplx"

	"github.com/kernelsmith/kernelsmith/ntk/internal/quadrature"
)

// Finite says that v is a number and not infinite.
func Finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// NormalDensity is p(x) = e^{-x²/2}/√(2π).
func NormalDensity(x float64) float64 {
	return math.Exp(-x*x/2) / math.Sqrt(2*math.Pi)
}

// NormalTail is Q(x) = P(z > x) for a standard normal z, accurate in the far
// tail too.
func NormalTail(x float64) float64 { return math.Erfc(x/math.Sqrt2) / 2 }

// ConditionalTail is P(r z > x) = Q(x/r), r ≥ 0, with its limit at r = 0: ½ where x is 0 too.
func ConditionalTail(x, r float64) float64 {
	if r == 0 {
		switch {
		case x > 0:
			return 0
		case x < 0:
			return 1
		}
		return 0.5
	}
	return NormalTail(x / r)
}

// Faddeeva is w(z) = e^{-z²} erfc(-iz), for any z where it does not overflow.
//
// The relative error is below 1e-14 for Im z ≥ 0; for Im z < 0 it comes from
// w(z) = 2e^{-z²} - w(-z), with the cancellation that this has near w's zeros.
//
// Source: Al Azah, Chandler-Wilde, "Computation of the complex error function
// using modified trapezoidal rules", SIAM J. Numer. Anal. 59 (2021), with 12
// quadrature points: the trapezoidal or the midpoint rule for
// w(z) = (i z/π) ∫ e^{-t²}/(z²-t²) dt, whichever has its nodes away from Re z,
// and the residue of the pole where the rule needs it.
func Faddeeva(z complex128) complex128 {
	x, y := real(z), imag(z)
	switch {
	case math.IsNaN(x) || math.IsNaN(y):
		return cmplx.NaN()
	case y < 0:
		return 2*cmplx.Exp(-z*z) - Faddeeva(-z)
	case x < 0:
		return cmplx.Conj(Faddeeva(complex(-x, y)))
	}
	z2 := z * z
	if cmplx.IsInf(z2) || cmplx.Abs(z2) > 1e16 {
		return complex(0, 1/math.Sqrt(math.Pi)) / z
	}
	const h = faddeevaStep
	shift := x/h - math.Floor(x/h)
	midpoint := y >= math.Max(x, math.Pi/h) || shift < 0.25 || shift > 0.75
	rule := &trapezoidal
	if midpoint {
		rule = &midpoints
	}
	var re, im float64 // of Σ weight/(z² - t²)
	a, b := real(z2), imag(z2)
	for _, p := range rule {
		d := a - p.t2
		f := p.weight / (d*d + b*b)
		re += f * d
		im -= f * b
	}
	sum := complex(re, im)
	var pole complex128
	if y < math.Max(x, math.Pi/h) {
		turn := cmplx.Exp(complex(0, -2*math.Pi/h) * z)
		if midpoint {
			pole = 2 * cmplx.Exp(-z2) / (1 + turn)
		} else {
			pole = 2 * cmplx.Exp(-z2) / (1 - turn)
		}
	}
	return pole + complex(0, 2*h/math.Pi)*z*sum
}

// faddeevaStep is √(π/12), the step for 12 nodes.
const faddeevaStep = 0.51166335397324424423

type quadratureNode struct{ t2, weight float64 }

var trapezoidal, midpoints = faddeevaRules()

func faddeevaRules() (trapezoidal, midpoints [12]quadratureNode) {
	for k := range 12 {
		t := float64(k) * faddeevaStep
		trapezoidal[k] = quadratureNode{t * t, math.Exp(-t * t)}
		t += faddeevaStep / 2
		midpoints[k] = quadratureNode{t * t, math.Exp(-t * t)}
	}
	trapezoidal[0].weight = 0.5
	return trapezoidal, midpoints
}

// BivariateNormalTail is P(u > h, v > k) for standard normal u and v with
// correlation rho in [-1, 1], given also r = √(1 - rho²), which a caller may
// know better than rho near ±1 tells. The absolute error is below 1e-15.
//
// Source: the integral of Plackett (1954) in t = arcsin(rho), by Gauss-Legendre
// quadrature; for |rho| > 0.925 the distance from |rho| = 1, with the leading
// terms of its singular part integrated exactly, after Genz, "Numerical
// computation of rectangular bivariate and trivariate normal and t
// probabilities", Stat. Comput. 14 (2004).
func BivariateNormalTail(h, k, rho, r float64) float64 {
	switch {
	case math.IsNaN(h) || math.IsNaN(k) || !(math.Abs(rho) <= 1):
		return math.NaN()
	case math.IsInf(h, 1) || math.IsInf(k, 1):
		return 0
	case math.IsInf(h, -1):
		return NormalTail(k)
	case math.IsInf(k, -1):
		return NormalTail(h)
	}
	if math.Abs(rho) < MaxPlackett {
		return clamp(NormalTail(h)*NormalTail(k) + TailCovariance(h, k, rho))
	}
	// P at rho = ±1, and the integral between it and rho. A negative rho is the
	// positive case of (u, -v).
	if rho < 0 {
		return clamp(NormalTail(h) - nearOne(h, -k, r))
	}
	return clamp(nearOne(h, k, r))
}

// MaxPlackett is up to what |rho| [TailCovariance] does.
const MaxPlackett = 0.925

// TailCovariance is P(u > h, v > k) - Q(h) Q(k) of [BivariateNormalTail] for |rho| less than
// [MaxPlackett], to rounding of its own size or of √(Q(h) Q(k)).
func TailCovariance(h, k, rho float64) float64 {
	n := 20
	switch { // the fewer nodes, the shorter the way from 0
	case math.Abs(rho) < 0.3:
		n = 6
	case math.Abs(rho) < 0.75:
		n = 12
	}
	nodes, weights := quadrature.Legendre(n)
	half := math.Asin(rho) / 2
	var sum float64
	for i, x := range nodes {
		s := math.Sin(half * (1 + x))
		sum += weights[i] * math.Exp((s*h*k-(h*h+k*k)/2)/(1-s*s))
	}
	return sum * half / (2 * math.Pi)
}

// nearOne is P(u > h, v > k) for rho in [0.925, 1]: the value at rho = 1 less
// (1/2π) ∫₀^a e^{-((h-k)²/x² + hk·2/(1+√(1-x²)))/2} dx/√(1-x²), a = √(1-rho²).
func nearOne(h, k, a float64) float64 {
	limit := NormalTail(math.Max(h, k))
	if a <= 0 {
		return limit
	}
	a2 := a * a
	b2, hk := (h-k)*(h-k), h*k
	b := math.Sqrt(b2)
	// The integrand's smooth factor around x = 0 is e^{-hk/2}(1 + c x² + c d x⁴ + …);
	// these three terms times e^{-b²/(2x²)} integrate in closed form.
	c, d := (4-hk)/8, (12-hk)/16
	var exact float64
	if e := -(b2/a2 + hk) / 2; e > -700 {
		exact = a * math.Exp(e) * (1 - c*(b2-a2)*(1-d*b2/5)/3 + c*d*a2*a2/5)
	}
	if hk > -1400 && b > 0 {
		exact -= math.Exp(-hk/2) * math.Sqrt(
			2*math.Pi) * NormalTail(b/a) * b * (1 - c*b2*(1-d*b2/5)/3)
	}
	nodes, weights := quadrature.Legendre(20)
	var rest float64
	for i, t := range nodes {
		x := a / 2 * (1 + t)
		x2 := x * x
		e := -(b2/x2 + hk) / 2
		if e < -700 {
			continue
		}
		r := math.Sqrt(1 - x2)
		rest += weights[i] * math.Exp(
			e) * (math.Exp(-hk*x2/(2*(1+r)*(1+r)))/r - (1 + c*x2*(1+d*x2)))
	}
	return limit - (exact+a/2*rest)/(2*math.Pi)
}

func clamp(p float64) float64 { return math.Min(1, math.Max(0, p)) }
