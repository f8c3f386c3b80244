package fcn

import (
	"context"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math"
	"slices"
	"time"

	"github.com/kernelsmith/kernelsmith/ntk"
	"gonum.org/v1/gonum/mat"
)

// Numerics is the version of what training computes. It is raised when the
// same settings give other results than before, beyond rounding, so that
// records of earlier versions are not taken for them.
const Numerics = 1

// Run is a training run from initialisation to trace: everything that
// determines its result.
type Run struct {
	Arch     *ntk.FCN
	Config   Config
	Problem  Problem
	Settings Settings
}

// Train makes the net and trains it; see [New] and [Net.Train].
//
// With Settings.Checkpoints, the state of the run is written into that folder
// from time to time, and when the context ends the run: weights, optimizer, f₀,
// what was measured, and the place in the order of the points. A run with the
// same identity then goes on from there, and one that had ended returns its
// trace at once, as long as the file is there, which is small then. With the
// portable arithmetic the trace is the same bytes as without the interruption
// but for Seconds, and with OpenBLAS the same up to rounding.
//
// Checkpoints are whole or not there, also after a kill or a power failure; two
// generations are kept, each array with its SHA-256. A damaged file is kept
// beside them under the ending .damaged and is reported in Trace.Notes, and the
// run goes on from the other generation, or else starts anew. A folder that
// cannot be written in is an error before the first step; a checkpoint that
// cannot be written later, as on a full disk, is reported in Progress.Note and
// Trace.Notes and does not end the run. Processes that do the same run at once
// may share a folder: each writes files of its own and puts them in place whole,
// never over one that is further.
func (r Run) Train(ctx context.Context) (*Trace, error) { return r.train(ctx, false) }

// train trains on one goroutine, if serial.
func (r Run) train(ctx context.Context, serial bool) (*Trace, error) {
	net, err := New(r.Arch, r.Config)
	if err != nil {
		return nil, err
	}
	t, err := net.newTraining(r.Problem, r.Settings)
	if err != nil {
		return nil, err
	}
	t.discard = true
	t.train.serial, t.test.serial, t.batch.serial = serial, serial, serial
	if r.Settings.Checkpoints != "" {
		if t.checkpoints, err = openCheckpoints(
			r.Settings, r.Identity(), "initialisation",
		); err != nil {
			return nil, err
		}
	}
	return t.run(ctx)
}

// Identity is what determines the result of a run, in plain values: the key
// under which to keep its record. Matrices and the architecture enter as
// fingerprints, of which the same settings have the same on every kind of
// machine.
type Identity struct {
	Net, Architecture string
	Config            Config
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
	Loss              string        `json:",omitzero"` // where it is not MSE
	LossFactor        float64       `json:",omitzero"` // where it is not 1
	OutputScale       float64       `json:",omitzero"` // where it is not 1
	Parameterization  string        `json:",omitzero"` // where it is not NTKParameterization
	Optimizer         string        `json:",omitzero"`
	Batch             int           `json:",omitzero"` // where it is not all points
}

// Identity returns the run's identity. Runs that differ in it may have
// different traces; runs that agree in it have the same up to rounding and the
// time taken, if their activations do (see [ntk.FCN.Fingerprint]) and their
// data agree to 26 bits of the largest entry.
func (r Run) Identity() Identity {
	id := Identity{
		Config: r.Config,
		XTrain: matrixFingerprint(r.Problem.XTrain), YTrain: matrixFingerprint(r.Problem.YTrain),
		XTest: matrixFingerprint(r.Problem.XTest), YTest: matrixFingerprint(r.Problem.YTest),
		LearningRate: r.Settings.LearningRate, Epochs: r.Settings.Epochs,
		Snapshots: r.Settings.snapshots(), Centered: !r.Settings.Uncentered, Numerics: Numerics,
	}
	points := 0
	if r.Problem.XTrain != nil {
		points, _ = r.Problem.XTrain.Dims()
	}
	r.Settings.unusual(&id, points)
	if r.Arch != nil {
		id.Net, id.Architecture = r.Arch.String(), r.Arch.Fingerprint()
	}
	return id
}

// unusual fills in what is not as it is without saying, for so many training
// points: zero fields leave records of earlier runs their keys.
func (s Settings) unusual(id *Identity, points int) {
	id.StopBelow, id.Plateau, id.StopAfter = s.StopBelow, s.Plateau, s.StopAfter
	if s.StopEvery > 1 && (s.StopBelow > 0 || s.Plateau > 0) {
		id.StopEvery = s.StopEvery
	}
	if s.Loss != MSE {
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

// Series is one measurement over the snapshots of several trials.
type Series struct {
	Mean []float64
	Std  []float64 // standard deviation over trials (n-1); 0 for one trial
}

// Lower returns Mean - Std.
func (s Series) Lower() []float64 { return s.shifted(-1) }

// Upper returns Mean + Std.
func (s Series) Upper() []float64 { return s.shifted(1) }

func (s Series) shifted(by float64) []float64 {
	out := slices.Clone(s.Mean)
	for i, v := range s.Std {
		out[i] += by * v
	}
	return out
}

// Summary is the mean and spread of several trials.
type Summary struct {
	Epochs                      []float64 // of the snapshots
	TrainLoss, TestLoss         Series
	TrainAccuracy, TestAccuracy Series
}

// Summarize returns mean and spread over traces, which must have been measured
// at the same epochs.
func Summarize(traces []*Trace) (*Summary, error) {
	if len(traces) == 0 || len(traces[0].Points) == 0 {
		return nil, fmt.Errorf("fcn: nothing to summarize: no trace, or one without measurements")
	}
	s := &Summary{}
	for _, p := range traces[0].Points {
		s.Epochs = append(s.Epochs, float64(p.Epoch))
	}
	for t, trace := range traces {
		if !slices.EqualFunc(
			trace.Points, traces[0].Points, func(a, b Point) bool { return a.Epoch == b.Epoch },
		) {
			return nil, fmt.Errorf("fcn: trace %d was measured at other epochs than trace 0", t)
		}
	}
	for _, m := range []struct {
		series *Series
		of     func(Point) float64
	}{
		{&s.TrainLoss, func(p Point) float64 { return p.TrainLoss }},
		{&s.TestLoss, func(p Point) float64 { return p.TestLoss }},
		{&s.TrainAccuracy, func(p Point) float64 { return p.TrainAccuracy }},
		{&s.TestAccuracy, func(p Point) float64 { return p.TestAccuracy }},
	} {
		for i := range s.Epochs {
			var sum, squares float64
			for _, t := range traces {
				sum += m.of(t.Points[i])
			}
			mean := sum / float64(len(traces))
			for _, t := range traces {
				d := m.of(t.Points[i]) - mean
				squares += d * d
			}
			m.series.Mean = append(m.series.Mean, mean)
			m.series.Std = append(m.series.Std,
				math.Sqrt(squares/math.Max(1, float64(len(traces)-1))))
		}
	}
	return s, nil
}
