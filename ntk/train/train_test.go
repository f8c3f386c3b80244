package train_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/fcn"
	. "github.com/kernelsmith/kernelsmith/ntk/train"
	"gonum.org/v1/gonum/mat"
)

// square is an activation without a float32 form or a dual.
type square struct{}

func (square) Value(z float64) float64      { return z * z / 2 }
func (square) Derivative(z float64) float64 { return z }
func (square) String() string               { return "z²/2" }

var nets = map[string]*ntk.FCN{
	"1HL ReLU":  ntk.Must(ntk.UniformFCN(1, ntk.ReLU{}, math.Sqrt2, 0.1)),
	"4HL ReLU":  ntk.Must(ntk.UniformFCN(4, ntk.ReLU{}, math.Sqrt2, 0.1)),
	"1HL mimic": ntk.Must(ntk.UniformFCN(1, ntk.PublishedMimic(), 1, 0)),
	"2HL erf":   ntk.Must(ntk.UniformFCN(2, ntk.Erf{}, 1.5, 0.3)),
	"mixed": ntk.Must(ntk.NewFCN([]ntk.Layer{
		{Activation: ntk.Sin{Amplitude: 1, Frequency: 2, Phase: 0.3}, WeightStd: 1, BiasStd: 0.5},
		{Activation: square{}, WeightStd: 0.7},
		{Activation: ntk.Cos{Amplitude: 1, Frequency: 1.5}, WeightStd: 1.2, BiasStd: 0.1},
	}, ntk.Readout{WeightStd: 0.8, BiasStd: 0.4})),
}

func normals(seed uint64, rows, cols int) *mat.Dense {
	r := rand.New(rand.NewPCG(seed, 99))
	m := mat.NewDense(rows, cols, nil)
	for i := range rows {
		for j := range cols {
			m.Set(i, j, r.NormFloat64())
		}
	}
	return m
}

func model(arch *ntk.FCN, inputs, width, outputs int, seed uint64) fcn.Model {
	return fcn.Model{
		Arch:   arch,
		Config: fcn.Config{Inputs: inputs, Width: width, Outputs: outputs, Seed: seed},
	}
}

func newNet(arch *ntk.FCN, inputs, width, outputs int, seed uint64) *fcn.Net {
	m := model(arch, inputs, width, outputs, seed)
	return ntk.Must(fcn.New(m.Arch, m.Config))
}

func setArch(r *Run, arch *ntk.FCN) {
	m := r.Model.(fcn.Model)
	m.Arch = arch
	r.Model = m
}

func setSize(r *Run, width int, seed uint64) {
	m := r.Model.(fcn.Model)
	m.Config.Width, m.Config.Seed = width, seed
	r.Model = m
}

func smallProblem() Problem {
	return Problem{normals(1, 20, 3), normals(2, 20, 2), normals(3, 10, 3), normals(4, 10, 2)}
}

func TestTraining(t *testing.T) {
	net := newNet(nets["1HL mimic"], 3, 64, 2, 1)
	p := smallProblem()
	seen := 0
	trace, err := Train(context.Background(), net, p, Settings{
		LearningRate: 0.05, Epochs: 30, Snapshots: []int{30, 0, 7, 7},
		Progress: func(q Progress) {
			if seen++; q.Epoch != seen || q.Epochs != 30 || !(q.TrainLoss > 0) {
				t.Errorf("progress %+v at call %d", q, seen)
			}
		},
	})
	if err != nil || seen != 30 {
		t.Fatalf("%d calls of Progress, %v", seen, err)
	}
	var epochs []int
	for _, q := range trace.Points {
		epochs = append(epochs, q.Epoch)
	}
	if !slices.Equal(epochs, []int{0, 7, 30}) {
		t.Errorf("snapshots at %v", epochs)
	}
	// A centred net starts at 0.
	first, last := trace.Points[0], trace.Points[2]
	zero := mat.NewDense(20, 2, nil)
	if want := ntk.Must(ntk.MSE(zero, p.YTrain)); math.Abs(first.TrainLoss-want) > 1e-14 {
		t.Errorf("loss %v at the start, want %v", first.TrainLoss, want)
	}
	if !(last.TrainLoss < 0.7*first.TrainLoss) {
		t.Errorf("training loss %v → %v", first.TrainLoss, last.TrainLoss)
	}
	if trace.Net != nets["1HL mimic"].String() || trace.Width != 64 || trace.Params != 3*64+64*2 ||
		!trace.Centered ||
		trace.Arithmetic == "" ||
		trace.Seconds <= 0 {
		t.Errorf("trace %+v", trace)
	}
}

