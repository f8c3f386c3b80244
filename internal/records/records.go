package records

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"time"

	"github.com/kernelsmith/kernelsmith/internal/atomicfile"
	"github.com/kernelsmith/kernelsmith/internal/regular"
)

// Folder is a folder of results of finished runs, one JSON file each, made to
// be read and compared by people too. A result is found only under the
// settings that produced it. Several processes may use a folder at once.
type Folder struct {
	dir string
}

// Error reports a record that is there but cannot be used. It is never
// taken for a missing one, since that would repeat, and then overwrite, what
// may be hours of work.
type Error struct {
	File    string
	Problem string
}

// Error implements error.
func (e *Error) Error() string {
	return fmt.Sprintf("records: record %s %s; delete the file to run again", e.File, e.Problem)
}

// Open opens the folder, making it when it is not there. It returns an
// error when it is not a folder or cannot be made; a folder without write
// permission can be opened and loaded from.
func Open(dir string) (*Folder, error) {
	if dir == "" {
		return nil, errors.New("records: records need the name of a folder")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("records: cannot make the folder for records: %w", err)
	}
	return &Folder{dir: dir}, nil
}

// Key identifies a run: a name for people and everything that determines the
// result. Its zero value identifies none.
type Key struct {
	name     string
	settings []byte // canonical JSON
}

var recordName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)

// KeyOf makes the key of a run. The name consists of letters, digits,
// points, hyphens and underscores. settings is any value made of exported
// fields; all that can change the result belongs in it: sizes, seeds, the
// fingerprint of the data, names of activations.
//
// Different settings have different keys: numbers enter with all their digits,
// values in interfaces with their type. Functions, channels, NaN and infinite
// values, and structs with unexported fields that do not marshal themselves
// are an error that names the field, since they cannot be told apart; a field
// with the tag json:"-" is left out. A field with the tag json:",omitzero" is
// left out where it is zero: so tagged, a setting added later, whose zero value
// means what was done before, leaves the keys of earlier runs as they are. A field that was
// renamed keeps its earlier name in keys by the tag record:"Earlier".
func KeyOf(name string, settings any) (Key, error) {
	if !recordName.MatchString(name) {
		return Key{}, fmt.Errorf(
			"records: %q cannot name a record; use at most 100 letters, digits, points, hyphens "+
				"and underscores, a letter or digit first", name)
	}
	b, err := canonicalJSON(settings)
	if err != nil {
		return Key{}, fmt.Errorf("records: settings of record %s: %w", name, err)
	}
	return Key{name: name, settings: b}, nil
}

// String returns the name, a hyphen and the first 16 hexadecimal digits of the
// SHA-256 of name and settings.
func (k Key) String() string {
	h := sha256.New()
	h.Write([]byte(k.name + "\n"))
	h.Write(k.settings)
	return k.name + "-" + hex.EncodeToString(h.Sum(nil))[:16]
}

// Path returns the file that holds the record of the key.
func (r *Folder) Path(key Key) string {
	return filepath.Join(r.dir, key.String()+".json")
}

// recordFile is the content of a record's file. Sum is over the compact
// settings and value and shows damage that leaves the JSON valid.
type recordFile struct {
	Name     string          `json:"name"`
	Settings json.RawMessage `json:"settings"`
	Value    json.RawMessage `json:"value"`
	Sum      string          `json:"sha256"`
}

