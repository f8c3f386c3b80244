package records

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Another process finishes while a run is under way: whatever becomes of that run, its caller is
// given what the record has.
func TestAnotherFinishesFirst(t *testing.T) {
	for name, end := range map[string]func(folder string) (int, error){
		"another value": func(string) (int, error) { return 2, nil },
		"the folder is gone": func(folder string) (int, error) {
			return 0, os.WriteFile(filepath.Join(folder, "state"), nil, 0o644)
		},
		"it makes the folder anew": func(folder string) (int, error) {
			err := os.MkdirAll(folder, 0o755)
			return 3, errors.Join(err, os.WriteFile(filepath.Join(folder, "state"), nil, 0o644))
		},
	} {
		r := openRecords(t)
		got, err := RememberResumable(r, "run", 1, func(folder string) (int, error) {
			first, err := Remember(r, "run", 1, func() (int, error) { return 1, nil })
			if first != 1 || err != nil {
				t.Errorf("%s: the first is given %d, %v", name, first, err)
			}
			return end(folder)
		})
		if got != 1 || err != nil {
			t.Errorf("%s: %d, %v; the record has 1", name, got, err)
		}
		var kept int
		if found, err := r.Load(key(t, 1), &kept); !found || err != nil || kept != 1 {
			t.Errorf("%s: record found %v, %v, %d; it was 1", name, found, err, kept)
		}
		if entries, err := os.ReadDir(r.dir); len(entries) != 1 || err != nil {
			t.Errorf("%s: left %v, %v", name, entries, err)
		}
	}
	// A record that is damaged by then is no result, and is not written over.
	r := openRecords(t)
	_, err := RememberResumable(r, "run", 1, func(string) (int, error) {
		return 1, os.WriteFile(r.Path(key(t, 1)), []byte("{"), 0o644)
	})
	var damage *Error
	if !errors.As(err, &damage) {
		t.Errorf("a damaged record: %v", err)
	}
}

// A file that appears in the folder while it is removed: the record is there, so that is no
// error, and the next call removes what is left.
func TestFolderThatCannotBeRemoved(t *testing.T) {
	r := openRecords(t)
	folder := r.checkpoints(key(t, 1))
	removeAll = func(path string) error {
		return &os.PathError{Op: "unlinkat", Path: path, Err: syscall.ENOTEMPTY}
	}
	got, err := RememberResumable(r, "run", 1, func(string) (int, error) { return 1, nil })
	removeAll = os.RemoveAll
	if got != 1 || err != nil {
		t.Errorf("%d, %v", got, err)
	}
	if _, err := os.Stat(folder); err != nil {
		t.Fatalf("the hook removed the folder: %v", err)
	}
	if got, err := Remember(r, "run", 1, func() (int, error) { return 2, nil }); got != 1 ||
		err != nil {
		t.Errorf("the second call: %d, %v", got, err)
	}
	if _, err := os.Stat(filepath.Dir(folder)); !os.IsNotExist(err) {
		t.Errorf("the folder stays: %v", err)
	}
}

// A run that fails leaves the empty folder to another that has just begun.
func TestFailureLeavesTheFolderOfAnother(t *testing.T) {
	r := openRecords(t)
	failure := errors.New("failed")
	got, err := RememberResumable(r, "run", 1, func(folder string) (int, error) {
		_, err := Remember(r, "run", 1, func() (int, error) { return 0, failure })
		if !errors.Is(err, failure) {
			t.Errorf("%v, want that of the run", err)
		}
		return 1, os.WriteFile(filepath.Join(folder, "state"), nil, 0o644)
	})
	if got != 1 || err != nil {
		t.Errorf("%d, %v", got, err)
	}
	// Nothing of a failed run stays where it kept nothing.
	_, err = Remember(r, "run", 2, func() (int, error) { return 0, failure })
	if !errors.Is(err, failure) {
		t.Error(err)
	}
	if entries, err := os.ReadDir(r.dir); len(entries) != 1 || err != nil {
		t.Errorf("left %v, %v", entries, err)
	}
}

// Parts of files that a kill left are removed once nobody can be writing them.
func TestLeftoversOfKills(t *testing.T) {
	r := openRecords(t)
	k := key(t, 1)
	old := time.Now().Add(-2 * time.Hour)
	kept := map[string]bool{filepath.Base(r.Path(k)): true}
	for _, file := range []struct {
		name      string
		old, stay bool
	}{
		{"." + k.String() + ".json.1.tmp", true, false},
		{"." + k.String() + ".json.2.tmp", false, true},
		{probeName + "3", true, false},
		{".another-0123.json.4.tmp", true, true},
		{"notes.txt", true, true},
	} {
		path := filepath.Join(r.dir, file.name)
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		if file.old {
			if err := os.Chtimes(path, old, old); err != nil {
				t.Fatal(err)
			}
		}
		if file.stay {
			kept[file.name] = true
		}
	}
	if _, err := Remember(r, "run", 1, func() (int, error) { return 1, nil }); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(r.dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !kept[e.Name()] {
			t.Errorf("%s stays", e.Name())
		}
		delete(kept, e.Name())
	}
	for name := range kept {
		t.Errorf("%s is gone", name)
	}
}

// Goroutines of one process race as processes do.
func TestRememberAtOnce(t *testing.T) {
	for range 20 {
		r := openRecords(t)
		var wg sync.WaitGroup
		got := make([]string, 8)
		for i := range got {
			wg.Go(func() {
				var err error
				got[i], err = RememberResumable(r, "run", 1, func(folder string) (string, error) {
					return fmt.Sprint("of ", i), nil
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		for _, v := range got {
			if v == "" || v != got[0] {
				t.Fatalf("values %v", got)
			}
		}
	}
}
