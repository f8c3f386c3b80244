package ntk

import (
	"context"
	"errors"
	"reflect"

	"github.com/kernelsmith/kernelsmith/ntk/internal/gauss"
	"github.com/kernelsmith/kernelsmith/ntk/internal/gram"
	"gonum.org/v1/gonum/mat"
)

// Inputs are the N rows of D features that a kernel matrix is of, one row
// after the other. They are read, never written.
type Inputs[T float32 | float64] struct {
	Rows []T // N·D entries
	N, D int
}

// GramInto sets dst, n×n and row-major, to the kernel between the rows of x. It
// is symmetric to the bit, and with portable arithmetic the same bytes on any
// number of processors.
//
// Inputs may have any norm, zero included. Where all have one norm (to 16 ulps
// of ‖x‖² in float32, 64 + d/4 in float64) the kernel is a curve over the cosine
// and is tabulated, to 1e-8 of its largest value in float32 and to 1e-14, or the
// kernel's own rounding, in float64. Inner products are formed in T and
// everything else in float64.
//
// Inner products do not tell how far apart near rows are, nor rows far from the origin. Pairs
// with a cosine above 1 - 1e-3 in float32, 1 - 1e-5 in float64, are therefore taken from the
// differences of their rows, and nearly opposite ones from the sums: these have the digits of the
// kernel's formula. For the others the rounding ε of the inner product, some ulps, is ε/√(2(1-c))
// in the angle, of which a kernel with a square root at c = 1, such as the ReLU NTK, is a
// function: 1e-5 in float32 at most, 4e-13 in float64.
//
// A kernel of ‖x-x'‖, such as [GaussianKernel], [LaplaceKernel], [MaternKernel], the NNGP of
// [GaussianFeature], and what [Kernel.Add], Mul, Scale and Normalize make of these, has
// the digits of the distance wherever the origin is, to 1e-13 of its largest value in float64 and
// 1e-6 in float32: map coordinates and years need not be centred. So has a net whose one hidden
// layer is [Sin] or [Cos], for distances and for ‖x+x'‖. Kernels of the cosine alone take rows
// of any size.
//
// progress, if not nil, is told how many pairs of inputs are done: none at the start, all at the
// end. Calls come one at a time, done never falls, and the work waits for each, so it must be
// quick.
//
// Memory beyond dst: a few numbers for each input, a tile of at most 2048×2048
// for each processor and, for rows far from the origin or out of the range of squares, a copy of
// them. If ctx ends, its error is returned. After an error the content
// of dst is unspecified. Inputs that are not finite are a [*NonFiniteError], as are rows
// whose squares are lost; a kernel that leaves the range of T, or has no digits left, is an
// error naming the two rows.
func GramInto[T float32 | float64](
	ctx context.Context, dst []T, K Kernel, x Inputs[T], progress func(done, total int),
) error {
	return kernelMatrix(ctx, K.evaluator(), [][]T{dst}, x, x, true, progress)
}

// GramBothInto sets nngp and ntk to the two kernels of a net, for little more
// than the cost of one; otherwise as [GramInto].
func GramBothInto[T float32 | float64](
	ctx context.Context, nngp, ntk []T, net *FCN, x Inputs[T], progress func(done, total int),
) error {
	e, err := net.evaluator()
	if err != nil {
		return err
	}
	return kernelMatrix(ctx, e, [][]T{nngp, ntk}, x, x, true, progress)
}

// CrossInto sets dst, m×n and row-major, to the kernel between the m rows of z
// and the n rows of x; otherwise as [GramInto].
func CrossInto[T float32 | float64](
	ctx context.Context, dst []T, K Kernel, z, x Inputs[T], progress func(done, total int),
) error {
	return kernelMatrix(ctx, K.evaluator(), [][]T{dst}, z, x, false, progress)
}

// CrossBothInto sets nngp and ntk to the two kernels of a net; otherwise as
// [CrossInto].
func CrossBothInto[T float32 | float64](
	ctx context.Context, nngp, ntk []T, net *FCN, z, x Inputs[T], progress func(done, total int),
) error {
	e, err := net.evaluator()
	if err != nil {
		return err
	}
	return kernelMatrix(ctx, e, [][]T{nngp, ntk}, z, x, false, progress)
}

