package inverse

import (
	"errors"
	"fmt"
	"math"

	"github.com/kernelsmith/kernelsmith/ntk/internal/special"
)

// SignRule chooses the signs of the b_k, each choice of which gives the same
// kernel.
type SignRule int

const (
	AllPlus       SignRule = iota // +, +, +, …
	Alternating                   // +, -, +, -, …
	PaperSigns                    // +, +, -, -, +, +, … as in [SAD22] fig. 1
	LeastVariance                 // the least finite-width variance, see Settings
)

// String returns the name of the rule.
func (r SignRule) String() string {
	switch r {
	case AllPlus:
		return "all plus"
	case Alternating:
		return "alternating"
	case PaperSigns:
		return "paper"
	case LeastVariance:
		return "least variance"
	}
	return fmt.Sprintf("SignRule(%d)", int(r))
}

// ruleSign is the sign of degree k.
func ruleSign(r SignRule, k int) float64 {
	if r == Alternating && k%2 == 1 || r == PaperSigns && k%4 >= 2 {
		return -1
	}
	return 1
}

// chooseSigns gives the b_k ≥ 0 their signs.
func chooseSigns(b []float64, set Settings, slope, shift, variance float64) error {
	if len(set.Signs) > len(b) {
		return fmt.Errorf("inverse: %d signs for %d coefficients", len(set.Signs), len(b))
	}
	for k := range b {
		sign := ruleSign(set.SignRule, k)
		if k < len(set.Signs) {
			sign = float64(set.Signs[k])
		}
		b[k] *= sign
	}
	if set.SignRule != LeastVariance {
		return nil
	}
	var free []int // those that may change; without the caller's, one of them need not
	for k, v := range b {
		if v != 0 && k >= len(set.Signs) {
			free = append(free, k)
		}
	}
	if len(set.Signs) == 0 && len(free) > 0 {
		free = free[1:]
	}
	if len(free) == 0 {
		return nil
	}
	v, err := newVariances(b, set, slope, shift, variance)
	if err != nil {
		return err
	}
	best := v.search(free)
	if !special.Finite(best) {
		return errors.New(
			"inverse: the finite-width variance is too large for double precision, whatever the " +
				"signs; a lower degree is needed")
	}
	copy(b, v.b)
	return nil
}

// variances evaluates the mean variance at the caller's cosines for changing signs.
type variances struct {
	g                 *hermiteRule
	b                 []float64
	value, derivative []float64
	cosines           []float64 // of pre-activations
	variance, tau     float64
}

func newVariances(
	b []float64, set Settings, slope, shift, variance float64,
) (*variances, error) {
	g, err := newHermiteRule(len(b) - 1)
	if err != nil {
		return nil, err
	}
	v := &variances{
		g:        g,
		b:        append([]float64(nil), b...),
		variance: variance,
		tau:      1 - set.NNGPShare,
	}
	for _, c := range set.SignCosines {
		v.cosines = append(v.cosines, slope*c+shift)
	}
	v.value, v.derivative = make([]float64, len(g.z)), make([]float64, len(g.z))
	for k := range b {
		v.add(k, v.b[k])
	}
	return v, nil
}

func (v *variances) add(k int, b float64) {
	for i, h := range v.g.h {
		v.value[i] += b * h[k]
		if k > 0 {
			v.derivative[i] += b * math.Sqrt(float64(k)/v.variance) * h[k-1]
		}
	}
}

func (v *variances) flip(k int) {
	v.add(k, -2*v.b[k])
	v.b[k] = -v.b[k]
}

func (v *variances) mean() (sum float64) {
	a := v.g.coeffs(v.value, v.derivative)
	for _, c := range v.cosines {
		sum += momentsAt(a, a, c).variance(v.variance*c, v.tau)
	}
	if sum /= float64(len(v.cosines)); math.IsNaN(sum) {
		return math.Inf(1)
	}
	return sum
}

// search finds signs of the free terms; equal means go to the first found, up
// to rounding.
func (v *variances) search(free []int) float64 {
	const less = 1 - 1e-12
	best, kept := v.mean(), append([]float64(nil), v.b...)
	see := func() bool {
		m := v.mean()
		if m < best*less {
			best = m
			copy(kept, v.b)
			return true
		}
		return false
	}
	if len(free) <= 11 {
		for n := 1; n < 1<<len(free); n++ { // in the order of Gray, one flip at a time
			bit := 0
			for n>>bit&1 == 0 {
				bit++
			}
			v.flip(free[bit])
			see()
		}
	} else {
		for _, r := range []SignRule{AllPlus, Alternating, PaperSigns} {
			for _, k := range free {
				if (v.b[k] < 0) != (ruleSign(r, k) < 0) {
					v.flip(k)
				}
			}
			here := v.mean()
			down := func(flips ...int) bool {
				for _, k := range flips {
					v.flip(k)
				}
				if m := v.mean(); m < here*less {
					here = m
					return true
				}
				for _, k := range flips {
					v.flip(k)
				}
				return false
			}
			for sweep, moved := 0, true; moved && sweep < 20; sweep++ {
				moved = false
				for i, k := range free {
					moved = down(k) || moved
					if i > 0 {
						moved = down(free[i-1], k) || moved
					}
				}
			}
			see()
		}
	}
	for _, k := range free {
		if (v.b[k] < 0) != (kept[k] < 0) {
			v.flip(k)
		}
	}
	return best
}
