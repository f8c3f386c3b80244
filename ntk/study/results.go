package study

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/kernelsmith/kernelsmith/ntk/train"
	"github.com/kernelsmith/kernelsmith/plotting"
)

// Results are the traces of an experiment, by net, in the order in which the nets were given.
type Results struct {
	names     []string
	traces    map[string][]*train.Trace
	trials    map[string][]int // which trial each trace is, from 1; nil where they are all there
	summaries map[string]*train.Summary
}

func newResults() *Results {
	return &Results{
		traces: map[string][]*train.Trace{}, trials: map[string][]int{},
		summaries: map[string]*train.Summary{},
	}
}

// add takes the traces of a net, which may be none.
func (r *Results) add(name string, traces []*train.Trace) error {
	if slices.Contains(r.names, name) {
		return fmt.Errorf("study: two nets are named %q", name)
	}
	if len(traces) > 0 {
		summary, err := train.Summarize(traces)
		if err != nil {
			return fmt.Errorf("study: %s: %w", name, err)
		}
		r.summaries[name] = summary
	}
	r.names, r.traces[name] = append(r.names, name), traces
	return nil
}

// Names returns the names of the nets, in their order.
func (r *Results) Names() []string { return slices.Clone(r.names) }

// trial is which trial a trace of a net is, from 1.
func (r *Results) trial(name string, trace int) int {
	if of := r.trials[name]; trace < len(of) {
		return of[trace]
	}
	return trace + 1
}

// Traces returns the traces of a net in the order of their trials, of which [Runs.Recorded] may
// have left some out; Seed tells them apart.
func (r *Results) Traces(name string) []*train.Trace { return r.traces[name] }

// Summary returns mean and spread over the trials of a net, nil if it has none.
func (r *Results) Summary(name string) *train.Summary { return r.summaries[name] }

// At returns mean and standard deviation over the trials of a net at an epoch; all is NaN where
// nothing was measured, and the standard deviation is 0 of a single trial.
func (r *Results) At(name string, epoch int) (mean, std train.Point) {
	none := train.Point{Epoch: epoch, TrainLoss: math.NaN(), TestLoss: math.NaN(),
		TrainAccuracy: math.NaN(), TestAccuracy: math.NaN()}
	if r == nil || r.summaries[name] == nil {
		return none, none
	}
	s := r.summaries[name]
	i := slices.Index(s.Epochs, float64(epoch))
	if i < 0 {
		return none, none
	}
	pick := func(of func(train.Series) []float64) train.Point {
		return train.Point{Epoch: epoch, TrainLoss: of(s.TrainLoss)[i], TestLoss: of(s.TestLoss)[i],
			TrainAccuracy: of(s.TrainAccuracy)[i], TestAccuracy: of(s.TestAccuracy)[i]}
	}
	return pick(func(s train.Series) []float64 { return s.Mean }),
		pick(func(s train.Series) []float64 { return s.Std })
}

// Losses writes the training and the test loss of a net at an epoch for a table, as mean ±
// standard deviation where there are several trials; "–" is no trial.
func (r *Results) Losses(name string, epoch int) []string { return r.written(name, epoch)[:2] }

// Numbers writes the means of train loss, test loss, train accuracy and test accuracy at an epoch
// for a table, losses to four places and accuracies to three.
func (r *Results) Numbers(name string, epoch int) []string {
	mean, _ := r.At(name, epoch)
	return numbers(mean)
}

func numbers(p train.Point) []string {
	return []string{fmt.Sprintf("%.4f", p.TrainLoss), fmt.Sprintf("%.4f", p.TestLoss),
		fmt.Sprintf("%.3f", p.TrainAccuracy), fmt.Sprintf("%.3f", p.TestAccuracy)}
}

