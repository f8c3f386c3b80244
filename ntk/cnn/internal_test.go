package cnn

import "slices"

// WhitenedForTest returns W (x - m) of each patch.
func WhitenedForTest(w *Whitening, patches [][]float64) [][]float64 {
	out, _ := w.apply(slices.Concat(patches...), len(patches))
	return slices.Collect(slices.Chunk(out, len(w.mean)))
}
