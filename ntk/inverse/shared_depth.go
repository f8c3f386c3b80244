package inverse

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/kernelsmith/kernelsmith/ntk/internal/series"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/hermite"
	"github.com/kernelsmith/kernelsmith/ntk/internal/nnls"
	"github.com/kernelsmith/kernelsmith/ntk/internal/special"
	"gonum.org/v1/gonum/floats"
)

// SharedDepthSettings are the settings of [SharedDepth]; nil means all defaults.
type SharedDepthSettings struct {
	// NNGP says that the target is the net's NNGP kernel, not its NTK.
	NNGP bool
	// Degree is that of φ at most; 0 means 40, and 120 is the highest.
	Degree int
	// Tolerance is the largest difference, over the largest |K(c)|, with which a
	// kernel counts as had; 0 means 1e-8.
	Tolerance float64
	// SignRule gives the signs of φ's coefficients; LeastVariance is for one
	// layer and not accepted here.
	SignRule SignRule
}

// SharedActivation is an activation that all layers of a deep net share.
type SharedActivation struct {
	Verdict Verdict
	Proof   bool   // as in Certificate
	Reason  string // the argument in a line
	// Witness is the coefficient of the only possible dual activation that is
	// negative, or with which the coefficients add up to more than f(1) = 1; its
	// Degree is -1 if there is none.
	Witness Coefficient
	// Dual is f(c) = E[φ(u)φ(v)], f(1) = 1, and Phi is φ = Σ ±√f_k h_k. Where the
	// verdict is not realizable, they are the nearest that was found.
	Dual ntk.PowerSeries
	Phi  hermite.Series
	// ReadoutStd is the readout's σ_w: √K(1) for an NNGP kernel, 1 for an NTK.
	ReadoutStd float64
	// MeanDistance and MaxDistance compare the net's kernel to the target as in
	// Certificate.
	MeanDistance, MaxDistance float64
}

// String gives verdict, reason and distance in a line.
func (a *SharedActivation) String() string {
	how := "evidence"
	if a.Proof {
		how = "proof"
	}
	return fmt.Sprintf("%v (%s: %s); %.3g away in the mean, %.3g at most", a.Verdict, how, a.Reason,
		a.MeanDistance, a.MaxDistance)
}

