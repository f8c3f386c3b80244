package ntk_test

import (
	"math"
	"testing"

	"github.com/kernelsmith/kernelsmith/internal/fuzzinput"
	"github.com/kernelsmith/kernelsmith/ntk"
	"gonum.org/v1/gonum/mat"
)

// activationOf returns one of the package's activations, with parameters where it has some.
func activationOf(kind byte, a, b, c float64) ntk.Activation {
	all := []ntk.Activation{
		ntk.ReLU{}, ntk.TwoSlope{Positive: a, Negative: b}, ntk.Abs(), ntk.LeakyReLU(a), ntk.Erf{},
		ntk.GELU{}, ntk.Gabor{}, ntk.Step{}, ntk.Sign{}, ntk.SigmoidErf{},
		ntk.Sin{Amplitude: a, Frequency: b, Phase: c},
		ntk.Cos{Amplitude: a, Frequency: b, Phase: c}, ntk.GaussianFeature(a),
		ntk.Exp{Amplitude: a, Rate: b}, ntk.Gaussian{Amplitude: a, Rate: b},
		ntk.Polynomial{Coeffs: []float64{a, b, c}}, ntk.Polynomial{},
		ntk.RectifiedMonomial{Degree: int(fuzzinput.Within(14, a))},
		ntk.Mimic{A: a, B: b, C: c, D: a - b, E: c, F: b, G: a}, ntk.PublishedMimic(),
		ntk.Tanh{}, ntk.Sigmoid{}, ntk.Softplus{}, ntk.SiLU{},
	}
	return all[int(kind)%len(all)]
}

// checkKernel asserts what holds for every kernel: values are finite or an error, symmetric, and
// within what Cauchy and Schwarz allow; the matrix of three points is positive semidefinite.
func checkKernel(t *testing.T, K ntk.Kernel, q, rho, q2 float64) {
	t.Helper()
	s := math.Sqrt(q) * math.Sqrt(q2)
	v, err := K.At(q, rho*s, q2)
	if err != nil {
		if err.Error() == "" {
			t.Error("an error without a word")
		}
		return
	}
	w, err := K.At(q2, rho*s, q)
	if err != nil || math.Abs(v-w) > 1e-9*math.Abs(v)+1e-300 {
		t.Errorf("%v: K(%v, %v, %v) = %v, the other way round %v, %v", K, q, rho*s, q2, v, w, err)
	}
	one, err1 := K.At(q, q, q)
	two, err2 := K.At(q2, q2, q2)
	if err1 != nil || err2 != nil {
		return
	}
	bound := math.Sqrt(math.Abs(one)) * math.Sqrt(math.Abs(two))
	if math.IsNaN(v) || math.IsInf(v, 0) || one < 0 || two < 0 ||
		math.Abs(v) > bound*(1+1e-6)+1e-300 {
		t.Errorf("%v: K(%v, %v, %v) = %v, at equal inputs %v and %v", K, q, rho*s, q2, v, one, two)
	}
	c, err := K.CurveAt(q, []float64{rho, 2*rho*rho - 1})
	if err != nil || one == 0 {
		return
	}
	// The points at the angles 0, θ and 2θ on the sphere of norm √(q d).
	third := mat.NewSymDense(3, []float64{1, c[0] / one, c[1] / one, 0, 1, c[0] / one, 0, 0, 1})
	var e mat.EigenSym
	if !e.Factorize(third, false) || !(e.Values(nil)[0] >= -1e-6) {
		t.Errorf("%v at ‖x‖² = %v d: eigenvalues %v of three points, cosine %v", K, q,
			e.Values(nil), rho)
	}
}

// Every activation with any parameters, in nets of one and two layers.
func FuzzNetKernel(f *testing.F) {
	for kind := range byte(24) {
		f.Add(kind, 0.7, 1.3, -0.4, 1.2, 0.3, 1.0, 0.5, 2.0)
	}
	f.Add(byte(13), 1.0, 30.0, 0.0, 1.0, 0.0, 100.0, -1.0, 100.0)
	f.Add(byte(1), 1e200, -1e-200, 0.0, 1e-3, 0.0, 1.0, 1.0, 1e-300)
	f.Add(byte(10), 1.0, 1e9, 7.0, 1.0, 1e5, 0.0, 0.0, 1.0)
	f.Fuzz(func(t *testing.T, kind byte, a, b, c, weightStd, biasStd, q, rho, q2 float64) {
		phi := activationOf(kind, a, b, c)
		q, rho, q2 = math.Abs(fuzzinput.Within(1e4, q)), fuzzinput.Within(1, rho),
			math.Abs(fuzzinput.Within(1e4, q2))
		for depth := range 3 {
			net, err := ntk.UniformFCN(depth, phi, weightStd, biasStd)
			if err != nil {
				continue // no layers, or parameters that are out of range: said so
			}
			if net.Depth() != depth || len(net.Fingerprint()) != 32 || net.String() == "" {
				t.Errorf("%v: depth %d, fingerprint %s", net, net.Depth(), net.Fingerprint())
			}
			if K, err := net.NNGP(); err == nil {
				checkKernel(t, K, q, rho, q2)
			}
			if K, err := net.NTK(); err == nil {
				checkKernel(t, K, q, rho, q2)
			}
		}
	})
}

