package regress_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/regress"
	"gonum.org/v1/gonum/mat"
)

func ExampleNewDescent() {
	net := ntk.Must(ntk.UniformFCN(4, ntk.ReLU{}, math.Sqrt2, 0.1))
	K := ntk.Must(net.NTK())
	x := mat.NewDense(3, 2, []float64{1, 1, 1, -1, -1, 1})
	z := mat.NewDense(1, 2, []float64{-1, -1})
	y := mat.NewDense(3, 1, []float64{1, -1, -1})
	d, err := regress.NewDescent(
		context.Background(),
		ntk.MatrixTiles(ntk.Must(K.Gram(x))),
		ntk.MatrixTiles(ntk.Must(K.Cross(z, x))),
		y,
		0.1,
	)
	if err != nil {
		panic(err)
	}
	train, test, err := d.At(1000)
	if err != nil {
		panic(err)
	}
	fmt.Printf("train %.4f, test %.4f, stable below η = %.4f\n", mat.Formatted(train.T()),
		test.At(0, 0), d.Limit())
	// Output: train [ 1.0000  -1.0000  -1.0000], test -0.3507, stable below η = 0.3862
}

func ExampleDescent_At() {
	one := mat.NewSymDense(1, []float64{1})
	x := mat.NewDense(1, 1, []float64{1})
	d, err := regress.NewDescent(
		context.Background(),
		ntk.MatrixTiles(one),
		ntk.MatrixTiles(x),
		x,
		0.25,
	)
	if err != nil {
		panic(err)
	}
	for _, epoch := range []int{0, 1, 2} { // 1 - (1 - 2·0.25)^t
		train, _, _ := d.At(epoch)
		fmt.Print(train.At(0, 0), " ")
	}
	// Output: 0 0.5 0.75
}

func ExampleUnstableError() {
	one := mat.NewSymDense(1, []float64{4})
	x := mat.NewDense(1, 1, []float64{1})
	_, err := regress.NewDescent(
		context.Background(),
		ntk.MatrixTiles(one),
		ntk.MatrixTiles(x),
		x,
		0.5,
	)
	what, why, _ := strings.Cut(err.Error(), ": gradient")
	fmt.Printf("%s\ngradient%s\n", what, why)
	// Output:
	// regress: learning rate 0.5 is unstable
	// gradient descent on this kernel converges below 0.25
}

func ExampleIndefiniteError() {
	x := mat.NewDense(1, 2, []float64{1, 1})
	_, err := regress.NewDescent(
		context.Background(),
		ntk.MatrixTiles(mat.NewSymDense(2, []float64{1, 2, 2, 1})),
		ntk.MatrixTiles(x),
		mat.NewDense(2, 1, nil),
		0.1,
	)
	fmt.Println(err)
	// Output:
	// regress: the Gram matrix is not positive semidefinite: its eigenvalues go from -1 to 3
}

func problem(t *testing.T) (K ntk.Kernel, gram *mat.SymDense, cross, y *mat.Dense) {
	t.Helper()
	r := rand.New(rand.NewPCG(5, 6))
	const n, m, d, o = 25, 7, 4, 3
	fill := func(rows, cols int) *mat.Dense {
		a := mat.NewDense(rows, cols, nil)
		for i := range rows {
			for j := range cols {
				a.Set(i, j, r.NormFloat64())
			}
		}
		return a
	}
	x, z := fill(n, d), fill(m, d)
	x.SetRow(1, x.RawRowView(0)) // a duplicate: an eigenvalue 0
	K = ntk.Must(ntk.Must(ntk.UniformFCN(2, ntk.ReLU{}, math.Sqrt2, 0.1)).NTK())
	return K, ntk.Must(K.Gram(x)), ntk.Must(K.Cross(z, x)), fill(n, o)
}

// The closed form against the iteration itself: in function space a step is
// f ← f - (2η/n) Θ (f - y), on training and test points alike.
func TestAgainstTheIteration(t *testing.T) {
	_, gram, cross, y := problem(t)
	const rate = 0.2
	d, err := regress.NewDescent(t.Context(), tiles(gram), tiles(cross), y, rate)
	if err != nil {
		t.Fatal(err)
	}
	n, o := y.Dims()
	m, _ := cross.Dims()
	f, g := mat.NewDense(n, o, nil), mat.NewDense(m, o, nil)
	for epoch := 0; epoch <= 200; epoch++ {
		if epoch < 3 || epoch%50 == 0 {
			train, test, err := d.At(epoch)
			if err != nil {
				t.Fatal(err)
			}
			if !mat.EqualApprox(train, f, 1e-11) || !mat.EqualApprox(test, g, 1e-11) {
				t.Errorf("epoch %d: the closed form differs from the iteration", epoch)
			}
		}
		var residual, df, dg mat.Dense
		residual.Sub(f, y)
		df.Mul(gram, &residual)
		dg.Mul(cross, &residual)
		df.Scale(2*rate/float64(n), &df)
		dg.Scale(2*rate/float64(n), &dg)
		f.Sub(f, &df)
		g.Sub(g, &dg)
	}
}

