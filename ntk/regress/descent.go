package regress

import (
	"context"
	"fmt"
	"math"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/internal/accel"
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/mat"
)

// Descent is full-batch gradient descent on a net of infinite width, solved in
// the eigenvectors of the NTK: the centred outputs at any epoch, without the
// steps before it. For the n training points, with Θ = V Λ Vᵀ,
//
//	f_t(X) = V (I - (I - 2ηΛ/n)^t) Vᵀ y
//	f_t(x) = Θ(x, X) V Λ⁻¹ (I - (I - 2ηΛ/n)^t) Vᵀ y
//
// for the loss without ½ and the step θ ← θ - η ∂loss/∂θ of package train.
// Where λ = 0, the factor Λ⁻¹(…) is 2ηt/n.
type Descent struct {
	n, m, outputs int
	rate          float64
	values        []float64 // λ, ascending, none negative
	vectors       []float64 // V, n×n
	cross         []float64 // Θ(test, X) V, m×n
	projected     []float64 // Vᵀ y, n×outputs
}

// Numerics is the version of what [Descent] computes. It is raised when the
// same input gives other results than before, beyond rounding, so that records
// of earlier versions are not taken for them.
const Numerics = 1

// UnstableError reports a learning rate at which gradient descent on the
// infinite-width net diverges.
type UnstableError struct {
	LearningRate float64
	Limit        float64 // n/λ_max
}

// Error implements error.
func (e *UnstableError) Error() string {
	return fmt.Sprintf(
		"regress: learning rate %v is unstable: gradient descent on this kernel converges below "+
			"n/λ_max = %.6g", e.LearningRate, e.Limit)
}

// IndefiniteError reports a Gram matrix with an eigenvalue more negative than
// rounding explains.
type IndefiniteError struct {
	Least, Largest float64
}

// Error implements error.
func (e *IndefiniteError) Error() string {
	return fmt.Sprintf(
		"regress: the Gram matrix is not positive semidefinite: its eigenvalues go from %.6g to "+
			"%.6g", e.Least, e.Largest)
}

// NewDescent prepares the prediction: train is the n×n NTK Gram matrix of the
// training points, test the m×n one between test and training points, y the
// n×outputs targets. The learning rate must be a finite number > 0; one at or
// above n/λ_max is an [*UnstableError]; a Gram matrix with a truly negative eigenvalue is a
// [*IndefiniteError]. Matrices are read as by [NewRidge].
//
// Cost: one eigendecomposition, O(n³), and O(n²·(m + outputs)).
func NewDescent(
	ctx context.Context, train, test ntk.Tiles[float64], y *mat.Dense, learningRate float64,
) (*Descent, error) {
	if isEmpty(train) || isEmpty(test) || y == nil || isEmpty(ntk.MatrixTiles(y)) {
		return nil, fmt.Errorf(
			"regress: a Gram matrix, a cross matrix and targets are needed, each with entries")
	}
	if !(learningRate > 0) || math.IsInf(learningRate, 0) {
		return nil, fmt.Errorf("regress: learning rate is %v; it must be a finite number > 0",
			learningRate)
	}
	n, _ := train.Dims()
	m, testCols := test.Dims()
	yRows, outputs := y.Dims()
	if testCols != n {
		return nil, fmt.Errorf("regress: the cross matrix has %d columns for %d training points",
			testCols, n)
	}
	if yRows != n {
		return nil, fmt.Errorf("regress: %d rows of targets for %d training points", yRows, n)
	}
	d := &Descent{
		n: n, m: m, outputs: outputs, rate: learningRate,
		values: make([]float64, n),
		cross:  make([]float64, m*n), projected: make([]float64, n*outputs),
	}
	var err error
	if d.vectors, _, err = gram(ctx, gramOf(train)); err != nil {
		return nil, err
	}
	testRows, err := assembled(ctx, crossOf(test))
	if err != nil {
		return nil, err
	}
	targets := contiguous(y)
	for _, c := range []struct {
		name    string
		entries []float64
		cols    int
	}{{"cross matrix", testRows, n}, {"target", targets, outputs}} {
		if err := finiteEntries(c.name, c.entries, c.cols); err != nil {
			return nil, err
		}
	}
	if !accel.SymEigen(n, d.vectors, d.values) {
		return nil, fmt.Errorf("regress: the eigenvalues of the %d×%d Gram matrix did not converge",
			n, n)
	}
	least, largest := d.values[0], d.values[n-1]
	// At a kink of φ a kernel turns the rounding of an inner product, 1e-16, into
	// its square root: nearly parallel inputs give eigenvalues of -1e-8 so.
	if !(largest >= 0) || least < -1e-7*largest {
		return nil, &IndefiniteError{least, largest}
	}
	for i, v := range d.values {
		d.values[i] = math.Max(v, 0)
	}
	if limit := float64(n) / largest; learningRate >= limit {
		return nil, &UnstableError{learningRate, limit}
	}
	blas64 := accel.Float64()
	blas64.Dgemm(blas.NoTrans, blas.NoTrans, m, n, n, 1, testRows, n, d.vectors, n, 0, d.cross, n)
	blas64.Dgemm(blas.Trans, blas.NoTrans, n, outputs, n, 1, d.vectors, n, targets, outputs, 0,
		d.projected, outputs)
	return d, nil
}

func contiguous(m *mat.Dense) []float64 {
	raw := m.RawMatrix()
	if raw.Stride == raw.Cols {
		return raw.Data[:raw.Rows*raw.Cols]
	}
	return mat.DenseCopyOf(m).RawMatrix().Data
}

// Limit returns n/λ_max, below which a learning rate is stable.
func (d *Descent) Limit() float64 { return float64(d.n) / d.values[d.n-1] }

// At returns the centred outputs on the training points (n×outputs) and on the
// test points (m×outputs) after the given number of steps, at least 0.
func (d *Descent) At(epoch int) (train, test *mat.Dense, err error) {
	if epoch < 0 {
		return nil, nil, fmt.Errorf("regress: epoch is %d; it must be at least 0", epoch)
	}
	t := float64(epoch)
	n, o := d.n, d.outputs
	learned, weights := make([]float64, n*o), make([]float64, n*o)
	for i, lambda := range d.values {
		x := 2 * d.rate * lambda / float64(n)
		// 1 - (1-x)^t, by logarithms where 1-x > 0 so that small x keep their digits
		var part float64
		if x < 1 {
			part = -math.Expm1(t * math.Log1p(-x))
		} else {
			part = 1 - math.Pow(1-x, t)
		}
		// Below this the quotient is its limit to rounding.
		perLambda := 2 * d.rate * t / float64(n)
		if x*t > 1e-16 {
			perLambda = part / lambda
		}
		for j := range o {
			learned[i*o+j] = part * d.projected[i*o+j]
			weights[i*o+j] = perLambda * d.projected[i*o+j]
		}
	}
	train, test = mat.NewDense(n, o, nil), mat.NewDense(d.m, o, nil)
	blas64 := accel.Float64()
	blas64.Dgemm(blas.NoTrans, blas.NoTrans, n, o, n, 1, d.vectors, n, learned, o, 0,
		train.RawMatrix().Data, o)
	blas64.Dgemm(blas.NoTrans, blas.NoTrans, d.m, o, n, 1, d.cross, n, weights, o, 0,
		test.RawMatrix().Data, o)
	for _, f := range []*mat.Dense{train, test} {
		if err := finiteEntries("output", f.RawMatrix().Data, o); err != nil {
			return nil, nil, err
		}
	}
	return train, test, nil
}
