package ntk_test

import (
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk/inverse"

	"github.com/kernelsmith/kernelsmith/ntk"
	"gonum.org/v1/gonum/integrate/quad"
	"gonum.org/v1/gonum/mat"
)

type goldenCase struct {
	Activation         string
	Depth              int
	WeightStd, BiasStd float64
	NNGP, NTK          json.RawMessage
}

func golden(t *testing.T) (g struct {
	Sphere struct {
		Cosines []float64
		Cases   []goldenCase
	}
	AnyNorm struct {
		X     [][]float64
		Cases []goldenCase
	}
}) {
	t.Helper()
	b, err := os.ReadFile("testdata/neural_tangents.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &g); err != nil {
		t.Fatal(err)
	}
	return g
}

var goldenActivations = map[string]ntk.Activation{
	"relu":           ntk.ReLU{},
	"erf":            ntk.Erf{},
	"sin_a0.5_b6_c0": ntk.Sin{Amplitude: 0.5, Frequency: 6},
	"cos_a1_b1_c0":   ntk.Cos{Amplitude: 1, Frequency: 1},
}

// The reference's own error decides the tolerance: its ReLU NTK loses digits
// at c = ±1, where it is off by up to 1e-7 (TestDiagonal has the exact values);
// elsewhere both are good to rounding.
func TestKernelsAgainstNeuralTangents(t *testing.T) {
	g := golden(t)
	if len(g.Sphere.Cases) != 16 || len(g.AnyNorm.Cases) != 6 {
		t.Fatalf("%d and %d reference cases", len(g.Sphere.Cases), len(g.AnyNorm.Cases))
	}
	for _, c := range g.Sphere.Cases {
		net := ntk.Must(
			ntk.UniformFCN(c.Depth, goldenActivations[c.Activation], c.WeightStd, c.BiasStd))
		for which, raw := range map[string]json.RawMessage{"NNGP": c.NNGP, "NTK": c.NTK} {
			var want []float64
			if err := json.Unmarshal(raw, &want); err != nil {
				t.Fatal(err)
			}
			got := ntk.Must(kernelOf(net, which).Curve(g.Sphere.Cosines))
			for i, w := range want {
				tol := 1e-13
				if math.Abs(g.Sphere.Cosines[i]) == 1 {
					tol = 1e-7
				}
				if e := math.Abs(got[i] - w); !(e <= tol*math.Max(1, math.Abs(want[len(want)-1]))) {
					t.Errorf("%s of %v (%g, %g) at c = %g: %.16g, want %.16g", which, net,
						c.WeightStd, c.BiasStd, g.Sphere.Cosines[i], got[i], w)
				}
			}
		}
	}
	x := mat.NewDense(len(g.AnyNorm.X), len(g.AnyNorm.X[0]), nil)
	for i, row := range g.AnyNorm.X {
		x.SetRow(i, row)
	}
	for _, c := range g.AnyNorm.Cases {
		net := ntk.Must(
			ntk.UniformFCN(c.Depth, goldenActivations[c.Activation], c.WeightStd, c.BiasStd))
		for which, raw := range map[string]json.RawMessage{"NNGP": c.NNGP, "NTK": c.NTK} {
			var want [][]float64
			if err := json.Unmarshal(raw, &want); err != nil {
				t.Fatal(err)
			}
			K := kernelOf(net, which)
			gram, cross := ntk.Must(K.Gram(x)), ntk.Must(K.Cross(x, x))
			for i := range want {
				for j, w := range want[i] {
					tol := 1e-12
					if i == j {
						tol = 1e-6
					}
					if e := math.Abs(gram.At(i, j) - w); !(e <= tol*math.Max(1, math.Abs(w))) {
						t.Errorf("%s of %v (%g, %g) at rows %d, %d: %.16g, want %.16g", which, net,
							c.WeightStd, c.BiasStd, i, j, gram.At(i, j), w)
					}
					if e := math.Abs(
						gram.At(i, j) - cross.At(i, j)); e > 1e-6*math.Max(1, math.Abs(w)) ||
						i != j && e > 1e-12*math.Max(1, math.Abs(w)) {
						t.Errorf("%s of %v: Gram and Cross differ by %g at %d, %d", which, net, e,
							i, j)
					}
				}
			}
		}
	}
}

