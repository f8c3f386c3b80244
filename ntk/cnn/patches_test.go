package cnn_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/cnn"
)

var straight = ntk.Polynomial{Coeffs: []float64{0, 1}}

func near(t *testing.T, what string, got, want []float64, tolerance float64) {
	t.Helper()
	most := 0.0
	for i := range want {
		if off := math.Abs(got[i]-want[i]) / math.Abs(want[i]); !(off <= most) {
			most = off
		}
	}
	if !(most <= tolerance) {
		t.Errorf("%s: off by %.2g, more than %.2g", what, most, tolerance)
	}
}

// Patches as they are, and a filter of one place, are the convolution.
func TestPatchesAreTheConvolution(t *testing.T) {
	for _, m := range []cnn.Image{{Height: 7, Width: 6, Channels: 2},
		{Height: 6, Width: 7, Channels: 3, ChannelsFirst: true}} {
		x := randomImages[float64](1, 4, m)
		for _, padding := range []cnn.Padding{cnn.Same, cnn.Valid, cnn.Circular} {
			for _, stride := range [][2]int{{}, {2, 1}, {3, 2}} {
				c := cnn.Conv{Filter: [2]int{3, 2}, Stride: stride, Padding: padding,
					Activation: ntk.ReLU{}, WeightStd: 1.3, BiasStd: 0.2}
				p := cnn.Patches{Filter: c.Filter, Stride: stride, Padding: padding}
				one := c
				one.Filter, one.Stride, one.Padding = [2]int{1, 1}, [2]int{}, cnn.Same
				pool := cnn.AveragePool{Window: [2]int{2, 2}}
				after := []cnn.Layer{pool, c}
				if padding == cnn.Valid {
					after = []cnn.Layer{pool}
				}
				out := cnn.Readout{WeightStd: 1, BiasStd: 0.3}
				a := ntk.Must(cnn.NewArchitecture(m, append([]cnn.Layer{c}, after...), out))
				b := ntk.Must(cnn.NewArchitecture(m, append([]cnn.Layer{p, one}, after...), out))
				nngp, ntkK := kernels(a, x, x)
				nngp2, ntkK2 := kernels(b, x, x)
				what := fmt.Sprint(b)
				near(t, what+", NNGP", nngp2, nngp, 1e-14)
				near(t, what+", NTK", ntkK2, ntkK, 1e-14)
				if a.Fingerprint() == b.Fingerprint() {
					t.Errorf("%v and %v have one fingerprint", a, b)
				}
			}
		}
	}
}

// pooledFirst of patches: a pool before the convolution is of their entries.
func TestPoolOfPatches(t *testing.T) {
	m := cnn.Image{Height: 4, Width: 4, Channels: 2}
	x := randomImages[float64](2, 3, m)
	pool := cnn.AveragePool{Window: [2]int{2, 2}}
	c := cnn.Conv{Filter: [2]int{1, 1}, Activation: ntk.ReLU{}, WeightStd: 1}
	out := cnn.Readout{WeightStd: 1}
	// Of patches of one pixel these are the pixels.
	p := cnn.Patches{Filter: [2]int{1, 1}}
	want, _ := kernels(ntk.Must(cnn.NewArchitecture(m, []cnn.Layer{pool, c}, out)), x, x)
	got, _ := kernels(ntk.Must(cnn.NewArchitecture(m, []cnn.Layer{p, pool, c}, out)), x, x)
	near(t, "pool of patches", got, want, 1e-14)
}

// linear is the kernel 1/(P q) Σ_p <x_p, y_p> of prepared patches.
func linear(t *testing.T, m cnn.Image, p cnn.Patches, x ntk.Inputs[float64]) []float64 {
	t.Helper()
	identity := cnn.Conv{Filter: [2]int{1, 1}, Activation: straight, WeightStd: 1}
	a, err := cnn.NewArchitecture(m, []cnn.Layer{p, identity}, cnn.Readout{WeightStd: 1})
	if err != nil {
		t.Fatal(err)
	}
	k, _ := kernels(a, x, x)
	return k
}

