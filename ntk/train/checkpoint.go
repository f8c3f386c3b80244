package train

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/kernelsmith/kernelsmith/internal/regular"
)

// A checkpoint is a file
//
//	magic, length of header, header (JSON), digest
//	for each array: its length in bytes, its float32 in little-endian order, digest
//
// where the digest of the header is the SHA-256 of all bytes before it, and that of an array
// the SHA-256 of the header's digest, the array's index, its length and its bytes. So an array
// of another checkpoint, which a disk may have left in the file's blocks, has a wrong digest.
// Two generations are kept, the newer under the file's name and the older under that name with
// the ending ".before".
const checkpointMagic = "KSCHKPT1"

// checkpointHeader is what a checkpoint holds beside its arrays.
type checkpointHeader struct {
	Identity string
	State    progressState
	Arrays   []int // number of float32 in each; none if only the trace is kept
}

// checkpoints writes and reads the checkpoints of one run.
type checkpoints struct {
	file, identity string
	every          time.Duration
	faults         faults
	next           time.Time // when the next checkpoint is due
	last           time.Time // the time at the last call of due or saved
}

// faults replace the clock and the file system in tests.
type faults struct {
	Now    func() time.Time
	Create func(dir, pattern string) (checkpointFile, error)
}

type checkpointFile interface {
	io.WriteCloser
	Sync() error
	Name() string
}

func (f faults) time() time.Time {
	if f.Now != nil {
		return f.Now()
	}
	return time.Now()
}

func (f faults) temporary(dir, pattern string) (checkpointFile, error) {
	if f.Create != nil {
		return f.Create(dir, pattern)
	}
	return os.CreateTemp(dir, pattern)
}

// openCheckpoints returns the checkpoints of a run that starts from the parameters with the
// given fingerprint. It makes the folder, and writes a file into it as a trial: that this
// fails is an error.
func openCheckpoints(s Settings, id Identity, parameters string) (*checkpoints, error) {
	b, err := json.Marshal(id)
	if err != nil {
		return nil, fmt.Errorf("train: settings of the checkpoint: %w", err)
	}
	c := &checkpoints{
		identity: string(b) + " from " + parameters,
		every:    s.CheckpointEvery,
		faults:   s.faults,
	}
	sum := sha256.Sum256([]byte(c.identity))
	name := strings.Map(func(r rune) rune {
		if r < 128 && (r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9') {
			return r
		}
		return '-'
	}, id.Net)
	c.file = filepath.Join(s.Checkpoints,
		name[:min(len(name), 40)]+"-"+hex.EncodeToString(sum[:8])+".checkpoint")
	if err := c.probe(s.Checkpoints); err != nil {
		return nil, fmt.Errorf(
			"train: checkpoints could not be kept in %s, so the run was not started: %w",
			s.Checkpoints, err)
	}
	c.removeLeftovers()
	return c, nil
}

func (c *checkpoints) before() string  { return c.file + ".before" }
func (c *checkpoints) damaged() string { return c.file + ".damaged" }

func (c *checkpoints) probe(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return c.write(c.file+".probe", false, func(w io.Writer) error {
		_, err := w.Write(make([]byte, 64<<10))
		return err
	}, func(temporary string) error { return os.Remove(temporary) })
}

// removeLeftovers removes the temporary files of runs that were killed while they wrote, if
// they are more than an hour old: another process may be writing a newer one now.
func (c *checkpoints) removeLeftovers() {
	dir := filepath.Dir(c.file)
	entries, _ := os.ReadDir(dir) // probe wrote there a moment ago
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") || !strings.Contains(e.Name(), ".checkpoint.") ||
			!strings.HasSuffix(e.Name(), ".tmp") {
			continue
		}
		if info, err := e.Info(); err == nil && time.Since(info.ModTime()) > time.Hour {
			// A process that still writes it reports one checkpoint that failed.
			os.Remove(filepath.Join(dir, e.Name()))
		}
	}
}

