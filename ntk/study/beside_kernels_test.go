package study

import (
	"math"
	"os"
	"strings"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/fcn"
	"github.com/kernelsmith/kernelsmith/ntk/regress"
	"github.com/kernelsmith/kernelsmith/ntk/train"
	"gonum.org/v1/gonum/mat"
)

// What a study keeps of kernels, against the same computed here from the matrices.
func TestBesideKernels(t *testing.T) {
	s := opened(t, "quick")
	erf := Net{Name: "1HL erf", Arch: ntk.Must(ntk.UniformFCN(1, ntk.Erf{}, 1, 0.3))}
	relu := ntk.Must(ntk.UniformFCN(2, ntk.ReLU{}, 1.2, 0))
	p := train.Problem{
		XTrain: mat.NewDense(4, 2, []float64{1, 1, 1, -1, 0.2, 0.9, 2, 0.1}),
		YTrain: mat.NewDense(4, 2, []float64{1, 0, 0, 1, 1, 0, 0, 1}),
		XTest:  mat.NewDense(2, 2, []float64{-1, 1, 0.5, 0.5}),
		YTest:  mat.NewDense(2, 2, []float64{1, 0, 0, 1}),
	}
	r := Runs{Nets: []Net{erf}, Data: p, Width: 32, Trials: 1,
		Settings: train.Settings{LearningRate: 0.1, Epochs: 3}}
	K, target := ntk.Must(erf.Arch.NTK()), ntk.Must(relu.NTK())
	gram, want := ntk.Must(K.Gram(p.XTrain)), ntk.Must(target.Gram(p.XTrain))

	var difference, size float64
	for i := range 4 {
		for j := range 4 {
			difference += math.Pow(gram.At(i, j)-want.At(i, j), 2)
			size += math.Pow(want.At(i, j), 2)
		}
	}
	relative := math.Sqrt(difference / size)
	if got := ntk.Must(r.KernelError(s, erf, relu)); math.Abs(got-relative) > 1e-12 {
		t.Errorf("error of the kernel %v, want %v", got, relative)
	}
	values := ntk.Must(r.Spectrum(s, erf))
	var sum, squares float64
	for i, v := range values {
		sum, squares = sum+4*v, squares+16*v*v
		if i > 0 && v > values[i-1] {
			t.Errorf("eigenvalues %v are not in order", values)
		}
	}
	var all float64
	for i := range 4 {
		for j := range 4 {
			all += math.Pow(gram.At(i, j), 2)
		}
	}
	if math.Abs(sum-mat.Trace(gram)) > 1e-12 || math.Abs(squares-all) > 1e-11 {
		t.Errorf("eigenvalues sum to %v, want %v, their squares to %v, want %v", sum,
			mat.Trace(gram), squares, all)
	}

	points, deltas, err := r.Regression(s, erf,
		[]regress.RidgeSettings{{Ridge: 0.3}, {RelativeRidge: 0.1}})
	if err != nil || len(points) != 2 || deltas[0] != 0.3 ||
		math.Abs(deltas[1]-mat.Trace(gram)/40) > 1e-12 {
		t.Fatal(points, deltas, err)
	}
	var inverse, weights, f mat.Dense
	sumOf := mat.NewDense(4, 4, nil)
	sumOf.Copy(gram)
	for i := range 4 {
		sumOf.Set(i, i, sumOf.At(i, i)+0.3)
	}
	ntk.Must(0, inverse.Inverse(sumOf))
	weights.Mul(&inverse, p.YTrain)
	f.Mul(ntk.Must(K.Cross(p.XTest, p.XTrain)), &weights)
	if want := ntk.Must(ntk.MSE(&f, p.YTest)); math.Abs(points[0].TestLoss-want) > 1e-12 {
		t.Errorf("test loss of the regression %v, want %v", points[0].TestLoss, want)
	}
	again, _, err := r.Regression(s, erf,
		[]regress.RidgeSettings{{Ridge: 0.3}, {RelativeRidge: 0.1}})
	if err != nil || again[1] != points[1] {
		t.Errorf("loaded %v, %v, want %v", again, err, points)
	}
}

