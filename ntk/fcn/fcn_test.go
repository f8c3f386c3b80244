package fcn

import (
	"context"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk/inverse"

	"github.com/google/go-cmp/cmp"
	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/internal/accel"
	"github.com/kernelsmith/kernelsmith/ntk/train"
	"gonum.org/v1/gonum/mat"
)

// square is an activation without a float32 form or a dual.
type square struct{}

func (square) Value(z float64) float64      { return z * z / 2 }
func (square) Derivative(z float64) float64 { return z }
func (square) String() string               { return "z²/2" }

var nets = map[string]*ntk.FCN{
	"1HL ReLU":  ntk.Must(ntk.UniformFCN(1, ntk.ReLU{}, math.Sqrt2, 0.1)),
	"4HL ReLU":  ntk.Must(ntk.UniformFCN(4, ntk.ReLU{}, math.Sqrt2, 0.1)),
	"1HL mimic": ntk.Must(ntk.UniformFCN(1, ntk.PublishedMimic(), 1, 0)),
	"2HL erf":   ntk.Must(ntk.UniformFCN(2, ntk.Erf{}, 1.5, 0.3)),
	"mixed": ntk.Must(ntk.NewFCN([]ntk.Layer{
		{Activation: ntk.Sin{Amplitude: 1, Frequency: 2, Phase: 0.3}, WeightStd: 1, BiasStd: 0.5},
		{Activation: square{}, WeightStd: 0.7},
		{Activation: ntk.Cos{Amplitude: 1, Frequency: 1.5}, WeightStd: 1.2, BiasStd: 0.1},
	}, ntk.Readout{WeightStd: 0.8, BiasStd: 0.4})),
}

func normals(seed uint64, rows, cols int) *mat.Dense {
	r := rand.New(rand.NewPCG(seed, 99))
	m := mat.NewDense(rows, cols, nil)
	for i := range rows {
		for j := range cols {
			m.Set(i, j, r.NormFloat64())
		}
	}
	return m
}

// params is a net's parameters in double precision: the second implementation
// of the formulas works on it.
type params struct{ w, b [][]float64 }

func paramsOf(n *Net) params {
	var p params
	for _, l := range n.layers {
		w, b := make([]float64, len(l.w)), make([]float64, len(l.b))
		for i, v := range l.w {
			w[i] = float64(v)
		}
		for i, v := range l.b {
			b[i] = float64(v)
		}
		p.w, p.b = append(p.w, w), append(p.b, b)
	}
	return p
}

// reference is the net's definition, unit by unit, in double precision.
func reference(arch *ntk.FCN, p params, x []float64) []float64 {
	h := x
	for i := range p.w {
		weightStd, biasStd := arch.Readout().WeightStd, arch.Readout().BiasStd
		if i < arch.Depth() {
			weightStd, biasStd = arch.Layers()[i].WeightStd, arch.Layers()[i].BiasStd
		}
		out := make([]float64, len(p.w[i])/len(h))
		for j := range out {
			for k, v := range h {
				out[j] += weightStd / math.Sqrt(float64(len(h))) * p.w[i][j*len(h)+k] * v
			}
			if len(p.b[i]) > 0 {
				out[j] += biasStd * p.b[i][j]
			}
			if i < arch.Depth() {
				out[j] = arch.Layers()[i].Activation.Value(out[j])
			}
		}
		h = out
	}
	return h
}

func TestForward(t *testing.T) {
	x := normals(1, 5, 7)
	for name, arch := range nets {
		net := ntk.Must(New(arch, Config{Inputs: 7, Width: 33, Outputs: 3, Seed: 4}))
		got, p := ntk.Must(net.Forward(x)), paramsOf(net)
		for i := range 5 {
			for j, want := range reference(arch, p, x.RawRowView(i)) {
				if math.Abs(got.At(i, j)-want) > 2e-5*(1+math.Abs(want)) { // float32, five layers
					t.Errorf("%s: output %d of row %d is %v, want %v", name, j, i, got.At(i, j),
						want)
				}
			}
		}
	}
}

