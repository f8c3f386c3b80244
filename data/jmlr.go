package data

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"gonum.org/v1/gonum/mat"

	"github.com/kernelsmith/kernelsmith/internal/regular"
)

const (
	jmlrSource = "data of Fernández-Delgado et al., JMLR 15 (2014), " +
		"http://persoal.citius.usc.es/manuel.fernandez.delgado/papers/jmlr/data.tar.gz, " +
		"prepared from the UCI Machine Learning Repository"
	jmlrLicence = "that of the set's page in the UCI Machine Learning Repository, for most CC " +
		"BY 4.0"
	jmlrCitation = "M. Fernández-Delgado, E. Cernadas, S. Barro, D. Amorim: Do we Need Hundreds " +
		"of Classifiers to Solve Real World Classification Problems? JMLR 15 (2014), 3133-3181"
)

// ChecksumError reports a file that differs from the published one.
type ChecksumError struct {
	File      string
	Want, Got string // SHA-256 in hexadecimal
}

// Error implements error.
func (e *ChecksumError) Error() string {
	return fmt.Sprintf("data: %s differs from the published file: its sha256 is %s, published "+
		"is %s", e.File, e.Got, e.Want)
}

// jmlrReader reads the files of one set.
type jmlrReader struct {
	fsys fs.FS
	dir  string // for messages
	set  string
	sums map[string]string // of the files read
	want map[string]string // published sums to compare with; nil compares nothing
	// acceptAltered lists differing files in altered instead of failing.
	acceptAltered bool
	altered       []string
}

func newJMLRReader(fsys fs.FS, dir, set string) *jmlrReader {
	return &jmlrReader{fsys: fsys, dir: dir, set: set, sums: make(map[string]string)}
}

func (s *jmlrReader) path(name string) string { return filepath.Join(s.dir, name) }

func (s *jmlrReader) fail(
	name string, line, column int, remedy, problem string, args ...any,
) error {
	return &FormatError{
		File:    s.path(name),
		Line:    line,
		Column:  column,
		Problem: fmt.Sprintf(problem, args...),
		Remedy:  remedy,
	}
}

// jmlrMostBytes is far more than any file of the collection has.
const jmlrMostBytes = 512 << 20

const (
	jmlrDamaged = "the file seems truncated or altered; restore it"
	jmlrMissing = "leave the line out, and lower the number of rows by one, or impute a value"
)

// read returns the contents of a file after comparing them with the published
// checksum, so that what is parsed is what was verified.
func (s *jmlrReader) read(name string) ([]byte, error) {
	b, err := regular.ReadFS(s.fsys, name, jmlrMostBytes)
	if err != nil {
		return nil, fmt.Errorf("data: set %s: cannot read %s: %w", s.set, s.path(name), err)
	}
	sum := sha256.Sum256(b)
	got := hex.EncodeToString(sum[:])
	s.sums[name] = got
	if want, known := s.want[name]; known && got != want {
		if !s.acceptAltered {
			return nil, fmt.Errorf("%w; restore the file, or set LoadSettings.AcceptAltered if "+
				"the change is meant", &ChecksumError{File: s.path(name), Want: want, Got: got})
		}
		s.altered = append(s.altered, name)
	}
	return b, nil
}