func kernelOf(net *ntk.FCN, which string) ntk.Kernel {
	if which == "NTK" {
		return ntk.Must(net.NTK())
	}
	return ntk.Must(net.NNGP())
}

func deepReLU() *ntk.FCN { return ntk.Must(ntk.UniformFCN(4, ntk.ReLU{}, math.Sqrt2, 0.1)) }

// Values by hand: with σ_w = √2 a ReLU layer keeps the variance and adds σ_b²,
// so NNGP(1) = (2 + 4·0.01)/2 and NTK(1) adds up the layers.
func TestDeepReLU(t *testing.T) {
	net := deepReLU()
	nngp, curve := ntk.Must(net.NNGP()), ntk.Must(net.NTK())
	v := ntk.Must(nngp.Curve([]float64{1}))[0]
	if math.Abs(v-1.02) > 1e-14 {
		t.Errorf("NNGP(1) = %.16g, want 1.02", v)
	}
	c := ntk.Must(curve.Curve([]float64{1, -1, -0.924}))
	for i, want := range []float64{5.07, 1.0856660014223, 1.0766} {
		tol := []float64{1e-13, 1e-12, 5e-5}[i]
		if math.Abs(c[i]-want) > tol {
			t.Errorf("NTK: %.16g, want %.14g", c[i], want)
		}
	}
	near := ntk.Must(curve.Curve([]float64{-0.934, -0.924, -0.914}))
	if !(near[1] < near[0] && near[1] < near[2]) {
		t.Errorf("no minimum at -0.924: %v", near)
	}
}

// The published seven-parameter design against its target on 101 points
// uniform in θ: errors computed by an independent implementation.
func TestPublishedMimic(t *testing.T) {
	target := ntk.Must(deepReLU().NTK())
	mimic := ntk.Must(ntk.Must(ntk.UniformFCN(1, ntk.PublishedMimic(), 1, 0)).NTK())
	cosines := make([]float64, 101)
	for i := range cosines {
		cosines[i] = math.Cos(math.Pi * float64(i) / 100)
	}
	want, got := ntk.Must(target.Curve(cosines)), ntk.Must(mimic.Curve(cosines))
	var sum, most float64
	for i := range got {
		d := got[i] - want[i]
		sum += d * d
		most = math.Max(most, math.Abs(d))
	}
	if rms := math.Sqrt(sum / 101); math.Abs(rms-0.0571) > 5e-5 {
		t.Errorf("root mean square error %.5f, want 0.0571", rms)
	}
	if math.Abs(most-0.131) > 5e-4 {
		t.Errorf("largest error %.4f, want 0.131", most)
	}
	if math.Abs(got[0]-5.130) > 5e-4 {
		t.Errorf("K(1) = %.4f, want 5.130", got[0])
	}
}

// expect is E[f(u)g(v)] by nested Gauss-Legendre quadrature over nine standard
// deviations, in panels that end at the kinks: an independent route to every
// dual activation.
func expect(f func(float64) float64, kinks []float64, q, k, q2 float64) float64 {
	s := math.Sqrt(q)
	rest := math.Sqrt(math.Max(0, q2-k*k/q))
	return panels(func(z float64) float64 {
		u := s * z
		mean := k / q * u
		if rest < 1e-9*math.Sqrt(q2) {
			return f(u) * f(mean)
		}
		inner := make([]float64, len(kinks))
		for i, b := range kinks {
			inner[i] = (b - mean) / rest
		}
		return f(u) * panels(func(y float64) float64 { return f(mean + rest*y) }, inner)
	}, outerKinks(kinks, s, q, k))
}

func outerKinks(kinks []float64, s, q, k float64) (out []float64) {
	for _, b := range kinks {
		out = append(out, b/s)
		if k != 0 {
			out = append(out, b*q/k/s)
		}
	}
	return out
}

func panels(f func(float64) float64, at []float64) float64 {
	edges := make([]float64, 0, 24)
	for x := -9.0; x <= 9; x++ {
		edges = append(edges, x)
	}
	for _, x := range at {
		if math.Abs(x) < 9 {
			edges = append(edges, x)
		}
	}
	slices.Sort(edges)
	var sum float64
	for i, hi := range edges[1:] {
		middle, half := (hi+edges[i])/2, (hi-edges[i])/2
		for j, x := range nodes {
			z := middle + half*x
			sum += half * weights[j] * f(z) * math.Exp(-z*z/2) / math.Sqrt(2*math.Pi)
		}
	}
	return sum
}

