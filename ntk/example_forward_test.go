package ntk_test

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/hermite"
	"gonum.org/v1/gonum/mat"
)

// dual prints E[φφ] and E[φ'φ'] at unit variances and correlation ½.
func dual(phi ntk.Activation) {
	value, derivative := phi.(ntk.Dualer).Dual(1, 0.5, 1)
	fmt.Printf("%v: %.4f %.4f\n", phi, value, derivative)
}

func ExampleTwoSlope() {
	dual(ntk.TwoSlope{Positive: 1, Negative: 0.3})
	// Output: leaky ReLU(0.3): 0.2992 0.4633
}

func ExampleLeakyReLU() {
	dual(ntk.LeakyReLU(0.1))
	// Output: leaky ReLU(0.1): 0.2966 0.3700
}

func ExampleAbs() {
	dual(ntk.Abs())
	// Output: |z|: 0.7180 0.3333
}

func ExampleSigmoidErf() {
	dual(ntk.SigmoidErf{})
	// Output: sigmoid-like erf: 0.2705 0.0413
}

func ExampleGELU() {
	dual(ntk.GELU{})
	// Output: GELU: 0.2273 0.3423
}

func ExampleExp() {
	dual(ntk.Exp{Amplitude: 1, Rate: 0.5})
	// Output: 1 exp(0.5z): 1.4550 0.3637
}

func ExampleGaussian() {
	dual(ntk.Gaussian{Amplitude: 1, Rate: 1})
	// Output: 1 exp(-1z²): 0.3536 0.0884
}

func ExampleGabor() {
	dual(ntk.Gabor{})
	// Output: Gabor: 0.0162 0.0461
}

// Its NNGP kernel is the Gaussian kernel.
func ExampleGaussianFeature() {
	net := ntk.Must(ntk.UniformFCN(1, ntk.GaussianFeature(2), 1, 0))
	K := ntk.Must(net.NNGP())
	fmt.Printf("%.6f %.6f\n", ntk.Must(K.Curve([]float64{0.5})), math.Exp(-2))
	// Output: [0.135335] 0.135335
}

func ExamplePolynomial() {
	dual(ntk.Polynomial{Coeffs: []float64{0, 1, 0.5}})
	// Output: polynomial of degree 2: 0.8750 1.5000
}

func ExampleRectifiedMonomial() {
	dual(ntk.RectifiedMonomial{Degree: 2})
	// Output: relu(z)^2: 0.7067 1.2180
}

func ExampleStep() {
	net := ntk.Must(ntk.UniformFCN(1, ntk.Step{}, 1, 0))
	fmt.Printf("%.4f\n", ntk.Must(ntk.Must(net.NNGP()).Curve([]float64{0.5})))
	_, err := net.NTK()
	var infinite *ntk.InfiniteNTKError
	fmt.Println(errors.As(err, &infinite))
	// Output:
	// [0.3333]
	// true
}

func ExampleSign() {
	net := ntk.Must(ntk.UniformFCN(1, ntk.Sign{}, 1, 0))
	fmt.Printf("%.4f\n", ntk.Must(ntk.Must(net.NNGP()).Curve([]float64{0.5})))
	// Output: [0.3333]
}

func ExampleTanh() {
	dual(ntk.Tanh{})
	// Output: tanh: 0.1863 0.3847
}

func ExampleSigmoid() {
	dual(ntk.Sigmoid{})
	// Output: sigmoid: 0.2714 0.0432
}

func ExampleSoftplus() {
	dual(ntk.Softplus{})
	// Output: softplus: 0.7801 0.2714
}

func ExampleSiLU() {
	dual(ntk.SiLU{})
	// Output: SiLU: 0.1832 0.3123
}

// 2·GELU(1.5 z - 0.5) + 0.1, in closed form.
func ExampleAffine() {
	dual(ntk.Must(ntk.Affine(ntk.GELU{}, 2, 1.5, -0.5, 0.1)))
	// Output: 2·GELU(1.5z-0.5) + 0.1: 1.2191 1.9652
}

