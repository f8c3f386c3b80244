package spectra_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/spectra"
	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"
)

// trial learns from n points with eigenfunctions that are independent Gaussian numbers, from k
// random combinations of them or, for k = 0, from the kernel. It returns the coefficients of the
// prediction, of which the test error is exactly a sum, and the training error.
func trial(t *testing.T, s *spectra.Spectrum, v []float64, noise, ridge float64, n, k int,
	random *rand.Rand,
) (found []float64, train float64) {
	modes := len(v)
	gaussian := func(rows, cols int) *mat.Dense {
		m := mat.NewDense(rows, cols, nil)
		for i := range rows {
			for j := range cols {
				m.Set(i, j, random.NormFloat64())
			}
		}
		return m
	}
	phi := gaussian(n, modes)
	y := mat.NewVecDense(n, nil)
	y.MulVec(phi, mat.NewVecDense(modes, v))
	for i := range n {
		y.SetVec(i, y.AtVec(i)+math.Sqrt(noise)*random.NormFloat64())
	}
	// The columns of map times the eigenfunctions are the features, over √k.
	var features *mat.Dense
	if k > 0 {
		features = gaussian(modes, k)
		features.Scale(1/math.Sqrt(float64(k)), features)
		for i, l := range s.Levels {
			for j := range k {
				features.Set(i, j, features.At(i, j)*math.Sqrt(l.Eigenvalue))
			}
		}
	} else {
		features = mat.NewDense(modes, modes, nil)
		for i, l := range s.Levels {
			features.Set(i, i, math.Sqrt(l.Eigenvalue))
		}
	}
	var z, gram mat.Dense
	z.Mul(phi, features)
	gram.Mul(&z, z.T())
	for i := range n {
		gram.Set(i, i, gram.At(i, i)+ridge)
	}
	var alpha, weights, coefficients mat.VecDense
	if err := alpha.SolveVec(&gram, y); err != nil {
		t.Fatal(err)
	}
	weights.MulVec(z.T(), &alpha)
	coefficients.MulVec(features, &weights)
	// What is left on the training points is ridge times α.
	norm := ridge * mat.Norm(&alpha, 2)
	return coefficients.RawVector().Data, norm * norm / float64(n)
}

// Theory and simulation of Gaussian eigenfunctions, for which the theory is true for large n.
func TestLearnSimulated(t *testing.T) {
	const trials = 150
	for _, c := range []struct {
		n, k         int
		ridge, noise float64
	}{{60, 0, 0.05, 0.1}, {60, 80, 0.05, 0.1}, {80, 50, 0.05, 0.1}, {60, 60, 0.02, 0},
		{60, 150, 1e-9, 0.1}, {120, 60, 1e-7, 0.1}} {
		s, target := powerLaw(200, 1.2, 1.5, c.noise)
		v := make([]float64, len(target.Power))
		for i, p := range target.Power {
			v[i] = math.Sqrt(p)
		}
		want := ntk.Must(s.Learn(target, float64(c.n), c.ridge))
		if c.k > 0 {
			want = ntk.Must(s.LearnFeatures(target, float64(c.n), float64(c.k), c.ridge))
		}
		random := rand.New(rand.NewPCG(7, uint64(c.n*1000+c.k)))
		test, train := make([]float64, trials), make([]float64, trials)
		learned := make([][]float64, 3)
		sum := make([]float64, len(v))
		for r := range trials {
			found, left := trial(t, s, v, c.noise, c.ridge, c.n, c.k, random)
			train[r], test[r] = left, c.noise
			for i := range v {
				test[r] += (found[i] - v[i]) * (found[i] - v[i])
				sum[i] += found[i] / trials
			}
			for i, mode := range []int{0, 5, 30} {
				learned[i] = append(learned[i], found[mode]/v[mode])
			}
		}
		compare := func(what string, got []float64, want float64) {
			mean, std := stat.MeanStdDev(got, nil)
			err := std / math.Sqrt(trials)
			t.Logf("n = %d, k = %d: %s %.5g ± %.2g, theory %.5g (%+.1f σ)", c.n, c.k, what, mean,
				err, want, (mean-want)/err)
			if math.Abs(mean-want) > 4*err {
				t.Errorf("n = %d, k = %d, ridge %v: %s %v ± %v, theory %v", c.n, c.k, c.ridge, what,
					mean, err, want)
			}
		}
		compare("test error", test, want.TestMSE)
		compare("training error", train, want.TrainMSE)
		for i, mode := range []int{0, 5, 30} {
			compare("learnability", learned[i], want.Learnability[mode])
		}
		bias := c.noise
		for i := range v {
			bias += (sum[i] - v[i]) * (sum[i] - v[i])
		}
		// The mean of the predictions has 1/trials of the variance left.
		if off := math.Abs(bias - want.Variance/trials - want.Bias); off > 0.03*want.Bias {
			t.Errorf("n = %d, k = %d: bias %v, theory %v", c.n, c.k, bias, want.Bias)
		}
	}
}

