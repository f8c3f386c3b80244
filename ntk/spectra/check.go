package spectra

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/internal/accel"
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/mat"
)

// What predictions are checked by: regression on at most so many rows at once, of so many in all.
const (
	checkedAtOnce = 512
	checkedRows   = 1024
)

// keep copies some rows, drawn at random but the same in every run: files are often in the order
// of classes.
func (s *DataStatistics) keep(x *mat.Dense) {
	order := rand.New(rand.NewPCG(1, uint64(s.Rows))).Perm(s.Rows)
	s.kept = order[:min(s.Rows, checkedRows)]
	s.rows = mat.NewDense(len(s.kept), s.Features, nil)
	for i, row := range s.kept {
		s.rows.SetRow(i, x.RawRowView(row))
	}
}

// check sets Checked, Off and OffError: it does the regression of the largest n, or of fewer
// points, leaves each row out in turn, and compares with what is expected.
func (p *predictor) check(
	s *DataStatistics, K ntk.Kernel, f *modeFit, targets []*mat.Dense, v *DataVerdict,
) error {
	m := min(v.Points+1, checkedAtOnce, len(s.kept))
	if m < 2 {
		return nil
	}
	v.Checked = m - 1
	squares := make([][]float64, len(targets)) // of each target's rows
	for from := 0; from+m <= len(s.kept); from += m {
		if err := p.leaveOut(s, K, from, m, targets, squares); err != nil {
			return err
		}
	}
	spectrum := p.spectrum(p.levels.coeffs)
	for i := range targets {
		c := &f.targets[i]
		l, err := spectrum.Learn(Target{c.squares, c.noise}, float64(v.Checked), p.ridge)
		if err != nil {
			return fmt.Errorf("%w (target %d, %v)", err, i, K)
		}
		// Of an error that is almost 0 only that is known.
		least := leastChecked * c.power
		var mean, variance float64
		for _, e := range squares[i] {
			mean += e / float64(len(squares[i]))
		}
		for _, e := range squares[i] {
			variance += (e - mean) * (e - mean)
		}
		off := math.Log((l.TestMSE + least) / (mean + least))
		deviation := math.Sqrt(variance) / float64(len(squares[i])) / (mean + least)
		if i == 0 || math.Abs(off)-2*deviation > math.Abs(v.Off)-2*v.OffError {
			v.Off, v.OffError = off, deviation
		}
	}
	return nil
}

// leaveOut appends the squared errors, summed over columns, on each of m rows of regression on the
// others: with A = K + ridge·1 that is (A⁻¹y)_i/(A⁻¹)_ii.
func (p *predictor) leaveOut(
	s *DataStatistics, K ntk.Kernel, from, m int, targets []*mat.Dense, squares [][]float64,
) error {
	gram, err := K.Gram(s.rows.Slice(from, from+m, 0, s.Features).(*mat.Dense))
	if err != nil {
		return fmt.Errorf("spectra: %w", err)
	}
	a := gram.RawSymmetric().Data
	// Without a ridge, rounding has to be one where rows are equal or the kernel has few modes.
	ridge := math.Max(p.ridge, 1e-12*p.trace)
	for i := range m {
		a[i*m+i] += ridge
	}
	if !accel.Potrf(blas.Upper, m, a, m) {
		return errors.New("spectra: the kernel's matrix of " + fmt.Sprint(m) + " rows is not " +
			"positive definite; a larger Ridge makes it so")
	}
	inverse := make([]float64, m*m)
	for i := range m {
		inverse[i*m+i] = 1
	}
	accel.Potrs(blas.Upper, m, m, a, m, inverse, m)
	for t, y := range targets {
		_, columns := y.Dims()
		labels := mat.NewDense(m, columns, nil)
		for i := range m {
			labels.SetRow(i, y.RawRowView(s.kept[from+i]))
		}
		accel.Potrs(blas.Upper, m, columns, a, m, labels.RawMatrix().Data, columns)
		for i := range m {
			var square float64
			for _, v := range labels.RawRowView(i) {
				e := v / inverse[i*m+i]
				square += e * e
			}
			squares[t] = append(squares[t], square)
		}
	}
	return nil
}
