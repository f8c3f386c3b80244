package data

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"maps"
	"math"
	"reflect"
	"slices"

	"gonum.org/v1/gonum/mat"
)

// Dataset is a classification problem: n rows of d features, each row with one
// of Classes labels. The functions of this package return valid Datasets;
// after changing a field by hand, call Validate.
type Dataset struct {
	// Name identifies the data in messages, figures and records.
	Name string
	// X is the n×d feature matrix, one sample a row, finite values in the
	// units of the source; nil where the rows are in X32 or Bytes.
	X *mat.Dense
	// X32 and Bytes hold the rows of a set that is large for double precision,
	// n·d numbers, one row after the other: in single precision, or as the bytes
	// that pixels come in, 0 to 255. Of X, X32 and Bytes one is not nil.
	X32   []float32
	Bytes []byte
	// Image is the shape of rows that are images; nil for others.
	Image *Image
	// Labels holds the class of each row, in [0, Classes).
	Labels []int
	// Classes is the number of classes, at least 2. A class may have no rows.
	Classes int

	// FeatureNames names the d columns; nil when they have no names.
	FeatureNames []string
	// ClassNames names the classes in label order; nil when they have no names.
	ClassNames []string

	// Split is the official partition into training and test rows; nil when
	// the data comes without one.
	Split *Split
	// Tuning is the official partition for choosing hyperparameters; nil when
	// there is none. In a set with one file it is the same as Split, in a set
	// with a separate test file it divides the training rows only.
	Tuning *Split
	// Folds are the official partitions for reporting; nil when there are none.
	Folds []Split

	// Provenance says where the data is from and how to cite it.
	Provenance Provenance
}

// String says how large the set is, in a line.
func (ds *Dataset) String() string {
	n, d := ds.Dims()
	return fmt.Sprintf("%s: %d rows of %d features, %d classes", ds.Name, n, d, ds.Classes)
}

// Image is the shape of images that are kept as rows of Height·Width·Channels numbers.
type Image struct {
	Height, Width, Channels int // pixels, pixels, and 1 for grey or 3 for colours
	// Order is how the numbers of a row follow each other: "HWC", pixel by pixel and line by
	// line with the channels of a pixel together, as NumPy and most nets have images; or "CHW",
	// one channel after the other, as the files of CIFAR have them.
	Order string
}

// check reports a shape that is none of rows of d numbers.
func (m *Image) check(d int) error {
	if m.Height < 1 || m.Width < 1 || m.Channels < 1 || d%m.Height != 0 ||
		d/m.Height%m.Width != 0 || d/m.Height/m.Width != m.Channels {
		return fmt.Errorf("images of %d×%d pixels with %d channels are not rows of %d numbers",
			m.Height, m.Width, m.Channels, d)
	}
	if m.Order != "HWC" && m.Order != "CHW" {
		return fmt.Errorf("the order of an image's numbers is %q; it must be HWC or CHW", m.Order)
	}
	return nil
}

// Provenance states the origin of a Dataset. The zero value means that the
// data is the user's own.
type Provenance struct {
	// Source is where the data was published.
	Source string
	// Licence is the licence it was published under.
	Licence string
	// Citation is the reference to give.
	Citation string
	// Dir is the folder the files were read from, empty for embedded data.
	Dir string
	// SHA256 maps each file read to its checksum in lower-case hexadecimal.
	SHA256 map[string]string
	// Altered lists files that differ from the published ones and were
	// accepted on request.
	Altered []string
}

// valueError reports a feature value that is not finite.
type valueError struct {
	Dataset  string
	Row, Col int // 0-based
	Value    float64
}

// Error implements error.
func (e *valueError) Error() string {
	return fmt.Sprintf(
		"data: %s: X[%d,%d] (row %d, column %d, counted from 0) is %v; remove or impute it: "+
			"features must be finite", e.Dataset, e.Row, e.Col, e.Row, e.Col, e.Value)
}

