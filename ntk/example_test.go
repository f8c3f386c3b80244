package ntk_test

import (
	"errors"
	"fmt"
	"math"

	"github.com/kernelsmith/kernelsmith/ntk"
	"gonum.org/v1/gonum/mat"
)

// The NTK of the four-hidden-layer ReLU net over the cosine of its inputs.
func Example() {
	net := ntk.Must(ntk.UniformFCN(4, ntk.ReLU{}, math.Sqrt2, 0.1))
	K := ntk.Must(net.NTK())
	fmt.Printf("%v: %.4f\n", K, ntk.Must(K.Curve([]float64{-1, 0, 1})))
	// Output: NTK of 4HL ReLU: [1.0857 1.4747 5.0700]
}

func ExampleNotPSDError() {
	series := ntk.Must(ntk.NewPowerSeries([]float64{1, -0.2}))
	_, err := series.Kernel()
	var notPSD *ntk.NotPSDError
	fmt.Println(errors.As(err, &notPSD), err)
	// Output:
	// true ntk: not a positive definite kernel: the coefficient of c^1 is -0.2, and all must be ≥ 0
}

func ExamplePowerSeries() {
	series := ntk.Must(ntk.NewPowerSeries([]float64{1, 0, 2}))
	K := ntk.Must(series.Kernel())
	fmt.Println(series.At(0.5), series.Coeffs(), K)
	// Output: 1.5 [1 0 2] power series of degree 2
}

// A net whose layers differ.
func ExampleNewFCN() {
	net, err := ntk.NewFCN([]ntk.Layer{
		{Activation: ntk.Erf{}, WeightStd: 1.5, BiasStd: 0.3},
		{Activation: ntk.ReLU{}, WeightStd: math.Sqrt2},
	}, ntk.Readout{WeightStd: 1})
	if err != nil {
		panic(err)
	}
	fmt.Println(net, net.Depth(), net.Layers()[1].WeightStd, net.Readout().WeightStd)
	// Output: 2HL erf, ReLU 2 1.4142135623730951 1
}

func ExampleUniformFCN() {
	net := ntk.Must(ntk.UniformFCN(4, ntk.ReLU{}, math.Sqrt2, 0.1))
	fmt.Printf("%v: K(1) = %.2f\n", net, ntk.Must(ntk.Must(net.NTK()).Curve([]float64{1}))[0])
	_, err := ntk.UniformFCN(4, ntk.ReLU{}, -1, 0)
	fmt.Println(err)
	// Output:
	// 4HL ReLU: K(1) = 5.07
	// ntk: hidden layer 1: WeightStd is -1; it must be a finite number ≥ 0
}

func ExampleFCN_Params() {
	deep := ntk.Must(ntk.UniformFCN(4, ntk.ReLU{}, math.Sqrt2, 0.1))
	shallow := ntk.Must(ntk.UniformFCN(1, ntk.PublishedMimic(), 1, 0))
	fmt.Println(deep.Params(11, 4096, 6), shallow.Params(11, 4096, 6))
	// Output: 50417664 69632
}

func ExampleFCN_NNGP() {
	net := ntk.Must(ntk.UniformFCN(4, ntk.ReLU{}, math.Sqrt2, 0.1))
	K := ntk.Must(net.NNGP())
	fmt.Printf("%.4f\n", ntk.Must(K.Curve([]float64{1})))
	// Output: [1.0200]
}

func ExampleFCN_NTK() {
	net := ntk.Must(ntk.UniformFCN(1, ntk.Sin{Amplitude: 0.5, Frequency: 6}, 1, 0))
	K := ntk.Must(net.NTK())
	fmt.Printf("%.4f\n", ntk.Must(K.Curve([]float64{-1, 0, 1})))
	// Output: [-4.6250 0.0000 4.6250]
}

func ExampleFCN_Fingerprint() {
	a := ntk.Must(ntk.UniformFCN(1, ntk.Sin{Amplitude: 1, Frequency: 6}, 1, 0))
	b := ntk.Must(ntk.UniformFCN(1, ntk.Sin{Amplitude: 1, Frequency: 6.01}, 1, 0))
	fmt.Println(a.Fingerprint() == b.Fingerprint())
	// Output: false
}

