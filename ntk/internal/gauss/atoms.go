package gauss

import (
	"cmp"
	"math"
	"math/cmplx"
	"slices"

	"github.com/kernelsmith/kernelsmith/ntk/internal/special"
)

// Atoms writes an activation as a sum of terms of two kinds whose Gaussian
// expectations, alone and in pairs, are all in closed form:
//
//	wave  Re c z^m e^{-αz²+βz}: polynomials, exponentials, sines, Gaussians
//	gate  c z^m (Φ((z-b)/τ) - l), for τ = 0 the step 1(z > b): rectified powers, erf, GELU
//
// A gate is a step in y = z - τw with an independent standard normal w, so that
// a pair of gates is a moment of a truncated bivariate normal. l is 0, or 1 for
// what is open below b, or ½ for an odd gate: each is exact where it is small, and
// a sum of two of another kind would not be.
type Atoms struct {
	Waves []Wave
	Gates []Gate
}

// Wave is Re C z^M e^{-Alpha z² + Beta z}, Alpha ≥ 0.
type Wave struct {
	C     complex128
	M     int
	Alpha float64
	Beta  complex128
}

// Gate is C z^M (Φ((z-B)/Tau) - Less), Tau ≥ 0; Less is 0, ½ or 1.
type Gate struct {
	C      float64
	M      int
	B, Tau float64
	Less   float64
}

// like says that two gates differ at most in C and M.
func (g Gate) like(o Gate) bool { return g.B == o.B && g.Tau == o.Tau && g.Less == o.Less }

// like says that two waves differ at most in C and M.
func (w Wave) like(o Wave) bool { return w.Alpha == o.Alpha && w.Beta == o.Beta }

// Plus is the sum.
func (a Atoms) Plus(b Atoms) Atoms {
	return Atoms{
		append(slices.Clone(a.Waves), b.Waves...),
		append(slices.Clone(a.Gates), b.Gates...),
	}.Merged()
}

// Merged adds up terms that differ in their factor alone, and drops zeros. Terms
// that differ in their power too are neighbours in what it returns: [Atoms.Dual]
// does neighbours at once.
func (a Atoms) Merged() Atoms {
	var out Atoms
	for _, w := range a.Waves {
		i := slices.IndexFunc(out.Waves, func(o Wave) bool { return o.M == w.M && o.like(w) })
		if i < 0 {
			out.Waves = append(out.Waves, w)
		} else {
			out.Waves[i].C += w.C
		}
	}
	for _, g := range a.Gates {
		i := slices.IndexFunc(out.Gates, func(o Gate) bool { return o.M == g.M && o.like(g) })
		if i < 0 {
			out.Gates = append(out.Gates, g)
		} else {
			out.Gates[i].C += g.C
		}
	}
	out.Waves = slices.DeleteFunc(out.Waves, func(w Wave) bool { return w.C == 0 })
	out.Gates = slices.DeleteFunc(out.Gates, func(g Gate) bool { return g.C == 0 })
	slices.SortStableFunc(out.Waves, func(x, y Wave) int {
		return cmp.Or(cmp.Compare(x.Alpha, y.Alpha), cmp.Compare(imag(x.Beta), imag(y.Beta)),
			cmp.Compare(real(x.Beta), real(y.Beta)), cmp.Compare(x.M, y.M))
	})
	slices.SortStableFunc(out.Gates, func(x, y Gate) int {
		return cmp.Or(cmp.Compare(x.B, y.B), cmp.Compare(x.Tau, y.Tau), cmp.Compare(x.Less, y.Less),
			cmp.Compare(x.M, y.M))
	})
	return out
}

