package fcn

import (
	"fmt"
	"slices"

	"github.com/kernelsmith/kernelsmith/ntk/internal/accel"
	"github.com/kernelsmith/kernelsmith/ntk/internal/parallel"
	"github.com/kernelsmith/kernelsmith/ntk/train"
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/mat"
)

// EmpiricalSettings say how empirical kernels are computed. The zero value is the
// kernel of gradient descent as [train.Train] does it, in single precision.
type EmpiricalSettings struct {
	// Double computes in double precision, with the net's parameters as they are, for
	// checks: it takes two to five times as long. Single precision has errors of the
	// order of 1e-6 of the diagonal.
	Double bool
	// Parameterization says which parameters the gradients of NTKs are taken in. In the
	// standard one a kernel grows with the width.
	Parameterization train.Parameterization
}

// EmpiricalNTK returns the m×n matrix of inner products of the gradients of
// one output (from 0) with respect to all trained parameters, between the rows of z
// (m×inputs) and of x (n×inputs). At infinite width it is the NTK of the
// architecture; for one hidden layer its expectation over seeds is the NTK at
// any width. If z and x are the same it is symmetric to the bit, and takes about
// half the time.
//
// It is summed layer by layer from inner products of inputs and of
// backpropagated derivatives; no gradient is ever formed. Cost: one forward
// and one backward pass over the points, and two m×n×width products a layer.
//
// Source: [JGH18] sec. 4, for finite width; keys are listed in package ntk.
func (n *Net) EmpiricalNTK(
	z, x *mat.Dense, output int, s ...EmpiricalSettings,
) (*mat.Dense, error) {
	return n.block(z, x, output, output, s...)
}

// block is EmpiricalNTK between output a of the rows of z and output b of the rows of x. At
// infinite width it is 0 for a ≠ b.
func (n *Net) block(
	z, x *mat.Dense, a, b int, s ...EmpiricalSettings,
) (*mat.Dense, error) {
	for _, output := range []int{a, b} {
		if output < 0 || output >= n.config.Outputs {
			return nil, fmt.Errorf("fcn: output %d; the net has outputs 0 to %d", output,
				n.config.Outputs-1)
		}
	}
	return n.empirical(z, x, kernelKind{a: []int{a}, b: []int{b}}, s)
}

// EmpiricalNTKOutputs is EmpiricalNTK between all pairs of the o outputs: an
// (m·o)×(n·o) matrix, whose entry in row i·o + a and column j·o + b is the inner
// product of the gradients of output a at row i of z and of output b at row j of x.
// So it multiplies the n×o targets in the order in which they lie, row by row.
func (n *Net) EmpiricalNTKOutputs(z, x *mat.Dense, s ...EmpiricalSettings) (*mat.Dense, error) {
	all := n.outputs()
	return n.empirical(z, x, kernelKind{a: all, b: all}, s)
}

// EmpiricalNTKMean is EmpiricalNTK averaged over the outputs: 1/o of the trace over
// outputs of each o×o block of [Net.EmpiricalNTKOutputs], m×n.
func (n *Net) EmpiricalNTKMean(z, x *mat.Dense, s ...EmpiricalSettings) (*mat.Dense, error) {
	all := n.outputs()
	return n.empirical(z, x, kernelKind{a: all, b: all, mean: true}, s)
}

// EmpiricalNNGP returns the m×n covariance that the net's outputs have over draws of
// the readout, its hidden layers as they are: σ_w²/width h·h' + σ_b² between the last
// hidden layer of the rows of z and of x, with the readout's σ. It is the kernel of
// the net that trains the readout alone. At infinite width it is the NNGP of the
// architecture; for one hidden layer its expectation over seeds is that at any width.
func (n *Net) EmpiricalNNGP(z, x *mat.Dense, s ...EmpiricalSettings) (*mat.Dense, error) {
	return n.empirical(z, x, kernelKind{features: true}, s)
}

