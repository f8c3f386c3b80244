package design_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"

	"github.com/kernelsmith/kernelsmith/ntk/inverse"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/design"
	"github.com/kernelsmith/kernelsmith/ntk/hermite"
	"gonum.org/v1/gonum/mat"
)

// bent is a ReLU with a bump beside it.
var bent = design.Formula{Slope: 0.25, Terms: []design.Term{
	{Kind: "relu", Amplitude: 1.5, Shift: 0.5},
	{Kind: "gaussian", Amplitude: -0.4, Shift: -1, Scale: 0.75},
}}

func ExampleFormula() {
	fmt.Println(bent)
	fmt.Printf("φ(1) = %.4f, φ'(1) = %.4f, kinks at %v\n", bent.Value(1), bent.Derivative(1),
		bent.Kinks())
	bent := bent
	bent.Terms = []design.Term{{Kind: "gaussian", Amplitude: 1}}
	fmt.Println(bent.Validate())
	// Output:
	// 0.25 z + 1.5 relu(z - 0.5) - 0.4 exp(-(z + 1)²/(2·0.75²))
	// φ(1) = 0.9886, φ'(1) = 1.7906, kinks at [0.5]
	// design: the scale of term 0 (gaussian) is 0; it must be > 0
}

func ExampleFormula_Activation() {
	phi := ntk.Must(bent.Activation())
	net := ntk.Must(
		ntk.NewFCN([]ntk.Layer{{Activation: phi, WeightStd: 1}}, ntk.Readout{WeightStd: 1}))
	kernel := ntk.Must(net.NTK())
	fmt.Printf("K(0.5) = %.6f\n", ntk.Must(kernel.At(1, 0.5, 1)))
	fmt.Println("kinks", ntk.KinksOf(phi))
	// Output:
	// K(0.5) = 0.818371
	// kinks [0.5]
}

func ExampleFromMimic() {
	fmt.Println(design.FromMimic(ntk.PublishedMimic()))
	// Output:
	// 0.09681 z + 0.901 + 3.8 relu(z - 1.06) - 0.07936 cos(11.81z + 0.9341)
}

func ExampleFromSeries() {
	s := design.FromSeries(ntk.Must(hermite.NewSeries([]float64{0, 0.5, 0, 0.25})))
	fmt.Printf("%v: φ(1) = %.4f, φ'(1) = %.4f\n", s, s.Value(1), s.Derivative(1))
	fmt.Println(ntk.Must(design.LaTeX(s)))
	// Output:
	// Hermite series of degree 3: φ(1) = 0.2959, φ'(1) = 0.5000
	// \varphi(z) = 0.5\,h_{1}(z) + 0.25\,h_{3}(z)
}

func ExampleHermiteSeries_Activation() {
	s := design.HermiteSeries{Coeffs: []float64{0, 0.6, 0.8}, Scale: 1}
	value, derivative := ntk.Must(s.Activation()).Dual(1, 0.5, 1)
	fmt.Printf("%.2f %.2f\n", value, derivative) // 0.36 ρ + 0.64 ρ², and its derivative
	// Output:
	// 0.34 1.00
}

func ExampleGoSource() {
	fmt.Println(ntk.Must(design.GoSource(bent, "activation", "Phi")))
	// Output:
	// // Exported by Kernelsmith.
	//
	// package activation
	//
	// import "math"
	//
	// // Phi returns φ(z) = 0.25 z + 1.5 relu(z - 0.5) - 0.4 exp(-(z + 1)²/(2·0.75²)).
	// func Phi(z float64) float64 {
	// 	var u float64
	// 	y := 0.25 * z
	// 	y += 1.5 * math.Max(z-0.5, 0)
	// 	u = (z + 1.0) / 0.75
	// 	y -= 0.4 * math.Exp(-u*u/2)
	// 	return y
	// }
	//
	// // PhiDerivative returns φ'(z), with 0 for each rectifier at its kink.
	// func PhiDerivative(z float64) float64 {
	// 	if z != z {
	// 		return z
	// 	}
	// 	var u float64
	// 	y := 0.25
	// 	if z > 0.5 {
	// 		y += 1.5
	// 	}
	// 	u = (z + 1.0) / 0.75
	// 	y += 0.5333333333333333 * u * math.Exp(-u*u/2)
	// 	return y
	// }
}

