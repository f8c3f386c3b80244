package ntk_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/regress"
	"gonum.org/v1/gonum/mat"
)

// One set of products gives the matrices of any kernel, on one sphere and for any norms, in
// whole, in tiles of any shape and beside each other, with more rows than one tile of products has.
func TestProducts(t *testing.T) {
	t.Run("float64", func(t *testing.T) { testProducts[float64](t, 1e-11) })
	t.Run("float32", func(t *testing.T) { testProducts[float32](t, 3e-5) })
}

func testProducts[T float32 | float64](t *testing.T, tol float64) {
	const n, m, d = 530, 516, 6
	ctx := t.Context()
	for _, norms := range []bool{false, true} {
		x := ntk.Inputs[T]{Rows: special(rowsOf[T](n-10, d, n, 0, norms), d), N: n, D: d}
		z := ntk.Inputs[T]{Rows: special(rowsOf[T](m-10, d, m, 0, norms), d), N: m, D: d}
		grams := ntk.Must(ntk.NewProducts(ctx, x))
		crosses := ntk.Must(ntk.NewCrossProducts(ctx, z, x))
		for _, K := range []ntk.Kernel{
			ntk.Must(deepReLU().NTK()), ntk.Must(shallow(ntk.Erf{}, 1.5, 0.3, 1, 0).NNGP()),
			laplace(2), series(1, 0, 2, 0, 0, 1),
			ntk.Must(shallow(ntk.Cos{Amplitude: 1, Frequency: 2}, 1, 0, 1, 0).NNGP()),
		} {
			gram, cross := make([]T, n*n), make([]T, m*n)
			ntk.Must(0, grams.Into(ctx, gram, K, nil))
			ntk.Must(0, crosses.Into(ctx, cross, K, nil))
			againstAt(t, K, x, x, gram, tol)
			againstAt(t, K, z, x, cross, tol)
			compareTiles(t, ntk.Must(grams.Tiles(ctx, K)), gram, tol)
			compareTiles(t, ntk.Must(crosses.Tiles(ctx, K)), cross, tol)
		}
	}
}

// againstAt compares some entries of a matrix with the kernel of the pair alone, but for those
// that rounding of an inner product in T changes by more: of nearly equal or opposite rows.
func againstAt[T float32 | float64](
	t *testing.T, K ntk.Kernel, z, x ntk.Inputs[T], got []T, tol float64,
) {
	t.Helper()
	compared := 0
	for i := range z.N {
		for j := i % 19; j < x.N; j += 19 {
			q, k, q2 := dots(z.Rows[i*z.D:(i+1)*z.D], x.Rows[j*x.D:(j+1)*x.D])
			if math.Abs(k) > 0.99*math.Sqrt(q*q2) && k != 0 {
				continue
			}
			compared++
			want := ntk.Must(K.At(q, k, q2))
			if off := math.Abs(float64(got[i*x.N+j]) - want); !(off <= tol*(1+math.Abs(want))) {
				t.Fatalf("%v: entry %d, %d is %v, want %v", K, i, j, got[i*x.N+j], want)
			}
		}
	}
	if compared < z.N*x.N/25 {
		t.Fatalf("only %d entries compared", compared)
	}
}

// Nothing but the products is read of rows that are not near each other, so that a kernel costs
// its map alone: other rows in the same memory do not show.
func TestProductsAreKept(t *testing.T) {
	x := ntk.Inputs[float64]{Rows: rowsOf[float64](40, 9, 40, 0, true), N: 40, D: 9}
	K, want := ntk.Must(deepReLU().NTK()), make([]float64, 40*40)
	ntk.Must(0, ntk.GramInto(t.Context(), want, K, x, nil))
	p := ntk.Must(ntk.NewProducts(t.Context(), x))
	c := ntk.Must(ntk.NewCrossProducts(t.Context(), x, x))
	clear(x.Rows)
	compareTiles(t, ntk.Must(p.Tiles(t.Context(), K)), want, 1e-13)
	compareTiles(t, ntk.Must(c.Tiles(t.Context(), K)), want, 1e-13)
}