var nodes, weights = func() (x, w []float64) {
	x, w = make([]float64, 20), make([]float64, 20)
	quad.Legendre{}.FixedLocations(x, w, -1, 1)
	return x, w
}()

var activations = map[string]struct {
	phi   ntk.Dualer
	kinks []float64
}{
	"relu":            {ntk.ReLU{}, []float64{0}},
	"erf":             {ntk.Erf{}, nil},
	"sin":             {ntk.Sin{Amplitude: 0.7, Frequency: 2, Phase: 0.4}, nil},
	"cos":             {ntk.Cos{Amplitude: -0.7, Frequency: 3, Phase: 1.1}, nil},
	"published mimic": {ntk.PublishedMimic(), []float64{1.0600013769145225}},
	"left mimic": {
		ntk.Mimic{A: -2, B: -0.7, C: 0.5, D: -0.3, E: 0.4, F: 3, G: -1},
		[]float64{-0.7},
	},
	"centred mimic": {ntk.Mimic{A: 1, B: 0, C: -0.5, D: 0, E: 1, F: 5, G: 2}, []float64{0}},
}

func TestDualsByQuadrature(t *testing.T) {
	pairs := [][3]float64{
		{1, 0.3, 1}, {1, 1, 1}, {1, -1, 1}, {1, 0, 1}, {1, 0.98, 1}, {1, -0.97, 1},
		{0.14, 0.2, 2.5}, {4, -1.5, 0.6}, {0.3, math.Sqrt(0.3 * 2), 2}, {2, 1.99, 2},
	}
	for name, a := range activations {
		for _, p := range pairs {
			value, derivative := a.phi.Dual(p[0], p[1], p[2])
			// 1e-9: the nested rule's own error at these frequencies
			if want := expect(
				a.phi.Value, a.kinks, p[0], p[1], p[2],
			); !(math.Abs(value-want) < 1e-9*(1+math.Abs(want))) {
				t.Errorf("%s: E[φφ] at %v = %.15g, by quadrature %.15g", name, p, value, want)
			}
			if want := expect(
				a.phi.Derivative, a.kinks, p[0], p[1], p[2],
			); !(math.Abs(derivative-want) < 1e-9*(1+math.Abs(want))) {
				t.Errorf("%s: E[φ'φ'] at %v = %.15g, by quadrature %.15g", name, p, derivative,
					want)
			}
		}
	}
}

// A pre-activation without variance is the constant 0.
func TestDualsOfZeroInput(t *testing.T) {
	for name, a := range activations {
		value, _ := a.phi.Dual(0, 0, 1.7)
		want := a.phi.Value(0) * panels(
			func(z float64) float64 { return a.phi.Value(math.Sqrt(1.7) * z) },
			outerKinks(a.kinks, math.Sqrt(1.7), 1, 0))
		if !(math.Abs(value-want) < 1e-10) {
			t.Errorf("%s: %v, want %v", name, value, want)
		}
	}
}

// Near |c| = 1 and off the sphere, where digits are easily lost.
func TestMimicDualNearTheBoundary(t *testing.T) {
	var ref struct{ Rows [][5]float64 }
	b, err := os.ReadFile("testdata/mimic_dual.json")
	if err == nil {
		err = json.Unmarshal(b, &ref)
	}
	if err != nil || len(ref.Rows) < 7 {
		t.Fatal(err, len(ref.Rows))
	}
	for _, r := range ref.Rows {
		value, derivative := ntk.PublishedMimic().Dual(r[0], r[1], r[2])
		if math.Abs(value-r[3]) > 1e-12*math.Abs(r[3]) {
			t.Errorf("E[φφ] at %v = %.16g, want %.16g", r[:3], value, r[3])
		}
		// φ' jumps: its dual goes like √(1-c), and the rounding of c like its root.
		if math.Abs(derivative-r[4]) > 1e-10*math.Abs(r[4]) {
			t.Errorf("E[φ'φ'] at %v = %.16g, want %.16g", r[:3], derivative, r[4])
		}
	}
}

