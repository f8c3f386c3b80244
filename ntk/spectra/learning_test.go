package spectra_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/spectra"
)

// eigenCase is a case of testdata/eigenlearning.json: eigenvalues and powers are lists, or the
// names of power laws.
type eigenCase struct {
	Spectrum, Target string
	Eigenvalues      json.RawMessage
	Multiplicities   json.RawMessage
	Power            json.RawMessage `json:"v2_per_level"`
	Modes            json.RawMessage `json:"learnability_modes"`
	Ridge            float64
	Noise            float64 `json:"noise_var"`
	Rows             []struct {
		N, Kappa          float64
		Learnability      []float64
		Overfit           float64 `json:"overfit_coefficient_E0"`
		TestMSE           float64 `json:"test_mse"`
		TrainMSE          float64 `json:"train_mse"`
		TotalLearnability float64 `json:"sum_learnability"`
	}
}

// numbers is a list in JSON, or nil for a name.
func numbers(raw json.RawMessage) []float64 {
	var out []float64
	if json.Unmarshal(raw, &out) != nil {
		return nil
	}
	return out
}

func (c eigenCase) setting(t *testing.T) (*spectra.Spectrum, spectra.Target) {
	lambda, m, power := numbers(c.Eigenvalues), numbers(c.Multiplicities), numbers(c.Power)
	if lambda == nil {
		if c.Spectrum != "powerlaw i^-1.5, i=1..400" {
			t.Fatalf("spectrum %q", c.Spectrum)
		}
		lambda, m, power = make([]float64, 400), make([]float64, 400), make([]float64, 400)
		var sum float64
		for i := range lambda {
			lambda[i], m[i] = math.Pow(float64(i+1), -1.5), 1
			sum += math.Pow(float64(i+1), -2)
		}
		switch c.Target {
		case "mode1":
			power[0] = 1
		case "mode10":
			power[9] = 1
		default:
			for i := range power {
				power[i] = math.Pow(float64(i+1), -2) / sum
			}
		}
	}
	s := new(spectra.Spectrum)
	for i := range lambda {
		s.Levels = append(s.Levels, spectra.Level{Degree: i, Eigenvalue: lambda[i],
			Multiplicity: m[i]})
	}
	return s, spectra.Target{Power: power, Noise: c.Noise}
}

