package cnn

import (
	"context"
	"fmt"
	"math"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/internal/accel"
	"github.com/kernelsmith/kernelsmith/ntk/internal/parallel"
)

// OneLayer is one convolutional layer with pooling on patches of one norm, ‖x_p‖² = q for all
// patches p of all images, as the way from a curve κ over the cosine to a kernel of images:
//
//	K(x, y) = 1/S Σ_s Σ_{p,p'} m_s(p) m_s(p') κ(c_pp'),   c_pp' = ⟨x_p, y_p'⟩/q,
//
// over the S positions s that the readout sees, each with the weights m_s(p) that the pools give
// to patches: 1/|w_s| in a window w_s of [AveragePool], 1/P for all P patches before a global
// average, and S = P positions of one patch each without pools. With σ_w = 1, σ_b = 0 and the
// readout 1 and 0, a net of φ = Σ b_k h_k has the NNGP with κ(c) = Σ b_k² c^k and the NTK with
// κ(c) = Σ (k+1) b_k² c^k. Pooling is linear and has no part in that, so what package inverse does
// with a curve, its certificates, activations and trainable designs, holds for K.
//
// A OneLayer does not change once made.
//
// Source: [SAD22] theorem 1, a key of package ntk, at each pair of patches.
type OneLayer struct {
	arch    *Architecture // with some activation
	conv    int           // its place among the layers
	q       int           // entries of a patch
	patches int           // of an image
	windows []poolWindow
}

// poolWindow is what the kernel takes from some patches: scale times the sum over pairs of them of
// weights[p][p'] κ(c_pp').
type poolWindow struct {
	patches []int
	weights [][]float64 // rows that are equal are one
	scale   float64
}

// NewOneLayer returns the layer of an architecture with one [Conv]; layers and readout are as
// [NewArchitecture] takes them. κ stands for what the Conv and the readout say of activation and
// standard deviations: these have no part, and can be left out.
//
// It reports what NewArchitecture does, and an architecture with no Conv or with more than one,
// whose kernel is not a function of the cosines of patches.
func NewOneLayer(image Image, layers []Layer, readout Readout) (*OneLayer, error) {
	l := &OneLayer{conv: -1}
	layers = append([]Layer(nil), layers...)
	for i, layer := range layers {
		c, ok := layer.(Conv)
		if !ok {
			continue
		}
		if l.conv >= 0 {
			return nil, fmt.Errorf("cnn: layers %d and %d are both a Conv; a second one mixes the "+
				"cosines of neighbouring patches, so that its kernel is no function of them: "+
				"OneLayer has one", l.conv+1, i+1)
		}
		l.conv = i
		c.Activation, c.WeightStd, c.BiasStd, c.Frozen = ntk.ReLU{}, 1, 0, false
		layers[i] = c
	}
	readout = Readout{GlobalAverage: readout.GlobalAverage, WeightStd: 1}
	var err error
	if l.arch, err = NewArchitecture(image, layers, readout); err != nil {
		return nil, err
	}
	conv := l.arch.steps[0].axes
	l.q = conv[0].size * conv[1].size * l.arch.grid.Channels
	l.patches = conv[0].out * conv[1].out
	l.setWindows()
	return l, nil
}

// Architecture returns the net with an activation: σ_w = 1, σ_b = 0, the readout 1 and 0, all
// trained. Its NNGP and NTK are the kernels of the curves above, by the code for any architecture;
// φ comes from package inverse for a curve that was asked for, or from where one likes. It reports
// what [NewArchitecture] does of activations.
func (l *OneLayer) Architecture(phi ntk.Activation) (*Architecture, error) {
	layers := l.arch.Layers()
	c := layers[l.conv].(Conv)
	c.Activation = phi
	layers[l.conv] = c
	return NewArchitecture(l.arch.image, layers, l.arch.readout)
}

// mostWeighed bounds the weights of all pairs of patches, 8 bytes and those of T each.
const mostWeighed = 4096

