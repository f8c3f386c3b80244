package regress

import (
	"context"
	"errors"
	"fmt"

	"github.com/kernelsmith/kernelsmith/ntk"
	"gonum.org/v1/gonum/mat"
)

// NetLikelihood returns the [Likelihood] of the NNGP kernel of a net, or with ofNTK of its NTK,
// between the rows of x (n×d), as a function of θ = (σ_w, σ_b), both > 0, which all hidden layers
// share: the net's own are not looked at, and its readout stays as it is. y are the n×outputs
// targets. Neither x nor y may change as long as the likelihood is used.
//
// exact says how its gradient by θ comes about: from [ntk.FCN.StdDerivatives] where all activations
// have duals in closed form; otherwise its Derivatives are nil, and it takes differences.
//
// No net, inputs and targets that are empty or of different numbers of rows, and inputs at which
// the net has no kernel are errors.
func NetLikelihood(
	net *ntk.FCN, ofNTK bool, x, y *mat.Dense,
) (l *Likelihood, exact bool, err error) {
	if net == nil || isEmpty(ntk.MatrixTiles(x)) || isEmpty(ntk.MatrixTiles(y)) {
		return nil, false, errors.New("regress: a net, inputs and targets are needed, each with " +
			"entries")
	}
	n, d := x.Dims()
	if rows, _ := y.Dims(); rows != n {
		return nil, false, fmt.Errorf("regress: %d rows of targets for %d training points", rows,
			n)
	}
	at := func(theta []float64) (*ntk.FCN, error) {
		if len(theta) != 2 {
			return nil, fmt.Errorf("regress: %d parameters of a net's likelihood; they are σ_w "+
				"and σ_b", len(theta))
		}
		layers := net.Layers()
		for i := range layers {
			layers[i].WeightStd, layers[i].BiasStd = theta[0], theta[1]
		}
		return ntk.NewFCN(layers, net.Readout())
	}
	l = &Likelihood{Y: y}
	l.Gram = func(ctx context.Context, theta []float64) (*mat.SymDense, error) {
		moved, err := at(theta)
		if err != nil {
			return nil, err
		}
		K, err := moved.NNGP()
		if ofNTK {
			K, err = moved.NTK()
		}
		if err != nil {
			return nil, err
		}
		gram := make([]float64, n*n)
		err = ntk.GramInto(ctx, gram, K, ntk.Inputs[float64]{Rows: contiguous(x), N: n, D: d}, nil)
		return mat.NewSymDense(n, gram), err
	}
	first := mat.DenseCopyOf(x.Slice(0, 1, 0, d))
	_, _, err = net.StdDerivatives(context.Background(), first, ofNTK)
	switch {
	case errors.Is(err, ntk.ErrNoStdDerivatives):
		return l, false, nil
	case err != nil:
		return nil, false, err
	}
	l.Derivatives = func(ctx context.Context, theta []float64) ([]*mat.SymDense, error) {
		moved, err := at(theta)
		if err != nil {
			return nil, err
		}
		byWeight, byBias, err := moved.StdDerivatives(ctx, x, ofNTK)
		return []*mat.SymDense{byWeight, byBias}, err
	}
	return l, true, nil
}
