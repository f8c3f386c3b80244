package gauss

import (
	"math"
	"testing"
)

// The values are √(q q') - k of the same doubles in 60 digits of mpmath 1.4.
func TestNear(t *testing.T) {
	for _, c := range []struct {
		x, z []float64
		want float64
	}{
		{[]float64{3, 4}, []float64{3.0000001, 3.9999999666666666}, 2.4999999795913310437e-15},
		{[]float64{3, 4}, []float64{3.0000003, 4.0000004}, 7.8886082633492914688e-33},
		{[]float64{500000.25, 4600000.5}, []float64{500000.1875, 4600000.625},
			0.001430406502673768644},
		{[]float64{1, 1, 1}, []float64{1, 1, 1 + 0x1p-50}, 8.7651211691223507985e-32},
	} {
		var q, q2, square, difference float64
		d := float64(len(c.x))
		for i, v := range c.x {
			w := c.z[i]
			q += v * v / d
			q2 += w * w / d
			square += (v - w) * (v - w) / d
			difference += (v - w) * (v + w) / d
		}
		p := Near(q, q2, square/2, difference)
		if off := math.Abs(p.Minus - c.want); off > 4e-16*square/2 {
			t.Errorf("%v, %v: Minus is %v, want %v: off by %.2g of ‖x-x'‖²/2d", c.x, c.z, p.Minus,
				c.want, off/(square/2))
		}
		s := GeometricMean(q, q2)
		if math.Abs(p.K-s) > 1e-8*s || math.Abs(p.K+p.Minus-s) > 4e-16*s ||
			math.Abs(p.Plus-s-p.K) > 8e-16*s {
			t.Errorf("%v, %v: K is %v, Plus %v of %v", c.x, c.z, p.K, p.Plus, s)
		}
	}
}
