package hermite_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk/hermite"
	"gonum.org/v1/gonum/integrate/quad"
)

func ExamplePolynomials() {
	h := make([]float64, 4)
	hermite.Polynomials(h, 2) // 1, z, (z²-1)/√2, (z³-3z)/√6
	fmt.Printf("%.4f\n", h)
	// Output: [1.0000 2.0000 2.1213 0.8165]
}

func ExampleSeries() {
	phi, err := hermite.NewSeries([]float64{0, 1, 0, -0.5})
	if err != nil {
		panic(err)
	}
	value, derivative := phi.Dual(1, 0.5, 1) // Σ b_k² c^k and Σ k b_k² c^(k-1)
	fmt.Printf("φ(1) = %.4f, φ'(1) = %.4f, duals %.5f, %.5f\n", phi.Value(1), phi.Derivative(1),
		value, derivative)
	// Output: φ(1) = 1.4082, φ'(1) = 1.0000, duals 0.53125, 1.18750
}

func ExampleNewSeries() {
	phi, err := hermite.NewSeries([]float64{0, 1, 0.5}) // h_1 + ½h_2
	fmt.Printf("%.4f %v\n", phi.Value(2), err)
	_, err = hermite.NewSeries([]float64{1, math.NaN()})
	fmt.Println(err)
	// Output:
	// 3.0607 <nil>
	// hermite: coefficient b_1 is NaN; all must be finite
}

// Orthonormal on pre-activations of standard deviation 2.
func ExampleSeries_WithScale() {
	quadratic, err := hermite.NewSeries([]float64{0, 0, 1}) // (z²-1)/√2
	if err != nil {
		panic(err)
	}
	phi, err := quadratic.WithScale(2) // ((z/2)²-1)/√2
	if err != nil {
		panic(err)
	}
	value, _ := phi.Dual(4, 2, 4) // (2/4)²
	fmt.Printf("%v: φ(4) = %.4f, dual %.4f, scale %v\n", phi, phi.Value(4), value, phi.Scale())
	// Output: Hermite series of degree 2 in z/2: φ(4) = 2.1213, dual 0.2500, scale 2
}

func ExampleSeries_Scale() {
	phi, _ := hermite.NewSeries([]float64{0, 1})
	fmt.Println(phi.Scale())
	// Output: 1
}

func ExampleSeries_Coeffs() {
	phi, _ := hermite.NewSeries([]float64{1, 2})
	fmt.Println(phi.Coeffs())
	// Output: [1 2]
}

func ExampleSeries_Scaled() {
	phi, _ := hermite.NewSeries([]float64{0, 0, 1}) // (z²-1)/√2
	fmt.Printf("%.4f\n", phi.Scaled(2).Coeffs())    // (4z²-1)/√2 = 3/√2 + 4 h_2
	// Output: [2.1213 0.0000 4.0000]
}

// Work that concerns one pre-activation alone is done once for many pairs.
func ExampleSeries_DualPrepared() {
	phi, _ := hermite.NewSeries([]float64{0, 1, 0.5})
	a, b := phi.Prepare(1), phi.Prepare(2)
	value, derivative := phi.DualPrepared(a, 1, 0.5, 2, b)
	v, d := phi.Dual(1, 0.5, 2)
	fmt.Println(value == v, derivative == d)
	// Output: true true
}

// gaussian integrates f against N(0, 1) by an independent route: 60-point
// Gauss-Hermite quadrature, exact for polynomials up to degree 119.
func gaussian(f func(z float64) float64) float64 {
	return quad.Fixed(func(x float64) float64 { return f(math.Sqrt2 * x) }, math.Inf(-1),
		math.Inf(1), 60, quad.Hermite{}, 0) / math.Sqrt(
		math.Pi,
	)
}

func TestOrthonormal(t *testing.T) {
	const n = 25
	for j := range n {
		for k := range n {
			got := gaussian(func(z float64) float64 {
				var h [n]float64
				hermite.Polynomials(h[:], z)
				return h[j] * h[k]
			})
			want := 0.0
			if j == k {
				want = 1
			}
			if math.Abs(got-want) > 1e-10 { // the quadrature's rounding
				t.Errorf("E[h_%d h_%d] = %v", j, k, got)
			}
		}
	}
}

