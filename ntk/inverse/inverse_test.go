package inverse

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/hermite"
	"github.com/kernelsmith/kernelsmith/ntk/internal/series"
)

// curve is a target known by its values alone.
type curve struct {
	name string
	f    func(c float64) float64
}

func (t curve) String() string { return t.name }

func (t curve) Curve(cosines []float64) ([]float64, error) {
	out := make([]float64, len(cosines))
	for i, c := range cosines {
		out[i] = t.f(c)
	}
	return out, nil
}

// inPlace writes its values over the cosines.
type inPlace struct{ curve }

func (t inPlace) Curve(cosines []float64) ([]float64, error) {
	for i, c := range cosines {
		cosines[i] = t.f(c)
	}
	return cosines, nil
}

// A target that overwrites its argument has the same certificate, and the zero Kernel none.
func TestTargetsOfCallers(t *testing.T) {
	f := curve{"exp", math.Exp}
	for _, s := range []*CertifySettings{nil, {Degree: 6}} {
		a, b := ntk.Must(Certify(f, s)), ntk.Must(Certify(inPlace{f}, s))
		if !slices.Equal(a.Nearest.Coeffs(), b.Nearest.Coeffs()) || a.Verdict != b.Verdict ||
			a.Rest != b.Rest {
			t.Errorf("%v, overwritten %v", a, b)
		}
	}
	a, b := ntk.Must(Of(f, &Settings{BiasStd: 0.3, Degree: 8})),
		ntk.Must(Of(inPlace{f}, &Settings{BiasStd: 0.3, Degree: 8}))
	if !slices.Equal(a.Coeffs, b.Coeffs) || a.Rest != b.Rest {
		t.Errorf("coefficients %v, overwritten %v", a.Coeffs, b.Coeffs)
	}
	if _, err := Certify(ntk.Kernel{}, nil); err == nil ||
		!strings.Contains(err.Error(), "zero Kernel") {
		t.Errorf("the zero Kernel: %v", err)
	}
	if _, err := SharedDepth(ntk.Kernel{}, 2, nil); err == nil {
		t.Error("the zero Kernel at depth 2")
	}
}

func blackBox(name string, f func(c float64) float64) Target { return curve{name, f} }

// expanded is a target that knows its power series.
type expanded struct {
	Target
	expansion ntk.Expansion
}

func (t expanded) String() string { return nameOf(t.Target) }

func (t expanded) Expansion() ntk.Expansion { return t.expansion }

func structured(name string, nonneg bool, a func(k int) float64, f func(c float64) float64) Target {
	coeffs := func(degree int) ([]float64, error) {
		out := make([]float64, degree+1)
		for k := range out {
			out[k] = a(k)
		}
		return out, nil
	}
	return expanded{curve{name, f}, ntk.Expansion{Coeffs: coeffs, Nonnegative: nonneg}}
}

func overFactorial(k int) float64 {
	v, _ := math.Lgamma(float64(k + 1))
	return math.Exp(-v)
}

// 1/√(1-rc) = Σ (2k choose k) (r/4)^k c^k
func slow(r float64) Target {
	return structured(fmt.Sprintf("1/√(1-%gc)", r), true, func(k int) float64 {
		v := 1.
		for j := 1; j <= k; j++ {
			v *= (float64(j) - 0.5) / float64(j) * r
		}
		return v
	}, func(c float64) float64 { return 1 / math.Sqrt(1-r*c) })
}

func polynomial(a ...float64) ntk.PowerSeries { return ntk.Must(ntk.NewPowerSeries(a)) }

// negative reports whether a series is no kernel.
func negative(p ntk.PowerSeries) bool {
	_, err := p.Kernel()
	return err != nil
}

func deepReLU4() *ntk.FCN { return ntk.Must(ntk.UniformFCN(4, ntk.ReLU{}, math.Sqrt2, 0.1)) }

// The published coefficients of the seven kernels of [SAD22] fig. 1, whose
// stray entries below 0.011 are the interior-point solver's: an exact active set
// has zeros there.
func TestPublishedFits(t *testing.T) {
	erf := ntk.Must(ntk.UniformFCN(4, ntk.Erf{}, math.Sqrt2, 0.1))
	for _, c := range []struct {
		name   string
		target Target
		b      []float64
		zeros  []int
	}{
		{"A", ntk.Must(deepReLU4().NNGP()), []float64{.837, .271, -.151, -.050, .101, .084}, nil},
		{"B", ntk.Must(deepReLU4().NTK()), []float64{1.230, .639, 0, 0, .539, .426}, []int{2, 3}},
		{"C", ntk.Must(erf.NTK()), []float64{.153, .826, -.004, -.005, .219, .577}, []int{2, 3}},
		{"D", blackBox("c³", func(c float64) float64 { return c * c * c }),
			[]float64{.001, .010, 0, -.500, 0, .009}, []int{0, 1, 2, 4, 5}},
		{"E", blackBox("c⁴+c", func(c float64) float64 { return c*c*c*c + c }),
			[]float64{0, .707, -.004, -.003, .447, 0}, []int{0, 2, 3, 5}},
		{"F", blackBox("sinh 2c", func(c float64) float64 { return math.Sinh(2 * c) }),
			[]float64{0, 1.001, 0, -.572, .004, .229}, []int{0, 2, 4}},
		{"G", blackBox("cosh 2c", func(c float64) float64 { return math.Cosh(2 * c) }),
			[]float64{1.002, 0, -.805, 0, .404, .011}, []int{1, 3, 5}},
	} {
		f, err := Nearest(c.target, 5, PaperPlaces())
		if err != nil {
			t.Fatal(err)
		}
		if f.KKT > 1e-14 {
			t.Errorf("%s: optimality fails by %v", c.name, f.KKT)
		}
		inv, err := Of(f.Series, &Settings{SignRule: PaperSigns})
		if err != nil {
			t.Fatal(err)
		}
		b := append(inv.Coeffs, make([]float64, 6)...)
		zero := map[int]bool{}
		for _, k := range c.zeros {
			zero[k] = true
		}
		for k, want := range c.b {
			switch tol := 0.0011; { // printed to 0.001
			case zero[k]:
				if b[k] != 0 || math.Abs(want) > 0.0115 {
					t.Errorf("%s: b_%d = %v, published %v", c.name, k, b[k], want)
				}
			case !(math.Abs(b[k]-want) <= tol):
				t.Errorf("%s: b_%d = %.4f, published %v", c.name, k, b[k], want)
			}
		}
	}
}