// On the diagonal the ReLU kernels are known by hand at every norm: each layer
// halves what it is given, and the slopes add up.
func TestDiagonal(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	curve := ntk.Must(deepReLU().NTK())
	for range 1000 {
		q := math.Exp(4 * r.NormFloat64())
		s, theta := 2*q+0.01, 2*q+0.01
		for range 3 {
			s, theta = s+0.01, s+theta+0.01
		}
		want := s/2 + theta/2
		if got := ntk.Must(curve.At(q, q, q)); math.Abs(got-want) > 1e-14*want {
			t.Fatalf("NTK(q, q, q) = %.17g at q = %v, want %.17g", got, q, want)
		}
	}
}

// erf's duals at large variances, where (1+2q)(1+2q') - 4k² cancels: equal
// pre-activations give (4/π)/√(1+4q).
func TestErfLargeVariance(t *testing.T) {
	for _, q := range []float64{1, 1e6, 1e12, 1e16} {
		_, d := ntk.Erf{}.Dual(q, q, q)
		if want := 4 / math.Pi / math.Sqrt(1+4*q); math.Abs(d-want) > 1e-15*want {
			t.Errorf("q = %g: %v, want %v", q, d, want)
		}
	}
}

// Two kinds of NaN, with and without the sign bit, must come through.
func TestEvalFloat32NaN(t *testing.T) {
	inf := float32(math.Inf(1))
	z := []float32{float32(math.NaN()), inf - inf, -(inf - inf)}
	for name, a := range activations {
		if e, ok := a.phi.(ntk.Float32Evaluator); ok {
			value, derivative := make([]float32, 3), make([]float32, 3)
			e.EvalFloat32(value, derivative, z)
			for i := range z {
				if value[i] == value[i] || derivative[i] == derivative[i] {
					t.Errorf("%s: NaN %d gives %v, %v", name, i, value[i], derivative[i])
				}
			}
		}
	}
}

func TestDerivatives(t *testing.T) {
	const h = 1e-6
	for name, a := range activations {
		for z := -3.05; z < 3; z += 0.1 {
			want := (a.phi.Value(z+h) - a.phi.Value(z-h)) / (2 * h)
			if got := a.phi.Derivative(z); math.Abs(
				got-want) > 1e-7 { // h² φ'''/6 and rounding over h
				t.Errorf("%s: φ'(%.2f) = %v, want %v", name, z, got, want)
			}
		}
		if !math.IsNaN(a.phi.Value(math.NaN())) || !math.IsNaN(a.phi.Derivative(math.NaN())) {
			t.Errorf("%s: NaN in, NaN out", name)
		}
	}
}

// float32 forms against float64: rounding of the argument f·z + g, at most
// 2^-24 of its size times the slope, and of the result.
func TestEvalFloat32(t *testing.T) {
	tested := 0
	for name, a := range activations {
		e, ok := a.phi.(ntk.Float32Evaluator)
		if !ok {
			continue
		}
		tested++
		z := make([]float32, 4000)
		negativeZero := float32(math.Copysign(0, -1))
		for i := range z {
			z[i] = float32(i)*0.003 - 6.0001
		}
		z[0], z[1] = 0, negativeZero
		value, derivative := make([]float32, len(z)), make([]float32, len(z))
		e.EvalFloat32(value, derivative, z)
		for i, x := range z {
			if d := math.Abs(float64(value[i]) - a.phi.Value(float64(x))); d > 5e-6 {
				t.Fatalf("%s: φ(%v) = %v in float32, off by %.2g", name, x, value[i], d)
			}
			if d := math.Abs(float64(derivative[i]) - a.phi.Derivative(float64(x))); d > 4e-5 {
				t.Fatalf("%s: φ'(%v) = %v in float32, off by %.2g", name, x, derivative[i], d)
			}
		}
		inPlace := append([]float32(nil), z...)
		e.EvalFloat32(inPlace, make([]float32, len(z)), inPlace)
		for i := range z {
			if inPlace[i] != value[i] {
				t.Fatalf("%s: in place the value at %v is %v, want %v", name, z[i], inPlace[i],
					value[i])
			}
		}
	}
	if tested != 6 {
		t.Errorf("%d activations with a float32 form, want 6", tested)
	}
}

