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
	. "github.com/kernelsmith/kernelsmith/ntk/train"
)

// squares is a net of another kind, with all that one needs: f_j = Σ_k V_jk x_k²/√d.
type squares struct {
	Inputs, Outputs int
	Seed            uint64
}

func (s squares) New() (Net, error) {
	if s.Inputs < 1 || s.Outputs < 1 {
		return nil, errors.New("squares: no size")
	}
	n := &squaresNet{squares: s, v: make([]float32, s.Inputs*s.Outputs)}
	r := rand.New(rand.NewPCG(s.Seed, 1))
	for i := range n.v {
		n.v[i] = float32(r.NormFloat64())
	}
	return n, nil
}

func (s squares) Describe() Description {
	return Description{
		Net: "squares", Architecture: "squares", Config: s, Inputs: s.Inputs, Width: s.Inputs,
		Outputs: s.Outputs, Params: s.Inputs * s.Outputs, Seed: s.Seed,
	}
}

type squaresNet struct {
	squares
	v     []float32
	model Model // where it is not squares
}

func (n *squaresNet) Model() Model {
	if n.model != nil {
		return n.model
	}
	return n.squares
}

func (n *squaresNet) scale() float32 { return float32(1 / math.Sqrt(float64(n.Inputs))) }

func (n *squaresNet) Parameters() []Parameter {
	return []Parameter{{Name: "the weights", Values: n.v, Scale: n.scale()}}
}

func (n *squaresNet) NewPass(points int, serial bool) Pass {
	return &squaresPass{
		net: n, x: make([]float32, points*n.Inputs), f: make([]float32, points*n.Outputs),
	}
}

type squaresPass struct {
	net            *squaresNet
	n              int
	x, f, residual []float32
}

func (p *squaresPass) Inputs(points int) []float32 {
	p.n = points
	return p.x[:points*p.net.Inputs]
}

func (p *squaresPass) Outputs() []float32 { return p.f[:p.n*p.net.Outputs] }

func (p *squaresPass) Forward(ctx context.Context) error {
	d, o := p.net.Inputs, p.net.Outputs
	clear(p.f)
	for i := range p.n * o {
		for k, x := range p.x[i/o*d : (i/o+1)*d] {
			p.f[i] += p.net.scale() * p.net.v[i%o*d+k] * x * x
		}
	}
	return ctx.Err()
}

func (p *squaresPass) Backward(ctx context.Context, residual []float32) error {
	p.residual = residual
	return ctx.Err()
}

func (p *squaresPass) Gradient(_ int, alpha, beta float32, into []float32) {
	d, o := p.net.Inputs, p.net.Outputs
	for jk := range into {
		var g float32
		for i := range p.n {
			x := p.x[i*d+jk%d]
			g += p.residual[i*o+jk/d] * x * x
		}
		if beta == 0 {
			into[jk] = 0
		}
		into[jk] = beta*into[jk] + alpha*g
	}
}

func squaresRun(seed uint64, s Settings) Run {
	return Run{squares{3, 2, seed}, smallProblem(), s}
}