// Tiles is a kernel matrix that is known tile by tile: what regression and spectra take, so
// that a matrix need not be kept whole, or twice. [GramTiles] and [CrossTiles] are those of a
// [Kernel], [MatrixTiles] of a matrix that is there; kernels of other inputs than rows can
// offer their own.
type Tiles[T float32 | float64] interface {
	// Dims returns the rows and columns of the whole matrix.
	Dims() (rows, columns int)
	// Tile sets dst, (i1-i0)×(j1-j0) and row-major, to rows [i0, i1) and columns [j0, j1). It
	// reports a tile that is empty or not within the matrix, another length of dst, what has
	// no finite value, and the end of ctx. Several goroutines may call it at once.
	Tile(ctx context.Context, dst []T, i0, i1, j0, j1 int) error
}

// GramTiles returns the n×n matrix between the rows of x tile by tile, with the accuracy of
// [GramInto]. It looks at each row once; x is kept and must not change. A tile costs its
// inner products and values. Mirror images of entries are equal to the bit within a tile, such as
// the whole matrix; those of two tiles differ by rounding.
func GramTiles[T float32 | float64](
	ctx context.Context, K Kernel, x Inputs[T],
) (Tiles[T], error) {
	return kernelTiles(ctx, K, x, x, true)
}

// CrossTiles returns the m×n matrix between the rows of z and of x tile by tile; otherwise as
// [GramTiles].
func CrossTiles[T float32 | float64](
	ctx context.Context, K Kernel, z, x Inputs[T],
) (Tiles[T], error) {
	return kernelTiles(ctx, K, z, x, false)
}

func kernelTiles[T float32 | float64](
	ctx context.Context, K Kernel, z, x Inputs[T], symmetric bool,
) (Tiles[T], error) {
	s, err := gram.NewSource(ctx, K.evaluator(), gram.Inputs[T](z), gram.Inputs[T](x), symmetric)
	if err != nil {
		return nil, ownError(err)
	}
	return tiles[T]{s}, nil
}

// tiles are those of one kernel.
type tiles[T float32 | float64] struct{ *gram.Source[T] }

func (t tiles[T]) Tile(ctx context.Context, dst []T, i0, i1, j0, j1 int) error {
	return t.Source.Tile(ctx, [][]T{dst}, i0, i1, j0, j1)
}

// MatrixTiles returns a matrix, which is kept, as tiles; nil is one without entries.
func MatrixTiles(m mat.Matrix) Tiles[float64] {
	if v := reflect.ValueOf(m); v.Kind() == reflect.Pointer && v.IsNil() {
		m = nil
	}
	return matrixTiles{m}
}

type matrixTiles struct{ m mat.Matrix }

func (t matrixTiles) Dims() (rows, columns int) {
	if t.m == nil {
		return 0, 0
	}
	return t.m.Dims()
}

func (t matrixTiles) Tile(ctx context.Context, dst []float64, i0, i1, j0, j1 int) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	rows, columns := t.Dims()
	if err := gram.CheckTile(rows, columns, len(dst), i0, i1, j0, j1); err != nil {
		return err
	}
	for i := i0; i < i1; i++ {
		for j := j0; j < j1; j++ {
			dst[(i-i0)*(j1-j0)+j-j0] = t.m.At(i, j)
		}
	}
	return nil
}

// Gram returns the n×n matrix of the kernel between the rows of x (n×d), as
// [GramInto] makes it.
func (K Kernel) Gram(x *mat.Dense) (*mat.SymDense, error) {
	in, err := denseInputs(x)
	if err != nil {
		return nil, err
	}
	k := make([]float64, in.N*in.N)
	if err := GramInto(context.Background(), k, K, in, nil); err != nil {
		return nil, err
	}
	return mat.NewSymDense(in.N, k), nil
}

// Cross returns the m×n matrix of the kernel between the rows of z (m×d) and
// those of x (n×d), as [CrossInto] makes it.
func (K Kernel) Cross(z, x *mat.Dense) (*mat.Dense, error) {
	inX, err := denseInputs(x)
	if err != nil {
		return nil, err
	}
	inZ, err := denseInputs(z)
	if err != nil {
		return nil, err
	}
	k := make([]float64, inZ.N*inX.N)
	if err := CrossInto(context.Background(), k, K, inZ, inX, nil); err != nil {
		return nil, err
	}
	return mat.NewDense(inZ.N, inX.N, k), nil
}

func denseInputs(x *mat.Dense) (Inputs[float64], error) {
	if x == nil || x.IsEmpty() {
		return Inputs[float64]{}, gram.ErrNoInputs
	}
	n, d := x.Dims()
	raw := x.RawMatrix()
	if raw.Stride != d {
		raw = mat.DenseCopyOf(x).RawMatrix()
	}
	return Inputs[float64]{raw.Data[:n*d], n, d}, nil
}

