//go:build (darwin || linux) && (amd64 || arm64)

package accel

import (
	"errors"
	"math"
	"unsafe"

	"github.com/ebitengine/purego"
	"gonum.org/v1/gonum/blas"
)

// A row-major matrix is the column-major transpose of its own memory: an upper triangle is a
// lower one, a left side a right one, and QR is LQ. So nothing is copied to call LAPACK.

// flipped is the letter of a row-major triangle in the library's order.
func flipped(ul blas.Uplo) byte {
	if ul == blas.Lower {
		return 'U'
	}
	return 'L'
}

// switched is the letter of a side in the library's order.
func switched(s blas.Side) byte {
	if s == blas.Left {
		return 'R'
	}
	return 'L'
}

// Strsm is gonum's: B ← α op(A)⁻¹ B or α B op(A)⁻¹ with the triangle ul of A.
func (l *library) Strsm(
	s blas.Side, ul blas.Uplo, t blas.Transpose, d blas.Diag, m, n int, alpha float32,
	a []float32, lda int, b []float32, ldb int,
) {
	if (s == blas.Left && small(m, m, n)) || (s == blas.Right && small(m, n, n)) {
		l.Implementation.Strsm(s, ul, t, d, m, n, alpha, a, lda, b, ldb)
		return
	}
	trsm(l, l.single, s, ul, t, d, m, n, alpha, a, lda, b, ldb)
}

// Dtrsm is Strsm in double precision.
func (l *library) Dtrsm(
	s blas.Side, ul blas.Uplo, t blas.Transpose, d blas.Diag, m, n int, alpha float64,
	a []float64, lda int, b []float64, ldb int,
) {
	if (s == blas.Left && small(m, m, n)) || (s == blas.Right && small(m, n, n)) {
		l.Implementation.Dtrsm(s, ul, t, d, m, n, alpha, a, lda, b, ldb)
		return
	}
	trsm(l, l.double, s, ul, t, d, m, n, alpha, a, lda, b, ldb)
}

// trsm divides the columns of B that a triangle from the left treats alike, or its rows.
func trsm[T Float](
	l *library, p precision, s blas.Side, ul blas.Uplo, t blas.Transpose, d blas.Diag, m, n int,
	alpha T, a []T, lda int, b []T, ldb int,
) {
	order, rows, columns := m, 1, n
	if s == blas.Right {
		order, rows, columns = n, m, 1
	}
	fits(len(a), order, order, lda)
	fits(len(b), m, n, ldb)
	l.divide(rows, columns, order*order, func(i0, i1, j0, j1 int) {
		f := l.frames.Get().(*frame)
		f.c1, f.c2, f.c3, f.c4 = switched(s), flipped(ul), flag(t), byte(d)
		f.m, f.n = int64(j1-j0), int64(m)
		if s == blas.Right {
			f.m, f.n = int64(n), int64(i1-i0)
		}
		f.lda, f.ldb = int64(lda), int64(ldb)
		*(*T)(unsafe.Pointer(&f.alpha64)) = alpha
		purego.SyscallN(p.trsm, uintptr(unsafe.Pointer(&f.c1)), uintptr(unsafe.Pointer(&f.c2)),
			uintptr(unsafe.Pointer(&f.c3)), uintptr(unsafe.Pointer(&f.c4)),
			uintptr(unsafe.Pointer(&f.m)), uintptr(unsafe.Pointer(&f.n)),
			uintptr(unsafe.Pointer(&f.alpha64)), uintptr(unsafe.Pointer(&a[0])),
			uintptr(unsafe.Pointer(&f.lda)), uintptr(unsafe.Pointer(&b[i0*ldb+j0])),
			uintptr(unsafe.Pointer(&f.ldb)))
		l.frames.Put(f)
	})
}

// threadedAbove calls f, with the library's own threads on if there are many rows: they cost
// more than they gain at fewer, and where others want the processors too.
func (l *library) threadedAbove(rows int, f func()) {
	if rows > 2048 {
		l.threaded(f)
	} else {
		f()
	}
}

