package regress

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
)

// Confusion counts classes: entry [i][j] of what it returns is the number of rows of class i that
// are taken for class j. The class of a row of the targets y is the column of its largest entry, as
// in one-hot targets, which must be one; f takes a row for the column of its largest entry, the
// first of equal ones. A single column has the classes 0, negative, and 1, positive, and an output
// 0 is taken for the wrong one. So the diagonal holds what [ntk.Accuracy] counts.
//
// The shapes must be equal and the entries numbers.
func Confusion(f, y mat.Matrix) ([][]int, error) {
	classes, err := classesOf(f, y)
	if err != nil {
		return nil, err
	}
	_, o := f.Dims()
	table := make([][]int, max(o, 2))
	for i := range table {
		table[i] = make([]int, len(table))
	}
	for i, class := range classes {
		taken := 0
		switch {
		case o > 1:
			for j := range o {
				if f.At(i, j) > f.At(i, taken) {
					taken = j
				}
			}
		case f.At(i, 0) > 0 || f.At(i, 0) == 0 && class == 0:
			taken = 1
		}
		table[class][taken]++
	}
	return table, nil
}

// Margins returns for each row how far the output of its class, as [Confusion] has it, lies above
// the largest of the others; of a single column, f times the sign of y. A negative margin is a
// wrong class.
func Margins(f, y mat.Matrix) ([]float64, error) {
	classes, err := classesOf(f, y)
	if err != nil {
		return nil, err
	}
	_, o := f.Dims()
	margins := make([]float64, len(classes))
	for i, class := range classes {
		if o == 1 {
			margins[i] = f.At(i, 0) * float64(2*class-1)
			continue
		}
		other := math.Inf(-1)
		for j := range o {
			if j != class {
				other = math.Max(other, f.At(i, j))
			}
		}
		margins[i] = f.At(i, class) - other
	}
	return margins, nil
}

// classesOf returns the classes of the rows of y, or what is wrong with the outputs f beside them.
func classesOf(f, y mat.Matrix) ([]int, error) {
	if f == nil || y == nil {
		return nil, fmt.Errorf("regress: outputs and targets are needed")
	}
	n, o := f.Dims()
	if rows, columns := y.Dims(); rows != n || columns != o || n == 0 || o == 0 {
		return nil, fmt.Errorf("regress: outputs are %d×%d, targets %d×%d; they must have one "+
			"shape, with entries", n, o, rows, columns)
	}
	classes := make([]int, n)
	for i := range n {
		ties := 0
		for j := range o {
			if math.IsNaN(f.At(i, j)) || math.IsNaN(y.At(i, j)) {
				return nil, fmt.Errorf("regress: row %d, column %d is NaN; it has no class", i, j)
			}
			switch top := y.At(i, classes[i]); {
			case y.At(i, j) > top:
				classes[i], ties = j, 0
			case y.At(i, j) == top && j > 0:
				ties++
			}
		}
		if o == 1 && y.At(i, 0) > 0 {
			classes[i] = 1
		}
		if ties > 0 || o == 1 && y.At(i, 0) == 0 {
			return nil, fmt.Errorf("regress: the targets in row %d name no class: the largest "+
				"entry must be one, and of a single column not 0", i)
		}
	}
	return classes, nil
}

// ClassProbabilities returns for each row how likely each class wins: the probability that its
// output is the largest, where the outputs of the row are independent and normal with the given
// means, m×outputs, and one variance ≥ 0 for each row. Of a single column it is the probability of
// an output > 0.
//
// With the mean and the variances of an [Ensemble] that is the part of the nets that choose the
// class; with those of a [Ridge], what the posterior of the regression on one-hot targets says. It
// is no estimate of how often the class occurs at that input: for that the outputs would have to be
// fitted by a likelihood of classes.
//
// Probabilities are right to 1e-14, and rows of two or more columns have the sum 1.
func ClassProbabilities(mean *mat.Dense, variance []float64) (*mat.Dense, error) {
	if mean == nil || mean.IsEmpty() {
		return nil, fmt.Errorf("regress: means are needed")
	}
	m, o := mean.Dims()
	if len(variance) != m {
		return nil, fmt.Errorf("regress: %d variances for %d rows of means", len(variance), m)
	}
	if err := finiteEntries("mean", contiguous(mean), o); err != nil {
		return nil, err
	}
	out := mat.NewDense(m, o, nil)
	for i, v := range variance {
		if !(v >= 0) || math.IsInf(v, 0) {
			return nil, fmt.Errorf("regress: the variance of row %d is %v; it must be a finite "+
				"number ≥ 0", i, v)
		}
		win(out.RawRowView(i), mean.RawRowView(i), math.Sqrt(v))
	}
	return out, nil
}

// win sets p to the probabilities that each of several normal variables is the largest.
func win(p, mean []float64, std float64) {
	top := floats.Max(mean)
	if len(mean) == 1 {
		p[0] = normalBelow(mean[0] / std) // 0/0 is NaN
		if std == 0 {
			p[0] = 0
			if top > 0 {
				p[0] = 1
			}
		}
		return
	}
	// Differences that overflow in units of std decide as those that do not.
	far := make([]float64, len(mean))
	for j, v := range mean {
		far[j] = (top - v) / std
		if v == top {
			far[j] = 0
		}
	}
	// ∫ φ(u + far_j) Π Φ(u + far_k) du over k ≠ j by the trapezoidal rule, which for functions as
	// smooth as these converges exponentially: u is the largest in units of std above the top mean.
	const step, end = 0.125, 9.0
	before, after := make([]float64, len(mean)+1), make([]float64, len(mean)+1)
	for u := -end; u <= end; u += step {
		before[0], after[len(mean)] = 1, 1
		for j := range mean {
			before[j+1] = before[j] * normalBelow(u+far[j])
		}
		for j := len(mean) - 1; j >= 0; j-- {
			after[j] = after[j+1] * normalBelow(u+far[j])
			x := u + far[j]
			p[j] += step / math.Sqrt(2*math.Pi) * math.Exp(-x*x/2) * before[j] * after[j+1]
		}
	}
	floats.Scale(1/floats.Sum(p), p)
}

// normalBelow is the probability that a standard normal variable is below x.
func normalBelow(x float64) float64 { return math.Erfc(-x/math.Sqrt2) / 2 }
