package ntk

import (
	"cmp"
	"math"
	"math/cmplx"
	"slices"

	"github.com/kernelsmith/kernelsmith/ntk/internal/special"
)

// atoms writes an activation as a sum of terms of two kinds whose Gaussian
// expectations, alone and in pairs, are all in closed form:
//
//	wave  Re c z^m e^{-αz²+βz}: polynomials, exponentials, sines, Gaussians
//	gate  c z^m Φ((z-b)/τ), for τ = 0 the step 1(z > b): rectified powers, erf, GELU
//
// A gate is a step in y = z - τw with an independent standard normal w, so that
// a pair of gates is a moment of a truncated bivariate normal.
type atoms struct {
	waves []wave
	gates []gate
}

type wave struct {
	c     complex128
	m     int
	alpha float64
	beta  complex128
}

type gate struct {
	c      float64
	m      int
	b, tau float64
}

// closed is an activation that is a sum of atoms.
type closed interface{ atoms() atoms }

func (a atoms) plus(b atoms) atoms {
	return atoms{append(slices.Clone(a.waves), b.waves...), append(slices.Clone(a.gates), b.gates...)}.merged()
}

// merged adds up terms that differ in their factor alone, and drops zeros.
func (a atoms) merged() atoms {
	var out atoms
	for _, w := range a.waves {
		i := slices.IndexFunc(out.waves, func(o wave) bool { return o.m == w.m && o.alpha == w.alpha && o.beta == w.beta })
		if i < 0 {
			out.waves = append(out.waves, w)
		} else {
			out.waves[i].c += w.c
		}
	}
	for _, g := range a.gates {
		i := slices.IndexFunc(out.gates, func(o gate) bool { return o.m == g.m && o.b == g.b && o.tau == g.tau })
		if i < 0 {
			out.gates = append(out.gates, g)
		} else {
			out.gates[i].c += g.c
		}
	}
	out.waves = slices.DeleteFunc(out.waves, func(w wave) bool { return w.c == 0 })
	out.gates = slices.DeleteFunc(out.gates, func(g gate) bool { return g.c == 0 })
	return out
}

func (a atoms) times(f float64) atoms {
	var out atoms
	for _, w := range a.waves {
		w.c *= complex(f, 0)
		out.waves = append(out.waves, w)
	}
	for _, g := range a.gates {
		g.c *= f
		out.gates = append(out.gates, g)
	}
	return out.merged()
}

