package spectra_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/spectra"
	"gonum.org/v1/gonum/mat"
)

// ring is the Gram matrix of points at equal angles, from one row of it.
type ring[T float32 | float64] struct {
	row   []T
	tiles *atomic.Int64
}

func newRing[T float32 | float64](t *testing.T, K ntk.Kernel, points int) ring[T] {
	t.Helper()
	cosines := make([]float64, points)
	for m := range cosines {
		cosines[m] = math.Cos(2 * math.Pi * float64(min(m, points-m)) / float64(points))
	}
	r := ring[T]{make([]T, points), new(atomic.Int64)}
	for m, v := range ntk.Must(K.Curve(cosines)) {
		r.row[m] = T(v)
	}
	return r
}

func (r ring[T]) Dims() (rows, columns int) { return len(r.row), len(r.row) }

func (r ring[T]) Tile(ctx context.Context, dst []T, i0, i1, j0, j1 int) error {
	r.tiles.Add(1)
	n := len(r.row)
	for i := i0; i < i1; i++ {
		out := dst[(i-i0)*(j1-j0) : (i-i0+1)*(j1-j0)]
		for done := 0; done < len(out); {
			m := (j0 + done - i + n) % n
			done += copy(out[done:], r.row[m:])
		}
	}
	return ctx.Err()
}

// ofCircle returns the eigenvalues on a circle, largest first.
func ofCircle(K ntk.Kernel, points int) (out []float64) {
	for _, l := range ntk.Must(spectra.Circle{Points: points}.Spectrum(K, points)).Levels {
		for range int(l.Multiplicity) {
			out = append(out, l.Eigenvalue)
		}
	}
	slices.Sort(out)
	slices.Reverse(out)
	return out
}

func checkRing[T float32 | float64](
	t *testing.T, K ntk.Kernel, points int, s spectra.GramSettings, tol float64,
) {
	t.Helper()
	r := newRing[T](t, K, points)
	last := 0
	s.Progress = func(done, total int) {
		if done < last || done > total {
			t.Errorf("progress from %d to %d of %d", last, done, total)
		}
		last = done
	}
	got, err := spectra.Gram(context.Background(), r, s)
	if err != nil {
		t.Fatalf("%v, %d points: %v", K, points, err)
	}
	want, sum := ofCircle(K, points), 0.0
	count := s.Top
	if count == 0 {
		count = points
	}
	if len(got.Levels) != count {
		t.Fatalf("%d levels, want %d", len(got.Levels), count)
	}
	for i, l := range got.Levels {
		// The reference has rounding of its own.
		off := math.Abs(l.Eigenvalue - want[i])
		if off > l.Error+tol || !(l.Error <= 1e-8*want[0]) {
			t.Errorf("%v, %d points, eigenvalue %d: %v ± %.2g, want %v", K, points, i, l.Eigenvalue,
				l.Error, want[i])
		}
		sum += l.Eigenvalue
	}
	if top := ntk.Must(K.Curve([]float64{1}))[0]; math.Abs(sum+got.Tail-top) > 1e-7*top {
		t.Errorf("eigenvalues and tail sum to %v, want %v", sum+got.Tail, top)
	}
	t.Logf("%v, %d points, top %d: %d tiles", K, points, s.Top, r.tiles.Load())
	if got.Vectors != nil {
		checkVectors(t, r, got)
	}
}

// checkVectors multiplies the eigenvectors by the matrix row by row.
func checkVectors[T float32 | float64](t *testing.T, r ring[T], got *spectra.GramSpectrum) {
	t.Helper()
	n, k := got.Vectors.Dims()
	var square mat.Dense
	square.Mul(got.Vectors.T(), got.Vectors)
	residuals := make([]float64, k)
	for i := range n {
		for j := range k {
			sum := -got.Levels[j].Eigenvalue * got.Vectors.At(i, j)
			for m, v := range r.row {
				sum += float64(v) / float64(n) * got.Vectors.At((i+m)%n, j)
			}
			residuals[j] = math.Hypot(residuals[j], sum)
			if i < k {
				want := 0.0
				if i == j {
					want = 1
				}
				if math.Abs(square.At(i, j)-want) > 1e-12 {
					t.Errorf("eigenvectors %d and %d: inner product %v", i, j, square.At(i, j))
				}
			}
		}
	}
	for j, v := range residuals {
		if v > 1e-9*got.Levels[0].Eigenvalue+1e-13 {
			t.Errorf("eigenvector %d: residual %v, more than the tolerance", j, v)
		}
	}
}

