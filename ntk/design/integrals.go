package design

import (
	"math"
	"math/cmplx"

	"github.com/kernelsmith/kernelsmith/ntk/internal/gauss"
	"github.com/kernelsmith/kernelsmith/ntk/internal/special"
)

// basis is what a formula of ReLUs, cosines and an affine part is linear in, on
// pre-activations of standard deviation s: with z standard normal,
//
//	1, z s, s·relu(z - b/s) and its reflection, cos(f s z), sin(f s z),
//
// and for the derivatives by b and f also 1(z > b/s), u cos fu and u sin fu.
type basis struct {
	s          float64
	b          []float64 // thresholds b/s, of ReLUs
	b0, p0     []float64 // upper tail and density at b
	reflected  []bool
	f          []float64 // frequencies f·s
	e0         []float64 // e^{-f²/2}
	freq       []float64 // f itself
	size, more int       // numbers of functions, and of those for the derivatives
}

// nonlinear are the parameters that a formula is not linear in.
type nonlinear struct {
	shifts    []float64
	reflected []bool
	freqs     []float64
}

func (n nonlinear) at(s float64) *basis {
	a := &basis{s: s, reflected: n.reflected, freq: n.freqs}
	for i, b := range n.shifts {
		if n.reflected[i] {
			b = -b // relu(b - u) is relu(u' - (-b)) of u' = -u
		}
		a.b = append(a.b, b/s)
		a.b0 = append(a.b0, special.NormalTail(b/s))
		a.p0 = append(a.p0, special.NormalDensity(b/s))
	}
	for _, f := range n.freqs {
		a.f = append(a.f, f*s)
		a.e0 = append(a.e0, math.Exp(-f*f*s*s/2))
	}
	a.size = 2 + len(a.b) + 2*len(a.f)
	a.more = len(a.b) + 2*len(a.f)
	return a
}

// pair holds, for u of one basis and v of another with correlation ρ,
// E[F_i(u) F_j(v)] and E[F_i'(u) F_j'(v)] for the functions i of the first and the
// functions j, and then those for the derivatives, of the second.
type pair struct {
	columns           int
	value, derivative []float64
}

func newPair(rows, columns int) pair {
	return pair{columns, make([]float64, rows*columns), make([]float64, rows*columns)}
}

func (p pair) set(i, j int, value, derivative float64) {
	p.value[i*p.columns+j], p.derivative[i*p.columns+j] = value, derivative
}