func TestInterruptAndDivergence(t *testing.T) {
	fresh := func() *fcn.Net {
		return newNet(nets["1HL mimic"], 3, 16, 2, 1)
	}
	ctx, cancel := context.WithCancel(context.Background())
	trace, err := Train(ctx, fresh(), smallProblem(),
		Settings{LearningRate: 0.01, Epochs: 100, Snapshots: []int{0, 1, 2, 3, 4, 5},
			Progress: func(p Progress) {
				if p.Epoch == 3 {
					cancel()
				}
			}})
	var interrupted *InterruptedError
	if !errors.As(err, &interrupted) || interrupted.Epoch != 3 ||
		!errors.Is(err, context.Canceled) ||
		len(trace.Points) != 3 {
		t.Errorf("interrupted: %v, %d points", err, len(trace.Points))
	}
	_, err = Train(context.Background(), fresh(), smallProblem(),
		Settings{LearningRate: 1e4, Epochs: 1000})
	var diverged *DivergedError
	if !errors.As(err, &diverged) || diverged.Epoch == 0 || diverged.Points != "training" ||
		!strings.Contains(err.Error(), "10000") {
		t.Errorf("diverged: %v", err)
	}
	// A polynomial far out on one test row alone, and on a training row from the start.
	quartic := newNet(ntk.Must(ntk.UniformFCN(4, square{}, 1, 0)), 3, 8, 2, 0)
	p := smallProblem()
	p.XTest = mat.DenseCopyOf(p.XTest)
	p.XTest.Set(4, 1, 1e6)
	_, err = Train(context.Background(), quartic, p, Settings{LearningRate: 1e-6, Epochs: 2})
	if !errors.As(err, &diverged) || diverged.Points != "test" || diverged.Epoch != 0 ||
		!strings.Contains(err.Error(), "too large for the activation") {
		t.Errorf("far test row: %v", err)
	}
	p.XTrain, p.YTrain = p.XTest, p.YTest
	_, err = Train(context.Background(), quartic, p, Settings{LearningRate: 1e-6, Epochs: 2})
	if !errors.As(err, &diverged) || diverged.Points != "training" || diverged.Epoch != 0 {
		t.Errorf("far training row: %v", err)
	}
	// Every rate gives finite weights or an error, whatever sign its NaN has.
	for rate := 1.0; rate < 1e30; rate *= 30 {
		net := newNet(nets["4HL ReLU"], 3, 4, 2, 28)
		if _, err := Train(context.Background(), net, smallProblem(),
			Settings{LearningRate: rate, Epochs: 30}); err != nil {
			continue
		}
		for _, p := range net.Parameters() {
			for _, w := range p.Values {
				if math.IsNaN(float64(w)) {
					t.Fatalf("learning rate %g: NaN among the weights and no error", rate)
				}
			}
		}
	}
}

func TestLogSnapshots(t *testing.T) {
	for _, epochs := range []int{1, 2, 10, 1025, math.MaxInt64} {
		s := LogSnapshots(epochs, 0)
		if s[0] != 0 || s[len(s)-1] != epochs || !slices.IsSorted(s) ||
			len(slices.Compact(slices.Clone(s))) != len(s) {
			t.Errorf("%d epochs: %v", epochs, s)
		}
	}
	if s := LogSnapshots(1025, 170); !slices.Contains(s, 170) || !slices.Contains(s, 100) {
		t.Errorf("%v", s)
	}
}

