package fcn

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/kernelsmith/kernelsmith/ntk"
	"gonum.org/v1/gonum/mat"
)

// Problem is a regression problem: inputs (points×inputs) and targets
// (points×outputs; for classes, one-hot rows) to train on and to test on.
type Problem struct {
	XTrain, YTrain *mat.Dense
	XTest, YTest   *mat.Dense
}

// Settings say how to train.
type Settings struct {
	// LearningRate is η > 0 in θ ← θ - η ∂loss/∂θ.
	LearningRate float64
	// Epochs is the number of passes over the training points, at least 1: the
	// number of steps, unless Batch divides them.
	Epochs int
	// Snapshots are the epochs to measure at, each before the step of that
	// epoch, from 0 (the net at initialisation) to Epochs (after the last
	// step), in any order. Nil is LogSnapshots(Epochs).
	Snapshots []int
	// Uncentered trains f instead of f - f₀, f₀ the net as it is when Train is
	// called: at initialisation, unless it was trained before.
	Uncentered bool

	// Loss is the loss that is trained on: MSE unless said otherwise.
	Loss Loss
	// LossFactor multiplies the loss, and with it each step: ½ gives the
	// convention of many texts. 0 is 1. Measurements are without it.
	LossFactor float64
	// OutputScale is α in the function that is trained, α(f - f₀), which has the
	// kernel α²Θ; a large one makes training lazy. 0 is 1.
	//
	// Source: Chizat, Oyallon, Bach 2019, "On lazy training in differentiable
	// programming", sec. 1.1.
	OutputScale float64
	// Parameterization says which parameters LearningRate is for.
	Parameterization Parameterization
	// Optimizer is nil for gradient descent, or Momentum or Adam.
	Optimizer Optimizer
	// Batch is the number of points in a step; 0 is all of them. The points of
	// an epoch come in an order that the seed of the net and the epoch
	// determine; the last step of an epoch has those that are left.
	Batch int

	// StopBelow, if not 0, ends the run at the first epoch, before its step,
	// where the training loss is below it.
	StopBelow float64
	// StopEvery lets only epochs that are multiples of it end the run, by
	// StopBelow or Plateau. 0 is 1. With Batch, each of them costs a forward
	// pass over the training points.
	StopEvery int
	// Plateau, if not 0, ends the run when the least training loss so far has
	// not become smaller by a thousandth of itself for this many epochs.
	Plateau int
	// StopAfter, if not 0, ends the run at the first epoch at which it has taken
	// this long, with the time before an interruption. Such a run is not the
	// same on another machine.
	StopAfter time.Duration

	// CheckRate refuses a learning rate at or above Net.StableRate with a
	// RateError, before the first step.
	CheckRate bool

	// Checkpoints, if not "", is a folder, made where it is missing, in which
	// the state of the run is kept while it goes on; see Run.Train.
	Checkpoints string
	// CheckpointEvery is the time between two checkpoints. 0 is 30 s, or where
	// that is longer, twenty times what writing one takes.
	CheckpointEvery time.Duration

	// Progress, if not nil, is called after each step.
	Progress func(Progress)

	faults faults
}

// snapshots returns the epochs to measure at, in increasing order.
func (s Settings) snapshots() []int {
	if s.Snapshots == nil {
		return LogSnapshots(s.Epochs)
	}
	out := slices.Clone(s.Snapshots)
	slices.Sort(out)
	return slices.Compact(out)
}

func (s Settings) lossFactor() float64  { return orOne(s.LossFactor) }
func (s Settings) outputScale() float64 { return orOne(s.OutputScale) }

func orOne(v float64) float64 {
	if v == 0 {
		return 1
	}
	return v
}