// Each eigenvalue has an error of its own, by its residual and how far the others are.
func TestGramErrors(t *testing.T) {
	const n, top = 2100, 12
	// Eigenvalues 1/(i+1)², and in the middle a pair that is nearly equal, in mirrored axes.
	rng := rand.New(rand.NewPCG(3, 5))
	u, d, du := make([]float64, n), make([]float64, n), make([]float64, n)
	var norm, udu float64
	for i := range n {
		d[i], u[i] = 1/float64((i+1)*(i+1)), rng.NormFloat64()
		norm += u[i] * u[i]
	}
	d[6] = d[5] * (1 - 1e-9)
	for i := range n {
		u[i] /= math.Sqrt(norm)
		du[i] = d[i] * u[i]
		udu += u[i] * du[i]
	}
	k := mat.NewSymDense(n, nil)
	for i := range n {
		for j := range i + 1 {
			k.SetSym(j, i, n*(4*udu*u[i]*u[j]-2*u[i]*du[j]-2*du[i]*u[j]))
		}
		k.SetSym(i, i, k.At(i, i)+n*d[i])
	}
	for _, tolerance := range []float64{1e-3, 1e-5, 1e-9} {
		got := ntk.Must(spectra.Gram(context.Background(), ntk.MatrixTiles(k),
			spectra.GramSettings{Top: top, Tolerance: tolerance}))
		most := 0.0
		for i, l := range got.Levels {
			if off := math.Abs(l.Eigenvalue - d[i]); off > l.Error || l.Error > tolerance {
				t.Errorf("tolerance %v, eigenvalue %d: %v ± %.2g is %.2g off", tolerance, i,
					l.Eigenvalue, l.Error, off)
			}
			most = max(most, l.Error)
		}
		if first := got.Levels[0].Error; first > 1e-3*tolerance+1e-13 ||
			tolerance > 1e-8 && first > most/10 {
			t.Errorf("tolerance %v: the first error is %v, the largest %v", tolerance, first, most)
		}
	}
}

func TestGramOfRing(t *testing.T) {
	laplace, deep := ntk.Must(ntk.LaplaceKernel(1)), deepReLU()
	checkRing[float64](t, laplace, 300, spectra.GramSettings{}, 1e-15)
	checkRing[float64](t, deep, 257, spectra.GramSettings{Vectors: true}, 1e-14)
	checkRing[float32](t, deep, 300, spectra.GramSettings{Top: 7, Vectors: true}, 1e-6)
	// Pairs of equal eigenvalues, by the block method.
	checkRing[float64](t, laplace, 2500, spectra.GramSettings{Top: 21, Vectors: true}, 1e-14)
	checkRing[float32](t, deep, 2300, spectra.GramSettings{Top: 5}, 1e-6)
	gauss := ntk.Must(ntk.GaussianKernel(1))
	checkRing[float64](t, gauss, 2100, spectra.GramSettings{Top: 60}, 1e-14)
}

// Beyond 32,766 points the work space of a dense solver passes 32 bits.
func TestGramOfManyPoints(t *testing.T) {
	if testing.Short() {
		t.Skip("20 seconds")
	}
	checkRing[float32](t, ntk.Must(ntk.GaussianKernel(1)), 33000,
		spectra.GramSettings{Top: 5, Tolerance: 1e-8}, 1e-7)
}

// Fewer eigenvalues than are asked for are not 0.
func TestGramOfLowRank(t *testing.T) {
	const n, d = 2100, 3
	random, x := rand.New(rand.NewPCG(3, 4)), ntk.Inputs[float64]{N: n, D: d}
	for range n * d {
		x.Rows = append(x.Rows, random.NormFloat64())
	}
	K := ntk.Must(ntk.PolynomialKernel(2, 0))
	gram := ntk.Must(ntk.GramTiles(context.Background(), K, x))
	s, err := spectra.Gram(context.Background(), gram, spectra.GramSettings{Top: 12})
	if err != nil {
		t.Fatal(err)
	}
	for i, l := range s.Levels {
		if (l.Eigenvalue > 1e-3) != (i < 6) || l.Eigenvalue < 0 {
			t.Errorf("eigenvalue %d: %v, want six that are not 0", i, l.Eigenvalue)
		}
	}
	if s.Tail > 1e-12 {
		t.Errorf("tail %v", s.Tail)
	}
}

