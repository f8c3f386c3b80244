//go:build verify

package cnn_test

import (
	"context"
	"math"
	"testing"

	"github.com/kernelsmith/kernelsmith/data"
	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/cnn"
	"github.com/kernelsmith/kernelsmith/ntk/inverse"
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

// One layer on patches of photographs, which may be nearly equal: single precision has pooled
// kernels of smooth curves, and powers, to 1e-6 of √(K(x, x) K(x', x')), c^20 to 2e-6; that of
// ReLU's NTK, with its root at c = 1, to 1e-5.
func TestPooledPhotographs(t *testing.T) {
	set, err := data.CIFAR10(10)
	if err != nil {
		t.Fatal(err)
	}
	const n = 8
	x := ntk.Inputs[float64]{N: n, D: 3072}
	for i := range n {
		x.Rows = append(x.Rows, set.Row(i, make([]float64, x.D))...)
	}
	m := cnn.Image{Height: 32, Width: 32, Channels: 3, ChannelsFirst: true}
	off := func(got []float32, want []float64) (worst float64) {
		for k, v := range want {
			size := math.Sqrt(want[k/n*(n+1)] * want[k%n*(n+1)])
			worst = math.Max(worst, math.Abs(float64(got[k])-v)/size)
		}
		return worst
	}
	relu := ntk.Must(ntk.UniformFCN(1, ntk.ReLU{}, 1, 0))
	for _, center := range []bool{false, true} {
		for _, pools := range [][]cnn.Layer{nil, {cnn.AveragePool{Window: [2]int{14, 14}}}} {
			l := ntk.Must(cnn.NewOneLayer(m, append([]cnn.Layer{cnn.Patches{
				Filter: [2]int{6, 6}, Padding: cnn.Valid, Center: center,
				Normalize: cnn.EachPatch, Flat: true}, cnn.Conv{Filter: [2]int{1, 1}}}, pools...),
				cnn.Readout{}))
			for name, c := range map[string]struct {
				curve     inverse.Target
				tolerance float64
			}{
				"c^3":  {ntk.Must(ntk.NewPowerSeries([]float64{0, 0, 0, 1})), 1e-6},
				"NNGP": {ntk.Must(relu.NNGP()), 1e-6},
				"NTK":  {ntk.Must(relu.NTK()), 1e-5},
			} {
				e := off(pooledGram(l, c.curve, single(x)), pooledGram(l, c.curve, x))
				t.Logf("center %v, %d pools, %s: %.2g", center, len(pools), name, e)
				if !(e < c.tolerance) {
					t.Errorf("center %v, %d pools, %s: off by %.2g", center, len(pools), name, e)
				}
			}
			dst, dst32 := make([][]float64, 21), make([][]float32, 21)
			for k := range dst {
				dst[k], dst32[k] = make([]float64, n*n), make([]float32, n*n)
			}
			ntk.Must(0, cnn.PooledPowersInto(t.Context(), dst, l, x, nil))
			ntk.Must(0, cnn.PooledPowersInto(t.Context(), dst32, l, single(x), nil))
			for _, k := range []int{1, 2, 5, 20} {
				e := off(dst32[k], dst[k])
				t.Logf("center %v, %d pools, power %d: %.2g", center, len(pools), k, e)
				if !(e < 1e-6 || k == 20 && e < 2e-6) {
					t.Errorf("center %v, %d pools, power %d: off by %.2g", center, len(pools), k, e)
				}
			}
		}
	}
}
