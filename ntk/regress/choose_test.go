package regress_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/regress"
	"gonum.org/v1/gonum/mat"
)

// The ridge with the least leave-one-out error.
func ExampleRidgePath() {
	K := ntk.Must(ntk.Must(ntk.UniformFCN(2, ntk.ReLU{}, math.Sqrt2, 0.1)).NTK())
	const n = 40
	x, y := mat.NewDense(n, 2, nil), mat.NewDense(n, 1, nil)
	for i := range n {
		a := 2 * math.Pi * float64(i) / n
		x.SetRow(i, []float64{math.Cos(a), math.Sin(a)})
		y.Set(i, 0, math.Cos(2*a)+0.2*math.Sin(float64(i*i))) // what there is to learn, and noise
	}
	path, err := regress.RidgePath(context.Background(), ntk.MatrixTiles(ntk.Must(K.Gram(x))), y,
		nil)
	if err != nil {
		panic(err)
	}
	best := slices.MinFunc(path, func(a, b regress.RidgeScore) int {
		return cmp.Compare(a.LeaveOneOut, b.LeaveOneOut)
	})
	fmt.Printf("ridge %.2g of %d: error %.3f, %.1f parameters\n", best.Ridge, len(path),
		best.LeaveOneOut, best.Freedom)
	// Output: ridge 0.15 of 23: error 0.033, 18.5 parameters
}

// Two measurements of one value, the second with ten times the variance.
func ExampleWithNoise() {
	gram := ntk.MatrixTiles(mat.NewSymDense(2, []float64{1, 1, 1, 1}))
	noisy, err := regress.WithNoise(gram, []float64{0.1, 1})
	if err != nil {
		panic(err)
	}
	y := mat.NewDense(2, 1, []float64{1, 2})
	r, err := regress.NewRidge(context.Background(), noisy, y, nil)
	if err != nil {
		panic(err)
	}
	f, err := r.Predict(context.Background(), ntk.MatrixTiles(mat.NewDense(1, 2, []float64{1, 1})))
	fmt.Printf("%.3f %v\n", f.At(0, 0), err) // (10·1 + 1·2)/(10 + 1 + 1)
	// Output: 1.000 <nil>
}

// refit returns the errors y - f(x) at the points out of the regression with A = K + D on the
// others, by gonum's LU.
func refit(t *testing.T, gram mat.Matrix, y *mat.Dense, noise []float64, out []int) *mat.Dense {
	t.Helper()
	n, o := y.Dims()
	var in []int
	for i := range n {
		if !slices.Contains(out, i) {
			in = append(in, i)
		}
	}
	a, rhs := mat.NewDense(len(in), len(in), nil), mat.NewDense(len(in), o, nil)
	for r, i := range in {
		rhs.SetRow(r, y.RawRowView(i))
		for c, j := range in {
			a.Set(r, c, gram.At(i, j))
		}
		a.Set(r, r, a.At(r, r)+noise[i])
	}
	var weights mat.Dense
	if err := weights.Solve(a, rhs); err != nil {
		t.Fatal(err)
	}
	missed := mat.NewDense(len(out), o, nil)
	for r, i := range out {
		missed.SetRow(r, y.RawRowView(i))
		for c, j := range in {
			for k := range o {
				missed.Set(r, k, missed.At(r, k)-gram.At(i, j)*weights.At(c, k))
			}
		}
	}
	return missed
}

func sumOfSquares(m *mat.Dense) float64 { return math.Pow(mat.Norm(m, 2), 2) }

