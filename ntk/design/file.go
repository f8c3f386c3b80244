package design

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/kernelsmith/kernelsmith/internal/atomicfile"
)

// What files begin with, so that an old program refuses a new file.
const (
	formulaFormat = "kernelsmith formula"
	seriesFormat  = "kernelsmith hermite series"
	formatVersion = 1
)

// MarshalJSON returns the formula as a JSON object of version 1, with exact
// numbers, or the error of Validate.
func (f Formula) MarshalJSON() ([]byte, error) {
	if err := f.Validate(); err != nil {
		return nil, err
	}
	terms := make([]json.RawMessage, len(f.Terms))
	for i, t := range f.Terms {
		var b bytes.Buffer
		fmt.Fprintf(&b, `{"kind":%q`, t.Kind)
		used, _, _ := t.parameters()
		for _, p := range used {
			v, err := json.Marshal(*p.value)
			if err != nil {
				return nil, err
			}
			fmt.Fprintf(&b, `,%q:%s`, p.name, v)
		}
		b.WriteByte('}')
		terms[i] = b.Bytes()
	}
	return json.Marshal(struct {
		Format  string            `json:"format"`
		Version int               `json:"version"`
		Slope   float64           `json:"slope"`
		Offset  float64           `json:"offset"`
		Terms   []json.RawMessage `json:"terms"`
	}{formulaFormat, formatVersion, f.Slope, f.Offset, terms})
}

// UnmarshalJSON reads what MarshalJSON writes and nothing else: a field that is
// unknown or missing, a kind that there is not, and numbers that Validate would
// not have are errors that name it, and f stays as it was.
func (f *Formula) UnmarshalJSON(data []byte) error {
	o, err := readObject(data, "the formula", formulaFormat, "slope", "offset", "terms")
	if err != nil {
		return err
	}
	var out Formula
	var terms []json.RawMessage
	o.read("slope", &out.Slope)
	o.read("offset", &out.Offset)
	o.read("terms", &terms)
	if o.err != nil {
		return o.err
	}
	for i, text := range terms {
		t, err := readTerm(text, fmt.Sprintf("term %d", i))
		if err != nil {
			return err
		}
		out.Terms = append(out.Terms, t)
	}
	if err := out.Validate(); err != nil {
		return err
	}
	*f = out
	return nil
}

func readTerm(data []byte, what string) (Term, error) {
	var t Term
	o := object{what: what}
	if err := o.parse(data); err != nil {
		return t, err
	}
	if o.read("kind", &t.Kind); o.err != nil {
		return t, o.err
	}
	used, _, known := t.parameters()
	if !known {
		return t, fmt.Errorf("design: %s is of the kind %q; the kinds are %q", what, t.Kind, kinds)
	}
	names := []string{"kind"}
	for _, p := range used {
		o.read(p.name, p.value)
		names = append(names, p.name)
	}
	o.only(names...)
	return t, o.err
}

// MarshalJSON returns the series as a JSON object of version 1, with exact
// numbers, or the error of Validate.
func (s HermiteSeries) MarshalJSON() ([]byte, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	return json.Marshal(struct {
		Format  string    `json:"format"`
		Version int       `json:"version"`
		Scale   float64   `json:"scale"`
		Coeffs  []float64 `json:"coeffs"`
	}{seriesFormat, formatVersion, s.Scale, append([]float64{}, s.Coeffs...)})
}

// UnmarshalJSON reads what MarshalJSON writes and nothing else; see
// [Formula.UnmarshalJSON].
func (s *HermiteSeries) UnmarshalJSON(data []byte) error {
	o, err := readObject(data, "the series", seriesFormat, "scale", "coeffs")
	if err != nil {
		return err
	}
	var out HermiteSeries
	var coeffs []json.RawMessage
	o.read("scale", &out.Scale)
	o.read("coeffs", &coeffs)
	for i, text := range coeffs {
		var b float64
		o.decode(fmt.Sprintf("coeffs[%d]", i), text, &b)
		out.Coeffs = append(out.Coeffs, b)
	}
	if o.err != nil {
		return o.err
	}
	if err := out.Validate(); err != nil {
		return err
	}
	*s = out
	return nil
}

// object is a JSON object being read; err is the first error.
type object struct {
	what   string
	fields map[string]json.RawMessage
	err    error
}

