package plotting

import (
	"errors"
	"fmt"

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
	if err := g.wrong(); err != nil {
		return err
	}
	_, err := g.plan(page(g.dimensions()), nil)
	return err
}

func (g *Grid) wrong() error {
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
			if err := d.wrong(); err != nil {
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

// A gridPlan is where the parts of a grid go.
type gridPlan struct {
	title  caption
	legend [][]entry
	below  draw.Canvas // the title
	layout layoutPlan
}

// plan finds the places of the parts of a grid, or what is too long for its place.
func (g *Grid) plan(c draw.Canvas, pal palette) (p gridPlan, err error) {
	for _, scale := range scales {
		if p, err = g.planAt(c, pal, scale); err == nil {
			break
		}
	}
	return p, err
}

func (g *Grid) planAt(c draw.Canvas, pal palette, scale float64) (p gridPlan, err error) {
	height := c.Max.Y - c.Min.Y
	if g.opt.Title != "" {
		t := caption{text: g.opt.Title, size: scaled(titleSize+1, scale), bold: true, color: ink}
		var fits bool
		if p.title, fits = t.fit(c.Max.X - c.Min.X); !fits {
			return p, textError("title", g.opt.Title)
		}
		c.Max.Y -= p.title.height() + vg.Points(10)
	}
	p.below = c
	if g.opt.SharedLegend {
		var figures []*Figure
		for _, d := range g.all() {
			if f, ok := d.(*Figure); ok {
				figures = append(figures, f)
			}
		}
		es := sized(entries(figures, pal), scaled(legendSize, scale))
		if es, err = fitEntries(es, c.Max.X-c.Min.X); err != nil {
			return p, err
		}
		p.legend = stripRows(es, c.Max.X-c.Min.X)
		c.Min.Y += stripHeight(p.legend) + vg.Points(2)
	}
	if c.Max.Y-c.Min.Y < leastPart*height && (len(p.legend) > 1 || len(p.title.lines()) > 1) {
		return p, errSqueezed
	}
	p.layout, err = layout{
		rows: g.rows, letters: g.opt.Letters, legends: !g.opt.SharedLegend, palette: pal,
	}.plan(c)
	return p, err
}

func (g *Grid) render(c draw.Canvas, pal palette) error {
	p, err := g.plan(c, pal)
	if err != nil {
		return err
	}
	if g.opt.Title != "" {
		p.title.draw(c, c.Center().X, c.Max.Y-vg.Points(2), 0.5, 1)
	}
	if g.opt.SharedLegend {
		h := stripHeight(p.legend)
		drawStrip(p.below, p.legend, p.below.Center().X, p.below.Min.Y+h)
	}
	return p.layout.draw()
}

func (f *Figure) layout(pal palette) layout {
	return layout{rows: [][]Drawing{{f}}, legends: true, palette: pal}
}

func (f *Figure) render(c draw.Canvas, pal palette) error {
	p, err := f.layout(pal).plan(c)
	if err != nil {
		return err
	}
	return p.draw()
}

// page is the place for a drawing of a size, for measuring alone.
func page(d dimensions) draw.Canvas {
	return border(draw.Canvas{Rectangle: vg.Rectangle{Max: vg.Point{
		X: vg.Length(d.width) * vg.Inch, Y: vg.Length(d.height) * vg.Inch,
	}}})
}

// letterOf returns A, B, …, Z, AA, AB, …
func letterOf(i int) string {
	s := ""
	for i++; i > 0; i = (i - 1) / 26 {
		s = string(rune('A'+(i-1)%26)) + s
	}
	return s
}
