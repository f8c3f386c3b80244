package train_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/fcn"
	"github.com/kernelsmith/kernelsmith/ntk/internal/accel"
	. "github.com/kernelsmith/kernelsmith/ntk/train"
	"gonum.org/v1/gonum/mat"
)

var catalogue = []ntk.Activation{
	ntk.ReLU{},
	ntk.TwoSlope{Positive: 1.2, Negative: -0.4},
	ntk.Erf{},
	ntk.SigmoidErf{},
	ntk.GELU{},
	ntk.Sin{
		Amplitude: 1.1,
		Frequency: 2,
		Phase:     0.3,
	},
	ntk.Cos{Amplitude: 0.9, Frequency: 1.5},
	ntk.PublishedMimic(),
	ntk.Exp{Amplitude: 0.5, Rate: 0.4},
	ntk.Gaussian{Amplitude: 1.5, Rate: 0.6},
	ntk.Gabor{},
	ntk.Polynomial{Coeffs: []float64{0.1, 0.7, -0.2, 0.05}},
	ntk.RectifiedMonomial{Degree: 2},
	ntk.Step{},
	ntk.Sign{},
	ntk.Tanh{},
	ntk.Sigmoid{},
	ntk.Softplus{},
	ntk.SiLU{},
	ntk.Must(ntk.Affine(ntk.Erf{}, 1.5, 0.8, 0.2, -0.1)),
	ntk.Must(ntk.Add(ntk.ReLU{}, ntk.Cos{Amplitude: 0.4, Frequency: 2})),
	square{},
}

// params is a net's parameters in double precision: the second implementation
// of the formulas works on it.
type params struct{ w, b [][]float64 }

func paramsOf(n *fcn.Net) params {
	var p params
	for i, of := range n.Parameters() {
		values := make([]float64, len(of.Values))
		for j, v := range of.Values {
			values[j] = float64(v)
		}
		if i%2 == 0 {
			p.w = append(p.w, values)
		} else {
			p.b = append(p.b, values)
		}
	}
	return p
}

// descent is training in double precision, with parameters and gradients of the
// parameterization itself and derivatives by differences: the second
// implementation of the formulas.
type descent struct {
	arch   *ntk.FCN
	s      Settings
	x, y   *mat.Dense
	theta  [][]float64 // weights and biases of each layer
	f0     [][]float64
	slots  [2][][]float64
	taken  int
	inputs []int // units before each layer
}

func (d *descent) stds(i int) (weight, bias float64) {
	if i < d.arch.Depth() {
		l := d.arch.Layers()[i]
		return l.WeightStd, l.BiasStd
	}
	return d.arch.Readout().WeightStd, d.arch.Readout().BiasStd
}

func newDescent(n *fcn.Net, s Settings, x, y *mat.Dense) *descent {
	d := &descent{arch: n.Model().(fcn.Model).Arch, s: s, x: x, y: y}
	p := paramsOf(n)
	inputs := n.Config().Inputs
	for i := range p.w {
		d.inputs = append(d.inputs, inputs)
		w, b := p.w[i], p.b[i]
		if s.Parameterization == StandardParameterization {
			weight, bias := d.stds(i)
			for j := range w {
				w[j] *= weight / math.Sqrt(float64(inputs))
			}
			for j := range b {
				b[j] *= bias
			}
		}
		d.theta = append(d.theta, w, b)
		inputs = n.Config().Width
	}
	for k := range d.slots {
		for _, t := range d.theta {
			d.slots[k] = append(d.slots[k], make([]float64, len(t)))
		}
	}
	rows, outputs := y.Dims()
	for i := range rows {
		if s.Uncentered {
			d.f0 = append(d.f0, make([]float64, outputs))
		} else {
			d.f0 = append(d.f0, d.net(x.RawRowView(i)))
		}
	}
	return d
}

func (d *descent) net(h []float64) []float64 {
	for i := range d.inputs {
		w, b := d.theta[2*i], d.theta[2*i+1]
		weight, bias := d.stds(i)
		weight /= math.Sqrt(float64(d.inputs[i]))
		if d.s.Parameterization == StandardParameterization {
			weight, bias = 1, 1
		}
		out := make([]float64, len(w)/len(h))
		for j := range out {
			for k, v := range h {
				out[j] += weight * w[j*len(h)+k] * v
			}
			if len(b) > 0 {
				out[j] += bias * b[j]
			}
			if i < d.arch.Depth() {
				out[j] = d.arch.Layers()[i].Activation.Value(out[j])
			}
		}
		h = out
	}
	return h
}

