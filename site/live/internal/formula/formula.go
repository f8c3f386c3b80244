// Package formula reads kernels that someone types, such as 0.3 + 0.7*c^3*exp(c-1): formulas in
// the cosine c, their values, their power series, and what the way in which they are written
// proves of its signs.
package formula

import (
	"fmt"
	"math"
	"strings"

	"github.com/kernelsmith/kernelsmith/ntk"
)

// Formula is a function of the cosine c. It is a target of package inverse that knows its power
// series, so that a certificate of it can be a proof.
type Formula struct {
	text string
	root *node
	used map[string]bool // constants
}

// node is an operation on its arguments.
type node struct {
	op       string // "number", "c", "+", "-", "*", "/", "^", "negate" or a function
	value    float64
	args     []*node
	from, to int // of the text, in runes
}

// functions are those that a formula may have, and their values.
var functions = map[string]func(float64) float64{
	"exp": math.Exp, "ln": math.Log, "sqrt": math.Sqrt, "cosh": math.Cosh, "sinh": math.Sinh,
	"tanh": math.Tanh, "cos": math.Cos, "sin": math.Sin, "asin": math.Asin, "acos": math.Acos,
	"atan": math.Atan, "abs": math.Abs, "erf": math.Erf,
}

// String returns the text of the formula, in a line.
func (f *Formula) String() string { return strings.Join(strings.Fields(f.text), " ") }

// Uses reports whether a constant of this name is in the formula.
func (f *Formula) Uses(name string) bool { return f.used[name] }

// At returns the value at the cosine c, NaN or an infinity where there is none.
func (f *Formula) At(c float64) float64 { return f.root.at(c) }

// Curve implements inverse.Target. A cosine at which the formula has no finite value is an error
// that names it, and the part of the formula that has none.
func (f *Formula) Curve(cosines []float64) ([]float64, error) {
	out := make([]float64, len(cosines))
	for i, c := range cosines {
		out[i] = f.root.at(c)
		if math.IsNaN(out[i]) || math.IsInf(out[i], 0) {
			return nil, f.without(c)
		}
	}
	return out, nil
}

// without is the error of a formula that has no value at c.
func (f *Formula) without(c float64) error {
	bad := f.root
	for i := 0; i < len(bad.args); i++ {
		if v := bad.args[i].at(c); math.IsNaN(v) || math.IsInf(v, 0) {
			bad, i = bad.args[i], -1
		}
	}
	text := string([]rune(f.text)[bad.from:bad.to])
	return fmt.Errorf("%q, at character %d, is %v at c = %.4g; a kernel needs a finite value at "+
		"each c from -1 to 1", text, bad.from+1, bad.at(c), c)
}

// Kernel returns the formula as a kernel of package ntk, known by its values.
func (f *Formula) Kernel() (ntk.Kernel, error) { return ntk.FromFunc(f.String(), f.At) }

func (n *node) at(c float64) float64 {
	switch n.op {
	case "number":
		return n.value
	case "c":
		return c
	}
	x := n.args[0].at(c)
	if len(n.args) == 1 {
		if n.op == "negate" {
			return -x
		}
		return functions[n.op](x)
	}
	y := n.args[1].at(c)
	switch n.op {
	case "+":
		return x + y
	case "-":
		return x - y
	case "*":
		return x * y
	case "/":
		return x / y
	}
	return math.Pow(x, y)
}

// constant reports whether c is not in the node.
func (n *node) constant() bool {
	if n.op == "c" {
		return false
	}
	for _, a := range n.args {
		if !a.constant() {
			return false
		}
	}
	return true
}

// names lists what a formula may have, for errors.
func names(constants map[string]float64) string {
	list := []string{"c", "θ"}
	for _, name := range []string{"p", "pi", "e"} {
		if _, ok := constants[name]; ok {
			list = append(list, name)
		}
	}
	calls := "exp, ln, sqrt, cosh, sinh, tanh, cos, sin, asin, acos, atan, abs, erf"
	return strings.Join(list, ", ") + " and the functions " + calls
}
