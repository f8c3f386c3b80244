package spectra

import (
	"fmt"
	"math"

	"github.com/kernelsmith/kernelsmith/ntk"
	"gonum.org/v1/gonum/dsp/fourier"
)

// Circle is Points points of norm √2 in the plane, at equal angles, or for 0 the whole circle.
type Circle struct {
	Points int
}

const maxPoints = 1 << 22

// Spectrum returns the eigenvalues λ_0 … of the kernel to the degree or, where that is less, to
// Points/2, the last there is. The eigenfunctions of λ_k are cos kθ and sin kθ: its multiplicity
// is 2, but for k = 0 and k = Points/2. What is beyond the degree, 0 or more, is Tail.
//
// A kernel that has a fast power series with coefficients ≥ 0 gets its eigenvalues from
// sums of terms ≥ 0, to about 1e-13 of themselves; of others, by a Fourier transform of the values,
// λ_k has an error of about 1e-16 of K(1), which is stated. The whole circle is [Sphere] in two
// dimensions, degrees to 1000.
//
// It reports a number of points below 0 or above 4,194,304, a degree that is negative, and values
// that are not finite. Cost: the kernel's values at Points/2 cosines, and for kernels with a
// series its coefficients to degree 512, or 2048 where these fall slowly but geometrically.
//
// Source: a circulant matrix has the discrete Fourier transform of its first row as eigenvalues,
// here λ_k = (1/M) Σ_m K(cos 2πm/M) cos(2πkm/M).
func (c Circle) Spectrum(K ntk.Kernel, degree int) (*Spectrum, error) {
	if err := c.check(degree); err != nil {
		return nil, err
	}
	if c.Points == 0 {
		return Sphere{Dim: 2}.Spectrum(K, degree)
	}
	n := c.Points
	multiplicities := make([]float64, min(degree, n/2)+1)
	for k := range multiplicities {
		multiplicities[k] = 2
		if k == 0 || 2*k == n {
			multiplicities[k] = 1
		}
	}
	cosines := make([]float64, n/2+1)
	for m := range cosines {
		cosines[m] = math.Cos(2 * math.Pi * float64(m) / float64(n))
	}
	values, err := curve(K, cosines)
	if err != nil {
		return nil, err
	}
	out := newSpectrum(multiplicities)
	c.byValues(out, values, rounding*(1+math.Log2(float64(n))/4)+K.Expansion().ValueError)
	ends, err := curve(K, []float64{1, -1})
	if err != nil {
		return nil, err
	}
	power, ok := seriesOf(K, firstDegree, ends[0], ends[1])
	if ok && !power.whole && power.falls {
		power, ok = seriesOf(K, lastDegree, ends[0], ends[1])
	}
	if n%2 == 1 { // c^j has both parities
		power.rest[0] += power.rest[1]
		power.rest[1] = power.rest[0]
	}
	if !ok || !power.whole {
		out.setTail(values[0])
		return out, nil
	}
	power.use(out, c.ladder(), values[0])
	return out, nil
}

// check reports a circle or a degree out of range.
func (c Circle) check(degree int) error {
	switch {
	case c.Points < 0 || c.Points > maxPoints:
		return fmt.Errorf("spectra: Circle.Points is %d; it must be from 1 to %d, or 0 for "+
			"the whole circle", c.Points, maxPoints)
	case degree < 0:
		return fmt.Errorf("spectra: degree is %d; it must be ≥ 0", degree)
	case c.Points == 0:
		return Sphere{Dim: 2}.check(degree)
	}
	return nil
}

// byValues sets the levels from the values at the first half of the points.
func (c Circle) byValues(to *Spectrum, values []float64, relative float64) {
	n := c.Points
	row := make([]float64, n)
	var size float64
	for m := range row {
		row[m] = values[min(m, n-m)]
		size += math.Abs(row[m]) / float64(n)
	}
	for k, v := range fourier.NewFFT(n).Coefficients(nil, row)[:len(to.Levels)] {
		to.Levels[k].Eigenvalue, to.Levels[k].Error = real(v)/float64(n), relative*size
	}
}

// ladder is cos θ cos kθ = (cos (k+1)θ + cos (k-1)θ)/2 with degrees taken modulo the points.
func (c Circle) ladder() ladder {
	l := ladder{top: c.Points / 2, most: func(int, int) float64 { return 1 }}
	l.up = func(k int) float64 {
		switch {
		case 2*k == c.Points && k > 0:
			return 0
		case k == 0:
			return 1
		}
		return 0.5
	}
	l.down = func(k int) float64 {
		switch {
		case k == 0:
			return 0
		case 2*k == c.Points:
			return 1
		}
		return 0.5
	}
	return l
}
