package ntk_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/inverse"
)

// own is an activation of a caller's own, which counts what it is asked for.
type own struct {
	name      string
	value     func(z float64) float64
	slope     func(z float64) float64
	evaluated *int
}

func (o own) Value(z float64) float64 {
	*o.evaluated++
	return o.value(z)
}

func (o own) Derivative(z float64) float64 {
	*o.evaluated++
	return o.slope(z)
}

func (o own) String() string { return o.name }

// kinked tells where it has kinks and jumps.
type kinked struct {
	own
	kinks, jumps []float64
}

func (k kinked) Kinks() []float64 { return k.kinks }
func (k kinked) Jumps() []float64 { return k.jumps }

// quick has a single-precision form, of these.
type quick struct {
	own
	eval func(value, derivative, z []float32)
}

func (q quick) EvalFloat32(value, derivative, z []float32) { q.eval(value, derivative, z) }

func newOwn(name string, value, slope func(z float64) float64) own {
	return own{name, value, slope, new(int)}
}

func constant(v float64) func(float64) float64 { return func(float64) float64 { return v } }

func sech2(z float64) float64 { return 1 - math.Tanh(z)*math.Tanh(z) }

// rounded is f in steps of 1e-7.
func rounded(f func(float64) float64) func(float64) float64 {
	return func(z float64) float64 { return math.Round(1e7*f(z)) / 1e7 }
}

func within(far, beyond float64, f func(float64) float64) func(float64) float64 {
	return func(z float64) float64 {
		if math.Abs(z) > far {
			if beyond == 0 {
				panic("out of range")
			}
			return beyond
		}
		return f(z)
	}
}

