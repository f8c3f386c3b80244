package inverse

import (
	"fmt"
	"math"

	"github.com/kernelsmith/kernelsmith/ntk/internal/series"
)

// certifyShifted certifies in x = slope·c + shift, shift > 0, and returns the
// coefficients ≥ 0 in x to use.
func (s *source) certifyShifted(
	d *fitData, set CertifySettings, slope, shift float64,
) (*Certificate, []float64, error) {
	c := &Certificate{
		Target: fmt.Sprintf("%s in c̃ = %.4g c + %.4g", s.name, slope, shift),
		Degree: -1,
		Least:  Coefficient{Degree: -1},
	}
	if s.polynomial != nil && s.rest == 0 && len(s.polynomial) <= 1001 {
		a, err := s.certifyPolynomial(c, d, set, slope, shift)
		if a != nil || err != nil {
			return c, a, err
		}
	}
	f, err := s.nearestFit(d, set, slope, shift)
	if err != nil {
		return nil, nil, err
	}
	a := f.Series.Coeffs()
	c.Nearest = cutOff(series.Unshift(a, slope, shift), 0)
	c.MeanDistance, c.MaxDistance, c.Rest = f.Mean, f.Max, f.Max
	if c.Verdict == NotRealizable {
		return c, a, nil
	}
	// Coefficients ≥ 0 in c̃ give coefficients ≥ 0 in c: what is no kernel without
	// a bias is none with one.
	if s.coeffs != nil {
		without, err := s.certifyStructure(d, set)
		if err != nil {
			return nil, nil, err
		}
		if without.Verdict == NotRealizable {
			c.Verdict, c.Proof, c.Reason = NotRealizable, true,
				without.Reason+", and coefficients ≥ 0 in c̃ make those in c so"
			return c, a, nil
		}
	}
	x := &fitData{v: d.v, std: d.std, scale: d.scale, noisy: d.noisy}
	for _, v := range d.c {
		x.c = append(x.c, math.Max(-1, math.Min(1, slope*v+shift)))
		if v == 1 {
			x.c[len(x.c)-1] = 1
		}
	}
	reason, _, _, err := x.separate()
	if err != nil {
		return nil, nil, err
	}
	if reason != "" {
		c.Verdict, c.Reason = NotRealizable, reason
		return c, a, nil
	}
	c.Reason = "no functional that is ≤ 0 on all powers of c̃ tells the values from a kernel"
	return c, a, nil
}

// certifyPolynomial shifts the coefficients of a polynomial target exactly and sets what
// that tells. It returns the coefficients ≥ 0 in x to use, nil where others must be found.
func (s *source) certifyPolynomial(
	c *Certificate, d *fitData, set CertifySettings, slope, shift float64,
) ([]float64, error) {
	shifted, bound := series.TaylorShift(s.polynomial, slope, shift)
	known := true
	for _, u := range bound {
		known = known && u <= set.Tolerance*d.scale/float64(len(bound))
	}
	if !known {
		return nil, nil
	}
	most := len(shifted) - 1
	if set.Degree > 0 {
		most = set.Degree
	} else {
		most = min(most, set.MaxDegree)
	}
	c.Coeffs, c.Uncertainty, c.Degree = shifted, bound, len(shifted)-1
	for k := range shifted {
		c.least(k)
	}
	// The shift is exact, so signs are; but what is below 0 by no more than the
	// last digits of the coefficients given need not be meant.
	negative, meant := -1, false
	given := series.ShiftedRounding(s.polynomial, slope, shift)
	for k, v := range shifted {
		if v < 0 && (negative < 0 || v < shifted[negative]) {
			negative = k
		}
		meant = meant || v < -given[k]
	}
	if !meant {
		c.Verdict, c.Proof, c.Reason = Realizable, true, "all coefficients in c̃ are ≥ 0"
		if negative >= 0 {
			c.Verdict, c.Proof = Undetermined, false
			c.Reason = fmt.Sprintf(
				"the coefficient of c̃^%d is %.3g, which the last digits of the "+
					"coefficients given explain",
				negative,
				shifted[negative],
			)
		}
		a := make([]float64, min(most+1, len(shifted)))
		for k := range a {
			// what the digits given cannot tell from 0 is 0
			if v := shifted[k]; v > given[k] {
				a[k] = v
			}
		}
		for k, v := range shifted {
			if k >= len(a) || a[k] == 0 {
				c.Rest += math.Abs(v)
			}
			c.Rest += bound[k]
		}
		c.RestProved = true
		var err error
		c.Nearest = cutOff(series.Unshift(a, slope, shift), c.Rest)
		c.MeanDistance, c.MaxDistance, err = s.distance(d, c.Nearest, 1, 0)
		return a, err
	}
	c.Least = Coefficient{negative, shifted[negative], bound[negative]}
	c.Verdict, c.Proof = NotRealizable, true
	c.Reason = fmt.Sprintf("the coefficient of c̃^%d is %.6g", c.Least.Degree,
		c.Least.Value)
	return nil, nil
}
