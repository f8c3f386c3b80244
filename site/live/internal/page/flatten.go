package page

import (
	"context"
	"fmt"
	"math"

	"github.com/kernelsmith/kernelsmith/ntk"
)

// activations are those of the nets to flatten, with kernels in closed form.
var activations = map[string]ntk.Activation{
	"ReLU":       ntk.ReLU{},
	"leaky ReLU": ntk.LeakyReLU(0.2),
	"erf":        ntk.Erf{},
	"GELU":       ntk.GELU{},
	"sin":        ntk.Sin{Amplitude: 1, Frequency: 1},
	"Gaussian":   ntk.Gaussian{Amplitude: 1, Rate: 0.5},
}

// deep is the net that is to be flattened.
func (v *values) deep() (w wish, shallow []float64, err error) {
	name := v.of["phi"]
	phi := choice(v, "phi", activations)
	depth := v.whole("depth", 1, 10)
	sw, sb := v.number("sw", 0.3, 3), v.number("sb", 0, 2)
	if v.err != nil {
		return w, nil, v.err
	}
	kernel := func(depth int) (ntk.Kernel, error) {
		net, err := ntk.UniformFCN(depth, phi, sw, sb)
		if err != nil {
			return ntk.Kernel{}, err
		}
		return net.NTK()
	}
	K, err := kernel(depth)
	if err != nil {
		return w, nil, err
	}
	one, err := kernel(1)
	if err != nil {
		return w, nil, err
	}
	if shallow, err = one.Curve(at); err != nil {
		return w, nil, err
	}
	w.name = fmt.Sprintf("the NTK of %dHL %s, σ_w = %.4g, σ_b = %.4g", depth, name, sw, sb)
	w.target, w.key = K, w.name
	w.kernel = func() (ntk.Kernel, error) { return K, nil }
	return w, shallow, nil
}

// flattenPart shows the kernel of a deep net, and that of the one-hidden-layer net fitted to it.
func flattenPart(
	ctx context.Context, q Request, v *values, progress Progress, out *Response,
) error {
	w, shallow, err := v.deep()
	if err != nil {
		return err
	}
	width := 1 << v.whole("width", 4, 16)
	if v.err != nil {
		return v.err
	}
	asked, err := w.target.Curve(at)
	if err != nil {
		return err
	}
	var f fitted
	if q.Do == "fit" {
		if f, err = fit(ctx, w, v, progress); err != nil {
			return fitError(err)
		}
		if out.Kept, err = f.keep(); err != nil {
			return err
		}
	} else if f, err = unkeep(q.Kept, w.key); err != nil {
		return err
	}
	b := board{asked: asked, width: width}
	off := 0.0
	for i, k := range shallow {
		off += (k - asked[i]) * (k - asked[i]) / float64(len(at))
	}
	out.Texts["verdict"] = fmt.Sprintf("K(c) = %s: K(1) = %.4g, K(0) = %.4g, K(−1) = %.4g. The "+
		"same activation in one layer is %.2g off in the root mean square over θ.", w.name,
		asked[len(at)-1], asked[len(at)/2], asked[0], math.Sqrt(off))
	if f.there() {
		b.add("formula", f.curves)
	}
	b.draw(out)
	kernels := picture("Kernels over the cosine", "cosine c", "K(c)")
	if f.there() {
		lo, hi := b.band(f.curves)
		kernels.Band("formula", at, lo, hi)
	}
	kernels.Line("target", at, asked)
	kernels.Line("shallow", at, shallow)
	if f.there() {
		kernels.Line("formula over", at, f.kernel)
	}
	out.Figures["kernels"] = kernels.SVG()
	out.Numbers["shallow"] = shallow
	out.Texts["formula"], out.Texts["export"] = f.text(width), ""
	if !f.there() {
		return nil
	}
	e := f.Design.Error
	return exported(v, f.Design.Formula, w.name, distance{e.Mean, e.Max}, out)
}
