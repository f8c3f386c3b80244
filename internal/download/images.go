package download

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/kernelsmith/kernelsmith/data"
	"github.com/kernelsmith/kernelsmith/internal/atomicfile"
	"github.com/kernelsmith/kernelsmith/internal/imagesets"
	"github.com/kernelsmith/kernelsmith/internal/locate"
	"github.com/kernelsmith/kernelsmith/internal/regular"
)

// Images makes sets of images available to package data, by the names in imagesets, and returns a
// result for each, in order. Files that are there already, under KERNELSMITH_DATA or in the cache,
// are compared with their checksums and left as they are, and when that is all of them there is no
// request.
//
// Each file comes from the first mirror that has it, or from the one that Settings.URL names: a
// folder, or the file itself. What has arrived stays when a transfer breaks or is interrupted, and
// the next call goes on from there, at whichever mirror. A file is put in place, by a rename, when
// its size and SHA-256 are the published ones; from an archive so is each file inside.
// Settings.Archive is for sets that are published as an archive, and is read as it is. Of two
// processes that want one set, one waits for the other.
//
// A damaged file in the cache is replaced; under KERNELSMITH_DATA, which belongs to the user, it is
// an error. When not every set can be had, the error says why, and the results name those that are
// in place.
func Images(ctx context.Context, settings *Settings, sets ...string) ([]Result, error) {
	var s Settings
	if settings != nil {
		s = *settings
	}
	if s.URL != "" && s.Archive != "" {
		return nil, errors.New(
			"download: Settings.URL and Settings.Archive are both given; give one")
	}
	found := make([]*imagesets.Set, len(sets))
	for i, name := range sets {
		switch found[i] = imagesets.Named(name); {
		case found[i] == nil:
			return nil, fmt.Errorf("download: %q is none of the sets of images; there are %s", name,
				strings.Join(imageNames(), ", "))
		case s.Archive != "" && !found[i].Archive:
			return nil, fmt.Errorf("download: %s is not published as an archive; put its files "+
				"into the folder %s of the one that KERNELSMITH_DATA names", name, found[i].Folder)
		}
	}
	return newImageTransfer(s).all(ctx, found)
}

func imageNames() (names []string) {
	for _, set := range imagesets.All {
		names = append(names, set.Name)
	}
	return names
}

// imageTransfer brings sets of images into the cache.
type imageTransfer struct {
	Settings
	stall time.Duration // ends a transfer that has delivered nothing for so long
	pause time.Duration // before a broken transfer goes on, twice as long each time nothing came

	state  Progress
	before int64 // bytes of the files before the one under way
	last   time.Time
}

func newImageTransfer(s Settings) *imageTransfer {
	if s.Client == nil {
		s.Client = newClient()
	}
	return &imageTransfer{Settings: s, stall: stallTimeout, pause: time.Second}
}

func (t *imageTransfer) all(ctx context.Context, sets []*imagesets.Set) ([]Result, error) {
	cache, err := locate.CacheDir()
	if err != nil {
		return nil, err
	}
	t.state.Sets = len(sets)
	var results []Result
	for _, set := range sets {
		r, err := t.set(ctx, set, filepath.Join(cache, set.Folder))
		if err != nil {
			return results, err
		}
		t.state.Done++
		results = append(results, r)
	}
	if t.state.Total > 0 {
		t.tell(true)
	}
	return results, nil
}

// set makes one set available, with what is missing in a folder of the cache.
func (t *imageTransfer) set(
	ctx context.Context, set *imagesets.Set, folder string,
) (r Result, err error) {
	missing, dir, err := absent(set, folder, false)
	if err != nil || len(missing) == 0 {
		return Result{Set: set.Name, Dir: dir}, err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return r, fmt.Errorf("download: cannot make the cache folder: %w", err)
	}
	unlock, err := lock(ctx, filepath.Join(folder, ".lock"))
	if err != nil {
		return r, err
	}
	defer unlock()
	// Another process may have been at it in between.
	if missing, dir, err = absent(set, folder, true); err != nil || len(missing) == 0 {
		return Result{Set: set.Name, Dir: dir}, err
	}
	wanted := set.Downloads
	if !set.Archive {
		wanted = nil
		for i, f := range set.Files {
			if slices.Contains(missing, f) {
				wanted = append(wanted, set.Downloads[i])
			}
		}
	}
	if t.Archive == "" {
		for _, f := range wanted {
			t.state.Total += f.Bytes
		}
		for _, f := range wanted {
			if err := t.file(ctx, set, f, folder); err != nil {
				return r, err
			}
			t.before += f.Bytes
		}
	}
	if set.Archive {
		archive, name := t.Archive, t.Archive
		if archive == "" {
			archive, name = partOf(folder, wanted[0].Name), wanted[0].Name
		}
		if err := unpackImages(ctx, set, missing, archive, name, folder); err != nil {
			return r, err
		}
		if t.Archive == "" {
			part{path: archive}.discard()
		}
	}
	return Result{Set: set.Name, Dir: folder, New: true}, nil
}

