package spectra

import (
	"errors"
	"fmt"
	"math"

	"github.com/kernelsmith/kernelsmith/ntk/internal/accel"
	"github.com/kernelsmith/kernelsmith/ntk/internal/parallel"
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/mat"
)

// DataStatistics is what [DataStatistics.Predict] knows of data: N rows of d features, of which
// it needs the covariance and little else.
type DataStatistics struct {
	Rows, Features int
	Mean           []float64 // of each feature
	// Variances are the eigenvalues γ_i of the covariance, falling, in the units of the squared
	// features. They are means over the N rows. Those that are 0 to rounding, as of constant
	// features and beyond N - 1, are left out.
	Variances []float64
	// Norm2 is q = Σ γ_i, the mean squared distance from the mean, and EffectiveDim q²/Σ γ_i²,
	// the number of directions that the variance is in: d where all have the same.
	Norm2, EffectiveDim float64
	// Kurtosis is the mean of z_i⁴, z_i the coordinate in direction i with variance 1. It is 3
	// for a normal distribution, 1 for two values of equal weight, and large for heavy tails.
	Kurtosis []float64
	// NormSpread is the standard deviation of ‖x - mean‖² over q: √(2/EffectiveDim) for a normal
	// distribution, 0 where all rows have one norm.
	NormSpread float64

	whitened []float64 // the z_i, N×len(Variances)
	norms    []float64 // ‖x‖² of each row as it was given
}

// MeasureData returns the statistics of the rows of x, N×d with N ≥ 2, more or fewer than d. Rows
// are taken as they are: neither centred nor scaled, because the kernel sees them so too.
//
// It reports an empty matrix, a single row, entries that are not finite or whose squares are
// not, rows that are all the same, and more than 32,766 rows and features, both.
//
// Cost: a matrix product and the eigenvectors of a matrix of the smaller of N and d, about ten
// seconds for 10,000 images of 3,072 features on two processors, and twice the memory of x beside
// three matrices of that smaller number. x is not kept.
func MeasureData(x *mat.Dense) (*DataStatistics, error) {
	if x == nil || x.IsEmpty() {
		return nil, errors.New("spectra: no data; a matrix with a row for each point is needed")
	}
	n, d := x.Dims()
	if n < 2 {
		return nil, errors.New("spectra: one row of data has no covariance; give two or more")
	}
	if most := accel.MostEigen; n > most && d > most {
		return nil, fmt.Errorf("spectra: %d rows of %d features; one of both must be at most %d",
			n, d, most)
	}
	s := &DataStatistics{Rows: n, Features: d, norms: make([]float64, n)}
	for i := range n {
		for j, v := range x.RawRowView(i) {
			if s.norms[i] += v * v; math.IsNaN(v) || math.IsInf(s.norms[i], 0) {
				return nil, fmt.Errorf("spectra: the data are %v in row %d, column %d; they must "+
					"be finite, and so must be the squared norm of a row", v, i, j)
			}
		}
	}
	centred := s.centre(x)
	if !s.eigen(centred) {
		return nil, errors.New("spectra: the eigenvalues of the covariance did not converge")
	}
	if len(s.Variances) == 0 {
		return nil, errors.New("spectra: all rows of the data are the same; nothing can be " +
			"learned from them")
	}
	s.moments()
	return s, nil
}

// centre sets the mean and returns the rows less it.
func (s *DataStatistics) centre(x *mat.Dense) []float64 {
	n, d := s.Rows, s.Features
	s.Mean = make([]float64, d)
	centred := make([]float64, n*d)
	for i := range n {
		copy(centred[i*d:], x.RawRowView(i))
	}
	// The second mean is of what rounding left of the first, where that is large.
	for range 2 {
		mean := make([]float64, d)
		for i := range n {
			for j, v := range centred[i*d : (i+1)*d] {
				mean[j] += v / float64(n)
			}
		}
		for i := range n {
			row := centred[i*d : (i+1)*d]
			for j, v := range mean {
				row[j] -= v
			}
		}
		for j, v := range mean {
			s.Mean[j] += v
		}
	}
	return centred
}

