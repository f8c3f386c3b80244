package records

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kernelsmith/kernelsmith/data"
)

type runSettings struct {
	Width int
	Rate  float64
	Norm  data.Normalization
	Sizes []int
	Notes map[string]any
	Log   func() `json:"-"`
}

type runValue struct {
	Loss []float64
	Note string
}

func wantError(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error; want one with %q", parts)
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("error %q does not contain %q", err, p)
		}
	}
}

func key(t *testing.T, settings any) Key {
	t.Helper()
	k, err := KeyOf("run", settings)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func openRecords(t *testing.T) *Folder {
	t.Helper()
	r, err := Open(filepath.Join(t.TempDir(), "my records"))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestRecordRoundTrip(t *testing.T) {
	r := openRecords(t)
	k := key(t, runSettings{Width: 4096, Rate: .1, Norm: data.MeanNorm{}})
	want := runValue{
		Loss: []float64{0, math.Copysign(0, -1), .1, 1. / 3, math.Pi, 5e-324, math.MaxFloat64,
			math.Nextafter(1, 2), 1e21, -1e-7, 0x1.fffffffffffffp-1022},
		Note: "a<b & \u2028é\n",
	}
	if err := r.Save(k, want); err != nil {
		t.Fatal(err)
	}
	var got runValue
	found, err := r.Load(k, &got)
	if err != nil || !found {
		t.Fatal(found, err)
	}
	for i := range want.Loss {
		if math.Float64bits(got.Loss[i]) != math.Float64bits(want.Loss[i]) {
			t.Errorf("%v came back as %v", want.Loss[i], got.Loss[i])
		}
	}
	if got.Note != want.Note {
		t.Errorf("%q", got.Note)
	}
	text, err := os.ReadFile(r.Path(k))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"  \"name\": \"run\",\n", "    \"Width\": 4096,\n",
		"    \"Rate\": 0.1,\n", `"$type": "github.com/kernelsmith/kernelsmith/data.MeanNorm"`,
		"\n}\n"} {
		if !strings.Contains(string(text), line) {
			t.Errorf("%q is not in\n%s", line, text)
		}
	}
	// Replacing, and other types of value.
	if err := r.Save(k, map[string]int{"b": 1, "a": 2}); err != nil {
		t.Fatal(err)
	}
	var m map[string]int
	if found, err := r.Load(k, &m); !found || err != nil ||
		!cmp.Equal(m, map[string]int{"b": 1, "a": 2}) {
		t.Error(found, err, m)
	}
	entries, err := os.ReadDir(filepath.Dir(r.Path(k)))
	if err != nil || len(entries) != 1 {
		t.Errorf("%v, %v", entries, err)
	}
}

// A setting added with omitzero leaves earlier keys alone, and tells other
// settings apart.
func TestRecordKeyOmitsZero(t *testing.T) {
	type before struct{ Width int }
	type after struct {
		Width int
		Stop  float64        `json:",omitzero"`
		Name  string         `json:"name,omitzero"`
		Extra *before        `json:",omitempty,omitzero"`
		Kept  map[string]int `json:",omitempty"`
	}
	type plain struct {
		Width int
		Kept  map[string]int
	}
	if a, b := key(t, plain{Width: 3}), key(t, after{Width: 3}); a.String() != b.String() {
		t.Errorf("%s with zero fields, %s without", b, a)
	}
	if a, b := key(t, before{3}), key(t, after{Width: 3}); a.String() == b.String() {
		t.Error("omitempty must not leave a field out")
	}
	seen := map[string]bool{}
	for _, s := range []after{{}, {Width: 3}, {Stop: 0.5}, {Stop: 5e-324}, {Name: "x"},
		{Extra: &before{}}, {Kept: map[string]int{}}} {
		k := key(t, s).String()
		if seen[k] {
			t.Errorf("%+v has the key of other settings", s)
		}
		seen[k] = true
	}
}

func TestRecordNotFound(t *testing.T) {
	r := openRecords(t)
	v := runValue{Note: "untouched"}
	found, err := r.Load(key(t, runSettings{}), &v)
	if found || err != nil || v.Note != "untouched" {
		t.Error(found, err, v)
	}
	// An edited setting does not find the record of the old one.
	if err := r.Save(key(t, runSettings{Width: 1}), runValue{Note: "old"}); err != nil {
		t.Fatal(err)
	}
	if found, err := r.Load(key(t, runSettings{Width: 2}), &v); found || err != nil {
		t.Error(found, err)
	}
}

func TestRecordKeysDiffer(t *testing.T) {
	type a struct{ V any }
	seen := make(map[string]any)
	one := 1.0
	for _, s := range []any{
		runSettings{}, runSettings{Width: 1}, runSettings{Rate: .1},
		runSettings{Rate: math.Nextafter(.1, 1)},
		runSettings{Rate: math.Copysign(0, -1)}, runSettings{Norm: data.MeanNorm{}},
		runSettings{Norm: data.Standardize{}},
		runSettings{Norm: data.Unnormalized{}}, runSettings{Norm: data.Sphere{}},
		runSettings{Norm: data.Sphere{PerFeature: true}},
		runSettings{Sizes: []int{}}, runSettings{Sizes: []int{1, 2}}, runSettings{Sizes: []int{12}},
		runSettings{Notes: map[string]any{"x": 1}}, runSettings{Notes: map[string]any{"x": 1.0}},
		runSettings{Notes: map[string]any{"x": "1"}},
		runSettings{Notes: map[string]any{"x": "1.0"}},
		runSettings{Notes: map[string]any{"x": nil}}, runSettings{Notes: map[string]any{}},
		runSettings{Notes: map[string]any{"x": float32(.1)}},
		runSettings{Notes: map[string]any{"x": .1}},
		runSettings{Notes: map[string]any{"x": true}},
		runSettings{Notes: map[string]any{"a": 1, "b": 2}},
		runSettings{Notes: map[string]any{"a": 2, "b": 1}},
		runSettings{Notes: map[string]any{`a":1,"b`: 2}},
		a{[]string{"a", "b"}}, a{[]string{"a,b"}}, a{[]string{`a","b`}}, a{[3]int{1}},
		a{map[string]int{"V": 1}}, a{a{1}},
	} {
		k := key(t, s).String()
		if other, taken := seen[k]; taken {
			t.Errorf("%+v and %+v have the same key", s, other)
		}
		seen[k] = s
		if !strings.HasPrefix(k, "run-") || len(k) != len("run-")+16 {
			t.Errorf("key %s", k)
		}
	}
	other, err := KeyOf("Run", runSettings{})
	if err != nil || strings.EqualFold(other.String(), key(t, runSettings{}).String()) {
		t.Errorf("names that differ in case: %s, %v", other, err)
	}
	// Equal settings, by value or by pointer, have equal keys.
	for _, pair := range [][2]any{
		{runSettings{Width: 3}, &runSettings{Width: 3, Log: func() {}}},
		{a{1}, a{int64(1)}},
		{a{1.0}, a{&one}},
		{map[string]int{"a": 1, "b": 2}, map[string]int{"b": 2, "a": 1}},
	} {
		if x, y := key(t, pair[0]), key(t, pair[1]); x.String() != y.String() {
			t.Errorf("%+v and %+v: %s and %s", pair[0], pair[1], x.settings, y.settings)
		}
	}
}

func TestRecordKeyErrors(t *testing.T) {
	type cycle struct{ Next *cycle }
	c := &cycle{}
	c.Next = c
	infinite := map[string]any{"x": []float64{0, math.Inf(1)}}
	var none *runSettings
	for want, s := range map[string]any{
		"settings.Rate is NaN":                   runSettings{Rate: math.NaN()},
		"settings.Notes.x[1] is +Inf":            runSettings{Notes: infinite},
		"settings.F is a func()":                 struct{ F func() }{},
		"has the unexported field width":         struct{ width int }{1},
		"settings.C is a complex128":             struct{ C complex128 }{},
		"contains itself":                        c,
		"reserved":                               map[string]any{"$type": 1},
		"use a map with string keys":             map[int]int{1: 1},
		"not UTF-8":                              map[string]any{"x": "\xff"},
		"settings are nil":                       nil,
		"settings of record run: settings are n": none,
	} {
		_, err := KeyOf("run", s)
		wantError(t, err, want)
	}
	for _, name := range []string{"", ".hidden", "a/b", `a\b`, "a b", "é", strings.Repeat("a", 101),
		"-a"} {
		_, err := KeyOf(name, 1)
		wantError(t, err, "cannot name a record")
	}
	r := openRecords(t)
	_, err := r.Load(Key{}, new(int))
	wantError(t, err, "zero Key")
	wantError(t, r.Save(Key{}, 1), "zero Key")
	for _, v := range []any{nil, 1, runValue{}, (*int)(nil)} {
		_, err := r.Load(key(t, 1), v)
		wantError(t, err, "non-nil pointer")
	}
	_, err = Open("")
	wantError(t, err, "name of a folder")
}

func TestRecordDamage(t *testing.T) {
	r := openRecords(t)
	k := key(t, runSettings{Width: 4096})
	if err := r.Save(k, runValue{Loss: []float64{.25, .125}, Note: "n"}); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(r.Path(k))
	if err != nil {
		t.Fatal(err)
	}
	check := func(what string, text []byte) {
		t.Helper()
		if err := os.WriteFile(r.Path(k), text, 0o644); err != nil {
			t.Fatal(err)
		}
		v := runValue{Note: "untouched"}
		found, err := r.Load(k, &v)
		var record *Error
		if found || !errors.As(err, &record) || record.File != r.Path(k) || v.Note != "untouched" ||
			v.Loss != nil {
			t.Errorf("%s: found %v, error %v, value %v", what, found, err, v)
			return
		}
		wantError(t, err, r.Path(k), "delete the file")
	}
	for n := range len(whole) - 1 {
		check(fmt.Sprintf("cut to %d of %d bytes", n, len(whole)), whole[:n])
	}
	check("a digit of the value", []byte(strings.Replace(string(whole), "0.125", "0.126", 1)))
	check("a digit of the settings", []byte(strings.Replace(string(whole), "4096", "4097", 1)))
	check("text behind", append(whole[:len(whole):len(whole)], '{'))
	check("zeros, as after a crash", make([]byte, len(whole)))

	// A whole record of other settings under this name.
	other := key(t, runSettings{Width: 1})
	if err := r.Save(other, runValue{}); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(r.Path(other))
	if err != nil {
		t.Fatal(err)
	}
	check("other settings", text)
	// White space is nobody's damage.
	if err := os.WriteFile(
		r.Path(k), []byte(strings.ReplaceAll(string(whole), "\n", "\n\t")), 0o644,
	); err != nil {
		t.Fatal(err)
	}
	if found, err := r.Load(k, &runValue{}); !found || err != nil {
		t.Error(found, err)
	}
}

func TestRecordOfAnotherForm(t *testing.T) {
	r := openRecords(t)
	k := key(t, 1)
	if err := r.Save(k, runValue{Loss: []float64{1}, Note: "n"}); err != nil {
		t.Fatal(err)
	}
	type renamed struct {
		Loss []float64
		Text string
	}
	type grown struct {
		Loss     []float64
		Note     string
		Accuracy []float64
	}
	type retyped struct {
		Loss string
		Note string
	}
	for _, v := range []any{new(renamed), new(grown), new(retyped), new([]int)} {
		_, err := r.Load(k, v)
		var record *Error
		if !errors.As(err, &record) {
			t.Errorf("%T: %v", v, err)
		}
	}
	var free any
	if found, err := r.Load(k, &free); !found || err != nil {
		t.Error(found, err)
	}
}

func TestRecordSaveErrors(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "records")
	r, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	k := key(t, 1)
	wantError(t, r.Save(k, []float64{math.NaN()}), "NaN", k.String())
	wantError(t, r.Save(k, func() {}), k.String())
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 0 {
		t.Errorf("%v, %v", entries, err)
	}
	// The folder is gone.
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	wantError(t, r.Save(k, 1), dir)
	// A file is in the way of the folder.
	if err := os.WriteFile(dir, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	_, err = Open(dir)
	wantError(t, err, dir)
	_, err = Open(filepath.Join(dir, "below"))
	wantError(t, err, dir)
	// A folder is in the way of the file: nothing is left of the attempt.
	r = openRecords(t)
	if err := os.MkdirAll(filepath.Join(r.Path(k), "x"), 0o755); err != nil {
		t.Fatal(err)
	}
	wantError(t, r.Save(k, 1), r.Path(k))
	if entries, err := os.ReadDir(filepath.Dir(r.Path(k))); err != nil || len(entries) != 1 {
		t.Errorf("%v, %v", entries, err)
	}
}

func TestRecordsAtOnce(t *testing.T) {
	r := openRecords(t)
	k := key(t, 1)
	value := func(i int) runValue {
		return runValue{Loss: make([]float64, 100*i),
			Note: fmt.Sprint(i)}
	}
	if err := r.Save(k, value(1)); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 5 {
				if err := r.Save(k, value(i)); err != nil {
					t.Error(err)
				}
				var v runValue
				if found, err := r.Load(k, &v); !found || err != nil ||
					fmt.Sprint(len(v.Loss)/100) != v.Note {
					t.Errorf("found %v, error %v, %d losses, note %s", found, err, len(v.Loss),
						v.Note)
				}
			}
		})
	}
	wg.Wait()
	if entries, err := os.ReadDir(filepath.Dir(r.Path(k))); err != nil || len(entries) != 1 {
		t.Errorf("%v, %v", entries, err)
	}
}