// readObject checks the heading, and that there is nothing but it and the names.
func readObject(data []byte, what, format string, names ...string) (*object, error) {
	o := &object{what: what}
	if err := o.parse(data); err != nil {
		return nil, err
	}
	var found string
	var version int
	if o.read("format", &found); o.err == nil && found != format {
		o.err = fmt.Errorf("design: the format is %q; %s is read from %q", found, what, format)
	}
	if o.read("version", &version); o.err == nil && version != formatVersion {
		o.err = fmt.Errorf("design: %s is of version %d; this program reads version %d", what,
			version, formatVersion)
	}
	o.only(append(names, "format", "version")...)
	return o, o.err
}

// parse reads the fields, each of which may occur once.
func (o *object) parse(data []byte) error {
	d := json.NewDecoder(bytes.NewReader(data))
	if start, err := d.Token(); err != nil {
		return fmt.Errorf("design: %s: %w", o.what, unexpectedEnd(err))
	} else if start != json.Delim('{') {
		return fmt.Errorf("design: %s is %v; it must be a JSON object", o.what, start)
	}
	o.fields = map[string]json.RawMessage{}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return fmt.Errorf("design: %s: %w", o.what, unexpectedEnd(err))
		}
		name := key.(string) // what else is an error of Token
		if _, twice := o.fields[name]; twice {
			return fmt.Errorf("design: %s has the field %q twice", o.what, name)
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return fmt.Errorf("design: %s: %q: %w", o.what, name, unexpectedEnd(err))
		}
		o.fields[name] = value
	}
	if _, err := d.Token(); err != nil {
		return fmt.Errorf("design: %s: %w", o.what, unexpectedEnd(err))
	}
	if _, err := d.Token(); err != io.EOF {
		return fmt.Errorf("design: there is something after %s", o.what)
	}
	return nil
}

func unexpectedEnd(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

func (o *object) read(name string, into any) {
	value, ok := o.fields[name]
	if !ok {
		if o.err == nil {
			o.err = fmt.Errorf("design: %s has no field %q", o.what, name)
		}
		return
	}
	o.decode(name, value, into)
}

func (o *object) decode(name string, value []byte, into any) {
	if o.err != nil {
		return
	}
	if string(value) == "null" {
		o.err = fmt.Errorf("design: %s: %s is null", o.what, name)
	} else if err := json.Unmarshal(value, into); err != nil {
		o.err = fmt.Errorf("design: %s: %s: %w", o.what, name, err)
	}
}

// only refuses other fields.
func (o *object) only(names ...string) {
	if o.err != nil {
		return
	}
	var unknown []string
	for name := range o.fields {
		if !slices.Contains(names, name) {
			unknown = append(unknown, fmt.Sprintf("%q", name))
		}
	}
	if len(unknown) > 0 {
		slices.Sort(unknown)
		o.err = fmt.Errorf("design: %s has no place for %s", o.what, strings.Join(unknown, ", "))
	}
}

// Save writes the formula or series to a file that [Load] or [LoadSeries] reads.
// It is written beside path and renamed, so that path never holds a part of it.
func Save(path string, f Exportable) error {
	if err := valid(f); err != nil {
		return err
	}
	b, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return fmt.Errorf("design: %w", err)
	}
	return writeFileAtomic(path, append(b, '\n'))
}

// Load reads a formula that [Save] wrote. What is not one is an error; see
// [Formula.UnmarshalJSON].
func Load(r io.Reader) (f Formula, err error) {
	err = load(r, &f)
	return f, err
}

// LoadSeries reads a Hermite series that [Save] wrote.
func LoadSeries(r io.Reader) (s HermiteSeries, err error) {
	err = load(r, &s)
	return s, err
}

// mostBytes is more than a series of 100,000 coefficients has.
const mostBytes = 4 << 20

func load(r io.Reader, into json.Unmarshaler) error {
	var b bytes.Buffer
	if _, err := b.ReadFrom(io.LimitReader(r, mostBytes+1)); err != nil {
		return fmt.Errorf("design: cannot read: %w", err)
	}
	if b.Len() > mostBytes {
		return fmt.Errorf("design: there are more than %d bytes; read a file that Save wrote",
			mostBytes)
	}
	return into.UnmarshalJSON(b.Bytes())
}

func writeFileAtomic(path string, b []byte) error {
	if err := atomicfile.WriteBytes(path, b); err != nil {
		return fmt.Errorf("design: %w", err)
	}
	return nil
}