// check reports settings that mean nothing.
func (s Settings) check() error {
	if !(s.LearningRate > 0) || math.IsInf(s.LearningRate, 0) {
		return fmt.Errorf("fcn: LearningRate is %v; it must be a finite number > 0", s.LearningRate)
	}
	if s.Epochs < 1 {
		return fmt.Errorf("fcn: Epochs is %d; it must be at least 1", s.Epochs)
	}
	for _, e := range s.Snapshots {
		if e < 0 || e > s.Epochs {
			return fmt.Errorf("fcn: snapshot at epoch %d; the run has epochs 0 to %d", e, s.Epochs)
		}
	}
	if !(s.LossFactor >= 0) || math.IsInf(s.LossFactor, 0) {
		return fmt.Errorf("fcn: LossFactor is %v; it must be a finite number > 0, or 0 for 1",
			s.LossFactor)
	}
	if math.IsNaN(s.OutputScale) || math.IsInf(s.OutputScale, 0) {
		return fmt.Errorf("fcn: OutputScale is %v; it must be finite, or 0 for 1", s.OutputScale)
	}
	if s.Loss != MSE && s.Loss != CrossEntropy {
		return fmt.Errorf("fcn: there is no %v; losses are MSE and CrossEntropy", s.Loss)
	}
	if s.Parameterization != NTKParameterization && s.Parameterization != StandardParameterization {
		return fmt.Errorf("fcn: there is no %v; parameterizations are NTKParameterization and "+
			"StandardParameterization", s.Parameterization)
	}
	if s.Optimizer != nil {
		if err := s.Optimizer.check(); err != nil {
			return err
		}
	}
	if s.Batch < 0 {
		return fmt.Errorf("fcn: Batch is %d; it must be at least 1, or 0 for all points", s.Batch)
	}
	if !(s.StopBelow >= 0) {
		return fmt.Errorf("fcn: StopBelow is %v; it must be a training loss > 0, or 0 for none",
			s.StopBelow)
	}
	if s.StopEvery < 0 {
		return fmt.Errorf("fcn: StopEvery is %d; it must be at least 1, or 0 for 1", s.StopEvery)
	}
	if s.Plateau < 0 {
		return fmt.Errorf("fcn: Plateau is %d epochs; it must be at least 1, or 0 for none",
			s.Plateau)
	}
	if s.StopAfter < 0 {
		return fmt.Errorf("fcn: StopAfter is %v; it must be a time > 0, or 0 for none", s.StopAfter)
	}
	if s.CheckpointEvery < 0 {
		return fmt.Errorf(
			"fcn: CheckpointEvery is %v; it must be a time > 0, or 0 for what is usual",
			s.CheckpointEvery)
	}
	return nil
}

// Progress tells how far a training run has come.
type Progress struct {
	Epoch, Epochs int
	TrainLoss     float64 // before the step, on its points
	Resumed       int     // the epoch at which a checkpoint was taken up, else 0
	// Note is, once, a fault that the run survived, such as a checkpoint that
	// could not be written; else "".
	Note string
}

// String is a line about the run, such as "epoch 512 of 1025, loss 0.4312, resumed
// at epoch 400". Note is not in it.
func (p Progress) String() string {
	s := fmt.Sprintf("epoch %d of %d, loss %.4g", p.Epoch, p.Epochs, p.TrainLoss)
	if p.Resumed > 0 {
		s += fmt.Sprintf(", resumed at epoch %d", p.Resumed)
	}
	return s
}

// Point holds the measurements at one epoch. Losses are those of
// Settings.Loss: see [ntk.MSE], or [CrossEntropy].
type Point struct {
	Epoch                       int
	TrainLoss, TestLoss         float64
	TrainAccuracy, TestAccuracy float64 // see ntk.Accuracy
}

// Trace is the record of one training run.
type Trace struct {
	Net          string // the architecture
	Inputs       int
	Width        int
	Outputs      int
	Params       int
	Seed         uint64
	LearningRate float64
	Epochs       int
	Centered     bool
	Arithmetic   string  // which BLAS multiplied
	Seconds      float64 // duration, with that before interruptions
	Points       []Point // by increasing epoch
	// Stopped says why the run ended before Epochs, "" if it did not. The last
	// point is then the epoch it ended at, a snapshot or not.
	Stopped string `json:",omitzero"`
	// Settings that are not the usual ones, as in Settings, and else zero.
	Loss             string  `json:",omitzero"`
	LossFactor       float64 `json:",omitzero"`
	OutputScale      float64 `json:",omitzero"`
	Parameterization string  `json:",omitzero"`
	Optimizer        string  `json:",omitzero"`
	Batch            int     `json:",omitzero"`
	// EpochTime is Settings.EpochTime; 0 for Adam, and in records that do not
	// tell.
	EpochTime float64 `json:",omitzero"`
	// Notes are the faults that the run survived, such as a damaged checkpoint.
	Notes []string `json:",omitzero"`
}

// DivergedError reports a loss that is not finite.
type DivergedError struct {
	Points       string // "training" or "test"
	Epoch        int
	LearningRate float64
	// Limit is Net.StableRate of the net at initialisation; 0 where it is not
	// known.
	Limit float64
	// Kept is the epoch whose parameters the net has again after Net.Train:
	// that of the last snapshot, or where this call began.
	Kept int
}

// Error implements error.
func (e *DivergedError) Error() string {
	if e.Epoch == 0 && e.Limit == 0 {
		return fmt.Sprintf(
			"fcn: the loss on the %s points is not finite at initialisation: the inputs are too "+
				"large for the activation in single precision, or the targets for it", e.Points)
	}
	limit := "gradient descent is stable below n/λ_max, λ_max the largest eigenvalue of the n×n NTK"
	if e.Limit > 0 {
		limit = fmt.Sprintf("for the net at initialisation the limit is %.4g", e.Limit)
	}
	return fmt.Sprintf(
		"fcn: the loss on the %s points is not finite at epoch %d: the learning rate %v is too "+
			"large (%s), or inputs are for the activation", e.Points, e.Epoch, e.LearningRate, limit)
}

