package design

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Exportable is what can be written as source and to files: a [Formula] or a
// [HermiteSeries].
type Exportable interface {
	Value(z float64) float64
	Derivative(z float64) float64
	Validate() error
	String() string

	// source returns a module's text after its heading, and the names that it uses
	// of Python modules or the Go package math.
	source(l *language, name string) string
	latex(number func(float64) string, z string) string
}

// GoSource returns a Go file of the package pkg with the function name, φ, and
// nameDerivative, φ'. It is as gofmt writes it, imports at most math, and has all
// digits of all numbers.
//
// Errors: those of Validate, and names that are no identifiers of Go or that the
// file needs itself.
func GoSource(f Exportable, pkg, name string) (string, error) {
	if !identifier(pkg, goKeywords, unicode.IsLetter, unicode.IsDigit) || pkg == "_" {
		return "", fmt.Errorf("design: %q cannot be the name of a Go package", pkg)
	}
	if !identifier(
		name, goKeywords+" _ float64 init main math", unicode.IsLetter, unicode.IsDigit,
	) {
		return "", fmt.Errorf("design: %q cannot be the name of a Go function here", name)
	}
	if err := valid(f); err != nil {
		return "", err
	}
	text := f.source(&golang, name)
	heading := "// Exported by Kernelsmith.\n\npackage " + pkg + "\n\n"
	if strings.Contains(text, "math.") {
		heading += "import \"math\"\n\n"
	}
	return heading + text, nil
}

// NumPy returns a Python module with the functions name, φ, and name_derivative,
// φ', of NumPy arrays. Single precision stays single, but for erf and GELU, which
// NumPy has not: they go through math.erf and math.erfc, value by value.
//
// Errors: those of Validate, and a name that is no identifier of Python (of ASCII
// and Greek letters, digits and underscores) or that the module needs itself.
func NumPy(f Exportable, name string) (string, error) { return python(f, &numpy, name) }

// PyTorch returns a Python module with the class name, a torch.nn.Module without
// parameters whose forward is φ, by operations that autograd knows, in the
// precision of its argument.
//
// Errors: as of [NumPy].
func PyTorch(f Exportable, name string) (string, error) { return python(f, &pytorch, name) }

// JAX returns a Python module with the function name, φ, to be differentiated,
// compiled and mapped. Double precision takes the flag jax_enable_x64.
//
// Errors: as of [NumPy].
func JAX(f Exportable, name string) (string, error) { return python(f, &jax, name) }

func python(f Exportable, l *language, name string) (string, error) {
	taken := pythonKeywords + " __debug__ _erf _erfc enumerate float jax jnp math np range torch"
	if !identifier(name, taken, pythonLetter, func(r rune) bool { return r >= '0' && r <= '9' }) {
		return "", fmt.Errorf("design: %q cannot be the name of a Python function or class here",
			name)
	}
	if err := valid(f); err != nil {
		return "", err
	}
	text := f.source(l, name)
	var heading strings.Builder
	fmt.Fprintf(&heading, "\"\"\"Exported by Kernelsmith: %s.\"\"\"\n\n", f)
	for _, i := range l.imports {
		if i.needed == "" || strings.Contains(text, i.needed) {
			heading.WriteString(i.line + "\n")
		}
	}
	for _, h := range l.helpers {
		if strings.Contains(text, h.needed) {
			heading.WriteString("\n" + h.line + "\n")
		}
	}
	return heading.String() + "\n\n" + text, nil
}

func valid(f Exportable) error {
	if f == nil {
		return fmt.Errorf("design: nothing to export (nil)")
	}
	return f.Validate()
}

// LaTeXSettings says how [LaTeX] writes. The zero value is the defaults.
type LaTeXSettings struct {
	Digits int // significant digits, 1 to 17; 0 means 5
	// Function and Variable are letters or commands, perhaps with a subscript:
	// "f", `\varphi_1`. "" means \varphi and z.
	Function, Variable string
}

