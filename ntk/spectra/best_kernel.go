package spectra

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/internal/simplex"
)

// BestKernelSettings are the settings of [PowerSpectra.BestKernel]; nil means all defaults.
type BestKernelSettings struct {
	// Features, if > 0, is the number of random features that are learned with, as in
	// [Spectrum.LearnFeatures]; 0 stands for the kernel itself.
	Features float64
	// Ridge, if > 0, is that of the regression, for K(1) = 1. With 0 it is chosen, too, one for
	// all numbers of points.
	Ridge float64
	// Starts is the number of kernels to search from: all coefficients equal, and then random ones
	// that Seed determines. 0 stands for 20.
	Starts int
	Seed   uint64
}

// KernelDesign is the kernel K(c) = Σ a_j c^j of least predicted test error, with K(1) = 1.
type KernelDesign struct {
	Coeffs []float64 // a_0 … a_degree, all ≥ 0, of sum 1
	Ridge  float64
	// TestMSE is the predicted error, and with several numbers of points the geometric mean of
	// those of Learning, which has one for each.
	TestMSE float64
	// Uncertainty is the standard deviation of TestMSE, for this kernel, from what rows leave
	// unknown of a target's power; 0 from [PowerSpectra.BestKernel], which takes powers as known.
	Uncertainty float64
	Learning    []*Learning
	Spectrum    *Spectrum
	// Found are the errors that the searches ended at, the least, TestMSE, first. Those above it
	// are minima of their own, or places where a search came no further.
	Found []float64

	of designer
}

// String says what the kernel is and what error is expected of it, in a line.
func (k KernelDesign) String() string {
	text := fmt.Sprintf("coefficients %.2g, ridge %.2g: test MSE %.3g", k.Coeffs, k.Ridge,
		k.TestMSE)
	if k.Uncertainty > 0 {
		text += fmt.Sprintf(" ± %.1g", k.Uncertainty)
	}
	return text + " expected"
}

// BestKernel returns the kernel Σ a_j c^j, all a_j ≥ 0 and Σ a_j = 1, with which n points are
// expected to teach the target at the least test error, and, unless it is given, the ridge. With
// several n it is the geometric mean of the errors at each that is made least, as it is in a plot
// of the logarithms. What it is best for are the target's powers, the noise and n; it has seen no
// validation error. Package inverse has the net with such a kernel.
//
// The search is along exact gradients ([Learning.Gradient]) from many starts: the error is not
// convex in the coefficients, and Found says whether all came to one least. It is mostly flat
// there: a power whose eigenvalues are all far below the ridge acts as one, a constant that is
// learned at once costs nothing, and [KernelDesign.Ranges] says how much else is as good. A design
// is a polynomial, and often one of few terms: its matrices have the rank of the levels that it
// has, and where all terms are even, or all odd, antipodal points are one to it. The ridge is what
// they are solved with.
//
// It reports no n or one that is not positive, a target that does not fit the levels or has no
// power in any that a power has, settings below 0, spectra that do not go together, and a target
// whose powers below zero make an error negative. Cost: some 100 predictions for each start and n.
func (p PowerSpectra) BestKernel(
	target Target, n []float64, set *BestKernelSettings,
) (*KernelDesign, error) {
	d := designer{powers: p, target: target, n: slices.Clone(n), features: math.Inf(1)}
	starts, seed := 20, uint64(0)
	if set != nil {
		seed, d.ridge = set.Seed, set.Ridge
		if set.Features != 0 {
			d.features = set.Features
		}
		if set.Starts != 0 {
			starts = set.Starts
		}
	}
	if err := d.check(starts); err != nil {
		return nil, err
	}
	random := rand.New(rand.NewPCG(seed, 1))
	out := &KernelDesign{TestMSE: math.Inf(1), of: d}
	var best []float64
	for i := range starts {
		least, err := d.minimize(d.start(i, random))
		if err != nil {
			return nil, err
		}
		out.Found = append(out.Found, least.Value)
		if best == nil || least.Value < out.TestMSE {
			best, out.TestMSE = least.Weights, least.Value
		}
	}
	slices.Sort(out.Found)
	return out, out.set(best)
}

// set fills in all that follows from weights.
func (k *KernelDesign) set(weights []float64) error {
	var sum float64
	for _, a := range weights[:len(k.of.powers)] {
		sum += a
	}
	if !(sum > 0) {
		return errors.New("spectra: nothing is learned with any kernel and ridge; the target's " +
			"power is not above zero where kernels have eigenvalues")
	}
	k.Ridge = k.of.ridge
	k.Coeffs = make([]float64, len(k.of.powers))
	for j := range k.Coeffs {
		k.Coeffs[j] = weights[j] / sum
	}
	if k.of.ridge == 0 {
		k.Ridge = weights[len(k.of.powers)] / sum
	}
	k.Spectrum = k.of.powers.mixed(k.Coeffs)
	var err error
	k.Learning, err = k.LearningCurve(k.of.n)
	return err
}

// Series returns the kernel as a power series, which package inverse takes for a target.
func (k *KernelDesign) Series() (ntk.PowerSeries, error) { return ntk.NewPowerSeries(k.Coeffs) }

// LearningCurve returns what the kernel and the ridge are expected to do with each of these
// numbers of points, and the features that they were designed for. It reports the first error.
func (k *KernelDesign) LearningCurve(n []float64) ([]*Learning, error) {
	curve := make([]*Learning, len(n))
	for i, points := range n {
		l, err := k.Spectrum.LearnFeatures(k.of.target, points, k.of.features, k.Ridge)
		if err != nil {
			return nil, err
		}
		curve[i] = l
	}
	return curve, nil
}

