package design

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
)

// With at most sixteen parameters the largest error over 101 angles is below 0.0003.
func TestLargestErrorOfDeepReLU(t *testing.T) {
	r := ntk.Must(
		Fit(t.Context(), Family{ReLUs: 1, Cosines: 3}, Problem{Target: deepReLU(), Largest: true},
			&Settings{Starts: 1000, Polish: 12}),
	)
	e := ntk.Must(ErrorOn(r.Design.Formula, deepReLU(), Angles(101, nil)))
	if len(r.Design.Params) > 16 || !(e.Max < 0.0003) {
		t.Errorf("%d parameters, largest error %v", len(r.Design.Params), e.Max)
	}
	if e := ntk.Must(ErrorOn(r.Design.Formula, deepReLU(), Angles(2000, nil))); !(e.Max < 0.0003) {
		t.Errorf("largest error between the angles: %v", e.Max)
	}
}

// A bound that is far from the fit is met, for either sort of error.
func TestSpreadAtMostMatters(t *testing.T) {
	at := func(c float64) float64 { return 1.4 + 2.5*(1+c)/2 }
	for _, largest := range []bool{false, true} {
		r := ntk.Must(
			Fit(
				t.Context(),
				Paper(),
				Problem{
					Target:       deepReLU(),
					SpreadAtMost: at,
					Largest:      largest,
					On:           Angles(41, nil),
				},
				&Settings{Starts: 20, Polish: 1},
			),
		)
		if r.Design.Error.Mean < 0.05 {
			t.Errorf("largest %v: the bound costs nothing: %v", largest, r.Design.Error)
		}
		for i, v := range ntk.Must(r.Design.Spread(spreadCosines)) {
			if b := at(spreadCosines[i]); !(v <= b*(1+5e-3)) {
				t.Errorf("largest %v: √V(%.3f) is %v, bound %v", largest, spreadCosines[i], v, b)
			}
		}
	}
}

// A design of the published form whose band is nowhere wider than the published one's, and
// whose kernel is nearer to the target.
func TestSpreadAtMost(t *testing.T) {
	target := deepReLU()
	published := ntk.Must(Measured(FromMimic(ntk.PublishedMimic()), target, Domain{}))
	bound := ntk.Must(published.Spread(spreadCosines))
	at := func(c float64) float64 { return 0.995 * bound[int(math.Round(math.Acos(c)/math.Pi*16))] }
	r := ntk.Must(
		Fit(t.Context(), Paper(), Problem{Target: target, SpreadAtMost: at},
			&Settings{Starts: 300, Polish: 9}),
	)
	c := ntk.Must(Compare(target, Domain{}, Named{"published", published}, Named{"ours", r.Design}))
	if !c[1].Beats(c[0]) || c[0].Beats(c[1]) || !(c[1].Error.Mean < 0.02) {
		t.Errorf("published %+v, ours %+v", c[0], c[1])
	}
	for i, v := range c[1].Spread {
		if v > bound[i] {
			t.Errorf("√V at angle %d is %v, bound %v", i, v, bound[i])
		}
	}
}

func TestFront(t *testing.T) {
	problem := Problem{Target: deepReLU(), On: Angles(41, nil)}
	front := ntk.Must(
		Front(t.Context(), Paper(), problem, 64, 1<<16, &Settings{Starts: 200, Polish: 6}))
	if len(front) < 4 {
		t.Fatalf("%d points", len(front))
	}
	for i, p := range front {
		if i > 0 &&
			!(p.Design.Error.Mean > front[i-1].Design.Error.Mean &&
				p.MeanSpread < front[i-1].MeanSpread) {
			t.Errorf("point %d: error %v, spread %v after %v, %v", i, p.Design.Error.Mean,
				p.MeanSpread, front[i-1].Design.Error.Mean, front[i-1].MeanSpread)
		}
		if s := ntk.Must(p.Design.MeanSpread()); s != p.MeanSpread {
			t.Errorf("point %d: spread %v, its design has %v", i, p.MeanSpread, s)
		}
	}
	// The published design lies inside: some point is better in both.
	published := ntk.Must(Measured(FromMimic(ntk.PublishedMimic()), problem.Target, problem.On))
	spread := ntk.Must(published.MeanSpread())
	inside := false
	for _, p := range front {
		inside = inside || p.Design.Error.Mean < published.Error.Mean/5 && p.MeanSpread < spread/1.5
	}
	if !inside {
		t.Errorf("no point has a fifth of the published error %v and two thirds of its spread %v",
			published.Error.Mean, spread)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Front(ctx, Paper(), problem, 64, 1024, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
	for says, run := range map[string]func() error{
		"narrowest": func() error {
			_, err := Front(t.Context(), Paper(), problem, 64, 32,
				nil)
			return err
		},
		"Largest": func() error {
			_, err := Front(t.Context(), Paper(), Problem{Target: problem.Target, Largest: true}, 0,
				0, nil)
			return err
		},
		"SpreadAtMost": func() error {
			_, err := Fit(t.Context(), Paper(),
				Problem{Target: problem.Target, SpreadAtMost: func(float64) float64 { return -1 }},
				nil)
			return err
		},
		"is nil": func() error {
			_, err := Compare(problem.Target, Domain{},
				Named{"none", nil})
			return err
		},
	} {
		if err := run(); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("error %v, must say %q", err, says)
		}
	}
}
