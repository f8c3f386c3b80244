package vec32

import (
	"math"
	"math/rand/v2"
	"testing"
)

// The duals are within 2e-7 of their size of those in double precision, wherever the angle is, and
// exact for equal and opposite inputs.
func TestArcCosine(t *testing.T) {
	both(t, func(t *testing.T) {
		for _, phi := range [][2]float64{{1, 0}, {1, 0.1}, {1, -1}, {-0.5, 2}} {
			a := NewArcCosine(phi[0], phi[1])
			alpha := (phi[0]*phi[0] + phi[1]*phi[1]) / 2
			beta := (phi[0] - phi[1]) * (phi[0] - phi[1]) / (2 * math.Pi)
			r := rand.New(rand.NewPCG(3, 4))
			const n = 997
			x, y := make([]float32, n), make([]float32, n*Together)
			k, slope := make([]float32, n*Together), make([]float32, n*Together)
			for c := range x {
				x[c] = float32(math.Exp(4 * r.NormFloat64()))
				for l := range Together {
					i := c*Together + l
					y[i] = float32(math.Exp(4 * r.NormFloat64()))
					slope[i] = 1
					s := math.Sqrt(float64(x[c]) * float64(y[i]))
					gap := math.Exp(-6 * r.Float64())
					k[i] = float32(s * (1 - gap) * float64(1-2*(l%2)))
					switch c % 50 {
					case 0:
						y[i], k[i] = x[c], x[c]*float32(1-2*(l%2))
					case 1:
						x[c], k[i] = 0, 0
					}
				}
			}
			before := append([]float32(nil), k...)
			alone := append([]float32(nil), k...)
			a.Apply(k, slope, x, y)
			a.Apply(alone, nil, x, y)
			for i, v := range before {
				q, k0, q2 := float64(x[i/Together]), float64(v), float64(y[i])
				s := math.Sqrt(q * q2)
				theta := 0.0
				if s > 0 {
					theta = math.Acos(max(-1, min(1, k0/s)))
				}
				value := s * (alpha*math.Cos(theta) + beta*(math.Sin(theta)-theta*math.Cos(theta)))
				derivative := alpha - beta*theta
				exact := i/Together%50 == 0
				tol := 2e-7
				if math.Abs(float64(k[i])-value) > tol*(alpha+beta*math.Pi)*s {
					t.Fatalf("%v: value %v at (%v, %v, %v), want %v", phi, k[i], q, k0, q2, value)
				}
				// what the rounding of k is in the angle
				slack := 2e-7 * (1 + 1/math.Max(math.Sin(theta), 1e-3))
				if s > 0 && math.Abs(float64(slope[i])-derivative) > slack*(alpha+beta*math.Pi) {
					t.Fatalf("%v: slope %v at (%v, %v, %v), want %v", phi, slope[i], q, k0, q2,
						derivative)
				}
				if exact && v > 0 && (k[i] != float32(alpha)*v || slope[i] != float32(alpha)) {
					t.Fatalf("%v: (%v, %v) at equal inputs of %v", phi, k[i], slope[i], v)
				}
				if alone[i] != k[i] {
					t.Fatalf("%v: %v without slopes, %v with", phi, alone[i], k[i])
				}
			}
		}
	})
}

// The duals of the error function are within 2e-7 of their size at equal inputs of those in double
// precision, at small and at large variances.
func TestArcsine(t *testing.T) {
	both(t, func(t *testing.T) {
		a := NewArcsine()
		r := rand.New(rand.NewPCG(5, 6))
		const n = 997
		x, y := make([]float32, n), make([]float32, n*Together)
		k, slope := make([]float32, n*Together), make([]float32, n*Together)
		for c := range x {
			x[c] = float32(math.Exp(3 * r.NormFloat64()))
			for l := range Together {
				i := c*Together + l
				y[i] = float32(math.Exp(3 * r.NormFloat64()))
				slope[i] = 1
				if c%50 == 0 {
					y[i] = x[c]
				}
				s := math.Sqrt(float64(x[c]) * float64(y[i]))
				k[i] = float32(s * (1 - math.Exp(-10*r.Float64())) * float64(1-2*(l%2)))
			}
		}
		before, alone := append([]float32(nil), k...), append([]float32(nil), k...)
		a.Apply(k, slope, x, y)
		a.Apply(alone, nil, x, y)
		dual := func(q, k, q2 float64) (value, slope float64) {
			u, w := (1+2*q)*(1+2*q2), 2*k
			return 2 / math.Pi * math.Asin(w/math.Sqrt(u)), 4 / math.Pi / math.Sqrt(u-w*w)
		}
		for i, v := range before {
			q, k0, q2 := float64(x[i/Together]), float64(v), float64(y[i])
			value, derivative := dual(q, k0, q2)
			top, most := dual(q, q, q)
			top2, most2 := dual(q2, q2, q2)
			if math.Abs(float64(k[i])-value) > 4e-7*math.Sqrt(top*top2) ||
				math.Abs(float64(slope[i])-derivative) > 4e-7*math.Sqrt(most*most2) {
				t.Fatalf("(%v, %v) at (%v, %v, %v), want (%v, %v)", k[i], slope[i], q, k0, q2,
					value, derivative)
			}
			if alone[i] != k[i] {
				t.Fatalf("%v without slopes, %v with", alone[i], k[i])
			}
		}
	})
}

