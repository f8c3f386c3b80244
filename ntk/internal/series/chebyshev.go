package series

import "math"

// ChebyshevPoint is zero j of T_n, from the largest down. The values at the n of them determine
// a series Σ b_k T_k of n terms.
func ChebyshevPoint(j, n int) float64 { return math.Cos(math.Pi * (float64(j) + 0.5) / float64(n)) }

// ChebyshevAtPoint is T_k at [ChebyshevPoint] j of n.
func ChebyshevAtPoint(k, j, n int) float64 {
	return math.Cos(math.Pi * float64(k) * (float64(j) + 0.5) / float64(n))
}

// ChebyshevCoeffs returns the coefficients b_k of the series that has the values at the points
// of [ChebyshevPoint]. Cost: O(n²).
func ChebyshevCoeffs(values []float64) []float64 {
	return chebyshevCoeffs(values, func(t []float64, k int) {
		for j := range t {
			t[j] = ChebyshevAtPoint(k, j, len(t))
		}
	})
}

// ChebyshevCoeffsOfMany is [ChebyshevCoeffs] for hundreds of values and more. The arguments of
// its cosines would be large, and so their errors; it takes them from a table of a period.
func ChebyshevCoeffsOfMany(values []float64) []float64 {
	n := len(values)
	cosines := make([]float64, 4*n)
	for i := range cosines {
		cosines[i] = math.Cos(math.Pi * float64(i) / float64(2*n))
	}
	return chebyshevCoeffs(values, func(t []float64, k int) {
		i := k // k(2j+1), modulo the period
		for j := range t {
			t[j] = cosines[i]
			if i += 2 * k; i >= len(cosines) {
				i -= len(cosines)
			}
		}
	})
}

// chebyshevCoeffs sums over the points; at sets t to the values of T_k there.
func chebyshevCoeffs(values []float64, at func(t []float64, k int)) []float64 {
	n := len(values)
	b, t := make([]float64, n), make([]float64, n)
	for k := range b {
		at(t, k)
		var sum float64
		for j, v := range values {
			sum += v * t[j]
		}
		b[k] = sum * (2 / float64(n))
	}
	b[0] /= 2
	return b
}

// Chebyshev is Σ b_k T_k(x), by Clenshaw's recurrence.
func Chebyshev(b []float64, x float64) float64 {
	var u, v float64
	for k := len(b) - 1; k > 0; k-- {
		u, v = 2*x*u-v+b[k], u
	}
	return x*u - v + b[0]
}

// ChebyshevDerivative sets d, as long as b, to the coefficients of the derivative of Σ b_k T_k;
// the last is 0.
func ChebyshevDerivative(d, b []float64) {
	clear(d)
	for k := len(b) - 1; k > 0; k-- {
		d[k-1] = 2 * float64(k) * b[k]
		if k+1 < len(d) {
			d[k-1] += d[k+1]
		}
	}
	d[0] /= 2
}

// ChebyshevInPowers returns the coefficients of T_k in powers of x, a row of k+1 for each
// k < n.
func ChebyshevInPowers(n int) [][]float64 {
	t := make([][]float64, n)
	for k := range t {
		t[k] = make([]float64, k+1)
		switch k {
		case 0:
			t[0][0] = 1
		case 1:
			t[1][1] = 1
		default:
			for i, v := range t[k-1] {
				t[k][i+1] += 2 * v
			}
			for i, v := range t[k-2] {
				t[k][i] -= v
			}
		}
	}
	return t
}
