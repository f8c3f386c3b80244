package spectra

import (
	"errors"
	"fmt"
	"math"

	"github.com/kernelsmith/kernelsmith/ntk/internal/accel"
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
	// Skewness and Kurtosis are the means of z_i³ and z_i⁴, z_i the coordinate in direction i with
	// variance 1: 0 and 3 for a normal distribution. The kurtosis is large for heavy tails, and at
	// least 1 and the square of the skewness, which it has if there are two values only.
	Skewness, Kurtosis []float64
	// NormSpread is the standard deviation of ‖x - mean‖² over q: √(2/EffectiveDim) for a normal
	// distribution, 0 where all rows have one norm.
	NormSpread float64
	// TwoValued is the share of the variance that is in features with two values, such as the
	// columns of a one-hot code.
	TwoValued float64

	whitened []float64  // the z_i, N×len(Variances)
	norms    []float64  // ‖x‖² of each row as it was given
	rows     *mat.Dense // some rows as they were given, and which
	kept     []int
	least    float64 // LeastSquare of a verdict
}

// String says what the data are like, in a line.
func (s DataStatistics) String() string {
	return fmt.Sprintf("%d rows of %d features: variance in %d directions, as much as in %.3g "+
		"equal ones; ‖x - mean‖² varies by %.2g of itself", s.Rows, s.Features, len(s.Variances),
		s.EffectiveDim, s.NormSpread)
}

// MeasureData returns the statistics of the rows of x, N×d with N ≥ 2, more or fewer than d. Rows
// are taken as they are: neither centred nor scaled, because the kernel sees them so too.
//
// It reports an empty matrix, a single row, entries that are not finite or whose squares are
// not, rows that are all the same, and more than 32,766 rows and features, both.
//
// Cost: a matrix product and the eigenvectors of a matrix of the smaller of N and d, about ten
// seconds for 10,000 images of 3,072 features on two processors, and twice the memory of x beside
// three matrices of that smaller number. Of x, 1,024 rows are kept, which predictions are checked
// by.
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
	s.least = s.leastSquare()
	s.TwoValued = s.twoValued(x)
	s.keep(x)
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
	s.Skewness, s.Kurtosis = make([]float64, r), make([]float64, r)
	var spread float64
	for i := range s.Rows {
		var norm float64
		for j, z := range s.whitened[i*r : (i+1)*r] {
			z2 := z * z
			s.Skewness[j] += z * z2 / float64(s.Rows)
			s.Kurtosis[j] += z2 * z2 / float64(s.Rows)
			norm += s.Variances[j] / s.Norm2 * z2
		}
		spread += (norm - 1) * (norm - 1) / float64(s.Rows)
	}
	s.NormSpread = math.Sqrt(spread)
}

// twoValued returns the share of the variance that is in features with two values.
func (s *DataStatistics) twoValued(x *mat.Dense) float64 {
	var variance float64
	for j := range s.Features {
		first := x.At(0, j)
		second, ones, few := first, 0, true
		for i := range s.Rows {
			v := x.At(i, j)
			if v == first {
				continue
			}
			if second == first {
				second = v
			}
			if few = v == second; !few {
				break
			}
			ones++
		}
		if few && second != first {
			p := float64(ones) / float64(s.Rows)
			variance += p * (1 - p) * (second - first) * (second - first)
		}
	}
	return min(1, variance/s.Norm2)
}

// shares returns γ_i/q.
func (s *DataStatistics) shares() []float64 {
	g := make([]float64, len(s.Variances))
	for i, v := range s.Variances {
		g[i] = v / s.Norm2
	}
	return g
}
