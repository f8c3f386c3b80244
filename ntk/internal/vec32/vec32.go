// Package vec32 has the loops of single-precision nets that a matrix library
// does not have: activations, and products of which one side is a few rows or
// columns. On processors with AVX2 and FMA they work on eight numbers at a time,
// with AVX-512 those of convolutional kernels on sixteen.
//
// With the portable arithmetic (KERNELSMITH_OPENBLAS=off), and on other
// processors, they are plain Go. The two agree to rounding.
package vec32

import (
	"math"
	"os"
)

// wide is whether the processor's vectors are used.
var wide = hasVectors() && os.Getenv("KERNELSMITH_OPENBLAS") != "off"

// wider is whether vectors of sixteen numbers are used, too.
var wider = wide && hasLongVectors()

// Wide reports whether vectors are used, which [Box] needs, and without which [Product] and [Dots]
// gain nothing over a matrix library.
func Wide() bool { return wide }

// ReLU sets value[i] = max(z[i], 0) and derivative[i] to 1 where z[i] > 0, else 0;
// NaN gives NaN. The three slices have one length; value or derivative may be z
// itself.
func ReLU(value, derivative, z []float32) {
	value, derivative = value[:len(z)], derivative[:len(z)]
	done := 0
	if n := len(z) &^ 7; wide && n > 0 {
		relu(&value[0], &derivative[0], &z[0], n)
		done = n
	}
	for i := done; i < len(z); i++ {
		value[i], derivative[i] = Step(z[i])
	}
}

// Step returns max(x, 0) and 1 where x > 0, else 0; NaN gives NaN. Pre-activations
// have either sign at random, which a branch cannot predict: mask is all ones where
// x ≤ 0.
func Step(x float32) (value, derivative float32) {
	if x != x {
		return x, x
	}
	const one = 0x3f800000
	bits := int32(math.Float32bits(x))
	mask := uint32((bits | (bits - 1)) >> 31)
	return math.Float32frombits(uint32(bits) &^ mask), math.Float32frombits(one &^ mask)
}

// Line is Slope·z + Offset + Hinge·max(z - Kink, 0), or with Reflected
// Slope·z + Offset + Hinge·max(Kink - z, 0). A factor of 0 leaves its term out, also
// at infinity.
type Line struct {
	Slope, Offset, Hinge, Kink float32
	Reflected                  bool
}

// AddLine adds the function at z[i] to value[i] and its derivative, with 0 for the
// hinge's at its kink, to derivative[i]; NaN gives NaN. The three slices have one
// length and do not overlap.
func AddLine(value, derivative, z []float32, l Line) {
	value, derivative = value[:len(z)], derivative[:len(z)]
	sign := float32(1)
	if l.Reflected {
		sign = -1
	}
	done := 0
	if n := len(z) &^ 7; wide && n > 0 {
		addLine(&value[0], &derivative[0], &z[0], n,
			&lineConstants{l.Slope, l.Offset, l.Hinge, l.Kink, sign, sign * l.Hinge})
		done = n
	}
	for i := done; i < len(z); i++ {
		x := z[i]
		if l.Slope != 0 {
			value[i] += l.Slope * x
		}
		above, step := Step(sign * (x - l.Kink))
		if l.Hinge != 0 || x != x {
			value[i] += l.Hinge * above
			derivative[i] += sign * l.Hinge * step
		}
		value[i] += l.Offset
		derivative[i] += l.Slope
	}
}

// lineConstants is read by the assembly.
type lineConstants struct{ slope, offset, hinge, kink, sign, step float32 }

// Multiply sets x[i] to x[i]·by[i].
func Multiply(x, by []float32) {
	by = by[:len(x)]
	done := 0
	if n := len(x) &^ 7; wide && n > 0 {
		multiply(&x[0], &by[0], n)
		done = n
	}
	for i := done; i < len(x); i++ {
		x[i] *= by[i]
	}
}

