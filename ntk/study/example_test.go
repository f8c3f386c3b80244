package study_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/kernelsmith/kernelsmith/data"
	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/regress"
	"github.com/kernelsmith/kernelsmith/ntk/spectra"
	"github.com/kernelsmith/kernelsmith/ntk/study"
	"github.com/kernelsmith/kernelsmith/ntk/train"
	"github.com/kernelsmith/kernelsmith/plotting"
	"gonum.org/v1/gonum/mat"
)

// Kernel regression on 500 handwritten digits, and on 100 of them as landmarks for all.
func ExampleStudy_Learn() {
	folder := ntk.Must(os.MkdirTemp("", "study"))
	defer os.RemoveAll(folder)
	ntk.Must(0, os.Chdir(folder))
	s := ntk.Must(study.Open("digits"))
	deep := study.Net{Name: "4HL ReLU", Arch: ntk.Must(ntk.UniformFCN(4, ntk.ReLU{}, 1.4, 0.1))}
	learned, err := s.Learn(data.Digits(), data.Sphere{},
		study.Machine{Net: deep, Method: "exact", Rows: 500, RelativeRidge: 1e-3},
		study.Machine{Net: deep, Method: "landmarks", Rows: 500, Size: 100, RelativeRidge: 1e-3})
	if err != nil {
		log.Fatal(err)
	}
	for _, l := range learned {
		fmt.Printf("%.1f %% of the test rows wrong, residual at most 1e-6: %v\n",
			100*l.TestError, l.Residual <= 1e-6)
	}
	// Output:
	// 3.0 % of the test rows wrong, residual at most 1e-6: true
	// 5.8 % of the test rows wrong, residual at most 1e-6: true
}

// Two records are asked for. The first time both are made, after that they are loaded.
func ExampleMake() {
	folder, err := os.MkdirTemp("", "study")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder)
	if err := os.Chdir(folder); err != nil {
		log.Fatal(err)
	}
	s, err := study.Open("04")
	if err != nil {
		log.Fatal(err)
	}
	width := study.AtScale(s, 4096, 512)
	square := func(n int) study.Task[int] {
		return study.Task[int]{
			Label: fmt.Sprintf("square-%d", n),
			Key:   struct{ N int }{n},
			Run: func(context.Context, string, func(study.Report)) (int, error) {
				return n * n, nil
			},
		}
	}
	missing, err := study.Missing(s, square(3), square(width))
	if err != nil {
		log.Fatal(err)
	}
	squares, err := study.Make(s, "squaring", "squares", square(3), square(width))
	fmt.Println(s, s.Scale(), len(missing), squares, err)
	// Output: 04 at quick scale quick 2 [9 262144] <nil>
}

// Three narrow nets, twice each, beside what they go to at infinite width.
func ExampleRuns() {
	folder := ntk.Must(os.MkdirTemp("", "study"))
	defer os.RemoveAll(folder)
	ntk.Must(0, os.Chdir(folder))
	s := ntk.Must(study.Open("wines"))
	wine := ntk.Must(s.Dataset("wine-quality-red", data.Wine))
	rows := ntk.Must(data.Prepare(wine, *wine.Split, data.MeanNorm{}))
	runs := study.Runs{
		Nets: []study.Net{
			{Name: "1HL ReLU", Arch: ntk.Must(ntk.UniformFCN(1, ntk.ReLU{}, 1.4, 0.1))},
			{Name: "1HL mimic", Arch: ntk.Must(ntk.UniformFCN(1, ntk.PublishedMimic(), 1, 0))},
		},
		Data: study.Problem(rows), Width: 32, Trials: 2,
		Settings: train.Settings{LearningRate: 0.05, Epochs: 10},
	}
	traces, limits := ntk.Must(runs.Train(s)), ntk.Must(runs.Limits(s, nil))
	plotting.Show(study.Curves(traces, limits), "Mean over two trials.")
	m, _ := traces.At("1HL ReLU", 0)
	fmt.Println(traces.Names(), traces.Trials(), m.TrainLoss)
	fmt.Println(len(ntk.Must(study.Missing(s, runs.Tasks()...))), runs.Nets[0].RecordLabel("gram"))
	// Output:
	// [1HL ReLU 1HL mimic] trials: 1HL ReLU 2, 1HL mimic 2 1
	// 0 1HL-ReLU-gram
}

