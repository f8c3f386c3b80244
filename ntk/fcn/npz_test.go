package fcn

import (
	"archive/zip"
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/internal/npz"
	"github.com/kernelsmith/kernelsmith/ntk/internal/pythontest"
	"github.com/kernelsmith/kernelsmith/ntk/train"
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

func readNPZ(b []byte, arch *ntk.FCN) (*Net, error) {
	return parseNPZ(bytes.NewReader(b), int64(len(b)), arch)
}

func sameParameters(a, b *Net) bool {
	return a.config == b.config && slices.EqualFunc(a.layers, b.layers, func(a, b layer) bool {
		return slices.Equal(a.w, b.w) && slices.Equal(a.b, b.b)
	})
}

// There and back to the bit, for trained nets of every shape.
func TestNPZRoundTrip(t *testing.T) {
	p := smallProblem()
	for name, arch := range nets {
		net := ntk.Must(New(arch, Config{Inputs: 3, Width: 17, Outputs: 2, Seed: math.MaxUint64}))
		if _, err := train.Train(
			t.Context(), net, p, train.Settings{LearningRate: 0.01, Epochs: 2},
		); err != nil {
			t.Fatal(err)
		}
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
		if !mat.Equal(ntk.Must(net.Forward(p.XTest)), ntk.Must(back.Forward(p.XTest))) {
			t.Errorf("%s: other outputs", name)
		}
	}
}

// A file of a net is not taken for one of another architecture; what is frozen is
// the reader's affair.
func TestNPZChecksTheArchitecture(t *testing.T) {
	base := func() ([]ntk.Layer, ntk.Readout) {
		return []ntk.Layer{
				{Activation: ntk.ReLU{}, WeightStd: 1.2, BiasStd: 0.1},
				{Activation: ntk.Sin{Amplitude: 1, Frequency: 2}, WeightStd: 1.1},
			}, ntk.Readout{
				WeightStd: 1,
			}
	}
	layers, last := base()
	b := npzOf(
		t,
		ntk.Must(
			New(ntk.Must(ntk.NewFCN(layers, last)),
				Config{Inputs: 3, Width: 5, Outputs: 2, Seed: 4}),
		),
	)
	for says, change := range map[string]func(l *[]ntk.Layer, r *ntk.Readout){
		"":                      func(l *[]ntk.Layer, r *ntk.Readout) { (*l)[0].Frozen = true },
		"layer 0 has σ_w = 1.2": func(l *[]ntk.Layer, r *ntk.Readout) { (*l)[0].WeightStd = 1.21 },
		"layer 0 has σ_b = 0.1": func(l *[]ntk.Layer, r *ntk.Readout) { (*l)[0].BiasStd = 0.2 },
		"layer 2 has σ_w = 1":   func(l *[]ntk.Layer, r *ntk.Readout) { r.WeightStd = 2 },
		`activation "sin(2z)"`: func(l *[]ntk.Layer, r *ntk.Readout) {
			(*l)[1].Activation = ntk.Sin{Amplitude: 1, Frequency: 2 + 1e-14}
		},
		"no array layer3.weight": func(l *[]ntk.Layer, r *ntk.Readout) { *l = append(*l, (*l)[0]) },
		"layer 1 has σ_w = 1.1":  func(l *[]ntk.Layer, r *ntk.Readout) { *l = (*l)[:1] },
	} {
		layers, last := base()
		change(&layers, &last)
		_, err := readNPZ(b, ntk.Must(ntk.NewFCN(layers, last)))
		if says == "layer 1 has σ_w = 1.1" {
			says = "2HL ReLU, sin(2z) with 3 layers"
		}
		if (err == nil) != (says == "") || err != nil && !strings.Contains(err.Error(), says) {
			t.Errorf("error %v, must say %q", err, says)
		}
	}
	if _, err := readNPZ(b, nil); err == nil {
		t.Error("no architecture")
	}
}

// Every byte that a file may lose or have changed: an error, or the very net. What
// may change unseen is what a ZIP archive does not check, such as its dates.
func TestNPZDamaged(t *testing.T) {
	arch := nets["1HL ReLU"]
	net := ntk.Must(New(arch, Config{Inputs: 2, Width: 3, Outputs: 2, Seed: 9}))
	b := npzOf(t, net)
	for n := range b {
		if _, err := readNPZ(b[:n], arch); err == nil {
			t.Errorf("cut to %d of %d bytes: no error", n, len(b))
		}
	}
	named := 0
	for i := range b {
		for _, bit := range []byte{1, 0x80} {
			c := slices.Clone(b)
			c[i] ^= bit
			got, err := readNPZ(c, arch)
			if err == nil && !sameParameters(got, net) {
				t.Errorf("byte %d of %d changed: another net and no error", i, len(b))
			}
			if err != nil && strings.Contains(err.Error(), "layer") {
				named++
			}
		}
	}
	if named < 6*4*2*2 {
		t.Errorf("%d errors name an array", named)
	}
	// numbers in the wrong places, beside checksums that are right
	rewritten := func(change func(name string, data []byte) (string, []byte)) error {
		archive := ntk.Must(zip.NewReader(bytes.NewReader(b), int64(len(b))))
		var out bytes.Buffer
		w := zip.NewWriter(&out)
		for _, f := range archive.File {
			var data bytes.Buffer
			r := ntk.Must(f.Open())
			if _, err := data.ReadFrom(r); err != nil {
				t.Fatal(err)
			}
			name, d := change(f.Name, data.Bytes())
			if _, err := ntk.Must(w.Create(name)).Write(d); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		_, err := readNPZ(out.Bytes(), arch)
		return err
	}
	of := func(array string, f func(d []byte) []byte) func(string, []byte) (string, []byte) {
		return func(name string, d []byte) (string, []byte) {
			if name == array+".npy" {
				d = f(slices.Clone(d))
			}
			return name, d
		}
	}
	replace := func(old, by string) func(d []byte) []byte {
		padding := strings.Repeat(" ", len(by)-len(old))
		return func(d []byte) []byte {
			return bytes.Replace(d, []byte(old+", }"+padding),
				[]byte(by+", }"), 1)
		}
	}
	for says, err := range map[string]error{
		"": rewritten(of("", nil)),
		"layer0.weight has 20 bytes": rewritten(of("layer0.weight",
			func(d []byte) []byte { return d[:len(d)-4] })),
		"layer1.weight has 28 bytes": rewritten(of("layer1.weight",
			func(d []byte) []byte { return append(d, 0, 0, 0, 0) })),
		"layer0.bias: cut off in its header": rewritten(of("layer0.bias",
			func(d []byte) []byte { return d[:9] })),
		"layer0.bias: not an array": rewritten(of("layer0.bias",
			func(d []byte) []byte { d[1] = 'M'; return d })),
		"header of version 4": rewritten(of("layer0.bias",
			func(d []byte) []byte { d[6] = 4; return d })),
		"layer0.bias has the shape [9999999]": rewritten(of("layer0.bias",
			replace("(3,)", "(9999999,)"))),
		"layer0.weight: the shape (3, 9999999999)": rewritten(of("layer0.weight",
			replace("(3, 2)", "(3, 9999999999)"))),
		`"layer0.weight" in the file`: rewritten(func(name string, d []byte) (string, []byte) {
			return strings.Replace(name, "0.weight.npy", "0.weight", 1), d
		}),
		"must be one array": rewritten(func(name string, d []byte) (string,
			[]byte) {
			return strings.Replace(name, "bias", "weight", 1), d
		}),
		"layer1.weight is +Inf in row 1, column 2": rewritten(of("layer1.weight",
			func(d []byte) []byte {
				copy(d[len(d)-4:], []byte{0, 0, 0x80, 0x7f})
				return d
			})),
	} {
		if (err == nil) != (says == "") || err != nil && !strings.Contains(err.Error(), says) {
			t.Errorf("error %v, must say %q", err, says)
		}
	}
}

// Weights as other libraries have them, in×out, are known by the shapes of all arrays.
func TestNPZTransposed(t *testing.T) {
	type shapes map[string][]int
	file := func(arch *ntk.FCN, c Config, arrays shapes, described bool) []byte {
		var b bytes.Buffer
		archive := zip.NewWriter(&b)
		for name, shape := range arrays {
			w := bufio.NewWriter(ntk.Must(archive.Create(name + ".npy")))
			npz.Header(w, "<f4", shape)
			w.Write(make([]byte, 4*npz.Size(shape)))
			if err := w.Flush(); err != nil {
				t.Fatal(err)
			}
		}
		if described {
			text := ntk.Must(json.Marshal(ntk.Must(describe(arch, c))))
			w := bufio.NewWriter(ntk.Must(archive.Create(npz.Description + ".npy")))
			npz.Header(w, fmt.Sprintf("<U%d", len([]rune(string(text)))), nil)
			for _, r := range string(text) {
				w.Write(binary.LittleEndian.AppendUint32(nil, uint32(r)))
			}
			if err := w.Flush(); err != nil {
				t.Fatal(err)
			}
		}
		if err := archive.Close(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	deep := ntk.Must(ntk.UniformFCN(2, ntk.ReLU{}, 1, 0.5))
	plain := ntk.Must(ntk.UniformFCN(1, ntk.ReLU{}, 1, 0))
	for _, test := range []struct {
		arch      *ntk.FCN
		arrays    shapes
		described bool
		says      string
	}{
		{deep, shapes{"layer0.weight": {2, 5}, "layer0.bias": {5}, "layer1.weight": {5, 5},
			"layer1.bias": {5}, "layer2.weight": {5, 3}}, false,
			"all weights seem to be transposed: that of layer 0 has the shape [2 5]"},
		{deep, shapes{"layer0.weight": {2, 5}, "layer0.bias": {5}, "layer1.weight": {5, 5},
			"layer1.bias": {5}, "layer2.weight": {3, 5}}, false,
			"layer0.weight, of the shape [2 5], seems to be transposed"},
		{deep, shapes{"layer0.weight": {5, 2}, "layer0.bias": {5}, "layer1.weight": {5, 5},
			"layer1.bias": {5}, "layer2.weight": {5, 3}}, false,
			"layer2.weight, of the shape [5 3], seems to be transposed"},
		{deep, shapes{"layer0.weight": {5, 2}, "layer0.bias": {5}, "layer1.weight": {5, 4},
			"layer1.bias": {5}, "layer2.weight": {3, 5}}, false,
			"layer1.weight has the shape [5 4]; it must have [5 5]"},
		// Without the description this would be a net of 5 inputs and 5 outputs.
		{plain, shapes{"layer0.weight": {2, 5}, "layer1.weight": {5, 2}}, true,
			"all weights seem to be transposed"},
		{plain, shapes{"layer0.weight": {5, 2}, "layer1.weight": {5, 2}}, false,
			"layer0.weight, of the shape [5 2], or layer1.weight, of the shape [5 2], seems"},
	} {
		b := file(test.arch, Config{Inputs: 2, Width: 5, Outputs: 2}, test.arrays, test.described)
		_, err := readNPZ(b, test.arch)
		if err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%v: error %v, must say %q", test.arrays, err, test.says)
		}
	}
}

// Files of other kinds are named, and arrays under other names listed.
func TestNPZOfAnotherKind(t *testing.T) {
	file := func(names ...string) []byte {
		var b bytes.Buffer
		archive := zip.NewWriter(&b)
		for _, name := range names {
			w := bufio.NewWriter(ntk.Must(archive.Create(name)))
			npz.Header(w, "<f4", []int{1})
			w.Write(make([]byte, 4))
			if err := w.Flush(); err != nil {
				t.Fatal(err)
			}
		}
		if err := archive.Close(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	var alone bytes.Buffer
	w := bufio.NewWriter(&alone)
	npz.Header(w, "<f4", []int{1})
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	for says, b := range map[string][]byte{
		"one array (.npy), not an archive":                  alone.Bytes(),
		"a file of PyTorch (torch.save)":                    file("net/data.pkl", "net/data/0"),
		"no array layer0.weight; the file has 0.bias, 0.we": file("0.weight.npy", "0.bias.npy"),
		"not an .npz file, or cut off":                      []byte("\x93NUMP"),
	} {
		if _, err := readNPZ(b, nets["1HL ReLU"]); err == nil ||
			!strings.Contains(err.Error(), says) {
			t.Errorf("error %v, must say %q", err, says)
		}
	}
}

func TestSaveAndLoad(t *testing.T) {
	arch := nets["4HL ReLU"]
	net := ntk.Must(New(arch, Config{Inputs: 3, Width: 8, Outputs: 2, Seed: 1}))
	folder := t.TempDir()
	path := filepath.Join(folder, "net.npz")
	for range 2 { // over an old file too
		if err := net.Save(path); err != nil {
			t.Fatal(err)
		}
		if back := ntk.Must(Load(path, arch)); !sameParameters(net, back) {
			t.Error("another net")
		}
		net = ntk.Must(New(arch, Config{Inputs: 3, Width: 9, Outputs: 2, Seed: 2}))
	}
	if files := ntk.Must(os.ReadDir(folder)); len(files) != 1 {
		t.Errorf("%d files in the folder", len(files))
	}
	if _, err := Load(filepath.Join(folder, "none"), arch); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	if _, err := Load(path, nets["1HL ReLU"]); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("another architecture: %v", err)
	}
	if err := net.Save(filepath.Join(folder, "no", "net.npz")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no folder: %v", err)
	}
	// A folder in its place: nothing is left beside it.
	if err := net.Save(folder); err == nil {
		t.Error("saved over a folder")
	}
	if files := ntk.Must(filepath.Glob(filepath.Join(filepath.Dir(folder), ".*.tmp"))); len(
		files,
	) != 0 {
		t.Errorf("left behind: %v", files)
	}
}

func TestNumPyReadsNets(t *testing.T) {
	arch := ntk.Must(ntk.NewFCN([]ntk.Layer{
		{Activation: ntk.ReLU{}, WeightStd: 1.3, BiasStd: 0.2},
		{Activation: ntk.Erf{}, WeightStd: 0.7},
		{Activation: ntk.Sin{Amplitude: 0.5, Frequency: 6}, WeightStd: 1.1, BiasStd: 0.4},
	}, ntk.Readout{WeightStd: 0.8, BiasStd: 0.3}))
	net := ntk.Must(New(arch, Config{Inputs: 3, Width: 20, Outputs: 2, Seed: 1 << 63}))
	path := filepath.Join(t.TempDir(), "net.npz")
	if err := net.Save(path); err != nil {
		t.Fatal(err)
	}
	x := normals(5, 6, 3)
	rows := make([][]float64, 6)
	for i := range rows {
		rows[i] = x.RawRowView(i)
	}
	var got [][]float64
	if err := json.Unmarshal(
		pythontest.Run(t, "numpy", string(ntk.Must(json.Marshal(rows))),
			"testdata/npz.py", "forward", path), &got,
	); err != nil {
		t.Fatal(err)
	}
	want := ntk.Must(net.Forward(x))
	for i := range rows {
		for j := range 2 {
			if !(math.Abs(got[i][j]-want.At(i, j)) < 1e-5) { // float32, sin 6u
				t.Errorf("row %d, output %d: %v in Python, %v here", i, j, got[i][j], want.At(i, j))
			}
		}
	}
}

func TestNumPyWritesNets(t *testing.T) {
	folder := t.TempDir()
	pythontest.Run(t, "numpy", "", "testdata/npz.py", "write", folder)
	arch := ntk.Must(ntk.UniformFCN(1, ntk.ReLU{}, 1, 0.5))
	for _, name := range []string{"plain", "compressed", "columns"} {
		net, err := Load(filepath.Join(folder, name+".npz"), arch)
		if err != nil {
			t.Error(err)
			continue
		}
		if net.config != (Config{Inputs: 2, Width: 3, Outputs: 2}) ||
			!slices.Equal(net.layers[0].w,
				[]float32{-0.5, -0.25, 0, 0.25, 0.5, 0.75}) || !slices.Equal(net.layers[0].b,
			[]float32{0.5, -1, 2}) ||
			!slices.Equal(net.layers[1].w, []float32{-2, -1, 0, 1, 2, 3}) {
			t.Errorf("%s: %+v %v", name, net.config, net.layers)
		}
	}
	for name, says := range map[string]string{
		"double":     "layer0.weight is of the type \"<f8\"",
		"big-endian": "layer1.weight is of the type \">f4\"",
		"objects":    "layer0.bias is of the type \"|O\"",
		"records":    "layer0.bias: a header that is not of a plain array",
		"turned":     "layer1.weight, of the shape [3 2], seems to be transposed",
		"flat":       "layer0.weight has the shape [6]; a matrix is needed",
		"short":      "layer0.bias has the shape [2]; it must have [3]",
		"scalar":     "layer0.bias has the shape []; it must have [3]",
		"nan":        "layer1.weight is NaN in row 1, column 0",
		"lacking":    "no array layer0.bias",
		"more":       "layer1.bias in the file, where the architecture has σ_b = 0",
		"stray":      "layer2.weight is no array of a 1HL ReLU",
		"no-json":    "architecture is not the JSON of a net",
		"other":      "version 2; this program reads version 1",
		"number":     "architecture is of the type \"<f8\"",
	} {
		if _, err := Load(filepath.Join(folder, name+".npz"), arch); err == nil ||
			!strings.Contains(err.Error(), says) {
			t.Errorf("%s: error %v, must say %q", name, err, says)
		}
	}
}
