package fcn

import (
	"sync"

	"github.com/kernelsmith/kernelsmith/ntk/internal/vec32"
)

// A net with one hidden layer and a few inputs and outputs has no large matrix product. What
// takes time in a step are loops over arrays of points×width, which go through memory ten times
// and more. So a pass works on tiles of rows×units, which stay in the fast caches. Forward, a
// tile has pre-activations, φ, and its part of the outputs. Backward, it has pre-activations, φ
// and φ' once more, because this costs less than to keep and fetch them, then ∂loss/∂u, and its
// part of both gradients.
//
// Each output is summed over the units and each gradient over the points in an order
// that does not depend on how the tiles are divided among goroutines.
const (
	tileRows  = 48
	tileUnits = 128

	// With more inputs or outputs a matrix library is as fast.
	shallowInputs, shallowOutputs = 64, 32
)

// shallow is a pass of such a net.
type shallow struct {
	pass   *pass
	inner  int       // inputs, and one for the biases
	stride int       // units, and zeros up to whole vectors
	x      []float32 // points×inner: inputs, and 1
	w      []float32 // inner×stride: scale · Wᵀ, and the biases
	v      []float32 // outputs×stride: scale · V of the readout
	tiles  sync.Pool // of *tile

	rows, weights, units func(lo, hi int) // made once, not in each step

	// On the way back.
	residual []float32    // ∂loss/∂(outputs of the net)
	gradient [2][]float32 // of the weights of the two layers, less their factors
	bias     []float32    // of the hidden layer's biases
}

// tile has u, which backward becomes ∂loss/∂h and then ∂loss/∂u, φ' in d, φ in h, and the
// gradients of a block of units by both layers' weights in w and v.
type tile struct{ u, d, h, w, v []float32 }

// newShallow returns nil for nets that are passed layer by layer.
func newShallow(p *pass) *shallow {
	c, hidden := p.net.config, p.net.layers[0]
	if !vec32.Wide() || !hidden.quick || len(p.net.layers) != 2 || c.Inputs > shallowInputs ||
		c.Outputs > shallowOutputs {
		return nil
	}
	s := &shallow{pass: p, inner: c.Inputs, stride: whole(c.Width)}
	if hidden.b != nil {
		s.inner++
	}
	s.x, s.w, s.v = make([]float32, p.n*s.inner), make([]float32,
		s.inner*s.stride), make([]float32, c.Outputs*s.stride)
	s.tiles.New = func() any {
		return &tile{
			make([]float32, tileRows*tileUnits),
			make([]float32, tileRows*tileUnits),
			make([]float32, tileRows*tileUnits),
			make([]float32, s.inner*tileUnits),
			make([]float32, c.Outputs*tileUnits),
		}
	}
	s.rows, s.weights, s.units = s.forwardRows, s.copyWeights, s.backUnits
	return s
}

// forward computes the outputs.
func (s *shallow) forward() {
	p, d := s.pass, s.pass.net.config.Inputs
	for r := range p.n {
		row := s.x[r*s.inner : (r+1)*s.inner]
		copy(row, p.h[0][r*d:(r+1)*d])
		if s.inner > d {
			row[d] = 1
		}
	}
	p.parallel(p.net.config.Width, 2048, s.weights)
	p.parallel(p.n, tileRows, s.rows)
}

func (s *shallow) copyWeights(lo, hi int) {
	hidden, readout := &s.pass.net.layers[0], &s.pass.net.layers[1]
	for i := range hidden.in {
		row := s.w[i*s.stride : (i+1)*s.stride]
		for j := lo; j < hi; j++ {
			row[j] = hidden.scale * hidden.w[j*hidden.in+i]
		}
	}
	if hidden.b != nil {
		row := s.w[hidden.in*s.stride:]
		for j := lo; j < hi; j++ {
			row[j] = hidden.biasStd * hidden.b[j]
		}
	}
	for c := range readout.out {
		row := s.v[c*s.stride : (c+1)*s.stride]
		for j, v := range readout.w[c*readout.in+lo : c*readout.in+hi] {
			row[lo+j] = readout.scale * v
		}
	}
}

