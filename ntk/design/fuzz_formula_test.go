package design_test

import (
	"bytes"
	"encoding/json"
	"math"
	"testing"

	"github.com/kernelsmith/kernelsmith/internal/fuzzinput"
	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/design"
)

// formulaOf makes terms of every kind of six numbers each.
func formulaOf(v []float64, kinds byte) design.Formula {
	all := []design.Kind{"relu", "reflected relu", "cos", "gaussian", "erf", "gelu", "other"}
	f := design.Formula{}
	if len(v) > 1 {
		f.Slope, f.Offset = v[0], v[1]
		v = v[2:]
	}
	for ; len(v) >= 3; v = v[3:] {
		term := design.Term{Kind: all[int(kinds)%len(all)], Amplitude: v[0]}
		switch kinds++; term.Kind {
		case "relu", "reflected relu":
			term.Shift = v[1]
		case "cos":
			term.Frequency, term.Phase = v[1], v[2]
		default:
			term.Shift, term.Scale = v[1], v[2]
		}
		f.Terms = append(f.Terms, term)
	}
	return f
}

// Formulas with any numbers, in all that takes one: what Validate accepts can be written, read,
// exported, evaluated and, where its kernel has values, compared.
func FuzzFormula(f *testing.F) {
	f.Add(fuzzinput.Bytes(0.1, -0.2, 1, 0.5, 0.7, 0.3, 2, 1), byte(0), 0.5)
	f.Add(fuzzinput.Bytes(0, 0, 1, 40, 0.2, 1, 2.5, 0.2), byte(3), 1.0)
	f.Add(fuzzinput.Bytes(1e300, -1e300, 1e-300, 5e-324, 1, 1, 1, 1), byte(2), -1.0)
	f.Add(fuzzinput.Bytes(0, 0, 0, 0, 0), byte(5), 0.0)
	f.Fuzz(func(t *testing.T, b []byte, kinds byte, c float64) {
		formula := formulaOf(fuzzinput.Numbers(b, 11), kinds)
		phi, err := formula.Activation()
		if formula.Validate() != nil {
			if _, e := json.Marshal(formula); err == nil || e == nil {
				t.Errorf("%+v is not valid, but is taken: %v, %v", formula, err, e)
			}
			return
		}
		checkExports(t, formula)
		if err != nil {
			return
		}
		c = fuzzinput.Within(1, c)
		for _, z := range []float64{0, c, 3 * c, 1e3 * c} {
			v, w := formula.Value(z), phi.Value(z)
			if !(math.Abs(v-w) <= 1e-9*(math.Abs(v)+math.Abs(w))) && largest(formula) < 1e100 &&
				math.Abs(v-w) > 1e-9*largest(formula)*1e3 {
				t.Errorf("%+v at %v: %v, as activation %v", formula, z, v, w)
			}
		}
		target := ntk.Must(ntk.GaussianKernel(1))
		e, err := design.ErrorOn(formula, target, design.Angles(9, nil))
		if err == nil && (!(e.Mean >= 0) || !(e.Max >= e.Mean*(1-1e-9)) || !(e.Relative >= 0)) {
			t.Errorf("%+v: %+v", formula, e)
		}
		if s, err := design.Spread(formula, []float64{c}); err == nil && !(s[0] >= 0) {
			t.Errorf("%+v: spread %v at %v", formula, s, c)
		}
		d, err := design.Measured(formula, target, design.Angles(9, nil))
		if err != nil {
			return
		}
		text, err := json.Marshal(d)
		if err != nil {
			t.Fatalf("%+v: %v", formula, err)
		}
		again, err := design.LoadDesign(bytes.NewReader(text))
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if second, err := json.Marshal(again); err != nil || !bytes.Equal(text, second) {
			t.Errorf("%s, then %s, %v", text, second, err)
		}
	})
}

// largest is the size of the numbers of a formula.
func largest(f design.Formula) float64 {
	most := math.Max(math.Abs(f.Slope), math.Abs(f.Offset))
	for _, term := range f.Terms {
		for _, v := range []float64{term.Amplitude, term.Shift, term.Frequency, term.Phase,
			term.Scale, term.Amplitude * term.Scale} {
			most = math.Max(most, math.Abs(v))
		}
	}
	return most
}