// loss is without LossFactor.
func (d *descent) loss(points []int) (sum float64) {
	for _, i := range points {
		f, y := d.net(d.x.RawRowView(i)), d.y.RawRowView(i)
		var norm float64
		for j := range f {
			f[j] = OrOne(d.s.OutputScale) * (f[j] - d.f0[i][j])
			norm += math.Exp(f[j])
		}
		for j := range f {
			if d.s.Loss == CrossEntropy {
				sum -= y[j] * math.Log(math.Exp(f[j])/norm)
			} else {
				sum += (f[j] - y[j]) * (f[j] - y[j])
			}
		}
	}
	return sum / float64(len(points))
}

// step moves along the gradient on the points and returns the longest move.
func (d *descent) step(points []int) (longest float64) {
	d.taken++
	gradients := make([][]float64, len(d.theta))
	for i, theta := range d.theta {
		for j, was := range theta {
			const h = 1e-5
			theta[j] = was + h
			up := d.loss(points)
			theta[j] = was - h
			down := d.loss(points)
			theta[j] = was
			gradients[i] = append(gradients[i], OrOne(d.s.LossFactor)*(up-down)/(2*h))
		}
	}
	for i, theta := range d.theta {
		m, v := d.slots[0][i], d.slots[1][i]
		for j, g := range gradients[i] {
			move := d.s.LearningRate * g
			switch o := d.s.Optimizer.(type) {
			case Momentum:
				m[j] = o.Decay*m[j] + g
				move = d.s.LearningRate * m[j]
			case Adam:
				m[j] = 0.9*m[j] + 0.1*g
				v[j] = 0.999*v[j] + 0.001*g*g
				k := float64(d.taken)
				move = d.s.LearningRate * m[j] / (1 - math.Pow(0.9,
					k)) / (math.Sqrt(v[j]/(1-math.Pow(0.999, k))) + o.Epsilon)
			}
			theta[j] -= move
			longest = math.Max(longest, math.Abs(move))
		}
	}
	return longest
}

// compare reports parameters of the net that are not the reference's.
func (d *descent) compare(t *testing.T, name string, n *fcn.Net, bound float64) {
	t.Helper()
	p := paramsOf(n)
	for i := range p.w {
		weight, bias := 1., 1.
		if d.s.Parameterization == StandardParameterization {
			weight, bias = d.stds(i)
			weight /= math.Sqrt(float64(d.inputs[i]))
		}
		for _, c := range []struct {
			kind  string
			got   []float64
			want  []float64
			scale float64
		}{{"weight", p.w[i], d.theta[2*i], weight}, {"bias", p.b[i], d.theta[2*i+1], bias}} {
			for j := range c.got {
				got, most := c.scale*c.got[j], bound*(1+math.Abs(c.want[j]))
				if !(math.Abs(got-c.want[j]) <= most) {
					t.Fatalf("%s: %s %d of layer %d is %v, want %v", name, c.kind, j, i+1, got,
						c.want[j])
				}
			}
		}
	}
}

func oneHot(seed uint64, rows, classes int) *mat.Dense {
	r := rand.New(rand.NewPCG(seed, 5))
	m := mat.NewDense(rows, classes, nil)
	for i := range rows {
		m.Set(i, r.IntN(classes), 1)
	}
	return m
}

// A step of every activation, another one in the next layer, in both
// parameterizations, with both losses, centred or not.
func TestGradientOfEverything(t *testing.T) {
	x := normals(2, 6, 4)
	all := []int{0, 1, 2, 3, 4, 5}
	for k, phi := range catalogue {
		next := catalogue[(k+3)%len(catalogue)]
		arch := ntk.Must(ntk.NewFCN([]ntk.Layer{
			{Activation: phi, WeightStd: 1.1, BiasStd: 0.4}, {Activation: next, WeightStd: 0.9},
		}, ntk.Readout{WeightStd: 1.2, BiasStd: 0.3}))
		for _, loss := range []Loss{SquaredError, CrossEntropy} {
			for _, parameterization := range []Parameterization{NTKParameterization,
				StandardParameterization} {
				s := Settings{
					LearningRate:     0.2,
					Epochs:           1,
					Snapshots:        []int{0, 1},
					Loss:             loss,
					Parameterization: parameterization,
					Uncentered:       k%2 == 0,
					LossFactor:       0.5 + 0.25*float64(k%3),
					OutputScale:      1 + 0.5*float64(k%2),
				}
				name := fmt.Sprintf("%v then %v, %v, %v", phi, next, loss, parameterization)
				y := oneHot(3, 6, 3)
				net := newNet(arch, 4, 5, 3, uint64(k))
				d := newDescent(net, s, x, y)
				before := d.loss(all)
				trace, err := Train(context.Background(), net, Problem{x, y, x, y}, s)
				if err != nil {
					t.Fatal(err)
				}
				if p := trace.Points[0]; math.Abs(p.TrainLoss-before) > 1e-5*(1+before) ||
					math.Abs(p.TestLoss-before) > 1e-5*(1+before) {
					t.Errorf("%s: loss %v and %v, want %v", name, p.TrainLoss, p.TestLoss, before)
				}
				longest := d.step(all)
				if longest < 1e-3 {
					t.Errorf("%s: the longest step is %g: nothing was tested", name, longest)
				}
				d.compare(t, name, net, 3e-6*(1+longest)) // float32, layers of 5
			}
		}
	}
}

