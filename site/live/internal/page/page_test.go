package page

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/design"
	"github.com/kernelsmith/kernelsmith/ntk/inverse"
)

// with returns what the controls say as the page comes, but for those that are given.
func with(part string, changed ...string) map[string]string {
	out := Defaults(part)
	for i := 0; i < len(changed); i += 2 {
		out[changed[i]] = changed[i+1]
	}
	return out
}

func answer(t *testing.T, part, do string, changed ...string) Response {
	t.Helper()
	q := Request{Part: part, Do: do, Values: with(part, changed...)}
	r := Answer(context.Background(), q, nil)
	if r.Error != "" {
		t.Fatalf("%s %s %v: %s", part, do, changed, r.Error)
	}
	return r
}

// The curves are those of the library for the kernel that the sliders say.
func TestKernelOfCoefficients(t *testing.T) {
	r := answer(t, "kernel", "draw", "source", "coefficients", "a0", "0.5", "a1", "1", "a2", "0.25",
		"a3", "0", "a4", "0", "a5", "0.5")
	a := []float64{0.5, 1, 0.25, 0, 0, 0.5}
	series, err := inverse.NTK(ntk.Must(ntk.NewPowerSeries(a)), []int{1, 1, -1, -1, 1, 1})
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range at {
		want := 0.5 + c + 0.25*c*c + 0.5*math.Pow(c, 5)
		if math.Abs(r.Numbers["series"][i]-want) > 1e-13 ||
			math.Abs(r.Numbers["target"][i]-want) > 1e-13 {
			t.Errorf("K(%v) is %v, asked %v, want %v", c, r.Numbers["series"][i],
				r.Numbers["target"][i], want)
		}
	}
	for i, z := range zs {
		got, want := r.Numbers["series phi"][i], series.Value(z)
		if math.Abs(got-want) > 1e-12*(1+math.Abs(want)) {
			t.Errorf("φ(%v) is %v, want %v", z, got, want)
		}
	}
	const want = "A net of one hidden layer has this kernel (proof"
	if !strings.HasPrefix(r.Texts["verdict"], want) {
		t.Errorf("verdict %q", r.Texts["verdict"])
	}
	if !strings.Contains(r.Texts["series"], "is the one asked for") {
		t.Errorf("series %q", r.Texts["series"])
	}
}

// A kernel that cannot be had gets the nearest one, with its distance, which is measured here.
func TestKernelThatCannotBeHad(t *testing.T) {
	r := answer(t, "kernel", "draw", "source", "formula", "formula", "cos(2*c)", "degree", "7")
	const want = "No net of one hidden layer has this kernel (proof"
	if !strings.HasPrefix(r.Texts["verdict"], want) {
		t.Errorf("verdict %q", r.Texts["verdict"])
	}
	samples := inverse.Samples{Cosines: cosines(201), Values: values201()}
	near := ntk.Must(inverse.Nearest(samples, 7, nil))
	if want := fmt.Sprintf("is %.2g off", near.Mean); !strings.Contains(r.Texts["series"], want) {
		t.Errorf("series %q, want %q", r.Texts["series"], want)
	}
	fit := Answer(context.Background(), Request{Part: "kernel", Do: "fit",
		Values: with("kernel", "source", "formula", "formula", "cos(2*c)")}, nil)
	if !strings.Contains(fit.Error, "no net has this kernel") {
		t.Errorf("a fit to it says %q", fit.Error)
	}
}

func values201() []float64 {
	out := cosines(201)
	for i, c := range out {
		out[i] = math.Cos(2 * c)
	}
	return out
}

