package hermite_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/hermite"
)

func relu(z float64) float64 { return math.Max(z, 0) }

func gelu(z float64) float64 { return z / 2 * math.Erfc(-z/math.Sqrt2) }

// closed is a function with closed-form duals.
type closed struct {
	name     string
	f, df    func(float64) float64
	settings *hermite.ResolveSettings
	dual     func(q, k, q2 float64) (value, derivative float64)
}

// The closed forms are those of ntk, which are tested there, and for the
// exponential E[e^{u+v}] = e^{(q+q2+2k)/2}; for the step, |z| and GELU see
// below.
func closedForms() []closed {
	sixth := ntk.Sin{Amplitude: 0.5, Frequency: 6}
	mimic := ntk.PublishedMimic()
	exp := func(q, k, q2 float64) (float64, float64) {
		v := math.Exp((q + q2 + 2*k) / 2)
		return v, v
	}
	at := func(kinks ...float64) *hermite.ResolveSettings { return &hermite.ResolveSettings{Kinks: kinks} }
	return []closed{
		{"ReLU", ntk.ReLU{}.Value, ntk.ReLU{}.Derivative, at(0), ntk.ReLU{}.Dual},
		{"ReLU, kink and derivative found", relu, nil, nil, ntk.ReLU{}.Dual},
		{"|z|", math.Abs, nil, at(0), absDual},
		{"|z|, kink found", math.Abs, nil, nil, absDual},
		{"step", func(z float64) float64 { return math.Copysign(0.5, z) + 0.5 }, nil, nil, stepDual},
		{"erf", math.Erf, ntk.Erf{}.Derivative, nil, ntk.Erf{}.Dual},
		{"erf, derivative found", math.Erf, nil, nil, ntk.Erf{}.Dual},
		{"½ sin 6z", sixth.Value, sixth.Derivative, nil, sixth.Dual},
		{"½ sin 6z, derivative found", sixth.Value, nil, nil, sixth.Dual},
		{"exp", math.Exp, math.Exp, nil, exp},
		{"GELU", gelu, nil, nil, geluDual},
		{"mimic", mimic.Value, mimic.Derivative, at(mimic.B), mimic.Dual},
		{"mimic, kink and derivative found", mimic.Value, nil, nil, mimic.Dual},
	}
}

// angle returns √(q q2) and the angle between u and v.
func angle(q, k, q2 float64) (s, theta float64) {
	s = q
	if q != q2 {
		s = math.Sqrt(q * q2)
	}
	return s, math.Atan2(math.Sqrt(math.Max(0, (s-k)*(s+k))), k)
}

// |z| = 2 relu(z) - z.
func absDual(q, k, q2 float64) (value, derivative float64) {
	s, theta := angle(q, k, q2)
	return 2 / math.Pi * (s*math.Sin(theta) + (math.Pi/2-theta)*k), 1 - 2*theta/math.Pi
}

// P(u > 0, v > 0): Sheppard's formula.
func stepDual(q, k, q2 float64) (value, derivative float64) {
	_, theta := angle(q, k, q2)
	return (math.Pi - theta) / (2 * math.Pi), math.NaN()
}

// GELU is zΦ(z). Stein's identity on both factors of E[uv Φ(u)Φ(v)] gives
// k E[ΦΦ] + qk E[Φ”Φ] + (q q2 + k²) E[pp] + k q2 E[ΦΦ”], once more
// E[Φ”(u)Φ(v)] = -k/(1+q) E[pp]; E[pp] = 1/(2π√D), D = (1+q)(1+q2) - k², and
// E[ΦΦ] is Sheppard's formula. The derivative is d/dk (Price).
func geluDual(q, k, q2 float64) (value, derivative float64) {
	return geluValue(q, k, q2), geluSlope(q, k, q2)
}

