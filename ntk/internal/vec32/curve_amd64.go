package vec32

// The assembly of curve.go. n is a multiple of 8, and terms and n are > 0.

//go:noescape
func polynomial(x *float32, n int, a *place, terms int)

//go:noescape
func rootCurve(c *float32, n int, table *place, terms int)

//go:noescape
func powerSums(sums *float32, terms int, c, w *float32, n int)
