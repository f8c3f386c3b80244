package ntk

import (
	"fmt"
	"math"

	"github.com/kernelsmith/kernelsmith/ntk/internal/accel"
	"gonum.org/v1/gonum/mat"
)

// MSE returns the mean over the rows (points) of the sum over the columns
// (outputs) of (f - y)², without a factor ½. The shapes must be equal.
func MSE(f, y mat.Matrix) (float64, error) {
	n, o, err := sameShape(f, y)
	if err != nil {
		return 0, err
	}
	var sum float64
	for i := range n {
		for j := range o {
			d := f.At(i, j) - y.At(i, j)
			sum += d * d
		}
	}
	return sum / float64(n), nil
}

// Accuracy returns the part of the rows where f and y have their largest entry
// in the same column (the first of equal ones); for one column, where both are
// positive or both negative. A row with a NaN counts as wrong. The shapes must
// be equal.
func Accuracy(f, y mat.Matrix) (float64, error) {
	n, o, err := sameShape(f, y)
	if err != nil {
		return 0, err
	}
	right := 0
	for i := range n {
		if o == 1 {
			if f.At(i, 0)*y.At(i, 0) > 0 {
				right++
			}
			continue
		}
		a, b, valid := 0, 0, true
		for j := range o {
			valid = valid && !math.IsNaN(f.At(i, j)) && !math.IsNaN(y.At(i, j))
			if f.At(i, j) > f.At(i, a) {
				a = j
			}
			if y.At(i, j) > y.At(i, b) {
				b = j
			}
		}
		if valid && a == b {
			right++
		}
	}
	return float64(right) / float64(n), nil
}

func sameShape(f, y mat.Matrix) (n, o int, err error) {
	n, o = f.Dims()
	ny, oy := y.Dims()
	if n != ny || o != oy {
		return 0, 0, fmt.Errorf("ntk: outputs are %d×%d, targets %d×%d; they must have one shape",
			n, o, ny, oy)
	}
	if n == 0 || o == 0 {
		return 0, 0, fmt.Errorf("ntk: no outputs to compare")
	}
	return n, o, nil
}

// BLAS tells in one line which arithmetic the matrix products use: library,
// CPU kernels and threads. The environment variable KERNELSMITH_OPENBLAS names
// a library, or is "off" for portable Go code.
func BLAS() string { return accel.Current().String() }