// SharedDepth asks whether a net of the given depth whose hidden layers have one
// activation that keeps the variance, E[φ(z)²] = 1, σ_w = 1 and σ_b = 0, has the
// target on the sphere, and with which activation. Its dual f has f(1) = 1,
// and the NNGP kernel is f composed with itself, the NTK
// Σ_{l=0}^{L} f^{∘l} Π_{m=l}^{L-1} f'(f^{∘m}), L the depth and f^{∘0} = c.
//
// If K(0) = 0 the coefficients of f follow from those of K one after the other,
// and the first that is negative, or takes their sum over 1, beyond its error bar
// witnesses that no such net is (one may still come close: see MaxDistance); the
// error bars are how far f moves as the coefficients of K move within theirs.
// Otherwise f is sought by Gauss-Newton steps with all f_k ≥ 0, from several
// starts, which finds an f or leaves the question open. A verdict of realizable is
// evidence: the kernel agrees within the tolerance. Cost: about a second.
//
// It reports a depth outside 2 … 10, bad settings and a target without finite
// values; an f of no finite degree shows in MaxDistance.
//
// Source: the recursion of [DFS16] sec. 3 and [JGH18] theorem 1, solved for φ.
func SharedDepth(target Target, depth int, s *SharedDepthSettings) (*SharedActivation, error) {
	set, err := s.defaults(depth)
	if err != nil {
		return nil, err
	}
	src, err := sourceOf(target)
	if err != nil {
		return nil, err
	}
	cert, err := Certify(target, &CertifySettings{Degree: max(64, set.Degree)})
	if err != nil {
		return nil, err
	}
	d, err := src.data(Places{})
	if err != nil {
		return nil, err
	}
	top := d.v[0] * d.scale // uniform places begin at c = 1
	if src.samples != nil {
		top = cert.Nearest.At(1)
	}
	out := &SharedActivation{ReadoutStd: 1, Witness: Coefficient{Degree: -1}}
	n := &deep{depth: depth, ntk: !set.NNGP, degree: set.Degree}
	size := 1.0
	if set.NNGP {
		if size = top; !(size > 0) {
			return nil, fmt.Errorf("inverse: the target is %v at c = 1; an NNGP kernel is > 0 "+
				"there",
				top)
		}
		out.ReadoutStd = math.Sqrt(size)
	}
	n.c = d.c
	for i, v := range d.v {
		n.k = append(n.k, v*d.scale/size)
		n.weight = append(n.weight, math.Sqrt(d.weight[i]))
	}
	decide := func(v Verdict, proof bool, format string, args ...any) {
		if out.Verdict == Undetermined {
			out.Verdict, out.Proof, out.Reason = v, proof, fmt.Sprintf(format, args...)
		}
	}
	if cert.Verdict == NotRealizable {
		decide(NotRealizable, cert.Proof, "it is no kernel of a net of any depth: %s", cert.Reason)
	}
	if slack := 1e-9 * math.Abs(top); n.ntk && !d.noisy && top < 1-slack {
		decide(NotRealizable, src.samples == nil,
			"an NTK of such a net is at least 1 at c = 1, and this is %.6g", top)
	}
	starts := n.starts()
	if cert.Verdict != NotRealizable && cert.Degree >= 1 {
		root := n.formalRoot(cert, size, src.polynomial != nil && src.rest == 0)
		if root.reason != "" {
			decide(NotRealizable, false, "%s", root.reason)
			out.Witness = root.witness
		}
		if root.f != nil {
			starts = append([][]float64{root.f}, starts...)
		}
	}
	f, err := n.search(starts, set.Tolerance/10)
	if err != nil {
		return nil, err
	}
	out.Dual = cutOff(series.TrimZeros(f), 0)
	if err := n.compare(out, src, d, size); err != nil {
		return nil, err
	}
	if out.MaxDistance <= set.Tolerance*d.scale {
		decide(Realizable, false, "a net of degree %d has it within %.3g", len(out.Dual.Coeffs())-1,
			out.MaxDistance)
	}
	if out.Verdict == Undetermined {
		out.Reason = fmt.Sprintf("no activation of degree %d found that has it within the "+
			"tolerance, and nothing found that excludes one", set.Degree)
	}
	out.Phi, err = set.SignRule.activation(out.Dual)
	return out, err
}

// activation returns the φ = Σ ±√f_k h_k whose dual is Σ f_k c^k.
func (r SignRule) activation(dual ntk.PowerSeries) (hermite.Series, error) {
	b := make([]float64, len(dual.Coeffs()))
	for k, v := range dual.Coeffs() {
		b[k] = ruleSign(r, k) * math.Sqrt(v)
	}
	return hermite.NewSeries(b)
}

// defaults returns the settings with those of the zero value filled in, and what is wrong
// with them or with the depth.
func (s *SharedDepthSettings) defaults(depth int) (SharedDepthSettings, error) {
	var set SharedDepthSettings
	if s != nil {
		set = *s
	}
	if set.Degree == 0 {
		set.Degree = 40
	}
	if set.Tolerance == 0 {
		set.Tolerance = 1e-8
	}
	switch {
	case depth < 2 || depth > 10:
		return set, fmt.Errorf(
			"inverse: depth is %d; it must be from 2 to 10 (Of is for one hidden layer)", depth)
	case set.Degree < 1 || set.Degree > 120:
		return set, fmt.Errorf("inverse: Degree is %d; it must be from 1 to 120, or 0 for 40",
			set.Degree)
	case !(set.Tolerance > 0) || math.IsInf(set.Tolerance, 0):
		return set, fmt.Errorf("inverse: Tolerance is %v; it must be a finite number > 0",
			set.Tolerance)
	case set.SignRule < AllPlus || set.SignRule >= LeastVariance:
		return set, fmt.Errorf("inverse: SignRule %v is none for a deep net", set.SignRule)
	}
	return set, nil
}

