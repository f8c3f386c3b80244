package page

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/design"
	"github.com/kernelsmith/kernelsmith/ntk/inverse"
)

// at are the cosines and zs the pre-activations that curves are drawn at.
var at, zs = cosines(61), span(161, -4, 4)

// curves are what is drawn of a net: its kernel at the cosines, the kernel's standard deviation at
// width 1, and φ.
type curves struct{ kernel, spread, phi []float64 }

// fitted is a formula whose kernel is near the one asked for; the zero value is none.
type fitted struct {
	Of     string // the key of the kernel asked for
	Form   string
	Design *design.Design
	Spread []float64 // at the cosines
	curves
}

func (f fitted) there() bool { return f.Design != nil }

// forms are what a fit searches.
var forms = map[string]design.Family{
	"seven": design.Paper(),
	"ten":   {ReLUs: 1, Cosines: 2},
}

// fit searches a form for the kernel asked for. If ctx ends it is the best so far.
func fit(ctx context.Context, w wish, v *values, progress Progress) (f fitted, err error) {
	family := choice(v, "form", forms)
	if v.err != nil {
		return f, v.err
	}
	K, err := w.kernel()
	if err != nil {
		return f, err
	}
	// So smooth a target needs few starts.
	settings := &design.Settings{Starts: 300, Polish: 12, Progress: func(done, total int) {
		progress(func() Response { return Response{Progress: float64(done) / float64(total)} })
	}}
	r, err := design.Fit(ctx, family, design.Problem{Target: K}, settings)
	if r == nil || r.Design == nil {
		return f, err
	}
	f = fitted{Of: w.key, Form: v.of["form"], Design: r.Design}
	if f.Spread, err = f.Design.Spread(at); err != nil {
		return f, err
	}
	return f, f.complete()
}

// complete computes the curves that are cheap.
func (f *fitted) complete() error {
	K, err := f.Design.NTK()
	if err != nil {
		return err
	}
	if f.kernel, err = K.Curve(at); err != nil {
		return err
	}
	f.spread = f.Spread
	f.phi, err = ntk.Values(f.Design.Formula, zs)
	return err
}

// fitOrKept is the fit that is asked for, which the page is to keep, or else the one that it has
// kept for this kernel.
func fitOrKept(
	ctx context.Context, q Request, w wish, v *values, progress Progress, out *Response,
) (f fitted, err error) {
	if q.Do != "fit" {
		return unkeep(q.Kept, w.key)
	}
	f, err = fit(ctx, w, v, progress)
	if no := (*inverse.NotRealizableError)(nil); errors.As(err, &no) {
		return f, fmt.Errorf("no net has this kernel, so there is nothing to fit: %s",
			no.Certificate.Reason)
	}
	if no := (*ntk.NotPSDError)(nil); errors.As(err, &no) {
		return f, fmt.Errorf("no net has this kernel, so there is nothing to fit: %w", err)
	}
	if err != nil {
		return f, fmt.Errorf("no formula was found: %w", err)
	}
	out.Kept, err = json.Marshal(f)
	return f, err
}

// unkeep reads what was kept, if it belongs to the kernel asked for.
func unkeep(kept json.RawMessage, key string) (f fitted, err error) {
	if len(kept) == 0 || string(kept) == "null" {
		return fitted{}, nil
	}
	if err := json.Unmarshal(kept, &f); err != nil {
		return fitted{}, fmt.Errorf("what was kept of a fit is none: %w", err)
	}
	if f.Of != key || f.Design == nil || len(f.Spread) != len(at) {
		return fitted{}, nil
	}
	return f, f.complete()
}

// text describes the formula.
func (f fitted) text(width int) string {
	if !f.there() {
		return ""
	}
	e := f.Design.Error
	return fmt.Sprintf("φ(z) = %v. Its kernel %s. One net of width %d strays from it by %.2g "+
		"(standard deviation, mean over θ).", f.Design.Formula, distance{e.Mean, e.Max}, width,
		mean(f.Spread)/math.Sqrt(float64(width)))
}

// board is the picture of a kernel that is asked for, and nets that come near it.
type board struct {
	asked  []float64
	width  int
	names  []string
	nets   []curves
	beside *curves // a kernel and φ to compare with, or nil
}

func (b *board) add(name string, c curves) {
	b.names, b.nets = append(b.names, name), append(b.nets, c)
}

// std is the standard deviation of the kernels of nets of the width.
func (b *board) std(c curves) []float64 {
	out := make([]float64, len(at))
	for i, v := range c.spread {
		out[i] = v / math.Sqrt(float64(b.width))
	}
	return out
}

// band is the kernel of a net, less and plus that.
func (b *board) band(c curves) (lo, hi []float64) {
	lo, hi = make([]float64, len(at)), b.std(c)
	for i, k := range c.kernel {
		lo[i], hi[i] = k-hi[i], k+hi[i]
	}
	return lo, hi
}

// off is how far a kernel is from the one asked for, or nil if it is that but for rounding.
func (b *board) off(c curves) []float64 {
	const least = 1e-6 // that a log axis has a place for
	out := make([]float64, len(at))
	most := 0.0
	for i, k := range c.kernel {
		out[i] = math.Max(math.Abs(k-b.asked[i]), least)
		most = math.Max(most, out[i])
	}
	if most == least {
		return nil
	}
	return out
}

// draw makes the three charts: kernels, activations, spread and error.
func (b *board) draw(out *Response) {
	kernels := picture("Kernels over the cosine", "cosine c", "K(c)")
	shapes := picture("Activations", "pre-activation z", "φ(z)")
	errors := picture("Standard deviation of the kernel of one net, and error of its mean",
		"cosine c", "spread; error (dotted)")
	errors.LogY = true
	for i, c := range b.nets {
		lo, hi := b.band(c)
		kernels.Band(b.names[i], at, lo, hi)
		shapes.Line(b.names[i], zs, c.phi)
		errors.Line(b.names[i], at, b.std(c))
		errors.Line(b.names[i]+" dotted", at, b.off(c))
		out.Numbers[b.names[i]] = c.kernel
		out.Numbers[b.names[i]+" phi"] = c.phi
		out.Numbers[b.names[i]+" spread"] = c.spread
	}
	kernels.Line("target", at, b.asked)
	if b.beside != nil {
		kernels.Line("shallow", at, b.beside.kernel)
		shapes.Line("shallow", zs, b.beside.phi)
		errors.Line("shallow dotted", at, b.off(*b.beside))
	}
	for i, c := range b.nets {
		kernels.Line(b.names[i]+" over", at, c.kernel)
	}
	out.Numbers["target"] = b.asked
	out.Figures["kernels"] = kernels.SVG()
	out.Figures["shapes"] = shapes.SVG()
	out.Figures["errors"] = errors.SVG()
}
