package spectra

import (
	"fmt"
	"math"
)

// Target is what is to be learned, in the eigenfunctions of a [Spectrum].
type Target struct {
	// Power has an entry for each level: the squared coefficients of the target, v² = E[f·e]²,
	// summed over the level's orthonormal eigenfunctions e. An estimate without bias may be a
	// little below zero.
	Power []float64
	// Noise is the variance σ² of the labels around the target, and all power of the target
	// that is outside of the levels.
	Noise float64
}

// Learning is what kernel regression on random points is expected to do, the mean over training
// sets drawn independently. It comes from [Spectrum.Learn] and [Spectrum.LearnFeatures].
type Learning struct {
	// Kappa is κ, the eigenvalue that is learned by half: 0 if all modes are learned exactly.
	Kappa float64
	// Gamma is γ, which takes the place of κ in the learnabilities where there are finitely many
	// random features, and equals it where there are not.
	Gamma float64
	// Learnability has, for each level, the fraction L = λ/(λ+γ) of an eigenfunction's
	// coefficient that the mean prediction has.
	Learnability []float64
	// TotalLearnability is Σ L over the levels, each with its multiplicity. The levels share n
	// with what is not learned: n = Σ L + Tail/γ + ridge/κ.
	TotalLearnability float64
	// Overfitting is E_0, how much noise in the labels adds to TestMSE for each unit of its own
	// variance: from 1, where there is no overfitting, to infinity.
	Overfitting float64
	// TestMSE is the mean squared error on noisy labels of points drawn like the training points.
	// It is Bias + Variance.
	TestMSE float64
	// Bias is Σ (1-L)² v² + σ², the error of the prediction averaged over training sets.
	Bias float64
	// Variance is the prediction's, over training sets and features.
	Variance float64
	// TrainMSE is the mean squared error on the training labels.
	TrainMSE float64

	spectrum *Spectrum
	target   Target
	n        float64
	solved   solution
}

// Learn predicts kernel ridge regression from n points. The prediction solves (K + ridge·1) α = y
// with the n×n matrix K of kernel values, so the ridge is absolute: not divided by n.
//
// κ solves Σ mλ/(λ+κ) + (ridge+Tail)/κ = n over the levels of eigenvalue λ and multiplicity m, and
// with L = λ/(λ+κ) the test error is E_0·(Σ (1-L)²v² + σ²), E_0 = n/(n - Σ mL²), the training error
// (ridge/(nκ))² of that. With n at or above the number of modes, no ridge and no tail it is the
// limit of a vanishing ridge: κ = 0, every mode learned, and the test error of least squares, which
// with n equal to that number is infinite if there is noise, and 0 if not.
//
// n need not be whole. Eigenvalues below zero by less than 1e-12 of the largest are zero but for
// rounding and taken as that. All numbers are right to about 1e-13 of themselves, for eigenvalues
// of any size, as far as there are no Power below zero that cancel others. It reports n ≤ 0, a
// negative ridge, numbers that are not finite, eigenvalues further below zero, a Target that does
// not fit the spectrum, and a test error that would be negative.
//
// The theory takes the eigenfunctions at the points for independent Gaussian numbers of the same
// covariance, and the points as independent draws. It is off where the n points are a large part of
// the domain and drawn without replacement, for eigenfunctions that are not at all like that, as
// waves on the circle without ridge, and in errors that are far below Noise or the other powers.
//
// Source: Simon, Dickens, Karkada, DeWeese, "The Eigenlearning Framework", 2023, arXiv 2110.03922,
// sections 3 and 4; the tail as a ridge: Simon, Karkada, Ghosh, Belkin, "More is better", 2023, arXiv
// 2311.14646.
func (s *Spectrum) Learn(target Target, n, ridge float64) (*Learning, error) {
	return s.learn(target, n, math.Inf(1), ridge)
}

// learn predicts regression on k random features; infinitely many of them are the kernel.
func (s *Spectrum) learn(target Target, n, k, ridge float64) (*Learning, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	if err := target.check(s); err != nil {
		return nil, err
	}
	if !(n > 0) || math.IsInf(n, 0) {
		return nil, fmt.Errorf("spectra: n is %v; it must be a positive number of points", n)
	}
	if !(ridge >= 0) || math.IsInf(ridge, 0) {
		return nil, fmt.Errorf("spectra: the ridge is %v; it must be finite and at least 0", ridge)
	}
	return s.predict(target, n, ridge, s.solve(n, k, ridge))
}

// roundingOfZero is how far below zero an eigenvalue may be, of the largest, and count as zero.
const roundingOfZero = 1e-12

