package gauss

import (
	"math"
	"math/cmplx"

	"github.com/kernelsmith/kernelsmith/ntk/internal/quadrature"
	"github.com/kernelsmith/kernelsmith/ntk/internal/special"
)

// Dual is E[f(u)g(v)] for the atoms f and g of u and v. Neighbours that differ in
// their power alone are done at once: O(m n) for powers up to m and n.
func (a Atoms) Dual(b Atoms, p Pair) float64 {
	var sum float64
	swapped := p.Swapped()
	for i := 0; i < len(a.Waves); {
		w, m := waveRun(a.Waves[i:])
		i += len(w)
		for j := 0; j < len(b.Waves); {
			w2, n := waveRun(b.Waves[j:])
			j += len(w2)
			sum += wavePairs(w, w2, m, n, p)
		}
		for j := 0; j < len(b.Gates); {
			g, n := gateRun(b.Gates[j:])
			j += len(g)
			sum += gateWaves(g, w, n, m, swapped)
		}
	}
	for i := 0; i < len(a.Gates); {
		g, m := gateRun(a.Gates[i:])
		i += len(g)
		for j := 0; j < len(b.Waves); {
			w, n := waveRun(b.Waves[j:])
			j += len(w)
			sum += gateWaves(g, w, m, n, p)
		}
		for j := 0; j < len(b.Gates); {
			g2, n := gateRun(b.Gates[j:])
			j += len(g2)
			sum += gatePairs(g, g2, m, n, p)
		}
	}
	return sum
}

// Mean is E[f(u)] at variance q.
func (a Atoms) Mean(q float64) float64 {
	return a.Dual(Atoms{Waves: []Wave{{C: 1}}}, Pair{Q: q})
}

// waveRun returns the first waves that differ in C and M alone, and the largest M.
func waveRun(w []Wave) (run []Wave, most int) {
	n := 0
	for ; n < len(w) && w[n].like(w[0]); n++ {
		most = max(most, w[n].M)
	}
	return w[:n], most
}

func gateRun(g []Gate) (run []Gate, most int) {
	n := 0
	for ; n < len(g) && g[n].like(g[0]); n++ {
		most = max(most, g[n].M)
	}
	return g[:n], most
}

// normal is the distribution of (u, v): means and covariances.
type normal[T float64 | complex128] struct {
	mu, mu2, m11, m12, m22 T
}

// edge is what f's own derivative gives in [stein]: u and v are how much of it,
// at the moments u^i v^j where it lies.
type edge[T float64 | complex128] struct {
	u, v T
	at   []T
}

// stein fills out, (m+1)×(n+1) by rows, with E[u^i v^j f] from E[f] in out[0], by
// Stein's identity: E[u g] is μ E[g] and covariances times E[∂g].
func stein[T float64 | complex128](out []T, m, n int, d normal[T], edges []edge[T]) {
	var c T // (j-1) m22
	for j := 1; j <= n; j++ {
		s := d.mu2 * out[j-1]
		if j > 1 {
			c += d.m22
			s += c * out[j-2]
		}
		for _, e := range edges {
			s += e.v * e.at[j-1]
		}
		out[j] = s
	}
	w := n + 1
	var c11 T // (i-1) m11
	for i := 1; i <= m; i++ {
		row, above := out[i*w:i*w+w], out[(i-1)*w:i*w]
		var c12 T // j m12
		for j := range row {
			s := d.mu * above[j]
			if i > 1 {
				s += c11 * out[(i-2)*w+j]
			}
			if j > 0 {
				c12 += d.m12
				s += c12 * above[j-1]
			}
			for _, e := range edges {
				s += e.u * e.at[(i-1)*w+j]
			}
			row[j] = s
		}
		c11 += d.m11
	}
}

// onStack is up to how many moments a table lies on the stack.
const onStack = 16

