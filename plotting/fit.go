package plotting

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"gonum.org/v1/plot/vg"
)

const (
	// leastSize is that of the smallest letters in points: titles, labels and legends that do not
	// fit are wrapped, then shrunk as far as this, then an error.
	leastSize = 6
	// leastPart is how much of a figure is left for its axes.
	leastPart = 0.5
)

// scales are by what titles, labels and legends of a picture are shrunk together.
var scales = []float64{1, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7, 0.65, 0.6, 0.55, 0.5}

// scaled is a size of letters at a scale.
func scaled(size, scale float64) float64 { return max(min(size, leastSize), size*scale) }

// words splits a line at its spaces, but for those within braces.
func words(line string) []string {
	var ws []string
	start, depth := 0, 0
	for i, r := range line {
		switch {
		case r == '{':
			depth++
		case r == '}':
			depth = max(0, depth-1)
		case r == ' ' && depth == 0:
			ws = append(ws, line[start:i])
			start = i + 1
		}
	}
	return append(ws, line[start:])
}

// fit wraps the text where it is wider than a width, and says whether it then fits. The lines are
// as few as can be, and as even.
func (t caption) fit(width vg.Length) (caption, bool) {
	if t.width() <= width {
		return t, true
	}
	var lines []string
	for _, line := range t.lines() {
		ws := words(line)
		widths := make([]vg.Length, len(ws))
		low := vg.Length(0)
		for i, w := range ws {
			widths[i] = t.with(w).width()
			low = max(low, widths[i])
		}
		space := t.with(" ").width()
		fewest := len(broken(ws, widths, space, width))
		high := width
		for high-low > vg.Points(0.5) {
			if mid := (low + high) / 2; len(broken(ws, widths, space, mid)) > fewest {
				low = mid
			} else {
				high = mid
			}
		}
		lines = append(lines, broken(ws, widths, space, max(low, high))...)
	}
	t = t.with(strings.Join(lines, "\n"))
	return t, t.width() <= width
}

// with is another text of the same look.
func (t caption) with(text string) caption {
	t.text = text
	return t
}

// broken puts as many words on each line as fit.
func broken(words []string, widths []vg.Length, space, width vg.Length) []string {
	var lines []string
	start, used := 0, vg.Length(0)
	for i, w := range widths {
		if i > start && used+space+w > width {
			lines = append(lines, strings.Join(words[start:i], " "))
			start = i
		}
		if i == start {
			used = w
		} else {
			used += space + w
		}
	}
	return append(lines, strings.Join(words[start:], " "))
}

// fitInto wraps and shrinks a text that stands on its own until it fits into a width and height.
func (t caption) fitInto(width, height vg.Length) (caption, bool) {
	for _, scale := range scales {
		s := t
		s.size = scaled(t.size, scale)
		if s, ok := s.fit(width); ok && s.height() <= height {
			return s, true
		}
	}
	return t, false
}

// A textError says what is too long for its place.
func textError(what, text string) error {
	if rs := []rune(text); len(rs) > 60 {
		text = string(rs[:60]) + "…"
	}
	return fmt.Errorf("plotting: %s %q does not fit, with lines broken at spaces and letters of "+
		"%d points; shorten it or make the picture larger", what, text, leastSize)
}

// errSqueezed is what is wrong where texts take the place of the axes.
var errSqueezed = fmt.Errorf("plotting: title, labels and legend leave less than half of a figure "+
	"for its axes, with letters of %d points; shorten them or make the picture larger", leastSize)

// errNarrow is what is wrong where numbers take the place of the axes.
var errNarrow = errors.New("plotting: the numbers on the axes of a figure leave no room between " +
	"them; make the picture larger")

// fitEntries wraps the names of a legend for a width.
func fitEntries(es []entry, width vg.Length) ([]entry, error) {
	fitted := make([]entry, len(es))
	for i, e := range es {
		t, ok := e.caption().fit(width - vg.Points(thumbWidth+thumbGap))
		if !ok {
			return nil, textError("legend entry", e.name)
		}
		e.text = t.text
		fitted[i] = e
	}
	return fitted, nil
}

// sized gives the names of a legend a size.
func sized(es []entry, size float64) []entry {
	fitted := make([]entry, len(es))
	for i, e := range es {
		e.size = size
		fitted[i] = e
	}
	return fitted
}

// balanced breaks entries into the same number of rows without one that stands alone in the last,
// if that can be.
func balanced(es []entry, rows [][]entry) [][]entry {
	n := len(rows)
	if n < 2 || len(rows[n-1]) > 1 || len(rows[n-2]) < 2 {
		return rows
	}
	var widest vg.Length
	for _, row := range rows {
		widest = max(widest, rowWidth(row))
	}
	for w := widest; w > 0; w -= vg.Points(1) {
		narrower := brokenRows(es, w)
		if len(narrower) > n {
			break
		}
		rows = narrower
	}
	return rows
}

// rowWidth is the width of entries beside each other.
func rowWidth(row []entry) vg.Length {
	w := -vg.Points(entryGap)
	for _, e := range row {
		w += e.width() + vg.Points(entryGap)
	}
	return w
}

// centred returns where the middle of a text is, as near to mid as keeps it between the ends.
func centred(mid, width, low, high vg.Length) vg.Length {
	return vg.Length(math.Max(float64(low+width/2), math.Min(float64(mid), float64(high-width/2))))
}
