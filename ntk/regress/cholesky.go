package regress

import (
	"math"

	"github.com/kernelsmith/kernelsmith/ntk/internal/accel"
	"gonum.org/v1/gonum/blas"
)

// block is the number of columns that are factored at a time: what is inside a
// block is a plain loop, all else a matrix product.
const block = 48

// cholesky overwrites the lower triangle of the row-major symmetric n×n matrix
// a, of which it reads only that, with its factor L, a = L Lᵀ. It reports
// whether a is positive definite to rounding.
func cholesky(n int, a []float64) bool {
	b64 := accel.Float64()
	for k := 0; k < n; k += block {
		end := min(k+block, n)
		width := end - k
		for j := k; j < end; j++ {
			row := a[j*n+k : j*n+j]
			pivot := a[j*n+j]
			for _, v := range row {
				pivot -= v * v
			}
			if !(pivot > 0) || math.IsInf(pivot, 0) {
				return false
			}
			pivot = math.Sqrt(pivot)
			a[j*n+j] = pivot
			for i := j + 1; i < end; i++ {
				sum := a[i*n+j]
				for l, v := range row {
					sum -= v * a[i*n+k+l]
				}
				a[i*n+j] = sum / pivot
			}
		}
		if end == n {
			break
		}
		b64.Dtrsm(blas.Right, blas.Lower, blas.Trans, blas.NonUnit, n-end, width, 1, a[k*n+k:], n,
			a[end*n+k:], n)
		// The triangle that is left, in strips that reach to its diagonal.
		for i := end; i < n; i += 4 * block {
			to := min(i+4*block, n)
			b64.Dgemm(blas.NoTrans, blas.Trans, to-i, to-end, width, -1, a[i*n+k:], n, a[end*n+k:],
				n, 1, a[i*n+end:], n)
		}
	}
	return true
}

// solveLower overwrites the row-major n×cols matrix b with L⁻¹ b, L the lower
// triangle of the n×n matrix a, whose rows are stride apart.
func solveLower(n int, a []float64, stride, cols int, b []float64) {
	b64 := accel.Float64()
	for k := 0; k < n; k += block {
		end := min(k+block, n)
		b64.Dtrsm(blas.Left, blas.Lower, blas.NoTrans, blas.NonUnit, end-k, cols, 1, a[k*stride+k:],
			stride, b[k*cols:], cols)
		if end < n {
			b64.Dgemm(blas.NoTrans, blas.NoTrans, n-end, cols, end-k, -1, a[end*stride+k:], stride,
				b[k*cols:], cols, 1, b[end*cols:], cols)
		}
	}
}

// solveLowerTrans overwrites b with L⁻ᵀ b.
func solveLowerTrans(n int, a []float64, cols int, b []float64) {
	b64 := accel.Float64()
	for k := (n - 1) / block * block; k >= 0; k -= block {
		end := min(k+block, n)
		if end < n {
			b64.Dgemm(blas.Trans, blas.NoTrans, end-k, cols, n-end, -1, a[end*n+k:], n,
				b[end*cols:], cols, 1, b[k*cols:], cols)
		}
		b64.Dtrsm(blas.Left, blas.Lower, blas.Trans, blas.NonUnit, end-k, cols, 1, a[k*n+k:], n,
			b[k*cols:], cols)
	}
}