// A kernel of distances takes rows around their own mean, and one of the cosine alone rows of any
// size: products of the rows as they came are no good for either.
func TestProductsOfOtherRows(t *testing.T) {
	const n, d = 60, 3
	far := ntk.Inputs[float64]{Rows: rowsOf[float64](n, d, n, 0, true), N: n, D: d}
	for i := range far.Rows {
		far.Rows[i] += 1e7
	}
	got := make([]float64, n*n)
	p := ntk.Must(ntk.NewProducts(t.Context(), far))
	ntk.Must(0, p.Into(t.Context(), got, laplace(1), nil))
	for i := range n {
		for j := range n {
			square := 0.0
			for l := range d {
				square += math.Pow(far.Rows[i*d+l]-far.Rows[j*d+l], 2) / d
			}
			if want := math.Exp(-math.Sqrt(square)); !(math.Abs(got[i*n+j]-want) <= 1e-12) {
				t.Fatalf("Laplace kernel at %d, %d: %v, want %v", i, j, got[i*n+j], want)
			}
		}
	}

	large := ntk.Inputs[float64]{Rows: []float64{3e145, 0, 3e145, 3e145, 0, 7}, N: 3, D: 2}
	cross := ntk.Must(ntk.NewCrossProducts(t.Context(), large, large))
	one := make([]float64, 1)
	square := series(0, 0, 1) // c²
	ntk.Must(0, ntk.Must(cross.Tiles(t.Context(), square)).Tile(t.Context(), one, 0, 1, 1, 2))
	if math.Abs(one[0]-0.5) > 1e-15 {
		t.Errorf("c² at an angle of 45°: %v", one[0])
	}
}

