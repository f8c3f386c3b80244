package study

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kernelsmith/kernelsmith/data"
	"github.com/kernelsmith/kernelsmith/internal/loaded"
	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/train"
	"gonum.org/v1/gonum/mat"
)

// small are two narrow nets on half of the irises.
func small(t *testing.T) Runs {
	t.Helper()
	set := ntk.Must(data.Embedded("iris"))
	var split data.Split
	for i := range 150 {
		if i%2 == 0 {
			split.Train = append(split.Train, i)
		} else {
			split.Test = append(split.Test, i)
		}
	}
	p := ntk.Must(data.Prepare(set, split, data.Sphere{}))
	return Runs{
		Nets: []Net{
			{Name: "1HL ReLU", Arch: ntk.Must(ntk.UniformFCN(1, ntk.ReLU{}, math.Sqrt2, 0.1))},
			{Name: "2HL ReLU", Arch: ntk.Must(ntk.UniformFCN(2, ntk.ReLU{}, math.Sqrt2, 0.1)),
				Label: "deep"},
		},
		Data: Problem(p), Width: 1024, Trials: 2, TrialsOf: map[string]int{"2HL ReLU": 1},
		Settings: train.Settings{LearningRate: 0.1, Epochs: 20},
	}
}

func TestRuns(t *testing.T) {
	s, r := opened(t, quick), small(t)
	missing := ntk.Must(Missing(s, r.Tasks()...))
	if len(missing) != 3 || !strings.HasPrefix(missing[1], "1HL-ReLU-trial-2-") ||
		!strings.HasPrefix(missing[2], "deep-trial-1-") {
		t.Errorf("missing %v", missing)
	}
	none := ntk.Must(r.Recorded(s))
	if none.Summary("1HL ReLU") != nil || none.Losses("1HL ReLU", 20)[0] != "–" {
		t.Error("there is a record of nothing")
	}
	got := ntk.Must(r.Train(s))
	if fmt.Sprint(got.Names()) != "[1HL ReLU 2HL ReLU]" || len(got.Traces("1HL ReLU")) != 2 ||
		got.Traces("1HL ReLU")[1].Seed != 2 || got.Trials() != "trials: 1HL ReLU 2, 2HL ReLU 1" {
		t.Errorf("%v", got.Trials())
	}
	// What was trained is what training gives by itself, and the mean is that of the trials.
	alone := ntk.Must(r.Run(r.Nets[0], 1).Train(t.Context()))
	last := alone.Points[len(alone.Points)-1]
	if last != got.Traces("1HL ReLU")[1].Points[len(alone.Points)-1] {
		t.Error("a run alone gives another result")
	}
	mean, std := got.At("1HL ReLU", 20)
	first := got.Traces("1HL ReLU")[0].Points[len(alone.Points)-1]
	if math.Abs(mean.TestLoss-(first.TestLoss+last.TestLoss)/2) > 1e-15 || !(std.TestLoss > 0) {
		t.Errorf("mean %v of %v and %v", mean, first, last)
	}
	if m, _ := got.At("1HL ReLU", 3000); !math.IsNaN(m.TestLoss) {
		t.Errorf("measured at epoch 3000: %v", m)
	}
	// A wide net is near its limit: √(1/1024) is 0.03.
	limits := ntk.Must(r.Limits(s, nil))
	for _, n := range r.Nets {
		m, _ := got.At(n.Name, 20)
		l, _ := limits.At(n.Name, 20)
		if !(math.Abs(m.TrainLoss-l.TrainLoss) < 0.05) || l.TrainLoss > 0.9 {
			t.Errorf("%s: loss %v, limit %v", n.Name, m.TrainLoss, l.TrainLoss)
		}
	}
	if cells := got.Beside(limits, "1HL ReLU", 20); len(cells) != 4 ||
		!strings.Contains(cells[0], "±") || !strings.HasSuffix(cells[0], ")") {
		t.Errorf("%q", cells)
	}
	if err := Curves(got, limits).Err(); err != nil {
		t.Error(err)
	}
	if err := Curves(got, nil).Err(); err != nil {
		t.Error(err)
	}
	if missing := ntk.Must(Missing(s, r.Tasks()...)); len(missing) != 0 {
		t.Errorf("missing %v", missing)
	}
}

