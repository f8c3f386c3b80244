package regress

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/internal/accel"
	"github.com/kernelsmith/kernelsmith/ntk/internal/parallel"
	"github.com/kernelsmith/kernelsmith/ntk/internal/tiled"
	"github.com/kernelsmith/kernelsmith/ntk/inverse"
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/mat"
)

// Features are random features of a kernel: what a net of one hidden layer of finite Width, with
// hidden weights and readout from N(0, 1) and no biases, makes of an input. Inner products of
// features have the kernel of infinite width for their mean, so that ridge regression on them,
// [FitFeatures], is near kernel regression, and takes time and memory by their number in place of
// the points'.
type Features struct {
	Activation ntk.Activation
	// NTK takes the derivatives of the net by all its weights, Width·(1 + d) features of d inputs,
	// whose kernel is the NTK. Without it there are the Width hidden outputs, of the NNGP kernel.
	NTK bool
	// Width ≥ 1 is the number of hidden units; see [FeatureWidth].
	Width int
	// Seed determines the weights; the same seed gives the same features of other inputs.
	Seed uint64
}

// FeatureWidth returns the least width with which a kernel between random features is off by no
// more than the tolerance, as the root mean square over seeds, relative to K(x, x), for inputs of
// ‖x‖² = q·d and any cosine between them: the variance of one unit over the tolerance squared. For
// the NTK the variance is [inverse.FiniteWidthVariance]. The tolerance must be a finite number >
// 0; errors of the kernels are returned.
//
// Source: A. Rahimi, B. Recht, "Random Features for Large-Scale Kernel Machines", NeurIPS 2007.
func FeatureWidth(phi ntk.Activation, ofNTK bool, q, tolerance float64) (int, error) {
	if !(tolerance > 0) || math.IsInf(tolerance, 0) {
		return 0, fmt.Errorf("regress: tolerance is %v; it must be a finite number > 0", tolerance)
	}
	net, err := ntk.UniformFCN(1, phi, 1, 0)
	if err != nil {
		return 0, err
	}
	const steps = 16
	cosines := make([]float64, steps+1)
	for i := range cosines {
		cosines[i] = math.Cos(math.Pi * float64(i) / steps)
	}
	variances := make([]float64, len(cosines))
	var own float64
	if ofNTK {
		K, err := net.NTK()
		if err != nil {
			return 0, err
		}
		if own, err = K.At(q, q, q); err != nil {
			return 0, err
		}
		for i, c := range cosines {
			if variances[i], err = inverse.FiniteWidthVariance(phi, q, q*c, q); err != nil {
				return 0, err
			}
		}
	} else {
		means, err := nngpAt(phi, q, cosines)
		if err != nil {
			return 0, err
		}
		square, err := ntk.Custom(
			func(z float64) float64 { v := phi.Value(z); return v * v },
			func(z float64) float64 { return 2 * phi.Value(z) * phi.Derivative(z) },
			ntk.CustomSettings{Name: "the activation's square", Kinks: ntk.KinksOf(phi),
				Jumps: ntk.JumpsOf(phi), Tolerance: 1e-6, MaxVariance: math.Max(1, q)})
		if err != nil {
			return 0, err
		}
		squares, err := nngpAt(square, q, cosines)
		if err != nil {
			return 0, err
		}
		own = means[0]
		for i, m := range means {
			variances[i] = squares[i] - m*m
		}
	}
	most := 0.0
	for _, v := range variances {
		most = math.Max(most, v)
	}
	if !(own > 0) {
		return 0, fmt.Errorf("regress: the kernel of an input with itself is %v; there is nothing "+
			"to be near to", own)
	}
	width := math.Ceil(most / own / own / tolerance / tolerance)
	if !(width < math.MaxInt32) {
		return 0, fmt.Errorf("regress: a tolerance of %v takes %.3g units", tolerance, width)
	}
	return max(1, int(width)), nil
}

// nngpAt returns E[φ(u)φ(v)] for variances q and each cosine.
func nngpAt(phi ntk.Activation, q float64, cosines []float64) ([]float64, error) {
	net, err := ntk.UniformFCN(1, phi, 1, 0)
	if err != nil {
		return nil, err
	}
	K, err := net.NNGP()
	if err != nil {
		return nil, err
	}
	return K.CurveAt(q, cosines)
}

