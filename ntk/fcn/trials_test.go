package fcn

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/internal/accel"
)

// Trials are the runs one by one, side by side or not.
func TestTrials(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	for _, c := range []struct {
		width int
		side  bool
	}{{16, true}, {2000, false}} {
		var runs []Run
		var want []*Trace
		for seed := range uint64(5) {
			run := Run{nets["1HL mimic"], Config{3, c.width, 2, seed}, smallProblem(), Settings{LearningRate: 0.05, Epochs: 6, Batch: int(seed) * 3}}
			runs, want = append(runs, run), append(want, ntk.Must(run.Train(context.Background())))
		}
		if sideBySide(runs) != c.side {
			t.Errorf("width %d: side by side %v", c.width, !c.side)
		}
		got := ntk.Must(Trials(context.Background(), runs))
		for i := range runs {
			near(t, fmt.Sprintf("width %d, run %d", c.width, i), got[i].Points, want[i].Points)
			if accel.Current().Portable() && result(got[i]) != result(want[i]) {
				t.Errorf("width %d, run %d: other bytes", c.width, i)
			}
		}
	}
	if got, err := Trials(context.Background(), nil); err != nil || len(got) != 0 {
		t.Errorf("no runs: %v, %v", got, err)
	}
}

func TestTrialsThatFail(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	run := func(seed uint64) Run {
		return Run{nets["1HL mimic"], Config{3, 16, 2, seed}, smallProblem(), Settings{LearningRate: 0.05, Epochs: 1e9, Snapshots: []int{0}}}
	}
	runs := []Run{run(0), run(1), run(2)}
	runs[1].Settings.LearningRate = 1e9
	traces, err := Trials(context.Background(), runs)
	var diverged *DivergedError
	if !errors.As(err, &diverged) || !strings.Contains(err.Error(), "run 1") || len(traces) != 3 || traces[0] != nil && len(traces[0].Points) > 1 {
		t.Errorf("%v, %v", traces, err)
	}
	runs[1].Config.Width = 0
	if _, err := Trials(context.Background(), runs); err == nil || !strings.Contains(err.Error(), "run 1: fcn: Width is 0") {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	runs[1] = run(1)
	runs[2].Settings.Progress = func(Progress) { cancel() }
	var interrupted *InterruptedError
	if _, err := Trials(ctx, runs); !errors.As(err, &interrupted) || !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
}

// BenchmarkTrials are two trials side by side and one after the other, to set
// sideBySide by.
func BenchmarkTrials(b *testing.B) {
	for _, c := range []struct {
		net           string
		points, width int
	}{{"1HL ReLU", 1024, 128}, {"1HL mimic", 1024, 128}, {"4HL ReLU", 1024, 128}, {"4HL ReLU", 1024, 512}, {"4HL ReLU", 1024, 1024}, {"4HL ReLU", 128, 1024}, {"1HL ReLU", 1024, 1024}, {"1HL ReLU", 1024, 4096}, {"4HL ReLU", 256, 2048}, {"4HL ReLU", 32, 32}} {
		for _, serial := range []bool{false, true} {
			b.Run(fmt.Sprintf("%s/%d/%d/%v", c.net, c.points, c.width, serial), func(b *testing.B) {
				x, y := normals(1, c.points, 11), normals(2, c.points, 1)
				one := func(seed int) Run {
					return Run{nets[c.net], Config{11, c.width, 1, uint64(seed)}, Problem{x, y, x, y}, Settings{LearningRate: 0.01, Epochs: 20, Snapshots: []int{}}}
				}
				for b.Loop() {
					if !serial {
						ntk.Must(one(0).Train(context.Background()))
						ntk.Must(one(1).Train(context.Background()))
						continue
					}
					done := make(chan bool)
					for i := range 2 {
						go func() { ntk.Must(one(i).train(context.Background(), true)); done <- true }()
					}
					<-done
					<-done
				}
			})
		}
	}
}
