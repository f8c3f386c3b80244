package ntk_test

import (
	"fmt"
	"math"
	"math/big"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
)

// sumAt is Σ a_k c^k without the rounding of its evaluation.
func sumAt(a []float64, c float64) float64 {
	sum, x := new(big.Float).SetPrec(300), big.NewFloat(c).SetPrec(300)
	for k := len(a) - 1; k >= 0; k-- {
		sum.Mul(sum, x).Add(sum, big.NewFloat(a[k]))
	}
	v, _ := sum.Float64()
	return v
}

// Rest is a bound, also where what is left is rounding.
func TestRestIsABound(t *testing.T) {
	narrow := ntk.Must(
		ntk.GaussianKernel(0.02)) // 1/ℓ² = 2500 times the rounding of the inner value
	inner := ntk.Must(ntk.Must(ntk.NewPowerSeries([]float64{0.999, 0.0005, 0.0005})).Kernel())
	for _, c := range []struct {
		K      ntk.Kernel
		degree int
		most   float64 // of Rest/K(1), so that it is not just large
	}{
		{ntk.Must(ntk.MaternKernel(20, 1)), 50, 2e-14},
		{ntk.Must(ntk.GaussianKernel(0.03)), 3000, 2e-14},
		{ntk.Must(ntk.PolynomialKernel(300, 0.5)), 300, 2e-14},
		{ntk.Must(ntk.PolynomialKernel(301, 0.37)), 301, 2e-14},
		{narrow.Compose(inner), 100, 1e-10},
		{ntk.Must(ntk.LaplaceKernel(0.5)), 1000, 0.1},
	} {
		p := ntk.Must(c.K.Series(c.degree))
		a, top := p.Coeffs(), at(c.K, 1)
		if !(p.Rest() <= c.most*top) {
			t.Errorf("%v: rest %g of %g", c.K, p.Rest(), top)
		}
		for _, x := range []float64{-1, -0.5, 0, 0.3, 0.9, 0.999, 1} {
			if e := math.Abs(sumAt(a, x) - at(c.K, x)); !(e <= p.Rest()) {
				t.Errorf("%v at %v: off by %g (%g of K(1)), rest %g", c.K, x, e, e/top, p.Rest())
			}
		}
	}
}

// Coefficients by hand and by asymptotics.
func TestHighCoefficients(t *testing.T) {
	relu := ntk.Must(
		ntk.Custom(ntk.ReLU{}.Value, ntk.ReLU{}.Derivative,
			ntk.CustomSettings{Kinks: []float64{0}}),
	)
	b, want := ntk.Must(ntk.HermiteCoeffs(relu, 1, 2001)), ntk.Must(
		ntk.HermiteCoeffs(ntk.ReLU{}, 1, 2001))
	for k := range b {
		if math.Abs(b[k]-want[k]) > 1e-13 {
			t.Fatalf("b_%d = %v, want %v", k, b[k], want[k])
		}
	}
	// e^{-√s√(1-c)} with e^{-√s} below the least number: the recurrence in
	// big.Float, which has the range.
	const degree = 30000
	const s = 2e6
	var k int
	x, y := big.NewFloat(1).SetPrec(200), new(big.Float).SetPrec(200)
	y.Sqrt(big.NewFloat(s).SetPrec(200))
	y.Quo(y, big.NewFloat(2))
	for k = 0; k+2 <= degree; k++ {
		n := float64(k)
		u := new(big.Float).SetPrec(200).Mul(y, big.NewFloat((n+1)*(4*n+2)))
		u.Add(u, new(big.Float).Mul(x, big.NewFloat(s))).Quo(u, big.NewFloat(4*(n+2)*(n+1)))
		x, y = y, u
	}
	mant := new(big.Float)
	exp := y.MantExp(mant)
	m, _ := mant.Float64()
	logWant := math.Log(m) + float64(exp)*math.Ln2 - math.Sqrt(s)
	a := ntk.Must(ntk.Must(ntk.LaplaceKernel(0.001)).Series(degree)).Coeffs()
	if got := math.Log(a[degree]); !(math.Abs(got-logWant) < 1e-9) {
		t.Errorf("Laplace, ℓ = 0.001: log a_%d = %v, want %v", degree, got, logWant)
	}
	if a[0] != 0 {
		t.Errorf("a_0 = %v", a[0])
	}
}