// text returns the contents of a file in UTF-8. Where it is not in UTF-8 or UTF-16 it is taken
// for ISO 8859-1: only names of features can have letters beyond ASCII, and numbers are the same.
func (s *jmlrReader) text(name string) ([]byte, error) {
	b, err := s.read(name)
	if err != nil {
		return nil, err
	}
	encoding := ""
	if guess, _ := guessEncoding(b[:min(len(b), 1<<12)]); guess == "UTF-8" && !utf8.Valid(b) {
		encoding = "ISO 8859-1"
	}
	r, err := textReader(bytes.NewReader(b), s.path(name), encoding, jmlrDamaged)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

func (s *jmlrReader) parse() (*Dataset, error) {
	info, err := s.readInfo()
	if err != nil {
		return nil, err
	}
	ds := &Dataset{Name: s.set, Classes: info.classes}
	values, err := s.readTable(ds, nil, info.files[0], info.rows[0], info.features)
	if err != nil {
		return nil, err
	}
	n1 := len(ds.Labels)
	if len(info.files) == 2 {
		if values, err = s.readTable(
			ds, values, info.files[1], info.rows[1], info.features,
		); err != nil {
			return nil, err
		}
	}
	n := len(ds.Labels)
	if info.classes > n {
		return nil, s.fail(s.set+".txt", 0, 0, jmlrDamaged, "n_clases is %d, and there are %d rows",
			info.classes, n)
	}
	ds.X = mat.NewDense(n, info.features, values)

	const halves, folds = "conxuntos.dat", "conxuntos_kfold.dat"
	splits, err := s.readSplits(halves, n1)
	switch {
	case err == nil:
		if len(splits) != 1 {
			return nil, s.fail(halves, 0, 0, jmlrDamaged, "%d lines where 2 are due", 2*len(splits))
		}
		t := splits[0]
		if info.train >= 0 && len(t.Train) != info.train {
			return nil, s.fail(halves, 1, 0, jmlrDamaged,
				"%d indices where %s.txt says n_patrons_entrena= %d", len(t.Train), s.set,
				info.train)
		}
		if info.validation >= 0 && len(t.Test) != info.validation {
			return nil, s.fail(halves, 2, 0, jmlrDamaged,
				"%d indices where %s.txt says n_patrons_valida= %d", len(t.Test), s.set,
				info.validation)
		}
		ds.Tuning = &t
		ds.Split = &Split{Train: slices.Clone(t.Train), Test: slices.Clone(t.Test)}
	case !errors.Is(err, fs.ErrNotExist) || info.train >= 0:
		return nil, err
	}
	if ds.Folds, err = s.readSplits(folds, n1); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if n > n1 {
		ds.Split = &Split{Train: indexRange(0, n1), Test: indexRange(n1, n)}
	}

	ds.Provenance = Provenance{Source: jmlrSource, Licence: jmlrLicence, Citation: jmlrCitation,
		Dir: s.dir, SHA256: s.sums, Altered: s.altered}
	if s.set == "wine-quality-red" || s.set == "wine-quality-white" {
		ds.Provenance.Licence = "CC BY 4.0"
		ds.Provenance.Citation += "; data: P. Cortez, A. Cerdeira, F. Almeida, T. Matos, J. " +
			"Reis: Modeling wine preferences by data mining from physicochemical properties. " +
			"Decision Support Systems 47 (2009), 547-553"
	}
	// Published files that the parse had no use for must be there and right too.
	for _, name := range slices.Sorted(maps.Keys(s.want)) {
		if _, done := s.sums[name]; !done {
			if _, err := s.read(name); err != nil {
				return nil, err
			}
		}
	}
	if err := ds.Validate(); err != nil {
		return nil, err
	}
	return ds, nil
}

func indexRange(from, to int) []int {
	idx := make([]int, to-from)
	for k := range idx {
		idx[k] = from + k
	}
	return idx
}

// jmlrInfo is the content of <set>.txt.
type jmlrInfo struct {
	features, classes int
	files             []string
	rows              []int
	train, validation int // −1: not given
}

func (s *jmlrReader) readInfo() (*jmlrInfo, error) {
	name := s.set + ".txt"
	b, err := s.text(name)
	if err != nil {
		return nil, err
	}
	values := make(map[string]string)
	lines := make(map[string]int)
	line := 0
	for text := range strings.Lines(string(b)) {
		line++
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		key, value, ok := strings.Cut(text, "=")
		if key = strings.TrimSpace(key); !ok || key == "" {
			return nil, s.fail(name, line, 1, "write lines as key= value", "%s has no key",
				excerpt(text))
		}
		if lines[key] > 0 {
			return nil, s.fail(name, line, 1, "keep one", "%s is given again, first in line %d",
				excerpt(key), lines[key])
		}
		values[key], lines[key] = strings.TrimSpace(value), line
	}
	number := func(key string, least int) (int, error) {
		if lines[key] == 0 {
			return 0, s.fail(name, 0, 0, jmlrDamaged, "no line gives %s", key)
		}
		v, err := strconv.Atoi(values[key])
		if err != nil || v < least {
			return 0, s.fail(name, lines[key], 0, jmlrDamaged,
				"%s is %s, not a whole number of at least %d", key, excerpt(values[key]), least)
		}
		return v, nil
	}
	info := &jmlrInfo{train: -1, validation: -1}
	if info.features, err = number("n_entradas", 1); err != nil {
		return nil, err
	}
	if info.classes, err = number("n_clases", 2); err != nil {
		return nil, err
	}
	for k := 1; k == 1 || (k == 2 && lines["fich2"]+lines["n_patrons2"] > 0); k++ {
		rows, err := number(fmt.Sprintf("n_patrons%d", k), 1)
		if err != nil {
			return nil, err
		}
		key := fmt.Sprintf("fich%d", k)
		file := values[key]
		// A file name that leads elsewhere is refused, not followed.
		if file == "" || !fs.ValidPath(file) || strings.ContainsAny(file, `/\`) || file == "." {
			return nil, s.fail(name, lines[key], 0, jmlrDamaged,
				"%s is %s, not the name of a file beside this one", key, excerpt(file))
		}
		info.files, info.rows = append(info.files, file), append(info.rows, rows)
	}
	if lines["n_arquivos"] > 0 {
		k, err := number("n_arquivos", 1)
		if err != nil {
			return nil, err
		}
		if k != len(info.files) {
			return nil, s.fail(name, lines["n_arquivos"], 0, jmlrDamaged,
				"n_arquivos is %d, and %d files are named", k, len(info.files))
		}
	}
	for _, f := range []struct {
		key  string
		dest *int
	}{{"n_patrons_entrena", &info.train}, {"n_patrons_valida", &info.validation}} {
		if lines[f.key] > 0 {
			if *f.dest, err = number(f.key, 1); err != nil {
				return nil, err
			}
		}
	}
	return info, nil
}

// readTable appends the samples of one file to ds.Labels and values.
func (s *jmlrReader) readTable(
	ds *Dataset, values []float64, name string, rows, features int,
) ([]float64, error) {
	b, err := s.text(name)
	if err != nil {
		return nil, err
	}
	line, found := 0, 0
	missing := newMissing(nil)
	var fields []field
	for text := range bytes.Lines(b) {
		line++
		fields = splitFields(fields[:0], text)
		if line == 1 {
			if len(fields) != features+1 {
				return nil, s.fail(name, line, 0, jmlrDamaged,
					"the header names %d columns where %d features, as in %s.txt, and the class "+
						"are due", len(fields), features, s.set)
			}
			if ds.FeatureNames == nil {
				for _, f := range fields[:features] {
					ds.FeatureNames = append(ds.FeatureNames, string(f.text))
				}
			}
			continue
		}
		if len(fields) == 0 {
			continue
		}
		if len(fields) != features+2 {
			return nil, s.fail(name, line, 0, jmlrDamaged,
				"%d fields where a row number, %d features and a class are due", len(fields),
				features)
		}
		if found++; found > rows {
			return nil, s.fail(name, line, 0, jmlrDamaged,
				"more than the %d rows that %s.txt announces", rows, s.set)
		}
		for _, f := range fields[1 : features+1] {
			v, err := strconv.ParseFloat(string(f.text), 64)
			if missing.has(string(f.text)) {
				return nil, s.fail(name, line, f.column, jmlrMissing, "the value is missing (%s)",
					excerpt(string(f.text)))
			}
			if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
				return nil, s.fail(name, line, f.column, jmlrDamaged, "%s is not a finite number",
					excerpt(string(f.text)))
			}
			values = append(values, v)
		}
		last := fields[features+1]
		if missing.has(string(last.text)) {
			return nil, s.fail(name, line, last.column, jmlrMissing, "the class is missing (%s)",
				excerpt(string(last.text)))
		}
		class, err := strconv.Atoi(string(last.text))
		if err != nil || class < 0 || class >= ds.Classes {
			return nil, s.fail(name, line, last.column, jmlrDamaged,
				"class %s is not a whole number in [0, %d)", excerpt(string(last.text)), ds.Classes)
		}
		ds.Labels = append(ds.Labels, class)
	}
	if found != rows {
		return nil, s.fail(name, 0, 0, jmlrDamaged, "%d rows where %s.txt announces %d", found,
			s.set, rows)
	}
	return values, nil
}

// readSplits reads pairs of lines of row indices, each pair a partition of the
// n rows of the first file.
func (s *jmlrReader) readSplits(name string, n int) ([]Split, error) {
	b, err := s.text(name)
	if err != nil {
		return nil, err
	}
	var parts [][]int
	var fields []field
	seen := make([]bool, n)
	line := 0
	for text := range bytes.Lines(b) {
		line++
		fields = splitFields(fields[:0], text)
		if len(fields) == 0 {
			continue
		}
		if len(parts)%2 == 0 {
			clear(seen)
		}
		idx := make([]int, len(fields))
		for k, f := range fields {
			i, err := strconv.Atoi(string(f.text))
			if err != nil || i < 0 || i >= n {
				return nil, s.fail(name, line, f.column, jmlrDamaged,
					"index %s is not a whole number in [0, %d)", excerpt(string(f.text)), n)
			}
			if seen[i] {
				return nil, s.fail(name, line, f.column, jmlrDamaged,
					"index %d is repeated within the training and test rows", i)
			}
			seen[i] = true
			idx[k] = i
		}
		parts = append(parts, idx)
		if len(parts)%2 == 0 {
			if i := slices.Index(seen, false); i >= 0 {
				return nil, s.fail(name, line, 0, jmlrDamaged,
					"row %d is in neither of lines %d and %d", i, line-1, line)
			}
		}
	}
	if len(parts) == 0 || len(parts)%2 != 0 {
		return nil, s.fail(name, 0, 0, jmlrDamaged,
			"%d lines of indices; they come in pairs of training and test rows", len(parts))
	}
	splits := make([]Split, len(parts)/2)
	for k := range splits {
		splits[k] = Split{Train: parts[2*k], Test: parts[2*k+1]}
	}
	return splits, nil
}

// field is a word of a line and the column where it starts, from 1.
type field struct {
	text   []byte
	column int
}

func splitFields(fields []field, line []byte) []field {
	space := func(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }
	for i := 0; i < len(line); {
		if space(line[i]) {
			i++
			continue
		}
		start := i
		for i < len(line) && !space(line[i]) {
			i++
		}
		fields = append(fields, field{text: line[start:i], column: start + 1})
	}
	return fields
}