func TestSummarize(t *testing.T) {
	a := &Trace{Points: []Point{{0, 1, 2, 0, 0.5}, {5, 3, 4, 1, 0.5}}}
	b := &Trace{Points: []Point{{0, 2, 2, 0, 0.5}, {5, 5, 4, 1, 0.7}}}
	s := ntk.Must(Summarize([]*Trace{a, b}))
	want := &Summary{
		Epochs:        []float64{0, 5},
		TrainLoss:     Series{[]float64{1.5, 4}, []float64{math.Sqrt(0.5), math.Sqrt2}},
		TestLoss:      Series{[]float64{2, 4}, []float64{0, 0}},
		TrainAccuracy: Series{[]float64{0, 1}, []float64{0, 0}},
		TestAccuracy:  Series{[]float64{0.5, 0.6}, []float64{0, math.Sqrt(0.02)}},
	}
	if d := cmp.Diff(
		want, s, cmp.Comparer(func(a, b float64) bool { return math.Abs(a-b) < 1e-15 }),
	); d != "" {
		t.Error(d)
	}
	if one := ntk.Must(Summarize([]*Trace{a})); one.TrainLoss.Std[1] != 0 ||
		one.TrainLoss.Mean[1] != 3 {
		t.Errorf("one trial: %+v", one)
	}
	if _, err := Summarize(nil); err == nil {
		t.Error("no traces must be an error")
	}
	if _, err := Summarize([]*Trace{a, {Points: []Point{{Epoch: 0}, {Epoch: 6}}}}); err == nil ||
		!strings.Contains(err.Error(), "trace 1") {
		t.Errorf("other epochs: %v", err)
	}
}

// Whatever determines a result changes the identity, and nothing else does.
func TestIdentity(t *testing.T) {
	base := func() Run {
		return Run{
			model(nets["1HL mimic"], 3, 16, 2, 1),
			smallProblem(),
			Settings{LearningRate: 0.1, Epochs: 20},
		}
	}
	same := base()
	same.Settings.Progress = func(Progress) {}
	same.Settings.Snapshots = append(LogSnapshots(20), 3, 0)
	same.Settings.StopEvery = 7 // nothing without StopBelow
	same.Settings.LossFactor, same.Settings.OutputScale, same.Settings.Batch = 1, 1, 20
	same.Settings.CheckRate, same.Settings.Checkpoints, same.Settings.CheckpointEvery = true, "x", 1
	if d := cmp.Diff(base().Identity(), same.Identity()); d != "" {
		t.Errorf("the same run has another identity:\n%s", d)
	}
	seen := map[string]string{fmt.Sprintf("%+v", base().Identity()): "the first"}
	for name, change := range map[string]func(r *Run){
		"activation": func(r *Run) {
			phi := ntk.PublishedMimic()
			phi.G += 1e-12
			setArch(r, ntk.Must(ntk.UniformFCN(1, phi, 1, 0)))
		},
		"σ_b": func(r *Run) {
			setArch(r, ntk.Must(ntk.UniformFCN(1, ntk.PublishedMimic(), 1, 1e-9)))
		},
		"depth": func(r *Run) {
			setArch(r, ntk.Must(ntk.UniformFCN(2, ntk.PublishedMimic(), 1, 0)))
		},
		"seed":       func(r *Run) { setSize(r, 16, 2) },
		"width":      func(r *Run) { setSize(r, 17, 1) },
		"data":       func(r *Run) { r.Problem.XTest = normals(8, 10, 3) },
		"targets":    func(r *Run) { r.Problem.YTrain = normals(8, 20, 2) },
		"rate":       func(r *Run) { r.Settings.LearningRate = 0.2 },
		"epochs":     func(r *Run) { r.Settings.Epochs = 21 },
		"snapshots":  func(r *Run) { r.Settings.Snapshots = []int{1} },
		"centring":   func(r *Run) { r.Settings.Uncentered = true },
		"stop":       func(r *Run) { r.Settings.StopBelow = 0.1 },
		"plateau":    func(r *Run) { r.Settings.Plateau = 3 },
		"time":       func(r *Run) { r.Settings.StopAfter = time.Hour },
		"every":      func(r *Run) { r.Settings.Plateau, r.Settings.StopEvery = 3, 2 },
		"loss":       func(r *Run) { r.Settings.Loss = CrossEntropy },
		"factor":     func(r *Run) { r.Settings.LossFactor = 0.5 },
		"scale":      func(r *Run) { r.Settings.OutputScale = 2 },
		"standard":   func(r *Run) { r.Settings.Parameterization = StandardParameterization },
		"momentum":   func(r *Run) { r.Settings.Optimizer = Momentum{0.9} },
		"momentum 2": func(r *Run) { r.Settings.Optimizer = Momentum{0.91} },
		"Adam":       func(r *Run) { r.Settings.Optimizer = Adam{} },
		"Adam 2":     func(r *Run) { r.Settings.Optimizer = Adam{Epsilon: 1e-7} },
		"batch":      func(r *Run) { r.Settings.Batch = 19 },
	} {
		r := base()
		change(&r)
		id := fmt.Sprintf("%+v", r.Identity())
		if other, taken := seen[id]; taken {
			t.Errorf("%s: another run has the identity of %s", name, other)
		}
		seen[id] = name
	}
}

