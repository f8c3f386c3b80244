package cnn_test

import (
	"math"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/cnn"
	"github.com/kernelsmith/kernelsmith/ntk/internal/accel"
	"github.com/kernelsmith/kernelsmith/ntk/internal/parallel"
	"gonum.org/v1/gonum/blas"
)

// quadrants is the layer of 6×6 patches of 32×32 colour images, 729 with stride 1, and four
// windows.
func quadrants(stride, window int) *cnn.OneLayer {
	return ntk.Must(cnn.NewOneLayer(cnn.Image{Height: 32, Width: 32, Channels: 3}, []cnn.Layer{
		cnn.Patches{Filter: [2]int{6, 6}, Stride: [2]int{stride, stride}, Padding: cnn.Valid,
			Center: true, Normalize: cnn.EachPatch},
		cnn.Conv{Filter: [2]int{1, 1}},
		cnn.AveragePool{Window: [2]int{window, window}},
	}, cnn.Readout{}))
}

// The kernel of 6×6 patches with four windows beside the products of these patches alone; ms/pair
// is of all processors. At most three times the product is the goal.
func BenchmarkPooled(b *testing.B) {
	const n = 32
	x := randomImages[float32](1, n, cnn.Image{Height: 32, Width: 32, Channels: 3})
	l := quadrants(1, 14)
	perPair := func(b *testing.B) {
		b.ReportMetric(b.Elapsed().Seconds()*1e3/float64(b.N*n*n), "ms/pair")
	}
	b.Run("product", func(b *testing.B) {
		rows := make([]float32, n*196*108)
		for i := range rows {
			rows[i] = x.Rows[i%len(x.Rows)]
		}
		k := make([]float32, n*196*n*196)
		for b.Loop() {
			for _, patches := range []int{196, 182, 182, 169} {
				accel.Of[float32]().Gemm(blas.NoTrans, blas.Trans, n*patches, n*patches, 108, 1,
					rows, 108, rows, 108, 0, k, n*patches)
			}
		}
		perPair(b)
	})
	// The same in blocks that stay in the caches.
	b.Run("product in blocks", func(b *testing.B) {
		rows := make([]float32, n*196*108)
		for i := range rows {
			rows[i] = x.Rows[i%len(x.Rows)]
		}
		for b.Loop() {
			for _, patches := range []int{196, 182, 182, 169} {
				parallel.For(n/2, 1, func(lo, hi int) {
					k := make([]float32, 2*patches*4*patches)
					for i := lo; i < hi; i++ {
						for j := range n / 4 {
							accel.SerialOf[float32]().Gemm(blas.NoTrans, blas.Trans, 2*patches,
								4*patches, 108, 1, rows[2*i*patches*108:], 108,
								rows[4*j*patches*108:], 108, 0, k, 4*patches)
						}
					}
				})
			}
		}
		perPair(b)
	})
	degree20 := make([]float64, 21)
	for k := range degree20 {
		degree20[k] = math.Exp2(-float64(k))
	}
	relu := ntk.Must(ntk.UniformFCN(1, ntk.ReLU{}, 1, 0))
	deep := ntk.Must(ntk.UniformFCN(4, ntk.ReLU{}, math.Sqrt2, 0.1))
	for name, curve := range map[string]interface {
		Curve(cosines []float64) ([]float64, error)
	}{
		"degree 20": ntk.Must(ntk.NewPowerSeries(degree20)),
		"ReLU NTK":  ntk.Must(relu.NTK()),
		"4HL NTK":   ntk.Must(deep.NTK()),
	} {
		b.Run(name, func(b *testing.B) {
			tiles := ntk.Must(cnn.PooledCrossTiles(b.Context(), l, curve, x, x))
			k := make([]float32, n*n)
			for b.Loop() {
				ntk.Must(0, tiles.Tile(b.Context(), k, 0, n, 0, n))
			}
			perPair(b)
		})
	}
	b.Run("21 powers", func(b *testing.B) {
		dst := make([][]float32, 21)
		for k := range dst {
			dst[k] = make([]float32, n*n)
		}
		for b.Loop() {
			ntk.Must(0, cnn.PooledPowersInto(b.Context(), dst, l, x, nil))
		}
		b.ReportMetric(b.Elapsed().Seconds()*1e3/float64(b.N*n*(n+1)/2), "ms/pair")
	})
}
