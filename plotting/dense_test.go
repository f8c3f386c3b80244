package plotting

import (
	"bytes"
	"image/color"
	"image/png"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/recorder"
	"gonum.org/v1/plot/vg/vgimg"
)

// crowd returns n random points, and as many evenly spaced numbers.
func crowd(n int) (even, xs, ys []float64) {
	r := rand.New(rand.NewPCG(1, 2))
	for i := range n {
		even = append(even, float64(i))
		xs, ys = append(xs, r.NormFloat64()), append(ys, r.NormFloat64())
	}
	return even, xs, ys
}

// manyPoints are figures of n points of each kind.
func manyPoints(n int) map[string]*Figure {
	even, xs, ys := crowd(n)
	upper := make([]float64, n)
	for i, y := range ys {
		upper[i] = y + 1
	}
	figures := map[string]*Figure{}
	for name, build := range map[string]func(*Figure){
		"noise":    func(f *Figure) { f.Line("noise", even, ys) },
		"dashes":   func(f *Figure) { f.Line("noise", even, ys, Dashed) },
		"upright":  func(f *Figure) { f.Line("noise", ys, even) },
		"scribble": func(f *Figure) { f.Line("all over", xs, ys) },
		"dots":     func(f *Figure) { f.Points("dots", xs, ys) },
		"pale": func(f *Figure) {
			f.Points("dots", xs, ys, Color(color.NRGBA{R: 200, A: 9}))
		},
		"band": func(f *Figure) { f.Band("band", even, ys, upper) },
	} {
		figures[name] = New(Options{DPI: 48})
		build(figures[name])
	}
	return figures
}

// What is written and stroked does not grow with the number of points: time and size follow it. The
// CSV has all of them.
func TestManyPointsAreFewShapes(t *testing.T) {
	const n = 100_000
	for name, f := range manyPoints(n) {
		t.Run(name, func(t *testing.T) {
			var rec recorder.Canvas
			f.render(draw.NewCanvas(&rec, 504, 302), paletteOf(f.colorNames()))
			steps := 0
			for _, a := range rec.Actions {
				switch a := a.(type) {
				case *recorder.Stroke:
					steps += len(a.Path)
				case *recorder.Fill:
					steps += len(a.Path)
				}
			}
			if steps > 4*denseLine+1000 {
				t.Errorf("paths of %d steps", steps)
			}
			for _, encode := range []func(Drawing) ([]byte, error){SVG, pdfOf, PNG} {
				if b, err := encode(f); err != nil || len(b) > 1<<20 {
					t.Errorf("a file of %d bytes, %v", len(b), err)
				}
			}
			b, err := csvOf(f)
			if rows := bytes.Count(b, []byte("\n")); err != nil || rows != n+1 {
				t.Errorf("a CSV of %d rows, %v", rows, err)
			}
		})
	}
}

// The curves of a schematic are lines like any other.
func TestDenseCurvesOfASchematic(t *testing.T) {
	even, xs, ys := crowd(50_000)
	for name, x := range map[string][]float64{"noise": even, "scribble": xs} {
		net := NetSketch{Name: name, Layers: []int{1, 2, 1}, C: x, Kernel: ys, Designed: true}
		for _, encode := range []func(Drawing) ([]byte, error){SVG, pdfOf, PNG} {
			for _, d := range []Drawing{NetworksAndKernels(net), PatchesAndKernel(net, 2)} {
				b, err := encode(d)
				if err != nil || len(b) > 1<<19 {
					t.Errorf("%s: a file of %d bytes, %v", name, len(b), err)
				}
			}
		}
	}
}