// eigen sets variances and whitened coordinates: from the eigenvectors V of the d×d covariance,
// Z = X V γ^{-1/2}, or those U of the N×N matrix of inner products, Z = √N U.
func (s *DataStatistics) eigen(centred []float64) bool {
	n, d := s.Rows, s.Features
	m, t := d, blas.Trans
	if n < d {
		m, t = n, blas.NoTrans
	}
	vectors, values := make([]float64, m*m), make([]float64, m)
	accel.Float64().Dsyrk(blas.Upper, t, m, max(n, d), 1/float64(n), centred, d, 0, vectors, m)
	if !accel.SymEigen(m, vectors, values) {
		return false
	}
	// What rounding of the product and of the entries leaves of a variance 0.
	least := float64(m) * 0x1p-50 * values[m-1]
	var squares float64
	for _, v := range s.Mean {
		squares += v * v
	}
	least = math.Max(least, float64(m)*0x1p-100*squares)
	for i := m - 1; i >= 0 && values[i] > least; i-- {
		s.Variances = append(s.Variances, values[i])
	}
	// The directions, one a column, largest variance first.
	r := len(s.Variances)
	directions := make([]float64, m*r)
	for i := range m {
		for j := range r {
			scale := 1 / math.Sqrt(s.Variances[j])
			if n < d {
				scale = math.Sqrt(float64(n))
			}
			directions[i*r+j] = vectors[i*m+m-1-j] * scale
		}
	}
	if n < d {
		s.whitened = directions
		return true
	}
	s.whitened = make([]float64, n*r)
	if r > 0 {
		accel.Float64().Dgemm(blas.NoTrans, blas.NoTrans, n, r, d, 1, centred, d, directions, r, 0,
			s.whitened, r)
	}
	return true
}

// moments sets what follows from the variances and the whitened coordinates.
func (s *DataStatistics) moments() {
	r := len(s.Variances)
	var squares float64
	for _, v := range s.Variances {
		s.Norm2 += v
	}
	for _, v := range s.Variances {
		squares += v / s.Norm2 * (v / s.Norm2)
	}
	s.EffectiveDim = 1 / squares
	s.Kurtosis = make([]float64, r)
	var spread float64
	for i := range s.Rows {
		var norm float64
		for j, z := range s.whitened[i*r : (i+1)*r] {
			z2 := z * z
			s.Kurtosis[j] += z2 * z2 / float64(s.Rows)
			norm += s.Variances[j] / s.Norm2 * z2
		}
		spread += (norm - 1) * (norm - 1) / float64(s.Rows)
	}
	s.NormSpread = math.Sqrt(spread)
}

// shares returns γ_i/q.
func (s *DataStatistics) shares() []float64 {
	g := make([]float64, len(s.Variances))
	for i, v := range s.Variances {
		g[i] = v / s.Norm2
	}
	return g
}

// hermiteCoefficients are a target's coefficients v_α² in the modes, the power of what is in
// none of them, and what is known of the modes themselves.
type hermiteCoefficients struct {
	squares []float64 // v_α² less what noise alone gives, which may leave less than 0
	raw     []float64 // v_α² as they are measured
	noise   float64   // σ²
	power   float64   // the mean of y², summed over columns
	// rho is the variance of a raw v_α, of each column: Σ ρ_c² and Σ ρ_c⁴.
	rho2, rho4 float64
}

