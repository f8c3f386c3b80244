package regress_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/regress"
	"gonum.org/v1/gonum/mat"
)

func ExampleNewRidge() {
	net := ntk.Must(ntk.UniformFCN(4, ntk.ReLU{}, math.Sqrt2, 0.1))
	K := ntk.Must(net.NTK())
	x := mat.NewDense(3, 2, []float64{1, 1, 1, -1, -1, 1})
	z := mat.NewDense(1, 2, []float64{-1, -1})
	y := mat.NewDense(3, 1, []float64{1, -1, -1})
	r, err := regress.NewRidge(
		context.Background(),
		ntk.MatrixTiles(ntk.Must(K.Gram(x))),
		y,
		&regress.RidgeSettings{RelativeRidge: 1e-3},
	)
	if err != nil {
		panic(err)
	}
	f, err := r.Predict(context.Background(), ntk.MatrixTiles(ntk.Must(K.Cross(z, x))))
	if err != nil {
		panic(err)
	}
	fmt.Printf("f = %.4f with ridge %.5f\n", f.At(0, 0), r.Ridge())
	// Output: f = -0.3503 with ridge 0.00507
}

// Predictions elsewhere are the kernel times the weights.
func ExampleRidge_Weights() {
	r, err := regress.NewRidge(
		context.Background(),
		ntk.MatrixTiles(mat.NewSymDense(2, []float64{2, 0, 0, 1})),
		mat.NewDense(2, 1, []float64{4, 3}),
		nil,
	)
	if err != nil {
		panic(err)
	}
	fmt.Printf("%.0f, condition %.0f\n", mat.Formatted(r.Weights().T()), r.Condition())
	// Output: [2  3], condition 2
}

// Two equal inputs with different targets: there is no function through both, and
// the pseudo-inverse goes between them.
func ExampleSingularError() {
	gram := mat.NewSymDense(3, []float64{2, 2, 1, 2, 2, 1, 1, 1, 2})
	y := mat.NewDense(3, 1, []float64{1, 3, 5})
	_, err := regress.NewRidge(context.Background(), ntk.MatrixTiles(gram), y, nil)
	fmt.Println(strings.NewReplacer(": ", ":\n", "; ", ";\n", ", or", ",\nor").Replace(err.Error()))
	r, err := regress.NewRidge(
		context.Background(),
		ntk.MatrixTiles(gram),
		y,
		&regress.RidgeSettings{PseudoInverse: true},
	)
	if err != nil {
		panic(err)
	}
	f, err := r.Predict(context.Background(), ntk.MatrixTiles(mat.DenseCopyOf(gram)))
	if err != nil {
		panic(err)
	}
	fmt.Printf("rank %d, f = %.3f\n", r.Rank(), mat.Formatted(f.T()))
	// Output:
	// regress:
	// the Gram matrix of 3 points with ridge 0 is singular to rounding:
	// rank 2, condition number +Inf;
	// give a ridge of 1e-13 or more, leave out equal points,
	// or ask for the PseudoInverse
	// rank 2, f = [2.000  2.000  5.000]
}

func ExampleRidge_Variance() {
	// K(c) = 1 + c between a training point and itself, and at cosines 1, 0 and -1 to it.
	r, err := regress.NewRidge(
		context.Background(),
		ntk.MatrixTiles(mat.NewSymDense(1, []float64{2})),
		mat.NewDense(1, 1, []float64{4}),
		&regress.RidgeSettings{Ridge: 0.5},
	)
	if err != nil {
		panic(err)
	}
	cross := mat.NewDense(3, 1, []float64{2, 1, 0})
	f, err := r.Predict(context.Background(), ntk.MatrixTiles(cross))
	if err != nil {
		panic(err)
	}
	v, err := r.Variance(context.Background(), ntk.MatrixTiles(cross), []float64{2, 2, 2})
	fmt.Printf("mean %.2f, variance %.2f, %v\n", mat.Formatted(f.T()), v, err)
	// Output: mean [3.20  1.60  0.00], variance [0.40 1.60 2.00], <nil>
}

