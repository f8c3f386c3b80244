package vec32

import (
	"math"
	"slices"
	"testing"
)

// Over every part of a turn, small and large frequencies, and both sides of the
// argument from which the standard library takes over, against its sine and cosine:
// the error stated, beyond half a unit in the last place of the result.
func TestSine(t *testing.T) {
	both(t, func(t *testing.T) {
		const n = 1 << 16
		stated := 2e-9
		if wide {
			stated = SineError - 0x1p-24
		}
		z, value, derivative := make([]float32, n), make([]float32, n), make([]float32, n)
		for _, w := range [][3]float64{
			{1, 1, 0}, {1.3, 6, 0.3}, {-0.08, 11.81, 2.5}, {2, -250, -1}, {1, 1e-3, 1e5},
			{3, 8e4, 0}, {0, 1, 1}, {1, 0, 0.5},
		} {
			a, f, g := w[0], w[1], w[2]
			for i := range z {
				switch x := float64(i-n/2) / n; i % 3 {
				case 0:
					z[i] = float32(26 * x)
				case 1:
					z[i] = float32(math.Copysign(math.Exp(60*math.Abs(x)-30), x)) // 1e-13 to 1
				case 2:
					z[i] = float32(2 * (1<<20 - math.Abs(g) - 1) * x / math.Max(1, math.Abs(f)))
				}
			}
			for _, far := range []bool{false, true} {
				if far {
					z[7] = 1e7 // its block goes to the standard library
				}
				Sine(value, derivative, z, a, f, g)
				var worst float64
				for i, x := range z {
					sin, cos := math.Sincos(f*float64(x) + g)
					worst = max(worst, beyondRounding(value[i], a, sin),
						beyondRounding(derivative[i], a*f, cos))
				}
				if !(worst <= stated) {
					t.Errorf("%v sin(%v z %+v): off by %.3g beyond rounding, documented %.3g", a, f,
						g, worst, stated)
				}
				inPlace := append([]float32(nil), z...)
				Sine(make([]float32, n), inPlace, inPlace, a, f, g)
				if !slices.Equal(inPlace, derivative) {
					t.Errorf("%v sin(%v z %+v): another derivative in place", a, f, g)
				}
			}
		}
		for _, x := range []float32{float32(math.Inf(1)), float32(math.Inf(-1)),
			float32(math.NaN()), -float32(math.NaN())} {
			z := []float32{1, x, 2}
			value, derivative := make([]float32, 3), make([]float32, 3)
			Sine(value, derivative, z, 1, 1, 0)
			if value[1] == value[1] || derivative[1] == derivative[1] {
				t.Errorf("sin and cos of %v: %v, %v, want NaN", x, value[1], derivative[1])
			}
			if math.Abs(float64(value[0])-math.Sin(1)) > 2e-7 ||
				math.Abs(float64(derivative[2])-math.Cos(2)) > 2e-7 {
				t.Errorf("beside %v: %v, %v", x, value, derivative)
			}
		}
		Sine(nil, nil, nil, 1, 1, 0)
	})
}

// beyondRounding is how far got is from amplitude·unit, beyond half a unit in its last place and
// relative to the amplitude.
func beyondRounding(got float32, amplitude, unit float64) float64 {
	want := amplitude * unit
	half := math.Ldexp(1, -24) // of the value, at most
	return (math.Abs(float64(got)-want) - half*math.Abs(want)) / (math.Abs(amplitude) + 1e-300)
}

func BenchmarkSine(b *testing.B) {
	z := make([]float32, 4096)
	for i := range z {
		z[i] = 3 * float32(math.Sin(float64(i)*1.7))
	}
	value, derivative := make([]float32, len(z)), make([]float32, len(z))
	for b.Loop() {
		Sine(value, derivative, z, 1.3, 6, 0.3)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(z)), "ns/value")
}
