package gram

// At returns the kernels at |c| = 1 - gap, for c < 0 if opposite. Where the curve leaves out what
// is next to c = ±1, ok is false for all gaps.
func (c *Curve) At(gap float64, opposite bool) (one, two float64, ok bool) {
	one, two = c.at(gap, opposite)
	return one, two, !c.spike
}
