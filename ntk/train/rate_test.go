package train_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/fcn"
	. "github.com/kernelsmith/kernelsmith/ntk/train"
	"gonum.org/v1/gonum/mat"
)

// kernelOfAllOutputs is the reference's NTK between all outputs of the points, by
// differences.
func kernelOfAllOutputs(d *descent, points []int, frozen func(layer int) bool) *mat.SymDense {
	size := len(points) * len(d.f0[0])
	kernel := mat.NewSymDense(size, nil)
	column := func() (f []float64) {
		for _, i := range points {
			f = append(f, d.net(d.x.RawRowView(i))...)
		}
		return f
	}
	for i, theta := range d.theta {
		if frozen(i / 2) {
			continue
		}
		for j, was := range theta {
			const h = 1e-5
			theta[j] = was + h
			up := column()
			theta[j] = was - h
			down := column()
			theta[j] = was
			for k := range up {
				up[k] = (up[k] - down[k]) / (2 * h)
			}
			kernel.SymRankOne(kernel, 1, mat.NewVecDense(size, up))
		}
	}
	return kernel
}

func largestEigenvalue(t *testing.T, k *mat.SymDense) float64 {
	t.Helper()
	var e mat.EigenSym
	if !e.Factorize(k, false) {
		t.Fatal("no eigenvalues")
	}
	return slices.Max(e.Values(nil))
}

// The limit is that of the kernel between all outputs, whose derivatives the
// reference finds by differences.
func TestStableRate(t *testing.T) {
	p := smallProblem()
	p.YTrain, p.YTest = oneHot(1, 20, 2), oneHot(2, 10, 2)
	all := make([]int, 20)
	for i := range all {
		all[i] = i
	}
	frozen := ntk.Must(ntk.NewFCN([]ntk.Layer{
		{Activation: ntk.GELU{}, WeightStd: 1.3, BiasStd: 0.2, Frozen: true},
		{Activation: ntk.Erf{}, WeightStd: 1.1, BiasStd: 0.3},
	}, ntk.Readout{WeightStd: 1, BiasStd: 0.7}))
	for _, arch := range []*ntk.FCN{nets["1HL mimic"], nets["2HL erf"], nets["mixed"], frozen} {
		for _, s := range []Settings{
			{}, {Parameterization: StandardParameterization}, {LossFactor: 0.5, OutputScale: 3},
			{Optimizer: Momentum{0.9}}, {Loss: CrossEntropy}, {Batch: 8},
			{Batch: 8, Loss: CrossEntropy, OutputScale: 2},
		} {
			net := newNet(arch, 3, 11, 2, 6)
			d := newDescent(net, s, p.XTrain, p.YTrain)
			kernel := kernelOfAllOutputs(d, all,
				func(i int) bool { return arch == frozen && i == 0 })
			least := math.Inf(1)
			batches := [][]int{all}
			if s.Batch > 0 {
				full := s
				full.LearningRate, full.Epochs = 1, 1
				tr := ntk.Must(NewTrial(net, p, full))
				batches = nil
				for step := range tr.StepsPerEpoch() {
					batches = append(batches, slices.Clone(tr.Batch(0, step)))
				}
			}
			for _, points := range batches {
				part := mat.NewSymDense(2*len(points), nil)
				for a, i := range points {
					for b, j := range points {
						for u := range 2 {
							for v := range 2 {
								if r, c := 2*a+u, 2*b+v; r <= c {
									part.SetSym(r, c, kernel.At(2*i+u, 2*j+v))
								}
							}
						}
					}
				}
				rate := float64(len(points)) / largestEigenvalue(t,
					part) / OrOne(s.LossFactor) / math.Pow(
					OrOne(s.OutputScale),
					2,
				)
				if s.Loss == CrossEntropy {
					rate *= 4
				}
				if s.Optimizer != nil {
					rate *= 1.9
				}
				least = math.Min(least, rate)
			}
			got := ntk.Must(StableRate(context.Background(), net, p, s))
			// From below in λ, so from above in the rate.
			if got < least*(1-1e-4) || got > least*(1+3e-3) {
				t.Errorf("%v, %+v: limit %v, want %v", arch, s, got, least)
			}
		}
	}
	// One output: the limit is n/λ_max of the empirical NTK.
	p.YTrain, p.YTest = normals(1, 20, 1), normals(2, 10, 1)
	net := newNet(nets["4HL ReLU"], 3, 64, 1, 6)
	theta := ntk.Must(net.EmpiricalNTK(p.XTrain, p.XTrain, 0))
	want := 20 / largestEigenvalue(t, mat.NewSymDense(20, theta.RawMatrix().Data))
	if got := ntk.Must(StableRate(context.Background(), net, p, Settings{})); math.Abs(
		got/want-1,
	) > 1e-3 {
		t.Errorf("limit %v, n/λ_max is %v", got, want)
	}
}

