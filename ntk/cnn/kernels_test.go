package cnn_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/cnn"
	"github.com/kernelsmith/kernelsmith/ntk/hermite"
	"gonum.org/v1/gonum/mat"
)

func randomImages[T float32 | float64](seed uint64, n int, m cnn.Image) ntk.Inputs[T] {
	r := rand.New(rand.NewPCG(seed, 0))
	x := ntk.Inputs[T]{N: n, D: m.Height * m.Width * m.Channels}
	for range n * x.D {
		x.Rows = append(x.Rows, T(r.NormFloat64()))
	}
	return x
}

// kernels returns both matrices between z and x.
func kernels[T float32 | float64](a *cnn.Architecture, z, x ntk.Inputs[T]) (nngp, ntkK []T) {
	nngp, ntkK = make([]T, z.N*x.N), make([]T, z.N*x.N)
	ntk.Must(0, cnn.CrossInto(context.Background(), nngp, ntkK, a, z, x, nil))
	return nngp, ntkK
}

// plain is the recursion as the package's documentation writes it, with an array of all pairs of
// positions.
type plain struct {
	h, w int
	s, t []float64 // at ((i·w + j)·h + i')·w + j'
}

func newPlain(h, w int) plain {
	return plain{h, w, make([]float64, h*w*h*w), make([]float64, h*w*h*w)}
}

func (p plain) at(i, j, i2, j2 int) int { return ((i*p.w+j)*p.h+i2)*p.w + j2 }

// side returns the length of an axis after windows, and how far the first reaches beyond the edge.
func side(n, size, stride int, p cnn.Padding) (out, before int) {
	if p == cnn.Valid {
		return (n-size)/stride + 1, 0
	}
	out = int(math.Ceil(float64(n) / float64(stride)))
	return out, max((out-1)*stride+size-n, 0) / 2
}

// through calls f for all pairs of windows after a layer and all pairs of places in them.
func (p plain) through(
	size, stride [2]int, padding cnn.Padding, pool bool, f func(to, from int),
) (out plain) {
	h, up := side(p.h, size[0], stride[0], padding)
	w, left := side(p.w, size[1], stride[1], padding)
	out = newPlain(h, w)
	place := func(o, w, stride, before, n int) (int, bool) {
		i := o*stride + w - before
		if padding == cnn.Circular {
			return (i + 8*n) % n, true
		}
		return i, i >= 0 && i < n
	}
	for a := range h * w {
		for b := range h * w {
			for v := range size[0] * size[1] {
				for v2 := range size[0] * size[1] {
					if !pool && v != v2 {
						continue
					}
					i, ok := place(a/w, v/size[1], stride[0], up, p.h)
					j, ok2 := place(a%w, v%size[1], stride[1], left, p.w)
					i2, ok3 := place(b/w, v2/size[1], stride[0], up, p.h)
					j2, ok4 := place(b%w, v2%size[1], stride[1], left, p.w)
					if ok && ok2 && ok3 && ok4 {
						f(a*h*w+b, p.at(i, j, i2, j2))
					}
				}
			}
		}
	}
	return out
}

