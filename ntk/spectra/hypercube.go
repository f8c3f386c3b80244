package spectra

import (
	"fmt"
	"math"
	"math/big"

	"github.com/kernelsmith/kernelsmith/ntk"
)

// Hypercube is {±1}^Dim: all strings of Dim bits. Its points have norm √d, and
// c = x·x'/d takes the values 1 - 2m/d, m the number of bits that differ.
type Hypercube struct {
	Dim int // d, from 1 to 100
}

const maxDim = 100

// Spectrum returns the eigenvalues λ_0 … λ_d of the kernel, the level of degree k at index k;
// they sum, each with its multiplicity, to K(1), and Tail is 0.
//
// A kernel that has a power series with coefficients ≥ 0 gets its eigenvalues
// from sums of terms ≥ 0, so that the smallest are right to rounding too: about
// 1e-13 of themselves if the coefficients are, and 1e-10 where these fall like a
// power of the degree from the fourth on. For other kernels, known by their
// values, the error of λ_k is that of the values, 1e-16 to 1e-15 of K(1), over
// √C(d, k): a small λ_k may come out negative, and a function that is no kernel
// on the hypercube has one that is negative beyond that.
//
// It reports a dimension below 1 or above 100 and values that are not finite.
// Cost: the kernel's coefficients to degree 22 d or so, for nets of several layers
// a second and more at d = 50; from values milliseconds.
//
// Source: the expansion in characters, K(x·x'/d) = Σ_k λ_k Σ_{|S|=k} χ_S(x)
// χ_S(x'), with Krawtchouk polynomials as in MacWilliams, Sloane, "The Theory of
// Error-Correcting Codes", 1977, ch. 5 §7; for kernels of nets, Yang, Salman, "A
// Fine-Grained Spectral Perspective on Neural Networks", 2019, arXiv 1907.10599.
func (h Hypercube) Spectrum(K ntk.Kernel) (*Spectrum, error) {
	if h.Dim < 1 || h.Dim > maxDim {
		return nil, fmt.Errorf("spectra: Hypercube.Dim is %d; it must be from 1 to %d", h.Dim,
			maxDim)
	}
	cosines := make([]float64, h.Dim+1)
	for m := range cosines {
		cosines[m] = float64(h.Dim-2*m) / float64(h.Dim)
	}
	values, err := curve(K, cosines)
	if err != nil {
		return nil, err
	}
	out := newSpectrum(h.multiplicities())
	if !h.bySeries(out, K, values[0], values[h.Dim]) {
		h.byValues(out, values, rounding+K.Expansion().ValueError)
	}
	return out, nil
}

// multiplicities returns the numbers C(d, k) of parities.
func (h Hypercube) multiplicities() []float64 {
	out := make([]float64, h.Dim+1)
	for k := range out {
		out[k] = float(new(big.Int).Binomial(int64(h.Dim), int64(k)))
	}
	return out
}

// ladder is that x_i χ_S is the χ of S with i put in or taken out.
func (h Hypercube) ladder() ladder {
	d := float64(h.Dim)
	return ladder{
		top:  h.Dim,
		up:   func(k int) float64 { return (d - float64(k)) / d },
		down: func(k int) float64 { return float64(k) / d },
	}
}

// bySeries sets the eigenvalues from the power series, if it is known and has no negative
// coefficient. top and bottom are K(1) and K(-1).
func (h Hypercube) bySeries(to *Spectrum, K ntk.Kernel, top, bottom float64) bool {
	d := h.Dim
	// Beyond this degree c^j is ±1 at c = ±1 and nothing elsewhere: (1-2/d)^j < 1e-17/d.
	degree := int(float64(d)/2*(40+math.Log(float64(d)))) + 1
	series, err := K.Series(degree)
	if err != nil || math.IsInf(series.Rest(), 0) {
		return false
	}
	a := series.Coeffs()
	var sums [2]compensated // of the coefficients of even and of odd degree
	for j, v := range a {
		if v < 0 {
			return false
		}
		sums[j%2].add(v)
	}
	shares, _ := h.ladder().shares(a, d)
	// What is left of K is all at c = ±1.
	relative, absolute := 1e-13, K.Expansion().ValueError*math.Abs(top)
	var rest [2]float64
	for parity, sign := range []float64{1, -1} {
		sums[parity].add(-top / 2)
		sums[parity].add(-sign * bottom / 2)
		// Less than this is the rounding of K(±1) and of the coefficients.
		if r := -sums[parity].value(); r > 0x1p-48*math.Abs(top) {
			rest[parity] = math.Ldexp(r, 1-d)
			absolute += 0x1p-52 * math.Abs(top)
			relative = 1e-10
		}
	}
	for k := range to.Levels {
		l := &to.Levels[k]
		l.Eigenvalue = shares[k]/l.Multiplicity + rest[k%2]
		l.Error = relative*l.Eigenvalue + math.Ldexp(absolute, 1-d)
	}
	return true
}

// byValues sets λ_k = 2^-d Σ_m K(1 - 2m/d) K_m(k), exactly for the values
// given, which have a relative error: K_m(k) = Σ_j (-1)^j C(k, j) C(d-k, m-j) are large whole
// numbers of both signs that cancel.
func (h Hypercube) byValues(to *Spectrum, values []float64, relative float64) {
	d := h.Dim
	precision := uint(d + 128)
	terms := make([]*big.Float, d+1)
	krawtchouk := make([]*big.Int, d+1)
	for m := range terms {
		terms[m] = new(big.Float).SetFloat64(values[m])
		krawtchouk[m] = new(big.Int).Binomial(int64(d), int64(m))
	}
	var square float64 // the mean of K²
	for m, l := range to.Levels {
		square += values[m] * math.Ldexp(l.Multiplicity, -d) * values[m]
	}
	for k := range to.Levels {
		sum := new(big.Float).SetPrec(precision)
		for m, n := range krawtchouk {
			term := new(big.Float).SetPrec(precision).SetInt(n)
			sum.Add(sum, term.Mul(term, terms[m]))
		}
		l := &to.Levels[k]
		l.Eigenvalue, _ = sum.SetMantExp(sum, -d).Float64()
		// By Cauchy and Schwarz, since the mean of K_m(k)²/C(d, m)² is 1/C(d, k).
		l.Error = relative * math.Sqrt(square/l.Multiplicity)
		// Σ_m K_m(k) z^m = (1-z)^k (1+z)^(d-k), so the next k takes (1-z)/(1+z).
		before, carry := new(big.Int), new(big.Int)
		for _, n := range krawtchouk {
			old := new(big.Int).Set(n)
			n.Sub(n, before).Sub(n, carry)
			before, carry = old, n
		}
	}
}
