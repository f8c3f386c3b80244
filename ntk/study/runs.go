package study

import (
	"context"
	"fmt"
	"math"
	"strings"

	"github.com/kernelsmith/kernelsmith/data"
	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/fcn"
	"github.com/kernelsmith/kernelsmith/ntk/regress"
	"github.com/kernelsmith/kernelsmith/ntk/train"
	"github.com/kernelsmith/kernelsmith/plotting"
	"gonum.org/v1/gonum/mat"
)

// Net is a net of an experiment.
type Net struct {
	Name string // in figures and tables, such as "4HL ReLU"
	Arch *ntk.FCN
	// Label is the net in names of records; "" is the name with hyphens for spaces.
	Label string
}

// Problem returns what nets are trained on: the prepared data as a regression problem, with a
// one-hot target for each class.
func Problem(p *data.Prepared) train.Problem {
	return train.Problem{XTrain: p.XTrain, YTrain: p.YTrain, XTest: p.XTest, YTest: p.YTest}
}

// RecordLabel returns the label of a record of the net, such as "4HL-ReLU-gram" for "gram".
func (n Net) RecordLabel(of string) string {
	label := n.Label
	if label == "" {
		label = strings.ReplaceAll(n.Name, " ", "-")
	}
	return label + "-" + of
}

// Runs are the trainings of an experiment: some nets on some data, each several times. Trial t,
// from 0, has the parameters of seed t+1.
type Runs struct {
	Nets []Net
	// Data is what all trials train on, or DataOf what trial t trains on, where that is set.
	Data   train.Problem
	DataOf func(trial int) train.Problem
	Width  int
	// Trials is how often each net is trained, but for those in TrialsOf, which has names of
	// nets. A net without trials is left out.
	Trials   int
	TrialsOf map[string]int
	Settings train.Settings
	// Label is in names of records between the net and the trial, such as "width-64"; "" is
	// nothing.
	Label string
}

// trials is how often a net is trained.
func (r Runs) trials(n Net) int {
	if t, ok := r.TrialsOf[n.Name]; ok {
		return t
	}
	return r.Trials
}

// Run returns the training of a net in a trial: everything that its result depends on.
func (r Runs) Run(n Net, trial int) train.Run {
	p := r.Data
	if r.DataOf != nil {
		p = r.DataOf(trial)
	}
	columns := func(m *mat.Dense) int {
		if m == nil {
			return 0 // which training reports
		}
		_, c := m.Dims()
		return c
	}
	return train.Run{
		Model: fcn.Model{Arch: n.Arch, Config: fcn.Config{
			Inputs: columns(p.XTrain), Width: r.Width, Outputs: columns(p.YTrain),
			Seed: uint64(trial + 1),
		}},
		Problem: p, Settings: r.Settings,
	}
}

// ShowSizes shows the trained parameters of the nets as a table, and their share of those of the
// net with a name.
func (r Runs) ShowSizes(of, caption string) error {
	whole := math.NaN()
	params := make([]int, len(r.Nets))
	for i, n := range r.Nets {
		c := r.Run(n, 0).Model.(fcn.Model).Config
		params[i] = n.Arch.Params(c.Inputs, c.Width, c.Outputs)
		if n.Name == of {
			whole = float64(params[i])
		}
	}
	if math.IsNaN(whole) {
		return fmt.Errorf("study: no net is named %q", of)
	}
	var rows [][]string
	for i, n := range r.Nets {
		rows = append(rows, []string{n.Name, fmt.Sprint(r.Width), fmt.Sprint(params[i]),
			fmt.Sprintf("%.3g %%", 100*float64(params[i])/whole)})
	}
	return plotting.ShowTable([]string{"net", "width", "parameters", "of " + of}, rows, caption)
}

// Tasks returns a task for each net and trial: the trials of the first net, then those of the
// next.
func (r Runs) Tasks() []Task[*train.Trace] {
	var tasks []Task[*train.Trace]
	for _, n := range r.Nets {
		for trial := range r.trials(n) {
			tasks = append(tasks, r.task(n, trial))
		}
	}
	return tasks
}

func (r Runs) task(n Net, trial int) Task[*train.Trace] {
	label := fmt.Sprintf("trial-%d", trial+1)
	if r.Label != "" {
		label = r.Label + "-" + label
	}
	run := r.Run(n, trial)
	return Task[*train.Trace]{
		Label: n.RecordLabel(label),
		Key:   run.Identity(),
		Steps: r.Settings.Epochs,
		Run: func(
			ctx context.Context, folder string, report func(Report),
		) (*train.Trace, error) {
			kept := run
			kept.Settings = Kept(run.Settings, folder, report)
			return kept.Train(ctx)
		},
	}
}