// Positive semidefinite on random inputs of any norm, with duplicates, an
// antipode and a zero row.
func TestGramIsPSD(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	const n, d = 30, 4
	x := mat.NewDense(n, d, nil)
	for i := range n {
		norm := math.Exp(r.NormFloat64())
		for j := range d {
			x.Set(i, j, norm*r.NormFloat64())
		}
	}
	x.SetRow(1, x.RawRowView(0))
	for j := range d {
		x.Set(2, j, -x.At(0, j))
		x.Set(3, j, 0)
	}
	for name, a := range activations {
		for _, depth := range []int{1, 3} {
			net := ntk.Must(ntk.UniformFCN(depth, a.phi, 1.3, 0.2))
			for _, which := range []string{"NNGP", "NTK"} {
				gram := ntk.Must(kernelOf(net, which).Gram(x))
				var eig mat.EigenSym
				if !eig.Factorize(gram, false) {
					t.Fatal("no convergence")
				}
				values := eig.Values(nil)
				if values[0] < -1e-11*values[n-1] || math.IsNaN(values[0]) {
					t.Errorf("%s, depth %d: %s has eigenvalue %g, largest %g", name, depth, which,
						values[0], values[n-1])
				}
				at := ntk.Must(kernelOf(net, which).At(dot(x, 4, 4), dot(x, 4, 5), dot(x, 5, 5)))
				if math.Abs(at-gram.At(4, 5)) > 1e-12*(1+math.Abs(at)) {
					t.Errorf("%s: At gives %v, Gram %v", name, at, gram.At(4, 5))
				}
			}
		}
	}
}

func dot(x *mat.Dense, i, j int) float64 {
	_, d := x.Dims()
	return mat.Dot(x.RowView(i), x.RowView(j)) / float64(d)
}

// ½ sin 6z: its power series is known, a_k = ¼ e^{-36} 36^k (1+k)/k! for odd k.
func TestInverseOfSine(t *testing.T) {
	const degree = 130
	a := make([]float64, degree+1)
	var total float64
	for k := 1; k <= degree; k += 2 {
		lg, _ := math.Lgamma(float64(k + 1))
		a[k] = 0.25 * math.Exp(-36+float64(k)*math.Log(36)-lg) * float64(k+1)
		total += a[k]
	}
	if math.Abs(total-4.625) > 1e-10 {
		t.Errorf("the coefficients add up to %v, want 4.625", total)
	}
	series := ntk.Must(ntk.NewPowerSeries(a))
	sine := ntk.Sin{Amplitude: 0.5, Frequency: 6}
	curve := ntk.Must(ntk.Must(ntk.UniformFCN(1, sine, 1, 0)).NTK())
	for _, c := range []float64{-1, -0.9, 0, 0.3, 1} {
		want := ntk.Must(curve.Curve([]float64{c}))[0]
		if got := series.At(c); math.Abs(got-want) > 1e-11 {
			t.Errorf("K(%v): series %v, closed form %v", c, got, want)
		}
	}
	// sin's Hermite coefficients alternate: with these signs φ is the sine.
	signs := make([]int, degree+1)
	for k := range signs {
		signs[k] = 1
		if k%4 == 3 {
			signs[k] = -1
		}
	}
	phi := ntk.Must(inverse.NTK(series, signs))
	for z := -2.0; z <= 2; z += 0.25 {
		if got, want := phi.Value(z), sine.Value(z); math.Abs(got-want) > 1e-9 {
			t.Errorf("φ(%v) = %v, want %v", z, got, want)
		}
	}
}

func TestInverseRoundTrip(t *testing.T) {
	a := []float64{0.5, 0, 1, 0.25, 0, 2}
	target := ntk.Must(ntk.NewPowerSeries(a))
	cosines := []float64{-1, -0.6, 0, 0.1, 0.99, 1}
	for _, signs := range [][]int{nil, {1, 1, -1, -1, 1, 1}, {-1, -1}} {
		for _, which := range []string{"NTK", "NNGP"} {
			invert := inverse.NTK
			if which == "NNGP" {
				invert = inverse.NNGP
			}
			phi := ntk.Must(invert(target, signs))
			got := ntk.Must(kernelOf(ntk.Must(ntk.UniformFCN(1, phi, 1, 0)), which).Curve(cosines))
			for i, c := range cosines {
				if want := target.At(c); math.Abs(got[i]-want) > 1e-13 {
					t.Errorf("%s, signs %v: K(%v) = %v, want %v", which, signs, c, got[i], want)
				}
			}
		}
	}
}

