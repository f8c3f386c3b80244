package data

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReadCSV(t *testing.T) {
	for name, test := range map[string]struct {
		text     string
		settings CSVSettings
		x        [][]float64
		labels   []int
		classes  []string
		features []string
	}{
		"plain": {"a,b,class\n1,2.5,no\n-3,1e2,yes\n", CSVSettings{},
			[][]float64{{1, 2.5}, {-3, 100}}, []int{0, 1}, []string{"no", "yes"},
			[]string{"a", "b"}},
		"numbers sort as numbers, in any writing": {"a,q\n1,10\n2,9\n3,10.0\n4,-1\n", CSVSettings{},
			[][]float64{{1}, {2}, {3}, {4}}, []int{2, 1, 2, 0}, []string{"-1", "9", "10"},
			[]string{"a"}},
		"text sorts as text": {"a,q\n1,b\n2,10\n3,9\n", CSVSettings{},
			[][]float64{{1}, {2}, {3}}, []int{2, 0, 1}, []string{"10", "9", "b"}, []string{"a"}},
		"label by name, columns dropped, semicolons": {"id;kind;\"x;1\";y\n7;B;1;2\n8;A;3;4\n",
			CSVSettings{Delimiter: ';', Label: "kind", Drop: []string{"id"}},
			[][]float64{{1, 2}, {3, 4}}, []int{1, 0}, []string{"A", "B"}, []string{"x;1", "y"}},
		"label by number, tabs, no header": {"B\t1\t2\nA\t3\t4\n",
			CSVSettings{Delimiter: '\t', LabelColumn: 1, NoHeader: true},
			[][]float64{{1, 2}, {3, 4}}, []int{1, 0}, []string{"A", "B"}, nil},
		"numbers as names": {"0,1,2\n1,2,0\n3,4,1\n", CSVSettings{NumberedColumns: true},
			[][]float64{{1, 2}, {3, 4}}, []int{0, 1}, []string{"0", "1"}, []string{"0", "1"}},
		"byte order mark, CRLF, blank and comment lines, spaces": {"\ufeffa, b\r\n# " +
			"note\r\n\r\n 1 , x\r\n2,y \r\n", CSVSettings{Comment: '#'},
			[][]float64{{1}, {2}}, []int{0, 1}, []string{"x", "y"}, []string{"a"}},
	} {
		t.Run(name, func(t *testing.T) {
			ds, err := ReadCSV(strings.NewReader(test.text), test.settings)
			if err != nil {
				t.Fatal(err)
			}
			isTable(t, ds, test.x, test.labels, test.classes, test.features)
			if ds.Name != "table" {
				t.Errorf("name %s", ds.Name)
			}
		})
	}
}

