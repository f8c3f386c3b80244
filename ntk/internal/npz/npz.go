// Package npz reads and writes files of nets, NumPy's .npz: arrays of parameters in single
// precision and a string with a JSON object that says what net they are of.
package npz

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
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/kernelsmith/kernelsmith/internal/regular"
)

// Description is the name of the string that says what net a file is of.
const Description = "architecture"

// maxSize bounds the numbers of a shape.
const maxSize = math.MaxInt32

// Array is an array of parameters under its name in a file.
type Array struct {
	Name   string
	Shape  []int
	Values []float32 // nil for one of which the shape alone is known
}

// Write writes arrays, and before them the description as JSON. The same gives the same bytes.
func Write(w io.Writer, description any, arrays []Array) error {
	text, err := json.Marshal(description)
	if err != nil {
		return err
	}
	archive := zip.NewWriter(w)
	array := func(name, dtype string, shape []int, write func(w *bufio.Writer)) error {
		entry, err := archive.CreateHeader(&zip.FileHeader{Name: name + ".npy", Method: zip.Store})
		if err != nil {
			return fmt.Errorf("cannot write %s: %w", name, err)
		}
		b := bufio.NewWriterSize(entry, 1<<16)
		Header(b, dtype, shape)
		write(b)
		if err := b.Flush(); err != nil {
			return fmt.Errorf("cannot write %s: %w", name, err)
		}
		return nil
	}
	runes := []rune(string(text))
	err = array(Description, fmt.Sprintf("<U%d", len(runes)), nil, func(w *bufio.Writer) {
		var b [4]byte
		for _, r := range runes {
			binary.LittleEndian.PutUint32(b[:], uint32(r))
			w.Write(b[:]) // bufio keeps the first error for Flush
		}
	})
	if err != nil {
		return err
	}
	for _, p := range arrays {
		err := array(p.Name, "<f4", p.Shape, func(w *bufio.Writer) {
			var b [4]byte
			for _, v := range p.Values {
				binary.LittleEndian.PutUint32(b[:], math.Float32bits(v))
				w.Write(b[:])
			}
		})
		if err != nil {
			return err
		}
	}
	if err := archive.Close(); err != nil {
		return fmt.Errorf("cannot write the net: %w", err)
	}
	return nil
}

