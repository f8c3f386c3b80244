package accel

import (
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/gonum"
)

// The active library and the portable code must agree to rounding: a sum of k
// products of normal numbers is off by at most kε times the sum of their sizes.
func TestAgreesWithPortable(t *testing.T) {
	t.Logf("active: %v", Current())
	r := rand.New(rand.NewPCG(1, 2))
	ref := gonum.Implementation{}
	for _, size := range [][3]int{{1, 1, 1}, {3, 5, 2}, {40, 30, 50}, {33, 1, 257}, {1, 64, 128},
		{128, 96, 64}, {200, 130, 90}, {70, 333, 129}, {1, 3000, 400}} {
		m, n, k := size[0], size[1], size[2]
		for _, tA := range []blas.Transpose{blas.NoTrans, blas.Trans} {
			for _, tB := range []blas.Transpose{blas.NoTrans, blas.Trans} {
				ra, ca := shape(tA, m, k)
				rb, cb := shape(tB, k, n)
				lda, ldb, ldc := ca+3, cb+2, n+1
				a, b, c := normals(r, ra*lda), normals(r, rb*ldb), normals(r, m*ldc)
				c2 := append([]float64(nil), c...)
				a32, b32, c32, c232 := to32(a), to32(b), to32(c), to32(c)
				Float64().Dgemm(tA, tB, m, n, k, 1.5, a, lda, b, ldb, -0.5, c, ldc)
				ref.Dgemm(tA, tB, m, n, k, 1.5, a, lda, b, ldb, -0.5, c2, ldc)
				Float32().Sgemm(tA, tB, m, n, k, 1.5, a32, lda, b32, ldb, -0.5, c32, ldc)
				ref.Sgemm(tA, tB, m, n, k, 1.5, a32, lda, b32, ldb, -0.5, c232, ldc)
				scale := 4 * float64(k+8)
				for i := range c {
					if d := math.Abs(c[i] - c2[i]); d > scale*0x1p-52 {
						t.Fatalf("Dgemm %v %c%c element %d: %v, portable %v", size, tA, tB, i, c[i],
							c2[i])
					}
					if d := math.Abs(float64(c32[i] - c232[i])); d > scale*0x1p-23 {
						t.Fatalf("Sgemm %v %c%c element %d: %v, portable %v", size, tA, tB, i,
							c32[i], c232[i])
					}
				}
			}
			for _, ul := range []blas.Uplo{blas.Upper, blas.Lower} {
				ra, ca := shape(tA, m, k)
				lda, ldc := ca+1, m+2
				a, c := normals(r, ra*lda), normals(r, m*ldc)
				c2 := append([]float64(nil), c...)
				a32, c32, c232 := to32(a), to32(c), to32(c)
				Float64().Dsyrk(ul, tA, m, k, 0.5, a, lda, 2, c, ldc)
				ref.Dsyrk(ul, tA, m, k, 0.5, a, lda, 2, c2, ldc)
				Float32().Ssyrk(ul, tA, m, k, 0.5, a32, lda, 2, c32, ldc)
				ref.Ssyrk(ul, tA, m, k, 0.5, a32, lda, 2, c232, ldc)
				scale := 4 * float64(k+8)
				for i := range c {
					if d := math.Abs(c[i] - c2[i]); d > scale*0x1p-52 {
						t.Fatalf("Dsyrk %v %c%c element %d: %v, portable %v", size, ul, tA, i, c[i],
							c2[i])
					}
					if d := math.Abs(float64(c32[i] - c232[i])); d > scale*0x1p-23 {
						t.Fatalf("Ssyrk %v %c%c element %d: %v, portable %v", size, ul, tA, i,
							c32[i], c232[i])
					}
				}
			}
		}
	}
}

func TestChoice(t *testing.T) {
	if b := choose("off", []string{"/does/not/exist"}); !b.info.Portable() || b.info.Problem != "" {
		t.Errorf("off: %+v", b.info)
	}
	notLib := filepath.Join(t.TempDir(), "lib.so")
	if err := os.WriteFile(notLib, []byte("not a library"), 0o644); err != nil {
		t.Fatal(err)
	}
	b := choose(notLib, nil)
	if !b.info.Portable() || !strings.Contains(b.info.Problem, notLib) {
		t.Errorf("a file that is no library must be reported: %+v", b.info)
	}
	if b := choose("", []string{notLib}); !b.info.Portable() || b.info.Problem != "" {
		t.Errorf("candidates are tried silently: %+v", b.info)
	}
	if got, want := (Info{Library: "OpenBLAS 0.3.34", Core: "Zen", Threads: 1}).String(),
		"OpenBLAS 0.3.34, Zen kernels, 1 thread"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A library that was named must be in use: without this, every other test
// would pass on portable code when loading is broken.
func TestNamedLibraryIsUsed(t *testing.T) {
	switch named := os.Getenv(EnvLibrary); named {
	case "":
		if runtime.GOOS == "darwin" && Current().Portable() {
			t.Error("macOS has Accelerate, but portable code is in use")
		}
	case "off":
		if !Current().Portable() {
			t.Errorf("off, but %v is in use", Current())
		}
	default:
		if Current().Path != named {
			t.Errorf("%s=%s, but %v is in use", EnvLibrary, named, Current())
		}
	}
}

func TestShortMatrixPanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a matrix shorter than its shape must not reach the library")
		}
	}()
	Float32().Sgemm(blas.NoTrans, blas.NoTrans, 32, 32, 32, 1, make([]float32, 10), 32,
		make([]float32, 1024), 32, 0, make([]float32, 1024), 32)
}

