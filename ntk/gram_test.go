package ntk_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/internal/accel"
	"github.com/kernelsmith/kernelsmith/ntk/internal/threadtest"
	"gonum.org/v1/gonum/mat"
)

// special are 10 rows that follow any others: duplicates, antipodes, zeros and
// neighbours of row 0.
func special[T float32 | float64](rows []T, d int) []T {
	x := rows[:d:d]
	r := rand.New(rand.NewPCG(5, 6))
	for _, f := range []func(v T) T{
		func(v T) T { return v }, func(v T) T { return -v }, func(v T) T { return -v },
		func(v T) T { return 0 }, func(v T) T { return 0 },
		func(v T) T { return v * (1 + 1e-3) }, func(v T) T { return v * (1 + 1e-6) },
		func(v T) T { return v + 1e-2*T(r.NormFloat64()) },
		func(v T) T { return v + 1e-5*T(r.NormFloat64()) },
		func(v T) T { return 2 * v },
	} {
		for _, v := range x {
			rows = append(rows, f(v))
		}
	}
	return rows
}

func rowsOf[T float32 | float64](n, d, centres int, spread float64, norms bool) []T {
	x := make([]float32, n*d)
	fill(x, n, d, centres, spread, norms)
	rows := make([]T, n*d)
	for i := range n {
		sum := 0.
		for _, v := range x[i*d : i*d+d] {
			sum += float64(v) * float64(v)
		}
		for j := range d {
			rows[i*d+j] = T(x[i*d+j])
			if !norms {
				rows[i*d+j] = T(float64(x[i*d+j]) * math.Sqrt(float64(d)/sum))
			}
		}
	}
	return rows
}

func TestGramAgainstAt(t *testing.T) {
	t.Run("float64", func(t *testing.T) { testGramAgainstAt[float64](t, 0x1p-53) })
	t.Run("float32", func(t *testing.T) { testGramAgainstAt[float32](t, 0x1p-24) })
}

func testGramAgainstAt[T float32 | float64](t *testing.T, eps float64) {
	for _, net := range []*ntk.FCN{
		deepReLU(),
		ntk.Must(ntk.UniformFCN(15, ntk.ReLU{}, math.Sqrt2, 0)),
		ntk.Must(ntk.UniformFCN(2, ntk.Erf{}, 1.5, 0.1)),
		ntk.Must(ntk.UniformFCN(1, ntk.PublishedMimic(), 1, 0)),
	} {
		nngp, curve := ntk.Must(net.NNGP()), ntk.Must(net.NTK())
		for name, c := range map[string]struct {
			n, d int
			rows []T
		}{
			"sphere":    {130, 7, rowsOf[T](130, 7, 130, 0, false)},
			"any norm":  {77, 7, rowsOf[T](77, 7, 77, 0, true)},
			"special":   {75, 30, special(rowsOf[T](65, 30, 65, 0, false), 30)},
			"clustered": {90, 9, rowsOf[T](90, 9, 4, 1e-3, false)},
			"d = 1":     {9, 1, rowsOf[T](9, 1, 9, 0, true)},
			"n = 1":     {1, 3, rowsOf[T](1, 3, 1, 0, true)},
			"wide d":    {12, 3072, special(rowsOf[T](2, 3072, 2, 0, false), 3072)},
		} {
			in := ntk.Inputs[T]{Rows: c.rows, N: c.n, D: c.d}
			a, b := make([]T, c.n*c.n), make([]T, c.n*c.n)
			if err := ntk.GramBothInto(t.Context(), a, b, net, in, nil); err != nil {
				t.Fatalf("%v, %s: %v", net, name, err)
			}
			one, cross, ca, cb := make([]T, c.n*c.n), make([]T, c.n*c.n), make([]T, c.n*c.n), make(
				[]T, c.n*c.n)
			if err := ntk.CrossBothInto(t.Context(), ca, cb, net, in, in, nil); err != nil {
				t.Fatal(err)
			}
			for which, k := range []struct {
				K         ntk.Kernel
				got, both []T
			}{{nngp, a, ca}, {curve, b, cb}} {
				if err := ntk.GramInto(t.Context(), one, k.K, in, nil); err != nil {
					t.Fatal(err)
				}
				if err := ntk.CrossInto(t.Context(), cross, k.K, in, in, nil); err != nil {
					t.Fatal(err)
				}
				worst := 0.
				for i := range c.n {
					x := c.rows[i*c.d : (i+1)*c.d]
					for j := range c.n {
						z := c.rows[j*c.d : (j+1)*c.d]
						q, p, q2 := dots(x, z)
						scale := math.Sqrt(
							ntk.Must(k.K.At(q, q, q))*ntk.Must(k.K.At(q2, q2, q2))) + 1e-300
						want := ntk.Must(k.K.At(q, p, q2))
						got := float64(k.got[i*c.n+j])
						// The inner product's rounding moves c by some ε (√d at most,
						// 4 typically), and K by that times the slope, which near
						// c = ±1 of a kinked net is up to depth/√(1-c²).
						tol := 1e-8*eps/0x1p-24 +
							(8+4*math.Sqrt(float64(c.d)))*eps*(20+60/math.Sqrt(eps*16+1-math.Min(1,
								(p*p)/(q*q2+1e-300))))
						if slices.Equal(x, z) {
							// promised, with room for the rounding of the norm in dots
							if tol = 5e-7; eps < 0x1p-24 {
								tol = 1e-13
							}
							want = ntk.Must(k.K.At(q, q, q))
						}
						e := math.Abs(got-want) / scale
						worst = math.Max(worst, e/tol)
						if !(e <= tol) {
							t.Errorf(
								"%v, %s, kernel %d, rows %d, %d (cosine %.9g): %.17g, want "+
									"%.17g: off by %.2g, allowed %.2g",
								net,
								name,
								which,
								i,
								j,
								p/math.Sqrt(q*q2),
								got,
								want,
								e,
								tol,
							)
						}
						if k.got[i*c.n+j] != k.got[j*c.n+i] {
							t.Fatalf("%v, %s: not symmetric at %d, %d", net, name, i, j)
						}
						for other, v := range map[string]T{"alone": one[i*c.n+j],
							"Cross": cross[i*c.n+j], "CrossBoth": k.both[i*c.n+j]} {
							if e := math.Abs(float64(v)-want) / scale; !(e <= tol) {
								t.Errorf("%v, %s, kernel %d, rows %d, %d, %s: %v, want %v", net,
									name, which, i, j, other, v, want)
							}
						}
					}
				}
				t.Logf("%v, %s, kernel %d: %.2g of the tolerance", net, name, which, worst)
			}
		}
	}
}

