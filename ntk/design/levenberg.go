package design

import (
	"math"

	"github.com/kernelsmith/kernelsmith/ntk/internal/special"
	"gonum.org/v1/gonum/mat"
)

// levenberg minimises Σ r_i² over a box by the method of Levenberg and Marquardt:
// steps of damped normal equations in the parameters that are not held at a bound.
type levenberg struct {
	lo, hi []float64
	// residuals sets r, and the jacobian (len(r) × n) if it is not nil.
	residuals func(x, r, jacobian []float64)
	count     int // of residuals
	// stop ends the search early.
	stop func() bool
}

// run improves x in place, with at most steps evaluations of the jacobian, and returns
// the sum of squares and whether it converged.
func (l *levenberg) run(x []float64, steps int) (cost float64, converged bool) {
	n := len(x)
	r, trial := make([]float64, l.count), make([]float64, l.count)
	jacobian := make([]float64, l.count*n)
	next := make([]float64, n)
	damping := 1e-3
	for i := range x {
		x[i] = math.Max(l.lo[i], math.Min(l.hi[i], x[i]))
	}
	l.residuals(x, r, jacobian)
	cost = squares(r)
	for range steps {
		if l.stop != nil && l.stop() {
			return cost, false
		}
		gradient, normal := make([]float64, n), make([]float64, n*n)
		for i, v := range r {
			row := jacobian[i*n : (i+1)*n]
			for j, d := range row {
				gradient[j] += d * v
				for k := j; k < n; k++ {
					normal[j*n+k] += d * row[k]
				}
			}
		}
		var free []int
		for j := range x {
			held := x[j] <= l.lo[j] && gradient[j] > 0 || x[j] >= l.hi[j] && gradient[j] < 0 ||
				l.lo[j] == l.hi[j]
			if !held {
				free = append(free, j)
			}
		}
		if len(free) == 0 || !special.Finite(cost) {
			return cost, special.Finite(cost)
		}
		moved := false
		for range 12 {
			step, ok := damped(free, n, normal, gradient, damping)
			if ok {
				copy(next, x)
				var size float64
				for i, j := range free {
					next[j] = math.Max(l.lo[j], math.Min(l.hi[j], x[j]-step[i]))
					size = math.Max(size, math.Abs(next[j]-x[j])/(1e-3+math.Abs(x[j])))
				}
				l.residuals(next, trial, nil)
				if now := squares(trial); now < cost {
					small := cost-now < 1e-13*cost && size < 1e-7
					copy(x, next)
					cost = now
					damping = math.Max(1e-14, damping/5)
					if small {
						return cost, true
					}
					moved = true
					break
				}
				if size < 1e-12 {
					return cost, true
				}
			}
			damping = math.Max(damping*6, 1e-12)
			if damping > 1e12 {
				return cost, true
			}
		}
		if !moved {
			return cost, true
		}
		l.residuals(x, r, jacobian)
	}
	return cost, false
}

// damped solves (N + λ diag N) step = gradient in the free parameters.
func damped(
	free []int, n int, normal, gradient []float64, lambda float64,
) (step []float64, ok bool) {
	m := len(free)
	a := mat.NewSymDense(m, nil)
	b := mat.NewVecDense(m, nil)
	var largest float64
	for _, j := range free {
		largest = math.Max(largest, normal[j*n+j])
	}
	for i, j := range free {
		for h := i; h < m; h++ {
			k := free[h]
			v := normal[min(j, k)*n+max(j, k)]
			if i == h {
				v += lambda*v + 1e-15*largest
			}
			a.SetSym(i, h, v)
		}
		b.SetVec(i, gradient[j])
	}
	var c mat.Cholesky
	if !c.Factorize(a) {
		return nil, false
	}
	var x mat.VecDense
	if err := c.SolveVecTo(&x, b); err != nil {
		if _, poor := err.(mat.Condition); !poor {
			return nil, false
		}
	}
	return x.RawVector().Data, true
}

func squares(r []float64) (sum float64) {
	for _, v := range r {
		sum += v * v
	}
	if math.IsNaN(sum) {
		return math.Inf(1)
	}
	return sum
}
