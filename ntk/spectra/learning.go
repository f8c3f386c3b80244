package spectra

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
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

// String says how much there is to learn, in a line.
func (t Target) String() string {
	return fmt.Sprintf("power %.3g in %d levels, noise %.3g", floats.Sum(t.Power), len(t.Power),
		t.Noise)
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

	points float64
	power  []float64
	solved solution
}

// String says what is expected, in a line.
func (l Learning) String() string {
	return fmt.Sprintf("test MSE %.3g (bias %.3g, variance %.3g), train MSE %.3g; κ = %.3g, "+
		"overfitting %.3g", l.TestMSE, l.Bias, l.Variance, l.TrainMSE, l.Kappa, l.Overfitting)
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
// n need not be whole. An eigenvalue below zero by no more than its Error, or 1e-12 of the largest,
// is taken for zero. All numbers are right to about 1e-13 of themselves, for eigenvalues of any
// size, as far as there are no Power below zero that cancel others. It reports n ≤ 0, a negative
// ridge, numbers that are not finite, eigenvalues further below zero, a Target that does not fit
// the spectrum, and a test error that would be negative.
//
// The theory takes the eigenfunctions at the points for independent Gaussian numbers, and there it
// is right for large n. Real ones differ: it is a few to 50 % off, and mostly too low, on the
// circle and in other few dimensions with few points and little ridge, and where more than a fifth
// of a finite domain is drawn, too high if no point is drawn twice ([Spectrum.LearnDrawn] is right
// there); and by factors where less than 1 % of the target is left to learn.
//
// Source: Simon, Dickens, Karkada, DeWeese, "The Eigenlearning Framework", 2023, arXiv 2110.03922.
// The tail is the limit of ever more and smaller modes of that sum.
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
	l, err := s.predict(target, n, s.solve(n, k, ridge))
	if err == nil && n > k && ridge > 0 {
		l.Kappa = ridge / l.solved.unlearned // where κ/γ underflows, too
	}
	return l, err
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
		if l.Eigenvalue > top {
			top = l.Eigenvalue
		}
		trace += l.Multiplicity * l.Eigenvalue
	}
	for i, l := range s.Levels {
		if !(l.Eigenvalue >= -max(roundingOfZero*top, l.Error)) || math.IsInf(l.Eigenvalue, 0) {
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

// predict returns what follows for the target: with w = s/(k-z+s), which is 0 for the kernel
// itself, TestMSE = n/(n-z+s(1-w)) · [Σ ((1-L)² + w L(1-L)) v² + σ²].
func (s *Spectrum) predict(target Target, n float64, p solution) (*Learning, error) {
	l := &Learning{
		Kappa: math.Ldexp(p.kappa, p.exponent), Gamma: math.Ldexp(p.gamma, p.exponent),
		Learnability: make([]float64, len(s.Levels)),
		points:       n, power: slices.Clone(target.Power), solved: p,
	}
	bias, features, squares := target.Noise, 0., 0.
	for i, level := range p.levels {
		learned, not := p.learned(level.Eigenvalue)
		l.Learnability[i] = learned
		l.TotalLearnability += level.Multiplicity * learned
		squares += level.Multiplicity * learned * learned
		bias += not * not * target.Power[i]
		features += p.w * learned * not * target.Power[i]
	}
	if bias+features < 0 {
		return nil, fmt.Errorf("spectra: the predicted error at n = %v is negative, %v, since the "+
			"target's power is below zero in places; its estimate needs more samples", n,
			bias+features)
	}
	lost := p.lost()
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
