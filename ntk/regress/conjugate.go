package regress

import (
	"context"
	"errors"
	"math"
	"slices"
	"time"

	"github.com/kernelsmith/kernelsmith/ntk/internal/accel"
	"gonum.org/v1/gonum/mat"
)

// preconditioner is a matrix P near A whose inverse is cheap.
type preconditioner struct {
	inverse func(r, z []float64) // z = P⁻¹ r
	lifted  float64              // the most that P has on its diagonal and A has not
}

// problem is a system A X = B with a symmetric positive definite A that is known by its products.
type problem struct {
	settings      *SolveSettings
	method        string
	size, outputs int
	ridge         float64
	gain          float64   // ‖x‖ ≤ gain·‖b‖/δ, 0 for 1
	largest       float64   // eigenvalue, as far as it is known before there are products
	rhs           []float64 // B, size×outputs, which the solution scales
	scale         []float64 // of each column
	targets       []float64
	probe         []float64 // some of the kernel's values, to know it again by
	meter         *meter
	passTime      float64 // of the meter
	passes        int     // that are expected before there are any

	multiply func(ctx context.Context, x, out []float64) error
	prepare  func(ctx context.Context) (preconditioner, error)
	// explain returns the spectrum of the matrix that must be positive semidefinite.
	explain func(ctx context.Context) (spectrum, error)
}

// exactResiduals is up to how many passes the residual of the recurrence is that of the
// solution but for rounding: each adds the rounding of one product.
const exactResiduals = 12

// solve runs conjugate gradients from a checkpoint or from 0.
func (p *problem) solve(ctx context.Context) (*Fit, error) {
	s := p.settings
	state, err := p.load()
	if err != nil {
		return nil, err
	}
	// Each column has norm 1, for squares that do not leave the range of numbers, or is 0.
	p.scale = columnNorms(p.rhs, p.outputs)
	for i, v := range p.rhs {
		if v != 0 {
			p.rhs[i] = v / p.scale[i%p.outputs]
		}
	}
	if state == nil {
		state = &iteration{X: make([]float64, len(p.rhs)), R: append([]float64(nil), p.rhs...)}
	}
	norms := columnNorms(p.rhs, p.outputs)
	if !math.IsInf(s.Tolerance, 1) && p.worst(state, norms) <= s.Tolerance {
		return p.fit(state, p.worst(state, norms))
	}
	pre, err := p.prepare(ctx)
	if err != nil {
		return nil, err
	}
	state.Largest = math.Max(state.Largest, p.largest)
	if math.IsInf(s.Tolerance, 1) {
		pre.inverse(p.rhs, state.X)
		p.meter.left(0)
		return p.fit(state, math.NaN())
	}
	keep := &keeper{problem: p, last: time.Now()}
	for {
		err := p.iterate(ctx, pre, state, norms, keep)
		if err != nil || state.Passes <= exactResiduals {
			return p.end(ctx, pre, state, norms, keep, err)
		}
		// What the recurrence has for the residual has drifted away from it.
		if err := p.trueResidual(ctx, state); err != nil {
			return p.end(ctx, pre, state, norms, keep, err)
		}
		if p.worst(state, norms) <= s.Tolerance {
			return p.end(ctx, pre, state, norms, keep, nil)
		}
	}
}

// end saves the state and returns what came of the iteration.
func (p *problem) end(
	ctx context.Context, pre preconditioner, state *iteration, norms []float64, keep *keeper,
	err error,
) (*Fit, error) {
	saved := keep.save(state)
	switch {
	case err == nil:
		p.meter.left(0)
		return p.fit(state, p.worst(state, norms)) // a result is no less one for a full disk
	case errors.Is(err, errStalled):
		if s, e := p.curved(ctx, state); e != nil || s != nil {
			return nil, errors.Join(s, e)
		}
		return nil, errors.Join(&ResidualError{Wanted: p.settings.Tolerance,
			Reached: p.worst(state, norms), Passes: state.Passes, Ridge: p.ridge,
			SafeRidge: state.safeRidge(pre, p)}, saved)
	}
	return nil, errors.Join(err, saved)
}

