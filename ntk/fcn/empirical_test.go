package fcn

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/hermite"
	"github.com/kernelsmith/kernelsmith/ntk/train"
	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
)

// everyActivation has every activation of package ntk.
var everyActivation = []ntk.Activation{
	ntk.ReLU{},
	ntk.Erf{},
	ntk.Sin{Amplitude: 0.7, Frequency: 2, Phase: 0.4},
	ntk.Cos{Amplitude: -0.7, Frequency: 3, Phase: 1.1},
	ntk.PublishedMimic(),
	ntk.LeakyReLU(0.1),
	ntk.Abs(),
	ntk.SigmoidErf{},
	ntk.GELU{},
	ntk.Exp{Amplitude: 0.5, Rate: 0.7},
	ntk.Gaussian{
		Amplitude: 1.2,
		Rate:      0.6,
	},
	ntk.Gabor{},
	ntk.GaussianFeature(1.3),
	ntk.Polynomial{Coeffs: []float64{0.2, -0.5, 0.1, 0.05}},
	ntk.RectifiedMonomial{
		Degree: 3,
	},
	ntk.Step{},
	ntk.Sign{},
	ntk.Tanh{},
	ntk.Sigmoid{},
	ntk.Softplus{},
	ntk.SiLU{},
	ntk.Must(hermite.NewSeries([]float64{0.3, -0.5, 0.2, 0.1})),
	square{},
	ntk.Must(ntk.Add(ntk.Tanh{}, ntk.ReLU{})),
	ntk.Must(ntk.Affine(ntk.Erf{}, 0.5, 2, 0.1, -0.3)),
}

// jacobian is the second implementation of the kernels: the gradient of each output
// with respect to each trained parameter, written out unit by unit in double
// precision; and what the last hidden layer puts out.
func jacobian(n *Net, x []float64, p train.Parameterization) (gradients [][]float64,
	features []float64) {
	h, slopes := [][]float64{x}, [][]float64{}
	for i, l := range n.layers[:len(n.layers)-1] {
		phi := n.arch.Layers()[i].Activation
		value, slope := make([]float64, l.out), make([]float64, l.out)
		for j := range l.out {
			var u float64
			for k, v := range h[i] {
				u += float64(l.scale) * float64(l.w[j*l.in+k]) * v
			}
			if l.b != nil {
				u += float64(l.biasStd) * float64(l.b[j])
			}
			value[j], slope[j] = phi.Value(u), phi.Derivative(u)
		}
		h, slopes = append(h, value), append(slopes, slope)
	}
	for output := range n.config.Outputs {
		delta := make([]float64, n.config.Outputs)
		delta[output] = 1
		var gradient []float64
		for i := len(n.layers) - 1; i >= 0; i-- {
			l := n.layers[i]
			weight, bias := float64(l.scale), float64(l.biasStd)
			if p == train.StandardParameterization {
				weight, bias = 1, float64(min(1, len(l.b)))
			}
			if !l.frozen {
				for _, d := range delta {
					for _, v := range h[i] {
						gradient = append(gradient, weight*d*v)
					}
					gradient = append(gradient, bias*d)
				}
			}
			if i > 0 {
				before := make([]float64, l.in)
				for k := range before {
					for j, d := range delta {
						before[k] += slopes[i-1][k] * float64(l.scale) * float64(l.w[j*l.in+k]) * d
					}
				}
				delta = before
			}
		}
		gradients = append(gradients, gradient)
	}
	return gradients, h[len(h)-1]
}

// within reports entries of got that are off by more than tol of the largest of want.
func within(
	t *testing.T, what string, got *mat.Dense, rows, cols int, tol float64,
	want func(i, j int) float64,
) {
	t.Helper()
	if r, c := got.Dims(); r != rows || c != cols {
		t.Errorf("%s is %d×%d, want %d×%d", what, r, c, rows, cols)
		return
	}
	var largest, worst float64
	for i := range rows {
		for j := range cols {
			largest = math.Max(largest, math.Abs(want(i, j)))
			worst = math.Max(worst, math.Abs(got.At(i, j)-want(i, j)))
		}
	}
	if !(worst <= tol*largest) {
		t.Errorf("%s is off by %.3g, the largest entry is %.3g", what, worst, largest)
	}
}