// oneBlankLine leaves out what gofmt would not let stand in the expected output.
func oneBlankLine(python string) string { return strings.ReplaceAll(python, "\n\n\n", "\n\n") }

func ExampleNumPy() {
	fmt.Println(oneBlankLine(ntk.Must(design.NumPy(bent, "phi"))))
	// Output:
	// """Exported by Kernelsmith: 0.25 z + 1.5 relu(z - 0.5) - 0.4 exp(-(z + 1)²/(2·0.75²))."""
	//
	// import numpy as np
	//
	//
	// def phi(z):
	//     """Return φ at an array or number."""
	//     z = np.asarray(z)
	//     y = 0.25 * z
	//     y = y + 1.5 * np.maximum(z - 0.5, 0.0)
	//     u = (z + 1.0) / 0.75
	//     y = y - 0.4 * np.exp(-u * u / 2)
	//     return y
	//
	//
	// def phi_derivative(z):
	//     """Return φ' at an array or number, with 0 for each rectifier at its kink."""
	//     z = np.asarray(z)
	//     y = np.where(np.isnan(z), z, 0.25)
	//     y = y + 1.5 * np.heaviside(z - 0.5, 0.0)
	//     u = (z + 1.0) / 0.75
	//     y = y + 0.5333333333333333 * u * np.exp(-u * u / 2)
	//     return y
}

func ExamplePyTorch() {
	fmt.Println(oneBlankLine(ntk.Must(design.PyTorch(bent, "Phi"))))
	// Output:
	// """Exported by Kernelsmith: 0.25 z + 1.5 relu(z - 0.5) - 0.4 exp(-(z + 1)²/(2·0.75²))."""
	//
	// import torch
	//
	//
	// class Phi(torch.nn.Module):
	//     """φ, element by element."""
	//
	//     def forward(self, z):
	//         y = 0.25 * z
	//         y = y + 1.5 * torch.relu(z - 0.5)
	//         u = (z + 1.0) / 0.75
	//         y = y - 0.4 * torch.exp(-u * u / 2)
	//         return y
}

func ExampleJAX() {
	s := design.HermiteSeries{Coeffs: []float64{0, 0.6, 0.8}, Scale: 1}
	fmt.Println(oneBlankLine(ntk.Must(design.JAX(s, "phi"))))
	// Output:
	// """Exported by Kernelsmith: Hermite series of degree 2."""
	//
	// import jax
	// import jax.numpy as jnp
	//
	//
	// _phi_coeffs = (
	//     0.0,
	//     0.6,
	//     0.8,
	// )
	//
	//
	// def phi(z):
	//     """Return φ, element by element."""
	//     x = jnp.asarray(z) / 1.0
	//
	//     def term(carry, factors):
	//         y, h, following = carry
	//         b, root, divisor = factors
	//         return (y + b * h, following, (x * following - root * h) / divisor), None
	//
	//     b = jnp.asarray(_phi_coeffs, dtype=x.dtype)
	//     k = jnp.arange(b.size, dtype=x.dtype)
	//     start = (0.0 * x, jnp.ones_like(x), x)
	//     (y, _, _), _ = jax.lax.scan(term, start, (b, jnp.sqrt(k + 1), jnp.sqrt(k + 2)))
	//     return y
}

func ExampleLaTeX() {
	lines := strings.NewReplacer(`\right) `, "\\right)\n  ") // one for each nonlinear term
	fmt.Println(lines.Replace(ntk.Must(design.LaTeX(bent))))
	fmt.Println(lines.Replace(ntk.Must(
		design.LaTeX(design.FromMimic(ntk.PublishedMimic()),
			design.LaTeXSettings{Digits: 3, Function: "f", Variable: "x"}),
	)))
	// Output:
	// \varphi(z) = 0.25\,z + 1.5\,\operatorname{ReLU}\left(z - 0.5\right)
	//   - 0.4\,\exp\left(-\frac{(z + 1)^2}{2 \cdot 0.75^2}\right)
	// f(x) = 0.0968\,x + 0.901 + 3.8\,\operatorname{ReLU}\left(x - 1.06\right)
	//   - 0.0794\,\cos\left(11.8\,x + 0.934\right)
}

