package study

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/regress"
	"github.com/kernelsmith/kernelsmith/ntk/train"
	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"
)

// Subsets says how many of the training rows regression is done with, and how often.
type Subsets struct {
	// N are numbers of rows, and Trials how often each is drawn, at least twice.
	N, Trials []int
	Ridge     float64 // δ ≥ 0 of (K + δI) α = y, absolute
	// Seed determines the draws, which are the same for all kernels. The rows of a trial with a
	// smaller n are among those of the same trial with a larger.
	Seed uint64
}

// MeasureRows returns the test error of kernel ridge regression with K on training rows drawn at
// random, none twice in a trial: the squared error summed over outputs, its mean over all test
// rows and the trials, and the standard error of that. The same is what Predict of package spectra
// expects from the training rows; both go into one [LearningCurve].
//
// The standard error is that of the draws alone. All trials have the same test rows, and share
// training rows where n is a large part of them, which makes it too small.
//
// It reports data of shapes that do not go together, lists of different lengths, an n below 1 or
// above the training rows, fewer than two trials, and what [regress.NewRidge] does, such as a
// matrix that is singular without a ridge. If ctx ends, its error is returned.
//
// Cost of a trial: the kernel between n rows and those and the test rows, and n³/3 operations.
func MeasureRows(
	ctx context.Context, K ntk.Kernel, p train.Problem, of Subsets,
) (LearningCurve, error) {
	curve := LearningCurve{Kernel: K.String()}
	if err := checkProblem(p); err != nil {
		return curve, err
	}
	if err := of.check(p); err != nil {
		return curve, err
	}
	rows, _ := p.XTrain.Dims()
	for i, n := range of.N {
		errors := make([]float64, of.Trials[i])
		for t := range errors {
			drawn := rand.New(rand.NewPCG(of.Seed, uint64(t))).Perm(rows)[:n]
			f, err := predicted(ctx, K, train.Problem{XTrain: chosenRows(p.XTrain, drawn),
				YTrain: chosenRows(p.YTrain, drawn), XTest: p.XTest},
				&regress.RidgeSettings{Ridge: of.Ridge})
			if err == nil {
				errors[t], err = ntk.MSE(f, p.YTest)
			}
			if err != nil {
				return curve, fmt.Errorf("study: %v, n = %d, trial %d: %w", K, n, t, err)
			}
		}
		mean, standardError := meanAndError(errors)
		curve.At = append(curve.At, float64(n))
		curve.Measured = append(curve.Measured, mean)
		curve.StandardError = append(curve.StandardError, standardError)
	}
	return curve, nil
}

func (s Subsets) check(p train.Problem) error {
	if len(s.N) == 0 || len(s.Trials) != len(s.N) {
		return fmt.Errorf("study: Subsets has %d numbers of rows and %d of trials; there must be "+
			"as many of both, and one at least", len(s.N), len(s.Trials))
	}
	rows, _ := p.XTrain.Dims()
	for i, n := range s.N {
		if n < 1 || n > rows {
			return fmt.Errorf("study: n = %d of %d training rows; it must be from 1 to their "+
				"number", n, rows)
		}
		if s.Trials[i] < 2 {
			return fmt.Errorf("study: %d trials with n = %d; a standard error takes 2 or more",
				s.Trials[i], n)
		}
	}
	return nil
}

// predicted returns the outputs at the test rows of the regression on all training rows.
func predicted(
	ctx context.Context, K ntk.Kernel, p train.Problem, s *regress.RidgeSettings,
) (*mat.Dense, error) {
	grams, err := regress.NewGrams(ctx, K, p.XTrain, p.XTest)
	if err != nil {
		return nil, err
	}
	fit, err := regress.NewRidge(ctx, grams.Train, p.YTrain, s)
	if err != nil {
		return nil, err
	}
	return fit.Predict(ctx, grams.Cross)
}

// meanAndError is the mean over trials and its standard error.
func meanAndError(of []float64) (mean, standardError float64) {
	mean, deviation := stat.MeanStdDev(of, nil)
	return mean, deviation / math.Sqrt(float64(len(of)))
}

// chosenRows returns a copy of some rows.
func chosenRows(m *mat.Dense, rows []int) *mat.Dense {
	_, columns := m.Dims()
	out := mat.NewDense(len(rows), columns, nil)
	for i, r := range rows {
		out.SetRow(i, m.RawRowView(r))
	}
	return out
}
