package cnn_test

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/cnn"
	"github.com/kernelsmith/kernelsmith/ntk/hermite"
	"github.com/kernelsmith/kernelsmith/ntk/inverse"
	"gonum.org/v1/gonum/mat"
)

// pooledGram is the matrix of a layer and a curve.
func pooledGram[T float32 | float64](
	l *cnn.OneLayer, κ inverse.Target, x ntk.Inputs[T],
) []T {
	t := ntk.Must(cnn.PooledGramTiles(context.Background(), l, κ, x))
	k := make([]T, x.N*x.N)
	ntk.Must(0, t.Into(context.Background(), k, nil))
	return k
}

// The kernels of one layer with any σ's and pooling are those of the reference, by the curve and by
// the code for any architecture, to 1e-12 and 1e-6.
func TestOneLayerReference(t *testing.T) {
	text, err := os.ReadFile("testdata/one_layer.json")
	if err != nil {
		t.Fatal(err)
	}
	var r struct {
		X     [][][]float64
		Cases []struct {
			B         []float64
			Readout   string
			SigmaW    float64 `json:"sigma_w"`
			SigmaB    float64 `json:"sigma_b"`
			SigmaV    float64 `json:"sigma_v"`
			SigmaO    float64 `json:"sigma_o"`
			NNGP, NTK [][]float64
		}
	}
	if err := json.Unmarshal(text, &r); err != nil || len(r.Cases) != 16 {
		t.Fatal(err, len(r.Cases))
	}
	x := ntk.Inputs[float64]{N: len(r.X), D: 16 * 12}
	for _, image := range r.X {
		for _, patch := range image {
			x.Rows = append(x.Rows, patch...)
		}
	}
	m := cnn.Image{Height: 4, Width: 4, Channels: 12}
	for _, c := range r.Cases {
		phi := ntk.Must(hermite.NewSeries(c.B))
		layers := []cnn.Layer{cnn.Conv{Filter: [2]int{1, 1}, Activation: phi,
			WeightStd: c.SigmaW, BiasStd: c.SigmaB}}
		readout := cnn.Readout{WeightStd: c.SigmaV, BiasStd: c.SigmaO}
		switch c.Readout {
		case "gap":
			readout.GlobalAverage = true
		case "window_2x2":
			layers = append(layers, cnn.AveragePool{Window: [2]int{2, 2}, Padding: cnn.Valid})
		case "window_3x3_overlap":
			layers = append(layers, cnn.AveragePool{Window: [2]int{3, 3}, Stride: [2]int{1, 1},
				Padding: cnn.Valid})
		}
		l := ntk.Must(cnn.NewOneLayer(m, layers, readout))
		net := ntk.Must(ntk.NewFCN([]ntk.Layer{{Activation: phi, WeightStd: c.SigmaW,
			BiasStd: c.SigmaB}}, ntk.Readout{WeightStd: c.SigmaV, BiasStd: c.SigmaO}))
		nngp, ntkK := kernels(ntk.Must(cnn.NewArchitecture(m, layers, readout)), x, x)
		for kind, k := range map[string]struct {
			curve   ntk.Kernel
			general []float64
			want    [][]float64
		}{
			"NNGP": {ntk.Must(net.NNGP()), nngp, c.NNGP},
			"NTK":  {ntk.Must(net.NTK()), ntkK, c.NTK},
		} {
			got, got32 := pooledGram(l, k.curve, x), pooledGram(l, k.curve, single(x))
			d := diagonal(got, x.N)
			if e := off(got, k.want, d, d); !(e < 1e-12) {
				t.Errorf("%v %s: off by %.2g", c.B, kind, e)
			}
			if e := off(got32, k.want, d, d); !(e < 1e-6) {
				t.Errorf("%v %s: off by %.2g in single precision", c.B, kind, e)
			}
			if e := off(k.general, k.want, d, d); !(e < 1e-12) {
				t.Errorf("%v %s: off by %.2g as an architecture", c.B, kind, e)
			}
		}
	}
}

