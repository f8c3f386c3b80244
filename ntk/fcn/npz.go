package fcn

import (
	"archive/zip"
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/kernelsmith/kernelsmith/internal/atomicfile"
	"github.com/kernelsmith/kernelsmith/ntk"
)

const (
	netFormat  = "kernelsmith net"
	netVersion = 1

	descriptionName = "architecture"
)

// description is what a file says of its net, beside the parameters.
type description struct {
	Format  string             `json:"format"`
	Version int                `json:"version"`
	Net     string             `json:"net"`
	Inputs  int                `json:"inputs"`
	Width   int                `json:"width"`
	Outputs int                `json:"outputs"`
	Seed    uint64             `json:"seed"`
	Layers  []layerDescription `json:"layers"` // the readout last
}

type layerDescription struct {
	Activation  string  `json:"activation"` // "" in the readout
	Fingerprint string  `json:"fingerprint"`
	WeightStd   float64 `json:"weight_std"`
	BiasStd     float64 `json:"bias_std"`
	Frozen      bool    `json:"frozen"`
}

func describe(arch *ntk.FCN, c Config) (description, error) {
	d := description{
		netFormat,
		netVersion,
		arch.String(),
		c.Inputs,
		c.Width,
		c.Outputs,
		c.Seed,
		nil,
	}
	for _, l := range arch.Layers() {
		alone, err := ntk.UniformFCN(1, l.Activation, 1, 0)
		if err != nil {
			return d, err
		}
		name := fmt.Sprintf("%T", l.Activation)
		if s, ok := l.Activation.(fmt.Stringer); ok {
			name = s.String()
		}
		d.Layers = append(d.Layers,
			layerDescription{name, alone.Fingerprint(), l.WeightStd, l.BiasStd, l.Frozen})
	}
	r := arch.Readout()
	d.Layers = append(d.Layers, layerDescription{"", "", r.WeightStd, r.BiasStd, r.Frozen})
	return d, nil
}

// fits returns an error that names the first difference between the architecture of a file's
// net and the wanted one. Which layers are frozen may differ.
func (d description) fits(want description) error {
	switch {
	case d.Format != netFormat:
		return fmt.Errorf("its format is %q, not %q", d.Format, netFormat)
	case d.Version != netVersion:
		return fmt.Errorf("it is of version %d; this program reads version %d", d.Version,
			netVersion)
	case len(d.Layers) != len(want.Layers):
		return fmt.Errorf("it is of a %s with %d layers; the architecture, %s, has %d", d.Net,
			len(d.Layers), want.Net, len(want.Layers))
	}
	for i, l := range d.Layers {
		w := want.Layers[i]
		switch {
		case l.WeightStd != w.WeightStd:
			return fmt.Errorf("layer %d has σ_w = %v; in the architecture it is %v", i, l.WeightStd,
				w.WeightStd)
		case l.BiasStd != w.BiasStd:
			return fmt.Errorf("layer %d has σ_b = %v; in the architecture it is %v", i, l.BiasStd,
				w.BiasStd)
		case l.Fingerprint != w.Fingerprint:
			return fmt.Errorf(
				"layer %d has the activation %q (fingerprint %s); in the architecture it is %q "+
					"(%s)", i, l.Activation, l.Fingerprint, w.Activation, w.Fingerprint)
		}
	}
	return nil
}