// Independent points uniform on the sphere: the eigenvalues of the Gram matrix tend to those of
// the sphere, each as often as its multiplicity.
func TestGramTendsToSphere(t *testing.T) {
	const n, d = 2400, 5
	random, x := rand.New(rand.NewPCG(5, 6)), ntk.Inputs[float64]{N: n, D: d}
	for range n {
		p, norm := make([]float64, d), 0.0
		for i := range p {
			p[i] = random.NormFloat64()
			norm = math.Hypot(norm, p[i])
		}
		for _, v := range p {
			x.Rows = append(x.Rows, v/norm*math.Sqrt(d))
		}
	}
	gram := ntk.Must(ntk.GramTiles(context.Background(), deepReLU(), x))
	got, err := spectra.Gram(context.Background(), gram, spectra.GramSettings{Top: 20})
	if err != nil {
		t.Fatal(err)
	}
	at := 0
	for _, l := range ntk.Must(spectra.Sphere{Dim: d}.Spectrum(deepReLU(), 2)).Levels {
		var mean float64
		for range int(l.Multiplicity) {
			mean += got.Levels[at].Eigenvalue / l.Multiplicity
			at++
		}
		// The mean of m eigenvalues has a standard error of about λ √(2/(n m)).
		if math.Abs(mean/l.Eigenvalue-1) > 0.08 {
			t.Errorf("degree %d: %v, on the sphere %v", l.Degree, mean, l.Eigenvalue)
		}
	}
}

func TestGramBadInput(t *testing.T) {
	many := make([]float64, 33000)
	none, stop := context.WithCancel(context.Background())
	stop()
	row := func(v ...float64) ring[float64] { return ring[float64]{v, new(atomic.Int64)} }
	wave := func(n int, first float64) ring[float64] {
		r := row(make([]float64, n)...)
		for m := range r.row {
			r.row[m] = math.Cos(2 * math.Pi * float64(m) / float64(n))
		}
		r.row[0] = first
		return r
	}
	for _, c := range []struct {
		name  string
		ctx   context.Context
		gram  ntk.Tiles[float64]
		s     spectra.GramSettings
		wants string
	}{
		{"nil", nil, nil, spectra.GramSettings{}, "nil"},
		{"flat", nil, ntk.MatrixTiles(mat.NewDense(2, 3, nil)), spectra.GramSettings{}, "square"},
		{"too many", nil, row(1, 0), spectra.GramSettings{Top: 3}, "GramSettings.Top"},
		{"negative", nil, row(1, 0), spectra.GramSettings{Top: -1}, "GramSettings.Top"},
		{"tolerance", nil, row(1, 0), spectra.GramSettings{Tolerance: math.NaN()}, "Tolerance"},
		{"NaN", nil, row(1, math.NaN(), 0), spectra.GramSettings{}, "row 0, column 1"},
		{"asymmetric", nil, row(1, 0.5, 0), spectra.GramSettings{}, "symmetric"},
		{"zero", nil, row(make([]float64, 2999)...), spectra.GramSettings{Top: 1}, ""},
		{"indefinite", nil, row(0, 1), spectra.GramSettings{}, "below 0"},
		{"indefinite, many", nil, wave(2500, -9), spectra.GramSettings{Top: 3}, "below 0"},
		{"all of many", nil, row(many...), spectra.GramSettings{}, "32766"},
		{"most of many", nil, row(many...), spectra.GramSettings{Top: 9000}, "8250"},
		{"ended", none, wave(2500, 1), spectra.GramSettings{Top: 3}, context.Canceled.Error()},
		{"slow", nil, wave(2500, 1), spectra.GramSettings{Top: 3, Tolerance: 1e-30}, "60 passes"},
	} {
		ctx := c.ctx
		if ctx == nil {
			ctx = context.Background()
		}
		_, err := spectra.Gram(ctx, c.gram, c.s)
		if (err == nil) != (c.wants == "") ||
			err != nil && !strings.Contains(err.Error(), c.wants) {
			t.Errorf("%s: error %v", c.name, err)
		}
		if c.ctx != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("%s: error %v", c.name, err)
		}
	}
}
