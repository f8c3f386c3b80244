package ntk_test

import (
	"encoding/json"
	"math"
	"os"
	"strconv"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/hermite"
)

// The activations of testdata/duals50.json, and how far from the references their
// values may be: relative to K(1), and for small values near antipodes relative to
// the value itself (0 where a cancellation is the activation's own).
var referenced = map[string]struct {
	phi       ntk.Activation
	tolerance float64
	relative  bool
}{
	"relu":        {ntk.ReLU{}, 1e-12, true},
	"leaky_relu":  {ntk.LeakyReLU(0.1), 1e-12, false},
	"two_slope":   {ntk.TwoSlope{Positive: 1.3, Negative: -0.4}, 1e-12, false},
	"abs":         {ntk.Abs(), 1e-12, false},
	"rectified2":  {ntk.RectifiedMonomial{Degree: 2}, 1e-12, true},
	"rectified3":  {ntk.RectifiedMonomial{Degree: 3}, 1e-12, true},
	"step":        {ntk.Step{}, 1e-12, true},
	"sign":        {ntk.Sign{}, 1e-12, false},
	"erf":         {ntk.Erf{}, 1e-12, false},
	"gelu":        {ntk.GELU{}, 1e-12, false},
	"sin6":        {ntk.Sin{Amplitude: 0.5, Frequency: 6}, 1e-12, false},
	"sin_phase":   {ntk.Sin{Amplitude: 0.7, Frequency: 2, Phase: 0.4}, 1e-12, false},
	"cos":         {ntk.Cos{Amplitude: 1, Frequency: 1}, 1e-12, false},
	"sin_rbf":     {ntk.GaussianFeature(1.3), 1e-12, false},
	"exp":         {ntk.Exp{Amplitude: 1, Rate: 0.5}, 1e-12, true},
	"gaussian":    {ntk.Gaussian{Amplitude: 1, Rate: 1}, 1e-12, false},
	"gabor":       {ntk.Gabor{}, 1e-12, false},
	"monomial2":   {ntk.Polynomial{Coeffs: []float64{0, 0, 1}}, 1e-12, false},
	"monomial3":   {ntk.Polynomial{Coeffs: []float64{0, 0, 0, 1}}, 1e-12, false},
	"polynomial":  {ntk.Polynomial{Coeffs: []float64{0.3, -1, 0.5, 0.1}}, 1e-12, false},
	"hermite3":    {ntk.Must(hermite.NewSeries([]float64{0, 0, 0, 1})), 1e-12, false},
	"erf_shifted": {ntk.Must(ntk.Affine(ntk.Erf{}, 1, 1, 0.7, 0)), 1e-12, false},
	"gelu_affine": {ntk.Must(ntk.Affine(ntk.GELU{}, 2, 1.5, -0.5, 0.1)), 1e-12, false},
	"rectified2_shifted": {
		ntk.Must(ntk.Affine(ntk.RectifiedMonomial{Degree: 2}, 1, 1, 0.5, 0)),
		1e-12,
		false,
	},
	"sum": {ntk.Must(ntk.Add(
		ntk.Must(ntk.Affine(ntk.ReLU{}, 1, 1, -0.3, 0)),
		ntk.Must(ntk.Affine(ntk.Erf{}, 0.5, 0.8, 0.2, 0)),
		ntk.Cos{
			Amplitude: -0.2,
			Frequency: 3,
			Phase:     1,
		},
		ntk.Must(ntk.Affine(zGauss{}, 0.1, 1, 0, 0)),
	)), 1e-9, false},
	"tanh":     {ntk.Tanh{}, 1e-11, false}, // numeric: tolerance 1e-12, over three layers
	"sigmoid":  {ntk.Sigmoid{}, 1e-11, false},
	"softplus": {ntk.Softplus{}, 1e-11, false},
	"silu":     {ntk.SiLU{}, 1e-11, false},
}

// zGauss is z e^{-z²}, of no kind that the package has: the sum with it is numeric.
type zGauss struct{}

func (zGauss) Value(z float64) float64      { return z * math.Exp(-z*z) }
func (zGauss) Derivative(z float64) float64 { return (1 - 2*z*z) * math.Exp(-z*z) }

type references struct {
	Curves []struct {
		Activation         string
		Depth              int
		WeightStd, BiasStd float64
		Cosines            []float64
		NNGP, NTK          []string
	}
	Pairs []struct {
		Activation        string
		Q, K, Q2          float64
		Value, Derivative *string
	}
}

func readReferences(t *testing.T) (r references) {
	t.Helper()
	b, err := os.ReadFile("testdata/duals50.json")
	if err == nil {
		err = json.Unmarshal(b, &r)
	}
	if err != nil || len(r.Curves) < 90 || len(r.Pairs) < 300 {
		t.Fatal(err, len(r.Curves), len(r.Pairs))
	}
	return r
}

