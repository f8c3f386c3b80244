package ntk

import (
	"math"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk/internal/gauss"
)

// Shifted rectified powers, whose pairs of gates have all powers up to the degree:
// against quadrature.
func TestShiftedPowers(t *testing.T) {
	for _, m := range []int{2, 3, 6, 10, 12} {
		for _, shift := range []float64{-2, -0.5, 0.5, 4} {
			phi := Must(Affine(RectifiedMonomial{m}, 1, 1, shift, 0)).(Dualer)
			want := Must(
				Custom(phi.Value, phi.Derivative,
					CustomSettings{Kinks: []float64{-shift}, Tolerance: 1e-12, MaxVariance: 4}),
			)
			top, topPrime := want.Dual(1, 1, 1)
			for _, k := range []float64{-0.999, -0.4, 0.1, 0.8, 0.97, 1} {
				v, d := phi.Dual(1, k, 1)
				w, e := want.Dual(1, k, 1)
				if math.Abs(v-w) > 1e-11*top || math.Abs(d-e) > 1e-11*topPrime {
					t.Errorf("%v at %v: %v, %v; by quadrature %v, %v", phi, k, v, d, w, e)
				}
			}
		}
	}
}

// relu(z-2)^m where the kink is 6 and 14 standard deviations away, whose closed forms lose up to
// all digits. References by the integrals over u of testdata/duals.py in internal/gauss.
func TestTails(t *testing.T) {
	top := map[[2]float64][2]float64{}
	for _, c := range []struct{ m, q, rho, value, derivative float64 }{
		{1, 0.1, 1, 5.6748707608860379e-13, 1.2698142947354339e-10},
		{1, 0.1, 0.5, 1.1835559614511173e-16, 2.4582167463354691e-14},
		{1, 0.02, 1, 2.0381200829807192e-49, 1.0442437918812746e-45},
		{1, 0.02, 0.5, 5.4534283289882667e-65, 2.5121632197899767e-61},
		{2, 0.1, 1, 1.406325292784893e-14, 2.2699483043544152e-12},
		{2, 0.1, 0.5, 2.1598412715653833e-18, 4.7342238458044693e-16},
		{2, 0.02, 1, 2.34200517075184e-52, 8.1524803319228768e-49},
		{3, 0.1, 1, 8.1149021582729397e-16, 1.2656927635064037e-13},
		{3, 0.02, 1, 6.6052154352385473e-55, 2.107804653676656e-51},
	} {
		one := RectifiedMonomial{int(c.m)}
		above, below := Must(Affine(one, 1, 1, -2, 0)), Must(Affine(one, 1, -1, -2, 0))
		if c.rho == 1 {
			top[[2]float64{c.m, c.q}] = [2]float64{c.value, c.derivative}
		}
		scale := top[[2]float64{c.m, c.q}]
		for i, phi := range []Activation{above, below, Must(Add(above, below))} {
			// two tails on both sides have nothing in common: e^{-(2h)²/2(1+ρ)}
			twice := 1.0
			if i == 2 {
				twice = 2
			}
			v, d := phi.(Dualer).Dual(c.q, c.rho*c.q, c.q)
			if !(math.Abs(v-twice*c.value) <= 2e-11*scale[0]) ||
				i < 2 && !(math.Abs(d-c.derivative) <= 2e-11*scale[1]) {
				t.Errorf("%v at q = %v, ρ = %v: %v, %v; want %v, %v", phi, c.q, c.rho, v, d,
					twice*c.value, twice*c.derivative)
			}
		}
	}
}

