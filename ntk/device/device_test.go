//go:build linux && amd64

package device_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/design"
	"github.com/kernelsmith/kernelsmith/ntk/device"
	"github.com/kernelsmith/kernelsmith/ntk/fcn"
	"github.com/kernelsmith/kernelsmith/ntk/hermite"
	"github.com/kernelsmith/kernelsmith/ntk/internal/pjrttest"
	"github.com/kernelsmith/kernelsmith/ntk/train"
	"gonum.org/v1/gonum/mat"
)

var shared struct {
	sync.Mutex
	device *device.Device
}

// onCPU is a device that is the CPU, for all tests.
func onCPU(t testing.TB) *device.Device {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	if shared.device == nil {
		d, err := device.OpenDevices(pjrttest.Path(t), 1)
		if err != nil {
			t.Fatal(err)
		}
		shared.device = d
	}
	return shared.device
}

// joined are activations of all kinds that a device has.
func joined() map[string]ntk.Activation {
	formula := design.Formula{Slope: 0.2, Offset: -0.1, Terms: []design.Term{
		{Kind: "relu", Amplitude: 1.2, Shift: 0.3}, {Kind: "reflected relu", Amplitude: -0.4},
		{Kind: "cos", Amplitude: 0.3, Frequency: 4, Phase: 1},
		{Kind: "gaussian", Amplitude: 0.5, Shift: 0.2, Scale: 0.8},
		{Kind: "erf", Amplitude: 0.6, Shift: -0.3, Scale: 1.5},
		{Kind: "gelu", Amplitude: 0.7, Shift: 0.1, Scale: 1.1},
	}}
	polynomial := []float64{0.1, 1, -0.2, 0.05}
	series := []float64{0.1, 0.8, 0.3, -0.2, 0.1, 0, 0.05}
	return map[string]ntk.Activation{
		"ReLU": ntk.ReLU{}, "leaky ReLU": ntk.LeakyReLU(0.2), "|z|": ntk.Abs(),
		"relu²": ntk.RectifiedMonomial{Degree: 2}, "relu³": ntk.RectifiedMonomial{Degree: 3},
		"mimic": ntk.PublishedMimic(), "polynomial": ntk.Polynomial{Coeffs: polynomial},
		"sin": ntk.Sin{Amplitude: 1.1, Frequency: 3, Phase: 0.4},
		"cos": ntk.Cos{Amplitude: 1, Frequency: 2, Phase: -1},
		"erf": ntk.Erf{}, "sigmoid-like erf": ntk.SigmoidErf{}, "GELU": ntk.GELU{},
		"exp":      ntk.Exp{Amplitude: 0.5, Rate: 0.4},
		"Gaussian": ntk.Gaussian{Amplitude: 2, Rate: 0.5}, "Gabor": ntk.Gabor{},
		"tanh": ntk.Tanh{}, "sigmoid": ntk.Sigmoid{}, "softplus": ntk.Softplus{},
		"SiLU": ntk.SiLU{}, "sum": ntk.Must(ntk.Add(ntk.Tanh{}, ntk.ReLU{})),
		"formula":        ntk.Must(formula.Activation()),
		"Hermite series": ntk.Must(hermite.NewSeries(series)),
	}
}

// Each activation against its own values and slopes in double precision.
func TestActivations(t *testing.T) {
	d := onCPU(t)
	var z []float32
	for x := -12.; x <= 12; x += 1. / 64 {
		z = append(z, float32(x))
	}
	z = append(z, 1e-6, -1e-6, 1e-3, -30, 30)
	for name, phi := range joined() {
		value, slope, err := d.Activation(phi, z)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if value == nil {
			t.Errorf("%s does not join", name)
			continue
		}
		worst, worstSlope := 0., 0.
		for i, x := range z {
			v, s := phi.Value(float64(x)), phi.Derivative(float64(x))
			worst = max(worst, math.Abs(float64(value[i])-v)/(1+math.Abs(v)))
			worstSlope = max(worstSlope, math.Abs(float64(slope[i])-s)/(1+math.Abs(s)))
		}
		if !(worst < 5e-7) || !(worstSlope < 2e-6) {
			t.Errorf("%s: values are off by %.1e, slopes by %.1e", name, worst, worstSlope)
		}
		t.Logf("%s: values are off by %.1e, slopes by %.1e", name, worst, worstSlope)
	}
}

