package cnn_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/cnn"
	"github.com/kernelsmith/kernelsmith/ntk/design"
)

// Patches of any norm: a design for a range of norms is that of one convolutional layer, too, whose
// kernel is then the mean over windows of what was asked for at each pair of patches.
func TestDesignForPatchesOfAnyNorm(t *testing.T) {
	const n, side, filter = 6, 8, 3
	deep := ntk.Must(ntk.Must(ntk.UniformFCN(3, ntk.ReLU{}, math.Sqrt2, 0.3)).NTK())
	found, err := design.Fit(t.Context(), design.Family{ReLUs: 1, Cosines: 2}, design.Problem{
		Target: deep, On: design.Norms(0.09, 4.5)}, &design.Settings{Seed: 1, Starts: 200})
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(3, 4))
	x := ntk.Inputs[float64]{N: n, D: side * side}
	for i := range n {
		for range side * side {
			x.Rows = append(x.Rows, (0.6+0.2*float64(i))*r.NormFloat64())
		}
	}
	image := cnn.Image{Height: side, Width: side, Channels: 1}
	of := func(phi ntk.Activation) []float64 {
		_, k := kernels(ntk.Must(cnn.NewArchitecture(image, []cnn.Layer{
			cnn.Conv{Filter: [2]int{filter, filter}, Padding: cnn.Valid, Activation: phi,
				WeightStd: 1},
			cnn.AveragePool{Window: [2]int{3, 3}, Padding: cnn.Valid},
		}, cnn.Readout{WeightStd: 1})), x, x)
		return k
	}
	got, relu := of(ntk.Must(found.Design.Activation())), of(ntk.ReLU{})
	var off, least, size, low, high float64
	low = math.Inf(1)
	want := make([]float64, n*n)
	for i := range n {
		for j := range n {
			w, a, b := pooledAnyNorm(deep, x.Rows[i*x.D:(i+1)*x.D], x.Rows[j*x.D:(j+1)*x.D])
			want[i*n+j], low, high = w, min(low, a), max(high, b)
		}
	}
	if low < 0.09 || high > 4.5 {
		t.Fatalf("norms from %.3g to %.3g", low, high)
	}
	scale := 0.0 // of the ReLU layer, at its best
	for i, v := range relu {
		scale += v * want[i]
		least += v * v
	}
	scale /= least
	least = 0
	for i, v := range want {
		off += (got[i] - v) * (got[i] - v)
		least += (scale*relu[i] - v) * (scale*relu[i] - v)
		size += v * v
	}
	if off, least := math.Sqrt(off/size), math.Sqrt(least/size); off > 0.05 || least < 2*off {
		t.Errorf("the design's kernel is off by %.3g, that of a ReLU layer by %.3g", off, least)
	}
}

// pooledAnyNorm is the mean of a kernel over pairs of 3×3 patches in 2×2 windows of 3×3 places,
// and the least and largest ‖x_p‖²/q among them.
func pooledAnyNorm(K ntk.Kernel, x, z []float64) (sum, low, high float64) {
	patch := func(x []float64, r, c int) (out []float64, q float64) {
		for i := range 9 {
			v := x[(r+i/3)*8+c+i%3]
			out, q = append(out, v), q+v*v/9
		}
		return out, q
	}
	low = math.Inf(1)
	for s := range 4 {
		for p := range 81 {
			a, q := patch(x, 3*(s/2)+p/27, 3*(s%2)+p/9%3)
			b, q2 := patch(z, 3*(s/2)+p/3%3, 3*(s%2)+p%3)
			k := 0.0
			for i, v := range a {
				k += v * b[i] / 9
			}
			sum += ntk.Must(K.At(q, k, q2)) / 81 / 4
			low, high = min(low, q, q2), max(high, q, q2)
		}
	}
	return sum, low, high
}
