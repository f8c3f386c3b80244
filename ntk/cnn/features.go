package cnn

import (
	"context"
	"fmt"
	"math"
	"sync"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/internal/accel"
	"github.com/kernelsmith/kernelsmith/ntk/internal/finitenet"
	"github.com/kernelsmith/kernelsmith/ntk/internal/gram"
	"github.com/kernelsmith/kernelsmith/ntk/internal/parallel"
	"github.com/kernelsmith/kernelsmith/ntk/internal/vec32"
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/mat"
)

// Features are random features of a net of one convolution: what the readout of the finite net
// sees. Ridge regression on them trains the readout alone. With N filters and S windows that the
// readout sees, feature i·S + s of an image is
//
//	ψ = σ_v/√(N·S) · mean over the pools of φ(u_i),   S = 1 with a global average,
//
// where u_i is as in [Conv], with V and β from N(0, 1), and σ_v the readout's WeightStd; with a
// BiasStd of the readout there is one more feature, of that value. So inner products of features
// have the NNGP of the [Architecture] for their mean over the filters, and are off by about 1/√N
// of it. A Features does not change once made.
type Features struct {
	a       *Architecture
	filters int
	conv    *extraction // of the convolution, nil if its filter has one place
	entries int         // of a patch
	places  int
	eval    func(value, derivative, z []float32)
	weights []float32 // filters×entries, times σ_w/√entries
	biases  []float32 // times σ_b; nil if that is 0
	windows int
	pools   [][]share // of each place
	scale   float32
	offset  float32 // the feature of the readout's bias; 0 is none
}

// share is how much a window takes of a place.
type share struct {
	window int
	weight float32
}

// mostFeatures bounds the numbers of weights, and of features.
const mostFeatures = math.MaxInt32

// NewFeatures draws the filters of a net: filter i is determined by the seed and i, so that the
// first filters of more are the same. The layers are [Patches] or none, pools, one [Conv], pools.
//
// It reports fewer than one filter, another number of convolutions, and numbers of weights or
// features beyond 2^31. Memory: 4 bytes for each weight.
func NewFeatures(a *Architecture, filters int, seed uint64) (*Features, error) {
	if a == nil {
		return nil, fmt.Errorf("cnn: no architecture (nil)")
	}
	for _, s := range a.steps[1:] {
		if s.phi != nil {
			return nil, fmt.Errorf("cnn: random features are of one convolution; %v has more", a)
		}
	}
	s, f := a.steps[0], &Features{a: a, filters: filters, entries: a.grid.Channels}
	var conv Conv
	for _, l := range a.layers {
		if c, ok := l.(Conv); ok {
			conv = c
		}
	}
	if _, stride, _ := conv.windows(); conv.Filter != [2]int{1, 1} || stride != [2]int{1, 1} {
		var err error
		f.conv, err = newExtraction(Patches{Filter: conv.Filter, Stride: stride,
			Padding: conv.Padding}, a.grid)
		if err != nil {
			return nil, fmt.Errorf("cnn: the convolution, %w", err)
		}
		f.entries = f.conv.entries()
	}
	f.places = s.axes[0].out * s.axes[1].out
	f.pool()
	numbers := float64(filters) * math.Max(float64(f.entries), float64(f.windows))
	if filters < 1 || numbers >= mostFeatures {
		return nil, fmt.Errorf("cnn: %d filters of %d entries for %d windows; there must be 1, "+
			"and fewer than 2^31 weights and features", filters, f.entries, f.windows)
	}
	f.eval = finitenet.Evaluator(conv.Activation)
	f.scale = float32(a.readout.WeightStd / math.Sqrt(float64(filters)*float64(f.windows)))
	f.offset = float32(a.readout.BiasStd)
	f.draw(conv, seed)
	return f, nil
}

// draw sets weights and biases, those of the first layer of a [Net] of the same seed to rounding.
func (f *Features) draw(conv Conv, of uint64) {
	f.weights = make([]float32, f.filters*f.entries)
	if conv.BiasStd > 0 {
		f.biases = make([]float32, f.filters)
	}
	scale := conv.WeightStd / math.Sqrt(float64(f.entries))
	parallel.For(f.filters, 1+4096/f.entries, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			r := finitenet.Stream(of, 0, i)
			for k := range f.weights[i*f.entries : (i+1)*f.entries] {
				f.weights[i*f.entries+k] = float32(scale * r.NormFloat64())
			}
			if f.biases != nil {
				f.biases[i] = float32(conv.BiasStd * r.NormFloat64())
			}
		}
	})
}