// setWindows finds the windows. Where they overlap so much that the pairs in them are more than
// all pairs of patches, there is one of all, with the sum of their weights.
func (l *OneLayer) setWindows() {
	down, across := l.arch.pooling(0), l.arch.pooling(1)
	width := len(across[0])
	positions := float64(len(down) * len(across))
	pairs := 0.0
	for _, r := range down {
		for _, c := range across {
			w := poolWindow{scale: 1 / positions}
			var m []float64
			for p := range l.patches {
				if v := r[p/width] * c[p%width]; v > 0 {
					w.patches, m = append(w.patches, p), append(m, v)
				}
			}
			pairs += float64(len(m)) * float64(len(m))
			w.setWeights(m)
			l.windows = append(l.windows, w)
		}
	}
	if pairs <= float64(l.patches)*float64(l.patches) || l.patches > mostWeighed {
		return
	}
	all := poolWindow{scale: 1 / positions}
	for p := range l.patches {
		all.patches = append(all.patches, p)
		all.weights = append(all.weights, make([]float64, l.patches))
	}
	for _, w := range l.windows {
		for i, p := range w.patches {
			for j, p2 := range w.patches {
				all.weights[p][p2] += w.scale * positions * w.weights[i][j]
			}
		}
	}
	l.windows = []poolWindow{all}
}

// setWeights sets the weights of pairs to m_p m_p' over the square of the first, which goes into
// the scale.
func (w *poolWindow) setWeights(m []float64) {
	rows := map[float64][]float64{}
	for _, v := range m {
		row, ok := rows[v]
		if !ok {
			for _, v2 := range m {
				row = append(row, v/m[0]*(v2/m[0]))
			}
			rows[v] = row
		}
		w.weights = append(w.weights, row)
	}
	w.scale *= m[0] * m[0]
}

// oneRow says that the weights of all patches are one row.
func (w *poolWindow) oneRow() bool {
	for _, row := range w.weights {
		if &row[0] != &w.weights[0][0] {
			return false
		}
	}
	return true
}

// patchRows returns the patches of an image, a row each, scaled to norm 1, and their ‖x_p‖²/q.
func patchRows[T float32 | float64](
	l *OneLayer, row []T, i int, name string,
) (rows []T, norms []float64, err error) {
	pixels, err := prepare(l.arch, row, i, name)
	if err != nil {
		return nil, nil, err
	}
	down, across, channels := l.arch.steps[0].axes[0], l.arch.steps[0].axes[1],
		l.arch.grid.Channels
	rows, norms = make([]T, l.patches*l.q), make([]float64, l.patches)
	for p := range l.patches {
		patch := rows[p*l.q : (p+1)*l.q]
		for v := range down.size {
			for w := range across.size {
				r, c := down.source(p/across.out, v), across.source(p%across.out, w)
				if r >= 0 && c >= 0 {
					copy(patch[(v*across.size+w)*channels:],
						pixels[(r*across.in+c)*channels:][:channels])
				}
			}
		}
		sum := 0.0
		for _, v := range patch {
			sum += float64(v) * float64(v)
		}
		norms[p] = sum / float64(l.q)
		for k, v := range patch {
			patch[k] = T(float64(v) / math.Sqrt(sum))
		}
	}
	return rows, norms, nil
}

// patchSet is the patches of a set of images by windows: of window s those of the first image, a
// row each, then those of the next. columns have rows of zeros after those of an image, up to
// padded ones; where that is none they are the rows. Both are nil if there would be too many.
type patchSet[T float32 | float64] struct {
	l             *OneLayer
	x             ntk.Inputs[T]
	name          string
	padded        []int
	rows, columns [][]T
}

// mostKept is how many bytes of patches are kept of a set; tests keep none.
var mostKept = 1.0 * (1 << 30)

