//go:build darwin || linux

package download

import (
	"context"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// child, when set, makes the test binary a second process that downloads from that address.
const child = "KERNELSMITH_TEST_DOWNLOAD_FROM"

// again runs a test in a process of its own, which downloads from a server.
func again(t *testing.T, test, url string) *exec.Cmd {
	c := exec.Command(os.Args[0], "-test.run=^"+test+"$")
	c.Env = append(os.Environ(), child+"="+url)
	return c
}

// A limit on the size of files stands in for a full disk: the write fails in the middle.
func TestImagesOnFullDisk(t *testing.T) {
	set, files := twoFiles()
	if url := os.Getenv(child); url != "" {
		signal.Ignore(syscall.SIGXFSZ)
		limit := &syscall.Rlimit{Cur: 60000, Max: 60000}
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, limit); err != nil {
			t.Fatal(err)
		}
		_, err := bring(context.Background(), set, url, url+"/other")
		wantError(t, err, "cannot write in the cache", "file too large", "60000 of 2000",
			"call again")
		return
	}
	dir := filepath.Join(cacheFolder(t), "two files")
	server := newSource(t, files)
	if out, err := again(t, "TestImagesOnFullDisk", server.URL).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	// No other mirror was asked, and with room on the disk the rest comes.
	if seen := server.seen(); len(seen) != 1 {
		t.Errorf("%v", seen)
	}
	if n := inFolder(t, dir)[".a.gz.part"]; n != 60000 {
		t.Errorf("%d bytes are left", n)
	}
	if _, err := bring(t.Context(), set, server.URL); err != nil {
		t.Fatal(err)
	}
	checkFolder(t, dir, files)
	if seen := server.seen(); seen[1] != `/a.gz bytes=60000- "v1"` {
		t.Errorf("%v", seen)
	}
}

// A process that is killed leaves no lock, and what it had is gone on with at once.
func TestImagesAfterKill(t *testing.T) {
	set, files := twoFiles()
	if url := os.Getenv(child); url != "" {
		_, err := bring(context.Background(), set, url)
		t.Fatalf("not killed: %v", err)
	}
	dir := filepath.Join(cacheFolder(t), "two files")
	server := newSource(t, files)
	sent := make(chan struct{})
	server.mu.Lock() // requests of another process come after nothing that happens here
	server.answer = func(w http.ResponseWriter, r *http.Request, number int) bool {
		if number > 0 {
			return false
		}
		w.Header().Set("ETag", `"v1"`)
		w.Write(files["a.gz"][:90000])
		w.(http.Flusher).Flush()
		close(sent)
		<-r.Context().Done()
		return true
	}
	server.mu.Unlock()
	c := again(t, "TestImagesAfterKill", server.URL)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	<-sent
	waitForPart(t, dir, 90000)
	// Another process waits, and says so when it is interrupted.
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	_, err := bring(ctx, set, server.URL)
	cancel()
	wantError(t, err, "interrupted while another process downloads the same set")
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	c.Wait()
	if _, err := bring(t.Context(), set, server.URL); err != nil {
		t.Fatal(err)
	}
	checkFolder(t, dir, files)
	if seen := server.seen(); len(seen) != 3 || seen[1] != `/a.gz bytes=90000- "v1"` {
		t.Errorf("%v", seen)
	}
}
