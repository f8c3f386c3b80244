package design_test

import (
	"math"
	"strings"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/design"
	"github.com/kernelsmith/kernelsmith/ntk/hermite"
)

// What is exported of an activation is that function.
func TestFromActivation(t *testing.T) {
	activations := []ntk.Activation{
		ntk.ReLU{}, ntk.LeakyReLU(0.1), ntk.Abs(), ntk.TwoSlope{Positive: 1.2, Negative: -0.4},
		ntk.PublishedMimic(), ntk.Erf{}, ntk.GELU{}, ntk.Gaussian{Amplitude: 1.5, Rate: 0.6},
		ntk.Gaussian{Amplitude: 1.5}, ntk.Sin{Amplitude: 0.7, Frequency: 2, Phase: 0.4},
		ntk.Cos{Amplitude: -0.7, Frequency: 3, Phase: 1.1}, ntk.Polynomial{},
		ntk.Polynomial{Coeffs: []float64{0.2, -0.5}},
		ntk.Must(hermite.NewSeries([]float64{0.3, -0.5, 0.2, 0.1})),
	}
	for _, f := range exported() {
		switch f := f.(type) {
		case design.Formula:
			activations = append(activations, ntk.Must(f.Activation()))
		case design.HermiteSeries:
			activations = append(activations, ntk.Must(f.Activation()))
		}
	}
	for _, a := range activations {
		f, err := design.FromActivation(a)
		if err != nil {
			t.Errorf("%v: %v", a, err)
			continue
		}
		for z := -4.05; z < 4; z += 0.1 {
			v, d := f.Value(z)-a.Value(z), f.Derivative(z)-a.Derivative(z)
			if size := 1 + math.Abs(a.Value(z)) + math.Abs(a.Derivative(z)); !(math.Abs(v)+
				math.Abs(d) <= 1e-13*size) {
				t.Errorf("%v: φ(%v) is off by %.2g, φ' by %.2g", a, z, v, d)
			}
		}
	}
	for says, a := range map[string]ntk.Activation{
		"a polynomial of degree 2": ntk.Polynomial{Coeffs: []float64{0, 0, 1}},
		"ntk.Tanh, has no form":    ntk.Tanh{},
		"it must be finite":        ntk.Cos{Amplitude: math.NaN()},
	} {
		if _, err := design.FromActivation(a); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v: error %v, must say %q", a, err, says)
		}
	}
}
