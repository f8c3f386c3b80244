package design_test

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk/design"
)

func TestFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "phi.json")
	for name, f := range exported() {
		if err := design.Save(path, f); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		switch f := f.(type) {
		case design.Formula:
			got, err := design.Load(bytes.NewReader(b))
			if err != nil || !reflect.DeepEqual(got, f) {
				t.Errorf("%s: %v\n%v\nwant\n%v", name, err, got, f)
			}
			if _, err := design.LoadSeries(bytes.NewReader(b)); err == nil ||
				!strings.Contains(err.Error(), `"kernelsmith formula"`) {
				t.Errorf("a formula as a series: %v", err)
			}
		case design.HermiteSeries:
			got, err := design.LoadSeries(bytes.NewReader(b))
			if err != nil || !reflect.DeepEqual(got, f) {
				t.Errorf("%s: %v\n%v\nwant\n%v", name, err, got, f)
			}
			if _, err := design.Load(bytes.NewReader(b)); err == nil ||
				!strings.Contains(err.Error(), `"kernelsmith hermite series"`) {
				t.Errorf("a series as a formula: %v", err)
			}
		}
	}
	before, _ := os.ReadFile(path)
	if err := design.Save(path, design.Formula{Slope: math.NaN()}); err == nil {
		t.Error("saved NaN")
	}
	if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
		t.Error("a formula that could not be saved changed the file")
	}
	if err := design.Save(filepath.Join(path, "in", "a", "file"), design.Formula{}); err == nil ||
		!strings.Contains(err.Error(), path) {
		t.Errorf("saved in no folder: %v", err)
	}
	if folder, _ := os.ReadDir(filepath.Dir(path)); len(folder) != 1 {
		t.Errorf("files left over: %v", folder)
	}
}

// Inside other JSON, as in the records of runs.
func TestNestedJSON(t *testing.T) {
	type record struct {
		Phi    design.Formula
		Series *design.HermiteSeries
	}
	in := record{Phi: formulas["all"]}
	b, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	var out record
	if err := json.Unmarshal(b, &out); err != nil || !reflect.DeepEqual(in, out) {
		t.Errorf("%v: %v", err, out)
	}
}

func TestRefusedFiles(t *testing.T) {
	const formula = `{"format": "kernelsmith formula", "version": `
	const start = formula + `1, "slope": 1, "offset": 2, "terms": `
	for text, want := range map[string]string{
		``:                                       "unexpected EOF",
		`null`:                                   "must be a JSON object",
		`[]`:                                     "must be a JSON object",
		`{}`:                                     `no field "format"`,
		`{"format": 3}`:                          "format",
		`{"format": "kernelsmith formula"}`:      `no field "version"`,
		formula + `2}`:                           "version 2",
		formula + `1.5}`:                         "version",
		formula + `1, "offset": 1, "terms": []}`: `no field "slope"`,
		formula + `1, "Slope": 1, "offset": 1, "terms": []}`:             `no place for "Slope"`,
		formula + `1, "slope": NaN, "offset": 1, "terms": []}`:           `"slope"`,
		formula + `1, "slope": "1", "offset": 1, "terms": []}`:           "slope",
		formula + `1, "slope":  null , "offset": 1, "terms": []}`:        "slope is null",
		formula + `1, "slope": 1e999, "offset": 1, "terms": []}`:         "slope",
		formula + `1, "slope": 1, "slope": 2, "offset": 1, "terms": []}`: `"slope" twice`,
		start + `null}`:                               "terms is null",
		start + `{}}`:                                 "terms",
		start + `[]`:                                  "unexpected EOF",
		start + `[]}}`:                                "something after",
		start + `[]}{}`:                               "something after",
		start + `[], "x": 1, "a": 2}`:                 `no place for "a", "x"`,
		start + `[3]}`:                                `term 0 is 3`,
		start + `[{"amplitude": 1}]}`:                 `term 0 has no field "kind"`,
		start + `[{"kind": null}]}`:                   "term 0: kind is null",
		start + `[{"kind": "tanh"}]}`:                 `term 0 is of the kind "tanh"`,
		start + `[{"kind": "relu", "amplitude": 1}]}`: `term 0 has no field "shift"`,
		start + `[{"kind": "relu", "amplitude": 1, "shift": 2, "scale": 0}]}`: "term 0 has no " +
			`place for "scale"`,
		start + `[{"kind": "erf", "amplitude": 1, "shift": 2, "scale": 0}]}`: "scale of " +
			"term 0 (erf) is 0",
		start + `[{"kind": "gaussian", "amplitude": [1], "shift": 2, "scale": 1}]}`: "term 0: " +
			"amplitude",
	} {
		f := design.Formula{Slope: 7}
		err := f.UnmarshalJSON([]byte(text))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
		if f.Slope != 7 || f.Terms != nil {
			t.Errorf("%s changed the formula to %v", text, f)
		}
	}
	const series = `{"format": "kernelsmith hermite series", "version": 1, `
	for text, want := range map[string]string{
		series + `"coeffs": [1]}`:                   `no field "scale"`,
		series + `"scale": 0, "coeffs": [1]}`:       "scale of the series is 0",
		series + `"scale": 1, "coeffs": null}`:      "coeffs is null",
		series + `"scale": 1, "coeffs": [1, null]}`: "coeffs[1] is null",
		series + `"scale": 1, "coeffs": [1, "2"]}`:  "coeffs[1]",
	} {
		if _, err := design.LoadSeries(strings.NewReader(text)); err == nil ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

// What loads validates, is exported, and is written and read again as it is.
func FuzzLoad(f *testing.F) {
	for _, e := range exported() {
		b, err := json.Marshal(e)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add(
		[]byte(
			`{"format": "kernelsmith formula", "version": 1, "slope": -0, "offset": 1e-400, ` +
				`"terms": [{}]}`,
		),
	)
	f.Fuzz(func(t *testing.T, b []byte) {
		var loaded []design.Exportable
		if f, err := design.Load(bytes.NewReader(b)); err == nil {
			loaded = append(loaded, f)
		}
		if s, err := design.LoadSeries(bytes.NewReader(b)); err == nil {
			loaded = append(loaded, s)
		}
		for _, e := range loaded {
			if err := e.Validate(); err != nil {
				t.Fatal(err)
			}
			text, err := json.Marshal(e)
			if err != nil {
				t.Fatal(err)
			}
			var again any
			if _, ok := e.(design.Formula); ok {
				again, err = design.Load(bytes.NewReader(text))
			} else {
				again, err = design.LoadSeries(bytes.NewReader(text))
			}
			if second, _ := json.Marshal(again); err != nil || !bytes.Equal(text, second) {
				t.Fatalf("%v: %s, then %s", err, text, second)
			}
			if _, err := design.GoSource(e, "activation", "Phi"); err != nil {
				t.Fatal(err)
			}
			if _, err := design.LaTeX(e); err != nil {
				t.Fatal(err)
			}
			if f, ok := e.(design.Formula); ok {
				f.Activation() // an error, perhaps, but no panic
			}
		}
	})
}