// Two ReLUs that make a bounded ramp, with their cross terms.
func ExampleAdd() {
	ramp := ntk.Must(ntk.Add(ntk.ReLU{}, ntk.Must(ntk.Affine(ntk.ReLU{}, -1, 1, -1, 0))))
	dual(ramp)
	fmt.Println(ramp.Value(0.5), ramp.Value(3), ntk.KinksOf(ramp))
	// Output:
	// ReLU + -1·ReLU(1z-1): 0.1627 0.1411
	// 0.5 1 [0 1]
}

// Any Go function, its kink and its derivative found by the library.
func ExampleCustom() {
	phi := ntk.Must(ntk.Custom(func(z float64) float64 { return math.Max(z, math.Sin(3*z)) }, nil))
	net := ntk.Must(ntk.UniformFCN(4, phi, 1, 0.1))
	K := ntk.Must(net.NTK())
	fmt.Printf("%.4f\n", ntk.Must(K.Curve([]float64{-1, 0, 1})))
	_, err := ntk.Custom(math.Log, nil)
	fmt.Println(err != nil)
	// Output:
	// [0.2602 0.3575 80.6734]
	// true
}

// What is not resolved is an error with what was reached.
func ExampleCustomSettings() {
	_, err := ntk.Custom(func(z float64) float64 { return math.Sin(1e6 * z) }, nil,
		ntk.CustomSettings{Name: "fast sine"})
	var tolerance *hermite.ToleranceError
	fmt.Println(errors.As(err, &tolerance), tolerance.Estimate > tolerance.Tolerance)
	// Output: true true
}

func ExampleValues() {
	fmt.Println(ntk.Must(ntk.Values(ntk.ReLU{}, []float64{-1, 0, 1})))
	// Output: [0 0 1]
}

func ExampleHermiteCoeffs() {
	fmt.Printf("%.4f\n", ntk.Must(ntk.HermiteCoeffs(ntk.ReLU{}, 1, 5)))
	// Output: [0.3989 0.5000 0.2821 0.0000 -0.0814]
}

func ExampleKinksOf() {
	fmt.Println(ntk.KinksOf(ntk.PublishedMimic()), ntk.JumpsOf(ntk.Sign{}))
	// Output: [1.0600013769145225] [0]
}

func ExampleJumpsOf() {
	fmt.Println(ntk.JumpsOf(ntk.Must(ntk.Affine(ntk.Step{}, 1, 2, -1, 0))))
	// Output: [0.5]
}

// The covariance of the second layer's pre-activations.
func ExampleFCN_NNGPOf() {
	net := ntk.Must(ntk.UniformFCN(4, ntk.ReLU{}, math.Sqrt2, 0.1))
	K := ntk.Must(net.NNGPOf(2))
	fmt.Printf("%v: %.4f\n", K, ntk.Must(K.Curve([]float64{1})))
	// Output: NNGP of layer 2 of 4HL ReLU: [2.0200]
}

// A net whose first layer keeps its random features.
func ExampleLayer() {
	net := ntk.Must(ntk.NewFCN([]ntk.Layer{
		{Activation: ntk.ReLU{}, WeightStd: math.Sqrt2, Frozen: true},
		{Activation: ntk.ReLU{}, WeightStd: math.Sqrt2},
	}, ntk.Readout{WeightStd: 1}))
	fmt.Printf("%.3f\n", ntk.Must(ntk.Must(net.NTK()).Curve([]float64{1})))
	// Output: [2.000]
}

// Variances that double with each layer leave double precision.
func ExampleVarianceError() {
	net := ntk.Must(ntk.UniformFCN(1000, ntk.ReLU{}, 2, 0))
	_, err := ntk.Must(net.NTK()).Curve([]float64{0})
	var variance *ntk.VarianceError
	fmt.Println(errors.As(err, &variance), variance.Layer)
	// Output: true 498
}

func ExampleKernel_Add() {
	K := ntk.Must(ntk.GaussianKernel(1)).Add(ntk.Must(ntk.PolynomialKernel(2, 0)))
	fmt.Println(K, ntk.Must(K.Curve([]float64{1})))
	// Output: Gaussian kernel, ℓ = 1 + polynomial kernel (c+0)^2 [2]
}

