package inverse

import (
	"fmt"
	"math"
	"sort"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/internal/series"
	"github.com/kernelsmith/kernelsmith/ntk/internal/special"
	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
)

// Verdict says whether a kernel can be had from a net.
type Verdict int

const (
	// Undetermined is the verdict where nothing speaks against the kernel up to
	// the certificate's degree, and nothing is known beyond.
	Undetermined  Verdict = iota
	Realizable            // a net has it
	NotRealizable         // no net has it
)

// String returns "undetermined", "realizable" or "not realizable".
func (v Verdict) String() string {
	switch v {
	case Realizable:
		return "realizable"
	case NotRealizable:
		return "not realizable"
	}
	return "undetermined"
}

// Coefficient is a coefficient a_k of a power series and its error bar.
type Coefficient struct {
	Degree             int
	Value, Uncertainty float64
}

// Certificate tells whether a target K(c) = Σ a_k c^k has all a_k ≥ 0, which is
// when it is a kernel on spheres of every dimension and a net has it ([S42],
// [SAD22] theorem 1).
type Certificate struct {
	Target  string
	Verdict Verdict
	// Proof says that the verdict follows from what the target is, and not from
	// values with error bars. Reason gives the argument in a line.
	Proof  bool
	Reason string
	// Degree is the last one to which all coefficients are determined: to their
	// own size or to 1e-6 of the largest |K(c)|. It is -1 if none is.
	Degree int
	// Coeffs are a_0 … a_Degree, and Uncertainty their error bars: rounding
	// where the structure gives them; for functions a bound that holds if the
	// target is realizable; for samples about a standard deviation.
	Coeffs, Uncertainty []float64
	// Least is the coefficient that speaks most against the kernel: the one with
	// the smallest Value + 4 Uncertainty. Its Degree is -1 if none is determined.
	Least Coefficient
	// Nearest is the kernel to have instead: the series itself, cut off at the
	// degree, if all is well with it, else the nearest in the mean square with
	// coefficients ≥ 0. MeanDistance is the root of the weighted mean square over
	// the places of the fit, MaxDistance the largest on 2,001 cosines uniform in
	// θ (for samples, on the samples).
	Nearest                   ntk.PowerSeries
	MeanDistance, MaxDistance float64
	// Rest bounds |K(c) - Σ a_k c^k| over k ≤ the degree of Nearest, where Nearest
	// is the series cut off: a proof where RestProved, else the largest seen.
	Rest       float64
	RestProved bool
}

// String gives verdict, reason and distance in a line.
func (c *Certificate) String() string {
	verdict := c.Verdict.String()
	if c.Verdict == Undetermined {
		verdict += fmt.Sprintf(" beyond degree %d", c.Degree)
	}
	how := "evidence"
	if c.Proof {
		how = "proof"
	}
	nearest := "nearest kernel of degree"
	if c.Verdict == Realizable { // nearest is the series itself
		nearest = "cut off at degree"
	}
	return fmt.Sprintf("%s: %s (%s: %s); %s %d: %.3g away in the mean, %.3g at most", c.Target,
		verdict, how, c.Reason, nearest, len(c.Nearest.Coeffs())-1, c.MeanDistance, c.MaxDistance)
}

// CertifySettings are the settings of [Certify]; nil means all defaults.
type CertifySettings struct {
	// Degree, if > 0, is the degree to which the coefficients are looked at and
	// the nearest kernel is given. With 0 it is the least that leaves Tolerance,
	// or MaxDegree.
	Degree int
	// Tolerance is the rest to leave, over the largest |K(c)|; 0 means 1e-10.
	Tolerance float64
	// MaxDegree is the highest degree to use; 0 means 1000, 10000 is the most.
	MaxDegree int
	// Places says where the distance to the nearest kernel is measured.
	Places Places
}

func (s *CertifySettings) defaults() (CertifySettings, error) {
	var out CertifySettings
	if s != nil {
		out = *s
	}
	if out.Tolerance == 0 {
		out.Tolerance = 1e-10
	}
	if out.MaxDegree == 0 {
		out.MaxDegree = 1000
	}
	switch {
	case out.Degree < 0 || out.Degree > 10000:
		return out, fmt.Errorf("inverse: Degree is %d; it must be 0 (by tolerance) or from 1 to "+
			"10000",
			out.Degree)
	case !(out.Tolerance > 0) || math.IsInf(out.Tolerance, 0):
		return out, fmt.Errorf("inverse: Tolerance is %v; it must be a finite number > 0",
			out.Tolerance)
	case out.MaxDegree < 0 || out.MaxDegree > 10000:
		return out, fmt.Errorf("inverse: MaxDegree is %d; it must be from 1 to 10000, or 0 for "+
			"1000",
			out.MaxDegree)
	}
	return out, nil
}

