package spectra

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"
)

// DataKernelSettings are the settings of [DataStatistics.BestKernel]; nil means all defaults.
type DataKernelSettings struct {
	BestKernelSettings
	// Degree is that of the series, from 1 to 12; 0 stands for 12.
	Degree int
	// Modes is the number of eigenfunctions with a coefficient of their own, less than the rows; 0
	// means a quarter of them, at most 5,000.
	Modes int
}

// powerSpectra returns the spectra of the powers of c in the modes that Predict would use for
// Σ coeffs[j] c^j, and in all others as far as they are large enough to count, and what a target
// has of these. The rest of each power is in its tail. coeffs says which modes there are, and in
// what order they are made orthogonal.
func (s *DataStatistics) powerSpectra(
	coeffs []float64, modes int, y *mat.Dense,
) (PowerSpectra, Target, *hermiteCoefficients, error) {
	set := PredictSettings{Modes: modes}
	count, err := s.checkPrediction([]int{1}, &set, []*mat.Dense{y})
	if err != nil {
		return nil, Target{}, nil, err
	}
	of := hermiteModes(coeffs, s.shares(), count)
	c := s.fit(of, []*mat.Dense{y}).targets[0]
	target := Target{c.squares, c.noise}
	p := make(PowerSpectra, len(coeffs))
	for j := range p {
		p[j] = &Spectrum{Levels: make([]Level, len(of)), Tail: 1}
		for i, m := range of {
			degree := len(m.coordinates)
			l := Level{Degree: degree, Multiplicity: 1}
			if degree == j {
				l.Eigenvalue = m.eigenvalue / coeffs[j]
			}
			p[j].Levels[i] = l
		}
	}
	s.addOthers(p, &target, of, s.otherRates(of, y, len(coeffs)-1))
	for j := range p {
		p[j].Tail = max(0, 1-p[j].kept())
	}
	return p, target, &c, nil
}

// BestKernel returns the kernel Σ a_j c^j with which n of these points are expected to teach y, an
// N×outputs matrix, best, as [PowerSpectra.BestKernel] does: from their covariance and the target's
// coefficients alone. Eigenvalues and modes are those of [DataStatistics.Predict]. The modes with a
// coefficient of their own are chosen for the kernel that is found: three times in turn, each time
// for the mean of it and Σ c^j/(j+1)², so that powers that it lacks have modes as well.
//
// What these modes leave of the target is noise and power in all the others, which are far more
// than there are rows. How much at each degree is estimated from products of what is left, of at
// most 1,500 rows, as variance components; in a degree it is shared out as the eigenvalues are.
//
// The design supposes what Predict does, that rows have one norm and normal coordinates, and
// Predict's verdict on the kernel says whether they do. Where it does not hold, as for n as large
// as N, the kernel is still one, of an error that is less well known. Over ten draws of 600 rows
// on a sphere with a noisy cubic target and n = N it was 6 ± 4 % too low, as the least of
// predictions is, and spread by 11 % from draw to draw; Uncertainty says so, at up to three times
// that where y² varies much between rows.
//
// It reports what Predict says of targets and Modes, a Degree above 12, and what
// [PowerSpectra.BestKernel] does. Cost: three times that of a prediction, of 80 products of
// 1,500×1,500 matrices, and of some 2,000 predictions with given coefficients: for 4,000 rows and
// 1,000 modes ten seconds on two processors.
func (s *DataStatistics) BestKernel(
	y *mat.Dense, n []float64, set *DataKernelSettings,
) (*KernelDesign, error) {
	if set == nil {
		set = &DataKernelSettings{}
	}
	degree, modes := set.Degree, set.Modes
	if degree == 0 {
		degree = highestLevel
	}
	if degree < 1 || degree > highestLevel {
		return nil, fmt.Errorf("spectra: Degree is %d; it must be from 1 to %d", degree,
			highestLevel)
	}
	all := make([]float64, degree+1)
	var sum float64
	for j := range all {
		all[j] = 1 / float64((j+1)*(j+1))
		sum += all[j]
	}
	for j := range all {
		all[j] /= sum
	}
	var out *KernelDesign
	coeffs := all
	for range 3 {
		p, target, measured, err := s.powerSpectra(coeffs, modes, y)
		if err != nil {
			return nil, err
		}
		if out, err = p.BestKernel(target, n, &set.BestKernelSettings); err != nil {
			return nil, err
		}
		out.Uncertainty = out.uncertainty(measured)
		coeffs = make([]float64, degree+1)
		for j := range coeffs {
			coeffs[j] = (out.Coeffs[j] + all[j]) / 2
		}
	}
	return out, nil
}

// uncertainty returns that of TestMSE from the variances of measured coefficients. What a mode has,
// the noise has not.
func (k *KernelDesign) uncertainty(c *hermiteCoefficients) float64 {
	count := float64(len(k.Learning))
	slopes := make([]float64, len(c.variances))
	var byPower float64
	for _, l := range k.Learning {
		if l.TestMSE == 0 {
			continue
		}
		rise := l.Overfitting / (l.TestMSE * count)
		byPower += rise
		for i := range slopes {
			learned := l.Learnability[i]
			slopes[i] += rise * learned * (learned - 2 + l.solved.w*(1-learned))
		}
	}
	variance := byPower * byPower * c.powerVariance
	for i, slope := range slopes {
		variance += slope * slope * c.variances[i]
	}
	return k.TestMSE * math.Sqrt(variance)
}