func recordSum(name string, settings, value []byte) string {
	h := sha256.New()
	for _, b := range [][]byte{[]byte(name), settings, value} {
		h.Write(b)
		h.Write([]byte{'\n'})
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Save writes value as the record of key, replacing an earlier one. value is
// anything encoding/json writes; float64 values come back from Load bit for
// bit. The file appears whole or not at all. It returns an error when the
// value cannot be written as JSON (NaN and infinite values cannot) or comes back
// from it as another (unexported fields, an int in an interface), or the file
// cannot be written.
func (r *Folder) Save(key Key, value any) error {
	text, err := encode(key, value)
	if err != nil {
		return err
	}
	if err := atomicfile.WriteBytes(r.Path(key), text); err != nil {
		return fmt.Errorf("records: %w", err)
	}
	return nil
}

// encode returns what the file of a record holds.
func encode(key Key, value any) ([]byte, error) {
	if key.name == "" {
		return nil, errors.New("records: the zero Key has no record; make one with KeyOf")
	}
	v, err := marshal(value)
	if err != nil {
		var unsupported *json.UnsupportedValueError
		if errors.As(err, &unsupported) {
			return nil, fmt.Errorf(
				"records: record %s: the value holds %s, which JSON cannot; save finite numbers",
				key, unsupported.Str)
		}
		return nil, fmt.Errorf("records: record %s: %w", key, err)
	}
	if err := comesBack(value, v); err != nil {
		return nil, fmt.Errorf("records: record %s: %w", key, err)
	}
	b, err := marshal(
		recordFile{
			Name:     key.name,
			Settings: key.settings,
			Value:    v,
			Sum:      recordSum(key.name, key.settings, v),
		},
	)
	if err != nil {
		return nil, fmt.Errorf("records: record %s: %w", key, err)
	}
	var text bytes.Buffer
	if err := json.Indent(&text, b, "", "  "); err != nil {
		return nil, fmt.Errorf("records: record %s: %w", key, err)
	}
	text.WriteByte('\n')
	return text.Bytes(), nil
}

// comesBack reports a value that is another once it is read again from its JSON.
func comesBack(value any, text []byte) error {
	if value == nil {
		return nil
	}
	v := reflect.ValueOf(value)
	if err := checkType(v.Type(), "the value", map[reflect.Type]bool{}); err != nil {
		return err
	}
	again := reflect.New(v.Type())
	if err := json.Unmarshal(text, again.Interface()); err != nil {
		return fmt.Errorf("the value, a %T, cannot be read again from its JSON: %w", value, err)
	}
	if d := difference(v, again.Elem(), "the value"); d != "" {
		return fmt.Errorf("JSON does not keep all of the result: %s", d)
	}
	return nil
}

// mostBytes is far more than any record has.
const mostBytes = 1 << 30

// Load reads the record of key into value, a non-nil pointer to the type that
// was saved. It returns false when there is none. It returns a *Error,
// and leaves value as it is, when the file is truncated or altered, when its
// settings are not the key's, or when the saved value does not fit the type
// exactly, as after a field was added or renamed.
func (r *Folder) Load(key Key, value any) (found bool, err error) {
	if key.name == "" {
		return false, errors.New("records: the zero Key has no record; make one with KeyOf")
	}
	target := reflect.ValueOf(value)
	if target.Kind() != reflect.Pointer || target.IsNil() {
		return false, fmt.Errorf("records: record %s: Load needs a non-nil pointer, not %T", key,
			value)
	}
	path := r.Path(key)
	b, err := regular.Read(path, mostBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("records: cannot read the record: %w", err)
	}
	fail := func(problem string, args ...any) (bool, error) {
		return false, &Error{File: path, Problem: fmt.Sprintf(problem, args...)}
	}
	var file recordFile
	if err := json.Unmarshal(b, &file); err != nil {
		return fail("is truncated or altered (%v)", err)
	}
	settings, value1 := compact(file.Settings), compact(file.Value)
	if file.Sum != recordSum(file.Name, settings, value1) {
		return fail("is truncated or altered (its sha256 does not match its contents)")
	}
	if file.Name != key.name || !bytes.Equal(settings, key.settings) {
		return fail("holds other settings than those asked for")
	}
	fresh := reflect.New(target.Type().Elem())
	if err := json.Unmarshal(value1, fresh.Interface()); err != nil {
		return fail("does not fit %T (%v)", value, err)
	}
	again, err := marshal(fresh.Interface())
	if err != nil {
		return fail("does not fit %T (%v)", value, err)
	}
	if !sameJSON(value1, again) {
		return fail("was saved from another form of %T", value)
	}
	target.Elem().Set(fresh.Elem())
	return true, nil
}

// Remember returns the record of the settings if there is one, and otherwise
// calls run and saves what it returns. A run that fails is not saved, and its
// result is returned with its error. That a record can be written, and that JSON
// keeps results of this type, is tried before the run, which may take hours, and
// not only after it. name and settings make the key; see [KeyOf].
//
// Processes may make one record at once. The first to finish saves it, and all
// return what it saved: the others in place of their own result, or of an error
// of their run, since what it kept on its way may have been removed.
func Remember[T any](r *Folder, name string, settings any, run func() (T, error)) (T, error) {
	return RememberResumable(r, name, settings, func(string) (T, error) { return run() })
}

// RememberResumable is [Remember] for a run that goes on where it was
// interrupted. run is given the path of a folder that is the record's own,
// checkpoints/KEY in the folder of records, for what it keeps on its way; names
// that begin with ".running-" in it are taken. The folder stays when run fails
// or is killed, if there is something in it, and is removed when the record is
// there. What cannot be removed then, because another process is writing it,
// say, is no error: the next call tries again.
func RememberResumable[T any](
	r *Folder, name string, settings any, run func(folder string) (T, error),
) (T, error) {
	var value T
	key, err := KeyOf(name, settings)
	if err != nil {
		return value, err
	}
	if err := checkType(reflect.TypeFor[T](), "the result", map[reflect.Type]bool{}); err != nil {
		return value, fmt.Errorf("records: record %s: %w", name, err)
	}
	found, err := r.Load(key, &value)
	if err != nil {
		return value, err
	}
	if found {
		r.tidy(key)
		return value, nil
	}
	if err := r.probe(); err != nil {
		return value, err
	}
	value, err = finish(r, key, run)
	if err != nil {
		// Another process may have the record by now.
		var theirs T
		found, damage := r.Load(key, &theirs)
		if damage != nil {
			return value, errors.Join(err, damage)
		}
		if !found {
			return value, err
		}
		value = theirs
	}
	r.tidy(key)
	return value, nil
}

// finish calls run and saves what it returns. It is an error if there is a record by then.
func finish[T any](r *Folder, key Key, run func(folder string) (T, error)) (value T, err error) {
	folder := r.checkpoints(key)
	running, err := enter(folder)
	if err != nil {
		return value, fmt.Errorf("records: no folder for what a run keeps on its way: %w", err)
	}
	defer func() {
		os.Remove(running)
		if err != nil {
			os.Remove(folder) // if it is empty, and no other process runs in it
			os.Remove(filepath.Dir(folder))
		}
	}()
	if value, err = run(folder); err != nil {
		return value, err
	}
	text, err := encode(key, &value)
	if err != nil {
		return value, err
	}
	if err := atomicfile.WriteNew(r.Path(key), text); err != nil {
		return value, fmt.Errorf("records: %w", err)
	}
	return value, nil
}

// checkpoints returns the folder for what the run of a key keeps on its way.
func (r *Folder) checkpoints(key Key) string {
	return filepath.Join(r.dir, "checkpoints", key.String())
}

// enter makes a folder and a file in it, whose name it returns: as long as that is there,
// processes whose runs fail do not take the folder for an empty one.
func enter(folder string) (running string, err error) {
	// Others may remove the folder, or the one above, between its making and that of the file.
	for wait := time.Microsecond; wait < time.Second; wait *= 2 {
		if err = os.MkdirAll(folder, 0o755); err == nil {
			var f *os.File
			if f, err = os.CreateTemp(folder, ".running-*"); err == nil {
				return f.Name(), f.Close()
			}
		}
		if !errors.Is(err, fs.ErrNotExist) {
			break
		}
		time.Sleep(wait)
	}
	return "", err
}

// removeAll is os.RemoveAll, but in tests.
var removeAll = os.RemoveAll

// tidy removes what is of no use once the record of a key is there, as far as it can: the
// folder of its checkpoints, and what processes left that were killed while they wrote. What
// is less than an hour old of the latter may be in use.
func (r *Folder) tidy(key Key) {
	folder := r.checkpoints(key)
	_ = removeAll(folder)
	os.Remove(filepath.Dir(folder)) // if it is empty
	entries, _ := os.ReadDir(r.dir)
	for _, e := range entries {
		part := strings.HasPrefix(e.Name(), "."+key.String()+".json.") &&
			strings.HasSuffix(e.Name(), ".tmp")
		if !part && !strings.HasPrefix(e.Name(), probeName) {
			continue
		}
		if info, err := e.Info(); err == nil && time.Since(info.ModTime()) > time.Hour {
			os.Remove(filepath.Join(r.dir, e.Name()))
		}
	}
}

const probeName = ".probe-"

// probe writes and removes a file of the size of a large record.
func (r *Folder) probe() error {
	f, err := os.CreateTemp(r.dir, probeName+"*")
	if err == nil {
		_, err = f.Write(make([]byte, 64<<10))
		err = errors.Join(err, f.Close(), os.Remove(f.Name()))
	}
	if err != nil {
		return fmt.Errorf("records: a record could not be kept, so the run was not started: %w",
			err)
	}
	return nil
}

// marshal is json.Marshal without escaping <, > and &.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// compact returns valid JSON without white space, or nothing for a missing one.
func compact(raw json.RawMessage) []byte {
	var b bytes.Buffer
	if json.Compact(&b, raw) != nil {
		return nil
	}
	return b.Bytes()
}

// sameJSON compares two texts up to the order of object members.
func sameJSON(a, b []byte) bool {
	decode := func(text []byte) (v any, err error) {
		d := json.NewDecoder(bytes.NewReader(text))
		d.UseNumber()
		err = d.Decode(&v)
		return v, err
	}
	x, errX := decode(a)
	y, errY := decode(b)
	return errX == nil && errY == nil && reflect.DeepEqual(x, y)
}
