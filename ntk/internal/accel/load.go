//go:build (darwin || linux) && (amd64 || arm64)

package accel

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"unsafe"

	"github.com/ebitengine/purego"
	"github.com/kernelsmith/kernelsmith/ntk/internal/parallel"
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/gonum"
)

// library is a loaded BLAS and LAPACK, called through its
// Fortran interface: every argument is a pointer, so a call needs no
// reflection and allocates nothing.
type library struct {
	gonum.Implementation // what is not overridden below

	routines
	frames sync.Pool // of *frame

	// The library's own threads wait for their next work by spinning, which
	// takes the processors from Go between one product and the next. So they are
	// switched off, and products are divided among goroutines, as many as the
	// library would have had threads.
	setThreads uintptr // 0 if the library keeps its threads to itself
	workers    int
}

// routines are addresses in the library.
type routines struct {
	sgemm, dgemm, ssyrk, dsyrk uintptr
	single, double             precision
}

// precision holds the routines that are told apart by their address alone.
type precision struct{ trsm, potrf, gelqf, ormlq, syevd uintptr }

// frame holds a call's scalars on the heap, where the stack's moves cannot
// change their addresses. Integers are wide enough for libraries of either
// integer size: on the little-endian machines of this file one with 32 bits
// reads the lower half.
type frame struct {
	c1, c2, c3, c4      byte
	m, n, k             int64
	lda, ldb, ldc, info int64
	alpha32, beta32     float32
	alpha64, beta64     float64
}

func load(path string) (backend, error) {
	handle, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return backend{}, err
	}
	lib := &library{}
	lib.frames.New = func() any { return new(frame) }
	prefix := ""
	if _, err := purego.Dlsym(handle, "sgemm_"); err != nil {
		prefix = "scipy_"
	}
	for name, fn := range lib.names() {
		if *fn, err = purego.Dlsym(handle, prefix+name); err != nil {
			return backend{}, fmt.Errorf("no %s in it (a BLAS and LAPACK is needed)", name)
		}
	}
	info := Info{Library: "BLAS " + filepath.Base(path), Path: path}
	if strings.Contains(path, "Accelerate") {
		info.Library = "Accelerate"
	}
	text := func(name string) string {
		sym, err := purego.Dlsym(handle, prefix+name)
		if err != nil {
			return ""
		}
		var f func() string
		purego.RegisterFunc(&f, sym)
		return f()
	}
	if config := strings.Fields(text("openblas_get_config")); len(config) >= 2 {
		info.Library = strings.Join(config[:2], " ")
	}
	info.Core = text("openblas_get_corename")
	if sym, err := purego.Dlsym(handle, prefix+"openblas_get_num_threads"); err == nil {
		n, _, _ := purego.SyscallN(sym)
		info.Threads = int(int32(n))
	}
	lib.workers = 1
	if sym, err := purego.Dlsym(handle, prefix+"openblas_set_num_threads"); err == nil &&
		info.Threads > 1 {
		lib.setThreads, lib.workers = sym, info.Threads
		purego.SyscallN(sym, 1)
	}
	serial := &library{routines: lib.routines, workers: 1}
	serial.frames.New = lib.frames.New
	b := backend{
		f32: lib, f64: lib, serial32: serial, serial64: serial,
		lapack32: lapackOf[float32](lib, lib.single), lapack64: lapackOf[float64](lib, lib.double),
		info: info,
	}
	return b, errors.Join(lib.check(), checkLAPACK(lib, b.lapack32, 1e-4),
		checkLAPACK(lib, b.lapack64, 1e-12))
}

// names returns where the address of each routine goes.
func (r *routines) names() map[string]*uintptr {
	names := map[string]*uintptr{
		"sgemm_": &r.sgemm, "dgemm_": &r.dgemm, "ssyrk_": &r.ssyrk, "dsyrk_": &r.dsyrk,
	}
	for letter, p := range map[string]*precision{"s": &r.single, "d": &r.double} {
		names[letter+"trsm_"] = &p.trsm
		names[letter+"potrf_"] = &p.potrf
		names[letter+"gelqf_"] = &p.gelqf
		names[letter+"ormlq_"] = &p.ormlq
		names[letter+"syevd_"] = &p.syevd
	}
	return names
}

