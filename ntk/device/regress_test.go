//go:build linux && amd64

package device_test

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/regress"
	"gonum.org/v1/gonum/mat"
)

// onSphere is random rows of norm √d.
func onSphere(r *rand.Rand, rows, d int) ntk.Inputs[float64] {
	x := mat.NewDense(rows, d, nil)
	for i := range rows {
		row := x.RawRowView(i)
		for j := range row {
			row[j] = r.NormFloat64()
		}
		by := math.Sqrt(float64(d)) / mat.Norm(x.RowView(i), 2)
		for j := range row {
			row[j] *= by
		}
	}
	return ntk.Inputs[float64]{Rows: x.RawMatrix().Data, N: rows, D: d}
}

// Predictions against those of package regress, whose kernels are followed pair by pair and whose
// factorisation is LAPACK's.
func TestRegress(t *testing.T) {
	d := onCPU(t)
	r := rand.New(rand.NewPCG(4, 4))
	const n, m, inputs, outputs = 150, 40, 8, 2
	x, z, y := onSphere(r, n, inputs), onSphere(r, m, inputs), mat.NewDense(n, outputs, nil)
	for i := range n {
		row := x.Rows[i*inputs:]
		y.SetRow(i, []float64{row[0] * row[1], math.Sin(3 * row[2])})
	}
	relu := ntk.Must(ntk.UniformFCN(3, ntk.ReLU{}, math.Sqrt2, 0.1))
	wave := ntk.Must(ntk.UniformFCN(1, ntk.Sin{Amplitude: 0.5, Frequency: 2}, 1, 0))
	for name, K := range map[string]ntk.Kernel{
		"NTK of 3HL ReLU": ntk.Must(relu.NTK()), "NNGP kernel of 3HL ReLU": ntk.Must(relu.NNGP()),
		"NTK of a sine": ntk.Must(wave.NTK()),
	} {
		const ridge = 1e-3
		got, err := d.Regress(t.Context(), K, x, y, z, ridge)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		fit := ntk.Must(regress.NewRidge(t.Context(), ntk.Must(ntk.GramTiles[float64](t.Context(),
			K, x)), y, &regress.RidgeSettings{Ridge: ridge}))
		want := ntk.Must(fit.Predict(t.Context(), ntk.Must(ntk.CrossTiles[float64](t.Context(), K,
			z, x))))
		var off mat.Dense
		off.Sub(got, want)
		if e := mat.Max(&off); !(e < 1e-6) || !(-mat.Min(&off) < 1e-6) || !(mat.Max(want) > 0.1) {
			t.Errorf("%s: off by %v", name, e)
		}
		t.Logf("%s: off by %.1e", name, math.Max(mat.Max(&off), -mat.Min(&off)))
	}
}

// What cannot be computed is an error that says why.
func TestRegressErrors(t *testing.T) {
	d := onCPU(t)
	r := rand.New(rand.NewPCG(5, 5))
	x, z, y := onSphere(r, 12, 4), onSphere(r, 3, 4), mat.NewDense(12, 1, nil)
	K := ntk.Must(ntk.Must(ntk.UniformFCN(1, ntk.ReLU{}, math.Sqrt2, 0.1)).NTK())
	rough := ntk.Must(ntk.Must(ntk.UniformFCN(1,
		ntk.Sin{Amplitude: 1, Frequency: 300}, 1, 0)).NTK())
	twice, long := x, x
	twice.Rows, long.Rows = slices.Clone(x.Rows), slices.Clone(x.Rows)
	copy(twice.Rows[5*4:6*4], x.Rows[2*4:])
	copy(twice.Rows[6*4:7*4], x.Rows[2*4:])
	for i := range long.Rows {
		long.Rows[i] *= 1.01
	}
	nan := mat.NewDense(12, 1, nil)
	nan.Set(7, 0, math.NaN())
	stopped, cancel := context.WithCancel(t.Context())
	cancel()
	for want, f := range map[string]func() (*mat.Dense, error){
		"do not go together": func() (*mat.Dense, error) {
			return d.Regress(t.Context(), K, z, y, x, 0.1)
		},
		"needs training rows": func() (*mat.Dense, error) {
			return d.Regress(t.Context(), K, x, nil, z, 0.1)
		},
		"the ridge is -1": func() (*mat.Dense, error) {
			return d.Regress(t.Context(), K, x, y, z, -1)
		},
		"row 0 of x has the norm 2.02": func() (*mat.Dense, error) {
			return d.Regress(t.Context(), K, long, y, z, 0.1)
		},
		"y is NaN in row 7": func() (*mat.Dense, error) {
			return d.Regress(t.Context(), K, x, nan, z, 0.1)
		},
		"too rough": func() (*mat.Dense, error) {
			return d.Regress(t.Context(), rough, x, y, z, 0.1)
		},
		"not positive definite": func() (*mat.Dense, error) {
			return d.Regress(t.Context(), K, twice, y, z, 0)
		},
		"context canceled": func() (*mat.Dense, error) {
			return d.Regress(stopped, K, x, y, z, 0.1)
		},
	} {
		if _, err := f(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: it does not say %q", err, want)
		}
	}
}