// A fit is that of the library, is kept, and is drawn again only for its own kernel.
func TestFit(t *testing.T) {
	var shares []float64
	q := Request{Part: "kernel", Do: "fit", Values: with("kernel")}
	r := Answer(context.Background(), q, func(sofar func() Response) {
		shares = append(shares, sofar().Progress)
	})
	if r.Error != "" {
		t.Fatal(r.Error)
	}
	if len(shares) < 100 || shares[len(shares)-1] != 1 {
		t.Errorf("progress ended at %v after %d reports", shares[len(shares)-1], len(shares))
	}
	v := values{of: q.Values, controls: Controls("kernel")}
	w := ntk.Must(v.wish())
	want, err := design.Fit(context.Background(), design.Paper(),
		design.Problem{Target: ntk.Must(w.kernel())}, &design.Settings{Starts: 300, Polish: 12})
	if err != nil {
		t.Fatal(err)
	}
	curve := ntk.Must(ntk.Must(want.Design.NTK()).Curve(at))
	spread := ntk.Must(want.Design.Spread(at))
	for i := range at {
		if math.Abs(r.Numbers["formula"][i]-curve[i]) > 1e-12 {
			t.Errorf("K(%v) of the fit is %v, the library's %v", at[i], r.Numbers["formula"][i],
				curve[i])
		}
		if got := r.Numbers["formula spread"][i]; math.Abs(got-spread[i]) > 1e-9*spread[i] {
			t.Errorf("its spread at %v is %v, the library's %v", at[i], got, spread[i])
		}
	}
	if !strings.Contains(r.Texts["formula"], want.Design.Formula.String()) {
		t.Errorf("formula %q, want %v", r.Texts["formula"], want.Design.Formula)
	}
	q.Do, q.Kept = "draw", r.Kept
	if again := Answer(context.Background(), q, nil); again.Numbers["formula"] == nil {
		t.Error("a fit that was kept is not drawn")
	} else if again.Texts["export"] != r.Texts["export"] {
		t.Errorf("and exported as\n%s\nfor\n%s", again.Texts["export"], r.Texts["export"])
	}
	q.Values["p"] = "0.77"
	if other := Answer(context.Background(), q, nil); other.Numbers["formula"] != nil {
		t.Error("the fit of another kernel is drawn")
	}
}

// A fit that is ended early gives the best so far, or says that there is none.
func TestFitEndsEarly(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	r := Answer(ctx, Request{Part: "kernel", Do: "fit", Values: with("kernel")},
		func(sofar func() Response) {
			if sofar().Progress > 0.8 {
				cancel()
			}
		})
	if r.Error != "" || r.Numbers["formula"] == nil {
		t.Errorf("ended late: %q", r.Error)
	}
	ctx, cancel = context.WithCancel(context.Background())
	cancel()
	r = Answer(ctx, Request{Part: "kernel", Do: "fit", Values: with("kernel")}, nil)
	if !strings.Contains(r.Error, "canceled") {
		t.Errorf("ended at once: %q", r.Error)
	}
}

func TestExports(t *testing.T) {
	for name, want := range map[string]string{"go": "func Phi(", "numpy": "def phi(",
		"jax": "def phi(", "pytorch": "class Phi(", "latex": `\varphi(z)`,
		"json": `"kernelsmith hermite series"`} {
		got := answer(t, "kernel", "draw", "format", name).Texts["export"]
		if !strings.Contains(got, want) {
			t.Errorf("%s:\n%s", name, got)
		}
		if name != "json" && !strings.Contains(got, "# its kernel is ") &&
			!strings.Contains(got, " its kernel is ") {
			t.Errorf("%s does not say how near it is:\n%s", name, got)
		}
	}
	// A text of several lines stays a comment.
	got := answer(t, "kernel", "draw", "format", "numpy", "source", "formula",
		"formula", "exp(c\n-1)")
	if !strings.Contains(got.Texts["export"], "# φ for the kernel K(c) = exp(c -1)\n") {
		t.Error(got.Texts["export"])
	}
}

