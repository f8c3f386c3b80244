package designer

import (
	"fmt"
	"math"
	"strings"

	"github.com/kernelsmith/kernelsmith/ntk/inverse"
	"github.com/kernelsmith/kernelsmith/plotting"
	"gonum.org/v1/gonum/floats"
)

// visible are the sizes of values, those that a log axis has a place for.
func visible(v []float64) []float64 {
	sizes := make([]float64, len(v))
	for i, x := range v {
		sizes[i] = math.Max(math.Abs(x), 1e-4)
	}
	return sizes
}

// figure has a panel each for kernels, activations, and how far a net's kernel is from the one
// asked for.
type figure struct {
	kernels, shapes, errors *plotting.Figure
	asked                   []float64
	width                   float64
}

// add draws a net: solid what it has, dotted the error of its kernel.
func (f figure) add(name string, c curves, style ...plotting.Style) {
	std := floats.ScaleTo(make([]float64, len(cs)), 1/math.Sqrt(f.width), c.spread)
	lo := floats.SubTo(make([]float64, len(cs)), c.kernel, std)
	hi := floats.AddTo(make([]float64, len(cs)), c.kernel, std)
	f.kernels.Band(name, cs, lo, hi)
	f.kernels.Line(name, cs, c.kernel, style...)
	f.shapes.Line(name, zs, c.phi, style...)
	f.errors.Line(name, cs, visible(std), style...)
	off := floats.SubTo(make([]float64, len(cs)), c.kernel, f.asked)
	if floats.Norm(off, math.Inf(1)) > 1e-9 {
		f.errors.Line("", cs, visible(off), plotting.Like(name), plotting.Dotted)
	}
}

func picture(e exact, f *fitted, kept []curves, width int) plotting.Drawing {
	all := figure{
		kernels: plotting.New(plotting.Options{X: "cosine c", Y: "K(c)"}),
		shapes:  plotting.New(plotting.Options{X: "pre-activation z", Y: "φ(z)"}),
		errors: plotting.New(plotting.Options{
			X: "cosine c", Y: "spread; error (dotted)", LogY: true,
		}),
		asked: e.values,
		width: float64(width),
	}
	for _, k := range kept {
		all.kernels.Line("", cs, k.kernel, plotting.Thin)
		all.shapes.Line("", zs, k.phi, plotting.Thin)
	}
	all.add("Hermite series", e.curves)
	if f != nil {
		all.add("formula", f.curves, plotting.Dashed)
	}
	if e.net.Certificate.Verdict != inverse.Realizable {
		all.kernels.Line("target", cs, all.asked, plotting.Dashed)
	}
	return plotting.Panels([][]plotting.Drawing{{all.kernels, all.shapes, all.errors}},
		plotting.PanelOptions{Letters: true, SharedLegend: true, Width: 9, Height: 3.2})
}

func caption(width int) string {
	return fmt.Sprintf("A: kernels, with a band of one standard deviation of those of nets of "+
		"width %d. B: activations. C: that standard deviation, and dotted how far the kernel is "+
		"from the one asked for.", width)
}

// text says whether the kernel can be had, and what the nets that are drawn are: how far from it,
// how they are spread, and φ.
func text(e exact, f *fitted, width int, about string) string {
	b := make([]string, len(e.net.Coeffs))
	for k, v := range e.net.Coeffs {
		b[k] = fmt.Sprintf("b_%d = %.4f", k, v+0)
	}
	c := e.net.Certificate
	how := "evidence"
	if c.Proof {
		how = "proof"
	}
	lines := []string{
		fmt.Sprintf("K(c) of degree %d: %v (%s: %s)", len(b)-1, c.Verdict, how, c.Reason), "",
		"Hermite series: " + strings.Join(b, "  "), e.says(e.curves, width),
		fmt.Sprint(e.net.Growth),
	}
	if f != nil {
		lines = append(lines, "", "formula: "+f.Formula.String(), e.says(f.curves, width))
	}
	if about != "" {
		lines = append(lines, "", about)
	}
	return strings.Join(lines, "\n") + "\n"
}

// says how far the kernel of a net is from the one asked for, and how it is spread.
func (e exact) says(c curves, width int) string {
	mean, largest := e.off(c)
	std := floats.Norm(c.spread, 2) / math.Sqrt(float64(len(cs)*width))
	if largest < 1e-12 {
		return fmt.Sprintf("its kernel is K, with a standard deviation of %.2g at width %d", std,
			width)
	}
	return fmt.Sprintf("its kernel is %.2g off in the root mean square over θ, %.2g at most, with "+
		"a standard deviation of %.2g at width %d", mean, largest, std, width)
}
