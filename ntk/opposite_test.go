package ntk_test

import (
	"context"
	"math"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
)

// layersOf returns a net without biases of these activations, σ_w = std.
func layersOf(t *testing.T, std float64, phis ...ntk.Activation) *ntk.FCN {
	t.Helper()
	var layers []ntk.Layer
	for _, phi := range phis {
		layers = append(layers, ntk.Layer{Activation: phi, WeightStd: std})
	}
	return ntk.Must(ntk.NewFCN(layers, ntk.Readout{WeightStd: 1}))
}

// Activations that are nearly odd, variances whose products underflow or overflow, and sines that
// are nearly linear: values by mpmath with 60 digits.
func TestAlmostOddAndTinyOrHuge(t *testing.T) {
	tiny := ntk.Must(ntk.UniformFCN(1, ntk.Sign{}, 1e-82, 0))
	// 2/π arcsin ½
	if v := ntk.Must(ntk.Must(tiny.NNGP()).At(1, 0.5, 1)); math.Abs(v-1./3) > 1e-15 {
		t.Errorf("sign at variances of 1e-164: %v", v)
	}
	slopes := layersOf(t, 1, ntk.TwoSlope{Positive: 1, Negative: 1 - 1e-7}, ntk.ReLU{})
	if v, err := ntk.Must(slopes.NTK()).At(1, -1, 1); err == nil && math.Abs(v+3.183e-8) > 1e-10 {
		t.Errorf("a slope that is nearly one: %v", v)
	}
	sines := ntk.Must(layersOf(t, 1, ntk.Sin{Amplitude: 1, Frequency: 1}, ntk.ReLU{}).NTK())
	for q, want := range map[float64]float64{1e-8: 2.9999999172030, 1e-7: 2.99999917203} {
		if v, err := sines.At(q, 2*q, 4*q); err == nil && math.Abs(v/q-want) > 4e-10 {
			t.Errorf("sines at q = %v: %v, want %v", q, v/q, want)
		}
	}
	turned := layersOf(t, 1, ntk.Cos{Amplitude: 1, Frequency: 1, Phase: -math.Pi / 2}, ntk.ReLU{})
	for K, want := range map[float64]ntk.Kernel{
		1: ntk.Must(turned.NNGP()), 3: ntk.Must(turned.NTK()),
	} {
		if v, err := want.At(1e-36, 2e-36, 4e-36); err == nil && math.Abs(v/1e-36-K) > 1e-9 {
			t.Errorf("a cosine turned to a sine: %v, want %v", v/1e-36, K)
		}
	}
	for _, phi := range []ntk.Activation{ntk.Erf{}, ntk.SigmoidErf{}} {
		ratio := func(std float64) float64 {
			net := ntk.Must(ntk.NewFCN([]ntk.Layer{{Activation: phi, WeightStd: std},
				{Activation: ntk.ReLU{}, WeightStd: 1}}, ntk.Readout{WeightStd: 1}))
			K := ntk.Must(net.NNGP())
			return ntk.Must(K.At(1, 1-1e-7, 1)) / ntk.Must(K.At(1, 1, 1))
		}
		if huge, large := ratio(1e55), ratio(1e50); math.Abs(huge-large) > 1e-12 {
			t.Errorf("%v at variances of 1e110: %v, of 1e100 %v", phi, huge, large)
		}
	}
}

// The kernels of an odd activation are odd in the covariance, between any norms.
func TestOddKernels(t *testing.T) {
	shifted := func(b, sign float64) ntk.Activation {
		return ntk.Must(ntk.Affine(ntk.ReLU{}, sign, 1, b, 0))
	}
	hard := ntk.Must(ntk.Affine(
		ntk.Must(ntk.Add(shifted(1, 1), shifted(-1, -1))), 1, 1, 0, -1))
	for _, depth := range []int{2, 8} {
		K := ntk.Must(ntk.Must(ntk.UniformFCN(depth, hard, 1.5, 0)).NTK())
		top := ntk.Must(K.At(1, 1, 1))
		for _, e := range []int{20, 26} {
			q2 := 1 + math.Ldexp(1, -e)
			for _, c := range []float64{1, 1 - 1e-12, 1 - 1e-6, 0.9} {
				k := c * math.Sqrt(q2)
				if k*k > q2 {
					k = math.Nextafter(k, 0)
				}
				plus, err := K.At(1, k, q2)
				minus, err2 := K.At(1, -k, q2)
				if err == nil && err2 == nil && math.Abs(plus+minus) > 2e-10*top {
					t.Errorf("%dHL at (1, ±%v, %v): %v and %v", depth, k, q2, plus, minus)
				}
			}
		}
	}
}

