package download

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kernelsmith/kernelsmith/data"
	"github.com/kernelsmith/kernelsmith/internal/imagesets"
)

func fileOf(name string, b []byte) imagesets.File {
	sum := sha256.Sum256(b)
	return imagesets.File{Name: name, Bytes: int64(len(b)), SHA256: hex.EncodeToString(sum[:])}
}

// noise is n bytes that do not compress.
func noise(n int, seed uint64) []byte {
	b := make([]byte, n)
	r := rand.New(rand.NewPCG(seed, 0))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func zipped(b []byte) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	z.Write(b)
	z.Close()
	return out.Bytes()
}

// twoFiles is a set of two files of 200,000 and 10 bytes, each compressed, and what is published.
func twoFiles() (*imagesets.Set, map[string][]byte) {
	a, b := noise(200000, 1), noise(10, 2)
	published := map[string][]byte{"a.gz": zipped(a), "b.gz": zipped(b)}
	return &imagesets.Set{
		Name: "two", Folder: "two files",
		Files: []imagesets.File{fileOf("a", a), fileOf("b", b)},
		Downloads: []imagesets.File{fileOf("a.gz", published["a.gz"]),
			fileOf("b.gz", published["b.gz"])},
	}, published
}

// archived is a set of two files in an archive, which holds a third, too.
func archived(t *testing.T) (*imagesets.Set, []byte) {
	a, b := noise(100000, 3), noise(50000, 4)
	packed := archive(t, entry{name: "any/readme", text: "read me"},
		entry{name: "any/a.bin", text: string(a)}, entry{name: "any/b.bin", text: string(b)})
	return &imagesets.Set{
		Name: "packed", Folder: "packed files", Archive: true,
		Files:     []imagesets.File{fileOf("a.bin", a), fileOf("b.bin", b)},
		Downloads: []imagesets.File{fileOf("packed.tar.gz", packed)},
	}, packed
}

// source is a server of files whose answers can be made to break.
type source struct {
	*httptest.Server
	mu       sync.Mutex
	requests []string // path, range and condition of each
	files    map[string][]byte
	tag      string // the strong validator; none if empty
	// answer, if not nil, answers in place of the server unless it returns false.
	answer func(w http.ResponseWriter, r *http.Request, number int) bool
}

func newSource(t *testing.T, files map[string][]byte) *source {
	s := &source{files: files, tag: `"v1"`}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		number := len(s.requests)
		s.requests = append(s.requests, strings.TrimSpace(r.URL.Path+" "+r.Header.Get("Range")+" "+
			r.Header.Get("If-Range")))
		tag, answer := s.tag, s.answer
		s.mu.Unlock()
		if r.Header.Get("Accept-Encoding") != "identity" {
			t.Errorf("the request accepts %q", r.Header.Get("Accept-Encoding"))
		}
		if answer != nil && answer(w, r, number) {
			return
		}
		b, known := s.files[filepath.Base(r.URL.Path)]
		if !known {
			http.NotFound(w, r)
			return
		}
		if tag != "" {
			w.Header().Set("ETag", tag)
		}
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(b))
	}))
	s.Config.ErrorLog = nil
	t.Cleanup(s.Close)
	return s
}

func (s *source) seen() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// cut sends a part of what is asked for and then breaks the connection.
func cut(w http.ResponseWriter, r *http.Request, b []byte, n int) {
	start := 0
	if of := r.Header.Get("Range"); of != "" {
		fmt.Sscanf(of, "bytes=%d-", &start)
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", start, len(b)-1, len(b)))
	}
	w.Header().Set("ETag", `"v1"`)
	w.Header().Set("Content-Length", fmt.Sprint(len(b)-start))
	if start > 0 {
		w.WriteHeader(http.StatusPartialContent)
	}
	w.Write(b[start : start+n])
	w.(http.Flusher).Flush()
	panic(http.ErrAbortHandler)
}

