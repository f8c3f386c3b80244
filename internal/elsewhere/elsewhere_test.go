package elsewhere

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/kernelsmith/kernelsmith/internal/atomicfile"
	"github.com/kernelsmith/kernelsmith/ntk"
)

var update = flag.Bool("update", false,
	"write the results of testdata anew, on amd64 with KERNELSMITH_OPENBLAS=off")

const file = "testdata/results.json"

// A result is what a platform computes, and how far from amd64 it may be.
type result struct {
	name string
	// tolerance is the largest difference, over the largest of the values. 0 asks for the same
	// bits.
	tolerance float64
	values    []float64
	text      string // the same letter by letter
}

// areas are what the results are about, in the order of the file.
var areas = []struct {
	name    string
	results func() []result
}{
	{"activations", ofActivations},
	{"nets", ofNets},
	{"kernel algebra", ofAlgebra},
	{"kernel matrices", ofMatrices},
	{"Hermite series", ofHermite},
	{"inverse", ofInverse},
	{"designs", ofDesigns},
	{"regression", ofRegression},
	{"spectra", ofSpectra},
	{"convolutional kernels", ofImages},
	{"finite nets", ofFiniteNets},
	{"training", ofTraining},
	{"random numbers", ofDraws},
}

// portable says that no library was loaded.
func portable() bool { return strings.HasPrefix(ntk.BLAS(), "gonum") }

// A stored result is one as the file has it.
type stored struct {
	Name   string
	Values []float64 `json:",omitempty"`
	Text   string    `json:",omitempty"`
}

type golden struct {
	Source  string
	Results []stored
}

// difference is the largest one between the values, over the largest of those that are wanted. NaN
// is as different as can be.
func difference(got, want []float64) float64 {
	if len(got) != len(want) {
		return math.Inf(1)
	}
	var off, size float64
	for i, v := range want {
		if d := math.Abs(got[i] - v); d > off || math.IsNaN(d) {
			off = d
		}
		size = math.Max(size, math.Abs(v))
	}
	if off == 0 {
		return 0
	}
	if math.IsNaN(off) {
		return math.Inf(1)
	}
	return off / size
}

func TestResults(t *testing.T) {
	if *update {
		write(t)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(text, &g); err != nil {
		t.Fatal(err)
	}
	wanted := map[string]stored{}
	for _, s := range g.Results {
		wanted[s.Name] = s
	}
	platform := fmt.Sprintf("%s/%s, %s", runtime.GOOS, runtime.GOARCH, ntk.BLAS())
	compared := 0
	for _, area := range areas {
		results, largest, where := area.results(), 0., ""
		for _, r := range results {
			want, known := wanted[r.name]
			if !known {
				t.Errorf("%s is not in %s", r.name, file)
				continue
			}
			compared++
			off := difference(r.values, want.Values)
			if off > 0 {
				t.Logf("%s: off by %.1e, allowed %.0e", r.name, off, r.tolerance)
			}
			if off > largest {
				largest, where = off, fmt.Sprintf(" (%s, allowed %.0e)", r.name, r.tolerance)
			}
			if !(off <= r.tolerance) {
				t.Errorf("%s: off by %.2g of the largest value, more than %.0e\n got %v\nwant %v",
					r.name, off, r.tolerance, r.values, want.Values)
			}
			if r.text != want.Text {
				t.Errorf("%s\n got %s\nwant %s", r.name, r.text, want.Text)
			}
		}
		t.Logf("%s | %s | %d results | largest difference %.1e%s", platform, area.name,
			len(results), largest, where)
	}
	if compared != len(g.Results) {
		t.Errorf("%d results are computed, %s has %d", compared, file, len(g.Results))
	}
}

// write makes the file anew.
func write(t *testing.T) {
	t.Helper()
	if runtime.GOARCH != "amd64" || !portable() {
		t.Fatalf("the file is written on amd64 with KERNELSMITH_OPENBLAS=off, not on %s with %s",
			runtime.GOARCH, ntk.BLAS())
	}
	source := "go test ./internal/elsewhere -update, with KERNELSMITH_OPENBLAS=off on " +
		runtime.GOOS + "/amd64, " + runtime.Version()
	var all []stored
	for _, area := range areas {
		for _, r := range area.results() {
			all = append(all, stored{r.name, r.values, r.text})
		}
	}
	var text bytes.Buffer
	fmt.Fprintf(&text, "{\"Source\": %q, \"Results\": [\n", source)
	for i, s := range all {
		line, err := json.Marshal(s)
		if err != nil {
			t.Fatal(s.Name, err)
		}
		if i > 0 {
			text.WriteString(",\n")
		}
		text.Write(line)
	}
	text.WriteString("\n]}\n")
	if err := atomicfile.WriteBytes(file, text.Bytes()); err != nil {
		t.Fatal(err)
	}
}

// With portable arithmetic any number of threads gives the same bytes.
func TestThreads(t *testing.T) {
	if !portable() {
		t.Logf("%s: sums may run in another order", ntk.BLAS())
		return
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, area := range areas {
		runtime.GOMAXPROCS(1)
		alone := area.results()
		for _, threads := range []int{2, 7} {
			runtime.GOMAXPROCS(threads)
			for i, r := range area.results() {
				if !slices.Equal(r.values, alone[i].values) || r.text != alone[i].text {
					t.Errorf("%s differs on %d threads\n got %v %s\nwant %v %s", r.name, threads,
						r.values, r.text, alone[i].values, alone[i].text)
				}
			}
		}
	}
}

// The comparison must see what it is there for.
func TestDifference(t *testing.T) {
	for _, c := range []struct {
		got, want []float64
		off       float64
	}{
		{[]float64{1, 2}, []float64{1, 2}, 0},
		{[]float64{0, 0}, []float64{0, 0}, 0},
		{[]float64{1, 2}, []float64{1, 4}, 0.5},
		{[]float64{1, 0.5}, []float64{1, 0}, 0.5},
		{[]float64{1}, []float64{1, 2}, math.Inf(1)},
		{[]float64{math.NaN(), 1}, []float64{1, 1}, math.Inf(1)},
		{[]float64{1e-9}, []float64{0}, math.Inf(1)},
	} {
		if off := difference(c.got, c.want); off != c.off {
			t.Errorf("%v and %v differ by %v, want %v", c.got, c.want, off, c.off)
		}
	}
}
