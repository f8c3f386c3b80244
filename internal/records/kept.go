package records

import (
	"fmt"
	"reflect"
)

// checkType reports a type of which JSON does not bring every value back, as far as the type
// tells: what is in interfaces shows once it is there, see [difference].
func checkType(t reflect.Type, path string, seen map[reflect.Type]bool) error {
	if seen[t] || marshalsItself(t) {
		return nil
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		return checkType(t.Elem(), path, seen)
	case reflect.Struct:
		for i := range t.NumField() {
			f := t.Field(i)
			inner := f.Anonymous && f.Type.Kind() == reflect.Struct // whose fields count
			switch {
			case f.Tag.Get("json") == "-":
				continue
			case !f.IsExported() && !inner:
				return fmt.Errorf(
					"%s (%s) has the unexported field %s, which JSON does not keep; return its "+
						"numbers in slices or exported fields", path, t, f.Name)
			}
			if err := checkType(f.Type, path+"."+f.Name, seen); err != nil {
				return err
			}
		}
	case reflect.Func, reflect.Chan, reflect.Complex64, reflect.Complex128, reflect.UnsafePointer:
		return fmt.Errorf("%s is a %s, which JSON does not keep", path, t)
	}
	return nil
}

func marshalsItself(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	return p.Implements(jsonMarshaler) || p.Implements(textMarshaler)
}

// difference says where b, which is a written as JSON and read again, is not a, or "". Empty
// slices and maps are nil ones, and fields with the tag json:"-" do not count.
func difference(a, b reflect.Value, path string) string {
	t := a.Type()
	if marshalsItself(t) && a.CanInterface() {
		x, y := reflect.New(t), reflect.New(t) // its method may be that of the pointer
		x.Elem().Set(a)
		y.Elem().Set(b)
		text, err := marshal(x.Interface())
		again, err2 := marshal(y.Interface())
		if err != nil || err2 != nil || !sameJSON(text, again) {
			return fmt.Sprintf("%s (%s) comes back as another", path, t)
		}
		return ""
	}
	differs := false
	switch t.Kind() {
	case reflect.Interface, reflect.Pointer:
		if a.IsNil() || b.IsNil() {
			differs = a.IsNil() != b.IsNil()
			break
		}
		if x, y := a.Elem().Type(), b.Elem().Type(); x != y {
			return fmt.Sprintf("%s is of type %s and comes back as %s", path, x, y)
		}
		return difference(a.Elem(), b.Elem(), path)
	case reflect.Slice, reflect.Array:
		if differs = a.Len() != b.Len(); differs {
			break
		}
		for i := range a.Len() {
			d := difference(a.Index(i), b.Index(i), fmt.Sprintf("%s[%d]", path, i))
			if d != "" {
				return d
			}
		}
	case reflect.Map:
		differs = a.Len() != b.Len()
		for _, key := range a.MapKeys() {
			v := b.MapIndex(key)
			if differs = differs || !v.IsValid(); differs {
				break
			}
			if d := difference(a.MapIndex(key), v, fmt.Sprintf("%s[%v]", path, key)); d != "" {
				return d
			}
		}
	case reflect.Struct:
		for i := range t.NumField() {
			f := t.Field(i)
			if f.Tag.Get("json") == "-" || !f.IsExported() && !f.Anonymous {
				continue
			}
			if d := difference(a.Field(i), b.Field(i), path+"."+f.Name); d != "" {
				return d
			}
		}
	default:
		differs = !a.Equal(b)
	}
	if differs {
		return fmt.Sprintf("%s, %v, comes back as %v", path, a, b)
	}
	return ""
}
