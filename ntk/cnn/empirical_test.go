package cnn

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
)

// within reports entries of got that are off by more than tol of the largest of want.
func within(t *testing.T, what string, got *mat.Dense, tol float64, want func(i, j int) float64) {
	t.Helper()
	var largest, worst float64
	rows, columns := got.Dims()
	for i := range rows {
		for j := range columns {
			largest = math.Max(largest, math.Abs(want(i, j)))
			worst = math.Max(worst, math.Abs(got.At(i, j)-want(i, j)))
		}
	}
	if !(worst <= tol*largest) {
		t.Errorf("%s is off by %.3g, the largest entry is %.3g", what, worst, largest)
	}
}

// jacobian is the gradient of each output by each array of parameters, by differences.
func (d definition) jacobian(row []float64) [][][]float64 {
	out := make([][][]float64, len(d.outputs(row)))
	for k, t := range d.theta {
		for o := range out {
			out[o] = append(out[o], make([]float64, len(t)))
		}
		for i, was := range t {
			const h = 1e-4
			t[i] = was + h
			up := d.outputs(row)
			t[i] = was - h
			for o, down := range d.outputs(row) {
				out[o][k][i] = (up[o] - down) / (2 * h)
			}
			t[i] = was
		}
	}
	return out
}

// Empirical kernels against products of gradients by differences, with layers frozen.
func TestEmpiricalKernelsAgainstGradients(t *testing.T) {
	const m, n, outputs = 2, 3, 2
	for name, arch := range architectures() {
		c := Config{Width: 4, Outputs: outputs, Seed: 3}
		d := definitionOf(ntk.Must(New(arch, c)))
		z, x := normals(21, m, arch.Image().size()), normals(22, n, arch.Image().size())
		var jz, jx [][][][]float64
		for _, row := range listOf(z) {
			jz = append(jz, d.jacobian(row))
		}
		for _, row := range listOf(x) {
			jx = append(jx, d.jacobian(row))
		}
		for mask := range 2 {
			layers, r := arch.Layers(), arch.Readout()
			for i, l := range layers {
				if c, ok := l.(Conv); ok {
					c.Frozen = mask == 1 && i < len(layers)-1
					layers[i] = c
				}
			}
			r.Frozen = mask == 1
			net := ntk.Must(New(ntk.Must(NewArchitecture(arch.Image(), layers, r)), c))
			product := func(a, b [][]float64) (sum float64) {
				for k, of := range net.Parameters() {
					if !of.Frozen {
						sum += floats.Dot(a[k], b[k])
					}
				}
				return sum
			}
			what := fmt.Sprintf("%s, frozen %d", name, mask)
			within(t, what, ntk.Must(net.EmpiricalNTK(z, x, 1)), 1e-5, func(i, j int) float64 {
				return product(jz[i][1], jx[j][1])
			})
			within(t, what+", mean", ntk.Must(net.EmpiricalNTKMean(x, z)), 1e-5,
				func(i, j int) float64 {
					return (product(jx[i][0], jz[j][0]) + product(jx[i][1], jz[j][1])) / 2
				})
			// The gradient by the readout's weights is what it takes in.
			within(t, what+", NNGP", ntk.Must(net.EmpiricalNNGP(z, x)), 1e-5,
				func(i, j int) float64 {
					k := len(d.theta) - 2
					return floats.Dot(jz[i][0][k], jx[j][0][k]) + r.BiasStd*r.BiasStd
				})
		}
	}
}

// In tiles and blocks of any size the kernels are the same to rounding, and symmetric to the bit
// where both sides are one set.
func TestEmpiricalTiles(t *testing.T) {
	arch := architectures()["three, SAME, average true"]
	net := ntk.Must(New(arch, Config{Width: 6, Outputs: 2, Seed: 3}))
	x := normals(2, 7, arch.Image().size())
	want := ntk.Must(net.EmpiricalNTKMean(x, x))
	in := ntk.Must(net.inputs(x, "x"))
	for _, tiles := range [][2]int{{3, 3}, {1, 1}, {7, 2}, {2, 7}} {
		for _, same := range []bool{true, false} {
			if same && tiles[0] != tiles[1] {
				continue
			}
			k := &empirical{outputs: []int{0, 1}, z: net.passOver(in, false),
				x: net.passOver(slices.Clone(in), false), sum: mat.NewDense(7, 7, nil)}
			k.z.most, k.x.most = tiles[0], tiles[1]
			k.z.limit, k.x.limit = 100, 30
			ntk.Must(0, k.fill(same))
			within(t, fmt.Sprint(tiles, same), k.sum, 1e-6, want.At)
			if same && !mat.Equal(k.sum, k.sum.T()) {
				t.Errorf("tiles of %d: not symmetric", tiles[0])
			}
		}
	}
	if !mat.Equal(want, want.T()) {
		t.Error("not symmetric")
	}
}

