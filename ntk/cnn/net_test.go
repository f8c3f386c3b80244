package cnn

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
	"gonum.org/v1/gonum/mat"
)

// definition is a net in double precision, written out number by number from its definition: the
// second implementation of all that nets compute.
type definition struct {
	arch  *Architecture
	width int
	theta [][]float64 // as Parameters has them
}

func definitionOf(n *Net) definition {
	d := definition{arch: n.arch, width: n.config.Width}
	for _, p := range n.Parameters() {
		values := make([]float64, len(p.Values))
		for i, v := range p.Values {
			values[i] = float64(v)
		}
		d.theta = append(d.theta, values)
	}
	return d
}

// image is h×w pixels of c channels.
type image struct {
	h, w, c int
	v       []float64
}

// at is a pixel's channel as a padding has it.
func (x image) at(i, j, c int, p Padding) float64 {
	if p == Circular {
		i, j = (i+100*x.h)%x.h, (j+100*x.w)%x.w
	}
	if i < 0 || i >= x.h || j < 0 || j >= x.w {
		return 0
	}
	return x.v[(i*x.w+j)*x.c+c]
}

// sides are the length of an axis after windows, and how far they reach beyond its beginning.
func sides(n, size, stride int, p Padding) (out, before int) {
	if p == Valid {
		return (n-size)/stride + 1, 0
	}
	out = int(math.Ceil(float64(n) / float64(stride)))
	return out, max((out-1)*stride+size-n, 0) / 2
}

func (d definition) outputs(row []float64) []float64 {
	m := d.arch.Image()
	x := image{m.Height, m.Width, m.Channels, slices.Clone(row)}
	if m.ChannelsFirst {
		for k := range row {
			x.v[k] = row[k%m.Channels*m.Height*m.Width+k/m.Channels]
		}
	}
	theta := d.theta
	for _, l := range d.arch.Layers() {
		size, stride, padding := l.windows()
		c, conv := l.(Conv)
		if p, ok := l.(Patches); ok {
			x = patchesOf(x, p)
			continue
		}
		h, up := sides(x.h, size[0], stride[0], padding)
		w, left := sides(x.w, size[1], stride[1], padding)
		out := image{h: h, w: w, c: x.c}
		if conv {
			out.c = d.width
		}
		for k := range h * w * out.c {
			i, j, o := k/out.c/w*stride[0]-up, k/out.c%w*stride[1]-left, k%out.c
			sum := 0.
			for v := range size[0] * size[1] {
				a, b := i+v/size[1], j+v%size[1]
				if !conv {
					sum += x.at(a, b, o, padding) / float64(size[0]*size[1])
					continue
				}
				for e := range x.c {
					sum += theta[0][(o*size[0]*size[1]+v)*x.c+e] * x.at(a, b, e, padding)
				}
			}
			if conv {
				sum *= c.WeightStd / math.Sqrt(float64(size[0]*size[1]*x.c))
				if c.BiasStd > 0 {
					sum += c.BiasStd * theta[1][o]
				}
				sum = c.Activation.Value(sum)
			}
			out.v = append(out.v, sum)
		}
		if conv {
			theta = theta[2:]
		}
		x = out
	}
	r := d.arch.Readout()
	if r.GlobalAverage {
		mean := image{1, 1, x.c, make([]float64, x.c)}
		for k, v := range x.v {
			mean.v[k%x.c] += v / float64(x.h*x.w)
		}
		x = mean
	}
	f := make([]float64, len(theta[0])/len(x.v))
	for o := range f {
		for k, v := range x.v {
			f[o] += r.WeightStd / math.Sqrt(float64(len(x.v))) * theta[0][o*len(x.v)+k] * v
		}
		if r.BiasStd > 0 {
			f[o] += r.BiasStd * theta[1][o]
		}
	}
	return f
}

