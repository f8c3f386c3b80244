//go:build verify

package study_test

import (
	"testing"

	"github.com/kernelsmith/kernelsmith/data"
	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/cnn"
	"github.com/kernelsmith/kernelsmith/ntk/design"
	"github.com/kernelsmith/kernelsmith/ntk/study"
	"gonum.org/v1/gonum/mat"
)

// CIFAR-10 with 10,000 training images and random filters: 6×6 patches, whitened and of one norm,
// relu(z - 1), means over 3×3 windows. The sizes were chosen by training rows that were left out,
// of 2,500 and 5,000, and nothing but the accuracy at the end knows the test images. It takes 220
// seconds of one processor with AVX-512, and 4 GB.
func TestReadoutOfPhotographs(t *testing.T) {
	set, err := data.CIFAR10(10_000)
	if err != nil {
		t.Fatal(err)
	}
	load := func(rows []int) (ntk.Inputs[float32], *mat.Dense) {
		y := mat.NewDense(len(rows), 10, nil)
		for k, i := range rows {
			y.Set(k, set.Labels[i], 1)
		}
		return ntk.Inputs[float32]{Rows: ntk.Must(set.Float32(rows)), N: len(rows), D: 3072}, y
	}
	x, y := load(set.Split.Train)
	z, truth := load(set.Split.Test)
	image := cnn.Image{Height: 32, Width: 32, Channels: 3, ChannelsFirst: true}
	patches := cnn.Patches{Filter: [2]int{6, 6}, Padding: cnn.Valid, Center: true,
		Normalize: cnn.EachPatch, Flat: true}
	patches.Whitening = ntk.Must(cnn.FitWhitening(t.Context(), patches, image, x,
		&cnn.WhiteningSettings{Epsilon: 0.2, MaxPatches: 100_000, Seed: 1}))
	phi := ntk.Must(design.Formula{Terms: []design.Term{
		{Kind: "relu", Amplitude: 1, Shift: 1}}}.Activation())
	conv := cnn.Conv{Filter: [2]int{1, 1}, Activation: phi, WeightStd: 1}
	pool := cnn.AveragePool{Window: [2]int{9, 9}}
	net := ntk.Must(cnn.NewArchitecture(image, []cnn.Layer{patches, conv, pool},
		cnn.Readout{WeightStd: 1}))
	features := ntk.Must(cnn.NewFeatures(net, 2048, 1))
	r, err := study.TrainReadout(t.Context(), features, x, y,
		&study.ReadoutSettings{Ridges: []float64{0.03, 0.1, 0.3}})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range r.Scores {
		t.Logf("ridge %.3g: left out %.4f, %.4f right", s.Ridge, s.LeaveOneOut,
			s.LeaveOneOutAccuracy)
	}
	right := ntk.Must(ntk.Accuracy(ntk.Must(r.Predict(t.Context(), z)), truth))
	t.Logf("%v: %.4f of the test images right", net, right)
	if right < 0.675 {
		t.Errorf("%.4f of the test images right, and 0.675 was to be had", right)
	}
}