func TestCompare(t *testing.T) {
	s, r := opened(t, quick), small(t)
	got := ntk.Must(r.Train(s))
	p := got.Traces("2HL ReLU")[0].Points
	end := p[len(p)-1]
	printed := Published{Source: "nowhere", Epochs: []int{20}, LossTolerance: 0.01,
		AccuracyTolerance: 0.02, Points: map[string][][4]float64{
			"2HL ReLU": {{end.TrainLoss + 0.005, end.TestLoss, end.TrainAccuracy,
				end.TestAccuracy - 0.03}}}}
	c := ntk.Must(got.Compare(printed))
	if len(c.rows) != 1 || len(c.Comparisons) != 4 || math.Abs(c.Loss-0.005) > 1e-12 ||
		math.Abs(c.Accuracy-0.03) > 1e-12 {
		t.Errorf("%+v", c)
	}
	agree := func(i int) bool { return c.Comparisons[i].Agrees() }
	if !agree(0) || !agree(1) || !agree(2) || agree(3) {
		t.Error("what agrees")
	}
	// Another printed net 0.004 away: what both show, of which half is the tolerance.
	printed.Points["1HL"] = [][4]float64{{end.TrainLoss + 0.009, end.TestLoss + 0.009,
		end.TrainAccuracy, end.TestAccuracy}}
	if effect := printed.effect(0, 0); math.Abs(effect-0.004) > 1e-12 {
		t.Errorf("effect %v, want 0.004", effect)
	}
	delete(printed.Points, "1HL")
	printed.Epochs = []int{21}
	if _, err := got.Compare(printed); err == nil || !strings.Contains(err.Error(), "epoch 21") {
		t.Errorf("%v", err)
	}
	printed.Epochs = []int{20, 21}
	if _, err := got.Compare(printed); err == nil {
		t.Error("two epochs, one point")
	}
}

func TestLimitsAreOfGradientDescent(t *testing.T) {
	s, r := opened(t, quick), small(t)
	for _, change := range []func(*train.Settings){
		func(s *train.Settings) { s.Optimizer = train.Momentum{Decay: 0.9} },
		func(s *train.Settings) { s.Batch = 10 },
		func(s *train.Settings) { s.Loss = train.CrossEntropy },
	} {
		at := r
		change(&at.Settings)
		if _, err := at.Limits(s, nil); err == nil {
			t.Errorf("%+v has a limit", at.Settings)
		}
	}
	r.Nets = append(r.Nets, r.Nets[0])
	if _, err := r.Train(s); err == nil || !strings.Contains(err.Error(), "1HL ReLU") {
		t.Errorf("two nets of one name: %v", err)
	}
}

func TestDataset(t *testing.T) {
	t.Setenv("KERNELSMITH_DATA", t.TempDir())
	t.Setenv("KERNELSMITH_CACHE", t.TempDir())
	s := opened(t, quick)
	noted := filepath.Join(t.TempDir(), "loaded")
	t.Setenv(loaded.Variable, noted)
	if set := ntk.Must(s.Dataset("wine-quality-red", data.Wine)); set.Name != "wine" {
		t.Errorf("%s", set.Name)
	}
	if lines, err := os.ReadFile(noted); err != nil ||
		!strings.HasSuffix(string(lines), "\twine-quality-red\n") {
		t.Errorf("the stand-in is noted as %q, %v", lines, err)
	}
	if _, err := s.Dataset("wine-quality-red", nil); err == nil {
		t.Error("a set from nowhere")
	}
	for _, name := range []string{"mnist", "fashion-mnist", "cifar-10"} {
		if set := ntk.Must(s.Dataset(name, data.Digits)); set.Name != "digits" {
			t.Errorf("%s for %s", set.Name, name)
		}
	}
	s.scale = paper
	if _, err := s.Dataset("wine-quality-red", data.Wine); err == nil {
		t.Error("a stand-in at paper scale")
	}
}

// With another factor of the loss and scale of the outputs the limit is still that of wide nets.
func TestLimitsOfOtherSettings(t *testing.T) {
	s := opened(t, "quick")
	r := Runs{
		Nets: []Net{{Name: "1HL erf", Arch: ntk.Must(ntk.UniformFCN(1, ntk.Erf{}, 1.5, 0))}},
		Data: train.Problem{
			XTrain: mat.NewDense(3, 2, []float64{1, 1, 1, -1, -1, 0.5}),
			YTrain: mat.NewDense(3, 1, []float64{1, 0, -1}),
			XTest:  mat.NewDense(1, 2, []float64{0.5, 1}), YTest: mat.NewDense(1, 1, []float64{1}),
		},
		Width: 4096, Trials: 1,
		Settings: train.Settings{LearningRate: 0.1, Epochs: 6, LossFactor: 0.5, OutputScale: 0.7},
	}
	traces, limits := ntk.Must(r.Train(s)), ntk.Must(r.Limits(s, nil))
	have, _ := traces.At("1HL erf", 6)
	want, _ := limits.At("1HL erf", 6)
	plain := ntk.Must(r.Nets[0].Limit(r.Data, 0.1, []int{6}))[0]
	if math.Abs(have.TrainLoss-want.TrainLoss) > 0.03 ||
		math.Abs(plain.TrainLoss-want.TrainLoss) < 0.1 {
		t.Errorf("train loss %.3f at width 4096, limit %.3f, without the factors %.3f",
			have.TrainLoss, want.TrainLoss, plain.TrainLoss)
	}
	for says, change := range map[string]func(*train.Settings){
		"uncentered": func(s *train.Settings) { s.Uncentered = true },
		"NTK parameterization": func(s *train.Settings) {
			s.Parameterization = train.StandardParameterization
		},
		"full-batch": func(s *train.Settings) { s.Batch = 2 },
	} {
		bad := r
		change(&bad.Settings)
		if _, err := bad.Limits(s, nil); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %q", err, says)
		}
	}
}

