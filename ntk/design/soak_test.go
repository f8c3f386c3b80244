package design_test

import (
	"flag"
	"math"
	"runtime"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/design"
	"github.com/kernelsmith/kernelsmith/ntk/inverse"
)

var designs = flag.Int("designs", 150, "how many designs TestMemoryIsSteady makes")

// oneDesign goes the whole way for the i-th of many targets: certificate, exact inverse, nearest
// kernel and a fit.
func oneDesign(t *testing.T, i int) {
	t.Helper()
	_, part := math.Modf(float64(i) * math.Phi) // another target each time
	K := ntk.Must(ntk.GaussianKernel(0.7 + part))
	if _, err := inverse.Certify(K, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := inverse.Of(K, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := inverse.Nearest(K, 8, nil); err != nil {
		t.Fatal(err)
	}
	_, err := design.Fit(t.Context(), design.Family{ReLUs: 1, Cosines: 1},
		design.Problem{Target: K, On: design.Angles(5, nil)},
		&design.Settings{Starts: 2, Polish: 1, Seed: uint64(i)})
	if err != nil {
		t.Fatal(err)
	}
}

// inUse is how much memory is in use when nothing else can be freed.
func inUse() (bytes, objects int64) {
	for range 3 { // what is freed by finalizers and from pools takes more than one
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc), int64(m.HeapObjects)
}

// However many designs are made one after the other, nothing of them is kept. A hundred bytes of
// each would be seen.
func TestMemoryIsSteady(t *testing.T) {
	const (
		slack  = 8 << 10 // of the runtime itself
		each   = 32
		rounds = 3
	)
	warm := min(50, *designs)
	for i := range warm {
		oneDesign(t, i)
	}
	// The runtime takes some kilobytes for itself at times, when it starts a thread say; what
	// designs leave is there each time.
	for round := range rounds {
		before, objects := inUse()
		for i := range *designs {
			oneDesign(t, warm+i)
		}
		after, more := inUse()
		t.Logf("%d designs: %d bytes in %d objects before, %d in %d after", *designs, before,
			objects, after, more)
		if after-before <= slack+each*int64(*designs) {
			return
		}
		if round == rounds-1 {
			t.Errorf("%d designs leave %d bytes in %d objects, %d times", *designs, after-before,
				more-objects, rounds)
		}
	}
}
