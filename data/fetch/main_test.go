package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
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
