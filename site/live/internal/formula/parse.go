package formula

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// What a formula may be, so that none takes long.
const (
	maxLength = 300
	maxDepth  = 40
	maxNodes  = 150
)

// Parse reads a formula in the cosine c, with + - * / ^, brackets, numbers, the functions of
// this package, θ (the angle arccos c), pi, e, and constants that are given by name. An error is a
// sentence that says what is wrong, and at which character, counted from 1.
func Parse(text string, constants map[string]float64) (*Formula, error) {
	all := map[string]float64{"pi": math.Pi, "π": math.Pi, "e": math.E}
	maps.Copy(all, constants)
	p := &parser{text: []rune(text), constants: all, used: map[string]bool{}}
	if len(p.text) > maxLength {
		return nil, fmt.Errorf("the formula has %d characters; %d is the most", len(p.text),
			maxLength)
	}
	if p.skip(); p.at == len(p.text) {
		return nil, fmt.Errorf("the formula is empty; write a function of c, such as exp(c-1)")
	}
	root, err := p.sum()
	if err == nil && p.at < len(p.text) {
		err = p.leftover()
	}
	if err == nil && p.nodes > maxNodes {
		err = fmt.Errorf("the formula has %d parts; %d is the most", p.nodes, maxNodes)
	}
	if err != nil {
		return nil, err
	}
	return &Formula{text, root, p.used}, nil
}

// parser reads a text by recursive descent.
type parser struct {
	text             []rune
	at, depth, nodes int
	constants        map[string]float64
	used             map[string]bool
}

func (p *parser) skip() {
	for p.at < len(p.text) && unicode.IsSpace(p.text[p.at]) {
		p.at++
	}
}

// next takes one of the signs, if it comes next.
func (p *parser) next(signs string) string {
	p.skip()
	if p.at == len(p.text) || !strings.ContainsRune(signs, p.text[p.at]) {
		return ""
	}
	p.at++
	switch sign := p.text[p.at-1]; sign {
	case '·', '×':
		return "*"
	case '−':
		return "-"
	default:
		return string(sign)
	}
}

func (p *parser) fail(format string, args ...any) error {
	where := fmt.Sprintf("at character %d: ", p.at+1)
	if p.at >= len(p.text) {
		where = "at its end: "
	}
	return fmt.Errorf(where+format, args...)
}

// leftover is the error of a text that goes on after a whole formula.
func (p *parser) leftover() error {
	if p.text[p.at] == ')' {
		return p.fail("this ) closes no bracket")
	}
	if r := p.text[p.at]; unicode.IsLetter(r) || unicode.IsDigit(r) || r == '(' || r == '.' {
		return p.fail("an operator is missing before %q; a product is written with *",
			string(p.text[p.at:min(len(p.text), p.at+8)]))
	}
	return p.fail("%q is none of + - * / ^", string(p.text[p.at]))
}

func (p *parser) make(op string, args ...*node) *node {
	p.nodes++
	return &node{op: op, args: args, from: args[0].from, to: args[len(args)-1].to}
}

func (p *parser) sum() (*node, error) {
	if p.depth++; p.depth > maxDepth {
		return nil, p.fail("the formula is nested more than %d deep", maxDepth)
	}
	defer func() { p.depth-- }()
	return p.chain("+-−", func() (*node, error) { return p.chain("*/·×", p.signed) })
}

// chain reads operands with signs of one rank between them.
func (p *parser) chain(signs string, operand func() (*node, error)) (*node, error) {
	left, err := operand()
	for err == nil {
		sign := p.next(signs)
		if sign == "" {
			break
		}
		if p.at < len(p.text) && sign == "*" && p.text[p.at] == '*' {
			return nil, p.fail("a power is written with ^, as c^2")
		}
		var right *node
		if right, err = operand(); err == nil {
			left = p.make(sign, left, right)
		}
	}
	return left, err
}

