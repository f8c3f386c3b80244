package data

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

// arffHead declares two numbers and a class, in five lines.
const arffHead = "@relation r\n@attribute a numeric\n@attribute b real\n" +
	"@attribute c {x,y}\n@data\n"

func TestReadARFF(t *testing.T) {
	for name, test := range map[string]struct {
		text     string
		settings ARFFSettings
		x        [][]float64
		labels   []int
		classes  []string
		features []string
	}{
		"dense": {arffHead + "1,2.5,y\n-3 , 1e2,x\n", ARFFSettings{},
			[][]float64{{1, 2.5}, {-3, 100}}, []int{1, 0}, []string{"x", "y"}, []string{"a", "b"}},
		"no end of the last line, CRLF, spaces and tabs between": {
			strings.ReplaceAll(arffHead, "\n", "\r\n") + "1 2 y\r\n3\t4\tx",
			ARFFSettings{}, [][]float64{{1, 2}, {3, 4}}, []int{1, 0}, []string{"x", "y"},
			[]string{"a", "b"}},
		"sparse": {arffHead + "{}\n{ 0 1 , 2 y }\n{1 -2}\n", ARFFSettings{},
			[][]float64{{0, 0}, {1, 0}, {0, -2}}, []int{0, 1, 0}, []string{"x", "y"},
			[]string{"a", "b"}},
		"declared order, classes without samples": {"@relation r\n@attribute a integer\n" +
			"@attribute c {z,y,x}\n@data\n1,x\n2,z\n", ARFFSettings{},
			[][]float64{{1}, {2}}, []int{2, 0}, []string{"z", "y", "x"}, []string{"a"}},
		"quotes and escapes": {"@relation \"\"\n" +
			"@attribute 'a, \\'b\\' {c}%' numeric\n" +
			"@attribute \"class \\\"1\\\"\" {'a b', \"c,d\", 'e%', '\\u00e9\\t\\\\'}\n@data\n" +
			"1,\"c,d\"\n2,'e%' % note\n'3',\"\\u00e9\\t\\\\\"\n", ARFFSettings{Name: "q"},
			[][]float64{{1}, {2}, {3}}, []int{1, 2, 3}, []string{"a b", "c,d", "e%", "é\t\\"},
			[]string{"a, 'b' {c}%"}},
		"the last nominal one, not the last": {"@relation r\n@attribute c{p, q}\n" +
			"@attribute a numeric\n@data\np,1\nq,2\n", ARFFSettings{},
			[][]float64{{1}, {2}}, []int{0, 1}, []string{"p", "q"}, []string{"a"}},
		"a numeric label": {"@relation r\n@attribute a numeric\n@attribute q numeric\n@data\n" +
			"1,10\n2,9\n{0 3, 1 10.0}\n{0 4}\n", ARFFSettings{Label: "q"},
			[][]float64{{1}, {2}, {3}, {4}}, []int{2, 1, 2, 0}, []string{"0", "9", "10"},
			[]string{"a"}},
		"one column for each value": {"@relation r\n@attribute n {u, v, 'NA'}\n" +
			"@attribute a numeric\n@attribute c {x,y}\n@data\nv,1,x\n{1 2, 2 y}\nNA,3,y\n",
			ARFFSettings{OneHot: true},
			[][]float64{{0, 1, 0, 1}, {1, 0, 0, 2}, {0, 0, 1, 3}}, []int{0, 1, 1},
			[]string{"x", "y"}, []string{"n=u", "n=v", "n=NA", "a"}},
		"dropped": {"@relation r\n@attribute id string\n@attribute d date \"yyyy-MM-dd\"\n" +
			"@attribute n {u,v}\n@attribute a numeric\n@attribute c {x,y}\n@data\n" +
			"'?',\"2001-04-03\",?,1,x\n?,?,w,2,y\n", ARFFSettings{Drop: []string{"id", "d", "n"}},
			[][]float64{{1}, {2}}, []int{0, 1}, []string{"x", "y"}, []string{"a"}},
		"signs": {"@relation r\n@attribute a numeric\n@attribute c {+,-}\n@data\n1,-\n2,+\n",
			ARFFSettings{}, [][]float64{{1}, {2}}, []int{1, 0}, []string{"+", "-"},
			[]string{"a"}},
		"none is a class": {"@relation r\n@attribute a numeric\n@attribute c {none,'?'}\n@data\n" +
			"1,none\n2,'?'\n", ARFFSettings{Missing: []string{}}, [][]float64{{1}, {2}},
			[]int{0, 1}, []string{"none", "?"}, []string{"a"}},
		"case is of no consequence in keywords alone": {"% c\n\n @Relation R\n@ATTRIBUTE a Real\n" +
			"@ATTRIBUTE A INTEGER\n@attribute c {x,X}\n@DATA % d\n1,2,X\n3,4,x\n", ARFFSettings{},
			[][]float64{{1, 2}, {3, 4}}, []int{1, 0}, []string{"x", "X"}, []string{"a", "A"}},
	} {
		t.Run(name, func(t *testing.T) {
			ds, err := ReadARFF(strings.NewReader(test.text), test.settings)
			if err != nil {
				t.Fatal(err)
			}
			isTable(t, ds, test.x, test.labels, test.classes, test.features)
			if !strings.EqualFold(ds.Name, "r") && ds.Name != test.settings.Name {
				t.Errorf("name %s", ds.Name)
			}
		})
	}
}

