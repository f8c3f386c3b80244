// Command gallery writes what the page of designs says of each beyond its record. It reads an array
// of designs from its input, as design.Design.Save writes them, and writes an array of their
// spreads and sources, in the same order.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/kernelsmith/kernelsmith/internal/languages"
	"github.com/kernelsmith/kernelsmith/ntk/design"
)

// entry is what is said of one design.
type entry struct {
	// Spread is √V: the kernels of nets of width N have the standard deviation Spread/√N.
	Spread float64 `json:"spread"`
	// Sources are φ by the names of the languages.
	Sources map[string]string `json:"sources"`
}

func main() {
	if err := write(os.Stdout, os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, "gallery:", err)
		os.Exit(1)
	}
}

func write(w io.Writer, r io.Reader) error {
	var designs []json.RawMessage
	if err := json.NewDecoder(r).Decode(&designs); err != nil {
		return fmt.Errorf("the array of designs cannot be read: %w", err)
	}
	entries := make([]entry, len(designs))
	for i, text := range designs {
		if err := entries[i].fill(text); err != nil {
			return fmt.Errorf("design %d: %w", i+1, err)
		}
	}
	return json.NewEncoder(w).Encode(entries)
}

func (e *entry) fill(text []byte) error {
	d, err := design.LoadDesign(bytes.NewReader(text))
	if err != nil {
		return err
	}
	if e.Spread, err = d.MeanSpread(); err != nil {
		return err
	}
	e.Sources = map[string]string{}
	for _, l := range languages.All {
		if e.Sources[l.Name], err = l.Source(d.Formula, nil); err != nil {
			return fmt.Errorf("%s: %w", l.Name, err)
		}
	}
	return nil
}
