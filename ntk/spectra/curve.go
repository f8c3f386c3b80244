package spectra

// LearningCurve returns what [Spectrum.Learn] does for each number of points of n, in that order,
// all with one ridge. It reports the first error.
func (s *Spectrum) LearningCurve(target Target, n []float64, ridge float64) ([]*Learning, error) {
	curve := make([]*Learning, len(n))
	for i, points := range n {
		l, err := s.Learn(target, points, ridge)
		if err != nil {
			return nil, err
		}
		curve[i] = l
	}
	return curve, nil
}
