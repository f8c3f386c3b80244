package data

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/gonum/mat"

	"github.com/kernelsmith/kernelsmith/internal/regular"
)

// CSVSettings says how to read a table. The zero value reads comma-separated
// values with a header line and the label in the last column.
type CSVSettings struct {
	// Name of the Dataset, also used in errors; empty means the file's name
	// without extension, or "table" when there is no file.
	Name string
	// NoHeader: the first line is a sample; else it names the columns. A first line
	// whose features are all numbers is refused, since it is probably a sample,
	// unless NumberedColumns says that the names may be numbers.
	NoHeader, NumberedColumns bool
	// Delimiter separates fields; 0 means a comma.
	Delimiter rune
	// Comment starts lines to leave out; 0 means none.
	Comment rune
	// Label names the label column. It needs a header line.
	Label string
	// LabelColumn is the number of the label column, counted from 1; 0 means
	// the one that Label names, or the last column when Label is empty.
	LabelColumn int
	// Drop names columns to leave out, such as row numbers. It needs a header
	// line.
	Drop []string
	// Missing lists the fields that stand for no value, of features and labels alike,
	// whatever their case; one that is a number stands for that number in any writing. nil
	// means ?, NA, N/A, n.a., #N/A, <NA>, NaN, -NaN, null, #NULL!, nil, None, missing, \N, -,
	// --, –, —, ., .., #VALUE! and #DIV/0!, but - and – are labels where + is one. An empty
	// field always stands for none.
	Missing []string
	// DistinctSpellings: labels that differ only in case, in white space, or in how a number
	// is written beside words, are classes of their own, not an error.
	DistinctSpellings bool
	// Encoding names the encoding of the text. Empty means UTF-8, or UTF-16 where a byte
	// order mark or every other byte says so; text that is neither is an error. Others
	// are ISO 8859-1 (also Latin-1), Windows 1252 and what else package
	// golang.org/x/text/encoding/charmap has.
	Encoding string
}

// ReadCSVFile reads the table in the named file, which must be a regular one; see ReadCSV, which
// reads pipes too.
func ReadCSVFile(path string, settings CSVSettings) (*Dataset, error) {
	return readFile(path, &settings.Name, func(f io.Reader) (*Dataset, error) {
		return readCSV(f, path, settings)
	})
}

// readFile reads the table in a file; an empty name becomes the file's, without its extension.
func readFile(
	path string, name *string, read func(f io.Reader) (*Dataset, error),
) (*Dataset, error) {
	f, err := regular.Open(path)
	if err != nil {
		return nil, fmt.Errorf("data: cannot open the table: %w", err)
	}
	defer f.Close()
	if base := filepath.Base(path); *name == "" {
		*name = strings.TrimSuffix(base, filepath.Ext(base))
	}
	ds, err := read(f)
	if err != nil {
		return nil, err
	}
	ds.Provenance.Dir = filepath.Dir(path)
	return ds, nil
}

// ReadCSV reads a table with one sample a line: a label and otherwise numbers,
// as strconv.ParseFloat takes them. Labels are whole numbers or any text. The
// classes are the labels that occur, numbers in their order, text in
// alphabetical order, numbered from 0; ClassNames keeps the originals. Text in
// fields is quoted as in RFC 4180. Lines end with a line feed, a carriage return, or both.
//
// Errors about the contents are of type *FormatError, with line and column: a
// feature or label that is missing; a feature that is not a number, or infinite; lines of
// different length; a label with a fraction, which means that the column holds
// a quantity; one label written in two ways; fewer than two samples or classes; a column
// named in settings that is not there, or there twice; a file that is no text, or in
// another encoding than CSVSettings.Encoding.
func ReadCSV(r io.Reader, settings CSVSettings) (*Dataset, error) {
	if settings.Name == "" {
		settings.Name = "table"
	}
	return readCSV(r, settings.Name, settings)
}

