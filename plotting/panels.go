package plotting

import (
	"errors"
	"fmt"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// PanelOptions describe a [Grid]. The zero value is a grid without letters in which every panel has
// its own legend.
type PanelOptions struct {
	Title string

	// Letters puts A, B, C, … at the panels' upper left corners, row by row.
	Letters bool

	// SharedLegend draws one legend below all panels instead of one in each.
	SharedLegend bool

	// Width and Height of the whole picture in inches; 0 is a width of 7 and a height of 2.7 per
	// row.
	Width, Height float64
	// DPI is the resolution of a PNG in dots per inch; 0 is 192.
	DPI int
}

// A Grid is drawings in rows and columns, the axes of its figures aligned. Build it with [Panels].
type Grid struct {
	opt  PanelOptions
	rows [][]Drawing
	err  error
}

var _ Drawing = (*Grid)(nil)

// Panels arranges drawings in rows of equal length. A nil [Drawing] leaves its place empty. Figures
// are aligned with each other and take sizes from the grid, not from their own options; schematics
// and grids are scaled to fit their place. What is wrong with a panel is an error of the grid.
func Panels(rows [][]Drawing, opt PanelOptions) *Grid {
	g := &Grid{opt: opt}
	g.err = g.take(rows)
	return g
}

func (g *Grid) take(rows [][]Drawing) error {
	if len(rows) == 0 || len(rows[0]) == 0 {
		return errors.New("plotting: a grid needs at least one panel")
	}
	some := false
	for i, row := range rows {
		if len(row) != len(rows[0]) {
			return fmt.Errorf(
				"plotting: row %d of the grid has %d panels, row 1 has %d; fill the gaps with nil",
				i+1, len(row), len(rows[0]))
		}
		for _, d := range row {
			some = some || d != nil
		}
		g.rows = append(g.rows, append([]Drawing(nil), row...))
	}
	if !some {
		return errors.New("plotting: all panels of the grid are nil")
	}
	if err := g.checkPanels(); err != nil {
		return err
	}
	if err := checkText("title", g.opt.Title); err != nil {
		return err
	}
	return checkSize(g.opt.Width, g.opt.Height, g.opt.DPI)
}

// Err returns the first thing that is wrong with the grid or one of its panels, or nil.
func (g *Grid) Err() error {
	if g == nil {
		return errors.New("plotting: nil *Grid")
	}
	if g.err != nil {
		return g.err
	}
	// Panels may have been added to since.
	return g.checkPanels()
}

func (g *Grid) checkPanels() error {
	for i, row := range g.rows {
		for j, d := range row {
			if d == nil {
				continue
			}
			if err := d.Err(); err != nil {
				return fmt.Errorf("panel in row %d, column %d: %w", i+1, j+1, err)
			}
		}
	}
	return nil
}

func (g *Grid) dimensions() dimensions {
	return dimensions{g.opt.Width, g.opt.Height, g.opt.DPI}.orDefault(7, 2.7*float64(len(g.rows)))
}

func (g *Grid) colorNames() []string {
	var names []string
	for _, d := range g.all() {
		names = append(names, d.colorNames()...)
	}
	return names
}

func (g *Grid) all() []Drawing {
	var ds []Drawing
	for _, row := range g.rows {
		for _, d := range row {
			if d != nil {
				ds = append(ds, d)
			}
		}
	}
	return ds
}

func (g *Grid) describe() string {
	if g.opt.Title != "" {
		return g.opt.Title
	}
	s := "panels"
	for i, d := range g.all() {
		sep := ", "
		if i == 0 {
			sep = ": "
		}
		s += sep + d.describe()
	}
	return s
}

func (g *Grid) render(c draw.Canvas, pal palette) {
	if g.opt.Title != "" {
		t := caption{text: g.opt.Title, size: titleSize + 1, bold: true, color: ink}
		t.draw(c, c.Center().X, c.Max.Y-vg.Points(2), 0.5, 1)
		c.Max.Y -= t.height() + vg.Points(10)
	}
	var legendRows [][]entry
	if g.opt.SharedLegend {
		var figures []*Figure
		for _, d := range g.all() {
			if f, ok := d.(*Figure); ok {
				figures = append(figures, f)
			}
		}
		legendRows = stripRows(entries(figures, pal), c.Max.X-c.Min.X)
		h := stripHeight(legendRows)
		drawStrip(c, legendRows, c.Center().X, c.Min.Y+h)
		c.Min.Y += h + vg.Points(2)
	}
	layout{rows: g.rows, letters: g.opt.Letters, legends: !g.opt.SharedLegend, palette: pal}.draw(c)
}

func (f *Figure) render(c draw.Canvas, pal palette) {
	layout{rows: [][]Drawing{{f}}, legends: true, palette: pal}.draw(c)
}

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
	entries []entry
	below   bool // legend in the strip below the axes
}

