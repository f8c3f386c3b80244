package cnn

import (
	"archive/zip"
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/internal/npz"
	"github.com/kernelsmith/kernelsmith/ntk/internal/pythontest"
	"gonum.org/v1/gonum/mat"
)

func npzOf(t testing.TB, n *Net) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := n.WriteNPZ(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func readNPZ(b []byte, arch *Architecture) (*Net, error) {
	return parseNPZ(bytes.NewReader(b), int64(len(b)), arch)
}

func sameParameters(a, b *Net) bool {
	if a.config != b.config {
		return false
	}
	other := b.Parameters()
	for i, p := range a.Parameters() {
		if !slices.Equal(p.Values, other[i].Values) {
			return false
		}
	}
	return true
}

// There and back to the bit, for nets of every shape.
func TestNPZRoundTrip(t *testing.T) {
	for name, arch := range architectures() {
		net := ntk.Must(New(arch, Config{Width: 3, Outputs: 2, Seed: math.MaxUint64}))
		b := npzOf(t, net)
		if !bytes.Equal(b, npzOf(t, net)) {
			t.Errorf("%s: other bytes the second time", name)
		}
		back, err := readNPZ(b, arch)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !sameParameters(net, back) {
			t.Errorf("%s: other parameters or sizes: %+v, want %+v", name, back.config, net.config)
		}
		x := normals(1, 2, arch.image.size())
		if !mat.Equal(ntk.Must(net.Forward(x)), ntk.Must(back.Forward(x))) {
			t.Errorf("%s: other outputs", name)
		}
	}
}

// A file of a net is not taken for one of another architecture; what is frozen is the reader's
// affair.
func TestNPZChecksTheArchitecture(t *testing.T) {
	m := Image{Height: 6, Width: 6, Channels: 2}
	patches := Patches{Filter: [2]int{2, 2}, Center: true}
	conv := Conv{Filter: [2]int{3, 3}, Activation: ntk.ReLU{}, WeightStd: 1.2, BiasStd: 0.1}
	pool := AveragePool{Window: [2]int{2, 2}}
	readout := Readout{WeightStd: 1}
	c := Config{Width: 5, Outputs: 2, Seed: 4}
	b := npzOf(t, ntk.Must(New(ntk.Must(NewArchitecture(m, []Layer{patches, conv, pool}, readout)),
		c)))
	for _, test := range []struct {
		says   string
		change func(m *Image, p *Patches, c *Conv, pool *AveragePool, r *Readout)
	}{
		{"", func(_ *Image, _ *Patches, c *Conv, _ *AveragePool, r *Readout) {
			c.Frozen, r.Frozen = true, true
		}},
		{"images are [6 6 2], channels first false", func(m *Image, _ *Patches, _ *Conv,
			_ *AveragePool, _ *Readout) {
			m.ChannelsFirst = true
		}},
		{"layer 1 has patches that are prepared otherwise", func(_ *Image, p *Patches, _ *Conv,
			_ *AveragePool, _ *Readout) {
			p.Center = false
		}},
		{"layer 2 has windows 3×3 at a stride of 1×1, SAME", func(_ *Image, _ *Patches, c *Conv,
			_ *AveragePool, _ *Readout) {
			c.Padding = Circular
		}},
		{"layer 2 has σ_w = 1.2", func(_ *Image, _ *Patches, c *Conv, _ *AveragePool, _ *Readout) {
			c.WeightStd = 2
		}},
		{"layer 2 has σ_b = 0.1", func(_ *Image, _ *Patches, c *Conv, _ *AveragePool, _ *Readout) {
			c.BiasStd = 0
		}},
		{`layer 2 has the activation "ReLU"`, func(_ *Image, _ *Patches, c *Conv, _ *AveragePool,
			_ *Readout) {
			c.Activation = ntk.Erf{}
		}},
		{"layer 3 has windows 2×2 at a stride of 2×2", func(_ *Image, _ *Patches, _ *Conv,
			pool *AveragePool, _ *Readout) {
			pool.Window = [2]int{3, 3}
		}},
		{"the readout is flatten", func(_ *Image, _ *Patches, _ *Conv, _ *AveragePool,
			r *Readout) {
			r.GlobalAverage = true
		}},
	} {
		m, patches, conv, pool, readout := m, patches, conv, pool, readout
		test.change(&m, &patches, &conv, &pool, &readout)
		_, err := readNPZ(b, ntk.Must(NewArchitecture(m, []Layer{patches, conv, pool}, readout)))
		if (err == nil) != (test.says == "") || err != nil &&
			!strings.Contains(err.Error(), test.says) {
			t.Errorf("error %v, must say %q", err, test.says)
		}
	}
	for says, layers := range map[string][]Layer{"no array layer2.weight": {patches, conv, conv},
		"it is of 6×6×2, centred 2×2 patches, 3×3 ReLU, pool": {conv, pool}} {
		_, err := readNPZ(b, ntk.Must(NewArchitecture(m, layers, readout)))
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("error %v, must say %q", err, says)
		}
	}
	if _, err := readNPZ(b, nil); err == nil {
		t.Error("no architecture")
	}
}

