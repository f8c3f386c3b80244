package study_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/kernelsmith/kernelsmith/data"
	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/cnn"
	"github.com/kernelsmith/kernelsmith/ntk/internal/threadtest"
	"github.com/kernelsmith/kernelsmith/ntk/regress"
	"github.com/kernelsmith/kernelsmith/ntk/study"
	"gonum.org/v1/gonum/mat"
)

// digitFeatures are random features of some digits, and their classes.
func digitFeatures(filters, from, n int) (f *cnn.Features, x ntk.Inputs[float32], y *mat.Dense) {
	digits := data.Digits()
	x, y = ntk.Inputs[float32]{N: n, D: 64}, mat.NewDense(n, 10, nil)
	for i := range n {
		for _, v := range digits.Row(from+i, make([]float64, 64)) {
			x.Rows = append(x.Rows, float32(v))
		}
		y.Set(i, digits.Labels[from+i], 1)
	}
	patches := cnn.Patches{Filter: [2]int{3, 3}, Padding: cnn.Valid, Center: true,
		Normalize: cnn.EachPatch, Flat: true}
	conv := cnn.Conv{Filter: [2]int{1, 1}, Activation: ntk.ReLU{}, WeightStd: 1}
	pool := cnn.AveragePool{Window: [2]int{2, 2}}
	net := ntk.Must(cnn.NewArchitecture(cnn.Image{Height: 8, Width: 8, Channels: 1},
		[]cnn.Layer{patches, conv, pool}, cnn.Readout{WeightStd: 1}))
	return ntk.Must(cnn.NewFeatures(net, filters, 1)), x, y
}

func TestReadout(t *testing.T) {
	f, x, y := digitFeatures(20, 0, 1450)
	_, z, _ := digitFeatures(20, 1450, 50)
	ctx := t.Context()
	told := map[string]bool{}
	// Single precision does 6e-8·√n/ridge to predictions: 2e-4 with the least of these.
	r, err := study.TrainReadout(ctx, f, x, y, &study.ReadoutSettings{
		Ridges:   []float64{3e-2, 1e-2, 1e-1},
		Progress: func(doing string, done, total int) { told[doing] = done == total }})
	if err != nil {
		t.Fatal(err)
	}
	if !told["kernel of the features"] || !told["weights of the readout"] {
		t.Errorf("progress was %v", told)
	}
	tiles := ntk.Must(f.Tiles(x))
	_, d := tiles.Dims()
	psi := make([]float32, x.N*d)
	ntk.Must(0, tiles.Tile(ctx, psi, 0, x.N, 0, d))
	features := mat.NewDense(x.N, d, nil)
	for k, v := range psi {
		features.Set(k/d, k%d, float64(v))
	}
	var targets mat.Dense
	targets.Apply(func(_, j int, v float64) float64 { return v - r.Offset[j] }, y)
	best := math.Inf(1)
	for _, s := range r.Scores {
		best = min(best, s.LeaveOneOut)
	}
	if len(r.Scores) != 3 {
		t.Errorf("%d scores", len(r.Scores))
	}
	for _, s := range r.Scores {
		if s.Ridge == r.Ridge && s.LeaveOneOut != best {
			t.Errorf("the ridge %v has the error %v, another %v", r.Ridge, s.LeaveOneOut, best)
		}
	}
	// By the normal equations of the plain features.
	fit := ntk.Must(regress.FitFeatures(ctx, ntk.MatrixTiles(features), &targets,
		&regress.SolveSettings{Ridge: r.Ridge}))
	got := ntk.Must(r.Predict(ctx, z))
	tests := ntk.Must(f.Tiles(z))
	ntk.Must(0, tests.Tile(ctx, psi[:z.N*d], 0, z.N, 0, d))
	other := mat.NewDense(z.N, d, nil)
	for k, v := range psi[:z.N*d] {
		other.Set(k/d, k%d, float64(v))
	}
	want := ntk.Must(fit.Predict(ctx, ntk.MatrixTiles(other)))
	norm := mat.Norm(features, 2)
	mean := norm * norm / float64(x.N) // of the kernel's diagonal
	primal := ntk.Must(study.TrainReadout(ctx, f, x, y, &study.ReadoutSettings{
		Ridges: []float64{r.Ridge / mean}, Memory: 3.2e7}))
	if primal.Scores != nil {
		t.Error("the normal equations have scores")
	}
	again := ntk.Must(primal.Predict(ctx, z))
	for i := range z.N {
		for j := range 10 {
			w := want.At(i, j) + r.Offset[j]
			if math.Abs(got.At(i, j)-w) > 2e-4 || math.Abs(again.At(i, j)-w) > 1e-5 {
				t.Fatalf("image %d, output %d: %v and %v, not %v", i, j, got.At(i, j),
					again.At(i, j), w)
			}
		}
	}
}

