package plotting

import (
	"fmt"
	"image/color"
	"math"

	"gonum.org/v1/plot/vg"
)

// A Style changes how one series is drawn: [Thin], [Dashed] and [Dotted], or the
// results of [Like], [Color] and [Weight]. Later ones win.
type Style interface {
	apply(*stroke) error
}

type preset int

const (
	// Thin draws a line of half the usual weight, the convention here for
	// infinite-width predictions beside finite nets.
	Thin preset = iota
	// Dashed draws a dashed line.
	Dashed
	// Dotted draws a dotted line.
	Dotted
)

const (
	lineWeight = 2.0 // points
	thinWeight = 1.0
	bandAlpha  = 0.20
)

// stroke is what Styles change.
type stroke struct {
	weight float64 // points
	dashes preset  // Dashed, Dotted, or Thin for none
	color  color.Color
	like   string // name whose colour is used if color is nil
}

func (s preset) apply(st *stroke) error {
	if s == Thin {
		st.weight = thinWeight
	} else {
		st.dashes = s
	}
	return nil
}

type styleFunc func(*stroke) error

func (f styleFunc) apply(st *stroke) error { return f(st) }

// Like gives a series the colour of the named one, say an unnamed prediction that of its net.
func Like(name string) Style {
	return styleFunc(func(st *stroke) error { st.like = name; return nil })
}

// Color draws a series in c instead of the colour of its name.
func Color(c color.Color) Style {
	return styleFunc(func(st *stroke) error {
		if c == nil {
			return fmt.Errorf("Color(nil): give a colour, or leave the style out")
		}
		if _, _, _, a := c.RGBA(); a == 0 {
			return fmt.Errorf("Color(%v) is fully transparent", c)
		}
		st.color = c
		return nil
	})
}

// Weight sets the width of a line, or the diameter of points, in points (1/72 inch).
// Lines are 2 points wide unless said otherwise, thin ones and those of HLine and VLine 1,
// and points 5.
func Weight(points float64) Style {
	return styleFunc(func(st *stroke) error {
		if !(points > 0) || math.IsInf(points, 0) {
			return fmt.Errorf("Weight(%v): want a positive width in points", points)
		}
		st.weight = points
		return nil
	})
}

func newStroke(name string, weight float64, styles []Style) (stroke, error) {
	st := stroke{weight: weight, like: name}
	for _, s := range styles {
		if s == nil {
			return st, fmt.Errorf("a nil Style")
		}
		if err := s.apply(&st); err != nil {
			return st, err
		}
	}
	return st, nil
}

// pattern is the dash pattern, in proportion to the weight.
func (s stroke) pattern() []vg.Length {
	w := vg.Points(math.Max(s.weight, 1))
	switch s.dashes {
	case Dashed:
		return []vg.Length{4 * w, 2.5 * w}
	case Dotted:
		return []vg.Length{w, 1.8 * w}
	}
	return nil
}

func (s stroke) paint(p palette) color.NRGBA {
	if s.color != nil {
		return color.NRGBAModel.Convert(s.color).(color.NRGBA)
	}
	return p.color(s.like)
}