func (l layout) draw(c draw.Canvas) {
	nr, nc := len(l.rows), len(l.rows[0])
	const gap = 14
	header := vg.Length(0)
	if l.letters {
		header = vg.Points(titleSize + 6)
	}
	cells := make([][]cell, nr)
	plots := make([][]*plot.Plot, nr)
	w := (c.Max.X - c.Min.X) / vg.Length(nc)
	h := (c.Max.Y - c.Min.Y) / vg.Length(nr)
	for i, row := range l.rows {
		cells[i] = make([]cell, nc)
		plots[i] = make([]*plot.Plot, nc)
		for j, d := range row {
			cl := cell{drawing: d}
			if f, ok := d.(*Figure); ok {
				fr, _ := f.frame() // Err has seen it
				cl.figure, cl.plot = f, f.newPlot(fr, w, h)
				cl.plot.Add(f.layers(l.palette)...)
				if l.legends && f.opt.Legend != LegendNone {
					cl.entries = entries([]*Figure{f}, l.palette)
				}
				cl.below = f.opt.Legend == LegendBelow
				if f.opt.Title != "" {
					t := caption{text: f.opt.Title, size: titleSize, bold: true}
					header = max(header, t.height()+vg.Points(6+0.2*titleSize))
				}
			}
			cells[i][j], plots[i][j] = cl, cl.plot
		}
	}

	// A legend without a free place inside goes below, which makes the axes smaller for all: hence
	// twice.
	var canvases [][]draw.Canvas
	footer := vg.Length(0)
	for pass := range 2 {
		for i := range cells {
			for j := range cells[i] {
				if cl := &cells[i][j]; cl.below {
					footer = max(footer, stripHeight(stripRows(cl.entries, w-vg.Points(gap))))
				}
			}
		}
		canvases = plot.Align(plots, draw.Tiles{
			Rows:      nr,
			Cols:      nc,
			PadTop:    header,
			PadBottom: footer,
			PadX:      vg.Points(gap),
			PadY:      header + footer + vg.Points(gap),
			PadRight:  vg.Points(4),
		}, c)
		if pass == 1 {
			break
		}
		for i := range cells {
			for j := range cells[i] {
				cl := &cells[i][j]
				if cl.figure == nil || cl.figure.opt.Legend != legendAuto || len(cl.entries) == 0 {
					continue
				}
				_, free := cl.figure.freePlace(cl.plot.DataCanvas(canvases[i][j]), cl.plot,
					cl.entries)
				cl.below = !free
			}
		}
	}
	for i := range cells {
		for j, cl := range cells[i] {
			l.drawCell(cl, canvases[i][j], header, i*nc+j)
		}
	}
}

func (l layout) drawCell(cl cell, c draw.Canvas, header vg.Length, index int) {
	if cl.drawing == nil {
		return
	}
	top := c.Max.Y
	if l.letters {
		t := caption{text: letterOf(index), size: titleSize + 1, bold: true, color: ink}
		t.draw(c, c.Min.X, top+vg.Points(6), 0, 0)
	}
	if cl.figure == nil {
		cl.drawing.render(c, l.palette)
		return
	}
	f, p := cl.figure, cl.plot
	p.BackgroundColor = nil
	p.Draw(c)
	data := p.DataCanvas(c)
	if f.opt.Title != "" {
		t := caption{text: f.opt.Title, size: titleSize, bold: true, color: ink}
		t.draw(c, data.Center().X, top+vg.Points(6), 0.5, 0)
	}
	if len(cl.entries) == 0 {
		return
	}
	if !cl.below {
		if r, free := f.freePlace(data, p, cl.entries); free {
			drawBox(c, cl.entries, r)
			return
		}
	}
	drawStrip(c, stripRows(cl.entries, c.Max.X-c.Min.X), data.Center().X, c.Min.Y)
}

// letterOf returns A, B, …, Z, AA, AB, …
func letterOf(i int) string {
	s := ""
	for i++; i > 0; i = (i - 1) / 26 {
		s = string(rune('A'+(i-1)%26)) + s
	}
	return s
}
