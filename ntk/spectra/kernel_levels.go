package spectra

import (
	"fmt"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/inverse"
)

// kernelLevels are the coefficients a_ℓ of K(c) = Σ a_ℓ c^ℓ, ℓ ≤ highestLevel, between inputs of
// one norm, and how far off each may be.
type kernelLevels struct {
	coeffs, uncertainty [highestLevel + 1]float64
	// unknown is what K(1) has in levels up to the highest or beyond it of which nothing is known:
	// values do not determine them.
	unknown float64
}

// levelsOf returns the levels between inputs with ‖x‖²/d = q: by the kernel's power series where
// its construction has one, and else by its values, which determine the lower ones to rounding
// and the higher ones with error bars that grow with the degree. What they do not determine is
// left at 0, so that it ends up in the tail.
func levelsOf(K ntk.Kernel, q float64) (levels kernelLevels, err error) {
	if K.Expansion().Coeffs != nil {
		if series, err := K.SeriesAt(q, highestLevel); err == nil {
			copy(levels.coeffs[:], series.Coeffs())
			for l, v := range levels.coeffs {
				levels.uncertainty[l] = K.Expansion().Error * max(v, -v)
			}
			return levels, levels.check(K)
		}
	}
	certificate, err := inverse.Certify(onSphere{K, q},
		&inverse.CertifySettings{MaxDegree: highestLevel})
	if err != nil {
		return levels, fmt.Errorf("spectra: the coefficients of %v between inputs with "+
			"‖x‖²/d = %v: %w", K, q, err)
	}
	if certificate.Verdict == inverse.NotRealizable {
		return levels, fmt.Errorf("spectra: %v is no kernel between inputs with ‖x‖²/d = %v: %s",
			K, q, certificate.Reason)
	}
	copy(levels.coeffs[:], certificate.Coeffs)
	copy(levels.uncertainty[:], certificate.Uncertainty)
	if certificate.Degree < highestLevel {
		top, err := K.CurveAt(q, []float64{1})
		if err != nil {
			return levels, fmt.Errorf("spectra: %w", err)
		}
		levels.unknown = top[0]
		for _, v := range levels.coeffs {
			levels.unknown -= v
		}
		levels.unknown = max(0, levels.unknown)
	}
	return levels, levels.check(K)
}

// check reports a coefficient below 0, which a kernel in any number of dimensions has not.
func (l *kernelLevels) check(K ntk.Kernel) error {
	for degree, v := range l.coeffs {
		if v < -l.uncertainty[degree] {
			return fmt.Errorf("spectra: %v has the coefficient %v of degree %d; a kernel's are ≥ 0",
				K, v, degree)
		}
		l.coeffs[degree] = max(0, v)
	}
	return nil
}

// onSphere is a kernel between inputs with ‖x‖²/d = q.
type onSphere struct {
	kernel ntk.Kernel
	q      float64
}

// Curve returns the kernel at each cosine.
func (s onSphere) Curve(cosines []float64) ([]float64, error) {
	return s.kernel.CurveAt(s.q, cosines)
}

// String names the kernel.
func (s onSphere) String() string { return s.kernel.String() }
