package spectra

import (
	"fmt"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/mat"
)

// Estimate is a [Target] as samples show it. Its powers have no bias and so may be a little below
// zero where there is none.
type Estimate struct {
	Target
	// StandardError is that of each Power, over draws of the samples and of the noise in them.
	StandardError []float64
}

// DataTarget estimates what modes have of labels. The columns of basis are orthonormal, one row a
// sample: the eigenvectors of a Gram matrix, or of other modes by QR. Each is taken for √N-th part
// of an eigenfunction's values at the N samples, and is a level of its own. y has a row a sample,
// and a column an output; the powers and the noise of several outputs are added, and the errors
// that are then predicted are so too. It is not centred here.
//
// With v̂ = basisᵀy/√N the power of a mode is v̂² - ρ²/N, as noise in the labels adds ρ²/N to v̂²
// on average. ρ² = (‖y‖²/N - Σ v̂²)/(1 - P/N), P the number of modes, counts as noise all that the
// modes do not have, and is Noise. The standard error is that of Gaussian noise, √(4v²ρ²/N +
// 2ρ⁴/N²), v² the power or zero if that is below.
//
// Where training points are n of the same N samples, TestMSE is the mean over all N; without noise
// or ridge the error on those that are not trained on is N/(N-n) times that.
//
// It reports no samples, other numbers of rows, as many modes as samples, where nothing tells noise
// from the target, values that are not finite, and columns that are not orthonormal to 1e-6, by
// the length of one random combination of them.
func DataTarget(basis, y *mat.Dense) (*Estimate, error) {
	rows, modes := basis.Dims()
	if err := labels(y, rows); err != nil {
		return nil, err
	}
	if modes >= rows {
		return nil, fmt.Errorf("spectra: %d modes of %d samples; noise is told from the target by "+
			"what fewer modes than samples leave", modes, rows)
	}
	if err := orthonormal(basis); err != nil {
		return nil, err
	}
	_, outputs := y.Dims()
	n := float64(rows)
	var products mat.Dense
	products.Mul(basis.T(), y)
	// Of each output apart, as each has a noise of its own.
	e := &Estimate{Target: Target{Power: make([]float64, modes)},
		StandardError: make([]float64, modes)}
	for j := range outputs {
		norm := mat.Norm(y.ColView(j), 2)
		left := norm * norm / n
		for i := range modes {
			v := products.At(i, j)
			left -= v * v / n
		}
		noise := max(left, 0) / (1 - float64(modes)/n)
		e.Noise += noise
		for i := range modes {
			v := products.At(i, j)
			power := v*v/n - noise/n
			e.Power[i] += power
			e.StandardError[i] += (4*max(power, 0) + 2*noise/n) * noise / n
		}
	}
	for i, v := range e.StandardError {
		e.StandardError[i] = math.Sqrt(v)
	}
	return e, nil
}

// labels reports labels that do not fit the samples.
func labels(y *mat.Dense, rows int) error {
	n, outputs := y.Dims()
	if n != rows {
		return fmt.Errorf("spectra: labels of %d samples for %d samples", n, rows)
	}
	for i := range n {
		for j := range outputs {
			if v := y.At(i, j); math.IsNaN(v) || math.IsInf(v, 0) {
				return fmt.Errorf("spectra: the label of sample %d is %v; it must be finite", i, v)
			}
		}
	}
	return nil
}

// orthonormal reports columns of other lengths, and a random combination that has another length
// than orthonormal ones give it.
func orthonormal(basis *mat.Dense) error {
	const within = 1e-6
	rows, modes := basis.Dims()
	random := rand.New(rand.NewPCG(1, 2))
	signs := mat.NewVecDense(modes, nil)
	lengths := make([]float64, modes)
	for i := range rows {
		for j := range modes {
			v := basis.At(i, j)
			lengths[j] += v * v
		}
	}
	for j, v := range lengths {
		signs.SetVec(j, float64(1-2*random.IntN(2)))
		if !(math.Abs(v-1) <= within) {
			return fmt.Errorf("spectra: column %d of the modes has the squared length %v; it must "+
				"be 1", j, v)
		}
	}
	var combined mat.VecDense
	combined.MulVec(basis, signs)
	if norm := mat.Norm(&combined, 2); !(math.Abs(norm*norm/float64(modes)-1) <= within) {
		return fmt.Errorf("spectra: the columns of the modes are not orthogonal: a combination " +
			"of them has another length")
	}
	return nil
}