// Several epochs of every optimizer, with batches and without, follow the
// reference.
func TestOptimizers(t *testing.T) {
	x, y := normals(2, 7, 4), oneHot(3, 7, 3)
	for _, arch := range []*ntk.FCN{nets["2HL erf"], nets["1HL mimic"]} {
		for _, optimizer := range []Optimizer{nil, Momentum{0.8}, Adam{Epsilon: 1e-2}} {
			for _, batch := range []int{0, 1, 3, 7, 100} {
				for _, parameterization := range []Parameterization{NTKParameterization,
					StandardParameterization} {
					s := Settings{
						LearningRate:     0.05,
						Epochs:           4,
						Optimizer:        optimizer,
						Batch:            batch,
						Parameterization: parameterization,
						Snapshots:        []int{0, 4},
						Loss:             CrossEntropy,
					}
					name := fmt.Sprintf("%v, %v, batch %d, %v", arch, optimizer, batch,
						parameterization)
					net := newNet(arch, 4, 5, 3, 2)
					d := newDescent(net, s, x, y)
					// The order is another training's, which draws the same.
					order := ntk.Must(NewTrial(net, Problem{x, y, x, y}, s))
					for epoch := range s.Epochs {
						for step := range order.StepsPerEpoch() {
							points := order.Batch(epoch, step)
							if points == nil {
								points = []int{0, 1, 2, 3, 4, 5, 6}
							}
							d.step(points)
						}
					}
					trace, err := Train(context.Background(), net, Problem{x, y, x, y}, s)
					if err != nil {
						t.Fatal(err)
					}
					d.compare(t, name, net, 3e-5)
					if got, want := trace.Points[1].TrainLoss, d.loss(
						[]int{0, 1, 2, 3, 4, 5, 6}); math.Abs(got-want) > 1e-4 ||
						!(got < trace.Points[0].TrainLoss) {
						t.Errorf("%s: loss %v → %v, want %v", name, trace.Points[0].TrainLoss, got,
							want)
					}
				}
			}
		}
	}
}

// Each epoch takes every point once, in an order that epoch and seed decide.
func TestOrderOfPoints(t *testing.T) {
	epochs := func(seed uint64) (orders [][]int) {
		net := newNet(nets["1HL mimic"], 3, 4, 2, seed)
		s := ntk.Must(
			NewSteps(net, smallProblem(), Settings{LearningRate: 1, Epochs: 1, Batch: 6}))
		if n := s.StepsPerEpoch(); n != 4 {
			t.Fatalf("%d steps for 20 points by 6", n)
		}
		for epoch := range 3 {
			var order []int
			for step := range 4 {
				points := s.Batch(epoch, step)
				rows := s.Rows(points)
				for r, i := range points {
					if !slices.Equal(rows[3*r:3*r+3], s.X[3*i:3*i+3]) {
						t.Errorf("row %d of the batch is not point %d", r, i)
					}
				}
				if want := []int{6, 6, 6, 2}[step]; len(rows) != 3*want || len(points) != want {
					t.Errorf("step %d has %d points", step, len(rows)/3)
				}
				order = append(order, points...)
			}
			orders = append(orders, order)
		}
		return orders
	}
	a, b, c := epochs(1), epochs(1), epochs(2)
	for i, order := range a {
		sorted := slices.Sorted(slices.Values(order))
		for j := range sorted {
			if sorted[j] != j {
				t.Fatalf("epoch %d takes %v", i, order)
			}
		}
		if !slices.Equal(order, b[i]) || slices.Equal(order, c[i]) ||
			i > 0 && slices.Equal(order, a[i-1]) {
			t.Errorf("epoch %d: %v", i, order)
		}
	}
	// Every place is as likely for a point: the mean over 400 seeds within four
	// standard errors.
	var sum float64
	for seed := range uint64(400) {
		sum += float64(slices.Index(epochs(seed)[0], 0))
	}
	if mean, se := sum/400, math.Sqrt((20*20-1)/12./400); math.Abs(mean-9.5) > 4*se {
		t.Errorf("the first point's mean place is %v, want 9.5 ± %v", mean, se)
	}
}