// plainPatches is what the documentation of Patches says, for Valid padding and channels last.
func plainPatches(m cnn.Image, p cnn.Patches, image []float64) (patches [][]float64) {
	scaled := func(v []float64) {
		sum := 0.0
		for _, x := range v {
			sum += x * x
		}
		for i := range v {
			v[i] *= math.Sqrt(float64(len(v)) / sum)
		}
	}
	image = append([]float64(nil), image...)
	if p.Normalize == cnn.EachPixel {
		for i := 0; i < len(image); i += m.Channels {
			scaled(image[i : i+m.Channels])
		}
	}
	for i := 0; i+p.Filter[0] <= m.Height; i += p.Stride[0] {
		for j := 0; j+p.Filter[1] <= m.Width; j += p.Stride[1] {
			var patch []float64
			for v := range p.Filter[0] {
				from := ((i+v)*m.Width + j) * m.Channels
				patch = append(patch, image[from:from+p.Filter[1]*m.Channels]...)
			}
			if p.Center {
				mean := 0.0
				for _, x := range patch {
					mean += x / float64(len(patch))
				}
				for k := range patch {
					patch[k] -= mean
				}
			}
			if p.Normalize == cnn.EachPatch {
				scaled(patch)
			}
			patches = append(patches, patch)
		}
	}
	return patches
}

func TestNormalisedPatches(t *testing.T) {
	m := cnn.Image{Height: 6, Width: 5, Channels: 3}
	x := randomImages[float64](3, 3, m)
	for _, center := range []bool{false, true} {
		for _, norm := range []cnn.Normalization{cnn.AsTheyAre, cnn.EachPixel, cnn.EachPatch} {
			p := cnn.Patches{Filter: [2]int{3, 2}, Stride: [2]int{2, 1}, Padding: cnn.Valid,
				Center: center, Normalize: norm}
			var want []float64
			for i := range x.N {
				for j := range x.N {
					a := plainPatches(m, p, x.Rows[i*x.D:(i+1)*x.D])
					b := plainPatches(m, p, x.Rows[j*x.D:(j+1)*x.D])
					sum := 0.0
					for k := range a {
						for l := range a[k] {
							sum += a[k][l] * b[k][l] / float64(len(a)*len(a[k]))
						}
					}
					want = append(want, sum)
				}
			}
			got := linear(t, m, p, x)
			near(t, fmt.Sprint(center, norm), got, want, 1e-13)
			for i := range x.N {
				own := got[i*x.N+i]
				if one := norm == cnn.EachPatch || norm == cnn.EachPixel && !center; one !=
					(math.Abs(own-1) < 1e-14) {
					t.Errorf("%v %v: the mean square is %v", center, norm, own)
				}
			}
		}
	}
}

// single precision has the patches rounded, and so the kernel.
func TestPatchesInSingle(t *testing.T) {
	m := cnn.Image{Height: 6, Width: 6, Channels: 3, ChannelsFirst: true}
	x := randomImages[float64](4, 4, m)
	p := cnn.Patches{Filter: [2]int{3, 3}, Padding: cnn.Valid, Center: true,
		Normalize: cnn.EachPatch}
	p.Whitening = ntk.Must(cnn.FitWhitening(t.Context(), p, m, x,
		&cnn.WhiteningSettings{Epsilon: 0.1}))
	c := cnn.Conv{Filter: [2]int{1, 1}, Activation: ntk.ReLU{}, WeightStd: 1}
	a := ntk.Must(cnn.NewArchitecture(m, []cnn.Layer{p, c}, cnn.Readout{WeightStd: 1}))
	want, wantNTK := kernels(a, x, x)
	got, gotNTK := kernels(a, single(x), single(x))
	for i := range want {
		if math.Abs(float64(got[i])-want[i]) > 2e-6 ||
			math.Abs(float64(gotNTK[i])-wantNTK[i]) > 4e-6 {
			t.Errorf("%d: %v and %v in single precision, %v and %v in double", i, got[i],
				gotNTK[i], want[i], wantNTK[i])
		}
	}
}