// Every score against what it stands for, computed from its definition.
func TestRidgePathAgainstRefits(t *testing.T) {
	const n = 45
	gram, _, y, _ := wide(t, n)
	uneven := make([]float64, n)
	folds := make([]int, n)
	for i := range n {
		uneven[i] = math.Exp(math.Sin(float64(3 * i)))
		folds[i] = (i * i) % 7 * 2 // folds of several sizes, with numbers left out
	}
	ridges := []float64{0, 1e-3, 0.3, 20}
	for _, noise := range [][]float64{nil, uneven} {
		path, err := regress.RidgePath(t.Context(), tiles(gram), y,
			&regress.PathSettings{Ridges: ridges, Noise: noise, Folds: folds})
		if err != nil {
			t.Fatal(err)
		}
		for k, got := range path {
			if got.Ridge != ridges[k] {
				t.Fatalf("ridge %v in place %d", got.Ridge, k)
			}
			variance, scale := make([]float64, n), make([]float64, n)
			for i := range n {
				scale[i] = 1
				if noise != nil {
					scale[i] = noise[i]
				}
				variance[i] = got.Ridge * scale[i]
			}
			left := mat.NewDense(n, 3, nil)
			want := regress.RidgeScore{Ridge: got.Ridge}
			for i := range n {
				missed := refit(t, gram, y, variance, []int{i})
				want.LeaveOneOut += sumOfSquares(missed) / n
				for j := range 3 {
					left.Set(i, j, y.At(i, j)-missed.At(0, j))
				}
			}
			want.LeaveOneOutAccuracy = ntk.Must(ntk.Accuracy(left, y))
			for f := range 14 {
				var out []int
				for i, v := range folds {
					if v == f {
						out = append(out, i)
					}
				}
				if len(out) > 0 {
					want.KFold += sumOfSquares(refit(t, gram, y, variance, out)) / n
				}
			}
			// H = K (K + δD)⁻¹, I - H in units of the noise on both sides
			a, h := mat.DenseCopyOf(gram), new(mat.Dense)
			for i := range n {
				a.Set(i, i, a.At(i, i)+variance[i])
			}
			if got.Ridge > 0 { // else the quotient is 0/0 here
				if err := h.Solve(a.T(), gram); err != nil {
					t.Fatal(err)
				}
				var rest, residuals mat.Dense
				rest.CloneFrom(h.T())
				rest.Scale(-1, &rest)
				for i := range n {
					rest.Set(i, i, 1+rest.At(i, i))
				}
				residuals.Mul(&rest, y)
				for i := range n {
					for j := range 3 {
						residuals.Set(i, j, residuals.At(i, j)/math.Sqrt(scale[i]))
					}
				}
				want.GCV = n * sumOfSquares(&residuals) / math.Pow(mat.Trace(&rest), 2)
			} else {
				want.GCV = got.GCV
			}
			want.Freedom = n
			if got.Ridge > 0 {
				want.Freedom = mat.Trace(h)
			}
			noisy := ntk.Must(regress.WithNoise(tiles(gram), variance))
			r := ntk.Must(regress.NewRidge(t.Context(), noisy, y, nil))
			for _, v := range ntk.Must(r.LogMarginalLikelihood()) {
				want.LogLikelihood += v
			}
			what := fmt.Sprintf("ridge %v, noise %v", got.Ridge, noise != nil)
			for name, pair := range map[string][2]float64{
				"leave-one-out": {got.LeaveOneOut, want.LeaveOneOut},
				"accuracy":      {got.LeaveOneOutAccuracy, want.LeaveOneOutAccuracy},
				"K-fold":        {got.KFold, want.KFold},
				"GCV":           {got.GCV, want.GCV},
				"freedom":       {got.Freedom, want.Freedom},
				"likelihood":    {got.LogLikelihood, want.LogLikelihood},
			} {
				// measured 1e-12 at most, at condition numbers to 1e4
				if off := math.Abs(pair[0] - pair[1]); !(off <= 1e-10*math.Abs(pair[1])) {
					t.Errorf("%s: %s is %v, want %v", what, name, pair[0], pair[1])
				}
			}
		}
		// For δ → 0 the generalised cross-validation has a limit.
		near0, err := regress.RidgePath(t.Context(), tiles(gram), y,
			&regress.PathSettings{Ridges: []float64{1e-9}, Noise: noise})
		if err != nil || math.Abs(near0[0].GCV/path[0].GCV-1) > 1e-5 {
			t.Errorf("GCV is %v at 0 and %v near it, %v", path[0].GCV, near0, err)
		}
	}
}

// What WithNoise fits is the regression on K + D.
func TestWithNoise(t *testing.T) {
	gram, cross, y, test := wide(t, 600) // over more than one tile
	noise := make([]float64, 600)
	for i := range noise {
		noise[i] = float64(i%5) / 10
	}
	noisy := ntk.Must(regress.WithNoise(tiles(gram), noise))
	sum := mat.DenseCopyOf(gram)
	for i, v := range noise {
		sum.Set(i, i, sum.At(i, i)+v)
	}
	s := &regress.RidgeSettings{Ridge: 1e-3}
	got := ntk.Must(regress.NewRidge(t.Context(), noisy, y, s))
	want := ntk.Must(regress.NewRidge(t.Context(), tiles(sum), y, s))
	if !mat.Equal(got.Weights(), want.Weights()) {
		t.Error("the weights are not those of K + D")
	}
	c := ntk.Must(got.Covariance(t.Context(), tiles(cross), tiles(test)))
	var eigen mat.EigenSym
	if !eigen.Factorize(c, true) || slices.Min(eigen.Values(nil)) < -1e-13 {
		t.Errorf("posterior covariance with eigenvalues %v", eigen.Values(nil))
	}
}