// A batch of all points is gradient descent, bit for bit in its trace with the portable
// arithmetic, and so are momentum 0, which adds up the gradient before it takes the step,
// and another LossFactor with its LearningRate, to rounding.
func TestSettingsThatAreTheSame(t *testing.T) {
	points := func(change func(s *Settings)) []Point {
		s := Settings{LearningRate: 0.05, Epochs: 20}
		change(&s)
		return ntk.Must(
			Train(context.Background(), newNet(nets["2HL erf"], 3, 16, 2, 1), smallProblem(), s),
		).Points
	}
	want := points(func(*Settings) {})
	for name, change := range map[string]func(s *Settings){
		"all points": func(s *Settings) { s.Batch = 20 },
		"named":      func(s *Settings) { s.LossFactor, s.OutputScale, s.StopEvery = 1, 1, 1 },
	} {
		near(t, name, points(change), want)
	}
	for name, change := range map[string]func(s *Settings){
		"momentum 0":  func(s *Settings) { s.Optimizer = Momentum{} },
		"loss factor": func(s *Settings) { s.LossFactor, s.LearningRate = 0.5, 0.1 },
	} {
		nearTo(t, name, 1e-5, points(change), want)
	}
}

func TestBadTrainingSettings(t *testing.T) {
	for _, c := range []struct {
		says   string
		change func(r *Run)
	}{
		{"LossFactor is -1", func(r *Run) { r.Settings.LossFactor = -1 }},
		{"LossFactor is NaN", func(r *Run) { r.Settings.LossFactor = math.NaN() }},
		{"OutputScale is +Inf", func(r *Run) { r.Settings.OutputScale = math.Inf(1) }},
		{"no loss 7", func(r *Run) { r.Settings.Loss = 7 }},
		{"no parameterization -1", func(r *Run) { r.Settings.Parameterization = -1 }},
		{"Momentum.Decay is 1", func(r *Run) { r.Settings.Optimizer = Momentum{1} }},
		{"β₂ = 1", func(r *Run) { r.Settings.Optimizer = Adam{Beta2: 1} }},
		{"Adam.Epsilon is -1", func(r *Run) { r.Settings.Optimizer = Adam{Epsilon: -1} }},
		{"Batch is -1", func(r *Run) { r.Settings.Batch = -1 }},
		{"Plateau is -1", func(r *Run) { r.Settings.Plateau = -1 }},
		{"StopAfter is -1s", func(r *Run) { r.Settings.StopAfter = -1e9 }},
		{"CheckpointEvery is -1s", func(r *Run) { r.Settings.CheckpointEvery = -1e9 }},
		{"weights of layer 1 have σ = 0", func(r *Run) {
			r.Settings.Parameterization = StandardParameterization
			setArch(r, ntk.Must(ntk.UniformFCN(1, ntk.Erf{}, 0, 1)))
		}},
		{"YTrain is -", func(r *Run) { r.Settings.Loss = CrossEntropy }},
		{"row 3 of YTest has the sum 0", func(r *Run) {
			r.Settings.Loss = CrossEntropy
			r.Problem.YTrain, r.Problem.YTest = oneHot(1, 20, 2), oneHot(2, 10, 2)
			r.Problem.YTest.SetRow(3, []float64{0, 0})
		}},
		{"YTrain has 1 column", func(r *Run) {
			r.Settings.Loss, r.Model = CrossEntropy, model(nets["1HL mimic"], 3, 4, 1, 1)
			r.Problem.YTrain, r.Problem.YTest = mat.NewDense(20, 1, nil), mat.NewDense(10, 1, nil)
		}},
	} {
		r := Run{
			model(nets["1HL mimic"], 3, 4, 2, 1),
			smallProblem(),
			Settings{LearningRate: 0.1, Epochs: 2},
		}
		c.change(&r)
		if _, err := r.Train(context.Background()); err == nil ||
			!strings.Contains(err.Error(), c.says) {
			t.Errorf("error %v, must say %q", err, c.says)
		}
	}
}

// A step allocates nothing of its own: with the portable arithmetic, whose small
// products do not either, on one processor, without goroutines.
func TestStepDoesNotAllocate(t *testing.T) {
	if !accel.Current().Portable() {
		t.Skip("the library's products are called with an argument on the heap")
	}
	for _, s := range []Settings{{}, {Optimizer: Momentum{0.9}}, {Optimizer: Adam{}}, {Batch: 7},
		{Loss: CrossEntropy, Parameterization: StandardParameterization}} {
		s.LearningRate, s.Epochs = 1e-3, 1
		p := smallProblem()
		p.YTrain, p.YTest = oneHot(1, 20, 2), oneHot(2, 10, 2)
		net := newNet(nets["2HL erf"], 3, 24, 2, 1)
		steps := ntk.Must(NewSteps(net, p, s))
		if n := testing.AllocsPerRun(20, func() {
			if err := steps.Advance(context.Background(), 1); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%+v: %v allocations in a step", s, n)
		}
	}
}
