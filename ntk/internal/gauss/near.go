package gauss

import "math"

// Near returns the pair of two inputs whose difference is known better than their inner product
// tells: q = ‖x‖²/d and q2 = ‖x'‖²/d to rounding, halfSquare = ‖x-x'‖²/2d and
// difference = (x-x')·(x+x')/d = q - q2, each to rounding of its own. Minus then is good to a few
// ulps of halfSquare, where √(q q2) - k would be to some of q.
func Near(q, q2, halfSquare, difference float64) Pair {
	minus := halfSquare
	if difference != 0 {
		d := difference / (math.Sqrt(q) + math.Sqrt(q2)) // √q - √q2
		minus = math.Max(0, halfSquare-d*d/2)
	}
	s := GeometricMean(q, q2)
	p := New(q, s-minus, q2, minus, 2*s-minus)
	p.Difference = difference
	return p
}
