package ntk

// expansion is what the structure of a kernel tells of its power series in the
// cosine c on the sphere ‖x‖² = d. A kernel that is only a function has none.
type expansion struct {
	// coeffs returns a_0 … a_degree, each to rounding relative to its own size
	// where nonneg is true, else relative to the sum of |a_k|.
	coeffs func(degree int) ([]float64, error)
	// nonneg says that all coefficients are ≥ 0 by the kernel's construction.
	nonneg bool
	// tolerance is the error of numeric coefficients, together, relative to K(1).
	tolerance float64
}