func TestReadARFFErrors(t *testing.T) {
	declare := func(lines ...string) string {
		return "@relation r\n" + strings.Join(lines, "\n") + "\n"
	}
	for _, test := range []struct {
		text     string
		settings ARFFSettings
		want     string
	}{
		// Samples.
		{arffHead + "1,oops,x\n", ARFFSettings{}, `t:6:3: b: "oops" is not a number; w`},
		{arffHead + "1,?,x\n", ARFFSettings{}, `t:6:3: b: the value is missing ("?"); leave`},
		{arffHead + "1,?,x\n", ARFFSettings{Missing: []string{}}, `t:6:3: b: the value is missing`},
		{arffHead + "1,NaN,x\n", ARFFSettings{}, `t:6:3: b: the value is missing ("NaN")`},
		{arffHead + "1,-9,x\n", ARFFSettings{Missing: []string{"-9.0"}}, `t:6:3: b: the value is`},
		{arffHead + "1,inf,x\n", ARFFSettings{}, `t:6:3: b: "inf" is not finite`},
		{arffHead + "1,1e999,x\n", ARFFSettings{}, `t:6:3: b: "1e999" is beyond the range`},
		{arffHead + "1,2,?\n", ARFFSettings{}, `t:6:5: c: the label is missing ("?")`},
		{arffHead + "1,2,?\n", ARFFSettings{Missing: []string{}}, `t:6:5: c: the label is missing`},
		{arffHead + "1,2,X\n", ARFFSettings{},
			`t:6:5: c: "X" is none of the values declared in line 4; they are x, y`},
		{arffHead + "1,2,' x'\n", ARFFSettings{}, `t:6:5: c: " x" is none of the`},
		{arffHead + "1,2\n", ARFFSettings{}, `t:6: 2 values for 3 attributes; separate`},
		{arffHead + "1,2,x,3\n", ARFFSettings{}, `t:6: 4 values for 3 attributes`},
		{arffHead + "1,,x\n", ARFFSettings{}, `t:6:3: no value before the comma; write ?`},
		{arffHead + ",2,x\n", ARFFSettings{}, `t:6:1: no value before the comma`},
		{arffHead + "1,2,\n", ARFFSettings{}, `t:6:4: no value after the comma`},
		{arffHead + "1,2,%x\n", ARFFSettings{}, `t:6:4: no value after the comma`},
		{arffHead + "1,2,x,{5}\n", ARFFSettings{}, `t:6:7: an instance weight, which is not read`},
		{arffHead + "1,2}\n", ARFFSettings{}, `t:6:4: "}" among the values`},
		{arffHead + "1,2,'x\n", ARFFSettings{}, `t:6:5: a quote ' that does not end`},
		{arffHead + "1,2,'x\\\n", ARFFSettings{}, `t:6:5: a quote ' that does not end`},
		{arffHead + "1,2,'x'y\n", ARFFSettings{}, `t:6:8: text follows the quote that ends "x"`},
		{arffHead + "1,2,x'\n", ARFFSettings{}, `t:6:6: '\'' in a word that is not quoted`},
		{arffHead + "1,2%,x\n", ARFFSettings{}, `t:6:4: '%' in a word that is not quoted`},
		{arffHead + `1,2,'\x'`, ARFFSettings{}, `t:6:6: the escape "\\x" is not known`},
		{arffHead + `1,2,'\ud800'`, ARFFSettings{}, `t:6:6: the escape "\\u" is not known`},
		// Sparse ones.
		{arffHead + "{0 1, 0 2}\n", ARFFSettings{}, `t:6:7: column 0 comes after 0; give each`},
		{arffHead + "{1 1, 0 2}\n", ARFFSettings{}, `t:6:7: column 0 comes after 1`},
		{arffHead + "{3 1}\n", ARFFSettings{}, `t:6:2: column "3" is not a whole number in [0, 3)`},
		{arffHead + "{-1 1}\n", ARFFSettings{}, `t:6:2: column "-1" is not a whole number`},
		{arffHead + "{a 1}\n", ARFFSettings{}, `t:6:2: column "a" is not a whole number`},
		{arffHead + "{0}\n", ARFFSettings{}, `t:6:2: "0" is not the number of a column with`},
		{arffHead + "{0 1 2}\n", ARFFSettings{}, `t:6:6: "2" where a comma and another column`},
		{arffHead + "{0 1,}\n", ARFFSettings{}, `t:6:5: "," where a comma and another column`},
		{arffHead + "{0 1\n", ARFFSettings{}, `t:6:1: a { without }; end the line`},
		{arffHead + "{0 1} 2\n", ARFFSettings{}, `t:6:7: "2" follows }`},
		{arffHead + "{0 1}, {5}\n", ARFFSettings{}, `t:6:6: an instance weight`},
		{arffHead + "{0 1, 1 ?}\n", ARFFSettings{}, `t:6:9: b: the value is missing`},
		{arffHead + "{0 1, 2 z}\n", ARFFSettings{}, `t:6:9: c: "z" is none of the values`},
		// All of them.
		{arffHead, ARFFSettings{}, `t: 0 samples`},
		{arffHead + "1,2,x\n", ARFFSettings{}, `t: 1 samples`},
		{arffHead + "1,2,x\n3,4,x\n", ARFFSettings{}, `t: every label is "x"`},
		{arffHead + "1,2,x\n3,2.5,x\n", ARFFSettings{Label: "b", Drop: []string{"c"}},
			`t:7:3: b: the label "2.5" is a number with a fraction`},
		{arffHead + "1,NA,x\n", ARFFSettings{Label: "b", Drop: []string{"c"}},
			`t:6:3: b: the label is missing ("NA")`},
		// Attributes.
		{"", ARFFSettings{}, "t: no line @data"},
		{"a,b\n", ARFFSettings{}, `t:1:1: the file begins with "a", where @relation is due`},
		{"'@relation' r\n", ARFFSettings{}, `t:1:1: the file begins with "@relation", where`},
		{declare("@relation s"), ARFFSettings{}, "t:2:1: a second @relation"},
		{declare("1,2"), ARFFSettings{}, `t:2:1: "1" is none of @attribute and @data`},
		{declare("@inputs a"), ARFFSettings{}, `t:2:1: "@inputs" is none of`},
		{declare("@attribute a"), ARFFSettings{}, "t:2:1: an attribute needs a name and a type"},
		{declare("@attribute {a}"), ARFFSettings{}, "t:2:1: an attribute needs a name"},
		{declare("@attribute a float"), ARFFSettings{}, `t:2:14: a: "float" is none of the types`},
		{declare("@attribute a 'real'"), ARFFSettings{}, `t:2:14: a: "real" is none of the types`},
		{declare("@attribute a real [0, 1]"), ARFFSettings{}, `t:2:19: "[0" follows the type of a`},
		{declare("@attribute a {x,y"), ARFFSettings{}, "t:2:17: a: the values do not end with }"},
		{declare("@attribute a {}"), ARFFSettings{}, "t:2:15: a: the values do not end with }"},
		{declare("@attribute a {x,,y}"), ARFFSettings{}, "t:2:17: no value before the comma"},
		{declare("@attribute a {x,}"), ARFFSettings{}, "t:2:16: no value after the comma"},
		{declare("@attribute a {x,y,'x'}"), ARFFSettings{}, `t:2:19: a: the value "x" is declared`},
		{declare("@attribute a real", "@attribute 'a' real"), ARFFSettings{},
			"t:3:12: a: line 2 has an attribute of this name; rename one"},
		{declare("@attribute a relational"), ARFFSettings{}, "t:2:12: a: a relational attribute"},
		{declare("@data 1"), ARFFSettings{}, `t:2:7: "1" follows @data`},
		{declare("@attribute a real", "@data"), ARFFSettings{}, "t:3: no attribute is nominal"},
		{declare("@attribute a {x,y}", "@data"), ARFFSettings{}, "t:3: no attribute is left"},
		{declare("@attribute s STRING", "@attribute c {x,y}", "@data"), ARFFSettings{},
			"t:2:12: s: an attribute of type string is neither a number nor a class; leave it out"},
		{declare("@attribute s string", "@attribute c {x,y}", "@data"), ARFFSettings{Label: "s"},
			"t:2:12: s: an attribute of type string"},
		{declare("@attribute d date", "@attribute c {x,y}", "@data"), ARFFSettings{},
			"t:2:12: d: an attribute of type date"},
		{declare("@attribute n {u,v}", "@attribute c {x,y}", "@data"), ARFFSettings{},
			"t:2:12: n: a nominal attribute is no number; set ARFFSettings.OneHot"},
		{arffHead, ARFFSettings{Label: "d"}, `t:5: no attribute is named "d"; the attributes`},
		{arffHead, ARFFSettings{Drop: []string{"A"}}, `t:5: no attribute is named "A"`},
		{arffHead, ARFFSettings{Drop: []string{"a"}, Label: "a"}, "t:2:12: a: ARFFSettings.D"},
		{arffHead + "\xe9", ARFFSettings{}, "t:6:1: the byte 0xE9 is not of a text in UTF-8"},
		{arffHead, ARFFSettings{Encoding: "?"}, `t: no encoding is known as "?"`},
	} {
		test.settings.Name = "t"
		_, err := ReadARFF(strings.NewReader(test.text), test.settings)
		if err == nil || !strings.Contains(err.Error(), "data: "+test.want) {
			t.Errorf("%q: error %v; want %q", test.text, err, test.want)
		}
	}
	_, err := ReadARFF(iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader(arffHead))),
		ARFFSettings{})
	wantError(t, err, "data: reading table: timeout")
}