func TestWrongValuesAreNamed(t *testing.T) {
	for _, bad := range [][]string{
		{"kernel", "source", "formula", "formula", "0.7c", "formula", "an operator is missing"},
		{"kernel", "source", "formula", "formula", "1/(1-c)", "formula", "is +Inf at c = 1"},
		{"kernel", "source", "coefficients", "a1", "x", "a1", `it must be a number from -1 to 3`},
		{"kernel", "source", "coefficients", "a1", "NaN", "a1", `it must be a number from -1 to 3`},
		{"kernel", "degree", "2.5", "", "", "degree", "whole number"},
		{"kernel", "signs", "?", "", "", "signs", "none of the choices"},
		{"kernel", "source", "?", "", "", "source", "none of the choices"},
		{"kernel", "format", "?", "", "", "format", "none of the choices"},
		{"flatten", "phi", "?", "", "", "phi", "none of the choices"},
		{"flatten", "sw", "99", "", "", "sw", "from 0.3 to 3"},
		{"parity", "bits", "12", "", "", "bits", "from 7 to 11"},
	} {
		r := Answer(context.Background(), Request{Part: bad[0], Do: "draw",
			Values: with(bad[0], bad[1:5]...)}, nil)
		if r.Control != bad[5] || !strings.Contains(r.Error, bad[6]) || r.Figures != nil {
			t.Errorf("%v: %q of %q", bad[:5], r.Error, r.Control)
		}
	}
	r := Answer(context.Background(), Request{Part: "nothing", Do: "draw"}, nil)
	if !strings.Contains(r.Error, `no part "nothing"`) {
		t.Error(r.Error)
	}
}

func TestFlatten(t *testing.T) {
	r := answer(t, "flatten", "fit", "depth", "4", "phi", "ReLU", "sw", "1.4142135623730951",
		"sb", "0.1")
	K := ntk.Must(ntk.Must(ntk.UniformFCN(4, ntk.ReLU{}, math.Sqrt2, 0.1)).NTK())
	want := ntk.Must(K.Curve(at))
	for i := range at {
		if math.Abs(r.Numbers["target"][i]-want[i]) > 1e-12 {
			t.Errorf("K(%v) is %v, want %v", at[i], r.Numbers["target"][i], want[i])
		}
		// Notebook 03 has .0027 in the mean, and a few times that at most.
		if off := math.Abs(r.Numbers["formula"][i] - want[i]); off > 0.02 {
			t.Errorf("the mimic is %v off at %v", off, at[i])
		}
	}
	var kept struct{ Design *design.Design }
	if err := json.Unmarshal(r.Kept, &kept); err != nil || kept.Design.Error.Mean > 0.003 {
		t.Errorf("the mimic is %v off in the mean (%v)", kept.Design.Error.Mean, err)
	}
}

// The designed net learns the parity, and the ReLU net does not.
func TestParity(t *testing.T) {
	reports := 0
	q := Request{Part: "parity", Do: "train", Values: with("parity")}
	r := Answer(context.Background(), q, func(sofar func() Response) {
		if reports++; reports%100 == 0 && len(sofar().Figures["losses"]) < 1000 {
			t.Error("a report without a picture")
		}
	})
	if r.Error != "" {
		t.Fatal(r.Error)
	}
	last := func(name string) float64 { v := r.Numbers[name]; return v[len(v)-1] }
	if last("formula accuracy") != 100 {
		t.Errorf("½ sin is at %v %%: %s", last("formula accuracy"), r.Texts["verdict"])
	}
	if last("series accuracy") > 70 {
		t.Errorf("ReLU is at %v %%: %s", last("series accuracy"), r.Texts["verdict"])
	}
	ctx, cancel := context.WithCancel(context.Background())
	r = Answer(ctx, q, func(sofar func() Response) {
		if sofar().Progress > 0.1 {
			cancel()
		}
	})
	if strings.Count(r.Texts["verdict"], "stopped after") != 2 {
		t.Errorf("ended early: %q %q", r.Texts["verdict"], r.Error)
	}
}