// inFolder gives an example a folder of its own.
func inFolder() func() {
	folder := ntk.Must(os.MkdirTemp("", "study"))
	ntk.Must(0, os.Chdir(folder))
	return func() { os.RemoveAll(folder) }
}

// threeRows is a problem of three points, and narrow a net on it.
var (
	threeRows = train.Problem{
		XTrain: mat.NewDense(2, 2, []float64{1, 1, 1, -1}),
		YTrain: mat.NewDense(2, 1, []float64{1, 0}),
		XTest:  mat.NewDense(1, 2, []float64{-1, 1}), YTest: mat.NewDense(1, 1, []float64{0}),
	}
	narrow = study.Net{Name: "1HL erf", Arch: ntk.Must(ntk.UniformFCN(1, ntk.Erf{}, 1, 0))}
	brief  = study.Runs{Nets: []study.Net{narrow}, Data: threeRows, Width: 64, Trials: 1,
		Settings: train.Settings{LearningRate: 0.1, Epochs: 2, Snapshots: []int{0, 2}}}
)

// What was measured, beside printed numbers and beside infinite width.
func ExampleResults() {
	defer inFolder()()
	s := ntk.Must(study.Open("rows"))
	none := ntk.Must(brief.Recorded(s))
	traces, limits := ntk.Must(brief.Train(s)), ntk.Must(brief.Limits(s, []int{0, 2}))
	name := traces.Names()[0]
	fmt.Println(none.Losses(name, 0), traces.Losses(name, 0), traces.Beside(limits, name, 0)[0])
	fmt.Println(len(traces.Traces(name)), traces.Summary(name).Epochs)
	beside := ntk.Must(traces.Compare(study.Published{
		Source: "a paper", Epochs: []int{0}, LossTolerance: 0.01, AccuracyTolerance: 0.01,
		Points: map[string][][4]float64{name: {{0.5, 0, 1, 1}}},
	}))
	fmt.Println(traces.Numbers(name, 0), beside.Loss)
	// Output:
	// [– –] [0.5000 0.0000] 0.5000 (0.5000)
	// 1 [0 2]
	// [0.5000 0.0000 0.000 0.000] 0
}

// Tables of what was measured: printed numbers, sizes, each net and trial beside infinite width.
func ExampleResults_ShowBeside() {
	defer inFolder()()
	s := ntk.Must(study.Open("rows"))
	traces, limits := ntk.Must(brief.Train(s)), ntk.Must(brief.Limits(s, []int{0, 2}))
	traces.ShowBeside(limits, []int{0}, "One net.")
	// Output:
	// One net.
	// net      trials  epoch       train loss        test loss   train accuracy    test accuracy
	// -------  ------  -----  ---------------  ---------------  ---------------  ---------------
	// 1HL erf       1      0  0.5000 (0.5000)  0.0000 (0.0000)  0.0000 (0.0000)  0.0000 (0.0000)
}

func ExampleResults_ShowDistances() {
	defer inFolder()()
	s := ntk.Must(study.Open("rows"))
	traces, limits := ntk.Must(brief.Train(s)), ntk.Must(brief.Limits(s, []int{0, 2}))
	traces.ShowDistances(limits, []int{0}, "")
	// Output:
	// net      epoch  train loss  infinite width  difference  test loss  infinite width  difference
	// -------  -----  ----------  --------------  ----------  ---------  --------------  ----------
	// 1HL erf      0      0.5000          0.5000     +0.0000     0.0000          0.0000     +0.0000
}