func geluValue(q, k, q2 float64) float64 {
	d := (1+q)*(1+q2) - k*k
	phi := 0.25 + math.Asin(k/math.Sqrt((1+q)*(1+q2)))/(2*math.Pi)
	pp := 1 / (2 * math.Pi * math.Sqrt(d))
	return k*phi + (q*q2+k*k)*pp - k*k*(q/(1+q)+q2/(1+q2))*pp
}

func geluSlope(q, k, q2 float64) float64 {
	d := (1+q)*(1+q2) - k*k
	phi := 0.25 + math.Asin(k/math.Sqrt((1+q)*(1+q2)))/(2*math.Pi)
	pp := 1 / (2 * math.Pi * math.Sqrt(d))
	g := q/(1+q) + q2/(1+q2)
	return phi + k*pp + 2*k*(1-g)*pp + (q*q2+k*k*(1-g))*pp*k/d
}

func resolve(t testing.TB, c closed) *hermite.Function {
	t.Helper()
	fn, err := hermite.Resolve(c.f, c.df, c.settings)
	if err != nil {
		t.Fatalf("%s: %v", c.name, err)
	}
	return fn
}

func TestDualAgainstClosedForms(t *testing.T) {
	rhos := []float64{1, -1, 1 - 1e-12, -1 + 1e-12, 0.999, -0.999, 0.97, -0.97, 0.9, -0.91, 0.3, 0}
	variances := [][2]float64{{1, 1}, {1, 0.5}, {2.3, 2.3}, {0.04, 3}, {1, 0}, {0, 0}, {80, 80}}
	for _, c := range closedForms() {
		start := time.Now()
		fn := resolve(t, c)
		took := time.Since(start)
		var worst, worstD float64
		start = time.Now()
		evaluations := 0
		for _, v := range variances {
			q, q2 := v[0], v[1]
			if c.name == "exp" && q > 10 {
				continue
			}
			scale, scaleD := rootMeanSquares(c, q, q2)
			for _, rho := range rhos {
				s, _ := angle(q, 0, q2)
				k := rho * s
				value, derivative := fn.Dual(q, k, q2)
				evaluations++
				want, wantD := c.dual(q, k, q2)
				if q == 0 || q2 == 0 {
					wantD = derivative // one-sided at a kink at 0
					if c.name == "step" {
						want = c.f(0) * 0.5
						if q2+q == 0 {
							want = 1
						}
					}
				}
				e := math.Abs(value-want) / scale
				eD := 0.0
				if !math.IsNaN(wantD) {
					eD = math.Abs(derivative-wantD) / scaleD
				}
				// The tolerance asked for is 1e-10, of the derivative too. What is
				// left is what rounding k does to an angle near 0 or π, which a
				// jump of φ or of φ' feels.
				limit, limitD := 2e-11, 5e-11+2.3e-16/math.Sqrt(1-rho*rho+1e-15)
				if c.name == "step" {
					limit = limitD
				}
				if !(e < limit) || !(eD < limitD) {
					t.Errorf("%s: q = %v, ρ = %v, q2 = %v: duals %v, %v; want %v, %v: errors %.2g, %.2g",
						c.name, q, rho, q2, value, derivative, want, wantD, e, eD)
				}
				worst, worstD = math.Max(worst, e), math.Max(worstD, eD)
			}
		}
		t.Logf("%-34s resolved in %v; dual %v; errors %.1e, %.1e; kinks %v jumps %v", c.name, took, time.Since(start)/time.Duration(evaluations), worst, worstD, fn.Kinks(), fn.Jumps())
	}
}

func rootMeanSquares(c closed, q, q2 float64) (value, derivative float64) {
	a, da := c.dual(q, q, q)
	b, db := c.dual(q2, q2, q2)
	if c.name == "step" && q*q2 == 0 {
		return 1, 1
	}
	value, derivative = math.Sqrt(a*b), math.Sqrt(da*db)
	if value == 0 {
		value = 1
	}
	if derivative == 0 {
		derivative = 1
	}
	return value, derivative
}

var (
	_ = errors.As
	_ = fmt.Sprint
	_ = rand.New
	_ = strings.Contains
)
