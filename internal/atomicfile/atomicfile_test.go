package atomicfile

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A write that fails half way leaves what was there, and nothing beside it.
func TestWrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := WriteBytes(path, []byte("first")); err != nil {
		t.Fatal(err)
	}
	full := errors.New("disk full")
	err := Write(path, func(w io.Writer) error {
		if _, err := w.Write([]byte("sec")); err != nil {
			return err
		}
		return full
	})
	if !errors.Is(err, full) || !strings.Contains(err.Error(), path) {
		t.Errorf("error %v", err)
	}
	if b, err := os.ReadFile(path); string(b) != "first" || err != nil {
		t.Errorf("the file holds %q, %v", b, err)
	}
	if left, err := os.ReadDir(filepath.Dir(path)); len(left) != 1 || err != nil {
		t.Errorf("left: %v, %v", left, err)
	}
	if err := WriteBytes(path, []byte("second")); err != nil {
		t.Error(err)
	}
	if b, err := os.ReadFile(path); string(b) != "second" || err != nil {
		t.Errorf("the file holds %q, %v", b, err)
	}
	// Where a folder has the name, nothing is lost either.
	if err := WriteBytes(filepath.Dir(path), nil); err == nil {
		t.Error("a folder was replaced")
	}
	if err := WriteBytes(filepath.Join(path, "below"), nil); err == nil ||
		!strings.Contains(err.Error(), "cannot write in the folder of") {
		t.Errorf("in a file: %v", err)
	}
}

// The first to write a new file wins, with links and, one after the other, without.
func TestWriteNew(t *testing.T) {
	defer func() { link = os.Link }()
	for name, by := range map[string]func(old, new string) error{
		"links":    os.Link,
		"no links": func(string, string) error { return errors.ErrUnsupported },
	} {
		link = by
		path := filepath.Join(t.TempDir(), "file")
		if err := WriteNew(path, []byte("first")); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := WriteNew(path, []byte("second")); !errors.Is(err, fs.ErrExist) ||
			!strings.Contains(err.Error(), path) {
			t.Errorf("%s: over a file: %v", name, err)
		}
		if b, err := os.ReadFile(path); string(b) != "first" || err != nil {
			t.Errorf("%s: the file holds %q, %v", name, b, err)
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o644 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
		if left, err := os.ReadDir(filepath.Dir(path)); len(left) != 1 || err != nil {
			t.Errorf("%s: left: %v, %v", name, left, err)
		}
	}
}
