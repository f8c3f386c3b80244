//go:build unix

package study

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kernelsmith/kernelsmith/internal/hostile"
)

// The keys of a sweep: where they are not the ones that it was made of, it is not taken for one
// that is done, and stays.
func TestHostileKeys(t *testing.T) {
	s := opened(t, "")
	keys := []string{"worker-0011223344556677", "worker-8899aabbccddeeff"}
	folder, err := s.freeze(slurmPrefix, keys)
	if err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(filepath.Join(folder, "keys"))
	if err != nil {
		t.Fatal(err)
	}
	hostile.Reader{Name: "keys", Folder: folder, Good: good,
		Read: func(string) (any, error) {
			found, err := s.sweepsOf(slurmPrefix)
			if err == nil && len(found) == 0 {
				err = errors.New("a sweep that is there is not found")
			}
			return found, err
		}}.Check(t)
	put(t, folder, "keys", "") // all of no keys are there
	s.clearSweeps()
	if _, err := os.Stat(folder); err != nil {
		t.Errorf("a sweep without its keys was removed: %v", err)
	}
}

// Of a log the end alone is read, however long it is.
func TestLongLog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "1_0.log")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(1 << 40); err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte("\nthe last line\n"), 1<<40); err != nil {
		t.Fatal(err)
	}
	b, err := tail(path)
	if err != nil || len(b) > 1<<16 || !bytes.HasSuffix(b, []byte("\x00\nthe last line\n")) {
		t.Errorf("%d bytes, %v", len(b), err)
	}
	if _, err := tail(filepath.Dir(path)); err == nil ||
		!strings.Contains(err.Error(), "a folder") {
		t.Errorf("a folder: %v", err)
	}
}
