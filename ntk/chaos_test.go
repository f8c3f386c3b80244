package ntk_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
)

// Critical points against 25-digit quadrature of (q-σ_b²) E[φ'²] = E[φ²].
func TestCriticalWeightStd(t *testing.T) {
	for _, c := range []struct {
		phi  ntk.Activation
		b    float64
		w, q float64
	}{
		{ntk.ReLU{}, 0, math.Sqrt2, 1},
		{ntk.Erf{}, 0, math.Sqrt(math.Pi) / 2, 0},
		{ntk.Tanh{}, 0, 1, 0},
		{ntk.Gabor{}, 0, 1, 0},
		{ntk.Tanh{}, 0.05, 1.122539004769576, 0.15369193582121668},
		{ntk.Tanh{}, 0.5, 1.549673912508167, 1.3179389989721497},
		{ntk.Sigmoid{}, 0, 10.14926371001953, 45.62427779737971},
		{ntk.GELU{}, 0.5, 1.399868216405820, 6.434102486686253},
		// e^{-2z²}: φ̌ = (1+4q)^{-1/2}, φ̇ = 4q (1+4q)^{-3/2}; 4q² = 1+4q
		{ntk.Gaussian{Amplitude: 1, Rate: 1}, 0,
			math.Sqrt((1 + math.Sqrt2) / 2 * math.Sqrt(3+2*math.Sqrt2)), (1 + math.Sqrt2) / 2},
	} {
		w, err := ntk.CriticalWeightStd(c.phi, c.b)
		if err != nil || math.Abs(w-c.w) > 1e-10*c.w {
			t.Errorf("%v, σ_b = %v: critical σ_w %.16g, want %.16g (%v)", c.phi, c.b, w, c.w, err)
			continue
		}
		m, err := ntk.MeanFieldOf(c.phi, w, c.b)
		if err != nil || m.Phase != "edge of chaos" || math.Abs(m.Variance-c.q) > 1e-8*c.q ||
			!math.IsInf(m.CorrelationDepth, 1) {
			t.Errorf("%v, σ_b = %v, on the edge: %+v, want q = %v (%v)", c.phi, c.b, m, c.q, err)
		}
	}
	// no edge: χ_1 at the fixed points that are reached stays away from 1 up to where
	// they end
	for _, phi := range []ntk.Activation{ntk.GELU{}, ntk.SiLU{}, ntk.Softplus{}} {
		for _, b := range []float64{0, 0.05, 0.5} {
			if _, gelu := phi.(ntk.GELU); gelu && b == 0.5 {
				continue
			}
			w, err := ntk.CriticalWeightStd(phi, b)
			if err == nil || !strings.Contains(err.Error(), "no edge of chaos") {
				t.Errorf("%v, σ_b = %v: critical σ_w %v, %v", phi, b, w, err)
			}
			lost := false
			for w := 0.1; w < 2.5; w += 0.1 {
				m, err := ntk.MeanFieldOf(phi, w, b)
				var grows *ntk.NoFixedPointError
				switch {
				case errors.As(err, &grows):
					lost = true
				case err != nil:
					t.Error(err)
				case lost || m.Phase != "ordered":
					t.Errorf("%v, σ_w = %v, σ_b = %v: %+v", phi, w, b, m)
				}
			}
			if !lost {
				t.Errorf("%v, σ_b = %v has fixed points at all σ_w", phi, b)
			}
		}
	}
	if _, err := ntk.CriticalWeightStd(ntk.ReLU{}, 0.1); err == nil { // χ_1 = σ_w²/2 → 1 as q → ∞
		t.Error("ReLU with a bias has no critical fixed point")
	}
	if _, err := ntk.CriticalWeightStd(ntk.Must(ntk.Affine(ntk.Tanh{}, 40, 1, 0, 0)),
		0); err == nil ||
		!strings.Contains(err.Error(), "chaotic") {
		t.Errorf("critical σ_w is 1/40: %v", err)
	}
	var infinite *ntk.InfiniteNTKError
	if _, err := ntk.CriticalWeightStd(ntk.Sign{}, 0); !errors.As(err, &infinite) {
		t.Errorf("sign: %v", err)
	}
}

func TestFixedPoints(t *testing.T) {
	// on the edge and near it: tanh² is z² - ⅔z⁴ + 17/45 z⁶, so with χ = σ_w²
	// χ(1 - 2q + 17/3 q²) = 1 at q*
	for _, w := range []float64{1, 1 + 1e-5, 1.001} {
		m := ntk.Must(ntk.MeanFieldOf(ntk.Tanh{}, w, 0))
		e := (1 - 1/(w*w)) / 2
		q := e + 17./6*e*e
		onEdge := w < 1.0001
		if math.Abs(m.Variance-q) > 50*e*e*e+1e-10*e || onEdge != (m.Phase == "edge of chaos") {
			t.Errorf("tanh, σ_w = %v: %+v, want q = %v", w, m, q)
		}
	}
	if m := ntk.Must(
		ntk.MeanFieldOf(ntk.Tanh{}, 0.9, 0)); m.Variance != 0 || m.Phase != "ordered" ||
		math.Abs(m.Slope-0.81) > 1e-12 {
		t.Errorf("%+v", m)
	}
	// ReLU's χ_1 at q* = 0 is σ_w²/2, not φ'(0)² from one side
	if m := ntk.Must(ntk.MeanFieldOf(ntk.ReLU{}, 1, 0)); m.Variance != 0 ||
		math.Abs(m.Slope-0.5) > 1e-15 {
		t.Errorf("%+v", m)
	}
	// near the fold: V is q ↦ 0.9999q + 0.01
	w := math.Sqrt(2 * 0.9999)
	if m := ntk.Must(ntk.MeanFieldOf(ntk.ReLU{}, w, 0.1)); math.Abs(m.Variance-100) > 1e-8 {
		t.Errorf("%+v", m)
	}
	// a fixed point at 1e-14 that next to nothing leads to
	if m := ntk.Must(ntk.MeanFieldOf(ntk.ReLU{}, 1, 1e-7)); math.Abs(m.Variance-2e-14) > 1e-25 {
		t.Errorf("%+v", m)
	}
	// odd φ, no bias, chaotic: inputs become orthogonal
	if m := ntk.Must(
		ntk.MeanFieldOf(ntk.Erf{}, 2, 0)); m.Phase != "chaotic" || m.Correlation != 0 ||
		!(m.CorrelationSlope < 1) {
		t.Errorf("%+v", m)
	}
	for _, c := range []struct {
		phi  ntk.Activation
		w, b float64
		max  float64
	}{{ntk.Softplus{}, 1.6, 0, 2500}, {ntk.SiLU{}, 2, 0.1, 2500},
		{ntk.ReLU{}, math.Sqrt2, 0.1, math.MaxFloat64},
		{ntk.Exp{Amplitude: 1, Rate: 1}, 1, 0, math.MaxFloat64}} {
		_, err := ntk.MeanFieldOf(c.phi, c.w, c.b)
		var grows *ntk.NoFixedPointError
		if !errors.As(err, &grows) || math.Abs(grows.Max/c.max-1) > 1e-9 || grows.Layer < 2 ||
			!(grows.Variance > 1) {
			t.Errorf("%v: %v", c.phi, err)
		} else if ranged := strings.Contains(
			err.Error(), "within the range",
		); ranged != (c.max < math.MaxFloat64) {
			t.Errorf("%v", err)
		}
	}
}
