package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kernelsmith/kernelsmith/internal/imagesets"
)

func fetch(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	status = run(t.Context(), args, &out, &errs)
	return status, out.String(), errs.String()
}

func TestFetch(t *testing.T) {
	cache := filepath.Join(t.TempDir(), "my cache")
	t.Setenv("KERNELSMITH_CACHE", cache)
	t.Setenv("KERNELSMITH_DATA", "")
	var body bytes.Buffer
	z := gzip.NewWriter(&body)
	w := tar.NewWriter(z)
	if err := w.AddFS(os.DirFS(filepath.Join("..", "testdata", "jmlr"))); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(
		http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write(body.Bytes()) }))
	defer server.Close()

	status, out, errs := fetch(t, "-url", server.URL, "tiny", "pair")
	if status != 0 || errs != "" ||
		!strings.Contains(out, "tiny: downloaded and verified, in "+cache) ||
		!strings.Contains(out, "2 of 2 sets complete") {
		t.Errorf("status %d\n%s%s", status, out, errs)
	}
	server.Close()
	status, out, errs = fetch(t, "-url", server.URL, "pair", "tiny")
	if status != 0 || errs != "" || strings.Count(out, "already there, in "+cache) != 2 {
		t.Errorf("status %d\n%s%s", status, out, errs)
	}
	// Offline, with a set missing: what is there is named, and the rest fails.
	status, out, errs = fetch(t, "-url", server.URL, "tiny", "zoo")
	if status != 1 || !strings.Contains(out, "tiny: already there") ||
		!strings.Contains(errs, "cannot reach the archive") {
		t.Errorf("status %d\n%s%s", status, out, errs)
	}
	path := filepath.Join(t.TempDir(), "data.tar.gz")
	if err := os.WriteFile(path, body.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv("KERNELSMITH_CACHE", filepath.Join(t.TempDir(), "other"))
	if status, out, errs = fetch(t, "-archive", path, "pair"); status != 0 ||
		!strings.Contains(out, "pair: downloaded") {
		t.Errorf("status %d\n%s%s", status, out, errs)
	}
	if status, out, errs = fetch(t, "-archive", path,
		"-all"); status != 1 || !strings.Contains(errs, "zoo") ||
		!strings.Contains(errs, "abalone") {
		t.Errorf("status %d\n%s%s", status, out, errs)
	}
}

// A set of images and one of the collection in one call, the second of which cannot be had; then
// the images from an address that is given, and what does not go together.
func TestFetchImages(t *testing.T) {
	file := func(name, text string) imagesets.File {
		sum := sha256.Sum256([]byte(text))
		return imagesets.File{Name: name, Bytes: int64(len(text)),
			SHA256: hex.EncodeToString(sum[:])}
	}
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	w.Write([]byte("image"))
	w.Close()
	requests := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests++
		if r.URL.Path != "/a.gz" && r.URL.Path != "/here/a.gz" {
			http.NotFound(w, r)
			return
		}
		w.Write(z.Bytes())
	}))
	defer server.Close()
	all := imagesets.All
	imagesets.All = []*imagesets.Set{{Name: "pictures", Folder: "pictures",
		Files:     []imagesets.File{file("a", "image")},
		Downloads: []imagesets.File{file("a.gz", z.String())},
		Mirrors:   []string{server.URL + "/none", server.URL},
		Licence:   "free", Citation: "A. Painter"}}
	defer func() { imagesets.All = all }()
	cache := t.TempDir()
	t.Setenv("KERNELSMITH_CACHE", cache)
	t.Setenv("KERNELSMITH_DATA", filepath.Join("..", "testdata"))

	status, out, errs := fetch(t, "pictures", "tiny")
	if status != 0 || errs != "" || requests != 2 ||
		!strings.Contains(out, "pictures: downloaded and verified, in "+cache) ||
		!strings.Contains(out, "licence: free") || !strings.Contains(out, "cite: A. Painter") ||
		!strings.Contains(out, "1 of 1 sets complete") || !strings.Contains(out, "tiny: already") {
		t.Errorf("status %d, %d requests\n%s%s", status, requests, out, errs)
	}
	status, out, errs = fetch(t, "pictures")
	if status != 0 || errs != "" || requests != 2 || !strings.HasPrefix(out, "pictures: already") {
		t.Errorf("status %d, %d requests\n%s%s", status, requests, out, errs)
	}
	t.Setenv("KERNELSMITH_CACHE", t.TempDir())
	if status, _, errs = fetch(t, "-url", server.URL+"/here", "pictures"); status != 0 {
		t.Errorf("status %d\n%s", status, errs)
	}
	if status, _, errs = fetch(t, "-url", server.URL, "pictures", "tiny"); status != 2 ||
		!strings.Contains(errs, "one set of images alone") {
		t.Errorf("status %d\n%s", status, errs)
	}
	if status, _, errs = fetch(t, "-archive", "x.tar.gz", "pictures"); status != 1 ||
		!strings.Contains(errs, "not published as an archive") {
		t.Errorf("status %d\n%s", status, errs)
	}
	// What of the images is missing is said beside what is there of the collection.
	t.Setenv("KERNELSMITH_CACHE", t.TempDir())
	server.Close()
	status, out, errs = fetch(t, "pictures", "tiny")
	if status != 1 || !strings.Contains(out, "tiny: already") ||
		!strings.Contains(errs, "cannot get a.gz") {
		t.Errorf("status %d\n%s%s", status, out, errs)
	}
}

func TestFetchUsage(t *testing.T) {
	for _, args := range [][]string{{}, {"-nonsense"}, {"-all", "zoo"}} {
		if status, _, errs := fetch(
			t,
			args...); status != 2 ||
			!strings.Contains(errs, "usage: fetch") {
			t.Errorf("%v: status %d\n%s", args, status, errs)
		}
	}
	if status, _, errs := fetch(t, "-h"); status != 0 ||
		!strings.Contains(errs, "KERNELSMITH") && !strings.Contains(errs, "usage") {
		t.Errorf("status %d\n%s", status, errs)
	}
}
