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
	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
)

// fashion returns the first n training images, less their mean and on the sphere ‖x‖² = d, and
// their classes as 0 and 1.
func fashion(t testing.TB, n int) (ntk.Inputs[float64], *mat.Dense) {
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
	mean := 0.0
	for _, p := range pixels {
		mean += float64(p) / float64(len(pixels))
	}
	for i := range n {
		row := x.Rows[i*d : (i+1)*d]
		for j, p := range pixels[i*d : (i+1)*d] {
			row[j] = float64(p) - mean
		}
		// By parts, since the rounding of one long sum would take the images off one sphere.
		sum := 0.0
		for j := 0; j < d; j += 28 {
			sum += floats.Dot(row[j:j+28], row[j:j+28])
		}
		floats.Scale(math.Sqrt(d/sum), row)
		y.Set(i, int(labels[i]), 1)
	}
	return x, y
}

func deepNTK() ntk.Kernel {
	return ntk.Must(ntk.Must(ntk.UniformFCN(4, ntk.ReLU{}, math.Sqrt2, 0.1)).NTK())
}

// The condition number of images grows with their number as their nearest pairs have it.
func TestConditionOfFashion(t *testing.T) {
	for _, c := range []struct {
		n    int
		want float64 // the ratio of all eigenvalues' ends
	}{{2000, 8786}, {4000, 6e4}, {8000, 1.2e5}} {
		x, _ := fashion(t, c.n)
		train := ntk.Must(ntk.GramTiles(t.Context(), deepNTK(), x))
		d, err := regress.Diagnose(t.Context(), train, 10, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Log(d)
		if off := math.Abs(math.Log(d.Condition / c.want)); off > math.Log(1.2) {
			t.Errorf("%d images: condition number %.3g, want %.3g", c.n, d.Condition, c.want)
		}
	}
}
