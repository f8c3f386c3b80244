package gauss

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

// Dual is E[f(u)f(v)] and E[f'(u)f'(v)].
func (s *Sum) Dual(p Pair) (value, derivative float64) {
	if s.mixture != nil {
		return s.mixture.Dual(p)
	}
	return s.f.Dual(s.f, p), s.prime.Dual(s.prime, p)
}

// Mean is E[f(u)] and E[f'(u)] at variance q.
func (s *Sum) Mean(q float64) (value, derivative float64) {
	return s.f.Mean(q), s.prime.Mean(q)
}
