//go:build !amd64

package vec32

func polynomial(x *float32, n int, a *place, terms int)        { panic("vec32: no vectors") }
func rootCurve(c *float32, n int, table *place, terms int)     { panic("vec32: no vectors") }
func powerSums(sums *float32, terms int, c, w *float32, n int) { panic("vec32: no vectors") }