func TestCertifyStructure(t *testing.T) {
	for _, c := range []struct {
		target  Target
		verdict Verdict
		proof   bool
		reason  string
	}{
		{polynomial(0.5, 0, 1), Realizable, true, "≥ 0"},
		{polynomial(0.5, -1e-300, 1), NotRealizable, true, "c^1 is -1e-300"},
		{polynomial(1, 1).WithRest(0.1), Undetermined, false, "cut off"},
		{structured("exp", true, overFactorial, math.Exp), Realizable, true, "construction"},
		{structured("exp - c^7/1000", false, func(k int) float64 {
			if k == 7 {
				return overFactorial(7) - 1e-3
			}
			return overFactorial(k)
		}, func(c float64) float64 { return math.Exp(c) - 1e-3*math.Pow(c, 7) }), NotRealizable,
			true, "c^7"},
		{structured("difference", false, overFactorial, math.Exp), Undetermined, false,
			"no coefficient to degree 1000"},
		{structured("exp - c^90/10^12", false, func(k int) float64 {
			if k == 90 {
				return -1e-12
			}
			return overFactorial(k)
		}, func(c float64) float64 { return math.Exp(c) - 1e-12*math.Pow(c, 90) }), NotRealizable,
			true, "c^90"},
		{ntk.Must(polynomial(1, 2).Kernel()), Realizable, true, "construction"},
	} {
		cert, err := Certify(c.target, nil)
		if err != nil {
			t.Fatal(err)
		}
		if cert.Verdict != c.verdict || cert.Proof != c.proof ||
			!strings.Contains(cert.Reason, c.reason) {
			t.Errorf("%v", cert)
		}
		if negative(cert.Nearest) || !(cert.MeanDistance <= cert.MaxDistance*(1+1e-12)) {
			t.Errorf("%v: nearest %v", cert, cert.Nearest)
		}
	}
	// The cusp of the deep ReLU NTK at c = 1.
	for _, n := range []int{100, 400, 1000} {
		cert := ntk.Must(Certify(ntk.Must(deepReLU4().NTK()), &CertifySettings{Degree: n}))
		if r := cert.Rest * math.Sqrt(float64(n)); cert.Verdict != Realizable || !cert.Proof ||
			math.Abs(r-2.55) > 0.02 {
			t.Errorf("4HL ReLU NTK to degree %d: rest %.3g/√degree, %v", n, r, cert)
		}
	}
	// The rest is a bound, and the degree the least that reaches the tolerance.
	K := slow(0.9)
	for _, tol := range []float64{1e-3, 1e-6, 1e-10} {
		cert := ntk.Must(Certify(K, &CertifySettings{Tolerance: tol}))
		n := len(cert.Nearest.Coeffs()) - 1
		var tail float64
		all := ntk.Must(K.(Expander).Expansion().Coeffs(3000))
		for _, a := range all[n+1:] {
			tail += a
		}
		goal := tol / math.Sqrt(0.1)
		if !(tail <= cert.Rest && cert.Rest <= goal && tail+all[n] > goal*(1-1e-4)) ||
			!cert.RestProved {
			t.Errorf("tolerance %g: degree %d, rest %v, tail %v", tol, n, cert.Rest, tail)
		}
	}
}

func TestCertifyValues(t *testing.T) {
	for name, c := range map[string]struct {
		f       func(c float64) float64
		verdict Verdict
		near    float64 // nearest kernel at most this far away
	}{
		"exp": {math.Exp, Undetermined, 1e-11}, // 2e-12 on arm64
		"cosh 2c": {func(c float64) float64 { return math.Cosh(2 * c) }, Undetermined,
			1e-11},
		"c³": {func(c float64) float64 { return c * c * c }, Undetermined, 1e-15},
		"Gaussian": {func(c float64) float64 { return math.Exp(-4 * (1 - c)) }, Undetermined,
			1e-10},
		"Laplace": {func(c float64) float64 { return math.Exp(-math.Sqrt(2 - 2*c)) },
			Undetermined, 0.02},
		"jump at 1": {func(c float64) float64 { return c*c + 0.5*math.Floor(math.Max(0, c)) },
			Undetermined, 0.5},
		"zero": {func(float64) float64 { return 0 }, Undetermined, 0},
		"sin":  {math.Sin, NotRealizable, 1},
		"tiny negative": {func(c float64) float64 { return 1 + c - 1e-9*c*c }, NotRealizable,
			1e-9},
		"|c|":     {math.Abs, NotRealizable, 1},
		"relu(c)": {func(c float64) float64 { return math.Max(0, c) }, NotRealizable, 1},
		"high degree": {func(c float64) float64 { return math.Exp(c) - 1e-3*math.Pow(c, 20) },
			NotRealizable, 1e-3},
		"falling":    {func(c float64) float64 { return 2 - c }, NotRealizable, 3},
		"small at 1": {func(c float64) float64 { return 1 / (1 + 0.9*c*c) }, NotRealizable, 1},
		"jump at 0": {func(c float64) float64 { return 1 + math.Copysign(1, c) },
			NotRealizable, 2},
		"constant, below": {func(float64) float64 { return -1 }, NotRealizable, 2},
	} {
		cert, err := Certify(blackBox(name, c.f), nil)
		if err != nil {
			t.Fatal(name, err)
		}
		if cert.Verdict != c.verdict || cert.Proof || cert.MaxDistance > c.near {
			t.Errorf("%v", cert)
		}
	}
	// The Laplace kernel and this jump rise at c = 1 faster than degrees can tell.
	cert := ntk.Must(
		Certify(
			blackBox("jump",
				func(c float64) float64 { return c*c + 0.5*math.Floor(math.Max(0, c)) }),
			nil,
		),
	)
	if !strings.Contains(cert.Reason, "jump") {
		t.Errorf("%v", cert)
	}
	pole := blackBox("pole", func(c float64) float64 { return 1 / (1 - c) })
	if _, err := Certify(pole, nil); err == nil || !strings.Contains(err.Error(), "at c = 1") {
		t.Errorf("pole: %v", err)
	}
	kernel := ntk.Must(ntk.Must(ntk.UniformFCN(4, ntk.Exp{Amplitude: 1, Rate: 9}, 1, 0)).NTK())
	var variance *ntk.VarianceError
	if _, err := Certify(kernel, nil); !errors.As(err, &variance) {
		t.Errorf("a kernel without values: %v", err)
	}
}

