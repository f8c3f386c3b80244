package ntk_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
	"gonum.org/v1/gonum/mat"
)

// Tiles of any shape, several at once, have the entries of the whole matrix: on one sphere, for
// any norms, with equal and opposite rows, in both precisions, symmetric or not.
func TestTiles(t *testing.T) {
	testTiles[float64](t, 1e-13)
	testTiles[float32](t, 2e-6)
}

func testTiles[T float32 | float64](t *testing.T, tol float64) {
	const n, m, d = 70, 41, 5
	r := rand.New(rand.NewPCG(5, 6))
	rows := func(n int, unit bool) ntk.Inputs[T] {
		x := ntk.Inputs[T]{Rows: make([]T, n*d), N: n, D: d}
		for i := range n {
			row, sum := x.Rows[i*d:(i+1)*d], 0.0
			for j := range row {
				row[j] = T(r.NormFloat64())
				sum += float64(row[j]) * float64(row[j])
			}
			for j := range row {
				if unit {
					row[j] *= T(math.Sqrt(d / sum))
				}
				if i == 7 || i == 8 {
					row[j] = x.Rows[2*d+j] * T(15-2*i) // row 2, and less row 2
				}
			}
		}
		return x
	}
	ctx := context.Background()
	for _, unit := range []bool{true, false} {
		x, z := rows(n, unit), rows(m, unit)
		for _, K := range []ntk.Kernel{
			ntk.Must(deepReLU().NTK()), ntk.Must(ntk.LaplaceKernel(1)),
			ntk.Must(ntk.Must(ntk.UniformFCN(1, ntk.PublishedMimic(), 1, 0)).NNGP()),
		} {
			gram, cross := make([]T, n*n), make([]T, m*n)
			ntk.Must(0, ntk.GramInto(ctx, gram, K, x, nil))
			ntk.Must(0, ntk.CrossInto(ctx, cross, K, z, x, nil))
			compareTiles(t, ntk.Must(ntk.GramTiles(ctx, K, x)), gram, tol)
			compareTiles(t, ntk.Must(ntk.CrossTiles(ctx, K, z, x)), cross, tol)
		}
	}
}

func compareTiles[T float32 | float64](t *testing.T, tiles ntk.Tiles[T], want []T, tol float64) {
	t.Helper()
	rows, columns := tiles.Dims()
	if rows*columns != len(want) {
		t.Fatalf("%d×%d tiles for %d entries", rows, columns, len(want))
	}
	top := 0.0
	for _, v := range want {
		top = math.Max(top, math.Abs(float64(v)))
	}
	var group sync.WaitGroup
	for i0 := 0; i0 < rows; i0 += 17 {
		for j0 := 0; j0 < columns; j0 += 23 {
			group.Go(func() {
				i1, j1 := min(i0+17, rows), min(j0+23, columns)
				dst := make([]T, (i1-i0)*(j1-j0))
				if err := tiles.Tile(context.Background(), dst, i0, i1, j0, j1); err != nil {
					t.Error(err)
					return
				}
				for i := i0; i < i1; i++ {
					for j := j0; j < j1; j++ {
						got := dst[(i-i0)*(j1-j0)+j-j0]
						if off := float64(got - want[i*columns+j]); !(math.Abs(off) <= tol*top) {
							t.Errorf("entry %d, %d is off by %g of %g", i, j, off, top)
							return
						}
					}
				}
			})
		}
	}
	group.Wait()
}

func TestBadTiles(t *testing.T) {
	ctx := context.Background()
	K := ntk.Must(deepReLU().NTK())
	tiles := ntk.Must(ntk.GramTiles(ctx, K, ntk.Inputs[float64]{Rows: []float64{1, 2, 3, 4}, N: 2,
		D: 2}))
	for _, c := range []struct {
		tiles          ntk.Tiles[float64]
		entries        int
		i0, i1, j0, j1 int
		want           string
	}{
		{tiles, 1, 1, 1, 0, 1, "none of a 2×2"}, {tiles, 6, 0, 3, 0, 2, "none of a 2×2"},
		{tiles, 1, -1, 0, 0, 1, "none of"}, {tiles, 3, 0, 2, 0, 2, "3 entries"},
		{ntk.MatrixTiles(mat.NewDense(1, 3, nil)), 3, 0, 1, 1, 4, "none of a 1×3"},
	} {
		err := c.tiles.Tile(ctx, make([]float64, c.entries), c.i0, c.i1, c.j0, c.j1)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
	_, err := ntk.GramTiles(ctx, K, ntk.Inputs[float64]{Rows: []float64{1, math.NaN()}, N: 1, D: 2})
	var nonFinite *ntk.NonFiniteError
	if !errors.As(err, &nonFinite) {
		t.Errorf("%v", err)
	}
	given := make([]float64, 2)
	m := mat.NewDense(2, 3, []float64{1, 2, 3, 4, 5, 6})
	ntk.Must(0, ntk.MatrixTiles(m).Tile(ctx, given, 0, 2, 1, 2))
	if given[0] != 2 || given[1] != 5 {
		t.Errorf("column %v", given)
	}
}

// Within a tile, mirror images are equal to the bit, so that a whole matrix in one tile is
// symmetric, which inner products in single precision alone are not.
func TestMirroredWithinTiles(t *testing.T) {
	const n, d = 150, 784
	r := rand.New(rand.NewPCG(7, 8))
	x := ntk.Inputs[float32]{Rows: make([]float32, n*d), N: n, D: d}
	for i := range x.Rows {
		x.Rows[i] = float32(1 + 0.1*float64(i/d%7)*r.NormFloat64())
	}
	tiles := ntk.Must(ntk.GramTiles(t.Context(), ntk.Must(deepReLU().NTK()), x))
	for _, at := range [][4]int{{0, n, 0, n}, {30, 100, 30, 100}, {3, 90, 20, n}, {20, n, 3, 90}} {
		i0, i1, j0, j1 := at[0], at[1], at[2], at[3]
		k := make([]float32, (i1-i0)*(j1-j0))
		ntk.Must(0, tiles.Tile(t.Context(), k, i0, i1, j0, j1))
		for i := max(i0, j0); i < min(i1, j1); i++ {
			for j := max(i0, j0); j < min(i1, j1); j++ {
				a, b := k[(i-i0)*(j1-j0)+j-j0], k[(j-i0)*(j1-j0)+i-j0]
				if a != b {
					t.Fatalf("tile %v: K[%d, %d] = %v, K[%d, %d] = %v", at, i, j, a, j, i, b)
				}
			}
		}
	}
}
