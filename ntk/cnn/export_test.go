package cnn

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/hermite"
	"github.com/kernelsmith/kernelsmith/ntk/internal/pythontest"
)

// exportable are nets of every padding, a pool and a readout, with activations of every kind that
// can be exported, some layers of them frozen. They are few: each takes JAX a second.
func exportable() (nets []*Net) {
	phis := []ntk.Activation{ntk.ReLU{}, ntk.PublishedMimic(),
		ntk.Must(hermite.NewSeries([]float64{0.1, 0.8, 0.3, 0.1})), ntk.GELU{}, ntk.Erf{}}
	k := 0
	all := architectures()
	for _, name := range []string{"one, stride, SAME, average false",
		"one, stride, VALID, average true", "one, stride, CIRCULAR, average true",
		"patches, SAME, average true", "patches, CIRCULAR, average false",
		"pixels, SAME, average true", "pixels, CIRCULAR, average false",
		"three, SAME, average true", "three, VALID, average false",
		"three, CIRCULAR, average false"} {
		arch := all[name]
		layers, r := arch.Layers(), arch.Readout()
		for i, l := range layers {
			if c, ok := l.(Conv); ok {
				c.Activation = phis[k%len(phis)]
				c.Frozen = k%4 == 1
				k++
				layers[i] = c
			}
		}
		r.Frozen = k%4 == 2
		nets = append(nets, ntk.Must(New(ntk.Must(NewArchitecture(arch.Image(), layers, r)),
			Config{Width: 4, Outputs: 2, Seed: 3})))
	}
	return nets
}

// Exported nets have our outputs and gradients where there is PyTorch or JAX.
func TestExportsInPython(t *testing.T) {
	for _, framework := range []struct {
		name   string
		export func(n *Net, name string) (string, error)
	}{{"torch", (*Net).PyTorch}, {"jax", (*Net).JAX}} {
		t.Run(framework.name, func(t *testing.T) {
			type task struct {
				Module   string      `json:"module"`
				Images   [][]float64 `json:"images"`
				Residual [][]float64 `json:"residual"`
				Trained  []string    `json:"trained"`
			}
			folder := t.TempDir()
			var tasks []task
			nets := exportable()
			residual := [][]float64{{0.5, -1}, {2, 0.25}, {-1.5, 1}}
			for i, n := range nets {
				of := task{fmt.Sprintf("net%d", i), listOf(normals(uint64(i), 3,
					n.arch.image.size())), residual, []string{}}
				text := ntk.Must(framework.export(n, "Net"))
				ntk.Must(0, os.WriteFile(filepath.Join(folder, of.Module+".py"), []byte(text),
					0o644))
				ntk.Must(0, n.Save(filepath.Join(folder, of.Module+".npz")))
				for k, p := range n.Parameters() {
					if !p.Frozen && len(p.Values) > 0 {
						of.Trained = append(of.Trained, arrayName(k))
					}
				}
				tasks = append(tasks, of)
			}
			var got []struct {
				Outputs   [][]float64          `json:"outputs"`
				Gradients map[string][]float64 `json:"gradients"`
			}
			ntk.Must(0, json.Unmarshal(pythontest.Run(t, framework.name,
				string(ntk.Must(json.Marshal(tasks))), "testdata/export.py", framework.name,
				folder), &got))
			for i, n := range nets {
				p := n.newPass(3, false)
				for j, v := range normals(uint64(i), 3, n.arch.image.size()).RawMatrix().Data {
					p.Inputs(3)[j] = float32(v)
				}
				ntk.Must(0, p.Forward(t.Context()))
				ntk.Must(0, p.Backward(t.Context(), []float32{0.5, -1, 2, 0.25, -1.5, 1}))
				var outputs []float64
				for _, row := range got[i].Outputs {
					outputs = append(outputs, row...)
				}
				if e := off(p.Outputs(), outputs); !(e < 5e-6) {
					t.Errorf("%v: outputs are off by %.2g", n.arch, e)
				}
				for k, of := range n.Parameters() {
					want, trained := got[i].Gradients[arrayName(k)]
					if !trained {
						continue
					}
					g := make([]float32, len(of.Values))
					p.Gradient(k, of.Scale, 0, g)
					if e := off(g, want); !(e < 2e-5) {
						t.Errorf("%v: the gradient by %s is off by %.2g", n.arch, of.Name, e)
					}
				}
			}
		})
	}
}

