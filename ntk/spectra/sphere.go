package spectra

import (
	"fmt"
	"math"
	"math/big"

	"github.com/kernelsmith/kernelsmith/ntk"
)

// Sphere is S^{d-1}, the points of norm √d in d = Dim dimensions, 2 or more; in two it is the whole
// circle.
type Sphere struct {
	Dim int
}

// The largest dimension and degree of Sphere.
const (
	maxSphereDim = 1_000_000
	maxDegree    = 1000
)

// Spectrum returns the eigenvalues λ_0 … λ_degree of the kernel, the level of degree k at index
// k, and in Tail all that is beyond: with their multiplicities they sum to K(1). The degree is from
// 0 to 1000.
//
// Each level is computed in the better of two ways, and its error is stated. A power series with
// coefficients ≥ 0 gives eigenvalues as sums of terms ≥ 0, so that the smallest are right to about
// 1e-13 of themselves too; this is so for smooth kernels, and to 1e-9 for kinks at c = ±1, where
// coefficients fall like a power of the degree and are continued. Values of the kernel give λ_k by
// quadrature to about 1e-15 of K(1) over √m_k, m_k the multiplicity, for kernels with kinks and
// jumps anywhere and for those known by their values alone; it divides the sphere until it
// resolves the kernel, and where it cannot (values with noise) states an error that says so.
// Together eigenvalues are right to 1e-12 of K(1), and to 1e-8 of themselves where a kernel that
// has a series has them above 1e-14 of K(1), to degree 100.
//
// It reports a dimension below 2 or above 1,000,000, another degree, multiplicities that double
// precision does not hold, and values that are not finite. Cost: mostly the kernel's coefficients
// to degree 512, to 2048 where that is not enough, and its values at 100 to 10,000 cosines: for
// nets of a few layers from 10 ms to half a second.
//
// Source: the theorem of Funk and Hecke, λ_k = ∫ K(c) P_k(c) dμ(c), where P_k is the Gegenbauer
// polynomial that is 1 at 1 and μ the law of one coordinate: C. Müller, "Spherical Harmonics",
// 1966.
func (s Sphere) Spectrum(K ntk.Kernel, degree int) (*Spectrum, error) {
	if err := s.check(degree); err != nil {
		return nil, err
	}
	ends, err := curve(K, []float64{1, -1})
	if err != nil {
		return nil, err
	}
	multiplicities := s.multiplicities(degree)
	if math.IsInf(multiplicities[degree], 0) {
		return nil, fmt.Errorf("spectra: the multiplicity of degree %d on the sphere in %d "+
			"dimensions is beyond double precision; ask for a lower degree", degree, s.Dim)
	}
	out := newSpectrum(multiplicities)
	first := max(firstDegree, min(2*degree, lastDegree))
	for n := first; ; n *= 4 {
		power, ok := seriesOf(K, n, ends[0], ends[1])
		if ok {
			power.use(out, s.ladder(), ends[0])
		}
		if n == first && !out.isGood(1e-12, ends[0]) {
			if err := s.byQuadrature(out, K, ends[0]); err != nil {
				return nil, err
			}
			if ok { // for the tail
				power.use(out, s.ladder(), ends[0])
			} else {
				out.setTail(ends[0])
			}
		}
		// Coefficients that are numeric have no more digits than values.
		if !ok || 4*n > lastDegree || power.absolute > 0 && !power.falls ||
			out.isGood(1e-9, ends[0]) {
			return out, nil
		}
	}
}

// check reports a dimension or a degree out of range.
func (s Sphere) check(degree int) error {
	if s.Dim < 2 || s.Dim > maxSphereDim {
		return fmt.Errorf("spectra: Sphere.Dim is %d; it must be from 2, the circle, to %d",
			s.Dim, maxSphereDim)
	}
	if degree < 0 || degree > maxDegree {
		return fmt.Errorf("spectra: degree is %d; it must be from 0 to %d", degree, maxDegree)
	}
	return nil
}

// multiplicities returns m_k = C(k+d-1, k) - C(k+d-3, k-2), the dimension of the harmonics.
func (s Sphere) multiplicities(degree int) []float64 {
	out := make([]float64, degree+1)
	d := int64(s.Dim)
	for k := range out {
		k64 := int64(k)
		m := new(big.Int).Binomial(k64+d-1, k64)
		if k >= 2 {
			m.Sub(m, new(big.Int).Binomial(k64+d-3, k64-2))
		}
		out[k] = float(m)
	}
	return out
}

// ladder is c P_k = ((k+d-2) P_{k+1} + k P_{k-1})/(2k+d-2).
func (s Sphere) ladder() ladder {
	d := float64(s.Dim)
	return ladder{
		top: math.MaxInt - 1,
		up: func(k int) float64 {
			if k == 0 {
				return 1
			}
			return (float64(k) + d - 2) / (2*float64(k) + d - 2)
		},
		down: func(k int) float64 {
			if k == 0 {
				return 0
			}
			return float64(k) / (2*float64(k) + d - 2)
		},
		most:  s.most,
		power: s.power,
	}
}

// power is the eigenvalue of degree k of c^j: j!/(2^j m!) Γ(d/2)/Γ(j-m+d/2), m = (j-k)/2.
func (s Sphere) power(k int, j float64) float64 {
	half, m := float64(s.Dim)/2, (j-float64(k))/2
	lg := func(x float64) float64 { v, _ := math.Lgamma(x); return v }
	if m < 100 {
		return math.Exp(lg(j+1) - j*math.Ln2 - lg(m+1) + lg(half) - lg(j-m+half))
	}
	// Stirling's formula, of which the large parts cancel.
	low, high := m+1, j-m+half
	stirling := func(x float64) float64 { return 1/(12*x) - 1/(360*x*x*x) }
	return math.Exp(lg(half) + (0.5-half)*math.Log(j) + half*math.Ln2 +
		(j+0.5)*math.Log1p(1/j) - (low-0.5)*math.Log1p((2-float64(k))/j) -
		(high-0.5)*math.Log1p((float64(k)+2*half)/j) + half - math.Log(2*math.Pi)/2 +
		stirling(j+1) - stirling(low) - stirling(high))
}

// most bounds the eigenvalues of degree k of the powers c^j, j ≥ from, which rise with j and then
// fall.
func (s Sphere) most(k, from int) float64 {
	order := float64(k)
	peak := order + order*(order+1)/float64(s.Dim-1)
	return s.power(k, math.Max(math.Max(order, float64(from)), math.Ceil(peak)))
}
