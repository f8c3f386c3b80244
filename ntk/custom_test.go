package ntk_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/hermite"
)

// A function of the user's against the closed form of the same function, over the
// sphere and off it, derivative and kinks given or found.
func TestCustomAgainstClosedForms(t *testing.T) {
	m := ntk.PublishedMimic()
	for name, c := range map[string]struct {
		f, df   func(float64) float64
		s       []ntk.CustomSettings
		closed  ntk.Activation
		allowed float64 // of K(1): the tolerance, a few times over where layers add up
	}{
		"ReLU": {ntk.ReLU{}.Value, ntk.ReLU{}.Derivative,
			[]ntk.CustomSettings{{Kinks: []float64{0}}}, ntk.ReLU{}, 1e-9},
		"ReLU, nothing given": {ntk.ReLU{}.Value, nil, nil, ntk.ReLU{}, 1e-9},
		"GELU":                {ntk.GELU{}.Value, nil, nil, ntk.GELU{}, 1e-9},
		"mimic": {m.Value, m.Derivative,
			[]ntk.CustomSettings{{Kinks: []float64{m.B}}}, m, 1e-9},
		"mimic, nothing": {m.Value, nil, nil, m, 1e-9},
		"sine": {ntk.Sin{Amplitude: 0.5, Frequency: 6}.Value, nil, nil,
			ntk.Sin{Amplitude: 0.5, Frequency: 6}, 1e-9},
	} {
		phi, err := ntk.Custom(c.f, c.df, c.s...)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, depth := range []int{1, 3} {
			a, b := ntkOf(depth, phi, 1, 0.1), ntkOf(depth, c.closed, 1, 0.1)
			top := at(b, 1)
			for _, x := range []float64{-1, -1 + 1e-12, -0.99, -0.3, 0, 0.5, 0.999, 1 - 1e-9,
				1 - 1e-15, 1} {
				if got, want := at(a, x), at(b, x); math.Abs(got-want) > c.allowed*top {
					t.Errorf("%s, depth %d: K(%v) = %.15g, want %.15g", name, depth, x, got, want)
				}
			}
		}
		a, b := ntkOf(1, phi, 1, 0), ntkOf(1, c.closed, 1, 0)
		for _, p := range [][3]float64{{0.14, 0.2, 2.5}, {16.5, 2, 0.3}, {2, 1.999, 2}, {2, 2, 2},
			{1, 1.4142, 2}} {
			got, want := ntk.Must(a.At(p[0], p[1], p[2])), ntk.Must(b.At(p[0], p[1], p[2]))
			scale := math.Sqrt(ntk.Must(b.At(p[0], p[0], p[0])) * ntk.Must(b.At(p[2], p[2], p[2])))
			if math.Abs(got-want) > c.allowed*scale {
				t.Errorf("%s at %v: %.15g, want %.15g", name, p, got, want)
			}
		}
	}
	// A step, found as such: an NNGP kernel and no NTK.
	step := ntk.Must(ntk.Custom(func(z float64) float64 {
		if z > 0.3 {
			return 1
		}
		return 0
	}, nil))
	if j := ntk.JumpsOf(step); len(j) != 1 || math.Abs(j[0]-0.3) > 1e-12 {
		t.Errorf("jumps found: %v", j)
	}
	net := ntk.Must(ntk.UniformFCN(1, step, 1, 0))
	want, _ := ntk.Must(ntk.Affine(ntk.Step{}, 1, 1, -0.3, 0)).(ntk.Dualer).Dual(1, 0.4, 1)
	if got := at(ntk.Must(net.NNGP()), 0.4); math.Abs(got-want) > 1e-10 {
		t.Errorf("NNGP of a step: %v, want %v", got, want)
	}
	var infinite *ntk.InfiniteNTKError
	if _, err := net.NTK(); !errors.As(err, &infinite) {
		t.Errorf("NTK of a step: %v", err)
	}
}

