package fcn

import (
	"context"
	"slices"

	"github.com/kernelsmith/kernelsmith/ntk/internal/accel"
	"github.com/kernelsmith/kernelsmith/ntk/internal/finitenet"
	"github.com/kernelsmith/kernelsmith/ntk/internal/parallel"
	"github.com/kernelsmith/kernelsmith/ntk/internal/vec32"
	"gonum.org/v1/gonum/blas"
)

// pass holds what a forward pass over n points computes, for the backward one. It
// implements train.Pass.
type pass struct {
	net *Net
	n   int
	h   [][]float32 // h[l] is what layer l takes in, n×in; h[len(layers)] the outputs
	d   [][]float32 // φ'(u) of hidden layer l, n×out
	// deltas are ∂loss/∂u of the hidden layers: d, which Backward writes them over, or
	// arrays of their own in a tangentPass.
	deltas [][]float32

	// activate adds biases and applies φ in rows of a layer, and slopes turns φ' in
	// columns of a layer into ∂loss/∂u; made once, not in each step.
	activate, slopes []func(lo, hi int)

	residual []float32   // ∂loss/∂(outputs of the net)
	scratch  []float32   // ∂loss/∂h of one layer
	bias     [][]float32 // ∂loss/∂u of each layer, summed over the points

	shallow *shallow // what passes a net with one hidden layer; nil for layer by layer

	serial bool // stay on the calling goroutine
}

func (p *pass) blas() blas.Float32 {
	if p.serial {
		return accel.Serial32()
	}
	return accel.Float32()
}

func (p *pass) parallel(n, grain int, f func(lo, hi int)) {
	if p.serial {
		f(0, n)
		return
	}
	parallel.For(n, grain, f)
}

// newPass makes the buffers of a pass over inputs x. Those of a net with one
// hidden layer may leave out h[1] and d; see [shallow] and layered.
func (n *Net) newPass(x []float32, serial bool) *pass {
	points, layers := len(x)/n.config.Inputs, len(n.layers)
	p := &pass{net: n, n: points, serial: serial, h: make([][]float32, layers+1)}
	p.h[0], p.h[layers] = x, make([]float32, points*n.config.Outputs)
	for i := range n.layers {
		p.bias = append(p.bias, make([]float32, len(n.layers[i].b)))
		p.slopes = append(p.slopes, p.throughActivation(i))
	}
	if p.shallow = newShallow(p); p.shallow == nil {
		p.layered()
	}
	return p
}

// layered makes the pass go layer by layer, and keep what each layer computes.
func (p *pass) layered() {
	p.shallow = nil
	for i, l := range p.net.layers {
		if l.eval != nil {
			p.h[i+1] = make([]float32, p.n*l.out)
			p.d = append(p.d, make([]float32, p.n*l.out))
		}
		p.activate = append(p.activate, p.activation(i))
	}
	p.deltas = p.d
}

// Inputs implements train.Pass.
func (p *pass) Inputs(points int) []float32 {
	p.n = points
	return p.h[0][:points*p.net.config.Inputs]
}

// Outputs implements train.Pass.
func (p *pass) Outputs() []float32 { return p.h[len(p.h)-1][:p.n*p.net.config.Outputs] }

// Forward implements train.Pass.
func (p *pass) Forward(ctx context.Context) error {
	if p.shallow != nil {
		if err := ctx.Err(); err != nil {
			return err
		}
		p.shallow.forward()
		return nil
	}
	for i := range p.net.layers {
		if err := ctx.Err(); err != nil {
			return err
		}
		p.layer(i)
	}
	return nil
}

func (p *pass) layer(i int) {
	l := &p.net.layers[i]
	p.blas().
		Sgemm(blas.NoTrans, blas.Trans, p.n, l.out, l.in, l.scale, p.h[i], l.in, l.w, l.in, 0,
			p.sums(i), l.out)
	if l.b != nil || l.eval != nil {
		p.parallel(p.n, 1+8192/l.out, p.activate[i])
	}
}

// sums is where u of layer i is before φ and φ' are written over it.
func (p *pass) sums(i int) []float32 {
	if p.net.layers[i].eval != nil {
		return p.d[i]
	}
	return p.h[i+1]
}

