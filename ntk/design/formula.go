package design

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/hermite"
	"github.com/kernelsmith/kernelsmith/ntk/internal/special"
)

// Kind is a form of term, with amplitude a, shift b, frequency f, phase g and scale w or s:
//
//	"relu"            a·relu(z-b)
//	"reflected relu"  a·relu(b-z)
//	"cos"             a·cos(f z+g)
//	"gaussian"        a·exp(-(z-b)²/(2w²))
//	"erf"             a·erf(s(z-b))
//	"gelu"            a·GELU(s(z-b)), GELU(x) = xΦ(x)
type Kind string

const (
	reluTerm      Kind = "relu"
	reflectedTerm Kind = "reflected relu"
	cosineTerm    Kind = "cos"
	gaussianTerm  Kind = "gaussian"
	erfTerm       Kind = "erf"
	geluTerm      Kind = "gelu"
)

// Term is one term of a [Formula]. What its kind does not use is 0.
type Term struct {
	Kind                               Kind
	Amplitude, Shift, Frequency, Phase float64
	Scale                              float64 // w or s, > 0
}

// Formula is φ(z) = Slope·z + Offset + Σ terms.
type Formula struct {
	Slope, Offset float64
	Terms         []Term
}

// FromMimic returns the formula of a [ntk.Mimic].
func FromMimic(m ntk.Mimic) Formula {
	return Formula{m.C, m.D, []Term{
		{Kind: reluTerm, Amplitude: m.A, Shift: m.B},
		{Kind: cosineTerm, Amplitude: m.E, Frequency: m.F, Phase: m.G},
	}}
}

// parameter is one number of a term, by the name it has in files.
type parameter struct {
	name  string
	value *float64
}

// parameters returns those that the term's kind uses, then those that it does
// not; known is false for a kind that there is not.
func (t *Term) parameters() (used, unused []parameter, known bool) {
	all := []parameter{
		{
			"amplitude",
			&t.Amplitude,
		},
		{"shift", &t.Shift},
		{"frequency", &t.Frequency},
		{"phase", &t.Phase},
		{"scale", &t.Scale},
	}
	var uses string
	switch t.Kind {
	case reluTerm, reflectedTerm:
		uses = "amplitude shift"
	case cosineTerm:
		uses = "amplitude frequency phase"
	case gaussianTerm, erfTerm, geluTerm:
		uses = "amplitude shift scale"
	default:
		return nil, all, false
	}
	for _, p := range all {
		if strings.Contains(uses, p.name) {
			used = append(used, p)
		} else {
			unused = append(unused, p)
		}
	}
	return used, unused, true
}

// Validate returns an error that names the term and the number that is out of
// range: every number must be finite, a scale above 0, and what a kind does not
// use 0.
func (f Formula) Validate() error {
	for _, p := range []parameter{{"slope", &f.Slope}, {"offset", &f.Offset}} {
		if !special.Finite(*p.value) {
			return fmt.Errorf("design: the formula's %s is %v; it must be finite", p.name, *p.value)
		}
	}
	for i, t := range f.Terms {
		used, unused, known := t.parameters()
		if t.Kind == ownKind {
			return errors.New(
				"design: this is a design of a family of one's own, which has no formula to " +
					"export, save or evaluate; its function is Design.Activation, its numbers " +
					"Design.Params")
		}
		if !known {
			return fmt.Errorf("design: term %d is of the kind %q; the kinds are %q", i, t.Kind,
				kinds)
		}
		for _, p := range used {
			switch v := *p.value; {
			case !special.Finite(v):
				return fmt.Errorf("design: the %s of term %d (%s) is %v; it must be finite", p.name,
					i, t.Kind, v)
			case p.name == "scale" && v <= 0:
				return fmt.Errorf("design: the scale of term %d (%s) is %v; it must be > 0", i,
					t.Kind, v)
			}
		}
		for _, p := range unused {
			if *p.value != 0 {
				return fmt.Errorf("design: the %s of term %d is %v; %s has none and it must be 0",
					p.name, i, *p.value, t.Kind)
			}
		}
	}
	return nil
}

