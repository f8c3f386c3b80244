package design

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"

	"github.com/kernelsmith/kernelsmith/ntk/internal/parallel"
	"github.com/kernelsmith/kernelsmith/ntk/internal/special"
	"github.com/kernelsmith/kernelsmith/ntk/inverse"
)

// Numerics is the version of what [Fit] and [Front] find. It is raised when the same
// problem gives another design than before, so that records of earlier versions are not
// taken for it.
const Numerics = 1

// Problem is what a design is to achieve.
type Problem struct {
	// Target is an ntk.Kernel; or an ntk.PowerSeries, on the sphere ‖x‖² = d alone;
	// or inverse.Samples there, at least as many as there are free parameters.
	Target inverse.Target
	// NNGPShare says which kernel of the design's net is compared with the target: 0
	// the NTK, 1 the NNGP kernel, between them (1 - NNGPShare) NTK + NNGPShare NNGP.
	NNGPShare float64
	// Depth is the number of hidden layers, all with the design as activation and
	// σ_w = 1, σ_b = 0; 0 means 1.
	Depth int
	// On says where; the zero value is Angles(101, nil). Samples are compared where they
	// are, with weights 1/Std², and need the zero value.
	On Domain
	// Largest makes the largest error small instead of the mean square.
	Largest bool
	// Width, if > 0, adds the variance of the kernel of a net of that width to the
	// square of the error: what is made small is then the mean square distance of a
	// finite net's kernel from the target. For one hidden layer, the NTK, and a
	// domain on the sphere.
	Width int
	// SpreadAtMost, if not nil, bounds √(N Var Θ_N) of the design's finite nets (see
	// Design.Spread) from above, at 17 cosines uniform in angle; it is asked there.
	// It is met to about 1e-3 of itself where it is against the fit, and is for the same
	// problems as Width.
	SpreadAtMost func(c float64) float64
	// MatchValue and MatchSlope weigh the error of K(1) and that of the slope of K
	// from c = 0.999 to 1, each against the mean over the domain; 0 leaves them out.
	MatchValue, MatchSlope float64
}

// Settings are those of the search; nil means all defaults.
type Settings struct {
	// Seed determines the starts. The same seed gives the same design on any number
	// of processors.
	Seed uint64
	// Starts is the number of random starts; 0 means 1000 for each parameter that the
	// formula is not linear in, 3000 at most; 200 for more than one hidden layer, and at
	// any depth 60 for families with smooth terms or of one's own.
	Starts int
	// Polish is how many of the best starts are followed on, a third of them (at least 4)
	// to their end; 0 means 32; it is 8 at most with several layers or a family of one's own,
	// where following one takes long.
	Polish int
	// Progress, if not nil, is told how many starts are done, of how many. Calls come one at
	// a time.
	Progress func(done, total int)
}

// Error is a distance between a design's kernel and its target over a domain.
type Error struct {
	Mean     float64 // root of the weighted mean square
	Max      float64 // largest, where the weight is not 0
	Relative float64 // Mean over the root mean square of the target
}

// String says the distance in a sentence's part: "0.0019 off in the root mean square, 0.0035 at
// most, 0.12 % of the target".
func (e Error) String() string {
	return fmt.Sprintf("%.2g off in the root mean square, %.2g at most, %.2g %% of the target",
		e.Mean, e.Max, 100*e.Relative)
}

// Design is an activation whose kernel is near a target. One made by hand from a Formula
// has no norms and no Error, so that Check reports every row and WidthFor(0) fails;
// [Measured] makes it with both.
type Design struct {
	// Formula is φ. A design of a family of one's own has none, and a Formula that is
	// an error where one is needed; its φ is Design.Activation.
	Formula Formula
	Params  []Param
	// Error is over the domain of the problem, and Objective the root of what was made
	// small, in the kernel's units.
	Error     Error
	Objective float64
	lo, hi    float64 // of ‖x‖²/d in the domain
	own       *Custom
}

