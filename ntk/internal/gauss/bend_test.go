package gauss

import (
	"math"
	"testing"
)

// The moments of the second derivative are those of relu(z-b) and z²: densities and constants.
func TestBend(t *testing.T) {
	hinge := Atoms{Gates: []Gate{{C: 1, M: 1, B: 0.5}, {C: -0.5, B: 0.5}}}
	square := Atoms{Waves: []Wave{{C: 1, M: 2}}}
	prime, _ := hinge.Plus(square).Prime()
	b := NewBend(prime)
	const s, u, rho = 1.3, 0.7, 0.4
	at := Correlated(s, u, 1-rho, 1+rho)
	density := func(b, s float64) float64 {
		return math.Exp(-b*b/(2*s*s)) / (s * math.Sqrt(2*math.Pi))
	}
	both := JointDensity(0.5/s, 0.5/u, 1-rho, 1+rho) / (s * u)
	want := 4 + 2*density(0.5, s) + 2*density(0.5, u) + both
	if got := b.Moment(s, u, 1-rho, 1+rho); math.Abs(got-want) > 1e-14 {
		t.Errorf("E[f''f''] is %v, not %v", got, want)
	}
	if got := b.MomentWithin(4, 4, at); math.Abs(got-want) > 1e-14 {
		t.Errorf("E[f''f''] within its bound is %v, not %v", got, want)
	}
	if got := b.Moment(s, u, 0, 2); got != 0 {
		t.Errorf("E[f''f''] is %v at correlation 1", got)
	}
	// E[u f″(u)] = 0.5 times the density at 0.5, since E[2u] = 0.
	want = 0.5 * density(0.5, s)
	if got := b.Beside(4*s*s, Constant(1), 1, at); math.Abs(got-want) > 1e-14 {
		t.Errorf("E[u f''(u)] is %v, not %v", got, want)
	}
}

func TestHomogeneous(t *testing.T) {
	wave := func(m int) Atoms { return Atoms{Waves: []Wave{{C: 2, M: m}}} }
	gate := func(m int, b, tau float64) Atoms {
		return Atoms{Gates: []Gate{{C: 1, M: m, B: b, Tau: tau}}}
	}
	for _, e := range []struct {
		f    Atoms
		p    float64
		want bool
	}{
		{gate(1, 0, 0), 1, true}, {gate(2, 0, 0).Plus(wave(2)), 2, true}, {gate(0, 0, 0), 0, true},
		{gate(1, 0, 0).Plus(wave(0)), 0, false}, {gate(1, 0.1, 0), 0, false},
		{gate(1, 0, 1), 0, false}, {Atoms{}, 0, false},
		{Atoms{Waves: []Wave{{C: 1, M: 1, Alpha: 1}}}, 0, false},
	} {
		if p, ok := e.f.Homogeneous(); ok != e.want || ok && p != e.p {
			t.Errorf("%v is homogeneous of %v: %v; want %v: %v", e.f, p, ok, e.p, e.want)
		}
	}
}

// Of terms that cancel no digits are claimed.
func TestWithin(t *testing.T) {
	f := Atoms{Waves: []Wave{{C: 1}, {C: -1, Beta: complex(1e-9, 0)}}}
	p := Equal(1)
	if v := f.Within(1, f, 1, p); math.IsNaN(v) {
		t.Error("a bound that rounding does not reach")
	}
	if v := f.Within(1e-18, f, 1e-18, p); !math.IsNaN(v) {
		t.Errorf("%v of a bound far below rounding", v)
	}
}