// Derivatives that are right, or of which nobody can tell.
func TestDerivativesWithoutFalseAlarm(t *testing.T) {
	gauss := func(z float64) float64 { return math.Exp(-z * z) }
	gaussSlope := func(z float64) float64 { return -2 * z * math.Exp(-z*z) }
	triangle := func(width float64) (value, slope func(z float64) float64) {
		return func(z float64) float64 { return math.Abs(math.Remainder(z, width)) },
			func(z float64) float64 { return math.Copysign(1, math.Remainder(z, width)) }
	}
	wave := func(w float64) (value, slope func(z float64) float64) {
		return func(z float64) float64 { return math.Sin(w * z) },
			func(z float64) float64 { return w * math.Cos(w*z) }
	}
	var all []own
	add := func(name string, value, slope func(z float64) float64) {
		all = append(all, newOwn(name, value, slope))
	}
	for _, w := range []float64{1e3, 1e5, 1e6, 1e9} {
		value, slope := wave(w)
		add(fmt.Sprintf("sin %gz", w), value, slope)
	}
	for _, width := range []float64{1, 0.03, 1e-3, 1e-5} {
		value, slope := triangle(width)
		add(fmt.Sprintf("triangles of %g", width), value, slope)
	}
	for _, rate := range []float64{10, -10, 100} {
		add(fmt.Sprintf("exp %gz", rate), func(z float64) float64 { return math.Exp(rate * z) },
			func(z float64) float64 { return rate * math.Exp(rate*z) })
	}
	for _, kink := range []float64{0.1327, 0.41131, 0.708} { // some of the places, and beside
		add(fmt.Sprint("kink at ", kink),
			func(z float64) float64 { return math.Max(z-float64(float32(kink)), 0) },
			func(z float64) float64 { return ntk.ReLU{}.Derivative(z - float64(float32(kink))) })
	}
	add("tiny slope", func(z float64) float64 { return 1 + 1e-14*z }, constant(1e-14))
	add("tiny", func(z float64) float64 { return 1e-200 * math.Tanh(z) },
		func(z float64) float64 { return 1e-200 * sech2(z) })
	add("denormal", func(z float64) float64 { return 1e-318 * math.Tanh(z) }, constant(0))
	add("large", func(z float64) float64 { return 1e200 * z * z * z },
		func(z float64) float64 { return 3e200 * z * z })
	add("overflows", func(z float64) float64 { return math.Exp(400 * z) },
		func(z float64) float64 { return 400 * math.Exp(400*z) })
	add("constant", constant(3), constant(0))
	add("zero", constant(0), constant(0))
	add("NaN far out", within(2, math.NaN(), math.Tanh), within(2, math.NaN(), sech2))
	add("root", math.Sqrt, func(z float64) float64 { return 0.5 / math.Sqrt(z) })
	add("cusp", func(z float64) float64 { return math.Sqrt(math.Abs(z)) },
		func(z float64) float64 { return math.Copysign(0.5, z) / math.Sqrt(math.Abs(z)) })
	add("stairs", func(z float64) float64 { return math.Floor(8 * z) }, constant(0))
	add("fine stairs", func(z float64) float64 { return math.Floor(1000 * z) }, constant(0))
	add("sign", ntk.Sign{}.Value, constant(0))
	add("single precision", func(z float64) float64 { return float64(float32(math.Tanh(z))) },
		sech2)
	add("rounded tanh", rounded(math.Tanh), sech2)
	add("rounded bell", rounded(gauss), gaussSlope)
	add("rounded GELU", rounded(ntk.GELU{}.Value), ntk.GELU{}.Derivative)
	add("rounded softplus", rounded(ntk.Softplus{}.Value), ntk.Softplus{}.Derivative)
	add("rounded line above", rounded(func(z float64) float64 { return 1e-5*z + 1e-2 }),
		constant(1e-5))
	add("panics far out", within(2, 0, math.Tanh), within(2, 0, sech2))
	add("panics", within(-1, 0, math.Tanh), within(-1, 0, sech2))
	add("steep", func(z float64) float64 { return math.Tanh(1e6 * z) },
		func(z float64) float64 { return 1e6 * sech2(1e6*z) })
	add("a usual approximation of φ'", ntk.GELU{}.Value, func(z float64) float64 {
		u := math.Sqrt(2/math.Pi) * (z + 0.044715*z*z*z)
		return 0.5*(1+math.Tanh(u)) +
			0.5*z*sech2(u)*math.Sqrt(2/math.Pi)*(1+3*0.044715*z*z)
	})
	r := rand.New(rand.NewPCG(1, 2))
	add("noise", func(z float64) float64 { return math.Tanh(z) + 1e-3*r.NormFloat64() }, sech2)
	for _, o := range all {
		if _, err := ntk.UniformFCN(1, o, 1, 0); err != nil {
			t.Errorf("%s: %v", o.name, err)
		}
		if n := *o.evaluated; n > 1000 {
			t.Errorf("%s: %d values", o.name, n)
		}
	}
}

// Kinks and jumps that are told are left out.
func TestDerivativesAtKinks(t *testing.T) {
	relu := ntk.ReLU{}
	places := []float64{0.1327, 0.41131, 0.70788, 1.16129999}
	k := kinked{newOwn("kinked", func(z float64) (v float64) {
		for _, b := range places {
			v += relu.Value(z - b)
		}
		return v
	}, func(z float64) (v float64) {
		for _, b := range places {
			v += relu.Derivative(z - b + 1e-8) // by another rounding
		}
		return v
	}), places, nil}
	if _, err := ntk.UniformFCN(1, k, 1, 0); err != nil {
		t.Error(err)
	}
	j := kinked{newOwn("surrogate", relu.Derivative, constant(0)), nil, []float64{0}}
	if _, err := ntk.UniformFCN(1, j, 1, 0); err != nil {
		t.Error(err)
	}
	if *j.evaluated > 100 || *k.evaluated > 100 {
		t.Errorf("%d and %d values for what is right", *j.evaluated, *k.evaluated)
	}
}