// newPatchSet looks at each image once.
func newPatchSet[T float32 | float64](
	ctx context.Context, l *OneLayer, x ntk.Inputs[T], name string, padded []int,
) (*patchSet[T], error) {
	if err := l.arch.image.checkSet(len(x.Rows), x.N, x.D, name); err != nil {
		return nil, err
	}
	s := &patchSet[T]{l: l, x: x, name: name, padded: padded}
	var rows, columns [][]T
	if float64(x.N)*s.bytes() <= mostKept {
		rows, columns = s.room(x.N)
	}
	type extreme struct {
		norm float64
		at   int
	}
	least, most := make([]extreme, x.N), make([]extreme, x.N)
	err := parallel.Each(ctx, x.N, func(i int, _ func() bool) error {
		patches, norms, err := patchRows(l, x.Rows[i*x.D:(i+1)*x.D], i, name)
		if err != nil {
			return err
		}
		least[i].norm = math.Inf(1)
		for p, v := range norms {
			if v < least[i].norm {
				least[i] = extreme{v, p}
			}
			if v > most[i].norm {
				most[i] = extreme{v, p}
			}
		}
		if rows != nil {
			s.put(rows, columns, patches, i)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	a, b := 0, 0
	for i := range x.N {
		if least[i].norm < least[a].norm {
			a = i
		}
		if most[i].norm > most[b].norm {
			b = i
		}
	}
	tolerance := 1e-10
	if accel.IsSingle[T]() {
		tolerance = 1e-5
	}
	if !(least[a].norm >= 1-tolerance && most[b].norm <= 1+tolerance) {
		width := l.arch.steps[0].axes[1].out
		return nil, fmt.Errorf("cnn: %s: patches have ‖x_p‖²/q from %.6g (image %d, row %d, "+
			"column %d) to %.6g (image %d, row %d, column %d); a curve over the cosine is for "+
			"patches of which it is 1: Patches with EachPatch make them so, as do, without zeros "+
			"at the edge, pixels of norm √C; GramTiles of the Architecture takes patches of any "+
			"norm", name, least[a].norm, a, least[a].at/width, least[a].at%width,
			most[b].norm, b, most[b].at/width, most[b].at%width)
	}
	s.rows, s.columns = rows, columns
	return s, nil
}

// bytes is what the patches of an image take.
func (s *patchSet[T]) bytes() float64 {
	size, n, isPadded := 8.0, 0.0, false
	if accel.IsSingle[T]() {
		size = 4
	}
	for k, w := range s.l.windows {
		n += float64(len(w.patches))
		isPadded = isPadded || s.padded[k] > len(w.patches)
	}
	if isPadded {
		for _, p := range s.padded {
			n += float64(p)
		}
	}
	return n * float64(s.l.q) * size
}

// room is for n images.
func (s *patchSet[T]) room(n int) (rows, columns [][]T) {
	for k, w := range s.l.windows {
		rows = append(rows, make([]T, n*len(w.patches)*s.l.q))
		if s.padded[k] == len(w.patches) {
			columns = append(columns, rows[k])
		} else {
			columns = append(columns, make([]T, n*s.padded[k]*s.l.q))
		}
	}
	return rows, columns
}

// put puts the patches of an image to the place i.
func (s *patchSet[T]) put(rows, columns [][]T, patches []T, i int) {
	q := s.l.q
	for k, w := range s.l.windows {
		for j, p := range w.patches {
			patch := patches[p*q : (p+1)*q]
			copy(rows[k][(i*len(w.patches)+j)*q:], patch)
			if s.padded[k] > len(w.patches) {
				copy(columns[k][(i*s.padded[k]+j)*q:], patch)
			}
		}
	}
}

// of returns the rows and columns of the images [i0, i1).
func (s *patchSet[T]) of(ctx context.Context, i0, i1 int) (rows, columns [][]T, err error) {
	if s.rows != nil {
		for k, w := range s.l.windows {
			rows = append(rows, s.rows[k][i0*len(w.patches)*s.l.q:i1*len(w.patches)*s.l.q])
			columns = append(columns, s.columns[k][i0*s.padded[k]*s.l.q:i1*s.padded[k]*s.l.q])
		}
		return rows, columns, nil
	}
	rows, columns = s.room(i1 - i0)
	d := s.x.D
	err = parallel.Each(ctx, i1-i0, func(k int, _ func() bool) error {
		patches, _, err := patchRows(s.l, s.x.Rows[(i0+k)*d:(i0+k+1)*d], i0+k, s.name)
		if err == nil {
			s.put(rows, columns, patches, k)
		}
		return err
	})
	return rows, columns, err
}
