package spectra

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/internal/accel"
	"github.com/kernelsmith/kernelsmith/ntk/internal/parallel"
	"github.com/kernelsmith/kernelsmith/ntk/internal/tiled"
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/mat"
)

// GramSettings says which eigenvalues of a Gram matrix are wanted. The zero value is all of
// them, without eigenvectors.
type GramSettings struct {
	// Top is the number of the largest eigenvalues that are wanted, 0 for all.
	Top int
	// Vectors says that the eigenvectors are wanted too.
	Vectors bool
	// Tolerance is how large the residual ‖Kv - λv‖ of a unit eigenvector may be, relative to the
	// largest eigenvalue, where not all eigenvalues are computed; 0 is 1e-9. It must be
	// below 1; below 1e-13 rounding decides.
	Tolerance float64
	// Progress, if not nil, is told how many tiles of the matrix have been read, and how many
	// it will be as far as that can be told. Calls come one at a time.
	Progress func(done, total int)
}

// GramSpectrum is the spectrum of a kernel on n points of data: eigenvalues of its Gram matrix
// over n, the largest first, each a level of its own whose Degree is its place.
type GramSpectrum struct {
	Spectrum
	// Vectors has a unit eigenvector for each level as a column, if asked for: times √n it is
	// the eigenfunction at the data.
	Vectors *mat.Dense
}

const (
	// Up to this size all eigenvalues take minutes at most, and of up to fewPoints seconds.
	manyPoints = 8000
	fewPoints  = 2000
	// Of more points, fewer than this part of the eigenvalues are found by themselves.
	topPart   = 4
	maxPasses = 60
	// Directions with residuals below this part of the tolerance are not followed.
	ignored = 0.1
)

// Gram returns eigenvalues of an n×n Gram matrix over n, from its tiles; they sum, with Tail,
// to the mean of its diagonal. The error that is stated with each is of the matrix as given:
// rounding, and where not all are computed the residual of its eigenvector, or less where the
// others are far enough from it; but of those that are as small as the largest residual, or a tenth
// of the tolerance, that is all that is known.
//
// All eigenvalues, and any of at most 2,000 points, come from a dense solver: 8n² bytes, and time
// like n³, up to n = 32,766. The Top largest of more points come from a block Krylov method that
// starts at random directions, the same each time, and reads the tiles on and below the diagonal
// once a step, 3 to 20 times: it keeps about 150 n·Top bytes. Of eigenvalues that are equal but for
// the tolerance it may find fewer than there are.
//
// It reports a matrix that is not square, not symmetric, or has an eigenvalue that is negative by
// more than rounding; entries that are not finite; Top above n; too many of too many points, and
// residuals that do not reach the tolerance. If ctx ends, its error is returned. Eigenvalues that
// are negative by rounding are set to 0.
//
// Source: C. Musco, C. Musco, "Randomized Block Krylov Methods for Stronger and Faster
// Approximate Singular Value Decomposition", 2015; restarted as K. Wu, H. Simon, "Thick-Restart
// Lanczos Method for Large Symmetric Eigenvalue Problems", 2000.
func Gram[T float32 | float64](
	ctx context.Context, gram ntk.Tiles[T], s GramSettings,
) (*GramSpectrum, error) {
	if gram == nil {
		return nil, fmt.Errorf("spectra: no Gram matrix (nil)")
	}
	n, columns := gram.Dims()
	switch {
	case n < 1 || n != columns:
		return nil, fmt.Errorf("spectra: a Gram matrix of %d×%d; it must be square, with a row or "+
			"more", n, columns)
	case s.Top < 0 || s.Top > n:
		return nil, fmt.Errorf("spectra: GramSettings.Top is %d; it must be from 1 to the %d "+
			"points, or 0 for all", s.Top, n)
	case !(s.Tolerance >= 0 && s.Tolerance < 1):
		return nil, fmt.Errorf("spectra: GramSettings.Tolerance is %v; it must be from 0 to 1",
			s.Tolerance)
	}
	m := &gramMatrix[T]{tiles: gram, n: n, progress: s.Progress}
	top := s.Top
	if top == 0 {
		top = n
	}
	var out *GramSpectrum
	var err error
	switch {
	case n <= fewPoints || top == n || (top > n/topPart && n <= manyPoints):
		out, err = m.dense(ctx, top, s.Vectors)
	case top > n/topPart:
		return nil, fmt.Errorf("spectra: GramSettings.Top is %d of %d points; ask for at most "+
			"%d, or 0 for all", top, n, n/topPart)
	default:
		out, err = m.krylov(ctx, top, s)
	}
	if err != nil {
		return nil, err
	}
	for i := range out.Levels {
		l := &out.Levels[i]
		l.Eigenvalue, l.Error = math.Max(0, l.Eigenvalue/float64(n)), l.Error/float64(n)
	}
	out.setTail(m.trace() / float64(n))
	return out, nil
}

