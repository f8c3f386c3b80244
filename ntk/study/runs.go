package study

import (
	"context"
	"errors"
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
	// nets, of these and of others. A net without trials is left out.
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

// check reports what no method of the runs can do without: nets with names and architectures, and
// data of one shape.
func (r Runs) check() error {
	if len(r.Nets) == 0 {
		return errors.New("study: the runs have no nets")
	}
	for i, n := range r.Nets {
		if n.Arch == nil || n.Arch.Depth() == 0 {
			return fmt.Errorf("study: net %d, %q, has no architecture", i, n.Name)
		}
	}
	for name, trials := range r.TrialsOf {
		if trials < 0 {
			return fmt.Errorf("study: TrialsOf has %d trials of %q", trials, name)
		}
	}
	if r.Trials < 0 || r.Width < 0 {
		return fmt.Errorf("study: %d trials of width %d; neither can be below 0", r.Trials, r.Width)
	}
	return checkProblem(r.Run(r.Nets[0], 0).Problem)
}

// checkProblem reports data without entries, or of shapes that do not go together.
func checkProblem(p train.Problem) error {
	shape := map[string][2]int{}
	for _, m := range []struct {
		name string
		of   *mat.Dense
	}{{"XTrain", p.XTrain}, {"YTrain", p.YTrain}, {"XTest", p.XTest}, {"YTest", p.YTest}} {
		if m.of == nil {
			return fmt.Errorf("study: the data have no %s", m.name)
		}
		rows, columns := m.of.Dims()
		if rows == 0 || columns == 0 {
			return fmt.Errorf("study: %s is %d×%d; it needs a row and a column", m.name, rows,
				columns)
		}
		shape[m.name] = [2]int{rows, columns}
	}
	x, y, z, w := shape["XTrain"], shape["YTrain"], shape["XTest"], shape["YTest"]
	if x[0] != y[0] || z[0] != w[0] || x[1] != z[1] || y[1] != w[1] {
		return fmt.Errorf("study: XTrain %d×%d, YTrain %d×%d, XTest %d×%d and YTest %d×%d do not "+
			"go together", x[0], x[1], y[0], y[1], z[0], z[1], w[0], w[1])
	}
	return nil
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
	if err := r.check(); err != nil {
		return err
	}
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
// next. With Settings.Device, [Make] trains the trials of a net that it makes here as one program,
// as [train.Trials] does: each Trace.Seconds is then the time of all.
func (r Runs) Tasks() []Task[*train.Trace] {
	var tasks []Task[*train.Trace]
	for _, n := range r.Nets {
		var trials *joint[*train.Trace]
		if r.Settings.Device != nil {
			trials = &joint[*train.Trace]{func(
				ctx context.Context, places []int, folders []string, report func(int, Report),
			) ([]*train.Trace, error) {
				return r.trainTrials(ctx, n, places, folders, report)
			}}
		}
		for trial := range r.trials(n) {
			t := r.task(n, trial)
			t.joint, t.place = trials, trial
			tasks = append(tasks, t)
		}
	}
	return tasks
}

// trainTrials trains some trials of a net at once, as those of a device are.
func (r Runs) trainTrials(
	ctx context.Context, n Net, trials []int, folders []string, report func(i int, r Report),
) ([]*train.Trace, error) {
	runs := make([]train.Run, len(trials))
	for i, trial := range trials {
		runs[i] = r.Run(n, trial)
		runs[i].Settings = Kept(r.Settings, folders[i], func(r Report) { report(i, r) })
	}
	traces, err := train.Trials(ctx, runs)
	var stopped *train.InterruptedError
	if errors.As(err, &stopped) {
		err = stopped // all of them were, not the run that the error counts
	}
	return traces, err
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
	if err := r.check(); err != nil {
		return nil, err
	}
	traces, err := Make(s, "training", "runs", r.Tasks()...)
	if err != nil {
		return nil, err
	}
	return r.results(traces)
}

// Recorded returns the traces of those runs that have a record, and trains none.
func (r Runs) Recorded(s *Study) (*Results, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
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
		for trial := range r.trials(n) {
			if traces[0] != nil {
				of = append(of, traces[0])
				out.trials[n.Name] = append(out.trials[n.Name], trial+1)
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
// the runs), on the data of the first trial. LossFactor and OutputScale count; other optimizers and
// losses have no limit here, and neither have batches, uncentered training and the standard
// parameterization: they are errors. See [regress.Descent] for others.
func (r Runs) Limits(s *Study, epochs []int) (*Results, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	if epochs == nil {
		if epochs = r.Settings.Snapshots; epochs == nil {
			epochs = train.LogSnapshots(r.Settings.Epochs)
		}
	}
	var tasks []Task[[]train.Point]
	for _, n := range r.Nets {
		run := r.Run(n, 0)
		if err := hasLimit(run.Settings); err != nil {
			return nil, fmt.Errorf("study: %s: %w", n.Name, err)
		}
		tasks = append(tasks, Task[[]train.Point]{
			Label: n.RecordLabel("infinite"),
			Key: struct {
				Run      train.Identity
				Epochs   []int
				Numerics int
			}{run.Identity(), epochs, regress.Numerics},
			Run: func(ctx context.Context, _ string, _ func(Report)) ([]train.Point, error) {
				rate := run.Settings.LearningRate * factorOfRate(run.Settings)
				return limit(ctx, n.Arch, run.Problem, rate, epochs)
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

// hasLimit reports settings whose training is not that of [regress.Descent] at infinite width.
func hasLimit(s train.Settings) error {
	switch {
	case s.Optimizer != nil || s.Batch != 0 || s.Loss != train.SquaredError:
		return errors.New("it is not trained by full-batch gradient descent on the squared " +
			"error, of which alone the limit is known")
	case s.Uncentered:
		return errors.New("it is trained uncentered, so that its limit depends on the net at " +
			"initialisation; the limit is known of centred outputs")
	case s.Parameterization != train.NTKParameterization:
		return errors.New("the limit is known of the NTK parameterization alone")
	}
	return nil
}

// factorOfRate is what LossFactor c and OutputScale α come to: gradient descent on c times the
// loss, and with the kernel α²Θ, which moves f as α² times the rate does.
func factorOfRate(s train.Settings) float64 {
	factor := 1.0
	if s.LossFactor != 0 {
		factor = s.LossFactor
	}
	if s.OutputScale != 0 {
		factor *= s.OutputScale * s.OutputScale
	}
	return factor
}

// Limit returns the measurements at the epochs of full-batch gradient descent on the net of
// infinite width, without a record.
func (n Net) Limit(p train.Problem, learningRate float64, epochs []int) ([]train.Point, error) {
	if n.Arch == nil || n.Arch.Depth() == 0 {
		return nil, fmt.Errorf("study: the net %q has no architecture", n.Name)
	}
	if err := checkProblem(p); err != nil {
		return nil, err
	}
	return limit(context.Background(), n.Arch, p, learningRate, epochs)
}

func limit(
	ctx context.Context, net *ntk.FCN, p train.Problem, learningRate float64, epochs []int,
) ([]train.Point, error) {
	gram, cross, err := kernelsOf(ctx, net, p)
	if err != nil {
		return nil, err
	}
	d, err := regress.NewDescent(ctx, gram, cross, p.YTrain, learningRate)
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

// kernelsOf returns the NTK of a net between the training rows, and between test and training rows.
func kernelsOf(
	ctx context.Context, net *ntk.FCN, p train.Problem,
) (gram, cross ntk.Tiles[float64], err error) {
	K, err := net.NTK()
	if err != nil {
		return nil, nil, err
	}
	x, z := inputs(p.XTrain), inputs(p.XTest)
	within, between := make([]float64, x.N*x.N), make([]float64, z.N*x.N)
	if err := ntk.GramInto(ctx, within, K, x, nil); err != nil {
		return nil, nil, err
	}
	if err := ntk.CrossInto(ctx, between, K, z, x, nil); err != nil {
		return nil, nil, err
	}
	return ntk.MatrixTiles(mat.NewSymDense(x.N, within)),
		ntk.MatrixTiles(mat.NewDense(z.N, x.N, between)), nil
}

// inputs are the rows of a matrix.
func inputs(m *mat.Dense) ntk.Inputs[float64] {
	n, d := m.Dims()
	if m.RawMatrix().Stride != d {
		m = mat.DenseCopyOf(m)
	}
	return ntk.Inputs[float64]{Rows: m.RawMatrix().Data[:n*d], N: n, D: d}
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
