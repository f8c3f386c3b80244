package plotting

import (
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// A layout puts drawings on a canvas, the axes of figures aligned.
type layout struct {
	rows    [][]Drawing
	letters bool
	legends bool // figures have their own
	palette palette
}

// A cell is one place of a layout with what it needs.
type cell struct {
	drawing Drawing
	figure  *Figure // drawing, if it is one
	plot    *plot.Plot
	x, y    string // labels of the axes, in the lines they were given in
	ticks   [2][]plot.Tick
	title   caption
	entries []entry // of its own legend
	names   []entry // entries with names wrapped, for the strip below the axes
	below   bool    // legend in that strip
	floor   float64 // least area of the axes, square points
}

// A layoutPlan is where the parts of a layout go.
type layoutPlan struct {
	layout
	cells    [][]cell
	plots    [][]*plot.Plot
	canvases [][]draw.Canvas
	w, h     vg.Length // of a place, before axes are aligned
}

// panelGap is the space between panels, in points.
const panelGap = 14

// plan finds the places of the parts, or what is too long for its place.
func (l layout) plan(c draw.Canvas) (layoutPlan, error) {
	p := l.start(c)
	var err error
	for _, scale := range scales {
		if err = p.fit(c, scale); err == nil {
			break
		}
	}
	if err != nil {
		return p, err
	}
	for i := range p.cells {
		for j, cl := range p.cells[i] {
			switch d := cl.drawing.(type) {
			case *Figure:
				err = d.fitNotes(toCanvas{cl.plot.DataCanvas(p.canvases[i][j]), cl.plot})
			case *Grid:
				_, err = d.plan(p.canvases[i][j], l.palette)
			}
			if err != nil {
				return p, err
			}
		}
	}
	return p, nil
}

func (l layout) start(c draw.Canvas) layoutPlan {
	nr, nc := len(l.rows), len(l.rows[0])
	p := layoutPlan{
		layout: l,
		cells:  make([][]cell, nr),
		plots:  make([][]*plot.Plot, nr),
		w:      (c.Max.X - c.Min.X) / vg.Length(nc),
		h:      (c.Max.Y - c.Min.Y) / vg.Length(nr),
	}
	for i, row := range l.rows {
		p.cells[i] = make([]cell, nc)
		p.plots[i] = make([]*plot.Plot, nc)
		for j, d := range row {
			cl := cell{drawing: d}
			if f, ok := d.(*Figure); ok && f != nil {
				fr, _ := f.frame() // Err has seen it
				cl.figure, cl.plot = f, f.newPlot(fr, p.w, p.h)
				cl.x, cl.y = cl.plot.X.Label.Text, cl.plot.Y.Label.Text
				cl.ticks = [2][]plot.Tick{
					cl.plot.X.Tick.Marker.Ticks(0, 0), cl.plot.Y.Tick.Marker.Ticks(0, 0),
				}
				cl.plot.Add(f.layers(l.palette)...)
				if l.legends && f.opt.Legend != LegendNone {
					cl.entries = entries([]*Figure{f}, l.palette)
				}
			}
			p.cells[i][j], p.plots[i][j] = cl, cl.plot
		}
	}
	return p
}

// align places the axes below a header and above a footer in each row.
func (p *layoutPlan) align(c draw.Canvas, header, footer vg.Length) {
	p.canvases = plot.Align(p.plots, draw.Tiles{
		Rows:      len(p.cells),
		Cols:      len(p.cells[0]),
		PadTop:    header,
		PadBottom: footer,
		PadX:      vg.Points(panelGap),
		PadY:      header + footer + vg.Points(panelGap),
		PadRight:  vg.Points(4),
	}, c)
}

// each calls f for the figures until it returns an error.
func (p *layoutPlan) each(f func(cl *cell, c draw.Canvas) error) error {
	for i := range p.cells {
		for j := range p.cells[i] {
			if cl := &p.cells[i][j]; cl.figure != nil {
				var c draw.Canvas
				if p.canvases != nil {
					c = p.canvases[i][j]
				}
				if err := f(cl, c); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// header is the room for letters and titles above the axes.
func (p *layoutPlan) header() vg.Length {
	h := vg.Length(0)
	if p.letters {
		h = vg.Points(titleSize + 6)
	}
	_ = p.each(func(cl *cell, _ draw.Canvas) error {
		if cl.title.text != "" {
			h = max(h, cl.title.height()+vg.Points(6+0.2*titleSize))
		}
		return nil
	})
	return h
}

// fit places everything with titles, labels and legends at a scale, or says what has no room.
func (p *layoutPlan) fit(c draw.Canvas, scale float64) error {
	// The places that titles and labels would have if they were short.
	_ = p.each(func(cl *cell, _ draw.Canvas) error {
		cl.title = caption{
			text: shortened(cl.figure.opt.Title), size: scaled(titleSize, scale), bold: true,
			color: ink,
		}
		cl.entries = sized(cl.entries, scaled(legendSize, scale))
		cl.below = cl.figure.opt.Legend == LegendBelow
		for _, a := range []struct {
			axis  *plot.Axis
			label string
		}{{&cl.plot.X, cl.x}, {&cl.plot.Y, cl.y}} {
			a.axis.Label.Text = shortened(a.label)
			a.axis.Label.TextStyle.Font.Size = vg.Points(scaled(labelSize, scale))
		}
		return nil
	})
	p.align(c, p.header(), 0)
	if scale == 1 {
		_ = p.each(func(cl *cell, c draw.Canvas) error {
			data := cl.plot.DataCanvas(c).Size()
			cl.floor = min(leastPart*float64(p.w*p.h), 0.75*float64(data.X*data.Y))
			return nil
		})
	}
	if err := p.each(p.wrap); err != nil {
		return err
	}
	p.placeLegends(c)
	return p.each(func(cl *cell, c draw.Canvas) error {
		// Axes of no size come out as NaN.
		s := cl.plot.DataCanvas(c).Size()
		if !(s.X > 0 && s.Y > 0 && float64(s.X*s.Y) >= cl.floor) {
			return errSqueezed
		}
		return nil
	})
}

// shortened replaces each line of a text by a letter.
func shortened(s string) string {
	if s == "" {
		return ""
	}
	lines := markup{}.Lines(s)
	for i := range lines {
		lines[i] = "x"
	}
	return strings.Join(lines, "\n")
}

// wrap breaks the title, the labels and the legend of a cell into lines for its canvas.
func (p *layoutPlan) wrap(cl *cell, c draw.Canvas) (err error) {
	data := cl.plot.DataCanvas(c).Size()
	if !(data.X >= vg.Points(leastSize) && data.Y >= vg.Points(leastSize)) {
		return errNarrow
	}
	cl.plot.X.Tick.Marker = apart(cl.plot.X, cl.ticks[0], data.X, markup.width)
	cl.plot.Y.Tick.Marker = apart(cl.plot.Y, cl.ticks[1], data.Y, markup.height)
	var fits bool
	left, right := p.titleRoom(c)
	cl.title.text = cl.figure.opt.Title
	if cl.title, fits = cl.title.fit(right - left); !fits {
		return textError("title", cl.figure.opt.Title)
	}
	for _, a := range []struct {
		what, label string
		axis        *plot.Axis
		length      vg.Length
	}{{"x label", cl.x, &cl.plot.X, data.X}, {"y label", cl.y, &cl.plot.Y, data.Y}} {
		t := caption{text: a.label, size: float64(a.axis.Label.TextStyle.Font.Size / vg.Points(1))}
		if t, fits = t.fit(a.length); !fits {
			return textError(a.what, a.label)
		}
		a.axis.Label.Text = t.text
	}
	cl.names, err = fitEntries(cl.entries, c.Max.X-c.Min.X)
	return err
}

// titleRoom is the place of a title, beside the letter and not beyond the panel.
func (p *layoutPlan) titleRoom(c draw.Canvas) (left, right vg.Length) {
	left, right = c.Min.X, c.Max.X+vg.Points(4)
	if p.letters {
		left += p.letter(0).width() + vg.Points(6)
	}
	return left, right
}

func (p *layoutPlan) letter(index int) caption {
	return caption{text: letterOf(index), size: titleSize + 1, bold: true, color: ink}
}

// placeLegends aligns the axes with room for titles and legends. A legend without a free place
// inside goes below, which makes the axes smaller for all: hence twice.
func (p *layoutPlan) placeLegends(c draw.Canvas) {
	footer := vg.Length(0)
	for pass := range 2 {
		_ = p.each(func(cl *cell, c draw.Canvas) error {
			if cl.below {
				for _, w := range []vg.Length{p.w - vg.Points(panelGap), c.Max.X - c.Min.X} {
					footer = max(footer, stripHeight(stripRows(cl.names, w)))
				}
			}
			return nil
		})
		p.align(c, p.header(), footer)
		if pass == 1 {
			break
		}
		_ = p.each(func(cl *cell, c draw.Canvas) error {
			if cl.figure.opt.Legend == legendAuto && len(cl.entries) > 0 {
				_, free := cl.figure.freePlace(cl.plot.DataCanvas(c), cl.plot, cl.entries)
				cl.below = !free
			}
			return nil
		})
	}
}

// draw draws everything in its place, letters and titles of a row at one height.
func (p layoutPlan) draw() error {
	for i, row := range p.cells {
		top := p.canvases[i][0].Max.Y
		for _, c := range p.canvases[i] {
			top = max(top, c.Max.Y)
		}
		for j, cl := range row {
			if err := p.drawCell(cl, p.canvases[i][j], top, i*len(row)+j); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p layoutPlan) drawCell(cl cell, c draw.Canvas, top vg.Length, index int) error {
	if cl.drawing == nil {
		return nil
	}
	if p.letters {
		p.letter(index).draw(c, c.Min.X, top+vg.Points(6), 0, 0)
	}
	if cl.figure == nil {
		return cl.drawing.render(c, p.palette)
	}
	cl.plot.BackgroundColor = nil
	cl.plot.Draw(c)
	data := cl.plot.DataCanvas(c)
	if cl.title.text != "" {
		left, right := p.titleRoom(c)
		x := centred(data.Center().X, cl.title.width(), left, right)
		cl.title.draw(c, x, top+vg.Points(6), 0.5, 0)
	}
	if len(cl.entries) == 0 {
		return nil
	}
	if !cl.below {
		if r, free := cl.figure.freePlace(data, cl.plot, cl.entries); free {
			drawBox(c, cl.entries, r)
			return nil
		}
	}
	drawStrip(c, stripRows(cl.names, c.Max.X-c.Min.X), data.Center().X, c.Min.Y)
	return nil
}
