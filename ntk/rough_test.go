package ntk_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/design"
	"github.com/kernelsmith/kernelsmith/ntk/hermite"
)

// roughGoal is how far from the references values may be, relative to the geometric
// mean of those of the two inputs with themselves.
const roughGoal = 1e-10

// The activations of testdata/rough50.json. A function, since some can fail to be
// made.
var roughActivations = map[string]func() (ntk.Activation, error){
	"relu":             roughOnly(ntk.ReLU{}),
	"two_slope":        roughOnly(ntk.TwoSlope{Positive: 1.3, Negative: -0.4}),
	"abs":              roughOnly(ntk.Abs()),
	"leaky_relu":       roughOnly(ntk.LeakyReLU(0.1)),
	"rectified1":       roughOnly(ntk.RectifiedMonomial{Degree: 1}),
	"rectified2":       roughOnly(ntk.RectifiedMonomial{Degree: 2}),
	"rectified3":       roughOnly(ntk.RectifiedMonomial{Degree: 3}),
	"rectified4":       roughOnly(ntk.RectifiedMonomial{Degree: 4}),
	"step":             roughOnly(ntk.Step{}),
	"sign":             roughOnly(ntk.Sign{}),
	"erf":              roughOnly(ntk.Erf{}),
	"sigmoid_erf":      roughOnly(ntk.SigmoidErf{}),
	"gelu":             roughOnly(ntk.GELU{}),
	"exp":              roughOnly(ntk.Exp{Amplitude: 0.8, Rate: 0.5}),
	"gaussian":         roughOnly(ntk.Gaussian{Amplitude: 1, Rate: 1}),
	"gaussian_wide":    roughOnly(ntk.Gaussian{Amplitude: 1.2, Rate: 0.3}),
	"gabor":            roughOnly(ntk.Gabor{}),
	"sin":              roughOnly(ntk.Sin{Amplitude: 0.5, Frequency: 6}),
	"sin_phase":        roughOnly(ntk.Sin{Amplitude: 0.7, Frequency: 2, Phase: 0.4}),
	"cos":              roughOnly(ntk.Cos{Amplitude: 1, Frequency: 1}),
	"cos_phase":        roughOnly(ntk.Cos{Amplitude: 0.9, Frequency: 0.3, Phase: 1.1}),
	"gaussian_feature": roughOnly(ntk.GaussianFeature(1.3)),
	"polynomial":       roughOnly(ntk.Polynomial{Coeffs: []float64{0.3, -1, 0.5, 0.1}}),
	"hermite":          func() (ntk.Activation, error) { return hermite.NewSeries(roughCoeffs) },
	"hermite_scaled": func() (ntk.Activation, error) {
		return ntk.Must(hermite.NewSeries(roughCoeffs)).WithScale(2)
	},
	"mimic":    roughOnly(ntk.PublishedMimic()),
	"tanh":     roughOnly(ntk.Tanh{}),
	"sigmoid":  roughOnly(ntk.Sigmoid{}),
	"softplus": roughOnly(ntk.Softplus{}),
	"silu":     roughOnly(ntk.SiLU{}),

	"gelu_and_erf": roughSum(roughOnly(ntk.GELU{}), roughOnly(ntk.Erf{})),
	"relu_gelu_cos": roughSum(roughOnly(ntk.ReLU{}), roughOnly(ntk.GELU{}),
		roughOnly(ntk.Cos{Amplitude: 1, Frequency: 1})),
	"gelu_even":     roughSum(roughOnly(ntk.GELU{}), roughAffine(ntk.GELU{}, 1, -1, 0, 0)),
	"step_and_gelu": roughSum(roughOnly(ntk.Step{}), roughOnly(ntk.GELU{})),
	"exp_and_erf":   roughSum(roughOnly(ntk.Exp{Amplitude: 0.8, Rate: 0.5}), roughOnly(ntk.Erf{})),
	"gaussian_and_relu": roughSum(
		roughOnly(ntk.Gaussian{Amplitude: 1, Rate: 1}), roughOnly(ntk.ReLU{})),
	"cubic_and_erf": roughSum(
		roughOnly(ntk.Polynomial{Coeffs: []float64{0.3, -1, 0.5, 0.1}}), roughOnly(ntk.Erf{})),
	"gabor_and_gelu": roughSum(roughOnly(ntk.Gabor{}), roughOnly(ntk.GELU{})),

	"gelu_affine":        roughAffine(ntk.GELU{}, 2, 1.5, -0.5, 0.1),
	"gelu_steep":         roughAffine(ntk.GELU{}, 1, 1000, 0.25, 0),
	"gelu_flat":          roughAffine(ntk.GELU{}, 1000, 0x1p-10, -0.5, 0),
	"gelu_large":         roughAffine(ntk.GELU{}, 1e6, 1, 0, 0),
	"erf_shifted":        roughAffine(ntk.Erf{}, 1, 1, 0.7, 0),
	"erf_steep":          roughAffine(ntk.Erf{}, 3, -512, 2, 1),
	"relu_shifted":       roughAffine(ntk.ReLU{}, 1, 1, -1, 0),
	"relu_reflected":     roughAffine(ntk.ReLU{}, 1, -1, 0.5, -0.2),
	"rectified2_shifted": roughAffine(ntk.RectifiedMonomial{Degree: 2}, 1, 1, 0.5, 0),
	"leaky_relu_shifted": roughAffine(ntk.LeakyReLU(0.1), 1, 3, 2, 0),

	"design_hinges": roughFormula(design.Formula{Slope: 0.1, Offset: 0.9, Terms: []design.Term{
		{Kind: "relu", Amplitude: 2, Shift: 0.5},
		{Kind: "reflected relu", Amplitude: -0.7, Shift: -0.25},
		{Kind: "cos", Amplitude: 0.3, Frequency: 4, Phase: 1},
	}}),
	"design_smooth": roughFormula(design.Formula{Slope: -0.2, Terms: []design.Term{
		{Kind: "gelu", Amplitude: 1.5, Shift: 0.5, Scale: 2},
		{Kind: "erf", Amplitude: -0.7, Shift: -1, Scale: 0.5},
	}}),
	"design_all": roughFormula(design.Formula{Slope: 0.5, Offset: -0.1, Terms: []design.Term{
		{Kind: "relu", Amplitude: 0.8, Shift: 0.75},
		{Kind: "cos", Amplitude: 0.4, Frequency: 2, Phase: 0.5},
		{Kind: "gaussian", Amplitude: 0.6, Shift: -0.5, Scale: 0.5},
		{Kind: "erf", Amplitude: 0.3, Shift: 0.25, Scale: 2},
		{Kind: "gelu", Amplitude: 0.7, Shift: -0.5, Scale: 1},
	}}),
	"custom_kink": func() (ntk.Activation, error) {
		return ntk.Custom(
			func(z float64) float64 { return math.Abs(z-0.3) + 0.5*math.Erf(z) },
			func(z float64) float64 {
				return math.Copysign(1, z-0.3) + 0.5*ntk.Erf{}.Derivative(z)
			},
			ntk.CustomSettings{Kinks: []float64{0.3}, MaxVariance: 1e4, Tolerance: 1e-12})
	},
}