// labelError reports a label outside [0, Classes).
type labelError struct {
	Dataset             string // empty for labels alone
	Row, Label, Classes int    // Row is 0-based
}

// Error implements error.
func (e *labelError) Error() string {
	return fmt.Sprintf(
		"%slabel %d of row %d (counted from 0) is outside [0, %d); labels count from 0",
		inDataset(e.Dataset), e.Label, e.Row, e.Classes)
}

// New returns a Dataset that holds copies of the n×d matrix x and of the n
// labels, each in [0, classes). It returns an error when x is empty, when the
// lengths differ, when classes is less than 2, when a value is NaN or infinite, and when a
// label is out of range; it names the place.
func New(name string, x mat.Matrix, labels []int, classes int) (*Dataset, error) {
	if x == nil {
		return nil, fmt.Errorf("data: %s: X is nil; it must be an n×d matrix", name)
	}
	if v := reflect.ValueOf(x); v.Kind() == reflect.Pointer && v.IsNil() {
		return nil, fmt.Errorf("data: %s: X is nil; it must be an n×d matrix", name)
	}
	if n, d := x.Dims(); n == 0 || d == 0 {
		return nil, fmt.Errorf("data: %s: X is %d×%d; it needs at least one row and one column",
			name, n, d)
	}
	ds := &Dataset{
		Name:    name,
		X:       mat.DenseCopyOf(x),
		Labels:  slices.Clone(labels),
		Classes: classes,
	}
	if err := ds.Validate(); err != nil {
		return nil, err
	}
	return ds, nil
}

// Validate checks everything the documentation of the fields promises and
// returns the first violation.
func (ds *Dataset) Validate() error {
	if ds == nil || (ds.X == nil || ds.X.IsEmpty()) && len(ds.X32) == 0 && len(ds.Bytes) == 0 {
		return fmt.Errorf("data: dataset without a feature matrix")
	}
	if err := ds.checkRows(); err != nil {
		return err
	}
	n, d := ds.Dims()
	if ds.Bytes == nil {
		row := make([]float64, d)
		for i := range n {
			for j, v := range ds.Row(i, row) {
				if math.IsNaN(v) || math.IsInf(v, 0) {
					return &valueError{Dataset: ds.Name, Row: i, Col: j, Value: v}
				}
			}
		}
	}
	if err := checkLabels(ds.Name, ds.Labels, ds.Classes); err != nil {
		return err
	}
	if ds.FeatureNames != nil && len(ds.FeatureNames) != d {
		return fmt.Errorf("data: %s: %d feature names for %d columns of X", ds.Name,
			len(ds.FeatureNames), d)
	}
	if ds.ClassNames != nil && len(ds.ClassNames) != ds.Classes {
		return fmt.Errorf("data: %s: %d class names for %d classes", ds.Name, len(ds.ClassNames),
			ds.Classes)
	}
	for _, s := range []*Split{ds.Split, ds.Tuning} {
		if s != nil {
			if err := s.check(n); err != nil {
				return fmt.Errorf("data: %s: %w", ds.Name, err)
			}
		}
	}
	for k := range ds.Folds {
		if err := ds.Folds[k].check(n); err != nil {
			return fmt.Errorf("data: %s: fold %d: %w", ds.Name, k, err)
		}
	}
	return nil
}

// checkRows checks where the rows are, their shape, and that there is a label for each.
func (ds *Dataset) checkRows() error {
	kinds := 0
	for _, has := range []bool{ds.X != nil, ds.X32 != nil, ds.Bytes != nil} {
		if has {
			kinds++
		}
	}
	if kinds != 1 {
		return fmt.Errorf("data: %s: the rows are in %d of X, X32 and Bytes; they must be in one",
			ds.Name, kinds)
	}
	if numbers := len(ds.X32) + len(ds.Bytes); ds.X == nil &&
		(len(ds.Labels) == 0 || numbers%len(ds.Labels) != 0) {
		return fmt.Errorf("data: %s: %d numbers are not the rows of %d labels", ds.Name, numbers,
			len(ds.Labels))
	}
	n, d := ds.Dims()
	if n == 0 || d == 0 {
		return fmt.Errorf("data: %s: %d rows of %d features; it needs one of each at least",
			ds.Name, n, d)
	}
	if len(ds.Labels) != n {
		return fmt.Errorf("data: %s: %d labels for %d rows of X; every row needs one", ds.Name,
			len(ds.Labels), n)
	}
	if ds.Image != nil {
		if err := ds.Image.check(d); err != nil {
			return fmt.Errorf("data: %s: %w", ds.Name, err)
		}
	}
	return nil
}

