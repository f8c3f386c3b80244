package design_test

import (
	"encoding/json"
	"fmt"
	"go/format"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/design"
	"github.com/kernelsmith/kernelsmith/ntk/internal/pythontest"
)

// exported is what the exports are tested with, by names that are names of
// modules and packages too.
func exported() map[string]design.Exportable {
	out := map[string]design.Exportable{}
	for name, f := range formulas {
		out["formula_"+strings.ToLower(name)] = f
	}
	for name, s := range series {
		out["series_"+name] = s
	}
	return out
}

// grid is [-6, 6] with the kinks.
func grid() []float64 {
	var z []float64
	for i := -600; i <= 600; i++ {
		z = append(z, float64(i)/100)
	}
	return append(z, ntk.PublishedMimic().B)
}

// sizes returns the largest sums of the sizes of the terms of φ and φ', which is
// what their rounding is relative to.
func sizes(f design.Exportable, z []float64) (value, derivative float64) {
	var terms []design.Exportable
	switch f := f.(type) {
	case design.Formula:
		terms = append(terms, design.Formula{Slope: f.Slope, Offset: f.Offset})
		for _, t := range f.Terms {
			terms = append(terms, design.Formula{Terms: []design.Term{t}})
		}
	case design.HermiteSeries:
		for k, b := range f.Coeffs {
			one := make([]float64, k+1)
			one[k] = b
			terms = append(terms, design.HermiteSeries{Coeffs: one, Scale: f.Scale})
		}
	}
	for _, z := range z {
		var v, d float64
		for _, t := range terms {
			v += math.Abs(t.Value(z))
			d += math.Abs(t.Derivative(z))
		}
		value, derivative = math.Max(value, v), math.Max(derivative, d)
	}
	return value, derivative
}

// compare returns the largest difference of what an export gives from f, relative
// to the size of the terms; steps of φ' at kinks are compared too if the kinks have
// not been rounded.
func compare(
	t *testing.T, name string, f design.Exportable, z, value, derivative []float64,
	tolerance float64, kinks bool,
) (worst float64) {
	t.Helper()
	top, topD := sizes(f, z)
	if len(value) != len(z) || len(derivative) != len(z) {
		t.Fatalf("%s: %d and %d values, want %d", name, len(value), len(derivative), len(z))
	}
	for i, z := range z {
		if k, ok := f.(design.Formula); ok && !kinks &&
			slices.ContainsFunc(k.Kinks(), func(b float64) bool { return math.Abs(z-b) < 1e-6 }) {
			continue
		}
		err, errD := math.Abs(value[i]-f.Value(z))/math.Max(1,
			top), math.Abs(derivative[i]-f.Derivative(z))/math.Max(
			1,
			topD,
		)
		worst = math.Max(worst, math.Max(err, errD))
		if !(err <= tolerance && errD <= tolerance) {
			t.Fatalf("%s: φ(%v) = %v and φ' = %v, want %v and %v", name, z, value[i], derivative[i],
				f.Value(z), f.Derivative(z))
		}
	}
	return worst
}