// lapackOf returns the library's LAPACK in one precision.
func lapackOf[T Float](l *library, p precision) factorisations[T] {
	return factorisations[T]{
		potrf: func(ul blas.Uplo, n int, a []T, lda int) bool { return potrf(l, p, ul, n, a, lda) },
		syev: func(vectors bool, n int, a, w []T) bool {
			if n > MostEigen {
				return of[T](portable()).syev(vectors, n, a, w)
			}
			return syev(l, p, vectors, n, a, w)
		},
		geqrf: func(m, n int, a []T, lda int, tau []T) { geqrf(l, p, m, n, a, lda, tau) },
		ormqr: func(
			s blas.Side, t blas.Transpose, m, n, k int, a []T, lda int, tau, c []T, ldc int,
		) {
			ormqr(l, p, s, t, m, n, k, a, lda, tau, c, ldc)
		},
	}
}

func potrf[T Float](l *library, p precision, ul blas.Uplo, n int, a []T, lda int) bool {
	f := l.frames.Get().(*frame)
	defer l.frames.Put(f)
	f.c1, f.n, f.lda, f.info = flipped(ul), int64(n), int64(lda), 0
	factor := func() {
		purego.SyscallN(p.potrf, uintptr(unsafe.Pointer(&f.c1)), uintptr(unsafe.Pointer(&f.n)),
			uintptr(unsafe.Pointer(&a[0])), uintptr(unsafe.Pointer(&f.lda)),
			uintptr(unsafe.Pointer(&f.info)))
	}
	if n <= MostPotrf {
		l.threadedAbove(n, factor)
	} else {
		factor()
	}
	// A NaN passes some libraries' test of the pivots.
	for i := range n {
		if f.info != 0 || !(a[i*lda+i] > 0) {
			return false
		}
	}
	return true
}

// geqrf calls gelqf: of a column-major Aᵀ = L Q it leaves L and Q where the row-major A = Qᵀ Lᵀ
// has R and Q.
func geqrf[T Float](l *library, p precision, m, n int, a []T, lda int, tau []T) {
	f := l.frames.Get().(*frame)
	defer l.frames.Put(f)
	f.m, f.n, f.lda = int64(n), int64(m), int64(lda)
	call := func(work []T, size int) {
		f.ldb = int64(size)
		purego.SyscallN(p.gelqf, uintptr(unsafe.Pointer(&f.m)), uintptr(unsafe.Pointer(&f.n)),
			uintptr(unsafe.Pointer(&a[0])), uintptr(unsafe.Pointer(&f.lda)),
			uintptr(unsafe.Pointer(&tau[0])), uintptr(unsafe.Pointer(&work[0])),
			uintptr(unsafe.Pointer(&f.ldb)), uintptr(unsafe.Pointer(&f.info)))
	}
	query := make([]T, 1)
	call(query, -1)
	work := make([]T, int(query[0]))
	l.threadedAbove(min(m, n), func() { call(work, len(work)) })
}

func ormqr[T Float](
	l *library, p precision, s blas.Side, t blas.Transpose, m, n, k int, a []T, lda int,
	tau, c []T, ldc int,
) {
	f := l.frames.Get().(*frame)
	defer l.frames.Put(f)
	f.c1, f.c2 = switched(s), flag(t)
	f.m, f.n, f.k, f.lda, f.ldc = int64(n), int64(m), int64(k), int64(lda), int64(ldc)
	call := func(work []T, size int) {
		f.ldb = int64(size)
		purego.SyscallN(p.ormlq, uintptr(unsafe.Pointer(&f.c1)), uintptr(unsafe.Pointer(&f.c2)),
			uintptr(unsafe.Pointer(&f.m)), uintptr(unsafe.Pointer(&f.n)),
			uintptr(unsafe.Pointer(&f.k)), uintptr(unsafe.Pointer(&a[0])),
			uintptr(unsafe.Pointer(&f.lda)), uintptr(unsafe.Pointer(&tau[0])),
			uintptr(unsafe.Pointer(&c[0])), uintptr(unsafe.Pointer(&f.ldc)),
			uintptr(unsafe.Pointer(&work[0])), uintptr(unsafe.Pointer(&f.ldb)),
			uintptr(unsafe.Pointer(&f.info)), 1,
			1) // the lengths of the two characters, which Fortran compilers pass last
	}
	query := make([]T, 1)
	call(query, -1)
	work := make([]T, int(query[0]))
	l.threadedAbove(min(m, n), func() { call(work, len(work)) })
}

