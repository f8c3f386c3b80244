package spectra

import (
	"math"
	"slices"

	"github.com/kernelsmith/kernelsmith/ntk/internal/accel"
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
)

// Bins of the logarithm of a mode's share of its degree: fine ones to count modes in, and so many
// of them in a level.
const (
	binWidth  = 0.01
	bins      = 1900 // to a share of 6e-9
	binsLevel = 50
)

// addOthers adds to the spectra of powers levels for the modes that are not among those given, and
// to the target rates times what they have of their degree, as far as the noise, which it is
// taken from, has it.
func (s *DataStatistics) addOthers(
	p PowerSpectra, target *Target, given []hermiteMode, rates []float64,
) {
	counts, traces := s.otherCounts(given, len(p)), levelTraces(s.shares(), len(p)-1)
	whole := target.Noise
	var power float64
	first := len(target.Power)
	for degree := 1; degree < len(p); degree++ {
		for from := 0; from < bins; from += binsLevel {
			var count, share float64
			for i, n := range counts[degree][from : from+binsLevel] {
				count += n
				share += n * math.Exp(-binWidth*float64(from+i)) / traces[degree]
			}
			if !(count > 0) {
				continue
			}
			for j := range p {
				p[j].Levels = append(p[j].Levels, Level{Degree: degree, Multiplicity: count})
			}
			p[degree].Levels[len(p[degree].Levels)-1].Eigenvalue = share / count
			target.Power = append(target.Power, rates[degree]*share)
			power += rates[degree] * share
		}
	}
	if power > whole {
		floats.Scale(whole/power, target.Power[first:])
	}
	target.Noise = math.Max(0, whole-power)
}

// otherCounts returns the numbers of modes of each degree, by their share in bins, without those
// given.
func (s *DataStatistics) otherCounts(given []hermiteMode, degrees int) [][]float64 {
	shares := s.shares()
	at := make([]int, len(shares))
	counts := make([][]float64, degrees)
	for l := range counts {
		counts[l] = make([]float64, bins)
	}
	counts[0][0] = 1
	for i, g := range shares {
		at[i] = int(math.Round(-math.Log(g) / binWidth))
		for l := 1; l < degrees; l++ { // of the degrees below with this coordinate once more
			for bin := at[i]; bin < bins; bin++ {
				counts[l][bin] += counts[l-1][bin-at[i]]
			}
		}
	}
	for _, m := range given {
		bin := 0
		for _, c := range m.coordinates {
			bin += at[c]
		}
		if bin < bins {
			counts[len(m.coordinates)][bin]--
		}
	}
	return counts
}

// mostPairedRows is how many rows are compared in pairs.
const mostPairedRows = 1500

// otherRates returns what a target has, at each degree, of the modes that are not given: its
// power in a mode over the share that the mode has of its degree. These are the variance components
// of what the given modes leave of the target: the covariance Σ A_ℓ c^ℓ + noise between rows, of
// which these modes are taken off too, that is nearest to the products of what is left of y.
//
// Source: Haseman, Elston, "The investigation of linkage between a quantitative trait and a marker
// locus", Behavior Genetics 2 (1972), for one component of a covariance.
func (s *DataStatistics) otherRates(given []hermiteMode, y *mat.Dense, degree int) []float64 {
	n := min(s.Rows, mostPairedRows)
	_, outputs := y.Dims()
	some, left := s.some(n), make([]float64, n*outputs)
	for i := range n {
		copy(left[i*outputs:], y.RawRowView(i*s.Rows/n))
	}
	off := some.complement(given[:max(1, min(len(given)*n/s.Rows, n/2))])
	off.take(left, outputs)
	covariances := off.covariances(some.cosines(), degree)
	normal := mat.NewSymDense(degree+1, nil)
	moments, product := make([]float64, degree+1), make([]float64, n*outputs)
	for l, m := range covariances {
		for k := range l + 1 {
			normal.SetSym(k, l, floats.Dot(m, covariances[k]))
		}
		accel.Float64().Dgemm(blas.NoTrans, blas.NoTrans, n, outputs, n, 1, m, n, left, outputs, 0,
			product, outputs)
		moments[l] = floats.Dot(product, left)
	}
	rates := nonnegative(normal, moments)
	rates[0] = 0 // that of the noise
	return rates
}

