package inverse_test

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/kernelsmith/kernelsmith/ntk/inverse"

	"github.com/kernelsmith/kernelsmith/ntk"
)

// sampled is a function at 41 cosines.
func sampled(f func(c float64) float64) inverse.Samples {
	var s inverse.Samples
	for i := range 41 {
		c := math.Cos(math.Pi * float64(i) / 40)
		s.Cosines = append(s.Cosines, c)
		s.Values = append(s.Values, f(c))
	}
	return s
}

// Is it a kernel of a net, and if not, what is nearest?
func ExampleCertify() {
	cert := ntk.Must(
		inverse.Certify(sampled(func(c float64) float64 { return c + c*c - 0.5*c*c*c }), nil))
	fmt.Println(cert.Verdict, "with proof:", cert.Proof)
	fmt.Printf("least coefficient: %.3f of c^%d\n", cert.Least.Value, cert.Least.Degree)
	fmt.Printf("nearest: %.3f, %.3f away in the mean\n", cert.Nearest.Coeffs(), cert.MeanDistance)
	// Output:
	// not realizable with proof: false
	// least coefficient: -0.500 of c^3
	// nearest: [0.000 0.619 1.000], 0.089 away in the mean
}

func ExampleCertificate() {
	series := ntk.Must(ntk.NewPowerSeries([]float64{0.5, 0, 1}))
	cert := ntk.Must(inverse.Certify(series, nil))
	fmt.Println(strings.ReplaceAll(cert.String(), "; ", ";\n"))
	// Output:
	// power series of degree 2: realizable (proof: all coefficients are ≥ 0);
	// cut off at degree 2: 0 away in the mean, 0 at most
}

// A tolerance decides where a series is cut off; the rest is bounded.
func ExampleCertifySettings() {
	a := make([]float64, 20) // e^c
	a[0] = 1
	for k := 1; k < len(a); k++ {
		a[k] = a[k-1] / float64(k)
	}
	cert := ntk.Must(
		inverse.Certify(ntk.Must(ntk.NewPowerSeries(a)), &inverse.CertifySettings{Tolerance: 1e-3}))
	fmt.Printf("%d coefficients, rest %.2g, proved: %v\n", len(cert.Nearest.Coeffs()), cert.Rest,
		cert.RestProved)
	// Output: 6 coefficients, rest 0.0016, proved: true
}

func ExampleVerdict() {
	fmt.Println(inverse.Realizable, "/", inverse.NotRealizable, "/", inverse.Undetermined)
	// Output: realizable / not realizable / undetermined
}

// Noisy values, each ±0.05, of a falling function.
func ExampleSamples() {
	cert := ntk.Must(inverse.Certify(inverse.Samples{
		Cosines: []float64{1, 0.5, 0, -0.5, -1},
		Values:  []float64{0.02, 0.48, 1.03, 1.51, 1.98},
		Std:     []float64{0.05},
	}, nil))
	fmt.Println(cert.Verdict)
	fmt.Println(cert.Reason)
	// Output:
	// not realizable
	// the coefficient of c^1 is -0.99 ± 0.088
}

// Panel A of [SAD22] fig. 1.
func ExampleNearest() {
	net := ntk.Must(ntk.UniformFCN(4, ntk.ReLU{}, math.Sqrt2, 0.1))
	fit := ntk.Must(inverse.Nearest(ntk.Must(net.NNGP()), 5, inverse.PaperPlaces()))
	fmt.Printf("%.4f, off by %.4f in the mean, %.4f at most\n", fit.Series.Coeffs(), fit.Mean,
		fit.Max)
	// Output:
	// [0.7000 0.1474 0.0683 0.0098 0.0510 0.0421], off by 0.0012 in the mean, 0.0028 at most
}

func ExamplePaperPlaces() {
	s := inverse.PaperPlaces()
	fmt.Println(s.Points, s.EndCopies)
	// Output: 100 11
}

// From a curve over the cosine to a net that has it.
func ExampleOf() {
	inv := ntk.Must(inverse.Of(sampled(math.Cosh), &inverse.Settings{SignRule: inverse.PaperSigns}))
	net := ntk.Must(ntk.UniformFCN(1, inv.Phi, 1, 0))
	K := ntk.Must(net.NTK())
	fmt.Printf("φ = %.4f h_0 %+.4f h_2 %+.4f h_4 …\n", inv.Coeffs[0], inv.Coeffs[2], inv.Coeffs[4])
	fmt.Printf("NTK(0.3) = %.10f, cosh 0.3 = %.10f\n", ntk.Must(K.Curve([]float64{0.3}))[0],
		math.Cosh(0.3))
	// Output:
	// φ = 1.0000 h_0 -0.4082 h_2 +0.0913 h_4 …
	// NTK(0.3) = 1.0453385141, cosh 0.3 = 1.0453385141
}

