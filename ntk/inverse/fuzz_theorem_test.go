package inverse_test

import (
	"math"
	"testing"

	"github.com/kernelsmith/kernelsmith/internal/fuzzinput"
	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/inverse"
	"gonum.org/v1/gonum/floats"
)

// Theorem 1 there and back: every series with coefficients ≥ 0 is the kernel of its net, with any
// signs, and every other one is refused by its first negative coefficient.
func FuzzTheorem(f *testing.F) {
	f.Add(fuzzinput.Bytes(0.5, 0.25, 0, 0.25), uint64(0), 0.3)
	f.Add(fuzzinput.Bytes(1, -1e-300), uint64(3), 0.0)
	f.Add(fuzzinput.Bytes(0, 0, 1e300, 5e-324), uint64(5), -1.0)
	f.Add(fuzzinput.Bytes(), uint64(1), 1.0)
	f.Fuzz(func(t *testing.T, b []byte, bits uint64, c float64) {
		coeffs := fuzzinput.Numbers(b, 40)
		target, err := ntk.NewPowerSeries(coeffs)
		if err != nil {
			return
		}
		var signs []int
		negative := false
		for k, a := range coeffs {
			signs = append(signs, 1-2*int(bits>>(k%64)&1))
			negative = negative || a < 0
		}
		c = fuzzinput.Within(1, c)
		for name, way := range map[string]struct {
			series func(ntk.PowerSeries, []int) (ntk.Dualer, error)
			kernel func(*ntk.FCN) (ntk.Kernel, error)
		}{
			"NTK": {func(p ntk.PowerSeries, s []int) (ntk.Dualer, error) {
				return inverse.NTK(p, s)
			}, (*ntk.FCN).NTK},
			"NNGP": {func(p ntk.PowerSeries, s []int) (ntk.Dualer, error) {
				return inverse.NNGP(p, s)
			}, (*ntk.FCN).NNGP},
		} {
			phi, err := way.series(target, signs)
			if negative != (err != nil) {
				t.Errorf("%s of %v: %v", name, coeffs, err)
			}
			if err != nil {
				continue
			}
			net, err := ntk.UniformFCN(1, phi, 1, 0)
			if err != nil {
				continue // too large for single precision or the like: said so
			}
			K, err := way.kernel(net)
			if err != nil {
				continue
			}
			got, err := K.Curve([]float64{c, 1})
			want, errWant := target.Curve([]float64{c, 1})
			if err != nil || errWant != nil {
				continue
			}
			for i := range got {
				if !(math.Abs(got[i]-want[i]) <= 1e-12*float64(len(coeffs)+1)*want[1]+1e-300) {
					t.Errorf("%s of %v at %v: %v, want %v", name, coeffs, c, got, want)
				}
			}
		}
	})
}

// The nearest kernel to samples that may be any numbers: it has no negative coefficient, and is
// no further away than the zero kernel.
func FuzzNearest(f *testing.F) {
	f.Add(fuzzinput.Bytes(1, 0.5, 0.2, 0.1), fuzzinput.Bytes(0.01), byte(5), byte(3))
	f.Add(fuzzinput.Bytes(-1, -1, 1e300), fuzzinput.Bytes(), byte(0), byte(1))
	f.Add(fuzzinput.Bytes(1e-300, 1, math.NaN()), fuzzinput.Bytes(1, 2, 3), byte(20), byte(9))
	f.Fuzz(func(t *testing.T, values, std []byte, degree, ends byte) {
		s := inverse.Samples{
			Values: fuzzinput.Numbers(values, 12), Std: fuzzinput.Numbers(std, 12)}
		n := len(s.Values)
		for i := range n {
			s.Cosines = append(s.Cosines, math.Cos(math.Pi*float64(i)/float64(max(1, n-1))))
		}
		if ends%4 == 1 && n > 0 {
			s.Cosines[0] = s.Values[0]
		}
		nearest, err := inverse.Nearest(s, int(degree)%30, nil)
		if err != nil {
			return
		}
		for k, a := range nearest.Series.Coeffs() {
			if !(a >= 0) || math.IsInf(a, 0) {
				t.Errorf("coefficient %v of degree %d, of %v", a, k, s)
			}
		}
		if math.IsNaN(nearest.Mean) || math.IsNaN(nearest.Max) || math.IsNaN(nearest.KKT) ||
			nearest.Mean > nearest.Max*(1+1e-9) {
			t.Errorf("distances %v and %v, KKT %v, of %v", nearest.Mean, nearest.Max,
				nearest.KKT, s)
		}
		if len(s.Std) > 0 || n == 0 {
			return
		}
		zero := floats.Norm(s.Values, 2) / math.Sqrt(float64(n))
		if nearest.Mean > zero*(1+1e-9)+1e-300 {
			t.Errorf("%v from %v, the zero kernel is %v away", nearest.Mean, s.Values, zero)
		}
	})
}

// The variance of finite nets is no less than 0, and the same for a pair in either order.
func FuzzFiniteWidthVariance(f *testing.F) {
	for kind := range byte(9) {
		f.Add(kind, 1.0, 0.5, 2.0, 0.7)
	}
	f.Add(byte(2), 1e-9, 1.0, 1e9, 100.0)
	f.Fuzz(func(t *testing.T, kind byte, q, rho, q2, a float64) {
		a = fuzzinput.Within(100, a)
		phi := []ntk.Activation{ntk.ReLU{}, ntk.Erf{}, ntk.Sin{Amplitude: 1, Frequency: a},
			ntk.Exp{Amplitude: 1, Rate: a}, ntk.GELU{}, ntk.Step{}, ntk.Abs(),
			ntk.RectifiedMonomial{Degree: 3}, ntk.Polynomial{Coeffs: []float64{a, 1, a}},
		}[kind%9]
		k := rho * math.Sqrt(math.Abs(q)) * math.Sqrt(math.Abs(q2))
		v, err := inverse.FiniteWidthVariance(phi, q, k, q2)
		if err != nil {
			return
		}
		w, err := inverse.FiniteWidthVariance(phi, q2, k, q)
		if err != nil || math.IsNaN(v) || math.Abs(v-w) > 1e-6*math.Abs(v)+1e-300 {
			t.Errorf("%v at %v, %v, %v: %v, the other way round %v, %v", phi, q, k, q2, v, w, err)
		}
		if v < 0 {
			t.Errorf("%v at %v, %v, %v: a variance of %v", phi, q, k, q2, v)
		}
	})
}