// Ranges says how flat the least is: for each coefficient a range, around its own value, that it
// can be taken to while all others and the ridge, if that was chosen, are best for it and TestMSE
// rises at most by the factor, such as 1.01. The ends are known to 0.001, and a search may miss the
// best others, so that the true range is no smaller. It reports a factor below 1. Cost: some 20
// searches for each coefficient.
func (k *KernelDesign) Ranges(factor float64) ([][2]float64, error) {
	if !(factor >= 1) || math.IsInf(factor, 0) {
		return nil, fmt.Errorf("spectra: the factor is %v; it must be finite and at least 1",
			factor)
	}
	ranges := make([][2]float64, len(k.Coeffs))
	for j, a := range k.Coeffs {
		for side, far := range []float64{0, 1} {
			near := a
			for next := far; next != near; next = near + (far-near)/2 {
				least, err := k.with(j, next)
				if err != nil {
					return nil, err
				}
				if least <= factor*k.TestMSE {
					near = next
				} else {
					far = next
				}
				if math.Abs(far-near) <= 1e-3 {
					break
				}
			}
			ranges[j][side] = near
		}
	}
	return ranges, nil
}

// with returns the least error with coefficient j held at a.
func (k *KernelDesign) with(j int, a float64) (float64, error) {
	d := k.of
	d.powers = nil
	var start []float64
	for i, b := range k.Coeffs {
		if i == j {
			continue
		}
		coeffs := make([]float64, len(k.Coeffs))
		coeffs[i], coeffs[j] = 1-a, a
		d.powers = append(d.powers, k.of.powers.mixed(coeffs))
		start = append(start, max(b, 1e-4))
	}
	if d.powers == nil { // degree 0
		return k.TestMSE, nil
	}
	if d.ridge == 0 {
		var sum float64
		for _, b := range start {
			sum += b
		}
		start = append(start, max(k.Ridge, 1e-4)*sum)
	}
	least, err := d.minimize(start)
	if err != nil {
		return 0, err
	}
	return least.Value, nil
}

// designer is the error as a function of weights of the powers and, where ridge is 0, of the
// ridge, the last. It does not change with a factor of all of these.
type designer struct {
	powers   PowerSpectra
	target   Target
	n        []float64
	features float64
	ridge    float64
}

func (d *designer) check(starts int) error {
	if err := d.powers.check(); err != nil {
		return err
	}
	if err := d.target.check(d.powers[0]); err != nil {
		return err
	}
	if len(d.n) == 0 {
		return errors.New("spectra: no number of points to be best for")
	}
	for _, n := range d.n {
		if !(n > 0) || math.IsInf(n, 0) {
			return fmt.Errorf("spectra: n is %v; it must be a positive number of points", n)
		}
	}
	if !(d.features > 0) || !(d.ridge >= 0) || math.IsInf(d.ridge, 0) || starts < 0 {
		return fmt.Errorf("spectra: Features is %v, Ridge %v and Starts %d; none can be below 0, "+
			"and the ridge must be finite", d.features, d.ridge, starts)
	}
	for i, v := range d.target.Power {
		for _, s := range d.powers {
			if v > 0 && s.Levels[i].Eigenvalue > 0 {
				return nil
			}
		}
	}
	return errors.New("spectra: the target has no power in any level of these kernels; there is " +
		"nothing that they could learn")
}

// start returns the weights to search from.
func (d *designer) start(i int, random *rand.Rand) []float64 {
	w := make([]float64, len(d.powers))
	var sum float64
	for j := range w {
		w[j] = 1
		if i > 0 {
			v := random.NormFloat64()
			w[j] = v * v
		}
		sum += w[j]
	}
	if d.ridge == 0 {
		ridge := 0.01
		if i > 0 {
			ridge = math.Pow(10, -5*random.Float64())
		}
		return append(w[:len(w):len(w)], ridge*sum)
	}
	return w
}

func (d *designer) minimize(start []float64) (*simplex.Minimum, error) {
	if len(start) == 1 {
		weights := []float64{1}
		v, err := d.error(weights, make([]float64, 1))
		return &simplex.Minimum{Weights: weights, Value: v}, err
	}
	return simplex.Minimize(d.error, start, simplex.Settings{Iterations: 300})
}

// error returns the geometric mean of the errors at the weights, and its gradient by them.
func (d *designer) error(weights, gradient []float64) (float64, error) {
	clear(gradient)
	ridge := d.ridge
	if ridge == 0 {
		ridge = weights[len(d.powers)]
	}
	s := d.powers.mixed(weights)
	var log float64
	for _, n := range d.n {
		l, err := s.LearnFeatures(d.target, n, d.features, ridge)
		if err != nil {
			return 0, err
		}
		log += math.Log(l.TestMSE) / float64(len(d.n))
		if l.TestMSE == 0 || math.IsInf(l.TestMSE, 1) || l.solved.gamma == 0 {
			continue // without a slope
		}
		byLevel, byTail, err := l.Gradient()
		if err != nil {
			return 0, err
		}
		scale := 1 / (l.TestMSE * float64(len(d.n)))
		for j, p := range d.powers {
			sum := byTail * p.Tail
			for i, g := range byLevel {
				sum += g * p.Levels[i].Eigenvalue
			}
			gradient[j] += scale * sum
		}
		if d.ridge == 0 {
			gradient[len(d.powers)] += scale * l.byRidge()
		}
	}
	mean := math.Exp(log)
	for j := range gradient {
		gradient[j] *= mean
	}
	return mean, nil
}
