// Package kerneltest is the battery of properties that every activation and every
// kernel must have, for tests of one's own: symmetry, positive semidefiniteness,
// derivatives against finite differences, duals against quadrature and against the
// Hermite series, and the way from a kernel to an activation and back. A test calls
// [Activation] or [Kernel] with its *testing.T and Settings{}.
package kerneltest

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/internal/quadrature"
	"github.com/kernelsmith/kernelsmith/ntk/inverse"
	"gonum.org/v1/gonum/mat"
)

// Settings says how exact the activation or kernel claims to be and where it may be
// tried. The zero value is for closed forms.
type Settings struct {
	// Tolerance is relative to the size of the values; 0 means 1e-9, the accuracy of
	// the quadrature that duals are compared with.
	Tolerance float64
	// MaxVariance bounds the variances tried; 0 means 4.
	MaxVariance float64
}

func (s Settings) tolerance() float64 {
	if s.Tolerance == 0 {
		return 1e-9
	}
	return s.Tolerance
}

func (s Settings) maxVariance() float64 {
	if s.MaxVariance == 0 {
		return 4
	}
	return s.MaxVariance
}

// Activation runs the battery on φ: NaN in, NaN out; φ' against finite differences
// away from kinks; the single-precision form; the Hermite coefficients; and, where φ
// has duals, their symmetry, the Cauchy-Schwarz inequality, Price's theorem
// dE[φφ]/dk = E[φ'φ'], the Hermite series, a two-dimensional quadrature, and the
// kernels of its nets by [Kernel].
func Activation(t testing.TB, phi ntk.Activation, s Settings) {
	t.Helper()
	jumps := len(ntk.JumpsOf(phi)) > 0
	kinks := append(ntk.KinksOf(phi), ntk.JumpsOf(phi)...)
	if !math.IsNaN(phi.Value(math.NaN())) || !math.IsNaN(phi.Derivative(math.NaN())) {
		t.Errorf("NaN in, NaN out: φ(NaN) = %v, φ'(NaN) = %v", phi.Value(math.NaN()),
			phi.Derivative(math.NaN()))
	}
	const h = 1e-5
	for z := -3.03; z < 3; z += 0.1 {
		if slices.ContainsFunc(kinks, func(b float64) bool { return math.Abs(z-b) < 2*h }) {
			continue
		}
		want := (phi.Value(z+h) - phi.Value(z-h)) / (2 * h)
		size := 1 + math.Abs(phi.Value(z)) + math.Abs(want)
		if got := phi.Derivative(
			z); !(math.Abs(got-want) < 1e-6*size) { // h²φ”'/6 and rounding over h
			t.Errorf("φ'(%.2f) = %v, by differences %v", z, got, want)
		}
	}
	evalFloat32(t, phi)
	d, ok := phi.(ntk.Dualer)
	if !ok {
		return
	}
	duals(t, phi, d, kinks, jumps, s)
	for _, depth := range []int{1, 2} {
		net, err := ntk.UniformFCN(depth, phi, 0.9, 0.1)
		if err != nil {
			t.Fatal(err)
		}
		kernels := []func() (ntk.Kernel, error){net.NNGP, net.NTK}
		if jumps {
			kernels = kernels[:1]
		}
		for _, of := range kernels {
			K, err := of()
			if err != nil {
				t.Fatal(err)
			}
			Kernel(t, K, s)
		}
	}
}

func evalFloat32(t testing.TB, phi ntk.Activation) {
	t.Helper()
	e, ok := phi.(ntk.Float32Evaluator)
	if !ok {
		return
	}
	z := make([]float32, 1200)
	for i := range z {
		z[i] = float32(i)*0.01 - 6.003
	}
	value, derivative := make([]float32, len(z)), make([]float32, len(z))
	e.EvalFloat32(value, derivative, z)
	for i, x := range z {
		v, d := phi.Value(float64(x)), phi.Derivative(float64(x))
		if math.Abs(float64(value[i])-v) > 1e-5*(1+math.Abs(v)) ||
			math.Abs(float64(derivative[i])-d) > 5e-5*(1+math.Abs(d)) {
			t.Errorf("in float32 φ(%v) = %v, φ' = %v; want %v, %v", x, value[i], derivative[i], v,
				d)
			return
		}
	}
}