// plainPooled is the sum as the documentation of OneLayer writes it, over patches that are made
// here: EachPatch without padding, then windows.
func plainPooled(
	image []float64, other []float64, m cnn.Image, filter, stride int, windows [][]int,
	curve func(c float64) float64,
) float64 {
	patches := func(x []float64) (all [][]float64) {
		for r := 0; r+filter <= m.Height; r += stride {
			for c := 0; c+filter <= m.Width; c += stride {
				var patch []float64
				norm := 0.0
				for v := range filter {
					for w := range filter {
						for k := range m.Channels {
							value := x[((r+v)*m.Width+c+w)*m.Channels+k]
							patch = append(patch, value)
							norm += value * value
						}
					}
				}
				for k := range patch {
					patch[k] /= math.Sqrt(norm)
				}
				all = append(all, patch)
			}
		}
		return all
	}
	z, x := patches(image), patches(other)
	sum := 0.0
	for _, w := range windows {
		for _, p := range w {
			for _, p2 := range w {
				c := 0.0
				for k, v := range z[p] {
					c += v * x[p2][k]
				}
				if math.Abs(c) > 1-1e-14 { // equal, opposite
					c = math.Round(c)
				}
				sum += curve(c) / float64(len(w)*len(w)*len(windows))
			}
		}
	}
	return sum
}

// Every kind of curve, polynomial, with a root at c = ±1, from a table, and rough, is summed over
// pairs of patches as the formula says: over windows that part the patches, that overlap, of single
// patches and over all, to 1e-12 and in single precision 1e-6.
func TestPooledPlain(t *testing.T) {
	m := cnn.Image{Height: 8, Width: 7, Channels: 2}
	x, z := randomImages[float64](3, 3, m), randomImages[float64](4, 2, m)
	copy(z.Rows[:x.D], x.Rows[x.D:2*x.D]) // an image that is in both sets
	patches := cnn.Patches{Filter: [2]int{3, 3}, Padding: cnn.Valid, Normalize: cnn.EachPatch}
	grid := func(side, stride int) (windows [][]int) { // of 6×5 places
		for r := 0; r+side <= 6; r += stride {
			for c := 0; c+side <= 5; c += stride {
				var w []int
				for v := range side {
					for u := range side {
						w = append(w, (r+v)*5+c+u)
					}
				}
				windows = append(windows, w)
			}
		}
		return windows
	}
	all := [][]int{nil}
	for p := range 30 {
		all[0] = append(all[0], p)
	}
	relu := ntk.Must(ntk.UniformFCN(1, ntk.ReLU{}, 1, 0))
	deep := ntk.Must(ntk.UniformFCN(5, ntk.ReLU{}, math.Sqrt2, 0.1))
	curves := map[string]inverse.Target{
		"series":   ntk.Must(ntk.NewPowerSeries([]float64{0, 0.3, 0, 0.5, 0.01, 0, 0.2})),
		"constant": ntk.Must(ntk.NewPowerSeries([]float64{2})),
		"empty":    ntk.PowerSeries{},
		"Gaussian": ntk.Must(ntk.GaussianKernel(0.5)),
		"ReLU":     ntk.Must(relu.NTK()),
		"deep":     ntk.Must(deep.NTK()),
		"rough": ntk.Must(ntk.FromFunc("steps", func(c float64) float64 {
			return math.Floor(40 * c)
		})),
	}
	pool := func(side, stride int) []cnn.Layer {
		return []cnn.Layer{cnn.AveragePool{Window: [2]int{side, side},
			Stride: [2]int{stride, stride}, Padding: cnn.Valid}}
	}
	for readout, c := range map[string]struct {
		pools   []cnn.Layer
		average bool
		windows [][]int
	}{
		"flatten":   {nil, false, grid(1, 1)},
		"average":   {nil, true, all},
		"windows":   {pool(3, 3), false, grid(3, 3)},
		"small":     {pool(2, 2), false, grid(2, 2)},
		"overlap":   {pool(3, 2), false, grid(3, 2)},
		"much over": {pool(4, 1), false, grid(4, 1)},
	} {
		layers := append([]cnn.Layer{patches, cnn.Conv{Filter: [2]int{1, 1}}}, c.pools...)
		l := ntk.Must(cnn.NewOneLayer(m, layers, cnn.Readout{GlobalAverage: c.average}))
		for name, curve := range curves {
			value := func(c float64) float64 { return ntk.Must(curve.Curve([]float64{c}))[0] }
			size := math.Abs(value(1)) + 1e-300
			got, got32 := make([]float64, 6), make([]float32, 6)
			ntk.Must(0, ntk.Must(cnn.PooledCrossTiles(t.Context(), l, curve, z, x)).
				Into(t.Context(), got, nil))
			ntk.Must(0, ntk.Must(cnn.PooledCrossTiles(t.Context(), l, curve, single(z), single(x))).
				Into(t.Context(), got32, nil))
			for k := range got {
				i, j := k/3, k%3
				want := plainPooled(z.Rows[i*x.D:(i+1)*x.D], x.Rows[j*x.D:(j+1)*x.D], m, 3, 1,
					c.windows, value)
				if e := math.Abs(got[k]-want) / size; !(e < 1e-12) {
					t.Errorf("%s %s: images %d, %d: %v, want %v (%.2g)", readout, name, i, j,
						got[k], want, e)
				}
				tolerance := 1e-6
				if name == "rough" { // a cosine on the other side of a step
					tolerance = 0.01
				}
				if e := math.Abs(float64(got32[k])-want) / size; !(e < tolerance) {
					t.Errorf("%s %s: images %d, %d: %v in single precision, want %v (%.2g)",
						readout, name, i, j, got32[k], want, e)
				}
			}
		}
	}
}