// Beside writes train loss, test loss, train accuracy and test accuracy at an epoch for a table,
// each as in [Results.Losses] with the limit of infinite width in brackets.
func (r *Results) Beside(limits *Results, name string, epoch int) []string {
	out, of := r.written(name, epoch), limits.written(name, epoch)
	for i := range out {
		out[i] += " (" + of[i] + ")"
	}
	return out
}

func (r *Results) written(name string, epoch int) []string {
	mean, std := r.At(name, epoch)
	out := make([]string, len(measurements))
	for i, m := range measurements {
		trials := 0
		if r != nil {
			trials = len(r.traces[name])
		}
		switch {
		case trials == 0:
			out[i] = "–"
		case trials == 1:
			out[i] = fmt.Sprintf("%.4f", m.at(mean))
		default:
			out[i] = fmt.Sprintf("%.4f ± %.4f", m.at(mean), m.at(std))
		}
	}
	return out
}

// Trials says how many trials the means are over, for captions: "trials: 1HL ReLU 3, 4HL ReLU 1".
func (r *Results) Trials() string {
	var out []string
	for _, name := range r.names {
		out = append(out, fmt.Sprintf("%s %d", name, len(r.traces[name])))
	}
	return "trials: " + strings.Join(out, ", ")
}

// String says where each net ended: a line for each, a mean over its trials.
func (r *Results) String() string {
	if r == nil {
		return "no results"
	}
	var lines []string
	for _, name := range r.names {
		line := name + ": nothing was measured"
		if s := r.summaries[name]; s != nil {
			line = fmt.Sprintf("%s, %d trials, %v", name, len(r.traces[name]), s)
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

// ShowRuns shows the runs as a table: seed, width, parameters, time and arithmetic of each.
func (r *Results) ShowRuns(caption string) error {
	var rows [][]string
	for _, name := range r.names {
		for i, t := range r.traces[name] {
			rows = append(rows, []string{name, fmt.Sprint(r.trial(name, i)), fmt.Sprint(t.Seed),
				fmt.Sprint(t.Width), fmt.Sprint(t.Params), fmt.Sprintf("%.0f s", t.Seconds),
				t.Arithmetic})
		}
	}
	return plotting.ShowTable([]string{"net", "trial", "seed", "width", "parameters", "time",
		"arithmetic"}, rows, caption)
}

// ShowTrials shows each trial of the nets at the last of its epochs as a table, and what the nets
// go to at infinite width: losses, accuracies and the time that a trial took.
func (r *Results) ShowTrials(limits *Results, caption string) error {
	var rows [][]string
	for _, name := range r.names {
		last := 0
		for i, t := range r.traces[name] {
			p := t.Points[len(t.Points)-1]
			last = p.Epoch
			rows = append(rows, append([]string{name, fmt.Sprint(r.trial(name, i)),
				fmt.Sprintf("%.0f s", t.Seconds)}, numbers(p)...))
		}
		if last > 0 {
			rows = append(rows,
				append([]string{name, "∞ width", ""}, limits.Numbers(name, last)...))
		}
	}
	return plotting.ShowTable(append([]string{"net", "trial", "time"}, fourNumbers()...), rows,
		caption)
}

// ShowBeside shows the nets at some epochs as a table: mean ± standard deviation over trials, and
// in brackets the limit of infinite width.
func (r *Results) ShowBeside(limits *Results, epochs []int, caption string) error {
	if err := r.measured(epochs); err != nil {
		return err
	}
	var rows [][]string
	for _, name := range r.names {
		for _, epoch := range epochs {
			rows = append(rows, append([]string{name, fmt.Sprint(len(r.traces[name])),
				fmt.Sprint(epoch)}, r.Beside(limits, name, epoch)...))
		}
	}
	return plotting.ShowTable(append([]string{"net", "trials", "epoch"}, fourNumbers()...), rows,
		caption)
}

// ShowDistances shows the mean losses of the nets at some epochs as a table, each beside its limit
// of infinite width and with the difference.
func (r *Results) ShowDistances(limits *Results, epochs []int, caption string) error {
	if err := r.measured(epochs); err != nil {
		return err
	}
	var rows [][]string
	for _, name := range r.names {
		for _, epoch := range epochs {
			net, _ := r.At(name, epoch)
			limit, _ := limits.At(name, epoch)
			row := []string{name, fmt.Sprint(epoch)}
			for _, m := range measurements[:2] {
				row = append(row, fmt.Sprintf("%.4f", m.at(net)), fmt.Sprintf("%.4f", m.at(limit)),
					fmt.Sprintf("%+.4f", m.at(net)-m.at(limit)))
			}
			rows = append(rows, row)
		}
	}
	return plotting.ShowTable([]string{"net", "epoch", "train loss", "infinite width",
		"difference", "test loss", "infinite width", "difference"}, rows, caption)
}

// measured reports an epoch at which a net with trials was not measured.
func (r *Results) measured(epochs []int) error {
	for _, name := range r.names {
		s := r.summaries[name]
		for _, epoch := range epochs {
			if s != nil && !slices.Contains(s.Epochs, float64(epoch)) {
				return fmt.Errorf("study: %s was not measured at epoch %d, but at %v; name it in "+
					"Settings.Snapshots", name, epoch, s.Epochs)
			}
		}
	}
	return nil
}

// fourNumbers are the heads of the columns of what At returns.
func fourNumbers() (heads []string) {
	for _, m := range measurements {
		heads = append(heads, m.part+" "+m.what)
	}
	return heads
}

// measurements are the four numbers of a point, with the part of the data and the axis of each.
var measurements = []struct {
	part, what string
	of         func(*train.Summary) train.Series
	at         func(train.Point) float64
}{
	{"train", "loss", func(s *train.Summary) train.Series { return s.TrainLoss },
		func(p train.Point) float64 { return p.TrainLoss }},
	{"test", "loss", func(s *train.Summary) train.Series { return s.TestLoss },
		func(p train.Point) float64 { return p.TestLoss }},
	{"train", "accuracy", func(s *train.Summary) train.Series { return s.TrainAccuracy },
		func(p train.Point) float64 { return p.TrainAccuracy }},
	{"test", "accuracy", func(s *train.Summary) train.Series { return s.TestAccuracy },
		func(p train.Point) float64 { return p.TestAccuracy }},
}

// Curves draws losses and accuracies against the epoch in four panels: the mean over trials of
// each net with a band of one standard deviation and, where limits are given, what it goes to
// at infinite width as a thin line.
func Curves(results, limits *Results) *plotting.Grid {
	var panels [][]plotting.Drawing
	for i, m := range measurements {
		f := plotting.New(plotting.Options{Title: m.part, X: "epoch", Y: m.what, LogX: true})
		for _, name := range results.names {
			if s := results.summaries[name]; s != nil {
				f.Band(name, s.Epochs, m.of(s).Lower(), m.of(s).Upper())
				f.Line(name, s.Epochs, m.of(s).Mean)
			}
			if limits == nil {
				continue
			}
			if s := limits.summaries[name]; s != nil {
				f.Line("", s.Epochs, m.of(s).Mean, plotting.Thin, plotting.Like(name))
			}
		}
		if limits != nil {
			f.Key("infinite width", plotting.Thin)
		}
		if i%2 == 0 {
			panels = append(panels, nil)
		}
		panels[i/2] = append(panels[i/2], f)
	}
	return plotting.Panels(panels, plotting.PanelOptions{Letters: true, SharedLegend: true})
}

// Published are the printed numbers of an experiment.
type Published struct {
	Source string // where they were published: "blog post, Figure 4"
	Epochs []int
	// Points are train loss, test loss, train accuracy and test accuracy at each epoch, by net.
	Points map[string][][4]float64
	// LossTolerance and AccuracyTolerance are how far apart the two may be to agree, and Why
	// says where that is from. No tolerance is wider than half of the distance between the printed
	// nets at that epoch, which is what the curves show.
	LossTolerance, AccuracyTolerance float64
	Why                              string
}

// Compared is the first trial of each net beside printed numbers.
type Compared struct {
	// Comparisons is each pair of numbers; the published report gathers those that are shown.
	Comparisons    []plotting.Comparison
	Loss, Accuracy float64 // the largest differences

	rows [][]string
}

// String says how many numbers agree and how far apart the others are, in a line.
func (c Compared) String() string {
	agree := 0
	for _, one := range c.Comparisons {
		if one.Agrees() {
			agree++
		}
	}
	return fmt.Sprintf("%d of %d numbers agree; largest difference %.2g in loss, %.2g in accuracy",
		agree, len(c.Comparisons), c.Loss, c.Accuracy)
}

// ShowTable shows the numbers as a table, "ours / published", and hands Comparisons to the
// published report, where they count: set them to nil where the settings are others than the
// published ones.
func (c *Compared) ShowTable(caption string) error {
	return plotting.ShowCompared(append([]string{"net", "epoch"}, fourNumbers()...), c.rows,
		caption, c.Comparisons)
}

// Compare compares the first trial of each net with the printed numbers; nets of which none
// are printed are left out. A net or an epoch without a measurement is an error.
func (r *Results) Compare(p Published) (*Compared, error) {
	for name := range p.Points {
		if !slices.Contains(r.names, name) {
			return nil, fmt.Errorf("study: numbers are printed of %q, which is none of the nets %q",
				name, r.names)
		}
	}
	out := &Compared{}
	for _, name := range r.names {
		printed := p.Points[name]
		if len(printed) == 0 {
			continue
		}
		if len(printed) != len(p.Epochs) || len(r.traces[name]) == 0 {
			return nil, fmt.Errorf("study: %s has %d printed points for %d epochs and %d trials",
				name, len(printed), len(p.Epochs), len(r.traces[name]))
		}
		if first := r.trial(name, 0); first != 1 {
			return nil, fmt.Errorf("study: the first trial of %s is missing; the first there is "+
				"is trial %d", name, first)
		}
		for i, epoch := range p.Epochs {
			points := r.traces[name][0].Points
			k := slices.IndexFunc(points, func(q train.Point) bool { return q.Epoch == epoch })
			if k < 0 {
				return nil, fmt.Errorf("study: %s was not measured at epoch %d", name, epoch)
			}
			out.row(p, name, i, points[k])
		}
	}
	return out, nil
}

// effect is how far the printed nets are apart in a measurement at an epoch, which is what their
// curves show; 0 with one net.
func (p Published) effect(measurement, at int) float64 {
	least, most := math.Inf(1), math.Inf(-1)
	for _, points := range p.Points {
		if at < len(points) {
			least = math.Min(least, points[at][measurement])
			most = math.Max(most, points[at][measurement])
		}
	}
	return most - least
}

// row compares a net at one of the printed epochs.
func (c *Compared) row(p Published, name string, at int, ours train.Point) {
	printed := p.Points[name][at]
	row := []string{name, fmt.Sprint(ours.Epoch)}
	for i, m := range measurements {
		one := plotting.Comparison{
			Quantity: fmt.Sprintf("%s, epoch %d, %s %s", name, ours.Epoch, m.part, m.what),
			Source:   p.Source, Published: printed[i], Ours: m.at(ours),
			Tolerance: p.LossTolerance, Why: p.Why, Effect: p.effect(i, at),
		}
		worst := &c.Loss
		if m.what == "accuracy" {
			one.Tolerance, worst = p.AccuracyTolerance, &c.Accuracy
		}
		*worst = math.Max(*worst, math.Abs(one.Ours-one.Published))
		c.Comparisons = append(c.Comparisons, one)
		row = append(row, fmt.Sprintf("%.4f / %.4f", one.Ours, one.Published))
	}
	c.rows = append(c.rows, row)
}
