package main

import (
	"context"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/regress"
	"gonum.org/v1/gonum/mat"
)

// solveOperation is ridge regression with the NTK of a net: Gram matrix, weights, predictions.
func solveOperation(ctx context.Context, a *arguments) (*operation, error) {
	kernel := func() (ntk.Kernel, error) { return kernelOf(a.Net) }
	if a.Type == "float32" {
		return regression[float32](a, kernel)
	}
	return regression[float64](a, kernel)
}

// gaussianOperation is the same with the Gaussian kernel, whose ridge is absolute.
func gaussianOperation(ctx context.Context, a *arguments) (*operation, error) {
	return regression[float64](a, func() (ntk.Kernel, error) {
		return ntk.GaussianKernel(a.Length)
	})
}

// regression fits n points and predicts m others. In double precision it is by NewRidge, in single
// by Solve, whose residual is that of double precision.
func regression[T float32 | float64](
	a *arguments, kernel func() (ntk.Kernel, error),
) (*operation, error) {
	x, err := read[T](a.X)
	if err != nil {
		return nil, err
	}
	z, err := read[T](a.Z)
	if err != nil {
		return nil, err
	}
	targets, err := read[T](a.Y)
	if err != nil {
		return nil, err
	}
	labels := make([]float64, len(targets))
	for i, v := range targets {
		labels[i] = float64(v)
	}
	train := ntk.Inputs[T]{Rows: x, N: a.N, D: a.D}
	test := ntk.Inputs[T]{Rows: z, N: a.M, D: a.D}
	y := mat.NewDense(a.N, a.Outputs, labels)
	var f *mat.Dense
	return &operation{
		work: func(ctx context.Context) error {
			K, err := kernel()
			if err != nil {
				return err
			}
			weights, err := fitted(ctx, K, train, y, a)
			if err != nil {
				return err
			}
			cross, err := ntk.CrossTiles(ctx, K, test, train)
			if err != nil {
				return err
			}
			f, err = regress.Predict(ctx, cross, weights)
			return err
		},
		values: func() []float64 { return numbersOf(a.M, a.Outputs, f.RawMatrix().Data) },
	}, nil
}

// fitted returns the weights of the training points.
func fitted[T float32 | float64](
	ctx context.Context, K ntk.Kernel, train ntk.Inputs[T], y *mat.Dense, a *arguments,
) (*mat.Dense, error) {
	tiles, err := ntk.GramTiles(ctx, K, train)
	if err != nil {
		return nil, err
	}
	s := regress.RidgeSettings{RelativeRidge: a.Ridge}
	if a.Length > 0 {
		s = regress.RidgeSettings{Ridge: a.Ridge}
	}
	if double, ok := tiles.(ntk.Tiles[float64]); ok {
		ridge, err := regress.NewRidge(ctx, double, y, &s)
		if err != nil {
			return nil, err
		}
		return ridge.Weights(), nil
	}
	settings := &regress.SolveSettings{Ridge: s.Ridge, RelativeRidge: s.RelativeRidge,
		Method: a.Method}
	fit, err := regress.Solve(ctx, tiles, y, settings)
	if err != nil {
		return nil, err
	}
	return fit.Weights, nil
}