// composed runs a program of one byte a step on a stack of kernels.
func composed(program []byte, a, b float64) (ntk.Kernel, bool) {
	var stack []ntk.Kernel
	push := func(K ntk.Kernel, err error) {
		if err == nil {
			stack = append(stack, K)
		}
	}
	for _, op := range program[:min(len(program), 10)] {
		top := len(stack) - 1
		switch kind := int(op) % 13; {
		case kind == 0:
			push(ntk.GaussianKernel(a))
		case kind == 1:
			push(ntk.LaplaceKernel(b))
		case kind == 2:
			push(ntk.MaternKernel(int(op)/13, a))
		case kind == 3:
			push(ntk.ArcCosineKernel(int(op) / 13))
		case kind == 4:
			push(ntk.PolynomialKernel(int(op)/13, b))
		case kind == 5:
			if p, err := ntk.NewPowerSeries([]float64{a, b, float64(op), a * b}); err == nil {
				push(p.Kernel())
			}
		case kind == 6:
			net, err := ntk.UniformFCN(1+int(op)/128, activationOf(op/13, a, b, 0.3), 1.3, 0.1)
			if err == nil {
				push(net.NTK())
			}
		case top >= 0 && kind == 7:
			stack[top] = stack[top].Normalize()
		case top >= 0 && kind == 8:
			if K, err := stack[top].Scale(b); err == nil {
				stack[top] = K
			}
		case top >= 1 && kind == 9:
			stack = append(stack[:top-1], stack[top-1].Add(stack[top]))
		case top >= 1 && kind == 10:
			stack = append(stack[:top-1], stack[top-1].Mul(stack[top]))
		case top >= 1 && kind == 11:
			stack = append(stack[:top-1], stack[top-1].Compose(stack[top]))
		}
	}
	if len(stack) == 0 {
		return ntk.Kernel{}, false
	}
	return stack[len(stack)-1], true
}

// Sums, products and compositions of kernels of any kind, and what is asked of a kernel.
func FuzzKernelAlgebra(f *testing.F) {
	f.Add([]byte{0, 1, 9}, 0.5, 2.0, 1.0, 0.3, 1.5)
	f.Add([]byte{6, 7, 0, 11}, 1.0, 1.0, 2.0, -1.0, 2.0)
	f.Add([]byte{4 + 13*19, 5, 10, 8}, 1.0, 1e-5, 0.0, 0.0, 1.0)
	f.Add([]byte{2 + 13*5, 3 + 13*12, 10, 7}, 1e-3, 1e3, 1e3, 0.999999, 1e3)
	f.Add([]byte{12, 9, 7}, 1.0, 1.0, 1.0, 1.0, 1.0)
	f.Add([]byte{0, 0, 11, 0, 11, 7}, 1e300, 1e-300, 1.0, 1.0, 1.0)
	f.Fuzz(func(t *testing.T, program []byte, a, b, q, rho, q2 float64) {
		K, ok := composed(program, a, b)
		if !ok {
			return
		}
		q, rho, q2 = math.Abs(fuzzinput.Within(1e4, q)), fuzzinput.Within(1, rho),
			math.Abs(fuzzinput.Within(1e4, q2))
		checkKernel(t, K, q, rho, q2)
		if limit, bound, err := K.AtOne(); err == nil && (math.IsNaN(limit) || math.IsNaN(bound)) {
			t.Errorf("%v: limit %v ± %v", K, limit, bound)
		}
		series, err := K.SeriesAt(q, 12)
		if err != nil {
			return
		}
		sum := 0.0
		for k, c := range series.Coeffs() {
			if !(c >= -1e-9*math.Abs(sum)) || math.IsInf(c, 0) {
				t.Errorf("%v at ‖x‖² = %v d: coefficient %v at degree %d", K, q, c, k)
			}
			sum += c
		}
		if v, err := K.CurveAt(q, []float64{rho}); err == nil &&
			!(math.Abs(v[0]-series.At(rho)) <= series.Rest()+1e-6*math.Abs(v[0])+1e-6*sum) {
			t.Errorf("%v at ‖x‖² = %v d, cosine %v: %v, by its series %v ± %v", K, q, rho, v[0],
				series.At(rho), series.Rest())
		}
	})
}

// What depth does to variances and angles.
func FuzzMeanField(f *testing.F) {
	for kind := range byte(24) {
		f.Add(kind, 0.7, 1.3, -0.4, 1.2, 0.3)
	}
	f.Add(byte(0), 0.0, 0.0, 0.0, math.Sqrt2, 0.0)
	f.Add(byte(4), 0.0, 0.0, 0.0, 20.0, 0.0)
	f.Add(byte(13), 1.0, 2.0, 0.0, 3.0, 1.0)
	f.Fuzz(func(t *testing.T, kind byte, a, b, c, weightStd, biasStd float64) {
		phi := activationOf(kind, a, b, c)
		m, err := ntk.MeanFieldOf(phi, weightStd, biasStd)
		if err != nil {
			return
		}
		for _, v := range []float64{m.Variance, m.Slope, m.Correlation, m.CorrelationSlope,
			m.VarianceDepth, m.CorrelationDepth} {
			if math.IsNaN(v) {
				t.Fatalf("%v, σ_w = %v, σ_b = %v: %+v", phi, weightStd, biasStd, *m)
			}
		}
		if !(m.Variance >= 0) || !(m.Slope >= 0) || !(math.Abs(m.Correlation) <= 1) ||
			m.Phase == "chaotic" && m.Slope < 1 || m.Phase == "ordered" && m.Slope > 1 {
			t.Errorf("%v, σ_w = %v, σ_b = %v: %+v", phi, weightStd, biasStd, *m)
		}
		d, ok := phi.(ntk.Dualer)
		if !ok || m.Variance == 0 {
			return
		}
		v, _ := d.Dual(m.Variance, m.Variance, m.Variance)
		if next := weightStd*weightStd*v + biasStd*biasStd; math.Abs(next-m.Variance) >
			1e-6*m.Variance {
			t.Errorf("%v, σ_w = %v, σ_b = %v: the variance %v becomes %v", phi, weightStd,
				biasStd, m.Variance, next)
		}
	})
}
