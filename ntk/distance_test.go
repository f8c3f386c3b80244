package ntk_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/internal/accel"
	"gonum.org/v1/gonum/mat"
)

// allWays returns what Gram, Cross and their tiles have for the kernel of the first row and each
// other one, and that of either row alone with the first.
func allWays[T float32 | float64](t *testing.T, K ntk.Kernel, x ntk.Inputs[T]) map[string][]T {
	t.Helper()
	ctx := t.Context()
	gram, first := make([]T, x.N*x.N), ntk.Inputs[T]{Rows: x.Rows[:x.D], N: 1, D: x.D}
	cross, alone, tile := make([]T, x.N), make([]T, x.N), make([]T, x.N)
	ntk.Must(0, ntk.GramInto(ctx, gram, K, x, nil))
	ntk.Must(0, ntk.CrossInto(ctx, cross, K, first, x, nil))
	ntk.Must(0, ntk.Must(ntk.GramTiles(ctx, K, x)).Tile(ctx, tile, 0, 1, 0, x.N))
	tiles := ntk.Must(ntk.CrossTiles(ctx, K, x, first))
	other := make([]T, x.N)
	ntk.Must(0, tiles.Tile(ctx, other, 0, x.N, 0, 1))
	for i := range x.N {
		z := ntk.Inputs[T]{Rows: x.Rows[i*x.D : (i+1)*x.D], N: 1, D: x.D}
		ntk.Must(0, ntk.CrossInto(ctx, alone[i:i+1], K, z, first, nil))
		for j := range i {
			if gram[i*x.N+j] != gram[j*x.N+i] {
				t.Errorf("%v: not symmetric at %d, %d", K, i, j)
			}
		}
	}
	shared, sharedCross := make([]T, x.N), make([]T, x.N)
	own, between := ntk.Must(ntk.NewProducts(ctx, x)), ntk.Must(ntk.NewCrossProducts(ctx, first, x))
	ntk.Must(0, ntk.Must(own.Tiles(ctx, K)).Tile(ctx, shared, 0, 1, 0, x.N))
	ntk.Must(0, between.Into(ctx, sharedCross, K, nil))
	return map[string][]T{"Gram": gram[:x.N], "Cross": cross, "GramTiles": tile,
		"CrossTiles": other, "two rows": alone, "Products": shared,
		"cross Products": sharedCross}
}

func gauss(l float64) ntk.Kernel         { return ntk.Must(ntk.GaussianKernel(l)) }
func laplace(l float64) ntk.Kernel       { return ntk.Must(ntk.LaplaceKernel(l)) }
func matern(p int, l float64) ntk.Kernel { return ntk.Must(ntk.MaternKernel(p, l)) }

// shallow is a net with one hidden layer.
func shallow(phi ntk.Activation, w, b, w2, b2 float64) *ntk.FCN {
	return ntk.Must(ntk.NewFCN([]ntk.Layer{{Activation: phi, WeightStd: w, BiasStd: b}},
		ntk.Readout{WeightStd: w2, BiasStd: b2}))
}