// A net that is trained beside the study moves as far.
func TestMoved(t *testing.T) {
	s := opened(t, "quick")
	erf := Net{Name: "1HL erf", Arch: ntk.Must(ntk.UniformFCN(1, ntk.Erf{}, 1, 0))}
	p := train.Problem{XTrain: mat.NewDense(3, 2, []float64{1, 1, 1, -1, -1, 0.5}),
		YTrain: mat.NewDense(3, 1, []float64{1, 0, -1}),
		XTest:  mat.NewDense(1, 2, []float64{1, 0}), YTest: mat.NewDense(1, 1, []float64{1})}
	r := Runs{Nets: []Net{erf}, Data: p, Width: 8, Trials: 1,
		Settings: train.Settings{LearningRate: 0.2, Epochs: 20}}
	moved := ntk.Must(r.Moved(s, 2, []int{16}))
	net := ntk.Must(fcn.New(erf.Arch, fcn.Config{Inputs: 2, Width: 16, Outputs: 1, Seed: 1}))
	before := net.Clone()
	ntk.Must(train.Train(t.Context(), net, p, r.Settings))
	want := ntk.Must(net.Moved(before, top(p.XTrain, 2), top(p.YTrain, 2)))
	if len(moved) != 1 || moved[0].Change != want.Change || want.Change == 0 ||
		moved[0].AlignmentAfter != want.AlignmentAfter || moved[0].ParamChange != want.ParamChange {
		t.Errorf("moved %+v, want %+v", moved, want)
	}
	if _, err := r.Moved(s, 2); err == nil ||
		!strings.Contains(err.Error(), "widths for 0 of 1 nets") {
		t.Error(err)
	}
}

// Costs have no values to test; what can be is where they are from and what they are kept under.
func TestCost(t *testing.T) {
	s := opened(t, "quick")
	erf := Net{Name: "1HL erf", Arch: ntk.Must(ntk.UniformFCN(1, ntk.Erf{}, 1, 0))}
	p := train.Problem{XTrain: normal(20, 3, 1), YTrain: normal(20, 2, 2),
		XTest: normal(5, 3, 3), YTest: normal(5, 2, 4)}
	r := Runs{Nets: []Net{erf}, Data: p, Width: 16,
		Settings: train.Settings{LearningRate: 0.1, Epochs: 1}}
	first, again := ntk.Must(r.cost(s, erf, 10, false)), ntk.Must(r.cost(s, erf, 10, false))
	if first != again || first.Rows != 10 || first.Net <= 0 || first.Epoch <= 0 ||
		math.IsInf(first.Epoch, 0) {
		t.Errorf("%+v, then %+v", first, again)
	}
	r.Width = 0
	if c := ntk.Must(r.cost(s, erf, 40, true)); c.Net != 0 || c.Epoch != 0 || c.Regression <= 0 {
		t.Errorf("of a kernel alone: %+v", c)
	}
	if _, err := r.cost(s, erf, 21, false); err == nil ||
		!strings.Contains(err.Error(), "21 rows asked for of 20") {
		t.Error(err)
	}
	r.Width = 16
	other := r
	other.Data = train.Problem{XTrain: normal(20, 7, 1), YTrain: normal(20, 2, 2),
		XTest: normal(5, 7, 3), YTest: normal(5, 2, 4)}
	ntk.Must(r.Costs(s, "1HL erf", 10, nil, []int{10}))
	before := len(ntk.Must(os.ReadDir("records/quick/04")))
	ntk.Must(other.Costs(s, "1HL erf", 10, nil, []int{10}))
	if after := len(ntk.Must(os.ReadDir("records/quick/04"))); after != before+1 {
		t.Errorf("%d records of costs, then %d: rows of another shape have none of their own",
			before, after)
	}
	if _, err := r.Costs(s, "4HL ReLU", 10, nil, []int{10}); err == nil ||
		!strings.Contains(err.Error(), `"4HL ReLU" is not`) {
		t.Error(err)
	}
	// 4 epochs of a second, a factorisation of a second at 100 rows and nothing for the matrix:
	// r³ = 4 r has r = 2; predictions of 2 s and 1 s are equal at half the rows.
	c := Costs{nets: []Net{erf}, epochs: 4, gaussian: []int{50, 100},
		of: map[costAt]cost{{0, 100, true}: {Solve: 1, Regression: 2, Epoch: 1, Net: 1}}}
	if got := c.String(); !strings.Contains(got, "at n ≈ 200 (a Gram matrix of 0.32 MB)") ||
		!strings.Contains(got, "as the net at n ≈ 50\n") {
		t.Error(got)
	}
}
