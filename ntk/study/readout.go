package study

import (
	"context"
	"fmt"
	"math"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/cnn"
	"github.com/kernelsmith/kernelsmith/ntk/regress"
	"gonum.org/v1/gonum/mat"
)

// ReadoutSettings say how [TrainReadout] chooses the ridge; nil is the zero value.
type ReadoutSettings struct {
	// Ridges are the δ ≥ 0 to try, in units of the mean of the kernel's diagonal. Nil is 1e-4 to 1
	// in steps of √10. The kernel is of products in single precision, with which 1e-5 can be too
	// little to make it positive definite.
	Ridges []float64
	// Memory is how many bytes may be used beside the images; 0 is 8e9.
	Memory float64
	// Progress is told what is being done and how much of it; the work waits for each call.
	Progress func(doing string, done, total int)
}

// TrainedReadout is a net of random [cnn.Features] of which the readout alone was trained.
type TrainedReadout struct {
	Features *cnn.Features
	Weights  *mat.Dense // of the readout, a row for each feature
	Offset   []float64  // of each output
	Ridge    float64    // δ, absolute
	// Scores of all ridges, by the training rows alone; nil where only one could be.
	Scores []regress.RidgeScore
}

// String says what was trained, in a line.
func (r TrainedReadout) String() string {
	features, outputs := 0, 0
	if r.Weights != nil {
		features, outputs = r.Weights.Dims()
	}
	return fmt.Sprintf("readout of %d features to %d outputs, ridge %.3g", features, outputs,
		r.Ridge)
}

// TrainReadout trains the readout of a net of random features on images x and their targets, a row
// each: ridge regression of the targets less their mean, with the ridge of the least squared error
// where each training row is left out in turn.
//
// Where 16n² bytes go into Memory this is regression with the n×n kernel of the features, whose
// filters are taken in blocks. Of more images the D features' normal equations are solved by
// [regress.FitFeatures], in 4D² bytes; leaving rows out is not to be had there, so Ridges must have
// one entry.
//
// Products of the kernel are in single precision, whose rounding changes predictions by about
// 6e-8·√n over the ridge in units of the kernel's mean diagonal.
//
// It reports targets that are not one row for each image, ridges out of range, and what
// [cnn.FeatureTiles.GramInto], [regress.RidgePath] and [regress.FitFeatures] do. If ctx ends, its
// error is returned. Cost: the features twice, unless they go into a quarter of Memory, n²·D
// operations, and 2n³/3 for each ridge.
func TrainReadout(
	ctx context.Context, f *cnn.Features, x ntk.Inputs[float32], y *mat.Dense, s *ReadoutSettings,
) (*TrainedReadout, error) {
	if s == nil {
		s = &ReadoutSettings{}
	}
	if f == nil || y == nil || y.IsEmpty() {
		return nil, fmt.Errorf("study: features and targets are needed")
	}
	if rows, _ := y.Dims(); rows != x.N {
		return nil, fmt.Errorf("study: %d rows of targets for %d images", rows, x.N)
	}
	tiles, err := f.Tiles(x)
	if err != nil {
		return nil, err
	}
	memory := s.Memory
	if memory == 0 {
		memory = 8e9
	}
	if !(memory > 0) {
		return nil, fmt.Errorf("study: Memory is %v; it must be a number of bytes", s.Memory)
	}
	r, targets := &TrainedReadout{Features: f}, mat.DenseCopyOf(y)
	r.Offset = make([]float64, y.RawMatrix().Cols)
	for j := range r.Offset {
		for i := range x.N {
			r.Offset[j] += y.At(i, j) / float64(x.N)
		}
		for i := range x.N {
			targets.Set(i, j, y.At(i, j)-r.Offset[j])
		}
	}
	if n := float64(x.N); 16*n*n > memory {
		return r, r.primal(ctx, tiles, targets, s.Ridges, memory, s.Progress)
	}
	return r, r.dual(ctx, tiles, targets, s.Ridges, memory, s.Progress)
}

// dual is by the kernel.
func (r *TrainedReadout) dual(
	ctx context.Context, tiles *cnn.FeatureTiles, y *mat.Dense, ridges []float64, memory float64,
	progress func(doing string, done, total int),
) error {
	if ridges == nil {
		for e := -8; e <= 0; e++ {
			ridges = append(ridges, math.Pow(10, float64(e)/2))
		}
	}
	settings := func(doing string) *cnn.FeatureSettings {
		s := &cnn.FeatureSettings{Memory: memory / 4}
		if progress != nil {
			s.Progress = func(done, total int) { progress(doing, done, total) }
		}
		return s
	}
	n, _ := tiles.Dims()
	gram := make([]float64, n*n)
	if err := tiles.GramInto(ctx, gram, settings("kernel of the features")); err != nil {
		return err
	}
	mean := 0.0
	for i := range n {
		mean += gram[i*n+i] / float64(n)
	}
	path := &regress.PathSettings{Ridges: make([]float64, len(ridges))}
	for i, v := range ridges {
		path.Ridges[i] = v * mean
	}
	var err error
	r.Scores, err = regress.RidgePath(ctx, ntk.MatrixTiles(mat.NewDense(n, n, gram)), y, path)
	if err != nil {
		return err
	}
	best := r.Scores[0]
	for _, s := range r.Scores {
		if s.LeaveOneOut < best.LeaveOneOut {
			best = s
		}
	}
	r.Ridge = best.Ridge
	train, err := regress.InPlace(gram, n)
	if err != nil {
		return err
	}
	fit, err := regress.NewRidge(ctx, train, y, &regress.RidgeSettings{Ridge: r.Ridge})
	if err != nil {
		return err
	}
	r.Weights, err = tiles.Weights(ctx, fit.Weights(), settings("weights of the readout"))
	return err
}

// primal is by the normal equations.
func (r *TrainedReadout) primal(
	ctx context.Context, tiles *cnn.FeatureTiles, y *mat.Dense, ridges []float64, memory float64,
	progress func(doing string, done, total int),
) error {
	n, _ := tiles.Dims()
	if len(ridges) != 1 {
		return fmt.Errorf("study: a kernel of %d images takes %.3g bytes, more than Memory; "+
			"without it one ridge is needed, such as that of fewer images, and there are %d", n,
			16*float64(n)*float64(n), len(ridges))
	}
	s := &regress.SolveSettings{RelativeRidge: ridges[0],
		Memory: int64(min(memory, math.MaxInt64/2))}
	if progress != nil {
		s.Progress = func(done, total int) { progress("normal equations", done, total) }
	}
	fit, err := regress.FitFeatures[float32](ctx, tiles, y, s)
	if err != nil {
		return err
	}
	r.Weights, r.Ridge = fit.Weights, fit.Ridge
	return nil
}

// Predict returns the outputs at other images, a row each. It reports what [cnn.Features.Tiles] and
// [cnn.FeatureTiles.Times] do; if ctx ends, its error is returned.
func (r *TrainedReadout) Predict(ctx context.Context, z ntk.Inputs[float32]) (*mat.Dense, error) {
	tiles, err := r.Features.Tiles(z)
	if err != nil {
		return nil, err
	}
	f, err := tiles.Times(ctx, r.Weights, nil)
	if err != nil {
		return nil, err
	}
	for i := range z.N {
		for j, v := range r.Offset {
			f.Set(i, j, f.At(i, j)+v)
		}
	}
	return f, nil
}