// gramMatrix reads the tiles.
type gramMatrix[T accel.Float] struct {
	tiles    ntk.Tiles[T]
	n        int
	diagonal []float64
	garbage  tiled.Garbage

	progress    func(done, total int)
	lock        sync.Mutex
	done, total int
}

func (m *gramMatrix[T]) Dims() (rows, columns int) { return m.n, m.n }

func (m *gramMatrix[T]) FiniteTile(ctx context.Context, dst []T, i0, i1, j0, j1 int) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.garbage.Add(8 * len(dst))
	if err := m.tiles.Tile(ctx, dst, i0, i1, j0, j1); err != nil {
		return fmt.Errorf("spectra: %w", err)
	}
	for k, v := range dst {
		if v-v != 0 {
			return fmt.Errorf("spectra: the Gram matrix is %v in row %d, column %d; it must be "+
				"finite", v, i0+k/(j1-j0), j0+k%(j1-j0))
		}
	}
	return nil
}

// side is the tiles in a row.
func (m *gramMatrix[T]) side() int { return (m.n + tiled.Size - 1) / tiled.Size }

// plan says how many tiles more will be read.
func (m *gramMatrix[T]) plan(tiles int) {
	m.lock.Lock()
	defer m.lock.Unlock()
	m.total = m.done + tiles
	if m.progress != nil {
		m.progress(m.done, m.total)
	}
}

// step is a tile that is read.
func (m *gramMatrix[T]) step() {
	m.lock.Lock()
	defer m.lock.Unlock()
	m.done++
	m.total = max(m.total, m.done)
	if m.progress != nil {
		m.progress(m.done, m.total)
	}
}

func (m *gramMatrix[T]) trace() float64 {
	var sum compensated
	for _, v := range m.diagonal {
		sum.add(v)
	}
	return sum.value()
}

// look reads the diagonal, and of every row of tiles one row and the column that mirrors it.
func (m *gramMatrix[T]) look(ctx context.Context) error {
	m.diagonal = make([]float64, m.n)
	err := parallel.Each(ctx, m.side(), func(a int, _ func() bool) error {
		i0, i1 := tiled.Span(a*tiled.Size, m.n)
		tile := make([]T, (i1-i0)*(i1-i0))
		if err := m.FiniteTile(ctx, tile, i0, i1, i0, i1); err != nil {
			return err
		}
		for i := i0; i < i1; i++ {
			m.diagonal[i] = float64(tile[(i-i0)*(i1-i0)+i-i0])
		}
		m.step()
		return nil
	})
	if err != nil {
		return err
	}
	row, column := make([]T, m.n), make([]T, m.n)
	i := m.n / 3
	if err := m.FiniteTile(ctx, row, i, i+1, 0, m.n); err != nil {
		return err
	}
	if err := m.FiniteTile(ctx, column, 0, m.n, i, i+1); err != nil {
		return err
	}
	for j := range row {
		if err := m.symmetric(float64(row[j]), float64(column[j]), i, j); err != nil {
			return err
		}
	}
	return nil
}