// WriteNPZ writes the net as NumPy's .npz, for numpy.load: for each layer i from 0,
// the readout last, "layer<i>.weight" (out×in) and, where σ_b > 0, "layer<i>.bias"
// (out), in single precision; and "architecture", a string with a JSON object of the
// sizes, the seed and each layer's activation, σ_w and σ_b. The net is
//
//	h = φ(weight_std/√in · h W^T + bias_std · b)
//
// layer by layer, without φ in the readout. The same net gives the same bytes.
func (n *Net) WriteNPZ(w io.Writer) error {
	d, err := describe(n.arch, n.config)
	if err != nil {
		return err
	}
	text, err := json.Marshal(d)
	if err != nil {
		return fmt.Errorf("fcn: %w", err)
	}
	archive := zip.NewWriter(w)
	array := func(name, dtype string, shape []int, write func(w *bufio.Writer)) error {
		entry, err := archive.CreateHeader(&zip.FileHeader{Name: name + ".npy", Method: zip.Store})
		if err != nil {
			return fmt.Errorf("fcn: cannot write %s: %w", name, err)
		}
		b := bufio.NewWriterSize(entry, 1<<16)
		writeHeader(b, dtype, shape)
		write(b)
		if err := b.Flush(); err != nil {
			return fmt.Errorf("fcn: cannot write %s: %w", name, err)
		}
		return nil
	}
	runes := []rune(string(text))
	err = array(descriptionName, fmt.Sprintf("<U%d", len(runes)), nil, func(w *bufio.Writer) {
		var b [4]byte
		for _, r := range runes {
			binary.LittleEndian.PutUint32(b[:], uint32(r))
			w.Write(b[:]) // bufio keeps the first error for Flush
		}
	})
	if err != nil {
		return err
	}
	for _, p := range n.arrays() {
		err := array(p.name, "<f4", p.shape, func(w *bufio.Writer) {
			var b [4]byte
			for _, v := range p.values {
				binary.LittleEndian.PutUint32(b[:], math.Float32bits(v))
				w.Write(b[:])
			}
		})
		if err != nil {
			return err
		}
	}
	if err := archive.Close(); err != nil {
		return fmt.Errorf("fcn: cannot write the net: %w", err)
	}
	return nil
}

// array is a parameter array of a net under its name in a file.
type array struct {
	name   string
	shape  []int
	values []float32
}

func (n *Net) arrays() (out []array) {
	for i, l := range n.layers {
		out = append(out, array{fmt.Sprintf("layer%d.weight", i), []int{l.out, l.in}, l.w})
		if l.b != nil {
			out = append(out, array{fmt.Sprintf("layer%d.bias", i), []int{l.out}, l.b})
		}
	}
	return out
}

// writeHeader writes a header of version 1 that ends at a multiple of 64 bytes.
//
// Source: NumPy enhancement proposal 1.
func writeHeader(w *bufio.Writer, dtype string, shape []int) {
	text := ""
	for _, s := range shape {
		text += fmt.Sprintf("%d, ", s)
	}
	if len(shape) > 1 {
		text = strings.TrimSuffix(text, ", ")
	}
	header := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", dtype,
		strings.TrimSuffix(text, " "))
	header += strings.Repeat(" ", 63-(10+len(header))%64) + "\n"
	w.WriteString("\x93NUMPY\x01\x00")
	w.Write(binary.LittleEndian.AppendUint16(nil, uint16(len(header))))
	w.WriteString(header)
}

// Save writes the net to a file as WriteNPZ does. It is written beside path and
// renamed, so that path never holds a part of it.
func (n *Net) Save(path string) error {
	if err := atomicfile.Write(path, n.WriteNPZ); err != nil {
		return fmt.Errorf("fcn: %w", err)
	}
	return nil
}

// Load reads a net of the given architecture from an .npz file, compressed or not, which
// [Net.Save] or [Net.WriteNPZ] wrote, or numpy.savez with the same arrays. The sizes of the net
// are those of the arrays. If the file has an "architecture" it must agree with arch, except
// for which layers are frozen; if it has none the seed is 0. It is an error, which names the
// array, if an array is missing or is one too many, is not of single precision ('<f4'), has
// another shape than the architecture and the other arrays require, such as one that is
// transposed, or has an entry that is not finite, and if the file was cut off or changed.
func Load(path string, arch *ntk.FCN) (*Net, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("fcn: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("fcn: %w", err)
	}
	n, err := parseNPZ(f, info.Size(), arch)
	if err != nil {
		return nil, fmt.Errorf("%w (in %s)", err, path)
	}
	return n, nil
}

