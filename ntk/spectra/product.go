package spectra

import (
	"fmt"
	"math"
	"slices"
)

// Product returns the spectrum of the kernel K_a(x, x') K_b(y, y') on pairs of points, x of one
// domain and y of another: its eigenvalues are the products of those of a and b, and its
// eigenfunctions products too. The levels are sorted, the largest eigenvalue first, and those of
// equal degree and eigenvalue are one; Degree is the sum of both degrees. Tail is what the tails
// of a and b make of the trace.
//
// It reports a spectrum that is nil or without levels, and a product beyond double precision. Cost:
// that of sorting all pairs of levels.
func Product(a, b *Spectrum) (*Spectrum, error) {
	if a == nil || b == nil || len(a.Levels) == 0 || len(b.Levels) == 0 {
		return nil, fmt.Errorf("spectra: a product of spectra of which one is nil or has no levels")
	}
	out := &Spectrum{Tail: a.Tail*b.trace() + b.Tail*(a.trace()-a.Tail)}
	for _, l := range a.Levels {
		for _, m := range b.Levels {
			p := Level{
				Degree:       l.Degree + m.Degree,
				Eigenvalue:   l.Eigenvalue * m.Eigenvalue,
				Multiplicity: l.Multiplicity * m.Multiplicity,
				Error: math.Abs(l.Eigenvalue)*m.Error + math.Abs(m.Eigenvalue)*l.Error +
					l.Error*m.Error,
			}
			if sum := p.Eigenvalue + p.Multiplicity + p.Error; sum-sum != 0 {
				return nil, fmt.Errorf("spectra: the product of degrees %d and %d has the "+
					"eigenvalue %v ± %v, %v times; these must be finite", l.Degree, m.Degree,
					p.Eigenvalue, p.Error, p.Multiplicity)
			}
			out.Levels = append(out.Levels, p)
		}
	}
	slices.SortStableFunc(out.Levels, func(l, m Level) int {
		switch {
		case l.Eigenvalue > m.Eigenvalue:
			return -1
		case l.Eigenvalue < m.Eigenvalue:
			return 1
		}
		return l.Degree - m.Degree
	})
	merged := out.Levels[:1]
	for _, l := range out.Levels[1:] {
		last := &merged[len(merged)-1]
		if l.Eigenvalue != last.Eigenvalue || l.Degree != last.Degree {
			merged = append(merged, l)
			continue
		}
		last.Multiplicity += l.Multiplicity
		last.Error = math.Max(last.Error, l.Error)
	}
	out.Levels = merged
	return out, nil
}

// trace is the sum of all eigenvalues.
func (s *Spectrum) trace() float64 {
	sum := compensated{sum: s.Tail}
	for _, l := range s.Levels {
		sum.add(l.Multiplicity * l.Eigenvalue)
	}
	return sum.value()
}