// isTable compares a set with its rows, labels and names.
func isTable(
	t *testing.T, ds *Dataset, x [][]float64, labels []int, classes, features []string,
) {
	t.Helper()
	if diff := cmp.Diff(x, raw(ds.X)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(labels, ds.Labels); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(classes, ds.ClassNames); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(features, ds.FeatureNames); diff != "" {
		t.Error(diff)
	}
	if ds.Classes != len(classes) {
		t.Errorf("%d classes, want %d", ds.Classes, len(classes))
	}
}

func TestReadCSVErrors(t *testing.T) {
	for _, test := range []struct {
		text     string
		settings CSVSettings
		want     string
	}{
		{"a,b,c\n1,2,x\n1,oops,y\n", CSVSettings{},
			`data: t:3:3: b: "oops" is not a number; write decimal`},
		{"a,c\n1,x\n,y\n", CSVSettings{}, `data: t:3:1: a: the value is missing ("")`},
		{"a,c\n?,x\n1,y\n", CSVSettings{}, `data: t:2:1: a: the value is missing ("?")`},
		{"a,c\n1,x\nNaN,y\n", CSVSettings{}, `data: t:3:1: a: the value is missing ("NaN")`},
		{"a,c\n1,x\n-inf,y\n", CSVSettings{}, `data: t:3:1: a: "-inf" is not finite`},
		{"a,c\n1,x\n1e999,y\n", CSVSettings{}, `data: t:3:1: a: "1e999" is beyond the range`},
		{"a,c\n1,x\n2,\n", CSVSettings{}, `data: t:3:3: c: the label is empty`},
		{"a,c\n1,x\n2,nan\n", CSVSettings{}, `data: t:3:3: c: the label is missing ("nan")`},
		{"a,c\n1,1\n2,2.5\n", CSVSettings{},
			`data: t:3:3: c: the label "2.5" is a number with a fraction`},
		{"a,b,c\n1,2,x\n1,2\n", CSVSettings{},
			`data: t:3: 2 fields where the first line has 3; give every line`},
		{"a;b;c\n1;2;x\n", CSVSettings{},
			`data: t:1: no column is left for the features; check CSVSettings.Delimiter`},
		{"a,c\n1,x\n2,x\n", CSVSettings{}, `data: t: every label is "x"`},
		{"a,b,c\n1,2,x\n", CSVSettings{NoHeader: true},
			`if it is to be left out Drop; if the line names the columns take back NoHeader`},
		{"a,c\n1,x\n", CSVSettings{}, `data: t: 1 samples`},
		{"", CSVSettings{}, `data: t: 0 samples`},
		{"1,2,x\n3,4,y\n", CSVSettings{},
			`data: t:1: the first line holds numbers where the names`},
		{"a,c\n1,x\n2,\"y\n", CSVSettings{}, `data: t:3:`},
		{"a,c\n1,x\n2,y\n", CSVSettings{Label: "d"},
			`no column is named "d"; the columns are a, c`},
		{"a,a,c\n1,1,x\n", CSVSettings{Drop: []string{"a"}}, `two columns are named "a"`},
		{"a,c\n1,x\n", CSVSettings{Drop: []string{"c"}}, `Drop names the label column "c"`},
		{"a,c\n1,x\n", CSVSettings{Drop: []string{"a"}}, `no column is left`},
		{"a,c\n1,x\n", CSVSettings{LabelColumn: 3},
			`there are 2 columns, and CSVSettings.LabelColumn is 3`},
		{"a,c\n1,x\n", CSVSettings{LabelColumn: -1}, `LabelColumn is -1`},
		{"a,c\n1,x\n", CSVSettings{Label: "c", LabelColumn: 2}, `both given`},
		{"1,x\n2,y\n", CSVSettings{NoHeader: true, Label: "c"}, `takes a header line`},
		{"1,x\n2,y\n", CSVSettings{NoHeader: true, NumberedColumns: true}, `both set`},
		{"a,c\n", CSVSettings{Delimiter: '\n'}, `invalid field or comment delimiter`},
	} {
		test.settings.Name = "t"
		_, err := ReadCSV(strings.NewReader(test.text), test.settings)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q: error %v; want %q", test.text, err, test.want)
		}
	}
	_, err := ReadCSV(strings.NewReader("a,c\n1,x\nz,y\n"), CSVSettings{})
	var format *FormatError
	if !errors.As(err, &format) || format.Line != 3 || format.Column != 1 ||
		format.File != "table" {
		t.Errorf("%#v", err)
	}
}

// What stands for no value is one list, for labels and features alike.
func TestMissing(t *testing.T) {
	words := append([]string{"", "NA", "N/A", "Null", "None", "-NaN", `\N`, "<na>"},
		usualMissing...)
	for _, word := range words {
		for _, others := range []string{"1,1\n2,2\n", "1,a\n2,b\n"} {
			_, err := ReadCSV(strings.NewReader("a,c\n"+others+"3, "+word+"\n"), CSVSettings{})
			what := "is missing"
			if word == "" {
				what = "is empty"
			}
			wantError(t, err, "data: table:4:", "c: the label "+what, "give it a class")
		}
		_, err := ReadCSV(strings.NewReader("a,c\n1,a\n"+word+",b\n"), CSVSettings{})
		wantError(t, err, "data: table:3:1: a: the value is missing", "CSVSettings.Drop")
	}
	for _, test := range []struct {
		text     string
		settings CSVSettings
		want     string // the classes, or an error
	}{
		{"a,c\n1,+\n2,-\n", CSVSettings{}, "+ -"},
		{"a,c\n1,-\n2,–\n3,+\n", CSVSettings{}, "+ - –"},
		{"a,c\n1,x\n2,-\n3,-\n", CSVSettings{}, `table:3:3: c: the label is missing ("-")`},
		{"a,c\n1,+\n2,--\n", CSVSettings{}, `table:3:3: c: the label is missing ("--")`},
		{"a,c\n1,na\n2,bw\n", CSVSettings{Missing: []string{}}, "bw na"},
		{"a,c\n1,\n2,bw\n", CSVSettings{Missing: []string{}}, "table:2:3: c: the label is empty"},
		{"a,c\n1,x\n-999.0,y\n", CSVSettings{Missing: []string{"-999"}},
			`table:3:1: a: the value is missing ("-999.0")`},
		{"a,c\n1,2\n5,3\n7,99\n", CSVSettings{Missing: []string{" 99 "}},
			`table:4:3: c: the label is missing ("99")`},
		{"a,c\n1,x\n5,Unknown\n", CSVSettings{Missing: []string{"unknown"}},
			`table:3:3: c: the label is missing ("Unknown")`},
		// A sample in the place of names, with a missing value.
		{"1,?,x\n2,3,x\n4,5,y\n", CSVSettings{}, "table:1: the first line holds numbers"},
		{",1,x\n2,3,x\n4,5,y\n", CSVSettings{NumberedColumns: true}, "x y"},
		{",?,c\n2,3,x\n4,5,y\n", CSVSettings{}, "x y"},
		// Numbers without a bound are no words beside numbers.
		{"a,c\n1,1\n2,inf\n3,2\n", CSVSettings{}, `table:3:3: c: the label "inf" is not finite`},
		{"a,c\n1,1\n2,1e999\n3,2\n", CSVSettings{}, `table:3:3: c: the label "1e999" is not fin`},
		{"a,c\n1,flu\n2,inf\n", CSVSettings{}, "flu inf"},
	} {
		ds, err := ReadCSV(strings.NewReader(test.text), test.settings)
		got := fmt.Sprint(err)
		if err == nil {
			got = strings.Join(ds.ClassNames, " ")
		}
		if err == nil && got != test.want || err != nil && !strings.Contains(got, test.want) {
			t.Errorf("%q: %s; want %s", test.text, got, test.want)
		}
	}
}

