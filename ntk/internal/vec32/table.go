package vec32

import "math"

// The circle is divided into steps, for each of which a table holds sine and
// cosine.
const (
	steps = 256
	step  = 2 * math.Pi / steps
)

var circle = func() (c [steps][2]float64) {
	for i := range c {
		c[i][0], c[i][1] = math.Sincos(float64(i) * step)
	}
	return c
}()

// byTable is Sine in plain Go, to within 2e-9 of a and of a f before rounding to
// single precision.
//
// The argument is counted in steps of the table in float64, and what is left of at
// most half a step is added by the first terms of its sine and cosine, which leave
// out 3e-12 and 9e-10. Slices with any argument beyond 2^20 go to the standard
// library.
func byTable(value, derivative, z []float32, a, f, g float64) {
	value, derivative = value[:len(z)], derivative[:len(z)]
	var most uint32
	for _, x := range z {
		most = max(most, math.Float32bits(x)&^(1<<31)) // NaN is above all numbers
	}
	if !(math.Abs(f*float64(math.Float32frombits(most)))+math.Abs(g) < 1<<20) {
		for i, x := range z {
			sin, cos := math.Sincos(f*float64(x) + g)
			value[i], derivative[i] = float32(a*sin), float32(a*f*cos)
		}
		return
	}
	// Adding and taking away 1.5·2^52 rounds to an integer, whose lowest bits
	// then stand lowest in the sum's.
	const toInteger = 3 << 51
	scale, shift, af := f/step, g/step, a*f
	for i, x := range z {
		t := scale*float64(x) + shift
		shifted := t + toInteger
		r := t - (shifted - toInteger)
		at := &circle[math.Float64bits(shifted)%steps]
		r2 := r * r
		s, c := r*(step-r2*(step*step*step/6)), r2*(step*step/2)
		value[i] = float32(a * (at[0] + (at[1]*s - at[0]*c)))
		derivative[i] = float32(af * (at[1] - (at[0]*s + at[1]*c)))
	}
}