// plainKernels returns the kernels of images, pairs of which are [x, x], [x, y], [y, y].
func plainKernels(a *cnn.Architecture, x, y []float64) (nngp, ntkK float64) {
	m := a.Image()
	var of [3]plain
	for k, pair := range [][2][]float64{{x, x}, {x, y}, {y, y}} {
		of[k] = newPlain(m.Height, m.Width)
		n := m.Height * m.Width
		for p := range n {
			for p2 := range n {
				for c := range m.Channels {
					i, i2 := p*m.Channels+c, p2*m.Channels+c
					if m.ChannelsFirst {
						i, i2 = c*n+p, c*n+p2
					}
					of[k].s[p*n+p2] += pair[0][i] * pair[1][i2] / float64(m.Channels)
				}
			}
		}
	}
	for _, l := range a.Layers() {
		var next [3]plain
		c, conv := l.(cnn.Conv)
		for k, p := range of {
			if !conv {
				pool := l.(cnn.AveragePool)
				if pool.Stride == [2]int{} {
					pool.Stride = pool.Window
				}
				area := float64(pool.Window[0] * pool.Window[1])
				var s, t []float64
				add := func(to, from int) {
					for len(s) <= to {
						s, t = append(s, 0), append(t, 0)
					}
					s[to] += p.s[from] / (area * area)
					t[to] += p.t[from] / (area * area)
				}
				next[k] = p.through(pool.Window, pool.Stride, pool.Padding, true, add)
				copy(next[k].s, s)
				copy(next[k].t, t)
				continue
			}
			if c.Stride == [2]int{} {
				c.Stride = [2]int{1, 1}
			}
			w2 := c.WeightStd * c.WeightStd / float64(c.Filter[0]*c.Filter[1])
			s, t := map[int]float64{}, map[int]float64{}
			next[k] = p.through(c.Filter, c.Stride, c.Padding, false, func(to, from int) {
				s[to] += w2 * p.s[from]
				t[to] += w2 * p.t[from]
			})
			for i := range next[k].s {
				next[k].s[i] = s[i] + c.BiasStd*c.BiasStd
				if next[k].t[i] = t[i]; !c.Frozen {
					next[k].t[i] += next[k].s[i]
				}
			}
		}
		if conv {
			n := next[0].h * next[0].w
			var after [3]plain
			for k, p := range next {
				after[k] = newPlain(p.h, p.w)
				q, q2 := next[k/2*2], next[(k+1)/2*2]
				for i := range p.s {
					a, b := i/n, i%n
					s, slope := exactDual(c.Activation, q.s[a*n+a], p.s[i], q2.s[b*n+b])
					after[k].s[i], after[k].t[i] = s, p.t[i]*slope
				}
			}
			next = after
		}
		of = next
	}
	r, p := a.Readout(), of[1]
	n := p.h * p.w
	for i := range p.s {
		switch {
		case r.GlobalAverage:
			nngp += p.s[i] / float64(n*n)
			ntkK += p.t[i] / float64(n*n)
		case i/n == i%n:
			nngp += p.s[i] / float64(n)
			ntkK += p.t[i] / float64(n)
		}
	}
	nngp = r.WeightStd*r.WeightStd*nngp + r.BiasStd*r.BiasStd
	if ntkK *= r.WeightStd * r.WeightStd; !r.Frozen {
		ntkK += nngp
	}
	return nngp, ntkK
}

// exactDual is the dual where patches may be multiples of each other, but for rounding.
func exactDual(phi ntk.Activation, q, k, q2 float64) (value, slope float64) {
	d, top := phi.(ntk.Dualer), math.Sqrt(q*q2)
	switch phi.(type) {
	case ntk.ReLU, ntk.TwoSlope:
	default:
		return d.Dual(q, k, q2)
	}
	if math.Abs(k) < top*(1-1e-14) {
		return d.Dual(q, k, q2)
	}
	value, slope = d.Dual(1, math.Copysign(1, k), 1) // φ is homogeneous
	return top * value, slope
}

// randomArchitecture has one to four layers of any kind.
func randomArchitecture(r *rand.Rand) *cnn.Architecture {
	for {
		m := cnn.Image{Height: 1 + r.IntN(7), Width: 1 + r.IntN(7), Channels: 1 + r.IntN(3),
			ChannelsFirst: r.IntN(2) == 0}
		var layers []cnn.Layer
		for range 1 + r.IntN(4) {
			size := [2]int{1 + r.IntN(4), 1 + r.IntN(4)}
			stride := [2]int{1 + r.IntN(min(2, size[0])), 1 + r.IntN(min(2, size[1]))}
			padding := cnn.Padding(r.IntN(3))
			if r.IntN(3) == 0 {
				layers = append(layers, cnn.AveragePool{Window: size, Stride: stride,
					Padding: padding})
				continue
			}
			layers = append(layers, cnn.Conv{Filter: size, Stride: stride, Padding: padding,
				Activation: []ntk.Activation{ntk.ReLU{}, ntk.LeakyReLU(-0.5), ntk.Erf{}}[r.IntN(3)],
				WeightStd:  1 + r.Float64(), BiasStd: float64(r.IntN(2)) / 3,
				Frozen: r.IntN(4) == 0})
		}
		a, err := cnn.NewArchitecture(m, layers, cnn.Readout{GlobalAverage: r.IntN(2) == 0,
			WeightStd: 1.2, BiasStd: 0.3, Frozen: r.IntN(4) == 0})
		if err == nil { // a Valid window may be larger than what it is given
			return a
		}
	}
}