// wrongDerivatives are those that must be found.
func wrongDerivatives() []ntk.Activation {
	from := func(edge, sign float64, right, wrong func(float64) float64) func(float64) float64 {
		return func(z float64) float64 {
			if sign*z > edge {
				return wrong(z)
			}
			return right(z)
		}
	}
	times := func(f func(float64) float64, by float64) func(float64) float64 {
		return func(z float64) float64 { return by * f(z) }
	}
	var all []ntk.Activation
	for _, phi := range []struct {
		name         string
		value, slope func(float64) float64
	}{
		{"tanh", math.Tanh, sech2},
		{"GELU", ntk.GELU{}.Value, ntk.GELU{}.Derivative},
		{"leaky ReLU", ntk.LeakyReLU(0.1).Value, ntk.LeakyReLU(0.1).Derivative},
		{"square", func(z float64) float64 { return z * z },
			func(z float64) float64 { return 2 * z }},
		{"large", func(z float64) float64 { return 1e100 * math.Exp(z) },
			func(z float64) float64 { return 1e100 * math.Exp(z) }},
		{"small", func(z float64) float64 { return 1e-100 * math.Sin(z) },
			func(z float64) float64 { return 1e-100 * math.Cos(z) }},
		{"exp 10z", func(z float64) float64 { return math.Exp(10 * z) },
			func(z float64) float64 { return 10 * math.Exp(10*z) }},
		{"sin 1000z", func(z float64) float64 { return math.Sin(1000 * z) },
			func(z float64) float64 { return 1000 * math.Cos(1000*z) }},
		{"rounded sine", rounded(math.Sin), math.Cos},
	} {
		for name, slope := range map[string]func(float64) float64{
			"twice":         times(phi.slope, 2),
			"sign":          times(phi.slope, -1),
			"forgotten":     constant(0),
			"right for > 0": from(0, -1, phi.slope, times(phi.slope, -0.5)),
			"right for < 0": from(0, 1, phi.slope, times(phi.slope, 1.5)),
		} {
			all = append(all, newOwn(phi.name+" "+name, phi.value, slope))
		}
	}
	return append(all,
		newOwn("ReLU right for > 0", ntk.ReLU{}.Value, constant(1)),
		newOwn("erf with tanh's", math.Erf, sech2),
		newOwn("GELU with SiLU's", ntk.GELU{}.Value, ntk.SiLU{}.Derivative),
		newOwn("ReLU with leaky ReLU's", ntk.ReLU{}.Value, ntk.LeakyReLU(0.1).Derivative),
		newOwn("tanh beyond 2", math.Tanh, from(2, 1, from(2, -1, sech2, times(sech2, 2)),
			times(sech2, 2))),
		newOwn("square beyond 2", ntk.RectifiedMonomial{Degree: 2}.Value,
			from(2, 1, ntk.RectifiedMonomial{Degree: 2}.Derivative, constant(4))),
		newOwn("stairs with a slope", math.Floor, constant(1)),
		kinked{newOwn("leaky with kink", ntk.LeakyReLU(0.2).Value, ntk.ReLU{}.Derivative),
			[]float64{0}, nil},
	)
}

