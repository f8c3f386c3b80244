package fcn

import (
	"fmt"

	"github.com/kernelsmith/kernelsmith/ntk/internal/accel"
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/mat"
)

// EmpiricalNTK returns the m×n matrix of inner products of the gradients of
// one output (from 0) with respect to all trained parameters, between the rows of z
// (m×inputs) and of x (n×inputs). At infinite width it is the NTK of the
// architecture; for one hidden layer its expectation over seeds is the NTK at
// any width.
//
// It is summed layer by layer from inner products of inputs and of
// backpropagated derivatives; no gradient is ever formed. Cost: one forward
// and one backward pass over the points, and two m×n×width products a layer.
//
// Source: [JGH18] sec. 4, for finite width; keys are listed in package ntk.
func (n *Net) EmpiricalNTK(z, x *mat.Dense, output int) (*mat.Dense, error) {
	if output < 0 || output >= n.config.Outputs {
		return nil, fmt.Errorf("fcn: output %d; the net has outputs 0 to %d", output, n.config.Outputs-1)
	}
	rowsZ, err := n.inputs(z, "z")
	if err != nil {
		return nil, err
	}
	rowsX, err := n.inputs(x, "x")
	if err != nil {
		return nil, err
	}
	pz, px := n.newPass(rowsZ), n.newPass(rowsX)
	pz.forward()
	px.forward()
	dz, dx := pz.derivatives(output), px.derivatives(output)
	size := pz.n * px.n
	theta := mat.NewDense(pz.n, px.n, nil)
	sum := theta.RawMatrix().Data
	hh, dd := make([]float32, size), make([]float32, size)
	for i := range n.layers {
		l := &n.layers[i]
		if l.frozen {
			continue
		}
		accel.Float32().Sgemm(blas.NoTrans, blas.Trans, pz.n, px.n, l.in, l.scale*l.scale, pz.h[i], l.in, px.h[i], l.in, 0, hh, px.n)
		bias := float64(l.biasStd) * float64(l.biasStd)
		if l.eval == nil { // the readout: ∂f/∂u is 1
			for j := range sum {
				sum[j] += float64(hh[j]) + bias
			}
			continue
		}
		accel.Float32().Sgemm(blas.NoTrans, blas.Trans, pz.n, px.n, l.out, 1, dz[i], l.out, dx[i], l.out, 0, dd, px.n)
		for j := range sum {
			sum[j] += (float64(hh[j]) + bias) * float64(dd[j])
		}
	}
	return theta, nil
}

// derivatives returns ∂f_output/∂u of each hidden layer, n×out.
func (p *pass) derivatives(output int) [][]float32 {
	layers := p.net.layers
	out := make([][]float32, len(layers)-1)
	for i := len(out) - 1; i >= 0; i-- {
		next := &layers[i+1]
		d := make([]float32, p.n*next.in)
		if i == len(out)-1 {
			w := next.w[output*next.in : (output+1)*next.in]
			for r := range p.n {
				for j, v := range w {
					d[r*next.in+j] = next.scale * v
				}
			}
		} else {
			accel.Float32().Sgemm(blas.NoTrans, blas.NoTrans, p.n, next.in, next.out, next.scale, out[i+1], next.out, next.w, next.in, 0, d, next.in)
		}
		for j, v := range p.d[i] {
			d[j] *= v
		}
		out[i] = d
	}
	return out
}
