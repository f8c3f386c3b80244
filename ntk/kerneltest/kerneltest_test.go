package kerneltest_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/hermite"
	"github.com/kernelsmith/kernelsmith/ntk/kerneltest"
)

func TestActivations(t *testing.T) {
	for _, phi := range []ntk.Activation{
		ntk.ReLU{}, ntk.LeakyReLU(0.1), ntk.TwoSlope{Positive: 1.3, Negative: -0.4}, ntk.Abs(),
		ntk.Erf{}, ntk.SigmoidErf{}, ntk.GELU{}, ntk.Step{}, ntk.Sign{},
		ntk.Sin{Amplitude: 0.7, Frequency: 2, Phase: 0.4}, ntk.Cos{Amplitude: 1, Frequency: 1},
		ntk.GaussianFeature(1.3),
		ntk.Exp{Amplitude: 0.8, Rate: 0.5}, ntk.Gaussian{Amplitude: 1, Rate: 1}, ntk.Gabor{},
		ntk.Polynomial{Coeffs: []float64{0, 0, 1}}, ntk.Polynomial{Coeffs: []float64{0, 0, 0, 1}},
		ntk.Polynomial{Coeffs: []float64{0.3, -1, 0.5, 0.1}},
		ntk.Must(hermite.NewSeries([]float64{0, 0.2, 0, 0.9})),
		ntk.RectifiedMonomial{Degree: 2}, ntk.RectifiedMonomial{Degree: 3},
		ntk.PublishedMimic(), ntk.Tanh{}, ntk.Sigmoid{}, ntk.Softplus{}, ntk.SiLU{},
		ntk.Must(ntk.Custom(func(z float64) float64 { return math.Max(z, math.Sin(z)) }, nil,
			ntk.CustomSettings{Name: "max(z, sin z)"})),
		ntk.Must(ntk.Add(ntk.Tanh{}, ntk.Must(ntk.Affine(ntk.ReLU{}, 1, 1, -0.5, 0)))),
		ntk.Must(ntk.Affine(ntk.GELU{}, 2, 1.5, -0.5, 0.1)),
		ntk.Must(ntk.Affine(ntk.RectifiedMonomial{Degree: 2}, 1, -1, 0.5, 0)),
		ntk.Must(ntk.Add(ntk.Must(ntk.Affine(ntk.ReLU{}, 1, 1, -0.3, 0)),
			ntk.Must(ntk.Affine(ntk.Erf{}, 0.5, 0.8, 0.2, 0)),
			ntk.Cos{Amplitude: -0.2, Frequency: 3, Phase: 1}, ntk.Gabor{})),
		ntk.Must(ntk.Add(ntk.ReLU{}, ntk.Must(ntk.Affine(ntk.ReLU{}, -1, 1, -1, 0)),
			ntk.Sin{Amplitude: 0.3, Frequency: 2})),
	} {
		t.Run(fmt.Sprint(phi), func(t *testing.T) {
			t.Parallel()
			s := kerneltest.Settings{}
			if phi == ntk.PublishedMimic() {
				s.MaxVariance = 1 // beyond, the battery's quadrature does not resolve cos 12z
			}
			kerneltest.Activation(t, phi, s)
		})
	}
}

func TestKernels(t *testing.T) {
	deep := ntk.Must(ntk.Must(ntk.UniformFCN(4, ntk.ReLU{}, math.Sqrt2, 0.1)).NTK())
	gauss, matern := ntk.Must(ntk.GaussianKernel(0.7)), ntk.Must(ntk.MaternKernel(1, 0.5))
	for _, K := range []ntk.Kernel{
		deep, gauss, matern, ntk.Must(ntk.LaplaceKernel(0.5)), ntk.Must(ntk.MaternKernel(3, 1.2)),
		ntk.Must(ntk.PolynomialKernel(3, 0.5)), ntk.Must(ntk.ArcCosineKernel(0)),
		ntk.Must(ntk.ArcCosineKernel(2)),
		gauss.Add(deep), matern.Mul(deep), ntk.Must(deep.Scale(0.3)), deep.Normalize(),
		gauss.Compose(deep.Normalize()), ntk.Must(gauss.Derivative()),
		ntk.Must(ntk.FromFunc("e^c", math.Exp)),
		ntk.Must(ntk.Must(ntk.NewPowerSeries([]float64{0.5, 0, 1})).Kernel()),
	} {
		t.Run(K.String(), func(t *testing.T) { kerneltest.Kernel(t, K, kerneltest.Settings{}) })
	}
}

// The battery must catch what is wrong.
func TestBatteryFails(t *testing.T) {
	for name, phi := range map[string]ntk.Activation{
		"derivative": wrong{ntk.Erf{}, func(z float64) float64 { return z }},
		"dual":       wrongDual{ntk.Erf{}},
	} {
		r := &recorder{TB: t}
		kerneltest.Activation(r, phi, kerneltest.Settings{})
		if r.errors == 0 {
			t.Errorf("a wrong %s passes", name)
		}
	}
	r := &recorder{TB: t}
	kerneltest.Kernel(r, ntk.Must(ntk.FromFunc("-c²", func(c float64) float64 { return -c * c })),
		kerneltest.Settings{})
	if r.errors == 0 {
		t.Error("a kernel that is not positive definite passes")
	}
}

type recorder struct {
	testing.TB
	errors int
}

func (r *recorder) Errorf(string, ...any) { r.errors++ }
func (r *recorder) Helper()               {}

type wrong struct {
	ntk.Activation
	derivative func(float64) float64
}

func (w wrong) Derivative(z float64) float64 { return w.derivative(z) }

type wrongDual struct{ ntk.Erf }

func (w wrongDual) Dual(q, k, q2 float64) (value, derivative float64) {
	value, derivative = ntk.Erf{}.Dual(q, k, q2)
	return value * (1 + 1e-6*k), derivative
}
