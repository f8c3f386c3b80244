package ntk

import (
	"errors"
	"fmt"
	"math"
	"math/big"

	"github.com/kernelsmith/kernelsmith/ntk/hermite"
)

// SignRule chooses the signs of the b_k, each choice of which gives the same
// kernel.
type SignRule int

const (
	AllPlus       SignRule = iota // +, +, +, …
	Alternating                   // +, -, +, -, …
	PaperSigns                    // +, +, -, -, +, +, … as in [SAD22] fig. 1
	LeastVariance                 // the least finite-width variance, see InverseSettings
)

// String returns the name of the rule.
func (r SignRule) String() string {
	switch r {
	case AllPlus:
		return "all plus"
	case Alternating:
		return "alternating"
	case PaperSigns:
		return "paper"
	case LeastVariance:
		return "least variance"
	}
	return fmt.Sprintf("SignRule(%d)", int(r))
}

// InverseSettings are the settings of [Invert]; nil means all defaults.
type InverseSettings struct {
	// NNGPShare says which kernel of the net the target is: 0 the NTK, 1 the NNGP
	// kernel, between them (1 - NNGPShare) NTK + NNGPShare NNGP.
	NNGPShare float64
	// WeightStd and BiasStd are σ_w and σ_b of the hidden layer; a WeightStd of 0
	// means 1. The readout has 1 and 0.
	WeightStd, BiasStd float64
	// NormSquared is ‖x‖²/d of the inputs on which the net has the kernel; 0
	// means 1. The target stays a curve over the cosine.
	NormSquared float64
	// Degree, if > 0, is the degree of φ at most. With 0 it is chosen to leave
	// Tolerance, and not reaching that by MaxDegree is an error.
	Degree int
	// Tolerance is the largest |K(c) - target| to leave, over the largest |K(c)|;
	// 0 means 1e-10.
	Tolerance float64
	// MaxDegree is 1000 if 0.
	MaxDegree int
	// Fit says where nearest kernels are fitted.
	Fit FitSettings
	// Signs[k] is the sign of b_k, 1 or -1; SignRule gives those beyond its end.
	Signs    []int
	SignRule SignRule
	// SignCosines are the cosines of pairs of inputs over which LeastVariance
	// makes the mean variance of the empirical kernel least; it needs at least
	// one. It tries all signs of up to 12 nonzero terms; for more it goes
	// downhill one and two signs at a time from the other rules, to a minimum that
	// may be a local one. Degree 170 is the highest for it.
	SignCosines []float64
	// AcceptNearest takes the nearest kernel where the target cannot be had.
	AcceptNearest bool
}

// Growth tells how a polynomial φ leaves the range of its pre-activations, whose
// standard deviation is s. In a finite net some lie there, and training moves
// more of them.
type Growth struct {
	Degree int
	// Inside is max |φ| for |u| ≤ 3s, Outside that for 3s ≤ |u| ≤ 5s.
	Inside, Outside float64
}

// Ratio is Outside over Inside, and 1 for the zero function.
func (g Growth) Ratio() float64 {
	if g.Inside == g.Outside {
		return 1
	}
	return g.Outside / g.Inside
}

// String says what the growth means for a finite net.
func (g Growth) String() string {
	text := fmt.Sprintf("degree %d: within 3 standard deviations |φ| ≤ %.3g, out to 5 up to %.3g (%.3g times)", g.Degree, g.Inside, g.Outside, g.Ratio())
	if g.Ratio() > 100 {
		text += "; fine at infinite width, but rare pre-activations will rule a finite net"
	}
	return text
}

// Inverse is a one-hidden-layer net that has a kernel.
type Inverse struct {
	// Phi is φ(u) = Σ b_k h_k(u/s), where s² = σ_w² ‖x‖²/d + σ_b² is the variance
	// of the pre-activations, and Coeffs are its b_k.
	Phi    hermite.Series
	Coeffs []float64
	// Kernel is what the net has, as a curve over the cosine.
	Kernel PowerSeries
	// Certificate is that of the target; with a bias it is about the coefficients
	// in c̃ = (σ_w² ‖x‖²/d · c + σ_b²)/s², but Nearest is a series in c.
	Certificate *Certificate
	// Rest bounds |target - Kernel| as the certificate's does, where the target
	// was cut off; where Kernel was fitted it is the largest difference seen.
	Rest   float64
	Growth Growth
}

// NotRealizableError reports a target that no net of the kind has, with the
// argument and the nearest kernel that one has.
type NotRealizableError struct{ Certificate *Certificate }

