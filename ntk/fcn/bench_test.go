package fcn

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/kernelsmith/kernelsmith/ntk"
	"gonum.org/v1/gonum/mat"
)

// BenchmarkEmpiricalNTK is the kernel of one output on 101 points, once with the
// same points on both sides and once with a copy that differs in the last entry. Every
// call makes its own buffers; the metric is the least time of a call.
func BenchmarkEmpiricalNTK(b *testing.B) {
	const points, d = 101, 2
	x := normals(1, points, d)
	z := mat.DenseCopyOf(x)
	z.Set(points-1, d-1, 0.5)
	for _, c := range []struct {
		name  string
		width int
	}{{"1HL ReLU", 16384}, {"4HL ReLU", 1024}, {"1HL mimic", 16384}} {
		net := ntk.Must(New(nets[c.name], Config{Inputs: d, Width: c.width, Outputs: 1, Seed: 1}))
		for _, double := range []bool{false, true} {
			for _, same := range []bool{true, false} {
				left, sides, precision := x, "x-x", "float32"
				if !same {
					left, sides = z, "z-x"
				}
				if double {
					precision = "float64"
				}
				b.Run(
					fmt.Sprintf("%s/%d/%s/%s", strings.ReplaceAll(c.name, " ", "-"), c.width,
						precision, sides),
					func(b *testing.B) {
						least := math.Inf(1)
						for b.Loop() {
							start := time.Now()
							ntk.Must(
								net.EmpiricalNTK(left, x, 0, EmpiricalSettings{Double: double}))
							least = math.Min(least, time.Since(start).Seconds())
						}
						b.ReportMetric(least*1e3, "ms-least")
					},
				)
			}
		}
	}
}
