package ntk_test

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/hermite"
	"gonum.org/v1/gonum/mat"
)

func ntkOf(depth int, phi ntk.Activation, w, b float64) ntk.Kernel {
	return ntk.Must(ntk.Must(ntk.UniformFCN(depth, phi, w, b)).NTK())
}

func at(K ntk.Kernel, c float64) float64 { return ntk.Must(K.Curve([]float64{c}))[0] }

// What the operations do to values, at pairs of any norm.
func TestAlgebra(t *testing.T) {
	K, L := ntkOf(2, ntk.ReLU{}, 1.2, 0.3), ntk.Must(ntk.MaternKernel(2, 0.8))
	for _, p := range [][3]float64{{1, 0.5, 1}, {1, 1, 1}, {1, -1, 1}, {0.3, -0.2, 2}, {0, 0, 1}} {
		k, l := ntk.Must(K.At(p[0], p[1], p[2])), ntk.Must(L.At(p[0], p[1], p[2]))
		kx, kz := ntk.Must(K.At(p[0], p[0], p[0])), ntk.Must(K.At(p[2], p[2], p[2]))
		inner, innerX, innerZ := l, ntk.Must(L.At(p[0], p[0], p[0])), ntk.Must(
			L.At(p[2], p[2], p[2]))
		for _, c := range []struct {
			what string
			of   ntk.Kernel
			want float64
		}{
			{"sum", K.Add(L), k + l},
			{"product", K.Mul(L), k * l},
			{"multiple", ntk.Must(K.Scale(0.4)), 0.4 * k},
			{"normalised", K.Normalize(), k / math.Sqrt(kx*kz)},
			{"composition", K.Compose(L), ntk.Must(K.At(innerX, inner, innerZ))},
			{"sum of a sum", K.Add(L).Add(K), 2*k + l},
		} {
			if got := ntk.Must(c.of.At(p[0], p[1], p[2])); math.Abs(
				got-c.want,
			) > 1e-12*(1+math.Abs(c.want)) {
				t.Errorf("%s at %v: %v, want %v", c.what, p, got, c.want)
			}
		}
	}
	if _, err := K.Scale(-1); err == nil || !strings.Contains(err.Error(), "-1") {
		t.Errorf("a negative multiple: %v", err)
	}
	// A net of two layers is a composition of two of one.
	phi := ntk.GELU{}
	two := ntk.Must(ntk.Must(ntk.UniformFCN(2, phi, 1, 0)).NNGP())
	one := ntk.Must(ntk.Must(ntk.UniformFCN(1, phi, 1, 0)).NNGP())
	for _, p := range [][3]float64{{1, 0.5, 1}, {0.3, -0.2, 2}} {
		a, b := ntk.Must(two.At(p[0], p[1], p[2])), ntk.Must(one.Compose(one).At(p[0], p[1], p[2]))
		if math.Abs(a-b) > 1e-15 {
			t.Errorf("composition of layers at %v: %v, %v", p, a, b)
		}
	}
}