// Layers of all kinds in any order have the kernels of the recursion without classes, displacements
// and stages.
func TestRandomArchitectures(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 250 {
		a := randomArchitecture(r)
		x := randomImages[float64](r.Uint64(), 3, a.Image())
		z := randomImages[float64](r.Uint64(), 2, a.Image())
		nngp, ntkK := kernels(a, z, x)
		nngp32, ntk32 := kernels(a, single(z), single(x))
		for i := range z.N {
			for j := range x.N {
				zi, xj := z.Rows[i*x.D:(i+1)*x.D], x.Rows[j*x.D:(j+1)*x.D]
				s, k := plainKernels(a, zi, xj)
				sz, kz := plainKernels(a, zi, zi)
				sx, kx := plainKernels(a, xj, xj)
				at := i*x.N + j
				for _, c := range []struct{ got, want, size, tolerance float64 }{
					{nngp[at], s, math.Sqrt(sz * sx), 1e-13},
					{ntkK[at], k, math.Sqrt(kz * kx), 1e-12},
					{float64(nngp32[at]), s, math.Sqrt(sz * sx), 1e-6},
					{float64(ntk32[at]), k, math.Sqrt(kz * kx), 2e-6},
				} {
					if !(math.Abs(c.got-c.want) <= c.tolerance*c.size) {
						t.Fatalf("%v, %+v: kernel %v, want %v to %g of %v", a, a.Layers(),
							c.got, c.want, c.tolerance, c.size)
					}
				}
			}
		}
	}
}

// Convolutions of the size of the image see it whole, once: the net is fully connected. So are nets
// of one pixel. All activations are as in package ntk then, frozen layers too.
func TestFullyConnected(t *testing.T) {
	series := ntk.Must(hermite.NewSeries([]float64{0.3, 0.6, -0.5, 0.4, 0.2}))
	bump := ntk.Must(ntk.Custom(func(z float64) float64 { return z * math.Exp(-z*z/4) }, nil))
	for _, phi := range []ntk.Activation{ntk.ReLU{}, ntk.Abs(), ntk.Erf{}, ntk.GELU{}, ntk.Tanh{},
		ntk.Sin{Amplitude: 1, Frequency: 2}, ntk.RectifiedMonomial{Degree: 2}, series, bump} {
		m := cnn.Image{Height: 3, Width: 2, Channels: 2}
		first := ntk.Layer{Activation: phi, WeightStd: 1.1, BiasStd: 0.2, Frozen: true}
		second := ntk.Layer{Activation: ntk.ReLU{}, WeightStd: 1.3, BiasStd: 0.1}
		f := ntk.Must(ntk.NewFCN([]ntk.Layer{first, second},
			ntk.Readout{WeightStd: 1, BiasStd: 0.4}))
		a := ntk.Must(cnn.NewArchitecture(m, []cnn.Layer{
			cnn.Conv{Filter: [2]int{3, 2}, Padding: cnn.Valid, Activation: phi, WeightStd: 1.1,
				BiasStd: 0.2, Frozen: true},
			cnn.Conv{Filter: [2]int{1, 1}, Activation: ntk.ReLU{}, WeightStd: 1.3, BiasStd: 0.1},
		}, cnn.Readout{WeightStd: 1, BiasStd: 0.4}))
		x := randomImages[float64](7, 5, m)
		copy(x.Rows[x.D:], x.Rows[:x.D]) // two equal images, and one that is black
		clear(x.Rows[4*x.D:])
		nngp, ntkK := kernels(a, x, x)
		rows := mat.NewDense(x.N, x.D, x.Rows)
		for got, K := range map[*[]float64]ntk.Kernel{&nngp: ntk.Must(f.NNGP()),
			&ntkK: ntk.Must(f.NTK())} {
			want := ntk.Must(K.Gram(rows))
			for i := range x.N {
				for j := range x.N {
					size := math.Sqrt(want.At(i, i) * want.At(j, j))
					d := math.Abs((*got)[i*x.N+j] - want.At(i, j))
					tolerance := 1e-12
					if _, closed := phi.(interface{ Prepare(float64) []float64 }); closed {
						tolerance = 1e-9
					}
					if !(d <= tolerance*size) {
						t.Errorf("%v: %v of images %d, %d is %v, %v of rows", a, K, i, j,
							(*got)[i*x.N+j], want.At(i, j))
					}
				}
			}
		}
	}
}

