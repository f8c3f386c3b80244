package records

import (
	"encoding/json"
	"os"
	"testing"
)

// A record's file with any content is an error or has the value, whether or not its digest is
// right, as it is made here if asked for.
func FuzzLoad(f *testing.F) {
	f.Add([]byte(`{"Loss": [0.25], "Note": "n"}`), `{"Width":4096}`, true)
	f.Add([]byte(`{"Loss": [1e999], "Note": 1}`), `1`, true)
	f.Add([]byte(`{"loss": null, "Note": "n", "More": 1}`), `1`, true)
	f.Add([]byte(`{"name": "run", "settings": 1, "value": {}, "sha256": ""}`), ``, false)
	f.Add([]byte("\x00\x00"), "", false)
	f.Fuzz(func(t *testing.T, content []byte, settings string, signed bool) {
		r, err := Open(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		k, err := KeyOf("run", 1)
		if err != nil {
			t.Fatal(err)
		}
		if signed {
			content = signedRecord(content, settings)
		}
		if err := os.WriteFile(r.Path(k), content, 0o600); err != nil {
			t.Fatal(err)
		}
		type value struct {
			Loss []float64
			Note string
		}
		v := value{Note: "untouched"}
		found, err := r.Load(k, &v)
		if found != (err == nil) || !found && (v.Note != "untouched" || v.Loss != nil) {
			t.Errorf("found %v, error %v, value %+v", found, err, v)
		}
		if !found {
			return
		}
		if err := r.Save(k, v); err != nil {
			t.Fatalf("%+v cannot be saved again: %v", v, err)
		}
		var again value
		if found, err := r.Load(k, &again); !found || err != nil || again.Note != v.Note ||
			len(again.Loss) != len(v.Loss) {
			t.Errorf("%+v, then %+v, %v", v, again, err)
		}
	})
}

// signedRecord is the file of a value with a digest that is right, as far as both are JSON.
func signedRecord(value []byte, settings string) []byte {
	if !json.Valid(value) || !json.Valid([]byte(settings)) {
		return value
	}
	s, v := compact(json.RawMessage(settings)), compact(value)
	b, err := json.Marshal(recordFile{Name: "run", Settings: s, Value: v,
		Sum: recordSum("run", s, v)})
	if err != nil {
		return value
	}
	return b
}

// Keys tell settings apart and are the same for the same ones; names are those of files.
func FuzzKeyOf(f *testing.F) {
	f.Add("run", 1.5, "a", 7)
	f.Add("../run", 0.0, "\x00", -1)
	f.Add("r\n", 1e308, "é\xff", 1<<40)
	f.Fuzz(func(t *testing.T, name string, number float64, text string, whole int) {
		type settings struct {
			Number float64
			Text   any
			Whole  map[string]int
		}
		s := settings{number, text, map[string]int{text: whole}}
		k, err := KeyOf(name, s)
		if err != nil {
			return
		}
		again, err := KeyOf(name, settings{number, text, map[string]int{text: whole}})
		if err != nil || again.String() != k.String() {
			t.Errorf("%v, then %v, %v", k, again, err)
		}
		for _, other := range []settings{
			{number + 1, text, s.Whole}, {number, text + "x", s.Whole},
			{number, text, map[string]int{text: whole + 1}}, {number, whole, s.Whole},
		} {
			if other.Number == number && other.Text == text && other.Whole[text] == whole {
				continue // too large to be changed by 1
			}
			if o, err := KeyOf(name, other); err == nil && o.String() == k.String() {
				t.Errorf("%+v and %+v have one key", s, other)
			}
		}
		for _, c := range k.String() {
			if c == '/' || c == 0 || c == '\\' {
				t.Errorf("the key %q is no name of a file", k.String())
			}
		}
	})
}