// Error implements error.
func (e *NotRealizableError) Error() string {
	return "ntk: no one-hidden-layer net with these σ_w and σ_b has this kernel: " + e.Certificate.String()
}

// TruncationError reports that the tolerance was not reached; the inverse
// returned with it has the degree and the rest that it names.
type TruncationError struct {
	Degree          int
	Rest, Tolerance float64 // of |K|, not relative
}

// Error implements error.
func (e *TruncationError) Error() string {
	return fmt.Sprintf("ntk: at degree %d the kernel is still up to %.3g off, more than the tolerance %.3g; kernels with a cusp at c = 1 need very many degrees there", e.Degree, e.Rest, e.Tolerance)
}

// Invert returns the one-hidden-layer net whose kernel on the sphere is the
// target: with c̃ = (σ_w² ‖x‖²/d · c + σ_b²)/s² and target Σ a_k c̃^k,
// b_k = ±√(a_k/(1 + (1 - NNGPShare) k)).
//
// A target that cannot be had is a [*NotRealizableError], unless its nearest
// kernel is accepted. A tolerance that the degrees do not reach is a
// [*TruncationError] beside a result. The NTK of a net with ReLUs is one: its
// rest at c = 1 falls like a power of the degree, for four layers 2.5/√degree,
// so that degree 1000 still leaves 0.08. Coefficients that fall fast, as those of
// GaussianKernel(ℓ) with ℓ ≥ 0.1, are reached to 1e-10.
//
// With a bias the coefficients of a polynomial target of low degree are shifted
// exactly; others are fitted in c̃, and the certificate is evidence.
//
// Source: [SAD22] theorem 1, appendix A.
func Invert(target Target, s *InverseSettings) (*Inverse, error) {
	var set InverseSettings
	if s != nil {
		set = *s
	}
	if set.WeightStd == 0 {
		set.WeightStd = 1
	}
	if set.NormSquared == 0 {
		set.NormSquared = 1
	}
	switch {
	case !(set.NNGPShare >= 0 && set.NNGPShare <= 1):
		return nil, fmt.Errorf("ntk: NNGPShare is %v; it must be from 0 to 1", set.NNGPShare)
	case !(set.NormSquared > 0) || math.IsInf(set.NormSquared, 0):
		return nil, fmt.Errorf("ntk: NormSquared is %v; it must be a finite number > 0", set.NormSquared)
	case set.SignRule < AllPlus || set.SignRule > LeastVariance:
		return nil, fmt.Errorf("ntk: SignRule is %d, which is none", set.SignRule)
	case set.SignRule == LeastVariance && len(set.SignCosines) == 0:
		return nil, fmt.Errorf("ntk: LeastVariance needs the cosines at which the variance counts: SignCosines is empty")
	}
	if err := checkStd(set.WeightStd, set.BiasStd); err != nil {
		return nil, fmt.Errorf("ntk: %w", err)
	}
	for i, c := range set.SignCosines {
		if !(math.Abs(c) <= 1) {
			return nil, fmt.Errorf("ntk: SignCosines[%d] is %v, outside [-1, 1]", i, c)
		}
	}
	for k, sign := range set.Signs {
		if sign != 1 && sign != -1 {
			return nil, fmt.Errorf("ntk: sign of degree %d is %d; it must be 1 or -1", k, sign)
		}
	}
	fromInput, fromBias := set.WeightStd*set.WeightStd*set.NormSquared, set.BiasStd*set.BiasStd
	variance := fromInput + fromBias
	scale := math.Sqrt(variance)
	if !(fromInput > 1e-200 && variance < 1e200) {
		return nil, fmt.Errorf("ntk: WeightStd %v, BiasStd %v and NormSquared %v make a pre-activation's variance %v, out of range", set.WeightStd, set.BiasStd, set.NormSquared, variance)
	}
	slope, shift := fromInput/variance, fromBias/variance

	certify, err := (&CertifySettings{set.Degree, set.Tolerance, set.MaxDegree, set.Fit}).defaults()
	if err != nil {
		return nil, err
	}
	src, err := sourceOf(target)
	if err != nil {
		return nil, err
	}
	d, err := src.data(certify.Fit)
	if err != nil {
		return nil, err
	}
	var cert *Certificate
	var a []float64 // in c̃
	switch {
	case fromBias > 0:
		cert, a, err = src.certifyShifted(d, certify, slope, shift)
	case src.coeffs != nil:
		cert, err = src.certifyStructure(d, certify)
	default:
		cert, err = src.certifyValues(d, certify)
	}
	if err != nil {
		return nil, err
	}
	if cert.Verdict == NotRealizable && !set.AcceptNearest {
		return nil, &NotRealizableError{cert}
	}
	if fromBias == 0 {
		a = cert.Nearest.a
	}
	out := &Inverse{Certificate: cert, Kernel: PowerSeries{a: cert.Nearest.a}, Rest: cert.Rest, Coeffs: make([]float64, len(a))}
	for k, v := range a {
		out.Coeffs[k] = math.Sqrt(v / (1 + (1-set.NNGPShare)*float64(k)))
	}
	if err := chooseSigns(out.Coeffs, set, slope, shift, variance); err != nil {
		return nil, err
	}
	if out.Phi, err = hermite.NewScaledSeries(out.Coeffs, scale); err != nil {
		return nil, err
	}
	out.Growth = growthOf(out.Phi)
	// What noise explains is no fault of the degree.
	goal := certify.Tolerance * d.scale
	if set.Degree == 0 && cert.Verdict != NotRealizable && out.Rest > goal && !(d.noisy && d.explained(out.Kernel, 1, 0)) {
		return out, &TruncationError{len(a) - 1, out.Rest, goal}
	}
	return out, nil
}