// of returns the atoms of φ(s z + t).
func (a atoms) of(s, t float64) atoms {
	var out atoms
	for _, w := range a.waves {
		factor := w.c * cmplx.Exp(complex(-w.alpha*t*t, 0)+w.beta*complex(t, 0))
		beta := w.beta*complex(s, 0) - complex(2*w.alpha*s*t, 0)
		for j, p := range binomial(w.m, s, t) {
			out.waves = append(out.waves, wave{factor * complex(p, 0), j, w.alpha * s * s, beta})
		}
	}
	for _, g := range a.gates {
		for j, p := range binomial(g.m, s, t) {
			c := g.c * p
			switch {
			case s == 0:
				out.waves = append(out.waves, wave{c: complex(c*g.open(t), 0), m: j})
			case s > 0:
				out.gates = append(out.gates, gate{c, j, (g.b - t) / s, g.tau / s})
			default: // Φ(-x) = 1 - Φ(x)
				out.waves = append(out.waves, wave{c: complex(c, 0), m: j})
				out.gates = append(out.gates, gate{-c, j, (g.b - t) / s, -g.tau / s})
			}
		}
	}
	return out.merged()
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

// open is Φ((z-b)/τ), the part of z^m that the gate lets through.
func (g gate) open(z float64) float64 {
	if g.tau > 0 {
		return special.NormalTail((g.b - z) / g.tau)
	}
	switch {
	case z > g.b:
		return 1
	case z <= g.b:
		return 0
	}
	return math.NaN()
}

func (a atoms) value(z float64) float64 {
	var sum float64
	for _, w := range a.waves {
		sum += real(w.c*cmplx.Exp(complex(-w.alpha*z*z, 0)+w.beta*complex(z, 0))) * power(z, w.m)
	}
	for _, g := range a.gates {
		if open := g.open(z); open != 0 {
			sum += g.c * power(z, g.m) * open
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

// prime returns the atoms of φ', and where φ jumps, by how much: φ' has a Dirac
// impulse there.
func (a atoms) prime() (d atoms, jumps map[float64]float64) {
	for _, w := range a.waves {
		if w.m > 0 {
			d.waves = append(d.waves, wave{w.c * complex(float64(w.m), 0), w.m - 1, w.alpha, w.beta})
		}
		if w.beta != 0 {
			d.waves = append(d.waves, wave{w.c * w.beta, w.m, w.alpha, w.beta})
		}
		if w.alpha != 0 {
			d.waves = append(d.waves, wave{w.c * complex(-2*w.alpha, 0), w.m + 1, w.alpha, w.beta})
		}
	}
	jumps = map[float64]float64{}
	scale := map[float64]float64{}
	for _, g := range a.gates {
		if g.m > 0 {
			d.gates = append(d.gates, gate{g.c * float64(g.m), g.m - 1, g.b, g.tau})
		}
		if g.tau == 0 {
			j := g.c * power(g.b, g.m)
			jumps[g.b] += j
			scale[g.b] = math.Max(scale[g.b], math.Abs(j))
			continue
		}
		v := 1 / (g.tau * g.tau)
		density := g.c / (g.tau * math.Sqrt(2*math.Pi)) * math.Exp(-g.b*g.b*v/2)
		d.waves = append(d.waves, wave{complex(density, 0), g.m, v / 2, complex(g.b*v, 0)})
	}
	for b, j := range jumps {
		if math.Abs(j) <= 1e-13*scale[b] { // the parts of a kink, which cancel
			delete(jumps, b)
		}
	}
	return d.merged(), jumps
}

// kinks lists the places of the steps.
func (a atoms) kinks() []float64 {
	var out []float64
	for _, g := range a.gates {
		if g.tau == 0 && !slices.Contains(out, g.b) {
			out = append(out, g.b)
		}
	}
	slices.SortFunc(out, cmp.Compare)
	return out
}

// dual is E[f(u)g(v)] for the atoms f and g of u and v.
func (a atoms) dual(b atoms, p covariance) float64 {
	var sum float64
	for _, w := range a.waves {
		for _, w2 := range b.waves {
			sum += wavePair(w, w2, p)
		}
		for _, g2 := range b.gates {
			sum += gateWave(g2, w, p.swapped())
		}
	}
	for _, g := range a.gates {
		for _, w2 := range b.waves {
			sum += gateWave(g, w2, p)
		}
		for _, g2 := range b.gates {
			sum += gatePair(g, g2, p)
		}
	}
	return sum
}

// wavePair is E[Re f(u) Re g(v)] = ½ Re(E[f g] + E[f ḡ]).
func wavePair(w, w2 wave, p covariance) float64 {
	if w.beta == 0 && w2.beta == 0 && imag(w.c) == 0 && imag(w2.c) == 0 {
		return real(waveProduct(w, w2, p))
	}
	conj := w2
	conj.c, conj.beta = cmplx.Conj(w2.c), cmplx.Conj(w2.beta)
	return real(waveProduct(w, w2, p)+waveProduct(w, conj, p)) / 2
}

// waveProduct is E[f(u) g(v)]: the exponentials turn the normal distribution of
// covariance Σ into a multiple of another, of covariance M = (1 + 2ΣA)^{-1} Σ,
// A = diag(α, α'), and (complex) mean M(β, β').
func waveProduct(w, w2 wave, p covariance) complex128 {
	det, m11, m12, m22 := tilted(w.alpha, w2.alpha, p)
	c11, c12, c22 := complex(m11, 0), complex(m12, 0), complex(m22, 0)
	mu, mu2 := c11*w.beta+c12*w2.beta, c12*w.beta+c22*w2.beta
	var exponent complex128
	if w.beta == -w2.beta && w.alpha == 0 && w2.alpha == 0 {
		// β²(q + q' - 2k)/2 without the cancellation near k = q = q'
		exponent = w.beta * w.beta * complex(p.halfSquare(), 0)
		mu, mu2 = w.beta*complex(p.q-p.k, 0), w2.beta*complex(p.q2-p.k, 0)
	} else {
		exponent = (w.beta*mu + w2.beta*mu2) / 2
	}
	return w.c * w2.c * cmplx.Exp(exponent) / complex(math.Sqrt(det), 0) * moment(w.m, w2.m, mu, mu2, m11, m12, m22)
}

// tilted returns det(1 + 2ΣA) and the entries of M.
func tilted(alpha, alpha2 float64, p covariance) (det, m11, m12, m22 float64) {
	d := p.determinant()
	det = 1 + 2*alpha*p.q + 2*alpha2*p.q2 + 4*alpha*alpha2*d
	return det, (p.q + 2*alpha2*d) / det, p.k / det, (p.q2 + 2*alpha*d) / det
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
func gateWave(g gate, w wave, p covariance) float64 {
	if p.q == 0 && g.tau == 0 && g.open(0) == 0 {
		return 0 // z is the constant 0
	}
	det, m11, m12, m22 := tilted(0, w.alpha, p)
	mu, mu2 := complex(m12, 0)*w.beta, complex(m22, 0)*w.beta
	t := truncated{
		scale: w.beta*mu2/2 - complex(math.Log(det)/2, 0),
		mu:    mu, mu2: mu2, muY: mu, m11: m11, m12: m12, m22: m22,
		varY: m11 + g.tau*g.tau, uy: m11, vy: m12, b: g.b, above: complex(g.b, 0) - mu,
	}
	return g.c * real(w.c*t.moment(g.m, w.m))
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
func gatePair(g, g2 gate, p covariance) float64 {
	t2, t22 := g.tau*g.tau, g2.tau*g2.tau
	y, y2 := p.q+t2, p.q2+t22
	if y == 0 || y2 == 0 {
		// a pre-activation is the constant 0
		return g.c * g2.c * g.alone(p.q) * g2.alone(p.q2)
	}
	d := p.determinant() + t2*p.q2 + t22*p.q + t2*t22 // of the covariance of (y, y')
	s := largestCovariance(y, y2)
	rho, r := math.Max(-1, math.Min(1, p.k/s)), math.Sqrt(math.Max(0, d))/s
	h, h2 := g.b/math.Sqrt(y), g2.b/math.Sqrt(y2)
	x := twoGates{p: p, mass: special.BivariateNormalTail(h, h2, rho, r)}
	// b' - E[y'|y = b] and the reverse, through 1 - |ρ| = r²/(1+|ρ|) so that they
	// keep their digits near |ρ| = 1.
	sign := math.Copysign(1, rho)
	gap, rest := h2-sign*h, r*r/(1+math.Abs(rho))
	above2 := math.Sqrt(y2) * (gap + sign*h*rest)
	above := math.Sqrt(y) * sign * (h2*rest - gap)
	x.at1 = x.given(p.q, p.k, y, p.k, p.q2, g.b, g2.b, d/y, above2)
	if t2 == 0 {
		x.at1 = x.at1.fixed(p.determinant()/y, t22 == 0)
	}
	x.at2 = x.given(p.k, p.q2, y2, p.q, p.k, g2.b, g.b, d/y2, above)
	if t22 == 0 {
		x.at2 = x.at2.turned().fixed(p.determinant()/y2, t2 == 0).turned()
	}
	return g.c * g2.c * x.moment(g.m, g2.m)
}

// alone is E[z^m Φ((z-b)/τ)] at variance q.
func (g gate) alone(q float64) float64 {
	t := truncated{m11: q, varY: q + g.tau*g.tau, uy: q, b: g.b, above: complex(g.b, 0)}
	if t.varY == 0 {
		if g.m > 0 {
			return 0
		}
		return g.open(0)
	}
	return real(t.moment(g.m, 0))
}

type twoGates struct {
	p        covariance
	mass     float64
	at1, at2 truncated // the other gate's distribution where this gate opens
}

// given is the distribution of (u, v) and of the other gate's y' where y = b:
// uy, vy are their covariances with y, uy2, vy2 those with y'.
func (x twoGates) given(uy, vy, y, uy2, vy2, b, b2, varY2, above float64) truncated {
	p, mean := x.p, b/y
	// cov(y, y') is k in every case; it enters through uy2 and vy2.
	return truncated{
		scale: complex(-b*b/(2*y)-math.Log(2*math.Pi*y)/2, 0),
		mu:    complex(uy*mean, 0), mu2: complex(vy*mean, 0),
		m11: p.q - uy*uy/y, m12: p.k - uy*vy/y, m22: p.q2 - vy*vy/y,
		varY: math.Max(0, varY2), b: b2, above: complex(above, 0),
		uy: uy2 - uy*p.k/y, vy: vy2 - vy*p.k/y,
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
			sum += float64(n-1) * x.p.q2 * x.moment(0, n-2)
		}
		return sum + x.p.k*real(x.at1.moment(0, n-1)) + x.p.q2*real(x.at2.moment(0, n-1))
	}
	sum := x.p.q*real(x.at1.moment(m-1, n)) + x.p.k*real(x.at2.moment(m-1, n))
	if m > 1 {
		sum += float64(m-1) * x.p.q * x.moment(m-2, n)
	}
	if n > 0 {
		sum += float64(n) * x.p.k * x.moment(m-1, n-1)
	}
	return sum
}

// coeffs returns E[φ(σz) h_k(z)] for k < n.
func (a atoms) coeffs(sigma float64, n int) []float64 {
	a = a.of(sigma, 0)
	out := make([]float64, n)
	for _, w := range a.waves {
		v := 1 / (1 + 2*w.alpha)
		e := waveCoeffs(w.beta*complex(v, 0), v, n+w.m)
		factor := w.c * cmplx.Exp(w.beta*w.beta*complex(v/2, 0)) * complex(math.Sqrt(v), 0)
		for range w.m {
			e = timesZ(e)
		}
		for k := range out {
			out[k] += real(factor * e[k])
		}
	}
	for _, g := range a.gates {
		e := g.coeffs(n)
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

// coeffs is E[g(z) h_k(z)]: Φ by Stein's identity, E[f h_k] = E[f' h_{k-1}]/√k,
// from the density at y = b; then z^m by the recurrence of h_k.
func (g gate) coeffs(n int) []float64 {
	e := make([]float64, n+g.m)
	s := math.Sqrt(1 + g.tau*g.tau)
	// z | y = b is N(b/s², τ²/s²)
	h := waveCoeffs(complex(g.b/s/s, 0), g.tau*g.tau/s/s, len(e))
	density := special.NormalDensity(g.b/s) / s
	for k := range e {
		if k == 0 {
			e[0] = special.NormalTail(g.b / s)
		} else {
			e[k] = real(h[k-1]) * density / math.Sqrt(float64(k))
		}
	}
	for range g.m {
		e = timesZ(e)
	}
	for k := range e {
		e[k] *= g.c
	}
	return e
}