// pool finds what the windows after all pools take of each place.
func (f *Features) pool() {
	var along [2][][]share // of each place along an axis
	var out [2]int
	for axis := range along {
		rows := f.a.pooling(axis)
		out[axis], along[axis] = len(rows), make([][]share, len(rows[0]))
		for window, row := range rows {
			for i, v := range row {
				if v != 0 {
					along[axis][i] = append(along[axis][i], share{window, float32(v)})
				}
			}
		}
	}
	f.windows = out[0] * out[1]
	for _, down := range along[0] {
		for _, across := range along[1] {
			var shares []share
			for _, d := range down {
				for _, c := range across {
					shares = append(shares,
						share{d.window*out[1] + c.window, d.weight * c.weight})
				}
			}
			f.pools = append(f.pools, shares)
		}
	}
}

// count is how many features there are.
func (f *Features) count() int {
	n := f.filters * f.windows
	if f.offset != 0 {
		n++
	}
	return n
}

// filtersAtOnce is of how many filters blocks are made.
const filtersAtOnce = 256

// together is of how many filters the pre-activations of an image stay in the cache.
func (f *Features) together() int { return max(8, min(filtersAtOnce, 1<<18/f.places)) }

// featureWork is what one goroutine needs.
type featureWork struct{ u, slopes, sums []float32 }

func (f *Features) newWork() *featureWork {
	n := f.together()
	return &featureWork{make([]float32, f.places*n), make([]float32, 1024),
		make([]float32, f.windows*n)}
}

// patches returns those of image i: places×entries.
func (f *Features) patches(x ntk.Inputs[float32], i int) ([]float32, error) {
	p, err := prepare(f.a, x.Rows[i*x.D:(i+1)*x.D], i, "x")
	if err == nil && f.conv != nil {
		p, err = prepared(f.conv, p, i, "x")
	}
	return p, err
}

// set sets dst to the features of filters [j0, j1).
func (f *Features) set(w *featureWork, dst, patches []float32, j0, j1, image int) error {
	q, s, together := f.entries, f.windows, f.together()
	for j := j0; j < j1; j += together {
		n := min(together, j1-j)
		u, beta := w.u[:f.places*n], float32(0)
		if f.biases != nil {
			beta = 1
			for p := range f.places {
				copy(u[p*n:], f.biases[j:j+n])
			}
		}
		accel.Serial32().Sgemm(blas.NoTrans, blas.Trans, f.places, n, q, 1, patches, q,
			f.weights[j*q:], q, beta, u, n)
		for k := 0; k < len(u); k += len(w.slopes) {
			z := u[k:min(k+len(w.slopes), len(u))]
			f.eval(z, w.slopes[:len(z)], z)
		}
		sums := w.sums[:s*n]
		clear(sums)
		for p, shares := range f.pools {
			for _, h := range shares {
				vec32.AddScaled(sums[h.window*n:(h.window+1)*n], h.weight, u[p*n:(p+1)*n])
			}
		}
		for k, v := range sums {
			if v-v != 0 {
				return fmt.Errorf("cnn: x: image %d has the feature %v of filter %d: its pixels "+
					"or σ_w are too large", image, v, j+k%n)
			}
			dst[(j-j0+k%n)*s+k/n] = f.scale * v
		}
	}
	return nil
}

// Tiles returns the features of the images of x, n×(N·S). x is kept and must not change. Images of
// another size than the architecture's are an error.
func (f *Features) Tiles(x ntk.Inputs[float32]) (*FeatureTiles, error) {
	if err := f.a.image.checkSet(len(x.Rows), x.N, x.D, "x"); err != nil {
		return nil, err
	}
	t := &FeatureTiles{f: f, x: x}
	t.pool.New = func() any { return f.newWork() }
	return t, nil
}

