// Package download brings published data sets into the cache that package data reads from: [JMLR]
// sets of the collection of Fernández-Delgado et al., [Images] those of CIFAR-10, MNIST and
// Fashion-MNIST. It is the only package of the project that uses the network, and does so only when
// called.
package download

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/kernelsmith/kernelsmith/data"
	"github.com/kernelsmith/kernelsmith/internal/jmlr"
	"github.com/kernelsmith/kernelsmith/internal/locate"
	"github.com/kernelsmith/kernelsmith/internal/regular"
)

// JMLRArchive is the archive that the authors of the collection published.
const JMLRArchive = "http://persoal.citius.usc.es/manuel.fernandez.delgado/papers/jmlr/data.tar.gz"

// Limits against an archive made to fill the disk or to run for ever. The
// largest file of the collection is far below them.
const (
	maxFileBytes    = 512 << 20
	maxArchiveBytes = 16 << 30 // after decompression
)

// stallTimeout ends a transfer that has delivered nothing for so long. Tests have another.
var stallTimeout = time.Minute

// Settings says where to download from; nil and the zero value are the
// defaults.
type Settings struct {
	// URL of a gzipped tar archive, or of sets of images that of their folder or file; empty means
	// JMLRArchive, or the set's mirrors.
	URL string
	// Archive is an archive already on this machine; when it is given nothing
	// is downloaded. At most one of URL and Archive may be given.
	Archive string
	// Client makes the request; nil means one that gives up when it gets no
	// connection in 30 seconds or no answer in 60. In either case a transfer
	// that delivers nothing for a minute is ended.
	Client *http.Client
	// Progress is called in the course of the transfer, at most ten times a
	// second and once at its end; nil means no reports.
	Progress func(Progress)
}

// Progress is the state of a transfer.
type Progress struct {
	Bytes int64 // read so far, compressed
	Total int64 // of the archive or of the files, −1 when not known
	Done  int   // sets put in place
	Sets  int   // sets wanted
}

// Result says where a set now is.
type Result struct {
	Set string
	Dir string
	// New is false when the set was there already and was found in order.
	New bool
}

// JMLR makes the sets of the JMLR collection available to data.LoadJMLR and
// returns a result for each, in order. A set that is there already, under
// KERNELSMITH_DATA or in the cache, is read and left as it is, and when that
// is all of them there is no request.
//
// The archive is read as a stream, which ends when the last set is complete;
// only files of the wanted sets reach the disk. Each file is compared with its
// published checksum where jmlr.Checksums knows it, each set is read as a
// whole, and then put in place by one rename. So a set in the cache is whole
// or absent; an interrupted download harms nothing, keeps the sets that were
// complete, and is repeated by calling again. A set in the cache that is
// damaged is replaced; a damaged one under KERNELSMITH_DATA, which belongs to
// the user, is an error.
//
// When not every set can be had, the error says why, and the results name
// those that are in place.
func JMLR(ctx context.Context, settings *Settings, sets ...string) ([]Result, error) {
	var s Settings
	if settings != nil {
		s = *settings
	}
	if s.URL != "" && s.Archive != "" {
		return nil, errors.New(
			"download: Settings.URL and Settings.Archive are both given; give one")
	}
	if s.URL == "" {
		s.URL = JMLRArchive
	}
	cache, err := locate.CacheDir()
	if err != nil {
		return nil, err
	}
	root := filepath.Join(cache, "jmlr")

	var results []Result
	wanted := make(map[string]bool)
	for _, set := range sets {
		dir, err := inPlace(set, root)
		if err != nil {
			return results, err
		}
		if dir != "" {
			results = append(results, Result{Set: set, Dir: dir})
		} else {
			wanted[set] = true
		}
	}
	if len(wanted) == 0 {
		return results, nil
	}

	missing := len(wanted)
	err = transfer(ctx, s, root, wanted)
	results = results[:0]
	for _, set := range sets {
		switch {
		case !wanted[set]:
			dir, err := jmlr.Find(set)
			if err != nil {
				return results, err
			}
			results = append(results, Result{Set: set, Dir: dir})
		default:
			if dir, e := inPlace(set, root); e == nil && dir != "" {
				results = append(results, Result{Set: set, Dir: dir, New: true})
				missing--
			}
		}
	}
	if err == nil && missing > 0 {
		err = fmt.Errorf("download: %d sets are not in place after the transfer", missing)
	}
	return results, err
}