func ExampleSave() {
	folder := ntk.Must(os.MkdirTemp("", "design"))
	defer os.RemoveAll(folder)
	path := filepath.Join(folder, "phi.json")
	if err := design.Save(path, bent); err != nil {
		fmt.Println(err)
	}
	file := ntk.Must(os.Open(path))
	defer file.Close()
	fmt.Println(ntk.Must(design.Load(file)))
	// Output:
	// 0.25 z + 1.5 relu(z - 0.5) - 0.4 exp(-(z + 1)²/(2·0.75²))
}

func ExampleLoad() {
	_, err := design.Load(
		strings.NewReader(
			`{"format": "kernelsmith formula", "version": 1, "slope": 0, "offset": 0, ` +
				`"terms": [{"kind": "swish"}]}`,
		),
	)
	fmt.Println(strings.ReplaceAll(err.Error(), "; ", ";\n"))
	// Output:
	// design: term 0 is of the kind "swish";
	// the kinds are ["relu" "reflected relu" "cos" "gaussian" "erf" "gelu"]
}

func ExampleLoadSeries() {
	s := ntk.Must(
		design.LoadSeries(
			strings.NewReader(
				`{"format": "kernelsmith hermite series", "version": 1, "scale": 2, ` +
					`"coeffs": [0, 0.5]}`,
			),
		),
	)
	fmt.Println(s, s.Value(1))
	// Output:
	// Hermite series of degree 1 in z/2 0.25
}

func ExampleFormula_MarshalJSON() {
	fmt.Println(string(ntk.Must(json.MarshalIndent(bent, "", "  "))))
	// Output:
	// {
	//   "format": "kernelsmith formula",
	//   "version": 1,
	//   "slope": 0.25,
	//   "offset": 0,
	//   "terms": [
	//     {
	//       "kind": "relu",
	//       "amplitude": 1.5,
	//       "shift": 0.5
	//     },
	//     {
	//       "kind": "gaussian",
	//       "amplitude": -0.4,
	//       "shift": -1,
	//       "scale": 0.75
	//     }
	//   ]
	// }
}

// deep is the NTK of the four-hidden-layer ReLU net.
func deep() ntk.Kernel {
	return ntk.Must(ntk.Must(ntk.UniformFCN(4, ntk.ReLU{}, math.Sqrt2, 0.1)).NTK())
}

// published is the published design for it.
func published() *design.Design {
	return &design.Design{Formula: design.FromMimic(ntk.PublishedMimic())}
}

func ExampleFit() {
	r := ntk.Must(
		design.Fit(context.Background(), design.Paper(), design.Problem{Target: deep()},
			&design.Settings{Starts: 300, Polish: 8}),
	)
	fmt.Printf("relative error below 0.5 %%: %v\n", r.Design.Error.Relative < 0.005)
	// Output:
	// relative error below 0.5 %: true
}

func ExampleMeasured() {
	d := ntk.Must(design.Measured(design.FromMimic(ntk.PublishedMimic()), deep(), design.Domain{}))
	fmt.Printf("root mean square %.4f, largest %.3f, %d parameters\n", d.Error.Mean, d.Error.Max,
		len(d.Params))
	// Output:
	// root mean square 0.0571, largest 0.131, 7 parameters
}

func ExampleDesign_MeanSpread() {
	fmt.Printf("%.2f\n", ntk.Must(published().MeanSpread()))
	// Output:
	// 7.01
}