// Series against curves, of nets by composing the layers' series, and against
// series known by hand.
func TestSeries(t *testing.T) {
	cosines := []float64{-1, -0.9, -0.3, 0, 0.2, 0.9, 0.99, 1}
	deep := ntkOf(4, ntk.ReLU{}, math.Sqrt2, 0.1)
	gauss := ntk.Must(ntk.GaussianKernel(0.5))
	for _, K := range []ntk.Kernel{
		deep, ntkOf(15, ntk.ReLU{}, math.Sqrt2, 0.1), ntkOf(3, ntk.Erf{}, 1.5, 0.3),
		ntkOf(2, ntk.GELU{}, 1.5, 0.1), ntkOf(2, ntk.PublishedMimic(), 1, 0),
		ntkOf(2, ntk.Sin{Amplitude: 0.5, Frequency: 2, Phase: 1}, 1, 0.2),
		ntkOf(2, ntk.LeakyReLU(0.1), 1, 0), ntkOf(2, ntk.RectifiedMonomial{Degree: 2}, 1, 0),
		gauss, ntk.Must(ntk.LaplaceKernel(0.5)), ntk.Must(ntk.MaternKernel(1, 0.5)),
		ntk.Must(ntk.MaternKernel(4, 1)), ntk.Must(ntk.PolynomialKernel(4, 0.3)),
		ntk.Must(ntk.ArcCosineKernel(1)),
		gauss.Add(deep), gauss.Mul(deep), gauss.Compose(deep.Normalize()), ntk.Must(deep.Scale(2)),
		ntk.Must(gauss.Derivative()),
	} {
		p := ntk.Must(K.Series(200))
		values := ntk.Must(K.Curve(cosines))
		top := values[len(values)-1]
		for k, a := range p.Coeffs() {
			if !(a >= 0) {
				t.Errorf("%v: a_%d = %v", K, k, a)
			}
		}
		for i, c := range cosines {
			e := math.Abs(p.At(c) - values[i])
			if !(e <= p.Rest()*math.Pow(math.Abs(c), 201)+2e-14*top) {
				t.Errorf("%v: at c = %v off by %g, bound %g", K, c, e,
					p.Rest()*math.Pow(math.Abs(c), 201))
			}
		}
		if !(math.Abs(top-p.At(1)) >= 0.999*p.Rest()-1e-12*top) {
			t.Errorf("%v: the rest %g is not what is missing at c = 1, %g", K, p.Rest(),
				top-p.At(1))
		}
	}
	// The tail of the 4HL ReLU NTK falls like 2.5/√degree.
	for _, degree := range []int{100, 1000} {
		if r := ntk.Must(deep.Series(degree)).
			Rest() *
			math.Sqrt(float64(degree)); math.Abs(
			r-2.55,
		) > 0.05 {
			t.Errorf("rest·√degree at %d is %v", degree, r)
		}
	}
	sine := ntk.Must(ntkOf(1, ntk.Sin{Amplitude: 0.5, Frequency: 6}, 1, 0).Series(130)).Coeffs()
	for k := 1; k <= 130; k += 2 {
		lg, _ := math.Lgamma(float64(k + 1))
		want := 0.25 * math.Exp(-36+float64(k)*math.Log(36)-lg) * float64(k+1)
		if math.Abs(sine[k]-want) > 1e-13*want || math.Abs(sine[k-1]) > 1e-16 {
			t.Errorf("½ sin 6z: a_%d = %v, want %v", k, sine[k], want)
		}
	}
	if _, err := ntk.Must(ntk.FromFunc("f", math.Exp)).Series(3); err == nil ||
		!strings.Contains(err.Error(), "the power series of f does not follow") {
		t.Errorf("series of a function: %v", err)
	}
}

// √2 sin(ωz + π/4) has the Gaussian kernel as NNGP, and e^{-ω²(1-c)}(1 + ω²c) as
// NTK.
func TestGaussianFeature(t *testing.T) {
	net := ntk.Must(ntk.UniformFCN(1, ntk.GaussianFeature(math.Sqrt2), 1, 0))
	gauss := ntk.Must(ntk.GaussianKernel(1 / math.Sqrt2))
	for _, c := range []float64{-1, -0.4, 0, 0.7, 1} {
		if a, b := at(ntk.Must(net.NNGP()), c), at(gauss, c); math.Abs(a-b) > 1e-15 {
			t.Errorf("NNGP(%v) = %v, want %v", c, a, b)
		}
		if a, b := at(ntk.Must(net.NTK()), c), math.Exp(-2*(1-c))*(1+2*c); math.Abs(a-b) > 1e-14 {
			t.Errorf("NTK(%v) = %v, want %v", c, a, b)
		}
	}
}

