package cnn

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
)

// WhitenedForTest returns W (x - m) of each patch.
func WhitenedForTest(w *Whitening, patches [][]float64) [][]float64 {
	out, _ := w.apply(slices.Concat(patches...), len(patches))
	return slices.Collect(slices.Chunk(out, len(w.mean)))
}

// Convolutions that are followed with their activations at one go have the kernels of those that
// are not, to the bit.
func TestBoxes(t *testing.T) {
	conv := func(p Padding, phi ntk.Activation, frozen bool) Conv {
		return Conv{Filter: [2]int{3, 3}, Padding: p, Activation: phi, WeightStd: 1.3, BiasStd: 0.2,
			Frozen: frozen}
	}
	same, pool := conv(Same, ntk.ReLU{}, false), AveragePool{Window: [2]int{2, 2}}
	slopes := ntk.TwoSlope{Positive: 1, Negative: -0.2}
	ctx, m := context.Background(), Image{Height: 11, Width: 10, Channels: 3}
	const n = 11
	r := rand.New(rand.NewPCG(1, 2))
	x := ntk.Inputs[float32]{N: n, D: m.Height * m.Width * m.Channels}
	for range n * x.D {
		x.Rows = append(x.Rows, float32(r.NormFloat64()))
	}
	for i, layers := range [][]Layer{
		{same, same, same},
		{conv(Same, ntk.Erf{}, false), same, conv(Valid, slopes, false)},
		{conv(Same, ntk.ReLU{}, true), conv(Valid, ntk.ReLU{}, true), same, pool, same},
		{conv(Circular, ntk.ReLU{}, false), same, pool, conv(Valid, ntk.ReLU{}, true)},
	} {
		a := ntk.Must(NewArchitecture(m, layers, Readout{WeightStd: 1, GlobalAverage: i != 1}))
		boxes, plain := ntk.Must(GramTiles(ctx, a, x)), ntk.Must(GramTiles(ctx, a, x))
		for _, axis := range plain.plan.axes {
			for _, s := range axis.stages {
				for _, c := range s.classes {
					for l := range c.boxes {
						c.boxes[l] = notBoxed
					}
				}
			}
		}
		nngp, tangent, alone := make([]float32, n*n), make([]float32, n*n), make([]float32, n*n)
		nngp2, tangent2 := make([]float32, n*n), make([]float32, n*n)
		ntk.Must(0, boxes.Tile(ctx, nngp, tangent, 0, n, 0, n))
		ntk.Must(0, boxes.Tile(ctx, alone, nil, 0, n, 0, n))
		ntk.Must(0, plain.Tile(ctx, nngp2, tangent2, 0, n, 0, n))
		if !slices.Equal(nngp, nngp2) || !slices.Equal(tangent, tangent2) ||
			!slices.Equal(nngp, alone) {
			t.Errorf("net %d: %v, %v, alone %v; plainly %v, %v", i, nngp, tangent, alone, nngp2,
				tangent2)
		}
	}
}

// The plan knows the windows that lie side by side, and no others.
func TestBoxOf(t *testing.T) {
	for want, table := range map[boxed][]int32{
		fromBefore: {4, 0, 1, 0, 1, 2, 1, 2, 3, 2, 3, 4},
		fromFirst:  {0, 1, 2, 1, 2, 3, 2, 3, 4},
	} {
		if got := boxOf(table, 3, 4); got != want {
			t.Errorf("%v: kind %d, want %d", table, got, want)
		}
		for i := range table {
			other := slices.Clone(table)
			other[i] = (other[i] + 1) % 5
			if got := boxOf(other, 3, 4); got != notBoxed {
				t.Errorf("%v: kind %d, want none", other, got)
			}
		}
	}
	if got := boxOf([]int32{0, 1, 2, 3, 4}, 5, 5); got != notBoxed {
		t.Errorf("a filter of five: kind %d, want none", got)
	}
}