// FeatureTiles are the [Features] of a set of images, computed where they are asked for; as
// [ntk.Tiles] they are what regress.FitFeatures takes. They cost, for an image of P places and
// patches of q entries, 2·P·q·N operations, N·P times φ, and once for each call the patches.
type FeatureTiles struct {
	f    *Features
	x    ntk.Inputs[float32]
	pool sync.Pool
	kept []float32 // all but that of the readout's bias; nil if they are not kept
}

// FeatureSettings say how features are computed; nil is the zero value.
type FeatureSettings struct {
	// Memory is how many bytes features may take at once; 0 is 1e9. If [FeatureTiles.GramInto] can
	// have all of them, they are kept for later calls.
	Memory float64
	// Progress is told how many filters of images are done: none at the start, all at the end. The
	// work waits for each call, so it must be quick.
	Progress func(done, total int)
	// Have is of how many filters GramInto has the sum in the matrix already, and Done is told
	// after each block of filters of how many it has: a caller who keeps the matrix then can go
	// on after an interrupt, with the same Memory or another.
	Have int
	Done func(filters int)
}

// Dims returns the numbers of images and of features.
func (t *FeatureTiles) Dims() (rows, columns int) { return t.x.N, t.f.count() }

// Tile sets dst to features [j0, j1) of images [i0, i1), row-major, on all processors. It reports a
// tile that is empty or not within the matrix, another length of dst, what [Patches] and pixels
// that are not finite are an error for, a feature that is not finite, and ctx's end.
func (t *FeatureTiles) Tile(ctx context.Context, dst []float32, i0, i1, j0, j1 int) error {
	n, columns := t.Dims()
	if err := gram.CheckTile(n, columns, len(dst), i0, i1, j0, j1); err != nil {
		return err
	}
	width, s := j1-j0, t.f.windows
	end := min(j1, t.f.filters*s)
	if j1 > end {
		for i := range i1 - i0 {
			dst[(i+1)*width-1] = t.f.offset
		}
	}
	if j0 >= end {
		return nil
	}
	first, last := j0/s, (end+s-1)/s
	if first*s == j0 && last*s == end && end == j1 {
		return t.block(ctx, dst, i0, i1, first, last, nil)
	}
	all := (last - first) * s
	whole := make([]float32, (i1-i0)*all)
	if err := t.block(ctx, whole, i0, i1, first, last, nil); err != nil {
		return err
	}
	for i := range i1 - i0 {
		copy(dst[i*width:], whole[i*all+j0-first*s:i*all+end-first*s])
	}
	return nil
}

// block sets dst to the features of filters [j0, j1) of images [i0, i1).
func (t *FeatureTiles) block(
	ctx context.Context, dst []float32, i0, i1, j0, j1 int, done func(filters int),
) error {
	width := (j1 - j0) * t.f.windows
	all := t.f.filters * t.f.windows
	return parallel.Each(ctx, i1-i0, func(k int, stop func() bool) error {
		to := dst[k*width : (k+1)*width]
		if t.kept != nil {
			copy(to, t.kept[(i0+k)*all+j0*t.f.windows:])
			if done != nil {
				done(j1 - j0)
			}
			return nil
		}
		patches, err := t.f.patches(t.x, i0+k)
		if err != nil {
			return err
		}
		w := t.pool.Get().(*featureWork)
		defer t.pool.Put(w)
		if err := t.f.set(w, to, patches, j0, j1, i0+k); err != nil {
			return err
		}
		if done != nil {
			done(j1 - j0)
		}
		return nil
	})
}

// memory is that of the settings, in numbers.
func (s *FeatureSettings) memory() (int, error) {
	switch {
	case s.Memory == 0:
		return 1e9 / 4, nil
	case s.Memory >= 4 && s.Memory < 1<<60:
		return int(s.Memory / 4), nil
	}
	return 0, fmt.Errorf("cnn: Memory is %v; it must be a number of bytes", s.Memory)
}

// told returns what is to be called, by one goroutine at a time or several, for filters of images
// that are done.
func (s *FeatureSettings) told(done, total int) func(more int) {
	if s.Progress == nil {
		return nil
	}
	s.Progress(done, total)
	var mutex sync.Mutex
	return func(more int) {
		mutex.Lock()
		defer mutex.Unlock()
		done += more
		s.Progress(done, total)
	}
}

