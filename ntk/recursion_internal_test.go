package ntk

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk/internal/gauss"
	"github.com/kernelsmith/kernelsmith/ntk/internal/quadrature"
)

// What the quick way says it may lose bounds how far it is from the careful one.
func TestQuicklyIsWithinItsBound(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 5))
	sum := Must(Add(GELU{}, Must(Affine(ReLU{}, 0.7, -1, 0.4, 0.1)))).(Dualer)
	for _, phi := range []Dualer{ReLU{}, Abs(), Erf{}, GELU{}, PublishedMimic(), sum} {
		for _, depth := range []int{1, 3, 12} {
			r := Must(Must(UniformFCN(depth, phi, 1.6, 0.2)).recursion(depth+1, true))
			values := 0
			for range 60 {
				q, q2 := math.Exp(4*random.Float64()-2), math.Exp(4*random.Float64()-2)
				gap := math.Pow(10, -6*random.Float64())
				sphere := random.IntN(3) == 0
				if sphere {
					q2 = q
				}
				c := 1 - gap
				if random.IntN(3) == 0 {
					c = -c
				}
				a := Must(r.prepare(q)).(*netPoint)
				b := Must(r.prepare(q2)).(*netPoint)
				if sphere {
					b = a
				}
				p := gauss.Of(q, c*math.Sqrt(q*q2), q2)
				nngp, ntk, lost := r.quickly(a, p, b)
				if !(lost < 1e-6) {
					continue
				}
				want, wantNTK, unsure := r.follow(a, p, b, true)
				if !(unsure < 1e-12) {
					continue
				}
				values++
				most := 2*(lost+unsure) + 1e-14*float64(depth)
				off := math.Abs(nngp-want) / math.Sqrt(a.nngp*b.nngp)
				offNTK := math.Abs(ntk-wantNTK) / math.Sqrt(a.ntk*b.ntk)
				if !(max(off, offNTK) <= most) {
					t.Errorf("%v, %d layers, (%v, %v, %v): off by %.2g and %.2g, at most %.2g",
						phi, depth, q, p.K, q2, off, offNTK, most)
				}
			}
			if values < 10 {
				t.Errorf("%v, %d layers: %d of 60 pairs", phi, depth, values)
			}
		}
	}
}

// Near equal inputs the integral of φ̇ by few values is that by many.
func TestSlopesByFewValues(t *testing.T) {
	sum := Must(Add(GELU{}, Cos{1, 6, 0.3}, ReLU{})).(Dualer)
	kink := Must(Affine(ReLU{}, 1, 1, 0.3, 0)).(Dualer)
	nodes, weights := quadrature.Legendre(20)
	for _, phi := range []Dualer{PublishedMimic(), kink, sum, RectifiedMonomial{6}, GELU{}} {
		for _, q := range []float64{0.1, 1, 3, 3e3, 1e7} {
			most := 3e-12
			if q > 1000 { // waves and bumps are over before the first of few values
				most = 1e-10
			}
			for digits := 1.; digits <= 14; digits++ {
				s := q * math.Pow(10, -digits)
				p := gauss.New(q, q-s, q, s, 2*q-s)
				got, ok := slopes(p, q, layerDual{phi: phi})
				var want float64 // in pieces that get shorter towards equal inputs
				for lo, hi := 0.5, 1.; hi > 1e-9; lo, hi = lo/2, lo {
					for i, x := range nodes {
						t := lo + (hi-lo)*(1+x)/2
						gap := s * t * t
						_, slope := dualAt(phi, gauss.New(q, q-gap, q, gap, 2*q-gap))
						want += weights[i] * (hi - lo) * s * t * slope
					}
				}
				if !ok || math.Abs(got-want) > most*want {
					t.Errorf("%v at q = %v, gap %.2g: %.17g, want %.17g", phi, q, s, got, want)
				}
			}
		}
	}
}