// patchesOf is the image of patches, centred and of norm √q.
func patchesOf(x image, p Patches) image {
	size, stride, padding := p.windows()
	h, up := sides(x.h, size[0], stride[0], padding)
	w, left := sides(x.w, size[1], stride[1], padding)
	out := image{h: h, w: w, c: size[0] * size[1] * x.c}
	for k := range h * w {
		var patch []float64
		var sum, squares float64
		for v := range out.c {
			i, j := k/w*stride[0]-up+v/x.c/size[1], k%w*stride[1]-left+v/x.c%size[1]
			patch = append(patch, x.at(i, j, v%x.c, padding))
			sum += patch[v]
		}
		for v := range patch {
			patch[v] -= sum / float64(out.c)
			squares += patch[v] * patch[v]
		}
		for _, v := range patch {
			out.v = append(out.v, v*math.Sqrt(float64(out.c)/squares))
		}
	}
	return out
}

// gradient is that of Σ residual·f over the rows by differences, for each array of parameters.
func (d definition) gradient(rows [][]float64, residual []float64) [][]float64 {
	sum := func() (s float64) {
		for i, row := range rows {
			f := d.outputs(row)
			for o, v := range f {
				s += residual[i*len(f)+o] * v
			}
		}
		return s
	}
	var out [][]float64
	for _, t := range d.theta {
		g := make([]float64, len(t))
		for k, was := range t {
			const h = 1e-4
			t[k] = was + h
			g[k] = sum()
			t[k] = was - h
			g[k] = (g[k] - sum()) / (2 * h)
			t[k] = was
		}
		out = append(out, g)
	}
	return out
}

// architectures have one and three convolutions, each padding, strides, patches, pools before,
// between and after convolutions, both readouts, and both layouts.
func architectures() map[string]*Architecture {
	out := map[string]*Architecture{}
	for _, padding := range []Padding{Same, Valid, Circular} {
		for _, average := range []bool{false, true} {
			r := Readout{GlobalAverage: average, WeightStd: 0.9, BiasStd: 0.2}
			m := Image{Height: 7, Width: 6, Channels: 2, ChannelsFirst: average}
			conv := func(phi ntk.Activation, h, w int, stride [2]int, bias float64) Conv {
				return Conv{Filter: [2]int{h, w}, Stride: stride, Padding: padding,
					Activation: phi, WeightStd: 1.3, BiasStd: bias}
			}
			pool := func(h, w int, stride [2]int) AveragePool {
				return AveragePool{Window: [2]int{h, w}, Stride: stride, Padding: padding}
			}
			for name, layers := range map[string][]Layer{
				"one": {conv(ntk.Erf{}, 3, 3, [2]int{}, 0.1)},
				"one, stride": {conv(ntk.GELU{}, 3, 2, [2]int{2, 2}, 0),
					pool(2, 2, [2]int{})},
				"pixels": {pool(2, 1, [2]int{1, 1}), conv(ntk.Tanh{}, 1, 1, [2]int{}, 0.3)},
				"patches": {Patches{Filter: [2]int{3, 2}, Stride: [2]int{2, 1}, Padding: padding,
					Center: true, Normalize: EachPatch}, conv(ntk.Erf{}, 1, 1, [2]int{}, 0.1),
					pool(2, 2, [2]int{})},
				"three": {conv(ntk.Erf{}, 3, 3, [2]int{}, 0.1), pool(2, 2, [2]int{1, 1}),
					conv(ntk.Sin{Amplitude: 1, Frequency: 1.5}, 2, 2, [2]int{2, 1}, 0),
					conv(ntk.GELU{}, 1, 1, [2]int{}, 0.2)},
			} {
				a := ntk.Must(NewArchitecture(m, layers, r))
				out[fmt.Sprintf("%s, %v, average %v", name, padding, average)] = a
			}
		}
	}
	return out
}

func normals(seed uint64, rows, cols int) *mat.Dense {
	r := rand.New(rand.NewPCG(seed, 99))
	m := mat.NewDense(rows, cols, nil)
	for i := range rows {
		for j := range cols {
			m.Set(i, j, float64(float32(r.NormFloat64())))
		}
	}
	return m
}

func listOf(x *mat.Dense) (rows [][]float64) {
	n, _ := x.Dims()
	for i := range n {
		rows = append(rows, x.RawRowView(i))
	}
	return rows
}

