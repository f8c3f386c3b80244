// Package series is the arithmetic of power series Σ a_k c^k and of Chebyshev series
// Σ b_k T_k(c), given by their coefficients, degree 0 first.
package series

// TrimZeros returns a without its zeros of the highest degrees, of which it keeps the first.
func TrimZeros(a []float64) []float64 {
	n := len(a)
	for n > 1 && a[n-1] == 0 {
		n--
	}
	return a[:n]
}
