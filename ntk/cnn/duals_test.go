package cnn

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
)

// A table over the correlation has an activation's duals, to 1e-12 of those at equal inputs in
// double precision and 1e-6 in single.
func TestCurve(t *testing.T) {
	for _, phi := range []ntk.Dualer{ntk.PublishedMimic(), ntk.GELU{}} {
		testCurve[float64](t, phi, 1e-12)
		testCurve[float32](t, phi, 1e-6)
	}
}

func testCurve[T float32 | float64](t *testing.T, phi ntk.Dualer, tolerance float64) {
	const q, n = 1.3, 200
	d := ntk.Must(curveOf[T](context.Background(), phi, q, q, 1e6, true))
	if d == nil {
		t.Fatalf("%v has no table", phi)
	}
	r := rand.New(rand.NewPCG(1, 2))
	x, y := make([]T, n), make([]T, n*lanes)
	k, slopes := make([]T, n*lanes), make([]T, n*lanes)
	for i := range k {
		x[i/lanes], y[i], slopes[i] = q, q, 1
		gap := math.Exp(-9 * r.Float64())
		if i%20 == 0 {
			gap = 0
		}
		k[i] = x[i/lanes] * T(1-gap) * T(1-2*(i/lanes%2))
	}
	before := append([]T(nil), k...)
	d.Apply(k, slopes, x, y)
	top, steepest := phi.Dual(float64(x[0]), float64(x[0]), float64(x[0]))
	for i, v := range before {
		value, slope := phi.Dual(float64(x[0]), float64(v), float64(x[0]))
		off := math.Abs(float64(k[i])-value) / top
		offSlope := math.Abs(float64(slopes[i])-slope) / steepest
		if !(off <= tolerance && offSlope <= tolerance) {
			t.Errorf("%v: at %v (%v, %v), want (%v, %v)", phi, v, k[i], slopes[i], value, slope)
			return
		}
	}
}

// Coefficients are enough, or said not to be: for smooth activations at the variances of usual
// nets, and not for one with a kink.
func TestCoefficients(t *testing.T) {
	for _, c := range []struct {
		phi    ntk.Activation
		q      float64
		enough bool
	}{
		{ntk.GELU{}, 1, true}, {ntk.GELU{}, 1e-12, true}, {ntk.Tanh{}, 1, true},
		{ntk.SiLU{}, 4, true}, {ntk.Sin{Amplitude: 1, Frequency: 1}, 2, true},
		{ntk.PublishedMimic(), 1, false}, {ntk.RectifiedMonomial{Degree: 2}, 1, false},
		{ntk.Step{}, 1, false}, {ntk.Tanh{}, 1000, false},
	} {
		table := coefficientsOf[float32](c.phi)
		n := needed(table, []float32{float32(c.q), 0}, 1)
		if (n > 0) != c.enough {
			t.Errorf("%v at variance %v: %d coefficients", c.phi, c.q, n)
		}
		if n == 0 {
			continue
		}
		b := fill(table, []float32{float32(c.q), 0}, n, 1)
		var value float64
		for _, v := range b[:n] {
			value += float64(v) * float64(v)
		}
		want, _ := c.phi.(ntk.Dualer).Dual(c.q, c.q, c.q)
		if math.Abs(value-want) > 1e-6*want {
			t.Errorf("%v at variance %v: %v, want %v", c.phi, c.q, value, want)
		}
	}
}
