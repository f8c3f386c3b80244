package cnn_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/cnn"
	"github.com/kernelsmith/kernelsmith/ntk/hermite"
)

// reference is testdata/conv.json: kernels of a public library and, where it loses digits, of an
// independent recursion in 80-bit arithmetic.
type reference struct {
	ImageSets map[string]struct{ X, Z [][][][]float64 } `json:"image_sets"`
	Cases     []referenceCase
}

type referenceCase struct {
	Images string
	Layers []struct {
		Op           string
		Name         string
		Size, Stride [2]int
		Padding      string
		WStd         float64 `json:"W_std"`
		BStd         float64 `json:"b_std"`
	}
	NNGPXX [][]float64 `json:"nngp_XX"`
	NNGPZX [][]float64 `json:"nngp_ZX"`
	NTKXX  [][]float64 `json:"ntk_XX"`
	NTKZX  [][]float64 `json:"ntk_ZX"`
}

func readReference(t *testing.T) *reference {
	t.Helper()
	text, err := os.ReadFile("testdata/conv.json")
	if err != nil {
		t.Fatal(err)
	}
	var r reference
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	if len(r.Cases) != 113 {
		t.Fatalf("%d cases, not 113", len(r.Cases))
	}
	return &r
}

var activations = map[string]ntk.Activation{
	"relu": ntk.ReLU{}, "erf": ntk.Erf{}, "gelu": ntk.GELU{},
	"sin":       ntk.Sin{Amplitude: 1, Frequency: 1},
	"rbf:1":     ntk.Sin{Amplitude: math.Sqrt2, Frequency: math.Sqrt2, Phase: math.Pi / 4},
	"gaussian":  ntk.Gaussian{Amplitude: 1, Rate: 1},
	"leaky:0.1": ntk.LeakyReLU(0.1), "abs": ntk.Abs(),
}

var paddings = map[string]cnn.Padding{
	"SAME": cnn.Same, "VALID": cnn.Valid, "CIRCULAR": cnn.Circular,
}

func (c referenceCase) architecture(m cnn.Image) (*cnn.Architecture, error) {
	var layers []cnn.Layer
	var r cnn.Readout
	for _, l := range c.Layers {
		switch l.Op {
		case "conv":
			layers = append(layers, cnn.Conv{Filter: l.Size, Stride: l.Stride,
				Padding: paddings[l.Padding], WeightStd: l.WStd, BiasStd: l.BStd})
		case "act":
			conv := layers[len(layers)-1].(cnn.Conv)
			conv.Activation = activations[l.Name]
			layers[len(layers)-1] = conv
		case "avgpool":
			layers = append(layers, cnn.AveragePool{Window: l.Size, Stride: l.Stride,
				Padding: paddings[l.Padding]})
		case "gap":
			r.GlobalAverage = true
		case "dense":
			r.WeightStd, r.BiasStd = l.WStd, l.BStd
		}
	}
	return cnn.NewArchitecture(m, layers, r)
}

func (c referenceCase) String() string {
	text := c.Images
	for _, l := range c.Layers {
		switch l.Op {
		case "conv":
			text += fmt.Sprintf(" %v/%v%s(%.2f,%.1f)", l.Size, l.Stride, l.Padding, l.WStd, l.BStd)
		case "dense":
		default:
			text += " " + l.Op + l.Name
		}
	}
	return text
}

// flat is images as rows.
func flat[T float32 | float64](set [][][][]float64) (x ntk.Inputs[T], m cnn.Image) {
	m = cnn.Image{Height: len(set[0]), Width: len(set[0][0]), Channels: len(set[0][0][0])}
	x.N, x.D = len(set), m.Height*m.Width*m.Channels
	for _, image := range set {
		for _, row := range image {
			for _, pixel := range row {
				for _, v := range pixel {
					x.Rows = append(x.Rows, T(v))
				}
			}
		}
	}
	return x, m
}

// off is the largest difference between kernels, of √(K(x,x)K(z,z)).
func off[T float32 | float64](got []T, want [][]float64, zz, xx []float64) (worst float64) {
	n := len(xx)
	for i := range zz {
		for j := range xx {
			size := math.Sqrt(zz[i] * xx[j])
			d := math.Abs(float64(got[i*n+j]) - want[i][j])
			if d > 0 || math.IsNaN(d) {
				worst = math.Max(worst, d/size)
			}
		}
	}
	return worst
}

func diagonal[T float32 | float64](k []T, n int) []float64 {
	d := make([]float64, n)
	for i := range d {
		d[i] = float64(k[i*n+i])
	}
	return d
}

