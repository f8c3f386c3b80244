package study_test

import (
	"context"
	"fmt"
	"math"
	"regexp"
	"testing"

	"github.com/kernelsmith/kernelsmith/data"
	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/design"
	"github.com/kernelsmith/kernelsmith/ntk/fcn"
	"github.com/kernelsmith/kernelsmith/ntk/inverse"
	"github.com/kernelsmith/kernelsmith/ntk/spectra"
	"github.com/kernelsmith/kernelsmith/ntk/study"
	"github.com/kernelsmith/kernelsmith/ntk/train"
)

// What people print first is a sentence, with its numbers in it.
func TestResultsAreSentences(t *testing.T) {
	cosh := ntk.Must(ntk.FromFunc("cosh c", math.Cosh))
	d := &design.Design{
		Formula: design.Formula{Slope: 1.23456, Terms: []design.Term{
			{Kind: "cos", Amplitude: 0.5, Frequency: 1}}},
		Error: design.Error{Mean: 0.00192, Max: 0.0035, Relative: 0.0012},
	}
	relu := ntk.Must(ntk.UniformFCN(1, ntk.ReLU{}, math.Sqrt2, 0))
	sphere := spectra.Sphere{Dim: 10}
	for _, c := range []struct {
		result any
		want   string
	}{
		{d.Error, "0.0019 off in the root mean square, 0.0035 at most, 0.12 % of the target"},
		{d, `φ\(z\) = 1.235 z \+ 0.5 cos\(.*z.*\); its kernel is 0.0019 off in .*`},
		{&design.Result{Design: d, Stop: "all starts done", Converged: 3,
			Optima: []*design.Design{d}},
			`φ.*target \(all starts done; 3 starts converged, 1 optima\)`},
		{ntk.Must(inverse.Of(cosh, nil)),
			`φ of degree \d+, its kernel within .* of the target; cosh c: .*`},
		{ntk.Must(inverse.Nearest(cosh, 2, nil)),
			`nearest kernel of degree 2: 0.00\d+ away in the mean, .*`},
		{ntk.Must(ntk.MeanFieldOf(ntk.ReLU{}, math.Sqrt2, 0)),
			`edge of chaos: q\* = 1, χ₁ = 1, c\* = 1; .*`},
		{ntk.Must(relu.NTK()).Expansion(),
			"power series with all coefficients ≥ 0 by the way it was made, .*"},
		{ntk.Must(sphere.Spectrum(ntk.Must(relu.NTK()), 5)),
			`6 levels: [\d.]+, [\d.]+ \(10 times\), .*, …; .* in all others`},
		{spectra.Target{Power: []float64{0.5, 0.25}, Noise: 0.1},
			"power 0.75 in 2 levels, noise 0.1"},
		{train.Point{Epoch: 20, TrainLoss: 0.26334, TestLoss: 0.5, TrainAccuracy: 0.8634,
			TestAccuracy: 1},
			"epoch 20: train loss 0.263, test loss 0.5, train accuracy 86.3 %, " +
				"test accuracy 100.0 %"},
		{study.LearningCurve{Kernel: "4HL", At: []float64{10, 1000},
			Measured: []float64{0.9, 0.3333}},
			"test error with 4HL; measured 0.9 at n = 10 to 0.333 at 1000"},
	} {
		got := fmt.Sprint(c.result)
		if !regexp.MustCompile("^" + c.want + "$").MatchString(got) {
			t.Errorf("%T: %q, want %q", c.result, got, c.want)
		}
	}
}

// Prepared data are what a net is trained on, as they are.
func TestTrainOnPreparedData(t *testing.T) {
	iris := ntk.Must(data.Embedded("iris"))
	split := ntk.Must(iris.StratifiedSplit(0.5, 1))
	rows := ntk.Must(data.Prepare(iris, split, data.Sphere{}))
	var problem train.Problem = rows.Problem()
	if problem.XTrain != rows.XTrain || problem.YTrain != rows.YTrain ||
		problem.XTest != rows.XTest || problem.YTest != rows.YTest {
		t.Error("the problem has other matrices")
	}
	arch := ntk.Must(ntk.UniformFCN(1, ntk.ReLU{}, math.Sqrt2, 0))
	net := ntk.Must(fcn.New(arch, fcn.Config{Inputs: 4, Outputs: 3, Width: 16, Seed: 1}))
	trace, err := train.Train(context.Background(), net, rows.Problem(),
		train.Settings{LearningRate: 0.1, Epochs: 5})
	want := regexp.MustCompile(`^.*, width 16, seed 1, .* s; epoch 5: train loss .*$`)
	if err != nil || !want.MatchString(fmt.Sprint(trace)) {
		t.Errorf("%v, %v", trace, err)
	}
}