// Every kernel in both precisions and parameterizations against products of
// gradients, for nets of every shape, with layers frozen one by one, some and all.
func TestEmpiricalKernelsAgainstJacobians(t *testing.T) {
	const m, n, d, o = 3, 4, 5, 3
	z, x := normals(21, m, d), normals(22, n, d)
	for name, base := range nets {
		depth := base.Depth()
		for mask := range 1 << (depth + 1) {
			if depth == 4 && mask != 0 && mask != 5 && mask != 31 {
				continue
			}
			layers, last := base.Layers(), base.Readout()
			for i := range layers {
				layers[i].Frozen = mask>>i&1 == 1
			}
			last.Frozen = mask>>depth&1 == 1
			net := ntk.Must(
				New(ntk.Must(ntk.NewFCN(layers, last)),
					Config{Inputs: d, Width: 7, Outputs: o, Seed: 3}),
			)
			for c := range 4 {
				same, p := c&1 == 1, train.Parameterization(c>>1)
				left := z
				if same {
					left = mat.DenseCopyOf(x)
				}
				rows, _ := left.Dims()
				var gz, gx [][][]float64
				var hz, hx [][]float64
				for i := range rows {
					g, h := jacobian(net, left.RawRowView(i), p)
					gz, hz = append(gz, g), append(hz, h)
				}
				for i := range n {
					g, h := jacobian(net, x.RawRowView(i), p)
					gx, hx = append(gx, g), append(hx, h)
				}
				for _, s := range []EmpiricalSettings{{Parameterization: p},
					{Double: true, Parameterization: p}} {
					tol := 3e-6
					if s.Double {
						tol = 1e-12
					}
					what := func(of string) string {
						return fmt.Sprintf("%s, frozen %b, %+v: %s",
							name, mask, s, of)
					}
					all := ntk.Must(net.EmpiricalNTKOutputs(left, x, s))
					within(t, what("all outputs"), all, rows*o, n*o, tol, func(i, j int) float64 {
						return floats.Dot(gz[i/o][i%o], gx[j/o][j%o])
					})
					within(
						t,
						what("block 2, 0"),
						ntk.Must(net.block(left, x, 2, 0, s)),
						rows,
						n,
						tol,
						func(i, j int) float64 {
							return floats.Dot(gz[i][2], gx[j][0])
						},
					)
					within(
						t,
						what("output 1"),
						ntk.Must(net.EmpiricalNTK(left, x, 1, s)),
						rows,
						n,
						tol,
						func(i, j int) float64 {
							return floats.Dot(gz[i][1], gx[j][1])
						},
					)
					within(
						t,
						what("mean"),
						ntk.Must(net.EmpiricalNTKMean(left, x, s)),
						rows,
						n,
						tol,
						func(i, j int) (sum float64) {
							for a := range o {
								sum += floats.Dot(gz[i][a], gx[j][a]) / o
							}
							return sum
						},
					)
					nngp := ntk.Must(net.EmpiricalNNGP(left, x, s))
					within(t, what("NNGP"), nngp, rows, n, tol, func(i, j int) float64 {
						l := net.layers[depth]
						return float64(l.scale)*float64(l.scale)*floats.Dot(hz[i], hx[j]) + float64(
							l.biasStd)*float64(l.biasStd)
					})
					if same && (!mat.Equal(all, all.T()) || !mat.Equal(nngp, nngp.T())) {
						t.Error(what("not symmetric"))
					}
				}
			}
		}
	}
}

// For every activation the kernels of two outputs against gradients by central
// differences of the outputs: neither slopes nor the chain rule are used.
func TestEmpiricalKernelsOfTheCatalogue(t *testing.T) {
	const n, d, o, step = 3, 3, 2, 1e-5
	x := normals(31, n, d)
	for _, phi := range everyActivation {
		arch := ntk.Must(ntk.NewFCN([]ntk.Layer{
			{Activation: phi, WeightStd: 1.1, BiasStd: 0.3}, {Activation: phi, WeightStd: 0.9},
		}, ntk.Readout{WeightStd: 1.2, BiasStd: 0.2}))
		net := ntk.Must(New(arch, Config{Inputs: d, Width: 6, Outputs: o, Seed: 11}))
		p := paramsOf(net)
		gradients := map[train.Parameterization][][]float64{
			train.NTKParameterization:      make([][]float64, n*o),
			train.StandardParameterization: make([][]float64, n*o),
		}
		for i := range n {
			for l := range p.w {
				for which, theta := range [][]float64{p.w[l], p.b[l]} {
					for k, was := range theta {
						theta[k] = was + step
						up := reference(arch, p, x.RawRowView(i))
						theta[k] = was - step
						down := reference(arch, p, x.RawRowView(i))
						theta[k] = was
						std := []float64{float64(net.layers[l].scale),
							float64(net.layers[l].biasStd)}[which]
						for a := range o {
							g := (up[a] - down[a]) / (2 * step)
							for p, per := range map[train.Parameterization]float64{
								train.NTKParameterization: 1, train.StandardParameterization: std,
							} {
								gradients[p][i*o+a] = append(gradients[p][i*o+a], g/per)
							}
						}
					}
				}
			}
		}
		for _, s := range []EmpiricalSettings{{}, {Parameterization: 1}, {Double: true},
			{Double: true, Parameterization: 1}} {
			tol := 2e-5
			if s.Double {
				tol = 1e-6 // scales in single precision, times frequencies up to 12; step²φ”'/6
			}
			got, g := ntk.Must(net.EmpiricalNTKOutputs(x, x, s)), gradients[s.Parameterization]
			within(t, fmt.Sprintf("%v, %+v", arch, s), got, n*o, n*o, tol,
				func(i, j int) float64 { return floats.Dot(g[i], g[j]) })
		}
	}
}

