package ntk_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
)

// The bias of the first layer counts less the larger the inputs are, so the shape of the series
// depends on their norm.
func ExampleKernel_SeriesAt() {
	net := ntk.Must(ntk.UniformFCN(1, ntk.ReLU{}, 1, 1))
	K := ntk.Must(net.NTK())
	for _, q := range []float64{0.1, 1, 10} {
		series := ntk.Must(K.SeriesAt(q, 2))
		top := ntk.Must(K.CurveAt(q, []float64{1}))[0]
		fmt.Printf("‖x‖²/d = %4.1f:", q)
		for _, a := range series.Coeffs() {
			fmt.Printf(" %.3f", a/top)
		}
		fmt.Println()
	}
	// Output:
	// ‖x‖²/d =  0.1: 0.851 0.110 0.012
	// ‖x‖²/d =  1.0: 0.471 0.379 0.077
	// ‖x‖²/d = 10.0: 0.207 0.494 0.199
}

func TestSeriesAtAgainstValues(t *testing.T) {
	relu := ntk.Must(ntk.Must(ntk.UniformFCN(3, ntk.ReLU{}, 1.4, 0.3)).NTK())
	erf := ntk.Must(ntk.Must(ntk.UniformFCN(2, ntk.Erf{}, 1.2, 0.5)).NNGP())
	wave := ntk.Sin{Amplitude: 0.5, Frequency: 2}
	sin := ntk.Must(ntk.Must(ntk.UniformFCN(1, wave, 1, 0.2)).NTK())
	linear := ntk.Must(ntk.Must(ntk.UniformFCN(1, ntk.ReLU{}, 1.3, 0.4)).NNGPOf(1))
	gaussian := ntk.Must(ntk.GaussianKernel(0.8))
	laplace := ntk.Must(ntk.LaplaceKernel(1.5))
	polynomial := ntk.Must(ntk.PolynomialKernel(7, 0.5))
	for _, K := range []ntk.Kernel{
		relu, erf, sin, linear, gaussian, laplace, polynomial,
		ntk.Must(ntk.MaternKernel(2, 0.7)),
		ntk.Must(ntk.ArcCosineKernel(1)),
		relu.Add(gaussian), laplace.Mul(erf), ntk.Must(relu.Scale(3)), relu.Normalize(),
		polynomial.Normalize(), ntk.Must(gaussian.Scale(2)).Normalize(),
		relu.Compose(gaussian), ntk.Must(ntk.Must(ntk.NewPowerSeries([]float64{1, 2, 3})).Kernel()),
	} {
		for _, q := range []float64{0, 0.3, 1, 2.5} {
			series, err := K.SeriesAt(q, 80)
			if err != nil {
				t.Errorf("%v, q = %v: %v", K, q, err)
				continue
			}
			top := ntk.Must(K.CurveAt(q, []float64{1}))[0]
			cosines := []float64{-0.6, -0.1, 0, 0.3, 0.6}
			for i, want := range ntk.Must(K.CurveAt(q, cosines)) {
				// 0.6^80 is 2e-18.
				if got := series.At(cosines[i]); math.Abs(got-want) > 2e-13*top {
					t.Errorf("%v, q = %v, c = %v: %v, want %v", K, q, cosines[i], got, want)
				}
			}
			if rest := top - series.At(1); rest > series.Rest()*(1+1e-9) {
				t.Errorf("%v, q = %v: the rest is %v, more than %v", K, q, rest, series.Rest())
			}
		}
	}
}

func TestSeriesAtReports(t *testing.T) {
	gaussian := ntk.Must(ntk.GaussianKernel(1))
	for _, q := range []float64{-1, math.NaN(), math.Inf(1)} {
		if _, err := gaussian.SeriesAt(q, 3); err == nil {
			t.Errorf("q = %v: no error", q)
		}
	}
	if _, err := gaussian.SeriesAt(2, -1); err == nil {
		t.Error("degree -1: no error")
	}
	values := ntk.Must(ntk.FromFunc("values", math.Exp))
	if _, err := values.SeriesAt(2, 3); err == nil {
		t.Error("a kernel known by values: no error")
	}
	if _, err := (ntk.Kernel{}).SeriesAt(2, 3); err == nil {
		t.Error("the zero kernel: no error")
	}
}