// Header writes a header of version 1 that ends at a multiple of 64 bytes.
//
// Source: NumPy enhancement proposal 1.
func Header(w *bufio.Writer, dtype string, shape []int) {
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

// ReadFile calls read for the bytes of a file, of which there are size. Errors begin with the
// package that reads, or end with the path.
func ReadFile(of, path string, read func(r io.ReaderAt, size int64) error) error {
	f, err := regular.Open(path)
	if err != nil {
		return fmt.Errorf("%s: %w", of, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("%s: %w", of, err)
	}
	if err := read(f, info.Size()); err != nil {
		return fmt.Errorf("%w (in %s)", err, path)
	}
	return nil
}

// File is the arrays of a file by their names.
type File map[string]*Entry

// Open reads the heads of all arrays, from size bytes of r.
func Open(r io.ReaderAt, size int64) (File, error) {
	archive, err := zip.NewReader(r, size)
	if err != nil {
		start := make([]byte, 6)
		if n, _ := r.ReadAt(start, 0); n == 6 && string(start) == "\x93NUMPY" {
			return nil, fmt.Errorf("one array (.npy), not an archive of them; write all " +
				"arrays of the net with numpy.savez")
		}
		return nil, fmt.Errorf("not an .npz file, or cut off: %w", err)
	}
	entries := File{}
	left := uint64(size)
	for _, f := range archive.File {
		if !plausible(f, left) {
			return nil, fmt.Errorf("%q is to have %d bytes, more than there can be in a file of %d",
				f.Name, f.UncompressedSize64, size)
		}
		left -= f.CompressedSize64
		name, ok := strings.CutSuffix(f.Name, ".npy")
		if strings.HasSuffix(f.Name, "/data.pkl") {
			return nil, fmt.Errorf("a file of PyTorch (torch.save), which is not read; " +
				"write the arrays with numpy.savez")
		}
		if !ok || entries[name] != nil {
			return nil, fmt.Errorf("%q in the file: each entry must be one array, .npy",
				f.Name)
		}
		if entries[name], err = open(name, f); err != nil {
			return nil, err
		}
	}
	return entries, nil
}

// mostUnpacked is what a byte of deflate can become at most.
const mostUnpacked = 1032

// plausible says whether an entry can have the size that the directory says, in a file of which so
// many bytes are left to it: memory is taken by that size.
func plausible(f *zip.File, left uint64) bool {
	packed := f.CompressedSize64
	if f.Method == zip.Store {
		return packed <= left && f.UncompressedSize64 == packed
	}
	return packed <= left && f.UncompressedSize64/mostUnpacked <= packed
}

// Shape returns the shape of an array, which has as many axes; kind says what that is.
func (f File) Shape(name string, axes int, kind string) ([]int, error) {
	e := f[name]
	if e == nil {
		return nil, fmt.Errorf("there is no array %s; the file has %s", name,
			strings.Join(slices.Sorted(maps.Keys(f)), ", "))
	}
	if len(e.Shape) != axes {
		return nil, fmt.Errorf("%s has the shape %v; %s is needed", name, e.Shape, kind)
	}
	return e.Shape, nil
}

// Take removes the description from the file and sets into to it. It reports whether there is one.
func (f File) Take(into any) (bool, error) {
	e := f[Description]
	if e == nil {
		return false, nil
	}
	delete(f, Description)
	text, err := e.text()
	if err != nil {
		return false, err
	}
	if err := json.NewDecoder(strings.NewReader(text)).Decode(into); err != nil {
		return false, fmt.Errorf("%s is not the JSON of a net: %w", Description, err)
	}
	return true, nil
}

// Check reports an array that is missing, has another type or shape than the wanted ones, or is
// none of those of the net. hint ends errors about shapes.
func (f File) Check(want []Array, net fmt.Stringer, hint func() string) error {
	wanted := map[string]bool{}
	for _, a := range want {
		wanted[a.Name] = true
		e := f[a.Name]
		switch {
		case e == nil:
			return fmt.Errorf("there is no array %s", a.Name)
		case e.dtype != "<f4":
			return fmt.Errorf("%s is of the type %q; it must be '<f4', single precision", a.Name,
				e.dtype)
		case !slices.Equal(e.Shape, a.Shape):
			return fmt.Errorf("%s has the shape %v; it must have %v%s", a.Name, e.Shape, a.Shape,
				hint())
		case e.size != 4*uint64(Size(a.Shape)):
			return fmt.Errorf("%s has %d bytes for the shape %v", a.Name, e.size, a.Shape)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(f)) {
		if wanted[name] {
			continue
		}
		if layer, bias := strings.CutSuffix(name, ".bias"); bias && wanted[layer+".weight"] {
			return fmt.Errorf("%s in the file, where the architecture has σ_b = 0", name)
		}
		return fmt.Errorf("%s is no array of a %v", name, net)
	}
	return nil
}

// Size is how many numbers an array has.
func Size(shape []int) int {
	p := 1
	for _, s := range shape {
		p *= s
	}
	return p
}

// Entry is an array of a file of which the header was read.
type Entry struct {
	name    string
	dtype   string
	fortran bool // columns first
	Shape   []int
	data    io.Reader
	size    uint64 // bytes of data, by the file's directory
}

var headerFields = regexp.MustCompile(
	`^\{\s*'descr':\s*'([^']*)',\s*'fortran_order':\s*(True|False),` +
		`\s*'shape':\s*\(([0-9, ]*)\),?\s*\}\s*$`,
)

func open(name string, f *zip.File) (*Entry, error) {
	bad := func(format string, a ...any) (*Entry, error) {
		return nil, fmt.Errorf("%s: %w", name, fmt.Errorf(format, a...))
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
	e := &Entry{name: name, dtype: string(m[1]), fortran: string(m[2]) == "True", data: r}
	for _, s := range strings.Split(strings.TrimSuffix(strings.ReplaceAll(string(m[3]), " ", ""),
		","), ",") {
		if s == "" && len(bytes.TrimSpace(m[3])) == 0 {
			break // shape ()
		}
		v, err := strconv.Atoi(s)
		if err != nil || v > maxSize {
			return bad("the shape (%s)", m[3])
		}
		e.Shape = append(e.Shape, v)
	}
	if f.UncompressedSize64 < uint64(begin+length) {
		return bad("cut off")
	}
	e.size = f.UncompressedSize64 - uint64(begin+length)
	return e, nil
}

// Read sets the values of an array, whose shape the entry has.
func (e *Entry) Read(p Array) error {
	columns := len(p.Values) / max(p.Shape[0], 1)
	buffer := make([]byte, 1<<16)
	for i := 0; i < len(p.Values); {
		b := buffer[:min(len(buffer), 4*(len(p.Values)-i))]
		if _, err := io.ReadFull(e.data, b); err != nil {
			return fmt.Errorf("%s is cut off or damaged: %w", e.name, err)
		}
		for ; len(b) > 0; b = b[4:] {
			v := math.Float32frombits(binary.LittleEndian.Uint32(b))
			at := i
			if e.fortran {
				at = turned(i, p.Shape)
			}
			if v-v != 0 {
				return fmt.Errorf("%s is %v in row %d, column %d; it must be finite", e.name, v,
					at/columns, at%columns)
			}
			p.Values[at] = v
			i++
		}
	}
	return e.end()
}

// turned is where the i-th number of an array whose first axis is the fastest lies where the last
// one is.
func turned(i int, shape []int) int {
	at, step := 0, Size(shape)
	for _, s := range shape {
		step /= s
		at += i % s * step
		i /= s
	}
	return at
}

// end reads to the end, where the checksum is compared.
func (e *Entry) end() error {
	switch n, err := io.Copy(io.Discard, e.data); {
	case err != nil:
		return fmt.Errorf("%s is damaged: %w", e.name, err)
	case n > 0:
		return fmt.Errorf("%s has %d bytes too many", e.name, n)
	}
	return nil
}

// text returns the string that the array holds.
func (e *Entry) text() (string, error) {
	length, err := strconv.Atoi(strings.TrimPrefix(e.dtype, "<U"))
	if err != nil || length < 0 || length > 1<<24 || len(e.Shape) != 0 ||
		e.size != 4*uint64(length) {
		return "", fmt.Errorf("%s is of the type %q and the shape %v; it must be one string",
			e.name, e.dtype, e.Shape)
	}
	b := make([]byte, 4*length)
	if _, err := io.ReadFull(e.data, b); err != nil {
		return "", fmt.Errorf("%s is cut off or damaged: %w", e.name, err)
	}
	var s strings.Builder
	for ; len(b) > 0; b = b[4:] {
		s.WriteRune(rune(binary.LittleEndian.Uint32(b)))
	}
	return strings.TrimRight(s.String(), "\x00"), e.end()
}
