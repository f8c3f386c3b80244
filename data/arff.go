package data

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/gonum/mat"
)

// ARFFSettings says how to read a table in ARFF, the format of Weka and OpenML. The zero value
// takes the last nominal attribute for the label and all others, which must be numeric, for the
// features.
type ARFFSettings struct {
	// Name of the Dataset, also used in errors; empty means the file's name without extension,
	// or that of the relation, "table" in errors, when there is no file.
	Name string
	// Label names the attribute that has the labels, nominal or numeric; empty means the last
	// nominal one.
	Label string
	// Drop names attributes to leave out, such as row numbers and texts.
	Drop []string
	// OneHot makes of a nominal attribute among the features a column for each of its values,
	// "colour=red", 1 in the rows that have the value and 0 elsewhere. Without it such an
	// attribute is an error, since its values have no order.
	OneHot bool
	// Missing lists what stands for no value beside ?, as in CSVSettings. Values that the file
	// declares for a nominal feature are values, whatever they are.
	Missing []string
	// Encoding names the encoding of the text, as in CSVSettings.
	Encoding string
}

// ReadARFFFile reads the table in the named file, which must be a regular one; see ReadARFF, which
// reads pipes too.
func ReadARFFFile(path string, settings ARFFSettings) (*Dataset, error) {
	return readFile(path, &settings.Name, func(f io.Reader) (*Dataset, error) {
		return readARFF(f, path, settings)
	})
}

// ReadARFF reads a table in the Attribute-Relation File Format: lines @relation, @attribute for
// each column and @data, in any case, then a line for each sample, its values separated by
// commas or spaces, or sparse as {column value, …} with columns counted from 0. What a sparse
// line leaves out is 0, of a nominal attribute the first of its values, as the format has it.
// Names and values with spaces are quoted, '…' or "…", with \ before what would end them; % begins
// a comment.
//
// The classes of a nominal label are the values declared, in that order, also those that no
// sample has; those of a numeric label are the numbers that occur, in theirs.
//
// Errors about the contents are of type *FormatError, with line and column, for what ReadCSV has
// them for, and for a value that is not declared, an attribute that is neither numeric nor
// nominal and not dropped, instance weights, and what else is not of the format.
//
// Source: https://waikato.github.io/weka-wiki/formats_and_processing/arff_stable/
func ReadARFF(r io.Reader, settings ARFFSettings) (*Dataset, error) {
	file := settings.Name
	if file == "" {
		file = "table"
	}
	return readARFF(r, file, settings)
}

func readARFF(r io.Reader, file string, settings ARFFSettings) (*Dataset, error) {
	text, err := textReader(r, file, settings.Encoding,
		"set ARFFSettings.Encoding to it, or save the file as UTF-8")
	if err != nil {
		return nil, err
	}
	t := arffTable{file: file, settings: settings, missing: newMissing(settings.Missing)}
	lines := bufio.NewReader(text)
	for {
		line, err := lines.ReadString('\n')
		if err != nil && err != io.EOF {
			var format *FormatError
			if errors.As(err, &format) {
				return nil, err
			}
			return nil, fmt.Errorf("data: reading %s: %w", file, err)
		}
		t.line++
		if err := t.add(line); err != nil {
			return nil, err
		}
		if err == io.EOF {
			return t.dataset()
		}
	}
}

// mostNumbers is how many numbers a table in ARFF may make, 2 GB of them: a column for each value
// of an attribute, and sparse lines, are more than the file has.
var mostNumbers = 1 << 28

// arffAttribute is a column as it is declared.
type arffAttribute struct {
	name   string
	kind   string // numeric, nominal, string, date
	at     spot
	values []string       // of a nominal one
	index  map[string]int // of its values
	drop   bool
}

// arffValue is a field of a sample.
type arffValue struct {
	text    string
	quoted  bool
	omitted bool // by a sparse line
	column  int
}

// arffTable collects the lines of a file.
type arffTable struct {
	file     string
	settings ARFFSettings
	missing  missingValues

	line       int
	begun      bool // there was a @relation
	relation   string
	attributes []arffAttribute
	names      map[string]int // of attributes
	inData     bool

	label   int // attribute
	row     []arffValue
	values  []float64
	classes []int       // of a nominal label
	labels  labelColumn // a numeric one
}

func (t *arffTable) fail(column int, remedy, problem string, args ...any) error {
	return &FormatError{File: t.file, Line: t.line, Column: column,
		Problem: fmt.Sprintf(problem, args...), Remedy: remedy}
}

