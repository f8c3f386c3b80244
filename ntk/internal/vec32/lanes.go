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

// Scatter adds each place c of src to place to[c] of dst.
func Scatter(dst, src []float32, to []int32) {
	if len(to) == 0 {
		return
	}
	src = src[:len(to)*Together]
	if wide {
		for _, i := range to {
			_ = dst[int(i)*Together+Together-1]
		}
		scatter(&dst[0], &src[0], &to[0], len(to))
		return
	}
	for c, i := range to {
		sum := placeAt(dst, int(i))
		for l, v := range placeAt(src, c) {
			sum[l] += v
		}
	}
}

// Gather sets each place c of dst to scale times place from[c] of src.
func Gather(dst, src []float32, from []int32, scale float32) {
	if len(from) == 0 {
		return
	}
	dst = dst[:len(from)*Together]
	if wide {
		for _, i := range from {
			_ = src[int(i)*Together+Together-1]
		}
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
// α = (p² + n²)/2 and β = (p - n)²/(2π).
//
// Source: [CS09] eq. 3-6, a key of package ntk.
type ArcCosine struct {
	// Of v = 1 - |cos θ|: β θ/√v and β (sin θ - θ cos θ)/v^{3/2}, with θ in [0, π/2], as
	// polynomials. These and the others eight times, for the assembly.
	angle [8]place
	curve [7]place

	least, equal, two, alpha place
	magnitude                [Together]uint32 // all bits but the sign

	obtuse     place // βπ - α, the factor of |k| for k < 0
	slopeBelow place // α - βπ, the slope at θ = π

	// For sixteen lanes: β θ/sin θ as a polynomial of v, and single numbers; within is of sin² θ.
	ratio [10]float32

	one, half, beta, within float32
}

// The polynomials interpolate at Chebyshev's points of [0, 1], and are off by 2e-8. The last is
// θ/sin θ.
var (
	angle = [8]float64{1.41421354641, 0.1178531667, 0.0264744825006, 0.00821673096264,
		0.00147885982319, 0.00333841701105, -0.00199064296024, 0.00121173776981}
	curve = [7]float64{0.942809052415, 0.0471393947035, 0.00759271725971, 0.00165828470554,
		0.000742261975251, -0.000176200355025, 0.00023447136654}

	ratio = [10]float64{0.999999989735, 0.333335381434, 0.133266572252, 0.0579778015325,
		0.0201634897314, 0.0300591761478, -0.033552998053, 0.05097575871, -0.0325916888503,
		0.0111628242508}
)

// NewArcCosine returns the duals for two slopes. Correlations within equalWithin of ±1 are taken
// to be that, since rounding does not tell.
func NewArcCosine(p, n float64) *ArcCosine {
	alpha, beta := (p*p+n*n)/2, (p-n)*(p-n)/(2*math.Pi)
	a := &ArcCosine{
		least: eight(0x1p-100), equal: eight(equalWithin), two: eight(2), alpha: eight(alpha),
		obtuse: eight(beta*math.Pi - alpha), slopeBelow: eight(alpha - beta*math.Pi),
		one: 1, half: 0.5, beta: float32(beta), within: 2 * equalWithin,
	}
	for l := range Together {
		a.magnitude[l] = 1<<31 - 1
	}
	for i, v := range angle {
		a.angle[i] = eight(beta * v)
	}
	for i, v := range curve {
		a.curve[i] = eight(beta * v)
	}
	for i, v := range ratio {
		a.ratio[i] = float32(beta * v)
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

// at is the assembly in Go. √(x·y) of two equal numbers is just them, so that the angle between
// equal inputs is 0. With sixteen lanes √(xy - k²) is formed in place of √(xy) - |k|, which leaves
// as much.
func (a *ArcCosine) at(x, k, y float32) (value, slope float32) {
	s := float32(math.Sqrt(float64(x * y)))
	size := float32(math.Abs(float64(k)))
	v := max((s-size)/max(s, a.least[0]), 0)
	if !(v > equalWithin) {
		v = 0
	}
	root := float32(math.Sqrt(float64(v)))
	theta, bend := a.angle[7][0], a.curve[6][0]
	for i := 6; i >= 0; i-- {
		theta = theta*v + a.angle[i][0]
	}
	for i := 5; i >= 0; i-- {
		bend = bend*v + a.curve[i][0]
	}
	theta *= root
	bend *= root * v * s
	if math.Signbit(float64(k)) {
		return a.obtuse[0]*size + bend, a.slopeBelow[0] + theta
	}
	return a.alpha[0]*size + bend, a.alpha[0] - theta
}
