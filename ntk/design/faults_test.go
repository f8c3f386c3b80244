package design

import (
	"context"
	"errors"
	"math"
	"math/big"
	"strings"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk/inverse"

	"github.com/kernelsmith/kernelsmith/ntk"
	"gonum.org/v1/gonum/mat"
)

// A search that is cut off tells of its designs what they come to, the best first, though
// some were followed and some were not.
func TestInterrupted(t *testing.T) {
	const starts, polish = 40, 6
	for _, p := range []Problem{{}, {Width: 64}, {Largest: true}} {
		p.Target = deepReLU()
		for _, followed := range []int{1, 3} {
			ctx, cancel := context.WithCancel(t.Context())
			r, err := Fit(
				ctx,
				Paper(),
				p,
				&Settings{Starts: starts, Polish: polish, Progress: func(done, total int) {
					if done >= 2*starts+20*followed {
						cancel()
					}
				}},
			)
			if !errors.Is(err, context.Canceled) || r == nil || r.Design == nil {
				t.Fatalf("%+v: %v, %v", p, r, err)
			}
			for i, d := range r.Optima {
				want := d.Error.Mean
				switch {
				case p.Width > 0:
					want = math.Hypot(want, ntk.Must(d.MeanSpread())/8)
				case p.Largest:
					want = d.Error.Max
				}
				if math.Abs(d.Objective-want) > 1e-3*want ||
					i > 0 && d.Objective < r.Optima[i-1].Objective {
					t.Errorf("width %d, largest %v: optimum %d says %v and comes to %v", p.Width,
						p.Largest, i, d.Objective, want)
				}
			}
			cancel()
		}
	}
}

func TestProgressEnds(t *testing.T) {
	var last, all int
	s := &Settings{
		Starts:   5,
		Polish:   2,
		Progress: func(done, total int) { last, all = done, total },
	}
	ntk.Must(Fit(t.Context(), Family{ReLUs: 1}, Problem{Target: deepReLU()}, s))
	if last != all || all == 0 {
		t.Errorf("the search ended at %d of %d", last, all)
	}
	last, all = 0, 0
	ntk.Must(
		Front(t.Context(), Family{ReLUs: 1}, Problem{Target: deepReLU(), On: Angles(11, nil)}, 64,
			64, s),
	)
	if last != all || all == 0 {
		t.Errorf("the front ended at %d of %d", last, all)
	}
	defer func() {
		if p := recover(); p != "no more" {
			t.Errorf("a panic of Progress reached the caller as %v", p)
		}
	}()
	s.Progress = func(int, int) { panic("no more") }
	Fit(t.Context(), Family{ReLUs: 1}, Problem{Target: deepReLU()}, s)
}

// What makes a kernel a million times smaller makes its designs, with the spread of their
// nets, a thousand times smaller.
func TestScaleOfTarget(t *testing.T) {
	fit := func(scale float64) *Design {
		series := ntk.Must(
			ntk.NewPowerSeries([]float64{0.3 * scale, 0.4 * scale, 0.2 * scale, 0.1 * scale}))
		return ntk.Must(
			Fit(t.Context(), Family{ReLUs: 1},
				Problem{Target: series, Width: 64, On: Angles(21, nil)},
				&Settings{Starts: 60, Polish: 8}),
		).Design
	}
	one, small := fit(1), fit(1e-6)
	if ratio := small.Objective / one.Objective; math.Abs(ratio/1e-6-1) > 1e-3 {
		t.Errorf("objectives %v and %v", one.Objective, small.Objective)
	}
}

// Samples that are none are errors everywhere, and so is a target without size.
func TestNoTargets(t *testing.T) {
	for says, s := range map[string]inverse.Samples{
		"no samples":     {},
		"1 values for 2": {Cosines: []float64{1, 0}, Values: []float64{1}},
		"2 standard deviations": {Cosines: []float64{1, 0, -1}, Values: []float64{1, 1, 1},
			Std: []float64{1, 1}},
		"outside [-1, 1]":  {Cosines: []float64{1, math.NaN()}, Values: []float64{1, 1}},
		"sample 1 is +Inf": {Cosines: []float64{1, 0}, Values: []float64{1, math.Inf(1)}},
		"standard deviation 0": {Cosines: []float64{1, 0}, Values: []float64{1, 1},
			Std: []float64{-1}},
	} {
		f := Formula{Slope: 1}
		_, err := ErrorOn(f, s, Domain{})
		_, err2 := Measured(f, s, Domain{})
		_, err3 := Compare(s, Domain{}, Named{"line", &Design{Formula: f}})
		_, err4 := (&Design{Formula: f}).Curve(s, nil)
		for _, err := range []error{err, err2, err3, err4} {
			if err == nil || !strings.Contains(err.Error(), says) {
				t.Errorf("error %v, must say %q", err, says)
			}
		}
	}
	zero := ntk.Must(ntk.FromFunc("nothing", func(float64) float64 { return 0 }))
	// away from the grid on which FromFunc looks
	hole := ntk.Must(ntk.FromFunc("hole", func(c float64) float64 {
		if c == 1-slopeGap {
			return math.NaN()
		}
		return 1 + c
	}))
	target := deepReLU()
	for says, c := range map[string]struct {
		f Family
		p Problem
		s Settings
	}{
		"mean square of the target": {Paper(), Problem{Target: zero}, Settings{}},
		"near c = 1":                {Paper(), Problem{Target: hole, MatchSlope: 1}, Settings{}},
		"a scale must be > 0": {Family{Gaussians: 1,
			Fixed: map[string]float64{"gaussian1.scale": 0}}, Problem{Target: target}, Settings{}},
		"Starts and Polish": {Paper(), Problem{Target: target},
			Settings{Starts: math.MaxInt}},
		"and 9223372036854775807": {Paper(), Problem{Target: target},
			Settings{Polish: math.MaxInt}},
	} {
		if _, err := Fit(t.Context(), c.f, c.p, &c.s); err == nil ||
			!strings.Contains(err.Error(), says) {
			t.Errorf("error %v, must say %q", err, says)
		}
	}
}