func TestReadoutBadInput(t *testing.T) {
	f, x, y := digitFeatures(5, 0, 30)
	train := func(f *cnn.Features, y *mat.Dense, s study.ReadoutSettings) error {
		_, err := study.TrainReadout(t.Context(), f, x, y, &s)
		return err
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := study.TrainReadout(ended, f, x, y, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end of the context: %v", err)
	}
	bad := mat.DenseCopyOf(y)
	bad.Set(3, 4, math.NaN())
	for want, err := range map[string]error{
		"features and targets": train(nil, y, study.ReadoutSettings{}),
		"30 images":            train(f, mat.NewDense(2, 1, nil), study.ReadoutSettings{}),
		"Memory is -1":         train(f, y, study.ReadoutSettings{Memory: -1}),
		"one ridge is needed":  train(f, y, study.ReadoutSettings{Memory: 1e4}),
		"a ridge of -0":        train(f, y, study.ReadoutSettings{Ridges: []float64{-1}}),
		"no ridges":            train(f, y, study.ReadoutSettings{Ridges: []float64{}}),
		"target is NaN":        train(f, bad, study.ReadoutSettings{}),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q, got: %v", want, err)
		}
	}
}

// Handwritten digits by 200 random filters on 3×3 patches, averaged over windows of 2×2 places: the
// ridge is chosen by the training rows.
func ExampleTrainReadout() {
	ctx := context.Background()
	digits := data.Digits()
	const n, m = 400, 300
	x, z := ntk.Inputs[float32]{N: n, D: 64}, ntk.Inputs[float32]{N: m, D: 64}
	y, truth := mat.NewDense(n, 10, nil), mat.NewDense(m, 10, nil)
	for i := range n + m {
		of, to, k := &x, y, i
		if i >= n {
			of, to, k = &z, truth, i-n
		}
		for _, v := range digits.Row(i, make([]float64, 64)) {
			of.Rows = append(of.Rows, float32(v))
		}
		to.Set(k, digits.Labels[i], 1)
	}
	patches := cnn.Patches{Filter: [2]int{3, 3}, Padding: cnn.Valid}
	conv := cnn.Conv{Filter: [2]int{1, 1}, Activation: ntk.ReLU{}, WeightStd: math.Sqrt2}
	pool := cnn.AveragePool{Window: [2]int{2, 2}}
	net := ntk.Must(cnn.NewArchitecture(cnn.Image{Height: 8, Width: 8, Channels: 1},
		[]cnn.Layer{patches, conv, pool}, cnn.Readout{WeightStd: 1}))
	features := ntk.Must(cnn.NewFeatures(net, 200, 1))
	readout := ntk.Must(study.TrainReadout(ctx, features, x, y, nil))
	fmt.Println(readout.Weights.Dims())
	fmt.Println(len(readout.Scores), "ridges")
	f := ntk.Must(readout.Predict(ctx, z))
	fmt.Printf("%.3f right\n", ntk.Must(ntk.Accuracy(f, truth)))
	// Output:
	// 1800 10
	// 9 ridges
	// 0.917 right
}

func TestReadoutOnAnyThreads(t *testing.T) {
	threadtest.Same(t, 1e-3, func() map[string][]float64 {
		f, x, y := digitFeatures(20, 0, 300)
		_, z, _ := digitFeatures(20, 300, 20)
		r := ntk.Must(study.TrainReadout(t.Context(), f, x, y,
			&study.ReadoutSettings{Ridges: []float64{3e-2, 1e-1}}))
		var scores []float64
		for _, s := range r.Scores {
			scores = append(scores, s.Ridge, s.LeaveOneOut, s.Freedom)
		}
		return map[string][]float64{"scores": scores,
			"predictions": ntk.Must(r.Predict(t.Context(), z)).RawMatrix().Data}
	})
}