// In single precision an NTK with kinks keeps its digits where images are nearly equal, nearly
// opposite or nearly multiples, as many as the pixels have.
func TestNearImages(t *testing.T) {
	m := cnn.Image{Height: 4, Width: 4, Channels: 2}
	c := cnn.Conv{Filter: [2]int{3, 3}, Activation: ntk.ReLU{}, WeightStd: math.Sqrt2}
	a := ntk.Must(cnn.NewArchitecture(m, []cnn.Layer{c, c, c, c}, cnn.Readout{WeightStd: 1}))
	x := randomImages[float64](3, 1, m)
	noise := randomImages[float64](4, 1, m)
	for _, d := range []float64{0.1, 0.01, 1e-3, 1e-4, 1e-5} {
		for _, factor := range []float64{1, -1, 0.3} {
			for i := range x.D {
				x.Rows = append(x.Rows, factor*(x.Rows[i]+d*noise.Rows[i]))
			}
			x.N++
		}
	}
	x32 := single(x)
	for i, v := range x32.Rows {
		x.Rows[i] = float64(v)
	}
	_, double := kernels(a, x, x)
	_, float := kernels(a, x32, x32)
	for i := range x.N {
		for j := range x.N {
			size := math.Sqrt(double[i*x.N+i] * double[j*x.N+j])
			if off := math.Abs(double[i*x.N+j]-float64(float[i*x.N+j])) / size; !(off < 2e-6) {
				t.Errorf("images %d, %d are off by %.2g", i, j, off)
			}
		}
	}
}

// Images of one colour that go round have pre-activations that are equal everywhere: whatever the
// windows, the net is a fully connected one of a pixel. All angles in an image are 0 but for
// rounding, and their roots must not be seen.
func TestConstantImages(t *testing.T) {
	conv := func(size, stride int) cnn.Conv {
		return cnn.Conv{Filter: [2]int{size, size}, Stride: [2]int{stride, 1},
			Padding: cnn.Circular, Activation: ntk.ReLU{}, WeightStd: 1.3, BiasStd: 0.1}
	}
	pool := func(size, stride int) cnn.AveragePool {
		return cnn.AveragePool{Window: [2]int{size, size}, Stride: [2]int{stride, stride},
			Padding: cnn.Circular}
	}
	f := ntk.Must(ntk.UniformFCN(3, ntk.ReLU{}, 1.3, 0.1))
	m := cnn.Image{Height: 6, Width: 5, Channels: 3}
	colours := mat.NewDense(4, 3, []float64{0.1, 0.7, 0.3, 0.1, 0.7, 0.3, -0.1, -0.7, -0.3, 1,
		0, 2})
	x := ntk.Inputs[float64]{N: 4, D: 90}
	for i := range x.N {
		for range 30 {
			x.Rows = append(x.Rows, colours.RawRowView(i)...)
		}
	}
	for _, layers := range [][]cnn.Layer{
		{conv(3, 1), conv(2, 1), conv(4, 1)}, {conv(3, 2), pool(3, 2), conv(3, 1), conv(1, 1)},
		{conv(3, 1), pool(2, 2), conv(3, 2), conv(2, 1), pool(2, 1)},
	} {
		for _, average := range []bool{true, false} {
			a := ntk.Must(cnn.NewArchitecture(m, layers, cnn.Readout{WeightStd: 1,
				GlobalAverage: average}))
			nngp, ntkK := kernels(a, x, x)
			nngp32, ntk32 := kernels(a, single(x), single(x))
			for k, K := range []ntk.Kernel{ntk.Must(f.NNGP()), ntk.Must(f.NTK())} {
				want := ntk.Must(K.Gram(colours))
				double, float := [][]float64{nngp, ntkK}[k], [][]float32{nngp32, ntk32}[k]
				for i := range x.N {
					for j := range x.N {
						size := math.Sqrt(want.At(i, i) * want.At(j, j))
						d := math.Abs(double[i*x.N+j] - want.At(i, j))
						d32 := math.Abs(float64(float[i*x.N+j]) - want.At(i, j))
						if !(d <= 1e-13*size && d32 <= 1e-6*size) {
							t.Errorf("%v: %v of images %d, %d is off by %.2g, and %.2g in single "+
								"precision", a, K, i, j, d/size, d32/size)
						}
					}
				}
			}
		}
	}
}