// cos z - 1 at small variances: in closed form, by quadrature, and NaN when cos z itself has
// too few digits. GELU - ReLU is what is left of two large terms at large variances.
func TestTermsThatCancel(t *testing.T) {
	cosine := Must(Affine(Cos{1, 1, 0}, 1, 1, 0, -1)).(Dualer)
	for q := 10.; q > 1e-10; q /= 10 {
		for _, rho := range []float64{-1, -0.3, 0, 1e-5, 0.99, 1} {
			mean, x := math.Expm1(-q/2), rho*q
			half := math.Sinh(x / 2)
			want := mean*mean + math.Exp(-q)*2*half*half
			top := mean*mean + math.Exp(-q)*2*math.Pow(math.Sinh(q/2), 2)
			got, slope := cosine.Dual(q, x, q)
			if math.IsNaN(got) && q < 1e-4 {
				continue
			}
			if !(math.Abs(got-want) <= 1e-11*top) {
				t.Errorf("q = %g, ρ = %g: %v, want %v", q, rho, got, want)
			}
			if want := math.Exp(-q) * math.Sinh(x); !(math.Abs(slope-want) <= 1e-14*q) {
				t.Errorf("q = %g, ρ = %g: slope %v, want %v", q, rho, slope, want)
			}
		}
	}
	if v, _ := cosine.Dual(1e-8, 1e-8, 1e-8); !math.IsNaN(v) {
		t.Errorf("cos z - 1 at 1e-8: %v, of which rounding is as large", v)
	}
	less := Must(Add(GELU{}, Must(Affine(ReLU{}, -1, 1, 0, 0)))).(Dualer)
	// E[u² Q(|u|)²] by one integral at 30 digits
	if v, _ := less.Dual(100, 100, 100); math.Abs(v-0.0024514415554992073) > 1e-13 {
		t.Errorf("GELU - ReLU at 100: %v", v)
	}
	for _, k := range []float64{-1e6, 0.5e6, 1e6} {
		if v, _ := less.Dual(1e6, k, 1e6); !math.IsNaN(v) {
			t.Errorf("GELU - ReLU at 1e6: %v, which rounding makes", v)
		}
	}
}

// The moments of a rectified power times a fast wave are next to nothing, what they are the
// difference of is not. Values by E[φ²] and E[φ'²] as one integral with 30 digits.
func TestFastWavesBesidePowers(t *testing.T) {
	for _, c := range []struct {
		frequency         float64
		degree            int
		a                 float64
		value, derivative float64
	}{
		{11, 6, 1, 28628.179644937828, 80904.6076152010161},
		{17, 6, 1, 28628.1796138244486, 80988.603965738495},
		{60, 6, 0.001, 0.528627679615240628, 1800.0808441049607},
		{100, 4, 0.01, 0.52121422068702042, 5000.04039376679654},
		{200, 6, 0.0001, 0.500286276796150592, 20000.0008084410432},
		{1000, 3, 1, 25.7461340217507495, 500036.710716923817},
	} {
		power := Must(Affine(RectifiedMonomial{c.degree}, c.a, 1, 0.5, 0))
		phi := Must(Add(power, Cos{1, c.frequency, 0})).(Dualer)
		v, d := phi.Dual(1, 1, 1)
		if math.Abs(v-c.value) > 1e-14*c.value || math.Abs(d-c.derivative) > 1e-14*c.derivative {
			t.Errorf("%v: E[φ²] and E[φ'²] are %.17g and %.17g, want %.17g and %.17g", phi, v, d,
				c.value, c.derivative)
		}
		const gap = 0x1p-46
		near := v - d*gap
		if at, _ := phi.Dual(1, 1-gap, 1); math.Abs(at-near) > 1e-14*v+1e-9*d*gap {
			t.Errorf("%v: E[φφ] at k = 1 - 2^-46 is %.17g, want %.17g", phi, at, near)
		}
	}
}

// A recursion without memory would take time exponential in the degree.
func BenchmarkShiftedPower(b *testing.B) {
	phi := Must(Affine(RectifiedMonomial{12}, 1, 1, 0.5, 0)).(Dualer)
	for b.Loop() {
		phi.Dual(1, 0.3, 1)
	}
}

