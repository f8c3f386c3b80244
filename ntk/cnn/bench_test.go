package cnn_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/cnn"
	"github.com/kernelsmith/kernelsmith/ntk/internal/accel"
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/mat"
)

// NNGP and NTK of 16 by 16 colour images in single precision; ms/pair is of all processors.
func BenchmarkPairs(b *testing.B) {
	for _, phi := range []ntk.Activation{ntk.ReLU{}, ntk.Erf{}, ntk.GELU{}} {
		c := cnn.Conv{Filter: [2]int{3, 3}, Activation: phi, WeightStd: 1.4, BiasStd: 0.1}
		p := cnn.AveragePool{Window: [2]int{2, 2}}
		for name, layers := range map[string][]cnn.Layer{"flatten": {c, c, c, c},
			"average": {c, c, c, c}, "three pools": {c, c, p, c, p, c, p}} {
			for _, side := range []int{16, 32} {
				b.Run(fmt.Sprintf("%v/%s/%d", phi, name, side), func(b *testing.B) {
					m := cnn.Image{Height: side, Width: side, Channels: 3}
					a := ntk.Must(cnn.NewArchitecture(m, layers, cnn.Readout{WeightStd: math.Sqrt2,
						GlobalAverage: name != "flatten"}))
					const n = 16
					x := randomImages[float32](1, n, m)
					tiles := ntk.Must(cnn.CrossTiles(b.Context(), a, x, x))
					s, t := make([]float32, n*n), make([]float32, n*n)
					for b.Loop() {
						ntk.Must(0, tiles.Tile(b.Context(), s, t, 0, n, 0, n))
					}
					b.ReportMetric(b.Elapsed().Seconds()*1e3/float64(b.N*n*n), "ms/pair")
				})
			}
		}
	}
}

// A step of gradient descent on 64 colour images of 32 by 32, width 256: the least time, and the
// operations a second of its products as a part of those of bare products, both in the mean, so
// that other work on the machine slows both.
func BenchmarkStep(b *testing.B) {
	const points, width = 64, 256
	c := cnn.Conv{Filter: [2]int{3, 3}, Activation: ntk.ReLU{}, WeightStd: 1.4, BiasStd: 0.1}
	pool := cnn.AveragePool{Window: [2]int{2, 2}}
	for name, layers := range map[string][]cnn.Layer{"one": {c, pool}, "two": {c, c, pool},
		"three pools": {c, c, pool, c, pool, c, pool}} {
		b.Run(name, func(b *testing.B) {
			arch := ntk.Must(cnn.NewArchitecture(cnn.Image{Height: 32, Width: 32, Channels: 3},
				layers, cnn.Readout{WeightStd: 1, GlobalAverage: true}))
			net := ntk.Must(cnn.New(arch, cnn.Config{Width: width, Outputs: 10}))
			pass := net.NewPass(points, false)
			x := randomImages[float32](1, points, arch.Image())
			copy(pass.Inputs(points), x.Rows)
			residual := make([]float32, points*10)
			residual[0] = 1
			least := math.Inf(1)
			for b.Loop() {
				start := time.Now()
				ntk.Must(0, pass.Forward(b.Context()))
				ntk.Must(0, pass.Backward(b.Context(), residual))
				for i, p := range net.Parameters() {
					pass.Gradient(i, -1e-9*p.Scale, 1, p.Values)
				}
				least = math.Min(least, time.Since(start).Seconds())
			}
			var operations float64 // of the products, forward and back
			side, channels := 32., 3.
			for i, l := range layers {
				if l == cnn.Layer(pool) {
					side /= 2
					continue
				}
				times := 3.
				if i == 0 {
					times = 2
				}
				operations += times * 2 * points * side * side * 9 * channels * width
				channels = width
			}
			b.ReportMetric(least*1e3, "ms-least")
			b.ReportMetric(operations/least/1e9, "GFLOP/s")
			mean := b.Elapsed().Seconds() / float64(b.N)
			b.ReportMetric(operations/mean/bareProduct(), "of-product")
		})
	}
}

// bareProduct returns the operations a second of products of the size of a convolution's.
func bareProduct() float64 {
	const m, n, k, times = 1024, 256, 9 * 256, 50
	x, w, y := make([]float32, m*k), make([]float32, n*k), make([]float32, m*n)
	start := time.Now()
	for range times {
		accel.Float32().Sgemm(blas.NoTrans, blas.Trans, m, n, k, 1, x, k, w, k, 0, y, n)
	}
	return 2 * m * n * k * times / time.Since(start).Seconds()
}

// The empirical NTK of one output on 32 colour images of 16 by 16, at some widths.
func BenchmarkEmpiricalNTK(b *testing.B) {
	c := cnn.Conv{Filter: [2]int{3, 3}, Activation: ntk.ReLU{}, WeightStd: 1.4, BiasStd: 0.1}
	m := cnn.Image{Height: 16, Width: 16, Channels: 3}
	arch := ntk.Must(cnn.NewArchitecture(m, []cnn.Layer{c, c}, cnn.Readout{WeightStd: 1}))
	images := randomImages[float64](1, 32, m)
	x := mat.NewDense(images.N, images.D, images.Rows)
	for _, width := range []int{64, 256} {
		b.Run(fmt.Sprint(width), func(b *testing.B) {
			net := ntk.Must(cnn.New(arch, cnn.Config{Width: width, Outputs: 1}))
			least := math.Inf(1)
			for b.Loop() {
				start := time.Now()
				ntk.Must(net.EmpiricalNTK(x, x, 0))
				least = math.Min(least, time.Since(start).Seconds())
			}
			b.ReportMetric(least*1e3, "ms-least")
		})
	}
}