// The values are of the same doubles, from their differences in 60 digits of mpmath 1.4. The
// two rows are tried by themselves and among 200 others around them.
func TestKernelOfTwoRowsFarFromTheOrigin(t *testing.T) {
	x, z := []float64{500000.25, 4600000.5}, []float64{500000.1875, 4600000.625}
	far, farther := []float64{1e9, -1e9, 3}, []float64{1000000000.25, -1000000000.5, 2.5}
	one, two := []float64{1e8}, []float64{1e8 + 0.37}
	wave := shallow(ntk.Cos{Amplitude: 1, Frequency: 1}, 1, 0, 1, 0)
	biased := shallow(ntk.Cos{Amplitude: 2, Frequency: 0.5, Phase: 0.3}, 1.5, 0.2, 0.7, 0.1)
	sine := shallow(ntk.Sin{Amplitude: 1, Frequency: 2, Phase: 0.4}, 1.5, 0.5, 1, 0)
	for name, c := range map[string]struct {
		K    ntk.Kernel
		x, z []float64
		want float64
	}{
		"map, Gaussian": {gauss(0.1), x, z, 0.61368025119835854931},
		"map, Laplace":  {laplace(0.1), x, z, 0.37224175051599305583},
		"map, sum":      {gauss(0.1).Add(laplace(10)), x, z, 1.6038468011901533487},
		"map, product":  {gauss(0.1).Mul(matern(2, 0.2)), x, z, 0.51060768191036764068},
		"map, (K + ½)³": {ntk.Must(ntk.PolynomialKernel(3, 0.5)).Compose(laplace(0.1)), x, z,
			0.66360647057489143941},
		"years": {gauss(0.001), []float64{2024.006}, []float64{2024.0069},
			0.66697681085760089029},
		"years, Matérn": {matern(1, 0.001), []float64{2024.006}, []float64{2024.0069},
			0.538326805557352441},
		"1e9, ν = 3/2": {matern(1, 1), far, farther, 0.82664146729677573749},
		"1e9, ν = 5/2": {matern(2, 1), far, farther, 0.86611002764415480918},
		"1e9, Gaussian": {gauss(0.5), []float64{1e9}, []float64{1e9 + 0.25},
			0.88249690258459540286},
		"seconds": {gauss(60), []float64{1.7e9}, []float64{1700000045.5},
			0.75011052081460276045},
		"seconds, ν = ½": {laplace(60), []float64{1.7e9}, []float64{1700000045.5},
			0.46844652095263406016},
		"degrees": {matern(2, 1e-5), []float64{52.520008, 13.404954}, []float64{52.520013,
			13.40496}, 0.79790288683475794787},
		"kelvin": {gauss(0.1), []float64{293.15, 300}, []float64{293.25, 299.9},
			0.60653065971249554817},
		"feature": {ntk.Must(shallow(ntk.GaussianFeature(1), 1, 0, 1, 0).NNGP()), one, two,
			0.93384014929621742128},
		"cosine":   {ntk.Must(wave.NNGP()), one, two, 0.46692007464810871064},
		"opposite": {ntk.Must(wave.NNGP()), one, []float64{-two[0]}, 0.46692007464810871064},
		"bias":     {ntk.Must(biased.NNGP()), one, two, 0.95298412287919591981},
		"bias, opposite": {ntk.Must(biased.NNGP()), one, []float64{-two[0]},
			0.77286743642794438746},
		"wave's NTK": {ntk.Must(wave.NTK()), one, two, 4669200763757130.5579},
		"sine's NTK": {ntk.Must(sine.NTK()), []float64{3e6, -4e6}, []float64{3000000.125,
			-3999999.75}, 47182580444079.06565},
	} {
		r := rand.New(rand.NewPCG(1, 2))
		rows := append(append([]float64{}, c.x...), c.z...)
		spread := distance(c.x, c.z)
		if strings.Contains(name, "opposite") {
			spread = 1
		}
		for range 200 {
			for _, v := range c.x {
				rows = append(rows, v+spread*r.NormFloat64())
			}
		}
		for _, n := range []int{2, 202} {
			in := ntk.Inputs[float64]{Rows: rows[:n*len(c.x)], N: n, D: len(c.x)}
			for way, got := range allWays(t, c.K, in) {
				if math.Abs(got[1]/c.want-1) > 1e-13 {
					t.Errorf("%s, %s of %d: %.17g, want %.17g", name, way, n, got[1], c.want)
				}
			}
		}
	}
	single := []float32{293.15, 300, 293.25, 299.9, 500000.25, 4600000.5, 500000.1875, 4600001}
	for i, want := range []float64{0.60649364001909345011, 0.028352269377166068961} {
		in := ntk.Inputs[float32]{Rows: single[4*i : 4*i+4], N: 2, D: 2}
		for way, got := range allWays(t, []ntk.Kernel{gauss(0.1), laplace(0.1)}[i], in) {
			if math.Abs(float64(got[1])-want) > 6e-8 {
				t.Errorf("float32 %d, %s: %v, want %v", i, way, got[1], want)
			}
		}
	}
}

// distance is ‖x-z‖/√d.
func distance[T float32 | float64](x, z []T) float64 {
	var sum float64
	for i, v := range x {
		sum += (float64(v) - float64(z[i])) * (float64(v) - float64(z[i]))
	}
	return math.Sqrt(sum / float64(len(x)))
}

