package accel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/gonum"
)

// Each LAPACK in both precisions is held to what defines its result, computed here in double
// precision, with strides that are wider than the matrices.
func TestFactorisations(t *testing.T) {
	for name, b := range map[string]backend{"active": active(), "portable": portable()} {
		t.Run(name, func(t *testing.T) {
			testFactorisations(t, of[float32](b), products[float32](b.f32, b.f64), 0x1p-23)
			testFactorisations(t, of[float64](b), products[float64](b.f32, b.f64), 0x1p-52)
		})
	}
}

func testFactorisations[T Float](
	t *testing.T, f factorisations[T], p Products[T], eps float64,
) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, n := range []int{1, 2, 7, 33, 64, 150, 300} {
		for _, ul := range []blas.Uplo{blas.Upper, blas.Lower} {
			testPotrf(t, r, f, n, ul, eps)
			for _, s := range []blas.Side{blas.Left, blas.Right} {
				for _, tr := range []blas.Transpose{blas.NoTrans, blas.Trans} {
					testTrsm(t, r, p, n, 40, s, ul, tr, eps)
					testTrsm(t, r, p, n, 3, s, ul, tr, eps)
				}
			}
		}
		testSymEigen(t, r, f, n, eps)
		testQR(t, r, f, n, n, eps)
		testQR(t, r, f, n+20, n, eps)
		testQR(t, r, f, n, n+9, eps)
	}
}

// matrix is rows×columns normal numbers with room for stride.
func matrix[T Float](r *rand.Rand, rows, stride int) []T {
	a := make([]T, rows*stride)
	for i := range a {
		a[i] = T(r.NormFloat64())
	}
	return a
}

// dot is Σ_k a(k) b(k) in double precision.
func dot[T Float](k int, a, b func(k int) T) (sum float64) {
	for i := range k {
		sum += float64(a(i)) * float64(b(i))
	}
	return sum
}

func testPotrf[T Float](
	t *testing.T, r *rand.Rand, f factorisations[T], n int, ul blas.Uplo, eps float64,
) {
	t.Helper()
	lda := n + 3
	half := matrix[T](r, n, n)
	a := make([]T, n*lda)
	for i := range a {
		a[i] = T(math.NaN()) // what must not be read
	}
	within := func(i, j int) bool { return (ul == blas.Lower) == (i > j) || i == j }
	for i := range n {
		for j := range n {
			if within(i, j) {
				a[i*lda+j] = T(dot(n, func(k int) T { return half[i*n+k] },
					func(k int) T { return half[j*n+k] }))
			}
			if i == j {
				a[i*lda+j] += T(n)
			}
		}
	}
	l := append([]T(nil), a...)
	if !f.potrf(ul, n, l, lda) {
		t.Fatalf("%T %d %c: not factored", eps, n, ul)
	}
	at := func(i, k int) T {
		if !within(i, k) && ul == blas.Upper {
			i, k = k, i
		}
		return l[i*lda+k]
	}
	for i := range n {
		for j := range n {
			if !within(i, j) {
				if v := l[i*lda+j]; v == v {
					t.Fatalf("%d %c: wrote into the other triangle", n, ul)
				}
				continue
			}
			got := dot(min(i, j)+1, func(k int) T { return at(i, k) },
				func(k int) T { return at(j, k) })
			if want := float64(a[i*lda+j]); !(math.Abs(got-want) <= 8*float64(n)*eps*float64(2*n)) {
				t.Fatalf("%d %c (%d, %d): %v, want %v", n, ul, i, j, got, want)
			}
		}
	}
	for what, pivot := range map[string]float64{"negative": -1, "NaN": math.NaN()} {
		copy(l, a)
		l[(n-1)*lda+n-1] = T(pivot)
		if f.potrf(ul, n, l, lda) {
			t.Errorf("%d %c: factored with a %s entry on the diagonal", n, ul, what)
		}
	}
}

func testTrsm[T Float](
	t *testing.T, r *rand.Rand, p Products[T], n, others int, s blas.Side, ul blas.Uplo,
	tr blas.Transpose, eps float64,
) {
	t.Helper()
	lda := n + 1
	a := matrix[T](r, n, lda)
	for i := range n {
		for j := range n {
			if a[i*lda+j] /= T(n); (ul == blas.Lower) == (j > i) && i != j {
				a[i*lda+j] = T(math.NaN())
			} else if i == j {
				a[i*lda+j] = 2
			}
		}
	}
	rows, columns := n, others
	if s == blas.Right {
		rows, columns = others, n
	}
	ldb := columns + 2
	b := matrix[T](r, rows, ldb)
	x := append([]T(nil), b...)
	p.Trsm(s, ul, tr, blas.NonUnit, rows, columns, 0.5, a, lda, x, ldb)
	op := func(i, j int) T {
		if tr == blas.Trans {
			i, j = j, i
		}
		if v := a[i*lda+j]; v == v {
			return v
		}
		return 0
	}
	for i := range rows {
		for j := range columns {
			var got float64
			if s == blas.Left {
				got = dot(n, func(k int) T { return op(i, k) }, func(k int) T { return x[k*ldb+j] })
			} else {
				got = dot(n, func(k int) T { return x[i*ldb+k] }, func(k int) T { return op(k, j) })
			}
			if want := 0.5 * float64(b[i*ldb+j]); !(math.Abs(got-want) <= 40*eps*float64(n+8)) {
				t.Fatalf("%d %c %c %c: %v, want %v", n, s, ul, tr, got, want)
			}
		}
	}
}

