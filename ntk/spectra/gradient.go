package spectra

import (
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
	if p.gamma == 0 || math.IsInf(l.TestMSE, 1) {
		return nil, 0, fmt.Errorf("spectra: the test error has no gradient at n = %v, where κ is "+
			"%v and the error %v; give it a ridge", l.points, l.Kappa, l.TestMSE)
	}
	lost := p.lost()
	var variances float64 // Σ L(1-L) v²
	for i, level := range p.levels {
		learned, not := p.learned(level.Eigenvalue)
		variances += learned * not * l.power[i]
	}
	// TestMSE by z, by Σ mL(1-L), and by log λ at fixed γ; those add up to minus that by log γ.
	noise := l.Overfitting / p.left * variances
	byZ := noise*p.w + l.TestMSE/lost*(1+p.w*p.w)
	byS := noise*p.kept - l.TestMSE/lost*p.kept*p.kept
	atGamma := func(i int, learned, not float64) float64 {
		return l.Overfitting*(p.w*(not-learned)-2*not)*l.power[i] +
			p.levels[i].Multiplicity*(byZ+byS*(not-learned))
	}
	byGamma := -(byZ + byS) * p.tail / p.gamma
	for i, level := range p.levels {
		learned, not := p.learned(level.Eigenvalue)
		byGamma -= atGamma(i, learned, not) * learned * not
	}
	// log γ by Σ mL(1-L) of what changes.
	moves := p.both / (p.unlearned*p.spare + p.s*p.both)
	eigenvalues = make([]float64, len(p.levels))
	for i, level := range p.levels {
		learned, not := p.learned(level.Eigenvalue)
		slope := atGamma(i, learned, not) + byGamma*moves*level.Multiplicity
		eigenvalues[i] = math.Ldexp(slope*not*not/p.gamma, -p.exponent)
	}
	return eigenvalues, math.Ldexp((byZ+byS+byGamma*moves)/p.gamma, -p.exponent), nil
}