// dots are ‖x‖²/d, x·z/d and ‖z‖²/d.
func dots[T float32 | float64](x, z []T) (q, k, q2 float64) {
	d := float64(len(x))
	for i, v := range x {
		q += float64(v) * float64(v) / d
		k += float64(v) * float64(z[i]) / d
		q2 += float64(z[i]) * float64(z[i]) / d
	}
	limit := math.Sqrt(q) * math.Sqrt(q2)
	return q, math.Max(-limit, math.Min(limit, k)), q2
}

// Of rows of any norm each pair is as by itself, at all angles: of 0, nearly 0, small enough for a
// cosine to lose digits of it in some layer, and nearly opposite.
func TestGramIsPairByPair(t *testing.T) {
	const n, d = 60, 12
	x := rowsOf[float64](n, d, n, 0, true)
	for i := 1; i < n; i += 2 { // beside the row before
		apart := math.Pow(10, -float64(i)/8)
		sign := float64(1 - 2*(i/2%2))
		for k := range d {
			x[i*d+k] = sign * (x[(i-1)*d+k]*(1+0.3*apart) + apart*x[i*d+k])
		}
	}
	for _, c := range []struct {
		depth  int
		phi    ntk.Activation
		w1, b1 float64
	}{
		{1, ntk.ReLU{}, 1, 0}, {4, ntk.ReLU{}, math.Sqrt2, 0.1}, {40, ntk.ReLU{}, math.Sqrt2, 0.1},
		{3, ntk.TwoSlope{Positive: 1.2, Negative: -0.3}, 1.1, 0.5}, {2, ntk.Abs(), 1, 0},
	} {
		net := ntk.Must(ntk.UniformFCN(c.depth, c.phi, c.w1, c.b1))
		nngp, tangent := make([]float64, n*n), make([]float64, n*n)
		ntk.Must(0, ntk.GramBothInto(t.Context(), nngp, tangent, net,
			ntk.Inputs[float64]{Rows: x, N: n, D: d}, nil))
		for k, K := range []ntk.Kernel{ntk.Must(net.NNGP()), ntk.Must(net.NTK())} {
			got, worst := [][]float64{nngp, tangent}[k], 0.
			for i := range n {
				for j := range i {
					q, cov, q2 := dots(x[i*d:(i+1)*d], x[j*d:(j+1)*d])
					gap := 1 - math.Abs(cov)/math.Sqrt(q*q2)
					if gap < 1e-7 {
						continue // known better from the difference of the rows
					}
					size := math.Sqrt(got[i*n+i] * got[j*n+j])
					off := math.Abs(got[i*n+j]-ntk.Must(K.At(q, cov, q2))) / size
					worst = math.Max(worst, off*math.Sqrt(math.Min(1, gap)))
				}
			}
			t.Logf("%v, kernel %d: off by %.2g", net, k, worst)
			if !(worst < 1e-13) {
				t.Errorf("%v, kernel %d: off by %.2g", net, k, worst)
			}
		}
	}
}