// NonFiniteError reports an entry of an input matrix that is NaN, infinite, or
// so large (1e150) that its square would be; or the largest entry of a row that is not zero
// but so small (1e-145) that its square is lost, where the kernel would tell it from zero.
type NonFiniteError struct {
	Row, Col int
	Value    float64
}

// Error implements error.
func (e *NonFiniteError) Error() string { return (*gram.NonFiniteError)(e).Error() }

// kernelMatrix sets dst to the kernels of e between the rows of z and of x.
func kernelMatrix[T float32 | float64](
	ctx context.Context, e *gram.Evaluator, dst [][]T, z, x Inputs[T], symmetric bool,
	progress func(done, total int),
) error {
	err := gram.Matrix(ctx, e, dst, gram.Inputs[T](z), gram.Inputs[T](x), symmetric, progress)
	return ownError(err)
}

// ownError returns an error of the engine as one of this package.
func ownError(err error) error {
	var entry *gram.NonFiniteError
	if errors.As(err, &entry) {
		return (*NonFiniteError)(entry)
	}
	return err
}

// twoSlopes returns p and m if a is p·relu(z) - m·relu(-z).
func twoSlopes(a Activation) (p, m float64, ok bool) {
	switch a := a.(type) {
	case ReLU:
		return 1, 0, true
	case TwoSlope:
		return a.Positive, a.Negative, true
	}
	return 0, 0, false
}

// slopes returns the net as a gram.SlopeNet, nil if it is none.
func (r *recursion) slopes(ntk bool) *gram.SlopeNet {
	w2, b2, trained := r.step(0)
	net := &gram.SlopeNet{W2: w2, B2: b2, NTK: ntk}
	for i, l := range r.layers {
		p, m, ok := twoSlopes(l.Activation)
		if !ok || !trained {
			return nil
		}
		w2, b2, trained = r.step(i + 1)
		net.Layers = append(net.Layers, gram.NewSlopeLayer(p, m, w2, b2))
	}
	if !trained {
		return nil
	}
	return net
}

// quick is the Quick of a [gram.Evaluator], of the NTK alone if tangent, else of the NNGP kernel
// and, if there is room, the NTK. It is nil where [recursion.pair] is as quick: of activations that
// all know their drop, and of numeric ones, which have tables.
func (r *recursion) quick(tangent bool) func(out []float64, a any, p gauss.Pair, b any) bool {
	slower := false
	for _, d := range r.duals {
		if _, ok := d.(numeric); ok {
			return nil
		}
		slower = slower || !knowsDrop(d, gauss.Pair{Q: 1, Q2: 1})
	}
	if !slower {
		return nil
	}
	return func(out []float64, a any, p gauss.Pair, b any) bool {
		nngp, ntk, lost := r.quickly(a.(*netPoint), p, b.(*netPoint))
		if out[0] = nngp; tangent {
			out[0] = ntk
		} else if len(out) > 1 {
			out[1] = ntk
		}
		return lost <= exactLoss
	}
}

// evaluator returns the kernel as an evaluator of pairs.
func (K Kernel) evaluator() *gram.Evaluator {
	K = K.made()
	e := &gram.Evaluator{
		Outputs: 1,
		Of:      K.distance,
		Prepare: K.prepare,
		Pair: func(out []float64, a any, p gauss.Pair, b any) {
			out[0] = K.pair(a, p, b)
		},
	}
	if K.cosineOnly {
		e.Of = gram.OfCosine
	}
	if K.net != nil {
		e.Slopes = K.net.slopes(K.tangent)
		if K.distance == 0 {
			e.Pair = func(out []float64, a any, p gauss.Pair, b any) {
				nngp, ntk := K.net.pair(a.(*netPoint), p, b.(*netPoint), rowLoss)
				if out[0] = nngp; K.tangent {
					out[0] = ntk
				}
			}
			e.Quick = K.net.quick(K.tangent)
		}
	}
	return e
}

// evaluator returns the NNGP and the NTK.
func (f *FCN) evaluator() (*gram.Evaluator, error) {
	r, err := f.recursion(len(f.layers)+1, true)
	if err != nil {
		return nil, err
	}
	e := &gram.Evaluator{
		Outputs: 2,
		Prepare: r.prepare,
		Pair: func(out []float64, a any, p gauss.Pair, b any) {
			out[0], out[1] = r.pair(a.(*netPoint), p, b.(*netPoint), rowLoss)
		},
		Quick:  r.quick(false),
		Slopes: r.slopes(false),
	}
	if r.isWave() {
		e.Of = gram.OfSumAndDifference
		e.Pair = func(out []float64, a any, p gauss.Pair, b any) {
			out[0], out[1] = r.wavePair(p)
		}
	}
	return e, nil
}
