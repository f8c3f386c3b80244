package special

import (
	"encoding/json"
	"math"
	"math/cmplx"
	"os"
	"testing"
)

func reference(t *testing.T) (ref struct {
	Faddeeva, Bivariate [][4]float64
}) {
	t.Helper()
	b, err := os.ReadFile("testdata/reference.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &ref); err != nil {
		t.Fatal(err)
	}
	return ref
}

func TestFaddeeva(t *testing.T) {
	for _, r := range reference(t).Faddeeva {
		got, want := Faddeeva(complex(r[0], r[1])), complex(r[2], r[3])
		if e := cmplx.Abs(got-want) / cmplx.Abs(want); !(e < 1e-14) {
			t.Errorf("w(%g%+gi) = %v, want %v: relative error %.2g", r[0], r[1], got, want, e)
		}
	}
	if !cmplx.IsNaN(Faddeeva(complex(math.NaN(), 1))) {
		t.Error("NaN in, NaN out")
	}
}

func tail(h, k, rho float64) float64 {
	return BivariateNormalTail(h, k, rho, math.Sqrt((1-rho)*(1+rho)))
}

func TestBivariateNormalTail(t *testing.T) {
	for _, r := range reference(t).Bivariate {
		got := tail(r[0], r[1], r[2])
		if e := math.Abs(got - r[3]); !(e < 1e-15) {
			t.Errorf("P(u>%g, v>%g; %g) = %v, want %v: error %.2g", r[0], r[1], r[2], got, r[3], e)
		}
		if swapped := tail(r[1], r[0], r[2]); math.Abs(swapped-got) > 4e-16 {
			t.Errorf("not symmetric in h and k at %v: %v, %v", r[:3], got, swapped)
		}
	}
	inf := math.Inf(1)
	for _, c := range [][4]float64{
		{inf, 0, .3, 0}, {-inf, 1, .3, NormalTail(1)}, {1, -inf, -.99, NormalTail(1)},
		{-inf, -inf, .95, 1},
	} {
		if got := tail(c[0], c[1], c[2]); got != c[3] {
			t.Errorf("P(u>%g, v>%g; %g) = %v, want %v", c[0], c[1], c[2], got, c[3])
		}
	}
	for _, c := range [][3]float64{{math.NaN(), 0, 0}, {0, 0, 1.1}, {0, 0, math.NaN()}} {
		if got := tail(c[0], c[1], c[2]); !math.IsNaN(got) {
			t.Errorf("%v: got %v, want NaN", c, got)
		}
	}
}

func BenchmarkFaddeeva(b *testing.B) {
	for b.Loop() {
		Faddeeva(complex(1.3, 0.8))
	}
}

func BenchmarkBivariateNormalTail(b *testing.B) {
	for b.Loop() {
		tail(1.06, 1.2, 0.5)
	}
}