func normals(r *rand.Rand, n int) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = r.NormFloat64()
	}
	return x
}

func to32(x []float64) []float32 {
	y := make([]float32, len(x))
	for i, v := range x {
		y[i] = float32(v)
	}
	return y
}

func benchmarkSgemm(b *testing.B, impl blas.Float32) {
	const m, n, k = 800, 2048, 2048
	r := rand.New(rand.NewPCG(1, 1))
	x, w, c := to32(normals(r, m*k)), to32(normals(r, n*k)), make([]float32, m*n)
	for b.Loop() {
		impl.Sgemm(blas.NoTrans, blas.Trans, m, n, k, 1, x, k, w, k, 0, c, n)
	}
	b.ReportMetric(2*m*n*k*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
}

func BenchmarkSgemmActive(b *testing.B)   { benchmarkSgemm(b, Float32()) }
func BenchmarkSgemmPortable(b *testing.B) { benchmarkSgemm(b, portable().f32) }

// Products on one goroutine are those of the divided ones, many at once.
func TestSerialAtOnce(t *testing.T) {
	const m, n, k = 190, 150, 300
	r := rand.New(rand.NewPCG(7, 8))
	a, b, want := normals(r, m*k), normals(r, n*k), make([]float64, m*n)
	a32, b32 := to32(a), to32(b)
	gonum.Implementation{}.Dgemm(blas.NoTrans, blas.Trans, m, n, k, 1, a, k, b, k, 0, want, n)
	var group sync.WaitGroup
	for range 6 {
		group.Go(func() {
			c, c32 := make([]float64, m*n), make([]float32, m*n)
			s, s32 := make([]float64, m*m), make([]float32, m*m)
			Serial64().Dgemm(blas.NoTrans, blas.Trans, m, n, k, 1, a, k, b, k, 0, c, n)
			Serial32().Sgemm(blas.NoTrans, blas.Trans, m, n, k, 1, a32, k, b32, k, 0, c32, n)
			Serial64().Dsyrk(blas.Upper, blas.NoTrans, m, k, 1, a, k, 0, s, m)
			Serial32().Ssyrk(blas.Upper, blas.NoTrans, m, k, 1, a32, k, 0, s32, m)
			for i, w := range want {
				if math.Abs(c[i]-w) > 4*k*0x1p-52*8 || math.Abs(float64(c32[i])-w) > 4*k*0x1p-23*8 {
					t.Errorf("element %d: %v and %v, want %v", i, c[i], c32[i], w)
					return
				}
			}
			for i := range m {
				w := 0.
				for _, v := range a[i*k : i*k+k] {
					w += v * v
				}
				if math.Abs(s[i*m+i]-w) > 4*k*0x1p-52*8 ||
					math.Abs(float64(s32[i*m+i])-w) > 4*k*0x1p-23*8 {
					t.Errorf("norm %d: %v and %v, want %v", i, s[i*m+i], s32[i*m+i], w)
					return
				}
			}
		})
	}
	group.Wait()
}

// A program without OpenBLAS says so, unless it was asked for.
func TestNotice(t *testing.T) {
	none, off := choose("", nil), choose("off", nil)
	broken := choose("/nowhere/lib.so", nil)
	if says := notice(none.info, ""); !strings.Contains(says, "no OpenBLAS was found") ||
		!strings.Contains(says, "pip install scipy-openblas32") {
		t.Errorf("without a library: %q", says)
	}
	if says := notice(broken.info, "/nowhere/lib.so"); !strings.Contains(says, "/nowhere/lib.so") {
		t.Errorf("with a library that is not there: %q", says)
	}
	if says := notice(off.info, "off"); says != "" {
		t.Errorf("asked for: %q", says)
	}
	if says := notice(Info{Library: "OpenBLAS", Path: "libopenblas.so"}, ""); says != "" {
		t.Errorf("with a library: %q", says)
	}
}