// SampledTarget estimates what the levels of [Sphere.Spectrum] to the same degree have of a
// function known at points drawn uniformly from the sphere, one a row of x, of norm √Dim to 1e-6.
// y has a row a point, and a column an output; what several outputs have is added.
//
// The power at degree k is m_k E[f(x) f(x') P_k(cos)], m_k the multiplicity and P_k the Gegenbauer
// polynomial, over pairs of different points, to which noise in the labels adds nothing on average.
// Noise is what the levels leave of the mean of y², or 0 if they leave less. The standard error
// is that of a mean over pairs (Hoeffding 1948). It grows with √m_k/N: high degrees in high
// dimensions take more samples than can be had, which it then says. Cost: N²(Dim + degree).
//
// It reports fewer than 3 samples, rows of other norms and lengths, and what Spectrum does.
func (s Sphere) SampledTarget(x, y *mat.Dense, degree int) (*Estimate, error) {
	if err := s.check(degree); err != nil {
		return nil, err
	}
	rows, d := x.Dims()
	if rows < 3 || d != s.Dim {
		return nil, fmt.Errorf("spectra: %d samples of %d entries; at least 3 of %d are needed",
			rows, d, s.Dim)
	}
	if err := labels(y, rows); err != nil {
		return nil, err
	}
	for i := range rows {
		norm := mat.Norm(x.RowView(i), 2)
		if !(math.Abs(norm*norm/float64(d)-1) <= 1e-6) {
			return nil, fmt.Errorf("spectra: sample %d has the norm %v; on the sphere it is √%d", i,
				norm, d)
		}
	}
	pairs := newPairSums(rows, degree)
	var cosines, products mat.VecDense
	for i := range rows {
		cosines.MulVec(x, x.RowView(i))
		products.MulVec(y, y.RowView(i))
		pairs.add(i, cosines.RawVector().Data, products.RawVector().Data, float64(d))
	}
	e := &Estimate{Target: Target{Power: make([]float64, degree+1)},
		StandardError: make([]float64, degree+1)}
	norm := mat.Norm(y, 2)
	e.Noise = norm * norm / float64(rows)
	for k, m := range s.multiplicities(degree) {
		mean, err := pairs.estimate(k)
		e.Power[k], e.StandardError[k] = m*mean, m*err
		e.Noise -= e.Power[k]
	}
	e.Noise = max(e.Noise, 0)
	return e, nil
}

// pairSums has, for each degree, the mean of y y' P_k over the pairs with each point, and the sum
// of the squares over all pairs.
type pairSums struct {
	means   [][]float64
	squares []float64
}

func newPairSums(rows, degree int) pairSums {
	p := pairSums{means: make([][]float64, degree+1), squares: make([]float64, degree+1)}
	for k := range p.means {
		p.means[k] = make([]float64, rows)
	}
	return p
}

// add takes the pairs with point i. cosines are times d.
func (p pairSums) add(i int, cosines, products []float64, d float64) {
	for j, w := range products {
		if j == i {
			continue
		}
		c := min(max(cosines[j]/d, -1), 1)
		before, now := 0., 1.
		for k := range p.means {
			v := w * now
			p.means[k][i] += v
			p.squares[k] += v * v
			n, next := float64(k), c
			if k > 0 {
				next = ((2*n+d-2)*c*now - n*before) / (n + d - 2)
			}
			before, now = now, next
		}
	}
	for k := range p.means {
		p.means[k][i] /= float64(len(products) - 1)
	}
}

// estimate returns the mean over pairs and its standard error: 4/n of the variance of the mean
// with one point held, and 2/n² of that of a pair.
func (p pairSums) estimate(k int) (mean, standardError float64) {
	n := float64(len(p.means[k]))
	for _, v := range p.means[k] {
		mean += v / n
	}
	var ofMeans float64
	for _, v := range p.means[k] {
		ofMeans += (v - mean) * (v - mean) / (n - 1)
	}
	ofPairs := max(0, p.squares[k]/(n*(n-1))-mean*mean)
	one := max(0, ofMeans-ofPairs/(n-1))
	return mean, math.Sqrt(4*one/n + 2*ofPairs/(n*(n-1)))
}