// The way back: a curve that is wanted, its activation by theorem 1, and the architecture whose
// kernels, by the code for any architecture, are the pooled curve to 1e-12, for pools with zeros at
// the edge, around it, in a row, and before the convolution.
func TestOneLayerThereAndBack(t *testing.T) {
	κ := ntk.Must(ntk.NewPowerSeries([]float64{0.1, 0.4, 0.2, 0, 0.3}))
	asNTK, asNNGP := ntk.Must(inverse.NTK(κ, []int{1, -1, 1})), ntk.Must(inverse.NNGP(κ, nil))
	m := cnn.Image{Height: 9, Width: 8, Channels: 2, ChannelsFirst: true}
	x := randomImages[float64](5, 4, m)
	conv := cnn.Conv{Filter: [2]int{1, 1}}
	patches := cnn.Patches{Filter: [2]int{3, 2}, Stride: [2]int{1, 2}, Center: true,
		Normalize: cnn.EachPatch}
	pool := func(size, stride int, p cnn.Padding) cnn.Layer {
		return cnn.AveragePool{Window: [2]int{size, size}, Stride: [2]int{stride, stride},
			Padding: p}
	}
	for _, layers := range [][]cnn.Layer{
		{patches, conv},
		{patches, conv, pool(4, 4, cnn.Same)},
		{patches, conv, pool(3, 2, cnn.Same)},
		{patches, conv, pool(3, 2, cnn.Circular), pool(2, 1, cnn.Same)},
		{cnn.Patches{Filter: [2]int{1, 1}, Normalize: cnn.EachPixel},
			cnn.Conv{Filter: [2]int{3, 3}, Stride: [2]int{2, 1}, Padding: cnn.Circular},
			pool(2, 2, cnn.Valid)},
	} {
		for _, average := range []bool{false, true} {
			l := ntk.Must(cnn.NewOneLayer(m, layers, cnn.Readout{GlobalAverage: average}))
			want := pooledGram(l, κ, x)
			nngp, _ := kernels(ntk.Must(l.Architecture(asNNGP)), x, x)
			_, ntkK := kernels(ntk.Must(l.Architecture(asNTK)), x, x)
			for k, v := range want {
				size := math.Sqrt(want[k/4*5] * want[k%4*5])
				if math.Abs(nngp[k]-v) > 1e-12*size || math.Abs(ntkK[k]-v) > 1e-12*size {
					t.Fatalf("%v: entry %d: NNGP %v, NTK %v, want %v", layers, k, nngp[k], ntkK[k],
						v)
				}
			}
		}
	}
}