func readCSV(r io.Reader, file string, settings CSVSettings) (*Dataset, error) {
	if settings.NoHeader && settings.NumberedColumns {
		return nil, fmt.Errorf("data: %s: CSVSettings.NoHeader and NumberedColumns are both set; "+
			"a table without a header has no names of columns", file)
	}
	if settings.NoHeader && (settings.Label != "" || len(settings.Drop) > 0) {
		return nil, fmt.Errorf(
			"data: %s: CSVSettings.Label and Drop name columns, which takes a header line; use "+
				"LabelColumn or give the file a header", file)
	}
	if settings.Label != "" && settings.LabelColumn != 0 {
		return nil, fmt.Errorf(
			"data: %s: CSVSettings.Label and LabelColumn are both given; give one", file)
	}
	text, err := textReader(r, file, settings.Encoding,
		"set CSVSettings.Encoding to it, or save the file as UTF-8")
	if err != nil {
		return nil, err
	}
	cr := csv.NewReader(text)
	cr.FieldsPerRecord = -1
	cr.TrimLeadingSpace = settings.Delimiter != '\t'
	cr.Comment = settings.Comment
	if settings.Delimiter != 0 {
		cr.Comma = settings.Delimiter
	}
	t := table{file: file, settings: settings, missing: newMissing(settings.Missing)}
	for {
		record, err := cr.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, t.readError(err)
		}
		if err := t.add(record, cr.FieldPos); err != nil {
			return nil, err
		}
	}
	return t.dataset()
}

// table collects the lines of a CSV file.
type table struct {
	file     string
	settings CSVSettings

	columns []string // names, or "column k" without a header
	label   int      // index of the label column
	drop    []bool
	values  []float64
	labels  labelColumn
	missing missingValues
}

func (t *table) readError(err error) error {
	var pe *csv.ParseError
	var format *FormatError
	if errors.As(err, &format) {
		return err
	}
	if !errors.As(err, &pe) {
		return fmt.Errorf("data: reading %s: %w", t.file, err)
	}
	return &FormatError{File: t.file, Line: pe.Line, Column: pe.Column,
		Problem: pe.Err.Error(), Remedy: "quote fields as \"…\" and write a quote inside as \"\""}
}

func (t *table) add(record []string, pos func(int) (line, column int)) error {
	line, _ := pos(0)
	if t.columns == nil {
		if err := t.begin(record, line); err != nil {
			return err
		}
		if !t.settings.NoHeader {
			return nil
		}
	}
	if len(record) != len(t.columns) {
		remedy := "give every line the same number of fields"
		if len(record) == 1 || len(t.columns) == 1 {
			remedy = "check CSVSettings.Delimiter"
		}
		return &FormatError{
			File: t.file,
			Line: line,
			Problem: fmt.Sprintf("%d fields where the first line has %d", len(record),
				len(t.columns)),
			Remedy: remedy,
		}
	}
	for j, field := range record {
		if t.drop[j] {
			continue
		}
		line, column := pos(j)
		field = strings.TrimSpace(field)
		if j == t.label {
			if err := t.labels.add(field, spot{line, column}); err != nil {
				return err
			}
			continue
		}
		remedy := "write decimal numbers with a point; if this is the class use " +
			"CSVSettings.Label or LabelColumn, if it is to be left out Drop"
		if t.settings.NoHeader && len(t.labels.labels) == 0 && len(t.values) == 0 {
			remedy += "; if the line names the columns take back NoHeader"
		}
		v, problem, remedy := parseFeature(field, t.missing, "CSVSettings", remedy)
		if problem != "" {
			return &FormatError{File: t.file, Line: line, Column: column,
				Problem: t.columns[j] + ": " + problem, Remedy: remedy}
		}
		t.values = append(t.values, v)
	}
	return nil
}

