//go:build unix

// Package hostile gives readers of files what no writer of them wrote, for tests.
package hostile

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"runtime/metrics"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
)

// Reader reads files of one kind.
type Reader struct {
	// Good is a file that is read, and Name what it is called in its folder.
	Good []byte
	Name string
	// Folder is where Name has to lie; a new one if it is empty.
	Folder string
	// Read reads the file, and returns what is in it.
	Read func(path string) (any, error)
	// Bad are further files, by what is wrong with them.
	Bad map[string][]byte
	// Loose files have no check sum: a change may give another value, and a part may be a whole.
	Loose bool
	// Unnamed readers are given no path, and cannot name it.
	Unnamed bool
	// Moves says that a bad file may be put elsewhere in the folder.
	Moves bool
}

// Memory that a reader may take, what it gave back included: some for itself, and for each byte of
// the file.
const (
	memory     = 24 << 20
	eachOfFile = 256
)

// How many places of a file are cut, and how many bits turned.
const (
	cuts  = 16
	flips = 120
)

// Check asks of a reader that it refuses what is no whole, regular and readable file of its kind:
// by an error that names the file, without a panic, in little memory, and with nothing written.
func (r Reader) Check(t testing.TB) {
	t.Helper()
	if r.Folder == "" {
		r.Folder = Folder(t)
	}
	path := filepath.Join(r.Folder, r.Name)
	write(t, path, r.Good)
	want, err := r.read(t, "the good file", path, len(r.Good))
	if err != nil {
		t.Fatalf("the good file is refused: %v", err)
	}
	for what, b := range r.altered() {
		write(t, path, b)
		got, err := r.read(t, what, path, len(b))
		// What stands for nothing, such as the case of a key or the last end of a line, may differ.
		if err == nil && !r.Loose && !reflect.DeepEqual(got, want) {
			t.Errorf("%s: it is read, as %v", what, got)
		}
	}
	bad := map[string][]byte{"empty": nil}
	maps.Copy(bad, r.Bad)
	for what, b := range bad {
		write(t, path, b)
		r.refuses(t, what, path, len(b))
	}
	remove(t, path)
	write(t, path, r.Good)
	if err := os.Truncate(path, 1<<40); err != nil {
		t.Fatal(err)
	}
	got, err := r.read(t, "a file of a terabyte", path, len(r.Good))
	if err == nil && (r.Loose || !reflect.DeepEqual(got, want)) {
		t.Errorf("a file of a terabyte: it is read, as %v", got)
	}
	r.others(t, path)
	remove(t, path)
}

// Folder is a folder for one test, in memory where there is such a file system, since hundreds of
// files are written.
func Folder(t testing.TB) string {
	dir, err := os.MkdirTemp("/dev/shm", "kernelsmith-test-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// altered are changes of the good file that may be read as what it is.
func (r Reader) altered() map[string][]byte {
	all := map[string][]byte{
		"twice":         slices.Concat(r.Good, r.Good),
		"a byte behind": append(slices.Clone(r.Good), 0),
	}
	for _, word := range []int{2, 4, 8} { // of the other order of bytes
		b := slices.Clone(r.Good)
		for part := range slices.Chunk(b, word) {
			slices.Reverse(part)
		}
		all[fmt.Sprintf("words of %d bytes turned", word)] = b
	}
	for i := 1; i < cuts; i++ {
		all[fmt.Sprintf("cut %d of %d", i, cuts)] = r.Good[:len(r.Good)*i/cuts]
	}
	all["cut at the end"] = r.Good[:len(r.Good)-1]
	for i := range min(flips, 8*len(r.Good)) {
		bit := i * 8 * len(r.Good) / min(flips, 8*len(r.Good))
		b := slices.Clone(r.Good)
		b[bit/8] ^= 1 << (bit % 8)
		all[fmt.Sprintf("bit %d turned", bit)] = b
	}
	return all
}

// others tries what is no file that can be read.
func (r Reader) others(t testing.TB, path string) {
	t.Helper()
	for _, other := range []struct {
		what string
		make func() error
	}{
		{"a folder", func() error { return os.Mkdir(path, 0o755) }},
		{"a link to itself", func() error { return os.Symlink(path, path) }},
		{"an empty device", func() error { return os.Symlink(os.DevNull, path) }},
		{"a device without end", func() error { return os.Symlink("/dev/zero", path) }},
		{"a file that cannot be read", func() error { return unreadable(path) }},
	} {
		remove(t, path)
		if err := other.make(); err != nil {
			t.Fatal(err)
		}
		r.refuses(t, other.what, path, len(r.Good))
		if t.Failed() {
			return // the next, without end, may take all memory
		}
	}
	remove(t, path)
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	var opened atomic.Bool
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		// Waits until the pipe is opened for reading, by the reader or below.
		if f, err := os.OpenFile(path, os.O_WRONLY, 0); err == nil {
			opened.Store(true)
			f.Close()
		}
	}()
	r.refuses(t, "a pipe", path, len(r.Good))
	if opened.Load() {
		t.Error("a pipe: it is opened, which waits for a writer")
	}
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		// The reader may have put it elsewhere: then the goroutine has to be let go.
		t.Fatal(err)
	}
	<-ended
	f.Close()
}

// unreadable makes a file that cannot be read, not even by root.
func unreadable(path string) error {
	if os.Geteuid() == 0 {
		return os.Symlink("/proc/self/mem", path) // whose first page is never there
	}
	return os.WriteFile(path, []byte("x"), 0)
}

// refuses asks for an error that names the file.
func (r Reader) refuses(t testing.TB, what, path string, size int) {
	t.Helper()
	v, err := r.read(t, what, path, size)
	switch {
	case err == nil:
		t.Errorf("%s: no error, but %v", what, v)
	case !r.Unnamed && !strings.Contains(err.Error(), r.Name):
		t.Errorf("%s: the error does not name %s: %v", what, r.Name, err)
	}
}

// read reads a file of so many bytes, in little memory and without a panic.
func (r Reader) read(t testing.TB, what, path string, size int) (v any, err error) {
	t.Helper()
	before := list(t, r.Folder)
	from := allocated()
	func() {
		defer func() {
			if p := recover(); p != nil {
				err = fmt.Errorf("%s: %v", path, p)
				t.Errorf("%s: panic: %v", what, p)
			}
		}()
		v, err = r.Read(path)
	}()
	if used := allocated() - from; used > uint64(memory+eachOfFile*size) {
		t.Errorf("%s: %d bytes of memory for a file of %d", what, used, size)
	}
	if after := list(t, r.Folder); !r.Moves && !slices.Equal(before, after) {
		t.Errorf("%s: the folder has %v, and had %v", what, after, before)
	}
	return v, err
}

// allocated is how much memory was ever taken. To ask for it stops nothing, which would take long
// beside other work.
func allocated() uint64 {
	s := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}

// list is what is in a folder, with sizes.
func list(t testing.TB, folder string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, fmt.Sprint(e.Name(), " ", info.Size()))
	}
	return names
}

func write(t testing.TB, path string, b []byte) {
	t.Helper()
	remove(t, path)
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

func remove(t testing.TB, path string) {
	t.Helper()
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
}
