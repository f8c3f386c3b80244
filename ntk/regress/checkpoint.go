package regress

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/kernelsmith/kernelsmith/internal/atomicfile"
	"github.com/kernelsmith/kernelsmith/internal/regular"
)

// checkpoint is what the file of an iteration holds, after its checksum: which problem it is of,
// and how far it is.
type checkpoint struct {
	Method        string
	Size, Outputs int
	Ridge         float64
	Targets       [sha256.Size]byte
	Probe         []float64
	State         iteration
}

// checkpointMagic begins the file, with the version of its format.
const checkpointMagic = "kernelsmith regression 1\n"

// write is atomicfile.Write, but in tests.
var write = atomicfile.Write

func (p *problem) checkpointOf(state *iteration) *checkpoint {
	h := sha256.New()
	// A hash does not fail.
	_ = binary.Write(h, binary.LittleEndian, p.targets)
	c := &checkpoint{Method: p.method, Size: p.size, Outputs: p.outputs, Ridge: p.ridge,
		Probe: p.probe}
	h.Sum(c.Targets[:0])
	if state != nil {
		c.State = *state
	}
	return c
}

// differs says in what a checkpoint is of another problem, "" if it is of this one. Values of the
// kernel may differ in their last bits, as they do between processors.
func (c *checkpoint) differs(from *checkpoint) string {
	near := func(a, b, size float64) bool { return math.Abs(a-b) <= 1e-6*size }
	switch {
	case c.Size != from.Size || c.Outputs != from.Outputs:
		return fmt.Sprintf("%d rows and %d outputs in place of %d and %d", c.Size, c.Outputs,
			from.Size, from.Outputs)
	case c.Targets != from.Targets:
		return "other targets"
	case !near(c.Ridge, from.Ridge, 1e-3*from.Ridge):
		return fmt.Sprintf("ridge %v in place of %v", c.Ridge, from.Ridge)
	case c.Method != from.Method:
		return fmt.Sprintf("method %q in place of %q", c.Method, from.Method)
	}
	size := 0.0
	for _, v := range from.Probe {
		size = math.Max(size, math.Abs(v))
	}
	for i, v := range from.Probe {
		if len(c.Probe) != len(from.Probe) || !near(v, c.Probe[i], size) {
			return "another kernel or other inputs"
		}
	}
	return ""
}

// load returns the state that the checkpoint holds, nil if there is none.
func (p *problem) load() (*iteration, error) {
	path := p.settings.Checkpoint
	if path == "" {
		return nil, nil
	}
	// For each target there are up to seven numbers, of nine bytes.
	b, err := regular.Read(path, 1<<20+64*int64(p.size)*int64(p.outputs))
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(filepath.Dir(path)); err != nil {
			return nil, fmt.Errorf("regress: no checkpoint can be written: %w", err)
		}
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("regress: checkpoint: %w", err)
	}
	head := len(checkpointMagic) + sha256.Size
	if len(b) < head || string(b[:len(checkpointMagic)]) != checkpointMagic {
		return nil, fmt.Errorf("regress: %s is no checkpoint; remove it or name another file", path)
	}
	var c checkpoint
	sum := sha256.Sum256(b[head:])
	if !bytes.Equal(b[len(checkpointMagic):head], sum[:]) ||
		gob.NewDecoder(bytes.NewReader(b[head:])).Decode(&c) != nil {
		return nil, damaged(path)
	}
	if what := c.differs(p.checkpointOf(nil)); what != "" {
		return nil, fmt.Errorf("regress: the checkpoint %s is of another problem, with %s; "+
			"remove it or name another file", path, what)
	}
	s, size := &c.State, p.size*p.outputs
	if len(s.X) != size || len(s.R) != size || s.P != nil && len(s.P) != size ||
		s.P != nil && len(s.RZ) != p.outputs {
		return nil, damaged(path)
	}
	return s, nil
}

func damaged(path string) error {
	return fmt.Errorf("regress: the checkpoint %s is damaged; remove it to begin anew", path)
}

// saveEvery is how long a state is not written after the last.
var saveEvery = 10 * time.Second

// keeper writes the states of an iteration. A state that cannot be written does not end it: it is
// told of if the iteration has no result.
type keeper struct {
	problem *problem
	last    time.Time
}

// sometimes writes the state if it is time to.
func (k *keeper) sometimes(state *iteration) {
	if time.Since(k.last) >= saveEvery {
		_ = k.save(state)
	}
}

// save writes the state.
func (k *keeper) save(state *iteration) error {
	path := k.problem.settings.Checkpoint
	if path == "" {
		return nil
	}
	var b bytes.Buffer
	err := gob.NewEncoder(&b).Encode(k.problem.checkpointOf(state))
	if err == nil {
		err = write(path, func(w io.Writer) error {
			sum := sha256.Sum256(b.Bytes())
			for _, part := range [][]byte{[]byte(checkpointMagic), sum[:], b.Bytes()} {
				if _, err := w.Write(part); err != nil {
					return err
				}
			}
			return nil
		})
	}
	k.last = time.Now()
	if err != nil {
		return fmt.Errorf("regress: the state of the iteration is not kept: %w", err)
	}
	return nil
}
