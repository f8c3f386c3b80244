package main

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kernelsmith/kernelsmith/internal/atomicfile"
)

// writePage writes the page of the results and its picture, of the same name with the ending .png.
func writePage(r *results, path string) error {
	if len(r.Rows) == 0 {
		return fmt.Errorf("bench: there are no results to write a page of; measure rows first")
	}
	picture := strings.TrimSuffix(path, filepath.Ext(path)) + ".png"
	if err := drawRatios(r, picture); err != nil {
		return err
	}
	return atomicfile.WriteBytes(path, []byte(page(r, filepath.Base(picture))))
}

// page is the page in Markdown.
func page(r *results, picture string) string {
	var s strings.Builder
	s.WriteString("# Side by side\n\n" +
		"Kernelsmith and the public tools that compute the same, measured in one run by `make bench-peers`, " +
		"in turn and on the same inputs. This page is made from `bench/results.json`; " +
		"[how it is measured](#how-it-is-measured) is below.\n\n")
	writeMachine(&s, r)
	won, lost, alone := count(r)
	fmt.Fprintf(&s, "Of %d rows Kernelsmith is ahead in %d, behind in %d, and has no peer with a result in %d.\n\n",
		len(r.Rows), won, lost, alone)
	fmt.Fprintf(&s, "![For each row and peer, the peer's time over Kernelsmith's, on a logarithmic axis]"+
		"(%s)\n\n*How many times as long a peer takes.*\n\n", picture)
	writeTables(&s, r)
	writeLost(&s, r)
	writeMemory(&s, r)
	writeGrowth(&s, r)
	writeMethod(&s, r)
	return s.String()
}

func count(r *results) (won, lost, alone int) {
	for _, m := range r.Rows {
		switch {
		case m.best() == nil:
			alone++
		case m.lost():
			lost++
		default:
			won++
		}
	}
	return won, lost, alone
}

func writeMachine(s *strings.Builder, r *results) {
	fmt.Fprintf(s, "Measured on %s: %s, %d processors, %.0f GB, %s.\n\n", r.Machine.Date,
		r.Machine.Processor, r.Machine.Processors, r.Machine.MemoryGB, r.Machine.System)
	if slices.ContainsFunc(r.Rows, func(m *measured) bool { return m.Small }) {
		s.WriteString("**A try with small sizes: these are not the published numbers.**\n\n")
	}
	s.WriteString("| side | versions | threads | product of 4096×4096, single | double |\n" +
		"|---|---|---|---|---|\n")
	for _, a := range r.Sides {
		var versions []string
		for _, k := range slices.Sorted(maps.Keys(a.Versions)) {
			versions = append(versions, k+" "+a.Versions[k])
		}
		fmt.Fprintf(s, "| %s | %s | %d | %s | %s |\n", a.Name, strings.Join(versions, ", "),
			a.Threads, r.rate(a.Name, "float32"), r.rate(a.Name, "float64"))
	}
	fmt.Fprintf(s, "\nA copy of memory by all processors reads and writes %s.\n\n",
		r.rate(kernelsmith, "memory"))
}

