package design_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/design"
	"github.com/kernelsmith/kernelsmith/ntk/hermite"
	"github.com/kernelsmith/kernelsmith/ntk/kerneltest"
)

// formulas has every kind with and without shift, scale 1, negative numbers,
// numbers with exponents, and several terms of a kind.
var formulas = map[string]design.Formula{
	"published": design.FromMimic(ntk.PublishedMimic()),
	"nothing":   {},
	"constant":  {Offset: -0.75},
	"affine":    {Slope: -2, Offset: 1e-7},
	"line":      {Slope: 3},
	"relu":      {Terms: []design.Term{{Kind: "relu", Amplitude: 1}}},
	"rectifiers": {Slope: 0.5, Terms: []design.Term{
		{Kind: "relu", Amplitude: -1.25, Shift: -0.3},
		{Kind: "reflected relu", Amplitude: 2, Shift: 0.7},
		{Kind: "reflected relu", Amplitude: -0.4},
		{Kind: "relu", Amplitude: 1. / 3, Shift: 0.7},
	}},
	"cosines": {Offset: 0.1, Terms: []design.Term{
		{Kind: "cos", Amplitude: -1, Frequency: 1},
		{Kind: "cos", Amplitude: 0.2, Frequency: 7.3456789, Phase: -0.5},
		{Kind: "cos", Amplitude: 1e-3, Frequency: -5, Phase: 2},
	}},
	"bumps": {Terms: []design.Term{
		{Kind: "gaussian", Amplitude: 1, Scale: 1},
		{Kind: "gaussian", Amplitude: -2.5, Shift: 1.2, Scale: 0.3},
		{Kind: "gaussian", Amplitude: 0.7, Shift: -0.8, Scale: 2},
	}},
	"erf": {Terms: []design.Term{
		{Kind: "erf", Amplitude: -1.5, Scale: 1},
		{Kind: "erf", Amplitude: 0.4, Shift: 0.9, Scale: 3},
	}},
	"GELU": {Terms: []design.Term{
		{Kind: "gelu", Amplitude: 1, Scale: 1},
		{Kind: "gelu", Amplitude: -0.4, Shift: -0.9, Scale: 2.5},
	}},
	"all": {Slope: -0.2, Offset: 0.3, Terms: []design.Term{
		{Kind: "relu", Amplitude: 1.5, Shift: 0.4},
		{Kind: "reflected relu", Amplitude: -0.6, Shift: -0.5},
		{Kind: "cos", Amplitude: -0.3, Frequency: 4, Phase: 0.5},
		{Kind: "gaussian", Amplitude: 0.8, Shift: 0.5, Scale: 0.6},
		{Kind: "erf", Amplitude: 0.9, Shift: -1, Scale: 1.7},
		{Kind: "gelu", Amplitude: -0.5, Shift: 0.25, Scale: 1.3},
	}},
}

var series = map[string]design.HermiteSeries{
	"constant": {[]float64{2}, 1},
	"cubic":    {[]float64{0, 1, -0.5, 0.25}, 1},
	"scaled":   {[]float64{0.3, -1, 0, 0.2, 1e-7, 0.05}, 1.5},
	"long":     long(60),
}

// long is the sine of 3z, truncated: b_k = ±3^k e^{-9/2}/√k! for odd k.
func long(n int) design.HermiteSeries {
	b := make([]float64, n)
	c := math.Exp(-4.5)
	for k := range b {
		if k > 0 {
			c *= 3 / math.Sqrt(float64(k))
		}
		b[k] = c * float64(k%2) * float64(1-(k-1)%4)
	}
	return design.HermiteSeries{b, 1}
}

// size is the sum of the sizes of the terms at z, that of what rounding there is.
func size(f design.Formula, z float64) float64 {
	s := math.Abs(f.Slope*z) + math.Abs(f.Offset)
	for _, t := range f.Terms {
		s += math.Abs(design.Formula{Terms: []design.Term{t}}.Value(z))
	}
	return s
}

func TestMimic(t *testing.T) {
	m := ntk.PublishedMimic()
	f := design.FromMimic(m)
	a := ntk.Must(f.Activation())
	for z := -6.; z <= 6; z += 0.01 {
		// Five roundings in another order.
		if d := math.Abs(f.Value(z) - m.Value(z)); d > 1e-15*math.Max(1, size(f, z)) {
			t.Errorf("φ(%v) is off by %.2g", z, d)
		}
		if d := math.Abs(f.Derivative(z) - m.Derivative(z)); d > 1e-15*math.Max(1, math.Abs(m.A)) {
			t.Errorf("φ'(%v) is off by %.2g", z, d)
		}
		if a.Value(z) != f.Value(z) || a.Derivative(z) != f.Derivative(z) {
			t.Errorf("the activation is another function at %v", z)
		}
	}
	for _, p := range [][3]float64{{1, 0.3, 1}, {1, -0.999, 1}, {1, 1, 1}, {0.5, 0.2, 2},
		{4, -3, 9}, {0, 0, 1}, {0, 0, 0}} {
		value, derivative := a.Dual(p[0], p[1], p[2])
		v, d := m.Dual(p[0], p[1], p[2])
		if math.Abs(value-v) > 1e-13*math.Max(1, v) ||
			math.Abs(derivative-d) > 1e-13*math.Max(1, d) {
			t.Errorf("the duals at %v are %v, %v, want %v, %v", p, value, derivative, v, d)
		}
	}
	if k := ntk.KinksOf(a); len(k) != 1 || k[0] != m.B {
		t.Errorf("kinks %v", k)
	}
}