// wavePairs is E[Re f(u) Re g(v)] = ½ Re(E[f g] + E[f ḡ]).
func wavePairs(f, g []Wave, m, n int, p Pair) float64 {
	w, w2 := f[0], g[0]
	det, m11, m12, m22 := tilted(w.Alpha, w2.Alpha, p)
	root := math.Sqrt(det)
	size := (m + 1) * (n + 1)
	if imag(w.Beta) == 0 && imag(w2.Beta) == 0 {
		var small [onStack]float64
		out := small[:]
		if size > len(out) {
			out = make([]float64, size)
		}
		b, b2 := real(w.Beta), real(w2.Beta)
		mu, mu2 := m11*b+m12*b2, m12*b+m22*b2
		exponent := (b*mu + b2*mu2) / 2
		if b == -b2 && w.Alpha == 0 && w2.Alpha == 0 {
			exponent = b * b * p.HalfSquare() // see waveTable
			mu, mu2 = b*(p.Q-p.K), b2*(p.Q2-p.K)
		}
		out[0] = math.Exp(exponent) / root
		stein(out, m, n, normal[float64]{mu, mu2, m11, m12, m22}, nil)
		var sum float64
		for _, w := range f {
			for _, w2 := range g {
				sum += real(w.C) * real(w2.C) * out[w.M*(n+1)+w2.M]
			}
		}
		return sum
	}
	if real(w.Beta) == 0 && real(w2.Beta) == 0 && m == 0 && n == 0 {
		// e^{…} (cosh x Re C Re C' + sinh x Im C Im C'): near 0, where sines are
		// small, the difference of exponentials would not be
		b, b2 := imag(w.Beta), imag(w2.Beta)
		if x := b * b2 * m12; math.Abs(x) < 0.5 {
			return math.Exp(-(b*b*m11+b2*b2*m22)/2) / root *
				(math.Cosh(x)*real(w.C)*real(w2.C) + math.Sinh(x)*imag(w.C)*imag(w2.C))
		}
	}
	var small [2 * onStack]complex128
	out := small[:]
	if 2*size > len(out) {
		out = make([]complex128, 2*size)
	}
	d := normal[complex128]{m11: complex(m11, 0), m12: complex(m12, 0), m22: complex(m22, 0)}
	plain, conj := out[:size], out[size:]
	conjugate := w2
	conjugate.Beta = cmplx.Conj(w2.Beta)
	waveTable(plain, w, w2, m, n, p, d)
	waveTable(conj, w, conjugate, m, n, p, d)
	var sum complex128
	for _, w := range f {
		for _, w2 := range g {
			i := w.M*(n+1) + w2.M
			sum += w.C * (w2.C*plain[i] + cmplx.Conj(w2.C)*conj[i])
		}
	}
	return real(sum) / 2 / root
}

// waveTable is the moments of e^{-αu²+βu-α'v²+β'v}, but for 1/√det: the exponentials
// turn the normal distribution of covariance Σ into a multiple of another, of
// covariance M = (1 + 2ΣA)^{-1} Σ, A = diag(α, α'), and (complex) mean M(β, β').
func waveTable(out []complex128, w, w2 Wave, m, n int, p Pair, d normal[complex128]) {
	d.mu, d.mu2 = d.m11*w.Beta+d.m12*w2.Beta, d.m12*w.Beta+d.m22*w2.Beta
	exponent := (w.Beta*d.mu + w2.Beta*d.mu2) / 2
	if w.Beta == -w2.Beta && w.Alpha == 0 && w2.Alpha == 0 {
		// β²(q + q' - 2k)/2 without the cancellation near k = q = q'
		exponent = w.Beta * w.Beta * complex(p.HalfSquare(), 0)
		d.mu, d.mu2 = w.Beta*complex(p.Q-p.K, 0), w2.Beta*complex(p.Q2-p.K, 0)
	}
	out[0] = cmplx.Exp(exponent)
	stein(out, m, n, d, nil)
}

// tilted returns det(1 + 2ΣA) and the entries of M.
func tilted(alpha, alpha2 float64, p Pair) (det, m11, m12, m22 float64) {
	if alpha == 0 && alpha2 == 0 {
		return 1, p.Q, p.K, p.Q2
	}
	d := p.Determinant()
	det = 1 + 2*alpha*p.Q + 2*alpha2*p.Q2 + 4*alpha*alpha2*d
	return det, (p.Q + 2*alpha2*d) / det, p.K / det, (p.Q2 + 2*alpha*d) / det
}

