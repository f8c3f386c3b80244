package device

import (
	"math"

	"github.com/kernelsmith/kernelsmith/ntk"
)

// functions are the elementary functions of tensors of some dimensions.
type functions struct {
	*program
	dimensions []int
}

// writeActivation writes φ(z) and φ'(z); ok is false for an activation that no device has.
func (p *program) writeActivation(phi ntk.Activation, z tensor) (value, slope tensor, ok bool) {
	f := functions{p, z.dimensions}
	v, d, ok := ntk.WriteElementary(phi, f, z)
	if !ok {
		return tensor{}, tensor{}, false
	}
	return p.convert(v.(tensor), single), p.convert(d.(tensor), single), true
}

func (f functions) Constant(v float64) ntk.Expression {
	return f.constant(v, single, f.dimensions...)
}

// pair writes an operation of two, in double precision if one is.
func (f functions) pair(operation string, a, b ntk.Expression) ntk.Expression {
	x, y := f.alike(a, b)
	return f.same(operation, x, y)
}

func (f functions) alike(a, b ntk.Expression) (x, y tensor) {
	x, y = a.(tensor), b.(tensor)
	if x.of == double || y.of == double {
		return f.convert(x, double), f.convert(y, double)
	}
	return x, y
}

func (f functions) Add(a, b ntk.Expression) ntk.Expression      { return f.pair("add", a, b) }
func (f functions) Subtract(a, b ntk.Expression) ntk.Expression { return f.pair("subtract", a, b) }
func (f functions) Multiply(a, b ntk.Expression) ntk.Expression { return f.pair("multiply", a, b) }
func (f functions) Divide(a, b ntk.Expression) ntk.Expression   { return f.pair("divide", a, b) }
func (f functions) Maximum(a, b ntk.Expression) ntk.Expression  { return f.pair("maximum", a, b) }

func (f functions) IfPositive(a, yes, no ntk.Expression) ntk.Expression {
	x := a.(tensor)
	y, n := f.alike(yes, no)
	return f.choose(f.compare("GT", x, f.constant(0, x.of, x.dimensions...)), y, n)
}

func (f functions) Exp(a ntk.Expression) ntk.Expression { return f.same("exponential", a.(tensor)) }

func (f functions) Log1p(a ntk.Expression) ntk.Expression {
	return f.same("log_plus_one", a.(tensor))
}

func (f functions) Tanh(a ntk.Expression) ntk.Expression { return f.same("tanh", a.(tensor)) }

func (f functions) Double(a ntk.Expression) ntk.Expression { return f.convert(a.(tensor), double) }

// Sincos counts the argument in turns in double precision, of which what is left of whole turns
// goes into functions in single precision: for a frequency of 12 the rounding of the argument
// would else be a dozen times that of z.
func (f functions) Sincos(a ntk.Expression, frequency, phase float64) (sin, cos ntk.Expression) {
	x := f.convert(a.(tensor), double)
	all := func(v float64) tensor { return f.constant(v, double, x.dimensions...) }
	turns := f.same("add", f.same("multiply", x, all(frequency/(2*math.Pi))),
		all(math.Mod(phase, 2*math.Pi)/(2*math.Pi)))
	left := f.same("subtract", turns, f.same("round_nearest_even", turns))
	angle := f.convert(f.same("multiply", left, all(2*math.Pi)), single)
	return f.same("sine", angle), f.same("cosine", angle)
}

// erfNear are the coefficients of the Taylor series of erf(x)/x in x², 2/√π (-1)^k/(k!(2k+1)):
// for |x| ≤ 1 what is left out is below 1e-8.
func erfNear() []float64 {
	out := make([]float64, 11)
	factor := 2 / math.SqrtPi
	for k := range out {
		out[k] = factor / float64(2*k+1)
		factor /= -float64(k + 1)
	}
	return out
}

// erfFar interpolates (1 - erf x) e^{x²} in t = 1/(1 + 0.3x) at ten Chebyshev points of
// 1 ≤ x ≤ 4; the coefficients are those of the powers of the place between the ends, from -1 to
// 1. Beyond 4, 1 - erf x is below 2e-8.
func erfFar() (middle, half float64, coefficients []float64) {
	const points = 10
	at := func(x float64) float64 { return 1 / (1 + 0.3*x) }
	middle, half = (at(1)+at(4))/2, (at(1)-at(4))/2
	var chebyshev [points]float64
	for i := range points {
		angle := math.Pi * (float64(i) + 0.5) / points
		x := (1/(middle+half*math.Cos(angle)) - 1) / 0.3
		y := math.Erfc(x) * math.Exp(x*x)
		for k := range chebyshev {
			chebyshev[k] += 2. / points * y * math.Cos(float64(k)*angle)
		}
	}
	chebyshev[0] /= 2
	coefficients = make([]float64, points)
	before, now := make([]float64, points), make([]float64, points) // T_{k-1} and T_k in powers
	now[0] = 1
	for k, c := range chebyshev {
		next := make([]float64, points)
		for m, v := range now {
			coefficients[m] += c * v
			if m+1 < points {
				next[m+1] += v * float64(min(k, 1)+1)
			}
			next[m] -= before[m]
		}
		before, now = now, next
	}
	return middle, half, coefficients
}

// Erf is the error function, of which StableHLO has none: its Taylor series for |x| ≤ 1, and
// beyond 1 less e^{-x²} times a polynomial. Its error is below 2e-7 in single precision.
func (f functions) Erf(a ntk.Expression) ntk.Expression {
	x := a.(tensor)
	all := func(v float64) tensor { return f.constant(v, x.of, x.dimensions...) }
	polynomial := func(at tensor, c []float64) tensor {
		sum := all(c[len(c)-1])
		for m := len(c) - 2; m >= 0; m-- {
			sum = f.same("add", f.same("multiply", sum, at), all(c[m]))
		}
		return sum
	}
	size := f.same("minimum", f.same("abs", x), all(4))
	square := f.same("multiply", size, size)
	near := f.same("multiply", x, polynomial(f.same("multiply", x, x), erfNear()))
	middle, half, c := erfFar()
	t := f.same("divide", all(1), f.same("add", all(1), f.same("multiply", all(0.3), size)))
	place := f.same("multiply", f.same("subtract", t, all(middle)), all(1/half))
	rest := f.same("multiply", f.same("exponential", f.same("negate", square)),
		polynomial(place, c))
	far := f.same("multiply", f.same("sign", x), f.same("subtract", all(1), rest))
	return f.choose(f.compare("GT", size, all(1)), far, near)
}