// some returns statistics of n of the rows, at equal distances.
func (s *DataStatistics) some(n int) *DataStatistics {
	r := len(s.Variances)
	out := &DataStatistics{Rows: n, Variances: s.Variances, Norm2: s.Norm2,
		whitened: make([]float64, n*r)}
	for i := range n {
		from := i * s.Rows / n * r
		copy(out.whitened[i*r:(i+1)*r], s.whitened[from:from+r])
	}
	return out
}

// cosines returns the inner products of the rows over the mean squared norm.
func (s *DataStatistics) cosines() []float64 {
	n, r := s.Rows, len(s.Variances)
	scaled, shares := slices.Clone(s.whitened), s.shares()
	for i := range scaled {
		scaled[i] *= shares[i%r]
	}
	out := make([]float64, n*n)
	accel.Float64().Dgemm(blas.NoTrans, blas.Trans, n, n, r, 1, scaled, r, s.whitened, r, 0, out, n)
	return out
}

// complement is what is orthogonal to p functions on n rows, of which q has an orthonormal basis.
type complement struct {
	n, p int
	q    []float64
}

// complement returns that of modes.
func (s *DataStatistics) complement(modes []hermiteMode) complement {
	n, p := s.Rows, len(modes)
	q, gram := make([]float64, n*p), make([]float64, p*p)
	s.modeValues(q, newModeTable(modes, len(s.Variances)), 0, n)
	accel.Float64().Dsyrk(blas.Upper, blas.Trans, p, n, 1, q, p, 0, gram, p)
	for i := range p {
		gram[i*p+i] *= 1 + 1e-8 // for modes that are made of others
		gram[i*p+i] += 1e-12
	}
	upperCholesky(p, gram)
	accel.Of[float64]().Trsm(
		blas.Right, blas.Upper, blas.NoTrans, blas.NonUnit, n, p, 1, gram, p, q, p)
	return complement{n, p, q}
}

// take makes the columns of m, n×columns, what is left of them.
func (c complement) take(m []float64, columns int) {
	part := make([]float64, c.p*columns)
	b := accel.Float64()
	b.Dgemm(blas.Trans, blas.NoTrans, c.p, columns, c.n, 1, c.q, c.p, m, columns, 0, part, columns)
	b.Dgemm(
		blas.NoTrans, blas.NoTrans, c.n, columns, c.p, -1, c.q, c.p, part, columns, 1, m, columns)
}

// covariances returns what is left of the identity and of the powers 1 … degree of the cosines,
// in rows and columns.
func (c complement) covariances(cosines []float64, degree int) [][]float64 {
	n := c.n
	out := make([][]float64, degree+1)
	out[0] = make([]float64, n*n)
	for i := range n {
		out[0][i*n+i] = 1
	}
	c.take(out[0], n)
	power := slices.Clone(cosines)
	for l := 1; l <= degree; l++ {
		m := slices.Clone(power)
		c.take(m, n)
		for i := range n {
			for j := range i {
				m[i*n+j], m[j*n+i] = m[j*n+i], m[i*n+j]
			}
		}
		c.take(m, n)
		out[l] = m
		floats.Mul(power, cosines)
	}
	return out
}

// nonnegative returns the least of xᵀ A x/2 - bᵀx for x ≥ 0, by one unknown after the other.
func nonnegative(a *mat.SymDense, b []float64) []float64 {
	x := make([]float64, len(b))
	for range 100_000 {
		var change, largest float64
		for l := range x {
			g := b[l]
			for k, v := range x {
				if k != l {
					g -= a.At(l, k) * v
				}
			}
			next := math.Max(0, g/a.At(l, l))
			change = math.Max(change, math.Abs(next-x[l]))
			largest = math.Max(largest, next)
			x[l] = next
		}
		if change <= 1e-9*largest {
			break
		}
	}
	return x
}