// absent returns the files of a set that are to be brought into a folder of the cache, and the
// folder in which the first of the others is. Damaged ones in the cache are among them, and removed
// if that is said, which takes the lock: another process may just have put a right one there.
func absent(
	set *imagesets.Set, folder string, remove bool,
) (missing []imagesets.File, dir string, err error) {
	for i := 0; i < len(set.Files); i++ {
		f := set.Files[i]
		at, err := set.Find(f.Name)
		var notFound *locate.NotFoundError
		switch {
		case errors.As(err, &notFound):
			missing = append(missing, f)
			continue
		case err != nil:
			return nil, "", err
		}
		got, err := sumInside(at, f.Bytes)
		if err == nil && got != f.SHA256 {
			err = &data.ChecksumError{File: at, Want: f.SHA256, Got: got}
		}
		switch {
		case err != nil && filepath.Dir(at) != folder:
			return nil, "", fmt.Errorf("%w; restore the file or move it away", err)
		case err != nil && remove:
			if err := os.Remove(at); err != nil {
				return nil, "", fmt.Errorf("download: cannot remove a damaged file: %w", err)
			}
			i-- // it may be there in its other form
		case err != nil:
			missing = append(missing, f)
		case dir == "":
			dir = filepath.Dir(at)
		}
	}
	return missing, dir, nil
}