func TestRemember(t *testing.T) {
	records, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	runs := 0
	run := func() (int, error) { runs++; return 7 * runs, nil }
	for _, c := range []struct{ settings, want, runs int }{{1, 7, 1}, {1, 7, 1}, {2, 14, 2},
		{1, 7, 2}} {
		got, err := Remember(records, "run", c.settings, run)
		if got != c.want || err != nil || runs != c.runs {
			t.Errorf("settings %d: %d, %v after %d runs; want %d after %d", c.settings, got, err,
				runs, c.want, c.runs)
		}
	}
	failure := errors.New("stopped")
	if got, err := Remember(records, "run", 3,
		func() (int, error) { return 5, failure }); got != 5 ||
		!errors.Is(err, failure) {
		t.Errorf("a failing run: %d, %v", got, err)
	}
	if got, err := Remember(records, "run", 3, func() (int, error) { return 6, nil }); got != 6 ||
		err != nil {
		t.Errorf("a failing run was kept: %d, %v", got, err)
	}
	// A folder that is gone: known before the run, not after hours of it.
	gone, err := Open(filepath.Join(t.TempDir(), "gone"))
	if err != nil {
		t.Fatal(err)
	}
	os.Remove(gone.dir)
	before := runs
	if _, err := Remember(gone, "run", 4, run); err == nil || runs != before ||
		!strings.Contains(err.Error(), "not started") {
		t.Errorf("%v after %d runs", err, runs-before)
	}
	if _, err := Remember(records, "no name!", 3, run); err == nil {
		t.Error("a bad name must be an error")
	}
}