func ExampleRidge_Covariance() {
	r, err := regress.NewRidge(
		context.Background(),
		ntk.MatrixTiles(mat.NewSymDense(1, []float64{2})),
		mat.NewDense(1, 1, []float64{4}),
		&regress.RidgeSettings{Ridge: 0.5},
	)
	if err != nil {
		panic(err)
	}
	c, err := r.Covariance(
		context.Background(),
		ntk.MatrixTiles(mat.NewDense(2, 1, []float64{2, 1})),
		ntk.MatrixTiles(mat.NewSymDense(2, []float64{2, 1, 1, 2})),
	)
	fmt.Printf("%.2f, %v\n", mat.Formatted(c, mat.Squeeze()), err)
	// Output:
	// ⎡0.40  0.20⎤
	// ⎣0.20  1.60⎦, <nil>
}

func ExampleRidge_LeaveOneOut() {
	gram := mat.NewSymDense(3, []float64{2, 1, 0, 1, 2, 1, 0, 1, 2})
	y := mat.NewDense(3, 1, []float64{1, 2, 3})
	r, err := regress.NewRidge(
		context.Background(),
		ntk.MatrixTiles(gram),
		y,
		&regress.RidgeSettings{Ridge: 1},
	)
	if err != nil {
		panic(err)
	}
	fmt.Printf("%.4f\n", mat.Formatted(r.LeaveOneOut().T()))
	// Output: [0.3750  1.3333  0.6250]
}

func ExampleRidge_LogMarginalLikelihood() {
	y := mat.NewDense(1, 1, []float64{1})
	r, err := regress.NewRidge(
		context.Background(),
		ntk.MatrixTiles(mat.NewSymDense(1, []float64{1})),
		y,
		&regress.RidgeSettings{Ridge: 1},
	)
	if err != nil {
		panic(err)
	}
	l, err := r.LogMarginalLikelihood() // of 1 under N(0, 2)
	fmt.Printf("%.6f %v\n", l, err)
	// Output: [-1.515512] <nil>
}

// near fails unless two matrices agree to tol of the largest entry of the second.
func near(t *testing.T, what string, got, want mat.Matrix, tol float64) {
	t.Helper()
	var d mat.Dense
	d.Sub(got, want)
	if off, size := mat.Norm(&d, math.Inf(1)), mat.Norm(want, math.Inf(1)); !(off <= tol*size) {
		t.Errorf("%s: off by %.3g of %.3g, allowed %.0e", what, off, size, tol)
	}
}

// wide is a problem of several blocks of the factorisation, n not a multiple of one.
func wide(t *testing.T, n int) (gram *mat.SymDense, cross, y *mat.Dense, test *mat.SymDense) {
	t.Helper()
	const m, d, o = 13, 6, 3
	all := mat.NewDense(n+m, d, nil)
	y = mat.NewDense(n, o, nil)
	for i := range n + m {
		for j := range d {
			all.Set(i, j, math.Sin(float64(1+i*(2*j+3)+j*j))*2)
		}
	}
	for i := range n {
		for j := range o {
			y.Set(i, j, math.Cos(float64(i*(j+2))))
		}
	}
	x, z := mat.DenseCopyOf(all.Slice(0, n, 0, d)), mat.DenseCopyOf(all.Slice(n, n+m, 0, d))
	K := ntk.Must(ntk.Must(ntk.UniformFCN(4, ntk.ReLU{}, math.Sqrt2, 0.1)).NTK())
	return ntk.Must(K.Gram(x)), ntk.Must(K.Cross(z, x)), y, ntk.Must(K.Gram(z))
}