// One step against central differences of the loss in double precision, for
// every parameter: the change of the parameters is -η ∂loss/∂θ.
func TestStepIsTheGradient(t *testing.T) {
	x, y := normals(2, 6, 4), normals(3, 6, 2)
	const rate = 0.25
	for name, arch := range nets {
		for _, uncentered := range []bool{false, true} {
			net := ntk.Must(New(arch, Config{Inputs: 4, Width: 9, Outputs: 2, Seed: 8}))
			p := paramsOf(net)
			start := mat.NewDense(6, 2, nil)
			if !uncentered {
				for i := range 6 {
					start.SetRow(i, reference(arch, p, x.RawRowView(i)))
				}
			}
			loss := func() (sum float64) {
				for i := range 6 {
					for j, f := range reference(arch, p, x.RawRowView(i)) {
						d := f - start.At(i, j) - y.At(i, j)
						sum += d * d / 6
					}
				}
				return sum
			}
			_, err := train.Train(context.Background(), net, problem(x, y, x, y),
				train.Settings{LearningRate: rate, Epochs: 1, Uncentered: uncentered})
			if err != nil {
				t.Fatal(err)
			}
			after := paramsOf(net)
			var largest float64
			check := func(kind string, layer, i int, theta *float64, got float64) {
				const h = 1e-5
				was := *theta
				*theta = was + h
				up := loss()
				*theta = was - h
				down := loss()
				*theta = was
				want := -rate * (up - down) / (2 * h)
				largest = math.Max(largest, math.Abs(want))
				// float32 parameters near 1 resolve 6e-8, gradients 1e-6 of the largest
				if math.Abs(got-was-want) > 1e-6+2e-6*math.Abs(want)+1e-6*largest {
					t.Errorf("%s: %s %d of layer %d changes by %v, want %v", name, kind, i, layer,
						got-was, want)
				}
			}
			for l := range p.w {
				for i := range p.w[l] {
					check("weight", l, i, &p.w[l][i], after.w[l][i])
				}
				for i := range p.b[l] {
					check("bias", l, i, &p.b[l][i], after.b[l][i])
				}
			}
			if largest < 1e-2 {
				t.Errorf("%s: the largest step is %g: nothing was tested", name, largest)
			}
		}
	}
}

// The empirical NTK against gradients by central differences.
func TestEmpiricalNTKIsGradientProducts(t *testing.T) {
	x, z := normals(5, 4, 3), normals(6, 3, 3)
	for name, arch := range nets {
		net := ntk.Must(New(arch, Config{Inputs: 3, Width: 8, Outputs: 2, Seed: 11}))
		p := paramsOf(net)
		gradient := func(row []float64) (g []float64) {
			for l := range p.w {
				for _, theta := range [][]float64{p.w[l], p.b[l]} {
					for i := range theta {
						const h = 1e-5
						was := theta[i]
						theta[i] = was + h
						up := reference(arch, p, row)[1]
						theta[i] = was - h
						down := reference(arch, p, row)[1]
						theta[i] = was
						g = append(g, (up-down)/(2*h))
					}
				}
			}
			return g
		}
		got := ntk.Must(net.EmpiricalNTK(z, x, 1))
		for i := range 3 {
			for j := range 4 {
				var want float64
				gz := gradient(z.RawRowView(i))
				for k, v := range gradient(x.RawRowView(j)) {
					want += v * gz[k]
				}
				if math.Abs(got.At(i, j)-want) > 1e-4*(1+math.Abs(want)) { // float32 and h²
					t.Errorf("%s: Θ(%d, %d) = %v, want %v", name, i, j, got.At(i, j), want)
				}
			}
		}
	}
}

// The mean of the empirical NTK over nets against the infinite-width kernel,
// within four standard errors and, for deep nets, the bias of order
// depth²/width that finite width has.
func TestEmpiricalNTKAgainstInfiniteWidth(t *testing.T) {
	const trials = 40
	cosines := []float64{1, 0.9, 0.5, 0, -0.5, -1}
	x := mat.NewDense(len(cosines), 2, nil)
	for i, c := range cosines {
		x.SetRow(i, []float64{math.Sqrt2 * c, math.Sqrt2 * math.Sqrt(1-c*c)})
	}
	first := mat.NewDense(1, 2, []float64{math.Sqrt2, 0})
	for _, c := range []struct {
		name  string
		width int
		bias  float64
	}{{"1HL mimic", 1024, 0}, {"2HL erf", 512, 0.01}, {"4HL ReLU", 512, 0.02}} {
		arch := nets[c.name]
		want := ntk.Must(ntk.Must(arch.NTK()).Curve(cosines))
		sum, squares := make([]float64, len(cosines)), make([]float64, len(cosines))
		for seed := range uint64(trials) {
			net := ntk.Must(New(arch, Config{Inputs: 2, Width: c.width, Outputs: 1, Seed: seed}))
			theta := ntk.Must(net.EmpiricalNTK(first, x, 0)).RawRowView(0)
			for i, v := range theta {
				sum[i] += v
				squares[i] += v * v
			}
		}
		for i, w := range want {
			mean := sum[i] / trials
			standardError := math.Sqrt((squares[i]/trials - mean*mean) / (trials - 1))
			if math.Abs(mean-w) > 4*standardError+c.bias*math.Abs(w) {
				t.Errorf("%s at c = %v: %.4f ± %.4f over %d nets, infinite width %.4f", c.name,
					cosines[i], mean, standardError, trials, w)
			}
			if standardError > 0.05*math.Max(1, w) {
				t.Errorf("%s at c = %v: standard error %v is too large to tell", c.name, cosines[i],
					standardError)
			}
		}
	}
}

