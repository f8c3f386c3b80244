package vec32

import "math"

// At each place eight numbers lie together, of eight pairs of inputs that are worked on at once:
// place c of x is x[8c:8c+8]. These are the loops of kernels of images over such places.

// Together is how many numbers are at a place.
const Together = 8

type place = [Together]float32

func placeAt(x []float32, c int) *place { return (*place)(x[c*Together:]) }

// Products sets each place p of dst to scale times the inner product of pixel p of one image, x,
// with those of eight, y; a pixel has as many numbers, or places, as there are channels.
func Products(dst, x, y []float32, channels int, scale float32) {
	n := len(dst) / Together
	if n == 0 {
		return
	}
	x, y = x[:n*channels], y[:n*channels*Together]
	if wide {
		products(&dst[0], &x[0], &y[0], n, channels, scale)
		return
	}
	for p := range n {
		var sum place
		for c, v := range x[p*channels : (p+1)*channels] {
			w := placeAt(y, p*channels+c)
			for l := range sum {
				sum[l] += v * w[l]
			}
		}
		to := placeAt(dst, p)
		for l, v := range sum {
			to[l] = scale * v
		}
	}
}

// AddRows sets dst to the sum of three rows.
func AddRows(dst, a, b, c []float32) {
	a, b, c = a[:len(dst)], b[:len(dst)], c[:len(dst)]
	done := 0
	if n := len(dst) &^ 7; wide && n > 0 {
		addRows(&dst[0], &a[0], &b[0], &c[0], n)
		done = n
	}
	for i := done; i < len(dst); i++ {
		dst[i] = a[i] + b[i] + c[i]
	}
}

// AddColumns sets each place c of dst to scale times the sum of the places of src that the table
// has from c·size to c·size+size, plus shift, and plus that place of add if it is not nil. What is
// in the table must be places of src: with vectors it is not looked at, since many rows share one.
func AddColumns(dst, src []float32, table []int32, size int, scale, shift float32, add []float32) {
	n := len(dst) / Together
	if n == 0 {
		return
	}
	table = table[:n*size]
	if add != nil {
		add = add[:len(dst)]
	}
	if wide {
		var more *float32
		if add != nil {
			more = &add[0]
		}
		addColumns(&dst[0], &src[0], &table[0], n, size, scale, shift, more)
		return
	}
	for c := range n {
		var sum place
		for _, i := range table[c*size : c*size+size] {
			for l, v := range placeAt(src, int(i)) {
				sum[l] += v
			}
		}
		to := placeAt(dst, c)
		for l, v := range sum {
			to[l] = scale*v + shift
		}
		if add != nil {
			for l, v := range placeAt(add, c) {
				to[l] += v
			}
		}
	}
}

// Scatter adds each place c of a and of b, which may be nil, to place to[c] of dst. What is in the
// table must be places of dst, as for [AddColumns]. Two in a row that go to one place are added
// before, so that its sum need not come back from memory.
func Scatter(dst, a, b []float32, to []int32) {
	if len(to) == 0 {
		return
	}
	a = a[:len(to)*Together]
	if b != nil {
		b = b[:len(a)]
	}
	if wide {
		var second *float32
		if b != nil {
			second = &b[0]
		}
		scatter(&dst[0], &a[0], second, &to[0], len(to))
		return
	}
	at := func(c int) (sum place) {
		sum = *placeAt(a, c)
		if b != nil {
			for l, v := range placeAt(b, c) {
				sum[l] += v
			}
		}
		return sum
	}
	for c := 0; c < len(to); c++ {
		sum, place := at(c), placeAt(dst, int(to[c]))
		if c+1 < len(to) && to[c+1] == to[c] {
			c++
			for l, v := range at(c) {
				sum[l] += v
			}
		}
		for l, v := range sum {
			place[l] += v
		}
	}
}

// Gather sets each place c of dst to scale times place from[c] of src. What is in the table must be
// places of src, as for [AddColumns].
func Gather(dst, src []float32, from []int32, scale float32) {
	if len(from) == 0 {
		return
	}
	dst = dst[:len(from)*Together]
	if wide {
		gather(&dst[0], &src[0], &from[0], len(from), scale)
		return
	}
	for c, i := range from {
		to := placeAt(dst, c)
		for l, v := range placeAt(src, int(i)) {
			to[l] = scale * v
		}
	}
}

// AddSums adds to sums those of all places of src, of rows of so many columns each. A row is summed
// in single precision.
func AddSums(sums *[Together]float64, src []float32, columns int) {
	if columns == 0 {
		return
	}
	rows := len(src) / (columns * Together)
	if wider && rows > 0 {
		addSums512(sums, &src[0], rows, columns)
		return
	}
	for r := range rows {
		var sum place
		row := src[r*columns*Together:][:columns*Together]
		if wide {
			addPlaces(&sum, &row[0], columns)
		} else {
			for c := range columns {
				for l, v := range placeAt(row, c) {
					sum[l] += v
				}
			}
		}
		for l, v := range sum {
			sums[l] += float64(v)
		}
	}
}