// The mean empirical kernels of designed nets are the pooled curve within 4 standard errors, as
// those of one layer are at any width.
func TestDesignedNets(t *testing.T) {
	κ := ntk.Must(ntk.NewPowerSeries([]float64{0.1, 0.4, 0.2, 0.3}))
	m := cnn.Image{Height: 6, Width: 6, Channels: 1}
	x := randomImages[float64](6, 3, m)
	l := ntk.Must(cnn.NewOneLayer(m, []cnn.Layer{
		cnn.Patches{Filter: [2]int{3, 3}, Padding: cnn.Valid, Center: true,
			Normalize: cnn.EachPatch},
		cnn.Conv{Filter: [2]int{1, 1}}, cnn.AveragePool{Window: [2]int{2, 2}},
	}, cnn.Readout{}))
	want := pooledGram(l, κ, x)
	images := mat.NewDense(x.N, x.D, x.Rows)
	for kind, phi := range map[string]ntk.Activation{
		"NNGP": ntk.Must(inverse.NNGP(κ, nil)), "NTK": ntk.Must(inverse.NTK(κ, nil)),
	} {
		net := ntk.Must(l.Architecture(phi))
		const draws = 300
		sum, square := make([]float64, 9), make([]float64, 9)
		for seed := range draws {
			n := ntk.Must(cnn.New(net, cnn.Config{Width: 64, Outputs: 1, Seed: uint64(seed)}))
			var k *mat.Dense
			if kind == "NTK" {
				k = ntk.Must(n.EmpiricalNTK(images, images, 0))
			} else {
				k = ntk.Must(n.EmpiricalNNGP(images, images))
			}
			for i, v := range k.RawMatrix().Data {
				sum[i] += v / draws
				square[i] += v * v / draws
			}
		}
		for i, v := range sum {
			std := math.Sqrt((square[i] - v*v) / draws)
			if z := (v - want[i]) / std; !(math.Abs(z) < 4) || !(std < 0.1*want[0]) {
				t.Errorf("%s: entry %d: %v ± %v, want %v", kind, i, v, std, want[i])
			}
		}
	}
}

// Tiles, of any shape, are what the whole matrix has, mirror images are equal to the bit, also
// where patches are taken anew for each block, and the matrix is positive semidefinite.
func TestPooledTiles(t *testing.T) {
	m := cnn.Image{Height: 5, Width: 5, Channels: 1}
	x := randomImages[float32](7, 150, m) // more than a block
	l := ntk.Must(cnn.NewOneLayer(m, []cnn.Layer{
		cnn.Patches{Filter: [2]int{2, 2}, Normalize: cnn.EachPatch},
		cnn.Conv{Filter: [2]int{1, 1}}, cnn.AveragePool{Window: [2]int{3, 3}},
	}, cnn.Readout{}))
	κ := ntk.Must(ntk.Must(ntk.UniformFCN(1, ntk.ReLU{}, 1, 0)).NTK())
	whole := pooledGram(l, κ, x)
	for i := range x.N {
		for j := range i {
			if whole[i*x.N+j] != whole[j*x.N+i] {
				t.Fatalf("entries %d, %d are not symmetric", i, j)
			}
		}
	}
	cnn.KeepNoPatches(t)
	if again := pooledGram(l, κ, x); !equal(again, whole) {
		t.Error("other numbers where patches are not kept")
	}
	tiles := ntk.Must(cnn.PooledGramTiles(t.Context(), l, κ, x))
	if rows, columns := tiles.Dims(); rows != x.N || columns != x.N {
		t.Errorf("a matrix of %d×%d", rows, columns)
	}
	for _, at := range [][4]int{{0, 150, 0, 150}, {120, 140, 3, 5}, {3, 5, 120, 140},
		{10, 20, 15, 40}, {130, 131, 130, 131}, {0, 1, 0, 150}} {
		rows, columns := at[1]-at[0], at[3]-at[2]
		k := make([]float32, rows*columns)
		ntk.Must(0, tiles.Tile(t.Context(), k, at[0], at[1], at[2], at[3]))
		for i, v := range k {
			want := whole[(at[0]+i/columns)*x.N+at[2]+i%columns]
			if math.Abs(float64(v-want)) > 1e-6*float64(whole[0]) {
				t.Fatalf("tile %v, entry %d: %v, want %v", at, i, v, want)
			}
		}
	}
	wide := mat.NewSymDense(x.N, nil)
	for i := range x.N {
		for j := range i + 1 {
			wide.SetSym(i, j, float64(whole[i*x.N+j]))
		}
	}
	var eigen mat.EigenSym
	eigen.Factorize(wide, false)
	if v := eigen.Values(nil); !(v[0] > -1e-5*float64(whole[0])) {
		t.Errorf("an eigenvalue of %v", v[0])
	}
	if e, err := tiles.Estimate(); !(e > 0) || err != nil {
		t.Error(e, err)
	}
}

func equal[T comparable](a, b []T) bool {
	for i, v := range a {
		if v != b[i] {
			return false
		}
	}
	return len(a) == len(b)
}

