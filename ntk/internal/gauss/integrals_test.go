package gauss

import (
	"fmt"
	"math"
	"testing"
)

// trapezoid is E[f(u)g(v)] by the trapezoidal rule in two independent normals; for
// functions that are analytic in a strip it converges like e^{-c/h}.
func trapezoid(f, g func(float64) float64, p Pair) float64 {
	const h, end = 0.125, 9.5
	s := math.Sqrt(p.Q)
	slope, rest := p.K/p.Q, math.Sqrt(p.Determinant()/p.Q)
	var sum float64
	for x := -end; x <= end; x += h {
		fx := f(s*x) * math.Exp(-x*x/2)
		if rest == 0 {
			sum += fx * g(slope*s*x) * math.Sqrt(2*math.Pi) / h
			continue
		}
		var row float64
		for y := -end; y <= end; y += h {
			row += g(slope*s*x+rest*y) * math.Exp(-y*y/2)
		}
		sum += fx * row
	}
	return sum * h * h / (2 * math.Pi)
}

// All kinds of atoms with each other, against a rule that knows φ by its values alone.
func TestDualAgainstTrapezoid(t *testing.T) {
	kinds := map[string]Atoms{
		"gates": {
			Gates: []Gate{
				{C: 1, M: 2, B: 0.4, Tau: 0.9},
				{C: -0.7, M: 0, B: 0.4, Tau: 0.9},
				{C: 0.1, M: 5, B: 0.4, Tau: 0.9},
			},
		},
		"odd": {
			Gates: []Gate{
				{C: 1, M: 1, B: -0.3, Tau: 1.2, Less: 0.5},
				{C: 2, B: -0.3, Tau: 1.2, Less: 0.5},
				{C: 1, Tau: 0.8, Less: 0.5},
			},
		},
		"below": {Gates: []Gate{{C: 1.5, M: 1, B: 0.2, Tau: 1, Less: 1}}},
		"waves": {
			Waves: []Wave{
				{C: 1, M: 3},
				{C: -0.5, M: 1},
				{C: complex(0.3, 1), Beta: complex(0, 1.5)},
				{C: complex(1, -0.4), M: 2, Alpha: 0.3, Beta: complex(0.4, -0.7)},
			},
		},
		"real": {
			Waves: []Wave{
				{C: 1, M: 1, Alpha: 0.5, Beta: 0.6},
				{C: 0.2, M: 4, Alpha: 0.5, Beta: 0.6},
				{C: 1, Beta: -0.5},
				{C: 0.3, Alpha: 0.7},
			},
		},
		"sine": {
			Waves: []Wave{
				{C: complex(0, -1), Beta: complex(0, 0.8)},
				{C: complex(0.6, -1), Alpha: 0.4, Beta: complex(0, 1.1)},
			},
		},
	}
	for _, p := range []Pair{Of(1, 0.3, 1), Of(1.3, -0.9, 0.8), Of(1, 0.97, 1), Of(0.7, -0.69, 0.7),
		Of(1, 1, 1), Of(0.05, 0.02, 0.8)} {
		for name, f := range kinds {
			square := math.Sqrt(f.Dual(f, Equal(p.Q)))
			for name2, g := range kinds {
				scale := square * math.Sqrt(g.Dual(g, Equal(p.Q2)))
				got, want := f.Dual(g, p), trapezoid(f.Value, g.Value, p)
				if !(math.Abs(got-want) <= 3e-14*scale) {
					t.Errorf("%s, %s at %v: %.16g, by the trapezoidal rule %.16g: %.1e", name,
						name2, p, got, want, math.Abs(got-want)/scale)
				}
			}
			if got, want := f.Mean(p.Q), trapezoid(
				f.Value, func(float64) float64 { return 1 }, Of(p.Q, 0, 1),
			); !(math.Abs(got-want) <= 1e-14*square) {
				t.Errorf("%s: mean %v, want %v", name, got, want)
			}
		}
	}
}