// LaTeX returns the equation of φ, for math mode.
//
// Errors: those of Validate, and settings out of range.
func LaTeX(f Exportable, settings ...LaTeXSettings) (string, error) {
	var s LaTeXSettings
	switch len(settings) {
	case 0:
	case 1:
		s = settings[0]
	default:
		return "", fmt.Errorf("design: LaTeX has %d settings; one at most", len(settings))
	}
	if s.Digits == 0 {
		s.Digits = 5
	}
	if s.Digits < 1 || s.Digits > 17 {
		return "", fmt.Errorf("design: Digits is %d; it must be from 1 to 17 (0 means 5)", s.Digits)
	}
	if s.Function == "" {
		s.Function = `\varphi`
	}
	if s.Variable == "" {
		s.Variable = "z"
	}
	for _, name := range []string{s.Function, s.Variable} {
		if !latexName.MatchString(name) {
			return "", fmt.Errorf(
				"design: %q is not a letter or command of LaTeX, perhaps with a subscript", name)
		}
	}
	if err := valid(f); err != nil {
		return "", err
	}
	number := func(v float64) string {
		digits, exponent, scientific := strings.Cut(strconv.FormatFloat(v, 'g', s.Digits, 64), "e")
		if !scientific {
			return digits
		}
		n, _ := strconv.Atoi(exponent) // FormatFloat wrote it
		if n >= 0 && n < s.Digits+3 {  // 12000 rather than 1.2·10⁴
			return strconv.FormatFloat(v, 'f', 0, 64)
		}
		power := fmt.Sprintf("10^{%d}", n)
		if digits == "1" {
			return power
		}
		return digits + ` \cdot ` + power
	}
	return fmt.Sprintf("%s(%s) = %s", s.Function, s.Variable, f.latex(number, s.Variable)), nil
}

var latexName = regexp.MustCompile(`^(\\[A-Za-z]+|[A-Za-z])(_([A-Za-z0-9]|\{[A-Za-z0-9]+\}))?$`)

const (
	goKeywords = "break case chan const continue default defer else fallthrough for func go " +
		"goto if import interface map package " +
		"range return select struct switch type var"
	pythonKeywords = "False None True and as assert async await break class continue def del " +
		"elif else except finally for from " +
		"global if import in is lambda nonlocal not or pass raise return try while with yield"
)

func identifier(name, taken string, letter, digit func(rune) bool) bool {
	for i, r := range name {
		if r != '_' && !letter(r) && !(i > 0 && digit(r)) {
			return false
		}
	}
	return name != "" && utf8.ValidString(name) && !slices.Contains(strings.Fields(taken), name)
}

// pythonLetter leaves out letters that Python's normalisation of names changes.
func pythonLetter(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= 'Α' && r <= 'Ω' && r != 0x3a2 ||
		r >= 'α' && r <= 'ω'
}

// language is how terms are written in a language.
type language struct {
	// spaced is false where operators in an argument stand without spaces, as gofmt
	// has it.
	spaced                         bool
	relu, cos, sin, exp, erf, erfc string // a function's call, with %s for its argument
	root2                          string
	add, subtract                  string // "y %s" with %s for the value
	imports, helpers               []fragment
	formula                        func(l *language, f Formula, name string) string
	series                         func(s HermiteSeries, name, coeffs string) string
}

// fragment is a line that a module has if it needs something.
type fragment struct{ needed, line string }

func (f Formula) source(l *language, name string) string { return l.formula(l, f, name) }

func (s HermiteSeries) source(l *language, name string) string {
	var coeffs strings.Builder
	for _, b := range s.Coeffs {
		coeffs.WriteString(literal(b) + ",\n")
	}
	return l.series(s, name, coeffs.String())
}

// literal has all digits, and is a floating-point number in Go and in Python.
func literal(v float64) string {
	s := strconv.FormatFloat(v+0, 'g', -1, 64) // -0 + 0 is 0
	if !strings.ContainsAny(s, ".e") {
		s += ".0"
	}
	return s
}

// tight is text without the spaces around operators if the language wants that.
func (l *language) tight(text string) string {
	if l.spaced {
		return text
	}
	return strings.ReplaceAll(text, " ", "")
}

// affine writes slope·z + offset.
func (l *language) affine(slope, offset float64) string {
	switch {
	case slope == 0:
		return literal(offset)
	case offset == 0:
		return literal(slope) + " * z"
	case l.spaced:
		return plus(literal(slope)+" * z", offset, literal)
	}
	return plus(literal(slope)+"*z", offset, literal)
}