// coefficients returns those of each target, an N×outputs matrix whose columns are summed, by one
// QR decomposition of the N×P matrix of the modes' values, in order of their eigenvalues. own is
// the share of each mode's mean square that is in none of the modes before it, and size its mean
// square; both are 1, up to 1/√N, if the data are as assumed.
//
// A measured v² is too large by the variance ρ²/N that the rest of the target gives it, which is
// taken off; ρ² is what is left of the target, (1 - ‖v‖²)/(1 - P/N), and counts as noise.
//
// Cost: 2 N P² - 2 P³/3 operations and 8 N P bytes, for all targets together.
func (s *DataStatistics) coefficients(
	modes []hermiteMode, targets []*mat.Dense,
) (found []hermiteCoefficients, own, size []float64) {
	n, p := s.Rows, len(modes)
	h := s.modeValues(modes)
	size = make([]float64, p)
	for i := range n {
		for j, v := range h[i*p : (i+1)*p] {
			size[j] += v * v
		}
	}
	tau := make([]float64, p)
	accel.Geqrf(n, p, h, p, tau)
	own = make([]float64, p)
	for j := range p {
		if size[j] > 0 {
			own[j] = h[j*p+j] * h[j*p+j] / size[j]
		}
	}
	columns := 0
	for _, y := range targets {
		_, c := y.Dims()
		columns += c
	}
	rotated := make([]float64, n*columns)
	at := 0
	for _, y := range targets {
		_, c := y.Dims()
		for i := range n {
			for j := range c {
				rotated[i*columns+at+j] = y.At(i, j) / math.Sqrt(float64(n))
			}
		}
		at += c
	}
	power := make([]float64, columns)
	for i, v := range rotated {
		power[i%columns] += v * v
	}
	accel.Ormqr(blas.Left, blas.Trans, n, columns, p, h, p, tau, rotated, columns)
	at = 0
	for _, y := range targets {
		_, c := y.Dims()
		found = append(found, coefficientsOf(rotated, power, n, p, columns, at, at+c))
		at += c
	}
	return found, own, size
}

// coefficientsOf sums over the columns from … to-1 of the rotated targets.
func coefficientsOf(rotated, power []float64, n, p, columns, from, to int) hermiteCoefficients {
	c := hermiteCoefficients{squares: make([]float64, p), raw: make([]float64, p)}
	for j := from; j < to; j++ {
		var left float64
		for i := p; i < n; i++ {
			v := rotated[i*columns+j]
			left += v * v
		}
		rho2 := left / (1 - float64(p)/float64(n))
		for i := range p {
			v := rotated[i*columns+j]
			c.raw[i] += v * v
			c.squares[i] += v*v - rho2/float64(n)
		}
		c.noise += rho2
		c.power += power[j]
		c.rho2 += rho2
		c.rho4 += rho2 * rho2
	}
	return c
}

// modeValues returns the N×P matrix of the modes at the rows, over √N.
func (s *DataStatistics) modeValues(modes []hermiteMode) []float64 {
	n, p, r := s.Rows, len(modes), len(s.Variances)
	// degrees[i] is the highest in coordinate i; factors lists the coordinates and degrees of
	// the modes, one mode after the other, as places in the table of one row.
	degrees := make([]int, r)
	for _, m := range modes {
		for i := 0; i < len(m.coordinates); {
			k := runLength(m.coordinates[i:])
			degrees[m.coordinates[i]] = max(degrees[m.coordinates[i]], k)
			i += k
		}
	}
	start := make([]int, r+1)
	for i, k := range degrees {
		start[i+1] = start[i] + k + 1
	}
	var factors []int32
	ends := make([]int, p)
	for j, m := range modes {
		for i := 0; i < len(m.coordinates); {
			k := runLength(m.coordinates[i:])
			factors = append(factors, int32(start[m.coordinates[i]]+k))
			i += k
		}
		ends[j] = len(factors)
	}
	h := make([]float64, n*p)
	parallel.For(n, 16, func(lo, hi int) {
		table := make([]float64, start[r])
		for i := lo; i < hi; i++ {
			for c, k := range degrees {
				if k > 0 {
					hermiteValues(table[start[c]:start[c+1]], s.whitened[i*r+c])
				}
			}
			at := 0
			for j, end := range ends {
				v := 1 / math.Sqrt(float64(n))
				for ; at < end; at++ {
					v *= table[factors[at]]
				}
				h[i*p+j] = v
			}
		}
	})
	return h
}

// runLength is how many of the first entries are the same.
func runLength(t []int32) int {
	k := 1
	for k < len(t) && t[k] == t[0] {
		k++
	}
	return k
}