// String returns φ and how far its kernel is from the target, in a line.
func (d Design) String() string {
	phi := "φ(z) = " + d.Formula.String()
	if d.own != nil {
		phi = "form of one's own with"
		for _, p := range d.Params {
			phi += fmt.Sprintf(" %s = %.4g", p.Name, p.Value)
		}
	}
	if d.Error == (Error{}) {
		return phi
	}
	return fmt.Sprintf("%s; its kernel is %v", phi, d.Error)
}

// Param is a parameter of a design.
type Param struct {
	Name  string
	Value float64
	// AtBound says that the bound of the family decided the value.
	AtBound bool
}

// Result is the outcome of a search.
type Result struct {
	Design *Design
	// Optima are the distinct local optima that were reached, best first; the first
	// is Design.
	Optima []*Design
	// Stop says why the search ended, and Converged how many of the polished starts
	// came to an optimum.
	Stop      string
	Converged int
}

// String returns the design and how the search went, in a line.
func (r Result) String() string {
	if r.Design == nil {
		return "no design: " + r.Stop
	}
	return fmt.Sprintf("%v (%s; %d starts converged, %d optima)", r.Design, r.Stop, r.Converged,
		len(r.Optima))
}

// Fit searches a family for the activation whose net has the kernel nearest to the
// target. A target that no net can have is a [*inverse.NotRealizableError]. If ctx ends,
// its error is returned beside the best found so far, if any.
//
// The expectations behind the kernel and its gradient are exact (for a form of one's
// own numeric), so nothing is sampled:
// random starts in the parameters that the formula is not linear in, a quick fit of the
// others, and the method of Levenberg and Marquardt in all from the best. Cost: about a
// second for the paper's seven parameters on 101 angles.
func Fit(ctx context.Context, f Family, p Problem, s *Settings) (*Result, error) {
	sr, err := newSearch(f, p, s)
	if err != nil {
		return nil, err
	}
	return sr.run(ctx)
}

func newSearch(f Family, p Problem, s *Settings) (*search, error) {
	if s == nil {
		s = &Settings{}
	}
	params, err := f.parameters()
	if err != nil {
		return nil, err
	}
	if err := checkTarget(p.Target); err != nil {
		return nil, err
	}
	if err := enough(p.Target, params); err != nil {
		return nil, err
	}
	if err := realizable(p.Target); err != nil {
		return nil, err
	}
	if p.On, err = p.On.orDefault(p.Target); err != nil {
		return nil, err
	}
	if err := p.check(); err != nil {
		return nil, err
	}
	places, err := p.On.wanted(p.Target)
	if err != nil {
		return nil, err
	}
	if f.Custom == nil && f.Bounds.Amplitude == 0 {
		var largest float64
		for _, p := range places {
			largest = math.Max(largest, math.Abs(p.want))
		}
		if f.Bounds.Amplitude = 2 * math.Sqrt(largest); f.Bounds.Amplitude <= defaultAmplitude {
			f.Bounds.Amplitude = 0
		} else if params, err = f.parameters(); err != nil {
			return nil, err
		}
	}
	const most = 10_000_000
	if min(s.Starts, s.Polish) < 0 || max(s.Starts, s.Polish) > most {
		return nil, fmt.Errorf("design: Starts and Polish are %d and %d; they must be 0 (the "+
			"defaults) … %d", s.Starts, s.Polish, most)
	}
	sr := &search{
		family:   f,
		params:   params,
		problem:  p,
		settings: *s,
		places:   places,
		bounds:   f.Bounds.withDefaults(),
		stiff:    1,
	}
	if p.MatchValue > 0 || p.MatchSlope > 0 {
		if sr.top, err = curveOf(p.Target, []float64{1, 1 - slopeGap}); err != nil {
			return nil, fmt.Errorf("design: the target near c = 1: %w", err)
		}
		if !special.Finite(sr.top[0]) || !special.Finite(sr.top[1]) {
			return nil, fmt.Errorf("design: the target %v is %v at c = 1 and %v", p.Target, sr.top,
				1-slopeGap)
		}
	}
	for _, p := range places {
		sr.square += p.weight * p.want * p.want
	}
	if err := sr.checkOwn(); err != nil {
		return nil, err
	}
	if p.SpreadAtMost != nil {
		for _, c := range spreadCosines {
			v := p.SpreadAtMost(c)
			if !(v > 0) {
				return nil, fmt.Errorf("design: SpreadAtMost(%v) is %v; it must be > 0", c, v)
			}
			sr.most = append(sr.most, v)
		}
	}
	return sr, nil
}

