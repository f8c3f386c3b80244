package design

import (
	"math"
	"slices"

	"github.com/kernelsmith/kernelsmith/ntk/internal/gauss"
)

// moments are the expectations that a layer takes of pre-activations s·u and t·v, for
// u and v of correlation ρ. The slices have an entry for each parameter, and a last one
// for the direction z φ'(z), which is s times the derivative by s.
type moments struct {
	value, slope float64 // E[φφ], E[φ'φ']
	// derivatives of value and slope where the φ of u alone is moved, or that of v
	first, second           []float64
	firstSlope, secondSlope []float64
	curvature               float64 // E[φ''φ''], 0 at |ρ| = 1, where ρ is at its bound
}

func newMoments(params int) *moments {
	m := &moments{}
	for _, v := range []*[]float64{&m.first, &m.second, &m.firstSlope, &m.secondSlope} {
		*v = make([]float64, params+1)
	}
	return m
}

// form is a φ of a family at some values of its parameters.
type form interface {
	// prepare is called with the standard deviations that pair is asked for.
	prepare(std []float64)
	// pair sets m for standard deviations i and j and the correlation 1 - minus;
	// derivatives and the curvature only with gradient.
	pair(i, j int, minus, plus float64, gradient bool, m *moments)
}

// layers is kernels for any number of hidden layers.
//
// Derivatives are those by the standard deviations at fixed correlation and by the
// correlation, d/dρ E[f(su)g(tv)] = st E[f'g'], so that no third derivative is needed.
func (m *model) layers(f form, out, jacobian []float64) {
	n := len(m.params)
	gradient := jacobian != nil
	type pair struct {
		minus, plus, tangent, value float64
		byRho, byTangent            []float64 // derivatives
	}
	pairs := make([]pair, len(m.places))
	for i, p := range m.places {
		pairs[i] = pair{minus: p.minus, plus: p.plus, tangent: p.k()}
		if gradient {
			pairs[i].byRho, pairs[i].byTangent = make([]float64, n), make([]float64, n)
		}
	}
	std, by := make([]float64, len(m.norms)), make([][]float64, len(m.norms))
	for i, q := range m.norms {
		std[i], by[i] = math.Sqrt(q), make([]float64, n)
	}
	top, byTop := make([]float64, len(std)), make([][]float64, len(std))
	for i := range byTop {
		byTop[i] = make([]float64, n)
	}
	e := newMoments(n)
	byValue := make([]float64, n)
	for range max(1, m.depth) {
		f.prepare(std)
		for i, s := range std {
			f.pair(i, i, 0, 2, gradient, e)
			top[i] = e.value
			for j := range n {
				byTop[i][j] = 2 * (e.first[j] + e.first[n]/s*by[i][j])
			}
		}
		for i := range pairs {
			p := &pairs[i]
			a, b := m.first[i], m.second[i]
			s, t := std[a], std[b]
			f.pair(a, b, p.minus, p.plus, gradient, e)
			size := gauss.GeometricMean(top[a], top[b])
			rho := e.value / size
			for j := range p.byRho {
				byStd, byStd2, byRho := by[a][j]/s, by[b][j]/t, s*t*p.byRho[j]
				byValue[j] = e.first[j] + e.second[j] + e.first[n]*byStd + e.second[n]*byStd2 +
					e.slope*byRho
				bySlope := e.firstSlope[j] + e.secondSlope[j] + (e.firstSlope[n]-e.slope)*byStd +
					(e.secondSlope[n]-e.slope)*byStd2 + e.curvature*byRho
				p.byTangent[j] = byValue[j] + p.byTangent[j]*e.slope + p.tangent*bySlope
				p.byRho[j] = byValue[j]/size - rho*(byTop[a][j]/top[a]+byTop[b][j]/top[b])/2
			}
			p.value = e.value
			p.tangent = e.value + p.tangent*e.slope
			if a == b && p.minus == 0 { // equal inputs stay so
				clear(p.byRho)
			} else {
				p.minus, p.plus = math.Max(0, (size-e.value)/size), math.Max(0, (size+e.value)/size)
			}
			out[i] = m.tangent*p.tangent + (1-m.tangent)*p.value
			for j, v := range p.byTangent {
				jacobian[i*n+j] = m.tangent*v + (1-m.tangent)*byValue[j]
			}
		}
		for i, q := range top {
			std[i] = math.Sqrt(q)
			for j, v := range byTop[i] {
				by[i][j] = v / (2 * std[i])
			}
		}
	}
}

// stretch writes z φ'(z) as a combination of the derivatives by the parameters: how
// they change where z is stretched.
func (f Formula) stretch(ps []unknown) []float64 {
	out := make([]float64, len(ps))
	for i, p := range ps {
		at := p.at(&f)
		if at == &f.Slope {
			out[i] = f.Slope
		}
		for j := range f.Terms {
			t := &f.Terms[j]
			switch at {
			case &t.Amplitude:
				if t.Kind == reluTerm || t.Kind == reflectedTerm {
					out[i] = t.Amplitude
				}
			case &t.Shift:
				out[i] = -t.Shift
			case &t.Frequency:
				out[i] = t.Frequency
			case &t.Scale:
				out[i] = t.Scale
				if t.Kind == gaussianTerm { // a width
					out[i] = -t.Scale
				}
			}
		}
	}
	return out
}

