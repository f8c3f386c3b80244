package fcn

import (
	"context"
	"math/rand/v2"
	"slices"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/internal/vec32"
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/mat"
)

// training holds the buffers of a run, all made before the first step.
type training struct {
	net      *Net
	problem  Problem
	settings Settings
	state    progressState

	train, test   *pass
	batch         *pass // what a step is taken on: train, if that is all points
	stepsPerEpoch int
	order         []int // of the points in this epoch
	orderOf       int   // the epoch that order is for; -1 for none

	start, startTest []float32  // f₀; zeros if uncentered
	y, yTest         *mat.Dense // targets
	f, fTest         *mat.Dense // outputs, centred and scaled
	residual         []float32  // ∂loss/∂(outputs of the net) on the batch
	batchF, batchY   []float64
	scratch          []float32   // ∂loss/∂h of one layer
	biasGradient     [][]float32 // ∂loss/∂u of each layer, summed over the batch
	snapshots        []int

	// What is divided among goroutines, for each layer; made once, not in each step.
	columns []func(lo, hi int)
	weights []func(lo, hi int)
	rate    float32
	adam    adamStep

	slots    [][]float32 // the optimizer's, for each weight matrix and bias
	gradient []float32   // of one weight matrix, for Adam

	checkpoints *checkpoints // nil for none
	discard     bool         // the net is not looked at after the run
	kept        [][]float32  // parameters at the last snapshot
	keptEpoch   int
}