// A gate moved by Less is one less a power, at every pair with every other and up to
// equal and opposite inputs; and mirrored atoms have the same duals.
func TestLess(t *testing.T) {
	others := []Atoms{
		{
			Gates: []Gate{{C: 1, M: 1, B: 0.3}},
		},
		{Gates: []Gate{{C: 1, M: 2, Less: 1}}},
		{Gates: []Gate{{C: 1, Tau: 0.5, Less: 0.5}}},
		{
			Gates: []Gate{{C: 1, B: -0.2, Less: 0.5}},
		},
		{Waves: []Wave{{C: complex(1, 0.5), M: 1, Beta: complex(0, 2)}}},
		{Waves: []Wave{{C: 1, M: 2, Alpha: 0.5}}},
	}
	for _, p := range []Pair{Of(1, 0.3, 1), Equal(1), Of(1, -1, 1), Of(1, 0.9999999, 1),
		Of(0.3, -0.5, 1.2), Of(2, 0, 1), Of(2, -1.95, 2)} {
		for _, b := range []float64{0, 0.7, -2} {
			for _, tau := range []float64{0, 0.6} {
				for m := range 3 {
					for _, less := range []float64{0.5, 1} {
						g := Atoms{Gates: []Gate{{C: 1, M: m, B: b, Tau: tau, Less: less}}}
						split := Atoms{
							Gates: []Gate{{C: 1, M: m, B: b, Tau: tau}},
							Waves: []Wave{{C: complex(-less, 0), M: m}},
						}
						for i, o := range append(others, g) {
							got, want := g.Dual(o, p), split.Dual(o, p)
							mirrored := g.Of(-1, 0).Dual(o.Of(-1, 0), p)
							if !(math.Abs(got-want) <= 3e-14) ||
								!(math.Abs(got-mirrored) <= 3e-14) {
								t.Errorf("%+v with %d at %v: %v, split %v, mirrored %v", g.Gates[0],
									i, p, got, want, mirrored)
							}
						}
					}
				}
			}
		}
	}
	// where a factor is small the odd gates keep their digits: E[(Φ(u)-½)(Φ(v)-½)]
	// is arcsin(k/(1+q))/2π, and beside it at b = 1e-6 the product of means
	for _, q := range []float64{1e-3, 1e-8, 1e-14} {
		odd := Atoms{Gates: []Gate{{C: 1, Tau: 1, Less: 0.5}}}
		if got, want := odd.Dual(odd, Of(q, 0.4*q, q)), math.Asin(
			0.4*q/(1+q),
		)/(2*math.Pi); math.Abs(got-want) > 1e-15*q {
			t.Errorf("q = %g: %v, want %v", q, got, want)
		}
		// E[sin u (Φ(v)-½)] = e^{-q/2} k/√(2π(1+q)) (1 - …): by its derivative,
		// ∂E/∂k = E[cos u p(v)], at k = 0 e^{-q/2}/√(2π(1+q))
		sine := Atoms{Waves: []Wave{{C: complex(0, -1), Beta: 1i}}}
		k := 1e-7 * q
		if got, want := sine.Dual(odd, Of(q, k, q)), k*math.Exp(
			-q/2)/math.Sqrt(2*math.Pi*(1+q)); math.Abs(
			got-want,
		) > 1e-13*want {
			t.Errorf("sine, q = %g: %v, want %v", q, got, want)
		}
	}
}

func TestLifted(t *testing.T) {
	for _, c := range []struct {
		a    Atoms
		want string
	}{
		{Atoms{Waves: []Wave{{C: -1}}, Gates: []Gate{{C: 2, Tau: 1}}}, "{[] [{2 0 0 1 0.5}]}"},
		{Atoms{Waves: []Wave{{C: 1}}, Gates: []Gate{{C: 2, Tau: 1, Less: 0.5}}},
			"{[] [{2 0 0 1 0}]}"},
		{Atoms{Gates: []Gate{{C: 1, M: 1}, {C: 1, M: 1, Less: 1}}}, "{[] [{2 1 0 0 0.5}]}"},
		// |z|
		{Atoms{Gates: []Gate{{C: 1, M: 1}, {C: -1, M: 1, Less: 1}}}, "{[{(1+0i) 1 0 (0+0i)}] []}"},
		// z
		{Atoms{Waves: []Wave{{C: -0.3}}, Gates: []Gate{{C: 2}}},
			"{[{(-0.3+0i) 0 0 (0+0i)}] [{2 0 0 0 0}]}"},
	} {
		got := c.a.Lifted()
		if fmt.Sprint(got) != c.want {
			t.Errorf("%v lifts to %v, want %s", c.a, got, c.want)
		}
		for _, z := range []float64{-1.5, 0.2, 3} {
			if math.Abs(got.Value(z)-c.a.Value(z)) > 1e-15*(1+math.Abs(z)) {
				t.Errorf("%v: %v at %v, want %v", c.a, got.Value(z), z, c.a.Value(z))
			}
		}
	}
}