// inPlace returns the folder of a set that can be read, or "" when the set is
// to be downloaded into root.
func inPlace(set, root string) (string, error) {
	dir, err := jmlr.Find(set)
	var notFound *locate.NotFoundError
	switch {
	case errors.As(err, &notFound):
		return "", nil
	case err != nil:
		return "", err
	}
	if _, err = data.LoadJMLR(set, nil); err == nil {
		return dir, nil
	}
	if filepath.Dir(dir) == filepath.Clean(root) {
		return "", nil
	}
	return "", err
}

// transfer reads the archive and puts the wanted sets in place.
func transfer(ctx context.Context, s Settings, root string, wanted map[string]bool) (err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)

	stalled := time.AfterFunc(stallTimeout, func() {
		cancel(fmt.Errorf("nothing arrived for %v", stallTimeout))
	})
	defer stalled.Stop()
	body, total, name, err := open(ctx, s)
	if err != nil {
		return err
	}
	defer body.Close()

	if err := os.MkdirAll(root, 0o755); err != nil {
		return fmt.Errorf("download: cannot make the cache folder: %w", err)
	}
	removeLeftovers(root)
	staging, err := os.MkdirTemp(root, stagingPrefix+"*")
	if err != nil {
		return fmt.Errorf("download: cannot write in the cache: %w", err)
	}
	defer func() {
		if e := os.RemoveAll(staging); e != nil && err == nil {
			err = fmt.Errorf("download: cannot clear the temporary folder: %w", e)
		}
	}()

	u := &unpacker{
		root:    root,
		staging: staging,
		archive: name,
		wanted:  wanted,
		files:   make(map[string][]string),
	}
	counted := &counter{
		r:        body,
		ctx:      ctx,
		stalled:  stalled,
		total:    total,
		unpacker: u,
		report:   s.Progress,
	}
	err = u.unpack(ctx, counted)
	if err == nil {
		counted.tell(true)
		return nil
	}
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	var transport net.Error
	switch {
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("download: interrupted while reading %s: %w", name, err)
	case errors.Is(err, io.ErrUnexpectedEOF), errors.As(err, &transport), context.Cause(ctx) != nil:
		return fmt.Errorf("download: %s ended early, after %d bytes (%w); try again", name,
			counted.n, err)
	}
	return err
}

// open returns the archive, its size in bytes or −1, and its name.
func open(
	ctx context.Context, s Settings,
) (body io.ReadCloser, total int64, name string, err error) {
	if s.Archive != "" {
		f, err := regular.Open(s.Archive)
		if err != nil {
			return nil, 0, "", fmt.Errorf("download: cannot open the archive: %w", err)
		}
		total = -1
		if info, err := f.Stat(); err == nil {
			total = info.Size()
		}
		return f, total, s.Archive, nil
	}
	client := s.Client
	if client == nil {
		client = newClient()
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL, nil)
	if err != nil {
		return nil, 0, "", fmt.Errorf("download: %w", err)
	}
	// Else the transport may unpack what is published packed.
	request.Header.Set("Accept-Encoding", "identity")
	response, err := client.Do(request)
	if err != nil {
		switch cause := context.Cause(ctx); {
		case errors.Is(cause, context.Canceled):
			return nil, 0, "", fmt.Errorf("download: interrupted: %w", cause)
		case cause != nil:
			return nil, 0, "", fmt.Errorf("download: no answer from %s (%w); try again", s.URL,
				cause)
		}
		return nil, 0, "", fmt.Errorf(
			"download: cannot reach the archive (%w); when this machine is offline, set "+
				"KERNELSMITH_DATA to a folder that holds jmlr/<set>, or name an archive that "+
				"was downloaded elsewhere (go run ./data/fetch -archive file set); embedded "+
				"sets need neither", err)
	}
	if response.StatusCode != http.StatusOK {
		response.Body.Close()
		return nil, 0, "", fmt.Errorf(
			"download: %s answered %s instead of the archive; try later or give another address",
			s.URL, response.Status)
	}
	return response.Body, response.ContentLength, s.URL, nil
}