func (n *Net) outputs() []int {
	all := make([]int, n.config.Outputs)
	for i := range all {
		all[i] = i
	}
	return all
}

// kernelKind says which kernel: of the outputs a of the rows of z and b of those of
// x, or averaged over outputs, or of the last hidden layer.
type kernelKind struct {
	a, b                     []int
	mean, features, standard bool
}

func (n *Net) empirical(z, x *mat.Dense, k kernelKind, s []EmpiricalSettings) (*mat.Dense, error) {
	if len(s) > 1 {
		return nil, fmt.Errorf("fcn: %d settings for an empirical kernel; give one or none", len(s))
	}
	var settings EmpiricalSettings
	if len(s) == 1 {
		settings = s[0]
	}
	if p := settings.Parameterization; p != train.NTKParameterization &&
		p != train.StandardParameterization {
		return nil, fmt.Errorf(
			"fcn: %v is neither train.NTKParameterization nor train.StandardParameterization", p)
	}
	k.standard = settings.Parameterization == train.StandardParameterization && !k.features
	rowsZ, err := n.inputs(z, "z")
	if err != nil {
		return nil, err
	}
	rowsX, err := n.inputs(x, "x")
	if err != nil {
		return nil, err
	}
	rows, cols := len(rowsZ)/n.config.Inputs, len(rowsX)/n.config.Inputs
	if !k.features && !k.mean {
		rows, cols = rows*len(k.a), cols*len(k.b)
	}
	if float64(rows)*float64(cols) >= maxParams {
		return nil, fmt.Errorf(
			"fcn: an empirical kernel of %d×%d entries; fewer than 2^31-1 are possible", rows, cols)
	}
	out := mat.NewDense(rows, cols, nil)
	if settings.Double {
		empirical(n, doubles(z), doubles(x), k, out.RawMatrix().Data)
	} else {
		empirical(n, rowsZ, rowsX, k, out.RawMatrix().Data)
	}
	for i, v := range out.RawMatrix().Data {
		if v-v != 0 {
			return nil, fmt.Errorf("fcn: the empirical kernel is %v in row %d, column %d: the "+
				"numbers in the net leave the range of its precision; make the inputs smaller, "+
				"or set Double", v, i/cols, i%cols)
		}
	}
	return out, nil
}

func doubles(x *mat.Dense) []float64 { return mat.DenseCopyOf(x).RawMatrix().Data }

// empirical adds the kernel to sum.
func empirical[T float](n *Net, z, x []T, k kernelKind, sum []float64) {
	zs := newSide(n, z, k.a)
	xs := zs
	if !slices.Equal(z, x) || !slices.Equal(k.a, k.b) {
		xs = newSide(n, x, k.b)
	}
	layers := n.layers
	last := len(layers) - 1
	first := n.firstTrained()
	if k.features {
		first = last
	}
	if first > last {
		return // nothing is trained
	}
	weights, inner := passForward(n, zs, xs, k, first)
	if !layers[last].frozen || k.features {
		readout(sum, inner[last], zs, xs, k)
	}
	if k.features {
		return
	}
	for i := last - 1; i >= first; i-- {
		zs.backward(i, &layers[i+1], weights[i+1])
		if xs != zs {
			xs.backward(i, &layers[i+1], weights[i+1])
		}
		if !layers[i].frozen {
			hidden(sum, inner[i], zs, xs, k, layers[i].out)
		}
	}
}