// Realizable series of all kinds as black boxes: never called unrealizable, and
// the error bars hold.
func TestCertifyErrorBars(t *testing.T) {
	for seed := range 25 {
		a := make([]float64, 1+seed*37%300)
		p := float64(seed%7) * 0.6
		for k := range a {
			if (k*k+seed*k)%3 != 0 {
				a[k] = math.Pow(float64(k+1), -p) * (1 + math.Sin(float64(k*seed)))
			}
		}
		cert := ntk.Must(Certify(blackBox("series", polynomial(a...).At), nil))
		if cert.Verdict == NotRealizable {
			t.Errorf("seed %d: %v", seed, cert)
		}
		for k, v := range cert.Coeffs {
			want := 0.0
			if k < len(a) {
				want = a[k]
			}
			if math.Abs(v-want) > cert.Uncertainty[k] {
				t.Errorf("seed %d: a_%d = %v ± %v, in truth %v", seed, k, v, cert.Uncertainty[k],
					want)
			}
		}
	}
}

// Noisy samples: a kernel is called unrealizable (4.5 standard deviations) in
// none of 60 draws; what is far from every kernel always is; error bars of the
// coefficients hold within 5 standard deviations.
func TestCertifySamples(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	draw := func(f func(float64) float64, std float64) Samples {
		s := Samples{Std: []float64{std}}
		for range 80 {
			c := 2*rng.Float64() - 1
			s.Cosines = append(s.Cosines, c)
			s.Values = append(s.Values, f(c)+std*rng.NormFloat64())
		}
		return s
	}
	for range 30 {
		for _, f := range []func(float64) float64{math.Exp,
			func(c float64) float64 { return c*c*c + 0.2 }} {
			cert := ntk.Must(Certify(draw(f, 0.03), nil))
			if cert.Verdict == NotRealizable {
				t.Errorf("%v", cert)
			}
		}
		cert := ntk.Must(Certify(draw(math.Sin, 0.003), nil))
		if cert.Verdict != NotRealizable {
			t.Errorf("%v, least %+v", cert, cert.Least)
		}
		if cert.Degree < 1 || math.Abs(cert.Coeffs[1]-1) > 5*cert.Uncertainty[1] {
			t.Errorf("sin: coefficients %v ± %v", cert.Coeffs, cert.Uncertainty)
		}
	}
	// Exact samples without c = 1, a single one, and only negative cosines.
	exact := Samples{Cosines: uniformCosines(21)[1:20]}
	for _, c := range exact.Cosines {
		exact.Values = append(exact.Values, math.Cosh(c))
	}
	if cert := ntk.Must(Certify(exact, nil)); cert.Verdict == NotRealizable ||
		cert.MaxDistance > 1e-10 {
		t.Errorf("%v", cert)
	}
	for _, s := range []Samples{
		{Cosines: []float64{0.3}, Values: []float64{1}},
		{Cosines: []float64{0}, Values: []float64{1}},
		{Cosines: []float64{-1, -0.5}, Values: []float64{-1, 1}},
	} {
		if cert := ntk.Must(Certify(s, nil)); cert.Verdict != Undetermined ||
			cert.MaxDistance > 1e-12 {
			t.Errorf("%v", cert)
		}
	}
	if cert := ntk.Must(
		Certify(Samples{Cosines: []float64{1, 0.5}, Values: []float64{1, 2}}, nil),
	); cert.Verdict != NotRealizable {
		t.Errorf("%v", cert)
	}
}

// roundTrip returns the largest |net's kernel - target|, by the net's own
// recursion over Hermite duals.
func roundTrip(t *testing.T, inv *Result, s Settings, target Target) (worst float64) {
	t.Helper()
	if s.WeightStd == 0 {
		s.WeightStd = 1
	}
	q := s.NormSquared
	if q == 0 {
		q = 1
	}
	net := ntk.Must(ntk.UniformFCN(1, inv.Phi, s.WeightStd, s.BiasStd))
	tangent, nngp := ntk.Must(net.NTK()), ntk.Must(net.NNGP())
	cosines := uniformCosines(41)
	want := ntk.Must(target.Curve(cosines))
	for i, c := range cosines {
		got := (1-s.NNGPShare)*ntk.Must(tangent.At(q, q*c, q)) +
			s.NNGPShare*ntk.Must(nngp.At(q, q*c, q))
		worst = math.Max(worst, math.Abs(got-want[i]))
		if e := math.Abs(got - inv.Kernel.At(c)); e > 1e-12*(1+math.Abs(got)) {
			t.Errorf("at %v the net has %v, and Kernel says %v", c, got, inv.Kernel.At(c))
		}
	}
	return worst
}

func TestInvertRoundTrips(t *testing.T) {
	exp := structured("exp", true, overFactorial, math.Exp)
	for _, c := range []struct {
		name   string
		target Target
		s      Settings
		tol    float64 // relative to K(1); 0 means the stated rest
	}{
		{"polynomial", polynomial(.1, .5, 0, .3), Settings{}, 1e-15},
		{"other norm", polynomial(.1, .5, 0, .3), Settings{NormSquared: 2.5, WeightStd: 1.3},
			1e-14},
		{"NNGP", exp, Settings{NNGPShare: 1}, 1e-10},
		{"mix, bias", polynomial(3, 2, 1), Settings{BiasStd: .3, WeightStd: 1.4, NormSquared: 2,
			NNGPShare: .3}, 1e-14},
		{"exp", exp, Settings{SignRule: Alternating}, 1e-10},
		{"exp, bias", exp, Settings{BiasStd: .2}, 1e-10},
		{"exp, values", blackBox("exp", math.Exp), Settings{}, 1e-10},
		{"cosh, values", blackBox("cosh", math.Cosh), Settings{}, 1e-10},
		{"degree 700", slow(0.97), Settings{}, 1e-10},
		{"degree 1000", slow(0.99), Settings{Degree: 1000}, 0},
		{"truncated", slow(0.9), Settings{Degree: 10}, 0},
		{"4HL erf", ntk.Must(ntk.Must(ntk.UniformFCN(4, ntk.Erf{}, math.Sqrt2, 0.1)).NTK()),
			Settings{},
			1e-10},
		{"4HL ReLU, degree 20", ntk.Must(deepReLU4().NTK()), Settings{Degree: 20}, 0},
	} {
		inv, err := Of(c.target, &c.s)
		if err != nil {
			t.Fatal(c.name, err)
		}
		top := ntk.Must(c.target.Curve([]float64{1}))[0]
		worst := roundTrip(t, inv, c.s, c.target)
		if c.tol == 0 {
			c.tol = inv.Rest/top + 1e-12
		}
		if worst > c.tol*top || worst > inv.Rest+1e-13*top {
			t.Errorf("%s: off by %g, stated rest %g", c.name, worst, inv.Rest)
		}
	}
}

