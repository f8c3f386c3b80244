package study

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kernelsmith/kernelsmith/data"
	"github.com/kernelsmith/kernelsmith/internal/regular"
	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/fcn"
	"github.com/kernelsmith/kernelsmith/ntk/internal/accel"
	"github.com/kernelsmith/kernelsmith/ntk/regress"
	"github.com/kernelsmith/kernelsmith/ntk/train"
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/mat"
)

// Machine is a way to learn from many rows with a kernel: regression with the NTK of a net, exact
// or near it, or a net of finite width.
type Machine struct {
	// Net has the kernel: its NTK, but with the method "features" the NNGP kernel of a net of one
	// hidden layer with σ_w = 1 and σ_b = 0.
	Net Net
	// Method is "exact" for [regress.Solve] with a factor in single precision, "conjugate
	// gradients" for the same with some of the rows in place of the factor, "landmarks" for
	// [regress.FitLandmarks] on the first Size rows, "features" for [regress.FitFeatures] on Size
	// random features, and "trained" for the net itself with the width Size. Seeds are 1.
	Method string
	Rows   int // the first ones of the training rows
	Size   int // 0 with "exact" and "conjugate gradients"
	// RelativeRidge and Tolerance are those of [regress.SolveSettings], and Training those of
	// a net that is trained.
	RelativeRidge, Tolerance float64
	Training                 train.Settings
	// BesideLAPACK times LAPACK's bare Cholesky factorisation in single precision after the fit, of
	// as many rows or of 20,000, the most that its threads take without a fault; that stands for
	// more rows by their third power.
	BesideLAPACK bool
}

// Learned is what a [Machine] came to, and what that took.
type Learned struct {
	Rows, Size int
	Ridge      float64 // δ, in absolute terms
	// Seconds are those to fit, with those before an interruption, and Predicting those of the
	// test rows.
	Seconds, Predicting float64
	// Bytes is the most memory that the program held while it fitted, its rows and garbage
	// included, without the matrix library's own buffers.
	Bytes int64
	// Residual and Passes are those of [regress.Fit]; 0 for a net that was trained.
	Residual float64
	Passes   int
	// TestLoss is the mean square error, and TestError the part of the test rows that are taken
	// for another class.
	TestLoss, TestError float64
	LAPACK              float64 `json:",omitzero"` // seconds, see BesideLAPACK
	Machine             string  // its processor, where the system names it, and how many there are
	Arithmetic          string  // of [ntk.BLAS]
}

// machineSteps is what a fit counts for in the progress line.
const machineSteps = 1000

// Learn returns what the machines come to, in their order, on the rows of the set's own split: the
// first ones of its training rows, which are normalised without the others, and all its test rows.
// What has a record is loaded, the others are made one after the other; see [Make].
func (s *Study) Learn(
	set *data.Dataset, norm data.Normalization, machines ...Machine,
) ([]Learned, error) {
	if set == nil || set.Split == nil || norm == nil {
		return nil, errors.New("study: a set with a split and a normalisation are needed")
	}
	rows := set.Fingerprint()
	var tasks []Task[Learned]
	for _, m := range machines {
		if err := m.check(len(set.Split.Train)); err != nil {
			return nil, err
		}
		tasks = append(tasks, Task[Learned]{
			Label: m.Net.RecordLabel(fmt.Sprintf("%s-%d-rows",
				strings.ReplaceAll(m.Method, " ", "-"), m.Rows)),
			Key:   m.key(set, rows, norm),
			Steps: machineSteps,
			Run: func(
				ctx context.Context, folder string, report func(Report),
			) (Learned, error) {
				return m.learn(ctx, set, norm, folder, report)
			},
		})
	}
	return Make(s, "fitting", "fits", tasks...)
}

// check reports a machine that cannot learn from so many rows.
func (m Machine) check(rows int) error {
	methods := []string{"exact", "conjugate gradients", "landmarks", "features", "trained"}
	switch sized := slices.Index(methods, m.Method) >= 2; {
	case m.Net.Arch == nil || m.Net.Arch.Depth() == 0:
		return fmt.Errorf("study: the net %q has no architecture", m.Net.Name)
	case !slices.Contains(methods, m.Method):
		return fmt.Errorf("study: the method %q is none of %q", m.Method, methods)
	case m.Rows < 1 || m.Rows > rows:
		return fmt.Errorf("study: %d rows to learn from; the set has 1 to %d", m.Rows, rows)
	case sized && m.Size < 1 || !sized && m.Size != 0:
		return fmt.Errorf("study: Size is %d with %q; it must be ≥ 1 with %q and 0 with the others",
			m.Size, m.Method, methods[2:])
	case m.Method == "landmarks" && m.Size > m.Rows:
		return fmt.Errorf("study: %d landmarks of %d rows", m.Size, m.Rows)
	}
	return nil
}

