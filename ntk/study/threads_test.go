package study

import (
	"slices"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/internal/threadtest"
)

// Trials run side by side where there are threads for it. What they learn, their limits and what
// regression does on subsets of rows stays the same.
func TestStudiesOnAnyThreads(t *testing.T) {
	threadtest.Same(t, 1e-4, func() map[string][]float64 {
		s, r, out := opened(t, quick), small(t), map[string][]float64{}
		r.Width, r.Settings.Epochs = 256, 10
		got, limits := ntk.Must(r.Train(s)), ntk.Must(r.Limits(s, nil))
		for _, name := range got.Names() {
			for _, of := range []*Results{got, limits} {
				for _, trace := range of.Traces(name) {
					for _, p := range trace.Points {
						out[name] = append(out[name], p.TrainLoss, p.TestLoss)
					}
				}
			}
		}
		m := ntk.Must(MeasureRows(t.Context(), ntk.Must(ntk.GaussianKernel(1)), wavesOf(540, 20, 3),
			Subsets{N: []int{30, 530}, Trials: []int{4, 2}, Ridge: 0.1, Seed: 1}))
		out["subsets"] = slices.Concat(m.Measured, m.StandardError)
		return out
	})
}
