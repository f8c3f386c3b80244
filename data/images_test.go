package data

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kernelsmith/kernelsmith/internal/imagesets"
	"github.com/kernelsmith/kernelsmith/internal/loaded"
)

// idx returns an idx file of unsigned bytes.
func idx(values []byte, dims ...uint32) []byte {
	b := []byte{0, 0, 8, byte(len(dims))}
	for _, d := range dims {
		b = binary.BigEndian.AppendUint32(b, d)
	}
	return append(b, values...)
}

// zipped returns b compressed by gzip.
func zipped(t testing.TB, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	if _, err := z.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// count returns n bytes that count from first.
func count(n, first int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(first + i)
	}
	return b
}

// smallSet is three training and two test images of 2×3 grey pixels, of three classes, with the
// contents of its files.
func smallSet() (*imagesets.Set, map[string][]byte) {
	files := map[string][]byte{
		"train-images": idx(count(18, 1), 3, 2, 3),
		"train-labels": idx([]byte{2, 0, 1}, 3),
		"t10k-images":  idx(count(12, 101), 2, 2, 3),
		"t10k-labels":  idx([]byte{1, 1}, 2),
	}
	set := &imagesets.Set{
		Name: "small", Folder: "small", Classes: []string{"a", "b", "c"},
		Height: 2, Width: 3, Channels: 1, TrainRows: 3, TestRows: 2,
		Source: "here", Licence: "any", Citation: "none",
	}
	for _, name := range []string{"train-images", "train-labels", "t10k-images", "t10k-labels"} {
		set.Files = append(set.Files, fileOf(name, files[name]))
	}
	return set, files
}

// smallCIFAR is six training images in three batches, and two test images, of 1×2 pixels in three
// colours.
func smallCIFAR() (*imagesets.Set, map[string][]byte) {
	files := map[string][]byte{}
	set := &imagesets.Set{
		Name: "small", Folder: "small", Classes: []string{"a", "b", "c"},
		Height: 1, Width: 2, Channels: 3, TrainRows: 6, TestRows: 2, Archive: true,
	}
	for i, name := range []string{"batch_1", "batch_2", "batch_3", "test"} {
		b := append([]byte{byte(i % 3)}, count(6, 20*i)...)
		b = append(append(b, byte((i+1)%3)), count(6, 20*i+10)...)
		files[name] = b
		set.Files = append(set.Files, fileOf(name, b))
	}
	return set, files
}

func fileOf(name string, b []byte) imagesets.File {
	sum := sha256.Sum256(b)
	return imagesets.File{Name: name, Bytes: int64(len(b)), SHA256: hex.EncodeToString(sum[:])}
}

// places points KERNELSMITH_DATA and the cache to folders of the test and returns that of the set
// in each.
func places(t *testing.T) (inData, inCache string) {
	t.Helper()
	root := t.TempDir()
	t.Setenv("KERNELSMITH_DATA", filepath.Join(root, "data"))
	t.Setenv("KERNELSMITH_CACHE", filepath.Join(root, "cache"))
	return filepath.Join(root, "data", "small"), filepath.Join(root, "cache", "small")
}

func write(t *testing.T, dir, name string, b []byte) {
	t.Helper()
	writeSet(t, dir, map[string]string{name: string(b)})
}

