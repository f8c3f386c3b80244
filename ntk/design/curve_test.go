package design_test

import (
	"math"
	"strings"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk/inverse"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/design"
	"github.com/kernelsmith/kernelsmith/ntk/fcn"
	"gonum.org/v1/gonum/mat"
)

// Mean and standard deviation of the empirical NTK over 400 nets of width 256, seeds 1
// to 400, each within 4 standard errors of the exact ones. That of a standard
// deviation s is √((m₄ - s⁴)/n)/(2s), with the sample's fourth moment m₄.
func TestBandAgainstNets(t *testing.T) {
	const nets, width = 400, 256
	cosines := []float64{1, 0.9, 0.5, 0, -0.5, -1}
	target := ntk.Must(ntk.Must(ntk.UniformFCN(4, ntk.ReLU{}, math.Sqrt2, 0.1)).NTK())
	fitted := ntk.Must(
		design.Fit(t.Context(), design.Paper(), design.Problem{Target: target},
			&design.Settings{Starts: 100, Polish: 4}),
	).Design
	for name, d := range map[string]*design.Design{
		"published": {Formula: design.FromMimic(ntk.PublishedMimic())},
		"fitted":    fitted,
	} {
		curve := ntk.Must(d.Curve(target, cosines, width))
		x := mat.NewDense(len(cosines), 2, nil)
		for i, c := range cosines {
			x.SetRow(i, []float64{math.Sqrt2 * c, math.Sqrt2 * math.Sqrt(1-c*c)})
		}
		first := mat.NewDense(1, 2, []float64{math.Sqrt2, 0})
		arch := ntk.Must(d.Net(1))
		values := make([][]float64, len(cosines))
		for seed := range nets {
			net := ntk.Must(
				fcn.New(arch,
					fcn.Config{Inputs: 2, Width: width, Outputs: 1, Seed: uint64(seed) + 1}),
			)
			theta := ntk.Must(net.EmpiricalNTK(first, x, 0))
			for i := range cosines {
				values[i] = append(values[i], theta.At(0, i))
			}
		}
		for i, c := range cosines {
			var mean, square, fourth float64
			for _, v := range values[i] {
				mean += v / nets
			}
			for _, v := range values[i] {
				square += (v - mean) * (v - mean) / (nets - 1)
				fourth += math.Pow(v-mean, 4) / nets
			}
			std, exact := math.Sqrt(square), curve.Std[0][i]
			if off := (mean - curve.Kernel[i]) / (exact / math.Sqrt(nets)); !(math.Abs(off) <= 4) {
				t.Errorf("%s at c = %v: mean %v, the kernel is %v: %.1f standard errors", name, c,
					mean, curve.Kernel[i], off)
			}
			stdError := math.Sqrt((fourth-square*square)/nets) / (2 * std)
			if off := (std - exact) / stdError; !(math.Abs(off) <= 4) {
				t.Errorf("%s at c = %v: standard deviation %v, exactly %v: %.1f standard errors",
					name, c, std, exact, off)
			}
		}
	}
}

func TestCurve(t *testing.T) {
	d := &design.Design{Formula: bent}
	series := ntk.Must(ntk.NewPowerSeries([]float64{0.2, 0.5}))
	c := ntk.Must(d.Curve(series, []float64{1, 0}, 100, 400))
	K := ntk.Must(ntk.Must(d.NTK()).Curve([]float64{1, 0}))
	for j, want := range []float64{0.7, 0.2} {
		if c.Target[j] != want || c.Kernel[j] != K[j] || c.Difference[j] != K[j]-want {
			t.Errorf("%+v", c)
		}
		if ratio := c.Std[0][j] / c.Std[1][j]; math.Abs(ratio-2) > 1e-12 {
			t.Errorf("widths 100 and 400: standard deviations %v", c.Std)
		}
	}
	low, high, err := c.Band(1, 2)
	if err != nil || math.Abs(high[0]-low[0]-4*c.Std[1][0]) > 1e-12 {
		t.Errorf("band from %v to %v, %v", low, high, err)
	}
	samples := inverse.Samples{Cosines: []float64{0.5, -1}, Values: []float64{0.4, 0.1}}
	if c := ntk.Must(d.Curve(samples, nil)); len(c.Kernel) != 2 || c.Target[1] != 0.1 ||
		c.Std != nil {
		t.Errorf("at samples: %+v", c)
	}
	if c := ntk.Must(d.Curve(series, nil)); len(c.Cosines) != 101 || c.Cosines[100] != -1 {
		t.Errorf("%d cosines", len(c.Cosines))
	}
	_, _, band := c.Band(2, 1)
	errs := map[string]error{"width 2 of": band}
	_, errs["must be at least 1"] = d.Curve(series, nil, 0)
	_, errs["other cosines"] = d.Curve(samples, []float64{0})
	_, errs["no target"] = d.Curve(nil, nil)
	_, errs["outside"] = d.Curve(series, []float64{2})
	_, errs["1 values"] = d.Curve(
		inverse.Samples{Cosines: []float64{1, 0}, Values: []float64{1}}, nil)
	for says, err := range errs {
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("error %v, must say %q", err, says)
		}
	}
}