func TestBadInput(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	x := mat.NewDense(2, 2, []float64{1, 2, 3, nan})
	K := ntk.Must(deepReLU().NTK())
	custom := ntk.Must(ntk.UniformFCN(2, noDual{}, 1, 0))
	series := ntk.Must(ntk.NewPowerSeries([]float64{1, -0.5}))
	var notPSD *ntk.NotPSDError
	var nonFinite *ntk.NonFiniteError
	var domain *ntk.DomainError
	var variance *ntk.VarianceError
	for _, c := range []struct {
		name string
		err  error
		as   any
		says string
	}{
		{"no layers", second(ntk.NewFCN(nil, ntk.Readout{WeightStd: 1})), nil, "at least one"},
		{"depth", second(ntk.UniformFCN(0, ntk.ReLU{}, 1, 0)), nil, "depth is 0"},
		{"nil activation", second(ntk.UniformFCN(1, nil, 1, 0)), nil, "layer 1 has no activation"},
		{"negative σ_w", second(ntk.UniformFCN(1, ntk.ReLU{}, -1, 0)), nil, "WeightStd is -1"},
		{"NaN σ_b", second(ntk.UniformFCN(2, ntk.ReLU{}, 1, nan)), nil, "BiasStd is NaN"},
		{"infinite readout", second(ntk.NewFCN([]ntk.Layer{{Activation: ntk.ReLU{}, WeightStd: 1}},
			ntk.Readout{WeightStd: inf})), nil, "readout"},
		{"bad parameter", second(ntk.UniformFCN(1, ntk.Mimic{F: inf}, 1, 0)), nil, "Mimic.F"},
		{"bad sine", second(ntk.UniformFCN(1, ntk.Sin{Phase: nan}, 1, 0)), nil, "Sin.Phase"},
		{"bad cosine", second(ntk.UniformFCN(1, ntk.Cos{Amplitude: nan}, 1, 0)), nil,
			"Cos.Amplitude"},
		{"no dual", second(custom.NTK()), nil, "layer 1"},
		{"NaN input", second(K.Gram(x)), &nonFinite, "row 1, column 1"},
		{"NaN input", second(K.Cross(mat.NewDense(1, 2, nil), x)), &nonFinite, "row 1, column 1"},
		{"too large", second(K.Gram(mat.NewDense(1, 1, []float64{1e200}))), &nonFinite, "squares"},
		{"features", second(K.Cross(mat.NewDense(1, 3, nil), mat.NewDense(1, 2, nil))), nil,
			"3 and of 2"},
		{"no inputs", second(K.Gram(nil)), nil, "no inputs"},
		{"no inputs", second(K.Gram(&mat.Dense{})), nil, "no inputs"},
		{"cosine", second(K.Curve([]float64{0, 1.01})), &domain, "cosine 1"},
		{"negative q", second(K.At(-1, 0, 1)), &domain, "≥ 0"},
		{"Cauchy-Schwarz", second(K.At(1, 1.2, 1)), &domain, "Cauchy"},
		{"overflow", second(ntk.Must(ntk.Must(ntk.UniformFCN(1, ntk.ReLU{}, 1e150,
			0)).NTK()).At(1e100, 0, 1e100)), &variance, "beyond double precision"},
		{"overflow", second(ntk.Must(ntk.Must(ntk.UniformFCN(1, ntk.Mimic{A: 1e200}, 1,
			0)).NTK()).Curve([]float64{0})), &variance, "beyond double precision"},
		{"overflow", second(ntk.Must(ntk.Must(ntk.UniformFCN(1, ntk.Mimic{A: 1e200}, 1,
			0)).NTK()).Gram(mat.NewDense(1, 1, []float64{1}))), &variance, "layer 2"},
		{"infinite k", second(K.At(1, inf, 1)), &domain, "Cauchy"},
		{"coefficient", second(ntk.NewPowerSeries([]float64{1, nan})), nil, "a_1"},
		{"not PSD", second(series.Kernel()), &notPSD, "c^1"},
		{"not PSD", second(inverse.NTK(series, nil)), &notPSD, "-0.5"},
		{"sign", second(inverse.NNGP(ntk.Must(ntk.NewPowerSeries([]float64{1})), []int{2})), nil,
			"degree 0 is 2"},
		{"signs", second(inverse.NNGP(ntk.Must(ntk.NewPowerSeries([]float64{1})), []int{1, 1})),
			nil, "2 signs"},
		{"shapes", second(ntk.MSE(mat.NewDense(1, 2, nil), mat.NewDense(2, 2, nil))), nil, "1×2"},
		{"empty", second(ntk.Accuracy(&mat.Dense{}, &mat.Dense{})), nil, "no outputs"},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.says) {
			t.Errorf("%s: error %v, must say %q", c.name, c.err, c.says)
		}
		if c.as != nil && !errors.As(c.err, c.as) {
			t.Errorf("%s: error has type %T", c.name, c.err)
		}
	}
	y := mat.NewDense(2, 2, []float64{1, 0, 1, 0})
	if v := ntk.Must(ntk.Accuracy(mat.NewDense(2, 2, []float64{nan, nan, 1, 0}), y)); v != 0.5 {
		t.Errorf("a row of NaN counts as right: accuracy %v", v)
	}
	if v, err := K.At(1, nan, 1); err != nil || !math.IsNaN(v) {
		t.Errorf("NaN in, NaN out: %v, %v", v, err)
	}
	if v, err := K.Curve([]float64{nan}); err != nil || !math.IsNaN(v[0]) {
		t.Errorf("NaN in, NaN out: %v, %v", v, err)
	}
}