func growthOf(phi hermite.Series) Growth {
	g := Growth{Degree: len(phi.Coeffs()) - 1}
	for i := range 1001 {
		z := 5 * float64(i-500) / 500
		v := math.Abs(phi.Value(z * phi.Scale()))
		if math.IsNaN(v) {
			v = math.Inf(1) // terms of opposite signs, each beyond float64
		}
		if math.Abs(z) <= 3 {
			g.Inside = math.Max(g.Inside, v)
		} else {
			g.Outside = math.Max(g.Outside, v)
		}
	}
	return g
}

// certifyShifted certifies in x = slope·c + shift, shift > 0, and returns the
// coefficients ≥ 0 in x to use.
func (s *source) certifyShifted(d *fitData, set CertifySettings, slope, shift float64) (*Certificate, []float64, error) {
	c := &Certificate{Target: fmt.Sprintf("%s in c̃ = %.4g c + %.4g", s.name, slope, shift), Degree: -1, Least: Coefficient{Degree: -1}}
	if s.polynomial != nil && s.rest == 0 && len(s.polynomial) <= 1001 {
		shifted, bound := taylorShift(s.polynomial, slope, shift)
		known := true
		for _, u := range bound {
			known = known && u <= set.Tolerance*d.scale/float64(len(bound))
		}
		most := len(shifted) - 1
		if set.Degree > 0 {
			most = set.Degree
		} else {
			most = min(most, set.MaxDegree)
		}
		if known {
			c.Coeffs, c.Uncertainty, c.Degree = shifted, bound, len(shifted)-1
			for k := range shifted {
				c.least(k)
			}
			// The shift is exact, so signs are; but what is below 0 by no more than the
			// last digits of the coefficients given need not be meant.
			negative, meant := -1, false
			given := shiftedRounding(s.polynomial, slope, shift)
			for k, v := range shifted {
				if v < 0 && (negative < 0 || v < shifted[negative]) {
					negative = k
				}
				meant = meant || v < -given[k]
			}
			if !meant {
				c.Verdict, c.Proof, c.Reason = Realizable, true, "all coefficients in c̃ are ≥ 0"
				if negative >= 0 {
					c.Verdict, c.Proof = Undetermined, false
					c.Reason = fmt.Sprintf("the coefficient of c̃^%d is %.3g, which the last digits of the coefficients given explain", negative, shifted[negative])
				}
				a := make([]float64, min(most+1, len(shifted)))
				for k := range a {
					if v := shifted[k]; v > given[k] { // what the digits given cannot tell from 0 is 0
						a[k] = v
					}
				}
				for k, v := range shifted {
					if k >= len(a) || a[k] == 0 {
						c.Rest += math.Abs(v)
					}
					c.Rest += bound[k]
				}
				c.RestProved = true
				var err error
				c.Nearest = PowerSeries{a: unshift(a, slope, shift), rest: c.Rest}
				c.MeanDistance, c.MaxDistance, err = s.distance(d, c.Nearest, 1, 0)
				return c, a, err
			}
			c.Least = Coefficient{negative, shifted[negative], bound[negative]}
			c.Verdict, c.Proof = NotRealizable, true
			c.Reason = fmt.Sprintf("the coefficient of c̃^%d is %.6g", c.Least.Degree, c.Least.Value)
		}
	}
	f, err := s.nearestFit(d, set, slope, shift)
	if err != nil {
		return nil, nil, err
	}
	a := f.Series.a
	c.Nearest = PowerSeries{a: unshift(a, slope, shift)}
	c.MeanDistance, c.MaxDistance, c.Rest = f.Mean, f.Max, f.Max
	if c.Verdict == NotRealizable {
		return c, a, nil
	}
	// Coefficients ≥ 0 in c̃ give coefficients ≥ 0 in c: what is no kernel without
	// a bias is none with one.
	if s.coeffs != nil {
		without, err := s.certifyStructure(d, set)
		if err != nil {
			return nil, nil, err
		}
		if without.Verdict == NotRealizable {
			c.Verdict, c.Proof, c.Reason = NotRealizable, true, without.Reason+", and coefficients ≥ 0 in c̃ make those in c so"
			return c, a, nil
		}
	}
	x := &fitData{v: d.v, std: d.std, scale: d.scale, noisy: d.noisy}
	for _, v := range d.c {
		x.c = append(x.c, math.Max(-1, math.Min(1, slope*v+shift)))
		if v == 1 {
			x.c[len(x.c)-1] = 1
		}
	}
	reason, _, _, err := x.separate()
	if err != nil {
		return nil, nil, err
	}
	if reason != "" {
		c.Verdict, c.Reason = NotRealizable, reason
		return c, a, nil
	}
	c.Reason = "no functional that is ≤ 0 on all powers of c̃ tells the values from a kernel"
	return c, a, nil
}

