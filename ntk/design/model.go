package design

import (
	"math"

	"github.com/kernelsmith/kernelsmith/ntk/internal/gauss"
)

// place is a pair of inputs with variances q, q2 and correlation 1 - minus, the
// weight of its error and the value wanted.
type place struct {
	q, q2       float64
	minus, plus float64
	weight      float64
	want        float64
}

func (p place) k() float64 {
	s := gauss.GeometricMean(p.q, p.q2)
	if p.minus < p.plus {
		return s * (1 - p.minus)
	}
	return s * (p.plus - 1)
}

// model evaluates the kernel of a family's formulas, and its gradient, at places.
type model struct {
	family Family
	params []unknown
	places []place
	// tangent is the NTK's part: 1 for the NTK, 0 for the NNGP kernel.
	tangent float64
	depth   int       // of hidden layers; 0 is 1
	norms   []float64 // distinct variances
	first   []int     // of places, indices into norms
	second  []int
}

func newModel(f Family, ps []unknown, places []place, nngpShare float64) *model {
	m := &model{family: f, params: ps, places: places, tangent: 1 - nngpShare}
	index := map[float64]int{}
	at := func(q float64) int {
		i, ok := index[q]
		if !ok {
			i = len(m.norms)
			index[q] = i
			m.norms = append(m.norms, q)
		}
		return i
	}
	for _, p := range places {
		m.first, m.second = append(m.first, at(p.q)), append(m.second, at(p.q2))
	}
	return m
}

// direction is a function as a combination of those of a basis.
type direction struct {
	index []int
	by    []float64
}

func (d direction) dot(v []float64) (sum float64) {
	for i, j := range d.index {
		sum += d.by[i] * v[j]
	}
	return sum
}

// linear splits a formula of ReLUs, cosines and an affine part into what it is and is
// not linear in.
func linear(f Formula) (n nonlinear, x []float64) {
	x = []float64{f.Offset, f.Slope}
	for _, t := range f.Terms {
		if t.Kind != cosineTerm {
			n.shifts = append(n.shifts, t.Shift)
			n.reflected = append(n.reflected, t.Kind == reflectedTerm)
			x = append(x, t.Amplitude)
		}
	}
	for _, t := range f.Terms {
		if t.Kind == cosineTerm {
			n.freqs = append(n.freqs, t.Frequency)
			sin, cos := math.Sincos(t.Phase)
			x = append(x, t.Amplitude*cos, -t.Amplitude*sin)
		}
	}
	return n, x
}

// directions are the derivatives of the formula by the parameters, in a basis and its
// functions for derivatives.
func (m *model) directions(f Formula, size int) []direction {
	var out []direction
	if !m.family.NoSlope {
		out = append(out, direction{[]int{1}, []float64{1}})
	}
	if !m.family.NoOffset {
		out = append(out, direction{[]int{0}, []float64{1}})
	}
	hinges := m.family.ReLUs + m.family.ReflectedReLUs
	hinge, wave := 0, 0
	for _, t := range f.Terms {
		if t.Kind != cosineTerm {
			by := -t.Amplitude
			if t.Kind == reflectedTerm {
				by = t.Amplitude
			}
			out = append(out, direction{[]int{2 + hinge}, []float64{1}},
				direction{[]int{size + hinge}, []float64{by}})
			hinge++
			continue
		}
		sin, cos := math.Sincos(t.Phase)
		c, d, e := 2+hinges+2*wave, size+hinges+2*wave, t.Amplitude
		out = append(out,
			direction{[]int{c, c + 1}, []float64{cos, -sin}},
			direction{[]int{d, d + 1}, []float64{-e * sin, -e * cos}},
			direction{[]int{c, c + 1}, []float64{-e * sin, -e * cos}})
		wave++
	}
	return out
}

// kernels sets out to the kernel at the places, and jacobian (places × parameters,
// row after row; nil for none) to its derivatives.
func (m *model) kernels(values []float64, out, jacobian []float64) {
	if m.depth > 1 || m.family.Custom != nil {
		m.layers(m.form(values), out, jacobian)
		return
	}
	f := m.family.formula(m.params, values)
	if !m.family.piecewise() {
		m.smooth(f, out, jacobian)
		return
	}
	n, x := linear(f)
	bases := make([]*basis, len(m.norms))
	for i, q := range m.norms {
		bases[i] = n.at(math.Sqrt(q))
	}
	size, more := bases[0].size, bases[0].more
	columns := size + more
	there, back := newPair(size, columns), newPair(size, columns)
	var dirs []direction
	if jacobian != nil {
		dirs = m.directions(f, size)
	}
	v, d := make([]float64, columns), make([]float64, columns)
	v2, d2 := make([]float64, columns), make([]float64, columns)
	times := func(p pair, v, d []float64) { // xᵀP
		clear(v)
		clear(d)
		for i, c := range x {
			for j := range v {
				v[j] += c * p.value[i*columns+j]
				d[j] += c * p.derivative[i*columns+j]
			}
		}
	}
	for i, p := range m.places {
		a, b := bases[m.first[i]], bases[m.second[i]]
		there.fill(a, b, p.minus, p.plus)
		times(there, v, d)
		k := m.tangent * p.k()
		var value, slope float64
		for j, c := range x {
			value += c * v[j]
			slope += c * d[j]
		}
		out[i] = value + k*slope
		if jacobian == nil {
			continue
		}
		w, e := v, d
		if a != b {
			back.fill(b, a, p.minus, p.plus)
			times(back, v2, d2)
			w, e = v2, d2
		}
		row := jacobian[i*len(m.params):]
		for j, dir := range dirs {
			row[j] = dir.dot(v) + dir.dot(w) + k*(dir.dot(d)+dir.dot(e))
		}
	}
}

