package regress

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/internal/accel"
	"github.com/kernelsmith/kernelsmith/ntk/internal/parallel"
	"github.com/kernelsmith/kernelsmith/ntk/internal/tiled"
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/mat"
)

// FitLandmarks fits a model on M landmarks to any number n of training points, which is not kernel
// regression: of all functions f(x) = K(x, Z) w, with Z the landmarks, it finds the one that makes
// ‖Y - K(X, Z) w‖² + δ wᵀ K(Z, Z) w least. With all training points as landmarks that is kernel
// regression, with fewer it can only follow what they span. cross is the n×M matrix of the kernel
// between training points and landmarks, often some of the points, and among the M×M Gram matrix
// of the landmarks; a RelativeRidge is in units of the latter's mean diagonal, and the Method is
// "landmarks".
//
// The normal equations (K(X,Z)ᵀ K(X,Z) + δ K(Z,Z)) w = K(X,Z)ᵀ Y are solved by conjugate
// gradients, preconditioned by what they would be if the landmarks stood for all points; the
// residual of [Fit] is theirs. Each pass computes K(X, Z) anew, a few rows at a time. Errors, the
// end of ctx and checkpoints are as with [Solve].
//
// Memory: 8M² bytes, a few MB for each processor, and some tens of bytes for each landmark and
// output. Cost: M³, and n·M pairs for each of some 10 to 20 passes; in single precision, which the
// type of cross says, a pass takes half the time, and its rounding, 1e-7 of the kernel, is that of
// the model.
//
// Source: A. Rudi, L. Carratino, L. Rosasco, "FALKON: An Optimal Large Scale Kernel Method",
// NeurIPS 2017, arXiv 1705.10958, algorithm 1.
func FitLandmarks[T float32 | float64](
	ctx context.Context, cross ntk.Tiles[T], among ntk.Tiles[float64], y *mat.Dense,
	s *SolveSettings,
) (*Fit, error) {
	if isEmpty(cross) || isEmpty(among) {
		return nil, errors.New("regress: a cross matrix and a Gram matrix of the landmarks are " +
			"needed, each with entries")
	}
	m, err := checkSquare(among)
	if err != nil {
		return nil, err
	}
	n, columns := cross.Dims()
	if columns != m {
		return nil, fmt.Errorf("regress: the cross matrix has %d columns for %d landmarks", columns,
			m)
	}
	t := crossOf(cross)
	gram := gramOf(among)
	p, err := newNormal(ctx, t, y, s, landmarksMethod, 2*lowerBytes(m, 8))
	if err != nil {
		return nil, err
	}
	if p.ridge, err = ridgeOf(ctx, gram, p.settings); err != nil {
		return nil, err
	}
	p.explain = func(ctx context.Context) (spectrum, error) { return spectrumOf(ctx, among) }
	p.prepare = func(ctx context.Context) (preconditioner, error) {
		l, err := factoredLandmarks(ctx, gram, p)
		if err != nil {
			return preconditioner{}, err
		}
		regular := make([]float64, m*p.outputs)
		p.multiply = func(ctx context.Context, x, out []float64) error {
			if err := timesNormal(ctx, t, x, nil, out, p.outputs, p.tellPart); err != nil {
				return err
			}
			l.times(p.outputs, x, regular)
			for i, v := range regular {
				out[i] += p.ridge * v
			}
			return nil
		}
		return falkon(ctx, l, n, p)
	}
	return p.solve(ctx)
}

// newNormal is a problem of normal equations AᵀA w = Aᵀ Y, without the ridge and what to do.
func newNormal[T accel.Float](
	ctx context.Context, a *source[T], y *mat.Dense, s *SolveSettings, method string, bytes int64,
) (*problem, error) {
	n, m := a.Dims()
	s, err := s.checked()
	if err != nil {
		return nil, err
	}
	if s.Method != "" && s.Method != method {
		return nil, fmt.Errorf("regress: Method is %q; here it is %q", s.Method, method)
	}
	targets, outputs, err := targetsOf(y, n)
	if err != nil {
		return nil, err
	}
	bytes += vectorBytes(m, outputs, processors()) +
		int64(processors())*int64(heightOf(m)*m)*16 + int64(n)*int64(outputs)*8
	if bytes > s.Memory {
		return nil, fmt.Errorf("regress: %d rows and %d columns take %d bytes, and Memory is %d", n,
			m, bytes, s.Memory)
	}
	p := &problem{settings: s, method: method, size: m, outputs: outputs, targets: targets,
		passes: 15}
	if p.probe, err = probe(ctx, a); err != nil {
		return nil, err
	}
	p.meter, err = newMeter(s.Progress, func() error { return oneTile(ctx, a) })
	if err != nil {
		return nil, err
	}
	tiles := func(size int) float64 { return math.Max(1, float64(size)/tiled.Size) }
	p.passTime = p.meter.tile * tiles(n) * tiles(m)
	p.meter.left(p.passTime * float64(1+p.passes))
	p.rhs = make([]float64, m*outputs)
	return p, timesNormal(ctx, a, nil, targets, p.rhs, outputs, p.tellPart)
}

