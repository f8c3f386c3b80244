package page

import (
	"context"
	"fmt"
	"math"
	"strings"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/design"
	"github.com/kernelsmith/kernelsmith/ntk/inverse"
	"github.com/kernelsmith/kernelsmith/site/live/internal/formula"
)

// lastCoefficient is the degree of the polynomial under the sliders.
const lastCoefficient = 5

// sources are what a kernel can be taken from; nil for what is read in another way.
var sources = map[string]func(v *values) (ntk.Kernel, error){
	"coefficients": nil,
	"formula":      nil,
	"gaussian": func(v *values) (ntk.Kernel, error) {
		return ntk.GaussianKernel(v.number("length"))
	},
	"laplace": func(v *values) (ntk.Kernel, error) {
		return ntk.LaplaceKernel(v.number("length"))
	},
	"relu": func(v *values) (ntk.Kernel, error) { return netKernel(v, ntk.ReLU{}) },
	"erf":  func(v *values) (ntk.Kernel, error) { return netKernel(v, ntk.Erf{}) },
}

func netKernel(v *values, phi ntk.Activation) (ntk.Kernel, error) {
	net, err := ntk.UniformFCN(v.whole("depth"), phi, math.Sqrt2, 0.1)
	if err != nil {
		return ntk.Kernel{}, err
	}
	return net.NTK()
}

var signRules = map[string]inverse.SignRule{
	"plus": inverse.AllPlus, "alternating": inverse.Alternating, "paper": inverse.PaperSigns,
	"least": inverse.LeastVariance,
}

// wish is the kernel that is asked for.
type wish struct {
	name   string
	target inverse.Target
	kernel func() (ntk.Kernel, error) // the same for a fit
	key    string                     // the same for equal kernels
}

func (v *values) wish() (w wish, err error) {
	source := v.of["source"]
	of := choice(v, "source", sources)
	w.key = source
	for _, name := range []string{"formula", "p", "length", "depth"} {
		w.key += "|" + v.of[name]
	}
	switch source {
	case "coefficients":
		a := make([]float64, lastCoefficient+1)
		for k := range a {
			a[k] = v.number(fmt.Sprint("a", k))
		}
		w.key = fmt.Sprint(a)
		series, err := ntk.NewPowerSeries(a)
		w.name, w.target, w.kernel = polynomial(a), series, series.Kernel
		return w, err
	case "formula":
		constants := map[string]float64{"p": v.number("p")}
		f, err := formula.Parse(v.of["formula"], constants)
		if err == nil {
			_, err = f.Curve(cosines(201))
		}
		if err != nil {
			v.fail("formula", err)
			return w, err
		}
		w.name, w.target, w.kernel = f.String(), f, f.Kernel
		if f.Uses("p") {
			w.name += ", p = " + v.of["p"]
		}
		return w, nil
	}
	if v.err != nil {
		return w, v.err
	}
	K, err := of(v)
	w.name, w.target = fmt.Sprint(K), K
	w.kernel = func() (ntk.Kernel, error) { return K, nil }
	return w, err
}

// polynomial writes Σ a_k c^k out.
func polynomial(a []float64) string {
	var b strings.Builder
	for k, v := range a {
		if v == 0 {
			continue
		}
		sign, power := "+", ""
		if v < 0 {
			sign = "−"
		}
		if k > 0 {
			power = " c" + superscript(k)
		}
		switch {
		case b.Len() > 0:
			fmt.Fprintf(&b, " %s %.4g%s", sign, math.Abs(v), power)
		case v < 0:
			fmt.Fprintf(&b, "−%.4g%s", -v, power)
		default:
			fmt.Fprintf(&b, "%.4g%s", v, power)
		}
	}
	if b.Len() == 0 {
		return "0"
	}
	return b.String()
}

func superscript(k int) string {
	if k == 1 {
		return ""
	}
	return string([]rune("⁰¹²³⁴⁵⁶⁷⁸⁹")[k : k+1])
}

// exact is the Hermite series whose net has the kernel, or the nearest one of its degree.
type exact struct {
	verdict *inverse.Certificate
	nearest *inverse.NearestKernel
	net     *inverse.Result
	curves
}

