package main

import (
	"context"
	"math"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/design"
	"github.com/kernelsmith/kernelsmith/ntk/regress"
	"github.com/kernelsmith/kernelsmith/ntk/spectra"
	"gonum.org/v1/gonum/mat"
)

// matrix reads a file of inputs as a matrix.
func matrix(path string, rows, columns int) (*mat.Dense, error) {
	v, err := read[float64](path)
	if err != nil {
		return nil, err
	}
	return mat.NewDense(rows, columns, v), nil
}

// predictOperation is mean and covariance of the nets of infinite width at some times, in the
// conventions of neural-tangents: ½ of the squared error, a mean over points and outputs, and a
// ridge that is a part of the kernel.
func predictOperation(_ context.Context, a *arguments) (*operation, error) {
	x, err := matrix(a.X, a.N, a.D)
	if err != nil {
		return nil, err
	}
	z, err := matrix(a.Z, a.M, a.D)
	if err != nil {
		return nil, err
	}
	y, err := matrix(a.Y, a.N, a.Outputs)
	if err != nil {
		return nil, err
	}
	var results []*mat.Dense
	return &operation{
		work: func(ctx context.Context) error {
			results = nil
			e, err := ensemble(ctx, a, x, z, y)
			if err != nil {
				return err
			}
			for _, t := range a.Times {
				_, mean, err := e.Mean(t)
				if err != nil {
					return err
				}
				covariance, err := e.TestCovariance(t)
				if err != nil {
					return err
				}
				results = append(results, mean, mat.DenseCopyOf(covariance))
			}
			return nil
		},
		values: func() []float64 {
			var v []float64
			for _, m := range results {
				rows, columns := m.Dims()
				v = append(v, numbersOf(rows, columns, m.RawMatrix().Data)...)
			}
			return v
		},
	}, nil
}

func ensemble(
	ctx context.Context, a *arguments, x, z, y *mat.Dense,
) (*regress.Ensemble, error) {
	net, err := architecture(a.Net)
	if err != nil {
		return nil, err
	}
	tangent, err := net.NTK()
	if err != nil {
		return nil, err
	}
	prior, err := net.NNGP()
	if err != nil {
		return nil, err
	}
	ofTangent, err := regress.NewGrams(ctx, tangent, x, z)
	if err != nil {
		return nil, err
	}
	ofPrior, err := regress.NewGrams(ctx, prior, x, z)
	if err != nil {
		return nil, err
	}
	return regress.NewEnsemble(ctx, ofTangent, ofPrior, y, &regress.EnsembleSettings{
		LearningRate: 1, Flow: true, Half: true, MeanOverOutputs: true, RelativeRidge: a.Ridge,
		RidgeInKernel: true})
}

// eigenvaluesOperation is the largest Degree eigenvalues of the NTK's Gram matrix over n, or all.
// The matrix is kept, as by the peer; tiles that are computed anew would be read several times.
func eigenvaluesOperation(_ context.Context, a *arguments) (*operation, error) {
	x, err := matrix(a.X, a.N, a.D)
	if err != nil {
		return nil, err
	}
	var found *spectra.GramSpectrum
	return &operation{
		work: func(ctx context.Context) error {
			K, err := kernelOf(a.Net)
			if err != nil {
				return err
			}
			gram, err := K.Gram(x)
			if err != nil {
				return err
			}
			found, err = spectra.Gram(ctx, ntk.MatrixTiles(gram),
				spectra.GramSettings{Top: a.Degree})
			return err
		},
		values: func() []float64 {
			var v []float64
			for _, l := range found.Levels[:min(50, len(found.Levels))] {
				v = append(v, l.Eigenvalue)
			}
			return v
		},
	}, nil
}

// learnOperation is the test error that regression with the Gaussian kernel is expected to have,
// at some numbers of points, from the covariance of the rows and the labels.
func learnOperation(_ context.Context, a *arguments) (*operation, error) {
	x, err := matrix(a.X, a.N, a.D)
	if err != nil {
		return nil, err
	}
	y, err := matrix(a.Y, a.N, a.Outputs)
	if err != nil {
		return nil, err
	}
	var points []int
	for _, n := range a.Times {
		points = append(points, int(n))
	}
	var errors []float64
	return &operation{
		work: func(context.Context) error {
			K, err := ntk.GaussianKernel(a.Length)
			if err != nil {
				return err
			}
			data, err := spectra.MeasureData(x)
			if err != nil {
				return err
			}
			p, err := data.Predict(K, points, &spectra.PredictSettings{Ridge: a.Ridge,
				Modes: a.Degree, Outside: true}, y)
			if err != nil {
				return err
			}
			errors = p[0].TestMSE
			return nil
		},
		values: func() []float64 { return errors },
	}, nil
}

// designOperation is the fit of the paper's form of activation to the NTK of a net, whose values
// at the cosines the peer is given.
func designOperation(_ context.Context, a *arguments) (*operation, error) {
	var reached float64
	return &operation{
		work: func(ctx context.Context) error {
			K, err := kernelOf(a.Net)
			if err != nil {
				return err
			}
			r, err := design.Fit(ctx, design.Paper(), design.Problem{Target: K}, nil)
			if err != nil {
				return err
			}
			reached = r.Design.Error.Mean
			return nil
		},
		values: func() []float64 { return []float64{reached} },
	}, nil
}

// curveOperation is the largest error of the NTK between an input and others at some cosines to
// it, from the matrix of their rows, relative to the kernel's largest value.
func curveOperation(_ context.Context, a *arguments) (*operation, error) {
	if a.Type == "float32" {
		return curveOf[float32](a), nil
	}
	return curveOf[float64](a), nil
}

func curveOf[T float32 | float64](a *arguments) *operation {
	z := ntk.Inputs[T]{Rows: []T{math.Sqrt2, 0}, N: 1, D: 2}
	x := ntk.Inputs[T]{N: len(a.Cosines), D: 2}
	for _, c := range a.Cosines {
		c = float64(T(c))
		x.Rows = append(x.Rows, T(math.Sqrt2)*T(c), T(math.Sqrt2)*T(math.Sqrt((1-c)*(1+c))))
	}
	k := make([]T, x.N)
	return &operation{
		work: func(ctx context.Context) error {
			K, err := kernelOf(a.Net)
			if err != nil {
				return err
			}
			return ntk.CrossInto(ctx, k, K, z, x, nil)
		},
		values: func() []float64 {
			var off, largest float64
			for i, right := range a.References {
				off = max(off, math.Abs(float64(k[i])-right))
				largest = max(largest, math.Abs(right))
			}
			return []float64{off / largest}
		},
	}
}
