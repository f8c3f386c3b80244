package fcn

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/kernelsmith/kernelsmith/ntk"
)

func stopRun(change func(s *Settings)) *Trace {
	net := ntk.Must(New(nets["1HL mimic"], Config{Inputs: 3, Width: 32, Outputs: 2, Seed: 1}))
	s := Settings{LearningRate: 0.05, Epochs: 60, Snapshots: []int{0, 50, 60}}
	change(&s)
	return ntk.Must(net.Train(context.Background(), smallProblem(), s))
}

// A run that stops measures where it stops, and is until then the run that goes on.
func TestStopBelow(t *testing.T) {
	var every []int
	for e := range 61 {
		every = append(every, e)
	}
	full := stopRun(func(s *Settings) { s.Snapshots = every })
	level := (full.Points[22].TrainLoss + full.Points[23].TrainLoss) / 2
	for _, c := range []struct{ every, epoch int }{{0, 23}, {1, 23}, {5, 25}, {23, 23}, {24, 24}} {
		steps := 0
		got := stopRun(func(s *Settings) {
			s.StopBelow, s.StopEvery, s.Progress = level, c.every, func(Progress) { steps++ }
		})
		var epochs []int
		for _, p := range got.Points {
			epochs = append(epochs, p.Epoch)
		}
		last := got.Points[len(got.Points)-1]
		if !slices.Equal(epochs, []int{0, c.epoch}) || steps != c.epoch {
			t.Errorf("every %d: points at %v after %d steps, want the last at %d", c.every, epochs, steps, c.epoch)
		}
		if d := cmp.Diff(full.Points[c.epoch], last); d != "" {
			t.Errorf("every %d: the last point is not that of the run that goes on:\n%s", c.every, d)
		}
		if !strings.Contains(got.Stopped, "training loss is below") || got.Epochs != 60 {
			t.Errorf("every %d: stopped %q of %d epochs", c.every, got.Stopped, got.Epochs)
		}
	}
	if got := stopRun(func(s *Settings) { s.StopBelow = 1e-9 }); got.Stopped != "" || got.Points[len(got.Points)-1].Epoch != 60 {
		t.Errorf("never that low: stopped %q", got.Stopped)
	}
	// The last epoch is the end of the run, not an early one.
	if got := stopRun(func(s *Settings) { s.StopBelow, s.StopEvery, s.Snapshots = level, 60, []int{60} }); len(got.Points) != 1 || got.Stopped != "" {
		t.Errorf("stopped %q at the end", got.Stopped)
	}
	// Already there at initialisation.
	if got := stopRun(func(s *Settings) { s.StopBelow = 1e9 }); len(got.Points) != 1 || got.Points[0].Epoch != 0 || got.Stopped == "" {
		t.Errorf("%+v", got)
	}
}
