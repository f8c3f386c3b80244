package spectra

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// normalRows are n rows of d independent numbers of variance 1.
func normalRows(n, d int, seed uint64) *mat.Dense {
	rng := rand.New(rand.NewPCG(seed, 7))
	x := mat.NewDense(n, d, nil)
	for i := range n {
		for j := range d {
			x.Set(i, j, rng.NormFloat64())
		}
	}
	return x
}

func TestMeasureData(t *testing.T) {
	// Two features with the values ±3 and ±1 in all combinations, rotated, and one constant.
	x := mat.NewDense(4, 3, nil)
	for i := range 4 {
		u, v := float64(6*(i&1)-3), float64(i&2-1)
		x.SetRow(i, []float64{0.6*u - 0.8*v + 1, 5, 0.8*u + 0.6*v - 2})
	}
	s, err := MeasureData(x)
	if err != nil {
		t.Fatal(err)
	}
	near := func(name string, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 1e-13 {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	if len(s.Variances) != 2 || s.Rows != 4 || s.Features != 3 {
		t.Fatalf("%d variances of %d rows and %d features", len(s.Variances), s.Rows, s.Features)
	}
	near("γ_1", s.Variances[0], 9)
	near("γ_2", s.Variances[1], 1)
	near("q", s.Norm2, 10)
	near("effective dimension", s.EffectiveDim, 100./82)
	near("spread", s.NormSpread, 0)
	for i := range 2 {
		near("kurtosis", s.Kurtosis[i], 1)
		near("skewness", s.Skewness[i], 0)
	}
	for j, want := range []float64{1, 5, -2} {
		near("mean", s.Mean[j], want)
	}
}

// Constant columns change nothing but the route: more features than rows take the matrix of inner
// products.
func TestMeasureDataByEitherRoute(t *testing.T) {
	const n, d = 60, 20
	x := normalRows(n, d, 3)
	wide := mat.NewDense(n, 3*n, nil)
	for i := range n {
		for j := range 3 * n {
			wide.Set(i, j, 1e3)
		}
		copy(wide.RawRowView(i)[n:], x.RawRowView(i))
	}
	a, err := MeasureData(x)
	if err != nil {
		t.Fatal(err)
	}
	b, err := MeasureData(wide)
	if err != nil {
		t.Fatal(err)
	}
	if len(a.Variances) != d || len(b.Variances) != d {
		t.Fatalf("%d and %d variances, want %d", len(a.Variances), len(b.Variances), d)
	}
	for i, v := range a.Variances {
		if math.Abs(b.Variances[i]/v-1) > 1e-12 || math.Abs(b.Kurtosis[i]-a.Kurtosis[i]) > 1e-10 {
			t.Errorf("direction %d: variance %v and %v, kurtosis %v and %v", i, v, b.Variances[i],
				a.Kurtosis[i], b.Kurtosis[i])
		}
	}
	// The whitened coordinates have the covariance 1.
	for _, s := range []*DataStatistics{a, b} {
		z := mat.NewDense(n, d, s.whitened)
		var g mat.Dense
		g.Mul(z.T(), z)
		for i := range d {
			for j := range d {
				want := 0.0
				if i == j {
					want = n
				}
				if math.Abs(g.At(i, j)-want) > 1e-9*n {
					t.Fatalf("entry %d, %d of ZᵀZ is %v, want %v", i, j, g.At(i, j), want)
				}
			}
		}
	}
}

func TestMeasureDataFarFromTheOrigin(t *testing.T) {
	x := normalRows(500, 3, 5)
	a, err := MeasureData(x)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 500 {
		for j := range 3 {
			x.Set(i, j, x.At(i, j)+1e6)
		}
	}
	b, err := MeasureData(x)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range a.Variances {
		// An entry has lost six digits.
		if math.Abs(b.Variances[i]/v-1) > 1e-9 {
			t.Errorf("variance %d is %v, and %v far away", i, v, b.Variances[i])
		}
	}
}

func TestMeasureDataReports(t *testing.T) {
	same := mat.NewDense(3, 2, []float64{0.1, 0.2, 0.1, 0.2, 0.1, 0.2})
	for _, c := range []struct {
		name, want string
		x          *mat.Dense
	}{
		{"nil", "no data", nil},
		{"empty", "no data", &mat.Dense{}},
		{"one row", "one row", mat.NewDense(1, 2, nil)},
		{"NaN", "row 1, column 0", mat.NewDense(2, 1, []float64{1, math.NaN()})},
		{"infinite", "row 0, column 0", mat.NewDense(2, 1, []float64{math.Inf(1), 1})},
		{"large", "finite", mat.NewDense(2, 1, []float64{1e200, 1})},
		{"same", "all rows of the data are the same", same},
	} {
		if _, err := MeasureData(c.x); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}
