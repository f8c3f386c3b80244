package regress_test

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

// circleOf returns n points at equal distances on the circle of norm √2.
func circleOf(n int) ntk.Inputs[float64] {
	x := ntk.Inputs[float64]{N: n, D: 2}
	for i := range n {
		sin, cos := math.Sincos(2 * math.Pi * float64(i) / float64(n))
		x.Rows = append(x.Rows, math.Sqrt2*cos, math.Sqrt2*sin)
	}
	return x
}

func ExampleDiagnose() {
	ctx := context.Background()
	// The kernel of a net whose activation is a polynomial of degree 2, on a circle.
	K := ntk.Must(ntk.Must(ntk.NewPowerSeries([]float64{1, 1, 1})).Kernel())
	d, err := regress.Diagnose(ctx, ntk.Must(ntk.GramTiles(ctx, K, circleOf(300))), 1, nil)
	if err != nil {
		panic(err)
	}
	first, _, _ := strings.Cut(d.String(), ", eigen")
	fmt.Println(first)
	fmt.Println("a ridge is needed:", d.SafeRidge > 0)
	// Output:
	// 300 points: finite rank 5
	// a ridge is needed: true
}

// On a circle the eigenvalues are sums over one row: K = Σ_j K(θ_j) e^{ijk2π/n}.
func circleEigenvalues(K ntk.Kernel, n int) (least, largest float64) {
	cosines := make([]float64, n)
	for j := range n {
		cosines[j] = math.Cos(2 * math.Pi * float64(j) / float64(n))
	}
	row := ntk.Must(K.Curve(cosines))
	least = math.Inf(1)
	for k := range n/2 + 1 {
		sum := 0.0
		for j, v := range row {
			sum += v * math.Cos(2*math.Pi*float64(j*k%n)/float64(n))
		}
		least, largest = math.Min(least, sum), math.Max(largest, sum)
	}
	return least, largest
}

// All eigenvalues are exact, and those of a sample near enough to tell the digits that are lost.
func TestDiagnosis(t *testing.T) {
	K := ntk.Must(ntk.LaplaceKernel(1))
	for _, n := range []int{1, 2, 50, 700, 3000} {
		least, largest := circleEigenvalues(K, n)
		train := ntk.Must(ntk.GramTiles(t.Context(), K, circleOf(n)))
		for _, ridge := range []float64{0, 0.5} {
			d, err := regress.Diagnose(t.Context(), train, 2, &regress.SolveSettings{Ridge: ridge})
			if err != nil {
				t.Fatal(err)
			}
			// Neighbours in a part of the circle are bound less than all are: a factor of two.
			within := 1e-9
			if n > 2048 {
				within = 1.2
			}
			want := (largest + ridge) / (least + ridge)
			if math.Abs(math.Log(d.Condition/want)) > within || d.Ridge != ridge || d.Points != n ||
				d.FiniteRank || d.Rank != d.Sample || d.SafeRidge != 0 || d.Method != "double" {
				t.Errorf("%d points, ridge %v: %+v, want condition number %g", n, ridge, *d, want)
			}
			if math.Abs(d.DigitsLost-math.Log10(d.Condition)) > 1e-12 || d.Memory < int64(4*n*n) ||
				d.Time <= 0 {
				t.Errorf("%d points: %+v", n, *d)
			}
		}
	}
}

// A kernel of finite rank is told from a smooth one, and from equal points; the ridge that is named
// is one with which there is a solution, of any method and of NewRidge.
func TestDiagnosisOfSingularKernels(t *testing.T) {
	polynomial := ntk.Must(ntk.Must(ntk.NewPowerSeries([]float64{1, 1, .5, .2, .1, .1})).Kernel())
	smooth := ntk.Must(ntk.GaussianKernel(1))
	laplace := ntk.Must(ntk.LaplaceKernel(1))
	pairs := circleOf(600)
	copy(pairs.Rows[600:], pairs.Rows[:600])
	near := circleOf(3000)
	copy(near.Rows[2*1234:2*1235], near.Rows[2*2345:2*2346]) // one pair of equal points
	for name, c := range map[string]struct {
		K      ntk.Kernel
		x      ntk.Inputs[float64]
		rank   int // 0 if it is not finite
		digits float64
	}{
		"polynomial": {polynomial, circleOf(30), 11, 14},
		"on many":    {polynomial, circleOf(2600), 11, 14},
		"smooth":     {smooth, circleOf(600), 0, 14},
		"equal":      {laplace, pairs, 0, 14},
		"one pair":   {laplace, near, 0, 14},
	} {
		train := ntk.Must(ntk.GramTiles(t.Context(), c.K, c.x))
		d, err := regress.Diagnose(t.Context(), train, 1, nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if d.FiniteRank != (c.rank > 0) || c.rank > 0 && d.Rank != c.rank ||
			d.DigitsLost < c.digits || !(d.SafeRidge > 0) || d.SafeRidge > 1e-4 {
			t.Errorf("%s: %+v", name, *d)
		}
		if name == "equal" && d.Rank != 300 {
			t.Errorf("%d points, each there twice, have rank %d", 600, d.Rank)
		}
		if d.Points > 1000 {
			continue
		}
		y := outputs(d.Points)
		if _, err := regress.NewRidge(t.Context(), train, y,
			&regress.RidgeSettings{Ridge: d.SafeRidge}); err != nil {
			t.Errorf("%s, NewRidge with the safe ridge: %v", name, err)
		}
		for _, method := range []string{"double", "single", "landmarks"} {
			if _, err := regress.Solve(t.Context(), train, y,
				&regress.SolveSettings{Ridge: d.SafeRidge, Method: method}); err != nil {
				t.Errorf("%s, %s with the safe ridge: %v", name, method, err)
			}
		}
	}
}

func TestDiagnosisBadInput(t *testing.T) {
	gram, _, _, _ := wide(t, 25)
	of := func(g mat.Matrix, outputs int, s regress.SolveSettings) error {
		d, err := regress.Diagnose(t.Context(), tiles(g), outputs, &s)
		if err != nil && d != nil {
			t.Errorf("a diagnosis beside the error %v", err)
		}
		return err
	}
	const n = 2500
	far := mat.NewSymDense(n, nil)
	for i := range n {
		far.SetSym(i, i, 1)
	}
	far.SetSym(1001, 2003, 1.5) // none of the sample
	nan := mat.NewSymDense(n, nil)
	nan.SetSym(1001, 2003, math.NaN())
	var notPSD *regress.IndefiniteError
	for _, c := range []struct {
		says string
		err  error
	}{
		{"is needed", of(nil, 1, regress.SolveSettings{})},
		{"0 outputs", of(gram, 0, regress.SolveSettings{})},
		{"must be square", of(mat.NewDense(2, 3, nil), 1, regress.SolveSettings{})},
		{"Ridge is -1", of(gram, 1, regress.SolveSettings{Ridge: -1})},
		{"and Memory is 10", of(gram, 1, regress.SolveSettings{Memory: 10})},
		{"from -0.5 to 2.5", of(far, 1, regress.SolveSettings{})},
		{"is NaN in row 2003, column 1001", of(nan, 1, regress.SolveSettings{})},
	} {
		mustSay(t, c.err, c.says, nil)
	}
	if !errors.As(of(far, 1, regress.SolveSettings{}), &notPSD) {
		t.Error("a negative eigenvalue has another type of error")
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := regress.Diagnose(ended, tiles(gram), 1, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end of its context: %v", err)
	}
}