// hidden has a field that JSON leaves out.
type hidden struct {
	Shown  int
	hidden int
}

// doubled comes back as twice what it was.
type doubled int

func (d doubled) MarshalText() ([]byte, error) { return []byte(fmt.Sprint(2 * int(d))), nil }

func (d *doubled) UnmarshalText(b []byte) error {
	_, err := fmt.Sscan(string(b), (*int)(d))
	return err
}

// shown promotes the fields of a type that is not exported.
type shown struct {
	runValue
	Skipped func() `json:"-"`
	Empty   []int  `json:",omitempty"`
}

// Values that come back as they were are kept, and others are not.
func TestValuesThatJSONLoses(t *testing.T) {
	r := openRecords(t)
	two := 2
	for _, value := range []any{
		nil, 1.5, float32(0.1), "text", []int{1, 2}, []int{}, map[int]float64{1: 2}, &two,
		map[string][]any{"a": {1.5, "b", true, nil}}, runValue{}, shown{Empty: []int{}},
		[]byte{1, 2}, time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC), [2]bool{true}, big.NewInt(7),
		struct{ Any any }{map[string]any{"x": []any{0.5}}}, json.RawMessage(`{"a": 1}`),
		math.Copysign(0, -1), 5e-324, uint64(math.MaxUint64),
	} {
		if err := r.Save(key(t, 1), value); err != nil {
			t.Errorf("%#v: %v", value, err)
		}
	}
	for _, c := range []struct {
		value any
		text  string
	}{
		{hidden{1, 2}, "the value (records.hidden) has the unexported field hidden"},
		{[]*hidden{{1, 0}}, "unexported field hidden"},
		{map[string]struct{ In hidden }{"a": {}}, "the value.In (records.hidden)"},
		{struct{ F func() }{}, "func()"},
		{struct{ C complex128 }{}, "complex128"},
		{map[string]any{"n": 1}, "the value[n] is of type int and comes back as float64"},
		{[]any{runValue{}}, "comes back as map[string]interface {}"},
		{doubled(3), "comes back as another"},
		{"\xff", "comes back as"},
	} {
		if err := r.Save(key(t, 1), c.value); err == nil || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%#v: %v", c.value, err)
		}
	}
	// A type is refused before its run.
	_, err := Remember(r, "run", 2, func() ([]hidden, error) { panic("it was run") })
	if err == nil || !strings.Contains(err.Error(), "unexported field hidden") {
		t.Error(err)
	}
}