func (s *shallow) forwardRows(lo, hi int) {
	p, readout := s.pass, &s.pass.net.layers[1]
	width, outs := readout.in, readout.out
	t := s.tiles.Get().(*tile)
	defer s.tiles.Put(t)
	for r0 := lo; r0 < hi; r0 += tileRows {
		rows := min(tileRows, hi-r0)
		out := p.Outputs()[r0*outs : (r0+rows)*outs]
		for i := range out {
			out[i] = 0
			if readout.b != nil {
				out[i] = readout.biasStd * readout.b[i%outs]
			}
		}
		for j0 := 0; j0 < width; j0 += tileUnits {
			units := min(tileUnits, width-j0)
			s.activations(t, r0, rows, j0, units)
			vec32.Dots(out, rows, outs, units, t.h, whole(units), s.v[j0:], s.stride)
		}
	}
}

// activations sets h to φ(u) and d to φ'(u) in rows and units from r0 and j0 on, a
// row behind the other in whole vectors.
func (s *shallow) activations(t *tile, r0, rows, j0, units int) {
	ld := whole(units)
	vec32.Product(false, rows, ld, s.inner, s.x[r0*s.inner:], s.inner, 1, s.w[j0:], s.stride, t.u,
		ld)
	n := rows * ld
	s.pass.net.layers[0].eval(t.h[:n], t.d[:n], t.u[:n])
}

// back finds the gradients for the derivatives of the loss by the outputs.
func (s *shallow) back(residual []float32) {
	p := s.pass
	if s.gradient[0] == nil {
		for i := range s.gradient {
			s.gradient[i] = make([]float32, len(p.net.layers[i].w))
		}
		s.bias = make([]float32, len(p.net.layers[0].b))
	}
	s.residual = residual
	p.parallel((p.net.config.Width+tileUnits-1)/tileUnits, 1, s.units)
}

// backUnits is back for blocks of tileUnits units.
func (s *shallow) backUnits(lo, hi int) {
	p, hidden, readout := s.pass, &s.pass.net.layers[0], &s.pass.net.layers[1]
	width, outs := hidden.out, readout.out
	t := s.tiles.Get().(*tile)
	defer s.tiles.Put(t)
	for j0 := lo * tileUnits; j0 < min(hi*tileUnits, width); j0 += tileUnits {
		units := min(tileUnits, width-j0)
		ld := whole(units)
		clear(t.w)
		clear(t.v)
		for r0 := 0; r0 < p.n; r0 += tileRows {
			rows := min(tileRows, p.n-r0)
			residual, x := s.residual[r0*outs:], s.x[r0*s.inner:]
			s.activations(t, r0, rows, j0, units)
			vec32.Product(false, rows, ld, outs, residual, outs, 1, s.v[j0:], s.stride, t.u, ld)
			vec32.Multiply(t.u[:rows*ld], t.d)
			vec32.Product(true, s.inner, ld, rows, x, 1, s.inner, t.u, ld, t.w, ld)
			vec32.Product(true, outs, ld, rows, residual, 1, outs, t.h, ld, t.v, ld)
		}
		for i := range hidden.in {
			for j, v := range t.w[i*ld : i*ld+units] {
				s.gradient[0][(j0+j)*hidden.in+i] = v
			}
		}
		if hidden.b != nil {
			copy(s.bias[j0:], t.w[hidden.in*ld:hidden.in*ld+units])
		}
		for c := range outs {
			copy(s.gradient[1][c*width+j0:], t.v[c*ld:c*ld+units])
		}
	}
}

// whole rounds up to whole vectors.
func whole(units int) int { return (units + vec32.Lanes - 1) / vec32.Lanes * vec32.Lanes }
