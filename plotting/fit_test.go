package plotting

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/recorder"

	"github.com/google/go-cmp/cmp"
)

// A written text is where a drawing has it, and its size in points.
type written struct {
	text string
	rect vg.Rectangle
	size float64
}

// writtenOn returns what a drawing writes on a canvas of its size, and its size.
func writtenOn(t *testing.T, d Drawing) ([]written, vg.Rectangle) {
	t.Helper()
	dim := d.dimensions()
	var rec recorder.Canvas
	c := draw.NewCanvas(&rec, vg.Length(dim.width)*vg.Inch, vg.Length(dim.height)*vg.Inch)
	if err := d.render(border(c), paletteOf(d.colorNames())); err != nil {
		t.Fatal(err)
	}
	var ws []written
	turns := []float64{0}
	for _, a := range rec.Actions {
		turn := &turns[len(turns)-1]
		switch a := a.(type) {
		case *recorder.Push:
			turns = append(turns, *turn)
		case *recorder.Pop:
			turns = turns[:len(turns)-1]
		case *recorder.Rotate:
			*turn += a.Angle
		case *recorder.FillString:
			sin, cos := math.Sincos(*turn)
			face := font.DefaultCache.Lookup(a.Font, a.Size)
			corner := func(along, up vg.Length) vg.Point {
				x, y := float64(a.Point.X+along), float64(a.Point.Y+up)
				return vg.Point{X: vg.Length(x*cos - y*sin), Y: vg.Length(x*sin + y*cos)}
			}
			p, q := corner(0, -0.2*a.Size), corner(face.Width(a.String), capHeight*a.Size)
			ws = append(ws, written{a.String, vg.Rectangle{
				Min: vg.Point{X: min(p.X, q.X), Y: min(p.Y, q.Y)},
				Max: vg.Point{X: max(p.X, q.X), Y: max(p.Y, q.Y)},
			}, a.Size.Points()})
		}
	}
	return ws, c.Rectangle
}

// sentence is n words, all different so that each can be found.
func sentence(what string, n int) string {
	ws := make([]string, n)
	for i := range ws {
		ws[i] = fmt.Sprintf("%s%d", what, i)
	}
	return strings.Join(ws, " ")
}

func wordy(title, x, y, name string) *Figure {
	f := New(Options{Title: title, X: x, Y: y})
	f.Line(name, []float64{0, 1, 2}, []float64{0, 1, 0.5})
	return f
}

// wordyDrawings have much to write, by what.
func wordyDrawings() map[string]Drawing {
	noted := wordy("", "x", "y", "net")
	noted.Note(1, 0.5, sentence("note", 40))
	_, deep, flat, _ := sketches()
	deep.Name, flat.Name = "a deep ReLU net, four layers", "its mimic on the sphere"
	deep.Activation = "a linear rectifier"
	named := func(n int) *Figure {
		f := New(Options{Legend: LegendBelow})
		for i := range n {
			f.Line(fmt.Sprintf("a name of several words %d", i), []float64{0, 1}, []float64{0, 1})
		}
		return f
	}
	panel := func(i int) Drawing {
		return wordy(sentence(fmt.Sprintf("panel%d.", i), 4), "x", "y", "n")
	}
	return map[string]Drawing{
		"title":   wordy(sentence("title", 30), "x", "y", "net"),
		"x label": wordy("t", sentence("x", 60), "y", "net"),
		"y label": wordy("t", "x", sentence("label", 50), "net"),
		"legend":  wordy("t", "x", "y", sentence("legend", 30)),
		"all": wordy(sentence("title", 20), sentence("x", 20), sentence("label", 20),
			sentence("legend", 20)),
		"note":       noted,
		"networks":   NetworksAndKernels(deep, flat),
		"flattening": Flattening(deep, flat),
		"patches":    PatchesAndKernel(deep, 2),
		"names":      named(11),
		"panels": Panels([][]Drawing{{panel(0), panel(1), panel(2)},
			{panel(3), panel(4), panel(5)}},
			PanelOptions{Letters: true, Title: sentence("title", 30)}),
		"shared": Panels([][]Drawing{{named(5), wordy("t", "x", "y", sentence("legend", 40))}},
			PanelOptions{SharedLegend: true}),
		"panel in a panel": Panels([][]Drawing{{panel(0), Panels([][]Drawing{{panel(1), panel(2)}},
			PanelOptions{Letters: true, Title: sentence("title", 12)})}},
			PanelOptions{Width: 9, Height: 4}),
	}
}

