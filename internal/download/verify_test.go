//go:build verify

package download

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kernelsmith/kernelsmith/data"
	"github.com/kernelsmith/kernelsmith/internal/jmlr"
)

// realFiles returns the published files of a set, read from the folder that
// KERNELSMITH_DATA names.
func realFiles(t *testing.T, set string) []entry {
	t.Helper()
	root := os.Getenv("KERNELSMITH_DATA")
	if root == "" {
		t.Fatal("KERNELSMITH_DATA is not set; it must name the folder that holds jmlr/<set>")
	}
	entries := []entry{{name: "data/" + set + "/other.txt", text: "not wanted"}}
	for file := range jmlr.Checksums(set) {
		b, err := os.ReadFile(filepath.Join(root, "jmlr", set, file))
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, entry{name: "data/" + set + "/" + file, text: string(b)})
	}
	return entries
}

// A set with known checksums is put in place as soon as its files are there,
// and stays when the connection breaks later.
func TestVerifyDownload(t *testing.T) {
	red, zoo := realFiles(t, "wine-quality-red"), realFiles(t, "zoo")
	white := realFiles(t, "wine-quality-white")
	cache := cacheFolder(t)
	first := archive(t, append(zoo, red...)...)
	body := archive(t, append(append(zoo, red...), white...)...)
	if len(body) < len(first)+100000 || bytes.Equal(first, body) {
		t.Fatalf("archives of %d and %d bytes", len(first), len(body))
	}
	url, _ := serve(t, body, len(first)+50000)
	want := []Result{
		{Set: "wine-quality-red", Dir: filepath.Join(cache, "jmlr", "wine-quality-red"), New: true},
		{Set: "zoo", Dir: filepath.Join(cache, "jmlr", "zoo"), New: true},
	}
	results, err := JMLR(t.Context(), &Settings{URL: url}, "wine-quality-red", "wine-quality-white",
		"zoo")
	wantError(t, err, "ended early")
	if diff := cmp.Diff(want, results); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"wine-quality-red", "zoo"}, left(t, cache)); diff != "" {
		t.Error(diff)
	}
	ds, err := data.LoadJMLR("wine-quality-red", nil)
	if err != nil {
		t.Fatal(err)
	}
	if n, d := ds.Dims(); n != 1599 || d != 11 {
		t.Errorf("%d×%d", n, d)
	}

	// The same archive is enough when only these are wanted: the rest of it is
	// not read.
	cache = cacheFolder(t)
	url, _ = serve(t, body, len(first)+50000)
	if results, err = JMLR(t.Context(), &Settings{URL: url}, "zoo",
		"wine-quality-red"); err != nil ||
		len(results) != 2 {
		t.Errorf("%v, %v", results, err)
	}

	// One byte differs.
	cache = cacheFolder(t)
	red[2].text = red[2].text[:10] + "#" + red[2].text[11:]
	url, _ = serve(t, archive(t, red...), -1)
	_, err = JMLR(t.Context(), &Settings{URL: url}, "wine-quality-red")
	var sum *data.ChecksumError
	if !errors.As(err, &sum) || sum.Want == sum.Got || len(left(t, cache)) != 0 {
		t.Errorf("%v, in the cache %v", err, left(t, cache))
	}
}