// failAt is an error about the declaration of an attribute.
func (t *arffTable) failAt(a arffAttribute, remedy, problem string, args ...any) error {
	return &FormatError{File: t.file, Line: a.at.line, Column: a.at.column,
		Problem: a.name + ": " + fmt.Sprintf(problem, args...), Remedy: remedy}
}

func (t *arffTable) add(line string) error {
	tokens, err := t.tokens(strings.TrimRight(line, "\r\n"))
	if err != nil || len(tokens) == 0 {
		return err
	}
	if t.inData {
		return t.addSample(tokens)
	}
	first := tokens[0]
	keyword := strings.ToLower(first.text)
	if !t.begun && (first.kind != arffWord || keyword != "@relation") {
		return t.fail(first.column, "check that the file is in ARFF",
			"the file begins with %s, where @relation is due", excerpt(first.text))
	}
	if first.kind != arffWord {
		keyword = ""
	}
	switch keyword {
	case "@relation":
		if t.begun {
			return t.fail(first.column, "split the file", "a second @relation")
		}
		t.begun = true
		var names []string
		for _, k := range tokens[1:] {
			names = append(names, k.text)
		}
		t.relation = strings.Join(names, " ")
		return nil
	case "@attribute":
		return t.addAttribute(tokens[1:], first.column)
	case "@data":
		if len(tokens) > 1 {
			return t.fail(tokens[1].column, "begin the samples in a line of their own",
				"%s follows @data", excerpt(tokens[1].text))
		}
		t.inData = true
		return t.begin()
	}
	return t.fail(first.column, "samples come after a line @data; quote what begins with @",
		"%s is none of @attribute and @data", excerpt(first.text))
}

// addAttribute takes the declaration of a column, what follows the keyword.
func (t *arffTable) addAttribute(tokens []arffToken, column int) error {
	const remedy = "declare @attribute NAME numeric, or @attribute NAME {VALUE, VALUE}"
	if len(tokens) < 2 || !tokens[0].isText() {
		return t.fail(column, remedy, "an attribute needs a name and a type")
	}
	a := arffAttribute{name: tokens[0].text, at: spot{t.line, tokens[0].column}}
	if k, twice := t.names[a.name]; twice {
		return t.failAt(a, "rename one", "line %d has an attribute of this name",
			t.attributes[k].at.line)
	}
	kind := tokens[1]
	switch name := strings.ToLower(kind.text); {
	case kind.kind == '{':
		a.kind = "nominal"
		if err := t.nominalValues(&a, tokens[1:]); err != nil {
			return err
		}
	case kind.kind == arffWord && (name == "numeric" || name == "real" || name == "integer"):
		a.kind = "numeric"
		if len(tokens) > 2 {
			return t.fail(tokens[2].column, "end the line there", "%s follows the type of %s",
				excerpt(tokens[2].text), a.name)
		}
	case kind.kind == arffWord && (name == "string" || name == "date"):
		a.kind = name
	case kind.kind == arffWord && name == "relational":
		return t.failAt(a, "write a table without it",
			"a relational attribute holds tables, which are not read")
	default:
		return t.fail(kind.column, remedy, "%s: %s is none of the types numeric, real, integer, "+
			"string, date and {…}", a.name, excerpt(kind.text))
	}
	if t.names == nil {
		t.names = make(map[string]int)
	}
	t.names[a.name] = len(t.attributes)
	t.attributes = append(t.attributes, a)
	return nil
}

// nominalValues takes {VALUE, …}; spaces separate too.
func (t *arffTable) nominalValues(a *arffAttribute, tokens []arffToken) error {
	last := tokens[len(tokens)-1]
	if last.kind != '}' || len(tokens) == 2 {
		return t.fail(last.column, "list the values in one line, as {VALUE, VALUE}",
			"%s: the values do not end with }, or there are none", a.name)
	}
	fields, err := t.fields(tokens[1 : len(tokens)-1])
	if err != nil {
		return err
	}
	a.index = make(map[string]int)
	for _, f := range fields {
		if _, twice := a.index[f.text]; twice {
			return t.fail(f.column, "keep one", "%s: the value %s is declared twice", a.name,
				excerpt(f.text))
		}
		a.index[f.text] = len(a.values)
		a.values = append(a.values, f.text)
	}
	return nil
}

