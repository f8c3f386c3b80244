package train_test

import (
	"context"
	"fmt"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/train"
	"gonum.org/v1/gonum/mat"
)

// line is a net of another kind than fcn's, w·x: a model, a net and a pass in one.
type line struct {
	w               []float32
	x, f, residuals []float32
	points          int
}

// New returns a line with w = 0.
func (l *line) New() (train.Net, error) { return &line{w: make([]float32, len(l.w))}, nil }

// Describe says what the line is.
func (l *line) Describe() train.Description {
	return train.Description{Net: "line", Config: len(l.w), Inputs: len(l.w), Outputs: 1}
}

// Model returns a line of as many inputs.
func (l *line) Model() train.Model { return l }

// Parameters are w.
func (l *line) Parameters() []train.Parameter {
	return []train.Parameter{{Name: "the weights", Values: l.w, Scale: 1}}
}

// NewPass returns a pass with the same w.
func (l *line) NewPass(points int, serial bool) train.Pass {
	return &line{w: l.w, x: make([]float32, points*len(l.w)), f: make([]float32, points)}
}

// Inputs returns where the inputs are written.
func (l *line) Inputs(points int) []float32 {
	l.points = points
	return l.x[:points*len(l.w)]
}

// Outputs returns w·x of each point.
func (l *line) Outputs() []float32 { return l.f[:l.points] }

// Forward computes the outputs.
func (l *line) Forward(ctx context.Context) error {
	for i := range l.Outputs() {
		l.f[i] = 0
		for k, w := range l.w {
			l.f[i] += w * l.x[i*len(l.w)+k]
		}
	}
	return ctx.Err()
}

// Backward has nothing to prepare.
func (l *line) Backward(ctx context.Context, residuals []float32) error {
	l.residuals = residuals
	return ctx.Err()
}

// Gradient adds up residual·x over the points.
func (l *line) Gradient(_ int, alpha, beta float32, into []float32) {
	for k := range into {
		var sum float32
		for i, r := range l.residuals {
			sum += r * l.x[i*len(l.w)+k]
		}
		if beta == 0 {
			into[k] = 0
		}
		into[k] = beta*into[k] + alpha*sum
	}
}

// A net of any kind is trained: here one of the form w·x.
func Example_anotherKind() {
	x := mat.NewDense(3, 2, []float64{1, 0, 0, 1, 1, 1})
	y := mat.NewDense(3, 1, []float64{2, -1, 1})
	net := ntk.Must((&line{w: make([]float32, 2)}).New())
	trace := ntk.Must(train.Train(context.Background(), net,
		train.Problem{XTrain: x, YTrain: y, XTest: x, YTest: y},
		train.Settings{LearningRate: 0.3, Epochs: 100, Optimizer: train.Momentum{Decay: 0.5}}))
	fmt.Printf("%s: %.2f, loss %.2f\n", trace.Net, net.Parameters()[0].Values,
		trace.Points[len(trace.Points)-1].TrainLoss)
	// Output: line: [2.00 -1.00], loss 0.00
}
