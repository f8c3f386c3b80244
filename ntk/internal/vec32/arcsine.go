package vec32

import "math"

// Arcsine is the dual activations of the error function: at covariance k of variances x and y, with
// D = (1+2x)(1+2y) - 4k², 2/π arcsin(2k/√((1+2x)(1+2y))) and 4/(π√D).
//
// Source: [W96] eq. 11, a key of package ntk.
type Arcsine struct {
	// 2/π arccos(1-v)/√v, and 2/π arcsin(r)/r in r² ≤ ¼, as polynomials. These and the others
	// eight times, for the assembly.
	angle [8]place
	small [6]place

	one, two, slope, most place
	magnitude             [Together]uint32
}

// Of arcsin(r)/r in r² at Chebyshev's points of [0, ¼], off by 5e-9.
var arcsine = [6]float64{0.999999995984, 0.166667820058, 0.0749469668742, 0.0455206356317,
	0.0239939996536, 0.0424173737598}

// NewArcsine returns the duals.
func NewArcsine() *Arcsine {
	a := &Arcsine{one: eight(1), two: eight(2), slope: eight(4 / math.Pi), most: eight(0.25)}
	for l := range Together {
		a.magnitude[l] = 1<<31 - 1
	}
	for i, v := range angle {
		a.angle[i] = eight(2 / math.Pi * v)
	}
	for i, v := range arcsine {
		a.small[i] = eight(2 / math.Pi * v)
	}
	return a
}

// Apply sets each number of k to the first, and multiplies that of t, which may be nil, by the
// second. There is a place for each of x.
func (a *Arcsine) Apply(k, t, x, y []float32) {
	n := len(x)
	if n == 0 {
		return
	}
	k, y = k[:n*Together], y[:n*Together]
	var tangent *float32
	if t != nil {
		t = t[:n*Together]
		tangent = &t[0]
	}
	if wide {
		arcsines(&k[0], tangent, &x[0], &y[0], n, a)
		return
	}
	eachDual(k, t, x, y, a.at)
}

// at is the assembly in Go, where 1 - |r| is formed from D, which does not cancel.
func (a *Arcsine) at(x, k, y float32) (value, slope float32) {
	u, v, w := 1+2*float64(x), 1+2*float64(y), 2*float64(k)
	d := u*v - w*w
	size := math.Sqrt(u * v)
	r := float32(w / size)
	if square := r * r; square <= a.most[0] {
		sum := a.small[5][0]
		for i := 4; i >= 0; i-- {
			sum = sum*square + a.small[i][0]
		}
		value = r * sum
	} else {
		gap := float32(d / (size * (size + math.Abs(w))))
		sum := a.angle[7][0]
		for i := 6; i >= 0; i-- {
			sum = sum*gap + a.angle[i][0]
		}
		value = 1 - sum*float32(math.Sqrt(float64(gap)))
		value = float32(math.Copysign(float64(value), w))
	}
	return value, a.slope[0] / float32(math.Sqrt(d))
}