// truncated is a multiple e^scale of a normal distribution of (u, v), and y, jointly
// normal with them, that a gate cuts off at b.
type truncated[T float64 | complex128] struct {
	normal[T]
	scale  T
	varY   float64 // ≥ 0
	uy, vy float64 // covariances with y
	above  T       // b - E[y], which may be known better than b and the mean tell
	less   float64 // of the gate
}

// reals fills out with the moments E[u^i v^j (1(y > b) - less)], rest is as large.
func reals(t truncated[float64], out, rest []float64, m, n int) {
	if t.varY <= 0 {
		out[0] = math.Exp(t.scale) * (special.ConditionalTail(t.above, 0) - t.less)
		stein(out, m, n, t.normal, nil)
		return
	}
	s := math.Sqrt(t.varY)
	z := t.above / s
	out[0] = math.Exp(t.scale) * open(z, t.less)
	if m == 0 && n == 0 {
		return
	}
	a, a2 := t.uy/t.varY, t.vy/t.varY
	rest[0] = math.Exp(t.scale-z*z/2) / (s * math.Sqrt(2*math.Pi))
	stein(rest, m, n, normal[float64]{
		t.mu + a*t.above, t.mu2 + a2*t.above, t.m11 - a*t.uy, t.m12 - a*t.vy, t.m22 - a2*t.vy,
	}, nil)
	edges := [...]edge[float64]{{t.uy, t.vy, rest}}
	stein(out, m, n, t.normal, edges[:])
}

// complexes is reals where waves make means complex.
func complexes(t truncated[complex128], out, rest []complex128, m, n int) {
	if t.varY <= 0 {
		out[0] = cmplx.Exp(t.scale) * complex(special.ConditionalTail(real(t.above), 0)-t.less, 0)
		stein(out, m, n, t.normal, nil)
		return
	}
	s := complex(math.Sqrt(t.varY), 0)
	z := t.above / s
	out[0] = mass(z, t.scale, t.less)
	if m == 0 && n == 0 {
		return
	}
	uy, vy := complex(t.uy, 0), complex(t.vy, 0)
	a, a2 := complex(t.uy/t.varY, 0), complex(t.vy/t.varY, 0)
	rest[0] = cmplx.Exp(t.scale-z*z/2) / (s * complex(math.Sqrt(2*math.Pi), 0))
	stein(rest, m, n, normal[complex128]{
		t.mu + a*t.above, t.mu2 + a2*t.above, t.m11 - a*uy, t.m12 - a*vy, t.m22 - a2*vy,
	}, nil)
	edges := [...]edge[complex128]{{uy, vy, rest}}
	stein(out, m, n, t.normal, edges[:])
}

// mass is e^scale (Q(z) - less), Q the normal tail.
func mass(z, scale complex128, less float64) complex128 {
	if imag(z) == 0 && imag(scale) == 0 {
		return complex(math.Exp(real(scale))*open(real(z), less), 0)
	}
	if real(z) < 0 { // Q(z) = 1 - Q(-z)
		return -mass(-z, scale, 1-less)
	}
	if z2 := z * z; less == 0.5 && cmplx.Abs(z2) < 2 {
		// ½ - Q(z) = p(z) Σ z^{2i+1}/(1·3·5…), which does not cancel
		sum, term := z, z
		for i := 3.; i < 60; i += 2 {
			term *= z2 / complex(i, 0)
			sum += term
		}
		return -cmplx.Exp(scale-z2/2) * sum / complex(math.Sqrt(2*math.Pi), 0)
	}
	tail := cmplx.Exp(scale-z*z/2) * special.Faddeeva(z*complex(0, 1/math.Sqrt2)) / 2
	if less == 0 {
		return tail
	}
	return tail - complex(less, 0)*cmplx.Exp(scale)
}

