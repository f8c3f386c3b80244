package ntk_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/hermite"
	"gonum.org/v1/gonum/mat"
)

func ExampleFCN_StdDerivatives() {
	// Of one hidden layer without bias the kernel of ReLU goes like σ_w², here with σ_w = √2.
	net := ntk.Must(ntk.UniformFCN(1, ntk.ReLU{}, math.Sqrt2, 0))
	x := mat.NewDense(2, 2, []float64{1, 1, 1, -1})
	byWeight, byBias, err := net.StdDerivatives(context.Background(), x, false)
	if err != nil {
		panic(err)
	}
	fmt.Printf("K(x, x) = %.3f, by σ_w %.3f, by σ_b %.3f\n",
		ntk.Must(ntk.Must(net.NNGP()).Gram(x)).At(0, 0), byWeight.At(0, 0), byBias.At(0, 0))
	// Output:
	// K(x, x) = 1.000, by σ_w 1.414, by σ_b 0.000
}

// rowsOfNorms are rows of which two are equal, two nearly, two opposite and one is zero if that is
// asked for; on one sphere or of norms that differ.
func rowsOfNorms(sphere, zero bool) *mat.Dense {
	const n, d = 12, 3
	x := mat.NewDense(n, d, nil)
	x.Apply(func(i, j int, _ float64) float64 { return math.Sin(float64(1 + i*(3*j+2) + j*j)) }, x)
	x.SetRow(1, x.RawRowView(0))
	for j := range d {
		x.Set(2, j, x.At(0, j)+1e-3*float64(j))
		x.Set(3, j, -x.At(0, j))
	}
	for i := range n {
		norm := mat.Norm(x.RowView(i), 2) / math.Sqrt(d)
		if !sphere {
			norm *= 1 + 0.3*math.Cos(float64(i*i))
			if i == 1 {
				norm = mat.Norm(x.RowView(0), 2) / math.Sqrt(d) / 1.1
			}
		}
		for j := range d {
			x.Set(i, j, x.At(i, j)/norm)
		}
	}
	if zero {
		x.SetRow(n-1, make([]float64, d))
	}
	return x
}

// differences are the derivatives by σ_w and σ_b of the layers that are shared, from Richardson's
// extrapolation of central differences of order 6.
func differences(
	t *testing.T, layers []ntk.Layer, readout ntk.Readout, shared []int, ofNTK bool, x *mat.Dense,
) (out [2]*mat.Dense) {
	t.Helper()
	n, _ := x.Dims()
	for which := range out {
		at := func(h float64) *mat.SymDense {
			moved, last := append([]ntk.Layer(nil), layers...), readout
			for _, l := range shared {
				w, b := &last.WeightStd, &last.BiasStd
				if l <= len(moved) {
					w, b = &moved[l-1].WeightStd, &moved[l-1].BiasStd
				}
				if which == 0 {
					*w += h
				} else {
					*b += h
				}
			}
			net := ntk.Must(ntk.NewFCN(moved, last))
			K, err := net.NNGP()
			if ofNTK {
				K, err = net.NTK()
			}
			if err != nil {
				t.Fatal(err)
			}
			return ntk.Must(K.Gram(x))
		}
		central := func(h float64) *mat.Dense {
			var d mat.Dense
			d.Sub(at(h), at(-h))
			d.Scale(1/(2*h), &d)
			return &d
		}
		const h = 0.01
		a, b, c := central(h), central(h/2), central(h/4)
		out[which] = mat.NewDense(n, n, nil)
		out[which].Apply(func(i, j int, _ float64) float64 {
			ab := (4*b.At(i, j) - a.At(i, j)) / 3
			bc := (4*c.At(i, j) - b.At(i, j)) / 3
			return (16*bc - ab) / 15
		}, out[which])
	}
	return out
}

