package ntk_test

import (
	"errors"
	"flag"
	"math"
	"strings"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/internal/accel"
	"gonum.org/v1/gonum/mat"
	"pgregory.net/rapid"
)

// What is drawn is the same in every run, unless -rapid.seed says otherwise.
func init() {
	if err := flag.Set("rapid.seed", "1"); err != nil {
		panic(err)
	}
}

// drawnKernel draws a kernel: a named one, that of a net, or what two of them make.
func drawnKernel(t *rapid.T, depth int) ntk.Kernel {
	length := rapid.Float64Range(0.3, 3)
	if depth == 0 {
		phi := []ntk.Activation{ntk.ReLU{}, ntk.Erf{}, ntk.GELU{}, ntk.PublishedMimic(),
			ntk.Sin{Amplitude: 1, Frequency: 1.5, Phase: 0.3}, ntk.Abs(),
			ntk.Gaussian{Amplitude: 1, Rate: 0.5}}
		net := ntk.Must(ntk.UniformFCN(rapid.IntRange(1, 3).Draw(t, "layers"),
			rapid.SampledFrom(phi).Draw(t, "φ"), rapid.Float64Range(0.5, 1.5).Draw(t, "σ_w"),
			rapid.Float64Range(0, 0.5).Draw(t, "σ_b")))
		switch rapid.IntRange(0, 5).Draw(t, "kernel") {
		case 0:
			return ntk.Must(ntk.GaussianKernel(length.Draw(t, "ℓ")))
		case 1:
			return ntk.Must(ntk.MaternKernel(rapid.IntRange(0, 3).Draw(t, "p"),
				length.Draw(t, "ℓ")))
		case 2:
			return ntk.Must(ntk.PolynomialKernel(rapid.IntRange(0, 4).Draw(t, "degree"),
				rapid.Float64Range(0, 1).Draw(t, "offset")))
		case 3:
			return ntk.Must(net.NNGP())
		default:
			return ntk.Must(net.NTK())
		}
	}
	K, L := drawnKernel(t, depth-1), drawnKernel(t, depth-1)
	switch rapid.IntRange(0, 3).Draw(t, "operation") {
	case 0:
		return K.Add(L)
	case 1:
		return K.Mul(L)
	case 2:
		return ntk.Must(K.Scale(rapid.Float64Range(0.1, 10).Draw(t, "factor")))
	default:
		return K.Add(ntk.Must(ntk.PolynomialKernel(0, 0))).Normalize()
	}
}

// drawAnew draws anew, within a bound, where a kernel is refused by design: numbers below double
// precision, or inputs so near that rounding leaves no digits. Any other error is a fault.
func drawAnew(t *rapid.T, err error) {
	t.Helper()
	for _, says := range []string{"too small", "square is lost", "no digits", "lost its digits"} {
		if strings.Contains(err.Error(), says) {
			t.Skip(err)
		}
	}
	t.Fatal(err)
}

func drawnRows(t *rapid.T, n, d int) *mat.Dense {
	v := rapid.SliceOfN(rapid.Float64Range(-3, 3), n*d, n*d).Draw(t, "rows")
	return mat.NewDense(n, d, v)
}

// drawnRotation is the orthogonal factor of random numbers.
func drawnRotation(t *rapid.T, d int) *mat.Dense {
	var qr mat.QR
	a := drawnRows(t, d, d)
	for i := range d {
		a.Set(i, i, a.At(i, i)+7) // of full rank
	}
	qr.Factorize(a)
	var q mat.Dense
	qr.QTo(&q)
	return &q
}

// closeTo compares kernel matrices entry by entry, relative to the roots of their diagonals.
func closeTo(t *rapid.T, what string, got, want mat.Matrix, tolerance float64) {
	n, _ := want.Dims()
	for i := range n {
		for j := range n {
			most := math.Sqrt(math.Abs(want.At(i, i))) * math.Sqrt(math.Abs(want.At(j, j)))
			if d := math.Abs(got.At(i, j) - want.At(i, j)); !(d <= tolerance*most) {
				t.Fatalf("%s: entry %d, %d is %v, want %v (off by %g of %g)", what, i, j,
					got.At(i, j), want.At(i, j), d, most)
			}
		}
	}
}

// Matrices of kernels of any make are symmetric and positive semidefinite to rounding.
func TestDrawnKernelsArePositiveSemidefinite(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		K := drawnKernel(t, rapid.IntRange(0, 2).Draw(t, "depth"))
		n, d := rapid.IntRange(1, 7).Draw(t, "n"), rapid.IntRange(1, 4).Draw(t, "d")
		x := drawnRows(t, n, d)
		gram, err := K.Gram(x)
		if err != nil {
			drawAnew(t, err)
		}
		trace, values := mat.Trace(gram), make([]float64, n)
		if !accel.SymEigenvalues(n, gram.RawSymmetric().Data, values) {
			t.Fatal("no eigenvalues")
		}
		// Rounding of n² entries, each to about 1e-12 where nets have kinks.
		if least := values[0]; !(least >= -1e-9*trace) {
			t.Fatalf("%v: eigenvalue %v, trace %v, rows %v", K, least, trace, x)
		}
	})
}

