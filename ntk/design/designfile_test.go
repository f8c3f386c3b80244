package design

import (
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
	"gonum.org/v1/gonum/mat"
)

func someDesign() *Design {
	return &Design{
		Formula: Formula{
			Slope:  0.1 + 0.2,
			Offset: -1e-17,
			Terms: []Term{
				{Kind: reluTerm, Amplitude: 1 / 3.0, Shift: 0.7},
				{Kind: cosineTerm, Amplitude: -0.2, Frequency: 3, Phase: 1},
			},
		},
		Params:    []Param{{"slope", 0.1 + 0.2, false}, {"relu1.shift", 0.7, true}},
		Error:     Error{Mean: 0.0043, Max: 0.0091, Relative: 0.0002},
		Objective: 0.0044,
		lo:        0.5,
		hi:        2,
	}
}

func TestDesignFile(t *testing.T) {
	d := someDesign()
	path := filepath.Join(t.TempDir(), "design.json")
	if err := d.Save(path); err != nil {
		t.Fatal(err)
	}
	file := ntk.Must(os.Open(path))
	defer file.Close()
	got := ntk.Must(LoadDesign(file))
	if !reflect.DeepEqual(got, d) {
		t.Errorf("%+v became %+v", d, got)
	}
	var outside *outsideError
	if err := got.Check(
		mat.NewDense(2, 2, []float64{1, 1, 3, 3})); !errors.As(err, &outside) || outside.Row != 1 ||
		outside.High != 2 {
		t.Errorf("rows outside of a loaded design: %v", err)
	}
	rows := mat.NewDense(1, 2, []float64{1, 1})
	if err := got.Check(rows); err != nil {
		t.Errorf("rows inside: %v", err)
	}
	for _, none := range []*mat.Dense{nil, {}, rows.Slice(0, 1, 1, 1).(*mat.Dense),
		rows.Slice(0, 0, 0, 2).(*mat.Dense)} {
		if err := got.Check(none); err == nil || !strings.Contains(err.Error(), "no rows") {
			t.Errorf("no rows: %v", err)
		}
	}
}

func TestDesignFileErrors(t *testing.T) {
	text := string(ntk.Must(json.Marshal(someDesign())))
	for says, change := range map[string][2]string{
		"version 2":                    {`design","version":1`, `design","version":2`},
		"format":                       {`kernelsmith design`, `kernelsmith formula`},
		`no place for "colour"`:        {`"objective"`, `"colour":1,"objective"`},
		`no field "objective"`:         {`"objective":0.0044,`, ``},
		`no place for "middle"`:        {`"low"`, `"middle":1,"low"`},
		`no field "at bound"`:          {`,"at bound":true`, ``},
		"Error.Mean of the design":     {`"mean":0.0043`, `"mean":-1`},
		"Objective of the design":      {`"objective":0.0044`, `"objective":-1`},
		"low ≤ high":                   {`"low":0.5`, `"low":3`},
		"twice":                        {`"relu1.shift"`, `"slope"`},
		"has no name":                  {`"relu1.shift"`, `""`},
		"null":                         {`"high":2`, `"high":null`},
		`the kind "bend"`:              {`"relu"`, `"bend"`},
		"something after":              {`"high":2}}`, `"high":2}} {}`},
		"unexpected EOF":               {`"high":2}}`, `"high":2}`},
		"cannot unmarshal string into": {`"value":0.7`, `"value":"0.7"`},
	} {
		broken := strings.Replace(text, change[0], change[1], 1)
		if broken == text {
			t.Errorf("%q is not in %s", change[0], text)
		}
		if _, err := LoadDesign(strings.NewReader(broken)); err == nil ||
			!strings.Contains(err.Error(), says) {
			t.Errorf("error %v, must say %q", err, says)
		}
	}
	d := someDesign()
	d.Params[0].Value = math.NaN()
	if err := d.Save(filepath.Join(t.TempDir(), "x")); err == nil ||
		!strings.Contains(err.Error(), `"slope" of the design is NaN`) {
		t.Errorf("NaN saved: %v", err)
	}
	own := &Design{Formula: ownFormula, own: saturating}
	if err := own.Save(filepath.Join(t.TempDir(), "x")); err == nil ||
		!strings.Contains(err.Error(), "no formula") {
		t.Errorf("an own design saved: %v", err)
	}
}