// passForward takes both sides to the last hidden layer. It returns the weights of each
// layer, and for each layer with a part in the kernel, from the first one on, the n×m
// products of what it takes in: σ_w²/in · h·h' + σ_b², or h·h' + 1 in the standard
// parameterization, without the 1 where there is no bias.
func passForward[T float](
	n *Net, zs, xs *side[T], k kernelKind, first int,
) (weights, inner [][]T) {
	layers := n.layers
	weights, inner = make([][]T, len(layers)), make([][]T, len(layers))
	for i := range layers {
		l := &layers[i]
		weights[i] = converted[T](l.w)
		if i >= first && (!l.frozen || k.features) {
			scale, bias := T(l.scale)*T(l.scale), T(l.biasStd)*T(l.biasStd)
			if k.standard {
				scale = 1
				if l.b != nil {
					bias = 1
				}
			}
			inner[i] = rowProducts(zs.n, xs.n, l.in, scale, zs.h, xs.h, zs == xs)
			for j := range inner[i] {
				inner[i][j] += bias
			}
		}
		if i == len(layers)-1 {
			break // what the net puts out is in no kernel
		}
		phi := evaluatorOf[T](n, i)
		zs.forward(l, weights[i], phi)
		if xs != zs {
			xs.forward(l, weights[i], phi)
		}
	}
	return weights, inner
}

// hidden adds the part of a hidden layer with so many units: the products of what it takes
// in times those of the derivatives of the outputs by its pre-activations.
func hidden[T float](sum []float64, inner []T, z, x *side[T], k kernelKind, units int) {
	a, b := len(k.a), len(k.b)
	if k.mean {
		// The derivatives of all outputs at a point lie one after another, and the
		// inner product of all is the sum over outputs.
		d := rowProducts(z.n, x.n, a*units, 1/T(a), z.d, x.d, z == x)
		for j, v := range d {
			sum[j] += float64(inner[j]) * float64(v)
		}
		return
	}
	d := rowProducts(z.n*a, x.n*b, units, 1, z.d, x.d, z == x)
	for r := range z.n * a {
		of := inner[r/a*x.n : (r/a+1)*x.n]
		to := sum[r*x.n*b:]
		for j, v := range d[r*x.n*b : (r+1)*x.n*b] {
			to[j] += float64(of[j/b]) * float64(v)
		}
	}
}

// readout adds the readout's part, in which outputs have nothing in common: ∂f_a/∂u_b
// is 1 for a = b, else 0.
func readout[T float](sum []float64, inner []T, z, x *side[T], k kernelKind) {
	if k.features || k.mean {
		for j, v := range inner {
			sum[j] += float64(v)
		}
		return
	}
	cols := x.n * len(k.b)
	for i := range z.n {
		for p, a := range k.a {
			for q, b := range k.b {
				if a != b {
					continue
				}
				for j := range x.n {
					sum[(i*len(k.a)+p)*cols+j*len(k.b)+q] += float64(inner[i*x.n+j])
				}
			}
		}
	}
}

type float interface{ float32 | float64 }

// side is one of the two sets of points that a kernel is between, on its way through
// the net and back.
type side[T float] struct {
	n       int
	outputs []int
	h       []T   // what the layer takes in, n×in
	slopes  [][]T // φ'(u) of the hidden layers, n×out; the last one's is d too, with one output
	d       []T   // ∂f/∂u of the layer, a row for each output of each point
	spare   []T
}

func newSide[T float](n *Net, x []T, outputs []int) *side[T] {
	return &side[T]{n: len(x) / n.config.Inputs, outputs: outputs, h: x}
}

// take returns the spare buffer, or a new one, with the given size.
func (s *side[T]) take(size int) []T {
	b := s.spare
	s.spare = nil
	if cap(b) < size {
		return make([]T, size)
	}
	return b[:size]
}

func (s *side[T]) forward(l *layer, w []T, phi func(value, derivative, z []T)) {
	u, h := make([]T, s.n*l.out), s.take(s.n*l.out)
	gemm(blas.NoTrans, blas.Trans, s.n, l.out, l.in, T(l.scale), s.h, l.in, w, l.in, 0, u, l.out)
	parallel.For(s.n, 1+8192/l.out, func(lo, hi int) {
		for r := lo; r < hi; r++ {
			row := u[r*l.out : (r+1)*l.out]
			if l.b != nil {
				for j, b := range l.b[:len(row)] {
					row[j] += T(l.biasStd) * T(b)
				}
			}
			phi(h[r*l.out:(r+1)*l.out], row, row)
		}
	})
	if len(s.slopes) > 0 { // the first layer takes in the caller's points
		s.spare = s.h
	}
	s.h, s.slopes = h, append(s.slopes, u)
}

