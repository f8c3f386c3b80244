package design

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/internal/gauss"
	"github.com/kernelsmith/kernelsmith/ntk/internal/special"
)

// Custom is a form of activation of one's own, with parameters to be found: the functions
// get them in the order of Params. They must leave that slice as it is and be safe to call
// from several goroutines, and φ continuous.
type Custom struct {
	Name       string // for captions and errors; "" is "own"
	Params     []Bounded
	Value      func(p []float64, z float64) float64 // φ(z)
	Derivative func(p []float64, z float64) float64 // φ'(z), at a kink of either side
	// Kinks returns where φ' jumps; their number is always the same. Nil means nowhere.
	Kinks func(p []float64) []float64
}

// Bounded is a parameter of a family of one's own.
type Bounded struct {
	Name      string
	Low, High float64 // finite, Low < High
}

// ownKind is the kind of the one term of the formula of a design without a formula.
const ownKind Kind = "own"

var ownFormula = Formula{Terms: []Term{{Kind: ownKind, Amplitude: 1, Scale: 1}}}

func (o *Custom) name() string {
	if o.Name == "" {
		return "own"
	}
	return o.Name
}

func (o *Custom) parameters() ([]unknown, error) {
	switch {
	case o.Value == nil:
		return nil, fmt.Errorf("design: the family %s has no function Value (nil)", o.name())
	case o.Derivative == nil:
		return nil, fmt.Errorf("design: the family %s has no function Derivative (nil)", o.name())
	case len(o.Params) == 0 || len(o.Params) > 32:
		return nil, fmt.Errorf("design: the family %s has %d parameters; it must have 1 … 32",
			o.name(), len(o.Params))
	}
	var out []unknown
	for i, p := range o.Params {
		switch {
		case p.Name == "":
			return nil, fmt.Errorf("design: parameter %d of the family %s has no name", i, o.name())
		case slices.ContainsFunc(out, func(u unknown) bool { return u.name == p.Name }):
			return nil, fmt.Errorf("design: the family %s has two parameters with the name %q",
				o.name(), p.Name)
		case !(p.Low < p.High) || math.IsInf(p.Low, 0) || math.IsInf(p.High, 0):
			return nil, fmt.Errorf(
				"design: the bounds of %q of the family %s are %v and %v; they must be finite "+
					"and the lower one first (one value is set by Family.Fixed)", p.Name, o.name(),
				p.Low, p.High)
		}
		out = append(out, unknown{name: p.Name, lo: p.Low, hi: p.High})
	}
	return out, nil
}

// activation is φ at values of the parameters, with numeric duals.
func (o *Custom) activation(
	values []float64, maxVariance float64,
) (a ntk.Activation, err error) {
	given, values := values, slices.Clone(values)
	defer func() {
		if !slices.Equal(given, values) {
			a, err = nil, fmt.Errorf("design: a function of the family %s writes to the slice of "+
				"parameters, which it must leave as it is", o.name())
		}
	}()
	var text []string
	for i, p := range o.Params {
		text = append(text, fmt.Sprintf("%s = %.4g", p.Name, values[i]))
	}
	name := fmt.Sprintf("%s(%s)", o.name(), strings.Join(text, ", "))
	kinks, ok := o.kinks(values)
	if !ok {
		return nil, fmt.Errorf("design: Kinks of %s panics or has a kink that is not finite", name)
	}
	return ntk.Custom(func(z float64) float64 { return o.Value(values, z) },
		func(z float64) float64 { return o.Derivative(values, z) },
		ntk.CustomSettings{Name: name, Kinks: kinks, MaxVariance: maxVariance})
}

// kinks is Kinks, sorted; not ok if it panics or is not finite.
func (o *Custom) kinks(values []float64) (out []float64, ok bool) {
	if o.Kinks == nil {
		return nil, true
	}
	defer func() {
		if recover() != nil {
			out, ok = nil, false
		}
	}()
	out = slices.Clone(o.Kinks(values))
	slices.Sort(out)
	return out, !slices.ContainsFunc(out, func(b float64) bool { return !special.Finite(b) })
}