// check tries each routine on small integers, which every right library
// multiplies without rounding, so that a library that is something else is
// refused instead of believed.
func (l *library) check() error {
	const m, n, k = 16, 17, 18
	a, b := make([]float64, m*k), make([]float64, k*n)
	for i := range a {
		a[i] = float64(i % 7)
	}
	for i := range b {
		b[i] = float64(i%5) - 2
	}
	narrow := func(x []float64) []float32 {
		y := make([]float32, len(x))
		for i, v := range x {
			y[i] = float32(v)
		}
		return y
	}
	equal := func(x float32, y float64) bool { return float64(x) == y }
	got, got32, want := make([]float64, m*n), make([]float32, m*n), make([]float64, m*n)
	l.Dgemm(blas.NoTrans, blas.NoTrans, m, n, k, 2, a, k, b, n, 0, got, n)
	l.Sgemm(blas.NoTrans, blas.NoTrans, m, n, k, 2, narrow(a), k, narrow(b), n, 0, got32, n)
	l.Implementation.Dgemm(blas.NoTrans, blas.NoTrans, m, n, k, 2, a, k, b, n, 0, want, n)
	if !slices.Equal(got, want) || !slices.EqualFunc(got32, want, equal) {
		return errors.New("it multiplies matrices wrongly")
	}
	got, got32, want = make([]float64, m*m), make([]float32, m*m), make([]float64, m*m)
	l.Dsyrk(blas.Upper, blas.NoTrans, m, k, 1, a, k, 0, got, m)
	l.Ssyrk(blas.Upper, blas.NoTrans, m, k, 1, narrow(a), k, 0, got32, m)
	l.Implementation.Dsyrk(blas.Upper, blas.NoTrans, m, k, 1, a, k, 0, want, m)
	if !slices.Equal(got, want) || !slices.EqualFunc(got32, want, equal) {
		return errors.New("it multiplies a matrix by its transpose wrongly")
	}
	return nil
}

// divide calls f on parts of the m×n result of a product that together are the
// whole, at once.
func (l *library) divide(m, n, k int, f func(i0, i1, j0, j1 int)) {
	if l.workers == 1 || m*n*k < 1<<20 {
		f(0, m, 0, n)
		return
	}
	// Whole tiles of the library's inner loop, along the longer side.
	const tile = 64
	workers := min(l.workers, (max(m, n)+tile-1)/tile)
	edge := func(size, w int) int { return min(size, (size*w/workers+tile-1)/tile*tile) }
	parallel.For(workers, 1, func(lo, hi int) {
		if m >= n {
			if i0, i1 := edge(m, lo), edge(m, hi); i0 < i1 {
				f(i0, i1, 0, n)
			}
		} else if j0, j1 := edge(n, lo), edge(n, hi); j0 < j1 {
			f(0, m, j0, j1)
		}
	})
}

// threaded calls f with the library's own threads on, for what is not divided.
func (l *library) threaded(f func()) {
	if l.setThreads != 0 {
		purego.SyscallN(l.setThreads, uintptr(l.workers))
		defer purego.SyscallN(l.setThreads, 1)
	}
	f()
}

// offset is where row i of op(A), or column j of op(B) with t turned round,
// begins.
func offset(t blas.Transpose, i, stride int) int {
	if t == blas.NoTrans {
		return i * stride
	}
	return i
}

func turned(t blas.Transpose) blas.Transpose {
	if t == blas.NoTrans {
		return blas.Trans
	}
	return blas.NoTrans
}

func flag(t blas.Transpose) byte {
	if t == blas.NoTrans {
		return 'N'
	}
	return 'T'
}

// small products are not worth a call into the library, and zero sizes are
// gonum's to treat.
func small(m, n, k int) bool { return m <= 0 || n <= 0 || k <= 0 || m*n*k < 4096 }