// InterruptedError reports a run that its context ended. Unwrap gives the
// context's error.
type InterruptedError struct {
	Epoch, Epochs int
	Err           error
}

// Error implements error.
func (e *InterruptedError) Error() string {
	return fmt.Sprintf("fcn: training stopped after %d of %d epochs: %v", e.Epoch, e.Epochs, e.Err)
}

// Unwrap returns the context's error.
func (e *InterruptedError) Unwrap() error { return e.Err }

// LogSnapshots returns 0, epochs, about eight epochs a decade between them,
// and any more epochs given, in increasing order.
func LogSnapshots(epochs int, more ...int) []int {
	s := append([]int{0, epochs}, more...)
	for k := 0; ; k++ {
		e := math.Round(math.Pow(10, float64(k)/8))
		if e >= float64(epochs) {
			break
		}
		s = append(s, int(e))
	}
	slices.Sort(s)
	return slices.Compact(s)
}

// Train trains the net and returns what it measured. A run that is interrupted
// ([*InterruptedError]) or that diverges ([*DivergedError]) returns the trace
// up to there with the error; a net that diverged has the parameters of the
// last snapshot, of which it keeps a copy while it is trained.
//
// With Checkpoints, a run that was interrupted or killed goes on where its last
// checkpoint was, if net, problem and settings are the same; see [Run.Train].
//
// Cost of a step: for each inner layer three products of 2·points·width²
// operations, and for each layer a few passes over points×width activations. A net
// with one hidden layer, at most 64 inputs and 32 outputs makes one such pass, in
// the processor's caches, where it has AVX2. An interruption is noticed between two
// of the products, and not within the update of the weights.
func (n *Net) Train(ctx context.Context, p Problem, s Settings) (*Trace, error) {
	t, err := n.newTraining(p, s)
	if err != nil {
		return nil, err
	}
	if s.Checkpoints != "" {
		id := Run{n.arch, n.config, p, s}.Identity()
		if t.checkpoints, err = openCheckpoints(s, id, n.fingerprint()); err != nil {
			return nil, err
		}
	}
	return t.run(ctx)
}

func (n *Net) newTrace(s Settings, points int) *Trace {
	trace := &Trace{
		Net:          n.arch.String(),
		Inputs:       n.config.Inputs,
		Width:        n.config.Width,
		Outputs:      n.config.Outputs,
		Params:       n.Params(),
		Seed:         n.config.Seed,
		LearningRate: s.LearningRate,
		Epochs:       s.Epochs,
		Centered:     !s.Uncentered,
		Arithmetic:   ntk.BLAS(),
	}
	if t := s.EpochTime(points); t > 0 {
		trace.EpochTime = t
	}
	var u Identity
	s.unusual(&u, points)
	trace.Loss, trace.LossFactor, trace.OutputScale = u.Loss, u.LossFactor, u.OutputScale
	trace.Parameterization, trace.Optimizer, trace.Batch = u.Parameterization, u.Optimizer, u.Batch
	return trace
}

// progressState is where a run is, with what it has found so far: what a
// checkpoint holds beside the arrays.
type progressState struct {
	Epoch, Step int // steps of the epoch that are done
	Steps       int // in all, for the optimizer
	Points      []Point
	Seconds     float64
	Best        float64 // least training loss, for the plateau
	BestEpoch   int
	BestKnown   bool
	Stopped     string
	Done        bool // the run has ended
	Notes       []string
	Arithmetic  string
}

