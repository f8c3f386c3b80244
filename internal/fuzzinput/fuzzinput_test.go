package fuzzinput_test

import (
	"math"
	"slices"
	"testing"

	"github.com/kernelsmith/kernelsmith/internal/fuzzinput"
)

func TestNumbersComeBack(t *testing.T) {
	want := []float64{0, -1.5, math.Inf(1), 5e-324}
	b := fuzzinput.Bytes(want...)
	if got := fuzzinput.Numbers(append(b, 1, 2), 9); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if got := fuzzinput.Numbers(b, 2); !slices.Equal(got, want[:2]) {
		t.Errorf("the first two are %v", got)
	}
	for x, want := range map[float64]float64{3: 3, -4: -4, 7: 3, math.Inf(1): 0, 1e300: 0} {
		got := fuzzinput.Within(4, x)
		if x == 1e300 {
			want = math.Mod(x, 4)
		}
		if got != want {
			t.Errorf("%v within 4 is %v, want %v", x, got, want)
		}
	}
	if got := fuzzinput.Within(4, math.NaN()); got != 0 {
		t.Errorf("NaN is taken for %v", got)
	}
}
