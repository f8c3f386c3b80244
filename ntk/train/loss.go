package train

import (
	"fmt"
	"math"

	"github.com/kernelsmith/kernelsmith/ntk"
	"gonum.org/v1/gonum/mat"
)

// Loss is the function whose mean over the points training minimises.
type Loss int

const (
	// SquaredError is the sum over the outputs of (f - y)², without ½; see ntk.MSE.
	SquaredError Loss = iota
	// CrossEntropy is -Σ y log softmax(f), with the sum over two or more outputs. A
	// row of targets holds probabilities of the classes, for example one-hot: they are
	// not negative, and their sum is 1 within 1e-6.
	CrossEntropy
)

// String returns the name of the loss, which is part of identities and traces.
func (l Loss) String() string {
	switch l {
	case SquaredError:
		return "mean squared error"
	case CrossEntropy:
		return "cross-entropy"
	}
	return fmt.Sprintf("loss %d", int(l))
}

// of returns the mean loss over the rows, which are as many in y as in f.
func (l Loss) of(f, y *mat.Dense) float64 {
	if l == SquaredError {
		return ntk.Must(ntk.MSE(f, y))
	}
	var sum float64
	n, _ := f.Dims()
	for i := range n {
		sum += crossEntropy(f.RawRowView(i), y.RawRowView(i))
	}
	return sum / float64(n)
}

// crossEntropy is log Σ e^f - Σ y f for y of sum 1, shifted by the largest f.
func crossEntropy(f, y []float64) float64 {
	top, total := logSum(f)
	sum := math.Log(total)
	for j, v := range f {
		sum -= y[j] * (v - top)
	}
	return sum
}

func logSum(f []float64) (top, total float64) {
	top = math.Inf(-1)
	for _, v := range f {
		top = math.Max(top, v)
	}
	for _, v := range f {
		total += math.Exp(v - top)
	}
	return top, total
}

// derivative sets d to factor · ∂/∂f of the sum of the losses of the rows and
// returns their mean.
func (l Loss) derivative(d []float32, f, y []float64, outputs int, factor float64) float64 {
	var sum float64
	n := len(f) / outputs
	if l == SquaredError {
		c := 2 * factor
		for i := range f {
			e := f[i] - y[i]
			sum += e * e
			d[i] = float32(c * e)
		}
		return sum / float64(n)
	}
	for r := range n {
		row, target := f[r*outputs:(r+1)*outputs], y[r*outputs:(r+1)*outputs]
		sum += crossEntropy(row, target)
		top, total := logSum(row)
		for j, v := range row {
			d[r*outputs+j] = float32(factor * (math.Exp(v-top)/total - target[j]))
		}
	}
	return sum / float64(n)
}

func checkClasses(y *mat.Dense, name string) error {
	rows, outputs := y.Dims()
	if outputs < 2 {
		return fmt.Errorf("train: cross-entropy needs two or more outputs; %s has %d column", name,
			outputs)
	}
	for i := range rows {
		var sum float64
		for j, v := range y.RawRowView(i) {
			if v < 0 {
				return fmt.Errorf(
					"train: %s is %v in row %d, column %d; cross-entropy needs probabilities, "+
						"none negative", name, v, i, j)
			}
			sum += v
		}
		if math.Abs(sum-1) > 1e-6 {
			return fmt.Errorf(
				"train: row %d of %s has the sum %v; cross-entropy needs probabilities of sum 1", i,
				name, sum)
		}
	}
	return nil
}