// Lifted is the sum with its gates moved up or down by a half or by one where that
// takes up a power, or another gate: 2Φ - 1 becomes an odd gate, which is exact
// where that is small.
func (a Atoms) Lifted() Atoms {
	a = a.Merged()
	moved := func(less float64) bool { return less == 0 || less == 0.5 || less == 1 }
	for i := range a.Gates {
		g := &a.Gates[i]
		for j := range a.Gates[:i] {
			o := &a.Gates[j]
			if o.M != g.M || o.B != g.B || o.Tau != g.Tau {
				continue
			}
			c, less := g.C+o.C, g.C*g.Less+o.C*o.Less
			switch {
			case c == 0:
				a.Waves = append(a.Waves, Wave{C: complex(-less, 0), M: g.M})
				g.C, o.C = 0, 0
			case moved(less / c):
				g.C, g.Less, o.C = c, less/c, 0
			}
		}
	}
	a = a.Merged()
	for i, g := range a.Gates {
		j := slices.IndexFunc(a.Waves,
			func(w Wave) bool { return w.M == g.M && w.Alpha == 0 && w.Beta == 0 })
		if j < 0 {
			continue
		}
		if less := g.Less - real(a.Waves[j].C)/g.C; moved(less) {
			a.Gates[i].Less, a.Waves[j].C = less, 0
		}
	}
	return a.Merged()
}

// TimesZ is z - b times the sum.
func (a Atoms) TimesZ(b float64) Atoms {
	var out Atoms
	for _, w := range a.Waves {
		w.M++
		out.Waves = append(out.Waves, w)
	}
	for _, g := range a.Gates {
		g.M++
		out.Gates = append(out.Gates, g)
	}
	return out.Plus(a.Times(-b))
}

// Times is f times the sum.
func (a Atoms) Times(f float64) Atoms {
	var out Atoms
	for _, w := range a.Waves {
		w.C *= complex(f, 0)
		out.Waves = append(out.Waves, w)
	}
	for _, g := range a.Gates {
		g.C *= f
		out.Gates = append(out.Gates, g)
	}
	return out.Merged()
}

// Of returns the atoms of φ(s z + t).
func (a Atoms) Of(s, t float64) Atoms {
	var out Atoms
	for _, w := range a.Waves {
		factor := w.C * cmplx.Exp(complex(-w.Alpha*t*t, 0)+w.Beta*complex(t, 0))
		beta := w.Beta*complex(s, 0) - complex(2*w.Alpha*s*t, 0)
		for j, p := range binomial(w.M, s, t) {
			out.Waves = append(out.Waves, Wave{factor * complex(p, 0), j, w.Alpha * s * s, beta})
		}
	}
	for _, g := range a.Gates {
		for j, p := range binomial(g.M, s, t) {
			c := g.C * p
			switch {
			case s == 0:
				out.Waves = append(out.Waves, Wave{C: complex(c*g.Open(t), 0), M: j})
			case s > 0:
				out.Gates = append(out.Gates, Gate{c, j, (g.B - t) / s, g.Tau / s, g.Less})
			default: // Φ(-x) - l = -(Φ(x) - (1-l))
				out.Gates = append(out.Gates, Gate{-c, j, (g.B - t) / s, -g.Tau / s, 1 - g.Less})
			}
		}
	}
	return out.Merged()
}

// binomial returns the coefficients of (s z + t)^m.
func binomial(m int, s, t float64) []float64 {
	out := make([]float64, m+1)
	out[0] = 1
	for i := range m {
		for j := i + 1; j >= 0; j-- {
			out[j] *= t
			if j > 0 {
				out[j] += s * out[j-1]
			}
		}
	}
	return out
}

// Open is Φ((z-b)/τ) - l, the part of z^m that the gate lets through. A step lets
// nothing through at z = b itself, on either side: so do step and sign, mirrored too.
func (g Gate) Open(z float64) float64 {
	switch {
	case g.Tau > 0:
		return open((g.B-z)/g.Tau, g.Less)
	case z > g.B:
		return 1 - g.Less
	case z < g.B:
		return -g.Less
	case z == g.B:
		return 0
	}
	return math.NaN()
}