// The derivatives by the standard deviations of some layers, or all hidden ones, are what
// differences of the kernels say, of every kind of activation with a dual in closed form.
func TestStdDerivatives(t *testing.T) {
	step := []ntk.Activation{ntk.Step{}, ntk.Erf{}}
	for name, phis := range map[string][]ntk.Activation{
		"ReLU":       {ntk.ReLU{}, ntk.ReLU{}, ntk.ReLU{}},
		"two slopes": {ntk.TwoSlope{Positive: 1, Negative: -0.4}, ntk.ReLU{}},
		"erf":        {ntk.Erf{}, ntk.Erf{}, ntk.Erf{}},
		"GELU":       {ntk.GELU{}, ntk.GELU{}},
		"sine":       {ntk.Sin{Amplitude: 1.2, Frequency: 0.8, Phase: 0.4}, ntk.ReLU{}},
		"Gaussian":   {ntk.Gaussian{Amplitude: 1.5, Rate: 0.4}, ntk.Erf{}},
		"rectified":  {ntk.RectifiedMonomial{Degree: 2}, ntk.Erf{}},
		"mimic":      {ntk.PublishedMimic(), ntk.PublishedMimic()},
		"polynomial": {ntk.Polynomial{Coeffs: []float64{0.2, 1, -0.3, 0.2}}, ntk.Erf{}},
		"series": {ntk.Must(ntk.Must(hermite.NewSeries(
			[]float64{0.1, 0.8, 0.3, 0, -0.2, 0.1})).WithScale(1.2)), ntk.Erf{}},
		"step":        step,
		"step behind": {ntk.Erf{}, ntk.Sign{}},
	} {
		layers := make([]ntk.Layer, len(phis))
		for i, phi := range phis {
			layers[i] = ntk.Layer{Activation: phi, WeightStd: 1.2 - 0.1*float64(i),
				BiasStd: 0.3 + 0.1*float64(i)}
		}
		readout := ntk.Readout{WeightStd: 0.9, BiasStd: 0.2}
		jumps := strings.HasPrefix(name, "step")
		for _, ofNTK := range []bool{false, true} {
			frozen := append([]ntk.Layer(nil), layers...)
			for i := range frozen {
				frozen[i].Frozen = ofNTK && jumps
			}
			net := ntk.Must(ntk.NewFCN(frozen, readout))
			for _, sphere := range []bool{false, true} {
				x := rowsOfNorms(sphere, !sphere)
				all := make([]int, len(layers))
				for i := range all {
					all[i] = i + 1
				}
				for _, shared := range [][]int{all, {1}, {len(layers)}, {len(layers) + 1}, {1, 2}} {
					byWeight, byBias, err := net.StdDerivatives(t.Context(), x, ofNTK, shared...)
					if err != nil {
						t.Fatal(name, ofNTK, sphere, shared, err)
					}
					want := differences(t, frozen, readout, shared, ofNTK, x)
					for j, got := range []*mat.SymDense{byWeight, byBias} {
						var off mat.Dense
						off.Sub(got, want[j])
						size := math.Max(mat.Max(want[j]), -mat.Min(want[j]))
						worst := math.Max(mat.Max(&off), -mat.Min(&off))
						if !(worst <= 1e-9*(0.1+size)) {
							t.Errorf("%s, NTK %v, on a sphere %v, layers %v: derivative %d is off "+
								"by %g of %g", name, ofNTK, sphere, shared, j, worst, size)
						}
					}
				}
			}
		}
	}
}

// By Euler's theorem no differences are needed where a deep ReLU net has a bias in its first layer
// at most: its kernels go like σ_w² there if σ_b goes with σ_w, and like σ_w² of every other
// layer, however near the inputs are.
func TestStdDerivativesOfHomogeneous(t *testing.T) {
	const depth, std, n = 4, 1.3, 12
	x := mat.NewDense(n, 2, nil)
	for i := range n { // angles that get ever smaller, and norms that differ
		gap := math.Pow(10, -float64(i))
		norm := 1 + 0.1*float64(i%3) + 0.01*gap
		x.SetRow(i, []float64{norm * math.Cos(gap), norm * math.Sin(gap)})
	}
	for _, bias := range []float64{0, 0.3} {
		layers := make([]ntk.Layer, depth)
		for i := range layers {
			layers[i] = ntk.Layer{Activation: ntk.ReLU{}, WeightStd: std}
		}
		layers[0].BiasStd = bias
		net := ntk.Must(ntk.NewFCN(layers, ntk.Readout{WeightStd: 1}))
		for _, ofNTK := range []bool{false, true} {
			K := ntk.Must(net.NNGP())
			if ofNTK {
				K = ntk.Must(net.NTK())
			}
			gram := ntk.Must(K.Gram(x))
			byWeight, byBias, err := net.StdDerivatives(t.Context(), x, ofNTK)
			if err != nil {
				t.Fatal(err)
			}
			for i := range n {
				for j := range n {
					got := std*byWeight.At(i, j) + bias*byBias.At(i, j)
					want := 2 * depth * gram.At(i, j)
					if off := math.Abs(got - want); !(off <= 1e-13*want) {
						t.Errorf("σ_b %v, NTK %v: σ·∂K/∂σ between rows %d and %d is %v, not %v",
							bias, ofNTK, i, j, got, want)
					}
					if bias == 0 && byBias.At(i, j) != 0 {
						t.Errorf("NTK %v: ∂K/∂σ_b at σ_b = 0 is %v", ofNTK, byBias.At(i, j))
					}
				}
			}
		}
	}
}