// gateWaves is E[g(u) Re w(v)].
func gateWaves(gates []Gate, waves []Wave, m, n int, p Pair) float64 {
	g, w := gates[0], waves[0]
	if p.Q == 0 && g.Tau == 0 && g.Open(0) == 0 {
		return 0 // z is the constant 0
	}
	det, m11, m12, m22 := tilted(0, w.Alpha, p)
	log, varY := -math.Log(det)/2, m11+g.Tau*g.Tau
	size := (m + 1) * (n + 1)
	if b := real(w.Beta); imag(w.Beta) == 0 {
		var small [2 * onStack]float64
		out := small[:]
		if 2*size > len(out) {
			out = make([]float64, 2*size)
		}
		mu, mu2 := m12*b, m22*b
		reals(truncated[float64]{
			normal: normal[float64]{mu, mu2, m11, m12, m22},
			scale:  b*mu2/2 + log, varY: varY, uy: m11, vy: m12, above: g.B - mu, less: g.Less,
		}, out[:size], out[size:], m, n)
		var sum float64
		for _, g := range gates {
			for _, w := range waves {
				sum += g.C * real(w.C) * out[g.M*(n+1)+w.M]
			}
		}
		return sum
	}
	var small [2 * onStack]complex128
	out := small[:]
	if 2*size > len(out) {
		out = make([]complex128, 2*size)
	}
	c12, c22 := complex(m12, 0), complex(m22, 0)
	mu, mu2 := c12*w.Beta, c22*w.Beta
	complexes(truncated[complex128]{
		normal: normal[complex128]{mu, mu2, complex(m11, 0), c12, c22},
		scale:  w.Beta*mu2/2 + complex(log, 0),
		varY:   varY,
		uy:     m11,
		vy:     m12,
		above:  complex(g.B, 0) - mu,
		less:   g.Less,
	}, out[:size], out[size:], m, n)
	var sum float64
	for _, g := range gates {
		for _, w := range waves {
			sum += g.C * real(w.C*out[g.M*(n+1)+w.M])
		}
	}
	return sum
}

// gatePairs is E[g(u) g2(v)], by Stein's identity from the bivariate normal tail:
// its edges are where one gate opens, and there the other is a truncated normal.
//
// Source: [R61] eq. 1-3, for steps in u and v themselves.
func gatePairs(gates, gates2 []Gate, m, n int, p Pair) float64 {
	g, g2 := gates[0], gates2[0]
	t2, t22 := g.Tau*g.Tau, g2.Tau*g2.Tau
	y, y2 := p.Q+t2, p.Q2+t22
	if y == 0 || y2 == 0 {
		// a pre-activation is the constant 0
		return alone(gates, m, p.Q) * alone(gates2, n, p.Q2)
	}
	d := p.Determinant() + t2*p.Q2 + t22*p.Q + t2*t22 // of the covariance of (y, y')
	s := GeometricMean(y, y2)
	rho, r := math.Max(-1, math.Min(1, p.K/s)), math.Sqrt(math.Max(0, d))/s
	h, h2 := g.B/math.Sqrt(y), g2.B/math.Sqrt(y2)
	size := (m + 1) * (n + 1)
	var small [4 * onStack]float64
	out := small[:]
	if 4*size > len(out) {
		out = make([]float64, 4*size)
	}
	out, first, second, rest := out[:size], out[size:2*size], out[2*size:3*size], out[3*size:]
	out[0] = bothOpen(h, h2, rho, r, g.Less, g2.Less)
	if size > 1 {
		// b' - E[y'|y = b] and the reverse, through 1 - |ρ| = r²/(1+|ρ|) so that they
		// keep their digits near |ρ| = 1.
		sign := math.Copysign(1, rho)
		gap, part := h2-sign*h, r*r/(1+math.Abs(rho))
		at := given(p, p.Q, p.K, y, p.K, p.Q2, g.B, d/y, math.Sqrt(y2)*(gap+sign*h*part), g2.Less)
		if t2 == 0 {
			at = fixed(at, p.Determinant()/y, t22 == 0)
		}
		reals(at, first, rest, m, n)
		at = given(p, p.K, p.Q2, y2, p.Q, p.K, g2.B, d/y2, math.Sqrt(y)*sign*(h2*part-gap), g.Less)
		if t22 == 0 {
			at = turned(fixed(turned(at), p.Determinant()/y2, t2 == 0))
		}
		reals(at, second, rest, m, n)
		edges := [...]edge[float64]{{p.Q, p.K, first}, {p.K, p.Q2, second}}
		stein(out, m, n, normal[float64]{m11: p.Q, m12: p.K, m22: p.Q2}, edges[:])
	}
	var sum float64
	for _, g := range gates {
		for _, g2 := range gates2 {
			sum += g.C * g2.C * out[g.M*(n+1)+g2.M]
		}
	}
	return sum
}