// Kernels that are one in c̃ by construction, at random settings.
func TestInvertRandom(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	for range 100 {
		s := Settings{
			NNGPShare:   float64(rng.IntN(3)) / 2,
			WeightStd:   0.5 + rng.Float64(),
			NormSquared: 0.3 + 2*rng.Float64(),
			SignRule:    SignRule(rng.IntN(3)),
		}
		if rng.IntN(2) == 0 {
			s.BiasStd = rng.Float64() / 2
		}
		a := make([]float64, 1+rng.IntN(6))
		for k := range a {
			if rng.IntN(3) > 0 {
				a[k] = rng.ExpFloat64()
			}
		}
		w := s.WeightStd * s.WeightStd * s.NormSquared
		v := w + s.BiasStd*s.BiasStd
		target := polynomial(series.Unshift(a, w/v, s.BiasStd*s.BiasStd/v)...)
		inv, err := Of(target, &s)
		if err != nil {
			t.Fatalf("%+v of %v: %v", s, a, err)
		}
		if worst := roundTrip(t, inv, s, target); worst > 1e-12*(1+target.At(1)) {
			t.Errorf("%+v: off by %g", s, worst)
		}
		for k, b := range inv.Coeffs {
			want := math.Sqrt(a[k] / (1 + (1-s.NNGPShare)*float64(k)))
			if math.Abs(math.Abs(b)-want) > 1e-6 || want == 0 && b != 0 {
				t.Errorf("b_%d = %v, want ±%v", k, b, want)
			}
		}
	}
}

func TestInvertRefuses(t *testing.T) {
	var not *NotRealizableError
	if _, err := Of(blackBox("sin", math.Sin), nil); !errors.As(err, &not) ||
		not.Certificate.Least.Degree != 3 {
		t.Errorf("sin: %v", err)
	}
	// K = c has no activation once there is a bias: a_0 in c̃ is -σ_b²/σ_w².
	if _, err := Of(polynomial(0, 1),
		&Settings{BiasStd: 0.3}); !errors.As(err,
		&not) || math.Abs(not.Certificate.Least.Value+0.09) > 1e-15 ||
		!not.Certificate.Proof {
		t.Errorf("c with bias: %v", err)
	}
	// The same from values alone: evidence, by a functional.
	if _, err := Of(blackBox("c", func(c float64) float64 { return c }),
		&Settings{BiasStd: 0.3}); !errors.As(err, &not) ||
		not.Certificate.Proof {
		t.Errorf("values of c with bias: %v", err)
	}
	inv, err := Of(blackBox("sin", math.Sin), &Settings{AcceptNearest: true})
	if err != nil || inv.Certificate.Verdict != NotRealizable || len(inv.Coeffs) != 2 ||
		inv.Coeffs[0] != 0 {
		t.Errorf("nearest to sin: %+v %v", inv, err)
	}
	var cut *TruncationError
	inv, err = Of(ntk.Must(deepReLU4().NTK()), &Settings{MaxDegree: 100})
	if !errors.As(err, &cut) || inv == nil || inv.Rest != cut.Rest || cut.Degree > 100 {
		t.Errorf("4HL ReLU: %v", err)
	}
	for name, s := range map[string]Settings{
		"share":    {NNGPShare: 1.5},
		"NaN":      {NNGPShare: math.NaN()},
		"weight":   {WeightStd: -1},
		"bias":     {BiasStd: math.Inf(1)},
		"norm":     {NormSquared: -1},
		"huge":     {NormSquared: 1e300},
		"rule":     {SignRule: 7},
		"cosines":  {SignRule: LeastVariance},
		"cosine":   {SignRule: LeastVariance, SignCosines: []float64{2}},
		"sign":     {Signs: []int{0}},
		"signs":    {Signs: []int{1, 1, 1, 1}},
		"degree":   {Degree: -1},
		"most":     {MaxDegree: 1e6},
		"accuracy": {Tolerance: -1},
		"points":   {Places: Places{Points: 1}},
		"weights":  {Places: Places{Cosines: []float64{1}, Weights: []float64{-1}}},
		"both":     {Places: Places{Cosines: []float64{1}, Points: 7}},
		"outside":  {Places: Places{Cosines: []float64{1.1}}},
	} {
		if _, err := Of(polynomial(1, 1), &s); err == nil {
			t.Errorf("%s accepted", name)
		}
	}
	for name, s := range map[string]Samples{
		"empty":   {},
		"lengths": {Cosines: []float64{1}},
		"std":     {Cosines: []float64{1}, Values: []float64{1}, Std: []float64{-1}},
		"stds":    {Cosines: []float64{1}, Values: []float64{1}, Std: []float64{1, 1}},
		"NaN":     {Cosines: []float64{math.NaN()}, Values: []float64{1}},
		"value":   {Cosines: []float64{1}, Values: []float64{math.Inf(1)}},
	} {
		if _, err := Certify(s, nil); err == nil {
			t.Errorf("%s accepted", name)
		}
	}
	if _, err := Certify(nil, nil); err == nil {
		t.Error("no target accepted")
	}
}

// The variance against samples of one hidden unit: N times the variance of a
// mean of N independent units is the variance of one.
func TestFiniteWidthVarianceBySimulation(t *testing.T) {
	rng := rand.New(rand.NewPCG(21, 22))
	quadratic := ntk.Must(ntk.Must(hermite.NewSeries([]float64{0.3, -1, 0.5})).WithScale(1.2))
	for _, phi := range []ntk.Activation{ntk.ReLU{},
		ntk.Sin{Amplitude: 1, Frequency: 2, Phase: 0.3}, ntk.PublishedMimic(),
		quadratic} {
		for _, c := range [][3]float64{{1, 1, 1}, {1, -0.5, 1}, {0.6, 0.4, 2}, {1, 0.995, 1}} {
			want, err := FiniteWidthVariance(phi, c[0], c[1], c[2])
			if err != nil {
				t.Fatal(err)
			}
			const n = 200000
			x := make([]float64, n)
			var mean float64
			for i := range x {
				z := rng.NormFloat64()
				u := math.Sqrt(c[0]) * z
				v := c[1]/math.Sqrt(c[0])*z + math.Sqrt(
					math.Max(0, c[2]-c[1]*c[1]/c[0]))*rng.NormFloat64()
				w := rng.NormFloat64()
				x[i] = phi.Value(u)*phi.Value(v) + w*w*c[1]*phi.Derivative(u)*phi.Derivative(v)
				mean += x[i] / n
			}
			var second, fourth float64
			for _, v := range x {
				d := (v - mean) * (v - mean)
				second += d / n
				fourth += d * d / n
			}
			if e := math.Sqrt((fourth - second*second) / n); math.Abs(second-want) > 4*e {
				t.Errorf("%v at %v: %v, simulated %v ± %v", phi, c, want, second, e)
			}
		}
	}
}

