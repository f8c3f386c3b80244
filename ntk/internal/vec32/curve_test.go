package vec32

import (
	"math"
	"math/rand/v2"
	"testing"
)

// cosines are n numbers in [-1, 1], with both ends and what rounding may leave beyond them.
func cosines(seed uint64, n int) []float32 {
	r := rand.New(rand.NewPCG(seed, 1))
	c := make([]float32, n)
	for i := range c {
		c[i] = float32(math.Cos(math.Pi * r.Float64()))
	}
	copy(c, []float32{1, -1, 0, 1 + 0x1p-22, -1 - 0x1p-22, minus, 1 - 0x1p-22})
	return c
}

// A polynomial is that in double precision to some roundings of its largest term, at all lengths.
func TestPolynomial(t *testing.T) {
	both(t, func(t *testing.T) {
		for _, terms := range []int{1, 2, 3, 8, 21} {
			a := make([]float64, terms)
			size := 0.0
			for k := range a {
				a[k] = math.Sin(float64(3*k + 1))
				size += math.Abs(a[k])
			}
			p := NewPolynomial(a)
			for n := range 150 {
				x := cosines(uint64(n), n)
				got := append(append([]float32(nil), x...), 7)
				p.Apply(got[:n])
				for i, v := range x {
					want := 0.0
					for k := terms - 1; k >= 0; k-- {
						want = want*float64(v) + a[k]
					}
					if !(math.Abs(float64(got[i])-want) <= 4e-7*size) {
						t.Fatalf("%d terms at %v: %v, want %v", terms, v, got[i], want)
					}
				}
				if got[n] != 7 {
					t.Fatalf("%d numbers: the one behind was written", n)
				}
			}
		}
	})
}

// The function with a root is that in double precision, equal and opposite within rounding, and at
// c = 0, where its terms cancel, good to 1e-12 and not only to single precision.
func TestRootCurve(t *testing.T) {
	both(t, func(t *testing.T) {
		even, odd := []float64{0.3, -0.7, 0.2, 0.11}, []float64{0.4, 0.1, -0.9, 0}
		odd[3] = -(odd[0] + odd[1] + odd[2]) // 0 at v = 1
		even[3] = 1e-7 - (even[0] + even[1] + even[2])
		r := NewRootCurve(even, odd)
		for n := range 100 {
			c := cosines(uint64(n), n)
			got := append(append([]float32(nil), c...), 7)
			r.Apply(got[:n])
			for i, x := range c {
				gap := 1 - math.Abs(float64(x))
				if gap <= 0x1p-21 {
					gap = 0
				}
				v, e, o := 2*math.Sqrt(gap)-1, 0.0, 0.0
				for k := 3; k >= 0; k-- {
					e, o = e*v+even[k], o*v+odd[k]
				}
				want, tolerance := e+o*math.Copysign(1, float64(x)), 4e-7
				if x == 0 {
					tolerance = 1e-12
				}
				if !(math.Abs(float64(got[i])-want) <= tolerance) {
					t.Fatalf("at %v: %v, want %v", x, got[i], want)
				}
			}
			if got[n] != 7 {
				t.Fatalf("%d numbers: the one behind was written", n)
			}
		}
	})
}

// Sums of powers are those in double precision, added to what is there.
func TestPowerSums(t *testing.T) {
	both(t, func(t *testing.T) {
		for _, n := range []int{0, 8, 16, 32, 40, 64, 200} {
			for _, terms := range []int{1, 2, 21} {
				c, w := cosines(uint64(n), n), normals(9, n)
				sums := make([]float32, terms*Together)
				for i := range sums {
					sums[i] = 1
				}
				PowerSums(sums, c, w)
				for k := range terms {
					got, want, size := 0.0, 0.0, 8.0
					for l := range Together {
						got += float64(sums[k*Together+l]) - 1
					}
					for j, x := range c {
						v := float64(w[j]) * math.Pow(float64(x), float64(k))
						want, size = want+v, size+math.Abs(v)
					}
					if !(math.Abs(got-want) <= 2e-6*size) {
						t.Errorf("%d numbers, power %d: %v, want %v", n, k, got, want)
					}
				}
			}
		}
	})
}

// Powers that are too small for a normal number are no more than that, and other arithmetic is as
// it was before.
func TestPowerSumsOfSmall(t *testing.T) {
	both(t, func(t *testing.T) {
		c, w := make([]float32, 8), make([]float32, 8)
		for i := range c {
			c[i], w[i] = 1e-3, 1
		}
		sums := make([]float32, 21*Together)
		PowerSums(sums, c, w)
		for k := range 21 {
			want := math.Pow(1e-3, float64(k))
			if got := float64(sums[k*Together]); math.Abs(got-want) > 1e-5*want+1e-37 {
				t.Errorf("power %d of 0.001: %v", k, got)
			}
		}
		if small := c[0] * 1e-36; small == 0 {
			t.Error("numbers below the least normal one have become 0")
		}
	})
}

func BenchmarkCurves(b *testing.B) {
	c, x := cosines(1, 1<<16), make([]float32, 1<<16)
	w, sums := make([]float32, len(c)), make([]float32, 21*Together)
	p, r := NewPolynomial(make([]float64, 21)), NewRootCurve(make([]float64, 16),
		make([]float64, 16))
	run := func(name string, f func()) {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				copy(x, c)
				f()
			}
			b.ReportMetric(b.Elapsed().Seconds()*1e9/float64(b.N*len(c)), "ns/value")
		})
	}
	run("copy", func() {})
	run("21 terms", func() { p.Apply(x) })
	run("roots, 16 terms", func() { r.Apply(x) })
	run("21 powers", func() { PowerSums(sums, x, w) })
}
