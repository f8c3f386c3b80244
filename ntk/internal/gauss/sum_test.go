package gauss

import (
	"math"
	"testing"
)

// hinged is 1.5 relu(s z + t).
func hinged(s, t float64) Atoms {
	return Atoms{Gates: []Gate{{C: 1.5, M: 1}}}.Of(s, t)
}

// Rectifiers, cosines and an affine function take the faster route where it loses nothing,
// those that open below too, and both routes have the same duals.
func TestSumTakesTheFasterRoute(t *testing.T) {
	wave := Cosine{1, 3, 1}.Atoms()
	erf := Atoms{Gates: []Gate{{C: 2, Tau: 1 / math.Sqrt2, Less: 0.5}}}
	line := Atoms{Waves: []Wave{{C: 0.3, M: 1}, {C: -0.2}}}
	for _, c := range []struct {
		name   string
		f      Atoms
		faster bool
	}{
		{"three hinges and a wave",
			hinged(1, -1).Plus(hinged(-1, 0.5)).Plus(hinged(1, 0.3)).Plus(wave), true},
		{"opens below at 0", hinged(1, -1).Plus(hinged(-1, 0)).Plus(wave), true},
		{"|z| and a wave", hinged(1, 0).Plus(hinged(-1, 0)).Plus(wave), true},
		{"hinges and a line", hinged(1, 0.5).Plus(hinged(-1, 0.5)).Plus(line), true},
		{"two waves and a line", wave.Plus(Cosine{-0.4, 7, 0.2}.Atoms()).Plus(line), true},
		{"tails on both sides", hinged(1, -5).Plus(hinged(-1, -5)), false},
		{"with erf", hinged(1, -1).Plus(erf), false},
		{"a step", Atoms{Gates: []Gate{{C: 1, B: 0.5}}}, false},
		{"a square", line.Plus(Atoms{Waves: []Wave{{C: 1, M: 2}}}), false},
	} {
		f := c.f.Lifted()
		s := NewSum(f)
		prime, _ := f.Prime()
		if (s.mixture != nil) != c.faster {
			t.Errorf("%s: faster %v, want %v", c.name, s.mixture != nil, c.faster)
		}
		for _, p := range [][3]float64{
			{1, 0.3, 1}, {1, 1, 1}, {1, -1, 1}, {1, -0.999, 1}, {0.14, 0.2, 2.5}, {4, -1.5, 0.6},
			{2, 1.99, 2}, {16.5, 2, 0.3},
		} {
			at := Of(p[0], p[1], p[2])
			v, d := s.Dual(at)
			w, e := f.Dual(f, at), prime.Dual(prime, at)
			if math.Abs(v-w) > 1e-13*(1+math.Abs(v)) || math.Abs(d-e) > 1e-13*(1+math.Abs(d)) {
				t.Errorf("%s at %v: %v, %v; over pairs of atoms %v, %v", c.name, p, v, d, w, e)
			}
		}
		if s.mixture == nil {
			continue
		}
		back := s.mixture.Atoms()
		for z := -3.05; z < 3; z += 0.3 {
			if v, w := back.Value(z), f.Value(z); math.Abs(v-w) > 1e-14*(1+math.Abs(w)) {
				t.Errorf("%s: its mixture is %v at %v, the sum %v", c.name, v, z, w)
			}
		}
	}
}

// E[relu(u-a) relu(v-b)] by its own Gaussian average over u, which is smooth.
func TestCorner(t *testing.T) {
	for _, c := range [][3]float64{
		{0, 0, 0.5}, {1, -0.5, 0.8}, {-1, 0.3, -0.6}, {0.4, 0.4, 0.999},
	} {
		a, b, rho := c[0], c[1], c[2]
		r := math.Sqrt((1 - rho) * (1 + rho))
		density := func(x float64) float64 { return math.Exp(-x*x/2) / math.Sqrt(2*math.Pi) }
		got := CornerOf(a, b, density(a), density(b), rho, r, 1-math.Abs(rho))
		var mass, moment float64
		const n = 200000
		for i := range n { // midpoints
			u := a + 12*(float64(i)+0.5)/n
			x := (b - rho*u) / r
			tail := math.Erfc(x/math.Sqrt2) / 2
			w := density(u) * 12 / n
			mass += w * tail
			moment += w * (u - a) * r * (density(x) - x*tail)
		}
		if math.Abs(got.Mass-mass) > 1e-9 || math.Abs(got.Moment-moment) > 1e-9 {
			t.Errorf("at %v: mass %v and moment %v, want %v and %v", c, got.Mass, got.Moment, mass,
				moment)
		}
	}
}
