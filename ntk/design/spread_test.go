package design

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk/inverse"

	"github.com/kernelsmith/kernelsmith/ntk"
)

// The variance against package ntk's own quadrature, and its derivatives against
// differences, with kinks and without, up to equal and opposite inputs.
func TestSpreads(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	cosines := []float64{1, 0.99999, 0.98, 0.9, 0.3, -0.5, -0.97, -1}
	for _, f := range []Family{
		Paper(), {ReLUs: 1, ReflectedReLUs: 1, Cosines: 2, NoSlope: true}, {Gaussians: 1, Erfs: 1},
		{GELUs: 1, NoOffset: true},
	} {
		ps, v := randomFormula(f, r)
		n := len(ps)
		exact, quick := make([]float64, len(cosines)), make([]float64, len(cosines))
		jacobian := make([]float64, len(cosines)*n)
		exactly(cosines).variances(f.shape(ps, v), exact, jacobian)
		quickly(cosines).variances(f.shape(ps, v), quick, nil)
		phi := ntk.Must(f.formula(ps, v).Activation())
		for i, c := range cosines {
			want := ntk.Must(inverse.FiniteWidthVariance(phi, 1, c, 1))
			if math.Abs(exact[i]-want) > 1e-8*want || math.Abs(quick[i]-want) > 2e-3*want {
				t.Errorf("%+v: V(%v) = %v, in the search %v, want %v", f, c, exact[i], quick[i],
					want)
			}
		}
		up, down := make([]float64, len(cosines)), make([]float64, len(cosines))
		for j := range ps {
			const h = 1e-4
			moved := append([]float64(nil), v...)
			moved[j] = v[j] + h
			exactly(cosines).variances(f.shape(ps, moved), up, nil)
			moved[j] = v[j] - h
			exactly(cosines).variances(f.shape(ps, moved), down, nil)
			for i, c := range cosines {
				want := (up[i] - down[i]) / (2 * h)
				if got := jacobian[i*n+j]; math.Abs(got-want) > 1e-6*(1+math.Abs(want)+exact[i]) {
					t.Errorf("%+v: dV/d %s at %v is %v, by differences %v", f, ps[j].name, c, got,
						want)
				}
			}
		}
	}
}

// A form of one's own that is the paper's has the paper's variance and derivatives.
func TestSpreadsOwn(t *testing.T) {
	f := Paper()
	ps := ntk.Must(f.parameters())
	own := &Custom{
		Value:      func(p []float64, z float64) float64 { return f.formula(ps, p).Value(z) },
		Derivative: func(p []float64, z float64) float64 { return f.formula(ps, p).Derivative(z) },
		Kinks: func(p []float64) []float64 {
			return []float64{f.formula(ps,
				p).Terms[0].Shift}
		},
	}
	v := []float64{0.3, -0.4, 1.2, 0.5, 0.3, 2.5, 0.7}
	n := len(v)
	cosines := []float64{1, 0.95, 0.5, -1}
	var out, by [2][]float64
	for i, s := range []shape{f.shape(ps, v), own.shape(ps, v)} {
		out[i], by[i] = make([]float64, len(cosines)), make([]float64, len(cosines)*n)
		exactly(cosines).variances(s, out[i], by[i])
	}
	for i, want := range out[0] {
		if math.Abs(out[1][i]-want) > 1e-9*want {
			t.Errorf("V(%v) = %v, want %v", cosines[i], out[1][i], want)
		}
	}
	for i, want := range by[0] {
		// its derivatives are differences, which a kink within their step spoils
		if math.Abs(by[1][i]-want) > 5e-3*(1+math.Abs(want)) {
			t.Errorf("derivative of V(%v) by %s is %v, want %v", cosines[i/n], ps[i%n].name,
				by[1][i], want)
		}
	}
}
