package spectra_test

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/inverse"
	"github.com/kernelsmith/kernelsmith/ntk/spectra"
	"gonum.org/v1/gonum/mat"
)

// parityOfThree is a kernel on ten bits and the parity of three of them, with noise.
func parityOfThree() (*spectra.Spectrum, spectra.Target) {
	cube := spectra.Hypercube{Dim: 10}
	s := ntk.Must(cube.Spectrum(ntk.Must(ntk.GaussianKernel(1))))
	target := ntk.Must(cube.Parities(spectra.Parity{Bits: []int{0, 1, 2}, Coefficient: 1}))
	target.Noise = 0.1
	return s, target
}

// The parity of three bits takes about as many points as there are such parities, 120, and those
// of fewer bits.
func ExampleSpectrum_LearningCurve() {
	s, target := parityOfThree()
	for _, l := range ntk.Must(s.LearningCurve(target, []float64{50, 200, 800}, 0.05)) {
		fmt.Printf("learned %.2f, test error %.2f, training error %.3f\n", l.Learnability[3],
			l.TestMSE, l.TrainMSE)
	}
	// Output:
	// learned 0.07, test error 1.50, training error 0.061
	// learned 0.40, test error 0.68, training error 0.129
	// learned 0.81, test error 0.17, training error 0.085
}

func ExampleSpectrum_Learn() {
	s, target := parityOfThree()
	l := ntk.Must(s.Learn(target, 400, 0.01))
	fmt.Printf("κ %.5f, E_0 %.2f, bias %.3f, variance %.3f\n", l.Kappa, l.Overfitting, l.Bias,
		l.Variance)
	// Output:
	// κ 0.00007, E_0 1.74, bias 0.122, variance 0.090
}

// A network of 200 hidden units of which only the readout is trained, beside infinitely many.
func ExampleSpectrum_LearnFeatures() {
	s, target := parityOfThree()
	for _, k := range []float64{200, 2000, math.Inf(1)} {
		l := ntk.Must(s.LearnFeatures(target, 400, k, 0.01))
		fmt.Printf("%v features: %.3f\n", k, l.TestMSE)
	}
	// Output:
	// 200 features: 0.593
	// 2000 features: 0.226
	// +Inf features: 0.212
}

func ExampleSpectrum_LeastFeatures() {
	s, target := parityOfThree()
	fmt.Println(ntk.Must(s.LeastFeatures(target, 400, 0.01, 1.1)))
	// Output:
	// 1367
}

func ExampleSpectrum_BestRidge() {
	s, target := parityOfThree()
	ridge, best, err := s.BestRidge(target, 400, math.Inf(1))
	if err != nil {
		panic(err)
	}
	fmt.Printf("ridge %.3f: %.3f\n", ridge, best.TestMSE)
	// Output:
	// ridge 0.009: 0.212
}

// Which eigenvalue should be larger? That of the target's degree, most of all.
func ExampleLearning_Gradient() {
	s, target := parityOfThree()
	slopes, _, err := ntk.Must(s.Learn(target, 400, 0.01)).Gradient()
	if err != nil {
		panic(err)
	}
	for k, v := range slopes[:5] {
		fmt.Printf("degree %d: %+.2g for 1 %% more\n", k, v*s.Levels[k].Eigenvalue/100)
	}
	// Output:
	// degree 0: +3.2e-09 for 1 % more
	// degree 1: +3.2e-07 for 1 % more
	// degree 2: +1.4e-05 for 1 % more
	// degree 3: -0.00041 for 1 % more
	// degree 4: +0.00034 for 1 % more
}

// The majority of five bits.
func ExampleHypercube_Target() {
	majority := func(x []float64) float64 {
		return math.Copysign(1, x[0]+x[1]+x[2]+x[3]+x[4])
	}
	target := ntk.Must(spectra.Hypercube{Dim: 5}.Target(majority))
	fmt.Printf("%.4f\n", target.Power)
	// Output:
	// [0.0000 0.7031 0.0000 0.1562 0.0000 0.1406]
}

func ExampleHypercube_Parities() {
	target := ntk.Must(spectra.Hypercube{Dim: 50}.Parities(
		spectra.Parity{Bits: []int{7}, Coefficient: 0.6},
		spectra.Parity{Bits: []int{3, 49}, Coefficient: -0.8},
	))
	fmt.Printf("%.2f\n", target.Power[:4])
	// Output:
	// [0.00 0.36 0.64 0.00]
}

func ExampleCircle_Target() {
	square := func(angle float64) float64 { return math.Copysign(1, math.Pi-angle) }
	target := ntk.Must(spectra.Circle{}.Target(square, 3))
	fmt.Printf("%.3f, beyond %.3f\n", target.Power, target.Noise)
	// Output:
	// [0.000 0.811 0.000 0.090], beyond 0.099
}

// The sign of one coordinate.
func ExampleSphere_ZonalTarget() {
	sign := func(c float64) float64 { return math.Copysign(1, c) }
	target := ntk.Must(spectra.Sphere{Dim: 3}.ZonalTarget(sign, 3))
	fmt.Printf("%.4f, beyond %.4f\n", target.Power, target.Noise)
	// Output:
	// [0.0000 0.7500 0.0000 0.1094], beyond 0.1406
}