func ExampleCompare() {
	line := &design.Design{Formula: design.Formula{Slope: 1, Offset: 1}}
	for _, c := range ntk.Must(design.Compare(deep(), design.Domain{},
		design.Named{Name: "published", Design: published()},
		design.Named{Name: "a line", Design: line})) {
		fmt.Printf(
			"%-9s %d parameters, off by %.3f, wide enough at %5d, |φ| ≤ %.2f inside, "+
				"%.2f outside\n",
			c.Name, c.Params, c.Error.Mean, c.Width, c.Inside, c.Outside)
	}
	// Output:
	// published 7 parameters, off by 0.057, wide enough at 15071, |φ| ≤ 8.55 inside, 16.43 outside
	// a line    2 parameters, off by 1.241, wide enough at     3, |φ| ≤ 4.00 inside, 6.00 outside
}

func ExampleComparison_Beats() {
	tame := &design.Design{Formula: design.FromMimic(ntk.Mimic{A: 3.7, B: 1, C: 0.1, D: 0.9})}
	c := ntk.Must(
		design.Compare(deep(), design.Domain{},
			design.Named{Name: "published", Design: published()},
			design.Named{Name: "tame", Design: tame}),
	)
	fmt.Println(c[1].Beats(c[0]))
	// Output:
	// false
}

func ExampleFront() {
	front := ntk.Must(
		design.Front(context.Background(), design.Family{ReLUs: 1},
			design.Problem{Target: deep(), On: design.Angles(21, nil)}, 64, 1024,
			&design.Settings{Starts: 20, Polish: 3}),
	)
	for i, p := range front[1:] {
		fmt.Println(p.Design.Error.Mean > front[i].Design.Error.Mean,
			p.MeanSpread < front[i].MeanSpread)
	}
	// Output:
	// true true
	// true true
}

func ExampleFamily() {
	// A sum of two ReLUs whose second kink stays at 0.
	f := design.Family{ReLUs: 2, NoOffset: true, Fixed: map[string]float64{"relu2.shift": 0}}
	r := ntk.Must(
		design.Fit(context.Background(), f, design.Problem{Target: deep()},
			&design.Settings{Starts: 30, Polish: 3}),
	)
	for _, p := range r.Design.Params {
		fmt.Println(p.Name)
	}
	// Output:
	// slope
	// relu1.amplitude
	// relu1.shift
	// relu2.amplitude
	// relu2.shift
}

func ExampleCustom() {
	// φ(z) = a tanh(s z) + b z, and a kernel that one of these has.
	own := &design.Custom{
		Name: "saturating",
		Params: []design.Bounded{
			{Name: "a", Low: 0, High: 3},
			{Name: "s", Low: 0.2, High: 3},
			{Name: "b", Low: 0, High: 2},
		},
		Value: func(p []float64, z float64) float64 { return p[0]*math.Tanh(p[1]*z) + p[2]*z },
		Derivative: func(p []float64, z float64) float64 {
			t := math.Tanh(p[1] * z)
			return p[0]*p[1]*(1-t*t) + p[2]
		},
	}
	phi := ntk.Must(ntk.Custom(func(z float64) float64 { return math.Tanh(1.5*z) + 0.25*z }, nil))
	target := ntk.Must(ntk.Must(ntk.UniformFCN(1, phi, 1, 0)).NTK())
	r := ntk.Must(
		design.Fit(context.Background(), design.Family{Custom: own},
			design.Problem{Target: target, On: design.Angles(41, nil)},
			&design.Settings{Starts: 8, Polish: 2}),
	)
	for _, p := range r.Design.Params {
		fmt.Printf("%s = %.2f\n", p.Name, p.Value)
	}
	// Output:
	// a = 1.00
	// s = 1.50
	// b = 0.25
}

func ExamplePaper() {
	fmt.Println(design.Paper().ReLUs, design.Paper().Cosines)
	// Output:
	// 1 1
}

func ExampleBounds() {
	// |φ'| stays below 4 far out.
	f := design.Paper()
	f.Bounds.Slope = 4
	d := ntk.Must(
		design.Fit(context.Background(), f, design.Problem{Target: deep()},
			&design.Settings{Starts: 30, Polish: 3}),
	).Design
	right := d.Formula.Slope + d.Formula.Terms[0].Amplitude
	fmt.Println(math.Abs(d.Formula.Slope) < 4.01, math.Abs(right) < 4.01)
	// Output:
	// true true
}

