package elsewhere

// Tolerances are three to ten times the largest difference that was measured between amd64, arm64
// and WebAssembly, portable and with OpenBLAS; docs/tested.md has these.
const (
	exact      = 0     // the same bits
	closed     = 5e-14 // closed forms and recursions of them
	matrix     = 3e-14 // of kernels in double precision
	quadrature = 2e-14
	solved     = 3e-14 // linear systems and eigenvalues of kernel matrices
	expanded   = 2e-13 // eigenvalues from long series
	iterated   = 3e-11 // fixed points, and iterations to a tolerance
	searched   = 5e-8  // where a function is least, which is flat there
	single     = 1e-5  // single precision
	trained    = 5e-6  // losses over 50 epochs in single precision
)
