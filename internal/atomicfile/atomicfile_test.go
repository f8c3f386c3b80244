package atomicfile

import (
	"errors"
	"io"
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