// By hand, and the Matérn kernels against the Gaussian that they tend to.
func TestNamedKernels(t *testing.T) {
	c, r := 0.3, math.Sqrt(2-2*0.3)
	for _, k := range []struct {
		K    ntk.Kernel
		want float64
	}{
		{ntk.Must(ntk.LaplaceKernel(0.5)), math.Exp(-r / 0.5)},
		{ntk.Must(ntk.GaussianKernel(0.5)), math.Exp(-r * r / 2 / 0.25)},
		{ntk.Must(ntk.MaternKernel(1, 0.5)), (1 +
			math.Sqrt(3)*r/0.5) * math.Exp(-math.Sqrt(3)*r/0.5)},
		{ntk.Must(ntk.MaternKernel(2, 0.5)), (1 + math.Sqrt(5)*r/0.5 +
			5*r*r/3/0.25) * math.Exp(-math.Sqrt(5)*r/0.5)},
		{ntk.Must(ntk.PolynomialKernel(3, 0.5)), math.Pow(0.8, 3)},
		{ntk.Must(ntk.ArcCosineKernel(0)), 1 - math.Acos(0.3)/math.Pi},
		{ntk.Must(ntk.ArcCosineKernel(1)), (math.Sin(math.Acos(c)) +
			(math.Pi-math.Acos(c))*c) / math.Pi},
	} {
		if got := at(k.K, c); math.Abs(got-k.want) > 1e-15 {
			t.Errorf("%v: %v, want %v", k.K, got, k.want)
		}
	}
	if a, b := at(ntk.Must(ntk.MaternKernel(20, 1)), c), at(
		ntk.Must(ntk.GaussianKernel(1)), c,
	); math.Abs(a-b) > 0.02 {
		t.Errorf("Matérn of ν = 41/2 is %v, the Gaussian %v", a, b)
	}
	for _, err := range []error{
		second(ntk.GaussianKernel(0)), second(ntk.LaplaceKernel(math.NaN())),
		second(ntk.MaternKernel(21, 1)), second(ntk.MaternKernel(1, -1)),
		second(ntk.PolynomialKernel(-1, 0)), second(ntk.PolynomialKernel(2, -1)),
		second(ntk.ArcCosineKernel(13)),
		second(ntk.FromFunc("nil", nil)), second(ntk.FromFunc("1/c",
			func(c float64) float64 { return 1 / (c - 1) })),
	} {
		if err == nil {
			t.Error("bad parameters pass")
		}
	}
}

// Derivatives against differences where those are good, an infinite slope at c = 1
// as an error, limits from the left.
func TestDerivativeAndLimit(t *testing.T) {
	deep := ntkOf(4, ntk.ReLU{}, math.Sqrt2, 0.1)
	black := ntk.Must(ntk.FromFunc("cosh 2c", func(c float64) float64 { return math.Cosh(2 * c) }))
	for _, K := range []ntk.Kernel{deep, black, ntkOf(2, ntk.Erf{}, 1.5, 0.3),
		ntk.Must(ntk.LaplaceKernel(0.5))} {
		d := ntk.Must(K.Derivative())
		for _, c := range []float64{-0.99, -0.5, 0, 0.5, 0.98} {
			const h = 1e-5
			want := (at(K, c+h) - at(K, c-h)) / (2 * h)
			if got := at(d, c); math.Abs(got-want) > 1e-6*(1+math.Abs(want)) {
				t.Errorf("%v at %v: %v, by differences %v", d, c, got, want)
			}
		}
	}
	if got := at(ntk.Must(black.Derivative()), 1); math.Abs(got-2*math.Sinh(2)) > 1e-8 {
		t.Errorf("slope of cosh 2c at 1: %v", got)
	}
	slope := ntk.Must(deep.Derivative())
	var domain *ntk.DomainError
	if _, err := slope.Curve([]float64{1}); !errors.As(err, &domain) {
		t.Errorf("infinite slope: %v", err)
	}
	if v, _, err := slope.AtOne(); err != nil || !math.IsInf(v, 1) {
		t.Errorf("limit of an infinite slope: %v, %v", v, err)
	}
	noisy := ntk.Must(ntk.FromFunc("with noise", func(c float64) float64 {
		if c == 1 {
			return math.E + 0.5
		}
		return math.Exp(c)
	}))
	for _, c := range []struct {
		K    ntk.Kernel
		want float64
	}{{deep, 5.07}, {noisy, math.E}, {ntk.Must(ntk.LaplaceKernel(0.05)), 1},
		{ntk.Must(ntk.GaussianKernel(0.02)), 1}} {
		v, bound, err := c.K.AtOne()
		if err != nil || math.Abs(v-c.want) > bound+1e-12*c.want || bound > 1e-6 {
			t.Errorf("%v from the left: %v ± %v, want %v (%v)", c.K, v, bound, c.want, err)
		}
	}
	if _, err := ntk.Must(ntk.GaussianKernel(1e-7)).
		Derivative(); err == nil ||
		!strings.Contains(err.Error(), "detail") {
		t.Errorf("a spike: %v", err)
	}
}