func TestLearnFeaturesLimits(t *testing.T) {
	s, target := powerLaw(100, 1.5, 1, 0.1)
	s.Tail = 0.01
	for _, ridge := range []float64{0, 1e-6, 0.3} {
		for _, n := range []float64{1, 17, 90, 300} {
			kernel := ntk.Must(s.Learn(target, n, ridge))
			for _, k := range []float64{1e14, 1e300, math.Inf(1)} {
				l := ntk.Must(s.LearnFeatures(target, n, k, ridge))
				if math.Abs(l.TestMSE/kernel.TestMSE-1) > 1e-10 ||
					math.Abs(l.TrainMSE-kernel.TrainMSE) > 1e-10*kernel.TrainMSE {
					t.Errorf("n = %v, k = %v, ridge %v: %+v, kernel %+v", n, k, ridge, l, kernel)
				}
			}
		}
	}
	// The equations as published, with the solution put in.
	for _, c := range []struct{ n, k, ridge float64 }{{10, 30, 0.1}, {30, 10, 0.1}, {30, 30, 1e-9},
		{30, 10, 0}, {10, 30, 0}, {500, 1000, 1e-3}} {
		l := ntk.Must(s.LearnFeatures(target, c.n, c.k, c.ridge))
		var z, q, sum float64
		z = s.Tail / l.Gamma
		for _, level := range s.Levels {
			lambda := level.Eigenvalue
			z += lambda / (lambda + l.Gamma)
			q += math.Pow(lambda/(lambda+l.Gamma), 2)
		}
		for i, level := range s.Levels {
			lambda := level.Eigenvalue
			square := math.Pow(lambda+l.Gamma, 2)
			sum += (l.Gamma/(lambda+l.Gamma) - l.Kappa*lambda/square*c.k/(c.k-q)) * target.Power[i]
		}
		want := (sum + target.Noise) / (1 - (q*(c.k-2*z)+z*z)/(c.n*(c.k-q)))
		left := c.n - z
		if c.ridge > 0 {
			left -= c.ridge / l.Kappa
		}
		if c.n > c.k && c.ridge == 0 {
			left = c.k - z
			if l.Kappa != 0 {
				t.Errorf("%+v: κ = %v", c, l.Kappa)
			}
		}
		if math.Abs(left) > 1e-11*c.n || math.Abs(c.k-z-c.k*l.Kappa/l.Gamma) > 1e-11*c.k ||
			math.Abs(l.TestMSE-want) > 1e-7*want ||
			math.Abs(l.Bias+l.Variance-l.TestMSE) > 1e-14*want {
			t.Errorf("%+v: n is off by %v, k by %v, error %v, want %v", c, left,
				c.k-z-c.k*l.Kappa/l.Gamma, l.TestMSE, want)
		}
	}
	if l := ntk.Must(s.LearnFeatures(target, 30, 30, 0)); !math.IsInf(l.TestMSE, 1) {
		t.Errorf("at the peak the error is %v", l.TestMSE)
	}
	if l := ntk.Must(s.LearnFeatures(target, 30, 30*(1+1e-12), 0)); !(l.TestMSE > 1e10) {
		t.Errorf("beside the peak the error is %v", l.TestMSE)
	}
	// All modes, and points and features for all of them: ordinary least squares.
	s.Tail = 0
	if l := ntk.Must(s.LearnFeatures(target, 150, 120, 0)); math.Abs(l.TestMSE-0.3) > 1e-13 {
		t.Errorf("least squares: %v", l.TestMSE)
	}
}

func TestLeastFeatures(t *testing.T) {
	s, target := powerLaw(300, 1.4, 1.2, 0.05)
	for _, c := range []struct{ n, ridge, factor float64 }{{40, 0, 1.1}, {40, 0, 3}, {40, 0, 1000},
		{40, 0.1, 1.1}, {40, 0.1, 1.001}, {7, 1, 1.5}, {40, 0, 1e6}} {
		k, err := s.LeastFeatures(target, c.n, c.ridge, c.factor)
		if err != nil {
			t.Fatal(err)
		}
		limit := c.factor * ntk.Must(s.Learn(target, c.n, c.ridge)).TestMSE
		for _, more := range []float64{1, 1.001, 1.01, 1.1, 2, 10, 1e3} {
			at := math.Ceil(float64(k) * more)
			if l := ntk.Must(s.LearnFeatures(target, c.n, at, c.ridge)); l.TestMSE > limit {
				t.Errorf("%+v: %d features, but %v are not enough", c, k, at)
			}
		}
		if k > 1 {
			l := ntk.Must(s.LearnFeatures(target, c.n, float64(k-1), c.ridge))
			if l.TestMSE <= limit {
				t.Errorf("%+v: %d features, but one less is enough", c, k)
			}
		}
	}
	target.Power, target.Noise = make([]float64, 300), 0
	if _, err := s.LeastFeatures(target, 10, 0, 2); err == nil {
		t.Error("a factor of zero")
	}
	_, target = powerLaw(300, 1.4, 1.2, 0.05)
	if _, err := s.LeastFeatures(target, 10, 0, 1+1e-14); err == nil {
		t.Error("more features than 1e12")
	}
}

