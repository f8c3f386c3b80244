// Package threadtest tests that results do not depend on the number of threads.
package threadtest

import (
	"maps"
	"math"
	"runtime"
	"slices"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk/internal/accel"
)

// Same calls f on 1, 2 and 7 threads and reports the results, each with a name, that are not the
// same bytes. A library divides its sums as it likes: with one, results may differ by the tolerance
// times the largest of their numbers.
func Same(t testing.TB, tolerance float64, f func() map[string][]float64) {
	t.Helper()
	if accel.Current().Portable() {
		tolerance = 0
	}
	same(t, tolerance, f)
}

func same(t testing.TB, tolerance float64, f func() map[string][]float64) {
	t.Helper()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	alone := f()
	for _, threads := range []int{2, 7} {
		runtime.GOMAXPROCS(threads)
		together := f()
		for _, name := range slices.Sorted(maps.Keys(alone)) {
			if off := difference(together[name], alone[name]); !(off <= tolerance) {
				t.Errorf("%s: %d threads give other numbers than one, by %.2g of the largest",
					name, threads, off)
			}
		}
	}
}

// difference is the largest one over the largest number. No numbers are as wrong as others.
func difference(got, want []float64) float64 {
	if len(got) != len(want) || len(want) == 0 {
		return math.Inf(1)
	}
	var off, size float64
	for i, v := range want {
		if got[i] != v {
			off = math.Max(off, math.Abs(got[i]-v)) // NaN stays
		}
		size = math.Max(size, math.Abs(v))
	}
	if off == 0 {
		return 0
	}
	return off / size
}