// tellPart tells of a part of a pass.
func (p *problem) tellPart(part float64) { p.meter.add(part * p.passTime) }

// timesNormal sets out, m×o, to Aᵀ(A x), or to Aᵀ y if x is nil, in double precision, where A
// is n×m; rounding does not depend on the number of processors. tell is told of each part of
// the work that is done.
func timesNormal[T accel.Float](
	ctx context.Context, t *source[T], x, y, out []float64, o int, tell func(part float64),
) error {
	n, m := t.Dims()
	height := heightOf(m)
	clear(out)
	gemm := accel.Serial64().Dgemm
	return tiled.InTurn(ctx, (n+height-1)/height, func(task int, s *tiled.Strip[T]) error {
		i0, i1 := task*height, min((task+1)*height, n)
		part := s.Tile[:(i1-i0)*m]
		if err := t.FiniteTile(ctx, part, i0, i1, 0, m); err != nil {
			return err
		}
		rows := s.Double(part)
		values := s.Sums[m*o : (m+i1-i0)*o]
		if x == nil {
			copy(values, y[i0*o:i1*o])
		} else {
			gemm(blas.NoTrans, blas.NoTrans, i1-i0, o, m, 1, rows, m, x, o, 0, values, o)
		}
		gemm(blas.Trans, blas.NoTrans, m, o, i1-i0, 1, rows, m, values, o, 0, s.Sums, o)
		return nil
	}, func(task int, s *tiled.Strip[T]) {
		for i, v := range s.Sums[:m*o] {
			out[i] += v
		}
		tell(float64(min(height, n-task*height)) / float64(n))
	}, func() *tiled.Strip[T] {
		return &tiled.Strip[T]{Tile: make([]T, height*m), Sums: make([]float64, (m+height)*o)}
	})
}

// factoredLandmarks returns the factor of their Gram matrix.
func factoredLandmarks(
	ctx context.Context, gram *source[float64], p *problem,
) (*lower[float64], error) {
	l := newLower[float64](p.size)
	if err := fill(ctx, gram, l, nil); err != nil {
		return nil, err
	}
	norm, allowed := l.examine(0)
	// As if the landmarks stood for all points.
	times := float64(len(p.targets)/p.outputs) / float64(p.size)
	p.largest = times * norm * norm
	whole := columnNorms(p.targets, p.outputs)
	for c, v := range p.scale {
		if v > 0 {
			p.gain = math.Max(p.gain, math.Sqrt(times)*whole[c]/v)
		}
	}
	if !allowed {
		if err := p.indefinite(ctx); err != nil {
			return nil, err
		}
	}
	// Landmarks that others explain to ten digits have no part in the weights that is worth
	// the digits which it takes.
	up := liftOf[float64](p.size, l.addDiagonal(0))
	up.first = 1e-7 * up.most
	_, ok, err := l.factor(ctx, up, nil)
	if !ok && err == nil {
		err = p.indefinite(ctx)
	}
	if !ok && err == nil {
		err = errors.New("regress: the Gram matrix of the landmarks has no factor")
	}
	return l, err
}

// falkon is the preconditioner L (n/M LᵀL + δ) Lᵀ with K(Z, Z) = L Lᵀ.
func falkon(
	ctx context.Context, l *lower[float64], n int, p *problem,
) (preconditioner, error) {
	m := p.size
	inner, err := l.squared(ctx, float64(n)/float64(m))
	if err != nil {
		return preconditioner{}, err
	}
	up := liftOf[float64](m, inner.addDiagonal(p.ridge))
	if _, ok, err := inner.factor(ctx, up, nil); !ok {
		if err == nil {
			err = fmt.Errorf("regress: the landmarks give no preconditioner")
		}
		return preconditioner{}, err
	}
	return preconditioner{
		inverse: func(r, z []float64) {
			copy(z, r)
			l.forward(0, p.outputs, z)
			inner.solve(p.outputs, z)
			l.backward(p.outputs, z)
		},
	}, nil
}

// squared returns the triangle of factor·LᵀL.
func (l *lower[T]) squared(ctx context.Context, factor float64) (*lower[T], error) {
	out := newLower[T](l.n)
	blocks := l.blocks()
	err := parallel.Each(ctx, blocks*blocks, func(task int, _ func() bool) error {
		i, j := task/blocks, task%blocks
		if j > i {
			return nil
		}
		i0, i1 := l.rows(i)
		j0, j1 := l.rows(j)
		target, _, stride := out.at(i, j)
		for k := i; k < blocks; k++ {
			k0, k1 := l.rows(k)
			a, _, lda := l.at(k, i)
			b, _, ldb := l.at(k, j)
			if k == i { // what is above the diagonal is no part of L
				a = lowerPart(a, lda, k1-k0)
				lda = k1 - k0
			}
			if k == j {
				b = lowerPart(b, ldb, k1-k0)
				ldb = k1 - k0
			}
			accel.SerialOf[T]().Gemm(blas.Trans, blas.NoTrans, i1-i0, j1-j0, k1-k0, T(factor), a,
				lda, b, ldb, 1, target, stride)
		}
		return nil
	})
	return out, err
}
