package train

import (
	"fmt"
	"math"
	"slices"
)

// Series is the mean and spread over trials of one measurement, an entry for each snapshot.
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

// String says where the trials ended, means with their standard deviations, in a line.
func (s Summary) String() string {
	end := len(s.Epochs) - 1
	if end < 0 {
		return "nothing was measured"
	}
	text := fmt.Sprintf("epoch %.0f:", s.Epochs[end])
	for i, m := range []struct {
		name   string
		series Series
		format string
		unit   float64
	}{
		{"train loss", s.TrainLoss, "%.3g ± %.1g", 1},
		{"test loss", s.TestLoss, "%.3g ± %.1g", 1},
		{"train accuracy", s.TrainAccuracy, "%.1f ± %.1f %%", 100},
		{"test accuracy", s.TestAccuracy, "%.1f ± %.1f %%", 100},
	} {
		if i > 0 {
			text += ","
		}
		text += " " + m.name + " " +
			fmt.Sprintf(m.format, m.unit*m.series.Mean[end], m.unit*m.series.Std[end])
	}
	return text
}

// Summarize returns the mean and spread of the traces of several trials. It is an error if
// there is none, or if they were not all measured at the same epochs.
func Summarize(traces []*Trace) (*Summary, error) {
	if len(traces) == 0 || len(traces[0].Points) == 0 {
		return nil, fmt.Errorf("train: nothing to summarize: no trace, or one without measurements")
	}
	s := &Summary{}
	for _, p := range traces[0].Points {
		s.Epochs = append(s.Epochs, float64(p.Epoch))
	}
	for t, trace := range traces {
		if !slices.EqualFunc(
			trace.Points, traces[0].Points, func(a, b Point) bool { return a.Epoch == b.Epoch },
		) {
			return nil, fmt.Errorf("train: trace %d was measured at other epochs than trace 0", t)
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