// curved returns an IndefiniteError if the iteration came upon a direction of negative curvature
// which rounding does not explain.
func (p *problem) curved(ctx context.Context, state *iteration) (error, error) {
	if !state.curved || p.explain == nil {
		return nil, nil
	}
	s, err := p.explain(ctx)
	if err == nil && s.indefinite() {
		return &IndefiniteError{s.least, s.largest}, nil
	}
	return nil, err
}

// fit is the result.
func (p *problem) fit(state *iteration, residual float64) (*Fit, error) {
	for i := range state.X {
		state.X[i] *= p.scale[i%p.outputs]
	}
	if err := finiteEntries("weight", state.X, p.outputs); err != nil {
		return nil, err
	}
	return &Fit{Weights: mat.NewDense(p.size, p.outputs, state.X), Ridge: p.ridge,
		Method: p.method, Residual: residual, Passes: state.Passes}, nil
}

// trueResidual sets R to B - A X, and begins the directions anew.
func (p *problem) trueResidual(ctx context.Context, state *iteration) error {
	product := make([]float64, len(state.X))
	p.meter.left(p.passTime)
	if err := p.multiply(ctx, state.X, product); err != nil {
		return err
	}
	for i, v := range product {
		state.R[i] = p.rhs[i] - v
	}
	state.P, state.RZ = nil, nil
	state.Passes++
	return nil
}

// iteration is the state of conjugate gradients between two passes, all that goes on depends on.
type iteration struct {
	Passes  int
	X, R, P []float64 // size×outputs; P is nil before the first direction
	RZ      []float64 // of each output
	Largest float64   // eigenvalue of A, as far as it is known

	steps  []step
	curved bool
}

// step has the coefficients of one output in one pass.
type step struct {
	output      int
	alpha, beta float64
}

// columnNorms returns ‖·‖ of each column.
func columnNorms(x []float64, columns int) []float64 {
	scale := make([]float64, columns)
	for i, v := range x {
		scale[i%columns] = math.Max(scale[i%columns], math.Abs(v))
	}
	norms := make([]float64, columns)
	for i, v := range x {
		if c := i % columns; scale[c] > 0 {
			norms[c] += v / scale[c] * (v / scale[c])
		}
	}
	for c := range norms {
		norms[c] = scale[c] * math.Sqrt(norms[c])
	}
	return norms
}

// relative returns ‖r‖/‖b‖ of each output, 0 where b is.
func (it *iteration) relative(norms []float64) []float64 {
	out := columnNorms(it.R, len(norms))
	for c, norm := range norms {
		if norm > 0 {
			out[c] /= norm
		}
	}
	return out
}

// rounding returns what a product with A in double precision leaves uncertain of the residuals: 4ε
// of the largest eigenvalue times ‖x‖/‖b‖.
func (p *problem) rounding(it *iteration, norms []float64) (worst float64) {
	for c, size := range columnNorms(it.X, p.outputs) {
		if norms[c] > 0 {
			worst = math.Max(worst, 4*0x1p-52*it.Largest*size/norms[c])
		}
	}
	return worst
}

// worst returns the largest residual with what is uncertain of it.
func (p *problem) worst(it *iteration, norms []float64) float64 {
	return slices.Max(it.relative(norms)) + p.rounding(it, norms) // NaN if one is
}

// errStalled ends an iteration that does not come nearer any more.
var errStalled = errors.New("regress: the residual falls no further")

// patience is after how many passes without a residual that is a tenth smaller an iteration is
// given up.
const patience = 30

