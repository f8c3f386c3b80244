package series

import (
	"math"
	"testing"
)

// T_k(cos θ) = cos kθ, with the derivative k sin kθ/sin θ.
func TestChebyshev(t *testing.T) {
	b := []float64{0.3, -1, 0.25, 0, 2, -0.5}
	d, rows := make([]float64, len(b)), ChebyshevInPowers(len(b))
	ChebyshevDerivative(d, b)
	if d[len(d)-1] != 0 {
		t.Errorf("the derivative has the degree of the series: %v", d)
	}
	for theta := 0.1; theta < 3; theta += 0.2 {
		var value, slope, inPowers float64
		for k, c := range b {
			sin, cos := math.Sincos(float64(k) * theta)
			value += c * cos
			slope += c * float64(k) * sin / math.Sin(theta)
			for i, v := range rows[k] {
				inPowers += c * v * math.Pow(math.Cos(theta), float64(i))
			}
		}
		x := math.Cos(theta)
		if got := Chebyshev(b, x); math.Abs(got-value) > 1e-14 {
			t.Errorf("at %v: %v, want %v", x, got, value)
		}
		if got := Chebyshev(d, x); math.Abs(got-slope) > 1e-13 {
			t.Errorf("derivative at %v: %v, want %v", x, got, slope)
		}
		if math.Abs(inPowers-value) > 1e-14 {
			t.Errorf("in powers at %v: %v, want %v", x, inPowers, value)
		}
	}
}

// Values at the points give the coefficients back; one value is a constant.
func TestChebyshevCoeffs(t *testing.T) {
	for _, n := range []int{1, 2, 6, 11, 64, 300} {
		want, values := make([]float64, n), make([]float64, n)
		for k := range want {
			want[k] = math.Sin(float64(3*k+1)) / float64(k+1)
		}
		for j := range values {
			values[j] = Chebyshev(want, ChebyshevPoint(j, n))
		}
		for name, f := range map[string]func([]float64) []float64{
			"few": ChebyshevCoeffs, "many": ChebyshevCoeffsOfMany,
		} {
			for k, b := range f(values) {
				if math.Abs(b-want[k]) > 1e-14*float64(1+n/10) {
					t.Errorf("%s, n = %d: b_%d is %v, want %v", name, n, k, b, want[k])
				}
			}
		}
	}
}
