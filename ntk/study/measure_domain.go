package study

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/regress"
	"github.com/kernelsmith/kernelsmith/ntk/train"
	"gonum.org/v1/gonum/mat"
)

// Draws is kernel ridge regression on points that are drawn anew in each trial: the experiment
// whose mean spectra.Spectrum.Learn predicts.
type Draws struct {
	Kernel ntk.Kernel
	// Split returns n training points and the test points, one a row. Trial t, from 0, calls it
	// with random numbers of rand.NewPCG(t+1, 0), whatever n is, so that a Split that draws one
	// point after the other has the points of a smaller n among those of a larger.
	Split func(n int, random *rand.Rand) (train, test *mat.Dense)
	// Targets are functions of a point. Each is learned by itself, all from the same points.
	Targets []func(x []float64) float64
	Ridge   float64 // δ ≥ 0 of (K + δI) α = y, absolute
	Trials  int     // at least 2
}

// TestMSE returns, for each target, the mean squared error on the test points after learning from n
// points, as the mean over the trials and its standard error. Without a ridge a Gram matrix that
// is singular, as where a point was drawn twice, has the solution of least norm.
//
// It reports n < 1, fewer than 2 trials, no targets and values of them that are not finite, a Split
// that returns other than n training points and at least one to test on, and what
// [regress.NewRidge] does. Cost: that of the regression, for each trial.
func (d Draws) TestMSE(ctx context.Context, n int) (mean, standardError []float64, err error) {
	switch {
	case d.Split == nil || len(d.Targets) == 0:
		return nil, nil, errors.New("study: draws need a Split and at least one target")
	case n < 1 || d.Trials < 2:
		return nil, nil, fmt.Errorf("study: %d points in %d trials; there must be at least 1 and 2",
			n, d.Trials)
	}
	mse := make([][]float64, len(d.Targets))
	for t := range d.Trials {
		of, err := d.trial(ctx, n, t)
		if err != nil {
			return nil, nil, fmt.Errorf("study: %d points, trial %d: %w", n, t, err)
		}
		for i, v := range of {
			mse[i] = append(mse[i], v)
		}
	}
	for _, v := range mse {
		m, s := meanAndError(v)
		mean, standardError = append(mean, m), append(standardError, s)
	}
	return mean, standardError, nil
}

// trial returns the test error of each target.
func (d Draws) trial(ctx context.Context, n, t int) ([]float64, error) {
	x, z := d.Split(n, rand.New(rand.NewPCG(uint64(t+1), 0)))
	switch {
	case x == nil || z == nil || x.IsEmpty() || z.IsEmpty():
		return nil, errors.New("no training points or no test points from Split")
	case x.RawMatrix().Rows != n:
		return nil, fmt.Errorf("%d training points from Split", x.RawMatrix().Rows)
	}
	y, err := d.values(x)
	if err != nil {
		return nil, err
	}
	want, err := d.values(z)
	if err != nil {
		return nil, err
	}
	f, err := predicted(ctx, d.Kernel, train.Problem{XTrain: x, YTrain: y, XTest: z},
		&regress.RidgeSettings{Ridge: d.Ridge, PseudoInverse: true})
	if err != nil {
		return nil, err
	}
	mse := make([]float64, len(d.Targets))
	for i := range mse {
		if mse[i], err = ntk.MSE(f.ColView(i), want.ColView(i)); err != nil {
			return nil, err
		}
	}
	return mse, nil
}

// values returns the targets at points, a column each.
func (d Draws) values(x *mat.Dense) (*mat.Dense, error) {
	n, _ := x.Dims()
	y := mat.NewDense(n, len(d.Targets), nil)
	for i := range n {
		for j, f := range d.Targets {
			v := f(x.RawRowView(i))
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return nil, fmt.Errorf("target %d is %v at %v", j, v, x.RawRowView(i))
			}
			y.Set(i, j, v)
		}
	}
	return y, nil
}
