package study

import (
	"context"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/regress"
	"github.com/kernelsmith/kernelsmith/ntk/train"
	"gonum.org/v1/gonum/mat"
)

// wavesOf is a problem of normal rows with two outputs, waves of the first feature.
func wavesOf(rows, tests, features int) train.Problem {
	rng := rand.New(rand.NewPCG(1, 2))
	draw := func(n int) (x, y *mat.Dense) {
		x, y = mat.NewDense(n, features, nil), mat.NewDense(n, 2, nil)
		for i := range n {
			for j := range features {
				x.Set(i, j, rng.NormFloat64())
			}
			y.SetRow(i, []float64{math.Sin(x.At(i, 0)), math.Cos(2 * x.At(i, 0))})
		}
		return x, y
	}
	var p train.Problem
	p.XTrain, p.YTrain = draw(rows)
	p.XTest, p.YTest = draw(tests)
	return p
}

// With all rows every trial is the same regression, whose weights LU gives too.
func TestMeasureRowsOfAll(t *testing.T) {
	p, K := wavesOf(40, 25, 3), ntk.Must(ntk.GaussianKernel(1))
	const ridge = 0.1
	got, err := MeasureRows(context.Background(), K, p,
		Subsets{N: []int{40}, Trials: []int{3}, Ridge: ridge})
	if err != nil {
		t.Fatal(err)
	}
	gram := mat.DenseCopyOf(ntk.Must(K.Gram(p.XTrain)))
	for i := range 40 {
		gram.Set(i, i, gram.At(i, i)+ridge)
	}
	var weights, f mat.Dense
	if err := weights.Solve(gram, p.YTrain); err != nil {
		t.Fatal(err)
	}
	f.Mul(ntk.Must(K.Cross(p.XTest, p.XTrain)), &weights)
	var want float64
	for i := range 25 {
		for j := range 2 {
			want += (f.At(i, j) - p.YTest.At(i, j)) * (f.At(i, j) - p.YTest.At(i, j)) / 25
		}
	}
	if math.Abs(got.Measured[0]/want-1) > 1e-9 || got.StandardError[0] > 1e-9*want {
		t.Errorf("%v ± %v, want %v with every trial", got.Measured, got.StandardError, want)
	}
	if got.At[0] != 40 || got.Kernel != K.String() || got.N != nil || got.Predicted != nil {
		t.Errorf("%+v", got)
	}
}

// The mean over draws of one of three rows is known: with targets 3, 6 and 9 in the one output, a
// kernel that is constant and no ridge, the regression is the target that was drawn.
func TestMeasureRowsDraws(t *testing.T) {
	constant := ntk.Must(ntk.FromFunc("1", func(float64) float64 { return 1 }))
	p := train.Problem{XTrain: mat.NewDense(3, 1, []float64{1, 1, 1}),
		YTrain: mat.NewDense(3, 1, []float64{3, 6, 9}),
		XTest:  mat.NewDense(1, 1, []float64{1}), YTest: mat.NewDense(1, 1, nil)}
	const trials = 3000
	d := Subsets{N: []int{1}, Trials: []int{trials}, Seed: 7}
	got, err := MeasureRows(context.Background(), constant, p, d)
	if err != nil {
		t.Fatal(err)
	}
	// Squares 9, 36 and 81 have the mean 42 and the variance 882.
	bar := math.Sqrt(882. / trials)
	if math.Abs(got.Measured[0]-42) > 4*bar || math.Abs(got.StandardError[0]/bar-1) > 0.1 {
		t.Errorf("%v ± %v, want 42 ± %v", got.Measured[0], got.StandardError[0], bar)
	}
	same := ntk.Must(MeasureRows(context.Background(), constant, p, d))
	d.Seed++
	other := ntk.Must(MeasureRows(context.Background(), constant, p, d))
	if same.Measured[0] != got.Measured[0] || other.Measured[0] == got.Measured[0] {
		t.Errorf("with one seed %v and %v, with another %v", got.Measured, same.Measured,
			other.Measured)
	}
	// With two rows that are equal and no ridge there is no solution, which is not a number.
	d.N, d.Trials = []int{2}, []int{2}
	_, err = MeasureRows(context.Background(), constant, p, d)
	if err == nil || !strings.Contains(err.Error(), "n = 2") ||
		!strings.Contains(err.Error(), "singular") {
		t.Errorf("two equal rows: %v", err)
	}
}

func TestMeasureRowsReports(t *testing.T) {
	p, K := wavesOf(10, 5, 2), ntk.Must(ntk.GaussianKernel(1))
	ended, end := context.WithCancel(context.Background())
	end()
	for _, c := range []struct {
		want    string
		ctx     context.Context
		kernel  ntk.Kernel
		problem train.Problem
		of      Subsets
	}{
		{"no XTrain", nil, K, train.Problem{}, Subsets{N: []int{5}, Trials: []int{2}}},
		{"0 numbers", nil, K, p, Subsets{}},
		{"1 numbers of rows and 2 of trials", nil, K, p, Subsets{N: []int{5}, Trials: []int{2, 2}}},
		{"n = 0", nil, K, p, Subsets{N: []int{5, 0}, Trials: []int{2, 2}}},
		{"n = 11 of 10", nil, K, p, Subsets{N: []int{11}, Trials: []int{2}}},
		{"1 trials", nil, K, p, Subsets{N: []int{5}, Trials: []int{1}}},
		{"idge", nil, K, p, Subsets{N: []int{5}, Trials: []int{2}, Ridge: -1}},
		{"zero Kernel", nil, ntk.Kernel{}, p, Subsets{N: []int{5}, Trials: []int{2}}},
		{context.Canceled.Error(), ended, K, p, Subsets{N: []int{5}, Trials: []int{2}}},
	} {
		if c.ctx == nil {
			c.ctx = context.Background()
		}
		_, err := MeasureRows(c.ctx, c.kernel, c.problem, c.of)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
}

// What is measured is the mean of regressions each of which can be done alone.
func TestMeasureRowsOfSubsets(t *testing.T) {
	p, K := wavesOf(12, 8, 2), ntk.Must(ntk.LaplaceKernel(1))
	got := ntk.Must(MeasureRows(context.Background(), K, p,
		Subsets{N: []int{11}, Trials: []int{400}, Ridge: 0.01, Seed: 3}))
	var want float64 // over all subsets with a row left out
	for left := range 12 {
		var rows []int
		for i := range 12 {
			if i != left {
				rows = append(rows, i)
			}
		}
		x, y := chosenRows(p.XTrain, rows), chosenRows(p.YTrain, rows)
		fit := ntk.Must(regress.NewRidge(context.Background(),
			ntk.MatrixTiles(ntk.Must(K.Gram(x))), y, &regress.RidgeSettings{Ridge: 0.01}))
		f := ntk.Must(fit.Predict(context.Background(),
			ntk.MatrixTiles(ntk.Must(K.Cross(p.XTest, x)))))
		want += ntk.Must(ntk.MSE(f, p.YTest)) / 12
	}
	if bar := got.StandardError[0]; math.Abs(got.Measured[0]-want) > 4*bar || bar > 0.05*want {
		t.Errorf("%v ± %v, want %v", got.Measured[0], bar, want)
	}
}