// Kept returns settings with which a training keeps its checkpoints in the folder of a task and
// reports its epochs: for tasks that are more than a training.
func Kept(s train.Settings, folder string, report func(Report)) train.Settings {
	s.Checkpoints = folder
	s.Progress = func(p train.Progress) {
		report(Report{Done: p.Epoch, Status: p.String(), Note: p.Note})
	}
	return s
}

// Train returns the traces of all runs, of which it trains those without a record; see [Make].
func (r Runs) Train(s *Study) (*Results, error) {
	traces, err := Make(s, "training", "runs", r.Tasks()...)
	if err != nil {
		return nil, err
	}
	return r.results(traces)
}

// Recorded returns the traces of those runs that have a record, and trains none.
func (r Runs) Recorded(s *Study) (*Results, error) {
	traces, _, err := load(s, r.Tasks())
	if err != nil {
		return nil, err
	}
	return r.results(traces)
}

// results gathers traces in the order of Tasks; a nil one is missing.
func (r Runs) results(traces []*train.Trace) (*Results, error) {
	out := newResults()
	for _, n := range r.Nets {
		if r.trials(n) == 0 {
			continue
		}
		var of []*train.Trace
		for range r.trials(n) {
			if traces[0] != nil {
				of = append(of, traces[0])
			}
			traces = traces[1:]
		}
		if err := out.add(n.Name, of); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Limits returns what the runs go to at infinite width, in the form of their results: the
// measurements that gradient descent on the net's NTK has at the given epochs (nil is those of
// the runs), on the data of the first trial. Other optimizers and losses have none, and neither
// have batches. See [regress.Descent] for errors.
func (r Runs) Limits(s *Study, epochs []int) (*Results, error) {
	if epochs == nil {
		if epochs = r.Settings.Snapshots; epochs == nil {
			epochs = train.LogSnapshots(r.Settings.Epochs)
		}
	}
	var tasks []Task[[]train.Point]
	for _, n := range r.Nets {
		run := r.Run(n, 0)
		if o := run.Settings; o.Optimizer != nil || o.Batch != 0 || o.Loss != train.SquaredError {
			return nil, fmt.Errorf("study: %s is not trained by full-batch gradient descent on "+
				"the squared error, of which alone the limit is known", n.Name)
		}
		tasks = append(tasks, Task[[]train.Point]{
			Label: n.RecordLabel("infinite"),
			Key: struct {
				Run      train.Identity
				Epochs   []int
				Numerics int
			}{run.Identity(), epochs, regress.Numerics},
			Run: func(context.Context, string, func(Report)) ([]train.Point, error) {
				return Limit(n.Arch, run.Problem, run.Settings.LearningRate, epochs)
			},
		})
	}
	doing := "predicting"
	if r.Label != "" {
		doing += " " + r.Label
	}
	all, err := Make(s, doing, "predictions for infinite width", tasks...)
	if err != nil {
		return nil, err
	}
	out := newResults()
	for i, n := range r.Nets {
		limit := &train.Trace{Net: n.Arch.String(), Points: all[i]}
		if err := out.add(n.Name, []*train.Trace{limit}); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Limit returns the measurements at the epochs of full-batch gradient descent on a net of
// infinite width.
func Limit(
	net *ntk.FCN, p train.Problem, learningRate float64, epochs []int,
) ([]train.Point, error) {
	K, err := net.NTK()
	if err != nil {
		return nil, err
	}
	gram, err := K.Gram(p.XTrain)
	if err != nil {
		return nil, err
	}
	cross, err := K.Cross(p.XTest, p.XTrain)
	if err != nil {
		return nil, err
	}
	d, err := regress.NewDescent(context.Background(), ntk.MatrixTiles(gram),
		ntk.MatrixTiles(cross), p.YTrain, learningRate)
	if err != nil {
		return nil, err
	}
	points := make([]train.Point, len(epochs))
	for i, epoch := range epochs {
		f, g, err := d.At(epoch)
		if err != nil {
			return nil, err
		}
		if points[i], err = Measured(epoch, f, g, p); err != nil {
			return nil, err
		}
	}
	return points, nil
}

// Measured returns losses and accuracies of outputs f on the training points and g on the test
// points.
func Measured(epoch int, f, g *mat.Dense, p train.Problem) (train.Point, error) {
	point := train.Point{Epoch: epoch}
	for _, m := range []struct {
		of   func(outputs, targets mat.Matrix) (float64, error)
		f, y *mat.Dense
		to   *float64
	}{
		{ntk.MSE, f, p.YTrain, &point.TrainLoss}, {ntk.MSE, g, p.YTest, &point.TestLoss},
		{ntk.Accuracy, f, p.YTrain, &point.TrainAccuracy},
		{ntk.Accuracy, g, p.YTest, &point.TestAccuracy},
	} {
		v, err := m.of(m.f, m.y)
		if err != nil {
			return train.Point{}, fmt.Errorf("study: epoch %d: %w", epoch, err)
		}
		*m.to = v
	}
	return point, nil
}
