package cnn

import (
	"context"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/internal/accel"
	"github.com/kernelsmith/kernelsmith/ntk/internal/parallel"
	"gonum.org/v1/gonum/blas"
)

// Whitening is what [Patches] have that are whitened: the mean m and the matrix W of x ← W (x - m).
// It does not change once made.
type Whitening struct {
	of     Patches // as they were fitted, see asFitted
	image  Image
	mean   []float64 // q
	matrix []float64 // W, q×q and symmetric
	norm   float64   // of W, √(Σ W²)
	key    string
}

// WhiteningSettings say what [FitWhitening] does; nil is the zero value.
type WhiteningSettings struct {
	// Epsilon ε ≥ 0 is added to the covariance's eigenvalues, in units of their mean.
	Epsilon float64
	// MaxPatches is how many patches are drawn, without replacement, if there are more; 0 is all.
	MaxPatches int
	Seed       uint64 // of the draw
}

// FitWhitening returns the whitening of the patches of training images that leaves them as near as
// can be to what they were ("ZCA"): with the mean m of the patches, their covariance C of q×q, with
// the divisor n, and the mean λ of its eigenvalues,
//
//	W = (C + ε λ I)^(-½),
//
// symmetric. With ε = 0 the covariance after it is the identity. With Center all patches are
// orthogonal to (1, …, 1); there W is 0, and the covariance is the identity among what is left.
//
// p are the patches that are to be whitened, without Whitening; EachPatch comes after it and has no
// part. The result is for images of this shape, and for Patches that differ in Normalize to
// EachPatch and in Whitening alone.
//
// It reports what [NewArchitecture] does of images and Patches, images of another size, pixels that
// are not finite, patches that are not more than their entries, a covariance that has no inverse to
// rounding with this ε, and ctx's end. Cost: n·q² operations for n patches, and 9q³. Memory:
// some MB, and 8 bytes for each patch that is drawn.
//
// Source: A. Bell, T. Sejnowski, "The independent components of natural scenes are edge filters",
// Vision Research 37 (1997), eq. 8; A. Coates, H. Lee, A. Ng, "An analysis of single-layer networks
// in unsupervised feature learning", AISTATS 2011.
func FitWhitening[T float32 | float64](
	ctx context.Context, p Patches, image Image, x ntk.Inputs[T], s *WhiteningSettings,
) (*Whitening, error) {
	if s == nil {
		s = &WhiteningSettings{}
	}
	if err := image.check(); err != nil {
		return nil, err
	}
	e, err := newExtraction(p, image)
	if err != nil {
		return nil, fmt.Errorf("cnn: patches, %w", err)
	}
	switch {
	case p.Whitening != nil:
		return nil, fmt.Errorf("cnn: these patches have a Whitening already")
	case !(s.Epsilon >= 0) || math.IsInf(s.Epsilon, 0):
		return nil, fmt.Errorf("cnn: Epsilon is %v; it must be a finite number ≥ 0", s.Epsilon)
	case s.MaxPatches < 0:
		return nil, fmt.Errorf("cnn: MaxPatches is %d; it must be ≥ 0", s.MaxPatches)
	}
	if err := image.checkSet(len(x.Rows), x.N, x.D, "x"); err != nil {
		return nil, err
	}
	if q := e.entries(); q > mostWhitened {
		return nil, fmt.Errorf("cnn: patches of %d entries; those of up to %d can be whitened", q,
			mostWhitened)
	}
	drawn := drawPatches(x.N*e.places(), *s)
	m := newMoments(e, drawn, *s)
	if q := e.entries(); drawn.n <= q {
		return nil, fmt.Errorf("cnn: %d patches of %d entries: whitening needs more patches than "+
			"entries, and several times as many to be of use", drawn.n, q)
	}
	if err := addPatches(ctx, m, x, drawn); err != nil {
		return nil, err
	}
	return m.whitening(s.Epsilon)
}

// mostWhitened is up to how many entries a patch is whitened, with 8 bytes for each two of them.
const mostWhitened = 1 << 13

// asFitted is what the whitening of patches depends on.
func (p Patches) asFitted() Patches {
	_, p.Stride, _ = p.windows()
	p.Whitening = nil
	if p.Normalize != EachPixel {
		p.Normalize, p.Flat = AsTheyAre, false
	}
	return p
}

