package regress_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/regress"
	"gonum.org/v1/gonum/mat"
)

// tiles shortens the calls of tests.
var tiles = ntk.MatrixTiles

// Tiles of a kernel give what its whole matrices do, over several tiles and their ragged ends.
func TestTilesInPlaceOfMatrices(t *testing.T) {
	const n, m, d = 1100, 530, 3
	K := ntk.Must(ntk.Must(ntk.UniformFCN(2, ntk.Erf{}, 1.5, 0.1)).NTK())
	rows := func(n int, phase float64) *mat.Dense {
		x := mat.NewDense(n, d, nil)
		x.Apply(func(i, j int, _ float64) float64 {
			return math.Sin(phase + float64(3*i+7*j)*(1+float64(j)))
		}, x)
		return x
	}
	x, z, y := rows(n, 0), rows(m, 1), rows(n, 2)
	inputs := func(x *mat.Dense) ntk.Inputs[float64] {
		r, c := x.Dims()
		return ntk.Inputs[float64]{Rows: x.RawMatrix().Data, N: r, D: c}
	}
	train := ntk.Must(ntk.GramTiles(t.Context(), K, inputs(x)))
	cross := ntk.Must(ntk.CrossTiles(t.Context(), K, inputs(z), inputs(x)))
	whole := tiles(ntk.Must(K.Gram(x)))
	between := tiles(ntk.Must(K.Cross(z, x)))
	ridge := &regress.RidgeSettings{RelativeRidge: 1e-2}
	a := ntk.Must(regress.NewRidge(t.Context(), train, y, ridge))
	b := ntk.Must(regress.NewRidge(t.Context(), whole, y, ridge))
	near(t, "regression", ntk.Must(a.Predict(t.Context(), cross)),
		ntk.Must(b.Predict(t.Context(), between)), 1e-11)
	rate := 0.1 / 5
	f := ntk.Must(regress.NewDescent(t.Context(), train, cross, y, rate))
	g := ntk.Must(regress.NewDescent(t.Context(), whole, between, y, rate))
	_, af, err := f.At(100)
	bf := ntk.Must(second2(g.At(100)))
	near(t, "descent", ntk.Must(af, err), bf, 1e-11)
}

// mustSay reports an error that is nil, does not say that, or is not of the type that as points to.
func mustSay(t *testing.T, err error, says string, as any) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), says) {
		t.Errorf("error %v, must say %q", err, says)
	}
	if as != nil && !errors.As(err, as) {
		t.Errorf("%v has type %T", err, err)
	}
}

func second[T any](_ T, err error) error { return err }

func second2(_, b *mat.Dense, err error) (*mat.Dense, error) { return b, err }

// What a source of tiles reports is reported, and so are shapes that are none of a matrix here.
func TestTilesThatFail(t *testing.T) {
	y := mat.NewDense(2, 1, []float64{1, 2})
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	K := ntk.Must(ntk.GaussianKernel(1))
	x := ntk.Inputs[float64]{Rows: []float64{1, 2, 3, 4}, N: 2, D: 2}
	ofKernel := ntk.Must(ntk.GramTiles(t.Context(), K, x))
	if _, err := regress.NewRidge(ended, ofKernel, y, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end of its context: %v", err)
	}
	if _, err := regress.NewRidge(ended, tiles(mat.NewSymDense(2, []float64{2, 1, 1, 2})), y,
		nil); !errors.Is(err, context.Canceled) {
		t.Errorf("of a matrix, after the end of its context: %v", err)
	}
	one := ntk.Must(regress.NewRidge(t.Context(), tiles(mat.NewSymDense(2,
		[]float64{1, 0.5, 0.5, 1})), y, &regress.RidgeSettings{Ridge: 1e-3}))
	far := tiles(mat.NewDense(1, 2, []float64{50, 50}))
	square := tiles(mat.NewSymDense(2, []float64{2, 1, 1, 2}))
	for says, err := range map[string]error{
		"a Gram matrix of 2×3": second(regress.NewRidge(t.Context(),
			tiles(mat.NewDense(2, 3, nil)), y, nil)),
		"row 1, column 0 and": second(regress.NewRidge(t.Context(),
			tiles(mat.NewDense(2, 2, []float64{2, 1, 0, 2})), y, nil)),
		"beyond double": second(regress.NewRidge(t.Context(),
			tiles(mat.NewSymDense(2, []float64{1e308, 0, 0, 1e308})), y, nil)),
		"not of one kernel": second(one.Variance(t.Context(), far, []float64{1})),
		"variance at point 0": second(one.Covariance(t.Context(), far,
			tiles(mat.NewSymDense(1, []float64{1})))),
		"needed": second(regress.NewRidge(t.Context(), tiles(nil), y, nil)),
		"3 columns for 2": second(regress.NewDescent(t.Context(), square,
			tiles(mat.NewDense(1, 3, nil)), y, 0.1)),
	} {
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %q", err, says)
		}
	}
}
