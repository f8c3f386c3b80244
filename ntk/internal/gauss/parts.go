package gauss

import "math"

// parts are the sizes of the real and of the imaginary part of a number, each with rounding errors
// of its own. Beside u^m 1(u > 0) the mean of cos v is some u^m and that of sin v as much less as v
// is small: of e^{iv} the one would hide that the other has its digits.
type parts struct{ re, im float64 }

// partsOf is the parts of x. If it was made of a phase that is not small, the rounding of that is
// in both.
func partsOf(x complex128, phase float64) parts {
	if math.Abs(phase) > 1 {
		return parts{size(x), size(x)}
	}
	return parts{math.Abs(real(x)), math.Abs(imag(x))}
}

func (p parts) plus(o parts) parts { return parts{p.re + o.re, p.im + o.im} }

// times is the parts of a product.
func (p parts) times(o parts) parts {
	return parts{p.re*o.re + p.im*o.im, p.re*o.im + p.im*o.re}
}

func (p parts) scaled(f float64) parts { return parts{f * p.re, f * p.im} }

// partsLaw is a normal's parts; its covariances are real.
type partsLaw struct {
	mu, mu2       parts
	m11, m12, m22 float64
}

func lawParts(d normal[complex128]) partsLaw {
	return partsLaw{
		partsOf(d.mu, 0), partsOf(d.mu2, 0),
		math.Abs(real(d.m11)), math.Abs(real(d.m12)), math.Abs(real(d.m22)),
	}
}

// partsWithEdge is [withEdge] for parts.
func partsWithEdge(out, edge []parts, m, n int, d, atEdge partsLaw) {
	steinParts(edge, m, n, atEdge, nil)
	steinParts(out, m, n, d, edge)
}

// steinParts is [stein] for parts, with the cut of a gate of u, at the moments edge.
func steinParts(out []parts, m, n int, d partsLaw, edge []parts) {
	w := n + 1
	for i := range m + 1 {
		for j := range w {
			var s parts
			switch {
			case i > 0: // from u^(i-1) v^j
				before := (i-1)*w + j
				s = d.mu.times(out[before])
				if i > 1 {
					s = s.plus(out[before-w].scaled(float64(i-1) * d.m11))
				}
				if j > 0 {
					s = s.plus(out[before-1].scaled(float64(j) * d.m12))
				}
				if edge != nil {
					s = s.plus(edge[before].scaled(d.m11))
				}
			case j > 0:
				s = d.mu2.times(out[j-1])
				if j > 1 {
					s = s.plus(out[j-2].scaled(float64(j-1) * d.m22))
				}
				if edge != nil {
					s = s.plus(edge[j-1].scaled(d.m12))
				}
			default:
				continue
			}
			out[i*w+j] = s
		}
	}
}
