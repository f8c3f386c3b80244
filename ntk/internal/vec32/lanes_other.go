//go:build !amd64

package vec32

func products(dst, x, y *float32, n, channels int, scale float32) { panic("vec32: no vectors") }
func addRows(dst, a, b, c *float32, n int)                        { panic("vec32: no vectors") }
func scatter(dst, a, b *float32, to *int32, n int)                { panic("vec32: no vectors") }
func addPlaces(sum *place, src *float32, n int)                   { panic("vec32: no vectors") }
func arcCosine(k, t, x, y *float32, n int, a *ArcCosine)          { panic("vec32: no vectors") }
func arcCosine512(k, t, x, y *float32, n int, a *ArcCosine)       { panic("vec32: no vectors") }
func boxes(b *boxArgs)                                            { panic("vec32: no vectors") }
func boxes512(b *boxArgs)                                         { panic("vec32: no vectors") }
func arcsines(k, t, x, y *float32, n int, a *Arcsine)             { panic("vec32: no vectors") }
func series(k, t, x, y, b, c *float32, places, n int)             { panic("vec32: no vectors") }
func gather(dst, src *float32, from *int32, n int, scale float32) { panic("vec32: no vectors") }

func addColumns(
	dst, src *float32, table *int32, n, size int, scale, shift float32, add *float32,
) {
	panic("vec32: no vectors")
}

func addSums512(sums *[Together]float64, src *float32, rows, columns int) {
	panic("vec32: no vectors")
}