// taylorShift rewrites Σ a_k c^k as a series in x = slope·c + shift. The numbers
// given are taken as exact and the arithmetic keeps all digits that can count, so
// that signs are right; bounds are those of rounding the results to double
// precision.
func taylorShift(a []float64, slope, shift float64) (out, bound []float64) {
	n := len(a)
	out, bound = make([]float64, n), make([]float64, n)
	// A step multiplies by shift and divides by slope: digits lost to cancellation are
	// at most log2((1+shift)/slope) a step, and a step rounds once.
	digits := 200 + uint(float64(n)*(2+2*math.Abs(math.Log2((1+shift)/slope))))
	number := func(v float64) *big.Float { return new(big.Float).SetPrec(digits).SetFloat64(v) }
	zero := number(0)
	x := make([]*big.Float, n)
	for j := range x {
		x[j] = number(0)
	}
	by, over := number(-shift), number(slope)
	// Horner: p ← p·(x - shift)/slope + a_k.
	for k := n - 1; k >= 0; k-- {
		for j := n - 1 - k; j >= 0; j-- {
			x[j].Mul(x[j], by)
			if j > 0 {
				x[j].Add(x[j], x[j-1])
			}
			x[j].Quo(x[j], over)
		}
		x[0].Add(x[0], number(a[k]))
	}
	var size float64
	for j := range out {
		out[j], _ = x[j].Float64()
		size = math.Max(size, math.Abs(out[j]))
	}
	for j := range out {
		switch {
		case math.IsInf(out[j], 0):
			bound[j] = math.Inf(1)
		case x[j].Cmp(zero) != 0 && math.Abs(out[j]) < 0x1p-120*size:
			out[j] = 0 // a division's last digit, where exactly nothing is left
		default:
			bound[j] = 0x1p-53 * math.Abs(out[j])
		}
	}
	return out, bound
}

// shiftedRounding is by how much the rounding of the coefficients a moves each of the
// shifted ones.
func shiftedRounding(a []float64, slope, shift float64) []float64 {
	n := len(a)
	size := make([]float64, n) // the shift with all terms of one sign
	for k := n - 1; k >= 0; k-- {
		for j := n - 1 - k; j >= 0; j-- {
			m := shift * size[j]
			if j > 0 {
				m += size[j-1]
			}
			size[j] = m / slope
		}
		size[0] += math.Abs(a[k])
	}
	for j := range size {
		size[j] *= 0x1p-52
	}
	return size
}

// unshift rewrites Σ a_k (slope·c + shift)^k in c; all is ≥ 0 and nothing
// cancels.
func unshift(a []float64, slope, shift float64) []float64 {
	out := make([]float64, len(a))
	for k := len(a) - 1; k >= 0; k-- {
		for j := len(a) - 1 - k; j >= 0; j-- {
			out[j] *= shift
			if j > 0 {
				out[j] += slope * out[j-1]
			}
		}
		out[0] += a[k]
	}
	return out
}