func TestReadARFFFile(t *testing.T) {
	path := filepath.Join("testdata", "flowers.arff")
	ds, err := ReadARFFFile(path, ARFFSettings{Drop: []string{"id"}, OneHot: true})
	if err != nil {
		t.Fatal(err)
	}
	want := [][]float64{{5.1, 3.5, 1, 0}, {7, 3.2, 0, 1}, {4.9, 3, 1, 0}, {6.4, 0, 0, 1}}
	if diff := cmp.Diff(want, raw(ds.X)); diff != "" {
		t.Error(diff)
	}
	if ds.Name != "flowers" || ds.Provenance.Dir != "testdata" ||
		ds.FeatureNames[1] != "petal's width" || !cmp.Equal(ds.Labels, []int{0, 1, 0, 1}) {
		t.Errorf("%+v", ds)
	}
	_, err = ReadARFFFile(path, ARFFSettings{})
	wantError(t, err, path+":4:12: id: an attribute of type string")
	_, err = ReadARFFFile(filepath.Join("testdata", "none.arff"), ARFFSettings{})
	wantError(t, err, "none.arff")
}

// The embedded iris, written as OpenML has it, dense and sparse, is the set that it was.
func TestARFFOfIris(t *testing.T) {
	iris, err := Embedded("iris")
	if err != nil {
		t.Fatal(err)
	}
	n, d := iris.Dims()
	for _, sparse := range []bool{false, true} {
		var b strings.Builder
		b.WriteString("% 1. Title\n@RELATION iris\n\n")
		for _, name := range iris.FeatureNames {
			fmt.Fprintf(&b, "@ATTRIBUTE '%s'\tREAL\n", name)
		}
		fmt.Fprintf(&b, "@ATTRIBUTE class {%s}\n@DATA\n", strings.Join(iris.ClassNames, ","))
		for i := range n {
			for j := range d {
				if sparse {
					fmt.Fprintf(&b, "%s%d %v", []string{"{", ", "}[min(j, 1)], j, iris.X.At(i, j))
				} else {
					fmt.Fprintf(&b, "%v,", iris.X.At(i, j))
				}
			}
			name := iris.ClassNames[iris.Labels[i]]
			if sparse {
				fmt.Fprintf(&b, ", %d %s}\n", d, name)
			} else {
				b.WriteString(name + "\n")
			}
		}
		ds, err := ReadARFF(strings.NewReader(b.String()), ARFFSettings{})
		if err != nil {
			t.Fatal(err)
		}
		if ds.Fingerprint() != iris.Fingerprint() || !cmp.Equal(ds.ClassNames, iris.ClassNames) ||
			!cmp.Equal(ds.FeatureNames, iris.FeatureNames) || ds.Name != "iris" {
			t.Errorf("sparse %v: another set", sparse)
		}
	}
}