// Exported Go is as gofmt writes it, and compiled in a module of its own gives
// what we give.
func TestGoSource(t *testing.T) {
	folder := t.TempDir()
	write := func(name, text string) {
		name = filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var imports, calls strings.Builder
	for name, f := range exported() {
		text, err := design.GoSource(f, name, "Phi")
		if err != nil {
			t.Fatal(err)
		}
		formatted, err := format.Source([]byte(text))
		if err != nil {
			t.Fatalf("%s: %v\n%s", name, err, text)
		}
		if string(formatted) != text {
			t.Errorf("gofmt would write %s as\n%s\nand not\n%s", name, formatted, text)
		}
		write(name+"/phi.go", text)
		fmt.Fprintf(&imports, "\t\"alone/%s\"\n", name)
		fmt.Fprintf(&calls, "\trun(%q, %s.Phi, %s.PhiDerivative)\n", name, name, name)
	}
	write("go.mod", "module alone\n\ngo 1.21\n")
	write("main.go", `package main

import (
	"encoding/json"
	"math"
	"os"
`+imports.String()+`)

func main() {
	var z []float64
	if err := json.NewDecoder(os.Stdin).Decode(&z); err != nil {
		panic(err)
	}
	out := map[string][2][]float64{}
	run := func(name string, phi, derivative func(float64) float64) {
		var r [2][]float64
		for _, z := range z {
			r[0], r[1] = append(r[0], phi(z)), append(r[1], derivative(z))
		}
		if v := derivative(math.NaN()); v == v && name[:7] == "formula" {
			panic(name)
		}
		out[name] = r
	}
`+calls.String()+`
	if err := json.NewEncoder(os.Stdout).Encode(out); err != nil {
		panic(err)
	}
}
`)
	var out map[string][2][]float64
	for _, args := range [][]string{{"vet", "./..."}, {"run", "."}} {
		cmd := exec.Command("go", args...)
		cmd.Dir = folder
		cmd.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off", "GOPROXY=off")
		stdin, _ := json.Marshal(grid())
		cmd.Stdin = strings.NewReader(string(stdin))
		var stderr strings.Builder
		cmd.Stderr = &stderr
		stdout, err := cmd.Output()
		if err != nil {
			t.Fatalf("go %s: %v\n%s", args[0], err, stderr.String())
		}
		if args[0] == "run" {
			if err := json.Unmarshal(stdout, &out); err != nil {
				t.Fatal(err)
			}
		}
	}
	worst := 0.0
	for name, f := range exported() {
		worst = math.Max(worst,
			compare(t, name, f, grid(), out[name][0], out[name][1], 1e-14, true))
	}
	t.Logf("off by %.2g", worst)
}

// TestPython runs what is exported for Python against ours, in the frameworks that are there.
func TestPython(t *testing.T) {
	for _, framework := range []struct {
		name   string
		export func(design.Exportable, string) (string, error)
		// Roundings of two libraries, of f·z + g up to 72, and of the 60 steps of a
		// recurrence.
		double, single float64
	}{
		{"numpy", design.NumPy, 1e-14, 5e-6},
		{"torch", design.PyTorch, 1e-14, 5e-6},
		{"jax", design.JAX, 1e-14, 5e-6},
	} {
		t.Run(framework.name, func(t *testing.T) {
			folder := t.TempDir()
			var task struct {
				Z       []float64 `json:"z"`
				Modules []string  `json:"modules"`
			}
			task.Z = grid()
			for name, f := range exported() {
				text, err := framework.export(f, "phi")
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(
					filepath.Join(folder, name+".py"), []byte(text), 0o644,
				); err != nil {
					t.Fatal(err)
				}
				task.Modules = append(task.Modules, name)
			}
			stdin, err := json.Marshal(task)
			if err != nil {
				t.Fatal(err)
			}
			stdout := pythontest.Run(t, framework.name, string(stdin), "testdata/run.py",
				framework.name, folder)
			var out map[string][4][]float64
			if err := json.Unmarshal(stdout, &out); err != nil {
				t.Fatal(err)
			}
			var double, single float64
			rounded := grid()
			for i := range rounded {
				rounded[i] = float64(float32(rounded[i]))
			}
			for name, f := range exported() {
				r := out[name]
				double = math.Max(double,
					compare(t, name, f, grid(), r[0], r[1], framework.double, true))
				single = math.Max(
					single,
					compare(t, name+" in single precision", f, rounded, r[2], r[3],
						framework.single, false),
				)
			}
			t.Logf("off by %.2g, in single precision by %.2g", double, single)
		})
	}
}

func TestNames(t *testing.T) {
	f := formulas["relu"]
	for name, valid := range map[string][2]bool{ // of Go, of Python
		"phi": {true, true}, "Phi_2": {true, true}, "φ": {true, true}, "_phi": {true, true},
		"math": {false, false}, "print": {true, true},
		"": {}, "2phi": {}, "phi-2": {}, "a b": {}, "phi\n": {}, "a\xff": {}, "return": {},
		"def": {true, false}, "func": {false, true},
		"None": {true, false}, "np": {true, false}, "jnp": {true, false},
		"__debug__": {true, false}, "main": {false, true}, "init": {false, true},
		"_": {false, true}, "ﬁ": {true, false}, "x２": {true, false}, "float64": {false, true},
		"phi²": {}, "phi'": {}, "é": {true, false},
	} {
		_, err := design.GoSource(f, "activation", name)
		if (err == nil) != valid[0] {
			t.Errorf("Go %q: %v", name, err)
		}
		for language, export := range map[string]func(design.Exportable, string) (string, error){
			"NumPy": design.NumPy, "PyTorch": design.PyTorch, "JAX": design.JAX,
		} {
			if _, err := export(f, name); (err == nil) != valid[1] {
				t.Errorf("%s %q: %v", language, name, err)
			}
		}
	}
	for _, pkg := range []string{"", "_", "a.b", "type", "a/b"} {
		if _, err := design.GoSource(f, pkg, "Phi"); err == nil {
			t.Errorf("the package %q", pkg)
		}
	}
	bad := design.Formula{Slope: math.NaN()}
	for _, f := range []design.Exportable{nil, bad, design.HermiteSeries{}} {
		_, errGo := design.GoSource(f, "activation", "Phi")
		_, errNumPy := design.NumPy(f, "phi")
		_, errPyTorch := design.PyTorch(f, "Phi")
		_, errJAX := design.JAX(f, "phi")
		_, errLaTeX := design.LaTeX(f)
		errSave := design.Save(filepath.Join(t.TempDir(), "phi.json"), f)
		for i, err := range []error{errGo, errNumPy, errPyTorch, errJAX, errLaTeX, errSave} {
			if err == nil {
				t.Errorf("export %d of %v", i, f)
			}
		}
	}
}

func TestLaTeX(t *testing.T) {
	for name, want := range map[string]string{
		"nothing":  `0`,
		"affine":   `-2\,z + 10^{-7}`,
		"line":     `3\,z`,
		"relu":     `\operatorname{ReLU}\left(z\right)`,
		"constant": `-0.75`,
		"rectifiers": `0.5\,z - 1.25\,\operatorname{ReLU}\left(z + 0.3\right)` +
			` + 2\,\operatorname{ReLU}\left(0.7 - z\right)` +
			` - 0.4\,\operatorname{ReLU}\left(-z\right)` +
			` + 0.33333\,\operatorname{ReLU}\left(z - 0.7\right)`,
		"cosines": `0.1 - \cos\left(1\,z\right) + 0.2\,\cos\left(7.3457\,z - 0.5\right)` +
			` + 0.001\,\cos\left(-5\,z + 2\right)`,
		"bumps": `\exp\left(-\frac{z^2}{2 \cdot 1^2}\right)` +
			` - 2.5\,\exp\left(-\frac{(z - 1.2)^2}{2 \cdot 0.3^2}\right)` +
			` + 0.7\,\exp\left(-\frac{(z + 0.8)^2}{2 \cdot 2^2}\right)`,
		"erf": `-1.5\,\operatorname{erf}\left(z\right)` +
			` + 0.4\,\operatorname{erf}\left(3\left(z - 0.9\right)\right)`,
		"GELU": `\operatorname{GELU}\left(z\right)` +
			` - 0.4\,\operatorname{GELU}\left(2.5\left(z + 0.9\right)\right)`,
	} {
		if got, err := design.LaTeX(formulas[name]); err != nil || got != `\varphi(z) = `+want {
			t.Errorf("%s: %v\n%s\nwant\n%s", name, err, got, want)
		}
	}
	got, err := design.LaTeX(
		series["scaled"],
		design.LaTeXSettings{Digits: 3, Function: `f_1`, Variable: `\xi_{i}`},
	)
	want := `f_1(\xi_{i}) = 0.3 - h_{1}(\xi_{i}/1.5) + 0.2\,h_{3}(\xi_{i}/1.5)` +
		` + 10^{-7}\,h_{4}(\xi_{i}/1.5) + 0.05\,h_{5}(\xi_{i}/1.5)`
	if err != nil || got != want {
		t.Errorf("%v\n%s\nwant\n%s", err, got, want)
	}
	many, _ := design.LaTeX(
		design.Formula{
			Slope:  123456.7,
			Offset: -1.2345e12,
			Terms:  []design.Term{{Kind: "gaussian", Amplitude: 6e-9, Scale: 2e-7}},
		},
	)
	want = `\varphi(z) = 123457\,z - 1.2345 \cdot 10^{12}` +
		` + 6 \cdot 10^{-9}\,\exp\left(-\frac{z^2}{2\left(2 \cdot 10^{-7}\right)^2}\right)`
	if many != want {
		t.Errorf("\n%s\nwant\n%s", many, want)
	}
	for _, s := range []design.LaTeXSettings{{Digits: -1}, {Digits: 18}, {Function: "f(z)"},
		{Variable: "zz"}, {Variable: `\x y`}, {Function: "f_"}} {
		if _, err := design.LaTeX(formulas["relu"], s); err == nil {
			t.Errorf("%+v", s)
		}
	}
	if _, err := design.LaTeX(
		formulas["relu"], design.LaTeXSettings{}, design.LaTeXSettings{},
	); err == nil {
		t.Error("two settings")
	}
}