// run is the training loop. The state moves only in update, so that a run can
// be given up anywhere before and leave a good one.
func (t *training) run(ctx context.Context) (*Trace, error) {
	s, st := t.settings, &t.state
	trace := t.net.newTrace(s, t.train.n)
	clock := stopwatch{now: s.faults.now}
	clock.start()
	resumed, err := t.resume()
	if err != nil {
		return nil, err
	}
	before := st.Seconds
	stamp := func() { st.Seconds = before + clock.elapsed().Seconds() }
	finish := func(err error) (*Trace, error) {
		trace.Points, trace.Stopped, trace.Seconds = st.Points, st.Stopped, st.Seconds
		trace.Arithmetic, trace.Notes = st.Arithmetic, st.Notes
		return trace, err
	}
	if st.Done {
		return finish(nil)
	}
	switch st.Arithmetic {
	case "":
		st.Arithmetic = trace.Arithmetic
	case trace.Arithmetic:
	default:
		if !strings.HasSuffix(st.Arithmetic, ", then "+trace.Arithmetic) {
			st.Arithmetic += ", then " + trace.Arithmetic
		}
	}
	if s.CheckRate && st.Steps == 0 {
		limit, err := t.net.StableRate(ctx, t.problem, s)
		if err != nil {
			return finish(err)
		}
		if s.LearningRate >= limit {
			return finish(&RateError{s.LearningRate, limit})
		}
	}
	interrupted := func() (*Trace, error) {
		stamp()
		t.save(false, true) // who interrupts is waiting
		return finish(&InterruptedError{st.Epoch, s.Epochs, ctx.Err()})
	}
	diverged := func(points string) (*Trace, error) {
		stamp()
		e := &DivergedError{
			Points:       points,
			Epoch:        st.Epoch,
			LearningRate: s.LearningRate,
			Kept:         t.restore(),
		}
		if st.Epoch > 0 || st.Step > 0 {
			e.Limit = t.limitAtInitialisation(ctx)
		}
		return finish(e)
	}
	t.keep()
	if t.checkpoints != nil {
		t.checkpoints.wait()
	}
	for {
		if ctx.Err() != nil {
			return interrupted()
		}
		var loss float64
		if st.Step == 0 {
			late := s.StopAfter > 0 && before+clock.elapsed().Seconds() >= s.StopAfter.Seconds()
			_, snapshot := slices.BinarySearch(t.snapshots, st.Epoch)
			end := st.Epoch == s.Epochs
			if t.batch == t.train || snapshot || late || s.stopsAt(st.Epoch) {
				if !t.train.forwardUnless(ctx) {
					return interrupted()
				}
				if loss = t.residuals(); !finite(loss) {
					return diverged("training")
				}
				if !end {
					if st.Stopped = st.stop(s, loss); st.Stopped == "" && late {
						st.Stopped = fmt.Sprintf("the time of %v is over", s.StopAfter)
					}
				}
			}
			if snapshot || st.Stopped != "" {
				point, ok := t.measure(ctx, st.Epoch)
				if !ok {
					st.Stopped = ""
					return interrupted()
				}
				if !finite(point.TestLoss) {
					st.Stopped = ""
					return diverged("test")
				}
				st.Points = append(st.Points, point)
				t.keep()
			}
			if end || st.Stopped != "" {
				st.Done = true
				stamp()
				t.save(true, false)
				return finish(nil)
			}
		}
		if t.batch != t.train {
			t.gather()
			if !t.batch.forwardUnless(ctx) {
				return interrupted()
			}
			if loss = t.batchResiduals(); !finite(loss) {
				return diverged("training")
			}
		}
		var note string
		if t.checkpoints != nil && t.checkpoints.due() { // now that the loss is known to be finite
			stamp()
			note = t.save(false, false)
		}
		if !t.back(ctx) {
			return interrupted()
		}
		t.update(s.LearningRate)
		st.Steps++
		if st.Step++; st.Step == t.stepsPerEpoch {
			st.Step, st.Epoch = 0, st.Epoch+1
		}
		if s.Progress != nil {
			s.Progress(
				Progress{
					Epoch:     st.Epoch,
					Epochs:    s.Epochs,
					TrainLoss: loss,
					Resumed:   resumed,
					Note:      note,
				},
			)
		}
	}
}

// stopsAt reports whether the training loss before the epoch may end the run.
func (s Settings) stopsAt(epoch int) bool {
	return (s.StopBelow > 0 || s.Plateau > 0) && epoch%max(s.StopEvery, 1) == 0
}

// stop returns why to end before the step of the epoch, or "". Asked twice with
// the same loss, it says the same.
func (st *progressState) stop(s Settings, loss float64) string {
	if !s.stopsAt(st.Epoch) {
		return ""
	}
	if loss < s.StopBelow {
		return fmt.Sprintf("the training loss is below %v", s.StopBelow)
	}
	if !st.BestKnown || loss < st.Best*(1-1e-3) {
		st.Best, st.BestEpoch, st.BestKnown = loss, st.Epoch, true
	}
	if s.Plateau > 0 && st.Epoch-st.BestEpoch >= s.Plateau {
		return fmt.Sprintf("the training loss has not fallen by a thousandth for %d epochs",
			st.Epoch-st.BestEpoch)
	}
	return ""
}

// stopwatch adds up time, and takes a clock that is set back for one that
// stands still.
type stopwatch struct {
	now  func() time.Time
	last time.Time
	sum  time.Duration
}

func (w *stopwatch) start() {
	if w.now == nil {
		w.now = time.Now
	}
	w.last = w.now()
}

func (w *stopwatch) elapsed() time.Duration {
	now := w.now()
	w.sum += max(0, now.Sub(w.last))
	w.last = now
	return w.sum
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