// Inputs of any norm: q = ‖x‖²/d, k = x·x'/d, q' = ‖x'‖²/d.
func ExampleKernel_At() {
	net := ntk.Must(ntk.UniformFCN(1, ntk.PublishedMimic(), 1, 0))
	K := ntk.Must(net.NTK())
	v, err := K.At(0.14, 0.2, 2.5)
	fmt.Printf("%.6f %v\n", v, err)
	_, err = K.At(1, 1.5, 1)
	fmt.Println(err)
	// Output:
	// 1.675039 <nil>
	// ntk: kernel at (q, k, q') = (1, 1.5, 1): |k| must be at most √(q q'), by Cauchy-Schwarz
}

func ExampleKernel_Curve() {
	net := ntk.Must(ntk.UniformFCN(2, ntk.Erf{}, 1.5, 0.3))
	K := ntk.Must(net.NTK())
	fmt.Printf("%.4f\n", ntk.Must(K.Curve([]float64{-1, 0, 1})))
	// Output: [-1.5119 0.1020 2.2615]
}

func ExampleKernel_Gram() {
	net := ntk.Must(ntk.UniformFCN(1, ntk.ReLU{}, math.Sqrt2, 0))
	K := ntk.Must(net.NTK())
	x := mat.NewDense(2, 2, []float64{1, 1, 1, -1})
	fmt.Printf("%.4f\n", mat.Formatted(ntk.Must(K.Gram(x))))
	// Output:
	// ⎡2.0000  0.3183⎤
	// ⎣0.3183  2.0000⎦
}

func ExampleKernel_Cross() {
	net := ntk.Must(ntk.UniformFCN(1, ntk.ReLU{}, math.Sqrt2, 0))
	K := ntk.Must(net.NTK())
	x := mat.NewDense(2, 2, []float64{1, 1, 1, -1})
	z := mat.NewDense(1, 2, []float64{2, 2})
	fmt.Printf("%.4f\n", mat.Formatted(ntk.Must(K.Cross(z, x))))
	// Output: [4.0000  0.6366]
}

// The form that shallow nets are designed in, with its published optimum.
func ExampleMimic() {
	phi := ntk.PublishedMimic()
	fmt.Println(phi)
	fmt.Printf("φ(2) = %.4f, φ'(2) = %.4f\n", phi.Value(2), phi.Derivative(2))
	// Output:
	// 3.8 relu(z-1.06) +0.09681z +0.901 -0.07936 cos(11.81z+0.9341)
	// φ(2) = 4.6003, φ'(2) = 3.3852
}

func ExampleReLU() {
	value, derivative := ntk.ReLU{}.Dual(1, 0, 1) // 1/(2π) and 1/4
	fmt.Printf("%.4f %.4f\n", value, derivative)
	// Output: 0.1592 0.2500
}

func ExampleErf() {
	value, _ := ntk.Erf{}.Dual(1, 1, 1)
	fmt.Printf("%.4f\n", value)
	// Output: 0.4646
}

func ExampleSin() {
	value, _ := ntk.Sin{Amplitude: 1, Frequency: 1}.Dual(1, 1, 1) // (1 - e^-2)/2
	fmt.Printf("%.4f %v\n", value, ntk.Sin{Amplitude: 0.5, Frequency: 6})
	// Output: 0.4323 0.5 sin(6z)
}

func ExampleCos() {
	value, _ := ntk.Cos{Amplitude: 1, Frequency: 1}.Dual(1, 1, 1) // (1 + e^-2)/2
	fmt.Printf("%.4f\n", value)
	// Output: 0.5677
}

func ExampleMSE() {
	f := mat.NewDense(2, 2, []float64{1, 0, 0, 1})
	y := mat.NewDense(2, 2, []float64{1, 0, 1, 0})
	fmt.Println(ntk.Must(ntk.MSE(f, y)), ntk.Must(ntk.Accuracy(f, y)))
	// Output: 1 0.5
}

