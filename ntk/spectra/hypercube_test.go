package spectra_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/spectra"
	"gonum.org/v1/gonum/mat"
)

func netNTK(depth int, phi ntk.Activation, weightStd, biasStd float64) ntk.Kernel {
	return ntk.Must(ntk.Must(ntk.UniformFCN(depth, phi, weightStd, biasStd)).NTK())
}

func halfSin(omega float64) ntk.Kernel {
	return netNTK(1, ntk.Sin{Amplitude: 0.5, Frequency: omega}, 1, 0)
}

func deepReLU() ntk.Kernel { return netNTK(4, ntk.ReLU{}, math.Sqrt2, 0.1) }

// byValuesAlone hides a kernel's series.
func byValuesAlone(K ntk.Kernel) ntk.Kernel {
	return ntk.Must(
		ntk.FromFunc(K.String(),
			func(c float64) float64 { return ntk.Must(K.Curve([]float64{c}))[0] }),
	)
}

func TestHypercubeAgainstGram(t *testing.T) {
	const d, n = 6, 64
	x := mat.NewDense(n, d, nil)
	for i := range n {
		for j := range d {
			x.Set(i, j, float64(2*(i>>j&1)-1))
		}
	}
	for _, K := range []ntk.Kernel{deepReLU(), halfSin(6), netNTK(2, ntk.Erf{}, 1.5, 0.3),
		ntk.Must(ntk.LaplaceKernel(1)), byValuesAlone(deepReLU())} {
		var want []float64
		for _, l := range ntk.Must(spectra.Hypercube{Dim: d}.Spectrum(K)).Levels {
			for range int(l.Multiplicity) {
				want = append(want, l.Eigenvalue)
			}
		}
		slices.Sort(want)
		var eigen mat.EigenSym
		if !eigen.Factorize(ntk.Must(K.Gram(x)), false) {
			t.Fatal("no eigenvalues")
		}
		top := ntk.Must(K.Curve([]float64{1}))[0]
		for i, v := range eigen.Values(nil) {
			// The Gram matrix is right to 1e-14 of K(1), and so are its eigenvalues over n.
			if math.Abs(v/n-want[i]) > 1e-13*top {
				t.Errorf("%v, eigenvalue %d: %v, of the Gram matrix %v", K, i, want[i], v/n)
			}
		}
	}
}

func TestHypercubeSumToTop(t *testing.T) {
	for _, d := range []int{1, 2, 11, 30} {
		for _, K := range []ntk.Kernel{deepReLU(), halfSin(6), ntk.Must(ntk.ArcCosineKernel(2)),
			byValuesAlone(halfSin(3))} {
			var sum float64
			for _, l := range ntk.Must(spectra.Hypercube{Dim: d}.Spectrum(K)).Levels {
				sum += l.Eigenvalue * l.Multiplicity
			}
			top := ntk.Must(K.Curve([]float64{1}))[0]
			if math.Abs(sum-top) > 1e-12*top {
				t.Errorf("%v, d = %d: λ sum to %v, K(1) = %v", K, d, sum, top)
			}
		}
	}
}

// A product over the bits, e^{βdc} = Π e^{β x_i x_i'}, has λ_k = cosh^{d-k} β
// sinh^k β. The NNGP kernel of a sin ωz is a² e^{-ω²} sinh ω²c, the odd part of
// that with βd = ω², and the NTK is (1 + β ∂/∂β) of it.
func TestHypercubeOfParityKernel(t *testing.T) {
	for _, c := range []struct {
		d     int
		omega float64
	}{{11, 6}, {11, 1}, {1, 6}, {40, 2}, {100, 6}} {
		levels := ntk.Must(spectra.Hypercube{Dim: c.d}.Spectrum(halfSin(c.omega))).Levels
		d, beta := float64(c.d), c.omega*c.omega/float64(c.d)
		for _, l := range levels {
			var want float64
			if k := float64(l.Degree); l.Degree%2 == 1 {
				nngp := 0.25 * math.Exp(
					-c.omega*c.omega+(d-k)*math.Log(math.Cosh(beta))+k*math.Log(math.Sinh(beta)))
				want = nngp * (1 + beta*((d-k)*math.Tanh(beta)+k/math.Tanh(beta)))
			}
			// A coefficient of even degree is sin² of a rounded multiple of π.
			if math.Abs(l.Eigenvalue-want) > 1e-12*want+1e-30 {
				t.Errorf("d = %d, ω = %v, degree %d: λ = %v, want %v", c.d, c.omega, l.Degree,
					l.Eigenvalue, want)
			}
		}
	}
}

