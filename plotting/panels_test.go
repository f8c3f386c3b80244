package plotting

import (
	"errors"
	"math"
	"strings"
	"testing"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/recorder"
)

func TestPanelErrors(t *testing.T) {
	good := small()
	bad := New(Options{})
	bad.Line("net", []float64{1}, []float64{math.NaN()})
	for _, tc := range []struct {
		name string
		rows [][]Drawing
		opt  PanelOptions
		want string
	}{
		{"none", nil, PanelOptions{}, "at least one panel"},
		{"all nil", [][]Drawing{{nil}}, PanelOptions{}, "all panels"},
		{"ragged", [][]Drawing{{good, good}, {good}}, PanelOptions{},
			"row 2 of the grid has 1 panels, row 1 has 2"},
		{"bad panel", [][]Drawing{{good}, {bad}}, PanelOptions{},
			`row 2, column 1: plotting: line "net"`},
		{"size", [][]Drawing{{good}}, PanelOptions{Width: -2}, "Width of -2"},
		{"title", [][]Drawing{{good}}, PanelOptions{Title: "∈"}, "'∈'"},
	} {
		err := Save(Panels(tc.rows, tc.opt), "unused.png")
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q", tc.name, err, tc.want)
		}
	}
	var de *DataError
	if err := Panels([][]Drawing{{bad}}, PanelOptions{}).Err(); !errors.As(err, &de) ||
		de.Series != `line "net"` {
		t.Errorf("the DataError of a panel is hidden: %v", err)
	}
}

// texts returns what a drawing writes and where.
func texts(d Drawing, width, height vg.Length) map[string]vg.Point {
	var rec recorder.Canvas
	d.render(draw.NewCanvas(&rec, width, height), paletteOf(d.colorNames()))
	at := map[string]vg.Point{}
	for _, a := range rec.Actions {
		if f, ok := a.(*recorder.FillString); ok {
			at[f.String] = f.Point
		}
	}
	return at
}

func trainingFigure(title, y string) *Figure {
	f := New(Options{Title: title, X: "epoch", Y: y, LogX: true, YRange: &[2]float64{0, 1}})
	epochs := []float64{0, 1, 10, 100, 1000}
	for i, n := range []string{"1HL ReLU", "4HL ReLU", "1HL mimic"} {
		var lo, mean, hi, limit []float64
		for _, e := range epochs {
			m := 1 / (1 + 0.1*float64(i+1)*math.Log1p(e))
			lo, mean, hi, limit = append(lo, 0.9*m), append(mean, m), append(hi, m+0.04), append(
				limit, 0.97*m)
		}
		f.Band(n, epochs, lo, hi)
		f.Line(n, epochs, mean)
		f.Line("", epochs, limit, Like(n), Thin)
	}
	f.Key("infinite width", Thin)
	return f
}

func trainingGrid() *Grid {
	return Panels([][]Drawing{
		{trainingFigure("train", "loss"), trainingFigure("test", "loss")},
		{trainingFigure("train", "accuracy"), trainingFigure("test", "accuracy")},
	}, PanelOptions{Letters: true, SharedLegend: true, DPI: 96})
}

func TestSharedLegendNamesEachNetOnce(t *testing.T) {
	b, err := SVG(trainingGrid())
	if err != nil {
		t.Fatal(err)
	}
	written, _ := svgTexts(t, b)
	count := map[string]int{}
	for _, s := range written {
		count[s]++
	}
	for s, want := range map[string]int{"1HL ReLU": 1, "4HL ReLU": 1, "1HL mimic": 1,
		"infinite width": 1, "A": 1, "D": 1, "epoch": 4, "train": 2} {
		if count[s] != want {
			t.Errorf("%q is written %d times, want %d", s, count[s], want)
		}
	}
	at := texts(trainingGrid(), 500, 400)
	if !(at["A"].X < at["B"].X && at["A"].Y == at["B"].Y && at["C"].Y < at["A"].Y &&
		at["C"].X == at["A"].X) {
		t.Errorf("letters at A %v, B %v, C %v, D %v", at["A"], at["B"], at["C"], at["D"])
	}
	if y := at["1HL mimic"].Y; y > 30 || y != at["1HL ReLU"].Y {
		t.Errorf("the legend is at %v and %v, not on one line below", at["1HL ReLU"],
			at["1HL mimic"])
	}
}

func TestAxesOfPanelsAlign(t *testing.T) {
	// Labels of very different widths to the left of the axes.
	wide := New(Options{Y: "y", YRange: &[2]float64{-123456, 123456}})
	wide.HLine("", 0)
	narrow := New(Options{YRange: &[2]float64{0, 1}})
	narrow.HLine("", 0.5)
	var rec recorder.Canvas
	g := Panels([][]Drawing{{wide}, {narrow}}, PanelOptions{})
	g.render(draw.NewCanvas(&rec, 400, 400), nil)
	lefts := map[vg.Length]int{}
	for _, a := range rec.Actions {
		s, ok := a.(*recorder.Stroke)
		if !ok || len(s.Path) != 2 {
			continue
		}
		if from, to := s.Path[0].Pos, s.Path[1].Pos; from.Y == to.Y && to.X-from.X > 200 {
			lefts[from.X]++
		}
	}
	if len(lefts) > 2 { // of what spans the data, and of the axis, by half its width
		t.Errorf("lines across both panels start at %v", lefts)
	}
}

