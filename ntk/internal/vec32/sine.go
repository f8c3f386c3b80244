package vec32

import "math"

// Sine sets value[i] = a sin(f z[i] + g) and derivative[i] = a f cos(f z[i] + g), to
// within SineError of a and of a f. The three slices have one length; value or
// derivative may be z itself.
//
// The argument is counted in half turns in float64, and what is left of at most a
// quarter of a turn goes into polynomials. While it is below 2^20 the count's own
// rounding is below 5e-10; blocks with any beyond that go to the standard library.
func Sine(value, derivative, z []float32, a, f, g float64) {
	value, derivative = value[:len(z)], derivative[:len(z)]
	const block = 512 // stays in the fastest cache between the check and the sum
	c := sineConstants{
		scale: f / math.Pi,
		shift: math.Mod(g, 2*math.Pi) / math.Pi,
		a:     float32(a),
		af:    float32(a * f),
		sin:   sinCoeffs,
		cos:   cosCoeffs,
	}
	for start := 0; start < len(z); start += block {
		end := min(start+block, len(z))
		v, d, x := value[start:end], derivative[start:end], z[start:end]
		if whole := len(x) &^ 7; wide && whole > 0 {
			if most := math.Float32frombits(largest(&x[0], whole)); math.Abs(
				f*float64(most),
			)+2*math.Pi < 1<<20 {
				sine(&v[0], &d[0], &x[0], whole, &c)
				v, d, x = v[whole:], d[whole:], x[whole:]
			}
		}
		byTable(v, d, x, a, f, g)
	}
}

// SineError is how far Sine is from the true value at most, for a = 1: the
// polynomials (7e-9), their evaluation in single precision, and the results'
// rounding.
const SineError = 2e-7

// sineConstants is read by the assembly: the offsets are part of it.
type sineConstants struct {
	scale, shift float64    // 0, 8
	a, af        float32    // 16, 20
	sin          [5]float32 // 24: sin(πr)/r in r²
	cos          [6]float32 // 44: cos(πr) in r²
}

// The polynomials interpolate at Chebyshev points in r² on [0, ¼]: to 7e-9 and 2e-10.
var (
	sinCoeffs = [5]float32{
		3.1415926400772034,
		-5.167710076668355,
		2.5500773865296344,
		-0.5982904112881602,
		0.07765591228608347,
	}
	cosCoeffs = [6]float32{
		0.9999999997791535,
		-4.934802136928881,
		4.058709154761405,
		-1.3352119493729793,
		0.23493706851979956,
		-0.024395931982705493,
	}
)