// References by testdata/features.py, with mpmath, of which the file has the digits of a float.
func TestLearnFeaturesGolden(t *testing.T) {
	var rows []struct {
		N, K, Ridge, Kappa, Gamma float64
		TestMSE                   float64 `json:"test_mse"`
		Bias                      float64
	}
	load(t, "features.json", &rows)
	s, target := powerLaw(60, 1.4, 1.2, 0.1)
	var worst float64
	for _, want := range rows {
		l := ntk.Must(s.LearnFeatures(target, want.N, want.K, want.Ridge))
		for what, pair := range map[string][2]float64{"κ": {l.Kappa, want.Kappa},
			"γ": {l.Gamma, want.Gamma}, "error": {l.TestMSE, want.TestMSE},
			"bias": {l.Bias, want.Bias}} {
			off := math.Abs(pair[0] - pair[1])
			if pair[1] != 0 {
				off /= pair[1]
			}
			worst = max(worst, off)
			if off > 1e-13 {
				t.Errorf("n = %v, k = %v, ridge %v: %s %v, want %v", want.N, want.K, want.Ridge,
					what, pair[0], pair[1])
			}
		}
	}
	t.Logf("%d rows, largest relative error %.1e", len(rows), worst)
}

// At the best ridge more points and more features are never worse, which is what the paper proves,
// and no other ridge is better.
func TestBestRidgeOfFeatures(t *testing.T) {
	s, target := powerLaw(150, 1.4, 1.2, 0.2)
	inf := math.Inf(1)
	for _, n := range []float64{3, 20, 100, 149, 400} {
		before := inf
		for _, k := range []float64{2, 20, 100, 150, 500, 1e5, inf} {
			ridge, best, err := s.BestRidge(target, n, k)
			if err != nil {
				t.Fatal(err)
			}
			if best.TestMSE > before*(1+1e-12) {
				t.Errorf("n = %v, k = %v: %v, with fewer features %v", n, k, best.TestMSE,
					before)
			}
			before = best.TestMSE
			_, more, err := s.BestRidge(target, 2*n, k)
			if err != nil || more.TestMSE > best.TestMSE*(1+1e-12) {
				t.Errorf("n = %v, k = %v: %v, with more points %v; %v", n, k, best.TestMSE,
					more.TestMSE, err)
			}
			for x := -10.; x < 6; x += 0.1 {
				l := ntk.Must(s.LearnFeatures(target, n, k, math.Pow(10, x)))
				if l.TestMSE < best.TestMSE*(1-1e-14) {
					t.Errorf("n = %v, k = %v: %v with the ridge %v, best %v with %v", n, k,
						l.TestMSE, math.Pow(10, x), best.TestMSE, ridge)
				}
			}
		}
	}
}

// Spectra of any size: the equations hold, and nothing is out of its range.
func TestLearnAnySpectrum(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	size := func(span float64) float64 { return math.Pow(10, span*(2*random.Float64()-1)) }
	for range 5000 {
		s, target := new(spectra.Spectrum), spectra.Target{Noise: float64(random.IntN(2))}
		span := []float64{1, 10, 100, 290}[random.IntN(4)]
		var modes float64
		for i := range 1 + random.IntN(8) {
			l := spectra.Level{Degree: i, Eigenvalue: size(span),
				Multiplicity: math.Ceil(size(5))}
			if modes += l.Multiplicity; random.IntN(8) == 0 {
				l.Eigenvalue = 0
			}
			s.Levels = append(s.Levels, l)
			target.Power = append(target.Power, float64(random.IntN(2)))
		}
		numbers := []float64{modes, math.Ceil(size(3)), size(6)}
		n, k := numbers[random.IntN(3)], append(numbers, math.Inf(1))[random.IntN(4)]
		ridge := float64(random.IntN(2)) * size(span)
		s.Tail = float64(random.IntN(2)) * size(span)
		l, err := s.LearnFeatures(target, n, k, ridge)
		if err != nil {
			t.Fatal(err)
		}
		shared, all := l.TotalLearnability, n
		if s.Tail > 0 {
			shared += s.Tail / l.Gamma
		}
		if ridge > 0 {
			shared += ridge / l.Kappa
		} else {
			all = min(n, k)
		}
		if l.Gamma > 1e-300 && math.Abs(shared-all) > 1e-12*all {
			t.Errorf("n = %v, k = %v, ridge %v, %+v: %v shared", n, k, ridge, *s, shared)
		}
		if !(l.Bias >= 0 && l.Variance >= 0 && l.Overfitting > 1-1e-12 && l.TrainMSE >= 0 &&
			l.TrainMSE <= l.TestMSE*(1+1e-12) && l.Kappa <= l.Gamma*(1+1e-12)) {
			t.Errorf("n = %v, k = %v, ridge %v, %+v: %+v", n, k, ridge, *s, *l)
		}
	}
}
