package design_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/design"
	"github.com/kernelsmith/kernelsmith/ntk/hermite"
)

// bent is a ReLU with a bump beside it.
var bent = design.Formula{Slope: 0.25, Terms: []design.Term{
	{Kind: design.ReLU, Amplitude: 1.5, Shift: 0.5},
	{Kind: design.Gaussian, Amplitude: -0.4, Shift: -1, Scale: 0.75},
}}

func ExampleFormula() {
	fmt.Println(bent)
	fmt.Printf("φ(1) = %.4f, φ'(1) = %.4f, kinks at %v\n", bent.Value(1), bent.Derivative(1), bent.Kinks())
	bent := bent
	bent.Terms = []design.Term{{Kind: design.Gaussian, Amplitude: 1}}
	fmt.Println(bent.Validate())
	// Output:
	// 0.25 z + 1.5 relu(z - 0.5) - 0.4 exp(-(z + 1)²/(2·0.75²))
	// φ(1) = 0.9886, φ'(1) = 1.7906, kinks at [0.5]
	// design: the scale of term 0 (gaussian) is 0; it must be > 0
}

func ExampleFormula_Activation() {
	phi := ntk.Must(bent.Activation())
	net := ntk.Must(ntk.NewFCN([]ntk.Layer{{Activation: phi, WeightStd: 1}}, ntk.Readout{WeightStd: 1}))
	kernel := ntk.Must(net.NTK())
	fmt.Printf("K(0.5) = %.6f\n", ntk.Must(kernel.At(1, 0.5, 1)))
	// Output:
	// K(0.5) = 0.818371
}

func ExampleActivation_EvalFloat32() {
	phi := ntk.Must(bent.Activation())
	z := []float32{-1, 0, 1}
	value, derivative := make([]float32, 3), make([]float32, 3)
	phi.EvalFloat32(value, derivative, z)
	fmt.Printf("%.4f\n%.4f\n", value, derivative)
	// Output:
	// [-0.6500 -0.1644 0.9886]
	// [0.2500 0.5423 1.7906]
}

func ExampleActivation_Dual() {
	value, derivative := ntk.Must(bent.Activation()).Dual(1, 0.5, 1)
	fmt.Printf("%.6f %.6f\n", value, derivative)
	// Output:
	// 0.395697 0.845349
}

func ExampleActivation_Formula() {
	phi := ntk.Must(bent.Activation())
	fmt.Println(phi.Formula().Terms[0].Shift, phi.Kinks())
	// Output:
	// 0.5 [0.5]
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
	fmt.Println(ntk.Must(design.LaTeX(bent)))
	fmt.Println(ntk.Must(design.LaTeX(design.FromMimic(ntk.PublishedMimic()), design.LaTeXSettings{Digits: 3, Function: "f", Variable: "x"})))
	// Output:
	// \varphi(z) = 0.25\,z + 1.5\,\operatorname{ReLU}\left(z - 0.5\right) - 0.4\,\exp\left(-\frac{(z + 1)^2}{2 \cdot 0.75^2}\right)
	// f(x) = 0.0968\,x + 0.901 + 3.8\,\operatorname{ReLU}\left(x - 1.06\right) - 0.0794\,\cos\left(11.8\,x + 0.934\right)
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
	_, err := design.Load(strings.NewReader(`{"format": "kernelsmith formula", "version": 1, "slope": 0, "offset": 0, "terms": [{"kind": "swish"}]}`))
	fmt.Println(err)
	// Output:
	// design: term 0 is of the kind "swish"; the kinds are ["relu" "reflected relu" "cos" "gaussian" "erf" "gelu"]
}

func ExampleLoadSeries() {
	s := ntk.Must(design.LoadSeries(strings.NewReader(`{"format": "kernelsmith hermite series", "version": 1, "scale": 2, "coeffs": [0, 0.5]}`)))
	fmt.Println(s, s.Value(1))
	// Output:
	// Hermite series of degree 1 in z/2 0.25
}

func ExampleFormula_MarshalJSON() {
	fmt.Println(string(ntk.Must(json.Marshal(bent))))
	// Output:
	// {"format":"kernelsmith formula","version":1,"slope":0.25,"offset":0,"terms":[{"kind":"relu","amplitude":1.5,"shift":0.5},{"kind":"gaussian","amplitude":-0.4,"shift":-1,"scale":0.75}]}
}