// symmetric reports entries that differ by more than rounding, of which a kernel with a kink may
// take the root.
func (m *gramMatrix[T]) symmetric(v, mirrored float64, i, j int) error {
	tol := 1e-6
	if accel.IsSingle[T]() {
		tol = 4e-3
	}
	size := math.Sqrt(math.Abs(m.diagonal[i] * m.diagonal[j]))
	if math.Abs(v-mirrored) <= tol*(size+math.Abs(v)) {
		return nil
	}
	return fmt.Errorf("spectra: the Gram matrix is %v in row %d, column %d and %v in row %d, "+
		"column %d; it must be symmetric", v, i, j, mirrored, j, i)
}

// definite reports an eigenvalue that rounding does not explain.
func (m *gramMatrix[T]) definite(least, largest float64) error {
	tol := 1e-7
	if accel.IsSingle[T]() {
		tol = 4e-4
	}
	if largest >= 0 && least >= -tol*largest {
		return nil
	}
	return fmt.Errorf("spectra: the Gram matrix has the eigenvalue %.4g beside the largest, %.4g; "+
		"that of a kernel has none below 0", least, largest)
}

// dense finds the eigenvalues of the whole matrix.
func (m *gramMatrix[T]) dense(ctx context.Context, top int, vectors bool) (*GramSpectrum, error) {
	n := m.n
	if n > accel.MostEigen {
		return nil, fmt.Errorf("spectra: all eigenvalues of %d points; that is possible up to %d: "+
			"set GramSettings.Top", n, accel.MostEigen)
	}
	side := m.side()
	m.plan(side * (side + 1))
	if err := m.look(ctx); err != nil {
		return nil, err
	}
	a := make([]float64, n*n)
	err := parallel.Each(ctx, side*side, func(task int, _ func() bool) error {
		i0, i1 := tiled.Span(task/side*tiled.Size, n)
		j0, j1 := tiled.Span(task%side*tiled.Size, n)
		tile := make([]T, (i1-i0)*(j1-j0))
		if err := m.FiniteTile(ctx, tile, i0, i1, j0, j1); err != nil {
			return err
		}
		for k, v := range tile {
			a[(i0+k/(j1-j0))*n+j0+k%(j1-j0)] = float64(v)
		}
		m.step()
		return nil
	})
	if err != nil {
		return nil, err
	}
	for i := range n {
		for j := range i {
			v, mirrored := a[i*n+j], a[j*n+i]
			if err := m.symmetric(v, mirrored, i, j); err != nil {
				return nil, err
			}
			a[j*n+i] = (v + mirrored) / 2
		}
	}
	values, solve := make([]float64, n), accel.SymEigenvalues[float64]
	if vectors {
		solve = accel.SymEigen[float64]
	}
	if !solve(n, a, values) {
		return nil, fmt.Errorf("spectra: the eigenvalues of the Gram matrix did not converge")
	}
	if err := m.definite(values[0], values[n-1]); err != nil {
		return nil, err
	}
	out := newGramSpectrum(top)
	for i := range out.Levels {
		out.Levels[i].Eigenvalue = values[n-1-i]
		out.Levels[i].Error = 0x1p-52 * math.Sqrt(float64(n)) * values[n-1]
	}
	if vectors {
		out.Vectors = mat.NewDense(n, top, nil)
		for i := range n {
			for j := range top {
				out.Vectors.Set(i, j, a[i*n+n-1-j])
			}
		}
	}
	return out, nil
}

func newGramSpectrum(levels int) *GramSpectrum {
	ones := make([]float64, levels)
	for i := range ones {
		ones[i] = 1
	}
	return &GramSpectrum{Spectrum: *newSpectrum(ones)}
}

