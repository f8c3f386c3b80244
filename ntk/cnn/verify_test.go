//go:build verify

package cnn_test

import (
	"context"
	"math"
	"testing"

	"github.com/kernelsmith/kernelsmith/data"
	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/cnn"
	"gonum.org/v1/gonum/mat"
)

// On photographs, of which many patches are nearly equal, single precision has the kernels to 1e-6
// of √(K(x, x) K(x', x')), and they are positive semidefinite.
func TestPhotographs(t *testing.T) {
	set, err := data.CIFAR10(10)
	if err != nil {
		t.Fatal(err)
	}
	const n = 8
	x := ntk.Inputs[float64]{N: n, D: 3072}
	for i := range n {
		for _, v := range set.Row(i, make([]float64, x.D)) {
			x.Rows = append(x.Rows, v/255)
		}
	}
	m := cnn.Image{Height: 32, Width: 32, Channels: 3, ChannelsFirst: true}
	c := cnn.Conv{Filter: [2]int{3, 3}, Activation: ntk.ReLU{}, WeightStd: math.Sqrt2}
	p := cnn.AveragePool{Window: [2]int{2, 2}}
	for _, layers := range [][]cnn.Layer{{c, c, c}, {c, c, p, c, p, c, p}} {
		for _, average := range []bool{true, false} {
			a := ntk.Must(cnn.NewArchitecture(m, layers, cnn.Readout{WeightStd: 1,
				GlobalAverage: average}))
			nngp, ntkK := make([]float64, n*n), make([]float64, n*n)
			ntk.Must(0, cnn.GramInto(context.Background(), nngp, ntkK, a, x, nil))
			nngp32, ntk32 := make([]float32, n*n), make([]float32, n*n)
			ntk.Must(0, cnn.GramInto(context.Background(), nngp32, ntk32, a, single(x), nil))
			for k, pair := range map[*[]float32][]float64{&nngp32: nngp, &ntk32: ntkK} {
				for i := range n {
					for j := range n {
						size := math.Sqrt(pair[i*n+i] * pair[j*n+j])
						if off := math.Abs(float64((*k)[i*n+j])-pair[i*n+j]) / size; !(off < 1e-6) {
							t.Errorf("%v: images %d, %d are off by %.2g", a, i, j, off)
						}
					}
				}
				var eig mat.EigenSym
				eig.Factorize(mat.NewSymDense(n, pair), false)
				if v := eig.Values(nil); !(v[0] > 0) {
					t.Errorf("%v: eigenvalues %v", a, v)
				}
			}
		}
	}
}