// The powers of the cosine are those of tiles with the curve c^k, in both precisions and for every
// kind of window, and so is any sum of them; what a caller has is not made again.
func TestPooledPowers(t *testing.T) {
	m := cnn.Image{Height: 8, Width: 8, Channels: 1}
	x := randomImages[float64](8, 5, m)
	copy(x.Rows[64:128], x.Rows[:64]) // two equal images
	for _, pool := range []cnn.AveragePool{
		{Window: [2]int{1, 1}}, {Window: [2]int{2, 2}}, {Window: [2]int{4, 3}},
		{Window: [2]int{5, 5}, Stride: [2]int{1, 1}},
	} {
		l := ntk.Must(cnn.NewOneLayer(m, []cnn.Layer{
			cnn.Patches{Filter: [2]int{3, 3}, Padding: cnn.Valid, Normalize: cnn.EachPatch},
			cnn.Conv{Filter: [2]int{1, 1}}, pool,
		}, cnn.Readout{}))
		dst, dst32 := make([][]float64, 21), make([][]float32, 21)
		for k := range dst {
			dst[k], dst32[k] = make([]float64, 25), make([]float32, 25)
		}
		ntk.Must(0, cnn.PooledPowersInto(t.Context(), dst, l, x, nil))
		ntk.Must(0, cnn.PooledPowersInto(t.Context(), dst32, l, single(x), nil))
		a, sum := make([]float64, 21), make([]float64, 25)
		for k := range dst {
			power := make([]float64, k+1)
			power[k] = 1
			want := pooledGram(l, ntk.Must(ntk.NewPowerSeries(power)), x)
			a[k] = 1 / float64(1+k)
			for i, v := range want {
				sum[i] += a[k] * dst[k][i]
				size := math.Sqrt(want[i/5*6] * want[i%5*6])
				if e := math.Abs(dst[k][i]-v) / size; !(e < 1e-13) {
					t.Errorf("%v: power %d, entry %d: off by %.2g", pool, k, i, e)
				}
				if e := math.Abs(float64(dst32[k][i])-v) / size; !(e < 1e-6) {
					t.Errorf("%v: power %d, entry %d: off by %.2g in single precision", pool, k, i,
						e)
				}
				if j := i%5*5 + i/5; dst[k][i] != dst[k][j] || dst32[k][i] != dst32[k][j] {
					t.Errorf("%v: power %d is not symmetric", pool, k)
				}
			}
		}
		for i, v := range pooledGram(l, ntk.Must(ntk.NewPowerSeries(a)), x) {
			if math.Abs(sum[i]-v) > 1e-13*sum[0] {
				t.Errorf("%v: the sum of powers is %v, that of the curve %v", pool, sum[i], v)
			}
		}
	}
}

// Work that was interrupted goes on at the next tile, to the same bytes, and progress goes up to
// all pairs.
func TestPooledInterrupt(t *testing.T) {
	m := cnn.Image{Height: 4, Width: 4, Channels: 1}
	x := randomImages[float32](9, 300, m)
	l := ntk.Must(cnn.NewOneLayer(m, []cnn.Layer{
		cnn.Patches{Filter: [2]int{2, 2}, Padding: cnn.Valid, Normalize: cnn.EachPatch},
		cnn.Conv{Filter: [2]int{1, 1}}}, cnn.Readout{GlobalAverage: true}))
	matrices := func() [][]float32 {
		dst := make([][]float32, 3)
		for k := range dst {
			dst[k] = make([]float32, x.N*x.N)
		}
		return dst
	}
	want, got := matrices(), matrices()
	last := -1
	ntk.Must(0, cnn.PooledPowersInto(t.Context(), want, l, x, &cnn.Settings{
		Progress: func(done, total int) {
			if done < last || total != 300*301/2 {
				t.Errorf("%d of %d after %d", done, total, last)
			}
			last = done
		}}))
	if last != 300*301/2 {
		t.Errorf("progress ended at %d", last)
	}
	ctx, cancel := context.WithCancel(t.Context())
	have := map[[4]int]bool{}
	s := &cnn.Settings{
		Have: func(i0, i1, j0, j1 int) bool { return have[[4]int{i0, i1, j0, j1}] },
		Done: func(i0, i1, j0, j1 int) {
			have[[4]int{i0, i1, j0, j1}] = true
			if len(have) == 3 {
				cancel()
			}
		},
	}
	if err := cnn.PooledPowersInto(ctx, got, l, x, s); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	kept := len(have)
	s.Done = func(i0, i1, j0, j1 int) { kept++ }
	ntk.Must(0, cnn.PooledPowersInto(t.Context(), got, l, x, s))
	if len(have) != 3 || kept != 6 {
		t.Errorf("%d tiles, and then %d", len(have), kept)
	}
	for k := range want {
		if !equal(got[k], want[k]) {
			t.Errorf("power %d is another one after an interrupt", k)
		}
	}
}

