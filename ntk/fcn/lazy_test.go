package fcn

import (
	"math"
	"strings"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/train"
	"gonum.org/v1/gonum/mat"
)

// By hand: Frobenius norms and products of small matrices.
func TestKernelComparisons(t *testing.T) {
	two := func(v ...float64) *mat.Dense { return mat.NewDense(2, 2, v) }
	column := func(v ...float64) *mat.Dense { return mat.NewDense(len(v), 1, v) }
	three := mat.NewDense(3, 3, []float64{2, 1, 0, 1, 2, 1, 0, 1, 2})
	for _, c := range []struct {
		name string
		got  float64
		want float64
	}{
		{"no change", ntk.Must(kernelChange(two(3, 4, 4, 1), two(3, 4, 4, 1))), 0},
		{"doubled", ntk.Must(kernelChange(two(3, 4, 4, 1), two(6, 8, 8, 2))), 1},
		{"a corner", ntk.Must(kernelChange(two(1, 2, 2, 4), two(1, 2, 2, 9))), 1}, // 5/√25
		{"cosine doubled", ntk.Must(kernelCosine(two(3, 4, 4, 1), two(6, 8, 8, 2))), 1},
		{"cosine of the opposite", ntk.Must(kernelCosine(two(3, 4, 4, 1), two(-3, -4, -4, -1))),
			-1},
		{"cosine of I and ones", ntk.Must(kernelCosine(two(1, 0, 0, 1), two(1, 1, 1, 1))),
			2 / (math.Sqrt2 * 2)},
		{"aligned", ntk.Must(centeredAlignment(two(1, -1, -1, 1), column(3, -3))), 1},
		// yᵀKy = 2·1 + 2·1 = 4 for y = (1, 0, -1), ‖y yᵀ‖ = 2;
		// H K H = [[10,-2,-8],[-2,4,-2],[-8,-2,10]]/9 has the norm √360/9; y is centred
		{"three, centred", ntk.Must(centeredAlignment(three, column(1, 0, -1))),
			4 / (math.Sqrt(360) / 9 * 2)},
		{"means do not count", ntk.Must(centeredAlignment(mat.NewDense(3, 3,
			[]float64{12, 11, 10, 11, 12, 11, 10, 11, 12}), column(8, 7, 6))),
			4 / (math.Sqrt(360) / 9 * 2)},
	} {
		if !(math.Abs(c.got-c.want) < 1e-14) {
			t.Errorf("%s: %v, want %v", c.name, c.got, c.want)
		}
	}
	nan := math.NaN()
	for _, c := range []struct {
		says string
		err  error
	}{
		{"before is 2×2 and after 3×3", second(kernelChange(two(1, 0, 0, 1), three))},
		{"before is 0", second(kernelChange(two(0, 0, 0, 0), two(1, 0, 0, 1)))},
		{"row 1, column 0", second(kernelChange(two(1, 0, nan, 1), two(1, 0, 0, 1)))},
		{"two kernels", second(kernelChange(nil, three))},
		{"zeros", second(kernelCosine(two(0, 0, 0, 0), two(1, 0, 0, 1)))},
		{"3×3 for 2 targets", second(centeredAlignment(three, column(1, 2)))},
		{"no targets", second(centeredAlignment(three, nil))},
		{"no targets", second(centeredAlignment(three,
			column(1, 2).Slice(0, 2, 0, 0).(*mat.Dense)))},
		{"constant", second(centeredAlignment(three, column(0, 0, 0)))},
		{"constant", second(centeredAlignment(three, column(0.1, 0.1, 0.1)))},
		{"constant", second(centeredAlignment(mat.NewDense(3, 3,
			[]float64{.1, .1, .1, .1, .1, .1, .1, .1, .1}), column(1, 2, 3)))},
		{"finite", second(centeredAlignment(three, column(1, nan, 0)))},
		{"no kernel", second(centeredAlignment(nil, column(1)))},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.says) {
			t.Errorf("error %v, must say %q", c.err, c.says)
		}
	}
}