// A pre-activation of variance 0 is the constant 0: the dual is φ(0) times the other's
// mean, with φ's own value where it jumps.
func TestDualOfConstant(t *testing.T) {
	mean := func(phi Activation, q float64) float64 {
		c := Must(HermiteCoeffs(phi, math.Sqrt(q), 1))
		return c[0]
	}
	for _, phi := range []Activation{
		Must(Add(Sign{}, ReLU{})), Must(Affine(Step{}, 1, -1, 0, 0)),
		Must(Affine(Step{}, 3, -1, 0, 0.5)),
		Must(Add(Sign{}, Must(Affine(Step{}, -2, 1, 0, 1)))), Must(Affine(Sign{}, 1, 1, 1, 0.2)),
		Must(Affine(Step{}, 1, 2, -1, 0)),
		Must(Affine(ReLU{}, 1, -1, 0, 0.5)), Must(Add(ReLU{}, Must(Affine(ReLU{}, 2, -1, 0, 0)),
			Cos{1, 2, 0.3})),
		Must(Add(Erf{}, GELU{}, Gaussian{1, 1})), Must(Affine(GELU{}, 1, -2, 0.3, 1)),
		Must(Add(Tanh{}, Cos{1, 1, 0})),
	} {
		f := phi.(Dualer)
		at := phi.Value(0)
		for _, q := range []float64{0, 0.3, 2} {
			want := at * at
			if q > 0 {
				want = at * mean(phi, q)
			}
			for _, swap := range []bool{false, true} {
				got, slope := f.Dual(q, 0, 0)
				if swap {
					got, slope = f.Dual(0, 0, q)
				}
				if math.Abs(got-want) > 1e-10 {
					t.Errorf("%v: at variances %v and 0 %v, want %v", phi, q, got, want)
				}
				if d := phi.Derivative(0); q == 0 && len(JumpsOf(phi)) == 0 &&
					math.Abs(slope-d*d) > 1e-12 {
					t.Errorf("%v: slope %v, want φ'(0)² = %v", phi, slope, d*d)
				}
			}
		}
	}
	// the derivative's mean has the sign of φ', mirrored or not: E[relu(-v)'] = -½
	phi := Must(Affine(GELU{}, 1, -1, 0.4, 0)).(Dualer)
	_, got := phi.Dual(0, 0, 1)
	// GELU'(0.4) E[GELU'(v + 0.4)], E[GELU(v+t)]' = d/dt of t Φ(t/√2) + p(t/√2)/√2
	x := 0.4 / math.Sqrt2
	p := math.Exp(-x*x/2) / math.Sqrt(2*math.Pi)
	want := GELU{}.Derivative(0.4) * (0.5*math.Erfc(-x/math.Sqrt2) + 0.4*p/math.Sqrt2 - x*p/2)
	if math.Abs(got-want) > 1e-15 {
		t.Errorf("slope %v, want %v", got, want)
	}
}

// Sums with erf where the variance is small, and so is erf: closed forms of
// E[relu²], E[relu erf] (by parts) and E[erf²].
func TestSmallVarianceOfErf(t *testing.T) {
	sum := Must(Add(ReLU{}, Erf{})).(Dualer)
	mirrored := Must(Affine(Erf{}, 1, -1, 0, 0)).(Dualer)
	shifted := Must(Affine(SigmoidErf{}, 2, -1, 0, -1)).(Dualer) // -erf(z/c)
	moved := Must(Affine(Erf{}, 1, 1, 1e-5, 0)).(Dualer)
	sine := Must(Add(Sin{1, 1, 0}, Erf{})).(Dualer)
	for _, q := range []float64{1, 1e-2, 1e-4, 1e-6, 1e-8, 1e-12, 1e-16} {
		cross := q / math.Sqrt(math.Pi*(1+2*q)) // E[relu(u) erf(u)]
		top := q/2 + 2*cross + 2/math.Pi*math.Asin(2*q/(1+2*q))
		if got, _ := sum.Dual(q, q, q); math.Abs(got-top) > 1e-14*top {
			t.Errorf("q = %g: relu + erf at equal inputs %v, want %v", q, got, top)
		}
		if got, _ := sum.Dual(q, 0, q); math.Abs(got-q/(2*math.Pi)) > 1e-14*top {
			t.Errorf("q = %g: relu + erf %v, want %v", q, got, q/(2*math.Pi))
		}
		for _, rho := range []float64{-1, -0.3, 0, 1e-5, 0.9, 1} {
			want, slope := Erf{}.Dual(q, rho*q, q)
			top, _ := Erf{}.Dual(q, q, q)
			if got, d := mirrored.Dual(q, rho*q, q); got != want || d != slope {
				t.Errorf("q = %g, ρ = %v: erf(-z) %v, %v, want %v, %v", q, rho, got, d, want, slope)
			}
			const s = 1 / (sigmoidErfScale * sigmoidErfScale)
			want, _ = Erf{}.Dual(s*q, s*rho*q, s*q)
			if got, _ := shifted.Dual(q, rho*q, q); math.Abs(got-want) > 1e-14*top {
				t.Errorf("q = %g, ρ = %v: 1 - 2Φ %v, want %v", q, rho, got, want)
			}
			if q <= 1e-12 { // erf(z + t) ≈ 2/√π (z + t), its cubes 1e-10 relative
				if got, _ := moved.Dual(q, rho*q, q); math.Abs(
					got-4/math.Pi*(rho*q+1e-10),
				) > 2e-10*4/math.Pi*(q+1e-10) {
					t.Errorf("q = %g: erf(z + 1e-5) %v", q, got)
				}
			}
		}
		// E[sin u erf u] by parts is q-integrals; at small q it is 2q/√π (1 - O(q))
		if q <= 1e-6 {
			want := q + 4*q/math.Sqrt(math.Pi) + 4*q/math.Pi
			if got, _ := sine.Dual(q, q, q); math.Abs(got-want) > 5*q*want+1e-14*want {
				t.Errorf("q = %g: sin + erf %v, want %v", q, got, want)
			}
		}
	}
	// relu(-z-b): the tail beyond b, mirrored
	for _, b := range []float64{1, 5, 20} {
		tail, mirror := Must(Affine(ReLU{}, 1, 1, -b, 0)).(Dualer),
			Must(Affine(ReLU{}, 1, -1, -b, 0)).(Dualer)
		want, _ := tail.Dual(1, 0.9, 1)
		if got, _ := mirror.Dual(1, 0.9, 1); got != want {
			t.Errorf("b = %v: %v, mirrored %v", b, want, got)
		}
	}
}