// Kernels see inner products alone: a rotation of all inputs changes nothing, nor does the order
// of the points, which the entries follow.
func TestRotationAndOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		K := drawnKernel(t, 1)
		n, d := rapid.IntRange(2, 5).Draw(t, "n"), rapid.IntRange(1, 4).Draw(t, "d")
		x := drawnRows(t, n, d)
		gram, err := K.Gram(x)
		if err != nil {
			drawAnew(t, err)
		}
		var rotated mat.Dense
		rotated.Mul(x, drawnRotation(t, d))
		// Kinks at equal inputs take the root of the rounding of inner products.
		if turned, err := K.Gram(&rotated); err == nil {
			closeTo(t, K.String()+" of rotated rows", turned, gram, 1e-6)
		}
		order := rapid.Permutation(indices(n)).Draw(t, "order")
		permuted, want := mat.NewDense(n, d, nil), mat.NewDense(n, n, nil)
		for i, o := range order {
			permuted.SetRow(i, x.RawRowView(o))
			for j, p := range order {
				want.Set(i, j, gram.At(o, p))
			}
		}
		closeTo(t, K.String()+" of rows in another order", ntk.Must(K.Gram(permuted)), want, 1e-9)
	})
}

func indices(n int) []int {
	v := make([]int, n)
	for i := range v {
		v[i] = i
	}
	return v
}

// The algebra of kernels is that of their matrices, entry by entry.
func TestAlgebraOfMatrices(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		K, L := drawnKernel(t, 0), drawnKernel(t, 0)
		n := rapid.IntRange(1, 4).Draw(t, "n")
		x := drawnRows(t, n, 3)
		k, errK := K.Gram(x)
		l, errL := L.Gram(x)
		if err := errors.Join(errK, errL); err != nil {
			drawAnew(t, err)
		}
		var sum, product mat.Dense
		sum.Add(k, l)
		product.MulElem(k, l)
		closeTo(t, "sum", ntk.Must(K.Add(L).Gram(x)), &sum, 1e-9)
		closeTo(t, "product", ntk.Must(K.Mul(L).Gram(x)), &product, 1e-9)
		twice := ntk.Must(ntk.Must(K.Scale(2)).Gram(x))
		sum.Add(k, k)
		closeTo(t, "twice", twice, &sum, 1e-9)
	})
}

// Nets without biases whose φ is homogeneous of degree 1 have homogeneous kernels: scaling one
// input by a > 0 scales them by a, and σ_w enters as its square for each layer.
func TestHomogeneousNets(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		depth := rapid.IntRange(1, 4).Draw(t, "layers")
		phi := ntk.TwoSlope{Positive: rapid.Float64Range(0.1, 2).Draw(t, "positive"),
			Negative: rapid.Float64Range(-2, 2).Draw(t, "negative")}
		weight := rapid.Float64Range(0.1, 3).Draw(t, "σ_w")
		a := rapid.Float64Range(0.01, 100).Draw(t, "a")
		q := rapid.Float64Range(0.01, 100).Draw(t, "q")
		c := rapid.Float64Range(-1, 1).Draw(t, "c")
		one := ntk.Must(ntk.UniformFCN(depth, phi, 1, 0))
		net := ntk.Must(ntk.UniformFCN(depth, phi, weight, 0))
		for name, of := range map[string]func(*ntk.FCN) (ntk.Kernel, error){
			"NNGP": (*ntk.FCN).NNGP, "NTK": (*ntk.FCN).NTK} {
			want := ntk.Must(ntk.Must(of(one)).At(q, c*q, q))
			size := ntk.Must(ntk.Must(of(one)).At(q, q, q))
			scaled := ntk.Must(ntk.Must(of(one)).At(a*a*q, a*c*q, q))
			if math.Abs(scaled-a*want) > 1e-7*a*size {
				t.Fatalf("%s of %v: %v at %v times an input, want %v", name, one, scaled, a, a*want)
			}
			// The NTK of all parameters is a sum over layers; each has the others' σ_w.
			got := ntk.Must(ntk.Must(of(net)).At(q, c*q, q))
			factor := math.Pow(weight, 2*float64(depth))
			if math.Abs(got-factor*want) > 1e-7*factor*size {
				t.Fatalf("%s of %v: %v with σ_w = %v, want %v", name, net, got, weight, factor*want)
			}
		}
	})
}

// On the sphere a kernel with coefficients ≥ 0 rises with the cosine from 0 on, and no value is
// larger than that at equal inputs; NNGP kernels of φ with |φ| rising in |z| rise with σ_w.
func TestMonotone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		K := drawnKernel(t, rapid.IntRange(0, 1).Draw(t, "depth"))
		a, b := rapid.Float64Range(0, 1).Draw(t, "a"), rapid.Float64Range(0, 1).Draw(t, "b")
		v, err := K.Curve([]float64{min(a, b), max(a, b), 1, -max(a, b)})
		if err != nil {
			drawAnew(t, err)
		}
		rounding := 1e-9 * v[2]
		if v[0] > v[1]+rounding || v[1] > v[2]+rounding || math.Abs(v[3]) > v[1]+rounding {
			t.Fatalf("%v at %v, %v, 1 and the opposite: %v", K, min(a, b), max(a, b), v)
		}
		phi := rapid.SampledFrom([]ntk.Activation{ntk.ReLU{}, ntk.Erf{}, ntk.Abs(), ntk.Tanh{},
			ntk.RectifiedMonomial{Degree: 2}}).Draw(t, "φ")
		low := rapid.Float64Range(0.1, 2).Draw(t, "σ_w")
		high := low * rapid.Float64Range(1, 2).Draw(t, "times")
		at := func(weight float64) float64 {
			net := ntk.Must(ntk.UniformFCN(2, phi, weight, 0.1))
			return ntk.Must(ntk.Must(net.NNGP()).At(1, 1, 1))
		}
		if l, h := at(low), at(high); l > h*(1+1e-9) {
			t.Fatalf("%v: %v with σ_w = %v, %v with %v", phi, l, low, h, high)
		}
	})
}
