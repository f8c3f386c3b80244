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
//	gate  c z^m Φ((z-b)/τ), for τ = 0 the step 1(z > b): rectified powers, erf, GELU
//
// A gate is a step in y = z - τw with an independent standard normal w, so that
// a pair of gates is a moment of a truncated bivariate normal.
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

// Gate is C z^M Φ((z-B)/Tau), Tau ≥ 0.
type Gate struct {
	C      float64
	M      int
	B, Tau float64
}

// Plus is the sum.
func (a Atoms) Plus(b Atoms) Atoms {
	return Atoms{append(slices.Clone(a.Waves), b.Waves...), append(slices.Clone(a.Gates), b.Gates...)}.Merged()
}

// Merged adds up terms that differ in their factor alone, and drops zeros.
func (a Atoms) Merged() Atoms {
	var out Atoms
	for _, w := range a.Waves {
		i := slices.IndexFunc(out.Waves, func(o Wave) bool { return o.M == w.M && o.Alpha == w.Alpha && o.Beta == w.Beta })
		if i < 0 {
			out.Waves = append(out.Waves, w)
		} else {
			out.Waves[i].C += w.C
		}
	}
	for _, g := range a.Gates {
		i := slices.IndexFunc(out.Gates, func(o Gate) bool { return o.M == g.M && o.B == g.B && o.Tau == g.Tau })
		if i < 0 {
			out.Gates = append(out.Gates, g)
		} else {
			out.Gates[i].C += g.C
		}
	}
	out.Waves = slices.DeleteFunc(out.Waves, func(w Wave) bool { return w.C == 0 })
	out.Gates = slices.DeleteFunc(out.Gates, func(g Gate) bool { return g.C == 0 })
	return out
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
				out.Gates = append(out.Gates, Gate{c, j, (g.B - t) / s, g.Tau / s})
			default: // Φ(-x) = 1 - Φ(x)
				out.Waves = append(out.Waves, Wave{C: complex(c, 0), M: j})
				out.Gates = append(out.Gates, Gate{-c, j, (g.B - t) / s, -g.Tau / s})
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

// Open is Φ((z-b)/τ), the part of z^m that the gate lets through.
func (g Gate) Open(z float64) float64 {
	if g.Tau > 0 {
		return special.NormalTail((g.B - z) / g.Tau)
	}
	switch {
	case z > g.B:
		return 1
	case z <= g.B:
		return 0
	}
	return math.NaN()
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
			d.Waves = append(d.Waves, Wave{w.C * complex(float64(w.M), 0), w.M - 1, w.Alpha, w.Beta})
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
			d.Gates = append(d.Gates, Gate{g.C * float64(g.M), g.M - 1, g.B, g.Tau})
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

// Dual is E[f(u)g(v)] for the atoms f and g of u and v.
func (a Atoms) Dual(b Atoms, p Pair) float64 {
	var sum float64
	for _, w := range a.Waves {
		for _, w2 := range b.Waves {
			sum += wavePair(w, w2, p)
		}
		for _, g2 := range b.Gates {
			sum += gateWave(g2, w, p.Swapped())
		}
	}
	for _, g := range a.Gates {
		for _, w2 := range b.Waves {
			sum += gateWave(g, w2, p)
		}
		for _, g2 := range b.Gates {
			sum += gatePair(g, g2, p)
		}
	}
	return sum
}

// wavePair is E[Re f(u) Re g(v)] = ½ Re(E[f g] + E[f ḡ]).
func wavePair(w, w2 Wave, p Pair) float64 {
	if w.Beta == 0 && w2.Beta == 0 && imag(w.C) == 0 && imag(w2.C) == 0 {
		return real(waveProduct(w, w2, p))
	}
	conj := w2
	conj.C, conj.Beta = cmplx.Conj(w2.C), cmplx.Conj(w2.Beta)
	return real(waveProduct(w, w2, p)+waveProduct(w, conj, p)) / 2
}

// waveProduct is E[f(u) g(v)]: the exponentials turn the normal distribution of
// covariance Σ into a multiple of another, of covariance M = (1 + 2ΣA)^{-1} Σ,
// A = diag(α, α'), and (complex) mean M(β, β').
func waveProduct(w, w2 Wave, p Pair) complex128 {
	det, m11, m12, m22 := tilted(w.Alpha, w2.Alpha, p)
	c11, c12, c22 := complex(m11, 0), complex(m12, 0), complex(m22, 0)
	mu, mu2 := c11*w.Beta+c12*w2.Beta, c12*w.Beta+c22*w2.Beta
	var exponent complex128
	if w.Beta == -w2.Beta && w.Alpha == 0 && w2.Alpha == 0 {
		// β²(q + q' - 2k)/2 without the cancellation near k = q = q'
		exponent = w.Beta * w.Beta * complex(p.HalfSquare(), 0)
		mu, mu2 = w.Beta*complex(p.Q-p.K, 0), w2.Beta*complex(p.Q2-p.K, 0)
	} else {
		exponent = (w.Beta*mu + w2.Beta*mu2) / 2
	}
	return w.C * w2.C * cmplx.Exp(exponent) / complex(math.Sqrt(det), 0) * moment(w.M, w2.M, mu, mu2, m11, m12, m22)
}

// tilted returns det(1 + 2ΣA) and the entries of M.
func tilted(alpha, alpha2 float64, p Pair) (det, m11, m12, m22 float64) {
	d := p.Determinant()
	det = 1 + 2*alpha*p.Q + 2*alpha2*p.Q2 + 4*alpha*alpha2*d
	return det, (p.Q + 2*alpha2*d) / det, p.K / det, (p.Q2 + 2*alpha*d) / det
}

// moment is E[u^m v^n] for means mu, mu2 and covariances m11, m12, m22.
func moment(m, n int, mu, mu2 complex128, m11, m12, m22 float64) complex128 {
	switch {
	case m == 0 && n == 0:
		return 1
	case m == 0:
		return moment(n, 0, mu2, mu, m22, m12, m11)
	}
	sum := mu * moment(m-1, n, mu, mu2, m11, m12, m22)
	if m > 1 {
		sum += complex(float64(m-1)*m11, 0) * moment(m-2, n, mu, mu2, m11, m12, m22)
	}
	if n > 0 {
		sum += complex(float64(n)*m12, 0) * moment(m-1, n-1, mu, mu2, m11, m12, m22)
	}
	return sum
}

// truncated is a (complex) multiple e^scale of a normal distribution of (u, v),
// and y, jointly normal with them, that a gate cuts off at b.
type truncated struct {
	scale         complex128
	mu, mu2, muY  complex128
	m11, m12, m22 float64
	varY          float64 // ≥ 0
	uy, vy        float64 // covariances with y
	b             float64
	above         complex128 // b - E[y], which may be known better than b and muY tell
}

// gateWave is E[g(u) Re w(v)].
func gateWave(g Gate, w Wave, p Pair) float64 {
	if p.Q == 0 && g.Tau == 0 && g.Open(0) == 0 {
		return 0 // z is the constant 0
	}
	det, m11, m12, m22 := tilted(0, w.Alpha, p)
	mu, mu2 := complex(m12, 0)*w.Beta, complex(m22, 0)*w.Beta
	t := truncated{
		scale: w.Beta*mu2/2 - complex(math.Log(det)/2, 0),
		mu:    mu, mu2: mu2, muY: mu, m11: m11, m12: m12, m22: m22,
		varY: m11 + g.Tau*g.Tau, uy: m11, vy: m12, b: g.B, above: complex(g.B, 0) - mu,
	}
	return g.C * real(w.C*t.moment(g.M, w.M))
}

// moment is E[u^m v^n 1(y > b)], by Stein's identity.
func (t truncated) moment(m, n int) complex128 {
	if m == 0 && n == 0 {
		return t.mass()
	}
	if m == 0 {
		return t.turned().moment(n, 0)
	}
	sum := t.mu * t.moment(m-1, n)
	if m > 1 {
		sum += complex(float64(m-1)*t.m11, 0) * t.moment(m-2, n)
	}
	if n > 0 {
		sum += complex(float64(n)*t.m12, 0) * t.moment(m-1, n-1)
	}
	if t.varY > 0 && t.uy != 0 {
		a, a2 := t.uy/t.varY, t.vy/t.varY
		mu, mu2 := t.mu+complex(a, 0)*t.above, t.mu2+complex(a2, 0)*t.above
		edge := cmplx.Exp(t.scale-t.above*t.above/complex(2*t.varY, 0)) / complex(math.Sqrt(2*math.Pi*t.varY), 0)
		sum += complex(t.uy, 0) * edge * moment(m-1, n, mu, mu2, t.m11-a*t.uy, t.m12-a*t.vy, t.m22-a2*t.vy)
	}
	return sum
}

// mass is e^scale P(y > b).
func (t truncated) mass() complex128 {
	if t.varY <= 0 {
		switch {
		case real(t.above) < 0:
			return cmplx.Exp(t.scale)
		case real(t.above) > 0:
			return 0
		}
		return cmplx.Exp(t.scale) / 2
	}
	z := t.above / complex(math.Sqrt(t.varY), 0)
	if real(z) < 0 {
		return cmplx.Exp(t.scale) - tail(-z, t.scale)
	}
	return tail(z, t.scale)
}

// tail is e^scale Q(z), Re z ≥ 0.
func tail(z, scale complex128) complex128 {
	if imag(z) == 0 && imag(scale) == 0 {
		return complex(math.Exp(real(scale))*special.NormalTail(real(z)), 0)
	}
	return cmplx.Exp(scale-z*z/2) * special.Faddeeva(z*complex(0, 1/math.Sqrt2)) / 2
}

// gatePair is E[g(u) g2(v)], by Stein's identity from the bivariate normal tail.
//
// Source: [R61] eq. 1-3, for steps in u and v themselves.
func gatePair(g, g2 Gate, p Pair) float64 {
	t2, t22 := g.Tau*g.Tau, g2.Tau*g2.Tau
	y, y2 := p.Q+t2, p.Q2+t22
	if y == 0 || y2 == 0 {
		// a pre-activation is the constant 0
		return g.C * g2.C * g.alone(p.Q) * g2.alone(p.Q2)
	}
	d := p.Determinant() + t2*p.Q2 + t22*p.Q + t2*t22 // of the covariance of (y, y')
	s := Largest(y, y2)
	rho, r := math.Max(-1, math.Min(1, p.K/s)), math.Sqrt(math.Max(0, d))/s
	h, h2 := g.B/math.Sqrt(y), g2.B/math.Sqrt(y2)
	x := twoGates{p: p, mass: special.BivariateNormalTail(h, h2, rho, r)}
	// b' - E[y'|y = b] and the reverse, through 1 - |ρ| = r²/(1+|ρ|) so that they
	// keep their digits near |ρ| = 1.
	sign := math.Copysign(1, rho)
	gap, rest := h2-sign*h, r*r/(1+math.Abs(rho))
	above2 := math.Sqrt(y2) * (gap + sign*h*rest)
	above := math.Sqrt(y) * sign * (h2*rest - gap)
	x.at1 = x.given(p.Q, p.K, y, p.K, p.Q2, g.B, g2.B, d/y, above2)
	if t2 == 0 {
		x.at1 = x.at1.fixed(p.Determinant()/y, t22 == 0)
	}
	x.at2 = x.given(p.K, p.Q2, y2, p.Q, p.K, g2.B, g.B, d/y2, above)
	if t22 == 0 {
		x.at2 = x.at2.turned().fixed(p.Determinant()/y2, t2 == 0).turned()
	}
	return g.C * g2.C * x.moment(g.M, g2.M)
}

// alone is E[z^m Φ((z-b)/τ)] at variance q.
func (g Gate) alone(q float64) float64 {
	t := truncated{m11: q, varY: q + g.Tau*g.Tau, uy: q, b: g.B, above: complex(g.B, 0)}
	if t.varY == 0 {
		if g.M > 0 {
			return 0
		}
		return g.Open(0)
	}
	return real(t.moment(g.M, 0))
}

type twoGates struct {
	p        Pair
	mass     float64
	at1, at2 truncated // the other gate's distribution where this Gate opens
}

// given is the distribution of (u, v) and of the other gate's y' where y = b:
// uy, vy are their covariances with y, uy2, vy2 those with y'.
func (x twoGates) given(uy, vy, y, uy2, vy2, b, b2, varY2, above float64) truncated {
	p, mean := x.p, b/y
	// cov(y, y') is k in every case; it enters through uy2 and vy2.
	return truncated{
		scale: complex(-b*b/(2*y)-math.Log(2*math.Pi*y)/2, 0),
		mu:    complex(uy*mean, 0), mu2: complex(vy*mean, 0),
		m11: p.Q - uy*uy/y, m12: p.K - uy*vy/y, m22: p.Q2 - vy*vy/y,
		varY: math.Max(0, varY2), b: b2, above: complex(above, 0),
		uy: uy2 - uy*p.K/y, vy: vy2 - vy*p.K/y,
	}
}

// fixed is t where u itself is given (a gate without noise), of which v keeps
// the variance rest; differences would lose that near |ρ| = 1. sharp says that
// y' is v.
func (t truncated) fixed(rest float64, sharp bool) truncated {
	t.m11, t.m12, t.uy, t.m22 = 0, 0, 0, rest
	if sharp {
		t.vy = rest
	}
	return t
}

// turned exchanges u and v.
func (t truncated) turned() truncated {
	t.mu, t.mu2, t.m11, t.m22, t.uy, t.vy = t.mu2, t.mu, t.m22, t.m11, t.vy, t.uy
	return t
}

func (x twoGates) moment(m, n int) float64 {
	switch {
	case m == 0 && n == 0:
		return x.mass
	case m == 0:
		// through v instead of u
		sum := 0.0
		if n > 1 {
			sum += float64(n-1) * x.p.Q2 * x.moment(0, n-2)
		}
		return sum + x.p.K*real(x.at1.moment(0, n-1)) + x.p.Q2*real(x.at2.moment(0, n-1))
	}
	sum := x.p.Q*real(x.at1.moment(m-1, n)) + x.p.K*real(x.at2.moment(m-1, n))
	if m > 1 {
		sum += float64(m-1) * x.p.Q * x.moment(m-2, n)
	}
	if n > 0 {
		sum += float64(n) * x.p.K * x.moment(m-1, n-1)
	}
	return sum
}

// Coeffs returns E[φ(σz) h_k(z)] for k < n.
func (a Atoms) Coeffs(sigma float64, n int) []float64 {
	a = a.Of(sigma, 0)
	out := make([]float64, n)
	for _, w := range a.Waves {
		v := 1 / (1 + 2*w.Alpha)
		e := waveCoeffs(w.Beta*complex(v, 0), v, n+w.M)
		factor := w.C * cmplx.Exp(w.Beta*w.Beta*complex(v/2, 0)) * complex(math.Sqrt(v), 0)
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

// waveCoeffs is E[h_k(z)], z ~ N(μ, v): by Stein's identity
// √(k+1) e_{k+1} = μ e_k + (v-1) √k e_{k-1}.
func waveCoeffs(mu complex128, v float64, n int) []complex128 {
	e := make([]complex128, n)
	for k := range e {
		switch k {
		case 0:
			e[0] = 1
		case 1:
			e[1] = mu
		default:
			e[k] = (mu*e[k-1] + complex((v-1)*math.Sqrt(float64(k-1)), 0)*e[k-2]) / complex(math.Sqrt(float64(k)), 0)
		}
	}
	return e
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
	// z | y = b is N(b/s², τ²/s²)
	h := waveCoeffs(complex(g.B/s/s, 0), g.Tau*g.Tau/s/s, len(e))
	density := special.NormalDensity(g.B/s) / s
	for k := range e {
		if k == 0 {
			e[0] = special.NormalTail(g.B / s)
		} else {
			e[k] = real(h[k-1]) * density / math.Sqrt(float64(k))
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
	rest := math.Sqrt(math.Max(0, p.Determinant()/p.Q2))
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