// ArcCosine is the dual activations of φ(z) = p z for z > 0 and n z for z ≤ 0: at covariance k of
// variances x and y, with cos θ = k/√(xy), √(xy) (α cos θ + β (sin θ - θ cos θ)) and α - β θ, for
// α = (p² + n²)/2 and β = (p - n)²/(2π). By √(xy - k²) in place of √(xy) sin θ no digits are lost
// where θ is small.
//
// Source: [CS09] eq. 3-6, a key of package ntk.
type ArcCosine struct {
	// β θ/sin θ with θ in [0, π/2] as a polynomial of v = 1 - |cos θ|. It and the others eight
	// times, for the assembly.
	ratio [10]place

	alpha, beta, within place            // the angle is 0 where sin² θ is less than the last
	one, above, half    place            // above is the next number to 1
	magnitude           [Together]uint32 // all bits but the sign
	slopeBelow          place            // α - βπ, the slope at θ = π
}

// The polynomials interpolate at Chebyshev's points of [0, 1], and are off by 2e-8: θ/√v, and
// θ/sin θ.
var (
	angle = [8]float64{1.41421354641, 0.1178531667, 0.0264744825006, 0.00821673096264,
		0.00147885982319, 0.00333841701105, -0.00199064296024, 0.00121173776981}
	ratio = [10]float64{0.999999989735, 0.333335381434, 0.133266572252, 0.0579778015325,
		0.0201634897314, 0.0300591761478, -0.033552998053, 0.05097575871, -0.0325916888503,
		0.0111628242508}
)

// NewArcCosine returns the duals for two slopes. Correlations within equalWithin of ±1 are taken
// to be that, since rounding does not tell.
func NewArcCosine(p, n float64) *ArcCosine {
	alpha, beta := (p*p+n*n)/2, (p-n)*(p-n)/(2*math.Pi)
	a := &ArcCosine{alpha: eight(alpha), beta: eight(beta), within: eight(2 * equalWithin),
		one: eight(1), above: eight(1 + 0x1p-23), half: eight(0.5),
		slopeBelow: eight(alpha - beta*math.Pi)}
	for l := range Together {
		a.magnitude[l] = 1<<31 - 1
	}
	for i, v := range ratio {
		a.ratio[i] = eight(beta * v)
	}
	return a
}

func eight(v float64) (out place) {
	for l := range out {
		out[l] = float32(v)
	}
	return out
}

const equalWithin = 0x1p-22

// Apply sets each number of k to the first, and multiplies that of t, which may be nil, by the
// second. There is a place for each of x.
func (a *ArcCosine) Apply(k, t, x, y []float32) {
	n := len(x)
	if n == 0 {
		return
	}
	k, y = k[:n*Together], y[:n*Together]
	if t != nil {
		t = t[:n*Together]
	}
	if wide {
		var tangent *float32
		if t != nil {
			tangent = &t[0]
		}
		if wider {
			arcCosine512(&k[0], tangent, &x[0], &y[0], n, a)
			return
		}
		arcCosine(&k[0], tangent, &x[0], &y[0], n, a)
		return
	}
	eachDual(k, t, x, y, a.at)
}

// eachDual is what the assembly of duals does, in Go, with the duals of one covariance.
func eachDual(k, t, x, y []float32, at func(x, k, y float32) (value, slope float32)) {
	for c, q := range x {
		for l, q2 := range placeAt(y, c) {
			i := c*Together + l
			value, slope := at(q, k[i], q2)
			k[i] = value
			if t != nil {
				t[i] *= slope
			}
		}
	}
}

// at is the assembly in Go. The squares are exact in double precision, so that the angle between
// equal inputs is 0.
func (a *ArcCosine) at(x, k, y float32) (value, slope float32) {
	product := float64(x) * float64(y)
	square := product - float64(k)*float64(k)
	var root, theta float32
	if square > float64(a.within[0])*product {
		size := math.Sqrt(product)
		v := float32(1 - math.Abs(float64(k))/size)
		for i := len(a.ratio) - 1; i >= 0; i-- {
			theta = theta*v + a.ratio[i][0]
		}
		root = float32(math.Sqrt(square))
		theta *= float32(math.Sqrt(square) / size)
	}
	slope = a.alpha[0] - theta
	if math.Signbit(float64(k)) {
		slope = a.slopeBelow[0] + theta
	}
	return k*slope + root*a.beta[0], slope
}
