package spectra

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
	"gonum.org/v1/gonum/mat"
)

// drawnCase is a spectrum of 60 modes and a target in three levels, with noise.
func drawnCase() (*Spectrum, Target) {
	return &Spectrum{Levels: []Level{
		{Degree: 0, Eigenvalue: 0.3, Multiplicity: 1},
		{Degree: 1, Eigenvalue: 0.02, Multiplicity: 14},
		{Degree: 2, Eigenvalue: 0.004, Multiplicity: 25}, {Degree: 3, Multiplicity: 5},
		{Degree: 4, Eigenvalue: 1e-3, Multiplicity: 15},
	}}, Target{[]float64{0.2, 0.5, 0.3, 0, 0.1}, 0.1}
}

func TestLearnDrawnFromManyPoints(t *testing.T) {
	s, target := drawnCase()
	for _, ridge := range []float64{0.01, 1, 30} {
		for _, repeats := range []bool{false, true} {
			for _, n := range []int{1, 20, 50, 200} {
				got := ntk.Must(s.LearnDrawn(target, n, 1e9, repeats, ridge))
				want := ntk.Must(s.Learn(target, float64(n), ridge))
				for name, v := range map[string][2]float64{
					"κ":           {got.Kappa, want.Kappa},
					"overfitting": {got.Overfitting, want.Overfitting},
					"test error":  {got.TestMSE, want.TestMSE},
					"train error": {got.TrainMSE, want.TrainMSE},
					"bias":        {got.Bias, want.Bias},
				} {
					if math.Abs(v[0]/v[1]-1) > 1e-5 {
						t.Errorf("ridge %v, n = %d, repeats %v: %s is %v, from infinitely many "+
							"points %v", ridge, n, repeats, name, v[0], v[1])
					}
				}
			}
		}
	}
}

// With every point once there is nothing random but the noise: coefficients shrink by λ/(λ + δ/M).
func TestLearnDrawnOfAllPoints(t *testing.T) {
	s, target := drawnCase()
	const ridge, m = 0.5, 80
	l := ntk.Must(s.LearnDrawn(target, m, m, false, ridge))
	bias, squares, train := 0., 0., 0.
	rest := float64(m)
	for i, level := range s.Levels {
		learned := level.Eigenvalue / (level.Eigenvalue + ridge/m)
		bias += (1 - learned) * (1 - learned) * target.Power[i]
		squares += level.Multiplicity * learned * learned
		train += level.Multiplicity * (1 - learned) * (1 - learned)
		rest -= level.Multiplicity
	}
	for name, v := range map[string][2]float64{
		"κ":           {l.Kappa, ridge / m},
		"overfitting": {l.Overfitting, 1 + squares/m},
		"test error":  {l.TestMSE, bias + target.Noise*(1+squares/m)},
		"train error": {l.TrainMSE, bias + target.Noise*(train+rest)/m},
	} {
		if math.Abs(v[0]/v[1]-1) > 1e-12 {
			t.Errorf("%s is %v, want %v", name, v[0], v[1])
		}
	}
}

// Regression in the columns of random orthogonal matrices.
func TestLearnDrawnAgainstRegression(t *testing.T) {
	s, target := drawnCase()
	const m, trials = 80, 150
	rng := rand.New(rand.NewPCG(8, 8))
	for _, c := range []struct {
		n       int
		repeats bool
		ridge   float64
	}{{40, false, 0.05}, {64, false, 0.5}, {70, false, 0}, {40, true, 0.05}, {160, true, 0.3}} {
		var mean, square, train float64
		for range trials {
			mse, fit := drawOnce(s, target, c.n, m, c.repeats, max(c.ridge, 1e-9), rng)
			mean += mse / trials
			square += mse * mse / trials
			train += fit / trials
		}
		deviation := math.Sqrt((square - mean*mean) / trials)
		l := ntk.Must(s.LearnDrawn(target, c.n, m, c.repeats, c.ridge))
		if math.Abs(l.TestMSE-mean) > 4*deviation+0.02*mean ||
			math.Abs(l.TrainMSE-train) > 0.05*train+1e-9 {
			t.Errorf("%+v: theory %v, measured %v ± %v; training %v, measured %v", c, l.TestMSE,
				mean, deviation, l.TrainMSE, train)
		}
	}
}