func (s *Spectrum) check() error {
	var top, trace float64
	for i, l := range s.Levels {
		if !(l.Multiplicity > 0) || math.IsInf(l.Multiplicity, 0) {
			return fmt.Errorf("spectra: level %d (degree %d) has the multiplicity %v; it must be "+
				"positive and finite", i, l.Degree, l.Multiplicity)
		}
		top = max(top, l.Eigenvalue)
		trace += l.Multiplicity * l.Eigenvalue
	}
	for i, l := range s.Levels {
		if !(l.Eigenvalue >= -roundingOfZero*top) || math.IsInf(l.Eigenvalue, 0) {
			return fmt.Errorf("spectra: level %d (degree %d) has the eigenvalue %v; a kernel has "+
				"finite ones ≥ 0 only", i, l.Degree, l.Eigenvalue)
		}
	}
	if !(s.Tail >= -roundingOfZero*trace) || math.IsInf(s.Tail, 0) {
		return fmt.Errorf("spectra: the tail is %v beside levels that sum to %v; a sum of "+
			"eigenvalues is finite and ≥ 0", s.Tail, trace)
	}
	return nil
}

func (t Target) check(s *Spectrum) error {
	if len(t.Power) != len(s.Levels) {
		return fmt.Errorf("spectra: the target has power in %d levels and the spectrum has %d; "+
			"give one number per level", len(t.Power), len(s.Levels))
	}
	for i, v := range t.Power {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("spectra: the target's power in level %d is %v; it must be finite",
				i, v)
		}
	}
	if !(t.Noise >= 0) || math.IsInf(t.Noise, 0) {
		return fmt.Errorf("spectra: the noise is %v; a variance is finite and at least 0", t.Noise)
	}
	return nil
}

// solution is where the two equations hold. unlearned is n - z and spare 1 - z/k; s is Σ mL(1-L) with
// the tail in it, w = s/(k-z+s), kept is 1 - w, and γ is 2^exponent times scaled.
type solution struct {
	exponent         int
	scaled           float64
	kappa            float64
	unlearned, spare float64
	s, w, kept       float64
	features         float64
	eigenvalues      []float64 // over 2^exponent
	tail             float64   // over 2^exponent
}

// sums returns n - z and Σ mL(1-L) at γ, z = Σ mL, both with the tail in them: as levels of so many
// and so small eigenvalues that L is 0 to all of them together and yet they sum to tail/γ. What is
// learned almost wholly is counted by what of it is not, so that nothing is lost when n is close
// to the number of modes.
func (p *solution) sums(levels []Level, n, gamma float64) (unlearned, s float64) {
	var whole float64
	rest := p.tail / gamma
	s = rest
	for i, lambda := range p.eigenvalues {
		m, inverse := levels[i].Multiplicity, 1/(lambda+gamma)
		learned, not := m*(lambda*inverse), gamma*inverse
		s += learned * not
		if lambda > gamma {
			whole += m
			rest -= m * not
		} else {
			rest += learned
		}
	}
	return (n - whole) - rest, s
}

// scale makes 2^exponent the unit. What is above 1e300 of it has L = 1 as 1e300 has.
func (p *solution) scale(s *Spectrum, exponent int) {
	p.exponent = exponent
	for i, l := range s.Levels {
		p.eigenvalues[i] = min(math.Ldexp(max(l.Eigenvalue, 0), -exponent), 1e300)
	}
	p.tail = min(math.Ldexp(max(s.Tail, 0), -exponent), 1e300)
}

// solve returns the γ with (n-z)(1-z/k) = ridge/γ, z = Σ mλ/(λ+γ) below n and k, and κ = γ(1-z/k).
// Both are 0 if nothing bounds them from below.
func (s *Spectrum) solve(n, k, ridge float64) solution {
	p := solution{features: k, eigenvalues: make([]float64, len(s.Levels))}
	var modes float64
	for _, l := range s.Levels {
		if l.Eigenvalue > 0 {
			modes += l.Multiplicity
		}
	}
	limit := min(n, k)
	if ridge == 0 && !(s.Tail > 0) && limit >= modes {
		p.scale(s, 0)
		p.unlearned, p.spare, p.kept = n-modes, 1-modes/k, 1
		return p
	}
	// excess is positive where γ is too large, and rises with it; slope is γ times its derivative.
	excess := func(gamma float64) (value, slope float64) {
		if ridge == 0 {
			return p.sums(s.Levels, limit, gamma)
		}
		a, sum := p.sums(s.Levels, n, gamma)
		if b := a + (k - n); b < a {
			// The smaller of the two is the one with fewer digits lost.
			b, _ = p.sums(s.Levels, k, gamma)
			a = b + (n - k)
		}
		spare := 1.
		perFeature := 1.
		if !math.IsInf(k, 1) {
			spare = (a + (k - n)) / k
			perFeature = (a + (a + (k - n))) / k
		}
		if a <= 0 || spare <= 0 {
			return -1, 0
		}
		delta := math.Ldexp(ridge, -p.exponent) / gamma
		return a*spare - delta, sum*perFeature + delta
	}
	// All floats, their quotients and products lie between these powers of two.
	low, high := -4400, 4400
	for high-low > 1 {
		middle := (low + high) / 2
		p.scale(s, middle)
		if value, _ := excess(1); value > 0 {
			high = middle
		} else {
			low = middle
		}
	}
	p.scale(s, low)
	p.scaled = root(excess)
	p.finish(s, n, k, ridge)
	return p
}

