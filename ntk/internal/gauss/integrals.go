package gauss

import (
	"math"
	"math/cmplx"

	"github.com/kernelsmith/kernelsmith/ntk/internal/special"
)

// Dual is E[f(u)g(v)] for the atoms f and g of u and v. Neighbours that differ in
// their power alone are done at once: O(m n) for powers up to m and n.
func (a Atoms) Dual(b Atoms, p Pair) float64 { return a.dual(b, p).sum }

func (a Atoms) dual(b Atoms, p Pair) (t tally) {
	swapped := p.Swapped()
	for i := 0; i < len(a.Waves); {
		w, m := waveRun(a.Waves[i:])
		i += len(w)
		for j := 0; j < len(b.Waves); {
			w2, n := waveRun(b.Waves[j:])
			j += len(w2)
			t.merge(wavePairs(w, w2, m, n, p))
		}
		for j := 0; j < len(b.Gates); {
			g, n := gateRun(b.Gates[j:])
			j += len(g)
			t.merge(gateWaves(g, w, n, m, swapped))
		}
	}
	for i := 0; i < len(a.Gates); {
		g, m := gateRun(a.Gates[i:])
		i += len(g)
		for j := 0; j < len(b.Waves); {
			w, n := waveRun(b.Waves[j:])
			j += len(w)
			t.merge(gateWaves(g, w, m, n, p))
		}
		for j := 0; j < len(b.Gates); {
			g2, n := gateRun(b.Gates[j:])
			j += len(g2)
			t.merge(gatePairs(g, g2, m, n, p))
		}
	}
	return t
}

// Mean is E[f(u)] at variance q.
func (a Atoms) Mean(q float64) float64 { return a.Dual(one, Pair{Q: q}) }

// one is the function 1.
var one = Atoms{Waves: []Wave{{C: 1}}}

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

// cut is what f's own derivative gives in [stein]: u and v are how much of it,
// at the moments u^i v^j where it lies.
type cut[T float64 | complex128] struct {
	u, v T
	at   []T
}

// stein fills out, (m+1)×(n+1) by rows, with E[u^i v^j f] from E[f] in out[0], by
// Stein's identity: E[u g] is μ E[g] and covariances times E[∂g].
func stein[T float64 | complex128](out []T, m, n int, d normal[T], cuts []cut[T]) {
	var c T // (j-1) m22
	for j := 1; j <= n; j++ {
		s := d.mu2 * out[j-1]
		if j > 1 {
			c += d.m22
			s += c * out[j-2]
		}
		for _, e := range cuts {
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
			for _, e := range cuts {
				s += e.u * e.at[(i-1)*w+j]
			}
			row[j] = s
		}
		c11 += d.m11
	}
}

// The rounding errors of moments grow as moments of |u| and |v| would: they are [stein]'s for
// sizes in place of values, from the size of E[f]. Where means are large next to what is left of
// u^i v^j f, as of z^6 that begins at b times a fast wave, terms cancel in each step.

// sizes is the law for the sizes.
func (d normal[T]) sizes() normal[float64] {
	return normal[float64]{size(d.mu), size(d.mu2), size(d.m11), size(d.m12), size(d.m22)}
}

func size[T float64 | complex128](x T) float64 {
	switch x := any(x).(type) {
	case complex128:
		return math.Abs(real(x)) + math.Abs(imag(x))
	case float64:
		return math.Abs(x)
	}
	return math.NaN()
}

// onStack is up to how many moments a table lies on the stack.
const onStack = 16