// formula is a kernel with its value at a distance ‖x-x'‖/√d.
type formula struct {
	K ntk.Kernel
	f func(r float64) float64
}

// formulas are kernels of the length l, each 1 at the distance 0.
func formulas(l float64) []formula {
	g := func(r float64) float64 { return math.Exp(-r * r / (2 * l * l)) }
	e := func(r float64) float64 { return math.Exp(-r / l) }
	m := func(r float64) float64 {
		x := math.Sqrt(3) * r / l
		return (1 + x) * math.Exp(-x)
	}
	sum := ntk.Must(gauss(l).Add(matern(1, 10*l)).Scale(0.5))
	cube := ntk.Must(ntk.PolynomialKernel(3, 0.5)).Compose(laplace(l))
	constant := ntk.Must(ntk.PolynomialKernel(0, 0)).Add(laplace(l))
	feature := ntk.Must(ntk.UniformFCN(1, ntk.GaussianFeature(1/l), 1, 0))
	deep := ntk.Must(ntk.NewFCN([]ntk.Layer{{Activation: ntk.GaussianFeature(1 / l), WeightStd: 1},
		{Activation: ntk.Exp{Amplitude: math.Exp(-0.5), Rate: 1}, WeightStd: 1}},
		ntk.Readout{WeightStd: math.Exp(-0.5)})) // E e^u e^v = e^{1+k}
	return []formula{
		{gauss(l), g}, {laplace(l), e}, {matern(1, l), m},
		{sum, func(r float64) float64 { return (g(r) + m(r/10)) / 2 }},
		{laplace(l).Mul(matern(1, l)), func(r float64) float64 { return e(r) * m(r) }},
		{gauss(l).Normalize(), g},
		{cube.Normalize(), func(r float64) float64 { return math.Pow((e(r)+0.5)/1.5, 3) }},
		{constant.Normalize(), func(r float64) float64 { return (1 + e(r)) / 2 }},
		{ntk.Must(feature.NNGP()), g},
		{ntk.Must(deep.NNGP()), func(r float64) float64 { return math.Exp(g(r) - 1) }},
	}
}

// Kernels of the distance have its digits wherever the rows are, in matrices that are large
// enough for a table.
func TestKernelsOfDistance(t *testing.T) {
	t.Run("float64", func(t *testing.T) { testKernelsOfDistance[float64](t, 1e-13) })
	t.Run("float32", func(t *testing.T) { testKernelsOfDistance[float32](t, 1e-6) })
}

func testKernelsOfDistance[T float32 | float64](t *testing.T, tol float64) {
	r := rand.New(rand.NewPCG(3, 4))
	normal := r.NormFloat64
	around := func(spread float64, place ...float64) func(i, j int) float64 {
		return func(i, j int) float64 { return place[j] + spread*normal() }
	}
	for name, c := range map[string]struct {
		d      int
		entry  func(i, j int) float64
		length float64
	}{
		"map in metres": {2, around(0.6, 5e5, 4.6e6), 0.1},
		"years":         {1, around(0.006, 2024), 0.001},
		"1e9":           {3, around(2, 1e9, -1e9, 3), 1},
		"seconds":       {1, around(3600, 1.7e9), 60},
		"degrees":       {2, around(1e-3, 52.52, 13.405), 1e-4},
		"kelvin":        {2, around(1, 293.15, 300), 0.1},
		"origin":        {4, around(1, 0, 0, 0, 0), 1},
		"short":         {4, around(1, 0, 0, 0, 0), 0.01},
		"two places": {2, func(i,
			j int) float64 {
			return float64(i%2*2-1)*1e6 + normal()
		}, 1},
		"one far from all": {2, func(i, j int) float64 { return 1e7*float64(i/149) + normal() },
			0.1},
		"many sizes": {3, func(i, j int) float64 {
			return math.Pow(10,
				float64(i%12)-6) * normal()
		}, 1},
		"many sizes, short": {3, func(i, j int) float64 {
			return math.Pow(10,
				float64(i%12)) * normal()
		}, 0.01},
		"zero rows":          {3, func(i, j int) float64 { return float64(i%3) * normal() }, 1},
		"beyond float32":     {3, around(1e20, 1e25, 1e25, -1e24), 1e20},
		"nearly beyond it":   {3, func(i, j int) float64 { return 3e37 * normal() }, 1e38},
		"below float32":      {3, around(1e-37, 0, 0, 0), 1e-37},
		"a row, and nothing": {3, func(i, j int) float64 { return float64(i / 149) }, 1},
		"a circle": {2, func(i, j int) float64 {
			angle := float64(i) * 1e-3 / float64(1+i%2*1000)
			return math.Sqrt2 * math.Sin(angle+float64(j)*math.Pi/2)
		}, 0.01},
	} {
		const n = 150
		x := ntk.Inputs[T]{N: n, D: c.d}
		for i := range n {
			for j := range c.d {
				x.Rows = append(x.Rows, T(c.entry(i, j)))
			}
		}
		for _, k := range formulas(c.length) {
			gram := make([]T, n*n)
			ntk.Must(0, ntk.GramInto(t.Context(), gram, k.K, x, nil))
			worst := 0.0
			for i := range n {
				for j := range n {
					at := distance(x.Rows[i*c.d:(i+1)*c.d], x.Rows[j*c.d:(j+1)*c.d])
					worst = math.Max(worst, math.Abs(float64(gram[i*n+j])-k.f(at)))
				}
			}
			if !(worst < tol) {
				t.Errorf("%s, %v: off by %.2g", name, k.K, worst)
			}
		}
	}
}