// Each kind against package ntk's activation of its form.
func TestTermsAgainstActivations(t *testing.T) {
	term := func(kind design.Kind, scale float64) design.Formula {
		return design.Formula{
			Terms: []design.Term{{Kind: kind, Amplitude: -1.7, Shift: 0.6, Scale: scale}},
		}
	}
	for name, c := range map[string]struct {
		f    design.Formula
		want ntk.Activation
	}{
		"relu": {term("relu", 0),
			ntk.Must(ntk.Affine(ntk.ReLU{}, -1.7, 1, -0.6, 0))},
		"reflected relu": {term("reflected relu", 0),
			ntk.Must(ntk.Affine(ntk.ReLU{}, -1.7, -1, 0.6, 0))},
		"gaussian": {term("gaussian", 0.5),
			ntk.Must(ntk.Affine(ntk.Gaussian{Amplitude: 1, Rate: 2}, -1.7, 1, -0.6, 0))},
		"erf": {term("erf", 2), ntk.Must(ntk.Affine(ntk.Erf{}, -1.7, 2, -1.2, 0))},
		"gelu": {term("gelu", 2),
			ntk.Must(ntk.Affine(ntk.GELU{}, -1.7, 2, -1.2, 0))},
		"cos": {design.Formula{Terms: []design.Term{{Kind: "cos", Amplitude: 2,
			Frequency: 3, Phase: 4}}},
			ntk.Cos{Amplitude: 2, Frequency: 3, Phase: 4}},
	} {
		for z := -6.; z <= 6; z += 0.05 {
			// s(z-b) against sz-sb: a rounding of 12 times the slope 3.4.
			if d := math.Abs(c.f.Value(z) - c.want.Value(z)); d > 1e-14 {
				t.Errorf("%s: φ(%v) is off by %.2g", name, z, d)
			}
			if d := math.Abs(c.f.Derivative(z) - c.want.Derivative(z)); d > 3e-14 {
				t.Errorf("%s: φ'(%v) is off by %.2g", name, z, d)
			}
		}
		// At the kink 0, from either side.
		if k := c.f.Kinks(); len(k) == 1 &&
			(c.f.Derivative(k[0]) != 0 || c.want.Derivative(k[0]) != 0) {
			t.Errorf("%s: φ' is %v and %v at the kink", name, c.f.Derivative(k[0]),
				c.want.Derivative(k[0]))
		}
	}
}

// The battery of all activations: duals against quadrature and series, single
// precision, derivative, NaN.
func TestActivations(t *testing.T) {
	for name, f := range formulas {
		t.Run(name, func(t *testing.T) {
			kerneltest.Activation(t, ntk.Must(f.Activation()), kerneltest.Settings{MaxVariance: 1})
		})
	}
	for name, s := range series {
		t.Run("series "+name, func(t *testing.T) {
			a := ntk.Must(s.Activation())
			for z := -6.; z <= 6; z += 0.05 {
				want := hermite.Series.Value(a, z)
				if d := math.Abs(s.Value(z) - want); d > 1e-14*math.Max(1, math.Abs(want)) {
					t.Errorf("φ(%v) is off by %.2g", z, d)
				}
				want = a.Derivative(z)
				if d := math.Abs(s.Derivative(z) - want); d > 1e-14*math.Max(1, math.Abs(want)) {
					t.Errorf("φ'(%v) is off by %.2g", z, d)
				}
			}
			if !math.IsNaN(s.Value(math.NaN())) || !math.IsNaN(s.Derivative(math.NaN())) {
				t.Error("NaN in, NaN out")
			}
			if again := design.FromSeries(a); fmt.Sprint(again) != fmt.Sprint(s) ||
				again.Scale != s.Scale {
				t.Errorf("there and back: %v", again)
			}
		})
	}
}