func testReference[T float32 | float64](t *testing.T, tolerance float64) {
	r := readReference(t)
	ctx := context.Background()
	worst := map[string]float64{}
	for _, c := range r.Cases {
		set := r.ImageSets[c.Images]
		x, m := flat[T](set.X)
		z, _ := flat[T](set.Z)
		a := ntk.Must(c.architecture(m))
		matrix := func(rows, columns int) []T { return make([]T, rows*columns) }
		nngp, ntkK := matrix(x.N, x.N), matrix(x.N, x.N)
		ntk.Must(0, cnn.GramInto(ctx, nngp, ntkK, a, x, nil))
		nngpZX, ntkZX := matrix(z.N, x.N), matrix(z.N, x.N)
		ntk.Must(0, cnn.CrossInto(ctx, nngpZX, ntkZX, a, z, x, nil))
		nngpZZ, ntkZZ := matrix(z.N, z.N), matrix(z.N, z.N)
		ntk.Must(0, cnn.GramInto(ctx, nngpZZ, ntkZZ, a, z, nil))
		for i := range x.N {
			for j := range i {
				if nngp[i*x.N+j] != nngp[j*x.N+i] || ntkK[i*x.N+j] != ntkK[j*x.N+i] {
					t.Errorf("%v: entries %d, %d are not symmetric", c, i, j)
				}
			}
		}
		xx, zz := diagonal(nngp, x.N), diagonal(nngpZZ, z.N)
		txx, tzz := diagonal(ntkK, x.N), diagonal(ntkZZ, z.N)
		e := max(off(nngp, c.NNGPXX, xx, xx), off(nngpZX, c.NNGPZX, zz, xx),
			off(ntkK, c.NTKXX, txx, txx), off(ntkZX, c.NTKZX, tzz, txx))
		if !(e <= tolerance) {
			t.Errorf("%v: off by %.2g (NNGP %.2g, %.2g; NTK %.2g, %.2g)", c, e,
				off(nngp, c.NNGPXX, xx, xx), off(nngpZX, c.NNGPZX, zz, xx),
				off(ntkK, c.NTKXX, txx, txx), off(ntkZX, c.NTKZX, tzz, txx))
		}
		group := strings.Fields(c.String())[0]
		worst[group] = math.Max(worst[group], e)
	}
	t.Log(worst)
}

// Kernels are those of the reference to 1e-12 of √(K(x, x) K(z, z)): what two recursions in
// double precision may be apart.
func TestReference(t *testing.T) { testReference[float64](t, 1e-12) }

// In single precision they are to 1e-6.
func TestReferenceFloat32(t *testing.T) { testReference[float32](t, 1e-6) }

// One convolution with a Hermite series on raw and on normalised pixels, to 1e-12 and in single
// precision 1e-6 of √(K(x, x) K(x', x')).
func TestOneConvolution(t *testing.T) {
	text, err := os.ReadFile("testdata/one_conv.json")
	if err != nil {
		t.Fatal(err)
	}
	var r struct {
		Raw   [][][][]float64
		Cases []struct {
			Images, Padding, Readout string
			B                        []float64
			NNGP, NTK                [][]float64
		}
	}
	if err := json.Unmarshal(text, &r); err != nil || len(r.Cases) != 20 {
		t.Fatal(err, len(r.Cases))
	}
	for _, c := range r.Cases {
		x, m := flat[float64](r.Raw)
		if c.Images != "raw" {
			for i := 0; i < len(x.Rows); i += 3 {
				p := x.Rows[i : i+3]
				norm := math.Sqrt((p[0]*p[0] + p[1]*p[1] + p[2]*p[2]) / 3)
				p[0], p[1], p[2] = p[0]/norm, p[1]/norm, p[2]/norm
			}
		}
		phi := ntk.Must(hermite.NewSeries(c.B))
		a := ntk.Must(cnn.NewArchitecture(m, []cnn.Layer{cnn.Conv{Filter: [2]int{3, 3},
			Padding: paddings[c.Padding], Activation: phi, WeightStd: 1}},
			cnn.Readout{WeightStd: 1, GlobalAverage: c.Readout == "gap"}))
		nngp, ntkK := kernels(a, x, x)
		nngp32, ntk32 := kernels(a, single(x), single(x))
		d, d2 := diagonal(nngp, x.N), diagonal(ntkK, x.N)
		double := max(off(nngp, c.NNGP, d, d), off(ntkK, c.NTK, d2, d2))
		float := max(off(nngp32, c.NNGP, d, d), off(ntk32, c.NTK, d2, d2))
		if !(double < 1e-12 && float < 1e-6) {
			t.Errorf("%s %s %s %v: off by %.2g, and %.2g in single precision", c.Images, c.Padding,
				c.Readout, c.B, double, float)
		}
	}
}

func single(x ntk.Inputs[float64]) (y ntk.Inputs[float32]) {
	y.N, y.D = x.N, x.D
	for _, v := range x.Rows {
		y.Rows = append(y.Rows, float32(v))
	}
	return y
}