// GramInto sets k, n×n and row-major, to the inner products of the features of all pairs of images:
// the kernel K of which regression on the features is kernel regression. Filters are taken in
// blocks, as many as go into Memory, so that n×(N·S) features need not be there at once. Products
// are of single precision, and their sums over blocks of double; k is symmetric to the bit.
//
// It reports a matrix of another size, what [FeatureTiles.Tile] does, and ctx's end. After an error
// k is as when Done was last told, or unspecified.
//
// Cost: the features, and n²·N·S operations. Memory: 8n² bytes of k, Memory, and 6 MB for each
// processor.
func (t *FeatureTiles) GramInto(ctx context.Context, k []float64, s *FeatureSettings) error {
	if s == nil {
		s = &FeatureSettings{}
	}
	f, n := t.f, t.x.N
	memory, err := s.memory()
	switch {
	case err != nil:
		return err
	case len(k)/n != n || len(k)%n != 0:
		return fmt.Errorf("cnn: a %d×%d matrix does not go into %d entries", n, n, len(k))
	case s.Have < 0 || s.Have > f.filters:
		return fmt.Errorf("cnn: Have is %d of %d filters", s.Have, f.filters)
	}
	if s.Have == 0 {
		for i := range k {
			k[i] = float64(f.offset) * float64(f.offset)
		}
	}
	at := min(f.filters, memory/f.windows/n)
	if at < f.filters {
		at = max(1, at/filtersAtOnce*filtersAtOnce, min(at, filtersAtOnce))
	}
	features := make([]float32, n*f.windows*min(at, f.filters-s.Have))
	told := s.told(s.Have*n, f.filters*n)
	for j0 := s.Have; j0 < f.filters; j0 += at {
		j1 := min(j0+at, f.filters)
		width := (j1 - j0) * f.windows
		if err := t.block(ctx, features[:n*width], 0, n, j0, j1, told); err != nil {
			return err
		}
		if err := addSquare(ctx, k, features[:n*width], n, width); err != nil {
			return err
		}
		if j1-j0 == f.filters {
			t.kept = features
		}
		if s.Done != nil {
			s.Done(j1)
		}
	}
	return nil
}

// addSquare adds F Fᵀ to k, of F with n rows.
func addSquare(ctx context.Context, k []float64, features []float32, n, width int) error {
	const side = 768
	tiles := (n + side - 1) / side
	pool := sync.Pool{New: func() any { return make([]float32, side*side) }}
	return parallel.Each(ctx, tiles*(tiles+1)/2, func(task int, _ func() bool) error {
		row := 0
		for (row+1)*(row+2)/2 <= task {
			row++
		}
		i0, j0 := row*side, (task-row*(row+1)/2)*side
		i1, j1 := min(i0+side, n), min(j0+side, n)
		tile := pool.Get().([]float32)
		defer pool.Put(tile)
		accel.Serial32().Sgemm(blas.NoTrans, blas.Trans, i1-i0, j1-j0, width, 1,
			features[i0*width:], width, features[j0*width:], width, 0, tile, side)
		for i := i0; i < i1; i++ {
			for j := j0; j < min(j1, i+1); j++ {
				v := tile[(i-i0)*side+j-j0]
				if v-v != 0 {
					return fmt.Errorf("cnn: x: the inner product of the features of images %d and "+
						"%d is %v: pixels or σ_w are too large", j, i, v)
				}
				k[i*n+j] += float64(v)
				k[j*n+i] = k[i*n+j]
			}
		}
		return nil
	})
}

// chunks calls use for the features of some images after the others, and for which they are.
func (t *FeatureTiles) chunks(
	ctx context.Context, s *FeatureSettings, use func(features []float32, i0, i1 int),
) error {
	if s == nil {
		s = &FeatureSettings{}
	}
	memory, err := s.memory()
	if err != nil {
		return err
	}
	f, n := t.f, t.x.N
	width := f.filters * f.windows
	at := max(1, min(n, 1024, memory/width))
	features := make([]float32, at*width)
	told := s.told(0, f.filters*n)
	for i0 := 0; i0 < n; i0 += at {
		i1 := min(i0+at, n)
		if err := t.block(ctx, features[:(i1-i0)*width], i0, i1, 0, f.filters,
			told); err != nil {
			return err
		}
		use(features[:(i1-i0)*width], i0, i1)
	}
	return nil
}