// hidden keeps a polynomial from being recognised.
type hidden struct{ ntk.Activation }

func TestFiniteWidthVariance(t *testing.T) {
	// theory.md: published to three digits, the last ones cut off.
	for i, c := range []float64{1, .9, .5, 0, -.5, -1} {
		want := []float64{14.5, 11.6, 5.99, 1.94, 1.76, 2.55}[i]
		if v := ntk.Must(FiniteWidthVariance(ntk.PublishedMimic(), 1, c, 1)); math.Abs(
			math.Sqrt(v)-want,
		) > 0.005*want+0.005 {
			t.Errorf("√(N Var) at %v is %v, published %v", c, math.Sqrt(v), want)
		}
	}
	// ReLU at c = 1 by hand: 3/2 + 2·1/2 + 3·1/2 - 1.
	if v := ntk.Must(FiniteWidthVariance(ntk.ReLU{}, 1, 1, 1)); math.Abs(v-3) > 1e-9 {
		t.Errorf("ReLU at c = 1: %v, want 3", v)
	}
	if v := ntk.Must(FiniteWidthVariance(ntk.ReLU{}, 1, 1-1e-9,
		1)); math.Abs(v-3) > 1e-4 { // √(1-c²) away
		t.Errorf("ReLU near c = 1: %v", v)
	}
	// Sums of the polynomial against panels, at any variances.
	phi := ntk.Must(hermite.NewSeries([]float64{.3, -1, .5, .2, .1, -.3}))
	for _, c := range [][3]float64{{1, .5, 1}, {1, 1, 1}, {.6, -.5, 2}, {0, 0, 1}, {1, -1, 1}} {
		a, b := ntk.Must(FiniteWidthVariance(phi, c[0], c[1], c[2])), ntk.Must(
			FiniteWidthVariance(hidden{phi}, c[0], c[1], c[2]))
		if math.Abs(a-b) > 1e-10*(1+a) {
			t.Errorf("at %v: %v by sums, %v by panels", c, a, b)
		}
	}
	for _, c := range [][3]float64{{1, 1.5, 1}, {-1, 0, 1}, {math.NaN(), 0, 1},
		{math.Inf(1), 0, 1}} {
		if _, err := FiniteWidthVariance(phi, c[0], c[1], c[2]); err == nil {
			t.Errorf("%v accepted", c)
		}
	}
	if _, err := FiniteWidthVariance(
		ntk.Must(hermite.NewSeries(make([]float64, 500))), 1, 0, 1,
	); err == nil {
		t.Error("degree 499 accepted")
	}
	var infinite *ntk.InfiniteNTKError
	if _, err := FiniteWidthVariance(ntk.Step{}, 1, 0.5, 1); !errors.As(err, &infinite) {
		t.Errorf("step: %v", err)
	}
	if _, err := FiniteWidthVariance(steep{}, 1, 0.5, 1); err == nil {
		t.Error("e^(z²/4), whose variance is infinite, accepted")
	}
}

// steep is e^(z²/4).
type steep struct{}

func (steep) Value(z float64) float64      { return math.Exp(z * z / 4) }
func (steep) Derivative(z float64) float64 { return z / 2 * math.Exp(z*z/4) }

func TestLeastVarianceSigns(t *testing.T) {
	cosines := []float64{1, 0.5, -1}
	mean := func(phi hermite.Series, sw, sb, q float64) (sum float64) {
		for _, c := range cosines {
			v := sw*sw*q + sb*sb
			sum += ntk.Must(FiniteWidthVariance(phi, v, sw*sw*q*c+sb*sb, v)) / float64(len(cosines))
		}
		return sum
	}
	target := polynomial(1, 0.8, 0.6, 0, 0.5, 0.2)
	s := Settings{
		SignRule:    LeastVariance,
		SignCosines: cosines,
		WeightStd:   1.2,
		NormSquared: 0.8,
	}
	best := mean(ntk.Must(Of(target, &s)).Phi, 1.2, 0, 0.8)
	least := math.Inf(1)
	for n := range 1 << 6 {
		signs := make([]int, 6)
		for k := range signs {
			signs[k] = 1 - 2*(n>>k&1)
		}
		least = math.Min(
			least,
			mean(
				ntk.Must(
					Of(target,
						&Settings{Signs: signs, WeightStd: 1.2, NormSquared: 0.8}),
				).Phi,
				1.2,
				0,
				0.8,
			),
		)
	}
	if math.Abs(best-least) > 1e-9*least {
		t.Errorf("variance %v, the least of all signs is %v", best, least)
	}
	// Too many terms for all signs: no worse than each rule, the same every time.
	exp := structured("exp", true,
		func(k int) float64 { return math.Pow(2, float64(k)) * overFactorial(k) },
		func(c float64) float64 { return math.Exp(2 * c) })
	s = Settings{SignRule: LeastVariance, SignCosines: cosines}
	a, b := ntk.Must(Of(exp, &s)), ntk.Must(Of(exp, &s))
	if fmt.Sprint(a.Coeffs) != fmt.Sprint(b.Coeffs) {
		t.Error("another run, other signs")
	}
	best = mean(a.Phi, 1, 0, 1)
	for _, r := range []SignRule{AllPlus, Alternating, PaperSigns} {
		if v := mean(
			ntk.Must(Of(exp, &Settings{SignRule: r})).Phi, 1, 0, 1,
		); v < best*(1-1e-9) {
			t.Errorf("rule %v has the variance %v, the search %v", r, v, best)
		}
	}
	// The caller's signs stay.
	s = Settings{SignRule: LeastVariance, SignCosines: cosines, Signs: []int{-1, -1}}
	if c := ntk.Must(Of(target, &s)).Coeffs; c[0] > 0 || c[1] > 0 {
		t.Errorf("signs changed: %v", c)
	}
}

