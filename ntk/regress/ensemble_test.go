package regress_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/regress"
	"gonum.org/v1/gonum/mat"
)

// An ensemble of nets, all parameters trained: the mean and the band of two standard deviations.
func ExampleNewEnsemble() {
	ctx := context.Background()
	net := ntk.Must(ntk.UniformFCN(4, ntk.ReLU{}, math.Sqrt2, 0.1))
	x := mat.NewDense(3, 2, []float64{1, 1, 1, -1, -1, 1})
	z := mat.NewDense(1, 2, []float64{-1, -1})
	y := mat.NewDense(3, 1, []float64{1, -1, -1})
	theta := ntk.Must(regress.NewGrams(ctx, ntk.Must(net.NTK()), x, z))
	nngp := ntk.Must(regress.NewGrams(ctx, ntk.Must(net.NNGP()), x, z))
	e := ntk.Must(regress.NewEnsemble(ctx, theta, nngp, y,
		&regress.EnsembleSettings{LearningRate: 0.1, Flow: true}))
	for _, t := range []float64{0, 10, 100, math.Inf(1)} {
		_, mean, err := e.Mean(t)
		if err != nil {
			panic(err)
		}
		c := ntk.Must(e.TestCovariance(t))
		fmt.Printf("t = %4v: %.3f ± %.3f\n", t, mean.At(0, 0), 2*math.Sqrt(c.At(0, 0)))
	}
	// Output:
	// t =    0: 0.000 ± 2.020
	// t =   10: -0.330 ± 1.444
	// t =  100: -0.351 ± 1.440
	// t = +Inf: -0.351 ± 1.440
}

// The conventions of neural-tangents, with the readout alone trained: the prior is the tangent.
func ExampleEnsemble_Mean() {
	one := ntk.MatrixTiles(mat.NewSymDense(1, []float64{1}))
	g := &regress.Grams{Train: one, Cross: one, Test: one}
	y := mat.NewDense(1, 2, []float64{1, -1})
	e, err := regress.NewEnsemble(context.Background(), g, g, y, &regress.EnsembleSettings{
		LearningRate: 1, Flow: true, Half: true, MeanOverOutputs: true,
	})
	if err != nil {
		panic(err)
	}
	train, _, err := e.Mean(2 * math.Log(2)) // 1 - e^(-t/2)
	fmt.Printf("%.3f %v\n", mat.Formatted(train), err)
	// Output: [ 0.500  -0.500] <nil>
}

// Momentum lets a larger learning rate converge.
func ExampleEnsemble_Limit() {
	one := ntk.MatrixTiles(mat.NewSymDense(1, []float64{1}))
	g, y := &regress.Grams{Train: one, Cross: one}, mat.NewDense(1, 1, []float64{1})
	for _, momentum := range []float64{0, 0.9} {
		e, err := regress.NewEnsemble(context.Background(), g, nil, y,
			&regress.EnsembleSettings{LearningRate: 0.1, Momentum: momentum})
		if err != nil {
			panic(err)
		}
		train, _, err := e.Mean(2) // centred: 1 - 0.8², and 0.2·(1 + 0.9) + 0.2·0.8
		fmt.Printf("%.2f below η = %.1f %v\n", train.At(0, 0), e.Limit(), err)
	}
	// Output:
	// 0.36 below η = 1.0 <nil>
	// 0.54 below η = 1.9 <nil>
}

// With the ridge in the kernel nets that train the readout alone end in the posterior, which is
// K - K²/(K + δ).
func ExampleEnsemble_TestCovariance() {
	one := ntk.MatrixTiles(mat.NewSymDense(1, []float64{1}))
	g, y := &regress.Grams{Train: one, Cross: one, Test: one}, mat.NewDense(1, 1, []float64{1})
	e, err := regress.NewEnsemble(context.Background(), g, g, y,
		&regress.EnsembleSettings{LearningRate: 0.1, Ridge: 0.25, RidgeInKernel: true})
	if err != nil {
		panic(err)
	}
	c, err := e.TestCovariance(math.Inf(1))
	fmt.Printf("%.3f %v\n", c.At(0, 0), err)
	// Output: 0.200 <nil>
}