// The time that a trial took is another each time, so this prints no output to compare.
func ExampleResults_ShowTrials() {
	defer inFolder()()
	s := ntk.Must(study.Open("rows"))
	traces, limits := ntk.Must(brief.Train(s)), ntk.Must(brief.Limits(s, []int{0, 2}))
	if err := traces.ShowTrials(limits, "Each trial at its last epoch."); err != nil {
		log.Fatal(err)
	}
}

func ExampleRuns_ShowSizes() {
	brief.ShowSizes("1HL erf", "Trained parameters.")
	// Output:
	// Trained parameters.
	// net      width  parameters  of 1HL erf
	// -------  -----  ----------  ----------
	// 1HL erf     64         192       100 %
}

func ExampleCompared_ShowTable() {
	defer inFolder()()
	traces := ntk.Must(brief.Train(ntk.Must(study.Open("rows"))))
	beside := ntk.Must(traces.Compare(study.Published{
		Source: "a paper", Epochs: []int{0}, LossTolerance: 0.01, AccuracyTolerance: 0.01,
		Points: map[string][][4]float64{"1HL erf": {{0.5, 0, 0, 0}}},
	}))
	beside.ShowTable("Ours / published.")
	// Output:
	// Ours / published.
	// net      epoch       train loss        test loss   train accuracy    test accuracy
	// -------  -----  ---------------  ---------------  ---------------  ---------------
	// 1HL erf      0  0.5000 / 0.5000  0.0000 / 0.0000  0.0000 / 0.0000  0.0000 / 0.0000
}

// The same nets at two widths, and at infinite width.
func ExampleResults_AgainstWidth() {
	defer inFolder()()
	s := ntk.Must(study.Open("rows"))
	results := ntk.Must(s.Train(brief.AtWidth(16), brief))
	limits := ntk.Must(brief.Limits(s, []int{0, 2}))
	plotting.Show(limits.AgainstWidth(results, 2), "Losses against the width.")
	limits.ShowAgainstWidth(results, 0, "")
	// Output:
	// width  1HL erf, trials  train loss  test loss
	// -----  ---------------  ----------  ---------
	// 16                   1      0.5000     0.0000
	// 64                   1      0.5000     0.0000
	// ∞                           0.5000     0.0000
}

// The kernel of a net on the training rows: how far it is from that of another net, its
// eigenvalues, regression with it, how far training takes a
// finite net from it.
func ExampleRuns_KernelError() {
	defer inFolder()()
	s, relu := ntk.Must(study.Open("rows")), ntk.Must(ntk.UniformFCN(1, ntk.ReLU{}, 1, 0))
	off := ntk.Must(brief.KernelError(s, narrow, relu))
	fmt.Printf("%.3f %.3f\n", off, ntk.Must(brief.Spectrum(s, narrow)))
	points, deltas, err := brief.Regression(s, narrow, []regress.RidgeSettings{{Ridge: 0.5}})
	fmt.Printf("%.3f %.1f %v\n", points[0].TrainLoss, deltas[0], err)
	moved := ntk.Must(brief.Moved(s, 2, []int{16, 64}))
	fmt.Println(len(moved), moved[1].Change < moved[0].Change)
	// Output:
	// 0.161 [0.517 0.517]
	// 0.053 0.5 <nil>
	// 2 true
}

// Times are others each time, so this prints no output to compare.
func ExampleRuns_Costs() {
	defer inFolder()()
	s := ntk.Must(study.Open("rows"))
	costs := ntk.Must(brief.Costs(s, "1HL erf", 1020, []int{2}, []int{20, 40}))
	plotting.Show(costs.Figure(), "Seconds against rows.")
	if err := costs.ShowTable("the rows", ""); err != nil {
		log.Fatal(err)
	}
	fmt.Println(costs)
}

// A table of the runs: seeds, sizes, times, arithmetic.
func ExampleResults_ShowRuns() {
	defer inFolder()()
	ntk.Must(brief.Train(ntk.Must(study.Open("rows")))).ShowRuns("Runs of this page.")
}

