package design

import (
	"fmt"
	"math"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/hermite"
)

// FromActivation returns an activation in the form in which it can be exported: the [Formula] or
// [HermiteSeries] that made it, and of package ntk Erf, Gaussian, GELU, the lines and the waves
// ([ntk.ReLU], [ntk.TwoSlope], [ntk.Mimic], [ntk.Sin], [ntk.Cos]) and polynomials of degree 0 or 1.
// It is the same function, to rounding, but that a derivative at a kink is the formula's.
//
// Errors: any other activation, and what Validate reports.
func FromActivation(a ntk.Activation) (Exportable, error) {
	one := func(t Term) Formula { return Formula{Terms: []Term{t}} }
	var out Exportable
	switch a := a.(type) {
	case *compiled:
		out = a.formula
	case hermite.Series:
		out = FromSeries(a)
	case ntk.Mimic:
		out = FromMimic(a)
	case ntk.ReLU:
		out = one(Term{Kind: reluTerm, Amplitude: 1})
	case ntk.TwoSlope:
		out = Formula{Terms: []Term{{Kind: reluTerm, Amplitude: a.Positive},
			{Kind: reflectedTerm, Amplitude: -a.Negative}}}
	case ntk.Cos:
		out = one(Term{Kind: cosineTerm, Amplitude: a.Amplitude, Frequency: a.Frequency,
			Phase: a.Phase})
	case ntk.Sin:
		out = one(Term{Kind: cosineTerm, Amplitude: a.Amplitude, Frequency: a.Frequency,
			Phase: a.Phase - math.Pi/2})
	case ntk.Erf:
		out = one(Term{Kind: erfTerm, Amplitude: 1, Scale: 1})
	case ntk.GELU:
		out = one(Term{Kind: geluTerm, Amplitude: 1, Scale: 1})
	case ntk.Gaussian:
		if out = (Formula{Offset: a.Amplitude}); a.Rate > 0 {
			out = one(Term{Kind: gaussianTerm, Amplitude: a.Amplitude,
				Scale: 1 / math.Sqrt(2*a.Rate)})
		}
	case ntk.Polynomial:
		var c [2]float64
		if copy(c[:], a.Coeffs); len(a.Coeffs) > len(c) {
			return nil, fmt.Errorf("design: %v is a polynomial of degree %d, which cannot be "+
				"exported as it is; a HermiteSeries can", a, len(a.Coeffs)-1)
		}
		out = Formula{Offset: c[0], Slope: c[1]}
	default:
		return nil, fmt.Errorf("design: %v, a %T, has no form to export; those of a Formula, a "+
			"HermiteSeries and some of package ntk have", a, a)
	}
	return out, out.Validate()
}