// Each rule gives the signs that it names, and those of the caller come first.
func TestSignRules(t *testing.T) {
	target := polynomial(1, 1, 1, 1, 1, 1, 1)
	for rule, want := range map[SignRule][]float64{
		AllPlus:     {1, 1, 1, 1, 1, 1, 1},
		Alternating: {1, -1, 1, -1, 1, -1, 1},
		PaperSigns:  {1, 1, -1, -1, 1, 1, -1},
	} {
		for given := range 4 {
			s := Settings{SignRule: rule}
			for k := range given {
				s.Signs = append(s.Signs, -int(want[k]))
			}
			for k, b := range ntk.Must(Of(target, &s)).Coeffs {
				sign := want[k]
				if k < given {
					sign = -sign
				}
				if w := sign / math.Sqrt(float64(k+1)); math.Abs(b-w) > 1e-15 {
					t.Errorf("%v, %d signs given: b_%d = %v, want %v", rule, given, k, b, w)
				}
			}
		}
	}
	zero, err := Of(polynomial(0), &Settings{SignRule: LeastVariance, SignCosines: []float64{1}})
	if err != nil || len(zero.Coeffs) != 1 || zero.Coeffs[0] != 0 {
		t.Errorf("φ of the zero kernel: %v, %v", zero, err)
	}
}

// With signs that are given, the others are the best that there are beside them.
func TestLeastVarianceBesideGivenSigns(t *testing.T) {
	target, cosines := polynomial(1, 0.8, 0.6, 0, 0.5, 0.2), []float64{1, 0.5, -1}
	mean := func(phi hermite.Series) (sum float64) {
		for _, c := range cosines {
			sum += ntk.Must(FiniteWidthVariance(phi, 1, c, 1))
		}
		return sum
	}
	for _, given := range [][]int{{1}, {-1}, {1, 1}, {-1, -1}, {1, 1, 1}} {
		chosen := ntk.Must(Of(target, &Settings{SignRule: LeastVariance, SignCosines: cosines,
			Signs: given}))
		for k, sign := range given {
			if chosen.Coeffs[k]*float64(sign) < 0 {
				t.Errorf("signs %v changed: %v", given, chosen.Coeffs)
			}
		}
		least := math.Inf(1)
		for n := range 1 << (6 - len(given)) {
			signs := slices.Clone(given)
			for k := range 6 - len(given) {
				signs = append(signs, 1-2*(n>>k&1))
			}
			least = math.Min(least, mean(ntk.Must(Of(target, &Settings{Signs: signs})).Phi))
		}
		if best := mean(chosen.Phi); math.Abs(best-least) > 1e-9*least {
			t.Errorf("beside %v: variance %v, the least is %v", given, best, least)
		}
	}
}

// plain is an activation of which nothing is known but its values.
type plain struct{ ntk.Activation }

// What the search makes least is the variance by quadrature of φ as a function: after flips, with a
// bias, at other norms and for a share of the NNGP kernel.
func TestVariancesOfTheSearch(t *testing.T) {
	b := []float64{0.7, -0.4, 0.5, 0, 0.3, -0.2}
	for _, c := range []struct{ share, slope, shift, variance float64 }{
		{0, 1, 0, 1}, {0, 0.8, 0.2, 1.7}, {0.3, 0.6, 0.4, 0.5}, {1, 1, 0, 1.3},
	} {
		set := Settings{NNGPShare: c.share, SignCosines: []float64{1, 0.4, -0.9}}
		v := ntk.Must(newVariances(b, set, c.slope, c.shift, c.variance))
		signed := slices.Clone(b)
		for _, k := range []int{3, 2, 0, 2, 5} { // the first has no sign
			v.flip(k)
			signed[k] = -signed[k]
			phi := plain{ntk.Must(ntk.Must(hermite.NewSeries(signed)).WithScale(
				math.Sqrt(c.variance)))}
			var want float64
			for _, cosine := range set.SignCosines {
				covariance := c.variance * (c.slope*cosine + c.shift)
				m := ntk.Must(panelMoments(phi, c.variance, covariance, c.variance))
				want += m.variance(covariance, 1-c.share) / 3
			}
			if got := v.mean(); math.Abs(got-want) > 1e-7*want { // panels are good to 1e-8
				t.Errorf("%+v, signs of %v: %v, want %v", c, signed, got, want)
			}
		}
	}
}

// Where the search ends, no other sign and no other two neighbours' are better, and of signs that
// are equally good plus is taken.
func TestSearchEndsInAMinimum(t *testing.T) {
	target := structured("exp 2c", true,
		func(k int) float64 { return math.Pow(2, float64(k)) * overFactorial(k) },
		func(c float64) float64 { return math.Exp(2 * c) })
	s := Settings{SignRule: LeastVariance, SignCosines: []float64{1, 0.5, -1}}
	b := ntk.Must(Of(target, &s)).Coeffs
	v := ntk.Must(newVariances(b, s, 1, 0, 1))
	least := v.mean()
	see := func(flips ...int) {
		for _, k := range flips {
			v.flip(k)
		}
		if other := v.mean(); other < least*(1-1e-9) {
			t.Errorf("with other signs of the degrees %v: %v, found %v", flips, other, least)
		}
		for _, k := range flips {
			v.flip(k)
		}
	}
	for k := 1; k < len(b); k++ {
		see(k)
		see(k-1, k)
	}
	for k, v := range ntk.Must(Of(polynomial(1, 1), &s)).Coeffs {
		if v < 0 {
			t.Errorf("b_%d = %v where signs make no difference", k, v)
		}
	}
}

// Growth is told in standard deviations of the pre-activations, whatever these are.
func TestGrowthKnowsTheScale(t *testing.T) {
	target := polynomial(0, 0.5, 0, 0, 0, 0.5)
	want := ntk.Must(Of(target, nil)).Growth
	for _, s := range []Settings{{NormSquared: 4}, {WeightStd: 0.3}} {
		got := ntk.Must(Of(target, &s)).Growth
		if got.Degree != want.Degree || math.Abs(got.Inside-want.Inside) > 1e-12*want.Inside ||
			math.Abs(got.Outside-want.Outside) > 1e-12*want.Outside {
			t.Errorf("%+v: %v, want %v", s, got, want)
		}
	}
}

// A standard deviation of 0 is none.
func TestExactSamples(t *testing.T) {
	s := Samples{Cosines: []float64{1, 0.5, 0, -0.5, -1}, Values: []float64{3, 1.75, 1, 0.75, 1}}
	want := ntk.Must(Certify(s, nil))
	s.Std = []float64{0}
	got, err := Certify(s, nil)
	if err != nil || !slices.Equal(got.Coeffs, want.Coeffs) || len(got.Coeffs) == 0 ||
		!slices.Equal(got.Uncertainty, want.Uncertainty) {
		t.Errorf("%v with %v, %v; want %v", got, s.Std, err, want)
	}
}

