package elsewhere

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/regress"
	"github.com/kernelsmith/kernelsmith/ntk/spectra"
	"gonum.org/v1/gonum/mat"
)

// targets are two smooth functions of the rows of x.
func targets(x *mat.Dense) *mat.Dense {
	n, _ := x.Dims()
	y := mat.NewDense(n, 2, nil)
	for i := range n {
		row := x.RawRowView(i)
		y.SetRow(i, []float64{row[0] * row[1], row[0] + 0.3*row[2]*row[2]})
	}
	return y
}

// ofRegression are predictions, their variances, likelihoods and training dynamics.
func ofRegression() []result {
	x, z := onSphere(normals(4, 40, 3)), onSphere(normals(5, 5, 3))
	y := targets(x)
	net := ntk.Must(ntk.UniformFCN(2, ntk.ReLU{}, math.Sqrt2, 0.1))
	theta := ntk.Must(regress.NewGrams(ctx(), ntk.Must(net.NTK()), x, z))
	nngp := ntk.Must(regress.NewGrams(ctx(), ntk.Must(net.NNGP()), x, z))
	ridge := ntk.Must(regress.NewRidge(ctx(), theta.Train, y, &regress.RidgeSettings{Ridge: 0.1}))
	var out []result
	add := func(name string, tolerance float64, values []float64) {
		out = append(out, result{name, tolerance, values, ""})
	}
	add("ridge regression", solved, entries(ntk.Must(ridge.Predict(ctx(), theta.Cross))))
	add("leave one out", solved, entries(ridge.LeaveOneOut()))
	add("posterior covariance", solved, entries(ntk.Must(ridge.Covariance(ctx(), theta.Cross,
		theta.Test))))
	add("log marginal likelihood", solved, ntk.Must(ridge.LogMarginalLikelihood()))
	for _, method := range []string{"double", "single", "landmarks"} {
		fit := ntk.Must(regress.Solve(ctx(), theta.Train, y,
			&regress.SolveSettings{Ridge: 0.1, Method: method, Tolerance: 1e-10}))
		add("solution, "+method, iterated, entries(fit.Weights))
	}
	var scores []float64
	for _, s := range ntk.Must(regress.RidgePath(ctx(), theta.Train, y,
		&regress.PathSettings{Ridges: []float64{0.01, 0.1, 1, 10}})) {
		scores = append(scores, s.LeaveOneOut, s.GCV, s.Freedom)
	}
	add("scores of ridges", solved, scores)
	ensemble := ntk.Must(regress.NewEnsemble(ctx(), theta, nngp, y,
		&regress.EnsembleSettings{LearningRate: 0.1, Flow: true}))
	var course []float64
	for _, t := range []float64{0, 3, 100, 1000} {
		_, mean, err := ensemble.Mean(t)
		ntk.Must(0, err)
		course = append(course, entries(mean, ntk.Must(ensemble.TestCovariance(t)))...)
	}
	add("training of wide nets", solved, course)
	likelihood, exact, err := regress.NetLikelihood(net, true, x, y)
	ntk.Must(0, err)
	value, gradient, err := likelihood.At(ctx(), []float64{1.3, 0.2}, 0.1)
	ntk.Must(0, err)
	out = append(out, result{"likelihood of a net and its gradient", solved,
		append(gradient, value), fmt.Sprint(exact)})
	length := regress.Likelihood{Y: y,
		Gram: func(_ context.Context, theta []float64) (*mat.SymDense, error) {
			return ntk.Must(ntk.GaussianKernel(theta[0])).Gram(x)
		}}
	best := ntk.Must(length.Maximize(ctx(), []float64{0.5}, 0.1))
	add("largest likelihood", searched, []float64{best.Theta[0], best.Ridge, best.Value})
	return out
}

// eigenvalues are those of levels, with the tail.
func eigenvalues(s *spectra.Spectrum) (values []float64) {
	for _, l := range s.Levels {
		values = append(values, l.Eigenvalue)
	}
	return append(values, s.Tail)
}

// predicted are the numbers of learning curves.
func predicted(curve ...*spectra.Learning) (values []float64) {
	for _, l := range curve {
		values = append(values, l.TestMSE, l.TrainMSE, l.Bias, l.Variance)
		values = append(values, l.Learnability...)
	}
	return values
}

// ofSpectra are eigenvalues on domains and data, and what is learned.
func ofSpectra() []result {
	relu, gaussian := ntk.Must(deepReLU().NTK()), ntk.Must(ntk.GaussianKernel(1))
	cube := spectra.Hypercube{Dim: 10}
	bits := ntk.Must(cube.Spectrum(gaussian))
	parity := ntk.Must(cube.Parities(spectra.Parity{Bits: []int{0, 1, 2}, Coefficient: 1}))
	ridge, best, err := bits.BestRidge(parity, 400, math.Inf(1))
	ntk.Must(0, err)
	slopes, tail, err := ntk.Must(bits.Learn(parity, 400, 0.01)).Gradient()
	ntk.Must(0, err)
	sphere := spectra.Sphere{Dim: 10}
	kernel := ntk.Must(ntk.Must(sphere.PowerSpectra(5)).BestKernel(
		spectra.Target{Power: []float64{0, 0.4, 0, 0.5, 0, 0}, Noise: 0.1}, []float64{200}, nil))
	x := normals(6, 300, 15)
	for i := range 300 {
		for j, row := 0, x.RawRowView(i); j < 15; j++ {
			row[j] /= math.Sqrt(math.Sqrt(float64(j + 1)))
		}
	}
	y := targets(x)
	matrix := ntk.Must(relu.Gram(onSphere(normals(7, 60, 4))))
	gram := ntk.Must(spectra.Gram(ctx(), ntk.MatrixTiles(matrix), spectra.GramSettings{}))
	data := ntk.Must(spectra.MeasureData(x))
	var skewness []float64 // the sign of a direction is anyone's choice
	for _, v := range data.Skewness {
		skewness = append(skewness, math.Abs(v))
	}
	prediction := ntk.Must(data.Predict(relu, []int{20, 60}, nil, y))[0]
	return []result{
		{"spectrum on the sphere", expanded, eigenvalues(ntk.Must(sphere.Spectrum(relu, 12))), ""},
		{"spectrum on the circle", expanded,
			eigenvalues(ntk.Must(spectra.Circle{}.Spectrum(relu, 20))), ""},
		{"spectrum on points of a circle", expanded,
			eigenvalues(ntk.Must(spectra.Circle{Points: 30}.Spectrum(relu, 15))), ""},
		{"spectrum on the hypercube", closed, eigenvalues(bits), ""},
		{"spectrum of a kernel matrix", solved, eigenvalues(&gram.Spectrum), ""},
		{"learning curve", iterated,
			predicted(ntk.Must(bits.LearningCurve(parity, []float64{50, 400, 1000}, 0.05))...), ""},
		{"learning with random features", iterated,
			predicted(ntk.Must(bits.LearnFeatures(parity, 400, 200, 0.01))), ""},
		{"best ridge", searched, []float64{ridge, best.TestMSE}, ""},
		{"gradient of the test error", iterated, append(slopes, tail), ""},
		{"best kernel", searched, append(kernel.Coeffs, kernel.Ridge, kernel.TestMSE), ""},
		{"statistics of data", solved, slices.Concat(data.Variances, skewness, data.Kurtosis,
			[]float64{data.Norm2, data.EffectiveDim, data.NormSpread}), ""},
		{"prediction from data", searched, slices.Concat(prediction.TestMSE, prediction.Levels),
			fmt.Sprint(prediction.Verdict.Fits)},
	}
}