// Deep nets: a thousand layers on the edge of chaos, and a named error where the
// variance grows.
func TestDepthOfThousands(t *testing.T) {
	// With σ_w = √2, σ_b = 0 each ReLU layer adds the input's norm to the NTK.
	K := ntkOf(3000, ntk.ReLU{}, math.Sqrt2, 0)
	if got := at(K, 1); math.Abs(got-3001) > 1e-8 { // the rounding of (√2)², 3000 times
		t.Errorf("NTK(1) = %v, want 3001", got)
	}
	var v *ntk.VarianceError
	if _, err := ntkOf(3000, ntk.ReLU{}, 2, 0).Curve([]float64{0}); !errors.As(err, &v) ||
		v.Layer < 100 {
		t.Errorf("variance that doubles: %v", err)
	}
}

// A net with its first layer fixed: T starts at 0 and the layers after it are
// trained; the readout alone trained gives the NNGP kernel.
func TestFrozenLayers(t *testing.T) {
	relu := ntk.Layer{Activation: ntk.ReLU{}, WeightStd: 1.3, BiasStd: 0.2}
	frozen := relu
	frozen.Frozen = true
	net := ntk.Must(ntk.NewFCN([]ntk.Layer{frozen, relu}, ntk.Readout{WeightStd: 1, BiasStd: 0.5}))
	nngp, K := ntk.Must(net.NNGP()), ntk.Must(net.NTK())
	second := ntk.Must(net.NNGPOf(2))
	for _, c := range []float64{-0.7, 0.2, 1} {
		// by hand: S of layer 2, its dual, and T = S_3 + 1·(S_2 φ̇(S_2))
		s, q := at(second, c), at(second, 1)
		_, slope := ntk.ReLU{}.Dual(q, s, q)
		if want, got := at(nngp, c)+s*slope, at(K, c); math.Abs(got-want) > 1e-14 {
			t.Errorf("NTK(%v) = %v, want %v", c, got, want)
		}
	}
	only := ntk.Must(
		ntk.NewFCN([]ntk.Layer{frozen, frozen}, ntk.Readout{WeightStd: 1, BiasStd: 0.5}))
	if a, b := at(ntk.Must(only.NTK()), 0.3), at(ntk.Must(only.NNGP()), 0.3); a != b {
		t.Errorf("readout alone: NTK %v, NNGP %v", a, b)
	}
	if a, b := only.Params(3, 10, 2), 22; a != b {
		t.Errorf("%d parameters, want %d", a, b)
	}
	if only.Fingerprint() == net.Fingerprint() {
		t.Error("a frozen layer does not show in the fingerprint")
	}
	step := ntk.Must(
		ntk.NewFCN([]ntk.Layer{{Activation: ntk.Step{}, WeightStd: 1}}, ntk.Readout{WeightStd: 1}))
	var infinite *ntk.InfiniteNTKError
	if _, err := step.NTK(); !errors.As(err, &infinite) || infinite.Jump != 0 {
		t.Errorf("NTK of a step: %v", err)
	}
	fixed := ntk.Must(
		ntk.NewFCN([]ntk.Layer{{Activation: ntk.Step{}, WeightStd: 1, Frozen: true}},
			ntk.Readout{WeightStd: 1}),
	)
	if got := at(ntk.Must(fixed.NTK()), 1); got != 0.5 {
		t.Errorf("NTK of a frozen step: %v", got)
	}
	for _, layer := range []int{0, 4} {
		if _, err := net.NNGPOf(layer); err == nil {
			t.Errorf("layer %d of two", layer)
		}
	}
}