// Equal inputs have, by hand, q ← σ_w² q/2 + σ_b² and T ← σ_w²(q/2 + T/2) + σ_b².
func TestGramOfEqualInputs(t *testing.T) {
	t.Run("float64", func(t *testing.T) { testGramOfEqualInputs[float64](t, 1e-13) })
	t.Run("float32", func(t *testing.T) { testGramOfEqualInputs[float32](t, 1e-6) })
}

func testGramOfEqualInputs[T float32 | float64](t *testing.T, tol float64) {
	const n, d = 60, 3072
	for _, depth := range []int{4, 15} {
		net := ntk.Must(ntk.UniformFCN(depth, ntk.ReLU{}, math.Sqrt2, 0.1))
		for _, norms := range []bool{false, true} {
			x := rowsOf[T](n, d, 20, 0, norms)
			if norms { // equal rows then too
				x = append(x[:20*d], append(x[:20*d:20*d], x[:20*d]...)...)
			}
			a, b := make([]T, n*n), make([]T, n*n)
			if err := ntk.GramBothInto(
				t.Context(), a, b, net, ntk.Inputs[T]{Rows: x, N: n, D: d}, nil,
			); err != nil {
				t.Fatal(err)
			}
			worst := 0.
			for i := range n {
				for j := i % 20; j < n; j += 20 {
					q, _, _ := dots(x[i*d:(i+1)*d], x[i*d:(i+1)*d])
					s := 2*q + 0.01
					tangent := s
					for l := range depth {
						w2, b2 := 2., 0.01
						if l == depth-1 {
							w2, b2 = 1, 0
						}
						s, tangent = w2*s/2+b2, w2*(s/2+tangent/2)+b2
					}
					worst = math.Max(
						worst,
						math.Max(math.Abs(float64(a[i*n+j])/s-1),
							math.Abs(float64(b[i*n+j])/tangent-1)),
					)
				}
			}
			t.Logf("depth %d, any norm %v: %.2g", depth, norms, worst)
			if worst > tol {
				t.Errorf("depth %d, any norm %v: off by %.2g", depth, norms, worst)
			}
		}
	}
}

// A kernel matrix is positive semidefinite up to the rounding of its entries.
func TestGramIntoIsPSD(t *testing.T) {
	const n, d = 200, 12
	for _, norms := range []bool{false, true} {
		x := special(rowsOf[float32](n-10, d, 30, 1e-4, norms), d)
		k := make([]float32, n*n)
		if err := ntk.GramInto(
			t.Context(), k, ntk.Must(deepReLU().NNGP()), ntk.Inputs[float32]{Rows: x, N: n, D: d},
			nil,
		); err != nil {
			t.Fatal(err)
		}
		a, w, largest := make([]float64, n*n), make([]float64, n), 0.
		for i, v := range k {
			a[i] = float64(v)
			largest = math.Max(largest, math.Abs(a[i]))
		}
		if !accel.SymEigen(n, a, w) || w[0] < -1e-6*n*largest {
			t.Errorf("any norm %v: smallest eigenvalue %g", norms, w[0])
		}
	}
}

// Squares of these leave float32's range, though the kernel does not.
func TestGramIntoWideRange(t *testing.T) {
	x := []float32{1e-25, 2e-25, 1e-25, -1e-25, 1, 2, 3e18, -1e19, 0, 0}
	k := make([]float32, 25)
	K := ntk.Must(deepReLU().NTK())
	if err := ntk.GramInto(
		t.Context(), k, K, ntk.Inputs[float32]{Rows: x, N: 5, D: 2}, nil,
	); err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		for j := range 5 {
			q, p, q2 := dots(x[2*i:2*i+2], x[2*j:2*j+2])
			if want := ntk.Must(K.At(q, p, q2)); math.Abs(float64(k[i*5+j])/want-1) > 1e-6 {
				t.Errorf("rows %d, %d: %v, want %v", i, j, k[i*5+j], want)
			}
		}
	}
}