// newClient returns a client that gives up when it gets no connection in 30 seconds or no answer in
// 60, and that follows no redirection from https to what can be read and changed on its way. It
// keeps no connection, which would stay behind when the download has ended.
func newClient() *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DialContext = (&net.Dialer{Timeout: 30 * time.Second}).DialContext
	transport.ResponseHeaderTimeout = time.Minute
	transport.DisableKeepAlives = true
	return &http.Client{Transport: transport, CheckRedirect: staysSecure}
}

// staysSecure is a policy for redirections.
func staysSecure(request *http.Request, via []*http.Request) error {
	const most = 10
	if len(via) >= most {
		return fmt.Errorf("stopped after %d redirects", most)
	}
	if via[len(via)-1].URL.Scheme == "https" && request.URL.Scheme != "https" {
		return fmt.Errorf("it leads from https to %s, which is not followed", request.URL)
	}
	return nil
}

// counter counts and reports what is read, postpones the stall timer and ends
// the reading with its context.
type counter struct {
	r        io.Reader
	ctx      context.Context
	stalled  *time.Timer
	n, total int64
	unpacker *unpacker
	report   func(Progress)
	last     time.Time
}

func (c *counter) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := c.r.Read(p)
	if n > 0 {
		c.stalled.Reset(stallTimeout)
		c.n += int64(n)
		c.tell(false)
	}
	return n, err
}

func (c *counter) tell(end bool) {
	if c.report == nil || (!end && time.Since(c.last) < 100*time.Millisecond) {
		return
	}
	c.last = time.Now()
	c.report(
		Progress{Bytes: c.n, Total: c.total, Done: c.unpacker.done, Sets: len(c.unpacker.wanted)})
}

// unpacker takes the files of the wanted sets from an archive.
type unpacker struct {
	root, staging string
	archive       string
	wanted        map[string]bool
	files         map[string][]string // unpacked so far, by set
	done          int
}

func (u *unpacker) unpack(ctx context.Context, r io.Reader) error {
	z, err := gzip.NewReader(r)
	if err != nil {
		if errors.Is(err, gzip.ErrHeader) || errors.Is(err, io.EOF) {
			return fmt.Errorf(
				"download: %s is not a gzipped archive (%w); check the address: it may be an "+
					"error page", u.archive, err)
		}
		return err
	}
	defer z.Close()
	limited := &io.LimitedReader{R: z, N: maxArchiveBytes}
	t := tar.NewReader(limited)
	for u.done < len(u.wanted) {
		if err := ctx.Err(); err != nil {
			return err
		}
		header, err := t.Next()
		if limited.N <= 0 {
			return fmt.Errorf(
				"download: %s holds more than %d bytes; it is not the published archive", u.archive,
				int64(maxArchiveBytes))
		}
		if err == io.EOF {
			// What follows the last entry carries the checksum of the whole.
			if _, err := io.Copy(io.Discard, limited); err != nil {
				return u.damaged(err)
			}
			break
		}
		if err != nil {
			return u.damaged(err)
		}
		if err := u.entry(header, t); err != nil {
			return err
		}
	}
	// Sets without known checksums have no known list of files, and are
	// complete only when the archive ends.
	var absent []string
	for set := range u.wanted {
		switch {
		case jmlr.Checksums(set) != nil:
			if len(u.files[set]) < len(jmlr.Checksums(set)) {
				absent = append(absent, set)
			}
		case len(u.files[set]) == 0:
			absent = append(absent, set)
		default:
			if err := u.place(set); err != nil {
				return err
			}
		}
	}
	if len(absent) > 0 {
		slices.Sort(absent)
		return fmt.Errorf(
			"download: %s does not hold, or not completely: %s; check the names: "+
				"known are %s", u.archive, strings.Join(absent, ", "),
			strings.Join(jmlr.Sets(), ", "))
	}
	return nil
}

func (u *unpacker) damaged(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	if errors.Is(err, tar.ErrHeader) || errors.Is(err, gzip.ErrChecksum) ||
		errors.Is(err, gzip.ErrHeader) {
		return fmt.Errorf("download: %s is damaged (%w); try again", u.archive, err)
	}
	return err
}