// Everything against gonum's general LU of K + δI.
func TestRidgeAgainstLU(t *testing.T) {
	for _, n := range []int{1, 2, 47, 48, 49, 250} {
		gram, cross, y, test := wide(t, n)
		m, _ := cross.Dims()
		const ridge, relative = 0.02, 1e-2
		delta := ridge + relative*mat.Trace(gram)/float64(n)
		r, err := regress.NewRidge(t.Context(), tiles(gram), y,
			&regress.RidgeSettings{Ridge: ridge, RelativeRidge: relative})
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(r.Ridge()-delta) > 1e-15 || r.Rank() != n {
			t.Errorf("n = %d: ridge %v, want %v; rank %d", n, r.Ridge(), delta, r.Rank())
		}
		a := mat.DenseCopyOf(gram)
		for i := range n {
			a.Set(i, i, a.At(i, i)+delta)
		}
		var weights, f, solved, covariance mat.Dense
		if err := weights.Solve(a, y); err != nil {
			t.Fatal(err)
		}
		f.Mul(cross, &weights)
		if err := solved.Solve(a, cross.T()); err != nil {
			t.Fatal(err)
		}
		covariance.Mul(cross, &solved)
		covariance.Sub(test, &covariance)
		// measured 3e-14 at most, at condition numbers to 1e3
		what := func(s string) string { return fmt.Sprintf("n = %d: %s", n, s) }
		near(t, what("weights"), r.Weights(), &weights, 1e-12)
		near(t, what("predictions"), ntk.Must(r.Predict(t.Context(), tiles(cross))), &f, 1e-12)
		got := ntk.Must(r.Covariance(t.Context(), tiles(cross), tiles(test)))
		near(t, what("covariance"), got, &covariance, 1e-12)
		diagonal := make([]float64, m)
		for i := range diagonal {
			diagonal[i] = test.At(i, i)
		}
		for i, v := range ntk.Must(r.Variance(t.Context(), tiles(cross), diagonal)) {
			if math.Abs(v-got.At(i, i)) > 1e-12*diagonal[i] {
				t.Errorf("n = %d: variance %v of point %d, on the diagonal %v", n, v, i,
					got.At(i, i))
			}
		}
		condition := mat.Cond(a, 1)
		if r.Condition() > condition*(1+1e-9) || r.Condition() < condition/10 { // a lower estimate
			t.Errorf("n = %d: condition %v, exact %v", n, r.Condition(), condition)
		}
		logDet, _ := mat.LogDet(a)
		for j, l := range ntk.Must(r.LogMarginalLikelihood()) {
			want := -0.5*mat.Dot(y.ColView(j), weights.ColView(j)) - 0.5*logDet - 0.5*float64(
				n)*math.Log(2*math.Pi)
			if math.Abs(l-want) > 1e-10*math.Abs(want) {
				t.Errorf("n = %d, output %d: log likelihood %v, want %v", n, j, l, want)
			}
		}
	}
}

// Leave-one-out against leaving each point out, with a ridge, without, and, where
// two inputs are equal, by the pseudo-inverse.
func TestLeaveOneOut(t *testing.T) {
	_, gramEqual, _, yEqual := problem(t) // inputs 0 and 1 are equal
	gramWide, _, yWide, _ := wide(t, 70)
	for _, c := range []struct {
		name     string
		gram     *mat.SymDense
		y        *mat.Dense
		settings regress.RidgeSettings
	}{
		{"ridge", gramWide, yWide, regress.RidgeSettings{Ridge: 0.1}},
		{"ridgeless", gramWide, yWide, regress.RidgeSettings{}},
		{"equal inputs with a ridge", gramEqual, yEqual, regress.RidgeSettings{Ridge: 1e-3}},
		{"equal inputs", gramEqual, yEqual, regress.RidgeSettings{PseudoInverse: true}},
	} {
		n, o := c.y.Dims()
		r, err := regress.NewRidge(t.Context(), tiles(c.gram), c.y, &c.settings)
		if err != nil {
			t.Fatal(err)
		}
		want := mat.NewDense(n, o, nil)
		for out := range n {
			var keep []int
			for i := range n {
				if i != out {
					keep = append(keep, i)
				}
			}
			gram, cross, y := mat.NewSymDense(n-1, nil), mat.NewDense(1, n-1,
				nil), mat.NewDense(n-1, o, nil)
			for a, i := range keep {
				y.SetRow(a, c.y.RawRowView(i))
				cross.Set(0, a, c.gram.At(out, i))
				for b, j := range keep[:a+1] {
					gram.SetSym(a, b, c.gram.At(i, j))
				}
			}
			s, err := regress.NewRidge(t.Context(), tiles(gram), y, &c.settings)
			if err != nil {
				t.Fatal(err)
			}
			want.SetRow(out, ntk.Must(s.Predict(t.Context(), tiles(cross))).RawRowView(0))
		}
		near(t, c.name, r.LeaveOneOut(), want, 1e-11) // measured 6e-14 at most
	}
}