func TestWrongDerivatives(t *testing.T) {
	all := wrongDerivatives()
	for _, phi := range all {
		_, err := ntk.UniformFCN(2, phi, 1, 0)
		if err == nil || !strings.Contains(err.Error(), "but the slope of Value there is") {
			t.Errorf("%v: %v", phi, err)
		}
	}
	phi := newOwn("double sine", math.Sin, func(z float64) float64 { return 2 * math.Cos(z) })
	const want = "ntk: double sine: Derivative(0.1327) is 1.982, but the slope of Value there is " +
		"0.991"
	for name, err := range map[string]error{
		"Add": second(ntk.Add(ntk.ReLU{}, phi)), "Affine": second(ntk.Affine(phi, 1, 1, 0, 0)),
		"Values":        second(ntk.Values(phi, nil)),
		"HermiteCoeffs": second(ntk.HermiteCoeffs(phi, 1, 3)),
		"MeanFieldOf":   second(ntk.MeanFieldOf(phi, 1, 0)),
		"variance":      second(inverse.FiniteWidthVariance(phi, 1, 0.5, 1)),
		"NewFCN": second(ntk.NewFCN([]ntk.Layer{{Activation: ntk.ReLU{}, WeightStd: 1},
			{Activation: phi, WeightStd: 1}}, ntk.Readout{WeightStd: 1})),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// The same by ntk.Custom, which resolves both and compares them throughout.
	if _, err := ntk.Custom(phi.value, phi.slope); err == nil {
		t.Error("Custom takes it")
	}
}

// Single-precision forms that belong to their function, and those that do not.
func TestSinglePrecisionForms(t *testing.T) {
	form := func(value, slope func(z float64) float64) func(value, derivative, z []float32) {
		return func(v, d, z []float32) {
			for i, x := range z {
				v[i], d[i] = float32(value(float64(x))), float32(slope(float64(x)))
			}
		}
	}
	phase := func(w float64) quick { // the phase in single precision
		return quick{newOwn(fmt.Sprintf("sin %gz", w),
			func(z float64) float64 { return math.Sin(w * z) },
			func(z float64) float64 { return w * math.Cos(w*z) }),
			func(v, d, z []float32) {
				for i, x := range z {
					sin, cos := math.Sincos(float64(float32(w) * x))
					v[i], d[i] = float32(sin), float32(w)*float32(cos)
				}
			}}
	}
	grows := newOwn("exp 60z", func(z float64) float64 { return math.Exp(60 * z) },
		func(z float64) float64 { return 60 * math.Exp(60*z) })
	tanh := newOwn("tanh", math.Tanh, sech2)
	for _, right := range []quick{
		{tanh, form(math.Tanh, sech2)}, {grows, form(grows.value, grows.slope)},
		phase(1), phase(1e3), phase(1e6),
		{tanh, func(v, d, z []float32) { panic("out of range") }},
		{tanh, func(v, d, z []float32) { // 1e-5 off
			form(math.Tanh, sech2)(v, d, z)
			for i := range v {
				v[i] += 1e-5
			}
		}},
	} {
		if _, err := ntk.UniformFCN(1, right, 1, 0); err != nil {
			t.Error(err)
		}
	}
	double := func(f func(float64) float64) func(float64) float64 {
		return func(z float64) float64 { return 2 * f(z) }
	}
	for name, wrong := range map[string]struct {
		eval func(value, derivative, z []float32)
		text string
	}{
		"value":      {form(double(math.Tanh), sech2), "the value 0.2639 at 0.1327, but Value"},
		"derivative": {form(math.Tanh, double(sech2)), "the derivative 1.965 at"},
		"swapped":    {form(sech2, math.Tanh), "the value"},
		"nothing":    {func(v, d, z []float32) {}, "the value 0 at"},
		"one value": {func(v, d, z []float32) { form(math.Tanh, sech2)(v[:1], d[:1], z[:1]) },
			"the value 0 at 0.4113"},
		"erf":      {form(math.Erf, sech2), "the value"},
		"negative": {form(ntk.ReLU{}.Value, sech2), "the value 0.1327 at 0.1327"},
	} {
		_, err := ntk.UniformFCN(1, quick{tanh, wrong.eval}, 1, 0)
		if err == nil || !strings.Contains(err.Error(), "EvalFloat32 has "+wrong.text) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := ntk.UniformFCN(1, quick{phase(10).own, phase(10.1).eval}, 1, 0); err == nil {
		t.Error("another frequency")
	}
}

func BenchmarkCheckOfDerivative(b *testing.B) {
	phi := newOwn("tanh", math.Tanh, sech2)
	for b.Loop() {
		ntk.Must(ntk.UniformFCN(1, phi, 1, 0))
	}
}