func testSymEigen[T Float](
	t *testing.T, r *rand.Rand, f factorisations[T], n int, eps float64,
) {
	t.Helper()
	a := matrix[T](r, n, n)
	v, w := make([]T, n*n), make([]T, n)
	for i := range n {
		for j := range i { // only the upper triangle may be read
			v[i*n+j] = T(math.NaN())
			a[i*n+j] = a[j*n+i]
		}
		copy(v[i*n+i:(i+1)*n], a[i*n+i:(i+1)*n])
	}
	alone, values := append([]T(nil), v...), make([]T, n)
	if !f.syev(true, n, v, w) || !f.syev(false, n, alone, values) {
		t.Fatalf("%d: no convergence", n)
	}
	tol := 8 * eps * float64(n+4)
	for j := range n {
		if j > 0 && w[j] < w[j-1] {
			t.Fatalf("%d: eigenvalues not ascending at %d", n, j)
		}
		if !(math.Abs(float64(w[j]-values[j])) <= tol) {
			t.Fatalf("%d: eigenvalue %d is %v, and %v without the vectors", n, j, w[j], values[j])
		}
		for i := range n {
			av := dot(n, func(k int) T { return a[i*n+k] }, func(k int) T { return v[k*n+j] })
			if d := av - float64(w[j])*float64(v[i*n+j]); !(math.Abs(d) <= tol) {
				t.Fatalf("%d: A v - λ v = %g in eigenpair %d", n, d, j)
			}
		}
	}
}

// Eigenvalues of blocks of very unequal size, and of matrices of very large and very small numbers:
// those of [2 1; 1 2] are 1 and 3 times its size.
func TestEigenvaluesOfAnySize(t *testing.T) {
	for _, f := range []factorisations[float64]{portableDouble(), of[float64](active())} {
		for _, size := range [][2]float64{{1, 1e-140}, {1, 1e-200}, {1e160, 1}, {1e200, 1e-200},
			{1e-140, 1e-140}, {1e-300, 1e-300}, {1e300, 1e300}} {
			for _, vectors := range []bool{false, true} {
				a, w := make([]float64, 16), make([]float64, 4)
				for block, v := range size {
					at := 10 * block // row and column 2 of 4
					a[at], a[at+1], a[at+5] = 2*v, v, 2*v
				}
				if !f.syev(vectors, 4, a, w) {
					t.Fatalf("%v: no convergence", size)
				}
				want := []float64{size[0], 3 * size[0], size[1], 3 * size[1]}
				slices.Sort(want)
				for i, v := range want {
					if !(math.Abs(w[i]-v) <= 1e-14*want[3]) {
						t.Errorf("blocks of %v: eigenvalues %v, want %v", size, w, want)
					}
				}
			}
		}
	}
}

func testQR[T Float](t *testing.T, r *rand.Rand, f factorisations[T], m, n int, eps float64) {
	t.Helper()
	k, lda := min(m, n), n+2
	a := matrix[T](r, m, lda)
	qr, tau := append([]T(nil), a...), make([]T, k)
	f.geqrf(m, n, qr, lda, tau)
	back := make([]T, m*n)
	for i := range k {
		copy(back[i*n+i:(i+1)*n], qr[i*lda+i:i*lda+n])
	}
	tol := 16 * eps * float64(m+n+8)
	f.ormqr(blas.Left, blas.NoTrans, m, n, k, qr, lda, tau, back, n)
	for i := range m {
		for j := range n {
			if !(math.Abs(float64(back[i*n+j]-a[i*lda+j])) <= tol) {
				t.Fatalf("%d×%d: Q R is off by %g at (%d, %d)", m, n, back[i*n+j]-a[i*lda+j], i, j)
			}
		}
	}
	// Q from either side and turned round: Qᵀ Q = 1, and B Q is (Qᵀ Bᵀ)ᵀ.
	q := make([]T, m*m)
	for i := range m {
		q[i*m+i] = 1
	}
	f.ormqr(blas.Right, blas.NoTrans, m, m, k, qr, lda, tau, q, m)
	left := append([]T(nil), q...)
	f.ormqr(blas.Left, blas.Trans, m, m, k, qr, lda, tau, left, m)
	f.ormqr(blas.Right, blas.Trans, m, m, k, qr, lda, tau, q, m)
	for i := range m * m {
		want := 0.0
		if i/m == i%m {
			want = 1
		}
		if !(math.Abs(float64(left[i])-want) <= tol && math.Abs(float64(q[i])-want) <= tol) {
			t.Fatalf("%d×%d: Qᵀ Q is %v and Q Qᵀ %v at %d, %d", m, n, left[i], q[i], i/m, i%m)
		}
	}
}

