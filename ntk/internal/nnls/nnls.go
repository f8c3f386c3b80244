// Package nnls solves least squares with nonnegative unknowns by an active set.
package nnls

import (
	"fmt"
	"math"
	"slices"

	"github.com/kernelsmith/kernelsmith/ntk/internal/special"
	"gonum.org/v1/gonum/floats"
)

// Result is a solution of min ‖Ax - b‖₂, x ≥ 0.
type Result struct {
	// X is exactly 0 off the passive set.
	X []float64
	// Residual is b - Ax and Norm its length.
	Residual []float64
	Norm     float64
	// KKT is by how much the conditions of optimality fail: the largest of
	// a_j·r/‖a_j‖, which must be ≤ 0 for all j, and of |a_j·r|/‖a_j‖ where
	// x_j > 0. Rounding alone leaves about 1e-15 ‖b‖.
	KKT float64
	// Iterations counts the least-squares solutions.
	Iterations int
}

// LimitError reports that the iteration cap was reached; the result returned
// with it is feasible but not optimal.
type LimitError struct {
	Iterations int
	KKT        float64
}

func (e *LimitError) Error() string {
	return fmt.Sprintf(
		"nnls: not optimal after %d iterations: the optimality conditions fail by %.3g",
		e.Iterations, e.KKT)
}

const (
	// dependent is the length, relative to its own, that a column must keep off
	// the span of the passive ones to be told from their combination.
	dependent = 1e-13
	// flat is the cosine between residual and column under which the column
	// does not point downhill beyond the residual's own rounding.
	flat = 1e-12
	// level is what rounding of b, of length 1, leaves of the product of a column and the residual.
	level = 0x1p-47
)

// Solve minimises ‖Σ_j x_j columns[j] - b‖₂ over x ≥ 0 by the active-set method
// of Lawson and Hanson (Solving Least Squares Problems, 1974, ch. 23). All
// columns have the length of b, and all entries must be finite; their scale
// does not matter. Columns that depend on each other to rounding are safe: of
// several equally good solutions one with independent columns is returned, and
// entries that rounding cannot tell from 0 are 0. The same problem gives the
// same bytes. limit caps the iterations, 0 meaning 10 (rows + columns). Cost of
// one iteration: O(rows · columns + rows · passive²).
func Solve(columns [][]float64, b []float64, limit int) (Result, error) {
	m, n := len(b), len(columns)
	for i, v := range b {
		if !special.Finite(v) {
			return Result{}, fmt.Errorf("nnls: entry %d of the right side is %v; it must be finite",
				i, v)
		}
	}
	s := &solver{
		b:       b,
		columns: make([][]float64, n),
		norm:    make([]float64, n),
		state:   make([]state, n),
		x:       make([]float64, n),
	}
	// Both sides scaled to length 1, so that nothing below over- or underflows.
	s.scale = length(b)
	if s.scale > 0 {
		s.b = make([]float64, m)
		for i, v := range b {
			s.b[i] = v / s.scale
		}
		if math.IsInf(s.scale, 0) {
			return Result{}, fmt.Errorf("nnls: the right side is too long for double precision")
		}
	}
	for j, col := range columns {
		if len(col) != m {
			return Result{}, fmt.Errorf("nnls: column %d has %d entries for %d rows", j, len(col),
				m)
		}
		s.norm[j] = length(col)
		if !special.Finite(s.norm[j]) {
			return Result{}, fmt.Errorf(
				"nnls: column %d is not finite, or too long for double precision", j)
		}
		s.columns[j] = make([]float64, m)
		if s.norm[j] == 0 {
			s.state[j] = useless
			continue
		}
		for i, v := range col {
			s.columns[j][i] = v / s.norm[j]
		}
	}
	if limit == 0 {
		limit = 10 * (m + n)
	}
	err := s.run(limit)
	return s.result(), err
}

// length is the Euclidean norm, without overflow on the way.
func length(v []float64) float64 { return floats.Norm(v, 2) }

type state int8

const (
	active  state = iota // x_j = 0, may enter
	passive              // x_j > 0
	blocked              // cannot enter until something else has changed
	useless              // a column of zeros
)

type solver struct {
	columns    [][]float64 // of length 1
	norm       []float64   // of the columns given
	b, x       []float64
	scale      float64 // of the b given
	state      []state
	order      []int       // the passive columns
	q, r       [][]float64 // columns[order] = q r, r by columns
	qb         []float64   // q·b
	residual   []float64
	iterations int
}

func (s *solver) run(limit int) error {
	rounding := 4 * 0x1p-52 * math.Sqrt(float64(len(s.b)))
	s.residual = slices.Clone(s.b)
	best := length(s.residual)
	mark, since := best, 0 // a residual, and the iterations when it was reached
	for {
		if best <= rounding {
			break
		}
		j := s.steepest(
			flat * best) // a step that is only rounding makes no progress, and is blocked
		if j < 0 {
			break
		}
		// Rounding may go on finding steps that make next to no progress.
		if s.iterations-since > limit/10 && s.steepest(level) < 0 {
			break
		}
		if s.iterations >= limit {
			return &LimitError{s.iterations, s.result().KKT}
		}
		if !s.push(j) {
			s.state[j] = blocked
			continue
		}
		old, oldOrder := slices.Clone(s.x), slices.Clone(s.order[:len(s.order)-1])
		z := s.solve()
		if z[len(z)-1] <= 0 { // rounding alone said that j points downhill
			s.pop()
			s.state[j] = blocked
			continue
		}
		s.state[j] = passive
		s.shorten(z)
		s.setResidual()
		if now := length(s.residual); now < best {
			best = now
			if best < 0.9*mark {
				mark, since = best, s.iterations
			}
			for k := range s.state {
				if s.state[k] == blocked {
					s.state[k] = active
				}
			}
			continue
		}
		// No progress: back to where we were, and never round in a circle.
		copy(s.x, old)
		s.factor(oldOrder)
		for k := range s.state {
			if s.state[k] == passive {
				s.state[k] = active
			}
		}
		for _, k := range oldOrder {
			s.state[k] = passive
		}
		s.state[j] = blocked
		s.setResidual()
	}
	s.prune(rounding)
	return nil
}