// check has package ntk look at φ at some values of the parameters: for NaN, a panic, a
// jump, a φ' that is not the derivative.
func (o *Custom) check(values []float64, maxVariance float64) error {
	phi, err := o.activation(values, maxVariance)
	if err != nil {
		return fmt.Errorf("design: the family %s: %w", o.name(), err)
	}
	if jumps := ntk.JumpsOf(phi); len(jumps) > 0 {
		return fmt.Errorf("design: %v jumps at z = %g; a family's φ must be continuous", phi,
			jumps[0])
	}
	return nil
}

// checkOwn looks at a family of one's own in the middle of its bounds and at three
// random places.
func (s *search) checkOwn() error {
	o := s.family.Custom
	if o == nil {
		return nil
	}
	middle := make([]float64, len(s.params))
	for j, p := range s.params {
		middle[j] = p.lo + (p.hi-p.lo)/2
	}
	if err := o.check(middle, maxVariance(s.problem.On.hi)); err != nil {
		return err
	}
	for i := range 3 {
		x, _ := s.random(i)
		if err := o.check(x, maxVariance(s.problem.On.hi)); err != nil {
			return err
		}
	}
	return nil
}

// maxVariance leaves room above the inputs' own for deeper layers.
func maxVariance(hi float64) float64 { return math.Max(100, 4*hi) }

// ownDesign measures an end of the search by the kernels of package ntk.
func (s *search) ownDesign(a start) *Design {
	d := &Design{
		Formula:   ownFormula,
		own:       s.family.Custom,
		Objective: math.Sqrt(a.cost),
		lo:        s.problem.On.lo,
		hi:        s.problem.On.hi,
	}
	for j, p := range s.params {
		d.Params = append(d.Params,
			Param{p.name, a.x[j], !p.fixed && (a.x[j] <= p.lo || a.x[j] >= p.hi)})
	}
	net, err := d.Net(max(1, s.problem.Depth))
	if err != nil {
		return nil
	}
	nngp, err := net.NNGP()
	if err != nil {
		return nil
	}
	tangent, err := net.NTK()
	if err != nil {
		return nil
	}
	share := s.problem.NNGPShare
	values := make([]float64, len(s.places))
	for i, p := range s.places {
		for _, k := range []struct {
			kernel ntk.Kernel
			by     float64
		}{{nngp, share}, {tangent, 1 - share}} {
			if k.by == 0 {
				continue
			}
			v, err := valueAt(k.kernel, p)
			if err != nil {
				return nil
			}
			values[i] += k.by * v
		}
	}
	d.Error = errorOf(values, s.places)
	return d
}

// valueAt reads the kernel's curve for inputs of one norm, which numeric activations
// tabulate.
func valueAt(K ntk.Kernel, p place) (float64, error) {
	if p.q != p.q2 {
		return K.At(p.q, p.k(), p.q2)
	}
	v, err := K.CurveAt(p.q, []float64{p.k() / p.q})
	if err != nil {
		return 0, err
	}
	return v[0], nil
}

// ownAt is φ at values of the parameters.
type ownAt struct {
	own    *Custom
	values []float64
}

func (o ownAt) valueAndSlope(z float64) (value, slope float64) {
	defer func() {
		if recover() != nil {
			value, slope = math.NaN(), math.NaN()
		}
	}()
	return o.own.Value(o.values, z), o.own.Derivative(o.values, z)
}

func (o ownAt) value(z float64) (value float64) {
	defer func() {
		if recover() != nil {
			value = math.NaN()
		}
	}()
	return o.own.Value(o.values, z)
}

// form returns φ at values of the parameters for [model.layers].
func (m *model) form(values []float64) form {
	if m.family.Custom != nil {
		return newNumericForm(m.family.Custom, m.params, values)
	}
	f := m.family.formula(m.params, values)
	if m.family.piecewise() {
		return newPiecewise(m, f)
	}
	return newSummed(f, m.family, m.params)
}

// ownTerms is how many Hermite coefficients the search uses.
const ownTerms = 128

