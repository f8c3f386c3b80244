package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/kernelsmith/kernelsmith/internal/atomicfile"
)

// results is what the command has measured, as the file has it.
type results struct {
	Format  int
	Machine machine
	Sides   []about
	Limits  []limit
	Rows    []*measured
	Growth  []*growth `json:",omitzero"`
}

// A machine is what was measured on.
type machine struct {
	Processor  string
	Processors int
	MemoryGB   float64
	System     string
	Date       string // of the last row
}

// about is what a side says of itself.
type about struct {
	Name     string
	Versions map[string]string
	Threads  int
}

// A limit is what a side's own bare product of two large matrices does in a precision, and, as the
// type "memory" of Kernelsmith's side, what a copy of memory by all processors does.
type limit struct {
	Side, Type string
	PerSecond  float64 // operations or bytes
}

// measured is a row with its results.
type measured struct {
	ID, Key, Group, Title, Unit, Note string
	Tolerance                         float64
	Why                               string
	Small                             bool    `json:",omitzero"` // a try with small sizes
	Type                              string  // of its numbers
	Products                          float64 `json:",omitzero"`
	Traffic                           float64 `json:",omitzero"`
	Sides                             []*timing
}

// timing is what one side did in a row, in the row's unit.
type timing struct {
	Side                    string
	N                       int
	Median, Least, Greatest float64
	Repetitions, Discarded  int
	// Disturbed says that other programs had more of the machine than is allowed, in each try.
	Disturbed  bool    `json:",omitzero"`
	Prepare    float64 // seconds to load, to compile and to run once
	PeakMB     float64 // of the process while it ran
	Difference float64 // from Kernelsmith's numbers, of the largest
	Lacks      string  `json:",omitzero"` // why there is no time
	Error      string  `json:",omitzero"`
}

// loadResults reads a file of results, or returns none if there is no file.
func loadResults(path string) (*results, error) {
	r := &results{Format: 1}
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err == nil {
		err = json.Unmarshal(b, r)
	}
	if err != nil {
		return nil, fmt.Errorf("bench: %s: %w", path, err)
	}
	if r.Format != 1 {
		return nil, fmt.Errorf("bench: %s has the format %d, and this program writes 1; "+
			"take another -out", path, r.Format)
	}
	return r, nil
}

func (r *results) save(path string) error {
	b, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		return err
	}
	return atomicfile.WriteBytes(path, append(b, '\n'))
}

// find returns the row with an ID, or nil.
func (r *results) find(id string) *measured {
	for _, m := range r.Rows {
		if m.ID == id {
			return m
		}
	}
	return nil
}

// put adds a row, in place of an earlier one with its ID, in the order of the table.
func (r *results) put(m *measured, order []*row) {
	r.Rows = slices.DeleteFunc(r.Rows, func(o *measured) bool { return o.ID == m.ID })
	r.Rows = append(r.Rows, m)
	place := func(m *measured) int {
		return slices.IndexFunc(order, func(r *row) bool { return r.ID == m.ID })
	}
	slices.SortStableFunc(r.Rows, func(a, b *measured) int { return place(a) - place(b) })
}

// side returns what a side did in the row, or nil.
func (m *measured) side(name string) *timing {
	for _, t := range m.Sides {
		if t.Side == name {
			return t
		}
	}
	return nil
}
