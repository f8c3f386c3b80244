package fcn

import (
	"context"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math"
	"slices"

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
func (r Run) Train(ctx context.Context) (*Trace, error) {
	net, err := New(r.Arch, r.Config)
	if err != nil {
		return nil, err
	}
	return net.Train(ctx, r.Problem, r.Settings)
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
	StopBelow         float64 `json:",omitzero"`
	StopEvery         int     `json:",omitzero"` // where it is not 1
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
	if s := r.Settings; s.StopBelow > 0 {
		id.StopBelow = s.StopBelow
		if s.StopEvery > 1 {
			id.StopEvery = s.StopEvery
		}
	}
	if r.Arch != nil {
		id.Net, id.Architecture = r.Arch.String(), r.Arch.Fingerprint()
	}
	return id
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
			binary.LittleEndian.PutUint64(b[:], uint64(int64(math.Round(math.Ldexp(v, 26-exponent)))))
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
		if !slices.EqualFunc(trace.Points, traces[0].Points, func(a, b Point) bool { return a.Epoch == b.Epoch }) {
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
			m.series.Std = append(m.series.Std, math.Sqrt(squares/math.Max(1, float64(len(traces)-1))))
		}
	}
	return s, nil
}
