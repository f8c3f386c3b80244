package ntk_test

import (
	"context"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/internal/accel"
	"gonum.org/v1/gonum/blas"
)

// BenchmarkGram10000 makes both kernels of 10,000 inputs with 3072 features in
// float32. ×SYRK is the time over that of the bare product of the same data,
// the least of each over runs that take turns; ×output is the output's memory
// and all that was allocated on the way, over the output's.
func BenchmarkGram10000(b *testing.B) {
	const n, d = 10000, 3072
	if testing.Short() {
		b.Skip("takes 1 GB and a few seconds a run")
	}
	x := make([]float32, n*d)
	nngp, gram := make([]float32, n*n), make([]float32, n*n)
	relu := deepReLU()
	for _, c := range []struct {
		name string
		net  *ntk.FCN
		fill func(x []float32, n, d int)
	}{
		{"sphere", relu, sphere},
		{"any-norm", relu, anyNorm},
		{"clustered", relu, clustered},
		{"clustered-any-norm", relu, clusteredAnyNorm},
		{"duplicates", relu, duplicates},
		{"sphere-own-activation", ntk.Must(ntk.UniformFCN(4, slow{}, 1.5, 0.1)), sphere},
	} {
		b.Run(c.name, func(b *testing.B) {
			c.fill(x, n, d)
			syrk, both := math.Inf(1), math.Inf(1)
			var before, after runtime.MemStats
			clear(nngp) // no page is touched for the first time by what is timed
			clear(gram)
			for b.Loop() {
				for range 2 {
					start := time.Now()
					accel.Float32().Ssyrk(blas.Upper, blas.NoTrans, n, d, 1./d, x, d, 0, nngp, n)
					syrk = math.Min(syrk, time.Since(start).Seconds())
					runtime.ReadMemStats(&before)
					start = time.Now()
					if err := ntk.GramBothInto(
						context.Background(), nngp, gram, c.net,
						ntk.Inputs[float32]{Rows: x, N: n, D: d}, nil,
					); err != nil {
						b.Fatal(err)
					}
					both = math.Min(both, time.Since(start).Seconds())
					runtime.ReadMemStats(&after)
				}
			}
			b.ReportMetric(both/syrk, "×SYRK")
			b.ReportMetric(both, "s/Gram")
			b.ReportMetric(1+float64(after.TotalAlloc-before.TotalAlloc)/(2*4*n*n), "×output")
		})
	}
}

// slow is an activation whose duals take about as long as numeric ones: 50 µs.
type slow struct{ ntk.Erf }

func (slow) Dual(q, k, q2 float64) (value, derivative float64) {
	for range 1000 {
		value, derivative = ntk.Erf{}.Dual(q, k, q2)
	}
	return value, derivative
}

func sphere(x []float32, n, d int) { fill(x, n, d, n, 0, false) }

func anyNorm(x []float32, n, d int) { fill(x, n, d, n, 0, true) }

// clustered are 20 clusters, cosines within one around 0.999999.
func clustered(x []float32, n, d int) { fill(x, n, d, 20, 1e-3, false) }

func clusteredAnyNorm(x []float32, n, d int) { fill(x, n, d, 20, 1e-3, true) }

// duplicates are 100 rows over and over.
func duplicates(x []float32, n, d int) { fill(x, n, d, 100, 0, false) }

// fill makes normal rows around centres, on the sphere ‖x‖² = d or with norms
// that vary by a factor of 10.
func fill(x []float32, n, d, centres int, spread float64, anyNorm bool) {
	r := rand.New(rand.NewPCG(1, 2))
	centre := make([]float64, centres*d)
	for i := range centre {
		centre[i] = r.NormFloat64()
	}
	row := make([]float64, d)
	for i := range n {
		var sum float64
		for j := range row {
			row[j] = centre[i%centres*d+j]
			if spread > 0 {
				row[j] += spread * r.NormFloat64()
			}
			sum += row[j] * row[j]
		}
		scale := math.Sqrt(float64(d) / sum)
		if anyNorm {
			scale *= math.Exp(r.Float64() * math.Log(10))
		}
		for j, v := range row {
			x[i*d+j] = float32(v * scale)
		}
	}
}
