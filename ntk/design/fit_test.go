package design

import (
	"context"
	"errors"
	"math"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk/inverse"

	"github.com/kernelsmith/kernelsmith/ntk"
	"gonum.org/v1/gonum/mat"
)

func deepReLU() ntk.Kernel {
	return ntk.Must(ntk.Must(ntk.UniformFCN(4, ntk.ReLU{}, math.Sqrt2, 0.1)).NTK())
}

// The reference results of a minute of plain multi-start least squares elsewhere: 0.0043
// with seven parameters, 0.0003 with ten; the published optimum has 0.0571.
func TestFitOfDeepReLU(t *testing.T) {
	for _, c := range []struct {
		family Family
		most   float64
	}{{Paper(), 0.0043}, {Family{ReLUs: 1, Cosines: 2}, 0.0003}} {
		r, err := Fit(t.Context(), c.family, Problem{Target: deepReLU()}, nil)
		if err != nil {
			t.Fatal(err)
		}
		d := r.Design
		if !(d.Error.Mean <= c.most) {
			t.Errorf("%+v: mean error %.5f, want at most %.4f", c.family, d.Error.Mean, c.most)
		}
		// by package ntk's own kernels
		e := ntk.Must(ErrorOn(d.Formula, deepReLU(), Angles(101, nil)))
		if math.Abs(e.Mean-d.Error.Mean) > 1e-9 || math.Abs(e.Max-d.Error.Max) > 1e-8 {
			t.Errorf("%+v says %+v, its kernel has %+v", c.family, d.Error, e)
		}
		if len(r.Optima) < 2 {
			t.Errorf("%+v: %d optima", c.family, len(r.Optima))
		}
		for i, o := range r.Optima[1:] {
			if before := r.Optima[i].Objective; before > o.Objective*(1+1e-9) {
				t.Errorf("%+v: optimum %d has %v, the next %v", c.family, i, before, o.Objective)
			}
		}
	}
	// the published seven parameters: 0.0571 and 0.131
	m := ntk.PublishedMimic()
	published := Formula{
		Slope:  m.C,
		Offset: m.D,
		Terms: []Term{
			{Kind: reluTerm, Amplitude: m.A, Shift: m.B},
			{Kind: cosineTerm, Amplitude: m.E, Frequency: m.F, Phase: m.G},
		},
	}
	if e := ntk.Must(
		ErrorOn(published, deepReLU(), Angles(101, nil))); math.Abs(e.Mean-0.0571) > 5e-5 ||
		math.Abs(e.Max-0.131) > 5e-4 {
		t.Errorf("the published design is off by %+v", e)
	}
}

// A kernel of the family itself is found again.
func TestFitFindsItsOwn(t *testing.T) {
	own := Formula{
		Slope:  0.3,
		Offset: -0.4,
		Terms: []Term{
			{Kind: reluTerm, Amplitude: 1.2, Shift: 0.5},
			{Kind: cosineTerm, Amplitude: 0.3, Frequency: 2.5, Phase: 0.7},
		},
	}
	d := &Design{Formula: own}
	target := ntk.Must(d.NTK())
	r := ntk.Must(Fit(t.Context(), Paper(), Problem{Target: target}, nil))
	if r.Design.Error.Max > 1e-6 {
		t.Errorf("off by %v: %+v", r.Design.Error, r.Design.Formula)
	}
}

// Searches that end at one minimum have one φ, up to its sign and mirror image, to more digits than
// a sum of squares tells apart there. The residuals of this target bend so much that steps of Gauss
// and Newton lead away.
func TestFitIsSettled(t *testing.T) {
	erf := ntk.Must(ntk.Must(ntk.UniformFCN(4, ntk.Erf{}, math.Sqrt2, 0.1)).NTK())
	var ends [2][]*Design
	for i := range ends {
		ends[i] = ntk.Must(Fit(t.Context(), Paper(), Problem{Target: erf},
			&Settings{Starts: 100, Polish: 12, Seed: uint64(i) + 1})).Optima
	}
	least, common := math.Inf(1), math.Inf(1) // of the best minimum that both have
	for _, a := range ends[0] {
		for _, b := range ends[1] {
			if math.Abs(a.Objective/b.Objective-1) < 1e-9 && a.Objective < common*(1+1e-9) {
				common, least = a.Objective, math.Min(least, apart(a, b))
			}
		}
	}
	if !(least < 1e-10) {
		t.Errorf("of objective %v, φ differs by %.2g", common, least)
	}
}

// apart is how far two φ differ in [-3, 3], up to their sign and mirror image.
func apart(a, b *Design) float64 {
	least := math.Inf(1)
	for _, sign := range []float64{1, -1} {
		for _, mirror := range []float64{1, -1} {
			off := 0.
			for z := -3.0; z <= 3; z += 0.5 {
				off = math.Max(off, math.Abs(a.value(z)-sign*b.value(mirror*z)))
			}
			least = math.Min(least, off)
		}
	}
	return least
}

