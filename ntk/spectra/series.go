package spectra

import (
	"math"

	"github.com/kernelsmith/kernelsmith/ntk"
)

// series is a power series Σ a_j c^j, all a_j ≥ 0, as far as it is known.
type series struct {
	a []float64
	// rest is about Σ a_j of the degrees that are missing, even and odd. whole says that it is
	// beyond the digits of K(1).
	rest  [2]float64
	whole bool
	// relative is the error of each a_j over itself, and absolute that of all together.
	relative, absolute float64
}

// The degrees to which coefficients are asked for: for the kernels of nets of a few layers the
// first take 20 ms, and the last seconds.
const (
	firstDegree = 512
	lastDegree  = 8192
)

// seriesOf returns the power series of the kernel to some degree, at least the one given if that
// is below lastDegree, and whether the kernel has one that is nonnegative. Where coefficients
// fall geometrically, it goes on until nothing is left. top and bottom are K(1) and K(-1).
func seriesOf(K ntk.Kernel, degree int, top, bottom float64) (s series, ok bool) {
	known := K.Expansion()
	if known.Coeffs == nil || !known.Nonnegative {
		return s, false
	}
	lost := 2 * known.Error * top // less is the rounding of K(±1) and of the coefficients
	for n := max(firstDegree, min(degree, lastDegree)); ; n *= 2 {
		p, err := K.Series(n)
		if err != nil {
			return s, s.a != nil // of a lower degree, if there is one
		}
		s = series{a: p.Coeffs(), whole: true, relative: 1e-13, absolute: known.ValueError * top}
		var rests [2]compensated
		for parity, sign := range []float64{1, -1} {
			rests[parity].add(top / 2)
			rests[parity].add(sign * bottom / 2)
		}
		var quarters [2][4]float64 // of the sums, by quarters of the degrees
		for j, v := range s.a {
			if v < 0 {
				return s, false
			}
			rests[j%2].add(-v)
			quarters[j%2][4*j/(n+1)] += v
		}
		falls := false
		for parity := range rests {
			last, before := quarters[parity][3], quarters[parity][2]
			rest := math.Max(0, rests[parity].value())
			s.rest[parity] = rest + lost
			if rest > lost {
				s.whole = false
				falls = falls || rest <= 0.1*(rest+last+before)
			} else if last == 0 {
				s.rest[parity] = 0
			} else if last <= 0.1*before { // K(±1) tell no more: go by how the coefficients fall
				s.rest[parity] = math.Min(s.rest[parity], last*last/before/(1-last/before))
			}
		}
		if s.whole || 2*n > lastDegree || !falls {
			return s, true
		}
	}
}

// ladder is multiplication by c on the eigenfunctions of a domain. Let λ_k(j) be the
// eigenvalues of c^j and m_k their multiplicities: the shares m_k λ_k(j) are ≥ 0 and sum to 1, and
// with every j they climb from degree k to k+1 by the part up(k) and fall to k-1 by down(k).
// At top, the last degree there is, what climbs stays.
type ladder struct {
	top      int
	up, down func(k int) float64
}

// shares returns Σ_j a_j m_k λ_k(j) for k up to the degree, and the sum of all beyond it. Nothing
// cancels.
func (l ladder) shares(a []float64, degree int) (within []float64, beyond float64) {
	size := min(l.top, max(degree, len(a))) + 1
	up, down := make([]float64, size), make([]float64, size)
	for k := range size {
		up[k], down[k] = l.up(k), l.down(k)
	}
	sum, now, next := make([]float64, size), make([]float64, size), make([]float64, size)
	now[0] = 1
	for j, v := range a {
		reached := min(j, size-1)
		if v != 0 {
			for k, share := range now[:reached+1] {
				sum[k] += v * share
			}
		}
		clear(next[:min(reached+2, size)])
		for k, share := range now[:reached+1] {
			next[min(k+1, size-1)] += up[k] * share
			if k > 0 {
				next[k-1] += down[k] * share
			}
		}
		now, next = next, now
	}
	degree = min(degree, size-1)
	for k := size - 1; k > degree; k-- {
		beyond += sum[k]
	}
	return sum[:degree+1], beyond
}

// use sets the levels that have larger errors without it from the series. most bounds λ_k(j) of
// the degrees j ≥ from.
func (s series) use(to *Spectrum, l ladder, top float64, most func(k, from int) float64) {
	within, beyond := l.shares(s.a, len(to.Levels)-1)
	all := true
	for k := range to.Levels {
		level := &to.Levels[k]
		lambda := within[k] / level.Multiplicity
		off := s.relative*lambda + s.rest[k%2]*most(k, len(s.a))
		if s.absolute > 0 {
			off += s.absolute * most(k, 0)
		}
		if off <= level.Error {
			level.Eigenvalue, level.Error = lambda, off
		} else {
			all = false
		}
	}
	if all && s.whole {
		to.Tail = beyond
	} else {
		to.setTail(top)
	}
}

// negligible says that the series leaves nothing to gain for other methods.
func (s series) negligible(to *Spectrum) bool {
	for _, l := range to.Levels {
		if !(l.Error <= 1e-12*math.Abs(l.Eigenvalue)) && l.Error > 1e-300 {
			return false
		}
	}
	return s.whole
}
