package vec64

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk/internal/vec32"
)

// Of acos r/√(1-r) by powers of 2r - 1; the functions are exact here at r = 0 and 1 alone, which is
// enough to tell all parts of the loops apart.
func duals() *ArcCosine {
	var angle [terms]float64
	angle[0] = (math.Pi/2 + math.Sqrt2) / 2
	angle[1] = (math.Sqrt2 - math.Pi/2) / 2
	for i := 2; i < terms; i++ {
		angle[i] = 1e-3 / float64(i*i)
	}
	return NewArcCosine(angle)
}

// both runs a test with and without vectors, where the processor has them.
func both(t *testing.T, test func(t *testing.T)) {
	defer func(was bool) { wide = was }(wide)
	for _, vectors := range []bool{false, true} {
		if vectors && !vec32.Wide() {
			continue
		}
		wide = vectors
		t.Run(fmt.Sprintf("vectors=%v", vectors), test)
	}
}

// Each pair is the formula of [ArcCosine], whatever the number of pairs, and nothing behind them is
// touched.
func TestStep(t *testing.T) {
	both(t, func(t *testing.T) {
		a, r := duals(), rand.New(rand.NewPCG(1, 2))
		l := Layer{Alpha: 1.1, Beta: 0.3, Shift: 0.01}
		const std = 1.7
		for n := 1; n < 40; n++ {
			s, tangents, least := make([]float64, n+1), make([]float64, n+1), make([]float64, n+1)
			stds, inverses := make([]float64, n), make([]float64, n)
			for j := range n {
				stds[j] = 0.2 + r.Float64()
				inverses[j] = 1 / stds[j]
				s[j] = std * stds[j] * (2.2*r.Float64() - 1.1)
				tangents[j], least[j] = r.NormFloat64(), 0.5
			}
			s[n], tangents[n], least[n] = 7, 8, 9
			if n > 8 {
				s[3], stds[5], inverses[5] = 0, 0, 0 // at right angles, and no input
			}
			s0, t0 := append([]float64(nil), s...), append([]float64(nil), tangents...)
			a.Step(s[:n], tangents[:n], least[:n], l, std, 1/std, stds, inverses)
			for j := range n {
				cos := max(-1, min(1, s0[j]*inverses[j]/std))
				x, sum := 2*math.Abs(cos)-1, 0.
				for i := terms - 1; i >= 0; i-- {
					sum = sum*x + a.angle[i][0]
				}
				theta := sum * math.Sqrt(1-math.Abs(cos))
				if math.Signbit(cos) {
					theta = math.Pi - theta
				}
				value := std * stds[j] * (l.Alpha*cos + l.Beta*(math.Sqrt(1-cos*cos)-theta*cos))
				value += l.Shift
				tangent := t0[j]*(l.Alpha-l.Beta*theta) + value
				if gap := min(0.5, 1-math.Abs(cos)); math.Abs(s[j]-value) > 1e-7 ||
					math.Abs(tangents[j]-tangent) > 1e-7 || math.Abs(least[j]-gap) > 1e-15 {
					t.Errorf("%d of %d: %v, %v, %v, want %v, %v, %v", j, n, s[j], tangents[j],
						least[j], value, tangent, gap)
				}
			}
			if s[n] != 7 || tangents[n] != 8 || least[n] != 9 {
				t.Errorf("%d pairs: the one behind is %v, %v, %v", n, s[n], tangents[n], least[n])
			}
		}
	})
}

// What is no number stays none, and is known as that.
func TestStepOfNoNumber(t *testing.T) {
	both(t, func(t *testing.T) {
		one := []float64{1, 1, 1, 1, 1}
		for j := range one {
			s, tangents, least := make([]float64, 5), make([]float64, 5), make([]float64, 5)
			s[j], least[j] = math.NaN(), 1
			duals().Step(s, tangents, least, Layer{Alpha: 1, Beta: 0.3}, 1, 1, one, one)
			for i := range one {
				if lost := i == j; math.IsNaN(s[i]) != lost || math.IsNaN(tangents[i]) != lost ||
					least[i] >= 1e-3 {
					t.Errorf("NaN at %d: pair %d is %v, %v, least %v", j, i, s[i], tangents[i],
						least[i])
				}
			}
		}
	})
}

func BenchmarkStep(b *testing.B) {
	const n = 256
	s, t, least := make([]float64, n), make([]float64, n), make([]float64, n)
	one := make([]float64, n)
	for j := range one {
		one[j] = 1
	}
	a := duals()
	for b.Loop() {
		a.Step(s, t, least, Layer{Alpha: 1, Beta: 0.3, Shift: 0.01}, 1, 1, one, one)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n*b.N), "ns/pair")
}