// iterate makes passes until each output has its tolerance, with a little to spare for the
// rounding of the recurrence.
func (p *problem) iterate(
	ctx context.Context, pre preconditioner, it *iteration, norms []float64, keep *keeper,
) error {
	product, z := make([]float64, len(it.X)), make([]float64, len(it.X))
	best, since := math.Inf(1), 0
	for {
		relative := it.relative(norms)
		worst := p.worst(it, norms)
		if worst <= p.settings.Tolerance {
			return nil
		}
		if worst < 0.9*best {
			best, since = worst, 0
		}
		since++
		if since > patience || it.Passes >= p.settings.Passes || it.curved || worst != worst ||
			p.rounding(it, norms) > p.settings.Tolerance {
			return errStalled
		}
		if it.P == nil {
			pre.inverse(it.R, z)
			it.P, it.RZ = append([]float64(nil), z...), dots(it.R, z, p.outputs)
		}
		p.meter.left(p.passTime * p.passesLeft(it.Passes, worst))
		if err := p.multiply(ctx, it.P, product); err != nil {
			return err
		}
		directions := columnNorms(it.P, p.outputs)
		for c, size := range columnNorms(product, p.outputs) {
			if directions[c] > 0 {
				it.Largest = math.Max(it.Largest, size/directions[c])
			}
		}
		it.advance(p, pre, product, z, relative)
		keep.sometimes(it)
	}
}

// passesLeft estimates how many passes there are still, from how the residual fell so far.
func (p *problem) passesLeft(done int, worst float64) float64 {
	if done == 0 || !(worst < 1) {
		return float64(p.passes)
	}
	all := float64(done) * math.Log(p.settings.Tolerance) / math.Log(worst)
	return math.Min(math.Ceil(all-float64(done)), float64(p.settings.Passes-done))
}

// dots returns the inner products of the columns.
func dots(a, b []float64, columns int) []float64 {
	out := make([]float64, columns)
	for i, v := range a {
		out[i%columns] += v * b[i]
	}
	return out
}

// advance is one step of each output along its direction, whose product with A is given. z is
// for scratch. The next direction is Polak and Ribière's, which forgives a preconditioner that
// rounds. An output that has its tolerance, or 0 for its targets, stays.
func (it *iteration) advance(
	p *problem, pre preconditioner, product, z []float64, relative []float64,
) {
	o := p.outputs
	curvature := dots(it.P, product, o)
	alpha := make([]float64, o)
	for c := range alpha {
		switch {
		case relative[c] <= p.settings.Tolerance/2:
		case curvature[c] > 0:
			alpha[c] = it.RZ[c] / curvature[c]
		default:
			it.curved = true
		}
	}
	for i := range it.X {
		a := alpha[i%o]
		it.X[i] += a * it.P[i]
		it.R[i] -= a * product[i]
	}
	pre.inverse(it.R, z)
	next, along := dots(it.R, z, o), dots(product, z, o)
	beta := make([]float64, o)
	for c, a := range alpha {
		if a == 0 || !(next[c] > 0) {
			continue // a direction of its own begins
		}
		beta[c] = math.Max(0, -a*along[c]/it.RZ[c])
		it.steps = append(it.steps, step{c, a, beta[c]})
	}
	for i, v := range z {
		it.P[i] = v + beta[i%o]*it.P[i]
	}
	it.RZ = next
	it.Passes++
}

// safeRidge estimates a ridge with which the iteration would have come to its tolerance: one that
// brings the condition number of P⁻¹A to what half of the passes do for. The ends of its spectrum
// are those of the tridiagonal matrices that the coefficients of the steps make up.
func (it *iteration) safeRidge(pre preconditioner, p *problem) float64 {
	largest := 1.0
	byOutput := make(map[int][]step)
	for _, s := range it.steps {
		byOutput[s.output] = append(byOutput[s.output], s)
	}
	for _, steps := range byOutput {
		n := len(steps)
		small, values := make([]float64, n*n), make([]float64, n)
		for i, s := range steps {
			small[i*n+i] = 1 / s.alpha
			if i > 0 {
				small[i*n+i] += steps[i-1].beta / steps[i-1].alpha
			}
			if i+1 < n {
				small[i*n+i+1] = math.Sqrt(s.beta) / s.alpha
			}
		}
		if accel.SymEigenvalues(n, small, values) && values[n-1] > largest {
			largest = values[n-1]
		}
	}
	within := float64(p.settings.Passes) / math.Log(2/p.settings.Tolerance)
	safe := 4 * largest * math.Max(pre.lifted, p.ridge) / math.Min(within*within, 100)
	// And one that keeps the solution so small that its products are certain enough.
	certain := 16 * 0x1p-52 * it.Largest * math.Max(1, p.gain) / p.settings.Tolerance
	return max(safe, 2*p.ridge, certain)
}
