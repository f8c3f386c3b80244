package train

import (
	"fmt"
	"math"
	"slices"

	"github.com/kernelsmith/kernelsmith/ntk"
)

// Progress tells how far a training run has come.
type Progress struct {
	Epoch, Epochs int
	TrainLoss     float64 // on the points of the last step, before it
	Resumed       int     // the epoch of the checkpoint that the run went on from, or 0
	// Note describes a fault that the run survived, such as a checkpoint that could
	// not be written. Each fault is reported once; without one Note is "".
	Note string
}

// String returns a line about the run without its Note, such as "epoch 512 of 1025, loss
// 0.4312, resumed at epoch 400".
func (p Progress) String() string {
	s := fmt.Sprintf("epoch %d of %d, loss %.4g", p.Epoch, p.Epochs, p.TrainLoss)
	if p.Resumed > 0 {
		s += fmt.Sprintf(", resumed at epoch %d", p.Resumed)
	}
	return s
}

// Point holds the measurements at one epoch, before its step. Losses are means over the
// points of Settings.Loss, [SquaredError] or [CrossEntropy], without LossFactor.
type Point struct {
	Epoch                       int
	TrainLoss, TestLoss         float64
	TrainAccuracy, TestAccuracy float64 // between 0 and 1; see ntk.Accuracy
}

// String returns the measurements in a line.
func (p Point) String() string {
	return fmt.Sprintf("epoch %d: train loss %.3g, test loss %.3g, train accuracy %.1f %%, test "+
		"accuracy %.1f %%", p.Epoch, p.TrainLoss, p.TestLoss, 100*p.TrainAccuracy,
		100*p.TestAccuracy)
}

// Trace is the record of one training run.
type Trace struct {
	Net          string // the architecture
	Inputs       int
	Width        int
	Outputs      int
	Params       int // trained parameters
	Seed         uint64
	LearningRate float64
	Epochs       int
	Centered     bool
	Arithmetic   string  // ntk.BLAS of the machine, or the Device
	Seconds      float64 // duration in seconds, with the time before interruptions
	Points       []Point // by increasing epoch
	// Stopped says why the run ended before Epochs. The last point is then that of
	// the epoch at which it ended. "" is for a run that went on to Epochs.
	Stopped string `json:",omitzero"`
	// The following are as in Settings; zero stands for the default.
	Loss             string  `json:",omitzero"`
	LossFactor       float64 `json:",omitzero"`
	OutputScale      float64 `json:",omitzero"`
	Parameterization string  `json:",omitzero"`
	Optimizer        string  `json:",omitzero"`
	Batch            int     `json:",omitzero"`
	// EpochTime is Settings.EpochTime. It is 0 for Adam, and in records that were
	// made before the field was added.
	EpochTime float64 `json:",omitzero"`
	// Notes are the faults that the run survived, such as a damaged checkpoint.
	Notes []string `json:",omitzero"`
}

// String says what was trained, for how long, and where it ended, in a line.
func (t Trace) String() string {
	text := fmt.Sprintf("%s, width %d, seed %d, %.3g s", t.Net, t.Width, t.Seed, t.Seconds)
	if len(t.Points) > 0 {
		text += "; " + t.Points[len(t.Points)-1].String()
	}
	if t.Stopped != "" {
		text += "; stopped: " + t.Stopped
	}
	return text
}

// DivergedError reports a training run whose loss is not finite.
type DivergedError struct {
	Points       string // "training" or "test"
	Epoch        int
	LearningRate float64
	// Limit is StableRate of the net at initialisation, or 0 where it is not known.
	Limit float64
	// Kept is the epoch whose parameters the net has after Train: that of the last
	// snapshot, or the one at which this call of Train began. It is -1 for Run.Train,
	// which keeps no net.
	Kept int
}

// Error implements error.
func (e *DivergedError) Error() string {
	if e.Epoch == 0 && e.Limit == 0 {
		return fmt.Sprintf(
			"train: the loss on the %s points is not finite at initialisation: the inputs are too "+
				"large for the activation in single precision, or the targets for it", e.Points)
	}
	limit := "gradient descent is stable below n/λ_max, λ_max the largest eigenvalue of the n×n NTK"
	if e.Limit > 0 {
		limit = fmt.Sprintf("for the net at initialisation the limit is %.4g", e.Limit)
	}
	return fmt.Sprintf(
		"train: the loss on the %s points is not finite at epoch %d: the learning rate %v is too "+
			"large (%s), or inputs are for the activation", e.Points, e.Epoch, e.LearningRate,
		limit)
}

// InterruptedError reports a run that its context ended. Unwrap gives the
// context's error.
type InterruptedError struct {
	Epoch, Epochs int
	Err           error
	// NotKept says why the checkpoint of this epoch could not be written, so that the run would
	// go on from an earlier one or begin anew. It is "" where one was, or none are kept.
	NotKept string
}

// Error implements error.
func (e *InterruptedError) Error() string {
	text := fmt.Sprintf("train: training stopped after %d of %d epochs: %v", e.Epoch, e.Epochs,
		e.Err)
	if e.NotKept != "" {
		text += "; what it did since the checkpoint before is lost: " + e.NotKept
	}
	return text
}

// Unwrap returns the context's error.
func (e *InterruptedError) Unwrap() error { return e.Err }

// LogSnapshots returns epochs to measure at, evenly on a logarithmic scale: 0, about eight
// for each power of ten, and the last, with any more that are given, in increasing order.
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

// newTrace returns the trace of a run before it has begun.
func newTrace(of Description, s Settings, points int) *Trace {
	trace := &Trace{
		Net:          of.Net,
		Inputs:       of.Inputs,
		Width:        of.Width,
		Outputs:      of.Outputs,
		Params:       of.Params,
		Seed:         of.Seed,
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