func (p Problem) check() error {
	switch {
	case !(p.NNGPShare >= 0 && p.NNGPShare <= 1):
		return fmt.Errorf("design: NNGPShare is %v; it must be in [0, 1]", p.NNGPShare)
	case p.Depth < 0 || p.Depth > 20:
		return fmt.Errorf("design: Depth is %d; it must be 0 … 20", p.Depth)
	case p.Width < 0:
		return fmt.Errorf("design: Width is %d; it must be ≥ 0", p.Width)
	case (p.Width > 0 || p.SpreadAtMost != nil) &&
		(p.Depth > 1 || p.NNGPShare != 0 || !p.On.onSphere()):
		return errors.New(
			"design: Width and SpreadAtMost are for the NTK of one hidden layer on the sphere")
	case !(p.MatchValue >= 0) || !(p.MatchSlope >= 0) || math.IsInf(p.MatchValue+p.MatchSlope, 0):
		return fmt.Errorf(
			"design: MatchValue and MatchSlope are %v and %v; they must be finite and ≥ 0",
			p.MatchValue, p.MatchSlope)
	}
	if _, samples := p.Target.(inverse.Samples); samples && p.MatchValue+p.MatchSlope > 0 {
		return errors.New(
			"design: MatchValue and MatchSlope need a target that has values at c = 1, and " +
				"samples have theirs alone")
	}
	return nil
}

// search is one call of Fit.
type search struct {
	family   Family
	params   []unknown
	problem  Problem
	settings Settings
	places   []place
	bounds   Bounds
	most     []float64 // of the spread at spreadCosines; nil for no bound
	top      []float64 // the target at c = 1 and slopeGap below, where they are matched
	square   float64   // mean of the target's over the places
	stiff    float64   // weight of what exceeds most
}

// finite reports whether the spread of finite nets counts.
func (s *search) finite() bool { return s.problem.Width > 0 || s.most != nil }

// infinite is the same search without it.
func (s *search) infinite() *search {
	plain := *s
	plain.problem.Width, plain.most = 0, nil
	return &plain
}

// slopeGap is the 1 - c over which the slope of K at c = 1 is matched.
const slopeGap = 1e-3

// levenberg returns the least squares problem of the search on some places.
func (s *search) levenberg(places []place, stop func() bool) *levenberg {
	value, slope := s.problem.MatchValue > 0, s.problem.MatchSlope > 0
	all := slices.Clone(places)
	if value || slope {
		for i, gap := range []float64{0, slopeGap} {
			all = append(all, place{q: 1, q2: 1, minus: gap, plus: 2 - gap, want: s.top[i]})
		}
	}
	m := newModel(s.family, s.params, all, s.problem.NNGPShare)
	m.depth = s.problem.Depth
	n, count := len(s.params), len(places)
	kernel := make([]float64, len(all))
	l := &levenberg{stop: stop}
	for _, p := range s.params {
		l.lo, l.hi = append(l.lo, p.lo), append(l.hi, p.hi)
	}
	rows := count
	if value || slope {
		rows += 2
	}
	spreadAt := rows
	if s.finite() {
		rows += len(spreadCosines)
		if s.most != nil {
			rows += len(spreadCosines)
		}
	}
	slopeRow := rows
	if !math.IsInf(s.bounds.Slope, 1) {
		rows += 2
	}
	l.count = rows
	l.residuals = func(x, r, jacobian []float64) {
		var full []float64
		if jacobian != nil {
			full = make([]float64, len(all)*n)
			clear(jacobian)
		}
		m.kernels(x, kernel, full)
		for i, p := range places {
			w := math.Sqrt(p.weight)
			r[i] = w * (kernel[i] - p.want)
			if jacobian != nil {
				for j := range n {
					jacobian[i*n+j] = w * full[i*n+j]
				}
			}
		}
		if value || slope {
			top, below := count, count+1
			w, w2 := math.Sqrt(s.problem.MatchValue), math.Sqrt(s.problem.MatchSlope)/slopeGap
			e, e2 := kernel[top]-all[top].want, kernel[below]-all[below].want
			r[count], r[count+1] = w*e, w2*(e-e2)
			if jacobian != nil {
				for j := range n {
					jacobian[count*n+j] = w * full[top*n+j]
					jacobian[(count+1)*n+j] = w2 * (full[top*n+j] - full[below*n+j])
				}
			}
		}
		if s.finite() {
			s.spreads(x, r[spreadAt:], jacobian, spreadAt)
		}
		if slopeRow < rows {
			s.growth(x, r[slopeRow:], jacobian, slopeRow)
		}
	}
	return l
}