// key is everything that determines what a machine comes to. The rows are named by the whole
// set and how many they are, so that they need not be prepared to look for a record.
func (m Machine) key(set *data.Dataset, rows string, norm data.Normalization) any {
	key := struct {
		Set, Normalization   string
		Net, Method          string
		Rows, Size, TestRows int
		Numerics             int
		RelativeRidge        float64         `json:",omitzero"`
		Tolerance            float64         `json:",omitzero"`
		Training             *train.Identity `json:",omitzero"`
		Batch                int             `json:",omitzero"`
		BesideLAPACK         bool            `json:",omitzero"`
	}{Set: rows, Normalization: norm.String(), Net: m.Net.Arch.Fingerprint(), Method: m.Method,
		Rows: m.Rows, Size: m.Size, TestRows: len(set.Split.Test), Numerics: regress.Numerics,
		RelativeRidge: m.RelativeRidge, Tolerance: m.Tolerance, BesideLAPACK: m.BesideLAPACK}
	if m.Method == "trained" {
		run := train.Run{Model: m.model(set), Settings: m.Training}
		id := run.Identity()
		key.Training, key.Batch = &id, m.Training.Batch
	}
	return key
}

func (m Machine) model(set *data.Dataset) fcn.Model {
	_, inputs := set.Dims()
	return fcn.Model{Arch: m.Net.Arch, Config: fcn.Config{Inputs: inputs, Width: m.Size,
		Outputs: set.Classes, Seed: 1}}
}

// learn prepares the rows, fits and measures.
func (m Machine) learn(
	ctx context.Context, set *data.Dataset, norm data.Normalization, folder string,
	report func(Report),
) (Learned, error) {
	l := Learned{Rows: m.Rows, Size: m.Size, Machine: processorName(), Arithmetic: ntk.BLAS()}
	p, err := data.Prepare(set, data.Split{Train: set.Split.Train[:m.Rows], Test: set.Split.Test},
		norm)
	if err != nil {
		return l, err
	}
	spent := filepath.Join(folder, "seconds")
	before, err := regular.Read(spent, 1<<10)
	if err == nil {
		l.Seconds, err = strconv.ParseFloat(string(before), 64)
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return l, fmt.Errorf("study: the time spent before: %w", err)
	}
	var predict func() (*mat.Dense, error)
	start := time.Now()
	l.Bytes = most(func() { predict, err = m.fit(ctx, p, &l, set, folder, report) })
	l.Seconds += time.Since(start).Seconds()
	if err != nil {
		_ = os.WriteFile(spent, []byte(strconv.FormatFloat(l.Seconds, 'g', -1, 64)), 0o644)
		return l, err
	}
	if predict != nil {
		start = time.Now()
		f, err := predict()
		if err != nil {
			return l, err
		}
		l.Predicting = time.Since(start).Seconds()
		if l.TestLoss, err = ntk.MSE(f, p.YTest); err != nil {
			return l, err
		}
		right, err := ntk.Accuracy(f, p.YTest)
		if err != nil {
			return l, err
		}
		l.TestError = 1 - right
	}
	if m.BesideLAPACK {
		predict = nil // and with it what it holds
		l.LAPACK, err = bareFactor(m.Rows)
	}
	return l, err
}

// fit makes the function and returns what predicts the test rows.
func (m Machine) fit(
	ctx context.Context, p *data.Prepared, l *Learned, set *data.Dataset, folder string,
	report func(Report),
) (predict func() (*mat.Dense, error), err error) {
	if m.Method == "trained" {
		return nil, m.train(ctx, p, l, set, folder, report)
	}
	s := &regress.SolveSettings{RelativeRidge: m.RelativeRidge, Tolerance: m.Tolerance,
		Memory: 16 << 30, Checkpoint: filepath.Join(folder, "state"),
		Progress: func(done, total int) {
			report(Report{Done: int(float64(done) / float64(total) * machineSteps)})
		}}
	x, z := inputs(p.XTrain), inputs(p.XTest)
	if m.Method == "features" {
		return m.features(ctx, x, z, p.YTrain, s, l)
	}
	K, err := m.Net.Arch.NTK()
	if err != nil {
		return nil, err
	}
	var fit *regress.Fit
	on := x
	switch m.Method {
	case "landmarks":
		on = ntk.Inputs[float64]{Rows: x.Rows[:m.Size*x.D], N: m.Size, D: x.D}
		fit, err = onLandmarks(ctx, K, x, on, p.YTrain, s)
	default:
		s.Method = "single"
		if m.Method != "exact" {
			s.Method, s.Memory = "landmarks", 2<<30
		}
		var gram ntk.Tiles[float64]
		if gram, err = ntk.GramTiles(ctx, K, x); err != nil {
			return nil, err
		}
		fit, err = regress.Solve(ctx, gram, p.YTrain, s)
	}
	if err != nil {
		return nil, err
	}
	l.fitted(fit)
	return func() (*mat.Dense, error) {
		cross, err := ntk.CrossTiles(ctx, K, z, on)
		if err != nil {
			return nil, err
		}
		return fit.Predict(ctx, cross)
	}, nil
}