// backward sets d to the derivatives by the pre-activations of layer i from those of
// the layer after it, next.
func (s *side[T]) backward(i int, next *layer, w []T) {
	o, slope := len(s.outputs), s.slopes[i]
	if s.d == nil { // next is the readout
		to := slope
		if o > 1 {
			to = s.take(s.n * o * next.in)
		}
		parallel.For(s.n, 1+8192/next.in, func(lo, hi int) {
			for r := lo; r < hi; r++ {
				from := slope[r*next.in : (r+1)*next.in]
				for p, output := range s.outputs {
					row := to[(r*o+p)*next.in : (r*o+p+1)*next.in]
					w := w[output*next.in : (output+1)*next.in]
					for j, v := range from {
						row[j] = T(next.scale) * w[j] * v
					}
				}
			}
		})
		s.d = to
		return
	}
	d := s.take(s.n * o * next.in)
	gemm(blas.NoTrans, blas.NoTrans, s.n*o, next.in, next.out, T(next.scale), s.d, next.out, w,
		next.in, 0, d, next.in)
	parallel.For(s.n*o, 1+8192/next.in, func(lo, hi int) {
		for r := lo; r < hi; r++ {
			row, from := d[r*next.in:(r+1)*next.in], slope[r/o*next.in:(r/o+1)*next.in]
			for j, v := range from {
				row[j] *= v
			}
		}
	})
	s.d, s.spare = d, s.d
}

// evaluatorOf returns φ and φ' of hidden layer i over a slice.
func evaluatorOf[T float](n *Net, i int) func(value, derivative, z []T) {
	if f, ok := any(n.layers[i].eval).(func(value, derivative, z []T)); ok {
		return f
	}
	phi := n.arch.Layers()[i].Activation
	return func(value, derivative, z []T) {
		for i, x := range z {
			v, d := T(phi.Value(float64(x))), T(phi.Derivative(float64(x)))
			value[i], derivative[i] = v, d
		}
	}
}

// converted returns w in the precision T, and w itself if it has that.
func converted[T float](w []float32) []T {
	if same, ok := any(w).([]T); ok {
		return same
	}
	out := make([]T, len(w))
	parallel.For(len(w), 1<<16, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			out[i] = T(w[i])
		}
	})
	return out
}

// rowProducts returns the m×n inner products, times alpha, of the rows of a and of b, which have
// the length k. With same, for b = a, they are made symmetric to the bit. A product of one
// triangle alone is no faster here, because the library has few rows of it to divide.
func rowProducts[T float](m, n, k int, alpha T, a, b []T, same bool) []T {
	c := make([]T, m*n)
	gemm(blas.NoTrans, blas.Trans, m, n, k, alpha, a, k, b, k, 0, c, n)
	if same {
		for i := range n {
			for j := i + 1; j < n; j++ {
				c[j*n+i] = c[i*n+j]
			}
		}
	}
	return c
}

func gemm[T float](
	transA, transB blas.Transpose, m, n, k int, alpha T, a []T, lda int, b []T, ldb int, beta T,
	c []T, ldc int,
) {
	switch a := any(a).(type) {
	case []float32:
		accel.Float32().
			Sgemm(transA, transB, m, n, k, float32(alpha), a, lda, any(b).([]float32), ldb,
				float32(beta), any(c).([]float32), ldc)
	case []float64:
		accel.Float64().
			Dgemm(transA, transB, m, n, k, float64(alpha), a, lda, any(b).([]float64), ldb,
				float64(beta), any(c).([]float64), ldc)
	}
}