// A Gram matrix of 200 places on a map is positive semidefinite to rounding.
func TestGramFarFromTheOriginIsPSD(t *testing.T) {
	const n = 200
	r := rand.New(rand.NewPCG(7, 8))
	x := mat.NewDense(n, 2, nil)
	for i := range n {
		x.SetRow(i, []float64{5e5 + 0.6*r.NormFloat64(), 4.6e6 + 0.6*r.NormFloat64()})
	}
	for _, k := range formulas(0.1) {
		gram, w := ntk.Must(k.K.Gram(x)), make([]float64, n)
		if !accel.SymEigen(n, gram.RawSymmetric().Data, w) || w[0] < -1e-12 {
			t.Errorf("%v: least eigenvalue %g", k.K, w[0])
		}
	}
}

// A net of waves knows ‖x-x'‖ and ‖x+x'‖; the formulas are those of Sin.Dual.
func TestWavesFarFromTheOrigin(t *testing.T) {
	t.Run("float64", func(t *testing.T) { testWaves[float64](t, 1e-13) })
	t.Run("float32", func(t *testing.T) { testWaves[float32](t, 1e-6) })
}

func testWaves[T float32 | float64](t *testing.T, tol float64) {
	const n, w, b, w2, b2 = 150, 1.5, 0.2, 0.7, 0.1
	r := rand.New(rand.NewPCG(1, 2))
	for name, c := range map[string]struct {
		d         int
		entry     func(i, j int) float64
		frequency float64
	}{
		"far":    {1, func(i, j int) float64 { return float64(i%2*2-1)*1e6 + r.NormFloat64() }, 1},
		"origin": {3, func(i, j int) float64 { return r.NormFloat64() }, 1},
		"fast":   {3, func(i, j int) float64 { return r.NormFloat64() }, 100},
		"circle": {2, func(i, j int) float64 {
			angle := float64(i)*1e-3/float64(1+i%2*1000) + float64(i%3)*math.Pi
			return math.Sqrt2 * math.Sin(angle+float64(j)*math.Pi/2)
		}, 100},
	} {
		x := ntk.Inputs[T]{N: n, D: c.d}
		for i := range n {
			for j := range c.d {
				x.Rows = append(x.Rows, T(c.entry(i, j)))
			}
		}
		for _, phase := range []float64{0, 0.3, math.Pi / 4} {
			cosine := ntk.Cos{Amplitude: 2, Frequency: c.frequency, Phase: phase}
			net := shallow(cosine, w, b, w2, b2)
			f2 := c.frequency * c.frequency
			at := func(minus, plus, k float64) [2]float64 {
				minus, plus = math.Exp(-f2*w*w*minus), math.Exp(-f2*(w*w*plus+2*b*b))
				nngp := w2*w2*2*(minus+plus*math.Cos(2*phase)) + b2*b2
				slope := w2 * w2 * 2 * f2 * (minus - plus*math.Cos(2*phase))
				return [2]float64{nngp, nngp + (w*w*k+b*b)*slope}
			}
			var got [4][]T
			for i := range got {
				got[i] = make([]T, n*n)
			}
			ntk.Must(0, ntk.GramInto(t.Context(), got[0], ntk.Must(net.NNGP()), x, nil))
			ntk.Must(0, ntk.GramInto(t.Context(), got[1], ntk.Must(net.NTK()), x, nil))
			ntk.Must(0, ntk.GramBothInto(t.Context(), got[2], got[3], net, x, nil))
			worst := 0.0
			for i := range n {
				for j := range n {
					a, z := x.Rows[i*c.d:(i+1)*c.d], x.Rows[j*c.d:(j+1)*c.d]
					opposite := make([]T, c.d)
					for l, v := range z {
						opposite[l] = -v
					}
					minus, plus := distance(a, z), distance(a, opposite)
					q, k, q2 := dots(a, z)
					want := at(minus*minus/2, plus*plus/2, k)
					top, top2 := at(0, 2*q, q), at(0, 2*q2, q2)
					for o, g := range got {
						scale := math.Sqrt(top[o%2] * top2[o%2])
						worst = math.Max(worst, math.Abs(float64(g[i*n+j])-want[o%2])/scale)
					}
				}
			}
			if !(worst < tol) {
				t.Errorf("%s, phase %v: off by %.2g", name, phase, worst)
			}
		}
	}
}

