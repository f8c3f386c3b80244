package design

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
)

func randomFormula(f Family, r *rand.Rand) ([]unknown, []float64) {
	ps := ntk.Must(f.parameters())
	v := make([]float64, len(ps))
	for i, p := range ps {
		lo, hi := math.Max(p.lo, -3), math.Min(p.hi, 3)
		v[i] = lo + r.Float64()*(hi-lo)
	}
	return ps, v
}

// The quick integrals against the kernels of package ntk, on the sphere and off it,
// up to equal and opposite inputs; and gradients against differences.
func TestModel(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, f := range []Family{
		Paper(), {ReLUs: 2, ReflectedReLUs: 1, Cosines: 2}, {Cosines: 1, NoSlope: true},
		{ReLUs: 1, NoOffset: true}, {ReflectedReLUs: 2},
		{Gaussians: 2}, {Erfs: 1, GELUs: 1}, {ReLUs: 1, Gaussians: 1, Cosines: 1},
		{ReflectedReLUs: 1, Erfs: 1},
	} {
		for trial := range 4 {
			ps, v := randomFormula(f, r)
			var places []place
			for _, q := range [][2]float64{{1, 1}, {0.3, 2}, {2, 0.7}} {
				for _, minus := range []float64{0, 1e-6, 0.1, 0.7, 1, 1.4, 1.95, 2} {
					places = append(places, place{q: q[0], q2: q[1], minus: minus, plus: 2 - minus})
				}
			}
			share := float64(trial) / 3
			m := newModel(f, ps, places, share)
			n := len(ps)
			out, jacobian := make([]float64, len(places)), make([]float64, len(places)*n)
			m.kernels(v, out, jacobian)
			net := ntk.Must(ntk.UniformFCN(1, ntk.Must(f.formula(ps, v).Activation()), 1, 0))
			nngp, tangent := ntk.Must(net.NNGP()), ntk.Must(net.NTK())
			for i, p := range places {
				want := share*ntk.Must(nngp.At(p.q, p.k(), p.q2)) + (1-share)*ntk.Must(
					tangent.At(p.q, p.k(), p.q2))
				if math.Abs(out[i]-want) > 2e-8*(1+math.Abs(want)) ||
					p.minus > 1e-5 && p.plus > 1e-5 &&
						math.Abs(out[i]-want) > 1e-11*(1+math.Abs(want)) {
					t.Errorf("%+v at %+v: %.15g, want %.15g", f, p, out[i], want)
				}
			}
			up, down := make([]float64, len(places)), make([]float64, len(places))
			for j := range ps {
				const h = 1e-5
				moved := append([]float64(nil), v...)
				moved[j] = v[j] + h
				m.kernels(moved, up, nil)
				moved[j] = v[j] - h
				m.kernels(moved, down, nil)
				for i, p := range places {
					// Proportional pre-activations meet two kinks at once only for some
					// shifts: no derivative there.
					if p.q != p.q2 && (p.minus < 1e-3 || p.plus < 1e-3) {
						continue
					}
					want := (up[i] - down[i]) / (2 * h)
					if got := jacobian[i*n+j]; math.Abs(got-want) > 1e-4*(1+math.Abs(want)) {
						t.Errorf("%+v: dK/d %s at %+v is %v, by differences %v", f, ps[j].name, p,
							got, want)
					}
				}
			}
		}
	}
}

// Nets of several layers against the recursion of package ntk, and gradients against
// differences of it.
func TestDeepModel(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for _, f := range []Family{{ReLUs: 1, ReflectedReLUs: 1, Cosines: 1}, {Erfs: 1, Gaussians: 1},
		{ReLUs: 1, GELUs: 1}} {
		for trial, depth := range []int{2, 3, 5} {
			ps, v := randomFormula(f, r)
			for i, p := range ps { // the variances of five layers within reason
				if p.name == "slope" || p.name == "offset" ||
					strings.HasSuffix(p.name, "amplitude") {
					v[i] *= 0.4
				}
			}
			var places []place
			for _, q := range [][2]float64{{1, 1}, {0.3, 2}, {2, 0.7}} {
				for _, minus := range []float64{0, 0.001, 0.1, 0.7, 1.4, 2} {
					places = append(places, place{q: q[0], q2: q[1], minus: minus, plus: 2 - minus})
				}
			}
			share := float64(trial) / 2
			m := newModel(f, ps, places, share)
			m.depth = depth
			n := len(ps)
			out, jacobian := make([]float64, len(places)), make([]float64, len(places)*n)
			m.kernels(v, out, jacobian)
			exact := func(v []float64) []float64 {
				net := ntk.Must(
					ntk.UniformFCN(depth, ntk.Must(f.formula(ps, v).Activation()), 1, 0))
				nngp, tangent := ntk.Must(net.NNGP()), ntk.Must(net.NTK())
				out := make([]float64, len(places))
				for i, p := range places {
					out[i] = share*ntk.Must(nngp.At(p.q, p.k(), p.q2)) + (1-share)*ntk.Must(
						tangent.At(p.q, p.k(), p.q2))
				}
				return out
			}
			for i, want := range exact(v) {
				if !(math.Abs(out[i]-want) <= 1e-8*(1+math.Abs(want))) {
					t.Errorf("%+v, %d layers at %+v: %.15g, want %.15g", f, depth, places[i],
						out[i], want)
				}
			}
			for j := range ps {
				const h = 1e-4
				moved := append([]float64(nil), v...)
				at := func(x float64) []float64 {
					moved[j] = v[j] + x
					return exact(moved)
				}
				up, down, up2, down2 := at(h), at(-h), at(2*h), at(-2*h)
				for i, p := range places {
					if p.q != p.q2 && (p.minus < 0.01 || p.plus < 0.01) {
						continue // see TestModel
					}
					want := (8*(up[i]-down[i]) - (up2[i] - down2[i])) / (12 * h)
					size := math.Abs(want) + math.Abs(out[i])
					if got := jacobian[i*n+j]; !(math.Abs(got-want) <= 1e-5*(1+size)) {
						t.Errorf("%+v, %d layers: dK/d %s at %+v is %v, by differences %v", f,
							depth, ps[j].name, p, got, want)
					}
				}
			}
		}
	}
}