// The duals at any variances against the double integral, the second
// pre-activation written as v = (k/σ) z + √(q2 - k²/q) y.
func TestDualAnyVariance(t *testing.T) {
	phi, err := hermite.NewSeries([]float64{0.3, -1, 0.5, 0.25, 0, -0.125, 0.4})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range [][3]float64{{1, 0.3, 1}, {1, 1, 1}, {1, -1, 1}, {0.14, 0.2, 2.5},
		{4, -1.5, 0.6}, {2, 1.2, 2}} {
		q, k, q2 := c[0], c[1], c[2]
		pair := func(f func(float64) float64) float64 {
			return gaussian(func(z float64) float64 {
				u := math.Sqrt(q) * z
				return gaussian(func(y float64) float64 {
					v := k/math.Sqrt(q)*z + math.Sqrt(math.Max(0, q2-k*k/q))*y
					return f(u) * f(v)
				})
			})
		}
		value, derivative := phi.Dual(q, k, q2)
		if want := pair(phi.Value); math.Abs(value-want) > 1e-9*math.Max(1, math.Abs(want)) {
			t.Errorf("E[φφ] at %v = %v, want %v", c, value, want)
		}
		if want := pair(phi.Derivative); math.Abs(
			derivative-want,
		) > 1e-9*math.Max(1, math.Abs(want)) {
			t.Errorf("E[φ'φ'] at %v = %v, want %v", c, derivative, want)
		}
	}
	// A zero input: the pre-activation is the constant 0.
	value, _ := phi.Dual(0, 0, 1)
	if want := phi.Value(0) * phi.Coeffs()[0]; math.Abs(value-want) > 1e-15 {
		t.Errorf("zero input: %v, want φ(0) b_0 = %v", value, want)
	}
}

func TestScaledIsTheFunction(t *testing.T) {
	phi, _ := hermite.NewSeries([]float64{1, 2, -1, 0.5, 0.25})
	for _, sigma := range []float64{0, 0.3, 1, 2.7} {
		scaled := phi.Scaled(sigma)
		for _, z := range []float64{-2, 0, 0.7, 3} {
			if got, want := scaled.Value(z), phi.Value(
				sigma*z,
			); math.Abs(got-want) > 1e-12*(1+math.Abs(want)) {
				t.Errorf("σ = %v: value at %v is %v, want %v", sigma, z, got, want)
			}
		}
	}
}

// A scale is a change of variable: everything against the series in z with the
// same function.
func TestScaledSeries(t *testing.T) {
	unit, err := hermite.NewSeries([]float64{1, 2, -1, 0.5, 0.25})
	if err != nil {
		t.Fatal(err)
	}
	phi, err := unit.WithScale(1.7)
	if err != nil {
		t.Fatal(err)
	}
	same := phi.Scaled(1)
	for _, z := range []float64{-2, 0, 0.7, 3} {
		if got, want := same.Value(z), phi.Value(z); math.Abs(got-want) > 1e-13*(1+math.Abs(want)) {
			t.Errorf("value at %v: %v, %v", z, got, want)
		}
		if got, want := same.Derivative(z), phi.Derivative(
			z,
		); math.Abs(got-want) > 1e-13*(1+math.Abs(want)) {
			t.Errorf("derivative at %v: %v, %v", z, got, want)
		}
		if got, want := phi.Scaled(0.6).
			Value(z),
			phi.Value(0.6*z); math.Abs(
			got-want,
		) > 1e-13*(1+math.Abs(want)) {
			t.Errorf("φ(0.6 z) at %v: %v, %v", z, got, want)
		}
	}
	for _, c := range [][3]float64{{1, 0.3, 1}, {1.7 * 1.7, -2, 1.7 * 1.7}, {0.14, 0.2, 2.5},
		{0, 0, 1}} {
		v, d := phi.Dual(c[0], c[1], c[2])
		v2, d2 := same.Dual(c[0], c[1], c[2])
		if math.Abs(v-v2) > 1e-12*(1+math.Abs(v)) || math.Abs(d-d2) > 1e-12*(1+math.Abs(d)) {
			t.Errorf("duals at %v: %v %v, %v %v", c, v, d, v2, d2)
		}
	}
	for _, scale := range []float64{0, -1, math.NaN(), math.Inf(1), 1e200} {
		if _, err := unit.WithScale(scale); err == nil {
			t.Errorf("scale %v accepted", scale)
		}
	}
}

func TestSeriesDerivative(t *testing.T) {
	phi, _ := hermite.NewSeries([]float64{1, 2, -1, 0.5, 0.25})
	const h = 1e-5
	for _, z := range []float64{-2, 0, 0.7, 3} {
		want := (phi.Value(z+h) - phi.Value(z-h)) / (2 * h)
		if got := phi.Derivative(z); math.Abs(got-want) > 1e-8 { // h² times the third derivative
			t.Errorf("φ'(%v) = %v, want %v", z, got, want)
		}
	}
}

func TestSeriesBounds(t *testing.T) {
	var zero hermite.Series
	if v, d := zero.Dual(1, 0.5, 1); zero.Value(2) != 0 || zero.Derivative(2) != 0 || v != 0 ||
		d != 0 {
		t.Error("the zero value must be the zero function")
	}
	if _, err := hermite.NewSeries([]float64{0, math.Inf(-1)}); err == nil ||
		!strings.Contains(err.Error(), "b_1") {
		t.Errorf("infinite coefficient: %v", err)
	}
	b := []float64{1, 2}
	s, _ := hermite.NewSeries(b)
	b[0] = 9
	s.Coeffs()[1] = 9
	if got := s.Coeffs(); got[0] != 1 || got[1] != 2 {
		t.Errorf("the series shares memory with its caller: %v", got)
	}
}