// differs is the part of the pixels by which a figure differs from what draw draws in its place.
func differs(t *testing.T, f *Figure, with func(c draw.Canvas, to toCanvas)) float64 {
	t.Helper()
	var pictures [2]bytes.Buffer
	for i := range pictures {
		fr, err := f.frame()
		if err != nil {
			t.Fatal(err)
		}
		img := vgimg.NewWith(vgimg.UseWH(400, 300), vgimg.UseDPI(144))
		p := f.newPlot(fr, 400, 300)
		if i == 0 {
			p.Add(f.layers(paletteOf(f.colorNames()))[1:]...)
		}
		p.Draw(draw.New(img))
		if i == 1 {
			c := p.DataCanvas(draw.New(img))
			with(c, toCanvas{c, p})
		}
		if err := png.Encode(&pictures[i], img.Image()); err != nil {
			t.Fatal(err)
		}
	}
	part, err := differing(pictures[0].Bytes(), pictures[1].Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return part
}

// Thinned, a line is drawn as each of its pieces would be, and in pixels dots as each alone.
func TestDensePicturesAreThoseOfTheirParts(t *testing.T) {
	even, xs, ys := crowd(20_000)
	for name, tc := range map[string]struct {
		xs, ys []float64
		style  Style
	}{"noise": {even, ys, Weight(2)}, "upright": {ys, even, Weight(2)}, "all over": {xs, ys,
		Weight(1)}} {
		f := New(Options{})
		f.Line("", tc.xs, tc.ys, tc.style)
		part := differs(t, f, func(c draw.Canvas, to toCanvas) {
			sty := plotted{series: f.series[0], color: colorOf("")}.lineStyle()
			for i := 1; i < len(tc.xs); i++ {
				a, b := to.at(tc.xs[i-1], tc.ys[i-1]), to.at(tc.xs[i], tc.ys[i])
				c.StrokeLines(sty, []vg.Point{a, b})
			}
		})
		if part > 0.03 {
			t.Errorf("%s: %.2f %% of the pixels differ", name, 100*part)
		}
	}
	f := New(Options{})
	f.Points("", xs, ys)
	if part := differs(t, f, func(c draw.Canvas, to toCanvas) {
		for i := range xs {
			fillCircle(c, to.at(xs[i], ys[i]), vg.Points(2.5), colorOf(""))
		}
	}); part > 0.005 {
		t.Errorf("dots: %.2f %% of the pixels differ", 100*part)
	}
	// The comparison sees what is gone.
	if part := differs(t, f, func(draw.Canvas, toCanvas) {}); part < 0.2 {
		t.Errorf("without dots %.2f %% of the pixels differ", 100*part)
	}
}

// A line that leaves its mean once is drawn there, however many points it has.
func TestASinglePeakIsKept(t *testing.T) {
	const n = 100_000
	even, ys := make([]float64, n), make([]float64, n)
	for i := range n {
		even[i], ys[i] = float64(i), math.Mod(float64(i), 2)
	}
	ys[54_321] = 7
	f := New(Options{})
	f.Line("", even, ys)
	to, _ := onPixels(t, f)
	pts := to.polyline(even, ys)
	top := pts[0]
	for _, p := range pts {
		if p.Y > top.Y {
			top = p
		}
	}
	if top != to.at(54_321, 7) {
		t.Errorf("the highest point is %v, want %v", top, to.at(54_321, 7))
	}
	if most := int((to.c.Max.X-to.c.Min.X)/column)*4 + 4; len(pts) > most {
		t.Errorf("%d points, at most %d in all columns", len(pts), most)
	}
}

func TestDashesOfALine(t *testing.T) {
	line := []vg.Point{{X: 0, Y: 0}, {X: 5, Y: 0}, {X: 5, Y: 6}}
	got := dashed([][]vg.Point{line}, []vg.Length{4, 2})
	want := [][]vg.Point{{{X: 0, Y: 0}, {X: 4, Y: 0}}, {{X: 5, Y: 1}, {X: 5, Y: 5}}}
	if len(got) != 2 || len(got[0]) != 2 || got[0][1] != want[0][1] || got[1][0] != want[1][0] ||
		got[1][1] != want[1][1] {
		t.Errorf("dashes %v, want %v", got, want)
	}
	if line[1].X != 5 {
		t.Error("the line was changed")
	}
}