// rate writes a limit.
func (r *results) rate(side, kind string) string {
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

func writeTables(s *strings.Builder, r *results) {
	s.WriteString("Times are medians, with the least and the greatest; × is how many times Kernelsmith's a peer's " +
		"is. The hardware's limit is what the row's matrix products take at the rate above, or its matrices at " +
		"that of the memory, whichever is more.\n\n")
	group := ""
	for _, m := range r.Rows {
		if m.Group != group {
			group = m.Group
			fmt.Fprintf(s, "\n## %s\n\n| what | Kernelsmith | peers | of the hardware's limit |\n"+
				"|---|---|---|---|\n", group)
		}
		own := m.side(kernelsmith)
		var peers []string
		for _, t := range m.Sides {
			if t != own {
				peers = append(peers, t.Side+" "+t.against(own))
			}
		}
		limit := "–"
		if b := r.bound(m); b > 0 && own.Error == "" {
			limit = fmt.Sprintf("%.2g ×", own.Median/b)
		}
		title := m.Title
		if m.Note != "" {
			title += " (" + m.Note + ")"
		}
		if m.lost() {
			title = "**lost:** " + title
		}
		fmt.Fprintf(s, "| %s | %s %s | %s | %s |\n", title, own.spread(), m.Unit,
			strings.Join(peers, "<br>"), limit)
	}
	s.WriteString("\n")
}

// spread writes median, least and greatest.
func (t *timing) spread() string {
	text := fmt.Sprintf("%.3g", t.Median)
	if t.Least < t.Greatest {
		text += fmt.Sprintf(" (%.3g–%.3g)", t.Least, t.Greatest)
	}
	if t.Disturbed {
		text += ", disturbed"
	}
	return text
}

// against writes a peer's result beside Kernelsmith's.
func (t *timing) against(own *timing) string {
	switch {
	case t.Lacks != "":
		return t.Lacks
	case t.Error != "":
		return "error: " + strings.ReplaceAll(t.Error, "\n", " ")
	case own.Median <= 0:
		return t.spread()
	}
	return fmt.Sprintf("%s: **%.3g ×**", t.spread(), t.Median/own.Median)
}

func writeLost(s *strings.Builder, r *results) {
	s.WriteString("## Lost rows\n\n")
	none := true
	for _, m := range r.Rows {
		if !m.lost() {
			continue
		}
		none = false
		why := reasons[m.ID]
		if why == "" {
			why = "not explained yet"
		}
		fmt.Fprintf(s, "- %s: %s takes %.2f of Kernelsmith's. %s.\n", m.Title, m.best().Side,
			m.best().Median/m.side(kernelsmith).Median, why)
	}
	if none {
		s.WriteString("None.\n")
	}
	s.WriteString("\n")
}

// writeMemory writes the peaks of the processes where the work is more than what was imported.
func writeMemory(s *strings.Builder, r *results) {
	s.WriteString("## Peak memory\n\nOf the whole process while it runs, what it has imported and its inputs " +
		"included, for rows of more than 300 MB on Kernelsmith's side.\n\n" +
		"| what | Kernelsmith | peers |\n|---|---|---|\n")
	for _, m := range r.Rows {
		own := m.side(kernelsmith)
		if own.PeakMB < 300 {
			continue
		}
		var peers []string
		for _, t := range m.Sides {
			if t != own && t.PeakMB > 0 {
				peers = append(peers, fmt.Sprintf("%s %.2g GB: **%.2g ×**", t.Side, t.PeakMB/1e3,
					t.PeakMB/own.PeakMB))
			}
		}
		fmt.Fprintf(s, "| %s | %.2g GB | %s |\n", m.Title, own.PeakMB/1e3,
			strings.Join(peers, "<br>"))
	}
	s.WriteString("\n")
}

func writeGrowth(s *strings.Builder, r *results) {
	if len(r.Growth) == 0 {
		return
	}
	s.WriteString("## How cost grows\n\nExponents p of size^p for Kernelsmith, by least squares in the logarithms of " +
		"size and cost, with their standard errors. Memory is what the operation needs beyond its inputs.\n\n" +
		"| what | size | from, to | time, measured | expected | memory, measured | expected |\n" +
		"|---|---|---|---|---|---|---|\n")
	for _, g := range r.Growth {
		fmt.Fprintf(s, "| %s | %s | %s, %s | %.2f ± %.2f | %s | %.2f ± %.2f | %s |\n", g.Title, g.Size,
			thousands(int(g.At[0])), thousands(int(g.At[len(g.At)-1])), g.Time.Value, g.Time.Error,
			g.Expected, g.Memory.Value, g.Memory.Error, g.ExpectedMemory)
	}
	s.WriteString("\n")
}

func writeMethod(s *strings.Builder, r *results) {
	fmt.Fprintf(s, "## How it is measured\n\n"+
		"Each side is a process of its own that stays alive; those of the peers have the packages that "+
		"`bench/requirements-*.txt` pins, in environments that the command makes. Variables that choose other "+
		"arithmetic or fewer threads are not handed on to them. Inputs are drawn once from a seed and written as "+
		"bare numbers, which both sides read. A side loads them, compiles what it compiles and runs once; none of "+
		"that is in the times, and of JAX, `block_until_ready` is.\n\n"+
		"Repetitions go round the sides. Each lasts at least 0.3 s, of several runs where one is shorter. Before each, "+
		"the command waits until other programs have less than %.0f %% of the machine for half a second. If they had "+
		"more than %.0f %% of it during the repetition, by the times in `/proc/stat` less those of the sides and with "+
		"what a hypervisor stole, it is discarded and made again, at most %d times; the last is then marked "+
		"as disturbed.\n\n", 100*quietBefore, 100*quietDuring, mostTries)
	discarded := 0
	for _, m := range r.Rows {
		for _, t := range m.Sides {
			discarded += t.Discarded
		}
	}
	fmt.Fprintf(s, "In this run %d repetitions were discarded. Results of both sides are compared at 64 places, or "+
		"all, and must agree within:\n\n| row | largest difference | allowed | because of |\n|---|---|---|---|\n",
		discarded)
	for _, m := range r.Rows {
		largest := 0.
		for _, t := range m.Sides {
			largest = max(largest, t.Difference)
		}
		if m.Tolerance > 0 && m.best() != nil {
			fmt.Fprintf(s, "| %s | %.1g | %.1g | %s |\n", m.ID, largest, m.Tolerance, m.Why)
		}
	}
}