// The values are the recursion of NTK in 60 digits of mpmath 1.4, of the same numbers; 150 rows
// more are there for the table of the sphere.
func TestNearRowsOfNets(t *testing.T) {
	biased := ntk.Must(deepReLU().NTK())
	plain := ntk.Must(ntk.Must(ntk.UniformFCN(4, ntk.ReLU{}, math.Sqrt2, 0)).NTK())
	three := ntk.Must(ntk.Must(ntk.UniformFCN(3, ntk.ReLU{}, math.Sqrt2, 0)).NTK())
	const a = 1.4142135623730951
	for _, c := range []struct {
		K         ntk.Kernel
		x, y      float64
		z, z2     float64
		want, tol float64
	}{
		{biased, a, 0, 1.4142128552663729, 0.0014142133266708465, 5.0668080878451636857, 2e-14},
		{biased, a, 0, 1.4142135623023844, 1.4142135623495249e-05, 5.0699680889641057748, 2e-14},
		{biased, a, 0, 1.414213562373088, 1.4142135623730928e-07, 5.0699996808904549271, 2e-14},
		{plain, a, 0, -1.4142128552663729, -0.0014142133266708465, 1.0603243351305152532, 2e-14},
		{plain, a, 0, -1.4142135623023844, -1.4142135623495249e-05, 1.0603874690845760818, 2e-14},
		{plain, a, 0, -1.414213562373088, -1.4142135623730928e-07, 1.06038810042540366, 2e-14},
		{biased, 3, 4, 3.001, 3.9996666666666667, 62.566207641428596808, 2e-14},
		{biased, 3, 4, 3.00001, 3.9999966666666666, 62.569962068058732086, 2e-14},
		{biased, 3, 4, 3.0000001, 3.9999999666666666, 62.569999620679784155, 2e-14},
		{three, 3, 4, 3.0000001, 3.9999999666666666, 49.99999985586852657, 2e-14},
		{plain, 3, 4, -3.0000001, -3.9999999666666666, 13.254851407455022805, 2e-14},
	} {
		in := ntk.Inputs[float64]{Rows: []float64{c.x, c.y, c.z, c.z2}, N: 152, D: 2}
		for i := range 150 {
			sin, cos := math.Sincos(float64(i))
			r := math.Hypot(c.x, c.y)
			in.Rows = append(in.Rows, r*sin, r*cos)
		}
		for way, got := range allWays(t, c.K, in) {
			tol := c.tol
			if way != "Gram" && way != "GramTiles" {
				tol = 2e-14 // too few pairs for a curve
			}
			if math.Abs(got[1]-c.want) > tol*got[0] {
				t.Errorf("%v at (%v, %v), %s: %.17g, want %.17g", c.K, c.z, c.z2, way, got[1],
					c.want)
			}
		}
	}
	const b = 1.4142135381698608 // √2 in single precision
	for _, c := range []struct{ x, y, z, z2, want float64 }{
		{b, 0, 1.4135771989822388, 0.04242004454135895, 4.9735841599133291609},
		{b, 0, 1.4142128229141235, 0.0014142133295536041, 5.0668078879391811868},
		{b, 0, 1.4142135381698608, 1.4142136024020147e-05, 5.0699679180710361524},
		{b, 0, -1.4135771989822388, -0.04242004454135895, 1.0854871722132890434},
		{b, 0, -1.4142128229141235, -0.0014142133295536041, 1.0856657577186294242},
		{3, 4, 3.0299999713897705, 3.990000009536743, 62.456966069323950125},
		{3, 4, 3.000999927520752, 3.999666690826416, 62.566207916234719201},
		{3, 4, 3.0000100135803223, 3.9999966621398926, 62.569962016546048391},
	} {
		in := ntk.Inputs[float32]{N: 152, D: 2,
			Rows: []float32{float32(c.x), float32(c.y), float32(c.z), float32(c.z2)}}
		for i := range 150 {
			sin, cos := math.Sincos(float64(i))
			r := math.Hypot(c.x, c.y)
			in.Rows = append(in.Rows, float32(r*sin), float32(r*cos))
		}
		for way, got := range allWays(t, biased, in) {
			if math.Abs(float64(got[1])-c.want) > 1.3e-7*float64(got[0]) {
				t.Errorf("float32 at (%v, %v), %s: %v, want %v", c.z, c.z2, way, got[1], c.want)
			}
		}
	}
}

