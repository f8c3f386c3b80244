package gauss

import "math"

// Sum is a function as atoms with what its duals need worked out once. A sum of rectifiers,
// cosines and an affine function has them as a [Mixture], any other over pairs of atoms.
type Sum struct {
	f, prime Atoms
	jumps    bool
	mixture  *Mixture
}

// NewSum returns the sum of the atoms.
func NewSum(f Atoms) *Sum {
	prime, jumps := f.Prime()
	return &Sum{f, prime, len(jumps) > 0, asMixture(f)}
}

// Jumps says that f jumps: f' has impulses, which are in none of the expectations.
func (s *Sum) Jumps() bool { return s.jumps }

// Dual is E[f(u)f(v)] and E[f'(u)f'(v)]. Either is NaN where terms cancel: where rounding is
// more than about 1e-11 of what it is for equal inputs.
func (s *Sum) Dual(p Pair) (value, derivative float64) { return kept(s.tallies, p) }

// Slope is the second of [Sum.Dual], which costs less by itself.
func (s *Sum) Slope(p Pair) float64 {
	if s.mixture != nil {
		_, derivative := s.mixture.Dual(p)
		return derivative
	}
	at := func(p Pair) tally { return s.prime.dual(s.prime, p) }
	d := at(p)
	if !d.keeps() {
		return d.nextTo(at(Equal(p.Q)), at(Equal(p.Q2)))
	}
	return d.sum
}

// Rounding is how far the first of [Sum.Dual] may be off for equal inputs of variance q, relative
// to itself: terms that cancel are rounded next to their own size.
func (s *Sum) Rounding(q float64) float64 { return roundingOf(s.tallies, q) }

func roundingOf(at func(p Pair) (value, derivative tally), q float64) float64 {
	v, _ := at(Equal(q))
	if v.sum == 0 {
		return 0
	}
	return 0x1p-52 * v.size / math.Abs(v.sum)
}

func (s *Sum) tallies(p Pair) (value, derivative tally) {
	if s.mixture != nil {
		return s.mixture.tallies(p)
	}
	return s.f.dual(s.f, p), s.prime.dual(s.prime, p)
}

// Mean is E[f(u)] and E[f'(u)] at variance q.
func (s *Sum) Mean(q float64) (value, derivative float64) {
	return s.f.Mean(q), s.prime.Mean(q)
}

// tally adds up terms, and their sizes: a sum that is much smaller has lost digits.
type tally struct{ sum, size float64 }

func (t *tally) add(x float64) {
	t.sum += x
	t.size += math.Abs(x)
}

func (t *tally) merge(o tally) {
	t.sum += o.sum
	t.size += o.size
}

// addSized adds a term that has lost digits already: size is its rounding error in ulps. A moment
// of a tail with density e^{-depth/2} has one of depth times the usual.
func (t *tally) addSized(x, size float64) {
	t.sum += x
	t.size += size
}

// most is how much larger than what they add up to terms may be.
const most = 1 << 16

// keeps says that the sum has its digits.
func (t tally) keeps() bool { return t.size <= most*math.Abs(t.sum) }

// nextTo returns the sum, or NaN if it has lost digits next to the root of x and y.
func (t tally) nextTo(x, y tally) float64 {
	if t.keeps() || x.keeps() && y.keeps() &&
		t.size <= most*math.Sqrt(x.sum)*math.Sqrt(y.sum) {
		return t.sum
	}
	return math.NaN()
}

// kept is the sums at p, or NaN. Where one is as small next to its terms as it may be
// because u and v are hardly correlated, those for equal inputs decide.
func kept(at func(p Pair) (value, derivative tally), p Pair) (value, derivative float64) {
	v, d := at(p)
	if v.keeps() && d.keeps() {
		return v.sum, d.sum
	}
	x, dx := at(Equal(p.Q))
	y, dy := at(Equal(p.Q2))
	return v.nextTo(x, y), d.nextTo(dx, dy)
}