// Whatever is written is legible, inside the picture, and not over something else.
func TestTextStaysInsideThePicture(t *testing.T) {
	for name, d := range wordyDrawings() {
		t.Run(name, func(t *testing.T) {
			if err := d.Err(); err != nil {
				t.Fatal(err)
			}
			ws, page := writtenOn(t, d)
			for i, w := range ws {
				if !contains(page, w.rect.Min) || !contains(page, w.rect.Max) {
					t.Errorf("%q at %v leaves %v", w.text, w.rect, page)
				}
				if w.size < leastSize {
					t.Errorf("%q has letters of %v points", w.text, w.size)
				}
				for _, o := range ws[:i] {
					if w.text != "˜" && overlap(grow(o.rect, -0.5), grow(w.rect, -0.5)) {
						t.Errorf("%q at %v is over %q at %v", w.text, w.rect, o.text, o.rect)
					}
				}
			}
		})
	}
	// The check sees a text that leaves the picture.
	outside := newSchematic(1, 1, 0)
	outside.Text(point{X: 0.5, Y: 0.5}, sentence("long", 10), labelStyle{})
	if ws, page := writtenOn(t, outside); contains(page, ws[0].rect.Max) {
		t.Errorf("%v counts as inside %v", ws[0].rect, page)
	}
}

// Numbers of narrow panels stand apart, and inside the picture.
func TestTickLabelsStandApart(t *testing.T) {
	for columns := 1; columns <= 5; columns++ {
		for _, r := range [][2]float64{{0, 3e5}, {0.00001, 0.0003}, {-1, 1}, {1e13, 1e13 + 1},
			{0.05, 2}, {1e5, 1e6}, {1, 1e3}, {0.0123, 0.0129}, {90000, 99000}, {0.011, 9}} {
			for _, log := range []bool{false, true} {
				if log && r[0] <= 0 {
					continue
				}
				row := make([]Drawing, columns)
				for i := range row {
					row[i] = New(
						Options{X: "x", Y: "y", LogX: log, LogY: log, XRange: &r, YRange: &r})
				}
				ws, page := writtenOn(t, Panels([][]Drawing{row}, PanelOptions{Letters: true}))
				for i, w := range ws {
					if !contains(page, w.rect.Min) || !contains(page, w.rect.Max) {
						t.Errorf("%d columns, %v, log %v: %q leaves the picture", columns, r, log,
							w.text)
					}
					for _, o := range ws[:i] {
						if overlap(grow(o.rect, -0.5), grow(w.rect, -0.5)) {
							t.Errorf("%d columns, %v, log %v: %q is over %q", columns, r, log,
								w.text, o.text)
						}
					}
				}
			}
		}
	}
	// Where that cannot be, an error says so.
	narrow := New(Options{YRange: &[2]float64{1e5, 1e6}, Width: 0.5, Height: 3})
	if err := narrow.Err(); err == nil || !strings.Contains(err.Error(), "numbers on the axes") {
		t.Errorf("a figure of half an inch: %v", err)
	}
}

// All words are there, in the order given.
func TestNoWordIsLost(t *testing.T) {
	ws, _ := writtenOn(t, wordyDrawings()["all"])
	var all []string
	for _, w := range ws {
		all = append(all, w.text)
	}
	text := strings.Join(all, " ")
	for _, s := range []string{"title", "x", "label", "legend"} {
		if want := sentence(s, 20); !strings.Contains(text, want) {
			t.Errorf("%q is not in %q", want, text)
		}
	}
}