// off is the largest difference over the largest number of want.
func off(got []float32, want []float64) float64 {
	var largest, worst float64
	for i, w := range want {
		largest = math.Max(largest, math.Abs(w))
		worst = math.Max(worst, math.Abs(float64(got[i])-w))
	}
	return worst / largest
}

// Outputs, gradients and derivatives along a direction of every kind of net against its
// definition and differences of it; in one tile and in several, of which the last is not full,
// with windows laid out at once and few at a time.
func TestPassAgainstDefinition(t *testing.T) {
	const n, outputs = 5, 2
	r := rand.New(rand.NewPCG(5, 6))
	for name, arch := range architectures() {
		net := ntk.Must(New(arch, Config{Width: 5, Outputs: outputs, Seed: 7}))
		x := normals(1, n, arch.Image().size())
		d, rows := definitionOf(net), listOf(x)
		residual := make([]float64, n*outputs)
		residual32 := make([]float32, n*outputs)
		for i := range residual {
			residual32[i] = float32(r.NormFloat64())
			residual[i] = float64(residual32[i])
		}
		var want []float64
		for _, row := range rows {
			want = append(want, d.outputs(row)...)
		}
		gradient := d.gradient(rows, residual)
		// Along a direction v the outputs change by J v, and Σ residual·J v = gradient·v.
		direction := make([][]float32, len(d.theta))
		along := definitionOf(net)
		const h = 1e-4
		var product float64
		for k, values := range along.theta {
			for i := range values {
				v := r.NormFloat64()
				direction[k] = append(direction[k], float32(v))
				values[i] += h * float64(float32(v))
				product += gradient[k][i] * v
			}
		}
		var moved []float64
		for _, row := range rows {
			moved = append(moved, along.outputs(row)...)
		}
		for k, values := range along.theta {
			for i := range values {
				values[i] -= 2 * h * float64(direction[k][i])
			}
		}
		for i, row := range rows {
			for o, f := range along.outputs(row) {
				moved[i*outputs+o] = (moved[i*outputs+o] - f) / (2 * h)
			}
		}
		for _, c := range []struct {
			tile, limit int
			serial      bool
		}{{n, windowNumbers, false}, {2, 7, true}, {1, 100, false}} {
			what := fmt.Sprintf("%s, %+v", name, c)
			p := net.newPass(n, c.serial)
			p.most, p.limit = c.tile, c.limit // fewer than there would be room for
			for i, v := range x.RawMatrix().Data {
				p.Inputs(n)[i] = float32(v)
			}
			for range 2 { // again, with buffers that hold what was
				ntk.Must(0, p.Forward(t.Context()))
				if e := off(p.Outputs(), want); !(e < 3e-6) {
					t.Errorf("%s: outputs are off by %.2g", what, e)
				}
				for range 2 {
					got := ntk.Must(p.Tangent(t.Context(), func(i int) []float32 {
						return direction[i]
					}))
					if e := off(got, moved); !(e < 5e-6) {
						t.Errorf("%s: derivatives along a direction are off by %.2g", what, e)
					}
					var dot float64
					for i, v := range got {
						dot += residual[i] * float64(v)
					}
					if !(math.Abs(dot-product) < 1e-4*math.Abs(product)+1e-4) {
						t.Errorf("%s: residual·Jv = %v, gradient·v = %v", what, dot, product)
					}
					ntk.Must(0, p.Backward(t.Context(), residual32))
					for k, of := range net.Parameters() {
						if len(of.Values) == 0 {
							continue
						}
						g := make([]float32, len(of.Values))
						p.Gradient(k, of.Scale, 0, g)
						if e := off(g, gradient[k]); !(e < 1e-5) {
							t.Errorf("%s: the gradient by %s is off by %.2g", what, of.Name, e)
						}
					}
				}
			}
		}
	}
}