var roughCoeffs = []float64{0.2, 0.5, -0.3, 0.4, 0.1}

func roughOnly(phi ntk.Activation) func() (ntk.Activation, error) {
	return func() (ntk.Activation, error) { return phi, nil }
}

func roughAffine(phi ntk.Activation, a, s, t, b float64) func() (ntk.Activation, error) {
	return func() (ntk.Activation, error) { return ntk.Affine(phi, a, s, t, b) }
}

func roughFormula(f design.Formula) func() (ntk.Activation, error) {
	return func() (ntk.Activation, error) { return f.Activation() }
}

func roughSum(parts ...func() (ntk.Activation, error)) func() (ntk.Activation, error) {
	return func() (ntk.Activation, error) {
		var phis []ntk.Activation
		for _, part := range parts {
			phi, err := part()
			if err != nil {
				return nil, err
			}
			phis = append(phis, phi)
		}
		return ntk.Add(phis...)
	}
}

// roughFailure is an error in place of a value.
type roughFailure struct {
	err            error
	q, q2          float64
	scale, largest float64 // of the kernel, and of those of the layers, at equal inputs
	jumps          bool    // of the activation
}

// acceptedErrors are the errors that may stand in place of a value, with why it is
// truly lost.
var acceptedErrors = []struct {
	why string
	is  func(f roughFailure) bool
}{
	{
		"a kernel of an input with itself is over 1e150, of which double precision has no square",
		func(f roughFailure) bool {
			var v *ntk.VarianceError
			return errors.As(f.err, &v) && v.Max == math.MaxFloat64 && f.largest > 1e150
		},
	},
	{
		"a kernel of an input with itself is below 1e-290",
		func(f roughFailure) bool {
			var v *ntk.VarianceError
			return errors.As(f.err, &v) && f.scale < 1e-280
		},
	},
	{
		"a numeric activation is not built for so large a variance",
		func(f roughFailure) bool {
			var v *ntk.VarianceError
			return errors.As(f.err, &v) && v.Max < math.MaxFloat64
		},
	},
	{
		"norms differ so little, or φ is so nearly a multiple of |z| there, that a chaotic net " +
			"grows the rounding of the variances",
		func(f roughFailure) bool { return f.q != f.q2 && lostDigits(f.err) },
	},
	{
		"φ jumps, so that the angle of a layer is the root of the rounding of the one before",
		func(f roughFailure) bool { return f.jumps && lostDigits(f.err) },
	},
}

