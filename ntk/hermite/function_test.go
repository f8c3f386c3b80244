package hermite_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/hermite"
	"gonum.org/v1/gonum/integrate/quad"
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
	at := func(kinks ...float64) *hermite.ResolveSettings {
		return &hermite.ResolveSettings{Kinks: kinks}
	}
	return []closed{
		{"ReLU", ntk.ReLU{}.Value, ntk.ReLU{}.Derivative, at(0), ntk.ReLU{}.Dual},
		{"ReLU, kink and derivative found", relu, nil, nil, ntk.ReLU{}.Dual},
		{"|z|", math.Abs, nil, at(0), absDual},
		{"|z|, kink found", math.Abs, nil, nil, absDual},
		{
			"step",
			func(z float64) float64 { return math.Copysign(0.5, z) + 0.5 },
			nil,
			nil,
			stepDual,
		},
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
	variances := [][2]float64{{1, 1}, {1, 0.5}, {2.3, 2.3}, {0.04, 3}, {1, 0}, {0, 0}, {40, 40}}
	for _, c := range closedForms() {
		fn := resolve(t, c)
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
					t.Errorf(
						"%s: q = %v, ρ = %v, q2 = %v: duals %v, %v; want %v, %v: errors %.2g, %.2g",
						c.name, q, rho, q2, value, derivative, want, wantD, e, eD)
				}
			}
		}
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