// Tiles returns the features of n inputs as tiles of an n×features matrix, which computes them
// where they are asked for. x is kept and must not change. A width below 1, an activation with
// parameters that are not in order or, for the NTK, with jumps, and inputs that are not finite are
// errors.
func (f Features) Tiles(x ntk.Inputs[float64]) (ntk.Tiles[float64], error) {
	if f.Width < 1 {
		return nil, fmt.Errorf("regress: Width is %d; it must be ≥ 1", f.Width)
	}
	if x.N < 1 || x.D < 1 || len(x.Rows)/x.D != x.N || len(x.Rows)%x.D != 0 {
		return nil, fmt.Errorf("regress: %d inputs of %d features are not %d entries", x.N, x.D,
			len(x.Rows))
	}
	if _, err := ntk.UniformFCN(1, f.Activation, 1, 0); err != nil {
		return nil, err
	}
	if jumps := ntk.JumpsOf(f.Activation); f.NTK && len(jumps) > 0 {
		return nil, fmt.Errorf("regress: the activation jumps at %v, where it has no derivative",
			jumps[0])
	}
	if err := finiteEntries("input", x.Rows, x.D); err != nil {
		return nil, err
	}
	if f.Width > math.MaxInt32/(1+x.D) {
		return nil, fmt.Errorf("regress: %d units of %d inputs are too many", f.Width, x.D)
	}
	t := &featureTiles{Features: f, x: x, weights: make([]float64, f.Width*x.D),
		readout: make([]float64, f.Width)}
	r := rand.New(rand.NewPCG(f.Seed, 0x66656174757265))
	for i := range f.Width {
		for j := range x.D {
			t.weights[i*x.D+j] = r.NormFloat64()
		}
		t.readout[i] = r.NormFloat64()
	}
	return t, nil
}

// featureTiles are the features of some inputs.
type featureTiles struct {
	Features
	x       ntk.Inputs[float64]
	weights []float64 // Width×d
	readout []float64
}

func (t *featureTiles) Dims() (rows, columns int) {
	if t.NTK {
		return t.x.N, t.Width * (1 + t.x.D)
	}
	return t.x.N, t.Width
}

// Tile computes the pre-activations of the units that the columns are of: of column j < Width the
// unit j, of others the weights between input and unit, one unit after the other.
func (t *featureTiles) Tile(ctx context.Context, dst []float64, i0, i1, j0, j1 int) error {
	rows, columns := t.Dims()
	if err := ctx.Err(); err != nil {
		return err
	}
	if i0 < 0 || i0 >= i1 || i1 > rows || j0 < 0 || j0 >= j1 || j1 > columns ||
		len(dst) != (i1-i0)*(j1-j0) {
		return fmt.Errorf("regress: the tile [%d, %d)×[%d, %d) of %d entries is none of %d×%d "+
			"features", i0, i1, j0, j1, len(dst), rows, columns)
	}
	width, d := j1-j0, t.x.D
	scale := 1 / math.Sqrt(float64(t.Width))
	if end := min(j1, t.Width); j0 < end {
		u := t.preActivations(i0, i1, j0, end)
		for k, z := range u {
			dst[k/(end-j0)*width+k%(end-j0)] = scale * t.Activation.Value(z)
		}
	}
	if first := max(j0, t.Width) - t.Width; j1 > t.Width {
		unit0, unit1 := first/d, (j1-t.Width-1)/d+1
		u := t.preActivations(i0, i1, unit0, unit1)
		for i := i0; i < i1; i++ {
			for unit := unit0; unit < unit1; unit++ {
				slope := scale / math.Sqrt(float64(d)) * t.readout[unit] *
					t.Activation.Derivative(u[(i-i0)*(unit1-unit0)+unit-unit0])
				from := max(j0, t.Width+unit*d)
				for j := from; j < min(j1, t.Width+(unit+1)*d); j++ {
					dst[(i-i0)*width+j-j0] = slope * t.x.Rows[i*d+j-t.Width-unit*d]
				}
			}
		}
	}
	for k, v := range dst {
		if v-v != 0 {
			return notFinite("feature", v, i0+k/width, j0+k%width)
		}
	}
	return nil
}

// preActivations returns W x/√d of the rows [i0, i1) and the units [k0, k1).
func (t *featureTiles) preActivations(i0, i1, k0, k1 int) []float64 {
	d := t.x.D
	u := make([]float64, (i1-i0)*(k1-k0))
	accel.Serial64().Dgemm(blas.NoTrans, blas.Trans, i1-i0, k1-k0, d, 1/math.Sqrt(float64(d)),
		t.x.Rows[i0*d:], d, t.weights[k0*d:], d, 0, u, k1-k0)
	return u
}