// write fills a temporary file, whose name no other process uses, and calls place to rename
// it. Unless quick, it first waits until the file is on the disk: a quick one may be lost in a
// power failure.
func (c *checkpoints) write(
	path string, quick bool, fill func(io.Writer) error, place func(temporary string) error,
) (err error) {
	f, err := c.faults.temporary(filepath.Dir(path), "."+filepath.Base(path)+".*.tmp")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close() // closing twice does no harm
			if e := os.Remove(f.Name()); e != nil && !errors.Is(e, fs.ErrNotExist) {
				err = errors.Join(err, e)
			}
		}
	}()
	if err := fill(f); err != nil {
		return err
	}
	if !quick {
		if err := f.Sync(); err != nil {
			return err
		}
	}
	if err := f.Close(); err != nil {
		return err
	}
	return place(f.Name())
}

// save writes a checkpoint, unless another process has written one that is further in the
// same run. With quick it does not wait for the disk; see write.
func (c *checkpoints) save(h checkpointHeader, arrays [][]float32, quick bool) error {
	if there, err := peek(c.file); err == nil && there.Identity == h.Identity &&
		there.State.after(h.State) {
		return nil
	}
	for _, a := range arrays {
		h.Arrays = append(h.Arrays, len(a))
	}
	return c.write(
		c.file,
		quick,
		func(w io.Writer) error { return writeCheckpoint(w, h, arrays) },
		func(temporary string) error {
			if h.Arrays == nil { // the end of a run: there is nothing to go back to
				if err := os.Rename(temporary, c.file); err != nil {
					return err
				}
				return ignoreMissing(os.Remove(c.before()))
			}
			if err := ignoreMissing(os.Rename(c.file, c.before())); err != nil {
				return err
			}
			if err := os.Rename(temporary, c.file); err != nil {
				return err
			}
			if !quick {
				syncFolder(filepath.Dir(c.file))
			}
			return nil
		},
	)
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// syncFolder waits until renames are on the disk. Where a system cannot do that, a power
// failure costs one generation.
func syncFolder(dir string) {
	if f, err := os.Open(dir); err == nil {
		_ = f.Sync()
		f.Close()
	}
}

// after reports whether st is further in the run than o.
func (st progressState) after(o progressState) bool {
	return st.Steps > o.Steps || st.Steps == o.Steps && st.Done && !o.Done
}

type digest [sha256.Size]byte

func sumOf(h hash.Hash) (d digest) {
	h.Sum(d[:0])
	return d
}

func headerDigest(header []byte) digest {
	h := sha256.New()
	_, _ = io.WriteString(h, checkpointMagic)
	_ = binary.Write(h, binary.LittleEndian, uint64(len(header)))
	h.Write(header)
	return sumOf(h)
}

// arrayHash is the hash of an array before its bytes.
func arrayHash(header digest, index, bytes int) hash.Hash {
	h := sha256.New()
	h.Write(header[:])
	_ = binary.Write(h, binary.LittleEndian, [2]uint64{uint64(index), uint64(bytes)})
	return h
}

func writeCheckpoint(to io.Writer, h checkpointHeader, arrays [][]float32) error {
	header, err := json.Marshal(h)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(to, 1<<20)
	d := headerDigest(header)
	_, _ = io.WriteString(w, checkpointMagic)
	_ = binary.Write(w, binary.LittleEndian, uint64(len(header)))
	w.Write(header)
	w.Write(d[:])
	chunk := make([]byte, 0, 1<<18)
	for i, a := range arrays {
		_ = binary.Write(w, binary.LittleEndian, uint64(4*len(a)))
		sum := arrayHash(d, i, 4*len(a))
		for part := range slices.Chunk(a, cap(chunk)/4) {
			chunk = chunk[:0]
			for _, v := range part {
				chunk = binary.LittleEndian.AppendUint32(chunk, math.Float32bits(v))
			}
			sum.Write(chunk)
			if _, err := w.Write(chunk); err != nil {
				return err
			}
		}
		own := sumOf(sum)
		w.Write(own[:])
	}
	return w.Flush() // keeps the first error of a Write
}

// maxHeader is far above what a header has.
const maxHeader = 1 << 28

func readHeader(r io.Reader) (h checkpointHeader, d digest, err error) {
	var start struct {
		Magic  [len(checkpointMagic)]byte
		Length uint64
	}
	if err := binary.Read(r, binary.LittleEndian, &start); err != nil {
		return h, d, fmt.Errorf("its start is missing (%w)", err)
	}
	if string(start.Magic[:]) != checkpointMagic || start.Length > maxHeader {
		return h, d, errors.New("it does not start like a checkpoint")
	}
	var header bytes.Buffer // grows with what is there, not with what is said
	if _, err := io.CopyN(&header, r, int64(start.Length)); err != nil {
		return h, d, fmt.Errorf("its header is truncated (%w)", err)
	}
	if _, err := io.ReadFull(r, d[:]); err != nil {
		return h, d, fmt.Errorf("its header is truncated (%w)", err)
	}
	if d != headerDigest(header.Bytes()) {
		return h, d, errors.New("its header is altered")
	}
	if err := json.Unmarshal(header.Bytes(), &h); err != nil {
		return h, d, fmt.Errorf("its header is of another form (%w)", err)
	}
	return h, d, nil
}

// readArrays reads the arrays behind a header, checks them, and passes the numbers to put, if
// it is not nil.
func readArrays(
	r io.Reader, h checkpointHeader, d digest, put func(array, at int, v []float32),
) error {
	chunk := make([]byte, 1<<18)
	values := make([]float32, len(chunk)/4)
	for i, size := range h.Arrays {
		var length uint64
		if err := binary.Read(r, binary.LittleEndian, &length); err != nil {
			return fmt.Errorf("array %d is missing (%w)", i, err)
		}
		if size < 0 || length != uint64(4*size) {
			return fmt.Errorf("array %d has another length", i)
		}
		sum := arrayHash(d, i, 4*size)
		for at := 0; at < size; {
			part := chunk[:min(len(chunk), 4*(size-at))]
			if _, err := io.ReadFull(r, part); err != nil {
				return fmt.Errorf("array %d is truncated (%w)", i, err)
			}
			sum.Write(part)
			n := len(part) / 4
			if put != nil {
				for j := range n {
					values[j] = math.Float32frombits(binary.LittleEndian.Uint32(part[4*j:]))
				}
				put(i, at, values[:n])
			}
			at += n
		}
		var own digest
		if _, err := io.ReadFull(r, own[:]); err != nil {
			return fmt.Errorf("array %d is truncated (%w)", i, err)
		}
		if own != sumOf(sum) {
			return fmt.Errorf("array %d is altered", i)
		}
	}
	if n, err := r.Read(chunk[:1]); n > 0 || err == nil {
		return errors.New("there is something behind its end")
	}
	return nil
}

func peek(file string) (checkpointHeader, error) {
	f, err := regular.Open(file)
	if err != nil {
		return checkpointHeader{}, err
	}
	defer f.Close()
	h, _, err := readHeader(bufio.NewReader(f))
	return h, err
}

// generation is one of the two checkpoints of a run, open and checked.
type generation struct {
	file string
	h    checkpointHeader
	d    digest
	f    *os.File
}

// load finds the furthest whole checkpoint of the run and reads its arrays into
// those given, all or none. Without one, found is false. Notes tell of damaged
// files; such a file is moved away, so that it replaces no good one later.
func (c *checkpoints) load(
	arrays [][]float32,
) (st progressState, found bool, notes []string, err error) {
	good, notes, err := c.generations(arrays)
	defer func() {
		for _, g := range good {
			g.f.Close()
		}
	}()
	if err != nil {
		return st, false, notes, err
	}
	if len(good) == 0 {
		if len(notes) > 0 {
			notes = append(notes, "no checkpoint is whole, so the run started anew")
		}
		return st, false, notes, nil
	}
	best := good[0]
	if len(good) > 1 && good[1].h.State.after(best.h.State) {
		best = good[1]
	}
	if len(notes) > 0 {
		notes = append(notes, fmt.Sprintf("the run went on from the other generation, at epoch %d",
			best.h.State.Epoch))
	}
	if err := best.read(arrays); err != nil {
		return st, false, notes, err
	}
	return best.h.State, true, notes, nil
}

// generations returns the whole checkpoints, the newer first, and moves damaged ones away.
func (c *checkpoints) generations(
	arrays [][]float32,
) (good []generation, notes []string, err error) {
	for _, file := range []string{c.file, c.before()} {
		f, err := regular.Open(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return good, nil, fmt.Errorf("train: cannot read the checkpoint: %w", err)
		}
		g := generation{file: file, f: f}
		problem := c.check(f, &g.h, &g.d, arrays)
		if problem == nil {
			good = append(good, g)
			continue
		}
		f.Close()
		notes = append(notes,
			fmt.Sprintf("the checkpoint %s cannot be used: %v", filepath.Base(file), problem))
		if err := ignoreMissing(os.Rename(file, c.damaged())); err != nil {
			return good, notes, fmt.Errorf("train: cannot move a damaged checkpoint away: %w", err)
		}
	}
	return good, notes, nil
}

// read reads the arrays, if the checkpoint has some.
func (g *generation) read(arrays [][]float32) error {
	if arrays == nil || g.h.Arrays == nil {
		return nil
	}
	if _, err := g.f.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("train: cannot read the checkpoint: %w", err)
	}
	r := bufio.NewReaderSize(g.f, 1<<20)
	h, d, err := readHeader(r)
	if err == nil {
		err = readArrays(r, h, d, func(i, at int, v []float32) { copy(arrays[i][at:], v) })
	}
	if err != nil { // it was whole a moment ago
		return fmt.Errorf("train: the checkpoint %s changed while it was read: %w", g.file, err)
	}
	return nil
}