// Long texts leave the axes at least half of a figure; what is too long for that is an error, of
// Err and of all formats, that names the text.
func TestAxesKeepHalfOfTheFigure(t *testing.T) {
	for name, d := range wordyDrawings() {
		f, ok := d.(*Figure)
		if !ok {
			continue
		}
		c := page(f.dimensions())
		p, err := f.layout(nil).plan(c)
		if err != nil {
			t.Fatal(err)
		}
		s := p.cells[0][0].plot.DataCanvas(p.canvases[0][0]).Size()
		if whole := c.Size(); s.X*s.Y < whole.X*whole.Y/2 {
			t.Errorf("%s: axes of %v on %v", name, s, whole)
		}
	}
	word := strings.Repeat("w", 200)
	_, _, unnamed, _ := sketches()
	unnamed.Name = word
	noted := wordy("", "", "", "")
	noted.Note(0, 0, word)
	for _, tc := range []struct {
		d    Drawing
		want string
	}{
		{wordy(word, "", "", ""), "title"},
		{wordy("", word, "", ""), "x label"},
		{wordy("", "", word, ""), "y label"},
		{wordy("", "", "", word), "legend entry"},
		{noted, "note"},
		{NetworksAndKernels(unnamed), "text"},
		{PatchesAndKernel(unnamed, 2), "text"},
		{wordy("", "", sentence("y", 900), ""), "less than half of a figure"},
		{Panels([][]Drawing{{small()}}, PanelOptions{Title: word}), "title"},
		{Panels([][]Drawing{{small(), wordy(word, "", "", "")}}, PanelOptions{}), "title"},
		{Panels([][]Drawing{{Panels([][]Drawing{{wordy("", word, "", "")}}, PanelOptions{})}},
			PanelOptions{}), "x label"},
	} {
		for _, encode := range []func(Drawing) ([]byte, error){PNG, SVG, pdfOf} {
			if _, err := encode(tc.d); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%v, want an error about the %s", err, tc.want)
			}
		}
		if err := tc.d.Err(); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("Err: %v, want an error about the %s", err, tc.want)
		}
	}
	// A panel has the room that its grid gives it, not that of its own size.
	big := PanelOptions{Width: 40, Height: 10}
	if err := Panels([][]Drawing{{wordy(word, "", "", "")}}, big).Err(); err != nil {
		t.Error(err)
	}
}

func TestLinesAreBrokenAtSpaces(t *testing.T) {
	at := caption{size: 10}
	width := func(s string) vg.Length {
		at.text = s
		return at.width()
	}
	for _, tc := range []struct{ text, like, want string }{
		{"one two three four", "one two three four", "one two three four"},
		{"one two three four", "one two three", "one two\nthree four"}, // even, not 3 and 1
		{"e^{a b c} and", "e^{a b c} an", "e^{a b c}\nand"},
		{"a_{ b c", "a_{ b", "a_{ b c"}, // an open brace holds what follows
		{"given\nlines stay", "lines st", "given\nlines\nstay"},
	} {
		at.text = tc.text
		limit := width(tc.like)
		at.text = tc.text
		got, fits := at.fit(limit)
		if diff := cmp.Diff(tc.want, got.text); diff != "" {
			t.Errorf("%q (-want +got)\n%s", tc.text, diff)
		}
		if fits != (got.width() <= limit) {
			t.Errorf("%q fits: %v", tc.text, fits)
		}
	}
}

// Letters and titles of a row stand at one height, also where tick labels do not.
func TestLettersOfARowStandOnOneLine(t *testing.T) {
	high := New(Options{Title: "one", YRange: &[2]float64{0, 1}}) // a label at the very top
	high.HLine("", 0.5)
	low := New(Options{Title: "two", YRange: &[2]float64{0, 1.09}})
	low.HLine("", 0.5)
	g := Panels([][]Drawing{{low, high, newSchematic(1, 1, 0)}, {low, high, low}},
		PanelOptions{Letters: true})
	at := texts(g, 500, 400)
	if at["A"].Y != at["B"].Y || at["B"].Y != at["C"].Y || at["D"].Y != at["E"].Y ||
		at["one"].Y != at["two"].Y {
		t.Errorf("letters and titles at %v", at)
	}
}

func TestLegendsHaveNoOrphans(t *testing.T) {
	es := make([]entry, 7)
	for i := range es {
		es[i] = entry{name: "net", text: "net", size: legendSize}
	}
	for _, tc := range []struct {
		n, perRow int
		want      []int
	}{{7, 6, []int{4, 3}}, {5, 4, []int{3, 2}}, {6, 4, []int{4, 2}}, {7, 3, []int{3, 3, 1}},
		{3, 2, []int{2, 1}}, {4, 4, []int{4}}} {
		width := vg.Length(tc.perRow)*(es[0].width()+vg.Points(entryGap)) - vg.Points(1)
		var got []int
		for _, row := range stripRows(es[:tc.n], width) {
			got = append(got, len(row))
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%d entries, %d per row (-want +got)\n%s", tc.n, tc.perRow, diff)
		}
	}
}
