package design

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
)

// The variance against package ntk's own quadrature, and its derivatives against
// differences, with kinks and without, up to equal and opposite inputs.
func TestSpreads(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	cosines := []float64{1, 0.99999, 0.98, 0.9, 0.3, -0.5, -0.97, -1}
	for _, f := range []Family{
		Paper(), {ReLUs: 1, ReflectedReLUs: 1, Cosines: 2, NoSlope: true}, {Gaussians: 1, Erfs: 1}, {GELUs: 1, NoOffset: true},
	} {
		ps, v := randomFormula(f, r)
		n := len(ps)
		exact, quick := make([]float64, len(cosines)), make([]float64, len(cosines))
		jacobian := make([]float64, len(cosines)*n)
		spreads{cosines, exactReach}.variances(f.shape(ps, v), exact, jacobian)
		spreads{cosines, quickReach}.variances(f.shape(ps, v), quick, nil)
		phi := ntk.Must(f.formula(ps, v).Activation())
		for i, c := range cosines {
			want := ntk.Must(ntk.FiniteWidthVariance(phi, 1, c, 1))
			if math.Abs(exact[i]-want) > 1e-8*want || math.Abs(quick[i]-want) > 2e-3*want {
				t.Errorf("%+v: V(%v) = %v, in the search %v, want %v", f, c, exact[i], quick[i], want)
			}
		}
		up, down := make([]float64, len(cosines)), make([]float64, len(cosines))
		for j := range ps {
			const h = 1e-4
			moved := append([]float64(nil), v...)
			moved[j] = v[j] + h
			spreads{cosines, exactReach}.variances(f.shape(ps, moved), up, nil)
			moved[j] = v[j] - h
			spreads{cosines, exactReach}.variances(f.shape(ps, moved), down, nil)
			for i, c := range cosines {
				want := (up[i] - down[i]) / (2 * h)
				if got := jacobian[i*n+j]; math.Abs(got-want) > 1e-6*(1+math.Abs(want)+exact[i]) {
					t.Errorf("%+v: dV/d %s at %v is %v, by differences %v", f, ps[j].name, c, got, want)
				}
			}
		}
	}
}