// Of frozen layers there is no gradient, and the others have theirs.
func TestFrozenLayers(t *testing.T) {
	base := architectures()["three, SAME, average false"]
	x := normals(1, 3, base.Image().size())
	for mask := range 16 {
		layers, r := base.Layers(), base.Readout()
		for i, k := range []int{0, 2, 3} {
			c := layers[k].(Conv)
			c.Frozen = mask>>i&1 == 1
			layers[k] = c
		}
		r.Frozen = mask>>3 == 1
		c := Config{Width: 4, Outputs: 1, Seed: 2}
		gradients := func(a *Architecture) (out [][]float32, trained int) {
			net := ntk.Must(New(a, c))
			p := net.newPass(3, false)
			for i, v := range x.RawMatrix().Data {
				p.Inputs(3)[i] = float32(v)
			}
			ntk.Must(0, p.Forward(t.Context()))
			ntk.Must(0, p.Backward(t.Context(), []float32{1, -1, 0.5}))
			for i, of := range net.Parameters() {
				g := make([]float32, len(of.Values))
				for j := range g {
					g[j] = 1
				}
				p.Gradient(i, 2, 0.5, g)
				out = append(out, g)
			}
			return out, net.Params()
		}
		want, _ := gradients(base)
		got, trained := gradients(ntk.Must(NewArchitecture(base.Image(), layers, r)))
		params := 0
		for i, g := range got {
			frozen := mask>>(i/2)&1 == 1
			if !frozen {
				params += len(g)
			}
			for j, v := range g {
				if frozen && v != 0.5 || !frozen && v != want[i][j] {
					t.Fatalf("frozen %b: array %d has %v at %d, not %v", mask, i, v, j, want[i][j])
				}
			}
		}
		if params != trained {
			t.Errorf("frozen %b: %d trained parameters, not %d", mask, trained, params)
		}
	}
}

func TestBadNets(t *testing.T) {
	a := architectures()["one, SAME, average false"]
	big := ntk.Must(NewArchitecture(Image{Height: 2048, Width: 2048, Channels: 1}, a.Layers(),
		Readout{GlobalAverage: true, WeightStd: 1}))
	for _, c := range []struct {
		says string
		arch *Architecture
		c    Config
	}{
		{"no architecture", nil, Config{Width: 1, Outputs: 1}},
		{"no architecture", &Architecture{}, Config{Width: 1, Outputs: 1}},
		{"Width is 0", a, Config{Outputs: 1}},
		{"Outputs is -1", a, Config{Width: 1, Outputs: -1}},
		{"2^31-1", a, Config{Width: 1 << 30, Outputs: 1}},
		{"4.29e+09 numbers", big, Config{Width: 1024, Outputs: 1}},
	} {
		if _, err := New(c.arch, c.c); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("error %v, must say %q", err, c.says)
		}
		Model{c.arch, c.c}.Describe() // of any sizes
	}
	net := ntk.Must(New(a, Config{Width: 2, Outputs: 1}))
	x := normals(1, 2, a.Image().size())
	x.Set(1, 3, math.NaN())
	for says, x := range map[string]*mat.Dense{"is NaN": x, "x has 5": normals(1, 2, 5),
		"x is empty": nil} {
		if _, err := net.Forward(x); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("error %v, must say %q", err, says)
		}
	}
	patches := ntk.Must(New(ntk.Must(NewArchitecture(a.Image(), []Layer{
		Patches{Filter: [2]int{2, 2}, Normalize: EachPatch}, a.Layers()[0]}, a.Readout())),
		Config{Width: 2, Outputs: 1}))
	x = normals(1, 3, a.Image().size())
	x.SetRow(2, make([]float64, a.Image().size()))
	_, err := patches.Forward(x)
	_, kernelErr := patches.EmpiricalNTK(x, x, 0)
	for _, err := range []error{err, kernelErr} {
		if err == nil || !strings.Contains(err.Error(), "the inputs: image 2") {
			t.Errorf("an image of zeros, of which patches have no norm: %v", err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	p := net.NewTangentPass(2)
	if err := p.Forward(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("an interrupted pass: %v", err)
	}
	ntk.Must(0, p.Forward(t.Context()))
	if err := p.Backward(ctx, make([]float32, 2)); !errors.Is(err, context.Canceled) {
		t.Errorf("an interrupted pass: %v", err)
	}
	_, err = p.Tangent(ctx, func(int) []float32 { return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("an interrupted pass: %v", err)
	}
}
