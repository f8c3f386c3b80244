package regular_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/kernelsmith/kernelsmith/internal/regular"
)

func TestRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte("12345"), 0o600); err != nil {
		t.Fatal(err)
	}
	fsys := fstest.MapFS{"file": {Data: []byte("12345")}, "pipe": {Mode: fs.ModeNamedPipe}}
	for name, read := range map[string]func(most int64) ([]byte, error){
		"Read":   func(most int64) ([]byte, error) { return regular.Read(path, most) },
		"ReadFS": func(most int64) ([]byte, error) { return regular.ReadFS(fsys, "file", most) },
	} {
		if b, err := read(5); err != nil || string(b) != "12345" {
			t.Errorf("%s: %q, %v", name, b, err)
		}
		if b, err := read(4); err == nil || b != nil ||
			!strings.Contains(err.Error(), "file: 5 bytes, more than the 4 that are read") {
			t.Errorf("%s: %q, %v", name, b, err)
		}
	}
	for want, open := range map[string]func() error{
		"no regular file but a folder": func() error {
			_, err := regular.Open(filepath.Dir(path))
			return err
		},
		"no regular file but a pipe": func() error {
			_, err := regular.ReadFS(fsys, "pipe", 9)
			return err
		},
		"no regular file but a device": func() error {
			_, err := regular.Read(os.DevNull, 9)
			return err
		},
	} {
		if err := open(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v; want %q", err, want)
		}
	}
	if _, err := regular.Open(path + "2"); !os.IsNotExist(err) {
		t.Errorf("a missing file: %v", err)
	}
}
