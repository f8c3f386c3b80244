package ntk

import (
	"math"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk/internal/gauss"
	"github.com/kernelsmith/kernelsmith/ntk/internal/gram"
)

// The fast step of two-slope layers must be the dual, also where it clips and, to the digits that
// a cosine has there, at both ends.
func TestSlopeStep(t *testing.T) {
	for _, phi := range []Dualer{ReLU{}, TwoSlope{1.3, -0.4}, Abs()} {
		testSlopeStep(t, phi)
	}
}

func testSlopeStep(t *testing.T, phi Dualer) {
	t.Helper()
	net := Must(Must(UniformFCN(1, phi, 1, 0)).recursion(2, true)).slopes(true)
	const q, q2 = 1.7, 0.3
	limit := gauss.GeometricMean(q, q2)
	a, b := math.Sqrt(q), math.Sqrt(q2)
	worst := 0.
	for i := -2001; i <= 2001; i++ {
		rho := math.Max(-1, math.Min(1, float64(i)/2000))
		at := gauss.New(q, limit*rho, q2, limit*(1-rho), limit*(1+rho))
		s, tangent := []float64{limit * float64(i) / 2000}, []float64{0.9}
		gram.SlopeStep(net.Layers[0], s, tangent, []float64{1}, a, 1/a, []float64{b},
			[]float64{1 / b})
		value, derivative := dualAt(phi, at)
		worst = math.Max(worst,
			math.Max(math.Abs(s[0]-value), math.Abs(tangent[0]-value-0.9*derivative)))
	}
	t.Logf("off by %.2g", worst)
	if worst > 1e-12 {
		t.Errorf("off by %.2g", worst)
	}
}

// A curve costs few values, is the kernel to its tolerance, and a spike
// narrower than rounding does not prevent it.
func TestCurve(t *testing.T) {
	for _, c := range []struct {
		depth  int
		phi    Activation
		tol    float64
		budget int
	}{
		{4, ReLU{}, 1e-9, 200}, {4, ReLU{}, 1e-14, 600}, {15, ReLU{}, 1e-9, 300},
		{4, Erf{}, 1e-9, 300}, {4, Erf{}, 1e-14, 700},
		{1, PublishedMimic(), 1e-9, 500}, {4, PublishedMimic(), 1e-9, 900},
		{4, Sin{1, 6, 0}, 1e-9, 900}, {15, Sin{1, 6, 0}, 1e-9, 1200},
	} {
		net := Must(UniformFCN(c.depth, c.phi, math.Sqrt2, 0.1))
		e := Must(net.evaluator())
		const q = 1.3
		table, err := gram.NewCurve(t.Context(), e, q, c.tol, c.budget)
		if err != nil || table == nil {
			t.Errorf("%v to %g: no curve from %d values (%v)", net, c.tol, c.budget, err)
			continue
		}
		var k, inverse, one, two []float64
		for i := range 3001 {
			k = append(k, q*math.Cos(math.Pi*float64(i)/3000))
			inverse = append(inverse, 1/math.Sqrt(q))
		}
		one, two = make([]float64, len(k)), make([]float64, len(k))
		gram.CurveRow(table, one, two, k, 1/math.Sqrt(q), inverse)
		a := Must(e.Prepare(q))
		var top, out [2]float64
		e.Pair(top[:], a, gauss.Of(q, q, q), a)
		worst := 0.
		for i := range k {
			// next to c = ±1 rounding of k is seen under a root, so not those
			if d := 1 - math.Abs(k[i])/q; i < 2 || i > 2998 || d < 1e-5 {
				continue
			}
			e.Pair(out[:], a, gauss.Of(q, k[i], q), a)
			worst = math.Max(worst,
				math.Max(math.Abs(one[i]-out[0])/top[0], math.Abs(two[i]-out[1])/top[1]))
		}
		t.Logf("%v to %g: off by %.2g", net, c.tol, worst)
		if worst > math.Max(5*c.tol, 2e-12) {
			t.Errorf("%v to %g: off by %.2g", net, c.tol, worst)
		}
	}
}
