package download_test

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"fmt"
	"io/fs"
	"log"
	"net/http"
	"net/http/httptest"
	"os"

	"github.com/kernelsmith/kernelsmith/data"
	"github.com/kernelsmith/kernelsmith/internal/download"
)

// Here a local server stands in for the authors' one.
func ExampleJMLR() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		z := gzip.NewWriter(w)
		t := tar.NewWriter(z)
		if err := t.AddFS(os.DirFS("../../data/testdata/jmlr").(fs.ReadDirFS)); err != nil {
			log.Fatal(err)
		}
		t.Close()
		z.Close()
	}))
	defer server.Close()
	cache, err := os.MkdirTemp("", "cache")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(cache)
	os.Setenv("KERNELSMITH_CACHE", cache)
	defer os.Unsetenv("KERNELSMITH_CACHE")

	results, err := download.JMLR(context.Background(), &download.Settings{URL: server.URL}, "tiny")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(results[0].Set, results[0].New)
	ds, err := data.LoadJMLR("tiny", nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(ds.Dims())
	// Output:
	// tiny true
	// 5 2
}
