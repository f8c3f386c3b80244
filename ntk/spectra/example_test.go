package spectra_test

import (
	"fmt"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/spectra"
)

// The parity of 11 bits is one of 2,048 eigenfunctions of every kernel on the
// hypercube; a kernel of odd degrees gives it about 1/1,024 of its weight.
func ExampleHypercube_Spectrum() {
	net := ntk.Must(ntk.UniformFCN(1, ntk.Sin{Amplitude: 0.5, Frequency: 6}, 1, 0))
	levels := ntk.Must(spectra.Hypercube{Dim: 11}.Spectrum(ntk.Must(net.NTK()))).Levels
	var sum float64
	for _, l := range levels {
		sum += l.Eigenvalue * l.Multiplicity
	}
	for _, l := range levels[8:] {
		fmt.Printf("degree %2d: %.6f, %.0f times\n", l.Degree, l.Eigenvalue/sum, l.Multiplicity)
	}
	fmt.Printf("sum, K(1): %.3f\n", sum)
	// Output:
	// degree  8: 0.000000, 165 times
	// degree  9: 0.000969, 55 times
	// degree 10: 0.000000, 11 times
	// degree 11: 0.000964, 1 times
	// sum, K(1): 4.625
}
