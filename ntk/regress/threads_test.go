package regress_test

import (
	"math"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/internal/threadtest"
	"github.com/kernelsmith/kernelsmith/ntk/regress"
	"gonum.org/v1/gonum/mat"
)

// numbers are the entries of matrices.
func numbers(matrices ...mat.Matrix) (values []float64) {
	for _, m := range matrices {
		rows, columns := m.Dims()
		for i := range rows {
			for j := range columns {
				values = append(values, m.At(i, j))
			}
		}
	}
	return values
}

// Two tiles a side, so that there is something to divide.
func TestRidgeOnAnyThreads(t *testing.T) {
	const n, m = 600, 520
	ctx, x, z, y := t.Context(), rowsOf(n, 4, 0), rowsOf(m, 4, 0.5), outputs(n)
	net := ntk.Must(ntk.UniformFCN(2, ntk.ReLU{}, math.Sqrt2, 0.1))
	K := ntk.Must(net.NTK())
	few := ntk.Must(ntk.Must(ntk.NewPowerSeries([]float64{1, 1, 1})).Kernel()) // rank 10
	threadtest.Same(t, 1e-9, func() map[string][]float64 {
		out := map[string][]float64{}
		train, cross := ntk.Must(ntk.GramTiles(ctx, K, x)), ntk.Must(ntk.CrossTiles(ctx, K, z, x))
		fit := ntk.Must(regress.NewRidge(ctx, train, y, &regress.RidgeSettings{Ridge: 0.1}))
		out["weights"] = numbers(fit.Weights())
		out["predictions"] = numbers(ntk.Must(fit.Predict(ctx, cross)))
		out["leave one out"] = numbers(fit.LeaveOneOut())
		out["covariance"] = numbers(ntk.Must(fit.Covariance(ctx, cross,
			ntk.Must(ntk.GramTiles(ctx, K, z)))))
		out["likelihood"] = ntk.Must(fit.LogMarginalLikelihood())
		gram := make([]float64, n*n)
		ntk.Must(0, ntk.GramInto(ctx, gram, K, x, nil))
		fit = ntk.Must(regress.NewRidge(ctx, ntk.Must(regress.InPlace(gram, n)), y,
			&regress.RidgeSettings{Ridge: 0.1}))
		out["weights in place"] = numbers(fit.Weights())
		fit = ntk.Must(regress.NewRidge(ctx, ntk.Must(ntk.GramTiles(ctx, few, x)), y,
			&regress.RidgeSettings{PseudoInverse: true}))
		out["pseudo-inverse"] = numbers(fit.Weights())
		for _, s := range ntk.Must(regress.RidgePath(ctx, train, y, nil)) {
			if s.Ridge > 0.01 {
				out["ridges"] = append(out["ridges"], s.LeaveOneOut, s.GCV, s.Freedom)
			}
		}
		d := ntk.Must(regress.Diagnose(ctx, train, 4, nil))
		out["diagnosis"] = []float64{d.Largest, float64(d.Rank)}
		return out
	})
}

func TestLearningOnAnyThreads(t *testing.T) {
	const n, m = 560, 40
	ctx, x, z, y := t.Context(), rowsOf(n, 4, 0), rowsOf(m, 4, 0.5), outputs(n)
	rows, tests := mat.NewDense(n, 4, x.Rows), mat.NewDense(m, 4, z.Rows)
	net := ntk.Must(ntk.UniformFCN(2, ntk.ReLU{}, math.Sqrt2, 0.1))
	K := ntk.Must(ntk.LaplaceKernel(1))
	threadtest.Same(t, 1e-7, func() map[string][]float64 {
		out := map[string][]float64{}
		theta := ntk.Must(regress.NewGrams(ctx, ntk.Must(net.NTK()), rows, tests))
		nngp := ntk.Must(regress.NewGrams(ctx, ntk.Must(net.NNGP()), rows, tests))
		e := ntk.Must(regress.NewEnsemble(ctx, theta, nngp, y,
			&regress.EnsembleSettings{LearningRate: 0.1}))
		train, test, err := e.Mean(50)
		ntk.Must(0, err)
		out["ensemble"] = numbers(train, test, ntk.Must(e.TestCovariance(50)))
		likelihood, _, err := regress.NetLikelihood(net, true, rows, y)
		ntk.Must(0, err)
		value, gradient, err := likelihood.At(ctx, []float64{1.4, 0.2}, 0.1)
		ntk.Must(0, err)
		out["likelihood"] = append(gradient, value)
		landmarks := ntk.Inputs[float64]{Rows: x.Rows[:50*4], N: 50, D: 4}
		fit := ntk.Must(regress.FitLandmarks(ctx,
			ntk.Must(ntk.CrossTiles(ctx, K, single(x), single(landmarks))),
			ntk.Must(ntk.GramTiles(ctx, K, landmarks)), y, &regress.SolveSettings{Ridge: 0.1}))
		out["landmarks"] = numbers(ntk.Must(fit.Predict(ctx,
			ntk.Must(ntk.CrossTiles(ctx, K, z, landmarks)))))
		features := regress.Features{Activation: ntk.Erf{}, Width: 530, Seed: 1}
		fit = ntk.Must(regress.FitFeatures(ctx, ntk.Must(features.Tiles(x)), y,
			&regress.SolveSettings{RelativeRidge: 0.01}))
		out["features"] = numbers(ntk.Must(fit.Predict(ctx, ntk.Must(features.Tiles(z)))))
		return out
	})
}

// Coefficients of a search, which ends where its steps no longer tell.
func TestFitsOnAnyThreads(t *testing.T) {
	const n = 150
	ctx, x, y := t.Context(), rowsOf(n, 4, 0), outputs(n)
	cosine := ntk.Must(ntk.PolynomialKernel(1, 0))
	threadtest.Same(t, 1e-4, func() map[string][]float64 {
		tiles := ntk.Must(ntk.GramTiles(ctx, cosine, x))
		s := &regress.SeriesSettings{RelativeRidge: 0.05, Criterion: "likelihood"}
		series := ntk.Must(regress.FitSeries(ctx, tiles, y, []float64{1, 1, 1, 1}, s))
		sum := ntk.Must(regress.FitSum(ctx, []ntk.Tiles[float64]{tiles,
			ntk.Must(ntk.GramTiles(ctx, ntk.Must(ntk.GaussianKernel(1)), x))}, y,
			[]float64{1, 1}, s))
		return map[string][]float64{"series": append(series.Coeffs, series.Loss),
			"sum": append(sum.Coeffs, sum.Loss)}
	})
}