func TestLegendKeepsOffTheCurves(t *testing.T) {
	for _, tc := range []struct {
		name  string
		build func(*Figure)
		free  bool
		place int // among the places, if free
	}{
		{"rising", func(f *Figure) { f.Func("a", func(x float64) float64 { return x }, 0, 1) },
			true, 0},
		{"falling", func(f *Figure) { f.Func("a", func(x float64) float64 { return -x }, 0, 1) },
			true, 1},
		{"peak", func(f *Figure) { f.Func("a", func(x float64) float64 { return -x * x }, -1, 1) },
			true, 0},
		{"bowl of a band", func(f *Figure) {
			f.Band("a", []float64{0, 0.3, 0.7, 1}, []float64{0, -9, -9, 0}, []float64{1, 1, 1, 1})
		}, true, 2},
		{"everywhere", func(f *Figure) {
			f.Func("a",
				func(x float64) float64 { return math.Sin(200 * x) }, 0, 1)
		}, false, 0},
		{"between the points", func(f *Figure) {
			f.Line("a", []float64{0, 1, 1, 0, 0, 1},
				[]float64{0, 0, 1, 1, 0.9, 0.9})
		}, true, 6},
		{"a note in the way", func(f *Figure) {
			f.Func("a", func(x float64) float64 { return x }, 0, 1)
			f.Note(0, 1, "a long remark here")
		}, true, 3},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := New(Options{})
			tc.build(f)
			to, _ := onPixels(t, f)
			es := entries([]*Figure{f}, nil)
			r, free := f.freePlace(to.c, to.p, es)
			if free != tc.free {
				t.Fatalf("free place: %v, want %v", free, tc.free)
			}
			if !free {
				return
			}
			w, h := boxSize(es)
			if want := places(to.c, w, h)[tc.place]; r != want {
				t.Errorf("legend at %v, want %v", r, want)
			}
			// Independently: no sampled point of a curve is under it.
			for _, s := range f.series {
				for i := range s.xs {
					if s.kind == line && contains(r, to.at(s.xs[i], s.ys[i])) {
						t.Errorf("it covers (%v, %v)", s.xs[i], s.ys[i])
					}
				}
			}
		})
	}
}

func TestLegendWithoutAFreePlaceGoesBelow(t *testing.T) {
	f := New(Options{X: "x"})
	f.Func("noise", func(x float64) float64 { return math.Sin(200 * x) }, 0, 1)
	at := texts(f, 400, 300)
	if at["noise"].Y >= at["x"].Y || at["noise"].Y < 0 {
		t.Errorf("legend at height %v, label of the x axis at %v", at["noise"].Y, at["x"].Y)
	}
	none := New(Options{Legend: LegendNone})
	none.Func("noise", math.Sin, 0, 1)
	if _, ok := texts(none, 400, 300)["noise"]; ok {
		t.Error("LegendNone has a legend")
	}
	for _, tc := range []struct {
		fn          func(float64) float64
		left, above bool
	}{{func(x float64) float64 { return x }, true, true},
		{func(x float64) float64 { return -x }, false, true},
		{func(x float64) float64 { return -math.Abs(x - 0.5) }, true, true},
	} {
		f := New(Options{})
		f.Func("a", tc.fn, 0, 1)
		if at := texts(f, 400, 300)["a"]; (at.X < 200) != tc.left || (at.Y > 150) != tc.above {
			t.Errorf("the legend is at %v", at)
		}
	}
}

func TestLettersGoOnAfterZ(t *testing.T) {
	for i, want := range map[int]string{0: "A", 25: "Z", 26: "AA", 27: "AB", 701: "ZZ",
		702: "AAA"} {
		if got := letterOf(i); got != want {
			t.Errorf("panel %d is %q, want %q", i, got, want)
		}
	}
}

func TestClashingNamesAgreeAcrossPanels(t *testing.T) {
	// Two names of one preferred colour, added in opposite orders.
	a := "net 0"
	b := ""
	for i := 1; b == ""; i++ {
		if n := "net " + strings.Repeat("'", i); slot(n) == slot(a) {
			b = n
		}
	}
	panel := func(names ...string) *Figure {
		f := New(Options{})
		for _, n := range names {
			f.Line(n, []float64{0, 1}, []float64{0, 1})
		}
		return f
	}
	g := Panels([][]Drawing{{panel(a, b), panel(b, a)}}, PanelOptions{})
	pal := paletteOf(g.colorNames())
	if pal[a] == pal[b] {
		t.Errorf("%q and %q share a colour", a, b)
	}
	if pal[a] != colorOf(a) {
		t.Errorf("%q came first and lost its colour", a)
	}
}
