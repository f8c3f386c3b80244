package cnn

import (
	"context"
	"fmt"
	"slices"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/mat"
)

// gradientNumbers bounds the gradients of a tile of images that are formed at a time.
const gradientNumbers = 1 << 24

// EmpiricalNTK returns the m×n matrix of inner products of the gradients of one output (from 0)
// with respect to all trained parameters, between the images in the rows of z and of x. At
// infinite width it is the NTK of the architecture; for one convolution its expectation over seeds
// is the NTK at any width. If z and x are the same it is symmetric to the bit, and takes about
// half the time.
//
// It is summed in double precision over products, in single precision, of the gradients by some
// channels' weights at a time. Cost: a pass forward and back over the images, and for each pair of
// images a product of their gradients, 2·(trained parameters) operations; with more images than a
// tile has (see [Net.NewPass]) the images of x are passed again for each tile of z. Memory: a tile
// of each side, and 64 MB of gradients of each, or those of one channel. The relative error is of
// the order of 1e-6 of the diagonal.
//
// Errors are of matrices and entries as in [Net.Forward], an output that there is not, and a
// matrix of 2^31-1 entries or more.
//
// Source: [JGH18] sec. 4, for finite width; keys are listed in package ntk.
func (n *Net) EmpiricalNTK(z, x *mat.Dense, output int) (*mat.Dense, error) {
	if output < 0 || output >= n.config.Outputs {
		return nil, fmt.Errorf("cnn: output %d; the net has outputs 0 to %d", output,
			n.config.Outputs-1)
	}
	return n.empirical(z, x, []int{output})
}

// EmpiricalNTKMean is EmpiricalNTK averaged over the outputs, m×n. It takes a pass back, and the
// products of gradients, for each output.
func (n *Net) EmpiricalNTKMean(z, x *mat.Dense) (*mat.Dense, error) {
	all := make([]int, n.config.Outputs)
	for i := range all {
		all[i] = i
	}
	return n.empirical(z, x, all)
}

// EmpiricalNNGP returns the m×n covariance that the net's outputs have over draws of the readout,
// its convolutions as they are, between the images in the rows of z and of x: σ_w²/q h·h' + σ_b²,
// where h are the q numbers that the readout takes in, with the readout's σ. It is the kernel of
// the net that trains the readout alone. At infinite width it is the NNGP of the architecture;
// for one convolution its expectation over seeds is that at any width. Errors are those of
// [Net.Forward].
func (n *Net) EmpiricalNNGP(z, x *mat.Dense) (*mat.Dense, error) { return n.empirical(z, x, nil) }

// empirical is the mean of the NTKs of some outputs, or the NNGP for none.
func (n *Net) empirical(z, x *mat.Dense, outputs []int) (*mat.Dense, error) {
	inZ, err := n.inputs(z, "z")
	if err != nil {
		return nil, err
	}
	inX, err := n.inputs(x, "x")
	if err != nil {
		return nil, err
	}
	k := &empirical{outputs: outputs, z: n.passOver(inZ, false), x: n.passOver(inX, false)}
	if float64(k.z.n)*float64(k.x.n) >= maxNumbers {
		return nil, fmt.Errorf("cnn: an empirical kernel of %d×%d entries; fewer than 2^31-1 are "+
			"possible", k.z.n, k.x.n)
	}
	k.sum = mat.NewDense(k.z.n, k.x.n, nil)
	return k.sum, k.fill(slices.Equal(inZ, inX))
}

// empirical is an empirical kernel on its way.
type empirical struct {
	outputs []int
	z, x    *netPass
	sum     *mat.Dense

	block      []float32 // a product
	gradientsZ []float32 // by some channels' parameters, a row for each image
	gradientsX []float32
}

// fill sets all entries, tile by tile; same says that the images of both sides are.
func (k *empirical) fill(same bool) error {
	ctx := context.Background()
	k.z.buffers()
	if !same || k.z.tile < k.z.n {
		k.x.buffers()
	}
	for at := 0; at < k.z.n; at += k.z.tile {
		if err := k.z.load(ctx, at); err != nil {
			return err
		}
		first := 0
		if same {
			if err := k.pair(ctx, at, at, k.z); err != nil {
				return err
			}
			first = at + k.z.tile
		}
		for other := first; other < k.x.n; other += k.x.tile {
			if err := k.x.load(ctx, other); err != nil {
				return err
			}
			if err := k.pair(ctx, at, other, k.x); err != nil {
				return err
			}
		}
	}
	if same {
		for i := range k.z.n {
			for j := range i {
				k.sum.Set(i, j, k.sum.At(j, i))
			}
		}
	}
	return nil
}