// fields returns the values between commas or spaces.
func (t *arffTable) fields(tokens []arffToken) ([]arffValue, error) {
	fields := t.row[:0]
	due := true // a value must come next: at the start, and after a comma
	for _, k := range tokens {
		switch {
		case k.kind == ',' && due:
			return nil, t.fail(k.column, "write ? where a value is missing",
				"no value before the comma")
		case k.kind == ',':
			due = true
		case k.isText():
			fields = append(fields, arffValue{text: k.text, quoted: k.kind == arffQuoted,
				column: k.column})
			due = false
		case len(fields) > 0 && k.kind == '{':
			return nil, t.fail(k.column, "take the weights out",
				"an instance weight, which is not read")
		default:
			return nil, t.fail(k.column, "quote a value that holds it", "%s among the values",
				excerpt(k.text))
		}
	}
	if due {
		return nil, t.fail(tokens[len(tokens)-1].column, "write ? where a value is missing",
			"no value after the comma")
	}
	t.row = fields
	return fields, nil
}

// begin chooses label and features once all attributes are known.
func (t *arffTable) begin() error {
	for _, name := range t.settings.Drop {
		k, err := t.find(name)
		if err != nil {
			return err
		}
		if name == t.settings.Label {
			return t.failAt(t.attributes[k], "take it out of one of them",
				"ARFFSettings.Drop and Label both name it")
		}
		t.attributes[k].drop = true
	}
	t.label = -1
	for k, a := range t.attributes {
		if a.kind == "nominal" && !a.drop {
			t.label = k
		}
	}
	if t.settings.Label != "" {
		var err error
		if t.label, err = t.find(t.settings.Label); err != nil {
			return err
		}
	}
	if t.label < 0 {
		return t.fail(0, "name the attribute of classes with ARFFSettings.Label",
			"no attribute is nominal")
	}
	features := 0
	for k, a := range t.attributes {
		switch {
		case a.drop:
			continue
		case a.kind == "string" || a.kind == "date":
			return t.failAt(a, "leave it out with ARFFSettings.Drop",
				"an attribute of type %s is neither a number nor a class", a.kind)
		case k == t.label:
			continue
		case a.kind == "nominal" && !t.settings.OneHot:
			return t.failAt(a, "set ARFFSettings.OneHot for a column of 0 and 1 for each of its "+
				"values, or leave it out with Drop; if this is the class use Label",
				"a nominal attribute is no number")
		}
		features++
	}
	if features == 0 {
		return t.fail(0, "check ARFFSettings.Drop", "no attribute is left for the features")
	}
	t.labels = labelColumn{
		file: t.file, column: t.attributes[t.label].name, settings: "ARFFSettings",
		remedy: "name the attribute of classes with ARFFSettings.Label", missing: t.missing,
	}
	return nil
}

func (t *arffTable) find(name string) (int, error) {
	if k, known := t.names[name]; known {
		return k, nil
	}
	var names []string
	for _, a := range t.attributes {
		names = append(names, a.name)
	}
	return 0, t.fail(0, "the attributes are "+strings.Join(names, ", "),
		"no attribute is named %s", excerpt(name))
}

// addSample takes a line of values.
func (t *arffTable) addSample(tokens []arffToken) error {
	var row []arffValue
	var err error
	if tokens[0].kind == '{' {
		row, err = t.sparse(tokens)
	} else if row, err = t.fields(tokens); err == nil && len(row) != len(t.attributes) {
		err = t.fail(0, "separate values by commas, and quote those with spaces",
			"%d values for %d attributes", len(row), len(t.attributes))
	}
	if err != nil {
		return err
	}
	for k, v := range row {
		a := &t.attributes[k]
		if a.drop {
			continue
		}
		if v.omitted && a.kind == "nominal" {
			v.text, v.quoted = a.values[0], true
		} else if v.omitted {
			v.text = "0"
		}
		if k == t.label {
			err = t.addLabel(a, v)
		} else {
			err = t.addFeature(a, v)
		}
		if err != nil {
			return err
		}
	}
	if len(t.values) > mostNumbers {
		return t.fail(0, "leave out attributes of many values with ARFFSettings.Drop",
			"the samples up to here make %d numbers, more than the %d that are held", len(t.values),
			mostNumbers)
	}
	return nil
}