// checkWhitening reports a whitening that is not for these patches.
func (e *extraction) checkWhitening() error {
	w := e.Whitening
	if w == nil {
		return nil
	}
	m, k := w.image, e.image
	if m.Height != k.Height || m.Width != k.Width || m.Channels != k.Channels {
		return fmt.Errorf("the whitening is of images of %d×%d×%d, not of %d×%d×%d", m.Height,
			m.Width, m.Channels, k.Height, k.Width, k.Channels)
	}
	if a, b := w.of, e.asFitted(); a != b {
		return fmt.Errorf("the whitening was fitted with Filter %v, Stride %v, %v, Center %v, %v, "+
			"Flat %v, and these patches have %v, %v, %v, %v, %v, %v", a.Filter, a.Stride,
			a.Padding, a.Center, a.Normalize, a.Flat, b.Filter, b.Stride, b.Padding, b.Center,
			b.Normalize, b.Flat)
	}
	return nil
}

// draw is which patches of a set are taken, in ascending order; nil is all.
type draw struct {
	n       int
	patches []int
}

// drawPatches draws by Floyd's method, which needs memory for the drawn alone.
func drawPatches(all int, s WhiteningSettings) draw {
	if s.MaxPatches == 0 || s.MaxPatches >= all {
		return draw{n: all}
	}
	r := rand.New(rand.NewPCG(s.Seed, 0x7061746368))
	taken := make(map[int]bool, s.MaxPatches)
	for k := all - s.MaxPatches; k < all; k++ {
		if i := r.IntN(k + 1); taken[i] {
			taken[k] = true
		} else {
			taken[i] = true
		}
	}
	d := draw{n: s.MaxPatches, patches: make([]int, 0, s.MaxPatches)}
	for i := range taken {
		d.patches = append(d.patches, i)
	}
	slices.Sort(d.patches)
	return d
}

// of returns the patches of image i, of as many places.
func (d draw) of(i, places int) []int {
	if d.patches == nil {
		all := make([]int, places)
		for p := range all {
			all[p] = p
		}
		return all
	}
	from, _ := slices.BinarySearch(d.patches, i*places)
	to, _ := slices.BinarySearch(d.patches, (i+1)*places)
	own := slices.Clone(d.patches[from:to])
	for k := range own {
		own[k] -= i * places
	}
	return own
}

// moments are sums over patches, from which a shift has been taken.
type moments struct {
	e              *extraction
	n              int
	shift, sum     []float64
	products       []float64 // q×q, on and above the diagonal
	settings, data uint64
}

func newMoments(e *extraction, drawn draw, s WhiteningSettings) *moments {
	q, n := e.entries(), drawn.n
	if drawn.patches == nil { // which seed it was is no matter
		s.Seed = 0
	}
	h := fnv.New64a()
	fmt.Fprintln(h, e.asFitted(), e.image.Height, e.image.Width, e.image.Channels, s.Epsilon, n,
		s.Seed)
	return &moments{e: e, n: n, sum: make([]float64, q), products: make([]float64, q*q),
		settings: h.Sum64()}
}

// patchesAtOnce is about how many patches are squared at once.
const patchesAtOnce = 4096

// addPatches adds the drawn patches of a set.
func addPatches[T float32 | float64](
	ctx context.Context, m *moments, x ntk.Inputs[T], drawn draw,
) error {
	type part struct {
		i       int
		patches []int
		at      int // of the rows at once
	}
	q := m.e.entries()
	var parts []part
	count := 0
	h := fnv.New64a()
	for i := range x.N {
		p := part{i, drawn.of(i, m.e.places()), count}
		if len(p.patches) > 0 {
			parts = append(parts, p)
			count += len(p.patches)
		}
		if count < patchesAtOnce && i+1 < x.N || count == 0 {
			continue
		}
		rows := make([]float64, count*q)
		hashes := make([]uint64, len(parts))
		err := parallel.Each(ctx, len(parts), func(k int, _ func() bool) error {
			p := parts[k]
			pixels, err := read(m.e.image, x.Rows[p.i*x.D:(p.i+1)*x.D], p.i, "x")
			if err != nil {
				return err
			}
			image := float64s(pixels)
			hashes[k] = hashOf(image)
			if image, err = m.e.pixels(image, p.i, "x"); err != nil {
				return err
			}
			for l, place := range p.patches {
				m.e.take(rows[(p.at+l)*q:(p.at+l+1)*q], image, place)
			}
			return nil
		})
		if err != nil {
			return err
		}
		_ = binary.Write(h, binary.LittleEndian, hashes) // a hash takes all
		m.add(rows, count)
		parts, count = parts[:0], 0
	}
	m.data = h.Sum64()
	return nil
}

