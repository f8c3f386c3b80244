package plotting

import (
	"image/color"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// toCanvas maps data coordinates to a canvas. What is far outside is brought near, which moves no
// visible part of a line by as much as a pixel and keeps the arithmetic of clipping finite.
type toCanvas struct {
	c draw.Canvas
	p *plot.Plot
}

func (t toCanvas) at(x, y float64) vg.Point {
	const far = 1e6
	near := func(v float64) float64 { return max(-far, min(far, v)) }
	return vg.Point{X: t.c.X(near(norm(&t.p.X, x))), Y: t.c.Y(near(norm(&t.p.Y, y)))}
}

// all maps points.
func (t toCanvas) all(xs, ys []float64) []vg.Point {
	pts := make([]vg.Point, len(xs))
	for i := range xs {
		pts[i] = t.at(xs[i], ys[i])
	}
	return pts
}

// polyline maps a curve, leaving out points closer to the one before than can be seen, and of what
// is dense what does not change the picture.
func (t toCanvas) polyline(xs, ys []float64) []vg.Point {
	const invisible = 0.03 // points
	pts := make([]vg.Point, 0, len(xs))
	for i := range xs {
		pt := t.at(xs[i], ys[i])
		if n := len(pts); n > 0 && i < len(xs)-1 {
			if d := pt.Sub(pts[n-1]); math.Abs(float64(d.X)) < invisible &&
				math.Abs(float64(d.Y)) < invisible {
				continue
			}
		}
		pts = append(pts, pt)
	}
	return thinned(pts)
}

// layers returns the plotters of the figure from back to front.
func (f *Figure) layers(pal palette) []plot.Plotter {
	ls := []plot.Plotter{gridLines{}}
	dots := 0
	for _, s := range f.series {
		if s.kind == points {
			dots += len(s.xs)
		}
	}
	for _, kinds := range [][]kind{{band}, {hline, vline}, {line}, {points}, {note}} {
		for _, s := range f.series {
			for _, k := range kinds {
				if s.kind == k {
					ls = append(ls, plotted{s, s.stroke.paint(pal), dots > denseDots})
				}
			}
		}
	}
	return ls
}

// gridLines draws a light line at each tick.
type gridLines struct{}

func (gridLines) Plot(c draw.Canvas, p *plot.Plot) {
	for _, major := range []bool{false, true} {
		sty := draw.LineStyle{Color: minorGrid, Width: vg.Points(0.5)}
		if major {
			sty = draw.LineStyle{Color: gridInk, Width: vg.Points(0.6)}
		}
		for _, t := range p.X.Tick.Marker.Ticks(p.X.Min, p.X.Max) {
			if x := c.X(p.X.Norm(t.Value)); t.IsMinor() != major && c.ContainsX(x) {
				c.StrokeLine2(sty, x, c.Min.Y, x, c.Max.Y)
			}
		}
		for _, t := range p.Y.Tick.Marker.Ticks(p.Y.Min, p.Y.Max) {
			if y := c.Y(p.Y.Norm(t.Value)); t.IsMinor() != major && c.ContainsY(y) {
				c.StrokeLine2(sty, c.Min.X, y, c.Max.X, y)
			}
		}
	}
}

// plotted draws a series in its colour.
type plotted struct {
	series
	color color.NRGBA
	dense bool // dots are too many for shapes of their own
}

func (s plotted) lineStyle() draw.LineStyle {
	return draw.LineStyle{
		Color:  s.color,
		Width:  vg.Points(s.stroke.weight),
		Dashes: s.stroke.pattern(),
	}
}

func (s plotted) Plot(c draw.Canvas, p *plot.Plot) {
	t := toCanvas{c, p}
	switch s.kind {
	case line:
		pts := t.polyline(s.xs, s.ys)
		if len(pts) == 1 {
			fillCircle(c, pts[0], vg.Points(s.stroke.weight), s.color)
			return
		}
		strokeDense(c, s.lineStyle(), pts)
	case band:
		outline := t.polyline(s.xs, s.hi)
		lower := t.polyline(s.xs, s.ys)
		for i := len(lower) - 1; i >= 0; i-- {
			outline = append(outline, lower[i])
		}
		if len(s.xs) == 1 {
			c.StrokeLines(
				draw.LineStyle{Color: withAlpha(s.color, bandAlpha), Width: vg.Points(6)},
				c.ClipLinesXY(outline)...)
			return
		}
		outline, shade := c.ClipPolygonXY(outline), withAlpha(s.color, bandAlpha)
		if len(outline) > 4*denseLine || hasPixels(c) && crosses(c, outline) > crowded {
			many := newStain(c, shade, 0)
			many.area(outline)
			many.draw()
			return
		}
		c.FillPolygon(shade, outline)
	case points:
		radius := vg.Points(s.stroke.weight / 2)
		if s.dense {
			many := newStain(c, s.color, radius)
			many.dots(t.all(s.xs, s.ys), radius)
			many.draw()
			return
		}
		for i := range s.xs {
			fillCircle(c, t.at(s.xs[i], s.ys[i]), radius, s.color)
		}
	case hline:
		if y := c.Y(norm(&p.Y, s.ys[0])); c.ContainsY(y) {
			c.StrokeLine2(s.lineStyle(), c.Min.X, y, c.Max.X, y)
		}
	case vline:
		if x := c.X(norm(&p.X, s.xs[0])); c.ContainsX(x) {
			c.StrokeLine2(s.lineStyle(), x, c.Min.Y, x, c.Max.Y)
		}
	case note:
		s.drawNote(t)
	}
}

// notePadding is the room around the text of a note, and between it and its arrow.
const notePadding = 2.5

// note is the text of a note, wrapped and shrunk to stay inside the axes, and whether it does.
func (s series) note(t toCanvas) (caption, bool) {
	room := t.c.Size().Sub(vg.Point{X: vg.Points(2 * notePadding), Y: vg.Points(2 * notePadding)})
	return caption{text: s.text, size: noteSize}.fitInto(room.X, room.Y)
}

// fitNotes says which note is too long for the axes.
func (f *Figure) fitNotes(t toCanvas) error {
	for _, s := range f.series {
		if s.kind != note {
			continue
		}
		if _, fits := s.note(t); !fits {
			return textError("note", s.text)
		}
	}
	return nil
}

// noteRect is what a note's text and its room cover.
func (s series) noteRect(t toCanvas) (caption, vg.Rectangle) {
	txt, _ := s.note(t)
	i := len(s.xs) - 1
	at := t.at(s.xs[i], s.ys[i])
	r := grow(txt.rect(at.X, at.Y, 0.5, 0.5), vg.Points(notePadding))
	return txt, r.Add(vg.Point{
		X: inside(r.Min.X, r.Max.X, t.c.Min.X, t.c.Max.X),
		Y: inside(r.Min.Y, r.Max.Y, t.c.Min.Y, t.c.Max.Y),
	})
}

// inside returns by how much to move [lo, hi] into [min, max].
func inside(lo, hi, least, most vg.Length) vg.Length {
	switch {
	case lo < least:
		return least - lo
	case hi > most:
		return most - hi
	}
	return 0
}

func (s plotted) drawNote(t toCanvas) {
	txt, r := s.noteRect(t)
	txt.color = s.color
	if s.callout {
		to := t.at(s.xs[0], s.ys[0])
		if t.c.Contains(to) && !contains(r, to) {
			drawArrow(
				t.c,
				arrowPath{from: edgeTowards(r, to), to: to},
				arrowLook{
					color: s.color,
					width: vg.Points(0.9),
					head:  vg.Points(5),
					gap:   vg.Points(2),
				},
			)
		}
	}
	fillRect(t.c, r, veil)
	txt.draw(t.c, (r.Min.X+r.Max.X)/2, (r.Min.Y+r.Max.Y)/2+vg.Points(0.105*txt.size), 0.5, 0.5)
}

func grow(r vg.Rectangle, by vg.Length) vg.Rectangle {
	return vg.Rectangle{
		Min: vg.Point{X: r.Min.X - by, Y: r.Min.Y - by},
		Max: vg.Point{X: r.Max.X + by, Y: r.Max.Y + by},
	}
}

func contains(r vg.Rectangle, p vg.Point) bool {
	return p.X >= r.Min.X && p.X <= r.Max.X && p.Y >= r.Min.Y && p.Y <= r.Max.Y
}

func overlap(a, b vg.Rectangle) bool {
	return a.Min.X < b.Max.X && b.Min.X < a.Max.X && a.Min.Y < b.Max.Y && b.Min.Y < a.Max.Y
}

// edgeTowards returns where the line from the middle of r to p leaves r.
func edgeTowards(r vg.Rectangle, p vg.Point) vg.Point {
	m := vg.Point{X: (r.Min.X + r.Max.X) / 2, Y: (r.Min.Y + r.Max.Y) / 2}
	d := p.Sub(m)
	t := math.Inf(1)
	if d.X != 0 {
		t = math.Min(t, math.Abs(float64((r.Max.X-m.X)/d.X)))
	}
	if d.Y != 0 {
		t = math.Min(t, math.Abs(float64((r.Max.Y-m.Y)/d.Y)))
	}
	if math.IsInf(t, 0) {
		return m
	}
	return m.Add(d.Scale(vg.Length(t)))
}

func rectPath(r vg.Rectangle) vg.Path {
	var p vg.Path
	p.Move(r.Min)
	p.Line(vg.Point{X: r.Max.X, Y: r.Min.Y})
	p.Line(r.Max)
	p.Line(vg.Point{X: r.Min.X, Y: r.Max.Y})
	p.Close()
	return p
}

func fillRect(c draw.Canvas, r vg.Rectangle, col color.Color) {
	c.SetColor(col)
	c.Fill(rectPath(r))
}

func circlePath(at vg.Point, radius vg.Length) vg.Path {
	var p vg.Path
	p.Move(vg.Point{X: at.X + radius, Y: at.Y})
	p.Arc(at, radius, 0, 2*math.Pi)
	p.Close()
	return p
}

// fillCircle draws a dot if its middle is on the canvas.
func fillCircle(c draw.Canvas, at vg.Point, radius vg.Length, col color.Color) {
	if !c.Contains(at) {
		return
	}
	c.SetColor(col)
	c.Fill(circlePath(at, radius))
}

// roundedPath outlines r with round corners.
func roundedPath(r vg.Rectangle, radius vg.Length) vg.Path {
	var p vg.Path
	corner := func(x, y vg.Length, start float64) {
		p.Arc(vg.Point{X: x, Y: y}, radius, start,
			math.Pi/2)
	}
	p.Move(vg.Point{X: r.Min.X + radius, Y: r.Min.Y})
	p.Line(vg.Point{X: r.Max.X - radius, Y: r.Min.Y})
	corner(r.Max.X-radius, r.Min.Y+radius, -math.Pi/2)
	p.Line(vg.Point{X: r.Max.X, Y: r.Max.Y - radius})
	corner(r.Max.X-radius, r.Max.Y-radius, 0)
	p.Line(vg.Point{X: r.Min.X + radius, Y: r.Max.Y})
	corner(r.Min.X+radius, r.Max.Y-radius, math.Pi/2)
	p.Line(vg.Point{X: r.Min.X, Y: r.Min.Y + radius})
	corner(r.Min.X+radius, r.Min.Y+radius, math.Pi)
	p.Close()
	return p
}

func fillRounded(
	c draw.Canvas, r vg.Rectangle, radius vg.Length, fill, edge color.Color, width vg.Length,
) {
	if fill != nil {
		c.SetColor(fill)
		c.Fill(roundedPath(r, radius))
	}
	if edge != nil && width > 0 {
		c.SetLineStyle(draw.LineStyle{Color: edge, Width: width})
		c.Stroke(roundedPath(r, radius))
	}
}