// Every byte that a file may lose or have changed: an error, or the very net. What may change
// unseen is what a ZIP archive does not check, such as its dates.
func TestNPZDamaged(t *testing.T) {
	arch := architectures()["one, SAME, average true"]
	net := ntk.Must(New(arch, Config{Width: 2, Outputs: 1, Seed: 9}))
	b := npzOf(t, net)
	for n := range b {
		if _, err := readNPZ(b[:n], arch); err == nil {
			t.Errorf("cut to %d of %d bytes: no error", n, len(b))
		}
	}
	for i := range b {
		c := slices.Clone(b)
		c[i] ^= 0x80
		if got, err := readNPZ(c, arch); err == nil && !sameParameters(got, net) {
			t.Errorf("byte %d of %d changed: another net and no error", i, len(b))
		}
	}
	// What a description says must be what the arrays are.
	for says, d := range map[string]func(d *description){
		"tells of width 3 and 1 outputs": func(d *description) { d.Width = 3 },
		"format is \"a net\"":            func(d *description) { d.Format = "a net" },
		"it is of version 2":             func(d *description) { d.Version = 2 },
	} {
		of := ntk.Must(describe(arch, net.config))
		d(&of)
		var file bytes.Buffer
		ntk.Must(0, npz.Write(&file, of, arraysOf(net.layers)))
		if _, err := readNPZ(file.Bytes(), arch); err == nil ||
			!strings.Contains(err.Error(), says) {
			t.Errorf("error %v, must say %q", err, says)
		}
	}
}

// Other shapes than a net's are named, as what they seem to be.
func TestNPZShapes(t *testing.T) {
	arch := ntk.Must(NewArchitecture(Image{Height: 2, Width: 2, Channels: 3},
		[]Layer{Conv{Filter: [2]int{1, 2}, Activation: ntk.ReLU{}, WeightStd: 1}},
		Readout{WeightStd: 1}))
	for says, shapes := range map[string][2][]int{
		"":                                   {{2, 1, 2, 3}, {1, 8}},
		".permute(0, 2, 3, 1)":               {{2, 3, 1, 2}, {1, 8}},
		"channels × filter height":           {{2, 6}, {1, 8}},
		"must have [1 8]":                    {{2, 1, 2, 3}, {1, 4}},
		"must have [2 1 2 3]":                {{2, 2, 2, 3}, {1, 8}},
		"[8]; a matrix is needed":            {{2, 1, 2, 3}, {8}},
		"Width is 0; it must be at least":    {{0, 1, 2, 3}, {1, 0}},
		"layer0.weight has the shape [99999": {{9999999, 1, 2, 4}, {1, 4 * 9999999}},
	} {
		var b bytes.Buffer
		archive := zip.NewWriter(&b)
		for i, shape := range shapes {
			w := bufio.NewWriter(ntk.Must(archive.Create(fmt.Sprintf("layer%d.weight.npy", i))))
			npz.Header(w, "<f4", shape)
			w.Write(make([]byte, 4*min(npz.Size(shape), 1000)))
			ntk.Must(0, w.Flush())
		}
		ntk.Must(0, archive.Close())
		_, err := readNPZ(b.Bytes(), arch)
		if (err == nil) != (says == "") || err != nil && !strings.Contains(err.Error(), says) {
			t.Errorf("%v: error %v, must say %q", shapes, err, says)
		}
	}
}

