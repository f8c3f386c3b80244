package plotting

import (
	"errors"
	"fmt"
	"image/color"
	"math"
	"slices"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// A point is a place in a schematic, in inches from its lower left corner.
type point struct{ X, Y float64 }

// A rect is an upright rectangle in a schematic.
type rect struct{ Min, Max point }

// boxAround returns the rectangle of a width and height in inches around its centre (x, y).
func boxAround(x, y, width, height float64) rect {
	return rect{
		Min: point{X: x - width/2, Y: y - height/2},
		Max: point{X: x + width/2, Y: y + height/2},
	}
}

func (r rect) center() point {
	return point{X: (r.Min.X + r.Max.X) / 2,
		Y: (r.Min.Y + r.Max.Y) / 2}
}

// A schematic is a drawing made of nets, arrows, text, boxes and small curves, on a canvas measured
// in inches with the origin at its lower left. Elements are drawn in the order in which they were
// added. Build it with newSchematic and its methods; see the package documentation for how errors
// are reported. It is not safe for concurrent use.
type schematic struct {
	size     dimensions
	elements []element
	names    []string
	labels   []placed
	data     []dataset // the curves of its insets
	insets   int
	title    string
	err      error
}

var _ Drawing = (*schematic)(nil)

// An element draws itself at a scale of k points per inch from an origin.
type element func(c pen)

// A pen draws on a canvas with the units of a schematic.
type pen struct {
	draw.Canvas
	origin  vg.Point
	perInch vg.Length
	palette palette
}

func (p pen) at(q point) vg.Point {
	return vg.Point{
		X: p.origin.X + vg.Length(q.X)*p.perInch,
		Y: p.origin.Y + vg.Length(q.Y)*p.perInch,
	}
}

// pt converts points, of lines and letters, to the scale of the drawing.
func (p pen) pt(points float64) vg.Length { return vg.Length(points/72) * p.perInch }

func (p pen) rect(r rect) vg.Rectangle { return vg.Rectangle{Min: p.at(r.Min), Max: p.at(r.Max)} }

// placed is a text and where its letters are, for checking that none collide.
type placed struct {
	text string
	rect rect
}

// newSchematic returns an empty schematic of a width and height in inches. dpi is the resolution of
// a PNG in dots per inch; 0 is 192.
func newSchematic(width, height float64, dpi int) *schematic {
	s := &schematic{size: dimensions{width, height, dpi}.orDefault(width, height)}
	if width == 0 || height == 0 {
		s.fail(
			fmt.Errorf("plotting: a schematic of %v by %v inches: want a width and a height", width,
				height),
		)
	}
	s.fail(checkSize(width, height, dpi))
	return s
}

func (s *schematic) fail(err error) {
	if s.err == nil {
		s.err = err
	}
}

// Err returns the first thing that is wrong with the schematic, or nil.
func (s *schematic) Err() error {
	if s == nil {
		return errors.New("plotting: nil *schematic")
	}
	return s.err
}

func (s *schematic) wrong() error { return s.Err() }

func (s *schematic) dimensions() dimensions { return s.size }
func (s *schematic) colorNames() []string   { return s.names }

func (s *schematic) describe() string {
	if s.title != "" {
		return s.title
	}
	return "schematic"
}

func (s *schematic) render(c draw.Canvas, pal palette) error {
	w, h := vg.Length(s.size.width), vg.Length(s.size.height)
	k := min((c.Max.X-c.Min.X)/w, (c.Max.Y-c.Min.Y)/h)
	mid := c.Center()
	p := pen{
		Canvas:  c,
		origin:  vg.Point{X: mid.X - k*w/2, Y: mid.Y - k*h/2},
		perInch: k,
		palette: pal,
	}
	for _, e := range s.elements {
		e(p)
	}
	return nil
}

// check reports coordinates that are not finite.
func (s *schematic) check(what string, points ...point) bool {
	for _, p := range points {
		for _, v := range []float64{p.X, p.Y} {
			if math.IsNaN(v) || math.Abs(v) > 1000 {
				s.fail(
					fmt.Errorf("plotting: %s at (%v, %v): want a place within 1000 inches", what,
						p.X, p.Y),
				)
			}
		}
	}
	return s.err == nil
}

// inkStyle is how an element of a schematic is coloured: in Color if that is not nil, else in the
// colour of Name.
type inkStyle struct {
	Name  string
	Color color.Color
}

func (s *schematic) use(i inkStyle) {
	if i.Color == nil {
		s.names = append(s.names, i.Name)
	}
}

func (p pen) color(i inkStyle) color.NRGBA {
	if i.Color != nil {
		return color.NRGBAModel.Convert(i.Color).(color.NRGBA)
	}
	return p.palette.color(i.Name)
}

// anchor says which point of a text is at its position.
type anchor int

const (
	anchorMiddle anchor = iota // centre of the text
	anchorLeft                 // middle of its left edge
	anchorRight                // middle of its right edge
	anchorAbove                // the text stands above its position, centred
	anchorBelow                // the text hangs below its position, centred
)

func (a anchor) fractions() (h, v float64) {
	switch a {
	case anchorLeft:
		return 0, 0.5
	case anchorRight:
		return 1, 0.5
	case anchorAbove:
		return 0.5, 0
	case anchorBelow:
		return 0.5, 1
	}
	return 0.5, 0.5
}

// labelStyle is the look of a text in a schematic. The zero value is black, 10 points, centred.
type labelStyle struct {
	Size   float64 // points; 0 is 10
	Bold   bool
	Anchor anchor
	Ink    *inkStyle // nil is black
	Room   float64   // inches that the text, of one line, is shrunk to; 0 is any
}

// Text writes text, of one or more lines, at a point.
func (s *schematic) Text(at point, text string, style labelStyle) {
	if s.err != nil {
		return
	}
	if style.Size == 0 {
		style.Size = 10
	}
	if !(style.Size > 0 && style.Size <= 1000) {
		s.fail(
			fmt.Errorf("plotting: text %q: size %v points: want more than 0 and at most 1000", text,
				style.Size),
		)
		return
	}
	if err := checkText("text", text); err != nil {
		s.fail(err)
		return
	}
	if style.Room > 0 {
		const height = 0.15 // inches: one line
		t, fits := caption{text: text, size: style.Size, bold: style.Bold}.fitInto(
			vg.Length(style.Room)*vg.Inch, height*vg.Inch)
		if !fits {
			s.fail(textError("text", text))
			return
		}
		text, style.Size = t.text, t.size
	}
	if text == "" || !s.check(fmt.Sprintf("text %q", text), at) {
		return
	}
	if style.Ink != nil {
		s.use(*style.Ink)
	}
	h, v := style.Anchor.fractions()
	// A size in points of a drawing at 72 points per inch is its true one.
	r := caption{
		text: text,
		size: style.Size,
		bold: style.Bold,
	}.rect(vg.Length(at.X)*vg.Inch, vg.Length(at.Y)*vg.Inch, h, v)
	inch := func(p vg.Point) point {
		return point{X: float64(p.X / vg.Inch),
			Y: float64(p.Y / vg.Inch)}
	}
	s.labels = append(s.labels, placed{text: text, rect: rect{Min: inch(r.Min), Max: inch(r.Max)}})
	s.elements = append(s.elements, func(p pen) {
		t := caption{text: text, size: float64(p.pt(style.Size)), bold: style.Bold, color: ink}
		if style.Ink != nil {
			t.color = p.color(*style.Ink)
		}
		q := p.at(at)
		t.draw(p.Canvas, q.X, q.Y, h, v)
	})
}

// boxStyle is the look of a box. The zero value is neither filled nor outlined.
type boxStyle struct {
	Fill   color.Color // nil is none
	Edge   color.Color // nil is none
	Ink    *inkStyle   // of the edge, in place of Edge; nil is none
	Width  float64     // of the edge in points
	Radius float64     // of the corners in inches
}

// Box draws a rectangle with round corners.
func (s *schematic) Box(r rect, style boxStyle) {
	if s.err != nil || !s.check("box", r.Min, r.Max, point{X: style.Width, Y: style.Radius}) {
		return
	}
	if r.Min.X >= r.Max.X || r.Min.Y >= r.Max.Y || style.Width < 0 || style.Radius < 0 {
		s.fail(
			fmt.Errorf(
				"plotting: box from (%v, %v) to (%v, %v): want Min below and left of Max, and "+
					"no negative width or radius", r.Min.X, r.Min.Y, r.Max.X, r.Max.Y),
		)
		return
	}
	radius := min(style.Radius, (r.Max.X-r.Min.X)/2, (r.Max.Y-r.Min.Y)/2)
	if style.Ink != nil {
		s.use(*style.Ink)
	}
	s.elements = append(s.elements, func(p pen) {
		edge := style.Edge
		if style.Ink != nil {
			edge = p.color(*style.Ink)
		}
		fillRounded(p.Canvas, p.rect(r), vg.Length(radius)*p.perInch, style.Fill, edge,
			p.pt(style.Width))
	})
}

// A mesh is a square of pixels, of the places of patches, or of windows.
type mesh struct {
	Frame rect
	Cells int // to each side
	Block int // lines are strong after every Block cells; 0 is none
	// Shade says how a cell is filled, rows counted from the top: with a part of Ink, or of black
	// if it is plain.
	Shade func(row, col int) (part float64, plain bool)
	Ink   inkStyle
}

// part returns the square of a mesh that is side cells wide and has (row, col) in its upper left.
func (m mesh) part(row, col, side int) rect {
	step := (m.Frame.Max.X - m.Frame.Min.X) / float64(m.Cells)
	left, top := m.Frame.Min.X+step*float64(col), m.Frame.Max.Y-step*float64(row)
	return rect{
		Min: point{X: left, Y: top - step*float64(side)},
		Max: point{X: left + step*float64(side), Y: top},
	}
}

// Mesh draws a mesh.
func (s *schematic) Mesh(m mesh) {
	if s.err != nil || !s.check("mesh", m.Frame.Min, m.Frame.Max) {
		return
	}
	s.use(m.Ink)
	s.elements = append(s.elements, func(p pen) {
		for row := range m.Cells {
			for col := range m.Cells {
				part, plain := m.Shade(row, col)
				c := black
				if !plain {
					c = p.color(m.Ink)
				}
				fillRect(p.Canvas, p.rect(m.part(row, col, 1)), tint(c, part))
			}
		}
		all := p.rect(m.Frame)
		for i := range m.Cells + 1 {
			sty := draw.LineStyle{Color: meshInk, Width: p.pt(0.5)}
			if m.Block > 0 && i%m.Block == 0 {
				sty = draw.LineStyle{Color: quietInk, Width: p.pt(1)}
			}
			at := (all.Max.X - all.Min.X) * vg.Length(i) / vg.Length(m.Cells)
			p.StrokeLine2(sty, all.Min.X+at, all.Min.Y, all.Min.X+at, all.Max.Y)
			p.StrokeLine2(sty, all.Min.X, all.Min.Y+at, all.Max.X, all.Min.Y+at)
		}
	})
}

var meshInk = color.NRGBA{R: 0xC4, G: 0xC8, B: 0xCC, A: 0xFF}

// An arrow leads from one point to another.
type arrow struct {
	From, To point
	// Bend is how far the middle of the arrow is off the straight line, to the left as seen along
	// the arrow, in inches.
	Bend   float64
	Both   bool // a head at either end
	Dashed bool
	Width  float64 // points; 0 is 1.2
	Ink    inkStyle

	// Label stands beside the middle of the arrow: left of it as seen along the arrow, or right
	// with LabelRight.
	Label      string
	LabelRight bool
	LabelSize  float64 // points; 0 is 9.5
	LabelBold  bool
}

// Arrow draws an arrow.
func (s *schematic) Arrow(a arrow) {
	if s.err != nil || !s.check("arrow", a.From, a.To, point{X: a.Bend, Y: a.Width}) {
		return
	}
	length := math.Hypot(a.To.X-a.From.X, a.To.Y-a.From.Y)
	if length == 0 || a.Width < 0 {
		s.fail(
			fmt.Errorf(
				"plotting: arrow from (%v, %v) to (%v, %v), %v points wide: want two different "+
					"ends and no negative width", a.From.X, a.From.Y, a.To.X, a.To.Y, a.Width),
		)
		return
	}
	if a.Width == 0 {
		a.Width = 1.2
	}
	s.use(a.Ink)
	s.elements = append(s.elements, func(p pen) {
		look := arrowLook{
			color: p.color(a.Ink),
			width: p.pt(a.Width),
			head:  p.pt(4 + 2.4*a.Width),
			both:  a.Both,
		}
		if a.Dashed {
			look.dashes = []vg.Length{p.pt(4), p.pt(3)}
		}
		drawArrow(p.Canvas,
			arrowPath{from: p.at(a.From), to: p.at(a.To), bend: vg.Length(a.Bend) * p.perInch},
			look)
	})
	if a.Label == "" {
		return
	}
	size := a.LabelSize
	if size == 0 {
		size = 9.5
	}
	// Unit normal to the left, and the label's room along it.
	n := point{X: -(a.To.Y - a.From.Y) / length, Y: (a.To.X - a.From.X) / length}
	side := 1.0
	if a.LabelRight {
		side = -1
	}
	t := caption{text: a.Label, size: size, bold: a.LabelBold}
	room := (math.Abs(n.X)*float64(t.width())+math.Abs(n.Y)*float64(t.height()))/2/72 + 0.05 +
		1.5*a.Width/72
	at := point{
		X: (a.From.X+a.To.X)/2 + n.X*(a.Bend+side*room),
		Y: (a.From.Y+a.To.Y)/2 + n.Y*(a.Bend+side*room),
	}
	s.Text(at, a.Label, labelStyle{Size: size, Bold: a.LabelBold, Ink: &a.Ink})
}

// A lineSegment is a straight line of a schematic.
type lineSegment struct {
	From, To point
	Dashed   bool
	Width    float64 // points; 0 is 1.2
	Ink      inkStyle
}

// Line draws a straight line.
func (s *schematic) Line(l lineSegment) {
	if s.err != nil || !s.check("line", l.From, l.To, point{X: l.Width}) {
		return
	}
	if l.Width < 0 {
		s.fail(fmt.Errorf("plotting: a line %v points wide: want no negative width", l.Width))
		return
	}
	if l.Width == 0 {
		l.Width = 1.2
	}
	s.use(l.Ink)
	s.elements = append(s.elements, func(p pen) {
		sty := draw.LineStyle{Color: p.color(l.Ink), Width: p.pt(l.Width)}
		if l.Dashed {
			sty.Dashes = []vg.Length{p.pt(4.5), p.pt(3.5)}
		}
		a, b := p.at(l.From), p.at(l.To)
		p.StrokeLine2(sty, a.X, a.Y, b.X, b.Y)
	})
}

// A netPicture is a drawing of a fully connected net from left to right: a column of nodes for each
// layer, and all edges between neighbours.
type netPicture struct {
	// Frame holds the nodes; the layers are evenly spaced from its left to its right edge.
	Frame rect
	// Layers are the numbers of nodes drawn, inputs first, outputs last: at least two, each from 1
	// to 64.
	Layers []int
	// Labels stand below the columns, one per layer; nil is none. An empty one is left out.
	Labels []string
	// Symbols stand in the nodes, one for all nodes of a layer; nil is none.
	Symbols []string
	// Radius of the nodes in inches; 0 fits them to the frame.
	Radius float64
	// Ink colours the hidden nodes; inputs and outputs are grey.
	Ink inkStyle
}

// Net draws a net.
func (s *schematic) Net(n netPicture) {
	if s.err != nil || !s.check("net", n.Frame.Min, n.Frame.Max, point{X: n.Radius}) {
		return
	}
	if err := n.check(); err != nil {
		s.fail(err)
		return
	}
	n.Layers, n.Labels, n.Symbols = slices.Clone(n.Layers), slices.Clone(
		n.Labels), slices.Clone(n.Symbols)
	s.use(n.Ink)
	nodes := n.nodes()
	radius := n.radius()
	s.elements = append(s.elements, func(p pen) {
		edges := draw.LineStyle{
			Color: edgeInk,
			Width: p.pt(0.6),
		}
		for l := 1; l < len(nodes); l++ {
			for _, a := range nodes[l-1] {
				for _, b := range nodes[l] {
					qa, qb := p.at(a), p.at(b)
					p.StrokeLine2(edges, qa.X, qa.Y, qb.X, qb.Y)
				}
			}
		}
		for l, column := range nodes {
			for _, q := range column {
				p.node(q, radius, n.Ink, l > 0 && l < len(nodes)-1)
			}
		}
	})
	for l, column := range nodes {
		if n.Symbols != nil && n.Symbols[l] != "" {
			for _, q := range column {
				s.Text(q, n.Symbols[l], labelStyle{Size: math.Max(5, radius*72*1.05)})
			}
		}
		if n.Labels != nil && n.Labels[l] != "" {
			s.Text(point{X: column[0].X, Y: n.Frame.Min.Y - 0.06}, n.Labels[l],
				labelStyle{Size: 9.5, Anchor: anchorBelow})
		}
	}
}

var edgeInk = color.NRGBA{R: 0xAE, G: 0xAE, B: 0xAE, A: 0xFF}

// node draws a node of a net, in a colour if it is hidden and grey if not.
func (p pen) node(at point, radius float64, ink inkStyle, hidden bool) {
	edge, fill := quietInk, color.NRGBA{R: 0xEE, G: 0xEE, B: 0xEE, A: 0xFF}
	if hidden {
		edge = p.color(ink)
		fill = tint(edge, 0.18)
	}
	path := circlePath(p.at(at), vg.Length(radius)*p.perInch)
	p.SetColor(fill)
	p.Fill(path)
	p.SetLineStyle(draw.LineStyle{Color: edge, Width: p.pt(1.1)})
	p.Stroke(path)
}

func (n netPicture) check() error {
	if len(n.Layers) < 2 {
		return fmt.Errorf("plotting: a net of %d layers: want at least inputs and outputs",
			len(n.Layers))
	}
	for l, k := range n.Layers {
		if k < 1 || k > 64 {
			return fmt.Errorf("plotting: layer %d of a net has %d nodes: want 1 to 64", l, k)
		}
	}
	if n.Labels != nil && len(n.Labels) != len(n.Layers) ||
		n.Symbols != nil && len(n.Symbols) != len(n.Layers) {
		return fmt.Errorf(
			"plotting: a net of %d layers with %d labels and %d symbols: want one per layer, or "+
				"none", len(n.Layers), len(n.Labels), len(n.Symbols))
	}
	if n.Frame.Min.X >= n.Frame.Max.X || n.Frame.Min.Y >= n.Frame.Max.Y || n.Radius < 0 {
		return fmt.Errorf(
			"plotting: a net in the frame from (%v, %v) to (%v, %v) with radius %v: want Min "+
				"below and left of Max, and no negative radius", n.Frame.Min.X, n.Frame.Min.Y,
			n.Frame.Max.X, n.Frame.Max.Y, n.Radius)
	}
	return nil
}

// pitch is the distance between nodes of a column.
func (n netPicture) pitch() float64 {
	return (n.Frame.Max.Y - n.Frame.Min.Y) / float64(slices.Max(n.Layers))
}

func (n netPicture) radius() float64 {
	if n.Radius > 0 {
		return n.Radius
	}
	apart := (n.Frame.Max.X - n.Frame.Min.X) / float64(len(n.Layers)-1)
	return min(0.36*n.pitch(), 0.25*apart, 0.13)
}

// nodes returns the centres of the nodes, layer by layer from the top.
func (n netPicture) nodes() [][]point {
	r, pitch := n.radius(), n.pitch()
	left, right := n.Frame.Min.X+r, n.Frame.Max.X-r
	cy := n.Frame.center().Y
	cols := make([][]point, len(n.Layers))
	for l, k := range n.Layers {
		x := left + (right-left)*float64(l)/float64(len(n.Layers)-1)
		for i := range k {
			cols[l] = append(cols[l], point{X: x, Y: cy + pitch*(float64(k-1)/2-float64(i))})
		}
	}
	return cols
}

// An insetCurve is a curve of an inset, coloured by its name.
type insetCurve struct {
	Name string
	X, Y []float64
}

func (c insetCurve) check(what string) error {
	s := series{kind: line, name: what, xs: c.X, ys: c.Y}
	switch {
	case len(c.X) < 2:
		return &DataError{
			Series:  what,
			Index:   -1,
			Problem: fmt.Sprintf("%d points: want two or more", len(c.X)),
		}
	case len(c.X) != len(c.Y):
		return &DataError{Series: what, Index: -1, Problem: s.lengths()}
	}
	_, err := s.onAxes(what, false, false)
	return err
}

// An inset is a small pair of axes without numbers that shows the shape of curves.
type inset struct {
	Frame rect
	// Curves are drawn in order, all but the first dashed, so that one under another is seen.
	Curves []insetCurve
	X, Y   string // labels: below the right end of the axis, and above its upper end
	YRange *[2]float64
}

// Inset draws small axes with curves.
func (s *schematic) Inset(in inset) {
	if s.err != nil || !s.check("inset", in.Frame.Min, in.Frame.Max) {
		return
	}
	x, y, err := in.ends()
	if err != nil {
		s.fail(err)
		return
	}
	in.Curves = slices.Clone(in.Curves)
	s.insets++
	for i, c := range in.Curves {
		c.X, c.Y = slices.Clone(c.X), slices.Clone(c.Y)
		in.Curves[i] = c
		s.data = append(s.data, dataset{
			panel:  fmt.Sprint(s.insets),
			series: c.Name,
			kind:   kindNames[line],
			x:      c.X,
			y:      c.Y,
		})
		s.use(inkStyle{Name: c.Name})
	}
	s.elements = append(s.elements, func(p pen) { in.draw(p, x, y) })
	f := in.Frame
	if in.X != "" {
		s.Text(point{X: f.Max.X + 0.05, Y: f.Min.Y}, in.X, labelStyle{Size: 9, Anchor: anchorLeft})
	}
	if in.Y != "" {
		s.Text(point{X: f.Min.X, Y: f.Max.Y + 0.05}, in.Y,
			labelStyle{Size: 9, Anchor: anchorAbove, Room: 1.1})
	}
}

// ends returns the values at the ends of both axes, or what is wrong with the inset.
func (in inset) ends() (x, y [2]float64, err error) {
	f := in.Frame
	if f.Min.X >= f.Max.X || f.Min.Y >= f.Max.Y || len(in.Curves) == 0 {
		return x, y, fmt.Errorf(
			"plotting: an inset of %d curves from (%v, %v) to (%v, %v): want a curve, and Min "+
				"below and left of Max", len(in.Curves), f.Min.X, f.Min.Y, f.Max.X, f.Max.Y)
	}
	xs, ys := newSpan(), newSpan()
	for i, c := range in.Curves {
		if err := c.check(fmt.Sprintf("curve %q (%d of an inset)", c.Name, i+1)); err != nil {
			return x, y, err
		}
		xs.add(c.X)
		ys.add(c.Y)
	}
	if x, err = xs.ends("x", nil, false, margin); err != nil {
		return x, y, err
	}
	if y, err = ys.ends("y", in.YRange, false, 0.08); err != nil {
		return x, y, err
	}
	if !(y[0] < y[1] && !math.IsInf(y[1]-y[0], 0)) {
		err = fmt.Errorf(
			"plotting: YRange {%v, %v} of an inset: want finite ends, the lower one first", y[0],
			y[1])
	}
	return x, y, err
}

// draw draws the axes, light lines at their zeros, and the curves, where x and y are the values at
// the ends of the axes.
func (in inset) draw(p pen, x, y [2]float64) {
	r := p.rect(in.Frame)
	fillRect(p.Canvas, r, white)
	area := draw.Canvas{Canvas: p.Canvas.Canvas, Rectangle: r}
	light := draw.LineStyle{Color: gridInk, Width: p.pt(0.6)}
	if x0 := between(x, 0); x0 > 0 && x0 < 1 {
		area.StrokeLine2(light, area.X(x0), r.Min.Y, area.X(x0), r.Max.Y)
	}
	if y0 := between(y, 0); y0 > 0 && y0 < 1 {
		area.StrokeLine2(light, r.Min.X, area.Y(y0), r.Max.X, area.Y(y0))
	}
	axes := draw.LineStyle{Color: quietInk, Width: p.pt(0.7)}
	area.StrokeLines(axes, []vg.Point{{X: r.Min.X, Y: r.Max.Y}, r.Min, {X: r.Max.X, Y: r.Min.Y}})
	for i, c := range in.Curves {
		pts := make([]vg.Point, len(c.X))
		for j := range c.X {
			pts[j] = vg.Point{X: area.X(between(x, c.X[j])), Y: area.Y(between(y, c.Y[j]))}
		}
		sty := draw.LineStyle{Color: p.palette.color(c.Name), Width: p.pt(1.6)}
		if i > 0 {
			sty.Dashes = []vg.Length{p.pt(4.5), p.pt(3.5)}
			sty.Width = p.pt(2)
		}
		strokeDense(area, sty, thinned(pts))
	}
}

// between says where v is between the ends of an axis, 0 at the first and 1 at the second, and what
// is far outside no farther than a canvas can take.
func between(ends [2]float64, v float64) float64 {
	return math.Max(-1e6, math.Min(1e6, (v-ends[0])/(ends[1]-ends[0])))
}

// tint mixes a colour with white.
func tint(c color.NRGBA, part float64) color.NRGBA {
	mix := func(v uint8) uint8 { return uint8(255 - part*(255-float64(v)) + 0.5) }
	return color.NRGBA{R: mix(c.R), G: mix(c.G), B: mix(c.B), A: 0xFF}
}

// An arrowPath is a circular-looking arc, straight if bend is 0; bend is the height of its middle
// over the chord, to the left.
type arrowPath struct {
	from, to vg.Point
	bend     vg.Length
}

// control is that of the quadratic curve whose middle is bend off the chord.
func (a arrowPath) control() vg.Point {
	d := a.to.Sub(a.from)
	l := vg.Length(math.Hypot(float64(d.X), float64(d.Y)))
	m := a.from.Add(a.to).Scale(0.5)
	if l == 0 {
		return m
	}
	return m.Add(vg.Point{X: -d.Y / l, Y: d.X / l}.Scale(2 * a.bend))
}

type arrowLook struct {
	color  color.Color
	width  vg.Length
	head   vg.Length // length of the head
	gap    vg.Length // left free before the end
	dashes []vg.Length
	both   bool
}

func drawArrow(c draw.Canvas, a arrowPath, look arrowLook) {
	m := a.control()
	tip, neck := arrowHead(m, a.to, look)
	start := a.from
	c.SetColor(look.color)
	if look.both {
		var tail vg.Point
		tail, start = arrowHead(m, a.from, look)
		fillHead(c, tail, start, look)
	}
	fillHead(c, tip, neck, look)
	c.SetLineStyle(draw.LineStyle{Color: look.color, Width: look.width, Dashes: look.dashes})
	var p vg.Path
	p.Move(start)
	p.QuadTo(m, neck)
	c.Stroke(p)
}

// arrowHead returns the tip of a head that comes from m and ends at to, and where its shaft ends.
func arrowHead(m, to vg.Point, look arrowLook) (tip, neck vg.Point) {
	d := to.Sub(m)
	l := vg.Length(math.Hypot(float64(d.X), float64(d.Y)))
	if l == 0 {
		return to, to
	}
	u := d.Scale(1 / l)
	tip = to.Sub(u.Scale(look.gap))
	return tip, tip.Sub(u.Scale(look.head * 0.8))
}

func fillHead(c draw.Canvas, tip, neck vg.Point, look arrowLook) {
	d := tip.Sub(neck)
	l := vg.Length(math.Hypot(float64(d.X), float64(d.Y)))
	if l == 0 {
		return
	}
	u := d.Scale(1 / l)
	n := vg.Point{X: -u.Y, Y: u.X}.Scale(look.head * 0.42)
	back := tip.Sub(u.Scale(look.head))
	c.FillPolygon(look.color, []vg.Point{tip, back.Add(n), neck, back.Sub(n)})
}