// sumInside returns the SHA-256 of what is in a file of so many bytes, unpacked where it is
// compressed. One that is longer has another.
func sumInside(name string, size int64) (string, error) {
	f, err := regular.Open(name)
	if err != nil {
		return "", fmt.Errorf("download: %w", err)
	}
	defer f.Close()
	h := sha256.New()
	in, err := imagesets.Inside(f, size)
	if err == nil {
		_, err = io.Copy(h, io.LimitReader(in, size+1))
	}
	if err != nil {
		return "", fmt.Errorf("download: %s: %w", name, err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// file brings a download of a set into a folder: in place, or as a whole part where it is an
// archive.
func (t *imageTransfer) file(
	ctx context.Context, set *imagesets.Set, f imagesets.File, folder string,
) error {
	mirrors := set.Mirrors
	if t.URL != "" {
		mirrors = []string{t.URL}
	}
	p := part{path: partOf(folder, f.Name), file: f}
	var failures []string
	for _, mirror := range mirrors {
		url := mirror
		if !strings.HasSuffix(mirror, f.Name) {
			url = strings.TrimSuffix(mirror, "/") + "/" + f.Name
		}
		err := t.from(ctx, url, p)
		var onDisk *diskError
		switch {
		case err == nil && set.Archive:
			return nil
		case err == nil:
			return p.place(filepath.Join(folder, f.Name))
		case ctx.Err() != nil:
			return fmt.Errorf("download: interrupted: %w%s", context.Cause(ctx), p.kept())
		case errors.As(err, &onDisk):
			return fmt.Errorf("download: cannot write in the cache: %w%s", onDisk.error, p.kept())
		}
		failures = append(failures, fmt.Sprintf("%s: %v", url, err))
	}
	return fmt.Errorf("download: set %s: cannot get %s: %s%s; when this machine is offline, set "+
		"KERNELSMITH_DATA to a folder that holds the files of the set in its folder %s", set.Name,
		f.Name, strings.Join(failures, "; "), p.kept(), set.Folder)
}

// How often in a row a transfer may break without a byte more, and how often in all, before the
// next mirror is asked.
const (
	mostInVain   = 3
	mostRequests = 100
)

// from downloads a file from one address and compares it with its checksum. What is there of it
// stays if the transfer breaks.
func (t *imageTransfer) from(ctx context.Context, url string, p part) (err error) {
	whole := false // all of the part is from this address and call
	ranges := true // ask for what is missing alone
	vain := 0
	first := p.size()
	for range mostRequests {
		before := p.size()
		var start int64
		if start, err = t.get(ctx, url, p, ranges); err == nil {
			whole = whole || start == 0
			if err = p.check(); err == nil || whole {
				return err
			}
			continue // what was there before may have been to blame, and is gone
		}
		whole = whole || start == 0
		if errors.Is(err, errNoRange) && ranges {
			ranges = false
			continue
		}
		var broken *brokenError
		if !errors.As(err, &broken) || ctx.Err() != nil || broken.silent && p.size() == first {
			return err
		}
		if vain++; p.size() > before {
			vain = 0
		}
		if vain == mostInVain {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(t.pause << vain):
		}
	}
	return err
}

// get makes one request for what is missing of a part, or without ranges for the whole file, and
// takes it. It returns where in the file that begins.
func (t *imageTransfer) get(
	ctx context.Context, url string, p part, ranges bool,
) (start int64, err error) {
	have := p.size()
	t.count(have)
	if have == p.file.Bytes {
		return have, nil
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stalled := time.AfterFunc(t.stall, func() {
		cancel(fmt.Errorf("nothing arrived for %v", t.stall))
	})
	defer stalled.Stop()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return have, err
	}
	// Else the transport may unpack what is published packed.
	request.Header.Set("Accept-Encoding", "identity")
	if have > 0 && ranges {
		request.Header.Set("Range", fmt.Sprintf("bytes=%d-", have))
		if validator := p.validator(url); validator != "" {
			request.Header.Set("If-Range", validator)
		}
	}
	response, err := t.Client.Do(request)
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		return have, &brokenError{err, true}
	}
	defer response.Body.Close()
	body, start, err := p.accept(response, have)
	if err != nil {
		return have, err
	}
	err = p.take(body, url, response.Header, start, func(n int64) {
		stalled.Reset(t.stall)
		t.count(n)
	})
	var broken *brokenError
	if cause := context.Cause(ctx); cause != nil && errors.As(err, &broken) {
		err = &brokenError{error: cause}
	}
	return start, err
}

// count reports that so much of the file under way is there.
func (t *imageTransfer) count(n int64) {
	t.state.Bytes = t.before + n
	t.tell(false)
}

func (t *imageTransfer) tell(end bool) {
	if t.Progress == nil || (!end && time.Since(t.last) < 100*time.Millisecond) {
		return
	}
	t.last = time.Now()
	t.Progress(t.state)
}

// unpackImages puts the missing files of a set, which are in an archive, into a folder.
func unpackImages(
	ctx context.Context, set *imagesets.Set, missing []imagesets.File, archive, name, folder string,
) error {
	f, err := regular.Open(archive)
	if err != nil {
		return fmt.Errorf("download: cannot open the archive: %w", err)
	}
	defer f.Close()
	fail := func(problem string, args ...any) error {
		return fmt.Errorf("download: %s %s; it is not the published archive", name,
			fmt.Sprintf(problem, args...))
	}
	z, err := gzip.NewReader(bufio.NewReader(f))
	if err != nil {
		return fail("is not a gzipped archive (%v)", err)
	}
	limit := int64(1 << 20) // for headers and small files beside those of the set
	for _, f := range set.Files {
		limit += f.Bytes + 1<<10
	}
	limited := &io.LimitedReader{R: z, N: limit}
	t := tar.NewReader(limited)
	missing = slices.Clone(missing)
	for len(missing) > 0 {
		if ctx.Err() != nil {
			return fmt.Errorf("download: interrupted: %w", context.Cause(ctx))
		}
		header, err := t.Next()
		switch {
		case limited.N <= 0:
			return fail("holds more than %d bytes", limit)
		case err == io.EOF:
			return fail("does not hold %s", missing[0].Name)
		case err != nil:
			return fail("is damaged (%v)", err)
		case strings.HasPrefix(header.Name, "/"),
			slices.Contains(strings.Split(header.Name, "/"), ".."):
			return fail("holds %q, which leads out of the folder", header.Name)
		}
		i := slices.IndexFunc(missing, func(f imagesets.File) bool {
			return f.Name == path.Base(header.Name)
		})
		switch {
		case i < 0 || header.Typeflag == tar.TypeDir:
			continue // another file, or one that is in place already
		case header.Typeflag != tar.TypeReg:
			return fail("holds %q, which is no regular file", header.Name)
		case header.Size != missing[i].Bytes:
			return fail("holds %q with %d bytes, which should have %d", header.Name, header.Size,
				missing[i].Bytes)
		}
		if err := unpackImage(t, missing[i], name, folder); err != nil {
			return err
		}
		missing = slices.Delete(missing, i, i+1)
	}
	return nil
}

// unpackImage puts a file that is in an archive in place.
func unpackImage(r io.Reader, f imagesets.File, archive, folder string) error {
	var bad error
	err := atomicfile.Write(filepath.Join(folder, f.Name), func(w io.Writer) error {
		h := sha256.New()
		out := &diskWriter{w: w}
		if _, err := io.Copy(io.MultiWriter(out, h), r); err != nil && out.err == nil {
			bad = fmt.Errorf("download: %s is damaged (%w)", archive, err)
			return bad
		} else if err != nil {
			return err
		}
		if got := hex.EncodeToString(h.Sum(nil)); got != f.SHA256 {
			bad = fmt.Errorf("download: %s is damaged or not the published archive: %w", archive,
				&data.ChecksumError{File: f.Name, Want: f.SHA256, Got: got})
		}
		return bad
	})
	if bad == nil && err != nil {
		return fmt.Errorf("download: cannot write in the cache: %w", err)
	}
	return bad
}