func (n *Net) newTraining(p Problem, s Settings) (*training, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	t := &training{
		net:       n,
		problem:   p,
		settings:  s,
		snapshots: s.snapshots(),
		orderOf:   -1,
		keptEpoch: -1,
	}
	var err error
	if t.train, t.y, err = n.side(p.XTrain, p.YTrain, "XTrain", "YTrain"); err != nil {
		return nil, err
	}
	if t.test, t.yTest, err = n.side(p.XTest, p.YTest, "XTest", "YTest"); err != nil {
		return nil, err
	}
	if s.Loss == CrossEntropy {
		if err := checkClasses(t.y, "YTrain"); err != nil {
			return nil, err
		}
		if err := checkClasses(t.yTest, "YTest"); err != nil {
			return nil, err
		}
	}
	if err := n.checkParameterization(s.Parameterization); err != nil {
		return nil, err
	}
	o := n.config.Outputs
	t.batch, t.stepsPerEpoch = t.train, 1
	if s.Batch > 0 && s.Batch < t.train.n {
		t.batch = n.newPass(make([]float32, s.Batch*n.config.Inputs))
		t.stepsPerEpoch = (t.train.n + s.Batch - 1) / s.Batch
		t.order = make([]int, t.train.n)
		t.batchF, t.batchY = make([]float64, s.Batch*o), make([]float64, s.Batch*o)
	}
	t.f, t.fTest = mat.NewDense(t.train.n, o, nil), mat.NewDense(t.test.n, o, nil)
	t.start, t.startTest = make([]float32, t.train.n*o), make([]float32, t.test.n*o)
	if !s.Uncentered {
		t.train.forward()
		t.test.forward()
		copy(t.start, t.train.outputs())
		copy(t.startTest, t.test.outputs())
	}
	t.residual = make([]float32, t.batch.n*o)
	if t.batch.shallow == nil {
		t.scratch = make([]float32, t.batch.n*n.config.Width)
	}
	for i := range n.layers {
		t.biasGradient = append(t.biasGradient, make([]float32, len(n.layers[i].b)))
		t.columns = append(t.columns, t.throughActivation(i))
		t.weights = append(t.weights, t.optimizeWeights(i))
	}
	if s.Optimizer != nil {
		largest := 0
		for i := range n.layers {
			l := &n.layers[i]
			size := s.Optimizer.slots()
			if l.frozen {
				size = 0
			}
			t.slots = append(t.slots, make([]float32, size*len(l.w)),
				make([]float32, size*len(l.b)))
			largest = max(largest, len(l.w))
		}
		if _, adam := s.Optimizer.(Adam); adam {
			t.gradient = make([]float32, largest)
		}
	}
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

// residuals sets f to the outputs on the training points, centred and scaled,
// and returns the loss; where a step is taken on all points, it sets residual.
func (t *training) residuals() float64 {
	f := t.f.RawMatrix().Data
	t.centre(f, t.train.outputs(), t.start)
	if t.batch == t.train {
		return t.settings.Loss.derivative(t.residual, f, t.y.RawMatrix().Data, t.net.config.Outputs,
			t.stepFactor(t.train.n))
	}
	return t.settings.Loss.of(t.f, t.y)
}

// stepFactor is what ∂loss/∂f is multiplied by: f is α times the net's.
func (t *training) stepFactor(points int) float64 {
	return t.settings.lossFactor() * t.settings.outputScale() / float64(points)
}

func (t *training) centre(f []float64, out, start []float32) {
	alpha := t.settings.outputScale()
	for i := range f {
		f[i] = alpha * (float64(out[i]) - float64(start[i]))
	}
}

// gather copies the points of the state's step into the batch.
func (t *training) gather() {
	epoch, d := t.state.Epoch, t.net.config.Inputs
	if t.orderOf != epoch {
		var source rand.PCG
		source.Seed(mix(t.net.config.Seed^0xba7c4), mix(uint64(epoch)))
		for i := range t.order {
			t.order[i] = i
		}
		for i := len(t.order) - 1; i > 0; i-- {
			j := int(source.Uint64() % uint64(i+1)) // biased by 2^-40 or less
			t.order[i], t.order[j] = t.order[j], t.order[i]
		}
		t.orderOf = epoch
	}
	points := t.points()
	t.batch.n = len(points)
	for r, i := range points {
		copy(t.batch.h[0][r*d:(r+1)*d], t.train.h[0][i*d:(i+1)*d])
	}
}

// points are the rows of the step.
func (t *training) points() []int {
	lo := t.state.Step * t.settings.Batch
	return t.order[lo:min(lo+t.settings.Batch, len(t.order))]
}

// batchResiduals is residuals for the points of the step.
func (t *training) batchResiduals() float64 {
	o, points := t.net.config.Outputs, t.points()
	f, y := t.batchF[:len(points)*o], t.batchY[:len(points)*o]
	out := t.batch.outputs()
	alpha := t.settings.outputScale()
	for r, i := range points {
		copy(y[r*o:(r+1)*o], t.y.RawRowView(i))
		for j := range o {
			f[r*o+j] = alpha * (float64(out[r*o+j]) - float64(t.start[i*o+j]))
		}
	}
	return t.settings.Loss.derivative(t.residual[:len(f)], f, y, o, t.stepFactor(len(points)))
}

func (t *training) measure(ctx context.Context, epoch int) (Point, bool) {
	if !t.test.forwardUnless(ctx) {
		return Point{}, false
	}
	t.centre(t.fTest.RawMatrix().Data, t.test.outputs(), t.startTest)
	return Point{
		epoch,
		t.settings.Loss.of(t.f, t.y), t.settings.Loss.of(t.fTest, t.yTest),
		ntk.Must(ntk.Accuracy(t.f, t.y)), ntk.Must(ntk.Accuracy(t.fTest, t.yTest)),
	}, true
}

// delta is ∂loss/∂u of layer i on the batch. In a hidden layer, back writes it
// over φ'.
func (t *training) delta(i int) []float32 {
	if i == len(t.net.layers)-1 {
		return t.residual
	}
	return t.batch.d[i]
}

// back finds ∂loss/∂u of all trained layers and changes no parameter. It
// returns false, in between, when the context is done.
func (t *training) back(ctx context.Context) bool {
	p, layers := t.batch, t.net.layers
	if p.shallow != nil {
		if ctx.Err() != nil {
			return false
		}
		p.shallow.back(t.residual[:p.n*t.net.config.Outputs])
		copy(t.biasGradient[0], p.shallow.bias)
		if last := len(layers) - 1; layers[last].b != nil {
			t.columns[last](0, layers[last].out)
		}
		return true
	}
	blas32 := t.batch.blas()
	first := t.firstTrained()
	for i := len(layers) - 1; i >= first; i-- {
		if ctx.Err() != nil {
			return false
		}
		l := &layers[i]
		if i < len(layers)-1 || l.b != nil {
			t.batch.parallel(l.out, 512, t.columns[i])
		}
		if i > first {
			blas32.Sgemm(blas.NoTrans, blas.NoTrans, p.n, l.in, l.out, l.scale, t.delta(i), l.out,
				l.w, l.in, 0, t.scratch, l.in)
		}
	}
	return true
}

// firstTrained is the first layer that is not frozen; all of them may be.
func (t *training) firstTrained() int {
	if i := slices.IndexFunc(t.net.layers, func(l layer) bool { return !l.frozen }); i >= 0 {
		return i
	}
	return len(t.net.layers)
}

// throughActivation turns φ' of a hidden layer into ∂loss/∂u, and sums ∂loss/∂u
// over the points for the bias. Parts are columns, so that each sum runs in one
// order on any number of threads.
func (t *training) throughActivation(i int) func(lo, hi int) {
	l := &t.net.layers[i]
	return func(lo, hi int) {
		delta := t.delta(i)
		if l.b != nil {
			clear(t.biasGradient[i][lo:hi])
		}
		for r := range t.batch.n {
			row := delta[r*l.out+lo : r*l.out+hi]
			if l.eval != nil {
				vec32.Multiply(row, t.scratch[r*l.out+lo:r*l.out+hi])
			}
			if l.b != nil {
				vec32.AddScaled(t.biasGradient[i][lo:hi], 1, row)
			}
		}
	}
}

// block is how many weights are a unit of work: whole vectors, so that a part's end
// rounds like the middle of a longer one.
const block = 1 << 10

// optimizeWeights is what momentum or Adam does with weights of layer i, in blocks.
func (t *training) optimizeWeights(i int) func(lo, hi int) {
	l := &t.net.layers[i]
	step := t.settings.Parameterization.scales(l).weightStep
	_, adam := t.settings.Optimizer.(Adam)
	return func(lo, hi int) {
		lo, hi = lo*block, min(hi*block, len(l.w))
		if adam {
			m, v := halves(t.slots[2*i])
			t.adam.step(l.w[lo:hi], t.gradient[lo:hi], m[lo:hi], v[lo:hi], step)
			return
		}
		vec32.AddScaled(l.w[lo:hi], -t.rate*step, t.slots[2*i][lo:hi])
	}
}

// update takes the step that back prepared.
func (t *training) update(learningRate float64) {
	t.rate = float32(learningRate)
	if a, ok := t.settings.Optimizer.(Adam); ok {
		t.adam = a.at(t.state.Steps+1, t.rate)
	}
	for i := range t.net.layers {
		l := &t.net.layers[i]
		if l.frozen {
			continue
		}
		c, bias := t.settings.Parameterization.scales(l), t.biasGradient[i]
		switch o := t.settings.Optimizer.(type) {
		case nil:
			t.weightGradient(i, -t.rate*(c.weightGradient*c.weightStep), 1, l.w)
			for j := range l.b {
				l.b[j] -= t.rate * (c.biasGradient * c.biasStep) * bias[j]
			}
		case Momentum:
			v, mu := t.slots[2*i+1], float32(o.Decay)
			t.weightGradient(i, c.weightGradient, mu, t.slots[2*i])
			t.batch.parallel((len(l.w)+block-1)/block, 16, t.weights[i])
			for j := range l.b {
				v[j] = mu*v[j] + c.biasGradient*bias[j]
			}
			vec32.AddScaled(l.b, -t.rate*c.biasStep, v)
		case Adam:
			t.weightGradient(i, c.weightGradient, 0, t.gradient)
			t.batch.parallel((len(l.w)+block-1)/block, 16, t.weights[i])
			for j := range bias {
				bias[j] *= c.biasGradient
			}
			m, v := halves(t.slots[2*i+1])
			t.adam.step(l.b, bias, m, v, c.biasStep)
		}
	}
}

// weightGradient sets into to beta · into + alpha · Σ ∂loss/∂u h over the batch.
func (t *training) weightGradient(i int, alpha, beta float32, into []float32) {
	l, p := &t.net.layers[i], t.batch
	if p.shallow != nil {
		g := p.shallow.gradient[i]
		into = into[:len(g)]
		switch beta {
		case 0:
			clear(into)
		case 1:
		default:
			for j := range into {
				into[j] *= beta
			}
		}
		vec32.AddScaled(into, alpha, g)
		return
	}
	p.blas().
		Sgemm(blas.Trans, blas.NoTrans, l.out, l.in, p.n, alpha, t.delta(i), l.out, p.h[i], l.in,
			beta, into, l.in)
}

func halves(s []float32) (a, b []float32) { return s[:len(s)/2], s[len(s)/2:] }

// keep copies the parameters, for a run that diverges later.
func (t *training) keep() {
	if t.discard {
		return
	}
	if t.kept == nil {
		for i := range t.net.layers {
			t.kept = append(t.kept, make([]float32, len(t.net.layers[i].w)),
				make([]float32, len(t.net.layers[i].b)))
		}
	}
	for i := range t.net.layers {
		copy(t.kept[2*i], t.net.layers[i].w)
		copy(t.kept[2*i+1], t.net.layers[i].b)
	}
	t.keptEpoch = t.state.Epoch
}

// restore gives the net the parameters of the last snapshot and returns its
// epoch, or -1 if there was none.
func (t *training) restore() int {
	for i := range t.kept {
		l := &t.net.layers[i/2]
		if i%2 == 0 {
			copy(l.w, t.kept[i])
		} else {
			copy(l.b, t.kept[i])
		}
	}
	return t.keptEpoch
}
