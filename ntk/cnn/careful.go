package cnn

import (
	"math"
	"sync"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/internal/accel"
	"github.com/kernelsmith/kernelsmith/ntk/internal/vec32"
)

// Where activations have kinks, an NTK goes like the root of how far patches are apart, of which
// single precision keeps few digits if they are nearly equal. In most pairs of images some are, and
// their errors vanish in the mean; of two images that are nearly equal all are, with errors of one
// sign. Such pairs are followed in double precision.

// nearlyEqual is the 1 - |cos| of two images below which that is so: they are apart by a tenth of
// their size.
const nearlyEqual = 5e-3

// careful follows pairs in double precision.
type careful struct {
	a     *Architecture
	plans [2]*plan // of kernels and of variances
	norms [][lanes]float64
	pool  sync.Pool
}

// carefulPass is what one goroutine needs: passes of a pair and of one image, a pair, and the
// second of it, or either, eight times.
type carefulPass struct {
	pair, single *pass[float64]
	x, y         one[float64]
	eight        eight[float64]
}

// newCareful returns nil where it is not needed: in double precision, and if activations are
// smooth.
func newCareful[T float32 | float64](t *Tiles[T]) *careful {
	conv, kinked := 0, false
	for _, s := range t.a.steps {
		if s.phi != nil {
			_, smooth := unwrap(s.phi).(ntk.Erf)
			kinked = kinked || !smooth && t.series.terms[conv] == 0
			conv++
		}
	}
	if !kinked || !accel.IsSingle[T]() {
		return nil
	}
	c := &careful{a: t.a, plans: [2]*plan{t.plan, t.a.plan(true)}}
	for _, g := range t.x.groups {
		var norms [lanes]float64
		for i, v := range g.pixels {
			norms[i%lanes] += float64(v) * float64(v)
		}
		c.norms = append(c.norms, norms)
	}
	c.pool.New = func() any { return c.newPass() }
	return c
}

func (c *careful) newPass() *carefulPass {
	w := &carefulPass{pair: newPass[float64](c.a, c.plans[0]),
		single: newPass[float64](c.a, c.plans[1])}
	for _, x := range []*one[float64]{&w.x, &w.y} {
		x.pixels, x.variances = newImage[float64](c.a, 1)
		x.coeffs = make([][]float64, len(x.variances))
	}
	w.eight.pixels, w.eight.variances = newImage[float64](c.a, lanes)
	w.eight.coeffs = make([][]float64, len(w.x.variances))
	w.single.tables = make([]*coefficients, len(w.x.variances))
	return w
}

// near says which of the images of a group are nearly x, or its negative, or multiples.
func (c *careful) near(x, group []float32, g int) (near [lanes]bool) {
	var products vec[float32]
	vec32.Products(products[:], x, group, len(x), 1)
	norm := 0.0
	for _, v := range x {
		norm += float64(v) * float64(v)
	}
	for l, p := range products {
		size := math.Sqrt(norm * c.norms[g][l])
		near[l] = size > 0 && math.Abs(float64(p)) > (1-nearlyEqual)*size
	}
	return near
}

// kernels returns the kernels of x and the image of a lane, and false if these are equal: then
// single precision has them.
func (c *careful) kernels(x, group []float32, lane int, tangent bool) (nngp, ntk float64, ok bool) {
	equal := true
	for i, v := range x {
		equal = equal && v == group[i*lanes+lane]
	}
	if equal {
		return 0, 0, false
	}
	w := c.pool.Get().(*carefulPass)
	defer c.pool.Put(w)
	for i, v := range x {
		w.x.pixels[i], w.y.pixels[i] = float64(v), float64(group[i*lanes+lane])
	}
	for _, x := range []one[float64]{w.x, w.y} {
		for l := range lanes {
			w.eight.set(l, one[float64]{pixels: x.pixels})
		}
		w.single.run(x, w.eight)
	}
	w.pair.tangent = tangent
	w.pair.run(one[float64]{pixels: w.x.pixels, variances: w.x.variances},
		eight[float64]{pixels: w.eight.pixels, variances: w.eight.variances})
	nngp, ntk = w.pair.kernels(0)
	return nngp, ntk, true
}
