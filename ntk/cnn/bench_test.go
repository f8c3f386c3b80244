package cnn_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/cnn"
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
