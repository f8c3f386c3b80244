package formula

import (
	"fmt"
	"math"

	"github.com/kernelsmith/kernelsmith/ntk"
)

// Expansion implements inverse.Expander: the Taylor series at c = 0, where the formula has one
// that converges up to |c| = 1 and keeps its digits.
func (f *Formula) Expansion() ntk.Expansion {
	const looked = 200 // coefficients after which a series that will not converge shows it
	a, err := f.root.series(looked)
	if err != nil {
		return ntk.Expansion{}
	}
	top := f.root.at(1)
	var size float64
	for _, m := range a.most {
		size += m
	}
	// Each coefficient is a sum whose terms are below those of the majorant, and has a rounding
	// or two for each part of the formula.
	lost := 0x1p-51 * float64(f.root.count()) * size / math.Abs(top)
	if !(lost < 1e-8) {
		return ntk.Expansion{}
	}
	s := f.root.signs()
	return ntk.Expansion{
		Coeffs: func(degree int) ([]float64, error) {
			a, err := f.root.series(degree)
			return a.value, err
		},
		Nonnegative: s.tail >= 0 && s.tail != unknown && a.value[0] >= 0,
		Error:       lost,
	}
}

func (n *node) count() int {
	sum := 1
	for _, a := range n.args {
		sum += a.count()
	}
	return sum
}

// taylor is a power series up to a degree. The entries of most are at least the sizes of those of
// value, and of all that was added up to make them.
type taylor struct{ value, most []float64 }

func newTaylor(degree int) taylor {
	return taylor{make([]float64, degree+1), make([]float64, degree+1)}
}

// series returns the Taylor series at c = 0 up to a degree, or an error where there is none.
func (n *node) series(degree int) (taylor, error) {
	out := newTaylor(degree)
	switch n.op {
	case "number":
		out.value[0], out.most[0] = n.value, math.Abs(n.value)
		return out, nil
	case "c":
		if degree > 0 {
			out.value[1], out.most[1] = 1, 1
		}
		return out, nil
	}
	x, err := n.args[0].series(degree)
	if err != nil {
		return out, err
	}
	if len(n.args) == 1 {
		return x.apply(n.op)
	}
	if n.op == "^" {
		return n.power(x)
	}
	y, err := n.args[1].series(degree)
	if err != nil {
		return out, err
	}
	switch n.op {
	case "+", "-":
		sign := 1.0
		if n.op == "-" {
			sign = -1
		}
		for k := range out.value {
			out.value[k], out.most[k] = x.value[k]+sign*y.value[k], x.most[k]+y.most[k]
		}
		return out, nil
	case "*":
		return x.times(y), nil
	}
	return x.over(y)
}

func (x taylor) times(y taylor) taylor {
	out := newTaylor(len(x.value) - 1)
	for j := range x.value {
		if x.most[j] == 0 {
			continue
		}
		for k := j; k < len(x.value); k++ {
			out.value[k] += x.value[j] * y.value[k-j]
			out.most[k] += x.most[j] * y.most[k-j]
		}
	}
	return out
}

func (x taylor) over(y taylor) (taylor, error) {
	out := newTaylor(len(x.value) - 1)
	d := y.value[0]
	if d == 0 {
		return out, fmt.Errorf("a division by what is 0 at c = 0")
	}
	for k := range x.value {
		v, m := x.value[k], x.most[k]
		for j := 1; j <= k; j++ {
			v -= y.value[j] * out.value[k-j]
			m += y.most[j] * out.most[k-j]
		}
		out.value[k], out.most[k] = v/d, m/math.Abs(d)
	}
	return out, nil
}

// along returns the series with the value at 0 whose derivative is x' times y.
func (x taylor) along(y taylor, at0 float64) taylor {
	out := newTaylor(len(x.value) - 1)
	out.value[0], out.most[0] = at0, math.Abs(at0)
	for k := 1; k < len(x.value); k++ {
		for j := 1; j <= k; j++ {
			out.value[k] += float64(j) / float64(k) * x.value[j] * y.value[k-j]
			out.most[k] += float64(j) / float64(k) * x.most[j] * y.most[k-j]
		}
	}
	return out
}

func (x taylor) scaled(s float64) taylor {
	out := newTaylor(len(x.value) - 1)
	for k := range x.value {
		out.value[k], out.most[k] = s*x.value[k], math.Abs(s)*x.most[k]
	}
	return out
}

