package ntk_test

import (
	"math"
	"strings"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/inverse"
)

func factorial(k int) float64 { return math.Gamma(float64(k) + 1) }

// The series has the values of its closed form, and its signs are proved.
func TestSeriesFunc(t *testing.T) {
	cosh := ntk.Must(ntk.SeriesFunc("cosh c", func(k int) float64 {
		return float64(1-k%2) / factorial(k)
	}, func(k int) float64 { return 2 / factorial(k+1) }))
	for _, c := range []float64{-1, -0.3, 0, 0.9, 1} {
		if got := ntk.Must(cosh.Curve([]float64{c}))[0]; math.Abs(got-math.Cosh(c)) > 4e-16 {
			t.Errorf("cosh %v is %v, want %v", c, got, math.Cosh(c))
		}
	}
	cert := ntk.Must(inverse.Certify(cosh, nil))
	if cert.Verdict != inverse.Realizable || !cert.Proof {
		t.Errorf("%v", cert)
	}
	// 1/(1 - c/2) = Σ (c/2)^k, and what is left after c^k is its last coefficient.
	half := func(k int) float64 { return math.Pow(0.5, float64(k)) }
	if got := ntk.Must(ntk.Must(ntk.SeriesFunc("1/(1-c/2)", half, half)).Curve(
		[]float64{1})); math.Abs(got[0]-2) > 1e-15 {
		t.Errorf("1/(1 - 1/2) is %v", got[0])
	}
	// c - c²/2 is refused, with proof.
	sign := []float64{0, 1, -0.5}
	negative := ntk.Must(ntk.SeriesFunc("c - c²/2", func(k int) float64 { return sign[k] },
		func(k int) float64 { return []float64{1.5, 0.5, 0}[k] }))
	cert = ntk.Must(inverse.Certify(negative, nil))
	if cert.Verdict != inverse.NotRealizable || !cert.Proof {
		t.Errorf("%v", cert)
	}
}

func TestSeriesFuncRefuses(t *testing.T) {
	one := func(int) float64 { return 1 }
	half := func(k int) float64 { return math.Pow(0.5, float64(k)) }
	for says, f := range map[string][2]func(int) float64{
		"one is nil":                         {half, nil},
		"a_0 of kernel \"K\" is NaN":         {func(int) float64 { return math.NaN() }, half},
		"after c^0 is -1":                    {half, func(int) float64 { return -1 }},
		"after c^20000 is up to 1":           {half, one},
		"after c^50 is at least 6.66134e-16": {half, func(k int) float64 { return half(k) / 2 }},
	} {
		_, err := ntk.SeriesFunc("K", f[0], f[1])
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v: want %q", err, says)
		}
	}
}
