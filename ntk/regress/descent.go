package regress

import (
	"context"
	"fmt"

	"github.com/kernelsmith/kernelsmith/ntk"
	"gonum.org/v1/gonum/mat"
)

// Descent is full-batch gradient descent on a centred net of infinite width, as package train does
// it: the [Ensemble] whose settings are a learning rate alone. For the n training points, with Θ =
// V Λ Vᵀ,
//
//	f_t(X) = V (I - (I - 2ηΛ/n)^t) Vᵀ y
//	f_t(x) = Θ(x, X) V Λ⁻¹ (I - (I - 2ηΛ/n)^t) Vᵀ y
//
// for the loss without ½ and the step θ ← θ - η ∂loss/∂θ. Where λ = 0, the factor Λ⁻¹(…) is 2ηt/n.
type Descent struct{ ensemble *Ensemble }

// Numerics is the version of what [Descent] computes. It is raised when the
// same input gives other results than before, beyond rounding, so that records
// of earlier versions are not taken for them.
const Numerics = 1

// UnstableError reports a learning rate at which gradient descent on the
// infinite-width net diverges.
type UnstableError struct {
	LearningRate float64
	Limit        float64 // that of [Ensemble.Limit]; of a Descent n/λ_max
}

// Error implements error.
func (e *UnstableError) Error() string {
	return fmt.Sprintf(
		"regress: learning rate %v is unstable: gradient descent on this kernel converges below "+
			"%.6g", e.LearningRate, e.Limit)
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
	e, err := NewEnsemble(ctx, &Grams{Train: train, Cross: test}, nil, y,
		&EnsembleSettings{LearningRate: learningRate})
	if err != nil {
		return nil, err
	}
	return &Descent{e}, nil
}

func contiguous(m *mat.Dense) []float64 {
	raw := m.RawMatrix()
	if raw.Stride == raw.Cols {
		return raw.Data[:raw.Rows*raw.Cols]
	}
	return mat.DenseCopyOf(m).RawMatrix().Data
}

// Limit returns n/λ_max, below which a learning rate is stable.
func (d *Descent) Limit() float64 { return d.ensemble.Limit() }

// At returns the centred outputs on the training points (n×outputs) and on the
// test points (m×outputs) after the given number of steps, at least 0.
func (d *Descent) At(epoch int) (train, test *mat.Dense, err error) {
	if epoch < 0 {
		return nil, nil, fmt.Errorf("regress: epoch is %d; it must be at least 0", epoch)
	}
	return d.ensemble.Mean(float64(epoch))
}
