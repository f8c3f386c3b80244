package spectra

// Spectrum is the eigenvalues of a kernel on a domain or for a distribution of data.
type Spectrum struct {
	Levels []Level
	// Tail is what the levels lack of the trace, the mean of K(x, x): the sum of all eigenvalues
	// that are not listed, each with its multiplicity. Where n points are learned from, so much
	// smaller ones act as a ridge of this size together.
	Tail float64
}

// Level is an eigenvalue of a kernel, with as many eigenfunctions as Multiplicity says. On the
// hypercube these are the parities of Degree bits, on the sphere the spherical harmonics of a
// degree, on the circle the waves of a frequency.
type Level struct {
	Degree       int
	Eigenvalue   float64
	Multiplicity float64 // exact up to 2^53
}