func TestResumableRun(t *testing.T) {
	r := openRecords(t)
	settings := runSettings{Width: 8}
	folder := filepath.Join(r.dir, "checkpoints", key(t, settings).String())
	state := filepath.Join(folder, "state")
	interrupted := errors.New("interrupted")
	steps := 0
	run := func(given string) (int, error) {
		if given != folder {
			t.Errorf("the folder is %s, want %s", given, folder)
		}
		if b, err := os.ReadFile(state); err == nil {
			steps += len(b)
			return steps, nil
		}
		if err := os.MkdirAll(given, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(state, []byte("12"), 0o644); err != nil {
			t.Fatal(err)
		}
		return 0, interrupted
	}
	if _, err := RememberResumable(r, "run", settings, run); !errors.Is(err, interrupted) {
		t.Fatalf("error %v, want that of the run", err)
	}
	other := filepath.Join(r.dir, "checkpoints", "other")
	if err := os.MkdirAll(other, 0o755); err != nil {
		t.Fatal(err)
	}
	if got, err := RememberResumable(r, "run", settings, run); got != 2 || err != nil {
		t.Fatalf("the second call returned %d, %v; want what the first kept, 2", got, err)
	}
	if _, err := os.Stat(folder); !os.IsNotExist(err) {
		t.Errorf("the folder is still there: %v", err)
	}
	if _, err := os.Stat(other); err != nil {
		t.Errorf("the folder of another record is gone: %v", err)
	}
	// A kill between record and removal.
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(other); err != nil {
		t.Fatal(err)
	}
	got, err := RememberResumable(r, "run", settings, func(string) (int, error) {
		t.Error("a run with a record was run again")
		return 0, nil
	})
	if got != 2 || err != nil {
		t.Fatal(got, err)
	}
	if _, err := os.Stat(filepath.Dir(folder)); !os.IsNotExist(err) {
		t.Errorf("something is left of the checkpoints: %v", err)
	}
}

// relocated is a type that has moved since records with it were made.
type relocated struct{ A int }

func (relocated) RecordType() string { return "example.com/old.Place" }

// A type that has moved keeps its name in the keys of records.
func TestKeyOfMovedType(t *testing.T) {
	key, err := KeyOf("moved", []any{relocated{1}})
	if err != nil || !strings.Contains(string(key.settings), `"$type":"example.com/old.Place"`) {
		t.Errorf("%s, %v", key.settings, err)
	}
}

// A renamed field keeps the keys that there are.
func TestRenamedFieldsKeepTheirKeys(t *testing.T) {
	type was struct{ Own, Other int }
	type is struct {
		Custom int `record:"Own"`
		Other  int
	}
	if a, b := key(t, was{1, 2}), key(t, is{1, 2}); a.String() != b.String() {
		t.Errorf("%s became %s", a, b)
	}
}