// plusMinus adds v·of to y.
func (l *language) plusMinus(v float64, of string) string {
	if math.Signbit(v) {
		return fmt.Sprintf(l.subtract, literal(-v)+" * "+of)
	}
	return fmt.Sprintf(l.add, literal(v)+" * "+of)
}

// values returns the statements that add the terms to y.
func (l *language) values(terms []Term) []string {
	var out []string
	for _, t := range terms {
		arg := l.tight(plus("z", -t.Shift, literal))
		switch t.Kind {
		case reluTerm:
			out = append(out, l.plusMinus(t.Amplitude, fmt.Sprintf(l.relu, arg)))
		case reflectedTerm:
			out = append(out,
				l.plusMinus(t.Amplitude, fmt.Sprintf(l.relu, l.tight(less(t.Shift, "z", literal)))))
		case cosineTerm:
			out = append(out, l.plusMinus(t.Amplitude, fmt.Sprintf(l.cos, l.wave(t))))
		case gaussianTerm:
			out = append(out, l.u(t),
				l.plusMinus(t.Amplitude, fmt.Sprintf(l.exp, l.tight("-u * u / 2"))))
		case erfTerm:
			out = append(out, l.u(t), l.plusMinus(t.Amplitude, fmt.Sprintf(l.erf, "u")))
		case geluTerm:
			out = append(out, l.u(t),
				l.plusMinus(t.Amplitude/2, "u * "+fmt.Sprintf(l.erfc, l.tight("-u / "+l.root2))))
		}
	}
	return out
}

func (l *language) wave(t Term) string {
	return l.tight(plus(literal(t.Frequency)+" * z", t.Phase, literal))
}

// u is the statement that sets u to (z-b)/w or s(z-b).
func (l *language) u(t Term) string {
	x := "(" + plus("z", -t.Shift, literal) + ")"
	if t.Shift == 0 {
		x = "z"
	}
	if t.Kind == gaussianTerm {
		return "u = " + x + " / " + literal(t.Scale)
	}
	return "u = " + literal(t.Scale) + " * " + x
}

// slopes returns the statements that add the terms' derivatives to y; step writes
// that of a rectifier.
func (l *language) slopes(terms []Term, step func(t Term) []string) []string {
	var out []string
	for _, t := range terms {
		switch t.Kind {
		case reluTerm, reflectedTerm:
			out = append(out, step(t)...)
		case cosineTerm:
			out = append(out, l.plusMinus(-t.Amplitude*t.Frequency, fmt.Sprintf(l.sin, l.wave(t))))
		case gaussianTerm:
			out = append(out, l.u(t),
				l.plusMinus(-t.Amplitude/t.Scale, "u * "+fmt.Sprintf(l.exp, l.tight("-u * u / 2"))))
		case erfTerm:
			out = append(
				out,
				l.u(t),
				l.plusMinus(t.Amplitude*t.Scale*2/math.SqrtPi,
					fmt.Sprintf(l.exp, l.tight("-u * u"))),
			)
		case geluTerm: // Φ(u) + u Φ'(u)
			tail, density := fmt.Sprintf(l.erfc, l.tight("-u / "+l.root2)), fmt.Sprintf(l.exp,
				l.tight("-u * u / 2"))
			both := l.tight("0.5 * "+tail) + " + " + l.tight(
				literal(1/math.Sqrt(2*math.Pi))+" * u * "+density)
			out = append(out, l.u(t), l.plusMinus(t.Amplitude*t.Scale, "("+both+")"))
		}
	}
	return out
}

// needsU tells whether a term has a statement for u.
func needsU(terms []Term) bool {
	return slices.ContainsFunc(terms, func(t Term) bool {
		return t.Kind == gaussianTerm || t.Kind == erfTerm || t.Kind == geluTerm
	})
}

func indented(by string, lines []string) string {
	var out strings.Builder
	for _, l := range lines {
		out.WriteString(by + l + "\n")
	}
	return out.String()
}