func ExampleKernel_Mul() {
	K := ntk.Must(ntk.GaussianKernel(1)).Mul(ntk.Must(ntk.PolynomialKernel(2, 0)))
	fmt.Printf("%.4f\n", ntk.Must(K.Curve([]float64{0.5})))
	// Output: [0.1516]
}

func ExampleKernel_Scale() {
	K := ntk.Must(ntk.Must(ntk.GaussianKernel(1)).Scale(3))
	fmt.Println(ntk.Must(K.Curve([]float64{1})))
	// Output: [3]
}

func ExampleKernel_Normalize() {
	net := ntk.Must(ntk.UniformFCN(4, ntk.ReLU{}, math.Sqrt2, 0.1))
	K := ntk.Must(net.NTK()).Normalize()
	fmt.Printf("%.4f\n", ntk.Must(K.Curve([]float64{0, 1})))
	// Output: [0.2909 1.0000]
}

// e^{c-1} of the cosine that a ReLU layer sees.
func ExampleKernel_Compose() {
	inner := ntk.Must(ntk.ArcCosineKernel(1))
	K := ntk.Must(ntk.GaussianKernel(1)).Compose(inner)
	fmt.Printf("%.4f\n", ntk.Must(K.Curve([]float64{-1, 0, 1})))
	// Output: [0.3679 0.5058 1.0000]
}

func ExampleKernel_Series() {
	p := ntk.Must(ntk.Must(ntk.GaussianKernel(1)).Series(3))
	fmt.Printf("%.4f, rest at most %.4f\n", p.Coeffs(), p.Rest())
	// Output: [0.3679 0.3679 0.1839 0.0613], rest at most 0.0190
}

// Of a deep net: the layers' series composed.
func ExampleKernel_Series_net() {
	net := ntk.Must(ntk.UniformFCN(4, ntk.ReLU{}, math.Sqrt2, 0.1))
	p := ntk.Must(ntk.Must(net.NTK()).Series(100))
	fmt.Printf("%.4f, rest at most %.3f\n", p.Coeffs()[:4], p.Rest())
	// Output: [1.4747 0.8861 0.6875 0.3757], rest at most 0.256
}

func ExampleKernel_Derivative() {
	K := ntk.Must(ntk.Must(ntk.GaussianKernel(1)).Derivative())
	fmt.Printf("%.4f\n", ntk.Must(K.Curve([]float64{0, 1})))
	// Output: [0.3679 1.0000]
}

func ExampleKernel_AtOne() {
	noisy := ntk.Must(ntk.FromFunc("c² with white noise", func(c float64) float64 {
		if c == 1 {
			return 1.5
		}
		return c * c
	}))
	limit, _, err := noisy.AtOne()
	fmt.Printf("%.6f %v\n", limit, err)
	// Output: 1.000000 <nil>
}

func ExampleKernel_CurveAt() {
	net := ntk.Must(ntk.UniformFCN(1, ntk.Erf{}, 1, 0))
	K := ntk.Must(net.NNGP())
	fmt.Printf("%.4f\n", ntk.Must(K.CurveAt(4, []float64{0, 0.5, 1})))
	// Output: [0.0000 0.2932 0.6970]
}

func ExampleFromFunc() {
	K := ntk.Must(ntk.FromFunc("e^c", math.Exp))
	fmt.Printf("%v: %.4f\n", K, ntk.Must(K.Curve([]float64{0, 1})))
	_, err := ntk.FromFunc("1/(1-c)", func(c float64) float64 { return 1 / (1 - c) })
	fmt.Println(err)
	// Output:
	// e^c: [1.0000 2.7183]
	// ntk: kernel "1/(1-c)" is +Inf at c = 1; it must be finite on [-1, 1]
}

func ExampleGaussianKernel() {
	K := ntk.Must(ntk.GaussianKernel(0.5))
	fmt.Printf("%.4f\n", ntk.Must(K.Curve([]float64{0.5, 1})))
	// Output: [0.1353 1.0000]
}

func ExampleLaplaceKernel() {
	K := ntk.Must(ntk.LaplaceKernel(0.5))
	fmt.Printf("%.4f\n", ntk.Must(K.Curve([]float64{0.5, 1})))
	// Output: [0.1353 1.0000]
}