func lostDigits(err error) bool {
	var d *ntk.DomainError
	return errors.As(err, &d) && strings.Contains(d.Reason, "no digits")
}

type roughReferences struct {
	Duals []roughDual
	Nets  []roughNet
}

type roughDual struct {
	Activation             string
	Q, K, Q2               float64
	Value, Scale, Largest  string
	Derivative, SlopeScale *string
}

type roughNet struct {
	Activation         string
	WeightStd, BiasStd float64
	Q, Q2              float64
	K                  []float64
	Depth              int
	Scale, NTKScale    string
	Largest            string
	NNGP, NTK          []string
}

var readRough = sync.OnceValues(func() (r roughReferences, err error) {
	b, err := os.ReadFile("testdata/rough50.json")
	if err == nil {
		err = json.Unmarshal(b, &r)
	}
	if err == nil && (len(r.Duals) < 1000 || len(r.Nets) < 300) {
		err = fmt.Errorf("%d duals, %d nets", len(r.Duals), len(r.Nets))
	}
	return r, err
})

// roughReport collects what was measured of each activation: errors over what they may be.
type roughReport map[string]*roughMeasured

type roughMeasured struct {
	values  int
	worst   float64
	misses  []roughMiss
	missing map[string]int // accepted errors, by why
}

type roughMiss struct {
	ratio float64
	text  string
}

func (r roughReport) of(activation string) *roughMeasured {
	m := r[activation]
	if m == nil {
		m = &roughMeasured{missing: map[string]int{}}
		r[activation] = m
	}
	return m
}

// check compares a value with its reference, which are within the goal of each other
// times scale, or both nothing as numbers go.
func (r roughReport) check(activation, what string, got float64, want, scale string) {
	const nothing = 1e-290
	m, w, s := r.of(activation), roughNumber(want), roughNumber(scale)
	ratio := math.Abs(got-w) / (roughGoal*s + nothing)
	if got == w {
		ratio = 0
	}
	m.values++
	if !(ratio <= 1) {
		if math.IsNaN(ratio) {
			ratio = math.Inf(1)
		}
		m.misses = append(m.misses, roughMiss{ratio, fmt.Sprintf(
			"%s is %.17g, want %s, off by %.2g of %.3g", what, got, want, roughGoal*ratio, s)})
	}
	m.worst = max(m.worst, ratio)
}

