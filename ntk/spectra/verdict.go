package spectra

import (
	"fmt"
	"math"
	"strings"
)

// DataVerdict says whether data are as [DataStatistics.Predict] assumes, with the numbers that say
// so, and the bounds that they are held against: chosen by the reasons given and on synthetic
// data, so that CIFAR-10 and Fashion-MNIST fit.
type DataVerdict struct {
	Fits bool
	// Reason says what fits or, of each number that is out of bounds, what that means.
	Reason string
	// EffectiveDim is that of the data, at least 6: ‖x‖² of normal data varies by √(2/6) = 58 % of
	// itself at 6, and the theory takes it as one number. At 4 its curves are off by half.
	EffectiveDim float64
	// LeastSquare and MostSquare are the least and the largest of what the kurtosis has beyond 1,
	// half of which is the mean square of h_2, over the leading directions, as many as EffectiveDim
	// says. It is 2 for normal data and must be from 0.8, a uniform distribution's, less two of its
	// standard errors, 2.3/√Samples, to 5, that of two-sided exponentials: then h_2 has between 0.4
	// and 2.5 times the mean square 1 that it is taken for. The least is without the square of the
	// skewness, which h_2 shares with h_1: near 0 for two clusters of any weights, 1.04 for equal
	// ones three standard deviations apart, whose names are mostly predicted within a tenth, and
	// 0.72 for four, where they are not. Where variances are equal up to what samples tell, the
	// directions between are tried, too. Heavy tails are far above.
	LeastSquare, MostSquare float64
	// NormSpread is the standard deviation of ‖x‖² over its mean, at most 0.7, and Offset the
	// squared norm of the mean over it, at most 0.01: the kernel is taken at one norm, and the
	// rows as centred.
	NormSpread, Offset float64
	// TwoValued is the share of the variance in features with two values, at most a quarter: of
	// these squares are constant, and in a one-hot code products too.
	TwoValued float64
	// Own is, of the 100 modes with the largest eigenvalues, the mean share of each one's mean
	// square that is in none of those before it, at least a quarter: they are taken for orthogonal.
	// It is low where features are functions of others.
	Own float64
	// Trace is the share of E[K(x, x)] that the modes have, at least a tenth, and Dropped the
	// learnability of the last of them at the largest n, at most a half: all eigenfunctions after
	// it are taken as not learned.
	Trace, Dropped float64
	// Excess is E[K(x, x)] over K(x, x) at the typical norm, less 1, from -0.1 to 0.1, as for Off:
	// what norms do to the kernel is in no mode, so that its trace is wrong by as much. It is 0 for
	// ReLU nets, and 0.32 on CIFAR-10 for an activation designed on the sphere alone, which Off
	// refuses as well.
	Excess float64
	// Points is the largest n of the prediction, Modes how many there are and Samples the number
	// of rows that they and their coefficients are from. n must be at most Modes, where the kernel
	// has more, since beyond them more would be learned than is there, and at most half of Samples.
	Points, Modes, Samples int
	// Off is log(predicted/measured) at Checked points: the largest n, or 511, or one less than the
	// rows. It is measured by regression on as many of the rows, of 1,024 in all, that leaves each
	// out in turn; OffError is its standard error. Both errors are taken with a hundredth of the
	// target's mean square added, and of several targets the one that is furthest off counts. It
	// must be at most 0.1 on either side, or not be known to be more: twice OffError beyond that.
	// The numbers above are of rows and kernel, and this is of the target, too: the squares of
	// handwritten digits vary no less than those of Fashion-MNIST, and rough kernels learn them
	// faster, by a third, than normal data of the same covariance. Checked is 0 where the other
	// numbers have decided.
	Off, OffError float64
	Checked       int
}

// Bounds of a verdict.
const (
	leastEffectiveDim = 6
	leastSquare       = 0.8
	errorOfSquare     = 1.15 // of a uniform distribution's, times the root of the samples
	mostSquare        = 5
	mostNormSpread    = 0.7
	mostOffset        = 0.01
	mostTwoValued     = 0.25
	leastOwn          = 0.25
	leastTrace        = 0.1
	mostDropped       = 0.5
	mostExcess        = 0.1
	mostOff           = 0.1
	leastChecked      = 0.01
	leadingModes      = 100
)

