package spectra

import (
	"fmt"
	"math"
	"slices"
)

// LearnDrawn predicts regression from n points that are drawn from a domain of finitely many, such
// as the 2^Dim corners of a [Hypercube]: each at most once, or each time from all of them if they
// may repeat. [Spectrum.Learn] takes points for independent draws from infinitely many; with a
// fifth of the domain or more that is 5 to 60 % off, and more where little is left. TestMSE is the
// mean over the whole domain, points that were learned from included; on the others alone it is
// more. Overfitting is what noise is multiplied by, and no longer what the rest of the error is.
// There is no Gradient.
//
// With w the number of times that a point is drawn, 0 or 1 or of a binomial distribution, M points
// and δ the ridge, Z = Σ mL solves
//
//	Z = M E[w/(w+t)],   t = δ (M-Z)/(κ Z M),   L = λ/(λ+κ)
//
// which is Z + (1 - Z/M) δ/κ = n where no point is drawn twice. With g = M E[w/(w+t)²], G = t g,
// H = 1 - GM/(Z(M-Z)), S_2 = Σ mL² and S_1 = Z - S_2,
//
//	TestMSE = (1 + H S_2/(G + H S_1)) Σ (1-L)² v² + (1 + g S_2 (M-Z)/(Z M (G + H S_1))) σ²
//
// For M → ∞ all of this is that of Learn.
//
// The theory takes the eigenfunctions at the points of the domain for a random orthogonal matrix.
// It reports n below 1, a domain smaller than the modes or than n draws without repeats, a spectrum
// with a tail, of which it is not known how many modes it has, and what Learn does.
//
// Source: Voiculescu, "Addition of certain non-commuting random variables", Journal of Functional
// Analysis 66, 1986, for Λ⁻¹ + ΦᵀWΦ/δ, W the diagonal of the w and Φ the eigenfunctions' values;
// the errors are derivatives of what comes out by Λ⁻¹ and δ.
func (s *Spectrum) LearnDrawn(
	target Target, n, domain int, repeats bool, ridge float64,
) (*Learning, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	if err := target.check(s); err != nil {
		return nil, err
	}
	if n < 1 || n > domain && !repeats {
		return nil, fmt.Errorf("spectra: %d points drawn from %d; it must be 1 or more, and no "+
			"more than there are unless they may repeat", n, domain)
	}
	if !(ridge >= 0) || math.IsInf(ridge, 0) {
		return nil, fmt.Errorf("spectra: the ridge is %v; it must be finite and at least 0", ridge)
	}
	d := drawn{levels: slices.Clone(s.Levels), points: float64(domain), ridge: ridge}
	var trace float64
	for i := range d.levels {
		l := &d.levels[i]
		if l.Eigenvalue = max(0, l.Eigenvalue); l.Eigenvalue > 0 {
			d.modes += l.Multiplicity
			trace += l.Multiplicity * l.Eigenvalue
		}
	}
	if d.modes == 0 || d.modes > d.points*(1+1e-12) || s.Tail > 1e-9*trace {
		return nil, fmt.Errorf("spectra: %v modes above zero and a tail of %v on a domain of %d "+
			"points; there must be 1 to %d modes and no tail", d.modes, s.Tail, domain, domain)
	}
	d.count(n, repeats)
	d.solve(trace)
	return d.learn(target, float64(n))
}

// drawn is a spectrum on a domain of so many points, and the probabilities that a point is drawn
// 0, 1, 2 … times.
type drawn struct {
	levels                []Level
	modes, points, ridge  float64
	times                 []float64
	logKappa, t, absorbed float64 // log κ, t and Z
}

func (d *drawn) count(n int, repeats bool) {
	p := 1 / d.points
	if !repeats {
		d.times = []float64{1 - float64(n)*p, float64(n) * p}
		return
	}
	for k := 0; k <= n; k++ {
		if p == 1 {
			d.times = append(d.times, 0)
			continue
		}
		a, _ := math.Lgamma(float64(n + 1))
		b, _ := math.Lgamma(float64(k + 1))
		c, _ := math.Lgamma(float64(n - k + 1))
		v := math.Exp(a - b - c + float64(k)*math.Log(p) + float64(n-k)*math.Log1p(-p))
		if d.times = append(d.times, v); v < 1e-20 && float64(k) > float64(n)*p {
			break
		}
	}
	if p == 1 {
		d.times[n] = 1
	}
}

// learned returns M E[w/(w+t)^power], 0 where w is.
func (d *drawn) learned(t, power float64) (sum float64) {
	for k := 1; k < len(d.times); k++ {
		w := float64(k)
		sum += d.points * d.times[k] * w / math.Pow(w+t, power)
	}
	return sum
}