// numericForm is a form of one's own: φ is hinges at its kinks, which have closed
// forms, and a rest with a Hermite series that falls fast,
//
//	E[f(u)g(v)] = Σ f_k g_k ρ^k.
//
// Its derivatives by the parameters are differences of φ under the integral.
type numericForm struct {
	own    *Custom
	values []float64
	step   [][2][]float64 // of each parameter: values below and above; nil if fixed
	kinks  []float64
	// coordinates of φ, of its derivatives and of z φ' in the hinges
	relu, edge [][]float64
	failed     bool
	std        []float64
	coeffs     [][][]float64 // by std and function
	hinges     [][][]float64 // of their hinges
	bases      []*basis
	work       pair
}

func newNumericForm(own *Custom, ps []unknown, values []float64) *numericForm {
	f := &numericForm{own: own, values: slices.Clone(values)}
	var ok bool
	if f.kinks, ok = own.kinks(values); !ok {
		f.failed = true
		return f
	}
	jumps := f.jumps(f.values, f.kinks)
	n := len(ps)
	f.relu, f.edge = make([][]float64, n+2), make([][]float64, n+2)
	for i := range f.relu {
		f.relu[i], f.edge[i] = make([]float64, len(f.kinks)), make([]float64, len(f.kinks))
	}
	copy(f.relu[0], jumps)
	copy(f.relu[n+1], jumps)
	for k, b := range f.kinks {
		f.edge[n+1][k] = jumps[k] * b
	}
	f.step = make([][2][]float64, n)
	for j, p := range ps {
		if p.fixed {
			continue
		}
		h := 1e-5 * (1 + math.Abs(values[j]))
		below, above := slices.Clone(f.values), slices.Clone(f.values)
		below[j], above[j] = math.Max(p.lo, values[j]-h), math.Min(p.hi, values[j]+h)
		f.step[j] = [2][]float64{below, above}
		if own.Kinks == nil {
			continue
		}
		low, ok := own.kinks(below)
		high, ok2 := own.kinks(above)
		if !ok || !ok2 || len(low) != len(f.kinks) || len(high) != len(f.kinks) {
			f.failed = true
			return f
		}
		width := above[j] - below[j]
		jumpsLow, jumpsHigh := f.jumps(below, low), f.jumps(above, high)
		for k := range f.kinks {
			f.relu[1+j][k] = (jumpsHigh[k] - jumpsLow[k]) / width
			f.edge[1+j][k] = -jumps[k] * (high[k] - low[k]) / width
		}
	}
	return f
}

// jumps are those of φ' at the kinks.
func (f *numericForm) jumps(values, kinks []float64) []float64 {
	out := make([]float64, len(kinks))
	at := ownAt{f.own, values}
	for i, b := range kinks {
		side := 1e-9 * (1 + math.Abs(b))
		_, above := at.valueAndSlope(b + side)
		_, below := at.valueAndSlope(b - side)
		out[i] = above - below
	}
	return out
}

func (f *numericForm) prepare(std []float64) {
	f.std = slices.Clone(std)
	f.coeffs, f.hinges, f.bases = nil, nil, nil
	if f.failed {
		return
	}
	n := nonlinear{shifts: f.kinks, reflected: make([]bool, len(f.kinks))}
	for _, s := range std {
		c, h := f.resolve(s)
		f.coeffs, f.hinges = append(f.coeffs, c), append(f.hinges, h)
		if len(f.kinks) > 0 {
			f.bases = append(f.bases, n.at(s))
		}
	}
	if len(f.kinks) > 0 {
		f.work = newPair(f.bases[0].size, f.bases[0].size+f.bases[0].more)
	}
}