// inDataset begins the message of an error about the named dataset.
func inDataset(name string) string {
	if name == "" {
		return "data: "
	}
	return "data: " + name + ": "
}

func checkLabels(dataset string, labels []int, classes int) error {
	if classes < 2 {
		return fmt.Errorf("%s%d classes; a classification problem has at least 2",
			inDataset(dataset), classes)
	}
	for i, l := range labels {
		if l < 0 || l >= classes {
			return &labelError{Dataset: dataset, Row: i, Label: l, Classes: classes}
		}
	}
	return nil
}

// Dims returns the number of rows n and of features d.
func (ds *Dataset) Dims() (n, d int) {
	if ds.X != nil {
		return ds.X.Dims()
	}
	if n = len(ds.Labels); n == 0 {
		return 0, 0
	}
	return n, (len(ds.X32) + len(ds.Bytes)) / n
}

// Row sets dst, of length d, to row i, counted from 0, wherever the rows are, and returns it.
// Another length, and a row that there is not, panic as an index out of range does.
func (ds *Dataset) Row(i int, dst []float64) []float64 {
	n, d := ds.Dims()
	if i < 0 || i >= n || len(dst) != d {
		panic(fmt.Sprintf("data: row %d into %d numbers, of a set of %d rows of %d", i, len(dst), n,
			d))
	}
	switch {
	case ds.X != nil:
		copy(dst, ds.X.RawRowView(i))
	case ds.X32 != nil:
		for j, v := range ds.X32[i*d : (i+1)*d] {
			dst[j] = float64(v)
		}
	default:
		for j, v := range ds.Bytes[i*d : (i+1)*d] {
			dst[j] = float64(v)
		}
	}
	return dst
}

// Float32 returns the given rows (0-based) in single precision, one row after the other, in the
// order given; nil means all rows. Values are rounded to the nearest. It returns an error for an
// index out of range and a value beyond the range of float32.
func (ds *Dataset) Float32(rows []int) ([]float32, error) {
	if err := ds.checkRows(); err != nil {
		return nil, err
	}
	n, d := ds.Dims()
	if rows == nil {
		rows = indexRange(0, n)
	}
	all := make([]float32, len(rows)*d)
	for k, i := range rows {
		if i < 0 || i >= n {
			return nil, fmt.Errorf("data: %s: index %d at position %d is outside [0, %d)", ds.Name,
				i, k, n)
		}
		out := all[k*d : (k+1)*d]
		switch {
		case ds.X32 != nil:
			copy(out, ds.X32[i*d:])
		case ds.Bytes != nil:
			for j, v := range ds.Bytes[i*d : (i+1)*d] {
				out[j] = float32(v)
			}
		default:
			for j, v := range ds.X.RawRowView(i) {
				if out[j] = float32(v); math.IsInf(float64(out[j]), 0) {
					return nil, fmt.Errorf("data: %s: X[%d,%d] is %v, beyond the range of single "+
						"precision; rescale the column", ds.Name, i, j, v)
				}
			}
		}
	}
	return all, nil
}

// ClassCounts returns the number of rows of each class.
func (ds *Dataset) ClassCounts() []int {
	counts := make([]int, ds.Classes)
	for _, l := range ds.Labels {
		counts[l]++
	}
	return counts
}