// Where all pre-activations of a convolution have one variance, tables over the correlation take
// the place of the activation's duals; smooth ones have Hermite coefficients. Either agrees with
// these, for images that share some of their patches, too.
func TestTabulated(t *testing.T) {
	kinked := ntk.Must(ntk.Custom(func(z float64) float64 { return math.Max(z-0.3, 0) }, nil))
	m := cnn.Image{Height: 3, Width: 2, Channels: 3}
	x := randomImages[float64](4, 3, m)
	copy(x.Rows[2*x.D:3*x.D-9], x.Rows) // the third image is the first, but for three pixels
	for i := 0; i < len(x.Rows); i += 3 {
		p := x.Rows[i : i+3]
		norm := math.Sqrt((p[0]*p[0] + p[1]*p[1] + p[2]*p[2]) / 3)
		p[0], p[1], p[2] = p[0]/norm, p[1]/norm, p[2]/norm
	}
	for _, phi := range []ntk.Activation{ntk.PublishedMimic(), kinked, ntk.GELU{}, ntk.Tanh{},
		ntk.Gaussian{Amplitude: 1, Rate: 1}, ntk.Softplus{}} {
		for _, padding := range []cnn.Padding{cnn.Circular, cnn.Same} {
			c := cnn.Conv{Filter: [2]int{2, 2}, Padding: padding, Activation: phi, WeightStd: 1,
				BiasStd: 0.3}
			a := ntk.Must(cnn.NewArchitecture(m, []cnn.Layer{c, c},
				cnn.Readout{WeightStd: 1, GlobalAverage: true}))
			nngp, ntkK := kernels(a, x, x)
			nngp32, ntk32 := kernels(a, single(x), single(x))
			for i := range x.N {
				for j := range i + 1 {
					xi, xj := x.Rows[i*x.D:(i+1)*x.D], x.Rows[j*x.D:(j+1)*x.D]
					s, k := plainKernels(a, xi, xj)
					at := i*x.N + j
					size := math.Sqrt(nngp[i*x.N+i] * nngp[j*x.N+j])
					size2 := math.Sqrt(ntkK[i*x.N+i] * ntkK[j*x.N+j])
					for _, c := range []struct{ got, want, size, tolerance float64 }{
						{nngp[at], s, size, 2e-9}, {ntkK[at], k, size2, 2e-8},
						{float64(nngp32[at]), s, size, 1e-6}, {float64(ntk32[at]), k, size2, 2e-6},
					} {
						if !(math.Abs(c.got-c.want) <= c.tolerance*c.size) {
							t.Errorf("%v: kernel (%d, %d) is %v, want %v to %g of %v", a, i, j,
								c.got, c.want, c.tolerance, c.size)
						}
					}
				}
			}
		}
	}
}

// Proportional pixels of grey images and filters larger than the image: the angles between patches
// are 0 or π but for rounding, and the kernels are multiples.
func TestProportionalImages(t *testing.T) {
	m := cnn.Image{Height: 2, Width: 2, Channels: 1}
	c := cnn.Conv{Filter: [2]int{5, 7}, Activation: ntk.ReLU{}, WeightStd: math.Sqrt2}
	for _, padding := range []cnn.Padding{cnn.Same, cnn.Circular} {
		c.Padding = padding
		a := ntk.Must(cnn.NewArchitecture(m, []cnn.Layer{c, c, c}, cnn.Readout{WeightStd: 1,
			GlobalAverage: true}))
		x := ntk.Inputs[float64]{N: 3, D: 4, Rows: []float64{0.1, 0.3, 0.7, 0.9}}
		for _, f := range []float64{3.3, -0.7} {
			for _, v := range x.Rows[:4] {
				x.Rows = append(x.Rows, f*v)
			}
		}
		nngp, ntkK := kernels(a, x, x)
		for _, k := range [][]float64{nngp, ntkK} {
			for i, want := range map[int]float64{1: 3.3, 4: 3.3 * 3.3, 8: 0.49} {
				if got := k[i] / k[0]; math.Abs(got-want) > 1e-13*want {
					t.Errorf("%v: kernel %d is %v of the first, want %v", a, i, got, want)
				}
			}
		}
	}
}

