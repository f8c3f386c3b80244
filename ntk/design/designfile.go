package design

import (
	"encoding/json"
	"fmt"
	"io"
	"math"

	"github.com/kernelsmith/kernelsmith/ntk/internal/special"
)

const designFormat = "kernelsmith design"

type designNorms struct {
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

type designParam struct {
	Name    string  `json:"name"`
	Value   float64 `json:"value"`
	AtBound bool    `json:"at bound"`
}

type designError struct {
	Mean     float64 `json:"mean"`
	Max      float64 `json:"max"`
	Relative float64 `json:"relative"`
}

// check reports numbers that no file has.
func (d *Design) check() error {
	for _, v := range []struct {
		name  string
		value float64
	}{{"Error.Mean", d.Error.Mean}, {"Error.Max", d.Error.Max},
		{"Error.Relative", d.Error.Relative}, {"Objective", d.Objective}} {
		if !(v.value >= 0) || math.IsInf(v.value, 0) {
			return fmt.Errorf("design: %s of the design is %v; it must be finite and ≥ 0", v.name,
				v.value)
		}
	}
	seen := map[string]bool{}
	for i, p := range d.Params {
		switch {
		case p.Name == "":
			return fmt.Errorf("design: parameter %d of the design has no name", i)
		case seen[p.Name]:
			return fmt.Errorf("design: the design has the parameter %q twice", p.Name)
		case !special.Finite(p.Value):
			return fmt.Errorf("design: the parameter %q of the design is %v; it must be finite",
				p.Name, p.Value)
		}
		seen[p.Name] = true
	}
	if !(d.lo >= 0 && d.hi >= d.lo) || math.IsInf(d.hi, 0) {
		return fmt.Errorf(
			"design: the norms of the design are from %v to %v; 0 ≤ low ≤ high is needed", d.lo,
			d.hi)
	}
	return d.Formula.Validate()
}

// MarshalJSON returns the design as a JSON object of version 1, with exact numbers: the
// formula, parameters, error, objective and the norms that it was fitted for. A design
// of a family of one's own is an error, since its function cannot be written.
func (d *Design) MarshalJSON() ([]byte, error) {
	if err := d.check(); err != nil {
		return nil, err
	}
	params := []designParam{}
	for _, p := range d.Params {
		params = append(params, designParam(p))
	}
	return json.Marshal(struct {
		Format    string        `json:"format"`
		Version   int           `json:"version"`
		Formula   Formula       `json:"formula"`
		Params    []designParam `json:"parameters"`
		Error     designError   `json:"error"`
		Objective float64       `json:"objective"`
		Norms     designNorms   `json:"norms"`
	}{designFormat, formatVersion, d.Formula, params, designError(d.Error), d.Objective,
		designNorms{d.lo, d.hi}})
}

// UnmarshalJSON reads what MarshalJSON writes and nothing else; see
// [Formula.UnmarshalJSON].
func (d *Design) UnmarshalJSON(data []byte) error {
	o, err := readObject(data, "the design", designFormat, "formula", "parameters", "error",
		"objective", "norms")
	if err != nil {
		return err
	}
	var out Design
	var formula, fault, norms json.RawMessage
	var params []json.RawMessage
	o.read("formula", &formula)
	o.read("parameters", &params)
	o.read("error", &fault)
	o.read("objective", &out.Objective)
	o.read("norms", &norms)
	if o.err != nil {
		return o.err
	}
	if err := out.Formula.UnmarshalJSON(formula); err != nil {
		return err
	}
	// part reads the fields of an object within, all of them and no others.
	part := func(what string, data []byte, names []string, into ...any) error {
		o := object{what: what}
		if err := o.parse(data); err != nil {
			return err
		}
		for i, name := range names {
			o.read(name, into[i])
		}
		o.only(names...)
		return o.err
	}
	for i, text := range params {
		var p Param
		if err := part(
			fmt.Sprintf("parameter %d", i), text, []string{"name", "value", "at bound"}, &p.Name,
			&p.Value, &p.AtBound,
		); err != nil {
			return err
		}
		out.Params = append(out.Params, p)
	}
	if err := part(
		"the error of the design", fault, []string{"mean", "max", "relative"}, &out.Error.Mean,
		&out.Error.Max, &out.Error.Relative,
	); err != nil {
		return err
	}
	if err := part(
		"the norms of the design", norms, []string{"low", "high"}, &out.lo, &out.hi,
	); err != nil {
		return err
	}
	if err := out.check(); err != nil {
		return err
	}
	*d = out
	return nil
}

// Save writes the design to a file that [LoadDesign] reads. It is written beside path
// and renamed, so that path never holds a part of it. Errors: those of
// [Design.MarshalJSON], and of the file.
func (d *Design) Save(path string) error {
	if err := d.check(); err != nil {
		return err
	}
	b, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return fmt.Errorf("design: %w", err)
	}
	return writeFileAtomic(path, append(b, '\n'))
}

// LoadDesign reads a design that [Design.Save] wrote. It warns like the one that was
// saved of rows on which it was not fitted: see [Design.Check].
func LoadDesign(r io.Reader) (*Design, error) {
	var d Design
	if err := load(r, &d); err != nil {
		return nil, err
	}
	return &d, nil
}