func TestCustomErrors(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var tolerance *hermite.ToleranceError
	noise := second(ntk.Custom(func(z float64) float64 { return z + 1e-3*r.Float64() }, nil))
	if !errors.As(noise, &tolerance) || tolerance.Partial == nil ||
		!(tolerance.Estimate > tolerance.Tolerance) {
		t.Errorf("noise: %v", noise)
	}
	for says, err := range map[string]error{
		"no function": second(ntk.Custom(nil, nil)),
		"one at most": second(ntk.Custom(math.Sin, math.Cos, ntk.CustomSettings{},
			ntk.CustomSettings{})),
		"MaxVariance": second(ntk.Custom(math.Sin, math.Cos,
			ntk.CustomSettings{MaxVariance: -1})),
		"NaN":           second(ntk.Custom(math.Log, nil)),
		"out of luck":   second(ntk.Custom(func(float64) float64 { panic("out of luck") }, nil)),
		"has the slope": second(ntk.Custom(math.Sin, math.Sin)),
		"my exponential": second(ntk.Custom(func(z float64) float64 { return math.Exp(z * z) }, nil,
			ntk.CustomSettings{Name: "my exponential"})),
	} {
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("error %v, must say %q", err, says)
		}
	}
	// variances beyond what it was built for
	var variance *ntk.VarianceError
	K := ntkOf(2, ntk.Must(ntk.Custom(math.Sin, math.Cos, ntk.CustomSettings{MaxVariance: 2})), 1,
		0)
	if _, err := K.At(3, 1, 1); !errors.As(err, &variance) || variance.Layer != 1 ||
		variance.Max > 2.1 {
		t.Errorf("variance 3 of at most 2: %v", err)
	}
	if _, err := K.At(1.9, 1, 1); err != nil {
		t.Error(err)
	}
}

func FuzzCustom(f *testing.F) {
	f.Add(1.0, 2.0, 0.3, 0.0, 1.0, 0.5)
	f.Add(-3.0, 40.0, 1.0, 7.0, 0.0, -1.0)
	f.Fuzz(func(t *testing.T, a, b, c, d, q, rho float64) {
		phi, err := ntk.Custom(
			func(z float64) float64 { return a*math.Sin(b*z) + c*math.Abs(z-d) + math.Exp(c*z) },
			nil)
		if err != nil {
			return // said so
		}
		if v := phi.Value(0.5); math.IsNaN(v) {
			t.Errorf("φ(0.5) is NaN without an error")
		}
		if !(math.Abs(q) <= 100 && math.Abs(rho) <= 1) {
			return
		}
		K := ntkOf(1, phi, 1, 0)
		if v, err := K.At(math.Abs(q), rho*math.Abs(q), math.Abs(q)); err == nil && math.IsNaN(v) {
			t.Errorf("NaN without an error")
		}
	})
}

// Sums that closed forms would lose: a bump far from 0, whose factors underflow, and
// terms that cancel. The truth is quadrature of the same function.
func TestSumsBeyondClosedForms(t *testing.T) {
	far := ntk.Must(ntk.Affine(ntk.Gaussian{Amplitude: 1, Rate: 1}, 1, 100, -50, 0))
	steep := ntk.Must(ntk.Affine(ntk.Erf{}, 1, 100, -50, 0))
	// Values of its own that cancel to ten digits less are an error, not a wrong number.
	if _, err := ntk.Add(
		ntk.Must(ntk.Affine(ntk.ReLU{}, 1e5, 1, 1e-5, 0)),
		ntk.Must(ntk.Affine(ntk.ReLU{}, -1e5, 1, 0, 0)),
	); err == nil {
		t.Error("a sum that cancels passes")
	}
	ramp := ntk.Must(
		ntk.Add(ntk.Must(ntk.Affine(ntk.ReLU{}, 1e3, 1, 1e-3, 0)),
			ntk.Must(ntk.Affine(ntk.ReLU{}, -1e3, 1, 0, 0))),
	)
	for _, c := range []struct {
		phi  ntk.Activation
		at   float64
		want float64
	}{
		{far, 1, 44.13}, {far, 0, 3.89e-5}, {steep, 1, 57.175}, {steep, 0.5, 0.7302},
	} {
		if got := at(ntkOf(1, c.phi, 1, 0), c.at); math.Abs(got-c.want) > 2e-3*c.want {
			t.Errorf("%v: NTK(%v) = %v, want %v", c.phi, c.at, got, c.want)
		}
	}
	// nearly the step: E[φφ] = ½ and a third of the ramp's 1e-3 times the density at 0
	if v, _ := ramp.(ntk.Dualer).Dual(1, 1, 1); math.Abs(v-0.5-1e-3/3*0.3989) > 1e-6 {
		t.Errorf("a steep ramp: %v, want ½", v)
	}
	jumpy := ntk.Must(ntk.UniformFCN(2, ntk.Must(ntk.Add(ntk.ReLU{}, ntk.Step{})), 1, 0.1))
	if _, err := ntk.Must(jumpy.NNGP()).Curve([]float64{0.999}); err != nil {
		t.Errorf("a sum with a jump, two layers: %v", err)
	}
}