// wavePairs is E[Re f(u) Re g(v)] = ½ Re(E[f g] + E[f ḡ]).
func wavePairs(f, g []Wave, m, n int, p Pair) (t tally) {
	w, w2 := f[0], g[0]
	det, m11, m12, m22 := tilted(w.Alpha, w2.Alpha, p)
	root := math.Sqrt(det)
	entries := (m + 1) * (n + 1)
	if imag(w.Beta) == 0 && imag(w2.Beta) == 0 {
		var small [onStack]float64
		out := small[:]
		if entries > len(out) {
			out = make([]float64, entries)
		}
		b, b2 := real(w.Beta), real(w2.Beta)
		mu, mu2 := m11*b+m12*b2, m12*b+m22*b2
		exponent := (b*mu + b2*mu2) / 2
		if b*b2 < 0 && det == 1 {
			exponent = p.variance(b, b2) / 2
		}
		out[0] = 1 / root
		if exponent != 0 {
			out[0] *= math.Exp(exponent)
		}
		stein(out, m, n, normal[float64]{mu, mu2, m11, m12, m22}, nil)
		for _, w := range f {
			for _, w2 := range g {
				t.add(real(w.C) * real(w2.C) * out[w.M*(n+1)+w2.M])
			}
		}
		return t
	}
	if det != 1 { // e^{-αu²} bounds the variance by 1/(2α), and nothing cancels
		p = Pair{Q: m11, K: m12, Q2: m22}
	}
	if real(w.Beta) == 0 && real(w2.Beta) == 0 && m == 0 && n == 0 {
		cosines, sines := p.waves(imag(w.Beta), imag(w2.Beta))
		t.add(real(w.C) * real(w2.C) * cosines / root)
		t.add(imag(w.C) * imag(w2.C) * sines / root)
		return t
	}
	var small [2 * onStack]complex128
	out := small[:]
	if 2*entries > len(out) {
		out = make([]complex128, 2*entries)
	}
	plain, conj := out[:entries], out[entries:]
	waveTable(plain, w.Beta, w2.Beta, m, n, p)
	waveTable(conj, w.Beta, cmplx.Conj(w2.Beta), m, n, p)
	half := complex(1/(2*root), 0)
	for _, w := range f {
		for _, w2 := range g {
			i := w.M*(n+1) + w2.M
			t.add(real(half * w.C * w2.C * plain[i]))
			t.add(real(half * w.C * cmplx.Conj(w2.C) * conj[i]))
		}
	}
	return t
}

// waveTable is the moments of e^{βu+β'v}.
func waveTable(out []complex128, beta, beta2 complex128, m, n int, p Pair) {
	q, k, q2 := complex(p.Q, 0), complex(p.K, 0), complex(p.Q2, 0)
	d := normal[complex128]{q*beta + k*beta2, k*beta + q2*beta2, q, k, q2}
	if beta == -beta2 && p.Q == p.Q2 && p.Plus > 0 {
		d.mu = beta * complex(p.Minus, 0)
		d.mu2 = -d.mu
	}
	exponent := (beta*d.mu + beta2*d.mu2) / 2
	if real(beta) == 0 && real(beta2) == 0 {
		exponent = complex(-p.variance(imag(beta), imag(beta2))/2, 0)
	}
	out[0] = cmplx.Exp(exponent)
	stein(out, m, n, d, nil)
}

// tilted returns the entries of the covariance that e^{-αu²-α'v²} makes of p's, and the
// determinant whose root the mean is 1 over: with A = diag(α, α') they are (1 + 2ΣA)^{-1} Σ
// and det(1 + 2ΣA).
func tilted(alpha, alpha2 float64, p Pair) (det, m11, m12, m22 float64) {
	if alpha == 0 && alpha2 == 0 {
		return 1, p.Q, p.K, p.Q2
	}
	d := p.Determinant()
	det = 1 + 2*alpha*p.Q + 2*alpha2*p.Q2 + 4*alpha*alpha2*d
	return det, (p.Q + 2*alpha2*d) / det, p.K / det, (p.Q2 + 2*alpha*d) / det
}

// variance is E[(a u + b v)²], to its own rounding if p has its gaps.
func (p Pair) variance(a, b float64) float64 {
	ab := a * b
	if c := ab * p.K; c >= 0 || p.Minus+p.Plus == 0 {
		return a*a*p.Q + 2*c + b*b*p.Q2
	}
	d := rootDifference(math.Abs(a), p.Q, math.Abs(b), p.Q2)
	if ab < 0 {
		return d*d - 2*ab*p.Minus
	}
	return d*d + 2*ab*p.Plus
}

// rootDifference is a√x - b√y for a, b > 0 to its own rounding: by a²x - b²y in
// twofold precision.
func rootDifference(a, x, b, y float64) float64 {
	if a == b && x == y {
		return 0
	}
	p, low := squareTimes(a, x)
	p2, low2 := squareTimes(b, y)
	return (p - p2 + (low - low2)) / (a*math.Sqrt(x) + b*math.Sqrt(y))
}

// squareTimes returns a²x as a sum of two numbers.
func squareTimes(a, x float64) (high, low float64) {
	square := a * a
	high = square * x
	return high, math.FMA(square, x, -high) + math.FMA(a, a, -square)*x
}

