package ntk

import (
	"fmt"
	"math"
	"sync"
)

// maxRectified is the largest degree of a rectified monomial: beyond, a net of
// it has no use and its kernel leaves float64 at moderate norms.
const maxRectified = 12

// arcCosine is M_n = E[max(u,0)^n max(v,0)^n] for standard normal u and v with
// correlation -cos ψ: J_n/2π in [CS09]. It is (P ψ + Q sin ψ)/2π with
// polynomials P, Q in ρ, which cancel near ψ = 0; there it is a Taylor series.
func arcCosine(n int, psi float64) float64 {
	t := arcCosines()[n]
	if psi < 1.2 {
		var sum float64
		x := psi * psi
		for i := len(t.taylor) - 1; i >= 0; i-- {
			sum = sum*x + t.taylor[i]
		}
		return sum * math.Pow(psi, float64(2*n+1)) / (2 * math.Pi)
	}
	sin, cos := math.Sincos(psi)
	rho := -cos
	var p, q float64
	for i := len(t.p) - 1; i >= 0; i-- {
		p = p*rho + t.p[i]
	}
	for i := len(t.q) - 1; i >= 0; i-- {
		q = q*rho + t.q[i]
	}
	return (p*psi + q*sin) / (2 * math.Pi)
}

type arcCosineTable struct {
	p, q   []float64 // powers of ρ
	taylor []float64 // of 2π M_n/ψ^{2n+1} in ψ²
}

// arcCosines builds the tables from dM_n/dρ = n² M_{n-1} (Price's theorem) with
// M_n = 0 at ψ = 0 and 2π M_0 = ψ. By dψ/dρ = 1/sin ψ and d sin ψ/dρ = -ρ/sin ψ
// the derivative of Pψ + Q sin ψ is P'ψ + Q' sin ψ + (P - ρQ)/sin ψ.
var arcCosines = sync.OnceValue(func() []arcCosineTable {
	const terms = 30
	tables := []arcCosineTable{
		{
			p:      []float64{1},
			q:      []float64{0},
			taylor: append([]float64{1}, make([]float64, terms-1)...),
		},
	}
	for n := 1; n <= maxRectified; n++ {
		last, n2 := tables[n-1], float64(n*n)
		var t arcCosineTable
		// P = n² ∫P_{n-1} + const. With Q of degree one less,
		// Q' sin² ψ + P - ρQ = n² Q_{n-1} sin² ψ, sin² ψ = 1 - ρ², fixes Q from the
		// highest power down, and the constant.
		t.p = make([]float64, n+1)
		for i, v := range last.p {
			t.p[i+1] = n2 * v / float64(i+1)
		}
		t.q = make([]float64, n)
		right := func(i int) float64 { // coefficient of ρ^i in n² Q_{n-1}(1-ρ²)
			var v float64
			if i < len(last.q) {
				v += n2 * last.q[i]
			}
			if i >= 2 && i-2 < len(last.q) {
				v -= n2 * last.q[i-2]
			}
			return v
		}
		for i := n - 1; i >= 0; i-- {
			// power i+1: (i+2) q_{i+2} - i q_i + p_{i+1} - q_i = right(i+1)
			v := t.p[i+1] - right(i+1)
			if i+2 < n {
				v += float64(i+2) * t.q[i+2]
			}
			t.q[i] = v / float64(i+1)
		}
		t.p[0] = right(0) // power 0: q_1 + p_0 = right(0)
		if n > 1 {
			t.p[0] -= t.q[1]
		}
		// dM_n/dψ = n² M_{n-1} sin ψ, term by term.
		t.taylor = make([]float64, terms)
		sine := make([]float64, terms) // of sin ψ/ψ in ψ²
		sine[0] = 1
		for i := 1; i < terms; i++ {
			sine[i] = -sine[i-1] / float64(2*i*(2*i+1))
		}
		for i := range terms {
			var v float64
			for j := 0; j <= i; j++ {
				v += last.taylor[j] * sine[i-j]
			}
			t.taylor[i] = n2 * v / float64(2*n+1+2*i)
		}
		tables = append(tables, t)
	}
	return tables
})

// ArcCosineKernel returns the arc-cosine kernel of the degree n, 0 … 12,
// J_n(θ) (‖x‖²‖x'‖²/d²)^{n/2}/π: 2 E[max(u,0)^n max(v,0)^n].
//
// Source: [CS09] eq. 3.
func ArcCosineKernel(degree int) (Kernel, error) {
	if degree < 0 || degree > maxRectified {
		return Kernel{}, fmt.Errorf("ntk: degree is %d; it must be 0 … %d", degree, maxRectified)
	}
	var phi Activation = RectifiedMonomial{degree}
	if degree == 0 {
		phi = Step{}
	}
	net, err := NewFCN([]Layer{{Activation: phi, WeightStd: 1}}, Readout{WeightStd: math.Sqrt2})
	if err != nil {
		return Kernel{}, err
	}
	K, err := net.NNGP()
	K.name = fmt.Sprintf("arc-cosine kernel of degree %d", degree)
	return K, err
}