// Without a ridge nothing of the initial outputs is left on the training points.
func ExampleEnsemble_TrainCovariance() {
	one := ntk.MatrixTiles(mat.NewSymDense(1, []float64{1}))
	g, y := &regress.Grams{Train: one, Cross: one}, mat.NewDense(1, 1, []float64{1})
	e, err := regress.NewEnsemble(context.Background(), g, g, y,
		&regress.EnsembleSettings{LearningRate: 0.25})
	if err != nil {
		panic(err)
	}
	for _, steps := range []float64{0, 1, 2} {
		c, _ := e.TrainCovariance(steps)
		fmt.Print(c.At(0, 0), " ")
	}
	// Output: 1 0.25 0.0625
}

func denseOf(rows [][]float64) *mat.Dense {
	m := mat.NewDense(len(rows), len(rows[0]), nil)
	for i, row := range rows {
		m.SetRow(i, row)
	}
	return m
}

func readJSON(t *testing.T, path string, into any) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(b, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Means and covariances of both ensembles by an independent implementation, whose conventions are
// in the settings.
func TestGoldenEnsembles(t *testing.T) {
	var inputs struct {
		X, Z, Y       [][]float64
		RelativeRidge float64
	}
	readJSON(t, "testdata/posterior.json", &inputs)
	var golden struct {
		Results []struct {
			T                              float64
			Kernel                         string
			Mean, Cov, TrainMean, TrainCov [][]float64
		}
	}
	readJSON(t, "testdata/ensemble.json", &golden)
	x, z, y := denseOf(inputs.X), denseOf(inputs.Z), denseOf(inputs.Y)
	net := ntk.Must(ntk.UniformFCN(3, ntk.ReLU{}, math.Sqrt2, 0.1))
	nngp := ntk.Must(regress.NewGrams(t.Context(), ntk.Must(net.NNGP()), x, z))
	theta := ntk.Must(regress.NewGrams(t.Context(), ntk.Must(net.NTK()), x, z))
	if len(golden.Results) != 4 {
		t.Fatalf("%d results", len(golden.Results))
	}
	for _, want := range golden.Results {
		tangent := theta
		s := &regress.EnsembleSettings{LearningRate: 1, Flow: true, Half: true,
			MeanOverOutputs: true, RelativeRidge: inputs.RelativeRidge, RidgeInKernel: true}
		if want.Kernel == "nngp" {
			tangent = nngp
		}
		e := ntk.Must(regress.NewEnsemble(t.Context(), tangent, nngp, y, s))
		at := want.T
		if at < 0 {
			at = math.Inf(1)
		}
		trainMean, testMean, err := e.Mean(at)
		if err != nil {
			t.Fatal(err)
		}
		trainCov := ntk.Must(e.TrainCovariance(at))
		testCov := ntk.Must(e.TestCovariance(at))
		k, o := len(want.TrainMean), len(want.TrainMean[0])
		for what, pair := range map[string][2]mat.Matrix{
			"mean":             {testMean, denseOf(want.Mean)},
			"covariance":       {testCov, denseOf(want.Cov)},
			"train mean":       {trainMean.Slice(0, k, 0, o), denseOf(want.TrainMean)},
			"train covariance": {trainCov.SliceSym(0, k), denseOf(want.TrainCov)},
		} {
			what = fmt.Sprintf("%s at %v: %s", want.Kernel, want.T, what)
			var off mat.Dense
			off.Sub(pair[0], pair[1])
			if v := mat.Max(&off) - mat.Min(&off); !(v <= 1e-8) {
				t.Errorf("%s: off by %.3g", what, v)
			}
		}
	}
}

// small is a linear model f(x) = f₀(x) + J(x)·θ: rows of random features for training and for test
// points, and covariances of f₀ of their own.
type small struct {
	j              *mat.Dense // (n+m)×p
	prior          *mat.SymDense
	y              *mat.Dense
	n, m, o        int
	tangent, other *regress.Grams
}

func smallProblem(seed uint64, n, m, p, o int) small {
	r := rand.New(rand.NewPCG(seed, 1))
	normals := func(rows, columns int) *mat.Dense {
		a := mat.NewDense(rows, columns, nil)
		a.Apply(func(_, _ int, _ float64) float64 { return r.NormFloat64() }, a)
		return a
	}
	s := small{j: normals(n+m, p), y: normals(n, o), n: n, m: m, o: o}
	var theta, prior mat.SymDense
	theta.SymOuterK(1, s.j)
	prior.SymOuterK(0.3, normals(n+m, 2*(n+m)))
	s.prior = &prior
	grams := func(k *mat.SymDense) *regress.Grams {
		whole := mat.DenseCopyOf(k)
		return &regress.Grams{
			Train: tiles(mat.DenseCopyOf(whole.Slice(0, n, 0, n))),
			Cross: tiles(mat.DenseCopyOf(whole.Slice(n, n+m, 0, n))),
			Test:  tiles(mat.DenseCopyOf(whole.Slice(n, n+m, n, n+m))),
		}
	}
	s.tangent, s.other = grams(&theta), grams(&prior)
	return s
}

// moments returns mean and covariance on all points where θ = (p×n matrix)·(y - f₀(X)) and the
// features are j.
func (s small) moments(j, theta *mat.Dense, prior mat.Matrix) (mean, cov *mat.Dense) {
	var learns mat.Dense // of y - f₀, all×n
	learns.Mul(j, theta)
	mean, cov = new(mat.Dense), new(mat.Dense)
	mean.Mul(&learns, s.y)
	keeps := mat.NewDense(s.n+s.m, s.n+s.m, nil) // of f₀
	for i := range s.n + s.m {
		keeps.Set(i, i, 1)
		for j := range s.n {
			keeps.Set(i, j, keeps.At(i, j)-learns.At(i, j))
		}
	}
	cov.Product(keeps, prior, keeps.T())
	return mean, cov
}

// ownFeatures are j with a feature of size √δ for each training point alone.
func (s small) ownFeatures(delta float64) *mat.Dense {
	all, p := s.j.Dims()
	j := mat.NewDense(all, p+s.n, nil)
	j.Slice(0, all, 0, p).(*mat.Dense).Copy(s.j)
	for i := range s.n {
		j.Set(i, p+i, math.Sqrt(delta))
	}
	return j
}

// The steps themselves, in the parameters of a linear model and with the loss as the settings
// write it, for every convention, with and without momentum and ridge.
func TestEnsembleAgainstTheSteps(t *testing.T) {
	p := smallProblem(3, 7, 4, 9, 2)
	const rate = 0.02
	for _, c := range []struct {
		s      regress.EnsembleSettings
		factor float64 // of the sum in the loss
	}{
		{regress.EnsembleSettings{}, 1. / 7},
		{regress.EnsembleSettings{Momentum: 0.8}, 1. / 7},
		{regress.EnsembleSettings{Half: true}, 1. / 14},
		{regress.EnsembleSettings{MeanOverOutputs: true, Momentum: 0.5}, 1. / 14},
		{regress.EnsembleSettings{SumOverPoints: true, Half: true}, 0.5},
		{regress.EnsembleSettings{Ridge: 0.7, Momentum: 0.3}, 1. / 7},
		{regress.EnsembleSettings{Ridge: 0.7, RidgeInKernel: true, Momentum: 0.3}, 1. / 7},
		{regress.EnsembleSettings{Half: true, MeanOverOutputs: true, Ridge: 5}, 1. / 28},
	} {
		c.s.LearningRate = rate
		j, penalty := p.j, c.s.Ridge
		if c.s.RidgeInKernel {
			j, penalty = p.ownFeatures(c.s.Ridge), 0
		}
		_, features := j.Dims()
		x := j.Slice(0, p.n, 0, features)
		theta, v := mat.NewDense(features, p.n, nil), mat.NewDense(features, p.n, nil)
		var sameKernel mat.SymDense
		sameKernel.SymOuterK(1, j)
		made := func(prior *regress.Grams) *regress.Ensemble {
			return ntk.Must(regress.NewEnsemble(t.Context(), p.tangent, prior, p.y, &c.s))
		}
		ensembles := map[mat.Matrix]*regress.Ensemble{
			p.prior:                   made(p.other),
			&sameKernel:               made(p.tangent),
			mat.NewDense(11, 11, nil): made(nil),
		}
		for step := 0; step <= 60; step++ {
			if step < 4 || step%20 == 0 {
				for prior, e := range ensembles {
					mean, cov := p.moments(j, theta, prior)
					compareMoments(t, fmt.Sprintf("%+v, step %d", c.s, step), e, float64(step),
						mean, cov)
				}
			}
			// The gradient of factor·(Σ(f - y)² + δ|θ|²), where f - y = Jθ - 1 in y - f₀.
			var off, gradient, pull mat.Dense
			off.Mul(x, theta)
			for i := range p.n {
				off.Set(i, i, off.At(i, i)-1)
			}
			gradient.Mul(x.T(), &off)
			pull.Scale(penalty, theta)
			gradient.Add(&gradient, &pull)
			gradient.Scale(2*c.factor, &gradient)
			v.Scale(c.s.Momentum, v)
			v.Add(v, &gradient)
			gradient.Scale(rate, v)
			theta.Sub(theta, &gradient)
		}
	}
}

// compareMoments fails unless the ensemble has the mean and the covariance on training and test
// points to 1e-12 of the largest; measured 2e-15.
func compareMoments(
	t *testing.T, what string, e *regress.Ensemble, at float64, mean, cov *mat.Dense,
) {
	t.Helper()
	train, test, err := e.Mean(at)
	if err != nil {
		t.Fatal(err)
	}
	n, o := train.Dims()
	all, _ := mean.Dims()
	off := func(a, b mat.Matrix) float64 {
		var d mat.Dense
		d.Sub(a, b)
		return math.Max(mat.Max(&d), -mat.Min(&d))
	}
	size := math.Max(1, math.Max(mat.Max(cov), mat.Max(mean)))
	for _, v := range []float64{
		off(train, mean.Slice(0, n, 0, o)),
		off(test, mean.Slice(n, all, 0, o)),
		off(ntk.Must(e.TrainCovariance(at)), cov.Slice(0, n, 0, n)),
		off(ntk.Must(e.TestCovariance(at)), cov.Slice(n, all, n, all)),
	} {
		if !(v <= 1e-12*size) {
			t.Errorf("%s: off by %.3g of %.3g", what, v, size)
		}
	}
}

// Gradient flow by the exponential of the matrix, at times from tiny to late.
func TestFlowAgainstTheExponential(t *testing.T) {
	p := smallProblem(4, 6, 3, 8, 2)
	s := &regress.EnsembleSettings{LearningRate: 0.3, Flow: true, RelativeRidge: 0.05}
	e := ntk.Must(regress.NewEnsemble(t.Context(), p.tangent, p.other, p.y, s))
	x := mat.DenseCopyOf(p.j.Slice(0, p.n, 0, 8))
	var a mat.Dense
	a.Mul(x, x.T())
	delta := 0.05 * mat.Trace(&a) / 6
	for i := range p.n {
		a.Set(i, i, a.At(i, i)+delta)
	}
	for _, at := range []float64{1e-9, 1e-3, 1, 4.5, 300} {
		var exponent, decay, learned, theta mat.Dense
		exponent.Scale(-2*0.3/6*at, &a)
		decay.Exp(&exponent)
		decay.Scale(-1, &decay)
		for i := range p.n {
			decay.Set(i, i, decay.At(i, i)+1)
		}
		if err := learned.Solve(&a, &decay); err != nil {
			t.Fatal(err)
		}
		theta.Mul(x.T(), &learned)
		mean, cov := p.moments(p.j, &theta, p.prior)
		compareMoments(t, fmt.Sprintf("time %v", at), e, at, mean, cov)
	}
}

// At t = 0 nothing is learned; the first moment of time moves by the gradient, with all its
// digits; and the end is that of the regression, whose posterior it is with noisy targets.
func TestEnsembleLimits(t *testing.T) {
	gram, cross, y, test := wide(t, 60)
	g := &regress.Grams{Train: tiles(gram), Cross: tiles(cross), Test: tiles(test)}
	for _, s := range []regress.EnsembleSettings{
		{Flow: true}, {Momentum: 0.9}, {}, {Flow: true, Ridge: 0.1, RidgeInKernel: true},
		{Momentum: 0.99, Ridge: 1e-6, RidgeInKernel: true},
	} {
		s.LearningRate = 0.5 * 60 / mat.Trace(gram)
		what := fmt.Sprintf("%+v: ", s)
		e := ntk.Must(regress.NewEnsemble(t.Context(), g, g, y, &s))
		train, mean, err := e.Mean(0)
		if err != nil {
			t.Fatal(err)
		}
		if mat.Norm(train, 1) != 0 || mat.Norm(mean, 1) != 0 {
			t.Error(what, "something is learned at t = 0")
		}
		near(t, what+"covariance at 0", ntk.Must(e.TestCovariance(0)), test, 1e-15)
		var start mat.Dense
		start.CloneFrom(gram)
		for i := range 60 {
			start.Set(i, i, gram.At(i, i)+s.Ridge)
		}
		near(t, what+"train covariance at 0", ntk.Must(e.TrainCovariance(0)), &start, 1e-13)
		tiny := 1.0
		if s.Flow {
			tiny = 1e-30
		}
		if _, mean, err = e.Mean(tiny); err != nil {
			t.Fatal(err)
		}
		var first mat.Dense
		first.Mul(cross, y)
		first.Scale(2*s.LearningRate/60*tiny, &first)
		near(t, what+"the first step", mean, &first, 1e-12)

		r := ntk.Must(regress.NewRidge(t.Context(), tiles(gram), y,
			&regress.RidgeSettings{Ridge: s.Ridge}))
		want := ntk.Must(r.Predict(t.Context(), tiles(cross)))
		posterior := ntk.Must(r.Covariance(t.Context(), tiles(cross), tiles(test)))
		for _, at := range []float64{math.Inf(1), 1e15, 1e300} {
			if _, mean, err = e.Mean(at); err != nil {
				t.Fatal(err)
			}
			near(t, fmt.Sprint(what, "mean at ", at), mean, want, 1e-10)
			if s.Ridge == 0 || s.RidgeInKernel {
				near(t, fmt.Sprint(what, "covariance at ", at), ntk.Must(e.TestCovariance(at)),
					posterior, 1e-10)
			}
		}
		if s.Ridge == 0 || s.RidgeInKernel {
			left := ntk.Must(e.TrainCovariance(math.Inf(1)))
			if v := mat.Norm(left, 1); v != 0 {
				t.Errorf("%s%v of the initial outputs left at the end", what, v)
			}
		}
	}
}

// Where two inputs are equal the end is the pseudo-inverse, also after a time at which the
// rounding of the eigenvalue 0 would have grown.
func TestEnsembleOfEqualInputs(t *testing.T) {
	_, gram, cross, y := problem(t)
	g := &regress.Grams{Train: tiles(gram), Cross: tiles(cross)}
	want := ntk.Must(ntk.Must(regress.NewRidge(t.Context(), tiles(gram), y,
		&regress.RidgeSettings{PseudoInverse: true})).Predict(t.Context(), tiles(cross)))
	for _, s := range []regress.EnsembleSettings{{Flow: true}, {}, {Momentum: 0.9}} {
		s.LearningRate = 0.2
		e := ntk.Must(regress.NewEnsemble(t.Context(), g, nil, y, &s))
		for _, at := range []float64{1e12, 1e100, math.Inf(1)} {
			_, mean, err := e.Mean(at)
			if err != nil {
				t.Fatal(err)
			}
			near(t, fmt.Sprintf("%+v at %v", s, at), mean, want, 1e-9)
		}
	}
}

// Covariances are positive semidefinite to rounding at every time, of both ensembles, with a
// kernel whose condition number is 1e5.
func TestEnsembleCovariancesArePSD(t *testing.T) {
	_, _, y, _ := wide(t, 50)
	x, z := mat.NewDense(50, 3, nil), mat.NewDense(20, 3, nil)
	x.Apply(func(i, j int, _ float64) float64 { return math.Sin(float64(1 + i*(2*j+3))) }, x)
	z.Apply(func(i, j int, _ float64) float64 { return math.Cos(float64(2 + i*(3*j+1))) }, z)
	net := ntk.Must(ntk.UniformFCN(2, ntk.Erf{}, 1.5, 0.2))
	nngp := ntk.Must(regress.NewGrams(t.Context(), ntk.Must(net.NNGP()), x, z))
	theta := ntk.Must(regress.NewGrams(t.Context(), ntk.Must(net.NTK()), x, z))
	for _, tangent := range []*regress.Grams{theta, nngp} {
		for _, s := range []regress.EnsembleSettings{
			{LearningRate: 0.1, Flow: true},
			{LearningRate: 0.1, Momentum: 0.9, RelativeRidge: 1e-4, RidgeInKernel: true},
		} {
			e := ntk.Must(regress.NewEnsemble(t.Context(), tangent, nngp, y, &s))
			for _, at := range []float64{0, 1, 100, 1e5, 1e9, math.Inf(1)} {
				for what, c := range map[string]*mat.SymDense{
					"train": ntk.Must(e.TrainCovariance(at)),
					"test":  ntk.Must(e.TestCovariance(at)),
				} {
					var eigen mat.EigenSym
					if !eigen.Factorize(c, true) {
						t.Fatal("no eigenvalues")
					}
					if least := mat.Min(mat.NewVecDense(c.SymmetricDim(),
						eigen.Values(nil))); !(least >= -1e-12) { // K(x, x) is about 1
						t.Errorf("%s covariance at %v of %+v: eigenvalue %v", what, at, s, least)
					}
				}
			}
		}
	}
}

func TestEnsembleEdges(t *testing.T) {
	one := tiles(mat.NewSymDense(1, []float64{2}))
	g := &regress.Grams{Train: one, Cross: one, Test: one}
	e := ntk.Must(regress.NewEnsemble(t.Context(), g, g, mat.NewDense(1, 1, []float64{3}),
		&regress.EnsembleSettings{LearningRate: 0.1, Flow: true}))
	_, mean, err := e.Mean(1) // 1 - e^(-2·0.1·2)
	if want := 3 * -math.Expm1(-0.4); err != nil || math.Abs(mean.At(0, 0)-want) > 1e-15 {
		t.Errorf("one point: %v, %v, want %v", mean, err, want)
	}
	if c := ntk.Must(e.TestCovariance(1)); math.Abs(c.At(0, 0)-2*math.Exp(-0.8)) > 1e-15 {
		t.Errorf("one point: variance %v", c.At(0, 0))
	}
	// An input 0 of a net without biases has the output 0.
	zero := tiles(mat.NewSymDense(2, []float64{1, 0, 0, 0}))
	g = &regress.Grams{Train: zero, Cross: tiles(mat.NewDense(1, 2, []float64{0.5, 0})),
		Test: one}
	for _, s := range []regress.EnsembleSettings{{}, {Momentum: 0.5}, {Flow: true}} {
		s.LearningRate = 0.1
		e = ntk.Must(regress.NewEnsemble(t.Context(), g, g, mat.NewDense(2, 1, []float64{5, 5}),
			&s))
		for _, at := range []float64{0, 1, 1e308, math.Inf(1)} {
			train, mean, err := e.Mean(at)
			if err != nil || train.At(1, 0) != 0 || math.IsNaN(mean.At(0, 0)) {
				t.Errorf("a zero input at %v: %v, %v, %v", at, train, mean, err)
			}
			if c := ntk.Must(e.TestCovariance(at)); !(c.At(0, 0) >= 1.75-1e-15) {
				t.Errorf("a zero input at %v: variance %v", at, c.At(0, 0))
			}
		}
	}
	// A kernel that is 0 learns nothing.
	nothing := tiles(mat.NewSymDense(1, []float64{0}))
	g = &regress.Grams{Train: nothing, Cross: nothing}
	e = ntk.Must(regress.NewEnsemble(t.Context(), g, nil, mat.NewDense(1, 1, []float64{5}),
		&regress.EnsembleSettings{LearningRate: 1}))
	if train, _, err := e.Mean(math.Inf(1)); err != nil || train.At(0, 0) != 0 ||
		!math.IsInf(e.Limit(), 1) {
		t.Errorf("a zero kernel: %v %v, limit %v", train, err, e.Limit())
	}
}

func TestEnsembleBadInput(t *testing.T) {
	gram, cross, y, test := wide(t, 25)
	good := &regress.Grams{Train: tiles(gram), Cross: tiles(cross), Test: tiles(test)}
	rate := &regress.EnsembleSettings{LearningRate: 1e-3}
	made := func(tangent, prior *regress.Grams, y *mat.Dense, s *regress.EnsembleSettings) error {
		e, err := regress.NewEnsemble(t.Context(), tangent, prior, y, s)
		if err != nil && e != nil {
			t.Errorf("an ensemble beside the error %v", err)
		}
		return err
	}
	set := func(s regress.EnsembleSettings) error {
		if s.LearningRate == 0 {
			s.LearningRate = 1e-3
		}
		return made(good, nil, y, &s)
	}
	with := func(train, cross, test mat.Matrix) *regress.Grams {
		return &regress.Grams{Train: tiles(train), Cross: tiles(cross), Test: tiles(test)}
	}
	nan := mat.DenseCopyOf(cross)
	nan.Set(1, 2, math.NaN())
	crooked := mat.DenseCopyOf(gram)
	crooked.Set(3, 1, 17)
	indefinite := mat.DenseCopyOf(gram)
	indefinite.Set(0, 0, -100)
	steps := ntk.Must(regress.NewEnsemble(t.Context(), good, good, y, rate))
	untested := ntk.Must(regress.NewEnsemble(t.Context(), good, with(gram, cross, nil), y, rate))
	var far mat.Dense
	far.Scale(50, cross)
	alien := ntk.Must(regress.NewEnsemble(t.Context(), good, with(gram, &far, test), y, rate))
	var unstable *regress.UnstableError
	var notPSD *regress.IndefiniteError
	for _, c := range []struct {
		says string
		err  error
		as   any
	}{
		{"needed", made(nil, nil, y, rate), nil},
		{"needed", made(good, nil, nil, rate), nil},
		{"needed", made(good, with(nil, cross, nil), y, rate), nil},
		{"learning rate is 0", made(good, nil, y, nil), nil},
		{"Momentum is 1;", set(regress.EnsembleSettings{Momentum: 1}), nil},
		{"Momentum is NaN;", set(regress.EnsembleSettings{Momentum: math.NaN()}), nil},
		{"gradient flow has none", set(regress.EnsembleSettings{Flow: true, Momentum: 0.5}), nil},
		{"Ridge is -1", set(regress.EnsembleSettings{Ridge: -1}), nil},
		{"RelativeRidge is NaN", set(regress.EnsembleSettings{RelativeRidge: math.NaN()}), nil},
		{"unstable", set(regress.EnsembleSettings{LearningRate: steps.Limit()}), &unstable},
		{"unstable", set(regress.EnsembleSettings{LearningRate: 0.9 * steps.Limit(),
			Ridge: mat.Trace(gram)}), &unstable},
		{"beyond double", made(with(mat.NewSymDense(1, []float64{1e308}),
			mat.NewDense(1, 1, nil), nil), nil, mat.NewDense(1, 1, nil),
			&regress.EnsembleSettings{LearningRate: 10, Flow: true}), nil},
		{"3 rows of targets for 25", made(good, nil, mat.NewDense(3, 1, nil), rate), nil},
		{"24 columns for 25", made(with(gram, mat.NewDense(2, 24, nil), nil), nil, y, rate), nil},
		{"2 rows for 13 test points (of the prior)", made(good, with(gram,
			mat.NewDense(2, 25, nil), nil), y, rate), nil},
		{"must be 13×13", made(good, with(gram, cross, gram), y, rate), nil},
		{"must be symmetric", made(with(crooked, cross, nil), nil, y, rate), nil},
		{"cross matrix is NaN in row 1, column 2", made(with(gram, nan, nil), nil, y, rate), nil},
		{"positive semidefinite", made(with(indefinite, cross, nil), nil, y, rate), &notPSD},
		{"t is -1", second3(steps.Mean(-1)), nil},
		{"t is NaN", second3(steps.Mean(math.NaN())), nil},
		{"whole number of steps", second3(steps.Mean(0.5)), nil},
		{"whole number of steps", second(steps.TrainCovariance(0.5)), nil},
		{"give Grams.Test", second(untested.TestCovariance(1)), nil},
		{"not of one kernel", second(alien.TestCovariance(1e6)), nil},
		{"rows to train", second(regress.NewGrams(t.Context(), ntk.Kernel{}, nil, y)), nil},
	} {
		mustSay(t, c.err, c.says, c.as)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := regress.NewEnsemble(ended, good, good, y, rate); !errors.Is(err,
		context.Canceled) {
		t.Errorf("after the end of its context: %v", err)
	}
}

func second3(_, _ *mat.Dense, err error) error { return err }
