package ntk_test

import (
	"math"
	"strings"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
)

// layers of two slopes, σ_w and whether they are frozen, without biases.
func slopes(t *testing.T, readout ntk.Readout, layers ...ntk.Layer) *ntk.FCN {
	t.Helper()
	return ntk.Must(ntk.NewFCN(layers, readout))
}

// Nets whose kernels at equal inputs are 1e-326 and 1e-876: normalised they do not depend on
// σ_w. The values are those of the recursion in 60 digits.
func TestNormalizeBelowDoublePrecision(t *testing.T) {
	deep := ntk.Must(ntk.UniformFCN(52, ntk.ReLU{}, 1e-3, 0))
	mixed := []ntk.Layer{
		{Activation: ntk.ReLU{}, WeightStd: 1e-8, Frozen: true},
		{Activation: ntk.LeakyReLU(0.1), WeightStd: 1e-200},
		{Activation: ntk.Abs(), WeightStd: 1e20, Frozen: true},
		{Activation: ntk.TwoSlope{Positive: 2, Negative: 0.3}, WeightStd: 1e-150},
	}
	trained := slopes(t, ntk.Readout{WeightStd: 1e-100}, mixed...)
	frozen := slopes(t, ntk.Readout{WeightStd: 1e-100, Frozen: true}, mixed...)
	for _, c := range []struct {
		K    ntk.Kernel
		c    float64
		want float64
	}{
		{ntk.Must(deep.NNGP()), 0.5, 0.989370332050987575},
		{ntk.Must(deep.NNGP()), -0.9, 0.988271853970112967},
		{ntk.Must(deep.NTK()), 0.5, 0.295844998956279554},
		{ntk.Must(deep.NTK()), -0.9, 0.280906342831674817},
		{ntk.Must(trained.NNGP()), 0.5, 0.806659818375552564},
		{ntk.Must(trained.NTK()), 0.5, 0.553036439732384064},
		{ntk.Must(trained.NTK()), -0.9, 0.411517362429117679},
		{ntk.Must(frozen.NTK()), 0.5, 0.426224750410799814},
		{ntk.Must(frozen.NTK()), -0.9, 0.266512172009491364},
	} {
		K := c.K.Normalize()
		tiny := ntk.Must(ntk.Must(c.K.Scale(1e-300)).Scale(1e-300))
		square := c.K.Mul(tiny).Normalize()
		for _, q := range [][2]float64{{1, 1}, {4, 0.25}, {1e-200, 1e140}} {
			k := c.c * math.Sqrt(q[0]) * math.Sqrt(q[1])
			for _, v := range []float64{
				ntk.Must(K.At(q[0], k, q[1])), ntk.Must(tiny.Normalize().At(q[0], k, q[1])),
				math.Sqrt(ntk.Must(square.At(q[0], k, q[1]))),
			} {
				if math.Abs(v-c.want) > 1e-13 {
					t.Errorf("%v at c = %v, norms %v: %v, want %v", K, c.c, q, v, c.want)
				}
			}
		}
		if top, zero := at(K, 1), ntk.Must(K.At(0, 0, 1)); top != 1 || zero != 0 {
			t.Errorf("%v is %v at equal inputs and %v at 0", K, top, zero)
		}
		p := ntk.Must(K.Series(400))
		if e := math.Abs(p.At(c.c) - c.want); e > 1e-12+p.Rest()*math.Pow(math.Abs(c.c), 401) {
			t.Errorf("the series of %v is off by %v at %v", K, e, c.c)
		}
	}
}

// Nets of moderate σ_w, frozen and of other degrees: against the quotient of their own values.
func TestNormalizeOfHomogeneousNets(t *testing.T) {
	power := ntk.RectifiedMonomial{Degree: 2}
	for _, net := range []*ntk.FCN{
		slopes(t, ntk.Readout{WeightStd: 0.4}, ntk.Layer{Activation: power, WeightStd: 1.3},
			ntk.Layer{Activation: ntk.ReLU{}, WeightStd: 0.7, Frozen: true},
			ntk.Layer{Activation: power, WeightStd: 2.1}),
		slopes(t, ntk.Readout{WeightStd: 3, Frozen: true},
			ntk.Layer{Activation: ntk.Sign{}, WeightStd: 0.2, Frozen: true},
			ntk.Layer{Activation: ntk.Abs(), WeightStd: 1.7}),
		slopes(t, ntk.Readout{WeightStd: 3, BiasStd: 0.1}, // not homogeneous
			ntk.Layer{Activation: ntk.ReLU{}, WeightStd: 0.2}),
		slopes(t, ntk.Readout{WeightStd: 3},
			ntk.Layer{Activation: ntk.ReLU{}, WeightStd: 0.2},
			ntk.Layer{Activation: ntk.Erf{}, WeightStd: 0.2}),
	} {
		for _, K := range []ntk.Kernel{ntk.Must(net.NNGP()), ntk.Must(net.NTK()),
			ntk.Must(net.NNGPOf(2))} {
			N := K.Normalize()
			for _, p := range [][3]float64{{1, 0.5, 1}, {0.3, -0.2, 2}, {2, 2, 2}, {3, -3, 3}} {
				want := ntk.Must(K.At(p[0], p[1], p[2])) / math.Sqrt(
					ntk.Must(K.At(p[0], p[0], p[0]))*ntk.Must(K.At(p[2], p[2], p[2])))
				if got := ntk.Must(N.At(p[0], p[1], p[2])); math.Abs(got-want) > 1e-14 {
					t.Errorf("%v at %v: %v, want %v", N, p, got, want)
				}
			}
		}
	}
}