// Sgemm is gonum's: C ← α op(A) op(B) + β C, row-major. A row-major matrix is
// the column-major transpose, so the library computes Cᵀ = op(B)ᵀ op(A)ᵀ.
func (l *library) Sgemm(
	tA, tB blas.Transpose, m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int,
	beta float32, c []float32, ldc int,
) {
	if small(m, n, k) {
		l.Implementation.Sgemm(tA, tB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
		return
	}
	ra, ca := shape(tA, m, k)
	rb, cb := shape(tB, k, n)
	fits(len(a), ra, ca, lda)
	fits(len(b), rb, cb, ldb)
	fits(len(c), m, n, ldc)
	l.divide(m, n, k, func(i0, i1, j0, j1 int) {
		f := l.frames.Get().(*frame)
		f.alpha32, f.beta32 = alpha, beta
		l.gemm(l.sgemm, f, tA, tB, i1-i0, j1-j0, k, unsafe.Pointer(&f.alpha32),
			unsafe.Pointer(&a[offset(tA, i0, lda)]), lda,
			unsafe.Pointer(&b[offset(turned(tB), j0, ldb)]), ldb, unsafe.Pointer(&f.beta32),
			unsafe.Pointer(&c[i0*ldc+j0]), ldc)
		l.frames.Put(f)
	})
}

// Dgemm is Sgemm in double precision.
func (l *library) Dgemm(
	tA, tB blas.Transpose, m, n, k int, alpha float64, a []float64, lda int, b []float64, ldb int,
	beta float64, c []float64, ldc int,
) {
	if small(m, n, k) {
		l.Implementation.Dgemm(tA, tB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
		return
	}
	ra, ca := shape(tA, m, k)
	rb, cb := shape(tB, k, n)
	fits(len(a), ra, ca, lda)
	fits(len(b), rb, cb, ldb)
	fits(len(c), m, n, ldc)
	l.divide(m, n, k, func(i0, i1, j0, j1 int) {
		f := l.frames.Get().(*frame)
		f.alpha64, f.beta64 = alpha, beta
		l.gemm(l.dgemm, f, tA, tB, i1-i0, j1-j0, k, unsafe.Pointer(&f.alpha64),
			unsafe.Pointer(&a[offset(tA, i0, lda)]), lda,
			unsafe.Pointer(&b[offset(turned(tB), j0, ldb)]), ldb, unsafe.Pointer(&f.beta64),
			unsafe.Pointer(&c[i0*ldc+j0]), ldc)
		l.frames.Put(f)
	})
}

func (l *library) gemm(
	fn uintptr, f *frame, tA, tB blas.Transpose, m, n, k int, alpha, a unsafe.Pointer, lda int,
	b unsafe.Pointer, ldb int, beta, c unsafe.Pointer, ldc int,
) {
	f.c1, f.c2 = flag(tB), flag(tA)
	f.m, f.n, f.k = int64(n), int64(m), int64(k)
	f.lda, f.ldb, f.ldc = int64(ldb), int64(lda), int64(ldc)
	purego.SyscallN(fn, uintptr(unsafe.Pointer(&f.c1)), uintptr(unsafe.Pointer(&f.c2)),
		uintptr(unsafe.Pointer(&f.m)), uintptr(unsafe.Pointer(&f.n)), uintptr(unsafe.Pointer(&f.k)),
		uintptr(alpha), uintptr(b), uintptr(unsafe.Pointer(&f.lda)), uintptr(a),
		uintptr(unsafe.Pointer(&f.ldb)), uintptr(beta), uintptr(c), uintptr(unsafe.Pointer(&f.ldc)))
}

// Ssyrk is gonum's: the triangle ul of C ← α A Aᵀ + β C, or AᵀA.
func (l *library) Ssyrk(
	ul blas.Uplo, t blas.Transpose, n, k int, alpha float32, a []float32, lda int, beta float32,
	c []float32, ldc int,
) {
	if small(n, n, k) {
		l.Implementation.Ssyrk(ul, t, n, k, alpha, a, lda, beta, c, ldc)
		return
	}
	ra, ca := shape(t, n, k)
	fits(len(a), ra, ca, lda)
	fits(len(c), n, n, ldc)
	f := l.frames.Get().(*frame)
	f.alpha32, f.beta32 = alpha, beta
	l.threaded(func() {
		l.syrk(l.ssyrk, f, ul, t, n, k, unsafe.Pointer(&f.alpha32), unsafe.Pointer(&a[0]), lda,
			unsafe.Pointer(&f.beta32), unsafe.Pointer(&c[0]), ldc)
	})
	l.frames.Put(f)
}

// Dsyrk is Ssyrk in double precision.
func (l *library) Dsyrk(
	ul blas.Uplo, t blas.Transpose, n, k int, alpha float64, a []float64, lda int, beta float64,
	c []float64, ldc int,
) {
	if small(n, n, k) {
		l.Implementation.Dsyrk(ul, t, n, k, alpha, a, lda, beta, c, ldc)
		return
	}
	ra, ca := shape(t, n, k)
	fits(len(a), ra, ca, lda)
	fits(len(c), n, n, ldc)
	f := l.frames.Get().(*frame)
	f.alpha64, f.beta64 = alpha, beta
	l.threaded(func() {
		l.syrk(l.dsyrk, f, ul, t, n, k, unsafe.Pointer(&f.alpha64), unsafe.Pointer(&a[0]), lda,
			unsafe.Pointer(&f.beta64), unsafe.Pointer(&c[0]), ldc)
	})
	l.frames.Put(f)
}

func (l *library) syrk(
	fn uintptr, f *frame, ul blas.Uplo, t blas.Transpose, n, k int, alpha, a unsafe.Pointer,
	lda int, beta, c unsafe.Pointer, ldc int,
) {
	// Row-major upper is column-major lower, and A becomes its transpose.
	f.c1, f.c2 = 'L', 'T'
	if ul == blas.Lower {
		f.c1 = 'U'
	}
	if t != blas.NoTrans {
		f.c2 = 'N'
	}
	f.n, f.k, f.lda, f.ldc = int64(n), int64(k), int64(lda), int64(ldc)
	purego.SyscallN(fn,
		uintptr(unsafe.Pointer(&f.c1)), uintptr(unsafe.Pointer(&f.c2)),
		uintptr(unsafe.Pointer(&f.n)), uintptr(unsafe.Pointer(&f.k)),
		uintptr(alpha), uintptr(a), uintptr(unsafe.Pointer(&f.lda)),
		uintptr(beta), uintptr(c), uintptr(unsafe.Pointer(&f.ldc)))
}
