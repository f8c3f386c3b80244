package train

import (
	"math"
	"path/filepath"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// Softmax of outputs far apart does not overflow, and a sure right answer costs
// nothing.
func TestCrossEntropyOfLargeOutputs(t *testing.T) {
	f, y := mat.NewDense(2, 3, []float64{1000, 0, -1000, 800, 800, 800}), mat.NewDense(2, 3,
		[]float64{1, 0, 0, 0, 1, 0})
	d := make([]float32, 6)
	want := math.Log(3) / 2
	if got := CrossEntropy.of(f, y); math.Abs(got-want) > 1e-12 {
		t.Errorf("loss %v, want %v", got, want)
	}
	if got := CrossEntropy.derivative(d, f.RawMatrix().Data, y.RawMatrix().Data, 3, 3); math.Abs(
		got-want,
	) > 1e-12 {
		t.Errorf("loss %v, want %v", got, want)
	}
	for i, want := range []float32{0, 0, 0, 1, -2, 1} {
		if math.Abs(float64(d[i]-want)) > 1e-6 {
			t.Errorf("derivative %v", d)
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