// pair adds all layers' parts between two tiles, which may be one, to the kernel.
func (k *empirical) pair(ctx context.Context, at, other int, x *netPass) error {
	layers, first := k.z.net.layers, k.z.net.firstTrained()
	last := len(layers) - 1
	if l := &layers[last]; k.outputs == nil || !l.frozen {
		k.product(at, other, l.q, l.scale*l.scale, k.z.h[last], x.h[last], x,
			float64(l.biasStd)*float64(l.biasStd))
	}
	for _, output := range k.outputs {
		if first >= last {
			break
		}
		dz, err := k.z.from(ctx, output, at)
		if err != nil {
			return err
		}
		dx := dz
		if x != k.z {
			if dx, err = x.from(ctx, output, other); err != nil {
				return err
			}
		}
		for i := last - 1; ; i-- {
			dz = k.z.slopes(i, k.z.images(at), dz)
			if x == k.z {
				dx = dz
			} else {
				dx = x.slopes(i, x.images(other), dx)
			}
			if l := &layers[i]; !l.pool && !l.frozen {
				k.convolution(i, at, other, dz, dx, x)
			}
			if i == first {
				break
			}
			if dz, err = k.z.back(ctx, i, k.z.images(at), dz); err != nil {
				return err
			}
			if x != k.z {
				if dx, err = x.back(ctx, i, x.images(other), dx); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// from returns the derivatives of an output by what the readout takes in, of a tile.
func (p *netPass) from(ctx context.Context, output, at int) ([]float32, error) {
	p.workspace()
	outputs, images := p.net.config.Outputs, p.images(at)
	one := make([]float32, images*outputs)
	for i := range images {
		one[i*outputs+output] = 1
	}
	return p.back(ctx, len(p.net.layers)-1, images, one)
}

// convolution adds the part of convolution i, a few channels' parameters at a time.
func (k *empirical) convolution(i, at, other int, dz, dx []float32, x *netPass) {
	l := &k.z.net.layers[i]
	rows, columns := k.z.images(at), x.images(other)
	each := l.q
	if l.b != nil {
		each++
	}
	most := max(1, min(l.out, gradientNumbers/(max(rows, columns)*each)))
	if size := rows * most * each; len(k.gradientsZ) < size {
		k.gradientsZ = make([]float32, size)
	}
	if size := columns * most * each; x != k.z && len(k.gradientsX) < size {
		k.gradientsX = make([]float32, size)
	}
	for lo := 0; lo < l.out; lo += most {
		hi := min(lo+most, l.out)
		gx := k.gradientsZ
		k.z.imageGradients(i, rows, lo, hi, each, dz, k.gradientsZ)
		if x != k.z {
			gx = k.gradientsX
			x.imageGradients(i, columns, lo, hi, each, dx, gx)
		}
		k.product(at, other, (hi-lo)*each, 1/float32(len(k.outputs)), k.gradientsZ, gx, x, 0)
	}
}

// product adds alpha times the inner products of rows of n numbers, and shift, to the kernel.
func (k *empirical) product(at, other, n int, alpha float32, z, y []float32, x *netPass,
	shift float64) {
	rows, columns := k.z.images(at), x.images(other)
	if len(k.block) < rows*columns {
		k.block = make([]float32, rows*columns)
	}
	k.z.blas().Sgemm(blas.NoTrans, blas.Trans, rows, columns, n, alpha, z, n, y, n, 0, k.block,
		columns)
	for i := range rows {
		to := k.sum.RawRowView(at + i)[other : other+columns]
		for j, v := range k.block[i*columns : (i+1)*columns] {
			to[j] += float64(v) + shift
		}
	}
}

// imageGradients sets a row for each image to the gradient by the weights, and then the biases, of
// the channels lo … hi-1 of convolution i; each is how many parameters a channel has.
func (p *netPass) imageGradients(i, images, lo, hi, each int, delta, to []float32) {
	l := &p.net.layers[i]
	size := (hi - lo) * each
	for m := range images {
		row := to[m*size : (m+1)*size]
		clear(row)
		step := min(p.block(l), l.after)
		for at := m * l.after; at < (m+1)*l.after; at += step {
			n := min(step, (m+1)*l.after-at)
			p.blas().Sgemm(blas.Trans, blas.NoTrans, hi-lo, l.q, n, l.scale,
				delta[at*l.out+lo:], l.out, p.laid(l, 0, p.h[i], at, n), l.q, 1, row, l.q)
		}
		if l.b == nil {
			continue
		}
		biases := row[(hi-lo)*l.q:]
		for r := m * l.after; r < (m+1)*l.after; r++ {
			for o, d := range delta[r*l.out+lo : r*l.out+hi] {
				biases[o] += l.biasStd * d
			}
		}
	}
}
