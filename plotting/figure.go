package plotting

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// Options describe a [Figure]. The zero value is a figure without labels, with linear axes
// that fit the data.
type Options struct {
	Title string
	X, Y  string // labels of the axes

	LogX, LogY bool

	// XRange and YRange are the ends {min, max} of an axis; what lies outside is cut off. nil fits
	// the data.
	XRange, YRange *[2]float64

	Legend Legend

	// Width and Height of the picture in inches; 0 is 7 by 4.2.
	Width, Height float64
	// DPI is the resolution of a PNG in dots per inch; 0 is 192.
	DPI int
}

// Legend says where the legend of a figure goes. The zero value is a place inside the axes where
// it covers no curve, and the strip below the axes if there is none.
type Legend int

const (
	legendAuto Legend = iota
	// LegendBelow is a strip below the axes.
	LegendBelow
	// LegendNone draws no legend.
	LegendNone
)

// A Figure is one pair of axes and what is drawn in it. Build it with [New] and its methods; see
// the package documentation for how errors are reported. It is not safe for concurrent use.
type Figure struct {
	opt    Options
	series []series
	err    error
}

var _ Drawing = (*Figure)(nil)

type kind int

const (
	line kind = iota
	band
	points
	hline
	vline
	note
	key
)

var kindNames = [...]string{
	line:   "line",
	band:   "band",
	points: "points",
	hline:  "horizontal line",
	vline:  "vertical line",
	note:   "note",
	key:    "legend key",
}

// series is one element of a figure. xs, ys are its points; a band lies between ys and hi.
type series struct {
	kind       kind
	name       string
	xs, ys, hi []float64
	stroke     stroke
	text       string // of a note
	callout    bool   // a note whose text stands at point 1 and that points at point 0
}

// New returns an empty figure.
func New(opt Options) *Figure {
	f := &Figure{opt: opt}
	if opt.XRange != nil {
		r := *opt.XRange
		f.opt.XRange = &r
	}
	if opt.YRange != nil {
		r := *opt.YRange
		f.opt.YRange = &r
	}
	f.fail(opt.check())
	return f
}

func (o Options) check() error {
	for _, t := range []struct{ what, text string }{{"title", o.Title}, {"x label", o.X},
		{"y label", o.Y}} {
		if err := checkText(t.what, t.text); err != nil {
			return err
		}
	}
	if o.Legend < legendAuto || o.Legend > LegendNone {
		return fmt.Errorf("plotting: legend position %d is not one of the Legend constants",
			o.Legend)
	}
	for _, a := range []struct {
		name string
		r    *[2]float64
		log  bool
	}{{"XRange", o.XRange, o.LogX}, {"YRange", o.YRange, o.LogY}} {
		if a.r == nil {
			continue
		}
		lo, hi := a.r[0], a.r[1]
		if !(lo < hi) || math.IsInf(hi-lo, 0) {
			return fmt.Errorf("plotting: %s {%v, %v}: want finite ends, the lower one first",
				a.name, lo, hi)
		}
		if a.log && lo <= 0 {
			return fmt.Errorf("plotting: %s {%v, %v} on a log axis: want positive ends", a.name, lo,
				hi)
		}
	}
	return checkSize(o.Width, o.Height, o.DPI)
}

func (f *Figure) fail(err error) {
	if f.err == nil {
		f.err = err
	}
}

// Err returns the first thing that is wrong with the figure, or nil.
func (f *Figure) Err() error {
	if err := f.wrong(); err != nil {
		return err
	}
	_, err := f.layout(nil).plan(page(f.dimensions()))
	return err
}

func (f *Figure) wrong() error {
	if f == nil {
		return errors.New("plotting: nil *Figure")
	}
	if f.err != nil {
		return f.err
	}
	_, err := f.frame()
	return err
}

// Line draws the curve through the points (xs[i], ys[i]) in the order given.
func (f *Figure) Line(name string, xs, ys []float64, style ...Style) {
	f.add(series{kind: line, name: name, xs: xs, ys: ys}, lineWeight, style)
}

// Band fills the area between lo[i] and hi[i] translucently, behind all lines. It wants lo[i] ≤
// hi[i]. Given the name of a line it takes that line's colour and shares its legend entry.
func (f *Figure) Band(name string, xs, lo, hi []float64, style ...Style) {
	f.add(series{kind: band, name: name, xs: xs, ys: lo, hi: hi}, lineWeight, style)
}

