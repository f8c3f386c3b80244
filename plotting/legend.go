package plotting

import (
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// An entry is one name in a legend with everything drawn under that name.
type entry struct {
	name   string
	series []plotted
	text   string  // name in lines
	size   float64 // points
}

// entries lists the named series of figures, each name once, in the order of their first use.
func entries(figures []*Figure, pal palette) []entry {
	var es []entry
	at := map[string]int{}
	for _, f := range figures {
		for _, s := range f.series {
			if s.name == "" || s.kind == note {
				continue
			}
			i, ok := at[s.name]
			if !ok {
				i = len(es)
				at[s.name] = i
				es = append(es, entry{name: s.name, text: s.name, size: legendSize})
			}
			shown := false // a shared legend shows each kind once
			for _, d := range es[i].series {
				shown = shown || d.kind == s.kind
			}
			if !shown {
				es[i].series = append(es[i].series, plotted{series: s, color: s.stroke.paint(pal)})
			}
		}
	}
	return es
}

// Measures of a legend, in points.
const (
	thumbWidth  = 22.0
	thumbGap    = 5.0  // to the name
	entryGap    = 16.0 // between entries of a strip
	entryPitch  = 14.0
	legendRoom  = 5.0 // around the entries in a box
	legendInset = 6.0 // from the axes
)

func (e entry) caption() caption { return caption{text: e.text, size: e.size, color: ink} }

// height is that of a row with the entry.
func (e entry) height() vg.Length {
	return vg.Points(entryPitch + linePitch*e.size*float64(len(e.caption().lines())-1))
}

func (e entry) width() vg.Length { return vg.Points(thumbWidth+thumbGap) + e.caption().width() }

// draw draws the entry with the middle of its left edge at (x, y).
func (e entry) draw(c draw.Canvas, x, y vg.Length) {
	w := vg.Points(thumbWidth)
	for _, k := range []kind{band, hline, vline, key, line, points} {
		for _, s := range e.series {
			if s.kind != k {
				continue
			}
			switch k {
			case band:
				h := vg.Points(4.5)
				fillRect(c,
					vg.Rectangle{Min: vg.Point{X: x, Y: y - h}, Max: vg.Point{X: x + w, Y: y + h}},
					withAlpha(s.color, bandAlpha))
			case points:
				c.SetColor(s.color)
				c.Fill(circlePath(vg.Point{X: x + w/2, Y: y}, vg.Points(min(s.stroke.weight, 8)/2)))
			default:
				c.StrokeLine2(s.lineStyle(), x, y, x+w, y)
			}
		}
	}
	e.caption().draw(c, x+vg.Points(thumbWidth+thumbGap), y, 0, 0.5)
}

// boxSize is the size of a legend with one entry per line.
func boxSize(es []entry) (w, h vg.Length) {
	for _, e := range es {
		w = max(w, e.width())
	}
	return w + vg.Points(2*legendRoom), vg.Points(entryPitch*float64(len(es)) + 2*legendRoom - 2)
}

func drawBox(c draw.Canvas, es []entry, r vg.Rectangle) {
	fillRect(c, r, veil)
	c.SetLineStyle(draw.LineStyle{Color: gridInk, Width: vg.Points(0.6)})
	c.Stroke(rectPath(r))
	y := r.Max.Y - vg.Points(legendRoom-1+entryPitch/2)
	for _, e := range es {
		e.draw(c, r.Min.X+vg.Points(legendRoom), y)
		y -= vg.Points(entryPitch)
	}
}

// stripRows breaks entries into rows no wider than width.
func stripRows(es []entry, width vg.Length) [][]entry {
	return balanced(es, brokenRows(es, width))
}

func brokenRows(es []entry, width vg.Length) [][]entry {
	var rows [][]entry
	var used vg.Length
	for _, e := range es {
		w := e.width()
		if n := len(rows); n > 0 && used+vg.Points(entryGap)+w <= width {
			rows[n-1] = append(rows[n-1], e)
			used += vg.Points(entryGap) + w
			continue
		}
		rows = append(rows, []entry{e})
		used = w
	}
	return rows
}

func stripRowHeight(row []entry) vg.Length {
	h := vg.Points(entryPitch)
	for _, e := range row {
		h = max(h, e.height())
	}
	return h
}

func stripHeight(rows [][]entry) vg.Length {
	if len(rows) == 0 {
		return 0
	}
	h := vg.Points(4)
	for _, row := range rows {
		h += stripRowHeight(row)
	}
	return h
}

// drawStrip draws rows of entries from the top down, each centred at x as far as it then stays on
// the canvas.
func drawStrip(c draw.Canvas, rows [][]entry, x, top vg.Length) {
	y := top - vg.Points(4)
	for _, row := range rows {
		w, h := rowWidth(row), stripRowHeight(row)
		at := max(c.Min.X, min(x-w/2, c.Max.X-w))
		for _, e := range row {
			e.draw(c, at, y-h/2)
			at += e.width() + vg.Points(entryGap)
		}
		y -= h
	}
}

// places returns the rectangles of size (w, h) that a legend may take inside the axes, by
// preference.
func places(c draw.Canvas, w, h vg.Length) []vg.Rectangle {
	in := vg.Points(legendInset)
	left, right := c.Min.X+in, c.Max.X-in-w
	bottom, top := c.Min.Y+in, c.Max.Y-in-h
	mx, my := (left+right)/2, (bottom+top)/2
	var rs []vg.Rectangle
	for _, p := range []vg.Point{
		{X: left, Y: top}, {X: right, Y: top}, {X: left, Y: bottom}, {X: right, Y: bottom},
		{X: mx, Y: top}, {X: mx, Y: bottom}, {X: left, Y: my}, {X: right, Y: my},
	} {
		rs = append(rs, vg.Rectangle{Min: p, Max: vg.Point{X: p.X + w, Y: p.Y + h}})
	}
	return rs
}

// freePlace returns the first place of a legend that covers nothing drawn, if there is one.
func (f *Figure) freePlace(c draw.Canvas, p *plot.Plot, es []entry) (vg.Rectangle, bool) {
	w, h := boxSize(es)
	if w > (c.Max.X-c.Min.X)*0.6 || h > (c.Max.Y-c.Min.Y)*0.7 {
		return vg.Rectangle{}, false
	}
	t := toCanvas{c, p}
	drawn := f.outlines(t)
	for _, r := range places(c, w, h) {
		if !f.covers(t, drawn, grow(r, vg.Points(3))) {
			return r, true
		}
	}
	return vg.Rectangle{}, false
}

// outlines returns the places of the points of each series, and of the upper bound of a band.
func (f *Figure) outlines(t toCanvas) [][2][]vg.Point {
	drawn := make([][2][]vg.Point, len(f.series))
	for i, s := range f.series {
		switch s.kind {
		case points:
			drawn[i][0] = t.all(s.xs, s.ys)
		case band:
			drawn[i] = [2][]vg.Point{t.polyline(s.xs, s.ys), t.polyline(s.xs, s.hi)}
		case line:
			drawn[i][0] = t.polyline(s.xs, s.ys)
		}
	}
	return drawn
}

// covers reports whether r covers part of a series.
func (f *Figure) covers(t toCanvas, drawn [][2][]vg.Point, r vg.Rectangle) bool {
	area := draw.Canvas{Canvas: t.c.Canvas, Rectangle: r}
	for i, s := range f.series {
		switch s.kind {
		case line, points, band:
			for _, pts := range drawn[i] {
				for _, pt := range pts {
					if contains(r, pt) {
						return true
					}
				}
				if s.kind != points && len(pts) > 0 && len(area.ClipLinesXY(pts)) > 0 {
					return true
				}
			}
			if s.kind == band && len(s.xs) > 1 {
				outline := slices.Clone(drawn[i][1])
				for _, pt := range slices.Backward(drawn[i][0]) {
					outline = append(outline, pt)
				}
				if len(area.ClipPolygonXY(outline)) > 2 {
					return true
				}
			}
		case note:
			if _, nr := s.noteRect(t); overlap(nr, r) {
				return true
			}
			if s.callout &&
				len(
					area.ClipLinesXY([]vg.Point{t.at(s.xs[0], s.ys[0]), t.at(s.xs[1], s.ys[1])}),
				) > 0 {
				return true
			}
		case hline:
			if y := t.at(1, s.ys[0]).Y; y > r.Min.Y && y < r.Max.Y {
				return true
			}
		case vline:
			if x := t.at(s.xs[0], 1).X; x > r.Min.X && x < r.Max.X {
				return true
			}
		}
	}
	return false
}
