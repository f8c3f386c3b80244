package vec32

import "math"

// Series sets each number of k, a covariance of variances x and y, to Σ b_i c_i ρ^i, ρ = k/√(xy),
// and multiplies that of t, which may be nil, by its derivative by k. There is a place for each of
// x; n coefficients b of each follow each other, and n places of c.
func Series(k, t, x, y, b, c []float32, n int) {
	places := len(x)
	if places == 0 || n == 0 {
		return
	}
	k, y, b, c = k[:places*Together], y[:places*Together], b[:places*n], c[:places*n*Together]
	var tangent *float32
	if t != nil {
		t = t[:places*Together]
		tangent = &t[0]
	}
	if wide {
		series(&k[0], tangent, &x[0], &y[0], &b[0], &c[0], places, n)
		return
	}
	for p, q := range x {
		for l, q2 := range placeAt(y, p) {
			i := p*Together + l
			size := max(float32(math.Sqrt(float64(q*q2))), 0x1p-100)
			rho := k[i] / size
			var value, slope float32
			for j := n - 1; j >= 0; j-- {
				slope = slope*rho + value
				value = value*rho + b[p*n+j]*c[(p*n+j)*Together+l]
			}
			k[i] = value
			if t != nil {
				t[i] *= slope / size
			}
		}
	}
}