// root returns the zero between 1 and 2 of a function that rises, given with x times its derivative.
func root(f func(float64) (value, slope float64)) float64 {
	low, high, x := 1., 2., 1.
	for range 100 {
		value, slope := f(x)
		if value == 0 {
			return x
		}
		if value > 0 {
			high = x
		} else {
			low = x
		}
		next := x * (1 - value/slope)
		if math.Abs(next-x) <= 0x1p-51 {
			return min(max(next, 1), 2)
		}
		if !(next > low && next < high) {
			next = low + (high-low)/2
			if next == low || next == high {
				return x
			}
		}
		x = next
	}
	return x
}

// finish fills in what follows from γ.
func (p *solution) finish(s *Spectrum, n, k, ridge float64) {
	delta := math.Ldexp(ridge, -p.exponent)
	switch {
	case math.IsInf(k, 1):
		_, p.s = p.sums(s.Levels, n, p.scaled)
		p.spare, p.kappa, p.unlearned, p.kept = 1, p.scaled, delta/p.scaled, 1
	case n <= k:
		var b float64
		b, p.s = p.sums(s.Levels, k, p.scaled)
		if ridge == 0 {
			b = k - n
		}
		p.spare = b / k
		p.kappa = p.scaled * p.spare
		if ridge > 0 {
			p.unlearned = delta / p.kappa
		}
		p.w, p.kept = p.s/(b+p.s), b/(b+p.s)
	default:
		p.unlearned, p.s = p.sums(s.Levels, n, p.scaled)
		if ridge == 0 {
			p.unlearned = n - k
		}
		p.kappa = delta / p.unlearned
		p.spare = p.kappa / p.scaled
		b := p.spare * k
		p.w, p.kept = p.s/(b+p.s), b/(b+p.s)
	}
}

// predict returns what follows for the target: with w = s/(k-z+s), which is 0 for the kernel itself,
// TestMSE = n/(n-z+s(1-w)) · [Σ ((1-L)² + w L(1-L)) v² + σ²].
func (s *Spectrum) predict(target Target, n, ridge float64, p solution) (*Learning, error) {
	l := &Learning{Learnability: make([]float64, len(s.Levels)), spectrum: s, target: target, n: n,
		solved: p, Kappa: math.Ldexp(p.kappa, p.exponent), Gamma: math.Ldexp(p.scaled, p.exponent)}
	bias, features, squares := target.Noise, 0., 0.
	for i, lambda := range p.eigenvalues {
		var learned float64
		not := 1.
		if lambda > 0 {
			learned, not = lambda/(lambda+p.scaled), p.scaled/(lambda+p.scaled)
		}
		l.Learnability[i] = learned
		l.TotalLearnability += s.Levels[i].Multiplicity * learned
		squares += s.Levels[i].Multiplicity * learned * learned
		bias += not * not * target.Power[i]
		features += p.w * learned * not * target.Power[i]
	}
	if bias+features < 0 {
		return nil, fmt.Errorf("spectra: the predicted error at n = %v is negative, %v, since the "+
			"target's power is below zero in places; its estimate needs more samples", n,
			bias+features)
	}
	lost := p.unlearned + p.s*p.kept
	l.Overfitting = n / lost
	l.Bias = bias
	if bias+features > 0 {
		l.Variance = (squares+p.s*p.w)/lost*(bias+features) + features
	}
	l.TestMSE = l.Bias + l.Variance
	fit := p.unlearned / n
	l.TrainMSE = fit * fit * l.TestMSE
	if fit == 0 {
		l.TrainMSE = 0
	}
	return l, nil
}
