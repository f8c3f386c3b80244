package data

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// usualMissing is what tables hold where there is no value, in lower case.
var usualMissing = []string{"?", "na", "n/a", "n.a.", "#n/a", "<na>", "nan", "-nan", "null",
	"#null!", "nil", "none", "missing", `\n`, "-", "--", "–", "—", ".", "..", "#value!", "#div/0!"}

// missingValues knows the fields that stand for no value.
type missingValues struct {
	words   []string
	numbers []float64
	usual   bool // the list is that above
}

// newMissing takes the fields of a list, or the usual ones for nil.
func newMissing(list []string) missingValues {
	if list == nil {
		return missingValues{words: usualMissing, usual: true}
	}
	var m missingValues
	for _, s := range list {
		s = strings.ToLower(strings.TrimSpace(s))
		m.words = append(m.words, s)
		if v, err := strconv.ParseFloat(s, 64); err == nil && !math.IsNaN(v) {
			m.numbers = append(m.numbers, v)
		}
	}
	return m
}

// has says whether a field, without space around it, stands for no value.
func (m missingValues) has(field string) bool {
	if field == "" || slices.Contains(m.words, strings.ToLower(field)) {
		return true
	}
	if len(m.numbers) == 0 {
		return false
	}
	v, err := strconv.ParseFloat(field, 64)
	return err == nil && slices.Contains(m.numbers, v)
}

// sign says whether a field is a minus, which is a class where a plus is one too.
func (m missingValues) sign(field string) bool {
	return m.usual && (field == "-" || field == "–")
}

// spot is a place in a file; both count from 1.
type spot struct{ line, column int }

// labelColumn collects labels and makes classes of them.
type labelColumn struct {
	file, column string // for errors
	settings     string // the name of the type that has Missing and Label
	remedy       string // for a column that has no classes
	missing      missingValues
	distinct     bool // labels that differ in writing only are classes of their own

	labels []string
	first  map[string]spot // where each spelling is first
	// other is set when a label is no number.
	other bool
	// quantity is the error to report if every label turns out to be a number: the first with
	// a fraction or without a bound.
	quantity error
}

func (c *labelColumn) fail(at spot, remedy, problem string, args ...any) error {
	return &FormatError{File: c.file, Line: at.line, Column: at.column,
		Problem: c.column + ": " + fmt.Sprintf(problem, args...), Remedy: remedy}
}

func (c *labelColumn) missingError(label string, at spot) error {
	if label == "" {
		return c.fail(at, "leave the line out or give it a class", "the label is empty")
	}
	return c.fail(at, "leave the line out or give it a class; if it is one, list in "+c.settings+
		".Missing what stands for no value", "the label is missing (%s)", excerpt(label))
}

// add takes a label, without space around it.
func (c *labelColumn) add(label string, at spot) error {
	if c.missing.has(label) && !c.missing.sign(label) {
		return c.missingError(label, at)
	}
	if c.first == nil {
		c.first = make(map[string]spot)
	}
	if _, seen := c.first[label]; !seen {
		c.first[label] = at
		v, err := strconv.ParseFloat(label, 64)
		switch infinite := math.IsInf(v, 0); {
		case infinite && c.quantity == nil:
			c.quantity = c.fail(at, "leave the line out or give it a class",
				"the label %s is not finite", excerpt(label))
		case infinite:
		case err != nil || math.IsNaN(v) || math.Abs(v) >= 1<<53:
			c.other = true
		case v != math.Trunc(v) && c.quantity == nil:
			c.quantity = c.fail(at, c.remedy, "the label %s is a number with a fraction, so "+
				"the column seems to hold a quantity", excerpt(label))
		}
	}
	c.labels = append(c.labels, label)
	return nil
}

// spellings returns the labels in the order in which they come first.
func (c *labelColumn) spellings() []string {
	return slices.SortedFunc(maps.Keys(c.first), func(a, b string) int {
		p, q := c.first[a], c.first[b]
		if p.line != q.line {
			return p.line - q.line
		}
		return p.column - q.column
	})
}