func ExampleProblem() {
	// The NNGP kernel of a net with √2 cos(z + π/4) is a Gaussian kernel.
	p := design.Problem{Target: ntk.Must(ntk.GaussianKernel(1)), NNGPShare: 1}
	d := ntk.Must(
		design.Fit(context.Background(), design.Family{Cosines: 1, NoSlope: true, NoOffset: true},
			p, &design.Settings{Starts: 20, Polish: 2}),
	).Design
	t := d.Formula.Terms[0]
	fmt.Printf("amplitude %.3f, frequency %.3f\n", math.Abs(t.Amplitude), t.Frequency)
	// Output:
	// amplitude 1.414, frequency 1.000
}

func ExampleProblem_samples() {
	var s inverse.Samples
	for i := range 12 {
		c := 1 - float64(i)/6
		s.Cosines, s.Values = append(s.Cosines, c), append(s.Values,
			ntk.Must(deep().Curve([]float64{c}))[0])
	}
	d := ntk.Must(
		design.Fit(context.Background(), design.Paper(), design.Problem{Target: s},
			&design.Settings{Starts: 100, Polish: 4}),
	).Design
	fmt.Println(d.Error.Relative < 0.01)
	s.Cosines, s.Values = s.Cosines[:5], s.Values[:5]
	_, err := design.Fit(context.Background(), design.Paper(), design.Problem{Target: s}, nil)
	fmt.Println(strings.ReplaceAll(err.Error(), "; ", ";\n"))
	// Output:
	// true
	// design: samples at 5 cosines cannot tell 7 free parameters;
	// at least 7 are needed, or fix some with Family.Fixed
}

func ExampleSettings() {
	ctx, cancel := context.WithCancel(context.Background())
	_, err := design.Fit(ctx, design.Paper(), design.Problem{Target: deep()}, &design.Settings{
		Progress: func(done, total int) {
			if done > 20 {
				cancel() // the best so far is returned beside the error
			}
		},
	})
	fmt.Println(err)
	// Output:
	// context canceled
}

func ExampleAngles() {
	on := design.Angles(5,
		func(theta float64) float64 { return math.Sin(theta) }) // without the ends
	e := ntk.Must(design.ErrorOn(published().Formula, deep(), on))
	fmt.Printf("%v: %.3f\n", on, e.Max)
	// Output:
	// 5 angles: 0.086
}

func ExampleCosines() {
	e := ntk.Must(design.ErrorOn(published().Formula, deep(), design.Cosines(101, nil)))
	fmt.Printf("mean %.3f, largest %.3f\n", e.Mean, e.Max)
	// Output:
	// mean 0.055, largest 0.129
}

func ExampleNorms() {
	// The published design was fitted on the sphere, and off it its relative error is nine times
	// as large.
	e := ntk.Must(design.ErrorOn(published().Formula, deep(), design.Norms(0.5, 2)))
	fmt.Printf("relative error %.2f\n", e.Relative)
	// Output:
	// relative error 0.21
}

func ExampleRows() {
	x := mat.NewDense(4, 2, []float64{1, 1, 1, -1, 0.5, 1, -1, 0.2})
	on := design.Rows(x, 20, 1)
	d := ntk.Must(
		design.Fit(context.Background(), design.Paper(), design.Problem{Target: deep(), On: on},
			&design.Settings{Starts: 20, Polish: 2}),
	).Design
	fmt.Println(on, d.Check(x))
	// Output:
	// 20 pairs of rows <nil>
}

func ExampleErrorOn() {
	e := ntk.Must(design.ErrorOn(published().Formula, deep(), design.Domain{})) // 101 angles
	fmt.Printf("mean %.4f, largest %.3f, relative %.3f\n", e.Mean, e.Max, e.Relative)
	// Output:
	// mean 0.0571, largest 0.131, relative 0.024
}

func ExampleDesign_Activation() {
	phi := ntk.Must(published().Activation())
	fmt.Printf("%.4f\n", phi.Value(1))
	// Output:
	// 0.9197
}

