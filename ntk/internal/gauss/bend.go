package gauss

import (
	"cmp"
	"math"
	"slices"
)

// Bend is the second derivative of a function with its Dirac impulses, which are where the first
// one jumps.
type Bend struct {
	Second Atoms // without the impulses
	// Stretched is z times Second.
	Stretched Atoms
	jumps     []impulse
}

type impulse struct{ at, by float64 }

// NewBend returns that of the function with the derivative prime.
func NewBend(prime Atoms) Bend {
	second, jumps := prime.Prime()
	b := Bend{Second: second, Stretched: second.TimesZ(0)}
	for at, by := range jumps {
		b.jumps = append(b.jumps, impulse{at, by})
	}
	slices.SortFunc(b.jumps, func(a, b impulse) int { return cmp.Compare(a.at, b.at) })
	return b
}

// Moment is E[f″(su) f″(tv)] for u and v of correlation 1 - minus = plus - 1, 0 where that is 1
// or -1.
func (b Bend) Moment(s, t, minus, plus float64) float64 {
	return b.moment(s, t, minus, plus, func(at Pair) float64 { return b.Second.Dual(b.Second, at) })
}

// MomentWithin is Moment at a pair, where squares are E[.²] of Second, as for [Atoms.Within].
func (b Bend) MomentWithin(square, square2 float64, p Pair) float64 {
	size := GeometricMean(p.Q, p.Q2)
	return b.moment(math.Sqrt(p.Q), math.Sqrt(p.Q2), p.Minus/size, p.Plus/size,
		func(at Pair) float64 { return b.Second.Within(square, b.Second, square2, at) })
}

func (b Bend) moment(s, t, minus, plus float64, smooth func(at Pair) float64) float64 {
	if minus == 0 || plus == 0 {
		return 0
	}
	at := Correlated(s, t, minus, plus)
	sum := smooth(at)
	for _, j := range b.jumps {
		sum += j.by * b.Second.Impulse(j.at, at)
		if s == t {
			sum += j.by * b.Second.Impulse(j.at, at)
		} else {
			sum += j.by * b.Second.Impulse(j.at, at.Swapped())
		}
		for _, k := range b.jumps {
			sum += j.by * k.by * JointDensity(j.at/s, k.at/t, minus, plus) / (s * t)
		}
	}
	return sum
}

// Beside is E[u f″(u) g(v)]; square and squareG are E[.²] of Stretched and of g, as for
// [Atoms.Within].
func (b Bend) Beside(square float64, g Atoms, squareG float64, p Pair) float64 {
	sum := b.Stretched.Within(square, g, squareG, p)
	for _, j := range b.jumps {
		if j.at != 0 {
			sum += j.by * j.at * g.Impulse(j.at, p.Swapped())
		}
	}
	return sum
}

// JointDensity is that of standard normal numbers of correlation 1 - minus = plus - 1.
func JointDensity(x, y, minus, plus float64) float64 {
	up, rest := 1., plus
	if minus > 1 {
		up, rest = -1, minus
	}
	gap, r2 := y-up*x, minus*plus
	return math.Exp(-gap*gap/(2*r2)-up*x*y/rest) / (2 * math.Pi * math.Sqrt(r2))
}

// Correlated is the pair of standard deviations s and t and correlation 1 - minus = plus - 1.
func Correlated(s, t, minus, plus float64) Pair {
	rho := 1 - minus
	if minus > 1 {
		rho = plus - 1
	}
	return New(s*s, s*t*rho, t*t, s*t*minus, s*t*plus)
}

// Homogeneous returns p where f(s z) = s^p f(z) for all s > 0.
func (a Atoms) Homogeneous() (p float64, ok bool) {
	m := -1
	fits := func(own int) bool {
		if m < 0 {
			m = own
		}
		return own == m
	}
	for _, w := range a.Waves {
		if w.Alpha != 0 || w.Beta != 0 || !fits(w.M) {
			return 0, false
		}
	}
	for _, g := range a.Gates {
		if g.B != 0 || g.Tau != 0 || !fits(g.M) {
			return 0, false
		}
	}
	return float64(m), m >= 0
}

// Within is E[f(u)g(v)], or NaN where rounding takes more of it than 1e-9 of its bound
// √(E[f²]E[g²]), of which the two are given.
func (a Atoms) Within(f float64, b Atoms, g float64, p Pair) float64 {
	t := a.dual(b, p)
	if !(0x1p-52*t.size <= 1e-9*math.Sqrt(f)*math.Sqrt(g)) {
		return math.NaN()
	}
	return t.sum
}

// Constant is the function of that value.
func Constant(v float64) Atoms { return Atoms{Waves: []Wave{{C: complex(v, 0)}}} }
