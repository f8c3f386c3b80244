package records

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// canonicalJSON writes v as JSON that is the same for equal values and
// different for different ones. encoding/json does not do for this: it passes
// over unexported fields in silence and forgets the type of what an interface
// holds, so that two normalisations without settings would both be {}.
func canonicalJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	c := &canonical{&b}
	value := reflect.Indirect(reflect.ValueOf(v))
	if !value.IsValid() {
		return nil, errors.New("settings are nil")
	}
	// The type of the settings themselves stays out: it may be renamed.
	if err := c.value(value, "settings", 0); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

type canonical struct{ *bytes.Buffer }

// typeMember marks an object that stands for a typed value in an interface.
const typeMember = "$type"

// maxDepth ends values that contain themselves.
const maxDepth = 100

var (
	jsonMarshaler = reflect.TypeFor[json.Marshaler]()
	textMarshaler = reflect.TypeFor[encoding.TextMarshaler]()
)

// moved is a value of a type that had another name, or another package, when records with it in
// an interface were made: RecordType is the name that their keys go on having.
type moved interface{ RecordType() string }

// interfaceValue writes what an interface holds. Basic, unnamed types explain
// themselves; others are written with their type.
func (c *canonical) interfaceValue(v reflect.Value, path string, depth int) error {
	for v.IsValid() && (v.Kind() == reflect.Interface || v.Kind() == reflect.Pointer) &&
		!v.IsNil() {
		if depth++; depth > maxDepth {
			return fmt.Errorf("%s is nested too deeply or contains itself", path)
		}
		v = v.Elem()
	}
	if !v.IsValid() ||
		((v.Kind() == reflect.Interface || v.Kind() == reflect.Pointer) && v.IsNil()) {
		c.WriteString("null")
		return nil
	}
	if v.Type().PkgPath() == "" {
		return c.value(v, path, depth)
	}
	name := v.Type().PkgPath() + "." + v.Type().Name()
	if m, ok := v.Interface().(moved); ok {
		name = m.RecordType()
	}
	c.WriteString(`{"` + typeMember + `":`)
	if err := c.text(name, path); err != nil {
		return err
	}
	c.WriteString(`,"value":`)
	if err := c.value(v, path, depth); err != nil {
		return err
	}
	c.WriteByte('}')
	return nil
}

func (c *canonical) value(v reflect.Value, path string, depth int) error {
	if depth++; depth > maxDepth {
		return fmt.Errorf("%s is nested too deeply or contains itself", path)
	}
	if t := v.Type(); t.PkgPath() != "" &&
		(t.Implements(jsonMarshaler) || t.Implements(textMarshaler)) {
		b, err := marshal(v.Interface())
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		c.Write(b)
		return nil
	}
	switch v.Kind() {
	case reflect.Bool:
		c.WriteString(strconv.FormatBool(v.Bool()))
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		c.WriteString(strconv.FormatInt(v.Int(), 10))
	case reflect.Uint,
		reflect.Uint8,
		reflect.Uint16,
		reflect.Uint32,
		reflect.Uint64,
		reflect.Uintptr:
		c.WriteString(strconv.FormatUint(v.Uint(), 10))
	case reflect.Float32, reflect.Float64:
		f := v.Float()
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return fmt.Errorf("%s is %v; only finite numbers can identify a run", path, f)
		}
		// A point or exponent always, so that 1.0 is not the integer 1; the
		// digits of a float64 always, so that float32(0.1) is not 0.1.
		s := strconv.FormatFloat(f, 'g', -1, 64)
		if !strings.ContainsAny(s, ".e") {
			s += ".0"
		}
		c.WriteString(s)
	case reflect.String:
		return c.text(v.String(), path)
	case reflect.Interface:
		return c.interfaceValue(v, path, depth)
	case reflect.Pointer:
		if v.IsNil() {
			c.WriteString("null")
			return nil
		}
		return c.value(v.Elem(), path, depth)
	case reflect.Slice, reflect.Array:
		if v.Kind() == reflect.Slice && v.IsNil() {
			c.WriteString("null")
			return nil
		}
		c.WriteByte('[')
		for i := range v.Len() {
			if i > 0 {
				c.WriteByte(',')
			}
			if err := c.value(v.Index(i), fmt.Sprintf("%s[%d]", path, i), depth); err != nil {
				return err
			}
		}
		c.WriteByte(']')
	case reflect.Map:
		return c.mapValue(v, path, depth)
	case reflect.Struct:
		return c.structValue(v, path, depth)
	default:
		return fmt.Errorf(
			"%s is a %s, which a record key cannot hold; name it in a string instead, or leave "+
				"it out with the tag json:\"-\"", path, v.Type())
	}
	return nil
}

func (c *canonical) mapValue(v reflect.Value, path string, depth int) error {
	if v.Type().Key().Kind() != reflect.String {
		return fmt.Errorf("%s is a %s; use a map with string keys", path, v.Type())
	}
	if v.IsNil() {
		c.WriteString("null")
		return nil
	}
	keys := v.MapKeys()
	slices.SortFunc(keys,
		func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
	c.WriteByte('{')
	for i, k := range keys {
		if k.String() == typeMember {
			return fmt.Errorf("%s has the key %q, which is reserved", path, typeMember)
		}
		if i > 0 {
			c.WriteByte(',')
		}
		if err := c.text(k.String(), path); err != nil {
			return err
		}
		c.WriteByte(':')
		if err := c.value(v.MapIndex(k), path+"."+k.String(), depth); err != nil {
			return err
		}
	}
	c.WriteByte('}')
	return nil
}

func (c *canonical) structValue(v reflect.Value, path string, depth int) error {
	c.WriteByte('{')
	first := true
	for i := range v.NumField() {
		field := v.Type().Field(i)
		if field.Tag.Get("json") == "-" {
			continue
		}
		if field.IsExported() && omitsZero(field.Tag) && v.Field(i).IsZero() {
			continue
		}
		if !field.IsExported() {
			return fmt.Errorf(
				"%s (%s) has the unexported field %s, which cannot identify a run; give its "+
					"contents, a fingerprint or a name instead", path, v.Type(), field.Name)
		}
		if !first {
			c.WriteByte(',')
		}
		first = false
		name := field.Name
		if earlier := field.Tag.Get("record"); earlier != "" {
			name = earlier
		}
		if err := c.text(name, path); err != nil {
			return err
		}
		c.WriteByte(':')
		if err := c.value(v.Field(i), path+"."+field.Name, depth); err != nil {
			return err
		}
	}
	c.WriteByte('}')
	return nil
}

// omitsZero reports whether the tag has encoding/json's option omitzero.
func omitsZero(tag reflect.StructTag) bool {
	options := strings.Split(tag.Get("json"), ",")
	return slices.Contains(options[1:], "omitzero")
}

// text writes a string as JSON. JSON has only UTF-8, and would replace other
// bytes and so confuse strings.
func (c *canonical) text(s, path string) error {
	if !utf8.ValidString(s) {
		return fmt.Errorf("%s is %q, which is not UTF-8", path, s)
	}
	b, err := marshal(s)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	c.Write(b)
	return nil
}
