package accel

import (
	"math"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/lapack"
	lapackgonum "gonum.org/v1/gonum/lapack/gonum"
)

// Float is a precision.
type Float interface{ float32 | float64 }

// IsSingle reports whether T is the single precision.
func IsSingle[T Float]() bool { return T(1)+T(0x1p-40) == 1 }

// Products are the matrix products and triangular solves of gonum's BLAS in the precision
// of T, for code that is written once for both.
type Products[T Float] struct {
	Gemm func(tA, tB blas.Transpose, m, n, k int, alpha T, a []T, lda int, b []T, ldb int,
		beta T, c []T, ldc int)
	Syrk func(ul blas.Uplo, t blas.Transpose, n, k int, alpha T, a []T, lda int, beta T, c []T,
		ldc int)
	Trsm func(s blas.Side, ul blas.Uplo, t blas.Transpose, d blas.Diag, m, n int, alpha T, a []T,
		lda int, b []T, ldb int)
}

// Of returns the products of [Float32] or [Float64].
func Of[T Float]() Products[T] { return products[T](Float32(), Float64()) }

// SerialOf returns the products of [Serial32] or [Serial64].
func SerialOf[T Float]() Products[T] { return products[T](Serial32(), Serial64()) }

func products[T Float](f32 blas.Float32, f64 blas.Float64) Products[T] {
	if p, ok := any(Products[float32]{f32.Sgemm, f32.Ssyrk, f32.Strsm}).(Products[T]); ok {
		return p
	}
	return any(Products[float64]{f64.Dgemm, f64.Dsyrk, f64.Dtrsm}).(Products[T])
}

// factorisations are the parts of LAPACK in one precision, on row-major matrices. What they
// are given has been checked.
type factorisations[T Float] struct {
	potrf func(ul blas.Uplo, n int, a []T, lda int) bool
	syev  func(vectors bool, n int, a, w []T) bool
	geqrf func(m, n int, a []T, lda int, tau []T)
	ormqr func(s blas.Side, t blas.Transpose, m, n, k int, a []T, lda int, tau, c []T, ldc int)
}

// of returns the factorisations of a backend in the precision of T.
func of[T Float](b backend) factorisations[T] {
	if f, ok := any(b.lapack32).(factorisations[T]); ok {
		return f
	}
	return any(b.lapack64).(factorisations[T])
}

// MostPotrf is the most rows that the library's threads factor together: in 33,000 those of
// OpenBLAS 0.3.34, with its kernels for AVX-512, write beyond their buffers.
const MostPotrf = 20_000

// Potrf overwrites the triangle ul of the symmetric n×n matrix a, of which it reads only
// that, with the Cholesky factor L, a = L Lᵀ, or U, a = Uᵀ U. It reports whether a is positive
// definite to rounding; if not, what a holds is unspecified. It works on the calling goroutine, but
// on all processors from 2,049 rows to [MostPotrf]. Callers divide larger matrices into blocks.
func Potrf[T Float](ul blas.Uplo, n int, a []T, lda int) bool {
	if n == 0 {
		return true
	}
	fits(len(a), n, n, lda)
	return of[T](active()).potrf(ul, n, a, lda)
}

// Potrs overwrites the n×columns matrix b with a⁻¹ b, where the triangle ul of a holds the
// factor that [Potrf] made.
func Potrs[T Float](ul blas.Uplo, n, columns int, a []T, lda int, b []T, ldb int) {
	first, second := blas.NoTrans, blas.Trans
	if ul == blas.Upper {
		first, second = second, first
	}
	trsm := Of[T]().Trsm
	trsm(blas.Left, ul, first, blas.NonUnit, n, columns, 1, a, lda, b, ldb)
	trsm(blas.Left, ul, second, blas.NonUnit, n, columns, 1, a, lda, b, ldb)
}

// MostEigen is the most rows of which a library finds the eigenvalues: beyond it the work space of
// syevd, 1 + 6n + 2n², is no 32-bit integer. The portable code takes more, and days for it.
const MostEigen = 32766

// SymEigen overwrites the row-major symmetric n×n matrix a with its
// eigenvectors, one a column, and w with the eigenvalues in ascending order.
// Only the upper triangle of a is read. It reports whether the iteration
// converged.
func SymEigen[T Float](n int, a, w []T) bool { return symEigen(true, n, a, w) }

// SymEigenvalues is SymEigen without the eigenvectors, for a third of the time or less; what it
// leaves in a is unspecified.
func SymEigenvalues[T Float](n int, a, w []T) bool { return symEigen(false, n, a, w) }

func symEigen[T Float](vectors bool, n int, a, w []T) bool {
	if n == 0 {
		return true
	}
	fits(len(a), n, n, n)
	if len(w) < n {
		panic("accel: short vector of eigenvalues")
	}
	return of[T](active()).syev(vectors, n, a, w)
}

// Geqrf overwrites the m×n matrix a with its QR decomposition: R on and above the diagonal,
// below it and in tau, of min(m, n) entries, Q as [Ormqr] takes it.
func Geqrf[T Float](m, n int, a []T, lda int, tau []T) {
	if m == 0 || n == 0 {
		return
	}
	fits(len(a), m, n, lda)
	if len(tau) < min(m, n) {
		panic("accel: short vector of reflections")
	}
	of[T](active()).geqrf(m, n, a, lda, tau)
}

