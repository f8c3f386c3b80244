package plotting

import (
	"fmt"
	"image/color"
	"math"
	"testing"
)

func TestColorOf(t *testing.T) {
	for name, want := range map[string]string{
		"1HL ReLU": "#009E73", "4HL ReLU": "#0072B2", "ReLU": "#0072B2", "1HL mimic": "#D55E00",
		"target": "#000000", "": "#666666",
	} {
		c := colorOf(name)
		if got := fmt.Sprintf("#%02X%02X%02X", c.R, c.G, c.B); got != want || c.A != 255 {
			t.Errorf("ColorOf(%q) = %s with alpha %d, want %s", name, got, c.A, want)
		}
	}
}

func TestNTKHasTheColourOfItsNet(t *testing.T) {
	for _, net := range []string{"4HL ReLU", "1HL mimic", "net 0"} {
		ntk := net + " NTK"
		if colorOf(ntk) != colorOf(net) {
			t.Errorf("%q and %q differ", ntk, net)
		}
		// Beside a name that would take the colour first, too.
		pal := paletteOf([]string{clashing(net), ntk, net})
		if pal.color(ntk) != pal.color(net) || pal.color(net) == pal.color(clashing(net)) {
			t.Errorf("in one drawing with %q, %q and %q are not of one colour of their own",
				clashing(net), ntk, net)
		}
	}
	if nngp := "4HL ReLU NNGP"; colorOf(nngp) == colorOf("4HL ReLU") {
		t.Errorf("%q is another kernel and has the colour of the NTK", nngp)
	}
}

// clashing is a name whose preferred colour is that of another name.
func clashing(name string) string {
	for i := 0; ; i++ {
		if other := fmt.Sprint("other ", i); slot(other) == slot(name) {
			return other
		}
	}
}

func TestNamesInOneDrawingDiffer(t *testing.T) {
	names := []string{"1HL ReLU", "4HL ReLU", "1HL mimic", "target"}
	for i := range len(free) {
		names = append(names, fmt.Sprintf("net %d", i))
	}
	seen := map[color.NRGBA]string{}
	pal := paletteOf(append(names, names...))
	for _, n := range names {
		c := pal.color(n)
		if other, ok := seen[c]; ok {
			t.Errorf("%q and %q are both %v", other, n, c)
		}
		seen[c] = n
	}
	// The first of the others keeps the colour it has everywhere.
	if pal.color("net 0") != colorOf("net 0") {
		t.Error("the first name lost its colour")
	}
	// More names than colours share, and still have one.
	for i := range 3 * len(free) {
		names = append(names, fmt.Sprintf("further %d", i))
	}
	if got := len(paletteOf(names)); got != len(names) {
		t.Errorf("%d names got %d colours", len(names), got)
	}
}

// Lines need 3:1 against white (WCAG 2.1, 1.4.11) for the named nets; the further ones at least
// 2:1.
func TestContrastOnWhite(t *testing.T) {
	linear := func(v uint8) float64 {
		x := float64(v) / 255
		if x <= 0.04045 {
			return x / 12.92
		}
		return math.Pow((x+0.055)/1.055, 2.4)
	}
	ratio := func(c color.NRGBA) float64 {
		return 1.05 / (0.2126*linear(c.R) + 0.7152*linear(c.G) + 0.0722*linear(c.B) + 0.05)
	}
	for _, n := range []string{"1HL ReLU", "4HL ReLU", "1HL mimic", "target", ""} {
		if r := ratio(colorOf(n)); r < 3 {
			t.Errorf("%q: contrast %.2f, want 3", n, r)
		}
	}
	for _, c := range free {
		if r := ratio(c); r < 2 {
			t.Errorf("%v: contrast %.2f, want 2", c, r)
		}
	}
}