// Points draws a dot at each (xs[i], ys[i]).
func (f *Figure) Points(name string, xs, ys []float64, style ...Style) {
	f.add(series{kind: points, name: name, xs: xs, ys: ys}, 5, style)
}

// funcSamples resolves a curve to about 1 pixel at the default size.
const funcSamples = 1025

// Func draws y = fn(x) for lo ≤ x ≤ hi, sampled at 1025 points evenly spaced along
// the axis, both ends included. A value of fn that is not finite is an error.
func (f *Figure) Func(name string, fn func(float64) float64, lo, hi float64, style ...Style) {
	what := series{kind: line, name: name}.label(len(f.series))
	switch {
	case fn == nil:
		f.fail(&DataError{Series: what, Index: -1, Problem: "the function is nil"})
		return
	case !(lo < hi) || math.IsInf(hi-lo, 0):
		f.fail(
			&DataError{
				Series: what,
				Index:  -1,
				Problem: fmt.Sprintf(
					"interval from %v to %v: want finite ends, the lower one first", lo, hi),
			},
		)
		return
	case f.opt.LogX && lo <= 0:
		f.fail(
			&DataError{
				Series: what,
				Index:  -1,
				Problem: fmt.Sprintf("interval from %v to %v on a log x axis: want positive ends",
					lo, hi),
			},
		)
		return
	}
	xs := make([]float64, funcSamples)
	ys := make([]float64, funcSamples)
	for i := range xs {
		t := float64(i) / (funcSamples - 1)
		x := lo + t*(hi-lo)
		if f.opt.LogX {
			x = math.Exp(math.Log(lo) + t*(math.Log(hi)-math.Log(lo)))
		}
		switch i {
		case 0:
			x = lo
		case funcSamples - 1:
			x = hi
		}
		xs[i], ys[i] = x, fn(x)
		if y := ys[i]; math.IsNaN(y) || math.IsInf(y, 0) {
			f.fail(
				&DataError{
					Series:  what,
					Index:   i,
					Value:   y,
					Problem: fmt.Sprintf("the function is not finite at x = %v", x),
				},
			)
			return
		}
	}
	f.Line(name, xs, ys, style...)
}

// HLine draws a horizontal line at y across the axes.
func (f *Figure) HLine(name string, y float64, style ...Style) {
	f.add(series{kind: hline, name: name, ys: []float64{y}}, thinWeight, style)
}

// VLine draws a vertical line at x across the axes. On a log axis it wants x > 0.
func (f *Figure) VLine(name string, x float64, style ...Style) {
	f.add(series{kind: vline, name: name, xs: []float64{x}}, thinWeight, style)
}

// Note writes text centred at (x, y), moved where needed to stay inside the axes. Of the styles
// only [Like] and [Color] matter.
func (f *Figure) Note(x, y float64, text string, style ...Style) {
	f.add(series{kind: note, name: text, text: text, xs: []float64{x}, ys: []float64{y}},
		thinWeight, style)
}

// Callout writes text centred at (textX, textY), moved where needed to stay inside the axes, with
// an arrow from it to (x, y). The colour of the styles is that of text and arrow.
func (f *Figure) Callout(x, y, textX, textY float64, text string, style ...Style) {
	f.add(
		series{
			kind:    note,
			callout: true,
			name:    text,
			text:    text,
			xs:      []float64{x, textX},
			ys:      []float64{y, textY},
		},
		thinWeight,
		style,
	)
}

// Key adds a legend entry that stands for a style rather than a series, such as
// "infinite width" for all thin lines. It draws nothing else.
func (f *Figure) Key(name string, style ...Style) {
	f.add(series{kind: key, name: name}, lineWeight, append([]Style{Like("")}, style...))
}

// label names a series in an error; n is its position in the figure.
func (s series) label(n int) string {
	if s.name == "" {
		return fmt.Sprintf("unnamed %s (series %d)", kindNames[s.kind], n+1)
	}
	return fmt.Sprintf("%s %q", kindNames[s.kind], s.name)
}

