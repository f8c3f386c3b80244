package regress

import (
	"context"
	"errors"
	"math"
	"math/big"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/internal/accel"
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/mat"
)

// randomLower is the triangle of a well conditioned matrix, and the whole matrix.
func randomLower[T accel.Float](n int) (*lower[T], []float64) {
	r := rand.New(rand.NewPCG(uint64(n), 1))
	half, whole := make([]float64, n*n), make([]float64, n*n)
	for i := range half {
		half[i] = r.NormFloat64() / math.Sqrt(float64(n))
	}
	accel.Float64().Dgemm(blas.NoTrans, blas.Trans, n, n, n, 1, half, n, half, n, 0, whole, n)
	l := newLower[T](n)
	for i := range n {
		whole[i*n+i] += 0.1
		for j := range i + 1 {
			l.row(i)[j] = T(whole[i*n+j])
		}
	}
	return l, whole
}

// The factor times its transpose is the matrix, and the solution times the matrix what was solved
// for, at all places of a block's border, in memory of its own and in a square.
func TestLowerFactor(t *testing.T) {
	testLowerFactor[float32](t, 0x1p-23)
	testLowerFactor[float64](t, 0x1p-52)
}

func testLowerFactor[T accel.Float](t *testing.T, eps float64) {
	for _, n := range []int{1, 2, 63, 64, 65, 128, 300, 517} {
		l, whole := randomLower[T](n)
		square := &lower[T]{n: n, block: l.block, data: make([]T, n*n), square: true}
		for i := range n {
			for j := range n {
				square.data[i*n+j] = T(whole[i*n+j])
			}
		}
		operations := 0.0
		if _, ok, err := l.factor(t.Context(), lift{}, func(o float64) { operations += o }); !ok {
			t.Fatalf("n = %d: %v", n, err)
		}
		if want := math.Pow(float64(n), 3) / 3; math.Abs(operations/want-1) > 1e-12 {
			t.Errorf("n = %d: told of %g operations", n, operations)
		}
		if _, ok, err := square.factor(t.Context(), lift{}, nil); !ok {
			t.Fatalf("n = %d in a square: %v", n, err)
		}
		for i := range n {
			for j := range n {
				if j > i && square.data[i*n+j] != T(whole[i*n+j]) {
					t.Fatalf("n = %d: above the diagonal is another number at %d, %d", n, i, j)
				}
				if j <= i && math.Abs(float64(square.data[i*n+j]-l.row(i)[j])) > 30*eps {
					t.Fatalf("n = %d: in a square the factor differs at %d, %d", n, i, j)
				}
			}
		}
		const columns = 3
		x := make([]T, n*columns)
		for i := range x {
			x[i] = T(math.Cos(float64(i)))
		}
		b, back := append([]T(nil), x...), make([]T, n*columns)
		l.solve(columns, x)
		if l.times(columns, x, back); !near(back, b, 400*eps) {
			t.Fatalf("n = %d: the factor times its solution is something else", n)
		}
		for i := range n {
			for c := range columns {
				sum, size := 0.0, 0.0
				for j := range n {
					sum += whole[i*n+j] * float64(x[j*columns+c])
					size += math.Abs(whole[i*n+j] * float64(x[j*columns+c]))
				}
				if off := math.Abs(sum - float64(b[i*columns+c])); !(off <= 20*eps*(size+1)) {
					t.Fatalf("n = %d: residual %g in row %d, column %d", n, off, i, c)
				}
			}
		}
	}
}

// near reports whether two vectors agree.
func near[T accel.Float](a, b []T, tol float64) bool {
	for i, v := range a {
		if !(math.Abs(float64(v-b[i])) <= tol) {
			return false
		}
	}
	return true
}

// Every place of a triangle, on both sides of n² = 2³¹ and far beyond: counted with numbers of
// any size, blocks follow each other without a gap, end where the memory does, and no block
// of rows, which is what one call of the library sees, has 2³¹ entries.
func TestPlacesBeyond32Bits(t *testing.T) {
	for _, n := range []int{46340, 46341, 60000, 65536, 92682, 250000} {
		for _, square := range []bool{false, true} {
			l := &lower[float32]{n: n, block: blockOf(n), square: square}
			end := new(big.Int)
			for b := range l.blocks() {
				from, to := l.rows(b)
				if want := end; !want.IsInt64() || int64(l.offset(b)) != want.Int64() {
					t.Fatalf("n = %d: block %d begins at %d, want %v", n, b, l.offset(b), want)
				}
				size := new(big.Int).Mul(big.NewInt(int64(to-from)), big.NewInt(int64(l.stride(b))))
				if size.Cmp(big.NewInt(1<<31)) >= 0 {
					t.Fatalf("n = %d: %v entries in block %d", n, size, b)
				}
				end = new(big.Int).Add(end, size)
			}
			want := lowerBytes(n, 1)
			if square {
				want = int64(n) * int64(n)
			}
			if off := math.Abs(float64(end.Int64())/float64(want) - 1); off > 1e-2 {
				t.Errorf("n = %d: %v entries, about %d wanted", n, end, want)
			}
		}
	}
}