// A patch of equal entries has no direction once it is centred.
func TestFlatPatches(t *testing.T) {
	m := cnn.Image{Height: 4, Width: 4, Channels: 1}
	x := randomImages[float64](5, 2, m)
	for _, at := range []int{5, 6, 9, 10} {
		x.Rows[16+at] = 0.1
	}
	p := cnn.Patches{Filter: [2]int{2, 2}, Padding: cnn.Valid, Center: true,
		Normalize: cnn.EachPatch}
	c := cnn.Conv{Filter: [2]int{1, 1}, Activation: straight, WeightStd: 1}
	_, err := cnn.GramTiles(t.Context(),
		ntk.Must(cnn.NewArchitecture(m, []cnn.Layer{p, c}, cnn.Readout{WeightStd: 1})), x)
	if err == nil || !strings.Contains(err.Error(), "image 1 has a patch at row 1, column 1") {
		t.Errorf("a flat patch: %v", err)
	}
	p.Flat = true
	k := linear(t, m, p, x)
	if math.Abs(k[3]-1) > 1e-14 {
		t.Errorf("with a flat patch the mean square is %v", k[3])
	}
	// Orthogonal to a centred patch: the other eight alone count.
	p.Flat = false
	sum := 0.0
	p.Stride = [2]int{1, 1}
	a, b := plainPatches(m, p, x.Rows[:16]), plainPatches(m, p, x.Rows[16:])
	for i := range a {
		if i != 4 {
			for j := range a[i] {
				sum += a[i][j] * b[i][j] / 36
			}
		}
	}
	if math.Abs(k[1]-sum) > 1e-14 {
		t.Errorf("with a flat patch the kernel is %v, not %v", k[1], sum)
	}
	p = cnn.Patches{Filter: [2]int{2, 2}, Normalize: cnn.EachPixel, Padding: cnn.Circular}
	x.Rows[7] = 0
	_, err = cnn.GramTiles(t.Context(),
		ntk.Must(cnn.NewArchitecture(m, []cnn.Layer{p, c}, cnn.Readout{WeightStd: 1})), x)
	if err == nil || !strings.Contains(err.Error(), "image 0 has a pixel at row 1, column 3") {
		t.Errorf("a black pixel: %v", err)
	}
	p.Flat = true
	if k := linear(t, m, p, x); math.Abs(k[0]-1) > 1e-14 {
		t.Errorf("with a black pixel the mean square is %v", k[0])
	}
}

// The covariance of whitened patches is the identity, and W is its symmetric root: by the
// kernel between images of one patch, which is x' W² x'/q.
func TestWhitening(t *testing.T) {
	m := cnn.Image{Height: 8, Width: 7, Channels: 2}
	x := randomImages[float64](6, 40, m)
	for i := range x.Rows { // a mean, and neighbours that are alike
		x.Rows[i] += 3
		if i > 0 {
			x.Rows[i] += x.Rows[i-1] / 2
		}
	}
	for _, center := range []bool{false, true} {
		p := cnn.Patches{Filter: [2]int{2, 2}, Stride: [2]int{2, 1}, Padding: cnn.Valid,
			Center: center}
		w, err := cnn.FitWhitening(t.Context(), p, m, x, nil)
		if err != nil {
			t.Fatal(err)
		}
		const q = 8
		// Mean and covariance of the patches, by themselves.
		var all [][]float64
		for i := range x.N {
			all = append(all, plainPatches(m, p, x.Rows[i*x.D:(i+1)*x.D])...)
		}
		mean := make([]float64, q)
		for _, patch := range all {
			for k, v := range patch {
				mean[k] += v / float64(len(all))
			}
		}
		got := cnn.WhitenedForTest(w, all)
		for k := range q {
			sum := 0.0
			for l := range q {
				for _, v := range got {
					sum += v[k] * v[l] / float64(len(all))
				}
				want := 0.0
				if k == l {
					want = 1
				}
				if center { // the identity without (1, …, 1)
					want -= 1.0 / q
				}
				if math.Abs(sum-want) > 1e-10 {
					t.Errorf("Center %v: the covariance of entries %d, %d is %v, not %v", center,
						k, l, sum, want)
				}
				sum = 0
			}
		}
		for i, v := range cnn.WhitenedForTest(w, [][]float64{mean})[0] {
			if math.Abs(v) > 1e-12 {
				t.Errorf("Center %v: entry %d of the mean is whitened to %v", center, i, v)
			}
		}
	}
}

