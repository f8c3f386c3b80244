package spectra

import (
	"errors"
	"fmt"
	"math"

	"github.com/kernelsmith/kernelsmith/ntk"
	"gonum.org/v1/gonum/mat"
)

// PredictSettings are the settings of [DataStatistics.Predict]; nil means all defaults.
type PredictSettings struct {
	// Ridge is δ of (K + δ·1) α = y, at least 0, as in regress.
	Ridge float64
	// Modes is the number P of eigenfunctions, less than the rows; 0 means a quarter of them, at
	// most 5,000.
	Modes int
	// Outside asks for a prediction though the verdict is against it.
	Outside bool
}

// Prediction is what [DataStatistics.Predict] expects of regression with a kernel on a target.
type Prediction struct {
	Verdict DataVerdict
	// N are the numbers of training points. TestMSE has the expected squared error on points like
	// the rows, summed over the target's columns, and Uncertainty its standard deviation from what
	// is not known of coefficients and kernel: not from training sets, and not from where the data
	// are other than assumed. It is up to twice too large where y² varies much between rows.
	N                    []int
	TestMSE, Uncertainty []float64
	// Spectrum has the modes as levels of multiplicity 1, largest first, and as its tail what they
	// lack of E[K(x, x)]. Modes says which Hermite polynomials each is: the direction i as often
	// as the degree of h in z_i, so {0, 0, 3} is h_2(z_0) h_1(z_3) and {} the constant.
	Spectrum Spectrum
	Modes    [][]int
	// Target has the target's power in each mode and what is left as its noise. Errors of
	// eigenvalues in Spectrum are those of Levels, not of the theory.
	Target Estimate
	// Levels are the coefficients a_ℓ of the kernel between rows of the typical norm, and
	// LevelUncertainty their error bars.
	Levels, LevelUncertainty []float64
}

// Predict returns, for each target, the test error that kernel ridge regression with K is expected
// to have after learning from each number of points in ns, without a matrix of their kernel. A
// target is an N×outputs matrix with a row for each row of the data, one-hot columns for instance;
// the errors of its columns are summed. K sees rows as they were given to [MeasureData], with
// c = x·x'/(‖x‖‖x'‖) and ‖x‖²/d as everywhere.
//
// The eigenfunctions are taken as products of Hermite polynomials Π h_{α_i}(z_i) in the directions
// of the covariance, as on normal data, and the eigenvalues as
//
//	λ_α = a_ℓ/h_ℓ · Π (γ_i/q)^{α_i},   ℓ = |α|
//
// with K(c) = Σ a_ℓ c^ℓ between points of the typical squared norm q, and h_ℓ the sum of the
// products over all α of the degree, so that the modes of a degree sum to a_ℓ. The P largest are
// used to degree 12. A target's coefficients come from the rows, less what noise adds to their
// squares, and the rest of the target counts as noise. [Spectrum.Learn] does the rest. There is
// nothing to tune, and all kernels are treated alike.
//
// A kernel known by its values alone has levels with error bars, which are in Uncertainty.
//
// What does not fit the theory is an [*OutsideError], unless asked for: see [DataVerdict]. Of the
// verdict, Off alone takes a small regression, which no prediction depends on. It also
// reports an empty list of targets or numbers, a number below 1, targets of other lengths, that are
// not finite or all 0, and kernels without values or with a coefficient below 0.
//
// Cost: N P² + P³/3 operations and 8 P² bytes: for 5,000 modes from 10,000 rows six seconds of one
// processor. The order of the modes, and so the work, is the kernel's own; targets share it.
//
// Source: Karkada, Turnbull, Liu, Simon, "Predicting kernel regression learning curves from only
// raw data statistics", 2025, arXiv 2510.14878. There a_ℓ/h_ℓ is ℓ! a_ℓ, which is its limit for
// many directions, and at few of them far too large for kernels that are not smooth.
func (s *DataStatistics) Predict(
	K ntk.Kernel, ns []int, set *PredictSettings, targets ...*mat.Dense,
) ([]*Prediction, error) {
	if set == nil {
		set = &PredictSettings{}
	}
	count, err := s.checkPrediction(ns, set, targets)
	if err != nil {
		return nil, err
	}
	q := s.Norm2 / float64(s.Features)
	levels, err := levelsOf(K, q)
	if err != nil {
		return nil, err
	}
	top, err := K.At(q, q, q)
	if err != nil {
		return nil, fmt.Errorf("spectra: %v at the typical norm: %w", K, err)
	}
	trace, err := s.trace(K)
	if err != nil {
		return nil, err
	}
	modes := hermiteModes(levels.coeffs[:], s.shares(), count)
	if len(modes) == 0 {
		return nil, fmt.Errorf("spectra: %v has no modes: all its coefficients are 0", K)
	}
	f := s.fit(modes, targets)
	p := &predictor{levels: levels, modes: modes, trace: trace, top: top, ridge: set.Ridge, ns: ns}
	verdict, err := p.verdict(s, f, len(modes) == count)
	if err != nil {
		return nil, err
	}
	if verdict.Fits || set.Outside {
		if err := p.check(s, K, f, targets, &verdict); err != nil {
			return nil, err
		}
		verdict.decide(len(modes) == count)
	}
	if !verdict.Fits && !set.Outside {
		return nil, &OutsideError{verdict}
	}
	var predictions []*Prediction
	for i := range targets {
		prediction, err := p.predict(&f.targets[i])
		if err != nil {
			return nil, fmt.Errorf("%w (target %d, %v)", err, i, K)
		}
		prediction.Verdict = verdict
		predictions = append(predictions, prediction)
	}
	return predictions, nil
}

