package spectra

import (
	"errors"
	"fmt"
	"math"
)

// Gradient returns the derivatives of TestMSE by the eigenvalue of each level, all of its
// eigenfunctions together, and by the tail, with the target, n, the number of features and the
// ridge held. For the kernel itself the one by the tail is that by the ridge too. They are exact,
// by implicit differentiation, at the cost of one more pass over the levels. It reports a TestMSE
// that is infinite, and a κ and γ of 0, where the error does not change with any eigenvalue above
// zero and jumps with those at zero.
func (l *Learning) Gradient() (eigenvalues []float64, tail float64, err error) {
	p := l.solved
	if p.levels == nil {
		return nil, 0, errors.New("spectra: there is no gradient of what LearnDrawn returns")
	}
	if p.gamma == 0 || math.IsInf(l.TestMSE, 1) {
		return nil, 0, fmt.Errorf("spectra: the test error has no gradient at n = %v, where κ is "+
			"%v and the error %v; give it a finite ridge", l.points, l.Kappa, l.TestMSE)
	}
	at := l.slopes()
	// By Σ mL(1-L) of what changes, through γ.
	through := at.byGamma * p.both / (p.unlearned*p.spare + p.s*p.both)
	eigenvalues = make([]float64, len(p.levels))
	for i, level := range p.levels {
		learned, not := p.learned(level.Eigenvalue)
		slope := at.byLevel(i, learned, not) + through*level.Multiplicity
		eigenvalues[i] = math.Ldexp(slope*not*not/p.gamma, -p.exponent)
	}
	return eigenvalues, math.Ldexp((at.byZ+at.byS+through)/p.gamma, -p.exponent), nil
}

// byRidge returns the derivative of TestMSE by the ridge, where Gradient returns one.
func (l *Learning) byRidge() float64 {
	p := l.solved
	rise := p.gamma * (p.unlearned*p.spare + p.s*p.both) // of the ridge, by log γ
	return math.Ldexp(l.slopes().byGamma/rise, -p.exponent)
}

// slopes are derivatives of the test error by z, by s, and by log γ with the eigenvalues held.
type slopes struct {
	of                *Learning
	byZ, byS, byGamma float64
}

// byLevel is the derivative by the log of an eigenvalue, with γ held, over L(1-L).
func (s slopes) byLevel(i int, learned, not float64) float64 {
	p := s.of.solved
	return s.of.Overfitting*(p.w*(not-learned)-2*not)*s.of.power[i] +
		p.levels[i].Multiplicity*(s.byZ+s.byS*(not-learned))
}

func (l *Learning) slopes() slopes {
	p := l.solved
	var variances float64 // Σ L(1-L) v²
	for i, level := range p.levels {
		learned, not := p.learned(level.Eigenvalue)
		variances += learned * not * l.power[i]
	}
	features, lost := l.Overfitting/p.left*variances, l.TestMSE/p.lost()
	s := slopes{of: l, byZ: features*p.w + lost*(1+p.w*p.w),
		byS: features*p.kept - lost*p.kept*p.kept}
	// As much as all eigenvalues, and the tail, by their logs.
	s.byGamma = -(s.byZ + s.byS) * p.tail / p.gamma
	for i, level := range p.levels {
		learned, not := p.learned(level.Eigenvalue)
		s.byGamma -= s.byLevel(i, learned, not) * learned * not
	}
	return s
}