func duals(
	t testing.TB, phi ntk.Activation, d ntk.Dualer, kinks []float64, jumps bool, s Settings,
) {
	t.Helper()
	top, tol := s.maxVariance(), s.tolerance()
	for _, q := range []float64{0.14, 1, top} {
		for _, q2 := range []float64{q, 0.5, 0.9 * top} {
			a, aSlope := d.Dual(q, q, q)
			b, bSlope := d.Dual(q2, q2, q2)
			bound, slopeBound := math.Sqrt(a*b), math.Sqrt(aSlope*bSlope)
			for _, rho := range []float64{-1, -0.97, -0.5, 0, 0.3, 0.97, 1} {
				k := rho * math.Sqrt(q) * math.Sqrt(q2)
				if q == q2 {
					k = rho * q
				}
				value, slope := d.Dual(q, k, q2)
				other, otherSlope := d.Dual(q2, k, q)
				if !(math.Abs(value-other) <= tol*bound) {
					t.Errorf("E[φφ] at (%v, %v, %v) is %v, turned round %v", q, k, q2, value, other)
				}
				if !(math.Abs(value) <= bound*(1+tol)+1e-300) {
					t.Errorf("E[φφ] at (%v, %v, %v) is %v, over the bound of Cauchy and Schwarz %v",
						q, k, q2, value, bound)
				}
				limit := math.Max(tol, 1e-9)
				ray := math.Abs(rho) == 1 && q != q2
				if ray && jumps {
					limit = 1e-7 // k is √(q q2) to rounding, which a jump sees under a root
				}
				if want := expect(
					phi.Value, kinks, q, k, q2,
				); !(math.Abs(value-want) <= limit*bound) {
					t.Errorf("E[φφ] at (%v, %v, %v) is %.15g, by quadrature %.15g", q, k, q2, value,
						want)
				}
				if jumps {
					continue
				}
				if !(math.Abs(slope-otherSlope) <= tol*slopeBound) ||
					!(math.Abs(slope) <= slopeBound*(1+tol)+1e-300) {
					t.Errorf("E[φ'φ'] at (%v, %v, %v) is %v, turned round %v; the bound is %v", q,
						k, q2, slope, otherSlope, slopeBound)
				}
				if ray { // and here a kink
					limit = 1e-7
				}
				if want := expect(
					phi.Derivative, kinks, q, k, q2,
				); !(math.Abs(slope-want) <= limit*slopeBound) {
					t.Errorf("E[φ'φ'] at (%v, %v, %v) is %.15g, by quadrature %.15g", q, k, q2,
						slope, want)
				}
				if math.Abs(rho) < 0.9 {
					price(t, d, q, k, q2, bound, slopeBound, tol)
				}
			}
			hermiteSeries(t, phi, d, q, q2, 2*tol*bound)
		}
	}
}

// hermiteSeries compares the dual at variances q, q2 with the sum of the products of the Hermite
// coefficients there, times powers of the correlation.
func hermiteSeries(t testing.TB, phi ntk.Activation, d ntk.Dualer, q, q2, tol float64) {
	t.Helper()
	const n = 500
	x, err := ntk.HermiteCoeffs(phi, math.Sqrt(q), n)
	if err != nil {
		t.Fatal(err)
	}
	y, err := ntk.HermiteCoeffs(phi, math.Sqrt(q2), n)
	if err != nil {
		t.Fatal(err)
	}
	for _, rho := range []float64{-0.9, 0, 0.6} {
		var sum float64
		for k := n - 1; k >= 0; k-- {
			sum = sum*rho + x[k]*y[k]
		}
		value, _ := d.Dual(q, rho*math.Sqrt(q)*math.Sqrt(q2), q2)
		if !(math.Abs(sum-value) <= tol) {
			t.Errorf("at variances %v, %v and ρ = %v the Hermite series is %.15g, E[φφ] %.15g", q,
				q2, rho, sum, value)
		}
	}
}

// Kernel runs the battery on K: the curve against pairs, symmetry to the bit and
// positive semidefiniteness of Gram matrices with duplicates, antipodes and a zero
// row; the power series, where there is one, against the curve within its bound,
// with the net that [inverse.NTK] designs of it.
func Kernel(t testing.TB, K ntk.Kernel, s Settings) {
	t.Helper()
	tol := s.tolerance()
	cosines := []float64{-1, -0.999, -0.8, -0.3, 0, 0.1, 0.5, 0.9, 0.999, 1}
	curve, err := K.Curve(cosines)
	if err != nil {
		t.Fatalf("%v: %v", K, err)
	}
	size := math.Abs(curve[len(curve)-1])
	for i, c := range cosines {
		at, err := K.At(1, c, 1)
		if err != nil || !(math.Abs(at-curve[i]) <= math.Max(tol, 1e-7)*size) {
			t.Errorf("%v: K(1, %v, 1) = %v (%v), on the curve %v", K, c, at, err, curve[i])
		}
		if !(math.Abs(curve[i]) <= size*(1+tol)) {
			t.Errorf("%v: |K(%v)| = %v is over K(1) = %v", K, c, curve[i], size)
		}
	}
	const n, d = 16, 3
	r := rand.New(rand.NewPCG(5, 17))
	x := mat.NewDense(n, d, nil)
	for i := range n {
		norm := math.Sqrt(s.maxVariance()/4) * r.Float64()
		for j := range d {
			x.Set(i, j, norm*r.NormFloat64())
		}
	}
	x.SetRow(1, x.RawRowView(0))
	for j := range d {
		x.Set(2, j, -x.At(0, j))
		x.Set(3, j, 0)
	}
	gram, err := K.Gram(x)
	if err != nil {
		t.Fatalf("%v: %v", K, err)
	}
	var eigen mat.EigenSym
	if !eigen.Factorize(gram, false) {
		t.Fatalf("%v: no eigenvalues", K)
	}
	values := eigen.Values(nil)
	if !(values[0] >= -math.Max(tol, 1e-12)*float64(n)*values[n-1]) {
		t.Errorf("%v: a Gram matrix has the eigenvalue %g, the largest is %g", K, values[0],
			values[n-1])
	}
	series(t, K, cosines, curve, tol*size)
}