func TestSaveAndLoad(t *testing.T) {
	arch := architectures()["three, VALID, average false"]
	net := ntk.Must(New(arch, Config{Width: 8, Outputs: 2, Seed: 1}))
	folder := t.TempDir()
	path := filepath.Join(folder, "net.npz")
	ntk.Must(0, net.Save(path))
	if back := ntk.Must(Load(path, arch)); !sameParameters(net, back) {
		t.Error("another net")
	}
	other := architectures()["one, VALID, average false"]
	if _, err := Load(path, other); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("another architecture: %v", err)
	}
	if _, err := Load(filepath.Join(folder, "none"), arch); !os.IsNotExist(err) &&
		!strings.Contains(fmt.Sprint(err), "no such file") {
		t.Errorf("no file: %v", err)
	}
	if err := net.Save(folder); err == nil {
		t.Error("saved over a folder")
	}
}

func TestNumPyReadsNets(t *testing.T) {
	var task struct {
		Files  []string      `json:"files"`
		Images [][][]float64 `json:"images"`
	}
	var want []*mat.Dense
	folder := t.TempDir()
	for _, arch := range architectures() {
		layers := arch.Layers()
		if _, patches := layers[0].(Patches); patches {
			continue // of which a file says only what they are
		}
		for i, l := range layers {
			if c, ok := l.(Conv); ok {
				c.Activation = []ntk.Activation{ntk.ReLU{}, ntk.Erf{}}[i%2]
				layers[i] = c
			}
		}
		net := ntk.Must(New(ntk.Must(NewArchitecture(arch.Image(), layers, arch.Readout())),
			Config{Width: 4, Outputs: 2, Seed: 1 << 63}))
		path := filepath.Join(folder, fmt.Sprintf("%d.npz", len(want)))
		ntk.Must(0, net.Save(path))
		x := normals(5, 3, arch.image.size())
		task.Files, task.Images = append(task.Files, path), append(task.Images, listOf(x))
		want = append(want, ntk.Must(net.Forward(x)))
	}
	var got [][][]float64
	ntk.Must(0, json.Unmarshal(pythontest.Run(t, "numpy", string(ntk.Must(json.Marshal(task))),
		"testdata/npz.py", "forward"), &got))
	for k, f := range want {
		within(t, task.Files[k], f, 1e-6, func(i, j int) float64 { return got[k][i][j] })
	}
}

func TestNumPyWritesNets(t *testing.T) {
	folder := t.TempDir()
	pythontest.Run(t, "numpy", "", "testdata/npz.py", "write", folder)
	arch := ntk.Must(NewArchitecture(Image{Height: 2, Width: 2, Channels: 3},
		[]Layer{Conv{Filter: [2]int{1, 2}, Activation: ntk.ReLU{}, WeightStd: 1, BiasStd: 0.5}},
		Readout{WeightStd: 1}))
	for _, name := range []string{"plain", "columns"} {
		net, err := Load(filepath.Join(folder, name+".npz"), arch)
		if err != nil {
			t.Error(err)
			continue
		}
		if net.config != (Config{Width: 2, Outputs: 1}) || !slices.Equal(net.layers[0].w,
			[]float32{-0.5, -0.25, 0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75, 2, 2.25}) ||
			!slices.Equal(net.layers[0].b, []float32{0.5, -1}) ||
			!slices.Equal(net.layers[1].w, []float32{-2, -1, 0, 1, 2, 3, 4, 5}) {
			t.Errorf("%s: %+v %v", name, net.config, net.layers)
		}
	}
	for name, says := range map[string]string{
		"torch":   ".permute(0, 2, 3, 1)",
		"matrix":  "layer0.weight has the shape [2 6]; channels × filter height",
		"flat":    "layer1.weight has the shape [8]; a matrix is needed",
		"narrow":  "layer1.weight has the shape [1 4]; it must have [1 8]",
		"nan":     "layer0.weight is NaN in row 1, column 0",
		"lacking": "no array layer0.bias",
		"more":    "layer1.bias in the file, where the architecture has σ_b = 0",
		"stray":   "layer2.weight is no array of a 2×2×3, 1×2 ReLU, flatten",
	} {
		if _, err := Load(filepath.Join(folder, name+".npz"), arch); err == nil ||
			!strings.Contains(err.Error(), says) {
			t.Errorf("%s: error %v, must say %q", name, err, says)
		}
	}
}