// parseNPZ reads a net as [Load] does, from size bytes of r.
func parseNPZ(r io.ReaderAt, size int64, arch *ntk.FCN) (*Net, error) {
	if arch == nil || arch.Depth() == 0 {
		return nil, fmt.Errorf("fcn: no architecture to read a net of; make one with ntk.NewFCN")
	}
	entries, err := openEntries(r, size)
	if err != nil {
		return nil, err
	}
	var c Config
	if c.Width, c.Inputs, err = entries.matrix("layer0.weight"); err != nil {
		return nil, err
	}
	if c.Outputs, _, err = entries.matrix(fmt.Sprintf("layer%d.weight", arch.Depth())); err != nil {
		return nil, err
	}
	want, err := describe(arch, c)
	if err != nil {
		return nil, err
	}
	if c.Seed, err = entries.takeDescription(want, c); err != nil {
		return nil, err
	}
	// Shapes before memory is taken for them.
	if err := entries.checkArrays(want, arch, c); err != nil {
		return nil, err
	}
	n, err := New(arch, c)
	if err != nil {
		return nil, err
	}
	for _, p := range n.arrays() {
		if err := entries[p.name].read(p); err != nil {
			return nil, err
		}
	}
	return n, nil
}

// npzEntries are the arrays of a file by their names.
type npzEntries map[string]*entry

// openEntries reads the heads of all arrays.
func openEntries(r io.ReaderAt, size int64) (npzEntries, error) {
	archive, err := zip.NewReader(r, size)
	if err != nil {
		start := make([]byte, 6)
		if n, _ := r.ReadAt(start, 0); n == 6 && string(start) == "\x93NUMPY" {
			return nil, fmt.Errorf("fcn: one array (.npy), not an archive of them; write all " +
				"arrays of the net with numpy.savez")
		}
		return nil, fmt.Errorf("fcn: not an .npz file, or cut off: %w", err)
	}
	entries := npzEntries{}
	for _, f := range archive.File {
		name, ok := strings.CutSuffix(f.Name, ".npy")
		if strings.HasSuffix(f.Name, "/data.pkl") {
			return nil, fmt.Errorf("fcn: a file of PyTorch (torch.save), which is not read; " +
				"write the arrays with numpy.savez")
		}
		if !ok || entries[name] != nil {
			return nil, fmt.Errorf("fcn: %q in the file: each entry must be one array, .npy",
				f.Name)
		}
		if entries[name], err = open(name, f); err != nil {
			return nil, err
		}
	}
	return entries, nil
}

// matrix returns the sizes of a matrix.
func (entries npzEntries) matrix(name string) (out, in int, err error) {
	e := entries[name]
	if e == nil {
		return 0, 0, fmt.Errorf("fcn: there is no array %s; the file has %s", name,
			strings.Join(slices.Sorted(maps.Keys(entries)), ", "))
	}
	if len(e.shape) != 2 {
		return 0, 0, fmt.Errorf("fcn: %s has the shape %v; a matrix is needed", name, e.shape)
	}
	return e.shape[0], e.shape[1], nil
}

// takeDescription removes the description, if the file has one, and returns the seed in it.
// It reports one that is of another net than the arrays.
func (entries npzEntries) takeDescription(want description, c Config) (seed uint64, err error) {
	e := entries[descriptionName]
	if e == nil {
		return c.Seed, nil
	}
	delete(entries, descriptionName)
	text, err := e.text()
	if err != nil {
		return 0, err
	}
	var d description
	decoder := json.NewDecoder(strings.NewReader(text))
	if err := decoder.Decode(&d); err != nil {
		return 0, fmt.Errorf("fcn: %s is not the JSON of a net: %w", descriptionName, err)
	}
	if err := d.fits(want); err != nil {
		return 0, fmt.Errorf("fcn: %s of the file: %w", descriptionName, err)
	}
	if d.Inputs != c.Inputs || d.Width != c.Width || d.Outputs != c.Outputs {
		return 0, fmt.Errorf(
			"fcn: %s of the file tells of %d inputs, width %d and %d outputs; its arrays "+
				"have %d, %d and %d%s", descriptionName, d.Inputs, d.Width, d.Outputs, c.Inputs,
			c.Width, c.Outputs, entries.transposed(want, d))
	}
	return d.Seed, nil
}