// What gradient descent on a net of infinite width has at an epoch, and the measurements of any
// outputs.
func ExampleNet_Limit() {
	p := ntk.Must(narrow.Limit(threeRows, 0.1, []int{0}))[0]
	m := ntk.Must(study.Measured(0, mat.NewDense(2, 1, nil), mat.NewDense(1, 1, nil), threeRows))
	fmt.Println(p.TrainLoss, m.TrainLoss)
	// Output: 0.5 0.5
}

// The flowers of iris before kernels are compared on them: one table and, in a notebook, one
// picture.
func ExampleShowAudit() {
	iris := ntk.Must(data.Embedded("iris"))
	audit := ntk.Must(iris.Audit(*iris.Split, data.MeanNorm{}))
	study.ShowAudit(audit, "Iris, as it is trained on.")
	fmt.Println(study.AuditFigure(audit).Err())
	// Output:
	// Iris, as it is trained on.
	// iris                                     training rows  test rows
	// ---------------------------------------  -------------  -----------
	// rows                                     75             75
	// ‖x‖²/d, smallest                         0.5902         0.4762
	// ‖x‖²/d, 5 %                              0.6563         0.6321
	// ‖x‖²/d, median                           0.9904         1.052
	// ‖x‖²/d, 95 %                             1.666          1.457
	// ‖x‖²/d, largest                          1.985          2.092
	// recommended radius over √d               0.9952
	// zero rows                                0              0
	// equal to an earlier row of the part      0              0
	// equal to a row of the other part         1              1
	// equal rows with different labels         0 groups
	// within 0.1 % of a row of the part        0              0
	// within 0.1 % of a row of the other part  0              0
	// smallest class                           25 (setosa)    25 (setosa)
	// largest class                            25 (setosa)    25 (setosa)
	// constant of 4 columns                    0              0
	// <nil>
}

// A record that takes seconds is made in a line.
func ExampleRemember() {
	defer inFolder()()
	s := ntk.Must(study.Open("sums"))
	for range 2 { // the second time it is loaded
		sum := ntk.Must(study.Remember(s, "sum", []int{2, 3}, func() (int, error) {
			fmt.Println("adding")
			return 2 + 3, nil
		}))
		fmt.Println(sum)
	}
	// Output:
	// adding
	// 5
	// 5
}

// A task that is more than a training: the net is kept and looked at.
func ExampleKept() {
	defer inFolder()()
	s, run := ntk.Must(study.Open("nets")), brief.Run(narrow, 0)
	task := study.Task[int]{Label: narrow.RecordLabel("params"), Key: run.Identity(),
		Steps: run.Settings.Epochs,
		Run: func(ctx context.Context, folder string, report func(study.Report)) (int, error) {
			net := ntk.Must(run.Model.New())
			settings := study.Kept(run.Settings, folder, report)
			_, err := train.Train(ctx, net, run.Problem, settings)
			return run.Model.Describe().Params, err
		}}
	fmt.Println(study.Make(s, "training", "nets", task))
	// Output: [192] <nil>
}

// Theory for the parity of three bits in ten, and the mean of 60 regressions on 100 points.
func ExampleLearningCurvesFigure() {
	cube := spectra.Hypercube{Dim: 10}
	s := ntk.Must(cube.Spectrum(ntk.Must(ntk.GaussianKernel(1))))
	target := ntk.Must(cube.Parities(spectra.Parity{Bits: []int{0, 1, 2}, Coefficient: 1}))
	curve := study.LearningCurve{Kernel: "Gaussian", N: []float64{20, 50, 100, 200, 400},
		At: []float64{100}, Measured: []float64{1.079}, StandardError: []float64{0.010}}
	for _, l := range ntk.Must(s.LearningCurve(target, curve.N, 0.1)) {
		curve.Predicted = append(curve.Predicted, l.TestMSE)
	}
	f := study.LearningCurvesFigure("the parity of three bits", curve)
	fmt.Println(len(ntk.Must(plotting.PNG(f))) > 10_000)
	// Output: true
}