func TestSameSeedSameDesign(t *testing.T) {
	for _, depth := range []int{1, 2} {
		fit := func(threads int, seed uint64) *Result {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(threads))
			return ntk.Must(
				Fit(t.Context(), Paper(),
					Problem{Target: deepReLU(), Depth: depth, On: Angles(41, nil)},
					&Settings{Starts: 60, Polish: 4, Seed: seed}),
			)
		}
		a, b, c := fit(1, 3), fit(2, 3), fit(2, 4)
		if !reflect.DeepEqual(a.Design, b.Design) {
			t.Errorf("1 and 2 threads: %+v, %+v", a.Design, b.Design)
		}
		if reflect.DeepEqual(a.Design, c.Design) {
			t.Error("another seed, the same design to the bit")
		}
	}
}

// Other kernels, families, depths and objectives.
func TestFitVariants(t *testing.T) {
	gauss := ntk.Must(ntk.GaussianKernel(1))
	for name, c := range map[string]struct {
		family  Family
		problem Problem
		most    float64
	}{
		"smooth": {Family{Erfs: 1, Gaussians: 1}, Problem{Target: gauss}, 0.02},
		"NNGP":   {Family{Cosines: 1}, Problem{Target: gauss, NNGPShare: 1}, 1e-4},
		// √2 cos(z+π/4)
		"depth 2": {Family{ReLUs: 1}, Problem{Target: deepReLU(), Depth: 2,
			On: Angles(21, nil)}, 0.5},
		"largest":    {Paper(), Problem{Target: deepReLU(), Largest: true}, 0.0085},
		"off sphere": {Paper(), Problem{Target: deepReLU(), On: Norms(0.5, 2)}, 0.2},
		"by cosine": {Paper(), Problem{Target: deepReLU(),
			On: Cosines(101, func(c float64) float64 { return 1 + c })}, 0.01},
		"growth bound": {Family{ReLUs: 1, Cosines: 1, Bounds: Bounds{Slope: 4}},
			Problem{Target: deepReLU()}, 0.05},
		"match": {Paper(), Problem{Target: deepReLU(), MatchValue: 10, MatchSlope: 1e-4},
			0.02},
		"fixed": {Family{ReLUs: 1, Cosines: 1, Fixed: map[string]float64{"offset": 0}},
			Problem{Target: deepReLU()}, 0.05},
	} {
		r, err := Fit(t.Context(), c.family, c.problem, &Settings{Starts: 80, Polish: 9})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		e := r.Design.Error.Mean
		if c.problem.Largest {
			e = r.Design.Error.Max
		}
		if !(e <= c.most) {
			t.Errorf("%s: error %v, want at most %v", name, r.Design.Error, c.most)
		}
		if s := c.family.Bounds.Slope; s > 0 {
			f := r.Design.Formula
			if right := math.Abs(f.Slope + f.Terms[0].Amplitude); right > s*1.001 ||
				math.Abs(f.Slope) > s*1.001 {
				t.Errorf("%s: slopes %v and %v at the ends", name, f.Slope, right)
			}
		}
		if _, fixed := c.family.Fixed["offset"]; fixed && r.Design.Formula.Offset != 0 {
			t.Errorf("%s: offset %v", name, r.Design.Formula.Offset)
		}
	}
}

// The quick variance of the search against the exact one, and a fit for a width that
// trades error for spread.
func TestSpread(t *testing.T) {
	m := ntk.PublishedMimic()
	f := Formula{
		Slope:  m.C,
		Offset: m.D,
		Terms: []Term{
			{Kind: reluTerm, Amplitude: m.A, Shift: m.B},
			{Kind: cosineTerm, Amplitude: m.E, Frequency: m.F, Phase: m.G},
		},
	}
	cosines := []float64{1, 0.9, 0.5, 0, -0.5, -1}
	exact := ntk.Must(Spread(f, cosines))
	for i, want := range []float64{14.5, 11.6, 5.99, 1.94, 1.76,
		2.55} { // published parameters, by simulation elsewhere
		if math.Abs(exact[i]-want) > 0.02*want {
			t.Errorf("√V(%v) = %v, want %v", cosines[i], exact[i], want)
		}
	}
	r := ntk.Must(
		Fit(t.Context(), Paper(), Problem{Target: deepReLU(), Width: 1024},
			&Settings{Starts: 40, Polish: 2}),
	)
	var before, after float64
	for i, v := range ntk.Must(r.Design.Spread(cosines)) {
		before += exact[i] * exact[i]
		after += v * v
	}
	if !(after < before) {
		t.Errorf("spread %v, of the published design %v", after, before)
	}
	if w := ntk.Must(r.Design.WidthFor(0.1)); w < 1024 || w > 1e6 {
		t.Errorf("wide enough: %d", w)
	}
}