// entry unpacks one file when it is <set>/<file> of a wanted set, below any
// folder of the archive.
func (u *unpacker) entry(header *tar.Header, r io.Reader) error {
	name := header.Name
	if strings.HasPrefix(name, "/") || slices.Contains(strings.Split(name, "/"), "..") {
		return fmt.Errorf(
			"download: %s holds %q, which leads out of the folder; it is not the published archive",
			u.archive, name)
	}
	set, file := path.Base(path.Dir(name)), path.Base(name)
	if !u.wanted[set] || header.Typeflag == tar.TypeDir || !u.belongs(set, file) {
		return nil
	}
	if header.Typeflag != tar.TypeReg {
		return fmt.Errorf("download: %s: %q is not a regular file; it is not the published archive",
			u.archive, name)
	}
	if slices.Contains(u.files[set], file) {
		if jmlr.Checksums(set) != nil {
			return nil // the first was verified
		}
		return fmt.Errorf(
			"download: %s holds %s/%s more than once; it is not the published archive", u.archive,
			set, file)
	}
	if header.Size > maxFileBytes {
		return fmt.Errorf("download: %s: %q has %d bytes, more than the %d allowed", u.archive,
			name, header.Size, maxFileBytes)
	}
	if err := u.write(set, file, r); err != nil {
		return err
	}
	u.files[set] = append(u.files[set], file)
	if sums := jmlr.Checksums(set); sums != nil && len(u.files[set]) == len(sums) {
		return u.place(set)
	}
	return nil
}

// belongs tells the files that package data reads from others of the archive.
func (u *unpacker) belongs(set, file string) bool {
	if sums := jmlr.Checksums(set); sums != nil {
		return sums[file] != ""
	}
	return file == set+".txt" || file == "conxuntos.dat" || file == "conxuntos_kfold.dat" ||
		(strings.HasPrefix(file, set) && strings.HasSuffix(file,
			"_R.dat") && !strings.Contains(file, `\`))
}

func (u *unpacker) write(set, file string, r io.Reader) (err error) {
	dir := filepath.Join(u.staging, set)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("download: cannot write in the cache: %w", err)
	}
	f, err := os.Create(filepath.Join(dir, file))
	if err != nil {
		return fmt.Errorf("download: cannot write in the cache: %w", err)
	}
	defer func() {
		if e := f.Close(); e != nil && err == nil {
			err = fmt.Errorf("download: cannot write in the cache: %w", e)
		}
	}()
	h := sha256.New()
	if _, err := io.Copy(io.MultiWriter(f, h), r); err != nil {
		var onDisk *fs.PathError
		if errors.As(err, &onDisk) {
			return fmt.Errorf("download: cannot write in the cache: %w", err)
		}
		return u.damaged(err)
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("download: cannot write in the cache: %w", err)
	}
	got := hex.EncodeToString(h.Sum(nil))
	if want := jmlr.Checksums(set)[file]; want != "" && got != want {
		return fmt.Errorf("download: %s is damaged or not the published archive: %w", u.archive,
			&data.ChecksumError{File: set + "/" + file, Want: want, Got: got})
	}
	return nil
}

// place moves a complete set from the staging folder to where it is read.
func (u *unpacker) place(set string) error {
	from, to := filepath.Join(u.staging, set), filepath.Join(u.root, set)
	if _, err := data.LoadJMLR(set, &data.LoadSettings{Dir: from}); err != nil {
		return fmt.Errorf("download: %s: %w", u.archive, err)
	}
	// A damaged set makes way; it goes when the staging folder does.
	if err := os.Rename(to, filepath.Join(u.staging, "old-"+set)); err != nil &&
		!errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("download: cannot replace the set in the cache: %w", err)
	}
	if err := os.Rename(from, to); err != nil {
		// Another process may have put the same set there in between.
		if _, e := data.LoadJMLR(set, &data.LoadSettings{Dir: to}); e != nil {
			return fmt.Errorf("download: cannot put the set in place: %w", err)
		}
	}
	u.done++
	return nil
}

// stagingPrefix begins the names of folders with unfinished downloads.
const stagingPrefix = ".incomplete-"

// removeLeftovers clears what killed downloads left behind. It spares young
// folders, which may belong to a download that is running, and what it cannot
// remove does no harm.
func removeLeftovers(root string) {
	entries, err := os.ReadDir(root)
	if err != nil {
		return
	}
	for _, e := range entries {
		info, err := e.Info()
		if err == nil && e.IsDir() && strings.HasPrefix(e.Name(), stagingPrefix) &&
			time.Since(info.ModTime()) > 24*time.Hour {
			os.RemoveAll(filepath.Join(root, e.Name()))
		}
	}
}
