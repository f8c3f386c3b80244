package train_test

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/kernelsmith/kernelsmith/ntk"
	. "github.com/kernelsmith/kernelsmith/ntk/train"
)

func stopRun(change func(s *Settings)) *Trace {
	net := newNet(nets["1HL mimic"], 3, 32, 2, 1)
	s := Settings{LearningRate: 0.05, Epochs: 60, Snapshots: []int{0, 50, 60}}
	change(&s)
	return ntk.Must(Train(context.Background(), net, smallProblem(), s))
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
			t.Errorf("every %d: points at %v after %d steps, want the last at %d", c.every, epochs,
				steps, c.epoch)
		}
		if d := cmp.Diff(full.Points[c.epoch], last); d != "" {
			t.Errorf("every %d: the last point is not that of the run that goes on:\n%s", c.every,
				d)
		}
		if !strings.Contains(got.Stopped, "training loss is below") || got.Epochs != 60 {
			t.Errorf("every %d: stopped %q of %d epochs", c.every, got.Stopped, got.Epochs)
		}
	}
	if got := stopRun(func(s *Settings) { s.StopBelow = 1e-9 }); got.Stopped != "" ||
		got.Points[len(got.Points)-1].Epoch != 60 {
		t.Errorf("never that low: stopped %q", got.Stopped)
	}
	// The last epoch is the end of the run, not an early one.
	if got := stopRun(
		func(s *Settings) {
			s.StopBelow, s.StopEvery, s.Snapshots = level, 60,
				[]int{60}
		}); len(got.Points) != 1 ||
		got.Stopped != "" {
		t.Errorf("stopped %q at the end", got.Stopped)
	}
	// Already there at initialisation.
	if got := stopRun(
		func(s *Settings) { s.StopBelow = 1e9 }); len(got.Points) != 1 ||
		got.Points[0].Epoch != 0 ||
		got.Stopped == "" {
		t.Errorf("%+v", got)
	}
}

// The run ends when the least loss is older than the plateau allows.
func TestPlateau(t *testing.T) {
	// A rate so small that the loss falls by less than a thousandth an epoch from
	// the start, and by a thousandth in several.
	var every []int
	for e := range 201 {
		every = append(every, e)
	}
	long := func(change func(s *Settings)) *Trace {
		return stopRun(
			func(s *Settings) {
				s.LearningRate, s.Epochs, s.Snapshots = 5e-4, 200,
					every
				change(s)
			},
		)
	}
	full, ends := long(func(*Settings) {}), map[int]bool{}
	for _, c := range []struct{ plateau, every int }{{1, 1}, {2, 1}, {5, 1}, {4, 3}, {30, 10}} {
		best, at, want := math.Inf(1), 0, 200
		for e := 0; e < 200; e += c.every {
			if l := full.Points[e].TrainLoss; l < best*(1-1e-3) {
				best, at = l, e
			}
			if e-at >= c.plateau {
				want = e
				break
			}
		}
		got := long(func(s *Settings) { s.Plateau, s.StopEvery = c.plateau, c.every })
		if last := got.Points[len(got.Points)-1].Epoch; last != want ||
			(got.Stopped != "") != (want < 200) ||
			want < 200 && !strings.Contains(got.Stopped, "not fallen") {
			t.Errorf("plateau %d, every %d: stopped %q at %d, want %d", c.plateau, c.every,
				got.Stopped, last, want)
		}
		ends[want] = true
	}
	if len(ends) < 3 {
		t.Errorf("runs end at %v: nothing was tested", ends)
	}
}

// A run ends when its time is over, and measures there; the time before an
// interruption counts.
func TestStopAfter(t *testing.T) {
	run := checkpointRun(folder(t))
	run.Settings.StopAfter, run.Settings.Epochs, run.Settings.Snapshots,
		run.Settings.CheckpointEvery = time.Minute, 1000, []int{}, time.Hour
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	run.Settings.Faults().Now = func() time.Time { return now }
	run.Settings.Progress = func(Progress) { now = now.Add(time.Second) } // a step, three an epoch
	got := ntk.Must(run.Train(context.Background()))
	if len(got.Points) != 1 || got.Points[0].Epoch != 20 ||
		!strings.Contains(got.Stopped, "1m0s") ||
		got.Seconds != 60 {
		t.Errorf("%+v", got)
	}
	run.Settings.Checkpoints = folder(t)
	interruptAt(t, run, 31)
	now = now.Add(time.Hour) // nobody trains
	got = ntk.Must(run.Train(context.Background()))
	if len(got.Points) != 1 || got.Points[0].Epoch != 20 || got.Seconds != 60 {
		t.Errorf("with an interruption: %+v", got)
	}
}

func TestProgressString(t *testing.T) {
	for want, p := range map[string]Progress{
		"epoch 12 of 60, loss 0.4312": {Epoch: 12, Epochs: 60,
			TrainLoss: 0.431234},
		"epoch 12 of 60, loss 1.2e-05, resumed at epoch 10": {Epoch: 12, Epochs: 60,
			TrainLoss: 1.2e-5, Resumed: 10},
	} {
		if got := p.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