// At λ = 0 exactly, a constant gradient: f grows by 2η/n · Θ y a step.
func TestZeroEigenvalue(t *testing.T) {
	gram := mat.NewSymDense(2, []float64{1, 0, 0, 0})
	cross := mat.NewDense(1, 2, []float64{0, 3})
	y := mat.NewDense(2, 1, []float64{5, 7})
	d, err := regress.NewDescent(t.Context(), tiles(gram), tiles(cross), y, 0.5)
	if err != nil {
		t.Fatal(err)
	}
	_, test, err := d.At(10)
	if err != nil {
		t.Fatal(err)
	}
	if want := 2 * 0.5 / 2 * 10 * 3 * 7.0; math.Abs(test.At(0, 0)-want) > 1e-12 {
		t.Errorf("test output %v, want %v", test.At(0, 0), want)
	}
}

// A rate between half the limit and the limit overshoots and still converges.
func TestOvershoot(t *testing.T) {
	gram := mat.NewSymDense(1, []float64{1})
	d, err := regress.NewDescent(t.Context(), tiles(gram), tiles(mat.NewDense(1, 1, []float64{1})),
		mat.NewDense(1, 1, []float64{1}), 0.9)
	if err != nil {
		t.Fatal(err)
	}
	for epoch, want := range []float64{0, 1.8, 0.36, 1.512} { // 1 - (-0.8)^t
		train, test, _ := d.At(epoch)
		if math.Abs(train.At(0, 0)-want) > 1e-15 || math.Abs(test.At(0, 0)-want) > 1e-15 {
			t.Errorf("epoch %d: %v and %v, want %v", epoch, train.At(0, 0), test.At(0, 0), want)
		}
	}
}

// Kernels of parallel and of nearly equal inputs are singular up to rounding,
// which a kink magnifies: they are kernels all the same.
func TestNearlySingular(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for trial := range 30 {
		line, near := mat.NewDense(10, 1, nil), mat.NewDense(10, 3, nil)
		for i := range 10 {
			line.Set(i, 0, r.NormFloat64())
			near.SetRow(i, []float64{1 + 1e-9*r.NormFloat64(), -2, 0.5})
		}
		for _, x := range []*mat.Dense{line, near} {
			for _, depth := range []int{1, 4} {
				for _, phi := range []ntk.Activation{ntk.ReLU{}, ntk.PublishedMimic()} {
					K := ntk.Must(ntk.Must(ntk.UniformFCN(depth, phi, math.Sqrt2, 0)).NTK())
					gram := ntk.Must(K.Gram(x))
					largest := mat.Trace(gram) // bounds λ_max
					if _, err := regress.NewDescent(
						t.Context(),
						tiles(gram),
						tiles(ntk.Must(K.Cross(x, x))),
						mat.NewDense(10, 1, nil),
						1/largest,
					); err != nil {
						t.Fatalf("trial %d, depth %d, %v: %v", trial, depth, phi, err)
					}
				}
			}
		}
	}
}

func TestBadInput(t *testing.T) {
	_, gram, cross, y := problem(t)
	nan := mat.DenseCopyOf(y)
	nan.Set(3, 1, math.NaN())
	infinite := mat.NewSymDense(25, nil)
	infinite.SetSym(4, 6, math.Inf(1))
	indefinite := mat.NewSymDense(25, nil)
	indefinite.SetSym(0, 0, 1)
	indefinite.SetSym(1, 1, -1)
	good, err := regress.NewDescent(t.Context(), tiles(gram), tiles(cross), y, 0.1)
	if err != nil {
		t.Fatal(err)
	}
	call := func(g *mat.SymDense, c, y *mat.Dense, rate float64) error {
		_, err := regress.NewDescent(t.Context(), tiles(g), tiles(c), y, rate)
		return err
	}
	at := func(epoch int) error {
		_, _, err := good.At(epoch)
		return err
	}
	var unstable *regress.UnstableError
	var notPSD *regress.IndefiniteError
	for _, c := range []struct {
		says string
		err  error
		as   any
	}{
		{"needed", call(nil, cross, y, 0.1), nil},
		{"needed", call(gram, &mat.Dense{}, y, 0.1), nil},
		{"learning rate is 0", call(gram, cross, y, 0), nil},
		{"24 columns for 25", call(gram, mat.NewDense(2, 24, nil), y, 0.1), nil},
		{"3 rows of targets for 25", call(gram, cross, mat.NewDense(3, 1, nil), 0.1), nil},
		{"target is NaN in row 3, column 1", call(gram, cross, nan, 0.1), nil},
		{"Gram matrix is +Inf in row 4, column 6", call(infinite, cross, y, 0.1), nil},
		{"positive semidefinite", call(indefinite, cross, y, 0.1), &notPSD},
		{"unstable", call(gram, cross, y, good.Limit()), &unstable},
		{"epoch is -1", at(-1), nil},
	} {
		mustSay(t, c.err, c.says, c.as)
	}
	if unstable != nil && unstable.Limit != good.Limit() {
		t.Errorf("limit %v, want %v", unstable.Limit, good.Limit())
	}
}