var kinds = []Kind{reluTerm, reflectedTerm, cosineTerm, gaussianTerm, erfTerm, geluTerm}

// Value returns φ(z).
func (f Formula) Value(z float64) float64 {
	if math.IsNaN(z) {
		return z
	}
	sum := f.Offset
	if f.Slope != 0 { // 0·∞
		sum += f.Slope * z
	}
	for _, t := range f.Terms {
		sum += t.value(z)
	}
	return sum
}

// Derivative returns φ'(z), with 0 for each rectifier at its kink.
func (f Formula) Derivative(z float64) float64 {
	if math.IsNaN(z) {
		return z
	}
	sum := f.Slope
	for _, t := range f.Terms {
		sum += t.derivative(z)
	}
	return sum
}

func (t Term) value(z float64) float64 {
	switch t.Kind {
	case reluTerm:
		return t.Amplitude * max(z-t.Shift, 0)
	case reflectedTerm:
		return t.Amplitude * max(t.Shift-z, 0)
	case cosineTerm:
		return t.Amplitude * math.Cos(t.Frequency*z+t.Phase)
	case gaussianTerm:
		u := (z - t.Shift) / t.Scale
		return t.Amplitude * math.Exp(-u*u/2)
	case erfTerm:
		return t.Amplitude * math.Erf(t.Scale*(z-t.Shift))
	case geluTerm:
		return t.Amplitude * ntk.GELU{}.Value(t.Scale*(z-t.Shift))
	}
	return math.NaN()
}

func (t Term) derivative(z float64) float64 {
	switch t.Kind {
	case reluTerm:
		if z > t.Shift {
			return t.Amplitude
		}
		return 0
	case reflectedTerm:
		if z < t.Shift {
			return -t.Amplitude
		}
		return 0
	case cosineTerm:
		return -t.Amplitude * t.Frequency * math.Sin(t.Frequency*z+t.Phase)
	case gaussianTerm:
		u := (z - t.Shift) / t.Scale
		e := math.Exp(-u * u / 2)
		if e == 0 {
			return 0 // and not ∞·0
		}
		return -t.Amplitude / t.Scale * u * e
	case erfTerm:
		return t.Amplitude * t.Scale * ntk.Erf{}.Derivative(t.Scale*(z-t.Shift))
	case geluTerm:
		return t.Amplitude * t.Scale * ntk.GELU{}.Derivative(t.Scale*(z-t.Shift))
	}
	return math.NaN()
}

