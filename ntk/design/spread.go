package design

import (
	"math"
	"slices"

	"github.com/kernelsmith/kernelsmith/ntk/internal/quadrature"
	"github.com/kernelsmith/kernelsmith/ntk/internal/special"
	"gonum.org/v1/gonum/floats"
)

// spreads computes V = N·Var[Θ_N] of one-hidden-layer nets at some cosines on the
// sphere, with its derivatives by the parameters, quickly enough for the search;
// [inverse.FiniteWidthVariance] is the exact one.
//
// With A = φ², B = φφ', C = φ'² it is E[AA] + 2c E[BB] + 3c² E[CC] - Θ², products of
// values at u and v. Each expectation is Σ_k α_k² c^k with α_k = E[A h_k], and so on: to
// degree 150, what is left out even where B and C have jumps is 1e-7 of the whole at
// |c| = 0.93 and 1e-3 at 0.985, and 1e-2 there where φ has frequencies of 6 or more;
// nearer to ±1 integrals over u, and over v given u, take their place. The integrals are
// over panels that end at the kinks.
type spreads struct {
	cosines []float64
	reach   float64 // |c| up to which the series serves
	// rest is how much of the whole the series may leave out, or integrals take its place.
	rest float64
}

// spreadDegree is that of the series in c.
const spreadDegree = 150

// exactly is spreads as they are, and quickly those of the search.
func exactly(cosines []float64) spreads { return spreads{cosines, 0.93, 1e-7} }
func quickly(cosines []float64) spreads { return spreads{cosines, 0.985, math.Inf(1)} }

// jet is φ and φ' at a place, with their derivatives by the parameters but for the
// impulses that φ' has at kinks.
type jet struct {
	value, slope     float64
	byValue, bySlope []float64
}

// shape is what spreads asks of an activation with n parameters.
type shape struct {
	n     int
	rate  float64 // about the largest frequency in φ
	kinks []float64
	// at sets the jet at z; side -1 or 1 says which slope is meant at a kink.
	at func(z, side float64, j *jet)
	// moves[i] are the derivatives of the kinks by parameter i; nil for zeros.
	moves [][]float64
}

// functions are A, B, C and φ, in this order, and by is their derivatives.
func (j *jet) functions(f *[4]float64, by []float64) {
	v, d := j.value, j.slope
	*f = [4]float64{v * v, v * d, d * d, v}
	for i := range len(by) / 4 {
		a, b := j.byValue[i], j.bySlope[i]
		by[4*i], by[4*i+1], by[4*i+2], by[4*i+3] = 2*v*a, a*d+v*b, 2*d*b, a
	}
}

// variances sets out to V, and jacobian (cosines × parameters; nil for none) to its
// derivatives.
func (s spreads) variances(f shape, out, jacobian []float64) {
	n := f.n
	if jacobian == nil {
		n = 0
	}
	alpha := make([]float64, 4*(1+n)*(spreadDegree+1)) // by degree, function and parameter
	width := 4 * (1 + n)
	j := jet{byValue: make([]float64, n), bySlope: make([]float64, n)}
	row, h := make([]float64, width), 0.0
	collect := func(z, w float64) {
		var before float64
		h = w
		for k := range spreadDegree + 1 {
			floats.AddScaled(alpha[k*width:(k+1)*width], h, row)
			h, before = (z*h-roots[k]*before)/roots[k+1], h
		}
	}
	var four, there, whole [4]float64
	f.panels(f.kinks, func(z, w float64) {
		f.at(z, 1, &j)
		j.functions(&four, row[4:])
		copy(row, four[:])
		for m, v := range four {
			whole[m] += w * v * v
		}
		collect(z, w)
	})
	for k := range spreadDegree + 1 { // what is beyond the series
		for m := range whole {
			whole[m] -= alpha[k*width+m] * alpha[k*width+m]
		}
	}
	if n > 0 {
		for k, b := range f.kinks { // the impulses
			f.at(b, -1, &j)
			j.functions(&there, nil)
			f.at(b, 1, &j)
			j.functions(&four, nil)
			clear(row)
			for i, by := range f.moves {
				for m := range four {
					if by != nil {
						row[4*(1+i)+m] = by[k] * (there[m] - four[m])
					}
				}
			}
			collect(b, special.NormalDensity(b))
		}
	}
	for at, c := range s.cosines {
		var derivatives []float64
		if jacobian != nil {
			derivatives = jacobian[at*f.n : (at+1)*f.n]
		}
		if math.Abs(c) <= s.reach {
			out[at] = inSeries(alpha, width, c, derivatives)
			rest := (whole[0] + 2*math.Abs(c)*whole[1] + 3*c*c*whole[2]) * math.Pow(math.Abs(c),
				spreadDegree+1)
			if rest <= s.rest*out[at] || math.IsNaN(rest) {
				continue
			}
		}
		out[at] = atPlaces(f, c, derivatives)
	}
}

