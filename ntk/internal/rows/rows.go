// Package rows turns matrices of points into what nets take in.
package rows

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"
)

// Empty says that m is nil or has no entry, as a view without rows or columns.
func Empty(m *mat.Dense) bool {
	if m == nil {
		return true
	}
	r, c := m.Dims()
	return r == 0 || c == 0
}

// Float32 returns the entries of m in single precision, row by row. The matrix must
// have the given numbers of rows (any, if negative) and columns, and entries that are
// finite in single precision too; errors call it by its name.
func Float32(m *mat.Dense, name string, rows, cols int) ([]float32, error) {
	if Empty(m) {
		return nil, fmt.Errorf("%s is empty: a matrix with a row for each point is needed", name)
	}
	r, c := m.Dims()
	if c != cols {
		return nil, fmt.Errorf("%s has %d columns; the net has %d", name, c, cols)
	}
	if rows >= 0 && r != rows {
		return nil, fmt.Errorf("%s has %d rows for %d points", name, r, rows)
	}
	out := make([]float32, 0, r*c)
	for i := range r {
		for j, v := range m.RawRowView(i) {
			if math.IsNaN(v) || math.Abs(v) > math.MaxFloat32 {
				return nil, fmt.Errorf(
					"%s is %v in row %d, column %d; it must be finite, in single precision too",
					name, v, i, j)
			}
			out = append(out, float32(v))
		}
	}
	return out, nil
}