// Certify tells whether the target can be had, and if not why and what is
// nearest.
//
// For a kernel with structure (a power series, a net, sums, products and
// compositions of these) the verdict is a proof; of a power series that was cut off
// ([PowerSeries.Rest] > 0) only a negative coefficient is one. For [Samples] and Go functions
// it is evidence: their low coefficients come with error bars, from Chebyshev
// expansions on [-1, 1] and intervals within, and a residual r of the nearest
// Σ a_k c^k, a_k ≥ 0, speaks against the kernel if Σ r(c_i) c_i^k ≤ 0 for all k
// (up to a million, and in the limit) while Σ r K is more than the errors of the
// values explain. Values can never prove a kernel realizable: what float64
// numbers say of a_k is lost in rounding from a degree of 10 to 40 on.
//
// It reports settings out of range and a target without finite values. Cost:
// about a tenth of a second plus some thousand values of the target.
//
// Source: [S42]; [SAD22] sec. 3.
func Certify(target Target, s *CertifySettings) (*Certificate, error) {
	src, err := sourceOf(target)
	if err != nil {
		return nil, err
	}
	settings, err := s.defaults()
	if err != nil {
		return nil, err
	}
	d, err := src.data(settings.Places)
	if err != nil {
		return nil, err
	}
	if src.coeffs != nil {
		return src.certifyStructure(d, settings)
	}
	return src.certifyValues(d, settings)
}

// series returns a_0 … a_n, where n is the degree asked for or chosen, all
// coefficients that it saw, the error bar of each and a bound on the rest.
func (s *source) series(
	d *fitData, set CertifySettings,
) (a, seen []float64, uncertainty func(v float64) float64, rest float64, proved bool, err error) {
	most := set.MaxDegree
	if set.Degree > 0 {
		most = set.Degree
	}
	if s.polynomial != nil {
		most = min(most, len(s.polynomial)-1)
	}
	ends, err := s.values([]float64{1})
	if err != nil {
		return nil, nil, nil, 0, false, err
	}
	for n := min(32, most); ; n = min(2*n, most) {
		if set.Degree > 0 || !s.nonneg { // signs are looked for as far as may be
			n = most
		}
		if a, err = s.coeffs(n); err != nil {
			return nil, nil, nil, 0, false, fmt.Errorf("inverse: coefficients of %s: %w", s.name,
				err)
		}
		if len(a) != n+1 {
			return nil, nil, nil, 0, false, fmt.Errorf("inverse: %s gave %d coefficients for "+
				"degree %d",
				s.name, len(a), n)
		}
		var sum float64
		for k, v := range a {
			if sum += math.Abs(v); !special.Finite(sum) {
				return nil, nil, nil, 0, false, fmt.Errorf(
					"inverse: the coefficients of %s to degree %d are too large for double "+
						"precision",
					s.name, k)
			}
		}
		// 256 units in the last place: compositions of several layers lose some.
		numeric := s.tolerance * math.Abs(ends[0])
		rounding := 0x1p-44*sum + numeric
		uncertainty = func(v float64) float64 { return rounding }
		if s.nonneg {
			uncertainty = func(v float64) float64 { return 0x1p-44*math.Abs(v) + numeric }
		}
		goal := set.Tolerance * d.scale
		var tail func(n int) float64
		switch {
		case s.polynomial != nil:
			left := make([]float64, len(s.polynomial)+1)
			for k := len(s.polynomial) - 1; k >= 0; k-- {
				left[k] = left[k+1] + math.Abs(s.polynomial[k])
			}
			tail, proved = func(n int) float64 { return left[n+1] + s.rest }, true
		case s.nonneg: // |Σ_{k>n} a_k c^k| is largest at c = 1
			proved = true
			partial := make([]float64, len(a))
			floats.CumSum(partial, a)
			rounding := 0x1p-52*float64(len(a)+16)*ends[0] + numeric
			tail = func(n int) float64 { return math.Max(0, ends[0]-partial[n]) + rounding }
		default:
			_, e, err := s.distance(d, cutOff(a, 0), 1, 0)
			if err != nil {
				return nil, nil, nil, 0, false, err
			}
			left := make([]float64, len(a)+1)
			for k := len(a) - 1; k >= 0; k-- {
				left[k] = left[k+1] + math.Abs(a[k])
			}
			tail = func(n int) float64 { return left[n+1] + e }
		}
		if rest = tail(n); n == most || rest <= goal {
			if set.Degree == 0 {
				n = sort.Search(n, func(k int) bool { return tail(k) <= goal })
			}
			return a[:n+1], a, uncertainty, tail(n), proved, nil
		}
	}
}