// inSeries sums the series in c.
func inSeries(alpha []float64, width int, c float64, by []float64) float64 {
	var sums [4]float64
	d := make([]float64, 4*len(by))
	power := 1.0
	for k := range spreadDegree + 1 {
		a := alpha[k*width : (k+1)*width]
		for m := range 4 {
			p := power
			if m == 3 { // the NTK: the derivative's part too
				p *= float64(k + 1)
			}
			sums[m] += p * a[m] * a[m]
			for i := range by {
				d[4*i+m] += 2 * p * a[m] * a[4*(1+i)+m]
			}
		}
		power *= c
	}
	for i := range by {
		d := d[4*i:]
		by[i] = d[0] + 2*c*d[1] + 3*c*c*d[2] - 2*sums[3]*d[3]
	}
	return sums[0] + 2*c*sums[1] + 3*c*c*sums[2] - sums[3]*sums[3]
}

// atPlaces integrates over u, and over v given u unless they are equal or opposite.
func atPlaces(f shape, c float64, by []float64) float64 {
	s := newPairSums(f, c, len(by))
	if r := math.Sqrt(math.Max(0, (1-c)*(1+c))); r < 1e-8 {
		s.alongLine(math.Copysign(1, c))
	} else {
		s.overPlane(r)
	}
	for i := range by {
		by[i] = s.bySquare[i] - 2*s.mean*s.byMean[i]
	}
	return s.square - s.mean*s.mean
}

// pairSums are the expectations over u and v that V at the cosine c consists of, with
// their derivatives by the parameters: square is E[AA] + 2c E[BB] + 3c² E[CC], and mean
// is Θ.
type pairSums struct {
	f                shape
	c                float64
	moving           []float64 // the kinks, where derivatives are wanted
	u, v             jet       // at the places that come next
	square, mean     float64
	bySquare, byMean []float64
}

func newPairSums(f shape, c float64, n int) *pairSums {
	s := &pairSums{
		f:        f,
		c:        c,
		u:        jet{byValue: make([]float64, n), bySlope: make([]float64, n)},
		v:        jet{byValue: make([]float64, n), bySlope: make([]float64, n)},
		bySquare: make([]float64, n),
		byMean:   make([]float64, n),
	}
	if n > 0 {
		s.moving = f.kinks
	}
	return s
}

// add adds what is at the places u and v.
func (s *pairSums) add(w float64) {
	c, u, v := s.c, &s.u, &s.v
	p, d := u.value*v.value, u.slope*v.slope
	s.square += w * (p*p + 2*c*p*d + 3*c*c*d*d)
	s.mean += w * (p + c*d)
	for i := range s.bySquare {
		dp := u.byValue[i]*v.value + u.value*v.byValue[i]
		dd := u.bySlope[i]*v.slope + u.slope*v.bySlope[i]
		s.bySquare[i] += w * (2*p*dp + 2*c*(p*dd+d*dp) + 6*c*c*d*dd)
		s.byMean[i] += w * (dp + c*dd)
	}
}

// impulse adds what moving kink k in u, or in both, changes.
func (s *pairSums) impulse(k int, w float64) {
	c := s.c
	p, d := s.u.value*s.v.value, s.u.slope*s.v.slope
	for i := range s.bySquare {
		if by := s.f.moves[i]; by != nil {
			s.bySquare[i] += w * by[k] * (p*p + 2*c*p*d + 3*c*c*d*d)
			s.byMean[i] += w * by[k] * (p + c*d)
		}
	}
}

