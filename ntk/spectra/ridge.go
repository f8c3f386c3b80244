package spectra

import (
	"fmt"
	"math"
	"slices"
)

// BestRidge returns the ridge ≥ 0 of least test error for n points, and what is learned with it,
// with k random features or, for an infinite k, the kernel itself. It is the least of all minima,
// of which there may be several for a target of several scales: the derivative of the error by γ
// is followed over all γ in steps of √2. The ridge is 0 where the error rises from there on, and
// infinite, with nothing learned, where it falls all the way since the target has no power in the
// levels. The error is the least to rounding; a ridge too small to change it may come out as 0. It
// reports what [Spectrum.LearnFeatures] does.
func (s *Spectrum) BestRidge(target Target, n, k float64) (
	ridge float64, best *Learning, err error,
) {
	least, err := s.LearnFeatures(target, n, k, 0)
	if err != nil {
		return 0, nil, err
	}
	none, err := s.nothing(target, n)
	if err != nil {
		return 0, nil, err
	}
	ridge, best = 0, least
	if none.TestMSE < best.TestMSE {
		ridge, best = math.Inf(1), none
	}
	e := errorByGamma{s: s, target: target, n: n, k: k,
		p: solution{levels: slices.Clone(s.Levels)}}
	low, high := e.bounds(least)
	const step = 0.5
	before := e.slope(low)
	for x := low; x < high; x += step {
		after := e.slope(x + step)
		if before < 0 && after >= 0 {
			at := e.minimum(x, x+step)
			if math.IsInf(at, 1) {
				return 0, nil, fmt.Errorf("spectra: the best ridge is beyond all floats; scale " +
					"the kernel down")
			}
			l, err := s.LearnFeatures(target, n, k, at)
			if err != nil {
				return 0, nil, err
			}
			if l.TestMSE < best.TestMSE {
				ridge, best = at, l
			}
		}
		before = after
	}
	if e.err != nil {
		return 0, nil, e.err
	}
	return ridge, best, nil
}

// nothing is what is learned with an infinite ridge.
func (s *Spectrum) nothing(target Target, n float64) (*Learning, error) {
	p := solution{levels: make([]Level, len(s.Levels)), unlearned: n, kept: 1}
	l, err := s.predict(target, n, p)
	if err == nil {
		l.Kappa, l.Gamma = math.Inf(1), math.Inf(1)
	}
	return l, err
}

// errorByGamma is the test error as a function of log₂ γ, which needs nothing solved: the ridge
// follows from γ.
type errorByGamma struct {
	s      *Spectrum
	target Target
	n, k   float64
	p      solution
	err    error
}

// at makes p what it is at γ, with the ridge left open.
func (e *errorByGamma) at(x float64) {
	whole := math.Floor(x)
	e.p.scale(e.s, int(whole))
	e.p.gamma = math.Exp2(x - whole)
	lesser, s := e.p.sums(min(e.n, e.k), e.p.gamma)
	e.p.s = s
	e.p.share(e.n, e.k, max(lesser, 0))
}

// slope is the derivative by log γ.
func (e *errorByGamma) slope(x float64) float64 {
	e.at(x)
	l, err := e.s.predict(e.target, e.n, e.p)
	if err != nil {
		e.err = err
		return 0
	}
	return l.slopes().byGamma
}

// bounds returns log₂ of a range of γ outside of which the error has no minimum: far from all
// eigenvalues it changes one way only.
func (e *errorByGamma) bounds(least *Learning) (low, high float64) {
	low, high = math.Inf(1), math.Inf(-1)
	for _, l := range e.s.Levels {
		if l.Eigenvalue > 0 {
			x := math.Log2(l.Eigenvalue)
			low, high = min(low, x), max(high, x)
		}
	}
	if math.IsInf(high, 0) {
		return 0, 0
	}
	const beyond, far = 20, 400
	low, high = low-beyond, high+beyond
	for end := high + far; high < end && e.slope(high) <= 0; {
		high += 10
	}
	if least.Gamma > 0 {
		return math.Log2(least.Gamma), high
	}
	for end := low - far; low > end && e.slope(low) >= 0; {
		low -= 10
	}
	return low, high
}

// minimum returns the ridge where the slope goes from below zero, at low, to above it.
func (e *errorByGamma) minimum(low, high float64) float64 {
	for range 60 {
		middle := low + (high-low)/2
		if middle == low || middle == high {
			break
		}
		if e.slope(middle) < 0 {
			low = middle
		} else {
			high = middle
		}
	}
	e.at(high)
	return math.Ldexp(e.p.unlearned*e.p.kappa, e.p.exponent)
}