// The sums are those that the formula has, and the slopes their derivatives, with 0 at a variance
// of 0.
func TestSeries(t *testing.T) {
	both(t, func(t *testing.T) {
		const places, n = 11, 7
		x, y := make([]float32, places), make([]float32, places*Together)
		b, c := normals(1, places*n), normals(2, places*n*Together)
		k, slopes := normals(3, places*Together), normals(4, places*Together)
		for i := range y {
			x[i/Together], y[i] = float32(i/Together), 1+float32(i)/10
			k[i] = min(1, max(-1, k[i])) * float32(math.Sqrt(float64(x[i/Together]*y[i])))
		}
		for l := range Together { // as φ with φ(0) = 0 has it
			k[l] = 0
			clear(b[:n])
		}
		before, slopesBefore := append([]float32(nil), k...), append([]float32(nil), slopes...)
		alone := append([]float32(nil), k...)
		Series(k, slopes, x, y, b, c, n)
		Series(alone, nil, x, y, b, c, n)
		for i, v := range before {
			var value, slope float64
			if p := i / Together; p > 0 {
				size := math.Sqrt(float64(x[p]) * float64(y[i]))
				for j := range n {
					a := float64(b[p*n+j]) * float64(c[(p*n+j)*Together+i%Together])
					value += a * math.Pow(float64(v)/size, float64(j))
					slope += a * float64(j) * math.Pow(float64(v)/size, float64(j-1)) / size
				}
			}
			slope *= float64(slopesBefore[i])
			if math.Abs(float64(k[i])-value) > 1e-5 || math.Abs(float64(slopes[i])-slope) > 1e-4 {
				t.Fatalf("number %d is (%v, %v), want (%v, %v)", i, k[i], slopes[i], value, slope)
			}
			if alone[i] != k[i] {
				t.Fatalf("%v without slopes, %v with", alone[i], k[i])
			}
		}
	})
}

// The sums are those that the loops' definitions say, with and without vectors.
func TestPlaces(t *testing.T) {
	both(t, func(t *testing.T) {
		const n = 13
		src := normals(1, (n+1)*Together)
		clear(src[n*Together:])
		close := func(what string, got []float32, want func(i int) float64) {
			t.Helper()
			for i, v := range got {
				if w := want(i); math.Abs(float64(v)-w) > 1e-5 {
					t.Fatalf("%s: entry %d is %v, want %v", what, i, v, w)
				}
			}
		}
		for _, channels := range []int{1, 3, 4} {
			x, y := normals(2, n*channels), normals(3, n*channels*Together)
			dst := make([]float32, n*Together)
			Products(dst, x, y, channels, 0.5)
			close("products", dst, func(i int) (sum float64) {
				p, l := i/Together, i%Together
				for c := range channels {
					sum += 0.5 * float64(x[p*channels+c]) * float64(y[(p*channels+c)*Together+l])
				}
				return sum
			})
		}
		rows := make([]float32, 21)
		AddRows(rows, src[:21], src[21:42], src[42:])
		close("rows", rows, func(i int) float64 {
			return float64(src[i]) + float64(src[21+i]) + float64(src[42+i])
		})
		for _, size := range []int{1, 2, 3, 5} {
			table := make([]int32, n*size)
			for i := range table {
				table[i] = int32(i * 7 % (n + 1))
			}
			for _, add := range [][]float32{nil, normals(4, n*Together)} {
				dst := make([]float32, n*Together)
				AddColumns(dst, src, table, size, 0.3, 0.7, add)
				close("columns", dst, func(i int) float64 {
					sum := 0.7
					if add != nil {
						sum += float64(add[i])
					}
					for _, p := range table[i/Together*size:][:size] {
						sum += 0.3 * float64(src[int(p)*Together+i%Together])
					}
					return sum
				})
			}
		}
		to := []int32{4, 4, 0, 2, 2, 2, 1}
		other := normals(5, len(to)*Together)
		for places := range len(to) + 1 { // the last alone, or one of two that go together
			for _, b := range [][]float32{nil, other} {
				dst := make([]float32, 5*Together)
				Scatter(dst, src, b, to[:places])
				close("scatter", dst, func(i int) (sum float64) {
					for c, p := range to[:places] {
						if int(p) != i/Together {
							continue
						}
						sum += float64(src[c*Together+i%Together])
						if b != nil {
							sum += float64(b[c*Together+i%Together])
						}
					}
					return sum
				})
			}
		}
		gathered := make([]float32, len(to)*Together)
		Gather(gathered, src, to, 3)
		close("gather", gathered, func(i int) float64 {
			return 3 * float64(src[int(to[i/Together])*Together+i%Together])
		})
		for columns := 1; columns <= n; columns++ {
			sums, got := [Together]float64{1}, make([]float32, Together)
			rows := n / columns
			AddSums(&sums, src[:rows*columns*Together], columns)
			for l, v := range sums {
				got[l] = float32(v)
			}
			close("sums of rows", got, func(l int) (sum float64) {
				if l == 0 {
					sum = 1
				}
				for c := range rows * columns {
					sum += float64(src[c*Together+l])
				}
				return sum
			})
		}
	})
}

func BenchmarkArcCosine(b *testing.B) {
	const n = 1024
	a := NewArcCosine(1, 0)
	x, y := make([]float32, n), make([]float32, n*Together)
	k, t := make([]float32, n*Together), make([]float32, n*Together)
	for i := range y {
		x[i/Together], y[i] = 9, 9
	}
	k0, t0 := normals(1, n*Together), normals(2, n*Together)
	for b.Loop() {
		copy(k, k0)
		copy(t, t0)
		a.Apply(k, t, x, y)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/place")
}
