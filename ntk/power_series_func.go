package ntk

import (
	"fmt"
	"math"
	"slices"

	"github.com/kernelsmith/kernelsmith/ntk/internal/special"
)

// maxSeries is the highest degree that SeriesFunc goes to.
const maxSeries = 20000

// SeriesFunc returns the kernel K(c) = Σ a(k) c^k of an infinite power series, such as e^c with
// a(k) = 1/k!. As rest(k) it needs a bound on what comes after c^k, Σ_{j>k} |a(j)|: with it package
// inverse can prove that a net has the kernel, where the values of a function of c are evidence
// alone. The series is cut off where the bound is below the rounding of K(1), at the degree that
// [Kernel.Series] shows, so that what is proved is proved of a kernel that no value tells from K.
//
// A negative a(k) is no error, as in [FromFunc]: package inverse refuses the kernel. It is an error
// if a coefficient is NaN or infinite, if rest does not fall below rounding up to degree 20,000
// (write a series that falls so slowly as the kernel of a net or by a name), or if it is smaller
// than the coefficients that follow say.
func SeriesFunc(name string, a, rest func(k int) float64) (Kernel, error) {
	if a == nil || rest == nil {
		return Kernel{}, fmt.Errorf("ntk: kernel %q needs a function of its coefficients and a "+
			"bound on the rest; one is nil", name)
	}
	var coeffs, bounds []float64
	for k, size := 0, 0.0; ; k++ {
		v, bound := a(k), rest(k)
		if !special.Finite(v) {
			return Kernel{}, fmt.Errorf("ntk: coefficient a_%d of kernel %q is %v; it must be "+
				"finite", k, name, v)
		}
		if !(bound >= 0) {
			return Kernel{}, fmt.Errorf("ntk: the bound on the rest of kernel %q after c^%d is "+
				"%v; it must be ≥ 0", name, k, bound)
		}
		coeffs, bounds, size = append(coeffs, v), append(bounds, bound), size+math.Abs(v)
		if bound <= 0x1p-53*size || bound == 0 {
			break
		}
		if k == maxSeries {
			return Kernel{}, fmt.Errorf("ntk: the rest of kernel %q after c^%d is up to %.3g; it "+
				"falls too slowly", name, k, bound)
		}
	}
	after := 0.0 // what the coefficients say of the rest, at least
	for k := len(coeffs) - 1; k >= 0; k-- {
		if bounds[k] < after*(1-1e-9) {
			return Kernel{}, fmt.Errorf("ntk: the rest of kernel %q after c^%d is at least %.6g "+
				"by its coefficients, more than the bound %.6g; give a bound on Σ |a(j)| over "+
				"j > k", name, k, after, bounds[k])
		}
		after += math.Abs(coeffs[k])
	}
	series := PowerSeries{a: coeffs}
	K := cosineKernel(name, series.At, &expansion{
		coeffs: func(degree int) ([]float64, error) {
			return append(slices.Clone(coeffs), make([]float64,
				max(0, degree+1-len(coeffs)))...)[:degree+1], nil
		},
		nonneg: !slices.ContainsFunc(coeffs, func(v float64) bool { return v < 0 }),
		ends:   len(coeffs),
	})
	return K, nil
}