// checkPrediction reports what is wrong with arguments, and returns the number of modes.
func (s *DataStatistics) checkPrediction(
	ns []int, set *PredictSettings, targets []*mat.Dense,
) (int, error) {
	if s == nil || s.whitened == nil {
		return 0, errors.New("spectra: no statistics of data; MeasureData makes them")
	}
	if len(ns) == 0 || len(targets) == 0 {
		return 0, fmt.Errorf("spectra: %d numbers of points and %d targets; one of each at least "+
			"is needed", len(ns), len(targets))
	}
	for _, n := range ns {
		if n < 1 {
			return 0, fmt.Errorf("spectra: %d training points; 1 or more are needed", n)
		}
	}
	if !(set.Ridge >= 0) || math.IsInf(set.Ridge, 0) {
		return 0, fmt.Errorf("spectra: Ridge is %v; it must be a finite number ≥ 0", set.Ridge)
	}
	count := set.Modes
	if count == 0 {
		count = min(5000, max(1, s.Rows/4))
	}
	if count < 1 || count >= s.Rows {
		return 0, fmt.Errorf("spectra: Modes is %d; it must be from 1 to %d, one less than the "+
			"rows, or 0 for a quarter of them", set.Modes, s.Rows-1)
	}
	for i, y := range targets {
		if y == nil || y.IsEmpty() {
			return 0, fmt.Errorf("spectra: target %d is empty", i)
		}
		if rows, _ := y.Dims(); rows != s.Rows {
			return 0, fmt.Errorf("spectra: target %d has %d rows and the data %d", i, rows, s.Rows)
		}
		var power float64
		for row := range s.Rows {
			for j, v := range y.RawRowView(row) {
				if power += v * v; math.IsNaN(v) || math.IsInf(power, 0) {
					return 0, fmt.Errorf("spectra: target %d is %v in row %d, column %d; it must "+
						"be finite, and so must the sum of squares", i, v, row, j)
				}
			}
		}
		if power == 0 {
			return 0, fmt.Errorf("spectra: target %d is 0 in all rows; there is nothing to learn",
				i)
		}
	}
	return count, nil
}

// trace returns the mean of K(x, x).
func (s *DataStatistics) trace(K ntk.Kernel) (float64, error) {
	var sum float64
	for i, norm := range s.norms {
		q := norm / float64(s.Features)
		v, err := K.At(q, q, q)
		if err != nil {
			return 0, fmt.Errorf("spectra: row %d: %w", i, err)
		}
		sum += v / float64(s.Rows)
	}
	if !(sum > 0) {
		return 0, fmt.Errorf("spectra: the mean of %v at equal inputs is %v; it must be above 0",
			K, sum)
	}
	return sum, nil
}

// kept is the sum of the eigenvalues.
func (s *Spectrum) kept() float64 {
	var sum float64
	for _, l := range s.Levels {
		sum += l.Multiplicity * l.Eigenvalue
	}
	return sum
}