// One label in two spellings is two classes that nobody meant.
func TestSpellings(t *testing.T) {
	for _, test := range []struct{ a, b, classes string }{
		{"Setosa", "setosa", "Setosa setosa x"},
		{"iris setosa", "iris  setosa", "iris  setosa iris setosa x"},
		{"iris setosa", "iris\u00a0setosa", "iris setosa iris\u00a0setosa x"},
		{"setosa", "set\u200bosa", "setosa set\u200bosa x"},
		{"STRASSE Σ", "strasse ς", "STRASSE Σ strasse ς x"},
		{"1", "1.0", "1 1.0 x"},
	} {
		text := "a,c\n1,x\n2," + test.a + "\n3," + test.a + "\n4," + test.b + "\n"
		_, err := ReadCSV(strings.NewReader(text), CSVSettings{})
		wantError(t, err, "data: table:5:3: c: the label "+excerpt(test.b)+" is written "+
			excerpt(test.a)+" in line 3", "CSVSettings.DistinctSpellings")
		ds, err := ReadCSV(strings.NewReader(text), CSVSettings{DistinctSpellings: true})
		if err != nil || strings.Join(ds.ClassNames, " ") != test.classes {
			t.Errorf("%v, %v", ds, err)
		}
	}
}

func TestReadCSVFile(t *testing.T) {
	ds, err := ReadCSVFile(filepath.Join("testdata", "flowers.csv"),
		CSVSettings{Drop: []string{"id"}})
	if err != nil {
		t.Fatal(err)
	}
	if n, d := ds.Dims(); n != 4 || d != 2 || ds.Name != "flowers" {
		t.Errorf("%s: %d×%d", ds.Name, n, d)
	}
	dir := filepath.Join(t.TempDir(), "a folder")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "my table.csv")
	if err := os.WriteFile(path, []byte("a,c\nx,y\nx,y\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err = ReadCSVFile(path, CSVSettings{})
	wantError(t, err, path+":2:1")
	_, err = ReadCSVFile(filepath.Join(dir, "none.csv"), CSVSettings{})
	wantError(t, err, "none.csv")
	if !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

func FuzzReadCSV(f *testing.F) {
	f.Add("a,b,c\n1,2,x\n3,4,y\n", "c", 0, 0, ',')
	f.Add("1;2;0\n3;4;1\n", "", 1, 1, ';')
	f.Add("\ufeff\"a\nb\",c\n1,\"x\"\"\"\n2,9e99\n", "", 0, 2, ',')
	f.Fuzz(func(t *testing.T, text, label string, column, header int, delimiter rune) {
		ds, err := ReadCSV(
			strings.NewReader(text),
			CSVSettings{
				Label: label, LabelColumn: column, Delimiter: delimiter,
				NoHeader: header == 1, NumberedColumns: header == 2,
			},
		)
		if err != nil {
			return
		}
		if err := ds.Validate(); err != nil {
			t.Fatal(err)
		}
		for c, k := range ds.ClassCounts() {
			if k == 0 {
				t.Fatalf("class %d (%q) has no rows", c, ds.ClassNames[c])
			}
		}
		n, d := ds.Dims()
		if n*d > len(text) || math.IsNaN(ds.X.At(n-1, d-1)) {
			t.Fatalf("%d×%d values from %d bytes", n, d, len(text))
		}
	})
}