// fill computes the pair; minus and plus are 1-ρ and 1+ρ.
//
// With h(u) = 1(u > b), the integrals of ReLUs and exponentials come from
// M = E[h(u) e^{ifv}] and D = E[δ(u-b) e^{ifv}] by Stein's identity.
func (p pair) fill(a, b *basis, minus, plus float64) {
	rho, r := 1-minus, math.Sqrt(minus*plus)
	if minus > 1 {
		rho = plus - 1
	}
	s, t := a.s, b.s
	nb, nf := len(a.b), len(a.f)
	relu, wave := 2, 2+nb
	step, zWave := b.size, b.size+nb
	// constants and slopes
	p.set(0, 0, 1, 0)
	p.set(0, 1, 0, 0)
	p.set(1, 0, 0, 0)
	p.set(1, 1, s*t*rho, 1)
	for j := range nb {
		sign, mean := 1., b.p0[j]-b.b[j]*b.b0[j]
		if b.reflected[j] {
			sign = -1
		}
		p.set(0, relu+j, t*mean, 0)
		p.set(1, relu+j, sign*s*t*rho*b.b0[j], sign*b.b0[j])
		p.set(0, step+j, b.b0[j], 0)
		p.set(1, step+j, sign*s*rho*b.p0[j], sign*b.p0[j]/t)
		signA, meanA := 1., a.p0[j]-a.b[j]*a.b0[j]
		if a.reflected[j] {
			signA = -1
		}
		p.set(relu+j, 0, s*meanA, 0)
		p.set(relu+j, 1, signA*s*t*rho*a.b0[j], signA*a.b0[j])
	}
	for j := range nf {
		c, d := wave+2*j, zWave+2*j
		f, e := b.f[j], b.e0[j]
		p.set(0, c, e, 0)
		p.set(0, c+1, 0, 0)
		p.set(1, c, 0, 0)                         // odd
		p.set(1, c+1, s*rho*f*e, b.freq[j]*e)     // E[u sin fv] = f Cov e
		p.set(0, d, 0, 0)                         // E[v cos fv]
		p.set(0, d+1, t*f*e, 0)                   // E[v sin fv]
		p.set(1, d, s*t*rho*(1-f*f)*e, (1-f*f)*e) // E[u v cos fv]
		p.set(1, d+1, 0, 0)                       // odd
		g, eA := a.f[j], a.e0[j]
		p.set(c, 0, eA, 0)
		p.set(c+1, 0, 0, 0)
		p.set(c, 1, 0, 0)
		p.set(c+1, 1, t*rho*g*eA, a.freq[j]*eA)
	}
	for i := range nb {
		for j := range nb {
			p.hinges(a, b, i, j, rho, r, minus, plus)
		}
		for j := range nf {
			t := hingeAndWave(a, b, i, j, rho, minus*plus)
			p.hingeWave(a, b, i, j, rho, t)
			if a != b {
				t = hingeAndWave(b, a, i, j, rho, minus*plus)
			}
			p.waveHinge(a, b, j, i, rho, t)
		}
	}
	for i := range nf {
		for j := range nf {
			p.waves(a, b, i, j, rho, minus, plus)
		}
	}
}

// hinges is ReLU i of u with ReLU and step j of v. A reflected one is a ReLU of -u,
// which changes the sign of ρ for it.
func (p pair) hinges(a, b *basis, i, j int, rho, r, minus, plus float64) {
	sign := 1.
	if a.reflected[i] != b.reflected[j] {
		sign, rho = -1, -rho
	}
	h := a.b[i]
	c := gauss.CornerOf(h, b.b[j], a.p0[i], b.p0[j], rho, r, math.Min(minus, plus))
	p.set(2+i, 2+j, a.s*b.s*c.Moment, sign*c.Mass)
	// E[relu(u-h) 1(v>k)], and with the impulse of the step's derivative
	first := a.p0[i]*c.TailB + rho*b.p0[j]*c.TailA - h*c.Mass
	p.set(2+i, b.size+j, a.s*first, sign*b.p0[j]*c.TailA/b.s)
}

// transform returns M = E[1(u > h) e^{ifv}] and D = E[δ(u-h) e^{ifv}].
func transform(h, density, f, rho, r2 float64) (mass, edge complex128) {
	theta, damp := f*rho, f*f*r2/2
	sin, cos := math.Sincos(theta * h)
	e := density * math.Exp(-damp)
	edge = complex(e*cos, e*sin)
	if h < 0 {
		// the whole line less the lower tail, an upper one of -u
		w := special.Faddeeva(complex(theta, -h) / math.Sqrt2)
		lower := complex(e*cos, -e*sin) * complex(math.Sqrt(2*math.Pi)/2, 0) * w
		return complex(math.Exp(-f*f/2), 0) - cmplx.Conj(lower), edge
	}
	w := special.Faddeeva(complex(theta, h) / math.Sqrt2)
	return edge * complex(math.Sqrt(2*math.Pi)/2, 0) * w, edge
}

// transforms are M and D of [transform] for a hinge and a wave.
type transforms struct{ mass, edge complex128 }

// hingeAndWave is those of hinge i of a, with the sign that a reflected one gives ρ, and
// wave j of b.
func hingeAndWave(a, b *basis, i, j int, rho, r2 float64) transforms {
	if a.reflected[i] {
		rho = -rho
	}
	mass, edge := transform(a.b[i], a.p0[i], b.f[j], rho, r2)
	return transforms{mass, edge}
}

