package spectra

import (
	"math"

	"github.com/kernelsmith/kernelsmith/ntk/internal/accel"
	"github.com/kernelsmith/kernelsmith/ntk/internal/parallel"
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/mat"
)

// hermiteCoefficients are a target's coefficients in the modes, summed over its columns.
type hermiteCoefficients struct {
	// squares are the v_α² less what noise alone gives, which may leave less than 0; variances
	// are how far off they may be, squared.
	squares, variances []float64
	noise              float64 // σ²
	power              float64 // the mean of y²
	powerVariance      float64 // how far off that is, squared
}

// modeFit is what data say of the modes.
type modeFit struct {
	targets []hermiteCoefficients
	// own is the share of each mode's mean square that is in none of the modes before it, 1 - j/N
	// for mode j if the modes are independent.
	own []float64
	// dependent is how many modes are, to rounding, made of those before them.
	dependent int
}

// dependence is added to the mean square of each mode, over that mean square. A mode of which
// less than that is its own is made of the others, as the square of a coordinate of ±1 is, and
// gets no coefficient.
const dependence = 1e-10

// fit returns the coefficients of each target, an N×outputs matrix, by orthogonalising the modes
// in the order that they have: with H their values over √N, HᵀH = RᵀR, v = R⁻ᵀ Hᵀ y/√N.
//
// A measured v² is too large by the variance ρ²/N that the rest of the target gives it, which is
// taken off; ρ² is what is left of the target, (1 - ‖v‖²)/(1 - P/N), and counts as noise.
//
// H is there a block of rows at a time. Cost: N P² + P³/3 operations and 8 P² bytes, for all
// targets together.
func (s *DataStatistics) fit(modes []hermiteMode, targets []*mat.Dense) *modeFit {
	p, columns := len(modes), 0
	for _, y := range targets {
		_, c := y.Dims()
		columns += c
	}
	gram, v := s.normalEquations(modes, targets, columns)
	f := &modeFit{own: make([]float64, p)}
	scale := make([]float64, p) // makes mean squares 1, and of a mode that is 0 to rounding 0
	for j := range p {
		if d := gram[j*p+j]; d > dependence*dependence {
			scale[j] = 1 / math.Sqrt(d)
		}
	}
	parallel.For(p, 16, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			for j := i; j < p; j++ {
				gram[i*p+j] *= scale[i] * scale[j]
			}
			gram[i*p+i] = 1 + dependence
			for j := range columns {
				v[i*columns+j] *= scale[i]
			}
		}
	})
	upperCholesky(p, gram)
	accel.Of[float64]().Trsm(blas.Left, blas.Upper, blas.Trans, blas.NonUnit, p, columns, 1, gram,
		p, v, columns)
	for j := range p {
		// What the added part leaves of a dependent mode is not its own.
		f.own[j] = max(0, gram[j*p+j]*gram[j*p+j]-2*dependence*float64(j+1))
		if f.own[j] == 0 || scale[j] == 0 {
			f.own[j] = 0
			f.dependent++
			for c := range columns {
				v[j*columns+c] = 0
			}
		}
	}
	at := 0
	for _, y := range targets {
		_, c := y.Dims()
		f.targets = append(f.targets, s.corrected(y, v, p-f.dependent, columns, at))
		at += c
	}
	return f
}

// normalEquations returns the upper triangle of HᵀH and Hᵀy/√N, H the modes' values over √N.
func (s *DataStatistics) normalEquations(
	modes []hermiteMode, targets []*mat.Dense, columns int,
) (gram, v []float64) {
	n, p := s.Rows, len(modes)
	gram, v = make([]float64, p*p), make([]float64, p*columns)
	table := newModeTable(modes, len(s.Variances))
	const block = 1024
	h, y := make([]float64, min(block, n)*p), make([]float64, min(block, n)*columns)
	a := accel.Float64()
	for from := 0; from < n; from += block {
		rows := min(block, n-from)
		s.modeValues(h, table, from, rows)
		for i := range rows {
			at := i * columns
			for _, t := range targets {
				for _, value := range t.RawRowView(from + i) {
					y[at] = value / math.Sqrt(float64(n))
					at++
				}
			}
		}
		a.Dsyrk(blas.Upper, blas.Trans, p, rows, 1, h, p, 1, gram, p)
		a.Dgemm(blas.Trans, blas.NoTrans, p, columns, rows, 1, h, p, y, columns, 1, v, columns)
	}
	return gram, v
}

