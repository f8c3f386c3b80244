package spectra

import (
	"fmt"
	"math"
	"math/big"

	"github.com/kernelsmith/kernelsmith/ntk"
)

// Spectrum is the eigenvalues of a kernel on a domain or for a distribution of data.
type Spectrum struct {
	Levels []Level
	// Tail is what the levels lack of the trace, the mean of K(x, x): the sum of all eigenvalues
	// that are not listed, each with its multiplicity. Where n points are learned from, so much
	// smaller ones act as a ridge of this size together.
	Tail float64
}

// String says how many eigenvalues there are and the first of them, in a line.
func (s Spectrum) String() string {
	text := fmt.Sprintf("%d levels", len(s.Levels))
	for i, l := range s.Levels[:min(3, len(s.Levels))] {
		text += fmt.Sprintf("%s %.3g", [...]string{":", ",", ","}[i], l.Eigenvalue)
		if l.Multiplicity != 1 {
			text += fmt.Sprintf(" (%.4g times)", l.Multiplicity)
		}
	}
	if len(s.Levels) > 3 {
		text += ", …"
	}
	return fmt.Sprintf("%s; %.3g in all others", text, s.Tail)
}

// Level is an eigenvalue of a kernel, with as many eigenfunctions as Multiplicity says. On the
// hypercube these are the parities of Degree bits, on the sphere the spherical harmonics of a
// degree, on the circle the waves of a frequency.
type Level struct {
	Degree       int
	Eigenvalue   float64
	Multiplicity float64 // exact up to 2^53
	// Error is an estimate, rather too large than too small, of how far Eigenvalue is from the
	// truth. Of an eigenvalue that is not well above it only the size is known, and it may
	// be negative.
	Error float64
}

// newSpectrum returns the levels of the degrees 0, 1, … without their eigenvalues.
func newSpectrum(multiplicities []float64) *Spectrum {
	s := &Spectrum{Levels: make([]Level, len(multiplicities))}
	for k, m := range multiplicities {
		s.Levels[k] = Level{Degree: k, Multiplicity: m, Error: math.Inf(1)}
	}
	return s
}

// setTail sets Tail to what is left of the trace. Less than nothing by the errors is nothing;
// where the function is no kernel, it can be truly negative.
func (s *Spectrum) setTail(trace float64) {
	var sum compensated
	sum.add(trace)
	doubt := rounding * math.Abs(trace)
	for _, l := range s.Levels {
		if l.Multiplicity > 0 && l.Eigenvalue != 0 { // no 0·∞
			sum.add(-l.Multiplicity * l.Eigenvalue)
		}
		doubt += l.Multiplicity * l.Error
	}
	s.Tail = sum.value()
	if s.Tail < 0 && s.Tail >= -doubt {
		s.Tail = 0
	}
}

// rounding is what a few roundings make of a value of a kernel, relative to K(1).
const rounding = 4 * 0x1p-52

// compensated is a sum that carries its rounding errors along.
type compensated struct{ sum, lost float64 }

func (s *compensated) add(v float64) {
	t := s.sum + v
	back := t - s.sum
	s.lost += (s.sum - (t - back)) + (v - back)
	s.sum = t
}

func (s *compensated) value() float64 { return s.sum + s.lost }

// curve returns the kernel at cosines of a domain.
func curve(K ntk.Kernel, cosines []float64) ([]float64, error) {
	values, err := K.Curve(cosines)
	if err != nil {
		return nil, fmt.Errorf("spectra: %v: %w", K, err)
	}
	return values, nil
}

func float(n *big.Int) float64 {
	v, _ := new(big.Float).SetInt(n).Float64()
	return v
}