func ExampleDesign_Net() {
	net := ntk.Must((&design.Design{Formula: bent}).Net(2))
	fmt.Println(net.Depth(), net.Params(10, 100, 1))
	// Output:
	// 2 11100
}

func ExampleDesign_NTK() {
	K := ntk.Must(published().NTK())
	fmt.Printf("%.4f\n", ntk.Must(K.Curve([]float64{1, 0, -1})))
	// Output:
	// [5.1304 1.3996 1.0252]
}

func ExampleDesign_Off() {
	off := ntk.Must(published().Off(deep(), []float64{1, 0, -1}))
	fmt.Printf("%.3f\n", off)
	// Output:
	// [0.060 -0.075 -0.060]
}

func ExampleDesign_Spread() {
	s := ntk.Must(published().Spread([]float64{1, 0}))
	fmt.Printf("at width 1024: %.3f and %.3f\n", s[0]/32, s[1]/32)
	// Output:
	// at width 1024: 0.453 and 0.061
}

// At c = 0 it is √(E[φ²]² - K(0)²) = √0.75.
func ExampleHermiteSeries_Spread() {
	phi := ntk.Must(inverse.NTK(ntk.Must(ntk.NewPowerSeries([]float64{0.5, 0, 1.5})), nil))
	s := ntk.Must(design.FromSeries(phi).Spread([]float64{1, 0}))
	fmt.Printf("at width 1024: %.3f and %.3f\n", s[0]/32, s[1]/32)
	// Output:
	// at width 1024: 0.147 and 0.027
}

func ExampleSpread() {
	relu := design.Formula{Terms: []design.Term{{Kind: "relu", Amplitude: 1}}}
	fmt.Printf("%.4f\n", ntk.Must(design.Spread(relu, []float64{1}))) // √3
	// Output:
	// [1.7321]
}

func ExampleDesign_WidthFor() {
	relu := &design.Design{
		Formula: design.Formula{Terms: []design.Term{{Kind: "relu", Amplitude: 1}}},
	}
	fmt.Println(ntk.Must(relu.WidthFor(0.1)))
	// Output:
	// 94
}

func ExampleDesign_Curve() {
	c := ntk.Must(published().Curve(deep(), []float64{1, 0}, 256, 4096))
	for j := range c.Cosines {
		fmt.Printf("c = %v: %.3f for %.3f, ± %.3f or ± %.3f\n", c.Cosines[j], c.Kernel[j],
			c.Target[j], c.Std[0][j], c.Std[1][j])
	}
	// Output:
	// c = 1: 5.130 for 5.070, ± 0.906 or ± 0.227
	// c = 0: 1.400 for 1.475, ± 0.121 or ± 0.030
}

func ExampleCurve_Band() {
	c := ntk.Must(published().Curve(deep(), []float64{1, 0}, 4096))
	low, high, err := c.Band(0, 1)
	fmt.Printf("%.2f %.2f %v\n", low, high, err)
	// Output:
	// [4.90 1.37] [5.36 1.43] <nil>
}

func ExampleDesign_Check() {
	x := mat.NewDense(3, 2, []float64{1, 1, 1, -1, 3, 4})
	d := ntk.Must(
		design.Fit(context.Background(), design.Paper(), design.Problem{Target: deep()},
			&design.Settings{Starts: 10, Polish: 1}),
	).Design
	before, advice, _ := strings.Cut(d.Check(x).Error(), "; ")
	before, where, _ := strings.Cut(before, ": row")
	fmt.Printf("%s\nrow%s\n%s\n", before, where, advice)
	// Output:
	// design: 1 rows are outside the norms that the design was fitted for
	// row 2 has ‖x‖²/d = 12.5, the domain 1 to 1
	// fit it on these rows, or scale them
}

func ExampleDesign_Save() {
	folder := ntk.Must(os.MkdirTemp("", "design"))
	defer os.RemoveAll(folder)
	path := filepath.Join(folder, "design.json")
	d := &design.Design{Formula: bent, Error: design.Error{Mean: 0.25}}
	if err := d.Save(path); err != nil {
		fmt.Println(err)
	}
	file := ntk.Must(os.Open(path))
	defer file.Close()
	again := ntk.Must(design.LoadDesign(file))
	fmt.Println(again.Formula, again.Error.Mean)
	// Output:
	// 0.25 z + 1.5 relu(z - 0.5) - 0.4 exp(-(z + 1)²/(2·0.75²)) 0.25
}

