package train

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/internal/special"
)

// newSteps returns what takes the steps of the trials: a device, what their models have for it,
// or passes of the net of a single trial; nil where there is none of these.
func newSteps(trials []*Trial, serial bool) (Steps, error) {
	if d := trials[0].Settings.Device; d != nil {
		steps, reason, err := d.NewSteps(trials)
		if err != nil {
			return nil, err
		}
		if steps != nil {
			for _, t := range trials {
				t.trace.Arithmetic = d.String()
			}
			return steps, nil
		}
		if len(trials) == 1 {
			trials[0].trainedHere(reason)
		}
	}
	if s, ok := trials[0].model.(Stepper); ok {
		if steps, err := s.NewSteps(trials); steps != nil || err != nil {
			return steps, err
		}
	}
	if len(trials) > 1 {
		return nil, nil
	}
	return newHost(trials[0], serial), nil
}

// trainedHere notes why the device does not train the net.
func (t *Trial) trainedHere(reason string) {
	note := fmt.Sprintf("trained on the CPU, not on the device: %s", reason)
	if !slices.Contains(t.state.Notes, note) { // it may be in the checkpoint
		t.state.Notes = append(t.state.Notes, note)
	}
}

// release closes steps that hold something.
func release(steps Steps) {
	if c, ok := steps.(io.Closer); ok {
		c.Close()
	}
}

// train trains a trial by itself; serial is for steps that stay on one goroutine.
func (t *Trial) train(ctx context.Context, serial bool) (*Trace, error) {
	if !t.ended {
		steps, err := newSteps([]*Trial{t}, serial)
		if err != nil {
			return nil, err
		}
		defer release(steps)
		drive(ctx, steps, []*Trial{t}, func(int) {})
	}
	return t.trace, t.err
}

// drive trains the trials until each has ended. Their traces and errors are in them;
// failed is called for each that has an error, more than once.
func drive(ctx context.Context, steps Steps, trials []*Trial, failed func(i int)) {
	for i, t := range trials {
		if t.steps, t.place = steps, i; !t.ended {
			t.begin(ctx)
		}
	}
	_, here := steps.(*host)
	for most := 1; ; {
		k := 0
		for i, t := range trials {
			if !t.ended {
				t.prepare(ctx)
			}
			if t.err != nil {
				failed(i)
			}
			if !t.ended && (k == 0 || t.ahead(most) < k) {
				k = t.ahead(most)
			}
		}
		if k == 0 {
			return
		}
		start := time.Now()
		err := steps.Advance(ctx, k)
		for _, t := range trials {
			if !t.ended {
				t.advanced(ctx, err)
			}
		}
		if !here {
			most = stride(most, time.Since(start))
		}
	}
}

// stride returns how many steps may be taken at once where the last ones, at most that
// many, took so long: interruptions and checkpoints wait for about a second.
func stride(most int, took time.Duration) int {
	switch {
	case took < time.Second/2:
		return min(2*most, 1<<20)
	case took > 2*time.Second:
		return max(1, most/2)
	}
	return most
}

// begin makes all ready for the first step: f₀, unless it was in a checkpoint, the
// clock, and the check of the learning rate.
func (t *Trial) begin(ctx context.Context) {
	s, st := &t.Settings, &t.state
	if !s.Uncentered && !t.found {
		for _, to := range []struct {
			start []float32
			test  bool
		}{{t.Start, false}, {t.startTest, true}} {
			out, err := t.steps.Outputs(context.WithoutCancel(ctx), t.place, to.test)
			if err != nil {
				t.end(err)
				return
			}
			copy(to.start, out)
		}
	}
	t.clock = stopwatch{now: s.faults.Now}
	t.clock.start()
	switch {
	case st.Arithmetic == "":
		st.Arithmetic = t.trace.Arithmetic
	case st.Arithmetic != t.trace.Arithmetic &&
		!strings.HasSuffix(st.Arithmetic, ", then "+t.trace.Arithmetic):
		st.Arithmetic += ", then " + t.trace.Arithmetic
	}
	if s.CheckRate && st.Steps == 0 {
		if err := t.checkRate(ctx); err != nil {
			t.end(err)
			return
		}
	}
	if err := t.keep(); err != nil {
		t.end(err)
		return
	}
	if t.checkpoints != nil {
		t.checkpoints.wait()
	}
}

// prepare does what is due before the next step: at the beginning of an epoch it
// measures, and ends a run that is over; then it writes a checkpoint.
func (t *Trial) prepare(ctx context.Context) {
	if err := ctx.Err(); err != nil {
		t.fault(ctx, err)
		return
	}
	if t.state.Step == 0 {
		if t.atEpoch(ctx); t.ended {
			return
		}
	}
	t.checkpoint(ctx)
}

// atEpoch measures where there is a snapshot, and ends a run that is over.
func (t *Trial) atEpoch(ctx context.Context) {
	s, st := &t.Settings, &t.state
	late := s.StopAfter > 0 && t.seconds() >= s.StopAfter.Seconds()
	_, snapshot := slices.BinarySearch(t.snapshots, st.Epoch)
	end, stopped := st.Epoch == s.Epochs, ""
	if snapshot || late || s.stopsAt(st.Epoch) || end && t.order == nil {
		loss, err := t.trainLoss(ctx)
		if err != nil {
			t.fault(ctx, err)
			return
		}
		if !special.Finite(loss) {
			t.diverge(ctx, "training")
			return
		}
		if !end {
			if stopped = st.stop(*s, loss); stopped == "" && late {
				stopped = fmt.Sprintf("the time of %v is over", s.StopAfter)
			}
		}
	}
	if snapshot || stopped != "" {
		if t.measure(ctx); t.ended {
			return
		}
	}
	if end || stopped != "" {
		st.Stopped, st.Done = stopped, true
		t.stamp()
		t.save(true, false)
		t.end(t.steps.Sync(t.place))
	}
}