// A net of another kind is trained like any: gradient descent on a loss that is quadratic
// in V against the formula, and all settings of training.
func TestNetOfAnotherKind(t *testing.T) {
	const rate, epochs = 0.05, 4
	run := squaresRun(3, Settings{LearningRate: rate, Epochs: epochs, Snapshots: []int{0, epochs}})
	net := ntk.Must(run.Model.New())
	v := slices.Clone(net.Parameters()[0].Values)
	trace := ntk.Must(Train(t.Context(), net, run.Problem, run.Settings))
	x, y := run.Problem.XTrain, run.Problem.YTrain
	moved := make([]float64, len(v))
	for range epochs {
		gradient := make([]float64, len(v))
		for i := range 20 {
			for j := range 2 {
				f := 0. // of what moved, which is f - f₀
				for k := range 3 {
					f += moved[3*j+k] * x.At(i, k) * x.At(i, k) / math.Sqrt(3)
				}
				for k := range 3 {
					xx := x.At(i, k) * x.At(i, k)
					gradient[3*j+k] += 2 * (f - y.At(i, j)) * xx / math.Sqrt(3) / 20
				}
			}
		}
		for i, g := range gradient {
			moved[i] -= rate * g
		}
	}
	for i, got := range net.Parameters()[0].Values {
		if want := float64(v[i]) + moved[i]; math.Abs(float64(got)-want) > 1e-6*(1+math.Abs(want)) {
			t.Errorf("parameter %d is %v, want %v", i, got, want) // float32
		}
	}
	if trace.Net != "squares" || trace.Params != 6 ||
		!(trace.Points[1].TrainLoss < trace.Points[0].TrainLoss) {
		t.Errorf("%+v", trace)
	}
	if _, err := StableRate(t.Context(), net, run.Problem, run.Settings); err == nil ||
		!strings.Contains(err.Error(), "derivatives along a direction") {
		t.Errorf("no limit of the rate is known, and %v", err)
	}
	for _, s := range []Settings{
		{Optimizer: Momentum{0.5}}, {Optimizer: Adam{}, Batch: 7},
		{Parameterization: StandardParameterization, StopBelow: 0.5},
	} {
		s.LearningRate, s.Epochs = 0.01, 12
		plain := squaresRun(3, s)
		want := ntk.Must(plain.Train(t.Context()))
		plain.Settings.Checkpoints, plain.Settings.CheckpointEvery = folder(t), time.Nanosecond
		interruptAt(t, plain, 2)
		if d := cmp.Diff(want.Points, ntk.Must(plain.Train(t.Context())).Points); d != "" {
			t.Errorf("%+v: interrupted, other points\n%s", s, d)
		}
	}
	bad := squaresRun(1, Settings{LearningRate: 1, Epochs: 1})
	bad.Model = squares{}
	if _, err := bad.Train(t.Context()); err == nil || !strings.Contains(err.Error(), "no size") {
		t.Errorf("a model that makes no net: %v", err)
	}
}

// elsewhere are squares that take their steps themselves.
type elsewhere struct {
	squares
	calls *[]string // of Advance: trials and steps
}

func (e elsewhere) New() (Net, error) {
	n, err := e.squares.New()
	if err == nil {
		n.(*squaresNet).model = e
	}
	return n, err
}

func (e elsewhere) NewSteps(trials []*Trial) (Steps, error) {
	s := &elsewhereSteps{elsewhere: e, trials: trials}
	for _, t := range trials {
		s.v = append(s.v, slices.Clone(t.Net.Parameters()[0].Values))
	}
	return s, nil
}

// elsewhereSteps has parameters of its own, as a device has.
type elsewhereSteps struct {
	elsewhere
	trials []*Trial
	v      [][]float32
}

func (s *elsewhereSteps) pass(i int, test bool, points []int) *squaresPass {
	x, n := s.trials[i].X, &squaresNet{squares: s.squares, v: s.v[i]}
	if test {
		x = s.trials[i].XTest
	}
	if points != nil {
		var part []float32
		for _, p := range points {
			part = append(part, x[3*p:3*p+3]...)
		}
		x = part
	}
	p := n.NewPass(len(x)/3, true).(*squaresPass)
	copy(p.Inputs(len(x)/3), x)
	return p
}

func (s *elsewhereSteps) Outputs(ctx context.Context, i int, test bool) ([]float32, error) {
	p := s.pass(i, test, nil)
	return p.Outputs(), p.Forward(ctx)
}

func (s *elsewhereSteps) Advance(ctx context.Context, k int) error {
	*s.calls = append(*s.calls, fmt.Sprint(len(s.trials), " ", k))
	for i, t := range s.trials {
		t.Losses = t.Losses[:0]
		epoch, step, _ := t.Position()
		for range k {
			points := t.Batch(epoch, step)
			if step++; points == nil || step == (20+t.Settings.Batch-1)/t.Settings.Batch {
				epoch, step = epoch+1, 0
			}
			if points == nil {
				points = all20
			}
			p := s.pass(i, false, points)
			if err := p.Forward(ctx); err != nil {
				return err
			}
			var loss float64
			residual := make([]float32, 2*len(points))
			for r, point := range points {
				for j := range 2 {
					d := p.f[2*r+j] - t.Start[2*point+j] - float32(t.Y.At(point, j))
					loss += float64(d) * float64(d) / float64(len(points))
					residual[2*r+j] = 2 * d / float32(len(points))
				}
			}
			if t.Losses = append(t.Losses, loss); math.IsNaN(loss) || math.IsInf(loss, 0) {
				break
			}
			p.residual = residual
			p.Gradient(0, -float32(t.Settings.LearningRate)*p.net.scale(), 1, s.v[i])
		}
	}
	return nil
}

