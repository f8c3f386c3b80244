//go:build unix

package records

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/kernelsmith/kernelsmith/internal/hostile"
)

func TestHostileRecords(t *testing.T) {
	dir := hostile.Folder(t)
	r, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	key, err := KeyOf("run", 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Save(key, runValue{[]float64{0.25, 1e-300}, "a note"}); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(r.Path(key))
	if err != nil {
		t.Fatal(err)
	}
	hostile.Reader{Name: filepath.Base(r.Path(key)), Folder: dir, Good: good,
		Read: func(string) (any, error) {
			var v runValue
			found, err := r.Load(key, &v)
			if !found && err == nil {
				err = errors.New("a file that is there is taken for a missing one")
			}
			return v, err
		}}.Check(t)
}