// layered is the coefficients of f composed depth times.
func layered(f []float64, depth int) []float64 {
	out := []float64{0, 1}
	for range depth {
		g := make([]float64, (len(out)-1)*(len(f)-1)+1)
		copy(g, out)
		r := make([]float64, len(g))
		for k := len(f) - 1; k >= 0; k-- {
			r = productTo(r, g)
			r[0] += f[k]
		}
		out = r
	}
	return out
}

// Nets of a shared activation give back its dual.
func TestSharedDepthGivesBack(t *testing.T) {
	odd := make([]float64, 41)
	var sum float64
	for k := 1; k < len(odd); k += 2 {
		odd[k] = math.Exp(-float64(k) / 2)
		sum += odd[k]
	}
	for k := range odd {
		odd[k] /= sum
	}
	for name, f := range map[string][]float64{
		"0.3c+0.7c³": {0, .3, 0, .7}, "c³": {0, 0, 0, 1}, "three terms": {0, .3, .2, .5},
		"constant": {.1, .3, .2, .4}, "odd": odd,
	} {
		phi := ntk.Must(NNGP(polynomial(f...), nil))
		for depth := 2; depth <= 3; depth++ {
			net := ntk.Must(ntk.UniformFCN(depth, phi, 1, 0))
			targets := map[string]Target{"NTK": ntk.Must(net.NTK()), "NNGP": ntk.Must(net.NNGP())}
			if len(f) < 10 {
				targets["NNGP series"] = polynomial(layered(f, depth)...)
			}
			for kind, target := range targets {
				got, err := SharedDepth(target, depth, &SharedDepthSettings{NNGP: kind != "NTK"})
				if err != nil {
					t.Fatal(err)
				}
				if got.Verdict != Realizable ||
					got.MaxDistance > 1e-8*ntk.Must(ntk.Must(net.NTK()).At(1, 1, 1)) {
					t.Errorf("%s of %s at depth %d: %v", kind, name, depth, got)
				}
				for k, want := range f {
					have := 0.0
					if k < len(got.Dual.Coeffs()) {
						have = got.Dual.Coeffs()[k]
					}
					// Where all is analytic the low coefficients follow; of a black box
					// with a constant too, to the root of what the kernel agrees to.
					if k <= 5 && math.Abs(have-want) > 2e-5 {
						t.Errorf("%s of %s at depth %d: f_%d = %v, want %v", kind, name, depth, k,
							have, want)
					}
				}
			}
		}
	}
}

// unitErf is erf(z)/√E[erf²], which keeps the variance 1.
type unitErf struct{}

func (unitErf) norm() float64 { v, _ := ntk.Erf{}.Dual(1, 1, 1); return v }

func (u unitErf) Value(z float64) float64 { return ntk.Erf{}.Value(z) / math.Sqrt(u.norm()) }
func (u unitErf) Derivative(z float64) float64 {
	return ntk.Erf{}.Derivative(z) / math.Sqrt(u.norm())
}
func (u unitErf) Dual(q, k, q2 float64) (value, derivative float64) {
	v, d := ntk.Erf{}.Dual(q, k, q2)
	return v / u.norm(), d / u.norm()
}

func TestSharedDepthOfErfAndReLU(t *testing.T) {
	// arcsin(2c/3)·2/π = Σ (2/π) (2j choose j)/(4^j (2j+1)) (2c/3)^(2j+1), over its value at 1.
	const n = 160
	f := make([]float64, n+1)
	for j, v := 0, 1.0; 2*j+1 <= n; j++ {
		if j > 0 {
			v *= (float64(j) - 0.5) / float64(j)
		}
		f[2*j+1] = v / float64(2*j+1) * math.Pow(2./3, float64(2*j+1)) / math.Asin(2./3)
	}
	for depth := 2; depth <= 3; depth++ {
		net := ntk.Must(ntk.UniformFCN(depth, unitErf{}, 1, 0))
		a := make([]float64, n+1)
		a[1] = 1
		for range depth {
			a = composeTo(f, a)
		}
		K := expanded{ntk.Must(net.NNGP()), ntk.Expansion{
			Nonnegative: true,
			Coeffs:      func(degree int) ([]float64, error) { return a[:degree+1], nil },
		}}
		got := ntk.Must(SharedDepth(K, depth, &SharedDepthSettings{NNGP: true}))
		if got.Verdict != Realizable {
			t.Errorf("erf at depth %d: %v", depth, got)
		}
		for k := range 8 {
			// the search ends where K is met to the tolerance, to which late f_k matter little
			if math.Abs(got.Dual.Coeffs()[k]-f[k]) > 3e-6 {
				t.Errorf("erf at depth %d: f_%d = %v, want %v", depth, k, got.Dual.Coeffs()[k],
					f[k])
			}
		}
		// f of the ReLU ends at no degree: what 40 leave is of the order 40^(-3/2)/100.
		relu := ntk.Must(ntk.UniformFCN(depth, ntk.ReLU{}, math.Sqrt2, 0))
		got = ntk.Must(
			SharedDepth(ntk.Must(relu.NNGP()), depth,
				&SharedDepthSettings{NNGP: true, Tolerance: 1e-3}),
		)
		if got.Verdict != Realizable || got.MaxDistance > 2e-4 {
			t.Errorf("ReLU at depth %d: %v", depth, got)
		}
		for k, want := range []float64{1 / math.Pi, 0.5, 1 / (2 * math.Pi)} {
			if math.Abs(got.Dual.Coeffs()[k]-want) > 1e-3 {
				t.Errorf("ReLU at depth %d: f_%d = %v, want %v", depth, k, got.Dual.Coeffs()[k],
					want)
			}
		}
		// The activation, put into a net, has the kernel.
		back := ntk.Must(ntk.Must(ntk.UniformFCN(depth, got.Phi, 1, 0)).NNGP())
		want := ntk.Must(ntk.Must(relu.NNGP()).Curve(uniformCosines(31)))
		for i, v := range ntk.Must(back.Curve(uniformCosines(31))) {
			if math.Abs(v*got.ReadoutStd*got.ReadoutStd-want[i]) > got.MaxDistance+1e-12 {
				t.Errorf("the net is %v away, stated %v", v-want[i], got.MaxDistance)
			}
		}
	}
}

