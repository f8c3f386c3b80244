package page

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/fcn"
	"github.com/kernelsmith/kernelsmith/ntk/train"
	"gonum.org/v1/gonum/mat"
)

// The settings of the experiment, as published but for the sizes that the controls have: gradient
// descent on all points until the training loss is small.
const (
	rate      = 0.1
	stopBelow = 0.001
	stopEvery = 10
)

// parity returns all strings of bits as ±1 with their parity, a random half to train on and the
// rest to test on.
func parity(bits int, seed uint64) train.Problem {
	n := 1 << bits
	x, y := mat.NewDense(n, bits, nil), mat.NewDense(n, 1, nil)
	for row, s := range rand.New(rand.NewPCG(seed, 0)).Perm(n) {
		product := 1.0
		for b := range bits {
			v := float64(2*(s>>b&1) - 1)
			x.Set(row, b, v)
			product *= v
		}
		y.Set(row, 0, product)
	}
	part := func(m *mat.Dense, from int) *mat.Dense {
		_, cols := m.Dims()
		return mat.DenseCopyOf(m.Slice(from, from+n/2, 0, cols))
	}
	return train.Problem{XTrain: part(x, 0), YTrain: part(y, 0), XTest: part(x, n/2),
		YTest: part(y, n/2)}
}

// contest is the training of two nets on one problem.
type contest struct {
	bits, width, epochs, layers int
	omega                       float64
	seed                        uint64
	problem                     train.Problem
	racers                      []*racer
	progress                    Progress
	ctx                         context.Context
}

// racer is a net in training.
type racer struct {
	name, class string
	net         *fcn.Net
	// What the outputs were at the start, which training takes as 0.
	trainStart, testStart *mat.Dense
	points                []train.Point
	epoch                 int // steps taken
	state                 string
}

func newContest(v *values) (*contest, error) {
	c := &contest{bits: v.whole("bits"), width: 1 << v.whole("width"),
		epochs: v.whole("epochs"), omega: v.number("omega"),
		layers: v.whole("layers"), seed: uint64(v.whole("seed"))}
	if v.err != nil {
		return nil, v.err
	}
	return c, nil
}

// start makes the nets.
func (c *contest) start() error {
	c.problem = parity(c.bits, c.seed)
	sine := ntk.Sin{Amplitude: 0.5, Frequency: c.omega}
	for _, r := range []struct {
		name, class string
		depth       int
		phi         ntk.Activation
		sw, sb      float64
	}{
		{fmt.Sprintf("½ sin %.4gz", c.omega), "formula", 1, sine, 1, 0},
		{fmt.Sprintf("%dHL ReLU", c.layers), "series", c.layers, ntk.ReLU{}, math.Sqrt2, 0.1},
	} {
		arch, err := ntk.UniformFCN(r.depth, r.phi, r.sw, r.sb)
		if err != nil {
			return err
		}
		net, err := fcn.New(arch, fcn.Config{Inputs: c.bits, Width: c.width, Outputs: 1,
			Seed: c.seed})
		if err != nil {
			return err
		}
		one := &racer{name: r.name, class: r.class, net: net, state: "training"}
		if one.trainStart, err = net.Forward(c.problem.XTrain); err != nil {
			return err
		}
		if one.testStart, err = net.Forward(c.problem.XTest); err != nil {
			return err
		}
		if err := one.measure(0, c.problem); err != nil {
			return err
		}
		c.racers = append(c.racers, one)
	}
	return nil
}

// measure adds a point of the curves, as the net is now.
func (r *racer) measure(epoch int, p train.Problem) error {
	point := train.Point{Epoch: epoch}
	for _, half := range []struct {
		x, y, start    *mat.Dense
		loss, accuracy *float64
	}{
		{p.XTrain, p.YTrain, r.trainStart, &point.TrainLoss, &point.TrainAccuracy},
		{p.XTest, p.YTest, r.testStart, &point.TestLoss, &point.TestAccuracy},
	} {
		f, err := r.net.Forward(half.x)
		if err != nil {
			return err
		}
		f.Sub(f, half.start)
		if *half.loss, err = ntk.MSE(f, half.y); err != nil {
			return err
		}
		if *half.accuracy, err = ntk.Accuracy(f, half.y); err != nil {
			return err
		}
	}
	r.points = append(r.points, point)
	return nil
}