// A sample is of the patches of the set, the same for a seed, and near to all of them.
func TestWhiteningOfSample(t *testing.T) {
	m := cnn.Image{Height: 8, Width: 8, Channels: 1}
	x := randomImages[float64](7, 60, m)
	p := cnn.Patches{Filter: [2]int{2, 2}, Padding: cnn.Valid}
	fit := func(s cnn.WhiteningSettings) (*cnn.Whitening, string) {
		w := ntk.Must(cnn.FitWhitening(context.Background(), p, m, x, &s))
		with := p
		with.Whitening = w
		c := cnn.Conv{Filter: [2]int{1, 1}, Activation: ntk.ReLU{}, WeightStd: 1}
		return w, ntk.Must(cnn.NewArchitecture(m, []cnn.Layer{with, c},
			cnn.Readout{WeightStd: 1})).Fingerprint()
	}
	all, key := fit(cnn.WhiteningSettings{})
	_, same := fit(cnn.WhiteningSettings{MaxPatches: 1 << 20, Seed: 3})
	one, key1 := fit(cnn.WhiteningSettings{MaxPatches: 1500, Seed: 1})
	_, again := fit(cnn.WhiteningSettings{MaxPatches: 1500, Seed: 1})
	_, key2 := fit(cnn.WhiteningSettings{MaxPatches: 1500, Seed: 2})
	_, softer := fit(cnn.WhiteningSettings{Epsilon: 0.1})
	x.Rows[100]++
	_, other := fit(cnn.WhiteningSettings{})
	if key1 != again || same != key {
		t.Error("the same whitening has another fingerprint")
	}
	seen := map[string]bool{key: true, key1: true, key2: true, softer: true, other: true}
	if len(seen) != 5 {
		t.Error("other whitenings have the same fingerprint")
	}
	unit := [][]float64{{1, 0, 0, 0}, {0, 0, 0, 0}}
	a, b := cnn.WhitenedForTest(all, unit), cnn.WhitenedForTest(one, unit)
	for k := range 4 {
		// Entries of W are good to 1/√n of 1500 patches, four standard errors.
		if off := (a[0][k] - a[1][k]) - (b[0][k] - b[1][k]); math.Abs(off) > 4/math.Sqrt(1500) {
			t.Errorf("entry %d of the root is off by %v", k, off)
		}
	}
}

func TestPatchesBadInput(t *testing.T) {
	m := cnn.Image{Height: 4, Width: 4, Channels: 1}
	c := cnn.Conv{Filter: [2]int{1, 1}, Activation: ntk.ReLU{}, WeightStd: 1}
	p := cnn.Patches{Filter: [2]int{2, 2}, Padding: cnn.Valid}
	x := randomImages[float64](8, 8, m)
	w := ntk.Must(cnn.FitWhitening(t.Context(), p, m, x, nil))
	whitened, centred := p, p
	whitened.Whitening = w
	centred.Center, centred.Whitening = true, w
	wide := cnn.Image{Height: 4, Width: 5, Channels: 1}
	long := cnn.Patches{Filter: [2]int{2, 2}, Stride: [2]int{3, 3}}
	large := cnn.Patches{Filter: [2]int{5, 5}, Padding: cnn.Valid}
	build := func(m cnn.Image, layers ...cnn.Layer) error {
		_, err := cnn.NewArchitecture(m, layers, cnn.Readout{WeightStd: 1})
		return err
	}
	fit := func(p cnn.Patches, m cnn.Image, x ntk.Inputs[float64],
		s *cnn.WhiteningSettings) error {
		_, err := cnn.FitWhitening(t.Context(), p, m, x, s)
		return err
	}
	black := ntk.Inputs[float64]{Rows: make([]float64, 8*16), N: 8, D: 16}
	broken := ntk.Inputs[float64]{Rows: append([]float64(nil), x.Rows...), N: 8, D: 16}
	broken.Rows[16+6] = math.NaN()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, end := cnn.FitWhitening(ended, p, m, x, nil)
	for want, err := range map[string]error{
		"layer 2 is Patches":            build(m, c, p),
		"layer 1, down: a window of 0":  build(m, cnn.Patches{}, c),
		"down: the stride 3 is longer":  build(m, long, c),
		"a window of 5 does not go":     build(m, large, c),
		"Normalization(7) is none":      build(m, cnn.Patches{Filter: p.Filter, Normalize: 7}, c),
		"at least one convolution":      build(m, p),
		"it must be a Conv":             build(m, &p, c),
		"of 4×4×1, not of 4×5×1":        build(wide, whitened, c),
		"Center false, AsTheyAre":       build(m, centred, c),
		"have a Whitening already":      fit(whitened, m, x, nil),
		"Epsilon is -1":                 fit(p, m, x, &cnn.WhiteningSettings{Epsilon: -1}),
		"Epsilon is NaN":                fit(p, m, x, &cnn.WhiteningSettings{Epsilon: math.NaN()}),
		"MaxPatches is -1":              fit(p, m, x, &cnn.WhiteningSettings{MaxPatches: -1}),
		"4 patches of 4 entries":        fit(p, m, x, &cnn.WhiteningSettings{MaxPatches: 4}),
		"rank 0 of 4":                   fit(p, m, black, nil),
		"images of 16 numbers; 4×5":     fit(p, wide, x, nil),
		"image 1 is NaN at row 1, colu": fit(p, m, broken, nil),
		"each must be at least 1":       fit(p, cnn.Image{}, x, nil),
		"context canceled":              end,
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q, got: %v", want, err)
		}
	}
	flat := cnn.Patches{Filter: [2]int{2, 2}, Padding: cnn.Same} // zeros beyond the edge
	if err := fit(flat, cnn.Image{Height: 2, Width: 2, Channels: 1},
		ntk.Inputs[float64]{Rows: x.Rows, N: 32, D: 4}, nil); err != nil {
		t.Error(err)
	}
	// A channel twice: rank 4 of 8, which ε mends.
	twice := ntk.Inputs[float64]{N: 8, D: 32}
	for _, v := range x.Rows {
		twice.Rows = append(twice.Rows, v, v)
	}
	double := cnn.Image{Height: 4, Width: 4, Channels: 2}
	if err := fit(p, double, twice, nil); err == nil ||
		!strings.Contains(err.Error(), "rank 4 of 8") {
		t.Errorf("equal channels: %v", err)
	}
	if err := fit(p, double, twice, &cnn.WhiteningSettings{Epsilon: 1e-3}); err != nil {
		t.Errorf("equal channels with Epsilon: %v", err)
	}
}

