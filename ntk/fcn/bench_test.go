package fcn

import (
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/internal/accel"
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/mat"
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
	}{{"1HL ReLU", 512}, {"1HL mimic", 512}, {"4HL ReLU", 512}, {"1HL ReLU", 4096},
		{"1HL mimic", 4096}, {"4HL ReLU", 4096}} {
		name, width := c.name, c.width
		b.Run(fmt.Sprintf("%s/%d", strings.ReplaceAll(name, " ", "-"), width), func(b *testing.B) {
			net := ntk.Must(
				New(nets[name], Config{Inputs: d, Width: width, Outputs: classes, Seed: 1}))
			t := ntk.Must(
				net.newTraining(Problem{x, y, x, y}, Settings{LearningRate: 0.1, Epochs: 1}))
			inner := net.arch.Depth() - 1
			bare := traffic(n, width, d+classes)
			if inner > 0 {
				bare = products(n, width)
			}
			step, least := math.Inf(1), math.Inf(1)
			for b.Loop() {
				start := time.Now()
				t.train.forward()
				t.residuals()
				t.step(1e-3)
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
		parallel(size, 1<<14, func(lo, hi int) { copy(to[lo:hi], from[lo:hi]) })
	}
}

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

// BenchmarkCheckpoint writes what is kept of the 4HL ReLU net of width 4096, without
// waiting for the disk: what an interruption takes after the step.
func BenchmarkCheckpoint(b *testing.B) {
	arrays := make([][]float32, 3)
	for i := range arrays {
		arrays[i] = make([]float32, 4096*4096)
	}
	c := &checkpoints{file: filepath.Join(b.TempDir(), "run.checkpoint")}
	b.SetBytes(int64(len(arrays)) * 4 * 4096 * 4096)
	for b.Loop() {
		if err := c.save(checkpointHeader{Identity: "a run"}, arrays, true); err != nil {
			b.Fatal(err)
		}
	}
}