// measure appends a point to the trace, or ends the run.
func (t *Trial) measure(ctx context.Context) {
	out, err := t.steps.Outputs(ctx, t.place, true)
	if err != nil {
		t.fault(ctx, err)
		return
	}
	t.centre(t.fTest.RawMatrix().Data, out, t.startTest)
	point := Point{
		t.state.Epoch,
		t.Settings.Loss.of(t.f, t.Y), t.Settings.Loss.of(t.fTest, t.yTest),
		ntk.Must(ntk.Accuracy(t.f, t.Y)), ntk.Must(ntk.Accuracy(t.fTest, t.yTest)),
	}
	if !special.Finite(point.TestLoss) {
		t.diverge(ctx, "test")
		return
	}
	t.state.Points = append(t.state.Points, point)
	if err := t.keep(); err != nil {
		t.end(err)
	}
}

// trainLoss returns the loss on all training points, and sets f.
func (t *Trial) trainLoss(ctx context.Context) (float64, error) {
	out, err := t.steps.Outputs(ctx, t.place, false)
	if err != nil {
		return 0, err
	}
	t.centre(t.f.RawMatrix().Data, out, t.Start)
	return t.Settings.Loss.of(t.f, t.Y), nil
}

// centre sets f to the function that is trained, for outputs of the net.
func (t *Trial) centre(f []float64, out, start []float32) {
	alpha := t.Settings.outputScale()
	for i := range f {
		f[i] = alpha * (float64(out[i]) - float64(start[i]))
	}
}

// checkpoint writes a checkpoint if it is time for one and the loss is finite.
func (t *Trial) checkpoint(ctx context.Context) {
	if t.note = ""; t.checkpoints == nil || !t.checkpoints.due() {
		return
	}
	loss, err := t.trainLoss(ctx)
	if err != nil {
		t.fault(ctx, err)
		return
	}
	if special.Finite(loss) {
		t.stamp()
		t.note = t.save(false, false)
	}
}

// ahead returns how many steps, of so many at most, may be taken before something is due
// (see prepare): to the end of an epoch where one ends among them.
func (t *Trial) ahead(most int) int {
	s, st := &t.Settings, &t.state
	next := s.Epochs
	if i, _ := slices.BinarySearch(t.snapshots, st.Epoch+1); i < len(t.snapshots) {
		next = min(next, t.snapshots[i])
	}
	if every := max(1, s.StopEvery); s.StopBelow > 0 || s.Plateau > 0 {
		next = min(next, (st.Epoch/every+1)*every)
	}
	steps := most
	if epochs := next - st.Epoch; epochs <= most { // the product does not overflow
		steps = min(most, epochs*t.stepsPerEpoch-st.Step)
	}
	if left := t.stepsPerEpoch - st.Step; steps > left {
		steps -= (steps - left) % t.stepsPerEpoch
	}
	return steps
}

// advanced takes in what Advance did.
func (t *Trial) advanced(ctx context.Context, err error) {
	st, taken := &t.state, t.Losses
	if n := len(taken); n > 0 && !special.Finite(taken[n-1]) {
		taken = taken[:n-1]
	}
	st.Epoch, st.Step = t.after(len(taken))
	st.Steps += len(taken)
	if t.Settings.Progress != nil && len(taken) > 0 {
		t.Settings.Progress(Progress{
			Epoch: st.Epoch, Epochs: t.Settings.Epochs, TrainLoss: taken[len(taken)-1],
			Resumed: t.resumed, Note: t.note,
		})
	}
	switch {
	case len(taken) < len(t.Losses):
		t.diverge(ctx, "training")
	case err != nil:
		t.fault(ctx, err)
	}
}

// fault ends the run by an error of Steps, which is an interruption if the context is
// done.
func (t *Trial) fault(ctx context.Context, err error) {
	if ctx.Err() != nil {
		t.stamp()
		note := t.save(false, true) // who interrupts is waiting
		err = &InterruptedError{t.state.Epoch, t.Settings.Epochs, ctx.Err(), note}
	}
	if e := t.steps.Sync(t.place); e != nil {
		err = errors.Join(err, e)
	}
	t.end(err)
}

// diverge ends a run with a loss that is not finite.
func (t *Trial) diverge(ctx context.Context, points string) {
	t.stamp()
	e := &DivergedError{
		Points:       points,
		Epoch:        t.state.Epoch,
		LearningRate: t.Settings.LearningRate,
		Kept:         t.restore(),
	}
	if t.state.Steps > 0 {
		e.Limit = t.limitAtInitialisation(ctx)
	}
	t.end(e)
}

// end ends the run with what was measured.
func (t *Trial) end(err error) {
	st := &t.state
	t.trace.Points, t.trace.Stopped, t.trace.Seconds = st.Points, st.Stopped, st.Seconds
	t.trace.Arithmetic, t.trace.Notes = st.Arithmetic, st.Notes
	t.ended, t.err = true, err
}

// seconds is how long the run has taken, with the time before an interruption.
func (t *Trial) seconds() float64 { return t.before + t.clock.elapsed().Seconds() }

func (t *Trial) stamp() { t.state.Seconds = t.seconds() }
