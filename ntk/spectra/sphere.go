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
// 1e-13 of themselves too; this is so for smooth kernels, and for others in high dimensions. Values
// of the kernel give λ_k by quadrature to about 1e-15 of K(1) over √m_k, m_k the multiplicity, for
// kernels with kinks, at c = ±1 or elsewhere, and for those known by their values alone; the
// quadrature divides the sphere until it resolves the kernel, and where it cannot (values with
// noise) states an error that says so.
//
// It reports a dimension below 2 or above 1,000,000, another degree, multiplicities that double
// precision does not hold, and values that are not finite. Cost: mostly the kernel's coefficients
// to degree 512, to 8192 where these fall slowly but geometrically, and its values at 100 to
// 10,000 cosines: for nets of a few layers 10 ms to a few seconds.
//
// Source: the theorem of Funk and Hecke, λ_k = ∫ K(c) P_k(c) dμ(c), where P_k is the Gegenbauer
// polynomial that is 1 at 1 and μ the law of one coordinate: C. Müller, "Spherical Harmonics",
// 1966.
func (s Sphere) Spectrum(K ntk.Kernel, degree int) (*Spectrum, error) {
	if s.Dim < 2 || s.Dim > maxSphereDim {
		return nil, fmt.Errorf("spectra: Sphere.Dim is %d; it must be from 2, the circle, to %d",
			s.Dim, maxSphereDim)
	}
	if degree < 0 || degree > maxDegree {
		return nil, fmt.Errorf("spectra: degree is %d; it must be from 0 to %d", degree, maxDegree)
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
	power, hasSeries := seriesOf(K, 2*degree, ends[0], ends[1])
	if hasSeries {
		power.use(out, s.ladder(), ends[0], s.most)
		if power.negligible(out) {
			return out, nil
		}
	}
	if err := s.byQuadrature(out, K, ends[0]); err != nil {
		return nil, err
	}
	if hasSeries {
		power.use(out, s.ladder(), ends[0], s.most)
	} else {
		out.setTail(ends[0])
	}
	return out, nil
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
	}
}

// most bounds the eigenvalues of degree k of the powers c^j, j ≥ from. They are
// j!/(2^j m!) Γ(d/2)/Γ(j-m+d/2), m = (j-k)/2, and rise with j and then fall.
func (s Sphere) most(k, from int) float64 {
	half, order := float64(s.Dim)/2, float64(k)
	peak := order + order*(order+1)/float64(s.Dim-1)
	j := math.Max(math.Max(order, float64(from)), math.Ceil(peak))
	m := (j - order) / 2
	lg := func(x float64) float64 { v, _ := math.Lgamma(x); return v }
	return math.Exp(lg(j+1) - j*math.Ln2 - lg(m+1) + lg(half) - lg(j-m+half))
}