// Patches are prepared in NumPy as they are here, and what cannot be scaled is named.
func TestPatchesAreExported(t *testing.T) {
	type task struct {
		Source string      `json:"source"`
		Images [][]float64 `json:"images"`
	}
	var tasks []task
	var want [][]float32
	for _, padding := range []Padding{Same, Valid, Circular} {
		for k := range 8 {
			m := Image{Height: 7, Width: 6, Channels: 2, ChannelsFirst: k%2 == 1}
			p := Patches{Filter: [2]int{3, 2}, Stride: [2]int{2, 1}, Padding: padding,
				Center: k/2%2 == 1, Normalize: []Normalization{AsTheyAre, EachPixel, EachPatch,
					EachPatch}[k/2], Flat: true}
			x := normals(uint64(k), 20, m.size())
			for i := range 12 { // of which some patches are flat
				x.Set(0, i, 2)
				x.Set(1, 5*i, 0)
			}
			if k > 3 {
				p.Whitening = ntk.Must(FitWhitening(t.Context(), p, m, ntk.Inputs[float64]{
					Rows: x.RawMatrix().Data, N: 20, D: m.size()},
					&WhiteningSettings{Epsilon: 0.01}))
			}
			e := ntk.Must(newExtraction(p, m))
			tasks = append(tasks, task{prepareSource("Net", e), listOf(x)})
			var of []float32
			for i, row := range listOf(x) {
				for _, v := range ntk.Must(prepared(e, ntk.Must(read(m, row, i, "x")), i, "x")) {
					of = append(of, float32(v))
				}
			}
			want = append(want, of)
		}
	}
	e := ntk.Must(newExtraction(Patches{Filter: [2]int{1, 1}, Padding: Valid,
		Normalize: EachPatch}, Image{Height: 2, Width: 2, Channels: 1}))
	tasks = append(tasks, task{prepareSource("Net", e), [][]float64{{1, 1, 1, 1}, {1, 1, 0, 1}}})
	var got []struct {
		Prepared []float64 `json:"prepared"`
		Error    string    `json:"error"`
	}
	ntk.Must(0, json.Unmarshal(pythontest.Run(t, "numpy", string(ntk.Must(json.Marshal(tasks))),
		"testdata/prepare.py"), &got))
	for i, of := range want {
		if e := off(of, got[i].Prepared); len(of) != len(got[i].Prepared) || !(e < 1e-6) {
			t.Errorf("%d numbers, not %d, or off by %.2g:\n%s", len(got[i].Prepared), len(of), e,
				tasks[i].Source)
		}
	}
	if says := got[len(want)].Error; says != "nothing to scale at image, row and column [1 1 0]" {
		t.Errorf("a patch of 0: %q", says)
	}
}

func arrayName(k int) string {
	return fmt.Sprintf("layer%d.%s", k/2, []string{"weight", "bias"}[k%2])
}

// The text is what was run with PyTorch and JAX, to the letter.
func TestExportedText(t *testing.T) {
	conv := Conv{Filter: [2]int{3, 3}, Activation: ntk.ReLU{}, WeightStd: 1.5, BiasStd: 0.1}
	turned, valid := conv, conv
	turned.Padding, turned.Activation, turned.Stride = Circular, ntk.Erf{}, [2]int{1, 2}
	valid.Padding, valid.BiasStd, valid.Frozen = Valid, 0, true
	arch := ntk.Must(NewArchitecture(Image{Height: 9, Width: 16, Channels: 3}, []Layer{conv,
		AveragePool{Window: [2]int{2, 2}, Padding: Valid}, turned, valid},
		Readout{WeightStd: 1, GlobalAverage: true}))
	net := ntk.Must(New(arch, Config{Width: 16, Outputs: 10}))
	for file, export := range map[string]func(string) (string, error){
		"exported_torch.py": net.PyTorch, "exported_jax.py": net.JAX} {
		path := filepath.Join("testdata", file)
		want := string(ntk.Must(os.ReadFile(path)))
		if d := cmp.Diff(want, ntk.Must(export("Net"))); d != "" {
			t.Errorf("%s: other text\n%s", file, d)
		}
	}
}

func TestBadExports(t *testing.T) {
	image := Image{Height: 4, Width: 4, Channels: 1}
	of := func(layers ...Layer) *Net {
		return ntk.Must(New(ntk.Must(NewArchitecture(image, layers, Readout{WeightStd: 1})),
			Config{Width: 2, Outputs: 1}))
	}
	conv := Conv{Filter: [2]int{3, 3}, Activation: ntk.ReLU{}, WeightStd: 1}
	tanh := conv
	tanh.Activation = ntk.Tanh{}
	for _, c := range []struct {
		net        *Net
		name, says string
	}{
		{of(conv), "class", "cannot be the name"},
		{of(conv), "torch", "cannot be the name"},
		{of(conv, tanh), "Net", "ntk.Tanh, has no form"},
	} {
		for _, export := range []func(string) (string, error){c.net.PyTorch, c.net.JAX} {
			if _, err := export(c.name); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("error %v, must say %q", err, c.says)
			}
		}
	}
}