// The bytes do not depend on the number of processors, and mirror images are equal, also of tiles
// that are asked for by themselves.
func TestTiles(t *testing.T) {
	ctx := context.Background()
	m := cnn.Image{Height: 5, Width: 4, Channels: 3}
	c := cnn.Conv{Filter: [2]int{3, 3}, Activation: ntk.ReLU{}, WeightStd: 1.4, BiasStd: 0.1}
	a := ntk.Must(cnn.NewArchitecture(m, []cnn.Layer{c, cnn.AveragePool{Window: [2]int{2, 2}}, c},
		cnn.Readout{WeightStd: 1, GlobalAverage: true}))
	const n = 37
	x := randomImages[float32](8, n, m)
	copy(x.Rows[3*x.D:4*x.D], x.Rows) // equal images
	nngp, ntkK := make([]float32, n*n), make([]float32, n*n)
	ntk.Must(0, cnn.GramInto(ctx, nngp, ntkK, a, x, nil))
	for _, processors := range []int{1, 3} {
		was := runtime.GOMAXPROCS(processors)
		again, alone := make([]float32, n*n), make([]float32, n*n)
		ntk.Must(0, cnn.GramInto(ctx, again, alone, a, x, nil))
		runtime.GOMAXPROCS(was)
		for i := range again {
			if again[i] != nngp[i] || alone[i] != ntkK[i] {
				t.Fatalf("entry %d depends on the processors", i)
			}
		}
	}
	tiles := ntk.Must(cnn.GramTiles(ctx, a, x))
	for _, at := range [][4]int{{0, n, 0, n}, {2, 30, 5, 9}, {20, 37, 1, 30}, {9, 11, 9, 11}} {
		size := (at[1] - at[0]) * (at[3] - at[2])
		s, k := make([]float32, size), make([]float32, size)
		ntk.Must(0, tiles.NNGP().Tile(ctx, s, at[0], at[1], at[2], at[3]))
		ntk.Must(0, tiles.NTK().Tile(ctx, k, at[0], at[1], at[2], at[3]))
		for i := at[0]; i < at[1]; i++ {
			for j := at[2]; j < at[3]; j++ {
				p := (i-at[0])*(at[3]-at[2]) + j - at[2]
				if s[p] != nngp[i*n+j] || k[p] != ntkK[j*n+i] {
					t.Fatalf("tile %v: entry (%d, %d) is (%v, %v), not (%v, %v)", at, i, j, s[p],
						k[p], nngp[i*n+j], ntkK[j*n+i])
				}
			}
		}
	}
	// In one of the two the sums of a pool are in the order of the other image's.
	for j := range n {
		for _, k := range [][]float32{nngp, ntkK} {
			if one, other := k[j], k[3*n+j]; math.Abs(float64(one-other)) > 3e-7*float64(one) {
				t.Errorf("equal images have kernels %v and %v with image %d", one, other, j)
			}
		}
	}
}

// Kernel matrices are positive semidefinite to rounding.
func TestPositiveSemidefinite(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 9))
	for range 20 {
		a := randomArchitecture(r)
		const n = 12
		x := randomImages[float64](r.Uint64(), n, a.Image())
		nngp, ntkK := make([]float64, n*n), make([]float64, n*n)
		ntk.Must(0, cnn.GramInto(context.Background(), nngp, ntkK, a, x, nil))
		for _, k := range [][]float64{nngp, ntkK} {
			var eig mat.EigenSym
			if !eig.Factorize(mat.NewSymDense(n, k), false) {
				t.Fatal("no eigenvalues")
			}
			v := eig.Values(nil)
			if v[0] < -1e-13*v[n-1] {
				t.Errorf("%v: eigenvalue %v beside %v", a, v[0], v[n-1])
			}
		}
	}
}

