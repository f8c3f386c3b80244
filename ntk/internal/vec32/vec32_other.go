//go:build !amd64

package vec32

func hasVectors() bool { return false }

func hasLongVectors() bool { return false }

func relu(value, derivative, z *float32, n int)                      { panic("vec32: no vectors") }
func addLine(value, derivative, z *float32, n int, l *lineConstants) { panic("vec32: no vectors") }
func multiply(x, by *float32, n int)                                 { panic("vec32: no vectors") }
func addScaled(x *float32, c float32, by *float32, n int)            { panic("vec32: no vectors") }
func largest(z *float32, n int) uint32                               { panic("vec32: no vectors") }
func sine(value, derivative, z *float32, n int, c *sineConstants)    { panic("vec32: no vectors") }
func dots(sums *[8]float32, h *float32, ldh int, v *float32, ldv int, n int) {
	panic("vec32: no vectors")
}

func product(
	c *float32, ldc int, a *float32, rowStep, colStep int, b *float32, ldb, cols, inner int,
	add bool,
) {
	panic("vec32: no vectors")
}
