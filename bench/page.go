package main

import (
	_ "embed"
	"fmt"
	"io"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/template"

	"github.com/kernelsmith/kernelsmith/internal/atomicfile"
)

//go:embed page.tmpl
var pageText string

// A pageData is what the template takes.
type pageData struct {
	*results
	Picture                     string
	Tried                       bool
	Won, Lost, Alone, Discarded int
	Before, During              string
	Tries                       int
	Groups                      []group
	LostRows, Large, Compared   []*measured
}

// A group is the rows of one part of the table.
type group struct {
	Name string
	Rows []*measured
}

// writePage writes the page of the results and its picture, of the same name with the ending .png.
func writePage(r *results, path string) error {
	if len(r.Rows) == 0 {
		return fmt.Errorf("bench: there are no results to write a page of; measure rows first")
	}
	picture := strings.TrimSuffix(path, filepath.Ext(path)) + ".png"
	if err := drawRatios(r, picture); err != nil {
		return err
	}
	p := pageData{results: r, Picture: filepath.Base(picture), Tries: mostTries,
		Before: fmt.Sprintf("%.0f %%", 100*quietBefore),
		During: fmt.Sprintf("%.0f %%", 100*quietDuring)}
	for _, m := range r.Rows {
		p.add(m)
	}
	t, err := template.New("page").Funcs(template.FuncMap{
		"versions": versions, "lost": (*measured).lost, "best": (*measured).best,
		"ratio": (*measured).ratio, "own": ownCell, "peers": peersCell, "reason": reason,
		"memory":     func(m *measured) string { return gigabytes(m.side(kernelsmith)) },
		"memories":   memoriesCell,
		"exponent":   exponent.String,
		"ends":       (*growth).ends,
		"difference": (*measured).difference,
	}).Parse(pageText)
	if err != nil {
		return err
	}
	return atomicfile.Write(path, func(w io.Writer) error { return t.Execute(w, &p) })
}

// add puts a row where it belongs.
func (p *pageData) add(m *measured) {
	own := m.side(kernelsmith)
	p.Tried = p.Tried || m.Small || own.Disturbed
	switch {
	case m.best() == nil:
		p.Alone++
	case m.lost():
		p.Lost++
		p.LostRows = append(p.LostRows, m)
	default:
		p.Won++
	}
	for _, t := range m.Sides {
		p.Discarded += t.Discarded
	}
	if own.PeakMB >= 300 {
		p.Large = append(p.Large, m)
	}
	if m.Tolerance > 0 && m.best() != nil {
		p.Compared = append(p.Compared, m)
	}
	if n := len(p.Groups); n == 0 || p.Groups[n-1].Name != m.Group {
		p.Groups = append(p.Groups, group{Name: m.Group})
	}
	last := &p.Groups[len(p.Groups)-1]
	last.Rows = append(last.Rows, m)
}

func versions(a about) string {
	var all []string
	for _, k := range slices.Sorted(maps.Keys(a.Versions)) {
		all = append(all, k+" "+a.Versions[k])
	}
	return strings.Join(all, ", ")
}

// Rate writes a limit.
func (r *results) Rate(side, kind string) string {
	for _, l := range r.Limits {
		if l.Side == side && l.Type == kind {
			if kind == "memory" {
				return fmt.Sprintf("%.0f GB/s", l.PerSecond/1e9)
			}
			return fmt.Sprintf("%.0f GFLOP/s", l.PerSecond/1e9)
		}
	}
	return "–"
}

// OverBound writes how many times the hardware's limit a row takes.
func (r *results) OverBound(m *measured) string {
	if b := r.bound(m); b > 0 && m.side(kernelsmith).Median > 0 {
		return digits(m.side(kernelsmith).Median/b, 2) + " ×"
	}
	return "–"
}

func ownCell(m *measured) string { return m.side(kernelsmith).spread() + " " + m.Unit }

// digits writes a number with so many significant digits, and with an exponent only where it is
// very small or large.
func digits(x float64, n int) string {
	text := strconv.FormatFloat(x, 'g', n, 64)
	if rounded, err := strconv.ParseFloat(text, 64); err == nil &&
		1e-4 <= math.Abs(rounded) && math.Abs(rounded) < 1e5 {
		return strconv.FormatFloat(rounded, 'f', -1, 64)
	}
	return text
}

// spread writes median, least and greatest.
func (t *timing) spread() string {
	text := digits(t.Median, 3)
	if t.Least < t.Greatest {
		text += " (" + digits(t.Least, 3) + "–" + digits(t.Greatest, 3) + ")"
	}
	if t.Disturbed {
		text += ", disturbed,"
	}
	return text
}

// peersCell writes the results of a row's peers beside Kernelsmith's.
func peersCell(m *measured) string {
	own := m.side(kernelsmith)
	var all []string
	for _, t := range m.Sides {
		switch {
		case t == own:
		case t.Lacks != "":
			all = append(all, t.Side+" "+t.Lacks)
		case t.Error != "":
			all = append(all, t.Side+" error: "+oneLine(t.Error))
		case own.Median <= 0:
			all = append(all, t.Side+" "+t.spread())
		default:
			all = append(all,
				t.Side+" "+t.spread()+": **"+digits(t.Median/own.Median, 3)+" ×**")
		}
	}
	return strings.Join(all, "<br>")
}

func oneLine(text string) string { return strings.ReplaceAll(text, "\n", " ") }

func gigabytes(t *timing) string { return fmt.Sprintf("%.2g GB", t.PeakMB/1e3) }

// memoriesCell writes the peers' peaks of memory beside Kernelsmith's.
func memoriesCell(m *measured) string {
	own := m.side(kernelsmith)
	var all []string
	for _, t := range m.Sides {
		if t != own && t.PeakMB > 0 {
			all = append(all, fmt.Sprintf("%s %s: **%.2g ×**", t.Side, gigabytes(t),
				t.PeakMB/own.PeakMB))
		}
	}
	return strings.Join(all, "<br>")
}

func reason(m *measured) string {
	if why := reasons[m.ID]; why != "" {
		return why
	}
	return "Not explained yet"
}

// difference is the largest between a row's sides.
func (m *measured) difference() float64 {
	largest := 0.
	for _, t := range m.Sides {
		largest = max(largest, t.Difference)
	}
	return largest
}

func (g *growth) ends() string {
	return thousands(int(g.At[0])) + ", " + thousands(int(g.At[len(g.At)-1]))
}