// alongLine integrates where v = sign·u.
func (s *pairSums) alongLine(sign float64) {
	f := s.f
	breaks := slices.Clone(f.kinks)
	if sign < 0 {
		for _, b := range f.kinks {
			breaks = append(breaks, -b)
		}
	}
	f.panels(breaks, func(z, w float64) {
		f.at(z, 1, &s.u)
		f.at(sign*z, sign, &s.v)
		s.add(w)
	})
	for k, b := range s.moving {
		w := 1.0
		if sign < 0 {
			w = 2 // the kink of v at -b, by symmetry
		}
		for _, side := range []float64{-1, 1} {
			f.at(b, side, &s.u)
			if sign > 0 {
				f.at(b, side, &s.v)
			} else {
				f.at(-b, 1, &s.v)
			}
			s.impulse(k, -side*w*special.NormalDensity(b))
		}
	}
}

// overPlane integrates over u and, given it, over v = cu + r times a normal number that is
// independent of u.
func (s *pairSums) overPlane(r float64) {
	f, c := s.f, s.c
	breaks := slices.Clone(f.kinks)
	for _, b := range f.kinks { // v crosses it within r or so of b/c
		breaks = append(breaks, b/c)
		for t := r; t < 0.5; t *= 3 {
			breaks = append(breaks, b/c-t, b/c+t)
		}
	}
	inner := make([]float64, len(f.kinks))
	given := func(z float64, do func(y, w float64)) {
		for i, b := range f.kinks {
			inner[i] = (b - c*z) / r
		}
		f.panels(inner, do)
	}
	f.panels(breaks, func(z, w float64) {
		f.at(z, 1, &s.u)
		given(z, func(y, w2 float64) {
			f.at(c*z+r*y, 1, &s.v)
			s.add(w * w2)
		})
	})
	for k, b := range s.moving {
		for _, side := range []float64{-1, 1} {
			f.at(b, side, &s.u)
			given(b, func(y, w float64) {
				f.at(c*b+r*y, 1, &s.v)
				s.impulse(k, -2*side*w*special.NormalDensity(b))
			})
		}
	}
}

// shape is what [spreads] asks of the family's φ at values of the parameters.
func (f Family) shape(ps []unknown, values []float64) shape {
	if f.Custom != nil {
		return f.Custom.shape(ps, values)
	}
	formula := f.formula(ps, values)
	out := shape{
		n:     len(ps),
		rate:  formula.rate(),
		kinks: formula.hinges(),
		at:    func(z, side float64, j *jet) { formula.jet(f, z, side, j) },
	}
	at, kink := 0, 0
	if !f.NoSlope {
		at++
	}
	if !f.NoOffset {
		at++
	}
	out.moves = make([][]float64, len(ps))
	for _, t := range formula.Terms {
		if t.Kind == reluTerm || t.Kind == reflectedTerm {
			out.moves[at+1] = make([]float64, len(out.kinks))
			out.moves[at+1][kink] = 1
			kink++
		}
		used, _, _ := t.parameters()
		at += len(used)
	}
	return out
}

// shape of a fixed formula, without parameters.
func (f Formula) shape() shape {
	return shape{
		rate:  f.rate(),
		kinks: f.hinges(),
		at:    func(z, side float64, j *jet) { f.jet(Family{}, z, side, j) },
	}
}

// rate is about the largest frequency of a term.
func (f Formula) rate() (most float64) {
	for _, t := range f.Terms {
		switch t.Kind {
		case cosineTerm:
			most = math.Max(most, math.Abs(t.Frequency))
		case gaussianTerm:
			most = math.Max(most, 2/t.Scale)
		case erfTerm, geluTerm:
			most = math.Max(most, 2*t.Scale)
		}
	}
	return most
}

// hinges are the shifts of the rectifiers, in the order of the terms.
func (f Formula) hinges() (out []float64) {
	for _, t := range f.Terms {
		if t.Kind == reluTerm || t.Kind == reflectedTerm {
			out = append(out, t.Shift)
		}
	}
	return out
}

