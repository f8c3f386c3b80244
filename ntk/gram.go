package ntk

import (
	"context"
	"errors"

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

// GramSettings are the settings of a kernel matrix; nil is the defaults.
type GramSettings struct {
	// Progress, if not nil, hears of the pairs of inputs that are done: at the
	// start of none, at the end of all. Calls come one at a time, done never
	// falls, and the work waits for each, so it must be quick.
	Progress func(done, total int)
}

// GramInto sets dst, n×n and row-major, to the kernel between the rows of x. It
// is symmetric to the bit, and with portable arithmetic the same bytes on any
// number of processors.
//
// Inputs may have any norm, zero included. Where all have one norm (to 16 ulps
// of ‖x‖² in float32, 64 in float64) the kernel is a curve over the cosine and
// is tabulated, to 1e-8 of its largest value in float32 and to 1e-14, or the
// kernel's own rounding, in float64. Inner products are formed in T and
// everything else in float64. Rows that are bit for bit equal or opposite are
// recognised and get their value without cancellation; for nearly equal ones a
// kernel with a square root at c = 1, such as the ReLU NTK, turns the rounding
// ε of the inner product into √ε.
//
// Memory beyond dst: a few numbers for each input and a tile of at most 2048×2048
// for each processor. If ctx ends, its error is returned. After an error the content
// of dst is unspecified. Inputs that are not finite are a [*NonFiniteError]; a
// kernel that leaves the range of T is an error naming the two rows.
func GramInto[T float32 | float64](
	ctx context.Context, dst []T, K Kernel, x Inputs[T], s *GramSettings,
) error {
	return kernelMatrix(ctx, K.evaluator(), [][]T{dst}, x, x, true, s)
}

// GramBothInto sets nngp and ntk to the two kernels of a net, for little more
// than the cost of one; otherwise as [GramInto].
func GramBothInto[T float32 | float64](
	ctx context.Context, nngp, ntk []T, net *FCN, x Inputs[T], s *GramSettings,
) error {
	e, err := net.evaluator()
	if err != nil {
		return err
	}
	return kernelMatrix(ctx, e, [][]T{nngp, ntk}, x, x, true, s)
}

// CrossInto sets dst, m×n and row-major, to the kernel between the m rows of z
// and the n rows of x; otherwise as [GramInto].
func CrossInto[T float32 | float64](
	ctx context.Context, dst []T, K Kernel, z, x Inputs[T], s *GramSettings,
) error {
	return kernelMatrix(ctx, K.evaluator(), [][]T{dst}, z, x, false, s)
}

// CrossBothInto sets nngp and ntk to the two kernels of a net; otherwise as
// [CrossInto].
func CrossBothInto[T float32 | float64](
	ctx context.Context, nngp, ntk []T, net *FCN, z, x Inputs[T], s *GramSettings,
) error {
	e, err := net.evaluator()
	if err != nil {
		return err
	}
	return kernelMatrix(ctx, e, [][]T{nngp, ntk}, z, x, false, s)
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
// so large (1e150) that its square would be.
type NonFiniteError struct {
	Row, Col int
	Value    float64
}

// Error implements error.
func (e *NonFiniteError) Error() string { return (*gram.NonFiniteError)(e).Error() }

// kernelMatrix sets dst to the kernels of e between the rows of z and of x.
func kernelMatrix[T float32 | float64](
	ctx context.Context, e *gram.Evaluator, dst [][]T, z, x Inputs[T], symmetric bool,
	s *GramSettings,
) error {
	var progress func(done, total int)
	if s != nil {
		progress = s.Progress
	}
	err := gram.Matrix(ctx, e, dst, gram.Inputs[T](z), gram.Inputs[T](x), symmetric, progress)
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

// evaluator returns the kernel as an evaluator of pairs.
func (K Kernel) evaluator() *gram.Evaluator {
	e := &gram.Evaluator{
		Outputs: 1,
		Prepare: K.prepare,
		Pair: func(out []float64, a any, p gauss.Pair, b any) {
			out[0] = K.pair(a, p, b)
		},
	}
	if K.net != nil {
		e.Slopes = K.net.slopes(K.which == 1)
	}
	return e
}

// evaluator returns the NNGP and the NTK.
func (f *FCN) evaluator() (*gram.Evaluator, error) {
	r, err := f.recursion(len(f.layers)+1, true)
	if err != nil {
		return nil, err
	}
	return &gram.Evaluator{
		Outputs: 2,
		Prepare: r.prepare,
		Pair: func(out []float64, a any, p gauss.Pair, b any) {
			out[0], out[1] = r.pair(a.(*netPoint), p, b.(*netPoint))
		},
		Slopes: r.slopes(false),
	}, nil
}