// deep is a net whose layers share the dual activation f.
type deep struct {
	depth, degree int
	ntk           bool
	c, k, weight  []float64 // places, target there, roots of the weights
}

// at returns the kernel at c.
func (n *deep) at(f []float64, c float64) float64 {
	s, t := c, c
	for range n.depth {
		v, d, _ := valueAndTwoDerivatives(f, s)
		s, t = v, v+t*d
	}
	if n.ntk {
		return t
	}
	return s
}

// valueAndTwoDerivatives returns f and its first two derivatives at c.
func valueAndTwoDerivatives(f []float64, c float64) (value, first, second float64) {
	for k := len(f) - 1; k >= 0; k-- {
		second = second*c + 2*first
		first = first*c + value
		value = value*c + f[k]
	}
	return value, first, second
}

// gradient returns the kernel at c and sets row[k] to its derivative by f_k.
func (n *deep) gradient(f []float64, c float64, row []float64) float64 {
	s, t := c, c
	ds, dt := make([]float64, len(f)), make([]float64, len(f))
	for range n.depth {
		v, first, second := valueAndTwoDerivatives(f, s)
		power, before := 1.0, 0.0 // s^k and k s^(k-1)
		for k := range f {
			old := ds[k]
			ds[k] = first*old + power
			dt[k] = ds[k] + dt[k]*first + t*(before+second*old)
			before = before*s + power
			power *= s
		}
		s, t = v, v+t*first
	}
	if n.ntk {
		copy(row, dt)
		return t
	}
	copy(row, ds)
	return s
}

func (n *deep) compare(out *SharedActivation, src *source, d *fitData, size float64) error {
	f := out.Dual.Coeffs()
	var sum, weights float64
	for i, c := range n.c {
		e := math.Abs(n.at(f, c)-n.k[i]) * size
		sum += d.weight[i] * e * e
		weights += d.weight[i]
		out.MaxDistance = math.Max(out.MaxDistance, e)
	}
	out.MeanDistance = math.Sqrt(sum / weights)
	if src.values == nil {
		return nil
	}
	fine := uniformCosines(2001)
	values, err := src.values(fine)
	if err != nil {
		return err
	}
	for i, c := range fine {
		out.MaxDistance = math.Max(out.MaxDistance, math.Abs(n.at(f, c)*size-values[i]))
	}
	return nil
}

// starts are guesses of f: between no layer, a constant and high powers.
func (n *deep) starts() [][]float64 {
	mix := func(parts ...float64) []float64 { // of 1, c, c², c³, c^degree
		f := make([]float64, n.degree+1)
		for i, k := range []int{0, 1, min(2, n.degree), min(3, n.degree), n.degree} {
			f[k] += parts[i]
		}
		return f
	}
	return [][]float64{
		mix(0.1, 0.6, 0.1, 0.1, 0.1),
		mix(0.3, 0.5, 0.1, 0.05, 0.05),
		mix(0.02, 0.9, 0.03, 0.03, 0.02),
		mix(0.6, 0.2, 0.1, 0.05, 0.05),
		mix(0.05, 0.2, 0.25, 0.25, 0.25),
	}
}

// search minimises the squared error over f ≥ 0, f(1) = 1, and stops early
// where the largest error is below enough.
func (n *deep) search(starts [][]float64, enough float64) ([]float64, error) {
	var best []float64
	least := math.Inf(1)
	for _, f := range starts {
		f, e, err := n.descend(f, enough*euclidean(n.k))
		if err != nil {
			return nil, err
		}
		if e < least {
			best, least = f, e
		}
		if least <= enough*euclidean(n.k) {
			break
		}
	}
	if best == nil {
		return nil, fmt.Errorf("inverse: no activation found whose kernel has finite values")
	}
	return best, nil
}

// residual returns the weighted errors and their length.
func (n *deep) residual(f []float64) ([]float64, float64) {
	r := make([]float64, len(n.c))
	for i, c := range n.c {
		r[i] = n.weight[i] * (n.k[i] - n.at(f, c))
	}
	return r, euclidean(r)
}