// shape of a form of one's own: its derivatives by the parameters are differences.
func (o *Custom) shape(ps []unknown, values []float64) shape {
	values = slices.Clone(values)
	out := shape{n: len(ps), rate: 12, moves: make([][]float64, len(ps))}
	kinks, ok := o.kinks(values)
	out.kinks = kinks
	steps := make([][2]ownAt, len(ps))
	width := make([]float64, len(ps))
	for i, p := range ps {
		if p.fixed {
			continue
		}
		h := 1e-5 * (1 + math.Abs(values[i]))
		below, above := slices.Clone(values), slices.Clone(values)
		below[i], above[i] = math.Max(p.lo, values[i]-h), math.Min(p.hi, values[i]+h)
		steps[i], width[i] = [2]ownAt{{o, below}, {o, above}}, above[i]-below[i]
		low, ok1 := o.kinks(below)
		high, ok2 := o.kinks(above)
		if ok = ok && ok1 && ok2 && len(low) == len(kinks) && len(high) == len(kinks); !ok {
			break
		}
		for k := range kinks {
			out.moves[i] = append(out.moves[i], (high[k]-low[k])/width[i])
		}
	}
	here := ownAt{o, values}
	out.at = func(z, side float64, j *jet) {
		z += side * 1e-12 * (1 + math.Abs(z))
		j.value, j.slope = here.valueAndSlope(z)
		if !ok {
			j.value = math.NaN()
		}
		for i := range j.byValue {
			if width[i] > 0 {
				a, da := steps[i][0].valueAndSlope(z)
				b, db := steps[i][1].valueAndSlope(z)
				j.byValue[i], j.bySlope[i] = (b-a)/width[i], (db-da)/width[i]
			}
		}
	}
	return out
}

// jet sets the formula's value and slope and their derivatives by the family's
// parameters.
func (f Formula) jet(family Family, z, side float64, j *jet) {
	j.value, j.slope = f.Offset+f.Slope*z, f.Slope
	at, all := 0, len(j.byValue) > 0
	set := func(value, slope float64) {
		if all {
			j.byValue[at], j.bySlope[at] = value, slope
			at++
		}
	}
	if !family.NoSlope {
		set(z, 1)
	}
	if !family.NoOffset {
		set(1, 0)
	}
	for _, t := range f.Terms {
		a := t.Amplitude
		switch t.Kind {
		case reluTerm, reflectedTerm:
			way, x := 1.0, z-t.Shift
			if t.Kind == reflectedTerm {
				way, x = -1, -x
			}
			if x < 0 || x == 0 && way*side < 0 {
				set(0, 0)
				set(0, 0)
				continue
			}
			j.value += a * x
			j.slope += a * way
			set(x, way)
			set(-a*way, 0)
		case cosineTerm:
			sin, cos := math.Sincos(t.Frequency*z + t.Phase)
			w := t.Frequency
			j.value += a * cos
			j.slope -= a * w * sin
			set(cos, -w*sin)
			set(-a*z*sin, -a*(sin+w*z*cos))
			set(-a*sin, -a*w*cos)
		default:
			s := t.Scale
			if t.Kind == gaussianTerm {
				s = 1 / s
			}
			x := s * (z - t.Shift)
			g, g1, g2 := t.Kind.bend(x)
			j.value += a * g
			j.slope += a * s * g1
			set(g, s*g1)
			set(-a*s*g1, -a*s*s*g2)
			by := 1.0
			if t.Kind == gaussianTerm { // by the width 1/s
				by = -s * s
			}
			set(by*a*(z-t.Shift)*g1, by*a*(g1+x*g2))
		}
	}
}

// bend is a smooth kind's function of its scaled argument, and its derivatives.
func (k Kind) bend(x float64) (value, first, second float64) {
	switch k {
	case gaussianTerm:
		e := math.Exp(-x * x / 2)
		return e, -x * e, (x*x - 1) * e
	case erfTerm:
		e := 2 / math.Sqrt(math.Pi) * math.Exp(-x*x)
		return math.Erf(x), e, -2 * x * e
	}
	p, tail := special.NormalDensity(x), math.Erfc(-x/math.Sqrt2)/2 // GELU
	return x * tail, tail + x*p, (2 - x*x) * p
}

// panels calls do with the nodes and weights of an expectation over a standard normal:
// panels of width 1, or less for fast φ, that end at some places.
func (f shape) panels(at []float64, do func(z, w float64)) {
	count := 16 * max(1, int(math.Ceil(f.rate/6)))
	edges := make([]float64, 0, count+16)
	for i := range count + 1 {
		edges = append(edges, 8*(2*float64(i)/float64(count)-1))
	}
	for _, x := range at {
		if math.Abs(x) < 8 {
			edges = append(edges, x)
		}
	}
	slices.Sort(edges)
	for i, hi := range edges[1:] {
		half := (hi - edges[i]) / 2
		if half < 1e-12 {
			continue
		}
		middle := (hi + edges[i]) / 2
		for j, x := range panelNodes {
			z := middle + half*x
			do(z, half*panelWeights[j]*special.NormalDensity(z))
		}
	}
}

// panelNodes and panelWeights are the rule of each panel.
var panelNodes, panelWeights = quadrature.Legendre(16)