// spreadCosines are where the variance of finite nets counts, by angle.
var spreadCosines = func() (c []float64) {
	for i := range 17 {
		c = append(c, math.Cos(math.Pi*float64(i)/16))
	}
	return c
}()

// spreads sets r to √(V/N) over the root of their number, for the width of the problem,
// then to what √V exceeds its bound by, if there is one.
func (s *search) spreads(x, r, jacobian []float64, row int) {
	n, count := len(x), len(spreadCosines)
	v, by := make([]float64, count), []float64(nil)
	if jacobian != nil {
		by = make([]float64, count*n)
	}
	quickly(spreadCosines).variances(s.family.shape(s.params, x), v, by)
	scale := 0.0
	if s.problem.Width > 0 {
		scale = 1 / math.Sqrt(float64(s.problem.Width)*float64(count))
	}
	for i, v := range v {
		root := math.Sqrt(math.Max(v, 1e-12*s.square)) // not 0, which has no derivative
		over := 0.0
		if s.most != nil {
			over = math.Max(0, root-s.most[i])
			r[count+i] = s.stiff * over
		}
		r[i] = scale * root
		if jacobian == nil {
			continue
		}
		for j := range n {
			d := by[i*n+j] / (2 * root)
			jacobian[(row+i)*n+j] = scale * d
			if over > 0 {
				jacobian[(row+count+i)*n+j] = s.stiff * d
			}
		}
	}
}

// growth sets r to what the slopes of φ for z → ±∞ exceed their bound by.
func (s *search) growth(x, r, jacobian []float64, row int) {
	f := s.family.formula(s.params, x)
	slopes := [2]float64{f.Slope, f.Slope}
	for _, t := range f.Terms {
		switch t.Kind {
		case reluTerm:
			slopes[0] += t.Amplitude
		case reflectedTerm:
			slopes[1] -= t.Amplitude
		case geluTerm:
			slopes[0] += t.Amplitude * t.Scale
		}
	}
	const stiff = 100
	for i, v := range slopes {
		over := math.Abs(v) - s.bounds.Slope
		r[i] = 0
		if over <= 0 {
			continue
		}
		r[i] = stiff * over
		if jacobian == nil {
			continue
		}
		for j, p := range s.params {
			var by float64
			if p.name == "slope" {
				by = 1
			}
			for k, t := range f.Terms {
				switch p.at(&f) {
				case &f.Terms[k].Amplitude:
					switch {
					case t.Kind == reluTerm && i == 0:
						by = 1
					case t.Kind == reflectedTerm && i == 1:
						by = -1
					case t.Kind == geluTerm && i == 0:
						by = t.Scale
					}
				case &f.Terms[k].Scale:
					if t.Kind == geluTerm && i == 0 {
						by = t.Amplitude
					}
				}
			}
			jacobian[(row+i)*len(s.params)+j] = stiff * math.Copysign(by, by*v)
		}
	}
}

