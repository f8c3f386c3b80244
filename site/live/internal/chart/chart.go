// Package chart draws curves as SVG whose colours are those of the page around it: lines and bands
// have a class for each thing shown, and the style sheet gives it a colour in light and dark.
package chart

import (
	"fmt"
	"html"
	"math"
	"strconv"
	"strings"
)

// Chart is a figure of curves over one axis.
type Chart struct {
	// Title says what is shown, for those who do not see it.
	Title string
	X, Y  string // labels of the axes
	// YRange, if not nil, is what the y axis has at least.
	YRange     *[2]float64
	LogX, LogY bool

	series []series
}

// series is a line, or a band between two.
type series struct {
	class    string
	x, y, y2 []float64
}

// Line adds a line through the points (xs, ys). Points that are not finite, or on a log axis not
// above 0, interrupt it.
func (c *Chart) Line(class string, xs, ys []float64) {
	c.series = append(c.series, series{class, xs, ys, nil})
}

// Band adds the area between two curves.
func (c *Chart) Band(class string, xs, lo, hi []float64) {
	c.series = append(c.series, series{class, xs, lo, hi})
}

// The sizes of a chart, in units of its view box, in which a letter of the labels is 12 high.
const (
	width, height           = 300, 230
	left, right, top, below = 44, 8, 24, 38
)

// axis maps values to places between two ends.
type axis struct {
	lo, hi   float64
	log      bool
	from, to float64
}

func (a axis) visible(v float64) bool {
	return !math.IsNaN(v) && !math.IsInf(v, 0) && (!a.log || v > 0)
}

func (a axis) place(v float64) float64 {
	lo, hi := a.lo, a.hi
	if a.log {
		v, lo, hi = math.Log(v), math.Log(lo), math.Log(hi)
	}
	return a.from + (v-lo)/(hi-lo)*(a.to-a.from)
}

// SVG returns the drawing.
func (c *Chart) SVG() string {
	x, y := c.axes()
	var b strings.Builder
	fmt.Fprintf(&b, `<svg viewBox="0 0 %d %d" role="img" aria-label="%s">`, width, height,
		html.EscapeString(c.Title))
	c.frame(&b, x, y)
	for _, s := range c.series {
		if s.y2 == nil {
			fmt.Fprintf(&b, `<path class="line %s" d="%s"/>`, s.class, path(x, y, s.x, s.y))
			continue
		}
		there, back := path(x, y, s.x, s.y), path(x, y, reversed(s.x), reversed(s.y2))
		if there != "" && back != "" {
			fmt.Fprintf(&b, `<path class="band %s" d="%sL%sZ"/>`, s.class, there, back[1:])
		}
	}
	b.WriteString("</svg>")
	return b.String()
}

// axes are those that have room for all that is drawn.
func (c *Chart) axes() (x, y axis) {
	x = axis{math.Inf(1), math.Inf(-1), c.LogX, left, width - right}
	y = axis{math.Inf(1), math.Inf(-1), c.LogY, height - below, top}
	if c.YRange != nil {
		y.lo, y.hi = c.YRange[0], c.YRange[1]
	}
	grow := func(a *axis, values []float64) {
		for _, v := range values {
			if a.visible(v) {
				a.lo, a.hi = math.Min(a.lo, v), math.Max(a.hi, v)
			}
		}
	}
	for _, s := range c.series {
		grow(&x, s.x)
		grow(&y, s.y)
		grow(&y, s.y2)
	}
	x.settle(0)
	y.settle(0.04)
	return x, y
}

// settle gives an axis some length, and a margin as a share of it.
func (a *axis) settle(margin float64) {
	switch {
	case a.lo > a.hi:
		a.lo, a.hi = 0, 1
		if a.log {
			a.lo = 0.1
		}
	case a.log && a.lo > a.hi/10:
		a.lo, a.hi = a.lo/math.Sqrt(10), a.hi*math.Sqrt(10)
	case !a.log && a.hi-a.lo <= 1e-9*math.Max(math.Abs(a.lo), math.Abs(a.hi)) || a.lo == a.hi:
		half := math.Max(0.5, 0.1*math.Abs(a.hi))
		a.lo, a.hi = a.lo-half, a.hi+half
	}
	if a.log {
		by := math.Pow(a.hi/a.lo, margin)
		a.lo, a.hi = a.lo/by, a.hi*by
		return
	}
	by := margin * (a.hi - a.lo)
	a.lo, a.hi = a.lo-by, a.hi+by
}