// Kernels of random f with f(0) = 0 and every kind of decay, by their series: the
// error bars never call one impossible.
func TestSharedDepthErrorBars(t *testing.T) {
	rng := rand.New(rand.NewPCG(31, 32))
	for i := range 40 {
		f := make([]float64, 65)
		rate, sum := 0.2+0.7*rng.Float64(), 0.0
		for k := 1; k < len(f); k++ {
			if k == 1 || rng.IntN(3) > 0 {
				f[k] = rng.ExpFloat64() * math.Pow(rate, float64(k))
			}
			sum += f[k]
		}
		for k := range f {
			f[k] /= sum
		}
		depth, tangent := 2+i%2, i%4 < 2
		n := &deep{depth: depth, ntk: tangent}
		K := structured("random", true, func(k int) float64 {
			return n.series(f[:min(k+1, len(f))], k)
		}, func(c float64) float64 { return n.at(f, c) })
		got := ntk.Must(SharedDepth(K, depth, &SharedDepthSettings{NNGP: !tangent, Degree: 64}))
		if got.Verdict == NotRealizable {
			t.Errorf("%d: rate %.2f, depth %d, NTK %v: %v", i, rate, depth, tangent, got)
		}
	}
}

func TestSharedDepthWitness(t *testing.T) {
	for _, c := range []struct {
		target Target
		degree int
		reason string
	}{
		// (0.9)^½ c + f_3 c³ + …: f_3 > 0 makes f_5 (f_1 + f_1^5) = -3 f_1² f_3².
		{polynomial(0, .9, 0, .1), 5, "c^5"},
		{polynomial(0, .5, .5), 3, "c^3"},
		{polynomial(0, 0, 0, 1), -1, "no power"},
		{polynomial(0.5, -0.1, 0.6), -1, "any depth"},
		{blackBox("0.9c+0.1c³", func(c float64) float64 { return 0.9*c + 0.1*c*c*c }), 5, "c^5"},
	} {
		got := ntk.Must(SharedDepth(c.target, 2, &SharedDepthSettings{NNGP: true}))
		if got.Verdict != NotRealizable || got.Witness.Degree != c.degree ||
			!strings.Contains(got.Reason, c.reason) {
			t.Errorf("%v, witness %+v", got, got.Witness)
		}
	}
	f1 := math.Sqrt(0.9)
	f3 := 0.1 / (f1 + f1*f1*f1)
	want := -3 * f1 * f1 * f3 * f3 / (f1 + math.Pow(f1, 5))
	got := ntk.Must(SharedDepth(polynomial(0, .9, 0, .1), 2, &SharedDepthSettings{NNGP: true}))
	if math.Abs(got.Witness.Value-want) > 1e-14 || got.Proof || got.Verdict != NotRealizable {
		t.Errorf("f_5 = %v, by hand %v", got.Witness.Value, want)
	}
	if got := ntk.Must(SharedDepth(polynomial(0.1, 0.3), 2, nil)); got.Verdict != NotRealizable ||
		!strings.Contains(got.Reason, "at least 1") {
		t.Errorf("NTK below 1: %v", got)
	}
	for _, depth := range []int{1, 11} {
		if _, err := SharedDepth(polynomial(0, 1), depth, nil); err == nil {
			t.Errorf("depth %d accepted", depth)
		}
	}
	for name, s := range map[string]SharedDepthSettings{"degree": {Degree: 500},
		"tolerance": {Tolerance: math.NaN()}, "rule": {SignRule: LeastVariance}} {
		if _, err := SharedDepth(polynomial(0, 1), 2, &s); err == nil {
			t.Errorf("%s accepted", name)
		}
	}
}

// A net's fingerprint tells the scale of a series.
func TestFingerprintOfScale(t *testing.T) {
	a, b := ntk.Must(hermite.NewSeries([]float64{0, 1, 1})), ntk.Must(
		ntk.Must(hermite.NewSeries([]float64{0, 1, 1})).WithScale(2))
	if ntk.Must(ntk.UniformFCN(1, a, 1, 0)).Fingerprint() == ntk.Must(ntk.UniformFCN(1, b, 1,
		0)).Fingerprint() {
		t.Error("another scale, the same fingerprint")
	}
}

func isNaNIn(values ...float64) bool {
	for _, v := range values {
		if math.IsNaN(v) {
			return true
		}
	}
	return false
}

func FuzzInverse(f *testing.F) {
	f.Add(1.0, 0.5, 0.25, 0.0, 1.0, uint8(0))
	f.Add(-1.0, 1e300, 1e-300, 0.3, 2.0, uint8(1))
	f.Add(math.NaN(), math.Inf(1), 0.0, 0.0, 1.0, uint8(2))
	f.Add(1e308, 1e308, 1e308, 1e-5, 1e10, uint8(3))
	f.Add(5e-324, 0.0, 5e-324, 0.0, 1.0, uint8(7))
	f.Add(1.0, 1.0, -1e-12, 1e-9, 1e-3, uint8(4))
	f.Fuzz(func(t *testing.T, x, y, z, bias, norm float64, bits uint8) {
		var target Target = Samples{Cosines: []float64{1, 0.5, -0.25, -1},
			Values: []float64{x, y, z, x - y}, Std: []float64{math.Abs(z) / 10}}
		switch bits & 3 {
		case 1:
			target = blackBox("f", func(c float64) float64 { return x + y*math.Exp(z*c) })
		case 2, 3:
			p, err := ntk.NewPowerSeries([]float64{x, y, z, bias})
			if err != nil {
				return
			}
			target = p
		}
		if cert, err := Certify(target, nil); err == nil {
			if isNaNIn(cert.MeanDistance, cert.MaxDistance, cert.Rest, cert.Least.Value) ||
				isNaNIn(cert.Coeffs...) ||
				isNaNIn(cert.Nearest.Coeffs()...) ||
				negative(cert.Nearest) {
				t.Errorf("%v", cert)
			}
		}
		inv, err := Of(
			target,
			&Settings{
				BiasStd:       bias,
				NormSquared:   norm,
				AcceptNearest: bits&4 != 0,
				MaxDegree:     50,
			},
		)
		if inv == nil {
			if err == nil {
				t.Error("neither a result nor an error")
			}
			return
		}
		if isNaNIn(inv.Rest, inv.Growth.Ratio()) || isNaNIn(inv.Coeffs...) ||
			isNaNIn(inv.Kernel.Coeffs()...) {
			t.Errorf("%+v", inv)
		}
		if bits&8 != 0 {
			if got, err := SharedDepth(target, 2,
				&SharedDepthSettings{Degree: 8, NNGP: bits&16 != 0}); err == nil &&
				(isNaNIn(got.Dual.Coeffs()...) || math.IsNaN(got.MaxDistance)) {
				t.Errorf("%+v", got)
			}
		}
	})
}
