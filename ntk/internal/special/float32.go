package special

import "math"

// Sincos32 returns sin z and cos z in single precision, to within 6e-8 absolute
// (one unit in the last place of 1), for |z| < 2^20. Beyond that the reduction
// is left to the standard library.
//
// The argument is reduced by multiples of π/2 in float64, where 20 bits of
// multiple leave more than float32 needs, and the sine and cosine of the rest
// are Taylor polynomials, in float64 too: their remainders at π/4 are 2e-9 and
// 2e-10.
func Sincos32(z float64) (sin, cos float32) {
	if !(math.Abs(z) < 1<<20) {
		s, c := math.Sincos(z)
		return float32(s), float32(c)
	}
	// Adding and taking away 1.5·2^52 rounds to an integer, whose lowest bits
	// then stand lowest in the sum's.
	const toInteger = 3 << 51
	shifted := z*(2/math.Pi) + toInteger
	quadrant := math.Float64bits(shifted)
	r := z - (shifted-toInteger)*(math.Pi/2)
	r2 := r * r
	s := r * (1 + r2*(-1./6+r2*(1./120+r2*(-1./5040+r2*(1./362880)))))
	c := 1 + r2*(-1./2+r2*(1./24+r2*(-1./720+r2*(1./40320-r2*(1./3628800)))))
	// Quadrants come in no order that a branch could predict: exchange sine and
	// cosine in odd ones and set the signs by their bits.
	sb, cb := math.Float64bits(s), math.Float64bits(c)
	exchange := (sb ^ cb) & -(quadrant & 1)
	sb ^= exchange ^ (quadrant&2)<<62
	cb ^= exchange ^ ((quadrant+1)&2)<<62
	return float32(math.Float64frombits(sb)), float32(math.Float64frombits(cb))
}
