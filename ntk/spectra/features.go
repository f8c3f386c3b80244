package spectra

import (
	"fmt"
	"math"
)

// LearnFeatures predicts regression on random features, as [Spectrum.Learn] does on their kernel: a
// linear model of k features g(x), drawn once and then kept, with the kernel E[g(x) g(x')]. It
// solves (K̂ + ridge·1) α = y, K̂ the mean of the k products at the n points. A network's readout
// is that, with its last hidden layer for features and the NNGP kernel without the readout's bias.
//
// With z = Σ mλ/(λ+γ) and q = Σ m(λ/(λ+γ))², κ and γ solve n = z + ridge/κ and k = z + kκ/γ. The
// tail is part of z, as Tail/γ. Without a ridge the error has a peak at k = n, where it is
// infinite; with more features than points it tends to the kernel's, and the two agree for k
// infinite. k is any number above 0, whole or not.
//
// Source: Simon, Karkada, Ghosh, Belkin, "More is better", 2023, arXiv 2311.14646.
func (s *Spectrum) LearnFeatures(target Target, n, k, ridge float64) (*Learning, error) {
	if !(k > 0) {
		return nil, fmt.Errorf("spectra: %v random features; it must be a positive number", k)
	}
	return s.learn(target, n, k, ridge)
}

// LeastFeatures returns the least number of random features with which, and with any more, the test
// error of n points is at most factor times that of their kernel, factor above 1. Ridge is that of
// both. It reports an error of the kernel that is zero or infinite, and a number above 1e12.
func (s *Spectrum) LeastFeatures(target Target, n, ridge, factor float64) (int, error) {
	if !(factor > 1) || math.IsInf(factor, 0) {
		return 0, fmt.Errorf("spectra: the factor is %v; it must be finite and above 1", factor)
	}
	kernel, err := s.Learn(target, n, ridge)
	if err != nil {
		return 0, err
	}
	if kernel.TestMSE == 0 || math.IsInf(kernel.TestMSE, 1) {
		return 0, fmt.Errorf("spectra: the kernel's test error is %v, of which no number of "+
			"features has a multiple", kernel.TestMSE)
	}
	enough := func(k float64) bool {
		l, e := s.LearnFeatures(target, n, k, ridge)
		if e != nil {
			err = e
			return false
		}
		return l.TestMSE <= factor*kernel.TestMSE
	}
	const most, step = 1e12, 1.05
	high := float64(most)
	if !enough(high) {
		if err == nil {
			err = fmt.Errorf("spectra: it takes more than %.0g random features to come within the "+
				"factor %v of the kernel's test error", most, factor)
		}
		return 0, err
	}
	low := high
	for low > 0 && enough(low) {
		high, low = low, math.Floor(low/step)
		if low < n && n < high {
			// The peak, which may be narrower than a step.
			low = math.Floor(n)
		}
	}
	for high-low > 1 {
		if middle := math.Floor((low + high) / 2); enough(middle) {
			high = middle
		} else {
			low = middle
		}
	}
	if err != nil {
		return 0, err
	}
	return int(high), nil
}
