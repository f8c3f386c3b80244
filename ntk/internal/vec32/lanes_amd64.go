package vec32

// The assembly of lanes.go, box.go, arcsine.go and series.go. All counts are of places and > 0;
// tables hold places that are there.

//go:noescape
func products(dst, x, y *float32, n, channels int, scale float32)

// n is of numbers, and a multiple of 8.
//
//go:noescape
func addRows(dst, a, b, c *float32, n int)

//go:noescape
func addColumns(dst, src *float32, table *int32, n, size int, scale, shift float32, add *float32)

//go:noescape
func scatter(dst, a, b *float32, to *int32, n int)

//go:noescape
func gather(dst, src *float32, from *int32, n int, scale float32)

//go:noescape
func addPlaces(sum *place, src *float32, n int)

//go:noescape
func addSums512(sums *[Together]float64, src *float32, rows, columns int)

//go:noescape
func arcCosine(k, t, x, y *float32, n int, a *ArcCosine)

//go:noescape
func arcCosine512(k, t, x, y *float32, n int, a *ArcCosine)

// boxes and boxes512 change b.
//
//go:noescape
func boxes(b *boxArgs)

//go:noescape
func boxes512(b *boxArgs)

//go:noescape
func arcsines(k, t, x, y *float32, n int, a *Arcsine)

//go:noescape
func series(k, t, x, y, b, c *float32, places, n int)