func problem(x, y, xTest, yTest *mat.Dense) train.Problem {
	return train.Problem{XTrain: x, YTrain: y, XTest: xTest, YTest: yTest}
}

func smallProblem() train.Problem {
	return problem(normals(1, 20, 3), normals(2, 20, 2), normals(3, 10, 3), normals(4, 10, 2))
}

// The same seed gives the same numbers whatever the number of threads: for
// initialisation and, with the portable arithmetic, for training.
func TestSameSeedSameNet(t *testing.T) {
	make1 := func(procs int, seed uint64) (*Net, *train.Trace) {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
		net := ntk.Must(
			New(nets["4HL ReLU"], Config{Inputs: 3, Width: 600, Outputs: 2, Seed: seed}))
		if !accel.Current().Portable() {
			return net, nil
		}
		trace := ntk.Must(
			train.Train(context.Background(), net, smallProblem(),
				train.Settings{LearningRate: 0.05, Epochs: 3}),
		)
		trace.Seconds, trace.Arithmetic = 0, ""
		return net, trace
	}
	a, traceA := make1(1, 7)
	b, traceB := make1(4, 7)
	c, _ := make1(4, 8)
	if d := cmp.Diff(traceA, traceB); d != "" {
		t.Errorf("traces differ with the number of threads:\n%s", d)
	}
	for i := range a.layers {
		if !slices.Equal(a.layers[i].w, b.layers[i].w) ||
			!slices.Equal(a.layers[i].b, b.layers[i].b) {
			t.Errorf("layer %d differs with the number of threads", i)
		}
		if slices.Equal(a.layers[i].w, c.layers[i].w) {
			t.Errorf("layer %d is the same for another seed", i)
		}
	}
	var sum, squares, n float64
	for _, v := range ntk.Must(New(nets["4HL ReLU"],
		Config{Inputs: 3, Width: 600, Outputs: 2, Seed: 1})).layers[2].w {
		sum += float64(v)
		squares += float64(v) * float64(v)
		n++
	}
	if math.Abs(sum/n) > 4/math.Sqrt(n) || math.Abs(squares/n-1) > 4*math.Sqrt(2/n) {
		t.Errorf("%v weights have mean %v and mean square %v", n, sum/n, squares/n)
	}
}