// The limit of gradient descent at infinite time is the pseudo-inverse, and where
// K is regular the inverse.
func TestLimitOfDescent(t *testing.T) {
	_, gram, cross, y := problem(t)
	gramWide, crossWide, yWide, _ := wide(t, 40)
	for _, c := range []struct {
		gram     *mat.SymDense
		cross, y *mat.Dense
		settings regress.RidgeSettings
	}{
		{gram, cross, y, regress.RidgeSettings{PseudoInverse: true}},
		{gramWide, crossWide, yWide, regress.RidgeSettings{}},
		{gramWide, crossWide, yWide, regress.RidgeSettings{PseudoInverse: true}},
	} {
		r, err := regress.NewRidge(t.Context(), tiles(c.gram), c.y, &c.settings)
		if err != nil {
			t.Fatal(err)
		}
		d, err := regress.NewDescent(
			t.Context(),
			tiles(c.gram),
			tiles(c.cross),
			c.y,
			1/mat.Trace(c.gram),
		)
		if err != nil {
			t.Fatal(err)
		}
		_, want, err := d.At(1 << 30) // (1 - 2ηλ/n)^t is below 1e-300 but at rounding's eigenvalues
		if err != nil {
			t.Fatal(err)
		}
		// An eigenvalue that is 0 but for rounding grows with t: 8e-10 of the predictions here.
		near(
			t,
			fmt.Sprintf("%+v", c.settings),
			ntk.Must(r.Predict(t.Context(), tiles(c.cross))),
			want,
			1e-8,
		)
	}
}

// A ridge of 1e-9 of the mean diagonal gives what the pseudo-inverse gives, leave-one-out
// and variance included, to the 1e-9/λ_min of the eigenvalues that are not 0.
func TestPseudoInverseIsTheLimitOfTheRidge(t *testing.T) {
	_, gram, cross, y := problem(t)
	m, _ := cross.Dims()
	pseudo, err := regress.NewRidge(
		t.Context(),
		tiles(gram),
		y,
		&regress.RidgeSettings{PseudoInverse: true},
	)
	if err != nil {
		t.Fatal(err)
	}
	small, err := regress.NewRidge(
		t.Context(),
		tiles(gram),
		y,
		&regress.RidgeSettings{RelativeRidge: 1e-9},
	)
	if err != nil {
		t.Fatal(err)
	}
	if pseudo.Rank() != 24 {
		t.Errorf("rank %d, want 24: two of 25 inputs are equal", pseudo.Rank())
	}
	near(
		t,
		"predictions",
		ntk.Must(pseudo.Predict(t.Context(), tiles(cross))),
		ntk.Must(small.Predict(t.Context(), tiles(cross))),
		1e-6,
	)
	near(t, "leave-one-out", pseudo.LeaveOneOut(), small.LeaveOneOut(), 1e-6)
	diagonal := make([]float64, m)
	for i := range diagonal {
		diagonal[i] = 10
	}
	a, b := ntk.Must(
		pseudo.Variance(t.Context(), tiles(cross), diagonal),
	), ntk.Must(
		small.Variance(t.Context(), tiles(cross), diagonal),
	)
	near(t, "variance", mat.NewVecDense(m, a), mat.NewVecDense(m, b), 1e-6)
	var singular *regress.SingularError
	if _, err := pseudo.LogMarginalLikelihood(); !errors.As(err, &singular) || singular.Rank != 24 {
		t.Errorf("log likelihood of a singular covariance: %v", err)
	}
}