// What leaves double precision is right or an error that says so.
func TestKernelsOutOfRange(t *testing.T) {
	gauss := ntk.Must(ntk.GaussianKernel(1))
	scaled := func(K ntk.Kernel, factor float64) ntk.Kernel { return ntk.Must(K.Scale(factor)) }
	small, large := scaled(gauss, 1e-300), scaled(gauss, 1e300)
	cubic := ntk.Must(ntk.PolynomialKernel(3, 0))
	frozen := ntk.Must(slopes(t, ntk.Readout{WeightStd: 1, Frozen: true},
		ntk.Layer{Activation: ntk.ReLU{}, WeightStd: 1, Frozen: true}).NTK())
	biased := ntk.Must(ntk.Must(ntk.UniformFCN(1, ntk.ReLU{}, 1e-160, 1e-160)).NNGP())
	const tooSmall, tooLarge = "too small for double precision", "too large for double precision"
	for _, c := range []struct {
		name string
		K    ntk.Kernel
		q    float64
		want float64
		text string // of the error, for no value
	}{
		{"small", small, 1, 1e-300 * math.Exp(-0.5), ""},
		{"product of small", small.Mul(small), 1, 0, tooSmall},
		{"small twice", scaled(small, 1e-300), 1, 0, tooSmall},
		{"and up again", scaled(scaled(small.Mul(small), 1e300), 1e300), 1, 0, tooSmall},
		{"product of large", large.Mul(large), 1, 0, tooLarge},
		{"large twice", scaled(large, 1e300), 1, 0, tooLarge},
		{"small and large", small.Mul(large), 1, math.Exp(-1), ""},
		{"normalised small", small.Normalize(), 1, math.Exp(-0.5), ""},
		{"normalised product", small.Mul(small).Normalize(), 1, math.Exp(-1), ""},
		{"normalised large", large.Mul(large).Normalize(), 1, math.Exp(-1), ""},
		{"normalised twice", scaled(small.Mul(small), 1e-300).Normalize(), 1, math.Exp(-1), ""},
		{"normalised sum", scaled(small, 0.1).Add(scaled(small, 0.1)).Normalize(), 1, 0, tooSmall},
		{"polynomial at 1e-200", cubic.Normalize(), 1e-200, 0, tooSmall},
		{"polynomial at 1e-90", cubic.Normalize(), 1e-90, 0.125, ""},
		{"polynomial at 0", cubic.Normalize(), 0, 0, ""},
		{"inside", gauss.Compose(small), 1, 0, tooSmall},
		{"polynomial inside", gauss.Compose(cubic), 1e-200, 0, tooSmall},
		{"polynomial inside at 0", gauss.Compose(cubic), 0, 1, ""},
		{"large inside", gauss.Compose(large.Mul(large)), 1, 0, "finite"},
		{"nothing trained", frozen, 1, 0, ""},
		{"normalised nothing", frozen.Normalize(), 1, 0, "the kernel 0"},
		{"nothing of a product", scaled(gauss, 0).Mul(small), 1, 0, ""},
		{"small with a bias", biased.Normalize(), 1, 0, tooSmall},
	} {
		v, err := c.K.CurveAt(c.q, []float64{0.5})
		switch {
		case c.text == "" && (err != nil || math.Abs(v[0]-c.want) > 1e-15*c.want):
			t.Errorf("%s: %v, %v, want %v", c.name, v, err, c.want)
		case c.text != "" && (err == nil || !strings.Contains(err.Error(), c.text)):
			t.Errorf("%s: %v, %v; want an error with %q", c.name, v, err, c.text)
		}
		if c.q != 1 {
			continue
		}
		if limit, bound, err := c.K.AtOne(); (err != nil) != (c.text != "") || err == nil &&
			limit != 0 && math.Abs(limit-at(c.K, 1)) > bound {
			t.Errorf("%s: K(1) is %v ± %v, %v", c.name, limit, bound, err)
		}
		if p, err := c.K.Series(60); (err != nil) != (c.text != "") || err == nil &&
			math.Abs(p.At(0.5)-c.want) > 1e-14*c.want {
			t.Errorf("%s: the series is %v at ½, %v", c.name, p.At(0.5), err)
		}
	}
}

// A kernel that none has made: errors, and no panic.
func TestZeroKernel(t *testing.T) {
	var none ntk.Kernel
	gauss := ntk.Must(ntk.GaussianKernel(1))
	for name, K := range map[string]ntk.Kernel{
		"itself": none, "sum": gauss.Add(none), "product": none.Mul(gauss),
		"normalised": none.Normalize(), "outer": none.Compose(gauss), "inner": gauss.Compose(none),
		"normalised product": gauss.Mul(none).Normalize(),
	} {
		for what, err := range map[string]error{
			"At": second(K.At(1, 0.5, 1)), "Curve": second(K.Curve([]float64{0})),
			"CurveAt":    second(K.CurveAt(2, []float64{0})),
			"Derivative": second(K.Derivative()), "AtOne": third(K.AtOne()),
		} {
			if err == nil || !strings.Contains(err.Error(), "the zero Kernel is none") {
				t.Errorf("%s: %s: %v", name, what, err)
			}
		}
		if _, err := K.Series(3); err == nil {
			t.Errorf("%s has a series", name)
		}
	}
	if _, err := none.Scale(2); err == nil {
		t.Error("a multiple of the zero Kernel")
	}
}

func third[A, B any](_ A, _ B, err error) error { return err }
