package spectra

import (
	"fmt"
	"math"
	"math/bits"

	"github.com/kernelsmith/kernelsmith/ntk"
	"gonum.org/v1/gonum/dsp/fourier"
)

// Target returns what the levels of [Circle.Spectrum] to the same degree have of f, a function of
// the angle from 0 to 2π: the power at each frequency. What f has beyond the degree is in Noise,
// to which the variance of the labels is to be added.
//
// It is exact for the Points given. For the whole circle f is taken at 65,536 angles, or 8·degree
// if that is more: enough for 1e-15 of smooth functions, and for 1e-9 of those with jumps. It
// reports what Spectrum does, and a value of f that is not finite.
func (c Circle) Target(f func(angle float64) float64, degree int) (Target, error) {
	if err := c.check(degree); err != nil {
		return Target{}, err
	}
	n := c.Points
	if n == 0 {
		n = max(1<<16, 8*degree)
	}
	values := make([]float64, n)
	for m := range values {
		angle := 2 * math.Pi * float64(m) / float64(n)
		values[m] = f(angle)
		if err := finite("the angle", angle, values[m]); err != nil {
			return Target{}, err
		}
	}
	levels := degree + 1
	if c.Points > 0 {
		levels = min(levels, n/2+1)
	}
	t := Target{Power: make([]float64, levels)}
	for k, v := range fourier.NewFFT(n).Coefficients(nil, values) {
		power := (real(v)*real(v) + imag(v)*imag(v)) / float64(n) / float64(n)
		if k > 0 && 2*k < n {
			power *= 2
		}
		if k < levels {
			t.Power[k] = power
		} else {
			t.Noise += power
		}
	}
	return t, nil
}

func finite(where string, at any, v float64) error {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return fmt.Errorf("spectra: the target is %v at %s %v; it must be finite", v, where, at)
	}
	return nil
}

// maxEnumerated is the dimension up to which all points of the hypercube are visited.
const maxEnumerated = 20

// Target returns what the levels of [Hypercube.Spectrum] have of f, a function of Dim entries that
// are each 1 or -1: the power at each degree. All is in the levels, so that Noise is 0. It calls f
// at all 2^Dim points, always with the same slice, and reports Dim above 20 ([Hypercube.Parities]
// has any) and a value of f that is not finite.
func (h Hypercube) Target(f func(x []float64) float64) (Target, error) {
	if h.Dim < 1 || h.Dim > maxEnumerated {
		return Target{}, fmt.Errorf("spectra: Hypercube.Dim is %d; to visit all points it must be "+
			"from 1 to %d, beyond which Parities has targets", h.Dim, maxEnumerated)
	}
	values, x := make([]float64, 1<<h.Dim), make([]float64, h.Dim)
	for m := range values {
		for j := range x {
			x[j] = 1 - 2*float64(m>>j&1)
		}
		values[m] = f(x)
		if err := finite("the point", x, values[m]); err != nil {
			return Target{}, err
		}
	}
	// The Walsh-Hadamard transform: entry S becomes Σ f χ_S.
	for half := 1; half < len(values); half *= 2 {
		for start := 0; start < len(values); start += 2 * half {
			for i := start; i < start+half; i++ {
				a, b := values[i], values[i+half]
				values[i], values[i+half] = a+b, a-b
			}
		}
	}
	t := Target{Power: make([]float64, h.Dim+1)}
	for s, v := range values {
		v /= float64(len(values))
		t.Power[bits.OnesCount(uint(s))] += v * v
	}
	return t, nil
}

// Parity is a term of a function on the hypercube: Coefficient times the product of the entries
// of x that Bits lists, each from 0. Without Bits it is a constant.
type Parity struct {
	Bits        []int
	Coefficient float64
}

// Parities returns what the levels of [Hypercube.Spectrum] have of a sum of parities; those of the
// same bits are added. Noise is 0. It reports Dim below 1 or above 100, a bit that is not from 0 to
// Dim-1 or is there twice in a term, and a coefficient that is not finite.
func (h Hypercube) Parities(terms ...Parity) (Target, error) {
	if h.Dim < 1 || h.Dim > maxDim {
		return Target{}, fmt.Errorf("spectra: Hypercube.Dim is %d; it must be from 1 to %d", h.Dim,
			maxDim)
	}
	type set = [2]uint64
	sums := map[set]float64{}
	for i, term := range terms {
		var of set
		for _, bit := range term.Bits {
			if bit < 0 || bit >= h.Dim {
				return Target{}, fmt.Errorf("spectra: term %d has bit %d; it must be from 0 to "+
					"%d", i, bit, h.Dim-1)
			}
			mask := uint64(1) << (bit % 64)
			if of[bit/64]&mask != 0 {
				return Target{}, fmt.Errorf("spectra: term %d has bit %d twice; its square is 1, "+
					"so leave both out", i, bit)
			}
			of[bit/64] |= mask
		}
		if err := finite("term", i, term.Coefficient); err != nil {
			return Target{}, err
		}
		sums[of] += term.Coefficient
	}
	t := Target{Power: make([]float64, h.Dim+1)}
	for of, v := range sums {
		t.Power[bits.OnesCount64(of[0])+bits.OnesCount64(of[1])] += v * v
	}
	return t, nil
}

// ZonalTarget returns what the levels of [Sphere.Spectrum] to the same degree have of the function
// f(x) = g(c), c the cosine of the angle between x and a fixed direction: the power at each degree.
// What f has beyond the degree is in Noise, to which the variance of the labels is to be added.
//
// Quadrature divides the sphere where g has kinks or jumps. It reports what Spectrum does, and a g
// that it does not resolve to 1e-6 of the mean of g².
func (s Sphere) ZonalTarget(g func(c float64) float64, degree int) (Target, error) {
	// The level of degree k of a kernel g is ∫ g P_k dμ, that of degree 0 of its square ∫ g² dμ.
	of, err := s.zonal(g, degree)
	if err != nil {
		return Target{}, err
	}
	square, err := s.zonal(func(c float64) float64 { v := g(c); return v * v }, 0)
	if err != nil {
		return Target{}, err
	}
	total := square.Levels[0].Eigenvalue
	t := Target{Power: make([]float64, len(of.Levels)), Noise: total}
	doubt := square.Levels[0].Error
	for k, l := range of.Levels {
		t.Power[k] = l.Multiplicity * l.Eigenvalue * l.Eigenvalue
		t.Noise -= t.Power[k]
		doubt += l.Multiplicity * (2*math.Abs(l.Eigenvalue) + l.Error) * l.Error
	}
	if doubt > 1e-6*total {
		return Target{}, fmt.Errorf("spectra: quadrature does not resolve the target; its "+
			"power is uncertain by %.2g of %.2g", doubt, total)
	}
	if t.Noise < doubt {
		t.Noise = 0
	}
	return t, nil
}

func (s Sphere) zonal(g func(c float64) float64, degree int) (*Spectrum, error) {
	K, err := ntk.FromFunc("the target", g)
	if err != nil {
		return nil, fmt.Errorf("spectra: %w", err)
	}
	return s.Spectrum(K, degree)
}