// Hinges that open below, by the faster route where that loses nothing, against atoms.
func TestMirroredHinges(t *testing.T) {
	hinge := func(s, t float64) Activation { return Must(Affine(ReLU{}, 1.5, s, t, 0)) }
	for _, phi := range []Activation{
		Must(Add(hinge(1, -1), hinge(-1, 0.5), hinge(1, 0.3), Cos{1, 3, 1})),
		Must(Add(hinge(1, -1), hinge(-1, 0), Cos{1, 3, 1})),
		Must(Add(hinge(1, 0), hinge(-1, 0), Cos{1, 3, 1})),
		Must(Add(hinge(1, 0.5), hinge(-1, 0.5))),
		Must(Add(hinge(1, -5), hinge(-1, -5))),
	} {
		a := phi.(*closedForm)
		prime, _ := a.all.Prime()
		for _, p := range pairs {
			at := gauss.Of(p[0], p[1], p[2])
			if p[0] == 0 {
				continue
			}
			v, d := a.dualAt(at)
			v2, d2 := a.all.Dual(a.all, at), prime.Dual(prime, at)
			if math.Abs(v-v2) > 1e-13*(1+v) || math.Abs(d-d2) > 1e-13*(1+math.Abs(d)) {
				t.Errorf("%v at %v: %v, %v; by atoms %v, %v", phi, p, v, d, v2, d2)
			}
		}
	}
	// tails on both sides: E[φ²] is twice one's
	both, one := Must(Add(hinge(1, -5), hinge(-1, -5))).(Dualer), hinge(1, -5).(Dualer)
	v, _ := both.Dual(1, 1, 1)
	if w, _ := one.Dual(1, 1, 1); math.Abs(v-2*w) > 1e-9*v { // the tail's own moments cancel by b²
		t.Errorf("%v, want %v", v, 2*w)
	}
}

// The coefficients of a fast cosine are within 1 where their factors are not within
// double precision; those of sums too.
func TestCoeffsOfFastCosine(t *testing.T) {
	for _, phi := range []Activation{Cos{1, 40, 0}, Must(Add(Cos{1, 40, 0}, ReLU{}))} {
		b, err := HermiteCoeffs(phi, 1, 1801)
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range []int{898, 1600, 1800} {
			gamma, _ := math.Lgamma(float64(k + 1))
			want := math.Exp(float64(k)*math.Log(40)-800-gamma/2) * math.Cos(math.Pi/2*float64(k%4))
			if _, sum := phi.(*closedForm); sum {
				relu := Must(HermiteCoeffs(ReLU{}, 1, 1801))
				want += relu[k]
			}
			if math.Abs(b[k]-want) > 1e-11*math.Abs(want)+1e-14 {
				t.Errorf("%v: b_%d is %v, want %v", phi, k, b[k], want)
			}
		}
	}
}