var golang = language{
	relu:     "math.Max(%s, 0)",
	cos:      "math.Cos(%s)",
	sin:      "math.Sin(%s)",
	exp:      "math.Exp(%s)",
	erf:      "math.Erf(%s)",
	erfc:     "math.Erfc(%s)",
	root2:    "math.Sqrt2",
	add:      "y += %s",
	subtract: "y -= %s",
	formula: func(l *language, f Formula, name string) string {
		u := ""
		if needsU(f.Terms) {
			u = "\tvar u float64\n"
		}
		step := func(t Term) []string {
			condition, slope := "z > ", t.Amplitude
			if t.Kind == reflectedTerm {
				condition, slope = "z < ", -slope
			}
			return []string{
				"if " + condition + literal(t.Shift) + " {",
				"\ty += " + literal(slope),
				"}",
			}
		}
		return "// " + name + " returns φ(z) = " + f.String() + ".\n" +
			"func " + name + "(z float64) float64 {\n" +
			u + "\ty := " + l.affine(f.Slope, f.Offset) + "\n" +
			indented("\t", l.values(f.Terms)) +
			"\treturn y\n}\n\n" +
			"// " + name + "Derivative returns φ'(z), with 0 for each rectifier at its kink.\n" +
			"func " + name + "Derivative(z float64) float64 {\n" +
			"\tif z != z {\n\t\treturn z\n\t}\n" +
			u + "\ty := " + literal(f.Slope) + "\n" +
			indented("\t", l.slopes(f.Terms, step)) +
			"\treturn y\n}\n"
	},
	series: func(s HermiteSeries, name, coeffs string) string {
		first, size := utf8.DecodeRuneInString(name)
		table := string(unicode.ToLower(first)) + name[size:] + "Coeffs"
		loop := "\tx, y, h, previous := z/" + literal(s.Scale) + ", 0*z, 1.0, 0.0\n" +
			"\tfor k, b := range " + table + " {\n"
		next := "\t\t\th, previous = " +
			"(x*h-math.Sqrt(float64(k-1))*previous)/math.Sqrt(float64(k)), h\n"
		return "var " + table + " = [...]float64{\n" + indented("\t", lines(coeffs)) + "}\n\n" +
			"// " + name + " returns φ(z), a " + s.String() + ".\n" +
			"func " + name + "(z float64) float64 {\n" + loop +
			"\t\tif k > 0 {\n" + next + "\t\t}\n" +
			"\t\ty += b * h\n" +
			"\t}\n\treturn y\n}\n\n" +
			"// " + name + "Derivative returns φ'(z).\n" +
			"func " + name + "Derivative(z float64) float64 {\n" + loop +
			"\t\tif k > 0 {\n" +
			"\t\t\ty += math.Sqrt(float64(k)) * b * h\n" + next +
			"\t\t}\n\t}\n\treturn y / " + literal(s.Scale) + "\n}\n"
	},
}

func lines(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
}

const pythonRoot2 = "1.4142135623730951"

// table writes the coefficients as a tuple.
func table(indent, name, coeffs string) string {
	return indent + name + " = (\n" + indented(indent+"    ", lines(coeffs)) + indent + ")\n"
}

