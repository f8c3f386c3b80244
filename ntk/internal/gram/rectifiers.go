package gram

import (
	"math"

	"github.com/kernelsmith/kernelsmith/ntk/internal/accel"
	"github.com/kernelsmith/kernelsmith/ntk/internal/vec64"
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
type SlopeLayer = vec64.Layer

// NewSlopeLayer returns the layer of p·relu(z) - m·relu(-z) that is followed by one with σ_w²
// = w2 and σ_b² = b2.
func NewSlopeLayer(p, m, w2, b2 float64) SlopeLayer {
	return SlopeLayer{
		Alpha: w2 * (p*p + m*m) / 2, Beta: w2 * (p - m) * (p - m) / (2 * math.Pi), Shift: b2}
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
			v[i] = l.Alpha*q + l.Shift
		}
		p.std, p.inverseStd = append(p.std, std), append(p.inverseStd, inverse)
	}
}

// rowWork is room for what a row of pairs takes: the covariances and tangents of a part of it and
// how near to 1 a cosine came, and the pairs that are known better, or must be, in the order of
// columns.
type rowWork struct {
	s, t, least [chunk]float64
	list, lost  []again
}

const chunk = 256

// loose is the 1 - |cos θ| below which rounding of a cosine leaves less than thirteen digits of an
// angle. In single precision digits are fewer than those of any angle.
const loose = 1e-3

// layersRow sets out to the kernels of row i and the rows from j0 on, with the inner products k and
// better ones in work.list. It takes many pairs through a layer at a time, so that the processor
// overlaps their roots, and branches on nothing that depends on them. In double precision pairs of
// which that loses digits, and those in the list, are then evaluated by themselves.
func (m *matrix[T]) layersRow(work *rowWork, out [most][]T, k []T, i, j0 int) {
	net, z, x := m.e.Slopes, m.z, m.x
	nngp, ntk := out[0], out[1]
	if ntk == nil && net.NTK {
		nngp, ntk = nil, out[0]
	}
	double := !accel.IsSingle[T]()
	list := work.list
	work.lost = work.lost[:0]
	for begin := 0; begin < len(k); begin += chunk {
		end := min(begin+chunk, len(k))
		s, t, least := work.s[:end-begin], work.t[:end-begin], work.least[:end-begin]
		for j, v := range k[begin:end] {
			s[j] = net.W2*float64(v) + net.B2
			t[j], least[j] = s[j], 1
		}
		here := list
		for ; len(list) > 0 && list[0].j < j0+end; list = list[1:] {
			j := list[0].j - j0 - begin
			s[j] = net.W2*list[0].pair.K + net.B2
			t[j] = s[j]
		}
		for l, layer := range net.Layers {
			SlopeStep(layer, s, t, least, z.std[l][i], z.inverseStd[l][i], x.std[l][j0+begin:],
				x.inverseStd[l][j0+begin:])
		}
		if nngp != nil {
			narrow(nngp[begin:end], s)
		}
		if ntk != nil {
			narrow(ntk[begin:end], t)
		}
		if !double {
			continue
		}
		for j, gap := range least {
			column := j0 + begin + j
			switch {
			case len(here) > 0 && here[0].j == column:
				work.lost, here = append(work.lost, here[0]), here[1:]
			case !(gap >= loose):
				work.lost = append(work.lost, again{column, m.pair(i, column,
					float64(k[begin+j]))})
			}
		}
	}
	for _, a := range work.lost {
		m.set(i, a.j, a.pair)
	}
}

func narrow[T float32 | float64](dst []T, src []float64) {
	dst = dst[:len(src)]
	for i, v := range src {
		dst[i] = T(v)
	}
}

// SlopeStep takes pairs with covariances s and tangents t through a layer; see
// [vec64.ArcCosine.Step].
func SlopeStep(
	layer SlopeLayer, s, t, least []float64, std, inverse float64, stds, inverses []float64,
) {
	arcCosine.Step(s, t, least, layer, std, inverse, stds, inverses)
}

// arcCosine has acos r/√(1-r) on [0, 1] as a polynomial in 2r - 1, which interpolates at
// Chebyshev's points.
var arcCosine = vec64.NewArcCosine([21]float64(powers(func() []float64 {
	y := make([]float64, 21)
	for j := range y {
		gap := math.Pow(math.Sin(math.Pi*(float64(j)+0.5)/float64(2*len(y))),
			2) // 1 - r, without cancellation
		y[j] = 2 * math.Asin(math.Sqrt(gap/2)) / math.Sqrt(gap)
	}
	return y
}())))