// bothOpen is E[(1(u > h) - l)(1(v > k) - l')], u and v standard normal with
// correlation ρ, r = √(1-ρ²).
func bothOpen(h, k, rho, r, less, less2 float64) float64 {
	if less == 0 && less2 == 0 {
		return special.BivariateNormalTail(h, k, rho, r)
	}
	if h == 0 && k == 0 && (less == 0.5 || less2 == 0.5) {
		return (0.5-less)*(0.5-less2) + math.Atan2(rho, r)/(2*math.Pi)
	}
	if math.Abs(rho) < 0.925 {
		// the means and, by Plackett's formula, the covariance: it keeps its digits
		// where odd gates make either small
		nodes, weights := quadrature.Legendre(20)
		half := math.Asin(rho) / 2
		var sum float64
		for i, x := range nodes {
			s := math.Sin(half * (1 + x))
			sum += weights[i] * math.Exp((s*h*k-(h*h+k*k)/2)/(1-s*s))
		}
		return open(h, less)*open(k, less2) + sum*half/(2*math.Pi)
	}
	switch {
	case less == 0.5: // the middle of 0 and 1
		return (bothOpen(h, k, rho, r, 0, less2) + bothOpen(h, k, rho, r, 1, less2)) / 2
	case less2 == 0.5:
		return (bothOpen(h, k, rho, r, less, 0) + bothOpen(h, k, rho, r, less, 1)) / 2
	case less == 1: // -1(-u > -h)
		return -bothOpen(-h, k, -rho, r, 0, less2)
	}
	return -bothOpen(h, -k, -rho, r, less, 0)
}

// alone is E[g(u)] at variance q.
func alone(gates []Gate, m int, q float64) float64 {
	g := gates[0]
	varY := q + g.Tau*g.Tau
	var out, rest [onStack]float64
	table, work := out[:], rest[:]
	if m >= onStack {
		table, work = make([]float64, m+1), make([]float64, m+1)
	}
	if varY == 0 {
		table[0] = g.Open(0)
	} else {
		reals(
			truncated[float64]{
				normal: normal[float64]{m11: q},
				varY:   varY,
				uy:     q,
				above:  g.B,
				less:   g.Less,
			},
			table,
			work,
			m,
			0,
		)
	}
	var sum float64
	for _, g := range gates {
		sum += g.C * table[g.M]
	}
	return sum
}

// given is the distribution of (u, v) and of the other gate's y' where y = b:
// uy, vy are their covariances with y, uy2, vy2 those with y'.
func given(p Pair, uy, vy, y, uy2, vy2, b, varY2, above, less float64) truncated[float64] {
	mean := b / y
	// cov(y, y') is k in every case; it enters through uy2 and vy2.
	return truncated[float64]{
		normal: normal[float64]{uy * mean, vy * mean, p.Q - uy*uy/y, p.K - uy*vy/y, p.Q2 - vy*vy/y},
		scale:  -b*b/(2*y) - math.Log(2*math.Pi*y)/2,
		varY:   math.Max(0, varY2), above: above, less: less,
		uy: uy2 - uy*p.K/y, vy: vy2 - vy*p.K/y,
	}
}

// fixed is t where u itself is given (a gate without noise), of which v keeps
// the variance rest; differences would lose that near |ρ| = 1. sharp says that
// y' is v.
func fixed(t truncated[float64], rest float64, sharp bool) truncated[float64] {
	t.m11, t.m12, t.uy, t.m22 = 0, 0, 0, rest
	if sharp {
		t.vy = rest
	}
	return t
}

// turned exchanges u and v.
func turned(t truncated[float64]) truncated[float64] {
	t.mu, t.mu2, t.m11, t.m22, t.uy, t.vy = t.mu2, t.mu, t.m22, t.m11, t.vy, t.uy
	return t
}