// raised returns x^p by the recurrence of x·(x^p)' = p·x'·x^p, for x > 0 at c = 0.
func (x taylor) raised(p float64) (taylor, error) {
	out := newTaylor(len(x.value) - 1)
	d := x.value[0]
	if !(d > 0) {
		return out, fmt.Errorf("a power or root of what is not above 0 at c = 0")
	}
	out.value[0] = math.Pow(d, p)
	out.most[0] = out.value[0]
	for k := 1; k < len(x.value); k++ {
		var v, m float64
		for j := 1; j <= k; j++ {
			w := (p*float64(j) - float64(k-j)) / float64(k)
			v += w * x.value[j] * out.value[k-j]
			m += math.Abs(w) * x.most[j] * out.most[k-j]
		}
		out.value[k], out.most[k] = v/d, m/d
	}
	return out, nil
}

// exponential returns exp(x): y' = x'·y.
func (x taylor) exponential() taylor {
	out := newTaylor(len(x.value) - 1)
	out.value[0] = math.Exp(x.value[0])
	out.most[0] = out.value[0]
	for k := 1; k < len(x.value); k++ {
		for j := 1; j <= k; j++ {
			w := float64(j) / float64(k)
			out.value[k] += w * x.value[j] * out.value[k-j]
			out.most[k] += w * x.most[j] * out.most[k-j]
		}
	}
	return out
}

// waves returns sin x and cos x, or with sign 1 sinh x and cosh x.
func (x taylor) waves(sign float64) (sine, cosine taylor) {
	sine, cosine = newTaylor(len(x.value)-1), newTaylor(len(x.value)-1)
	a := x.value[0]
	if sine.value[0], cosine.value[0] = math.Sinh(a), math.Cosh(a); sign < 0 {
		sine.value[0], cosine.value[0] = math.Sincos(a)
	}
	sine.most[0], cosine.most[0] = math.Abs(sine.value[0]), math.Abs(cosine.value[0])
	for k := 1; k < len(x.value); k++ {
		for j := 1; j <= k; j++ {
			w := float64(j) / float64(k)
			sine.value[k] += w * x.value[j] * cosine.value[k-j]
			cosine.value[k] += sign * w * x.value[j] * sine.value[k-j]
			sine.most[k] += w * x.most[j] * cosine.most[k-j]
			cosine.most[k] += w * x.most[j] * sine.most[k-j]
		}
	}
	return sine, cosine
}

// apply returns a function of the series.
func (x taylor) apply(name string) (taylor, error) {
	at0, one := x.value[0], newTaylor(len(x.value)-1)
	one.value[0], one.most[0] = 1, 1
	var square taylor // 1 ± x²
	with := func(sign float64) taylor {
		square = x.times(x).scaled(sign)
		square.value[0]++
		square.most[0]++
		return square
	}
	switch name {
	case "negate":
		return x.scaled(-1), nil
	case "exp":
		return x.exponential(), nil
	case "ln":
		if !(at0 > 0) {
			return x, fmt.Errorf("a logarithm of what is not above 0 at c = 0")
		}
		inverse, err := one.over(x)
		return x.along(inverse, math.Log(at0)), err
	case "sqrt":
		return x.raised(0.5)
	case "cosh", "sinh", "tanh":
		sine, cosine := x.waves(1)
		switch name {
		case "cosh":
			return cosine, nil
		case "sinh":
			return sine, nil
		}
		return sine.over(cosine)
	case "cos", "sin":
		sine, cosine := x.waves(-1)
		if name == "cos" {
			return cosine, nil
		}
		return sine, nil
	case "asin", "acos":
		root, err := with(-1).raised(-0.5)
		out := x.along(root, math.Asin(at0))
		if name == "acos" {
			out = out.scaled(-1)
			out.value[0] = math.Acos(at0)
			out.most[0] = out.value[0]
		}
		return out, err
	case "atan":
		inverse, err := one.over(with(1))
		return x.along(inverse, math.Atan(at0)), err
	case "erf":
		bell := x.times(x).scaled(-1).exponential().scaled(2 / math.SqrtPi)
		return x.along(bell, math.Erf(at0)), nil
	}
	return x, fmt.Errorf("%s has no power series at each of its arguments", name)
}

// power returns x to the node's exponent.
func (n *node) power(x taylor) (taylor, error) {
	degree := len(x.value) - 1
	if !n.args[1].constant() {
		y, err := n.args[1].series(degree)
		if err != nil {
			return x, err
		}
		log, err := x.apply("ln")
		if err != nil {
			return x, err
		}
		return y.times(log).exponential(), nil
	}
	p := n.args[1].at(0)
	const most = 1000
	if p != math.Trunc(p) || math.Abs(p) > most || p < 0 && x.value[0] > 0 {
		return x.raised(p)
	}
	out := newTaylor(degree)
	out.value[0], out.most[0] = 1, 1
	one := out
	for base, e := x, int(math.Abs(p)); e > 0; e /= 2 {
		if e%2 == 1 {
			out = out.times(base)
		}
		if e > 1 {
			base = base.times(base)
		}
	}
	if p < 0 {
		return one.over(out)
	}
	return out, nil
}
