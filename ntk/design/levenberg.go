package design

import (
	"errors"
	"math"
	"slices"

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
		gradient, normal := equations(r, jacobian, n)
		free := l.free(x, gradient)
		if len(free) == 0 || !special.Finite(cost) {
			return cost, special.Finite(cost)
		}
		moved := false
		for range 12 {
			step, ok := damped(free, n, normal, gradient, damping)
			if ok {
				copy(next, x)
				size := l.move(next, x, free, step)
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

// settle follows a minimum that run has found to the digits that the gradient knows. Near a
// minimum the sum of squares changes by the square of what x does, so that run, which compares
// sums, finds half of the digits of x, and where rounding differs the other half does, too. These
// are Newton's steps, by second derivatives from differences of the gradient; they end when one is
// no shorter than half of the one before.
func (l *levenberg) settle(x []float64) {
	n := len(x)
	r, jacobian := make([]float64, l.count), make([]float64, l.count*n)
	gradient := func(x []float64) []float64 {
		l.residuals(x, r, jacobian)
		g, _ := equations(r, jacobian, n)
		return g
	}
	now := gradient(x)
	cost := squares(r)
	free := l.free(x, now)
	next := slices.Clone(x)
	second := make([]float64, n*n)
	for _, j := range free {
		h := 1e-4 * (1e-2 + math.Abs(x[j]))
		next[j] = x[j] + h
		above := gradient(next)
		next[j] = x[j] - h
		below := gradient(next)
		next[j] = x[j]
		for _, k := range free {
			d := (above[k] - below[k]) / (4 * h) // half of it, of (j, k) and of (k, j)
			second[j*n+k] += d
			second[k*n+j] += d
		}
	}
	start := slices.Clone(x)
	for last := 1e-5; ; { // more is no rounding
		step, ok := damped(free, n, second, now, 0)
		if len(free) == 0 || !ok {
			break
		}
		size := l.move(next, next, free, step)
		if !(size < last/2) {
			break
		}
		copy(x, next)
		last = size
		now = gradient(x)
	}
	if l.residuals(x, r, nil); !(squares(r) <= cost*(1+1e-12)) {
		copy(x, start)
	}
}

// equations returns the gradient J'r and the upper triangle of the normal matrix J'J.
func equations(r, jacobian []float64, n int) (gradient, normal []float64) {
	gradient, normal = make([]float64, n), make([]float64, n*n)
	for i, v := range r {
		row := jacobian[i*n : (i+1)*n]
		for j, d := range row {
			gradient[j] += d * v
			for k := j; k < n; k++ {
				normal[j*n+k] += d * row[k]
			}
		}
	}
	return gradient, normal
}

// free returns the parameters that are not held at a bound.
func (l *levenberg) free(x, gradient []float64) (free []int) {
	for j := range x {
		held := x[j] <= l.lo[j] && gradient[j] > 0 || x[j] >= l.hi[j] && gradient[j] < 0 ||
			l.lo[j] == l.hi[j]
		if !held {
			free = append(free, j)
		}
	}
	return free
}

// move sets to, a copy of x, a step further within the bounds, and returns the largest change of
// a parameter relative to its size.
func (l *levenberg) move(to, x []float64, free []int, step []float64) (size float64) {
	for i, j := range free {
		from := x[j]
		to[j] = math.Max(l.lo[j], math.Min(l.hi[j], from-step[i]))
		size = math.Max(size, math.Abs(to[j]-from)/(1e-3+math.Abs(from)))
	}
	return size
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
		var poor mat.Condition
		if !errors.As(err, &poor) {
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
