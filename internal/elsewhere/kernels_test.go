package elsewhere

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/kernelsmith/kernelsmith/ntk"
	"gonum.org/v1/gonum/mat"
)

var (
	cosines = []float64{-1, -0.8, -0.3, 0, 0.25, 0.7, 0.99, 1}
	// offSphere are triples q, k, q'.
	offSphere = [][3]float64{{0.14, 0.2, 2.5}, {1, -0.5, 1}, {3, 1.2, 0.5}, {2, 2, 2}}
)

// normals are rows×columns standard normal numbers.
func normals(seed uint64, rows, columns int) *mat.Dense {
	random := rand.New(rand.NewPCG(seed, 1))
	x := mat.NewDense(rows, columns, nil)
	for i := range rows {
		for j := range columns {
			x.Set(i, j, random.NormFloat64())
		}
	}
	return x
}

// onSphere scales each row to ‖x‖² = d.
func onSphere(x *mat.Dense) *mat.Dense {
	rows, d := x.Dims()
	for i := range rows {
		row := x.RawRowView(i)
		var sum float64
		for _, v := range row {
			sum += v * v
		}
		for j := range row {
			row[j] *= math.Sqrt(float64(d) / sum)
		}
	}
	return x
}

func ctx() context.Context { return context.Background() }

// entries are those of matrices one after the other.
func entries(matrices ...mat.Matrix) (values []float64) {
	for _, m := range matrices {
		rows, columns := m.Dims()
		for i := range rows {
			for j := range columns {
				values = append(values, m.At(i, j))
			}
		}
	}
	return values
}

// curves are the values of kernels over the cosines.
func curves(kernels ...ntk.Kernel) (values []float64) {
	for _, K := range kernels {
		values = append(values, ntk.Must(K.Curve(cosines))...)
	}
	return values
}

// both are the kernels of a net.
func both(net *ntk.FCN) []ntk.Kernel {
	return []ntk.Kernel{ntk.Must(net.NNGP()), ntk.Must(net.NTK())}
}

func deepReLU() *ntk.FCN { return ntk.Must(ntk.UniformFCN(4, ntk.ReLU{}, math.Sqrt2, 0.1)) }

// ofActivations are values, derivatives and both kernels of one layer, of every activation.
func ofActivations() (out []result) {
	for _, phi := range []ntk.Activation{
		ntk.ReLU{}, ntk.LeakyReLU(0.1), ntk.Abs(), ntk.RectifiedMonomial{Degree: 2}, ntk.Erf{},
		ntk.SigmoidErf{}, ntk.GELU{}, ntk.Exp{Amplitude: 1, Rate: 0.5},
		ntk.Gaussian{Amplitude: 1, Rate: 1}, ntk.Gabor{},
		ntk.Polynomial{Coeffs: []float64{0.5, 1, -0.3, 0.2}},
		ntk.Sin{Amplitude: 0.5, Frequency: 6}, ntk.Cos{Amplitude: 1, Frequency: 2, Phase: 0.3},
		ntk.PublishedMimic(), ntk.Tanh{}, ntk.Sigmoid{}, ntk.Softplus{}, ntk.SiLU{},
		ntk.Must(ntk.Add(ntk.ReLU{}, ntk.Must(ntk.Affine(ntk.GELU{}, -1, 1, -1, 0)))),
		ntk.Must(ntk.Custom(func(z float64) float64 { return math.Max(z, math.Sin(3*z)) }, nil,
			ntk.CustomSettings{Name: "max(z, sin 3z)"})),
	} {
		var values []float64
		for _, z := range []float64{-2.5, -0.7, 0.1, 1.3, 4} {
			values = append(values, phi.Value(z), phi.Derivative(z))
		}
		net := ntk.Must(ntk.UniformFCN(1, phi, 1.2, 0.1))
		name := fmt.Sprint(phi)
		out = append(out, result{name + ": values", closed, values, ""},
			result{name + ": kernels of a layer", closed, curves(both(net)...), ""})
	}
	return out
}

