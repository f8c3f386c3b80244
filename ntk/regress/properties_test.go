package regress_test

import (
	"context"
	"flag"
	"math"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/regress"
	"go.uber.org/goleak"
	"gonum.org/v1/gonum/mat"
	"pgregory.net/rapid"
)

// What is drawn is the same in every run, unless -rapid.seed says otherwise.
func init() {
	if err := flag.Set("rapid.seed", "1"); err != nil {
		panic(err)
	}
}

// drawnProblem draws points of two features, test points and two outputs, and a ridge that leaves
// the matrix of good condition.
func drawnProblem(t *rapid.T) (K ntk.Kernel, x, z, y *mat.Dense, ridge float64) {
	of := func(n, d int, name string) *mat.Dense {
		return mat.NewDense(n, d, rapid.SliceOfN(rapid.Float64Range(-2, 2), n*d, n*d).Draw(t, name))
	}
	n := rapid.IntRange(1, 8).Draw(t, "n")
	K = ntk.Must(ntk.GaussianKernel(rapid.Float64Range(0.3, 2).Draw(t, "ℓ")))
	return K, of(n, 2, "x"), of(3, 2, "z"), of(n, 2, "y"),
		rapid.Float64Range(0.01, 1).Draw(t, "δ")
}

func ridgeOf(K ntk.Kernel, x, y *mat.Dense, ridge float64) *regress.Ridge {
	return ntk.Must(regress.NewRidge(context.Background(), ntk.MatrixTiles(ntk.Must(K.Gram(x))), y,
		&regress.RidgeSettings{Ridge: ridge}))
}

func predict(r *regress.Ridge, K ntk.Kernel, z, x *mat.Dense) *mat.Dense {
	return ntk.Must(r.Predict(context.Background(), ntk.MatrixTiles(ntk.Must(K.Cross(z, x)))))
}

// The order of the points has no part; kernel and ridge times a factor predict the same; targets
// times a factor predict that factor times; outputs do not know of each other.
func TestRidgeInvariances(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		K, x, z, y, ridge := drawnProblem(t)
		n, d := x.Dims()
		want := predict(ridgeOf(K, x, y, ridge), K, z, x)
		size := 1 + mat.Max(want) - mat.Min(want)
		check := func(what string, got mat.Matrix, factor float64) {
			for i := range 3 {
				for j := range 2 {
					if g, w := got.At(i, j), factor*want.At(i, j); math.Abs(g-w) >
						1e-9*size*math.Abs(factor)/ridge {
						t.Fatalf("%s: prediction %v, want %v", what, g, w)
					}
				}
			}
		}
		x2, y2 := mat.NewDense(n, d, nil), mat.NewDense(n, 2, nil)
		order := make([]int, n)
		for i := range order {
			order[i] = i
		}
		for i, o := range rapid.Permutation(order).Draw(t, "order") {
			x2.SetRow(i, x.RawRowView(o))
			y2.SetRow(i, y.RawRowView(o))
		}
		check("another order", predict(ridgeOf(K, x2, y2, ridge), K, z, x2), 1)
		s := rapid.Float64Range(0.01, 100).Draw(t, "factor")
		scaled := ntk.Must(K.Scale(s))
		check("a scaled kernel", predict(ridgeOf(scaled, x, y, s*ridge), scaled, z, x), 1)
		var ys mat.Dense
		ys.Scale(-s, y)
		check("scaled targets", predict(ridgeOf(K, x, &ys, ridge), K, z, x), -s)
		alone := mat.DenseCopyOf(y.ColView(1))
		got := predict(ridgeOf(K, x, alone, ridge), K, z, x)
		for i := range 3 {
			if math.Abs(got.At(i, 0)-want.At(i, 1)) > 1e-9*size/ridge {
				t.Fatalf("an output alone predicts %v, beside another %v", got.At(i, 0),
					want.At(i, 1))
			}
		}
	})
}

