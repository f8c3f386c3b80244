package plotting

import (
	"math"
	"strconv"
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
		{20000, 20100, 3, "20000 20050 20100"}, // five digits need no offset
		{99.1, 100.9, 2, "99.5 100.0 100.5"},   // a round number alone gives no length
		{0.19, 0.61, 4, "0.2 0.4 0.6"},
	} {
		ts, offset := linearTicks(tc.lo, tc.hi, tc.n)
		if got := labelsOf(ts); got != tc.want || offset != 0 {
			t.Errorf("[%v, %v] with %d: %q and %v, want %q", tc.lo, tc.hi, tc.n, got, offset,
				tc.want)
		}
	}
	// Where no round number fits between, the ends themselves.
	lo := 1e16
	if ts, offset := linearTicks(lo, math.Nextafter(lo, math.Inf(1)), 5); len(ts) != 2 ||
		ts[0].Value != lo || labelsOf(ts) != "0 2" || offset != lo {
		t.Errorf("two neighbouring numbers: %v", ts)
	}
}

// What the labels of an axis have in common is written once, beside its label.
func TestOffsets(t *testing.T) {
	for _, tc := range []struct {
		lo, hi        float64
		n             int
		ticks, offset string
	}{
		{1e13, 1e13 + 1, 4, "0.0 0.5 1.0", "+ 10^{13}"},
		{-1e13 - 1, -1e13, 4, "−1.0 −0.5 0.0", "− 10^{13}"},
		{1e6, 1e6 + 4, 4, "0 1 2 3 4", "+ 10^{6}"},
		{1000012, 1000016, 4, "12 13 14 15 16", "+ 10^{6}"},
		{123456.1, 123456.4, 3, "0.1 0.2 0.3 0.4", "+ 123456"},
		{1.00002, 1.00006, 2, "2×10^{−5} 4×10^{−5} 6×10^{−5}", "+ 1"},
		{1.5e-7, 1.5e-7 + 4e-13, 2, "0 2×10^{−13} 4×10^{−13}", "+ 1.5×10^{−7}"},
	} {
		ts, offset := linearTicks(tc.lo, tc.hi, tc.n)
		if got := labelsOf(ts); got != tc.ticks || offsetLabel(offset) != tc.offset {
			t.Errorf("[%v, %v] with %d: %q and %q, want %q and %q", tc.lo, tc.hi, tc.n, got,
				offsetLabel(offset), tc.ticks, tc.offset)
		}
		for _, tick := range ts {
			if tick.Value < tc.lo-1e-9*(tc.hi-tc.lo) || tick.Value > tc.hi+1e-9*(tc.hi-tc.lo) {
				t.Errorf("[%v, %v]: a tick at %v", tc.lo, tc.hi, tick.Value)
			}
		}
	}
}

// Values that differ by little of themselves are a curve, not a flat line, on all kinds of axes and
// in the CSV.
func TestSmallDifferencesOfLargeNumbers(t *testing.T) {
	for _, tc := range []struct {
		at  float64
		log bool
	}{{1e13, false}, {1e13, true}, {-1e13, false}, {3, false}, {3, true}} {
		unit := math.Abs(tc.at) / 1e13
		f := New(Options{Y: "loss", LogY: tc.log})
		f.Line("", []float64{0, 1, 2}, []float64{tc.at, tc.at + unit, tc.at + unit/2})
		to, _ := onPixels(t, f)
		low, high, mid := to.at(0, tc.at).Y, to.at(1, f.series[0].ys[1]).Y, to.at(2,
			f.series[0].ys[2]).Y
		height := to.c.Max.Y - to.c.Min.Y
		if rise := (high - low) / height; rise < 0.9 || rise > 0.94 {
			t.Errorf("%v, log %v: the curve takes %v of the height", tc.at, tc.log, rise)
		}
		if part := (mid - low) / (high - low); part < 0.45 || part > 0.55 {
			t.Errorf("%v, log %v: half the difference is at %v of the curve", tc.at, tc.log, part)
		}
		if s := to.p.Y.Label.Text; !strings.HasPrefix(s, "loss\n") {
			t.Errorf("%v, log %v: the label of the axis, %q, gives no offset", tc.at, tc.log, s)
		}
		b, err := csvOf(f)
		if err != nil {
			t.Fatal(err)
		}
		rows := strings.Split(strings.TrimSpace(string(b)), "\n")
		for i, row := range rows[1:] {
			if y, err := strconv.ParseFloat(strings.Split(row, ",")[4], 64); err != nil ||
				y != f.series[0].ys[i] {
				t.Errorf("the CSV has %s for y = %v", row, f.series[0].ys[i])
			}
		}
	}
	// What differs by rounding alone is flat.
	f := New(Options{})
	f.Line("", []float64{0, 1}, []float64{0.1 + 0.2, 0.3})
	if fr, err := f.frame(); err != nil || fr.y[1]-fr.y[0] < 0.05 {
		t.Errorf("0.1 + 0.2 and 0.3 on an axis from %v to %v, %v", fr.y[0], fr.y[1], err)
	}
}

func TestLogTicks(t *testing.T) {
	for _, tc := range []struct {
		lo, hi float64
		n      int
		want   string
	}{
		{1, 1025, 5, "1 · · · · · · · · 10 · · · · · · · · 100 · · · · · · · · 1000"},
		{0.05, 2, 5, "0.05 · · · · 0.1 0.2 · · 0.5 · · · · 1 2"},
		{0.2, 0.9, 5, "0.2 0.3 · 0.5 · 0.7 · ·"},
		{0.31, 0.39, 4, "0.32 0.34 0.36 0.38"},
		{1e-6, 1, 3, "10^{−6} · · 10^{−3} · · 10^{0}"},
		{1e5, 1e6, 3, "10^{5} 2×10^{5} · · 5×10^{5} · · · · 10^{6}"},
		{0.011, 9, 2, "· 0.03 · · · · · · 0.1 · 0.3 · · · · · · 1 · 3 · · · · · ·"},
		{1, 1e3, 2, "1 · · · · · · · · 10 · · · · · · · · 100 · · · · · · · · 1000"},
	} {
		ts, _ := logTicks(tc.lo, tc.hi, tc.n)
		if got := labelsOf(ts); got != tc.want {
			t.Errorf("[%v, %v] with %d: %q, want %q", tc.lo, tc.hi, tc.n, got, tc.want)
		}
	}
}

// Two labels of a log axis leave open whether it is one.
func TestLogAxesHaveThreeLabels(t *testing.T) {
	for lo := 1e-12; lo < 1e12; lo *= 1.7 {
		for ratio := 1.0001; ratio < 1e30; ratio *= 1 + 0.3*(ratio-1) {
			for n := 2; n < 8; n++ {
				ts, _ := logTicks(lo, lo*ratio, n)
				labels := strings.Fields(strings.ReplaceAll(labelsOf(ts), "·", ""))
				if len(labels) < 3 || len(labels) > max(8, 2*n+1) {
					t.Fatalf("[%v, %v] with %d: %q", lo, lo*ratio, n, labels)
				}
			}
			ratio = min(ratio, 1e30)
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