// An interrupted run goes on where it was.
func TestGoesOn(t *testing.T) {
	m := cnn.Image{Height: 8, Width: 8, Channels: 1}
	c := cnn.Conv{Filter: [2]int{3, 3}, Activation: ntk.ReLU{}, WeightStd: 1}
	a := ntk.Must(cnn.NewArchitecture(m, []cnn.Layer{c}, cnn.Readout{WeightStd: 1}))
	const n = 600
	x := randomImages[float32](1, n, m)
	whole, kernel := make([]float32, n*n), make([]float32, n*n)
	ntk.Must(0, cnn.GramInto(context.Background(), nil, whole, a, x, nil))
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	have := map[[4]int]bool{}
	last := -1
	s := cnn.Settings{
		Progress: func(done, total int) {
			if done < last || total != n*(n+1)/2 {
				t.Errorf("%d of %d pairs after %d", done, total, last)
			}
			last = done
		},
		Have: func(i0, i1, j0, j1 int) bool { return have[[4]int{i0, i1, j0, j1}] },
		Done: func(i0, i1, j0, j1 int) {
			if have[[4]int{i0, i1, j0, j1}] {
				t.Errorf("tile %d, %d twice", i0, j0)
			}
			have[[4]int{i0, i1, j0, j1}] = true
			stop()
		},
	}
	err := cnn.GramInto(ctx, nil, kernel, a, x, &s)
	if !errors.Is(err, context.Canceled) || len(have) != 1 {
		t.Fatalf("%v after %d tiles", err, len(have))
	}
	last = -1
	ntk.Must(0, cnn.GramInto(context.Background(), nil, kernel, a, x, &s))
	if len(have) < 3 || last != n*(n+1)/2 {
		t.Errorf("%d tiles, %d pairs", len(have), last)
	}
	for i, v := range whole {
		if kernel[i] != v {
			t.Fatalf("entry %d is %v, want %v", i, kernel[i], v)
		}
	}
}

