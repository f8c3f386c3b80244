package spectra

import (
	"math"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/internal/quadrature"
	"gonum.org/v1/gonum/mat"
)

// series is a power series Σ a_j c^j, all a_j ≥ 0, as far as it is known.
type series struct {
	a []float64
	// rest is about Σ a_j of the degrees that are missing, even and odd. whole says that it is
	// beyond the digits of K(1).
	rest  [2]float64
	whole bool
	// falls says that higher degrees would be worth their cost; tails are what continues the
	// coefficients, nil if unknown.
	falls bool
	tails [2]*tail
	// relative is the error of each a_j over itself, and absolute that of all together.
	relative, absolute float64
}

// The degrees to which coefficients are asked for: for the kernels of nets of a few layers the
// first take 20 ms, and the last seconds.
const (
	firstDegree = 512
	lastDegree  = 2048
)

// seriesOf returns the power series of the kernel to a degree, and whether the kernel has one that
// is nonnegative. top and bottom are K(1) and K(-1).
func seriesOf(K ntk.Kernel, degree int, top, bottom float64) (s series, ok bool) {
	known := K.Expansion()
	if known.Coeffs == nil || !known.Nonnegative {
		return s, false
	}
	p, err := K.Series(degree)
	if err != nil {
		return s, false
	}
	s = series{a: p.Coeffs(), whole: true, relative: 1e-13, absolute: known.ValueError * top}
	lost := 2 * known.Error * top // less is the rounding of K(±1) and of the coefficients
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
		quarters[j%2][4*j/len(s.a)] += v
	}
	for parity := range rests {
		last, before := quarters[parity][3], quarters[parity][2]
		rest := math.Max(0, rests[parity].value())
		s.rest[parity] = rest + lost
		switch {
		case rest > lost:
			s.whole = false
			s.falls = s.falls || rest <= 0.1*(rest+last+before)
			s.tails[parity] = newTail(s.a, parity, rest, lost)
		case last == 0:
			s.rest[parity] = 0
		case last <= 0.1*before: // K(±1) tell no more: go by how the coefficients fall
			s.rest[parity] = math.Min(s.rest[parity], last*last/before/(1-last/before))
		}
	}
	return s, true
}

// ladder is multiplication by c on the eigenfunctions of a domain. Let λ_k(j) be the
// eigenvalues of c^j and m_k their multiplicities: the shares m_k λ_k(j) are ≥ 0 and sum to 1, and
// with every j they climb from degree k to k+1 by the part up(k) and fall to k-1 by down(k).
// At top, the last degree there is, what climbs stays.
type ladder struct {
	top      int
	up, down func(k int) float64
	// most bounds λ_k(j) for j ≥ from; power is λ_k(j) as a function of j that is smooth, j ≥ k of
	// the parity of k, or nil.
	most  func(k, from int) float64
	power func(k int, j float64) float64
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

// use sets the levels that have larger errors without it from the series.
func (s series) use(to *Spectrum, l ladder, top float64) {
	within, beyond := l.shares(s.a, len(to.Levels)-1)
	var more [2][]float64
	for parity, t := range s.tails {
		if t != nil && l.power != nil {
			more[parity] = t.eigenvalues(l, len(to.Levels)-1)
		}
	}
	all := true
	for k := range to.Levels {
		level := &to.Levels[k]
		lambda := within[k] / level.Multiplicity
		off := s.rest[k%2] * l.most(k, len(s.a))
		if v := more[k%2]; v != nil {
			lambda += v[k]
			off = math.Min(off, s.tails[k%2].doubt*v[k])
		}
		off += s.relative * lambda
		if s.absolute > 0 {
			off += s.absolute * l.most(k, 0)
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

// isGood says that the errors are at most a part of the eigenvalues, or of 1e-15 of K(1).
func (s *Spectrum) isGood(part, top float64) bool {
	for _, l := range s.Levels {
		if l.Error > part*math.Max(math.Abs(l.Eigenvalue), 1e-15*top) {
			return false
		}
	}
	return true
}

// tail is how coefficients of one parity that fall like a power go on: log a_j = b_0 + b_1 log x +
// b_2/x + b_3/x² + …, x = j/scale, from degree first on.
type tail struct {
	first, scale float64
	b            [tailTerms]float64
	doubt        float64 // relative
}

const tailTerms = 6

// newTail continues the coefficients a_j of a parity, and compares with a_j that it does not use
// and with the rest of their sum; it returns nil where it does not fit.
func newTail(a []float64, parity int, rest, lost float64) *tail {
	last := len(a) - 1
	if last%2 != parity {
		last--
	}
	if last < 256 {
		return nil
	}
	t, half := fitTail(a, last), fitTail(a, last/4*2+parity)
	if t == nil || half == nil {
		return nil
	}
	t.first = float64(last + 2)
	t.doubt = 16*math.Abs(half.at(float64(last))/a[last]-1) + 1e-8
	mass := t.integral(func(float64) float64 { return 1 })
	t.doubt += math.Abs(mass/rest-1) + lost/rest
	if !(t.doubt < 0.01) {
		return nil
	}
	return t
}

// fitTail takes coefficients of degrees from an eighth of the last one to it.
func fitTail(a []float64, last int) *tail {
	t := &tail{scale: float64(last)}
	matrix := mat.NewDense(tailTerms, tailTerms, nil)
	logs := mat.NewVecDense(tailTerms, nil)
	for i := range tailTerms {
		j := int(t.scale*math.Pow(2, -3*float64(i)/(tailTerms-1)))/2*2 + last%2
		if !(a[j] > 0) {
			return nil
		}
		x := float64(j) / t.scale
		row := []float64{1, math.Log(x)}
		for len(row) < tailTerms {
			row = append(row, math.Pow(x, float64(1-len(row))))
		}
		matrix.SetRow(i, row)
		logs.SetVec(i, math.Log(a[j]))
	}
	var b mat.VecDense
	if b.SolveVec(matrix, logs) != nil {
		return nil
	}
	for i := range t.b {
		t.b[i] = b.AtVec(i)
	}
	if !(t.b[1] < -1) { // the sum diverges
		return nil
	}
	return t
}

// at is a_j.
func (t *tail) at(j float64) float64 {
	x := j / t.scale
	var sum float64
	for i := tailTerms - 1; i > 1; i-- {
		sum = (sum + t.b[i]) / x
	}
	return math.Exp(t.b[0] + t.b[1]*math.Log(x) + sum)
}

// integral is Σ a_j f(j) over the degrees from first on, every second, by the integral of which
// it is the midpoint rule, in log j.
func (t *tail) integral(f func(j float64) float64) float64 {
	nodes, weights := quadrature.Legendre(panelNodes)
	g := func(j float64) float64 { return t.at(j) * f(j) }
	start, step := t.first-1, 1e-4*t.first
	sum := (g(start+step) - g(start-step)) / (24 * step) // of Euler and Maclaurin
	for low, panels := math.Log(start), 0; panels < 60; panels++ {
		var part float64
		for i, x := range nodes {
			j := math.Exp(low + (1+x)/2)
			part += weights[i] / 2 * j / 2 * g(j)
		}
		low++
		if sum += part; part <= 1e-17*sum {
			break
		}
	}
	return sum
}

// eigenvalues returns what the tail adds to those of its parity.
func (t *tail) eigenvalues(l ladder, degree int) []float64 {
	out := make([]float64, degree+1)
	for k := int(t.first) % 2; k <= degree; k += 2 {
		out[k] = t.integral(func(j float64) float64 { return l.power(k, j) })
	}
	return out
}