// A kernel of the cosine does not see how large rows are. The cosine of (1, 2) and (2, 1) is 0.8,
// and cosh 0.8 = 1.3374349463048445984; cosh 1 is that of equal rows.
func TestKernelsOfTheCosineAtAnySize(t *testing.T) {
	K := ntk.Must(ntk.FromFunc("cosh", math.Cosh))
	sizes := []float64{1e-170, 1e-320, 1e300, 1, 0, 1e-308, 1e150}
	testCosine(t, K.Mul(K), sizes, 1e-15)
	testCosine(t, K.Mul(K), []float32{1e-30, 1e-44, 1e38, 1, 0, 1e-38, 1e19}, 2e-7)
	for _, q := range []float64{5e-324, 1e-310, 1, 1e300} {
		got := ntk.Must(K.CurveAt(q, []float64{0.8, -0.5, 1}))
		for i, c := range []float64{0.8, -0.5, 1} {
			if math.Abs(got[i]/math.Cosh(c)-1) > 1e-15 {
				t.Errorf("‖x‖²/d = %v, cosine %v: %v", q, c, got[i])
			}
		}
	}
}

func testCosine[T float32 | float64](t *testing.T, K ntk.Kernel, sizes []T, tol float64) {
	x := ntk.Inputs[T]{D: 2}
	z := ntk.Inputs[T]{D: 2}
	for _, s := range sizes {
		x.Rows, x.N = append(x.Rows, s, 2*s), x.N+1
		z.Rows, z.N = append(z.Rows, 2*s, s), z.N+1
	}
	before := append([]T{}, x.Rows...)
	gram, cross := make([]T, x.N*x.N), make([]T, z.N*x.N)
	ntk.Must(0, ntk.GramInto(t.Context(), gram, K, x, nil))
	ntk.Must(0, ntk.CrossInto(t.Context(), cross, K, z, x, nil))
	for i, s := range sizes {
		for j, s2 := range sizes {
			same, turned := math.Pow(math.Cosh(1), 2), math.Pow(1.3374349463048445984, 2)
			if s == 0 || s2 == 0 {
				same, turned = 1, 1
			}
			if got := float64(gram[i*x.N+j]); math.Abs(got/same-1) > 4*tol {
				t.Errorf("sizes %v and %v, one direction: %v, want %v", s, s2, got, same)
			}
			if got := float64(cross[i*x.N+j]); math.Abs(got/turned-1) > 4*tol {
				t.Errorf("sizes %v and %v: %v, want %v", s, s2, got, turned)
			}
		}
	}
	for i, v := range before {
		if x.Rows[i] != v {
			t.Fatal("the inputs are written")
		}
	}
}