// descend takes Gauss-Newton steps, each a nonnegative least-squares problem.
func (n *deep) descend(f []float64, enough float64) ([]float64, float64, error) {
	_, e := n.residual(f)
	if e <= enough {
		return f, e, nil
	}
	rows := len(n.c)
	columns := make([][]float64, len(f))
	for k := range columns {
		columns[k] = make([]float64, rows+1)
	}
	b, row := make([]float64, rows+1), make([]float64, len(f))
	for range 60 {
		var largest float64
		for i, c := range n.c {
			v := n.gradient(f, c, row)
			b[i] = n.weight[i] * (n.k[i] - v + floats.Dot(row, f))
			for k := range row {
				columns[k][i] = n.weight[i] * row[k]
				largest = math.Max(largest, math.Abs(columns[k][i]))
			}
		}
		// Σ f_k = 1 as a row, not so heavy that it costs digits, and exactly below.
		heavy := 3 * math.Max(1, largest)
		b[rows] = heavy
		for k := range columns {
			columns[k][rows] = heavy
		}
		if !special.Finite(euclidean(b)) || !special.Finite(largest) {
			return f, math.Inf(1), nil
		}
		result, err := nnls.Solve(columns, b, 0)
		if err != nil {
			return nil, 0, fmt.Errorf("inverse: a step towards a shared activation: %w", err)
		}
		moved := false
		for t := 1.0; t > 1e-4; t /= 2 {
			g := make([]float64, len(f))
			for k := range g {
				g[k] = math.Max(0, f[k]+t*(result.X[k]-f[k]))
			}
			total := floats.Sum(g)
			if !(total > 0) {
				continue
			}
			floats.Scale(1/total, g)
			if _, now := n.residual(g); now < e {
				moved = now < 0.999*e && now > 1e-15*euclidean(n.k)
				f, e = g, now
				break
			}
		}
		if !moved {
			break
		}
	}
	return f, e, nil
}

// root is what the equations for the coefficients of f one by one give.
type root struct {
	f       []float64 // a start for the search, or nil
	witness Coefficient
	reason  string
}

// formalRoot solves for f degree by degree where K(0) = 0; else it returns none.
func (n *deep) formalRoot(cert *Certificate, size float64, polynomial bool) root {
	none := root{witness: Coefficient{Degree: -1}}
	known := cert.Degree
	if polynomial {
		known = max(known, 400)
	}
	k, unsure := make([]float64, known+1), make([]float64, known+1)
	var sum float64
	for i, v := range cert.Coeffs {
		k[i] = v / size
		sum += math.Abs(k[i])
	}
	for i := range unsure {
		unsure[i] = 0x1p-50 * sum
		if i < len(cert.Uncertainty) {
			unsure[i] += cert.Uncertainty[i] / size
		}
	}
	first := 0
	for first <= known && math.Abs(k[first]) <= 4*unsure[first] {
		first++
	}
	if first == 0 || first > known {
		return none
	}
	m := int(math.Round(math.Pow(float64(first), 1/float64(n.depth))))
	power := 1
	for range n.depth {
		power *= m
	}
	if power != first {
		none.reason = fmt.Sprintf(
			"it begins with c^%d, and %d is no power of order %d of a whole number", first, first,
			n.depth)
		return none
	}
	degree := min(n.degree, m+known-first)
	f := n.solve(k, first, m, degree)
	spread := n.spread(k, unsure, f, first, m)
	out := root{f: make([]float64, n.degree+1), witness: Coefficient{Degree: -1}}
	total, error := 0.0, 0.0
	for i := m; i <= degree; i++ {
		if !(spread[i] <= math.Max(math.Abs(f[i]), 1e-6)) {
			break
		}
		if f[i] < -spread[i] {
			out.witness = Coefficient{i, f[i], spread[i]}
			out.reason = fmt.Sprintf(
				"the only possible dual activation that keeps the variance has the coefficient "+
					"%.4g ± %.2g of c^%d",
				f[i],
				spread[i],
				i,
			)
			break
		}
		if f[i] > spread[i] {
			out.f[i] = f[i]
		}
		total += f[i]
		error += spread[i]
		if total-error > 1+1e-9 && out.reason == "" {
			out.witness = Coefficient{i, f[i], spread[i]}
			out.reason = fmt.Sprintf(
				"the coefficients of the only possible dual activation that keeps the variance, "+
					"to c^%d add up to %.10g, and must not pass 1",
				i,
				total,
			)
		}
	}
	n.keepVariance(out.f)
	return out
}