// hingeWave is ReLU i of u with cosine and sine j of v and those times v.
func (p pair) hingeWave(a, b *basis, i, j int, rho float64, t transforms) {
	sign := 1.
	if a.reflected[i] {
		sign, rho = -1, -rho
	}
	f, w := b.f[j], b.freq[j]
	h, mass, edge := a.b[i], t.mass, t.edge
	// E[relu(u-h) e^{ifv}] = D + (iρf - h) M
	first := edge + complex(-h, rho*f)*mass
	// E[g(u) v e^{ifv}] = ρ E[g' e^{ifv}] + if E[g e^{ifv}]
	second := complex(rho, 0)*mass + complex(0, f)*first
	slope := mass + complex(0, f)*(complex(rho, 0)*edge+complex(0, f)*mass) // E[h(u)(v e^{ifv})']
	c, d := 2+len(b.b)+2*j, b.size+len(b.b)+2*j
	p.set(2+i, c, a.s*real(first), -sign*w*imag(mass))
	p.set(2+i, c+1, a.s*imag(first), sign*w*real(mass))
	p.set(2+i, d, a.s*b.s*real(second), sign*real(slope))
	p.set(2+i, d+1, a.s*b.s*imag(second), sign*imag(slope))
}

// waveHinge is cosine and sine i of u with ReLU and step j of v.
func (p pair) waveHinge(a, b *basis, i, j int, rho float64, t transforms) {
	sign := 1.
	if b.reflected[j] {
		sign, rho = -1, -rho
	}
	f, w := a.f[i], a.freq[i]
	h, mass, edge := b.b[j], t.mass, t.edge
	first := edge + complex(-h, rho*f)*mass
	c := 2 + len(a.b) + 2*i
	p.set(c, 2+j, b.s*real(first), -sign*w*imag(mass))
	p.set(c+1, 2+j, b.s*imag(first), sign*w*real(mass))
	p.set(c, b.size+j, real(mass), -sign*w*imag(edge)/b.s)
	p.set(c+1, b.size+j, imag(mass), sign*w*real(edge)/b.s)
}

// waves is cosine and sine i of u with those of j of v, and those times v: with
// E = e^{-(f²+g²)/2}, E[e^{±ifu} e^{igv}] = E e^{∓fgρ}.
func (p pair) waves(a, b *basis, i, j int, rho, minus, plus float64) {
	f, g := a.f[i], b.f[j]
	x := f * g * rho
	apart := math.Exp(-(f*f+g*g)/2 + x) // of cos(fu - gv)
	both := math.Exp(-(f*f+g*g)/2 - x)
	if f == g { // without the cancellation near |ρ| = 1
		apart, both = math.Exp(-f*f*minus), math.Exp(-f*f*plus)
	}
	cc, ss := (apart+both)/2, (apart-both)/2 // E[cos cos], E[sin sin]
	if math.Abs(x) < 0.5 {
		ss = math.Exp(-(f*f+g*g)/2) * math.Sinh(x)
	}
	// E[e^{∓ifu} v e^{igv}] = i(g ∓ ρf)·…, and with (v e^{igv})' it is (1 - g(g ∓ ρf))·…
	va, vb := (g-rho*f)*apart, (g+rho*f)*both
	da, db := apart-g*va, both-g*vb
	w, x2, t := a.freq[i], b.freq[j], b.s
	c, k, d := 2+len(a.b)+2*i, 2+len(b.b)+2*j, b.size+len(b.b)+2*j
	p.set(c, k, cc, w*x2*ss)
	p.set(c, k+1, 0, 0)
	p.set(c+1, k, 0, 0)
	p.set(c+1, k+1, ss, w*x2*cc)
	p.set(c, d, 0, 0)
	p.set(c, d+1, t*(va+vb)/2, w*(db-da)/2)
	p.set(c+1, d, t*(vb-va)/2, w*(da+db)/2)
	p.set(c+1, d+1, 0, 0)
}