// A trial whose record is missing leaves the numbers of the others as they are.
func TestMissingTrials(t *testing.T) {
	s := opened(t, "quick")
	r := Runs{
		Nets: []Net{{Name: "1HL erf", Arch: ntk.Must(ntk.UniformFCN(1, ntk.Erf{}, 1, 0))}},
		Data: train.Problem{XTrain: normal(3, 2, 1), YTrain: normal(3, 1, 2),
			XTest: normal(2, 2, 3), YTest: normal(2, 1, 4)},
		Width: 8, Trials: 3, Settings: train.Settings{LearningRate: 0.01, Epochs: 1},
	}
	ntk.Must(r.Train(s))
	first := ntk.Must(filepath.Glob("records/quick/04/1HL-erf-trial-1-*.json"))
	ntk.Must(0, os.Remove(first[0]))
	found := ntk.Must(r.Recorded(s))
	if len(found.Traces("1HL erf")) != 2 || found.trial("1HL erf", 0) != 2 {
		t.Errorf("the first trace is taken for trial %d", found.trial("1HL erf", 0))
	}
	printed := Published{Epochs: []int{1}, Points: map[string][][4]float64{"1HL erf": {{}}}}
	if _, err := found.Compare(printed); err == nil ||
		!strings.Contains(err.Error(), "the first trial of 1HL erf is missing") {
		t.Error(err)
	}
	printed.Points["1HL err"] = nil
	if _, err := found.Compare(printed); err == nil || !strings.Contains(err.Error(), `"1HL err"`) {
		t.Error(err)
	}
}

func TestBadRuns(t *testing.T) {
	s := opened(t, "quick")
	erf := ntk.Must(ntk.UniformFCN(1, ntk.Erf{}, 1, 0))
	p := train.Problem{XTrain: normal(3, 2, 1), YTrain: normal(3, 1, 2), XTest: normal(2, 2, 3),
		YTest: normal(2, 1, 4)}
	good := Runs{Nets: []Net{{Name: "a", Arch: erf}}, Data: p, Width: 4, Trials: 1}
	for says, change := range map[string]func(*Runs){
		"have no nets":         func(r *Runs) { r.Nets = nil },
		`"b", has no archi`:    func(r *Runs) { r.Nets = []Net{{Name: "b"}} },
		`"c", has no archi`:    func(r *Runs) { r.Nets = []Net{{Name: "c", Arch: &ntk.FCN{}}} },
		"TrialsOf has -1":      func(r *Runs) { r.TrialsOf = map[string]int{"a": -1} },
		"have no YTest":        func(r *Runs) { r.Data.YTest = nil },
		"XTrain is 0×0":        func(r *Runs) { r.Data.XTrain = &mat.Dense{} },
		"do not go together":   func(r *Runs) { r.Data.YTrain = normal(4, 1, 2) },
		"neither can be below": func(r *Runs) { r.Trials = -1 },
	} {
		bad := good
		change(&bad)
		for _, err := range []error{second(bad.Train(s)), second(bad.Recorded(s)),
			second(bad.Limits(s, nil)), bad.ShowSizes("a", ""),
			second(bad.Moved(s, 1, []int{1})), second(bad.Costs(s, "a", 1, nil, []int{2}))} {
			if err == nil || !strings.Contains(err.Error(), says) {
				t.Errorf("%v, want %q", err, says)
			}
		}
	}
	for says, err := range map[string]error{
		"the target":      second(good.KernelError(s, good.Nets[0], nil)),
		"0 points":        second(good.Moved(s, 0, []int{1})),
		"0 epochs":        second(good.Costs(s, "a", 0, nil, []int{2})),
		"costs at 0 rows": second(good.Costs(s, "a", 1, nil, []int{0})),
		"no architecture": second(Net{}.Limit(p, 0.1, []int{1})),
	} {
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %q", err, says)
		}
	}
	if _, err := Make(s, "", "", Task[int]{Label: "t"}); err == nil ||
		!strings.Contains(err.Error(), `"t" has no Run`) {
		t.Error(err)
	}
	// Tables of what was not measured, and without limits, are no crash.
	traces := ntk.Must(Runs{Nets: good.Nets, Data: p, Width: 4, Trials: 1,
		Settings: train.Settings{LearningRate: 0.01, Epochs: 1}}.Train(s))
	if err := traces.ShowBeside(nil, []int{7}, ""); err == nil ||
		!strings.Contains(err.Error(), "a was not measured at epoch 7, but at [0 1]") {
		t.Error(err)
	}
	if row := traces.Beside(nil, "a", 1); !strings.HasSuffix(row[0], "(–)") {
		t.Error(row)
	}
}

func second[T any](_ T, err error) error { return err }