// steepest returns the column that may enter with the largest a_j·r > least.
func (s *solver) steepest(least float64) int {
	best, at := least, -1
	for j, a := range s.columns {
		if s.state[j] == active {
			if w := floats.Dot(a, s.residual); w > best {
				best, at = w, j
			}
		}
	}
	return at
}

// shorten goes from x towards the least-squares solution z as far as x ≥ 0
// allows, drops what became 0, and again until z itself is positive.
func (s *solver) shorten(z []float64) {
	for {
		step, at := 1.0, -1
		for i, j := range s.order {
			if z[i] <= 0 {
				if t := s.x[j] / (s.x[j] - z[i]); t < step || at < 0 {
					step, at = t, i
				}
			}
		}
		for i, j := range s.order {
			s.x[j] += step * (z[i] - s.x[j])
		}
		if at < 0 {
			for i, j := range s.order {
				s.x[j] = z[i]
			}
			return
		}
		s.x[s.order[at]] = 0
		var keep []int
		for _, j := range s.order {
			if s.x[j] > 0 {
				keep = append(keep, j)
			} else {
				s.x[j] = 0
				s.state[j] = active
			}
		}
		s.factor(keep)
		z = s.solve()
	}
}

// prune drops entries whose loss the residual does not feel beyond rounding.
func (s *solver) prune(rounding float64) {
	for {
		worst, at := math.Inf(1), -1
		for i, j := range s.order {
			if s.x[j] < worst {
				worst, at = s.x[j], i
			}
		}
		if at < 0 || worst > 1e-8 {
			return
		}
		x, order, was := slices.Clone(s.x), slices.Clone(s.order), length(s.residual)
		j := order[at]
		s.factor(slices.Delete(slices.Clone(order), at, at+1))
		z := s.solve()
		ok := true
		for _, v := range z {
			ok = ok && v > 0
		}
		if ok {
			s.x[j] = 0
			for i, k := range s.order {
				s.x[k] = z[i]
			}
			s.setResidual()
			ok = length(s.residual) <= was+rounding
		}
		if !ok {
			copy(s.x, x)
			s.factor(order)
			s.setResidual()
			return
		}
		s.state[j] = active
	}
}

func (s *solver) setResidual() {
	copy(s.residual, s.b)
	for _, j := range s.order {
		floats.AddScaled(s.residual, -s.x[j], s.columns[j])
	}
}

// factor makes the passive set order and its QR factors.
func (s *solver) factor(order []int) {
	same := 0
	for same < len(order) && same < len(s.order) && order[same] == s.order[same] {
		same++
	}
	rest := slices.Clone(order[same:])
	s.order, s.q, s.r, s.qb = s.order[:same], s.q[:same], s.r[:same], s.qb[:same]
	for _, j := range rest {
		if !s.push(j) { // became dependent in another order
			s.state[j] = active
			s.x[j] = 0
		}
	}
}

// push appends column j to the factors by Gram-Schmidt, twice, which is enough
// for q orthogonal to rounding. It reports whether the column is independent.
func (s *solver) push(j int) bool {
	if len(s.order) == len(s.b) {
		return false
	}
	v := slices.Clone(s.columns[j])
	r := make([]float64, len(s.order)+1)
	for range 2 {
		for i, q := range s.q {
			t := floats.Dot(q, v)
			r[i] += t
			floats.AddScaled(v, -t, q)
		}
	}
	l := length(v)
	if !(l > dependent) {
		return false
	}
	floats.Scale(1/l, v)
	r[len(r)-1] = l
	s.order, s.q, s.r = append(s.order, j), append(s.q, v), append(s.r, r)
	s.qb = append(s.qb, 0)
	// q·b through what the columns before leave of b: no cancellation.
	rest := slices.Clone(s.b)
	for i, q := range s.q[:len(s.q)-1] {
		floats.AddScaled(rest, -s.qb[i], q)
	}
	s.qb[len(s.qb)-1] = floats.Dot(v, rest)
	return true
}

func (s *solver) pop() {
	n := len(s.order) - 1
	s.order, s.q, s.r, s.qb = s.order[:n], s.q[:n], s.r[:n], s.qb[:n]
}

// solve returns the least-squares solution on the passive columns.
func (s *solver) solve() []float64 {
	s.iterations++
	z := slices.Clone(s.qb)
	for k := len(z) - 1; k >= 0; k-- {
		z[k] /= s.r[k][k]
		floats.AddScaled(z[:k], -z[k], s.r[k][:k])
	}
	return z
}

func (s *solver) result() Result {
	out := Result{
		X:          make([]float64, len(s.x)),
		Residual:   make([]float64, len(s.b)),
		Iterations: s.iterations,
	}
	if s.scale == 0 {
		return out
	}
	for j := range s.x {
		if s.x[j] > 0 {
			out.X[j] = s.x[j] / s.norm[j] * s.scale
		}
		if s.state[j] != useless {
			w := floats.Dot(s.columns[j], s.residual)
			if s.x[j] > 0 {
				w = math.Abs(w)
			}
			out.KKT = math.Max(out.KKT, w*s.scale)
		}
	}
	for i, v := range s.residual {
		out.Residual[i] = v * s.scale
	}
	out.Norm = length(out.Residual)
	return out
}