// What the limit says comes true in the lazy regime: a twentieth below it the
// loss falls, a twentieth above it grows.
func TestStableRateIsTheLimit(t *testing.T) {
	p := smallProblem()
	p.YTrain, p.YTest = oneHot(1, 20, 2), oneHot(2, 10, 2)
	for name, s := range map[string]Settings{
		"descent": {}, "momentum": {Optimizer: Momentum{0.8}}, "factor": {LossFactor: 0.5},
		"standard":      {Parameterization: StandardParameterization},
		"cross-entropy": {Loss: CrossEntropy},
	} {
		s.OutputScale, s.Epochs = 1e3, 400 // lazy
		net := func() *fcn.Net { return newNet(nets["2HL erf"], 3, 64, 2, 1) }
		limit := ntk.Must(StableRate(t.Context(), net(), p, s))
		s.CheckRate, s.LearningRate = true, 0.95*limit
		trace, err := Train(t.Context(), net(), p, s)
		if err != nil ||
			!(trace.Points[len(trace.Points)-1].TrainLoss < 0.9*trace.Points[0].TrainLoss) {
			t.Errorf("%s: below the limit: %+v, %v", name, trace.Points, err)
		}
		s.LearningRate = 1.05 * limit
		_, err = Train(t.Context(), net(), p, s)
		var named float64
		if err == nil || !strings.Contains(err.Error(), "must be below") {
			t.Errorf("%s: above the limit: %v", name, err)
			continue
		}
		_, after, _ := strings.Cut(err.Error(), "must be below ")
		if _, bad := fmt.Sscan(after, &named); bad != nil || math.Abs(named/limit-1) > 1e-3 {
			t.Errorf("%s: above the limit: %v", name, err)
		}
		if s.CheckRate = false; s.Loss == CrossEntropy {
			continue // its limit is a safe one, not a sharp one
		}
		// It grows until the net is no longer linear, where it may find a flatter place.
		trace, err = Train(t.Context(), net(), p, s)
		most := slices.MaxFunc(trace.Points,
			func(a, b Point) int { return cmp.Compare(a.TrainLoss, b.TrainLoss) })
		if most.TrainLoss < 100*trace.Points[0].TrainLoss && err == nil {
			t.Errorf("%s: above the limit the largest loss is %+v", name, most)
		}
	}
	if _, err := StableRate(t.Context(), newNet(nets["2HL erf"], 3, 8, 2, 1), p,
		Settings{Optimizer: Adam{}}); err == nil ||
		!strings.Contains(err.Error(), "Adam") {
		t.Errorf("Adam: %v", err)
	}
	frozen := ntk.Must(
		ntk.NewFCN([]ntk.Layer{{Activation: ntk.ReLU{}, WeightStd: 1, Frozen: true}},
			ntk.Readout{WeightStd: 1, Frozen: true}),
	)
	if _, err := StableRate(t.Context(), newNet(frozen, 3, 8, 2, 1), p, Settings{}); err == nil ||
		!strings.Contains(err.Error(), "v·Θv = 0") {
		t.Errorf("nothing trained: %v", err)
	}
}

// Runs of equal t go alike, whatever their conventions: as exp(-λt).
func TestEpochTime(t *testing.T) {
	p := smallProblem()
	const total = 0.3
	base := Settings{OutputScale: 30, Epochs: 200, Snapshots: []int{0, 200}}
	var want float64
	for _, c := range []struct {
		name string
		s    func(s *Settings)
	}{
		{"descent", func(s *Settings) {}},
		{"half", func(s *Settings) { s.LossFactor = 0.5 }},
		{"scale", func(s *Settings) { s.OutputScale = 60 }},
		{"momentum", func(s *Settings) { s.Optimizer = Momentum{0.5} }},
		{"batches", func(s *Settings) { s.Batch = 5 }},
	} {
		s := base
		c.s(&s)
		s.LearningRate = 1
		s.LearningRate = total / float64(s.Epochs) / s.EpochTime(20)
		trace := ntk.Must(
			Train(t.Context(), newNet(nets["2HL erf"], 3, 20, 2, 1), p, s))
		if math.Abs(trace.EpochTime*200/total-1) > 1e-9 {
			t.Errorf("%s: t = %v", c.name, trace.EpochTime*200)
		}
		got := trace.Points[1].TrainLoss
		if c.name == "descent" {
			// exp(-Θt) on the residuals, with the kernel of all outputs
			net := newNet(nets["2HL erf"], 3, 20, 2, 1)
			want = gradientFlow(t, net, p, total)
		}
		if math.Abs(got/want-1) > 0.01 { // steps of finite length, batches
			t.Errorf("%s: loss %v at t = %v, gradient flow %v", c.name, got, total, want)
		}
	}
	if s := (Settings{LearningRate: 1, Optimizer: Adam{}}); !math.IsNaN(s.EpochTime(7)) {
		t.Error("Adam has no t")
	}
	// Cross-entropy: at f = f₀ the residual is softmax(0) - y, and df = -Θ(…)dt.
	s := Settings{LearningRate: 0.3, Loss: CrossEntropy}
	if got := s.EpochTime(10); math.Abs(got-0.03) > 1e-15 {
		t.Errorf("cross-entropy: %v", got)
	}
}