// spread is how far the error bars of K carry the coefficients of f: four times the largest
// difference over some draws within them.
func (n *deep) spread(k, unsure, f []float64, first, m int) []float64 {
	degree := len(f) - 1
	spread := make([]float64, degree+1)
	rng := rand.New(rand.NewPCG(1, 1))
	other := make([]float64, len(k))
	for range 6 {
		for i := range k {
			other[i] = k[i]
			if i >= first {
				other[i] += unsure[i] * float64(2*rng.IntN(2)-1)
			}
		}
		for i, v := range n.solve(other, first, m, degree) {
			spread[i] = math.Max(spread[i], 4*math.Abs(v-f[i]))
			if math.IsNaN(v) {
				spread[i] = math.Inf(1)
			}
		}
	}
	return spread
}

// keepVariance makes f(1) = 1, as a start must have it: what is missing lies in high degrees.
func (n *deep) keepVariance(f []float64) {
	if sum := floats.Sum(f); sum > 1 {
		floats.Scale(1/sum, f)
	} else {
		if 1-sum > 1e-12 {
			f[n.degree] += 1 - sum
		} else {
			floats.Scale(1/sum, f)
		}
	}
}

// solve finds f_m … f_degree from the coefficients k of the kernel, which
// begins with c^first, first = m^depth.
func (n *deep) solve(k []float64, first, m, degree int) []float64 {
	f := make([]float64, degree+1)
	// c^first has f_m^(1 + m + … + m^(depth-1)), in the NTK Σ_l m^l times.
	order, times, p := 0, 1, 1
	for range n.depth {
		order += p
		p *= m
		times += p
	}
	leading := k[first]
	if n.ntk {
		leading /= float64(times)
	}
	if m > degree {
		return f
	}
	f[m] = math.Pow(leading,
		1/float64(order)) // NaN if negative, and then an uncertainty of infinity
	for i := m + 1; i <= degree; i++ {
		at := first + i - m
		without := n.series(f[:i+1], at)
		f[i] = 1
		factor := n.series(f[:i+1], at) - without
		f[i] = (k[at] - without) / factor
	}
	return f
}

// series returns the coefficient of c^degree in the kernel, where f(0) = 0.
func (n *deep) series(f []float64, degree int) float64 {
	prime := make([]float64, len(f))
	for k := 1; k < len(f); k++ {
		prime[k-1] = float64(k) * f[k]
	}
	s := make([]float64, degree+1)
	if degree > 0 {
		s[1] = 1
	}
	t := append([]float64(nil), s...)
	for range n.depth {
		next := composeTo(f, s)
		if n.ntk {
			t = productTo(t, composeTo(prime, s))
			floats.Add(t, next)
		}
		s = next
	}
	if n.ntk {
		return t[degree]
	}
	return s[degree]
}

// composeTo returns f(g(c)) to the degree of g, where g(0) = 0.
func composeTo(f, g []float64) []float64 {
	out := make([]float64, len(g))
	for k := min(len(f), len(g)) - 1; k >= 0; k-- {
		out = productTo(out, g)
		out[0] += f[k]
	}
	return out
}

// productTo returns the product of two series of one length, cut off there.
func productTo(a, b []float64) []float64 {
	out := make([]float64, len(a))
	for i, v := range a {
		if v != 0 {
			floats.AddScaled(out[i:], v, b[:len(b)-i])
		}
	}
	return out
}