func TestBadInput(t *testing.T) {
	arch := nets["1HL mimic"]
	good := Config{Inputs: 3, Width: 4, Outputs: 2}
	net := ntk.Must(New(arch, good))
	with := func(rows, cols int, v float64) *mat.Dense {
		m := mat.NewDense(rows, cols, nil)
		m.Set(rows-1, cols-1, v)
		return m
	}
	for _, c := range []struct {
		says string
		err  error
	}{
		{"no architecture", second(New(nil, good))},
		{"no architecture", second(New(&ntk.FCN{}, good))},
		{"Inputs is 0", second(New(arch, Config{0, 4, 2, 0}))},
		{"Width is 0", second(New(arch, Config{3, 0, 2, 0}))},
		{"Outputs is -1", second(New(arch, Config{3, 4, -1, 0}))},
		{"weights", second(New(nets["4HL ReLU"], Config{3, 1 << 20, 2, 0}))},
		{"x has 2 columns", second(net.Forward(mat.NewDense(1, 2, nil)))},
		{"x is empty", second(net.Forward(nil))},
		{"x is empty", second(net.Forward(with(5, 3, 1).Slice(0, 5, 1, 1).(*mat.Dense)))},
		{"x is empty", second(net.Forward(with(5, 3, 1).Slice(2, 2, 0, 3).(*mat.Dense)))},
		{"row 4, column 2", second(net.Forward(with(5, 3, math.NaN())))},
		{"single precision", second(net.Forward(with(5, 3, 1e300)))},
		{"outputs 0 to 1", second(net.EmpiricalNTK(normals(1, 2, 3), normals(1, 2, 3), 2))},
		{"z has 4", second(net.EmpiricalNTK(normals(1, 2, 4), normals(1, 2, 3), 0))},
		{"x has 4", second(net.EmpiricalNTK(normals(1, 2, 3), normals(1, 2, 4), 0))},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.says) {
			t.Errorf("error %v, must say %q", c.err, c.says)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// What is frozen keeps its values to the bit, what is not moves; and the empirical
// NTK is the infinite-width one without the frozen layer's part.
func TestFrozenLayers(t *testing.T) {
	arch := ntk.Must(ntk.NewFCN([]ntk.Layer{
		{Activation: ntk.ReLU{}, WeightStd: 1.3, BiasStd: 0.2, Frozen: true},
		{Activation: ntk.Erf{}, WeightStd: 1.1, BiasStd: 0.3},
	}, ntk.Readout{WeightStd: 1, Frozen: true}))
	config := Config{Inputs: 3, Width: 64, Outputs: 2, Seed: 4}
	net, fresh := ntk.Must(New(arch, config)), ntk.Must(New(arch, config))
	if _, err := train.Train(
		t.Context(), net, smallProblem(), train.Settings{LearningRate: 0.1, Epochs: 3},
	); err != nil {
		t.Fatal(err)
	}
	for i, frozen := range []bool{true, false, true} {
		same := slices.Equal(net.layers[i].w, fresh.layers[i].w) &&
			slices.Equal(net.layers[i].b, fresh.layers[i].b)
		if same != frozen {
			t.Errorf("layer %d: frozen %v, unchanged %v", i+1, frozen, same)
		}
	}
	cosines := []float64{1, 0.5, -0.7}
	compareWithInfiniteWidth(
		t,
		arch,
		cosines,
		1024,
		30,
		func(_ int, standardError, want float64) float64 {
			return 4*standardError + 0.005*math.Abs(want) // finite width: depth²/width
		},
	)
}

// There and back: the kernel of a deep net, the activation that has it with one
// hidden layer, and nets of width 2^14 of that, within four standard errors, which
// are exact here: √(Var/(width·nets)).
func TestDesignedNetHasTheKernel(t *testing.T) {
	deep := ntk.Must(ntk.Must(ntk.UniformFCN(2, ntk.Erf{}, 1, 0.3)).NTK())
	designed := ntk.Must(inverse.Of(deep, &inverse.Settings{
		Degree:      7,
		SignRule:    inverse.LeastVariance,
		SignCosines: []float64{1, 0.5, -1},
	}))
	arch := ntk.Must(ntk.UniformFCN(1, designed.Phi, 1, 0))
	cosines := []float64{1, 0.9, 0.3, 0, -0.6, -1}
	const width, trials = 1 << 14, 8
	compareWithInfiniteWidth(t, arch, cosines, width, trials, func(i int, _, want float64) float64 {
		v := ntk.Must(inverse.FiniteWidthVariance(designed.Phi, 1, cosines[i], 1))
		se := math.Sqrt(v / (width * trials))
		if se > 0.1*math.Abs(want)+0.1 {
			t.Errorf("at c = %v the standard error is %v: nothing can be told", cosines[i], se)
		}
		return 4*se + 1e-4 // float32
	})
	// and the kernel is the deep one's, up to the degrees left out
	for _, c := range cosines {
		a, b := designed.Kernel.At(c), ntk.Must(deep.Curve([]float64{c}))[0]
		if math.Abs(a-b) > designed.Rest {
			t.Errorf("K(%v) = %v, wanted %v within %v", c, a, b, designed.Rest)
		}
	}
}

func compareWithInfiniteWidth(
	t *testing.T, arch *ntk.FCN, cosines []float64, width, trials int,
	allowed func(i int, standardError, want float64) float64,
) {
	t.Helper()
	x := mat.NewDense(len(cosines), 2, nil)
	for i, c := range cosines {
		x.SetRow(i, []float64{math.Sqrt2 * c, math.Sqrt2 * math.Sqrt(1-c*c)})
	}
	first := mat.NewDense(1, 2, []float64{math.Sqrt2, 0})
	sum, squares := make([]float64, len(cosines)), make([]float64, len(cosines))
	for seed := range uint64(trials) {
		net := ntk.Must(New(arch, Config{Inputs: 2, Width: width, Outputs: 1, Seed: seed}))
		for i, v := range ntk.Must(net.EmpiricalNTK(first, x, 0)).RawRowView(0) {
			sum[i] += v
			squares[i] += v * v
		}
	}
	for i, want := range ntk.Must(ntk.Must(arch.NTK()).Curve(cosines)) {
		mean := sum[i] / float64(trials)
		standardError := math.Sqrt((squares[i]/float64(trials) - mean*mean) / float64(trials-1))
		if most := allowed(i, standardError, want); !(math.Abs(mean-want) <= most) {
			t.Errorf("%v at c = %v: %.4f over %d nets, infinite width %.4f, allowed %.4f", arch,
				cosines[i], mean, trials, want, most)
		}
	}
}