// smooth is kernels for all kinds of terms, by the integrals over atoms.
func (m *model) smooth(f Formula, out, jacobian []float64) {
	phi := f.atoms()
	prime, _ := phi.Prime()
	var by, byPrime []gauss.Atoms
	var jumps []map[float64]float64
	if jacobian != nil {
		by = f.gradient(m.family)
		for _, d := range by {
			p, j := d.Prime()
			byPrime, jumps = append(byPrime, p), append(jumps, j)
		}
	}
	for i, p := range m.places {
		s := gauss.GeometricMean(p.q, p.q2)
		at := gauss.New(p.q, p.k(), p.q2, s*p.minus, s*p.plus)
		k := m.tangent * at.K
		out[i] = phi.Dual(phi, at) + k*prime.Dual(prime, at)
		if jacobian == nil {
			continue
		}
		row := jacobian[i*len(m.params):]
		for j, d := range by {
			value := phi.Dual(d, at)
			slope := prime.Dual(byPrime[j], at)
			for b, jump := range jumps[j] {
				slope += jump * prime.Impulse(b, at)
			}
			if p.q == p.q2 {
				row[j] = 2 * (value + k*slope)
				continue
			}
			value += phi.Dual(d, at.Swapped())
			slope += prime.Dual(byPrime[j], at.Swapped())
			for b, jump := range jumps[j] {
				slope += jump * prime.Impulse(b, at.Swapped())
			}
			row[j] = value + k*slope
		}
	}
}

// atoms writes the formula as what has closed-form integrals.
func (f Formula) atoms() gauss.Atoms {
	out := gauss.Atoms{
		Waves: []gauss.Wave{{C: complex(f.Slope, 0), M: 1}, {C: complex(f.Offset, 0)}},
	}
	for _, t := range f.Terms {
		out = out.Plus(t.shape().Times(t.Amplitude))
	}
	return out.Merged()
}

// shape is the term with amplitude 1.
func (t Term) shape() gauss.Atoms {
	relu := gauss.Atoms{Gates: []gauss.Gate{{C: 1, M: 1}}}
	switch t.Kind {
	case reluTerm:
		return relu.Of(1, -t.Shift)
	case reflectedTerm:
		return relu.Of(-1, t.Shift)
	case cosineTerm:
		sin, cos := math.Sincos(t.Phase)
		return gauss.Atoms{
			Waves: []gauss.Wave{{C: complex(cos, sin), Beta: complex(0, t.Frequency)}},
		}
	case gaussianTerm:
		return gauss.Atoms{
			Waves: []gauss.Wave{{C: 1, Alpha: 1 / (2 * t.Scale * t.Scale)}},
		}.Of(1, -t.Shift)
	case erfTerm:
		return gauss.Atoms{
			Waves: []gauss.Wave{{C: -1}},
			Gates: []gauss.Gate{{C: 2, Tau: 1 / math.Sqrt2}},
		}.Of(t.Scale, -t.Scale*t.Shift)
	}
	return gauss.Atoms{
		Gates: []gauss.Gate{{C: 1, M: 1, Tau: 1}},
	}.Of(t.Scale, -t.Scale*t.Shift) // GELU
}

// gradient returns the derivatives of the formula by the family's parameters.
func (f Formula) gradient(family Family) []gauss.Atoms {
	power := func(m int) gauss.Atoms { return gauss.Atoms{Waves: []gauss.Wave{{C: 1, M: m}}} }
	var out []gauss.Atoms
	if !family.NoSlope {
		out = append(out, power(1))
	}
	if !family.NoOffset {
		out = append(out, power(0))
	}
	for _, t := range f.Terms {
		shape := t.shape()
		prime, _ := shape.Prime()
		out = append(out, shape)
		switch t.Kind {
		case cosineTerm:
			// by f: z times the derivative by the phase, which is the shape a quarter on
			quarter := t
			quarter.Phase += math.Pi / 2
			turned := quarter.shape().Times(t.Amplitude)
			out = append(out, turned.TimesZ(0), turned)
		case reluTerm, reflectedTerm, gaussianTerm, erfTerm, geluTerm:
			out = append(out, prime.Times(-t.Amplitude)) // a shift of z
			switch t.Kind {
			case gaussianTerm: // (z-b)²/w³
				out = append(
					out,
					shape.TimesZ(t.Shift).TimesZ(
						t.Shift).Times(t.Amplitude/(t.Scale*t.Scale*t.Scale)),
				)
			case erfTerm, geluTerm: // (z-b)/s φ'
				out = append(out, prime.TimesZ(t.Shift).Times(t.Amplitude/t.Scale))
			}
		}
	}
	return out
}
