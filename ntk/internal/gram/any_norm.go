package gram

import (
	"context"
	"math"

	"github.com/kernelsmith/kernelsmith/ntk/internal/gauss"
	"github.com/kernelsmith/kernelsmith/ntk/internal/parallel"
)

// Matrices of inputs of any norm: pair by pair.

// prepareAnyNorm does what concerns one input where norms differ, or where there is no curve: each
// pair is then evaluated by itself, or with many others through the layers of a [SlopeNet].
func (m *matrix[T]) prepareAnyNorm(ctx context.Context) error {
	m.curve = nil
	if m.e.Of.ofDistances() {
		return m.values(ctx) // m.one does for all
	}
	m.one = nil
	m.fast = m.e.Slopes != nil
	for _, p := range []*points[T]{m.x, m.z} {
		if p.prepared != nil {
			continue // z is x
		}
		p.prepared = make([]any, p.n)
		if m.fast {
			p.follow(m.e.Slopes)
		}
		if err := parallel.Each(ctx, (p.n+15)/16, func(task int, _ func() bool) (err error) {
			for i := 16 * task; i < min(16*task+16, p.n) && err == nil; i++ {
				p.prepared[i], err = m.e.Prepare(p.q[i])
			}
			return err
		}); err != nil {
			return err
		}
	}
	return m.values(ctx)
}

// values sets the kernels of equal and of opposite rows.
func (m *matrix[T]) values(ctx context.Context) error {
	return parallel.Each(ctx, len(m.classes), func(task int, _ func() bool) error {
		if c := &m.classes[task]; len(c.columns) > 0 {
			i := int(c.columns[0])
			q, a := m.x.q[i], m.one
			if a == nil {
				a = m.x.prepared[i]
			}
			m.e.Pair(c.equal[:m.e.Outputs], a, gauss.Equal(q), a)
			if c.opposed {
				b := m.one
				if b == nil {
					// another one, for the same would announce a whole curve
					var err error
					if b, err = m.e.Prepare(q); err != nil {
						return err
					}
				}
				m.e.Pair(c.opposite[:m.e.Outputs], a, gauss.New(q, -q, q, 2*q, 0), b)
			}
		}
		return nil
	})
}

// pair returns a pair of inputs with the inner product k over d.
func (m *matrix[T]) pair(i, j int, k float64) gauss.Pair {
	q, q2 := m.z.q[i], m.x.q[j]
	if m.e.Of.ofDistances() {
		q = q/2 + q2/2
		return apart(q, math.Max(0, q-k))
	}
	return gauss.Of(q, k, q2)
}

// set evaluates one pair by itself.
func (m *matrix[T]) set(i, j int, p gauss.Pair) {
	a, b := m.one, m.one
	if m.one == nil {
		a, b = m.z.prepared[i], m.x.prepared[j]
	}
	var out [most]float64
	m.e.Pair(out[:m.e.Outputs], a, p, b)
	for o, dst := range m.dst {
		dst[m.index(i, j)] = T(out[o])
	}
}