// The values published with the parity experiment, to the digits given.
func TestShareOfTheParity(t *testing.T) {
	for _, c := range []struct {
		K     ntk.Kernel
		share float64
		digit float64
	}{{halfSin(6), 9.64e-4, 0.005e-4}, {deepReLU(), 6.6e-5, 0.05e-5}} {
		levels := ntk.Must(spectra.Hypercube{Dim: 11}.Spectrum(c.K)).Levels
		if got := levels[11].Eigenvalue / ntk.Must(c.K.Curve([]float64{1}))[0]; math.Abs(
			got-c.share,
		) > c.digit {
			t.Errorf("%v: λ_11/K(1) = %v, want %v", c.K, got, c.share)
		}
	}
}

// From values exact in their sums, errors are those of the values over √C(d, k).
func TestHypercubeFromValues(t *testing.T) {
	for _, d := range []int{1, 11, 25} {
		for _, K := range []ntk.Kernel{deepReLU(), halfSin(2), ntk.Must(ntk.GaussianKernel(1)),
			ntk.Must(ntk.ArcCosineKernel(2))} {
			series := ntk.Must(spectra.Hypercube{Dim: d}.Spectrum(K)).Levels
			values := ntk.Must(spectra.Hypercube{Dim: d}.Spectrum(byValuesAlone(K))).Levels
			top := ntk.Must(K.Curve([]float64{1}))[0]
			for k, l := range series {
				if off := math.Abs(values[k].Eigenvalue - l.Eigenvalue); off > 1e-14*top/math.Sqrt(
					l.Multiplicity,
				)+1e-13*l.Eigenvalue {
					t.Errorf("%v, d = %d, degree %d: %v from values, %v from the series", K, d, k,
						values[k].Eigenvalue, l.Eigenvalue)
				}
				if l.Eigenvalue < 0 {
					t.Errorf("%v, d = %d, degree %d: λ = %v", K, d, k, l.Eigenvalue)
				}
			}
		}
	}
}

func TestHypercubeOfOneDegree(t *testing.T) {
	// c is x·x'/d: λ_1 = 1/d, all else zero.
	K := ntk.Must(ntk.Must(ntk.NewPowerSeries([]float64{0, 1})).Kernel())
	for _, l := range ntk.Must(spectra.Hypercube{Dim: 7}.Spectrum(K)).Levels {
		want := 0.
		if l.Degree == 1 {
			want = 1. / 7
		}
		if math.Abs(l.Eigenvalue-want) > 1e-16 {
			t.Errorf("degree %d: %v, want %v", l.Degree, l.Eigenvalue, want)
		}
	}
	// No kernel: 1 - c has λ_1 = -1/d, and is said to.
	no := ntk.Must(ntk.FromFunc("1 - c", func(c float64) float64 { return 1 - c }))
	levels := ntk.Must(spectra.Hypercube{Dim: 7}.Spectrum(no)).Levels
	if math.Abs(levels[0].Eigenvalue-1) > 1e-15 || math.Abs(levels[1].Eigenvalue+1./7) > 1e-15 {
		t.Errorf("1 - c: %v", levels[:2])
	}
}

func TestHypercubeBadInput(t *testing.T) {
	for _, d := range []int{-3, 0, 101} {
		if _, err := (spectra.Hypercube{Dim: d}).Spectrum(halfSin(6)); err == nil ||
			!strings.Contains(err.Error(), "Dim") {
			t.Errorf("Dim %d: error %v", d, err)
		}
	}
	for _, bad := range []float64{math.NaN(), math.Inf(1)} {
		K, err := ntk.FromFunc("bad inside", func(c float64) float64 {
			if math.Abs(c) < 0.2 {
				return bad
			}
			return c
		})
		if err == nil {
			_, err = spectra.Hypercube{Dim: 11}.Spectrum(K)
		}
		if err == nil || !strings.Contains(err.Error(), "bad inside") {
			t.Errorf("value %v: error %v", bad, err)
		}
	}
}