// bring downloads a set from mirrors, without pauses.
func bring(ctx context.Context, set *imagesets.Set, mirrors ...string) ([]Result, error) {
	t := newImageTransfer(Settings{})
	t.pause, t.stall = 0, 5*time.Second
	set.Mirrors = mirrors
	return t.all(ctx, []*imagesets.Set{set})
}

// inFolder returns the files of a folder but the lock, with their sizes.
func inFolder(t *testing.T, dir string) map[string]int {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	found := map[string]int{}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		if e.Name() != ".lock" {
			found[e.Name()] = int(info.Size())
		}
	}
	return found
}

// waitForPart waits until so much of a.gz is on the disk.
func waitForPart(t *testing.T, dir string, size int) {
	for range 3000 {
		if inFolder(t, dir)[".a.gz.part"] == size {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("%d bytes of a.gz do not arrive", size)
}

func checkFolder(t *testing.T, dir string, want map[string][]byte) {
	t.Helper()
	sizes := map[string]int{}
	for name, b := range want {
		sizes[name] = len(b)
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || !bytes.Equal(got, b) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if diff := cmp.Diff(sizes, inFolder(t, dir)); diff != "" {
		t.Error(diff)
	}
}

func TestImages(t *testing.T) {
	set, files := twoFiles()
	packed, packedBytes := archived(t)
	all := imagesets.All
	imagesets.All = []*imagesets.Set{set, packed}
	t.Cleanup(func() { imagesets.All = all })
	cache := cacheFolder(t)
	server := newSource(t, files)
	server.files["packed.tar.gz"] = packedBytes
	set.Mirrors, packed.Mirrors = []string{server.URL + "/x/"}, []string{server.URL + "/y"}

	var last Progress
	settings := &Settings{Progress: func(p Progress) { last = p }}
	results, err := Images(t.Context(), settings, "two", "packed")
	if err != nil {
		t.Fatal(err)
	}
	want := []Result{{"two", filepath.Join(cache, "two files"), true},
		{"packed", filepath.Join(cache, "packed files"), true}}
	if diff := cmp.Diff(want, results); diff != "" {
		t.Error(diff)
	}
	total := int64(len(files["a.gz"]) + len(files["b.gz"]) + len(packedBytes))
	if last != (Progress{Bytes: total, Total: total, Done: 2, Sets: 2}) {
		t.Errorf("%+v, want %d", last, total)
	}
	checkFolder(t, want[0].Dir, map[string][]byte{"a.gz": files["a.gz"], "b.gz": files["b.gz"]})
	checkFolder(t, want[1].Dir, map[string][]byte{"a.bin": noise(100000, 3),
		"b.bin": noise(50000, 4)})
	asked := []string{"/x/a.gz", "/x/b.gz", "/y/packed.tar.gz"}
	if diff := cmp.Diff(asked, server.seen()); diff != "" {
		t.Error(diff)
	}

	// All in place: no requests. One file gone, or damaged: that one. A damaged one beside a good
	// one goes.
	results, err = Images(t.Context(), nil, "two", "packed")
	if err != nil || results[0].New || results[1].New || len(server.seen()) != 3 {
		t.Errorf("%+v, %v, %v", results, err, server.seen())
	}
	os.Remove(filepath.Join(want[0].Dir, "b.gz"))
	os.WriteFile(filepath.Join(want[0].Dir, "a"), []byte("not what is in a.gz"), 0o644)
	os.Truncate(filepath.Join(want[1].Dir, "a.bin"), 7)
	results, err = Images(t.Context(), nil, "two", "packed")
	if err != nil || !results[0].New || !results[1].New {
		t.Errorf("%+v, %v", results, err)
	}
	if diff := cmp.Diff(asked[1:], server.seen()[3:]); diff != "" {
		t.Error(diff)
	}
	checkFolder(t, want[0].Dir, map[string][]byte{"a.gz": files["a.gz"], "b.gz": files["b.gz"]})

	// From an archive that is here, and from an address that is given, of the file or of its
	// folder.
	path := filepath.Join(t.TempDir(), "my.tar.gz")
	os.WriteFile(path, packedBytes, 0o644)
	cacheFolder(t)
	if results, err = Images(t.Context(), &Settings{Archive: path}, "packed"); err != nil ||
		!results[0].New || len(server.seen()) != 5 {
		t.Errorf("%+v, %v", results, err)
	}
	for _, url := range []string{server.URL + "/z", server.URL + "/z/packed.tar.gz"} {
		cacheFolder(t)
		if _, err = Images(t.Context(), &Settings{URL: url}, "packed"); err != nil {
			t.Error(err)
		}
		if seen := server.seen(); seen[len(seen)-1] != "/z/packed.tar.gz" {
			t.Errorf("%v", seen)
		}
	}
	for want, s := range map[string]*Settings{"both given": {URL: "x", Archive: "y"},
		"not published as an archive": {Archive: path}} {
		_, err = Images(t.Context(), s, "two")
		wantError(t, err, want)
	}
	_, err = Images(t.Context(), nil, "three")
	wantError(t, err, `"three" is none of`, "two, packed")
}

// Every break of a connection costs what was on its way and no more.
func TestImagesGoOn(t *testing.T) {
	for _, tag := range []string{`"v1"`, ""} {
		set, files := twoFiles()
		cache := cacheFolder(t)
		server := newSource(t, files)
		server.tag = tag
		server.answer = func(w http.ResponseWriter, r *http.Request, number int) bool {
			if number < 5 {
				if tag == "" {
					w.Header()["Etag"] = nil
				}
				cut(w, r, files["a.gz"], 30000)
			}
			return false
		}
		if _, err := bring(t.Context(), set, server.URL); err != nil {
			t.Fatal(err)
		}
		checkFolder(t, filepath.Join(cache, "two files"), files)
		want := []string{"/a.gz"}
		for k := 1; k <= 5; k++ {
			want = append(want, fmt.Sprintf(`/a.gz bytes=%d- "v1"`, 30000*k))
		}
		if diff := cmp.Diff(append(want, "/b.gz"), server.seen()); diff != "" {
			t.Error(diff)
		}
	}
}

// A call that failed, or was interrupted, leaves what it has for the next, also at another mirror.
func TestImagesGoOnInTheNextCall(t *testing.T) {
	set, files := twoFiles()
	cache := filepath.Join(cacheFolder(t), "two files")
	server := newSource(t, files)
	server.answer = func(w http.ResponseWriter, r *http.Request, number int) bool {
		if number == 0 {
			cut(w, r, files["a.gz"], 50000)
		}
		http.Error(w, "come back later", http.StatusServiceUnavailable)
		return true
	}
	_, err := bring(t.Context(), set, server.URL)
	wantError(t, err, "two", "a.gz", server.URL, "503 Service Unavailable", "50000 of 2000",
		"call again", "offline", "two files")
	if n := len(server.seen()); n != 1+mostInVain {
		t.Errorf("%d requests", n)
	}
	if diff := cmp.Diff(50000, inFolder(t, cache)[".a.gz.part"]); diff != "" {
		t.Error(diff)
	}
	// Interrupted.
	ctx, cancel := context.WithCancel(t.Context())
	server.answer = func(w http.ResponseWriter, r *http.Request, number int) bool {
		w.Header().Set("Content-Range", fmt.Sprintf("bytes 50000-%d/%d", len(files["a.gz"])-1,
			len(files["a.gz"])))
		w.WriteHeader(http.StatusPartialContent)
		w.Write(files["a.gz"][50000:80000])
		w.(http.Flusher).Flush()
		waitForPart(t, cache, 80000)
		cancel()
		<-r.Context().Done()
		return true
	}
	_, err = bring(ctx, set, server.URL)
	wantError(t, err, "interrupted", "80000 of 2000", "call again")
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	_, err = bring(ctx, set, server.URL)
	wantError(t, err, "interrupted")
	// The next call, at another mirror, whose versions have other names.
	other := newSource(t, files)
	other.tag = `"else"`
	if _, err := bring(t.Context(), set, other.URL); err != nil {
		t.Fatal(err)
	}
	checkFolder(t, cache, files)
	if diff := cmp.Diff([]string{"/a.gz bytes=80000-", "/b.gz"}, other.seen()); diff != "" {
		t.Error(diff)
	}
}

// However wrong a part is, or a server's idea of ranges, what is put in place is right.
func TestImagesStartAgain(t *testing.T) {
	set, files := twoFiles()
	a := files["a.gz"]
	for name, test := range map[string]struct {
		part   []byte
		note   bool
		server func(*source)
		want   []string // requests for a.gz
	}{
		"another version": {a[:70000], true, func(s *source) { s.tag = `"v2"` },
			[]string{`/a.gz bytes=70000- "v1"`}},
		"no ranges": {a[:70000], true, func(s *source) {
			s.answer = func(w http.ResponseWriter, r *http.Request, _ int) bool {
				w.Write(files[filepath.Base(r.URL.Path)])
				return true
			}
		}, []string{`/a.gz bytes=70000- "v1"`}},
		"ranges are refused": {a[:70000], false, func(s *source) {
			s.answer = func(w http.ResponseWriter, r *http.Request, _ int) bool {
				if r.Header.Get("Range") == "" {
					return false
				}
				w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
				return true
			}
		}, []string{"/a.gz bytes=70000-", "/a.gz"}},
		"another range": {a[:70000], false, func(s *source) {
			s.answer = func(w http.ResponseWriter, r *http.Request, _ int) bool {
				if r.Header.Get("Range") == "" {
					return false
				}
				w.Header().Set("Content-Range", fmt.Sprintf("bytes 0-%d/%d", len(a)-1, len(a)))
				w.WriteHeader(http.StatusPartialContent)
				w.Write(a)
				return true
			}
		}, []string{"/a.gz bytes=70000-", "/a.gz"}},
		"a part of something else": {noise(70000, 9), false, nil,
			[]string{"/a.gz bytes=70000-", "/a.gz"}},
		"all of something else": {noise(len(a), 9), false, nil, []string{"/a.gz"}},
		"all of it":             {a, false, nil, nil},
		"too much":              {append(bytes.Clone(a), 1), false, nil, []string{"/a.gz"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(cacheFolder(t), "two files")
			os.MkdirAll(dir, 0o755)
			os.WriteFile(filepath.Join(dir, ".a.gz.part"), test.part, 0o644)
			server := newSource(t, files)
			if test.note {
				os.WriteFile(filepath.Join(dir, ".a.gz.part.from"),
					[]byte(server.URL+"/a.gz\n\"v1\"\n"), 0o644)
			}
			if test.server != nil {
				test.server(server)
			}
			if _, err := bring(t.Context(), set, server.URL); err != nil {
				t.Fatal(err)
			}
			checkFolder(t, dir, files)
			if diff := cmp.Diff(append(test.want, "/b.gz"), server.seen()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// What is no such file is not taken for it, whatever the server says, and the part stays.
func TestImagesWrongAnswers(t *testing.T) {
	set, files := twoFiles()
	a := files["a.gz"]
	wrong := bytes.Clone(a)
	wrong[1000] ^= 1
	page := []byte("<!DOCTYPE html><title>Log in</title>")
	for name, test := range map[string]struct {
		answer func(w http.ResponseWriter, r *http.Request)
		want   string
		lost   bool // the part was replaced by what looked right
	}{
		"a page": {func(w http.ResponseWriter, _ *http.Request) { w.Write(page) },
			"has 36 bytes and the published file", false},
		"a page of unknown length": {func(w http.ResponseWriter, _ *http.Request) {
			w.(http.Flusher).Flush()
			w.Write(page)
		}, `begins with "<!DOCTYPE html>`, false},
		"a page of that length": {func(w http.ResponseWriter, _ *http.Request) {
			w.Write(append(bytes.Clone(page), a[36:]...))
		}, `begins with "<!DOCTYPE html>`, false},
		"nothing": {func(w http.ResponseWriter, _ *http.Request) { w.(http.Flusher).Flush() },
			`begins with ""`, false},
		"missing": {http.NotFound, "404 Not Found", false},
		"part of another file": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Range", "bytes 70000-89999/90000")
			w.WriteHeader(http.StatusPartialContent)
			w.Write(a[70000:90000])
		}, "has 90000 bytes", false},
		"other contents": {func(w http.ResponseWriter, _ *http.Request) { w.Write(wrong) },
			"differs from the published file", true},
		"more": {func(w http.ResponseWriter, _ *http.Request) {
			w.(http.Flusher).Flush()
			w.Write(append(bytes.Clone(a), wrong...))
		}, "more than the", true},
		"in circles": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, r.URL.Path, http.StatusFound)
		}, "10 redirects", false},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(cacheFolder(t), "two files")
			os.MkdirAll(dir, 0o755)
			os.WriteFile(filepath.Join(dir, ".a.gz.part"), a[:70000], 0o644)
			bad := newSource(t, nil)
			bad.answer = func(w http.ResponseWriter, r *http.Request, _ int) bool {
				test.answer(w, r)
				return true
			}
			_, err := bring(t.Context(), set, bad.URL)
			wantError(t, err, test.want, bad.URL)
			if n := inFolder(t, dir)[".a.gz.part"]; test.lost != (n != 70000) {
				t.Errorf("%d bytes are left", n)
			}
			if len(bad.seen()) > 30 {
				t.Errorf("%d requests", len(bad.seen()))
			}
			// The next mirror has it.
			good := newSource(t, files)
			if _, err := bring(t.Context(), set, bad.URL, good.URL); err != nil {
				t.Fatal(err)
			}
			checkFolder(t, dir, files)
		})
	}
}

func TestImagesRedirected(t *testing.T) {
	set, files := twoFiles()
	dir := filepath.Join(cacheFolder(t), "two files")
	os.MkdirAll(dir, 0o755)
	os.WriteFile(filepath.Join(dir, ".a.gz.part"), files["a.gz"][:70000], 0o644)
	there := newSource(t, files)
	here := newSource(t, nil)
	here.answer = func(w http.ResponseWriter, r *http.Request, _ int) bool {
		http.Redirect(w, r, there.URL+"/moved"+r.URL.Path, http.StatusMovedPermanently)
		return true
	}
	if _, err := bring(t.Context(), set, here.URL); err != nil {
		t.Fatal(err)
	}
	checkFolder(t, dir, files)
	want := []string{"/moved/a.gz bytes=70000-", "/moved/b.gz"}
	if diff := cmp.Diff(want, there.seen()); diff != "" {
		t.Error(diff)
	}
}

// A server that sends something and then nothing more is left and asked for the rest.
func TestImagesStalled(t *testing.T) {
	set, files := twoFiles()
	cacheFolder(t)
	server := newSource(t, files)
	block := make(chan struct{})
	defer close(block)
	server.answer = func(w http.ResponseWriter, r *http.Request, number int) bool {
		if number > 0 {
			return false
		}
		w.Header().Set("Content-Length", fmt.Sprint(len(files["a.gz"])))
		w.Write(files["a.gz"][:40000])
		w.(http.Flusher).Flush()
		select {
		case <-block:
		case <-r.Context().Done():
		}
		return true
	}
	transfer := newImageTransfer(Settings{})
	transfer.stall, transfer.pause = 200*time.Millisecond, 0
	set.Mirrors = []string{server.URL}
	if _, err := transfer.all(t.Context(), []*imagesets.Set{set}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("/a.gz bytes=40000-", server.seen()[1]); diff != "" {
		t.Error(diff)
	}
}

func TestImagesOffline(t *testing.T) {
	set, _ := twoFiles()
	cacheFolder(t)
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	_, err := bring(t.Context(), set, server.URL, "http://%")
	wantError(t, err, server.URL, "refused", "http://%", "offline", "KERNELSMITH_DATA")
}

// Of several at once one asks, and the others wait for it.
func TestImagesAtOnce(t *testing.T) {
	set, files := twoFiles()
	cache := cacheFolder(t)
	server := newSource(t, files)
	server.answer = func(w http.ResponseWriter, r *http.Request, number int) bool {
		time.Sleep(50 * time.Millisecond)
		return false
	}
	var wg sync.WaitGroup
	var made atomic.Int32
	for range 4 {
		wg.Go(func() {
			own := *set
			results, err := bring(t.Context(), &own, server.URL)
			switch {
			case err != nil:
				t.Error(err)
			case results[0].New:
				made.Add(1)
			}
		})
	}
	wg.Wait()
	if made.Load() != 1 {
		t.Errorf("%d say that they made it", made.Load())
	}
	checkFolder(t, filepath.Join(cache, "two files"), files)
	if diff := cmp.Diff([]string{"/a.gz", "/b.gz"}, server.seen()); diff != "" {
		t.Error(diff)
	}
}

// Files under KERNELSMITH_DATA are the user's: right ones are used, wrong ones reported, and what
// is missing goes to the cache.
func TestImagesUnderData(t *testing.T) {
	set, packed := archived(t)
	cache := cacheFolder(t)
	root := t.TempDir()
	t.Setenv("KERNELSMITH_DATA", root)
	dir := filepath.Join(root, "packed files")
	os.MkdirAll(dir, 0o755)
	os.WriteFile(filepath.Join(dir, "a.bin"), noise(100000, 3), 0o644)
	server := newSource(t, map[string][]byte{"packed.tar.gz": packed})
	results, err := bring(t.Context(), set, server.URL)
	if err != nil || !results[0].New || results[0].Dir != filepath.Join(cache, "packed files") {
		t.Errorf("%+v, %v", results, err)
	}
	checkFolder(t, results[0].Dir, map[string][]byte{"b.bin": noise(50000, 4)})
	os.WriteFile(filepath.Join(dir, "b.bin"), zipped(noise(50000, 5)), 0o644)
	_, err = bring(t.Context(), set, server.URL)
	wantError(t, err, filepath.Join(dir, "b.bin"), "restore the file or move it away")
	var sum *data.ChecksumError
	if !errors.As(err, &sum) || len(server.seen()) != 1 {
		t.Errorf("%v, %v", err, server.seen())
	}
}

func TestImagesBadArchives(t *testing.T) {
	set, packed := archived(t)
	a, b := string(noise(100000, 3)), string(noise(50000, 4))
	of := func(entries ...entry) []byte { return archive(t, entries...) }
	whole := []entry{{name: "x/a.bin", text: a}, {name: "x/b.bin", text: b}}
	link := func(kind byte) entry { return entry{name: "b.bin", text: "a.bin", kind: kind} }
	bomb := archive(t, entry{name: "x/zeros", text: strings.Repeat("\x00", 3<<20)},
		whole[0], whole[1])
	flipped := bytes.Clone(packed)
	flipped[len(flipped)/2] ^= 1
	for name, test := range map[string]struct {
		archive []byte
		want    string
	}{
		"missing": {of(whole[0]), "does not hold b.bin"},
		"twice":   {of(whole[0], whole[0], whole[1]), ""}, // the first is the published file
		"wrong then right": {of(entry{name: "a.bin", text: b + b}, whole[0], whole[1]),
			"a.bin"},
		"evil":     {of(append(whole[:1:1], entry{name: "../../b.bin", text: b})...), "leads out"},
		"rooted":   {of(entry{name: "/etc/b.bin", text: b}), "leads out"},
		"linked":   {of(whole[0], link(tar.TypeSymlink)), "no regular"},
		"hard":     {of(whole[0], link(tar.TypeLink)), "no regular"},
		"short":    {of(entry{name: "a.bin", text: a[:9]}), "with 9 bytes, which should"},
		"long":     {of(entry{name: "a.bin", text: a + a}), "with 200000 bytes"},
		"contents": {of(whole[0], entry{name: "b.bin", text: a[:50000]}), "is damaged or not the"},
		"bomb":     {bomb, "holds more than"},
		"cut off":  {packed[:len(packed)/2], "is damaged"},
		"flipped":  {flipped, "damaged"},
		"no tar":   {zipped(noise(2000, 1)), "is damaged"},
		"no gzip":  {[]byte("<html>"), "is not a gzipped archive"},
		"empty":    {nil, "is not a gzipped archive"},
	} {
		t.Run(name, func(t *testing.T) {
			root := cacheFolder(t)
			cache := filepath.Join(root, "packed files")
			path := filepath.Join(t.TempDir(), "given.tar.gz")
			os.WriteFile(path, test.archive, 0o644)
			_, err := newImageTransfer(Settings{Archive: path}).all(t.Context(),
				[]*imagesets.Set{set})
			if test.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				checkFolder(t, cache, map[string][]byte{"a.bin": []byte(a), "b.bin": []byte(b)})
				return
			}
			wantError(t, err, test.want)
			// What is in place is right, and nothing else is there.
			found := inFolder(t, cache)
			delete(found, "a.bin")
			if len(found) != 0 {
				t.Errorf("left behind: %v", found)
			}
			if b, err := os.ReadFile(filepath.Join(cache, "a.bin")); err == nil && string(b) != a {
				t.Error("a wrong file is in place")
			}
			if files := inFolder(t, root); len(files) != 1 {
				t.Errorf("in the cache: %v", files)
			}
		})
	}
	none := Settings{Archive: filepath.Join(t.TempDir(), "none")}
	_, err := newImageTransfer(none).all(t.Context(), []*imagesets.Set{set})
	wantError(t, err, "cannot open the archive")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	cacheFolder(t)
	path := filepath.Join(t.TempDir(), "given.tar.gz")
	os.WriteFile(path, packed, 0o644)
	_, err = newImageTransfer(Settings{Archive: path}).all(ctx, []*imagesets.Set{set})
	wantError(t, err, "interrupted")
}

func FuzzUnpackImages(f *testing.F) {
	a, b := []byte("some bytes"), []byte("others")
	set := &imagesets.Set{Name: "s", Archive: true,
		Files: []imagesets.File{fileOf("a.bin", a), fileOf("b.bin", b)}}
	var good bytes.Buffer
	w := tar.NewWriter(&good)
	for name, text := range map[string][]byte{"x/a.bin": a, "x/b.bin": b} {
		w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(text))})
		w.Write(text)
	}
	w.Close()
	f.Add(good.Bytes())
	f.Add(good.Bytes()[:700])
	f.Fuzz(func(t *testing.T, inside []byte) {
		root := t.TempDir()
		folder, path := filepath.Join(root, "in", "side"), filepath.Join(root, "archive")
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, zipped(inside), 0o644); err != nil {
			t.Fatal(err)
		}
		err := unpackImages(t.Context(), set, set.Files, path, "archive", folder)
		found := inFolder(t, folder)
		for name, want := range map[string][]byte{"a.bin": a, "b.bin": b} {
			got, e := os.ReadFile(filepath.Join(folder, name))
			if e == nil && !bytes.Equal(got, want) || err == nil && e != nil {
				t.Errorf("%s: %q, %v", name, got, e)
			}
			delete(found, name)
		}
		if len(found)+len(inFolder(t, root))+len(inFolder(t, filepath.Join(root, "in"))) != 3 {
			t.Errorf("left behind: %v", found)
		}
	})
}
