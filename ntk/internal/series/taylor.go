package series

import (
	"math"
	"math/big"
)

// TaylorShift rewrites Σ a_k c^k as a series in x = slope·c + shift. The numbers
// given are taken as exact and the arithmetic keeps all digits that can count, so
// that signs are right; bounds are those of rounding the results to double
// precision.
func TaylorShift(a []float64, slope, shift float64) (out, bound []float64) {
	n := len(a)
	out, bound = make([]float64, n), make([]float64, n)
	// A step multiplies by shift and divides by slope: digits lost to cancellation are
	// at most log2((1+shift)/slope) a step, and a step rounds once.
	digits := 200 + uint(float64(n)*(2+2*math.Abs(math.Log2((1+shift)/slope))))
	number := func(v float64) *big.Float { return new(big.Float).SetPrec(digits).SetFloat64(v) }
	zero := number(0)
	x := make([]*big.Float, n)
	for j := range x {
		x[j] = number(0)
	}
	by, over := number(-shift), number(slope)
	// Horner: p ← p·(x - shift)/slope + a_k.
	for k := n - 1; k >= 0; k-- {
		for j := n - 1 - k; j >= 0; j-- {
			x[j].Mul(x[j], by)
			if j > 0 {
				x[j].Add(x[j], x[j-1])
			}
			x[j].Quo(x[j], over)
		}
		x[0].Add(x[0], number(a[k]))
	}
	var size float64
	for j := range out {
		out[j], _ = x[j].Float64()
		size = math.Max(size, math.Abs(out[j]))
	}
	for j := range out {
		switch {
		case math.IsInf(out[j], 0):
			bound[j] = math.Inf(1)
		case x[j].Cmp(zero) != 0 && math.Abs(out[j]) < 0x1p-120*size:
			out[j] = 0 // a division's last digit, where exactly nothing is left
		default:
			bound[j] = 0x1p-53 * math.Abs(out[j])
		}
	}
	return out, bound
}

// ShiftedRounding is by how much the rounding of the coefficients a moves each of the
// shifted ones.
func ShiftedRounding(a []float64, slope, shift float64) []float64 {
	n := len(a)
	size := make([]float64, n) // the shift with all terms of one sign
	for k := n - 1; k >= 0; k-- {
		for j := n - 1 - k; j >= 0; j-- {
			m := shift * size[j]
			if j > 0 {
				m += size[j-1]
			}
			size[j] = m / slope
		}
		size[0] += math.Abs(a[k])
	}
	for j := range size {
		size[j] *= 0x1p-52
	}
	return size
}

// Unshift rewrites Σ a_k (slope·c + shift)^k in c; all is ≥ 0 and nothing
// cancels.
func Unshift(a []float64, slope, shift float64) []float64 {
	out := make([]float64, len(a))
	for k := len(a) - 1; k >= 0; k-- {
		for j := len(a) - 1 - k; j >= 0; j-- {
			out[j] *= shift
			if j > 0 {
				out[j] += slope * out[j-1]
			}
		}
		out[0] += a[k]
	}
	return out
}