func ExampleLoadDesign() {
	_, err := design.LoadDesign(strings.NewReader(`{"format": "kernelsmith design", "version": 7}`))
	fmt.Println(err)
	// Output:
	// design: the design is of version 7; this program reads version 1
}

func ExampleDesign_MarshalJSON() {
	d := &design.Design{
		Formula: design.Formula{Slope: 0.5},
		Params:  []design.Param{{Name: "slope", Value: 0.5}},
	}
	fmt.Println(string(ntk.Must(json.MarshalIndent(d, "", "  "))))
	// Output:
	// {
	//   "format": "kernelsmith design",
	//   "version": 1,
	//   "formula": {
	//     "format": "kernelsmith formula",
	//     "version": 1,
	//     "slope": 0.5,
	//     "offset": 0,
	//     "terms": []
	//   },
	//   "parameters": [
	//     {
	//       "name": "slope",
	//       "value": 0.5,
	//       "at bound": false
	//     }
	//   ],
	//   "error": {
	//     "mean": 0,
	//     "max": 0,
	//     "relative": 0
	//   },
	//   "objective": 0,
	//   "norms": {
	//     "low": 0,
	//     "high": 0
	//   }
	// }
}

func ExampleDesign_UnmarshalJSON() {
	text := ntk.Must(json.Marshal(&design.Design{Formula: bent}))
	var d design.Design
	fmt.Println(json.Unmarshal(text, &d), d.Formula.Kinks())
	// Output:
	// <nil> [0.5]
}

func ExampleFormula_UnmarshalJSON() {
	text := ntk.Must(json.Marshal(bent))
	var f design.Formula
	fmt.Println(json.Unmarshal(text, &f), len(f.Terms))
	// Output:
	// <nil> 2
}

func ExampleFormula_Validate() {
	f := design.Formula{Terms: []design.Term{{Kind: "relu", Amplitude: 1, Frequency: 2}}}
	fmt.Println(f.Validate())
	// Output:
	// design: the frequency of term 0 is 2; relu has none and it must be 0
}

func ExampleHermiteSeries() {
	s := design.HermiteSeries{Coeffs: []float64{0, 0.6, 0.8}, Scale: 1}
	fmt.Printf("%v: φ(1) = %.2f, φ'(1) = %.3f\n", s, s.Value(1), s.Derivative(1))
	s.Scale = 0
	fmt.Println(s.Validate())
	// Output:
	// Hermite series of degree 2: φ(1) = 0.60, φ'(1) = 1.731
	// design: the scale of the series is 0; it must be from 1e-100 to 1e100
}

func ExampleHermiteSeries_MarshalJSON() {
	text := ntk.Must(json.Marshal(design.HermiteSeries{Coeffs: []float64{0, 0.5}, Scale: 2}))
	fmt.Println(string(text))
	var s design.HermiteSeries
	fmt.Println(json.Unmarshal(text, &s), s.Value(1))
	// Output:
	// {"format":"kernelsmith hermite series","version":1,"scale":2,"coeffs":[0,0.5]}
	// <nil> 0.25
}

func ExampleActivation() {
	phi := ntk.Must(bent.Activation())
	fmt.Println(phi)
	fmt.Printf("%.4f %.4f\n", phi.Value(1), phi.Derivative(1))
	// Output:
	// 0.25 z + 1.5 relu(z - 0.5) - 0.4 exp(-(z + 1)²/(2·0.75²))
	// 0.9886 1.7906
}

// What nets are made with goes to PyTorch.
func ExampleFromActivation() {
	phi := ntk.Must(design.FromActivation(ntk.LeakyReLU(0.1)))
	fmt.Println(phi)
	_, err := design.FromActivation(ntk.Tanh{})
	fmt.Println(err != nil)
	// Output:
	// relu(z) - 0.1 relu(-z)
	// true
}
