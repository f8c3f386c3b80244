//go:build unix

package hostile_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/kernelsmith/kernelsmith/internal/hostile"
	"github.com/kernelsmith/kernelsmith/internal/regular"
)

// recorder is a test of which the failures are kept.
type recorder struct {
	testing.TB
	failures []string
}

func (r *recorder) Errorf(format string, args ...any) {
	r.failures = append(r.failures, fmt.Sprintf(format, args...))
}
func (r *recorder) Error(args ...any) { r.failures = append(r.failures, fmt.Sprint(args...)) }
func (r *recorder) Failed() bool      { return len(r.failures) > 0 }

// kept is memory that is not optimized away.
var kept []byte

// A reader that does all passes, and one that does something less is found out.
func TestCheck(t *testing.T) {
	text := []byte("some text and another line of it")
	sum := sha256.Sum256(text)
	good := append(sum[:], text...)
	careful := func(path string) (any, error) {
		b, err := regular.Read(path, 1<<20)
		if err != nil {
			return nil, err
		}
		if len(b) < sha256.Size {
			return nil, errors.New(path + " is cut off")
		}
		if sum := sha256.Sum256(b[sha256.Size:]); !bytes.Equal(sum[:], b[:sha256.Size]) {
			return nil, errors.New(path + " is altered")
		}
		return string(b[sha256.Size:]), nil
	}
	for want, read := range map[string]func(path string) (any, error){
		"": careful,
		"turned: it is read": func(path string) (any, error) {
			b, err := regular.Read(path, 1<<20)
			if err == nil && len(b) < sha256.Size {
				err = errors.New(path + " is cut off")
			}
			return string(b), err
		},
		"panic": func(path string) (any, error) {
			b, err := regular.Read(path, 1<<20)
			if err == nil && len(b) == 0 {
				panic("no bytes")
			}
			return careful(path)
		},
		"the error does not name file": func(path string) (any, error) {
			v, err := careful(path)
			if err != nil {
				err = errors.New("something is wrong")
			}
			return v, err
		},
		"bytes of memory": func(path string) (any, error) {
			if info, err := os.Stat(path); err == nil && info.Size() == 0 {
				kept = make([]byte, 25<<20)
			}
			return careful(path)
		},
		"the folder has": func(path string) (any, error) {
			v, err := careful(path)
			return v, errors.Join(err, os.WriteFile(path+"2", []byte(fmt.Sprint(v)), 0o600))
		},
		"a pipe: it is opened": func(path string) (any, error) {
			if info, err := os.Stat(path); err == nil && info.Mode()&os.ModeNamedPipe != 0 {
				_, err := os.ReadFile(path)
				return nil, errors.Join(err, errors.New(path+" is read"))
			}
			return careful(path)
		},
	} {
		r := &recorder{TB: t}
		hostile.Reader{Name: "file", Good: good, Read: read}.Check(r)
		if found := strings.Join(r.failures, "\n"); want == "" && found != "" ||
			!strings.Contains(found, want) {
			t.Errorf("%q is not among the failures\n%.500s", want, found)
		}
	}
}
