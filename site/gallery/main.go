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

	"github.com/kernelsmith/kernelsmith/ntk/design"
)

// entry is what is said of one design.
type entry struct {
	// Spread is √V: the kernels of nets of width N have the standard deviation Spread/√N.
	Spread float64 `json:"spread"`
	// Sources are φ in the languages of design, by the ends of their files' names.
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
	phi := d.Formula
	e.Sources = map[string]string{}
	for end, source := range map[string]func() (string, error){
		"go":         func() (string, error) { return design.GoSource(phi, "activation", "Phi") },
		"numpy.py":   func() (string, error) { return design.NumPy(phi, "phi") },
		"pytorch.py": func() (string, error) { return design.PyTorch(phi, "Phi") },
		"jax.py":     func() (string, error) { return design.JAX(phi, "phi") },
		"tex":        func() (string, error) { return design.LaTeX(phi) },
	} {
		if e.Sources[end], err = source(); err != nil {
			return fmt.Errorf("%s: %w", end, err)
		}
	}
	return nil
}