func TestLoadIDX(t *testing.T) {
	set, files := smallSet()
	inData, inCache := places(t)
	note := filepath.Join(t.TempDir(), "loaded")
	t.Setenv(loaded.Variable, note)
	// As it is, compressed, compressed in two streams, and in the other place.
	write(t, inData, "train-images", files["train-images"])
	write(t, inData, "train-labels.gz", zipped(t, files["train-labels"]))
	write(t, inData, "t10k-images.gz", append(zipped(t, files["t10k-images"][:9]),
		zipped(t, files["t10k-images"][9:])...))
	write(t, inCache, "t10k-labels.gz", files["t10k-labels"]) // unpacked, under the old name
	ds, err := loadIDX(set)
	if err != nil {
		t.Fatal(err)
	}
	want := &Dataset{
		Name: "small", Bytes: append(count(18, 1), count(12, 101)...), Labels: []int{2, 0, 1, 1, 1},
		Image: &Image{2, 3, 1, "HWC"}, Classes: 3, ClassNames: []string{"a", "b", "c"},
		Split: &Split{Train: []int{0, 1, 2}, Test: []int{3, 4}},
		Provenance: Provenance{Source: "here", Licence: "any", Citation: "none", Dir: inData,
			SHA256: map[string]string{}},
	}
	for _, f := range set.Files {
		want.Provenance.SHA256[f.Name] = f.SHA256
	}
	if diff := cmp.Diff(want, ds); diff != "" {
		t.Error(diff)
	}
	if b, err := os.ReadFile(note); err != nil || string(b) != "small\tany\n" {
		t.Errorf("noted %q, %v", b, err)
	}
	// The flow of every other set: one-hot targets, rows on the sphere.
	p, err := Prepare(ds, *ds.Split, Sphere{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([][]float64{{0, 0, 1}, {1, 0, 0}, {0, 1, 0}}, raw(p.YTrain)); diff != "" {
		t.Error(diff)
	}
}

func TestLoadCIFAR(t *testing.T) {
	set, files := smallCIFAR()
	inData, inCache := places(t)
	write(t, inData, "batch_1", files["batch_1"])
	write(t, inCache, "test", files["test"])
	for rows, labels := range map[int][]int{1: {0, 0, 1}, 2: {0, 1, 0, 1}} {
		ds, err := loadCIFAR(set, rows)
		if err != nil {
			t.Fatal(err)
		}
		pixels := append(append(count(6, 0), count(6, 10)...)[:6*rows],
			append(count(6, 60), count(6, 70)...)...)
		if !bytes.Equal(pixels, ds.Bytes) || !slices.Equal(labels, ds.Labels) ||
			ds.Image.Order != "CHW" || len(ds.Split.Train) != rows || ds.Split.Test[0] != rows {
			t.Errorf("%d rows: %v, %v, %v, %v", rows, ds.Bytes, ds.Labels, ds.Image, ds.Split)
		}
	}
	_, err := loadCIFAR(set, 3)
	wantError(t, err, "batch_2 not found", inData, inCache, "at most 2 training rows",
		"DATASETS=small", filepath.Join("small", "batch_2"))
	var missing *NotFoundError
	if !errors.As(err, &missing) || missing.File != "batch_2" || missing.Set != "small" {
		t.Errorf("%#v", err)
	}
	for _, rows := range []int{-1, 0, 7} {
		_, err := loadCIFAR(set, rows)
		wantError(t, err, "ask for 1 to 6")
	}
	// A missing first batch, or test batch, cannot be asked around.
	os.Remove(filepath.Join(inCache, "test"))
	_, err = loadCIFAR(set, 1)
	wantError(t, err, "test not found")
	if strings.Contains(err.Error(), "at most") {
		t.Error(err)
	}
	// All batches, in the order of their numbers.
	for name, b := range files {
		write(t, inData, name, b)
	}
	ds, err := loadCIFAR(set, 5)
	if err != nil || !slices.Equal(ds.Labels, []int{0, 1, 1, 2, 2, 0, 1}) || ds.Bytes[4*6] != 40 {
		t.Errorf("%v, %v", ds, err)
	}
}

func TestImageSetsThatAreNotThere(t *testing.T) {
	places(t)
	for name, load := range map[string]func() (*Dataset, error){
		"mnist: train-images-idx3-ubyte":         MNIST,
		"fashion-mnist: train-images-idx3-ubyte": FashionMNIST,
		"cifar-10: data_batch_1.bin":             func() (*Dataset, error) { return CIFAR10(1) },
	} {
		_, err := load()
		var missing *NotFoundError
		if !errors.As(err, &missing) || len(missing.Places) != 2 {
			t.Errorf("%s: %v", name, err)
		}
		wantError(t, err, "set "+name+" not found", "data/fetch")
	}
	_, err := CIFAR10(50001)
	wantError(t, err, "50001 training rows", "1 to 50000")
}

// damage is a file as it should not be, and what the error says.
type damage struct {
	what string
	file []byte
	want string
}

// damaged returns what can be wrong with a file of images or labels, compressed or not.
func damaged(t *testing.T, good []byte, first string) (all []damage) {
	all = []damage{
		{"nothing", nil, "ends after 0 of"},
		{"a page", []byte("<!DOCTYPE html><title>Log in</title>" + string(good)), first},
		{"one byte more", append(bytes.Clone(good), 0), "more than the"},
		{"much more", append(bytes.Clone(good), make([]byte, 3<<20)...), "more than the"},
		{"two bytes of gzip", []byte("\x1f\x8b"), "begins like a file of gzip"},
	}
	for n := range good[1:] {
		all = append(all,
			damage{"cut off", good[:n+1], "ends after"},
			damage{"cut off inside", zipped(t, good[:n+1]), "ends after"})
	}
	z := zipped(t, good)
	for n := 2; n < len(z); n++ {
		all = append(all, damage{"gzip cut off", z[:n], ""})
	}
	for n := range z {
		flipped := bytes.Clone(z)
		flipped[n] ^= 1 << (n % 8)
		all = append(all, damage{"flipped", flipped, "?"})
	}
	return append(all,
		damage{"followed by text", append(bytes.Clone(z), "trailing"...), "something that is not"},
		damage{"followed by a page", append(bytes.Clone(z), "<!DOCTYPE html>"...), "damaged after"},
		damage{"followed by zeros", append(bytes.Clone(z), make([]byte, 512)...), "damaged after"},
		damage{"followed by a stream", append(bytes.Clone(z), z...), "more than the"},
		damage{"one more inside", zipped(t, append(bytes.Clone(good), 0)), "more than the"})
}

// Each damage of each file is an error that names it, never a set.
func TestDamagedImageFiles(t *testing.T) {
	small, ofSmall := smallSet()
	cifar, ofCIFAR := smallCIFAR()
	for _, kind := range []struct {
		set   *imagesets.Set
		files map[string][]byte
		first string
		load  func(*imagesets.Set) (*Dataset, error)
	}{
		{small, ofSmall, "may be a page of HTML", loadIDX},
		{cifar, ofCIFAR, "label 60 of row 0", func(s *imagesets.Set) (*Dataset, error) {
			return loadCIFAR(s, s.TrainRows)
		}},
	} {
		dir, _ := places(t)
		for name, b := range kind.files {
			write(t, dir, name, b)
		}
		for name, good := range kind.files {
			for _, d := range damaged(t, good, kind.first) {
				write(t, dir, name, d.file)
				ds, err := kind.load(kind.set)
				if d.want == "?" && err == nil {
					continue // a bit of the header that says nothing of the contents
				}
				var format *FormatError
				var sum *ChecksumError
				switch {
				case ds != nil,
					!errors.As(err, &format) && !(d.want == "?" && errors.As(err, &sum)):
					t.Fatalf("%s, %s, %q: %v", name, d.what, d.file[:min(len(d.file), 100)], err)
				case !strings.Contains(err.Error(), filepath.Join(dir, name)),
					d.want != "?" && !strings.Contains(err.Error(), d.want),
					!strings.Contains(err.Error(), "data/fetch"):
					t.Errorf("%s, %s: %v, without %q", name, d.what, err, d.want)
				}
			}
			write(t, dir, name, good)
		}
	}
}

func TestWrongImageFiles(t *testing.T) {
	set, files := smallSet()
	dir, _ := places(t)
	for name, b := range files {
		write(t, dir, name, b)
	}
	for _, test := range []struct {
		name string
		file []byte
		want string
	}{
		{"train-images", idx(count(18, 1), 18),
			"an idx file of 3 dimensions begins with 00 00 08 03"},
		{"train-images", append([]byte{0, 0, 9, 3}, files["train-images"][4:]...), "00 00 09 03"},
		{"train-images", idx(count(18, 1), 3, 3, 2), "its dimensions are [3 3 2], and those of"},
		{"train-images", idx(nil, 1<<32-1, 1<<32-1, 1<<32-1), "[4294967295 4294967295 4294967295]"},
		{"t10k-labels", idx(nil, 1<<32-1), "[4294967295]"},
		{"train-labels", idx([]byte{2, 0, 3}, 3),
			"label 3 of row 2 (counted from 0) is outside [0, 3)"},
		{"train-images", idx(count(18, 2), 3, 2, 3), "differs from the published file"},
		{"train-labels", idx([]byte{2, 0, 2}, 3), "differs from the published file"},
	} {
		for _, b := range [][]byte{test.file, zipped(t, test.file)} {
			write(t, dir, test.name, b)
			ds, err := loadIDX(set)
			wantError(t, err, test.want, filepath.Join(dir, test.name), "data/fetch")
			if ds != nil {
				t.Error("a set beside the error")
			}
		}
		write(t, dir, test.name, files[test.name])
	}
	cifar, files := smallCIFAR()
	for name, b := range files {
		write(t, dir, name, b)
	}
	changed := bytes.Clone(files["batch_2"])
	changed[7] = 3
	write(t, dir, "batch_2", changed)
	_, err := loadCIFAR(cifar, 3) // the record is not asked for, and must be right even so
	wantError(t, err, "batch_2: label 3 of row 1 (counted from 0) is outside [0, 3)")
	// A folder in the place of a file, and a file in that of the folder.
	os.Remove(filepath.Join(dir, "batch_1"))
	if err := os.Mkdir(filepath.Join(dir, "batch_1"), 0o755); err != nil {
		t.Fatal(err)
	}
	_, err = loadCIFAR(cifar, 1)
	wantError(t, err, "no regular file but a folder")
	write(t, filepath.Dir(dir), "mnist", nil)
	_, err = MNIST()
	wantError(t, err, "the folder of the set should be there")
}

// A few kilobytes that unpack to much more, and a header that claims them, take the memory of the
// set alone, and little time.
func TestHostileImageFilesTakeLittleMemory(t *testing.T) {
	set, files := smallSet()
	dir, _ := places(t)
	for name, b := range files {
		write(t, dir, name, b)
	}
	bomb := append(zipped(t, files["train-images"]), zipped(t, make([]byte, 32<<20))...)
	empty := bytes.Repeat(zipped(t, nil), 100000) // 2.3 MB that unpack to nothing
	for what, b := range map[string][]byte{"bomb": bomb, "empty streams": empty,
		"claim": idx(nil, 1<<32-1, 1<<32-1, 1<<32-1)} {
		write(t, dir, "train-images.gz", b)
		os.Remove(filepath.Join(dir, "train-images"))
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := loadIDX(set)
		runtime.ReadMemStats(&after)
		var format *FormatError
		if !errors.As(err, &format) {
			t.Errorf("%s: %v", what, err)
		}
		if used := after.TotalAlloc - before.TotalAlloc; used > 1<<20 {
			t.Errorf("%s: %d bytes", what, used)
		}
	}
}

func FuzzReadIDX(f *testing.F) {
	_, files := smallSet()
	for _, name := range []string{"train-images", "train-labels"} {
		f.Add(files[name])
		f.Add(zipped(f, files[name]))
		f.Add(files[name][:9])
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		for _, dims := range [][]int{{3, 2, 3}, {3}} {
			n, head := 1, []uint32{}
			for _, d := range dims {
				n, head = n*d, append(head, uint32(d))
			}
			dst := make([]byte, n)
			size := int64(n + 4 + 4*len(dims))
			got, err := contents(bytes.NewReader(file), "file", size, func(in io.Reader) error {
				return readIDX(in, "file", dst, dims...)
			})
			if err != nil {
				wantFormatError(t, err)
				continue
			}
			// What was read makes the file again, and no other is accepted for it.
			checkContents(t, file, idx(dst, head...), got)
		}
	})
}

func FuzzReadCIFAR(f *testing.F) {
	set, files := smallCIFAR()
	f.Add(files["batch_1"])
	f.Add(zipped(f, files["test"]))
	f.Add(files["batch_2"][:9])
	f.Fuzz(func(t *testing.T, file []byte) {
		r := newImageReader(set, 2)
		r.ds.Bytes = make([]byte, 4*6)
		got, err := contents(bytes.NewReader(file), "file", 14, func(in io.Reader) error {
			return r.readBatch(in, "file", 1, 2, 2)
		})
		if err != nil {
			wantFormatError(t, err)
			return
		}
		var again []byte
		for i := 1; i < 3; i++ {
			again = append(append(again, byte(r.ds.Labels[i])), r.ds.Bytes[6*i:6*i+6]...)
		}
		checkContents(t, file, again, got)
		if r.ds.Labels[0] != 0 || !bytes.Equal(r.ds.Bytes[:6], make([]byte, 6)) {
			t.Error("a row that the file is not of has changed")
		}
		if err := r.ds.Validate(); err != nil {
			t.Error(err)
		}
	})
}

func wantFormatError(t *testing.T, err error) {
	t.Helper()
	var format *FormatError
	if !errors.As(err, &format) || format.Remedy == "" {
		t.Fatalf("%#v", err)
	}
}

// checkContents compares what is in a file with what was read, and with its checksum.
func checkContents(t *testing.T, file, want []byte, sum string) {
	t.Helper()
	inside := file
	if bytes.HasPrefix(file, []byte("\x1f\x8b")) {
		z, err := gzip.NewReader(bytes.NewReader(file))
		if err != nil {
			t.Fatal(err)
		}
		if inside, err = io.ReadAll(z); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(inside, want) || fileOf("", inside).SHA256 != sum {
		t.Fatalf("read % x with the sum %s from % x", want, sum, inside)
	}
}
