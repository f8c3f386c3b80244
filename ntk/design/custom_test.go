package design

import (
	"math"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
)

// saturating is a·tanh(s z) + b z.
var saturating = &Custom{
	Name:   "saturating",
	Params: []Bounded{{"a", -3, 3}, {"s", 0.2, 3}, {"b", -2, 2}},
	Value:  func(p []float64, z float64) float64 { return p[0]*math.Tanh(p[1]*z) + p[2]*z },
	Derivative: func(p []float64, z float64) float64 {
		t := math.Tanh(p[1] * z)
		return p[0]*p[1]*(1-t*t) + p[2]
	},
}

// hinged is a·relu(z-b) + c·sin z, with a kink that moves.
var hinged = &Custom{
	Name:   "hinged",
	Params: []Bounded{{"a", -3, 3}, {"b", -2, 2}, {"c", -2, 2}},
	Value:  func(p []float64, z float64) float64 { return p[0]*max(z-p[1], 0) + p[2]*math.Sin(z) },
	Derivative: func(p []float64, z float64) float64 {
		if z > p[1] {
			return p[0] + p[2]*math.Cos(z)
		}
		return p[2] * math.Cos(z)
	},
	Kinks: func(p []float64) []float64 { return []float64{p[1]} },
}

// The series of the search against package ntk's own kernels, and gradients against
// differences of them.
func TestOwnModel(t *testing.T) {
	for _, c := range []struct {
		own    *Custom
		values []float64
	}{{saturating, []float64{1.2, 1.5, 0.3}}, {hinged, []float64{1.1, 0.4, 0.6}}} {
		ps := ntk.Must(c.own.parameters())
		for _, depth := range []int{1, 2} {
			var places []place
			for _, q := range [][2]float64{{1, 1}, {0.5, 2}} {
				for _, minus := range []float64{0, 0.005, 0.7, 1.4, 2} {
					places = append(places, place{q: q[0], q2: q[1], minus: minus, plus: 2 - minus})
				}
			}
			m := newModel(Family{Custom: c.own}, ps, places, 0.25)
			m.depth = depth
			n := len(ps)
			out, jacobian := make([]float64, len(places)), make([]float64, len(places)*n)
			m.kernels(c.values, out, jacobian)
			exact := func(v []float64) []float64 {
				net := ntk.Must(ntk.UniformFCN(depth, ntk.Must(c.own.activation(v, 100)), 1, 0))
				nngp, tangent := ntk.Must(net.NNGP()), ntk.Must(net.NTK())
				out := make([]float64, len(places))
				for i, p := range places {
					out[i] = 0.25*ntk.Must(valueAt(nngp, p)) + 0.75*ntk.Must(valueAt(tangent, p))
				}
				return out
			}
			for i, want := range exact(c.values) {
				if !(math.Abs(out[i]-want) <= 1e-6*(1+math.Abs(want))) {
					t.Errorf("%s, %d layers at %+v: %.12g, want %.12g", c.own.Name, depth,
						places[i], out[i], want)
				}
			}
			for j := range ps {
				const h = 1e-3
				moved := append([]float64(nil), c.values...)
				at := func(x float64) []float64 {
					moved[j] = c.values[j] + x
					return exact(moved)
				}
				up, down := at(h), at(-h)
				for i, p := range places {
					if p.q != p.q2 && (p.minus < 0.01 || p.plus < 0.01) {
						continue // see TestModel
					}
					want := (up[i] - down[i]) / (2 * h)
					if got := jacobian[i*n+j]; !(math.Abs(got-want) <= 2e-4*(1+math.Abs(want))) {
						t.Errorf("%s, %d layers: dK/d %s at %+v is %v, by differences %v",
							c.own.Name, depth, ps[j].name, p, got, want)
					}
				}
			}
		}
	}
}