func (f *Figure) add(s series, weight float64, styles []Style) {
	if f.err != nil {
		return
	}
	what := s.label(len(f.series))
	name := s.name
	if s.kind == note {
		name = ""
		if s.text == "" {
			f.fail(&DataError{Series: what, Index: -1, Problem: "the text is empty"})
			return
		}
	}
	if s.kind == key && name == "" {
		f.fail(&DataError{Series: what, Index: -1, Problem: "a legend key needs a name"})
		return
	}
	if err := checkText(kindNames[s.kind], s.name); err != nil {
		f.fail(err)
		return
	}
	var err error
	if s.stroke, err = newStroke(name, weight, styles); err != nil {
		f.fail(fmt.Errorf("plotting: %s: %w", what, err))
		return
	}
	switch s.kind {
	case line, band, points:
		if len(s.xs) == 0 {
			f.fail(&DataError{Series: what, Index: -1, Problem: "has no points"})
			return
		}
		if len(s.ys) != len(s.xs) || s.kind == band && len(s.hi) != len(s.xs) {
			f.fail(&DataError{Series: what, Index: -1, Problem: s.lengths()})
			return
		}
	}
	s, err = s.onAxes(what, f.opt.LogX, f.opt.LogY)
	if err != nil {
		f.fail(err)
		return
	}
	f.series = append(f.series, s)
}

func (s series) lengths() string {
	if s.kind == band {
		return fmt.Sprintf("%d values of x, %d of lo, %d of hi: want as many of each", len(s.xs),
			len(s.ys), len(s.hi))
	}
	return fmt.Sprintf("%d values of x, %d of y: want as many of each", len(s.xs), len(s.ys))
}

// onAxes returns a copy of s without the points at x = 0 that a log x axis has no
// place for, or what is wrong with its values.
func (s series) onAxes(what string, logX, logY bool) (series, error) {
	for i, x := range s.xs {
		if err := onAxis(what, "x", i, x, logX && x != 0); err != nil {
			return s, err
		}
	}
	for _, c := range [][]float64{s.ys, s.hi} {
		for i, y := range c {
			if err := onAxis(what, "y", i, y, logY); err != nil {
				return s, err
			}
		}
	}
	if s.kind == band {
		for i := range s.ys {
			if s.ys[i] > s.hi[i] {
				return s, &DataError{
					Series:  what,
					Index:   i,
					Value:   s.ys[i],
					Problem: fmt.Sprintf("lo is above hi = %v", s.hi[i]),
				}
			}
		}
	}
	if !logX || !slices.Contains(s.xs, 0) {
		s.xs, s.ys, s.hi = slices.Clone(s.xs), slices.Clone(s.ys), slices.Clone(s.hi)
		return s, nil
	}
	if s.kind == vline || s.kind == note {
		return s, &DataError{
			Series:  what,
			Index:   slices.Index(s.xs, 0),
			Problem: "a log x axis has no place for x = 0",
		}
	}
	var xs, ys, hi []float64
	for i, x := range s.xs {
		if x == 0 {
			continue
		}
		xs, ys = append(xs, x), append(ys, s.ys[i])
		if s.kind == band {
			hi = append(hi, s.hi[i])
		}
	}
	if len(xs) == 0 {
		return s, &DataError{
			Series:  what,
			Index:   -1,
			Problem: "all its points are at x = 0, for which a log x axis has no place",
		}
	}
	s.xs, s.ys, s.hi = xs, ys, hi
	return s, nil
}

func onAxis(what, coordinate string, i int, v float64, positive bool) error {
	switch {
	case math.IsNaN(v) || math.IsInf(v, 0):
		return &DataError{Series: what, Index: i, Value: v, Problem: coordinate + " is not finite"}
	case positive && v <= 0:
		return &DataError{
			Series:  what,
			Index:   i,
			Value:   v,
			Problem: "a log " + coordinate + " axis wants positive values",
		}
	}
	return nil
}

// colorNames are the names that need a colour, in the order of their first use.
func (f *Figure) colorNames() []string {
	var names []string
	for _, s := range f.series {
		if s.stroke.color == nil {
			names = append(names, s.stroke.like)
		}
	}
	return names
}

// describe is the alternative text of a figure without a caption.
func (f *Figure) describe() string {
	switch {
	case f.opt.Title != "":
		return f.opt.Title
	case f.opt.X != "" && f.opt.Y != "":
		return f.opt.Y + " against " + f.opt.X
	}
	return "figure"
}

func (f *Figure) dimensions() dimensions {
	return dimensions{f.opt.Width, f.opt.Height, f.opt.DPI}.orDefault(7, 4.2)
}
