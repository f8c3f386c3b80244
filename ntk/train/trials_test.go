package train_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/internal/accel"
	. "github.com/kernelsmith/kernelsmith/ntk/train"
	"gonum.org/v1/gonum/mat"
)

// Trials are the runs one by one, side by side or not.
func TestTrials(t *testing.T) {
	var runs []Run
	var want []*Trace
	for seed := range uint64(5) {
		run := Run{
			model(nets["mixed"], 3, 150, 2, seed),
			smallProblem(),
			Settings{LearningRate: 1e-3, Epochs: 3, Batch: int(seed) * 3},
		}
		runs, want = append(runs, run), append(want, ntk.Must(run.Train(context.Background())))
	}
	for _, processors := range []int{1, 4} {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(processors))
		if side := processors > 1; SideBySide(runs) != side {
			t.Errorf("%d processors: side by side %v", processors, !side)
		}
		got := ntk.Must(Trials(context.Background(), runs))
		for i := range runs {
			near(t, fmt.Sprintf("%d processors, run %d", processors, i), got[i].Points,
				want[i].Points)
			if accel.Current().Portable() && result(got[i]) != result(want[i]) {
				t.Errorf("%d processors, run %d: other bytes", processors, i)
			}
		}
	}
	if got, err := Trials(context.Background(), nil); err != nil || len(got) != 0 {
		t.Errorf("no runs: %v, %v", got, err)
	}
	for _, c := range []struct {
		net                  string
		points, width, batch int
		want                 bool
	}{
		{"1HL ReLU", 1024, 128, 0, true}, {"4HL ReLU", 1024, 256, 0, true},
		{"4HL ReLU", 1024, 512, 0, false}, {"4HL ReLU", 1024, 512, 32, true},
		{"4HL ReLU", 32, 32, 0, true}, {"1HL ReLU", 1024, 4096, 0, true},
		{"1HL ReLU", 6400, 4096, 0, false}, {"4HL ReLU", 64, 4096, 0, false},
	} {
		r := Run{
			model(nets[c.net], 11, c.width, 6, 1),
			Problem{XTrain: mat.NewDense(c.points, 11, nil)},
			Settings{Batch: c.batch},
		}
		if got := SideBySide([]Run{r, r}); got != c.want {
			t.Errorf("%+v: side by side %v", c, got)
		}
	}
}

func TestTrialsThatFail(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	run := func(seed uint64) Run {
		return Run{
			model(nets["1HL mimic"], 3, 16, 2, seed),
			smallProblem(),
			Settings{LearningRate: 0.05, Epochs: 1e9, Snapshots: []int{0}},
		}
	}
	runs := []Run{run(0), run(1), run(2)}
	runs[1].Settings.LearningRate = 1e9
	traces, err := Trials(context.Background(), runs)
	var diverged *DivergedError
	if !errors.As(err, &diverged) || !strings.Contains(err.Error(), "run 1") || len(traces) != 3 ||
		traces[0] != nil && len(traces[0].Points) > 1 {
		t.Errorf("%v, %v", traces, err)
	}
	setSize(&runs[1], 0, 1)
	if _, err := Trials(context.Background(), runs); err == nil ||
		!strings.Contains(err.Error(), "run 1: fcn: Width is 0") {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	runs[1] = run(1)
	runs[2].Settings.Progress = func(Progress) { cancel() }
	var interrupted *InterruptedError
	if _, err := Trials(ctx, runs); !errors.As(err, &interrupted) ||
		!errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
}

// BenchmarkTrials are steps of two trials, side by side and one after the other,
// to set sideBySide by.
func BenchmarkTrials(b *testing.B) {
	for _, c := range []struct {
		net           string
		points, width int
	}{{"4HL ReLU", 32, 32}, {"1HL ReLU", 1024, 128}, {"4HL ReLU", 1024, 128},
		{"4HL ReLU", 128, 512}, {"4HL ReLU", 1024, 512}} {
		x, y := normals(1, c.points, 11), normals(2, c.points, 1)
		for _, side := range []bool{false, true} {
			b.Run(
				fmt.Sprintf("%s/%d/%d/%v", strings.ReplaceAll(c.net, " ", "-"), c.points, c.width,
					side),
				func(b *testing.B) {
					var trials [2]*Stepping
					for i := range trials {
						net := newNet(nets[c.net], 11, c.width, 1, uint64(i))
						trials[i] = ntk.Must(NewSteps(net, Problem{x, y, x, y},
							Settings{LearningRate: 1e-3, Epochs: 1}, side))
					}
					step := func(s *Stepping) {
						if err := s.Advance(context.Background(), 1); err != nil {
							b.Error(err)
						}
					}
					for b.Loop() {
						if !side {
							step(trials[0])
							step(trials[1])
							continue
						}
						var group sync.WaitGroup
						group.Go(func() { step(trials[0]) })
						step(trials[1])
						group.Wait()
					}
				},
			)
		}
	}
}