func ExampleAccuracy() {
	f := mat.NewDense(3, 1, []float64{0.2, -3, 1})
	y := mat.NewDense(3, 1, []float64{1, -1, -1})
	fmt.Printf("%.3f\n", ntk.Must(ntk.Accuracy(f, y)))
	// Output: 0.667
}

func ExampleBLAS() {
	fmt.Println(ntk.BLAS() != "") // such as "OpenBLAS 0.3.34, Haswell kernels, 2 threads"
	// Output: true
}

func ExampleNewPowerSeries() {
	p := ntk.Must(ntk.NewPowerSeries([]float64{1, 0, 0.5})) // 1 + ½c²
	fmt.Println(p.At(0.5))
	_, err := ntk.NewPowerSeries([]float64{1, math.Inf(1)})
	fmt.Println(err)
	// Output:
	// 1.125
	// ntk: coefficient a_1 is +Inf; all must be finite
}

func ExamplePowerSeries_Kernel() {
	K := ntk.Must(ntk.Must(ntk.NewPowerSeries([]float64{0, 1, 1})).Kernel())
	fmt.Println(ntk.Must(K.Curve([]float64{-1, 0, 1})))
	// Output: [0 0 2]
}

func ExamplePublishedMimic() {
	net := ntk.Must(ntk.UniformFCN(1, ntk.PublishedMimic(), 1, 0))
	K := ntk.Must(net.NTK())
	fmt.Printf("K(1) = %.3f\n", ntk.Must(K.Curve([]float64{1}))[0])
	// Output: K(1) = 5.130
}

func ExampleMust() {
	fmt.Println(ntk.Must(ntk.UniformFCN(2, ntk.Erf{}, 1.5, 0.3)))
	// Output: 2HL erf
}

// noDual is an activation of a user's own, without a Dual method.
type noDual struct{}

func (noDual) Value(z float64) float64      { return z * z }
func (noDual) Derivative(z float64) float64 { return 2 * z }

func ExampleDomainError() {
	K := ntk.Must(ntk.Must(ntk.UniformFCN(1, ntk.ReLU{}, 1, 0)).NTK())
	_, err := K.Curve([]float64{1.5})
	fmt.Println(err)
	// Output: ntk: kernel at (q, k, q') = (1, 1.5, 1): cosine 0 is outside [-1, 1]
}

func ExampleNonFiniteError() {
	K := ntk.Must(ntk.Must(ntk.UniformFCN(1, ntk.ReLU{}, 1, 0)).NTK())
	_, err := K.Gram(mat.NewDense(2, 1, []float64{1, math.NaN()}))
	fmt.Println(err)
	// Output: ntk: input row 1, column 0 is NaN; all inputs must be finite, and their squares too
}

// e^c by its coefficients 1/k!, of which those after c^k are less than 2/(k+1)! together.
func ExampleSeriesFunc() {
	inverse := func(k int) float64 { return 1 / math.Gamma(float64(k)+1) }
	K := ntk.Must(ntk.SeriesFunc("e^c", inverse, func(k int) float64 { return 2 * inverse(k+1) }))
	fmt.Printf("%v: %.4f\n", K, ntk.Must(K.Curve([]float64{-1, 1})))
	fmt.Println(K.Expansion())
	square := func(k int) float64 { return math.Pow(float64(k+1), -2) }
	_, err := ntk.SeriesFunc("slow", square, func(k int) float64 { return 1 / float64(k+1) })
	fmt.Println(err)
	// Output:
	// e^c: [0.3679 2.7183]
	// power series with all coefficients ≥ 0 by the way it was made, within 4e-15 of K(1)
	// ntk: the rest of kernel "slow" after c^20000 is up to 5e-05; it falls too slowly
}

// e^c to degree 2, and what is left out at most.
func ExamplePowerSeries_WithRest() {
	series := ntk.Must(ntk.NewPowerSeries([]float64{1, 1, 0.5})).WithRest(math.E - 2.5)
	fmt.Printf("%v, off by at most %.3f\n", series, series.Rest())
	// Output: power series of degree 2, off by at most 0.218
}