// Fixed points against the iteration of a deep net's kernel, slopes by hand.
func TestMeanField(t *testing.T) {
	m := ntk.Must(ntk.MeanFieldOf(ntk.Erf{}, 1.5, 0.3))
	deep := ntk.Must(ntk.Must(ntk.UniformFCN(300, ntk.Erf{}, 1.5, 0.3)).NNGPOf(300))
	if q := at(deep, 1); m.Phase != "chaotic" || math.Abs(m.Variance-q) > 1e-12 ||
		math.Abs(m.Correlation-at(deep, 0.3)/q) > 1e-12 {
		t.Errorf("%+v; after 300 layers q = %v, c = %v", m, q, at(deep, 0.3)/q)
	}
	// the depth scale, from the approach to c*
	near := func(layers int) float64 {
		K := ntk.Must(ntk.Must(ntk.UniformFCN(layers, ntk.Erf{}, 1.5, 0.3)).NNGPOf(layers))
		return math.Abs(at(K, 0.3)/at(K, 1) - m.Correlation)
	}
	if scale := 20 / math.Log(near(60)/near(80)); math.Abs(scale-m.CorrelationDepth) > 0.01*scale {
		t.Errorf("depth scale %v, measured %v", m.CorrelationDepth, scale)
	}
	// ReLU, σ_w = 1.3, σ_b = 0.1: V is affine with slope 0.845.
	r := ntk.Must(ntk.MeanFieldOf(ntk.ReLU{}, 1.3, 0.1))
	if math.Abs(r.Variance-0.01/(1-0.845)) > 1e-14 || math.Abs(r.Slope-0.845) > 1e-14 ||
		r.Phase != "ordered" ||
		math.Abs(r.VarianceDepth+1/math.Log(0.845)) > 1e-6 {
		t.Errorf("%+v", r)
	}
	if e := ntk.Must(ntk.MeanFieldOf(ntk.ReLU{}, math.Sqrt2, 0)); e.Phase != "edge of chaos" ||
		!math.IsInf(e.CorrelationDepth, 1) {
		t.Errorf("%+v", e)
	}
	var grows *ntk.NoFixedPointError
	if _, err := ntk.MeanFieldOf(ntk.ReLU{}, 1.5, 0.1); !errors.As(err, &grows) {
		t.Errorf("no fixed point: %v", err)
	}
	// erf without bias: χ_1 = (4/π) σ_w² at q* = 0.
	if w := ntk.Must(ntk.CriticalWeightStd(ntk.Erf{}, 0)); math.Abs(w-math.Sqrt(math.Pi)/2) > 1e-5 {
		t.Errorf("critical σ_w of erf: %v", w)
	}
	w := ntk.Must(ntk.CriticalWeightStd(ntk.Erf{}, 0.3))
	if e := ntk.Must(ntk.MeanFieldOf(ntk.Erf{}, w, 0.3)); math.Abs(e.Slope-1) > 1e-9 {
		t.Errorf("χ_1 = %v at the critical σ_w", e.Slope)
	}
	if _, err := ntk.CriticalWeightStd(ntk.Gaussian{Amplitude: 1e-3, Rate: 1}, 0.1); err == nil ||
		!strings.Contains(err.Error(), "ordered") {
		t.Errorf("always ordered: %v", err)
	}
}

func TestHermiteCoeffs(t *testing.T) {
	series := ntk.Must(hermite.NewSeries([]float64{1, 2, 3}))
	if b := ntk.Must(ntk.HermiteCoeffs(series, 1, 5)); !slices.Equal(b, []float64{1, 2, 3, 0, 0}) {
		t.Errorf("%v", b)
	}
	// relu: b_0 = p(0), b_1 = ½, b_k = h_{k-2}(0) p(0)/√(k(k-1)).
	b := ntk.Must(ntk.HermiteCoeffs(ntk.ReLU{}, 2, 1001))
	h := make([]float64, 1001)
	hermite.Polynomials(h, 0)
	for k := 2; k <= 1000; k++ {
		if want := 2 * h[k-2] / math.Sqrt(2*math.Pi) / math.Sqrt(
			float64(k*(k-1))); math.Abs(b[k]-want) > 1e-14*math.Abs(
			want,
		) {
			t.Errorf("b_%d = %v, want %v", k, b[k], want)
		}
	}
	for _, err := range []error{
		second(ntk.HermiteCoeffs(nil, 1, 3)), second(ntk.HermiteCoeffs(ntk.ReLU{}, -1, 3)),
		second(ntk.HermiteCoeffs(ntk.ReLU{}, 1, -3)),
		second(ntk.HermiteCoeffs(ntk.Exp{Amplitude: 1, Rate: 30}, 2, 3)), second(ntk.Add()),
		second(ntk.Add(nil)), second(ntk.Affine(ntk.ReLU{}, math.NaN(), 1, 0, 0)),
		second(ntk.Affine(ntk.RectifiedMonomial{}, 1, 1, 0, 0)),
		second(ntk.UniformFCN(1, ntk.Gaussian{Amplitude: 1, Rate: -1}, 1, 0)),
		second(ntk.UniformFCN(1, ntk.Polynomial{}, 1, 0)),
		second(ntk.UniformFCN(1, ntk.TwoSlope{Positive: math.Inf(1)}, 1, 0)),
		second(ntk.UniformFCN(1, ntk.Exp{Rate: math.NaN()}, 1, 0)),
	} {
		if err == nil {
			t.Error("bad arguments pass")
		}
	}
}