// summed is a form of any terms, by the integrals over atoms.
type summed struct {
	phi, prime  gauss.Atoms
	by, byPrime []gauss.Atoms
	jumps       []map[float64]float64 // of by, one each at most
	curve       gauss.Bend
	stretch     []float64
	std         []float64
}

func newSummed(f Formula, family Family, ps []unknown) *summed {
	a := &summed{phi: f.atoms(), by: f.gradient(family), stretch: f.stretch(ps)}
	a.prime, _ = a.phi.Prime()
	for _, d := range a.by {
		p, j := d.Prime()
		a.byPrime, a.jumps = append(a.byPrime, p), append(a.jumps, j)
	}
	a.curve = gauss.NewBend(a.prime)
	return a
}

func (a *summed) prepare(std []float64) { a.std = slices.Clone(std) }

func (a *summed) pair(i, j int, minus, plus float64, gradient bool, m *moments) {
	s, t := a.std[i], a.std[j]
	at := gauss.Correlated(s, t, minus, plus)
	m.value, m.slope = a.phi.Dual(a.phi, at), a.prime.Dual(a.prime, at)
	if !gradient {
		return
	}
	side := func(at gauss.Pair, value, slope []float64) {
		for k, d := range a.by {
			value[k], slope[k] = a.phi.Dual(d, at), a.prime.Dual(a.byPrime[k], at)
			for b, jump := range a.jumps[k] {
				slope[k] += jump * a.prime.Impulse(b, at)
			}
		}
	}
	side(at, m.second, m.secondSlope)
	if i == j {
		copy(m.first, m.second)
		copy(m.firstSlope, m.secondSlope)
	} else {
		side(at.Swapped(), m.first, m.firstSlope)
	}
	m.stretched(a.stretch)
	m.curvature = a.curve.Moment(s, t, minus, plus)
}

// stretched sets the last entries.
func (m *moments) stretched(by []float64) {
	for _, v := range [][]float64{m.first, m.second, m.firstSlope, m.secondSlope} {
		var sum float64
		for i, c := range by {
			sum += c * v[i]
		}
		v[len(by)] = sum
	}
}

// piecewise is a form of ReLUs, cosines and an affine part.
type piecewise struct {
	n           nonlinear
	x           []float64
	dirs        []direction
	curve       gauss.Bend
	stretch     []float64
	std         []float64
	bases       []*basis
	work        pair
	v, d        []float64
	size, width int
}

func newPiecewise(m *model, f Formula) *piecewise {
	p := &piecewise{stretch: f.stretch(m.params)}
	p.n, p.x = linear(f)
	b := p.n.at(1)
	p.size, p.width = b.size, b.size+b.more
	p.dirs = m.directions(f, p.size)
	p.work = newPair(p.size, p.width)
	p.v, p.d = make([]float64, p.width), make([]float64, p.width)
	prime, _ := f.atoms().Prime()
	p.curve = gauss.NewBend(prime)
	return p
}

func (p *piecewise) prepare(std []float64) {
	p.std, p.bases = slices.Clone(std), nil
	for _, s := range std {
		p.bases = append(p.bases, p.n.at(s))
	}
}

// times sets v and d to E[φ(u) F_j(v)] and E[φ'(u) F_j'(v)].
func (p *piecewise) times(a, b *basis, minus, plus float64) {
	p.work.fill(a, b, minus, plus)
	clear(p.v)
	clear(p.d)
	for i, c := range p.x {
		for j := range p.v {
			p.v[j] += c * p.work.value[i*p.width+j]
			p.d[j] += c * p.work.derivative[i*p.width+j]
		}
	}
}

func (p *piecewise) pair(i, j int, minus, plus float64, gradient bool, m *moments) {
	a, b := p.bases[i], p.bases[j]
	p.times(a, b, minus, plus)
	m.value, m.slope = 0, 0
	for k, c := range p.x {
		m.value += c * p.v[k]
		m.slope += c * p.d[k]
	}
	if !gradient {
		return
	}
	for k, dir := range p.dirs {
		m.second[k], m.secondSlope[k] = dir.dot(p.v), dir.dot(p.d)
	}
	if i == j {
		copy(m.first, m.second)
		copy(m.firstSlope, m.secondSlope)
	} else {
		p.times(b, a, minus, plus)
		for k, dir := range p.dirs {
			m.first[k], m.firstSlope[k] = dir.dot(p.v), dir.dot(p.d)
		}
	}
	m.stretched(p.stretch)
	m.curvature = p.curve.Moment(p.std[i], p.std[j], minus, plus)
}