// problem is random points with a smooth target, and as many to test on.
func problem(points, inputs, outputs int) train.Problem {
	r := rand.New(rand.NewPCG(11, uint64(points)))
	side := func() (x, y *mat.Dense) {
		x, y = mat.NewDense(points, inputs, nil), mat.NewDense(points, outputs, nil)
		for i := range points {
			for j := range inputs {
				x.Set(i, j, r.NormFloat64())
			}
			for j := range outputs {
				y.Set(i, j, math.Sin(x.At(i, 0)+float64(j))*x.At(i, 1))
			}
		}
		return x, y
	}
	var p train.Problem
	p.XTrain, p.YTrain = side()
	p.XTest, p.YTest = side()
	return p
}

// runs are trials of nets that are alike but for their seeds.
func runs(
	phi ntk.Activation, depth, width, trials int, p train.Problem, s train.Settings,
) (out []train.Run) {
	arch := ntk.Must(ntk.UniformFCN(depth, phi, 1.2, 0.3))
	_, inputs := p.XTrain.Dims()
	_, outputs := p.YTrain.Dims()
	for i := range trials {
		out = append(out, train.Run{
			Model: fcn.Model{Arch: arch, Config: fcn.Config{
				Inputs: inputs, Width: width, Outputs: outputs, Seed: uint64(i + 1),
			}},
			Problem: p, Settings: s,
		})
	}
	return out
}

// apart is how far the losses of the traces are apart, relative to the loss at initialisation.
func apart(t testing.TB, a, b *train.Trace) float64 {
	t.Helper()
	if len(a.Points) != len(b.Points) || len(a.Points) == 0 {
		t.Fatalf("%d and %d points", len(a.Points), len(b.Points))
	}
	worst := 0.
	for i, p := range a.Points {
		q := b.Points[i]
		if p.Epoch != q.Epoch {
			t.Fatalf("epochs %d and %d", p.Epoch, q.Epoch)
		}
		worst = max(worst, math.Abs(p.TrainLoss-q.TrainLoss)/a.Points[0].TrainLoss,
			math.Abs(p.TestLoss-q.TestLoss)/a.Points[0].TestLoss)
	}
	return worst
}

// Whole runs agree with those that are made here, for every activation. At a kink two arithmetics
// of whatever kind part: rounding decides on which side of it a pre-activation is, and a unit's
// step changes by a finite amount, of the order of 1/width. So nets with kinks are wide here.
//
// Those that grow fast or wave multiply rounding from layer to layer, and have one. Portable Go
// adds numbers up one after the other, and is itself up to 3e-5 from what OpenBLAS makes of these
// runs, of the third power of a rectifier.
func TestAgrees(t *testing.T) {
	d := onCPU(t)
	p := problem(32, 6, 2)
	oneLayer := []string{"exp", "Hermite series", "polynomial", "sin", "cos", "Gabor"}
	tolerance := 1e-5
	if strings.Contains(ntk.BLAS(), "portable") {
		tolerance = 3e-5
	}
	for name, phi := range joined() {
		s, depth, width := train.Settings{LearningRate: 1, Epochs: 300}, 2, 64
		if len(ntk.KinksOf(phi)) > 0 {
			depth, width = 1, 1024
		} else if slices.Contains(oneLayer, name) {
			depth = 1
		}
		net := ntk.Must(runs(phi, depth, width, 1, p, s)[0].Model.New())
		s.LearningRate = 0.3 * ntk.Must(train.StableRate(t.Context(), net, p, s))
		want := ntk.Must(train.Trials(t.Context(), runs(phi, depth, width, 2, p, s)))
		s.Device = d
		got, err := train.Trials(t.Context(), runs(phi, depth, width, 2, p, s))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for i := range want {
			off := apart(t, want[i], got[i])
			points := want[i].Points
			first, last := points[0].TrainLoss, points[len(points)-1].TrainLoss
			t.Logf("%s: %.1e apart, loss %.3f to %.4f", name, off, first, last)
			if !(off < tolerance) || !(last < 0.9*first) {
				t.Errorf("%s, trial %d: %.1e apart; loss %v, then %v", name, i, off, first, last)
			}
			if got[i].Arithmetic != d.String() || got[i].Notes != nil {
				t.Errorf("%s: made on %q, notes %q", name, got[i].Arithmetic, got[i].Notes)
			}
		}
	}
}
