package inverse

import (
	"fmt"
	"math"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/hermite"
)

// Settings are the settings of [Of]; nil means all defaults.
type Settings struct {
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
	// Places says where nearest kernels are fitted.
	Places Places
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
	text := fmt.Sprintf(
		"degree %d: within 3 standard deviations |φ| ≤ %.3g, out to 5 up to %.3g (%.3g times)",
		g.Degree, g.Inside, g.Outside, g.Ratio())
	if g.Ratio() > 100 {
		text += "; fine at infinite width, but rare pre-activations will rule a finite net"
	}
	return text
}

// Result is a one-hidden-layer net that has a kernel.
type Result struct {
	// Phi is φ(u) = Σ b_k h_k(u/s), where s² = σ_w² ‖x‖²/d + σ_b² is the variance
	// of the pre-activations, and Coeffs are its b_k.
	Phi    hermite.Series
	Coeffs []float64
	// Kernel is what the net has, as a curve over the cosine.
	Kernel ntk.PowerSeries
	// Certificate is that of the target; with a bias it is about the coefficients
	// in c̃ = (σ_w² ‖x‖²/d · c + σ_b²)/s², but Nearest is a series in c.
	Certificate *Certificate
	// Rest bounds |target - Kernel| as the certificate's does, where the target
	// was cut off; where Kernel was fitted it is the largest difference seen.
	Rest   float64
	Growth Growth
}

// String says what φ is, how far its kernel may be from the target, and the certificate, in a line.
func (r Result) String() string {
	text := fmt.Sprintf("φ of degree %d, its kernel within %.2g of the target", r.Growth.Degree,
		r.Rest)
	if r.Certificate != nil {
		text += "; " + r.Certificate.String()
	}
	return text
}

// NotRealizableError reports a target that no net of the kind has, with the
// argument and the nearest kernel that one has.
type NotRealizableError struct{ Certificate *Certificate }

// Error implements error.
func (e *NotRealizableError) Error() string {
	return "inverse: no one-hidden-layer net with these σ_w and σ_b has this kernel: " +
		e.Certificate.String()
}

// TruncationError reports that the tolerance was not reached; the inverse
// returned with it has the degree and the rest that it names.
type TruncationError struct {
	Degree          int
	Rest, Tolerance float64 // of |K|, not relative
}

// Error implements error.
func (e *TruncationError) Error() string {
	return fmt.Sprintf(
		"inverse: at degree %d the kernel is still up to %.3g off, more than the tolerance %.3g; "+
			"kernels with a cusp at c = 1 need very many degrees there",
		e.Degree,
		e.Rest,
		e.Tolerance,
	)
}

// Of returns the one-hidden-layer net whose kernel on the sphere is the
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
func Of(target Target, s *Settings) (*Result, error) {
	set, err := s.defaults()
	if err != nil {
		return nil, err
	}
	fromInput, fromBias := set.WeightStd*set.WeightStd*set.NormSquared, set.BiasStd*set.BiasStd
	variance := fromInput + fromBias
	scale := math.Sqrt(variance)
	if !(fromInput > 1e-200 && variance < 1e200) {
		return nil, fmt.Errorf(
			"inverse: WeightStd %v, BiasStd %v and NormSquared %v make a pre-activation's "+
				"variance "+
				"%v, out of range",
			set.WeightStd,
			set.BiasStd,
			set.NormSquared,
			variance,
		)
	}
	slope, shift := fromInput/variance, fromBias/variance

	certify, err := (&CertifySettings{set.Degree, set.Tolerance, set.MaxDegree,
		set.Places}).defaults()
	if err != nil {
		return nil, err
	}
	src, err := sourceOf(target)
	if err != nil {
		return nil, err
	}
	d, err := src.data(certify.Places)
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
		a = cert.Nearest.Coeffs()
	}
	out := &Result{
		Certificate: cert,
		Kernel:      cutOff(cert.Nearest.Coeffs(), 0),
		Rest:        cert.Rest,
		Coeffs:      make([]float64, len(a)),
	}
	for k, v := range a {
		out.Coeffs[k] = math.Sqrt(v / (1 + (1-set.NNGPShare)*float64(k)))
	}
	if err := chooseSigns(out.Coeffs, set, slope, shift, variance); err != nil {
		return nil, err
	}
	if out.Phi, err = hermite.NewSeries(out.Coeffs); err != nil {
		return nil, err
	}
	if out.Phi, err = out.Phi.WithScale(scale); err != nil {
		return nil, err
	}
	out.Growth = growthOf(out.Phi)
	// What noise explains is no fault of the degree.
	goal := certify.Tolerance * d.scale
	if set.Degree == 0 && cert.Verdict != NotRealizable && out.Rest > goal &&
		!(d.noisy && d.explained(out.Kernel, 1, 0)) {
		return out, &TruncationError{len(a) - 1, out.Rest, goal}
	}
	return out, nil
}

