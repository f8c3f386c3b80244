//go:build unix

package records

import (
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A limit on the size of files stands in for a full disk: the write fails in
// the middle. The limit holds for the whole process, hence a second one.
func TestRecordSaveOnFullDisk(t *testing.T) {
	const variable = "KERNELSMITH_TEST_FULL_DISK"
	if dir := os.Getenv(variable); dir != "" {
		signal.Ignore(syscall.SIGXFSZ)
		r, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		k := key(t, 1)
		if err := r.Save(k, "small"); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Setrlimit(
			syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 10000, Max: 10000},
		); err != nil {
			t.Fatal(err)
		}
		wantError(t, r.Save(k, strings.Repeat("x", 20000)), r.Path(k), "file too large")
		var v string
		if found, err := r.Load(k, &v); !found || err != nil || v != "small" {
			t.Errorf("the earlier record: %v, %v, %q", found, err, v)
		}
		return
	}
	dir := t.TempDir()
	c := exec.Command(os.Args[0], "-test.run=^TestRecordSaveOnFullDisk$")
	c.Env = append(os.Environ(), variable+"="+dir)
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	left, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	hidden, err := filepath.Glob(filepath.Join(dir, ".*"))
	if err != nil {
		t.Fatal(err)
	}
	if len(left) != 1 || len(hidden) != 0 {
		t.Errorf("left behind: %v %v", left, hidden)
	}
}
