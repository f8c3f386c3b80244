package plotting

import (
	"archive/zip"
	"bytes"
	"encoding/csv"
	"fmt"
	"math"
	"strconv"

	"github.com/janpfeifer/gonb/gonbui/protocol"
)

// MIMEFiles is the type of what [Files] returns. It travels beside the picture in a notebook's
// output; what shows notebooks passes over it.
const MIMEFiles protocol.MIMEType = "application/vnd.kernelsmith.figure+zip"

// A dataset is one series as it stands in a figure's CSV. Columns that it lacks are nil; others are
// of one length.
type dataset struct {
	panel, series, kind string
	x, y, lower, upper  []float64
}

// csvOf returns the data of the drawing: a row per point with the panel (A, B, …; empty for a
// single figure), the series, its kind, x and y, or x and the bounds lower and upper for a band.
// Numbers have six significant digits, or all they have in a column of whole numbers and in one
// that spans less than a thousandth of its largest. A drawing without data has a header alone.
func csvOf(d Drawing) ([]byte, error) {
	if _, err := check(d); err != nil {
		return nil, err
	}
	var buf bytes.Buffer
	w := csv.NewWriter(&buf)
	_ = w.Write([]string{"panel", "series", "kind", "x", "y", "lower", "upper"})
	for _, s := range d.datasets() {
		columns := [][]float64{s.x, s.y, s.lower, s.upper}
		var digits [4]int
		for j, c := range columns {
			digits[j] = digitsOf(c)
		}
		for i := range max(len(s.x), len(s.y)) {
			row := []string{s.panel, s.series, s.kind, "", "", "", ""}
			for j, c := range columns {
				if c != nil {
					row[3+j] = strconv.FormatFloat(c[i], 'g', digits[j], 64)
				}
			}
			_ = w.Write(row)
		}
	}
	w.Flush()
	if err := w.Error(); err != nil {
		return nil, fmt.Errorf("plotting: encoding a CSV: %w", err)
	}
	return buf.Bytes(), nil
}

// digitsOf returns how many significant digits tell the numbers apart; −1 is all that they have.
func digitsOf(vs []float64) int {
	s := newSpan()
	s.add(vs)
	if !s.parted || s.hi > s.lo && s.hi-s.lo < 1e-3*max(math.Abs(s.lo), math.Abs(s.hi)) {
		return -1
	}
	return 6
}

func (f *Figure) datasets() []dataset {
	var all []dataset
	for _, s := range f.series {
		name := s.name
		if name == "" {
			name = s.stroke.like
		}
		d := dataset{series: name, kind: kindNames[s.kind], x: s.xs}
		switch s.kind {
		case note, key:
			continue
		case band:
			d.lower, d.upper = s.ys, s.hi
		default:
			d.y = s.ys
		}
		all = append(all, d)
	}
	return all
}

func (g *Grid) datasets() []dataset {
	var all []dataset
	for i, row := range g.rows {
		for j, d := range row {
			if d == nil {
				continue
			}
			for _, s := range d.datasets() {
				s.panel = letterOf(i*len(row)+j) + s.panel
				all = append(all, s)
			}
		}
	}
	return all
}

func (s *schematic) datasets() []dataset { return s.data }

// Files returns a ZIP archive of what a reader of a figure may want to take away: figure.svg,
// figure.pdf and, where there are curves, figure.csv.
func Files(d Drawing) ([]byte, error) {
	var buf bytes.Buffer
	archive := zip.NewWriter(&buf)
	for _, f := range []struct {
		name   string
		encode func(Drawing) ([]byte, error)
	}{{"figure.svg", SVG}, {"figure.pdf", pdfOf}, {"figure.csv", csvOf}} {
		if f.name == "figure.csv" && len(d.datasets()) == 0 {
			continue
		}
		b, err := f.encode(d)
		if err != nil {
			return nil, err
		}
		// Without a time, so that the bytes depend on the drawing alone.
		w, err := archive.CreateHeader(&zip.FileHeader{Name: f.name, Method: zip.Deflate})
		if err == nil {
			_, err = w.Write(b)
		}
		if err != nil {
			return nil, fmt.Errorf("plotting: packing %s: %w", f.name, err)
		}
	}
	if err := archive.Close(); err != nil {
		return nil, fmt.Errorf("plotting: packing the files of a figure: %w", err)
	}
	return buf.Bytes(), nil
}
