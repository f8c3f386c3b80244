package hermite_test

import (
	"math"
	"testing"

	"github.com/kernelsmith/kernelsmith/internal/fuzzinput"
	"github.com/kernelsmith/kernelsmith/ntk/hermite"
)

// Expansions with any coefficients, scales and variances.
func FuzzSeries(f *testing.F) {
	f.Add(fuzzinput.Bytes(1, 0.5, -0.25), 1.0, 1.0, 0.5, 2.0, 0.3)
	f.Add(fuzzinput.Bytes(0, 0, 0, 0, 0, 0, 0, 0, 0, 1), 0.1, 100.0, -1.0, 100.0, 7.0)
	f.Add(fuzzinput.Bytes(1e300, -1e300), 1e-100, 1.0, 1.0, 0.0, 1e5)
	f.Add(fuzzinput.Bytes(math.NaN()), math.Inf(1), 1.0, 1.0, 1.0, 0.0)
	f.Fuzz(func(t *testing.T, b []byte, scale, q, rho, q2, z float64) {
		coeffs := fuzzinput.Numbers(b, 40)
		s, err := hermite.NewSeries(coeffs)
		if err != nil {
			return
		}
		if s, err = s.WithScale(scale); err != nil {
			return
		}
		if s.Scale() != scale || len(s.Coeffs()) > len(coeffs) {
			t.Errorf("scale %v, %d coefficients; want %v, at most %d", s.Scale(),
				len(s.Coeffs()), scale, len(coeffs))
		}
		largest := 0.0
		for _, c := range coeffs {
			largest = max(largest, math.Abs(c))
		}
		// Beyond these numbers double precision has infinities, and their differences.
		if largest > 1e100 || scale < 1e-2 || scale > 1e2 {
			return
		}
		q, rho, q2 = math.Abs(fuzzinput.Within(1e4, q)), fuzzinput.Within(1, rho),
			math.Abs(fuzzinput.Within(1e4, q2))
		z = fuzzinput.Within(1e3, z)
		if v, d := s.Value(z), s.Derivative(z); math.IsNaN(v) || math.IsNaN(d) {
			t.Errorf("φ(%v) = %v, φ' = %v of %v", z, v, d, coeffs)
		}
		k := rho * math.Sqrt(q) * math.Sqrt(q2)
		v, d := s.Dual(q, k, q2)
		w, e := s.Dual(q2, k, q)
		v1, d1 := s.Dual(q, q, q)
		v2, d2 := s.Dual(q2, q2, q2)
		if !(math.Abs(v) <= math.Sqrt(v1)*math.Sqrt(v2)*(1+1e-9)) ||
			!(math.Abs(d) <= math.Sqrt(d1)*math.Sqrt(d2)*(1+1e-9)) ||
			!(math.Abs(v-w) <= 1e-9*math.Sqrt(v1)*math.Sqrt(v2)) ||
			!(math.Abs(d-e) <= 1e-9*math.Sqrt(d1)*math.Sqrt(d2)) {
			t.Errorf("duals %v, %v at %v, %v, %v; other way round %v, %v; at equal %v, %v and "+
				"%v, %v", v, d, q, k, q2, w, e, v1, d1, v2, d2)
		}
		if p, r := s.DualPrepared(s.Prepare(q), q, k, q2, s.Prepare(q2)); p != v || r != d {
			t.Errorf("prepared %v, %v, else %v, %v", p, r, v, d)
		}
		// E[φ(σz)²] is the sum of the squares of the coefficients at σ.
		sum := 0.0
		for _, c := range s.Scaled(math.Sqrt(q)).Coeffs() {
			sum += c * c
		}
		if math.Abs(sum-v1) > 1e-9*math.Max(sum, v1) {
			t.Errorf("Σ b² = %v at variance %v, the dual is %v", sum, q, v1)
		}
	})
}

// The recurrence holds at every z that is a number, for every degree.
func FuzzPolynomials(f *testing.F) {
	f.Add(uint16(5), 0.3)
	f.Add(uint16(0), math.NaN())
	f.Add(uint16(1000), 40.0)
	f.Add(uint16(3), math.Inf(-1))
	f.Fuzz(func(t *testing.T, degree uint16, z float64) {
		h := make([]float64, int(degree)%2000)
		hermite.Polynomials(h, z)
		if len(h) == 0 || math.IsNaN(z) || math.Abs(z) > 1e3 {
			return
		}
		if h[0] != 1 {
			t.Errorf("h_0(%v) = %v", z, h[0])
		}
		for k := 1; k+1 < len(h); k++ {
			left, right := z*h[k], math.Sqrt(float64(k+1))*h[k+1]+math.Sqrt(float64(k))*h[k-1]
			size := math.Abs(left) + math.Abs(right) + math.Abs(h[k-1])
			if math.IsInf(size, 0) {
				break
			}
			if !(math.Abs(left-right) <= 1e-12*size*math.Sqrt(float64(k+1))) {
				t.Errorf("z h_%d = %v at %v, by its neighbours %v", k, left, z, right)
			}
		}
	})
}
