package main

import (
	"fmt"
	"io"
)

// writeDevices writes the table of the rows of a device, as it can stand in docs/gpu.md.
func writeDevices(to io.Writer, r *results) error {
	fmt.Fprintf(to, "%s, %d processors, %.0f GB, %s, %s.\n", r.Machine.Processor,
		r.Machine.Processors, r.Machine.MemoryGB, r.Machine.System, r.Machine.Date)
	for _, s := range r.Sides {
		fmt.Fprintf(to, "%s: %s.\n", s.Name, versions(s))
	}
	fmt.Fprintf(to, "\n| what | Kernelsmith without a device | %s | %s | results differ by |\n"+
		"|---|---|---|---|---|\n", onDevice, jaxOnDevice)
	for _, m := range r.Rows {
		fmt.Fprintf(to, "| %s |", m.Title)
		for _, name := range append([]string{kernelsmith}, devicePeers...) {
			fmt.Fprintf(to, " %s |", m.cell(name))
		}
		fmt.Fprintf(to, " %.1e |\n", m.difference())
	}
	_, err := fmt.Fprintf(to, "\nMedians, with the least and the greatest.\n")
	return err
}

// cell is what a side did in a row, or why there is no time.
func (m *measured) cell(name string) string {
	switch t := m.side(name); {
	case t == nil:
		return "–"
	case t.Lacks != "":
		return t.Lacks
	case t.Error != "":
		return "error: " + oneLine(t.Error)
	default:
		return t.spread() + " " + m.Unit
	}
}
