package spectra_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/spectra"
	"gonum.org/v1/gonum/mat"
)

// How well will a net learn, and how many points does it take? Rows and labels tell before
// anything is trained.
func ExampleDataStatistics_Predict() {
	const rows, features = 2000, 40
	rng := rand.New(rand.NewPCG(1, 1))
	x, y := mat.NewDense(rows, features, nil), mat.NewDense(rows, 1, nil)
	for i := range rows {
		for j := range features {
			x.Set(i, j, rng.NormFloat64()*3/math.Sqrt(float64(j+2)))
		}
		y.Set(i, 0, math.Copysign(1, x.At(i, 0)+x.At(i, 1)))
	}
	data := ntk.Must(spectra.MeasureData(x))
	fmt.Printf("effective dimension %.1f\n", data.EffectiveDim)
	net := ntk.Must(ntk.UniformFCN(2, ntk.ReLU{}, math.Sqrt2, 0.1))
	curves, err := data.Predict(ntk.Must(net.NTK()), []int{10, 100, 500}, nil, y)
	if err != nil {
		fmt.Println(err)
		return
	}
	for i, n := range curves[0].N {
		fmt.Printf("n = %3d: test error %.2f ± %.2f\n", n, curves[0].TestMSE[i],
			curves[0].Uncertainty[i])
	}
	// Output:
	// effective dimension 17.5
	// n =  10: test error 0.72 ± 0.01
	// n = 100: test error 0.42 ± 0.02
	// n = 500: test error 0.33 ± 0.02
}

// Words in a one-hot code are no cloud of points around their mean, and the theory does not
// hold: it says so.
func ExampleMeasureData() {
	rng := rand.New(rand.NewPCG(1, 1))
	x, y := mat.NewDense(500, 20, nil), mat.NewDense(500, 1, nil)
	for i := range 500 {
		for j := range 20 {
			x.Set(i, j, -0.05)
		}
		word := rng.IntN(20)
		x.Set(i, word, 0.95)
		y.Set(i, 0, float64(word%2*2-1))
	}
	data := ntk.Must(spectra.MeasureData(x))
	fmt.Printf("two-valued features have %.0f %% of the variance\n", 100*data.TwoValued)
	_, err := data.Predict(ntk.Must(ntk.GaussianKernel(1)), []int{100}, nil, y)
	var outside *spectra.OutsideError
	fmt.Println(errors.As(err, &outside), outside.Verdict.Fits)
	// Output:
	// two-valued features have 100 % of the variance
	// true false
}

// Which kernel should learn the product of two features? One of degree 2.
func ExampleDataStatistics_BestKernel() {
	const rows, features = 600, 15
	rng := rand.New(rand.NewPCG(1, 1))
	x, y := mat.NewDense(rows, features, nil), mat.NewDense(rows, 1, nil)
	for i := range rows {
		for j := range features {
			x.Set(i, j, rng.NormFloat64())
		}
		y.Set(i, 0, x.At(i, 0)*x.At(i, 1)+0.3*rng.NormFloat64())
	}
	data := ntk.Must(spectra.MeasureData(x))
	kernel := ntk.Must(data.BestKernel(y, []float64{200}, &spectra.DataKernelSettings{Degree: 4}))
	for j, a := range kernel.Coeffs {
		fmt.Printf("a_%d = %.2f\n", j, a)
	}
	fmt.Printf("test error %.2f\n", kernel.TestMSE)
	// Output:
	// a_0 = 0.00
	// a_1 = 0.02
	// a_2 = 0.98
	// a_3 = 0.00
	// a_4 = 0.00
	// test error 0.21
}
