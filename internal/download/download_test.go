package download

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kernelsmith/kernelsmith/data"
	"github.com/kernelsmith/kernelsmith/internal/jmlr"
)

// entry is a file of a synthetic archive.
type entry struct {
	name, text string
	kind       byte // 0 means a regular file
}

func archive(t *testing.T, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Mode: 0o644, Size: int64(len(e.text)), Typeflag: tar.TypeReg}
		if e.kind != 0 {
			h.Typeflag, h.Linkname, h.Size = e.kind, e.text, 0
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if e.kind == 0 {
			if _, err := io.WriteString(w, e.text); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// setFiles returns the files of a small set as the archive holds them.
func setFiles(folder, set string) []entry {
	p := folder + set + "/"
	return []entry{
		{name: p, kind: tar.TypeDir},
		{
			name: p + set + ".txt",
			text: fmt.Sprintf(
				"n_entradas= 1\nn_clases= 2\nn_arquivos= 1\nfich1= %s_R.dat\nn_patrons1= "+
					"3\nn_patrons_entrena= 2\nn_patrons_valida= 1\nn_conxuntos= 1\n", set),
		},
		{name: p + set + ".arff", text: "not wanted"},
		{name: p + set + "_R.dat", text: "\tf1\tclase\n1\t1\t0\n2\t2\t1\n3\t3\t1\n"},
		{name: p + "conxuntos.dat", text: "2 0\n1\n"},
		{name: p + "conxuntos_kfold.dat", text: "0 1\n2\n"},
	}
}

// serve serves the archive and counts requests; it sends at most limit bytes
// and then breaks the connection, unless limit is negative.
func serve(t *testing.T, body []byte, limit int) (url string, requests *int) {
	t.Helper()
	requests = new(int)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*requests++
		w.Header().Set("Content-Length", fmt.Sprint(len(body)))
		if limit >= 0 {
			w.Write(body[:limit])
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}
		w.Write(body)
	}))
	t.Cleanup(server.Close)
	return server.URL + "/data.tar.gz", requests
}

// cacheFolder points both environment variables to empty places.
func cacheFolder(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "my cache")
	t.Setenv("KERNELSMITH_CACHE", dir)
	t.Setenv("KERNELSMITH_DATA", "")
	return dir
}

// left returns what lies in the cache's folder for the collection.
func left(t *testing.T, cache string) []string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(cache, "jmlr"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func wantError(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error; want one with %q", parts)
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("error %q does not contain %q", err, p)
		}
	}
}

func TestJMLR(t *testing.T) {
	cache := cacheFolder(t)
	body := archive(
		t,
		slices.Concat(setFiles("./any/folder/", "first"), setFiles("./any/folder/", "second"),
			setFiles("", "third"))...)
	url, requests := serve(t, body, -1)
	var reports []Progress
	settings := &Settings{URL: url, Progress: func(p Progress) { reports = append(reports, p) }}
	results, err := JMLR(t.Context(), settings, "third", "first")
	if err != nil {
		t.Fatal(err)
	}
	want := []Result{
		{Set: "third", Dir: filepath.Join(cache, "jmlr", "third"), New: true},
		{Set: "first", Dir: filepath.Join(cache, "jmlr", "first"), New: true},
	}
	if diff := cmp.Diff(want, results); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"first", "third"}, left(t, cache)); diff != "" {
		t.Error(diff)
	}
	entries, err := os.ReadDir(filepath.Join(cache, "jmlr", "first"))
	if err != nil || len(entries) != 4 {
		t.Errorf("%v, %v", entries, err)
	}
	ds, err := data.LoadJMLR("third", nil)
	if err != nil || !cmp.Equal(ds.Labels, []int{0, 1, 1}) {
		t.Errorf("%v", err)
	}
	last := reports[len(reports)-1]
	if diff := cmp.Diff(
		Progress{Bytes: int64(len(body)), Total: int64(len(body)), Done: 2, Sets: 2}, last,
	); diff != "" {
		t.Error(diff)
	}

	// A second call finds all in place and asks for nothing.
	if results, err = JMLR(t.Context(), settings, "third",
		"first"); err != nil || results[0].New || results[1].New ||
		*requests != 1 {
		t.Errorf("%v, %v, %d requests", results, err, *requests)
	}
	// A third wants one more.
	if results, err = JMLR(t.Context(), settings, "first",
		"second"); err != nil || results[0].New ||
		!results[1].New {
		t.Errorf("%v, %v", results, err)
	}
	// No sets, no requests.
	if results, err = JMLR(t.Context(), settings); err != nil || len(results) != 0 ||
		*requests != 2 {
		t.Errorf("%v, %v, %d requests", results, err, *requests)
	}
}

