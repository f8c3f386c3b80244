package ntk

import (
	"math"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk/internal/gauss"
)

var pairs = [][3]float64{
	{1, 0.3, 1}, {1, 1, 1}, {1, -1, 1}, {1, -0.999, 1}, {0.14, 0.2, 2.5}, {4, -1.5, 0.6},
	{2, 1.99, 2}, {16.5, 2, 0.3}, {2, 1, 1}, {0, 0, 1.7}, {0, 0, 0},
}

// Two routes to each closed form: the activation's own, and the integrals over
// pairs of atoms that sums use.
func TestAtomsAgreeWithClosedForms(t *testing.T) {
	for _, phi := range []Dualer{
		ReLU{}, TwoSlope{1.3, -0.4}, Erf{}, SigmoidErf{}, GELU{}, Step{}, Sin{0.7, 2, 0.4},
		Cos{-0.3, 5, 1}, Exp{0.8, 0.5}, Gaussian{1, 1},
		Polynomial{[]float64{0.3, -1, 0.5, 0.1}}, RectifiedMonomial{2}, RectifiedMonomial{3},
		PublishedMimic(),
	} {
		a := phi.(closed).atoms()
		prime, jumps := a.Prime()
		for _, p := range pairs {
			at := gauss.Of(p[0], p[1], p[2])
			value, slope := dualAt(phi, at)
			scale, slopeScale := dualAt(phi,
				gauss.Of(math.Max(p[0], p[2]), math.Max(p[0], p[2]), math.Max(p[0], p[2])))
			// rounding, times the size of what the moments cancel
			if got := a.Dual(a, at); !(math.Abs(got-value) <= 1e-13*(1+scale)) {
				t.Errorf("%v: E[φφ] at %v is %.16g by atoms, %.16g in closed form", phi, p, got,
					value)
			}
			if got := prime.Dual(prime, at); len(jumps) == 0 &&
				!(math.Abs(got-slope) <= 1e-13*(1+slopeScale)) {
				t.Errorf("%v: E[φ'φ'] at %v is %.16g by atoms, %.16g in closed form", phi, p, got,
					slope)
			}
		}
		for z := -2.02; z < 2; z += 0.2 {
			if got, want := a.Value(z), phi.Value(
				z,
			); !(math.Abs(got-want) <= 1e-14*(1+math.Abs(want))) {
				t.Errorf("%v: at %v the atoms have %v, φ %v", phi, z, got, want)
			}
		}
		own, err := HermiteCoeffs(phi, 1.2, 300)
		if err != nil {
			t.Fatal(err)
		}
		top, _ := phi.Dual(1.44, 1.44, 1.44)
		for k, b := range a.Coeffs(1.2, 300) {
			if !(math.Abs(b-own[k]) <= 1e-12*math.Sqrt(top)) {
				t.Errorf("%v: b_%d is %v by atoms, %v by its own formula", phi, k, b, own[k])
			}
		}
	}
}

func TestJumps(t *testing.T) {
	if j := JumpsOf(Step{}); len(j) != 1 || j[0] != 0 {
		t.Errorf("step jumps at %v", j)
	}
	// step(z-1) and relu: a jump and a kink, and a jump that cancels.
	shifted := Must(Affine(Step{}, 2, 1, -1, 0))
	sum := Must(Add(ReLU{}, shifted))
	if j, k := JumpsOf(sum), KinksOf(sum); len(j) != 1 || j[0] != 1 || len(k) != 1 || k[0] != 0 {
		t.Errorf("jumps at %v, kinks at %v", j, k)
	}
	none := Must(Add(sum, Must(Affine(shifted, -1, 1, 0, 0))))
	if j := JumpsOf(none); len(j) != 0 {
		t.Errorf("jumps that cancel: %v", j)
	}
	a, _ := none.(Dualer).Dual(1, 0.3, 1)
	b, _ := ReLU{}.Dual(1, 0.3, 1)
	if math.Abs(a-b) > 1e-15 {
		t.Errorf("what is left is ReLU: %v, %v", a, b)
	}
}

// sin(2z) = 2 sin z cos z has its cross terms right if the sum of sines that makes
// a cosine of another phase is that cosine.
func TestCrossTerms(t *testing.T) {
	sum := Must(Add(Sin{0.6, 3, 0}, Cos{0.8, 3, 0}, Erf{},
		Must(Affine(Erf{}, -1, 1, 0, 0)))).(Dualer)
	one := Cos{1, 3, -math.Atan2(0.6, 0.8)}
	for _, p := range pairs {
		a, da := sum.Dual(p[0], p[1], p[2])
		b, db := one.Dual(p[0], p[1], p[2])
		if math.Abs(a-b) > 1e-14 || math.Abs(da-db) > 1e-13 {
			t.Errorf("at %v: %v, %v; want %v, %v", p, a, da, b, db)
		}
	}
	// ReLUs and cosines take a faster route, with the same value.
	a := Must(Add(Must(Affine(ReLU{}, 3.8, 1, -1.06, 0.9)), Polynomial{[]float64{0, 0.1}},
		Cos{-0.08, 11.8, 0.9})).(*closedForm)
	prime, _ := a.all.Prime()
	for _, p := range pairs {
		at := gauss.Of(p[0], p[1], p[2])
		v, d := a.dualAt(at)
		v2, d2 := a.all.Dual(a.all, at), prime.Dual(prime, at)
		if math.Abs(v-v2) > 1e-12*(1+v) || math.Abs(d-d2) > 1e-12*(1+math.Abs(d)) {
			t.Errorf("at %v: %v, %v, by atoms %v, %v", p, v, d, v2, d2)
		}
	}
}

// M_1 and M_0 are ReLU's; M_n(1) = (2n-1)!!/2; and near ψ = 0, where the closed
// form cancels, M_n goes like ψ^{2n+1}: the ratio at ψ and ψ/2.
func TestArcCosine(t *testing.T) {
	for n := 0; n <= maxRectified; n++ {
		want := 0.5
		for i := 1; i < n; i++ {
			want *= float64(2*i + 1)
		}
		if got := arcCosine(n, math.Pi); math.Abs(got-want) > 1e-11*want {
			t.Errorf("M_%d(1) = %v, want %v", n, got, want)
		}
		if below, above := arcCosine(n, 1.2-1e-12), arcCosine(n,
			1.2); math.Abs(below-above) > 1e-6/math.Pow(2, float64(n))*above*1e-3 &&
			math.Abs(below-above) > 1e-7*above {
			t.Errorf("M_%d: the series gives %v where the closed form gives %v", n, below, above)
		}
		p := 1e-4
		if ratio := arcCosine(n, p) / arcCosine(
			n, p/2,
		); math.Abs(ratio/math.Pow(2, float64(2*n+1))-1) > 1e-6 {
			t.Errorf("M_%d near antipodes: ratio %v", n, ratio)
		}
	}
}