func invert(target inverse.Target, degree int, rule inverse.SignRule) (e exact, err error) {
	if e.verdict, err = inverse.Certify(target, &inverse.CertifySettings{
		Degree: 24, MaxDegree: 200}); err != nil {
		return e, err
	}
	if e.nearest, err = inverse.Nearest(target, degree, nil); err != nil {
		return e, err
	}
	e.net, err = inverse.Of(e.nearest.Series, &inverse.Settings{
		Degree: degree, SignRule: rule, SignCosines: cosines(9),
	})
	if err != nil {
		return e, err
	}
	if e.kernel, err = e.net.Kernel.Curve(at); err != nil {
		return e, err
	}
	if e.spread, err = design.FromSeries(e.net.Phi).Spread(at); err != nil {
		return e, err
	}
	e.phi, err = ntk.Values(e.net.Phi, zs)
	return e, err
}

// kernelPart designs a kernel.
func kernelPart(
	ctx context.Context, q Request, v *values, progress Progress, out *Response,
) error {
	w, err := v.wish()
	if err != nil {
		return err
	}
	degree, rule := v.whole("degree"), choice(v, "signs", signRules)
	width := 1 << v.whole("width")
	if v.err != nil {
		return v.err
	}
	e, err := invert(w.target, degree, rule)
	if err != nil {
		return err
	}
	f, err := fitOrKept(ctx, q, w, v, progress, out)
	if err != nil {
		return err
	}
	asked, err := w.target.Curve(at)
	if err != nil {
		return err
	}
	b := board{asked: asked, width: width}
	b.add("series", e.curves)
	var phi design.Exportable = design.FromSeries(e.net.Phi)
	off := distance{e.nearest.Mean, e.nearest.Max}
	if f.there() {
		b.add("formula", f.curves)
		phi, off = f.Design.Formula, distance{f.Design.Error.Mean, f.Design.Error.Max}
	}
	b.draw(out)
	out.Texts["verdict"] = verdict(w.name, e.verdict)
	out.Texts["series"] = e.text(degree, width)
	out.Texts["formula"] = f.text(width)
	return exported(v, phi, w.name, off, out)
}

// verdict is the certificate in a sentence or two.
func verdict(name string, c *inverse.Certificate) string {
	how := "evidence"
	if c.Proof {
		how = "proof"
	}
	says := "A net of one hidden layer has this kernel"
	switch c.Verdict {
	case inverse.NotRealizable:
		says = "No net of one hidden layer has this kernel"
	case inverse.Undetermined:
		says = fmt.Sprintf("Nothing speaks against this kernel up to degree %d", c.Degree)
	}
	return fmt.Sprintf("%s (%s: %s). K(c) = %s.", says, how, c.Reason, name)
}

// text describes the series.
func (e exact) text(degree, width int) string {
	b := make([]string, 0, degree+1)
	for k, v := range e.net.Coeffs {
		if v != 0 {
			b = append(b, fmt.Sprintf("b%s = %.4f", subscript(k), v))
		}
	}
	return fmt.Sprintf("Degree %d: the kernel drawn %s. One net of width %d strays from it by "+
		"%.2g (standard deviation, mean over θ). φ = Σ bₖ hₖ with %s; %v.", degree,
		distance{e.nearest.Mean, e.nearest.Max}, width, mean(e.spread)/math.Sqrt(float64(width)),
		strings.Join(b, ", "), e.net.Growth)
}

func subscript(k int) string {
	digits := []rune("₀₁₂₃₄₅₆₇₈₉")
	if k < 10 {
		return string(digits[k])
	}
	return string(digits[k/10]) + string(digits[k%10])
}

// distance is how far a kernel is from the one asked for.
type distance struct{ mean, most float64 }

// String completes "the kernel …".
func (d distance) String() string {
	if d.most < 1e-9 {
		return "is the one asked for"
	}
	return fmt.Sprintf("is %.2g off in the root mean square over θ, %.2g at most", d.mean, d.most)
}

// mean is the root mean square over θ of values at cosines(n).
func mean(v []float64) float64 {
	var sum float64
	for _, x := range v {
		sum += x * x
	}
	return math.Sqrt(sum / float64(len(v)))
}
