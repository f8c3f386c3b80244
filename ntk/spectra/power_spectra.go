package spectra

import (
	"fmt"
	"math"
)

// PowerSpectra says how eigenvalues follow from a power series: entry j is the spectrum of the
// kernel c^j, and the kernel Σ a_j c^j has Σ a_j times those. All have the same levels, of the same
// multiplicities, and all eigenvalues are ≥ 0. [Sphere.PowerSpectra] and [Hypercube.PowerSpectra]
// return them; spectra of other kernels that share their eigenfunctions do as well.
type PowerSpectra []*Spectrum

// PowerSpectra returns the spectra of c^0 … c^degree, with the levels of [Sphere.Spectrum] to that
// degree, beyond which powers have nothing. Its target has to count what it has of higher degrees
// as noise: no kernel of this degree learns it. It reports what Spectrum does.
func (s Sphere) PowerSpectra(degree int) (PowerSpectra, error) {
	if err := s.check(degree); err != nil {
		return nil, err
	}
	return powerSpectra(s.multiplicities(degree), s.ladder(), degree)
}

// PowerSpectra returns the spectra of c^0 … c^degree, with the levels of [Hypercube.Spectrum], one
// for each number of bits. On the hypercube a power above Dim is not the only one with its levels:
// it has those of lower powers of its parity. It reports a Dim outside of 1 to 100 and a degree
// outside of 0 to 1000.
func (h Hypercube) PowerSpectra(degree int) (PowerSpectra, error) {
	if h.Dim < 1 || h.Dim > maxDim || degree < 0 || degree > maxDegree {
		return nil, fmt.Errorf("spectra: Hypercube.Dim is %d and the degree %d; they must be from "+
			"1 to %d and from 0 to %d", h.Dim, degree, maxDim, maxDegree)
	}
	return powerSpectra(h.multiplicities(), h.ladder(), degree)
}

// powerSpectra climbs the ladder for each power alone.
func powerSpectra(multiplicities []float64, l ladder, degree int) (PowerSpectra, error) {
	out := make(PowerSpectra, degree+1)
	for j := range out {
		a := make([]float64, j+1)
		a[j] = 1
		shares, _ := l.shares(a, len(multiplicities)-1)
		out[j] = newSpectrum(multiplicities)
		for k := range out[j].Levels {
			level := &out[j].Levels[k]
			if math.IsInf(level.Multiplicity, 0) {
				return nil, fmt.Errorf("spectra: the multiplicity of degree %d is beyond double "+
					"precision; ask for a lower degree", k)
			}
			level.Error = 0
			if k < len(shares) {
				level.Eigenvalue = shares[k] / level.Multiplicity
				level.Error = 1e-13 * level.Eigenvalue
			}
		}
	}
	return out, nil
}

// Spectrum returns the spectrum of Σ coeffs[j] c^j. It reports another number of coefficients than
// of spectra, one that is negative or not finite, and spectra that do not go together.
func (p PowerSpectra) Spectrum(coeffs []float64) (*Spectrum, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	if len(coeffs) != len(p) {
		return nil, fmt.Errorf("spectra: %d coefficients for the spectra of %d powers; there must "+
			"be one for each", len(coeffs), len(p))
	}
	for j, a := range coeffs {
		if !(a >= 0) || math.IsInf(a, 0) {
			return nil, fmt.Errorf("spectra: a_%d is %v; it must be a finite number ≥ 0", j, a)
		}
	}
	return p.mixed(coeffs), nil
}

// mixed is Spectrum for coefficients that are known to be right.
func (p PowerSpectra) mixed(coeffs []float64) *Spectrum {
	out := &Spectrum{Levels: make([]Level, len(p[0].Levels))}
	for i, l := range p[0].Levels {
		out.Levels[i] = Level{Degree: l.Degree, Multiplicity: l.Multiplicity}
	}
	for j, s := range p {
		a := coeffs[j]
		if a == 0 {
			continue
		}
		for i := range s.Levels {
			out.Levels[i].Eigenvalue += a * s.Levels[i].Eigenvalue
			out.Levels[i].Error += a * s.Levels[i].Error
		}
		out.Tail += a * s.Tail
	}
	return out
}

func (p PowerSpectra) check() error {
	if len(p) == 0 {
		return fmt.Errorf("spectra: no spectra of powers; degree 0 at least is needed")
	}
	for j, s := range p {
		if s == nil || len(s.Levels) == 0 || len(s.Levels) != len(p[0].Levels) {
			return fmt.Errorf("spectra: the spectrum of power %d is nil, empty, or has other "+
				"levels than that of power 0", j)
		}
		if err := s.check(); err != nil {
			return fmt.Errorf("%w (power %d)", err, j)
		}
		for i, l := range s.Levels {
			if l.Eigenvalue < 0 || s.Tail < 0 {
				return fmt.Errorf("spectra: power %d has a negative eigenvalue or tail at level %d",
					j, i)
			}
			if first := p[0].Levels[i]; l.Multiplicity != first.Multiplicity ||
				l.Degree != first.Degree {
				return fmt.Errorf("spectra: level %d has degree %d and multiplicity %v for power "+
					"%d, and %d and %v for power 0; the eigenfunctions must be the same", i,
					l.Degree, l.Multiplicity, j, first.Degree, first.Multiplicity)
			}
		}
	}
	return nil
}