// Over nets with one hidden layer the means are the kernels of infinite width, at
// any width: here 16, within four standard errors; and outputs do not mix.
func TestMeanOfEmpiricalKernels(t *testing.T) {
	const trials, width = 4000, 16
	arch := ntk.Must(
		ntk.NewFCN([]ntk.Layer{{Activation: ntk.Tanh{}, WeightStd: 1.3, BiasStd: 0.4}},
			ntk.Readout{WeightStd: 0.9, BiasStd: 0.3}),
	)
	x := mat.NewDense(3, 2, []float64{1.2, 0.3, -0.4, 0.9, 0.1, -1.5})
	theta := ntk.Must(ntk.Must(arch.NTK()).Gram(x))
	nngp := ntk.Must(ntk.Must(arch.NNGP()).Gram(x))
	names := []string{"NTK", "NTK of outputs 0 and 1", "NNGP"}
	var sum, squares [3][9]float64
	for seed := range uint64(trials) {
		net := ntk.Must(New(arch, Config{Inputs: 2, Width: width, Outputs: 2, Seed: seed}))
		for k, m := range []*mat.Dense{
			ntk.Must(net.EmpiricalNTK(x, x, 0)), ntk.Must(net.block(x, x, 0, 1)),
			ntk.Must(net.EmpiricalNNGP(x, x)),
		} {
			for i, v := range m.RawMatrix().Data {
				sum[k][i] += v / trials
				squares[k][i] += v * v / trials
			}
		}
	}
	for k, want := range []mat.Matrix{theta, mat.NewDense(3, 3, nil), nngp} {
		for i := range 9 {
			se := math.Sqrt((squares[k][i] - sum[k][i]*sum[k][i]) / (trials - 1))
			if w := want.At(i/3, i%3); !(math.Abs(sum[k][i]-w) <= 4*se) || se > 0.02 {
				t.Errorf("%s: entry %d, %d is %.4f ± %.4f, want %.4f", names[k], i/3, i%3,
					sum[k][i], se, w)
			}
		}
	}
}

func TestBadEmpiricalKernels(t *testing.T) {
	net := ntk.Must(New(nets["1HL mimic"], Config{Inputs: 3, Width: 4, Outputs: 2}))
	x, wide := normals(1, 2, 3), normals(1, 2, 4)
	for _, c := range []struct {
		says string
		err  error
	}{
		{"outputs 0 to 1", second(net.block(x, x, 0, 2))},
		{"outputs 0 to 1", second(net.block(x, x, -1, 0))},
		{"z has 4", second(net.EmpiricalNTKOutputs(wide, x))},
		{"x has 4", second(net.EmpiricalNTKMean(x, wide))},
		{"x is empty", second(net.EmpiricalNNGP(x, nil))},
		{"2 settings", second(net.EmpiricalNNGP(x, x, EmpiricalSettings{}, EmpiricalSettings{}))},
		{"parameterization 7", second(net.EmpiricalNTK(x, x, 0,
			EmpiricalSettings{Parameterization: 7}))},
		{"2^31-1", second(net.EmpiricalNTKOutputs(mat.NewDense(30000, 3, nil),
			mat.NewDense(30000, 3, nil)))},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.says) {
			t.Errorf("error %v, must say %q", c.err, c.says)
		}
	}
}
