package ntk

import (
	"fmt"
	"math"
	"slices"

	"github.com/kernelsmith/kernelsmith/ntk/hermite"
	"github.com/kernelsmith/kernelsmith/ntk/internal/quadrature"
	"github.com/kernelsmith/kernelsmith/ntk/internal/special"
)

// HermiteCoeffs returns b_k = E[φ(σz) h_k(z)] for k < n, z standard normal: the
// expansion of φ on pre-activations of standard deviation σ, by which
// E[φ(u)φ(v)] = Σ b_k² ρ^k. The package's activations have it in closed form (to
// rounding relative to the norm of φ), but for Tanh, Sigmoid, Softplus and SiLU. These
// and others have it by quadrature, for σ up to what they were resolved for, with the
// tolerance they were built for or a [*hermite.ToleranceError].
func HermiteCoeffs(phi Activation, sigma float64, n int) ([]float64, error) {
	if err := validate(phi); err != nil {
		return nil, err
	}
	if !(sigma >= 0) || math.IsInf(sigma, 0) {
		return nil, fmt.Errorf("ntk: σ is %v; it must be a finite number ≥ 0", sigma)
	}
	if n < 0 {
		return nil, fmt.Errorf("ntk: %d coefficients; the number must be ≥ 0", n)
	}
	out, err := hermiteCoeffs(phi, sigma, n)
	if err != nil {
		return nil, err
	}
	for k, b := range out {
		if !special.Finite(b) {
			return nil, fmt.Errorf(
				"ntk: the Hermite coefficient b_%d of %s at σ = %v is too large for double "+
					"precision",
				k,
				nameOf(phi),
				sigma,
			)
		}
	}
	return out, nil
}

func hermiteCoeffs(phi Activation, sigma float64, n int) ([]float64, error) {
	resize := func(b []float64) []float64 {
		return append(b, make([]float64, max(0, n-len(b)))...)[:n]
	}
	phi = unwrap(phi)
	switch a := phi.(type) {
	case hermite.Series:
		return resize(a.Scaled(sigma).Coeffs()), nil
	case Polynomial:
		return resize(monomialCoeffs(a.Coeffs, sigma)), nil
	case ReLU:
		return rectifiedCoeffs(1, sigma, n), nil
	case RectifiedMonomial:
		return rectifiedCoeffs(a.Degree, sigma, n), nil
	case TwoSlope: // p relu(z) - n relu(-z): the even and odd parts
		b := rectifiedCoeffs(1, sigma, n)
		for k := range b {
			b[k] *= a.Positive - a.Negative*float64(1-2*(k%2))
		}
		return b, nil
	case closed:
		if sigma == 0 {
			b := make([]float64, n)
			if n > 0 {
				b[0] = phi.Value(0)
			}
			return b, nil
		}
		return a.atoms().Coeffs(sigma, n), nil
	}
	return numericCoeffs(phi, sigma, n)
}

// rectifiedCoeffs is E[max(σz, 0)^m h_k(z)], from the step's by Stein's
// identity, E[f h_k] = E[f' h_{k-1}]/√k.
func rectifiedCoeffs(m int, sigma float64, n int) []float64 {
	b := make([]float64, n)
	var h, previous float64
	for k := range b {
		if k == 0 {
			b[0] = 0.5
			continue
		}
		if k == 1 {
			h, previous = 1, 0
		} else {
			h, previous = 0-math.Sqrt(float64(k-2)/float64(k-1))*previous, h // 0 - 0 is not -0
		}
		b[k] = h * special.NormalDensity(0) / math.Sqrt(float64(k))
	}
	moment := []float64{0.5, special.NormalDensity(0)} // E[max(z, 0)^i]
	for i := 1; i <= m; i++ {
		if i > 1 {
			moment = append(moment, float64(i-1)*moment[i-2])
		}
		for k := n - 1; k > 0; k-- {
			b[k] = float64(i) * b[k-1] / math.Sqrt(float64(k))
		}
		if n > 0 {
			b[0] = moment[i]
		}
	}
	for k := range b {
		b[k] *= math.Pow(sigma, float64(m))
	}
	return b
}

// numericCoeffs takes the function's own coefficients where they do, and else panels:
// those of a function with a kink fall like a power.
func numericCoeffs(phi Activation, sigma float64, n int) ([]float64, error) {
	fn, err := functionOf(phi, sigma)
	if err != nil {
		return nil, err
	}
	if n <= hermite.MaxCoeffs || sigma < 1e-100 {
		b, _, err := fn.Coeffs(sigma, min(n, hermite.MaxCoeffs))
		return append(b, make([]float64, n-len(b))...), err
	}
	if n > maxHermite {
		return nil, fmt.Errorf("ntk: %d Hermite coefficients of %s; by quadrature %d can be had", n,
			nameOf(phi), maxHermite)
	}
	if _, _, err := fn.Coeffs(sigma, 1); err != nil { // σ out of range
		return nil, err
	}
	unit, err := panelUnit(fn, sigma)
	if err != nil {
		return nil, err
	}
	return panelCoeffs(fn, sigma, 0, unit, n), nil
}

