//go:build unix

package train

import (
	"bytes"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kernelsmith/kernelsmith/internal/hostile"
)

func TestHostileCheckpoints(t *testing.T) {
	arrays := [][]float32{{1, 2, 3}, {}, make([]float32, 100)}
	h := checkpointHeader{Identity: "run", State: progressState{Steps: 3}}
	for _, a := range arrays {
		h.Arrays = append(h.Arrays, len(a))
	}
	file := func(h checkpointHeader) []byte {
		var b bytes.Buffer
		if err := writeCheckpoint(&b, h, arrays); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	other, huge := h, h
	other.Identity = "another run"
	huge.Arrays = []int{3, 0, 1 << 50}
	dir := hostile.Folder(t)
	c := &checkpoints{file: filepath.Join(dir, "net.checkpoint"), identity: "run"}
	hostile.Reader{Name: "net.checkpoint", Folder: dir, Good: file(h), Moves: true,
		Read: func(string) (any, error) {
			into := [][]float32{make([]float32, 3), {}, make([]float32, 100)}
			state, found, notes, err := c.load(into)
			switch {
			case err != nil:
				return nil, err
			case !found && len(notes) == 0:
				return nil, errors.New("a file that is there is taken for a missing one")
			case !found:
				return nil, errors.New(strings.Join(notes, "; "))
			}
			return []any{state, into}, nil
		},
		Bad: map[string][]byte{
			"of another run": file(other),
			"claims":         file(huge),
			"a long header":  []byte(checkpointMagic + "\xff\xff\xff\x0f\x00\x00\x00\x00{}"),
		},
	}.Check(t)
}
