package design

import (
	"github.com/kernelsmith/kernelsmith/ntk"
	"math"
)

type Kind string

const (
	ReLU          Kind = "relu"
	ReflectedReLU Kind = "reflected relu"
	Cosine        Kind = "cos"
	Gaussian      Kind = "gaussian"
	Erf           Kind = "erf"
	GELU          Kind = "gelu"
)

type Term struct {
	Kind                                      Kind
	Amplitude, Shift, Frequency, Phase, Scale float64
}
type Formula struct {
	Slope, Offset float64
	Terms         []Term
}

func (f Formula) Value(z float64) float64      { return f.atoms().Value(z) }
func (f Formula) Derivative(z float64) float64 { p, _ := f.atoms().Prime(); return p.Value(z) }
func (f Formula) Activation() (ntk.Activation, error) {
	var parts []ntk.Activation
	parts = append(parts, ntk.Polynomial{Coeffs: []float64{f.Offset, f.Slope}})
	for _, t := range f.Terms {
		switch t.Kind {
		case ReLU:
			parts = append(parts, ntk.Must(ntk.Affine(ntk.ReLU{}, t.Amplitude, 1, -t.Shift, 0)))
		case ReflectedReLU:
			parts = append(parts, ntk.Must(ntk.Affine(ntk.ReLU{}, t.Amplitude, -1, t.Shift, 0)))
		case Cosine:
			parts = append(parts, ntk.Cos{Amplitude: t.Amplitude, Frequency: t.Frequency, Phase: t.Phase})
		case Gaussian:
			parts = append(parts, ntk.Must(ntk.Affine(ntk.Gaussian{Amplitude: 1, Rate: 1 / (2 * t.Scale * t.Scale)}, t.Amplitude, 1, -t.Shift, 0)))
		case Erf:
			parts = append(parts, ntk.Must(ntk.Affine(ntk.Erf{}, t.Amplitude, t.Scale, -t.Scale*t.Shift, 0)))
		case GELU:
			parts = append(parts, ntk.Must(ntk.Affine(ntk.GELU{}, t.Amplitude, t.Scale, -t.Scale*t.Shift, 0)))
		}
	}
	return ntk.Add(parts...)
}

var _ = math.Pi

func (f Formula) Kinks() (out []float64) {
	for _, t := range f.Terms {
		if t.Kind == ReLU || t.Kind == ReflectedReLU {
			out = append(out, t.Shift)
		}
	}
	return out
}
func (f Formula) Validate() error { return nil }