// A net with a bias whose inputs have the norm² 2d.
func ExampleSettings() {
	target := ntk.Must(ntk.NewPowerSeries([]float64{1, 1, 1}))
	inv := ntk.Must(
		inverse.Of(target, &inverse.Settings{WeightStd: 1.2, BiasStd: 0.5, NormSquared: 2}))
	net := ntk.Must(ntk.UniformFCN(1, inv.Phi, 1.2, 0.5))
	v := ntk.Must(ntk.Must(net.NTK()).At(2, 2*0.5, 2))
	fmt.Printf("%v: %.4f at c = 0.5\n", inv.Phi, v)
	// Output: Hermite series of degree 2 in z/1.769: 1.7500 at c = 0.5
}

func ExampleResult() {
	target := ntk.Must(ntk.NewPowerSeries([]float64{0, 0.5, 0, 0, 0, 0.5}))
	inv := ntk.Must(inverse.Of(target, nil))
	fmt.Printf("%.3f\n%v\n", inv.Coeffs, inv.Growth)
	// Output:
	// [0.000 0.500 0.000 0.000 0.000 0.289]
	// degree 5: within 3 standard deviations |φ| ≤ 1.97, out to 5 up to 53.9 (27.3 times)
}

func ExampleTarget() {
	net := ntk.Must(ntk.UniformFCN(2, ntk.Erf{}, 1.5, 0.3))
	for _, target := range []inverse.Target{
		ntk.Must(ntk.NewPowerSeries([]float64{0, 1})),                             // K = c
		ntk.Must(net.NTK()),                                                       // another net
		inverse.Samples{Cosines: []float64{1, 0, -1}, Values: []float64{3, 1, 1}}, // values
	} {
		fit := ntk.Must(inverse.Nearest(target, 2, nil))
		fmt.Printf("%.3f\n", fit.Series.Coeffs())
	}
	// Output:
	// [0.000 1.000 0.000]
	// [0.071 1.597 0.247]
	// [1.000 1.000 1.000]
}

func ExampleNearestKernel() {
	fit := ntk.Must(inverse.Nearest(sampled(math.Sinh), 3, nil))
	fmt.Printf("%.4f c %+.4f c³, off by at most %.4f\n", fit.Series.Coeffs()[1],
		fit.Series.Coeffs()[3], fit.Max)
	// Output: 0.9973 c +0.1774 c³, off by at most 0.0006
}

// More weight at c = 1, where the cusp is.
func ExamplePlaces() {
	K := ntk.Must(ntk.Must(ntk.UniformFCN(1, ntk.ReLU{}, math.Sqrt2, 0)).NTK())
	for _, copies := range []int{0, 50} {
		fit := ntk.Must(inverse.Nearest(K, 4, &inverse.Places{Points: 100, EndCopies: copies}))
		fmt.Printf("K(1) = 2, fitted %.3f\n", fit.Series.At(1))
	}
	// Output:
	// K(1) = 2, fitted 1.960
	// K(1) = 2, fitted 1.992
}

func ExampleCoefficient() {
	series := ntk.Must(ntk.NewPowerSeries([]float64{1, 0.5, 0.25}))
	fmt.Printf("%+v\n", ntk.Must(inverse.Certify(series, nil)).Least)
	// Output: {Degree:2 Value:0.25 Uncertainty:0}
}

func ExampleSharedDepthSettings() {
	_, err := inverse.SharedDepth(ntk.Must(ntk.NewPowerSeries([]float64{0, 1})), 2,
		&inverse.SharedDepthSettings{Degree: 500})
	fmt.Println(err)
	// Output: inverse: Degree is 500; it must be from 1 to 120, or 0 for 40
}

func ExampleGrowth() {
	fmt.Println(inverse.Growth{Degree: 9, Inside: 2, Outside: 500}.Ratio())
	// Output: 250
}

// Signs make no difference to the kernel, but to how far a finite net is from it.
func ExampleSignRule() {
	target := ntk.Must(ntk.NewPowerSeries([]float64{1, 0.5, 0.5, 0.5}))
	for _, rule := range []inverse.SignRule{inverse.AllPlus, inverse.Alternating,
		inverse.PaperSigns,
		inverse.LeastVariance} {
		inv := ntk.Must(
			inverse.Of(target, &inverse.Settings{SignRule: rule, SignCosines: []float64{1, 0}}))
		at1 := ntk.Must(inverse.FiniteWidthVariance(inv.Phi, 1, 1, 1))
		at0 := ntk.Must(inverse.FiniteWidthVariance(inv.Phi, 1, 0, 1))
		fmt.Printf("%-14v N Var = %.2f at c = 1, %.2f at 0\n", rule, at1, at0)
	}
	// Output:
	// all plus       N Var = 83.14 at c = 1, 1.38 at 0
	// alternating    N Var = 83.14 at c = 1, 1.38 at 0
	// paper          N Var = 15.68 at c = 1, 1.38 at 0
	// least variance N Var = 15.68 at c = 1, 1.38 at 0
}