// Other kernels take a row whose square is lost for a zero one where that makes no difference,
// and report it where it does.
func TestRowsWhoseSquaresAreLost(t *testing.T) {
	tiny := ntk.Inputs[float64]{Rows: []float64{1, 2, 0, 1e-170}, N: 2, D: 2}
	zero := ntk.Inputs[float64]{Rows: []float64{1, 2, 0, 0}, N: 2, D: 2}
	cubic := ntk.Must(ntk.PolynomialKernel(3, 0))
	plain := ntk.Must(ntk.Must(ntk.UniformFCN(2, ntk.ReLU{}, 1, 0)).NTK())
	ctx := context.Background()
	for _, K := range []ntk.Kernel{gauss(1), laplace(1e-3), ntk.Must(deepReLU().NTK()),
		ntk.Must(ntk.PolynomialKernel(3, 1)), cubic.Add(gauss(1))} {
		got, want := make([]float64, 4), make([]float64, 4)
		if err := ntk.GramInto(ctx, got, K, tiny, nil); err != nil {
			t.Errorf("%v: %v", K, err)
		}
		ntk.Must(0, ntk.GramInto(ctx, want, K, zero, nil))
		for i, v := range want {
			if math.Abs(got[i]/v-1) > 1e-15 {
				t.Errorf("%v: %v, want %v", K, got, want)
			}
		}
	}
	small := ntk.Must(ntk.UniformFCN(1, ntk.ReLU{}, 1, 1e-140))
	for _, K := range []ntk.Kernel{plain, cubic, plain.Mul(gauss(1)),
		laplace(1e-153), ntk.Must(small.NNGP())} {
		var entry *ntk.NonFiniteError
		err := ntk.GramInto(ctx, make([]float64, 4), K, tiny, nil)
		if !errors.As(err, &entry) || entry.Row != 1 || entry.Col != 1 || entry.Value != 1e-170 ||
			!strings.Contains(err.Error(), "scale the inputs up") {
			t.Errorf("%v: %v", K, err)
		}
		one := ntk.Inputs[float64]{Rows: []float64{1, 2}, N: 1, D: 2}
		err = ntk.CrossInto(ctx, make([]float64, 2), K, tiny, one, nil)
		if !errors.As(err, &entry) || entry.Row != 1 {
			t.Errorf("%v, Cross: %v", K, err)
		}
		if _, err = ntk.CrossTiles(ctx, K, one, tiny); !errors.As(err, &entry) {
			t.Errorf("%v, tiles: %v", K, err)
		}
	}
	// A normalised kernel that is one of the cosine alone has its value.
	normal := make([]float64, 4)
	ntk.Must(0, ntk.GramInto(ctx, normal, plain.Normalize(), tiny, nil))
	want := ntk.Must(plain.Normalize().Curve([]float64{2 / math.Sqrt(5)}))[0]
	if math.Abs(normal[1]-want) > 1e-14 {
		t.Errorf("normalised: %v, want %v", normal[1], want)
	}
	// In single precision no square is lost.
	x := ntk.Inputs[float32]{Rows: []float32{1e-44, 2e-44, 2e15, 1e15}, N: 2, D: 2}
	k := make([]float32, 4)
	ntk.Must(0, ntk.GramInto(ctx, k, plain, x, nil))
	q, p, q2 := dots(x.Rows[:2], x.Rows[2:])
	if want := ntk.Must(plain.At(q, p, q2)); math.Abs(float64(k[1])/want-1) > 1e-6 {
		t.Errorf("%v, want %v", k, want)
	}
	if _, err := plain.Gram(mat.NewDense(1, 1, []float64{1e150})); err == nil {
		t.Error("a row that is too large passes")
	}
}