// The sign of one coordinate again, from noisy labels of 500 points.
func ExampleSphere_SampledTarget() {
	random := rand.New(rand.NewPCG(1, 1))
	x, y := mat.NewDense(500, 3, nil), mat.NewDense(500, 1, nil)
	for i := range 500 {
		row := x.RawRowView(i)
		for j := range row {
			row[j] = random.NormFloat64()
		}
		norm := math.Hypot(math.Hypot(row[0], row[1]), row[2])
		for j := range row {
			row[j] *= math.Sqrt(3) / norm
		}
		y.Set(i, 0, math.Copysign(1, row[0])+0.3*random.NormFloat64())
	}
	e := ntk.Must(spectra.Sphere{Dim: 3}.SampledTarget(x, y, 3))
	for k, power := range e.Power {
		fmt.Printf("degree %d: %.2f ± %.2f\n", k, power, e.StandardError[k])
	}
	// Output:
	// degree 0: 0.00 ± 0.00
	// degree 1: 0.73 ± 0.04
	// degree 2: 0.01 ± 0.01
	// degree 3: 0.09 ± 0.03
}

// The eigenvectors of a kernel matrix as modes, and labels that depend on the third alone.
func ExampleDataTarget() {
	const n = 64
	gram := mat.NewSymDense(n, nil)
	for i := range n {
		for j := range i + 1 {
			gram.SetSym(i, j, math.Exp(-float64((i-j)*(i-j))/200))
		}
	}
	var eigen mat.EigenSym
	eigen.Factorize(gram, true)
	var vectors mat.Dense
	eigen.VectorsTo(&vectors)
	basis := mat.DenseCopyOf(vectors.Slice(0, n, n-4, n)) // of the largest four
	random := rand.New(rand.NewPCG(1, 1))
	y := mat.NewDense(n, 1, nil)
	for i := range n {
		y.Set(i, 0, 8*basis.At(i, 1)+0.5*random.NormFloat64())
	}
	e := ntk.Must(spectra.DataTarget(basis, y))
	for k := range e.Power {
		fmt.Printf("mode %d: %.2f ± %.2f\n", k, e.Power[k], e.StandardError[k])
	}
	fmt.Printf("noise %.2f\n", e.Noise)
	// Output:
	// mode 0: -0.00 ± 0.01
	// mode 1: 0.94 ± 0.13
	// mode 2: -0.00 ± 0.01
	// mode 3: -0.00 ± 0.01
	// noise 0.28
}

// A target of degree 1 and 3 with noise, and the kernel that 200 points learn it with best.
func ExamplePowerSpectra_BestKernel() {
	powers := ntk.Must(spectra.Sphere{Dim: 10}.PowerSpectra(5))
	target := spectra.Target{Power: []float64{0, 0.4, 0, 0.5, 0, 0}, Noise: 0.1}
	design := ntk.Must(powers.BestKernel(target, []float64{200}, nil))
	fmt.Printf("K(c) = %.2f c + %.2f c³, ridge %.2f: error %.3f\n", design.Coeffs[1],
		design.Coeffs[3], design.Ridge, design.TestMSE)
	net := ntk.Must(inverse.NTK(ntk.Must(design.Series()), nil))
	fmt.Println("degree of φ:", len(net.Coeffs())-1)
	// Output:
	// K(c) = 0.26 c + 0.74 c³, ridge 0.11: error 0.314
	// degree of φ: 5
}

// How much of a coefficient is as good?
func ExampleKernelDesign_Ranges() {
	powers := ntk.Must(spectra.Hypercube{Dim: 10}.PowerSpectra(4))
	_, target := parityOfThree()
	design := ntk.Must(powers.BestKernel(target, []float64{100, 400}, nil))
	for j, r := range ntk.Must(design.Ranges(1.01)) {
		fmt.Printf("a_%d = %.2f, from %.2f to %.2f\n", j, design.Coeffs[j], r[0], r[1])
	}
	// Output:
	// a_0 = 0.00, from 0.00 to 0.03
	// a_1 = 0.00, from 0.00 to 0.19
	// a_2 = 0.00, from 0.00 to 0.01
	// a_3 = 1.00, from 0.94 to 1.00
	// a_4 = 0.00, from 0.00 to 0.01
}

func ExamplePowerSpectra_Spectrum() {
	powers := ntk.Must(spectra.Hypercube{Dim: 6}.PowerSpectra(3))
	s := ntk.Must(powers.Spectrum([]float64{0, 0.5, 0, 0.5}))
	for _, l := range s.Levels[:4] {
		fmt.Printf("degree %d: %.4f, %v times\n", l.Degree, l.Eigenvalue, l.Multiplicity)
	}
	// Output:
	// degree 0: 0.0000, 1 times
	// degree 1: 0.1204, 6 times
	// degree 2: 0.0000, 15 times
	// degree 3: 0.0139, 20 times
}

// Of the 256 corners of a cube 100 are drawn, none twice: that is better than independent draws,
// and much better than draws that may repeat.
func ExampleSpectrum_LearnDrawn() {
	cube := spectra.Hypercube{Dim: 8}
	s := ntk.Must(cube.Spectrum(ntk.Must(ntk.GaussianKernel(1))))
	target := ntk.Must(cube.Parities(spectra.Parity{Bits: []int{0, 1}, Coefficient: 1}))
	once := ntk.Must(s.LearnDrawn(target, 100, 256, false, 0.1))
	repeated := ntk.Must(s.LearnDrawn(target, 100, 256, true, 0.1))
	independent := ntk.Must(s.Learn(target, 100, 0.1))
	fmt.Printf("%.3f %.3f %.3f\n", once.TestMSE, repeated.TestMSE, independent.TestMSE)
	// Output:
	// 0.064 0.094 0.084
}