var numpy = language{
	spaced:   true,
	relu:     "np.maximum(%s, 0.0)",
	cos:      "np.cos(%s)",
	sin:      "np.sin(%s)",
	exp:      "np.exp(%s)",
	erf:      "_erf(%s)",
	erfc:     "_erfc(%s)",
	root2:    pythonRoot2,
	add:      "y = y + %s",
	subtract: "y = y - %s",
	imports: []fragment{
		{"math.", "import math\n"},
		{"_erf", "import math\n"},
		{"", "import numpy as np"},
	},
	helpers: []fragment{
		{"_erf(", "_erf = np.vectorize(math.erf, otypes=[float])  # scipy.special.erf is faster"},
		{
			"_erfc(",
			"_erfc = np.vectorize(math.erfc, otypes=[float])  # scipy.special.erfc is faster",
		},
	},
	formula: func(l *language, f Formula, name string) string {
		constant := func(v float64) string { return "np.where(np.isnan(z), z, " + literal(v) + ")" }
		first := constant(f.Offset)
		if f.Slope != 0 {
			first = l.affine(f.Slope, f.Offset)
		}
		step := func(t Term) []string {
			if t.Kind == reluTerm {
				return []string{
					l.plusMinus(t.Amplitude, "np.heaviside("+plus("z", -t.Shift, literal)+", 0.0)"),
				}
			}
			return []string{
				l.plusMinus(-t.Amplitude, "np.heaviside("+less(t.Shift, "z", literal)+", 0.0)"),
			}
		}
		return "def " + name + "(z):\n" +
			"    \"\"\"Return φ at an array or number.\"\"\"\n" +
			"    z = np.asarray(z)\n" +
			"    y = " + first + "\n" +
			indented("    ", l.values(f.Terms)) +
			"    return y\n\n\n" +
			"def " + name + "_derivative(z):\n" +
			"    \"\"\"Return φ' at an array or number, with 0 for each rectifier at its " +
			"kink.\"\"\"\n" +
			"    z = np.asarray(z)\n" +
			"    y = " + constant(f.Slope) + "\n" +
			indented("    ", l.slopes(f.Terms, step)) +
			"    return y\n"
	},
	series: func(s HermiteSeries, name, coeffs string) string {
		loop := "    x = np.asarray(z) / " + literal(s.Scale) + "\n" +
			"    y, h, previous = 0.0 * x, np.ones_like(x), np.zeros_like(x)\n" +
			"    for k, b in enumerate(_" + name + "_coeffs):\n"
		next := "            h, previous = (x * h - math.sqrt(k - 1) * previous) / " +
			"math.sqrt(k), h\n"
		return table("", "_"+name+"_coeffs", coeffs) + "\n\n" +
			"def " + name + "(z):\n" +
			"    \"\"\"Return φ at an array or number.\"\"\"\n" + loop +
			"        if k > 0:\n" + next +
			"        y = y + b * h\n" +
			"    return y\n\n\n" +
			"def " + name + "_derivative(z):\n" +
			"    \"\"\"Return φ' at an array or number.\"\"\"\n" + loop +
			"        if k > 0:\n" +
			"            y = y + math.sqrt(k) * b * h\n" + next +
			"    return y / " + literal(s.Scale) + "\n"
	},
}

// start is the first value of y where only what depends on z has a gradient.
func (l *language) start(f Formula) string {
	if f.Slope == 0 && len(f.Terms) == 0 {
		return plus("0.0 * z", f.Offset, literal)
	}
	return l.affine(f.Slope, f.Offset)
}

var pytorch = language{
	spaced:   true,
	relu:     "torch.relu(%s)",
	cos:      "torch.cos(%s)",
	exp:      "torch.exp(%s)",
	erf:      "torch.erf(%s)",
	erfc:     "torch.erfc(%s)",
	root2:    pythonRoot2,
	add:      "y = y + %s",
	subtract: "y = y - %s",
	imports:  []fragment{{"math.", "import math\n"}, {"", "import torch"}},
	formula: func(l *language, f Formula, name string) string {
		return "class " + name + "(torch.nn.Module):\n" +
			"    \"\"\"φ, element by element.\"\"\"\n\n" +
			"    def forward(self, z):\n" +
			"        y = " + l.start(f) + "\n" +
			indented("        ", l.values(f.Terms)) +
			"        return y\n"
	},
	series: func(s HermiteSeries, name, coeffs string) string {
		return "class " + name + "(torch.nn.Module):\n" +
			"    \"\"\"φ, element by element.\"\"\"\n\n" +
			table("    ", "coeffs", coeffs) + "\n" +
			"    def forward(self, z):\n" +
			"        x = z / " + literal(s.Scale) + "\n" +
			"        y, h, previous = 0.0 * x, torch.ones_like(x), torch.zeros_like(x)\n" +
			"        for k, b in enumerate(self.coeffs):\n" +
			"            if k > 0:\n" +
			"                h, previous = (x * h - math.sqrt(k - 1) * previous) / " +
			"math.sqrt(k), h\n" +
			"            y = y + b * h\n" +
			"        return y\n"
	},
}