// functionOf resolves what is not yet.
func functionOf(phi Activation, sigma float64) (*hermite.Function, error) {
	if r, ok := phi.(resolver); ok {
		return r.function(), nil
	}
	fn, err := hermite.Resolve(phi.Value, phi.Derivative, &hermite.ResolveSettings{
		Kinks: KinksOf(phi), Jumps: JumpsOf(phi), MaxStd: math.Max(sigma, 1),
	})
	if err != nil {
		return nil, fmt.Errorf("ntk: %s: %w", nameOf(phi), err)
	}
	return fn, nil
}

// maxHermite bounds the number of Hermite coefficients that a composition asks
// for.
const maxHermite = 60000

// panelNodes is the number of nodes of each panel's rule.
const panelNodes = 20

// panelUnit returns the width in z of panels that resolve φ at standard deviation
// sigma: half of it changes nothing.
func panelUnit(fn *hermite.Function, sigma float64) (float64, error) {
	const n = 64
	unit := 2.0
	b := panelCoeffs(fn, sigma, 0, unit, n)
	for range 8 {
		half := panelCoeffs(fn, sigma, 0, unit/2, n)
		var e, size float64
		for k := range b {
			e, size = math.Max(e, math.Abs(b[k]-half[k])), math.Hypot(size, half[k])
		}
		if e <= math.Max(1e-14, fn.Tolerance()/1000)*size {
			return unit, nil
		}
		unit, b = unit/2, half
	}
	return 0, fmt.Errorf(
		"ntk: the Hermite coefficients at σ = %v do not converge: panels of %.3g do not resolve "+
			"the activation",
		sigma,
		unit,
	)
}

// panelCoeffs returns E[φ(t + s a) h_k(a)], k < n, for n as large as one likes:
// 20 points to a panel, which resolve φ between its kinks and the phase √k a of h_k.
func panelCoeffs(fn *hermite.Function, s, t, unit float64, n int) []float64 {
	const reach = 13 // beyond, E[φ²] has 1e-36 of its size
	nodes, weights := quadrature.Legendre(panelNodes)
	b := make([]float64, n)
	up, down := make([]float64, n), make([]float64, n)
	for k := 1; k < n; k++ {
		up[k], down[k] = 1/math.Sqrt(float64(k)), math.Sqrt(float64(k-1)/float64(k))
	}
	width := math.Min(math.Min(1, unit/s), 16/math.Sqrt(float64(n)))
	edges := []float64{-reach, reach}
	for _, z := range slices.Concat(fn.Kinks(), fn.Jumps()) {
		if a := (z - t) / s; math.Abs(a) < reach {
			edges = append(edges, a)
		}
	}
	slices.Sort(edges)
	for i := 1; i < len(edges); i++ {
		panels := math.Ceil((edges[i] - edges[i-1]) / width)
		half := (edges[i] - edges[i-1]) / panels / 2
		for p := range int(panels) {
			mid := edges[i-1] + half*float64(2*p+1)
			for j := 0; j < panelNodes; j += 4 {
				var z, h, previous [4]float64
				for l := range z {
					z[l] = mid + half*nodes[j+l]
					// the weights go with h, which is linear in them
					h[l] = half * weights[j+l] * special.NormalDensity(z[l]) * fn.Value(
						t+s*z[l])
				}
				for k := range b {
					if k > 0 {
						u, d := up[k], down[k]
						for l := range z {
							h[l], previous[l] = u*z[l]*h[l]-d*previous[l], h[l]
						}
					}
					b[k] += (h[0] + h[1]) + (h[2] + h[3])
				}
			}
		}
	}
	return b
}

// thinned expands Σ b_k y^k around y0 = 1 - gap in ζ = (y-y0)/gap, so that all
// coefficients stay nonnegative and keep their sum: since y = y0 + (1-y0)ζ, b_k
// goes to the degrees j ≤ k in proportion to the binomial distribution of k
// trials of probability 1 - y0.
func thinned(b []float64, y0, gap float64, n int) []float64 {
	out := make([]float64, n)
	if y0 <= 0 {
		copy(out, b)
		return out
	}
	odds := gap / y0
	for k, v := range b {
		if v == 0 {
			continue
		}
		// the distribution around its mode, outwards by its recurrence
		mode := min(int(float64(k+1)*gap), k)
		top := v * binomialProbability(mode, k, gap, y0)
		p := top
		for j := mode; j < k; j++ {
			if j < n {
				out[j] += p
			}
			p *= float64(k-j) / float64(j+1) * odds
			if p < 1e-25*top || j+1 >= n {
				p = 0
				break
			}
		}
		if k < n {
			out[k] += p
		}
		p = top
		for j := mode; j > 0; j-- {
			p *= float64(j) / (float64(k-j+1) * odds)
			if p < 1e-25*top {
				break
			}
			if j-1 < n {
				out[j-1] += p
			}
		}
	}
	return out
}
