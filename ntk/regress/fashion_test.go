//go:build verify

package regress_test

import (
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/kernelsmith/kernelsmith/data"
	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/regress"
	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
)

// fashion returns the first n training images, less their mean and on the sphere ‖x‖² = d, and
// their classes as 0 and 1.
func fashion(t testing.TB, n int) (ntk.Inputs[float64], *mat.Dense) {
	t.Helper()
	set, err := data.FashionMNIST()
	if err != nil {
		t.Fatal(err)
	}
	_, d := set.Dims()
	x, y := ntk.Inputs[float64]{Rows: make([]float64, n*d), N: n, D: d}, mat.NewDense(n, 10, nil)
	for i := range n {
		set.Row(set.Split.Train[i], x.Rows[i*d:(i+1)*d])
	}
	mean := floats.Sum(x.Rows) / float64(n*d)
	for i := range n {
		row := x.Rows[i*d : (i+1)*d]
		floats.AddConst(-mean, row)
		// By parts, since the rounding of one long sum would take the images off one sphere.
		sum := 0.0
		for j := 0; j < d; j += 28 {
			sum += floats.Dot(row[j:j+28], row[j:j+28])
		}
		floats.Scale(math.Sqrt(float64(d)/sum), row)
		y.Set(i, set.Labels[set.Split.Train[i]], 1)
	}
	return x, y
}

func deepNTK() ntk.Kernel {
	return ntk.Must(ntk.Must(ntk.UniformFCN(4, ntk.ReLU{}, math.Sqrt2, 0.1)).NTK())
}

// The condition number of images grows with their number as their nearest pairs have it.
func TestConditionOfFashion(t *testing.T) {
	for _, c := range []struct {
		n    int
		want float64 // the ratio of all eigenvalues' ends
	}{{2000, 8786}, {4000, 6e4}, {8000, 1.2e5}} {
		x, _ := fashion(t, c.n)
		train := ntk.Must(ntk.GramTiles(t.Context(), deepNTK(), x))
		d, err := regress.Diagnose(t.Context(), train, 10, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Log(d)
		if off := math.Abs(math.Log(d.Condition / c.want)); off > math.Log(1.2) {
			t.Errorf("%d images: condition number %.3g, want %.3g", c.n, d.Condition, c.want)
		}
	}
}

// rowsFrom is how many rows a test is to have, if the environment says.
func rowsFrom(variable string, rows int) int {
	if v, err := strconv.Atoi(os.Getenv(variable)); err == nil {
		rows = v
	}
	return rows
}

// Images solved in single precision, by default 4,000: with KERNELSMITH_ROWS=60000 all of them, in
// less than 10 GB. The residual is taken at some of the rows by another way to the kernel.
func TestRowsOfFashion(t *testing.T) {
	n := rowsFrom("KERNELSMITH_ROWS", 4000)
	x, y := fashion(t, n)
	K := deepNTK()
	start, shown := time.Now(), 0
	train := ntk.Must(ntk.GramTiles(t.Context(), K, x))
	fit, err := regress.Solve(t.Context(), train, y, &regress.SolveSettings{Method: "single",
		Progress: func(done, total int) {
			if tenth := 10 * done / total; tenth > shown {
				shown = tenth
				t.Logf("%d0 %% after %v", tenth, time.Since(start).Round(time.Second))
			}
		}})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d rows in %v: residual %.3g after %d passes", n, time.Since(start), fit.Residual,
		fit.Passes)
	const some = 100
	z := ntk.Inputs[float64]{N: some, D: x.D}
	for i := range some {
		z.Rows = append(z.Rows, x.Rows[i*(n/some)*x.D:(i*(n/some)+1)*x.D]...)
	}
	f := ntk.Must(fit.Predict(t.Context(), ntk.Must(ntk.CrossTiles(t.Context(), K, z, x))))
	var off, size float64
	for i := range some {
		for c := range 10 {
			r := y.At(i*(n/some), c) - f.At(i, c)
			off, size = off+r*r, size+y.At(i*(n/some), c)*y.At(i*(n/some), c)
		}
	}
	if got := math.Sqrt(off / size); fit.Residual > 1e-6 || got > 3e-6 {
		t.Errorf("residual %.3g at %d rows, %.3g stated", got, some, fit.Residual)
	}
}

// Synthetic rows on landmarks, by default 20,000 on a hundredth of them: KERNELSMITH_ROWS=1000000
// takes 2 GB. KERNELSMITH_LANDMARKS is another number of them.
func TestRowsOnLandmarks(t *testing.T) {
	const d = 100
	n := rowsFrom("KERNELSMITH_ROWS", 20000)
	r := rand.New(rand.NewPCG(1, 2))
	x, y := ntk.Inputs[float32]{Rows: make([]float32, n*d), N: n, D: d}, mat.NewDense(n, 1, nil)
	row := make([]float64, d)
	for i := range n {
		for j := range row {
			row[j] = r.NormFloat64() / float64(1+j)
		}
		y.Set(i, 0, math.Sin(2*row[0])+row[1]*row[2]+0.1*r.NormFloat64())
		floats.Scale(10/floats.Norm(row, 2), row)
		for j, v := range row {
			x.Rows[i*d+j] = float32(v)
		}
	}
	m := rowsFrom("KERNELSMITH_LANDMARKS", n/100)
	z := ntk.Inputs[float32]{Rows: x.Rows[:m*d], N: m, D: d}
	wide := ntk.Inputs[float64]{Rows: make([]float64, m*d), N: m, D: d}
	for i, v := range z.Rows {
		wide.Rows[i] = float64(v)
	}
	start := time.Now()
	fit, err := regress.FitLandmarks(t.Context(),
		ntk.Must(ntk.CrossTiles(t.Context(), deepNTK(), x, z)),
		ntk.Must(ntk.GramTiles(t.Context(), deepNTK(), wide)), y,
		&regress.SolveSettings{RelativeRidge: 1e-6 * float64(n), Tolerance: 1e-4})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d rows on %d landmarks in %v: residual %.3g after %d passes", n, m, time.Since(start),
		fit.Residual, fit.Passes)
}
