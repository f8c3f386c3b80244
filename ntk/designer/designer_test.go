package designer

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/design"
	"github.com/kernelsmith/kernelsmith/ntk/inverse"
	"github.com/kernelsmith/kernelsmith/plotting/live"
)

// at are the values of the controls at the start.
func at(d *desk) map[string]float64 {
	v := map[string]float64{}
	for _, c := range d.controls() {
		switch c := c.(type) {
		case live.Slider:
			v[c.Name] = c.Value
		case live.Choice:
			v[c.Name] = float64(c.Value)
		}
	}
	return v
}

func opened(t *testing.T) (*desk, map[string]float64) {
	t.Helper()
	d := newDesk(ntk.Must(Settings{}.complete()))
	d.patience = time.Hour // on a machine that has much to do
	v := at(d)
	d.begun, v["form"] = true, float64(len(forms)) // no fit
	return d, v
}

func seen(t *testing.T, d *desk, v map[string]float64, pressed string) live.View {
	t.Helper()
	view, err := d.view(v, pressed)
	if err != nil {
		t.Fatal(err)
	}
	return view
}

// What is said to be off is what is drawn: for a net's kernel that needs more degrees than there
// are, the series of degree 5, by its own values.
func TestSaysWhatItDraws(t *testing.T) {
	d, v := opened(t)
	v["a3"] = -0.3
	view := seen(t, d, v, "")
	e, err := invert(d.coefficients(v), inverse.PaperSigns)
	if err != nil {
		t.Fatal(err)
	}
	// The kernel that is drawn, by its coefficients b_k² (1 + k), against the one asked for.
	var square, largest float64
	for _, c := range cs {
		has := 0.0
		for k, b := range e.net.Coeffs {
			has += b * b * float64(1+k) * math.Pow(c, float64(k))
		}
		asked := 0.0
		for k, a := range d.coefficients(v) {
			asked += a * math.Pow(c, float64(k))
		}
		square += (has - asked) * (has - asked) / float64(len(cs))
		largest = math.Max(largest, math.Abs(has-asked))
	}
	want := fmt.Sprintf("its kernel is %.2g off in the root mean square over θ, %.2g at most",
		math.Sqrt(square), largest)
	if !strings.Contains(view.Text, want) || !strings.Contains(view.Text, "not realizable (proof") {
		t.Errorf("want %q in\n%s", want, view.Text)
	}
	want = fmt.Sprintf("Error of the NTK of this φ: %.2g in the root mean square over θ, %.2g at "+
		"most", math.Sqrt(square), largest)
	if !strings.Contains(view.Text, want) {
		t.Errorf("the export says another error:\n%s", view.Text)
	}
}

// A formula belongs to one kernel: a move takes it away, going back brings it back.
func TestFormulaOfAKernel(t *testing.T) {
	d, v := opened(t)
	d.begun, v["form"] = false, 0
	first := seen(t, d, v, "").Text
	if !strings.Contains(first, "formula: ") || !strings.Contains(first, "formula fitted in") {
		t.Fatalf("no formula at the start:\n%s", first)
	}
	v["a1"] += step
	if text := seen(t, d, v, "").Text; strings.Contains(text, "formula: ") {
		t.Errorf("the formula of another kernel:\n%s", text)
	}
	v["a1"] -= step
	if text := seen(t, d, v, "").Text; !strings.Contains(text, "formula: ") {
		t.Errorf("back, and no formula:\n%s", text)
	}
	v["a0"] = -0.4
	text := seen(t, d, v, "fit").Text
	if !strings.Contains(text, "no formula: inverse: no one-hidden") {
		t.Errorf("a fit of what cannot be:\n%s", text)
	}
	v["form"] = float64(len(forms))
	if text := seen(t, d, v, "fit").Text; !strings.Contains(text, errNoForm.Error()) {
		t.Errorf("a fit of no form:\n%s", text)
	}
}

func TestOrigins(t *testing.T) {
	d, v := opened(t)
	v["origin"] = 1
	view := seen(t, d, v, "")
	if math.Abs(view.Set["a0"]-1.51) > 1e-9 { // Figure 1 of the paper has b_0 = 1.23, squared
		t.Errorf("a_0 of the NTK of the 4HL ReLU net is %v", view.Set["a0"])
	}
	if !strings.Contains(view.Text, "set to the nearest of degree 5 to the") ||
		!strings.Contains(view.Text, "nearest to the NTK of 4HL ReLU") {
		t.Errorf("what it was set from is missing:\n%s", view.Text)
	}
	v["a2"] += step
	if view = seen(t, d, v, ""); view.Set["origin"] != 0 || strings.Contains(view.Text, "set to") {
		t.Errorf("moved, and still the origin: %v\n%s", view.Set, view.Text)
	}
}

// Exports are named by kernel and language, never in place of one another, and say what they are.
func TestExports(t *testing.T) {
	t.Chdir(t.TempDir())
	d, v := opened(t)
	v["origin"] = 1
	seen(t, d, v, "")
	for format, f := range formats {
		v["format"] = float64(format)
		for range 2 {
			if text := seen(t, d, v, "export").Text; !strings.Contains(text, "written to ") {
				t.Errorf("%s: %s", f.Name, text)
			}
		}
		name := fmt.Sprintf("kept-ntk-of-4hl-relu-%s", strings.ToLower(f.Name))
		files, err := filepath.Glob(name + "*." + f.Ending)
		if err != nil || len(files) != 2 {
			t.Errorf("%s: files %v, %v", name, files, err)
			continue
		}
		content, err := os.ReadFile(name + "." + f.Ending)
		if err != nil {
			t.Fatal(err)
		}
		if f.Comment == "" {
			if !json.Valid(content) {
				t.Errorf("%s is no JSON", files[0])
			}
			continue
		}
		head := strings.SplitN(string(content), "\n\n", 2)[0]
		for _, says := range []string{"Target: the NTK", "nearest to the NTK of 4HL ReLU",
			"Error of the NTK", "σ_w = 1, σ_b = 0", "NTK parameterization", "norm √d"} {
			if !strings.Contains(head, says) {
				t.Errorf("%s: no %q in its first lines\n%s", f.Name, says, head)
			}
		}
		for _, line := range strings.Split(head, "\n") {
			if !strings.HasPrefix(line, f.Comment+" ") {
				t.Errorf("%s: %q is no comment", f.Name, line)
			}
		}
	}
	read, err := os.Open("kept-ntk-of-4hl-relu-json.json")
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	if _, err := design.LoadSeries(read); err != nil {
		t.Errorf("the export is not read again: %v", err)
	}
}

func TestRunRefuses(t *testing.T) {
	for says, s := range map[string]Settings{
		"coefficient a_1 is NaN":     {Coeffs: []float64{1, math.NaN()}},
		"coefficient a_0 is 5":       {Coeffs: []float64{5, 1}},
		"1 coefficients":             {Coeffs: []float64{1}},
		"width 7":                    {Width: 7},
		"Idle is -1ns":               {Idle: -1},
		`origin 1 ("") lacks a name`: {Origins: []Origin{{}}},
	} {
		if err := Run(s); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v: want %q", err, says)
		}
	}
}
