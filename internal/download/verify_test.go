//go:build verify

package download

import (
	"bytes"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kernelsmith/kernelsmith/data"
	"github.com/kernelsmith/kernelsmith/internal/imagesets"
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
	cacheFolder(t)
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

// The published files of MNIST and Fashion-MNIST through a connection that breaks, and of CIFAR-10
// what there is of it.
func TestVerifyImages(t *testing.T) {
	root := os.Getenv("KERNELSMITH_DATA")
	for _, set := range []*imagesets.Set{&imagesets.MNIST, &imagesets.FashionMNIST} {
		cacheFolder(t)
		files := map[string][]byte{}
		for _, f := range set.Downloads {
			b, err := os.ReadFile(filepath.Join(root, set.Folder, f.Name))
			if err != nil {
				t.Fatal(err)
			}
			files[f.Name] = b
		}
		server := newSource(t, files)
		server.answer = func(w http.ResponseWriter, r *http.Request, number int) bool {
			if number == 0 {
				cut(w, r, files["train-images-idx3-ubyte.gz"], 5000000)
			}
			return false
		}
		own := *set
		results, err := bring(t.Context(), &own, server.URL)
		if err != nil || !results[0].New || len(server.seen()) != 5 {
			t.Fatalf("%v, %v, %v", results, err, server.seen())
		}
	}
	if _, err := data.FashionMNIST(); err != nil {
		t.Error(err)
	}
	cache := cacheFolder(t)
	var entries []entry
	for _, name := range []string{"data_batch_1.bin", "test_batch.bin"} {
		b, err := os.ReadFile(filepath.Join(root, imagesets.CIFAR10.Folder, name))
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, entry{name: "cifar-10-batches-bin/" + name, text: string(b)})
	}
	path := filepath.Join(cache, "archive.tar.gz")
	os.MkdirAll(cache, 0o755)
	if err := os.WriteFile(path, archive(t, entries...), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := Images(t.Context(), &Settings{Archive: path}, "cifar-10")
	wantError(t, err, "does not hold data_batch_2.bin")
	if ds, err := data.CIFAR10(10000); err != nil || ds.Labels[0] != 6 {
		t.Errorf("%v", err)
	}
}