// hashOf is of numbers to 26 bits, in which kinds of machines agree.
func hashOf(x []float64) uint64 {
	h, b := fnv.New64a(), make([]byte, 0, 8*len(x))
	for _, v := range x {
		fraction, exponent := math.Frexp(v)
		v = math.Ldexp(math.Round(fraction*(1<<26)), exponent-26)
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
	}
	h.Write(b)
	return h.Sum64()
}

// add adds rows, of which the first have for their mean the shift.
func (m *moments) add(rows []float64, n int) {
	q := len(m.sum)
	if m.shift == nil {
		m.shift = make([]float64, q)
		for k, v := range rows {
			m.shift[k%q] += v / float64(n)
		}
	}
	for k := range rows {
		rows[k] -= m.shift[k%q]
		m.sum[k%q] += rows[k]
	}
	accel.Float64().Dsyrk(blas.Upper, blas.Trans, q, n, 1, rows, q, 1, m.products, q)
}

// whitening ends the fit.
func (m *moments) whitening(epsilon float64) (*Whitening, error) {
	q, n := len(m.sum), float64(m.n)
	w := &Whitening{of: m.e.asFitted(), image: m.e.image, mean: make([]float64, q),
		matrix: make([]float64, q*q), key: fmt.Sprintf("%016x%016x", m.settings, m.data)}
	w.image.ChannelsFirst = false
	trace := 0.0
	for k := range q {
		w.mean[k] = m.shift[k] + m.sum[k]/n
		for l := k; l < q; l++ {
			m.products[k*q+l] = m.products[k*q+l]/n - m.sum[k]/n*(m.sum[l]/n)
		}
		trace += m.products[k*q+k]
	}
	mean := trace / float64(q)
	if !finite(trace) || !finite(mean*epsilon) {
		return nil, fmt.Errorf("cnn: the covariance of the patches is not finite; scale the " +
			"pixels down")
	}
	// With Center there is nothing in the direction of (1, …, 1). Something is put there, and taken
	// out again when the root is.
	centered := 0.0
	if m.e.Center {
		centered = mean / float64(q)
		for k := range q {
			for l := k; l < q; l++ {
				m.products[k*q+l] += centered
			}
		}
	}
	values := make([]float64, q)
	if !accel.SymEigen(q, m.products, values) {
		return nil, fmt.Errorf("cnn: the eigenvalues of the %d×%d covariance did not converge", q,
			q)
	}
	rank := 0
	for _, v := range values {
		if v+epsilon*mean > 1e-12*values[q-1] {
			rank++
		}
	}
	if rank < q || !(mean > 0) {
		return nil, fmt.Errorf("cnn: the covariance of the patches has rank %d of %d to rounding "+
			"with Epsilon %v; a larger one, such as 0.01, makes it invertible, if the patches "+
			"differ at all", rank, q, epsilon)
	}
	scaled := make([]float64, q*q)
	for k := range scaled {
		scaled[k] = m.products[k] / math.Sqrt(values[k%q]+epsilon*mean)
	}
	accel.Float64().Dgemm(blas.NoTrans, blas.Trans, q, q, q, 1, scaled, q, m.products, q, 0,
		w.matrix, q)
	if m.e.Center {
		centered = 1 / math.Sqrt(mean+epsilon*mean) / float64(q)
	}
	for k := range q {
		for l := k; l < q; l++ {
			v := (w.matrix[k*q+l]+w.matrix[l*q+k])/2 - centered
			w.matrix[k*q+l], w.matrix[l*q+k] = v, v
		}
	}
	w.measure()
	return w, nil
}

// measure sets the norm.
func (w *Whitening) measure() {
	for _, v := range w.matrix {
		w.norm += v * v
	}
	w.norm = math.Sqrt(w.norm)
}
