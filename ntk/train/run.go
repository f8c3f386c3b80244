package train

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"time"

	"github.com/kernelsmith/kernelsmith/ntk"
	"gonum.org/v1/gonum/mat"
)

// Numerics is the version of what training computes with nets of any kind. It is raised when
// the same settings give other results than before, beyond rounding, so that records of
// earlier versions are not taken for them.
const numerics = 1

// Run is a training run from initialisation to trace: everything that determines its
// result.
type Run struct {
	Model    Model
	Problem  Problem
	Settings Settings
}

// Train makes the net and trains it, as [Train] does.
//
// With Settings.Checkpoints, the state of the run is written into that folder from time to
// time, and when the context ends the run: the parameters, the numbers of the optimizer, f₀,
// what was measured, and the position in the order of the points. A run with the same
// identity then goes on from there. At its end a run leaves a small file with its trace,
// which the next run with this identity returns at once. With the portable arithmetic the
// trace is, but for Seconds, the same bytes as without the interruption, and with OpenBLAS it
// is the same up to rounding.
//
// A checkpoint is written under another name and then renamed, so that a kill or a power
// failure leaves none that is cut off. Two generations are kept, each array with its SHA-256.
// A damaged file is renamed to the ending .damaged and reported in Trace.Notes, and the run
// goes on from the other generation, or starts anew if that is damaged too. A folder that
// cannot be written in is an error before the first step. A checkpoint that cannot be
// written later, for example on a full disk, is reported in Progress.Note and Trace.Notes and
// does not end the run. Processes that do the same run at the same time may share a folder:
// none replaces a checkpoint by one of an earlier epoch.
func (r Run) Train(ctx context.Context) (*Trace, error) { return r.train(ctx, false) }

// train makes the net and trains it. Serial is for steps that stay on one goroutine.
func (r Run) train(ctx context.Context, serial bool) (*Trace, error) {
	t, err := r.trial()
	if err != nil {
		return nil, err
	}
	return t.train(ctx, serial)
}

// trial makes the net, and takes up a checkpoint of the run.
func (r Run) trial() (*Trial, error) {
	if r.Model == nil {
		return nil, errors.New("train: a run without a model, which says what net to train")
	}
	net, err := r.Model.New()
	if err != nil {
		return nil, err
	}
	return prepared(net, r, func() string { return "initialisation" }, true)
}

// Train trains the net from its parameters as they are and returns what it measured. A
// run that is interrupted ([*InterruptedError]) or that diverges ([*DivergedError])
// returns the trace up to there with the error; a net that diverged has the parameters
// of the last snapshot, of which a copy is kept while it is trained.
//
// With Checkpoints, a run that was interrupted or killed goes on where its last
// checkpoint was, if net, parameters, problem and settings are the same, and the net has
// the parameters of there; see [Run.Train].
//
// The cost of a step is that of the net's passes over the points of the step, and the
// memory for each set of points that of a pass.
func Train(ctx context.Context, net Net, p Problem, s Settings) (*Trace, error) {
	if net == nil {
		return nil, errors.New("train: no net to train")
	}
	t, err := prepared(net, Run{net.Model(), p, s}, func() string { return fingerprint(net) },
		false)
	if err != nil {
		return nil, err
	}
	return t.train(ctx, false)
}

// prepared returns the trial of a net with all but its steps, at the checkpoint of a run
// from these parameters, if there is one. The net of one that is discarded is not looked
// at after the run.
func prepared(net Net, r Run, parameters func() string, discard bool) (*Trial, error) {
	t, err := newTrial(net, r.Problem, r.Settings)
	if err != nil {
		return nil, err
	}
	t.makeArrays()
	t.discard, t.trace = discard, newTrace(t.of, r.Settings, t.points())
	if r.Settings.Checkpoints != "" {
		if t.checkpoints, err = openCheckpoints(
			r.Settings, r.Identity(), parameters(),
		); err != nil {
			return nil, err
		}
	}
	return t, t.resume()
}