// A bump as narrow as is allowed for its shift: its dual against quadrature with
// the bump's middle declared, so that it is not missed.
func TestNarrowGaussian(t *testing.T) {
	for _, ratio := range []float64{5, 20, 34.9} {
		f := design.Formula{
			Terms: []design.Term{{Kind: "gaussian", Amplitude: 1, Shift: 1, Scale: 1 / ratio}},
		}
		a := ntk.Must(f.Activation())
		fn, err := hermite.Resolve(f.Value, f.Derivative,
			&hermite.ResolveSettings{Kinks: []float64{1}, Tolerance: 1e-11, MaxStd: 2})
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range [][3]float64{{1, 0.3, 1}, {1, 0.99, 1}, {2, -0.5, 0.5}} {
			v, d := a.Dual(p[0], p[1], p[2])
			wantV, wantD := fn.Dual(p[0], p[1], p[2])
			topV, topD := fn.Dual(1, 1, 1)
			if math.Abs(v-wantV) > 1e-10*topV || math.Abs(d-wantD) > 1e-10*topD {
				t.Errorf("%v: %v, %v, want %v, %v", p, v, d, wantV, wantD)
			}
		}
	}
	_, err := design.Formula{
		Terms: []design.Term{{Kind: "gaussian", Amplitude: 1, Shift: 1, Scale: 0.02}},
	}.Activation()
	if err == nil || !strings.Contains(err.Error(), "0.02") {
		t.Errorf("too narrow: %v", err)
	}
}

// A formula has the kernels, the expansion and the key of its sum in package ntk,
// to the last digit.
func TestWrapped(t *testing.T) {
	f := design.Formula{
		Slope:  0.2,
		Offset: -0.1,
		Terms: []design.Term{
			{Kind: "relu", Amplitude: 1.2, Shift: 0.3},
			{Kind: "gelu", Amplitude: 0.5, Shift: 1, Scale: 2},
		},
	}
	a := ntk.Must(f.Activation())
	sum := ntk.Must(
		ntk.Add(ntk.Polynomial{Coeffs: []float64{-0.1, 0.2}},
			ntk.Must(ntk.Affine(ntk.ReLU{}, 1.2, 1, -0.3, 0)),
			ntk.Must(ntk.Affine(ntk.GELU{}, 0.5, 2, -2, 0))),
	)
	nets := [2]*ntk.FCN{}
	for i, phi := range []ntk.Activation{a, sum} {
		l := ntk.Layer{Activation: phi, WeightStd: 1.3, BiasStd: 0.1}
		nets[i] = ntk.Must(ntk.NewFCN([]ntk.Layer{l, l, l}, ntk.Readout{WeightStd: 1}))
	}
	if nets[0].Fingerprint() != nets[1].Fingerprint() {
		t.Error("the keys differ")
	}
	for _, c := range []float64{-1, 0.5, 1 - 1e-12, 1} {
		if v, w := ntk.Must(ntk.Must(nets[0].NTK()).At(1, c, 1)), ntk.Must(
			ntk.Must(nets[1].NTK()).At(1, c, 1),
		); v != w {
			t.Errorf("the NTK at %v is %v, want %v", c, v, w)
		}
	}
	b, want := ntk.Must(ntk.HermiteCoeffs(a, 0.8, 9)), ntk.Must(ntk.HermiteCoeffs(sum, 0.8, 9))
	if fmt.Sprint(b) != fmt.Sprint(want) {
		t.Errorf("coefficients %v, want %v", b, want)
	}
	twice := ntk.Must(ntk.Add(a, a))
	v, _ := twice.(ntk.Dualer).Dual(1, 0.5, 1)
	w, _ := sum.(ntk.Dualer).Dual(1, 0.5, 1)
	if math.Abs(v-4*w) > 1e-13*v {
		t.Errorf("twice φ has the dual %v, want %v", v, 4*w)
	}
	before := a.Value(0.3)
	f.Terms[1].Amplitude = 7
	if after := a.Value(0.3); after != before {
		t.Errorf("the activation shares its terms with what it was made of: %v, then %v", before,
			after)
	}
}