func load(t *testing.T, file string, into any) {
	t.Helper()
	b, err := os.ReadFile("testdata/" + file)
	if err == nil {
		err = json.Unmarshal(b, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// References by mpmath at 80 digits, of which the file has those of a float.
func TestLearnGolden(t *testing.T) {
	var file struct{ Eigenlearning []eigenCase }
	load(t, "eigenlearning.json", &file)
	var worst float64
	rows := 0
	for _, c := range file.Eigenlearning {
		s, target := c.setting(t)
		modes := numbers(c.Modes)
		for _, want := range c.Rows {
			rows++
			got := ntk.Must(s.Learn(target, want.N, c.Ridge))
			check := func(what string, got, want float64) {
				off := math.Abs(got-want) / math.Max(math.Abs(want), 1e-300)
				worst = max(worst, off)
				if off > 1e-12 {
					t.Errorf("%s, %s, ridge %v, noise %v: %s = %v, want %v", c.Spectrum, c.Target,
						c.Ridge, c.Noise, what, got, want)
				}
			}
			check("κ", got.Kappa, want.Kappa)
			check("E_0", got.Overfitting, want.Overfit)
			check("test", got.TestMSE, want.TestMSE)
			check("train", got.TrainMSE, want.TrainMSE)
			check("Σ L", got.TotalLearnability, want.TotalLearnability)
			for i, l := range want.Learnability {
				at := i
				if modes != nil {
					at = int(modes[i]) - 1
				}
				check("L", got.Learnability[at], l)
			}
		}
	}
	t.Logf("%d cases, %d rows, largest relative error %.1e", len(file.Eigenlearning), rows, worst)
	if rows < 300 {
		t.Errorf("%d rows", rows)
	}
}

// levels has eigenvalues, each with its multiplicity after it.
func levels(pairs ...float64) []spectra.Level {
	var out []spectra.Level
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, spectra.Level{Degree: i / 2, Eigenvalue: pairs[i],
			Multiplicity: pairs[i+1]})
	}
	return out
}

// powerLaw has the eigenvalues i^-a, i = 1 … modes, and a target of powers i^-b.
func powerLaw(modes int, a, b, noise float64) (*spectra.Spectrum, spectra.Target) {
	s, target := new(spectra.Spectrum), spectra.Target{Noise: noise}
	for i := range modes {
		s.Levels = append(s.Levels, spectra.Level{Degree: i, Multiplicity: 1,
			Eigenvalue: math.Pow(float64(i+1), -a)})
		target.Power = append(target.Power, math.Pow(float64(i+1), -b))
	}
	return s, target
}

// With one level κ is the root of nκ² + (nλ - mλ - δ)κ - δλ, here with 400 bits.
func TestLearnOneLevel(t *testing.T) {
	number := func(v float64) *big.Float { return new(big.Float).SetPrec(400).SetFloat64(v) }
	times := func(a, b *big.Float) *big.Float { return new(big.Float).Mul(a, b) }
	for _, lambda := range []float64{1, 0.3, 1e-300, 1e300} {
		for _, m := range []float64{1, 57, 1e6} {
			for _, n := range []float64{1e-3, 0.5, 1, 56, 57, 57.000001, 1e3, 1e9} {
				for _, ridge := range []float64{1e-20, 1e-3, 1, 1e10} {
					ridge *= lambda
					if math.IsInf(ridge, 1) || ridge < 1e-300 {
						continue
					}
					s := &spectra.Spectrum{Levels: []spectra.Level{{Degree: 0, Eigenvalue: lambda,
						Multiplicity: m}}}
					got := ntk.Must(s.Learn(spectra.Target{Power: []float64{1}}, n, ridge)).Kappa
					b := times(number(n), number(lambda))
					b.Sub(b, times(number(m), number(lambda))).Sub(b, number(ridge))
					root := times(times(number(4), number(n)), times(number(ridge), number(lambda)))
					root.Add(root, times(b, b)).Sqrt(root).Sub(root, b)
					want, _ := root.Quo(root, times(number(2), number(n))).Float64()
					if math.Abs(got-want) > 1e-14*want {
						t.Errorf("λ = %v, m = %v, n = %v, ridge %v: κ = %v, want %v", lambda, m, n,
							ridge, got, want)
					}
				}
			}
		}
	}
}

// Five thousand modes, with mpmath at 40 digits; as many points as modes, and one less.
func TestLearnManyModes(t *testing.T) {
	s, target := powerLaw(5000, 1.3, 1.2, 0.1)
	for _, c := range []struct{ n, ridge, tail, kappa, test, train float64 }{
		{500, 0.001, 0.02, 0.00100739501685708896, 1.07942129683754397, 4.25452791181603261e-6},
		{4999, 0, 0, 7.14701313556480686e-9, 500.047010837897916, 0},
		{5000, 1e-20, 0, 8.45275872889121034e-15, 211318968.25901272, 1.18304571589848217e-11},
	} {
		s.Tail = c.tail
		l := ntk.Must(s.Learn(target, c.n, c.ridge))
		for what, pair := range map[string][2]float64{"κ": {l.Kappa, c.kappa},
			"test": {l.TestMSE, c.test}, "train": {l.TrainMSE, c.train}} {
			if math.Abs(pair[0]-pair[1]) > 1e-13*pair[1] {
				t.Errorf("n = %v: %s %v, want %v", c.n, what, pair[0], pair[1])
			}
		}
	}
}

func TestLearnFarApart(t *testing.T) {
	s := &spectra.Spectrum{Levels: levels(1e300, 1, 0, 5, 1e-300, 1, 1, 1e6)}
	target := spectra.Target{Power: []float64{1, 1, 1, 1}}
	for _, c := range []struct{ n, kappa, test float64 }{
		// Half of the first mode, half of the middle ones, half of the last.
		{0.5, 1e300, (0.25 + 3) * 2},
		{1 + 5e5, 1, (1 + 1 + 0.25) * (1 + 5e5) / 2.5e5},
		{1e6 + 1.5, 1e-300, (1 + 0.25) * (1e6 + 1.5) / 0.25},
		{1e6 + 3, 0, 1e6 + 3}, // all modes and one point to spare; the level at zero stays
	} {
		l := ntk.Must(s.Learn(target, c.n, 0))
		if math.Abs(l.Kappa-c.kappa) > 1e-13*c.kappa ||
			math.Abs(l.TestMSE-c.test) > 1e-13*c.test {
			t.Errorf("n = %v: κ = %v, error %v, want %v, %v", c.n, l.Kappa, l.TestMSE, c.kappa,
				c.test)
		}
	}
}

// Without ridge and with n modes or fewer it is least squares on all of them: the error is
// σ² n/(n-M), on the training points σ² (n-M)/n, and nothing is lost of the target.
func TestLearnAllModes(t *testing.T) {
	s, target := powerLaw(20, 2, 1, 0.3)
	for _, n := range []float64{21, 40, 1e6} {
		exact := ntk.Must(s.Learn(target, n, 0))
		close := ntk.Must(s.Learn(target, n, 1e-13))
		for _, l := range []*spectra.Learning{exact, close} {
			if math.Abs(l.TestMSE-0.3*n/(n-20)) > 1e-8 ||
				math.Abs(l.TrainMSE-0.3*(n-20)/n) > 1e-9 || math.Abs(l.Bias-0.3) > 1e-9 {
				t.Errorf("n = %v: %+v", n, l)
			}
		}
		if exact.Kappa != 0 || exact.TotalLearnability != 20 {
			t.Errorf("n = %v: κ = %v, Σ L = %v", n, exact.Kappa, exact.TotalLearnability)
		}
	}
	if l := ntk.Must(s.Learn(target, 20, 0)); !math.IsInf(l.TestMSE, 1) || l.TrainMSE != 0 {
		t.Errorf("as many points as modes: %+v", l)
	}
	target.Noise = 0
	for _, n := range []float64{20, 30} {
		if l := ntk.Must(s.Learn(target, n, 0)); l.TestMSE != 0 || l.TrainMSE != 0 {
			t.Errorf("no noise, n = %v: %+v", n, l)
		}
	}
	// A target of zeros leaves the noise, times E_0.
	l := ntk.Must(s.Learn(spectra.Target{Power: make([]float64, 20), Noise: 2}, 10, 0.1))
	if math.Abs(l.TestMSE-2*l.Overfitting) > 1e-14 || l.Overfitting <= 1 {
		t.Errorf("no target: %+v", l)
	}
}

// A tail of many small modes is a ridge for all but the training error.
func TestTail(t *testing.T) {
	s, target := powerLaw(30, 1.5, 1, 0.1)
	asRidge := ntk.Must(s.Learn(target, 12, 0.05))
	s.Tail = 0.04
	asTail := ntk.Must(s.Learn(target, 12, 0.01))
	if math.Abs(asTail.TestMSE/asRidge.TestMSE-1) > 1e-14 ||
		math.Abs(asTail.TrainMSE/asRidge.TrainMSE*25-1) > 1e-13 {
		t.Errorf("tail: %+v, ridge: %+v", asTail, asRidge)
	}
	for _, features := range []float64{5, 12, 40} {
		s.Tail = 0.04
		short := ntk.Must(s.LearnFeatures(target, 12, features, 0.01))
		long := &spectra.Spectrum{Levels: append(slices.Clone(s.Levels),
			spectra.Level{Degree: 30, Eigenvalue: 0.04e-9, Multiplicity: 1e9})}
		all := spectra.Target{Power: append(slices.Clone(target.Power), 0), Noise: target.Noise}
		l := ntk.Must(long.LearnFeatures(all, 12, features, 0.01))
		if math.Abs(l.TestMSE/short.TestMSE-1) > 1e-8 ||
			math.Abs(l.TrainMSE/short.TrainMSE-1) > 1e-8 {
			t.Errorf("%v features: tail %+v, modes %+v", features, short, l)
		}
	}
}

func TestGradient(t *testing.T) {
	s, target := powerLaw(12, 1.5, 1, 0.2)
	s.Levels[4].Multiplicity = 7
	s.Levels[11].Eigenvalue = 0
	s.Tail = 0.03
	inf := math.Inf(1)
	for _, c := range []struct{ n, k, ridge float64 }{{5, inf, 0.1}, {30, inf, 0.01}, {5, inf, 0},
		{5, 9, 0.1}, {9, 5, 0.1}, {9, 9, 0.1}, {5, 9, 0}, {9, 5, 0}, {200, 300, 1e-3}} {
		l := ntk.Must(s.LearnFeatures(target, c.n, c.k, c.ridge))
		slopes, byTail, err := l.Gradient()
		if err != nil {
			t.Fatal(err)
		}
		check := func(what string, got float64, at *float64) {
			start := *at
			h := 1e-3 * max(start, 1e-3)
			points := make([]float64, 5)
			for i := range points {
				*at = start + float64(i)*h
				if start > h {
					*at -= 2 * h
				}
				points[i] = ntk.Must(s.LearnFeatures(target, c.n, c.k, c.ridge)).TestMSE
			}
			*at = start
			want := (points[0] - 8*points[1] + 8*points[3] - points[4]) / (12 * h)
			if start <= h {
				want = (-25*points[0] + 48*points[1] - 36*points[2] + 16*points[3] -
					3*points[4]) / (12 * h)
			}
			if math.Abs(got-want) > 1e-7*(math.Abs(want)+math.Abs(l.TestMSE)) {
				t.Errorf("%+v: ∂/∂%s = %v, by differences %v", c, what, got, want)
			}
		}
		for i := range s.Levels {
			check(fmt.Sprint("λ_", i), slopes[i], &s.Levels[i].Eigenvalue)
		}
		check("tail", byTail, &s.Tail)
	}
	// No unit is better than another.
	large, small := *s, *s
	large.Levels, small.Levels = slices.Clone(s.Levels), slices.Clone(s.Levels)
	for i := range s.Levels {
		large.Levels[i].Eigenvalue *= 0x1p900
		small.Levels[i].Eigenvalue *= 0x1p-900
	}
	large.Tail *= 0x1p900
	small.Tail *= 0x1p-900
	a, _, _ := ntk.Must(large.LearnFeatures(target, 5, 9, 0x1p900)).Gradient()
	b, _, _ := ntk.Must(small.LearnFeatures(target, 5, 9, 0x1p-900)).Gradient()
	for i := range a {
		if a[i]*0x1p900 != b[i]*0x1p-900 {
			t.Errorf("level %d: %v and %v", i, a[i]*0x1p900, b[i]*0x1p-900)
		}
	}
	s.Tail = 0
	if _, _, err := ntk.Must(s.Learn(target, 100, 0)).Gradient(); err == nil {
		t.Error("a gradient where κ = 0")
	}
}

// A target drawn from the kernel's own Gaussian process, v² = cmλ, is best learned with the ridge
// σ²/c, and then the variance that the process has left is the error, E_0 = 1 + κ/… included.
func TestBestRidge(t *testing.T) {
	for _, modes := range []int{10, 400} {
		for _, n := range []float64{3, 10, 50, 1e4} {
			for _, noise := range []float64{1e-8, 0.1, 100} {
				s, target := powerLaw(modes, 1.5, 1, noise)
				for i, l := range s.Levels {
					target.Power[i] = 3 * l.Eigenvalue
				}
				ridge, best, err := s.BestRidge(target, n, math.Inf(1))
				// A ridge of 1e-9 changes the error in the 18th digit.
				if err != nil || noise > 1e-6 && math.Abs(ridge-noise/3) > 1e-9*noise {
					t.Errorf("%d modes, n = %v, σ² = %v: ridge %v, want %v; %v", modes, n, noise,
						ridge, noise/3, err)
				}
				if best.TestMSE > ntk.Must(s.Learn(target, n, noise/3)).TestMSE*(1+1e-15) {
					t.Errorf("%d modes, n = %v: not the least: %v", modes, n, best.TestMSE)
				}
			}
		}
	}
	s, target := powerLaw(50, 1.5, 2, 0)
	if ridge, l := least(t, s, target, 20); ridge != 0 || l.TestMSE <= 0 {
		t.Errorf("no noise: ridge %v", ridge)
	}
	nothing := spectra.Target{Power: make([]float64, 50), Noise: 2}
	if ridge, l := least(t, s, nothing, 20); !math.IsInf(ridge, 1) || l.TestMSE != 2 ||
		l.TrainMSE != 2 {
		t.Errorf("nothing to learn: ridge %v, %+v", ridge, l)
	}
	// Two scales, two minima: learn both with a small ridge, or the first only with a large one.
	two := &spectra.Spectrum{Levels: levels(1, 10, 1e-6, 1000)}
	most := 0
	for _, power := range []float64{0.01, 0.02, 0.05, 0.5, 5, 50} {
		target := spectra.Target{Power: []float64{1, power}, Noise: 0.01}
		_, best := least(t, two, target, 900)
		minima, before, falls := 0, math.Inf(1), false
		for x := -12.; x < 6; x += 0.01 {
			l := ntk.Must(two.Learn(target, 900, math.Pow(10, x)))
			if l.TestMSE < best.TestMSE {
				t.Fatalf("power %v: %v with the ridge %v, best %v", power, l.TestMSE,
					math.Pow(10, x), best.TestMSE)
			}
			if falls && l.TestMSE > before {
				minima++
			}
			before, falls = l.TestMSE, l.TestMSE < before
		}
		most = max(most, minima)
	}
	if most < 2 {
		t.Errorf("%d minima in one curve at most; this tests nothing", most)
	}
}

func least(t *testing.T, s *spectra.Spectrum, target spectra.Target, n float64) (float64,
	*spectra.Learning,
) {
	t.Helper()
	ridge, l, err := s.BestRidge(target, n, math.Inf(1))
	if err != nil {
		t.Fatal(err)
	}
	return ridge, l
}

func TestLearnBadInput(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	ok := levels(1, 1, 0.1, 3)
	one := spectra.Target{Power: []float64{1, 1}}
	for _, c := range []struct {
		levels   []spectra.Level
		tail     float64
		target   spectra.Target
		n, ridge float64
		says     string
	}{
		{ok, 0, one, 0, 0, "n is 0"},
		{ok, 0, one, -3, 0, "n is -3"},
		{ok, 0, one, nan, 0, "n is NaN"},
		{ok, 0, one, inf, 0, "n is +Inf"},
		{ok, 0, one, 3, -1e-9, "ridge"},
		{ok, 0, one, 3, nan, "ridge"},
		{ok, 0, one, 3, inf, "ridge"},
		{ok, -0.1, one, 3, 0, "tail"},
		{ok, nan, one, 3, 0, "tail"},
		{ok, 0, spectra.Target{Power: []float64{1}}, 3, 0, "power in 1 levels"},
		{ok, 0, spectra.Target{Power: []float64{1, nan}}, 3, 0, "level 1"},
		{ok, 0, spectra.Target{Power: []float64{1, 1}, Noise: -1}, 3, 0, "noise"},
		{ok, 0, spectra.Target{Power: []float64{1, -30}}, 3, 0, "negative"},
		{levels(1, 1, -1e-11, 3), 0, one, 3, 0, "degree 1"},
		{levels(1, 1, nan, 3), 0, one, 3, 0, "degree 1"},
		{levels(1, 1, 1, 0), 0, one, 3, 0, "multiplicity 0"},
	} {
		s := &spectra.Spectrum{Levels: c.levels, Tail: c.tail}
		for what, err := range map[string]error{
			"Learn": second(s.Learn(c.target, c.n, c.ridge)),
			"curve": second(s.LearningCurve(c.target, []float64{c.n}, c.ridge)),
			"k":     second(s.LearnFeatures(c.target, c.n, 10, c.ridge)),
			"best":  third(s.BestRidge(c.target, c.n, 10)),
		} {
			if what == "best" && c.says == "ridge" {
				continue // it takes none
			}
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s: error %v, want one with %q", what, err, c.says)
			}
		}
	}
	s := &spectra.Spectrum{Levels: ok}
	for _, k := range []float64{0, -1, nan} {
		if _, err := s.LearnFeatures(one, 3, k, 0); err == nil {
			t.Errorf("%v features", k)
		}
	}
	for _, factor := range []float64{1, 0.5, nan, inf} {
		if _, err := s.LeastFeatures(one, 3, 0, factor); err == nil {
			t.Errorf("factor %v", factor)
		}
	}
	// Rounding is not an error.
	almost := &spectra.Spectrum{Levels: levels(1, 1, -1e-14, 3), Tail: -1e-15}
	if l, err := almost.Learn(one, 3, 0.1); err != nil || l.Learnability[1] != 0 {
		t.Errorf("%+v, %v", l, err)
	}
}

func third[S, T any](_ S, _ T, err error) error { return err }

func second[T any](_ T, err error) error { return err }
