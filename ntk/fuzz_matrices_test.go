package ntk_test

import (
	"context"
	"math"
	"testing"

	"github.com/kernelsmith/kernelsmith/internal/fuzzinput"
	"github.com/kernelsmith/kernelsmith/ntk"
	"gonum.org/v1/gonum/mat"
)

// Kernel matrices of any rows by all ways that there are: they agree, are symmetric and, but for
// rounding, positive semidefinite.
func FuzzKernelMatrices(f *testing.F) {
	f.Add(fuzzinput.Bytes(1, 0, 0, 1, 1, 1, -1, 0), byte(2), byte(0))
	f.Add(fuzzinput.Bytes(1, 1e-9, 1, 0, 1e9, 1, 1e9, 0), byte(2), byte(4))
	f.Add(fuzzinput.Bytes(1e-200, 1e200, 0, 0, math.Inf(1)), byte(1), byte(10))
	f.Add(fuzzinput.Bytes(3, 3, 3, -3, -3, -3, 0, 0, 0), byte(3), byte(14))
	f.Fuzz(func(t *testing.T, b []byte, columns, kind byte) {
		v := fuzzinput.Numbers(b, 20)
		d := 1 + int(columns)%4
		n := len(v) / d
		phi := activationOf(kind, 0.7, 1.3, -0.4)
		net, err := ntk.UniformFCN(1+int(kind)/128, phi, 1.2, 0.1*float64(columns/128))
		if n == 0 || err != nil {
			return
		}
		x := ntk.Inputs[float64]{Rows: v[:n*d], N: n, D: d}
		K, err := net.NNGP()
		if err != nil {
			return
		}
		gram := make([]float64, n*n)
		progress := -1
		if err := ntk.GramInto(t.Context(), gram, K, x, func(done, total int) {
			if done < progress || done > total {
				t.Errorf("%d of %d after %d", done, total, progress)
			}
			progress = done
		}); err != nil {
			return
		}
		checkGram(t, net, K, x, gram)
	})
}

func checkGram(
	t *testing.T, net *ntk.FCN, K ntk.Kernel, x ntk.Inputs[float64], gram []float64,
) {
	n := x.N
	trace := 0.0
	for i := range n {
		trace += gram[i*n+i]
	}
	near := func(what string, got []float64) {
		for i, g := range got {
			most := math.Sqrt(math.Abs(gram[i/n*n+i/n]) * math.Abs(gram[i%n*n+i%n]))
			if math.IsNaN(g) || math.Abs(g-gram[i]) > 1e-6*most {
				t.Errorf("%v: entry %d, %d is %v, %s %v; rows %v", K, i/n, i%n, gram[i], what, g,
					x.Rows)
			}
		}
	}
	for i := range n {
		for j := range n {
			if v := gram[i*n+j]; v != gram[j*n+i] || math.IsInf(v, 0) {
				t.Errorf("%v: entry %d, %d is %v, across the diagonal %v", K, i, j, v, gram[j*n+i])
			}
		}
	}
	other := make([]float64, n*n)
	if err := ntk.CrossInto(t.Context(), other, K, x, x, nil); err != nil {
		t.Errorf("%v: a Gram matrix, but no cross matrix: %v", K, err)
	} else {
		near("in the cross matrix", other)
	}
	nngp, tangent := make([]float64, n*n), make([]float64, n*n)
	if err := ntk.GramBothInto(t.Context(), nngp, tangent, net, x, nil); err == nil {
		near("with the NTK", nngp)
	}
	if products, err := ntk.NewProducts(t.Context(), x); err == nil {
		if err := products.Into(t.Context(), other, K, nil); err != nil {
			t.Errorf("%v: a Gram matrix, but not by its products: %v", K, err)
		}
		near("by its products", other)
	}
	if tiles, err := ntk.GramTiles(t.Context(), K, x); err != nil {
		t.Errorf("%v: a Gram matrix, but no tiles: %v", K, err)
	} else if err := tiles.Tile(context.Background(), other[:n], n-1, n, 0, n); err != nil {
		t.Errorf("%v: a Gram matrix, but not its last row: %v", K, err)
	} else {
		copy(other[(n-1)*n:], other[:n])
		copy(other, gram[:(n-1)*n])
		near("in a tile", other)
	}
	if trace == 0 || math.IsInf(trace, 0) {
		return
	}
	var e mat.EigenSym
	scaled := make([]float64, n*n)
	for i, v := range gram {
		scaled[i] = v / trace
	}
	if !e.Factorize(mat.NewSymDense(n, scaled), false) || !(e.Values(nil)[0] >= -1e-7) {
		t.Errorf("%v: eigenvalues %v of the trace, rows %v", K, e.Values(nil), x.Rows)
	}
}

// What compares outputs with targets takes matrices of any shape and says what does not fit.
func FuzzScores(f *testing.F) {
	f.Add(fuzzinput.Bytes(1, 2, 3, 4), fuzzinput.Bytes(1, 0, 0, 1), byte(2), byte(2))
	f.Add(fuzzinput.Bytes(math.NaN(), 2), fuzzinput.Bytes(0, 1e300), byte(1), byte(1))
	f.Add(fuzzinput.Bytes(1, 2, 3), fuzzinput.Bytes(1), byte(3), byte(1))
	f.Fuzz(func(t *testing.T, b, c []byte, m, n byte) {
		of := func(b []byte, columns byte) *mat.Dense {
			v := fuzzinput.Numbers(b, 24)
			d := 1 + int(columns)%4
			if len(v) < d {
				return &mat.Dense{}
			}
			return mat.NewDense(len(v)/d, d, v[:len(v)/d*d])
		}
		x, y := of(b, m), of(c, n)
		if v, err := ntk.MSE(x, y); err == nil && v < 0 {
			t.Errorf("a mean squared error of %v", v)
		}
		if v, err := ntk.Accuracy(x, y); err == nil && !(v >= 0 && v <= 1) {
			t.Errorf("an accuracy of %v", v)
		}
		if r, err := ntk.Accuracy(y, y); err == nil && !mat.Equal(y, y) && r == 1 {
			t.Error("a row with NaN counts as right")
		}
		checkValues(t, fuzzinput.Numbers(b, 24), m)
	})
}

func checkValues(t *testing.T, z []float64, kind byte) {
	phi := activationOf(kind, 0.7, 1.3, -0.4)
	v, err := ntk.Values(phi, z)
	if err != nil {
		return
	}
	for i := range v {
		if math.IsNaN(v[i]) || math.IsInf(v[i], 0) {
			t.Errorf("%v at %v: %v without an error", phi, z[i], v[i])
		}
	}
	if b, err := ntk.HermiteCoeffs(phi, 1, len(z)); err == nil {
		for k := range b {
			if math.IsNaN(b[k]) {
				t.Errorf("%v: coefficients %v", phi, b)
			}
		}
	}
	for _, places := range [][]float64{ntk.KinksOf(phi), ntk.JumpsOf(phi)} {
		for i := 1; i < len(places); i++ {
			if !(places[i-1] < places[i]) {
				t.Errorf("%v: places %v do not ascend", phi, places)
			}
		}
	}
}