func second[T any](_ T, err error) error { return err }

func FuzzMimicDual(f *testing.F) {
	f.Add(3.8, 1.06, 0.1, 0.9, -0.08, 11.8, 0.9, 1.0, 0.5, 1.0)
	f.Add(1.0, -3.0, 0.0, 0.0, 5.0, 0.0, 0.0, 16.5, -1.0, 0.01)
	f.Fuzz(func(t *testing.T, a, b, c, d, e, fr, g, q, rho, q2 float64) {
		for _, p := range []*float64{&a, &b, &c, &d, &e, &fr, &g} {
			if !(math.Abs(*p) < 100) {
				return
			}
		}
		if !(q >= 0 && q < 100 && q2 >= 0 && q2 < 100 && math.Abs(rho) <= 1) {
			return
		}
		m := ntk.Mimic{a, b, c, d, e, fr, g}
		s := math.Sqrt(q) * math.Sqrt(q2)
		value, derivative := m.Dual(q, rho*s, q2)
		v1, d1 := m.Dual(q, q, q)
		v2, d2 := m.Dual(q2, q2, q2)
		// Cauchy-Schwarz holds for every φ.
		if !(math.Abs(value) <= math.Sqrt(v1*v2)*(1+1e-6)+1e-6) ||
			!(math.Abs(derivative) <= math.Sqrt(d1*d2)*(1+1e-6)+1e-6) {
			t.Errorf("%+v at %v, %v, %v: %v, %v against %v, %v and %v, %v", m, q, rho, q2, value,
				derivative, v1, d1, v2, d2)
		}
	})
}

func BenchmarkGram(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	x := mat.NewDense(800, 11, nil)
	for i := range 800 {
		for j := range 11 {
			x.Set(i, j, r.NormFloat64())
		}
	}
	for name, net := range map[string]*ntk.FCN{
		"4HL-ReLU":  deepReLU(),
		"1HL-mimic": ntk.Must(ntk.UniformFCN(1, ntk.PublishedMimic(), 1, 0)),
	} {
		K := ntk.Must(net.NTK())
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				ntk.Must(K.Gram(x))
			}
		})
	}
}

// embedding is an activation of a caller's that takes a method from ReLU.
type embedding struct{ ntk.ReLU }

func (embedding) Value(z float64) float64 { return 2 * max(z, 0) }

func (embedding) Derivative(z float64) float64 { return 2 * ntk.ReLU{}.Derivative(z) }

func (e embedding) EvalFloat32(value, derivative, z []float32) {
	for i, x := range z {
		value[i], derivative[i] = float32(e.Value(float64(x))), float32(e.Derivative(float64(x)))
	}
}

func TestFingerprintOfEmbedded(t *testing.T) {
	own := ntk.Must(ntk.UniformFCN(1, embedding{}, 1, 0))
	if own.Fingerprint() == ntk.Must(ntk.UniformFCN(1, ntk.ReLU{}, 1, 0)).Fingerprint() {
		t.Error("an activation that embeds ReLU has the fingerprint of ReLU")
	}
}
