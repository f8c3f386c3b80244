package cnn

import (
	"context"
	"math"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/internal/accel"
	"github.com/kernelsmith/kernelsmith/ntk/internal/gauss"
	"github.com/kernelsmith/kernelsmith/ntk/internal/gram"
)

// curve is the dual of an activation as a table over the correlation, for pre-activations of one
// variance, as those of normalised pixels without zeros at the edge.
type curve[T float32 | float64] struct{ *gram.Curve }

// Apply implements dual.
func (d curve[T]) Apply(s, t, x, y []T) {
	equal := equalWithinOf[T]()
	for c, q := range x {
		k, q2 := at(s, c), at(y, c)
		for l, v := range k {
			v, product := float64(v), float64(q)*float64(q2[l])
			gap, square := 0.0, determinant(float64(q), v, float64(q2[l]))
			if square > equal*product {
				size := math.Sqrt(product)
				gap = min(1, square/(size*(size+math.Abs(v))))
			}
			value, slope, _ := d.At(gap, v < 0)
			k[l] = T(value)
			if t != nil {
				at(t, c)[l] *= T(slope)
			}
		}
	}
}

// curveOf returns the table of an activation for the variances that lie between lo and hi, or nil
// if these are not equal to rounding or a table would cost more than work, as many duals.
func curveOf[T float32 | float64](
	ctx context.Context, phi ntk.Dualer, lo, hi float64, work int, tangent bool,
) (dual[T], error) {
	spread, tolerance := 64*0x1p-52, 1e-14
	if accel.IsSingle[T]() {
		spread, tolerance = 16*0x1p-23, 1e-9
	}
	if !(lo > 0 && hi-lo <= spread*lo) {
		return nil, nil
	}
	e := &gram.Evaluator{
		Outputs: 2,
		Prepare: func(q float64) (any, error) { return nil, nil },
		Pair: func(out []float64, _ any, p gauss.Pair, _ any) {
			out[0], out[1] = phi.Dual(p.Q, p.K, p.Q2)
		},
	}
	if !tangent {
		e.Outputs = 1
		e.Pair = func(out []float64, _ any, p gauss.Pair, _ any) {
			out[0], _ = phi.Dual(p.Q, p.K, p.Q2)
		}
	}
	c, err := gram.NewCurve(ctx, e, (lo+hi)/2, tolerance, min(work/4, 20_000))
	if c == nil || err != nil {
		return nil, err
	}
	if _, _, whole := c.At(1, false); !whole {
		return nil, nil
	}
	return curve[T]{c}, nil
}

// curves sets the tables of convolutions whose pre-activations have one variance in all images.
func (t *Tiles[T]) curves(ctx context.Context) error {
	t.duals = make([]dual[T], len(t.a.steps))
	conv := 0
	for i, s := range t.a.steps {
		if s.phi == nil {
			continue
		}
		d, ok := dualOf[T](s.phi).(general[T])
		if ok && t.series.terms[conv] == 0 {
			lo, hi := math.Inf(1), 0.0
			for _, set := range []*images[T]{t.z, t.x} {
				for _, group := range set.groups {
					for _, q := range group.variances[conv] {
						lo, hi = min(lo, float64(q)), max(hi, float64(q))
					}
				}
			}
			work := float64(t.places) * float64(t.pairs())
			var err error
			t.duals[i], err = curveOf[T](ctx, d.phi, lo, hi, int(min(work, 1e9)), t.noNTK == nil)
			if err != nil {
				return err
			}
		}
		conv++
	}
	return nil
}

// newPass returns a pass for pairs of images.
func (t *Tiles[T]) newPass() *pass[T] {
	w := newPass[T](t.a, t.plan)
	for i, d := range t.duals {
		if d != nil {
			w.duals[i] = d
		}
	}
	return w
}