func (p *pass) activation(i int) func(lo, hi int) {
	l := &p.net.layers[i]
	u := p.sums(i)
	return func(lo, hi int) {
		for r := lo; r < hi; r++ {
			row := u[r*l.out : (r+1)*l.out]
			if l.b != nil {
				vec32.AddScaled(row, l.biasStd, l.b)
			}
			if l.eval != nil {
				l.eval(p.h[i+1][r*l.out:(r+1)*l.out], row, row)
			}
		}
	}
}

// delta is ∂loss/∂u of layer i.
func (p *pass) delta(i int) []float32 {
	if i == len(p.net.layers)-1 {
		return p.residual
	}
	return p.deltas[i]
}

// Backward implements train.Pass: it finds ∂loss/∂u of all layers from the first one that
// is trained on.
func (p *pass) Backward(ctx context.Context, residual []float32) error {
	p.residual = residual
	layers := p.net.layers
	if p.shallow != nil {
		if err := ctx.Err(); err != nil {
			return err
		}
		p.shallow.back(residual)
		copy(p.bias[0], p.shallow.bias)
		if last := len(layers) - 1; layers[last].b != nil {
			p.slopes[last](0, layers[last].out)
		}
		return nil
	}
	first := p.net.firstTrained()
	if size := p.n * p.net.config.Width; len(p.scratch) < size {
		p.scratch = make([]float32, size)
	}
	blas32 := p.blas()
	for i := len(layers) - 1; i >= first; i-- {
		if err := ctx.Err(); err != nil {
			return err
		}
		l := &layers[i]
		if i < len(layers)-1 || l.b != nil {
			p.parallel(l.out, 512, p.slopes[i])
		}
		if i > first {
			blas32.Sgemm(blas.NoTrans, blas.NoTrans, p.n, l.in, l.out, l.scale, p.delta(i), l.out,
				l.w, l.in, 0, p.scratch, l.in)
		}
	}
	return nil
}

// firstTrained is the first layer that is not frozen; all of them may be.
func (n *Net) firstTrained() int {
	if i := slices.IndexFunc(n.layers, func(l layer) bool { return !l.frozen }); i >= 0 {
		return i
	}
	return len(n.layers)
}

// throughActivation turns φ' of a hidden layer into ∂loss/∂u, and sums ∂loss/∂u
// over the points for the bias. Parts are columns, so that each sum runs in one
// order on any number of threads.
func (p *pass) throughActivation(i int) func(lo, hi int) {
	l := &p.net.layers[i]
	return func(lo, hi int) {
		delta := p.delta(i)
		if l.b != nil {
			clear(p.bias[i][lo:hi])
		}
		for r := range p.n {
			row := delta[r*l.out+lo : r*l.out+hi]
			if l.eval != nil {
				vec32.Multiply(row, p.scratch[r*l.out+lo:r*l.out+hi])
			}
			if l.b != nil {
				vec32.AddScaled(p.bias[i][lo:hi], 1, row)
			}
		}
	}
}

// Gradient implements train.Pass: Σ ∂loss/∂u h over the points for the weights of layer
// i/2, and Σ ∂loss/∂u for its biases, where i is odd.
func (p *pass) Gradient(i int, alpha, beta float32, into []float32) {
	l := &p.net.layers[i/2]
	switch {
	case i%2 == 1:
		finitenet.AddScaled(into, alpha, beta, p.bias[i/2])
	case p.shallow != nil:
		g := p.shallow.gradient[i/2]
		scale(into[:len(g)], beta)
		vec32.AddScaled(into[:len(g)], alpha, g)
	default:
		p.blas().
			Sgemm(blas.Trans, blas.NoTrans, l.out, l.in, p.n, alpha, p.delta(i/2), l.out, p.h[i/2],
				l.in, beta, into, l.in)
	}
}

// scale multiplies x by beta; for beta = 0, x may hold anything.
func scale(x []float32, beta float32) {
	switch beta {
	case 0:
		clear(x)
	case 1:
	default:
		for j := range x {
			x[j] *= beta
		}
	}
}