// Closed forms against references of 50 digits, depth to 15, at and next to both
// ends.
func TestCurvesAgainstReferences(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range readReferences(t).Curves {
		a, ok := referenced[c.Activation]
		if !ok {
			t.Fatalf("no activation for %q", c.Activation)
		}
		seen[c.Activation] = true
		net := ntk.Must(ntk.UniformFCN(c.Depth, a.phi, c.WeightStd, c.BiasStd))
		for which, want := range map[string][]string{"NNGP": c.NNGP, "NTK": c.NTK} {
			if want == nil {
				continue
			}
			got, err := kernelOf(net, which).Curve(c.Cosines)
			if err != nil {
				t.Errorf("%s of %v: %v", which, net, err)
				continue
			}
			top, _ := strconv.ParseFloat(want[len(want)-1], 64)
			for i, s := range want {
				w, _ := strconv.ParseFloat(s, 64)
				if !(math.Abs(got[i]-w) <= a.tolerance*math.Abs(top)) {
					t.Errorf(
						"%s of %v (%g, %g) at c = %.17g: %.17g, want %.17g, off by %.2g of K(1)",
						which, net, c.WeightStd, c.BiasStd, c.Cosines[i], got[i], w,
						math.Abs(got[i]-w)/math.Abs(top))
				}
				if a.relative && c.Depth == 1 && c.BiasStd == 0 &&
					!(math.Abs(got[i]-w) <= 1e-12*math.Abs(w)) {
					t.Errorf(
						"%s of %v (%g, %g) at c = %.17g: %.17g, want %.17g, off by %.2g of itself",
						which, net, c.WeightStd, c.BiasStd, c.Cosines[i], got[i], w,
						math.Abs(got[i]/w-1))
				}
			}
		}
	}
	if len(seen) != len(referenced) {
		t.Errorf("%d activations have references, %d are tested", len(seen), len(referenced))
	}
}

// Duals at unequal variances, the zero vector, antipodes and nearly proportional
// pre-activations. Where q, k, q2 are near a degenerate pair the rounding of √(q q2)
// is what there is to know: E[φ'φ'] of a kink goes like its root.
func TestPairsAgainstReferences(t *testing.T) {
	for _, p := range readReferences(t).Pairs {
		a := referenced[p.Activation]
		d := a.phi.(ntk.Dualer)
		value, derivative := d.Dual(p.Q, p.K, p.Q2)
		top, topSlope := d.Dual(p.Q, p.Q, p.Q)
		top2, topSlope2 := d.Dual(p.Q2, p.Q2, p.Q2)
		edge := math.Abs(p.K) > (1-1e-9)*math.Sqrt(p.Q*p.Q2) && p.Q != p.Q2
		check := func(what string, got float64, want *string, scale float64) {
			if want == nil {
				return
			}
			w, _ := strconv.ParseFloat(*want, 64)
			tolerance := a.tolerance
			if edge {
				tolerance = math.Max(tolerance, 1e-7)
			}
			// 1e-16 is for values near 1 where variances are 1e-6
			if !(math.Abs(got-w) <= tolerance*scale+1e-16) {
				t.Errorf("%s: %s at (%g, %g, %g) is %.17g, want %.17g, off by %.2g", p.Activation,
					what, p.Q, p.K, p.Q2, got, w, math.Abs(got-w)/scale)
			}
			if a.relative && !edge && p.Q > 0 && !(math.Abs(got-w) <= 1e-12*math.Abs(w)) {
				t.Errorf("%s: %s at (%g, %g, %g) is %.17g, want %.17g, off by %.2g of itself",
					p.Activation, what, p.Q, p.K, p.Q2, got, w, math.Abs(got/w-1))
			}
		}
		check("E[φφ]", value, p.Value, math.Sqrt(top*top2))
		check("E[φ'φ']", derivative, p.Derivative, math.Sqrt(topSlope*topSlope2))
	}
}

// Where neural-tangents 0.6.5 returns NaN or another function's kernel, as recorded:
// rectified z² at |c| = 1 and in deep nets, Hermite activations away from unit
// variance. Ours agree with the exact values.
func TestWhereThePublicLibraryFails(t *testing.T) {
	var record struct {
		Cases []struct {
			Activation          string
			Depth               int
			WeightStd, BiasStd  float64
			Cosines             []float64
			NNGP, NTK           []*float64 // nil is NaN
			ExactNNGP, ExactNTK []string
		}
	}
	b, err := os.ReadFile("testdata/public_library.json")
	if err == nil {
		err = json.Unmarshal(b, &record)
	}
	if err != nil || len(record.Cases) == 0 {
		t.Fatal(err)
	}
	nan, wrong := 0, 0
	for _, c := range record.Cases {
		net := ntk.Must(
			ntk.UniformFCN(c.Depth, referenced[c.Activation].phi, c.WeightStd, c.BiasStd))
		for _, of := range []struct {
			which  string
			theirs []*float64
			exact  []string
		}{{"NNGP", c.NNGP, c.ExactNNGP}, {"NTK", c.NTK, c.ExactNTK}} {
			got := ntk.Must(kernelOf(net, of.which).Curve(c.Cosines))
			top, _ := strconv.ParseFloat(of.exact[len(of.exact)-1], 64)
			for i, s := range of.exact {
				w, _ := strconv.ParseFloat(s, 64)
				if !(math.Abs(got[i]-w) <= 1e-12*top) {
					t.Errorf("%s of %v at c = %v: %v, want %v", of.which, net, c.Cosines[i], got[i],
						w)
				}
				if v := of.theirs[i]; v == nil {
					nan++
				} else if math.Abs(*v-w) > 1e-2*top {
					wrong++
				}
			}
		}
	}
	if nan < 20 || wrong < 5 {
		t.Errorf("the record has %d NaN and %d wrong values", nan, wrong)
	}
}