// verdict is that of the data alone.
func (s *DataStatistics) verdict() DataVerdict {
	v := DataVerdict{EffectiveDim: s.EffectiveDim, NormSpread: s.NormSpread, Samples: s.Rows,
		TwoValued: s.TwoValued, LeastSquare: s.least}
	for _, k := range s.Kurtosis[:s.leading()] {
		v.MostSquare = max(v.MostSquare, k-1)
	}
	for _, m := range s.Mean {
		v.Offset += m / s.Norm2 * m
	}
	return v
}

// decide sets Fits and Reason. The kernel may have more modes than those that are used.
func (v *DataVerdict) decide(more bool) {
	var faults []string
	fault := func(bad bool, format string, args ...any) {
		if bad {
			faults = append(faults, fmt.Sprintf(format, args...))
		}
	}
	fault(!(v.EffectiveDim >= leastEffectiveDim), "the variance is in %.3g directions, less than "+
		"%d, so norms differ too much", v.EffectiveDim, leastEffectiveDim)
	least := leastSquare - 2*errorOfSquare/math.Sqrt(float64(v.Samples))
	fault(!(v.LeastSquare >= least), "the square of a leading direction varies by %.3g, "+
		"less than %.2g, as in two clusters", v.LeastSquare, least)
	fault(!(v.MostSquare <= mostSquare), "the square of a leading direction varies by %.3g, "+
		"more than %d, as of heavy tails or rare values", v.MostSquare, mostSquare)
	fault(!(v.NormSpread <= mostNormSpread), "squared norms spread by %.3g of their mean, more "+
		"than %.2g", v.NormSpread, mostNormSpread)
	fault(!(v.Offset <= mostOffset), "the mean has %.3g of the mean squared norm, more than %.2g: "+
		"centre the rows", v.Offset, mostOffset)
	fault(!(v.TwoValued <= mostTwoValued), "features with two values have %.3g of the variance, "+
		"more than %.2g", v.TwoValued, mostTwoValued)
	fault(!(v.Own >= leastOwn), "of the leading modes only %.3g is not in others, less than %.2g, "+
		"as where features are functions of others", v.Own, leastOwn)
	fault(!(v.Trace >= leastTrace), "the modes have %.3g of the kernel's trace, less than %.2g: "+
		"more modes are needed, or the kernel is too rough", v.Trace, leastTrace)
	fault(!(v.Dropped <= mostDropped), "of eigenfunctions after the last mode up to %.3g is "+
		"learned, more than %.2g: more modes are needed", v.Dropped, mostDropped)
	fault(!(math.Abs(v.Excess) <= mostExcess), "the mean of K(x, x) differs by %.3g from its "+
		"value at the typical norm, more than %.2g: the kernel depends on norms too much",
		v.Excess, mostExcess)
	fault(more && v.Points > v.Modes, "n = %d is more than the %d modes: more modes are needed",
		v.Points, v.Modes)
	fault(2*v.Points > v.Samples, "n = %d is more than half of the %d rows that coefficients are "+
		"from", v.Points, v.Samples)
	fault(!(math.Abs(v.Off)-2*v.OffError <= mostOff), "at n = %d the logarithm of the predicted "+
		"error over that of regression on some of the rows is %.3g ± %.2g, more than %.2g",
		v.Checked, v.Off, v.OffError, mostOff)
	v.Fits = len(faults) == 0
	if v.Reason = strings.Join(faults, "; "); v.Fits {
		v.Reason = "the data are as near to normal in their leading directions, and as much of " +
			"the kernel is in the modes, as predictions need"
	}
}

// String gives verdict, reason and numbers in a line.
func (v DataVerdict) String() string {
	fits := "outside of the theory"
	if v.Fits {
		fits = "fits"
	}
	return fmt.Sprintf("%s: %s (effective dimension %.3g, squares vary by %.3g to %.3g, norms² "+
		"by %.3g, offset %.2g, two-valued %.2g, own %.3g, trace %.3g, dropped %.2g, excess %.2g, "+
		"n ≤ %d of %d modes from %d rows, off by %.3f ± %.3f at %d)", fits, v.Reason,
		v.EffectiveDim, v.LeastSquare, v.MostSquare, v.NormSpread, v.Offset, v.TwoValued, v.Own,
		v.Trace, v.Dropped, v.Excess, v.Points, v.Modes, v.Samples, v.Off, v.OffError, v.Checked)
}

// OutsideError reports data or numbers of points for which the theory does not hold.
type OutsideError struct{ Verdict DataVerdict }

// Error implements error.
func (e *OutsideError) Error() string {
	return fmt.Sprintf("spectra: no prediction: %s; PredictSettings.Outside predicts all the same",
		e.Verdict.Reason)
}