// With a larger ridge the training points are followed less, and with one more point the posterior
// is nowhere less certain.
func TestRidgeMonotone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		K, x, z, y, ridge := drawnProblem(t)
		n, _ := x.Dims()
		loss := func(ridge float64) float64 {
			return ntk.Must(ntk.MSE(predict(ridgeOf(K, x, y, ridge), K, x, x), y))
		}
		times := rapid.Float64Range(1, 10).Draw(t, "times")
		if less, more := loss(ridge), loss(times*ridge); less > more*(1+1e-9)+1e-12 {
			t.Fatalf("training error %v with ridge %v, %v with %v", less, ridge, more, times*ridge)
		}
		path := ntk.Must(regress.RidgePath(context.Background(),
			ntk.MatrixTiles(ntk.Must(K.Gram(x))), y,
			&regress.PathSettings{Ridges: []float64{ridge, times * ridge}}))
		if path[0].Freedom < path[1].Freedom-1e-9 || path[0].Freedom > float64(n)+1e-9 {
			t.Fatalf("%v parameters with ridge %v, %v with %v", path[0].Freedom, ridge,
				path[1].Freedom, times*ridge)
		}
		variance := func(n int) []float64 {
			part := mat.DenseCopyOf(x.Slice(0, n, 0, 2))
			r := ridgeOf(K, part, mat.DenseCopyOf(y.Slice(0, n, 0, 2)), ridge)
			return ntk.Must(r.Variance(context.Background(),
				ntk.MatrixTiles(ntk.Must(K.Cross(z, part))), []float64{1, 1, 1}))
		}
		if n < 2 {
			return
		}
		fewer, all := variance(n-1), variance(n)
		for i := range all {
			if all[i] > fewer[i]+1e-9/ridge || all[i] < 0 || fewer[i] > 1+1e-9 {
				t.Fatalf("variances %v of %d points, %v of one less", all, n, fewer)
			}
		}
	})
}

// All ways to solve one system have its solution.
func TestWaysToSolveAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		K, x, _, y, ridge := drawnProblem(t)
		tiles := ntk.MatrixTiles(ntk.Must(K.Gram(x)))
		want := ridgeOf(K, x, y, ridge).Weights()
		for _, method := range []string{"double", "single", "landmarks"} {
			fit := ntk.Must(regress.Solve(context.Background(), tiles, y,
				&regress.SolveSettings{Ridge: ridge, Method: method, Tolerance: 1e-10}))
			var off mat.Dense
			off.Sub(fit.Weights, want)
			if d := mat.Norm(&off, 2); d > 1e-8/ridge*(1+mat.Norm(want, 2)) {
				t.Fatalf("%s: weights off by %v of %v", method, d, mat.Norm(want, 2))
			}
		}
	})
}

// No call leaves a goroutine behind, whether it ends well, with an error or with its context.
func TestNoGoroutinesAreLeft(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	x := mat.NewDense(40, 3, nil)
	y := mat.NewDense(40, 1, nil)
	for i := range 40 {
		for j := range 3 {
			x.Set(i, j, math.Sin(float64(1+i*(j+2))))
		}
		y.Set(i, 0, x.At(i, 0))
	}
	K := ntk.Must(ntk.GaussianKernel(1))
	over, cancel := context.WithCancel(t.Context())
	cancel()
	for _, ctx := range []context.Context{t.Context(), over} {
		for _, targets := range []*mat.Dense{y, mat.NewDense(3, 1, nil)} {
			tiles := ntk.Must(ntk.GramTiles(context.Background(), K,
				ntk.Inputs[float64]{Rows: x.RawMatrix().Data, N: 40, D: 3}))
			good := ctx == t.Context() && targets == y
			_, err := regress.NewRidge(ctx, tiles, targets, &regress.RidgeSettings{Ridge: 0.1})
			_, errSolve := regress.Solve(ctx, tiles, targets, &regress.SolveSettings{Ridge: 0.1})
			_, errPath := regress.RidgePath(ctx, tiles, targets, nil)
			if (err == nil) != good || (errSolve == nil) != good || (errPath == nil) != good {
				t.Errorf("good %v: %v, %v, %v", good, err, errSolve, errPath)
			}
		}
	}
}