// checkArrays reports an array that is missing, has another type or shape than the net's, or
// is none of the net's.
func (entries npzEntries) checkArrays(want description, arch *ntk.FCN, c Config) error {
	in := c.Inputs
	expected := 0
	for i, l := range want.Layers {
		out := c.Width
		if i == arch.Depth() {
			out = c.Outputs
		}
		shapes := map[string][]int{fmt.Sprintf("layer%d.weight", i): {out, in}}
		if l.BiasStd > 0 {
			shapes[fmt.Sprintf("layer%d.bias", i)] = []int{out}
		}
		for name, shape := range shapes {
			e := entries[name]
			switch {
			case e == nil:
				return fmt.Errorf("fcn: there is no array %s", name)
			case e.dtype != "<f4":
				return fmt.Errorf(
					"fcn: %s is of the type %q; it must be '<f4', single precision", name, e.dtype)
			case !slices.Equal(e.shape, shape):
				return fmt.Errorf("fcn: %s has the shape %v; it must have %v%s", name, e.shape,
					shape, entries.transposed(want, description{}))
			case e.size != 4*uint64(product(shape)):
				return fmt.Errorf("fcn: %s has %d bytes for the shape %v", name, e.size, shape)
			}
			expected++
		}
		in = out
	}
	if len(entries) != expected {
		for name := range entries {
			i, kind, ok := strings.Cut(strings.TrimPrefix(name, "layer"), ".")
			k, err := strconv.Atoi(i)
			if !ok || err != nil || k < 0 || k >= len(want.Layers) ||
				kind != "weight" && kind != "bias" ||
				fmt.Sprintf("layer%d.%s", k, kind) != name {
				return fmt.Errorf("fcn: %s is no array of a %v", name, arch)
			}
			if kind == "bias" && want.Layers[k].BiasStd == 0 {
				return fmt.Errorf("fcn: %s in the file, where the architecture has σ_b = 0",
					name)
			}
		}
	}
	return nil
}

// transposed ends an error about shapes: it names weights that seem to be in×out, if with all of
// them or one of them turned the arrays are those of a net, and of the sizes told, unless these
// are 0.
func (entries npzEntries) transposed(want, told description) string {
	depth := len(want.Layers)
	fits := func(turned func(layer int) bool) bool {
		var in, width, out int
		for i, l := range want.Layers {
			e := entries[fmt.Sprintf("layer%d.weight", i)]
			if e == nil || len(e.shape) != 2 {
				return false
			}
			rows, cols := e.shape[0], e.shape[1]
			if turned(i) {
				rows, cols = cols, rows
			}
			b := entries[fmt.Sprintf("layer%d.bias", i)]
			if i == 0 {
				in, width = cols, rows
			} else if cols != width || i < depth-1 && rows != width {
				return false
			}
			if l.BiasStd > 0 && (b == nil || !slices.Equal(b.shape, []int{rows})) {
				return false
			}
			out = rows
		}
		return told.Width == 0 || told.Inputs == in && told.Width == width && told.Outputs == out
	}
	if fits(func(int) bool { return true }) {
		return fmt.Sprintf("; all weights seem to be transposed: that of layer 0 has the shape "+
			"%v, and weights must be out×in, so save .T of each", entries["layer0.weight"].shape)
	}
	var names []string
	for k := range depth {
		if fits(func(i int) bool { return i == k }) {
			name := fmt.Sprintf("layer%d.weight", k)
			names = append(names, fmt.Sprintf("%s, of the shape %v,", name, entries[name].shape))
		}
	}
	if names == nil {
		return ""
	}
	return fmt.Sprintf("; %s seems to be transposed: weights must be out×in, so save its .T",
		strings.Join(names, " or "))
}

func product(shape []int) int {
	p := 1
	for _, s := range shape {
		p *= s
	}
	return p
}

// entry is an array of a file of which the header was read.
type entry struct {
	name    string
	dtype   string
	fortran bool // columns first
	shape   []int
	data    io.Reader
	size    uint64 // bytes of data, by the file's directory
}

var headerFields = regexp.MustCompile(
	`^\{\s*'descr':\s*'([^']*)',\s*'fortran_order':\s*(True|False),` +
		`\s*'shape':\s*\(([0-9, ]*)\),?\s*\}\s*$`,
)

