package train

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/kernelsmith/kernelsmith/ntk/internal/special"
	"gonum.org/v1/gonum/mat"
)

// Problem is a regression problem: inputs (points×inputs) and targets (points×outputs) to
// train on and to test on. Classes are targets with one-hot rows. All entries are finite in
// single precision.
type Problem struct {
	XTrain, YTrain *mat.Dense
	XTest, YTest   *mat.Dense
}

// Settings say how to train. LearningRate and Epochs have no default; the zero values of all
// others are the defaults that their comments give.
type Settings struct {
	// LearningRate is η > 0 in θ ← θ - η ∂loss/∂θ.
	LearningRate float64
	// Epochs is the number of passes over the training points, at least 1. Without
	// Batch an epoch is one step.
	Epochs int
	// Snapshots are the epochs to measure at, each before the step of that
	// epoch, from 0 (the net at initialisation) to Epochs (after the last
	// step), in any order. Nil is LogSnapshots(Epochs).
	Snapshots []int
	// Uncentered trains f instead of f - f₀, where f₀ is the net as it is when the
	// training begins.
	Uncentered bool

	// Loss is the loss that is trained on. The zero value is SquaredError.
	Loss Loss
	// LossFactor multiplies the loss, and so each step of gradient descent. Many
	// texts have ½. 0 stands for 1. The losses of a trace are without it.
	LossFactor float64
	// OutputScale is α in the function α(f - f₀) that is trained. Its kernel is α²Θ,
	// and a large α makes training lazy. 0 stands for 1.
	//
	// Source: Chizat, Oyallon, Bach 2019, "On lazy training in differentiable
	// programming", sec. 1.1.
	OutputScale float64
	// Parameterization says in which parameters the steps descend.
	Parameterization Parameterization
	// Optimizer is Momentum or Adam. Nil is gradient descent.
	Optimizer Optimizer
	// Batch is the number of points in a step. 0 stands for all of them. Each epoch
	// takes the points in an order that follows from the seed of the net and the
	// number of the epoch. The last step of an epoch has the points that are left.
	Batch int

	// StopBelow, if not 0, ends the run at the first epoch, before its step,
	// where the training loss is below it.
	StopBelow float64
	// StopEvery is the number of epochs between two looks at StopBelow and Plateau.
	// 0 stands for 1. With Batch, each look costs a forward pass over the training
	// points.
	StopEvery int
	// Plateau, if not 0, ends the run when the least training loss so far has
	// not become smaller by a thousandth of itself for this many epochs.
	Plateau int
	// StopAfter, if not 0, ends the run at the first epoch at which it has taken
	// this long. The time before an interruption counts. Where such a run ends
	// depends on the machine.
	StopAfter time.Duration

	// CheckRate makes a learning rate at or above StableRate an error, which names the
	// limit, before the first step.
	CheckRate bool

	// Checkpoints is the folder in which the state of the run is kept while it goes
	// on; see Run.Train. It is made if it does not exist. "" keeps nothing.
	Checkpoints string
	// CheckpointEvery is the time between two checkpoints. 0 stands for the longer
	// of 30 s and twenty times what writing one takes.
	CheckpointEvery time.Duration

	// Device, if not nil, is where the steps are taken; see package device. It has no part in the
	// identity of a run. Nets that it cannot train are trained here, and Trace.Notes says why.
	Device Device

	// Progress, if not nil, is called after each step, and with a Device
	// and for the model of a Stepper after each call of Steps.Advance.
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

// check returns an error for a setting that is out of range.
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
	if !special.Finite(s.OutputScale) {
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