func TestFitOnRows(t *testing.T) {
	x := mat.NewDense(40, 3, nil)
	for i := range 40 {
		for j := range 3 {
			x.Set(i, j, math.Sin(float64(i*3+j))*(1+float64(i%4)/2))
		}
	}
	r := ntk.Must(
		Fit(t.Context(), Paper(), Problem{Target: deepReLU(), On: Rows(x, 200, 1)},
			&Settings{Starts: 60, Polish: 6}),
	)
	if r.Design.Error.Relative > 0.1 {
		t.Errorf("relative error %v", r.Design.Error)
	}
	if err := r.Design.Check(x); err != nil {
		t.Errorf("its own rows: %v", err)
	}
	var outside *outsideError
	far := mat.NewDense(2, 3, []float64{1, 1, 1, 50, 0, 0})
	if err := r.Design.Check(far); !errors.As(err, &outside) || outside.Row != 1 ||
		outside.Rows != 1 {
		t.Errorf("far rows: %v", err)
	}
}

func TestFitErrors(t *testing.T) {
	target := deepReLU()
	nan := math.NaN()
	bad := ntk.Must(ntk.FromFunc("sin 3c", func(c float64) float64 { return math.Sin(3 * c) }))
	var not *inverse.NotRealizableError
	if _, err := Fit(t.Context(), Paper(), Problem{Target: bad}, nil); !errors.As(err, &not) {
		t.Errorf("a target that cannot be had: %v", err)
	}
	for says, c := range map[string]struct {
		f Family
		p Problem
	}{
		"no terms":    {Family{NoSlope: true, NoOffset: true}, Problem{Target: target}},
		"ReLUs is -1": {Family{ReLUs: -1}, Problem{Target: target}},
		"empty": {Family{Cosines: 1, Bounds: Bounds{MinFrequency: 5, MaxFrequency: 2}},
			Problem{Target: target}},
		"no parameter": {Family{ReLUs: 1, Fixed: map[string]float64{"relu2.shift": 1}},
			Problem{Target: target}},
		"finite": {Family{ReLUs: 1, Fixed: map[string]float64{"relu1.shift": nan}},
			Problem{Target: target}},
		"all parameters": {Family{NoSlope: true, Fixed: map[string]float64{"offset": 1}},
			Problem{Target: target}},
		"NNGPShare":  {Paper(), Problem{Target: target, NNGPShare: 2}},
		"Depth":      {Paper(), Problem{Target: target, Depth: -1}},
		"Width":      {Paper(), Problem{Target: target, Width: 10, Depth: 2}},
		"MatchValue": {Paper(), Problem{Target: target, MatchValue: nan}},
		"at least 2": {Paper(), Problem{Target: target, On: Angles(1, nil)}},
		"weights": {Paper(), Problem{Target: target,
			On: Angles(5, func(float64) float64 { return -1 })}},
		"all weights": {Paper(), Problem{Target: target,
			On: Angles(5, func(float64) float64 { return 0 })}},
		"Norms from":       {Paper(), Problem{Target: target, On: Norms(2, 1)}},
		"matrix of inputs": {Paper(), Problem{Target: target, On: Rows(nil, 100, 0)}},
		"a matrix of inputs of 9×0": {Paper(), Problem{Target: target,
			On: Rows(mat.NewDense(9, 3, nil).Slice(0, 9, 1, 1).(*mat.Dense), 100, 0)}},
		"9×3 and 9 pairs": {Paper(), Problem{Target: target,
			On: Rows(mat.NewDense(9, 3, nil), 9, 0)}},
	} {
		if _, err := Fit(t.Context(), c.f, c.p, nil); err == nil ||
			!strings.Contains(err.Error(), says) {
			t.Errorf("error %v, must say %q", err, says)
		}
	}
	for _, s := range []Settings{{Starts: -1}, {Starts: 10, Polish: -3}, {Polish: 1 << 40}} {
		if _, err := Fit(t.Context(), Paper(), Problem{Target: target}, &s); err == nil ||
			!strings.Contains(err.Error(), "Starts and Polish are") {
			t.Errorf("%d starts, %d polished: %v", s.Starts, s.Polish, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	var last int
	_, err := Fit(ctx, Paper(), Problem{Target: target}, &Settings{Progress: func(done, total int) {
		if done < last || done > total {
			t.Errorf("progress from %d to %d of %d", last, done, total)
		}
		last = done
		if done > 50 {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
}
