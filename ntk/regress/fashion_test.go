//go:build verify

package regress_test

import (
	"compress/gzip"
	"io"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/regress"
	"gonum.org/v1/gonum/mat"
)

func fashionRaw(t testing.TB, n int) (ntk.Inputs[float64], *mat.Dense) {
	t.Helper()
	read := func(name string, skip, size int) []byte {
		dir := os.Getenv("KERNELSMITH_DATA")
		f, err := os.Open(filepath.Join(dir, "fashion-mnist", name))
		if err != nil {
			t.Skip(err)
		}
		defer f.Close()
		z, err := gzip.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		b := make([]byte, skip+size)
		if _, err := io.ReadFull(z, b); err != nil {
			t.Fatal(err)
		}
		return b[skip:]
	}
	const d = 784
	pixels := read("train-images-idx3-ubyte.gz", 16, n*d)
	labels := read("train-labels-idx1-ubyte.gz", 8, n)
	x, y := ntk.Inputs[float64]{Rows: make([]float64, n*d), N: n, D: d}, mat.NewDense(n, 10, nil)
	for i := range n {
		row := x.Rows[i*d : (i+1)*d]
		for j, p := range pixels[i*d : (i+1)*d] {
			row[j] = float64(p)
		}
		y.Set(i, int(labels[i]), 1)
	}
	return x, y
}

func TestConditionOfFashion(t *testing.T) {
	K := ntk.Must(ntk.Must(ntk.UniformFCN(4, ntk.ReLU{}, math.Sqrt2, 0.1)).NTK())
	for _, n := range []int{2000, 4000} {
		x, y := fashionRaw(t, n)
		r, err := regress.NewRidge(t.Context(), ntk.Must(ntk.GramTiles(t.Context(), K, x)), y, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Log(n, r.Condition())
	}
}