// ruleSign is the sign of degree k.
func ruleSign(r SignRule, k int) float64 {
	if r == Alternating && k%2 == 1 || r == PaperSigns && k%4 >= 2 {
		return -1
	}
	return 1
}

// chooseSigns gives the b_k ≥ 0 their signs.
func chooseSigns(b []float64, set InverseSettings, slope, shift, variance float64) error {
	if len(set.Signs) > len(b) {
		return fmt.Errorf("ntk: %d signs for %d coefficients", len(set.Signs), len(b))
	}
	for k := range b {
		sign := ruleSign(set.SignRule, k)
		if k < len(set.Signs) {
			sign = float64(set.Signs[k])
		}
		b[k] *= sign
	}
	if set.SignRule != LeastVariance {
		return nil
	}
	var free []int // those that may change; without the caller's, one of them need not
	for k, v := range b {
		if v != 0 && k >= len(set.Signs) {
			free = append(free, k)
		}
	}
	if len(set.Signs) == 0 && len(free) > 0 {
		free = free[1:]
	}
	if len(free) == 0 {
		return nil
	}
	v, err := newVariances(b, set, slope, shift, variance)
	if err != nil {
		return err
	}
	best := v.search(free)
	if !isFinite(best) {
		return errors.New("ntk: the finite-width variance is too large for double precision, whatever the signs; a lower degree is needed")
	}
	copy(b, v.b)
	return nil
}

// variances evaluates the mean variance at the caller's cosines for changing signs.
type variances struct {
	g                 *hermiteRule
	b                 []float64
	value, derivative []float64
	cosines           []float64 // of pre-activations
	variance, tau     float64
}

func newVariances(b []float64, set InverseSettings, slope, shift, variance float64) (*variances, error) {
	g, err := newHermiteRule(len(b) - 1)
	if err != nil {
		return nil, err
	}
	v := &variances{g: g, b: append([]float64(nil), b...), variance: variance, tau: 1 - set.NNGPShare}
	for _, c := range set.SignCosines {
		v.cosines = append(v.cosines, slope*c+shift)
	}
	v.value, v.derivative = make([]float64, len(g.z)), make([]float64, len(g.z))
	for k := range b {
		v.add(k, v.b[k])
	}
	return v, nil
}

func (v *variances) add(k int, b float64) {
	for i, h := range v.g.h {
		v.value[i] += b * h[k]
		if k > 0 {
			v.derivative[i] += b * math.Sqrt(float64(k)/v.variance) * h[k-1]
		}
	}
}

func (v *variances) flip(k int) {
	v.add(k, -2*v.b[k])
	v.b[k] = -v.b[k]
}

func (v *variances) mean() (sum float64) {
	a := v.g.coeffs(v.value, v.derivative)
	for _, c := range v.cosines {
		sum += momentsAt(a, a, c).variance(v.variance*c, v.tau)
	}
	if sum /= float64(len(v.cosines)); math.IsNaN(sum) {
		return math.Inf(1)
	}
	return sum
}

// search finds signs of the free terms; equal means go to the first found, up
// to rounding.
func (v *variances) search(free []int) float64 {
	const less = 1 - 1e-12
	best, kept := v.mean(), append([]float64(nil), v.b...)
	see := func() bool {
		m := v.mean()
		if m < best*less {
			best = m
			copy(kept, v.b)
			return true
		}
		return false
	}
	if len(free) <= 11 {
		for n := 1; n < 1<<len(free); n++ { // in the order of Gray, one flip at a time
			bit := 0
			for n>>bit&1 == 0 {
				bit++
			}
			v.flip(free[bit])
			see()
		}
	} else {
		for _, r := range []SignRule{AllPlus, Alternating, PaperSigns} {
			for _, k := range free {
				if (v.b[k] < 0) != (ruleSign(r, k) < 0) {
					v.flip(k)
				}
			}
			here := v.mean()
			down := func(flips ...int) bool {
				for _, k := range flips {
					v.flip(k)
				}
				if m := v.mean(); m < here*less {
					here = m
					return true
				}
				for _, k := range flips {
					v.flip(k)
				}
				return false
			}
			for sweep, moved := 0, true; moved && sweep < 20; sweep++ {
				moved = false
				for i, k := range free {
					moved = down(k) || moved
					if i > 0 {
						moved = down(free[i-1], k) || moved
					}
				}
			}
			see()
		}
	}
	for _, k := range free {
		if (v.b[k] < 0) != (kept[k] < 0) {
			v.flip(k)
		}
	}
	return best
}
