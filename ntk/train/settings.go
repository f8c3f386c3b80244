package train

import (
	"fmt"
	"math"
	"slices"
	"time"

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

	// Loss is the loss that is trained on, SquaredError without a choice.
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

	// CheckRate refuses a learning rate at or above StableRate with a
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
		return fmt.Errorf("train: LearningRate is %v; it must be a finite number > 0",
			s.LearningRate)
	}
	if s.Epochs < 1 {
		return fmt.Errorf("train: Epochs is %d; it must be at least 1", s.Epochs)
	}
	for _, e := range s.Snapshots {
		if e < 0 || e > s.Epochs {
			return fmt.Errorf("train: snapshot at epoch %d; the run has epochs 0 to %d", e,
				s.Epochs)
		}
	}
	if !(s.LossFactor >= 0) || math.IsInf(s.LossFactor, 0) {
		return fmt.Errorf("train: LossFactor is %v; it must be a finite number > 0, or 0 for 1",
			s.LossFactor)
	}
	if math.IsNaN(s.OutputScale) || math.IsInf(s.OutputScale, 0) {
		return fmt.Errorf("train: OutputScale is %v; it must be finite, or 0 for 1", s.OutputScale)
	}
	if s.Loss != SquaredError && s.Loss != CrossEntropy {
		return fmt.Errorf("train: there is no %v; losses are SquaredError and CrossEntropy", s.Loss)
	}
	if s.Parameterization != NTKParameterization && s.Parameterization != StandardParameterization {
		return fmt.Errorf("train: there is no %v; parameterizations are NTKParameterization and "+
			"StandardParameterization", s.Parameterization)
	}
	if s.Optimizer != nil {
		if err := s.Optimizer.check(); err != nil {
			return err
		}
	}
	if s.Batch < 0 {
		return fmt.Errorf("train: Batch is %d; it must be at least 1, or 0 for all points", s.Batch)
	}
	if !(s.StopBelow >= 0) {
		return fmt.Errorf("train: StopBelow is %v; it must be a training loss > 0, or 0 for none",
			s.StopBelow)
	}
	if s.StopEvery < 0 {
		return fmt.Errorf("train: StopEvery is %d; it must be at least 1, or 0 for 1", s.StopEvery)
	}
	if s.Plateau < 0 {
		return fmt.Errorf("train: Plateau is %d epochs; it must be at least 1, or 0 for none",
			s.Plateau)
	}
	if s.StopAfter < 0 {
		return fmt.Errorf("train: StopAfter is %v; it must be a time > 0, or 0 for none",
			s.StopAfter)
	}
	if s.CheckpointEvery < 0 {
		return fmt.Errorf(
			"train: CheckpointEvery is %v; it must be a time > 0, or 0 for what is usual",
			s.CheckpointEvery)
	}
	return nil
}
