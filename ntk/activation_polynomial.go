package ntk

import (
	"fmt"
	"math"

	"github.com/kernelsmith/kernelsmith/ntk/hermite"
	"github.com/kernelsmith/kernelsmith/ntk/internal/gauss"
	"github.com/kernelsmith/kernelsmith/ntk/internal/special"
)

// Polynomial is Σ Coeffs[m] z^m. The slice must not change afterwards.
type Polynomial struct {
	Coeffs []float64
}

// Value returns φ(z).
func (a Polynomial) Value(z float64) float64 {
	var sum float64
	for m := len(a.Coeffs) - 1; m >= 0; m-- {
		sum = sum*z + a.Coeffs[m]
	}
	return sum
}

// Derivative returns φ'(z).
func (a Polynomial) Derivative(z float64) float64 {
	var sum float64
	for m := len(a.Coeffs) - 1; m >= 1; m-- {
		sum = sum*z + float64(m)*a.Coeffs[m]
	}
	return sum
}

// Dual implements [Dualer]: with the Hermite coefficients b_j(s) of φ(s z),
// Σ_j b_j(√q) b_j(√q2) ρ^j, and likewise for φ'. Cost: O(degree²).
func (a Polynomial) Dual(q, k, q2 float64) (value, derivative float64) {
	return a.DualPrepared(a.Prepare(q), q, k, q2, a.Prepare(q2))
}

// Prepare implements preparedDualer.
func (a Polynomial) Prepare(q float64) []float64 {
	s := math.Sqrt(q)
	prime := make([]float64, max(0, len(a.Coeffs)-1))
	for m := range prime {
		prime[m] = float64(m+1) * a.Coeffs[m+1]
	}
	return append(monomialCoeffs(a.Coeffs, s), monomialCoeffs(prime, s)...)
}

// DualPrepared implements preparedDualer.
func (a Polynomial) DualPrepared(
	x []float64, q, k, q2 float64, y []float64,
) (value, derivative float64) {
	rho, n := gauss.Of(q, k, q2).Rho(), len(a.Coeffs)
	for j := n - 1; j >= 0; j-- {
		value = value*rho + x[j]*y[j]
	}
	for j := len(x) - 1; j >= n; j-- {
		derivative = derivative*rho + x[j]*y[j]
	}
	return value, derivative
}

func (a Polynomial) atoms() gauss.Atoms {
	var out gauss.Atoms
	for m, c := range a.Coeffs {
		out.Waves = append(out.Waves, gauss.Wave{C: complex(c, 0), M: m})
	}
	return out.Merged()
}

// Validate implements [Validator].
func (a Polynomial) Validate() error {
	if len(a.Coeffs) == 0 {
		return fmt.Errorf("ntk: Polynomial has no coefficients; a constant has one")
	}
	for m, c := range a.Coeffs {
		if !special.Finite(c) {
			return fmt.Errorf("ntk: Polynomial.Coeffs[%d] is %v; it must be finite", m, c)
		}
	}
	return nil
}

// String names the degree.
func (a Polynomial) String() string {
	return fmt.Sprintf("polynomial of degree %d",
		len(a.Coeffs)-1)
}

func (a Polynomial) fingerprint() string { return fmt.Sprintf("ntk.Polynomial%#v", a) }

// monomialCoeffs returns the Hermite coefficients of Σ p_m (s z)^m, by
// z^m = Σ m!/(2^i i! √j!) h_j, j = m - 2i: all of one sign for one m.
func monomialCoeffs(p []float64, s float64) []float64 {
	b := make([]float64, len(p))
	sm := 1.0
	for m, c := range p {
		f := sm * c
		for i := range m { // √m! s^m, the factor of h_m
			f *= math.Sqrt(float64(i + 1))
		}
		for i, j := 0, m; j >= 0; i, j = i+1, j-2 {
			b[j] += f
			if j >= 2 { // from h_j to h_{j-2}: √(j(j-1))/(2(i+1))
				f *= math.Sqrt(float64(j)*float64(j-1)) / float64(2*(i+1))
			}
		}
		sm *= s
	}
	return b
}

// maxAtomDegree is up to where a Hermite series takes part in sums in closed
// form: its monomials cancel.
const maxAtomDegree = 10

// seriesAtoms writes a Hermite series of low degree in powers of z.
func seriesAtoms(s hermite.Series) (gauss.Atoms, bool) {
	b := s.Scaled(1).Coeffs()
	if len(b)-1 > maxAtomDegree {
		return gauss.Atoms{}, false
	}
	p := make([]float64, len(b))
	h, previous := []float64{1}, []float64(nil)
	for k, c := range b {
		for m, v := range h {
			p[m] += c * v
		}
		next := make([]float64, k+2)
		for m, v := range h {
			next[m+1] += v / math.Sqrt(float64(k+1))
		}
		for m, v := range previous {
			next[m] -= v * math.Sqrt(float64(k)/float64(k+1))
		}
		h, previous = next, h
	}
	return Polynomial{p}.atoms(), true
}