func series(t testing.TB, K ntk.Kernel, cosines, curve []float64, tol float64) {
	t.Helper()
	p, err := K.Series(40)
	if err != nil {
		return // known by its values alone
	}
	for i, c := range cosines {
		if !(math.Abs(p.At(c)-curve[i]) <= p.Rest()+tol) {
			t.Errorf("%v: at c = %v the series is off by %g, its bound is %g", K, c,
				p.At(c)-curve[i], p.Rest())
		}
	}
	phi, err := inverse.NTK(p, nil)
	if err != nil {
		t.Errorf("%v: %v", K, err)
		return
	}
	net, err := ntk.UniformFCN(1, phi, 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	back, err := net.NTK()
	if err != nil {
		t.Fatal(err)
	}
	again, err := back.Curve(cosines)
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range cosines {
		if !(math.Abs(again[i]-p.At(c)) <= 1e-12*math.Abs(p.At(1))) {
			t.Errorf("%v: at c = %v the designed net has %v, the series %v", K, c, again[i],
				p.At(c))
		}
	}
}

// price tests dE[φφ]/dk = E[φ'φ'] at a pair, by a difference; the bounds are those of the two
// by Cauchy and Schwarz.
func price(t testing.TB, d ntk.Dualer, q, k, q2, bound, slopeBound, tol float64) {
	t.Helper()
	h := 1e-4 * math.Sqrt(q*q2)
	_, slope := d.Dual(q, k, q2)
	up, _ := d.Dual(q, k+h, q2)
	down, _ := d.Dual(q, k-h, q2)
	got := (up - down) / (2 * h)
	third := bound / (q*q2 - k*k) // a scale for the third derivative
	if !(math.Abs(got-slope) <= 1e-5*(slopeBound+third)+2*tol*bound/h) {
		t.Errorf("dE[φφ]/dk at (%v, %v, %v) is %v, E[φ'φ'] %v", q, k, q2, got, slope)
	}
}

// expect is E[f(u)f(v)] by nested Gauss-Legendre quadrature over nine standard
// deviations, in panels that end at the kinks and, near |ρ| = 1, narrow around them.
func expect(f func(float64) float64, kinks []float64, q, k, q2 float64) float64 {
	s := math.Sqrt(q)
	rest := math.Sqrt(math.Max(0, q2-k*k/q))
	if rest < 1e-7*math.Sqrt(q2) {
		rest = 0
	}
	var outer []float64
	for _, b := range kinks {
		outer = append(outer, b/s)
		if k != 0 {
			at, width := b*q/k/s, rest*s/math.Abs(k)
			outer = append(outer, at)
			for w := width; w < 0.5 && w > 0; w *= 3 {
				outer = append(outer, at-w, at+w)
			}
		}
	}
	inner := make([]float64, len(kinks))
	return panels(func(z float64) float64 {
		u := s * z
		mean := k / q * u
		if rest == 0 {
			return f(u) * f(mean)
		}
		for i, b := range kinks {
			inner[i] = (b - mean) / rest
		}
		return f(u) * panels(func(y float64) float64 { return f(mean + rest*y) }, inner)
	}, outer)
}

func panels(f func(float64) float64, at []float64) float64 {
	edges := make([]float64, 0, 48)
	for x := -9.0; x <= 9; x++ {
		edges = append(edges, x)
	}
	for _, x := range at {
		if math.Abs(x) < 9 {
			edges = append(edges, x)
		}
	}
	slices.Sort(edges)
	var sum float64
	nodes, weights := quadrature.Legendre(16)
	for i, hi := range edges[1:] {
		middle, half := (hi+edges[i])/2, (hi-edges[i])/2
		for j, x := range nodes {
			z := middle + half*x
			sum += half * weights[j] * f(z) * math.Exp(-z*z/2) / math.Sqrt(2*math.Pi)
		}
	}
	return sum
}
