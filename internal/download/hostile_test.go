//go:build unix

package download

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kernelsmith/kernelsmith/internal/hostile"
	"github.com/kernelsmith/kernelsmith/internal/imagesets"
)

// deaf sends nothing of what is asked for, not even a head, until the other side gives up.
func deaf(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// sends answers with a head that is said to be of so many bytes, and sends what there is.
func sends(b []byte, length int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(length))
		w.Write(b)
	}
}

// leads redirects.
func leads(to string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, to, http.StatusFound)
	}
}

// stallsSoon has transfers end after a while that is short enough for a test.
func stallsSoon(t *testing.T) {
	whole := stallTimeout
	stallTimeout = 200 * time.Millisecond
	t.Cleanup(func() { stallTimeout = whole })
}

// However a server of the collection fails, the error says how, and nothing of it is kept; the next
// call has the set from where it is right.
func TestJMLRHostileServers(t *testing.T) {
	stallsSoon(t)
	whole := archive(t, append([]entry{{name: "other/noise", text: string(noise(300000, 7))}},
		setFiles("d/", "first")...)...)
	plain := httptest.NewServer(sends(whole, len(whole)))
	defer plain.Close()
	for name, test := range map[string]struct {
		answer http.HandlerFunc
		want   string
	}{
		"deaf": {deaf, "nothing arrived for 200ms"},
		"stalls": {func(w http.ResponseWriter, r *http.Request) {
			w.Write(whole[:1000])
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}, "nothing arrived for 200ms"},
		"cut":           {sends(whole[:len(whole)/2], len(whole)), "ended early"},
		"said longer":   {sends(whole[:len(whole)-5], len(whole)+100), "ended early"},
		"said shorter":  {sends(whole, len(whole)/2), "ended early"},
		"a part":        {partial(whole, 100), "206 Partial Content"},
		"another file":  {sends(noise(1000, 1), 1000), "not a gzipped archive"},
		"in circles":    {leads("/again"), "stopped after 10 redirects"},
		"to a file":     {leads("file:///etc/passwd"), "leads from https to file:"},
		"not secure":    {leads(plain.URL), "leads from https to http://"},
		"gone":          {http.NotFound, "404 Not Found"},
		"not there yet": {leads("http://127.0.0.1:1/"), "leads from https to http://127.0.0.1:1/"},
	} {
		t.Run(name, func(t *testing.T) {
			cache := cacheFolder(t)
			server := httptest.NewTLSServer(test.answer)
			defer server.Close()
			client := newClient()
			client.Transport = server.Client().Transport
			results, err := JMLR(t.Context(), &Settings{URL: server.URL, Client: client}, "first")
			wantError(t, err, test.want)
			if len(results) != 0 || len(left(t, cache)) != 0 {
				t.Errorf("results %v, in the cache %v", results, left(t, cache))
			}
			results, err = JMLR(t.Context(), &Settings{URL: plain.URL}, "first")
			if err != nil || !results[0].New {
				t.Errorf("%v, %v", results, err)
			}
		})
	}
}

// partial answers with what comes from somewhere on, asked for or not.
func partial(b []byte, from int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(b)-1, len(b)))
		w.WriteHeader(http.StatusPartialContent)
		w.Write(b[from:])
	}
}

// A server that packs what it sends, where that is asked for, has the archive as it is published.
func TestJMLRPackedOnItsWay(t *testing.T) {
	cacheFolder(t)
	whole := archive(t, setFiles("d/", "first")...)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			w.Header().Set("Content-Encoding", "gzip") // for a file that is a .gz
		}
		w.Write(whole)
	}))
	defer server.Close()
	if results, err := JMLR(t.Context(), &Settings{URL: server.URL}, "first"); err != nil ||
		!results[0].New {
		t.Errorf("%v, %v", results, err)
	}
}

// However the first mirror of a set of images fails, the error says how, and the next one is asked,
// for what is missing where something of the file has arrived.
func TestImagesHostileServers(t *testing.T) {
	set, files := twoFiles()
	a := files["a.gz"]
	for name, test := range map[string]struct {
		answer http.HandlerFunc
		want   string
	}{
		"deaf":           {deaf, "nothing arrived for 200ms"},
		"said shorter":   {sends(a, len(a)-100), "the published file"},
		"said longer":    {sends(a, len(a)+100), "the published file"},
		"the wrong part": {partial(a, 100), "206 Partial Content"},
		"to a file":      {leads("file:///etc/passwd"), "leads from https to file:"},
		"not secure":     {leads("http://127.0.0.1:1/a.gz"), "leads from https to http:"},
		"in circles":     {leads("/a.gz"), "10 redirects"},
		"cut each time": {func(w http.ResponseWriter, r *http.Request) {
			cut(w, r, a, 0)
		}, "unexpected EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(cacheFolder(t), "two files")
			bad := httptest.NewTLSServer(test.answer)
			bad.Config.ErrorLog = nil
			defer bad.Close()
			good := newSource(t, files)
			client := newClient()
			client.Transport = bad.Client().Transport
			from := func(mirrors ...string) error {
				transfer := newImageTransfer(Settings{Client: client})
				transfer.pause, transfer.stall = 0, 200*time.Millisecond
				set.Mirrors = mirrors
				_, err := transfer.all(t.Context(), []*imagesets.Set{set})
				return err
			}
			wantError(t, from(bad.URL), test.want, bad.URL, "a.gz")
			for file := range inFolder(t, dir) {
				if !strings.HasPrefix(file, ".a.gz.part") {
					t.Errorf("%s is in place", file)
				}
			}
			if err := from(bad.URL, good.URL); err != nil {
				t.Fatal(err)
			}
			checkFolder(t, dir, files)
		})
	}
}

// An archive on this machine, of the collection and of images.
func TestHostileArchives(t *testing.T) {
	set, packed := archived(t)
	tables := archive(t, setFiles("d/", "first")...)
	hostile.Reader{Name: "packed.tar.gz", Good: packed, Read: func(path string) (any, error) {
		cacheFolder(t)
		_, err := newImageTransfer(Settings{Archive: path}).all(t.Context(),
			[]*imagesets.Set{set})
		return nil, err
	}}.Check(t)
	hostile.Reader{Name: "tables.tar.gz", Good: tables, Read: func(path string) (any, error) {
		cache := cacheFolder(t)
		_, err := JMLR(t.Context(), &Settings{Archive: path}, "first")
		if err != nil && len(left(t, cache)) != 0 {
			err = errors.Join(err, fmt.Errorf("left in the cache: %v", left(t, cache)))
			t.Error(err)
		}
		return nil, err
	}}.Check(t)
}
