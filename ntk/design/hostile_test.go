//go:build unix

package design_test

import (
	"bytes"
	"encoding/json"
	"io"
	"testing"

	"github.com/kernelsmith/kernelsmith/internal/hostile"
	"github.com/kernelsmith/kernelsmith/internal/regular"
	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/design"
)

func TestHostileDesigns(t *testing.T) {
	formula := design.FromMimic(ntk.PublishedMimic())
	measured := ntk.Must(design.Measured(formula, ntk.Must(ntk.GaussianKernel(1)),
		design.Angles(9, nil)))
	deep := bytes.Repeat([]byte("["), 1<<20)
	for name, kind := range map[string]struct {
		good any
		load func(r io.Reader) (any, error)
	}{
		"formula": {formula, func(r io.Reader) (any, error) { return design.Load(r) }},
		"series": {series["cubic"],
			func(r io.Reader) (any, error) { return design.LoadSeries(r) }},
		"design": {measured, func(r io.Reader) (any, error) { return design.LoadDesign(r) }},
	} {
		hostile.Reader{Name: name + ".json", Good: ntk.Must(json.Marshal(kind.good)), Loose: true,
			Unnamed: true,
			Read: func(path string) (any, error) {
				f, err := regular.Open(path)
				if err != nil {
					return nil, err
				}
				defer f.Close()
				return kind.load(f)
			},
			Bad: map[string][]byte{"deep": deep, "null": []byte("null"), "no object": []byte("7")},
		}.Check(t)
	}
}
