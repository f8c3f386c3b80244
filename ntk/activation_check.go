package ntk

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"

	"github.com/kernelsmith/kernelsmith/ntk/internal/special"
)

// slopePlaces are distances from 0, with all digits in single precision, at which the
// derivative of a caller's activation is looked at: no round numbers, where kinks are.
var slopePlaces = []float32{
	0.1327, 0.4113, 0.7079, 1.1613, 1.6917, 2.2391, 2.8853, 3.7181, 5.3459,
}

// slopeCheck looks at an activation at one side of 0, outwards.
type slopeCheck struct {
	phi    Activation
	breaks []float64 // kinks and jumps
	// The largest |φ| and |φ'| so far, which what is off is measured by: harmless
	// approximations and rounding are off by more than a small value.
	value, slope float64
}

// farthestStep is how far from a place the slope there is looked for, and closer how much
// closer each time; no round numbers, in which an oscillation may repeat.
const (
	farthestStep = 0.01973
	closer       = 0.2347
)

// checkSlopes reports a Derivative or EvalFloat32 of a caller's activation that does not
// belong to its Value. One place alone is none: there may be a kink of which φ does not
// tell. Types of this module are not looked at, for their tests do that. It takes about 70
// values where all is well.
func checkSlopes(phi Activation) error {
	t := reflect.TypeOf(phi)
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if p := t.PkgPath(); p == ownPath || strings.HasPrefix(p, ownPath+"/") {
		return nil
	}
	breaks := breaksOf(phi)
	var wrong [2][]error // of Derivative, and of EvalFloat32
	for _, sign := range []float32{1, -1} {
		c := &slopeCheck{phi: phi, breaks: breaks}
		for _, z := range slopePlaces {
			if err := c.derivative(float64(sign * z)); err != nil {
				wrong[0] = append(wrong[0], err)
			}
		}
		wrong[1] = append(wrong[1], c.float32(sign)...)
	}
	for _, w := range wrong {
		if len(w) > 1 {
			return w[0]
		}
	}
	return nil
}

// breaksOf returns the kinks and jumps that φ tells of, none if that panics.
func breaksOf(phi Activation) (out []float64) {
	defer func() {
		if recover() != nil {
			out = nil
		}
	}()
	return slices.Concat(KinksOf(phi), JumpsOf(phi))
}

// room is how far z is from a kink or jump.
func (c *slopeCheck) room(z float64) float64 {
	room := math.Inf(1)
	for _, b := range c.breaks {
		room = math.Min(room, math.Abs(z-b))
	}
	return room
}

// orNaN returns f(z), NaN where it panics.
func orNaN(f func(float64) float64, z float64) (v float64) {
	defer func() {
		if recover() != nil {
			v = math.NaN()
		}
	}()
	return f(z)
}

// derivative compares Derivative(z) with quotients of differences. It is right if one of
// them agrees, at whatever distance. It is wrong if those at three distances, on both sides,
// agree with each other and not with it: so kinks nearby, oscillations and noise are no error.
func (c *slopeCheck) derivative(z float64) error {
	widest := math.Min(farthestStep, c.room(z)/2)
	if widest < 1e-7 {
		return nil
	}
	d := orNaN(c.phi.Derivative, z)
	var below, above, slope, rounding float64 // φ, its slope and the error of that
	right := func(h float64) bool {
		below, above = orNaN(c.phi.Value, z-h), orNaN(c.phi.Value, z+h)
		width := (z + h) - (z - h)
		slope = (above - below) / width
		rounding = (2e-15*(math.Abs(below)+math.Abs(above)) + 1e-300) / width
		return math.Abs(slope-d) <= 1e-3*math.Max(math.Abs(slope), math.Abs(d))+rounding
	}
	fine := right(math.Min(1e-5, widest))
	if !special.Finite(d) || !special.Finite(slope) {
		return nil
	}
	c.slope = math.Max(c.slope, math.Abs(slope))
	c.value = math.Max(c.value, math.Max(math.Abs(below), math.Abs(above)))
	if fine {
		return nil
	}
	const steps, together = 12, 3
	at := orNaN(c.phi.Value, z)
	var h, sides []float64
	var wrong error
	for j := range steps {
		h = append(h, widest*math.Pow(closer, float64(j)))
		if right(h[j]) {
			return nil
		}
		sides = append(sides, (at-below)/(z-(z-h[j])), (above-at)/((z+h[j])-z))
		if j < together-1 || wrong != nil {
			continue
		}
		last := sides[len(sides)-2*together:]
		low, high := slices.Min(last), slices.Max(last)
		slope = (low + high) / 2
		if low == 0 && high == 0 && (slices.Min(sides) < 0 || slices.Max(sides) > 0) {
			continue // within a step of values that are rounded
		}
		off, size := math.Abs(slope-d), math.Abs(slope)
		// Values in single precision over the widest of the distances would tell no less.
		least := math.Max(1e-2*c.slope, 1e-6*c.value/h[j-together+1])
		if off > math.Max(least, 2e-2*math.Max(size, math.Abs(d))) &&
			high-low <= 0.1*math.Min(off, size)+2*rounding {
			wrong = fmt.Errorf(
				"ntk: %s: Derivative(%.4g) is %.4g, but the slope of Value there is %.4g",
				nameOf(c.phi), z, d, slope)
		}
	}
	return wrong
}

// float32 compares EvalFloat32 with Value and Derivative at the places of one sign.
func (c *slopeCheck) float32(sign float32) (wrong []error) {
	e, ok := c.phi.(Float32Evaluator)
	if !ok {
		return nil
	}
	z := slices.Clone(slopePlaces)
	for i := range z {
		z[i] *= sign
	}
	got := [2][]float32{make([]float32, len(z)), make([]float32, len(z))}
	defer func() {
		if recover() != nil { // so far out, or whenever it is called
			wrong = nil
		}
	}()
	e.EvalFloat32(got[0], got[1], z)
	want := [2]func(float64) float64{c.phi.Value, c.phi.Derivative}
	names := [2][2]string{{"value", "Value"}, {"derivative", "Derivative"}}
	var largest [2]float64
	for i, x := range z {
		x := float64(x)
		for j, f := range want {
			v := orNaN(f, x)
			if !(math.Abs(v) < math.MaxFloat32/2) {
				continue
			}
			largest[j] = math.Max(largest[j], math.Abs(v))
			off := math.Abs(float64(got[j][i]) - v)
			if off <= 1e-4*largest[j]+1e-37 || c.room(x) < 1e-5 {
				continue
			}
			// What the rounding of z, and of its multiples, can do.
			var moved float64
			for _, by := range []float64{-0x1p-21, 0x1p-21} {
				moved = math.Max(moved, math.Abs(orNaN(f, x*(1+by))-v))
			}
			if !(off <= 1e-4*largest[j]+4*moved) {
				wrong = append(wrong, fmt.Errorf(
					"ntk: %s: EvalFloat32 has the %s %.4g at %.4g, but %s is %.4g there",
					nameOf(c.phi), names[j][0], got[j][i], x, names[j][1], v))
			}
		}
	}
	return wrong
}