// To the accuracy that is stated, on lengths around those of a block; the bounds
// for [ntk.Mimic] are 5e-6 and 4e-5.
func TestEvalFloat32(t *testing.T) {
	for name, f := range formulas {
		a := ntk.Must(f.Activation())
		var worst, worstD float64
		for _, n := range []int{0, 1, 255, 256, 257, 4000} {
			z := make([]float32, n)
			for i := range z {
				z[i] = float32(i)*12/float32(n) - 6.0001
			}
			for i, x := range []float32{0, float32(math.Copysign(0, -1)), 0.4, 0.7, 1e-30, -300,
				300, 1e6, -1e6, float32(math.Inf(1)), float32(math.Inf(-1))} {
				if i < n-10 {
					z[i] = x
				}
			}
			if n > 10 {
				z[n-1] = float32(math.NaN())
			}
			value, derivative := make([]float32, n), make([]float32, n)
			a.(ntk.Float32Evaluator).EvalFloat32(value, derivative, z)
			inPlace := append([]float32(nil), z...)
			a.(ntk.Float32Evaluator).EvalFloat32(make([]float32, n), inPlace, inPlace)
			for i, x := range z {
				if math.IsInf(float64(x), 0) &&
					slices.ContainsFunc(
						f.Terms,
						func(t design.Term) bool {
							return t.Kind != "relu" &&
								t.Kind != "reflected relu"
						},
					) {
					continue // what the others make of infinity is left open
				}
				v, d := f.Value(float64(x)), f.Derivative(float64(x))
				if math.IsNaN(v) != (value[i] != value[i]) ||
					math.IsNaN(d) != (derivative[i] != derivative[i]) {
					t.Fatalf("%s: φ(%v) = %v, %v", name, x, value[i], derivative[i])
				}
				if x != x {
					continue
				}
				if math.IsInf(v, 0) && float64(value[i]) != v {
					t.Errorf("%s: φ(%v) = %v, want %v", name, x, value[i], v)
				}
				if inPlace[i] != derivative[i] {
					t.Fatalf("%s: in place φ'(%v) is another", name, x)
				}
				amplitudes, slopes, kink := 0.0, 0.0, 0.0
				for _, t := range f.Terms {
					if x == float32(t.Shift) && float64(x) != t.Shift {
						kink += math.Abs(t.Amplitude) // in single precision this is the kink
					}
					amplitudes += math.Abs(t.Amplitude)
					slopes += math.Abs(t.Amplitude) * (1 + math.Abs(t.Frequency) + t.Scale)
				}
				err, errD := math.Abs(float64(value[i])-v), math.Abs(float64(derivative[i])-d)
				if math.Abs(float64(x)) < 10 {
					worst, worstD = math.Max(worst, err), math.Max(worstD, errD)
				}
				// Sums in single precision round by the size of their terms.
				if err > 2.6e-7*(amplitudes*(1+math.Abs(float64(x)))+math.Abs(v)) ||
					errD > 2.6e-7*(slopes+math.Abs(d))+kink {
					t.Errorf("%s: φ(%v) is off by %.2g, φ' by %.2g", name, x, err, errD)
				}
			}
		}
		t.Logf("%s: off by %.2g and %.2g", name, worst, worstD)
	}
}

func BenchmarkEvalFloat32(b *testing.B) {
	z := make([]float32, 8192)
	for i := range z {
		z[i] = float32(math.Sin(float64(i) * 1.7))
	}
	value, derivative := make([]float32, len(z)), make([]float32, len(z))
	run := func(name string, e ntk.Float32Evaluator) {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				e.EvalFloat32(value, derivative, z)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(z)),
				"ns/value")
		})
	}
	run("Mimic", ntk.PublishedMimic())
	for _, name := range []string{"published", "rectifiers", "bumps", "erf", "GELU"} {
		run(name, ntk.Must(formulas[name].Activation()).(ntk.Float32Evaluator))
	}
}

func TestValidate(t *testing.T) {
	one := func(term design.Term) design.Formula {
		return design.Formula{Terms: []design.Term{{Kind: "relu"}, term}}
	}
	for want, f := range map[string]design.Exportable{
		"slope is NaN":                 design.Formula{Slope: math.NaN()},
		"offset is +Inf":               design.Formula{Offset: math.Inf(1)},
		`term 1 is of the kind "tanh"`: one(design.Term{Kind: "tanh"}),
		`term 1 is of the kind ""`:     one(design.Term{Amplitude: 1}),
		"amplitude of term 1 (cos) is -Inf": one(design.Term{Kind: "cos",
			Amplitude: math.Inf(-1)}),
		"scale of term 1 (erf) is 0":       one(design.Term{Kind: "erf"}),
		"scale of term 1 (gaussian) is -1": one(design.Term{Kind: "gaussian", Scale: -1}),
		"scale of term 1 (gelu) is NaN": one(design.Term{Kind: "gelu",
			Scale: math.NaN()}),
		"shift of term 1 is 2; cos has none":  one(design.Term{Kind: "cos", Shift: 2}),
		"scale of term 1 is 1; relu has none": one(design.Term{Kind: "relu", Scale: 1}),
		"phase of term 1 is NaN; erf has none": one(design.Term{Kind: "erf", Scale: 1,
			Phase: math.NaN()}),
		"scale of the series is 0":             design.HermiteSeries{Coeffs: []float64{1}},
		"coefficient b_1 of the series is NaN": design.HermiteSeries{[]float64{1, math.NaN()}, 1},
	} {
		err := f.Validate()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
		if f, ok := f.(design.Formula); ok {
			if _, err := f.Activation(); err == nil {
				t.Errorf("an activation in spite of: %s", want)
			}
		}
	}
	for name, f := range formulas {
		if err := f.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
