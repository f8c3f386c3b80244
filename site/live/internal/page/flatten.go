package page

import (
	"context"
	"fmt"

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

// deep is the net that is to be flattened, and what one layer of its activation has.
func (v *values) deep() (w wish, shallow curves, err error) {
	name := v.of["phi"]
	phi := choice(v, "phi", activations)
	depth := v.whole("depth")
	sw, sb := v.number("sw"), v.number("sb")
	if v.err != nil {
		return w, shallow, v.err
	}
	net, err := ntk.UniformFCN(depth, phi, sw, sb)
	if err != nil {
		return w, shallow, err
	}
	K, err := net.NTK()
	if err != nil {
		return w, shallow, err
	}
	w.name = fmt.Sprintf("the NTK of %dHL %s, σ_w = %.4g, σ_b = %.4g", depth, name, sw, sb)
	w.target, w.key = K, w.name
	w.kernel = func() (ntk.Kernel, error) { return K, nil }
	if net, err = ntk.UniformFCN(1, phi, sw, sb); err != nil {
		return w, shallow, err
	}
	one, err := net.NTK()
	if err != nil {
		return w, shallow, err
	}
	if shallow.kernel, err = one.Curve(at); err != nil {
		return w, shallow, err
	}
	shallow.phi, err = ntk.Values(phi, zs)
	return w, shallow, err
}

// flattenPart shows the kernel of a deep net, and that of the one-hidden-layer net fitted to it.
func flattenPart(
	ctx context.Context, q Request, v *values, progress Progress, out *Response,
) error {
	w, shallow, err := v.deep()
	if err != nil {
		return err
	}
	width := 1 << v.whole("width")
	if v.err != nil {
		return v.err
	}
	f, err := fitOrKept(ctx, q, w, v, progress, out)
	if err != nil {
		return err
	}
	b := board{width: width, beside: &shallow}
	if b.asked, err = w.target.Curve(at); err != nil {
		return err
	}
	if f.there() {
		b.add("formula", f.curves)
	}
	b.draw(out)
	out.Numbers["shallow"] = shallow.kernel
	off := make([]float64, len(at))
	for i, k := range shallow.kernel {
		off[i] = k - b.asked[i]
	}
	out.Texts["verdict"] = fmt.Sprintf("K(c) = %s: K(1) = %.4g, K(0) = %.4g, K(−1) = %.4g. One "+
		"layer of the same activation is %.2g off in the root mean square over θ.", w.name,
		b.asked[len(at)-1], b.asked[len(at)/2], b.asked[0], mean(off))
	out.Texts["formula"], out.Texts["export"] = f.text(width), ""
	if !f.there() {
		return nil
	}
	e := f.Design.Error
	return exported(v, f.Design.Formula, w.name, distance{e.Mean, e.Max}, out)
}
