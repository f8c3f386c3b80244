package data

import (
	"compress/flate"
	"compress/gzip"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"

	"github.com/kernelsmith/kernelsmith/internal/imagesets"
	"github.com/kernelsmith/kernelsmith/internal/loaded"
	"github.com/kernelsmith/kernelsmith/internal/regular"
)

// MNIST returns handwritten digits: 70,000 grey images of 28×28 pixels, 10 classes. Split is the
// official one, the first 60,000 rows for training and the rest for testing. Rows are kept as
// bytes, 55 MB, 0 for the background and 255 for ink.
//
// The four idx files are looked for in $KERNELSMITH_DATA/mnist and in mnist of the cache (see
// [LoadJMLR]), each as it is or compressed by gzip, such as train-images-idx3-ubyte.gz. What is
// inside is compared with the published checksums, and nothing goes to the network: the command
// data/fetch downloads them. A file that is nowhere is a [*NotFoundError], one that is cut off,
// too long or otherwise no such file a [*FormatError], and one with other contents a
// [*ChecksumError]. Memory is that of the rows, whatever a file claims. Provenance has source,
// licence and citation.
func MNIST() (*Dataset, error) { return loadIDX(&imagesets.MNIST) }

// FashionMNIST returns pictures of clothes by Zalando, in the form of [MNIST], from the folder
// fashion-mnist.
func FashionMNIST() (*Dataset, error) { return loadIDX(&imagesets.FashionMNIST) }

// CIFAR10 returns photographs of animals and vehicles: the first trainRows of the 50,000 training
// rows, from 1, and after them the 10,000 test rows, which is what Split says. Each is a colour
// image of 32×32 pixels in the order of the files, "CHW": 3072 bytes.
//
// The files of the binary version are looked for in the folder cifar-10-batches-bin as those of
// [MNIST] are, and errors are the same. Batches of 10,000 training rows are files of their own, and
// those that hold none of trainRows need not be there.
func CIFAR10(trainRows int) (*Dataset, error) { return loadCIFAR(&imagesets.CIFAR10, trainRows) }

// imageRestore is what to do about a file of a set of images that is not the published one.
const imageRestore = "remove it and download it again with data/fetch, or restore it"

// imageReader reads files of a set of images into a Dataset.
type imageReader struct {
	set *imagesets.Set
	ds  *Dataset
}

func newImageReader(set *imagesets.Set, trainRows int) *imageReader {
	n := trainRows + set.TestRows
	order := "HWC"
	if set.Archive {
		order = "CHW"
	}
	return &imageReader{set, &Dataset{
		Name:       set.Name,
		Image:      &Image{set.Height, set.Width, set.Channels, order},
		Labels:     make([]int, n),
		Classes:    len(set.Classes),
		ClassNames: slices.Clone(set.Classes),
		Split:      &Split{Train: indexRange(0, trainRows), Test: indexRange(trainRows, n)},
		Provenance: Provenance{Source: set.Source, Licence: set.Licence, Citation: set.Citation,
			SHA256: map[string]string{}},
	}}
}

// pixels is the length of a row.
func (r *imageReader) pixels() int { return r.set.Height * r.set.Width * r.set.Channels }

// dataset returns what was read.
func (r *imageReader) dataset() (*Dataset, error) {
	if err := r.ds.Validate(); err != nil {
		return nil, err
	}
	loaded.Note(r.ds.Name, r.ds.Provenance.Licence, "")
	return r.ds, nil
}

// read finds a file of the set and has use read what is inside, all of it, which must be of the
// published size and checksum.
func (r *imageReader) read(file imagesets.File, use func(path string, in io.Reader) error) error {
	path, err := r.set.Find(file.Name)
	if err != nil {
		return err
	}
	f, err := regular.Open(path)
	if err != nil {
		return fmt.Errorf("data: set %s: %w", r.set.Name, err)
	}
	defer f.Close()
	got, err := contents(f, path, file.Bytes, func(in io.Reader) error { return use(path, in) })
	if err != nil {
		return err
	}
	if file.SHA256 != "" && got != file.SHA256 {
		return fmt.Errorf("%w; %s",
			&ChecksumError{File: path, Want: file.SHA256, Got: got}, imageRestore)
	}
	if len(r.ds.Provenance.SHA256) == 0 {
		r.ds.Provenance.Dir = filepath.Dir(path)
	}
	r.ds.Provenance.SHA256[file.Name] = got
	return nil
}

// contents has use read exactly size bytes from f, unpacked if it is compressed by gzip, and
// returns their SHA-256. Neither more bytes nor fewer are read into memory than use asks for.
func contents(f io.Reader, file string, size int64, use func(io.Reader) error) (string, error) {
	fail := func(problem string, args ...any) error {
		return &FormatError{File: file, Problem: fmt.Sprintf(problem, args...),
			Remedy: imageRestore}
	}
	in, err := imagesets.Inside(f, size)
	if err != nil {
		return "", fail("it begins like a file of gzip and is none (%v)", err)
	}
	h := sha256.New()
	counted := &counter{r: io.TeeReader(in, h)}
	err = use(counted)
	more := 0
	if err == nil {
		// The end is where gzip compares its own checksum.
		if more, err = io.ReadFull(in, make([]byte, 1)); errors.Is(err, io.EOF) {
			return hex.EncodeToString(h.Sum(nil)), nil
		}
	}
	var corrupt flate.CorruptInputError
	switch {
	case more > 0:
		return "", fail("it has more than the %d bytes that are due", size)
	case errors.Is(err, io.ErrUnexpectedEOF) && counted.n == size:
		return "", fail("it is compressed by gzip, which is cut off at the end, or something " +
			"that is not of it follows")
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "", fail("it ends after %d of %d bytes", counted.n, size)
	case errors.Is(err, gzip.ErrHeader), errors.Is(err, gzip.ErrChecksum),
		errors.As(err, &corrupt):
		return "", fail("it is compressed by gzip and damaged after %d of %d bytes (%v)",
			counted.n, size, err)
	}
	return "", err
}