// parityPart trains a designed net and a ReLU net on the parity of some bits.
func parityPart(
	ctx context.Context, q Request, v *values, progress Progress, out *Response,
) error {
	c, err := newContest(v)
	if err != nil {
		return err
	}
	if q.Do == "draw" {
		half := 1 << (c.bits - 1)
		out.Texts["plan"] = fmt.Sprintf("%d bits: %d strings to train on, the other %d to test "+
			"on. Both nets have width %d, the ReLU net %s.", c.bits, half, half, c.width,
			layersOf(c.layers))
		return nil
	}
	c.ctx, c.progress = ctx, progress
	if err := c.start(); err != nil {
		return err
	}
	var both sync.WaitGroup
	turn := make(chan struct{}, 1) // who has it trains: the nets take turns
	turn <- struct{}{}
	failed := make([]error, len(c.racers))
	for i, r := range c.racers {
		both.Go(func() { failed[i] = c.train(r, turn) })
	}
	both.Wait()
	if err := errors.Join(failed...); err != nil {
		return err
	}
	c.draw(out)
	return nil
}

// train trains one of the nets, an epoch at each turn, and draws at some epochs.
func (c *contest) train(r *racer, turn chan struct{}) error {
	shown := map[int]bool{}
	for _, e := range train.LogSnapshots(c.epochs) {
		shown[e] = true
	}
	<-turn
	defer func() { turn <- struct{}{} }()
	var failed error
	_, err := train.Train(c.ctx, r.net, c.problem, train.Settings{
		LearningRate: rate, Epochs: c.epochs, StopBelow: stopBelow, StopEvery: stopEvery,
		Snapshots: []int{c.epochs},
		Progress: func(p train.Progress) {
			if last := r.points[len(r.points)-1].Epoch; shown[p.Epoch] || p.Epoch >= last+40 {
				if err := r.measure(p.Epoch, c.problem); err != nil && failed == nil {
					failed = err
				}
			}
			r.epoch, r.state = p.Epoch, fmt.Sprintf("epoch %d", p.Epoch)
			c.progress(c.report)
			turn <- struct{}{}
			<-turn
		},
	})
	var interrupted *train.InterruptedError
	var diverged *train.DivergedError
	switch {
	case failed != nil:
		return failed
	case errors.As(err, &diverged):
		r.state = fmt.Sprintf("diverged at epoch %d: the learning rate %v is too large for it",
			diverged.Epoch, rate)
		return nil
	case errors.As(err, &interrupted):
		r.state = fmt.Sprintf("stopped after %d epochs", r.epoch)
	case err != nil:
		return err
	default:
		r.state = fmt.Sprintf("done after %d epochs", r.epoch)
	}
	if r.epoch == r.points[len(r.points)-1].Epoch {
		return nil
	}
	return r.measure(r.epoch, c.problem)
}

func layersOf(n int) string {
	if n == 1 {
		return "one hidden layer, too"
	}
	return fmt.Sprintf("%d hidden layers", n)
}

// report is the contest as it stands.
func (c *contest) report() Response {
	out := Response{Figures: map[string]string{}, Texts: map[string]string{}}
	c.draw(&out)
	for _, r := range c.racers {
		out.Progress = max(out.Progress, float64(r.epoch)/float64(c.epochs))
	}
	return out
}

// draw makes the charts of losses and accuracies.
func (c *contest) draw(out *Response) {
	losses := picture("Loss over the epoch", "epoch", "MSE (thin: training)")
	accuracies := picture("Accuracy over the epoch", "epoch", "accuracy, % (thin: training)")
	losses.LogX, losses.LogY, accuracies.LogX = true, true, true
	accuracies.YRange = &[2]float64{0, 100}
	text := ""
	for _, r := range c.racers {
		var x, trainLoss, testLoss, trainAcc, testAcc []float64
		for _, p := range r.points[1:] { // at first all outputs are 0
			x = append(x, float64(p.Epoch))
			trainLoss, testLoss = append(trainLoss, p.TrainLoss), append(testLoss, p.TestLoss)
			trainAcc = append(trainAcc, 100*p.TrainAccuracy)
			testAcc = append(testAcc, 100*p.TestAccuracy)
		}
		losses.Line(r.class+" thin", x, trainLoss)
		losses.Line(r.class, x, testLoss)
		accuracies.Line(r.class+" thin", x, trainAcc)
		accuracies.Line(r.class, x, testAcc)
		last := r.points[len(r.points)-1]
		text += fmt.Sprintf("%s: %s, test accuracy %.1f %%, training %.1f %%, test MSE %.3g. ",
			r.name, r.state, 100*last.TestAccuracy, 100*last.TrainAccuracy, last.TestLoss)
		if out.Numbers != nil {
			out.Numbers[r.class+" accuracy"], out.Numbers[r.class+" epoch"] = testAcc, x
		}
	}
	out.Figures["losses"], out.Figures["accuracies"] = losses.SVG(), accuracies.SVG()
	out.Texts["verdict"] = text
}