// check reads a checkpoint to its end and returns what is wrong with it.
func (c *checkpoints) check(
	f *os.File, h *checkpointHeader, d *digest, arrays [][]float32,
) (err error) {
	r := bufio.NewReaderSize(f, 1<<20)
	if *h, *d, err = readHeader(r); err != nil {
		return err
	}
	if h.Identity != c.identity {
		return errors.New("it is of a run with other settings")
	}
	if h.Arrays != nil {
		if len(h.Arrays) != len(arrays) {
			return fmt.Errorf("it has %d arrays where the run has %d", len(h.Arrays), len(arrays))
		}
		for i, a := range arrays {
			if h.Arrays[i] != len(a) {
				return fmt.Errorf("array %d has %d numbers where the run has %d", i, h.Arrays[i],
					len(a))
			}
		}
	} else if !h.State.Done {
		return errors.New("it has no arrays")
	}
	return readArrays(r, *h, *d, nil)
}

// due reports whether it is time for the next checkpoint. A clock that was set
// back makes it due.
func (c *checkpoints) due() bool {
	now := c.faults.time()
	back := now.Before(c.last)
	c.last = now
	return back || !now.Before(c.next)
}

// wait puts the next checkpoint off.
func (c *checkpoints) wait() { c.saved(c.faults.time()) }

// saved plans the next checkpoint after one that was begun at start.
func (c *checkpoints) saved(start time.Time) {
	c.last = c.faults.time()
	every := c.every
	if every == 0 { // writing shall not take more than a twentieth of the time
		every = max(30*time.Second, 20*c.last.Sub(start))
	}
	c.next = c.last.Add(every)
}
