package threadtest

import (
	"fmt"
	"math"
	"runtime"
	"testing"
)

// recorder keeps what a test reports.
type recorder struct {
	testing.TB
	lines []string
}

func (*recorder) Helper() {}

func (r *recorder) Errorf(format string, values ...any) {
	r.lines = append(r.lines, fmt.Sprintf(format, values...))
}

func TestSame(t *testing.T) {
	before := runtime.GOMAXPROCS(0)
	for _, c := range []struct {
		tolerance float64
		result    func(threads int) map[string][]float64
		reports   int
	}{
		{0, func(int) map[string][]float64 { return map[string][]float64{"a": {1, 0, -2}} }, 0},
		{0, func(n int) map[string][]float64 {
			return map[string][]float64{"a": {1}, "b": {4, float64(n) * 1e-20}}
		}, 2},
		{1e-2, func(n int) map[string][]float64 {
			return map[string][]float64{"a": {100 + float64(n)}}
		}, 1}, // 101, 102 and 107
		{1, func(n int) map[string][]float64 {
			return map[string][]float64{"a": {math.Inf(n - 1), 1}}
		}, 0},
		{1, func(n int) map[string][]float64 {
			return map[string][]float64{"a": {math.Sqrt(float64(1 - n))}}
		}, 2}, // NaN
		{1, func(n int) map[string][]float64 {
			return map[string][]float64{"a": make([]float64, n)}
		}, 2},
		{1, func(int) map[string][]float64 { return map[string][]float64{"a": nil} }, 2},
	} {
		r := &recorder{TB: t}
		threads := []int{1, 2, 7} // of the calls, also where there is but one
		same(r, c.tolerance, func() map[string][]float64 {
			n := threads[0]
			threads = threads[1:]
			return c.result(n)
		})
		if len(r.lines) != c.reports {
			t.Errorf("%d reports, want %d: %q", len(r.lines), c.reports, r.lines)
		}
	}
	if now := runtime.GOMAXPROCS(0); now != before {
		t.Errorf("%d threads afterwards, %d before", now, before)
	}
}