// An independent route for a function without closed forms: the product rule
// of 200 Gauss-Hermite points in two independent normal numbers. At ρ = 0.95
// it has 1e-13 for tanh at variance 1.
func TestDualAgainstProductRule(t *testing.T) {
	fn, err := hermite.Resolve(math.Tanh, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	x, w := make([]float64, 200), make([]float64, 200)
	quad.Hermite{}.FixedLocations(x, w, math.Inf(-1), math.Inf(1))
	slope := func(z float64) float64 { return 1 - math.Tanh(z)*math.Tanh(z) }
	for _, v := range [][3]float64{{0.25, 0.95, 0.25}, {0.25, -0.95, 0.2}, {0.3, 0.5, 0.1},
		{0.2, 0.999, 0.3}} {
		q, rho, q2 := v[0], v[1], v[2]
		var want, wantD float64
		for i := range x {
			for j := range x {
				a := math.Sqrt(2*q) * x[i]
				b := math.Sqrt(2*q2) * (rho*x[i] + math.Sqrt(1-rho*rho)*x[j])
				want += w[i] * w[j] / math.Pi * math.Tanh(a) * math.Tanh(b)
				wantD += w[i] * w[j] / math.Pi * slope(a) * slope(b)
			}
		}
		got, gotD := fn.Dual(q, rho*math.Sqrt(q*q2), q2)
		if math.Abs(got-want) > 1e-11 || math.Abs(gotD-wantD) > 1e-11 {
			t.Errorf("tanh at %v: duals %v, %v; want %v, %v", v, got, gotD, want, wantD)
		}
	}
}

// A narrow bump e^{-(z-1)²/2w} has the dual
// w/√((q+w)² - k²) e^{-1/(q+w+k)} at equal variances. Relative to the diagonal,
// which is small itself; 1e-11 is a tenth of the tolerance.
func TestNarrowBump(t *testing.T) {
	const w = 1e-4
	fn, err := hermite.Resolve(
		func(z float64) float64 { return math.Exp(-(z - 1) * (z - 1) / (2 * w)) }, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := func(q, k float64) float64 {
		return w / math.Sqrt((q+w-k)*(q+w+k)) * math.Exp(-1/(q+w+k))
	}
	for _, q := range []float64{0.3, 1, 20} {
		for _, rho := range []float64{1, 0.9999, 0.99, 0.91, 0.5, -0.5, -0.99} {
			if got, _ := fn.Dual(q, rho*q, q); math.Abs(got-want(q, rho*q)) > 1e-11*want(q, q) {
				t.Errorf("q = %v, ρ = %v: dual %v, want %v", q, rho, got, want(q, rho*q))
			}
		}
	}
}

// The derivative dual of ReLU is (π-θ)/2π with gap = 2q sin²(θ/2): from the gap
// alone, to rounding, where q - gap has forgotten it.
func TestDualGap(t *testing.T) {
	fn := resolve(t, closed{name: "ReLU", f: relu})
	for _, q := range []float64{1, 0.3} {
		for _, part := range []float64{0, 1e-30, 1e-18, 1e-9, 0.01, 0.5} {
			theta := 2 * math.Asin(math.Sqrt(part/2))
			// near u = v, the gap itself, and near u = -v
			_, d := fn.DualGap(q, q-part*q, q, part*q, 0)
			if math.Abs(d-(math.Pi-theta)/(2*math.Pi)) > 2e-13 {
				t.Errorf("q = %v, gap %v: derivative %v", q, part*q, d)
			}
			_, d = fn.DualGap(q, part*q-q, q, part*q, 0)
			if math.Abs(d-theta/(2*math.Pi)) > 2e-13 {
				t.Errorf("q = %v, -k = q - %v: derivative %v, want %v", q, part*q, d,
					theta/(2*math.Pi))
			}
		}
	}
}

// b_k of ReLU: 1/√2π, ½, and h_{k-2}(0) p(0)/√(k(k-1)); of σ times as much at σ.
// Those of the step Φ' has are √k b_k one degree lower (Stein).
func TestCoeffsOfReLU(t *testing.T) {
	const n = hermite.MaxCoeffs
	h := make([]float64, n)
	hermite.Polynomials(h, 0)
	want := []float64{1 / math.Sqrt(2*math.Pi), 0.5}
	for k := 2; k < n; k++ {
		want = append(want, h[k-2]/math.Sqrt(2*math.Pi)/math.Sqrt(float64(k)*float64(k-1)))
	}
	for _, c := range closedForms()[:2] {
		fn := resolve(t, c)
		for _, sigma := range []float64{1, 0.01, 10} {
			b, bound, err := fn.Coeffs(sigma, n)
			if err != nil {
				t.Fatal(err)
			}
			d, boundD, err := fn.DerivativeCoeffs(sigma, n)
			if err != nil {
				t.Fatal(err)
			}
			if bound > 2e-11*sigma || boundD > 2e-11 {
				t.Errorf("%s at σ = %v: bounds %.2g, %.2g are above a fifth of the tolerance",
					c.name, sigma, bound, boundD)
			}
			for k := range b {
				if math.Abs(b[k]-sigma*want[k]) > bound {
					t.Errorf("%s at σ = %v: b_%d = %v, want %v ± %.2g", c.name, sigma, k, b[k],
						sigma*want[k], bound)
				}
				if k+1 < n && math.Abs(d[k]-math.Sqrt(float64(k+1))*want[k+1]) > boundD {
					t.Errorf("%s at σ = %v: derivative's b_%d = %v ± %.2g", c.name, sigma, k, d[k],
						boundD)
				}
			}
		}
	}
}

// Coefficients of cos(fz+g): f^k e^{-f²/2}/√k! cos(g + kπ/2).
func TestCoeffsOfCosine(t *testing.T) {
	c := ntk.Cos{Amplitude: 1, Frequency: 11.8, Phase: 0.9}
	fn := resolve(t, closed{name: "cosine", f: c.Value})
	b, bound, err := fn.Coeffs(1, 500)
	if err != nil {
		t.Fatal(err)
	}
	for k := range b {
		l, _ := math.Lgamma(float64(k) + 1)
		size := math.Exp(float64(k)*math.Log(11.8) - 11.8*11.8/2 - l/2)
		want := size * math.Cos(0.9+float64(k%4)*math.Pi/2)
		if math.Abs(b[k]-want) > bound || bound > 1e-11 {
			t.Errorf("b_%d = %v, want %v ± %.2g", k, b[k], want, bound)
		}
	}
}

// DualPrepared is Dual, to the tolerance, through the series where that
// converges and by quadrature elsewhere.
func TestDualPrepared(t *testing.T) {
	for _, c := range closedForms() {
		fn := resolve(t, c)
		a, b := fn.Prepare(1), fn.Prepare(0.7)
		for _, rho := range []float64{0, 0.5, -0.9, 0.96, 1} {
			k := rho * math.Sqrt(0.7)
			value, derivative := fn.DualPrepared(a, 1, k, 0.7, math.Sqrt(0.7)-math.Abs(k), b)
			want, wantD := c.dual(1, k, 0.7)
			scale, scaleD := rootMeanSquares(c, 1, 0.7)
			// at ρ = 1 rounding k moves the angle by 1e-8
			limit := 1e-10
			if rho == 1 {
				limit = 2e-8
			}
			if math.Abs(value-want) > limit*scale ||
				(!math.IsNaN(wantD) && math.Abs(derivative-wantD) > limit*scaleD) {
				t.Errorf("%s, ρ = %v: %v, %v; want %v, %v", c.name, rho, value, derivative, want,
					wantD)
			}
		}
	}
}

func TestDualCurve(t *testing.T) {
	for _, c := range closedForms() {
		fn := resolve(t, c)
		for _, q := range []float64{1, 2.5} {
			curve, err := fn.DualCurve(q)
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
				continue
			}
			scale, scaleD := rootMeanSquares(c, q, q)
			for i := range 201 {
				gap := 2 * q * math.Pow(math.Sin(float64(i)/200*math.Pi/2), 2)
				value, derivative := curve.At(gap)
				want, wantD := c.dual(q, q-gap, q)
				// The tolerance, and 1e-16/θ by rounding q - gap.
				slack := 1e-10 + 1e-16/math.Sqrt(math.Min(gap, 2*q-gap)/q+1e-16)
				if math.Abs(value-want) > slack*scale {
					t.Errorf("%s, q = %v, gap %v: %v, want %v", c.name, q, gap, value, want)
				}
				if !math.IsNaN(wantD) && math.Abs(derivative-wantD) > slack*scaleD {
					t.Errorf("%s, q = %v, gap %v: derivative %v, want %v", c.name, q, gap,
						derivative, wantD)
				}
				if drop, first := curve.Drop(gap), c.dualAtZero(
					q,
				); math.Abs(drop-(first-want)) > 2*slack*scale {
					t.Errorf("%s, q = %v, gap %v: drop %v, want %v", c.name, q, gap, drop,
						first-want)
				}
			}
		}
	}
}

// The coefficients of sin 40z are negligible up to k = 1000 or so: that they are
// small does not mean that they have been seen.
func TestLateCoefficients(t *testing.T) {
	s := ntk.Sin{Amplitude: 1, Frequency: 40}
	fn, err := hermite.Resolve(s.Value, s.Derivative, &hermite.ResolveSettings{MaxStd: 1.5})
	if err != nil {
		t.Fatal(err)
	}
	curve, err := fn.DualCurve(1)
	if err != nil {
		t.Fatal(err)
	}
	a := fn.Prepare(1)
	for _, gap := range []float64{0, 1e-4, 1e-3, 0.01, 0.05, 0.5, 1.9995} {
		want, wantD := s.Dual(1, 1-gap, 1)
		// a tenth of the tolerance, of mean squares ½ and 800
		if v, d := curve.At(gap); math.Abs(v-want) > 1e-11 || math.Abs(d-wantD) > 2e-8 {
			t.Errorf("curve at gap %v: %v, %v; want %v, %v", gap, v, d, want, wantD)
		}
		if v, d := fn.DualPrepared(a, 1, 1-gap, 1, min(gap, 2-gap), a); math.Abs(v-want) > 1e-11 ||
			math.Abs(d-wantD) > 2e-8 {
			t.Errorf("prepared at gap %v: %v, %v; want %v, %v", gap, v, d, want, wantD)
		}
	}
}

func (c closed) dualAtZero(q float64) float64 {
	v, _ := c.dual(q, q, q)
	return v
}

// Small drops relative to themselves. ReLU: q/2π (π(1-cos θ) - (sin θ - θ cos θ));
// step: θ/2π; ½ sin 6z: ⅛ (e^{-36 gap} - 1)-like differences by expm1.
func TestDrop(t *testing.T) {
	const q = 1.7
	functions := closedForms()
	for _, c := range []struct {
		of   closed
		drop func(gap float64) float64
	}{
		{functions[1], func(gap float64) float64 {
			theta := 2 * math.Asin(math.Sqrt(gap/(2*q)))
			p2 := theta * theta
			return gap/2 - q*theta*p2*(1./3-p2*(1./30-p2*(1./840)))/(2*math.Pi)
		}},
		{functions[4], func(gap float64) float64 {
			return math.Asin(math.Sqrt(gap/(2*q))) / math.Pi
		}},
		{functions[8], func(gap float64) float64 {
			return -(math.Expm1(-36*gap) - math.Exp(-72*q)*math.Expm1(36*gap)) / 8
		}},
	} {
		curve, err := resolve(t, c.of).DualCurve(q)
		if err != nil {
			t.Fatal(err)
		}
		for gap := 1e-2; gap > 1e-40; gap /= 31 {
			if got, want := curve.Drop(gap), c.drop(gap); math.Abs(got-want) > 1e-9*want {
				t.Errorf("%s: drop at gap %v is %v, want %v", c.of.name, gap, got, want)
			}
		}
	}
}

func TestCurveIsComputedOnce(t *testing.T) {
	fn := resolve(t, closed{name: "ReLU", f: relu})
	curves := make([]*hermite.Curve, 8)
	var wg sync.WaitGroup
	for i := range curves {
		wg.Go(func() { curves[i], _ = fn.DualCurve(1) })
	}
	wg.Wait()
	for _, c := range curves {
		if c == nil || c != curves[0] {
			t.Fatal("one variance has several curves")
		}
	}
}

// noise is a different number in [0, 1) for every z.
func noise(z float64) float64 {
	x := math.Float64bits(z) * 0x9e3779b97f4a7c15
	x = (x ^ x>>29) * 0xbf58476d1ce4e5b9
	return float64(x>>11) / (1 << 53)
}

// mostEvaluations is what it may cost to give up: the budget of 400,000, looked at after each
// panel.
const mostEvaluations = 401_000

// counted returns f, nil for nil, and the number of its calls.
func counted(f func(float64) float64) (func(float64) float64, *int) {
	calls := new(int)
	if f == nil {
		return nil, calls
	}
	return func(z float64) float64 { *calls++; return f(z) }, calls
}

func TestResolveErrors(t *testing.T) {
	for _, c := range []struct {
		name  string
		f, df func(float64) float64
		s     *hermite.ResolveSettings
		want  string // "" for a ToleranceError
	}{
		{"noise", noise, nil, nil, ""},
		{"some noise", func(z float64) float64 { return math.Tanh(z) + 1e-6*noise(z) }, nil, nil,
			""},
		{"single precision", func(z float64) float64 { return float64(float32(math.Tanh(z))) }, nil,
			nil, ""},
		{"fast", func(z float64) float64 { return math.Sin(1e6 * z) }, nil, nil, ""},
		{"pole", func(z float64) float64 { return 1 / z }, nil, nil, ""},
		{"derivative not square integrable",
			func(z float64) float64 { return math.Sqrt(math.Abs(z)) }, nil, nil, ""},
		{"poles", math.Tan, nil, nil, ""},
		{"nil", nil, nil, nil, "no function"},
		{"square root", math.Sqrt, nil, nil, "f(-"},
		{"NaN in df", math.Tanh, math.Log, nil, "df(-"},
		{"e^{z²}", func(z float64) float64 { return math.Exp(z * z) }, nil, nil, "grows"},
		{"e^{z²/4} is not square integrable",
			func(z float64) float64 { return math.Exp(z * z / 4) }, nil,
			&hermite.ResolveSettings{MaxStd: 1}, "grows"},
		{"panic", func(z float64) float64 { panic("boom") }, nil, nil, "panics: boom"},
		{"wrong derivative", math.Tanh, math.Cos, nil, "slope"},
		{"kink at NaN", math.Tanh, nil, &hermite.ResolveSettings{Kinks: []float64{math.NaN()}},
			"NaN"},
		{"jump at infinity", math.Tanh, nil,
			&hermite.ResolveSettings{Jumps: []float64{math.Inf(1)}}, "+Inf"},
		{"tolerance", math.Tanh, nil, &hermite.ResolveSettings{Tolerance: 1e-16},
			"Tolerance is 1e-16"},
		{"negative", math.Tanh, nil, &hermite.ResolveSettings{MaxStd: -1}, "MaxStd is -1"},
	} {
		f, evaluations := counted(c.f)
		fn, err := hermite.Resolve(f, c.df, c.s)
		if err == nil || fn != nil {
			t.Errorf("%s: no error", c.name)
			continue
		}
		var e *hermite.ToleranceError
		if errors.As(err, &e) != (c.want == "") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
		if e != nil && (e.Partial == nil || !(e.Estimate > e.Tolerance)) {
			t.Errorf("%s: %+v", c.name, e)
		}
		if *evaluations > mostEvaluations {
			t.Errorf("%s: gives up after %d evaluations", c.name, *evaluations)
		}
	}
}

// Noise of 1e-6 costs about that: the partial result is useful.
func TestPartial(t *testing.T) {
	_, err := hermite.Resolve(func(z float64) float64 { return relu(z) + 1e-6*noise(z) },
		func(z float64) float64 { return ntk.ReLU{}.Derivative(z) }, nil)
	var e *hermite.ToleranceError
	if !errors.As(err, &e) {
		t.Fatal(err)
	}
	b, _, err := e.Partial.Coeffs(1, 2)
	if err != nil || math.Abs(b[1]-0.5) > 1e-6 {
		t.Errorf("b_1 = %v, %v; want 0.5 to 1e-6", b, err)
	}
}

func TestFoundKinks(t *testing.T) {
	for _, c := range []struct {
		name         string
		f            func(float64) float64
		kinks, jumps []float64
		within       float64 // kinks of a higher order need no more
	}{
		{"hard tanh", func(z float64) float64 { return math.Max(-1, math.Min(1, z)) },
			[]float64{-1, 1}, nil, 1e-13},
		{"ReLU6", func(z float64) float64 { return math.Max(0, math.Min(6, z)) }, []float64{0, 6},
			nil, 1e-13},
		{"two near", func(z float64) float64 { return relu(z-0.3) + relu(z-0.301) },
			[]float64{0.3, 0.301}, nil, 1e-13},
		{"curvature", func(z float64) float64 { return z * math.Abs(z) }, []float64{0}, nil, 1e-7},
		{"ELU", func(z float64) float64 { return math.Max(z, math.Expm1(math.Min(z, 0))) },
			[]float64{0}, nil, 1e-7},
		{"steep", func(z float64) float64 { return math.Tanh(1e9 * (z - 1)) }, nil, []float64{1},
			1e-8},
		{"step", func(z float64) float64 { return math.Floor(z / 60) }, nil, []float64{-60, 0, 60},
			1e-13},
		{"weak", func(z float64) float64 { return math.Tanh(z) + 1e-6*relu(z-0.5) }, []float64{0.5},
			nil, 1e-7},
	} {
		fn, err := hermite.Resolve(c.f, nil, nil)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		near := func(a, b float64) bool {
			return math.Abs(a-b) <= c.within*math.Max(1,
				math.Abs(b))
		}
		if k, j := fn.Kinks(), fn.Jumps(); !slices.EqualFunc(k, c.kinks, near) ||
			!slices.EqualFunc(j, c.jumps, near) {
			t.Errorf("%s: kinks %v and jumps %v, want %v and %v", c.name, k, j, c.kinks, c.jumps)
		}
	}
}

// A jump that is declared as a kink is a jump all the same: φ' has no dual.
func TestJumpDeclaredAsKink(t *testing.T) {
	fn := resolve(
		t,
		closed{
			name:     "step",
			f:        func(z float64) float64 { return math.Copysign(1, z) },
			settings: &hermite.ResolveSettings{Kinks: []float64{0, 3}},
		},
	)
	if j, k := fn.Jumps(), fn.Kinks(); !slices.Equal(j, []float64{0}) ||
		!slices.Equal(k, []float64{3}) {
		t.Errorf("jumps %v and kinks %v, want [0] and [3]", j, k)
	}
	if _, d := fn.Dual(1, 0.5, 1); !math.IsNaN(d) {
		t.Errorf("derivative %v, want NaN", d)
	}
}

func TestRange(t *testing.T) {
	fn, err := hermite.Resolve(relu, nil, &hermite.ResolveSettings{MaxStd: 2})
	if err != nil {
		t.Fatal(err)
	}
	if fn.MaxStd() != 2 {
		t.Error(fn.MaxStd())
	}
	nan := math.NaN()
	for _, v := range [][3]float64{{4.1, 0, 1}, {1, 0, 4.1}, {-1, 0, 1}, {nan, 0, 1}, {1, nan, 1},
		{1, 0, nan}} {
		a, b := fn.Prepare(v[0]), fn.Prepare(v[2])
		value, derivative := fn.Dual(v[0], v[1], v[2])
		value2, derivative2 := fn.DualPrepared(a, v[0], v[1], v[2], 0.1, b)
		if !math.IsNaN(value) || !math.IsNaN(derivative) || !math.IsNaN(value2) ||
			!math.IsNaN(derivative2) {
			t.Errorf("Dual%v = %v, %v and prepared %v, %v; want NaN", v, value, derivative, value2,
				derivative2)
		}
	}
	for _, v := range [][4]float64{{5, 1, 1, 1}, {1, 1, 5, 1}, {1, 0, 1, -1}, {1, 0, 1, 1.1},
		{1, 0, 1, nan}, {1, nan, 1, 0}, {nan, 1, 1, 0}} {
		if value, _ := fn.DualGap(v[0], v[1], v[2], v[3], 0); !math.IsNaN(value) {
			t.Errorf("DualGap%v = %v, want NaN", v, value)
		}
	}
	for _, q := range []float64{0, -1, 4.1, nan} {
		if _, err := fn.DualCurve(q); err == nil {
			t.Errorf("there is a curve at variance %v", q)
		}
	}
	for _, sigma := range []float64{-1, 2.1, nan} {
		if _, _, err := fn.Coeffs(sigma, 3); err == nil {
			t.Errorf("there are coefficients at σ = %v", sigma)
		}
	}
	for _, n := range []int{-1, hermite.MaxCoeffs + 1} {
		if _, _, err := fn.Coeffs(1, n); err == nil {
			t.Errorf("there are %d coefficients", n)
		}
	}
	step := resolve(t, closed{name: "step", f: math.Floor})
	if _, _, err := step.DerivativeCoeffs(1, 3); err == nil {
		t.Error("a step has derivative coefficients")
	}
}

// The derivative that is found: central differences are good to 1e-8.
func TestFunctionDerivative(t *testing.T) {
	for _, c := range closedForms() {
		fn := resolve(t, c)
		for _, z := range []float64{-3.3, -0.02, 0.4, 1.7, 15} {
			h := 1e-5
			want := (c.f(z+h) - c.f(z-h)) / (z + h - (z - h))
			if got := fn.Derivative(z); math.Abs(got-want) > 1e-7*math.Max(1, math.Abs(want)) {
				t.Errorf("%s: derivative at %v is %v, differences have %v", c.name, z, got, want)
			}
		}
		if got := fn.Value(0.3); got != c.f(0.3) {
			t.Errorf("%s: value %v", c.name, got)
		}
		if c.df == nil && !math.IsNaN(fn.Derivative(math.NaN())) {
			t.Errorf("%s: derivative of NaN", c.name)
		}
	}
}

// FuzzResolve: no panic, no hang, and no NaN without an error.
func FuzzResolve(f *testing.F) {
	for kind := range byte(8) {
		f.Add(kind, 1.3, 2.0, -0.4, 1e-10, 3.0)
	}
	f.Add(byte(1), 1e-5, 1e8, 1e-3, 1e-6, 100.0)
	f.Add(byte(2), 1e100, 1e-9, 70.0, 1e-12, 0.01)
	f.Fuzz(func(t *testing.T, kind byte, a, b, c, tolerance, maxStd float64) {
		g := func(z float64) float64 {
			switch kind % 8 {
			case 0:
				return a * relu(b*z-c)
			case 1:
				return a*math.Sin(b*z) + c
			case 2:
				return a * math.Exp(-b*(z-c)*(z-c))
			case 3:
				return math.Floor(a*z) + b*z
			case 4:
				return math.Pow(math.Abs(z-c), a)
			case 5:
				return a * math.Tanh(b*z+c)
			case 6:
				return relu(z-a) + 1e-3*relu(z-b) + math.Copysign(1, z-c)
			}
			return a*z*z + b*noise(z)*c
		}
		g, evaluations := counted(g)
		fn, err := hermite.Resolve(g, nil,
			&hermite.ResolveSettings{Tolerance: tolerance, MaxStd: maxStd})
		if *evaluations > mostEvaluations {
			t.Fatalf("%d evaluations", *evaluations)
		}
		if err != nil {
			return
		}
		b0, bound, err := fn.Coeffs(fn.MaxStd()/2, 20)
		if err != nil || math.IsNaN(bound) || slices.ContainsFunc(b0, math.IsNaN) {
			t.Fatalf("coefficients %v ± %v, %v", b0, bound, err)
		}
		q := fn.MaxStd() * fn.MaxStd() / 4
		if v, d := fn.Dual(q, q/3, q/2); math.IsNaN(v) || (math.IsNaN(d) && len(fn.Jumps()) == 0) {
			t.Fatalf("duals %v, %v", v, d)
		}
	})
}

func ExampleResolve() {
	swish := func(z float64) float64 { return z / (1 + math.Exp(-z)) }
	phi, err := hermite.Resolve(swish, nil, nil)
	if err != nil {
		panic(err)
	}
	fmt.Printf("φ(1) = %.6f, φ'(1) = %.6f\n", phi.Value(1), phi.Derivative(1))
	// Output: φ(1) = 0.731059, φ'(1) = 0.927671
}

func ExampleFunction_Kinks() {
	clipped, err := hermite.Resolve(func(z float64) float64 { return math.Min(math.Abs(z), 2) },
		nil, nil)
	if err != nil {
		panic(err)
	}
	floor, err := hermite.Resolve(math.Floor, nil, &hermite.ResolveSettings{MaxStd: 0.25})
	if err != nil {
		panic(err)
	}
	fmt.Printf("%.4f, then %.4f\n", clipped.Kinks(), floor.Jumps())
	// Output: [-2.0000 0.0000 2.0000], then [-2.0000 -1.0000 0.0000 1.0000 2.0000]
}

func ExampleFunction_Coeffs() {
	phi, err := hermite.Resolve(func(z float64) float64 { return math.Max(z, 0) }, nil, nil)
	if err != nil {
		panic(err)
	}
	b, bound, err := phi.Coeffs(1, 4)
	if err != nil {
		panic(err)
	}
	d, _, err := phi.DerivativeCoeffs(1, 3)
	if err != nil {
		panic(err)
	}
	fmt.Printf("%.4f to 1e-10: %t; of φ' %.4f\n", b[:3], bound < 1e-10, d[:2])
	// Output: [0.3989 0.5000 0.2821] to 1e-10: true; of φ' [0.5000 0.3989]
}

func ExampleFunction_Dual() {
	phi, err := hermite.Resolve(math.Tanh, nil, nil)
	if err != nil {
		panic(err)
	}
	value, derivative := phi.Dual(1, 0.5, 2)
	fmt.Printf("%.6f, %.6f\n", value, derivative)
	value, derivative = phi.DualPrepared(phi.Prepare(1), 1, 0.5, 2, math.Sqrt2-0.5, phi.Prepare(2))
	fmt.Printf("%.6f, %.6f\n", value, derivative)
	// Output:
	// 0.146754, 0.299172
	// 0.146754, 0.299172
}

func ExampleFunction_DualGap() {
	phi, err := hermite.Resolve(math.Abs, nil, nil)
	if err != nil {
		panic(err)
	}
	for _, gap := range []float64{1e-20, 1e-10, 0.01} {
		value, derivative := phi.DualGap(1, 1-gap, 1, gap, 0) // 1 - 2θ/π, θ about √(2 gap)
		fmt.Printf("%.6f, 1 - %.4g\n", value, 1-derivative)
	}
	// Output:
	// 1.000000, 1 - 8.999e-11
	// 1.000000, 1 - 9.003e-06
	// 0.990601, 1 - 0.09011
}

func ExampleFunction_DualCurve() {
	phi, err := hermite.Resolve(math.Tanh, nil, nil)
	if err != nil {
		panic(err)
	}
	curve, err := phi.DualCurve(1)
	if err != nil {
		panic(err)
	}
	for _, gap := range []float64{1e-12, 0.5, 1, 2} {
		value, derivative := curve.At(gap)
		fmt.Printf("%.6f, %.6f, %.6g below gap 0\n", value, derivative, curve.Drop(gap))
	}
	// Output:
	// 0.394294, 0.464403, 4.64403e-13 below gap 0
	// 0.186324, 0.384747, 0.20797 below gap 0
	// 0.000000, 0.366879, 0.394294 below gap 0
	// -0.394294, 0.464403, 0.788589 below gap 0
}

func ExampleToleranceError() {
	_, err := hermite.Resolve(func(z float64) float64 { return float64(float32(math.Sin(z))) }, nil,
		&hermite.ResolveSettings{MaxStd: 1})
	var e *hermite.ToleranceError
	if errors.As(err, &e) {
		b, _, _ := e.Partial.Coeffs(1, 2)
		fmt.Printf("%s is not known to %v; b_1 is %.5f\n", e.What, e.Tolerance, b[1])
	}
	// Output: the derivative is not known to 1e-10; b_1 is 0.60653
}

func ExampleCurve() {
	relu := func(z float64) float64 { return math.Max(0, z) }
	fn, err := hermite.Resolve(relu, nil, nil)
	if err != nil {
		panic(err)
	}
	curve, err := fn.DualCurve(1)
	if err != nil {
		panic(err)
	}
	value, derivative := curve.At(0.5) // at covariance ½
	fmt.Printf("%.4f %.4f, %.4f below the value at 1\n", value, derivative, curve.Drop(0.5))
	// Output: 0.3045 0.3333, 0.1955 below the value at 1
}

func ExampleCurve_Panels() {
	phi, err := hermite.Resolve(math.Abs, nil, nil)
	if err != nil {
		panic(err)
	}
	curve, err := phi.DualCurve(2)
	if err != nil {
		panic(err)
	}
	value, derivative := curve.At(2) // covariance 0: E|u|E|v| = 2·2/π
	fmt.Printf("at variance %g: %.6f and %.6f, %.6f below equal inputs; several polynomials: %t\n",
		curve.Variance(), value, math.Abs(derivative), curve.Drop(2), curve.Panels() > 1)
	// Output:
	// at variance 2: 1.273240 and 0.000000, 0.726760 below equal inputs; several polynomials: true
}
