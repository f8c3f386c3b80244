package cnn

import (
	"context"

	"github.com/kernelsmith/kernelsmith/ntk/internal/vec32"
)

// Tangent implements train.TangentPass.
func (p *netPass) Tangent(
	ctx context.Context, direction func(i int) []float32,
) ([]float32, error) {
	p.workspace()
	outputs := p.net.config.Outputs
	if p.tangent == nil {
		p.tangent = make([]float32, len(p.out))
		p.direction = make([][]float32, 2*len(p.net.weighted()))
	}
	// A direction is asked for once, and needed for each tile.
	for i := range p.direction {
		p.direction[i] = append(p.direction[i][:0], direction(i)...)
	}
	for at := 0; at < p.n; at += p.tile {
		if err := p.load(ctx, at); err != nil {
			return nil, err
		}
		images := p.images(at)
		to := p.tangent[at*outputs : (at+images)*outputs]
		var moved []float32 // what a layer takes in; nil if it does not move
		array := 0
		for i := range p.net.layers {
			l := &p.net.layers[i]
			if l.pool {
				if moved != nil {
					next := p.other(moved)
					p.loop = loop{layer: l, to: next, from: moved}
					p.divide(images*l.after, l.q, p.loops.pool)
					moved = next
				}
				continue
			}
			next := to
			if i < len(p.net.layers)-1 {
				next = p.other(moved)
			}
			weights, biases := p.direction[array], p.direction[array+1]
			array += 2
			if err := p.along(ctx, i, images, next, moved, weights, biases); err != nil {
				return nil, err
			}
			if moved != nil || len(weights) > 0 || len(biases) > 0 {
				moved = next
			}
		}
		if moved == nil {
			clear(to)
		}
	}
	return p.tangent[:p.n*outputs], nil
}

// along sets to to the derivative of what layer i puts out when what it takes in, its weights and
// its biases move; each may be empty.
func (p *netPass) along(
	ctx context.Context, i, images int, to, moved, weights, biases []float32,
) error {
	l := &p.net.layers[i]
	if moved == nil && len(weights) == 0 && len(biases) == 0 {
		return ctx.Err()
	}
	for at, n := range p.blocks(l, images) {
		if err := ctx.Err(); err != nil {
			return err
		}
		du := to[at*l.out : (at+n)*l.out]
		clear(du)
		if moved != nil {
			p.product(l, du, p.laid(l, 1, moved, at, n), l.w, n, 1)
		}
		if len(weights) > 0 {
			p.product(l, du, p.laid(l, 0, p.h[i], at, n), weights, n, 1)
		}
		if len(biases) > 0 {
			for r := range n {
				vec32.AddScaled(du[r*l.out:(r+1)*l.out], l.biasStd, biases)
			}
		}
		if l.eval != nil {
			vec32.Multiply(du, p.d[i][at*l.out:(at+n)*l.out])
		}
	}
	return nil
}