// FitFeatures is ridge regression on features, the n×D matrix Ψ, which [Features.Tiles] makes or a
// caller has: it finds the W that makes ‖Y - Ψ W‖² + δ‖W‖² least, for which f(x) = ψ(x) W is
// kernel regression with the kernel Ψ Ψᵀ and the ridge δ. A RelativeRidge is in units of the mean
// of that kernel's diagonal, and the Method is "double".
//
// The normal equations (ΨᵀΨ + δI) W = Ψᵀ Y are factored, and conjugate gradients with the factor
// come to a residual that is theirs, as with [Solve]; so are errors, the end of ctx and
// checkpoints. Without a ridge, features that are more than the points or depend on each other are
// a [*ResidualError], or have one of the W that do.
//
// Memory: 4D² bytes, a few MB for each processor, and some tens of bytes for each feature and
// output. Cost: n·D² operations.
func FitFeatures[T float32 | float64](
	ctx context.Context, features ntk.Tiles[T], y *mat.Dense, s *SolveSettings,
) (*Fit, error) {
	if isEmpty(features) {
		return nil, errors.New("regress: features with entries are needed")
	}
	_, d := features.Dims()
	t := &source[T]{Tiles: features, name: "matrix of features"}
	p, err := newNormal(ctx, t, y, s, doubleMethod, lowerBytes(d, 8)+normalRows*8*int64(d))
	if err != nil {
		return nil, err
	}
	if p.ridge = p.settings.Ridge; p.settings.RelativeRidge > 0 {
		square, err := squareOf(ctx, t)
		if err != nil {
			return nil, err
		}
		n, _ := t.Dims()
		p.ridge += p.settings.RelativeRidge * square / float64(n)
	}
	p.passes = 2
	p.multiply = func(ctx context.Context, x, out []float64) error {
		if err := timesNormal(ctx, t, x, nil, out, p.outputs, p.tellPart); err != nil {
			return err
		}
		for i, v := range x {
			out[i] += p.ridge * v
		}
		return nil
	}
	p.prepare = func(ctx context.Context) (preconditioner, error) {
		return normalFactor(ctx, t, p)
	}
	return p.solve(ctx)
}

// normalRows is how many rows are squared at once.
const normalRows = 1024

// normalFactor is the factor of ΨᵀΨ + δ.
func normalFactor[T accel.Float](
	ctx context.Context, t *source[T], p *problem,
) (preconditioner, error) {
	n, d := t.Dims()
	squares := float64(n) * float64(d) * float64(d) * p.meter.operation(false)
	p.meter.left(squares + math.Pow(float64(d), 3)/3*p.meter.operation(false) +
		float64(1+p.passes)*p.passTime)
	l := newLower[float64](d)
	rows := make([]float64, min(n, normalRows)*d)
	height := heightOf(d)
	for first := 0; first < n; first += normalRows {
		count := min(normalRows, n-first)
		err := parallel.Each(ctx, (count+height-1)/height, func(task int, _ func() bool) error {
			i0, i1 := task*height, min((task+1)*height, count)
			tile := make([]T, (i1-i0)*d)
			if err := t.Tile(ctx, tile, first+i0, first+i1, 0, d); err != nil {
				return err
			}
			for k, v := range tile {
				rows[i0*d+k] = float64(v)
			}
			return nil
		})
		if err == nil {
			err = addSquareOf(ctx, rows, count, d, l)
		}
		if err != nil {
			return preconditioner{}, err
		}
		p.meter.add((squares + p.passTime) * float64(count) / float64(n))
	}
	p.largest, _ = l.examine(p.ridge)
	up := liftOf[float64](d, l.addDiagonal(p.ridge))
	if up.first == 0 {
		up = lift{1, 1} // any factor of 0
	}
	lifted, ok, err := l.factor(ctx, up, func(operations float64) {
		p.meter.add(operations * p.meter.operation(false))
	})
	if !ok && err == nil {
		err = errors.New("regress: the features have no factor")
	}
	return preconditioner{
		lifted:  math.Max(lifted, up.first),
		inverse: func(r, z []float64) { scaled(p.outputs, r, z, l.solve) },
	}, err
}

// squareOf returns the sum of the squares of a matrix.
func squareOf[T accel.Float](ctx context.Context, t *source[T]) (sum float64, err error) {
	n, d := t.Dims()
	height := heightOf(d)
	err = tiled.InTurn(ctx, (n+height-1)/height, func(task int, s *tiled.Strip[T]) error {
		i0, i1 := task*height, min((task+1)*height, n)
		part := s.Tile[:(i1-i0)*d]
		if err := t.Tile(ctx, part, i0, i1, 0, d); err != nil {
			return err
		}
		s.Sums[0] = 0
		for _, v := range part {
			s.Sums[0] += float64(v) * float64(v)
		}
		return nil
	}, func(_ int, s *tiled.Strip[T]) { sum += s.Sums[0] }, func() *tiled.Strip[T] {
		return &tiled.Strip[T]{Tile: make([]T, height*d), Sums: make([]float64, 1)}
	})
	return sum, err
}
