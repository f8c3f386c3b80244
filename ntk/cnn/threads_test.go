package cnn_test

import (
	"math"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/cnn"
	"github.com/kernelsmith/kernelsmith/ntk/internal/threadtest"
)

// Kernels of images in double precision, features and pooled kernels of patches.
func TestKernelsOnAnyThreads(t *testing.T) {
	m := cnn.Image{Height: 7, Width: 6, Channels: 2}
	conv := cnn.Conv{Filter: [2]int{3, 3}, Activation: ntk.ReLU{}, WeightStd: math.Sqrt2,
		BiasStd: 0.1}
	half := cnn.AveragePool{Window: [2]int{2, 2}}
	readout := cnn.Readout{WeightStd: 1, GlobalAverage: true}
	patches := cnn.Patches{Filter: [2]int{3, 3}, Padding: cnn.Valid, Center: true,
		Normalize: cnn.EachPatch}
	one := conv
	one.Filter = [2]int{1, 1}
	const n, few = 33, 5
	x, z := randomImages[float64](1, n, m), randomImages[float64](2, few, m)
	short := randomImages[float32](1, n, m)
	layer := ntk.Must(cnn.NewOneLayer(m, []cnn.Layer{patches,
		cnn.Conv{Filter: [2]int{1, 1}}, half}, cnn.Readout{}))
	threadtest.Same(t, 1e-9, func() map[string][]float64 {
		ctx, out := t.Context(), map[string][]float64{}
		matrix := func(name string, size int) []float64 {
			out[name] = make([]float64, size)
			return out[name]
		}
		for name, phi := range map[string]ntk.Activation{"ReLU": ntk.ReLU{}, "erf": ntk.Erf{}} {
			c := conv
			c.Activation = phi
			a := ntk.Must(cnn.NewArchitecture(m, []cnn.Layer{c, half, c}, readout))
			ntk.Must(0, cnn.GramInto(ctx, matrix(name+" NNGP", n*n), matrix(name+" NTK", n*n), a, x,
				nil))
			ntk.Must(0, cnn.CrossInto(ctx, matrix(name+" cross", few*n), nil, a, z, x, nil))
		}
		a := ntk.Must(cnn.NewArchitecture(m, []cnn.Layer{patches, one, half}, readout))
		features := ntk.Must(ntk.Must(cnn.NewFeatures(a, 70, 1)).Tiles(short))
		ntk.Must(0, features.GramInto(ctx, matrix("features", n*n), nil))
		ntk.Must(0, ntk.Must(cnn.PooledGramTiles(ctx, layer, ntk.Must(ntk.GaussianKernel(1)),
			x)).Into(ctx, matrix("pooled", n*n), nil))
		white := patches
		white.Whitening = ntk.Must(cnn.FitWhitening(ctx, patches, m, x,
			&cnn.WhiteningSettings{Epsilon: 0.01, MaxPatches: 500, Seed: 1}))
		a = ntk.Must(cnn.NewArchitecture(m, []cnn.Layer{white, one}, readout))
		ntk.Must(0, cnn.GramInto(ctx, matrix("whitened", n*n), nil, a, x, nil))
		return out
	})
}