// A frozen layer and the sphere, in matrices.
func TestGramOfKernelAlgebra(t *testing.T) {
	x := mat.NewDense(3, 2, []float64{1, 1, 1, -1, 0.5, 2})
	K := ntkOf(1, ntk.ReLU{}, 1, 0.1).Mul(ntk.Must(ntk.GaussianKernel(1)))
	g := ntk.Must(K.Gram(x))
	for i := range 3 {
		for j := range 3 {
			want := ntk.Must(K.At(dot(x, i, i), dot(x, i, j), dot(x, j, j)))
			if math.Abs(g.At(i, j)-want) > 1e-12 {
				t.Errorf("entry %d, %d: %v, want %v", i, j, g.At(i, j), want)
			}
		}
	}
}

// An error names what of a sum has no value: a caller's function, or what it was added to.
func TestReasonIsThePartThatFails(t *testing.T) {
	finite := ntk.Must(ntk.FromFunc("exp", math.Exp))
	broken := ntk.Must(ntk.FromFunc("NaN at -.501", func(c float64) float64 {
		return math.Sqrt(math.Abs(c+0.501) - 1e-9)
	}))
	net := ntkOf(2, ntk.GELU{}, 1, 0)
	for _, c := range []struct {
		K    ntk.Kernel
		q, k float64
		own  bool // the function is to blame
	}{
		{broken.Add(net), 1, -0.501, true},
		{net.Mul(finite.Add(broken)), 1, -0.501, true},
		{huge(finite).Mul(huge(finite)), 1, 0.9, false},
	} {
		_, err := c.K.At(c.q, c.k, c.q)
		if err == nil || strings.Contains(err.Error(), "the function that") != c.own {
			t.Errorf("%v: %v", c.K, err)
		}
	}
}

func huge(K ntk.Kernel) ntk.Kernel { return ntk.Must(K.Scale(1e200)) }

// Of a product that is a kernel, no factor needs to be one to be normalised.
func TestNormalizeProductOfNegative(t *testing.T) {
	minus := ntk.Must(ntk.FromFunc("-3c", func(c float64) float64 { return -3 * c }))
	plus := ntk.Must(ntk.FromFunc("2c", func(c float64) float64 { return 2 * c }))
	for _, c := range []float64{-1, -0.3, 0, 0.7, 1} {
		if v := at(minus.Mul(minus).Normalize(), c); math.Abs(v-c*c) > 1e-15 {
			t.Errorf("c² is %v at c = %v", v, c)
		}
		v := at(minus.Mul(plus).Mul(minus).Normalize(), c)
		if math.Abs(v-c*c*c) > 1e-15 {
			t.Errorf("c³ is %v at c = %v", v, c)
		}
	}
	for _, K := range []ntk.Kernel{minus, minus.Mul(plus), minus.Mul(minus).Mul(minus)} {
		if _, err := K.Normalize().At(1, 0.5, 1); err == nil ||
			!strings.Contains(err.Error(), "at equal inputs") {
			t.Errorf("%v: %v", K, err)
		}
	}
}
