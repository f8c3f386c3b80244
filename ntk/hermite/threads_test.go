package hermite_test

import (
	"math"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/hermite"
	"github.com/kernelsmith/kernelsmith/ntk/internal/threadtest"
)

func TestCurvesOnAnyThreads(t *testing.T) {
	threadtest.Same(t, 0, func() map[string][]float64 {
		out := map[string][]float64{}
		for name, f := range map[string]func(float64) float64{
			"smooth":      math.Tanh,
			"with a kink": func(z float64) float64 { return math.Abs(z - 0.5) },
		} {
			curve := ntk.Must(ntk.Must(hermite.Resolve(f, nil, nil)).DualCurve(1.3))
			for _, gap := range []float64{0, 1e-9, 1e-3, 0.2, 1, 1.9, 2} {
				value, derivative := curve.At(gap)
				out[name] = append(out[name], value, derivative, curve.Drop(gap))
			}
		}
		return out
	})
}