// fails counts an error in place of a value.
func (r roughReport) fails(activation, what string, f roughFailure) {
	m := r.of(activation)
	for _, a := range acceptedErrors {
		if a.is(f) {
			m.missing[a.why]++
			return
		}
	}
	m.misses = append(m.misses, roughMiss{math.Inf(1), fmt.Sprintf("%s: %v", what, f.err)})
	m.worst = math.Inf(1)
}

// print reports at most five misses of each activation, the worst ones.
func (r roughReport) print(t *testing.T) {
	t.Helper()
	for _, key := range slices.Sorted(maps.Keys(r)) {
		m := r[key]
		t.Logf("%-20s %4d values, worst %.2g of the goal, %d misses, errors: %v", key, m.values,
			m.worst, len(m.misses), m.missing)
		slices.SortStableFunc(m.misses, func(a, b roughMiss) int {
			switch {
			case a.ratio > b.ratio:
				return -1
			case a.ratio < b.ratio:
				return 1
			}
			return 0
		})
		for _, x := range m.misses[:min(5, len(m.misses))] {
			t.Errorf("%s: %s", key, x.text)
		}
		for why, n := range m.missing {
			if n > m.values {
				t.Errorf("%s: %d errors and %d values: %s", key, n, m.values, why)
			}
		}
	}
}

func roughNumber(s string) float64 {
	v, _ := strconv.ParseFloat(s, 64) // ±Inf and 0 where it is out of range
	return v
}

// withRough calls f with what of the references has each activation, which may be an
// error.
func withRough(t *testing.T, f func(key string, phi ntk.Activation, err error, r roughReferences)) {
	t.Helper()
	all, err := readRough()
	if err != nil {
		t.Fatal(err)
	}
	byKey := map[string]roughReferences{}
	for _, d := range all.Duals {
		r := byKey[d.Activation]
		r.Duals = append(r.Duals, d)
		byKey[d.Activation] = r
	}
	for _, n := range all.Nets {
		r := byKey[n.Activation]
		r.Nets = append(r.Nets, n)
		byKey[n.Activation] = r
	}
	if len(byKey) != len(roughActivations) {
		t.Errorf("%d activations have references, %d are tested", len(byKey), len(roughActivations))
	}
	for _, key := range slices.Sorted(maps.Keys(byKey)) {
		make, ok := roughActivations[key]
		if !ok {
			t.Fatalf("no activation for %q", key)
		}
		phi, err := make()
		f(key, phi, err, byKey[key])
	}
}

// Duals at variances from 1e-12 to 1e12, equal, nearly equal and unequal, and at
// correlations up to the last double below 1; on their own and as kernels of a net.
func TestRoughDuals(t *testing.T) {
	out := roughReport{}
	withRough(t, func(key string, phi ntk.Activation, err error, r roughReferences) {
		if err != nil {
			out.fails(key, "making it", roughFailure{err: err})
			return
		}
		net := ntk.Must(ntk.UniformFCN(1, phi, 1, 0))
		for i, d := range r.Duals {
			if key == "custom_kink" && i%8 > 0 {
				continue // by quadrature, a second each
			}
			largest := roughNumber(d.Largest)
			at := fmt.Sprintf(" at (%.17g, %.17g, %.17g)", d.Q, d.K, d.Q2)
			value, derivative := phi.(ntk.Dualer).Dual(d.Q, d.K, d.Q2)
			if roughNumber(d.Scale) < 1e150 {
				out.check(key, "E[φφ]"+at, value, d.Value, d.Scale)
				if d.Derivative != nil {
					out.check(key, "E[φ'φ']"+at, derivative, *d.Derivative, *d.SlopeScale)
				}
			}
			v, err := ntk.Must(net.NNGP()).At(d.Q, d.K, d.Q2)
			if err != nil {
				out.fails(key, "NNGP kernel"+at, roughFailure{
					err: err, q: d.Q, q2: d.Q2, scale: roughNumber(d.Scale), largest: largest,
				})
				continue
			}
			out.check(key, "NNGP kernel"+at, v, d.Value, d.Scale)
		}
	})
	out.print(t)
}