// A kernel of one layer is found, one of two layers is away from all, and a constant has a part in
// one of the alignments alone.
func TestNearest(t *testing.T) {
	m := cnn.Image{Height: 6, Width: 6, Channels: 1}
	x := randomImages[float64](10, 40, m)
	l := ntk.Must(cnn.NewOneLayer(m, []cnn.Layer{
		cnn.Patches{Filter: [2]int{3, 3}, Padding: cnn.Valid, Normalize: cnn.EachPatch},
		cnn.Conv{Filter: [2]int{1, 1}}, cnn.AveragePool{Window: [2]int{2, 2}}}, cnn.Readout{}))
	powers := make([][]float64, 6)
	for k := range powers {
		powers[k] = make([]float64, 40*40)
	}
	ntk.Must(0, cnn.PooledPowersInto(t.Context(), powers, l, x, nil))
	a := []float64{0.2, 0, 0.5, 0.1, 0, 0.3}
	κ := ntk.Must(ntk.NewPowerSeries(a))
	near := ntk.Must(cnn.Nearest(t.Context(), powers, pooledGram(l, κ, x)))
	for k, v := range near.Series.Coeffs() {
		if math.Abs(v-a[k]) > 1e-10 {
			t.Errorf("a_%d is %v, want %v", k, v, a[k])
		}
	}
	if !(near.RelativeError < 1e-12) || !(near.Alignment > 1-1e-12) ||
		!(near.CenteredAlignment > 1-1e-9) {
		t.Errorf("%+v", near)
	}
	// -c² is what no sum has; the nearest is then the best of the others alone.
	negative := make([]float64, 40*40)
	for i := range negative {
		negative[i] = 3*powers[1][i] - powers[2][i]
	}
	far := ntk.Must(cnn.Nearest(t.Context(), powers, negative))
	worst := 0.0 // of the conditions of optimality
	rest, size := 0.0, 0.0
	residual := make([]float64, 40*40)
	for i, v := range negative {
		residual[i] = v
		for k, c := range far.Series.Coeffs() {
			residual[i] -= c * powers[k][i]
		}
		rest, size = rest+residual[i]*residual[i], size+v*v
	}
	for k, c := range far.Series.Coeffs() {
		slope, norm := 0.0, 0.0
		for i, v := range powers[k] {
			slope, norm = slope+v*residual[i], norm+v*v
		}
		slope /= math.Sqrt(norm * size)
		if c < 0 || c > 0 && math.Abs(slope) > 1e-12 {
			t.Errorf("a_%d is %v, and its slope %v", k, c, slope)
		}
		worst = math.Max(worst, slope)
	}
	if worst > 1e-12 || math.Abs(far.RelativeError-math.Sqrt(rest/size)) > 1e-12 ||
		!(far.RelativeError > 0.01) {
		t.Errorf("slope %v, %+v, want an error of %v", worst, far, math.Sqrt(rest/size))
	}
	shifted := pooledGram(l, κ, x)
	for i := range shifted {
		shifted[i] += 100 - 40*powers[2][i]
	}
	one := ntk.Must(cnn.Nearest(t.Context(), powers[:1], shifted))
	if one.CenteredAlignment != 0 || !(one.Alignment > 0.9) {
		t.Errorf("a constant: %+v", one)
	}
}