// start is a point of the search with its objective.
type start struct {
	x         []float64
	cost      float64
	converged bool
}

// polishShare is how many quick starts a polished one is the work of.
const polishShare = 20

func (s *search) run(ctx context.Context) (*Result, error) {
	total, polish := s.effort()
	work := total + 10*polish + 2*polishShare*polish // at most
	report := s.reporter(work)
	chosen, err := s.choose(ctx, total, polish, report)
	if err != nil {
		return nil, err
	}
	ends, followed, err := s.follow(ctx, chosen, polish, report)
	if err == nil {
		report(work)
	}
	r := s.result(ends)
	if err != nil {
		r.Stop = "interrupted: " + err.Error()
		return r, err
	}
	if r.Design == nil {
		return nil, fmt.Errorf(
			"design: no start of %d came to finite values; narrower bounds may help", total)
	}
	r.Stop = fmt.Sprintf("%d starts, the best %d followed to their end", total, followed)
	return r, nil
}

// effort is the number of random starts and of those among them that are polished.
func (s *search) effort() (starts, polish int) {
	nonlinear := 0
	for _, p := range s.params {
		if !p.fixed && !isLinear(p.name) {
			nonlinear++
		}
	}
	starts = s.settings.Starts
	if starts == 0 {
		starts = min(3000, 1000*max(1, nonlinear))
		switch {
		case !s.family.piecewise():
			starts = 60
		case s.problem.Depth > 1:
			starts = 200
		}
	}
	polish = s.settings.Polish
	if polish == 0 {
		polish = 32
	}
	if s.problem.Depth > 1 || s.family.Custom != nil {
		polish = min(polish, 8)
	}
	return starts, min(polish, starts)
}

// choose returns the starts that are worth polishing, the best of total random ones.
func (s *search) choose(
	ctx context.Context, total, polish int, report func(int),
) ([]start, error) {
	starts := make([]start, total)
	if err := s.each(
		ctx, total, 1, report, func(i int, stop func() bool) { starts[i] = s.quick(i, stop) },
	); err != nil {
		return nil, err
	}
	slices.SortStableFunc(starts, byCost)
	// A few steps in all parameters tell better than the quick fit which are good.
	warm := starts[:min(total, 10*polish)]
	if err := s.each(
		ctx, len(warm), 1, report,
		func(i int, stop func() bool) { warm[i] = s.warm(warm[i], stop) },
	); err != nil {
		return nil, err
	}
	slices.SortStableFunc(warm, byCost)
	return distinct(warm, polish), nil
}

// follow brings all the chosen starts some way and the better third of them to the end.
// It returns them, the best first, and how many it followed to the end. If ctx ends, they
// are returned as they are then, beside its error.
func (s *search) follow(
	ctx context.Context, chosen []start, polish int, report func(int),
) (ends []start, followed int, err error) {
	err = s.each(ctx, len(chosen), polishShare, report,
		func(i int, stop func() bool) { chosen[i] = s.polished(chosen[i], 40, false, stop) })
	slices.SortStableFunc(chosen, byCost)
	if err == nil {
		best := chosen[:min(len(chosen), max(4, polish/3))]
		followed = len(best)
		err = s.finish(ctx, best, report)
		if s.problem.Largest || s.most != nil { // the others were not asked for it
			chosen = best
		}
		slices.SortStableFunc(chosen, byCost)
	}
	if err != nil { // some were not polished, and their costs are of fewer places
		for i := range chosen {
			chosen[i].cost = s.cost(chosen[i].x)
		}
		slices.SortStableFunc(chosen, byCost)
	}
	return chosen, followed, err
}

// finish follows starts to the end of all that the problem asks for.
func (s *search) finish(ctx context.Context, best []start, report func(int)) error {
	end := s.strict()
	return s.each(ctx, len(best), polishShare, report, func(i int, stop func() bool) {
		if s.most != nil { // near its end before the bound is strict
			best[i] = s.polished(best[i], 400, false, stop)
		}
		best[i] = end.polished(best[i], 400, s.problem.Largest, stop)
		if best[i].converged && !s.problem.Largest {
			end.levenberg(s.places, nil).settle(best[i].x)
		}
	})
}