// resolve returns the Hermite coefficients of φ(s z), of its derivatives by the
// parameters and of z φ', and those of their hinges.
func (f *numericForm) resolve(s float64) (coeffs, hinges [][]float64) {
	n, kinks := len(f.step), len(f.kinks)
	coeffs, hinges = make([][]float64, n+2), make([][]float64, n+2)
	for i := range coeffs {
		coeffs[i], hinges[i] = make([]float64, ownTerms), make([]float64, ownTerms)
	}
	edges := make([]float64, 0, 40+kinks)
	for x := -9.0; x <= 9; x += 0.5 {
		edges = append(edges, x)
	}
	for _, b := range f.kinks {
		if math.Abs(b/s) < 9 {
			edges = append(edges, b/s)
		}
	}
	slices.Sort(edges)
	at, v := ownAt{f.own, f.values}, make([]float64, n+2)
	bent := make([]float64, n+2)
	for i, hi := range edges[1:] {
		half, middle := (hi-edges[i])/2, (hi+edges[i])/2
		if half < 1e-12 {
			continue
		}
		for j, x := range panelNodes {
			z := middle + half*x
			w := half * panelWeights[j] * math.Exp(-z*z/2) / math.Sqrt(2*math.Pi)
			var slope float64
			v[0], slope = at.valueAndSlope(s * z)
			v[n+1] = s * z * slope
			for k, step := range f.step {
				if step[0] != nil {
					up, down := ownAt{f.own, step[1]}.value(s*z), ownAt{f.own, step[0]}.value(s*z)
					v[1+k] = (up - down) / (step[1][k] - step[0][k])
				}
			}
			clear(bent)
			for k, b := range f.kinks {
				if s*z > b {
					for l := range bent {
						bent[l] += f.relu[l][k]*(s*z-b) + f.edge[l][k]
					}
				}
			}
			h, before := w, 0.0
			for k := range ownTerms {
				for l, y := range v {
					coeffs[l][k] += h * y
				}
				if kinks > 0 {
					for l, y := range bent {
						hinges[l][k] += h * y
					}
				}
				h, before = (z*h-roots[k]*before)/roots[k+1], h
			}
		}
	}
	return coeffs, hinges
}

// roots are √0, √1, …
var roots = func() (r [spreadDegree + 2]float64) {
	for i := range r {
		r[i] = math.Sqrt(float64(i))
	}
	return r
}()

func (f *numericForm) pair(i, j int, minus, plus float64, gradient bool, m *moments) {
	if f.failed {
		m.value, m.slope = math.NaN(), math.NaN()
		return
	}
	s, t := f.std[i], f.std[j]
	rho := 1 - minus
	if minus > 1 {
		rho = plus - 1
	}
	n := len(f.step)
	if len(f.kinks) > 0 {
		f.work.fill(f.bases[i], f.bases[j], minus, plus)
	}
	m.value, m.slope, m.curvature = f.products(i, 0, j, 0, rho)
	if !gradient {
		return
	}
	for k := range n + 1 {
		m.second[k], m.secondSlope[k], _ = f.products(i, 0, j, k+1, rho)
	}
	if i == j {
		copy(m.first, m.second)
		copy(m.firstSlope, m.secondSlope)
	} else {
		if len(f.kinks) > 0 {
			f.work.fill(f.bases[j], f.bases[i], minus, plus)
		}
		for k := range n + 1 {
			m.first[k], m.firstSlope[k], _ = f.products(j, 0, i, k+1, rho)
		}
	}
	if minus == 0 || plus == 0 {
		m.curvature = 0
		return
	}
	for k, a := range f.relu[0] {
		for l, b := range f.relu[0] {
			density := gauss.JointDensity(f.kinks[k]/s, f.kinks[l]/t, minus, plus)
			m.curvature += a * b * density / (s * t)
		}
	}
}

// products is the mean of f g, of f'g', and what the series has of that of the second
// derivatives, f the function a at standard deviation i and g the function b at j.
func (f *numericForm) products(i, a, j, b int, rho float64) (value, slope, curvature float64) {
	x, y, hx, hy := f.coeffs[i][a], f.coeffs[j][b], f.hinges[i][a], f.hinges[j][b]
	for k := ownTerms - 1; k >= 0; k-- { // Horner's scheme, with its derivatives
		c := x[k]*y[k] - hx[k]*hy[k]
		curvature = curvature*rho + 2*slope
		slope = slope*rho + value
		value = value*rho + c
	}
	st := f.std[i] * f.std[j]
	slope /= st
	curvature /= st * st
	size := 2 + len(f.kinks)
	for k, c := range f.relu[a] {
		for l := range f.kinks {
			row := (2 + k) * f.work.columns
			value += c * (f.relu[b][l]*f.work.value[row+2+l] +
				f.edge[b][l]*f.work.value[row+size+l])
			slope += c * (f.relu[b][l]*f.work.derivative[row+2+l] +
				f.edge[b][l]*f.work.derivative[row+size+l])
		}
	}
	return value, slope, curvature
}