func checkExports(t *testing.T, formula design.Formula) {
	t.Helper()
	for name, export := range map[string]func() (string, error){
		"Go":      func() (string, error) { return design.GoSource(formula, "own", "Phi") },
		"PyTorch": func() (string, error) { return design.PyTorch(formula, "Phi") },
		"NumPy":   func() (string, error) { return design.NumPy(formula, "phi") },
		"JAX":     func() (string, error) { return design.JAX(formula, "phi") },
		"LaTeX":   func() (string, error) { return design.LaTeX(formula) },
	} {
		source, err := export()
		if err != nil || source == "" || bytes.Contains([]byte(source), []byte("NaN")) {
			t.Errorf("%s of %+v: %q, %v", name, formula, source, err)
		}
	}
}

// Files of designs: an error, or a design that is written as it was read.
func FuzzLoadDesign(f *testing.F) {
	d := ntk.Must(design.Measured(design.FromMimic(ntk.PublishedMimic()),
		ntk.Must(ntk.GaussianKernel(1)), design.Angles(9, nil)))
	text := ntk.Must(json.Marshal(d))
	f.Add(text)
	f.Add(text[:len(text)/2])
	f.Add(bytes.ReplaceAll(text, []byte("0"), []byte("9e999")))
	f.Add([]byte(`{}`))
	f.Add([]byte(`{"format": "kernelsmith design", "version": 1}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := design.LoadDesign(bytes.NewReader(b))
		if err != nil {
			return
		}
		if err := d.Formula.Validate(); err != nil {
			t.Fatalf("%s: %v", b, err)
		}
		text, err := json.Marshal(d)
		if err != nil {
			t.Fatalf("%s: %v", b, err)
		}
		again, err := design.LoadDesign(bytes.NewReader(text))
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if second, err := json.Marshal(again); err != nil || !bytes.Equal(text, second) {
			t.Errorf("%s, then %s, %v", text, second, err)
		}
	})
}

// Searches with any bounds, problems and settings end, with a design that is what it says it is.
func FuzzFit(f *testing.F) {
	f.Add(uint32(1), 2.0, 0.3, 12.0, 1.0, byte(1), byte(1))
	f.Add(uint32(1<<4), 1e-300, 1e300, 1e-3, 0.0, byte(0), byte(7))
	f.Add(uint32(1<<8|1), -1.0, math.NaN(), 5.0, 1e9, byte(3), byte(20))
	f.Fuzz(func(t *testing.T, terms uint32, shift, low, high, length float64, flags, depth byte) {
		family := design.Family{ReLUs: int(terms) % 3, ReflectedReLUs: int(terms>>2) % 2,
			Cosines: int(terms>>4) % 2, Gaussians: int(terms>>6) % 2, Erfs: int(terms>>8) % 2,
			NoSlope: flags&1 != 0, NoOffset: flags&2 != 0,
			Bounds: design.Bounds{Shift: shift, MinFrequency: low, MaxFrequency: high,
				MinScale: low, MaxScale: high}}
		K, err := ntk.GaussianKernel(length)
		if err != nil {
			return
		}
		p := design.Problem{Target: K, On: design.Angles(5, nil), Depth: int(depth) % 3,
			NNGPShare: float64(flags>>4) / 8}
		r, err := design.Fit(t.Context(), family, p, &design.Settings{Starts: 3, Polish: 1})
		if err != nil {
			return
		}
		if math.IsNaN(r.Design.Objective) || r.Design.Formula.Validate() != nil {
			t.Fatalf("%+v: %+v", family, *r.Design)
		}
		if p.Depth > 1 || p.NNGPShare != 0 {
			return
		}
		e, err := design.ErrorOn(r.Design.Formula, K, p.On)
		if err != nil || math.Abs(e.Mean-r.Design.Error.Mean) > 1e-6*e.Mean+1e-12 {
			t.Errorf("%v: error %v, measured %v, %v", r.Design.Formula, r.Design.Error, e, err)
		}
	})
}