// A polynomial kernel has finite rank: the error says which, and how far it is from
// regular.
func TestRankOfAPolynomialKernel(t *testing.T) {
	const n = 30
	x := mat.NewDense(n, 2, nil)
	for i := range n {
		a := 2 * math.Pi * (float64(i) + 0.3*math.Sin(float64(i))) / n
		x.SetRow(i, []float64{math.Sqrt2 * math.Cos(a), math.Sqrt2 * math.Sin(a)})
	}
	K := ntk.Must(ntk.Must(ntk.NewPowerSeries([]float64{1, 1, .5, .2, .1, .1})).Kernel())
	gram := ntk.Must(K.Gram(x))
	y := mat.NewDense(n, 1, nil)
	_, err := regress.NewRidge(t.Context(), tiles(gram), y, nil)
	var singular *regress.SingularError
	if !errors.As(err, &singular) || singular.Rank != 11 || singular.Points != n ||
		singular.Condition < 1e14 {
		t.Fatalf("degree 5 on the circle has rank 11; got %v", err)
	}
	if !strings.Contains(err.Error(), "rank 11") {
		t.Error(err)
	}
	if _, err := regress.NewRidge(
		t.Context(), tiles(gram), y, &regress.RidgeSettings{RelativeRidge: 1e-10}); err != nil {
		t.Errorf("the ridge that the error names does not do: %v", err)
	}
	if _, err := regress.NewRidge(
		t.Context(),
		tiles(gram),
		y,
		&regress.RidgeSettings{
			RelativeRidge: 1e-17,
			PseudoInverse: true,
		},
	); !errors.As(err, &singular) ||
		singular.Ridge == 0 {
		t.Errorf("a ridge below rounding: %v", err)
	}
}

// Means and covariances at infinite time of an independent implementation, which
// adds the ridge in units of the mean diagonal.
func TestGoldenPosterior(t *testing.T) {
	b, err := os.ReadFile("testdata/posterior.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden struct {
		X, Z, Y                    [][]float64
		RelativeRidge              float64
		NNGPMean, NNGPCov, NTKMean [][]float64
	}
	if err := json.Unmarshal(b, &golden); err != nil {
		t.Fatal(err)
	}
	dense := func(rows [][]float64) *mat.Dense {
		m := mat.NewDense(len(rows), len(rows[0]), nil)
		for i, row := range rows {
			m.SetRow(i, row)
		}
		return m
	}
	x, z, y := dense(golden.X), dense(golden.Z), dense(golden.Y)
	net := ntk.Must(ntk.UniformFCN(3, ntk.ReLU{}, math.Sqrt2, 0.1))
	s := &regress.RidgeSettings{RelativeRidge: golden.RelativeRidge}
	fit := func(K ntk.Kernel) *regress.Ridge {
		return ntk.Must(regress.NewRidge(t.Context(), tiles(ntk.Must(K.Gram(x))),
			y, s))
	}
	nngp, theta := ntk.Must(net.NNGP()), ntk.Must(net.NTK())
	cross := ntk.Must(nngp.Cross(z, x))
	// Measured 2e-14 at most: both sides in double precision, at condition numbers to 1e4.
	near(
		t,
		"NNGP mean",
		ntk.Must(fit(nngp).Predict(t.Context(), tiles(cross))),
		dense(golden.NNGPMean),
		1e-12,
	)
	near(
		t,
		"NNGP covariance",
		ntk.Must(fit(nngp).Covariance(t.Context(), tiles(cross), tiles(ntk.Must(nngp.Gram(z))))),
		dense(golden.NNGPCov),
		1e-12,
	)
	near(
		t,
		"NTK mean",
		ntk.Must(fit(theta).Predict(t.Context(), tiles(ntk.Must(theta.Cross(z, x))))),
		dense(golden.NTKMean),
		1e-12,
	)
}

