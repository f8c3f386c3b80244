package gram

import (
	"math"
)

// SlopeNet is a net whose activations are all p·relu(z) - m·relu(-z). At
// standard deviations s, s' and correlation cos θ their duals are
//
//	φ̌ = s s' (α cos θ + β (sin θ - θ cos θ)),   φ̇ = α - β θ,
//	α = (p² + m²)/2,   β = (p - m)²/(2π),
//
// quick enough for kernel matrices of inputs of any norm: see layersRow.
//
// Source: [CS09] eq. 3-6, with relu(-z) at θ → π - θ.
type SlopeNet struct {
	W2, B2 float64 // σ_w², σ_b² of the first layer
	Layers []SlopeLayer
	NTK    bool // which kernel an Evaluator of one is
}

// SlopeLayer is σ_w²α, σ_w²β and σ_b² with the α, β of a layer and the σ of the
// next one.
type SlopeLayer struct{ Alpha, Beta, B2 float64 }

// NewSlopeLayer returns the layer of p·relu(z) - m·relu(-z) that is followed by one with σ_w²
// = w2 and σ_b² = b2.
func NewSlopeLayer(p, m, w2, b2 float64) SlopeLayer {
	return SlopeLayer{w2 * (p*p + m*m) / 2, w2 * (p - m) * (p - m) / (2 * math.Pi), b2}
}

// follow finds the standard deviation of each input's pre-activations.
func (p *points[T]) follow(net *SlopeNet) {
	v := make([]float64, p.n)
	for i, q := range p.q {
		v[i] = net.W2*q + net.B2
	}
	for _, l := range net.Layers {
		std, inverse := make([]float64, p.n), make([]float64, p.n)
		for i, q := range v {
			if q > 0 {
				std[i] = math.Sqrt(q)
				inverse[i] = 1 / std[i]
			}
			v[i] = l.Alpha*q + l.B2
		}
		p.std, p.inverseStd = append(p.std, std), append(p.inverseStd, inverse)
	}
}

// rowWork is room for what a row of pairs takes: the covariances and tangents of a part of it,
// and the pairs that are known better, in the order of columns.
type rowWork struct {
	s, t [chunk]float64
	list []again
}

const chunk = 256

// layersRow sets one and two (nil if there is one kernel) to the kernels of row
// i of z and the rows of x from j0 on, with z·x/d in k and better ones in work.list, to 1e-9. It
// takes many pairs through a layer at a time, so that the processor overlaps their roots,
// and branches on nothing that depends on them.
func layersRow[T float32 | float64](
	net *SlopeNet, work *rowWork, one, two, k []T, z *points[T], i int, x *points[T], j0 int,
) {
	list := work.list
	nngp, ntk := one, two
	if two == nil && net.NTK {
		nngp, ntk = nil, one
	}
	for begin := 0; begin < len(k); begin += chunk {
		end := min(begin+chunk, len(k))
		s, t := work.s[:end-begin], work.t[:end-begin]
		for j, v := range k[begin:end] {
			s[j] = net.W2*float64(v) + net.B2
			t[j] = s[j]
		}
		for ; len(list) > 0 && list[0].j < j0+end; list = list[1:] {
			j := list[0].j - j0 - begin
			s[j] = net.W2*list[0].pair.K + net.B2
			t[j] = s[j]
		}
		for l, layer := range net.Layers {
			SlopeStep(layer, s, t, z.std[l][i], z.inverseStd[l][i], x.std[l][j0+begin:],
				x.inverseStd[l][j0+begin:])
		}
		if nngp != nil {
			narrow(nngp[begin:end], s)
		}
		if ntk != nil {
			narrow(ntk[begin:end], t)
		}
	}
}

func narrow[T float32 | float64](dst []T, src []float64) {
	dst = dst[:len(src)]
	for i, v := range src {
		dst[i] = T(v)
	}
}

// SlopeStep takes pairs with covariances s and tangents t through a layer.
func SlopeStep(layer SlopeLayer, s, t []float64, std, inverse float64, stds, inverses []float64) {
	t, stds, inverses = t[:len(s)], stds[:len(s)], inverses[:len(s)]
	a := &arc
	for j, k := range s {
		bits := math.Float64bits(k * inverse * inverses[j])
		sign := bits & signBit
		r := math.Float64frombits(bits &^ signBit) // |cos θ|
		w := math.Float64bits(1 - r)
		w &^= uint64(int64(w) >> 63) // rounding may leave |cos θ| > 1
		gap := math.Float64frombits(w)
		// acos r = √(1-r) · polynomial in 2r - 1, and sin θ = √((1-r)(1+r))
		r = 1 - gap
		x := r - gap
		x2 := x * x
		x4 := x2 * x2
		theta := math.Sqrt(gap) * ((a[0] + x*a[1]) + x2*(a[2]+x*a[3]) +
			x4*((a[4]+x*a[5])+x2*(a[6]+x*a[7])+x4*((a[8]+x*a[9])+x2*a[10])))
		// θ = π - acos r for cos θ < 0: 0 + θ, or π - θ
		theta = math.Float64frombits(math.Float64bits(theta)|sign) + math.Float64frombits(
			piBits&uint64(int64(bits)>>63))
		cos := math.Float64frombits(math.Float64bits(r) | sign)
		sin := math.Sqrt(gap * (1 + r))
		v := std * stds[j] * (layer.Alpha*cos + layer.Beta*(sin-theta*cos))
		s[j] = v + layer.B2
		t[j] = v + t[j]*(layer.Alpha-layer.Beta*theta) + layer.B2
	}
}

var piBits = math.Float64bits(math.Pi)

// arc is acos r/√(1-r) on [0, 1] as a polynomial in 2r - 1, which interpolates
// at Chebyshev's points.
var arc = [11]float64(powers(func() []float64 {
	y := make([]float64, 11)
	for j := range y {
		gap := math.Pow(math.Sin(math.Pi*(float64(j)+0.5)/float64(2*len(y))),
			2) // 1 - r, without cancellation
		y[j] = 2 * math.Asin(math.Sqrt(gap/2)) / math.Sqrt(gap)
	}
	return y
}()))
