package fcn

import (
	"context"

	"github.com/kernelsmith/kernelsmith/ntk/internal/vec32"
	"gonum.org/v1/gonum/blas"
)

// tangentPass is a pass that goes back, and along a direction, any number of times after
// it went forward: it goes layer by layer and keeps φ'. It implements train.TangentPass.
type tangentPass struct {
	*pass
	tangent [][]float32 // du of each layer, then dh in hidden ones
}

func (n *Net) newTangentPass(points int) *tangentPass {
	p := n.newPass(make([]float32, points*n.config.Inputs), false)
	if p.shallow != nil {
		p.layered()
	}
	t := &tangentPass{pass: p}
	p.deltas = nil
	for i := range n.layers {
		size := points * n.layers[i].out
		t.tangent = append(t.tangent, make([]float32, size))
		if i < len(n.layers)-1 {
			p.deltas = append(p.deltas, make([]float32, size))
		}
	}
	return t
}

// Backward implements train.Pass.
func (t *tangentPass) Backward(ctx context.Context, residual []float32) error {
	p, layers, blas32 := t.pass, t.net.layers, t.blas()
	p.residual = residual
	for i := len(layers) - 1; i >= 0; i-- {
		if err := ctx.Err(); err != nil {
			return err
		}
		l, delta := &layers[i], p.delta(i)
		if i > 0 {
			blas32.Sgemm(blas.NoTrans, blas.NoTrans, p.n, l.in, l.out, l.scale, delta, l.out, l.w,
				l.in, 0, p.deltas[i-1], l.in)
			vec32.Multiply(p.deltas[i-1][:p.n*l.in], p.d[i-1])
		}
		clear(p.bias[i])
		if l.b != nil {
			for r := range p.n {
				vec32.AddScaled(p.bias[i], 1, delta[r*l.out:(r+1)*l.out])
			}
		}
	}
	return nil
}

// Tangent implements train.TangentPass.
func (t *tangentPass) Tangent(
	ctx context.Context, direction func(i int) []float32,
) ([]float32, error) {
	p, layers, blas32 := t.pass, t.net.layers, t.blas()
	for i := range layers {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		l := &layers[i]
		du := t.tangent[i][:p.n*l.out]
		clear(du)
		if i > 0 {
			blas32.Sgemm(blas.NoTrans, blas.Trans, p.n, l.out, l.in, l.scale, t.tangent[i-1], l.in,
				l.w, l.in, 0, du, l.out)
		}
		if dw := direction(2 * i); len(dw) > 0 {
			blas32.Sgemm(blas.NoTrans, blas.Trans, p.n, l.out, l.in, l.scale, p.h[i], l.in, dw,
				l.in, 1, du, l.out)
		}
		if db := direction(2*i + 1); len(db) > 0 {
			for r := range p.n {
				vec32.AddScaled(du[r*l.out:(r+1)*l.out], l.biasStd, db)
			}
		}
		if l.eval != nil {
			vec32.Multiply(du, p.d[i])
		}
	}
	return t.tangent[len(layers)-1][:p.n*t.net.config.Outputs], nil
}
