package page

import (
	"fmt"
	"math"
	"strconv"
)

// Control is something on the page that the reader sets.
type Control struct {
	Name, Label    string
	Value          string // as the page comes
	Min, Max, Step float64
	Power          bool        // a slider whose value is shown as the power of 2 that it stands for
	Options        [][2]string // of a list: value and text
	Text           bool        // a line to write in
	// Only names the sources of the kernel, with spaces between them, for which it is there; ""
	// means all.
	Only string
}

var (
	widthControl = Control{Name: "width", Label: "width", Value: "10", Min: 4, Max: 16, Step: 1,
		Power: true}
	formControl = Control{Name: "form", Label: "form of φ", Value: "seven", Options: [][2]string{
		{"seven", "line + ReLU + cosine"}, {"ten", "line + ReLU + 2 cosines"}}}
	formatControl = Control{Name: "format", Label: "φ as", Value: "pytorch", Options: [][2]string{
		{"pytorch", "PyTorch"}, {"jax", "JAX"}, {"numpy", "NumPy"}, {"go", "Go"},
		{"latex", "LaTeX"}, {"json", "JSON"}}}
)

// Controls returns those of a part, in the order in which they stand.
func Controls(part string) []Control {
	switch part {
	case "kernel":
		return kernelControls()
	case "flatten":
		return []Control{
			{Name: "phi", Label: "activation", Value: "ReLU", Options: [][2]string{
				{"ReLU", "ReLU"}, {"leaky ReLU", "leaky ReLU, slope 0.2"}, {"erf", "erf"},
				{"GELU", "GELU"}, {"sin", "sin"}, {"Gaussian", "exp(−z²/2)"}}},
			{Name: "depth", Label: "layers", Value: "4", Min: 1, Max: 10, Step: 1},
			{Name: "sw", Label: "σ_w", Value: "1.41", Min: 0.3, Max: 3, Step: 0.01},
			{Name: "sb", Label: "σ_b", Value: "0.1", Min: 0, Max: 2, Step: 0.01},
			widthControl, formControl, formatControl,
		}
	case "parity":
		return []Control{
			{Name: "bits", Label: "bits", Value: "9", Min: 7, Max: 11, Step: 1},
			{Name: "omega", Label: "ω", Value: "6", Min: 0.5, Max: 12, Step: 0.1},
			{Name: "width", Label: "width", Value: "7", Min: 4, Max: 9, Step: 1, Power: true},
			{Name: "layers", Label: "ReLU layers", Value: "1", Min: 1, Max: 4, Step: 1},
			{Name: "epochs", Label: "epochs", Value: "1000", Min: 100, Max: 4000, Step: 100},
			{Name: "seed", Label: "seed", Value: "1", Min: 1, Max: 20, Step: 1},
		}
	}
	return nil
}

func kernelControls() []Control {
	list := []Control{{Name: "source", Label: "kernel", Value: "formula", Options: [][2]string{
		{"formula", "a formula that you write"},
		{"coefficients", "a polynomial, by its coefficients"},
		{"gaussian", "Gaussian"}, {"laplace", "Laplace"}, {"relu", "the NTK of a ReLU net"},
		{"erf", "the NTK of an erf net"}}}}
	list = append(list,
		Control{Name: "formula", Label: "K(c) =", Value: "0.3 + 0.7*c^3*exp(c-1)", Text: true,
			Only: "formula"},
		Control{Name: "p", Label: "p", Value: "1", Min: 0, Max: 3, Step: 0.01, Only: "formula"})
	start := [lastCoefficient + 1]string{"0.2", "0.5", "0.3", "0.8", "0", "0.6"}
	for k, value := range start {
		list = append(list, Control{Name: fmt.Sprint("a", k), Label: "a" + subscript(k),
			Value: value, Min: -1, Max: 3, Step: 0.01, Only: "coefficients"})
	}
	return append(list,
		Control{Name: "length", Label: "length", Value: "1", Min: 0.3, Max: 3, Step: 0.01,
			Only: "gaussian laplace"},
		Control{Name: "depth", Label: "layers", Value: "4", Min: 1, Max: 8, Step: 1,
			Only: "relu erf"},
		Control{Name: "degree", Label: "degree of φ", Value: "7", Min: 1, Max: 20, Step: 1},
		widthControl,
		Control{Name: "signs", Label: "signs of b", Value: "paper", Options: [][2]string{
			{"paper", "+ + − − …, as published"}, {"plus", "all +"},
			{"alternating", "+ − + − …"}, {"least", "least spread"}}},
		formControl, formatControl)
}

// Defaults returns the values of the controls of a part as the page comes.
func Defaults(part string) map[string]string {
	out := map[string]string{}
	for _, c := range Controls(part) {
		out[c.Name] = c.Value
	}
	return out
}

// values are those of the controls of a part. The first that is wrong is kept.
type values struct {
	of       map[string]string
	controls []Control
	bad      string
	err      error
}

func (v *values) control(name string) Control {
	for _, c := range v.controls {
		if c.Name == name {
			return c
		}
	}
	return Control{}
}

// number is that of a slider, within its range.
func (v *values) number(name string) float64 {
	c := v.control(name)
	x, err := strconv.ParseFloat(v.of[name], 64)
	if err != nil || !(x >= c.Min && x <= c.Max) {
		v.fail(name, fmt.Errorf("%s is %q; it must be a number from %v to %v", c.Label, v.of[name],
			c.Min, c.Max))
		return c.Min
	}
	return x
}

// whole is number for whole numbers.
func (v *values) whole(name string) int {
	x := v.number(name)
	if x != math.Trunc(x) {
		v.fail(name, fmt.Errorf("%s is %v; it must be a whole number", v.control(name).Label, x))
	}
	return int(x)
}

// choice is that of a list, one of the keys.
func choice[T any](v *values, name string, of map[string]T) T {
	x, ok := of[v.of[name]]
	if !ok {
		v.fail(name, fmt.Errorf("%s is %q, which is none of the choices", v.control(name).Label,
			v.of[name]))
	}
	return x
}

func (v *values) fail(name string, err error) {
	if v.err == nil {
		v.bad, v.err = name, err
	}
}
