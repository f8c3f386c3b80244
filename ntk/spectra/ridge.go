package spectra

import (
	"fmt"
	"math"
	"slices"
)

// BestRidge returns the ridge ≥ 0 of least test error for n points, and what is learned with it.
// It is the least of all minima, of which there may be several for a target of several scales: the
// derivative of the error by κ is followed over all κ in steps of √2. The ridge is 0 where the
// error rises from there on, and infinite, with nothing learned, where it falls all the way since
// the target has no power in the levels. The error is the least to rounding; a ridge too small to
// change it may come out as 0. It reports what [Spectrum.Learn] does.
func (s *Spectrum) BestRidge(target Target, n float64) (ridge float64, best *Learning, err error) {
	least, err := s.Learn(target, n, 0)
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
	e := errorByKappa{s: s, target: target, n: n, p: solution{levels: slices.Clone(s.Levels)}}
	low, high := e.bounds(least)
	const step = 0.5
	before := e.slope(low)
	for x := low; x < high; x += step {
		after := e.slope(x + step)
		if before < 0 && after >= 0 {
			at, l, err := e.minimum(x, x+step)
			if err != nil {
				return 0, nil, err
			}
			if l.TestMSE < best.TestMSE {
				ridge, best = at, l
			}
		}
		before = after
	}
	return ridge, best, nil
}

// nothing is what is learned with an infinite ridge.
func (s *Spectrum) nothing(target Target, n float64) (*Learning, error) {
	p := solution{levels: make([]Level, len(s.Levels)), unlearned: n, kept: 1}
	l, err := s.predict(target, n, math.Inf(1), p)
	if err == nil {
		l.Kappa, l.Gamma = math.Inf(1), math.Inf(1)
	}
	return l, err
}

// errorByKappa is the test error as a function of log₂ κ, for which the ridge that belongs to κ
// need not be solved for.
type errorByKappa struct {
	s      *Spectrum
	target Target
	n      float64
	p      solution
}

func (e *errorByKappa) at(x float64) {
	whole := math.Floor(x)
	e.p.scale(e.s, int(whole))
	e.p.gamma = math.Exp2(x - whole)
}

// slope has the sign of the derivative: n·B/(n-Q) has B'(n-Q) + BQ'.
func (e *errorByKappa) slope(x float64) float64 {
	e.at(x)
	unlearned, s := e.p.sums(e.n, e.p.gamma)
	bias, rise, fall := e.target.Noise, 0., 0.
	for i, level := range e.p.levels {
		learned, not := e.p.learned(level.Eigenvalue)
		bias += not * not * e.target.Power[i]
		rise += learned * not * not * e.target.Power[i]
		fall += level.Multiplicity * learned * learned * not
	}
	return rise*(unlearned+s) - bias*fall
}

// ridge is what belongs to a κ.
func (e *errorByKappa) ridge(x float64) float64 {
	e.at(x)
	unlearned, _ := e.p.sums(e.n, e.p.gamma)
	return math.Ldexp(max(unlearned, 0)*e.p.gamma, e.p.exponent)
}

// bounds returns log₂ of a range of κ outside of which the error has no minimum. Below all
// eigenvalues and above all of them its derivative changes sign once at most.
func (e *errorByKappa) bounds(least *Learning) (low, high float64) {
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
	if least.Kappa > 0 {
		return math.Log2(least.Kappa), high
	}
	for end := low - far; low > end && e.slope(low) >= 0; {
		low -= 10
	}
	return low, high
}

// minimum returns the ridge where the slope goes from below zero, at low, to above it.
func (e *errorByKappa) minimum(low, high float64) (float64, *Learning, error) {
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
	ridge := e.ridge(high)
	if math.IsInf(ridge, 1) {
		return 0, nil, fmt.Errorf("spectra: the best ridge is above all numbers; scale the kernel")
	}
	l, err := e.s.Learn(e.target, e.n, ridge)
	return ridge, l, err
}