// The exported functions reach both precisions, and solve; a matrix that is not positive
// definite is told from one that is at any size.
func TestPotrs(t *testing.T) {
	testPotrs[float32](t, 1e-5)
	testPotrs[float64](t, 1e-13)
}

func testPotrs[T Float](t *testing.T, tol float64) {
	for _, n := range []int{1, 40, 700} {
		for _, ul := range []blas.Uplo{blas.Upper, blas.Lower} {
			// 2 on the diagonal and -1 beside it but for the corner, 1: x_i = i + 1 has the
			// right hand side 0 … 0, 1.
			a, b := make([]T, n*n), make([]T, n*2)
			for i := range n {
				a[i*n+i] = 2
				if i > 0 {
					a[i*n+i-1], a[(i-1)*n+i] = -1, -1
				}
			}
			a[n*n-1] = 1
			broken := append([]T(nil), a...)
			broken[n*n-1] = 0.5
			if n == 1 {
				broken[0] = 0
			}
			b[2*n-2], b[2*n-1] = 1, -1
			if !Potrf(ul, n, a, n) {
				t.Fatalf("%T %d %c: not factored", a[0], n, ul)
			}
			Potrs(ul, n, 2, a, n, b, 2)
			for i := range n {
				want := float64(i + 1)
				if !(math.Abs(float64(b[2*i])-want) <= tol*float64(n*n)) || b[2*i] != -b[2*i+1] {
					t.Fatalf("%T %d %c: x_%d is %v and %v", a[0], n, ul, i, b[2*i], b[2*i+1])
				}
			}
			if Potrf(ul, n, broken, n) {
				t.Errorf("%T %d %c: an indefinite matrix has a factor", a[0], n, ul)
			}
		}
	}
}

// What is shorter than its shape must not reach the library.
func TestShortFactorisationsPanic(t *testing.T) {
	short := make([]float64, 10)
	for name, f := range map[string]func(){
		"potrf":    func() { Potrf(blas.Lower, 20, short, 20) },
		"syev":     func() { SymEigen(20, short, short) },
		"values":   func() { SymEigenvalues(3, short, make([]float64, 2)) },
		"geqrf":    func() { Geqrf(20, 20, short, 20, short) },
		"tau":      func() { Geqrf(3, 3, short, 3, make([]float64, 2)) },
		"ormqr":    func() { Ormqr(blas.Left, blas.NoTrans, 20, 1, 1, short, 1, short, short, 1) },
		"reflects": func() { Ormqr(blas.Left, blas.NoTrans, 2, 2, 3, short, 3, short, short, 2) },
		"trsm": func() {
			Of[float64]().Trsm(blas.Left, blas.Lower, blas.NoTrans, blas.NonUnit, 30, 30, 1,
				short, 30, make([]float64, 900), 30)
		},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s took a matrix shorter than its shape", name)
				}
			}()
			f()
		}()
	}
}

// Factors and triangular solves on one goroutine each, many at once.
func TestFactorAtOnce(t *testing.T) {
	const n = 200
	r := rand.New(rand.NewPCG(9, 9))
	half, a := matrix[float64](r, n, n), make([]float64, n*n)
	gonum.Implementation{}.Dgemm(blas.NoTrans, blas.Trans, n, n, n, 1, half, n, half, n, 0, a, n)
	for i := range n {
		a[i*n+i] += n
	}
	want := append([]float64(nil), a...)
	if !Potrf(blas.Lower, n, want, n) {
		t.Fatal("not factored")
	}
	var group sync.WaitGroup
	for range 6 {
		group.Go(func() {
			l, b := append([]float64(nil), a...), make([]float64, n*n)
			copy(b, a)
			if !Potrf(blas.Lower, n, l, n) {
				t.Error("not factored")
			}
			// a L⁻ᵀ = L
			SerialOf[float64]().Trsm(blas.Right, blas.Lower, blas.Trans, blas.NonUnit, n, n, 1, l,
				n, b, n)
			for i := range n {
				for j := range i + 1 {
					if l[i*n+j] != want[i*n+j] || math.Abs(b[i*n+j]-l[i*n+j]) > 1e-11*n {
						t.Errorf("entry %d, %d: %v, %v, want %v", i, j, l[i*n+j], b[i*n+j],
							want[i*n+j])
						return
					}
				}
			}
		})
	}
	group.Wait()
}

func BenchmarkPotrf(b *testing.B) {
	for _, n := range []int{2000, 5000} {
		b.Run(fmt.Sprint("double/", n), func(b *testing.B) { benchmarkPotrf[float64](b, n) })
		b.Run(fmt.Sprint("single/", n), func(b *testing.B) { benchmarkPotrf[float32](b, n) })
	}
}

func benchmarkPotrf[T Float](b *testing.B, n int) {
	a := make([]T, n*n)
	for b.Loop() {
		for i := range a {
			a[i] = 0.5
			if i/n == i%n {
				a[i] = 1
			}
		}
		if !Potrf(blas.Lower, n, a, n) {
			b.Fatal("not factored")
		}
	}
	b.ReportMetric(float64(n)*float64(n)*float64(n)/3*float64(b.N)/b.Elapsed().Seconds()/1e9,
		"GFLOP/s")
}
