package ntk

import (
	"fmt"
	"math"

	"github.com/kernelsmith/kernelsmith/ntk/internal/gauss"
	"github.com/kernelsmith/kernelsmith/ntk/internal/gram"
	"github.com/kernelsmith/kernelsmith/ntk/internal/special"
)

// distanceKernel is f(t), t = ‖x-x'‖²/(2d): on the sphere t = 1 - c.
func distanceKernel(
	name string, f func(t float64) float64, coeffs func(degree int) []float64,
) Kernel {
	return Kernel{
		name:     name,
		prepare:  func(q float64) (prepared, error) { return q, nil },
		pair:     func(a prepared, p gauss.Pair, b prepared) float64 { return f(p.HalfSquare()) },
		distance: gram.OfDifference,
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

// ofOneDistance is the distance of what K makes together with its values at equal inputs, which
// are the same everywhere for a kernel of ‖x-x'‖ alone.
func (K Kernel) ofOneDistance() gram.Dependence {
	if K.distance == gram.OfDifference {
		return gram.OfDifference
	}
	return gram.OfProducts
}

func checkLength(length float64) error {
	if !(length > 0) || math.IsInf(length, 0) || !special.Finite(1/(length*length)) {
		return fmt.Errorf("ntk: length scale is %v; it must be a finite number > 0, in units of √d",
			length)
	}
	return nil
}

// GaussianKernel returns e^{-‖x-x'‖²/(2 d ℓ²)}: on the sphere e^{-(1-c)/ℓ²}, the
// NNGP kernel of the net of [GaussianFeature](1/ℓ). The length scale ℓ, in units of
// √d, must be positive and finite.
func GaussianKernel(length float64) (Kernel, error) {
	if err := checkLength(length); err != nil {
		return Kernel{}, err
	}
	s := 1 / (length * length)
	K := distanceKernel(fmt.Sprintf("Gaussian kernel, ℓ = %.4g", length),
		func(t float64) float64 { return math.Exp(-s * t) },
		func(degree int) []float64 {
			a := make([]float64, degree+1)
			for k := range a {
				a[k] = poissonProbability(k, s)
			}
			return a
		})
	K.rescaled = func(s float64) (Kernel, error) { return GaussianKernel(length / math.Sqrt(s)) }
	return K, nil
}

// LaplaceKernel returns e^{-‖x-x'‖/(ℓ√d)}: on the sphere e^{-√(2-2c)/ℓ}.
// The length scale ℓ must be positive and finite.
func LaplaceKernel(length float64) (Kernel, error) {
	K, err := MaternKernel(0, length)
	K.name = fmt.Sprintf("Laplace kernel, ℓ = %.4g", length)
	return K, err
}

// MaternKernel returns the Matérn kernel of smoothness ν = p + ½ and length scale
// ℓ: with x = √(2ν) ‖x-x'‖/(ℓ√d), e^{-x} times a polynomial of degree p ≤ 20 in x
// that is 1 at 0: 1 for p = 0 (Laplace), 1 + x, 1 + x + x²/3, … The length scale
// must be positive and finite, and p from 0 to 20.
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
	poly[0] = 1
	for j := range p {
		poly[j+1] = poly[j] * float64(2*(p-j)) / float64((2*p-j)*(j+1))
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
	K := distanceKernel(fmt.Sprintf("Matérn kernel, ν = %d/2, ℓ = %.4g", 2*p+1, length), value,
		func(degree int) []float64 { return maternCoeffs(p, s, degree) })
	K.rescaled = func(s float64) (Kernel, error) { return MaternKernel(p, length/math.Sqrt(s)) }
	return K, nil
}

// maternCoeffs returns the power series in c of the Matérn function of x,
// x² = s(1-c). By Bessel's recurrence dM_p/d(x²) = -M_{p-1}/(2(2p-1)), so the
// coefficients of p follow from those of p-1, down to e^{-x}, which solves
// 2(1-c)·2g” … a linear equation with positive coefficients. They can be all
// below and far above e^{-√s}, which is multiplied in last.
func maternCoeffs(p int, s float64, degree int) []float64 {
	root := math.Sqrt(s)
	if root > 1e7 { // all below the least number for any degree that one can ask for
		return make([]float64, degree+1)
	}
	rootLow := math.FMA(-root, root, s) / (2 * root)
	// g = e^{-x}: 4(1-c) g” = s g + 2 g', so
	// 4(k+2)(k+1) a_{k+2} = (k+1)(4k+2) a_{k+1} + s a_k.
	a := make([]twofold, max(2, degree+1))
	a[0] = twofold{hi: 1}.normal()
	a[1] = twofold{root, rootLow, 0}.normal().times(0.5)
	for k := 0; k+2 < len(a); k++ {
		n := float64(k)
		a[k+2] = a[k+1].times((n + 1) * (4*n + 2)).plus(a[k].times(s)).over(4 * (n + 2) * (n + 1))
	}
	// e^{-√s} = e^r 2^-shift
	shift := math.Round(root / math.Ln2)
	const ln2Low = 2.319046813846299558e-17
	r := math.FMA(shift, math.Ln2, -root) + shift*ln2Low - rootLow
	last := twofold{math.Exp(r), 0, -int(shift)}.normal()
	out := make([]float64, degree+1)
	for k := range out {
		v := twofold{hi: maternPolynomial(max(0, p-k), root)}.normal()
		order := max(0, p-k)
		if k >= p {
			v = a[k-p]
		}
		for i := order + 1; i <= p; i++ {
			v = v.times(s).over(2 * float64(2*i-1) * float64(k-p+i))
		}
		out[k] = v.by(last).value()
	}
	return out
}

// maternPolynomial is M_p(x) e^x, by M_p = M_{p-1} + x²/((2p-1)(2p-3)) M_{p-2}.
func maternPolynomial(p int, x float64) float64 {
	last, m := 1.0, 1+x
	if p == 0 {
		return last
	}
	for i := 2; i <= p; i++ {
		last, m = m, m+x*x/float64((2*i-1)*(2*i-3))*last
	}
	return m
}

// PolynomialKernel returns (x·x'/d + offset)^degree: on the sphere (c + offset)^degree.
// The degree is from 0 to 1000, the offset ≥ 0.
func PolynomialKernel(degree int, offset float64) (Kernel, error) {
	if degree < 0 || degree > 1000 {
		return Kernel{}, fmt.Errorf("ntk: degree is %d; it must be 0 … 1000", degree)
	}
	if !(offset >= 0) || math.IsInf(offset, 0) {
		return Kernel{}, fmt.Errorf("ntk: offset is %v; it must be a finite number ≥ 0", offset)
	}
	return polynomialKernel(1, degree, offset), nil
}

// polynomialKernel is (scale·x·x'/d + offset)^degree.
func polynomialKernel(scale float64, degree int, offset float64) Kernel {
	distance := gram.OfProducts
	if degree == 0 {
		distance = gram.OfDifference // a constant
	}
	return Kernel{
		name:     fmt.Sprintf("polynomial kernel (c%+.4g)^%d", offset, degree),
		distance: distance,
		prepare:  func(q float64) (prepared, error) { return q, nil },
		pair: func(a prepared, p gauss.Pair, b prepared) float64 {
			if degree <= 4 {
				return math.Pow(scale*p.K+offset, float64(degree))
			}
			// The rounding of the sum would count degree times.
			return twoSum(scale*p.K, offset, 0, 0).power(degree).value()
		},
		rescaled: func(s float64) (Kernel, error) {
			return polynomialKernel(scale*s, degree, offset), nil
		},
		expansion: &expansion{
			nonneg: true,
			ends:   degree + 1,
			coeffs: func(n int) ([]float64, error) {
				a := make([]float64, n+1)
				v := twofold{hi: 1}.normal() // binomial · scale^k · offset^{degree-k}
				for range degree {
					v = v.times(scale)
				}
				for k := degree; k >= 0; k-- {
					if k <= n {
						a[k] = v.value()
					}
					v = v.times(offset).times(float64(k)).over(float64(degree - k + 1)).over(scale)
				}
				return a, nil
			},
		},
	}
}

// wave returns the first hidden layer if it is a sine or a cosine.
func (r *recursion) wave() (s Sin, ok bool) {
	if len(r.layers) == 0 {
		return s, false
	}
	switch a := unwrap(r.layers[0].Activation).(type) {
	case Sin:
		return a, true
	case Cos:
		return a.sin(), true
	}
	return s, false
}

// isWave says that the only hidden layer is a sine or a cosine. Its dual has exponentials of
// ‖x-x'‖² and ‖x+x'‖² ([Sin.Dual]), and x·x' is a difference of these: the net's kernels are of
// distances.
func (r *recursion) isWave() bool {
	_, ok := r.wave()
	return ok && len(r.layers) == 1
}

// ofWaves returns the kernel K of the net as one of distances, where it is. At a phase that is an
// odd multiple of π/4, as in [GaussianFeature], the first layer's NNGP has no part in ‖x+x'‖,
// and nor have those of the layers after it.
func (r *recursion) ofWaves(K Kernel) Kernel {
	if r.isWave() {
		K.distance = gram.OfSumAndDifference
		K.pair = func(a prepared, p gauss.Pair, b prepared) float64 {
			nngp, ntk := r.wavePair(p)
			if K.tangent {
				return ntk
			}
			return nngp
		}
	}
	if s, ok := r.wave(); ok && !K.tangent && math.Abs(math.Cos(2*s.Phase)) < 1e-15 {
		K.distance = gram.OfDifference
	}
	return K
}

// wavePair is pair of a net that isWave. The bias is in ‖x+x'‖ alone.
func (r *recursion) wavePair(p gauss.Pair) (nngp, ntk float64) {
	w2, b2, trained := r.step(0)
	minus, plus, k := w2*p.HalfSquare(), w2*p.HalfSum()+2*b2, w2*p.K+b2
	q := (minus + plus) / 2
	value, slope := dualAt(r.duals[0], gauss.New(q, k, q, minus, plus))
	if trained {
		ntk = k * slope
	}
	w2, b2, trained = r.step(1)
	nngp, ntk = w2*value+b2, w2*ntk
	if trained {
		ntk += nngp
	}
	return nngp, ntk
}
