package plotting

import (
	"encoding/csv"
	"image"
	"image/color"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
)

func TestCSVHasARowPerPoint(t *testing.T) {
	a := New(Options{})
	a.Line("4HL ReLU", []float64{1, 2}, []float64{0.1, 1. / 3})
	a.Band("4HL ReLU", []float64{1}, []float64{0}, []float64{1e-7})
	a.Line("", []float64{5}, []float64{6}, Like("1HL ReLU"))
	a.HLine("", 3)
	a.Note(1, 0.5, "not data")
	a.Key("not data either")
	s := newSchematic(2, 2, 0)
	s.Inset(
		inset{
			Frame:  boxAround(1, 1, 1, 1),
			Curves: []insetCurve{{Name: "K, \"exact\"", X: []float64{0, 1}, Y: []float64{1, -2}}},
		},
	)
	got, err := csvOf(Panels([][]Drawing{{a, nil, s}}, PanelOptions{}))
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(strings.NewReader(string(got))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	want := [][]string{
		{"panel", "series", "kind", "x", "y", "lower", "upper"},
		{"A", "4HL ReLU", "line", "1", "0.1", "", ""},
		{"A", "4HL ReLU", "line", "2", "0.333333", "", ""},
		{"A", "4HL ReLU", "band", "1", "", "0", "1e-07"},
		{"A", "1HL ReLU", "line", "5", "6", "", ""},
		{"A", "", "horizontal line", "", "3", "", ""},
		{"C1", "K, \"exact\"", "line", "0", "1", "", ""},
		{"C1", "K, \"exact\"", "line", "1", "-2", "", ""},
	}
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// What a PDF is told to draw, drawn on pixels, is what the PNG shows: letters, arcs and bends
// included.
func TestOutlinesLookLikeTheirOriginals(t *testing.T) {
	for _, tc := range []struct {
		name string
		// of the ink: letters are set on whole pixels by one canvas and not by the other
		limit float64
		draw  func(draw.Canvas)
	}{
		{"shapes", 0.01, func(c draw.Canvas) {
			fillRounded(c, vg.Rectangle{Min: vg.Point{X: 10, Y: 10}, Max: vg.Point{X: 130, Y: 60}},
				15, tint(vermillion, 0.5), ink, 2)
			fillCircle(c, vg.Point{X: 100, Y: 100}, 20, vermillion)
			drawArrow(c, arrowPath{from: vg.Point{X: 10, Y: 80}, to: vg.Point{X: 70, Y: 130},
				bend: 15}, arrowLook{color: ink, width: 2, head: 8})
			var wave []vg.Point
			for x := vg.Length(5); x < 140; x += 0.1 {
				wave = append(wave, vg.Point{X: x, Y: 70 + 5*vg.Length(math.Sin(float64(x/5)))})
			}
			c.StrokeLines(draw.LineStyle{Color: ink, Width: 1}, wave)
		}},
		{"letters", 0.1, func(c draw.Canvas) {
			caption{text: "φ̃ = 10⁻³", size: 22, color: ink}.draw(c, 70, 35, 0.5, 0.5)
		}},
	} {
		drawOn := func(wrap func(vg.CanvasSizer) vg.CanvasSizer) image.Image {
			img := vgimg.NewWith(vgimg.UseWH(2*vg.Inch, 2*vg.Inch), vgimg.UseDPI(300))
			tc.draw(draw.New(wrap(img)))
			return img.Image()
		}
		want := drawOn(func(c vg.CanvasSizer) vg.CanvasSizer { return c })
		got := drawOn(func(c vg.CanvasSizer) vg.CanvasSizer { return outlines{c} })
		var off, inked float64
		b := want.Bounds()
		for y := b.Min.Y; y < b.Max.Y; y++ {
			for x := b.Min.X; x < b.Max.X; x++ {
				w := color.GrayModel.Convert(want.At(x, y)).(color.Gray).Y
				g := color.GrayModel.Convert(got.At(x, y)).(color.Gray).Y
				off += math.Abs(float64(w)-float64(g)) / 255
				inked += float64(255-w) / 255
			}
		}
		if off > tc.limit*inked {
			t.Errorf("%s differ by %.1f %% of the ink", tc.name, 100*off/inked)
		}
	}
}

func TestTranslucentColoursOfAPDF(t *testing.T) {
	r, g, b, a := straight(color.NRGBA{R: 0xFF, G: 0x80, B: 0, A: 0x40}).RGBA()
	if r != 0xFFFF || g != 0x8080 || b != 0 || a != 0x4040 {
		t.Errorf("%x %x %x %x", r, g, b, a)
	}
}

func TestRoundingIsNoDifference(t *testing.T) {
	for ours, want := range map[float64]string{-0.5 + 1e-16: "0", -0.51: "−0.01"} {
		if got := (Comparison{Quantity: "b", Published: -0.5,
			Ours: ours}).row().Difference; got != want {
			t.Errorf("%v against -0.5: difference %q, want %q", ours, got, want)
		}
	}
}

// The verdict is that of the numbers as they are written, not of their last bits.
func TestComparisonAgrees(t *testing.T) {
	for _, c := range []struct {
		published, ours, tolerance float64
		want                       bool
	}{
		{0.138, 0.1385, 0.0005, true}, {97.3, 97.4, 0.1, true}, {97.3, 97.41, 0.1, false},
		{1, 1 + 1e-12, 0, true}, {1, 1 + 1e-6, 0, false}, {0, 0, 0, true},
	} {
		if got := (Comparison{Published: c.published, Ours: c.ours,
			Tolerance: c.tolerance}).Agrees(); got != c.want {
			t.Errorf("%v, ours %v, within %v: %v", c.published, c.ours, c.tolerance, got)
		}
	}
}

// Two means are as near as their standard errors say, and never by more than half of what they
// show.
func TestComparisonOfMeans(t *testing.T) {
	means := Comparison{Quantity: "a", Published: 0.668, PublishedSpread: 0.33, PublishedTrials: 30,
		Ours: 0.6727, OursSpread: 0.32, OursTrials: 30}
	for _, c := range []struct {
		effect, want float64
		why          string
	}{
		{0, 3 * math.Sqrt((0.33*0.33+0.32*0.32)/30), "three standard errors of the difference"},
		{0.332, 0.166, "half of the effect"},
	} {
		means.Effect = c.effect
		if got, why := means.within(); math.Abs(got-c.want) > 1e-15 || why != c.why {
			t.Errorf("effect %v: tolerance %v, %s, want %v, %s", c.effect, got, why, c.want, c.why)
		}
	}
	row := means.row()
	if row.Published != "0.668 ± 0.06 (30 trials)" || row.Tolerance != "0.166" || !row.Agrees {
		t.Errorf("%+v", row)
	}
	means.Ours = 0.668 + 0.167
	if means.Agrees() {
		t.Error("they agree by more than half of the effect")
	}
	means = Comparison{Quantity: "a", Published: 100, Ours: 99.9, PublishedTrials: 30,
		OursTrials: 30}
	if means.Agrees() {
		t.Error("means without any spread agree though they differ")
	}
}

func TestPDFIsTheSameBytes(t *testing.T) {
	figure := New(Options{X: "cosine c", Y: "φ"})
	figure.Line("4HL ReLU", []float64{1, 2}, []float64{0.1, 0.3})
	first, err := pdfOf(figure)
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(1100 * time.Millisecond) // times in a PDF are in seconds
	if second, err := pdfOf(figure); err != nil || string(second) != string(first) {
		t.Errorf("another PDF of the same figure: %v", err)
	}
}

// Of numbers that are alike, and of counts, the CSV has all digits.
func TestCSVTellsNumbersApart(t *testing.T) {
	f := New(Options{})
	f.Line("", []float64{0, 1234567, 1234568}, []float64{1, 1.0000001, 1.0000002})
	f.Line("", []float64{0, 0.5, 1. / 3}, []float64{0, 1, 2})
	b, err := csvOf(f)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{",1.234567e+06,1.0000001,", ",1.234568e+06,1.0000002,",
		",0.333333,2,"} {
		if !strings.Contains(string(b), want) {
			t.Errorf("%q is not in\n%s", want, b)
		}
	}
}
