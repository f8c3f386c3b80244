package train_test

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/internal/accel"
	"github.com/kernelsmith/kernelsmith/ntk/internal/parallel"
	. "github.com/kernelsmith/kernelsmith/ntk/train"
	"gonum.org/v1/gonum/blas"
)

// BenchmarkStep is a full-batch step of the paper's nets on 800 points, beside what
// a step cannot do without: with inner layers their bare matrix products, with one
// hidden layer its memory traffic. Both are measured in turn with the step, and each
// metric is the least of its repetitions, because others may share the machine.
func BenchmarkStep(b *testing.B) {
	const n, d, classes = 800, 11, 6
	x, y := normals(1, n, d), normals(2, n, classes)
	for _, c := range []struct {
		name  string
		width int
	}{{"1HL ReLU", 512}, {"1HL mimic", 512}, {"4HL ReLU", 512}, {"4HL ReLU", 1024},
		{"1HL ReLU", 4096}, {"1HL mimic", 4096}, {"4HL ReLU", 4096}} {
		name, width := c.name, c.width
		b.Run(fmt.Sprintf("%s/%d", strings.ReplaceAll(name, " ", "-"), width), func(b *testing.B) {
			net := newNet(nets[name], d, width, classes, 1)
			steps := ntk.Must(
				NewSteps(net, Problem{x, y, x, y}, Settings{LearningRate: 1e-3, Epochs: 1}))
			inner := nets[name].Depth() - 1
			bare := traffic(n, width, d+classes)
			if inner > 0 {
				bare = products(n, width)
			}
			step, least := math.Inf(1), math.Inf(1)
			for b.Loop() {
				start := time.Now()
				if err := steps.Advance(context.Background(), 1); err != nil {
					b.Fatal(err)
				}
				step = math.Min(step, time.Since(start).Seconds())
				b.StopTimer()
				start = time.Now()
				bare()
				least = math.Min(least, time.Since(start).Seconds())
				b.StartTimer()
			}
			least *= float64(max(inner, 1))
			if inner > 0 {
				b.ReportMetric(6*n*float64(width*width*inner)/least/1e9, "GFLOP/s-bare")
			}
			b.ReportMetric(step, "s/step")
			b.ReportMetric(least, "s/bare")
			b.ReportMetric(step/least, "×bare")
		})
	}
}

// products returns the three products of an inner layer. A factor of 0 would be no
// product at all to the library.
func products(n, width int) func() {
	h, w, u := make([]float32, n*width), make([]float32, width*width), make([]float32, n*width)
	for i := range h {
		h[i] = float32(i%13) - 6
	}
	for i := range w {
		w[i] = float32(i%11) - 5
	}
	f := accel.Float32()
	return func() {
		f.Sgemm(blas.NoTrans, blas.Trans, n, width, width, 1, h, width, w, width, 0, u, width)
		f.Sgemm(blas.NoTrans, blas.NoTrans, n, width, width, 1, h, width, w, width, 0, u, width)
		f.Sgemm(blas.Trans, blas.NoTrans, width, width, n, 1e-30, h, width, u, width, 1, w, width)
	}
}

// traffic returns a copy of what a step of a net with one hidden layer keeps
// (activations, their slopes and the derivatives of the loss, each points×width, and
// the weights) to memory of its own: each is read once and written once.
func traffic(n, width, ends int) func() {
	size := 3*n*width + ends*width
	from, to := make([]float32, size), make([]float32, size)
	for i := range from {
		from[i] = float32(i)
	}
	return func() {
		parallel.For(size, 1<<14, func(lo, hi int) { copy(to[lo:hi], from[lo:hi]) })
	}
}