// Nets of up to 50 layers, ordered and chaotic, on inputs of norms from 1e-3 to 1e4
// and at cosines up to 1 - 1e-12.
func TestRoughNets(t *testing.T) {
	out := roughReport{}
	withRough(t, func(key string, phi ntk.Activation, err error, r roughReferences) {
		if err != nil {
			out.fails(key, "making it", roughFailure{err: err})
			return
		}
		for _, n := range r.Nets {
			net := ntk.Must(ntk.UniformFCN(n.Depth, phi, n.WeightStd, n.BiasStd))
			kernels := []struct {
				which, scale string
				want         []string
			}{{"NNGP", n.Scale, n.NNGP}, {"NTK", n.NTKScale, n.NTK}}
			for _, of := range kernels {
				if of.want == nil {
					continue
				}
				K := kernelOf(net, of.which)
				for i, k := range n.K {
					what := fmt.Sprintf("%s of %dHL (%g, %g) at (%.17g, %.17g, %.17g)",
						of.which, n.Depth, n.WeightStd, n.BiasStd, n.Q, k, n.Q2)
					v, err := K.At(n.Q, k, n.Q2)
					if err != nil {
						out.fails(key, what, roughFailure{err, n.Q, n.Q2, roughNumber(of.scale),
							roughNumber(n.Largest), len(ntk.JumpsOf(phi)) > 0})
						continue
					}
					out.check(key, what, v, of.want[i], of.scale)
				}
			}
		}
	})
	out.print(t)
}

// Kernels on one sphere are power series in the cosine without negative terms, and so
// they do not fall towards c = 1.
func TestRoughCurvesRise(t *testing.T) {
	var cosines []float64
	for digits := 1; digits <= 15; digits++ {
		cosines = append(cosines, 1-math.Pow(10, -float64(digits)))
	}
	cosines = append(cosines, 1)
	withRough(t, func(key string, phi ntk.Activation, err error, _ roughReferences) {
		if err != nil {
			t.Errorf("%s: %v", key, err)
			return
		}
		slack := 1e-13
		switch key {
		case "tanh", "sigmoid", "softplus", "silu":
			slack = 1e-11
		case "custom_kink":
			slack = 1e-9
		}
		for _, at := range []struct {
			depth int
			q     float64
		}{{1, 100}, {5, 1e-6}, {5, 100}, {50, 1}} {
			if slack > 1e-13 && at.depth > 5 {
				continue
			}
			net := ntk.Must(ntk.UniformFCN(at.depth, phi, 1.5, 0.3))
			nngp, err := net.NNGP()
			if err != nil {
				t.Errorf("%s: %v", key, err)
				continue
			}
			kernels := []ntk.Kernel{nngp}
			if len(ntk.JumpsOf(phi)) == 0 {
				kernels = append(kernels, ntk.Must(net.NTK()))
			}
			for _, K := range kernels {
				rises(t, key, K, at.q, cosines, slack)
			}
		}
	})
}

// rises reports the largest fall of a curve; nets that leave double precision have
// none.
func rises(t *testing.T, key string, K ntk.Kernel, q float64, cosines []float64, slack float64) {
	t.Helper()
	v, err := K.CurveAt(q, cosines)
	var grown *ntk.VarianceError
	if errors.As(err, &grown) && grown.Max == math.MaxFloat64 {
		return
	}
	if key == "step_and_gelu" && lostDigits(err) {
		return
	}
	if err != nil {
		t.Errorf("%s: %v at q = %g: %v", key, K, q, err)
		return
	}
	top := v[len(v)-1]
	worst, where := 0.0, 0
	for i := 1; i < len(v); i++ {
		if fall := (v[i-1] - v[i]) / top; !(fall <= worst) {
			worst, where = fall, i
		}
	}
	if !(worst <= slack) {
		t.Errorf("%s: %v at q = %g falls by %.2g of K(1) from c = 1 - %.2g to 1 - %.2g", key, K, q,
			worst, 1-cosines[where-1], 1-cosines[where])
	}
}