// gateWaves is E[g(u) Re w(v)]. With y = u - τw the moments are those of a normal
// distribution of (u, v) where y > b; their edges, by Stein's identity, are the moments
// where y = b.
func gateWaves(gates []Gate, waves []Wave, m, n int, p Pair) (t tally) {
	g, w := gates[0], waves[0]
	t2 := g.Tau * g.Tau
	if p.Q+t2 == 0 { // u is the constant 0
		if at := g.Open(0); at != 0 {
			return wavePairs(constants(gates, at), waves, 0, n, p)
		}
		return t
	}
	det, m11, m12, m22 := tilted(0, w.Alpha, p)
	y := m11 + t2
	z := g.B / math.Sqrt(y)
	// of (u, v) where y = b
	c11, c12, c22 := m11*(t2/y), m12*(t2/y), p.Minus*(p.Plus/y)/det+m22*(t2/y)
	mean, mean2 := m11*(g.B/y), m12*(g.B/y)
	factor, depth, entries := 1/math.Sqrt(det), g.depth(z), (m+1)*(n+1)
	if b := real(w.Beta); imag(w.Beta) == 0 {
		var small [4 * onStack]float64
		table := small[:]
		if 4*entries > len(table) {
			table = make([]float64, 4*entries)
		}
		out, edge, sizes := table[:entries], table[entries:2*entries], table[2*entries:]
		out[0] = factor * math.Exp(b*b*m22/2) * open((g.B-m12*b)/math.Sqrt(y), g.Less)
		sizes[0] = math.Abs(out[0])
		if entries > 1 {
			edge[0] = factor * math.Exp(b*mean2+b*b*c22/2-z*z/2) / math.Sqrt(2*math.Pi*y)
			d := normal[float64]{m12 * b, m22 * b, m11, m12, m22}
			atEdge := normal[float64]{mean + c12*b, mean2 + c22*b, c11, c12, c22}
			withEdge(out, edge, m, n, d, atEdge)
			sizes[entries] = math.Abs(edge[0])
			withEdge(sizes[:entries], sizes[entries:], m, n, d.sizes(), atEdge.sizes())
		}
		for _, g := range gates {
			for _, w := range waves {
				i := g.M*(n+1) + w.M
				t.addSized(g.C*real(w.C)*out[i], math.Abs(g.C*real(w.C))*sizes[i]*(1+depth))
			}
		}
		return t
	}
	var small [2 * onStack]complex128
	var smallSizes [2 * onStack]parts
	table, sizes := small[:], smallSizes[:]
	if 2*entries > len(table) {
		table, sizes = make([]complex128, 2*entries), make([]parts, 2*entries)
	}
	out, edge := table[:entries], table[entries:]
	b, phase := w.Beta, imag(w.Beta)*mean2
	q, k, q2 := complex(m11, 0), complex(m12, 0), complex(m22, 0)
	d11, d12, d22 := complex(c11, 0), complex(c12, 0), complex(c22, 0)
	density := complex(factor, 0) * cmplx.Exp(b*complex(mean2, 0)+b*b*d22/2-complex(z*z/2, 0))
	whole := complex(factor, 0) * cmplx.Exp(b*b*q2/2)
	d := normal[complex128]{k * b, q2 * b, q, k, q2}
	atEdge := normal[complex128]{
		complex(mean, 0) + d12*b, complex(mean2, 0) + d22*b, d11, d12, d22,
	}
	ulps := 1 + math.Abs(phase)
	edge[0] = density / complex(math.Sqrt(2*math.Pi*y), 0)
	if mu := size(d.mu); m > 1 && mu > 12*math.Sqrt(m11) && mu > 4*size(atEdge.mu) &&
		size(whole) < 1e-20*size(density) {
		atEdgeAlone(out, edge[0], sizes, m, n, d, atEdge, ulps)
	} else {
		z := (complex(g.B, 0) - k*b) / complex(math.Sqrt(y), 0)
		out[0], sizes[0] = mass(z, density, whole, g.Less, phase)
		if entries > 1 {
			withEdge(out, edge, m, n, d, atEdge)
			sizes[entries] = partsOf(edge[0], phase).scaled(ulps)
			partsWithEdge(sizes[:entries], sizes[entries:], m, n, lawParts(d), lawParts(atEdge))
		}
	}
	for _, g := range gates {
		for _, w := range waves {
			i := g.M*(n+1) + w.M
			off := partsOf(w.C, 0).times(sizes[i]).re
			t.addSized(g.C*real(w.C*out[i]), math.Abs(g.C)*off*(1+depth))
		}
	}
	return t
}

// withEdge fills out from E[f] in out[0] and edge from what lies at the edge in edge[0], under laws
// of their own.
func withEdge[T float64 | complex128](out, edge []T, m, n int, d, atEdge normal[T]) {
	stein(edge, m, n, atEdge, nil)
	stein(out, m, n, d, []cut[T]{{d.m11, d.m12, edge}})
}