// A few bytes a line make many numbers of a sparse file, and of one with a column for each value.
func TestReadARFFMakesNoMoreThanIsHeld(t *testing.T) {
	before := mostNumbers
	mostNumbers = 100
	t.Cleanup(func() { mostNumbers = before })
	head := "@relation r\n"
	for k := range 30 {
		head += fmt.Sprintf("@attribute a%d numeric\n", k)
	}
	_, err := ReadARFF(strings.NewReader(head+"@attribute c {x,y}\n@data\n{}\n{30 y}\n{}\n{}\n"),
		ARFFSettings{})
	wantError(t, err, "table:37: the samples up to here make 120 numbers, more than the 100")
	values := "v0"
	for k := 1; k < 60; k++ {
		values += fmt.Sprintf(",v%d", k)
	}
	_, err = ReadARFF(strings.NewReader("@relation r\n@attribute a {"+values+
		"}\n@attribute c {x,y}\n@data\nv3,x\nv4,y\n"), ARFFSettings{OneHot: true})
	wantError(t, err, ":6: the samples up to here make 120 numbers", "Drop")
}

func FuzzReadARFF(f *testing.F) {
	flowers, err := os.ReadFile(filepath.Join("testdata", "flowers.arff"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(flowers), "", "id", true)
	f.Add(arffHead+"1,2,x\n{0 3, 2 y}\n", "", "", false)
	f.Add(arffHead+"1,2,x\n3,4,?\n", "b", "c", false)
	f.Add("@relation 'a \\' b'\n@attribute \"\\u00e9\" {'?', b}\n@attribute b integer\n@data\n"+
		"'?' 1\nb 2 % c\n", "", "", false)
	f.Fuzz(func(t *testing.T, text, label, drop string, oneHot bool) {
		settings := ARFFSettings{Label: label, OneHot: oneHot}
		if drop != "" {
			settings.Drop = []string{drop}
		}
		ds, err := ReadARFF(strings.NewReader(text), settings)
		if err != nil {
			return
		}
		if err := ds.Validate(); err != nil {
			t.Fatal(err)
		}
		n, d := ds.Dims()
		if len(ds.FeatureNames) != d || n > len(text) || d > len(text) ||
			math.IsNaN(ds.X.At(n-1, d-1)) {
			t.Fatalf("%d×%d values from %d bytes", n, d, len(text))
		}
	})
}