func TestGramOnAnyThreads(t *testing.T) {
	t.Run("float32", func(t *testing.T) { testGramOnAnyThreads[float32](t, 1e-5) })
	t.Run("float64", func(t *testing.T) { testGramOnAnyThreads[float64](t, 1e-13) })
}

func testGramOnAnyThreads[T float32 | float64](t *testing.T, tolerance float64) {
	const n, d = 150, 20
	erf := ntk.Must(ntk.UniformFCN(2, ntk.Erf{}, 1.5, 0.3))
	for i, K := range []ntk.Kernel{ntk.Must(deepReLU().NTK()), ntk.Must(ntk.GaussianKernel(0.1))} {
		for _, norms := range []bool{false, true} {
			x := ntk.Inputs[T]{Rows: rowsOf[T](n, d, n/(4*i+1), float64(i)*0.1, norms), N: n, D: d}
			z := ntk.Inputs[T]{Rows: rowsOf[T](n/2, d, n/2, 0, norms), N: n / 2, D: d}
			threadtest.Same(t, tolerance, func() map[string][]float64 {
				ctx, out := t.Context(), map[string][]float64{}
				var matrices [4][]T
				for k := range matrices {
					matrices[k] = make([]T, n*n)
				}
				matrices[1] = matrices[1][:n/2*n]
				ntk.Must(0, ntk.GramInto(ctx, matrices[0], K, x, nil))
				ntk.Must(0, ntk.CrossInto(ctx, matrices[1], K, z, x, nil))
				ntk.Must(0, ntk.GramBothInto(ctx, matrices[2], matrices[3], erf, x, nil))
				for k, m := range matrices {
					name := fmt.Sprint(K, ", matrix ", k)
					for _, v := range m {
						out[name] = append(out[name], float64(v))
					}
				}
				return out
			})
		}
	}
}

