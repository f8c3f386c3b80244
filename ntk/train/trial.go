package train

import (
	"fmt"
	"math/rand/v2"

	"github.com/kernelsmith/kernelsmith/ntk/internal/rows"
	"github.com/kernelsmith/kernelsmith/ntk/internal/seed"
	"gonum.org/v1/gonum/mat"
)

// Trial is a run under way, as [Steps] see it.
type Trial struct {
	Net      Net
	Settings Settings
	X, XTest []float32  // inputs, a row for each point
	Y        *mat.Dense // targets of the training points
	// Start has f₀ at the training points (points×outputs), at the first Advance and
	// later; 0 if the settings are Uncentered.
	Start []float32
	// Slots are what the optimizer keeps for each array of parameters: Momentum v, Adam
	// m and then v; empty for what is frozen.
	Slots  [][]float32
	Losses []float64 // see Steps

	yTest     *mat.Dense
	startTest []float32
	model     Model
	of        Description
	problem   Problem
	state     progressState
	clock     stopwatch
	trace     *Trace
	f, fTest  *mat.Dense // outputs, centred and scaled

	snapshots     []int
	stepsPerEpoch int
	order         []int // of the points in an epoch; nil if a step has all of them
	orderOf       int   // the epoch that order is for; -1 for none

	checkpoints *checkpoints // nil for none
	found       bool         // a checkpoint was taken up
	resumed     int          // at this epoch, else 0
	before      float64      // seconds that the run took until then
	note        string       // for the next Progress

	discard   bool        // the net is not looked at after the run
	kept      [][]float32 // parameters at the last snapshot
	keptEpoch int

	steps Steps
	place int // among the trials of steps
	ended bool
	err   error
}

// newTrial checks problem and settings against the net.
func newTrial(net Net, p Problem, s Settings) (*Trial, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	t := &Trial{
		Net: net, Settings: s, model: net.Model(), problem: p,
		snapshots: s.snapshots(), stepsPerEpoch: 1, orderOf: -1, keptEpoch: -1,
	}
	t.of = t.model.Describe()
	var err error
	if t.X, t.Y, err = t.side(p.XTrain, p.YTrain, "XTrain", "YTrain"); err != nil {
		return nil, err
	}
	if t.XTest, t.yTest, err = t.side(p.XTest, p.YTest, "XTest", "YTest"); err != nil {
		return nil, err
	}
	if s.Loss == CrossEntropy {
		if err := checkClasses(t.Y, "YTrain"); err != nil {
			return nil, err
		}
		if err := checkClasses(t.yTest, "YTest"); err != nil {
			return nil, err
		}
	}
	if err := s.Parameterization.check(net.Parameters()); err != nil {
		return nil, err
	}
	if n := t.points(); s.Batch > 0 && s.Batch < n {
		t.stepsPerEpoch = (n + s.Batch - 1) / s.Batch
		t.order = make([]int, n)
	}
	return t, nil
}

// side returns inputs in single precision and a copy of the targets.
func (t *Trial) side(x, y *mat.Dense, xName, yName string) ([]float32, *mat.Dense, error) {
	in, err := rows.Float32(x, xName, -1, t.of.Inputs)
	if err != nil {
		return nil, nil, fmt.Errorf("train: %w", err)
	}
	if _, err := rows.Float32(y, yName, len(in)/t.of.Inputs, t.of.Outputs); err != nil {
		return nil, nil, fmt.Errorf("train: %w", err)
	}
	return in, mat.DenseCopyOf(y), nil
}

// makeArrays makes what a run keeps of its points and parameters.
func (t *Trial) makeArrays() {
	n, m, o := t.points(), len(t.XTest)/t.of.Inputs, t.of.Outputs
	t.f, t.fTest = mat.NewDense(n, o, nil), mat.NewDense(m, o, nil)
	t.Start, t.startTest = make([]float32, n*o), make([]float32, m*o)
	if t.Settings.Optimizer == nil {
		return
	}
	for _, p := range t.Net.Parameters() {
		size := t.Settings.Optimizer.slots()
		if p.Frozen {
			size = 0
		}
		t.Slots = append(t.Slots, make([]float32, size*len(p.Values)))
	}
}

func (t *Trial) points() int { return len(t.X) / t.of.Inputs }

// Position returns where the trial is when Advance is called: the epoch, the steps of
// this epoch that are done, and the steps that are done in all.
func (t *Trial) Position() (epoch, step, steps int) {
	return t.state.Epoch, t.state.Step, t.state.Steps
}

// after returns the epoch, and the number of the step in it, k steps on.
func (t *Trial) after(k int) (epoch, step int) {
	done := t.state.Step + k
	return t.state.Epoch + done/t.stepsPerEpoch, done % t.stepsPerEpoch
}

// Batch returns the training points of a step of an epoch, both from 0, or nil for all
// of them. It is overwritten by the next call.
func (t *Trial) Batch(epoch, step int) []int {
	if t.order == nil {
		return nil
	}
	if t.orderOf != epoch {
		var source rand.PCG
		source.Seed(seed.Mix(t.of.Seed^0xba7c4), seed.Mix(uint64(epoch)))
		for i := range t.order {
			t.order[i] = i
		}
		for i := len(t.order) - 1; i > 0; i-- {
			j := int(source.Uint64() % uint64(i+1)) // biased by 2^-40 or less
			t.order[i], t.order[j] = t.order[j], t.order[i]
		}
		t.orderOf = epoch
	}
	lo := step * t.Settings.Batch
	return t.order[lo:min(lo+t.Settings.Batch, len(t.order))]
}

// keep copies the parameters, for a run that diverges later.
func (t *Trial) keep() error {
	if t.discard {
		return nil
	}
	if err := t.steps.Sync(t.place); err != nil {
		return err
	}
	parameters := t.Net.Parameters()
	if t.kept == nil {
		for _, p := range parameters {
			t.kept = append(t.kept, make([]float32, len(p.Values)))
		}
	}
	for i, p := range parameters {
		copy(t.kept[i], p.Values)
	}
	t.keptEpoch = t.state.Epoch
	return nil
}

// restore gives the net the parameters of the last snapshot and returns its
// epoch, or -1 if there was none.
func (t *Trial) restore() int {
	parameters := t.Net.Parameters()
	for i, kept := range t.kept {
		copy(parameters[i].Values, kept)
	}
	return t.keptEpoch
}