func TestProductsReportErrors(t *testing.T) {
	ctx := t.Context()
	K := ntk.Must(deepReLU().NTK())
	x := ntk.Inputs[float64]{Rows: []float64{1, 2, 3, 4}, N: 2, D: 2}
	p, c := ntk.Must(ntk.NewProducts(ctx, x)), ntk.Must(ntk.NewCrossProducts(ctx, x, x))
	ended, cancel := context.WithCancel(ctx)
	cancel()
	for want, err := range map[string]error{
		"no inputs":    errorOf(ntk.NewProducts(ctx, ntk.Inputs[float64]{})),
		"not 4 entr":   errorOf(ntk.NewProducts(ctx, ntk.Inputs[float64]{x.Rows, 2, 3})),
		"no inner":     errorOf(ntk.NewCrossProducts(ctx, ntk.Inputs[float64]{x.Rows, 4, 1}, x)),
		"canceled":     errorOf(ntk.NewProducts(ended, x)),
		"3 entries":    p.Into(ctx, make([]float64, 3), K, nil),
		"overlaps":     c.Into(ctx, x.Rows, K, nil),
		"into 6":       ntk.Must(p.Tiles(ctx, K)).Tile(ctx, make([]float64, 6), 0, 2, 0, 2),
		"none of a":    ntk.Must(c.Tiles(ctx, K)).Tile(ctx, make([]float64, 4), 1, 3, 0, 2),
		"context canc": p.Into(ended, make([]float64, 4), K, nil),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	var entry *ntk.NonFiniteError
	bad := ntk.Inputs[float64]{Rows: []float64{1, 2, math.NaN(), 4}, N: 2, D: 2}
	if err := errorOf(ntk.NewProducts(ctx, bad)); !errors.As(err, &entry) || entry.Row != 1 {
		t.Errorf("%v", err)
	}
	tiny := ntk.Inputs[float64]{Rows: []float64{1, 2, 1e-160, 0}, N: 2, D: 2}
	relu := ntk.Must(shallow(ntk.ReLU{}, 1, 0, 1, 0).NNGP())
	if err := errorOf(ntk.Must(ntk.NewProducts(ctx, tiny)).Tiles(ctx, relu)); !errors.As(err,
		&entry) || entry.Row != 1 {
		t.Errorf("%v", err)
	}
}

func series(a ...float64) ntk.Kernel {
	return ntk.Must(ntk.Must(ntk.NewPowerSeries(a)).Kernel())
}

func errorOf[V any](_ V, err error) error { return err }

// What one product of the rows costs is saved for every kernel but the first.
func BenchmarkProducts(b *testing.B) {
	const n, d = 1500, 3072
	x := ntk.Inputs[float64]{Rows: rowsOf[float64](n, d, n, 0, false), N: n, D: d}
	K, dst := ntk.Must(deepReLU().NTK()), make([]float64, n*n)
	p := ntk.Must(ntk.NewProducts(b.Context(), x))
	b.Run("map", func(b *testing.B) {
		for b.Loop() {
			ntk.Must(0, p.Into(b.Context(), dst, K, nil))
		}
	})
	b.Run("rows", func(b *testing.B) {
		for b.Loop() {
			ntk.Must(0, ntk.GramInto(b.Context(), dst, K, x, nil))
		}
	})
}

// Two kernels on the same rows, for the products of one.
func ExampleNewProducts() {
	ctx := context.Background()
	x := ntk.Inputs[float64]{Rows: []float64{1, 1, 1, -1, 0, 2}, N: 3, D: 2}
	products := ntk.Must(ntk.NewProducts(ctx, x))
	gram := make([]float64, x.N*x.N)
	for _, depth := range []int{1, 4} {
		net := ntk.Must(ntk.UniformFCN(depth, ntk.ReLU{}, math.Sqrt2, 0.1))
		if err := products.Into(ctx, gram, ntk.Must(net.NTK()), nil); err != nil {
			panic(err)
		}
		fmt.Printf("%.3f\n", gram[:x.N]) // the first row with each
	}
	// Output:
	// [2.010 0.325 1.827]
	// [5.070 1.475 3.799]
}

// Predictions with the products of training rows, and of those with test rows.
func ExampleNewCrossProducts() {
	ctx := context.Background()
	x := ntk.Inputs[float64]{Rows: []float64{1, 1, 1, -1, -1, -1}, N: 3, D: 2}
	z := ntk.Inputs[float64]{Rows: []float64{1, 0}, N: 1, D: 2}
	y := mat.NewDense(3, 1, []float64{1, 2, 0})
	train, test := ntk.Must(ntk.NewProducts(ctx, x)), ntk.Must(ntk.NewCrossProducts(ctx, z, x))
	for _, depth := range []int{1, 4} {
		K := ntk.Must(ntk.Must(ntk.UniformFCN(depth, ntk.ReLU{}, math.Sqrt2, 0.1)).NTK())
		fit := ntk.Must(regress.NewRidge(ctx, ntk.Must(train.Tiles(ctx, K)), y, nil))
		f := ntk.Must(fit.Predict(ctx, ntk.Must(test.Tiles(ctx, K))))
		fmt.Printf("%d layers: %.3f\n", depth, f.At(0, 0))
	}
	// Output:
	// 1 layers: 1.210
	// 4 layers: 0.878
}

// Long rows that were scaled by a sum of squares, one after the other, are on one sphere as far
// as that sum tells: a kernel is tabulated for them, not computed for each pair.
func TestLongScaledRowsAreOnOneSphere(t *testing.T) {
	const n, d = 100, 3072
	x := ntk.Inputs[float64]{Rows: make([]float64, n*d), N: n, D: d}
	lo, hi := math.Inf(1), 0.0
	for i := range n {
		row, sum := x.Rows[i*d:(i+1)*d], 0.0
		for j := range row { // large in one half, small in the other
			row[j] = 1 + 0.01*float64((i*j)%29)
			if j > d/n*i {
				row[j] = -0.1 * row[j]
			}
			sum += row[j] * row[j]
		}
		scale := math.Sqrt(d / sum)
		for j := range row {
			row[j] *= scale
		}
		q, _, _ := dots(row, row)
		lo, hi = math.Min(lo, q), math.Max(hi, q)
	}
	if spread := (hi - lo) / 0x1p-52; spread < 64 || spread > 64+d/4 {
		t.Fatalf("norms are within %v ulps; the test has nothing to say", spread)
	}
	values := 0
	K := ntk.Must(ntk.FromFunc("counted", func(c float64) float64 {
		values++
		return math.Exp(c)
	}))
	p := ntk.Must(ntk.NewProducts(t.Context(), x))
	tile := make([]float64, n*n)
	before := values
	ntk.Must(0, ntk.Must(p.Tiles(t.Context(), K)).Tile(t.Context(), tile, 0, n, 0, n))
	if made := values - before; made > n*n/4 {
		t.Errorf("%d values for %d pairs", made, n*n)
	}
	againstAt(t, K, x, x, tile, 1e-11)
}