func (l *Learned) fitted(fit *regress.Fit) {
	l.Ridge, l.Residual, l.Passes = fit.Ridge, fit.Residual, fit.Passes
}

// onLandmarks fits a model on landmarks.
func onLandmarks(
	ctx context.Context, K ntk.Kernel, x, on ntk.Inputs[float64], y *mat.Dense,
	s *regress.SolveSettings,
) (*regress.Fit, error) {
	cross, err := ntk.CrossTiles(ctx, K, x, on)
	if err != nil {
		return nil, err
	}
	among, err := ntk.GramTiles(ctx, K, on)
	if err != nil {
		return nil, err
	}
	return regress.FitLandmarks(ctx, cross, among, y, s)
}

// features fits on random features.
func (m Machine) features(
	ctx context.Context, x, z ntk.Inputs[float64], y *mat.Dense, s *regress.SolveSettings,
	l *Learned,
) (predict func() (*mat.Dense, error), err error) {
	layers := m.Net.Arch.Layers()
	if len(layers) != 1 || layers[0].WeightStd != 1 || layers[0].BiasStd != 0 {
		return nil, fmt.Errorf("study: features are of one hidden layer with σ_w = 1 and σ_b = 0, "+
			"which %s is not", m.Net.Arch)
	}
	features := regress.Features{Activation: layers[0].Activation, Width: m.Size, Seed: 1}
	of, err := features.Tiles(x)
	if err != nil {
		return nil, err
	}
	fit, err := regress.FitFeatures(ctx, of, y, s)
	if err != nil {
		return nil, err
	}
	l.fitted(fit)
	return func() (*mat.Dense, error) {
		of, err := features.Tiles(z)
		if err != nil {
			return nil, err
		}
		return fit.Predict(ctx, of)
	}, nil
}

// train trains the net, and times the predictions of one like it.
func (m Machine) train(
	ctx context.Context, p *data.Prepared, l *Learned, set *data.Dataset, folder string,
	report func(Report),
) error {
	run := train.Run{Model: m.model(set), Problem: Problem(p),
		Settings: Kept(m.Training, folder, func(r Report) {
			r.Done = r.Done * machineSteps / m.Training.Epochs
			report(r)
		})}
	run.Settings.Snapshots = []int{m.Training.Epochs}
	t, err := run.Train(ctx)
	if err != nil {
		return err
	}
	last := t.Points[len(t.Points)-1]
	l.TestLoss, l.TestError = last.TestLoss, 1-last.TestAccuracy
	net, err := fcn.New(m.Net.Arch, m.model(set).Config)
	if err != nil {
		return err
	}
	l.Predicting, err = least(func() error { _, err := net.Forward(p.XTest); return err })
	return err
}

// bareFactor returns the seconds of LAPACK's Cholesky factorisation of n rows in single precision,
// of more than [accel.MostPotrf] by the third power of the number of rows.
func bareFactor(n int) (float64, error) {
	if n > accel.MostPotrf {
		seconds, err := bareFactor(accel.MostPotrf)
		return seconds * math.Pow(float64(n)/accel.MostPotrf, 3), err
	}
	debug.FreeOSMemory()
	a := make([]float32, n*n)
	for i := range n {
		row := a[i*n : (i+1)*n]
		for j := range row {
			row[j] = 0.5
		}
		row[i] = 1
	}
	start := time.Now()
	if !accel.Potrf(blas.Lower, n, a, n) {
		return 0, fmt.Errorf("study: LAPACK does not factor a matrix of %d rows that is positive "+
			"definite", n)
	}
	return time.Since(start).Seconds(), nil
}

// most returns the most memory that the program held while it ran f.
func most(f func()) int64 {
	debug.FreeOSMemory() // what came before counts only as far as it is in use
	sample := []metrics.Sample{{Name: "/memory/classes/total:bytes"},
		{Name: "/memory/classes/heap/released:bytes"}}
	largest := int64(0)
	look := func() {
		metrics.Read(sample)
		largest = max(largest, int64(sample[0].Value.Uint64()-sample[1].Value.Uint64()))
	}
	look()
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				look()
			case <-done:
				return
			}
		}
	}()
	f()
	close(done)
	<-ended
	look()
	return largest
}

var modelName = regexp.MustCompile(`(?m)^model name\s*: (.+)$`)

// processorName is the processor's name where the system tells it, and how many there are.
func processorName() string {
	name := runtime.GOARCH
	if b, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		if found := modelName.FindSubmatch(b); found != nil {
			name = string(found[1])
		}
	}
	return fmt.Sprintf("%s, %d processors", name, runtime.GOMAXPROCS(0))
}
