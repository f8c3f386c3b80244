package ntk

import (
	"fmt"
	"math"
)

// series returns the coefficients a_0 … a_degree of the NNGP (which = 0) or NTK
// (1) in the cosine of inputs of norm √d, by composing the layers' power series.
// No term is negative, so nothing cancels.
//
// Source: [M22] sec. 3, here for any σ_w, σ_b and depth through the probability
// generating functions of [thinned].
func (r *recursion) series(degree, which int) ([]float64, error) {
	if degree < 0 {
		return nil, fmt.Errorf("ntk: degree is %d; it must be ≥ 0", degree)
	}
	n := degree + 1
	at, err := r.prepare(1)
	if err != nil {
		return nil, err
	}
	points := at.(*netPoint).layers
	w2, b2, trained := r.step(0)
	s, t := make([]float64, n), make([]float64, n)
	s[0] = b2
	if n > 1 {
		s[1] = w2
	}
	if trained {
		copy(t, s)
	}
	for i := range r.duals {
		q := points[i].q
		value, derivative := make([]float64, n), []float64(nil)
		if q == 0 {
			value[0] = points[i].top
		} else {
			// y is the correlation of the pre-activations, as a series.
			y := make([]float64, n)
			for k := range y {
				y[k] = s[k] / q
			}
			outer, slope, err := r.dualSeries(i, q, points[i].top, y[0], n)
			if err != nil {
				return nil, err
			}
			composition := newComposer(y)
			value = composition.of(outer)
			if which == 1 {
				derivative = composition.of(slope)
			}
		}
		w2, b2, trained = r.step(i + 1)
		if derivative != nil {
			t = productSeries(t, derivative)
			for k := range t {
				t[k] *= w2
			}
		}
		for k := range s {
			s[k] = w2 * value[k]
		}
		s[0] += b2
		if trained {
			for k := range t {
				t[k] += s[k]
			}
		}
	}
	if which == 1 {
		return t, nil
	}
	return s, nil
}

// maxHermite bounds the number of Hermite coefficients that a composition asks
// for.
const maxHermite = 60000

// dualSeries returns the series of the dual activations of layer i at variance
// q, thinned at y0.
func (r *recursion) dualSeries(i int, q, top, y0 float64, n int) (outer, slope []float64, err error) {
	terms := n + 1
	if y0 > 0 {
		// Degree k enters degree j with the binomial probability of j out of k with
		// success 1 - y0: those with k far over n/(1-y0) do not enter.
		x := float64(n) / (1 - y0)
		terms = int(math.Min(maxHermite, x+12*math.Sqrt(x/(1-y0))+60/(1-y0)))
	}
	b, err := HermiteCoeffs(r.layers[i].Activation, math.Sqrt(q), terms)
	if err != nil {
		return nil, nil, err
	}
	squares, slopes := make([]float64, len(b)), make([]float64, max(0, len(b)-1))
	for k, v := range b {
		squares[k] = v * v
		if k > 0 {
			slopes[k-1] = float64(k) * v * v / q
		}
	}
	return thinned(squares, y0, n), thinned(slopes, y0, n), nil
}

// thinned expands Σ b_k y^k around y0 in ζ = (y-y0)/(1-y0), so that all
// coefficients stay nonnegative and keep their sum: since y = y0 + (1-y0)ζ,
// b_k goes to the degrees j ≤ k in proportion to the binomial distribution of k
// trials of probability 1 - y0.
func thinned(b []float64, y0 float64, n int) []float64 {
	out := make([]float64, n)
	if y0 <= 0 {
		copy(out, b)
		return out
	}
	logP, logQ := math.Log1p(-y0), math.Log(y0)
	for k, v := range b {
		if v == 0 {
			continue
		}
		// the distribution around its mode, outwards by its recurrence
		mode := min(int(float64(k+1)*(1-y0)), k)
		lk, _ := math.Lgamma(float64(k + 1))
		lm, _ := math.Lgamma(float64(mode + 1))
		lr, _ := math.Lgamma(float64(k - mode + 1))
		top := v * math.Exp(lk-lm-lr+float64(mode)*logP+float64(k-mode)*logQ)
		odds := (1 - y0) / y0
		p := top
		for j := mode; j < n && j <= k; j++ {
			out[j] += p
			p *= float64(k-j) / float64(j+1) * odds
			if p < 1e-25*top {
				break
			}
		}
		p = top
		for j := mode; j > 0; j-- {
			p *= float64(j) / (float64(k-j+1) * odds)
			if p < 1e-25*top {
				break
			}
			if j-1 < n {
				out[j-1] += p
			}
		}
	}
	return out
}

// composer holds ζ^0 … ζ^m of ζ = (y - y_0)/(1 - y_0), m about √n: by these a
// composition needs 2√n products of series instead of n.
//
// Source: Brent, Kung, "Fast algorithms for manipulating formal power series",
// J. ACM 25 (1978).
type composer struct {
	powers [][]float64
}

func newComposer(y []float64) composer {
	n := len(y)
	zeta := make([]float64, n)
	for k := 1; k < n; k++ {
		zeta[k] = y[k] / (1 - y[0])
	}
	one := make([]float64, n)
	one[0] = 1
	m := int(math.Ceil(math.Sqrt(float64(n))))
	c := composer{[][]float64{one}}
	for i := range m {
		c.powers = append(c.powers, productSeries(c.powers[i], zeta))
	}
	return c
}

// of returns Σ outer_j ζ^j.
func (c composer) of(outer []float64) []float64 {
	m := len(c.powers) - 1
	n := len(c.powers[0])
	sum := make([]float64, n)
	for block := (min(len(outer), n) + m - 1) / m; block >= 0; block-- {
		if block*m >= len(outer) {
			continue
		}
		sum = productSeries(sum, c.powers[m])
		for i, v := range outer[block*m : min(len(outer), (block+1)*m)] {
			if v == 0 {
				continue
			}
			for k, p := range c.powers[i] {
				sum[k] += v * p
			}
		}
	}
	return sum
}

// productSeries is the Cauchy product, to the length of a.
func productSeries(a, b []float64) []float64 {
	out := make([]float64, len(a))
	for i, v := range a {
		if v == 0 {
			continue
		}
		sum := out[i:]
		for j, w := range b[:min(len(b), len(sum))] {
			sum[j] += v * w
		}
	}
	return out
}
