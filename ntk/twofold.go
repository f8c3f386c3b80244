package ntk

import (
	"math"
)

// twofold is an unevaluated sum of two numbers, some 32 digits, times 2^exp.
type twofold struct {
	hi, lo float64
	exp    int
}

// times is x·f.
func (x twofold) times(f float64) twofold {
	hi := x.hi * f
	return twofold{hi, math.FMA(x.hi, f, -hi) + x.lo*f, x.exp}.normal()
}

// over is x/f.
func (x twofold) over(f float64) twofold {
	hi := x.hi / f
	return twofold{hi, (math.FMA(-hi, f, x.hi) + x.lo) / f, x.exp}.normal()
}

// by is x·y.
func (x twofold) by(y twofold) twofold {
	hi := x.hi * y.hi
	return twofold{hi, math.FMA(x.hi, y.hi, -hi) + (x.hi*y.lo + x.lo*y.hi), x.exp + y.exp}.normal()
}

// plus is x + y.
func (x twofold) plus(y twofold) twofold {
	if y.hi == 0 || x.hi != 0 && x.exp < y.exp {
		x, y = y, x
	}
	if x.hi == 0 || y.hi == 0 {
		return twofold{x.hi + y.hi, x.lo + y.lo, max(x.exp, y.exp)}
	}
	d := y.exp - x.exp
	return twoSum(x.hi, math.Ldexp(y.hi, d), x.lo+math.Ldexp(y.lo, d), x.exp)
}

// twoSum is (a + b + lo)·2^exp without the rounding of a + b.
func twoSum(a, b, lo float64, exp int) twofold {
	s := a + b
	v := s - a
	return twofold{s, (a - (s - v)) + (b - v) + lo, exp}.normal()
}

// normal keeps hi between ½ and 1, and lo below its last place.
func (x twofold) normal() twofold {
	s := x.hi + x.lo
	lo := x.lo - (s - x.hi)
	f, e := math.Frexp(s)
	return twofold{f, math.Ldexp(lo, -e), x.exp + e}
}

// value rounds.
func (x twofold) value() float64 { return math.Ldexp(x.hi+x.lo, x.exp) }

// power is x^n, n ≥ 0.
func (x twofold) power(n int) twofold {
	out := twofold{hi: 1}.normal()
	for ; n > 0; n >>= 1 {
		if n&1 == 1 {
			out = out.by(x)
		}
		x = x.by(x)
	}
	return out
}
