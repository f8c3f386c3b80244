package designer

import (
	"context"
	"math"
	"time"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/design"
	"github.com/kernelsmith/kernelsmith/ntk/inverse"
	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/interp"
)

// cs are the cosines that are drawn, zs the pre-activations.
var cs, zs = cosines(41), floats.Span(make([]float64, 121), -3, 3)

// cosines returns -cos x at n equal steps of x from 0 to π, so that the cosines ascend.
func cosines(n int) []float64 {
	c := floats.Span(make([]float64, n), 0, math.Pi)
	for i, x := range c {
		c[i] = -math.Cos(x)
	}
	return c
}

// curves are what is drawn of a net: its kernel at cs, the kernel's standard deviation at width 1,
// and φ at zs.
type curves struct{ kernel, spread, phi []float64 }

// exact is a kernel that is asked for, and the net that has it or the nearest of its degree.
type exact struct {
	asked  ntk.PowerSeries
	values []float64 // of asked, at cs
	net    *inverse.Result
	curves
}

var signRules = []inverse.SignRule{
	inverse.AllPlus, inverse.Alternating, inverse.PaperSigns, inverse.LeastVariance,
}

// invert finds the net for coefficients. Its certificate and its distance are those of the degree
// that the coefficients have, which is what is drawn.
func invert(a []float64, rule inverse.SignRule) (e exact, err error) {
	if e.asked, err = ntk.NewPowerSeries(a); err != nil {
		return e, err
	}
	if e.values, err = e.asked.Curve(cs); err != nil {
		return e, err
	}
	e.net, err = inverse.Of(e.asked, &inverse.Settings{
		Degree: len(a) - 1, SignRule: rule, SignCosines: cosines(9), AcceptNearest: true,
	})
	if err != nil {
		return e, err
	}
	if e.kernel, err = e.net.Kernel.Curve(cs); err != nil {
		return e, err
	}
	if e.spread, err = design.FromSeries(e.net.Phi).Spread(cs); err != nil {
		return e, err
	}
	e.phi, err = ntk.Values(e.net.Phi, zs)
	return e, err
}

// forms are what can be fitted, patience is how long that may take; else the best so far is taken.
var forms = []struct {
	name   string
	family design.Family
}{
	{"ReLU + cosine", design.Paper()},
	{"ReLU + 2 cosines", design.Family{ReLUs: 1, Cosines: 2}},
}

const patience = 5 * time.Second

// fitted is a formula whose kernel is near the one asked for.
type fitted struct {
	*design.Design
	curves
}

// fit finds a formula of the family for what is asked.
func (e exact) fit(family design.Family, patience time.Duration) (f fitted, err error) {
	target, err := e.asked.Kernel()
	if err != nil {
		return f, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	found, err := design.Fit(ctx, family, design.Problem{Target: target},
		&design.Settings{Starts: 300, Polish: 12})
	if found == nil || found.Design == nil {
		return f, err
	}
	f.Design = found.Design
	kernel, err := f.NTK()
	if err != nil {
		return f, err
	}
	if f.kernel, err = kernel.Curve(cs); err != nil {
		return f, err
	}
	if f.phi, err = ntk.Values(f.Formula, zs); err != nil {
		return f, err
	}
	// The spread at a cosine takes a thousand times longer than the kernel.
	const few = 11
	spread, err := f.Spread(cosines(few))
	if err != nil {
		return f, err
	}
	var between interp.AkimaSpline
	if err := between.Fit(floats.Span(make([]float64, few), 0, math.Pi), spread); err != nil {
		return f, err
	}
	for _, x := range floats.Span(make([]float64, len(cs)), 0, math.Pi) {
		f.spread = append(f.spread, between.Predict(x))
	}
	return f, nil
}

// off is how far a kernel is from what is asked, at cs, which are at equal steps of the angle: the
// root of the mean square, and the largest difference.
func (e exact) off(c curves) (mean, largest float64) {
	d := floats.SubTo(make([]float64, len(cs)), c.kernel, e.values)
	return floats.Norm(d, 2) / math.Sqrt(float64(len(d))), floats.Norm(d, math.Inf(1))
}