// A matrix that is not positive definite has no factor, one that is singular has one of itself
// with a ridge, and the ridge is of the size of what rounding does.
func TestLift(t *testing.T) {
	const n, rank = 400, 30
	r := rand.New(rand.NewPCG(1, 2))
	half := make([]float64, n*rank)
	for i := range half {
		half[i] = r.NormFloat64()
	}
	fresh := func() *lower[float32] {
		l := newLower[float32](n)
		for i := range n {
			for j := range i + 1 {
				var sum float64
				for k := range rank {
					sum += half[i*rank+k] * half[j*rank+k]
				}
				l.row(i)[j] = float32(sum / rank)
			}
		}
		return l
	}
	if _, ok, err := fresh().factor(t.Context(), lift{}, nil); ok || err != nil {
		t.Errorf("a matrix of rank %d has a factor: %v", rank, err)
	}
	l := fresh()
	up := liftOf[float32](n, l.addDiagonal(0))
	lifted, ok, err := l.factor(t.Context(), up, nil)
	if !ok || err != nil || !(lifted >= up.first && lifted <= 100*up.first) {
		t.Fatalf("lifted by %g, expected %g to 100 times that: %v %v", lifted, up.first, ok, err)
	}
	was := fresh()
	for i := range n {
		for j := range i + 1 {
			var sum float64
			for k, v := range l.row(j) {
				sum += float64(l.row(i)[k]) * float64(v)
			}
			off := sum - float64(was.row(i)[j])
			if i != j && math.Abs(off) > up.first ||
				i == j && !(off > -up.first && off < 2*lifted) {
				t.Fatalf("L Lᵀ is off by %g at %d, %d, lifted by %g", off, i, j, lifted)
			}
		}
	}
	l = fresh()
	l.row(n - 1)[n-1] -= 1
	if lifted, ok, err := l.factor(t.Context(), up, nil); ok || err != nil {
		t.Errorf("a pivot of -1 was lifted by %g: %v", lifted, err)
	}
}

// The end of a context ends a factorisation at any of its blocks, and no goroutine is left.
func TestFactorEnds(t *testing.T) {
	before := runtime.NumGoroutine()
	for after := range 12 {
		l, _ := randomLower[float64](300)
		ctx, cancel := context.WithCancel(t.Context())
		blocks := 0
		_, ok, err := l.factor(ctx, lift{}, func(float64) {
			if blocks++; blocks == after+1 {
				cancel()
			}
		})
		if ok || !errors.Is(err, context.Canceled) {
			t.Errorf("ended after block %d: %v, %v", after, ok, err)
		}
		cancel()
	}
	for range 100 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("%d goroutines, %d before", runtime.NumGoroutine(), before)
}

// BenchmarkSolve compares regression on a matrix that is handed over, in single precision without
// refinement, with LAPACK's factorisation and solution: ×LAPACK is the least of ours over the least
// of theirs, in turns.
func BenchmarkSolve(b *testing.B) {
	b.Run("double", func(b *testing.B) {
		benchmarkSolve(b, func(t ntk.Tiles[float64], y *mat.Dense) error {
			_, err := NewRidge(b.Context(), t, y, nil)
			return err
		})
	})
	b.Run("single", func(b *testing.B) {
		benchmarkSolve(b, func(t ntk.Tiles[float32], y *mat.Dense) error {
			_, err := Solve(b.Context(), t, y, &SolveSettings{Tolerance: math.Inf(1)})
			return err
		})
	})
}

func benchmarkSolve[T accel.Float](
	b *testing.B, solve func(t ntk.Tiles[T], y *mat.Dense) error,
) {
	const n, columns = 10000, 10
	if testing.Short() {
		b.Skip("takes 800 MB and half a minute")
	}
	ours, theirs := math.Inf(1), math.Inf(1)
	a, x, y := make([]T, n*n), make([]T, n*columns), mat.NewDense(n, columns, nil)
	for i := range n {
		y.Set(i, i%columns, 1)
	}
	fill := func() {
		for i := range a {
			a[i] = 0.5
			if i/n == i%n {
				a[i] = 1
			}
		}
	}
	for b.Loop() {
		for range 3 {
			fill()
			start := time.Now()
			if !accel.Potrf(blas.Lower, n, a, n) {
				b.Fatal("not factored")
			}
			for _, tr := range []blas.Transpose{blas.NoTrans, blas.Trans} {
				accel.Of[T]().Trsm(blas.Left, blas.Lower, tr, blas.NonUnit, n, columns, 1, a, n, x,
					columns)
			}
			theirs = math.Min(theirs, time.Since(start).Seconds())
			fill()
			start = time.Now()
			t, err := InPlace(a, n)
			if err == nil {
				err = solve(t, y)
			}
			if err != nil {
				b.Fatal(err)
			}
			ours = math.Min(ours, time.Since(start).Seconds())
		}
	}
	b.ReportMetric(ours/theirs, "×LAPACK")
	b.ReportMetric(ours, "s/solve")
}