// check reports what can be known of labels only when all are there.
func (c *labelColumn) check() error {
	if len(c.labels) < 2 {
		return c.tooFew(len(c.labels))
	}
	_, plus := c.first["+"]
	seen := make(map[string]string)
	for _, label := range c.spellings() {
		if c.missing.sign(label) && !plus {
			return c.missingError(label, c.first[label])
		}
		if c.distinct || !c.other {
			continue
		}
		key := folded(label)
		if as, known := seen[key]; known {
			return c.fail(c.first[label], "write both alike, or set "+c.settings+
				".DistinctSpellings if they are two classes",
				"the label %s is written %s in line %d", excerpt(label), excerpt(as),
				c.first[as].line)
		}
		seen[key] = label
	}
	if !c.other {
		return c.quantity
	}
	return nil
}

// folded returns what labels have in common that people would not tell apart: without case, with
// single spaces, without characters that cannot be seen, numbers as numbers.
func folded(label string) string {
	if v, err := strconv.ParseFloat(label, 64); err == nil {
		return strconv.FormatFloat(v, 'g', -1, 64)
	}
	label = strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Cf, r) {
			return -1
		}
		return unicode.ToLower(unicode.ToUpper(r))
	}, label)
	return strings.Join(strings.Fields(label), " ")
}

// classes returns the classes in their order and the number of that of each label.
func (c *labelColumn) classes() (labels []int, names []string, err error) {
	if err := c.check(); err != nil {
		return nil, nil, err
	}
	// Whole numbers may be written in several ways: 3, 3.0, 3e0.
	numbers := make(map[string]int64)
	written := make(map[string]string)
	for label := range c.first {
		written[label] = label
		if !c.other {
			v, err := strconv.ParseFloat(label, 64)
			if err != nil {
				return nil, nil, errors.New("data: a label that was a number is none")
			}
			written[label] = strconv.FormatInt(int64(v), 10)
			numbers[written[label]] = int64(v)
		}
	}
	class := make(map[string]int)
	for _, name := range written {
		class[name] = 0
	}
	names = slices.SortedFunc(maps.Keys(class), func(a, b string) int {
		switch {
		case numbers[a] < numbers[b]:
			return -1
		case numbers[a] > numbers[b]:
			return 1
		}
		return strings.Compare(a, b)
	})
	if len(names) < 2 {
		return nil, nil, c.oneClass(names[0])
	}
	for k, name := range names {
		class[name] = k
	}
	labels = make([]int, len(c.labels))
	for i, l := range c.labels {
		labels[i] = class[written[l]]
	}
	return labels, names, nil
}

func (c *labelColumn) tooFew(samples int) error {
	return &FormatError{
		File:    c.file,
		Problem: fmt.Sprintf("%d samples", samples),
		Remedy:  "a table has a line for each sample, at least 2",
	}
}

func (c *labelColumn) oneClass(name string) error {
	return &FormatError{File: c.file, Problem: fmt.Sprintf("every label is %s", excerpt(name)),
		Remedy: "a classification problem has at least 2 classes; " + c.remedy}
}

// parseFeature returns the number in a field, without space around it, or what is wrong with it
// and what to do; noNumber is that for a word.
func parseFeature(field string, missing missingValues, settings, noNumber string) (
	v float64, problem, remedy string,
) {
	v, err := strconv.ParseFloat(field, 64)
	number := err == nil && !math.IsNaN(v) && len(missing.numbers) == 0 // for speed
	switch {
	case !number && missing.has(field):
		return 0, fmt.Sprintf("the value is missing (%s)", excerpt(field)),
			"leave the line out, impute a number, or drop the column with " + settings + ".Drop"
	case errors.Is(err, strconv.ErrRange):
		return 0, excerpt(field) + " is beyond the range of float64", "rescale the column"
	case err != nil:
		return 0, excerpt(field) + " is not a number", noNumber
	case math.IsNaN(v) || math.IsInf(v, 0):
		return 0, excerpt(field) + " is not finite", "leave the line out or impute a number"
	}
	return v, "", ""
}