// result measures the ends of a search, the best first, and keeps the distinct ones.
func (s *search) result(ends []start) *Result {
	r := &Result{}
	for _, c := range ends {
		if !special.Finite(c.cost) {
			continue
		}
		if c.converged {
			r.Converged++
		}
		d := s.design(c)
		if d == nil {
			continue
		}
		if !slices.ContainsFunc(r.Optima, func(o *Design) bool { return sameOptimum(o, d) }) {
			r.Optima = append(r.Optima, d)
		}
	}
	if len(r.Optima) > 0 {
		r.Design = r.Optima[0]
	}
	return r
}

func isLinear(name string) bool {
	return name == "slope" || name == "offset" ||
		len(name) > 9 && name[len(name)-9:] == "amplitude" ||
		len(name) > 5 && name[len(name)-5:] == "phase"
}

func (s *search) reporter(total int) func(int) {
	var mutex sync.Mutex
	done := 0
	return func(by int) {
		mutex.Lock()
		defer mutex.Unlock()
		done += by
		if s.settings.Progress != nil {
			s.settings.Progress(min(done, total), total)
		}
	}
}

// each calls f(0) … f(n-1) on all processors; each result depends on its number alone.
func (s *search) each(
	ctx context.Context, n, share int, report func(int), f func(i int, stop func() bool),
) error {
	if err := parallel.Each(ctx, n, func(i int, stop func() bool) error {
		f(i, stop)
		report(share)
		return nil
	}); err != nil {
		return err
	}
	return ctx.Err() // the last calls may have stopped early
}

// random draws the parameters of start i within their bounds.
func (s *search) random(i int) ([]float64, *rand.Rand) {
	r := rand.New(rand.NewPCG(s.settings.Seed, uint64(i)+1))
	x := make([]float64, len(s.params))
	for j, p := range s.params {
		lo, hi := p.lo, p.hi
		switch {
		case p.fixed:
			x[j] = p.lo
			continue
		case math.IsInf(lo, -1): // a phase
			lo, hi = 0, 2*math.Pi
		case s.family.Custom == nil && isLinear(p.name):
			lo, hi = math.Max(lo, -2), math.Min(hi, 2)
		}
		x[j] = lo + r.Float64()*(hi-lo)
	}
	return x, r
}

// quick is a random start with what the formula is linear in fitted on fewer places.
func (s *search) quick(i int, stop func() bool) start {
	x, r := s.random(i)
	if s.family.piecewise() && s.problem.Depth <= 1 && len(s.family.Fixed) == 0 &&
		!s.family.NoSlope &&
		!s.family.NoOffset {
		return start{x: x, cost: s.fitLinear(x, r)}
	}
	l := s.infinite().levenberg(s.fewer(), stop)
	steps := 12
	if !s.family.piecewise() {
		steps = 25
	}
	cost, _ := l.run(x, steps)
	return start{x: x, cost: cost}
}

// warm follows a start for a few steps on fewer places, the spread of finite nets left
// out.
func (s *search) warm(a start, stop func() bool) start {
	l := s.infinite().levenberg(s.fewer(), stop)
	a.cost, _ = l.run(a.x, 6)
	return a
}

// fewer is every third place or so, the ends included.
func (s *search) fewer() []place {
	n := len(s.places)
	if n <= 40 {
		return s.places
	}
	var out []place
	for i := range 34 {
		out = append(out, s.places[i*(n-1)/33])
	}
	return out
}

