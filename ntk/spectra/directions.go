package spectra

import (
	"math"
	"slices"
)

// leading is the number of directions that have most of the variance.
func (s *DataStatistics) leading() int {
	return min(len(s.Variances), int(math.Ceil(s.EffectiveDim)))
}

// leastSquare returns the least E z⁴ - 1 - (E z³)² over the leading directions, and over those
// between directions of equal variance, where the covariance says nothing of which is which: two
// clusters along the diagonal of a cube look normal along its edges.
func (s *DataStatistics) leastSquare() float64 {
	least := math.Inf(1)
	leading := s.leading()
	for i, k := range s.Kurtosis[:leading] {
		least = min(least, k-1-s.Skewness[i]*s.Skewness[i])
	}
	// Three standard errors of a variance. With more directions than a hundredth of the rows, some
	// between them look like anything.
	equal := 1 + 3*math.Sqrt(2/float64(s.Rows))
	most := min(s.Rows/100, 32)
	for first := 0; first < leading; {
		last := first + 1
		for last < leading && last-first < most && s.Variances[last-1] < equal*s.Variances[last] {
			last++
		}
		if last-first > 1 {
			for i := range last - first {
				least = min(least, s.between(first, last, i))
			}
		}
		first = last
	}
	return least
}

// between follows the kurtosis from the axis with the number start of those from first to last to
// a direction where it is an extremum, and returns the same number there.
//
// Source: the fixed point of Hyvärinen and Oja, "A fast fixed-point algorithm for independent
// component analysis", 1997: w ← E[z (w·z)³] - 3w, which finds a direction that is not normal in
// one step if all others are.
func (s *DataStatistics) between(first, last, start int) float64 {
	const steps = 10
	r, n := len(s.Variances), float64(s.Rows)
	w, next := make([]float64, last-first), make([]float64, last-first)
	w[start] = 1
	var square float64
	for range steps {
		for i, v := range w {
			next[i] = -3 * v
		}
		var cubes, fourth float64
		for i := range s.Rows {
			z := s.whitened[i*r+first : i*r+last]
			var along float64
			for j, v := range w {
				along += v * z[j]
			}
			cube := along * along * along / n
			cubes += cube
			fourth += cube * along
			for j, v := range z {
				next[j] += v * cube
			}
		}
		square = fourth - 1 - cubes*cubes
		var norm float64
		for _, v := range next {
			norm += v * v
		}
		if norm = math.Sqrt(norm); norm == 0 {
			break
		}
		for i := range next {
			next[i] /= norm
		}
		if slices.Equal(w, next) {
			break
		}
		w, next = next, w
	}
	return square
}