func TestBadInput(t *testing.T) {
	ctx := context.Background()
	m := cnn.Image{Height: 4, Width: 4, Channels: 1}
	c := cnn.Conv{Filter: [2]int{3, 3}, Activation: ntk.ReLU{}, WeightStd: 1}
	with := func(change func(c *cnn.Conv)) cnn.Conv {
		d := c
		change(&d)
		return d
	}
	pool := cnn.AveragePool{Window: [2]int{2, 2}}
	one := cnn.Readout{WeightStd: 1}
	for want, err := range map[string]error{
		"each must be at least 1":  bad(cnn.Image{}, one, c),
		"at least one convolution": bad(m, one, pool),
		"layer 2 is nil":           bad(m, one, c, nil),
		"layer 1, across: the stride 4 is longer than the window": bad(m, one,
			with(func(c *cnn.Conv) { c.Stride = [2]int{1, 4} })),
		"layer 3, down: a window of 3 does not go into the 2 pixels": bad(m, one, c, pool,
			with(func(c *cnn.Conv) { c.Padding = cnn.Valid })),
		"Padding(7) is none of": bad(m, one, with(func(c *cnn.Conv) { c.Padding = 7 })),
		"layer 1, down: a window of 0": bad(m, one,
			with(func(c *cnn.Conv) { c.Filter = [2]int{} })),
		"hidden layer 2 has no activation": bad(m, one, c,
			with(func(c *cnn.Conv) { c.Activation = nil })),
		"WeightStd is NaN": bad(m, one, with(func(c *cnn.Conv) { c.WeightStd = math.NaN() })),
		"readout":          bad(m, cnn.Readout{BiasStd: -1}, c),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	a := ntk.Must(cnn.NewArchitecture(m, []cnn.Layer{c}, one))
	x := randomImages[float64](1, 2, m)
	k := make([]float64, 4)
	broken := func(at int, v float64) ntk.Inputs[float64] {
		y := ntk.Inputs[float64]{Rows: append([]float64(nil), x.Rows...), N: x.N, D: x.D}
		y.Rows[at] = v
		return y
	}
	gram := func(a *cnn.Architecture, x ntk.Inputs[float64], s *cnn.Settings) error {
		return cnn.GramInto(ctx, nil, k, a, x, s)
	}
	step := ntk.Must(cnn.NewArchitecture(m, []cnn.Layer{with(func(c *cnn.Conv) {
		c.Activation = ntk.Step{}
	})}, one))
	large := ntk.Must(cnn.NewArchitecture(cnn.Image{Height: 512, Width: 512, Channels: 1},
		[]cnn.Layer{c, pool}, cnn.Readout{WeightStd: 1, GlobalAverage: true}))
	for want, err := range map[string]error{
		"image 1 is NaN at row 2, column 1, channel 0": gram(a, broken(16+9, math.NaN()), nil),
		"image 0 is +Inf at row 0":                     gram(a, broken(0, math.Inf(1)), nil),
		"scale the pixels":                             gram(a, broken(3, 1e160), nil),
		"images of 15 numbers": gram(a, ntk.Inputs[float64]{N: 1, D: 15},
			nil),
		"which are not 3 images of 16": gram(a,
			ntk.Inputs[float64]{Rows: x.Rows, N: 3, D: 16}, nil),
		"has no images":         gram(a, ntk.Inputs[float64]{D: 16}, nil),
		"no architecture (nil)": gram(nil, x, nil),
		"does not go into 3":    cnn.GramInto(ctx, k[:3], nil, a, x, nil),
		"no matrix for either":  cnn.GramInto[float64](ctx, nil, nil, a, x, nil),
		"a matrix each":         cnn.GramInto(ctx, k, k, a, x, nil),
		"more than the 1ns":     gram(a, x, &cnn.Settings{MaxTime: 1}),
		"larger pool take less": gram(large, randomImages[float64](1, 1, large.Image()), nil),
		"is infinite":           gram(step, x, nil),
		"tile [1, 3)":           ntk.Must(cnn.GramTiles(ctx, a, x)).Tile(ctx, k, nil, 1, 3, 0, 2),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	var late *cnn.TooLongError
	if err := gram(a, x, &cnn.Settings{MaxTime: 1}); !errors.As(err, &late) || late.Estimate <= 0 {
		t.Errorf("%v", err)
	}
	if err := gram(a, x, &cnn.Settings{MaxTime: time.Hour}); err != nil {
		t.Error(err)
	}
	if err := cnn.GramInto(ctx, k, nil, step, x, nil); err != nil { // its NNGP is finite
		t.Error(err)
	}
	var infinite *ntk.InfiniteNTKError
	if err := gram(step, x, nil); !errors.As(err, &infinite) {
		t.Errorf("%v", err)
	}
}

func bad(m cnn.Image, r cnn.Readout, layers ...cnn.Layer) error {
	_, err := cnn.NewArchitecture(m, layers, r)
	return err
}

// Whatever differs is seen in the fingerprint.
func TestFingerprint(t *testing.T) {
	m := cnn.Image{Height: 8, Width: 8, Channels: 3}
	c := cnn.Conv{Filter: [2]int{3, 3}, Activation: ntk.ReLU{}, WeightStd: 1}
	pool := cnn.AveragePool{Window: [2]int{3, 3}, Stride: [2]int{1, 1}}
	one := cnn.Readout{WeightStd: 1}
	seen := map[string]int{}
	add := func(m cnn.Image, r cnn.Readout, layers ...cnn.Layer) {
		f := ntk.Must(cnn.NewArchitecture(m, layers, r)).Fingerprint()
		if other, ok := seen[f]; ok {
			t.Errorf("architectures %d and %d have one fingerprint", other, len(seen))
		}
		seen[f] = len(seen)
	}
	add(m, one, c)
	add(cnn.Image{Height: 8, Width: 8, Channels: 3, ChannelsFirst: true}, one, c)
	add(m, cnn.Readout{WeightStd: 1, GlobalAverage: true}, c)
	add(m, cnn.Readout{WeightStd: 2}, c)
	add(m, one, c, pool)
	add(m, one, pool, c)
	add(m, one, c, c)
	for _, change := range []func(c *cnn.Conv){
		func(c *cnn.Conv) { c.Filter[0] = 1 }, func(c *cnn.Conv) { c.Stride = [2]int{2, 1} },
		func(c *cnn.Conv) { c.Padding = cnn.Valid }, func(c *cnn.Conv) { c.BiasStd = 1 },
		func(c *cnn.Conv) { c.Activation = ntk.Erf{} }, func(c *cnn.Conv) { c.Frozen = true },
	} {
		d := c
		change(&d)
		add(m, one, d)
	}
}

// The name says what differs from the usual.
func TestString(t *testing.T) {
	c := cnn.Conv{Filter: [2]int{3, 5}, Activation: ntk.ReLU{}, WeightStd: 1}
	strided := c
	strided.Stride, strided.Padding = [2]int{2, 2}, cnn.Circular
	a := ntk.Must(cnn.NewArchitecture(cnn.Image{Height: 9, Width: 8, Channels: 3},
		[]cnn.Layer{c, cnn.AveragePool{Window: [2]int{2, 2}, Padding: cnn.Valid}, strided},
		cnn.Readout{WeightStd: 1, GlobalAverage: true}))
	const want = "9×8×3, 3×5 ReLU, pool 2×2 VALID, 3×5 ReLU stride 2×2 CIRCULAR, global average"
	if got := fmt.Sprint(a); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