func TestJMLRFromArchive(t *testing.T) {
	cacheFolder(t)
	path := filepath.Join(t.TempDir(), "my data.tar.gz")
	if err := os.WriteFile(path, archive(t, setFiles("data/", "first")...), 0o644); err != nil {
		t.Fatal(err)
	}
	if results, err := JMLR(t.Context(), &Settings{Archive: path}, "first"); err != nil ||
		!results[0].New {
		t.Errorf("%v, %v", results, err)
	}
	_, err := JMLR(t.Context(), &Settings{Archive: path + "x"}, "second")
	wantError(t, err, path+"x")
	_, err = JMLR(t.Context(), &Settings{Archive: path, URL: "http://localhost"}, "second")
	wantError(t, err, "both given")
}

func TestJMLRUnderData(t *testing.T) {
	cache := cacheFolder(t)
	root := t.TempDir()
	t.Setenv("KERNELSMITH_DATA", root)
	dir := filepath.Join(root, "jmlr", "first")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, e := range setFiles("", "first")[1:] {
		if err := os.WriteFile(
			filepath.Join(root, "jmlr", e.name), []byte(e.text), 0o644,
		); err != nil {
			t.Fatal(err)
		}
	}
	url, requests := serve(t, nil, -1)
	results, err := JMLR(t.Context(), &Settings{URL: url}, "first")
	if diff := cmp.Diff([]Result{{Set: "first", Dir: dir}}, results); diff != "" || err != nil ||
		*requests != 0 {
		t.Errorf("%v, %s, %d requests", err, diff, *requests)
	}
	// The user's own files are not replaced.
	if err := os.Truncate(filepath.Join(dir, "first_R.dat"), 20); err != nil {
		t.Fatal(err)
	}
	_, err = JMLR(t.Context(), &Settings{URL: url}, "first")
	wantError(t, err, filepath.Join(dir, "first_R.dat"))
	if *requests != 0 || len(left(t, cache)) != 0 {
		t.Errorf("%d requests, in the cache %v", *requests, left(t, cache))
	}
}

func TestJMLRReplacesDamaged(t *testing.T) {
	cache := cacheFolder(t)
	url, requests := serve(t, archive(t, setFiles("", "first")...), -1)
	for range 2 {
		if results, err := JMLR(t.Context(), &Settings{URL: url}, "first"); err != nil ||
			!results[0].New {
			t.Fatalf("%v, %v", results, err)
		}
		if err := os.Truncate(
			filepath.Join(cache, "jmlr", "first", "conxuntos.dat"), 2,
		); err != nil {
			t.Fatal(err)
		}
	}
	if *requests != 2 {
		t.Errorf("%d requests", *requests)
	}
	if diff := cmp.Diff([]string{"first"}, left(t, cache)); diff != "" {
		t.Error(diff)
	}
}

func TestJMLRBadArchives(t *testing.T) {
	first := setFiles("d/", "first")
	altered := slices.Clone(first)
	altered[3].text = strings.Replace(altered[3].text, "\t1\n", "\t7\n", 1)
	twice := append(slices.Clone(first), first[3])
	linked := slices.Clone(first)
	linked[3] = entry{name: "d/first/first_R.dat", text: "/etc/passwd", kind: tar.TypeSymlink}
	whole := archive(t, first...)
	// A set of the published collection with other contents.
	zoo := setFiles("d/", "zoo")
	flipped := slices.Clone(whole)
	flipped[len(flipped)-6] ^= 1 // in the checksum of gzip

	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	if err := tar.NewWriter(z).
		WriteHeader(&tar.Header{Name: "first/first_R.dat", Size: maxFileBytes + 1,
			Typeflag: tar.TypeReg}); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}

	for name, test := range map[string]struct {
		body []byte
		set  string
		want string
	}{
		"truncated":   {whole[:len(whole)/2], "first", "ended early"},
		"checksum":    {flipped, "first", "is damaged"},
		"no such set": {whole, "frist", "does not hold, or not completely: frist"},
		"incomplete":  {archive(t, first[:3]...), "first", "first_R.dat"},
		"altered":     {archive(t, altered...), "first", `class "7"`},
		"published sum": {archive(t, zoo...), "zoo",
			"published is " + jmlr.Checksums("zoo")["zoo.txt"]},
		"published part": {archive(t, setFiles("d/", "first")...), "zoo", "not completely: zoo"},
		"traversal": {archive(t, append([]entry{{name: "d/../../first/first_R.dat",
			text: "x"}}, first...)...), "first", "leads out of the folder"},
		"absolute": {archive(t, append([]entry{{name: "/first/first_R.dat", text: "x"}},
			first...)...), "first", "leads out of the folder"},
		"link":           {archive(t, linked...), "first", "not a regular file"},
		"twice":          {archive(t, twice...), "first", "more than once"},
		"size bomb":      {bomb.Bytes(), "first", "more than the 536870912 allowed"},
		"not an archive": {[]byte("<html>login first</html>"), "first", "not a gzipped archive"},
		"empty":          {nil, "first", "not a gzipped archive"},
		"bad name":       {whole, "../first", "not the name of a set"},
	} {
		t.Run(name, func(t *testing.T) {
			cache := cacheFolder(t)
			url, _ := serve(t, test.body, -1)
			results, err := JMLR(t.Context(), &Settings{URL: url}, test.set)
			wantError(t, err, test.want)
			if len(results) != 0 || len(left(t, cache)) != 0 {
				t.Errorf("results %v, in the cache %v", results, left(t, cache))
			}
		})
	}
}