func (s *source) certifyStructure(d *fitData, set CertifySettings) (*Certificate, error) {
	a, look, uncertainty, rest, proved, err := s.series(d, set)
	if err != nil {
		return nil, err
	}
	if s.polynomial != nil {
		look = s.polynomial // its verdict is about all of it
	}
	c := &Certificate{
		Target:     s.name,
		Proof:      true,
		Rest:       rest,
		RestProved: proved,
		Degree:     len(look) - 1,
		Least:      Coefficient{Degree: -1},
	}
	c.Coeffs = append(c.Coeffs, look...)
	c.Uncertainty = make([]float64, len(look))
	for k, v := range look {
		if s.polynomial == nil {
			c.Uncertainty[k] = uncertainty(v)
		}
		c.least(k)
	}
	switch {
	case s.nonneg && s.rest == 0:
		c.Verdict, c.Reason = Realizable, "all coefficients are ≥ 0 by construction"
		if s.polynomial != nil {
			c.Reason = "all coefficients are ≥ 0"
		}
	case c.negative():
		c.Verdict, c.Reason = NotRealizable, fmt.Sprintf("the coefficient of c^%d is %.6g",
			c.Least.Degree, c.Least.Value)
	case s.polynomial != nil:
		c.Proof, c.Reason = false, fmt.Sprintf(
			"all coefficients to degree %d are ≥ 0; the series was cut off there", c.Degree)
	default:
		c.Proof, c.Reason = false, fmt.Sprintf(
			"no coefficient to degree %d is below 0 by more than rounding", c.Degree)
	}
	if c.Verdict == NotRealizable {
		return c, s.nearest(c, d, set)
	}
	kept := make([]float64, len(a))
	for k, v := range a {
		kept[k] = math.Max(0, v)
	}
	c.Nearest = cutOff(kept, rest)
	c.MeanDistance, c.MaxDistance, err = s.distance(d, c.Nearest, 1, 0)
	return c, err
}

// negative says whether a coefficient is below 0 by more than its error bar, and
// makes the lowest of these the least.
func (c *Certificate) negative() bool {
	found := false
	for k, v := range c.Coeffs {
		if u := c.Uncertainty[k]; v < -u && (!found || v < c.Least.Value) {
			c.Least, found = Coefficient{k, v, u}, true
		}
	}
	return found
}

// least takes note of coefficient k.
func (c *Certificate) least(k int) {
	v, u := c.Coeffs[k], c.Uncertainty[k]
	if c.Least.Degree < 0 || v+4*u < c.Least.Value+4*c.Least.Uncertainty {
		c.Least = Coefficient{k, v, u}
	}
}

// nearest fits the kernel to have instead.
func (s *source) nearest(c *Certificate, d *fitData, set CertifySettings) error {
	f, err := s.nearestFit(d, set, 1, 0)
	if err != nil {
		return err
	}
	c.Nearest, c.MeanDistance, c.MaxDistance = f.Series, f.Mean, f.Max
	c.Rest, c.RestProved = f.Max, false
	return nil
}

// nearestFit fits with the degree asked for, or doubles it until the tolerance,
// or what the noise of samples explains, is reached.
func (s *source) nearestFit(d *fitData, set CertifySettings, slope, shift float64) (*NearestKernel,
	error) {
	most := set.MaxDegree
	if set.Degree > 0 {
		most = set.Degree
	}
	for n := min(8, most); ; n = min(2*n, most) {
		if set.Degree > 0 {
			n = most
		}
		f, err := s.fit(d, n, slope, shift)
		if err != nil {
			return nil, err
		}
		f.Series = cutOff(series.TrimZeros(f.Series.Coeffs()), 0)
		if n == most || f.Max <= set.Tolerance*d.scale ||
			d.noisy && d.explained(f.Series, slope, shift) {
			return f, nil
		}
	}
}