// Subset returns a new Dataset with the given rows (0-based) in the given
// order; a row named twice appears twice. Names and provenance stay, the
// official splits do not, since their indices no longer apply. It returns an
// error when idx is empty or an index is out of range.
func (ds *Dataset) Subset(idx []int) (*Dataset, error) {
	if len(idx) == 0 {
		return nil, fmt.Errorf("data: %s: subset of no rows", ds.Name)
	}
	if err := ds.checkRows(); err != nil {
		return nil, err
	}
	n, _ := ds.Dims()
	for k, i := range idx {
		if i < 0 || i >= n {
			return nil, fmt.Errorf("data: %s: subset index %d at position %d is outside [0, %d)",
				ds.Name, i, k, n)
		}
	}
	sub := *ds
	switch {
	case ds.X != nil:
		sub.X = ds.selectRows(idx)
	case ds.X32 != nil:
		sub.X32 = selected(ds.X32, n, idx)
	default:
		sub.Bytes = selected(ds.Bytes, n, idx)
	}
	if ds.Image != nil {
		image := *ds.Image
		sub.Image = &image
	}
	sub.Labels = selectLabels(ds.Labels, idx)
	sub.FeatureNames = slices.Clone(ds.FeatureNames)
	sub.ClassNames = slices.Clone(ds.ClassNames)
	sub.Split, sub.Tuning, sub.Folds = nil, nil, nil
	sub.Provenance.SHA256 = maps.Clone(ds.Provenance.SHA256)
	sub.Provenance.Altered = slices.Clone(ds.Provenance.Altered)
	return &sub, nil
}

// selectRows returns rows in double precision.
func (ds *Dataset) selectRows(idx []int) *mat.Dense {
	_, d := ds.Dims()
	out := mat.NewDense(len(idx), d, nil)
	for k, i := range idx {
		ds.Row(i, out.RawRowView(k))
	}
	return out
}

// selected returns some of n rows as they are kept.
func selected[T any](x []T, n int, idx []int) []T {
	d := len(x) / n
	out := make([]T, 0, len(idx)*d)
	for _, i := range idx {
		out = append(out, x[i*d:(i+1)*d]...)
	}
	return out
}

func selectLabels(labels, idx []int) []int {
	out := make([]int, len(idx))
	for k, i := range idx {
		out[k] = labels[i]
	}
	return out
}

// Fingerprint returns the SHA-256 of the shape, values, labels and number of
// classes in hexadecimal: two Datasets share it exactly when a computation on
// their numbers cannot tell them apart. Names, splits and provenance do not
// enter.
func (ds *Dataset) Fingerprint() string {
	h := sha256.New()
	n, d := ds.Dims()
	row := make([]float64, d)
	hashRows(h, n, d, func(i int) []float64 { return ds.Row(i, row) })
	hashLabels(h, ds.Labels, ds.Classes)
	return hex.EncodeToString(h.Sum(nil))
}

func hashMatrix(h hash.Hash, x *mat.Dense) {
	n, d := x.Dims()
	hashRows(h, n, d, x.RawRowView)
}

func hashRows(h hash.Hash, n, d int, row func(i int) []float64) {
	buf := make([]byte, 0, 8*max(d, 2))
	buf = binary.LittleEndian.AppendUint64(buf, uint64(n))
	buf = binary.LittleEndian.AppendUint64(buf, uint64(d))
	h.Write(buf)
	for i := range n {
		buf = buf[:0]
		for _, v := range row(i) {
			buf = binary.LittleEndian.AppendUint64(buf, math.Float64bits(v))
		}
		h.Write(buf)
	}
}

func hashLabels(h hash.Hash, labels []int, classes int) {
	buf := make([]byte, 0, 8*(len(labels)+2))
	buf = binary.LittleEndian.AppendUint64(buf, uint64(classes))
	buf = binary.LittleEndian.AppendUint64(buf, uint64(len(labels)))
	for _, l := range labels {
		buf = binary.LittleEndian.AppendUint64(buf, uint64(l))
	}
	h.Write(buf)
}