// Ormqr overwrites the m×n matrix c with Q c, Qᵀ c, c Q or c Qᵀ, where Q is that of the first k
// columns that [Geqrf] left in a: the m×m or n×n matrix of k reflections.
func Ormqr[T Float](
	s blas.Side, t blas.Transpose, m, n, k int, a []T, lda int, tau, c []T, ldc int,
) {
	if m == 0 || n == 0 || k == 0 {
		return
	}
	order := m
	if s == blas.Right {
		order = n
	}
	fits(len(a), order, k, lda)
	fits(len(c), m, n, ldc)
	if len(tau) < k || k > order {
		panic("accel: more reflections than there are")
	}
	of[T](active()).ormqr(s, t, m, n, k, a, lda, tau, c, ldc)
}

// portableDouble is gonum's LAPACK.
func portableDouble() factorisations[float64] {
	var lap lapackgonum.Implementation
	// Each call is made twice, the first time for the size of its work space.
	working := func(call func(work []float64, size int)) {
		query := make([]float64, 1)
		call(query, -1)
		work := make([]float64, int(query[0]))
		call(work, len(work))
	}
	return factorisations[float64]{
		potrf: lap.Dpotrf,
		syev: func(vectors bool, n int, a, w []float64) (ok bool) {
			job := lapack.EVNone
			if vectors {
				job = lapack.EVCompute
			}
			exponent := level(n, a)
			working(func(work []float64, size int) {
				ok = lap.Dsyev(job, blas.Upper, n, a, n, w, work, size)
			})
			for i := range n {
				w[i] = math.Ldexp(w[i], exponent)
			}
			return ok
		},
		geqrf: func(m, n int, a []float64, lda int, tau []float64) {
			working(func(work []float64, size int) {
				lap.Dgeqrf(m, n, a, lda, tau[:min(m, n)], work, size)
			})
		},
		ormqr: func(
			s blas.Side, t blas.Transpose, m, n, k int, a []float64, lda int, tau, c []float64,
			ldc int,
		) {
			working(func(work []float64, size int) {
				lap.Dormqr(s, t, m, n, k, a, lda, tau[:k], c, ldc, work, size)
			})
		},
	}
}

// level divides the upper triangle of a by 2^exponent, which brings its largest entry to between a
// half and 1, and sets what is below 1e-30, far below rounding, to 0. Else gonum v0.17 panics where
// it scales a part of the tridiagonal matrix that is below 1e-122 or above 1e153.
func level(n int, a []float64) (exponent int) {
	largest := 0.0
	for i := range n {
		for _, v := range a[i*n+i : (i+1)*n] {
			largest = math.Max(largest, math.Abs(v))
		}
	}
	if largest == 0 || math.IsNaN(largest) || math.IsInf(largest, 0) {
		return 0
	}
	_, exponent = math.Frexp(largest)
	for i := range n {
		for j, v := range a[i*n+i : (i+1)*n] {
			if v = math.Ldexp(v, -exponent); math.Abs(v) < 1e-30 {
				v = 0
			}
			a[i*n+i+j] = v
		}
	}
	return exponent
}

// portableSingle rounds what gonum's LAPACK does in double precision, since it has no other.
func portableSingle() factorisations[float32] {
	double := portableDouble()
	widen := func(rows, columns int, a []float32, lda int) []float64 {
		out := make([]float64, rows*columns)
		for i := range rows {
			for j, v := range a[i*lda : i*lda+columns] {
				out[i*columns+j] = float64(v)
			}
		}
		return out
	}
	// narrow copies the columns [from(i), to(i)) of each row back.
	narrow := func(
		rows, columns int, wide []float64, a []float32, lda int, from, to func(i int) int,
	) {
		for i := range rows {
			for j := from(i); j < to(i); j++ {
				a[i*lda+j] = float32(wide[i*columns+j])
			}
		}
	}
	fixed := func(n int) func(int) int { return func(int) int { return n } }
	return factorisations[float32]{
		potrf: func(ul blas.Uplo, n int, a []float32, lda int) bool {
			wide := widen(n, n, a, lda)
			if !double.potrf(ul, n, wide, n) {
				return false
			}
			if ul == blas.Upper {
				narrow(n, n, wide, a, lda, func(i int) int { return i }, fixed(n))
			} else {
				narrow(n, n, wide, a, lda, fixed(0), func(i int) int { return i + 1 })
			}
			return true
		},
		syev: func(vectors bool, n int, a, w []float32) bool {
			wide, values := widen(n, n, a, n), make([]float64, n)
			ok := double.syev(vectors, n, wide, values)
			narrow(n, n, wide, a, n, fixed(0), fixed(n))
			narrow(1, n, values, w, n, fixed(0), fixed(n))
			return ok
		},
		geqrf: func(m, n int, a []float32, lda int, tau []float32) {
			k := min(m, n)
			wide, t := widen(m, n, a, lda), make([]float64, k)
			double.geqrf(m, n, wide, n, t)
			narrow(m, n, wide, a, lda, fixed(0), fixed(n))
			narrow(1, k, t, tau, k, fixed(0), fixed(k))
		},
		ormqr: func(
			s blas.Side, t blas.Transpose, m, n, k int, a []float32, lda int, tau, c []float32,
			ldc int,
		) {
			order := m
			if s == blas.Right {
				order = n
			}
			wide := widen(m, n, c, ldc)
			double.ormqr(s, t, m, n, k, widen(order, k, a, lda), k, widen(1, k, tau, k), wide, n)
			narrow(m, n, wide, c, ldc, fixed(0), fixed(n))
		},
	}
}