// fitLinear fits what the formula is linear in: with x those factors the kernel is the
// quadratic form x'Mx at each place.
func (s *search) fitLinear(x []float64, r *rand.Rand) float64 {
	f := s.family.formula(s.params, x)
	n, y := linear(f)
	places := s.fewer()
	size := len(y)
	forms := make([]float64, 0, len(places)*size*size)
	bases := map[float64]*basis{}
	at := func(q float64) *basis {
		if bases[q] == nil {
			bases[q] = n.at(math.Sqrt(q))
		}
		return bases[q]
	}
	tangent := 1 - s.problem.NNGPShare
	for _, p := range places {
		a, b := at(p.q), at(p.q2)
		pr := newPair(size, size+a.more)
		pr.fill(a, b, p.minus, p.plus)
		k := tangent * p.k()
		m := make([]float64, size*size)
		for i := range size {
			for j := range size {
				v := (pr.value[i*pr.columns+j] + k*pr.derivative[i*pr.columns+j]) / 2
				m[i*size+j] += v
				m[j*size+i] += v
			}
		}
		forms = append(forms, m...)
	}
	l := &levenberg{count: len(places), residuals: func(y, res, jacobian []float64) {
		for i, p := range places {
			m := forms[i*size*size : (i+1)*size*size]
			w := math.Sqrt(p.weight)
			var sum float64
			for j, c := range y {
				var v float64
				for h, d := range y {
					v += m[j*size+h] * d
				}
				sum += c * v
				if jacobian != nil {
					jacobian[i*size+j] = 2 * w * v
				}
			}
			res[i] = w * (sum - p.want)
		}
	}}
	for range y {
		l.lo, l.hi = append(l.lo, -s.bounds.Amplitude), append(l.hi, s.bounds.Amplitude)
	}
	for j := range y {
		y[j] = 2*r.Float64() - 1
	}
	cost, _ := l.run(y, 14)
	// back to amplitudes and phases
	f.Offset, f.Slope = y[0], y[1]
	hinge, wave := 2, 2+len(n.shifts)
	for i := range f.Terms {
		if f.Terms[i].Kind != cosineTerm {
			f.Terms[i].Amplitude = y[hinge]
			hinge++
			continue
		}
		f.Terms[i].Amplitude = math.Hypot(y[wave], y[wave+1])
		f.Terms[i].Phase = math.Atan2(-y[wave+1], y[wave])
		wave += 2
	}
	for j, p := range s.params {
		x[j] = *p.at(&f)
	}
	return cost
}

// distinct takes the best starts that are not one and the same.
func distinct(starts []start, count int) []start {
	var out []start
	for _, a := range starts {
		if len(out) == count || !special.Finite(a.cost) {
			break
		}
		near := slices.ContainsFunc(out, func(b start) bool {
			return math.Abs(a.cost-b.cost) < 1e-3*b.cost && distance(a.x, b.x) < 0.05
		})
		if !near {
			out = append(out, start{slices.Clone(a.x), a.cost, false})
		}
	}
	return out
}

func distance(a, b []float64) (most float64) {
	for i := range a {
		most = math.Max(most, math.Abs(a[i]-b[i]))
	}
	return most
}

// polished follows a start for so many steps, or to its end.
func (s *search) polished(a start, steps int, largest bool, stop func() bool) start {
	if a.converged && !largest && s.stiff == 1 {
		return a
	}
	l := s.levenberg(s.places, stop)
	a.cost, a.converged = l.run(a.x, steps)
	if largest {
		a.cost = s.lawson(a.x, stop)
	}
	return a
}

// strict is the same search with a bound of the spread that is met, which from the
// start would keep good designs from being reached.
func (s *search) strict() *search {
	end := *s
	if s.most != nil {
		end.stiff = 16
	}
	return &end
}

// cost is what the search makes small.
func (s *search) cost(x []float64) float64 {
	l := s.levenberg(s.places, nil)
	r := make([]float64, l.count)
	l.residuals(x, r, nil)
	if !s.problem.Largest {
		return squares(r)
	}
	var largest float64
	for i, p := range s.places {
		if p.weight > 0 {
			largest = math.Max(largest, r[i]*r[i]/p.weight)
		}
	}
	return squares([]float64{math.Sqrt(largest), math.Sqrt(squares(r[len(s.places):]))})
}