func (p *parser) signed() (*node, error) {
	if p.depth++; p.depth > maxDepth {
		return nil, p.fail("the formula is nested more than %d deep", maxDepth)
	}
	defer func() { p.depth-- }()
	p.skip()
	from := p.at
	switch p.next("+-−") {
	case "-":
		x, err := p.signed()
		if err != nil {
			return nil, err
		}
		n := p.make("negate", x)
		n.from = from
		return n, nil
	case "+":
		return p.signed()
	}
	base, err := p.atom()
	if err != nil || p.next("^") == "" {
		return base, err
	}
	exponent, err := p.signed()
	if err != nil {
		return nil, err
	}
	return p.make("^", base, exponent), nil
}

func (p *parser) atom() (*node, error) {
	p.skip()
	if p.at == len(p.text) {
		return nil, p.fail("a number, c or a bracket is missing")
	}
	switch r := p.text[p.at]; {
	case r == '(':
		return p.bracket()
	case unicode.IsDigit(r) || r == '.':
		return p.number()
	case unicode.IsLetter(r):
		return p.name()
	case r == ',':
		return nil, p.fail("a decimal point is a point, as in 0.5, and functions take one argument")
	default:
		return nil, p.fail("there should be a number, c or a bracket and not %q", string(r))
	}
}

func (p *parser) bracket() (*node, error) {
	from := p.at
	p.at++
	n, err := p.sum()
	if err != nil {
		return nil, err
	}
	if p.next(")") == "" {
		if p.at < len(p.text) && p.text[p.at] != ',' {
			return nil, p.leftover()
		}
		return nil, p.fail("the bracket that opens at character %d is not closed by )", from+1)
	}
	n.from, n.to = from, p.at
	return n, nil
}

func (p *parser) number() (*node, error) {
	from := p.at
	digits := func() {
		for p.at < len(p.text) && (unicode.IsDigit(p.text[p.at]) || p.text[p.at] == '.') {
			p.at++
		}
	}
	digits()
	// An exponent, as in 1e-3; what else begins with e is the constant.
	if p.at < len(p.text) && (p.text[p.at] == 'e' || p.text[p.at] == 'E') {
		rest := p.text[p.at+1:]
		if len(rest) > 0 && (rest[0] == '+' || rest[0] == '-') {
			rest = rest[1:]
		}
		if len(rest) > 0 && unicode.IsDigit(rest[0]) {
			p.at = len(p.text) - len(rest)
			digits()
		}
	}
	text := string(p.text[from:p.at])
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		p.at = from
		return nil, p.fail("%q is no number of double precision", text)
	}
	p.nodes++
	return &node{op: "number", value: v, from: from, to: p.at}, nil
}

func (p *parser) name() (*node, error) {
	from := p.at
	for p.at < len(p.text) && (unicode.IsLetter(p.text[p.at]) || unicode.IsDigit(p.text[p.at])) {
		p.at++
	}
	name := string(p.text[from:p.at])
	p.nodes++
	leaf := node{op: "c", from: from, to: p.at}
	if name == "c" {
		return &leaf, nil
	}
	if name == "θ" || name == "theta" {
		return &node{op: "acos", args: []*node{&leaf}, from: from, to: p.at}, nil
	}
	if v, ok := p.constants[name]; ok {
		p.used[name] = true
		return &node{op: "number", value: v, from: from, to: p.at}, nil
	}
	switch name {
	case "log":
		name = "ln"
	case "arcsin", "arccos", "arctan":
		name = "a" + name[3:]
	}
	if _, ok := functions[name]; !ok {
		p.at = from
		return nil, p.fail("%q is not known; there are %s%s", name, names(p.constants),
			p.meant(name))
	}
	if p.skip(); p.at == len(p.text) || p.text[p.at] != '(' {
		return nil, p.fail("%s needs its argument in brackets, as %s(c)", name, name)
	}
	x, err := p.bracket()
	if err != nil {
		return nil, err
	}
	return &node{op: name, args: []*node{x}, from: from, to: p.at}, nil
}

// meant says what to write for a name that is none but for a missing *.
func (p *parser) meant(name string) string {
	runes := []rune(name)
	if len(runes) > 1 && !slices.ContainsFunc(runes, func(r rune) bool { return r != 'c' }) {
		return "; a power of c is written as c^" + strconv.Itoa(len(runes))
	}
	return ""
}