func (s *elsewhereSteps) Sync(i int) error {
	copy(s.trials[i].Net.Parameters()[0].Values, s.v[i])
	return nil
}

var all20 = []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19}

// What takes steps itself is given all trials at once, several steps a time, and measured,
// stopped, interrupted and resumed as nets are whose steps are taken here.
func TestStepsTakenElsewhere(t *testing.T) {
	var calls []string
	runs := func(model func(squares) Model, dir string) (out []Run) {
		for i, s := range []Settings{
			{Snapshots: []int{0, 50, 99}}, {StopBelow: 1.77}, {Batch: 7},
			{Plateau: 1, StopEvery: 2},
		} {
			s.LearningRate, s.Epochs, s.Checkpoints = 0.01, 100, dir
			run := squaresRun(uint64(i), s)
			run.Model = model(run.Model.(squares))
			out = append(out, run)
		}
		return out
	}
	here := func(s squares) Model { return s }
	there := func(s squares) Model { return elsewhere{s, &calls} }
	want := ntk.Must(Trials(t.Context(), runs(here, "")))
	same := func(what string, got []*Trace) {
		t.Helper()
		for i := range want {
			nearTo(t, fmt.Sprintf("%s, run %d", what, i), 1e-5, got[i].Points, want[i].Points)
			if got[i].Stopped != want[i].Stopped || got[i].Notes != nil {
				t.Errorf("%s, run %d: stopped %q, notes %q", what, i, got[i].Stopped, got[i].Notes)
			}
		}
	}
	same("together", ntk.Must(Trials(t.Context(), runs(there, ""))))
	if want[1].Stopped == "" || want[3].Stopped == "" || want[1].Stopped == want[3].Stopped {
		t.Errorf("stopped %q and %q: nothing was tested", want[1].Stopped, want[3].Stopped)
	}
	if len(calls) > 200 || !slices.Contains(calls, "4 1") {
		t.Errorf("%d calls: %q", len(calls), calls)
	}
	if calls = nil; !slices.ContainsFunc(run1(t, runs(there, "")[0], &calls), func(c string) bool {
		return len(c) > len("1 1")
	}) {
		t.Errorf("no call of many steps: %q", calls)
	}
	dir := folder(t)
	interrupted := runs(there, dir)
	ctx, cancel := context.WithCancel(t.Context())
	interrupted[2].Settings.Progress = func(p Progress) {
		if p.Epoch >= 4 {
			cancel()
		}
	}
	var stopped *InterruptedError
	if _, err := Trials(ctx, interrupted); !errors.As(err, &stopped) || stopped.Epoch == 0 {
		t.Errorf("interrupted: %v", err)
	}
	resumed := runs(there, dir)
	at := 0
	resumed[2].Settings.Progress = func(p Progress) { at = p.Resumed }
	same("resumed", ntk.Must(Trials(t.Context(), resumed)))
	if at == 0 {
		t.Error("not resumed")
	}
	// One that diverges ends the others; the net keeps the last good parameters.
	wild := runs(there, "")
	wild[1].Settings = Settings{LearningRate: 1e6, Epochs: 1000}
	var diverged *DivergedError
	if _, err := Trials(t.Context(), wild); !errors.As(err, &diverged) || diverged.Epoch == 0 ||
		!strings.Contains(err.Error(), "run 1: ") {
		t.Errorf("diverged: %v", err)
	}
	net := ntk.Must(wild[1].Model.New())
	if _, err := Train(t.Context(), net, wild[1].Problem, wild[1].Settings); !errors.As(
		err, &diverged) || math.IsNaN(float64(net.Parameters()[0].Values[0])) {
		t.Errorf("diverged: %v, and the net has %v", err, net.Parameters()[0].Values)
	}
	wild[1].Model = elsewhere{squares{}, &calls}
	if _, err := Trials(t.Context(), wild); err == nil ||
		!strings.Contains(err.Error(), "run 1: squares") {
		t.Errorf("a model that makes no net: %v", err)
	}
}

func run1(t *testing.T, run Run, calls *[]string) []string {
	t.Helper()
	ntk.Must(run.Train(t.Context()))
	return *calls
}