// The default ridges, with duplicates and constant targets, and one point.
func TestRidgePathEdges(t *testing.T) {
	gram := mat.NewSymDense(3, []float64{2, 2, 1, 2, 2, 1, 1, 1, 2})
	path, err := regress.RidgePath(t.Context(), tiles(gram),
		mat.NewDense(3, 2, []float64{1, 0, 1, 0, 1, 0}), nil)
	if err != nil || len(path) != 23 || math.Abs(path[22].Ridge-20) > 1e-13 {
		t.Fatalf("%v, %v", path, err)
	}
	for _, s := range path { // the twin of a point tells it
		if !(s.LeaveOneOut >= 0 && s.GCV >= 0 && s.Freedom > 0 && s.Freedom <= 2+1e-9) {
			t.Errorf("%+v", s)
		}
	}
	one, err := regress.RidgePath(t.Context(), tiles(mat.NewSymDense(1, []float64{2})),
		mat.NewDense(1, 1, []float64{3}), &regress.PathSettings{Ridges: []float64{0, 2}})
	if err != nil || one[0].LeaveOneOut != 9 || one[1].LeaveOneOut != 9 ||
		math.Abs(one[1].GCV-9) > 1e-14 || one[1].Freedom != 0.5 || one[0].Freedom != 1 {
		t.Errorf("one point: %+v, %v", one, err)
	}
}

func TestChooseBadInput(t *testing.T) {
	gram, _, y, _ := wide(t, 25)
	equal := mat.NewSymDense(2, []float64{1, 1, 1, 1})
	pair := mat.NewDense(2, 1, []float64{1, 2})
	path := func(g mat.Matrix, y *mat.Dense, s *regress.PathSettings) error {
		scores, err := regress.RidgePath(t.Context(), tiles(g), y, s)
		if err != nil && scores != nil {
			t.Errorf("scores beside the error %v", err)
		}
		return err
	}
	crooked, nan, indefinite := mat.DenseCopyOf(gram), mat.DenseCopyOf(y), mat.DenseCopyOf(gram)
	crooked.Set(3, 1, 17)
	nan.Set(3, 1, math.NaN())
	indefinite.Set(0, 0, -100)
	ones := slices.Repeat([]float64{1}, 25)
	bad := slices.Clone(ones)
	bad[7] = 0
	var singular *regress.SingularError
	var notPSD *regress.IndefiniteError
	for _, c := range []struct {
		says string
		err  error
		as   any
	}{
		{"needed", path(nil, y, nil), nil},
		{"needed", path(gram, nil, nil), nil},
		{"25×2; it must be square", path(mat.NewDense(25, 2, nil), y, nil), nil},
		{"25 rows of targets for 2", path(equal, y, nil), nil},
		{"target is NaN in row 3, column 1", path(gram, nan, nil), nil},
		{"must be symmetric", path(crooked, y, nil), nil},
		{"positive semidefinite", path(indefinite, y, nil), &notPSD},
		{"a ridge of -1", path(gram, y, &regress.PathSettings{Ridges: []float64{-1}}), nil},
		{"no ridges", path(gram, y, &regress.PathSettings{Ridges: []float64{}}), nil},
		{"rank 1", path(equal, pair, &regress.PathSettings{Ridges: []float64{0}}), &singular},
		{"diagonal is 0", path(mat.NewSymDense(2, nil), pair, nil), nil},
		{"2 entries for 25", path(gram, y, &regress.PathSettings{Noise: ones[:2]}), nil},
		{"Noise of point 7 is 0", path(gram, y, &regress.PathSettings{Noise: bad}), nil},
		{"2 entries for 25", path(gram, y, &regress.PathSettings{Folds: []int{0, 1}}), nil},
		{"in one fold", path(gram, y, &regress.PathSettings{Folds: make([]int, 25)}), nil},
		{"in fold -1", path(equal, pair, &regress.PathSettings{Folds: []int{0, -1}}), nil},
		{"2 variances", second(regress.WithNoise(tiles(gram), ones[:2])), nil},
		{"noise of point 1 is -1", second(regress.WithNoise(tiles(equal), []float64{0, -1})), nil},
		{"needed", second(regress.WithNoise(nil, nil)), nil},
	} {
		mustSay(t, c.err, c.says, c.as)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := regress.RidgePath(ended, tiles(gram), y, nil); !errors.Is(err,
		context.Canceled) {
		t.Errorf("after the end of its context: %v", err)
	}
}