// begin takes the columns from the first line.
func (t *table) begin(record []string, line int) error {
	t.drop = make([]bool, len(record))
	t.columns = make([]string, len(record))
	t.label = len(record) - 1
	if c := t.settings.LabelColumn; c != 0 {
		if c < 0 || c > len(record) {
			return t.fail(line, "count columns from 1, and check CSVSettings.Delimiter",
				"there are %d columns, and CSVSettings.LabelColumn is %d", len(record), c)
		}
		t.label = c - 1
	}
	if t.settings.NoHeader {
		for j := range record {
			t.columns[j] = fmt.Sprintf("column %d", j+1)
		}
	} else if err := t.name(record, line); err != nil {
		return err
	}
	t.labels = labelColumn{
		file: t.file, column: t.columns[t.label], settings: "CSVSettings",
		remedy:  "name the column of classes with CSVSettings.Label or LabelColumn",
		missing: t.missing, distinct: t.settings.DistinctSpellings,
	}
	return t.checkFeatures(line)
}

// fail is an error about a line as a whole.
func (t *table) fail(line int, remedy, problem string, args ...any) error {
	return &FormatError{File: t.file, Line: line, Problem: fmt.Sprintf(problem, args...),
		Remedy: remedy}
}

// name takes the names of the columns, and which of them are the label and left out.
func (t *table) name(record []string, line int) error {
	for j, name := range record {
		t.columns[j] = strings.TrimSpace(name)
	}
	if t.settings.Label != "" {
		j, err := t.find(t.settings.Label, line)
		if err != nil {
			return err
		}
		t.label = j
	}
	for _, name := range t.settings.Drop {
		j, err := t.find(name, line)
		if err != nil {
			return err
		}
		if j == t.label {
			return t.fail(line, "name the label column with CSVSettings.Label",
				"CSVSettings.Drop names the label column %s", excerpt(name))
		}
		t.drop[j] = true
	}
	return nil
}

// find returns the column with a name.
func (t *table) find(name string, line int) (int, error) {
	j := slices.Index(t.columns, name)
	if j < 0 {
		return 0, t.fail(line, "the columns are "+strings.Join(t.columns, ", ")+
			"; check also CSVSettings.Delimiter", "no column is named %s", excerpt(name))
	}
	if slices.Contains(t.columns[j+1:], name) {
		return 0, t.fail(line, "rename one", "two columns are named %s", excerpt(name))
	}
	return j, nil
}

// checkFeatures reports a table without features, and names that seem to be a sample.
func (t *table) checkFeatures(line int) error {
	features, numbers, missing := 0, 0, 0
	for j, name := range t.columns {
		if j == t.label || t.drop[j] {
			continue
		}
		features++
		if _, err := strconv.ParseFloat(name, 64); err == nil {
			numbers++
		} else if t.missing.has(name) {
			missing++
		}
	}
	if features == 0 {
		return t.fail(line, "check CSVSettings.Delimiter and Drop",
			"no column is left for the features")
	}
	if !t.settings.NoHeader && !t.settings.NumberedColumns && numbers > 0 &&
		numbers+missing == features {
		return t.fail(line, "set CSVSettings.NoHeader, or NumberedColumns if these are the names",
			"the first line holds numbers where the names of the columns should be")
	}
	return nil
}

func (t *table) dataset() (*Dataset, error) {
	t.labels.file = t.file // where there is not even a first line
	labels, names, err := t.labels.classes()
	if err != nil {
		return nil, err
	}
	ds := &Dataset{
		Name:       t.settings.Name,
		Classes:    len(names),
		ClassNames: names,
		Labels:     labels,
	}
	ds.X = mat.NewDense(len(labels), len(t.values)/len(labels), t.values)
	for j, name := range t.columns {
		if j != t.label && !t.drop[j] && !t.settings.NoHeader {
			ds.FeatureNames = append(ds.FeatureNames, name)
		}
	}
	if err := ds.Validate(); err != nil {
		return nil, err
	}
	return ds, nil
}