func TestJMLRInterrupted(t *testing.T) {
	// Noise, which does not compress, stands before the wanted set, so the
	// connection breaks before it.
	cache := cacheFolder(t)
	noise := make([]byte, 300000)
	for i, x := 0, uint32(1); i < len(noise); i++ {
		x = x*1664525 + 1013904223
		noise[i] = byte(x >> 24)
	}
	body := archive(
		t,
		append([]entry{{name: "other/noise", text: string(noise)}}, setFiles("", "second")...)...)
	url, _ := serve(t, body, len(body)/2)
	results, err := JMLR(t.Context(), &Settings{URL: url}, "second")
	wantError(t, err, "ended early", "try again")
	if len(results) != 0 || len(left(t, cache)) != 0 {
		t.Errorf("results %v, in the cache %v", results, left(t, cache))
	}
	// Afterwards it works, and a fresh folder of a killed download stays (it
	// may be alive) while one of last week goes.
	root := filepath.Join(cache, "jmlr")
	old := filepath.Join(root, stagingPrefix+"old")
	young := filepath.Join(root, stagingPrefix+"young")
	for _, dir := range []string{old, young} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	week := time.Now().Add(-7 * 24 * time.Hour)
	if err := os.Chtimes(old, week, week); err != nil {
		t.Fatal(err)
	}
	url, _ = serve(t, body, -1)
	if _, err := JMLR(t.Context(), &Settings{URL: url}, "second"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{filepath.Base(young), "second"}, left(t, cache)); diff != "" {
		t.Error(diff)
	}
}

func TestJMLRCanceled(t *testing.T) {
	cache := cacheFolder(t)
	ctx, cancel := context.WithCancel(t.Context())
	body := archive(t, setFiles("", "first")...)
	block := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Write(body[:100])
		w.(http.Flusher).Flush()
		<-block
	}))
	defer server.Close()
	defer close(block)
	_, err := JMLR(ctx, &Settings{URL: server.URL, Progress: func(Progress) { cancel() }}, "first")
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	wantError(t, err, "interrupted")
	if len(left(t, cache)) != 0 {
		t.Errorf("in the cache %v", left(t, cache))
	}
	_, err = JMLR(ctx, &Settings{URL: server.URL}, "first")
	wantError(t, err, "interrupted")
}

func TestJMLROffline(t *testing.T) {
	cacheFolder(t)
	server := httptest.NewServer(http.NotFoundHandler())
	_, err := JMLR(t.Context(), &Settings{URL: server.URL}, "first")
	wantError(t, err, "404 Not Found", server.URL)
	server.Close()
	_, err = JMLR(t.Context(), &Settings{URL: server.URL}, "first")
	wantError(t, err, "cannot reach the archive", "offline", "KERNELSMITH_DATA")
	_, err = JMLR(t.Context(), &Settings{URL: "http://%"}, "first")
	wantError(t, err, "download:")
}

func TestJMLRUnwritableCache(t *testing.T) {
	cacheFolder(t)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	url, _ := serve(t, archive(t, setFiles("", "first")...), -1)
	t.Setenv("KERNELSMITH_CACHE", file)
	_, err := JMLR(t.Context(), &Settings{URL: url}, "first")
	wantError(t, err, file)
}