// open is P(z > x) - less, z standard normal.
func open(x, less float64) float64 {
	switch less {
	case 0:
		return special.NormalTail(x)
	case 1:
		return -special.NormalTail(-x)
	}
	return -math.Erf(x/math.Sqrt2) / 2
}

// Value is the sum at z.
func (a Atoms) Value(z float64) float64 {
	var sum float64
	for _, w := range a.Waves {
		sum += real(w.C*cmplx.Exp(complex(-w.Alpha*z*z, 0)+w.Beta*complex(z, 0))) * power(z, w.M)
	}
	for _, g := range a.Gates {
		if open := g.Open(z); open != 0 {
			sum += g.C * power(z, g.M) * open
		}
	}
	return sum
}

func power(z float64, m int) float64 {
	p := 1.0
	for range m {
		p *= z
	}
	return p
}

// Prime returns the atoms of φ', and where φ jumps, by how much: φ' has a Dirac
// impulse there.
func (a Atoms) Prime() (d Atoms, jumps map[float64]float64) {
	for _, w := range a.Waves {
		if w.M > 0 {
			d.Waves = append(d.Waves,
				Wave{w.C * complex(float64(w.M), 0), w.M - 1, w.Alpha, w.Beta})
		}
		if w.Beta != 0 {
			d.Waves = append(d.Waves, Wave{w.C * w.Beta, w.M, w.Alpha, w.Beta})
		}
		if w.Alpha != 0 {
			d.Waves = append(d.Waves, Wave{w.C * complex(-2*w.Alpha, 0), w.M + 1, w.Alpha, w.Beta})
		}
	}
	jumps = map[float64]float64{}
	scale := map[float64]float64{}
	for _, g := range a.Gates {
		if g.M > 0 {
			d.Gates = append(d.Gates, Gate{g.C * float64(g.M), g.M - 1, g.B, g.Tau, g.Less})
		}
		if g.Tau == 0 {
			j := g.C * power(g.B, g.M)
			jumps[g.B] += j
			scale[g.B] = math.Max(scale[g.B], math.Abs(j))
			continue
		}
		v := 1 / (g.Tau * g.Tau)
		density := g.C / (g.Tau * math.Sqrt(2*math.Pi)) * math.Exp(-g.B*g.B*v/2)
		d.Waves = append(d.Waves, Wave{complex(density, 0), g.M, v / 2, complex(g.B*v, 0)})
	}
	for b, j := range jumps {
		if math.Abs(j) <= 1e-13*scale[b] { // the parts of a kink, which cancel
			delete(jumps, b)
		}
	}
	return d.Merged(), jumps
}

// Kinks lists the places of the steps.
func (a Atoms) Kinks() []float64 {
	var out []float64
	for _, g := range a.Gates {
		if g.Tau == 0 && !slices.Contains(out, g.B) {
			out = append(out, g.B)
		}
	}
	slices.SortFunc(out, cmp.Compare)
	return out
}

// Coeffs returns E[φ(σz) h_k(z)] for k < n.
func (a Atoms) Coeffs(sigma float64, n int) []float64 {
	a = a.Of(sigma, 0)
	out := make([]float64, n)
	for _, w := range a.Waves {
		v := 1 / (1 + 2*w.Alpha)
		b, f := real(w.Beta), imag(w.Beta)
		e := waveCoeffs(w.Beta*complex(v, 0), 2*w.Alpha*v, (b*b-f*f)*v/2, b*f*v, n+w.M)
		factor := w.C * complex(math.Sqrt(v), 0)
		for range w.M {
			e = timesZ(e)
		}
		for k := range out {
			out[k] += real(factor * e[k])
		}
	}
	for _, g := range a.Gates {
		e := g.Coeffs(n)
		for k := range out {
			out[k] += e[k]
		}
	}
	return out
}

