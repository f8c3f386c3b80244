package chart_test

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/kernelsmith/kernelsmith/site/live/internal/chart"
)

// drawn are the points of the path with a class.
func drawn(t *testing.T, svg, class string) (x, y []float64) {
	t.Helper()
	path := regexp.MustCompile(`<path class="` + class + `" d="([^"]*)"`).FindStringSubmatch(svg)
	if path == nil {
		t.Fatalf("there is no %s in\n%s", class, svg)
	}
	point := regexp.MustCompile(`[ML]([-\d.]+) ([-\d.]+)`)
	for _, p := range point.FindAllStringSubmatch(path[1], -1) {
		a, _ := strconv.ParseFloat(p[1], 64)
		b, _ := strconv.ParseFloat(p[2], 64)
		x, y = append(x, a), append(y, b)
	}
	return x, y
}

// ticks are places and values of an axis.
func ticks(t *testing.T, svg, axis string) (places, values []float64) {
	t.Helper()
	pattern := `<text x="([\d.]+)" y="[\d.]+" class="x">([^<]*)</text>`
	if axis == "y" {
		pattern = `<text x="\d+" y="([\d.]+)" class="y">([^<]*)</text>`
	}
	for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(svg, -1) {
		place, _ := strconv.ParseFloat(m[1], 64)
		value, err := strconv.ParseFloat(strings.Replace(m[2], "−", "-", 1), 64)
		if err != nil {
			t.Fatalf("the tick %q is no number", m[2])
		}
		if axis == "y" {
			place -= 4 // a text stands on its line
		}
		places, values = append(places, place), append(values, value)
	}
	if len(places) < 2 {
		t.Fatalf("%d ticks on %s in\n%s", len(places), axis, svg)
	}
	return places, values
}

// What is read off the axes at the drawn points are the numbers that were given.
func TestPointsAreWhereTheAxesSay(t *testing.T) {
	for _, logs := range [][2]bool{{false, false}, {true, false}, {false, true}, {true, true}} {
		c := chart.Chart{Title: "T", X: "x", Y: "y", LogX: logs[0], LogY: logs[1]}
		xs, ys := []float64{1, 3, 20, 500}, []float64{0.02, 4, 1, 70}
		c.Line("a", xs, ys)
		svg := c.SVG()
		px, py := drawn(t, svg, "line a")
		for _, axis := range []string{"x", "y"} {
			points, want, log := px, xs, logs[0]
			if axis == "y" {
				points, want, log = py, ys, logs[1]
			}
			places, values := ticks(t, svg, axis)
			n := len(places) - 1
			lo, hi := values[0], values[n]
			if log {
				lo, hi = math.Log(lo), math.Log(hi)
			}
			for i, p := range points {
				got := lo + (p-places[0])/(places[n]-places[0])*(hi-lo)
				wanted := want[i]
				if log {
					wanted = math.Log(wanted)
				}
				// Places have one digit behind the point, in a plot of some 200.
				if math.Abs(got-wanted) > 1e-3*(hi-lo) {
					t.Errorf("%v, %s: point %d is at %v, want %v", logs, axis, i, got, wanted)
				}
			}
		}
	}
}

func TestWhatCannotBeDrawnIsLeftOut(t *testing.T) {
	c := chart.Chart{LogY: true}
	c.Line("a", []float64{0, 1, 2, 3, 4}, []float64{1, math.NaN(), 10, 0, math.Inf(1)})
	if x, _ := drawn(t, c.SVG(), "line a"); len(x) != 2 {
		t.Errorf("%d points drawn, want 2", len(x))
	}
	for _, values := range [][]float64{nil, {0}, {math.NaN()}, {5, 5}, {1e300, -1e300}, {1e-300}} {
		for _, log := range []bool{false, true} {
			c := chart.Chart{LogX: log, LogY: log}
			c.Line("a", values, values)
			c.Band("b", values, values, values)
			if svg := c.SVG(); strings.Contains(svg, "NaN") || strings.Contains(svg, "Inf") {
				t.Errorf("%v, log %v: %s", values, log, svg)
			}
		}
	}
}

// A constant line has room around it, and a band goes there and back.
func TestSingularCurves(t *testing.T) {
	var c chart.Chart
	c.Band("b", []float64{0, 1}, []float64{2, 2}, []float64{3, 3})
	x, y := drawn(t, c.SVG(), "band b")
	if fmt.Sprint(x[0], x[1]) != fmt.Sprint(x[3], x[2]) || y[0] != y[1] || y[2] != y[3] ||
		y[0] <= y[2] {
		t.Errorf("the band goes through %v %v", x, y)
	}
}

// A title from elsewhere cannot bring markup in, and the drawing is well-formed.
func TestIsWellFormed(t *testing.T) {
	c := chart.Chart{Title: `"><script>`, X: "a < b", Y: "&"}
	c.Line("a", []float64{0, 1}, []float64{-1e-9, 1e9})
	svg := c.SVG()
	if strings.Contains(svg, "<script>") {
		t.Error(svg)
	}
	for d := xml.NewDecoder(strings.NewReader(svg)); ; {
		_, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%v in %s", err, svg)
		}
	}
}
