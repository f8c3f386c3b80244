package design

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/integrate/quad"
)

// spread is V = N·Var[Θ_N] of the one-hidden-layer net of a formula at correlation c,
// by Gauss-Legendre panels that end at the kinks, within some percent for the fastest
// cosines: quick and smooth in
// the parameters, for the search. [ntk.FiniteWidthVariance] is the exact one.
func spread(f evaluator, c float64) float64 {
	kinks := f.Kinks()
	outer := slices.Clone(kinks)
	r := math.Sqrt(math.Max(0, (1-c)*(1+c)))
	if c != 0 {
		for _, b := range kinks {
			outer = append(outer, b/c)
		}
	}
	var square, mean float64
	inner := make([]float64, len(kinks))
	panels(outer, func(u, w float64) {
		a, da := f.valueAndSlope(u)
		add := func(v, w float64) {
			b, db := f.valueAndSlope(v)
			p, d := a*b, da*db
			square += w * (p*p + 2*c*p*d + 3*c*c*d*d)
			mean += w * (p + c*d)
		}
		if r < 1e-8 {
			add(math.Copysign(u, u*c), w)
			return
		}
		for i, b := range kinks {
			inner[i] = (b - c*u) / r
		}
		panels(inner, func(y, w2 float64) { add(c*u+r*y, w*w2) })
	})
	return math.Max(0, square-mean*mean)
}

func (f Formula) valueAndSlope(z float64) (value, slope float64) {
	value, slope = f.Offset+f.Slope*z, f.Slope
	for _, t := range f.Terms {
		switch t.Kind {
		case ReLU:
			if z > t.Shift {
				value += t.Amplitude * (z - t.Shift)
				slope += t.Amplitude
			}
		case ReflectedReLU:
			if z < t.Shift {
				value += t.Amplitude * (t.Shift - z)
				slope -= t.Amplitude
			}
		case Cosine:
			sin, cos := math.Sincos(t.Frequency*z + t.Phase)
			value += t.Amplitude * cos
			slope -= t.Amplitude * t.Frequency * sin
		default:
			g := Formula{Terms: []Term{t}}
			value += g.Value(z)
			slope += g.Derivative(z)
		}
	}
	return value, slope
}

// panels calls f with the nodes and weights of an expectation over a standard normal.
func panels(at []float64, f func(z, w float64)) {
	edges := make([]float64, 0, 24)
	for x := -7.5; x <= 7.5; x += 1.5 {
		edges = append(edges, x)
	}
	for _, x := range at {
		if math.Abs(x) < 7.5 {
			edges = append(edges, x)
		}
	}
	slices.Sort(edges)
	for i, hi := range edges[1:] {
		half := (hi - edges[i]) / 2
		if half < 1e-12 {
			continue
		}
		middle := (hi + edges[i]) / 2
		for j, x := range panelNodes {
			z := middle + half*x
			f(z, half*panelWeights[j]*math.Exp(-z*z/2)/math.Sqrt(2*math.Pi))
		}
	}
}

var panelNodes, panelWeights = func() (x, w []float64) {
	x, w = make([]float64, 8), make([]float64, 8)
	quad.Legendre{}.FixedLocations(x, w, -1, 1)
	return x, w
}()