// a_0 is K(0), and the coefficients are those of a contour, whatever the bias.
func TestSeriesWithBias(t *testing.T) {
	smooth := func(z float64) float64 { return math.Tanh(z) + 0.3*math.Abs(z-4) }
	slope := func(z float64) float64 { c := math.Cosh(z); return 1/(c*c) + math.Copysign(0.3, z-4) }
	kinked := ntk.Must(
		ntk.Custom(smooth, slope, ntk.CustomSettings{Kinks: []float64{4}, Tolerance: 1e-12}))
	shifted := ntk.Must(ntk.Affine(ntk.ReLU{}, 1, 1, -20, 0))
	for _, c := range []struct {
		K    ntk.Kernel
		n    int
		near float64
	}{
		{ntkOf(3, ntk.Tanh{}, 1.2, 5), 40, 1e-11},
		{ntkOf(4, ntk.ReLU{}, 1.2, 30), 200, 1e-14},
		{ntkOf(2, ntk.LeakyReLU(0.1), 1, 30), 200, 1e-14},
		{ntkOf(2, ntk.RectifiedMonomial{Degree: 2}, 0.3, 1), 200, 1e-13},
		{ntkOf(2, ntk.GELU{}, 1.2, 10), 100, 1e-13},
		{ntkOf(2, ntk.PublishedMimic(), 0.3, 20), 40, 1e-12},
		{ntkOf(2, shifted, 1, 20), 100, 1e-12},
		{ntkOf(1, kinked, 0.5, 6), 30, 1e-10},
		{ntkOf(2, ntk.Erf{}, 0.5, 3), 60, 1e-13},
		{ntkOf(8, ntk.Tanh{}, 0.5, 0.5), 30, 1e-9},
		{ntkOf(300, ntk.Erf{}, 0.5, 0.5), 30, 1e-9},
	} {
		p, err := c.K.Series(c.n)
		if err != nil {
			t.Errorf("%v: %v", c.K, err)
			continue
		}
		a := p.Coeffs()
		top := at(c.K, 1)
		if math.Abs(a[0]-at(c.K, 0)) > 1e-14*top+c.near*1e-2*top {
			t.Errorf("%v: a_0 = %v, K(0) = %v", c.K, a[0], at(c.K, 0))
		}
		for k, v := range a {
			if !(v >= 0) {
				t.Errorf("%v: a_%d = %v", c.K, k, v)
			}
		}
		// where the rest is far below the rounding
		for _, x := range []float64{-0.6, -0.2, 0.1, 0.4, 0.6} {
			if e := math.Abs(
				sumAt(a, x) - at(c.K, x),
			); !(e <= c.near*top+p.Rest()*math.Pow(math.Abs(x), float64(c.n+1))) {
				t.Errorf("%v at %v: off by %g of %g, rest %g", c.K, x, e, top, p.Rest())
			}
		}
	}
}

func TestSeriesOfDeepNets(t *testing.T) {
	K := ntkOf(1000, ntk.ReLU{}, math.Sqrt2, 0)
	p := ntk.Must(K.Series(50))
	for _, c := range []float64{-0.5, 0, 0.3} {
		if got, want := p.At(c), at(K, c); math.Abs(got-want) > 1e-11*want {
			t.Errorf("at %v: %v, want %v", c, got, want)
		}
	}
}

// The cost of a layer is that of its composition.
func BenchmarkSeriesOfDeepNets(b *testing.B) {
	for _, layers := range []int{10, 100, 1000} {
		K := ntkOf(layers, ntk.ReLU{}, math.Sqrt2, 0)
		b.Run(fmt.Sprintf("%dHL", layers), func(b *testing.B) {
			for b.Loop() {
				ntk.Must(K.Series(50))
			}
		})
	}
}

func TestConstantInside(t *testing.T) {
	one := ntk.Must(ntk.Must(ntk.NewPowerSeries([]float64{1})).Kernel())
	p := ntk.Must(ntk.Must(ntk.GaussianKernel(0.5)).Compose(one).Series(3))
	if a := p.Coeffs(); a[0] != 1 || a[1] != 0 || p.Rest() > 1e-13 {
		t.Errorf("%v, rest %v", a, p.Rest())
	}
}

func TestDerivativeOfPolynomials(t *testing.T) {
	for _, degree := range []int{0, 1, 250, 1000} {
		d := ntk.Must(ntk.Must(ntk.PolynomialKernel(degree, 0)).Derivative())
		for _, c := range []float64{0.5, 0.9, 0.9999, 1} {
			want := float64(degree) * math.Pow(c, float64(degree-1))
			if got := at(d, c); math.Abs(got-want) > 1e-12*want {
				t.Errorf("derivative of c^%d at %v: %v, want %v", degree, c, got, want)
			}
		}
	}
}
