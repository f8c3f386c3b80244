package plotting_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// Programs of cells: a bare gonum/plot, and a net's kernel drawn with this package.
const (
	bareCell = `package main

import (
	"bytes"

	"github.com/janpfeifer/gonb/gonbui"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
)

func main() {
	p := plot.New()
	p.Add(plotter.NewFunction(func(x float64) float64 { return x * x }))
	p.X.Min, p.X.Max, p.Y.Max = -1, 1, 1
	w, err := p.WriterTo(7*vg.Inch, 4*vg.Inch, "png")
	if err != nil {
		panic(err)
	}
	var b bytes.Buffer
	if _, err := w.WriteTo(&b); err != nil {
		panic(err)
	}
	if gonbui.IsNotebook {
		gonbui.DisplayPNG(b.Bytes())
	}
}
`
	ourCell = `package main

import (
	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/plotting"
	"gonum.org/v1/gonum/floats"
)

func main() {
	net := ntk.Must(ntk.UniformFCN(4, ntk.ReLU{}, 1.4, 0.1))
	cs := floats.Span(make([]float64, 101), -1, 1)
	figure := plotting.New(plotting.Options{X: "cosine c", Y: "K(c)"})
	figure.Line("4HL ReLU", cs, ntk.Must(ntk.Must(net.NTK()).Curve(cs)))
	ntk.Must(plotting.PNG(figure))
	plotting.Show(figure, "The NTK of the 4HL ReLU net.")
}
`
)

// Most of a cell's time is linking: what this package and ntk import is what each cell pays. A cell
// with both takes at most 1.3 times that of a bare gonum/plot (BenchmarkCell), which this list
// keeps without a clock.
func TestCellLinksLittle(t *testing.T) {
	allowed := []string{
		"github.com/ebitengine/purego",                           // OpenBLAS without cgo
		"github.com/kernelsmith/kernelsmith/internal/atomicfile", // was in plotting itself
		"github.com/kernelsmith/kernelsmith/ntk",
		"github.com/kernelsmith/kernelsmith/plotting",
		"gonum.org/v1/gonum/blas",
		"gonum.org/v1/gonum/lapack",
		"gonum.org/v1/gonum/mat",
		"gonum.org/v1/gonum/floats",
		"gonum.org/v1/gonum/integrate/quad",
		"gonum.org/v1/gonum/internal",
		"gonum.org/v1/gonum/mathext",
		"archive/zip",
		"encoding/csv", // what a figure carries along: 0.25 of 11.5 MB, 0.04 of the ratio
		"golang.org/x/sys/cpu",
		"hash/fnv",
		"math/cmplx",
		"structs",
	}
	bare := linked(t, bareCell)
	for _, p := range linked(t, ourCell) {
		within := func(a string) bool { return p == a || strings.HasPrefix(p, a+"/") }
		if !slices.Contains(bare, p) && !slices.ContainsFunc(allowed, within) {
			t.Errorf(
				"a cell that imports ntk and plotting links %s, which a bare gonum/plot does "+
					"not: do without, or measure it (BenchmarkCell) and add it here", p)
		}
	}
}

// linked returns the packages of the program.
func linked(t *testing.T, source string) []string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "main.go")
	if err := os.WriteFile(file, []byte(source), 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("go", "list", "-deps", file).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(out))
}

// BenchmarkCell builds and runs the two cells in turn, as the kernel does, each time changed so
// that it is compiled and linked anew.
func BenchmarkCell(b *testing.B) {
	folder := b.TempDir()
	cell := func(source string, i int) time.Duration {
		file, binary := filepath.Join(folder, "main.go"), filepath.Join(folder, "cell")
		if err := os.WriteFile(
			file,
			fmt.Appendf(nil, "%s\nconst version = %d\n", source, time.Now().UnixNano()+int64(i)),
			0o644,
		); err != nil {
			b.Fatal(err)
		}
		start := time.Now()
		for _, command := range [][]string{{"go", "build", "-ldflags=-w", "-o", binary, file},
			{binary}} {
			if out, err := exec.Command(command[0], command[1:]...).CombinedOutput(); err != nil {
				b.Fatalf("%v: %v\n%s", command, err, out)
			}
		}
		return time.Since(start)
	}
	cell(bareCell, 0)
	cell(ourCell, 0)
	var ratios, ours []float64
	for i := 0; b.Loop(); i++ {
		bare, own := cell(bareCell, i), cell(ourCell, i)
		ratios, ours = append(ratios, own.Seconds()/bare.Seconds()), append(ours, own.Seconds())
	}
	slices.Sort(ratios)
	slices.Sort(ours)
	b.ReportMetric(ratios[len(ratios)/2], "times-bare")
	b.ReportMetric(ours[len(ours)/2], "s/cell")
}