// counter counts the bytes read.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// loadIDX reads a set of four idx files: images and labels for training, then those for testing.
func loadIDX(set *imagesets.Set) (*Dataset, error) {
	for _, file := range set.Files { // before any is read
		if _, err := set.Find(file.Name); err != nil {
			return nil, err
		}
	}
	r := newImageReader(set, set.TrainRows)
	n, d := len(r.ds.Labels), r.pixels()
	r.ds.Bytes = make([]byte, n*d)
	labels := make([]byte, n)
	for i, file := range set.Files {
		from, to := 0, set.TrainRows
		if i >= 2 {
			from, to = set.TrainRows, n
		}
		err := r.read(file, func(path string, in io.Reader) error {
			if i%2 == 0 {
				return readIDX(in, path, r.ds.Bytes[from*d:to*d],
					to-from, set.Height, set.Width)
			}
			if err := readIDX(in, path, labels[from:to], to-from); err != nil {
				return err
			}
			return r.setLabels(path, labels[from:to], from)
		})
		if err != nil {
			return nil, err
		}
	}
	return r.dataset()
}

// readIDX reads an idx file of unsigned bytes with these dimensions into dst.
//
// The format is two zero bytes, 8 for unsigned bytes, the number of dimensions, each of them in 32
// bits, the most significant first, and the values.
func readIDX(in io.Reader, file string, dst []byte, dims ...int) error {
	head := make([]byte, 4+4*len(dims))
	if _, err := io.ReadFull(in, head[:4]); err != nil {
		return err
	}
	if want := []byte{0, 0, 8, byte(len(dims))}; !slices.Equal(head[:4], want) {
		problem := fmt.Sprintf("it begins with the bytes % x; an idx file of %d dimensions begins "+
			"with % x", head[:4], len(dims), want)
		if head[0] == '<' {
			problem += "; it may be a page of HTML, where a download went wrong"
		}
		return &FormatError{File: file, Problem: problem, Remedy: imageRestore}
	}
	if _, err := io.ReadFull(in, head[4:]); err != nil {
		return err
	}
	got := make([]int64, len(dims))
	equal := true
	for i, want := range dims {
		got[i] = int64(binary.BigEndian.Uint32(head[4+4*i:]))
		equal = equal && got[i] == int64(want)
	}
	if !equal {
		return &FormatError{File: file, Remedy: imageRestore, Problem: fmt.Sprintf(
			"its dimensions are %v, and those of the published file %v", got, dims)}
	}
	_, err := io.ReadFull(in, dst)
	return err
}

// setLabels sets the labels of the rows from this one on.
func (r *imageReader) setLabels(file string, labels []byte, from int) error {
	for i, l := range labels {
		if int(l) >= r.ds.Classes {
			return &FormatError{File: file, Remedy: imageRestore, Problem: fmt.Sprintf(
				"label %d of row %d (counted from 0) is outside [0, %d)", l, i, r.ds.Classes)}
		}
		r.ds.Labels[from+i] = int(l)
	}
	return nil
}

// loadCIFAR reads as many batches as trainRows take, and the test batch, which is the last file.
func loadCIFAR(set *imagesets.Set, trainRows int) (*Dataset, error) {
	if trainRows < 1 || trainRows > set.TrainRows {
		return nil, fmt.Errorf("data: %s: %d training rows; there are %d: ask for 1 to %d",
			set.Name, trainRows, set.TrainRows, set.TrainRows)
	}
	last := len(set.Files) - 1
	batch := set.TrainRows / last
	files := append(slices.Clone(set.Files[:(trainRows+batch-1)/batch]), set.Files[last])
	for i, file := range files { // before any is read
		_, err := set.Find(file.Name)
		var missing *NotFoundError
		if errors.As(err, &missing) && i > 0 && i < len(files)-1 {
			missing.Remedy = fmt.Sprintf("or ask for at most %d training rows, which are in the "+
				"batches before it", i*batch)
		}
		if err != nil {
			return nil, err
		}
	}
	r := newImageReader(set, trainRows)
	d := r.pixels()
	r.ds.Bytes = make([]byte, len(r.ds.Labels)*d)
	for i, file := range files {
		from, keep, rows := i*batch, min(batch, trainRows-i*batch), batch
		if i == len(files)-1 {
			from, keep, rows = trainRows, set.TestRows, set.TestRows
		}
		err := r.read(file, func(path string, in io.Reader) error {
			return r.readBatch(in, path, from, keep, rows)
		})
		if err != nil {
			return nil, err
		}
	}
	return r.dataset()
}

// readBatch reads a file of so many records, each a label and an image, and keeps the first of
// them as the rows from this one on.
func (r *imageReader) readBatch(in io.Reader, file string, from, keep, rows int) error {
	record := make([]byte, 1+r.pixels())
	for i := range rows {
		if _, err := io.ReadFull(in, record); err != nil {
			return err
		}
		if int(record[0]) >= r.ds.Classes {
			return &FormatError{File: file, Remedy: imageRestore, Problem: fmt.Sprintf(
				"label %d of row %d (counted from 0) is outside [0, %d)", record[0], i,
				r.ds.Classes)}
		}
		if i < keep {
			r.ds.Labels[from+i] = int(record[0])
			copy(r.ds.Bytes[(from+i)*r.pixels():], record[1:])
		}
	}
	return nil
}