// AddScaled adds c·by[i] to x[i].
func AddScaled(x []float32, c float32, by []float32) {
	by = by[:len(x)]
	done := 0
	if n := len(x) &^ 7; wide && n > 0 {
		addScaled(&x[0], c, &by[0], n)
		done = n
	}
	for i := done; i < len(x); i++ {
		x[i] += c * by[i]
	}
}

// Lanes is what Product needs widths to be a multiple of.
const Lanes = 32

// Product adds A·B to the rows×cols matrix C, or sets C to it if add is false, where
// A is rows×inner and B inner×cols, and cols a multiple of [Lanes]. Row i and column k of
// A are at a[i*rowStep+k*colStep]; B and C have the rows' distances ldb and ldc.
func Product(
	add bool, rows, cols, inner int, a []float32, rowStep, colStep int, b []float32, ldb int,
	c []float32, ldc int,
) {
	if rows == 0 || cols == 0 {
		return
	}
	if cols%Lanes != 0 || cols > ldc {
		panic("vec32: the columns of a product are not whole vectors, or more than the rows' " +
			"distance")
	}
	_ = c[(rows-1)*ldc+cols-1]
	if inner > 0 {
		_, _ = a[(rows-1)*rowStep+(inner-1)*colStep], b[(inner-1)*ldb+cols-1]
	}
	if !wide || inner == 0 {
		for i := range rows {
			row := c[i*ldc : i*ldc+cols]
			if !add {
				clear(row)
			}
			for k := range inner {
				v := a[i*rowStep+k*colStep]
				for j, w := range b[k*ldb : k*ldb+cols] {
					row[j] += v * w
				}
			}
		}
		return
	}
	i := 0
	for ; i+3 <= rows; i += 3 {
		product(&c[i*ldc], 4*ldc, &a[i*rowStep], 4*rowStep, 4*colStep, &b[0], 4*ldb, cols, inner,
			add)
	}
	for ; i < rows; i++ { // the same row thrice
		product(&c[i*ldc], 0, &a[i*rowStep], 0, 4*colStep, &b[0], 4*ldb, cols, inner, add)
	}
}

// Dots adds h[i]·v[j] to out[i*outs+j] for each of the rows h[i] of H and each of
// the outs rows v[j] of V, of n numbers at the distances ldh and ldv.
func Dots(out []float32, rows, outs, n int, h []float32, ldh int, v []float32, ldv int) {
	if rows == 0 || outs == 0 || n == 0 {
		return
	}
	_, _, _ = out[rows*outs-1], h[(rows-1)*ldh+n-1], v[(outs-1)*ldv+n-1]
	done := 0
	if whole := n &^ 7; wide && whole > 0 {
		for i := 0; i < rows; i += 4 {
			if i+4 <= rows {
				dotsOf(out[i*outs:], 4, outs, whole, h[i*ldh:], 4*ldh, v, ldv)
				continue
			}
			for ; i < rows; i++ { // the same row four times
				dotsOf(out[i*outs:], 1, outs, whole, h[i*ldh:], 0, v, ldv)
			}
		}
		done = whole
	}
	for i := range rows {
		for j := range outs {
			sum := float32(0)
			for k := done; k < n; k++ {
				sum += h[i*ldh+k] * v[j*ldv+k]
			}
			out[i*outs+j] += sum
		}
	}
}

// dotsOf is Dots for 4 rows, or for one with stepH 0. A last output without a
// second is taken twice.
func dotsOf(out []float32, rows, outs, n int, h []float32, stepH int, v []float32, ldv int) {
	var sums [8]float32
	for j := 0; j < outs; j += 2 {
		second := j+1 < outs
		stepV := 0
		if second {
			stepV = 4 * ldv
		}
		dots(&sums, &h[0], stepH, &v[j*ldv], stepV, n)
		for r := range rows {
			out[r*outs+j] += sums[2*r]
			if second {
				out[r*outs+j+1] += sums[2*r+1]
			}
		}
	}
}