// defaults returns the settings with those of the zero value filled in, and what is wrong
// with them.
func (s *Settings) defaults() (Settings, error) {
	var set Settings
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
		return set, fmt.Errorf("inverse: NNGPShare is %v; it must be from 0 to 1", set.NNGPShare)
	case !(set.NormSquared > 0) || math.IsInf(set.NormSquared, 0):
		return set, fmt.Errorf("inverse: NormSquared is %v; it must be a finite number > 0",
			set.NormSquared)
	case set.SignRule < AllPlus || set.SignRule > LeastVariance:
		return set, fmt.Errorf("inverse: SignRule is %d, which is none", set.SignRule)
	case set.SignRule == LeastVariance && len(set.SignCosines) == 0:
		return set, fmt.Errorf(
			"inverse: LeastVariance needs the cosines at which the variance counts: SignCosines " +
				"is " +
				"empty")
	}
	for _, std := range []struct {
		name  string
		value float64
	}{{"WeightStd", set.WeightStd}, {"BiasStd", set.BiasStd}} {
		if !(std.value >= 0) || math.IsInf(std.value, 0) {
			return set, fmt.Errorf("inverse: %s is %v; it must be a finite number ≥ 0", std.name,
				std.value)
		}
	}
	for i, c := range set.SignCosines {
		if !(math.Abs(c) <= 1) {
			return set, fmt.Errorf("inverse: SignCosines[%d] is %v, outside [-1, 1]", i, c)
		}
	}
	for k, sign := range set.Signs {
		if sign != 1 && sign != -1 {
			return set, fmt.Errorf("inverse: sign of degree %d is %d; it must be 1 or -1", k, sign)
		}
	}
	return set, nil
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

// NTK returns the activation φ = Σ ±√(a_k/(k+1)) h_k: on the sphere,
// the NTK of the one-hidden-layer net with σ_w = 1, σ_b = 0 and this φ is
// K(c) = Σ a_k c^k.
//
// signs[k] is the sign of the k-th term, +1 or -1; degrees beyond its length
// get +1, so nil is all plus. Each choice gives the same kernel and another φ.
// A negative coefficient is a [*NotPSDError]; more signs than coefficients, and signs
// other than 1 and -1, are errors.
//
// Source: [SAD22] theorem 1.
func NTK(target ntk.PowerSeries, signs []int) (hermite.Series, error) {
	return activationOf(target, signs, func(k int) float64 { return float64(k + 1) })
}

// NNGP returns the activation φ = Σ ±√a_k h_k, whose one-hidden-layer
// net has the NNGP kernel Σ a_k c^k; otherwise as [NTK].
//
// Source: [SAD22] theorem 1.
func NNGP(target ntk.PowerSeries, signs []int) (hermite.Series, error) {
	return activationOf(target, signs, func(int) float64 { return 1 })
}

func activationOf(
	target ntk.PowerSeries, signs []int, factor func(k int) float64,
) (hermite.Series, error) {
	if _, err := target.Kernel(); err != nil {
		return hermite.Series{}, err
	}
	if len(signs) > len(target.Coeffs()) {
		return hermite.Series{}, fmt.Errorf("inverse: %d signs for %d coefficients", len(signs),
			len(target.Coeffs()))
	}
	b := make([]float64, len(target.Coeffs()))
	for k, a := range target.Coeffs() {
		b[k] = math.Sqrt(a / factor(k))
		if k < len(signs) {
			switch signs[k] {
			case 1:
			case -1:
				b[k] = -b[k]
			default:
				return hermite.Series{}, fmt.Errorf(
					"inverse: sign of degree %d is %d; it must be 1 or -1", k, signs[k])
			}
		}
	}
	return hermite.NewSeries(b)
}
