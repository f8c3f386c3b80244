package design

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk/inverse"

	"github.com/kernelsmith/kernelsmith/ntk"
)

// A kernel as values, as its series and as samples gives one design.
func TestTargetsAlike(t *testing.T) {
	series := ntk.Must(ntk.NewPowerSeries([]float64{0.3, 0.4, 0.2, 0.1}))
	kernel := ntk.Must(series.Kernel())
	var samples inverse.Samples
	for i := range 21 {
		c := math.Cos(math.Pi * float64(i) / 20)
		samples.Cosines, samples.Values = append(samples.Cosines, c), append(samples.Values,
			series.At(c))
	}
	fit := func(target inverse.Target, on Domain) *Design {
		return ntk.Must(
			Fit(t.Context(), Paper(), Problem{Target: target, On: on},
				&Settings{Starts: 60, Polish: 6}),
		).Design
	}
	a, b, c := fit(kernel, Angles(21, nil)), fit(series, Angles(21, nil)), fit(samples, Domain{})
	for _, d := range []*Design{b, c} {
		if math.Abs(d.Error.Mean-a.Error.Mean) > 1e-6*(1e-3+a.Error.Mean) {
			t.Errorf("error %v, of the kernel %v", d.Error, a.Error)
		}
	}
	if e := ntk.Must(ErrorOn(c.Formula, samples, Domain{})); math.Abs(e.Mean-c.Error.Mean) > 1e-9 {
		t.Errorf("error on the samples %v, the design says %v", e, c.Error)
	}
}

// Noisy samples count by 1/Std²: a false value of a large deviation does no harm.
func TestNoisySamples(t *testing.T) {
	own := &Design{
		Formula: Formula{Slope: 0.5, Terms: []Term{{Kind: reluTerm, Amplitude: 1, Shift: 0.3}}},
	}
	K := ntk.Must(own.NTK())
	var s inverse.Samples
	for i := range 12 {
		c := 1 - float64(i)/6
		s.Cosines, s.Values, s.Std = append(s.Cosines, c), append(s.Values,
			ntk.Must(K.Curve([]float64{c}))[0]), append(s.Std, 1e-4)
	}
	s.Values[5] += 2
	s.Std[5] = 10
	d := ntk.Must(
		Fit(t.Context(), Family{ReLUs: 1}, Problem{Target: s},
			&Settings{Starts: 60, Polish: 6}),
	).Design
	if e := ntk.Must(ErrorOn(d.Formula, K, Domain{})); !(e.Max < 1e-3) {
		t.Errorf("off by %v", e)
	}
}

func TestTargetErrors(t *testing.T) {
	var not *inverse.NotRealizableError
	negative := ntk.Must(ntk.NewPowerSeries([]float64{1, -0.5, 0.2}))
	var wavy inverse.Samples
	for i := range 41 {
		c := -1 + float64(i)/20
		wavy.Cosines, wavy.Values = append(wavy.Cosines, c), append(wavy.Values, math.Cos(6*c))
	}
	for name, target := range map[string]inverse.Target{"negative coefficient": negative,
		"samples of no kernel": wavy} {
		if _, err := Fit(t.Context(), Paper(), Problem{Target: target}, nil); !errors.As(
			err, &not,
		) {
			t.Errorf("%s: %v", name, err)
		}
	}
	series := ntk.Must(ntk.NewPowerSeries([]float64{1, 0.5}))
	few := inverse.Samples{
		Cosines: []float64{1, 0.5, 0, 0, 0, 0, 0},
		Values:  []float64{2, 1, 0.5, 0.5, 0.5, 0.5, 0.5},
	}
	many := inverse.Samples{}
	for i := range 20 {
		c := -1 + float64(i)/10
		many.Cosines, many.Values = append(many.Cosines, c), append(many.Values, 1+c)
	}
	broken := many
	broken.Values = append([]float64{math.NaN()}, many.Values[1:]...)
	calls := 0
	later := ntk.Must(ntk.FromFunc("fading", func(c float64) float64 {
		if calls++; calls > 3000 {
			return math.NaN()
		}
		return 1
	}))
	for calls <= 3000 {
		later.Curve([]float64{0})
	}
	for says, p := range map[string]Problem{
		"at least 7 are needed": {Target: few},
		"must be finite":        {Target: broken},
		"fading":                {Target: later},
		"no target":             {},
		"zero ntk.Kernel":       {Target: ntk.Kernel{}},
		"*ntk.PowerSeries":      {Target: &series},
		"Kernel method":         {Target: series, On: Norms(0.5, 2)},
		"compared where they":   {Target: many, On: Angles(11, nil)},
		"values at c = 1":       {Target: many, MatchValue: 1},
		"2 values for 1 cosines": {Target: inverse.Samples{Cosines: []float64{1},
			Values: []float64{1, 2}}},
	} {
		f := Paper()
		if says == "2 values for 1 cosines" {
			f = Family{NoSlope: true}
		}
		if _, err := Fit(t.Context(), f, p, &Settings{Starts: 1, Polish: 1}); err == nil ||
			!strings.Contains(err.Error(), says) {
			t.Errorf("error %v, must say %q", err, says)
		}
	}
	if _, err := (&Design{}).Off(many, []float64{0.5}); err == nil ||
		!strings.Contains(err.Error(), "other cosines") {
		t.Errorf("samples elsewhere: %v", err)
	}
}
