package spectra_test

import (
	"context"
	"fmt"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/spectra"
)

// A ReLU net of one hidden layer without biases cannot learn odd degrees from 3 on; deeper nets
// have smaller eigenvalues there, and more beyond.
func ExampleSphere_Spectrum() {
	for _, depth := range []int{1, 4} {
		net := ntk.Must(ntk.UniformFCN(depth, ntk.ReLU{}, 1.5, 0))
		s := ntk.Must(spectra.Sphere{Dim: 10}.Spectrum(ntk.Must(net.NTK()), 5))
		fmt.Printf("%d layers:", depth)
		for _, l := range s.Levels {
			fmt.Printf(" %.1e", l.Eigenvalue)
		}
		fmt.Printf(", beyond %.3f\n", s.Tail)
	}
	// Output:
	// 1 layers: 4.1e-01 1.1e-01 9.6e-03 0.0e+00 1.1e-04 0.0e+00, beyond 0.118
	// 4 layers: 2.4e+00 1.6e-01 2.2e-02 3.0e-03 6.3e-04 1.5e-04, beyond 1.510
}

// Eigenvalues for waves around the circle fall slowly with the frequency for a kernel with a kink.
func ExampleCircle_Spectrum() {
	for _, K := range []ntk.Kernel{
		ntk.Must(ntk.GaussianKernel(1)), ntk.Must(ntk.LaplaceKernel(1)),
	} {
		s := ntk.Must(spectra.Circle{Points: 100}.Spectrum(K, 8))
		for _, l := range s.Levels[4:] {
			fmt.Printf("%.1e  ", l.Eigenvalue)
		}
		fmt.Printf("beyond %.1e\n", s.Tail)
	}
	// Output:
	// 1.0e-03  1.0e-04  8.3e-06  5.9e-07  3.7e-08  beyond 4.3e-09
	// 1.9e-02  1.2e-02  8.8e-03  6.5e-03  5.0e-03  beyond 7.3e-02
}

// The largest eigenvalues of a kernel matrix, which is never kept whole.
func ExampleGram() {
	x := ntk.Inputs[float64]{Rows: []float64{1, 0, 0, 1, -1, 0, 0, -1}, N: 4, D: 2}
	tiles := ntk.Must(ntk.GramTiles(context.Background(), ntk.Must(ntk.PolynomialKernel(3, 0)), x))
	s := ntk.Must(spectra.Gram(context.Background(), tiles, spectra.GramSettings{Top: 2}))
	for _, l := range s.Levels {
		fmt.Printf("%.6f ± %.0e\n", l.Eigenvalue, l.Error)
	}
	// Output:
	// 0.062500 ± 3e-17
	// 0.062500 ± 3e-17
}

// A kernel on positions on a circle times one of eight bits.
func ExampleProduct() {
	K := ntk.Must(ntk.GaussianKernel(1))
	place := ntk.Must(spectra.Circle{}.Spectrum(K, 20))
	bits := ntk.Must(spectra.Hypercube{Dim: 8}.Spectrum(K))
	for _, l := range ntk.Must(spectra.Product(place, bits)).Levels[:4] {
		fmt.Printf("degree %d: %.4f, %.0f times\n", l.Degree, l.Eigenvalue, l.Multiplicity)
	}
	// Output:
	// degree 0: 0.1824, 1 times
	// degree 1: 0.0814, 2 times
	// degree 1: 0.0227, 8 times
	// degree 2: 0.0196, 2 times
}
