package nnls_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/kernelsmith/kernelsmith/ntk/internal/nnls"
	"gonum.org/v1/gonum/mat"
)

// bruteForce tries every set of positive entries.
func bruteForce(columns [][]float64, b []float64) float64 {
	n, m := len(columns), len(b)
	best := math.Inf(1)
	for set := range 1 << n {
		var in []int
		for j := range n {
			if set>>j&1 == 1 {
				in = append(in, j)
			}
		}
		if len(in) > m {
			continue
		}
		x := make([]float64, len(in))
		if len(in) > 0 {
			a := mat.NewDense(m, len(in), nil)
			for i, j := range in {
				a.SetCol(i, columns[j])
			}
			var v mat.VecDense
			if v.SolveVec(a, mat.NewVecDense(m, b)) != nil {
				continue
			}
			copy(x, v.RawVector().Data)
		}
		feasible, sum := true, 0.0
		for _, v := range x {
			feasible = feasible && v >= 0
		}
		for i := range m {
			r := b[i]
			for k, j := range in {
				r -= x[k] * columns[j][i]
			}
			sum += r * r
		}
		if feasible {
			best = math.Min(best, math.Sqrt(sum))
		}
	}
	return best
}

func random(rng *rand.Rand, m, n int) (columns [][]float64, b []float64) {
	columns = make([][]float64, n)
	for j := range columns {
		columns[j] = make([]float64, m)
		for i := range m {
			columns[j][i] = rng.NormFloat64() * math.Pow(10, float64(j%3))
		}
	}
	b = make([]float64, m)
	for i := range b {
		b[i] = rng.NormFloat64()
	}
	return columns, b
}

func TestAgainstAllActiveSets(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		m, n := 1+rng.IntN(7), 1+rng.IntN(9)
		columns, b := random(rng, m, n)
		if rng.IntN(3) == 0 && n > 1 { // equal columns
			columns[n-1] = columns[0]
		}
		got, err := nnls.Solve(columns, b, 0)
		if err != nil {
			t.Fatal(err)
		}
		if want := bruteForce(columns, b); math.Abs(got.Norm-want) > 1e-12*(1+want) {
			t.Errorf("%d×%d: residual %v, all active sets give %v", m, n, got.Norm, want)
		}
		for j, x := range got.X {
			if !(x >= 0) {
				t.Errorf("x_%d = %v", j, x)
			}
		}
	}
}

func TestOptimalOnLargerProblems(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for _, size := range [][2]int{{60, 40}, {40, 100}, {100, 200}} {
		columns, b := random(rng, size[0], size[1])
		got, err := nnls.Solve(columns, b, 0)
		if err != nil {
			t.Fatal(err)
		}
		if got.KKT > 1e-11*math.Sqrt(float64(size[0])) { // flat, and rounding
			t.Errorf("%v: optimality fails by %v", size, got.KKT)
		}
	}
}

func powers(m, degree int, f func(c float64) float64) (columns [][]float64, b []float64) {
	columns, b = make([][]float64, degree+1), make([]float64, m)
	for k := range columns {
		columns[k] = make([]float64, m)
	}
	for i := range m {
		c := math.Cos(math.Pi * float64(i) / float64(m-1))
		b[i] = f(c)
		for k := range columns {
			columns[k][i] = math.Pow(c, float64(k))
		}
	}
	return columns, b
}

// Columns c^k up to degree 1000 are as good as dependent.
func TestPowers(t *testing.T) {
	for name, c := range map[string]struct {
		f    func(float64) float64
		norm float64
	}{
		// A gradient is known to 1e-15, and ‖r‖² = Σ x_j (a_j·r) for an exact solution x.
		"exp":    {math.Exp, 3e-11},
		"cosh2":  {func(c float64) float64 { return math.Cosh(2 * c) }, 3e-11},
		"cubic":  {func(c float64) float64 { return c * c * c }, 1e-15},
		"corner": {func(c float64) float64 { return 1 - math.Sqrt(math.Max(0, 1-c)/2) }, 0.1},
	} {
		columns, b := powers(111, 1000, c.f)
		start := time.Now()
		got, err := nnls.Solve(columns, b, 0)
		if err != nil {
			t.Fatal(name, err)
		}
		var sum float64
		for _, v := range b {
			sum += v * v
		}
		t.Logf("%s: residual %.3g, KKT %.3g, %d iterations, %v", name, got.Norm, got.KKT,
			got.Iterations, time.Since(start))
		if got.Norm > c.norm*math.Sqrt(sum) {
			t.Errorf("%s: residual %v", name, got.Norm)
		}
		for k, x := range got.X {
			if name == "cubic" && x != 0 && k != 3 {
				t.Errorf("stray entry %v at degree %d", x, k)
			}
		}
	}
}

func TestBounds(t *testing.T) {
	columns, b := random(rand.New(rand.NewPCG(5, 6)), 30, 30)
	var limit *nnls.LimitError
	if _, err := nnls.Solve(columns, b, 1); !errors.As(err, &limit) {
		t.Errorf("limit: %v", err)
	}
	b[3] = math.NaN()
	if _, err := nnls.Solve(columns, b, 0); err == nil {
		t.Error("NaN accepted")
	}
	if got, err := nnls.Solve(nil, []float64{1, 2}, 0); err != nil || got.Norm != math.Sqrt(5) {
		t.Errorf("no columns: %v %v", got, err)
	}
	if got, err := nnls.Solve([][]float64{{0, 0}, {1, 0}}, []float64{0, 0}, 0); err != nil ||
		got.X[1] != 0 {
		t.Errorf("zero: %v %v", got, err)
	}
	if _, err := nnls.Solve([][]float64{{1}}, []float64{1, 2}, 0); err == nil {
		t.Error("short column accepted")
	}
}

func FuzzSolve(f *testing.F) {
	f.Add(uint64(1), 1.0, 0.0)
	f.Add(uint64(2), 1e300, -1e-300)
	f.Add(uint64(3), math.NaN(), 1.0)
	f.Fuzz(func(t *testing.T, seed uint64, u, v float64) {
		rng := rand.New(rand.NewPCG(seed, 0))
		columns, b := random(rng, 1+rng.IntN(6), 1+rng.IntN(8))
		columns[0][0], b[0] = u, v
		got, err := nnls.Solve(columns, b, 0)
		if err != nil {
			return
		}
		for j, x := range got.X {
			if !(x >= 0) || math.IsInf(x, 0) {
				t.Errorf("x_%d = %v", j, x)
			}
		}
	})
}