func TestRidgeBadInput(t *testing.T) {
	gram, cross, y, test := wide(t, 25)
	good, err := regress.NewRidge(t.Context(), tiles(gram), y, nil)
	if err != nil {
		t.Fatal(err)
	}
	nan := mat.DenseCopyOf(y)
	nan.Set(3, 1, math.NaN())
	infinite := mat.NewSymDense(25, nil)
	infinite.SetSym(4, 6, math.Inf(1))
	indefinite := mat.NewSymDense(25, nil)
	for i := range 25 {
		indefinite.SetSym(i, i, 1)
	}
	indefinite.SetSym(0, 1, 2)
	nanCross, nanTest := mat.DenseCopyOf(cross), mat.NewSymDense(13, nil)
	nanCross.Set(1, 2, math.NaN())
	nanTest.SetSym(2, 5, math.NaN())
	fit := func(g *mat.SymDense, y *mat.Dense, s regress.RidgeSettings) error {
		r, err := regress.NewRidge(t.Context(), tiles(g), y, &s)
		if err != nil && r != nil {
			t.Errorf("a regression beside the error %v", err)
		}
		return err
	}
	second := func(_ any, err error) error { return err }
	var notPSD *regress.IndefiniteError
	var singular *regress.SingularError
	for _, c := range []struct {
		says string
		err  error
		as   any
	}{
		{"needed", fit(nil, y, regress.RidgeSettings{}), nil},
		{"needed", fit(gram, &mat.Dense{}, regress.RidgeSettings{}), nil},
		{"Ridge is -1", fit(gram, y, regress.RidgeSettings{Ridge: -1}), nil},
		{"Ridge is NaN", fit(gram, y, regress.RidgeSettings{Ridge: math.NaN()}), nil},
		{"RelativeRidge is +Inf", fit(gram, y, regress.RidgeSettings{RelativeRidge: math.Inf(1)}),
			nil},
		{"3 rows of targets for 25", fit(gram, mat.NewDense(3, 1, nil), regress.RidgeSettings{}),
			nil},
		{"target is NaN in row 3, column 1", fit(gram, nan, regress.RidgeSettings{}), nil},
		{"Gram matrix is +Inf in row 4, column 6", fit(infinite, y, regress.RidgeSettings{}), nil},
		{"from -1 to 3", fit(indefinite, y, regress.RidgeSettings{}), &notPSD},
		{"from -1 to 3", fit(indefinite, y, regress.RidgeSettings{Ridge: 2}), &notPSD},
		// K + 2I is positive definite
		{"from -1 to 3", fit(indefinite, y, regress.RidgeSettings{PseudoInverse: true}), &notPSD},
		{"rank 0", fit(mat.NewSymDense(25, nil), y, regress.RidgeSettings{}), &singular},
		{"needed", second(good.Predict(t.Context(), nil)), nil},
		{"24 columns for 25", second(good.Predict(t.Context(),
			tiles(mat.NewDense(2, 24, nil)))), nil},
		{"cross matrix is NaN in row 1, column 2", second(good.Predict(t.Context(),
			tiles(nanCross))), nil},
		{"12 values K(x, x) for the 13 rows", second(good.Variance(t.Context(), tiles(cross),
			make([]float64, 12))), nil},
		{"must be 13×13", second(good.Covariance(t.Context(), tiles(cross), tiles(gram))), nil},
		{"must be 13×13", second(good.Covariance(t.Context(), tiles(cross), nil)), nil},
		{"test points is NaN in row 2, column 5", second(good.Covariance(t.Context(),
			tiles(cross), tiles(nanTest))), nil},
	} {
		mustSay(t, c.err, c.says, c.as)
	}
	if _, err := good.Covariance(t.Context(), tiles(cross), tiles(test)); err != nil {
		t.Error(err)
	}
}

// What is given is not changed, nor kept.
func TestRidgeKeepsItsInput(t *testing.T) {
	gram, cross, y, _ := wide(t, 60)
	g0, y0 := mat.DenseCopyOf(gram), mat.DenseCopyOf(y)
	r, err := regress.NewRidge(t.Context(), tiles(gram), y, &regress.RidgeSettings{Ridge: 1e-2})
	if err != nil {
		t.Fatal(err)
	}
	f, loo := ntk.Must(r.Predict(t.Context(), tiles(cross))), r.LeaveOneOut()
	if !mat.Equal(gram, g0) || !mat.Equal(y, y0) {
		t.Error("the input changed")
	}
	gram.SetSym(0, 0, 1e6)
	y.Set(0, 0, 1e6)
	r.Weights().Set(0, 0, 1e6)
	if !mat.Equal(f, ntk.Must(r.Predict(t.Context(), tiles(cross)))) ||
		!mat.Equal(loo, r.LeaveOneOut()) {
		t.Error("the regression changed with its input")
	}
}
