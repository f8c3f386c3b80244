//go:build linux && amd64

package device_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/study"
	"github.com/kernelsmith/kernelsmith/ntk/train"
	"gonum.org/v1/gonum/mat"
)

// watched is a device that counts the trials of each program, and calls a function before steps.
type watched struct {
	train.Device
	trials []int
	before func(context.Context)
}

func (w *watched) NewSteps(trials []*train.Trial) (train.Steps, string, error) {
	w.trials = append(w.trials, len(trials))
	steps, why, err := w.Device.NewSteps(trials)
	if steps != nil && w.before != nil {
		steps = watchedSteps{steps, w.before}
	}
	return steps, why, err
}

type watchedSteps struct {
	train.Steps
	before func(context.Context)
}

func (s watchedSteps) Advance(ctx context.Context, k int) error {
	s.before(ctx)
	return s.Steps.Advance(ctx, k)
}

func (s watchedSteps) Close() error { return s.Steps.(io.Closer).Close() }

// inStudy is a study of the test's own, and two nets with three trials each.
func inStudy(t *testing.T) (*study.Study, study.Runs, *watched) {
	t.Helper()
	d := &watched{Device: onCPU(t)}
	t.Chdir(t.TempDir())
	for _, variable := range []string{"SCALE", "ENGINE", "TASK"} {
		t.Setenv("KERNELSMITH_"+variable, "")
	}
	p := problem(20, 4, 2)
	return ntk.Must(study.Open("device")), study.Runs{
		Nets: []study.Net{
			{Name: "1HL erf", Arch: ntk.Must(ntk.UniformFCN(1, ntk.Erf{}, 1.2, 0.3))},
			{Name: "2HL tanh", Arch: ntk.Must(ntk.UniformFCN(2, ntk.Tanh{}, 1.2, 0.3))},
		},
		Data: p, Width: 16, Trials: 3, Settings: train.Settings{LearningRate: 0.1, Epochs: 200},
	}, d
}

// agreeAlone reports traces whose losses are not those of single runs that are made here.
func agreeAlone(t *testing.T, r study.Runs, got *study.Results) {
	t.Helper()
	r.Settings.Device = nil
	for _, n := range r.Nets {
		for trial, trace := range got.Traces(n.Name) {
			want := ntk.Must(r.Run(n, trial).Train(t.Context()))
			if off := apart(t, want, trace); !(off < 1e-5) || want.Seed != trace.Seed {
				t.Errorf("%s, trial %d: %.1e apart, seed %d", n.Name, trial+1, off, trace.Seed)
			}
		}
	}
}

// The missing trials of each net are one program, whose records are those of single runs.
func TestTrialsOfAStudy(t *testing.T) {
	s, r, d := inStudy(t)
	r.Nets = r.Nets[:1]
	tasks := r.Tasks()
	ntk.Must(study.Make(s, "training", "runs", tasks[1]))
	r.Nets = append(r.Nets, study.Net{Name: "2HL tanh",
		Arch: ntk.Must(ntk.UniformFCN(2, ntk.Tanh{}, 1.2, 0.3))})
	tasks = r.Tasks() // of runs without a device
	r.Settings.Device = d
	got := ntk.Must(r.Train(s))
	if fmt.Sprint(d.trials) != "[2 3]" {
		t.Errorf("programs of %v trials", d.trials)
	}
	if missing := ntk.Must(study.Missing(s, tasks...)); len(missing) != 0 {
		t.Errorf("no records of %v", missing)
	}
	agreeAlone(t, r, got)
	for _, n := range r.Nets {
		for trial, trace := range got.Traces(n.Name) {
			made := d.String()
			if n.Name == "1HL erf" && trial == 1 {
				made = ntk.BLAS()
			}
			if trace.Arithmetic != made {
				t.Errorf("%s, trial %d: made with %q", n.Name, trial+1, trace.Arithmetic)
			}
		}
	}
	if left := ntk.Must(filepath.Glob("records/*/*/checkpoints")); len(left) != 0 {
		t.Errorf("%v is left", left)
	}
}

// A trial that diverges ends the work with its name; those before it have records, and those
// after it go on where they were.
func TestATrialOfAStudyFails(t *testing.T) {
	s, r, d := inStudy(t)
	good, bad := r.Data, r.Data
	bad.XTrain = mat.DenseCopyOf(good.XTrain)
	bad.XTrain.Scale(100, bad.XTrain)
	relu := ntk.Must(ntk.UniformFCN(1, ntk.ReLU{}, 1.2, 0.3))
	r.Nets = []study.Net{{Name: "1HL ReLU", Arch: relu}}
	r.DataOf = func(trial int) train.Problem {
		if trial == 1 {
			return bad
		}
		return good
	}
	r.Settings.Device = d
	_, err := r.Train(s)
	if err == nil || !strings.Contains(err.Error(), "1HL-ReLU-trial-2: train: the loss on the "+
		"training points is not finite") {
		t.Fatal(err)
	}
	if fmt.Sprint(d.trials) != "[3 1 1]" {
		t.Errorf("programs of %v trials", d.trials)
	}
	missing := ntk.Must(study.Missing(s, r.Tasks()...))
	if len(missing) != 2 || !strings.HasPrefix(missing[0], "1HL-ReLU-trial-2-") {
		t.Errorf("missing %v", missing)
	}
	kept := filepath.Join("records/quick/device/checkpoints", missing[1])
	if _, err := os.Stat(kept); err != nil {
		t.Error("the third trial has no checkpoint:", err)
	}
	r.DataOf = nil
	agreeAlone(t, r, ntk.Must(r.Train(s)))
}

// An interrupt leaves checkpoints of all trials, from which they go on without a device.
func TestAStudyIsInterrupted(t *testing.T) {
	s, r, d := inStudy(t)
	calls := 0
	d.before = func(ctx context.Context) {
		if calls++; calls == 6 {
			if err := syscall.Kill(os.Getpid(), syscall.SIGINT); err != nil {
				t.Error(err)
			}
			<-ctx.Done()
		}
	}
	r.Settings.Device = d
	_, err := r.Train(s)
	if err == nil || !strings.Contains(err.Error(), "1HL-erf-trial-1 and 2 more: train: training "+
		"stopped after") || !strings.HasSuffix(err.Error(), "run it again to go on") {
		t.Fatal(err)
	}
	r.Settings.Device = nil
	got := ntk.Must(r.Train(s))
	agreeAlone(t, r, got)
	for _, trace := range got.Traces("1HL erf") {
		if made := fmt.Sprintf("%v, then %s", d, ntk.BLAS()); trace.Arithmetic != made {
			t.Errorf("made with %q, not %q", trace.Arithmetic, made)
		}
	}
}