// atEdgeAlone is withEdge for a wave so fast that what is not at the edge is nothing. Of the
// solutions of Stein's recursion the moments are the least then, which rounding leaves if it is run
// upwards; downwards, from zeros, it finds them, as x_i = A_i x_(i-1) + B_i.
func atEdgeAlone(
	out []complex128, edge0 complex128, sizes []parts, m, n int, d, atEdge normal[complex128],
	ulps float64,
) {
	const more = 24 // rows, of which each has (|mean|/√variance)^-1 of the one before
	rows, w := m+more, n+1
	edge, x := make([]complex128, (rows+1)*w), make([]complex128, (rows+1)*w)
	size1, a, b := make([]float64, rows+1), make([]complex128, rows+1), make([]complex128, rows+1)
	edge[0] = edge0
	stein(edge, rows, n, atEdge, nil)
	for j := range w {
		for i := rows; i >= 1; i-- {
			r := d.m11 * edge[(i-1)*w+j]
			if j > 0 {
				r += complex(float64(j), 0) * d.m12 * x[(i-1)*w+j-1]
			}
			over := d.mu - a[i]
			a[i-1], b[i-1] = -complex(float64(i-1), 0)*d.m11/over, (b[i]-r)/over
		}
		x[j], size1[0] = b[0], size(b[0])
		for i := 1; i <= rows; i++ {
			x[i*w+j] = a[i]*x[(i-1)*w+j] + b[i]
			size1[i] = size(a[i])*size1[i-1] + size(b[i])
		}
		for i := range m + 1 {
			out[i*w+j], sizes[i*w+j] = x[i*w+j], parts{size1[i], size1[i]}.scaled(ulps)
		}
		clear(a)
		clear(b)
	}
}

// constants returns the gates at u = 0, where they are open by at.
func constants(gates []Gate, at float64) []Wave {
	var sum float64
	for _, g := range gates {
		if g.M == 0 {
			sum += g.C * at
		}
	}
	return []Wave{{C: complex(sum, 0)}}
}

// mass is whole · (Q(z) - less), Q the normal tail, and its size, given whole · e^{-z²/2} too and
// the phase that this was made of.
func mass(z, density, whole complex128, less, phase float64) (complex128, parts) {
	if imag(z) == 0 && imag(whole) == 0 {
		x := whole * complex(open(real(z), less), 0)
		return x, partsOf(x, 0)
	}
	if real(z) < 0 { // Q(z) = 1 - Q(-z)
		x, size := mass(-z, density, whole, 1-less, phase)
		return -x, size
	}
	sized := partsOf(density, phase)
	if z2 := z * z; less == 0.5 && cmplx.Abs(z2) < 2 {
		// ½ - Q(z) = p(z) Σ z^{2i+1}/(1·3·5…), which does not cancel
		sum, term := z, z
		for i := 3.; i < 60; i += 2 {
			term *= z2 / complex(i, 0)
			sum += term
		}
		const norm = 0.3989422804014327 // 1/√2π
		return -density * sum * norm, sized.times(partsOf(sum, 0)).scaled(norm)
	}
	w := special.Faddeeva(z * complex(0, 1/math.Sqrt2))
	tail, size := density*w/2, sized.times(partsOf(w, 0)).scaled(0.5)
	if less == 0 {
		return tail, size
	}
	return tail - complex(less, 0)*whole, size.plus(partsOf(whole, 0).scaled(less))
}