// ofNets are kernels of deep nets, on the sphere and off it.
func ofNets() (out []result) {
	nets := []*ntk.FCN{
		deepReLU(),
		ntk.Must(ntk.UniformFCN(30, ntk.ReLU{}, math.Sqrt2, 0)),
		ntk.Must(ntk.UniformFCN(4, ntk.Erf{}, 1.5, 0.3)),
		ntk.Must(ntk.UniformFCN(10, ntk.GELU{}, 1.4, 0.1)),
		ntk.Must(ntk.UniformFCN(3, ntk.Tanh{}, 1.3, 0.2)),
		ntk.Must(ntk.NewFCN([]ntk.Layer{
			{Activation: ntk.Erf{}, WeightStd: 1.5, BiasStd: 0.3},
			{Activation: ntk.PublishedMimic(), WeightStd: 0.8, Frozen: true},
			{Activation: ntk.ReLU{}, WeightStd: math.Sqrt2},
		}, ntk.Readout{WeightStd: 1, BiasStd: 0.2})),
	}
	for _, net := range nets {
		values := []float64{}
		for _, K := range both(net) {
			for _, p := range offSphere {
				values = append(values, ntk.Must(K.At(p[0], p[1], p[2])))
			}
		}
		out = append(out,
			result{net.String() + ": kernels on the sphere", closed, curves(both(net)...), ""},
			result{net.String() + ": kernels off the sphere", closed, values, ""})
	}
	for _, phi := range []ntk.Activation{ntk.Erf{}, ntk.Tanh{}} {
		m := ntk.Must(ntk.MeanFieldOf(phi, 1.5, 0.3))
		out = append(out, result{fmt.Sprintf("mean field of %v", phi), iterated,
			[]float64{m.Variance, m.Slope, m.Correlation, m.CorrelationSlope, m.VarianceDepth,
				m.CorrelationDepth, ntk.Must(ntk.CriticalWeightStd(phi, 0.1))}, m.Phase})
	}
	return out
}

// ofAlgebra are named kernels, what is made of them, and power series.
func ofAlgebra() []result {
	gaussian, laplace := ntk.Must(ntk.GaussianKernel(0.7)), ntk.Must(ntk.LaplaceKernel(1))
	square := ntk.Must(ntk.PolynomialKernel(2, 0.5))
	relu := ntk.Must(deepReLU().NTK())
	inner := ntk.Must(ntk.ArcCosineKernel(1))
	limit, bound, err := relu.AtOne()
	ntk.Must(0, err)
	series := ntk.Must(relu.Series(40))
	exponential := ntk.Must(gaussian.SeriesAt(1.5, 15))
	return []result{
		{"named kernels", closed, curves(gaussian, laplace, square, inner,
			ntk.Must(ntk.MaternKernel(1, 0.8)), ntk.Must(ntk.ArcCosineKernel(2))), ""},
		{"sums, products, compositions", closed, curves(gaussian.Add(square), gaussian.Mul(laplace),
			square.Compose(inner), relu.Normalize(), ntk.Must(relu.Scale(0.3))), ""},
		{"derivative of a kernel", closed, curves(ntk.Must(gaussian.Mul(square).Derivative())), ""},
		{"limit at c = 1", closed, []float64{limit}, fmt.Sprint(bound >= 0)},
		{"power series of a net", closed, append(series.Coeffs(), series.Rest()), ""},
		{"power series of a Gaussian kernel", closed, append(exponential.Coeffs(),
			exponential.Rest()), ""},
	}
}

// ofMatrices are matrices of kernels in double and in single precision.
func ofMatrices() []result {
	x, z := normals(1, 20, 5), normals(2, 6, 5)
	sphere := onSphere(normals(3, 20, 5))
	relu, gaussian := ntk.Must(deepReLU().NTK()), ntk.Must(ntk.GaussianKernel(0.7))
	erf := ntk.Must(ntk.UniformFCN(2, ntk.Erf{}, 1.5, 0.3))
	tanh := ntk.Must(ntk.Must(ntk.UniformFCN(2, ntk.Tanh{}, 1.3, 0.2)).NNGP())
	in := ntk.Inputs[float32]{N: 20, D: 5}
	for _, v := range x.RawMatrix().Data {
		in.Rows = append(in.Rows, float32(v))
	}
	k := make([]float32, 20*20)
	ntk.Must(0, ntk.GramInto(ctx(), k, relu, in, nil))
	var short []float64
	for _, v := range k {
		short = append(short, float64(v))
	}
	weight, bias, err := erf.StdDerivatives(ctx(), x, true, 1, 2)
	ntk.Must(0, err)
	return []result{
		{"NTK of ReLU nets, any norms", matrix, entries(ntk.Must(relu.Gram(x))), ""},
		{"NTK of ReLU nets, one norm", matrix, entries(ntk.Must(relu.Gram(sphere))), ""},
		{"NTK of ReLU nets in single precision", single, short, ""},
		{"Gaussian kernel", matrix, entries(ntk.Must(gaussian.Gram(sphere))), ""},
		{"NTK of erf nets between two sets", matrix,
			entries(ntk.Must(ntk.Must(erf.NTK()).Cross(z, x))), ""},
		{"NNGP of tanh nets", matrix, entries(ntk.Must(tanh.Gram(x))), ""},
		{"derivatives by standard deviations", matrix, entries(weight, bias), ""},
	}
}
