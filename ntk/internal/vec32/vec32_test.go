package vec32

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// both runs a test in plain Go and, where the processor has them, with vectors.
func both(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	was, wasWider := wide, wider
	defer func() { wide, wider = was, wasWider }()
	for _, lanes := range []int{1, 8, 16} {
		if lanes > 1 && !hasVectors() || lanes > 8 && !hasLongVectors() {
			continue
		}
		wide, wider = lanes > 1, lanes > 8
		t.Run(fmt.Sprintf("lanes=%d", lanes), test)
	}
}

var (
	nan   = float32(math.NaN())
	inf   = float32(math.Inf(1))
	minus = float32(math.Copysign(0, -1))
)

func normals(seed uint64, n int) []float32 {
	r := rand.New(rand.NewPCG(seed, 0))
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

func same(x, y float32) bool {
	return math.Float32bits(x) == math.Float32bits(y) || x != x && y != y
}

func TestReLU(t *testing.T) {
	both(t, func(t *testing.T) {
		for n := range 40 {
			z := normals(1, n)
			special := []float32{
				nan,
				-nan,
				inf,
				-inf,
				0,
				minus,
				math.SmallestNonzeroFloat32,
				-math.SmallestNonzeroFloat32,
			}
			copy(z[:min(n, 33)/2], special)
			value, derivative := make([]float32, n+1), make([]float32, n+1)
			value[n], derivative[n] = 7, 7
			ReLU(value[:n], derivative[:n], z)
			inPlace := slices.Clone(z)
			ReLU(make([]float32, n), inPlace, inPlace)
			for i, x := range z {
				wantV, wantD := float32(0), float32(0)
				if !(x <= 0) {
					wantV, wantD = x, 1
				}
				if x != x {
					wantD = x
				}
				if !same(value[i], wantV) || !same(derivative[i], wantD) ||
					!same(inPlace[i], wantD) {
					t.Fatalf("n = %d: at %v: %v, %v, in place %v, want %v, %v", n, x, value[i],
						derivative[i], inPlace[i], wantV, wantD)
				}
			}
			if value[n] != 7 || derivative[n] != 7 {
				t.Fatalf("n = %d: written beyond the end", n)
			}
		}
	})
}

func TestAddLine(t *testing.T) {
	both(t, func(t *testing.T) {
		for _, l := range []Line{{0.3, -1.5, 2.5, 0.25, false}, {0.3, -1.5, 2.5, 0.25, true},
			{0, 0.5, -2, 0, true}, {0, 1, 0, 0, false}, {2, 0, 0, 1, true}} {
			for n := range 40 {
				z, value, derivative := normals(2, n), normals(3, n+1), normals(4, n+1)
				copy(z[:n/2], []float32{l.Kink, inf, -inf, nan, -nan, l.Kink, 0, minus})
				v, d := slices.Clone(value), slices.Clone(derivative)
				AddLine(v[:n], d[:n], z, l)
				for i, x := range z {
					wantV, wantD := float64(value[i])+float64(
						l.Offset), float64(derivative[i])+float64(
						l.Slope,
					)
					if l.Slope != 0 {
						wantV += float64(l.Slope) * float64(x)
					}
					sign := 1.
					if l.Reflected {
						sign = -1
					}
					if above := sign * (float64(x) - float64(l.Kink)); l.Hinge != 0 && above > 0 {
						wantV, wantD = wantV+float64(l.Hinge)*above, wantD+sign*float64(l.Hinge)
					}
					if x != x {
						wantV, wantD = math.NaN(), math.NaN()
					}
					if !near(v[i], wantV) || !near(d[i], wantD) {
						t.Fatalf("%+v, n = %d: at %v: %v, %v, want %v, %v", l, n, x, v[i], d[i],
							wantV, wantD)
					}
				}
				if v[n] != value[n] || d[n] != derivative[n] {
					t.Fatalf("n = %d: written beyond the end", n)
				}
			}
		}
	})
}

func near(x float32, want float64) bool {
	if math.IsNaN(want) || math.IsInf(want, 0) {
		return same(x, float32(want))
	}
	return math.Abs(float64(x)-want) <= 4e-6
}

func TestMultiply(t *testing.T) {
	both(t, func(t *testing.T) {
		for n := range 40 {
			x, by := normals(5, n+1), normals(6, n)
			got := slices.Clone(x)
			Multiply(got[:n], by)
			for i := range by {
				if got[i] != x[i]*by[i] {
					t.Fatalf("n = %d: %v times %v is %v", n, x[i], by[i], got[i])
				}
			}
			if got[n] != x[n] {
				t.Fatalf("n = %d: written beyond the end", n)
			}
		}
	})
}

func TestAddScaled(t *testing.T) {
	both(t, func(t *testing.T) {
		for n := range 40 {
			x, by := normals(5, n+1), normals(6, n)
			got := slices.Clone(x)
			AddScaled(got[:n], -1.7, by)
			for i := range by {
				if math.Abs(float64(got[i])-(float64(x[i])-1.7*float64(by[i]))) > 1e-6 {
					t.Fatalf("n = %d: %v less 1.7 times %v is %v", n, x[i], by[i], got[i])
				}
			}
			if got[n] != x[n] {
				t.Fatalf("n = %d: written beyond the end", n)
			}
		}
	})
}

// Sums of k products of normal numbers are off by at most kε times the sum of their
// sizes, of which 4(k+8) is well above any here.
func tolerance(k int) float64 { return 4 * float64(k+8) * 0x1p-24 }

func TestProduct(t *testing.T) {
	both(t, func(t *testing.T) {
		for _, size := range [][3]int{{1, 32, 1}, {2, 64, 5}, {3, 32, 12}, {7, 96, 3},
			{24, 256, 13}, {5, 32, 0}, {0, 32, 4}} {
			rows, cols, inner := size[0], size[1], size[2]
			for _, transposed := range []bool{false, true} {
				ldb, ldc := cols+3, cols+5
				rowStep, colStep := inner+1, 1
				if transposed {
					rowStep, colStep = 1, rows+2
				}
				a, b, c := normals(1, rows*rowStep+inner*colStep+1), normals(2,
					inner*ldb+1), normals(3, rows*ldc+1)
				for _, add := range []bool{false, true} {
					got := slices.Clone(c)
					Product(add, rows, cols, inner, a, rowStep, colStep, b, ldb, got, ldc)
					for i := range rows*ldc + 1 {
						r, j := i/ldc, i%ldc
						want := float64(c[i])
						if r < rows && j < cols {
							if !add {
								want = 0
							}
							for k := range inner {
								want += float64(a[r*rowStep+k*colStep]) * float64(b[k*ldb+j])
							}
						}
						if math.Abs(float64(got[i])-want) > tolerance(inner) {
							t.Fatalf("%v, transposed %v, add %v: row %d, column %d is %v, want %v",
								size, transposed, add, r, j, got[i], want)
						}
					}
				}
			}
		}
	})
}

func TestDots(t *testing.T) {
	both(t, func(t *testing.T) {
		for _, size := range [][3]int{{1, 1, 1}, {4, 2, 8}, {5, 3, 17}, {24, 6, 256}, {3, 1, 100},
			{6, 5, 7}, {0, 2, 8}, {2, 0, 8}, {2, 2, 0}} {
			rows, outs, n := size[0], size[1], size[2]
			ldh, ldv := n+3, n+1
			h, v, out := normals(1, rows*ldh), normals(2, outs*ldv), normals(3, rows*outs+1)
			got := slices.Clone(out)
			Dots(got, rows, outs, n, h, ldh, v, ldv)
			for i := range rows*outs + 1 {
				want := float64(out[i])
				if i < rows*outs {
					for k := range n {
						want += float64(h[i/outs*ldh+k]) * float64(v[i%outs*ldv+k])
					}
				}
				if math.Abs(float64(got[i])-want) > tolerance(n) {
					t.Fatalf("%v: sum %d is %v, want %v", size, i, got[i], want)
				}
			}
		}
	})
}

// A matrix shorter than its shape must be a panic, not a read of other memory.
func TestShort(t *testing.T) {
	both(t, func(t *testing.T) {
		for name, call := range map[string]func(){
			"Product, a": func() {
				Product(false, 2, 32, 2, make([]float32, 3), 2, 1, make([]float32, 64), 32,
					make([]float32, 64), 32)
			},
			"Product, b": func() {
				Product(false, 2, 32, 2, make([]float32, 4), 2, 1, make([]float32, 63), 32,
					make([]float32, 64), 32)
			},
			"Product, c": func() {
				Product(false, 2, 32, 2, make([]float32, 4), 2, 1, make([]float32, 64), 32,
					make([]float32, 63), 32)
			},
			"Product, lanes": func() {
				Product(false, 1, 8, 1, make([]float32, 4), 1, 1, make([]float32, 64), 8,
					make([]float32, 64), 8)
			},
			"Product, rows": func() {
				Product(false, 2, 64, 1, make([]float32, 4), 1, 1, make([]float32, 64), 64,
					make([]float32, 128), 32)
			},
			"Dots, h": func() {
				Dots(make([]float32, 4), 2, 2, 8, make([]float32, 15), 8,
					make([]float32, 16), 8)
			},
			"Dots, v": func() {
				Dots(make([]float32, 4), 2, 2, 8, make([]float32, 16), 8,
					make([]float32, 15), 8)
			},
			"Dots, out": func() {
				Dots(make([]float32, 3), 2, 2, 8, make([]float32, 16), 8,
					make([]float32, 16), 8)
			},
			"ReLU": func() {
				ReLU(make([]float32, 15), make([]float32, 16),
					make([]float32, 16))
			},
			"Multiply":  func() { Multiply(make([]float32, 16), make([]float32, 15)) },
			"AddScaled": func() { AddScaled(make([]float32, 16), 1, make([]float32, 15)) },
			"AddLine": func() {
				AddLine(make([]float32, 16), make([]float32, 15),
					make([]float32, 16), Line{})
			},
			"Sine": func() {
				Sine(make([]float32, 16), make([]float32, 15),
					make([]float32, 16), 1, 1, 0)
			},
		} {
			// A slice cut short has the capacity of the whole: lengths count.
			func() {
				defer func() {
					if recover() == nil {
						t.Errorf("%s: no panic", name)
					}
				}()
				call()
			}()
		}
	})
}

func BenchmarkReLU(b *testing.B) {
	z := normals(1, 4096)
	value, derivative := make([]float32, len(z)), make([]float32, len(z))
	for b.Loop() {
		ReLU(value, derivative, z)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(z)), "ns/value")
}

func BenchmarkProduct(b *testing.B) {
	const rows, cols, inner = 24, 256, 12
	x, y, z := normals(1, rows*inner), normals(2, inner*cols), make([]float32, rows*cols)
	for b.Loop() {
		Product(false, rows, cols, inner, x, inner, 1, y, cols, z, cols)
	}
	b.ReportMetric(2*rows*cols*inner*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "GFLOP/s")
}

func BenchmarkDots(b *testing.B) {
	const rows, outs, n = 24, 6, 256
	x, y, z := normals(1, rows*n), normals(2, outs*n), make([]float32, rows*outs)
	for b.Loop() {
		Dots(z, rows, outs, n, x, n, y, n)
	}
	b.ReportMetric(2*rows*outs*n*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "GFLOP/s")
}
