package download

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/kernelsmith/kernelsmith/data"
	"github.com/kernelsmith/kernelsmith/internal/imagesets"
	"github.com/kernelsmith/kernelsmith/internal/regular"
)

// A part is the beginning of a published file that is on its way. Beside it lies a note of the
// address that it is from and of what that calls this version of the file.
type part struct {
	path string
	file imagesets.File
}

// partOf is the path of the part of a file that goes into a folder.
func partOf(folder, name string) string { return filepath.Join(folder, "."+name+".part") }

func (p part) note() string { return p.path + ".from" }

// size is how much there is of the file; what is longer than the file is nothing of it.
func (p part) size() int64 {
	info, err := os.Stat(p.path)
	if err != nil {
		return 0
	}
	if info.Size() > p.file.Bytes {
		p.discard()
		return 0
	}
	return info.Size()
}

// kept says what there is, for an error.
func (p part) kept() string {
	if n := p.size(); n > 0 {
		return fmt.Sprintf("; %d of %d bytes are kept: call again to go on from there", n,
			p.file.Bytes)
	}
	return ""
}

// discard removes the part, as far as it is there.
func (p part) discard() {
	os.Remove(p.path)
	os.Remove(p.note())
}

// brokenError is of a transfer that may be tried again.
type brokenError struct {
	error
	silent bool // there was no answer at all
}

func (e *brokenError) Unwrap() error { return e.error }

// diskError is of a file of the cache.
type diskError struct{ error }

func (e *diskError) Unwrap() error { return e.error }

// validator is what an address called the version of the file that the part is of, or "".
func (p part) validator(url string) string {
	note, err := regular.Read(p.note(), 1<<16)
	if err != nil {
		return ""
	}
	from, validator, _ := strings.Cut(strings.TrimSpace(string(note)), "\n")
	if from != url {
		return "" // the checksum will say whether the files of the two addresses are one
	}
	return validator
}

// errNoRange says that a server does not give what comes after what there is.
var errNoRange = errors.New("the server does not go on from there")

// accept looks at an answer to a request for what comes after the bytes that there are, and returns
// the body and where in the file it begins.
func (p part) accept(r *http.Response, have int64) (body io.Reader, start int64, err error) {
	switch {
	case r.StatusCode == http.StatusPartialContent && have > 0:
		var last int64
		var total string
		got := r.Header.Get("Content-Range")
		_, err := fmt.Sscanf(got, "bytes %d-%d/%s", &start, &last, &total)
		switch {
		case err != nil || start != have:
			return nil, 0, fmt.Errorf("%w: the range is %q and should begin at %d", errNoRange, got,
				have)
		case total != "*" && total != fmt.Sprint(p.file.Bytes):
			return nil, 0, fmt.Errorf("the file there has %s bytes and the published one %d", total,
				p.file.Bytes)
		}
		return r.Body, have, nil
	case r.StatusCode == http.StatusRequestedRangeNotSatisfiable && have > 0:
		return nil, 0, fmt.Errorf("%w: the answer is %s", errNoRange, r.Status)
	case r.StatusCode >= 500, r.StatusCode == http.StatusTooManyRequests:
		return nil, 0, &brokenError{error: fmt.Errorf("the answer is %s", r.Status)}
	case r.StatusCode != http.StatusOK:
		return nil, 0, fmt.Errorf("the answer is %s", r.Status)
	case r.ContentLength >= 0 && r.ContentLength != p.file.Bytes:
		return nil, 0, fmt.Errorf("the answer has %d bytes and the published file %d; it may be a "+
			"page that says why", r.ContentLength, p.file.Bytes)
	}
	buffered := bufio.NewReader(r.Body)
	head, err := buffered.Peek(16)
	switch {
	case err != nil && err != io.EOF:
		return nil, 0, &brokenError{error: err}
	case !strings.HasPrefix(string(head), "\x1f\x8b"):
		return nil, 0, fmt.Errorf("the answer is no file of gzip: it begins with %q", head)
	}
	return buffered, 0, nil
}

// take writes what comes from an address, at a place in the file, and tells how much there is then.
func (p part) take(
	body io.Reader, url string, header http.Header, start int64, tell func(n int64),
) (err error) {
	f, err := os.OpenFile(p.path, os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return &diskError{err}
	}
	defer func() {
		if e := f.Close(); e != nil && err == nil {
			err = &diskError{e}
		}
	}()
	if err := f.Truncate(start); err != nil {
		return &diskError{err}
	}
	if _, err := f.Seek(start, io.SeekStart); err != nil {
		return &diskError{err}
	}
	if start == 0 {
		// The note only helps to go on; without it the checksum decides.
		_ = os.WriteFile(p.note(), []byte(url+"\n"+strongValidator(header)+"\n"), 0o644)
	}
	disk := &diskWriter{w: f}
	counted := &countingWriter{w: disk, n: start, tell: tell}
	_, err = io.Copy(counted, io.LimitReader(body, p.file.Bytes-start+1))
	switch {
	case disk.err != nil:
		return &diskError{disk.err}
	case counted.n > p.file.Bytes:
		_ = f.Truncate(0)
		return fmt.Errorf("the answer has more than the %d bytes of the published file",
			p.file.Bytes)
	case err != nil:
		return &brokenError{error: fmt.Errorf("it ended after %d of %d bytes: %w", counted.n,
			p.file.Bytes, err)}
	case counted.n < p.file.Bytes:
		return &brokenError{error: fmt.Errorf("it ended after %d of %d bytes", counted.n,
			p.file.Bytes)}
	}
	if err := f.Sync(); err != nil {
		return &diskError{err}
	}
	return nil
}

// strongValidator is what a server calls a version of a file, if that means the same bytes.
func strongValidator(header http.Header) string {
	if tag := header.Get("ETag"); tag != "" && !strings.HasPrefix(tag, "W/") {
		return tag
	}
	return header.Get("Last-Modified")
}

// check compares a whole part with the published checksum, and discards one that differs.
func (p part) check() error {
	f, err := regular.Open(p.path)
	if err != nil {
		return &diskError{err}
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return &diskError{err}
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != p.file.SHA256 {
		p.discard()
		return &data.ChecksumError{File: p.file.Name, Want: p.file.SHA256, Got: got}
	}
	return nil
}

// place gives a part that was checked its name.
func (p part) place(name string) error {
	if err := os.Rename(p.path, name); err != nil {
		return fmt.Errorf("download: cannot put a file in place: %w", err)
	}
	if err := os.Remove(p.note()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("download: cannot clear the cache: %w", err)
	}
	return nil
}

// diskWriter remembers that a write failed, which tells a full disk from a bad source.
type diskWriter struct {
	w   io.Writer
	err error
}

func (d *diskWriter) Write(p []byte) (int, error) {
	n, err := d.w.Write(p)
	if err != nil {
		d.err = err
	}
	return n, err
}

// countingWriter counts the bytes that are written, and tells.
type countingWriter struct {
	w    io.Writer
	n    int64
	tell func(n int64)
}

func (c *countingWriter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	c.tell(c.n)
	return n, err
}