// byCost orders starts; two ends of the same minimum, or of one and its mirror image, keep their
// order, which rounding does not change.
func byCost(a, b start) int {
	if math.Abs(a.cost-b.cost) <= 1e-9*b.cost {
		return 0
	}
	return cmp.Compare(a.cost, b.cost)
}

// lawson makes the largest error small: least squares whose weights grow where the
// error is large, and of all that it passes the best.
//
// Source: Lawson's algorithm, as in Rice, Usow, "The Lawson algorithm and extensions",
// Math. Comp. 22 (1968), with damping.
func (s *search) lawson(x []float64, stop func() bool) float64 {
	places := slices.Clone(s.places)
	m := newModel(s.family, s.params, places, s.problem.NNGPShare)
	m.depth = s.problem.Depth
	kernel := make([]float64, len(places))
	all := s.levenberg(s.places, nil)
	r := make([]float64, all.count)
	best, y := slices.Clone(x), slices.Clone(x)
	least := math.Inf(1)
	power := 1.0
	for round := range 120 {
		if stop() {
			break
		}
		m.kernels(y, kernel, nil)
		var largest float64
		for i, p := range places {
			if s.places[i].weight > 0 {
				largest = math.Max(largest, math.Abs(kernel[i]-p.want))
			}
		}
		cost := largest * largest
		if all.count > len(places) { // what else there is to be small
			all.residuals(y, r, nil)
			cost += squares(r[len(places):])
		}
		if cost < least {
			least = cost
			copy(best, y)
		}
		if largest == 0 {
			break
		}
		if round > 60 {
			power = 0.5
		}
		var total float64
		for i, p := range places {
			e := math.Abs(kernel[i]-p.want) / largest
			places[i].weight *= math.Pow(e+1e-3, power)
			total += places[i].weight
		}
		for i := range places {
			places[i].weight = math.Max(places[i].weight/total, 1e-9*s.places[i].weight)
		}
		l := s.levenberg(places, stop)
		l.run(y, 5)
	}
	copy(x, best)
	return least
}

// design measures an end of the search; it is nil if that cannot be done.
func (s *search) design(a start) *Design {
	if s.family.Custom != nil {
		return s.ownDesign(a)
	}
	d := &Design{
		Formula:   s.family.formula(s.params, a.x),
		Objective: math.Sqrt(a.cost),
		lo:        s.problem.On.lo,
		hi:        s.problem.On.hi,
	}
	for i := range d.Formula.Terms {
		if t := &d.Formula.Terms[i]; t.Kind == cosineTerm {
			t.Phase = math.Remainder(t.Phase, 2*math.Pi)
		}
	}
	for j, p := range s.params {
		v := *p.at(&d.Formula)
		bound := !p.fixed && (a.x[j] <= p.lo || a.x[j] >= p.hi)
		d.Params = append(d.Params, Param{p.name, v, bound})
	}
	m := newModel(s.family, s.params, s.places, s.problem.NNGPShare)
	m.depth = s.problem.Depth
	out := make([]float64, len(s.places))
	m.kernels(a.x, out, nil)
	d.Error = errorOf(out, s.places)
	return d
}

func errorOf(values []float64, places []place) (e Error) {
	var size float64
	for i, p := range places {
		d := values[i] - p.want
		e.Mean += p.weight * d * d
		size += p.weight * p.want * p.want
		if p.weight > 0 {
			e.Max = math.Max(e.Max, math.Abs(d))
		}
	}
	e.Relative = math.Sqrt(e.Mean / size)
	e.Mean = math.Sqrt(e.Mean)
	return e
}

// sameOptimum compares two ends of the search by their objective and by φ, up to its
// sign, which no kernel sees.
func sameOptimum(a, b *Design) bool {
	if math.Abs(a.Objective-b.Objective) > 1e-5*(a.Objective+b.Objective) {
		return false
	}
	var plus, minus float64
	for z := -3.0; z <= 3; z += 0.5 {
		x, y := a.value(z), b.value(z)
		plus = math.Max(plus, math.Abs(x-y))
		minus = math.Max(minus, math.Abs(x+y))
	}
	return math.Min(plus, minus) < 1e-2
}