func ExampleNotRealizableError() {
	target := ntk.Must(ntk.NewPowerSeries([]float64{1, -0.2, 0.5}))
	_, err := inverse.Of(target, nil)
	var not *inverse.NotRealizableError
	if errors.As(err, &not) {
		fmt.Println(not.Certificate.Reason)
	}
	inv, err := inverse.Of(target, &inverse.Settings{AcceptNearest: true})
	fmt.Printf("nearest: φ with b = %.3f, off by at most %.3f, %v\n", inv.Coeffs,
		inv.Certificate.MaxDistance, err)
	// Output:
	// the coefficient of c^1 is -0.2
	// nearest: φ with b = [1.000 0.000 0.408], off by at most 0.200, <nil>
}

// The result comes with the error: it is the best within the degrees allowed.
func ExampleTruncationError() {
	inv, err := inverse.Of(
		sampled(func(c float64) float64 { return math.Exp(-math.Sqrt(2 - 2*c)) }),
		&inverse.Settings{MaxDegree: 20})
	var cut *inverse.TruncationError
	fmt.Println(errors.As(err, &cut), cut.Degree, inv.Growth.Degree)
	fmt.Printf("rest %.2f\n", inv.Rest)
	// Output:
	// true 20 20
	// rest 0.05
}

// How wide is enough: the standard deviation at width N is √(this/N).
func ExampleFiniteWidthVariance() {
	v := ntk.Must(inverse.FiniteWidthVariance(ntk.PublishedMimic(), 1, 0.5, 1))
	fmt.Printf("%.2f, at width 4096 %.3f\n", math.Sqrt(v), math.Sqrt(v/4096))
	// Output: 6.00, at width 4096 0.094
}

// The two-layer net with one activation whose NNGP kernel is the target, and a
// target that has none.
func ExampleSharedDepth() {
	target := ntk.Must(
		ntk.NewPowerSeries([]float64{0, 0.25, 0.375, 0.25, 0.125})) // f(f(c)), f = (c+c²)/2
	got := ntk.Must(inverse.SharedDepth(target, 2, &inverse.SharedDepthSettings{NNGP: true}))
	fmt.Printf("%v: f = %.3f\n", got.Verdict, got.Dual.Coeffs())
	target = ntk.Must(ntk.NewPowerSeries([]float64{0, 0.9, 0, 0.1}))
	got = ntk.Must(inverse.SharedDepth(target, 2, &inverse.SharedDepthSettings{NNGP: true}))
	fmt.Printf("%v: f would have %.5f c^%d\n", got.Verdict, got.Witness.Value, got.Witness.Degree)
	// Output:
	// realizable: f = [0.000 0.500 0.500]
	// not realizable: f would have -0.00484 c^5
}

func ExampleSharedActivation() {
	target := ntk.Must(ntk.NewPowerSeries([]float64{0, 0, 0, 0, 0, 0, 0, 0, 0, 2})) // 2c⁹
	got := ntk.Must(inverse.SharedDepth(target, 2, &inverse.SharedDepthSettings{NNGP: true}))
	fmt.Printf("%v, readout σ_w = %.4f\n", got.Phi.Coeffs(), got.ReadoutStd)
	// Output: [0 0 0 1], readout σ_w = 1.4142
}

// From a kernel to the activation that has it, and back.
func ExampleNTK() {
	target := ntk.Must(ntk.NewPowerSeries([]float64{0, 0, 0, 1})) // K(c) = c³
	phi := ntk.Must(inverse.NTK(target, nil))
	net := ntk.Must(ntk.UniformFCN(1, phi, 1, 0))
	K := ntk.Must(net.NTK())
	fmt.Printf("φ = %.1f h_3, NTK(0.5) = %.3f\n", phi.Coeffs()[3],
		ntk.Must(K.Curve([]float64{0.5}))[0])
	// Output: φ = 0.5 h_3, NTK(0.5) = 0.125
}

func ExampleNNGP() {
	target := ntk.Must(ntk.NewPowerSeries([]float64{0.25, 1}))
	phi := ntk.Must(inverse.NNGP(target, []int{-1, 1}))
	fmt.Println(phi.Coeffs())
	// Output: [-0.5 1]
}
