package design

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/kernelsmith/kernelsmith/ntk/inverse"

	"gonum.org/v1/gonum/floats"
)

// Named is a design with the name that it has in a comparison.
type Named struct {
	Name   string
	Design *Design
}

// Comparison is what there is to tell designs by.
type Comparison struct {
	Name   string
	Params int
	Error  Error // over the domain of the comparison
	// Spread is √(N Var Θ_N) at 17 cosines, uniform in angle from 1 to -1, and MeanSpread
	// its root mean square.
	Spread     []float64
	MeanSpread float64
	// Width is that at which finite nets are as near to the design's kernel, in the mean,
	// as that is to the target; 0 if that is no number of 32 bits.
	Width int
	// Inside is the largest |φ(z)| for |z| ≤ 3 and Outside that for 3 ≤ |z| ≤ 5: how φ
	// goes on where few pre-activations are while the net trains.
	Inside, Outside float64
}

// Beats reports whether a design has a smaller mean error than another, and a spread that
// is nowhere wider.
func (c Comparison) Beats(o Comparison) bool {
	if len(c.Spread) == 0 || len(c.Spread) != len(o.Spread) {
		return false
	}
	for i, v := range c.Spread {
		if v > o.Spread[i] {
			return false
		}
	}
	return c.Error.Mean < o.Error.Mean
}

// Compare measures designs (the NTK of one hidden layer) against one target over one
// domain, the zero value of which is as in [Problem], in the order given. Their Error is
// measured anew.
func Compare(target inverse.Target, on Domain, designs ...Named) ([]Comparison, error) {
	on, err := on.orDefault(target)
	if err != nil {
		return nil, err
	}
	places, err := on.wanted(target)
	if err != nil {
		return nil, err
	}
	var out []Comparison
	for i, n := range designs {
		if n.Design == nil {
			return nil, fmt.Errorf("design: design %d of the comparison (%q) is nil", i, n.Name)
		}
		c := Comparison{Name: n.Name, Params: len(n.Design.Params)}
		if c.Params == 0 && n.Design.own == nil { // made by hand
			c.Params = len(n.Design.Formula.params())
		}
		err := c.measure(n.Design, places)
		if err != nil {
			return nil, fmt.Errorf("design: design %d of the comparison (%q): %w", i, n.Name, err)
		}
		out = append(out, c)
	}
	return out, nil
}

func (c *Comparison) measure(d *Design, places []place) (err error) {
	K, err := d.NTK()
	if err != nil {
		return err
	}
	if c.Error, err = kernelError(K, places); err != nil {
		return err
	}
	if c.Spread, err = d.Spread(spreadCosines); err != nil {
		return err
	}
	c.MeanSpread = floats.Norm(c.Spread, 2) / math.Sqrt(float64(len(c.Spread)))
	if w, err := widthFor(c.MeanSpread, c.Error.Mean); err == nil {
		c.Width = w
	}
	for i := range 1001 {
		z := -5 + float64(i)/100
		v := math.Abs(d.value(z))
		if math.Abs(z) <= 3 {
			c.Inside = math.Max(c.Inside, v)
		}
		if math.Abs(z) >= 3 {
			c.Outside = math.Max(c.Outside, v)
		}
	}
	return nil
}

// FrontPoint is a design on a [Front].
type FrontPoint struct {
	Design     *Design
	Width      int // the Problem.Width that it is best for
	MeanSpread float64
}

// Front maps what a family can do between two aims: a kernel near the target, and finite
// nets that are near their kernel. It returns designs of which none is worse than
// another in both Error.Mean and MeanSpread, by increasing error.
//
// Each is the best found for the mean square distance of a net of some width from the
// target, for widths that go down from widest (0 means 2^30) to narrowest (0 means 2^2) in
// factors of 4 and up again, each time from the designs before; the optima of [Fit] are
// among them. The problem is as for Fit with a Width, which is ignored. Cost: some ten
// seconds for seven parameters, more for ten. If ctx ends, its error is returned beside
// the front found so far. Other errors are those of Fit, Problem.Largest, and widths that
// are not 1 ≤ narrowest ≤ widest.
func Front(
	ctx context.Context, f Family, p Problem, narrowest, widest int, s *Settings,
) ([]FrontPoint, error) {
	narrowest, widest = cmp.Or(narrowest, 1<<2), cmp.Or(widest, 1<<30)
	if narrowest < 1 || widest < narrowest {
		return nil, fmt.Errorf(
			"design: a front from width %d to %d; 1 ≤ narrowest ≤ widest is needed", narrowest,
			widest)
	}
	if p.Largest {
		return nil, errors.New("design: a front is of mean errors; leave Largest out")
	}
	p.Width = widest
	wide, err := newSearch(f, p, s)
	if err != nil {
		return nil, err
	}
	var widths []int
	for w := widest; w >= narrowest; w /= 4 {
		widths = append(widths, w)
	}
	up := slices.Clone(widths)
	slices.Reverse(up)
	sweep := append(slices.Clone(widths), up[1:]...)
	const kept = 4
	total := len(sweep) * kept
	report := wide.reporter(2 * total)
	first := *wide
	done := 0
	first.settings.Progress = func(d, of int) {
		now := total * d / of
		report(now - done)
		done = now
	}
	r, err := first.run(ctx)
	if err != nil {
		return nil, err
	}
	var pool []start
	var points []FrontPoint
	for _, d := range r.Optima[:min(len(r.Optima), 4*kept)] {
		pool = append(pool, start{x: d.unknowns()})
		if spread, err := d.MeanSpread(); err == nil {
			points = append(points, FrontPoint{d, widest, spread})
		}
	}
	for _, w := range sweep {
		at := *wide.strict()
		at.problem.Width = w
		from := at.nearest(pool, kept)
		if err = at.each(
			ctx, len(from), 1, report,
			func(i int, stop func() bool) { from[i] = at.polished(from[i], 40, false, stop) },
		); err != nil {
			break
		}
		pool = append(pool, from...)
		if len(from) == 0 { // no design has a finite spread
			continue
		}
		slices.SortStableFunc(from, byCost)
		d := at.design(from[0])
		if d == nil {
			continue
		}
		spread, e := d.MeanSpread()
		if e != nil {
			continue
		}
		points = append(points, FrontPoint{d, w, spread})
	}
	if err == nil {
		report(2 * total)
	}
	return undominated(points), err
}

// unknowns are the parameters as the search has them.
func (d *Design) unknowns() (x []float64) {
	for _, p := range d.Params {
		x = append(x, p.Value)
	}
	return x
}

// nearest takes those of the pool that are best for this search.
func (s *search) nearest(pool []start, count int) []start {
	out := make([]start, len(pool))
	l := s.levenberg(s.places, nil)
	r := make([]float64, l.count)
	for i, a := range pool {
		l.residuals(a.x, r, nil)
		out[i] = start{x: a.x, cost: squares(r)}
	}
	slices.SortStableFunc(out, byCost)
	return distinct(out, count)
}

// undominated leaves out what another point beats in both.
func undominated(all []FrontPoint) (out []FrontPoint) {
	slices.SortFunc(all, func(a, b FrontPoint) int {
		return cmp.Or(cmp.Compare(a.Design.Error.Mean, b.Design.Error.Mean),
			cmp.Compare(a.MeanSpread, b.MeanSpread))
	})
	least := math.Inf(1)
	for _, p := range all {
		if p.MeanSpread < least*(1-1e-3) {
			least = p.MeanSpread
			out = append(out, p)
		}
	}
	return out
}