// upperCholesky overwrites the upper triangle of the positive definite a with its factor.
func upperCholesky(n int, a []float64) {
	const block = 256
	blas64 := accel.Of[float64]()
	for k := 0; k < n; k += block {
		b := min(block, n-k)
		diagonal := a[k*n+k:]
		accel.Potrf(blas.Upper, b, diagonal, n)
		if rest := n - k - b; rest > 0 {
			right := a[k*n+k+b:]
			blas64.Trsm(blas.Left, blas.Upper, blas.Trans, blas.NonUnit, b, rest, 1, diagonal, n,
				right, n)
			blas64.Syrk(blas.Upper, blas.Trans, rest, b, -1, right, n, 1, a[(k+b)*n+k+b:], n)
		}
	}
}

// corrected takes off what noise gives the squares of the v of the target y, whose columns are
// those of v from at on. There are p modes that are no others'.
func (s *DataStatistics) corrected(
	y *mat.Dense, v []float64, p, columns, at int,
) hermiteCoefficients {
	n := float64(s.Rows)
	modes := len(v) / columns
	c := hermiteCoefficients{squares: make([]float64, modes), variances: make([]float64, modes)}
	_, outputs := y.Dims()
	power := make([]float64, outputs)
	rows := make([]float64, s.Rows)
	for i := range s.Rows {
		for j, value := range y.RawRowView(i) {
			power[j] += value * value / n
			rows[i] += value * value
		}
		c.power += rows[i] / n
	}
	for _, row := range rows {
		c.powerVariance += (row - c.power) * (row - c.power) / (n * n)
	}
	for j := range outputs {
		left := power[j]
		for i := range modes {
			left -= v[i*columns+at+j] * v[i*columns+at+j]
		}
		rho2 := max(0, left) / (1 - float64(p)/n)
		for i := range modes {
			if value := v[i*columns+at+j]; value != 0 {
				square := value*value - rho2/n
				c.squares[i] += square
				c.variances[i] += (4*max(0, square) + 2*rho2/n) * rho2 / n
			}
		}
		c.noise += rho2
	}
	return c
}

// modeTable says which Hermite polynomials of which coordinates are multiplied for each mode.
type modeTable struct {
	degrees []int   // the highest in each coordinate
	start   []int   // where the polynomials of a coordinate begin in the table of a row
	factors []int32 // places in the table, of one mode after the other
	ends    []int   // of each mode's factors
}

func newModeTable(modes []hermiteMode, dims int) *modeTable {
	t := &modeTable{degrees: make([]int, dims), start: make([]int, dims+1)}
	each := func(f func(coordinate int32, degree int), m hermiteMode) {
		var k int
		for i := 0; i < len(m.coordinates); i += k {
			for k = 1; i+k < len(m.coordinates) && m.coordinates[i+k] == m.coordinates[i]; k++ {
			}
			f(m.coordinates[i], k)
		}
	}
	for _, m := range modes {
		each(func(c int32, k int) { t.degrees[c] = max(t.degrees[c], k) }, m)
	}
	for i, k := range t.degrees {
		t.start[i+1] = t.start[i] + k + 1
	}
	for _, m := range modes {
		each(func(c int32, k int) { t.factors = append(t.factors, int32(t.start[c]+k)) }, m)
		t.ends = append(t.ends, len(t.factors))
	}
	return t
}

// modeValues sets h, rows×P, to the modes' values at the rows, over √N.
func (s *DataStatistics) modeValues(h []float64, t *modeTable, from, rows int) {
	r, p := len(s.Variances), len(t.ends)
	parallel.For(rows, 16, func(lo, hi int) {
		table := make([]float64, t.start[r])
		for i := lo; i < hi; i++ {
			for c, k := range t.degrees {
				if k > 0 {
					hermiteValues(table[t.start[c]:t.start[c+1]], s.whitened[(from+i)*r+c])
				}
			}
			at := 0
			for j, end := range t.ends {
				v := 1 / math.Sqrt(float64(s.Rows))
				for ; at < end; at++ {
					v *= table[t.factors[at]]
				}
				h[i*p+j] = v
			}
		}
	})
}
