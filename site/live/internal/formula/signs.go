package formula

import "math"

// What is known of the signs of the coefficients of degree 1 and more.
const (
	negative = -1 // none is above 0
	zero     = 0
	positive = 1 // none is below 0
	unknown  = 2
)

// sign is what the way in which a formula is written proves of its power series Σ a_k c^k: the
// signs of a_1, a_2, …, that of a_0 being the sign of the value at c = 0. Where the tail is
// known, the series converges up to |c| = 1 if the formula has a value at c = 1.
type sign struct {
	tail int
	at0  float64
}

// all reports whether all coefficients are ≥ 0.
func (s sign) all() bool { return s.at0 >= 0 && (s.tail == positive || s.tail == zero) }

// none reports whether all coefficients are ≤ 0.
func (s sign) none() bool { return s.at0 <= 0 && (s.tail == negative || s.tail == zero) }

func (s sign) negated() sign {
	if s.tail != unknown {
		s.tail = -s.tail
	}
	s.at0 = -s.at0
	return s
}

func (s sign) plus(o sign) int {
	switch {
	case s.tail == unknown || o.tail == unknown || s.tail*o.tail < 0:
		return unknown
	case s.tail == zero:
		return o.tail
	}
	return s.tail
}

func (s sign) times(o sign) int {
	switch {
	case s.tail == zero && o.tail == zero || s.tail == zero && s.at0 == 0:
		return zero
	case s.all() && o.all() || s.none() && o.none():
		return positive
	case s.all() && o.none() || s.none() && o.all():
		return negative
	case s.tail == zero && s.at0 > 0:
		return o.tail
	case s.tail == zero:
		return o.negated().tail
	}
	return unknown
}

// signs finds what is proved. A part of degree 0 counts by its value, with its rounding.
func (n *node) signs() sign {
	out := sign{unknown, n.at(0)}
	if n.constant() {
		return sign{zero, out.at0}
	}
	if n.op == "c" {
		return sign{positive, 0}
	}
	x := n.args[0].signs()
	if len(n.args) == 1 {
		out.tail = x.tailOf(n.op)
		return out
	}
	y := n.args[1].signs()
	switch n.op {
	case "+":
		out.tail = x.plus(y)
	case "-":
		out.tail = x.plus(y.negated())
	case "*":
		if out.tail = x.times(y); out.tail == unknown {
			out.tail = y.times(x)
		}
	case "/":
		inverse := sign{y.raised(-1), 1 / y.at0}
		if out.tail = x.times(inverse); out.tail == unknown {
			out.tail = inverse.times(x)
		}
	case "^":
		switch {
		case n.args[1].constant():
			out.tail = x.raised(y.at0)
		case n.args[0].constant() && x.at0 >= 1: // x^y = exp(y ln x)
			out.tail = y.tailOf("exp")
		}
	}
	return out
}

// tailOf is that of a function of a series.
func (s sign) tailOf(function string) int {
	switch function {
	case "negate":
		return s.negated().tail
	case "exp": // the constant is a factor
		if s.tail == positive {
			return positive
		}
	case "cosh", "sinh", "asin": // all of their own coefficients are ≥ 0
		switch {
		case s.all() || function == "cosh" && s.none():
			return positive
		case s.none():
			return negative
		}
	case "acos":
		return sign{s.tailOf("asin"), 0}.negated().tail
	case "ln": // ln(d - g) = ln d - Σ (g/d)^k/k
		if s.at0 > 0 && s.tail == negative {
			return negative
		}
	case "sqrt":
		return s.raised(0.5)
	}
	return unknown
}

// raised is the tail of a series to the power p: of d - g with g ≥ 0 it is all ≥ 0 for p < 0, and
// all ≤ 0 for 0 < p < 1.
func (s sign) raised(p float64) int {
	whole := p == math.Trunc(p)
	switch {
	case s.tail == zero:
		return zero
	case whole && p >= 0 && s.all():
		return positive
	case s.at0 > 0 && s.tail == negative && p < 0:
		return positive
	case s.at0 > 0 && s.tail == negative && p < 1:
		return negative
	}
	return unknown
}