// Identity is what determines the result of a run, in plain values: the key
// under which to keep its record. Matrices and the architecture enter as
// fingerprints, of which the same settings have the same on every kind of
// machine.
type Identity struct {
	Net, Architecture string
	Config            json.RawMessage // Description.Config
	XTrain, YTrain    string
	XTest, YTest      string
	LearningRate      float64
	Epochs            int
	Snapshots         []int
	Centered          bool
	Numerics          int
	StopBelow         float64       `json:",omitzero"`
	StopEvery         int           `json:",omitzero"` // where it is not 1
	Plateau           int           `json:",omitzero"`
	StopAfter         time.Duration `json:",omitzero"`
	Loss              string        `json:",omitzero"` // where it is not SquaredError
	LossFactor        float64       `json:",omitzero"` // where it is not 1
	OutputScale       float64       `json:",omitzero"` // where it is not 1
	Parameterization  string        `json:",omitzero"` // where it is not NTKParameterization
	Optimizer         string        `json:",omitzero"`
	Batch             int           `json:",omitzero"` // where it is not all points
}

// RecordType is the name that keys of records know the type by, which was of package fcn first.
func (Identity) RecordType() string {
	return "github.com/kernelsmith/kernelsmith/ntk/fcn.Identity"
}

// Identity returns the run's identity. Runs that differ in it may have
// different traces; runs that agree in it have the same up to rounding and the
// time taken, if their activations do (see [ntk.FCN.Fingerprint]) and their
// data agree to 26 bits of the largest entry.
func (r Run) Identity() Identity {
	var of Description
	if r.Model != nil {
		of = r.Model.Describe()
	}
	id := Identity{
		Net: of.Net, Architecture: of.Architecture, Config: ntk.Must(json.Marshal(of.Config)),
		XTrain: matrixFingerprint(r.Problem.XTrain), YTrain: matrixFingerprint(r.Problem.YTrain),
		XTest: matrixFingerprint(r.Problem.XTest), YTest: matrixFingerprint(r.Problem.YTest),
		LearningRate: r.Settings.LearningRate, Epochs: r.Settings.Epochs,
		Snapshots: r.Settings.snapshots(), Centered: !r.Settings.Uncentered, Numerics: numerics,
	}
	points := 0
	if r.Problem.XTrain != nil {
		points, _ = r.Problem.XTrain.Dims()
	}
	r.Settings.unusual(&id, points)
	return id
}

// unusual sets the fields of the settings that were added later, where they have another
// value than runs had before: the others stay zero, and with them the keys of earlier
// records. The number of training points is that of a Batch of all.
func (s Settings) unusual(id *Identity, points int) {
	id.StopBelow, id.Plateau, id.StopAfter = s.StopBelow, s.Plateau, s.StopAfter
	if s.StopEvery > 1 && (s.StopBelow > 0 || s.Plateau > 0) {
		id.StopEvery = s.StopEvery
	}
	if s.Loss != SquaredError {
		id.Loss = s.Loss.String()
	}
	if s.LossFactor != 1 {
		id.LossFactor = s.LossFactor
	}
	if s.OutputScale != 1 {
		id.OutputScale = s.OutputScale
	}
	if s.Parameterization != NTKParameterization {
		id.Parameterization = s.Parameterization.String()
	}
	if s.Optimizer != nil {
		id.Optimizer = s.Optimizer.String()
	}
	if s.Batch < points {
		id.Batch = s.Batch
	}
}

func matrixFingerprint(m *mat.Dense) string {
	if m == nil {
		return "none"
	}
	rows, cols := m.Dims()
	// Processors with fused multiplication normalise data to other last bits:
	// count in 2^-26 of the power of two above the largest entry.
	var largest float64
	for i := range rows {
		for _, v := range m.RawRowView(i) {
			largest = math.Max(largest, math.Abs(v))
		}
	}
	_, exponent := math.Frexp(largest)
	h := fnv.New128a()
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], uint64(exponent))
	h.Write(b[:])
	for i := range rows {
		for _, v := range m.RawRowView(i) {
			binary.LittleEndian.PutUint64(b[:],
				uint64(int64(math.Round(math.Ldexp(v, 26-exponent)))))
			h.Write(b[:])
		}
	}
	return fmt.Sprintf("%dx%d-%x", rows, cols, h.Sum(nil))
}