// What cannot be is an error that says so.
func TestOneLayerBadInput(t *testing.T) {
	ctx, m := t.Context(), cnn.Image{Height: 4, Width: 4, Channels: 1}
	x := randomImages[float64](11, 3, m)
	patches := cnn.Patches{Filter: [2]int{2, 2}, Padding: cnn.Valid, Normalize: cnn.EachPatch}
	conv := cnn.Conv{Filter: [2]int{1, 1}}
	l := ntk.Must(cnn.NewOneLayer(m, []cnn.Layer{patches, conv}, cnn.Readout{}))
	raw := ntk.Must(cnn.NewOneLayer(m, []cnn.Layer{cnn.Conv{Filter: [2]int{2, 2}}}, cnn.Readout{}))
	κ := ntk.Must(ntk.NewPowerSeries([]float64{0, 1}))
	layers := func(layers ...cnn.Layer) error {
		_, err := cnn.NewOneLayer(m, layers, cnn.Readout{})
		return err
	}
	tiles := func(l *cnn.OneLayer, κ inverse.Target, x ntk.Inputs[float64]) error {
		_, err := cnn.PooledGramTiles(ctx, l, κ, x)
		return err
	}
	broken := ntk.Inputs[float64]{Rows: append([]float64(nil), x.Rows...), N: 3, D: 16}
	broken.Rows[16+6] = math.NaN()
	black := ntk.Inputs[float64]{Rows: make([]float64, 48), N: 3, D: 16}
	good := ntk.Must(cnn.PooledGramTiles(ctx, l, κ, x))
	k := make([]float64, 9)
	nearest := func(powers [][]float64, G []float64) error {
		_, err := cnn.Nearest(ctx, powers, G)
		return err
	}
	powers := func(dst [][]float64, l *cnn.OneLayer, s *cnn.Settings) error {
		return cnn.PooledPowersInto(ctx, dst, l, x, s)
	}
	sparse := cnn.AveragePool{Window: [2]int{1, 1}, Stride: [2]int{2, 2}}
	samples := inverse.Samples{Cosines: make([]float64, 4)}
	short := ntk.Inputs[float64]{Rows: x.Rows, N: 3, D: 15}
	nan, slanted := []float64{1, 0, 0, math.NaN()}, []float64{1, 0, 1, 1}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	_, end := cnn.PooledGramTiles(ended, l, κ, x)
	_, phi := l.Architecture(nil)
	for want, err := range map[string]error{
		"at least one convolution":          layers(patches),
		"layers 2 and 3 are both a Conv":    layers(patches, conv, conv),
		"longer than the window":            layers(patches, conv, sparse),
		"no activation":                     phi,
		"no layer (nil)":                    tiles(nil, κ, x),
		"no curve κ (nil)":                  tiles(l, nil, x),
		"4 samples have no values":          tiles(l, samples, x),
		"images of 15 numbers":              tiles(l, κ, short),
		"has no images":                     tiles(l, κ, ntk.Inputs[float64]{D: 16}),
		"image 1 is NaN at row 1, column 2": tiles(l, κ, broken),
		"cnn: x: patches have ‖x_p‖²/q fro": tiles(raw, κ, x),
		"from 0 (image 0, row 0, column 0)": tiles(raw, κ, black),
		"cnn: x: image 0":                   tiles(l, κ, black),
		"does not go into the 8 entries":    good.Into(ctx, k[:8], nil),
		"MaxTime: fewer or smaller images":  good.Into(ctx, k, &cnn.Settings{MaxTime: 1}),
		"no matrix for any power":           powers(nil, l, nil),
		"6 entries of matrix 1":             powers([][]float64{k, k[:6]}, l, nil),
		"more than the 1ns of MaxTime":      powers([][]float64{k}, l, &cnn.Settings{MaxTime: 1}),
		"0 matrices, and 4 entries":         nearest(nil, k[:4]),
		"n² entries":                        nearest([][]float64{k}, k[:8]),
		"matrix 1 has 8 entries":            nearest([][]float64{k, k[:8]}, k),
		"G is not symmetric: 1 at row 1":    nearest([][]float64{k[:4]}, slanted),
		"G is NaN at row 1, column 1":       nearest([][]float64{k[:4]}, nan),
		"matrix 0 is NaN at row 1":          nearest([][]float64{nan}, []float64{1, 0, 0, 1}),
		"G is 0":                            nearest([][]float64{{1, 0, 0, 1}}, make([]float64, 4)),
		"context canceled":                  end,
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q, got: %v", want, err)
		}
	}
	var late *cnn.TooLongError
	if err := good.Into(ctx, k, &cnn.Settings{MaxTime: 1}); !errors.As(err, &late) {
		t.Error(err)
	}
	if err := good.Tile(ctx, k, 0, 4, 0, 2); err == nil {
		t.Error("a tile beyond the matrix")
	}
	// An image of zeros has no patches of norm √q, but Flat ones.
	patches.Flat = true
	flat := ntk.Must(cnn.NewOneLayer(m, []cnn.Layer{patches, conv}, cnn.Readout{}))
	if k := pooledGram(flat, κ, black); math.Abs(k[0]-1) > 1e-15 || k[1] != k[0] {
		t.Errorf("flat patches: %v", k)
	}
}