// subspace is an orthonormal basis v of directions, n×size with stride most, and w = K v.
type subspace struct {
	n, size, most int
	v, w          []float64
	values        []float64 // ascending, of K within the subspace
	mix           []float64 // and the eigenvectors, size×size, in columns
}

// krylov finds the largest eigenvalues.
func (m *gramMatrix[T]) krylov(
	ctx context.Context, top int, s GramSettings,
) (*GramSpectrum, error) {
	tol := s.Tolerance
	if tol == 0 {
		tol = 1e-9
	}
	block := top + max(8, top/2)
	side := m.side()
	pass := side * (side + 1) / 2
	m.plan(side + 8*pass)
	if err := m.look(ctx); err != nil {
		return nil, err
	}
	x := &subspace{n: m.n, most: min(5*block, m.n)}
	x.v, x.w = make([]float64, m.n*x.most), make([]float64, m.n*x.most)
	next, random := make([]float64, m.n*block), rand.New(rand.NewPCG(1, 2))
	for i := range next {
		next[i] = random.NormFloat64()
	}
	product, width := make([]float64, m.n*block), block
	for passes := 1; ; passes++ {
		if x.size+width > x.most {
			x.shrink(min(2*block, x.most-width))
		}
		x.orthonormalize(next, width)
		err := tiled.TimesSymmetric[T](ctx, m, next[:m.n*width], product[:m.n*width], width, m.step)
		if err != nil {
			return nil, err
		}
		x.extend(next, product, width)
		if err := x.solve(); err != nil {
			return nil, err
		}
		largest := x.values[x.size-1]
		if err := m.definite(x.values[0], largest); err != nil {
			return nil, err
		}
		// The residuals that are too large are where to look next.
		norms := x.residuals(next, min(block, x.size))
		worst := 0.0
		for _, v := range norms[:top] {
			worst = math.Max(worst, v)
		}
		if worst <= tol*largest || x.size == m.n {
			m.plan(0)
			return x.spectrum(top, norms, math.Max(worst, ignored*tol*largest), s.Vectors), nil
		}
		if passes == maxPasses {
			return nil, fmt.Errorf("spectra: after %d passes the residual of one of %d "+
				"eigenvectors is %.2g of the largest eigenvalue; allow for that as "+
				"GramSettings.Tolerance, or ask for fewer or more", passes, top, worst/largest)
		}
		width = keep(next, norms, ignored*tol*largest, m.n, m.n-x.size)
		if m.total-m.done < pass {
			m.plan(pass)
		}
	}
}

// keep moves the columns of a with norms above the limit to the front, at most so many of
// them, and makes their number the stride.
func keep(a, norms []float64, limit float64, rows, most int) (width int) {
	var columns []int
	for j, v := range norms {
		if v > limit && len(columns) < most {
			columns = append(columns, j)
		}
	}
	stride := len(norms)
	for i := range rows {
		for k, j := range columns {
			a[i*len(columns)+k] = a[i*stride+j]
		}
	}
	return len(columns)
}

// orthonormalize makes the columns of q, n×width, orthonormal to each other and to the basis.
func (x *subspace) orthonormalize(q []float64, width int) {
	gemm := accel.Of[float64]().Gemm
	along := make([]float64, x.size*width)
	tau, r := make([]float64, width), make([]float64, x.n*width)
	for range 2 {
		for range 2 {
			if x.size == 0 {
				break
			}
			gemm(blas.Trans, blas.NoTrans, x.size, width, x.n, 1, x.v, x.most, q, width, 0,
				along, width)
			gemm(blas.NoTrans, blas.NoTrans, x.n, width, x.size, -1, x.v, x.most, along, width, 1,
				q, width)
		}
		copy(r, q[:x.n*width])
		accel.Geqrf(x.n, width, r, width, tau)
		clear(q[:x.n*width])
		for j := range width {
			q[j*width+j] = 1
		}
		accel.Ormqr(blas.Left, blas.NoTrans, x.n, width, width, r, width, tau, q, width)
	}
}

