package regress

import (
	"math"
	"math/big"
	"testing"
)

// precise returns r_t and (1 - r_t)/x of heavyBall by the t-th power of the matrix of one step, in
// numbers with many digits.
func precise(x, momentum float64, t int64) (r, steps float64) {
	const bits = 600
	number := func(v float64) *big.Float { return new(big.Float).SetPrec(bits).SetFloat64(v) }
	type matrix [3][3]*big.Float
	times := func(a, b matrix) (c matrix) {
		for i := range 3 {
			for j := range 3 {
				c[i][j] = number(0)
				for k := range 3 {
					product := number(0).Mul(a[i][k], b[k][j])
					// Add would write out all digits between two of very different size.
					switch gap := c[i][j].MantExp(nil) - product.MantExp(nil); {
					case c[i][j].Sign() == 0 || gap < -2*bits && product.Sign() != 0:
						c[i][j] = product
					case gap < 2*bits && product.Sign() != 0:
						c[i][j].Add(c[i][j], product)
					}
				}
			}
		}
		return c
	}
	// (q_t, q_t - q_{t-1}, 1) of q = (1 - r)/x: the difference d ← μd + 1 - xq, then q ← q + d.
	fall, one := number(-x), number(1)
	step := matrix{
		{number(0).Add(one, fall), number(momentum), one},
		{fall, number(momentum), one},
		{number(0), number(0), one},
	}
	power := matrix{{one, number(0), number(0)}, {number(0), one, number(0)},
		{number(0), number(0), one}}
	for ; t > 0; t /= 2 {
		if t%2 == 1 {
			power = times(power, step)
		}
		step = times(step, step)
	}
	steps, _ = power[0][2].Float64()
	r, _ = number(0).Add(one, number(0).Mul(fall, power[0][2])).Float64()
	return r, steps
}

// Every momentum and eigenvalue from tiny to the edge of stability, with pairs of roots that are
// nearly or just equal, at the first steps and after many: against the recurrence in 600 bits.
func TestHeavyBall(t *testing.T) {
	const tol = 2e-14
	for _, momentum := range []float64{0, 1e-9, 0.25, 0.5, 0.9, 0.99, 0.9999, 1 - 1e-10} {
		root := math.Sqrt(momentum)
		low, high := math.Pow((1-momentum)/(1+root), 2), (1+root)*(1+root)
		xs := []float64{0, 1e-300, 1e-20, 1e-9, 1e-4, 0.01, 0.3, 0.5, 1, 1.3, 1.9,
			2 * (1 + momentum) * (1 - 1e-9)}
		for _, off := range []float64{0, 1e-15, -1e-15, 1e-9, -1e-9, 1e-3, -1e-3, 0.3, -0.3} {
			xs = append(xs, low*(1+off), high*(1+off))
		}
		for _, x := range xs {
			if !(x >= 0 && x < 2*(1+momentum)) {
				continue
			}
			for _, count := range []int64{0, 1, 2, 3, 7, 40, 1000, 12345, 1e6, 1e9, 1e15} {
				steps := float64(count)
				r, q := heavyBall(x, momentum, steps)
				wantR, wantQ := precise(x, momentum, count)
				// What an eigenvalue that is off in its last bits does by itself.
				const bits = 4 * 0x1p-52
				nextR, nextQ := precise(x*(1+bits), momentum, count)
				besideR, besideQ := precise(x, math.Min(momentum*(1+bits), 1-0x1p-53), count)
				rounding := math.Abs(nextR-wantR) + math.Abs(besideR-wantR)
				if off := math.Abs(r - wantR); !(off <= tol*(1+math.Abs(wantR))+rounding) {
					t.Errorf("x = %v, momentum %v: r after %d steps is %v, want %v", x, momentum,
						count, r, wantR)
				}
				rounding = math.Abs(nextQ-wantQ) + math.Abs(besideQ-wantQ)
				size := math.Min(1/x, steps*math.Min(steps, 1/(1-momentum)))
				if off := math.Abs(q - wantQ); !(off <= tol*(size+math.Abs(wantQ))+rounding) {
					t.Errorf("x = %v, momentum %v: (1-r)/x after %d steps is %v, want %v", x,
						momentum, count, q, wantQ)
				}
			}
		}
	}
}
