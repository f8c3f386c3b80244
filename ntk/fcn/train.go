package fcn

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/internal/accel"
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/mat"
)

// Problem is a regression problem: inputs (points×inputs) and targets
// (points×outputs; for classes, one-hot rows) to train on and to test on.
type Problem struct {
	XTrain, YTrain *mat.Dense
	XTest, YTest   *mat.Dense
}

// Settings say how to train.
type Settings struct {
	// LearningRate is η > 0 in θ ← θ - η ∂loss/∂θ.
	LearningRate float64
	// Epochs is the number of full-batch steps, at least 1.
	Epochs int
	// Snapshots are the epochs to measure at, each before the step of that
	// epoch, from 0 (the net at initialisation) to Epochs (after the last
	// step), in any order. Nil is LogSnapshots(Epochs).
	Snapshots []int
	// Uncentered trains f instead of f - f₀, f₀ the net as it is when Train is
	// called: at initialisation, unless it was trained before.
	Uncentered bool
	// StopBelow, if not 0, ends the run at the first epoch, before its step,
	// where the training loss is below it.
	StopBelow float64
	// StopEvery lets only epochs that are multiples of it end the run. 0 is 1.
	StopEvery int
	// Progress, if not nil, is called after each step.
	Progress func(Progress)
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

// stop returns why to end before the step of the epoch, or "".
func (s Settings) stop(epoch int, loss float64) string {
	if epoch == s.Epochs || epoch%max(s.StopEvery, 1) != 0 || !(loss < s.StopBelow) {
		return ""
	}
	return fmt.Sprintf("the training loss is below %v", s.StopBelow)
}

// Progress tells how far a training run has come.
type Progress struct {
	Epoch, Epochs int
	TrainLoss     float64 // before the step
}

// Point holds the measurements at one epoch.
type Point struct {
	Epoch                       int
	TrainLoss, TestLoss         float64 // see [ntk.MSE]
	TrainAccuracy, TestAccuracy float64 // see [ntk.Accuracy]
}

// Trace is the record of one training run.
type Trace struct {
	Net          string // the architecture
	Inputs       int
	Width        int
	Outputs      int
	Params       int
	Seed         uint64
	LearningRate float64
	Epochs       int
	Centered     bool
	Arithmetic   string  // which BLAS multiplied
	Seconds      float64 // duration
	Points       []Point // by increasing epoch
	// Stopped says why the run ended before Epochs, "" if it did not. The last
	// point is then the epoch it ended at, a snapshot or not.
	Stopped string `json:",omitzero"`
}

// DivergedError reports a loss that is not finite.
type DivergedError struct {
	Points       string // "training" or "test"
	Epoch        int
	LearningRate float64
}

func (e *DivergedError) Error() string {
	if e.Epoch == 0 {
		return fmt.Sprintf("fcn: the loss on the %s points is not finite at initialisation: the inputs are too large for the activation in single precision, or the targets for it", e.Points)
	}
	return fmt.Sprintf("fcn: the loss on the %s points is not finite at epoch %d: the learning rate %v is too large (gradient descent is stable below n/λ_max, λ_max the largest eigenvalue of the n×n NTK), or inputs are for the activation", e.Points, e.Epoch, e.LearningRate)
}

// InterruptedError reports a run that its context ended. Unwrap gives the
// context's error.
type InterruptedError struct {
	Epoch, Epochs int
	Err           error
}

func (e *InterruptedError) Error() string {
	return fmt.Sprintf("fcn: training stopped after %d of %d epochs: %v", e.Epoch, e.Epochs, e.Err)
}

// Unwrap returns the context's error.
func (e *InterruptedError) Unwrap() error { return e.Err }

// LogSnapshots returns 0, epochs, about eight epochs a decade between them,
// and any more epochs given, in increasing order.
func LogSnapshots(epochs int, more ...int) []int {
	s := append([]int{0, epochs}, more...)
	for k := 0; ; k++ {
		e := math.Round(math.Pow(10, float64(k)/8))
		if e >= float64(epochs) {
			break
		}
		s = append(s, int(e))
	}
	slices.Sort(s)
	return slices.Compact(s)
}

// Train trains the net by full-batch gradient descent and returns what it
// measured. A run that is interrupted ([*InterruptedError]) or that diverges
// ([*DivergedError]) returns the trace up to there with the error.
//
// Cost of a step: for each inner layer three products of 2·points·width²
// operations, and for each layer a few passes over points×width activations.
func (n *Net) Train(ctx context.Context, p Problem, s Settings) (*Trace, error) {
	t, err := n.newTraining(p, s)
	if err != nil {
		return nil, err
	}
	start := time.Now()
	trace := &Trace{
		Net: n.arch.String(), Inputs: n.config.Inputs, Width: n.config.Width, Outputs: n.config.Outputs,
		Params: n.Params(), Seed: n.config.Seed, LearningRate: s.LearningRate, Epochs: s.Epochs,
		Centered: !s.Uncentered, Arithmetic: ntk.BLAS(),
	}
	defer func() { trace.Seconds = time.Since(start).Seconds() }()
	snapshots := t.snapshots
	for epoch := 0; ; epoch++ {
		if err := ctx.Err(); err != nil {
			return trace, &InterruptedError{epoch, s.Epochs, err}
		}
		t.train.forward()
		t.residuals()
		loss := t.loss()
		if math.IsNaN(loss) || math.IsInf(loss, 0) {
			return trace, &DivergedError{"training", epoch, s.LearningRate}
		}
		trace.Stopped = s.stop(epoch, loss)
		snapshot := len(snapshots) > 0 && snapshots[0] == epoch
		if snapshot {
			snapshots = snapshots[1:]
		}
		if snapshot || trace.Stopped != "" {
			p := t.measure(epoch)
			if math.IsNaN(p.TestLoss) || math.IsInf(p.TestLoss, 0) {
				return trace, &DivergedError{"test", epoch, s.LearningRate}
			}
			trace.Points = append(trace.Points, p)
		}
		if epoch == s.Epochs || trace.Stopped != "" {
			return trace, nil
		}
		t.step(float32(s.LearningRate))
		if s.Progress != nil {
			s.Progress(Progress{epoch + 1, s.Epochs, loss})
		}
	}
}

// training holds the buffers of a run, all made before the first step.
type training struct {
	net           *Net
	train, test   *pass
	start         []float32 // f₀ on the training points; zeros if uncentered
	startTest     []float32
	y, yTest      *mat.Dense
	f, fTest      *mat.Dense // outputs, centred
	residual      []float32  // ∂loss/∂f
	delta, before []float32  // ∂loss/∂u of a hidden layer, and of the one before
	biasGradient  []float32
	snapshots     []int
}

func (n *Net) newTraining(p Problem, s Settings) (*training, error) {
	if !(s.LearningRate > 0) || math.IsInf(s.LearningRate, 0) {
		return nil, fmt.Errorf("fcn: LearningRate is %v; it must be a finite number > 0", s.LearningRate)
	}
	if s.Epochs < 1 {
		return nil, fmt.Errorf("fcn: Epochs is %d; it must be at least 1", s.Epochs)
	}
	if !(s.StopBelow >= 0) {
		return nil, fmt.Errorf("fcn: StopBelow is %v; it must be a training loss > 0, or 0 for none", s.StopBelow)
	}
	if s.StopEvery < 0 {
		return nil, fmt.Errorf("fcn: StopEvery is %d; it must be at least 1, or 0 for 1", s.StopEvery)
	}
	t := &training{net: n, snapshots: s.snapshots()}
	for _, e := range t.snapshots {
		if e < 0 || e > s.Epochs {
			return nil, fmt.Errorf("fcn: snapshot at epoch %d; the run has epochs 0 to %d", e, s.Epochs)
		}
	}
	var err error
	if t.train, t.y, err = n.side(p.XTrain, p.YTrain, "XTrain", "YTrain"); err != nil {
		return nil, err
	}
	if t.test, t.yTest, err = n.side(p.XTest, p.YTest, "XTest", "YTest"); err != nil {
		return nil, err
	}
	o := n.config.Outputs
	t.f, t.fTest = mat.NewDense(t.train.n, o, nil), mat.NewDense(t.test.n, o, nil)
	t.start, t.startTest = make([]float32, t.train.n*o), make([]float32, t.test.n*o)
	if !s.Uncentered {
		t.train.forward()
		t.test.forward()
		copy(t.start, t.train.outputs())
		copy(t.startTest, t.test.outputs())
	}
	t.residual = make([]float32, t.train.n*o)
	t.delta, t.before = make([]float32, t.train.n*n.config.Width), make([]float32, t.train.n*n.config.Width)
	t.biasGradient = make([]float32, max(n.config.Width, o))
	return t, nil
}

func (n *Net) side(x, y *mat.Dense, xName, yName string) (*pass, *mat.Dense, error) {
	rows, err := n.inputs(x, xName)
	if err != nil {
		return nil, nil, err
	}
	p := n.newPass(rows)
	if _, err := entries(y, yName, p.n, n.config.Outputs); err != nil {
		return nil, nil, err
	}
	return p, mat.DenseCopyOf(y), nil
}

// residuals sets f to the centred outputs and residual to ∂loss/∂f.
func (t *training) residuals() {
	f, y, out := t.f.RawMatrix().Data, t.y.RawMatrix().Data, t.train.outputs()
	c := 2 / float64(t.train.n)
	for i := range f {
		f[i] = float64(out[i]) - float64(t.start[i])
		t.residual[i] = float32(c * (f[i] - y[i]))
	}
}

func (t *training) loss() float64 { return ntk.Must(ntk.MSE(t.f, t.y)) }

func (t *training) measure(epoch int) Point {
	t.test.forward()
	f := t.fTest.RawMatrix().Data
	for i, v := range t.test.outputs() {
		f[i] = float64(v) - float64(t.startTest[i])
	}
	return Point{
		epoch,
		t.loss(), ntk.Must(ntk.MSE(t.fTest, t.yTest)),
		ntk.Must(ntk.Accuracy(t.f, t.y)), ntk.Must(ntk.Accuracy(t.fTest, t.yTest)),
	}
}

// step goes back through the layers. Each layer's gradient is multiplied
// straight into its weights, after they have served to pass ∂loss/∂u on.
func (t *training) step(rate float32) {
	p, layers := t.train, t.net.layers
	blas32 := accel.Float32()
	delta := t.residual
	first := slices.IndexFunc(layers, func(l layer) bool { return !l.frozen })
	for i := len(layers) - 1; i >= max(first, 0); i-- {
		l := &layers[i]
		t.back(i, delta)
		if i > 0 {
			blas32.Sgemm(blas.NoTrans, blas.NoTrans, p.n, l.in, l.out, l.scale, delta, l.out, l.w, l.in, 0, t.before, l.in)
		}
		if !l.frozen {
			blas32.Sgemm(blas.Trans, blas.NoTrans, l.out, l.in, p.n, -rate*l.scale, delta, l.out, p.h[i], l.in, 1, l.w, l.in)
			for j := range l.b {
				l.b[j] -= rate * l.biasStd * t.biasGradient[j]
			}
		}
		delta = t.before
		t.before, t.delta = t.delta, t.before
	}
}

// back turns delta from ∂loss/∂h into ∂loss/∂u of layer i, in place, and sums
// it over the points for the bias. Parts are columns, so that each sum runs in
// one order on any number of threads.
func (t *training) back(i int, delta []float32) {
	l := &t.net.layers[i]
	if l.eval == nil && l.b == nil {
		return
	}
	parallel(l.out, 512, func(lo, hi int) {
		sum := t.biasGradient[lo:hi]
		clear(sum)
		for r := range t.train.n {
			row := delta[r*l.out+lo : r*l.out+hi]
			if l.eval != nil {
				slope := t.train.d[i][r*l.out+lo : r*l.out+hi]
				for j := range row {
					row[j] *= slope[j]
				}
			}
			if l.b != nil {
				for j, v := range row {
					sum[j] += v
				}
			}
		}
	})
}