// extend takes new directions and K times them into the basis.
func (x *subspace) extend(q, kq []float64, width int) {
	for i := range x.n {
		copy(x.v[i*x.most+x.size:], q[i*width:(i+1)*width])
		copy(x.w[i*x.most+x.size:], kq[i*width:(i+1)*width])
	}
	x.size += width
}

// solve finds the eigenvalues of K within the subspace.
func (x *subspace) solve() error {
	k := x.size
	x.values, x.mix = make([]float64, k), make([]float64, k*k)
	accel.Of[float64]().Gemm(blas.Trans, blas.NoTrans, k, k, x.n, 1, x.v, x.most, x.w, x.most, 0,
		x.mix, k)
	for i := range k {
		for j := range i {
			x.mix[j*k+i] = (x.mix[j*k+i] + x.mix[i*k+j]) / 2
		}
	}
	if !accel.SymEigen(k, x.mix, x.values) {
		return fmt.Errorf("spectra: the eigenvalues within a subspace did not converge")
	}
	return nil
}

// leading returns the basis a, v or w, times the eigenvectors of the largest eigenvalues, the
// largest first.
func (x *subspace) leading(a []float64, count int) []float64 {
	y, out := make([]float64, x.size*count), make([]float64, x.n*count)
	for i := range x.size {
		for j := range count {
			y[i*count+j] = x.mix[i*x.size+x.size-1-j]
		}
	}
	accel.Of[float64]().Gemm(blas.NoTrans, blas.NoTrans, x.n, count, x.size, 1, a, x.most, y, count,
		0, out, count)
	return out
}

// residuals sets r to K u - λ u for the largest eigenvalues, and returns the norms.
func (x *subspace) residuals(r []float64, count int) []float64 {
	vectors, products := x.leading(x.v, count), x.leading(x.w, count)
	norms := make([]float64, count)
	for i, v := range products {
		j := i % count
		r[i] = v - x.values[x.size-1-j]*vectors[i]
		norms[j] = math.Hypot(norms[j], r[i])
	}
	return norms
}

// shrink keeps the leading eigenvectors of the subspace as its basis.
func (x *subspace) shrink(count int) {
	vectors, products := x.leading(x.v, count), x.leading(x.w, count)
	x.size = 0
	x.extend(vectors, products, count)
}

// spectrum returns the largest eigenvalues, with the residuals' norms. One that is missing, since
// directions were not followed, may be as large as missing, and in the place of those below.
func (x *subspace) spectrum(
	top int, norms []float64, missing float64, vectors bool,
) *GramSpectrum {
	out := newGramSpectrum(top)
	for i := range out.Levels {
		l := &out.Levels[i]
		l.Eigenvalue, l.Error = x.values[x.size-1-i], x.doubt(i, norms)
		if l.Eigenvalue <= 2*missing {
			l.Error = missing
		}
	}
	if vectors {
		out.Vectors = mat.NewDense(x.n, top, x.leading(x.v, top))
	}
	return out
}

// doubt is how far the i-th largest eigenvalue may be from the matrix's: rounding, and the residual
// r or, where that is less, r²/gap, with the gap to all others as far as their residuals tell.
//
// Source: Kato, "On the upper and lower bounds of eigenvalues", 1949; Temple's bound.
func (x *subspace) doubt(i int, norms []float64) float64 {
	at := func(j int) float64 { return x.values[x.size-1-j] }
	r, gap := norms[i], math.Inf(1)
	for j := range norms {
		if j != i {
			gap = min(gap, math.Abs(at(j)-at(i))-norms[j])
		}
	}
	// What is beyond those with residuals is below the last of them, whatever it is.
	if len(norms) < x.n {
		last := len(norms) - 1
		gap = min(gap, at(i)-at(last)-norms[last])
	}
	doubt := 0x1p-52 * math.Sqrt(float64(x.n)) * at(0)
	if gap > r {
		return doubt + r*r/gap
	}
	return doubt + r
}