var jax = language{
	spaced:   true,
	relu:     "jax.nn.relu(%s)",
	cos:      "jnp.cos(%s)",
	exp:      "jnp.exp(%s)",
	erf:      "jax.scipy.special.erf(%s)",
	erfc:     "jax.scipy.special.erfc(%s)",
	root2:    pythonRoot2,
	add:      "y = y + %s",
	subtract: "y = y - %s",
	imports: []fragment{
		{"jax.", "import jax"},
		{"", "import jax.numpy as jnp"},
		{"jax.scipy", "import jax.scipy.special"},
	},
	formula: func(l *language, f Formula, name string) string {
		return "def " + name + "(z):\n" +
			"    \"\"\"Return φ, element by element.\"\"\"\n" +
			"    z = jnp.asarray(z)\n" +
			"    y = " + l.start(f) + "\n" +
			indented("    ", l.values(f.Terms)) +
			"    return y\n"
	},
	// A scan, because what is compiled of a loop in Python grows with the degree.
	series: func(s HermiteSeries, name, coeffs string) string {
		return table("", "_"+name+"_coeffs", coeffs) + "\n\n" +
			"def " + name + "(z):\n" +
			"    \"\"\"Return φ, element by element.\"\"\"\n" +
			"    x = jnp.asarray(z) / " + literal(s.Scale) + "\n\n" +
			"    def term(carry, factors):\n" +
			"        y, h, following = carry\n" +
			"        b, root, divisor = factors\n" +
			"        return (y + b * h, following, (x * following - root * h) / divisor), " +
			"None\n\n" +
			"    b = jnp.asarray(_" + name + "_coeffs, dtype=x.dtype)\n" +
			"    k = jnp.arange(b.size, dtype=x.dtype)\n" +
			"    start = (0.0 * x, jnp.ones_like(x), x)\n" +
			"    (y, _, _), _ = jax.lax.scan(term, start, (b, jnp.sqrt(k + 1), jnp.sqrt(k + " +
			"2)))\n" +
			"    return y\n"
	},
}

func (f Formula) latex(number func(float64) string, z string) string {
	var s sum
	const thin = `\,`
	brackets := func(x string) string { return `\left(` + x + `\right)` }
	if f.Slope != 0 {
		s.add(f.Slope, number, z, thin)
	}
	if f.Offset != 0 {
		s.add(f.Offset, number, "", "")
	}
	for _, t := range f.Terms {
		shifted := plus(z, -t.Shift, number)
		scaled := number(t.Scale) + thin + z
		if t.Shift != 0 {
			scaled = number(t.Scale) + brackets(shifted)
		}
		if t.Scale == 1 {
			scaled = shifted
		}
		switch t.Kind {
		case reluTerm:
			s.add(t.Amplitude, number, `\operatorname{ReLU}`+brackets(shifted), thin)
		case reflectedTerm:
			s.add(
				t.Amplitude,
				number,
				`\operatorname{ReLU}`+brackets(less(t.Shift, z, number)),
				thin,
			)
		case cosineTerm:
			s.add(
				t.Amplitude,
				number,
				`\cos`+brackets(plus(number(t.Frequency)+thin+z, t.Phase, number)),
				thin,
			)
		case gaussianTerm:
			top := shifted
			if t.Shift != 0 {
				top = "(" + shifted + ")"
			}
			below := `2 \cdot ` + number(t.Scale) + "^2"
			if strings.Contains(number(t.Scale), "^") {
				below = `2` + brackets(number(t.Scale)) + "^2"
			}
			s.add(t.Amplitude, number, `\exp`+brackets(`-\frac{`+top+`^2}{`+below+`}`), thin)
		case erfTerm:
			s.add(t.Amplitude, number, `\operatorname{erf}`+brackets(scaled), thin)
		case geluTerm:
			s.add(t.Amplitude, number, `\operatorname{GELU}`+brackets(scaled), thin)
		}
	}
	return s.String()
}

// latex is a sum of b_k h_k, h_k orthonormal under the standard normal
// distribution.
func (s HermiteSeries) latex(number func(float64) string, z string) string {
	var out sum
	if s.Scale != 1 {
		z += "/" + number(s.Scale)
	}
	for k, b := range s.Coeffs {
		switch {
		case b == 0:
		case k == 0:
			out.add(b, number, "", "")
		default:
			out.add(b, number, fmt.Sprintf(`h_{%d}(%s)`, k, z), `\,`)
		}
	}
	return out.String()
}