func (s *source) certifyValues(d *fitData, set CertifySettings) (*Certificate, error) {
	c := &Certificate{Target: s.name, Degree: -1, Least: Coefficient{Degree: -1}}
	var notAnalytic string
	if s.samples != nil {
		s.coefficientsOfSamples(c, d)
	} else {
		var err error
		if notAnalytic, err = s.coefficientsOfFunction(c, d); err != nil {
			return nil, err
		}
	}
	if err := s.nearest(c, d, set); err != nil {
		return nil, err
	}
	reason, outer, excess, err := d.separate()
	if err != nil {
		return nil, err
	}
	// A negative coefficient says most, but not where a kernel fits the noisy samples.
	if l := c.Least; l.Degree >= 0 && l.Value < -4*l.Uncertainty && (s.samples == nil || excess) {
		reason = fmt.Sprintf("the coefficient of c^%d is %.4g ± %.2g", l.Degree, l.Value,
			l.Uncertainty)
	} else if reason == "" {
		reason = notAnalytic
	}
	if reason != "" {
		c.Verdict, c.Reason = NotRealizable, reason
		return c, nil
	}
	c.Reason = fmt.Sprintf("no coefficient to degree %d is below 0 by more than its error bar",
		c.Degree)
	if c.Degree < 0 {
		c.Reason = "the values do not contradict it, and determine no coefficient"
	}
	if outer > 1e-3 {
		c.Reason += fmt.Sprintf(
			"; %.2g of the largest value lies in a jump at c = ±1 or in degrees that the values "+
				"there cannot tell from one",
			outer,
		)
	}
	return c, nil
}

// highest is the last degree that Chebyshev expansions are asked for.
const highest = 60

// coefficientsOfFunction expands the curve on [-ρ, ρ] for several ρ and takes,
// for each degree, the interval that determines it best: on small ones the
// expansion is short, large ones do not magnify the errors of the values.
//
// A realizable K has |K| ≤ K(1) on the whole complex disc, so the ellipse with
// foci ±ρ through ±1 bounds its coefficient of T_j(c/ρ) by 2 K(1)/r^j,
// r = 1/ρ + √(1/ρ² - 1). The error bars hold for every realizable K, and a
// coefficient beyond that bound is a reason against it, which is returned.
func (s *source) coefficientsOfFunction(c *Certificate, d *fitData) (reason string, err error) {
	ends, err := s.values([]float64{1})
	if err != nil {
		return "", err
	}
	top := math.Max(ends[0]/d.scale, 0)
	resolved := true
	best := make([]Coefficient, highest+1)
	for k := range best {
		best[k] = Coefficient{k, 0, math.Inf(1)}
	}
	var t [][]float64
	for _, rho := range []float64{0.95, 0.9, 0.85, 0.8, 0.75, 0.7, 0.65, 0.6, 0.55, 0.5, 0.45, 0.4,
		0.35, 0.3, 0.25, 0.2, 0.15, 0.1} {
		r := 1/rho + math.Sqrt(1/(rho*rho)-1)
		n := int(math.Ceil(math.Log(2/valueError)/math.Log(r))) + 2
		if t == nil {
			t = series.ChebyshevInPowers(n + 61)
		}
		x := make([]float64, n)
		for i := range x {
			x[i] = rho * series.ChebyshevPoint(i, n)
		}
		v, err := s.values(x)
		if err != nil {
			return "", err
		}
		for i, y := range v {
			x[i] = y / d.scale
		}
		coeffs := series.ChebyshevCoeffs(x)
		for j := range coeffs {
			if bound := 2 * top / math.Pow(r, float64(j)); j > 0 && reason == "" &&
				math.Abs(coeffs[j]) > bound+16*s.rounding() {
				reason = fmt.Sprintf(
					"on [-%g, %g] its coefficient of T_%d is %.3g, and no kernel with this K(1) "+
						"has more than %.3g",
					rho,
					rho,
					j,
					math.Abs(coeffs[j])*d.scale,
					bound*d.scale,
				)
			}
			resolved = resolved &&
				(j < 3*n/4 || math.Abs(coeffs[j]) < 8*top/math.Pow(r, float64(j))+16*s.rounding())
		}
		for k := range best {
			var a, u float64
			for j := k; j < n; j++ {
				a += coeffs[j] * t[j][k]
				u += 2 * s.rounding() * math.Abs(t[j][k]) // from rounding, and from what aliases
			}
			for j := max(n, k); j < len(t); j++ {
				u += 2 * top / math.Pow(r, float64(j)) * math.Abs(t[j][k])
			}
			scale := d.scale / math.Pow(rho, float64(k))
			if a, u = a*scale, u*scale; u < best[k].Uncertainty {
				best[k] = Coefficient{k, a, u}
			}
		}
	}
	if !resolved {
		return reason, nil // no analytic function, as far as one sees: it has no coefficients
	}
	parity := d.parity()
	for k, b := range best {
		if parity >= 0 && k%2 != parity {
			b = Coefficient{k, 0, s.rounding() * d.scale} // odd part of an even curve
		}
		if !(b.Uncertainty <= math.Max(math.Abs(b.Value), 1e-6*d.scale)) {
			break
		}
		c.add(b)
	}
	return reason, nil
}

