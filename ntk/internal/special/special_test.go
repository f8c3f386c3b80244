package special

import (
	"encoding/json"
	"math"
	"math/cmplx"
	"os"
	"slices"
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
		{inf, 0, .3, 0}, {-inf, 1, .3, NormalTail(1)}, {1, -inf, -.99, NormalTail(1)}, {-inf, -inf, .95, 1},
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

// Over every part of a turn, small and large frequencies, and both sides of the
// argument from which the standard library takes over, against its sine and cosine:
// the error stated, beyond half a unit in the last place of the result.
func TestSine32(t *testing.T) {
	const n = 1 << 16
	z, value, derivative := make([]float32, n), make([]float32, n), make([]float32, n)
	for _, w := range [][3]float64{
		{1, 1, 0}, {1.3, 6, 0.3}, {-0.08, 11.81, 2.5}, {2, -250, -1}, {1, 1e-3, 1e5}, {3, 8e4, 0}, {0, 1, 1}, {1, 0, 0.5},
	} {
		a, f, g := w[0], w[1], w[2]
		for i := range z {
			switch x := float64(i-n/2) / n; i % 3 {
			case 0:
				z[i] = float32(26 * x)
			case 1:
				z[i] = float32(math.Copysign(math.Exp(60*math.Abs(x)-30), x)) // 1e-13 to 1
			case 2:
				z[i] = float32(2 * (1<<20 - math.Abs(g) - 1) * x / math.Max(1, math.Abs(f)))
			}
		}
		for _, far := range []bool{false, true} {
			if far {
				z[7] = 1e7 // one argument is enough for all to go to the standard library
			}
			Sine32(value, derivative, z, a, f, g)
			var worst float64
			for i, x := range z {
				sin, cos := math.Sincos(f*float64(x) + g)
				half := math.Ldexp(1, -24) // of the value, at most
				e := (math.Abs(float64(value[i])-a*sin) - half*math.Abs(a*sin)) / (math.Abs(a) + 1e-300)
				d := (math.Abs(float64(derivative[i])-a*f*cos) - half*math.Abs(a*f*cos)) / (math.Abs(a*f) + 1e-300)
				worst = max(worst, e, d)
			}
			if !(worst <= 2e-9) {
				t.Errorf("%v sin(%v z %+v): off by %.3g beyond rounding, documented 2e-9", a, f, g, worst)
			}
			inPlace := append([]float32(nil), z...)
			Sine32(make([]float32, n), inPlace, inPlace, a, f, g)
			if !slices.Equal(inPlace, derivative) {
				t.Errorf("%v sin(%v z %+v): another derivative in place", a, f, g)
			}
		}
	}
	for _, x := range []float32{float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN()), -float32(math.NaN())} {
		z := []float32{1, x, 2}
		value, derivative := make([]float32, 3), make([]float32, 3)
		Sine32(value, derivative, z, 1, 1, 0)
		if value[1] == value[1] || derivative[1] == derivative[1] {
			t.Errorf("sin and cos of %v: %v, %v, want NaN", x, value[1], derivative[1])
		}
		if math.Abs(float64(value[0])-math.Sin(1)) > 6e-8 || math.Abs(float64(derivative[2])-math.Cos(2)) > 6e-8 {
			t.Errorf("beside %v: %v, %v", x, value, derivative)
		}
	}
	Sine32(nil, nil, nil, 1, 1, 0)
}

func BenchmarkSine32(b *testing.B) {
	z := make([]float32, 4096)
	for i := range z {
		z[i] = 3 * float32(math.Sin(float64(i)*1.7))
	}
	value, derivative := make([]float32, len(z)), make([]float32, len(z))
	for b.Loop() {
		Sine32(value, derivative, z, 1.3, 6, 0.3)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(z)), "ns/value")
}