// ticks are where the axis has labels.
func (a axis) ticks(about int) []float64 {
	var out []float64
	if a.log {
		first := math.Ceil(math.Log10(a.lo) - 1e-9)
		last := math.Floor(math.Log10(a.hi) + 1e-9)
		step := math.Max(1, math.Ceil((last-first)/float64(about)))
		if last-first < 1 { // less than two powers of ten: 2 and 5 times them, too
			for e := first - 1; e <= last; e++ {
				for _, m := range []float64{1, 2, 5} {
					if v := m * math.Pow(10, e); v >= a.lo && v <= a.hi {
						out = append(out, v)
					}
				}
			}
			return out
		}
		for e := first; e <= last; e += step {
			out = append(out, math.Pow(10, e))
		}
		return out
	}
	raw := (a.hi - a.lo) / float64(about)
	step := math.Pow(10, math.Floor(math.Log10(raw)))
	for _, by := range []float64{2, 5, 10} {
		if raw > step*1.000001 && raw <= step*by {
			step *= by
			break
		}
	}
	for k := math.Ceil(a.lo/step - 1e-9); k*step <= a.hi+1e-9*step; k++ {
		out = append(out, k*step)
	}
	return out
}

// label writes a tick: its step says how many digits it needs.
func (a axis) label(v float64) string {
	if a.log {
		e := math.Round(math.Log10(v))
		if math.Abs(e) <= 3 || math.Abs(v/math.Pow(10, e)-1) > 1e-9 {
			return strconv.FormatFloat(v, 'g', 4, 64)
		}
		return `10<tspan dy="-4" class="power">` + strings.Replace(fmt.Sprint(e), "-", "−", 1) +
			"</tspan>"
	}
	if math.Abs(v) < 1e-9*(a.hi-a.lo) {
		v = 0
	}
	return strings.Replace(strconv.FormatFloat(v, 'g', 4, 64), "-", "−", 1)
}

func (c *Chart) frame(b *strings.Builder, x, y axis) {
	b.WriteString(`<g class="frame">`)
	for _, v := range x.ticks(4) {
		at := x.place(v)
		fmt.Fprintf(b, `<path class="grid" d="M%.1f %d V%d"/>`, at, top, height-below)
		fmt.Fprintf(b, `<text x="%.1f" y="%d" class="x">%s</text>`, at, height-below+16,
			x.label(v))
	}
	for _, v := range y.ticks(5) {
		at := y.place(v)
		fmt.Fprintf(b, `<path class="grid" d="M%d %.1f H%d"/>`, left, at, width-right)
		fmt.Fprintf(b, `<text x="%d" y="%.1f" class="y">%s</text>`, left-6, at+4, y.label(v))
	}
	fmt.Fprintf(b, `<path class="axes" d="M%d %d V%d H%d"/>`, left, top, height-below, width-right)
	fmt.Fprintf(b, `<text x="%d" y="%d" class="x name">%s</text>`, (left+width-right)/2, height-4,
		html.EscapeString(c.X))
	fmt.Fprintf(b, `<text x="%d" y="%d" class="name">%s</text></g>`, 2, 12,
		html.EscapeString(c.Y))
}

// path is the d of a line.
func path(x, y axis, xs, ys []float64) string {
	var b strings.Builder
	pen := "M"
	for i := range min(len(xs), len(ys)) {
		if !x.visible(xs[i]) || !y.visible(ys[i]) {
			pen = "M"
			continue
		}
		b.WriteString(pen)
		b.WriteString(strconv.FormatFloat(x.place(xs[i]), 'f', 2, 64))
		b.WriteByte(' ')
		b.WriteString(strconv.FormatFloat(y.place(ys[i]), 'f', 2, 64))
		pen = "L"
	}
	return b.String()
}

func reversed(v []float64) []float64 {
	out := make([]float64, len(v))
	for i, x := range v {
		out[len(v)-1-i] = x
	}
	return out
}
