package regress_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/regress"
	"gonum.org/v1/gonum/mat"
)

func ExamplePredict() {
	K := ntk.Must(ntk.GaussianKernel(1))
	ctx := context.Background()
	x := ntk.Inputs[float32]{Rows: []float32{-1, 0, 1}, N: 3, D: 1}
	z := ntk.Inputs[float32]{Rows: []float32{0.5}, N: 1, D: 1}
	y := mat.NewDense(3, 1, []float64{1, 0, 1})
	fit, err := regress.Solve(ctx, ntk.Must(ntk.GramTiles(ctx, K, x)), y, nil)
	if err != nil {
		panic(err)
	}
	f, err := regress.Predict(ctx, ntk.Must(ntk.CrossTiles(ctx, K, z, x)), fit.Weights)
	fmt.Printf("%.3f %v\n", f.At(0, 0), err)
	// Output: 0.342 <nil>
}

// From a cross matrix in single precision the predictions are those of its entries, in double.
func TestPredictSingle(t *testing.T) {
	const n, m = 700, 530 // several tiles each way
	x, z := rowsOf(n, 4, 0), rowsOf(m, 4, 0.7)
	K := ntk.Must(ntk.LaplaceKernel(1))
	gram := ntk.Must(ntk.GramTiles(t.Context(), K, x))
	r := ntk.Must(regress.NewRidge(t.Context(), gram, outputs(n),
		&regress.RidgeSettings{Ridge: 0.1}))
	exact := ntk.Must(ntk.CrossTiles(t.Context(), K, z, x))
	want := ntk.Must(r.Predict(t.Context(), exact))
	near(t, "in double precision", ntk.Must(regress.Predict(t.Context(), exact, r.Weights())), want,
		0)
	rough := ntk.Must(ntk.CrossTiles(t.Context(), K, single(z), single(x)))
	got := ntk.Must(regress.Predict(t.Context(), rough, r.Weights()))
	near(t, "in single precision", got, want, 1e-5)
	rounded := mat.NewDense(m, n, nil)
	tile := make([]float32, m*n)
	if err := rough.Tile(t.Context(), tile, 0, m, 0, n); err != nil {
		t.Fatal(err)
	}
	for i, v := range tile {
		rounded.RawMatrix().Data[i] = float64(v)
	}
	var of mat.Dense
	of.Mul(rounded, r.Weights())
	near(t, "of the entries", got, &of, 1e-6) // tiles of other sizes differ by a rounding
}

func TestPredictErrors(t *testing.T) {
	weights := mat.NewDense(3, 1, []float64{1, 2, 3})
	for _, c := range []struct {
		says    string
		cross   ntk.Tiles[float64]
		weights *mat.Dense
	}{
		{"no weights", tiles(mat.NewDense(2, 3, nil)), nil},
		{"no weights", tiles(mat.NewDense(2, 3, nil)), &mat.Dense{}},
		{"cross matrix with entries", nil, weights},
		{"2 columns for 3", tiles(mat.NewDense(2, 2, nil)), weights},
	} {
		_, err := regress.Predict(t.Context(), c.cross, c.weights)
		mustSay(t, err, c.says, nil)
	}
	_, err := (&regress.Fit{}).Predict(t.Context(), tiles(mat.NewDense(2, 2, nil)))
	mustSay(t, err, "no weights", nil)
}
