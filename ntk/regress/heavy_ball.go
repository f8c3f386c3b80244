package regress

import "math"

// heavyBall returns r_t and (1 - r_t)/x of
//
//	r_{t+1} = (1 + μ - x) r_t - μ r_{t-1},  r_0 = 1, r_1 = 1 - x,
//
// what t steps with momentum μ in [0, 1) leave of an error whose gradient is x times it, for
// 0 ≤ x < 2(1 + μ) and whole t ≥ 0. With y and z the roots of y² - (1 - μ + x)y + x, a = 1 - y and
// b = 1 - z, it is r_t = (z a^{t+1} - y b^{t+1})/(z - y). Each of the cases below is where its form
// of this keeps its digits.
func heavyBall(x, momentum, t float64) (r, steps float64) {
	if momentum == 0 {
		return plainSteps(x, t)
	}
	sum := 1 - momentum + x
	if (t+1)*math.Max(sum, math.Sqrt(x)) < 1 { // no |y| or |z| is above these
		steps = earlySteps(x, sum, t)
		return 1 - x*steps, steps
	}
	root := math.Sqrt(momentum)
	low, high := (1-momentum)/(1+root), 1+root
	discriminant := (x - low*low) * (x - high*high)
	if discriminant < 0 {
		r = oscillation(x, momentum, t, math.Sqrt(-discriminant))
		return r, (1 - r) / x
	}
	z := (sum + math.Sqrt(discriminant)) / 2
	y := x / z
	if x > 1 { // both a and b are negative, and the far root decides
		r = monotone(t, z, y)
		return r, (1 - r) / x
	}
	r = monotone(t, y, z)
	if y < z/2 {
		return r, (geometric(t+1, y) - geometric(t+1, z)) / (z - y)
	}
	return r, (1 - r) / x
}

// plainSteps is heavyBall without momentum, r = (1 - x)^t, by logarithms where 1 - x > 0 so
// that small x keep their digits.
func plainSteps(x, t float64) (r, steps float64) {
	if x*t < 1e-16 {
		return 1 - x*t, t // the quotient is its limit to rounding
	}
	if x < 1 {
		l := t * math.Log1p(-x)
		return math.Exp(l), -math.Expm1(l) / x
	}
	r = math.Pow(1-x, t)
	return r, (1 - r) / x
}

// earlySteps is (1 - r_t)/x where t|y| and t|z| are small. It is a divided difference of
// (1 - (1 - y)^{t+1})/y, which is developed in powers of y.
func earlySteps(x, sum, t float64) float64 {
	total := 0.0
	before, symmetric := 0.0, 1.0 // Σ y^i z^{k-i}
	binomial := t + 1
	for j := 1.0; j <= t; j++ {
		binomial *= -(t + 1 - j) / (j + 1)
		total -= binomial * symmetric
		if math.Abs(binomial*symmetric) <= 1e-17*math.Abs(total) {
			break
		}
		before, symmetric = symmetric, sum*symmetric-x*before
	}
	return total
}

// oscillation is r_t where a and b are a complex pair of modulus √μ, and width = |a - b|.
func oscillation(x, momentum, t, width float64) float64 {
	middle, sign := 1+momentum-x, 1.0
	if middle < 0 && math.Mod(t, 2) == 1 {
		sign = -1
	}
	// The angle from the nearer half of the real axis, so that it is exact near either.
	sin, cos := math.Sincos(t * math.Atan2(width, math.Abs(middle)))
	slope := (1 - x - momentum) / width * sin
	if middle < 0 {
		slope = -slope
	}
	return sign * math.Exp(t/2*math.Log(momentum)) * (cos + slope)
}

// monotone is r_t where a = 1 - y and b = 1 - z are real, of one sign, and |a| ≥ |b|.
func monotone(t, y, z float64) float64 {
	a := 1 - y
	power := math.Pow(a, t)
	if y < 0.5 {
		power = math.Exp(t * math.Log1p(-y))
	}
	return power * (a + y*geometric(t+1, (z-y)/a))
}

// geometric is 1 + (1 - y) + … + (1 - y)^{n-1} for y in [0, 1].
func geometric(n, y float64) float64 {
	if y == 0 {
		return n
	}
	return -math.Expm1(n*math.Log1p(-y)) / y
}