func (c *Certificate) add(b Coefficient) {
	c.Degree = b.Degree
	c.Coeffs = append(c.Coeffs, b.Value)
	c.Uncertainty = append(c.Uncertainty, b.Uncertainty)
	c.least(b.Degree)
}

// coefficientsOfSamples fits a polynomial of the least degree that explains the
// samples; how its coefficients change with two more degrees enters their error
// bars.
func (s *source) coefficientsOfSamples(c *Certificate, d *fitData) {
	var rho float64
	for _, x := range d.c {
		rho = math.Max(rho, math.Abs(x))
	}
	if rho == 0 {
		return
	}
	t := series.ChebyshevInPowers(highest + 1)
	for n := 0; ; n++ {
		f := d.fitPolynomial(n, rho, t)
		if f == nil {
			return
		}
		free := float64(len(d.c) - n - 1)
		if free < 1 || f.chi2 > free+3*math.Sqrt(2*free) {
			continue
		}
		more := d.fitPolynomial(n+2, rho, t)
		if more == nil {
			return
		}
		for k, a := range f.a {
			b := Coefficient{k, a, f.std[k] + math.Abs(more.a[k]-a)}
			if !d.determined(b) {
				return
			}
			c.add(b)
		}
		return
	}
}

// determined says whether the values say enough of a coefficient to give it.
func (d *fitData) determined(b Coefficient) bool {
	if b.Uncertainty <= math.Max(math.Abs(b.Value), 1e-6*d.scale) {
		return true
	}
	// A noisy value that is 0 within its error is known to that error.
	return d.noisy && !(b.Uncertainty > 0.05*d.scale)
}

// polynomialFit is a polynomial in c through noisy values.
type polynomialFit struct {
	a, std []float64 // coefficients of c^k and their standard deviations
	chi2   float64   // sum of the squared residuals over errors
}

// fitPolynomial fits Σ b_j T_j(c/rho) to degree n by least squares. It is nil where the values
// do not determine the b_j. t are the T_j in powers.
func (d *fitData) fitPolynomial(n int, rho float64, t [][]float64) *polynomialFit {
	m := len(d.c)
	if n+1 > m || n > highest {
		return nil
	}
	x, y := mat.NewDense(m, n+1, nil), mat.NewVecDense(m, nil)
	for i := range m {
		z, w := d.c[i]/rho, 1/d.std[i]
		p, q := 1.0, z
		for j := range n + 1 {
			x.Set(i, j, w*p)
			p, q = q, 2*z*q-p
		}
		y.SetVec(i, w*d.v[i])
	}
	var qr mat.QR
	qr.Factorize(x)
	var b, r mat.VecDense
	if !(qr.Cond() < 1e10) || qr.SolveVecTo(&b, false, y) != nil {
		return nil
	}
	r.MulVec(x, &b)
	r.SubVec(y, &r)
	f := &polynomialFit{chi2: mat.Dot(&r, &r)}
	if !special.Finite(f.chi2) {
		return nil
	}
	var upper mat.Dense
	qr.RTo(&upper)
	f.a, f.std = d.inPowers(&b, &upper, rho, t)
	return f
}

// inPowers returns the coefficients of c^k of Σ b_j T_j(c/rho) and their standard deviations:
// a_k is g·b, and the covariance of b is (RᵀR)⁻¹, so that a_k has the deviation ‖R⁻ᵀ g‖.
func (d *fitData) inPowers(
	b *mat.VecDense, upper *mat.Dense, rho float64, t [][]float64,
) (a, std []float64) {
	a, std = make([]float64, b.Len()), make([]float64, b.Len())
	g := make([]float64, b.Len())
	for k := range a {
		scale := d.scale / math.Pow(rho, float64(k))
		for j := range g {
			g[j] = 0
			if k <= j {
				g[j] = t[j][k] * scale
			}
			a[k] += g[j] * b.AtVec(j)
		}
		for j := range g {
			for i := range j {
				g[j] -= upper.At(i, j) * g[i]
			}
			g[j] /= upper.At(j, j)
		}
		std[k] = euclidean(g)
	}
	return a, std
}