// syev calls LAPACK's divide and conquer, which leaves the eigenvectors in
// columns of a column-major matrix; they are turned to gonum's order.
func syev[T Float](l *library, p precision, vectors bool, n int, a, w []T) bool {
	f := l.frames.Get().(*frame)
	defer l.frames.Put(f)
	call := func(work []T, lwork int, iwork []int64, liwork int) {
		f.c1, f.c2, f.info = 'N', 'L', 0
		if vectors {
			f.c1 = 'V'
		}
		f.n, f.lda, f.ldb, f.ldc = int64(n), int64(n), int64(lwork), int64(liwork)
		purego.SyscallN(p.syevd, uintptr(unsafe.Pointer(&f.c1)), uintptr(unsafe.Pointer(&f.c2)),
			uintptr(unsafe.Pointer(&f.n)), uintptr(unsafe.Pointer(&a[0])),
			uintptr(unsafe.Pointer(&f.lda)), uintptr(unsafe.Pointer(&w[0])),
			uintptr(unsafe.Pointer(&work[0])), uintptr(unsafe.Pointer(&f.ldb)),
			uintptr(unsafe.Pointer(&iwork[0])), uintptr(unsafe.Pointer(&f.ldc)),
			uintptr(unsafe.Pointer(&f.info)), 1, 1) // as in ormqr
	}
	query, iquery := make([]T, 1), make([]int64, 1)
	call(query, -1, iquery, -1)
	// In single precision the size of the work space may be rounded down.
	size := int(math.Ceil(float64(query[0]) * (1 + 0x1p-22)))
	work, iwork := make([]T, size), make([]int64, int(int32(iquery[0])))
	l.threadedAbove(n, func() { call(work, len(work), iwork, len(iwork)) })
	if f.info != 0 {
		return false
	}
	for i := 0; vectors && i < n; i++ {
		for j := range i {
			a[i*n+j], a[j*n+i] = a[j*n+i], a[i*n+j]
		}
	}
	return true
}

// checkLAPACK tries each factorisation on a small matrix, to a tolerance, so that a library
// that is something else is refused.
func checkLAPACK[T Float](l *library, f factorisations[T], tol float64) error {
	const n = 20
	trsm := products[T](l, l).Trsm
	near := func(x T, want float64) bool { return math.Abs(float64(x)-want) <= tol }
	// K_ij = min(i, j) + 1 is L Lᵀ with ones on and below the diagonal.
	a, ones := make([]T, n*n), make([]T, n*n)
	for i := range n {
		for j := range n {
			a[i*n+j], ones[i*n+j] = T(min(i, j)+1), 1
		}
	}
	ok := f.potrf(blas.Lower, n, a, n)
	trsm(blas.Left, blas.Lower, blas.NoTrans, blas.NonUnit, n, n, 1, a, n, ones, n)
	for i := range n {
		for j := range n {
			ok = ok && (j > i || near(a[i*n+j], 1)) && (i == 0 && near(ones[j], 1) ||
				i > 0 && near(ones[i*n+j], 0))
		}
	}
	if !ok {
		return errors.New("it factors matrices wrongly")
	}
	// Q applied to R is the matrix again.
	q, r, tau := make([]T, n*n), make([]T, n*n), make([]T, n)
	for i := range n {
		for j := range n {
			a[i*n+j] = T((i*i+3*j)%7) - 2
		}
	}
	copy(q, a)
	f.geqrf(n, n, q, n, tau)
	for i := range n {
		copy(r[i*n+i:(i+1)*n], q[i*n+i:(i+1)*n])
	}
	f.ormqr(blas.Left, blas.NoTrans, n, n, n, q, n, tau, r, n)
	for i, v := range r {
		if !near(v, float64(a[i])) {
			return errors.New("it orthogonalises columns wrongly")
		}
	}
	swap, values := []T{0, 3, 3, 0}, make([]T, 2)
	if !f.syev(true, 2, swap, values) || !near(values[0], -3) || !near(values[1], 3) {
		return errors.New("it finds wrong eigenvalues")
	}
	return nil
}