// Rows on a line, as one feature has them, are no reason for an error.
func TestRowsOnALine(t *testing.T) {
	x := ntk.Inputs[float64]{N: 201, D: 1}
	for i := range x.N {
		x.Rows = append(x.Rows, float64(i-100)/100)
	}
	for _, phis := range [][]ntk.Activation{
		{ntk.Tanh{}, ntk.ReLU{}}, {ntk.Erf{}, ntk.ReLU{}}, {ntk.GELU{}, ntk.GELU{}},
		{ntk.PublishedMimic(), ntk.PublishedMimic()},
		{ntk.Sin{Amplitude: 1, Frequency: 3}, ntk.ReLU{}},
	} {
		K := ntk.Must(layersOf(t, 1.5, phis...).NTK())
		dst := make([]float64, x.N*x.N)
		if err := ntk.GramInto(context.Background(), dst, K, x, nil); err != nil {
			t.Errorf("%v: %v", K, err)
		}
	}
}

// Functions that are even or odd but for a part far out: 1 + relu(z - 3) at opposite inputs has
// E[φ(u)φ(-u)] = 1 + 2 E[relu(u - 3)], and z + relu(z - 3), whose two parts are correlated, has
// -1 - 2 E[z relu(z - 3)]. Between them and nearly opposite inputs nothing jumps.
func TestEvenButForATail(t *testing.T) {
	tail := math.Exp(-4.5) / math.Sqrt(2*math.Pi)
	above := math.Erfc(3/math.Sqrt2) / 2 // P(z > 3)
	shifted := func(phi ntk.Activation) ntk.Activation {
		return ntk.Must(ntk.Affine(phi, 1, 1, -3, 0))
	}
	one, line := ntk.Polynomial{Coeffs: []float64{1}}, ntk.Polynomial{Coeffs: []float64{0, 1}}
	relu := func(z float64) float64 { return math.Max(0, z-3) }
	for _, c := range []struct {
		name string
		phi  ntk.Activation
		want float64
	}{
		{"1 + relu(z - 3)", ntk.Must(ntk.Add(one, shifted(ntk.ReLU{}))), 1 + 2*(tail-3*above)},
		{"z + relu(z - 3)", ntk.Must(ntk.Add(line, shifted(ntk.ReLU{}))), -1 - 2*above},
		{"1 + relu(z - 3), numeric", ntk.Must(ntk.Custom(
			func(z float64) float64 { return 1 + relu(z) }, nil,
			ntk.CustomSettings{Kinks: []float64{3}})), 1 + 2*(tail-3*above)},
		{"z + relu(z - 3), numeric", ntk.Must(ntk.Custom(
			func(z float64) float64 { return z + relu(z) }, nil,
			ntk.CustomSettings{Kinks: []float64{3}})), -1 - 2*above},
	} {
		for depth := 1; depth <= 3; depth++ {
			K := ntk.Must(ntk.Must(ntk.UniformFCN(depth, c.phi, 1, 0)).NNGP())
			v, near := ntk.Must(K.At(1, -1, 1)), ntk.Must(K.At(1, -1+1e-9, 1))
			if depth == 1 && math.Abs(v-c.want) > 1e-10 {
				t.Errorf("%s: %.15g at opposite inputs, want %.15g", c.name, v, c.want)
			}
			if math.Abs(v-near) > 1e-7 {
				t.Errorf("%s, %d layers: %.12g at opposite inputs, %.12g near them", c.name, depth,
					v, near)
			}
			curve := ntk.Must(K.Curve([]float64{-1, -1 + 1e-9}))
			limit := 1e-9 * math.Abs(v)
			if math.Abs(curve[0]-v) > limit || math.Abs(curve[1]-near) > limit {
				t.Errorf("%s, %d layers: curve %v, values %v and %v", c.name, depth, curve, v, near)
			}
		}
	}
}