// sums returns Z, M - Z without cancellation, and S_2 at log κ.
func (d *drawn) sums(logKappa float64) (z, rest, squares float64) {
	rest = d.points - d.modes
	for _, l := range d.levels {
		if l.Eigenvalue > 0 {
			// κ/λ may be beyond the floats on either side.
			not := 1 / (1 + math.Exp(math.Log(l.Eigenvalue)-logKappa))
			learned := 1 / (1 + math.Exp(logKappa-math.Log(l.Eigenvalue)))
			z += l.Multiplicity * learned
			rest += l.Multiplicity * not
			squares += l.Multiplicity * learned * learned
		}
	}
	return z, max(0, rest), squares
}

// solve finds κ: between 1e-300 of the least eigenvalue and 1e300 of the trace.
func (d *drawn) solve(trace float64) {
	least := trace
	for _, l := range d.levels {
		if l.Eigenvalue > 0 {
			least = min(least, l.Eigenvalue)
		}
	}
	if d.ridge == 0 && d.learned(0, 1) >= d.modes {
		d.logKappa, d.absorbed = math.Inf(-1), d.modes
		d.t = bisect(0, 1e300, func(t float64) bool { return d.learned(t, 1) > d.modes })
		return
	}
	at := func(logKappa float64) (z, t float64) {
		z, rest, _ := d.sums(logKappa)
		if d.ridge == 0 {
			return z, 0
		}
		return z, math.Exp(math.Log(d.ridge/d.points*rest/z) - logKappa)
	}
	d.logKappa = bisect(math.Log(least)-690, math.Log(trace)+690, func(logKappa float64) bool {
		z, t := at(logKappa)
		return z > d.learned(t, 1)
	})
	d.absorbed, d.t = at(d.logKappa)
}

// bisect returns where above, which holds at low, ceases to.
func bisect(low, high float64, above func(float64) bool) float64 {
	for {
		middle := low + (high-low)/2
		if low > 0 && high > 4*low {
			middle = math.Sqrt(low) * math.Sqrt(high)
		}
		if middle == low || middle == high {
			return middle
		}
		if above(middle) {
			low = middle
		} else {
			high = middle
		}
	}
}

func (d *drawn) learn(target Target, n float64) (*Learning, error) {
	z, rest, s2 := d.sums(d.logKappa)
	s1 := 0.0
	l := &Learning{Kappa: math.Exp(d.logKappa), Learnability: make([]float64, len(d.levels)),
		TotalLearnability: z, points: n, power: slices.Clone(target.Power)}
	l.Gamma = l.Kappa
	var bias float64
	for i, level := range d.levels {
		not := 1.0
		if level.Eigenvalue > 0 {
			not = 1 / (1 + math.Exp(math.Log(level.Eigenvalue)-d.logKappa))
			l.Learnability[i] = 1 / (1 + math.Exp(d.logKappa-math.Log(level.Eigenvalue)))
			s1 += level.Multiplicity * not * l.Learnability[i]
		}
		bias += not * not * target.Power[i]
	}
	if bias < 0 {
		return nil, fmt.Errorf("spectra: the predicted error at n = %v is negative, %v, since the "+
			"target's power is below zero in places; its estimate needs more samples", n, bias)
	}
	slope := d.learned(d.t, 2)
	g := d.t * slope
	h := 1.0
	if rest > 0 {
		h = max(0, 1-g*d.points/(z*rest))
	} else if n >= d.points && d.times[0] == 0 {
		h = 0
	}
	shared := g + h*s1
	l.Overfitting = 1 + ratio(slope*s2*rest, z*d.points*shared)
	l.Bias = bias + target.Noise
	l.TestMSE = bias
	if bias > 0 {
		l.TestMSE += bias * ratio(h*s2, shared)
	}
	if target.Noise > 0 {
		l.TestMSE += target.Noise * l.Overfitting
	}
	l.Variance = l.TestMSE - l.Bias
	if d.ridge > 0 {
		byRidge := ratio(g, shared)
		l.TrainMSE = (d.ridge*math.Exp(-d.logKappa)*byRidge*bias +
			target.Noise*(n-z-s1*byRidge)) / n
	} else {
		l.TrainMSE = target.Noise * max(0, n-z) / n
	}
	return l, nil
}

// ratio is a/b, and 0 where a is.
func ratio(a, b float64) float64 {
	if a == 0 {
		return 0
	}
	return a / b
}
