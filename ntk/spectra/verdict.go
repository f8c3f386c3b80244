package spectra

import (
	"fmt"
	"math"
	"strings"
)

// DataVerdict says whether data are as [DataStatistics.Predict] assumes, with the numbers that say
// so and the bounds that they are held against. Those were chosen by reasons and on synthetic
// data, before any prediction was compared with regression on real data.
type DataVerdict struct {
	Fits bool
	// Reason says what fits or, of each number that is out of bounds, what that means.
	Reason string
	// EffectiveDim is that of the data, at least 6: ‖x‖² of normal data varies by √(2/6) = 58 % of
	// itself at 6, and the theory takes it as one number. At 4 its curves are off by half.
	EffectiveDim float64
	// LeastKurtosis and MostKurtosis are those of the leading directions, as many as EffectiveDim
	// says. They must be from 1.8, a uniform distribution's, to 6, that of two-sided exponentials:
	// then h_2 has between 0.4 and 2.5 times the mean square 1 that it is taken for. Values of two
	// clusters are near 1, of heavy tails far above.
	LeastKurtosis, MostKurtosis float64
	// NormSpread is the standard deviation of ‖x‖² over its mean, at most 0.7, and Offset the
	// squared norm of the mean over it, at most 0.01: the kernel is taken at one norm, and the
	// rows as centred.
	NormSpread, Offset float64
	// Own is, of the 100 modes with the largest eigenvalues, the mean share of each one's mean
	// square that is in none of those before it, at least 0.7: they are taken for orthogonal. It
	// is lower where features are functions of others, as the columns of a one-hot code are.
	Own float64
	// Trace is the share of E[K(x, x)] that the modes have, at least 0.5: all others are taken
	// as too small to be learned.
	Trace float64
	// Points is the largest n of the prediction, Modes how many there are and Samples the number
	// of rows that they and their coefficients are from. n must be at most Modes, since beyond
	// them more would be learned than is there, and at most half of Samples.
	Points, Modes, Samples int
}

// Bounds of a verdict.
const (
	leastEffectiveDim = 6
	leastKurtosis     = 1.8
	mostKurtosis      = 6
	mostNormSpread    = 0.7
	mostOffset        = 0.01
	leastOwn          = 0.7
	leastTrace        = 0.5
	leadingModes      = 100
)

// verdict is that of the data alone.
func (s *DataStatistics) verdict() DataVerdict {
	v := DataVerdict{EffectiveDim: s.EffectiveDim, NormSpread: s.NormSpread, Samples: s.Rows,
		LeastKurtosis: math.Inf(1)}
	leading := min(len(s.Kurtosis), int(math.Ceil(s.EffectiveDim)))
	for _, k := range s.Kurtosis[:leading] {
		v.LeastKurtosis, v.MostKurtosis = min(v.LeastKurtosis, k), max(v.MostKurtosis, k)
	}
	for _, m := range s.Mean {
		v.Offset += m / s.Norm2 * m
	}
	return v
}

// decide sets Fits and Reason.
func (v *DataVerdict) decide() {
	var faults []string
	fault := func(bad bool, format string, args ...any) {
		if bad {
			faults = append(faults, fmt.Sprintf(format, args...))
		}
	}
	fault(!(v.EffectiveDim >= leastEffectiveDim), "the variance is in %.3g directions, less than "+
		"%d, so norms differ too much", v.EffectiveDim, leastEffectiveDim)
	fault(!(v.LeastKurtosis >= leastKurtosis), "a leading direction has the kurtosis %.3g, less "+
		"than %.2g, as of clusters", v.LeastKurtosis, leastKurtosis)
	fault(!(v.MostKurtosis <= mostKurtosis), "a leading direction has the kurtosis %.3g, more "+
		"than %d, as of heavy tails or rare values", v.MostKurtosis, mostKurtosis)
	fault(!(v.NormSpread <= mostNormSpread), "squared norms spread by %.3g of their mean, more "+
		"than %.2g", v.NormSpread, mostNormSpread)
	fault(!(v.Offset <= mostOffset), "the mean has %.3g of the mean squared norm, more than %.2g: "+
		"centre the rows", v.Offset, mostOffset)
	fault(!(v.Own >= leastOwn), "of the leading modes only %.3g is not in others, less than %.2g, "+
		"as where features are functions of others", v.Own, leastOwn)
	fault(!(v.Trace >= leastTrace), "the modes have %.3g of the kernel's trace, less than %.2g: "+
		"more modes are needed, or the kernel is too rough", v.Trace, leastTrace)
	fault(v.Points > v.Modes, "n = %d is more than the %d modes: more modes are needed",
		v.Points, v.Modes)
	fault(2*v.Points > v.Samples, "n = %d is more than half of the %d rows that coefficients are "+
		"from", v.Points, v.Samples)
	v.Fits = len(faults) == 0
	if v.Reason = strings.Join(faults, "; "); v.Fits {
		v.Reason = "the data are as near to normal in their leading directions, and as much of the " +
			"kernel is in the modes, as predictions need"
	}
}

// String gives verdict, reason and numbers in a line.
func (v DataVerdict) String() string {
	fits := "outside of the theory"
	if v.Fits {
		fits = "fits"
	}
	return fmt.Sprintf("%s: %s (effective dimension %.3g, kurtosis %.3g to %.3g, norms² ± %.3g, "+
		"offset %.2g, own %.3g, trace %.3g, n ≤ %d of %d modes from %d rows)", fits, v.Reason,
		v.EffectiveDim, v.LeastKurtosis, v.MostKurtosis, v.NormSpread, v.Offset, v.Own, v.Trace,
		v.Points, v.Modes, v.Samples)
}

// OutsideError reports data or numbers of points for which the theory does not hold.
type OutsideError struct{ Verdict DataVerdict }

// Error implements error.
func (e *OutsideError) Error() string {
	return fmt.Sprintf("spectra: no prediction: %s; PredictSettings.Outside predicts all the same",
		e.Verdict.Reason)
}
