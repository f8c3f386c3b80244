package cnn

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/inverse"
)

// KeepNoPatches takes the patches of images anew for each block, for a test.
func KeepNoPatches(t *testing.T) {
	was := mostKept
	mostKept = 0
	t.Cleanup(func() { mostKept = was })
}

// What replaces a curve has its values to rounding in either precision, at both ends too, and no
// bias over the small cosines that most patches have, of which kernels with pooling are means.
func TestQuickCurves(t *testing.T) {
	net := func(depth int, phi ntk.Activation) ntk.Kernel {
		return ntk.Must(ntk.Must(ntk.UniformFCN(depth, phi, math.Sqrt2, 0.1)).NTK())
	}
	relu := ntk.Must(ntk.Must(ntk.UniformFCN(1, ntk.ReLU{}, 1, 0)).NTK())
	zero := ntk.Must(relu.Curve([]float64{0}))[0]
	for name, curve := range map[string]inverse.Target{
		"series":       ntk.Must(ntk.NewPowerSeries([]float64{0, 0.5, 0, 0.25, -0.1})),
		"long series":  ntk.Must(ntk.NewPowerSeries(make([]float64, 500))),
		"alternating":  ntk.Must(ntk.NewPowerSeries([]float64{0, 1e3, 0, -2e3, 0, 1e3 + 1})),
		"Gaussian 0.2": ntk.Must(ntk.GaussianKernel(0.2)),
		"Laplace":      ntk.Must(ntk.LaplaceKernel(1)),
		"erf":          net(1, ntk.Erf{}), "ReLU": relu, "4HL ReLU": net(4, ntk.ReLU{}),
		"20HL ReLU": net(20, ntk.ReLU{}), "2HL |z|": net(2, ntk.Abs()),
		"ReLU less 0": ntk.Must(ntk.FromFunc("ReLU less its value at 0", func(c float64) float64 {
			return ntk.Must(relu.Curve([]float64{c}))[0] - zero
		})),
	} {
		f64, err := quick[float64](t.Context(), curve)
		f32, err2 := quick[float32](t.Context(), curve)
		if err != nil || err2 != nil {
			t.Fatal(name, err, err2)
		}
		r := rand.New(rand.NewPCG(1, 2))
		var c []float64
		for i := range 4000 {
			x := 0.05 * r.NormFloat64() // of patches of 400 entries
			if i >= 2000 {
				x = math.Cos(math.Pi * float64(i-2000) / 1999)
			}
			c = append(c, float64(float32(math.Max(-1, math.Min(1, x)))))
		}
		want := ntk.Must(curve.Curve(c))
		got, got32 := append([]float64(nil), c...), make([]float32, len(c))
		for i, x := range c {
			got32[i] = float32(x)
		}
		ntk.Must(0, f64(got))
		ntk.Must(0, f32(got32))
		largest, bias, mean := 1e-300, 0.0, 1e-300
		for _, v := range want {
			largest = math.Max(largest, math.Abs(v))
		}
		for i, v := range want {
			off, off32 := math.Abs(got[i]-v)/largest, math.Abs(float64(got32[i])-v)/largest
			if c[i] > 1-0x1p-20 && c[i] < 1 || c[i] < -1+0x1p-20 && c[i] > -1 {
				continue // rounding does not tell these from ±1
			}
			if !(off < 2e-13) || !(off32 < 1e-6) {
				t.Errorf("%s at c = %v: off by %.2g, and %.2g in single precision", name, c[i], off,
					off32)
				break
			}
			if i < 2000 {
				bias += (float64(got32[i]) - v) / 2000
				mean += math.Abs(v) / 2000
			}
		}
		t.Logf("%s: bias %.2g, mean %.2g", name, bias/largest, mean/largest)
		if !(math.Abs(bias) < 5e-8*mean+1e-12*largest) {
			t.Errorf("%s: a bias of %.2g of the mean size", name, bias/mean)
		}
	}
}
