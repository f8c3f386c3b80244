package data

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/gonum/mat"
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
}

// ReadCSVFile reads the table in the named file; see ReadCSV.
func ReadCSVFile(path string, settings CSVSettings) (*Dataset, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("data: cannot open the table: %w", err)
	}
	defer f.Close()
	base := filepath.Base(path)
	if settings.Name == "" {
		settings.Name = strings.TrimSuffix(base, filepath.Ext(base))
	}
	ds, err := readCSV(f, path, settings)
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
// fields is quoted as in RFC 4180.
//
// Errors about the contents are of type *FormatError, with line and column: a
// field that is missing, empty, not a number, NaN or infinite; lines of
// different length; a label with a fraction, which means that the column holds
// a quantity; fewer than two samples or classes; a column named in settings
// that is not there, or there twice.
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
	br := bufio.NewReader(r)
	if bom, _ := br.Peek(3); string(bom) == "\ufeff" {
		br.Discard(3)
	}
	cr := csv.NewReader(br)
	cr.FieldsPerRecord = -1
	cr.TrimLeadingSpace = settings.Delimiter != '\t'
	cr.Comment = settings.Comment
	if settings.Delimiter != 0 {
		cr.Comma = settings.Delimiter
	}
	t := table{file: file, settings: settings}
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
	labels  []string
	numeric bool // every label so far is a number
	// fraction is the error to report if every label turns out to be a number:
	// the first with a fraction.
	fraction error
}

func (t *table) readError(err error) error {
	var pe *csv.ParseError
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
		fail := func(problem, remedy string) error {
			return &FormatError{File: t.file, Line: line, Column: column,
				Problem: t.columns[j] + ": " + problem, Remedy: remedy}
		}
		field = strings.TrimSpace(field)
		if j == t.label {
			if field == "" {
				return fail("the label is empty", "leave the line out or give it a class")
			}
			v, err := strconv.ParseFloat(field, 64)
			if math.IsNaN(v) {
				return fail("the label is "+excerpt(field), "leave the line out or give it a class")
			}
			t.numeric = t.numeric && err == nil && math.Abs(v) < 1<<53
			if t.fraction == nil && v != math.Trunc(v) {
				t.fraction = fail(
					fmt.Sprintf(
						"the label %s is a number with a fraction, so the column seems to hold "+
							"a quantity", excerpt(field)),
					"name the column of classes with CSVSettings.Label or LabelColumn",
				)
			}
			t.labels = append(t.labels, field)
			continue
		}
		v, err := strconv.ParseFloat(field, 64)
		switch {
		case field == "" || field == "?" || strings.EqualFold(field, "NA"):
			return fail(fmt.Sprintf("the value is missing (%s)", excerpt(field)),
				"leave the line out, impute a number, or drop the column with CSVSettings.Drop")
		case errors.Is(err, strconv.ErrRange):
			return fail(excerpt(field)+" is beyond the range of float64", "rescale the column")
		case err != nil:
			return fail(excerpt(field)+" is not a number",
				"write decimal numbers with a point; if this is the class use CSVSettings.Label "+
					"or LabelColumn, if it is to be left out Drop")
		case math.IsNaN(v) || math.IsInf(v, 0):
			return fail(excerpt(field)+" is not finite", "leave the line out or impute a number")
		}
		t.values = append(t.values, v)
	}
	return nil
}

// begin takes the columns from the first line.
func (t *table) begin(record []string, line int) error {
	t.numeric = true
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
	features, numbers := 0, 0
	for j, name := range t.columns {
		if j == t.label || t.drop[j] {
			continue
		}
		features++
		if _, err := strconv.ParseFloat(name, 64); err == nil {
			numbers++
		}
	}
	if features == 0 {
		return t.fail(line, "check CSVSettings.Delimiter and Drop",
			"no column is left for the features")
	}
	if !t.settings.NoHeader && !t.settings.NumberedColumns && numbers == features {
		return t.fail(line, "set CSVSettings.NoHeader, or NumberedColumns if these are the names",
			"the first line holds numbers where the names of the columns should be")
	}
	return nil
}

func (t *table) dataset() (*Dataset, error) {
	if len(t.labels) < 2 {
		return nil, &FormatError{
			File:    t.file,
			Problem: fmt.Sprintf("%d samples", len(t.labels)),
			Remedy:  "a table has a line for each sample, at least 2",
		}
	}
	if t.numeric && t.fraction != nil {
		return nil, t.fraction
	}
	// Whole numbers may be written in several ways: 3, 3.0, 3e0.
	numbers := make(map[string]int64)
	if t.numeric {
		for i, l := range t.labels {
			v, _ := strconv.ParseFloat(l, 64)
			t.labels[i] = strconv.FormatInt(int64(v), 10)
			numbers[t.labels[i]] = int64(v)
		}
	}
	class := make(map[string]int)
	for _, l := range t.labels {
		class[l] = 0
	}
	names := slices.SortedFunc(maps.Keys(class), func(a, b string) int {
		switch {
		case numbers[a] < numbers[b]:
			return -1
		case numbers[a] > numbers[b]:
			return 1
		}
		return strings.Compare(a, b)
	})
	if len(names) < 2 {
		return nil, &FormatError{
			File:    t.file,
			Problem: fmt.Sprintf("every label is %s", excerpt(names[0])),
			Remedy: "a classification problem has at least 2 classes; check CSVSettings.Label " +
				"or LabelColumn",
		}
	}
	for k, name := range names {
		class[name] = k
	}
	ds := &Dataset{
		Name:       t.settings.Name,
		Classes:    len(names),
		ClassNames: names,
		Labels:     make([]int, len(t.labels)),
	}
	for i, l := range t.labels {
		ds.Labels[i] = class[l]
	}
	ds.X = mat.NewDense(len(t.labels), len(t.values)/len(t.labels), t.values)
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