// sparse returns the values of a line {column value, …}.
func (t *arffTable) sparse(tokens []arffToken) ([]arffValue, error) {
	end := slices.IndexFunc(tokens, func(k arffToken) bool { return k.kind == '}' })
	if end < 0 {
		return nil, t.fail(tokens[0].column, "end the line with }", "a { without }")
	}
	if end+1 < len(tokens) {
		k := tokens[end+1]
		if k.kind == ',' && end+2 < len(tokens) && tokens[end+2].kind == '{' {
			return nil, t.fail(k.column, "take the weights out",
				"an instance weight, which is not read")
		}
		return nil, t.fail(k.column, "end the line with }", "%s follows }", excerpt(k.text))
	}
	row := make([]arffValue, len(t.attributes))
	for k := range row {
		row[k].omitted, row[k].column = true, tokens[0].column
	}
	before := -1
	for rest := tokens[1:end]; len(rest) > 0; {
		if len(rest) < 2 || rest[0].kind != arffWord || !rest[1].isText() {
			return nil, t.fail(rest[0].column, "write {column value, column value}",
				"%s is not the number of a column with a value behind it", excerpt(rest[0].text))
		}
		k, err := strconv.Atoi(rest[0].text)
		if err != nil || k < 0 || k >= len(row) {
			return nil, t.fail(rest[0].column, "columns count from 0",
				"column %s is not a whole number in [0, %d)", excerpt(rest[0].text), len(row))
		}
		if k <= before {
			return nil, t.fail(rest[0].column, "give each column once, in ascending order",
				"column %d comes after %d", k, before)
		}
		before = k
		row[k] = arffValue{text: rest[1].text, quoted: rest[1].kind == arffQuoted,
			column: rest[1].column}
		if rest = rest[2:]; len(rest) == 0 {
			break
		}
		if rest[0].kind != ',' || len(rest) == 1 {
			return nil, t.fail(rest[0].column, "write {column value, column value}",
				"%s where a comma and another column are due", excerpt(rest[0].text))
		}
		rest = rest[1:]
	}
	return row, nil
}

func (t *arffTable) addLabel(a *arffAttribute, v arffValue) error {
	at := spot{t.line, v.column}
	_, plus := a.index["+"]
	switch {
	case v.text == "?" && !v.quoted:
		return t.labels.missingError(v.text, at)
	case a.kind != "nominal":
		return t.labels.add(v.text, at)
	case t.missing.has(v.text) && !(plus && t.missing.sign(v.text)):
		return t.labels.missingError(v.text, at)
	}
	k, err := t.valueOf(a, v)
	t.classes = append(t.classes, k)
	return err
}

// valueOf returns the number of a nominal value.
func (t *arffTable) valueOf(a *arffAttribute, v arffValue) (int, error) {
	k, declared := a.index[v.text]
	if !declared {
		list := a.values
		if len(list) > 20 {
			list = append(slices.Clone(list[:20]), "…")
		}
		return 0, t.fail(v.column, "they are "+strings.Join(list, ", "),
			"%s: %s is none of the values declared in line %d", a.name, excerpt(v.text), a.at.line)
	}
	return k, nil
}

func (t *arffTable) addFeature(a *arffAttribute, v arffValue) error {
	missing := v.text == "?" && !v.quoted
	if a.kind == "nominal" && !missing {
		k, err := t.valueOf(a, v)
		if err != nil {
			return err
		}
		start := len(t.values)
		t.values = append(t.values, make([]float64, len(a.values))...)
		t.values[start+k] = 1
		return nil
	}
	check := t.missing
	if missing {
		check = newMissing(nil) // where ARFFSettings.Missing has no ?
	}
	x, problem, remedy := parseFeature(v.text, check, "ARFFSettings",
		"write decimal numbers with a point, and ? where there is none")
	if problem != "" {
		return t.fail(v.column, remedy, "%s: %s", a.name, problem)
	}
	t.values = append(t.values, x)
	return nil
}

func (t *arffTable) dataset() (*Dataset, error) {
	if !t.inData {
		return nil, &FormatError{File: t.file, Problem: "no line @data",
			Remedy: "check that the file is in ARFF and whole"}
	}
	label := t.attributes[t.label]
	classes, names := t.classes, label.values
	if label.kind == "nominal" {
		if len(classes) < 2 {
			return nil, t.labels.tooFew(len(classes))
		}
		if slices.Min(classes) == slices.Max(classes) {
			return nil, t.labels.oneClass(names[classes[0]])
		}
	} else {
		var err error
		if classes, names, err = t.labels.classes(); err != nil {
			return nil, err
		}
	}
	ds := &Dataset{Name: t.settings.Name, Labels: classes, Classes: len(names),
		ClassNames: slices.Clone(names)}
	if ds.Name == "" {
		if ds.Name = t.relation; ds.Name == "" {
			ds.Name = t.file
		}
	}
	for k, a := range t.attributes {
		switch {
		case a.drop || k == t.label:
		case a.kind == "nominal":
			for _, v := range a.values {
				ds.FeatureNames = append(ds.FeatureNames, a.name+"="+v)
			}
		default:
			ds.FeatureNames = append(ds.FeatureNames, a.name)
		}
	}
	ds.X = mat.NewDense(len(classes), len(ds.FeatureNames), t.values)
	if err := ds.Validate(); err != nil {
		return nil, err
	}
	return ds, nil
}