// Kinks returns the shifts of the rectifiers, ascending.
func (f Formula) Kinks() []float64 {
	var out []float64
	for _, t := range f.Terms {
		if (t.Kind == reluTerm || t.Kind == reflectedTerm) && t.Amplitude != 0 {
			out = append(out, t.Shift)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// String writes φ out, with four digits.
func (f Formula) String() string {
	var s sum
	short := func(v float64) string { return strconv.FormatFloat(v, 'g', 4, 64) }
	if f.Slope != 0 {
		s.add(f.Slope, short, "z", " ")
	}
	if f.Offset != 0 {
		s.add(f.Offset, short, "", "")
	}
	for _, t := range f.Terms {
		b := "(" + plus("z", -t.Shift, short) + ")"
		scaled := short(t.Scale) + b
		if t.Scale == 1 {
			scaled = plus("z", -t.Shift, short)
		}
		switch t.Kind {
		case reluTerm:
			s.add(t.Amplitude, short, "relu"+b, " ")
		case reflectedTerm:
			s.add(t.Amplitude, short, "relu("+less(t.Shift, "z", short)+")", " ")
		case cosineTerm:
			s.add(t.Amplitude, short, "cos("+plus(short(t.Frequency)+"z", t.Phase, short)+")", " ")
		case gaussianTerm:
			if t.Shift == 0 {
				b = "z"
			}
			s.add(t.Amplitude, short, "exp(-"+b+"²/(2·"+short(t.Scale)+"²))", " ")
		default:
			s.add(t.Amplitude, short, string(t.Kind)+"("+scaled+")", " ")
		}
	}
	return s.String()
}

// sum writes terms with their signs between them.
type sum struct{ text strings.Builder }

// add writes v·of; a v of 1 is left out.
func (s *sum) add(v float64, number func(float64) string, of, times string) {
	sign := ""
	switch first := s.text.Len() == 0; {
	case math.Signbit(v) && first:
		sign = "-"
	case math.Signbit(v):
		sign = " - "
	case !first:
		sign = " + "
	}
	s.text.WriteString(sign)
	v = math.Abs(v)
	switch {
	case of == "":
		s.text.WriteString(number(v))
	case v == 1:
		s.text.WriteString(of)
	default:
		s.text.WriteString(number(v) + times + of)
	}
}

// String returns the sum, "0" if there is nothing in it.
func (s *sum) String() string {
	if s.text.Len() == 0 {
		return "0"
	}
	return s.text.String()
}

// plus writes x + v, less v - x, without a v that is 0.
func plus(x string, v float64, number func(float64) string) string {
	switch {
	case v > 0:
		return x + " + " + number(v)
	case v < 0:
		return x + " - " + number(-v)
	}
	return x
}

func less(v float64, x string, number func(float64) string) string {
	if v == 0 {
		return "-" + x
	}
	return number(v) + " - " + x
}

// compiled is a formula as an activation for nets and kernels. Its duals are in closed form.
type compiled struct {
	formula Formula
	exact   ntk.Dualer // what package ntk makes of the sum
	cosines []ntk.Cos

	straight bool // all terms are rectifiers and cosines
}

// Activation returns the formula for use in nets and kernels, with duals in closed form, kinks and
// values in single precision. Its cost for a kernel grows with the square of the number of terms.
//
// Errors: those of [Formula.Validate], and a Gaussian that is narrower than
// |Shift|/35, whose dual would be a product of numbers beyond double precision.
func (f Formula) Activation() (ntk.Dualer, error) {
	if err := f.Validate(); err != nil {
		return nil, err
	}
	f.Terms = slices.Clone(f.Terms)
	var terms []ntk.Activation
	if f.Slope != 0 || f.Offset != 0 || len(f.Terms) == 0 {
		terms = append(terms, ntk.Polynomial{Coeffs: []float64{f.Offset, f.Slope}})
	}
	for i, t := range f.Terms {
		var phi ntk.Activation
		var err error
		switch t.Kind {
		case reluTerm:
			phi, err = ntk.Affine(ntk.ReLU{}, t.Amplitude, 1, -t.Shift, 0)
		case reflectedTerm:
			phi, err = ntk.Affine(ntk.ReLU{}, t.Amplitude, -1, t.Shift, 0)
		case cosineTerm:
			phi = ntk.Cos{Amplitude: t.Amplitude, Frequency: t.Frequency, Phase: t.Phase}
		case gaussianTerm:
			if math.Abs(t.Shift) > 35*t.Scale {
				return nil, fmt.Errorf(
					"design: term %d (gaussian) has the scale %v and the shift %v; its dual "+
						"needs a scale of at least |shift|/35", i, t.Scale, t.Shift)
			}
			phi, err = ntk.Affine(
				ntk.Gaussian{Amplitude: t.Amplitude, Rate: 1 / (2 * t.Scale * t.Scale)}, 1, 1,
				-t.Shift, 0)
		case erfTerm:
			phi, err = ntk.Affine(ntk.Erf{}, t.Amplitude, t.Scale, -t.Scale*t.Shift, 0)
		case geluTerm:
			phi, err = ntk.Affine(ntk.GELU{}, t.Amplitude, t.Scale, -t.Scale*t.Shift, 0)
		}
		if err != nil {
			return nil, fmt.Errorf("design: term %d (%s): %w", i, t.Kind, err)
		}
		terms = append(terms, phi)
	}
	all, err := ntk.Add(terms...)
	if err != nil {
		return nil, fmt.Errorf("design: %s: %w", f, err)
	}
	d, ok := all.(ntk.Dualer)
	if !ok {
		return nil, fmt.Errorf("design: %s has no dual", f)
	}
	a := &compiled{formula: f, exact: d, straight: true}
	for _, t := range f.Terms {
		hinge := t.Kind == reluTerm || t.Kind == reflectedTerm
		a.straight = a.straight && (hinge || t.Kind == cosineTerm)
		if t.Kind == cosineTerm {
			a.cosines = append(a.cosines,
				ntk.Cos{Amplitude: t.Amplitude, Frequency: t.Frequency, Phase: t.Phase})
		}
	}
	return a, nil
}

// Value returns φ(z).
func (a *compiled) Value(z float64) float64 { return a.formula.Value(z) }

// Derivative returns φ'(z), with 0 for each rectifier at its kink.
func (a *compiled) Derivative(z float64) float64 { return a.formula.Derivative(z) }

// Dual implements [ntk.Dualer].
func (a *compiled) Dual(q, k, q2 float64) (value, derivative float64) {
	return a.exact.Dual(q, k, q2)
}

// Kinks implements [ntk.Kinker].
func (a *compiled) Kinks() []float64 { return a.formula.Kinks() }

// String writes φ out.
func (a *compiled) String() string { return a.formula.String() }

// Unwrap makes kernels those of the sum in package ntk.
func (a *compiled) Unwrap() ntk.Activation { return a.exact }

// HermiteSeries is φ(z) = Σ Coeffs[k] h_k(z/Scale) with the orthonormal Hermite
// polynomials of package hermite: a polynomial φ, to be exported.
type HermiteSeries struct {
	Coeffs []float64
	Scale  float64 // > 0
}

// FromSeries returns the coefficients and the scale of a [hermite.Series].
func FromSeries(s hermite.Series) HermiteSeries { return HermiteSeries{s.Coeffs(), s.Scale()} }

// Activation returns the series for use in nets and kernels, or the error of
// [HermiteSeries.Validate].
func (s HermiteSeries) Activation() (hermite.Series, error) {
	if err := s.Validate(); err != nil {
		return hermite.Series{}, err
	}
	phi, err := hermite.NewSeries(s.Coeffs)
	if err != nil {
		return phi, err
	}
	return phi.WithScale(s.Scale)
}

// Validate returns an error that names a coefficient that is not finite, or a
// scale that is not from 1e-100 to 1e100.
func (s HermiteSeries) Validate() error {
	if !(s.Scale >= 1e-100 && s.Scale <= 1e100) {
		return fmt.Errorf("design: the scale of the series is %v; it must be from 1e-100 to 1e100",
			s.Scale)
	}
	for k, b := range s.Coeffs {
		if !special.Finite(b) {
			return fmt.Errorf("design: coefficient b_%d of the series is %v; it must be finite", k,
				b)
		}
	}
	return nil
}

// Value returns φ(z), by the three-term recurrence.
func (s HermiteSeries) Value(z float64) float64 {
	v, _ := s.at(z)
	return v
}

// Derivative returns φ'(z) = Σ √k b_k h_{k-1}(z/Scale)/Scale.
func (s HermiteSeries) Derivative(z float64) float64 {
	_, d := s.at(z)
	return d
}

func (s HermiteSeries) at(z float64) (value, derivative float64) {
	if math.IsNaN(z) {
		return z, z
	}
	z /= s.Scale
	h, previous := 1.0, 0.0
	for k, b := range s.Coeffs {
		n := float64(k)
		if k > 0 {
			derivative += math.Sqrt(n) * b * h
			h, previous = (z*h-math.Sqrt(n-1)*previous)/math.Sqrt(n), h
		}
		value += b * h
	}
	return value, derivative / s.Scale
}

// String names the series by its degree.
func (s HermiteSeries) String() string {
	if s.Scale == 1 {
		return fmt.Sprintf("Hermite series of degree %d", len(s.Coeffs)-1)
	}
	return fmt.Sprintf("Hermite series of degree %d in z/%.4g", len(s.Coeffs)-1, s.Scale)
}
