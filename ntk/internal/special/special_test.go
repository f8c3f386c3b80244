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

// Far out the error is small next to the tails themselves: references by the integral over u of
// p(u) P(v > k | u) at 30 digits.
func TestBivariateNormalTailFarOut(t *testing.T) {
	for _, r := range [][4]float64{
		{8, 8, 0.5, 1.7886605485901852e-21},
		{8, 8, 0.85, 1.2951452298684614e-17},
		{8, 8, 0.92, 6.063114980347386e-17},
		{8, 8, 0.93, 7.59186443428436e-17},
		{8, 7.5, 0.5, 2.3303710832307175e-20},
		{8, 7.5, 0.85, 8.27096787586983e-17},
		{8, 7.5, 0.92, 2.9230288769818977e-16},
		{8, 7.5, 0.93, 3.435231620336325e-16},
		{12, 12, 0.5, 5.660415544545304e-45},
		{12, 12, 0.85, 1.0353480909756302e-36},
		{12, 12, 0.92, 2.4276614010056063e-35},
		{12, 12, 0.93, 3.8029134111853366e-35},
	} {
		got := tail(r[0], r[1], r[2])
		if e := math.Abs(got-r[3]) / math.Sqrt(NormalTail(r[0])*NormalTail(r[1])); !(e < 1e-13) {
			t.Errorf("P(u>%g, v>%g; %g) = %v, want %v: error %.2g", r[0], r[1], r[2], got, r[3], e)
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