func TestGramIntoProgressAndCancellation(t *testing.T) {
	const n, d = 300, 4
	x := ntk.Inputs[float64]{Rows: rowsOf[float64](n, d, n, 0, true), N: n, D: d}
	K := ntk.Must(deepReLU().NTK())
	for _, c := range []struct {
		total int
		f     func(ctx context.Context, s func(done, total int)) error
	}{
		{n * (n + 1) / 2, func(ctx context.Context, s func(done, total int)) error {
			return ntk.GramInto(ctx, make([]float64, n*n), K, x, s)
		}},
		{n * n, func(ctx context.Context, s func(done, total int)) error {
			return ntk.CrossInto(ctx, make([]float64, n*n), K, x, x, s)
		}},
	} {
		last, calls := -1, 0
		if err := c.f(t.Context(), func(done, total int) {
			if done < last || total != c.total {
				t.Errorf("%d of %d after %d of %d", done, total, last, c.total)
			}
			last = done
			calls++
		}); err != nil {
			t.Fatal(err)
		}
		if last != c.total || calls < 4 {
			t.Errorf("the last of %d reports is %d of %d", calls, last, c.total)
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		err := c.f(ctx, func(done, total int) {
			if done > 0 {
				cancel(nil)
			}
			if done == total {
				t.Error("went on to the end")
			}
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled midway: %v", err)
		}
	}
}

func TestGramIntoErrors(t *testing.T) {
	net := deepReLU()
	K := ntk.Must(net.NTK())
	x := ntk.Inputs[float32]{Rows: []float32{1, 2, 3, 4}, N: 2, D: 2}
	bad := ntk.Inputs[float32]{Rows: []float32{1, 2, 3, float32(math.NaN())}, N: 2, D: 2}
	infinite := ntk.Inputs[float32]{Rows: []float32{1, 2, float32(math.Inf(-1)), 0}, N: 2, D: 2}
	big := ntk.Inputs[float32]{Rows: []float32{1, 2, 3e38, 0}, N: 2, D: 2}
	k, k2 := make([]float32, 4), make([]float32, 4)
	ctx := t.Context()
	for _, c := range []struct {
		err  error
		want string
	}{
		{ntk.GramInto(ctx, k, K, bad, nil), "row 1, column 1 is NaN"},
		{ntk.GramInto(ctx, k, K, infinite, nil), "row 1, column 0 is -Inf"},
		{ntk.CrossInto(ctx, k, K, bad, x, nil), "row 1, column 1 is NaN"},
		{ntk.GramInto(ctx, k, K, big, nil), "rows 0 and 1 the kernel is too large for single"},
		{ntk.GramInto(ctx, k[:3], K, x, nil), "2×2 kernel matrix does not go into 3"},
		{ntk.GramBothInto(ctx, k, k2[:0], net, x, nil), "does not go into 0"},
		{ntk.GramBothInto(ctx, k, k, net, x, nil), "a destination each"},
		{ntk.GramInto(ctx, nil, K, ntk.Inputs[float32]{}, nil), "no inputs"},
		{ntk.GramInto(ctx, k, K, ntk.Inputs[float32]{Rows: x.Rows, N: 3, D: 2}, nil),
			"3 inputs of 2 features are not 4"},
		{ntk.CrossInto(ctx, k, K, x, ntk.Inputs[float32]{Rows: x.Rows, N: 1, D: 4}, nil),
			"2 and of 4"},
		{ntk.GramBothInto(ctx, k, k2, ntk.Must(ntk.UniformFCN(1, noDual{}, 1, 0)), x, nil), "dual"},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.want) {
			t.Errorf("%v, want %q", c.err, c.want)
		}
	}
	var nonFinite *ntk.NonFiniteError
	if !errors.As(ntk.GramInto(ctx, k, K, bad, nil), &nonFinite) || nonFinite.Row != 1 ||
		nonFinite.Col != 1 {
		t.Errorf("NonFiniteError: %v", nonFinite)
	}
}

func ExampleGramInto() {
	net := ntk.Must(ntk.UniformFCN(4, ntk.ReLU{}, math.Sqrt2, 0.1))
	K := ntk.Must(net.NTK())
	x := ntk.Inputs[float32]{Rows: []float32{1, 1, 1, -1, 0, 0}, N: 3, D: 2}
	gram := make([]float32, x.N*x.N)
	if err := ntk.GramInto(context.Background(), gram, K, x, nil); err != nil {
		panic(err)
	}
	fmt.Printf("%.4f\n", gram)
	// Output: [5.0700 1.4747 0.1714 1.4747 5.0700 0.1714 0.1714 0.1714 0.0700]
}

func ExampleGramBothInto() {
	net := ntk.Must(ntk.UniformFCN(4, ntk.ReLU{}, math.Sqrt2, 0.1))
	x := ntk.Inputs[float64]{Rows: []float64{1, 1, 1, -1}, N: 2, D: 2}
	nngp, gram := make([]float64, 4), make([]float64, 4)
	progress := func(done, total int) { fmt.Println(done, "of", total) }
	if err := ntk.GramBothInto(context.Background(), nngp, gram, net, x, progress); err != nil {
		panic(err)
	}
	fmt.Printf("%.4f %.4f\n", nngp, gram)
	// Output:
	// 0 of 3
	// 3 of 3
	// [1.0200 0.6988 0.6988 1.0200] [5.0700 1.4747 1.4747 5.0700]
}

func ExampleCrossInto() {
	net := ntk.Must(ntk.UniformFCN(4, ntk.ReLU{}, math.Sqrt2, 0.1))
	K := ntk.Must(net.NNGP())
	z := ntk.Inputs[float32]{Rows: []float32{1, 1}, N: 1, D: 2}
	x := ntk.Inputs[float32]{Rows: []float32{1, 1, 1, -1, -1, -1}, N: 3, D: 2}
	k := make([]float32, z.N*x.N)
	if err := ntk.CrossInto(context.Background(), k, K, z, x, nil); err != nil {
		panic(err)
	}
	fmt.Printf("%.4f\n", k)
	// Output: [1.0200 0.6988 0.6210]
}

func ExampleCrossBothInto() {
	net := ntk.Must(ntk.UniformFCN(4, ntk.ReLU{}, math.Sqrt2, 0.1))
	z := ntk.Inputs[float64]{Rows: []float64{1, 1}, N: 1, D: 2}
	x := ntk.Inputs[float64]{Rows: []float64{3, 1, -1, 0}, N: 2, D: 2}
	nngp, k := make([]float64, 2), make([]float64, 2)
	if err := ntk.CrossBothInto(context.Background(), nngp, k, net, z, x, nil); err != nil {
		panic(err)
	}
	fmt.Printf("%.4f %.4f\n", nngp, k)
	// Output: [2.0967 0.4521] [7.8905 0.7929]
}

func ExampleKernel_Gram_zero() {
	net := ntk.Must(ntk.UniformFCN(4, ntk.ReLU{}, math.Sqrt2, 0.1))
	K := ntk.Must(net.NNGP())
	gram := ntk.Must(K.Gram(mat.NewDense(2, 2, []float64{1, 1, 0, 0})))
	fmt.Printf("%.4f\n", mat.Formatted(gram))
	// Output:
	// ⎡1.0200  0.0892⎤
	// ⎣0.0892  0.0200⎦
}