// A kernel of the family is found again, with the numbers that made it or, for odd
// parts, their mirror; the error is that of package ntk's kernel.
func TestFitOwn(t *testing.T) {
	for _, c := range []struct {
		own    *Custom
		values []float64
	}{{saturating, []float64{1.2, 1.5, 0.3}}, {hinged, []float64{1.1, 0.4, 0.6}}} {
		net := ntk.Must(ntk.UniformFCN(1, ntk.Must(c.own.activation(c.values, 100)), 1, 0))
		target := ntk.Must(net.NTK())
		r, err := Fit(t.Context(), Family{Custom: c.own},
			Problem{Target: target, On: Angles(41, nil)},
			&Settings{Starts: 20, Polish: 3})
		if err != nil {
			t.Fatal(err)
		}
		d := r.Design
		if !(d.Error.Max < 1e-5) {
			t.Errorf("%s: %v", c.own.Name, d.Error)
		}
		off := ntk.Must(d.Off(target, []float64{1, 0.5, -0.5, -1}))
		for _, v := range off {
			if !(math.Abs(v) <= d.Error.Max+1e-9) {
				t.Errorf("%s: off by %v, the design says %v", c.own.Name, v, d.Error)
			}
		}
		if s := ntk.Must(d.Spread([]float64{1, 0})); !(s[0] > s[1] && s[1] > 0) {
			t.Errorf("%s: spread %v", c.own.Name, s)
		}
		if _, err := GoSource(d.Formula, "p", "Phi"); err == nil ||
			!strings.Contains(err.Error(), "Design.Activation") {
			t.Errorf("%s: exported: %v", c.own.Name, err)
		}
	}
}

func TestOwnSameSeed(t *testing.T) {
	fit := func(threads int) *Result {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(threads))
		return ntk.Must(
			Fit(t.Context(), Family{Custom: saturating, Fixed: map[string]float64{"b": 0.25}},
				Problem{Target: deepReLU(), On: Angles(21, nil), Width: 200},
				&Settings{Starts: 4, Polish: 1, Seed: 5}),
		)
	}
	a, b := fit(1), fit(2)
	if !reflect.DeepEqual(a.Design, b.Design) {
		t.Errorf("1 and 2 threads: %+v, %+v", a.Design, b.Design)
	}
	if w := ntk.Must(a.Design.WidthFor(0.1)); w < 10 {
		t.Errorf("wide enough: %d", w)
	}
	if a.Design.Params[2].Value != 0.25 {
		t.Errorf("fixed at 0.25: %+v", a.Design.Params)
	}
}

func TestOwnErrors(t *testing.T) {
	with := func(change func(o *Custom)) Family {
		o := *saturating
		change(&o)
		return Family{Custom: &o}
	}
	for says, f := range map[string]Family{
		"no function Value":      with(func(o *Custom) { o.Value = nil }),
		"no function Derivative": with(func(o *Custom) { o.Derivative = nil }),
		"0 parameters":           with(func(o *Custom) { o.Params = nil }),
		"has no name":            with(func(o *Custom) { o.Params = []Bounded{{"", 0, 1}} }),
		`the name "a"`: with(func(o *Custom) {
			o.Params = []Bounded{{"a", 0, 1},
				{"a", 0, 1}}
		}),
		`bounds of "s"`: with(func(o *Custom) {
			o.Params = []Bounded{{"a", 0, 1},
				{"s", 2, 1}}
		}),
		"saturating(a = 0": with(func(o *Custom) {
			o.Value = func(p []float64,
				z float64) float64 {
				return math.Sqrt(z)
			}
		}),
		"family saturating": with(func(o *Custom) {
			o.Derivative = func(p []float64,
				z float64) float64 {
				return z
			}
		}),
		"panic": with(func(o *Custom) {
			o.Value = func(p []float64,
				z float64) float64 {
				return p[7]
			}
		}),
		"jumps at z = 0": with(func(o *Custom) {
			o.Value = func(p []float64, z float64) float64 { return math.Copysign(1, z) }
			o.Derivative = func(p []float64, z float64) float64 { return 0 }
		}),
		"writes to the slice": with(func(o *Custom) {
			o.Value = func(p []float64, z float64) float64 {
				p[0] = 1
				return saturating.Value(p, z)
			}
		}),
		"saturating writes to": with(func(o *Custom) {
			o.Kinks = func(p []float64) []float64 {
				p[1] += 1
				return p[:1]
			}
		}),
		"Kinks of": with(func(o *Custom) {
			o.Kinks = func(p []float64) []float64 { return []float64{math.NaN()} }
		}),
		"must be zero": {Custom: saturating, ReLUs: 1},
		"no parameter": {Custom: saturating, Fixed: map[string]float64{"c": 1}},
	} {
		if _, err := Fit(t.Context(), f, Problem{Target: deepReLU(), On: Angles(11, nil)},
			&Settings{Starts: 1, Polish: 1}); err == nil ||
			!strings.Contains(err.Error(), says) {
			t.Errorf("error %v, must say %q", err, says)
		}
	}
}