// The mean over many nets is the kernel at infinite width, within four standard errors: of one
// convolution at any width, of three where the width makes the bias smaller than those.
func TestEmpiricalKernelsHaveTheInfiniteWidthMean(t *testing.T) {
	for _, padding := range []Padding{Same, Valid, Circular} {
		for _, average := range []bool{false, true} {
			c := Conv{Filter: [2]int{3, 3}, Padding: padding, Activation: ntk.ReLU{},
				WeightStd: 1.4, BiasStd: 0.1}
			strided, single, wave := c, c, c
			strided.Stride, strided.Activation = [2]int{2, 1}, ntk.Erf{}
			single.Filter, single.Frozen = [2]int{1, 2}, true
			wave.Filter, wave.Activation = [2]int{2, 2}, ntk.GELU{}
			pool := AveragePool{Window: [2]int{2, 2}, Stride: [2]int{1, 2}, Padding: padding}
			// Whitened patches of one norm, of the images that the kernels are of.
			m := Image{Height: 9, Width: 9, Channels: 2}
			patches := Patches{Filter: [2]int{3, 3}, Stride: [2]int{2, 2}, Padding: padding,
				Center: true, Normalize: EachPatch}
			patches.Whitening = ntk.Must(FitWhitening(t.Context(), patches, m, ntk.Inputs[float64]{
				Rows: normals(4, 3, m.size()).RawMatrix().Data, N: 3, D: m.size()},
				&WhiteningSettings{Epsilon: 0.1}))
			point := wave
			point.Filter = [2]int{1, 1}
			for _, k := range []struct {
				layers        []Layer
				width, trials int
			}{
				{[]Layer{patches, point, pool}, 16, 300},
				{[]Layer{c}, 16, 300},
				{[]Layer{strided, pool}, 16, 300},
				{[]Layer{c, single, wave}, 96, 36},
				{[]Layer{strided, pool, single, wave}, 96, 36},
			} {
				arch := ntk.Must(NewArchitecture(m, k.layers,
					Readout{GlobalAverage: average, WeightStd: 1.1, BiasStd: 0.2}))
				checkMean(t, arch, k.width, k.trials)
			}
		}
	}
}

func checkMean(t *testing.T, arch *Architecture, width, trials int) {
	t.Helper()
	const n = 3
	x := normals(4, n, arch.Image().size())
	nngp, theta := make([]float64, n*n), make([]float64, n*n)
	ntk.Must(0, GramInto(t.Context(), nngp, theta, arch, ntk.Inputs[float64]{
		Rows: x.RawMatrix().Data, N: n, D: arch.Image().size()}, nil))
	var sum, squares [2][n * n]float64
	for seed := range trials {
		net := ntk.Must(New(arch, Config{Width: width, Outputs: 1, Seed: uint64(seed)}))
		for k, m := range []*mat.Dense{ntk.Must(net.EmpiricalNNGP(x, x)),
			ntk.Must(net.EmpiricalNTK(x, x, 0))} {
			for i, v := range m.RawMatrix().Data {
				sum[k][i] += v / float64(trials)
				squares[k][i] += v * v / float64(trials)
			}
		}
	}
	for k, want := range [][]float64{nngp, theta} {
		for i, w := range want {
			se := math.Sqrt((squares[k][i] - sum[k][i]*sum[k][i]) / float64(trials-1))
			if !(math.Abs(sum[k][i]-w) <= 4*se) || se > 0.04*slices.Max(want) {
				t.Errorf("%v, %s: entry %d is %.4f ± %.4f, want %.4f", arch,
					[]string{"NNGP", "NTK"}[k], i, sum[k][i], se, w)
			}
		}
	}
}

func TestBadEmpiricalKernels(t *testing.T) {
	arch := architectures()["one, SAME, average false"]
	net := ntk.Must(New(arch, Config{Width: 4, Outputs: 2}))
	d := arch.Image().size()
	x, wide := normals(1, 2, d), normals(1, 2, d+1)
	second := func(_ *mat.Dense, err error) error { return err }
	for _, c := range []struct {
		says string
		err  error
	}{
		{"outputs 0 to 1", second(net.EmpiricalNTK(x, x, 2))},
		{"outputs 0 to 1", second(net.EmpiricalNTK(x, x, -1))},
		{"z has 85", second(net.EmpiricalNTKMean(wide, x))},
		{"x has 85", second(net.EmpiricalNTK(x, wide, 0))},
		{"x is empty", second(net.EmpiricalNNGP(x, nil))},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.says) {
			t.Errorf("error %v, must say %q", c.err, c.says)
		}
	}
}