func drawOnce(
	s *Spectrum, target Target, n, m int, repeats bool, ridge float64, rng *rand.Rand,
) (mse, train float64) {
	x := mat.NewDense(m, m, nil)
	for i := range m {
		for j := range m {
			x.Set(i, j, rng.NormFloat64())
		}
	}
	var qr mat.QR
	var phi mat.Dense
	qr.Factorize(x)
	qr.QTo(&phi)
	phi.Scale(math.Sqrt(float64(m)), &phi)
	k, f := mat.NewDense(m, m, nil), mat.NewVecDense(m, nil)
	eigenvalues := mat.NewDiagDense(m, nil)
	at := 0
	for i, l := range s.Levels {
		for range int(l.Multiplicity) {
			eigenvalues.SetDiag(at, l.Eigenvalue)
			f.AddScaledVec(f, math.Sqrt(target.Power[i]/l.Multiplicity), phi.ColView(at))
			at++
		}
	}
	k.Product(&phi, eigenvalues, phi.T())
	rows := rng.Perm(m)
	if repeats {
		rows = nil
		for range n {
			rows = append(rows, rng.IntN(m))
		}
	}
	rows = rows[:n]
	g, y := mat.NewDense(n, n, nil), mat.NewVecDense(n, nil)
	cross := mat.NewDense(m, n, nil)
	for a, i := range rows {
		y.SetVec(a, f.AtVec(i)+math.Sqrt(target.Noise)*rng.NormFloat64())
		for b, j := range rows {
			g.Set(a, b, k.At(i, j))
		}
		g.Set(a, a, g.At(a, a)+ridge)
		for j := range m {
			cross.Set(j, a, k.At(j, i))
		}
	}
	var alpha, fit mat.VecDense
	if err := alpha.SolveVec(g, y); err != nil {
		panic(err)
	}
	fit.MulVec(cross, &alpha)
	fit.SubVec(&fit, f)
	alpha.ScaleVec(ridge, &alpha)
	return mat.Dot(&fit, &fit)/float64(m) + target.Noise, mat.Dot(&alpha, &alpha) / float64(n)
}

func TestLearnDrawnReports(t *testing.T) {
	s, target := drawnCase()
	withTail := &Spectrum{Levels: s.Levels, Tail: 0.1}
	none := &Spectrum{Levels: []Level{{Multiplicity: 1}}}
	for _, c := range []struct {
		want      string
		of        *Spectrum
		target    Target
		n, domain int
		repeats   bool
		ridge     float64
	}{
		{"0 points", s, target, 0, 80, true, 1},
		{"81 points", s, target, 81, 80, false, 1},
		{"ridge", s, target, 10, 80, false, -1},
		{"55 modes", s, target, 10, 50, false, 1},
		{"tail", withTail, target, 10, 80, false, 1},
		{"0 modes", none, Target{[]float64{1}, 0}, 10, 80, false, 1},
		{"in 1 levels", s, Target{[]float64{1}, 0}, 10, 80, false, 1},
		{"negative", s, Target{[]float64{-1, 0, 0, 0, 0}, 0}, 1, 80, false, 1},
	} {
		_, err := c.of.LearnDrawn(c.target, c.n, c.domain, c.repeats, c.ridge)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
	l := ntk.Must(s.LearnDrawn(target, 10, 80, false, 1))
	if _, _, err := l.Gradient(); err == nil || !strings.Contains(err.Error(), "LearnDrawn") {
		t.Errorf("gradient: %v", err)
	}
}

// Without a ridge, and with as many points as modes or more, only noise is left.
func TestLearnDrawnWithoutRidge(t *testing.T) {
	s, target := drawnCase()
	target.Power[3] = 0
	for _, c := range []struct {
		n       int
		repeats bool
		want    float64 // of the overfitting
	}{
		// Least squares in 55 of 80 columns of an orthogonal matrix, of n rows: by the projection
		// onto the others, 1 + 55·(1 - 55/80)/(n - 55).
		{60, false, 1 + 55*(1-55./80)/5}, {80, false, 1 + 55./80}, {55, false, math.Inf(1)},
	} {
		l := ntk.Must(s.LearnDrawn(target, c.n, 80, c.repeats, 0))
		if l.Kappa != 0 || !(math.Abs(l.Overfitting/c.want-1) < 1e-10 ||
			l.Overfitting > 1e12 && math.IsInf(c.want, 1)) || l.Bias != target.Noise {
			t.Errorf("%+v: κ %v, overfitting %v", c, l.Kappa, l.Overfitting)
		}
	}
}
