package spectra

import (
	"math"
	"slices"
)

// solution is the γ and κ at which n points and k features are shared out: with z = Σ mλ/(λ+γ),
// n = z + δ/κ and k = z + kκ/γ, δ the ridge. Everything here is in units of 2^exponent.
type solution struct {
	exponent     int
	levels       []Level
	tail         float64
	gamma, kappa float64
	unlearned    float64 // a = n - z = δ/κ
	spare        float64 // b/k = 1 - z/k = κ/γ
	both         float64 // (a+b)/k, 1 for the kernel
	s            float64 // Σ mL(1-L), the tail with it
	left         float64 // b + s, infinite for the kernel
	w, kept      float64 // s/left and b/left, 0 and 1 for the kernel
}

// solve returns the solution for n points, k features (infinitely many for the kernel itself), and
// a ridge. κ and γ are 0 if there are enough of both for all modes, and no ridge.
//
// As a·b = kδ/γ and b - a = k - n, the lesser of a and b is a function of γ, without digits lost
// to subtraction, and decreases; min(n, k) - z, which it has to equal, increases.
func (s *Spectrum) solve(n, k, ridge float64) solution {
	p := solution{levels: slices.Clone(s.Levels)}
	var modes float64
	for _, l := range s.Levels {
		if l.Eigenvalue > 0 {
			modes += l.Multiplicity
		}
	}
	if ridge == 0 && !(s.Tail > 0) && min(n, k) >= modes {
		p.scale(s, 0)
		p.unlearned, p.spare, p.kept = n-modes, 1-modes/k, 1
		return p
	}
	lesser := p.lesser(n, k, ridge)
	excess := func(gamma float64) (value, slope float64) {
		left, sum := p.sums(min(n, k), gamma)
		value, fall := lesser(gamma)
		return left - value, sum + fall
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
	p.gamma = root(excess)
	value, _ := lesser(p.gamma)
	_, p.s = p.sums(n, p.gamma)
	p.share(n, k, value)
	return p
}

// lesser returns the lesser of a and b as a function of γ, with minus its derivative by log γ. With
// c = δ/(kγ) it is 2kc/(|k-n|/k + √((k-n)²/k² + 4c)).
func (p *solution) lesser(n, k, ridge float64) func(gamma float64) (value, fall float64) {
	if math.IsInf(k, 1) || ridge == 0 {
		return func(gamma float64) (value, fall float64) {
			delta := math.Ldexp(ridge, -p.exponent) / gamma
			return delta, delta
		}
	}
	apart := math.Abs(k-n) / k
	return func(gamma float64) (value, fall float64) {
		// The root of c, which is a float where c underflows.
		odd := p.exponent & 1
		rootC := math.Sqrt(math.Ldexp(ridge, -odd)/gamma) / math.Sqrt(k)
		rootC = math.Ldexp(rootC, -(p.exponent-odd)/2)
		both := math.Hypot(apart, 2*rootC)
		if both == 0 || math.IsInf(rootC, 1) {
			return rootC, 0
		}
		return k * rootC * (2 * rootC / (apart + both)), k * rootC * (rootC / both)
	}
}

// share fills in all but s from γ and the lesser of a = n - z and b = k - z.
func (p *solution) share(n, k, lesser float64) {
	p.kappa, p.unlearned, p.spare, p.both, p.left = p.gamma, lesser, 1, 1, math.Inf(1)
	p.w, p.kept = 0, 1
	if math.IsInf(k, 1) {
		return
	}
	b := lesser
	if n <= k {
		b += k - n
	} else {
		p.unlearned += n - k
	}
	p.spare, p.both, p.left = b/k, (p.unlearned+b)/k, b+p.s
	p.kappa = p.gamma * p.spare
	p.w, p.kept = p.s/p.left, b/p.left
}

// sums returns n - z and Σ mL(1-L) at γ, z = Σ mL, both with the tail in them: as modes so many
// and so small that L is 0 for all and yet sums to tail/γ. Of a mode that is learned almost wholly
// it is counted what is not, so that nothing is lost when n is close to the number of modes.
func (p *solution) sums(n, gamma float64) (unlearned, s float64) {
	var whole float64
	rest := p.tail / gamma
	s = rest
	for _, level := range p.levels {
		m, lambda := level.Multiplicity, level.Eigenvalue
		inverse := 1 / (lambda + gamma)
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

// learned returns L and 1-L of an eigenvalue; one of 0 is not learned, even without any ridge.
func (p *solution) learned(lambda float64) (learned, not float64) {
	if lambda == 0 {
		return 0, 1
	}
	inverse := 1 / (lambda + p.gamma)
	return lambda * inverse, p.gamma * inverse
}

// lost is n over the overfitting coefficient.
func (p *solution) lost() float64 { return p.unlearned + p.s*p.kept }

// scale makes 2^exponent the unit. What is above 1e300 of it has L = 1 as 1e300 has.
func (p *solution) scale(s *Spectrum, exponent int) {
	p.exponent = exponent
	for i, l := range s.Levels {
		p.levels[i].Eigenvalue = min(math.Ldexp(max(l.Eigenvalue, 0), -exponent), 1e300)
	}
	p.tail = min(math.Ldexp(max(s.Tail, 0), -exponent), 1e300)
}

// root returns the zero between 1 and 2 of a rising function, given with x times its derivative.
func root(f func(float64) (value, slope float64)) float64 {
	low, high, x := 1., 2., 1.
	for range 100 {
		value, slope := f(x)
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
