package plotting

import (
	"math"
	"strings"
	"testing"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"

	"github.com/google/go-cmp/cmp"
)

// labelsOf writes ticks as "label" or "·" for a minor one.
func labelsOf(ts []plot.Tick) string {
	var s []string
	for _, t := range ts {
		if t.IsMinor() {
			s = append(s, "·")
		} else {
			s = append(s, t.Label)
		}
	}
	return strings.Join(s, " ")
}

func TestLinearTicks(t *testing.T) {
	for _, tc := range []struct {
		lo, hi float64
		n      int
		want   string
	}{
		{-1, 1, 4, "−1.0 −0.5 0.0 0.5 1.0"},
		{-0.3, 5.2, 6, "0 1 2 3 4 5"}, // no "−0"
		{0.0001, 0.0005, 4, "1×10^{−4} 2×10^{−4} 3×10^{−4} 4×10^{−4} 5×10^{−4}"},
		{0, 300000, 3, "0 1×10^{5} 2×10^{5} 3×10^{5}"},
		{99, 101, 2, "99 100 101"},
		{0.19, 0.61, 4, "0.2 0.4 0.6"},
	} {
		if got := labelsOf(linearTicks(tc.lo, tc.hi, tc.n)); got != tc.want {
			t.Errorf("[%v, %v] with %d: %q, want %q", tc.lo, tc.hi, tc.n, got, tc.want)
		}
	}
	// Where no round number fits between, the ends themselves.
	lo := 1e16
	if ts := linearTicks(lo, math.Nextafter(lo, math.Inf(1)), 5); len(ts) != 2 ||
		ts[0].Value != lo {
		t.Errorf("two neighbouring numbers: %v", ts)
	}
}

func TestLogTicks(t *testing.T) {
	for _, tc := range []struct {
		lo, hi float64
		n      int
		want   string
	}{
		{1, 1025, 5, "1 · · · · · · · · 10 · · · · · · · · 100 · · · · · · · · 1000"},
		{0.05, 2, 5, "· · · · · 0.1 · · · · · · · · 1 ·"},
		{0.2, 0.9, 5, "0.2 · · 0.5 · · · ·"},
		{0.31, 0.39, 4, "0.32 0.34 0.36 0.38"},
		{1e-6, 1, 3, "10^{−6} · · 10^{−3} · · 10^{0}"},
		{1e5, 1e6, 3, "10^{5} · · · · · · · · 10^{6}"},
	} {
		if got := labelsOf(logTicks(tc.lo, tc.hi, tc.n)); got != tc.want {
			t.Errorf("[%v, %v] with %d: %q, want %q", tc.lo, tc.hi, tc.n, got, tc.want)
		}
	}
}

// onPixels draws a plot on a canvas of 72 pixels per inch, so that a point is a pixel.
func onPixels(t *testing.T, f *Figure) (toCanvas, *vgimg.Canvas) {
	t.Helper()
	if err := f.Err(); err != nil {
		t.Fatal(err)
	}
	fr, err := f.frame()
	if err != nil {
		t.Fatal(err)
	}
	img := vgimg.NewWith(vgimg.UseWH(400, 300), vgimg.UseDPI(72))
	c := draw.New(img)
	p := f.newPlot(fr, 400, 300)
	p.Add(f.layers(paletteOf(f.colorNames()))...)
	p.Draw(c)
	return toCanvas{p.DataCanvas(c), p}, img
}

func TestBandCoversWhatLiesBetweenItsBounds(t *testing.T) {
	f := New(Options{XRange: &[2]float64{0, 10}, YRange: &[2]float64{0, 10}})
	f.Band("1HL mimic", []float64{0, 10}, []float64{2, 4}, []float64{4, 8})
	to, img := onPixels(t, f)
	want := withAlpha(colorOf("1HL mimic"), bandAlpha)
	blend := func(v uint8) uint8 {
		return uint8((float64(v)*float64(want.A) +
			255*(255-float64(want.A))) / 255)
	}
	for _, tc := range []struct {
		x, y float64
		in   bool
	}{
		// At x = 5.2 the band runs from 3.04 to 6.08.
		{5.2, 3.3, true}, {5.2, 5.8, true}, {5.2, 2.7, false}, {5.2, 6.5, false},
		{9.7, 7.5, true}, {9.7, 4.3, true}, {9.7, 3.5, false}, {0.3, 2.4, true}, {0.3, 1.6, false},
	} {
		at := to.at(tc.x, tc.y)
		r, g, b, _ := img.Image().At(int(at.X), 300-int(at.Y)-1).RGBA()
		near := math.Abs(float64(r>>8)-float64(blend(want.R))) < 8 &&
			math.Abs(float64(g>>8)-float64(blend(want.G))) < 8 &&
			math.Abs(float64(b>>8)-float64(blend(want.B))) < 8
		if near != tc.in {
			t.Errorf("at (%v, %v) the picture is #%02X%02X%02X: in the band %v, want %v", tc.x,
				tc.y, r>>8, g>>8, b>>8, near, tc.in)
		}
	}
}

func TestPositionsOnALogAxis(t *testing.T) {
	f := New(Options{LogX: true})
	f.Line("", []float64{1, 10, 1000}, []float64{0, 1, 2})
	to, _ := onPixels(t, f)
	left, right := to.c.Min.X, to.c.Max.X
	got := []float64{}
	for _, x := range []float64{1, 10, 100, 1000} {
		got = append(got, math.Round(1e9*float64((to.at(x, 1).X-left)/(right-left)))/1e9)
	}
	if diff := cmp.Diff([]float64{0, 0.333333333, 0.666666667, 1}, got); diff != "" {
		t.Errorf("places of 1, 10, 100, 1000 along the axis (-want +got)\n%s", diff)
	}
}

func TestFarPointsStayFinite(t *testing.T) {
	f := New(Options{XRange: &[2]float64{0, 1}, YRange: &[2]float64{0, 1}})
	f.Line("", []float64{-1e300, 0.5, 1e300}, []float64{1e300, 0.5, -1e308})
	to, _ := onPixels(t, f)
	for _, l := range to.c.ClipLinesXY(to.polyline(f.series[0].xs, f.series[0].ys)) {
		for _, p := range l {
			if !to.c.Contains(p) {
				t.Errorf("%v is outside the axes", p)
			}
		}
	}
}

func TestDenseCurvesAreThinnedButKeepTheirEnds(t *testing.T) {
	f := New(Options{})
	f.Func("", math.Sin, 0, 1)
	n := 200000
	xs, ys := make([]float64, n), make([]float64, n)
	for i := range xs {
		xs[i] = float64(i) / float64(n-1)
		ys[i] = math.Sin(xs[i])
	}
	to, _ := onPixels(t, f)
	pts := to.polyline(xs, ys)
	if len(pts) > n/5 || pts[0] != to.at(0, 0) || pts[len(pts)-1] != to.at(1, math.Sin(1)) {
		t.Errorf("%d points became %d, from %v to %v", n, len(pts), pts[0], pts[len(pts)-1])
	}
	if vg.Length(len(pts)) < to.c.Max.X-to.c.Min.X {
		t.Errorf("only %d points on %v", len(pts), to.c.Max.X-to.c.Min.X)
	}
}