// gatePairs is E[g(u) g2(v)], by Stein's identity from the bivariate normal tail:
// its edges are where one gate opens, and there the other is a truncated normal, whose
// edge is where both open. With D = q q' - k², known as a product, and the squares of τ the
// three normal distributions are written so that no variance is a difference.
//
// Source: [R61] eq. 1-3, for steps in u and v themselves.
func gatePairs(gates, gates2 []Gate, m, n int, p Pair) (t tally) {
	g, g2 := gates[0], gates2[0]
	t2, t22 := g.Tau*g.Tau, g2.Tau*g2.Tau
	y, y2 := p.Q+t2, p.Q2+t22
	if y == 0 || y2 == 0 {
		// a pre-activation is the constant 0
		t.add(Atoms{Gates: gates}.Mean(p.Q) * Atoms{Gates: gates2}.Mean(p.Q2))
		return t
	}
	// v, and y' = v - τ'w', where y is known; u and y where y' is
	v := p.Minus*(p.Plus/y) + t2*(p.Q2/y)
	u := p.Minus*(p.Plus/y2) + t22*(p.Q/y2)
	rest, rest2 := u+t2, v+t22
	rho, r := math.Max(-1, math.Min(1, p.K/GeometricMean(y, y2))), math.Sqrt(rest2/y2)
	h, h2 := g.B/math.Sqrt(y), g2.B/math.Sqrt(y2)
	size := (m + 1) * (n + 1)
	var small [4 * onStack]float64
	table := small[:]
	if 4*size > len(table) {
		table = make([]float64, 4*size)
	}
	out, first := table[:size], table[size:2*size]
	second, both := table[2*size:3*size], table[3*size:]
	out[0] = bothOpen(h, h2, rho, r, g.Less, g2.Less)
	if size > 1 {
		// h' - ρh and h - ρh', through 1 - |ρ| = r²/(1+|ρ|) so that they keep their
		// digits near |ρ| = 1
		sign := math.Copysign(1, rho)
		gap, part := h2-sign*h, r*r/(1+math.Abs(rho))
		z, z2 := (gap+sign*h*part)/r, sign*(h2*part-gap)/r
		if r == 0 {
			z, z2 = beyond(gap), beyond(-sign*gap)
		} else {
			both[0] = math.Exp(-(h*h+z*z)/2) / (2 * math.Pi * math.Sqrt(y) * math.Sqrt(rest2))
			a, b := t2/rest, t22/rest2
			stein(both, m, n, normal[float64]{
				g.B*(u/rest) + g2.B*a*(p.K/y2), g2.B*(v/rest2) + g.B*b*(p.K/y),
				a * u, a * t22 * (p.K / y2), b * v,
			}, nil)
		}
		first[0] = special.NormalDensity(h) / math.Sqrt(y) * open(z, g2.Less)
		stein(first, m, n, normal[float64]{
			p.Q * (g.B / y), p.K * (g.B / y), p.Q * (t2 / y), p.K * (t2 / y), v,
		}, []cut[float64]{{p.K * (t2 / y), v, both}})
		second[0] = special.NormalDensity(h2) / math.Sqrt(y2) * open(z2, g.Less)
		stein(second, m, n, normal[float64]{
			p.K * (g2.B / y2), p.Q2 * (g2.B / y2), u, p.K * (t22 / y2), p.Q2 * (t22 / y2),
		}, []cut[float64]{{u, p.K * (t22 / y2), both}})
		stein(out, m, n, normal[float64]{m11: p.Q, m12: p.K, m22: p.Q2},
			[]cut[float64]{{p.Q, p.K, first}, {p.K, p.Q2, second}})
	}
	depth, u1, v1 := g.depth(h)+g2.depth(h2), math.Sqrt(p.Q), math.Sqrt(p.Q2)
	for _, g := range gates {
		for _, g2 := range gates2 {
			x := g.C * g2.C * out[g.M*(n+1)+g2.M]
			t.addSized(x, math.Abs(x)*(1+depth))
			if p.K < 0 { // near ρ = -1 the recurrence goes down from P(y > b, y' > b')
				t.size += math.Abs(g.C*g2.C*out[0]) * power(u1, g.M) * power(v1, g2.M)
			}
		}
	}
	return t
}

// depth is z² where what the gate lets through is a tail, from z standard deviations on.
func (g Gate) depth(z float64) float64 {
	if z > 0 && g.Less == 0 || z < 0 && g.Less == 1 {
		return z * z
	}
	return 0
}

// beyond is x/0, 0 where x is.
func beyond(x float64) float64 {
	if x == 0 {
		return 0
	}
	return math.Copysign(math.Inf(1), x)
}

// bothOpen is E[(1(u > h) - l)(1(v > k) - l')], u and v standard normal with
// correlation ρ, r = √(1-ρ²).
func bothOpen(h, k, rho, r, less, less2 float64) float64 {
	switch {
	case h != 0 || k != 0:
	case less == 0.5 || less2 == 0.5:
		return (0.5-less)*(0.5-less2) + math.Atan2(rho, r)/(2*math.Pi)
	case less == less2:
		return math.Atan2(r, -rho) / (2 * math.Pi)
	default:
		return -math.Atan2(r, rho) / (2 * math.Pi)
	}
	if less == 0 && less2 == 0 {
		return special.BivariateNormalTail(h, k, rho, r)
	}
	if math.Abs(rho) < special.MaxPlackett {
		// it keeps its digits where odd gates make the means or the covariance small
		return open(h, less)*open(k, less2) + special.TailCovariance(h, k, rho)
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