// A clone stays where it is; a wide net moves less than a narrow one; and the numbers
// are those of the kernels.
func TestMoved(t *testing.T) {
	p := smallProblem()
	change := map[int]*Movement{}
	for _, width := range []int{64, 4096} {
		net := ntk.Must(
			New(nets["1HL mimic"], Config{Inputs: 3, Width: width, Outputs: 2, Seed: 5}))
		before := net.Clone()
		first := ntk.Must(before.EmpiricalNTK(p.XTrain, p.XTrain, 0))
		if m := ntk.Must(
			net.Moved(before, p.XTrain, p.YTrain)); m.Change != 0 || m.ParamChange != 0 ||
			m.NNGPChange != 0 || m.Cosine < 1-1e-15 ||
			m.AlignmentBefore != m.AlignmentAfter {
			t.Errorf("width %d: an untrained net moved: %+v", width, m)
		}
		if _, err := train.Train(
			t.Context(), net, p, train.Settings{LearningRate: 0.05, Epochs: 200},
		); err != nil {
			t.Fatal(err)
		}
		if !mat.Equal(first, ntk.Must(before.EmpiricalNTK(p.XTrain, p.XTrain, 0))) {
			t.Errorf("width %d: training moved the clone", width)
		}
		m := ntk.Must(net.Moved(before, p.XTrain, p.YTrain))
		change[width] = m
		if got := ntk.Must(
			kernelChange(ntk.Must(before.EmpiricalNTKMean(p.XTrain, p.XTrain)),
				ntk.Must(net.EmpiricalNTKMean(p.XTrain, p.XTrain))),
		); got != m.Change {
			t.Errorf("width %d: change %v, by kernels %v", width, m.Change, got)
		}
		if got := ntk.Must(
			centeredAlignment(ntk.Must(net.EmpiricalNTKMean(p.XTrain, p.XTrain)),
				p.YTrain)); got != m.AlignmentAfter ||
			got == m.AlignmentBefore {
			t.Errorf("width %d: alignment %v → %v, by kernels %v", width, m.AlignmentBefore,
				m.AlignmentAfter, got)
		}
	}
	// A step of fixed length in parameters of length √width; kernels lose at least that.
	if ratio := change[64].ParamChange / change[4096].ParamChange; !(ratio > 4 && ratio < 16) {
		t.Errorf("parameters of width 64 move %.2f times as far as of width 4096, want about 8",
			ratio)
	}
	for what, ratio := range map[string]float64{"NTK": change[64].Change / change[4096].Change,
		"NNGP": change[64].NNGPChange / change[4096].NNGPChange} {
		if !(ratio > 4) {
			t.Errorf("%s of width 64 moves %.2f times as far as of width 4096", what, ratio)
		}
	}
	net := ntk.Must(New(nets["1HL mimic"], Config{Inputs: 3, Width: 64, Outputs: 2, Seed: 5}))
	if m := ntk.Must(net.Moved(net, p.XTrain, mat.NewDense(20, 2, nil))); m.AlignmentAfter != 0 {
		t.Errorf("alignment %v with constant targets", m.AlignmentAfter)
	}
	for _, c := range []struct {
		says string
		err  error
	}{
		{"Clone", second(net.Moved(nil, p.XTrain, p.YTrain))},
		{"cannot be compared", second(net.Moved(ntk.Must(New(nets["1HL mimic"],
			Config{Inputs: 3, Width: 65, Outputs: 2})), p.XTrain, p.YTrain))},
		{"cannot be compared", second(net.Moved(ntk.Must(New(nets["1HL ReLU"],
			Config{Inputs: 3, Width: 64, Outputs: 2})), p.XTrain, p.YTrain))},
		{"x has 2", second(net.Moved(net, p.YTrain, p.YTrain))},
		{"y has 3", second(net.Moved(net, p.XTrain, p.XTrain))},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.says) {
			t.Errorf("error %v, must say %q", c.err, c.says)
		}
	}
}