// Rows that are normalised are on the sphere, whatever their rounding.
func TestNormalisedRows(t *testing.T) {
	x := mat.NewDense(30, 7, nil)
	for i := range 30 {
		var square float64
		for j := range 7 {
			x.Set(i, j, math.Sin(float64(3*i+5*j)+0.1*float64(i*j)))
			square += x.At(i, j) * x.At(i, j)
		}
		for j := range 7 {
			x.Set(i, j, x.At(i, j)*math.Sqrt(7/square))
		}
	}
	series := ntk.Must(ntk.NewPowerSeries([]float64{0.3, 0.4, 0.2, 0.1}))
	if _, err := Fit(
		t.Context(), Family{ReLUs: 1}, Problem{Target: series, On: Rows(x, 50, 1), Width: 100},
		&Settings{Starts: 4, Polish: 1},
	); err != nil {
		t.Error(err)
	}
}

// The angle of near and of nearly opposite rows far from the origin, against exact arithmetic; by
// their inner product the gap was off by up to all of itself.
func TestRowsThatAreNear(t *testing.T) {
	row := []float64{500000.25, 4600000.5, 2024.125}
	for _, apart := range []float64{0x1p-20, 0x1p-6, 1, 1000} {
		for _, sign := range []float64{1, -1} {
			x := mat.NewDense(2, 3, append(row, sign*row[0], sign*(row[1]+apart), sign*row[2]))
			var rows [3]*big.Float // ‖x‖², x·z, ‖z‖²
			for i, ab := range [][2]int{{0, 0}, {0, 1}, {1, 1}} {
				rows[i] = exact(0)
				for j := range 3 {
					y := exact(0).Mul(exact(x.At(ab[0], j)), exact(x.At(ab[1], j)))
					rows[i].Add(rows[i], y)
				}
			}
			c := exact(0).Quo(rows[1], exact(0).Sqrt(exact(0).Mul(rows[0], rows[2])))
			want, _ := exact(0).Sub(exact(1), c.Abs(c)).Float64()
			for _, p := range Rows(x, 20, 1).places {
				if p.q == p.q2 {
					continue
				}
				gap := math.Min(p.minus, p.plus)
				if math.Abs(gap-want) > 1e-12*want || (p.minus < p.plus) != (sign > 0) {
					t.Errorf("%v apart, sign %v: 1 - |c| is %v, want %v", apart, sign, gap, want)
					break
				}
			}
		}
	}
}

func exact(x float64) *big.Float { return new(big.Float).SetPrec(400).SetFloat64(x) }

// φ that change fast: the variance is as exact as of others, or an error.
func TestSpreadOfFast(t *testing.T) {
	for _, term := range []Term{
		{Kind: cosineTerm, Amplitude: 1, Frequency: 6.2, Phase: 1},
		{Kind: cosineTerm, Amplitude: 1, Frequency: 40},
		{Kind: gaussianTerm, Amplitude: 1, Scale: 0.1, Shift: 0.3},
	} {
		f := Formula{Terms: []Term{term}}
		phi := ntk.Must(f.Activation())
		cosines := []float64{1, 0.925}
		for i, s := range ntk.Must(Spread(f, cosines)) {
			want := ntk.Must(inverse.FiniteWidthVariance(phi, 1, cosines[i], 1))
			if !(math.Abs(s*s-want) <= 1e-7*want) {
				t.Errorf("%v: V(%v) = %v, want %v", f, cosines[i], s*s, want)
			}
		}
	}
	if _, err := Spread(Formula{Terms: []Term{{Kind: erfTerm, Amplitude: 1, Scale: 1e6}}},
		[]float64{1}); err == nil ||
		!strings.Contains(err.Error(), "too fast") {
		t.Errorf("error %v", err)
	}
}

// Targets of any size are fitted as well as those of size 1.
func TestSizeOfTarget(t *testing.T) {
	for _, size := range []float64{1e-6, 1, 1e6} {
		target := ntk.Must(deepReLU().Scale(size))
		r := ntk.Must(
			Fit(t.Context(), Paper(), Problem{Target: target, On: Angles(31, nil)},
				&Settings{Starts: 100, Polish: 6}),
		)
		if !(r.Design.Error.Relative < 0.01) {
			t.Errorf("a target of size %v: relative error %v, %v", size, r.Design.Error.Relative,
				r.Design.Formula)
		}
	}
}