func TestBadInput(t *testing.T) {
	net := newNet(nets["1HL mimic"], 3, 4, 2, 0)
	bad := func(change func(p *Problem, s *Settings)) error {
		p, s := smallProblem(), Settings{LearningRate: 0.1, Epochs: 2}
		change(&p, &s)
		_, err := Train(context.Background(), net, p, s)
		return err
	}
	with := func(rows, cols int, v float64) *mat.Dense {
		m := mat.NewDense(rows, cols, nil)
		m.Set(rows-1, cols-1, v)
		return m
	}
	for _, c := range []struct {
		says string
		err  error
	}{
		{"no net", second(Train(context.Background(), nil, smallProblem(), Settings{}))},
		{"without a model", second(Run{}.Train(context.Background()))},
		{"LearningRate is 0", bad(func(p *Problem, s *Settings) { s.LearningRate = 0 })},
		{"LearningRate is NaN", bad(func(p *Problem,
			s *Settings) {
			s.LearningRate = math.NaN()
		})},
		{"Epochs is 0", bad(func(p *Problem, s *Settings) { s.Epochs = 0 })},
		{"StopBelow is -1", bad(func(p *Problem, s *Settings) { s.StopBelow = -1 })},
		{"StopBelow is NaN", bad(func(p *Problem, s *Settings) { s.StopBelow = math.NaN() })},
		{"StopEvery is -2", bad(func(p *Problem, s *Settings) { s.StopEvery = -2 })},
		{"snapshot at epoch 3", bad(func(p *Problem, s *Settings) { s.Snapshots = []int{3} })},
		{"YTrain has 19 rows for 20", bad(func(p *Problem,
			s *Settings) {
			p.YTrain = normals(1, 19, 2)
		})},
		{"YTest has 3 columns", bad(func(p *Problem,
			s *Settings) {
			p.YTest = normals(1, 10, 3)
		})},
		{"XTest is +Inf in row 9", bad(func(p *Problem,
			s *Settings) {
			p.XTest = with(10, 3, math.Inf(1))
		})},
		{"YTrain is NaN", bad(func(p *Problem,
			s *Settings) {
			p.YTrain = with(20, 2, math.NaN())
		})},
		{"XTrain is empty", bad(func(p *Problem, s *Settings) { p.XTrain = nil })},
		{"XTest is empty", bad(func(p *Problem, s *Settings) {
			p.XTest = p.XTest.Slice(0, 0, 0, 3).(*mat.Dense)
			p.YTest = p.YTest.Slice(0, 0, 0, 2).(*mat.Dense)
		})},
		{"YTrain is empty", bad(func(p *Problem, s *Settings) {
			p.YTrain = p.YTrain.Slice(0, 20, 1, 1).(*mat.Dense)
		})},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.says) {
			t.Errorf("error %v, must say %q", c.err, c.says)
		}
	}
}

func second[T any](_ T, err error) error { return err }