// The series of z¹⁴ is homogeneous, which it does not know.
func TestStdDerivativesOfLongSeries(t *testing.T) {
	const degree, std = 14, 1.3
	power := []float64{1}
	for range degree { // z h_k = √(k+1) h_{k+1} + √k h_{k-1}
		next := make([]float64, len(power)+1)
		for k, v := range power {
			next[k+1] += math.Sqrt(float64(k+1)) * v
			if k > 0 {
				next[k-1] += math.Sqrt(float64(k)) * v
			}
		}
		power = next
	}
	phi := ntk.Must(hermite.NewSeries(power))
	net := ntk.Must(ntk.UniformFCN(1, phi, std, 0))
	x := rowsOfNorms(false, false)
	for _, ofNTK := range []bool{false, true} {
		K := ntk.Must(net.NNGP())
		if ofNTK {
			K = ntk.Must(net.NTK())
		}
		gram := ntk.Must(K.Gram(x))
		byWeight, _, err := net.StdDerivatives(t.Context(), x, ofNTK)
		if err != nil {
			t.Fatal(err)
		}
		for i := range gram.SymmetricDim() {
			for j := range gram.SymmetricDim() {
				got, want := std*byWeight.At(i, j), 2*degree*gram.At(i, j)
				size := 2 * degree * math.Sqrt(gram.At(i, i)*gram.At(j, j))
				if off := math.Abs(got - want); !(off <= 1e-11*size) {
					t.Errorf("NTK %v: σ_w·∂K/∂σ_w between rows %d and %d is %v, not %v", ofNTK, i,
						j, got, want)
				}
			}
		}
	}
}

func TestStdDerivativesErrors(t *testing.T) {
	x := rowsOfNorms(false, false)
	tanh := ntk.Must(ntk.UniformFCN(2, ntk.Tanh{}, 1, 0.1))
	relu := ntk.Must(ntk.UniformFCN(2, ntk.ReLU{}, 1, 0.1))
	step := ntk.Must(ntk.UniformFCN(2, ntk.Step{}, 1, 0.1))
	of := func(net *ntk.FCN, x *mat.Dense, layers ...int) error {
		_, _, err := net.StdDerivatives(t.Context(), x, true, layers...)
		return err
	}
	if err := of(tanh, x); !errors.Is(err, ntk.ErrNoStdDerivatives) ||
		!strings.Contains(err.Error(), "hidden layer 1") {
		t.Errorf("of tanh: %v", err)
	}
	var infinite *ntk.InfiniteNTKError
	if err := of(step, x); !errors.As(err, &infinite) {
		t.Errorf("of a step: %v", err)
	}
	for _, layer := range []int{0, -1, 4} {
		if err := of(relu, x, layer); err == nil || !strings.Contains(err.Error(), "1 … 3") {
			t.Errorf("layer %d: %v", layer, err)
		}
	}
	if err := of(relu, nil); err == nil {
		t.Error("no error without inputs")
	}
	x.Set(3, 1, math.NaN())
	var entry *ntk.NonFiniteError
	if err := of(relu, x); !errors.As(err, &entry) || entry.Row != 3 || entry.Col != 1 {
		t.Errorf("a NaN: %v", err)
	}
}