// waveCoeffs is e^{log + i phase} E[h_k(z)], z ~ N(μ, 1-less): by Stein's identity
// √(k+1) e_{k+1} = μ e_k - less √k e_{k-1}. Neither factor need be within double
// precision (a fast wave has e^{-f²/2} f^k/√k!), so a power of 2 is kept apart.
func waveCoeffs(mu complex128, less, log, phase float64, n int) []complex128 {
	e := make([]complex128, n)
	if n == 0 || math.IsInf(log, -1) {
		return e
	}
	const hi, lo = 6.93147180369123816490e-01, 1.90821492927058770002e-10 // ln 2
	exponent := math.Round(log / math.Ln2)
	sin, cos := math.Sincos(phase)
	r := math.Exp(log - exponent*hi - exponent*lo)
	last, e0 := complex128(0), complex(r*cos, r*sin)
	for k := range e {
		if size := math.Max(math.Abs(real(e0)), math.Abs(imag(e0))); size > 0x1p200 ||
			size < 0x1p-200 && size > 0 {
			_, x := math.Frexp(size)
			e0, last = ldexp(e0, -x), ldexp(last, -x)
			exponent += float64(x)
		}
		e[k] = ldexp(e0, int(math.Max(-1e6, math.Min(1e6, exponent))))
		next := (mu*e0 - complex(less*math.Sqrt(float64(k)), 0)*last) / complex(
			math.Sqrt(float64(k+1)), 0)
		last, e0 = e0, next
	}
	return e
}

func ldexp(z complex128, exponent int) complex128 {
	if exponent == 0 {
		return z
	}
	return complex(math.Ldexp(real(z), exponent), math.Ldexp(imag(z), exponent))
}

// timesZ turns E[f h_k] into E[z f h_k], one fewer.
func timesZ[T float64 | complex128](e []T) []T {
	out := make([]T, len(e)-1)
	for k := range out {
		out[k] = scalar[T](math.Sqrt(float64(k+1))) * e[k+1]
		if k > 0 {
			out[k] += scalar[T](math.Sqrt(float64(k))) * e[k-1]
		}
	}
	return out
}

func scalar[T float64 | complex128](v float64) T {
	var t T
	switch p := any(&t).(type) {
	case *float64:
		*p = v
	case *complex128:
		*p = complex(v, 0)
	}
	return t
}

// Coeffs is E[g(z) h_k(z)]: Φ by Stein's identity, E[f h_k] = E[f' h_{k-1}]/√k,
// from the density at y = b; then z^m by the recurrence of h_k.
func (g Gate) Coeffs(n int) []float64 {
	e := make([]float64, n+g.M)
	s := math.Sqrt(1 + g.Tau*g.Tau)
	b := g.B / s
	// z | y = b is N(b/s², τ²/s²)
	h := waveCoeffs(complex(b/s, 0), 1/s/s, -b*b/2-math.Log(math.Sqrt(2*math.Pi)*s), 0,
		len(e))
	for k := range e {
		if k == 0 {
			e[0] = open(b, g.Less)
		} else {
			e[k] = real(h[k-1]) / math.Sqrt(float64(k))
		}
	}
	for range g.M {
		e = timesZ(e)
	}
	for k := range e {
		e[k] *= g.C
	}
	return e
}

// Impulse is E[f(u) δ(v-b)], the part of a derivative that a jump at b gives: the
// density of v at b times the mean of f(u) where v = b.
func (a Atoms) Impulse(b float64, p Pair) float64 {
	if p.Q2 == 0 {
		return 0
	}
	s := math.Sqrt(p.Q2)
	rest := math.Sqrt(p.Minus * (p.Plus / p.Q2))
	at := p.K * b / p.Q2
	var mean float64
	if rest > 0 {
		mean = a.Of(rest, at).Coeffs(1, 1)[0]
	} else { // where f jumps at that very place, the limit is its middle
		side := 1e-9 * (1 + math.Abs(at))
		mean = (a.Value(at-side) + a.Value(at+side)) / 2
	}
	return special.NormalDensity(b/s) / s * mean
}