func open(name string, f *zip.File) (*entry, error) {
	bad := func(format string, a ...any) (*entry, error) {
		return nil, fmt.Errorf("fcn: %s: %w", name, fmt.Errorf(format, a...))
	}
	r, err := f.Open()
	if err != nil {
		return bad("%w", err)
	}
	start := make([]byte, 12)
	if _, err := io.ReadFull(r, start[:10]); err != nil {
		return bad("cut off in its header: %w", err)
	}
	if !bytes.HasPrefix(start, []byte("\x93NUMPY")) {
		return bad("not an array of NumPy")
	}
	length, begin := int(binary.LittleEndian.Uint16(start[8:])), 10
	switch start[6] {
	case 1:
	case 2, 3:
		if _, err := io.ReadFull(r, start[10:]); err != nil {
			return bad("cut off in its header: %w", err)
		}
		length, begin = int(binary.LittleEndian.Uint32(start[8:])), 12
	default:
		return bad("a header of version %d; versions 1 to 3 are known", start[6])
	}
	if length > 1<<16 {
		return bad("a header of %d bytes", length)
	}
	header := make([]byte, length)
	if _, err := io.ReadFull(r, header); err != nil {
		return bad("cut off in its header: %w", err)
	}
	m := headerFields.FindSubmatch(header)
	if m == nil {
		return bad("a header that is not of a plain array: %q", header)
	}
	e := &entry{name: name, dtype: string(m[1]), fortran: string(m[2]) == "True", data: r}
	for _, s := range strings.Split(strings.TrimSuffix(strings.ReplaceAll(string(m[3]), " ", ""),
		","), ",") {
		if s == "" && len(bytes.TrimSpace(m[3])) == 0 {
			break // shape ()
		}
		v, err := strconv.Atoi(s)
		if err != nil || v > maxParams {
			return bad("the shape (%s)", m[3])
		}
		e.shape = append(e.shape, v)
	}
	if f.UncompressedSize64 < uint64(begin+length) {
		return bad("cut off")
	}
	e.size = f.UncompressedSize64 - uint64(begin+length)
	return e, nil
}

// read sets the values of p, whose shape the entry has.
func (e *entry) read(p array) error {
	rows, cols := p.shape[0], 1
	if len(p.shape) == 2 {
		cols = p.shape[1]
	}
	buffer := make([]byte, 1<<16)
	for i := 0; i < len(p.values); {
		b := buffer[:min(len(buffer), 4*(len(p.values)-i))]
		if _, err := io.ReadFull(e.data, b); err != nil {
			return fmt.Errorf("fcn: %s is cut off or damaged: %w", e.name, err)
		}
		for ; len(b) > 0; b = b[4:] {
			v := math.Float32frombits(binary.LittleEndian.Uint32(b))
			at := i
			if e.fortran {
				at = i%rows*cols + i/rows
			}
			if v-v != 0 {
				return fmt.Errorf("fcn: %s is %v in row %d, column %d; it must be finite", e.name,
					v, at/cols, at%cols)
			}
			p.values[at] = v
			i++
		}
	}
	return e.end()
}

// end reads to the end, where the checksum is compared.
func (e *entry) end() error {
	switch n, err := io.Copy(io.Discard, e.data); {
	case err != nil:
		return fmt.Errorf("fcn: %s is damaged: %w", e.name, err)
	case n > 0:
		return fmt.Errorf("fcn: %s has %d bytes too many", e.name, n)
	}
	return nil
}

// text returns the string that the array holds.
func (e *entry) text() (string, error) {
	length, err := strconv.Atoi(strings.TrimPrefix(e.dtype, "<U"))
	if err != nil || length < 0 || length > 1<<24 || len(e.shape) != 0 ||
		e.size != 4*uint64(length) {
		return "", fmt.Errorf("fcn: %s is of the type %q and the shape %v; it must be one string",
			e.name, e.dtype, e.shape)
	}
	b := make([]byte, 4*length)
	if _, err := io.ReadFull(e.data, b); err != nil {
		return "", fmt.Errorf("fcn: %s is cut off or damaged: %w", e.name, err)
	}
	var s strings.Builder
	for ; len(b) > 0; b = b[4:] {
		s.WriteRune(rune(binary.LittleEndian.Uint32(b)))
	}
	return strings.TrimRight(s.String(), "\x00"), e.end()
}