func ExampleMaternKernel() {
	K := ntk.Must(ntk.MaternKernel(1, 0.5))
	fmt.Printf("%v: %.4f\n", K, ntk.Must(K.Curve([]float64{0.5, 1})))
	// Output: Matérn kernel, ν = 3/2, ℓ = 0.5: [0.1397 1.0000]
}

func ExamplePolynomialKernel() {
	K := ntk.Must(ntk.PolynomialKernel(3, 1))
	fmt.Println(ntk.Must(K.Curve([]float64{0, 1})), ntk.Must(K.Series(3)).Coeffs())
	// Output: [1 8] [1 3 3 1]
}

func ExampleArcCosineKernel() {
	K := ntk.Must(ntk.ArcCosineKernel(1))
	fmt.Printf("%.4f\n", ntk.Must(K.Curve([]float64{-1, 0, 1})))
	// Output: [0.0000 0.3183 1.0000]
}

// What depth does to nets of erf: they are chaotic at these σ.
func ExampleMeanFieldOf() {
	m := ntk.Must(ntk.MeanFieldOf(ntk.Erf{}, 1.5, 0.3))
	fmt.Printf("%v: q* = %.4f, χ = %.4f, c* = %.4f, depth scale %.1f layers\n", m.Phase, m.Variance,
		m.Slope, m.Correlation, m.CorrelationDepth)
	_, err := ntk.MeanFieldOf(ntk.ReLU{}, 2, 0.1)
	var grows *ntk.NoFixedPointError
	fmt.Println(errors.As(err, &grows))
	// Output:
	// chaotic: q* = 1.2192, χ = 1.1818, c* = 0.4971, depth scale 8.6 layers
	// true
}

func ExampleCriticalWeightStd() {
	fmt.Printf("%.4f\n", ntk.Must(ntk.CriticalWeightStd(ntk.Erf{}, 0.3)))
	// Output: 1.2337
}

func ExampleFCN_Depth() {
	net := ntk.Must(ntk.UniformFCN(4, ntk.ReLU{}, math.Sqrt2, 0.1))
	fmt.Println(net.Depth(), net.Layers()[3].BiasStd, net.Readout().WeightStd)
	// Output: 4 0.1 1
}

func ExampleKernel_Expansion() {
	K := ntk.Must(ntk.GaussianKernel(1))
	e := K.Expansion()
	fmt.Printf("%.4f %v\n", ntk.Must(e.Coeffs(2)), e.Nonnegative)
	// Output: [0.3679 0.3679 0.1839] true
}

// A matrix of a million rows need not be there for two of its entries to be known.
func ExampleGramTiles() {
	rows := make([]float32, 1_000_000*2)
	for i := range rows {
		rows[i] = float32(i%7) - 3
	}
	x := ntk.Inputs[float32]{Rows: rows, N: 1_000_000, D: 2}
	tiles := ntk.Must(ntk.GramTiles(context.Background(), ntk.Must(ntk.GaussianKernel(1)), x))
	entries := make([]float32, 2)
	err := tiles.Tile(context.Background(), entries, 999_999, 1_000_000, 0, 2)
	fmt.Printf("%.4f %v\n", entries, err)
	// Output: [1.0000 0.1353] <nil>
}

func ExampleCrossTiles() {
	x := ntk.Inputs[float64]{Rows: []float64{1, 1, -1, 1}, N: 2, D: 2}
	z := ntk.Inputs[float64]{Rows: []float64{1, 0}, N: 1, D: 2}
	K := ntk.Must(ntk.PolynomialKernel(1, 0)) // x·x'/d
	tiles := ntk.Must(ntk.CrossTiles(context.Background(), K, z, x))
	entries := make([]float64, 2)
	err := tiles.Tile(context.Background(), entries, 0, 1, 0, 2)
	fmt.Println(entries, err)
	// Output: [0.5 -0.5] <nil>
}

func ExampleMatrixTiles() {
	tiles := ntk.MatrixTiles(mat.NewSymDense(2, []float64{2, 1, 1, 3}))
	column := make([]float64, 2)
	err := tiles.Tile(context.Background(), column, 0, 2, 1, 2)
	fmt.Println(column, err)
	// Output: [1 3] <nil>
}
