package ntk_test

import (
	"context"
	"math"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
)

// Sums and affine changes of anything: no panic, and no NaN without an error.
func FuzzSum(f *testing.F) {
	f.Add(1.0, 100.0, -50.0, 0.5, 2.0, 0.3, 1.0, 0.5)
	f.Add(1e9, 1.0, 1e-9, -1e9, 1.0, 0.0, 2.0, 1.0)
	f.Add(0.0, 0.0, 0.0, 1.0, -3.0, 40.0, 0.0, 0.0)
	f.Fuzz(func(t *testing.T, a, s, shift, b, s2, shift2, q, rho float64) {
		phis := []ntk.Activation{
			ntk.ReLU{},
			ntk.Erf{},
			ntk.Gaussian{Amplitude: 1, Rate: 1},
			ntk.GELU{},
			ntk.Cos{Amplitude: 1, Frequency: 2},
			ntk.Step{},
			ntk.RectifiedMonomial{Degree: 2},
			ntk.Gabor{},
		}
		i := int(math.Abs(math.Mod(a*7+s*3, 8)))
		if i < 0 || i > 7 {
			i = 0
		}
		one, err := ntk.Affine(phis[i], a, s, shift, 0)
		if err != nil {
			return
		}
		two, err := ntk.Affine(phis[(i+3)%8], b, s2, shift2, 0)
		if err != nil {
			return
		}
		sum, err := ntk.Add(one, two)
		if err != nil {
			return
		}
		net, err := ntk.UniformFCN(1, sum, 1, 0)
		if err != nil {
			return
		}
		K, err := net.NNGP()
		if err != nil || !(math.Abs(q) < 1e6) || !(math.Abs(rho) <= 1) {
			return
		}
		q = math.Abs(q)
		v, err := K.At(q, rho*q, q)
		if err != nil {
			return
		}
		top, err := K.At(q, q, q)
		if err == nil && (math.IsNaN(v) || math.Abs(v) > top*(1+1e-5)+1e-9) {
			t.Errorf("%v: K(%v, %v, %v) = %v, at equal inputs %v", sum, q, rho*q, q, v, top)
		}
	})
}

// Kernels of a caller's function, and what is made of them.
func FuzzFromFunc(f *testing.F) {
	f.Add(1.0, 2.0, 0.5)
	f.Add(math.Inf(1), -1.0, 0.0)
	f.Add(1e300, 1e300, -1.0)
	f.Fuzz(func(t *testing.T, a, b, c float64) {
		K, err := ntk.FromFunc("fuzzed",
			func(x float64) float64 { return a*math.Exp(b*x) + c/(x-1.5) })
		if err != nil {
			return
		}
		gauss := ntk.Must(ntk.GaussianKernel(1))
		for _, K := range []ntk.Kernel{K, K.Add(gauss), K.Mul(gauss), gauss.Compose(K),
			K.Normalize()} {
			v, err := K.Curve([]float64{-1, 0, 0.5, 1})
			if err != nil {
				continue
			}
			for _, x := range v {
				if math.IsNaN(x) || math.IsInf(x, 0) {
					t.Errorf("%v: %v without an error", K, v)
				}
			}
			if limit, bound, err := K.AtOne(); err == nil &&
				(math.IsNaN(limit) || math.IsNaN(bound)) {
				t.Errorf("%v: limit %v ± %v", K, limit, bound)
			}
		}
	})
}

// Kernel matrices of any bytes: no panic, symmetric, no NaN without an error.
func FuzzGram(f *testing.F) {
	f.Add(2, 2, float32(1), float32(-1), float32(0), float32(2))
	f.Add(4, 1, float32(math.NaN()), float32(1e30), float32(1e-40), float32(0))
	f.Add(-1, 3, float32(0), float32(0), float32(0), float32(0))
	f.Fuzz(func(t *testing.T, n, d int, a, b, c, e float32) {
		x := ntk.Inputs[float32]{Rows: []float32{a, b, c, e}, N: n, D: d}
		dst := make([]float32, max(0, min(16, n*n)))
		if err := ntk.GramInto(
			context.Background(), dst, ntkOf(2, ntk.ReLU{}, 1.4, 0.1), x, nil,
		); err != nil {
			return
		}
		for i := range n {
			for j := range n {
				if v := dst[i*n+j]; v != dst[j*n+i] || v != v {
					t.Errorf("entry %d, %d is %v, across the diagonal %v", i, j, v, dst[j*n+i])
				}
			}
		}
	})
}
