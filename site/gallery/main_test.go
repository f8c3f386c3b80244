package main

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/design"
)

func TestWrite(t *testing.T) {
	target := ntk.Must(ntk.GaussianKernel(1))
	formula := design.Formula{Slope: 1, Terms: []design.Term{
		{Kind: "relu", Amplitude: 2, Shift: 0.5}}}
	d := ntk.Must(design.Measured(formula, target, design.Angles(50, nil)))
	text := string(ntk.Must(json.Marshal(d)))
	var out strings.Builder
	if err := write(&out, strings.NewReader("["+text+","+text+"]")); err != nil {
		t.Fatal(err)
	}
	var got []entry
	if err := json.Unmarshal([]byte(out.String()), &got); err != nil || len(got) != 2 {
		t.Fatalf("%v, %d entries", err, len(got))
	}
	want := ntk.Must(d.MeanSpread())
	if math.Abs(got[1].Spread-want) > 1e-12*want || !(want > 0) {
		t.Errorf("spread %v, want %v", got[1].Spread, want)
	}
	for end, has := range map[string]string{"Go": "package activation", "NumPy": "numpy",
		"PyTorch": "class Phi", "JAX": "jax", "LaTeX": "\\varphi"} {
		if !strings.Contains(got[1].Sources[end], has) {
			t.Errorf("%s has no %q: %s", end, has, got[1].Sources[end])
		}
	}
}

func TestWriteRefuses(t *testing.T) {
	for text, says := range map[string]string{
		"":           "array of designs cannot be read",
		"[{}]":       "design 1: ",
		`[{"a":1},`:  "array of designs cannot be read",
		`{"a": "b"}`: "array of designs cannot be read",
	} {
		var out strings.Builder
		err := write(&out, strings.NewReader(text))
		if err == nil || !strings.Contains(err.Error(), says) || out.String() != "" {
			t.Errorf("%q: %v, wrote %q", text, err, out.String())
		}
	}
}