// predictor is a kernel's modes and where curves are asked for.
type predictor struct {
	levels kernelLevels
	modes  []hermiteMode
	trace  float64 // the mean of K(x, x)
	top    float64 // K(x, x) at the typical norm
	ridge  float64
	ns     []int
}

// spectrum returns the modes as levels, for coefficients that may be others than those that the
// modes were made with.
func (p *predictor) spectrum(a [highestLevel + 1]float64) *Spectrum {
	s := &Spectrum{Levels: make([]Level, len(p.modes))}
	for i, m := range p.modes {
		degree := len(m.coordinates)
		share := m.eigenvalue / p.levels.coeffs[degree]
		s.Levels[i] = Level{Degree: degree, Eigenvalue: share * a[degree], Multiplicity: 1,
			Error: share * p.levels.uncertainty[degree]}
	}
	s.Tail = max(0, p.trace-s.kept())
	return s
}

// verdict is that of the data s, whose modes were fitted; there may be more modes.
func (p *predictor) verdict(s *DataStatistics, f *modeFit, more bool) (DataVerdict, error) {
	v := s.verdict()
	for _, n := range p.ns {
		v.Points = max(v.Points, n)
	}
	v.Modes = len(p.modes)
	leading := min(leadingModes, v.Modes)
	for _, own := range f.own[:leading] {
		v.Own += own / float64(leading)
	}
	spectrum := p.spectrum(p.levels.coeffs)
	v.Trace, v.Excess = spectrum.kept()/p.trace, p.trace/p.top-1
	if more {
		nothing := Target{make([]float64, v.Modes), 1}
		l, err := spectrum.Learn(nothing, float64(v.Points), p.ridge)
		if err != nil {
			return v, err
		}
		v.Dropped = l.Learnability[v.Modes-1]
	}
	v.decide(more)
	return v, nil
}

func (p *predictor) predict(c *hermiteCoefficients) (*Prediction, error) {
	out := &Prediction{
		N:        append([]int(nil), p.ns...),
		Spectrum: *p.spectrum(p.levels.coeffs),
		Target: Estimate{Target{c.squares, c.noise},
			make([]float64, len(p.modes))},
		Levels:           append([]float64(nil), p.levels.coeffs[:]...),
		LevelUncertainty: append([]float64(nil), p.levels.uncertainty[:]...),
		Modes:            make([][]int, len(p.modes)),
	}
	for i, m := range p.modes {
		out.Modes[i] = make([]int, len(m.coordinates))
		for j, c := range m.coordinates {
			out.Modes[i][j] = int(c)
		}
	}
	for i, v := range c.variances {
		out.Target.StandardError[i] = math.Sqrt(v)
	}
	others := p.otherSpectra()
	for _, n := range p.ns {
		l, err := out.Spectrum.Learn(out.Target.Target, float64(n), p.ridge)
		if err != nil {
			return nil, err
		}
		// What a mode has, the noise has not.
		variance := l.Overfitting * l.Overfitting * c.powerVariance
		for i, v := range c.variances {
			slope := l.Overfitting * l.Learnability[i] * (l.Learnability[i] - 2)
			variance += slope * slope * v
		}
		for _, s := range others {
			other, err := s.Learn(out.Target.Target, float64(n), p.ridge)
			if err != nil {
				return nil, err
			}
			variance += (other.TestMSE - l.TestMSE) * (other.TestMSE - l.TestMSE)
		}
		out.TestMSE = append(out.TestMSE, l.TestMSE)
		out.Uncertainty = append(out.Uncertainty, math.Sqrt(variance))
	}
	return out, nil
}

// otherSpectra are those with one level off by its error bar, for each level that matters, and
// one where unknown levels do not act as a ridge.
func (p *predictor) otherSpectra() (others []*Spectrum) {
	for l, u := range p.levels.uncertainty {
		if u > 1e-9*p.trace && p.levels.coeffs[l] > 0 {
			a := p.levels.coeffs
			a[l] += u
			others = append(others, p.spectrum(a))
		}
	}
	if p.levels.unknown > 0 {
		s := p.spectrum(p.levels.coeffs)
		s.Tail = max(0, s.Tail-p.levels.unknown)
		others = append(others, s)
	}
	return others
}