// What is read again is the same whitening, and nothing else is read.
func TestWhiteningFile(t *testing.T) {
	m := cnn.Image{Height: 5, Width: 4, Channels: 2, ChannelsFirst: true}
	x := randomImages[float64](9, 12, m)
	p := cnn.Patches{Filter: [2]int{2, 2}, Stride: [2]int{1, 2}, Padding: cnn.Circular,
		Center: true, Normalize: cnn.EachPatch}
	p.Whitening = ntk.Must(cnn.FitWhitening(t.Context(), p, m, x, nil))
	text := string(ntk.Must(json.Marshal(p.Whitening)))
	again := p
	again.Whitening = new(cnn.Whitening)
	if err := json.Unmarshal([]byte(text), again.Whitening); err != nil {
		t.Fatal(err)
	}
	want, got := linear(t, m, p, x), linear(t, m, again, x)
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("entry %d is %v, not %v", i, got[i], want[i])
		}
	}
	key := func(p cnn.Patches) string {
		c := cnn.Conv{Filter: [2]int{1, 1}, Activation: straight, WeightStd: 1}
		return ntk.Must(cnn.NewArchitecture(m, []cnn.Layer{p, c},
			cnn.Readout{WeightStd: 1})).Fingerprint()
	}
	if key(p) != key(again) {
		t.Error("the whitening that was read has another fingerprint")
	}
	_, matrix, _ := strings.Cut(text, `"matrix":[`)
	second := strings.Split(matrix, ",")[1]
	for want, change := range map[string][2]string{
		"unknown field":       {`"center"`, `"centre"`},
		"this program reads":  {`"version":1`, `"version":2`},
		"is not as":           {`"stride":[1,2]`, `"stride":[0,0]`},
		"of 12 entries have":  {`"filter":[2,2]`, `"filter":[3,2]`},
		"must be at least 1":  {`"image":[5,4,2]`, `"image":[5,0,2]`},
		"not symmetric in ro": {second, "7"},
		"cannot unmarshal":    {`"mean":[`, `"mean":["a",`},
	} {
		err := json.Unmarshal([]byte(strings.Replace(text, change[0], change[1], 1)),
			new(cnn.Whitening))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q, got: %v", want, err)
		}
	}
	if _, err := json.Marshal(new(cnn.Whitening)); err == nil {
		t.Error("an empty whitening was written")
	}
}