// Weights returns Ψᵀ α, one row for each feature, of the n×outputs matrix α: with the
// α = (K + δI)⁻¹ Y of kernel ridge regression these are the weights of the readout, for which
// [FeatureTiles.Times] gives predictions at other images. Products are of single precision, their
// sums over some images of double. It reports another number of rows and what Tile does; of the
// settings Memory and Progress count.
func (t *FeatureTiles) Weights(
	ctx context.Context, alpha *mat.Dense, s *FeatureSettings,
) (*mat.Dense, error) {
	rows, columns, err := t.product(alpha, t.x.N, "images")
	if err != nil {
		return nil, err
	}
	width := t.f.filters * t.f.windows
	out := mat.NewDense(t.f.count(), columns, nil)
	sums := out.RawMatrix().Data
	part := make([]float32, width*columns)
	err = t.chunks(ctx, s, func(features []float32, i0, i1 int) {
		accel.Float32().Sgemm(blas.Trans, blas.NoTrans, width, columns, i1-i0, 1, features, width,
			rows[i0*columns:], columns, 0, part, columns)
		for k, v := range part {
			sums[k] += float64(v)
		}
		if t.f.offset != 0 {
			for k, v := range rows[i0*columns : i1*columns] {
				sums[width*columns+k%columns] += float64(t.f.offset) * float64(v)
			}
		}
	})
	return finiteResult(out, err)
}

// Times returns Ψ W, a row for each image, of the weights W, a row for each feature: what the net
// with these in its readout has for outputs. Otherwise as [FeatureTiles.Weights].
func (t *FeatureTiles) Times(
	ctx context.Context, weights *mat.Dense, s *FeatureSettings,
) (*mat.Dense, error) {
	rows, columns, err := t.product(weights, t.f.count(), "features")
	if err != nil {
		return nil, err
	}
	width := t.f.filters * t.f.windows
	out := mat.NewDense(t.x.N, columns, nil)
	err = t.chunks(ctx, s, func(features []float32, i0, i1 int) {
		const together = 4096 // features, whose products are summed in single precision
		sums := out.RawMatrix().Data[i0*columns : i1*columns]
		part := make([]float32, len(sums))
		for j := 0; j < width; j += together {
			accel.Float32().Sgemm(blas.NoTrans, blas.NoTrans, i1-i0, columns,
				min(together, width-j), 1, features[j:], width, rows[j*columns:], columns, 0, part,
				columns)
			for k, v := range part {
				sums[k] += float64(v)
			}
		}
		if t.f.offset != 0 {
			for k := range sums {
				sums[k] += float64(t.f.offset) * float64(rows[width*columns+k%columns])
			}
		}
	})
	return finiteResult(out, err)
}

// finiteResult is the matrix if its entries are finite.
func finiteResult(m *mat.Dense, err error) (*mat.Dense, error) {
	if err != nil {
		return nil, err
	}
	_, columns := m.Dims()
	for k, v := range m.RawMatrix().Data {
		if !finite(v) {
			return nil, fmt.Errorf("cnn: the product with the features is %v in row %d, column "+
				"%d: beyond single precision", v, k/columns, k%columns)
		}
	}
	return m, nil
}

// product returns the entries of a matrix with a row for each of what there are n of.
func (t *FeatureTiles) product(
	m *mat.Dense, n int, of string,
) (entries []float32, columns int, err error) {
	if m == nil || m.IsEmpty() {
		return nil, 0, fmt.Errorf("cnn: a matrix with a row for each of %d %s is needed", n, of)
	}
	rows, columns := m.Dims()
	if rows != n {
		return nil, 0, fmt.Errorf("cnn: %d rows for %d %s", rows, n, of)
	}
	for i := range rows {
		for j, v := range m.RawRowView(i) {
			if !(math.Abs(v) <= math.MaxFloat32) {
				return nil, 0, fmt.Errorf("cnn: %v in row %d, column %d; it must be finite, in "+
					"single precision too", v, i, j)
			}
			entries = append(entries, float32(v))
		}
	}
	return entries, columns, nil
}