// cos fz has (-1)^{k/2} f^k e^{-f²/2}/√k! for even k: by logarithms, at frequencies
// whose e^{-f²/2} is below double precision, and whose f^k/√k! is above.
func TestCoeffsOfFastWaves(t *testing.T) {
	for _, f := range []float64{0.5, 5, 40, 60, 1e200} {
		n := 4200
		e := Atoms{Waves: []Wave{{C: 1, Beta: complex(0, f)}}}.Coeffs(1, n)
		for k, got := range e {
			gamma, _ := math.Lgamma(float64(k + 1))
			want := math.Exp(float64(k)*math.Log(f)-f*f/2-gamma/2) * math.Cos(
				math.Pi/2*float64(k%4))
			if k%2 == 1 {
				want = 0
			}
			// rounding of logarithms of size 1e4
			if !(math.Abs(got-want) <= 1e-11*math.Abs(want)+1e-300) {
				t.Fatalf("f = %g: b_%d is %v, want %v", f, k, got, want)
			}
		}
	}
	// Parseval: Σ b_k² is E[cos² 40z] = ½(1 + e^{-2·40²}); a step far out, E[1(z > 30)].
	var sum float64
	for _, b := range (Atoms{Waves: []Wave{{C: 1, Beta: 40i}}}).Coeffs(1, 4200) {
		sum += b * b
	}
	if math.Abs(sum-0.5) > 1e-12 {
		t.Errorf("Σ b² = %v", sum)
	}
	// b_1 of 1(z > b) is p(b), b_k = p(b) h_{k-1}(b)/√k: at b = 50 p(b) is 0 and b_k is not
	step := Gate{C: 1, B: 50}.Coeffs(3000)
	log, h, last := -1250-math.Log(2*math.Pi)/2, 1.0, 0.0
	for k := 1; k < 3000; k++ {
		if want := math.Exp(log+math.Log(math.Abs(h))-math.Log(float64(k))/2) * math.Copysign(1,
			h); math.Abs(step[k]-want) > 1e-9*math.Abs(
			want,
		)+1e-300 {
			t.Fatalf("step: b_%d is %v, want %v", k, step[k], want)
		}
		h, last = (50*h-math.Sqrt(float64(k-1))*last)/math.Sqrt(float64(k)), h
		if math.Abs(h) > 1e100 {
			h, last, log = h*1e-100, last*1e-100, log+100*math.Ln10
		}
	}
}

// Powers cost their product and no memory while they are small.
func TestCost(t *testing.T) {
	a := Atoms{
		Gates: []Gate{{C: 1, M: 1, B: 0.5, Tau: 1}},
		Waves: []Wave{{C: 1, M: 2, Alpha: 0.5}, {C: 1i, M: 1, Beta: 2i}},
	}
	if n := testing.AllocsPerRun(100, func() { a.Dual(a, Of(1, 0.3, 1)) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
	a = Atoms{Gates: []Gate{{C: 1, M: 40, B: 0.5}}, Waves: []Wave{{C: 1i, M: 40, Beta: 2i}}}
	if v := a.Dual(a, Of(1, 0.3, 1)); math.IsNaN(v) { // 3.5^80 steps by plain recursion
		t.Error(v)
	}
}

func BenchmarkGatePair(b *testing.B) {
	a := Atoms{Gates: []Gate{{C: 1, M: 1, B: 0.5, Tau: 1}}}
	p := Of(1, 0.3, 1)
	for b.Loop() {
		a.Dual(a, p)
	}
}