// gradientFlow is the loss at time t of the linearised net.
func gradientFlow(t *testing.T, net *fcn.Net, p Problem, time float64) float64 {
	d := newDescent(net, Settings{}, p.XTrain, p.YTrain)
	all := make([]int, 20)
	for i := range all {
		all[i] = i
	}
	var e mat.EigenSym
	if !e.Factorize(kernelOfAllOutputs(d, all, func(int) bool { return false }), true) {
		t.Fatal("no eigenvalues")
	}
	var v mat.Dense
	e.VectorsTo(&v)
	y := mat.NewVecDense(40, p.YTrain.RawMatrix().Data)
	var sum float64
	for k, lambda := range e.Values(nil) {
		c := mat.Dot(v.ColView(k), y) * math.Exp(-lambda*time)
		sum += c * c
	}
	return sum / 20
}

// A net that diverges has the last good parameters again, says where and why,
// and its trace and checkpoints stay.
func TestDivergenceKeepsTheLastGoodState(t *testing.T) {
	for _, batch := range []int{0, 7} {
		run := Run{
			model(nets["4HL ReLU"], 3, 16, 2, 5),
			smallProblem(),
			Settings{LearningRate: 3, Epochs: 1000, Batch: batch},
		}
		net := newNet(nets["4HL ReLU"], 3, 16, 2, 5)
		limit := ntk.Must(StableRate(t.Context(), net, run.Problem, run.Settings))
		trace, err := Train(t.Context(), net, run.Problem, run.Settings)
		var diverged *DivergedError
		if !errors.As(err, &diverged) || diverged.Epoch == 0 || diverged.Limit != limit ||
			!strings.Contains(err.Error(), fmt.Sprintf("limit is %.4g", limit)) {
			t.Fatalf("batch %d: %v, limit %v", batch, err, limit)
		}
		last := trace.Points[len(trace.Points)-1]
		if diverged.Kept != last.Epoch || !(last.Epoch <= diverged.Epoch) {
			t.Errorf("batch %d: kept epoch %d, the last point is %d", batch, diverged.Kept,
				last.Epoch)
		}
		// The net is that of the last point.
		fresh := newNet(nets["4HL ReLU"], 3, 16, 2, 5)
		f, f0 := ntk.Must(net.Forward(run.Problem.XTrain)), ntk.Must(
			fresh.Forward(run.Problem.XTrain))
		f.Sub(f, f0)
		if got := ntk.Must(ntk.MSE(f, run.Problem.YTrain)); math.Abs(
			got-last.TrainLoss,
		) > 1e-4*(1+last.TrainLoss) {
			t.Errorf("batch %d: the net kept has the loss %v, the last point %v", batch, got,
				last.TrainLoss)
		}
		// With checkpoints, what is on the disk is from before, and whole.
		run.Settings.Checkpoints, run.Settings.CheckpointEvery = folder(t), time.Nanosecond
		for range 2 {
			again, err := run.Train(t.Context())
			var other *DivergedError
			if !errors.As(err, &other) || other.Epoch != diverged.Epoch || again.Notes != nil ||
				len(again.Points) != len(trace.Points) {
				t.Errorf("batch %d: with checkpoints %v, %d points", batch, err, len(again.Points))
			}
		}
		epoch, err := CheckpointEpoch(files(t, run.Settings.Checkpoints, ".checkpoint")[0])
		if err != nil || epoch > diverged.Epoch {
			t.Errorf("batch %d: checkpoint at epoch %d, %v", batch, epoch, err)
		}
	}
}
